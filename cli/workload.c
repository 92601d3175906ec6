// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/workload/workload.h"
#include "cli/cli.h"
#include "cli/near.h"
#include "cli/output.h"
#include "base/parse.h"

enum {
	OPT_SCENARIO = 256,
	OPT_LIST,
	OPT_VMS,
	OPT_ONE_PROCESS,
	OPT_MEMORY,
	OPT_VCPUS,
	OPT_PAGES,
	OPT_ALIASES,
	OPT_DISTANCE,
	OPT_PARTIAL,
	OPT_MEMSLOTS,
	OPT_INVALIDATORS,
	OPT_OPS,
	OPT_RANGE,
	OPT_RATE,
	OPT_THP,
	OPT_CHURN,
	OPT_CHURN_OPS,
	OPT_WRITES,
	OPT_SECONDS,
	OPT_SEED,
	OPT_JSON,
	OPT_MEMSLOTS_TO,
};

/* As enum rs_workload_backing and enum rs_workload_thp have them. */
#define MEMORIES "anonymous|guest_memfd|mixed"
#define THPS "off|on|host"

static const struct argp_option options[] = {
	{ "scenario", OPT_SCENARIO, "NAME", 0, "begin with a named scenario's settings", 0 },
	{ "list", OPT_LIST, NULL, 0, "list the scenarios and operations, and exit", 0 },
	{ "vms", OPT_VMS, "N", 0, "VMs at once, each in a process of its own (1)", 0 },
	{ "one-process", OPT_ONE_PROCESS, NULL, 0, "all VMs in one process", 0 },
	{ "memory", OPT_MEMORY, MEMORIES, 0,
	  "what the guest's memory is; of a guest_memfd each page is in one memslot, and what "
	  "would be aliases are areas that its memslots are dealt out to (anonymous)",
	  0 },
	{ "vcpus", OPT_VCPUS, "N", 0, "vCPUs of each VM (2)", 0 },
	{ "pages", OPT_PAGES, "N", 0, "pages of host memory that the guest touches (1024)", 0 },
	{ "aliases", OPT_ALIASES, "N", 0, "further memslots that map all of them (3)", 0 },
	{ "alias-distance", OPT_DISTANCE, "SIZE", 0,
	  "guest memory from one alias to the next (256M)", 0 },
	{ "partial", OPT_PARTIAL, "N", 0, "further memslots that map a part of them (0)", 0 },
	{ "memslots", OPT_MEMSLOTS, "N", 0, "cut each whole mapping into N memslots (1)", 0 },
	{ "invalidators", OPT_INVALIDATORS, "N", 0, "invalidating threads of each VM (1)", 0 },
	{ "ops", OPT_OPS, "LIST", 0, "what they do: names, or all (dontneed)", 0 },
	{ "range", OPT_RANGE, "MIN[-MAX]", 0, "pages of one invalidation (1-64)", 0 },
	{ "rate", OPT_RATE, "N", 0, "invalidations a second and thread (no limit)", 0 },
	{ "thp", OPT_THP, THPS, 0, "huge pages for the guest (off)", 0 },
	{ "churn", OPT_CHURN, "N", 0, "memslot changes a second (0)", 0 },
	{ "churn-ops", OPT_CHURN_OPS, "LIST", 0, "which changes: names, or all (delete)", 0 },
	{ "writes", OPT_WRITES, "PERCENT", 0, "share of writes among the accesses (50)", 0 },
	{ "seconds", OPT_SECONDS, "TIME", 0,
	  "run so long; a number is seconds, 0 until interrupted (3)", 0 },
	{ "seed", OPT_SEED, "N", 0, "of the random numbers (1)", 0 },
	{ "json", OPT_JSON, NULL, 0, "report as JSON", 0 },
	{ "memslots-to", OPT_MEMSLOTS_TO, "FILE", 0,
	  "write the memslots as lines of the text form, for `replay --memslots`", 0 },
	{ 0 },
};

struct workload_args {
	struct rs_workload_options opts;
	const char *memslots_to; /* NULL: nowhere */
	bool json, list;
};

static void parse_number(struct argp_state *state, const char *name, const char *arg, uint64_t max,
			 uint64_t *value)
{
	if (rs_parse_u64(arg, value) || *value > max)
		rs_cli_usage(state, "--%s takes a number up to %" PRIu64 ", not '%s'", name, max,
			     arg);
}

