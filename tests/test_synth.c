// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xxhash.h>

#include "replay/replay.h"
#include "tests/common/synth_params.h"
#include "tests/common/trace_file.h"
#include "traces/guest/vm.h"
#include "traces/synth/synth.h"
#include "traces/synth/synth_random.h"

#define MAX_SETTINGS 12

static struct rs_synth *make(const struct rs_synth_params *p)
{
	struct rs_error err = { 0 };
	struct rs_synth *s = rs_synth_new(p, &err);

	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static uint64_t digest(const struct rs_synth_params *p)
{
	struct rs_synth *s = make(p);
	XXH64_state_t *state = XXH64_createState();
	const struct rs_event *evs;
	uint64_t result;
	size_t n;

	XXH64_reset(state, 0);
	while ((n = rs_synth_next(s, &evs)))
		XXH64_update(state, evs, n * sizeof(*evs));
	result = XXH64_digest(state);
	XXH64_freeState(state);
	rs_synth_free(s);
	return result;
}

/*
 * What `retryscope synth SCENARIO events=100000 --digest` prints: these change
 * only when a scenario is meant to change, and never with the machine.
 */
static void test_same_bytes(void **state)
{
	static const struct {
		const char *scenario;
		uint64_t digest;
	} golden[] = {
		{ "ksm", 0x8303da2be774956f },
		{ "thp-collapse", 0x21acef702a0acd66 },
		{ "thp-split", 0xe82bf7b521acd8bf },
		{ "numa-balancing", 0xd27dbdf2a8f75a32 },
		{ "balloon", 0x5ad423c3650e4392 },
		{ "free-page-reporting", 0xcf7c6ab1f3b10869 },
		{ "memory-reclaim", 0x5adac5674c943a26 },
		{ "live-migration", 0x931347e7ef5f4df2 },
		{ "madvise-all", 0x91954e5d2faabb26 },
		{ "guest-memfd", 0x6626bd34bffc1770 },
		{ "conversion", 0x013564296af423a8 },
	};
	static const char *const settings[] = { "events=100000", NULL };
	static const char *const other[] = { "events=100000", "seed=2", NULL };

	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct rs_synth_params p = test_synth_params(golden[i].scenario, settings);
		struct rs_synth_params q = test_synth_params(golden[i].scenario, other);

		if (digest(&p) != golden[i].digest)
			fail_msg("%s: 0x%016" PRIx64, golden[i].scenario, digest(&p));
		assert_int_not_equal(digest(&q), golden[i].digest);
	}
	assert_null(rs_synth_scenario(sizeof(golden) / sizeof(golden[0])));
}

/* Whether all faults so far were judged alike by the first two algorithms. */
struct alike {
	uint64_t faults, differ;
};

static void on_judged(void *arg, const struct rs_judged *j)
{
	struct alike *a = arg;

	a->faults++;
	a->differ += !j->rejected[0] != !j->rejected[1];
}

/* Replays the whole stream; any anomaly fails the test. */
static struct rs_result *replay(const struct rs_synth_params *p, const char *algos,
				struct alike *alike)
{
	struct rs_observer observer = { .arg = alike, .judged = on_judged };
	struct rs_replay_opts opts = {
		.algos = algos,
		.flags = RS_REPLAY_ALL,
		.strict = true,
		.observer = alike ? &observer : NULL,
	};
	struct rs_error err = { 0 };
	struct rs_replay *r = rs_replay_new(&opts, &err);
	struct rs_synth *s = make(p);
	const struct rs_event *evs;
	struct rs_result *result;
	size_t n;

	assert_non_null(r);
	while ((n = rs_synth_next(s, &evs)))
		if (rs_replay_feed(r, evs, n, &err))
			fail_msg("%s: %s", p->scenario, err.text);
	result = rs_replay_finish(r, &err);
	assert_non_null(result);
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		if (result->anomalies[i])
			fail_msg("%s: %" PRIu64 " x %s", p->scenario, result->anomalies[i],
				 rs_anomaly_name(i));
	rs_synth_free(s);
	rs_replay_free(r);
	return result;
}

