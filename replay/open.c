// SPDX-License-Identifier: GPL-2.0-only
/* Open-loop replay: each recorded fault is judged once by every algorithm. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithm.h"
#include "replay/inval.h"
#include "replay/replay.h"
#include "replay/sound.h"
#include "traces/vm.h"

/* After events were lost: at least this long without an orphan end. */
#define MIN_BLACKOUT_NS 10000000ULL

/* The current epoch: from in_progress 0 -> 1 to back to 0. */
struct epoch {
	uint64_t begin_ns;
	uint64_t invals;
};

/* Width of one algorithm: what it blocks now, and its peaks in the epoch. */
struct width {
	uint64_t blocked;
	uint64_t peak;
	uint64_t peak_ratio;
	bool has_ratio; /* exact blocked something */
};

struct vm_run {
	uint32_t number;
	struct rs_vm *vm;
	struct rs_invals *invals;
	struct rs_algo *algos; /* nr_run of the engine */
	struct rs_vm_result res;
	bool seen;

	struct rs_fault *faults; /* by vcpu */
	uint64_t *tokens;	 /* nr_run per vcpu */
	uint32_t nr_vcpus;
	uint32_t *open;	 /* vcpus with a fault outstanding */
	uint32_t *place; /* of a vcpu in open[] */
	uint32_t nr_open;

	uint64_t width_ns; /* widths are counted up to here */
	unsigned __int128 frames_area;
	struct width *widths; /* nr_run */
	struct epoch epoch;

	bool view_due, view_memslots;

	struct rs_state_words state; /* recorded, for the next event */
	bool state_pending, state_based;
	uint64_t state_base; /* the kernel's seq less the model's */

	bool dark; /* events were lost: what is outstanding is not known */
	uint64_t quiet_ns;
};

struct rs_replay {
	struct rs_replay_opts opts;
	struct rs_algo_spec *specs; /* listed, then hidden ones */
	size_t nr_listed, nr_run;
	size_t kernel; /* index of the traced kernel's algorithm, or SIZE_MAX */
	size_t gfn;    /* for the observer, or SIZE_MAX */
	size_t exact;
	struct rs_result *result;
	struct vm_run **vms;
	size_t nr_vms;
	uint32_t *vm_hash; /* index + 1 by number */
	size_t vm_hash_size;
	struct vm_run *last_vm;
	uint64_t now;
	bool started;
	uint64_t longest_ns; /* longest invalidation of the stream so far */
	enum rs_anomaly strict_anomaly;
	bool strict_hit;
	/* For observers. */
	uint64_t *view_blocked;
	uint8_t *verdicts;
	struct rs_covered *covered, *memslots;
	size_t nr_covered, max_covered, nr_memslots, max_memslots;
};

static void anomaly(struct rs_replay *r, enum rs_anomaly which)
{
	r->result->anomalies[which]++;
	if (!r->strict_hit) {
		r->strict_hit = true;
		r->strict_anomaly = which;
	}
}

/* ---- set-up ---- */

static int add_hidden(struct rs_replay *r, const char *name, size_t *index)
{
	struct rs_algo_spec *specs, *one;
	size_t n;
	int ret = rs_algo_parse(name, &one, &n, NULL);

	if (ret)
		return ret;
	for (size_t i = 0; i < r->nr_run; i++) {
		if (r->specs[i].ops == one->ops && r->specs[i].param == one->param) {
			*index = i;
			free(one);
			return 0;
		}
	}
	specs = realloc(r->specs, (r->nr_run + 1) * sizeof(*specs));
	if (specs) {
		r->specs = specs;
		r->specs[r->nr_run] = one[0];
		*index = r->nr_run++;
	}
	free(one);
	return specs ? 0 : -ENOMEM;
}

static int set_up(struct rs_replay *r, const struct rs_replay_opts *opts, struct rs_error *err)
{
	int ret = rs_algo_parse(opts->algos, &r->specs, &r->nr_listed, err);

	if (ret)
		return ret;
	r->nr_run = r->nr_listed;
	if (opts->kernel_algo && add_hidden(r, opts->kernel_algo, &r->kernel))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no algorithm '%s'",
				    opts->kernel_algo);
	if ((opts->flags & RS_REPLAY_WIDTH) && add_hidden(r, "exact", &r->exact))
		goto no_memory;
	if (opts->observer && opts->observer->view && add_hidden(r, "gfn", &r->gfn))
		goto no_memory;
	r->result = calloc(1, sizeof(*r->result));
	r->view_blocked = calloc(r->nr_run, sizeof(*r->view_blocked));
	r->verdicts = calloc(r->nr_run, 1);
	if (!r->result || !r->view_blocked || !r->verdicts)
		goto no_memory;
	r->result->nr_algos = r->nr_listed;
	if (opts->kernel_algo) {
		r->result->kernel_algo = strdup(opts->kernel_algo);
		if (!r->result->kernel_algo)
			goto no_memory;
	}
	return 0;
no_memory:
	return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

struct rs_replay *rs_replay_new(const struct rs_replay_opts *opts, struct rs_error *err)
{
	struct rs_replay *r = calloc(1, sizeof(*r));
	int ret;

