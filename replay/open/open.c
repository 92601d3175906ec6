// SPDX-License-Identifier: GPL-2.0-only
/* Open-loop replay: each recorded fault is judged once by every algorithm. */
#include "replay/open/open_internal.h"
#include "replay/open/open_step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- set-up ---- */

static int add_hidden(struct rs_replay *r, const char *name, size_t *index, struct rs_error *err)
{
	struct rs_algo_spec *one;
	size_t n;
	int ret = rs_algo_parse(name, &one, &n, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < r->nr_run; i++) {
		if (r->specs[i].ops == one->ops && r->specs[i].param == one->param) {
			*index = i;
			free(one);
			return 0;
		}
	}
	ret = RS_RESIZE(r->specs, r->nr_run + 1);
	if (!ret) {
		r->specs[r->nr_run] = one[0];
		*index = r->nr_run++;
	}
	free(one);
	return ret ? rs_error_nomem(err) : 0;
}

static bool anybody_views(const struct rs_observer *o)
{
	while (o && !o->view)
		o = o->next;
	return o;
}

static int set_up(struct rs_replay *r, const struct rs_replay_opts *opts, struct rs_error *err)
{
	int ret = rs_algo_parse(opts->algos, &r->specs, &r->nr_listed, err);

	if (ret)
		return ret;
	r->nr_run = r->nr_listed;
	if (opts->kernel_algo)
		ret = add_hidden(r, opts->kernel_algo, &r->kernel, err);
	if (ret)
		return ret;
	r->views = anybody_views(opts->observer);
	r->result = calloc(1, sizeof(*r->result));
	r->view_blocked = calloc(r->nr_run, sizeof(*r->view_blocked));
	r->verdicts = calloc(2 * r->nr_listed, 1);
	if (!r->result || !r->view_blocked || !r->verdicts)
		goto no_memory;
	if (opts->observer && (opts->flags & RS_REPLAY_BLAME)) {
		r->blame = calloc(2 * r->nr_listed, sizeof(*r->blame));
		if (!r->blame)
			goto no_memory;
	}
	r->result->nr_algos = r->nr_listed;
	if (opts->kernel_algo) {
		r->result->kernel_algo = strdup(opts->kernel_algo);
		if (!r->result->kernel_algo)
			goto no_memory;
	}
	return 0;
no_memory:
	return rs_error_nomem(err);
}

struct rs_replay *rs_replay_new(const struct rs_replay_opts *opts, struct rs_error *err)
{
	struct rs_replay *r = calloc(1, sizeof(*r));
	int ret;

	if (!r) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	r->opts = *opts;
	rs_limits_init(&r->limits, opts->kept, opts->hits, opts->looks);
	r->kernel = SIZE_MAX;
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
	rs_calls_free(&v->calls);
	rs_blames_free(v->blames);
	rs_invals_free(v->invals);
	rs_vm_free(v->vm);
	free(v->faults);
	free(v->snapshots);
	rs_seats_free(&v->seats);
	free(v->open);
	free(v->widths);
	free(v->rejections);
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
	rs_hash_free(&r->by_number);
	free(r->specs);
	free(r->view_blocked);
	free(r->verdicts);
	free(r->blame);
	free(r->covered);
	free(r->memslots);
	free(r->ranges);
	rs_result_free(r->result);
	free(r);
}

