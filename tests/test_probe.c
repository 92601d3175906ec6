// SPDX-License-Identifier: GPL-2.0-only
/*
 * What retryscope finds out about a host, on made-up hosts of several kernels'
 * shapes: levels, names, offsets from their types, and the probe definitions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/facts.h"
#include "capture/plan.h"
#include "tests/common/fake_host.h"

#define PROBE_DATA TEST_DATA "/probe/"

struct found {
	struct fake_host fh;
	struct rs_host *host;
	struct rs_types *types;
	struct rs_plan *plan;
};

/* Of a kernel whose types lack the lines with @word; NULL: none. */
static void make_without(struct found *f, const char *kernel, const char *word)
{
	char path[256];

	*f = (struct found){ 0 };
	snprintf(path, sizeof(path), PROBE_DATA "%s.types", kernel);
	fake_host_make_without(&f->fh, path, word);
}

static void make(struct found *f, const char *kernel)
{
	make_without(f, kernel, NULL);
}

static void look(struct found *f, uint64_t withheld)
{
	struct rs_plan_opts opts = { .withheld = withheld };
	struct rs_error err = { 0 };

	f->host = rs_host_open(f->fh.root, &err);
	assert_non_null(f->host);
	f->types = rs_types_load(f->host, &err);
	f->plan = rs_plan_make(f->host, f->types, &opts);
	assert_non_null(f->plan);
}

static void drop(struct found *f)
{
	rs_plan_free(f->plan);
	rs_types_free(f->types);
	rs_host_close(f->host);
	fake_host_free(&f->fh);
}

static enum rs_point_state state_of(const struct found *f, enum rs_probe_event ev)
{
	return f->plan->probes[ev].state;
}

/* "+0x0(" and "+0(" are the same offset. */
static void normalise(char *line)
{
	char *p;

	line[strcspn(line, "\n")] = '\0';
	while ((p = strstr(line, "+0x0(")))
		memmove(p + 2, p + 4, strlen(p + 4) + 1);
}

/* One line a probe: its definition, or "EVENT STATE"; "lacks" lines; the level first. */
static void describe(const struct found *f, FILE *out)
{
	fprintf(out, "level %s\n", rs_level_name(f->plan->level));
	fprintf(out, "without a host address: %s%s\n", f->plan->gfn_invals ? "told" : "not told",
		f->plan->private_kinds ? ", private or not" : "");
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_planned_probe *probe = &f->plan->probes[ev];
		char *line = rs_plan_definition(f->plan, ev, "retryscope");

		if (line) {
			normalise(line);
			fprintf(out, "%s\n", line);
		} else {
			fprintf(out, "%s %s\n", rs_probe_event_name(ev),
				rs_point_state_name(probe->state));
		}
		if (probe->lacking)
			fprintf(out, "%s lacks %s\n", rs_probe_event_name(ev), probe->lacking);
		free(line);
	}
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	assert_non_null(text);
	if (f) {
		text[fread(text, 1, (1 << 16) - 1, f)] = 0;
		fclose(f);
	}
	return text;
}

static void check_kernel(const char *kernel)
{
	char path[256], *expected, *got;
	struct found f;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	make(&f, kernel);
	look(&f, 0);
	describe(&f, out);
	fclose(out);
	snprintf(path, sizeof(path), PROBE_DATA "%s.expected", kernel);
	expected = read_file(path);
	if (strcmp(got, expected))
		fprintf(stderr, "%s: got\n%s", path, got);
	assert_string_equal(got, expected);
	free(expected);
	free(got);
	drop(&f);
}

static void test_kernels(void **state)
{
	static const char *const kernels[] = { "5.10", "5.15", "6.1",  "6.1.45",
					       "6.8",  "6.12", "6.18", "7.3" };

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		check_kernel(kernels[i]);
}