	if (!r) {
		rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	r->opts = *opts;
	r->kernel = r->gfn = r->exact = SIZE_MAX;
	ret = set_up(r, opts, err);
	if (ret) {
		rs_replay_free(r);
		errno = -ret;
		return NULL;
	}
	return r;
}

static void free_vm(struct rs_replay *r, struct vm_run *v)
{
	for (size_t i = 0; v->algos && i < r->nr_run; i++)
		if (v->algos[i].ops)
			rs_algo_destroy(&v->algos[i]);
	free(v->algos);
	rs_invals_free(v->invals);
	rs_vm_free(v->vm);
	free(v->faults);
	free(v->tokens);
	free(v->open);
	free(v->place);
	free(v->widths);
	rs_vm_result_free(&v->res, r->nr_listed);
	free(v);
}

void rs_replay_free(struct rs_replay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nr_vms; i++)
		free_vm(r, r->vms[i]);
	free(r->vms);
	free(r->vm_hash);
	free(r->specs);
	free(r->view_blocked);
	free(r->verdicts);
	free(r->covered);
	free(r->memslots);
	rs_result_free(r->result);
	free(r);
}

static int init_algos(struct rs_replay *r, struct vm_run *v)
{
	struct rs_algo_env env = { v->vm, v->invals, !(r->opts.flags & RS_REPLAY_WIDTH) };

	for (size_t i = 0; i < r->nr_run; i++)
		if (rs_algo_init(&v->algos[i], &r->specs[i], &env))
			return -ENOMEM;
	for (size_t i = 0; i < r->nr_listed; i++) {
		v->res.algos[i].name = strdup(r->specs[i].name);
		v->res.algos[i].merged = r->specs[i].ops->merged;
		if (!v->res.algos[i].name)
			return -ENOMEM;
	}
	return 0;
}

static struct vm_run *new_vm(struct rs_replay *r, uint32_t number)
{
	struct vm_run *v = calloc(1, sizeof(*v));
	unsigned int flags = 0;

	if (!v)
		return NULL;
	if (r->opts.flags & (RS_REPLAY_TRUTH | RS_REPLAY_WIDTH))
		flags |= RS_INVALS_TRUTH;
	if (r->opts.flags & RS_REPLAY_CAUSES)
		flags |= RS_INVALS_CAUSES;
	v->number = number;
	v->res.vm = number;
	v->vm = rs_vm_new();
	v->invals = v->vm ? rs_invals_new(v->vm, flags) : NULL;
	v->algos = calloc(r->nr_run, sizeof(*v->algos));
	v->widths = calloc(r->nr_run, sizeof(*v->widths));
	v->res.algos = calloc(r->nr_listed, sizeof(*v->res.algos));
	if (!v->invals || !v->algos || !v->widths || !v->res.algos || init_algos(r, v)) {
		free_vm(r, v);
		return NULL;
	}
	return v;
}

static size_t vm_bucket(const struct rs_replay *r, uint32_t number)
{
	return (number * 0x9e3779b1U) & (r->vm_hash_size - 1);
}

static void hash_vm(struct rs_replay *r, size_t index)
{
	size_t b = vm_bucket(r, r->vms[index]->number);

	while (r->vm_hash[b])
		b = (b + 1) & (r->vm_hash_size - 1);
	r->vm_hash[b] = (uint32_t)index + 1;
}

