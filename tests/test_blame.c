// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is blamed for a rejection, worked out by hand from docs/model.md, Blame. test_property
 * holds the same against the naive model on random streams.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/replay.h"
#include "tests/common/trace_file.h"

#define HEADER "retryscope-events 1\n"
/* 256 pages at gfn 0 and, as an alias, at 0x1000; 256 more pages at 0x100. */
#define MEMSLOTS                                                         \
	HEADER "0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000\n"    \
	       "0 1 memslot id=1 gfn=0x1000 npages=0x100 hva=0x100000\n" \
	       "0 1 memslot id=2 gfn=0x100 npages=0x100 hva=0x400000\n"

struct got {
	const struct rs_trace_meta *meta;
	char text[1024];
	size_t nr_algos;
};

static const char *name(const struct got *g, const struct rs_blamed *by)
{
	const char *comm = rs_whos_get(&g->meta->whos, by->who)->comm;

	return !by->number ? "-" : comm ? comm : "?";
}

/* Of each check what each algorithm says, "CAUSE:WHO" or "CAUSE:WHO<WHO WIDENED", or "ok". */
static void judged(void *arg, const struct rs_judged *j)
{
	struct got *g = arg;

	for (size_t i = 0; i < g->nr_algos; i++) {
		const uint8_t v = j->rejected[i];
		const struct rs_blame *b = &j->blame[i];
		const size_t at = strlen(g->text);
		const char *what = v == 255	  ? "necessary"
				   : v		  ? rs_cause_name(v - 1)
				   : j->necessary ? "missed"
						  : "ok";

		snprintf(g->text + at, sizeof(g->text) - at, "%s%s", at ? " " : "", what);
		if (v || j->necessary)
			snprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text),
				 ":%s", name(g, &b->by));
		if (b->widened.number)
			snprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text),
				 "<%s", name(g, &b->widened));
		/* What has not ended is not over, and what has is. */
		if (b->by.number)
			assert_true(b->by.begin_ns <= j->time_ns &&
				    (b->by.end_ns == RS_NOT_ENDED || b->by.end_ns <= j->time_ns));
	}
}

static void expect(const char *algos, const char *events, const char *wanted)
{
	struct got g = { .nr_algos = 1 };
	const struct rs_observer o = { .arg = &g, .judged = judged };
	const struct rs_replay_opts opts = { .algos = algos,
					     .flags = RS_REPLAY_TRUTH | RS_REPLAY_CAUSES |
						      RS_REPLAY_BLAME,
					     .observer = &o };
	struct rs_error err = { 0 };
	struct rs_replay *r = rs_replay_new(&opts, &err);
	char *text = malloc(strlen(MEMSLOTS) + strlen(events) + 1);
	struct test_trace t;

	assert_true(r && text);
	for (const char *c = algos; *c; c++)
		g.nr_algos += *c == ',';
	strcat(strcpy(text, MEMSLOTS), events);
	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, "");
	g.meta = &t.meta;
	assert_int_equal(rs_replay_feed(r, t.evs, t.nr, &err), 0);
	assert_string_equal(g.text, wanted);
	rs_replay_free(r);
	test_trace_free(&t);
	free(text);
}

/* Two cover the page; the one that began first is over when the fault is checked. */
static void test_necessary(void **state)
{
	expect("hva,gfn,exact",
	       "10 1 inval_begin id=1 hva=0x110000-0x111000 comm=a\n"
	       "20 1 fault_begin vcpu=0 gfn=0x10\n"
	       "30 1 inval_begin id=2 hva=0x110000-0x111000 comm=b\n"
	       "40 1 inval_end id=1\n"
	       "50 1 fault_check vcpu=0\n",
	       "necessary:a necessary:a necessary:a");
	/* What was over before the fault began has nothing to do with it. */
	expect("gfn",
	       "10 1 inval_begin id=1 hva=0x110000-0x111000 comm=a\n"
	       "15 1 inval_begin id=2 hva=0x110000-0x111000 comm=b\n"
	       "17 1 inval_end id=1\n"
	       "20 1 fault_begin vcpu=0 gfn=0x10\n"
	       "50 1 fault_check vcpu=0\n",
	       "necessary:b");
}

/* As first posted, the range has one of the aliases: who should have been heeded is named. */
static void test_missed(void **state)
{
	expect("gfn-v7",
	       "10 1 inval_begin id=1 hva=0x110000-0x111000 comm=a\n"
	       "20 1 fault_begin vcpu=0 gfn=0x1010\n"
	       "30 1 fault_check vcpu=0\n",
	       "missed:a");
}

