/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_LOOP_H
#define RS_CLI_LOOP_H

#include <argp.h>
#include <stdio.h>

#include "replay/closed/closed.h"

/* For rs_cli_choice(). */
#define RS_CLI_LOOPS "open|closed"
#define RS_CLI_ARRIVALS "recorded|think"

/* Whether a verb simulates the closed loop, and how. */
struct rs_loop {
	bool closed, given; /* given: by the user, either way */
	struct rs_closed_opts opts;
	const char *closed_only; /* the first option given that needs --loop closed */
	const char *precheck, *gap;
};

/*
 * --loop, --arrivals, --precheck and --retry-gap: a child for the verb's parser, whose input is
 * a struct rs_loop.
 */
extern const struct argp rs_loop_argp;

/*
 * The children of a verb that has the closed loop, and takes a piece of its one FILE:
 * rs_piece_argp, rs_input_argp, rs_loop_argp (cli/piece.h).
 */
extern const struct argp_child rs_loop_children[];

struct rs_input;

/* At ARGP_KEY_INIT: what they parse goes into @in and @loop. */
void rs_loop_inputs(struct argp_state *state, struct rs_input *in, struct rs_loop *loop);

/* Adds these options to a command line: cli/command.h. */
void rs_loop_command(FILE *f, const struct rs_loop *loop);

#endif