/* Room for one more VM: the table is a power of two and at most half full. */
static int grow_vms(struct rs_replay *r)
{
	size_t max = r->vm_hash_size ? r->vm_hash_size : 8;
	struct vm_run **vms;
	uint32_t *hash;

	if (2 * (r->nr_vms + 1) <= r->vm_hash_size)
		return 0;
	vms = realloc(r->vms, max * sizeof(*vms));
	if (!vms)
		return -ENOMEM;
	r->vms = vms;
	hash = calloc(2 * max, sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	free(r->vm_hash);
	r->vm_hash = hash;
	r->vm_hash_size = 2 * max;
	for (size_t i = 0; i < r->nr_vms; i++)
		hash_vm(r, i);
	return 0;
}

static struct vm_run *find_vm(struct rs_replay *r, uint32_t number)
{
	struct vm_run *v;

	if (r->nr_vms) {
		for (size_t b = vm_bucket(r, number); r->vm_hash[b];
		     b = (b + 1) & (r->vm_hash_size - 1))
			if (r->vms[r->vm_hash[b] - 1]->number == number)
				return r->last_vm = r->vms[r->vm_hash[b] - 1];
	}
	if (grow_vms(r))
		return NULL;
	v = new_vm(r, number);
	if (!v)
		return NULL;
	r->vms[r->nr_vms] = v;
	hash_vm(r, r->nr_vms++);
	return r->last_vm = v;
}

/* ---- views for observers ---- */

static int push_covered(struct rs_covered **list, size_t *n, size_t *max, uint8_t as,
			struct rs_range gfns)
{
	if (*n == *max) {
		size_t bigger = *max ? 2 * *max : 16;
		struct rs_covered *p = realloc(*list, bigger * sizeof(*p));

		if (!p)
			return -ENOMEM;
		*list = p;
		*max = bigger;
	}
	(*list)[(*n)++] = (struct rs_covered){ gfns.start, gfns.end, as };
	return 0;
}

struct collect {
	struct rs_replay *r;
	struct vm_run *v;
	const struct rs_inval *inv;
};

static int collect_memslot(void *arg, uint32_t handle)
{
	struct collect *c = arg;
	const struct rs_memslot *s = rs_vm_memslot(c->v->vm, handle);
	struct rs_range gfns = { s->gfn, s->gfn + s->npages };

	return push_covered(&c->r->memslots, &c->r->nr_memslots, &c->r->max_memslots, s->as, gfns);
}

static int collect_covered(void *arg, uint8_t as, struct rs_range gfns)
{
	struct collect *c = arg;

	return push_covered(&c->r->covered, &c->r->nr_covered, &c->r->max_covered, as, gfns);
}

/* A gfn invalidation's range, clipped to this memslot. */
static int collect_clipped(void *arg, uint32_t handle)
{
	struct collect *c = arg;
	const struct rs_memslot *s = rs_vm_memslot(c->v->vm, handle);

	return collect_covered(arg, s->as, rs_memslot_clip(s, c->inv->range));
}

static int collect_view(struct rs_replay *r, struct vm_run *v)
{
	struct collect c = { r, v, NULL };
	int ret = 0;

	r->nr_covered = 0;
	r->nr_memslots = 0;
	for (uint32_t i = 0; i < rs_invals_nr(v->invals) && !ret; i++) {
		c.inv = rs_invals_get(v->invals, i);
		if (c.inv->gfn && !c.inv->walk)
			ret = rs_vm_for_each_gfn(v->vm, c.inv->range.start, c.inv->range.end,
						 collect_clipped, &c);
		else
			ret = rs_inval_for_each_covered(v->invals, c.inv, collect_covered, &c);
	}
	if (!ret && v->view_memslots)
		ret = rs_vm_for_each_gfn(v->vm, 0, UINT64_MAX, collect_memslot, &c);
	return ret;
}

static int show_view(struct rs_replay *r, struct vm_run *v)
{
	const struct rs_observer *o = r->opts.observer;
	struct rs_state_words gfn;
	struct rs_view view = { .time_ns = v->width_ns, .vm = v->number, .nr_algos = r->nr_listed };

	if (!o || !o->view || !v->view_due)
		return 0;
	if (rs_vm_update(v->vm) || collect_view(r, v))
		return -ENOMEM;
	for (size_t i = 0; i < r->nr_listed; i++)
		r->view_blocked[i] = v->algos[i].ops->blocked(v->algos[i].state);
	v->algos[r->gfn].ops->words(v->algos[r->gfn].state, &gfn);
	view.blocked = r->view_blocked;
	view.exact_blocked = rs_invals_covered_frames(v->invals);
	view.frames = rs_vm_frames(v->vm);
	view.gfn_start = gfn.in_progress ? gfn.range_start : 0;
	view.gfn_end = gfn.in_progress ? gfn.range_end : 0;
	view.covered = r->covered;
	view.nr_covered = r->nr_covered;
	view.memslots = v->view_memslots ? r->memslots : NULL;
	view.nr_memslots = r->nr_memslots;
	o->view(o->arg, &view);
	v->view_due = false;
	v->view_memslots = false;
	return 0;
}

static void show_applied(const struct rs_replay *r, const struct rs_event *e)
{
	const struct rs_observer *o = r->opts.observer;

	if (o && o->applied)
		o->applied(o->arg, e, r->now);
}

static void show_unjudged(const struct rs_replay *r, const struct vm_run *v, uint32_t vcpu)
{
	const struct rs_observer *o = r->opts.observer;

	if (o && o->unjudged)
		o->unjudged(o->arg, v->number, vcpu);
}

/* ---- width ---- */

/* In thousandths, rounded down; mostly they are equal, and hardly ever so large. */
static uint64_t ratio_of(uint64_t blocked, uint64_t exact)
{
	if (blocked == exact)
		return RS_RATIO_SCALE;
	if (blocked <= UINT64_MAX / RS_RATIO_SCALE)
		return blocked * RS_RATIO_SCALE / exact;
	return (uint64_t)((unsigned __int128)blocked * RS_RATIO_SCALE / exact);
}

static void count_width(struct rs_algo_result *a, struct width *w, uint64_t blocked, uint64_t exact,
			uint64_t ns, bool in_epoch)
{
	uint64_t ratio;

	a->blocked_page_ns += (unsigned __int128)blocked * ns;
	if (blocked > a->blocked_max)
		a->blocked_max = blocked;
	if (!in_epoch)
		return;
	if (blocked > w->peak)
		w->peak = blocked;
	if (!exact)
		return;
	ratio = ratio_of(blocked, exact);
	rs_hist_add(&a->widening_time, ratio, ns);
	w->has_ratio = true;
	if (ratio > w->peak_ratio)
		w->peak_ratio = ratio;
}

/* The VM has been in its present state up to time @t: counts that. */
static int advance(struct rs_replay *r, struct vm_run *v, uint64_t t)
{
	uint64_t ns = t - v->width_ns;
	uint64_t exact;
	bool in_epoch;

	if (!ns || !(r->opts.flags & RS_REPLAY_WIDTH))
		return 0;
	if (show_view(r, v))
		return -ENOMEM;
	v->frames_area += (unsigned __int128)rs_vm_frames(v->vm) * ns;
	if (rs_invals_nr(v->invals)) {
		in_epoch = rs_invals_nr_hit(v->invals);
		exact = rs_invals_covered_frames(v->invals);
		for (size_t i = 0; i < r->nr_listed; i++)
			count_width(&v->res.algos[i], &v->widths[i],
				    v->algos[i].ops->blocked(v->algos[i].state), exact, ns,
				    in_epoch);
	}
	v->width_ns = t;
	return 0;
}

static void begin_epoch(struct rs_replay *r, struct vm_run *v, uint64_t t)
{
	v->epoch.begin_ns = t;
	v->epoch.invals = 0;
	memset(v->widths, 0, r->nr_run * sizeof(*v->widths));
}

static void end_epoch(struct rs_replay *r, struct vm_run *v, uint64_t t)
{
	if (!(r->opts.flags & RS_REPLAY_WIDTH))
		return;
	v->res.epochs++;
	rs_hist_add(&v->res.epoch_ns, t - v->epoch.begin_ns, 1);
	rs_hist_add(&v->res.epoch_invals, v->epoch.invals, 1);
	for (size_t i = 0; i < r->nr_listed; i++) {
		rs_hist_add(&v->res.algos[i].blocked_epoch, v->widths[i].peak, 1);
		if (v->widths[i].has_ratio)
			rs_hist_add(&v->res.algos[i].widening_epoch, v->widths[i].peak_ratio, 1);
	}
}

/* ---- memslots ---- */

/* The largest figures of any layout. */
static void measure_layout(struct vm_run *v)
{
	struct rs_vm_result *res = &v->res;

	if (rs_vm_nr_memslots(v->vm) > res->memslots)
		res->memslots = rs_vm_nr_memslots(v->vm);
	if (rs_vm_frames(v->vm) > res->frames)
		res->frames = rs_vm_frames(v->vm);
	if (rs_vm_aliased_frames(v->vm) > res->aliased_frames)
		res->aliased_frames = rs_vm_aliased_frames(v->vm);
}

static enum rs_anomaly memslot_anomaly(enum rs_vm_change change)
{
	switch (change) {
	case RS_VM_OVERLAP:
		return RS_ANOM_MEMSLOT_OVERLAP;
	case RS_VM_ABSENT:
		return RS_ANOM_MEMSLOT_ABSENT;
	default:
		return RS_ANOM_MEMSLOT_TOO_LARGE;
	}
}

/* Counts what is wrong with an event; true if nothing is. */
static bool sound(struct rs_replay *r, enum rs_anomaly problem)
{
	if (problem == RS_ANOM_NONE)
		return true;
	anomaly(r, problem);
	return false;
}

/* What is outstanding must see the new memslots at once; else the next begin will do. */
static int memslots_changed(struct rs_replay *r, struct vm_run *v)
{
	if (!rs_invals_nr(v->invals))
		return 0;
	if (rs_vm_update(v->vm) || rs_invals_memslots_changed(v->invals))
		return -ENOMEM;
	for (size_t i = 0; i < r->nr_run; i++) {
		const struct rs_algo *a = &v->algos[i];

		if (a->ops->memslots_changed && a->ops->memslots_changed(a->state))
			return -ENOMEM;
	}
	return 0;
}

static int on_memslot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	enum rs_vm_change change;

	if (!sound(r, rs_memslot_problem(e)))
		return 0;
	if (advance(r, v, r->now))
		return -ENOMEM;
	change = rs_vm_set_memslot(v->vm, e->as, e->index, e->a, e->b, e->c, e->arg);
	if (change == RS_VM_NOMEM)
		return -ENOMEM;
	if (change == RS_VM_SAME)
		return 0;
	if (change != RS_VM_CHANGED) {
		anomaly(r, memslot_anomaly(change));
		return 0;
	}
	measure_layout(v);
	show_applied(r, e);
	v->view_due = v->view_memslots = true;
	return memslots_changed(r, v);
}

