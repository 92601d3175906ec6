// SPDX-License-Identifier: GPL-2.0-only
/*
 * A timeline has what the replay counts: its verdicts, invalidations and blocked frames add up
 * to the figures, nothing in a track overlaps, and each arrow goes from the attempt to the
 * invalidation that it is put down to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "analysis/timeline/timeline.h"
#include "base/textbuf.h"
#include "tests/common/random_stream.h"
#include "tests/common/trace_file.h"
#include "tests/schema/schema.h"

static const char algos[] = "hva,gfn,hfn-recent:2.1.8";

/* More of a sample shows nothing else. */
#define EVENTS 8000

/* The timeline of @nr events that come in pieces of @batch; to be freed. */
static char *timeline(const struct test_trace *t, size_t nr, size_t batch,
		      struct rs_result **result)
{
	struct rs_replay_opts opts = { .algos = algos, .flags = RS_REPLAY_ALL | RS_REPLAY_BLAME };
	struct rs_error err = { 0 };
	struct rs_timeline *line;
	struct rs_replay *r;
	size_t size;
	char *bytes;
	FILE *f;

	f = rs_textbuf_open(&bytes, &size);
	assert_non_null(f);
	line = rs_timeline_new(algos, &t->meta, f, &err);
	assert_non_null(line);
	opts.observer = rs_timeline_observer(line);
	r = rs_replay_new(&opts, &err);
	assert_non_null(r);
	for (size_t i = 0; i < nr; i += batch)
		assert_int_equal(rs_timeline_feed(line, r, t->evs + i,
						  nr - i < batch ? nr - i : batch, f, &err),
				 0);
	*result = rs_replay_finish(r, &err);
	assert_non_null(*result);
	assert_int_equal(rs_timeline_finish(line, "0", f, &err), 0);
	rs_timeline_free(line);
	rs_replay_free(r);
	assert_int_equal(fclose(f), 0);
	return bytes;
}

static const char *text(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "";
}

static uint64_t arg_number(const json_t *e, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(json_object_get(e, "args"), key));
}

static uint64_t number(const json_t *e, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(e, key));
}

static uint64_t ns(const json_t *e, const char *key)
{
	return (uint64_t)llround(json_number_value(json_object_get(e, key)) * 1000);
}

/* ---- sums ---- */

/* Of all VMs, from the result and from the attempts. */
struct sums {
	uint64_t checked, necessary, invalidations, rejected[8], missed[8];
};

static struct sums sums_of_result(const struct rs_result *r)
{
	struct sums s = { 0 };

	for (size_t v = 0; v < r->nr_vms; v++) {
		s.checked += r->vms[v].checked;
		s.necessary += r->vms[v].necessary;
		s.invalidations += r->vms[v].inval_hit + r->vms[v].inval_no_hit;
		for (size_t a = 0; a < r->nr_algos; a++) {
			s.rejected[a] += r->vms[v].algos[a].rejected;
			s.missed[a] += r->vms[v].algos[a].missed;
		}
	}
	return s;
}

static void add_attempt(struct sums *s, const struct rs_result *r, const json_t *e)
{
	const json_t *verdicts = json_object_get(json_object_get(e, "args"), "verdicts");

	if (!verdicts) /* it was not judged */
		return;
	s->checked++;
	s->necessary += json_is_true(json_object_get(json_object_get(e, "args"), "necessary"));
	for (size_t a = 0; a < r->nr_algos; a++) {
		const char *verdict = text(verdicts, r->vms[0].algos[a].name);
		const bool missed = !strcmp(verdict, "missed");

		s->missed[a] += missed;
		s->rejected[a] += !missed && strcmp(verdict, "accepts") != 0;
	}
}

static void expect_sums(const json_t *events, const struct rs_result *r)
{
	const struct sums expected = sums_of_result(r);
	struct sums found = { 0 };
	const json_t *e;
	size_t i;

	json_array_foreach(events, i, e)
	{
		if (!strcmp(text(e, "cat"), "attempt"))
			add_attempt(&found, r, e);
		found.invalidations += !strcmp(text(e, "cat"), "invalidation");
	}
	assert_memory_equal(&found, &expected, sizeof(found));
}

/* ---- counters ---- */

/* Frames that are blocked count while they are: not what is over at once. */
struct course {
	unsigned __int128 area;
	uint64_t since, frames, most;
};

