// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/faults/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/table.h"

/* The fault of a vCPU that may go on. */
struct chain {
	struct rs_fault_row row;
	bool open, goes_on;
	uint64_t losses; /* of its VM, when it was tried last */
};

/* What was lost of a VM: no attempt is known to follow another across that. */
struct loss {
	uint32_t vm;
	uint64_t nr;
};

/* Most traces have one VM of no more vCPUs. */
#define NR_LATEST 64

struct rs_faults {
	struct rs_observer observer;
	struct rs_faults_opts opts;
	struct chain *chains;
	size_t nr_chains;
	struct rs_hash by_vcpu;	    /* of @chains */
	uint32_t latest[NR_LATEST]; /* of @chains: by vCPU, what was asked for last */
	struct loss *losses;
	size_t nr_losses;
	struct rs_hash by_vm; /* of @losses */
	/* Not by time: a heap, whose root is the first that has to go, of @limit at most. */
	struct rs_fault_row *kept;
	size_t nr_kept;
	uint64_t seen, found;
	bool failed;
};

unsigned int rs_fault_cause(uint8_t verdict)
{
	return !verdict ? RS_FAULT_MISSED : verdict == 255 ? RS_FAULT_NECESSARY : verdict - 1U;
}

const char *rs_fault_cause_name(unsigned int cause)
{
	return cause == RS_FAULT_NECESSARY ? "necessary"
	       : cause == RS_FAULT_MISSED  ? "missed"
					   : rs_cause_name(cause);
}

uint64_t rs_fault_stall(const struct rs_fault_row *row)
{
	const uint64_t until = row->result == RS_RES_RETRY ? row->done_ns : row->last_ns;

	return until > row->decided_ns ? until - row->decided_ns : 0;
}

/* ---- those that are asked for ---- */

static bool is_wanted(const struct rs_faults_opts *o, const struct rs_fault_row *row)
{
	return (!o->rejected || row->rejected) && (!o->missed || row->missed) &&
	       (!o->differ || row->differ) && (!o->causes || row->causes & o->causes) &&
	       (!o->one_vcpu || row->vcpu == o->vcpu) &&
	       (!o->one_gfn || (row->gfn >= o->gfn_start && row->gfn < o->gfn_end));
}

/* Whether @a stands behind @b: no two do not. */
static bool is_behind(enum rs_fault_order order, const struct rs_fault_row *a,
		      const struct rs_fault_row *b)
{
	const bool by_stall = order == RS_FAULTS_BY_STALL;
	const uint64_t x = by_stall ? rs_fault_stall(a) : a->retried;
	const uint64_t y = by_stall ? rs_fault_stall(b) : b->retried;

	return x != y ? x < y : a->number > b->number;
}

static void sift_up(const struct rs_faults *f, size_t i)
{
	const struct rs_fault_row row = f->kept[i];

	for (; i && is_behind(f->opts.order, &row, &f->kept[(i - 1) / 2]); i = (i - 1) / 2)
		f->kept[i] = f->kept[(i - 1) / 2];
	f->kept[i] = row;
}

/* Puts @row in the place of the root of a heap of @nr. */
static void sift_down(const struct rs_faults *f, size_t nr, struct rs_fault_row row)
{
	size_t i = 0;

	for (size_t child = 1; child < nr; child = 2 * i + 1) {
		if (child + 1 < nr &&
		    is_behind(f->opts.order, &f->kept[child + 1], &f->kept[child]))
			child++;
		if (!is_behind(f->opts.order, &f->kept[child], &row))
			break;
		f->kept[i] = f->kept[child];
		i = child;
	}
	f->kept[i] = row;
}

static void keep(struct rs_faults *f, const struct rs_fault_row *row)
{
	if (f->opts.limit && f->nr_kept == f->opts.limit) {
		if (is_behind(f->opts.order, &f->kept[0], row))
			sift_down(f, f->nr_kept, *row);
		return;
	}
	if (RS_ROOM_FOR_ONE(f->kept, f->nr_kept)) {
		f->failed = true;
		return;
	}
	f->kept[f->nr_kept] = *row;
	sift_up(f, f->nr_kept++);
}

static void close_chain(struct rs_faults *f, struct chain *c)
{
	c->open = false;
	c->row.number = ++f->seen;
	if (!is_wanted(&f->opts, &c->row))
		return;
	f->found++;
	if (f->opts.order != RS_FAULTS_BY_TIME)
		keep(f, &c->row);
	else if (!f->opts.limit || f->found <= f->opts.limit)
		f->opts.row(f->opts.arg, &c->row);
}

/* ---- attempts ---- */

static uint64_t hash_of(uint32_t vm, uint32_t vcpu)
{
	return rs_hash_number((uint64_t)vm << 32 | vcpu);
}

static struct chain *find_chain(struct rs_faults *f, uint32_t vm, uint32_t vcpu)
{
	uint32_t *latest = &f->latest[vcpu % NR_LATEST], i = *latest;

	if (i < f->nr_chains && f->chains[i].row.vcpu == vcpu && f->chains[i].row.vm == vm)
		return &f->chains[i];
	i = rs_hash_find(&f->by_vcpu, hash_of(vm, vcpu), NULL, NULL);
	if (i == RS_HASH_NONE)
		return NULL;
	*latest = i;
	return &f->chains[i];
}

static struct chain *chain_of(struct rs_faults *f, uint32_t vm, uint32_t vcpu)
{
	struct chain *c = find_chain(f, vm, vcpu);

