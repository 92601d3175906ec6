// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "analysis/report/derive.h"
#include "analysis/report/fleet.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"

#define COLUMNS 72

static void put_question(struct rs_page *p, const struct rs_report *rep)
{
	if (rep->result->counts_only) {
		rs_para(p, 0, 0,
			"How many guest page faults are dropped and tried again because of an MMU "
			"notifier, with each way to remember what is being invalidated?");
		return;
	}
	rs_para(p, 0, 0,
		"How many guest page faults are dropped and tried again because of an MMU "
		"notifier, how many of them needlessly, and how much of the guest is blocked, "
		"with each way to remember what is being invalidated?");
}

void rs_part_method(struct rs_page *p, const struct rs_report *rep)
{
	char name[128], subject[192];

	if (rep->sources)
		snprintf(subject, sizeof(subject), "%zu traces were", rep->nr_sources);
	else
		snprintf(subject, sizeof(subject), "A trace of %s was",
			 rs_part_kernel_name(rep, name, sizeof(name)));
	if (rep->result->counts_only) {
		rs_para(p, 0, 0,
			"%s replayed through a model of each algorithm, with every invalidation, "
			"memslot change and fault in its order under mmu_lock. Which rejections "
			"were needless was not worked out.",
			subject);
		return;
	}
	rs_para(p, 0, 0,
		"%s replayed through a model of each algorithm, with every invalidation, memslot "
		"change and fault in its order under mmu_lock. A rejection counts as needless if "
		"no invalidation of the fault's page was in progress between its reading of the "
		"sequence count and its check, and a fault as missed if one was and it was let "
		"through.",
		subject);
}

static void put_vm(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		   const char *who)
{
	rs_part_headline(p, rep, v, who);
	rs_blank_line(p);
	if (!v->checked && !v->inval_hit) {
		rs_part_contents(p, v);
		return;
	}
	rs_part_answer(p, rep, v);
	rs_blank_line(p);
	if (rs_part_missed(p, rep, v))
		rs_blank_line(p);
	if (!rep->result->counts_only) {
		rs_part_tables(p, rep, v);
		rs_blank_line(p);
	}
	rs_part_contents(p, v);
	rs_part_agreement(p, rep, v);
}

/* One VM as it is; of several the sum only: a mail is not the place for all. */
static int put_vms(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	struct rs_vm_result all;
	char who[128];

	if (!r->nr_vms) {
		rs_para(p, 0, 0, "The trace has no VM: nothing can be concluded.");
		return 0;
	}
	if (r->nr_vms == 1) {
		put_vm(p, rep, &r->vms[0], rs_part_vm_name(rep, r->vms[0].vm, who, sizeof(who)));
		return 0;
	}
	if (rs_result_sum_vms(r, &all))
		return -ENOMEM;
	snprintf(who, sizeof(who), "All %zu VMs together", r->nr_vms);
	put_vm(p, rep, &all, who);
	rs_vm_result_free(&all, r->nr_algos);
	return 0;
}

void rs_part_limits(struct rs_page *p, const struct rs_report *rep)
{
	rs_para(p, 0, 0, "Limits:");
	rs_blank_line(p);
	if (!rep->result->closed)
		rs_para(p, 0, 2,
			"- Open loop: each recorded fault is judged once by each algorithm. The "
			"trace is full of the refaults that its own kernel caused, so the counts "
			"say what an algorithm would have done with these faults, not how many "
			"there would have been.");
	else
		rs_para(p, 0, 2,
			"- Closed loop: recorded times are used as long as there are any; what "
			"the guest would have done with the time it gained is not known.");
	rs_para(p, 0, 2, "- One trace is one workload on one host.");
	if (!rs_part_cautions(p, rep))
		rs_para(p, 0, 2, "- No event was lost, and no anomaly was found.");
}

void rs_part_reproduction(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	const struct rs_trace_meta *m = rep->meta;
	char count[32], time[32];

	rs_para(p, 0, 0, "To reproduce, with retryscope %s:", rep->version);
	rs_blank_line(p);
	if (rep->command)
		rs_command_lines(p, 2, rep->command);
	rs_blank_line(p);
	rs_para(p, 0, 2, "Trace: %s, %s events in %s.", rep->path ? rep->path : "several",
		rs_format_count(r->events, count, sizeof(count)),
		rs_format_time((double)(r->end_ns - r->begin_ns), time, sizeof(time)));
	if (m->identity[0])
		rs_para(p, 0, 2, "Its identity: %s", m->identity);
	if (m->kernel)
		rs_para(p, 0, 2, "Kernel: %s", m->kernel);
	for (size_t i = 0; i < m->nr_facts; i++)
		rs_para(p, 0, 2, "%s: %s", m->facts[i].key, m->facts[i].value);
	if (rep->sources)
		rs_part_sources(p, rep);
}

static int write_mail(FILE *f, const struct rs_report *rep)
{
	struct rs_page p = { .f = f, .width = COLUMNS };

	put_question(&p, rep);
	rs_blank_line(&p);
	rs_part_method(&p, rep);
	rs_blank_line(&p);
	if (put_vms(&p, rep))
		return -ENOMEM;
	rs_blank_line(&p);
	if (rep->fleet && rep->fleet->asked) {
		rs_fleet_table(&p, rep->fleet);
		rs_blank_line(&p);
	}
	rs_part_limits(&p, rep);
	rs_blank_line(&p);
	rs_part_reproduction(&p, rep);
	return p.err ? p.err : ferror(f) ? -EIO : 0;
}

const struct rs_report_format rs_report_mail = {
	.name = "mail",
	.summary = "plain text for a patch discussion, 72 columns",
	.identity = true,
	.write = write_mail,
};