static void parse_u32(struct argp_state *state, const char *name, const char *arg, uint32_t *value)
{
	uint64_t v = 0;

	parse_number(state, name, arg, UINT32_MAX, &v);
	*value = (uint32_t)v;
}

static void parse_scenario(struct argp_state *state, const char *arg,
			   struct rs_workload_options *opts)
{
	const struct rs_workload_scenario *s = rs_workload_scenario_find(arg);
	struct rs_near near;

	if (s) {
		s->apply(opts);
		return;
	}
	rs_near_init(&near, arg, strlen(arg));
	for (s = rs_workload_scenarios; s->name; s++)
		rs_near_try(&near, s->name, strlen(s->name));
	rs_cli_usage(state, "no scenario '%s'%s", arg, rs_near_hint(&near, "; --list names them"));
}

static void parse_distance(struct argp_state *state, const char *arg, uint64_t *pages)
{
	uint64_t bytes = 0;

	if (rs_parse_size(arg, &bytes) || bytes % 4096 || !bytes)
		rs_cli_usage(state, "--alias-distance takes a multiple of 4K, not '%s'", arg);
	*pages = bytes / 4096;
}

static void parse_range(struct argp_state *state, const char *arg, struct rs_workload_options *opts)
{
	const char *dash = strchr(arg, '-');
	char *min = strndup(arg, dash ? (size_t)(dash - arg) : strlen(arg));

	if (!min || rs_parse_u64(min, &opts->range_min) ||
	    rs_parse_u64(dash ? dash + 1 : min, &opts->range_max))
		rs_cli_usage(state, "--range takes MIN or MIN-MAX pages, not '%s'", arg);
	free(min);
}

static const char *op_name(unsigned int op)
{
	return rs_workload_op_name(op, NULL);
}

static const char *churn_op_name(unsigned int op)
{
	return rs_churn_op_name(op, NULL);
}

/* "dontneed,remap", or "all" of the @nr operations: a bit for each. */
static uint32_t parse_ops(struct argp_state *state, const char *option,
			  const char *(*name)(unsigned int op), unsigned int nr, const char *arg)
{
	if (!strcmp(arg, "all"))
		return (1U << nr) - 1;
	return rs_cli_names(state, option, name, nr, "all or names that --list prints", arg);
}

static void parse_seconds(struct argp_state *state, const char *arg, uint64_t *ns)
{
	char text[64];

	/* A bare number is seconds here, as the option's name says. */
	snprintf(text, sizeof(text), "%s%s", arg, arg[strspn(arg, "0123456789")] ? "" : "s");
	if (rs_parse_time(text, ns))
		rs_cli_usage(state, "--seconds takes a time, not '%s'", arg);
}

