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

static struct rs_csv_run run_of(const struct rs_report *rep, const struct rs_closed_vm *closed)
{
	return (struct rs_csv_run){ rep->version, rep->result->closed, closed->arrivals,
				    closed->precheck };
}

/* Losses and anomalies are the trace's, whichever VM they are of. */
static void put_run(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_csv_run run = run_of(rep, &v->closed);

	fputc(',', f);
	rs_csv_run(f, &run);
	fprintf(f, ",%" PRIu64 ",%" PRIu64, rs_lost_events(rep->result, rep->meta),
		rs_anomalies(rep->result, rep->meta));
}

static void put_row(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v,
		    const struct rs_algo_result *a)
{
	const struct rs_figure_base base = { v, rep->result->nr_algos, a,
					     rep->result->counts_only };

	put_vm(f, rep, v);
	fputc(',', f);
	rs_csv_text(f, a->name);
	put_run(f, rep, v);
	rs_columns_values(f, RS_COLUMNS_CSV, rep->result->closed, &base);
	fputc('\n', f);
}

static int write_csv(FILE *f, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;

	if (rep->fleet && rep->fleet->asked) {
		static const struct rs_closed_vm none;
		const struct rs_csv_run run = run_of(rep, r->nr_vms ? &r->vms[0].closed : &none);

		return rs_fleet_csv(f, rep->fleet, &run);
	}
	fputs("trace,kernel,vm,pid,command,algorithm," RS_CSV_RUN ",lost_events,anomalies", f);
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
