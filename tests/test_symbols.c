// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the symbol table of a made-up host says of a function, and what is planned
 * from it: which of several names, on what, and why not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/plan.h"
#include "tests/common/fake_host.h"

struct found {
	struct fake_host fh;
	struct rs_host *host;
	struct rs_types *types;
	struct rs_plan *plan;
};

static struct found f;

static int setup(void **state)
{
	f = (struct found){ 0 };
	fake_host_make(&f.fh, TEST_DATA "/probe/6.12.types");
	return 0;
}

static int teardown(void **state)
{
	rs_plan_free(f.plan);
	rs_types_free(f.types);
	rs_host_close(f.host);
	fake_host_free(&f.fh);
	return 0;
}

static struct rs_symbol look_up(const char *name, const char *table)
{
	struct rs_symbol syms[] = { { .name = "before" }, { .name = name }, { .name = "behind" } };

	fake_host_write(&f.fh, "/proc/kallsyms", table);
	if (!f.host)
		f.host = rs_host_open(f.fh.root, NULL);
	assert_non_null(f.host);
	assert_int_equal(rs_host_symbols(f.host, syms, 3), 0);
	assert_int_equal(syms[0].count + syms[2].count, 0);
	return syms[1];
}

/* Functions are t and T, weak ones w and W; the rest is data, or not here. */
static void test_kinds(void **state)
{
	static const char functions[] = "tTwW", others[] = "aAbBdDrRvVuUiIn?";
	char table[64];

	for (const char *c = functions; *c; c++) {
		snprintf(table, sizeof(table), "ffff0 %c fn\n", *c);
		if (look_up("fn", table).count != 1)
			fail_msg("a symbol of type %c is a function", *c);
	}
	for (const char *c = others; *c; c++) {
		snprintf(table, sizeof(table), "ffff0 %c fn\n", *c);
		if (look_up("fn", table).count)
			fail_msg("a symbol of type %c is no function", *c);
	}
}

/* A copy with other arguments is not the function, a part of it no copy. */
static void test_copies(void **state)
{
	static const char *const copies[] = { "fn.isra.0", "fn.constprop.0",
					      "fn.constprop.0.isra.0", "fn.llvm.123" };
	static const char *const parts[] = { "fn.cold",	       "fn.cold.7", "fn.part.0",
					     "fn.part.0.cold", "fnx",	    "f",
					     "fn_x.isra.0",    "xfn" };
	char table[64];

	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		struct rs_symbol s;

		snprintf(table, sizeof(table), "0 t %s\t[kvm]\n", copies[i]);
		s = look_up("fn", table);
		assert_int_equal(s.count, 0);
		assert_string_equal(s.variant, copies[i]);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct rs_symbol s;

		snprintf(table, sizeof(table), "0 t %s\t[kvm]\n", parts[i]);
		s = look_up("fn", table);
		assert_int_equal(s.count, 0);
		if (*s.variant)
			fail_msg("%s is no copy of fn", parts[i]);
	}
}

static void test_modules(void **state)
{
	struct rs_symbol s = look_up("fn", "0 t fn\t[first]\n0 t other [second]\n0 T fn\t[third]\n"
					   "0 t fn\n");

	assert_int_equal(s.count, 3);
	assert_string_equal(s.module, "first");
	s = look_up("fn", "0 t fn\n0 T fn\t[third]\n");
	assert_int_equal(s.count, 2);
	assert_string_equal(s.module, "");
	s = look_up("fn", "\n0\n0 t\nnonsense\n0 t fn");
	assert_int_equal(s.count, 1);
	assert_string_equal(s.module, "");
}

static void test_blacklist(void **state)
{
	fake_host_write(&f.fh, "/sys/kernel/debug/kprobes/blacklist",
			"0x0-0x1\tfnx\nno tab\n0x0-0x1\txfn\n");
	assert_false(look_up("fn", "0 t fn\n").blacklisted);
	fake_host_append(&f.fh, "/sys/kernel/debug/kprobes/blacklist", "0x0-0x1\tfn\n");
	assert_true(look_up("fn", "0 t fn\n").blacklisted);
}

static void test_unreadable(void **state)
{
	struct rs_symbol s = { .name = "fn" };

	look_up("fn", "");
	fake_host_remove(&f.fh, "/proc/kallsyms");
	assert_int_equal(rs_host_symbols(f.host, &s, 1), -ENOENT);
	fake_host_write(&f.fh, "/proc/kallsyms/x", "a folder");
	assert_true(rs_host_symbols(f.host, &s, 1) < 0);
}

