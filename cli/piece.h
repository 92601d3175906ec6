/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_PIECE_H
#define RS_CLI_PIECE_H

#include <argp.h>

/*
 * --from and --until of a verb that takes a piece of a trace: a child for the
 * verb's parser, whose input is a struct rs_cut_opts.
 */
extern const struct argp rs_piece_argp;

/*
 * The children of a verb that takes a piece of its one FILE: rs_piece_argp, then
 * rs_input_argp (cli/input.h).
 */
extern const struct argp_child rs_piece_children[];

struct rs_input;

/* At ARGP_KEY_INIT: what they parse goes into @in. */
void rs_piece_inputs(struct argp_state *state, struct rs_input *in);

#endif
