// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_fields.h"

#include <string.h>

struct field {
	const char *name;
	const char *label; /* what stands before it where there is no NAME= */
	bool hex;	   /* and the number behind that may lack its 0x */
};

struct kind {
	const char *system, *name;
	const char *fields[RS_FTRACE_MAX_FIELDS + 1];
};

#define PROBE(sym, event, ...) [RS_PROBE_##sym] = { RS_PROBE_GROUP, event, { __VA_ARGS__ } },
#define KVM(event, ...)                   \
	{                                 \
		"kvm", event,             \
		{                         \
			__VA_ARGS__, NULL \
		}                         \
	}

static const struct kind kinds[RS_FTRACE_NR_KINDS] = {
	[RS_FTRACE_PAGE_FAULT] = KVM("kvm_page_fault", "vcpu_id", "fault_address"),
	[RS_FTRACE_UNMAP_HVA] = KVM("kvm_unmap_hva_range", "start", "end"),
	[RS_FTRACE_ENTRY] = KVM("kvm_entry", "vcpu_id"),
	[RS_FTRACE_ASYNC_TRY] = KVM("kvm_try_async_get_page", NULL),
	[RS_FTRACE_ASYNC_NOT_PRESENT] = KVM("kvm_async_pf_not_present", NULL),
	[RS_FTRACE_ASYNC_REPEATED] = KVM("kvm_async_pf_repeated_fault", NULL),
	[RS_FTRACE_MARKER] = { "ftrace", "print", { NULL } },
	RS_PROBE_EVENTS(PROBE)
};

/* How KVM's own tracepoints print theirs. */
static const struct field labelled[] = {
	{ "vcpu_id", "vcpu", false },
	{ "fault_address", "address", true },
	{ "start", "range:", true },
	{ "end", "--", true },
};

/* Kernels have them or not (capture/points.c); vcpu_id: from 5.19 on. */
static const char *const optional[] = { "reason",  "error",   "hva", "filter",
					"private", "vcpu_id", "pid" };

const char *rs_ftrace_kind_name(unsigned int kind)
{
	return kinds[kind].name;
}

const char *rs_ftrace_kind_system(unsigned int kind)
{
	return kinds[kind].system;
}

const char *rs_ftrace_field_name(unsigned int kind, unsigned int i)
{
	return kinds[kind].fields[i];
}

uint32_t rs_ftrace_optional(unsigned int kind)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; kinds[kind].fields[i]; i++)
		for (size_t k = 0; k < sizeof(optional) / sizeof(optional[0]); k++)
			if (!strcmp(kinds[kind].fields[i], optional[k]))
				bits |= 1U << i;
	return bits;
}

uint32_t rs_ftrace_all(unsigned int kind)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; kinds[kind].fields[i]; i++)
		bits |= 1U << i;
	return bits;
}

/* Recorders have groups of their own: "retryscope_PID". */
static bool is_system(struct rs_ftrace_piece system, const char *wanted)
{
	static const char group[] = RS_PROBE_GROUP;
	const size_t len = strlen(group);

	if (!system.len || strcmp(wanted, group) || system.len <= len)
		return !system.len || rs_ftrace_is(system, wanted);
	if (memcmp(system.p, group, len) || system.p[len] != '_')
		return false;
	for (size_t i = len + 1; i < system.len; i++)
		if (system.p[i] < '0' || system.p[i] > '9')
			return false;
	return system.len > len + 1;
}

unsigned int rs_ftrace_kind_of(const struct rs_ftrace_line *l)
{
	unsigned int i;

	/* tracefs gives markers the name of their own. */
	if (rs_ftrace_is(l->event, "tracing_mark_write"))
		return RS_FTRACE_MARKER;
	for (i = 0; i < RS_FTRACE_NR_KINDS; i++)
		if (rs_ftrace_is(l->event, kinds[i].name) && is_system(l->system, kinds[i].system))
			break;
	return i;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct rs_ftrace_piece w, uint64_t *to)
{
	uint64_t v = 0;

	for (size_t i = 0; i < w.len; i++) {
		const int digit = hex_digit(w.p[i]);

		if (digit < 0 || v >> 60)
			return false;
		v = v << 4 | (uint64_t)digit;
	}
	*to = v;
	return w.len > 0;
}