/* The functions of 6.12, with those that @without names left out and @more added. */
static const struct rs_planned_probe *plan(const char *without, const char *more,
					   enum rs_probe_event ev)
{
	static const char *const names[] = {
		"kvm_arch_commit_memory_region",
		"kvm_mmu_notifier_invalidate_range_start",
		"kvm_mmu_notifier_invalidate_range_end",
		"kvm_unmap_gfn_range",
		"kvm_mmu_invalidate_end",
		"kvm_tdp_page_fault",
		"direct_page_fault",
		"paging64_page_fault",
		"kvm_faultin_pfn",
		"is_page_fault_stale",
	};
	char line[128];

	fake_host_write(&f.fh, "/proc/kallsyms", more);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), " %s ", names[i]);
		if (strstr(without, line))
			continue;
		snprintf(line, sizeof(line), "0 t %s\t[kvm]\n", names[i]);
		fake_host_append(&f.fh, "/proc/kallsyms", line);
	}
	rs_plan_free(f.plan);
	rs_types_free(f.types);
	rs_host_close(f.host);
	f.host = rs_host_open(f.fh.root, NULL);
	assert_non_null(f.host);
	f.types = rs_types_load(f.host, NULL);
	f.plan = rs_plan_make(f.host, f.types, NULL);
	assert_non_null(f.plan);
	return &f.plan->probes[ev];
}

static void is_there(const struct rs_planned_probe *p, const char *function)
{
	if (p->state != RS_POINT_THERE)
		fail_msg("it is %s: %s", rs_point_state_name(p->state), p->reason);
	assert_string_equal(p->function, function);
	assert_null(p->reason);
}

static void is_not(const struct rs_planned_probe *p, enum rs_point_state state, const char *why)
{
	assert_string_equal(rs_point_state_name(p->state), rs_point_state_name(state));
	assert_non_null(p->reason);
	assert_string_equal(p->reason, why);
	assert_null(p->function);
}

static void set_paging(const char *npt)
{
	fake_host_remove(&f.fh, "/sys/module/kvm_amd/parameters/npt");
	fake_host_write(&f.fh, "/sys/module/kvm_amd/parameters/other", "");
	if (npt)
		fake_host_write(&f.fh, "/sys/module/kvm_amd/parameters/npt", npt);
}

/* Two-dimensional paging has its own functions; where nothing is known, any will do. */
static void test_paging(void **state)
{
	static const char shadow[] = " kvm_tdp_page_fault  direct_page_fault ";

	set_paging("Y\n");
	is_there(plan("", "", RS_PROBE_FAULT), "kvm_tdp_page_fault");
	assert_int_equal(f.host->paging, RS_PAGING_TDP);
	is_not(plan(shadow, "", RS_PROBE_FAULT), RS_POINT_INLINED,
	       "no function kvm_tdp_page_fault");
	set_paging("N\n");
	is_there(plan("", "", RS_PROBE_FAULT), "paging64_page_fault");
	assert_int_equal(f.host->paging, RS_PAGING_SHADOW);
	is_not(plan(" paging64_page_fault ", "", RS_PROBE_FAULT), RS_POINT_INLINED,
	       "no function paging64_page_fault");
	set_paging(NULL);
	is_there(plan("", "", RS_PROBE_FAULT), "kvm_tdp_page_fault");
	assert_int_equal(f.host->paging, RS_PAGING_UNKNOWN);
	is_there(plan(shadow, "", RS_PROBE_FAULT), "paging64_page_fault");
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
}

