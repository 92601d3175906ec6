// SPDX-License-Identifier: GPL-2.0-only
#include "cli/files.h"

#include "cli/cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rs_files *f = state->input;

	switch (key) {
	case ARGP_KEY_ARGS:
		f->paths = state->argv + state->next;
		f->nr = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		rs_cli_usage(state, "FILE expected");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp rs_files_argp = { .parser = parse };

const struct argp_child rs_files_children[] = { { &rs_files_argp, 0, NULL, 0 }, { 0 } };
