/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_COMMAND_H
#define RS_CLI_COMMAND_H

#include <stdio.h>

/*
 * For command lines that a report shows: each adds to @f, quoted for a shell where it must
 * be, and with escapes for bytes that are not to be seen (base/clean.h).
 */

/*
 * Closes @f, which open_memstream() opened on @text, and hands the text over to
 * the caller, who frees it. NULL if there was no memory for all of it.
 */
char *rs_command_end(FILE *f, char **text);

/* " WORD" */
void rs_command_word(FILE *f, const char *word);
/* " PATH" as an argument: if it begins with a dash it is written so that it is no option. */
void rs_command_file(FILE *f, const char *path);
/* " NAME VALUE"; nothing if @value is NULL. */
void rs_command_option(FILE *f, const char *name, const char *value);

#endif