/* Of two functions neither of which can be probed, the one that is there says why. */
static void test_reasons(void **state)
{
	static const char both[] = " kvm_tdp_page_fault  direct_page_fault ";

	is_not(plan(both, "0 t direct_page_fault.isra.0\t[kvm]\n", RS_PROBE_FAULT),
	       RS_POINT_REFUSED, "only as direct_page_fault.isra.0, whose arguments are not known");
	is_not(plan(both, "0 t kvm_tdp_page_fault.constprop.0\t[kvm]\n", RS_PROBE_FAULT),
	       RS_POINT_REFUSED,
	       "only as kvm_tdp_page_fault.constprop.0, whose arguments are not known");
	is_not(plan(both, "0 t kvm_tdp_page_fault.isra.0\n0 t direct_page_fault.isra.0\n",
		    RS_PROBE_FAULT),
	       RS_POINT_REFUSED,
	       "only as kvm_tdp_page_fault.isra.0, whose arguments are not known");
	is_not(plan(both, "", RS_PROBE_FAULT), RS_POINT_INLINED, "no function kvm_tdp_page_fault");
	/* A part of it moved out of line changes nothing. */
	is_there(plan("", "0 t kvm_tdp_page_fault.part.0\n0 t kvm_tdp_page_fault.cold\n",
		      RS_PROBE_FAULT),
		 "kvm_tdp_page_fault");
	is_not(plan(both, "0 t kvm_tdp_page_fault.part.0\t[kvm]\n", RS_PROBE_FAULT),
	       RS_POINT_INLINED, "no function kvm_tdp_page_fault");
	/* A weak function is one. */
	is_there(plan(both, "0 W kvm_tdp_page_fault\n", RS_PROBE_FAULT), "kvm_tdp_page_fault");
	is_there(plan(both, "0 w direct_page_fault\n", RS_PROBE_FAULT), "direct_page_fault");
	assert_true(f.plan->probes[RS_PROBE_FAULT].renamed);
	fake_host_write(&f.fh, "/sys/kernel/debug/kprobes/blacklist", "0-1\tis_page_fault_stale\n");
	is_not(plan("", "", RS_PROBE_FAULT_CHECK), RS_POINT_REFUSED,
	       "is_page_fault_stale is on the kernel's kprobe blacklist");
	fake_host_remove(&f.fh, "/sys/kernel/debug/kprobes/blacklist");
	is_not(plan(" kvm_faultin_pfn ", "0 t try_async_pf\n", RS_PROBE_FAULT_BEGIN),
	       RS_POINT_REFUSED, "no type information for try_async_pf");
	/* What needs no types is probed all the same. */
	is_there(plan(" kvm_faultin_pfn ", "0 t try_async_pf\n", RS_PROBE_INVAL_STARTED),
		 "kvm_mmu_notifier_invalidate_range_start");
}

static void test_target(void **state)
{
	assert_string_equal(plan("", "", RS_PROBE_FAULT_CHECK)->target, "is_page_fault_stale");
	assert_string_equal(
		plan("", "0 t is_page_fault_stale\t[zz]\n", RS_PROBE_FAULT_CHECK)->target,
		"zz:is_page_fault_stale");
	assert_string_equal(plan("", "0 t is_page_fault_stale\n", RS_PROBE_FAULT_CHECK)->target,
			    "is_page_fault_stale");
}

static void test_levels(void **state)
{
	plan("", "", RS_PROBE_FAULT);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	for (unsigned int i = 0; i < RS_NR_PARTS; i++)
		assert_true(f.plan->parts[i]);
	/* Optional: the kernel inlines it. */
	plan(" kvm_mmu_invalidate_end ", "", RS_PROBE_FAULT);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	plan(" is_page_fault_stale ", "", RS_PROBE_FAULT);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	assert_false(f.plan->parts[RS_PART_DECISIONS]);
	assert_false(f.plan->parts[RS_PART_STATE]);
	assert_true(f.plan->parts[RS_PART_FAULTS]);
	plan(" kvm_arch_commit_memory_region ", "", RS_PROBE_FAULT);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	assert_false(f.plan->parts[RS_PART_MEMSLOTS]);
	assert_true(f.plan->parts[RS_PART_STATE]);
}

/* Only an optional probe's refusal leaves the level; what was refused stays so. */
static void test_refusals(void **state)
{
	plan("", "", RS_PROBE_FAULT);
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		enum rs_level level = rs_points[ev].optional ? RS_LEVEL_FULL : RS_LEVEL_PARTIAL;

		plan("", "", RS_PROBE_FAULT);
		if (f.plan->probes[ev].state != RS_POINT_THERE)
			continue;
		assert_int_equal(rs_plan_refuse(f.plan, ev, "the kernel said no"), 0);
		assert_int_equal(f.plan->probes[ev].state, RS_POINT_REFUSED);
		assert_string_equal(f.plan->probes[ev].reason, "the kernel said no");
		if (f.plan->level != level)
			fail_msg("without %s the level is %s", rs_probe_event_name(ev),
				 rs_level_name(f.plan->level));
		assert_int_equal(f.plan->parts[rs_points[ev].part], rs_points[ev].optional);
	}
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++)
		assert_int_equal(rs_plan_refuse(f.plan, ev, "no"), 0);
	assert_int_equal(f.plan->level, RS_LEVEL_TRACEPOINTS);
	fake_host_remove(&f.fh, "/sys/kernel/tracing/events");
	plan("", "", RS_PROBE_FAULT);
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++)
		assert_int_equal(rs_plan_refuse(f.plan, ev, "no"), 0);
	assert_int_equal(f.plan->level, RS_LEVEL_NONE);
}