static int init_algos(struct rs_replay *r, struct vm_run *v)
{
	struct rs_algo_env env = { v->vm, v->invals, !(r->opts.flags & RS_REPLAY_WIDTH) };

	for (size_t i = 0; i < r->nr_run; i++)
		if (rs_algo_init(&v->algos[i], &r->specs[i], &env))
			return -ENOMEM;
	if (rs_calls_init(&v->calls, v->algos, r->nr_run))
		return -ENOMEM;
	for (size_t i = 0; i < r->nr_listed; i++) {
		v->res.algos[i].name = strdup(r->specs[i].name);
		v->res.algos[i].merged = r->specs[i].ops->info.merged;
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
	v->watch = true;
	v->res.vm = number;
	v->vm = rs_vm_new();
	v->invals = v->vm ? rs_invals_new(v->vm, flags, &r->limits) : NULL;
	if (r->blame && v->invals)
		v->blames = rs_blames_new(v->invals);
	v->algos = calloc(r->nr_run, sizeof(*v->algos));
	v->widths = calloc(r->nr_listed, sizeof(*v->widths));
	v->rejections = calloc(r->nr_listed, sizeof(*v->rejections));
	v->res.algos = calloc(r->nr_listed, sizeof(*v->res.algos));
	if (!v->invals || (r->blame && !v->blames) || !v->algos || !v->widths || !v->rejections ||
	    !v->res.algos || init_algos(r, v)) {
		free_vm(r, v);
		return NULL;
	}
	return v;
}

/* Enters @v, of which there is none by its number. 0 or -ENOMEM. */
static int enter_vm(struct rs_replay *r, struct vm_run *v)
{
	if (RS_ROOM_FOR_ONE(r->vms, r->nr_vms) ||
	    rs_hash_add(&r->by_number, rs_hash_number(v->number), (uint32_t)r->nr_vms))
		return -ENOMEM;
	r->vms[r->nr_vms++] = v;
	return 0;
}

struct vm_run *rs_open_find_vm(struct rs_replay *r, uint32_t number)
{
	/* Different numbers have different hashes. */
	const uint32_t i = rs_hash_find(&r->by_number, rs_hash_number(number), NULL, NULL);
	struct vm_run *v;

	if (i != RS_HASH_NONE)
		return r->last_vm = r->vms[i];
	if (!rs_limits_keep(&r->limits, RS_VM_COST, "its VMs"))
		return NULL;
	v = new_vm(r, number);
	if (v && enter_vm(r, v)) {
		free_vm(r, v);
		v = NULL;
	}
	return v ? r->last_vm = v : NULL;
}

/* ---- losses ---- */

static void end_piece_of(struct rs_piece_sums *x, uint64_t now, uint64_t checked)
{
	const uint64_t n = now - x->before;

	x->sum += n;
	x->squares += (unsigned __int128)n * n;
	x->by_checked += (unsigned __int128)n * checked;
}

/* The recording goes on: what is in progress is not known yet. */
static void go_on(struct rs_replay *r, struct vm_run *v)
{
	v->paused = false;
	v->in_piece = v->dark = true;
	v->quiet_ns = r->now;
	rs_open_sum_verdicts(r, v);
	v->piece_before = v->res.checked;
	for (size_t i = 0; i < r->nr_listed; i++) {
		struct rs_algo_result *a = &v->res.algos[i];

		a->piece_rejected.before = a->rejected;
		a->piece_spurious.before = a->spurious;
	}
}

/* Only a piece that has both its ends is counted as one. */
static void end_piece(struct rs_replay *r, struct vm_run *v)
{
	uint64_t checked;

	rs_open_sum_verdicts(r, v);
	checked = v->res.checked - v->piece_before;
	v->res.pieces++;
	v->res.piece_checked += checked;
	v->res.piece_squares += (unsigned __int128)checked * checked;
	for (size_t i = 0; i < r->nr_listed; i++) {
		struct rs_algo_result *a = &v->res.algos[i];

		end_piece_of(&a->piece_rejected, a->rejected, checked);
		end_piece_of(&a->piece_spurious, a->spurious, checked);
	}
}

static void pause_recording(struct rs_replay *r, struct vm_run *v)
{
	if (v->paused)
		return;
	v->res.pauses++;
	if (v->in_piece)
		end_piece(r, v);
	v->in_piece = false;
	if (!v->blind)
		v->blind_since_ns = r->now;
	v->paused = v->blind = true;
}

static int on_lost(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	if (rs_open_advance(r, v, r->now, false))
		return -ENOMEM;
	if (v->paused && e->flags & RS_F_RESUME)
		go_on(r, v);
	if ((r->opts.flags & RS_REPLAY_WIDTH) && rs_invals_nr_hit(v->invals))
		rs_open_end_epoch(r, v, r->now);
	r->result->lost_marks += !(e->flags & (RS_F_PAUSE | RS_F_RESUME));
	if (e->lost.count != RS_LOST_UNKNOWN)
		r->result->lost += e->lost.count;
	while (v->nr_open) {
		struct rs_fault *f = &v->faults[v->open[0]];

		rs_open_show_unjudged(r, v, f->vcpu);
		rs_open_close_fault(v, f);
	}
	rs_invals_drop(v->invals);
	if (v->blames)
		rs_blames_drop(v->blames);
	rs_algos_drop(v->algos, r->nr_run);
	v->dark = v->watch = true;
	v->quiet_ns = r->now;
	v->state_based = false;
	if (e->flags & RS_F_PAUSE)
		pause_recording(r, v);
	rs_open_show_applied(r, e);
	v->view_due = true;
	return 0;
}

static int end_blind(struct rs_replay *r, struct vm_run *v, uint64_t now)
{
	if (!v->blind)
		return 0;
	if (rs_open_advance(r, v, now, false))
		return -ENOMEM;
	v->blind = false;
	v->res.paused_ns += now - v->blind_since_ns;
	return 0;
}

/* Ends the blackout once no orphan end was seen for long enough. */
static int see_light(struct rs_replay *r, struct vm_run *v)
{
	if (!rs_blackout_over(r->now, v->quiet_ns, r->longest_ns))
		return 0;
	v->dark = false;
	return end_blind(r, v, r->now);
}

/* ---- the stream ---- */

static void keep_state(struct vm_run *v, const struct rs_event *e)
{
	v->state = (struct rs_state_words){ e->state.seq, e->state.in_progress, e->state.start,
					    e->state.end };
	v->state_pending = true;
}

/* The first event of a VM, or one after a loss. In a pause only memslots are recorded. */
static RS_SELDOM int look_around(struct rs_replay *r, struct vm_run *v, unsigned int type)
{
	if (!v->seen) {
		v->seen = true;
		v->res.begin_ns = r->now;
		v->width_ns = r->now;
	}
	if (v->paused && type != RS_EV_MEMSLOT && type != RS_EV_LOST)
		go_on(r, v);
	if (v->dark && !v->paused && see_light(r, v))
		return -ENOMEM;
	v->watch = v->dark;
	return 0;
}

RS_LOOP_PART int step(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
		      const struct mode m)
{
	int ret;

	switch (e->type) {
	case RS_EV_MEMSLOT:
		return rs_open_memslot(r, v, e);
	case RS_EV_INVAL_BEGIN:
		return step_inval_begin(r, v, e, m);
	case RS_EV_INVAL_SLOT:
		ret = step_inval_slot(r, v, e, m);
		return !ret && v->state_pending ? rs_open_compare_state(r, v) : ret;
	case RS_EV_INVAL_END:
		return step_inval_end(r, v, e, m);
	case RS_EV_FAULT_BEGIN:
		return step_fault_begin(r, v, e, m);
	case RS_EV_FAULT_CHECK:
		ret = v->state_pending ? rs_open_compare_state(r, v) : 0;
		return ret ? ret : step_fault_check(r, v, e, m);
	case RS_EV_FAULT_END:
		rs_open_fault_end(r, v, e);
		return 0;
	case RS_EV_LOST:
		return on_lost(r, v, e);
	default:
		return 0;
	}
}

RS_LOOP_PART void tell_time(struct rs_replay *r, const struct rs_event *e, const struct mode m)
{
	if (e->time_ns >= r->now)
		r->now = e->time_ns;
	else
		rs_open_anomaly(r, RS_ANOM_TIME_BACKWARDS);
	if (m.numbered)
		r->events = r->numbers.first + r->numbers.before[e - r->numbers.evs];
	r->events++;
}

/* The event @e of VM @v and those of it that follow. Returns where they end; NULL: no memory. */
RS_LOOP_PART const struct rs_event *feed_run(struct rs_replay *r, struct vm_run *v,
					     const struct rs_event *e, const struct rs_event *end,
					     const struct mode m)
{
	const bool states = r->kernel != SIZE_MAX;
	const uint32_t number = v->number;
	const uint64_t before = r->events;

	for (; e < end && e->vm == number; e++) {
		if (e->type == RS_EV_STATE) {
			if (states)
				keep_state(v, e);
			continue;
		}
		tell_time(r, e, m);
		if (v->watch && look_around(r, v, e->type))
			return NULL;
		if (step(r, v, e, m))
			return NULL;
	}
	if (r->events != before)
		v->res.end_ns = r->now;
	return e;
}

/* VM after VM; the events of those that are not judged only take time. */
RS_LOOP_PART int feed_all(struct rs_replay *r, const struct rs_event *e, const struct rs_event *end,
			  const struct mode m)
{
	while (e < end) {
		struct vm_run *v = r->last_vm;

		if (r->opts.one_vm && e->vm != r->opts.vm) {
			if (e->type != RS_EV_STATE)
				tell_time(r, e, m);
			e++;
			continue;
		}
		if (!v || v->number != e->vm)
			v = rs_open_find_vm(r, e->vm);
		e = v ? feed_run(r, v, e, end, m) : NULL;
		if (!e)
			return -ENOMEM;
	}
	return 0;
}

/* For whatever is asked. */
static int feed_any(struct rs_replay *r, const struct rs_event *evs, size_t n)
{
	const struct mode m = { r->opts.flags, r->opts.observer, r->numbers.before, r->nr_run };

	return feed_all(r, evs, evs + n, m);
}

/* For nothing but the counts of one algorithm. */
static int feed_counts(struct rs_replay *r, const struct rs_event *evs, size_t n)
{
	static const struct mode counts = { .nr_run = 1 };

	return feed_all(r, evs, evs + n, counts);
}

/* Whether there is an event among them; recorded states are none, and have no time. */
static bool begin_stream(struct rs_replay *r, const struct rs_event *evs, size_t n)
{
	size_t i = 0;

	while (i < n && evs[i].type == RS_EV_STATE)
		i++;
	if (i == n)
		return false;
	r->result->begin_ns = evs[i].time_ns;
	return true;
}

/* What came of feeding: @rc, or that too many looks were taken, which is said at the end. */
static int outcome(const struct rs_replay *r, int rc, struct rs_error *err)
{
	return rc || r->limits.over ? rs_limits_failed(&r->limits, err) : 0;
}

/* With strict: up to the first anomaly. */
static int feed_strictly(struct rs_replay *r, const struct rs_event *evs, size_t n,
			 struct rs_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const int rc = outcome(r, feed_any(r, &evs[i], 1), err);

		if (rc)
			return rc;
		if (r->strict_hit)
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "event %" PRIu64 " (%s, vm %" PRIu32 ", time %" PRIu64
					    "): anomaly %s",
					    r->events, rs_event_name(evs[i].type), evs[i].vm,
					    evs[i].time_ns, rs_anomaly_name(r->strict_anomaly));
	}
	return 0;
}

