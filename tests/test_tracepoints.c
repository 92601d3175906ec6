// SPDX-License-Identifier: GPL-2.0-only
/* What a trace with KVM's tracepoints alone tells, with assumptions and without. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"
#include "traces/dat/dat_tracepoints.h"

static const char memslots[] = "retryscope-events 1\n"
			       "0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000\n";

/* An invalidation at 1000 ns, of which a fault at 1500 is in the middle; then a loss. */
#define FIELDS(n) .data = (const unsigned char *)input[n].v, .at = rs_dat_array_fields
static const struct rs_dat_probe input[] = {
	{ .time = 1000,
	  .kind = RS_DAT_TP_UNMAP_HVA,
	  FIELDS(0),
	  .v = { [RS_DAT_F_START] = 0x7f0000000000, [RS_DAT_F_END] = 0x7f0000001000 } },
	{ .time = 1500,
	  .kind = RS_DAT_TP_PAGE_FAULT,
	  .has = 1U << RS_DAT_F_TP_VCPU,
	  FIELDS(1),
	  .v = { [RS_DAT_F_TP_VCPU] = 3, [RS_DAT_F_TP_ADDRESS] = 0x7123 } },
	{ .time = 5000,
	  .kind = RS_DAT_TP_PAGE_FAULT,
	  .has = 1U << RS_DAT_F_TP_VCPU,
	  FIELDS(2),
	  .v = { [RS_DAT_F_TP_VCPU] = 3, [RS_DAT_F_TP_ADDRESS] = 0x8000 } },
	{ .time = 5000, .kind = RS_DAT_KIND_GAP_BEGIN, .missed = 7 },
};

struct fixture {
	struct rs_dat_probes probes;
	struct rs_trace_meta meta;
	struct rs_dat_names names;
	struct rs_dat_events out;
	struct rs_error err;
};

static void make(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(rs_dat_names_init(&f->names, NULL, &f->meta), 0);
	f->probes.present[RS_DAT_TP_PAGE_FAULT] = true;
	f->probes.present[RS_DAT_TP_UNMAP_HVA] = true;
}

static void unmake(struct fixture *f)
{
	rs_dat_names_free(&f->names);
	rs_meta_free(&f->meta);
	free(f->out.ev);
}

static void take(struct fixture *f, const struct rs_reader_opts *opts)
{
	struct rs_dat_tp *tp = rs_dat_tp_new(&f->probes, opts, &f->names, &f->meta, &f->err);

	assert_non_null(tp);
	for (size_t i = 0; i < sizeof(input) / sizeof(input[0]); i++)
		assert_int_equal(rs_dat_tp_put(tp, &input[i], &f->out), 0);
	assert_int_equal(rs_dat_tp_finish(tp, &f->out), 0);
	rs_dat_tp_free(tp);
}

static void assert_events(const struct fixture *f, const char *wanted)
{
	char got[256] = "";

	for (size_t i = 0; i < f->out.nr; i++) {
		const size_t len = strlen(got);

		snprintf(got + len, sizeof(got) - len, "%s%d:%s", len ? " " : "",
			 (int)f->out.ev[i].time_ns, rs_event_name(f->out.ev[i].type));
	}
	assert_string_equal(got, wanted);
}