/* Every scenario in every shape is a well-formed stream, and no kernel is ever wrong on it. */
static void test_well_formed(void **state)
{
	static const char *const shapes[][MAX_SETTINGS] = {
		{ NULL },
		{ "layout=flat", "guest-size=64K", "vcpus=1", NULL },
		{ "layout=pc", "vga=on", "guest-size=128M", "walk=on", "period=1ms", NULL },
		{ "layout=q35", "vga=on", "guest-size=3G", "pick=hot", "period=1ms", NULL },
		{ "layout=many:1000", "aliases=3", "alias-share=0.5", "alias-distance=4G",
		  "walk=on", "period=1ms", NULL },
		{ "layout=dimms:7", "aliases=5", "alias-part=0.3", "walk=on", "invalidators=9",
		  "nested=1M", "period=1ms", NULL },
		{ "vms=3", "miss=20%", "ended=10%", "aliases=2", "refault=1", "period=1ms",
		  "walk=on", "walk-time=0", NULL },
		{ "vcpus=0", "period=1us", "gap=1", "inval-time=1", NULL },
		{ "private-share=0.3", "aliases=2", "walk=on", "invalidators=3", "repeat=3",
		  "nested=16K", "period=100us", NULL },
		{ "private-share=1", "inval-size=12K", "guest-size=10M", "layout=flat", NULL },
		{ "private-share=0", "inval-size=3M", "vga=on", NULL },
		{ "invalidators=0", "fault-time=1", "fault-rate=1000000000", NULL },
	};
	const struct rs_synth_scenario_info *scenario;

	for (size_t i = 0; (scenario = rs_synth_scenario(i)); i++) {
		for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
			struct rs_synth_params p = test_synth_params(scenario->name, shapes[k]);
			struct rs_result *r;

			p.events = 5000;
			r = replay(&p, "all", NULL);
			assert_true(r->events >= 5000 && r->events < 5000 + 200 + 2000);
			for (size_t v = 0; v < r->nr_vms; v++)
				for (size_t a = 0; a < r->nr_algos; a++)
					if (r->vms[v].algos[a].merged)
						assert_int_equal(r->vms[v].algos[a].missed, 0);
			rs_result_free(r);
		}
	}
}

/*
 * On the memslots of a file: they are the trace's, every frame of theirs is faulted at, and
 * what is invalidated lies in one piece of host addresses.
 */
static void test_layout_of_file(void **state)
{
	static const char text[] = "retryscope-events 1\n"
				   "0 3 memslot id=7 gfn=0x100 npages=8 hva=0x7f0000010000\n"
				   "0 3 memslot id=1 gfn=0x0 npages=16 hva=0x7f0000000000\n"
				   "0 3 memslot id=2 gfn=0x200 npages=2 hva=0x7f0000000000\n"
				   "0 3 memslot id=3 gfn=0x300 npages=4 hva=0x7f000000e000\n"
				   "0 3 memslot id=4 gfn=0x400 npages=4 hva=0x7e0000000000\n"
				   "0 3 memslot as=1 id=1 gfn=0x500 npages=16 hva=0x7f0000000000\n"
				   "1 4 memslot id=4 gfn=0x600 npages=4 hva=0x7e0000000000\n"
				   "2 3 memslot id=4 npages=0\n";
	/* 24 host pages: the second memslot has the first 16, the first one the others. */
	static const struct rs_memslot want[] = {
		{ .gfn = 0x0, .npages = 16, .hva = 0x7f0000000000 },
		{ .gfn = 0x100, .npages = 8, .hva = 0x7f0000010000 },
		{ .gfn = 0x300, .npages = 4, .hva = 0x7f000000e000 },
		{ .gfn = 0x200, .npages = 2, .hva = 0x7f0000000000 },
	};
	const char *path = test_write_file("layout.txt", text, sizeof(text) - 1);
	char layout[300];
	const char *settings[] = {
		layout, "events=50000", "period=1ms", "zipf=0", "refault=0", NULL
	};
	struct rs_synth_params p;
	struct rs_synth *s;
	const struct rs_event *evs;
	uint64_t faults[0x400] = { 0 };
	size_t n, slots = 0;

	snprintf(layout, sizeof(layout), "layout=file:%s", path);
	p = test_synth_params("memory-reclaim", settings);
	s = make(&p);
	while ((n = rs_synth_next(s, &evs)))
		for (size_t i = 0; i < n; i++) {
			const struct rs_event *e = &evs[i];

			if (e->type == RS_EV_FAULT_BEGIN)
				faults[e->fault.gfn]++;
			if (e->type == RS_EV_INVAL_BEGIN)
				assert_true(e->inval.start >= 0x7f0000000000 &&
					    e->inval.end <= 0x7f0000018000);
			if (e->type != RS_EV_MEMSLOT)
				continue;
			assert_true(slots < 4);
			assert_int_equal(e->memslot.gfn, want[slots].gfn);
			assert_int_equal(e->memslot.npages, want[slots].npages);
			assert_int_equal(e->memslot.hva, want[slots].hva);
			slots++;
		}
	assert_int_equal(slots, 4);
	for (uint64_t gfn = 0; gfn < 0x400; gfn++) {
		bool mapped = false;

		for (size_t i = 0; i < slots; i++)
			mapped |= gfn - want[i].gfn < want[i].npages;
		assert_int_equal(faults[gfn] > 0, mapped);
	}
	rs_synth_free(s);
}

