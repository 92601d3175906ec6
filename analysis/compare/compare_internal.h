/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_COMPARE_INTERNAL_H
#define RS_ANALYSIS_COMPARE_INTERNAL_H

#include <stdint.h>

#include "analysis/compare/compare.h"

/* Stands among the algorithms for the one that each traced kernel ran. */
#define RS_COMPARE_KERNEL "kernel"

/* What must be alike for two runs to compare, as texts. */
enum compare_trait {
	TRAIT_COMMAND,
	TRAIT_VMS,
	TRAIT_CPU,
	TRAIT_VIRTUAL,
	TRAIT_LEVEL,
	TRAIT_LOOP,
	TRAIT_ARRIVALS,
	TRAIT_PRECHECK,
	TRAIT_KERNEL,
	TRAIT_KERNEL_ALGO,
	NR_TRAITS,
};

/* The same, as numbers, which never are quite alike. */
enum compare_size {
	SIZE_FRAMES,
	SIZE_ALIASED,
	SIZE_DURATION,
	SIZE_INVAL_RATE,
	NR_SIZES,
};

struct compare_run {
	char *path;
	char **algos; /* names; the last one may be RS_COMPARE_KERNEL */
	size_t nr_algos;
	double *values;		 /* by algorithm, then by figure */
	char *traits[NR_TRAITS]; /* NULL: not known */
	double sizes[NR_SIZES];
	uint64_t lost, anomalies, traces;
	struct rs_report_source source; /* what tells one trace from another; owns its texts */
	bool quantiles;			/* it tells them */
};

struct compare_group {
	char *name;
	struct compare_run *runs;
	size_t nr;
};

struct rs_compare {
	struct compare_group groups[RS_COMPARE_SIDES];
	char *algos, *figures; /* lists, or NULL */
	struct rs_compare_row *rows;
	size_t nr_rows;
	char **notes;
	size_t nr_notes;
	bool color;   /* of text */
	bool kernels; /* each group has its own, so RS_COMPARE_KERNEL tells something */
};

/* The notes, once the rows are there. 0 or -ENOMEM. */
int rs_compare_make_notes(struct rs_compare *c);
/* What is known of @run beside its figures. 0 or -ENOMEM. */
int rs_compare_fill_traits(struct compare_run *run, const struct rs_report_data *d,
			   const struct rs_vm_result *vm);
/* What all runs of a group have; NULL if they differ, or one is not known. */
const char *rs_compare_common(const struct compare_group *g, enum compare_trait trait);
/* What all runs of both groups have; "" if they differ, or one is not known. */
const char *rs_compare_common_to_both(const struct rs_compare *c, enum compare_trait trait);
/* The arrivals of @figure in all runs, or "". */
const char *rs_compare_arrivals(const struct rs_compare *c, const struct rs_compare_figure *figure);

/* A range of medians is in one unit, so that columns are numbers. */
struct rs_compare_scale {
	const char *unit; /* "%", "us"; "" for plain numbers */
	double by;	  /* of what is stored, in one of the unit */
};
/* The unit in which all rows of @figure are to be told. */
struct rs_compare_scale rs_compare_scale(const struct rs_compare *c,
					 const struct rs_compare_figure *figure);

#endif
