// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>

#include "analysis/report/derive.h"
#include "analysis/report/fleet.h"
#include "analysis/report/report.h"
#include "analysis/write/csv.h"
#include "analysis/write/figure_columns.h"

/* One row per VM and algorithm; lines end in LF. What is not known is empty. */
static void put_vm(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_vm_info *info = rs_meta_vm(rep->meta, v->vm);

	rs_csv_text(f, rep->path);
	fputc(',', f);
	rs_csv_text(f, rep->meta->kernel);
	fprintf(f, ",%" PRIu32 ",%" PRId64 ",", v->vm, info ? info->pid : 0);
	rs_csv_text(f, info ? info->command : NULL);
}

static void put_row(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v,
		    const struct rs_algo_result *a)
{
	const struct rs_figure_base base = { v, rep->result->nr_algos, a,
					     rep->result->counts_only };

	put_vm(f, rep, v);
	fputc(',', f);
	rs_csv_text(f, a->name);
	rs_columns_values(f, RS_COLUMNS_CSV, rep->result->closed, &base);
	fputc('\n', f);
}

static int write_csv(FILE *f, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;

	if (rep->fleet && rep->fleet->asked)
		return rs_fleet_csv(f, rep->fleet);
	fputs("trace,kernel,vm,pid,command,algorithm", f);
	rs_columns_names(f, RS_COLUMNS_CSV, r->closed);
	fputc('\n', f);
	for (size_t i = 0; i < r->nr_vms; i++)
		for (size_t k = 0; k < r->nr_algos; k++)
			put_row(f, rep, &r->vms[i], &r->vms[i].algos[k]);
	return ferror(f) ? -EIO : 0;
}

const struct rs_report_format rs_report_csv = {
	.name = "csv",
	.summary = "one row per VM and algorithm; of a sum by host, kernel ... one of each",
	.write = write_csv,
};
