// SPDX-License-Identifier: GPL-2.0-only
/* A piece of a trace is judged as it is in the whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/cut/cut.h"
#include "tests/common/compare.h"
#include "tests/common/trace_file.h"
#include "base/idset.h"

#define ALGOS "global,hva-5.12,hva,gfn-v7,gfn,hva-split,gfn-slot,gfn-multi:2,gfn-list,exact"
#define ROUNDS 3000

static void append(struct stream *s, const struct rs_event *evs, size_t n)
{
	s->v = reallocarray(s->v, s->n + n + 1, sizeof(*s->v));
	assert_non_null(s->v);
	memcpy(s->v + s->n, evs, n * sizeof(*evs));
	s->n += n;
}

/* The piece of @whole, fed in pieces of @step; what rs_cut_finish() returned in *@rc. */
static struct stream cut(const struct stream *whole, const struct rs_cut_opts *opts, size_t step,
			 ssize_t *rc, struct rs_error *err)
{
	struct stream piece = { 0 };
	struct rs_cut *c = rs_cut_new(opts, err);
	const struct rs_event *out;
	ssize_t n = 0;

	assert_non_null(c);
	for (size_t i = 0; i < whole->n && n >= 0; i += step) {
		n = rs_cut_feed(c, whole->v + i, whole->n - i < step ? whole->n - i : step, &out,
				err);
		if (n > 0)
			append(&piece, out, (size_t)n);
	}
	if (n >= 0)
		n = rs_cut_finish(c, &out, err);
	if (n > 0)
		append(&piece, out, (size_t)n);
	*rc = n;
	rs_cut_free(c);
	return piece;
}

static bool within(const struct naive_judged *j, const struct rs_cut_opts *o)
{
	return (!o->from || j->begin_ns >= o->from_ns) && (!o->until || j->time_ns < o->until_ns);
}

static void assert_same_verdict(const struct naive_judged *a, const struct naive_judged *b)
{
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->begin_ns, b->begin_ns);
	assert_int_equal(a->vm, b->vm);
	assert_int_equal(a->vcpu, b->vcpu);
	assert_int_equal(a->gfn, b->gfn);
	assert_int_equal(a->necessary, b->necessary);
	assert_memory_equal(a->rejected, b->rejected, 10);
}

/* Every fault that began and was decided within the piece: the same verdict of each algorithm. */
static void compare_piece(const struct stream *whole, const struct stream *piece,
			  const struct rs_cut_opts *o)
{
	struct engine_run w = engine_run(whole, ALGOS, 0, NULL);
	struct engine_run p = engine_run(piece, ALGOS, 0, NULL);
	size_t k = 0;

	for (size_t i = 0; i < w.nr_judged; i++) {
		if (!within(&w.judged[i], o))
			continue;
		assert_true(k < p.nr_judged);
		assert_same_verdict(&w.judged[i], &p.judged[k++]);
	}
	assert_int_equal(k, p.nr_judged);
	for (unsigned int a = 0; a < RS_NR_ANOMALIES; a++)
		if (p.res->anomalies[a] > w.res->anomalies[a])
			fail_msg("the piece has the anomaly %s", rs_anomaly_name(a));
	engine_free(&w);
	engine_free(&p);
}

static void random_window(uint64_t *seed, const struct stream *s, struct rs_cut_opts *o)
{
	uint64_t begin = s->v[0].time_ns, length = s->v[s->n - 1].time_ns - begin;

	memset(o, 0, sizeof(*o));
	o->from_absolute = true;
	o->until_absolute = true;
	o->from = test_random(seed) % 5 != 0;
	o->until = test_random(seed) % 3 != 0;
	o->from_ns = begin + (length ? test_random(seed) % length : 0);
	o->until_ns = (o->from ? o->from_ns : begin) + 1 + test_random(seed) % (length + 2);
}

