// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/report_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/write/units.h"
#include "base/textbuf.h"
#include "replay/replay.h"

#define COUNT(v) rs_format_count((v), (char[32]){ 0 }, 32)
/* Of the disagreements and mismatches kept; JSON has them all. */
#define MAX_PRINTED 5

static const char *share_of(uint64_t part, uint64_t base, char *buf, size_t size)
{
	return rs_format_share(base ? (double)part / (double)base : NAN, buf, size);
}

#define SHARE(part, base) share_of((part), (base), (char[32]){ 0 }, 32)

char *rs_part_vm_name(const struct rs_report *rep, uint32_t vm, char *buf, size_t size)
{
	const struct rs_vm_info *info = rs_meta_vm(rep->meta, vm);
	uint64_t vms = 0;

	for (size_t i = 0; i < rep->nr_sources; i++)
		vms += rep->sources[i].vms;
	if (rep->sources)
		snprintf(buf, size, "All %" PRIu64 " VMs of %zu traces together", vms,
			 rep->nr_sources);
	else if (info && info->pid && info->command)
		snprintf(buf, size, "VM %" PRIu32 " (pid %" PRId64 ", %s)", vm, info->pid,
			 info->command);
	else if (info && info->pid)
		snprintf(buf, size, "VM %" PRIu32 " (pid %" PRId64 ")", vm, info->pid);
	else
		snprintf(buf, size, "VM %" PRIu32, vm);
	return buf;
}

void rs_part_whole(struct rs_page *p, const struct rs_report *rep,
		   void (*put)(struct rs_page *p, const void *arg, const struct rs_vm_result *v,
			       const char *who),
		   const void *arg)
{
	const struct rs_result *r = rep->result;
	struct rs_vm_result sum;
	char who[128];

	if (!r->nr_vms) {
		rs_para(p, 0, 0, "The trace has no VM: nothing can be concluded.");
		return;
	}
	if (r->nr_vms == 1) {
		put(p, arg, &r->vms[0], rs_part_vm_name(rep, r->vms[0].vm, who, sizeof(who)));
		return;
	}
	if (rs_result_sum_vms(r, &sum)) {
		p->err = -ENOMEM;
		return;
	}
	snprintf(who, sizeof(who), "All %zu VMs together", r->nr_vms);
	put(p, arg, &sum, who);
	rs_vm_result_free(&sum, r->nr_algos);
}

char *rs_part_kernel_name(const struct rs_report *rep, char *buf, size_t size)
{
	const char *algo = rep->result->kernel_algo;
	const char *fact = rs_meta_fact(rep->meta, RS_FACT_KERNEL_ALGO);
	const char *by = fact && algo && !strcmp(fact, algo)
				 ? rs_meta_fact(rep->meta, RS_FACT_KERNEL_ALGO_BY)
				 : NULL;

	if (rep->sources && !rep->meta->kernel)
		snprintf(buf, size, "several kernels");
	else if (rep->meta->kernel && algo)
		snprintf(buf, size, "kernel %s (which runs %s%s%s)", rep->meta->kernel, algo,
			 by ? ", " : "", by ? by : "");
	else if (rep->meta->kernel)
		snprintf(buf, size, "kernel %s", rep->meta->kernel);
	else if (algo)
		snprintf(buf, size, "a kernel that runs %s%s%s", algo, by ? ", " : "",
			 by ? by : "");
	else
		snprintf(buf, size, "an unknown kernel");
	return buf;
}

void rs_part_headline(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		      const char *who)
{
	if (!v->checked)
		rs_para(p, 0, 0,
			"%s: no fault was checked, so nothing can be concluded about faults%s.",
			who, v->inval_hit ? "" : "; and no invalidation hit a memslot");
	else if (rep->result->counts_only)
		rs_para(p, 0, 0,
			"%s: %s fault%s checked. Counts only: how many of them had to be retried, "
			"and what was blocked, was not worked out.",
			who, COUNT(v->checked), v->checked == 1 ? "" : "s");
	else
		rs_para(p, 0, 0, "%s: %s fault%s checked, of which %s (%s) had to be retried%s.",
			who, COUNT(v->checked), v->checked == 1 ? "" : "s", COUNT(v->necessary),
			SHARE(v->necessary, v->checked),
			v->inval_hit ? "" : ", because no invalidation hit a memslot");
}

static uint64_t unjudged(const struct rs_result *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->nr_vms; i++)
		n += r->vms[i].unjudged;
	return n;
}