	if (c)
		return c;
	if (RS_ROOM_FOR_ONE(f->chains, f->nr_chains) ||
	    rs_hash_add(&f->by_vcpu, hash_of(vm, vcpu), (uint32_t)f->nr_chains)) {
		f->failed = true;
		return NULL;
	}
	f->chains[f->nr_chains] = (struct chain){ .row = { .vm = vm, .vcpu = vcpu } };
	return &f->chains[f->nr_chains++];
}

static struct loss *loss_of(struct rs_faults *f, uint32_t vm)
{
	/* Mostly nothing was lost of any. */
	const uint32_t i = f->nr_losses ? rs_hash_find(&f->by_vm, rs_hash_number(vm), NULL, NULL)
					: RS_HASH_NONE;

	return i == RS_HASH_NONE ? NULL : &f->losses[i];
}

static uint64_t losses_of(struct rs_faults *f, uint32_t vm)
{
	const struct loss *l = loss_of(f, vm);

	return l ? l->nr : 0;
}

static struct loss *add_loss(struct rs_faults *f, uint32_t vm)
{
	if (RS_ROOM_FOR_ONE(f->losses, f->nr_losses) ||
	    rs_hash_add(&f->by_vm, rs_hash_number(vm), (uint32_t)f->nr_losses))
		return NULL;
	f->losses[f->nr_losses] = (struct loss){ .vm = vm };
	return &f->losses[f->nr_losses++];
}

static void applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_faults *f = arg;
	struct loss *l;

	if (e->type != RS_EV_LOST)
		return;
	l = loss_of(f, e->vm);
	if (!l)
		l = add_loss(f, e->vm);
	if (l)
		l->nr++;
	else
		f->failed = true;
}

static uint64_t age_of(const struct rs_blamed *b, uint64_t now)
{
	return b->number ? (b->end_ns == RS_NOT_ENDED ? now : b->end_ns) - b->begin_ns : 0;
}

/* What the algorithm says of the attempt. */
static void add_verdict(struct rs_fault_row *row, const struct rs_judged *j)
{
	const uint8_t verdict = j->rejected[0];
	const struct rs_blame *blame = &j->blame[0];
	const unsigned int cause = rs_fault_cause(verdict);
	const uint64_t age_ns = age_of(&blame->by, j->time_ns);

	row->differ += j->result != RS_RES_UNKNOWN && (verdict != 0) != (j->result == RS_RES_RETRY);
	if (!verdict && !j->necessary)
		return;
	row->rejected += verdict != 0;
	row->needless += verdict && !j->necessary;
	row->missed += !verdict;
	if (!row->causes || age_ns > row->blame_ns) {
		row->blame = *blame;
		row->blame_ns = age_ns;
		row->cause = cause;
	}
	row->causes |= 1U << cause;
}

static void judged(void *arg, const struct rs_judged *j)
{
	struct rs_faults *f = arg;
	struct chain *c = chain_of(f, j->vm, j->vcpu);
	struct rs_fault_row *row;

	if (!c)
		return;
	row = &c->row;
	if (c->open && !(c->goes_on && c->losses == losses_of(f, j->vm) && row->gfn == j->gfn &&
			 row->as == j->as))
		close_chain(f, c);
	if (!c->open)
		*row = (struct rs_fault_row){ .begin_ns = j->begin_ns,
					      .decided_ns = j->time_ns,
					      .gfn = j->gfn,
					      .vm = j->vm,
					      .vcpu = j->vcpu,
					      .slot = j->slot,
					      .who = j->who,
					      .as = j->as,
					      .private = j->private };
	c->open = true;
	c->goes_on = j->result == RS_RES_RETRY;
	c->losses = losses_of(f, j->vm);
	add_verdict(row, j);
	row->last_ns = j->begin_ns;
	row->done_ns = j->time_ns;
	row->last = j->event;
	row->result = j->result;
	row->attempts++;
	row->retried += c->goes_on;
	if (!c->goes_on)
		close_chain(f, c);
}

/* What the vCPU did in between was none of the attempts that are folded. */
static void unjudged(void *arg, uint32_t vm, uint32_t vcpu)
{
	struct rs_faults *f = arg;
	struct chain *c = find_chain(f, vm, vcpu);

	if (c)
		c->goes_on = false;
}

/* ---- all of it ---- */

struct rs_faults *rs_faults_new(const struct rs_faults_opts *opts, struct rs_error *err)
{
	struct rs_faults *f = calloc(1, sizeof(*f));

	if (!f) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	f->opts = *opts;
	f->observer = (struct rs_observer){
		.arg = f, .judged = judged, .unjudged = unjudged, .applied = applied
	};
	return f;
}

const struct rs_observer *rs_faults_observer(struct rs_faults *f)
{
	return &f->observer;
}

int rs_faults_finish(struct rs_faults *f)
{
	for (size_t i = 0; i < f->nr_chains; i++)
		if (f->chains[i].open)
			close_chain(f, &f->chains[i]);
	if (f->failed)
		return -ENOMEM;
	/* The root goes behind all that are left, until the first one is the root. */
	for (size_t n = f->nr_kept; n > 1; n--) {
		const struct rs_fault_row row = f->kept[n - 1];

		f->kept[n - 1] = f->kept[0];
		sift_down(f, n - 1, row);
	}
	for (size_t i = 0; i < f->nr_kept; i++)
		f->opts.row(f->opts.arg, &f->kept[i]);
	return 0;
}

uint64_t rs_faults_seen(const struct rs_faults *f)
{
	return f->seen;
}

uint64_t rs_faults_found(const struct rs_faults *f)
{
	return f->found;
}

void rs_faults_free(struct rs_faults *f)
{
	if (!f)
		return;
	free(f->chains);
	rs_hash_free(&f->by_vcpu);
	free(f->losses);
	rs_hash_free(&f->by_vm);
	free(f->kept);
	free(f);
}
