// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/timeline/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/faults/faults.h"
#include "analysis/report/derive.h"
#include "analysis/report/report_parts.h"
#include "analysis/timeline/trace_event.h"
#include "analysis/write/task.h"
#include "base/array.h"
#include "base/clean.h"
#include "base/idset.h"
#include "base/table.h"
#include "replay/algorithm.h"
#include "traces/guest/vm.h"

/* So many of the memslots that an invalidation hits are named. */
#define NAMED_HITS 4
/* Of each VM so many that have ended are known by their track: an arrow may still go there. */
#define ENDED 8192U
/* Where the tracks of invalidators stand: below those of vCPUs. */
#define BELOW_VCPUS (2 * (RS_MAX_VCPU + 1))

struct ended {
	uint64_t number;
	uint32_t tid;
};

struct vm_line {
	uint32_t vm, pid;
	uint64_t begun; /* invalidations: as struct rs_blamed counts them */
	uint64_t in_progress;
	bool counted;	   /* that was written */
	uint64_t *blocked; /* as written, of each algorithm; NULL: none were */
	struct ended *ended;
	struct rs_vm *memslots;
};

/* A vCPU, and its attempt that is open. */
struct vcpu_line {
	uint32_t vm, tid;   /* @vm: of @vms */
	uint32_t fault_tid; /* where faults of several attempts are; 0: it had none */
	bool open;
	uint64_t begin_ns, gfn;
};

/* One that invalidates: in as many tracks as it has invalidations at once. */
struct task_line {
	uint32_t vm; /* of @vms */
	uint32_t pid;
	char *name;
	uint32_t *free_tids; /* room for all */
	size_t nr_free, nr_tracks;
};

struct hit {
	uint8_t as;
	uint32_t slot;
	uint64_t start, end;
};

/* An invalidation in progress. */
struct going {
	uint64_t number, id, begin_ns, start, end;
	uint64_t hits, pages;
	uint32_t vm, task, tid, who; /* @vm, @task: of their lists */
	uint8_t flags;
	struct hit named[NAMED_HITS];
};

struct rs_timeline {
	const struct rs_trace_meta *meta;
	struct trace_events out;
	struct rs_algo_spec *specs;
	size_t nr_algos;
	struct rs_observer observer;
	struct rs_faults *faults; /* by the first algorithm */
	uint64_t now;
	unsigned int end_reason; /* of the fault that it ends; RS_NR_END_REASONS: of none */
	uint32_t nr_ids;	 /* of processes and threads */
	uint64_t nr_arrows;
	bool failed;
	struct vm_line *vms;
	size_t nr_vms;
	struct rs_hash by_vm;
	struct vcpu_line *vcpus;
	size_t nr_vcpus;
	struct rs_hash by_vcpu;
	struct task_line *tasks;
	size_t nr_tasks;
	struct rs_hash by_task;
	struct rs_idset by_id; /* of @going */
	struct going *going;
	size_t nr_going;
	uint32_t *free_going; /* places of @going that are free; room for all */
	size_t nr_free_going;
};

/* ---- tracks ---- */

static void end_with_args(struct rs_timeline *t)
{
	trace_event_close(&t->out);
	trace_event_end(&t->out);
}

/* What a process or a track is like; its arguments are open then. */
static void begin_property(struct rs_timeline *t, const char *what, uint32_t pid, uint32_t tid)
{
	trace_event_begin(&t->out, "M", pid, tid);
	trace_event_text(&t->out, "name", what);
	trace_event_open(&t->out, "args");
}

static void put_name(struct rs_timeline *t, const char *what, uint32_t pid, uint32_t tid,
		     const char *name)
{
	begin_property(t, what, pid, tid);
	trace_event_text(&t->out, "name", name);
	end_with_args(t);
}

/* A new track of the process @pid, @order from its top. */
static uint32_t new_track(struct rs_timeline *t, uint32_t pid, const char *name, uint32_t order)
{
	const uint32_t tid = ++t->nr_ids;

	put_name(t, "thread_name", pid, tid, name);
	begin_property(t, "thread_sort_index", pid, tid);
	trace_event_number(&t->out, "sort_index", order);
	end_with_args(t);
	return tid;
}

