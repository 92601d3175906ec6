// SPDX-License-Identifier: GPL-2.0-only
#include "replay/figures.h"

#include <errno.h>
#include <math.h>
#include <string.h>

const struct rs_algo_result *rs_figure_algo(const struct rs_vm_result *v, size_t nr_algos,
					    const char *name)
{
	for (size_t i = 0; v->algos && name && i < nr_algos; i++)
		if (v->algos[i].name && !strcmp(v->algos[i].name, name))
			return &v->algos[i];
	return NULL;
}

uint64_t rs_vm_duration_ns(const struct rs_vm_result *v)
{
	return v->end_ns - v->begin_ns - v->paused_ns;
}

double rs_blocked_mean(const struct rs_vm_result *v, const struct rs_algo_result *a)
{
	uint64_t ns = rs_vm_duration_ns(v);

	return ns ? (double)a->blocked_page_ns / (double)ns : NAN;
}

double rs_blocked_share(const struct rs_vm_result *v, const struct rs_algo_result *a)
{
	return v->mean_frames > 0 ? rs_blocked_mean(v, a) / v->mean_frames : NAN;
}

double rs_widening(const struct rs_algo_result *a, const struct rs_algo_result *base)
{
	if (!a || !base || !base->blocked_page_ns)
		return NAN;
	return (double)a->blocked_page_ns / (double)base->blocked_page_ns;
}

double rs_piece_error(const struct rs_vm_result *v, const struct rs_piece_sums *x)
{
	const double n = (double)v->pieces, checked = (double)v->piece_checked;
	double share, squares;

	if (v->pieces < 2 || !v->piece_checked)
		return NAN;
	share = (double)x->sum / checked;
	squares = (double)x->squares - 2 * share * (double)x->by_checked +
		  share * share * (double)v->piece_squares;
	return squares > 0 ? sqrt(squares * n / (n - 1)) / checked : 0;
}

bool rs_hist_whole(const struct rs_hist *h)
{
	uint64_t value, weight;
	size_t pos = 0;

	return !h->weight || rs_hist_next(h, &pos, &value, &weight);
}

double rs_quantile(const struct rs_hist *h, double q)
{
	return h->weight && rs_hist_whole(h) ? (double)rs_hist_quantile(h, q) : NAN;
}

static uint64_t duration(const struct rs_figure_base *b)
{
	return rs_vm_duration_ns(b->vm);
}

static double blocked_mean(const struct rs_figure_base *b)
{
	return rs_blocked_mean(b->vm, b->algo);
}

static double blocked_share(const struct rs_figure_base *b)
{
	return rs_blocked_share(b->vm, b->algo);
}

static double rejected_error(const struct rs_figure_base *b)
{
	return rs_piece_error(b->vm, &b->algo->piece_rejected);
}

static double spurious_error(const struct rs_figure_base *b)
{
	return rs_piece_error(b->vm, &b->algo->piece_spurious);
}

static double widening(const struct rs_figure_base *b)
{
	return rs_widening(b->algo, rs_figure_algo(b->vm, b->nr_algos, "exact"));
}

static double gfn_per_hva(const struct rs_figure_base *b)
{
	return rs_widening(rs_figure_algo(b->vm, b->nr_algos, "gfn"),
			   rs_figure_algo(b->vm, b->nr_algos, "hva"));
}

/* ---- the table ---- */

/* The type of a figure is that of its member, unless it is said behind it. */
#define TYPE(s, m) \
	_Generic(((s *)0)->m,                        \
		 uint64_t : RS_FIGURE_U64,           \
		 unsigned __int128 : RS_FIGURE_U128, \
		 double : RS_FIGURE_DOUBLE,          \
		 bool : RS_FIGURE_BOOL,              \
		 const char * : RS_FIGURE_TEXT,      \
		 uint64_t * : RS_FIGURE_CAUSES,      \
		 struct rs_hist : RS_FIGURE_HIST)
#define AT(kind, s, m) .of = kind, .type = TYPE(s, m), .offset = offsetof(s, m)
#define RESULT(m) AT(RS_OF_RESULT, struct rs_result, m)
#define VM(m) AT(RS_OF_VM, struct rs_vm_result, m)
#define ALGO(m) AT(RS_OF_ALGO, struct rs_algo_result, m)
#define CLOSED_VM(m) AT(RS_OF_CLOSED_VM, struct rs_closed_vm, m)
#define CLOSED_ALGO(m) AT(RS_OF_CLOSED_ALGO, struct rs_closed_algo, m)
#define NUMBER(kind, fn) .of = kind, .type = RS_FIGURE_NUMBER_OF, .number = fn
/* A column of a histogram. */
#define PART(m, part)                                      \
	.of = RS_OF_CLOSED_ALGO, .type = RS_FIGURE_##part, \
	.offset = offsetof(struct rs_closed_algo, m) +     \
		  0 * sizeof(((struct rs_closed_algo *)0)->m.weight)
