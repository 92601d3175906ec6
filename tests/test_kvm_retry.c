// SPDX-License-Identifier: GPL-2.0-only
/*
 * What scripts/lab --kvm-algo puts into KVM (scripts/lab.d/kvm/rs_retry.c and replay/bounded.h,
 * compiled as for a kernel), on random invalidations and faults, against what each algorithm is
 * said to do: of those with a range all that is remembered in lists, of hfn-recent the model's
 * own side of the same header. None may let a stale fault through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/bounded.h"
#include "tests/common/random_stream.h"
#include "tests/kernel/fake.h"

#define PAGE 4096ULL
#define HOST (1ULL << 40)
#define ROUNDS 40
#define STEPS 1500
#define TASKS 5
#define DEPTH 3
#define LIVE 2
#define DONE 8
#define ALGOS 5

static const char *const algos[ALGOS] = { "global", "hva", "gfn", "hfn-recent:2.1.8", "gfn-split" };

/* Two aliases of 64 pages, 32 more pages beside them in host addresses, and some apart. */
static const struct fake_slot slots[FAKE_NR_SLOTS] = {
	{ 0, 64, HOST },
	{ 4096, 64, HOST },
	{ 100000, 32, HOST + 64 * PAGE },
	{ 200, 16, HOST + 4096 * PAGE },
};

/* One invalidation: of pages [from, to) counted from HOST, or of gfns. */
struct inval {
	uint64_t from, to;
	bool gfn, at_once;  /* at once: without a walk, and so of both kinds */
	unsigned int kinds; /* of mappings: shared 1, private 2 */
	unsigned int slot;  /* how far its walk is */
};

struct fault {
	bool open, stale;
	unsigned int slot;
	uint64_t gfn, page, seq, kind_seq;
	bool is_private;
};

/* What there is of one kind of mappings. */
struct kind {
	uint64_t seq, in_progress;
	struct rs_range gfns;
};

struct world {
	struct stream_rng rng;
	struct fake_kvm *kvm[ALGOS];
	struct inval stack[TASKS][DEPTH];
	unsigned int depth[TASKS];
	struct fault faults[3];
	uint64_t seq, in_progress;
	struct rs_range gfns, hvas;
	struct kind kinds[2];
	struct rs_kvm_words words; /* of the model's hfn-recent */
	struct rs_bounded_recent recent;
	struct rs_bounded_owner owner[LIVE];
	uint64_t room[RS_BOUNDED_RECENT_ROOM(LIVE, 1, DONE) / 8];
};

static uint64_t below(struct world *w, uint64_t n)
{
	return stream_below(&w->rng, n);
}

static uint64_t first_page(unsigned int slot)
{
	return (slots[slot].hva - HOST) / PAGE;
}

/* The gfns of memslot @slot that @v covers. */
static struct rs_range clip(const struct inval *v, unsigned int slot)
{
	const uint64_t base = v->gfn ? slots[slot].gfn : first_page(slot);
	const uint64_t from = v->from > base ? v->from : base;
	const uint64_t end = base + slots[slot].npages;
	const uint64_t to = v->to < end ? v->to : end;

	if (from >= to)
		return (struct rs_range){ 0, 0 };
	return (struct rs_range){ from - base + slots[slot].gfn, to - base + slots[slot].gfn };
}

static void mark_stale(struct world *w, const struct inval *v, unsigned int slot)
{
	const struct rs_range gfns = clip(v, slot);

	for (unsigned int i = 0; i < 3; i++) {
		struct fault *f = &w->faults[i];

		f->stale |= f->open && f->slot == slot && rs_range_has(&gfns, f->gfn) &&
			    (v->kinds >> f->is_private & 1);
	}
}

static void widen_kinds(struct world *w, const struct inval *v, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < 2; i++)
		if (v->kinds >> i & 1)
			rs_range_widen(&w->kinds[i].gfns, start, end);
}