static struct vm_line *vm_of(struct rs_timeline *t, uint32_t vm)
{
	const uint32_t i = rs_hash_find(&t->by_vm, rs_hash_number(vm), NULL, NULL);
	struct rs_vm *memslots;

	if (i != RS_HASH_NONE)
		return &t->vms[i];
	memslots = rs_vm_new();
	if (!memslots || RS_ROOM_FOR_ONE(t->vms, t->nr_vms) ||
	    rs_hash_add(&t->by_vm, rs_hash_number(vm), (uint32_t)t->nr_vms)) {
		rs_vm_free(memslots);
		t->failed = true;
		return NULL;
	}
	t->vms[t->nr_vms] = (struct vm_line){ .vm = vm, .pid = ++t->nr_ids, .memslots = memslots };
	return &t->vms[t->nr_vms++];
}

static uint64_t hash_of_vcpu(uint32_t vm, uint32_t vcpu)
{
	return rs_hash_number((uint64_t)vm << 32 | vcpu);
}

static struct vcpu_line *vcpu_of(struct rs_timeline *t, uint32_t number, uint32_t vcpu,
				 uint32_t who)
{
	const uint32_t i = rs_hash_find(&t->by_vcpu, hash_of_vcpu(number, vcpu), NULL, NULL);
	const struct vm_line *vm = i == RS_HASH_NONE ? vm_of(t, number) : NULL;
	char name[192], task[160];

	if (i != RS_HASH_NONE)
		return &t->vcpus[i];
	if (!vm || RS_ROOM_FOR_ONE(t->vcpus, t->nr_vcpus) ||
	    rs_hash_add(&t->by_vcpu, hash_of_vcpu(number, vcpu), (uint32_t)t->nr_vcpus)) {
		t->failed = true;
		return NULL;
	}
	snprintf(name, sizeof(name), "vCPU %" PRIu32, vcpu);
	if (who) {
		rs_format_task(task, sizeof(task), rs_whos_get(&t->meta->whos, who));
		snprintf(name, sizeof(name), "vCPU %" PRIu32 " (%s)", vcpu, task);
	}
	t->vcpus[t->nr_vcpus] = (struct vcpu_line){ .vm = (uint32_t)(vm - t->vms),
						    .tid = new_track(t, vm->pid, name, 2 * vcpu) };
	return &t->vcpus[t->nr_vcpus++];
}

struct wanted_task {
	const struct rs_timeline *t;
	uint32_t vm, pid;
	const char *name;
};

static bool is_task(const void *arg, uint32_t i)
{
	const struct wanted_task *w = arg;
	const struct task_line *task = &w->t->tasks[i];

	return task->vm == w->vm && task->pid == w->pid && !strcmp(task->name, w->name);
}

static struct task_line *task_of(struct rs_timeline *t, uint32_t vm, uint32_t who)
{
	const struct rs_who *of = rs_whos_get(&t->meta->whos, who);
	char name[160];
	const struct wanted_task wanted = { t, vm, of->pid, name };
	uint64_t hash;
	uint32_t i;

	rs_format_task(name, sizeof(name), of);
	hash = rs_hash_number(rs_hash_string(name) + vm);
	i = rs_hash_find(&t->by_task, hash, is_task, &wanted);
	if (i != RS_HASH_NONE)
		return &t->tasks[i];
	if (RS_ROOM_FOR_ONE(t->tasks, t->nr_tasks))
		return NULL;
	t->tasks[t->nr_tasks] =
		(struct task_line){ .vm = vm, .pid = of->pid, .name = strdup(name) };
	if (!t->tasks[t->nr_tasks].name)
		return NULL;
	t->nr_tasks++;
	return rs_hash_add(&t->by_task, hash, (uint32_t)t->nr_tasks - 1)
		       ? NULL
		       : &t->tasks[t->nr_tasks - 1];
}

/* A track in which nothing of @task is in progress; 0: no memory. */
static uint32_t take_track(struct rs_timeline *t, struct task_line *task)
{
	char name[192];

	if (task->nr_free)
		return task->free_tids[--task->nr_free];
	if (RS_ROOM_FOR_ONE(task->free_tids, task->nr_tracks))
		return 0;
	snprintf(name, sizeof(name), "%s", task->name);
	if (task->nr_tracks++)
		snprintf(name, sizeof(name), "%s (%zu)", task->name, task->nr_tracks);
	return new_track(t, t->vms[task->vm].pid, name, BELOW_VCPUS + (uint32_t)(task - t->tasks));
}

