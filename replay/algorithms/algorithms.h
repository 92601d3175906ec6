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

/*
 * Two sequence counts in the one word that a fault keeps, of shared and of private mappings.
 * They wrap, as a fault cannot be under way for so long that it would be seen.
 */
struct rs_two_seqs {
	union {
		uint64_t both;
		uint32_t of[2];
	};
};

static inline void rs_two_seqs_raise(struct rs_two_seqs *s, unsigned int kinds)
{
	s->of[0] += kinds & RS_KIND_SHARED ? 1 : 0;
	s->of[1] += kinds & RS_KIND_PRIVATE ? 1 : 0;
}

/* RS_REJECT_SEQ if that of its kind has changed since @f, which kept @snapshot, began. */
static inline unsigned int rs_two_seqs_reject(const struct rs_two_seqs *s, const struct rs_fault *f,
					      uint64_t snapshot)
{
	const struct rs_two_seqs then = { .both = snapshot };
	const unsigned int i = rs_fault_is_private(f);

	return s->of[i] != then.of[i] ? RS_REJECT_SEQ : 0;
}

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

/* The same for the one hva range; without a host address that becomes everything. */
static inline void rs_words_begin_hva(struct rs_words *w, const struct rs_inval *inv)
{
	rs_words_begin(w);
	if (inv->gfn)
		rs_range_widen(&w->range, 0, UINT64_MAX);
	else
		rs_range_widen(&w->range, inv->range.start, inv->range.end);
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

	/* A private fault has no address that could be compared. */
	if (rs_fault_is_private(f))
		range = w->in_progress;
	return (range ? RS_REJECT_RANGE : 0) | rs_words_seq(w, snapshot);
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

	return w->in_progress ? rs_vm_frames_of_gfns(w->vm, w->range.start, w->range.end) : 0;
}

static inline uint64_t rs_words_blocked_hva(void *state)
{
	const struct rs_words *w = state;

	return w->in_progress ? rs_vm_frames_of_hvas(w->vm, w->range.start, w->range.end) : 0;
}

#endif
