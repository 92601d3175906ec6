// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_pair_internal.h"

#include "base/inline.h"

static bool in_range(const struct rs_dat_state *s, uint64_t page)
{
	return s->in_progress && page >= s->start && page < s->end;
}

/*
 * Where a fault that begins is looked for: at its gfn, or, by an algorithm that was chosen, at
 * the host address that the memslots give to it (0: not known yet).
 */
static uint64_t page_of(const struct rs_dat_pair *p, const struct rs_dat_fault *f, uint8_t as)
{
	return p->told && p->space != SPACE_GFN ? rs_dat_order_hva(f->vm->order, as, f->gfn)
						: f->gfn;
}

/* Whether one of those in progress covers the page, where the range does not say so. */
static bool is_covered(const struct rs_dat_pair *p, const struct rs_dat_fault *f)
{
	for (size_t i = 0; i <= p->mask; i++)
		if (p->tasks[i].used && rs_dat_task_covers(&p->tasks[i], f->vm, f->gfn, f->page))
			return true;
	return false;
}

/* Whether the recorded state says at a fault's begin that it is to be tried again. */
static bool is_early(const struct rs_dat_pair *p, const struct rs_dat_fault *f)
{
	if (p->space != SPACE_ALL)
		return in_range(&f->state, f->page);
	return f->state.in_progress && (!p->frames || is_covered(p, f));
}

/* Ends the fault for @reason at @time_ns. */
static int put_fault_end(struct rs_dat_fault *f, uint64_t time_ns, enum rs_end_reason reason)
{
	struct rs_dat_item *i =
		rs_dat_put(f->vm, time_ns, RS_DAT_PLAIN, RS_EV_FAULT_END, false, NULL);

	if (!i)
		return -ENOMEM;
	i->ev.fault.vcpu = f->vcpu;
	i->ev.fault.reason = reason;
	return 0;
}

/* A decision; see rs_dat_put(). NULL if there is no memory. */
static struct rs_dat_item *put_check(const struct rs_dat_fault *f, enum rs_dat_item_type type,
				     uint64_t time_ns, uint8_t flags, uint8_t result, bool pending,
				     uint64_t *ticket)
{
	struct rs_dat_item *i =
		rs_dat_put(f->vm, time_ns, type, RS_EV_FAULT_CHECK, pending, ticket);

	if (!i)
		return NULL;
	i->ev.flags = flags;
	i->ev.result = result;
	i->ev.fault.vcpu = f->vcpu;
	return i;
}

/* A decision of which only the time is known. */
static int put_plain_check(const struct rs_dat_fault *f, uint64_t time_ns, uint8_t flags,
			   uint8_t result)
{
	return put_check(f, RS_DAT_PLAIN, time_ns, flags, result, false, NULL) ? 0 : -ENOMEM;
}

/* The look-up said retry, and no check followed: why? */
static int finish_early_retry(struct rs_dat_pair *p, struct rs_dat_fault *f, uint64_t now_ns)
{
	const bool known_async = rs_dat_has(p->probes, RS_DAT_TP_ASYNC_NOT_PRESENT);
	struct rs_dat_item *i;

	rs_dat_settle(f->vm, f->begin, RS_DAT_FAULT_BEGIN);
	if (f->flags & RS_DAT_SLOT_INVALID) {
		rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
		return put_fault_end(f, now_ns, RS_END_SLOT_INVALID);
	}
	if (f->is_async || (f->tried_async && !known_async)) {
		rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
		return put_fault_end(f, now_ns, RS_END_ASYNC);
	}
	if (f->early != RS_DAT_NO_TICKET) {
		rs_dat_settle(f->vm, f->early, RS_DAT_CHECK_EARLY);
		return 0;
	}
	if (p->gfn_kernel && !rs_dat_has(p->probes, RS_PROBE_FAULT_BEGIN))
		return put_plain_check(f, now_ns, RS_F_LOCKLESS, RS_RES_RETRY);
	if (!p->gfn_kernel) {
		int ret = rs_dat_note(p, "retry-unexplained");

		return ret ? ret : put_fault_end(f, now_ns, RS_END_PLAIN);
	}
	i = put_check(f, RS_DAT_CHECK_EARLY, now_ns, RS_F_LOCKLESS, RS_RES_RETRY, false, NULL);
	if (!i)
		return -ENOMEM;
	i->state = f->state;
	i->page = f->page;
	return 0;
}