/* ---- what stands in several events ---- */

static void put_hex(struct rs_timeline *t, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	trace_event_text(&t->out, key, text);
}

static void put_memslot(struct rs_timeline *t, uint8_t as, uint32_t slot)
{
	char text[24];

	snprintf(text, sizeof(text), "%u:%" PRIu32, as, slot);
	trace_event_text(&t->out, "memslot", text);
}

static void put_range(struct rs_timeline *t, const char *key, bool gfn, uint64_t start,
		      uint64_t end)
{
	char text[64];

	snprintf(text, sizeof(text), "%s 0x%" PRIx64 "-0x%" PRIx64, gfn ? "gfn" : "hva", start,
		 end);
	trace_event_text(&t->out, key, text);
}

/* A slice of the track @tid; its arguments are open then. */
static void begin_slice(struct rs_timeline *t, uint32_t pid, uint32_t tid, const char *kind,
			const char *name, uint64_t begin_ns, uint64_t end_ns)
{
	trace_event_begin(&t->out, "X", pid, tid);
	trace_event_time(&t->out, "ts", begin_ns);
	trace_event_time(&t->out, "dur", end_ns - begin_ns);
	trace_event_text(&t->out, "cat", kind);
	trace_event_text(&t->out, "name", name);
	trace_event_open(&t->out, "args");
}

static void put_counter(struct rs_timeline *t, uint32_t pid, const char *name, uint64_t time_ns,
			const char *unit, uint64_t value)
{
	trace_event_begin(&t->out, "C", pid, 0);
	trace_event_time(&t->out, "ts", time_ns);
	trace_event_text(&t->out, "name", name);
	trace_event_open(&t->out, "args");
	trace_event_number(&t->out, unit, value);
	end_with_args(t);
}

/* Something of the whole VM that takes no time; its arguments are open then. */
static void begin_instant(struct rs_timeline *t, const struct vm_line *vm, const char *name)
{
	trace_event_begin(&t->out, "i", vm->pid, vm->pid);
	trace_event_text(&t->out, "s", "p");
	trace_event_time(&t->out, "ts", t->now);
	trace_event_text(&t->out, "name", name);
	trace_event_open(&t->out, "args");
}

/* ---- invalidations ---- */

/* "0:3 gfn 0x40-0x80, ..." of the first few. */
static void put_hits(struct rs_timeline *t, const struct going *g)
{
	char text[NAMED_HITS * 72] = "";
	size_t used = 0;

	trace_event_number(&t->out, "hits", g->hits);
	trace_event_number(&t->out, "pages", g->pages);
	for (uint64_t i = 0; i < g->hits && i < NAMED_HITS; i++) {
		const struct hit *hit = &g->named[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%u:%" PRIu32 " gfn 0x%" PRIx64 "-0x%" PRIx64,
					 i ? ", " : "", hit->as, hit->slot, hit->start, hit->end);
	}
	if (used)
		trace_event_text(&t->out, "memslots", text);
}

/* How it came to its end, if it did not end. */
static void put_invalidation(struct rs_timeline *t, const struct going *g, const char *instead)
{
	const unsigned int filter = rs_flags_filter(g->flags);
	char reason[160];

	rs_format_reason(reason, sizeof(reason), rs_whos_get(&t->meta->whos, g->who));
	begin_slice(t, t->vms[g->vm].pid, g->tid, "invalidation", reason, g->begin_ns, t->now);
	trace_event_number(&t->out, "number", g->number);
	trace_event_number(&t->out, "id", g->id);
	put_range(t, "range", g->flags & RS_F_GFN, g->start, g->end);
	if (filter != RS_KIND_SHARED)
		trace_event_text(&t->out, "mappings", rs_filter_name(filter));
	put_hits(t, g);
	if (instead)
		trace_event_text(&t->out, "end", instead);
	end_with_args(t);
}

static int new_going(struct rs_timeline *t, size_t *at)
{
	if (t->nr_free_going) {
		*at = t->free_going[--t->nr_free_going];
		return 0;
	}
	if (RS_ROOM_FOR_ONE(t->going, t->nr_going) || RS_ROOM_FOR_ONE(t->free_going, t->nr_going))
		return -ENOMEM;
	*at = t->nr_going++;
	return 0;
}

