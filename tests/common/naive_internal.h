/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_NAIVE_INTERNAL_H
#define RS_TESTS_NAIVE_INTERNAL_H

#include "tests/common/naive.h"

/* Kinds of mappings, as bits; a fault is of one, an invalidation concerns one or both. */
#define NV_SHARED 1U
#define NV_PRIVATE 2U
#define NV_BOTH 3U

/* Moments are positions in the stream, from 1. */
#define NV_NEVER UINT64_MAX

enum nv_kind {
	NV_GLOBAL,
	NV_HVA_512,
	NV_HVA,
	NV_GFN_V7,
	NV_GFN,
	NV_HVA_V6,
	NV_HVA_SPLIT,
	NV_GFN_SPLIT,
	NV_GFN_SLOT,
	NV_GFN_MULTI,
	NV_GFN_LIST,
	NV_GFN_RECENT,
	NV_HFN_RECENT,
	NV_EXACT,
};

struct nv_algo {
	enum nv_kind kind;
	size_t max_ranges; /* gfn-multi's N, the R of L.R.D */
	size_t live, done; /* its L and D */
	unsigned int half; /* of gfn-split, while one is looked at: NV_SHARED or NV_PRIVATE */
};

struct nv_slot {
	uint8_t as;
	uint32_t id;
	uint64_t gfn, npages, hva;
	uint64_t serial; /* a new one whenever what it maps changes */
};

/* A set of pages: of one memslot or of all, between two gfns or two hvas. */
struct nv_area {
	bool hva, one_slot;
	uint8_t as;
	uint32_t id;
	uint64_t start, end;
};

struct nv_areas {
	struct nv_area *v;
	size_t n;
};

/* A memslot that an invalidation hit: the overlap in gfns, and the hull of what is primary in it.
 */
struct nv_hit {
	uint64_t pos;
	uint8_t as;
	uint32_t id;
	uint64_t start, end;
	uint64_t primary_start, primary_end;
	uint64_t hva; /* of the frame @start */
};

struct nv_inval {
	uint64_t id, start, end;
	bool gfn, walk;
	unsigned int filter;
	uint64_t begin_pos, begin_ns;
	uint64_t hit_pos;    /* NV_NEVER as long as it has hit nothing */
	uint64_t end_pos;    /* NV_NEVER as long as it is outstanding */
	bool dropped;	     /* at end_pos, without an end: events were lost */
	struct nv_hit *hits; /* in the order of the walk */
	size_t nr_hits;
};

struct nv_fault {
	bool outstanding, unjudged, backed;
	uint8_t as;
	unsigned int kind;
	uint32_t vcpu;
	uint64_t gfn, begin_pos, begin_ns;
	struct nv_slot slot;
};

struct nv_vm {
	uint32_t vm;
	struct nv_slot *slots;
	size_t nr_slots;
	struct nv_inval *invals; /* all that may still matter */
	size_t nr_invals;
	struct nv_fault *faults; /* one per vCPU seen */
	size_t nr_faults;
	bool blackout;
	bool paused, blind, in_piece;		/* blind: paused, or not yet sure again */
	uint64_t blind_since_ns, piece_checked; /* the count when the piece began */
	uint64_t piece_rejected[NAIVE_MAX_ALGOS], piece_spurious[NAIVE_MAX_ALGOS];
	uint64_t quiet_since_ns;
	uint64_t last_ns;
	bool in_epoch, epoch_covers; /* anything at all, so that widening is defined */
	uint64_t epoch_ns, epoch_invals;
	uint64_t epoch_blocked[NAIVE_MAX_ALGOS], epoch_widening[NAIVE_MAX_ALGOS];
	/* Of the state since the last change, which is the epoch's unless a hit of a walk ends it.
	 */
	bool state_covers;
	uint64_t state_widening[NAIVE_MAX_ALGOS];
};

/* Everything, while events are applied to it. */
struct naive {
	struct nv_algo algos[NAIVE_MAX_ALGOS];
	struct naive_result *res;
	struct nv_vm *vms; /* as res->vms */
	uint64_t now_ns, pos, longest_ns, serial;
	bool keep_all; /* forget no invalidation, and leave widths alone */
};

/* The algorithms of a comma separated list; false if one of them is unknown. */
bool nv_parse_algos(struct naive *nv, const char *list);
void nv_step(struct naive *nv, const struct rs_event *ev);
/* At the end of the stream; frees what is in @nv but for the result. */
void nv_finish(struct naive *nv);

/* The pages that an algorithm rejects by range at this moment. */
struct nv_view {
	bool busy; /* something is in progress, as this algorithm counts */
	bool all;
	struct nv_areas areas;
};

void *nv_grow(void *array, size_t n, size_t size);
void nv_area_add(struct nv_areas *as, struct nv_area a);
void nv_areas_free(struct nv_areas *as);
/* The range of @s's hvas; the last is never 2^64, see range-wraps. */
uint64_t nv_slot_hva_end(const struct nv_slot *s);
bool nv_outstanding(const struct nv_inval *iv);
/* It is gone without an end: as if it had never been. */
bool nv_dropped(const struct nv_inval *iv);
/* Whatever the kinds. */
bool nv_covers(const struct nv_inval *iv, const struct nv_slot *s, uint64_t gfn);
bool nv_area_has(const struct nv_area *a, const struct nv_slot *s, uint64_t gfn);

/* For a fault of that kind; NV_BOTH: for counting frames, where either kind will do. */
void nv_view_make(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo,
		  unsigned int kind);
bool nv_view_rejects(const struct nv_view *v, const struct nv_slot *s, uint64_t gfn);
/*
 * Does what ended after @since reject a fault at @gfn: any end that @algo counts, or, with
 * what it remembers in place of a count, those of its page?
 */
bool nv_seq_rejects(const struct nv_vm *vm, struct nv_algo algo, uint64_t since,
		    const struct nv_slot *s, uint64_t gfn, unsigned int kind);
/* From which position on has something been in progress without a break; NV_NEVER: nothing is. */
uint64_t nv_epoch_start(const struct nv_vm *vm, struct nv_algo algo);
/* The first cause that applies to a spurious rejection. */
enum naive_cause nv_cause(const struct nv_vm *vm, struct nv_algo algo, const struct nv_view *v,
			  const struct nv_fault *f);

/* Who is blamed for that verdict, or, if it is none and @necessary, for a miss. NULL: nobody. */
const struct nv_inval *nv_blame(const struct nv_vm *vm, struct nv_algo algo,
				const struct nv_fault *f, uint8_t verdict, bool necessary);

/* Adds a range that may stand alone, swallowing what it overlaps or touches. */
void nv_add_merging(struct nv_areas *as, struct nv_area a);
/* Makes one of the two closest; of equal gaps the lowest. */
void nv_merge_closest(struct nv_areas *as);
/* naive_recent.c: the same for gfn-recent and hfn-recent. */
void nv_recent_view(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo);
bool nv_recent_ended(const struct nv_vm *vm, struct nv_algo algo, uint64_t since,
		     const struct nv_slot *s, uint64_t gfn);

/* Counts the frames that each of @n views blocks into @blocked; @return all frames. */
uint64_t nv_count_blocked(const struct nv_vm *vm, const struct nv_view *views, size_t n,
			  uint64_t *blocked);
/* Frames whose host page is mapped at another gfn as well. */
uint64_t nv_count_aliased(const struct nv_vm *vm);

#endif