static void test_refused(void **state)
{
	const struct rs_reader_opts opts = { .assume_duration_ns = 1000 };
	static struct fixture f;

	make(&f);
	assert_null(rs_dat_tp_new(&f.probes, &opts, &f.names, &f.meta, &f.err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(f.err.text, "--memslots"));
	assert_null(strstr(f.err.text, "--assume-duration"));
	unmake(&f);
}

static void test_facts(void **state)
{
	const struct rs_reader_opts opts = { .facts_do = true };
	static struct fixture f;

	make(&f);
	take(&f, &opts);
	assert_events(&f, "");
	assert_string_equal(rs_meta_fact(&f.meta, "tracepoints.faults"), "2");
	assert_string_equal(rs_meta_fact(&f.meta, "tracepoints.invalidations"), "1");
	assert_int_equal(f.meta.lost, 7);
	assert_int_equal(f.meta.nr_assumptions, 0);
	unmake(&f);
}

static void test_assumed(void **state)
{
	const struct rs_reader_opts opts = {
		.assume_duration_ns = 1000,
		.memslots_path = test_write_file("memslots.txt", memslots, strlen(memslots)),
		.each_event = rs_reader_each,
		.facts_do = true,
	};
	static struct fixture f;

	make(&f);
	take(&f, &opts);
	assert_events(&f, "1000:memslot 1000:inval_begin 1500:fault_begin 1500:fault_check "
			  "2000:inval_end 5000:fault_begin 5000:fault_check 5000:lost");
	assert_int_equal(f.out.ev[2].fault.gfn, 7);
	assert_int_equal(f.out.ev[2].fault.vcpu, 3);
	assert_int_equal(f.meta.nr_assumptions, 4);
	unmake(&f);
}

static const char two_memslots[] = "retryscope-events 1\n"
				   "0 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x7f0000000000\n"
				   "0 7 memslot id=1 gfn=0x20 npages=0x10 hva=0x7f0000020000\n";
#define MEMSLOTS(t)                                                                   \
#t " 1 memslot as=0 id=0 gfn=0x0 npages=0x10 hva=0x7f0000000000 flags=0\n" #t \
	   " 1 memslot as=0 id=1 gfn=0x20 npages=0x10 hva=0x7f0000020000 flags=0\n"

/* What is made of the trace of @d, which is freed, with invalidations of @duration_ns. */
static void read_assuming(struct test_trace *t, struct dat *d, uint64_t duration_ns,
			  const char *memslot_lines)
{
	char *path = strdup(test_write_file("given.txt", memslot_lines, strlen(memslot_lines)));
	const struct rs_reader_opts opts = { .assume_duration_ns = duration_ns,
					     .memslots_path = path };

	read_back_with(t, d, &opts);
	free(path);
}

static void expect_assuming(struct dat *d, uint64_t duration_ns, const char *expected)
{
	struct test_trace t;
	char *lines;

	read_assuming(&t, d, duration_ns, two_memslots);
	assert_string_equal(t.message, "");
	lines = lines_of(&t);
	assert_string_equal(lines, expected);
	free(lines);
	test_trace_free(&t);
}

static struct dat *tracepoints_only(void)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	dat_without_probes(d);
	return d;
}

static void put_tp(struct dat *d, uint64_t t, unsigned int task, unsigned int kind, uint64_t a,
		   uint64_t b)
{
	put_all(d, &(const struct put){ t, task, kind, { a, b } }, 1);
}

/* A fault is decided when its own vCPU enters the guest, or faults again; others' do nothing. */
static void test_decided_at_the_entry(void **state)
{
	struct dat *d = tracepoints_only();

	put_tp(d, 1000, VCPU0, DAT_ENTRY, 0, 0);
	put_tp(d, 1100, VCPU0, DAT_PAGE_FAULT, 0, 0x1000);
	put_tp(d, 1150, VCPU1, DAT_ENTRY, 1, 0);
	put_tp(d, 1200, VCPU0, DAT_ENTRY, 0, 0);
	put_tp(d, 1250, VCPU0, DAT_ENTRY, 0, 0);
	put_tp(d, 1300, VCPU0, DAT_PAGE_FAULT, 0, 0x2fff);
	put_tp(d, 1400, VCPU0, DAT_PAGE_FAULT, 0, 0x3000);
	expect_assuming(d, 100,
			MEMSLOTS(1000) "1100 1 fault_begin vcpu=0 gfn=0x1\n"
				       "1200 1 fault_check vcpu=0 result=unknown\n"
				       "1300 1 fault_begin vcpu=0 gfn=0x2\n"
				       "1400 1 fault_check vcpu=0 result=unknown\n"
				       "1400 1 fault_begin vcpu=0 gfn=0x3\n"
				       "#@ level tracepoints\n");
}