static void add_hit(struct going *g, uint8_t as, uint32_t slot, struct rs_range gfns)
{
	if (g->hits < NAMED_HITS)
		g->named[g->hits] = (struct hit){ as, slot, gfns.start, gfns.end };
	g->hits++;
	g->pages += gfns.end - gfns.start;
}

struct overlapped {
	struct going *g;
	const struct rs_vm *memslots;
};

static int hit_overlapped(void *arg, uint32_t handle)
{
	const struct overlapped *o = arg;
	const struct rs_memslot *slot = rs_vm_memslot(o->memslots, handle);
	struct rs_range gfns = { o->g->start, o->g->end };

	if (o->g->flags & RS_F_GFN)
		gfns = rs_memslot_clip(slot, gfns);
	else if (!rs_memslot_gfns_of_hvas(slot, gfns.start, gfns.end, &gfns))
		return 0;
	if (gfns.start < gfns.end)
		add_hit(o->g, slot->as, slot->id, gfns);
	return 0;
}

/* No walk is going to name the memslots that it hits: all that it overlaps. */
static int hit_all(const struct vm_line *vm, struct going *g)
{
	struct overlapped o = { g, vm->memslots };

	if (rs_vm_update(vm->memslots))
		return -ENOMEM;
	return g->flags & RS_F_GFN
		       ? rs_vm_for_each_gfn(vm->memslots, g->start, g->end, hit_overlapped, &o)
		       : rs_vm_for_each_hva(vm->memslots, g->start, g->end, hit_overlapped, &o);
}

static int begin_invalidation(struct rs_timeline *t, struct vm_line *vm, const struct rs_event *e)
{
	struct task_line *task = task_of(t, (uint32_t)(vm - t->vms), e->inval.who);
	const uint32_t tid = task ? take_track(t, task) : 0;
	struct rs_idset_entry *entry;
	size_t at;

	if (!tid || new_going(t, &at))
		return -ENOMEM;
	entry = rs_idset_add(&t->by_id, e->vm, e->inval.id);
	if (!entry)
		return -ENOMEM;
	entry->at = at;
	t->going[at] = (struct going){ .number = ++vm->begun,
				       .id = e->inval.id,
				       .begin_ns = t->now,
				       .start = e->inval.start,
				       .end = e->inval.end,
				       .vm = (uint32_t)(vm - t->vms),
				       .task = (uint32_t)(task - t->tasks),
				       .tid = tid,
				       .who = e->inval.who,
				       .flags = e->flags };
	return e->flags & RS_F_WALK ? 0 : hit_all(vm, &t->going[at]);
}

static void hit_memslot(struct rs_timeline *t, const struct rs_event *e)
{
	const struct rs_idset_entry *entry = rs_idset_find(&t->by_id, e->vm, e->inval.id);

	if (entry)
		add_hit(&t->going[entry->at], e->as, e->inval.slot,
			(struct rs_range){ e->inval.start, e->inval.end });
}

/* It is no longer in progress: its place and its track are free. */
static void leave(struct rs_timeline *t, size_t at)
{
	const struct going *g = &t->going[at];
	struct task_line *task = &t->tasks[g->task];

	task->free_tids[task->nr_free++] = g->tid;
	t->free_going[t->nr_free_going++] = (uint32_t)at;
}

static int end_invalidation(struct rs_timeline *t, struct vm_line *vm, const struct rs_event *e)
{
	struct rs_idset_entry *entry = rs_idset_find(&t->by_id, e->vm, e->inval.id);
	const struct going *g = entry ? &t->going[entry->at] : NULL;

	if (!g)
		return 0;
	if (!vm->ended)
		vm->ended = calloc(ENDED, sizeof(*vm->ended));
	if (!vm->ended)
		return -ENOMEM;
	vm->ended[g->number % ENDED] = (struct ended){ g->number, g->tid };
	put_invalidation(t, g, NULL);
	leave(t, entry->at);
	rs_idset_remove(&t->by_id, entry);
	return 0;
}

