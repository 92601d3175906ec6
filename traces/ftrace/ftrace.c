// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/outfile.h"
#include "traces/dat/dat.h"
#include "traces/ftrace/ftrace_file.h"
#include "traces/ftrace/ftrace_lines.h"
#include "traces/ftrace/ftrace_tasks.h"

/* More than any kernel is built for. */
#define MAX_ROWS 8192
#define NO_ROW UINT16_MAX
/* Lines between two looks at whether to stop. */
#define PROGRESS_LINES 16384

/*
 * The text is read three times: what events and fields there are, how many pages they take,
 * and then into those.
 */
enum pass { PASS_LOOK, PASS_COUNT, PASS_WRITE };

struct translation {
	const struct rs_reader_opts *opts;
	struct rs_trace_meta *meta;
	struct rs_source *src;
	struct rs_ftrace_lines lines;
	struct rs_ftrace_head head;
	struct rs_ftrace_pages pages;
	struct rs_ftrace_tasks tasks;
	enum pass pass;
	uint16_t row_of[UINT16_MAX + 1]; /* by CPU; NO_ROW: nothing of it is of use */
	uint32_t unit_ns;		 /* the largest that a time is printed in */
	bool seconds, cycles;		 /* there are times with a unit, without */
	char entries[64];		 /* what the ring buffer said of itself */
	uint64_t last_time, same_time;
	uint64_t lost_any; /* before the next event, whatever its CPU */
	uint64_t nr_other, nr_damaged;
};

static bool is_head(struct rs_ftrace_piece line)
{
	const char *p = line.p, *const end = p + line.len;

	return rs_ftrace_starts(p, end, "# tracer:") || rs_ftrace_starts(p, end, "cpus=") ||
	       rs_ftrace_starts(p, end, "# captured on");
}

static bool is_event(struct rs_ftrace_piece line)
{
	struct rs_ftrace_line l;

	return is_head(line) || rs_ftrace_line_parse(line.p, line.len, &l);
}

static bool has_line(const unsigned char *head, size_t len, bool (*is)(struct rs_ftrace_piece))
{
	const char *p = (const char *)head, *const end = p + len;
	const char *newline;

	for (; (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1)
		if (is((struct rs_ftrace_piece){ p, (size_t)(newline - p) }))
			return true;
	return false;
}

static bool probe(const unsigned char *head, size_t len)
{
	return has_line(head, len, is_event);
}

const char *rs_ftrace_lacks(const unsigned char *head, size_t len)
{
	if (!has_line(head, len, rs_ftrace_line_is_bare))
		return NULL;
	return "has events of KVM, but not the thread, the CPU and the time of each: "
	       "'perf script --ns -F comm,tid,cpu,time,event,trace' or 'trace-cmd report -t' "
	       "prints them";
}

/* ---- what there is ---- */

/* The word behind @what in a comment, if it can be a kernel's release. */
static void take_release(struct translation *t, struct rs_ftrace_piece line, const char *what)
{
	const char *p = memmem(line.p, line.len, what, strlen(what));
	const char *const end = line.p + line.len;
	size_t n = 0;

	if (!p || t->head.release[0])
		return;
	p += strlen(what);
	while (p + n < end && p[n] > ' ' && p[n] <= '~')
		n++;
	if (n < sizeof(t->head.release))
		memcpy(t->head.release, p, n);
}

static void take_comment(struct translation *t, struct rs_ftrace_piece line)
{
	static const char entries[] = "# entries-in-buffer/entries-written: ";
	const char *p = line.p, *const end = p + line.len;
	uint64_t in, written;

	take_release(t, line, "# os release : ");
	take_release(t, line, " latency trace v1.1.5 on ");
	if (!rs_ftrace_starts(p, end, entries))
		return;
	p += strlen(entries);
	if (!rs_ftrace_number(&p, end, &in) || p == end || *p++ != '/' ||
	    !rs_ftrace_number(&p, end, &written))
		return;
	snprintf(t->entries, sizeof(t->entries), "%" PRIu64 " of %" PRIu64 " written", in, written);
}

/* Which of our probes' groups, as far as that is said. RS_FTRACE_GROUPS: one too many. */
static unsigned int group_of(struct translation *t, const struct rs_ftrace_line *l,
			     unsigned int kind)
{
	struct rs_ftrace_head *h = &t->head;
	struct rs_ftrace_piece group = l->system.len ? l->system : l->buffer;
	unsigned int i;

	if (kind >= RS_NR_PROBE_EVENTS)
		return 0;
	if (group.len >= sizeof(h->groups[0]))
		group.len = sizeof(h->groups[0]) - 1;
	for (i = 0; i < h->nr_groups; i++)
		if (rs_ftrace_is(group, h->groups[i]))
			return i;
	if (i == RS_FTRACE_GROUPS || t->pass != PASS_LOOK)
		return RS_FTRACE_GROUPS;
	memcpy(h->groups[i], group.p, group.len);
	h->nr_groups++;
	return i;
}

static int note_time(struct translation *t, const struct rs_ftrace_line *l, struct rs_error *err)
{
	if (l->unit_ns > t->unit_ns)
		t->unit_ns = l->unit_ns;
	t->seconds |= l->unit_ns != 0;
	t->cycles |= l->unit_ns == 0;
	if (t->seconds && t->cycles)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "some of its times are seconds and some are not: there is no "
				    "order between them");
	return 0;
}

