/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_FOLDERS_H
#define RS_BASE_FOLDERS_H

#include <stddef.h>

#include "base/error.h"

/*
 * Folders that are made for what is to go into them, and taken away again if that comes to
 * nothing, also by a signal's handler (base/temp.h).
 */
struct rs_folders {
	char **made; /* outermost first */
	size_t nr;
};

/*
 * Whether a file could be made in the folder @path, be it that the folder has to be made
 * first: makes nothing. 0, or negative errno with @err set (RS_ERR_OUTPUT).
 */
int rs_folders_check(const char *path, struct rs_error *err);
/*
 * Makes the folder @path and those above it, as far as they are missing, with what the umask
 * leaves of all permissions. 0, or negative errno with @err set (RS_ERR_OUTPUT) and nothing
 * made. Then one of the next two has to follow.
 */
int rs_folders_make(struct rs_folders *f, const char *path, struct rs_error *err);
/* They stay. */
void rs_folders_keep(struct rs_folders *f);
/* Those that were made go, unless something is in them. */
void rs_folders_remove(struct rs_folders *f);

#endif
