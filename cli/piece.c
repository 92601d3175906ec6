// SPDX-License-Identifier: GPL-2.0-only
#include "cli/piece.h"

#include "cli/cli.h"
#include "cli/input.h"
#include "replay/cut/cut.h"
#include "base/parse.h"

enum { OPT_FROM = 0x1100, OPT_UNTIL };

static const struct argp_option options[] = {
	{ "from", OPT_FROM, "TIME", 0,
	  "leave out what happened before TIME after the trace's first event, or before @TIME on "
	  "the trace's own clock",
	  0 },
	{ "until", OPT_UNTIL, "TIME", 0, "leave out what happened at or after TIME, as in --from",
	  0 },
	{ 0 },
};

static void parse_when(struct argp_state *state, const char *option, const char *arg, uint64_t *ns,
		       bool *absolute)
{
	*absolute = arg[0] == '@';
	if (rs_parse_time(arg + *absolute, ns))
		rs_cli_usage(state, "%s: a time like 10ms, 1.5s or @34.424480s expected, not '%s'",
			     option, arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rs_cut_opts *cut = state->input;

	switch (key) {
	case OPT_FROM:
		cut->from = true;
		parse_when(state, "--from", arg, &cut->from_ns, &cut->from_absolute);
		return 0;
	case OPT_UNTIL:
		cut->until = true;
		parse_when(state, "--until", arg, &cut->until_ns, &cut->until_absolute);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp rs_piece_argp = { .options = options, .parser = parse };

const struct argp_child rs_piece_children[] = { { &rs_piece_argp, 0, NULL, 0 },
						{ &rs_input_argp, 0, NULL, 0 },
						{ 0 } };

void rs_piece_inputs(struct argp_state *state, struct rs_input *in)
{
	state->child_inputs[0] = &in->piece;
	state->child_inputs[1] = in;
}
