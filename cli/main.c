// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/near.h"

struct verb {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

/* In the order of a user's work. */
static const struct verb verbs[] = {
	{ "probe", "what can this host tell? kernel, tracing, probe points", rs_cmd_probe },
	{ "record", "capture from this host into a trace.dat", rs_cmd_record },
	{ "workload", "run a small KVM guest with aliased memory, to record", rs_cmd_workload },
	{ "info", "tell what is in a trace", rs_cmd_info },
	{ "layout", "tell how much of a guest's memory is aliased", rs_cmd_layout },
	{ "replay", "judge every fault with every chosen algorithm", rs_cmd_replay },
	{ "top", "tell whose doing rejected faults are", rs_cmd_top },
	{ "faults", "show single faults, and what happened around them", rs_cmd_faults },
	{ "convert", "write a trace in another form, or a piece of it", rs_cmd_convert },
	{ "synth", "make a synthetic trace from a named scenario", rs_cmd_synth },
	{ "sweep", "replay synthetic traces over a grid of parameters", rs_cmd_sweep },
	{ "bench", "measure what the algorithms cost under the lock", rs_cmd_bench },
	{ "plot", "draw pictures of a trace or a report", rs_cmd_plot },
	{ "report", "write one page of HTML about a trace or a report", rs_cmd_report },
	{ "merge", "add up reports of many traces, of many hosts", rs_cmd_merge },
	{ "compare", "compare two groups of runs, and tell chance from more", rs_cmd_compare },
	{ "help", "show this, or the help of a verb", rs_cmd_help },
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < NR_VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static void usage(FILE *f)
{
	fputs("Usage: retryscope VERB [OPTION...] [FILE...]\n\n", f);
	for (size_t i = 0; i < NR_VERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\n`retryscope VERB --help` and retryscope-VERB(1) say more.\n", f);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "retryscope %s", v->name);
	argv[0] = name;
	return v->run(argc, argv);
}

static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	const char **about = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (*about)
		rs_cli_usage(state, "only one VERB expected, not also '%s'", arg);
	*about = arg;
	return 0;
}

static const struct argp help_argp = {
	.parser = parse_help,
	.args_doc = "[VERB|algorithms]",
	.doc = "List the verbs, or show the help of one, or which algorithms there are.",
};

/* @topic may be meant as well; NULL: none. */
static const struct verb *demand_verb(const char *name, const char *topic)
{
	const struct verb *v = find_verb(name);
	struct rs_near near;

	if (v)
		return v;
	rs_near_init(&near, name, strlen(name));
	for (size_t i = 0; i < NR_VERBS; i++)
		rs_near_try(&near, verbs[i].name, strlen(verbs[i].name));
	if (topic)
		rs_near_try(&near, topic, strlen(topic));
	rs_cli_say("no verb '%s'%s", name, rs_near_hint(&near, "; see `retryscope help`"));
	return NULL;
}

int rs_cmd_help(int argc, char **argv)
{
	static const char algorithms[] = "algorithms";
	const struct verb *v;
	const char *about = NULL;
	char help[] = "--help";
	char *args[] = { NULL, help, NULL };

	rs_cli_parse(&help_argp, argc, argv, 0, &about);
	if (!about) {
		usage(stdout);
		return RS_EXIT_OK;
	}
	if (!strcmp(about, algorithms)) {
		rs_cli_list_algorithms();
		return RS_EXIT_OK;
	}
	v = demand_verb(about, algorithms);
	return v ? run_verb(v, 2, args) : RS_EXIT_USAGE;
}

/* What could not be written to standard output must not go unnoticed. */
static void close_stdout(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	fprintf(stderr, "retryscope: standard output: cannot write: %s\n", strerror(errno));
	_exit(RS_EXIT_OUTPUT);
}

int main(int argc, char **argv)
{
	const struct verb *v;

	argp_err_exit_status = RS_EXIT_USAGE;
	atexit(close_stdout);
	rs_cli_catch_signals();
	if (argc < 2) {
		usage(stderr);
		return RS_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return RS_EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		rs_cli_put_version();
		return RS_EXIT_OK;
	}
	v = demand_verb(argv[1], NULL);
	return v ? run_verb(v, argc - 1, argv + 1) : RS_EXIT_USAGE;
}