/* ---- invalidations ---- */

/* @inv counts as in progress from now on. */
static int begin_hit(struct rs_replay *r, struct vm_run *v, const struct rs_inval *inv, bool late)
{
	uint32_t nr = rs_invals_nr_hit(v->invals);

	if (nr == 1)
		begin_epoch(r, v, r->now);
	v->epoch.invals++;
	v->res.inval_hit++;
	v->res.inval_no_hit -= late;
	if (nr > v->res.max_outstanding)
		v->res.max_outstanding = nr;
	for (size_t i = 0; i < r->nr_run; i++) {
		if (late && (v->algos[i].ops->flags & RS_ALGO_SEES_ALL))
			continue; /* it saw the begin */
		if (rs_algo_begin(&v->algos[i], inv))
			return -ENOMEM;
	}
	return 0;
}

static int begin_silent(struct rs_replay *r, struct vm_run *v, const struct rs_inval *inv)
{
	v->res.inval_no_hit++;
	for (size_t i = 0; i < r->nr_run; i++)
		if (rs_algo_sees(&v->algos[i], inv) && rs_algo_begin(&v->algos[i], inv))
			return -ENOMEM;
	return 0;
}

static int on_inval_begin(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_range range = { e->b, e->c };
	bool gfn = e->flags & RS_F_GFN;
	struct rs_inval *inv;

	if (!sound(r, rs_range_problem(e)))
		return 0;
	if (rs_invals_find(v->invals, e->a)) {
		anomaly(r, RS_ANOM_BEGIN_DUPLICATE);
		return 0;
	}
	if (advance(r, v, r->now) || rs_vm_update(v->vm))
		return -ENOMEM;
	inv = rs_invals_begin(v->invals, e->a, r->now, range, gfn, e->flags & RS_F_WALK);
	if (!inv)
		return -ENOMEM;
	v->res.inval_gfn += gfn;
	show_applied(r, e);
	v->view_due = true;
	return inv->hit ? begin_hit(r, v, inv, false) : begin_silent(r, v, inv);
}