/* The next memslot of a walk that is hit goes in; those of gfns all at once. */
static void walk_on(struct world *w, unsigned int task, struct inval *v)
{
	const uint64_t start = v->gfn ? 0 : HOST + v->from * PAGE;
	const uint64_t end = v->gfn ? 0 : HOST + v->to * PAGE;

	for (; v->slot < FAKE_NR_SLOTS; v->slot++) {
		const struct rs_range gfns = clip(v, v->slot);
		const uint64_t base = slots[v->slot].hva / PAGE - slots[v->slot].gfn;

		if (gfns.start >= gfns.end)
			continue;
		for (unsigned int k = 0; k < ALGOS && !v->at_once; k++)
			assert_true(fake_add(w->kvm[k], &w->depth[task], v->slot, gfns.start,
					     gfns.end, v->kinds, start, end));
		rs_pieces_add(rs_bounded_recent_entry(&w->recent, (struct rs_bounded_owner){ v }),
			      1, gfns.start + base, gfns.end + base);
		if (!v->at_once) {
			rs_range_widen(&w->gfns, gfns.start, gfns.end);
			widen_kinds(w, v, gfns.start, gfns.end);
		}
		mark_stale(w, v, v->slot);
		if (!v->gfn) {
			v->slot++;
			return;
		}
	}
}

static void begin(struct world *w, unsigned int task)
{
	struct inval *v = &w->stack[task][w->depth[task]];
	const uint64_t sizes[] = { 1, 4, 40, 200 };
	bool hit = false;

	*v = (struct inval){ .gfn = !w->depth[task] && below(w, 4) == 0 };
	v->from = v->gfn ? below(w, 300) : below(w, 96);
	v->to = v->from + 1 + below(w, sizes[below(w, 4)]);
	v->kinds = v->gfn ? 1 + (unsigned int)below(w, 3) : 1;
	v->at_once = v->kinds == 3;
	for (unsigned int i = 0; i < FAKE_NR_SLOTS; i++)
		hit |= clip(v, i).start < clip(v, i).end;
	/* Those with the same owner are for test_nested(): the model tells them apart. */
	for (unsigned int i = 0; i < w->depth[task]; i++)
		hit &= v[-1 - (int)i].from != v->from || v[-1 - (int)i].to != v->to;
	if (!hit)
		return;
	for (unsigned int k = 0; k < ALGOS; k++)
		assert_true(fake_begin(w->kvm[k], &w->depth[task],
				       v->gfn ? 0 : HOST + v->from * PAGE,
				       v->gfn ? 0 : HOST + v->to * PAGE));
	if (!w->in_progress++)
		w->gfns = w->hvas = (struct rs_range){ 0, 0 };
	for (unsigned int i = 0; i < 2; i++)
		if ((v->kinds >> i & 1) && !w->kinds[i].in_progress++)
			w->kinds[i].gfns = (struct rs_range){ 0, 0 };
	rs_bounded_recent_begin(&w->recent, &w->words, (struct rs_bounded_owner){ v });
	if (v->gfn) {
		rs_range_widen(&w->hvas, 0, UINT64_MAX);
	} else {
		rs_range_widen(&w->hvas, HOST + v->from * PAGE, HOST + v->to * PAGE);
	}
	if (v->at_once) {
		rs_range_widen(&w->gfns, v->from, v->to);
		widen_kinds(w, v, v->from, v->to);
		for (unsigned int k = 0; k < ALGOS; k++)
			assert_true(fake_add_gfns(w->kvm[k], &w->depth[task], v->from, v->to));
	}
	w->depth[task]++;
	walk_on(w, task, v);
}

static void end(struct world *w, unsigned int task)
{
	struct inval *v = &w->stack[task][--w->depth[task]];

	for (unsigned int i = 0; i < FAKE_NR_SLOTS; i++)
		mark_stale(w, v, i);
	for (unsigned int k = 0; k < ALGOS; k++)
		assert_true(fake_end(w->kvm[k], &w->depth[task], v->gfn ? 0 : HOST + v->from * PAGE,
				     v->gfn ? 0 : HOST + v->to * PAGE));
	rs_bounded_recent_end(&w->recent, &w->words, (struct rs_bounded_owner){ v });
	w->seq++;
	w->in_progress--;
	for (unsigned int i = 0; i < 2; i++) {
		w->kinds[i].seq += v->kinds >> i & 1;
		w->kinds[i].in_progress -= v->kinds >> i & 1;
	}
}

/* Whether a live one has reached the page. */
static bool is_outstanding(const struct world *w, const struct fault *f)
{
	for (unsigned int t = 0; t < TASKS; t++) {
		for (unsigned int i = 0; i < w->depth[t]; i++) {
			const struct inval *v = &w->stack[t][i];
			const struct rs_range gfns = clip(v, f->slot);

			if (v->slot > f->slot && rs_range_has(&gfns, f->gfn) &&
			    (v->kinds >> f->is_private & 1))
				return true;
		}
	}
	return false;
}

