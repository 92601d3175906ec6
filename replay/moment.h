/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MOMENT_H
#define RS_REPLAY_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "traces/event.h"
#include "traces/pending.h"

/*
 * A moment of a stream at which nothing is pending, and all that an engine must
 * know to take the stream up there: the time, the VMs, and what happened to the
 * memslots since it left the stream. Nothing else of what came before can make a
 * difference to what comes after, as long as no events were lost: how long a VM is
 * not judged then depends on more.
 */
struct rs_moment_vm {
	uint32_t vm;
	uint64_t begin_ns, end_ns; /* its first and its last event so far */
};

struct rs_moment {
	uint64_t begin_ns, now_ns; /* of the stream, as an engine has them */
	uint64_t events;
	struct rs_moment_vm *vms; /* in the order of their first events */
	size_t nr_vms, max_vms;
	struct rs_event *memslots; /* events, in their order */
	size_t nr_memslots, max_memslots;
};

/* Frees what is in @m, not @m, which is all zero then. */
void rs_moment_free(struct rs_moment *m);

/* Follows a stream from its begin, for its moments. */
struct rs_follower {
	bool one_vm; /* the others' events only take time */
	uint32_t vm;
	struct rs_pending pending;
	struct rs_moment at;	/* its memslots: those that some engine may not know yet */
	uint64_t first_memslot; /* events of memslots before those */
	bool given_up;
};

/*
 * Takes the next events, which are well-formed: up to such a moment after event @from
 * of them or a later one, at most @n. Returns how many. It never takes a loss, of which
 * no moment may be after, but stops before it. @f starts as all zero but for its
 * options. -ENOMEM.
 */
ssize_t rs_follower_note(struct rs_follower *f, const struct rs_event *evs, size_t n, size_t from);
/*
 * Whether now is such a moment. Never more once there are too many VMs, or too many
 * memslots changed that were not forgotten: then following costs nothing more either.
 */
bool rs_follower_idle(const struct rs_follower *f);
/* How many events of memslots there were. */
uint64_t rs_follower_memslots(const struct rs_follower *f);
/* Those before number @until are known to all. */
void rs_follower_forget(struct rs_follower *f, uint64_t until);
/*
 * The present moment into @m (all zero, or one to be used again), for an engine that
 * knows the memslots' events before number @known. 0 or -ENOMEM.
 */
int rs_follower_moment(const struct rs_follower *f, uint64_t known, struct rs_moment *m);
/* Frees what is in @f, not @f. */
void rs_follower_free(struct rs_follower *f);

#endif