static uint32_t slot_memslot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	uint32_t handle = rs_vm_find_id(v->vm, e->as, e->index);
	const struct rs_memslot *s;

	if (handle == RS_NO_SLOT) {
		anomaly(r, RS_ANOM_SLOT_NO_MEMSLOT);
		return RS_NO_SLOT;
	}
	s = rs_vm_memslot(v->vm, handle);
	if (e->b < s->gfn || e->c > s->gfn + s->npages) {
		anomaly(r, RS_ANOM_SLOT_OUTSIDE);
		return RS_NO_SLOT;
	}
	return handle;
}

static int on_inval_slot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_range gfns = { e->b, e->c };
	struct rs_inval *inv = rs_invals_find(v->invals, e->a);
	const struct rs_hit *hit;
	uint32_t handle;
	bool first;

	if (!inv || !inv->walk) {
		if (inv)
			anomaly(r, RS_ANOM_SLOT_WITHOUT_WALK);
		else if (!v->dark)
			anomaly(r, RS_ANOM_SLOT_WITHOUT_BEGIN);
		return 0;
	}
	if (!sound(r, rs_range_problem(e)))
		return 0;
	handle = slot_memslot(r, v, e);
	if (handle == RS_NO_SLOT)
		return 0;
	if (advance(r, v, r->now) || rs_vm_update(v->vm))
		return -ENOMEM;
	hit = rs_invals_slot(v->invals, inv, handle, gfns, &first);
	if (!hit || (first && begin_hit(r, v, inv, true)))
		return -ENOMEM;
	for (size_t i = 0; i < r->nr_run; i++)
		if (rs_algo_slot(&v->algos[i], inv, hit))
			return -ENOMEM;
	show_applied(r, e);
	v->view_due = true;
	return 0;
}

/* Faults that are outstanding now had it in their window. */
static void mark_covered(struct vm_run *v, const struct rs_inval *inv)
{
	for (uint32_t i = 0; i < v->nr_open; i++)
		rs_fault_mark(&v->faults[v->open[i]], inv);
}

static void orphan_end(struct rs_replay *r, struct vm_run *v)
{
	v->state_based = false; /* the kernel counted it, the model does not */
	if (v->dark)
		v->quiet_ns = r->now;
	else
		anomaly(r, RS_ANOM_END_WITHOUT_BEGIN);
}

static int on_inval_end(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(v->invals, e->a);
	uint64_t ns;
	bool hit;

	if (!inv) {
		orphan_end(r, v);
		return 0;
	}
	if (advance(r, v, r->now))
		return -ENOMEM;
	ns = r->now - inv->begin_ns;
	if (ns > r->longest_ns)
		r->longest_ns = ns;
	if (r->opts.flags & RS_REPLAY_TRUTH)
		mark_covered(v, inv);
	for (size_t i = 0; i < r->nr_run; i++)
		if (rs_algo_sees(&v->algos[i], inv))
			rs_algo_end(&v->algos[i], inv);
	hit = inv->hit;
	rs_invals_end(v->invals, inv);
	show_applied(r, e);
	v->view_due = true;
	if (!hit)
		return 0;
	if (r->opts.flags & RS_REPLAY_WIDTH)
		rs_hist_add(&v->res.inval_ns, ns, 1);
	if (!rs_invals_nr_hit(v->invals))
		end_epoch(r, v, r->now);
	return 0;
}

/* ---- faults ---- */

static int grow_vcpus(struct rs_replay *r, struct vm_run *v, uint32_t vcpu)
{
	uint32_t n = v->nr_vcpus ? v->nr_vcpus : 4;
	struct rs_fault *faults;
	uint64_t *tokens;
	uint32_t *open, *place;

	while (n <= vcpu)
		n *= 2;
	faults = realloc(v->faults, n * sizeof(*faults));
	if (!faults)
		return -ENOMEM;
	v->faults = faults;
	tokens = realloc(v->tokens, n * r->nr_run * sizeof(*tokens));
	if (!tokens)
		return -ENOMEM;
	v->tokens = tokens;
	open = realloc(v->open, n * sizeof(*open));
	if (!open)
		return -ENOMEM;
	v->open = open;
	place = realloc(v->place, n * sizeof(*place));
	if (!place)
		return -ENOMEM;
	v->place = place;
	memset(faults + v->nr_vcpus, 0, (n - v->nr_vcpus) * sizeof(*faults));
	v->nr_vcpus = n;
	return 0;
}

static void close_fault(struct vm_run *v, struct rs_fault *f)
{
	uint32_t place = v->place[f->vcpu];

	f->open = false;
	v->open[place] = v->open[--v->nr_open];
	v->place[v->open[place]] = place;
}

static int on_fault_begin(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_fault *f;
	uint64_t *tokens;

	if (e->index >= v->nr_vcpus && grow_vcpus(r, v, e->index))
		return -ENOMEM;
	f = &v->faults[e->index];
	if (f->open) {
		anomaly(r, RS_ANOM_FAULT_NESTED);
		close_fault(v, f);
		show_unjudged(r, v, e->index);
	}
	rs_fault_begin(f, v->vm, e->index, e->as, e->a, r->now);
	f->judged = !v->dark;
	v->place[e->index] = v->nr_open;
	v->open[v->nr_open++] = e->index;
	tokens = &v->tokens[e->index * r->nr_run];
	for (size_t i = 0; i < r->nr_run; i++)
		tokens[i] = rs_algo_snapshot(&v->algos[i]);
	return 0;
}

