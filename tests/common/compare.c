// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/compare.h"

_Static_assert(RS_NR_CAUSES == NAIVE_NR_CAUSES, "the causes of model.md");
_Static_assert((int)RS_CAUSE_STALE == NAIVE_STALE, "in the same order");
/* The last one is about STATE records, which are no events of the model. */
_Static_assert((int)RS_ANOM_STATE_UNEQUAL == NAIVE_NR_ANOMALIES, "in the same order");

#define MAX_REPORTED 20

/* Where differences go, and where we are: "vm 1 gfn". */
struct diff {
	FILE *f;
	size_t found;
	char where[64];
};

static void differ(struct diff *d, const char *what, const char *naive, const char *engine)
{
	if (d->f && d->found < MAX_REPORTED)
		fprintf(d->f, "%s %s: naive %s, engine %s\n", d->where, what, naive, engine);
	d->found++;
}

static const char *decimal(unsigned __int128 v, char *buf, size_t size)
{
	char *p = buf + size;

	*--p = 0;
	do {
		*--p = '0' + (int)(v % 10);
		v /= 10;
	} while (v);
	return p;
}

static void equal(struct diff *d, const char *what, unsigned __int128 naive,
		  unsigned __int128 engine)
{
	char a[48], b[48];

	if (naive != engine)
		differ(d, what, decimal(naive, a, sizeof(a)), decimal(engine, b, sizeof(b)));
}

static void equal_dist(struct diff *d, const char *what, const struct naive_dist *naive,
		       const struct rs_hist *engine)
{
	char name[64];

	snprintf(name, sizeof(name), "%s weight", what);
	equal(d, name, naive->weight, engine->weight);
	snprintf(name, sizeof(name), "%s total", what);
	equal(d, name, naive->total, engine->total);
	if (!naive->weight || !engine->weight)
		return;
	snprintf(name, sizeof(name), "%s min", what);
	equal(d, name, naive->min, engine->min);
	snprintf(name, sizeof(name), "%s max", what);
	equal(d, name, naive->max, engine->max);
}

static void equal_pieces(struct diff *d, const char *name, const struct naive_pieces *n,
			 const struct rs_piece_sums *e)
{
	equal(d, name, n->sum, e->sum);
	equal(d, name, n->squares, e->squares);
	equal(d, name, n->by_checked, e->by_checked);
}

static void equal_algo(struct diff *d, const struct naive_algo *n, const struct rs_algo_result *e)
{
	equal(d, "rejected", n->rejected, e->rejected);
	equal(d, "spurious", n->spurious, e->spurious);
	equal(d, "missed", n->missed, e->missed);
	equal_pieces(d, "rejected by piece", &n->piece_rejected, &e->piece_rejected);
	equal_pieces(d, "spurious by piece", &n->piece_spurious, &e->piece_spurious);
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		equal(d, rs_cause_name(c), n->causes[c], e->causes[c]);
	equal(d, "blocked page_ns", n->blocked_page_ns, e->blocked_page_ns);
	equal(d, "blocked max", n->blocked_max, e->blocked_max);
	equal(d, "locked known", n->known[0], e->locked.known);
	equal(d, "locked same", n->same[0], e->locked.same);
	equal(d, "lockless known", n->known[1], e->lockless.known);
	equal(d, "lockless same", n->same[1], e->lockless.same);
	equal_dist(d, "blocked_epoch", &n->blocked_epoch, &e->blocked_epoch);
	equal_dist(d, "widening_epoch", &n->widening_epoch, &e->widening_epoch);
	equal_dist(d, "widening_time", &n->widening_time, &e->widening_time);
}

