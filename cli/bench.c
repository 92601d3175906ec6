// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_run.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/picture.h"
#include "base/parallel.h"
#include "base/parse.h"
#include "base/textbuf.h"

#define MAX_REPEAT 1000000000ULL
#define MAX_ROUND_NS 60000000000ULL

enum {
	OPT_ALGO = 0x100,
	OPT_OUTSTANDING,
	OPT_MEMSLOTS,
	OPT_ALIASES,
	OPT_ENDED,
	OPT_PAGES,
	OPT_SEED,
	OPT_ROUNDS,
	OPT_ROUND_TIME,
	OPT_CONTEND,
	OPT_THREADS,
	OPT_NOTIFIERS,
	OPT_TRACE,
	OPT_INSTRUCTIONS,
	OPT_OPS,
	OPT_PLOT,
	OPT_JSON,
};

/* What --ops repeats. */
struct repeat {
	char *text;	/* as given, cut into its parts */
	const char *op; /* NULL: no --ops */
	uint64_t times;
	bool cycles, checks, mix;
};

struct bench_args {
	struct bench_order order;
	struct repeat repeat;
	bool contend, json;
	const char *contend_only; /* the first option given that needs --contend */
	const char *output, *plot;
	char *words; /* the options, for the command line */
	size_t words_size;
	FILE *words_file;
};

static const struct argp_option options[] = {
	{ "algo", OPT_ALGO, "LIST", 0, "algorithms: names separated by commas, or all (%s)", 0 },
	{ "trace", OPT_TRACE, "FILE", 0,
	  "measure the operations of this trace, and how precise each algorithm is on it", 0 },
	{ "instructions", OPT_INSTRUCTIONS, "FILE", 0,
	  "with --trace: instructions per operation, as scripts/price-instructions counts them",
	  0 },
	{ "plot", OPT_PLOT, "FILE", 0,
	  "with --trace: draw precision against price as well (.svg, .png, .pdf, .txt)", 0 },
	{ "contend", OPT_CONTEND, NULL, 0, "measure threads that share one lock", 0 },
	{ "threads", OPT_THREADS, "LIST", 0, "with --contend: in all (1, 2, 4 ... all CPUs)", 0 },
	{ "notifiers", OPT_NOTIFIERS, "N", 0, "with --contend: how many of them are notifiers (1)",
	  0 },
	{ "ops", OPT_OPS, "ALGO/OP:N", 0,
	  "measure nothing, do N operations for a profiler: begin, slot, end, check, all; with "
	  "--trace: mix",
	  0 },
	{ NULL, 0, NULL, 0, "Setting; the first value of a list holds while others vary:", 1 },
	{ "outstanding", OPT_OUTSTANDING, "LIST", 0,
	  "invalidations in progress besides (1,10,100,1000)", 1 },
	{ "memslots", OPT_MEMSLOTS, "LIST", 0, "memslots (1,10,100,1000,32764)", 1 },
	{ "aliases", OPT_ALIASES, "LIST", 0, "further memslots that map each page (0,1,3,7)", 1 },
	{ "ended", OPT_ENDED, "LIST", 0,
	  "invalidations that ended since the checked fault began (0,1,8,100)", 1 },
	{ "pages", OPT_PAGES, "N", 0, "of one invalidation (1)", 1 },
	{ "seed", OPT_SEED, "N", 0, "of the pages (1)", 1 },
	{ NULL, 0, NULL, 0, "Measurement and output:", 2 },
	{ "rounds", OPT_ROUNDS, "N", 0, "turns of each algorithm (7)", 2 },
	{ "round-time", OPT_ROUND_TIME, "TIME", 0, "of one turn (2ms; with --contend 50ms)", 2 },
	{ "json", OPT_JSON, NULL, 0, "JSON instead of tables", 2 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 2 },
	{ 0 },
};

