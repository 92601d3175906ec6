/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_PAIR_INTERNAL_H
#define RS_TRACES_DAT_DAT_PAIR_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "traces/dat/dat_pair.h"

/* What the pairing of faults and that of invalidations share. */

struct rs_dat_fault {
	struct rs_dat_vm *vm; /* NULL: none going on */
	bool begun, checked, tried_async, is_async;
	bool zeros; /* it went through memslot 0, or none */
	uint32_t vcpu, flags;
	uint64_t gfn, page;	   /* page: in the space of the kernel's range */
	struct rs_dat_state state; /* at its begin */
	uint64_t since_ns;
	int64_t looked_up; /* what the look-up returned; INT64_MIN: not yet */
	uint64_t entry, begin, early, check;
	uint64_t fault_seq;
	bool maybe_extended; /* that was perhaps an int, and negative */
};

struct rs_dat_inval {
	struct rs_dat_vm *vm; /* NULL: not known */
	uint64_t mn, start, end, id;
	uint64_t enter, last_slot, end_ticket;
	uint32_t who;
	bool hit, started, ending, locked_end;
	bool maybe; /* its walk was lost: perhaps it hit something */
};

struct rs_dat_gfns {
	uint64_t start, end; /* start >= end: none */
};

/* An invalidation through no notifier, from its begin to its end. */
struct rs_dat_own {
	struct rs_dat_vm *vm;
	uint64_t id, begin;	  /* the begin's ticket */
	struct rs_dat_gfns hit;	  /* around the memslots' ranges of its walk */
	struct rs_dat_gfns said;  /* around the ranges that were said without a walk */
	struct rs_dat_gfns added; /* those of them that were said since the last hit */
	unsigned int filter;	  /* RS_KIND_*, of its walk */
	bool walks, adds;
	bool late; /* its begin was not recorded */
};

struct rs_dat_task {
	uint32_t pid;
	bool used;
	/* From which ring buffer and recorder its events of each kind come, or 0. */
	uint16_t source[RS_DAT_NR_KINDS];
	/* Seams before it was last seen where it is in no call; at a later one it may be in any. */
	unsigned int seams;
	uint32_t who[RS_DAT_NR_WHYS]; /* 0: not asked for so far */
	struct rs_dat_fault fault;
	struct rs_dat_inval *invals; /* the innermost last */
	size_t nr_invals, room_invals;
	struct rs_dat_own *owns; /* one per VM at most */
	size_t nr_owns, room_owns;
};

/* What tells one commit of a memslot from another. */
struct rs_dat_commit {
	uint64_t time_ns, kvm, as, id, change;
};

struct rs_dat_pair {
	const struct rs_dat_probes *probes;
	const struct rs_dat_pair_ops *ops;
	struct rs_trace_meta *meta;
	uint64_t mn_offset;
	int64_t retry;	   /* what the look-up of a page returns for a fault to be dropped */
	unsigned int gaps; /* CPUs of which events are being lost now */
	bool had_gap;
	struct rs_dat_commit last_commit;
	uint64_t gap_end_ns;				/* of the last one */
	uint64_t gap_mark_ns;				/* when that was last said */
	bool paused;					/* the recording, since a seam */
	unsigned int seams;				/* so far */
	enum { SPACE_ALL, SPACE_HVA, SPACE_GFN } space; /* of the kernel's range */
	bool unknown_space;
	bool by_time;	      /* without the memslots of the walks nothing else is known */
	bool gfn_kernel;      /* it asks before the look-up as well */
	bool told;	      /* its algorithm was chosen: it need not be what its release had */
	bool frames;	      /* it keeps frames of each invalidation, which nobody recorded */
	bool whole_fault_seq; /* the kernel's copy is no int: a negative one compared equal */
	uint64_t nr_extended; /* faults that were tried again as they are if it is one */
	struct rs_dat_vm **vms;
	size_t nr_vms;
	struct rs_dat_task *tasks; /* open addressing by pid */
	size_t nr_tasks, mask;
	struct rs_dat_task *last;
};

static inline int rs_dat_note(struct rs_dat_pair *p, const char *anomaly)
{
	return rs_meta_add_anomaly(p->meta, anomaly, 1);
}

/* What lacks what came before is no wonder in a task that a seam may have cut. */
static inline int rs_dat_note_unless_cut(struct rs_dat_pair *p, const struct rs_dat_task *t,
					 const char *anomaly)
{
	return t->seams == p->seams ? rs_dat_note(p, anomaly) : 0;
}