/* Of all, or of one VM, what is in progress. */
static int end_all(struct rs_timeline *t, const struct vm_line *vm, const char *instead)
{
	struct rs_idset_entry *all = rs_idset_sorted(&t->by_id);

	if (!all && t->by_id.nr)
		return -ENOMEM;
	for (size_t i = 0, n = t->by_id.nr; i < n; i++) {
		if (vm && all[i].vm != vm->vm)
			continue;
		put_invalidation(t, &t->going[all[i].at], instead);
		leave(t, all[i].at);
	}
	free(all);
	if (vm)
		rs_idset_remove_vm(&t->by_id, vm->vm);
	else
		rs_idset_clear(&t->by_id);
	return 0;
}

static int change_memslot(struct rs_timeline *t, const struct vm_line *vm, const struct rs_event *e)
{
	begin_instant(t, vm, e->memslot.npages ? "memslot" : "memslot removed");
	put_memslot(t, e->as, e->memslot.id);
	if (e->memslot.npages) {
		put_hex(t, "gfn", e->memslot.gfn);
		trace_event_number(&t->out, "pages", e->memslot.npages);
		put_hex(t, "hva", e->memslot.hva);
	}
	end_with_args(t);
	return rs_vm_set_memslot(vm->memslots, e->as, e->memslot.id, e->memslot.gfn,
				 e->memslot.npages, e->memslot.hva, e->memslot.flags) == RS_VM_NOMEM
		       ? -ENOMEM
		       : 0;
}

static int lose(struct rs_timeline *t, const struct vm_line *vm, const struct rs_event *e)
{
	const bool paused = e->flags & (RS_F_PAUSE | RS_F_RESUME);

	begin_instant(t, vm, rs_lost_name(e));
	if (e->lost.count != RS_LOST_UNKNOWN && !paused)
		trace_event_number(&t->out, "events", e->lost.count);
	end_with_args(t);
	return end_all(t, vm,
		       paused ? "not known: the recording paused" : "not known: events were lost");
}

static void applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_timeline *t = arg;
	const struct rs_observer *faults = rs_faults_observer(t->faults);
	struct vm_line *vm = vm_of(t, e->vm);
	int rc = 0;

	faults->applied(faults->arg, e, time_ns);
	if (!vm)
		return;
	switch (e->type) {
	case RS_EV_MEMSLOT:
		rc = change_memslot(t, vm, e);
		break;
	case RS_EV_INVAL_BEGIN:
		rc = begin_invalidation(t, vm, e);
		break;
	case RS_EV_INVAL_SLOT:
		hit_memslot(t, e);
		break;
	case RS_EV_INVAL_END:
		rc = end_invalidation(t, vm, e);
		break;
	case RS_EV_LOST:
		rc = lose(t, vm, e);
		break;
	}
	t->failed |= rc != 0;
}

/* ---- faults ---- */

/* "ksmd-39 (clear), number 17" */
static void put_blamed(struct rs_timeline *t, const char *key, const struct rs_blamed *b)
{
	const struct rs_who *who = rs_whos_get(&t->meta->whos, b->who);
	char text[384], task[160], reason[160];

	rs_format_task(task, sizeof(task), who);
	rs_format_reason(reason, sizeof(reason), who);
	snprintf(text, sizeof(text), "%s (%s), number %" PRIu64, task, reason, b->number);
	trace_event_text(&t->out, key, text);
}

static void put_verdicts(struct rs_timeline *t, const struct rs_judged *j)
{
	trace_event_open(&t->out, "verdicts");
	for (size_t i = 0; i < t->nr_algos; i++) {
		const uint8_t verdict = j->rejected[i];

		trace_event_text(&t->out, t->specs[i].name,
				 verdict || j->necessary
					 ? rs_fault_cause_name(rs_fault_cause(verdict))
					 : "accepts");
	}
	trace_event_close(&t->out);
}

/* Of each algorithm with a verdict that is put down to something. Returns false if of none. */
static bool put_blame(struct rs_timeline *t, const struct rs_judged *j, bool widened)
{
	bool any = false;

	for (size_t i = 0; i < t->nr_algos; i++) {
		const struct rs_blame *blame = &j->blame[i];
		const struct rs_blamed *b = widened ? &blame->widened : &blame->by;

		if (!b->number)
			continue;
		if (!any)
			trace_event_open(&t->out, widened ? "widened by" : "put down to");
		any = true;
		put_blamed(t, t->specs[i].name, b);
	}
	if (any)
		trace_event_close(&t->out);
	return any;
}

