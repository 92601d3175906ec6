// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "analysis/report/derive.h"
#include "analysis/report/report_formats.h"
#include "analysis/write/units.h"

/*
 * One row per VM and algorithm, fields as in RFC 4180 (but lines end in LF).
 * What is not known is empty.
 */
static void put_text(FILE *f, const char *text)
{
	fputc('"', f);
	for (; text && *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void put_number(FILE *f, double v)
{
	if (isfinite(v))
		fprintf(f, ",%.12g", v);
	else
		fputc(',', f);
}

static void put_count(FILE *f, uint64_t v)
{
	fprintf(f, ",%" PRIu64, v);
}

static void put_header(FILE *f, bool closed)
{
	fputs("trace,kernel,vm,pid,command,algorithm,duration_ns,guest_mean_frames,"
	      "guest_max_frames,guest_aliased_frames,memslots,invalidations_hit,"
	      "invalidations_no_hit,checked_faults,necessary_faults,rejected_faults,"
	      "spurious_faults,missed_faults",
	      f);
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		fprintf(f, ",spurious_%s_faults", rs_cause_name(c));
	fputs(",blocked_page_ns,blocked_mean_frames,blocked_mean_share_of_guest,"
	      "blocked_max_frames,blocked_per_exact,locked_known_faults,locked_same_faults,"
	      "lockless_known_faults,lockless_same_faults",
	      f);
	if (closed)
		fputs(",logical_faults,retries,as_recorded_faults,starved_faults,stall_total_ns,"
		      "stall_p50_ns,stall_p99_ns,stall_p999_ns,stall_max_ns,service_total_ns,"
		      "service_p50_ns,service_p99_ns,service_p999_ns,service_max_ns",
		      f);
	fputc('\n', f);
}

static void put_vm(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_vm_info *info = rs_vm_info_find(rep->meta, v->vm);

	put_text(f, rep->path);
	fputc(',', f);
	put_text(f, rep->meta->kernel);
	put_count(f, v->vm);
	fprintf(f, ",%" PRId64 ",", info ? info->pid : 0);
	put_text(f, info ? info->command : NULL);
}

static void put_algo(FILE *f, const struct rs_report *rep, const struct rs_vm_result *v,
		     const struct rs_algo_result *a)
{
	char page_ns[48];

	fputc(',', f);
	put_text(f, a->name);
	put_count(f, rs_vm_duration_ns(v));
	put_number(f, v->mean_frames);
	put_count(f, v->frames);
	put_count(f, v->aliased_frames);
	put_count(f, v->memslots);
	put_count(f, v->inval_hit);
	put_count(f, v->inval_no_hit);
	put_count(f, v->checked);
	put_count(f, v->necessary);
	put_count(f, a->rejected);
	put_count(f, a->spurious);
	put_count(f, a->missed);
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		put_count(f, a->causes[c]);
	fprintf(f, ",%s", rs_format_u128(a->blocked_page_ns, page_ns, sizeof(page_ns)));
	put_number(f, rs_blocked_mean(v, a));
	put_number(f, rs_blocked_share(v, a));
	put_count(f, a->blocked_max);
	put_number(f, rs_widening(a, rs_vm_algo(rep->result, v, "exact")));
	put_count(f, a->locked.known);
	put_count(f, a->locked.same);
	put_count(f, a->lockless.known);
	put_count(f, a->lockless.same);
}

static void put_times(FILE *f, const struct rs_hist *h)
{
	char total[48];

	fprintf(f, ",%s", rs_format_u128(h->total, total, sizeof(total)));
	put_number(f, rs_quantile(h, 0.5));
	put_number(f, rs_quantile(h, 0.99));
	put_number(f, rs_quantile(h, 0.999));
	put_count(f, h->max);
}

static void put_closed(FILE *f, const struct rs_vm_result *v, const struct rs_closed_algo *c)
{
	static const struct rs_closed_algo none;

	if (!c)
		c = &none;
	put_count(f, v->closed.logical_faults);
	put_count(f, c->retries);
	put_count(f, c->as_recorded);
	put_count(f, c->starved);
	put_times(f, &c->stall_ns);
	put_times(f, &c->service_ns);
}

static int write_csv(FILE *f, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;

	put_header(f, r->closed);
	for (size_t i = 0; i < r->nr_vms; i++) {
		for (size_t k = 0; k < r->nr_algos; k++) {
			const struct rs_algo_result *a = &r->vms[i].algos[k];

			put_vm(f, rep, &r->vms[i]);
			put_algo(f, rep, &r->vms[i], a);
			if (r->closed)
				put_closed(f, &r->vms[i], a->closed);
			fputc('\n', f);
		}
	}
	return ferror(f) ? -EIO : 0;
}

const struct rs_report_format rs_report_csv = {
	.name = "csv",
	.summary = "one row per VM and algorithm",
	.write = write_csv,
};