static void equal_vm(struct diff *d, const struct naive_vm *n, const struct rs_vm_result *e)
{
	equal(d, "begin_ns", n->begin_ns, e->begin_ns);
	equal(d, "end_ns", n->end_ns, e->end_ns);
	equal(d, "pauses", n->pauses, e->pauses);
	equal(d, "paused_ns", n->paused_ns, e->paused_ns);
	equal(d, "pieces", n->pieces, e->pieces);
	equal(d, "checked by piece", n->piece_checked.sum, e->piece_checked);
	equal(d, "its squares", n->piece_checked.squares, e->piece_squares);
	equal(d, "memslots", n->memslots, e->memslots);
	equal(d, "frames", n->frames, e->frames);
	equal(d, "aliased_frames", n->aliased_frames, e->aliased_frames);
	equal(d, "inval_hit", n->inval_hit, e->inval_hit);
	equal(d, "inval_no_hit", n->inval_no_hit, e->inval_no_hit);
	equal(d, "inval_gfn", n->inval_gfn, e->inval_gfn);
	equal(d, "inval_private", n->inval_private, e->inval_private);
	equal(d, "private_faults", n->private_faults, e->private_faults);
	equal(d, "max_outstanding", n->max_outstanding, e->max_outstanding);
	equal(d, "checked", n->checked, e->checked);
	equal(d, "checked_lockless", n->checked_lockless, e->checked_lockless);
	equal(d, "necessary", n->necessary, e->necessary);
	equal(d, "no_memslot", n->no_memslot, e->no_memslot);
	equal(d, "ended", n->ended, e->ended);
	equal(d, "unjudged", n->unjudged, e->unjudged);
	equal(d, "slot_invalid", n->slot_invalid, e->slot_invalid);
	equal(d, "root_obsolete", n->root_obsolete, e->root_obsolete);
	equal(d, "async", n->async, e->async);
	equal(d, "epochs", n->epoch_ns.weight, e->epochs);
	equal_dist(d, "inval_ns", &n->inval_ns, &e->inval_ns);
	equal_dist(d, "epoch_ns", &n->epoch_ns, &e->epoch_ns);
	equal_dist(d, "epoch_invals", &n->epoch_invals, &e->epoch_invals);
}

static void equal_judged(struct diff *d, const struct naive_judged *n, const struct naive_judged *e,
			 size_t nr_algos)
{
	equal(d, "begin_ns", n->begin_ns, e->begin_ns);
	equal(d, "time_ns", n->time_ns, e->time_ns);
	equal(d, "gfn", n->gfn, e->gfn);
	equal(d, "vm", n->vm, e->vm);
	equal(d, "vcpu", n->vcpu, e->vcpu);
	equal(d, "as", n->as, e->as);
	equal(d, "result", n->result, e->result);
	equal(d, "lockless", n->lockless, e->lockless);
	equal(d, "necessary", n->necessary, e->necessary);
	for (size_t i = 0; i < nr_algos; i++) {
		char what[64];

		snprintf(what, sizeof(what), "verdict of algorithm %zu (vcpu %u gfn 0x%" PRIx64 ")",
			 i, n->vcpu, n->gfn);
		equal(d, what, n->rejected[i], e->rejected[i]);
		snprintf(what, sizeof(what), "begin + 1 of whom algorithm %zu blames", i);
		equal(d, what, n->blamed_since[i], e->blamed_since[i]);
		snprintf(what, sizeof(what), "id of whom algorithm %zu blames", i);
		equal(d, what, n->blamed_id[i], e->blamed_id[i]);
	}
}

const struct rs_vm_result *engine_vm(const struct rs_result *r, uint32_t vm)
{
	for (size_t i = 0; i < r->nr_vms; i++)
		if (r->vms[i].vm == vm)
			return &r->vms[i];
	return NULL;
}

static void equal_vms(struct diff *d, const struct naive_result *n, const struct rs_result *e)
{
	equal(d, "VMs", n->nr_vms, e->nr_vms);
	for (size_t i = 0; i < n->nr_vms; i++) {
		const struct naive_vm *v = &n->vms[i];
		const struct rs_vm_result *w = engine_vm(e, v->vm);

		snprintf(d->where, sizeof(d->where), "vm %u", v->vm);
		if (!w) {
			differ(d, "VM", "there", "missing");
			continue;
		}
		equal_vm(d, v, w);
		for (size_t a = 0; a < n->nr_algos; a++) {
			snprintf(d->where, sizeof(d->where), "vm %u %s", v->vm, v->algos[a].name);
			equal_algo(d, &v->algos[a], &w->algos[a]);
		}
	}
}