static uint32_t parse_number(struct argp_state *state, const char *name, const char *arg,
			     uint32_t min, uint32_t max)
{
	uint64_t v;

	if (rs_parse_u64(arg, &v) || v < min || v > max)
		rs_cli_usage(state, "--%s: %" PRIu32 " to %" PRIu32 " expected, not '%s'", name,
			     min, max, arg);
	return (uint32_t)v;
}

static void parse_list(struct argp_state *state, const char *name, const char *arg,
		       struct bench_list *list, uint32_t min, uint32_t max)
{
	char *copy = strdup(arg), *next = copy;

	if (!copy)
		rs_cli_no_memory();
	list->n = 0;
	for (char *value; (value = strsep(&next, ","));) {
		if (list->n == BENCH_MAX_VALUES)
			rs_cli_usage(state, "--%s: more than %d values", name, BENCH_MAX_VALUES);
		list->v[list->n++] = parse_number(state, name, value, min, max);
	}
	free(copy);
}

static void parse_algos(struct argp_state *state, struct bench_order *o, const char *list)
{
	struct rs_error err = { 0 };

	free(o->specs);
	o->specs = NULL;
	o->algos = list;
	if (list)
		rs_cli_check_algo_names(state, list);
	if (rs_cost_algos(list, &o->specs, &o->nr_specs, &err))
		rs_cli_usage(state, "%s", err.text);
}

/* "gfn-multi:4/end:1000" */
static void parse_ops(struct argp_state *state, struct bench_args *a, const char *arg)
{
	static const char wrong[] = "--ops: ALGO/OP:N expected, like gfn/begin:1000, not '%s'";
	struct repeat *r = &a->repeat;
	char *slash, *colon;

	free(r->text);
	r->text = strdup(arg);
	if (!r->text)
		rs_cli_no_memory();
	slash = strchr(r->text, '/');
	colon = slash ? strchr(slash, ':') : NULL;
	if (!colon || strchr(r->text, ','))
		rs_cli_usage(state, wrong, arg);
	*slash = *colon = '\0';
	r->op = slash + 1;
	r->mix = !strcmp(r->op, "mix");
	r->checks = !strcmp(r->op, "check") || !strcmp(r->op, "all");
	r->cycles = !strcmp(r->op, "begin") || !strcmp(r->op, "slot") || !strcmp(r->op, "end") ||
		    !strcmp(r->op, "all");
	if ((!r->mix && !r->checks && !r->cycles) || rs_parse_u64(colon + 1, &r->times) ||
	    !r->times || r->times > MAX_REPEAT)
		rs_cli_usage(state, wrong, arg);
	parse_algos(state, &a->order, r->text);
	if (a->order.nr_specs != 1)
		rs_cli_usage(state, wrong, arg);
}

