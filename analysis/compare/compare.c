// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/compare/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/compare/rank.h"
#include "analysis/report/derive.h"
#include "analysis/report/report_source.h"
#include "base/array.h"
#include "base/parse.h"

static size_t nr_figures(void)
{
	size_t n = 0;

	while (rs_compare_figure(n))
		n++;
	return n;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

struct rs_compare *rs_compare_new(const char *base, const char *new, const char *algos,
				  const char *figures)
{
	struct rs_compare *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->groups[RS_COMPARE_BASE].name = strdup(base);
	c->groups[RS_COMPARE_NEW].name = strdup(new);
	c->algos = copy(algos);
	c->figures = copy(figures);
	if (c->groups[RS_COMPARE_BASE].name && c->groups[RS_COMPARE_NEW].name &&
	    !c->algos == !algos && !c->figures == !figures)
		return c;
	rs_compare_free(c);
	errno = ENOMEM;
	return NULL;
}

static void free_run(struct compare_run *run)
{
	for (size_t i = 0; i < run->nr_algos; i++)
		free(run->algos[i]);
	for (unsigned int i = 0; i < NR_TRAITS; i++)
		free(run->traits[i]);
	free(run->algos);
	free(run->values);
	free(run->path);
	rs_report_source_clear(&run->source);
}

void rs_compare_free(struct rs_compare *c)
{
	if (!c)
		return;
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++) {
		struct compare_group *g = &c->groups[side];

		for (size_t i = 0; i < g->nr; i++)
			free_run(&g->runs[i]);
		free(g->runs);
		free(g->name);
	}
	for (size_t i = 0; i < c->nr_notes; i++)
		free(c->notes[i]);
	free(c->notes);
	free(c->rows);
	free(c->algos);
	free(c->figures);
	free(c);
}

/* ---- runs ---- */

static int add_algo(struct compare_run *run, const char *name, const struct rs_report_data *d,
		    const struct rs_vm_result *vm, const struct rs_algo_result *a)
{
	double *values = &run->values[run->nr_algos * nr_figures()];

	run->algos[run->nr_algos] = strdup(name);
	if (!run->algos[run->nr_algos])
		return -ENOMEM;
	run->nr_algos++;
	for (size_t i = 0; rs_compare_figure(i); i++) {
		values[i] = rs_compare_figure(i)->value(d, vm, a);
		run->quantiles |=
			!strcmp(rs_compare_figure(i)->name, "stall_p99_ns") && !isnan(values[i]);
	}
	return 0;
}

static int fill_figures(struct compare_run *run, const struct rs_report_data *d,
			const struct rs_vm_result *vm)
{
	const struct rs_result *r = d->result;
	const struct rs_algo_result *own = rs_vm_algo(r, vm, r->kernel_algo);
	int rc = 0;

	run->algos = calloc(r->nr_algos + 1, sizeof(*run->algos));
	run->values = calloc((r->nr_algos + 1) * nr_figures(), sizeof(*run->values));
	if (!run->algos || !run->values)
		return -ENOMEM;
	for (size_t i = 0; !rc && vm->algos && i < r->nr_algos; i++)
		rc = add_algo(run, vm->algos[i].name, d, vm, &vm->algos[i]);
	if (!rc && own)
		rc = add_algo(run, RS_COMPARE_KERNEL, d, vm, own);
	return rc;
}

static int check_twice(const struct rs_compare *c, const struct compare_run *run,
		       struct rs_error *err)
{
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
		for (size_t i = 0; i < c->groups[side].nr; i++)
			if (rs_report_same_source(&c->groups[side].runs[i].source, &run->source))
				return rs_error_set(err, RS_ERR_INPUT, EINVAL,
						    "it is of the same trace as %s, which %s "
						    "has already",
						    c->groups[side].runs[i].path,
						    c->groups[side].name);
	return 0;
}

int rs_compare_add(struct rs_compare *c, enum rs_compare_side side, const char *path,
		   const struct rs_report_data *d, struct rs_error *err)
{
	struct compare_group *g = &c->groups[side];
	struct compare_run run = { .path = strdup(path) };
	const struct rs_report_source source = rs_report_source_of(d);
	struct rs_vm_result vm;
	int rc = run.path ? rs_result_sum_vms(d->result, &vm) : -ENOMEM;

	if (!rc) {
		rc = fill_figures(&run, d, &vm);
		if (!rc)
			rc = rs_compare_fill_traits(&run, d, &vm);
		rs_vm_result_free(&vm, d->result->nr_algos);
	}
	if (!rc)
		rc = rs_report_source_copy(&run.source, &source);
	if (!rc)
		rc = RS_ROOM_FOR_ONE(g->runs, g->nr);
	if (rc)
		rs_error_nomem(err);
	else
		rc = check_twice(c, &run, err);
	if (rc)
		free_run(&run);
	else
		g->runs[g->nr++] = run;
	return rc;
}

/* ---- what is compared ---- */

/* One more than the index of the algorithm in this run; 0: it has none. */
static size_t find_algo(const struct compare_run *run, const char *name)
{
	for (size_t i = 0; i < run->nr_algos; i++)
		if (!strcmp(run->algos[i], name))
			return i + 1;
	return 0;
}

static bool all_have(const struct rs_compare *c, const char *algo)
{
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
		for (size_t i = 0; i < c->groups[side].nr; i++)
			if (!find_algo(&c->groups[side].runs[i], algo))
				return false;
	return true;
}