/* The very probes with which the sample captures were made, but for what came later. */
static void check_definitions(const char *kernel)
{
	char path[256], line[2048];
	struct found f;
	unsigned int n = 0, there = 0;
	FILE *in;

	make(&f, kernel);
	look(&f, 0);
	snprintf(path, sizeof(path), PROBE_DATA "%s.probes", kernel);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char name[64], *ours;
		unsigned int ev = 0;

		assert_int_equal(sscanf(line, "%*[^/]/%63s", name), 1);
		while (strcmp(rs_probe_event_name(ev), name))
			assert_true(++ev < RS_NR_PROBE_EVENTS);
		ours = rs_plan_definition(f.plan, ev, "retryscope");
		assert_non_null(ours);
		normalise(ours);
		normalise(line);
		if (strlen(ours) > strlen(line) && ours[strlen(line)] == ' ')
			ours[strlen(line)] = '\0';
		assert_string_equal(ours, line);
		free(ours);
		n++;
	}
	fclose(in);
	for (unsigned int ev = 0; ev < RS_PROBE_INVAL_BEGIN; ev++)
		there += state_of(&f, ev) == RS_POINT_THERE;
	assert_int_equal(n, there);
	drop(&f);
}

static void test_definitions(void **state)
{
	check_definitions("6.1");
	check_definitions("6.12");
}

/* traces/dat/probe_events.h and capture/points.c name the same fields in the same order. */
static void test_field_names(void **state)
{
#define EVENT_FIELDS(sym, name, ...) { __VA_ARGS__, NULL },
	static const char *const fields[RS_NR_PROBE_EVENTS][RS_MAX_FIELDS + 6] = { RS_PROBE_EVENTS(
		EVENT_FIELDS) };
#undef EVENT_FIELDS

	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_point *point = &rs_points[ev];
		unsigned int i = 0;

		for (; i < RS_MAX_FIELDS && point->fields[i].name; i++)
			assert_string_equal(fields[ev][i], point->fields[i].name);
		for (unsigned int s = 0; point->has_state && s < RS_NR_STATE_FIELDS; s++)
			assert_string_equal(fields[ev][i++], rs_state_fields[s].name);
		if (point->last.name)
			assert_string_equal(fields[ev][i++], point->last.name);
		assert_null(fields[ev][i]);
	}
}

static void test_no_types(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/sys/kernel/btf");
	look(&f, 0);
	assert_null(f.types);
	assert_int_equal(f.plan->level, RS_LEVEL_TRACEPOINTS);
	assert_int_equal(state_of(&f, RS_PROBE_FAULT_CHECK), RS_POINT_REFUSED);
	assert_int_equal(state_of(&f, RS_PROBE_INVAL_STARTED), RS_POINT_THERE);
	drop(&f);
}

static void test_broken_types(void **state)
{
	struct rs_error err = { 0 };
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/sys/kernel/btf/kvm", "no types");
	look(&f, 0);
	assert_null(f.types);
	assert_null(rs_types_load(f.host, &err));
	assert_int_equal(err.kind, RS_ERR_HOST);
	assert_non_null(strstr(err.text, "/sys/kernel/btf/kvm"));
	drop(&f);
}

static void test_no_kprobes(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/sys/kernel/tracing/kprobe_events");
	look(&f, 0);
	assert_int_equal(f.host->kprobes, RS_ACCESS_NONE);
	assert_int_equal(f.plan->level, RS_LEVEL_TRACEPOINTS);
	assert_int_equal(state_of(&f, RS_PROBE_MEMSLOT), RS_POINT_REFUSED);
	drop(&f);
}

/* What could be recorded is told even where tracing cannot be looked at. */
static void test_no_tracefs(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/proc/mounts", "proc /proc proc rw 0 0\n");
	look(&f, 0);
	assert_null(f.host->tracefs);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	assert_false(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_FULL);
	assert_non_null(strstr(f.plan->level_reason, "not mounted"));
	assert_true(f.plan->tracepoints[0].there);
	assert_false(f.plan->tracepoints[2].there);
	drop(&f);
}

