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

/*
 * Faults without a retry are mostly as long as a clean attempt or shorter: those that took less
 * ns than this, or up to half of it more or less than that, are counted by their ns.
 */
#define USUAL_NS 8192

/* What is alike of faults is not in @sum before sums_finish(). */
struct set_sum {
	uint64_t set; /* 0: unused */
	struct rs_closed_algo sum;
	uint64_t *usual;    /* by ns, from sums.usual_ns on; NULL: there were none, or no memory */
	uint64_t unretried; /* other ones without a retry */
	uint64_t unstalled; /* other ones without a stall */
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
	unsigned int oldest;
	uint64_t clean_ns; /* what a fault takes longer, it stalls */
	uint64_t usual_ns;
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

/* For sums_of(), where @set is another one. */
struct set_sum *sums_find(struct sums *s, uint64_t set);

/* Of a set of algorithms, which is not empty; @of was the last that was asked for, or any. */
static inline struct set_sum *sums_of(struct sums *s, struct set_sum *of, uint64_t set)
{
	return of->set == set ? of : sums_find(s, set);
}

/* For sums_fault(), where it is no usual one. */
void sums_other_fault(const struct sums *s, struct set_sum *of, uint64_t retries,
		      uint64_t service_ns);

/* A fault is done. */
static inline void sums_fault(const struct sums *s, struct set_sum *of, uint64_t retries,
			      uint64_t service_ns)
{
	const uint64_t place = service_ns - s->usual_ns;

	if (!retries && place < USUAL_NS && of->usual)
		of->usual[place]++;
	else
		sums_other_fault(s, of, retries, service_ns);
}

/*
 * Retries while (at the decision) these invalidations were outstanding: they are put down to
 * the one that began last, or, with nothing outstanding, to the one that ended last.
 */
void sums_retries(struct sums *s, struct set_sum *of, uint64_t n);
void sums_begin(struct sums *s, uint64_t id);
void sums_end(struct sums *s, uint64_t id);
/* All outstanding ones are gone. */
void sums_drop(struct sums *s);

/* Everything was counted: it goes to where the algorithms have it. 0 or -ENOMEM. */
int sums_finish(struct sums *s);

#endif
