/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_TEMP_H
#define RS_BASE_TEMP_H

/*
 * Temporary files, and folders of them, that a signal's handler can remove when
 * the process is to end at once. Up to 64 are remembered; one more than that is
 * removed by whoever made it, and by nobody else.
 */

/* Where temporary files without a place of their own go: $TMPDIR, or else /var/tmp. */
const char *rs_temp_dir(void);

/* Remembers @path, which stays the caller's and must be forgotten before it is freed. */
void rs_temp_add(const char *path);
/* @path is gone, or has its name. NULL is allowed. */
void rs_temp_forget(const char *path);
/* Removes the files in the folder that @fd is, from where it was read to; takes no memory. */
void rs_temp_empty_folder(int fd);
/*
 * Removes what is remembered: a file, or a folder with the files in it. May be called
 * in a signal's handler; only system calls are made.
 */
void rs_temp_remove_all(void);

#endif