static void put_attempt(struct rs_timeline *t, const struct vcpu_line *c, const struct rs_judged *j)
{
	begin_slice(t, t->vms[c->vm].pid, c->tid, "attempt", rs_result_name(j->result), j->begin_ns,
		    j->time_ns);
	put_hex(t, "gfn", j->gfn);
	put_memslot(t, j->as, j->slot);
	if (j->lockless)
		trace_event_true(&t->out, "lockless");
	if (j->private)
		trace_event_true(&t->out, "private");
	if (j->necessary)
		trace_event_true(&t->out, "necessary");
	put_verdicts(t, j);
	if (put_blame(t, j, false))
		put_blame(t, j, true);
	end_with_args(t);
}

/* The track that the blamed invalidation is, or was, in; 0: that is not known any more. */
static uint32_t track_of(const struct rs_timeline *t, const struct vm_line *vm,
			 const struct rs_blamed *b)
{
	const struct rs_idset_entry *entry = rs_idset_find(&t->by_id, vm->vm, b->id);
	const struct ended *ended = vm->ended ? &vm->ended[b->number % ENDED] : NULL;

	if (entry && t->going[entry->at].number == b->number)
		return t->going[entry->at].tid;
	return ended && ended->number == b->number ? ended->tid : 0;
}

static void put_arrow_end(struct rs_timeline *t, const char *phase, uint32_t pid, uint32_t tid,
			  uint64_t time_ns)
{
	trace_event_begin(&t->out, phase, pid, tid);
	trace_event_time(&t->out, "ts", time_ns);
	trace_event_text(&t->out, "cat", "blame");
	trace_event_text(&t->out, "name", "put down to");
	trace_event_number(&t->out, "id", t->nr_arrows);
	if (*phase == 'f')
		trace_event_text(&t->out, "bp", "e");
	trace_event_end(&t->out);
}

/*
 * Both ends lie in the middle of the time that the two have in common: for viewers an end is
 * that of the slice it is within.
 */
static void put_arrow(struct rs_timeline *t, const struct vcpu_line *c, const struct rs_judged *j,
		      const struct rs_blamed *b)
{
	const struct vm_line *vm = &t->vms[c->vm];
	const uint64_t from = b->begin_ns > j->begin_ns ? b->begin_ns : j->begin_ns;
	const uint64_t until = b->end_ns < j->time_ns ? b->end_ns : j->time_ns;
	const uint64_t middle = until > from ? from + (until - from) / 2 : from;
	const uint32_t tid = track_of(t, vm, b);

	if (!tid)
		return;
	t->nr_arrows++;
	put_arrow_end(t, "s", vm->pid, c->tid, middle);
	put_arrow_end(t, "f", vm->pid, tid, middle);
}

/* One for each invalidation that some algorithm's verdict is put down to. */
static void put_arrows(struct rs_timeline *t, const struct vcpu_line *c, const struct rs_judged *j)
{
	for (size_t i = 0; i < t->nr_algos; i++) {
		const struct rs_blamed *b = &j->blame[i].by;
		size_t k = 0;

		while (k < i && j->blame[k].by.number != b->number)
			k++;
		if (b->number && k == i)
			put_arrow(t, c, j, b);
	}
}

/* A slice for a fault of several attempts, in a track of its own below theirs. */
static void fault_over(void *arg, const struct rs_fault_row *row)
{
	struct rs_timeline *t = arg;
	struct vcpu_line *c = row->retried ? vcpu_of(t, row->vm, row->vcpu, row->who) : NULL;
	char name[64];

	if (!c)
		return;
	if (!c->fault_tid) {
		snprintf(name, sizeof(name), "vCPU %" PRIu32 ": faults retried", row->vcpu);
		c->fault_tid = new_track(t, t->vms[c->vm].pid, name, 2 * row->vcpu + 1);
	}
	begin_slice(t, t->vms[c->vm].pid, c->fault_tid, "fault", "fault", row->begin_ns,
		    row->done_ns);
	put_hex(t, "gfn", row->gfn);
	put_memslot(t, row->as, row->slot);
	trace_event_number(&t->out, "attempts", row->attempts);
	trace_event_number(&t->out, "recorded_retries", row->retried);
	trace_event_number(&t->out, "rejected", row->rejected);
	trace_event_number(&t->out, "spurious", row->needless);
	trace_event_number(&t->out, "missed", row->missed);
	trace_event_number(&t->out, "stall_ns", rs_fault_stall(row));
	if (row->causes)
		trace_event_text(&t->out, "cause", rs_fault_cause_name(row->cause));
	if (row->blame.by.number)
		put_blamed(t, "put down to", &row->blame.by);
	end_with_args(t);
}