static void go_on(struct course *c, uint64_t until, uint64_t frames)
{
	c->area += (unsigned __int128)c->frames * (until - c->since);
	if (until > c->since && c->frames > c->most)
		c->most = c->frames;
	c->since = until;
	c->frames = frames;
}

/*
 * Of a trace with one VM. The track goes on where the recording has paused, and until it is
 * known again what is in progress; figures leave that out.
 */
static void expect_blocked(const json_t *events, const struct rs_result *r, size_t algo)
{
	const struct rs_vm_result *v = &r->vms[0];
	struct course course = { .since = v->begin_ns };
	char name[96];
	const json_t *e;
	size_t i;

	snprintf(name, sizeof(name), "blocked by %s", v->algos[algo].name);
	json_array_foreach(events, i, e)
	{
		if (!strcmp(text(e, "name"), name))
			go_on(&course, ns(e, "ts"), arg_number(e, "frames"));
	}
	go_on(&course, v->end_ns, 0);
	assert_true(v->pauses ? course.area >= v->algos[algo].blocked_page_ns
			      : course.area == v->algos[algo].blocked_page_ns);
	assert_true(v->pauses ? course.most >= v->algos[algo].blocked_max
			      : course.most == v->algos[algo].blocked_max);
}

static void expect_in_progress(const json_t *events, const struct rs_result *r)
{
	uint64_t most = 0;
	const json_t *e;
	size_t i;

	json_array_foreach(events, i, e)
	{
		if (!strcmp(text(e, "name"), "in progress") &&
		    arg_number(e, "invalidations") > most)
			most = arg_number(e, "invalidations");
	}
	assert_int_equal(most, r->vms[0].max_outstanding);
}

/* ---- tracks and arrows ---- */

struct slice {
	uint64_t tid, begin, end;
	const json_t *e;
};

static int by_place(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1)
				    : (x->end > y->end) - (x->end < y->end);
}

static struct slice *slices_of(const json_t *events, size_t *nr)
{
	struct slice *s = calloc(json_array_size(events) + 1, sizeof(*s));
	const json_t *e;
	size_t i;

	assert_non_null(s);
	*nr = 0;
	json_array_foreach(events, i, e)
	{
		if (!strcmp(text(e, "ph"), "X"))
			s[(*nr)++] = (struct slice){ number(e, "tid"), ns(e, "ts"),
						     ns(e, "ts") + ns(e, "dur"), e };
	}
	qsort(s, *nr, sizeof(*s), by_place);
	return s;
}

