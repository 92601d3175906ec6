// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "analysis/report/fleet.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"

#define COLUMNS 80

static void put_vm(struct rs_page *p, const void *arg, const struct rs_vm_result *v,
		   const char *who)
{
	const struct rs_report *rep = arg;

	rs_part_headline(p, rep, v, who);
	rs_blank_line(p);
	if (!v->checked && !v->inval_hit) {
		rs_part_contents(p, v);
		return;
	}
	rs_part_answer(p, rep, v);
	rs_blank_line(p);
	rs_part_missed(p, rep, v);
	rs_part_agreement(p, rep, v);
	rs_blank_line(p);
	if (!rep->result->counts_only) {
		rs_part_tables(p, rep, v);
		rs_blank_line(p);
	}
	rs_part_contents(p, v);
}

static void put_title(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	char name[128], time[32], count[32], sum[48];

	snprintf(sum, sizeof(sum), "Sum of %zu traces", rep->nr_sources);
	rs_para(p, 0, 2, "%s: %s; %s events in %s.", rep->path ? rep->path : sum,
		rs_part_kernel_name(rep, name, sizeof(name)),
		rs_format_count(r->events, count, sizeof(count)),
		rs_format_time((double)(r->end_ns - r->begin_ns), time, sizeof(time)));
	if (rep->sources) {
		rs_part_sources(p, rep);
		rs_blank_line(p);
	}
	if (rep->fleet && (rep->fleet->asked || rep->fleet->nr > 1)) {
		rs_fleet_table(p, rep->fleet);
		rs_blank_line(p);
	}
	if (!rs_part_cautions(p, rep))
		rs_para(p, 0, 2, "No event was lost, and no anomaly was found.");
}

static int write_text(FILE *f, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	struct rs_page p = { .f = f, .width = COLUMNS, .color = rep->color };
	char who[128];

	put_title(&p, rep);
	if (r->nr_vms)
		rs_blank_line(&p);
	rs_part_whole(&p, rep, put_vm, rep);
	for (size_t i = 0; r->nr_vms > 1 && i < r->nr_vms; i++) {
		rs_blank_line(&p);
		put_vm(&p, rep, &r->vms[i], rs_part_vm_name(rep, r->vms[i].vm, who, sizeof(who)));
	}
	return p.err ? p.err : ferror(f) ? -EIO : 0;
}

const struct rs_report_format rs_report_text = {
	.name = "text",
	.summary = "tables and words, 80 columns",
	.both = true,
	.write = write_text,
};
