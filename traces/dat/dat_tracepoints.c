// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_tracepoints.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

#define THE_VM 1

/* A fault that is decided when its vCPU next enters the guest. */
struct vcpu {
	bool seen, faulting;
	uint32_t pid;
};

struct end {
	uint64_t time_ns, id;
};

struct rs_dat_tp {
	const struct rs_dat_probes *probes;
	struct rs_dat_names *names;
	struct rs_trace_meta *meta;
	uint64_t duration_ns;
	struct rs_event *memslots;
	size_t nr_memslots, room_memslots;
	bool facts_only; /* nothing is assumed, and events are counted alone */
	uint64_t nr_faults, nr_unmaps;
	bool started;
	uint64_t now_ns;
	unsigned int gaps; /* that last */
	uint64_t gap_mark_ns;

	struct end *ends; /* ring: all last equally long, so they end as they began */
	uint64_t first, tail, mask;
	struct vcpu *vcpus;
	size_t nr_vcpus;
};

static bool facts_only(const struct rs_reader_opts *opts)
{
	return opts->facts_do && !opts->assume_duration_ns && !opts->memslots_path;
}

static int check_opts(const struct rs_dat_probes *probes, const struct rs_reader_opts *opts,
		      struct rs_error *err)
{
	if (!rs_dat_has(probes, RS_DAT_TP_PAGE_FAULT) || !rs_dat_has(probes, RS_DAT_TP_UNMAP_HVA))
		return rs_error_set(
			err, RS_ERR_INPUT, EINVAL,
			"trace.dat: neither the probe events of 'retryscope record' nor "
			"both of the tracepoints kvm:kvm_page_fault and "
			"kvm:kvm_unmap_hva_range are in this trace");
	if (facts_only(opts) || (opts->assume_duration_ns && opts->memslots_path))
		return 0;
	return rs_error_set(err, RS_ERR_INPUT, EINVAL,
			    "trace.dat: only KVM's tracepoints are in this trace: the ends of the "
			    "invalidations, the decisions and the memslots are missing. To replay "
			    "it on assumptions, give %s%s%s",
			    opts->assume_duration_ns ? ""
						     : "--assume-duration TIME (how long an "
						       "invalidation lasts)",
			    opts->assume_duration_ns || opts->memslots_path ? "" : " and ",
			    opts->memslots_path ? "" : "--memslots FILE (memslot lines as text)");
}

static int add_memslot(void *arg, const struct rs_event *ev, struct rs_error *err)
{
	struct rs_dat_tp *tp = arg;

	if (ev->type != RS_EV_MEMSLOT) {
		rs_error_set(err, RS_ERR_INPUT, EINVAL,
			     "only memslot lines are expected here, not %s",
			     rs_event_name(ev->type));
		return -EINVAL;
	}
	if (RS_ROOM(tp->memslots, tp->room_memslots, tp->nr_memslots + 1))
		return rs_error_nomem(err);
	tp->memslots[tp->nr_memslots] = *ev;
	tp->memslots[tp->nr_memslots++].vm = THE_VM;
	return 0;
}

static int say_assumptions(const struct rs_dat_tp *tp, const char *path)
{
	char duration[128], memslots[512];
	const char *decided =
		rs_dat_has(tp->probes, RS_DAT_TP_ENTRY)
			? "A fault is assumed to be decided when its vCPU next enters the guest."
			: "A fault is assumed to be decided at the moment at which it is recorded.";
	int ret;

	snprintf(duration, sizeof(duration),
		 "Every invalidation is assumed to last %" PRIu64 " ns: the trace has no ends.",
		 tp->duration_ns);
	snprintf(memslots, sizeof(memslots),
		 "The memslots are those of %s for the whole trace, which has none.", path);
	ret = rs_meta_add_assumption(tp->meta, duration);
	if (!ret)
		ret = rs_meta_add_assumption(tp->meta, memslots);
	if (!ret)
		ret = rs_meta_add_assumption(tp->meta, decided);
	return ret ? ret
		   : rs_meta_add_assumption(tp->meta, "All events are assumed to be of one VM.");
}

struct rs_dat_tp *rs_dat_tp_new(const struct rs_dat_probes *probes,
				const struct rs_reader_opts *opts, struct rs_dat_names *names,
				struct rs_trace_meta *meta, struct rs_error *err)
{
	int ret = check_opts(probes, opts, err);
	struct rs_dat_tp *tp = ret ? NULL : calloc(1, sizeof(*tp));

	if (!ret && !tp)
		ret = rs_error_nomem(err);
	if (!ret) {
		tp->probes = probes;
		tp->meta = meta;
		tp->names = names;
		tp->duration_ns = opts->assume_duration_ns;
		tp->facts_only = facts_only(opts);
		ret = tp->facts_only ? 0
				     : opts->each_event(opts->memslots_path, add_memslot, tp, err);
	}
	if (!ret && !tp->facts_only && say_assumptions(tp, opts->memslots_path))
		ret = rs_error_nomem(err);
	if (!ret)
		return tp;
	rs_dat_tp_free(tp);
	errno = -ret;
	return NULL;
}

