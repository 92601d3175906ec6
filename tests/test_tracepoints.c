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

#include "tests/common/trace_file.h"
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
	struct rs_dat_events out;
	struct rs_error err;
};

static void make(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->probes.present[RS_DAT_TP_PAGE_FAULT] = true;
	f->probes.present[RS_DAT_TP_UNMAP_HVA] = true;
}

static void unmake(struct fixture *f)
{
	rs_meta_free(&f->meta);
	free(f->out.ev);
}

static void take(struct fixture *f, const struct rs_reader_opts *opts)
{
	struct rs_dat_tp *tp = rs_dat_tp_new(&f->probes, opts, &f->meta, &f->err);

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
	assert_null(rs_dat_tp_new(&f.probes, &opts, &f.meta, &f.err));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_assumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