/* The causes that hva and gfn reject for in a VM, as a scenario names them. */
static void causes_of(const struct rs_vm_result *vm, char *text, size_t size)
{
	text[0] = '\0';
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++) {
		if (!vm->algos[0].causes[c] && !vm->algos[1].causes[c])
			continue;
		if (text[0])
			strncat(text, ",", size - strlen(text) - 1);
		strncat(text, rs_cause_name(c), size - strlen(text) - 1);
	}
}

static void test_causes(void **state)
{
	static const char *const settings[] = { "events=400000", "period=1ms", NULL };
	const struct rs_synth_scenario_info *scenario;
	char causes[128];

	for (size_t i = 0; (scenario = rs_synth_scenario(i)); i++) {
		struct rs_synth_params p = test_synth_params(scenario->name, settings);
		struct rs_result *r = replay(&p, "hva,gfn", NULL);

		assert_true(r->vms[0].necessary > 0);
		causes_of(&r->vms[0], causes, sizeof(causes));
		assert_string_equal(causes, scenario->causes);
		rs_result_free(r);
	}
}

static uint64_t cause_count(const char *scenario, const char *const *settings, unsigned int cause)
{
	struct rs_synth_params p = test_synth_params(scenario, settings);
	struct rs_result *r = replay(&p, "gfn", NULL);
	uint64_t count = r->vms[0].algos[0].causes[cause];

	rs_result_free(r);
	return count;
}

/* What the aliases, the window of a VGA card and memory in reverse order are there for. */
static void test_causes_of_layouts(void **state)
{
	static const char *const aliased[] = { "events=100000", "aliases=1", "period=1ms", NULL };
	static const char *const vga[] = { "events=200000", "layout=pc", "guest-size=16M", "vga=on",
					   NULL };
	static const char *const dimms[] = { "events=100000", "layout=dimms:16", "period=10ms",
					     NULL };
	static const char *const many[] = { "events=100000", "layout=many:16", "period=10ms",
					    NULL };

	assert_true(cause_count("memory-reclaim", aliased, RS_CAUSE_ALIAS) > 0);
	assert_true(cause_count("memory-reclaim", vga, RS_CAUSE_ALIAS) > 0);
	assert_true(cause_count("numa-balancing", dimms, RS_CAUSE_SCATTER) > 0);
	assert_int_equal(cause_count("numa-balancing", many, RS_CAUSE_SCATTER), 0);
}

/* Without aliases, and with host addresses in the order of frames, the ranges are the same. */
static void test_contiguous_is_alike(void **state)
{
	static const char *const shapes[][MAX_SETTINGS] = {
		{ "layout=flat", NULL },
		{ "layout=many:64", "invalidators=3", NULL },
		{ "layout=flat", "guest-size=1M", "invalidators=8", "period=10us", "miss=0.1",
		  "nested=16K", NULL },
	};
	const struct rs_synth_scenario_info *scenario;

	for (size_t i = 0; (scenario = rs_synth_scenario(i)); i++) {
		for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
			struct rs_synth_params p = test_synth_params(scenario->name, shapes[k]);
			struct alike alike = { 0 };

			if (p.space == RS_SYNTH_GFN)
				continue;
			p.events = 50000;
			rs_result_free(replay(&p, "hva,gfn", &alike));
			assert_true(alike.faults > 0);
			assert_int_equal(alike.differ, 0);
		}
	}
}