/* Root's alone, and so it looks the same where the directory was not copied. */
static void test_unknown_kprobes(void **state)
{
	struct found f;

	make(&f, "6.12");
	look(&f, 0);
	assert_true(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_FULL);
	assert_null(f.plan->level_reason);
	f.host->tracing = f.host->kprobes = RS_ACCESS_DENIED;
	rs_plan_free(f.plan);
	f.plan = rs_plan_make(f.host, f.types, NULL);
	assert_false(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_FULL);
	assert_non_null(strstr(f.plan->level_reason, "this user cannot see"));
	drop(&f);
	make(&f, "6.12");
	fake_host_remove(&f.fh, "/sys/kernel/tracing");
	look(&f, 0);
	assert_false(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_FULL);
	drop(&f);
}

/* Without types there is no more to be had, whether there are kprobe events or not. */
static void test_known_without_looking(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/sys/kernel/btf");
	fake_host_write(&f.fh, "/proc/mounts", "proc /proc proc rw 0 0\n");
	look(&f, 0);
	assert_true(f.plan->level_known);
	assert_int_equal(f.plan->at_most, f.plan->level);
	drop(&f);
}

/* Confidentiality forbids kprobes and tracefs, integrity does not. */
static void test_lockdown(void **state)
{
	static const struct {
		const char *text;
		enum rs_lockdown lockdown;
		enum rs_level level;
	} modes[] = {
		{ "[none] integrity confidentiality\n", RS_LOCKDOWN_NONE, RS_LEVEL_FULL },
		{ "none [integrity] confidentiality\n", RS_LOCKDOWN_INTEGRITY, RS_LEVEL_FULL },
		{ "none integrity [confidentiality]\n", RS_LOCKDOWN_CONFIDENTIALITY,
		  RS_LEVEL_NONE },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const bool forbids = modes[i].level == RS_LEVEL_NONE;
		struct found f;

		make(&f, "6.12");
		fake_host_write(&f.fh, "/sys/kernel/security/lockdown", modes[i].text);
		look(&f, 0);
		assert_int_equal(f.host->lockdown, modes[i].lockdown);
		assert_int_equal(f.plan->level, modes[i].level);
		assert_true(f.plan->level_known);
		assert_int_equal(forbids, f.plan->level_reason != NULL);
		assert_int_equal(state_of(&f, RS_PROBE_FAULT_CHECK),
				 forbids ? RS_POINT_REFUSED : RS_POINT_THERE);
		assert_int_equal(f.plan->tracepoints[0].there, !forbids);
		drop(&f);
	}
}

static void test_debugfs(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/proc/mounts", "d /sys/kernel/debug debugfs rw 0 0\n");
	fake_host_write(&f.fh, "/sys/kernel/debug/tracing/kprobe_events", "");
	look(&f, 0);
	assert_non_null(strstr(f.host->tracefs, "/sys/kernel/debug/tracing"));
	assert_int_equal(f.host->kprobes, RS_ACCESS_OK);
	drop(&f);
}

static void test_no_kvm(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/sys/module");
	fake_host_remove(&f.fh, "/sys/kernel/btf/kvm");
	fake_host_remove(&f.fh, "/sys/kernel/tracing/events");
	fake_host_write(&f.fh, "/proc/kallsyms", "0 T schedule\n");
	look(&f, 0);
	assert_false(f.host->kvm);
	assert_null(f.host->vendor);
	assert_int_equal(f.plan->level, RS_LEVEL_NONE);
	assert_int_equal(state_of(&f, RS_PROBE_MEMSLOT), RS_POINT_INLINED);
	drop(&f);
}

