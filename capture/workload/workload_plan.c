// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* What is touched begins at 16 MiB, and ends below the local APIC and what KVM needs for itself. */
#define DATA_GFN 0x1000ULL
#define END_GFN 0xf0000ULL
/* KVM's own limit on x86. */
#define MAX_MEMSLOTS 32764U
#define MAX_VCPUS 256U

struct range_check {
	const char *name;
	uint64_t value, min, max;
};

static int check_ranges(const struct rs_workload_options *opts, struct rs_error *err)
{
	const struct range_check checks[] = {
		{ "the number of VMs", opts->vms, 1, 64 },
		{ "the number of vCPUs", opts->vcpus, 1, MAX_VCPUS },
		{ "the number of pages", opts->pages, 1, END_GFN - DATA_GFN },
		{ "the number of aliases", opts->aliases, 0, 1024 },
		{ "the number of partial aliases", opts->partial, 0, 1024 },
		{ "the number of memslots", opts->memslots, 1, MAX_MEMSLOTS },
		{ "the alias distance in pages", opts->alias_distance_pages, 1, END_GFN },
		{ "the number of invalidators", opts->invalidators, 0, 1024 },
		{ "the smallest range", opts->range_min, 1, opts->range_max },
		{ "the largest range", opts->range_max, 1, opts->pages },
		{ "the rate", opts->rate, 0, 1000000000 },
		{ "the churn rate", opts->churn_rate, 0, 1000000000 },
		{ "the share of writes", opts->write_percent, 0, 100 },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].value < checks[i].min || checks[i].value > checks[i].max)
			return rs_error_set(err, RS_ERR_USAGE, EINVAL,
					    "%s is %" PRIu64 ", not in %" PRIu64 " to %" PRIu64,
					    checks[i].name, checks[i].value, checks[i].min,
					    checks[i].max);
	return 0;
}

/* What KVM does not allow with a guest_memfd: that is known before there is a VM. */
static int check_guest_memfd(const struct rs_workload_options *opts, struct rs_error *err)
{
	const uint64_t slots = (1ULL + opts->aliases) * opts->memslots;

	/* "all" are all that there are for that memory. */
	if (opts->backing == RS_WORKLOAD_ANONYMOUS && opts->ops != RS_WORKLOAD_ALL_OPS &&
	    opts->ops & 1U << RS_WORKLOAD_PUNCH)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "holes can be punched into a guest_memfd only");
	if (opts->backing == RS_WORKLOAD_ANONYMOUS)
		return 0;
	if (opts->backing == RS_WORKLOAD_GUEST_MEMFD && opts->partial)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "a page of a guest_memfd is in one memslot only: no partial "
				    "aliases");
	if (opts->backing == RS_WORKLOAD_GUEST_MEMFD && opts->thp == RS_THP_ON)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "a guest_memfd has no huge pages");
	if (opts->churn_rate && opts->churn_ops & ~(1U << RS_CHURN_DELETE))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "memslots of a guest_memfd can be deleted, not changed");
	if (opts->pages < slots)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "%" PRIu64 " pages of a guest_memfd cannot be dealt out to "
				    "%" PRIu64 " memslots",
				    opts->pages, slots);
	return 0;
}

/* Areas of guest memory, one distance apart. */
static uint64_t nr_areas(const struct rs_workload_options *opts)
{
	uint64_t copies = 1ULL + opts->aliases;

	return copies * (opts->backing == RS_WORKLOAD_MIXED ? 2 : 1) + opts->partial;
}

static int check_fit(const struct rs_workload_options *opts, uint64_t slots, struct rs_error *err)
{
	uint64_t copies = nr_areas(opts);
	uint64_t end = DATA_GFN + (copies - 1) * opts->alias_distance_pages + opts->pages;

	if (opts->memslots > opts->pages)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "%" PRIu64 " pages cannot be cut into %" PRIu32 " memslots",
				    opts->pages, opts->memslots);
	if (slots > MAX_MEMSLOTS)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "%" PRIu64 " memslots with all aliases: KVM has %u", slots,
				    MAX_MEMSLOTS);
	if (copies > 1 && opts->alias_distance_pages < opts->pages)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "aliases %" PRIu64 " pages apart overlap: they have %" PRIu64,
				    opts->alias_distance_pages, opts->pages);
	if (end + opts->pages > END_GFN)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "%" PRIu64 " aliases of %" PRIu64 " pages, %" PRIu64
				    " apart, do not fit below 4 GiB",
				    copies - 1, opts->pages, opts->alias_distance_pages);
	if (!opts->ops && opts->invalidators)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "invalidators without an operation");
	if (!opts->churn_ops && opts->churn_rate)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "churn without an operation");
	return check_guest_memfd(opts, err);
}