/* Which fields an event has, and who its tasks and CPUs are. */
static int look_at(struct translation *t, const struct rs_ftrace_line *l, unsigned int group,
		   unsigned int kind, struct rs_error *err)
{
	uint64_t v[RS_FTRACE_MAX_FIELDS];
	int ret = note_time(t, l, err);

	if (ret)
		return ret;
	t->row_of[l->cpu] = 0;
	t->head.seen[group][kind] = true;
	if (!t->lines.cut)
		t->head.have[group][kind] |= rs_ftrace_fields(kind, l->rest, v);
	return rs_ftrace_tasks_add(&t->tasks, l->pid, l->comm, err);
}

/* A row for each CPU, in the order of their numbers. */
static int make_rows(struct translation *t, struct rs_error *err)
{
	for (size_t cpu = 0; cpu <= UINT16_MAX; cpu++) {
		if (t->row_of[cpu] == NO_ROW)
			continue;
		if (t->pages.nr_rows == MAX_ROWS)
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "events of more than %d CPUs", MAX_ROWS);
		t->row_of[cpu] = (uint16_t)t->pages.nr_rows;
		if (rs_ftrace_pages_add_row(&t->pages))
			return rs_error_nomem(err);
	}
	return 0;
}

/* A field that no line has: lines were wrapped or cut, and the numbers would be wrong. */
static int check_fields(unsigned int kind, uint32_t have, struct rs_error *err)
{
	const uint32_t missing = rs_ftrace_all(kind) & ~rs_ftrace_optional(kind) & ~have;

	if (!missing)
		return 0;
	return rs_error_set(err, RS_ERR_INPUT, EINVAL,
			    "no line of the event %s has its field '%s': were the lines wrapped or "
			    "cut? Each event must be one whole line",
			    rs_ftrace_kind_name(kind),
			    rs_ftrace_field_name(kind, (unsigned int)__builtin_ctz(missing)));
}

/*
 * What does not occur counts as not recorded, but for what an excerpt may lack and is needed
 * to make sense of the rest.
 */
static void add_needed(bool *seen)
{
	static const unsigned int async[] = { RS_FTRACE_ASYNC_TRY, RS_FTRACE_ASYNC_NOT_PRESENT,
					      RS_FTRACE_ASYNC_REPEATED };
	bool any = false;

	for (unsigned int i = 0; i < RS_NR_PROBE_EVENTS; i++)
		any |= seen[i];
	if (!any)
		return;
	seen[RS_PROBE_INVAL_START] = true;
	seen[RS_PROBE_INVAL_ENDED] |= !seen[RS_PROBE_INVAL_END] && !seen[RS_PROBE_INVAL_END_LOCKED];
	seen[RS_PROBE_FAULT] |= !seen[RS_PROBE_FAULT_BEGIN] && !seen[RS_PROBE_FAULT_CHECK];
	/* Who records the first of these records what came of it. */
	for (size_t i = 0; i < sizeof(async) / sizeof(async[0]); i++)
		seen[async[i]] = true;
}

