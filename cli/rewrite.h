/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_REWRITE_H
#define RS_CLI_REWRITE_H

#include <stdbool.h>

#include "cli/input.h"

/*
 * Reads all of @input and writes it to @path in @form; @anonymous: without what tells whose
 * it is (traces/anon/anon.h). 0 or negative errno with @err set, and then @path is as it was;
 * *@reader, for rs_reader_close(), is at the end of the trace, or NULL.
 */
int rewrite_trace(struct rs_input *input, const char *path, enum rs_form form, bool anonymous,
		  struct rs_reader **reader, struct rs_error *err);

#endif
