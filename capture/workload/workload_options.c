// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload.h"

#include <string.h>

struct named_op {
	const char *name;
	const char *text;
};

#define NAMED_OP(sym, name, text) { name, text },
static const struct named_op invalidate_ops[] = { RS_WORKLOAD_OPS(NAMED_OP) };
static const struct named_op churn_ops[] = { RS_WORKLOAD_CHURN_OPS(NAMED_OP) };
#undef NAMED_OP

void rs_workload_defaults(struct rs_workload_options *opts)
{
	*opts = (struct rs_workload_options){
		.vms = 1,
		.vcpus = 2,
		.pages = 1024,
		.aliases = 3,
		.alias_distance_pages = (256ULL << 20) / 4096,
		.memslots = 1,
		.invalidators = 1,
		.ops = 1U << RS_WORKLOAD_DONTNEED,
		.range_min = 1,
		.range_max = 64,
		.churn_ops = 1U << RS_CHURN_DELETE,
		.write_percent = 50,
		.duration_ns = 3000000000ULL,
		.seed = 1,
	};
}

static void apply_alias0(struct rs_workload_options *opts)
{
	opts->aliases = 0;
}

static void apply_alias1(struct rs_workload_options *opts)
{
	opts->aliases = 1;
}

static void apply_alias3(struct rs_workload_options *opts)
{
	opts->aliases = 3;
}

static void apply_alias7(struct rs_workload_options *opts)
{
	opts->aliases = 7;
}

static void apply_partial(struct rs_workload_options *opts)
{
	opts->aliases = 2;
	opts->partial = 3;
}

static void apply_thp(struct rs_workload_options *opts)
{
	opts->pages = 4096;
	opts->thp = RS_THP_ON;
	opts->ops |= 1U << RS_WORKLOAD_COLLAPSE;
	opts->range_max = 1024;
}

static void apply_churn(struct rs_workload_options *opts)
{
	opts->churn_rate = 200;
	opts->churn_ops = (1U << RS_NR_CHURN_OPS) - 1;
}

static void apply_invalidators(struct rs_workload_options *opts)
{
	opts->invalidators = 3;
	opts->ops = 1U << RS_WORKLOAD_DONTNEED | 1U << RS_WORKLOAD_MPROTECT |
		    1U << RS_WORKLOAD_REMAP | 1U << RS_WORKLOAD_PAGEOUT;
}

static void apply_memslots(struct rs_workload_options *opts)
{
	opts->pages = 8192;
	opts->aliases = 1;
	opts->memslots = 2048;
}

static void apply_vms(struct rs_workload_options *opts)
{
	opts->vms = 2;
	opts->vcpus = 1;
}

static void apply_gmem(struct rs_workload_options *opts)
{
	opts->backing = RS_WORKLOAD_GUEST_MEMFD;
	opts->memslots = 4;
	opts->invalidators = 2;
	opts->ops =
		1U << RS_WORKLOAD_PUNCH | 1U << RS_WORKLOAD_DONTNEED | 1U << RS_WORKLOAD_POPULATE;
}

static void apply_gmem_mixed(struct rs_workload_options *opts)
{
	apply_gmem(opts);
	opts->backing = RS_WORKLOAD_MIXED;
	opts->aliases = 1;
}

static void apply_gmem_two_vms(struct rs_workload_options *opts)
{
	apply_gmem_mixed(opts);
	opts->vms = 2;
	opts->one_process = true;
	opts->vcpus = 1;
	opts->invalidators = 1;
}

const struct rs_workload_scenario rs_workload_scenarios[] = {
	{ "alias0", "one memslot, no aliasing", apply_alias0 },
	{ "alias1", "the same pages in 2 memslots, 256 MiB of frames apart", apply_alias1 },
	{ "alias3", "the same pages in 4 memslots", apply_alias3 },
	{ "alias7", "the same pages in 8 memslots", apply_alias7 },
	{ "partial", "2 whole aliases and 3 partial ones at other offsets", apply_partial },
	{ "thp", "16 MiB in huge pages, in 4 memslots, split and collapsed", apply_thp },
	{ "churn", "alias3, and memslots deleted, moved and changed meanwhile", apply_churn },
	{ "invalidators", "alias3 with 3 invalidating threads and 4 kinds of invalidation",
	  apply_invalidators },
	{ "memslots", "32 MiB and their alias in 4,096 memslots", apply_memslots },
	{ "vms", "two VMs like alias3, with one vCPU each", apply_vms },
	{ "gmem", "a guest_memfd in 16 memslots; holes are punched, its mapping is discarded",
	  apply_gmem },
	{ "gmem-mixed", "memslots of a guest_memfd, and of anonymous memory in 2 aliases",
	  apply_gmem_mixed },
	{ "gmem-two-vms", "two VMs like gmem-mixed in one process, with one vCPU each",
	  apply_gmem_two_vms },
	{ NULL, NULL, NULL },
};

const struct rs_workload_scenario *rs_workload_scenario_find(const char *name)
{
	for (const struct rs_workload_scenario *s = rs_workload_scenarios; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static const char *op_name(const struct named_op *table, unsigned int count, unsigned int op,
			   const char **text)
{
	if (op >= count)
		return NULL;
	if (text)
		*text = table[op].text;
	return table[op].name;
}

const char *rs_workload_op_name(unsigned int op, const char **text)
{
	return op_name(invalidate_ops, RS_NR_WORKLOAD_OPS, op, text);
}

const char *rs_churn_op_name(unsigned int op, const char **text)
{
	return op_name(churn_ops, RS_NR_CHURN_OPS, op, text);
}