static size_t count_memslots(const struct rs_event *evs)
{
	size_t n = 0;

	while (evs[n].type == RS_EV_MEMSLOT)
		n++;
	return n;
}

/* All but the guest frames stays as it was when only aliases are added: grids compare cells. */
static void test_common_random_numbers(void **state)
{
	static const char *const none[] = { "events=20000", "layout=flat", NULL };
	static const char *const some[] = { "events=20000", "layout=flat", "aliases=1", NULL };
	struct rs_synth_params p = test_synth_params("memory-reclaim", none);
	struct rs_synth_params q = test_synth_params("memory-reclaim", some);
	struct rs_synth *s = make(&p), *t = make(&q);
	const struct rs_event *a, *b;
	size_t n = rs_synth_next(s, &a), m = rs_synth_next(t, &b);
	size_t i = count_memslots(a), k = count_memslots(b);
	uint64_t faults = 0, same = 0;

	assert_true(i < k && k < 10);
	for (; i < n && k < m; i++, k++) {
		assert_int_equal(a[i].time_ns, b[k].time_ns);
		assert_int_equal(a[i].type, b[k].type);
		faults += a[i].type == RS_EV_FAULT_BEGIN;
		same += a[i].type == RS_EV_FAULT_BEGIN && a[i].fault.gfn == b[k].fault.gfn;
	}
	assert_true(faults > 20 && same < faults);
	rs_synth_free(s);
	rs_synth_free(t);
}

#define GUEST_PAGES 0x10000ULL /* 256 MiB */

/*
 * What a stream says of private memory, followed by the test itself. With layout=flat a page is
 * its guest frame, and of pieces of 512 pages each fourth from the first on begins as private.
 */
struct kinds {
	bool private[GUEST_PAGES], touched[GUEST_PAGES];
	uint64_t nr_private, least_private, most_private;
	uint64_t faults[2], faults_on_touched[2]; /* by private */
	uint64_t invalidations[2];		  /* host addresses, guest frames */
	uint64_t start, end;			  /* of the invalidation before */
	bool gives_up;				  /* private memory, in the conversion before */
	bool converts;				  /* the one that is outstanding */
};

static void kinds_init(struct kinds *k)
{
	memset(k, 0, sizeof(*k));
	for (uint64_t i = 0; i < GUEST_PAGES; i++)
		k->nr_private += k->private[i] = i / 512 % 4 == 0;
	k->least_private = k->most_private = k->nr_private;
}

static void kinds_fault(struct kinds *k, const struct rs_event *e)
{
	const bool is_private = e->flags & RS_F_PRIVATE;

	assert_true(e->fault.gfn < GUEST_PAGES);
	assert_int_equal(is_private, k->private[e->fault.gfn]);
	k->faults[is_private]++;
	k->faults_on_touched[is_private] += k->touched[e->fault.gfn];
}

/* In whole pages from 0, whatever it is told in. */
static void kinds_range(const struct rs_event *e, uint64_t *start, uint64_t *end)
{
	const uint64_t first = 0x400000000000ULL;
	const bool gfn = e->flags & RS_F_GFN;

	*start = gfn ? e->inval.start : (e->inval.start - first) >> RS_PAGE_SHIFT;
	*end = gfn ? e->inval.end : (e->inval.end - first) >> RS_PAGE_SHIFT;
	assert_true(*start < *end && *end <= GUEST_PAGES);
}