/* Of three ends in the window the last; one of a call that hit nothing counts in 5.12 alone. */
static void test_seq(void **state)
{
	expect("global,hva-5.12,hva,gfn",
	       "10 1 inval_begin id=1 hva=0x110000-0x111000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x111000-0x112000 comm=b\n"
	       "12 1 inval_begin id=3 hva=0x900000-0x901000 comm=c\n"
	       "20 1 fault_begin vcpu=0 gfn=0x180\n"
	       "30 1 inval_end id=2\n"
	       "31 1 inval_end id=1\n"
	       "32 1 inval_end id=3\n"
	       "40 1 fault_check vcpu=0\n",
	       "seq:a seq:c seq:a seq:a");
}

static void test_alias_and_scatter(void **state)
{
	/* Page 0x10 is also frame 0x1010: 0x180 lies between. */
	expect("gfn,hva",
	       "9 1 inval_begin id=9 hva=0x4f0000-0x4f1000 comm=other\n"
	       "10 1 inval_begin id=1 hva=0x110000-0x111000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x111000-0x112000 comm=b\n"
	       "20 1 fault_begin vcpu=0 gfn=0x180\n"
	       "30 1 fault_check vcpu=0\n",
	       "alias:a concurrent:other");
}

static void test_concurrent_and_stale(void **state)
{
	/* Between b and c, while a, which began first, is elsewhere and keeps it alive. */
	expect("gfn-list,hva",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x440000-0x441000 comm=b\n"
	       "20 1 fault_begin vcpu=0 gfn=0x120\n"
	       "30 1 fault_check vcpu=0\n",
	       "ok concurrent:a");
	/* c took the range up over the page and is gone; a keeps what it left. */
	expect("hva,gfn",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x411000-0x412000 comm=b\n"
	       "12 1 inval_begin id=3 hva=0x440000-0x441000 comm=c\n"
	       "13 1 inval_begin id=4 hva=0x4f0000-0x4f1000 comm=d\n"
	       "14 1 inval_end id=3\n"
	       "15 1 inval_end id=4\n"
	       "20 1 fault_begin vcpu=0 gfn=0x130\n"
	       "30 1 fault_check vcpu=0\n",
	       "stale:a<c stale:a<c");
	/* The range set by one that is gone, widened by the one that is there. */
	expect("hva",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x440000-0x441000 comm=b\n"
	       "12 1 inval_end id=1\n"
	       "20 1 fault_begin vcpu=0 gfn=0x120\n"
	       "30 1 fault_check vcpu=0\n",
	       "stale:b<a");
	/* a has hit nothing yet. c, which began after b, had hit frames above when b hit one below.
	 */
	expect("gfn",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 walk=1 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x110000-0x111000 walk=1 comm=b\n"
	       "12 1 inval_begin id=3 hva=0x110000-0x111000 walk=1 comm=c\n"
	       "13 1 inval_slot id=3 slot=1 gfn=0x1010-0x1011\n"
	       "14 1 inval_slot id=2 slot=0 gfn=0x10-0x11\n"
	       "15 1 inval_end id=2\n"
	       "16 1 inval_end id=3\n"
	       "20 1 fault_begin vcpu=0 gfn=0x180\n"
	       "30 1 fault_check vcpu=0\n",
	       "stale:a<b");
}

static void test_no_hva(void **state)
{
	expect("hva",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "11 1 inval_begin id=2 gfn=0x3-0x4 comm=b\n"
	       "12 1 inval_begin id=3 gfn=0x4-0x5 comm=c\n"
	       "20 1 fault_begin vcpu=0 gfn=0x180\n"
	       "30 1 fault_check vcpu=0\n",
	       "no-hva:b");
	/* A private fault asks whether anything is in progress: the first that is. */
	expect("hva",
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "11 1 inval_begin id=2 hva=0x420000-0x421000 comm=b\n"
	       "20 1 fault_begin vcpu=0 gfn=0x180 private=1\n"
	       "30 1 fault_check vcpu=0\n",
	       "no-hva:a");
}

/* Only the shared mapping of the page is being invalidated. */
static void test_kind(void **state)
{
	expect("gfn",
	       "9 1 inval_begin id=9 hva=0x4f0000-0x4f1000 comm=other\n"
	       "10 1 inval_begin id=1 hva=0x410000-0x411000 comm=a\n"
	       "20 1 fault_begin vcpu=0 gfn=0x110 private=1\n"
	       "30 1 fault_check vcpu=0\n",
	       "kind:a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_necessary),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_seq),
		cmocka_unit_test(test_alias_and_scatter),
		cmocka_unit_test(test_concurrent_and_stale),
		cmocka_unit_test(test_no_hva),
		cmocka_unit_test(test_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