static int check_look(struct translation *t, struct rs_error *err)
{
	struct rs_ftrace_head *h = &t->head;
	int ret = 0;

	for (unsigned int g = 0; g < RS_FTRACE_GROUPS; g++)
		for (unsigned int k = 0; k < RS_FTRACE_NR_KINDS && !ret; k++) {
			/* Of the same name only, somebody else's; KVM's are nobody else's. */
			h->seen[g][k] &=
				!rs_ftrace_all(k) || h->have[g][k] || k >= RS_NR_PROBE_EVENTS;
			if (h->seen[g][k])
				ret = check_fields(k, h->have[g][k], err);
		}
	if (ret)
		return ret;
	if (t->cycles && !t->opts->assume_tsc_khz)
		return rs_error_set(
			err, RS_ERR_INPUT, EINVAL,
			"its times are numbers without a unit, and no ns can be made of "
			"them: if they are cycles of a TSC (clock x86-tsc), "
			"--assume-tsc-khz N says how fast it was");
	h->cycles = t->cycles;
	for (unsigned int g = 0; g < h->nr_groups; g++)
		add_needed(h->seen[g]);
	return make_rows(t, err);
}

/* ---- records ---- */

/*
 * Lines stand in the order of their events, also where more than one has the same printed
 * time: there the next is a ns later, as far as the unit goes.
 */
static uint64_t time_of(struct translation *t, const struct rs_ftrace_line *l)
{
	uint64_t time;

	if (l->unit_ns <= 1 || l->time != t->last_time)
		t->same_time = 0;
	else if (t->same_time + 1 < l->unit_ns)
		t->same_time++;
	t->last_time = l->time;
	return __builtin_add_overflow(l->time, t->same_time, &time) ? UINT64_MAX : time;
}

static size_t put_fields(unsigned char *to, const uint64_t *v, unsigned int kind)
{
	size_t n = 8;

	for (unsigned int i = 0; rs_ftrace_field_name(kind, i); i++, n += 8)
		rs_ftrace_store(to + n, v[i], 8);
	return n;
}

static int put_event(struct translation *t, const struct rs_ftrace_line *l, unsigned int group,
		     unsigned int kind, struct rs_error *err)
{
	const size_t row = t->row_of[l->cpu];
	unsigned char record[RS_FTRACE_MAX_RECORD] = { 0 };
	uint64_t v[RS_FTRACE_MAX_FIELDS];
	size_t size;

	/* A number that was cut off is another one. */
	if (t->lines.cut || rs_ftrace_fields(kind, l->rest, v) != t->head.have[group][kind]) {
		t->nr_damaged += t->pass == PASS_COUNT;
		return rs_ftrace_pages_lose(&t->pages, row, UINT64_MAX, err);
	}
	rs_ftrace_store(record, rs_ftrace_file_id(group, kind), 2);
	rs_ftrace_store(record + 4, l->pid, 4);
	if (kind == RS_FTRACE_MARKER) {
		const struct rs_ftrace_piece text = rs_ftrace_marker(l);

		memcpy(record + 8, text.p, text.len);
		size = 8 + text.len + 1;
	} else {
		size = put_fields(record, v, kind);
	}
	return rs_ftrace_pages_put(&t->pages, row, time_of(t, l), record, size, err);
}

/* ---- lines ---- */

static bool is_of_use(const struct rs_ftrace_line *l, unsigned int kind)
{
	size_t size;

	if (kind != RS_FTRACE_MARKER)
		return kind < RS_FTRACE_NR_KINDS;
	size = rs_ftrace_marker(l).len;
	return size && size < RS_FTRACE_MAX_RECORD - 16;
}

static int take_lost(struct translation *t, uint32_t cpu, uint64_t n, struct rs_error *err)
{
	if (cpu == RS_FTRACE_ANY_CPU) {
		if (__builtin_add_overflow(t->lost_any, n, &t->lost_any))
			t->lost_any = UINT64_MAX;
		return 0;
	}
	if (t->pass != PASS_LOOK)
		return rs_ftrace_pages_lose(&t->pages, t->row_of[cpu], n, err);
	t->row_of[cpu] = 0;
	return 0;
}

