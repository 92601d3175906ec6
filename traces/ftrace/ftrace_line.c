// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_line.h"

#include <string.h>

#include "traces/dat/probe_events.h"

/*
 * All these lines have TASK CPU TIME: EVENT, but the task may have any name. So a line is
 * read from the time backwards. A task's name has at most 15 bytes: too few for another
 * PID, CPU and time in it.
 *
 *	     qemu-1234    [002]   12345.678901: fault: ...	trace-cmd, tracefs before 2.6.39
 *	     qemu-1234    [002] d..2. 12345.678901: fault: ...	tracefs
 *	     qemu-1234    (   1230) [002] d..2. 12345.678901: fault: ...	and its record-tgid
 *	guest:     qemu-1234    [002]   12345.678901: fault: ...	trace-cmd, of an instance
 *	     qemu-1234      2d..2. 12345.678901: fault: ...	trace-cmd report -l
 *	     qemu-1234      2-0x0  12345.678901: fault: ...	trace-cmd report -l -R
 *	     qemu-1234      2d..2.  217us+: fault: ...		tracefs, latency-format
 *	     qemu-1234    [002]   12345.678901: (+90)  fault: ...	trace-cmd report --ts-diff
 *	CPU 0/KVM  1230/1234 [002] 12345.678901:   kvm:kvm_entry: ...	perf script
 *	 1234 [002] 12345.678901:   kvm:kvm_entry: ...		and its -F without comm
 */

/* The time's colon is not farther from the begin of the line. */
#define MAX_HEAD 256
/* Of a task, without what ends it. */
#define MAX_COMM 15

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

bool rs_ftrace_is(struct rs_ftrace_piece piece, const char *word)
{
	return piece.len == strlen(word) && !memcmp(piece.p, word, piece.len);
}

bool rs_ftrace_starts(const char *p, const char *end, const char *word)
{
	const size_t len = strlen(word);

	return (size_t)(end - p) >= len && !memcmp(p, word, len);
}