/* "12", "-12" (in two's complement), "0x12"; @hex: also "12" for the last. */
static bool read_number(struct rs_ftrace_piece w, bool hex, uint64_t *to)
{
	const char *p = w.p, *const end = w.p + w.len;
	const bool minus = w.len && *p == '-';
	uint64_t v;

	if (w.len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		return read_hex((struct rs_ftrace_piece){ p + 2, w.len - 2 }, to);
	if (hex)
		return read_hex(w, to);
	p += minus;
	if (!rs_ftrace_number(&p, end, &v) || p != end || (minus && v > 1ULL << 63))
		return false;
	*to = minus ? 0 - v : v;
	return true;
}

/* The next word; what stands behind a number in a sentence is not part of it. */
static bool next_word(const char **p, const char *end, struct rs_ftrace_piece *w)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		++*p;
	w->p = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		++*p;
	w->len = (size_t)(*p - w->p);
	if (!w->len)
		return false;
	if (w->p[w->len - 1] == ',')
		w->len--;
	return true;
}

static const struct field *find_label(const char *name)
{
	for (size_t i = 0; i < sizeof(labelled) / sizeof(labelled[0]); i++)
		if (!strcmp(labelled[i].name, name))
			return &labelled[i];
	return NULL;
}

/* The field of @k that @w names by NAME= (then *@value is what follows) or by its label. */
static unsigned int field_of(const struct kind *k, struct rs_ftrace_piece w, unsigned int guess,
			     const char **value, const struct field **label)
{
	const char *equal = memchr(w.p, '=', w.len);
	const struct rs_ftrace_piece name = { w.p, equal ? (size_t)(equal - w.p) : w.len };

	*value = equal ? equal + 1 : NULL;
	*label = NULL;
	if (equal && k->fields[guess] && rs_ftrace_is(name, k->fields[guess]))
		return guess;
	for (unsigned int i = 0; k->fields[i]; i++) {
		if (equal && rs_ftrace_is(name, k->fields[i]))
			return i;
		*label = equal ? NULL : find_label(k->fields[i]);
		if (*label && rs_ftrace_is(name, (*label)->label))
			return i;
	}
	return RS_FTRACE_MAX_FIELDS;
}

uint32_t rs_ftrace_fields(unsigned int kind, struct rs_ftrace_piece rest,
			  uint64_t v[RS_FTRACE_MAX_FIELDS])
{
	const struct kind *k = &kinds[kind];
	const char *p = rest.p, *const end = rest.p + rest.len;
	struct rs_ftrace_piece w;
	unsigned int guess = 0;
	uint32_t have = 0;

	memset(v, 0, RS_FTRACE_MAX_FIELDS * sizeof(*v));
	while (k->fields[0] && next_word(&p, end, &w)) {
		const struct field *label;
		const char *value;
		const unsigned int i = field_of(k, w, guess, &value, &label);

		if (i == RS_FTRACE_MAX_FIELDS || have & 1U << i)
			continue;
		if (value)
			w = (struct rs_ftrace_piece){ value, (size_t)(w.p + w.len - value) };
		else if (!next_word(&p, end, &w))
			break;
		if (!read_number(w, label && label->hex, &v[i]))
			continue;
		have |= 1U << i;
		guess = i + 1;
	}
	return have;
}

struct rs_ftrace_piece rs_ftrace_marker(const struct rs_ftrace_line *l)
{
	static const char marker[] = RS_FACT_MARKER " ";
	const char *at = memmem(l->rest.p, l->rest.len, marker, sizeof(marker) - 1);

	return at ? (struct rs_ftrace_piece){ at, (size_t)(l->rest.p + l->rest.len - at) }
		  : (struct rs_ftrace_piece){ l->rest.p, 0 };
}