/* Runs through the stream of @p; its invalidations are @convert's, or punch holes. */
static void kinds_follow(struct kinds *k, const struct rs_synth_params *p)
{
	struct rs_synth *s = make(p);
	const struct rs_event *evs;
	size_t n;

	kinds_init(k);
	while ((n = rs_synth_next(s, &evs))) {
		for (const struct rs_event *e = evs; e < evs + n; e++) {
			if (e->type == RS_EV_FAULT_BEGIN)
				kinds_fault(k, e);
			if (e->type == RS_EV_INVAL_BEGIN) {
				unsigned int filter = rs_flags_filter(e->flags);
				uint64_t start, end;

				kinds_range(e, &start, &end);
				k->invalidations[!!(e->flags & RS_F_GFN)]++;
				/* A conversion and what it gives up take turns. */
				k->converts = p->convert && !(p->discard && k->converts);
				if (!p->convert || k->converts) {
					k->gives_up = k->private[start];
					assert_true(e->flags & RS_F_GFN);
					for (uint64_t i = start; i < end; i++)
						assert_int_equal(k->private[i], k -> gives_up);
				} else {
					assert_int_equal(start, k->start);
					assert_int_equal(end, k->end);
					assert_int_equal(!!(e->flags & RS_F_GFN), k->gives_up);
				}
				if (p->concerns == RS_CONCERNS_ALL && k->converts)
					assert_int_equal(filter, RS_KIND_BOTH);
				else
					assert_int_equal(filter, k->gives_up ? RS_KIND_PRIVATE
									     : RS_KIND_SHARED);
				k->start = start;
				k->end = end;
			}
			if (e->type == RS_EV_INVAL_END && k->converts) {
				for (uint64_t i = k->start; i < k->end; i++) {
					k->private[i] = !k->gives_up;
					k->touched[i] = true;
				}
				k->nr_private +=
					k->gives_up ? k->start - k->end : k->end - k->start;
				if (k->nr_private < k->least_private)
					k->least_private = k->nr_private;
				if (k->nr_private > k->most_private)
					k->most_private = k->nr_private;
			}
		}
	}
	rs_synth_free(s);
}

#define FLAT_QUARTER                                                                         \
	"events=200000", "layout=flat", "guest-size=256M", "private-share=25%", "refault=0", \
		"zipf=0"

static void assert_quarter_private(const struct kinds *k)
{
	uint64_t all = k->faults[0] + k->faults[1];

	assert_true(all > 10000);
	assert_true(fabs((double)k->faults[1] / (double)all - 0.25) < 0.02);
}

/* Holes are punched into private memory alone, and faults are of the kind of their page. */
static void test_private_memory(void **state)
{
	static const char *const settings[] = { FLAT_QUARTER, NULL };
	static const char *const none[] = { "events=1000", "private-share=0", NULL };
	static struct kinds k;
	struct rs_synth_params p = test_synth_params("guest-memfd", settings), q;
	struct rs_result *r;

	kinds_follow(&k, &p);
	assert_quarter_private(&k);
	assert_int_equal(k.invalidations[0], 0);
	assert_true(k.invalidations[1] > 10000 && k.gives_up);

	q = test_synth_params("guest-memfd", none);
	r = replay(&q, "gfn", NULL);
	assert_int_equal(r->vms[0].private_faults, 0);
	rs_result_free(r);
}

/* Each conversion gives up what its memory is, and the share of private memory stays. */
static void test_conversion(void **state)
{
	static const char *const shapes[][MAX_SETTINGS] = {
		{ FLAT_QUARTER, NULL },
		{ FLAT_QUARTER, "discard=off", NULL },
		{ FLAT_QUARTER, "concerns=all", "pick=scan", "skip=1M", NULL },
	};
	static struct kinds k;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct rs_synth_params p = test_synth_params("conversion", shapes[i]);

		kinds_follow(&k, &p);
		assert_quarter_private(&k);
		assert_int_equal(k.invalidations[0] > 0, p.discard);
		assert_true(k.invalidations[1] > 10000);
		assert_true(k.faults_on_touched[0] > 100 && k.faults_on_touched[1] > 100);
		assert_true(k.least_private >= GUEST_PAGES / 4 - 16);
		assert_true(k.most_private <= GUEST_PAGES / 4 + 16);
	}
}

/* A notifier concerns shared memory, and picks it where there is any. */
static void test_notifiers_leave_private_memory(void **state)
{
	static const char *const settings[] = { FLAT_QUARTER, "inval-size=2M", NULL };
	struct rs_synth_params p = test_synth_params("memory-reclaim", settings);
	struct rs_synth *s = make(&p);
	const struct rs_event *evs;
	uint64_t start, end, seen = 0;
	size_t n;

	while ((n = rs_synth_next(s, &evs))) {
		for (const struct rs_event *e = evs; e < evs + n; e++) {
			if (e->type != RS_EV_INVAL_BEGIN)
				continue;
			kinds_range(e, &start, &end);
			assert_int_equal(rs_flags_filter(e->flags), RS_KIND_SHARED);
			assert_int_equal(end - start, 512);
			assert_true(start / 512 % 4 != 0);
			seen++;
		}
	}
	assert_true(seen > 1000);
	rs_synth_free(s);
}