static void test_random_pieces(void **state)
{
	uint64_t seed = 20;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct stream whole = stream_make(round, 0), piece;
		struct rs_error err = { 0 };
		struct rs_cut_opts opts;
		ssize_t rc;

		if (whole.n) {
			random_window(&seed, &whole, &opts);
			piece = cut(&whole, &opts, 1 + test_random(&seed) % 50, &rc, &err);
			assert_true(rc >= 0);
			compare_piece(&whole, &piece, &opts);
			stream_free(&piece);
		}
		stream_free(&whole);
	}
}

/* Without limits a piece is the whole, also of what makes no sense. */
static void test_no_limits(void **state)
{
	for (unsigned int round = 0; round < 300; round++) {
		struct stream whole =
			stream_make(round, STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY);
		const struct rs_cut_opts opts = { 0 };
		struct rs_error err = { 0 };
		struct stream piece;
		ssize_t rc;

		piece = cut(&whole, &opts, 7, &rc, &err);
		assert_true(rc >= 0);
		assert_int_equal(piece.n, whole.n);
		assert_memory_equal(piece.v, whole.v, whole.n * sizeof(*whole.v));
		stream_free(&piece);
		stream_free(&whole);
	}
}

/* What makes no sense, and losses, are cut without harm; no fault is judged that was not. */
static void test_ill_formed(void **state)
{
	uint64_t seed = 30;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct stream whole =
			stream_make(round, STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY);
		struct rs_error err = { 0 };
		struct rs_cut_opts opts;
		struct engine_run run;
		struct stream piece;
		ssize_t rc;

		if (whole.n) {
			random_window(&seed, &whole, &opts);
			opts.one_vm = round % 3 == 0;
			opts.vm = whole.v[0].vm;
			piece = cut(&whole, &opts, 1 + test_random(&seed) % 50, &rc, &err);
			if (rc < 0)
				assert_int_equal(err.kind, RS_ERR_USAGE);
			run = engine_run(&piece, ALGOS, 0, NULL);
			engine_free(&run);
			stream_free(&piece);
		}
		stream_free(&whole);
	}
}

static void parse(struct stream *s, const char *text)
{
	struct test_trace t;

	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, "");
	s->v = t.evs;
	s->n = t.nr;
	t.evs = NULL;
	test_trace_free(&t);
}

static void expect_piece(const char *text, const struct rs_cut_opts *opts, const char *wanted)
{
	struct stream whole, piece, want;
	struct rs_error err = { 0 };
	ssize_t rc;

	parse(&whole, text);
	parse(&want, wanted);
	piece = cut(&whole, opts, 1, &rc, &err);
	assert_true(rc >= 0);
	assert_int_equal(piece.n, want.n);
	assert_memory_equal(piece.v, want.v, want.n * sizeof(*want.v));
	free(piece.v);
	free(want.v);
	free(whole.v);
}

#define HEADER "retryscope-events 1\n"
#define MEMSLOT(time, id) \
	time " 1 memslot id=" id " gfn=0x" id "00 npages=0x10 hva=0x7f0000000000\n"

/* What ended beside an invalidation in progress, and a memslot that came after it, are repeated. */
static void test_epoch(void **state)
{
	const struct rs_cut_opts opts = {
		.from = true, .from_ns = 40, .until = true, .until_ns = 60
	};

	expect_piece(
		HEADER MEMSLOT(
			"0",
			"1") "5 1 inval_begin id=1 hva=0-0x1000\n"
			     "6 1 inval_end id=1\n" /* nothing in progress now */
			     "10 1 inval_begin id=2 hva=0x7f0000000000-0x7f0000001000\n" MEMSLOT(
				     "11", "2") "12 1 inval_begin id=3 "
						"hva=0x7f0000002000-0x7f0000003000 walk=1\n"
						"12 1 inval_slot id=3 slot=1 gfn=0x102-0x103\n"
						"13 1 inval_end id=3\n"
						"30 1 fault_begin vcpu=0 gfn=0x100\n"
						"#@ state 45 1 seq=2 in_progress=1 start=0 end=1\n"
						"45 1 fault_check vcpu=0 result=ok\n"
						"46 1 fault_begin vcpu=0 gfn=0x101\n"
						"#@ state 47 1 seq=2 in_progress=1 start=0 end=1\n"
						"47 1 fault_check vcpu=0 result=ok\n"
						"70 1 inval_end id=2\n",
		&opts,
		HEADER MEMSLOT("40", "1") "40 1 inval_begin id=2 "
					  "hva=0x7f0000000000-0x7f0000001000\n" MEMSLOT(
						  "40",
						  "2") "40 1 inval_begin id=3 "
						       "hva=0x7f0000002000-0x7f0000003000 walk=1\n"
						       "40 1 inval_slot id=3 slot=1 "
						       "gfn=0x102-0x103\n"
						       "40 1 inval_end id=3\n"
						       "46 1 fault_begin vcpu=0 gfn=0x101\n"
						       "#@ state 47 1 seq=2 in_progress=1 start=0 "
						       "end=1\n"
						       "47 1 fault_check vcpu=0 result=ok\n"
						       "60 1 inval_end id=2\n");
}

