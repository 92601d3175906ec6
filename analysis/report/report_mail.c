// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "analysis/report/fleet.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"

#define COLUMNS 72

static void put_question(struct rs_page *p, const struct rs_report *rep)
{
	rs_para(p, 0, 0,
		rep->result->counts_only
			? "The question was how many guest page faults are dropped and tried again "
			  "because of an MMU notifier, with each way to remember what is being "
			  "invalidated."
			: "The question was how many guest page faults are dropped and tried again "
			  "because of an MMU notifier, how many of them needlessly, and how much "
			  "of the guest is blocked, with each way to remember what is being "
			  "invalidated.");
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
static void put_all(struct rs_page *p, const void *arg, const struct rs_vm_result *v,
		    const char *who)
{
	const struct rs_report *rep = arg;

	if (rs_part_sentences(p, rep, v))
		rs_blank_line(p);
	put_question(p, rep);
	rs_blank_line(p);
	rs_part_method(p, rep);
	rs_blank_line(p);
	put_vm(p, rep, v, who);
	rs_blank_line(p);
	rs_part_algorithms(p, rep);
}

/* The kernels on which each decision was compared: docs/validity.md. */
static bool is_checked_kernel(const char *release)
{
	static const char *const checked[] = { "6.1.", "6.12.", "6.18.", "7.3." };

	for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
		if (!strncmp(release, checked[i], strlen(checked[i])))
			return true;
	return false;
}

static bool is_virtual(const struct rs_trace_meta *m)
{
	const char *cpu = rs_meta_fact(m, "host.cpu"), *virtual = rs_meta_fact(m, "host.virtual");

	return (virtual && !strcmp(virtual, "yes")) || (cpu && strstr(cpu, "QEMU"));
}

static void put_limits_of_host(struct rs_page *p, const struct rs_trace_meta *m)
{
	if (is_virtual(m))
		rs_para(p, 0, 2,
			"- The host is itself virtual or emulated: the order of events and the "
			"decisions are the kernel's, the times are not those of a real machine.");
	else if (!rs_meta_fact(m, "host.virtual"))
		rs_para(p, 0, 2,
			"- Whether the host is a real machine was not recorded: in an emulated one "
			"order and decisions are the kernel's, and times are not.");
	if (m->kernel && !is_checked_kernel(m->kernel))
		rs_para(p, 0, 2,
			"- The model was checked in full on 6.1, 6.12, 6.18 and 7.3, and not on "
			"this kernel.");
}

static void put_limits_of_loop(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	bool assumed = false;

	for (size_t i = 0; i < r->nr_vms; i++)
		assumed |= r->vms[i].closed.retry_gap_assumed;
	if (!r->closed) {
		rs_para(p, 0, 2,
			"- Open loop: each recorded fault is judged once by each algorithm. The "
			"trace is full of the retries that its own kernel caused, so the counts "
			"say what an algorithm would have done with these faults, not how many "
			"there would have been.");
		return;
	}
	rs_para(p, 0, 2,
		"- The table of rejections is of the open loop: of faults, and of retries of them, "
		"that the traced kernel had. It compares no algorithms.");
	rs_para(p, 0, 2,
		"- Closed loop: recorded times are used as long as there are any; what the guest "
		"would have done with the time it gained is not known. Where the two arrivals "
		"differ, that decides.");
	rs_para(p, 0, 2,
		"- Stall is all time beyond the median attempt, also that of a look-up which "
		"sleeps or a vCPU which does not run: that of exact is in all of them.");
	if (assumed)
		rs_para(p, 0, 2,
			"- No retry tells how long the vCPU takes to come back: that is assumed.");
}

void rs_part_limits(struct rs_page *p, const struct rs_report *rep)
{
	rs_para(p, 0, 0, "Limits:");
	rs_blank_line(p);
	put_limits_of_loop(p, rep);
	put_limits_of_host(p, rep->meta);
	rs_para(p, 0, 2, "- One trace is one workload on one host.");
	if (!rs_part_cautions(p, rep))
		rs_para(p, 0, 2, "- No event was lost, and no anomaly was found.");
}

void rs_part_reproduction(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	const struct rs_trace_meta *m = rep->meta;
	char count[32], time[32];

	if (rep->commit && rep->commit[0])
		rs_para(p, 0, 0, "To reproduce, with retryscope %s, commit %s:", rep->version,
			rep->commit);
	else
		rs_para(p, 0, 0, "To reproduce, with retryscope %s:", rep->version);
	rs_blank_line(p);
	if (rep->command)
		rs_command_lines(p, 2, rep->command);
	rs_blank_line(p);
	rs_para(p, 0, 2, "Trace: %s, %s events in %s.", rep->path ? rep->path : "several",
		rs_format_count(r->events, count, sizeof(count)),
		rs_format_time((double)(r->end_ns - r->begin_ns), time, sizeof(time)));
	if (rep->sha256) {
		rs_para(p, 0, 2, "Its size: %s bytes",
			rs_format_count(rep->size, count, sizeof(count)));
		rs_para(p, 0, 2, "Its SHA-256: %s", rep->sha256);
	}
	if (m->identity[0])
		rs_para(p, 0, 2, "Its identity: %s", m->identity);
	rs_part_host(p, m);
	for (size_t i = 0; i < m->nr_facts; i++)
		rs_para(p, 0, 2, "%s: %s", m->facts[i].key, m->facts[i].value);
	if (rep->sources)
		rs_part_sources(p, rep);
}

static int write_mail(FILE *f, const struct rs_report *rep)
{
	struct rs_page p = { .f = f, .width = COLUMNS, .breaks_words = true };

	rs_part_whole(&p, rep, put_all, rep);
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
	.file = true,
	.closed = true,
	.both = true,
	.write = write_mail,
};