int rs_replay_feed(struct rs_replay *r, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	if (!n) /* there may be no list, then */
		return 0;
	if (!r->started)
		r->started = begin_stream(r, evs, n);
	if (r->opts.strict)
		return feed_strictly(r, evs, n, err);
	if (r->nr_run == 1 && !r->opts.flags && !r->opts.observer)
		return outcome(r, feed_counts(r, evs, n), err);
	return outcome(r, feed_any(r, evs, n), err);
}

/* ---- streams that are shared out by their VMs ---- */

int rs_replay_feed_some(struct rs_replay *r, const struct rs_event *evs, const uint32_t *before,
			uint64_t first, size_t n, struct rs_error *err)
{
	int rc;

	if (!r->started)
		r->started = begin_stream(r, evs, n);
	r->numbers = (struct numbers){ evs, before, first };
	rc = feed_any(r, evs, n);
	r->numbers.before = NULL;
	return outcome(r, rc, err);
}

int rs_replay_take(struct rs_replay *r, struct rs_replay *from)
{
	while (from->nr_vms) {
		struct vm_run *v = from->vms[from->nr_vms - 1];

		if (enter_vm(r, v))
			return -ENOMEM;
		rs_invals_set_limits(v->invals, &r->limits);
		from->nr_vms--;
	}
	rs_hash_free(&from->by_number);
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
	/* An engine that a recorded state alone made known has no events to speak of. */
	if (!v->seen)
		return 0;
	if (rs_open_advance(r, v, v->res.end_ns, false) || rs_open_show_view(r, v))
		return -ENOMEM;
	if (end_blind(r, v, v->res.end_ns))
		return -ENOMEM;
	v->res.frames_page_ns = v->frames_area;
	rs_vm_result_mean(&v->res);
	r->result->anomalies[RS_ANOM_BEGIN_WITHOUT_END] += rs_invals_nr(v->invals);
	if ((r->opts.flags & RS_REPLAY_WIDTH) && rs_invals_nr_hit(v->invals))
		rs_open_end_epoch(r, v, v->res.end_ns);
	rs_open_sum_verdicts(r, v);
	rs_open_sum_widths(r, v);
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

	res->events = r->events;
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
	if (rs_result_lacks(res))
		goto no_memory;
	qsort(res->vms, res->nr_vms, sizeof(*res->vms), cmp_vm);
	r->result = NULL;
	return res;
no_memory:
	rs_error_nomem(err);
	errno = ENOMEM;
	return NULL;
}
