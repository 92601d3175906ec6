// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's state against the recorded one, which is the evidence that the model is
 * the traced kernel: each of the four words counts, and the range only where the
 * kernel's algorithm has one and something is in progress.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replay/replay.h"
#include "tests/common/trace_file.h"

static const char stream[] = "retryscope-events 1\n"
			     "0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000\n"
			     "100 1 inval_begin id=1 hva=0x7f0000010000-0x7f0000012000\n"
			     "110 1 fault_begin vcpu=0 gfn=0x50\n"
			     "#@ state 120 1 seq=%u in_progress=%u start=%#llx end=%#llx\n"
			     "120 1 fault_check vcpu=0 result=unknown\n"
			     "130 1 inval_end id=1\n"
			     "140 1 fault_begin vcpu=0 gfn=0x50\n"
			     "#@ state 150 1 seq=%u in_progress=%u start=%#llx end=%#llx\n"
			     "150 1 fault_check vcpu=0 result=unknown\n";

struct words {
	unsigned int seq, in_progress;
	unsigned long long start, end;
};

/* Of the two comparisons, how many are equal; the words of the first unequal one are listed. */
static uint64_t equal(const char *algo, const struct words *during, const struct words *after)
{
	struct rs_replay_opts opts = { .algos = algo, .kernel_algo = algo };
	struct rs_error err = { 0 };
	struct rs_replay *replay = rs_replay_new(&opts, &err);
	const struct rs_vm_result *v;
	struct rs_result *r;
	struct test_trace t;
	char text[2048];
	uint64_t n;

	assert_non_null(replay);
	snprintf(text, sizeof(text), stream, during->seq, during->in_progress, during->start,
		 during->end, after->seq, after->in_progress, after->start, after->end);
	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, "");
	assert_int_equal(rs_replay_feed(replay, t.evs, t.nr, &err), 0);
	r = rs_replay_finish(replay, &err);
	assert_non_null(r);
	assert_int_equal(r->nr_vms, 1);
	v = &r->vms[0];
	assert_int_equal(v->state_compared, 2);
	n = v->state_equal;
	assert_int_equal(v->nr_mismatches, 2 - n);
	assert_int_equal(r->anomalies[RS_ANOM_STATE_UNEQUAL], 2 - n);
	if (n == 1 && v->mismatches[0].time_ns == 120) {
		assert_int_equal(v->mismatches[0].kernel[0], during->seq);
		assert_int_equal(v->mismatches[0].kernel[1], during->in_progress);
		assert_int_equal(v->mismatches[0].kernel[2], during->start);
		assert_int_equal(v->mismatches[0].kernel[3], during->end);
	}
	rs_result_free(r);
	rs_replay_free(replay);
	test_trace_free(&t);
	return n;
}

static void expect(const char *algo, const struct words *during, const struct words *after,
		   uint64_t wanted)
{
	uint64_t n = equal(algo, during, after);

	if (n != wanted)
		fail_msg("%s, %u %u %#llx-%#llx, then %u %u %#llx-%#llx: %d of 2 equal, not %d",
			 algo, during->seq, during->in_progress, during->start, during->end,
			 after->seq, after->in_progress, after->start, after->end, (int)n,
			 (int)wanted);
}

/* Of each of the four words, one more. */
static void each_word(const char *algo, const struct words *during, const struct words *after,
		      bool has_range)
{
	for (unsigned int word = 0; word < 4; word++) {
		struct words d = *during, a = *after;

		d.seq += word == 0;
		d.in_progress += word == 1;
		d.start += word == 2;
		d.end += word == 3;
		/* A number that starts elsewhere is taken over, not compared. */
		if (word == 0)
			expect(algo, &d, after, 1);
		else
			expect(algo, &d, after, word == 1 || has_range ? 1 : 2);
		a.in_progress += word == 1;
		a.start += word == 2;
		a.end += word == 3;
		if (word)
			expect(algo, during, &a, word == 1 ? 1 : 2);
	}
}

static void test_words(void **state)
{
	const struct words hva = { 7, 1, 0x7f0000010000, 0x7f0000012000 };
	const struct words gfn = { 7, 1, 0x10, 0x12 };
	const struct words none = { 7, 1, 0, 0 };
	const struct words hva_after = { 8, 0, 0x7f0000010000, 0x7f0000012000 };
	const struct words gfn_after = { 8, 0, 0x10, 0x12 };
	const struct words none_after = { 8, 0, 0, 0 };

	expect("hva", &hva, &hva_after, 2);
	expect("gfn", &gfn, &gfn_after, 2);
	expect("global", &none, &none_after, 2);
	expect("hva", &gfn, &hva_after, 1);
	expect("gfn", &hva, &gfn_after, 1);
	each_word("hva", &hva, &hva_after, true);
	each_word("gfn", &gfn, &gfn_after, true);
	each_word("global", &none, &none_after, false);
}

/* Of many decisions that differ all are counted, and the first 64 are listed. */
static void test_listed(void **state)
{
	struct rs_replay_opts opts = { .algos = "gfn", .kernel_algo = "gfn" };
	struct rs_error err = { 0 };
	struct rs_replay *replay = rs_replay_new(&opts, &err);
	struct rs_event ev = { .vm = 1, .type = RS_EV_MEMSLOT };
	struct rs_result *r;

	assert_non_null(replay);
	ev.memslot.npages = 16;
	ev.memslot.hva = 0x7f0000000000;
	assert_int_equal(rs_replay_feed(replay, &ev, 1, &err), 0);
	for (uint64_t i = 1; i <= 70; i++) {
		struct rs_event begin = { .time_ns = 10 * i, .vm = 1, .type = RS_EV_FAULT_BEGIN };
		struct rs_event check = { .time_ns = 10 * i + 1,
					  .vm = 1,
					  .type = RS_EV_FAULT_CHECK,
					  .result = RS_RES_RETRY };

		assert_int_equal(rs_replay_feed(replay, &begin, 1, &err), 0);
		assert_int_equal(rs_replay_feed(replay, &check, 1, &err), 0);
	}
	r = rs_replay_finish(replay, &err);
	assert_non_null(r);
	assert_int_equal(r->vms[0].algos[0].locked.known, 70);
	assert_int_equal(r->vms[0].algos[0].locked.same, 0);
	assert_int_equal(r->vms[0].nr_disagreements, RS_MAX_LISTED);
	for (uint64_t i = 0; i < RS_MAX_LISTED; i++)
		assert_int_equal(r->vms[0].disagreements[i].time_ns, 10 * (i + 1) + 1);
	rs_result_free(r);
	rs_replay_free(replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words),
					    cmocka_unit_test(test_listed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