static void test_parameters(void **state)
{
	static const char *const bad[][2] = {
		{ "vcpu", "1" },
		{ "vcpus", "4097" },
		{ "vcpus", "-1" },
		{ "vcpus", "" },
		{ "guest-size", "5000" },
		{ "guest-size", "4Q" },
		{ "guest-size", "4K" },
		{ "layout", "many" },
		{ "layout", "many:0" },
		{ "layout", "flat:2" },
		{ "layout", "many:32765" },
		{ "layout", "isa" },
		{ "layout", "file:" },
		{ "layout", "file" },
		{ "vga", "yes" },
		{ "alias-share", "101%" },
		{ "alias-share", "1.1" },
		{ "zipf", "0.9999" },
		{ "zipf", "-1" },
		{ "zipf", "." },
		{ "pick", "cold" },
		{ "period", "0" },
		{ "period", "10 ms" },
		{ "scenario", "nothing" },
		{ "scenario", "" },
		{ "layout", "many:1e3" },
		{ "seed", "1x" },
		{ "miss", "%" },
		{ "miss", "0.0000001" },
		{ "private-share", "101%" },
		{ "concerns", "both" },
		{ "convert", "yes" },
	};
	const struct rs_synth_param_info *d;
	struct rs_synth_params p, q;
	struct rs_error err;
	char value[RS_SYNTH_VALUE], same[RS_SYNTH_VALUE];

	rs_synth_defaults(&p);
	rs_synth_defaults(&q);
	assert_int_equal(rs_synth_set(&p, "scenario", "guest-memfd", NULL), 0);
	assert_int_equal(rs_synth_set(&p, "layout", "dimms:12", NULL), 0);
	assert_int_equal(rs_synth_set(&p, "miss", "12.5%", NULL), 0);
	assert_int_equal(rs_synth_set(&p, "zipf", "1.25", NULL), 0);
	assert_int_equal(rs_synth_set(&p, "gap", "1500ns", NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(rs_synth_set(&p, bad[i][0], bad[i][1], &err), -EINVAL);
		assert_int_equal(err.kind, RS_ERR_USAGE);
		assert_non_null(strstr(err.text, bad[i][0]));
	}
	assert_int_equal(rs_synth_get(&p, "vcpu", value, sizeof(value)), -EINVAL);
	/* What get() writes, set() reads. */
	assert_int_equal(rs_synth_set(&q, "scenario", p.scenario, NULL), 0);
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		assert_int_equal(rs_synth_get(&p, d->key, value, sizeof(value)), 0);
		assert_int_equal(rs_synth_set(&q, d->key, value, NULL), 0);
	}
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		rs_synth_get(&p, d->key, value, sizeof(value));
		rs_synth_get(&q, d->key, same, sizeof(same));
		assert_string_equal(value, same);
	}
	/* A scenario sets what it defines, but not what was given. */
	rs_synth_set(&p, "scenario", "ksm", NULL);
	rs_synth_get(&p, "gap", value, sizeof(value));
	assert_string_equal(value, "1500ns");
	rs_synth_get(&p, "space", value, sizeof(value));
	assert_string_equal(value, "hva");
	rs_synth_get(&p, "layout", value, sizeof(value));
	assert_string_equal(value, "dimms:12");
	rs_synth_get(&p, "miss", value, sizeof(value));
	assert_string_equal(value, "0.125");
	rs_synth_get(&p, "zipf", value, sizeof(value));
	assert_string_equal(value, "1.25");
	rs_synth_get(&p, "gap", value, sizeof(value));
	assert_string_equal(value, "1500ns");
}