/* perf's "PERF_RECORD_LOST lost 3" */
static int take_perf_lost(struct translation *t, const struct rs_ftrace_line *l,
			  struct rs_error *err)
{
	const char *p = memmem(l->rest.p, l->rest.len, "lost ", 5);
	uint64_t n;

	if (!p)
		return take_lost(t, l->cpu, UINT64_MAX, err);
	p += 5;
	if (!rs_ftrace_number(&p, l->rest.p + l->rest.len, &n))
		n = UINT64_MAX;
	return n ? take_lost(t, l->cpu, n, err) : 0;
}

static int take_event(struct translation *t, const struct rs_ftrace_line *l, struct rs_error *err)
{
	const unsigned int kind = rs_ftrace_kind_of(l);
	unsigned int group;

	if (!is_of_use(l, kind))
		return 0;
	group = group_of(t, l, kind);
	if (group == RS_FTRACE_GROUPS) {
		t->nr_other += t->pass == PASS_LOOK;
		return 0;
	}
	if (t->pass == PASS_LOOK)
		return look_at(t, l, group, kind, err);
	return t->head.seen[group][kind] ? put_event(t, l, group, kind, err) : 0;
}

static int take_line(struct translation *t, struct rs_ftrace_piece line, struct rs_error *err)
{
	struct rs_ftrace_line l;
	uint32_t cpu;
	uint64_t n;
	int ret = 0;

	if (line.len && *line.p == '#') {
		if (t->pass == PASS_LOOK)
			take_comment(t, line);
		return 0;
	}
	if (rs_ftrace_line_lost(line.p, line.len, &cpu, &n))
		return take_lost(t, cpu, n, err);
	if (!rs_ftrace_line_parse(line.p, line.len, &l)) {
		t->nr_other += t->pass == PASS_LOOK && line.len && !is_head(line);
		return 0;
	}
	if (t->lost_any) {
		ret = take_lost(t, l.cpu, t->lost_any, err);
		t->lost_any = 0;
	}
	if (ret)
		return ret;
	if (rs_ftrace_starts(l.event.p, l.event.p + l.event.len, "PERF_RECORD_LOST"))
		return take_perf_lost(t, &l, err);
	return take_event(t, &l, err);
}

static int show_progress(struct translation *t, struct rs_error *err)
{
	const uint64_t total = rs_source_total(t->src);
	uint64_t done = rs_source_done(t->src);

	if (!t->opts->progress)
		return 0;
	if (done > total)
		done = total;
	if (t->opts->progress(t->opts->progress_arg, done, total))
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	return 0;
}

static int run(struct translation *t, enum pass pass, int fd, struct rs_error *err)
{
	struct rs_ftrace_piece line;
	int ret = rs_ftrace_lines_rewind(&t->lines, err);

	t->pass = pass;
	t->last_time = t->same_time = t->lost_any = 0;
	rs_ftrace_pages_start(&t->pages, fd, rs_source_total(t->src));
	for (uint64_t n = 0; !ret; n++) {
		ret = rs_ftrace_lines_next(&t->lines, &line, err);
		if (ret <= 0)
			break;
		ret = take_line(t, line, err);
		if (!ret && n % PROGRESS_LINES == 0)
			ret = show_progress(t, err);
	}
	if (!ret && t->lost_any && t->pages.nr_rows)
		ret = rs_ftrace_pages_lose(&t->pages, 0, t->lost_any, err);
	return ret ? ret : rs_ftrace_pages_finish(&t->pages, err);
}

/* ---- the file ---- */

static int write_file(struct translation *t, int fd, struct rs_error *err)
{
	uint64_t before = 0, after = 0;
	int ret;

	t->head.commands = rs_ftrace_tasks_text(&t->tasks);
	if (!t->head.commands)
		return rs_error_nomem(err);
	for (size_t i = 0; i < t->pages.nr_rows; i++)
		before += t->pages.rows[i]->nr;
	ret = rs_ftrace_file_write(&t->head, &t->pages, fd, err);
	if (!ret)
		ret = run(t, PASS_WRITE, fd, err);
	for (size_t i = 0; i < t->pages.nr_rows; i++)
		after += t->pages.rows[i]->nr;
	if (!ret && before != after)
		ret = rs_error_set(err, RS_ERR_INPUT, EINVAL, "it changed while it was read");
	return ret;
}

