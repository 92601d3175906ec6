// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/sweep/journal.h"
#include "analysis/sweep/sweep_table.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "base/parse.h"
#include "base/textbuf.h"

#define MAX_AXES 16
#define MAX_CELLS 100000000ULL

enum { OPT_ALGO = 0x100, OPT_LOOP, OPT_ARRIVALS, OPT_PRECHECK, OPT_SEEDS, OPT_FORMAT, OPT_JOBS };

#define PRECHECKS "on|off"
#define FORMATS "csv|json"

struct sweep_args {
	struct rs_sweep_opts opts;
	struct rs_sweep_axis axes[MAX_AXES + 1]; /* and the seeds */
	char *values[MAX_AXES + 1][4096 / 2];
	char *words; /* the arguments, for the command line */
	size_t words_size;
	FILE *words_file;
	uint64_t seeds;
	const char *output;
	const char *loop, *arrivals, *precheck;
	bool json;
	unsigned int jobs;
	struct rs_journal *journal;
	char **rows; /* by cell, where there is no journal */
	uint64_t nr_cells, nr_done;
	struct rs_progress progress;
};

static const struct argp_option options[] = {
	{ "algo", OPT_ALGO, "LIST", 0, "algorithms (%s)", 0 },
	{ "loop", OPT_LOOP, RS_CLI_LOOPS, 0, "also simulate the closed loop (open)", 0 },
	{ "arrivals", OPT_ARRIVALS, RS_CLI_ARRIVALS, 0, "of the closed loop (recorded)", 0 },
	{ "precheck", OPT_PRECHECK, PRECHECKS, 0, "of the closed loop (off)", 0 },
	{ "seeds", OPT_SEEDS, "N", 0, "do each cell with N seeds, from the parameter seed on (1)",
	  0 },
	{ "format", OPT_FORMAT, FORMATS, 0, "of the table (csv)", 0 },
	{ "output", 'o', "FILE", 0,
	  "write to FILE; FILE.journal keeps what is done, so that a sweep that was stopped or "
	  "killed goes on when it is started again",
	  0 },
	{ "jobs", OPT_JOBS, "N", 0, "threads (one per CPU); changes no figure", 0 },
	{ 0 },
};

/* "a,b,c" into the values of a new axis. */
static void add_axis(struct argp_state *state, struct sweep_args *a, const char *key, char *list)
{
	struct rs_sweep_axis *axis = &a->axes[a->opts.nr_axes];
	char **values = a->values[a->opts.nr_axes];

	if (a->opts.nr_axes == MAX_AXES)
		rs_cli_usage(state, "at most %d parameters can be varied", MAX_AXES);
	for (size_t i = 0; i < a->opts.nr_axes; i++)
		if (!strcmp(a->axes[i].key, key))
			rs_cli_usage(state, "%s is varied already", key);
	axis->key = key;
	axis->values = (const char *const *)values;
	for (char *v; (v = strsep(&list, ","));) {
		if (axis->nr == sizeof(a->values[0]) / sizeof(a->values[0][0]))
			rs_cli_usage(state, "%s: too many values", key);
		values[axis->nr++] = v;
	}
	a->opts.nr_axes++;
}

static void parse_parameter(struct argp_state *state, struct sweep_args *a, char *arg)
{
	char *value = strchr(arg, '=');

	rs_command_word(a->words_file, arg);
	if (value && strchr(value, ',')) {
		*value++ = '\0';
		add_axis(state, a, arg, value);
		return;
	}
	if (!value && strchr(arg, ',')) {
		add_axis(state, a, "scenario", arg);
		return;
	}
	if (value)
		*value++ = '\0';
	rs_cli_synth_set(state, &a->opts.base, value ? arg : "scenario", value ? value : arg);
}

static void add_seeds(struct argp_state *state, struct sweep_args *a)
{
	struct rs_sweep_axis *axis = &a->axes[a->opts.nr_axes];
	char **values = a->values[a->opts.nr_axes];

	for (size_t i = 0; i < a->opts.nr_axes; i++)
		if (!strcmp(a->axes[i].key, "seed"))
			rs_cli_usage(state, "seed=...: use --seeds N, from the parameter seed on");
	axis->key = "seed";
	axis->values = (const char *const *)values;
	axis->nr = a->seeds;
	for (uint64_t i = 0; i < a->seeds; i++)
		if (asprintf(&values[i], "%" PRIu64, a->opts.base.seed + i) < 0)
			rs_cli_no_memory();
	a->opts.nr_axes++;
}

