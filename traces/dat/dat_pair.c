// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_pair_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/inline.h"

enum change { CHANGE_CREATE, CHANGE_DELETE, CHANGE_MOVE, CHANGE_FLAGS };

struct rs_dat_pair *rs_dat_pair_new(const struct rs_dat_probes *probes, uint64_t mn_offset,
				    const char *algo, bool told, const struct rs_dat_pair_ops *ops,
				    struct rs_trace_meta *meta)
{
	struct rs_dat_pair *p = calloc(1, sizeof(*p));
	const bool gfn = algo && !strncmp(algo, "gfn", 3);
	const bool hva = algo && !strncmp(algo, "hva", 3);
	/* Its range says nothing: what is in progress may be the reason. */
	const bool none = algo && (!strcmp(algo, "global") || !strncmp(algo, "hfn-recent", 10));

	if (!p)
		return NULL;
	p->probes = probes;
	p->ops = ops;
	p->meta = meta;
	p->mn_offset = mn_offset;
	p->retry = 1;
	p->by_time = !rs_dat_has(probes, RS_PROBE_INVAL_SLOT);
	p->unknown_space = !gfn && !hva && !none;
	p->gfn_kernel = gfn || told;
	p->told = told;
	p->frames = algo && !strncmp(algo, "hfn-recent", 10);
	p->space = hva ? SPACE_HVA : none ? SPACE_ALL : SPACE_GFN;
	p->mask = 255;
	p->tasks = calloc(p->mask + 1, sizeof(*p->tasks));
	if (!p->tasks) {
		free(p);
		return NULL;
	}
	return p;
}

void rs_dat_pair_free(struct rs_dat_pair *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_vms; i++) {
		rs_dat_order_free(p->vms[i]->order);
		free(p->vms[i]);
	}
	for (size_t i = 0; i <= p->mask; i++) {
		free(p->tasks[i].invals);
		free(p->tasks[i].owns);
	}
	free(p->vms);
	free(p->tasks);
	free(p);
}

void rs_dat_pair_set_retry(struct rs_dat_pair *p, int64_t ret)
{
	p->retry = ret;
}

size_t rs_dat_pair_nr_vms(const struct rs_dat_pair *p)
{
	return p->nr_vms;
}

struct rs_dat_vm *rs_dat_pair_vm(struct rs_dat_pair *p, size_t i)
{
	return p->vms[i];
}

/* ---- tasks ---- */

static struct rs_dat_task *task_slot(struct rs_dat_task *tasks, size_t mask, uint32_t pid)
{
	size_t i = (pid * 2654435761U) & mask;

	while (tasks[i].used && tasks[i].pid != pid)
		i = (i + 1) & mask;
	return &tasks[i];
}

static int grow_tasks(struct rs_dat_pair *p)
{
	const size_t mask = 2 * p->mask + 1;
	struct rs_dat_task *tasks = calloc(mask + 1, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i <= p->mask; i++)
		if (p->tasks[i].used)
			*task_slot(tasks, mask, p->tasks[i].pid) = p->tasks[i];
	free(p->tasks);
	p->tasks = tasks;
	p->mask = mask;
	return 0;
}

static struct rs_dat_task *find_task(struct rs_dat_pair *p, uint32_t pid)
{
	struct rs_dat_task *t = p->last;

	if (t && t->pid == pid)
		return t;
	t = task_slot(p->tasks, p->mask, pid);
	if (!t->used) {
		if (p->nr_tasks > p->mask / 2) {
			if (grow_tasks(p))
				return NULL;
			t = task_slot(p->tasks, p->mask, pid);
		}
		t->used = true;
		t->pid = pid;
		p->nr_tasks++;
	}
	p->last = t;
	return t;
}

/* ---- memslots ---- */

/* `trace-cmd split' leaves the first event of each CPU twice, as it is. */
static bool is_same_commit(const struct rs_dat_commit *a, const struct rs_dat_commit *b)
{
	return a->time_ns == b->time_ns && a->kvm == b->kvm && a->as == b->as && a->id == b->id &&
	       a->change == b->change;
}