/* Of the losses, those of which no place in the stream is known. */
static uint64_t lost_anywhere(const struct rs_trace_meta *m)
{
	for (size_t i = 0; i < m->nr_anomalies; i++)
		if (!strcmp(m->anomalies[i].name, "lost-at-unknown-place"))
			return m->anomalies[i].count;
	return 0;
}

static bool caution_losses(struct rs_page *p, const struct rs_report *rep)
{
	uint64_t lost = rs_lost_events(rep->result, rep->meta);
	uint64_t left_out = unjudged(rep->result), unplaced = lost_anywhere(rep->meta);

	if (!lost && !rep->result->lost_marks && !left_out)
		return false;
	if (lost)
		rs_para(p, 0, 2, "LOST: at least %s events; places in the stream: %s.", COUNT(lost),
			COUNT(rep->result->lost_marks));
	else if (rep->result->lost_marks)
		rs_para(p, 0, 2, "LOST: an unknown number of events; places in the stream: %s.",
			COUNT(rep->result->lost_marks));
	if (unplaced)
		rs_para(p, 0, 2,
			"Where in the trace %s of these %s lost is not known: any fault may be "
			"misjudged.",
			COUNT(unplaced), unplaced == 1 ? "was" : "were");
	if (left_out)
		rs_para(p, 0, 2,
			"LEFT OUT: %s fault%s, for which losses leave it open what was in "
			"progress; no figure below counts them.",
			COUNT(left_out), left_out == 1 ? "" : "s");
	return true;
}

/* Of the VM that was left out the most often: they pause together, but not all are there at once.
 */
static bool caution_pauses(struct rs_page *p, const struct rs_result *r)
{
	const struct rs_vm_result *v = NULL;
	char recorded[32], whole[32];

	for (size_t i = 0; i < r->nr_vms; i++)
		if (r->vms[i].pauses > (v ? v->pauses : 0))
			v = &r->vms[i];
	if (!v)
		return false;
	rs_format_time((double)rs_vm_duration_ns(v), recorded, sizeof(recorded));
	rs_format_time((double)(v->end_ns - v->begin_ns), whole, sizeof(whole));
	rs_para(p, 0, 2,
		"IN PIECES: the recording paused %s time%s%s%s%s%s. Each piece is judged for "
		"itself; nothing is known of the time between, and no figure counts it.",
		COUNT(v->pauses), v->pauses == 1 ? "" : "s", v->paused_ns ? ", and has " : "",
		v->paused_ns ? recorded : "", v->paused_ns ? " of " : "",
		v->paused_ns ? whole : "");
	return true;
}

/* "name (count), ..." of those that occurred, for the caller to free; NULL: no memory. */
static char *anomalies_text(const struct rs_report *rep)
{
	struct rs_anomaly_count *list;
	const char *sep = "";
	char *text = NULL;
	size_t nr, size;
	FILE *f;

	list = rs_anomalies_list(rep->result, rep->meta, &nr);
	f = list ? rs_textbuf_open(&text, &size) : NULL;
	for (size_t i = 0; f && i < nr; i++) {
		if (!list[i].count)
			continue;
		fprintf(f, "%s%s (%s)", sep, list[i].name, COUNT(list[i].count));
		sep = ", ";
	}
	free(list);
	if (f && fclose(f)) {
		free(text);
		text = NULL;
	}
	return text;
}

static bool caution_anomalies(struct rs_page *p, const struct rs_report *rep)
{
	char *text = anomalies_text(rep);
	bool any = text && *text;

	if (!text)
		p->err = -ENOMEM;
	if (any)
		rs_para(p, 0, 2, "ANOMALIES, explained in retryscope-info(1): %s.", text);
	free(text);
	return any;
}

/* The facts "without.EVENT" of the importer. */
static void list_missing(struct rs_page *p, const struct rs_trace_meta *m)
{
	for (size_t i = 0; i < m->nr_facts; i++)
		if (!strncmp(m->facts[i].key, "without.", 8))
			rs_para(p, 2, 4, "Without %s: %s.", m->facts[i].key + 8, m->facts[i].value);
}

static bool caution_level(struct rs_page *p, const struct rs_trace_meta *m)
{
	if (!m->level || !strcmp(m->level, "full"))
		return false;
	if (!strcmp(m->level, "tracepoints"))
		rs_para(p, 0, 2,
			"LEVEL: tracepoints only. The trace has neither the kernel's decisions "
			"nor the ends of invalidations.");
	else
		rs_para(p, 0, 2, "LEVEL: %s. The trace lacks some of the probe points.", m->level);
	list_missing(p, m);
	return true;
}