/* Shortly after a loss nothing is judged; later nobody need know of it. */
static void test_loss(void **state)
{
	struct rs_cut_opts opts = { .from = true, .from_ns = 5000000 };

	expect_piece(HEADER "0 1 lost count=3\n6000000 1 inval_end id=9\n30000000 1 lost\n", &opts,
		     HEADER "5000000 1 lost count=0\n6000000 1 inval_end id=9\n30000000 1 lost\n");
	opts.from_ns = 20000000;
	expect_piece(HEADER "0 1 lost count=3\n6000000 1 inval_end id=9\n30000000 1 lost\n", &opts,
		     HEADER "30000000 1 lost\n");
}

static void expect_error(const char *text, const struct rs_cut_opts *opts, const char *message)
{
	struct stream whole, piece;
	struct rs_error err = { 0 };
	ssize_t rc;

	parse(&whole, text);
	piece = cut(&whole, opts, 100, &rc, &err);
	assert_true(rc < 0);
	assert_int_equal(err.kind, RS_ERR_USAGE);
	assert_string_equal(err.text, message);
	free(piece.v);
	free(whole.v);
}

static void test_errors(void **state)
{
	const char *text = HEADER "10 1 lost\n20 1 lost\n";
	struct rs_cut_opts opts = { .from = true, .from_ns = 11 };

	expect_error(text, &opts, "nothing is left: the trace ends before --from");
	opts = (struct rs_cut_opts){ .from = true, .from_ns = 3, .until = true, .until_ns = 3 };
	expect_error(text, &opts, "nothing is left: --until is not after --from");
	opts = (struct rs_cut_opts){ .until = true, .until_ns = 10, .until_absolute = true };
	expect_error(text, &opts, "nothing is left: --until is not after the trace's first event");
	opts = (struct rs_cut_opts){ .one_vm = true, .vm = 2 };
	expect_error(text, &opts, "no VM 2 in the trace");
	opts = (struct rs_cut_opts){ .from = true, .from_ns = UINT64_MAX };
	expect_error(text, &opts, "nothing is left: the trace ends before --from");
}

/* The set of ids against a plain array. */
static void test_idset(void **state)
{
	enum { IDS = 50 };
	bool there[2][IDS] = { 0 };
	struct rs_idset s = { 0 };
	uint64_t seed = 40;

	for (int i = 0; i < 200000; i++) {
		uint32_t vm = test_random(&seed) % 2;
		uint64_t id = test_random(&seed) % IDS;
		struct rs_idset_entry *e = rs_idset_find(&s, vm, id << 32);

		assert_int_equal(e != NULL, there[vm][id]);
		if (e)
			rs_idset_remove(&s, e);
		else
			assert_non_null(rs_idset_add(&s, vm, id << 32));
		there[vm][id] = !there[vm][id];
		if (i % 1000 == 999) {
			rs_idset_remove_vm(&s, vm);
			memset(there[vm], 0, sizeof(there[vm]));
		}
	}
	rs_idset_clear(&s);
	assert_null(rs_idset_find(&s, 0, 0));
	assert_null(rs_idset_sorted(&s));
	rs_idset_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_pieces), cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_ill_formed),    cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_loss),	      cmocka_unit_test(test_errors),
		cmocka_unit_test(test_idset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