/* A histogram stands in an object that a report of an early version lacks. */
#define DIST .optional_object = true
/* Only where the recording paused. */
#define SAMPLED .sampled = true, .optional_object = true
#define BOTH(name) .csv = name, .sweep = name

/*
 * The order is that of the members in JSON, and of the columns. Where a column
 * stands elsewhere than the member, it has a row of its own, without a key.
 */
static const struct rs_figure_row rows[] = {
	{ RESULT(events), .key = "events" },
	{ RESULT(begin_ns), .key = "begin_ns" },
	{ RESULT(end_ns), .key = "end_ns" },
	{ RESULT(lost), .key = "lost" },
	{ RESULT(lost_marks), .key = "lost_marks", .optional = true },

	{ VM(begin_ns), .add = RS_ADD_NOT, .key = "begin_ns" },
	{ VM(end_ns), .add = RS_ADD_NOT, .key = "end_ns" },
	{ .of = RS_OF_VM, .type = RS_FIGURE_COUNT_OF, .count = duration, BOTH("duration_ns") },
	{ VM(memslots), .add = RS_ADD_MOST, .key = "memslots" },
	{ VM(mean_frames), .add = RS_ADD_NOT, .csv = "guest_mean_frames", .full = true },
	{ VM(frames), .add = RS_ADD_MOST, .key = "frames", BOTH("guest_max_frames") },
	{ VM(aliased_frames), .add = RS_ADD_MOST, .key = "aliased_frames",
	  BOTH("guest_aliased_frames") },
	{ VM(memslots), .add = RS_ADD_NOT, .csv = "memslots" },
	{ VM(mean_frames), .add = RS_ADD_NOT, .key = "mean_frames", .full = true },
	{ VM(frames_page_ns), .key = "frames_page_ns", .full = true },
	{ VM(inval_hit), .key = "invalidations.hit", BOTH("invalidations_hit") },
	{ VM(inval_no_hit), .key = "invalidations.no_hit", .csv = "invalidations_no_hit" },
	{ VM(inval_gfn), .key = "invalidations.gfn_only", .optional = true },
	{ VM(inval_private), .key = "invalidations.private_only", .optional = true },
	{ VM(max_outstanding), .add = RS_ADD_MOST, .key = "invalidations.max_outstanding" },
	{ VM(checked), .key = "faults.checked", BOTH("checked_faults") },
	{ VM(private_faults), .key = "faults.private", .optional = true },
	{ VM(necessary), .key = "faults.necessary", BOTH("necessary_faults"), .full = true },
	{ VM(no_memslot), .key = "faults.no_memslot" },
	{ VM(ended), .key = "faults.ended" },
	{ VM(unjudged), .key = "faults.unjudged" },
	{ VM(slot_invalid), .key = "faults.slot_invalid" },
	{ VM(root_obsolete), .key = "faults.root_obsolete" },
	{ VM(async), .key = "faults.async" },
	{ VM(checked_lockless), .key = "faults.lockless", .optional = true },
	{ VM(state_compared), .key = "state.compared" },
	{ VM(state_equal), .key = "state.equal" },
	{ VM(epochs), .key = "epochs", .optional = true, .full = true },
	{ NUMBER(RS_OF_VM, gfn_per_hva), .key = "gfn_per_hva", .full = true },
	{ VM(inval_ns), .key = "distributions.inval_ns", DIST, .full = true },
	{ VM(epoch_ns), .key = "distributions.epoch_ns", DIST, .full = true },
	{ VM(epoch_invals), .key = "distributions.epoch_invals", DIST, .full = true },

	{ VM(pauses), .key = "sampled.pauses", SAMPLED },
	{ VM(paused_ns), .key = "sampled.paused_ns", SAMPLED },
	{ VM(pieces), .key = "sampled.pieces", SAMPLED },
	{ VM(piece_checked), .key = "sampled.checked", SAMPLED },
	{ VM(piece_squares), .key = "sampled.checked_squares", SAMPLED },

	{ ALGO(merged), .add = RS_ADD_FIRST, .key = "merged", .optional = true },
	{ ALGO(rejected), .key = "rejected", BOTH("rejected_faults") },
	{ ALGO(spurious), .key = "spurious", BOTH("spurious_faults"), .full = true },
	{ ALGO(missed), .key = "missed", BOTH("missed_faults"), .full = true },
	{ ALGO(causes), .key = "causes", BOTH("spurious_%s_faults"), .full = true },
	{ ALGO(blocked_page_ns), .key = "blocked.page_ns", BOTH("blocked_page_ns"), .full = true },
	{ NUMBER(RS_OF_ALGO, blocked_mean), .key = "blocked.mean", BOTH("blocked_mean_frames"),
	  .full = true },
	{ NUMBER(RS_OF_ALGO, blocked_share), .csv = "blocked_mean_share", .full = true },
	{ ALGO(blocked_max), .add = RS_ADD_MOST, .key = "blocked.max", .csv = "blocked_max_frames",
	  .full = true },
	{ NUMBER(RS_OF_ALGO, blocked_share), .key = "blocked.mean_share", .full = true },
	{ NUMBER(RS_OF_ALGO, widening), .key = "widening", BOTH("blocked_per_exact"),
	  .full = true },
	{ ALGO(locked.known), .key = "agreement.locked.known", .csv = "locked_known_faults" },
	{ ALGO(locked.same), .key = "agreement.locked.same", .csv = "locked_same_faults" },
	{ ALGO(lockless.known), .key = "agreement.lockless.known", .csv = "lockless_known_faults" },
	{ ALGO(lockless.same), .key = "agreement.lockless.same", .csv = "lockless_same_faults" },
	{ ALGO(widening_time), .key = "distributions.widening_time", .ratio = true, DIST,
	  .full = true },
	{ ALGO(widening_epoch), .key = "distributions.widening_epoch", .ratio = true, DIST,
	  .full = true },
	{ ALGO(blocked_epoch), .key = "distributions.blocked_epoch", DIST, .full = true },

	{ ALGO(piece_rejected.sum), .key = "sampled.rejected", SAMPLED },
	{ ALGO(piece_rejected.squares), .key = "sampled.rejected_squares", SAMPLED },
	{ ALGO(piece_rejected.by_checked), .key = "sampled.rejected_by_checked", SAMPLED },
	{ NUMBER(RS_OF_ALGO, rejected_error), .key = "sampled.rejected_error", SAMPLED },
	{ ALGO(piece_spurious.sum), .key = "sampled.spurious", SAMPLED, .full = true },
	{ ALGO(piece_spurious.squares), .key = "sampled.spurious_squares", SAMPLED, .full = true },
	{ ALGO(piece_spurious.by_checked), .key = "sampled.spurious_by_checked", SAMPLED,
	  .full = true },
	{ NUMBER(RS_OF_ALGO, spurious_error), .key = "sampled.spurious_error", SAMPLED,
	  .full = true },

	{ CLOSED_VM(precheck), .add = RS_ADD_ANY, .key = "precheck" },
	{ CLOSED_VM(arrivals), .add = RS_ADD_FIRST, .key = "arrivals" },
	{ CLOSED_VM(retry_gap_ns), .add = RS_ADD_SAME, .key = "retry_gap_ns" },
	{ CLOSED_VM(retry_gap_assumed), .add = RS_ADD_ANY, .key = "retry_gap_assumed",
	  .optional = true },
	/* A median of medians would be no figure at all. */
	{ CLOSED_VM(clean_attempt_ns), .add = RS_ADD_SAME, .key = "clean_attempt_ns",
	  .optional = true },
	{ CLOSED_VM(precheck_ns), .add = RS_ADD_SAME, .key = "precheck_ns", .optional = true },
	{ CLOSED_VM(logical_faults), .key = "logical_faults", BOTH("logical_faults") },
	{ CLOSED_VM(recorded_retries), .key = "recorded_retries" },
	{ CLOSED_VM(checked), .add = RS_ADD_ANY },
	{ CLOSED_VM(check_as_recorded), .key = "check.as_recorded", .optional_object = true },
	{ CLOSED_VM(check_retries), .key = "check.retries", .optional_object = true },

	{ CLOSED_ALGO(retries), .key = "retries", BOTH("retries") },
	{ CLOSED_ALGO(as_recorded), .key = "as_recorded", .csv = "as_recorded_faults" },
	{ CLOSED_ALGO(starved), .key = "starved", BOTH("starved_faults") },
	{ CLOSED_ALGO(retries_per_fault), .key = "retries_per_fault" },
	{ CLOSED_ALGO(retries_per_inval), .key = "retries_per_inval", .optional = true },
	{ CLOSED_ALGO(service_ns), .key = "service_ns" },
	{ CLOSED_ALGO(stall_ns), .key = "stall_ns" },
	{ PART(service_ns, TOTAL), .sweep = "service_total_ns" },
	{ PART(stall_ns, TOTAL), BOTH("stall_total_ns") },
	{ PART(stall_ns, MEAN), .sweep = "stall_mean_ns" },
	{ PART(stall_ns, P50), BOTH("stall_p50_ns") },
	{ PART(stall_ns, P99), BOTH("stall_p99_ns") },
	{ PART(stall_ns, P999), BOTH("stall_p999_ns") },
	{ PART(stall_ns, MAX), BOTH("stall_max_ns") },
	{ PART(service_ns, TOTAL), .csv = "service_total_ns" },
	{ PART(service_ns, P50), .csv = "service_p50_ns" },
	{ PART(service_ns, P99), .csv = "service_p99_ns" },
	{ PART(service_ns, P999), .csv = "service_p999_ns" },
	{ PART(service_ns, MAX), .csv = "service_max_ns" },
};

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct rs_figure_row *rs_figure_row(size_t i)
{
	return i < NR_ROWS ? &rows[i] : NULL;
}