static error_t parse_shape(int key, char *arg, struct argp_state *state,
			   struct rs_workload_options *opts)
{
	switch (key) {
	case OPT_VMS:
		parse_u32(state, "vms", arg, &opts->vms);
		return 0;
	case OPT_ONE_PROCESS:
		opts->one_process = true;
		return 0;
	case OPT_MEMORY:
		opts->backing = rs_cli_choice(state, "--memory", MEMORIES, arg);
		return 0;
	case OPT_VCPUS:
		parse_u32(state, "vcpus", arg, &opts->vcpus);
		return 0;
	case OPT_PAGES:
		parse_number(state, "pages", arg, UINT32_MAX, &opts->pages);
		return 0;
	case OPT_ALIASES:
		parse_u32(state, "aliases", arg, &opts->aliases);
		return 0;
	case OPT_DISTANCE:
		parse_distance(state, arg, &opts->alias_distance_pages);
		return 0;
	case OPT_PARTIAL:
		parse_u32(state, "partial", arg, &opts->partial);
		return 0;
	case OPT_MEMSLOTS:
		parse_u32(state, "memslots", arg, &opts->memslots);
		return 0;
	case OPT_THP:
		opts->thp = rs_cli_choice(state, "--thp", THPS, arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_activity(int key, char *arg, struct argp_state *state,
			      struct rs_workload_options *opts)
{
	switch (key) {
	case OPT_INVALIDATORS:
		parse_u32(state, "invalidators", arg, &opts->invalidators);
		return 0;
	case OPT_OPS:
		opts->ops = parse_ops(state, "--ops", op_name, RS_NR_WORKLOAD_OPS, arg);
		return 0;
	case OPT_RANGE:
		parse_range(state, arg, opts);
		return 0;
	case OPT_RATE:
		parse_number(state, "rate", arg, UINT32_MAX, &opts->rate);
		return 0;
	case OPT_CHURN:
		parse_number(state, "churn", arg, UINT32_MAX, &opts->churn_rate);
		return 0;
	case OPT_CHURN_OPS:
		opts->churn_ops =
			parse_ops(state, "--churn-ops", churn_op_name, RS_NR_CHURN_OPS, arg);
		return 0;
	case OPT_WRITES:
		parse_u32(state, "writes", arg, &opts->write_percent);
		return 0;
	case OPT_SECONDS:
		parse_seconds(state, arg, &opts->duration_ns);
		return 0;
	case OPT_SEED:
		parse_number(state, "seed", arg, UINT64_MAX, &opts->seed);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct workload_args *args = state->input;

	switch (key) {
	case OPT_SCENARIO:
		parse_scenario(state, arg, &args->opts);
		return 0;
	case OPT_LIST:
		args->list = true;
		return 0;
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_MEMSLOTS_TO:
		args->memslots_to = arg;
		return 0;
	case ARGP_KEY_ARG:
		rs_cli_usage(state, "takes no file: '%s'", arg);
		return 0;
	}
	if (!parse_shape(key, arg, state, &args->opts))
		return 0;
	return parse_activity(key, arg, state, &args->opts);
}

static void print_list(void)
{
	const char *text, *name;

	puts("Scenarios:");
	for (const struct rs_workload_scenario *s = rs_workload_scenarios; s->name; s++)
		printf("  %-14s %s\n", s->name, s->summary);
	puts("\nOperations of --ops:");
	for (unsigned int i = 0; (name = rs_workload_op_name(i, &text)); i++)
		printf("  %-14s %s\n", name, text);
	puts("\nOperations of --churn-ops:");
	for (unsigned int i = 0; (name = rs_churn_op_name(i, &text)); i++)
		printf("  %-14s %s\n", name, text);
}

static void print_ops(FILE *f, const char *what, const uint64_t *counts,
		      const char *(*name)(unsigned int, const char **))
{
	for (unsigned int i = 0; name(i, NULL); i++)
		if (counts[i])
			fprintf(f, "  %-22s %12" PRIu64 " %s\n", name(i, NULL), counts[i], what);
}

static void print_text(FILE *f, const struct rs_workload_result *r, uint32_t vm)
{
	fprintf(f, "VM %u, pid %d, %.3f s\n", vm, r->pid, (double)r->elapsed_ns / 1e9);
	fprintf(f, "  %-22s %12" PRIu64 "\n", "accesses", r->accesses);
	if (r->mmio)
		fprintf(f, "  %-22s %12" PRIu64 "\n", "without a memslot", r->mmio);
	if (r->unmapped)
		fprintf(f, "  %-22s %12" PRIu64 "\n", "on read-only memory", r->unmapped);
	print_ops(f, "invalidations", r->invalidations, rs_workload_op_name);
	print_ops(f, "refused by the host", r->refused, rs_workload_op_name);
	print_ops(f, "memslot changes", r->churned, rs_churn_op_name);
#define PRINT_STAT(name)                 \
	if (r->stats.name != UINT64_MAX) \
		fprintf(f, "  %-22s %12" PRIu64 " counted by KVM\n", #name, r->stats.name);
	RS_WORKLOAD_STATS(PRINT_STAT)
#undef PRINT_STAT
}

static json_t *json_ops(const uint64_t *counts, const char *(*name)(unsigned int, const char **))
{
	json_t *obj = json_object();

	for (unsigned int i = 0; name(i, NULL); i++)
		json_object_set_new(obj, name(i, NULL), json_integer((json_int_t)counts[i]));
	return obj;
}

static json_t *json_stats(const struct rs_workload_stats *stats)
{
	json_t *obj = json_object();

#define JSON_STAT(name)                                             \
	json_object_set_new(obj, #name,                             \
			    stats->name == UINT64_MAX ? json_null() \
						      : json_integer((json_int_t)stats->name));
	RS_WORKLOAD_STATS(JSON_STAT)
#undef JSON_STAT
	return obj;
}

static json_t *json_vm(const struct rs_workload_result *r, uint32_t vm)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "vm", (json_int_t)vm,
			 "pid", (json_int_t)r->pid, "elapsed_ns", (json_int_t)r->elapsed_ns,
			 "accesses", (json_int_t)r->accesses, "mmio", (json_int_t)r->mmio,
			 "unmapped", (json_int_t)r->unmapped, "invalidations",
			 json_ops(r->invalidations, rs_workload_op_name), "refused",
			 json_ops(r->refused, rs_workload_op_name), "churned",
			 json_ops(r->churned, rs_churn_op_name), "kvm", json_stats(&r->stats));
}

static int print_json(FILE *f, const struct rs_workload_result *results, uint32_t vms)
{
	json_t *list = json_array();
	json_t *root;
	int ret;

	for (uint32_t i = 0; i < vms; i++)
		json_array_append_new(list, json_vm(&results[i], i));
	root = json_pack("{s:s, s:o}", "schema", "retryscope-workload/1", "vms", list);
	ret = root ? json_dumpf(root, f, JSON_INDENT(2)) : -1;
	fputc('\n', f);
	json_decref(root);
	return ret ? -ENOMEM : 0;
}

static int print_results(const struct workload_args *args, const struct rs_workload_result *results,
			 struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, NULL, err);

	if (ret)
		return ret;
	if (args->json)
		ret = print_json(out.f, results, args->opts.vms);
	for (uint32_t i = 0; !args->json && i < args->opts.vms; i++)
		print_text(out.f, &results[i], i);
	return rs_output_end(&out, ret, err);
}

static void write_memslots(FILE *f, const struct rs_workload_plan *plan, uint32_t vm,
			   const struct rs_workload_result *r)
{
	for (uint32_t i = 0; i < plan->nr_slots; i++) {
		const struct rs_workload_slot *s = &plan->slots[i];
		uint64_t base = s->guest_memfd ? r->guest_memfd_hva : r->memory_hva;
		uint64_t hva = i ? base + s->host_page * 4096 : r->code_hva;

		fprintf(f,
			"0 %" PRIu32 " memslot as=0 id=%" PRIu32 " gfn=0x%" PRIx64
			" npages=0x%" PRIx64 " hva=0x%" PRIx64 " flags=0\n",
			vm + 1, s->id, s->gfn, s->npages, hva);
	}
}

static int save_memslots(const struct workload_args *args, const struct rs_workload_result *results,
			 struct rs_error *err)
{
	struct rs_workload_plan plan;
	struct rs_output out;
	int ret = rs_workload_plan_make(&args->opts, &plan, err);

	if (ret)
		return ret;
	ret = rs_output_open(&out, args->memslots_to, err);
	if (!ret) {
		fputs("retryscope-events 1\n", out.f);
		for (uint32_t i = 0; i < args->opts.vms; i++)
			write_memslots(out.f, &plan, i, &results[i]);
		ret = rs_output_finish(&out, err);
	}
	rs_workload_plan_free(&plan);
	return ret;
}

static int run(const struct workload_args *args)
{
	struct rs_workload_result *results = calloc(args->opts.vms + 1, sizeof(*results));
	struct rs_error err = { 0 };
	int ret;

	if (!results) {
		rs_error_nomem(&err);
		return rs_cli_report(&err);
	}
	if (args->memslots_to && rs_output_check(args->memslots_to, &err)) {
		free(results);
		return rs_cli_report(&err);
	}
	/* Guests and invalidators are told to end, and have their results printed. */
	rs_cli_be_patient();
	ret = rs_workload_run(&args->opts, &rs_cli_interrupted, results, &err);
	if (!ret && args->memslots_to)
		ret = save_memslots(args, results, &err);
	if (!ret)
		ret = print_results(args, results, &err);
	ret = ret ? rs_cli_report(&err) : RS_EXIT_OK;
	free(results);
	return ret;
}

int rs_cmd_workload(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Runs small KVM guests whose memory is mapped by several memslots and "
		       "invalidated meanwhile: something to record on any host with KVM."
		       "\vEnds cleanly on SIGINT and SIGTERM, and reports what it did.",
	};
	struct workload_args args = { 0 };

	rs_workload_defaults(&args.opts);
	argp_err_exit_status = RS_EXIT_USAGE;
	rs_cli_parse(&argp, argc, argv, 0, &args);
	if (args.list) {
		print_list();
		return RS_EXIT_OK;
	}
	return run(&args);
}
