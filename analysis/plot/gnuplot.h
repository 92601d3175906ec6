/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_GNUPLOT_H
#define RS_ANALYSIS_PLOT_GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* Asked now and then while gnuplot runs; nonzero: stop it. */
typedef int (*rs_stop_fn)(void *arg);

/*
 * Runs `gnuplot @script` in the folder @dir (both must exist) without the user's
 * own start-up files, and waits for it. 0; or negative errno with @err set:
 * RS_ERR_HOST if there is no gnuplot (the text says what to install),
 * RS_ERR_INTR if @stop (may be NULL) said so, RS_ERR_SYSTEM and -EMFILE if it could
 * open too few files to draw all, else RS_ERR_SYSTEM with the first line of what gnuplot
 * complained of.
 */
int rs_gnuplot_run(const char *dir, const char *script, rs_stop_fn stop, void *arg,
		   struct rs_error *err);

/*
 * The same for a script that draws into the file @output of @dir: that leads into a pipe for
 * as long as gnuplot runs, since it does not say when it could not write. Stores all that
 * it drew in @bytes, to be freed. -EFBIG: more than a picture has.
 */
int rs_gnuplot_draw(const char *dir, const char *script, const char *output, char **bytes,
		    size_t *size, rs_stop_fn stop, void *arg, struct rs_error *err);

/*
 * A private folder to draw in, so that pictures take their names only when all
 * of them are done.
 */
struct rs_workdir {
	char *path;
	int fd; /* of it: it can be emptied also when no file can be opened */
};

/* Makes one inside @parent. 0, or negative errno with @err set (RS_ERR_OUTPUT). */
int rs_workdir_open(struct rs_workdir *w, const char *parent, struct rs_error *err);
/*
 * Puts the @n files @names of it into the folder @to, as base/outfile.h says. All of
 * them are there and whole before the first gets its name. The folder, and those above it,
 * are made if they are missing and there is a file. 0, or negative errno with @err
 * set (RS_ERR_OUTPUT); then what was in @to still is.
 */
int rs_workdir_deliver(const struct rs_workdir *w, const char *const *names, size_t n,
		       const char *to, struct rs_error *err);
/*
 * The names of all files in it that end in @suffix, sorted, @n of them; to be freed, each
 * and the array. NULL with errno.
 */
char **rs_workdir_list(const struct rs_workdir *w, const char *suffix, size_t *n);
/* Appends the file @name of it to @to. 0, or negative errno with @err set (RS_ERR_SYSTEM). */
int rs_workdir_copy(const struct rs_workdir *w, const char *name, FILE *to, struct rs_error *err);
/* Opens the file @name in it; NULL with errno. */
FILE *rs_workdir_fopen(const struct rs_workdir *w, const char *name, const char *mode);
/* Removes it with all that is in it. */
void rs_workdir_close(struct rs_workdir *w);

#endif