const void *rs_figure_in(const struct rs_figure_row *row, const struct rs_figure_base *base)
{
	static const struct rs_closed_algo none;

	switch (row->of) {
	case RS_OF_VM:
		return base->vm;
	case RS_OF_ALGO:
		return base->algo;
	case RS_OF_CLOSED_VM:
		return &base->vm->closed;
	case RS_OF_CLOSED_ALGO:
		return base->algo->closed ? base->algo->closed : &none;
	case RS_OF_RESULT:
		break;
	}
	return NULL;
}

static uint64_t add_u64(enum rs_figure_add how, uint64_t a, uint64_t b, bool first)
{
	switch (how) {
	case RS_ADD_SUM:
		return a + b;
	case RS_ADD_MOST:
		return a > b ? a : b;
	case RS_ADD_ANY:
		return a || b;
	case RS_ADD_SAME:
		return first || a == b ? b : 0;
	case RS_ADD_FIRST:
		return first ? b : a;
	case RS_ADD_NOT:
		break;
	}
	return a;
}

/* A histogram that lacked memory counts it: any such loss makes the sum wrong. */
static int add_hist(struct rs_hist *to, const struct rs_hist *from)
{
	uint64_t dropped = to->dropped + from->dropped;

	rs_hist_merge(to, from);
	return to->dropped == dropped ? 0 : -ENOMEM;
}