static int add_fact(struct translation *t, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return n ? rs_meta_add_fact(t->meta, key, text) : 0;
}

static int say_facts(struct translation *t)
{
	int ret = 0;

	if (t->entries[0])
		ret = rs_meta_add_fact(t->meta, "text.entries", t->entries);
	if (!ret)
		ret = add_fact(t, "text.time-unit-ns", t->unit_ns);
	if (!ret)
		ret = add_fact(t, "text.other-lines", t->nr_other);
	return ret ? ret : add_fact(t, "text.damaged-lines", t->nr_damaged);
}

/* Makes a trace.dat of the text, which the source is from then on. */
static int translate(struct translation *t, struct rs_error *err)
{
	int ret = rs_source_seekable_path(t->src, err) ? 0 : -errno;
	int fd;

	if (!ret)
		ret = run(t, PASS_LOOK, -1, err);
	if (!ret)
		ret = check_look(t, err);
	if (!ret)
		ret = run(t, PASS_COUNT, -1, err);
	if (ret)
		return ret;
	fd = rs_open_unnamed(err);
	if (fd < 0)
		return fd;
	ret = write_file(t, fd, err);
	if (!ret && say_facts(t))
		ret = rs_error_nomem(err);
	if (ret) {
		close(fd);
		return ret;
	}
	return rs_source_become(t->src, fd, err);
}

static int translate_source(struct rs_source *src, const struct rs_reader_opts *opts,
			    struct rs_trace_meta *meta, struct rs_error *err)
{
	struct translation *t = calloc(1, sizeof(*t));
	int ret = -ENOMEM;

	if (!t)
		return rs_error_nomem(err);
	t->opts = opts;
	t->meta = meta;
	t->src = src;
	t->pages.fd = -1;
	memset(t->row_of, 0xff, sizeof(t->row_of));
	rs_ftrace_tasks_init(&t->tasks, rs_source_total(src));
	ret = rs_ftrace_lines_init(&t->lines, src) ? rs_error_nomem(err) : translate(t, err);
	rs_ftrace_lines_free(&t->lines);
	rs_ftrace_pages_free(&t->pages);
	rs_ftrace_tasks_free(&t->tasks);
	free(t);
	return ret;
}

/* What the import says of a trace.dat is of no file that the user has. */
static void reword(struct rs_error *err)
{
	static const char dat[] = "trace.dat: ";
	const size_t n = strlen(dat);

	if (!err)
		return;
	err->offset = -1;
	if (!strncmp(err->text, dat, n))
		memmove(err->text, err->text + n, strlen(err->text + n) + 1);
}

static void *open_text(struct rs_source *src, const struct rs_reader_opts *opts,
		       struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rs_reader_opts own = opts ? *opts : (struct rs_reader_opts){ 0 };
	int ret = translate_source(src, &own, meta, err);
	void *state = NULL;

	if (!ret) {
		own.of_text = true;
		state = rs_trace_dat_ops.open(src, &own, meta, err);
		ret = state ? 0 : -errno;
		if (ret)
			reword(err);
	}
	errno = -ret;
	return state;
}

static ssize_t next_events(void *state, const struct rs_event **evs, struct rs_error *err)
{
	ssize_t n = rs_trace_dat_ops.next(state, evs, err);

	if (n < 0)
		reword(err);
	return n;
}

static int rewind_text(void *state, struct rs_error *err)
{
	return rs_trace_dat_ops.rewind(state, err);
}

static void close_text(void *state)
{
	rs_trace_dat_ops.close(state);
}

const struct rs_form_ops rs_ftrace_ops = {
	.form = RS_FORM_FTRACE,
	.probe = probe,
	.open = open_text,
	.next = next_events,
	.rewind = rewind_text,
	.close = close_text,
};