static RS_SELDOM int on_memslot(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	const bool gone = V(e, CHANGE) == CHANGE_DELETE;
	const uint64_t as = gone ? V(e, OLD_AS) : V(e, AS), id = gone ? V(e, OLD_ID) : V(e, ID);
	struct rs_dat_vm *vm = rs_dat_known_vm(p, V(e, KVM));
	struct rs_event ev = { .time_ns = e->time, .type = RS_EV_MEMSLOT, .as = (uint8_t)as };
	const struct rs_dat_commit commit = { e->time, V(e, KVM), as, id, V(e, CHANGE) };

	if (!rs_dat_is_memslot(as, id))
		return rs_dat_note(p, "memslot-number-too-large");
	if (vm && is_same_commit(&commit, &p->last_commit))
		return rs_dat_note(p, "recorded-twice");
	p->last_commit = commit;
	/* A VM that ends leaves its memslots: what makes one a second time is another VM. */
	if (vm && V(e, CHANGE) == CHANGE_CREATE && !p->had_gap &&
	    rs_dat_order_has_memslot(vm->order, (uint8_t)as, (uint32_t)id)) {
		vm->gone = true;
		vm = NULL;
	}
	if (!vm)
		vm = rs_dat_add_vm(p, V(e, KVM), e);
	if (!vm)
		return -ENOMEM;
	rs_dat_note_pid(vm, e, RS_DAT_PID_MEMSLOTS);
	ev.vm = vm->number;
	ev.memslot.id = (uint32_t)id;
	if (!gone) {
		ev.memslot.gfn = V(e, GFN);
		ev.memslot.npages = V(e, NPAGES);
		ev.memslot.hva = V(e, HVA);
		ev.memslot.flags = (uint32_t)V(e, FLAGS);
	}
	return rs_dat_order_put(vm->order, RS_DAT_MEMSLOT, &ev, false, NULL) ? 0 : -ENOMEM;
}

/* ---- losses ---- */

static void cut_tasks(struct rs_dat_pair *p, void (*cut_invals)(struct rs_dat_task *t))
{
	for (size_t i = 0; i <= p->mask; i++) {
		if (!p->tasks[i].used)
			continue;
		rs_dat_cut_fault(p, &p->tasks[i]);
		cut_invals(&p->tasks[i]);
	}
}

static RS_SELDOM int mark_all(struct rs_dat_pair *p, enum rs_dat_item_type type, uint64_t time_ns,
			      uint64_t count)
{
	int ret = 0;

	/* Whose events they were is not known. */
	if (p->nr_vms > 1 && count)
		count = RS_LOST_UNKNOWN;
	for (size_t i = 0; i < p->nr_vms && !ret; i++)
		ret = rs_dat_put_mark(p->vms[i], type, time_ns, count, 0);
	p->gap_mark_ns = time_ns;
	return ret;
}

static RS_SELDOM int on_gap(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	const bool begin = e->kind == RS_DAT_KIND_GAP_BEGIN;

	cut_tasks(p, rs_dat_cut_invals);
	if (!begin) {
		p->gaps -= !!p->gaps;
		p->gap_end_ns = e->time;
		return mark_all(p, RS_DAT_GAP_END_MARK, e->time, 0);
	}
	p->gaps++;
	p->had_gap = true;
	if (e->missed == UINT64_MAX && rs_dat_note(p, "lost-unknown-number"))
		return -ENOMEM;
	if (e->missed != UINT64_MAX)
		p->meta->lost += e->missed;
	return mark_all(p, RS_DAT_GAP_BEGIN_MARK, e->time, e->missed);
}

int rs_dat_pair_seam(struct rs_dat_pair *p, bool pause, uint64_t time_ns)
{
	int ret = 0;

	cut_tasks(p, rs_dat_forget_invals);
	p->seams++;
	/* One that lacks its other half is both. */
	for (size_t i = 0; i < p->nr_vms && !ret; i++) {
		if (pause != p->paused)
			ret = rs_dat_put_mark(p->vms[i],
					      pause ? RS_DAT_GAP_BEGIN_MARK : RS_DAT_GAP_END_MARK,
					      time_ns, 0, pause ? RS_F_PAUSE : RS_F_RESUME);
		else
			ret = rs_dat_put_mark(p->vms[i], RS_DAT_GAP_MARK, time_ns, 0, 0);
	}
	p->paused = pause;
	if (!pause)
		p->gap_end_ns = time_ns;
	return ret;
}

