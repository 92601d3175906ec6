/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_COMMAND_H
#define RS_CAPTURE_COMMAND_H

#include <stdbool.h>

#include "base/error.h"

/* A command that is recorded while it runs; it ends with its recorder. */
struct rs_command;

/* Runs @argv (NULL at its end), found in $PATH. NULL with errno and @err (RS_ERR_USAGE) if not. */
struct rs_command *rs_command_start(char **argv, struct rs_error *err);
/* Whether it has ended; *@status is then as from waitpid(). */
bool rs_command_ended(struct rs_command *c, int *status);
/* Asks it to end if it still runs, waits a little for that, and frees. NULL is allowed. */
void rs_command_free(struct rs_command *c);

#endif
