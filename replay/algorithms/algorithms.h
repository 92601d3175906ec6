/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_ALGORITHMS_H
#define RS_REPLAY_ALGORITHMS_H

#include "replay/algorithm.h"

/*
 * What an algorithm's file ends with: pointers to what it has, which is one, or a few
 * that differ in little. The build gives each file its array's name and makes the table of
 * all files there are (algorithms.cmake): nothing else has to know of one.
 */
#define RS_ALGORITHM_ARRAY(array) const struct rs_algo_ops *const array[]
#define RS_ALGORITHMS(...) RS_ALGORITHM_ARRAY(RS_ALGORITHM_FILE) = { __VA_ARGS__, NULL }

/* Why those miss that have a private invalidation over in one step, as v6 had. */
#define RS_MISSES_ONE_STEP                                                                       \
	"an invalidation of private memory is one step, which is over while the truncation "     \
	"goes on; v6 was saved by the page lock that its look-ups held, guest_memfd's look-ups " \
	"hold none"

/* That table: an array of each file, NULL at the end. */
extern const struct rs_algo_ops *const *const rs_algorithm_files[];

/* What the kernels' algorithms have: the kernel's words, and what the model looks at besides. */
struct rs_words {
	struct rs_kvm_words kvm; /* first: RS_ALGO_SEQ_FIRST */
	const struct rs_vm *vm;
	struct rs_invals *invals;
};

static inline int rs_words_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct rs_words *w = state;

	w->vm = env->vm;
	w->invals = env->invals;
	return 0;
}

/* Counts it in, with its host addresses; without one that becomes everything. */
static inline void rs_words_begin_hva(struct rs_words *w, const struct rs_inval *inv)
{
	rs_bounded_begin(&w->kvm);
	if (inv->gfn)
		rs_bounded_add_all(&w->kvm);
	else
		rs_bounded_add(&w->kvm, inv->range.start, inv->range.end);
}

static inline void rs_words_finish(void *state, const struct rs_inval *inv)
{
	struct rs_words *w = state;

	rs_bounded_end(&w->kvm);
}

static inline void rs_words_drop(void *state)
{
	struct rs_words *w = state;

	w->kvm.in_progress = 0;
}

static inline void rs_words_get(const void *state, struct rs_state_words *out)
{
	const struct rs_words *w = state;

	*out = (struct rs_state_words){ w->kvm.seq, w->kvm.in_progress, w->kvm.range.start,
					w->kvm.range.end };
}

/* The gfn range of a begin without walk: all its memslots' ranges together. */
static inline void rs_words_add_span(struct rs_words *w, const struct rs_inval *inv)
{
	if (!inv->walk && inv->span.start < inv->span.end)
		rs_bounded_add(&w->kvm, inv->span.start, inv->span.end);
}

static inline unsigned int rs_words_rejects_gfn(const void *state, const struct rs_fault *f,
						uint64_t snapshot)
{
	const struct rs_words *w = state;

	return rs_bounded_rejects(&w->kvm, f->gfn, snapshot);
}

/* A private fault has no address that could be compared. */
static inline unsigned int rs_words_rejects_hva(const void *state, const struct rs_fault *f,
						uint64_t snapshot)
{
	const struct rs_words *w = state;

	return rs_fault_is_private(f) ? rs_bounded_rejects_any(&w->kvm, snapshot)
				      : rs_bounded_rejects(&w->kvm, f->hva, snapshot);
}

static inline void rs_words_explain_gfn(const void *state, const struct rs_fault *f,
					struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_gfn(w->invals, f, RS_KIND_BOTH);
	why->space = RS_SPACE_GFN;
}

/* The same of what has one range, as the kernel has. */
static inline void rs_words_explain_one_gfn(const void *state, const struct rs_fault *f,
					    struct rs_reason *why)
{
	rs_words_explain_gfn(state, f, why);
	why->one_range = true;
}

static inline void rs_words_explain_hva(const void *state, const struct rs_fault *f,
					struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_hva(w->invals, f, RS_KIND_BOTH, false);
	why->space = RS_SPACE_HVA;
	why->one_range = true;
}

static inline uint64_t rs_words_blocked_gfn(void *state)
{
	const struct rs_words *w = state;

	return w->kvm.in_progress
		       ? rs_vm_frames_of_gfns(w->vm, w->kvm.range.start, w->kvm.range.end)
		       : 0;
}

static inline uint64_t rs_words_blocked_hva(void *state)
{
	const struct rs_words *w = state;

	return w->kvm.in_progress
		       ? rs_vm_frames_of_hvas(w->vm, w->kvm.range.start, w->kvm.range.end)
		       : 0;
}

#endif
