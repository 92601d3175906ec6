/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_ALGORITHM_H
#define RS_REPLAY_ALGORITHM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/bounded.h"
#include "replay/model/model.h"
#include "replay/replay.h"
#include "traces/guest/vm.h"
#include "base/error.h"

/*
 * An algorithm that decides whether a fault may be stale: one file in
 * replay/algorithms/ with one of these, and nothing elsewhere. The caller keeps the VM and the
 * outstanding invalidations; an algorithm keeps what a kernel would keep.
 *
 * Where nothing is outstanding and no fault is on its way, what it will answer from
 * then on must not depend on what it saw before: a stream is replayed in pieces that
 * begin there (replay/moment.h). Its sequence count may go on from any number. And
 * a fault during which nothing is outstanding is not rejected: none is asked for it,
 * nor for its snapshot.
 *
 * Each call of begin() or slot() comes after the invalidation's own fields
 * changed, end() before it is forgotten. Only invalidations that hit are shown,
 * unless the algorithm asks for all.
 */
#define RS_ALGO_SEES_ALL 0x1  /* also invalidations that hit no memslot */
#define RS_ALGO_SEQ_FIRST 0x2 /* the state starts with its sequence count: what a fault keeps */
#define RS_ALGO_NO_RANGE 0x4  /* of the kernel's words the range says nothing */
#define RS_ALGO_BOUND 0x8     /* no kernel could do it: it has no price */
#define RS_ALGO_SPLIT 0x10    /* shared and private mappings are kept apart */
/* An invalidation of private memory raises a sequence count at its begin. */
#define RS_ALGO_ONE_STEP 0x20

/*
 * What an algorithm says of a rejection: the cause, and what whoever is to be blamed must have
 * in common with those that its ranges are made of.
 */
struct rs_reason {
	enum rs_cause cause;
	enum rs_space space; /* NONE: any of them */
	unsigned int kinds;  /* they concern one of these, RS_KIND_* */
	bool one_range;	     /* there is one, which lapses when nothing is in progress */
};

/* What the traced kernel records as STATE. */
struct rs_state_words {
	uint64_t seq, in_progress, range_start, range_end;
};

/* What an algorithm may look at besides its own state; outlives it. */
struct rs_algo_env {
	const struct rs_vm *vm;
	struct rs_invals *invals;
	bool no_width; /* blocked() will not be asked for: keep nothing that only it needs */
};

#define RS_ALGO_ITSELF ""

struct rs_algo_ops {
	struct rs_algo_info info; /* a family's name ends in ":N" */
	/* Where it stands in help and in "all": lower ones first, equal ones by name. */
	unsigned int place;
	/*
	 * Whether it is in a list (enum rs_algo_list): RS_ALGO_ITSELF, or of a family those with
	 * these parameters, "2,4,8". NULL: it is not.
	 */
	const char *in_all, *in_default, *in_price;
	unsigned int flags;
	size_t state_size;
	uint64_t min_param, max_param; /* of a family with one number */
	/* Of a family with more: what follows the colon; false if it is none. NULL: one number. */
	bool (*parse)(const char *text, size_t len, uint64_t *param);