/* The one cause of a spurious rejection. */
static enum rs_cause cause_of(const struct vm_run *v, const struct rs_algo_ops *ops,
			      const struct rs_fault *f, unsigned int why)
{
	enum rs_place place;

	if (!(why & RS_REJECT_RANGE))
		return RS_CAUSE_SEQ;
	if (ops->space == RS_SPACE_NONE)
		return RS_CAUSE_CONCURRENT;
	if (ops->space == RS_SPACE_HFN) {
		place = rs_invals_place_hfn(v->invals, f->hva);
	} else if (ops->space == RS_SPACE_HVA) {
		if (rs_invals_nr_gfn(v->invals))
			return RS_CAUSE_NO_HVA;
		place = rs_invals_place_hva(v->invals, f->hva, ops->flags & RS_ALGO_SEES_ALL);
	} else {
		place = rs_invals_place_gfn(v->invals, f->gfn);
	}
	switch (place) {
	case RS_PLACE_ALIAS:
		return RS_CAUSE_ALIAS;
	case RS_PLACE_SCATTER:
		return RS_CAUSE_SCATTER;
	case RS_PLACE_CONCURRENT:
		return RS_CAUSE_CONCURRENT;
	case RS_PLACE_OUTSIDE:
		break;
	}
	return RS_CAUSE_STALE;
}

static void count_agreement(struct rs_algo_result *a, const struct rs_event *e, bool rejected)
{
	struct rs_agreement *g = e->flags & RS_F_LOCKLESS ? &a->lockless : &a->locked;

	if (e->result == RS_RES_UNKNOWN)
		return;
	g->known++;
	g->same += rejected == (e->result == RS_RES_RETRY);
}

/* Counts algorithm @i's verdict; returns what an observer is told of it. */
static uint8_t judge_one(struct rs_replay *r, struct vm_run *v, size_t i, const struct rs_fault *f,
			 const struct rs_event *e, bool necessary)
{
	const struct rs_algo *a = &v->algos[i];
	struct rs_algo_result *res = &v->res.algos[i];
	unsigned int why = a->ops->rejects(a->state, f, v->tokens[f->vcpu * r->nr_run + i]);
	enum rs_cause cause;

	count_agreement(res, e, why);
	res->rejected += why != 0;
	if (!(r->opts.flags & RS_REPLAY_TRUTH))
		return why != 0;
	if (!why) {
		res->missed += necessary;
		return 0;
	}
	if (necessary)
		return 255;
	res->spurious++;
	if (!(r->opts.flags & RS_REPLAY_CAUSES))
		return 1;
	cause = cause_of(v, a->ops, f, why);
	res->causes[cause]++;
	return (uint8_t)(1 + cause);
}

static int note_disagreement(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
			     const struct rs_event *e)
{
	const struct rs_algo *a = &v->algos[r->kernel];
	bool rejected = a->ops->rejects(a->state, f, v->tokens[f->vcpu * r->nr_run + r->kernel]);
	struct rs_disagreement *d;

	if (e->result == RS_RES_UNKNOWN || rejected == (e->result == RS_RES_RETRY))
		return 0;
	if (v->res.nr_disagreements == RS_MAX_LISTED)
		return 0;
	if (!v->res.disagreements) {
		v->res.disagreements = calloc(RS_MAX_LISTED, sizeof(*d));
		if (!v->res.disagreements)
			return -ENOMEM;
	}
	d = &v->res.disagreements[v->res.nr_disagreements++];
	*d = (struct rs_disagreement){ .time_ns = r->now,
				       .event = r->result->events - 1,
				       .gfn = f->gfn,
				       .vcpu = f->vcpu,
				       .kernel_result = e->result,
				       .model_result = rejected ? RS_RES_RETRY : RS_RES_OK,
				       .lockless = e->flags & RS_F_LOCKLESS };
	return 0;
}

static void show_judged(struct rs_replay *r, const struct vm_run *v, const struct rs_fault *f,
			const struct rs_event *e, bool necessary)
{
	const struct rs_observer *o = r->opts.observer;
	struct rs_judged j = { .begin_ns = f->begin_ns,
			       .time_ns = r->now,
			       .gfn = f->gfn,
			       .vm = v->number,
			       .vcpu = f->vcpu,
			       .as = f->as,
			       .lockless = e->flags & RS_F_LOCKLESS,
			       .necessary = necessary,
			       .result = e->result,
			       .rejected = r->verdicts };

	if (o && o->judged)
		o->judged(o->arg, &j);
}

static int judge(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
		 const struct rs_event *e)
{
	bool necessary = false;

	v->res.checked++;
	v->res.checked_lockless += (e->flags & RS_F_LOCKLESS) != 0;
	if (r->opts.flags & RS_REPLAY_TRUTH) {
		necessary = f->necessary || rs_invals_cover(v->invals, f);
		v->res.necessary += necessary;
	}
	for (size_t i = 0; i < r->nr_listed; i++)
		r->verdicts[i] = judge_one(r, v, i, f, e, necessary);
	show_judged(r, v, f, e, necessary);
	return r->kernel == SIZE_MAX ? 0 : note_disagreement(r, v, f, e);
}