/* All last as long as is assumed: they end as they began, at the same time before what follows. */
static void test_ends_of_invalidations(void **state)
{
	struct dat *d = tracepoints_only();

	dat_without(d, DAT_ENTRY);
	put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	put_tp(d, 1050, RECLAIM, DAT_UNMAP_HVA, HVA + 0x2000, HVA + 0x3000);
	put_tp(d, 1100, VCPU0, DAT_PAGE_FAULT, 2, 0x1000);
	put_tp(d, 1149, VCPU0, DAT_PAGE_FAULT, 2, 0x1000);
	expect_assuming(d, 100,
			MEMSLOTS(1000) "1000 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000001000\n"
				       "1050 1 inval_begin id=2 hva=0x7f0000002000-0x7f0000003000\n"
				       "1100 1 inval_end id=1\n"
				       "1100 1 fault_begin vcpu=2 gfn=0x1\n"
				       "1100 1 fault_check vcpu=2 result=unknown\n"
				       "1149 1 fault_begin vcpu=2 gfn=0x1\n"
				       "1149 1 fault_check vcpu=2 result=unknown\n"
				       "1150 1 inval_end id=2\n"
				       "#@ level tracepoints\n");
	/* A duration beyond the last time that there is: it ends there. */
	d = tracepoints_only();
	put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	expect_assuming(d, UINT64_MAX - 999,
			MEMSLOTS(1000) "1000 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000001000\n"
				       "18446744073709551615 1 inval_end id=1\n"
				       "#@ level tracepoints\n");
}

static uint64_t begin_of(uint64_t i)
{
	return 1000 + (i < 700 ? 2 * i : 700 + i);
}

/* So many at a time that their list grows, and goes round in its room. */
static void test_many_ends(void **state)
{
	struct dat *d = tracepoints_only();
	struct test_trace t;
	uint64_t id = 0;

	for (uint64_t i = 0; i < 4000; i++)
		put_tp(d, begin_of(i), RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 4096 * i);
	read_assuming(&t, d, 1200, two_memslots);
	assert_int_equal(t.nr, 2 + 2 * 4000);
	for (size_t i = 2; i < t.nr; i++) {
		const struct rs_event *ev = &t.evs[i];

		if (ev->type != RS_EV_INVAL_END)
			continue;
		assert_int_equal(ev->inval.id, ++id);
		assert_int_equal(ev->time_ns, begin_of(id - 1) + 1200);
	}
	assert_int_equal(id, 4000);
	test_trace_free(&t);
}

/* Of what is lost nothing is known any more: no fault is decided, no invalidation ends. */
static void test_losses(void **state)
{
	for (int unknown = 0; unknown < 2; unknown++) {
		struct dat *d = tracepoints_only();

		put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
		put_tp(d, 1100, VCPU0, DAT_PAGE_FAULT, 0, 0x1000);
		dat_lose(d, unknown ? UINT64_MAX : 5);
		put_tp(d, 1300, VCPU0, DAT_ENTRY, 0, 0);
		put_tp(d, 1400, VCPU0, DAT_PAGE_FAULT, 0, 0x2000);
		put_tp(d, 1500, VCPU0, DAT_ENTRY, 0, 0);
		expect_assuming(
			d, 250,
			unknown ? MEMSLOTS(1000) "1000 1 inval_begin id=1 "
						 "hva=0x7f0000000000-0x7f0000001000\n"
						 "1100 1 fault_begin vcpu=0 gfn=0x1\n"
						 "1100 1 lost count=unknown\n"
						 "1100 1 lost count=0\n"
						 "1400 1 fault_begin vcpu=0 gfn=0x2\n"
						 "1500 1 fault_check vcpu=0 result=unknown\n"
						 "#@ level tracepoints\n"
						 "#@ anomaly lost-unknown-number 1\n"
				: MEMSLOTS(1000) "1000 1 inval_begin id=1 "
						 "hva=0x7f0000000000-0x7f0000001000\n"
						 "1100 1 fault_begin vcpu=0 gfn=0x1\n"
						 "1100 1 lost count=5\n"
						 "1100 1 lost count=0\n"
						 "1400 1 fault_begin vcpu=0 gfn=0x2\n"
						 "1500 1 fault_check vcpu=0 result=unknown\n"
						 "#@ level tracepoints\n");
	}
}