bool rs_ftrace_number(const char **p, const char *end, uint64_t *to)
{
	const char *at = *p;
	uint64_t v = 0;

	for (; at < end && is_digit(*at); at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return false;
	if (at == *p)
		return false;
	*p = at;
	*to = v;
	return true;
}

static bool number_of(const char *p, const char *end, uint64_t max, uint64_t *to)
{
	return rs_ftrace_number(&p, end, to) && p == end && *to <= max;
}

static const char *skip_spaces(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* Where the word begins that ends at @end. */
static const char *word_before(const char *begin, const char *end)
{
	while (end > begin && !is_space(end[-1]))
		end--;
	return end;
}

static const char *spaces_before(const char *begin, const char *end)
{
	while (end > begin && is_space(end[-1]))
		end--;
	return end;
}

/* "12345.678901" or, of other clocks, "12345". Some languages have a comma for the point. */
static bool take_seconds(const char *p, const char *end, struct rs_ftrace_line *to)
{
	const char *point = memchr(p, '.', (size_t)(end - p));
	uint64_t s, part;

	if (!point)
		point = memchr(p, ',', (size_t)(end - p));

	to->unit_ns = 0;
	if (!point)
		return number_of(p, end, UINT64_MAX, &to->time);
	if (end - point < 2 || end - point > 10 || !number_of(p, point, UINT64_MAX, &s) ||
	    !number_of(point + 1, end, UINT64_MAX, &part))
		return false;
	to->unit_ns = 1;
	for (long digits = end - point - 1; digits < 9; digits++)
		to->unit_ns *= 10;
	return !__builtin_mul_overflow(s, 1000000000ULL, &to->time) &&
	       !__builtin_add_overflow(to->time, part * to->unit_ns, &to->time);
}

/* The time whose colon is at @colon; where it begins, NULL if that is none. */
static const char *take_time(const char *begin, const char *colon, struct rs_ftrace_line *to)
{
	const char *end = colon, *p;

	/* Latency format: "217us", "217us+", "217us " */
	if (end > begin && strchr("+!#*@$ ", end[-1]))
		end--;
	if (end - begin > 2 && end[-1] == 's' && end[-2] == 'u') {
		p = word_before(begin, end);
		to->unit_ns = 1000;
		return number_of(p, end - 2, UINT64_MAX / 1000, &to->time) &&
				       (to->time *= 1000, true)
			       ? p
			       : NULL;
	}
	if (end != colon)
		return NULL;
	p = word_before(begin, end);
	return take_seconds(p, end, to) ? p : NULL;
}

static bool is_flags(const char *p, const char *end)
{
	if (end - p < 3 || end - p > 8)
		return false;
	for (; p < end; p++)
		if (!is_digit(*p) && !is_letter(*p) && *p != '.' && *p != '#')
			return false;
	return true;
}

/* "[002]", perhaps with flags behind it, before @end; where it begins, or NULL. */
static const char *take_cpu(const char *begin, const char *end, struct rs_ftrace_line *to)
{
	const char *p = word_before(begin, end);
	uint64_t cpu;

	if (p < end && end[-1] != ']' && is_flags(p, end)) {
		end = spaces_before(begin, p);
		p = word_before(begin, end);
	}
	if (end - p < 5 || *p != '[' || end[-1] != ']' ||
	    !number_of(p + 1, end - 1, UINT16_MAX, &cpu))
		return NULL;
	to->cpu = (uint32_t)cpu;
	return p;
}

/* "-0x1f" */
static bool is_hex_flags(const char *p, const char *end)
{
	if (!rs_ftrace_starts(p, end, "-0x") || end - p == 3)
		return false;
	for (p += 3; p < end && (is_digit(*p) || (*p >= 'a' && *p <= 'f')); p++)
		;
	return p == end;
}

/* "2d..2.", "2-0x1" */
static const char *take_latency_cpu(const char *begin, const char *end, struct rs_ftrace_line *to)
{
	const char *p = word_before(begin, end), *flags = p;
	uint64_t cpu;

	if (!rs_ftrace_number(&flags, end, &cpu) || cpu > UINT16_MAX ||
	    (!is_flags(flags, end) && !is_hex_flags(flags, end)))
		return NULL;
	to->cpu = (uint32_t)cpu;
	return p;
}

/* Mails have the marks of what is quoted before it. */
static const char *skip_quotes(const char *p, const char *end)
{
	const char *at = skip_spaces(p, end);

	if (at == end || *at != '>')
		return at;
	while (at < end && (is_space(*at) || *at == '>'))
		at++;
	return at;
}

/*
 * A task's name, perhaps with the name of an instance before it: then it is longer than a
 * name can be, since trace-cmd makes it 16 wide.
 */
static bool take_comm(const char *begin, const char *end, struct rs_ftrace_line *to)
{
	const char *colon = NULL;

	begin = skip_quotes(begin, end);
	if (end - begin > MAX_COMM)
		colon = memmem(begin, (size_t)(end - begin), ": ", 2);
	to->buffer = (struct rs_ftrace_piece){ begin, colon ? (size_t)(colon - begin) : 0 };
	if (colon)
		begin = skip_spaces(colon + 1, end);
	to->comm = (struct rs_ftrace_piece){ begin, (size_t)(end - begin) };
	return to->comm.len > 0;
}

/* The task that ends at @end: "qemu-1234", "qemu-1234 (1230)", "qemu 1234", "qemu 1230/1234". */
static bool take_task(const char *begin, const char *end, struct rs_ftrace_line *to)
{
	const char *p = spaces_before(begin, end), *digits;
	uint64_t pid;

	if (p > begin && p[-1] == ')') {
		while (p > begin && *p != '(')
			p--;
		p = spaces_before(begin, p);
	}
	for (digits = p; digits > begin && is_digit(digits[-1]);)
		digits--;
	if (!number_of(digits, p, INT32_MAX, &pid))
		return false;
	to->pid = (uint32_t)pid;
	if (digits == skip_quotes(begin, p)) {
		to->buffer = to->comm = (struct rs_ftrace_piece){ digits, 0 };
		return true;
	}
	p = digits - 1;
	if (*p == '/') {
		for (digits = p; digits > begin && is_digit(digits[-1]);)
			digits--;
		if (digits == p || digits == begin || !is_space(digits[-1]))
			return false;
		p = digits - 1;
	}
	if (*p != '-' && !is_space(*p))
		return false;
	if (*p == '-' && (p == begin || is_space(p[-1])))
		return false; /* perf's -1: it is not known whose event it is */
	return take_comm(begin, spaces_before(begin, p), to);
}

static const char *name_end(const char *p, const char *end)
{
	while (p < end && (is_digit(*p) || is_letter(*p) || *p == '_' || *p == '.' || *p == '-'))
		p++;
	return p;
}

/* trace-cmd may say how much later it is than the event before: "(+90) ". */
static const char *skip_difference(const char *p, const char *end)
{
	const char *at = p + 1;

	if (p == end || *p != '(')
		return p;
	while (at < end && (is_digit(*at) || *at == '+' || *at == '-'))
		at++;
	return at > p + 1 && at < end && *at == ')' ? skip_spaces(at + 1, end) : p;
}

/* "fault: ...", "kvm:kvm_entry: ...", perf's "PERF_RECORD_LOST lost 3" */
static bool take_event(const char *p, const char *end, struct rs_ftrace_line *to)
{
	const char *e, *count;

	p = skip_difference(skip_spaces(p, end), end);
	/* perf may say the sample's period first. */
	for (count = p; count < end && is_digit(*count);)
		count++;
	if (count > p && count < end && is_space(*count))
		p = skip_spaces(count, end);
	e = name_end(p, end);
	to->system = (struct rs_ftrace_piece){ p, 0 };
	to->event = (struct rs_ftrace_piece){ p, (size_t)(e - p) };
	to->rest = (struct rs_ftrace_piece){ e, (size_t)(end - e) };
	if (e == p || rs_ftrace_starts(p, e, "PERF_RECORD_LOST"))
		return e != p;
	if (e == end || *e != ':')
		return false;
	p = e + 1;
	e = name_end(p, end);
	if (e > p && e < end && *e == ':') {
		to->system = to->event;
		to->event = (struct rs_ftrace_piece){ p, (size_t)(e - p) };
		p = e + 1;
	}
	p = skip_spaces(p, end);
	to->rest = (struct rs_ftrace_piece){ p, (size_t)(end - p) };
	return true;
}

bool rs_ftrace_line_parse(const char *p, size_t len, struct rs_ftrace_line *to)
{
	const char *const end = p + len, *const head = p + (len < MAX_HEAD ? len : MAX_HEAD);

	for (int latency = 0; latency < 2; latency++)
		for (const char *colon = p; (colon = memchr(colon, ':', (size_t)(head - colon)));
		     colon++) {
			const char *at = take_time(p, colon, to);

			if (!at || at == p)
				continue;
			at = spaces_before(p, at);
			at = latency ? take_latency_cpu(p, at, to) : take_cpu(p, at, to);
			if (at && at > p && take_task(p, at, to))
				return take_event(colon + 1, end, to);
		}
	return false;
}

/* perf has "kvm:kvm_exit: " or "retryscope:fault: "; others have no group, but a name. */
bool rs_ftrace_line_is_bare(struct rs_ftrace_piece line)
{
	const char *p = line.p, *const end = p + line.len;
	struct rs_ftrace_line l;

	for (; p < end; p = skip_spaces(p, end)) {
		if (take_event(p, end, &l) && l.rest.p > p &&
		    (rs_ftrace_is(l.system, "kvm") ||
		     rs_ftrace_starts(l.system.p, l.system.p + l.system.len, RS_PROBE_GROUP) ||
		     rs_ftrace_starts(l.event.p, l.event.p + l.event.len, "kvm_")))
			return true;
		while (p < end && !is_space(*p))
			p++;
	}
	return false;
}

/* "[LOST 3 EVENTS]", "[LOST EVENTS]", trace-cmd's "[3 EVENTS DROPPED]" */
static bool take_lost(const char *p, const char *end, uint64_t *n)
{
	const bool lost = rs_ftrace_starts(p, end, "LOST ");

	*n = UINT64_MAX;
	if (lost)
		p += 5;
	if (p < end && is_digit(*p) && (!rs_ftrace_number(&p, end, n) || p == end || *p++ != ' '))
		return false;
	return rs_ftrace_starts(p, end, lost ? "EVENTS]" : "EVENTS DROPPED]");
}

bool rs_ftrace_line_lost(const char *p, size_t len, uint32_t *cpu, uint64_t *n)
{
	const char *const end = p + (len < MAX_HEAD ? len : MAX_HEAD);
	uint64_t number;

	*cpu = RS_FTRACE_ANY_CPU;
	p = skip_quotes(p, end);
	if (rs_ftrace_starts(p, end, "CPU:")) {
		p += 4;
		if (!rs_ftrace_number(&p, end, &number) || number > UINT16_MAX)
			return false;
		*cpu = (uint32_t)number;
		p = skip_spaces(p, end);
	}
	return p < end && *p == '[' && take_lost(p + 1, end, n);
}