/* Ends the blackout once no orphan end was seen for long enough. */
static void see_light(const struct rs_replay *r, struct vm_run *v)
{
	uint64_t wait = r->longest_ns > MIN_BLACKOUT_NS ? r->longest_ns : MIN_BLACKOUT_NS;

	if (r->now - v->quiet_ns > wait)
		v->dark = false;
}

static int on_fault_check(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_fault *f = e->index < v->nr_vcpus ? &v->faults[e->index] : NULL;

	if (!f || !f->open) {
		if (v->dark)
			v->res.unjudged++;
		else
			anomaly(r, RS_ANOM_CHECK_WITHOUT_FAULT);
		return 0;
	}
	close_fault(v, f);
	if (v->dark || !f->judged)
		v->res.unjudged++;
	else if (f->handle == RS_NO_SLOT)
		v->res.no_memslot++;
	else if (rs_fault_obsolete(f, v->vm))
		v->res.root_obsolete++;
	else
		return judge(r, v, f, e);
	show_unjudged(r, v, e->index);
	return 0;
}

static void on_fault_end(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_fault *f = e->index < v->nr_vcpus ? &v->faults[e->index] : NULL;

	if (!f || !f->open) {
		if (!v->dark)
			anomaly(r, RS_ANOM_FAULT_END_WITHOUT_FAULT);
		return;
	}
	close_fault(v, f);
	show_unjudged(r, v, e->index);
	switch (e->arg) {
	case RS_END_SLOT_INVALID:
		v->res.slot_invalid++;
		break;
	case RS_END_ASYNC:
		v->res.async++;
		break;
	case RS_END_ROOT_OBSOLETE:
		v->res.root_obsolete++;
		break;
	default:
		v->res.ended++;
	}
}

/* ---- losses, recorded state ---- */

static int on_lost(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	if (advance(r, v, r->now))
		return -ENOMEM;
	if (rs_invals_nr_hit(v->invals))
		end_epoch(r, v, r->now);
	r->result->lost_marks++;
	if (e->a != RS_LOST_UNKNOWN)
		r->result->lost += e->a;
	while (v->nr_open) {
		show_unjudged(r, v, v->open[0]);
		close_fault(v, &v->faults[v->open[0]]);
	}
	rs_invals_drop(v->invals);
	for (size_t i = 0; i < r->nr_run; i++)
		if (v->algos[i].ops->drop)
			v->algos[i].ops->drop(v->algos[i].state);
	v->dark = true;
	v->quiet_ns = r->now;
	v->state_based = false;
	show_applied(r, e);
	v->view_due = true;
	return 0;
}

static void keep_state(struct rs_replay *r, const struct rs_event *e)
{
	struct vm_run *v = find_vm(r, e->vm);

	if (!v || r->kernel == SIZE_MAX)
		return;
	v->state = (struct rs_state_words){ e->a, e->index, e->b, e->c };
	v->state_pending = true;
}

static bool same_state(const struct rs_algo_ops *ops, const struct rs_state_words *kernel,
		       const struct rs_state_words *model)
{
	if (kernel->seq != model->seq || kernel->in_progress != model->in_progress)
		return false;
	if (!model->in_progress || ops->space == RS_SPACE_NONE)
		return true; /* the range says nothing */
	return kernel->range_start == model->range_start && kernel->range_end == model->range_end;
}

static int note_mismatch(struct rs_replay *r, struct vm_run *v, const struct rs_state_words *model)
{
	struct rs_state_mismatch *m;

	anomaly(r, RS_ANOM_STATE_UNEQUAL);
	if (v->res.nr_mismatches == RS_MAX_LISTED)
		return 0;
	if (!v->res.mismatches) {
		v->res.mismatches = calloc(RS_MAX_LISTED, sizeof(*m));
		if (!v->res.mismatches)
			return -ENOMEM;
	}
	m = &v->res.mismatches[v->res.nr_mismatches++];
	*m = (struct rs_state_mismatch){
		.time_ns = r->now,
		.event = r->result->events - 1,
		.kernel = { v->state.seq, v->state.in_progress, v->state.range_start,
			    v->state.range_end },
		.model = { model->seq, model->in_progress, model->range_start, model->range_end },
	};
	return 0;
}

/* The kernel's own words at this event against the model's. */
static int compare_state(struct rs_replay *r, struct vm_run *v)
{
	const struct rs_algo *a = &v->algos[r->kernel];
	struct rs_state_words model;

	v->state_pending = false;
	if (v->dark || !a->ops->words)
		return 0;
	a->ops->words(a->state, &model);
	if (!v->state_based) {
		v->state_base = v->state.seq - model.seq;
		v->state_based = true;
	}
	model.seq += v->state_base;
	v->res.state_compared++;
	if (same_state(a->ops, &v->state, &model)) {
		v->res.state_equal++;
		return 0;
	}
	return note_mismatch(r, v, &model);
}

/* ---- the stream ---- */

