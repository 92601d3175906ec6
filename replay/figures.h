/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_FIGURES_H
#define RS_REPLAY_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/result.h"

/*
 * The table of the figures of a result: where each is, how two of them are
 * added, and what it is called. The JSON report, its reader, sums, CSV and the
 * columns of a sweep all follow it, so a new figure is a member of a structure
 * in replay/result.h and a row here.
 */

/* The structure that a figure is a member of. */
enum rs_figure_of {
	RS_OF_RESULT,	   /* struct rs_result; sums are made by hand, of parts or of traces */
	RS_OF_VM,	   /* struct rs_vm_result */
	RS_OF_ALGO,	   /* struct rs_algo_result */
	RS_OF_CLOSED_VM,   /* struct rs_closed_vm: only of the closed loop */
	RS_OF_CLOSED_ALGO, /* struct rs_closed_algo: only of the closed loop */
};

enum rs_figure_type {
	RS_FIGURE_U64,
	RS_FIGURE_U128,
	RS_FIGURE_DOUBLE,
	RS_FIGURE_BOOL,
	RS_FIGURE_TEXT,	  /* of a set of words, not owned: its reader is written by hand */
	RS_FIGURE_CAUSES, /* uint64_t [RS_NR_CAUSES]; "%s" in a column's name is the cause */
	RS_FIGURE_HIST,
	/* Not stored, but computed from others. */
	RS_FIGURE_COUNT_OF,
	RS_FIGURE_NUMBER_OF,
	/* Columns of a histogram. */
	RS_FIGURE_TOTAL,
	RS_FIGURE_MEAN,
	RS_FIGURE_P50,
	RS_FIGURE_P99,
	RS_FIGURE_P999,
	RS_FIGURE_MAX,
};

/* How a sum of two is made. */
enum rs_figure_add {
	RS_ADD_SUM,
	RS_ADD_MOST,
	RS_ADD_ANY,   /* of the truth values */
	RS_ADD_SAME,  /* the value that both have, or else 0: no sum would mean anything */
	RS_ADD_FIRST, /* all have the same */
	RS_ADD_NOT,   /* another row does it; or by hand, as times follow each other or overlap */
};

/* What a computed figure is computed from. */
struct rs_figure_base {
	const struct rs_vm_result *vm;
	size_t nr_algos;
	const struct rs_algo_result *algo; /* NULL for a figure of the VM */
	bool counts_only;		   /* of the result */
};

struct rs_figure_row {
	enum rs_figure_of of;
	enum rs_figure_type type;
	enum rs_figure_add add;
	size_t offset; /* in the structure */
	union {
		uint64_t (*count)(const struct rs_figure_base *base);
		double (*number)(const struct rs_figure_base *base);
	};
	const char *key; /* in JSON, with the objects it is in: "faults.checked"; NULL: not there */
	bool ratio;	 /* histogram: the values are thousandths */
	/* A report without it (of an earlier version) can be read. */
	bool optional;
	bool optional_object;	 /* a report without the object it is in */
	bool full;		 /* not there if the result has counts only */
	bool sampled;		 /* not there if the VM's recording did not pause */
	const char *csv, *sweep; /* names of its columns; NULL: it has none */
};

/* The rows, in the order of their output; NULL past the end. */
const struct rs_figure_row *rs_figure_row(size_t i);
/* A structure that @row's figure is in, of this VM and algorithm: all 0 if there is none. */
const void *rs_figure_in(const struct rs_figure_row *row, const struct rs_figure_base *base);
/*
 * Adds all figures of the kind @of in the structure @from to those in @to, which
 * is all zero if this is the first. 0 or -ENOMEM.
 */
int rs_figures_add(enum rs_figure_of of, void *to, const void *from, bool first);
/* Calls @fn with each histogram of the kind @of in the structure @in. */
void rs_figures_hists(enum rs_figure_of of, void *in, void (*fn)(struct rs_hist *h));

/* Figures that follow from others, for all formats alike. Those without a base are NAN. */

/* The algorithm called @name, or NULL. */
const struct rs_algo_result *rs_figure_algo(const struct rs_vm_result *v, size_t nr_algos,
					    const char *name);
/* From the VM's first to its last event, without the pauses of the recording. */
uint64_t rs_vm_duration_ns(const struct rs_vm_result *v);
/* Guest frames that @a blocked on average over the VM's time. */
double rs_blocked_mean(const struct rs_vm_result *v, const struct rs_algo_result *a);
/* The same as a share of the frames that the VM had in memslots on average. */
double rs_blocked_share(const struct rs_vm_result *v, const struct rs_algo_result *a);
/* blocked(@a) / blocked(@base), both over all of the VM's time; @base may be NULL. */
double rs_widening(const struct rs_algo_result *a, const struct rs_algo_result *base);
/*
 * How far the share of @x among the checked faults is off for having been recorded in pieces:
 * the standard error of a ratio, by how much whole pieces differ. NAN with less than two.
 */
double rs_piece_error(const struct rs_vm_result *v, const struct rs_piece_sums *x);
/* A quantile; NAN if nothing was counted, or only how much (a report read back without buckets). */
double rs_quantile(const struct rs_hist *h, double q);
/* false: it counted something, but its buckets are not there. */
bool rs_hist_whole(const struct rs_hist *h);

#endif
