/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_SWEEP_JOURNAL_H
#define RS_ANALYSIS_SWEEP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Pieces of text with numbers, kept in a file as they come, so that work which
 * was killed goes on where it was. A piece that was not written whole, or that
 * was damaged, is as if it had never been. The file starts with @config: one
 * that was made for something else is not taken up.
 */
struct rs_journal;

/*
 * Opens or creates @path and reads what is there. -EEXIST with @err set
 * (RS_ERR_USAGE) if it is another's: its config differs or it is no journal.
 * Returns NULL with errno and @err set.
 */
struct rs_journal *rs_journal_open(const char *path, const char *config, struct rs_error *err);
/* The text of piece @number, owned by the journal; NULL if it is not there. */
const char *rs_journal_get(const struct rs_journal *j, uint64_t number);
/* Adds a piece and writes it out. 0 or negative errno with @err set. */
int rs_journal_put(struct rs_journal *j, uint64_t number, const char *text, struct rs_error *err);
/* Closes; @remove also deletes the file. */
void rs_journal_close(struct rs_journal *j, bool remove);

#endif