/* An item of what happened to @vm; see rs_dat_items_add(). What more its event says is to be set.
 */
static inline struct rs_dat_item *rs_dat_put(struct rs_dat_vm *vm, uint64_t time_ns,
					     enum rs_dat_item_type type, enum rs_event_type ev_type,
					     bool pending, uint64_t *ticket)
{
	struct rs_dat_item *i = rs_dat_items_add(vm->items, type, pending, ticket);

	if (i)
		i->ev = (struct rs_event){ .time_ns = time_ns,
					   .vm = vm->number,
					   .type = (uint8_t)ev_type };
	return i;
}

_Static_assert(RS_DAT_F_IN_PROGRESS == RS_DAT_F_SEQ + 1 &&
		       RS_DAT_F_RANGE_START == RS_DAT_F_SEQ + 2 &&
		       RS_DAT_F_RANGE_END == RS_DAT_F_SEQ + 3,
	       "the fields of a state are numbered in its order");

static inline struct rs_dat_state rs_dat_state_of(const struct rs_dat_probe *e)
{
	const struct rs_dat_field_at *at = &e->at[RS_DAT_F_SEQ];
	struct rs_dat_state state;

	if (at->words < sizeof(state) / 8)
		return (struct rs_dat_state){ V(e, SEQ), V(e, IN_PROGRESS), V(e, RANGE_START),
					      V(e, RANGE_END) };
	memcpy(&state, e->data + at->offset, sizeof(state));
	return state;
}

/* Says what a pending item is; false if it was waited for too long and is gone. */
static inline bool rs_dat_settle(struct rs_dat_vm *vm, uint64_t ticket, enum rs_dat_item_type type)
{
	struct rs_dat_item *i = rs_dat_items_find(vm->items, ticket);

	if (!i)
		return false;
	i->type = (uint8_t)type;
	i->pending = false;
	return true;
}

/* Whoever has the lock, and sees another sequence, is behind the end. */
static inline void rs_dat_locked(struct rs_dat_vm *vm, uint64_t seq)
{
	vm->is_ending &= seq == vm->ending.seq;
}

/* The memslot that @e says is hit, and its frames, as an item. NULL if there is no memory. */
static inline struct rs_dat_item *rs_dat_put_hit(struct rs_dat_vm *vm, enum rs_dat_item_type type,
						 const struct rs_dat_probe *e, uint64_t *ticket)
{
	struct rs_dat_item *i = rs_dat_put(vm, e->time, type, RS_EV_INVAL_SLOT, false, ticket);

	if (!i)
		return NULL;
	i->ev.as = (uint8_t)V(e, AS);
	i->ev.inval.slot = (uint32_t)V(e, ID);
	i->ev.inval.start = V(e, GFN_START);
	i->ev.inval.end = V(e, GFN_END);
	return i;
}

/* A hit of invalidation @id; its ticket is *@ticket. NULL if there is no memory. */
static inline struct rs_dat_item *rs_dat_put_slot(struct rs_dat_vm *vm, uint64_t id,
						  const struct rs_dat_probe *e, uint64_t *ticket)
{
	struct rs_dat_item *i = rs_dat_put_hit(vm, RS_DAT_SLOT, e, ticket);

	if (!i)
		return NULL;
	i->ev.inval.id = id;
	i->seq = V(e, SEQ);
	i->state = rs_dat_state_of(e);
	rs_dat_locked(vm, i->seq);
	return i;
}

/* Who the task is when it does something for that reason. 0 or -ENOMEM. */
static inline int rs_dat_who(struct rs_dat_pair *p, struct rs_dat_task *t, enum rs_dat_why why,
			     uint32_t *who)
{
	*who = t->who[why];
	if (*who)
		return 0;
	if (rs_dat_names_of(p->ops->names, t->pid, why, &t->who[why]))
		return -ENOMEM;
	*who = t->who[why];
	return 0;
}

/* @e tells of a task that has to do with @vm: perhaps it is better known now whose that is. */
static inline void rs_dat_note_pid(struct rs_dat_vm *vm, const struct rs_dat_probe *e,
				   unsigned int from)
{
	if (vm->pid_from == RS_DAT_PID_KVM)
		return;
	if (e->has & 1U << RS_DAT_F_PID && V(e, PID)) {
		vm->pid = (uint32_t)V(e, PID);
		vm->pid_from = RS_DAT_PID_KVM;
	} else if (vm->pid_from < from) {
		vm->pid = e->pid;
		vm->pid_from = from;
	}
}