/* ---- */

/*
 * Whether the event was recorded elsewhere as well, by a second recorder or into a
 * second ring buffer. A task's events of one kind are taken from where they came
 * first.
 */
static bool is_copy(struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	if (t->source[e->kind] == e->source)
		return false;
	if (t->source[e->kind])
		return true;
	t->source[e->kind] = e->source;
	return false;
}

/* Of an invalidation through no notifier; or of a notifier, whose call says all. */
static RS_SELDOM int take_own(struct rs_dat_pair *p, struct rs_dat_task *t,
			      const struct rs_dat_probe *e)
{
	int ret = rs_dat_leave_ended(p, t, e);

	if (ret)
		return ret;
	switch (e->kind) {
	case RS_PROBE_INVAL_BEGIN:
		return rs_dat_on_inval_begin(p, t, e);
	case RS_PROBE_INVAL_RANGE_ADD:
		return rs_dat_on_range_add(p, t, e);
	case RS_PROBE_ZAP_BEGIN:
		return rs_dat_on_zap_begin(p, t, e);
	default:
		return rs_dat_on_zap_end(p, t, e);
	}
}

static int take_event(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	switch (e->kind) {
	case RS_PROBE_MEMSLOT:
		return on_memslot(p, e);
	case RS_PROBE_INVAL_START:
		return rs_dat_on_inval_start(p, t, e);
	case RS_PROBE_INVAL_SLOT:
		return rs_dat_on_inval_slot(p, t, e);
	case RS_PROBE_INVAL_STARTED:
		return rs_dat_on_inval_started(p, t, e);
	case RS_PROBE_INVAL_END:
		return rs_dat_on_inval_end(p, t, e);
	case RS_PROBE_INVAL_END_LOCKED:
		return rs_dat_on_inval_end_locked(p, t, e);
	case RS_PROBE_INVAL_ENDED:
		return rs_dat_on_inval_ended(p, t, e);
	case RS_PROBE_FAULT:
		return rs_dat_on_fault(p, t, e);
	case RS_PROBE_FAULT_BEGIN:
		return rs_dat_on_fault_begin(p, t, e);
	case RS_PROBE_FAULT_LOOKED_UP:
		return rs_dat_on_fault_looked_up(p, t, e);
	case RS_PROBE_FAULT_CHECK:
		return rs_dat_on_fault_check(p, t, e);
	case RS_PROBE_FAULT_VERDICT:
		return rs_dat_on_fault_verdict(p, t, e);
	case RS_PROBE_FAULT_END:
		return rs_dat_on_fault_end(p, t, e);
	case RS_PROBE_INVAL_BEGIN:
	case RS_PROBE_INVAL_RANGE_ADD:
	case RS_PROBE_ZAP_BEGIN:
	case RS_PROBE_ZAP_END:
		return take_own(p, t, e);
	case RS_DAT_TP_ASYNC_TRY:
		t->fault.tried_async = true;
		return 0;
	case RS_DAT_TP_ASYNC_NOT_PRESENT:
	case RS_DAT_TP_ASYNC_REPEATED:
		t->fault.is_async = true;
		return 0;
	default:
		return 0;
	}
}

int rs_dat_pair_put(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	struct rs_dat_task *t;
	int ret = 0;

	if (e->kind >= RS_DAT_NR_KINDS)
		return on_gap(p, e);
	if (p->gaps && e->time > p->gap_mark_ns + RS_DAT_GAP_MARK_NS)
		ret = mark_all(p, RS_DAT_GAP_MARK, e->time, 0);
	t = ret ? NULL : find_task(p, e->pid);
	if (!t)
		return -ENOMEM;
	if (is_copy(t, e))
		return rs_dat_note(p, "recorded-twice");
	return take_event(p, t, e);
}

int rs_dat_pair_finish(struct rs_dat_pair *p)
{
	for (size_t i = 0; i <= p->mask; i++) {
		if (!p->tasks[i].used)
			continue;
		rs_dat_cut_fault(p, &p->tasks[i]);
		rs_dat_finish_invals(&p->tasks[i]);
	}
	return p->nr_extended
		       ? rs_meta_add_anomaly(p->meta, "fault-seq-sign-extended", p->nr_extended)
		       : 0;
}