bool rs_part_cautions(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_trace_meta *m = rep->meta;
	bool any = caution_level(p, m);

	p->wrong = true;
	any |= caution_losses(p, rep);
	p->wrong = false;
	any |= caution_pauses(p, rep->result);
	for (size_t i = 0; i < m->nr_assumptions; i++) {
		any = true;
		rs_para(p, 0, 2, "ASSUMED: %s", m->assumptions[i]);
	}
	p->wrong = true;
	any |= caution_anomalies(p, rep);
	p->wrong = false;
	return any;
}

static const char *reason_of(const char *algo)
{
	const struct rs_algo_info *info = rs_algo_info_of(algo);

	return info ? info->misses : NULL;
}

/* The reasons, each once, with the names that it is of. */
static void put_reasons(struct rs_page *p, const struct rs_vm_result *v, size_t nr_algos)
{
	for (size_t i = 0; i < nr_algos; i++) {
		const char *reason = v->algos[i].missed ? reason_of(v->algos[i].name) : NULL;
		char names[256] = "";
		size_t used = 0;

		for (size_t k = 0; reason && k < nr_algos; k++) {
			const struct rs_algo_result *a = &v->algos[k];
			const char *same = a->missed ? reason_of(a->name) : NULL;

			if (!same || strcmp(same, reason))
				continue;
			if (k < i) /* said there */
				reason = NULL;
			else if (used < sizeof(names))
				used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
							 used ? ", " : "", a->name);
		}
		if (reason)
			rs_para(p, 0, 0, "Why (%s): %s.", names, reason);
	}
}

bool rs_part_missed(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	bool any = false;

	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];

		if (!a->missed)
			continue;
		any = p->wrong = true;
		rs_para(p, 0, 0,
			"%s missed %s fault%s that had to be retried: this algorithm would have "
			"been wrong.%s",
			a->name, COUNT(a->missed), a->missed == 1 ? "" : "s",
			a->merged ? " But a kernel runs it: the trace is anomalous, or this "
				    "tool is wrong."
				  : "");
	}
	p->wrong = false;
	put_reasons(p, v, rep->result->nr_algos);
	return any;
}

static void put_disagreements(struct rs_page *p, const struct rs_vm_result *v)
{
	char at[32];

	for (size_t i = 0; i < v->nr_disagreements && i < MAX_PRINTED; i++) {
		const struct rs_disagreement *d = &v->disagreements[i];

		rs_para(p, 2, 4,
			"event %" PRIu64 " at %s: vCPU %" PRIu32 ", gfn 0x%" PRIx64
			"%s: kernel %s, model %s",
			d->event,
			rs_format_time((double)(d->time_ns - v->begin_ns), at, sizeof(at)), d->vcpu,
			d->gfn, d->lockless ? " (without the lock)" : "",
			rs_result_name(d->kernel_result), rs_result_name(d->model_result));
	}
	if (v->nr_disagreements > MAX_PRINTED)
		rs_para(p, 2, 4, "... and more: --format json lists %zu.", v->nr_disagreements);
}

static void put_words(struct rs_page *p, const char *who, const uint64_t *w)
{
	rs_para(p, 4, 6,
		"%s: seq %" PRIu64 ", in progress %" PRIu64 ", range 0x%" PRIx64 "-0x%" PRIx64, who,
		w[0], w[1], w[2], w[3]);
}

static void put_mismatches(struct rs_page *p, const struct rs_vm_result *v)
{
	char at[32];

	for (size_t i = 0; i < v->nr_mismatches && i < MAX_PRINTED; i++) {
		const struct rs_state_mismatch *m = &v->mismatches[i];

		rs_para(p, 2, 4, "event %" PRIu64 " at %s:", m->event,
			rs_format_time((double)(m->time_ns - v->begin_ns), at, sizeof(at)));
		put_words(p, "kernel", m->kernel);
		put_words(p, "model", m->model);
	}
	if (v->nr_mismatches > MAX_PRINTED)
		rs_para(p, 2, 4, "... and more: --format json lists %zu.", v->nr_mismatches);
}