	/* @state is zeroed. 0 or -ENOMEM. May be NULL, as every function up to end(). */
	int (*init)(void *state, const struct rs_algo_env *env, uint64_t param);
	void (*destroy)(void *state);
	/* 0 or -ENOMEM. */
	int (*begin)(void *state, const struct rs_inval *inv);
	int (*slot)(void *state, const struct rs_inval *inv, const struct rs_hit *hit);
	void (*end)(void *state, const struct rs_inval *inv);
	/* All outstanding ones are gone without an end (events were lost). */
	void (*drop)(void *state);
	/*
	 * RS_REJECT_* (replay/bounded.h; both may be set) of a fault that has a memslot. Moment of
	 * the locked check. @snapshot: the sequence count at its begin, with RS_ALGO_SEQ_FIRST,
	 * else 0.
	 */
	unsigned int (*rejects)(const void *state, const struct rs_fault *f, uint64_t snapshot);
	/*
	 * Why its ranges reject @f (RS_REJECT_RANGE) although it is not necessary: the first
	 * cause of docs/model.md that applies. Only the algorithm knows its ranges, and what
	 * each invalidation has in them; replay/model/inval.h has the answers where they are
	 * hulls. NULL: it rejects nothing else than what is necessary. @why: all of it is to be
	 * set, and is RS_CAUSE_SEQ, no space, both kinds and more than one range before.
	 */
	void (*explain)(const void *state, const struct rs_fault *f, struct rs_reason *why);
	/* Guest frames at which a fault would be rejected by range right now. */
	uint64_t (*blocked)(void *state);
	/* Memslots changed and rs_vm_update() ran; NULL if that changes nothing here. 0 or -ENOMEM.
	 */
	int (*memslots_changed)(void *state);
	/* The words that the kernel has for it; NULL if no kernel has. */
	void (*words)(const void *state, struct rs_state_words *w);
	/* Bytes that a kernel would keep per VM: now. NULL: always @fixed_bytes. */
	size_t (*bytes)(const void *state);
	size_t fixed_bytes;
};

/* One algorithm at work in one VM. */
struct rs_algo {
	const struct rs_algo_ops *ops;
	uint64_t param;
	void *state;
};

/* A parsed list of algorithms: "gfn,gfn-multi:4". */
struct rs_algo_spec {
	const struct rs_algo_ops *ops;
	uint64_t param;
	char name[48];
};

/*
 * Parses a comma separated list ("all": RS_ALGOS_ALL; NULL: RS_ALGOS_DEFAULT) into an
 * array that the caller frees. 0, -ENOMEM, or -EINVAL with @err set, which names what is
 * wrong; a name given twice counts once.
 */
int rs_algo_parse(const char *list, struct rs_algo_spec **specs, size_t *n, struct rs_error *err);

/* 0 or -ENOMEM. */
int rs_algo_init(struct rs_algo *a, const struct rs_algo_spec *spec, const struct rs_algo_env *env);
void rs_algo_destroy(struct rs_algo *a);

/* Of @n algorithms: the memslots have changed (after rs_vm_update()). 0 or -ENOMEM. */
int rs_algos_memslots_changed(const struct rs_algo *algos, size_t n);
/* All invalidations that are outstanding are gone without an end. */
void rs_algos_drop(const struct rs_algo *algos, size_t n);

/* Whether @a is shown @inv. */
static inline bool rs_algo_sees(const struct rs_algo *a, const struct rs_inval *inv)
{
	return inv->hit || (a->ops->flags & RS_ALGO_SEES_ALL);
}

/* Whether what it blocks is the one range of its words. */
static inline bool algo_has_range(const struct rs_algo_ops *ops)
{
	return ops->words && !(ops->flags & RS_ALGO_NO_RANGE);
}

/* Calls of functions that may be absent. */
static inline int rs_algo_begin(struct rs_algo *a, const struct rs_inval *inv)
{
	return a->ops->begin ? a->ops->begin(a->state, inv) : 0;
}

static inline int rs_algo_slot(struct rs_algo *a, const struct rs_inval *inv,
			       const struct rs_hit *hit)
{
	return a->ops->slot ? a->ops->slot(a->state, inv, hit) : 0;
}

/* What a fault keeps from its begin to its check. */
static inline uint64_t rs_algo_snapshot(const struct rs_algo *a)
{
	return a->ops->flags & RS_ALGO_SEQ_FIRST ? *(const uint64_t *)a->state : 0;
}

static inline void rs_algo_end(struct rs_algo *a, const struct rs_inval *inv)
{
	if (a->ops->end)
		a->ops->end(a->state, inv);
}

#endif