static void test_no_symbols(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/proc/kallsyms");
	look(&f, 0);
	assert_int_equal(state_of(&f, RS_PROBE_FAULT), RS_POINT_UNKNOWN);
	assert_int_equal(f.plan->level, RS_LEVEL_TRACEPOINTS);
	assert_false(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_FULL);
	drop(&f);

	/* Without kprobe events it makes no difference what the symbols would have told. */
	make(&f, "6.12");
	fake_host_remove(&f.fh, "/proc/kallsyms");
	fake_host_remove(&f.fh, "/sys/kernel/tracing/kprobe_events");
	look(&f, 0);
	assert_true(f.plan->level_known);
	assert_int_equal(f.plan->at_most, RS_LEVEL_TRACEPOINTS);
	drop(&f);
}

/* Where there is no BTF to be read in /sys, a kernel on the disk may have it. */
static void test_types_on_disk(void **state)
{
	static const char *const places[] = { "/boot/vmlinux-6.12.117+deb12-amd64",
					      "/lib/modules/6.12.117+deb12-amd64/build/vmlinux",
					      "/usr/lib/debug/boot/vmlinux-6.12.117+deb12-amd64" };
	char from[128], to[256];
	struct found f;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		make(&f, "6.12");
		fake_host_write(&f.fh, places[i], "");
		snprintf(from, sizeof(from), "%s/sys/kernel/btf/vmlinux", f.fh.root);
		snprintf(to, sizeof(to), "%s%s", f.fh.root, places[i]);
		assert_int_equal(rename(from, to), 0);
		look(&f, 0);
		assert_string_equal(f.host->btf_vmlinux, to);
		assert_int_equal(f.plan->level, RS_LEVEL_FULL);
		drop(&f);
	}
}

/* What is named is as clear with a slash too many. */
static void test_root_with_slashes(void **state)
{
	struct rs_host *h;
	char root[128];
	struct found f;

	make(&f, "6.12");
	snprintf(root, sizeof(root), "%s//", f.fh.root);
	h = rs_host_open(root, NULL);
	assert_non_null(h);
	assert_string_equal(h->root, f.fh.root);
	rs_host_close(h);
	h = rs_host_open(f.fh.root, NULL);
	assert_non_null(h);
	assert_string_equal(h->root, f.fh.root);
	f.host = h;
	drop(&f);
}

/* What a fault's error code would tell is nice to have: without it nothing is incomplete. */
static void test_optional_field(void **state)
{
	struct found f;

	make_without(&f, "6.12", " error_code ");
	look(&f, 0);
	assert_string_equal(f.plan->probes[RS_PROBE_FAULT].lacking, "error");
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	drop(&f);
}

/* A filter by the VM's process is for those probes alone that tell it, each of them. */
static void test_pid_field(void **state)
{
	const struct rs_plan_opts opts = { .vm_pid = true };
	struct found f;

	for (int told = 0; told < 2; told++) {
		make_without(&f, "6.12", told ? NULL : " userspace_pid ");
		look(&f, 0);
		rs_plan_free(f.plan);
		f.plan = rs_plan_make(f.host, f.types, &opts);
		assert_non_null(f.plan);
		for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
			const struct rs_planned_probe *probe = &f.plan->probes[ev];

			if (probe->state != RS_POINT_THERE)
				continue;
			if (probe->has_pid != (told && rs_points[ev].kvm) ||
			    !strstr(probe->fetch, " pid=") == probe->has_pid)
				fail_msg("%s has %s pid: %s", rs_probe_event_name(ev),
					 probe->has_pid ? "the" : "no", probe->fetch);
		}
		drop(&f);
	}
}

static void test_no_release(void **state)
{
	struct rs_error err = { 0 };
	struct found f;

	make(&f, "6.12");
	fake_host_remove(&f.fh, "/proc/sys");
	assert_null(rs_host_open(f.fh.root, &err));
	assert_int_equal(err.kind, RS_ERR_HOST);
	drop(&f);
}