/* The VM at @kvm that there is now; NULL if none is known. */
struct rs_dat_vm *rs_dat_known_vm(struct rs_dat_pair *p, uint64_t kvm);
/* A new one, first met at @e; NULL if there is no memory. */
struct rs_dat_vm *rs_dat_add_vm(struct rs_dat_pair *p, uint64_t kvm, const struct rs_dat_probe *e);
/*
 * Tells the order of @vm that events were lost, or with @flags RS_F_PAUSE or RS_F_RESUME that
 * the recording paused. 0 or -ENOMEM.
 */
int rs_dat_put_mark(struct rs_dat_vm *vm, enum rs_dat_item_type type, uint64_t time_ns,
		    uint64_t count, uint8_t flags);
/* The VM at @kvm, which may be new; NULL if there is no memory. */
struct rs_dat_vm *rs_dat_find_vm(struct rs_dat_pair *p, uint64_t kvm, const struct rs_dat_probe *e);

/* Take an event of an invalidation, of a fault. 0 or -ENOMEM. */
int rs_dat_on_inval_start(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e);
int rs_dat_on_inval_slot(struct rs_dat_pair *p, struct rs_dat_task *t,
			 const struct rs_dat_probe *e);
int rs_dat_on_inval_started(struct rs_dat_pair *p, struct rs_dat_task *t,
			    const struct rs_dat_probe *e);
int rs_dat_on_inval_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
int rs_dat_on_inval_end_locked(struct rs_dat_pair *p, struct rs_dat_task *t,
			       const struct rs_dat_probe *e);
int rs_dat_on_inval_ended(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e);
int rs_dat_on_fault(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
int rs_dat_on_fault_begin(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e);
int rs_dat_on_fault_looked_up(struct rs_dat_pair *p, struct rs_dat_task *t,
			      const struct rs_dat_probe *e);
int rs_dat_on_fault_check(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e);
int rs_dat_on_fault_verdict(struct rs_dat_pair *p, struct rs_dat_task *t,
			    const struct rs_dat_probe *e);
int rs_dat_on_fault_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
/* A task that does something else has left an end of which the return was missed. */
int rs_dat_leave_ended(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
/* Whether the task is inside a notifier call of the VM at @kvm. */
bool rs_dat_in_call(const struct rs_dat_task *t, uint64_t kvm);
/* An end of which no begin is known. 0 or -ENOMEM. */
int rs_dat_put_own_end(struct rs_dat_pair *p, const struct rs_dat_probe *e);

/* Take an event of an invalidation through no notifier. 0 or -ENOMEM. */
int rs_dat_on_inval_begin(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e);
/* A hit that is none of a notifier call's walk. */
int rs_dat_on_own_slot(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
int rs_dat_on_range_add(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
int rs_dat_on_zap_begin(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
int rs_dat_on_zap_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e);
/* Whether the task is in such an invalidation of the VM at @kvm. */
bool rs_dat_has_own(struct rs_dat_task *t, uint64_t kvm);
/* It ends at @e. 0 or -ENOMEM. */
int rs_dat_end_own(struct rs_dat_task *t, const struct rs_dat_probe *e);
/*
 * One of @vm whose begin was not recorded is the notifier call that ends now, whose start
 * was lost: *@id is its id. False if there is none.
 */
bool rs_dat_adopt_own(struct rs_dat_task *t, const struct rs_dat_vm *vm, uint64_t *id);
/* The task does something else: their walks are over. */
void rs_dat_settle_owns(struct rs_dat_task *t);
/* Their ends may be missing. */
void rs_dat_drop_owns(struct rs_dat_task *t);

/* Events of the task may be missing from here on. */
void rs_dat_cut_fault(const struct rs_dat_pair *p, struct rs_dat_task *t);
void rs_dat_cut_invals(struct rs_dat_task *t);
/* The task's invalidations end unseen; of those that do not, the end is one without a begin. */
void rs_dat_forget_invals(struct rs_dat_task *t);
/* Whether what the task is in is a live invalidation of @vm that covers the page, at @hva. */
bool rs_dat_task_covers(const struct rs_dat_task *t, const struct rs_dat_vm *vm, uint64_t gfn,
			uint64_t hva);
/* The trace ends: what is unfinished stays so. */
void rs_dat_finish_invals(struct rs_dat_task *t);

#endif