static int add_row(const struct rs_figure_row *row, void *to, const void *from, bool first)
{
	uint64_t *n = to;
	const uint64_t *m = from;

	switch (row->type) {
	case RS_FIGURE_U64:
		*n = add_u64(row->add, *n, *m, first);
		break;
	case RS_FIGURE_CAUSES:
		for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
			n[i] = add_u64(row->add, n[i], m[i], first);
		break;
	case RS_FIGURE_BOOL:
		*(bool *)to = add_u64(row->add, *(bool *)to, *(const bool *)from, first);
		break;
	case RS_FIGURE_U128:
		*(unsigned __int128 *)to += *(const unsigned __int128 *)from;
		break;
	case RS_FIGURE_TEXT:
		if (first)
			*(const char **)to = *(const char *const *)from;
		break;
	case RS_FIGURE_HIST:
		return add_hist(to, from);
	default:
		break;
	}
	return 0;
}

int rs_figures_add(enum rs_figure_of of, void *to, const void *from, bool first)
{
	int err = 0;

	for (const struct rs_figure_row *row = rows; row < rows + NR_ROWS; row++)
		if (row->of == of && row->add != RS_ADD_NOT)
			err |= add_row(row, (char *)to + row->offset,
				       (const char *)from + row->offset, first);
	return err ? -ENOMEM : 0;
}

void rs_figures_hists(enum rs_figure_of of, void *in, void (*fn)(struct rs_hist *h))
{
	for (const struct rs_figure_row *row = rows; row < rows + NR_ROWS; row++)
		if (row->of == of && row->type == RS_FIGURE_HIST)
			fn((struct rs_hist *)((char *)in + row->offset));
}