/* How many slices, from the first on, are of tracks before @tid or begin there at @at or before. */
static size_t slices_until(const struct slice *s, size_t nr, uint64_t tid, uint64_t at)
{
	const struct slice wanted = { tid, at, UINT64_MAX, NULL };
	size_t low = 0, high = nr;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (by_place(&s[mid], &wanted) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool touches(const struct slice *s, uint64_t tid, uint64_t at, const char *kind)
{
	return s->tid == tid && s->end >= at && !strcmp(text(s->e, "cat"), kind);
}

/* Whether some verdict of the attempt @from is put down to the invalidation @to. */
static bool is_blamed(const json_t *from, const json_t *to)
{
	const json_t *value;
	const char *key;
	char tail[40];

	snprintf(tail, sizeof(tail), ", number %llu", (unsigned long long)arg_number(to, "number"));
	json_object_foreach(json_object_get(json_object_get(from, "args"), "put down to"), key,
			    value)
	{
		const char *s = json_string_value(value);

		if (strlen(s) > strlen(tail) && !strcmp(s + strlen(s) - strlen(tail), tail) &&
		    strstr(s, text(to, "name")))
			return true;
	}
	return false;
}

/* There is one slice at each end, but where some begin or end just there. */
static bool is_right(const struct slice *s, size_t nr, const json_t *start, const json_t *end)
{
	const uint64_t from = number(start, "tid"), to = number(end, "tid"), at = ns(start, "ts");

	assert_int_equal(ns(end, "ts"), at);
	for (size_t i = slices_until(s, nr, from, at); i && touches(&s[i - 1], from, at, "attempt");
	     i--)
		for (size_t k = slices_until(s, nr, to, at);
		     k && touches(&s[k - 1], to, at, "invalidation"); k--)
			if (is_blamed(s[i - 1].e, s[k - 1].e))
				return true;
	return false;
}

static uint64_t blamed_in(const json_t *e)
{
	const char *seen[16], *key;
	uint64_t nr = 0;
	const json_t *value;

	json_object_foreach(json_object_get(json_object_get(e, "args"), "put down to"), key, value)
	{
		const char *s = json_string_value(value);
		uint64_t i = 0;

		while (i < nr && strcmp(seen[i], s) != 0)
			i++;
		if (i == nr)
			seen[nr++] = s;
	}
	return nr;
}

static void expect_arrows(const json_t *events, const struct slice *s, size_t nr)
{
	const json_t *e, *start = NULL;
	uint64_t arrows = 0, blamed = 0;
	size_t i;

	json_array_foreach(events, i, e)
	{
		if (!strcmp(text(e, "cat"), "attempt"))
			blamed += blamed_in(e);
		if (!strcmp(text(e, "ph"), "s"))
			start = e;
		if (strcmp(text(e, "ph"), "f") != 0)
			continue;
		assert_int_equal(number(e, "id"), ++arrows);
		assert_int_equal(number(start, "id"), arrows);
		assert_true(is_right(s, nr, start, e));
	}
	assert_int_equal(arrows, blamed);
}

static void expect_tracks(const json_t *events)
{
	size_t nr;
	struct slice *s = slices_of(events, &nr);

	for (size_t i = 1; i < nr; i++)
		assert_true(s[i].tid != s[i - 1].tid || s[i].begin >= s[i - 1].end);
	expect_arrows(events, s, nr);
	free(s);
}

static void expect_all(const char *bytes, const struct rs_result *r)
{
	json_error_t je;
	json_t *root = json_loads(bytes, JSON_REJECT_DUPLICATES, &je);
	const json_t *events = json_object_get(root, "traceEvents");
	char why[SCHEMA_WHY];

	if (!root)
		fail_msg("no JSON: %s", je.text);
	if (!schema_holds(root, why))
		fail_msg("not as docs/schema has it: %s", why);
	expect_sums(events, r);
	expect_tracks(events);
	for (size_t a = 0; r->nr_vms == 1 && a < r->nr_algos; a++)
		expect_blocked(events, r, a);
	if (r->nr_vms == 1)
		expect_in_progress(events, r);
	json_decref(root);
}

static void test_samples(void **state)
{
	static const char *const samples[] = { "6.1-alias3", "6.12-churn", "7.3-gmem",
					       "6.1-partial", "7.3-gmem-two-vms" };

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char path[256], *bytes, *again;
		struct rs_result *r, *other;
		struct test_trace t;
		size_t nr;

		snprintf(path, sizeof(path), "%s/%s.dat", TRACE_SAMPLES, samples[i]);
		test_trace_read(&t, path);
		assert_string_equal(t.message, "");
		nr = t.nr < EVENTS ? t.nr : EVENTS;
		bytes = timeline(&t, nr, 1000, &r);
		expect_all(bytes, r);
		/* It does not depend on the pieces in which events come. */
		again = timeline(&t, nr, nr, &other);
		assert_string_equal(bytes, again);
		rs_result_free(other);
		rs_result_free(r);
		free(bytes);
		free(again);
		test_trace_free(&t);
	}
}

/* Whatever events come: ends without begins, walks without an end, losses. */
static void test_random_streams(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		const struct stream s = stream_make(seed, STREAM_DISOBEY | STREAM_ANOMALIES |
								  STREAM_LOST | STREAM_CHAINS);
		const struct test_trace t = { .evs = s.v, .nr = s.n };
		struct rs_result *r;
		char *bytes = timeline(&t, t.nr, 7, &r);

		expect_all(bytes, r);
		rs_result_free(r);
		free(bytes);
		stream_free((struct stream *)&s);
	}
}

static struct rs_event memslot(uint32_t id, uint64_t gfn, uint64_t npages, uint64_t hva)
{
	struct rs_event ev = { .vm = 1, .type = RS_EV_MEMSLOT };

	ev.memslot.id = id;
	ev.memslot.gfn = gfn;
	ev.memslot.npages = npages;
	ev.memslot.hva = hva;
	return ev;
}

static struct rs_event inval(unsigned int type, uint64_t id, unsigned int flags, uint64_t start,
			     uint64_t end)
{
	struct rs_event ev = { .vm = 1, .type = (uint8_t)type, .flags = (uint8_t)flags };

	ev.inval.id = id;
	ev.inval.start = start;
	ev.inval.end = end;
	return ev;
}