/* All values of all axes, one at a time: what a cell would refuse is told before any is done. */
static void check_axes(struct argp_state *state, struct sweep_args *a)
{
	for (size_t i = 0; i < a->opts.nr_axes; i++) {
		for (size_t k = 0; k < a->axes[i].nr; k++) {
			struct rs_synth_params p = a->opts.base;

			rs_cli_synth_set(state, &p, a->axes[i].key, a->axes[i].values[k]);
		}
	}
	a->nr_cells = rs_sweep_cells(&a->opts);
	if (!a->nr_cells || a->nr_cells > MAX_CELLS)
		rs_cli_usage(state, "more than %llu cells", MAX_CELLS);
}

static void finish_parse(struct argp_state *state, struct sweep_args *a)
{
	if ((a->arrivals || a->precheck) && !a->opts.closed)
		rs_cli_usage(state, "--arrivals and --precheck need --loop closed");
	a->opts.axes = a->axes;
	add_seeds(state, a);
	check_axes(state, a);
}

static uint64_t parse_count(struct argp_state *state, const char *name, const char *arg,
			    uint64_t max)
{
	uint64_t n;

	if (rs_parse_u64(arg, &n) || !n || n > max)
		rs_cli_usage(state, "%s: 1 to %" PRIu64 " expected, not '%s'", name, max, arg);
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sweep_args *a = state->input;

	switch (key) {
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->opts.algos = arg;
		return 0;
	case OPT_LOOP:
		a->loop = arg;
		a->opts.closed = rs_cli_choice(state, "--loop", RS_CLI_LOOPS, arg);
		return 0;
	case OPT_ARRIVALS:
		a->arrivals = arg;
		a->opts.think = rs_cli_choice(state, "--arrivals", RS_CLI_ARRIVALS, arg);
		return 0;
	case OPT_PRECHECK:
		a->precheck = arg;
		a->opts.precheck = rs_cli_choice(state, "--precheck", PRECHECKS, arg)
					   ? RS_PRECHECK_OFF
					   : RS_PRECHECK_ON;
		return 0;
	case OPT_SEEDS:
		a->seeds = parse_count(state, "--seeds", arg, 2000);
		return 0;
	case OPT_FORMAT:
		a->json = rs_cli_choice(state, "--format", FORMATS, arg);
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_JOBS:
		a->jobs = (unsigned int)parse_count(state, "--jobs", arg, 256);
		return 0;
	case ARGP_KEY_ARG:
		parse_parameter(state, a, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		rs_cli_usage(state, "name a scenario; `retryscope synth --list` has them");
		return 0;
	case ARGP_KEY_END:
		finish_parse(state, a);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The algorithms that are taken if none are named. */
static char *help_filter(int key, const char *text, void *input)
{
	return key == OPT_ALGO ? rs_cli_put_algos(text, RS_ALGOS_DEFAULT) : (char *)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.help_filter = help_filter,
	.args_doc = "SCENARIO [PARAMETER=VALUE[,VALUE]...]...",
	.doc = "Replay synthetic traces over a grid of parameters into one table.\v"
	       "A parameter with several values, separated by commas, is varied; every "
	       "combination is one cell. Scenarios and parameters are those of "
	       "retryscope-synth(1).",
};

static bool skip(void *arg, uint64_t cell)
{
	const struct sweep_args *a = arg;

	/* Only cells that were there when the sweep started are asked for: see done(). */
	return a->rows[cell];
}

static int stop(void *arg)
{
	return rs_cli_interrupted;
}

static int done(void *arg, const struct rs_sweep_cell *c, struct rs_error *err)
{
	struct sweep_args *a = arg;
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return rs_error_nomem(err);
	rs_sweep_table_rows(f, &a->opts, c);
	if (!rs_command_end(f, &text))
		return rs_error_nomem(err);
	a->rows[c->cell] = text;
	a->nr_done++;
	rs_progress_update(&a->progress, a->nr_done, a->nr_cells);
	return a->journal ? rs_journal_put(a->journal, c->cell, text, err) : 0;
}

/* What the table depends on: the command without -o, --format and --jobs, and the version. */
static char *config_of(const struct sweep_args *a)
{
	char *text = NULL, value[RS_SYNTH_VALUE];
	size_t size;
	const struct rs_synth_param_info *d;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "%s %s %s %s %s\n", RS_VERSION, a->opts.algos ? a->opts.algos : "",
		a->loop ? a->loop : "", a->arrivals ? a->arrivals : "",
		a->precheck ? a->precheck : "");
	fprintf(f, "scenario=%s\n", a->opts.base.scenario);
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		rs_synth_get(&a->opts.base, d->key, value, sizeof(value));
		fprintf(f, "%s=%s\n", d->key, value);
	}
	for (size_t i = 0; i < a->opts.nr_axes; i++) {
		fprintf(f, "vary %s", a->axes[i].key);
		for (size_t k = 0; k < a->axes[i].nr; k++)
			fprintf(f, ",%s", a->axes[i].values[k]);
		fputc('\n', f);
	}
	return rs_command_end(f, &text);
}

/* The command that makes a table in JSON again. */
static char *json_command(const struct sweep_args *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "retryscope sweep --format json%s", a->words);
	rs_command_option(f, "--algo", a->opts.algos);
	rs_command_option(f, "--loop", a->loop);
	rs_command_option(f, "--arrivals", a->arrivals);
	rs_command_option(f, "--precheck", a->precheck);
	if (a->seeds > 1)
		fprintf(f, " --seeds %" PRIu64, a->seeds);
	return rs_command_end(f, &text);
}

