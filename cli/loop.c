// SPDX-License-Identifier: GPL-2.0-only
#include "cli/loop.h"

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/piece.h"

enum { OPT_LOOP = 0x1200, OPT_ARRIVALS, OPT_PRECHECK, OPT_GAP };

#define PRECHECKS "on|off|traced"
static const enum rs_precheck prechecks[] = { RS_PRECHECK_ON, RS_PRECHECK_OFF, RS_PRECHECK_TRACED };

static const struct argp_option options[] = {
	{ "loop", OPT_LOOP, RS_CLI_LOOPS, 0,
	  "open (the default, but for mail): judge each recorded fault once; closed: also "
	  "simulate each algorithm for itself",
	  0 },
	{ "arrivals", OPT_ARRIVALS, RS_CLI_ARRIVALS, 0,
	  "closed loop: a fault arrives at its recorded time (the default), or its vCPU runs as "
	  "long as recorded before it",
	  0 },
	{ "precheck", OPT_PRECHECK, PRECHECKS, 0,
	  "closed loop: test without the lock before the lookup; traced (the default): if the "
	  "traced kernel did",
	  0 },
	{ "retry-gap", OPT_GAP, "TIME", 0,
	  "closed loop: from a retry to the next attempt (the recorded median)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rs_loop *l = state->input;

	switch (key) {
	case OPT_LOOP:
		l->closed = rs_cli_choice(state, "--loop", RS_CLI_LOOPS, arg);
		l->given = true;
		return 0;
	case OPT_ARRIVALS:
		l->closed_only = "--arrivals";
		l->opts.think = rs_cli_choice(state, "--arrivals", RS_CLI_ARRIVALS, arg);
		return 0;
	case OPT_PRECHECK:
		l->closed_only = "--precheck";
		l->precheck = arg;
		l->opts.precheck = prechecks[rs_cli_choice(state, "--precheck", PRECHECKS, arg)];
		return 0;
	case OPT_GAP:
		l->closed_only = "--retry-gap";
		l->gap = arg;
		if (rs_parse_time(arg, &l->opts.retry_gap_ns) || !l->opts.retry_gap_ns)
			rs_cli_usage(state,
				     "--retry-gap: a time of at least 1ns expected, not '%s'", arg);
		return 0;
	case ARGP_KEY_END:
		if (l->closed_only && !l->closed)
			rs_cli_usage(state, "%s needs --loop closed", l->closed_only);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp rs_loop_argp = { .options = options, .parser = parse };

const struct argp_child rs_loop_children[] = { { &rs_piece_argp, 0, NULL, 0 },
					       { &rs_input_argp, 0, NULL, 0 },
					       { &rs_loop_argp, 0, NULL, 0 },
					       { 0 } };

void rs_loop_inputs(struct argp_state *state, struct rs_input *in, struct rs_loop *loop)
{
	rs_piece_inputs(state, in);
	state->child_inputs[2] = loop;
}

void rs_loop_command(FILE *f, const struct rs_loop *loop)
{
	/* What is not the default of every verb and format. */
	if (loop->closed || loop->given)
		rs_command_option(f, "--loop", loop->closed ? "closed" : "open");
	if (loop->opts.think)
		rs_command_option(f, "--arrivals", "think");
	rs_command_option(f, "--precheck", loop->precheck);
	rs_command_option(f, "--retry-gap", loop->gap);
}
