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

/* That table: an array of each file, NULL at the end. */
extern const struct rs_algo_ops *const *const rs_algorithm_files[];

/*
 * The four words that every kernel's version has per VM (struct kvm), and what
 * they share: the count and the sequence. What the range holds is the
 * algorithm's own affair.
 */
struct rs_words {
	uint64_t seq; /* first: RS_ALGO_SEQ_FIRST */
	const struct rs_vm *vm;
	struct rs_invals *invals;
	uint64_t in_progress;
	struct rs_range range;
};

static inline int rs_words_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct rs_words *w = state;

	w->vm = env->vm;
	w->invals = env->invals;
	return 0;
}

/* Counts one more; the first forgets the range of those before. */
static inline void rs_words_begin(struct rs_words *w)
{
	if (!w->in_progress++)
		w->range = (struct rs_range){ 0, 0 };
}

static inline void rs_words_end(struct rs_words *w)
{
	w->seq++;
	w->in_progress--;
}

static inline void rs_words_finish(void *state, const struct rs_inval *inv)
{
	rs_words_end(state);
}

static inline void rs_words_drop(void *state)
{
	struct rs_words *w = state;

	w->in_progress = 0;
}

static inline unsigned int rs_words_seq(const struct rs_words *w, uint64_t snapshot)
{
	return w->seq != snapshot ? RS_REJECT_SEQ : 0;
}

static inline void rs_words_get(const void *state, struct rs_state_words *out)
{
	const struct rs_words *w = state;

	*out = (struct rs_state_words){ w->seq, w->in_progress, w->range.start, w->range.end };
}

/* The gfn range of a begin without walk: all its memslots' ranges together. */
static inline void rs_words_add_span(struct rs_words *w, const struct rs_inval *inv)
{
	if (!inv->walk && inv->span.start < inv->span.end)
		rs_range_widen(&w->range, inv->span.start, inv->span.end);
}

static inline unsigned int rs_words_rejects_gfn(const void *state, const struct rs_fault *f,
						uint64_t snapshot)
{
	const struct rs_words *w = state;
	bool range = w->in_progress && rs_range_has(&w->range, f->gfn);

	return (range ? RS_REJECT_RANGE : 0) | rs_words_seq(w, snapshot);
}

static inline unsigned int rs_words_rejects_hva(const void *state, const struct rs_fault *f,
						uint64_t snapshot)
{
	const struct rs_words *w = state;
	bool range = w->in_progress && rs_range_has(&w->range, f->hva);

	return (range ? RS_REJECT_RANGE : 0) | rs_words_seq(w, snapshot);
}

static inline void rs_words_explain_gfn(const void *state, const struct rs_fault *f,
					struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_gfn(w->invals, f);
}

static inline void rs_words_explain_hva(const void *state, const struct rs_fault *f,
					struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_hva(w->invals, f, false);
}

static inline uint64_t rs_words_blocked_gfn(void *state)
{
	const struct rs_words *w = state;

	return w->in_progress ? rs_vm_frames_of_gfns(w->vm, w->range.start, w->range.end) : 0;
}

static inline uint64_t rs_words_blocked_hva(void *state)
{
	const struct rs_words *w = state;

	return w->in_progress ? rs_vm_frames_of_hvas(w->vm, w->range.start, w->range.end) : 0;
}

#endif