static void check(struct world *w, struct fault *f)
{
	const bool moved = w->seq != f->seq, any = w->in_progress;
	const struct kind *kind = &w->kinds[f->is_private];
	const bool want[ALGOS] = {
		moved || any,
		moved || (any && (f->is_private || rs_range_has(&w->hvas, HOST + f->page * PAGE))),
		moved || (any && rs_range_has(&w->gfns, f->gfn)),
		rs_bounded_recent_rejects(&w->recent, &w->words, HOST / PAGE + f->page, f->seq),
		kind->seq != f->kind_seq ||
			(kind->in_progress && rs_range_has(&kind->gfns, f->gfn)),
	};

	for (unsigned int k = 0; k < ALGOS; k++) {
		assert_int_equal(fake_seq(w->kvm[k]), w->seq);
		assert_int_equal(fake_in_progress(w->kvm[k]), w->in_progress);
		assert_int_equal(fake_rejects(w->kvm[k], f->slot, f->gfn, f->is_private, f->seq),
				 want[k]);
		if (f->stale || is_outstanding(w, f))
			assert_true(want[k]);
	}
	for (unsigned int k = 2; any && k < ALGOS; k += 2)
		assert_int_equal(fake_range_start(w->kvm[k]), w->gfns.start);
	f->open = false;
}

static void fault(struct world *w, struct fault *f)
{
	*f = (struct fault){ .open = true,
			     .seq = w->seq,
			     .slot = (unsigned int)below(w, FAKE_NR_SLOTS),
			     .is_private = below(w, 8) == 0 };
	f->gfn = slots[f->slot].gfn + below(w, slots[f->slot].npages);
	f->page = first_page(f->slot) + f->gfn - slots[f->slot].gfn;
	f->kind_seq = w->kinds[f->is_private].seq;
	f->stale = is_outstanding(w, f);
}

static void step(struct world *w)
{
	const unsigned int task = (unsigned int)below(w, TASKS);
	struct fault *f = &w->faults[below(w, 3)];
	struct inval *v = w->depth[task] ? &w->stack[task][w->depth[task] - 1] : NULL;

	if (below(w, 2)) {
		if (f->open)
			check(w, f);
		else
			fault(w, f);
	} else if (v && v->slot < FAKE_NR_SLOTS) {
		walk_on(w, task, v);
	} else if (w->depth[task] < DEPTH && below(w, 3) && below(w, 4) >= w->in_progress / 2) {
		begin(w, task);
	} else if (v) {
		end(w, task);
	}
}

static void test_random(void **state)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct world *w = calloc(1, sizeof(*w));

		assert_non_null(w);
		w->rng.state = seed;
		w->recent = (struct rs_bounded_recent){
			LIVE, 1, DONE, RS_PIECES_SIZE(1), w->owner, (char *)w->room, 0
		};
		for (unsigned int k = 0; k < ALGOS; k++) {
			w->kvm[k] = fake_kvm_new(algos[k], slots);
			assert_non_null(w->kvm[k]);
		}
		for (unsigned int i = 0; i < STEPS; i++)
			step(w);
		for (unsigned int k = 0; k < ALGOS; k++)
			fake_kvm_free(w->kvm[k]);
		free(w);
	}
}

/* KVM's own way: nothing is taken over, and nothing is changed. */
static void test_kernel(void **state)
{
	struct fake_kvm *k = fake_kvm_new("kernel", slots);

	assert_non_null(k);
	assert_false(fake_begin(k, k, HOST, HOST + PAGE));
	assert_false(fake_add(k, k, 0, 0, 1, 0, HOST, HOST + PAGE));
	assert_false(fake_add_gfns(k, k, 0, 1));
	assert_false(fake_end(k, k, HOST, HOST + PAGE));
	assert_int_equal(fake_seq(k), 0);
	assert_int_equal(fake_in_progress(k), 0);
	fake_kvm_free(k);
}

/* A parameter that is wrong leaves the one before; a line's end is none of the name. */
static void test_parameter(void **state)
{
	fake_kvm_free(fake_kvm_new("hva\n", slots));
	assert_string_equal(fake_param(), "hva\n");
	assert_null(fake_kvm_new("hv", slots));
	assert_null(fake_kvm_new("", slots));
	assert_string_equal(fake_param(), "hva\n");
	fake_kvm_free(fake_kvm_new("hfn-recent:2.1.8", slots));
	assert_string_equal(fake_param(), "hfn-recent:2.1.8\n");
}