bool compare_results(const struct naive_result *n, const struct engine_run *e, FILE *f)
{
	struct diff d = { .f = f, .where = "stream" };

	equal(&d, "events", n->events, e->res->events);
	equal(&d, "lost", n->lost, e->res->lost);
	equal(&d, "lost_marks", n->lost_marks, e->res->lost_marks);
	for (unsigned int i = 0; i < NAIVE_NR_ANOMALIES; i++)
		equal(&d, rs_anomaly_name(i), n->anomalies[i], e->res->anomalies[i]);
	equal(&d, "algorithms", n->nr_algos, e->res->nr_algos);
	if (!d.found)
		equal_vms(&d, n, e->res);
	snprintf(d.where, sizeof(d.where), "judged");
	equal(&d, "checks", n->nr_judged, e->nr_judged);
	for (size_t i = 0; i < n->nr_judged && i < e->nr_judged; i++) {
		snprintf(d.where, sizeof(d.where), "check %zu", i);
		equal_judged(&d, &n->judged[i], &e->judged[i], n->nr_algos);
	}
	return !d.found;
}

static size_t comma_count(const char *list)
{
	size_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

struct recorder {
	struct engine_run *run;
	size_t nr_algos;
};

static void record(void *arg, const struct rs_judged *j)
{
	struct recorder *rec = arg;
	struct engine_run *r = rec->run;
	struct naive_judged n = { .begin_ns = j->begin_ns,
				  .time_ns = j->time_ns,
				  .gfn = j->gfn,
				  .vm = j->vm,
				  .vcpu = j->vcpu,
				  .as = j->as,
				  .result = j->result,
				  .lockless = j->lockless,
				  .necessary = j->necessary };

	memcpy(n.rejected, j->rejected, rec->nr_algos);
	for (size_t i = 0; i < rec->nr_algos; i++) {
		const struct rs_blamed *by = &j->blame[i].by;

		n.blamed_since[i] = by->number ? by->begin_ns + 1 : 0;
		n.blamed_id[i] = by->id;
	}
	if (!(r->nr_judged & (r->nr_judged - 1)))
		r->judged = realloc(r->judged,
				    (r->nr_judged ? 2 * r->nr_judged : 1) * sizeof(*r->judged));
	if (!r->judged)
		abort();
	r->judged[r->nr_judged++] = n;
}

static void refused(const struct rs_error *err)
{
	fprintf(stderr, "the engine refuses: %s\n", err->text);
	abort();
}

struct engine_run engine_run(const struct stream *s, const char *algos, size_t piece,
			     const char *kernel_algo)
{
	struct engine_run run = { 0 };
	struct recorder rec = { &run, comma_count(algos) };
	struct rs_observer obs = { .arg = &rec, .judged = record };
	struct rs_replay_opts opts = { .algos = algos,
				       .flags = RS_REPLAY_ALL | RS_REPLAY_BLAME,
				       .kernel_algo = kernel_algo,
				       .observer = &obs };
	struct rs_error err = { 0 };
	struct rs_replay *r = rs_replay_new(&opts, &err);

	if (!r)
		refused(&err);
	if (!piece)
		piece = s->n;
	for (size_t i = 0; i < s->n; i += piece)
		if (rs_replay_feed(r, s->v + i, s->n - i < piece ? s->n - i : piece, &err))
			refused(&err);
	run.res = rs_replay_finish(r, &err);
	if (!run.res)
		refused(&err);
	rs_replay_free(r);
	return run;
}

void engine_free(struct engine_run *e)
{
	rs_result_free(e->res);
	free(e->judged);
	memset(e, 0, sizeof(*e));
}

bool compare_stream(const struct stream *s, const char *algos, FILE *f)
{
	struct naive_result *n = naive_run(s->v, s->n, algos);
	struct engine_run e = engine_run(s, algos, 0, NULL);
	bool same = n && compare_results(n, &e, f);

	naive_free(n);
	engine_free(&e);
	return same;
}