void rs_dat_tp_free(struct rs_dat_tp *tp)
{
	if (!tp)
		return;
	free(tp->memslots);
	free(tp->ends);
	free(tp->vcpus);
	free(tp);
}

void rs_dat_tp_rewind(struct rs_dat_tp *tp)
{
	tp->started = false;
	tp->first = tp->tail = 0;
	tp->nr_faults = tp->nr_unmaps = 0;
	tp->gaps = 0;
	tp->gap_mark_ns = 0;
	free(tp->vcpus);
	tp->vcpus = NULL;
	tp->nr_vcpus = 0;
}

static int add_event(struct rs_dat_events *out, struct rs_event ev)
{
	ev.vm = THE_VM;
	return rs_dat_events_add(out, &ev);
}

static int start(struct rs_dat_tp *tp, uint64_t time_ns, struct rs_dat_events *out)
{
	int ret = rs_meta_add_vm(tp->meta, THE_VM, 0, NULL);

	tp->started = true;
	for (size_t i = 0; i < tp->nr_memslots && !ret; i++) {
		struct rs_event ev = tp->memslots[i];

		ev.time_ns = time_ns;
		ret = add_event(out, ev);
	}
	return ret;
}

/* ---- invalidations ---- */

/* The ends that are due by @time_ns. */
static int put_ends(struct rs_dat_tp *tp, uint64_t time_ns, struct rs_dat_events *out)
{
	int ret = 0;

	while (!ret && tp->first < tp->tail && tp->ends[tp->first & tp->mask].time_ns <= time_ns) {
		const struct end *e = &tp->ends[tp->first++ & tp->mask];

		ret = add_event(out, (struct rs_event){
					     .time_ns = e->time_ns,
					     .type = RS_EV_INVAL_END,
					     .inval.id = e->id,
				     });
	}
	return ret;
}

static int grow_ends(struct rs_dat_tp *tp)
{
	const uint64_t mask = tp->ends ? 2 * tp->mask + 1 : 1023;
	struct end *ends = malloc((mask + 1) * sizeof(*ends));

	if (!ends)
		return -ENOMEM;
	for (uint64_t i = tp->first; i < tp->tail; i++)
		ends[i & mask] = tp->ends[i & tp->mask];
	free(tp->ends);
	tp->ends = ends;
	tp->mask = mask;
	return 0;
}

static int on_unmap(struct rs_dat_tp *tp, const struct rs_dat_probe *e, struct rs_dat_events *out)
{
	const uint64_t end_ns = e->time + tp->duration_ns;
	const uint64_t id = tp->tail + 1;
	uint32_t who;

	if (rs_dat_names_of(tp->names, e->pid, RS_DAT_WHY_OTHER, &who) ||
	    ((!tp->ends || tp->tail - tp->first > tp->mask) && grow_ends(tp)))
		return -ENOMEM;
	tp->ends[tp->tail++ & tp->mask] =
		(struct end){ end_ns < e->time ? UINT64_MAX : end_ns, id };
	return add_event(out, (struct rs_event){
				      .time_ns = e->time,
				      .type = RS_EV_INVAL_BEGIN,
				      .inval.who = who,
				      .inval.id = id,
				      .inval.start = V(e, START),
				      .inval.end = V(e, END),
			      });
}

/* ---- faults ---- */

static struct vcpu *find_vcpu(struct rs_dat_tp *tp, uint64_t n)
{
	return RS_ROOM_ZEROED(tp->vcpus, tp->nr_vcpus, n + 1) ? NULL : &tp->vcpus[n];
}

static int put_check(struct vcpu *vcpu, uint64_t n, uint64_t time_ns, struct rs_dat_events *out)
{
	if (!vcpu->faulting)
		return 0;
	vcpu->faulting = false;
	return add_event(out, (struct rs_event){
				      .time_ns = time_ns,
				      .type = RS_EV_FAULT_CHECK,
				      .fault.vcpu = (uint32_t)n,
			      });
}