static void replace_symbol(struct found *f, const char *from, const char *to)
{
	char path[256], *text, *at;

	snprintf(path, sizeof(path), "%s/proc/kallsyms", f->fh.root);
	text = read_file(path);
	at = strstr(text, from);
	assert_non_null(at);
	at[strlen(from)] = '\0';
	*at = '\0';
	fake_host_write(&f->fh, "/proc/kallsyms", text);
	fake_host_append(&f->fh, "/proc/kallsyms", to);
	fake_host_append(&f->fh, "/proc/kallsyms", at + strlen(from) + 1);
	free(text);
}

/* Only a copy with other arguments is left: its registers are not the prototype's. */
static void test_optimised_copy(void **state)
{
	struct found f;

	make(&f, "6.12");
	replace_symbol(&f, "t is_page_fault_stale\t", "t is_page_fault_stale.isra.0\t");
	look(&f, 0);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	assert_int_equal(state_of(&f, RS_PROBE_FAULT_CHECK), RS_POINT_REFUSED);
	assert_int_equal(state_of(&f, RS_PROBE_FAULT_VERDICT), RS_POINT_REFUSED);
	assert_non_null(strstr(f.plan->probes[RS_PROBE_FAULT_CHECK].reason, ".isra.0"));
	assert_false(f.plan->parts[RS_PART_DECISIONS]);
	assert_false(f.plan->parts[RS_PART_STATE]);
	assert_true(f.plan->parts[RS_PART_INVALIDATIONS]);
	drop(&f);
}

static void test_blacklist(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/sys/kernel/debug/kprobes/blacklist",
			"0x0-0x1\tkvm_unmap_gfn_range\n0x1-0x2\tother\n");
	look(&f, 0);
	assert_int_equal(state_of(&f, RS_PROBE_INVAL_SLOT), RS_POINT_REFUSED);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	drop(&f);
}

/* A name that two modules have is given with its module. */
static void test_two_of_a_name(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_append(&f.fh, "/proc/kallsyms",
			 "0 t direct_page_fault\t[other]\n"
			 "0 t kvm_tdp_page_fault\t[other]\n"
			 "0 d kvm_faultin_pfn\t[other]\n");
	look(&f, 0);
	assert_string_equal(f.plan->probes[RS_PROBE_FAULT].target, "kvm:kvm_tdp_page_fault");
	assert_string_equal(f.plan->probes[RS_PROBE_FAULT_BEGIN].target, "kvm_faultin_pfn");
	drop(&f);
}

static void test_shadow_paging(void **state)
{
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/sys/module/kvm_amd/parameters/npt", "0\n");
	look(&f, 0);
	assert_int_equal(f.host->paging, RS_PAGING_SHADOW);
	assert_string_equal(f.plan->probes[RS_PROBE_FAULT].function, "paging64_page_fault");
	assert_true(f.plan->probes[RS_PROBE_FAULT].renamed);
	drop(&f);
}

/*
 * 82d811ff5665 fixed it: is_page_fault_stale() got the sequence number as an int, and a
 * number of 2^31 or more was extended with its sign. It has to be recorded so.
 */
static void test_signed_seq(void **state)
{
	struct found f;

	make(&f, "6.1.45");
	look(&f, 0);
	assert_non_null(
		strstr(f.plan->probes[RS_PROBE_FAULT_CHECK].fetch, " fault_seq=$arg3:s32 "));
	drop(&f);
}

/* No begin, or no end, of what comes through no notifier. */
static void test_gfn_invals(void **state)
{
	struct found f;

	make(&f, "6.12");
	look(&f, 1ULL << RS_PROBE_INVAL_BEGIN);
	assert_false(f.plan->gfn_invals);
	assert_true(f.plan->private_kinds);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	drop(&f);
	make(&f, "6.12");
	look(&f, 0);
	assert_true(f.plan->gfn_invals);
	assert_int_equal(rs_plan_refuse(f.plan, RS_PROBE_INVAL_END_LOCKED, "no"), 0);
	assert_false(f.plan->gfn_invals);
	assert_int_equal(rs_plan_refuse(f.plan, RS_PROBE_FAULT_CHECK, "no"), 0);
	assert_false(f.plan->private_kinds);
	drop(&f);
	make(&f, "6.1");
	look(&f, 1ULL << RS_PROBE_ZAP_END);
	assert_false(f.plan->gfn_invals);
	drop(&f);
}