/* Beside the output; a stream or a device has none. */
static bool has_journal(const char *output)
{
	struct stat st;

	if (!output || !strcmp(output, "-"))
		return false;
	return stat(output, &st) || S_ISREG(st.st_mode);
}

static int open_journal(struct sweep_args *a, struct rs_error *err)
{
	char *path = NULL, *config;
	int ret = 0;

	if (!has_journal(a->output))
		return 0;
	config = config_of(a);
	if (!config || asprintf(&path, "%s.journal", a->output) < 0) {
		free(config);
		return rs_error_nomem(err);
	}
	a->journal = rs_journal_open(path, config, err);
	if (!a->journal)
		ret = -errno;
	free(path);
	free(config);
	return ret;
}

static int take_up(struct sweep_args *a, struct rs_error *err)
{
	for (uint64_t i = 0; a->journal && i < a->nr_cells; i++) {
		const char *text = rs_journal_get(a->journal, i);

		if (!text)
			continue;
		a->rows[i] = strdup(text);
		if (!a->rows[i])
			return rs_error_nomem(err);
		a->nr_done++;
	}
	return 0;
}

static int write_json(const struct sweep_args *a, FILE *f)
{
	char *text[2] = { NULL, NULL }, *command = json_command(a);
	size_t size[2];
	int ret = -ENOMEM;
	FILE *header = rs_textbuf_open(&text[0], &size[0]);
	FILE *rows = rs_textbuf_open(&text[1], &size[1]);

	if (header)
		rs_sweep_table_header(header, &a->opts);
	for (uint64_t i = 0; rows && i < a->nr_cells; i++)
		rs_sweep_table_put(rows, &a->opts, a->rows[i]);
	if (header && rows && !fclose(header) && !fclose(rows) && command)
		ret = rs_sweep_table_json(f, text[0], text[1], command);
	free(text[0]);
	free(text[1]);
	free(command);
	return ret;
}

static int write_table(const struct sweep_args *a, struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, a->output, err);

	if (ret)
		return ret;
	if (a->json) {
		ret = write_json(a, out.f);
	} else {
		rs_sweep_table_header(out.f, &a->opts);
		for (uint64_t i = 0; i < a->nr_cells; i++)
			rs_sweep_table_put(out.f, &a->opts, a->rows[i]);
	}
	return rs_output_end(&out, ret, err);
}

static int run(struct sweep_args *a, struct rs_error *err)
{
	const struct rs_sweep_hooks hooks = { a, skip, done, stop };
	int ret;

	/* Before there is a journal: it never has a cell that cannot be finished. */
	ret = rs_sweep_check(&a->opts, &hooks, err);
	if (ret)
		return ret;
	a->rows = calloc(a->nr_cells, sizeof(*a->rows));
	if (!a->rows)
		return rs_error_nomem(err);
	ret = open_journal(a, err);
	if (!ret)
		ret = take_up(a, err);
	rs_progress_init(&a->progress, "sweep");
	if (!ret)
		ret = rs_sweep_run(&a->opts, a->jobs, &hooks, err);
	rs_progress_end(&a->progress);
	if (!ret)
		ret = write_table(a, err);
	rs_journal_close(a->journal, !ret);
	return ret;
}

int rs_cmd_sweep(int argc, char **argv)
{
	struct sweep_args *a = calloc(1, sizeof(*a));
	struct rs_error err = { .offset = -1 };
	int ret;

	if (a)
		a->words_file = rs_textbuf_open(&a->words, &a->words_size);
	if (!a || !a->words_file) {
		free(a);
		rs_cli_no_memory();
	}
	rs_synth_defaults(&a->opts.base);
	a->seeds = 1;
	a->opts.precheck = RS_PRECHECK_OFF;
	rs_cli_parse(&argp, argc, argv, 0, a);
	if (!rs_command_end(a->words_file, &a->words))
		ret = rs_error_nomem(&err);
	else
		ret = rs_output_check(a->output, &err) || run(a, &err);
	ret = ret ? rs_cli_report(&err) : RS_EXIT_OK;
	for (uint64_t i = 0; a->rows && i < a->nr_cells; i++)
		free(a->rows[i]);
	for (uint64_t i = 0; i < a->seeds; i++)
		free(a->values[a->opts.nr_axes - 1][i]);
	free(a->rows);
	free(a->words);
	free(a);
	return ret;
}