static bool is_wanted(const struct rs_compare *c, const char *algo)
{
	if (!all_have(c, algo))
		return false;
	if (c->algos && strcmp(c->algos, "all"))
		return rs_list_has(c->algos, algo);
	/* Where both kernels ran the same it is in a row of its own name. */
	return strcmp(algo, RS_COMPARE_KERNEL) || c->kernels;
}

/* What the runs of a side tell, into @to; how many did. */
static size_t gather(const struct compare_group *g, const char *algo, size_t figure, double *to)
{
	size_t n = 0;

	for (size_t i = 0; i < g->nr; i++) {
		size_t at = find_algo(&g->runs[i], algo) - 1;
		double v = g->runs[i].values[at * nr_figures() + figure];

		if (!isnan(v))
			to[n++] = v;
	}
	return n;
}

static void describe(struct rs_compare_row *row, enum rs_compare_side side, double *values)
{
	size_t n = row->nr[side];

	row->median[side] = rs_rank_median(values, n);
	row->min[side] = n ? values[0] : NAN;
	row->max[side] = n ? values[n - 1] : NAN;
}

static int judge(struct rs_compare_row *row, const double *a, const double *b)
{
	const size_t m = row->nr[RS_COMPARE_BASE], n = row->nr[RS_COMPARE_NEW];
	struct rs_ratio ratio = { NAN, NAN, NAN };
	struct rs_rank test = { .p = NAN };
	bool tells = m >= RS_RANK_LEAST_RUNS && n >= RS_RANK_LEAST_RUNS;
	int rc = 0;

	row->constant = fmin(row->min[RS_COMPARE_BASE], row->min[RS_COMPARE_NEW]) ==
			fmax(row->max[RS_COMPARE_BASE], row->max[RS_COMPARE_NEW]);
	if (m && n)
		rc = rs_rank_ratio(a, m, b, n, &ratio);
	if (!rc && tells && !row->constant)
		rc = rs_rank_test(a, m, b, n, &test);
	row->ratio = ratio.median;
	row->ratio_low = tells ? ratio.low : NAN;
	row->ratio_high = tells ? ratio.high : NAN;
	row->p = row->p_holm = test.p;
	row->exact = test.exact;
	return rc;
}

static int add_row(struct rs_compare *c, size_t figure, const char *algo)
{
	struct rs_compare_row row = { .figure = rs_compare_figure(figure),
				      .algorithm = rs_compare_figure(figure)->of_vm ? NULL : algo };
	double *values[RS_COMPARE_SIDES] = { 0 };
	int rc = RS_ROOM_FOR_ONE(c->rows, c->nr_rows);

	for (unsigned int side = 0; !rc && side < RS_COMPARE_SIDES; side++) {
		values[side] = calloc(c->groups[side].nr + 1, sizeof(double));
		rc = values[side] ? 0 : -ENOMEM;
		if (rc)
			break;
		row.nr[side] = gather(&c->groups[side], algo, figure, values[side]);
		describe(&row, side, values[side]);
	}
	if (!rc)
		rc = judge(&row, values[RS_COMPARE_BASE], values[RS_COMPARE_NEW]);
	if (!rc && row.nr[RS_COMPARE_BASE] && row.nr[RS_COMPARE_NEW])
		c->rows[c->nr_rows++] = row;
	free(values[RS_COMPARE_BASE]);
	free(values[RS_COMPARE_NEW]);
	return rc;
}

static int add_rows(struct rs_compare *c)
{
	const struct compare_run *first = &c->groups[RS_COMPARE_BASE].runs[0];
	int rc = 0;

	for (size_t f = 0; !rc && rs_compare_figure(f); f++) {
		bool done = false;

		if (c->figures && !rs_list_has(c->figures, rs_compare_figure(f)->name))
			continue;
		for (size_t i = 0; !rc && !done && i < first->nr_algos; i++) {
			if (!is_wanted(c, first->algos[i]))
				continue;
			rc = add_row(c, f, first->algos[i]);
			done = rs_compare_figure(f)->of_vm;
		}
	}
	return rc;
}

/* Over all rows together. */
static int adjust(struct rs_compare *c)
{
	double *p = calloc(c->nr_rows + 1, sizeof(*p));
	int rc = p ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < c->nr_rows; i++)
		p[i] = c->rows[i].p;
	if (!rc)
		rc = rs_rank_holm(p, c->nr_rows);
	for (size_t i = 0; !rc && i < c->nr_rows; i++) {
		c->rows[i].p_holm = p[i];
		c->rows[i].found = p[i] < RS_COMPARE_LIMIT;
	}
	free(p);
	return rc;
}

static bool kernels_differ(const struct rs_compare *c)
{
	const char *a = rs_compare_common(&c->groups[RS_COMPARE_BASE], TRAIT_KERNEL_ALGO);
	const char *b = rs_compare_common(&c->groups[RS_COMPARE_NEW], TRAIT_KERNEL_ALGO);

	return a && b && strcmp(a, b);
}

int rs_compare_finish(struct rs_compare *c, struct rs_error *err)
{
	c->kernels = kernels_differ(c);
	if (add_rows(c) || adjust(c) || rs_compare_make_notes(c))
		return rs_error_nomem(err);
	if (!c->nr_rows)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "the runs have no algorithm and figure in common%s",
				    c->algos || c->figures ? " of those asked for" : "");
	return 0;
}