/* Ends whatever fault the task is in; @time_ns is now. */
static int finish_fault(struct rs_dat_pair *p, struct rs_dat_task *t, uint64_t time_ns)
{
	const bool decisions = rs_dat_has(p->probes, RS_PROBE_FAULT_CHECK) ||
			       rs_dat_has(p->probes, RS_PROBE_FAULT_VERDICT);
	struct rs_dat_fault *f = &t->fault;
	int ret = 0;

	if (!f->vm)
		return 0;
	if (f->checked) {
		rs_dat_settle(f->vm, f->check, RS_DAT_CHECK);
	} else if (!f->begun || f->looked_up != p->retry) {
		rs_dat_settle(f->vm, f->begun ? f->begin : f->entry, RS_DAT_FAULT_BEGIN);
		rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
		ret = f->begun && !decisions ? put_plain_check(f, time_ns, 0, RS_RES_UNKNOWN)
					     : put_fault_end(f, time_ns, RS_END_PLAIN);
	}
	f->vm = NULL;
	return ret;
}

static int start_fault(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_vm *vm = rs_dat_find_vm(p, V(e, KVM), e);
	int ret = finish_fault(p, t, e->time);

	if (!vm)
		return -ENOMEM;
	t->seams = p->seams;
	rs_dat_note_pid(vm, e, RS_DAT_PID_VCPU);
	*f = (struct rs_dat_fault){
		.vm = vm,
		.vcpu = (uint32_t)V(e, VCPU),
		.since_ns = e->time,
		.looked_up = INT64_MIN,
		.entry = RS_DAT_NO_TICKET,
		.begin = RS_DAT_NO_TICKET,
		.early = RS_DAT_NO_TICKET,
		.check = RS_DAT_NO_TICKET,
	};
	if (f->vcpu > RS_MAX_VCPU) {
		f->vm = NULL;
		return ret ? ret : rs_dat_note(p, "vcpu-too-large");
	}
	return ret;
}

/* The fault begins, or is entered, at @e. NULL if there is no memory. */
static inline struct rs_dat_item *put_begin(struct rs_dat_pair *p, struct rs_dat_task *t,
					    const struct rs_dat_probe *e, uint64_t gfn,
					    uint64_t *ticket)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i;
	uint32_t who;

	if (rs_dat_who(p, t, RS_DAT_WHY_FAULT, &who))
		return NULL;
	i = rs_dat_put(f->vm, e->time, RS_DAT_FAULT_BEGIN, RS_EV_FAULT_BEGIN, true, ticket);
	if (!i)
		return NULL;
	i->ev.fault.vcpu = f->vcpu;
	i->ev.fault.gfn = gfn;
	i->ev.fault.who = who;
	return i;
}

int rs_dat_on_fault(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i;
	uint64_t gfn;
	int ret = rs_dat_leave_ended(p, t, e);

	if (!ret)
		ret = start_fault(p, t, e);
	if (ret || !f->vm)
		return ret;
	gfn = V(e, ADDR) >> RS_PAGE_SHIFT;
	i = put_begin(p, t, e, gfn, &f->entry);
	if (!i)
		return -ENOMEM;
	i->through.since_ns = e->time;
	if (!rs_dat_has(p->probes, RS_PROBE_FAULT_BEGIN)) {
		f->begun = true;
		f->gfn = gfn;
		f->begin = f->entry;
	}
	return 0;
}

/* The decision that the recorded state at the begin already says; settled at the look-up. */
static int put_early_check(struct rs_dat_fault *f, const struct rs_dat_probe *e)
{
	struct rs_dat_item *i = put_check(f, RS_DAT_CHECK_EARLY, e->time, RS_F_LOCKLESS,
					  RS_RES_RETRY, true, &f->early);

	if (!i)
		return -ENOMEM;
	i->seq = f->state.seq;
	i->state = f->state;
	i->page = f->page;
	return 0;
}

/*
 * An end that is half done: the fault saw the next sequence, and the count and the
 * range of before. To the model an end is one moment, which is still to come then. Who
 * sees the next sequence beside another count is behind it.
 */
static bool saw_half_an_end(struct rs_dat_vm *vm, const struct rs_dat_state *s)
{
	const struct rs_dat_state *e = &vm->ending;

	if (!vm->is_ending || s->seq == e->seq)
		return false;
	vm->is_ending = s->seq == e->seq + 1 && s->in_progress == e->in_progress &&
			s->start == e->start && s->end == e->end;
	return vm->is_ending;
}