static int dispatch(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	int ret;

	switch (e->type) {
	case RS_EV_MEMSLOT:
		return on_memslot(r, v, e);
	case RS_EV_INVAL_BEGIN:
		return on_inval_begin(r, v, e);
	case RS_EV_INVAL_SLOT:
		ret = on_inval_slot(r, v, e);
		return !ret && v->state_pending ? compare_state(r, v) : ret;
	case RS_EV_INVAL_END:
		return on_inval_end(r, v, e);
	case RS_EV_FAULT_BEGIN:
		return on_fault_begin(r, v, e);
	case RS_EV_FAULT_CHECK:
		ret = v->state_pending ? compare_state(r, v) : 0;
		return ret ? ret : on_fault_check(r, v, e);
	case RS_EV_FAULT_END:
		on_fault_end(r, v, e);
		return 0;
	case RS_EV_LOST:
		return on_lost(r, v, e);
	default:
		return 0;
	}
}

static void tell_time(struct rs_replay *r, const struct rs_event *e)
{
	if (!r->started) {
		r->started = true;
		r->result->begin_ns = e->time_ns;
	} else if (e->time_ns < r->now) {
		anomaly(r, RS_ANOM_TIME_BACKWARDS);
		return;
	}
	r->now = e->time_ns;
}

static int feed_one(struct rs_replay *r, const struct rs_event *e)
{
	struct vm_run *v;

	if (e->type == RS_EV_STATE) {
		if (!r->opts.one_vm || r->opts.vm == e->vm)
			keep_state(r, e);
		return 0;
	}
	tell_time(r, e);
	r->result->events++;
	if (r->opts.one_vm && e->vm != r->opts.vm)
		return 0;
	v = r->last_vm && r->last_vm->number == e->vm ? r->last_vm : find_vm(r, e->vm);
	if (!v)
		return -ENOMEM;
	if (!v->seen) {
		v->seen = true;
		v->res.begin_ns = r->now;
		v->width_ns = r->now;
	}
	v->res.end_ns = r->now;
	if (v->dark)
		see_light(r, v);
	return dispatch(r, v, e);
}

int rs_replay_feed(struct rs_replay *r, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (feed_one(r, &evs[i]))
			return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
		if (r->opts.strict && r->strict_hit)
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "event %" PRIu64 " (%s, vm %" PRIu32 ", time %" PRIu64
					    "): anomaly %s",
					    r->result->events, rs_event_name(evs[i].type),
					    evs[i].vm, evs[i].time_ns,
					    rs_anomaly_name(r->strict_anomaly));
	}
	return 0;
}

/* ---- streams that are shared out by their VMs ---- */

int rs_replay_feed_some(struct rs_replay *r, const struct rs_event *evs, const uint32_t *before,
			uint64_t first, size_t n, struct rs_error *err)
{
	for (size_t i = 0; i < n; i++) {
		r->result->events = first + before[i];
		if (feed_one(r, &evs[i]))
			return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	return 0;
}

static int take_vm(struct rs_replay *r, struct vm_run *v)
{
	if (grow_vms(r))
		return -ENOMEM;
	r->vms[r->nr_vms] = v;
	hash_vm(r, r->nr_vms++);
	return 0;
}

int rs_replay_take(struct rs_replay *r, struct rs_replay *from)
{
	while (from->nr_vms) {
		if (take_vm(r, from->vms[from->nr_vms - 1]))
			return -ENOMEM;
		from->nr_vms--;
	}
	from->last_vm = NULL;
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		r->result->anomalies[i] += from->result->anomalies[i];
	r->result->lost += from->result->lost;
	r->result->lost_marks += from->result->lost_marks;
	if (from->longest_ns > r->longest_ns)
		r->longest_ns = from->longest_ns;
	return 0;
}

/* ---- the end ---- */

static int finish_vm(struct rs_replay *r, struct vm_run *v)
{
	double ns;

	/* An engine that a recorded state alone made known has no events to speak of. */
	if (!v->seen)
		return 0;
	if (advance(r, v, v->res.end_ns) || show_view(r, v))
		return -ENOMEM;
	ns = (double)(v->res.end_ns - v->res.begin_ns);
	v->res.frames_page_ns = v->frames_area;
	v->res.mean_frames = ns > 0 ? (double)v->frames_area / ns : (double)v->res.frames;
	r->result->anomalies[RS_ANOM_BEGIN_WITHOUT_END] += rs_invals_nr(v->invals);
	if (rs_invals_nr_hit(v->invals))
		end_epoch(r, v, v->res.end_ns);
	return 0;
}

static int cmp_vm(const void *a, const void *b)
{
	const struct rs_vm_result *x = a, *y = b;

	return x->vm < y->vm ? -1 : x->vm > y->vm;
}

struct rs_result *rs_replay_finish(struct rs_replay *r, struct rs_error *err)
{
	struct rs_result *res = r->result;

	res->end_ns = r->now;
	res->vms = calloc(r->nr_vms ? r->nr_vms : 1, sizeof(*res->vms));
	if (!res->vms)
		goto no_memory;
	for (size_t i = 0; i < r->nr_vms; i++) {
		struct vm_run *v = r->vms[i];

		if (finish_vm(r, v))
			goto no_memory;
		if (!v->seen)
			continue;
		res->vms[res->nr_vms++] = v->res;
		memset(&v->res, 0, sizeof(v->res));
	}
	qsort(res->vms, res->nr_vms, sizeof(*res->vms), cmp_vm);
	r->result = NULL;
	return res;
no_memory:
	rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	errno = ENOMEM;
	return NULL;
}