static void test_withheld(void **state)
{
	struct rs_plan_opts all = { .withheld = (1ULL << RS_NR_PROBE_EVENTS) - 1 };
	struct found f;

	make(&f, "6.1");
	look(&f, 1ULL << RS_PROBE_FAULT_LOOKED_UP);
	assert_int_equal(state_of(&f, RS_PROBE_FAULT_LOOKED_UP), RS_POINT_WITHHELD);
	assert_null(rs_plan_definition(f.plan, RS_PROBE_FAULT_LOOKED_UP, "g"));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	assert_false(f.plan->parts[RS_PART_LOOKUPS]);
	assert_true(f.plan->parts[RS_PART_DECISIONS]);
	rs_plan_free(f.plan);
	f.plan = rs_plan_make(f.host, f.types, &all);
	assert_int_equal(f.plan->level, RS_LEVEL_TRACEPOINTS);
	drop(&f);
}

/* Whole parts: their probes, and the tracepoints that are for other tools or of no use then. */
static void test_parts_withheld(void **state)
{
	const unsigned int faults =
		1U << RS_PART_FAULTS | 1U << RS_PART_LOOKUPS | 1U << RS_PART_DECISIONS;
	struct rs_plan_opts opts = { .parts_withheld = faults };
	struct found f;

	make(&f, "6.12");
	fake_host_write(&f.fh, "/sys/kernel/tracing/events/kvm/kvm_page_fault/enable", "0");
	fake_host_write(&f.fh, "/sys/kernel/tracing/events/kvm/kvm_unmap_hva_range/enable", "0");
	fake_host_write(&f.fh, "/sys/kernel/tracing/events/kvm/kvm_try_async_get_page/enable", "0");
	look(&f, 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(f.plan->tracepoints[i].there);
	rs_plan_free(f.plan);
	f.plan = rs_plan_make(f.host, f.types, &opts);
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++)
		assert_true((state_of(&f, ev) == RS_POINT_WITHHELD) ==
			    (faults >> rs_points[ev].part & 1));
	for (size_t i = 0; i < RS_NR_TRACEPOINTS; i++)
		assert_false(f.plan->tracepoints[i].there);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	assert_true(f.plan->parts[RS_PART_MEMSLOTS] && f.plan->parts[RS_PART_INVALIDATIONS]);
	rs_plan_free(f.plan);
	opts.parts_withheld = 1U << RS_PART_DECISIONS;
	f.plan = rs_plan_make(f.host, f.types, &opts);
	assert_false(f.plan->tracepoints[0].there || f.plan->tracepoints[1].there);
	assert_true(f.plan->tracepoints[2].there);
	drop(&f);
}

/* The kernel has the last word. */
static void test_refused_later(void **state)
{
	struct found f;

	make(&f, "6.12");
	look(&f, 0);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	assert_int_equal(rs_plan_refuse(f.plan, RS_PROBE_INVAL_END_LOCKED, "no"), 0);
	assert_int_equal(f.plan->level, RS_LEVEL_FULL);
	assert_int_equal(rs_plan_refuse(f.plan, RS_PROBE_FAULT_VERDICT, "no"), 0);
	assert_int_equal(f.plan->level, RS_LEVEL_PARTIAL);
	drop(&f);
}

static void check_fetch(const struct found *f, const char *function, const char *path, int ret,
			const char *expected)
{
	const struct rs_function *fn = rs_types_function(f->types, function);
	char buf[128];

	assert_non_null(fn);
	assert_int_equal(rs_types_fetch(f->types, fn, path, 'x', buf, sizeof(buf)), ret);
	if (!ret)
		assert_string_equal(buf, expected);
}