static void test_vendors(void **state)
{
	static const struct {
		const char *ept, *npt, *vendor;
		enum rs_paging paging;
	} cases[] = {
		{ "Y\n", NULL, "kvm_intel", RS_PAGING_TDP },
		{ "N\n", NULL, "kvm_intel", RS_PAGING_SHADOW },
		{ NULL, "1\n", "kvm_amd", RS_PAGING_TDP },
		{ NULL, "0\n", "kvm_amd", RS_PAGING_SHADOW },
		/* Both built in: the one whose hardware is there has it set. */
		{ "N\n", "1\n", "kvm_amd", RS_PAGING_TDP },
		{ "Y\n", "0\n", "kvm_intel", RS_PAGING_TDP },
		{ "N\n", "0\n", "kvm_intel", RS_PAGING_SHADOW },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_host_remove(&f.fh, "/sys/module/kvm_amd");
		fake_host_remove(&f.fh, "/sys/module/kvm_intel");
		if (cases[i].ept)
			fake_host_write(&f.fh, "/sys/module/kvm_intel/parameters/ept",
					cases[i].ept);
		if (cases[i].npt)
			fake_host_write(&f.fh, "/sys/module/kvm_amd/parameters/npt", cases[i].npt);
		plan("", "", RS_PROBE_FAULT);
		assert_string_equal(f.host->vendor, cases[i].vendor);
		assert_int_equal(f.host->paging, cases[i].paging);
	}
	/* A module that does not tell how it pages is still the one. */
	fake_host_remove(&f.fh, "/sys/module/kvm_amd/parameters");
	fake_host_remove(&f.fh, "/sys/module/kvm_intel");
	plan("", "", RS_PROBE_FAULT);
	assert_string_equal(f.host->vendor, "kvm_amd");
	assert_int_equal(f.host->paging, RS_PAGING_UNKNOWN);
}

/* tracefs wins over debugfs, wherever each is mounted and listed. */
static void test_mounts(void **state)
{
	static const char tracefs[] = "t /somewhere/tracing tracefs rw 0 0\n";
	static const char debugfs[] = "d /somewhere/debug debugfs rw 0 0\n";
	char mounts[256];

	fake_host_write(&f.fh, "/somewhere/tracing/kprobe_events", "");
	snprintf(mounts, sizeof(mounts), "%s%s", debugfs, tracefs);
	fake_host_write(&f.fh, "/proc/mounts", mounts);
	plan("", "", RS_PROBE_FAULT);
	assert_non_null(strstr(f.host->tracefs, "/somewhere/tracing"));
	fake_host_write(&f.fh, "/somewhere/debug/tracing/kprobe_events", "");
	plan("", "", RS_PROBE_FAULT);
	assert_non_null(strstr(f.host->tracefs, "/somewhere/tracing"));
	snprintf(mounts, sizeof(mounts), "\nshort\na b\n%s%s", tracefs, debugfs);
	fake_host_write(&f.fh, "/proc/mounts", mounts);
	plan("", "", RS_PROBE_FAULT);
	assert_non_null(strstr(f.host->tracefs, "/somewhere/tracing"));
	/* Of two the first. */
	snprintf(mounts, sizeof(mounts), "%st /other/tracing tracefs rw 0 0\n", tracefs);
	fake_host_write(&f.fh, "/proc/mounts", mounts);
	plan("", "", RS_PROBE_FAULT);
	assert_non_null(strstr(f.host->tracefs, "/somewhere/tracing"));
	fake_host_write(&f.fh, "/proc/mounts", debugfs);
	plan("", "", RS_PROBE_FAULT);
	assert_non_null(strstr(f.host->tracefs, "/somewhere/debug/tracing"));
	fake_host_remove(&f.fh, "/somewhere/debug/tracing");
	plan("", "", RS_PROBE_FAULT);
	assert_null(f.host->tracefs);
}

#define symbols_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		symbols_test(test_kinds),      symbols_test(test_copies),
		symbols_test(test_modules),    symbols_test(test_blacklist),
		symbols_test(test_unreadable), symbols_test(test_paging),
		symbols_test(test_reasons),    symbols_test(test_target),
		symbols_test(test_levels),     symbols_test(test_refusals),
		symbols_test(test_vendors),    symbols_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