/* The options that have numbers. */
static error_t parse_setting(int key, char *arg, struct argp_state *state)
{
	struct bench_args *a = state->input;
	struct bench_order *o = &a->order;

	switch (key) {
	case OPT_OUTSTANDING:
		parse_list(state, "outstanding", arg, &o->axes[RS_BENCH_OUTSTANDING], 1, 1000000);
		return 0;
	case OPT_MEMSLOTS:
		parse_list(state, "memslots", arg, &o->axes[RS_BENCH_MEMSLOTS], 1, 32764);
		return 0;
	case OPT_ALIASES:
		parse_list(state, "aliases", arg, &o->axes[RS_BENCH_ALIASES], 0, 1024);
		return 0;
	case OPT_ENDED:
		parse_list(state, "ended", arg, &o->axes[RS_BENCH_ENDED], 0, 1000000);
		return 0;
	case OPT_PAGES:
		o->pages = parse_number(state, "pages", arg, 1, 1U << 20);
		return 0;
	case OPT_SEED:
		o->seed = parse_number(state, "seed", arg, 0, UINT32_MAX);
		return 0;
	case OPT_ROUNDS:
		o->rounds = parse_number(state, "rounds", arg, 1, BENCH_MAX_ROUNDS);
		return 0;
	case OPT_THREADS:
		a->contend_only = "--threads";
		parse_list(state, "threads", arg, &o->threads, 1, RS_COST_MAX_THREADS);
		return 0;
	case OPT_NOTIFIERS:
		a->contend_only = "--notifiers";
		o->notifiers = parse_number(state, "notifiers", arg, 1, RS_COST_MAX_THREADS - 1);
		return 0;
	case OPT_ROUND_TIME:
		if (rs_parse_time(arg, &o->round_ns) || !o->round_ns || o->round_ns > MAX_ROUND_NS)
			rs_cli_usage(state, "--round-time: a time up to 60s expected, not '%s'",
				     arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* 1, 2, 4 ... and all of them. */
static void default_threads(struct bench_list *l)
{
	uint32_t cpus = rs_parallel_threads(0);
	uint32_t all = cpus < RS_COST_MAX_THREADS ? cpus : RS_COST_MAX_THREADS;

	for (uint32_t n = 1; n < all; n *= 2)
		l->v[l->n++] = n;
	l->v[l->n++] = all;
}

static void check_together(struct argp_state *state, struct bench_args *a)
{
	struct bench_order *o = &a->order;

	if (a->contend_only && !a->contend)
		rs_cli_usage(state, "%s needs --contend", a->contend_only);
	if (a->contend + (o->input.path && !a->repeat.op) + (a->repeat.op != NULL) > 1)
		rs_cli_usage(state, "--contend, --trace and --ops do not go together");
	if (a->repeat.op && a->repeat.mix != (o->input.path != NULL))
		rs_cli_usage(state, "--ops: mix needs --trace, all others go without");
	if ((o->instructions || a->plot) && (!o->input.path || a->repeat.op))
		rs_cli_usage(state, "%s needs --trace", a->plot ? "--plot" : "--instructions");
	if (!o->specs)
		parse_algos(state, o, NULL);
	if (!o->threads.n)
		default_threads(&o->threads);
	if (!o->round_ns)
		o->round_ns = a->contend ? 50000000 : 2000000;
}

/* Every option but -o and --plot goes into the command that a report shows. */
static void keep_word(struct bench_args *a, int key, const char *arg)
{
	char name[32];

	for (const struct argp_option *o = options; o->name || o->doc; o++) {
		if (!o->name || o->key != key || key == 'o' || key == OPT_PLOT)
			continue;
		snprintf(name, sizeof(name), "--%s", o->name);
		rs_command_word(a->words_file, name);
		if (arg)
			rs_command_word(a->words_file, arg);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench_args *a = state->input;

	keep_word(a, key, arg);
	switch (key) {
	case OPT_ALGO:
		parse_algos(state, &a->order, arg);
		return 0;
	case OPT_TRACE:
		a->order.input.path = arg;
		return 0;
	case OPT_INSTRUCTIONS:
		a->order.instructions = arg;
		return 0;
	case OPT_CONTEND:
		a->contend = true;
		return 0;
	case OPT_PLOT:
		a->plot = picture_path(state, arg);
		return 0;
	case OPT_OPS:
		parse_ops(state, a, arg);
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		rs_cli_usage(state, "no argument expected, but '%s' is one; a trace is --trace %s",
			     arg, arg);
		return 0;
	case ARGP_KEY_END:
		check_together(state, a);
		return 0;
	}
	return parse_setting(key, arg, state);
}

/* The algorithms that are taken if none are named. */
static char *help_filter(int key, const char *text, void *input)
{
	return key == OPT_ALGO ? rs_cli_put_algos(text, RS_ALGOS_PRICE) : (char *)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.help_filter = help_filter,
	.doc = "What each algorithm costs under the lock: time, instructions, bytes of state.\v"
	       "Without --contend, --trace or --ops: each operation by itself, and how it grows "
	       "with every figure of the setting.",
};

/* ---- --ops ---- */

static struct rs_cost_setting base_setting(const struct bench_order *o)
{
	struct rs_cost_setting set = { .pages = o->pages, .seed = o->seed };

	for (unsigned int axis = 0; axis < RS_NR_BENCH_AXES; axis++)
		*rs_bench_axis_of(&set, axis) = o->axes[axis].v[0];
	return set;
}

static int repeat_setting(const struct bench_args *a, struct rs_error *err)
{
	const struct rs_cost_setting set = base_setting(&a->order);
	const struct repeat *r = &a->repeat;
	struct rs_cost_rig *rig = rs_cost_open(a->order.specs, &set, err);
	int ret;

	if (!rig)
		return -errno;
	ret = rs_cost_repeat(rig, r->cycles ? r->times : 0, r->checks ? r->times : 0);
	rs_cost_close(rig);
	return ret;
}

static int repeat_mix(struct bench_args *a, struct rs_error *err)
{
	struct rs_result *res;
	struct rs_tape *t = bench_read_trace(&a->order, &res, err);
	int ret;

	if (!t)
		return -EINVAL;
	ret = rs_tape_repeat(t, a->order.specs, a->repeat.times);
	rs_result_free(res);
	rs_tape_free(t);
	return ret;
}

static int repeat(struct bench_args *a, struct rs_error *err)
{
	int ret = a->repeat.mix ? repeat_mix(a, err) : repeat_setting(a, err);

	if (ret && err->kind == RS_ERR_NONE)
		rs_error_nomem(err);
	return ret;
}

/* ---- reports ---- */

static int measure(struct bench_args *a, struct rs_bench *b, struct rs_error *err)
{
	if (a->contend)
		return bench_run_contention(&a->order, b, err);
	if (a->order.input.path)
		return bench_run_trace(&a->order, b, err);
	return bench_run_costs(&a->order, b, err);
}

static int write_report(const struct bench_args *a, const struct rs_bench *b, struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, a->output, err);

	if (ret)
		return ret;
	ret = a->json ? rs_bench_json(out.f, b) : rs_bench_text(out.f, b);
	return rs_output_end(&out, ret, err);
}

static int report(struct bench_args *a, struct rs_error *err)
{
	struct rs_bench b = { .rounds = a->order.rounds };
	char *command = NULL;
	int ret;

	if (asprintf(&command, "retryscope bench%s", a->words) < 0)
		return rs_error_nomem(err);
	b.command = command;
	ret = measure(a, &b, err);
	if (!ret && a->plot)
		ret = bench_plot(&b, a->plot, err);
	if (!ret)
		ret = write_report(a, &b, err);
	bench_free(&b);
	free(command);
	return ret;
}

static void set_defaults(struct bench_order *o)
{
	o->axes[RS_BENCH_OUTSTANDING] = (struct bench_list){ { 1, 10, 100, 1000 }, 4 };
	o->axes[RS_BENCH_MEMSLOTS] = (struct bench_list){ { 1, 10, 100, 1000, 32764 }, 5 };
	o->axes[RS_BENCH_ALIASES] = (struct bench_list){ { 0, 1, 3, 7 }, 4 };
	o->axes[RS_BENCH_ENDED] = (struct bench_list){ { 0, 1, 8, 100 }, 4 };
	o->pages = 1;
	o->seed = 1;
	o->rounds = 7;
	o->notifiers = 1;
}

int rs_cmd_bench(int argc, char **argv)
{
	struct bench_args a = { 0 };
	struct rs_error err = { .offset = -1 };
	int ret;

	a.words_file = rs_textbuf_open(&a.words, &a.words_size);
	if (!a.words_file)
		rs_cli_no_memory();
	set_defaults(&a.order);
	rs_cli_parse(&argp, argc, argv, 0, &a);
	if (!rs_command_end(a.words_file, &a.words))
		rs_cli_no_memory();
	ret = rs_output_check(a.output, &err);
	if (!ret)
		ret = a.repeat.op ? repeat(&a, &err) : report(&a, &err);
	free(a.order.specs);
	free(a.repeat.text);
	free(a.words);
	return ret ? rs_cli_report(&err) : RS_EXIT_OK;
}