static void put_decisions(struct rs_page *p, const struct rs_algo_result *own)
{
	if (!own->locked.known && !own->lockless.known)
		rs_para(p, 0, 2,
			"The trace does not tell what the kernel decided, so the model could not "
			"be checked against it.");
	p->wrong = own->locked.same < own->locked.known;
	if (own->locked.known)
		rs_para(p, 0, 2,
			"The model's %s agrees with the kernel in %s of %s locked "
			"decisions (%s).",
			own->name, COUNT(own->locked.same), COUNT(own->locked.known),
			SHARE(own->locked.same, own->locked.known));
	p->wrong = own->lockless.same < own->lockless.known;
	if (own->lockless.known)
		rs_para(p, 0, 2,
			"Without the lock, where the kernel's own test is racy, it agrees in %s "
			"of %s (%s).",
			COUNT(own->lockless.same), COUNT(own->lockless.known),
			SHARE(own->lockless.same, own->lockless.known));
	p->wrong = false;
}

void rs_part_agreement(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	const char *algo = rep->result->kernel_algo;
	const struct rs_algo_result *own = rs_vm_algo(rep->result, v, algo);

	if (!algo && rep->sources)
		rs_para(p, 0, 2,
			"The traced kernels do not all run the same algorithm; the table of "
			"traces says how the model agrees with each.");
	else if (!algo)
		rs_para(p, 0, 2,
			"Which algorithm the traced kernel runs is not known (--kernel-algo names "
			"it), so the model was not checked against the kernel.");
	else if (own)
		put_decisions(p, own);
	else
		rs_para(p, 0, 2,
			"The traced kernel runs %s, which is not among the chosen algorithms.",
			algo);
	p->wrong = true;
	put_disagreements(p, v);
	p->wrong = v->state_equal < v->state_compared;
	if (v->state_compared)
		rs_para(p, 0, 2,
			"Its state (count, sequence, range) equals the kernel's in %s of %s "
			"comparisons (%s).",
			COUNT(v->state_equal), COUNT(v->state_compared),
			SHARE(v->state_equal, v->state_compared));
	put_mismatches(p, v);
	p->wrong = false;
}

static void put_invalidations(struct rs_page *p, const struct rs_vm_result *v)
{
	char p50[32], p99[32], max[32];

	rs_para(p, 0, 2,
		"Invalidations: %s hit a memslot (%s of them without host addresses), %s did "
		"not; at most %s in progress at once.",
		COUNT(v->inval_hit), COUNT(v->inval_gfn), COUNT(v->inval_no_hit),
		COUNT(v->max_outstanding));
	if (v->inval_ns.weight && rs_hist_whole(&v->inval_ns))
		rs_para(p, 2, 2, "They lasted %s (p50), %s (p99), %s (max).",
			rs_format_time((double)rs_hist_quantile(&v->inval_ns, 0.5), p50,
				       sizeof(p50)),
			rs_format_time((double)rs_hist_quantile(&v->inval_ns, 0.99), p99,
				       sizeof(p99)),
			rs_format_time((double)v->inval_ns.max, max, sizeof(max)));
}

/* Where there is none, there is nothing to be said. */
static void put_private(struct rs_page *p, const struct rs_vm_result *v)
{
	if (v->private_faults || v->inval_private)
		rs_para(p, 0, 2,
			"Private memory: %s of the faults checked %s on it; %s invalidation%s "
			"concerned private mappings alone.",
			COUNT(v->private_faults), v->private_faults == 1 ? "was" : "were",
			COUNT(v->inval_private), v->inval_private == 1 ? "" : "s");
}

static void put_unchecked(struct rs_page *p, const struct rs_vm_result *v)
{
	const struct {
		const char *text;
		uint64_t count;
	} kinds[] = {
		{ "ended without a check (fast path, MMIO ...)", v->ended },
		{ "checked without a memslot", v->no_memslot },
		{ "memslot being deleted or moved", v->slot_invalid },
		{ "page table root obsolete", v->root_obsolete },
		{ "async page fault", v->async },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].count)
			continue;
		if (!any)
			rs_para(p, 0, 2, "Faults that are no part of the checked:");
		rs_para(p, 2, 4, "%s %s", COUNT(kinds[i].count), kinds[i].text);
		any = true;
	}
}

void rs_part_contents(struct rs_page *p, const struct rs_vm_result *v)
{
	rs_para(p, 0, 2,
		"Memslots: at most %s at once with %s frames (4 KiB), of which %s share their "
		"host page with another frame.",
		COUNT(v->memslots), COUNT(v->frames), COUNT(v->aliased_frames));
	put_invalidations(p, v);
	put_private(p, v);
	put_unchecked(p, v);
}