/* The timeline of @evs as JSON, for the caller to release. */
static json_t *timeline_of(struct rs_event *evs, size_t nr)
{
	const struct test_trace t = { .evs = evs, .nr = nr };
	struct rs_result *r;
	char *bytes = timeline(&t, nr, nr, &r);
	json_t *root = json_loads(bytes, 0, NULL);

	assert_non_null(root);
	rs_result_free(r);
	free(bytes);
	return root;
}

/* What an invalidation hits that begins without a walk, and what one hits by its walk. */
static void test_hits(void **state)
{
	static const char *const memslots[] = {
		"0:0 gfn 0x2-0x6, 0:1 gfn 0x66-0x6a",  /* aliases, by host address */
		"0:0 gfn 0xe-0x10, 0:1 gfn 0x64-0x65", /* by frame */
		"",				       /* behind them */
		"0:1 gfn 0x66-0x67",
	};
	static const uint64_t hits[] = { 2, 2, 0, 1 }, pages[] = { 8, 3, 0, 1 };
	struct rs_event evs[] = {
		memslot(0, 0, 16, 0x100000),
		memslot(1, 100, 16, 0x100000),
		memslot(2, 200, 16, 0x200000),
		memslot(2, 200, 0, 0),
		inval(RS_EV_INVAL_BEGIN, 0, 0, 0x102000, 0x106000),
		inval(RS_EV_INVAL_END, 0, 0, 0, 0),
		inval(RS_EV_INVAL_BEGIN, 1, RS_F_GFN, 14, 101),
		inval(RS_EV_INVAL_END, 1, 0, 0, 0),
		inval(RS_EV_INVAL_BEGIN, 2, 0, 0x200000, 0x201000),
		inval(RS_EV_INVAL_END, 2, 0, 0, 0),
		inval(RS_EV_INVAL_BEGIN, 3, RS_F_WALK, 0x102000, 0x103000),
		inval(RS_EV_INVAL_SLOT, 3, 0, 0x66, 0x67),
		inval(RS_EV_INVAL_END, 3, 0, 0, 0),
	};
	json_t *root, *e;
	size_t i, n = 0;

	evs[11].inval.slot = 1;
	root = timeline_of(evs, sizeof(evs) / sizeof(evs[0]));
	json_array_foreach(json_object_get(root, "traceEvents"), i, e)
	{
		if (strcmp(text(e, "cat"), "invalidation") != 0)
			continue;
		assert_true(n < sizeof(hits) / sizeof(hits[0]));
		assert_int_equal(arg_number(e, "hits"), hits[n]);
		assert_int_equal(arg_number(e, "pages"), pages[n]);
		assert_string_equal(text(json_object_get(e, "args"), "memslots"), memslots[n++]);
	}
	assert_int_equal(n, sizeof(hits) / sizeof(hits[0]));
	json_decref(root);
}

/* What a loss leaves without a verdict lasts until then, in the track of its vCPU. */
static void test_open_at_loss(void **state)
{
	static const uint64_t tids[] = { 2, 3 }, begins[] = { 5, 6 };
	struct rs_event evs[] = {
		memslot(0, 0, 16, 0x100000),
		{ .vm = 1, .time_ns = 5, .type = RS_EV_FAULT_BEGIN, .fault.gfn = 1 },
		{ .vm = 1, .time_ns = 6, .type = RS_EV_FAULT_BEGIN, .fault.gfn = 2 },
		{ .vm = 1, .time_ns = 9, .type = RS_EV_LOST },
		{ .vm = 1, .time_ns = 20, .type = RS_EV_INVAL_END },
	};
	struct slice *s;
	json_t *root;
	size_t nr;

	evs[2].fault.vcpu = 3;
	root = timeline_of(evs, sizeof(evs) / sizeof(evs[0]));
	s = slices_of(json_object_get(root, "traceEvents"), &nr);
	assert_int_equal(nr, sizeof(tids) / sizeof(tids[0]));
	for (size_t i = 0; i < nr; i++) {
		assert_string_equal(text(s[i].e, "cat"), "attempt");
		assert_string_equal(text(s[i].e, "name"), "not judged");
		assert_int_equal(s[i].tid, tids[i]);
		assert_int_equal(s[i].begin, begins[i]);
		assert_int_equal(s[i].end, 9);
	}
	free(s);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_random_streams),
		cmocka_unit_test(test_hits),
		cmocka_unit_test(test_open_at_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
