/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_SLOTS_H
#define RS_TRACES_DAT_DAT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"
#include "traces/guest/vm.h"

/*
 * When a memslot came or went. KVM makes new memslots active, waits until nobody
 * uses the old ones any more, and only then commits, which is what is recorded:
 * up to tens of milliseconds late. But each notifier call shows which memslots it
 * found, and each fault which one it went through. So a commit that was recorded
 * later takes effect before the first of these that it explains.
 *
 * No memslot changes while a notifier call is going on (KVM waits for them).
 */
struct rs_dat_slots;

/* Without any memslot. NULL: no memory. */
struct rs_dat_slots *rs_dat_slots_new(void);
void rs_dat_slots_free(struct rs_dat_slots *s);

/* A recorded commit, in order; @ticket comes back from rs_dat_slots_applied(). */
int rs_dat_slots_commit(struct rs_dat_slots *s, const struct rs_event *memslot, uint64_t ticket);
/* Makes the oldest commit not yet in effect take effect, at @time_ns. 0 or -ENOMEM. */
int rs_dat_slots_apply(struct rs_dat_slots *s, uint64_t time_ns);
/* The ticket of the oldest commit not in effect; false if there is none. */
bool rs_dat_slots_next(const struct rs_dat_slots *s, uint64_t *ticket);
/* A memslot of which no commit was recorded. */
int rs_dat_slots_learn(struct rs_dat_slots *s, const struct rs_event *memslot);
/* Whether there were none so far, neither by a commit nor learned. */
bool rs_dat_slots_had_none(const struct rs_dat_slots *s);
/*
 * Whether (as, id) is there once all commits have taken effect, by these alone: what is
 * learned may be that of a commit which is still to come.
 */
bool rs_dat_slots_will_have(const struct rs_dat_slots *s, uint8_t as, uint32_t id);
/* The host address that a memslot in effect gives to @gfn; 0: none has it. */
uint64_t rs_dat_slots_hva(const struct rs_dat_slots *s, uint8_t as, uint64_t gfn);

struct rs_dat_hit {
	uint64_t gfn_start, gfn_end;
	uint32_t id;
	uint8_t as;
};

/* By address space and id, as the evidence needs them. */
void rs_dat_hits_sort(struct rs_dat_hit *hits, size_t n);

/* What was seen of the memslots at one moment. */
struct rs_dat_evidence {
	enum { RS_DAT_SEEN_NOTIFIER, RS_DAT_SEEN_HIT, RS_DAT_SEEN_FAULT } by;
	/*
	 * A notifier call: its range, and all memslots that it hit, sorted. A hit without a
	 * call: it alone.
	 */
	uint64_t start, end;
	const struct rs_dat_hit *hits;
	size_t nr_hits;
	/*
	 * A fault: where, and through which memslot (its id, or the hva, 0: not known).
	 * It was looked up at some time from @since_ns on.
	 */
	uint64_t gfn, hva, since_ns;
	uint32_t id;
	uint8_t as;
	bool has_id;
};

/*
 * Whether a memslot in effect has the page of @e, a fault that found none; without a host
 * address that says so it may have found memslot 0.
 */
bool rs_dat_slots_have_one(const struct rs_dat_slots *s, const struct rs_dat_evidence *e);

#define RS_DAT_SLOTS_NEVER SIZE_MAX
/* A memslot's commit is recorded within this time of its first use. */
#define RS_DAT_COMMIT_NS 500000000ULL

/*
 * How many of the commits not yet in effect must have taken effect for @e, seen at
 * @time_ns, to be as it was: the fewest. *@n is RS_DAT_SLOTS_NEVER if none will do.
 * 0 or -ENOMEM.
 */
int rs_dat_slots_explain(struct rs_dat_slots *s, const struct rs_dat_evidence *e, uint64_t time_ns,
			 size_t *n);

#endif