int rs_dat_on_fault_begin(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e)
{
	/* Without a memslot its fields are what happened to be in memory. */
	const bool through = rs_dat_is_memslot(V(e, AS), V(e, ID)) &&
			     !(V(e, FLAGS) & ~(uint64_t)RS_DAT_SLOT_FLAGS);
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i;
	int ret = 0;

	if (!f->vm || f->begun || f->vm->kvm != V(e, KVM))
		ret = start_fault(p, t, e);
	if (ret || !f->vm)
		return ret;
	rs_dat_settle(f->vm, f->entry, RS_DAT_NONE);
	f->begun = true;
	f->gfn = V(e, GFN);
	f->flags = through ? (uint32_t)V(e, FLAGS) : 0;
	f->state = rs_dat_state_of(e);
	f->state.seq -= saw_half_an_end(f->vm, &f->state);
	i = put_begin(p, t, e, f->gfn, &f->begin);
	if (!i)
		return -ENOMEM;
	i->ev.as = (uint8_t)(through ? V(e, AS) : 0);
	i->ev.flags = V(e, PRIVATE) ? RS_F_PRIVATE : 0;
	i->seq = f->state.seq;
	i->through.since_ns = f->since_ns;
	i->through.hva = 0;
	i->through.id = (uint32_t)V(e, ID);
	/* Zeros may be memslot 0, or what is recorded where there is none. */
	i->through.has_id =
		through && (V(e, ID) || V(e, FLAGS)) && !(f->flags & RS_DAT_SLOT_INVALID);
	f->zeros = e->at[RS_DAT_F_ID].mask && !V(e, AS) && !V(e, ID) && !V(e, FLAGS);
	f->page = page_of(p, f, i->ev.as);
	return p->gfn_kernel && is_early(p, f) ? put_early_check(f, e) : 0;
}

int rs_dat_on_fault_looked_up(struct rs_dat_pair *p, struct rs_dat_task *t,
			      const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;

	if (!f->vm || !f->begun || f->checked)
		return 0;
	f->looked_up = (int64_t)V(e, RET);
	if (f->looked_up == p->retry)
		return finish_early_retry(p, f, e->time);
	rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
	return 0;
}

/*
 * Some stable kernels kept a fault's copy of the sequence number in an int: it
 * came back sign extended, and no longer compared equal.
 */
static int true_fault_seq(struct rs_dat_pair *p, uint64_t fault_seq, uint64_t seq, uint64_t *to)
{
	const uint32_t behind = (uint32_t)seq - (uint32_t)fault_seq;

	*to = fault_seq;
	if ((seq ^ fault_seq) >> 32 == 0 || seq - fault_seq == behind)
		return 0;
	*to = seq - behind;
	return rs_dat_note(p, "fault-seq-sign-extended");
}

/* Neither its entry nor its begin is in this trace: it is known from its check on. */
static RS_SELDOM int begin_at_check(struct rs_dat_pair *p, struct rs_dat_task *t,
				    const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i;
	int ret = start_fault(p, t, e);

	if (ret || !f->vm)
		return ret;
	f->begun = true;
	f->gfn = V(e, GFN);
	i = put_begin(p, t, e, f->gfn, &f->begin);
	if (!i)
		return -ENOMEM;
	i->through.since_ns = e->time;
	return 0;
}

int rs_dat_on_fault_check(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i;
	uint64_t begin_seq;
	int ret = 0;

	if (!rs_dat_has(p->probes, RS_PROBE_FAULT_BEGIN) && !rs_dat_has(p->probes, RS_PROBE_FAULT))
		ret = begin_at_check(p, t, e);
	if (ret)
		return ret;
	if (!f->vm || !f->begun || f->checked || f->vm->kvm != V(e, KVM))
		return rs_dat_note_unless_cut(p, t, "check-without-fault");
	ret = true_fault_seq(p, V(e, FAULT_SEQ), V(e, SEQ), &begin_seq);
	if (ret)
		return ret;
	i = rs_dat_items_find(f->vm->items, f->begin);
	if (i) {
		i->seq = begin_seq;
		i->through.hva = V(e, HVA);
		i->pending = false;
		i->ev.flags |= V(e, PRIVATE) ? RS_F_PRIVATE : 0;
		if (rs_dat_is_no_hva(V(e, HVA)))
			i->ev.as = 0; /* no memslot that could say */
	}
	f->checked = true;
	/* The look-up let it pass, even if the record of that is missing. */
	rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
	f->fault_seq = V(e, FAULT_SEQ);
	f->maybe_extended =
		p->probes->cut_fault_seq && f->fault_seq >> 31 == 1 && V(e, SEQ) >> 32 == 0;
	i = put_check(f, RS_DAT_CHECK, e->time, 0, RS_RES_UNKNOWN, true, &f->check);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = rs_dat_state_of(e);
	rs_dat_locked(f->vm, i->seq);
	i->page = p->space != SPACE_HVA ? f->gfn : p->told && f->page ? f->page : V(e, HVA);
	if (!rs_dat_has(p->probes, RS_PROBE_FAULT_VERDICT))
		i->pending = false;
	i = rs_dat_items_find(f->vm->items, f->begin);
	if (i && (rs_dat_is_no_hva(V(e, HVA)) || (f->zeros && !V(e, HVA))))
		i->check = f->check;
	return 0;
}