/* Whether a fault at page @gfn of the first memslot that begins now is to be tried again. */
static bool rejects_now(struct fake_kvm *k, uint64_t gfn)
{
	return fake_rejects(k, 0, gfn, false, fake_seq(k));
}

/*
 * A task's call inside another of the same range, whose entry it cannot have for itself: at its
 * end the outer one is still in progress. And so for two about gfns, whose ranges differ.
 */
static void test_nested(void **state)
{
	struct fake_kvm *k = fake_kvm_new("hfn-recent:2.1.8", slots);
	const int task = 0, other = 0;

	assert_non_null(k);
	assert_true(fake_begin(k, &task, HOST, HOST + PAGE));
	assert_true(fake_add(k, &task, 0, 0, 1, 0, HOST, HOST + PAGE));
	assert_true(fake_begin(k, &other, HOST + 9 * PAGE, HOST + 10 * PAGE));
	assert_true(fake_add(k, &other, 0, 9, 10, 0, HOST + 9 * PAGE, HOST + 10 * PAGE));
	assert_true(fake_begin(k, &task, HOST, HOST + PAGE));
	assert_true(fake_add(k, &task, 0, 0, 1, 0, HOST, HOST + PAGE));
	assert_true(fake_end(k, &task, HOST, HOST + PAGE));
	assert_true(rejects_now(k, 0));
	assert_true(rejects_now(k, 9));
	assert_false(rejects_now(k, 5));
	assert_true(fake_end(k, &task, HOST, HOST + PAGE));
	assert_false(rejects_now(k, 0));
	assert_true(fake_end(k, &other, HOST + 9 * PAGE, HOST + 10 * PAGE));
	assert_false(rejects_now(k, 9));

	for (uint64_t gfn = 3; gfn < 5; gfn++) {
		assert_true(fake_begin(k, &task, 0, 0));
		assert_true(fake_add_gfns(k, &task, gfn, gfn + 1));
	}
	assert_true(fake_end(k, &task, 0, 0));
	assert_true(rejects_now(k, 3));
	assert_true(fake_end(k, &task, 0, 0));
	assert_false(rejects_now(k, 3));
	assert_int_equal(fake_in_progress(k), 0);
	fake_kvm_free(k);
}

/*
 * A task's invalidation of gfns inside another one of it, whose kind it cannot say for itself,
 * and more of them than there are entries: they are of both kinds until they end.
 */
static void test_kinds_that_cannot_be_kept(void **state)
{
	struct fake_kvm *k = fake_kvm_new("gfn-split", slots);
	const int tasks[6] = { 0 };

	assert_non_null(k);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(fake_begin(k, &tasks[0], 0, 0));
		assert_true(fake_add(k, &tasks[0], 0, i, i + 1, 2, 0, 0));
		assert_int_equal(rejects_now(k, i), i);
		assert_true(fake_rejects(k, 0, i, true, fake_seq(k)));
	}
	assert_true(fake_end(k, &tasks[0], 0, 0));
	assert_false(rejects_now(k, 1));
	assert_true(fake_rejects(k, 0, 0, true, fake_seq(k)));
	assert_true(fake_end(k, &tasks[0], 0, 0));
	assert_false(fake_rejects(k, 0, 0, true, fake_seq(k)));

	for (unsigned int i = 0; i < 6; i++) {
		assert_true(fake_begin(k, &tasks[i], 0, 0));
		assert_true(fake_add(k, &tasks[i], 0, 10 + i, 11 + i, 2, 0, 0));
	}
	assert_false(rejects_now(k, 13));
	assert_true(rejects_now(k, 14));
	for (unsigned int i = 0; i < 6; i++) {
		assert_true(fake_rejects(k, 0, 15, true, fake_seq(k)));
		assert_true(fake_end(k, &tasks[i], 0, 0));
	}
	assert_false(fake_rejects(k, 0, 15, true, fake_seq(k)));
	assert_false(rejects_now(k, 15));
	assert_int_equal(fake_in_progress(k), 0);
	fake_kvm_free(k);
}

/* mmu_lock is held for so and so long, and that is forgotten. */
static void test_held(void **state)
{
	fake_forget();
	assert_string_equal(fake_hold(true, 100), "1 100 0 0\n");
	assert_string_equal(fake_hold(false, 7), "1 100 1 7\n");
	assert_string_equal(fake_hold(true, 20), "2 120 1 7\n");
	fake_forget();
	assert_string_equal(fake_hold(false, 9), "0 0 1 9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_parameter),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_kinds_that_cannot_be_kept),
		cmocka_unit_test(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