static uint64_t table_pages(uint64_t touched)
{
	return (touched * sizeof(uint32_t) + RS_PAGE_SIZE - 1) / RS_PAGE_SIZE;
}

uint64_t rs_workload_table_gfn(const struct rs_workload_options *opts)
{
	return RS_WORKLOAD_CONTROL_GFN + opts->vcpus;
}

static void add_slot(struct rs_workload_plan *plan, uint64_t gfn, uint64_t npages,
		     uint64_t host_page, bool guest_memfd)
{
	plan->slots[plan->nr_slots] = (struct rs_workload_slot){
		.id = plan->nr_slots,
		.guest_memfd = guest_memfd,
		.gfn = gfn,
		.npages = npages,
		.host_page = host_page,
	};
	plan->nr_slots++;
	plan->nr_touched += npages;
}

/* All pages at @gfn, cut into memslots that differ by at most one page. */
static void add_whole(struct rs_workload_plan *plan, const struct rs_workload_options *opts,
		      uint64_t gfn)
{
	for (uint64_t i = 0; i < opts->memslots; i++) {
		uint64_t first = opts->pages * i / opts->memslots;
		uint64_t end = opts->pages * (i + 1) / opts->memslots;

		add_slot(plan, gfn + first, end - first, first, false);
	}
}

/* The file's pages, a memslot in each area in turn, from the area at @gfn on. */
static void add_dealt_out(struct rs_workload_plan *plan, const struct rs_workload_options *opts,
			  uint64_t gfn)
{
	uint64_t areas = 1ULL + opts->aliases, slots = areas * opts->memslots;

	for (uint64_t area = 0; area < areas; area++, gfn += opts->alias_distance_pages) {
		for (uint64_t i = area; i < slots; i += areas) {
			uint64_t first = opts->pages * i / slots;
			uint64_t end = opts->pages * (i + 1) / slots;

			/* At its page's own place, so that no two in an area overlap. */
			add_slot(plan, gfn + first, end - first, first, true);
		}
	}
}

/* The k-th partial alias has half, a third, a quarter ... of the pages, from ever later on. */
static void add_partial(struct rs_workload_plan *plan, const struct rs_workload_options *opts,
			uint32_t k, uint64_t gfn)
{
	uint64_t npages = opts->pages / (k + 2);
	uint64_t first = (opts->pages - npages) * (k + 1) / (opts->partial + 1);

	if (!npages)
		npages = 1;
	if (opts->thp != RS_THP_OFF)
		first -= first % RS_HUGE_PAGE_PAGES;
	add_slot(plan, gfn, npages, first, false);
}

int rs_workload_plan_make(const struct rs_workload_options *opts, struct rs_workload_plan *plan,
			  struct rs_error *err)
{
	uint64_t slots = 1 + (nr_areas(opts) - opts->partial) * opts->memslots + opts->partial;
	uint64_t gfn = DATA_GFN;
	int ret = check_ranges(opts, err);

	*plan = (struct rs_workload_plan){ 0 };
	if (!ret)
		ret = check_fit(opts, slots, err);
	if (ret)
		return ret;
	plan->slots = calloc(slots, sizeof(*plan->slots));
	if (!plan->slots)
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM,
				    "no memory for %" PRIu64 " memslots", slots);
	plan->nr_slots = 1;
	if (opts->backing != RS_WORKLOAD_GUEST_MEMFD)
		for (uint32_t i = 0; i <= opts->aliases; i++, gfn += opts->alias_distance_pages)
			add_whole(plan, opts, gfn);
	if (opts->backing != RS_WORKLOAD_ANONYMOUS) {
		add_dealt_out(plan, opts, gfn);
		gfn += (1ULL + opts->aliases) * opts->alias_distance_pages;
	}
	for (uint32_t k = 0; k < opts->partial; k++, gfn += opts->alias_distance_pages)
		add_partial(plan, opts, k, gfn);
	plan->spare_gfn = END_GFN - opts->pages;
	plan->slots[0].gfn = RS_WORKLOAD_CODE_GFN;
	plan->slots[0].npages =
		rs_workload_table_gfn(opts) - RS_WORKLOAD_CODE_GFN + table_pages(plan->nr_touched);
	return 0;
}

void rs_workload_plan_free(struct rs_workload_plan *plan)
{
	free(plan->slots);
	*plan = (struct rs_workload_plan){ 0 };
}

void rs_workload_plan_table(const struct rs_workload_plan *plan, uint32_t *table)
{
	for (uint32_t i = 1; i < plan->nr_slots; i++)
		for (uint64_t p = 0; p < plan->slots[i].npages; p++)
			*table++ = (uint32_t)((plan->slots[i].gfn + p) * RS_PAGE_SIZE);
}