/*
 * The recorder did not say whether the kernel's copy is an int. Then one with bit 31 set is
 * negative, compares equal to nothing, and every such fault is to be tried again: one that
 * is not shows that it is none.
 */
static void judge_cut_seq(struct rs_dat_pair *p, struct rs_dat_fault *f, bool retry)
{
	if (!f->maybe_extended || p->whole_fault_seq)
		return;
	p->whole_fault_seq = !retry;
	p->nr_extended = retry ? p->nr_extended + 1 : 0;
	if (retry)
		f->fault_seq |= UINT64_MAX << 32;
}

/* Whether a notifier's doing explains the verdict to retry. */
static bool explained(const struct rs_dat_pair *p, const struct rs_dat_fault *f,
		      const struct rs_dat_item *i)
{
	if (i->state.seq != f->fault_seq)
		return true;
	return p->space == SPACE_ALL ? i->state.in_progress : in_range(&i->state, i->page);
}

int rs_dat_on_fault_verdict(struct rs_dat_pair *p, struct rs_dat_task *t,
			    const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	struct rs_dat_item *i =
		f->vm && f->checked ? rs_dat_items_find(f->vm->items, f->check) : NULL;

	if (f->vm && f->begun && !f->checked && !rs_dat_has(p->probes, RS_PROBE_FAULT_CHECK)) {
		rs_dat_settle(f->vm, f->begin, RS_DAT_FAULT_BEGIN);
		rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
		f->checked = true;
		return put_plain_check(f, e->time, 0, V(e, RET) ? RS_RES_RETRY : RS_RES_OK);
	}
	if (!i || !i->pending)
		return 0;
	i->pending = false;
	judge_cut_seq(p, f, V(e, RET) != 0);
	if (i->ev.type == RS_EV_FAULT_END) { /* it found no memslot: no decision */
		i->ev.fault.reason = V(e, RET) ? RS_END_ROOT_OBSOLETE : RS_END_PLAIN;
		return 0;
	}
	i->ev.result = V(e, RET) ? RS_RES_RETRY : RS_RES_OK;
	if (V(e, RET) && !p->unknown_space && !explained(p, f, i)) {
		i->ev.type = RS_EV_FAULT_END;
		i->ev.result = 0;
		i->ev.fault.reason = RS_END_ROOT_OBSOLETE;
	}
	return 0;
}

int rs_dat_on_fault_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_fault *f = &t->fault;
	int ret = 0;

	/* Not decided and to be tried again: what the look-up would have said. */
	if (f->vm && f->begun && !f->checked && !rs_dat_has(p->probes, RS_PROBE_FAULT_LOOKED_UP) &&
	    (int64_t)V(e, RET) == p->retry) {
		f->looked_up = p->retry;
		ret = finish_early_retry(p, f, e->time);
	}
	return ret ? ret : finish_fault(p, t, e->time);
}

/* A fault of which no more is known has no outcome: it is left out. */
void rs_dat_cut_fault(const struct rs_dat_pair *p, struct rs_dat_task *t)
{
	struct rs_dat_fault *f = &t->fault;

	if (!f->vm)
		return;
	if (!f->checked && f->looked_up != p->retry) {
		rs_dat_settle(f->vm, f->begin, RS_DAT_NONE);
		rs_dat_settle(f->vm, f->early, RS_DAT_NONE);
	}
	if (!f->begun)
		rs_dat_settle(f->vm, f->entry, RS_DAT_NONE);
	if (f->checked)
		rs_dat_settle(f->vm, f->check, RS_DAT_CHECK);
	f->vm = NULL;
}