static int on_fault(struct rs_dat_tp *tp, struct vcpu *vcpu, const struct rs_dat_probe *e,
		    uint64_t n, struct rs_dat_events *out)
{
	uint32_t who = 0;
	int ret = put_check(vcpu, n, e->time, out);

	if (!ret)
		ret = rs_dat_names_of(tp->names, e->pid, RS_DAT_WHY_FAULT, &who);
	if (!ret && vcpu->seen && vcpu->pid != e->pid)
		ret = rs_meta_add_anomaly(tp->meta, "vcpu-of-several-tasks", 1);
	vcpu->seen = true;
	vcpu->pid = e->pid;
	vcpu->faulting = true;
	if (!ret)
		ret = add_event(out, (struct rs_event){
					     .time_ns = e->time,
					     .type = RS_EV_FAULT_BEGIN,
					     .fault.vcpu = (uint32_t)n,
					     .fault.who = who,
					     .fault.gfn = V(e, TP_ADDRESS) >> RS_PAGE_SHIFT,
				     });
	if (ret || rs_dat_has(tp->probes, RS_DAT_TP_ENTRY))
		return ret;
	return put_check(vcpu, n, e->time, out);
}

static int on_vcpu(struct rs_dat_tp *tp, const struct rs_dat_probe *e, struct rs_dat_events *out)
{
	/* Older kernels do not say which vCPU: its task does as well. */
	const bool known = e->has & (1U << RS_DAT_F_TP_VCPU);
	const uint64_t n = known ? V(e, TP_VCPU) : e->pid % (RS_MAX_VCPU + 1);
	struct vcpu *vcpu;

	if (n > RS_MAX_VCPU)
		return rs_meta_add_anomaly(tp->meta, "vcpu-too-large", 1);
	vcpu = find_vcpu(tp, n);
	if (!vcpu)
		return -ENOMEM;
	return e->kind == RS_DAT_TP_ENTRY ? put_check(vcpu, n, e->time, out)
					  : on_fault(tp, vcpu, e, n, out);
}

static int put_loss(struct rs_dat_tp *tp, uint64_t count, uint8_t flags, struct rs_dat_events *out)
{
	tp->first = tp->tail;
	for (size_t i = 0; i < tp->nr_vcpus; i++)
		tp->vcpus[i].faulting = false;
	tp->gap_mark_ns = tp->now_ns;
	return add_event(out, (struct rs_event){
				      .time_ns = tp->now_ns,
				      .type = RS_EV_LOST,
				      .flags = flags,
				      .lost.count = count,
			      });
}

static int on_gap(struct rs_dat_tp *tp, const struct rs_dat_probe *e, struct rs_dat_events *out)
{
	if (e->kind == RS_DAT_KIND_GAP_BEGIN)
		tp->gaps++;
	else
		tp->gaps -= !!tp->gaps;
	if (e->missed == UINT64_MAX && rs_meta_add_anomaly(tp->meta, "lost-unknown-number", 1))
		return -ENOMEM;
	if (e->missed != UINT64_MAX)
		tp->meta->lost += e->missed;
	return !tp->started || tp->facts_only ? 0 : put_loss(tp, e->missed, 0, out);
}

int rs_dat_tp_seam(struct rs_dat_tp *tp, bool pause, uint64_t time_ns, struct rs_dat_events *out)
{
	int ret;

	if (!tp->started || tp->facts_only)
		return 0;
	tp->now_ns = time_ns;
	ret = put_ends(tp, time_ns, out);
	return ret ? ret : put_loss(tp, 0, pause ? RS_F_PAUSE : RS_F_RESUME, out);
}

int rs_dat_tp_put(struct rs_dat_tp *tp, const struct rs_dat_probe *e, struct rs_dat_events *out)
{
	int ret;

	/* A gap is told of when it is over: its begin is in the past. */
	if (e->kind == RS_DAT_KIND_GAP_BEGIN || e->kind == RS_DAT_KIND_GAP_END)
		return on_gap(tp, e, out);
	tp->now_ns = e->time;
	tp->nr_faults += e->kind == RS_DAT_TP_PAGE_FAULT;
	tp->nr_unmaps += e->kind == RS_DAT_TP_UNMAP_HVA;
	if (tp->facts_only)
		return 0;
	ret = tp->started ? 0 : start(tp, e->time, out);
	if (!ret)
		ret = put_ends(tp, e->time, out);
	if (!ret && tp->gaps && e->time > tp->gap_mark_ns + RS_DAT_GAP_MARK_NS)
		ret = put_loss(tp, 0, 0, out);
	if (ret)
		return ret;
	switch (e->kind) {
	case RS_DAT_TP_UNMAP_HVA:
		return on_unmap(tp, e, out);
	case RS_DAT_TP_PAGE_FAULT:
	case RS_DAT_TP_ENTRY:
		return on_vcpu(tp, e, out);
	default:
		return 0;
	}
}

static int add_count(struct rs_dat_tp *tp, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return rs_meta_add_fact(tp->meta, key, text);
}

int rs_dat_tp_finish(struct rs_dat_tp *tp, struct rs_dat_events *out)
{
	if (add_count(tp, "tracepoints.faults", tp->nr_faults) ||
	    add_count(tp, "tracepoints.invalidations", tp->nr_unmaps))
		return -ENOMEM;
	return put_ends(tp, UINT64_MAX, out);
}