static void test_paths(void **state)
{
	char buf[8];
	struct found f;

	make(&f, "6.12");
	look(&f, 0);
	assert_null(rs_types_function(f.types, "no_such_function"));
	check_fetch(&f, "kvm_faultin_pfn", "access", 0, "$arg3:x32");
	check_fetch(&f, "kvm_faultin_pfn", "vcpu->kvm", 0, "+0x0($arg1):x64");
	/* A signed number stays one, whatever it is to be printed as. */
	check_fetch(&f, "kvm_faultin_pfn", "fault->slot->id", 0, "+0x104(+0x28($arg2)):s16");
	check_fetch(&f, "kvm_faultin_pfn", "vcpu->vcpu_id", 0, "+0x24($arg1):s32");
	check_fetch(&f, "kvm_faultin_pfn", "RETURN", 0, "$retval:s32");
	check_fetch(&f, "kvm_faultin_pfn", "fault->no", -ENOENT, NULL);
	check_fetch(&f, "kvm_faultin_pfn", "no->slot", -ENOENT, NULL);
	check_fetch(&f, "kvm_faultin_pfn", "access->slot", -EINVAL, NULL);
	check_fetch(&f, "kvm_faultin_pfn", "fault.slot", -EINVAL, NULL);
	check_fetch(&f, "kvm_faultin_pfn", "vcpu->kvm->mmu_notifier", -EINVAL, NULL);
	check_fetch(&f, "kvm_mmu_notifier_invalidate_range_end", "mn@kvm.no->x", -ENOENT, NULL);
	check_fetch(&f, "kvm_mmu_notifier_invalidate_range_end", "mn@no.no->x", -ENOENT, NULL);
	check_fetch(&f, "kvm_mmu_notifier_invalidate_range_end", "mn@kvm.mmu_notifier", -EINVAL,
		    NULL);
	check_fetch(&f, "is_page_fault_stale", "RETURN", 0, "$retval:x8");
	check_fetch(&f, "kvm_mmu_invalidate_end", "RETURN", -ENOENT, NULL);
	assert_int_equal(rs_types_fetch(f.types, rs_types_function(f.types, "kvm_faultin_pfn"),
					"fault->gfn", 'x', buf, sizeof(buf)),
			 -ENAMETOOLONG);
	drop(&f);
}

static const char *fact(const struct rs_capture_facts *f, const char *key)
{
	for (size_t i = 0; i < f->nr; i++)
		if (!strcmp(f->list[i].key, key))
			return f->list[i].value;
	return NULL;
}