/* While a loss lasts, it is said again every 5 ms: what comes then is not known to be all. */
static void test_loss_that_lasts(void **state)
{
	struct dat *d = tracepoints_only();

	put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	put_tp(d, 1100, VCPU0, DAT_PAGE_FAULT, 0, 0x1000);
	/* Behind it that CPU has nothing more of use. */
	dat_lose(d, UINT64_MAX);
	dat_stamp(d, 1200);
	put_tp(d, 5001100, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	put_tp(d, 5001101, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	expect_assuming(d, 250,
			MEMSLOTS(1000) "1000 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000001000\n"
				       "1100 1 fault_begin vcpu=0 gfn=0x1\n"
				       "1100 1 lost count=unknown\n"
				       "5001100 1 inval_begin id=2 "
				       "hva=0x7f0000000000-0x7f0000001000\n"
				       "5001101 1 lost count=0\n"
				       "5001101 1 inval_begin id=3 "
				       "hva=0x7f0000000000-0x7f0000001000\n"
				       "5001351 1 inval_end id=3\n"
				       "#@ level tracepoints\n"
				       "#@ anomaly lost-unknown-number 1\n");
}

/*
 * A recording in pieces: up to a pause all is as it was, what lasts then is forgotten, and nothing
 * between is taken. What is neither a fault, an invalidation nor an entry tells nothing.
 */
static void test_seams(void **state)
{
	struct dat *d = tracepoints_only();

	put_tp(d, 900, RECLAIM, DAT_UNMAP_HVA, HVA + 0x2000, HVA + 0x3000);
	put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	put_tp(d, 1100, VCPU0, DAT_PAGE_FAULT, 0, 0x1000);
	put_tp(d, 1110, VCPU0, DAT_ASYNC_NOT_PRESENT, 1, 0x1000);
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_marker(d, 1200, "retryscope-fact seam pause\n");
	put_tp(d, 1300, VCPU1, DAT_PAGE_FAULT, 1, 0x2000);
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_marker(d, 2000, "retryscope-fact seam resume\n");
	put_tp(d, 2100, VCPU0, DAT_ENTRY, 0, 0);
	put_tp(d, 2150, VCPU1, DAT_ENTRY, 1, 0);
	put_tp(d, 2200, VCPU0, DAT_PAGE_FAULT, 0, 0x3000);
	put_tp(d, 2300, VCPU0, DAT_ENTRY, 0, 0);
	expect_assuming(d, 250,
			MEMSLOTS(900) "900 1 inval_begin id=1 hva=0x7f0000002000-0x7f0000003000\n"
				      "1000 1 inval_begin id=2 hva=0x7f0000000000-0x7f0000001000\n"
				      "1100 1 fault_begin vcpu=0 gfn=0x1\n"
				      "1150 1 inval_end id=1\n"
				      "1200 1 lost count=0 pause=1\n"
				      "2000 1 lost count=0 resume=1\n"
				      "2200 1 fault_begin vcpu=0 gfn=0x3\n"
				      "2300 1 fault_check vcpu=0 result=unknown\n"
				      "#@ level tracepoints\n");
}

static void test_vcpus(void **state)
{
	struct dat *d = tracepoints_only();
	struct test_trace t;

	put_tp(d, 1000, VCPU0, DAT_PAGE_FAULT, RS_MAX_VCPU, 0x1000);
	put_tp(d, 1100, VCPU1, DAT_PAGE_FAULT, RS_MAX_VCPU + 1, 0x1000);
	put_tp(d, 1200, VCPU1, DAT_ENTRY, RS_MAX_VCPU + 1, 0x1000);
	read_assuming(&t, d, 100, two_memslots);
	assert_int_equal(t.nr, 3);
	assert_int_equal(t.evs[2].fault.vcpu, RS_MAX_VCPU);
	assert_int_equal(count_anomaly(&t, "vcpu-too-large"), 2);
	test_trace_free(&t);
}

/* Read a second time, all is as it was the first. */
static void test_rewind(void **state)
{
	char *path = strdup(test_write_file("given.txt", two_memslots, strlen(two_memslots)));
	const struct rs_reader_opts opts = { .assume_duration_ns = 250, .memslots_path = path };
	struct dat *d = tracepoints_only();
	struct test_trace t[2] = { 0 };
	struct rs_error err = { 0 };
	unsigned char *bytes;
	struct rs_reader *r;
	size_t size;

	for (unsigned int i = 0; i < 40; i++) {
		put_tp(d, 1000 + 100 * i, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
		put_tp(d, 1050 + 100 * i, VCPU0, DAT_PAGE_FAULT, i % 3, 0x1000);
	}
	dat_lose(d, UINT64_MAX);
	put_tp(d, 9000, VCPU1, DAT_PAGE_FAULT, 0, 0x1000);
	bytes = dat_finish(d, &size);
	r = rs_reader_open(test_write_file("tp.dat", bytes, size), &opts, &err);
	assert_non_null(r);
	for (int pass = 0; pass < 2; pass++) {
		const struct rs_event *evs;
		ssize_t n;

		if (pass)
			assert_int_equal(rs_reader_rewind(r, &err), 0);
		while ((n = rs_reader_next(r, &evs, &err)) > 0) {
			t[pass].evs =
				reallocarray(t[pass].evs, t[pass].nr + (size_t)n, sizeof(*evs));
			memcpy(t[pass].evs + t[pass].nr, evs, (size_t)n * sizeof(*evs));
			t[pass].nr += (size_t)n;
		}
		assert_int_equal(n, 0);
		assert_int_equal(rs_meta_copy(&t[pass].meta, rs_reader_meta(r)), 0);
	}
	assert_int_equal(count_anomaly(&t[0], "vcpu-of-several-tasks"), 1);
	test_assert_same_trace(&t[0], &t[1]);
	rs_reader_close(r);
	test_trace_free(&t[0]);
	test_trace_free(&t[1]);
	free(bytes);
	free(path);
}

static void test_memslots_file(void **state)
{
	static const char other[] = "retryscope-events 1\n0 1 lost count=1\n";
	struct dat *d = tracepoints_only();
	struct test_trace t;

	put_tp(d, 1000, RECLAIM, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
	read_assuming(&t, d, 100, other);
	assert_int_equal(t.rc, -EINVAL);
	assert_non_null(strstr(t.err.text, "only memslot lines are expected here, not lost"));
	test_trace_free(&t);
}

static void test_too_few_tracepoints(void **state)
{
	static const unsigned int without[] = { DAT_PAGE_FAULT, DAT_UNMAP_HVA };

	for (size_t i = 0; i < NR(without); i++) {
		struct dat *d = tracepoints_only();
		struct test_trace t;

		dat_without(d, without[i]);
		put_tp(d, 1000, VCPU0, DAT_ENTRY, 0, 0);
		read_assuming(&t, d, 100, two_memslots);
		assert_int_equal(t.rc, -EINVAL);
		assert_non_null(strstr(t.err.text, "both of the tracepoints kvm:kvm_page_fault"));
		test_trace_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_assumed),
		cmocka_unit_test(test_decided_at_the_entry),
		cmocka_unit_test(test_ends_of_invalidations),
		cmocka_unit_test(test_many_ends),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_loss_that_lasts),
		cmocka_unit_test(test_seams),
		cmocka_unit_test(test_vcpus),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_memslots_file),
		cmocka_unit_test(test_too_few_tracepoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