static void judged(void *arg, const struct rs_judged *j)
{
	struct rs_timeline *t = arg;
	const struct rs_observer *faults = rs_faults_observer(t->faults);
	struct vcpu_line *c = vcpu_of(t, j->vm, j->vcpu, j->who);

	if (!c)
		return;
	c->open = false;
	put_attempt(t, c, j);
	put_arrows(t, c, j);
	faults->judged(faults->arg, j);
}

static void put_unjudged(struct rs_timeline *t, struct vcpu_line *c, const char *name)
{
	if (!c->open)
		return;
	c->open = false;
	begin_slice(t, t->vms[c->vm].pid, c->tid, "attempt", name, c->begin_ns, t->now);
	put_hex(t, "gfn", c->gfn);
	end_with_args(t);
}

static void unjudged(void *arg, uint32_t vm, uint32_t vcpu)
{
	struct rs_timeline *t = arg;
	const struct rs_observer *faults = rs_faults_observer(t->faults);
	struct vcpu_line *c = vcpu_of(t, vm, vcpu, 0);

	faults->unjudged(faults->arg, vm, vcpu);
	if (c)
		put_unjudged(t, c,
			     t->end_reason < RS_NR_END_REASONS ? rs_end_reason_name(t->end_reason)
							       : "not judged");
}

static void begin_attempt(struct rs_timeline *t, const struct rs_event *e)
{
	struct vcpu_line *c = vcpu_of(t, e->vm, e->fault.vcpu, e->fault.who);

	if (!c)
		return;
	c->open = true;
	c->begin_ns = t->now;
	c->gfn = e->fault.gfn;
}

/* ---- counters ---- */

static void view(void *arg, const struct rs_view *v)
{
	struct rs_timeline *t = arg;
	struct vm_line *vm = vm_of(t, v->vm);
	const bool first = vm && !vm->blocked;

	if (first)
		vm->blocked = calloc(t->nr_algos, sizeof(*vm->blocked));
	if (!vm || !vm->blocked) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < t->nr_algos; i++) {
		char name[96];

		if (!first && vm->blocked[i] == v->blocked[i])
			continue;
		vm->blocked[i] = v->blocked[i];
		snprintf(name, sizeof(name), "blocked by %s", t->specs[i].name);
		put_counter(t, vm->pid, name, v->time_ns, "frames", v->blocked[i]);
	}
}

static void count_in_progress(struct rs_timeline *t, const struct rs_replay *r, uint32_t number)
{
	struct vm_line *vm = vm_of(t, number);
	struct rs_look look;

	if (!vm || !rs_replay_look(r, number, 0, &look) ||
	    (vm->counted && vm->in_progress == look.outstanding))
		return;
	vm->counted = true;
	vm->in_progress = look.outstanding;
	put_counter(t, vm->pid, "in progress", t->now, "invalidations", look.outstanding);
}

/* ---- all of it ---- */

struct rs_timeline *rs_timeline_new(const char *algos, const struct rs_trace_meta *meta, FILE *f,
				    struct rs_error *err)
{
	struct rs_timeline *t = calloc(1, sizeof(*t));
	const struct rs_faults_opts opts = { .row = fault_over, .arg = t };
	int rc = t ? rs_algo_parse(algos, &t->specs, &t->nr_algos, err) : rs_error_nomem(err);

	if (!rc) {
		t->faults = rs_faults_new(&opts, err);
		rc = t->faults ? 0 : -errno;
	}
	if (rc) {
		rs_timeline_free(t);
		errno = -rc;
		return NULL;
	}
	t->meta = meta;
	t->out.f = f;
	trace_events_begin(&t->out);
	t->observer = (struct rs_observer){
		.arg = t, .view = view, .judged = judged, .unjudged = unjudged, .applied = applied
	};
	return t;
}