static void test_facts(void **state)
{
	static const char *const ksm[] = { "pages_to_scan", "sleep_millisecs", "pages_shared",
					   "pages_sharing" };
	struct rs_capture_facts facts = { 0 };
	struct found f;

	make(&f, "6.12");
	for (size_t i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", ksm[i]);
		fake_host_write(&f.fh, path, ksm[i]);
	}
	fake_host_write(&f.fh, "/boot/config-6.12.117+deb12-amd64",
			"# CONFIG_PREEMPT is not set\nCONFIG_KSM=y\nCONFIG_KSMX=y\n");
	fake_host_write(&f.fh, "/proc/meminfo",
			"MemTotal:        1024 kB\nMemFree: 1 kB\nSwapTotal: 7 kB\n");
	fake_host_write(&f.fh, "/proc/cpuinfo",
			"processor\t: 0\nmodel\t\t: 7\nmodel name\t: A CPU: 2 GHz\n"
			"flags\t\t: fpu hypervisor sse\n\nprocessor\t: 1\nmodel name\t: Other\n");
	fake_host_write(&f.fh, "/proc/sys/kernel/version", "#1 SMP\n");
	fake_host_write(&f.fh, "/proc/sys/kernel/arch", "x86_64\n");
	fake_host_write(&f.fh, "/sys/kernel/mm/ksm/run", "1\n");
	look(&f, 1ULL << RS_PROBE_FAULT);
	assert_int_equal(rs_facts_add_host(&facts, f.host), 0);
	assert_int_equal(rs_facts_add_plan(&facts, f.plan, f.types, "retryscope_7"), 0);
	assert_int_equal(rs_facts_set(&facts, "level", "a\nb"), 0);
	assert_string_equal(fact(&facts, "kernel"), "6.12.117+deb12-amd64");
	assert_string_equal(fact(&facts, "level"), "a b");
	assert_string_equal(fact(&facts, "tool.version"), RS_VERSION);
	assert_string_equal(fact(&facts, "host.version"), "#1 SMP");
	assert_string_equal(fact(&facts, "host.machine"), "x86_64");
	assert_string_equal(fact(&facts, "kvm.vendor"), "kvm_amd");
	assert_string_equal(fact(&facts, "kvm.paging"), "tdp");
	assert_string_equal(fact(&facts, "host.cpu"), "A CPU: 2 GHz");
	assert_string_equal(fact(&facts, "host.virtual"), "yes");
	assert_string_equal(fact(&facts, "host.memory"), "1024 kB");
	assert_string_equal(fact(&facts, "host.swap"), "7 kB");
	assert_string_equal(fact(&facts, "ksm.run"), "1");
	assert_string_equal(fact(&facts, "config.CONFIG_KSM"), "y");
	assert_null(fact(&facts, "config.CONFIG_KSMX"));
	assert_null(fact(&facts, "config.CONFIG_PREEMPT"));
	assert_string_equal(fact(&facts, "enum.RET_PF_FIXED"), "5");
	assert_string_equal(fact(&facts, "enum.KVM_MR_DELETE"), "1");
	assert_string_equal(fact(&facts, "enum.MMU_NOTIFY_CLEAR"), "1");
	assert_string_equal(fact(&facts, "enum.KVM_FILTER_PRIVATE"), "2");
	for (size_t i = 0; i < 4; i++) {
		char key[64];

		snprintf(key, sizeof(key), "ksm.%s", ksm[i]);
		assert_string_equal(fact(&facts, key), ksm[i]);
	}
	assert_string_equal(fact(&facts, "missing.fault"), "withheld: not wanted");
	assert_string_equal(
		fact(&facts, "probe.inval_started"),
		"r64:retryscope_7/inval_started kvm_mmu_notifier_invalidate_range_start");
	rs_facts_free(&facts);
	/* The name of one option may be the begin of another's. */
	fake_host_write(&f.fh, "/boot/config-6.12.117+deb12-amd64", "CONFIG_PREEMPT=y\n");
	assert_int_equal(rs_facts_add_host(&facts, f.host), 0);
	assert_string_equal(fact(&facts, "config.CONFIG_PREEMPT"), "y");
	assert_null(fact(&facts, "config.CONFIG_PREEMPT_NONE"));
	rs_facts_free(&facts);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_definitions),
		cmocka_unit_test(test_field_names),
		cmocka_unit_test(test_no_types),
		cmocka_unit_test(test_broken_types),
		cmocka_unit_test(test_no_kprobes),
		cmocka_unit_test(test_no_tracefs),
		cmocka_unit_test(test_debugfs),
		cmocka_unit_test(test_unknown_kprobes),
		cmocka_unit_test(test_known_without_looking),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_no_kvm),
		cmocka_unit_test(test_no_symbols),
		cmocka_unit_test(test_types_on_disk),
		cmocka_unit_test(test_root_with_slashes),
		cmocka_unit_test(test_optional_field),
		cmocka_unit_test(test_pid_field),
		cmocka_unit_test(test_no_release),
		cmocka_unit_test(test_optimised_copy),
		cmocka_unit_test(test_blacklist),
		cmocka_unit_test(test_two_of_a_name),
		cmocka_unit_test(test_shadow_paging),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_parts_withheld),
		cmocka_unit_test(test_refused_later),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_signed_seq),
		cmocka_unit_test(test_gfn_invals),
		cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