/* Each value is good, but they do not fit together. */
static void test_impossible(void **state)
{
	static const char *const bad[][MAX_SETTINGS] = {
		{ "events=0", "time=0", NULL },
		{ "layout=file:x", "vga=off", NULL },
		{ "layout=./x", "aliases=1", NULL },
		{ "layout=flat", "vga=on", NULL },
		{ "layout=pc", "guest-size=512K", NULL },
		{ "layout=many:32000", "aliases=1000", "guest-size=1T", NULL },
		{ "layout=many:100", "guest-size=64K", NULL },
		{ "aliases=1", "alias-share=0.5", "alias-distance=1G", NULL },
		{ "aliases=4000", "alias-distance=64T", NULL },
		{ "aliases=1", "alias-share=0.5", "alias-distance=8G", "layout=dimms:4", NULL },
		{ "aliases=3", "alias-distance=1G", "vga=on", "guest-size=4032M", "alias-share=0.1",
		  "layout=pc", NULL },
		{ "convert=on", NULL },
		{ "concerns=private", NULL },
		{ "space=gfn", "concerns=given-up", NULL },
		{ "space=gfn", "discard=on", NULL },
		{ "space=gfn", "convert=on", "concerns=private", NULL },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rs_synth_params p = test_synth_params("ksm", bad[i]);
		struct rs_error err = { 0 };

		errno = 0;
		assert_null(rs_synth_new(&p, &err));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(err.kind, RS_ERR_USAGE);
		assert_true(err.text[0]);
	}
	rs_synth_free(NULL);
}

static void test_logarithms(void **state)
{
	for (uint64_t x = 1; x < 1ULL << 62; x = x * 3 + 1)
		assert_true(fabs((double)rs_fixed_log2(x) / 0x1p32 - log2((double)x)) < 1e-8);
	for (uint64_t y = 0; y < 63ULL << 32; y += 123456789012) {
		double want = exp2(-(double)y / 0x1p32) * 0x1p63;

		assert_true(fabs((double)rs_fixed_exp2_neg(y) - want) < want * 1e-8 + 1);
	}
	assert_int_equal(rs_fixed_exp2_neg(64ULL << 32), 0);
}

static void test_exponential(void **state)
{
	static struct rs_exponential e;
	uint64_t random = 1, n = 1000000, above = 0;
	double sum = 0;

	rs_exponential_init(&e);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t value = rs_exponential(&e, rs_random(&random), 1000000);

		sum += (double)value;
		above += value > 3000000;
	}
	assert_true(fabs(sum / (double)n - 1e6) < 5e3);
	assert_true(fabs((double)above / (double)n - exp(-3)) < 1e-3);
	assert_int_equal(rs_exponential(&e, 5, 0), 0);
}

/* Ranks are drawn as often as the law of Zipf wants, within the noise of so many draws. */
static void test_zipf(void **state)
{
	enum { N = 5000, DRAWS = 2000000 };
	static struct rs_zipf z;
	static uint32_t count[N];
	static const uint32_t exponents[] = { 0, 500, 990, 2000 };
	uint64_t random = 1;

	for (size_t e = 0; e < sizeof(exponents) / sizeof(exponents[0]); e++) {
		double s = exponents[e] / 1000.0, all = 0;

		memset(count, 0, sizeof(count));
		rs_zipf_init(&z, N, exponents[e]);
		for (int i = 1; i <= N; i++)
			all += pow(i, -s);
		for (int i = 0; i < DRAWS; i++) {
			uint64_t r = rs_random(&random);

			count[rs_zipf_draw(&z, r, rs_random(&random))]++;
		}
		for (int from = 1, to = 2; from <= N; from = to, to *= 2) {
			double want = 0, got = 0;

			for (int i = from; i < to && i <= N; i++) {
				want += DRAWS * pow(i, -s) / all;
				got += count[i - 1];
			}
			assert_true(fabs(got - want) < 5 * sqrt(want) + 1);
		}
	}
	rs_zipf_init(&z, 1, 990);
	assert_int_equal(rs_zipf_draw(&z, UINT64_MAX, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_causes_of_layouts),
		cmocka_unit_test(test_layout_of_file),
		cmocka_unit_test(test_contiguous_is_alike),
		cmocka_unit_test(test_common_random_numbers),
		cmocka_unit_test(test_private_memory),
		cmocka_unit_test(test_conversion),
		cmocka_unit_test(test_notifiers_leave_private_memory),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_logarithms),
		cmocka_unit_test(test_exponential),
		cmocka_unit_test(test_zipf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