const struct rs_observer *rs_timeline_observer(struct rs_timeline *t)
{
	return &t->observer;
}

static bool is_of_invalidation(const struct rs_event *e)
{
	return e->type == RS_EV_INVAL_BEGIN || e->type == RS_EV_INVAL_SLOT ||
	       e->type == RS_EV_INVAL_END || e->type == RS_EV_LOST;
}

static int feed_one(struct rs_timeline *t, struct rs_replay *r, const struct rs_event *e,
		    struct rs_error *err)
{
	int rc;

	if (e->type != RS_EV_STATE && e->time_ns > t->now)
		t->now = e->time_ns;
	t->end_reason = e->type == RS_EV_FAULT_END ? e->fault.reason : RS_NR_END_REASONS;
	rc = rs_replay_feed(r, e, 1, err);
	if (rc)
		return rc;
	if (e->type == RS_EV_FAULT_BEGIN)
		begin_attempt(t, e);
	else if (is_of_invalidation(e))
		count_in_progress(t, r, e->vm);
	return t->failed ? rs_error_nomem(err) : 0;
}

int rs_timeline_feed(struct rs_timeline *t, struct rs_replay *r, const struct rs_event *evs,
		     size_t n, FILE *f, struct rs_error *err)
{
	int rc = 0;

	t->out.f = f;
	for (size_t i = 0; i < n && !rc; i++)
		rc = feed_one(t, r, &evs[i], err);
	return rc;
}

static int end_what_is_open(struct rs_timeline *t)
{
	int rc = rs_faults_finish(t->faults);

	for (size_t i = 0; i < t->nr_vcpus; i++)
		put_unjudged(t, &t->vcpus[i], "not in the trace");
	return rc ? rc : end_all(t, NULL, "not in the trace");
}

/* What the reader knows of them at its end. */
static void name_vms(struct rs_timeline *t)
{
	const struct rs_report of = { .meta = t->meta };

	for (size_t i = 0; i < t->nr_vms; i++) {
		char name[128];

		put_name(t, "process_name", t->vms[i].pid, 0,
			 rs_part_vm_name(&of, t->vms[i].vm, name, sizeof(name)));
	}
}

static void put_origin(struct rs_timeline *t, const char *version)
{
	trace_event_open(&t->out, "otherData");
	trace_event_text(&t->out, "tool", "retryscope");
	trace_event_text(&t->out, "version", version);
	if (t->meta->kernel)
		trace_event_text(&t->out, "kernel", t->meta->kernel);
	trace_event_text(&t->out, "clock", "of the trace; us since its zero");
	trace_event_number(&t->out, "lost", t->meta->lost);
	trace_event_open(&t->out, "anomalies");
	for (size_t i = 0; i < t->meta->nr_anomalies; i++)
		trace_event_number(&t->out, t->meta->anomalies[i].name,
				   t->meta->anomalies[i].count);
	trace_event_close(&t->out);
	trace_event_close(&t->out);
}

int rs_timeline_finish(struct rs_timeline *t, const char *version, FILE *f, struct rs_error *err)
{
	t->out.f = f;
	if (end_what_is_open(t) || t->failed)
		return rs_error_nomem(err);
	name_vms(t);
	trace_events_end_list(&t->out);
	put_origin(t, version);
	trace_events_end(&t->out);
	return 0;
}

void rs_timeline_free(struct rs_timeline *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr_vms; i++) {
		free(t->vms[i].blocked);
		free(t->vms[i].ended);
		rs_vm_free(t->vms[i].memslots);
	}
	for (size_t i = 0; i < t->nr_tasks; i++) {
		free(t->tasks[i].name);
		free(t->tasks[i].free_tids);
	}
	free(t->specs);
	rs_faults_free(t->faults);
	free(t->vms);
	rs_hash_free(&t->by_vm);
	free(t->vcpus);
	rs_hash_free(&t->by_vcpu);
	free(t->tasks);
	rs_hash_free(&t->by_task);
	rs_idset_free(&t->by_id);
	free(t->going);
	free(t->free_going);
	free(t);
}
