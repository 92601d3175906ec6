/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_SUMS_H
#define RS_REPLAY_CLOSED_CLOSED_SUMS_H

/*
 * What a simulation counts. Algorithms that do the same, as most do mostly, are counted
 * once, as a set; a set's figures are added to those of each of its algorithms in the end,
 * or where there are too many sets.
 */
#include "replay/closed/closed_internal.h"

/* Beside those of one algorithm each. */
#define NR_SETS 16

/* Faults without a retry that took less ns than this, which are most, are counted by those. */
#define SHORT_NS 8192

struct set_sum {
	uint64_t set; /* 0: unused */
	struct rs_closed_algo sum;
	uint64_t *shorts; /* of each ns, not yet in @sum; NULL: there were none, or no memory */
};

/* Retries put down to an invalidation that is outstanding, or the last that ended. */
struct blamed {
	uint64_t id;
	uint64_t set;	   /* of the algorithms that had any */
	uint64_t *retries; /* of each; NULL: nobody had any */
};

struct sums {
	const struct cast *casts;
	size_t nr;
	struct set_sum sets[NR_SETS + MAX_CASTS];
	unsigned int last; /* of the sets, the one that was asked for */
	unsigned int oldest;
	uint64_t clean_ns;    /* what a fault takes longer, it stalls */
	struct blamed *begun; /* outstanding ones in the order of their begins */
	size_t nr_begun, max_begun;
	struct blamed ended; /* the last one */
	uint64_t **unused;   /* arrays of retries, all zero */
	size_t nr_unused, max_unused;
	uint64_t nr_invals;
	bool failed; /* no memory */
};

/* @s is all zero. Frees also what sums_init() was not called for. */
void sums_init(struct sums *s, const struct cast *casts, size_t nr, uint64_t clean_ns);
void sums_free(struct sums *s);

/* For sums_of(), where @set is not the last that was asked for. */
struct set_sum *sums_find(struct sums *s, uint64_t set);

/* Of a set of algorithms, which is not empty; good until the next call. */
static inline struct set_sum *sums_of(struct sums *s, uint64_t set)
{
	return s->sets[s->last].set == set ? &s->sets[s->last] : sums_find(s, set);
}

/* For sums_fault(), where it is no short one: so many faults are alike. */
void sums_faults(const struct sums *s, struct set_sum *of, uint64_t retries, uint64_t service_ns,
		 uint64_t n);

/* A fault is done. */
static inline void sums_fault(const struct sums *s, struct set_sum *of, uint64_t retries,
			      uint64_t service_ns)
{
	if (!retries && service_ns < SHORT_NS && of->shorts)
		of->shorts[service_ns]++;
	else
		sums_faults(s, of, retries, service_ns, 1);
}

/*
 * Retries while (at the decision) these invalidations were outstanding: they are put down to
 * the one that began last, or, with nothing outstanding, to the one that ended last.
 */
void sums_retries(struct sums *s, uint64_t set, uint64_t n);
void sums_begin(struct sums *s, uint64_t id);
void sums_end(struct sums *s, uint64_t id);
/* All outstanding ones are gone. */
void sums_drop(struct sums *s);

/* Everything was counted: it goes to where the algorithms have it. 0 or -ENOMEM. */
int sums_finish(struct sums *s);

#endif
