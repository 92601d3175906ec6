/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_FOLDER_H
#define RS_CAPTURE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The folder beside an output in which trace-cmd works. Whoever owns the folder
 * around it may put anything else in its place at any time, a link to /etc too,
 * and the recorder is root. So both are opened once and held by descriptor from
 * the first to the last step, and after a crash they are taken only if they are
 * the same files (device and inode) that were noted.
 */
struct rs_file_id {
	uint64_t dev, ino; /* ino 0: none */
};

struct rs_folder {
	char *dir;    /* the path of the folder around it, for notes and messages */
	char *output; /* the name in @dir that the capture gets */
	char *name;   /* its own name in @dir: OUTPUT.part-PID */
	int dir_fd;   /* -1: not open */
	int fd;	      /* -1: not open */
	struct rs_file_id dir_id, id;
};

/* What trace-cmd writes: this file, and until it is whole one more for each CPU. */
#define RS_TRACE_CMD_FILE "trace.dat"

/* A folder that is not open; closing it is allowed. */
#define RS_FOLDER_NONE ((struct rs_folder){ .dir_fd = -1, .fd = -1 })

/*
 * Opens the folder around @output and chooses the name for process @pid; makes
 * nothing. 0, or negative errno (-EISDIR: @output ends with a slash).
 */
int rs_folder_open_dir(struct rs_folder *f, const char *output, pid_t pid);
/* Makes the folder (mode 0700) and opens it. 0, or negative errno. */
int rs_folder_make(struct rs_folder *f);

/*
 * Opens what a note names: @f has the names, and @dir_id and @id as noted. 0; -ENOENT:
 * it is gone; -ESTALE: what has the name is another file, a link, or not this user's.
 * With an @id of none it must be a folder of this user's that nobody else may write to.
 */
int rs_folder_reopen(struct rs_folder *f);

/* Bytes in the files of one CPU each. */
uint64_t rs_folder_temp_bytes(const struct rs_folder *f);
/* Whether the capture is whole: then those of one CPU each are gone. */
bool rs_folder_is_whole(const struct rs_folder *f);
/* Bytes free on its file system; UINT64_MAX if that is not known. */
uint64_t rs_folder_free_space(const struct rs_folder *f);
/* Gives the capture its name, in place of what has it. Sets @bytes. 0, or negative errno. */
int rs_folder_publish(const struct rs_folder *f, uint64_t *bytes);
/*
 * Gives the capture its name if nothing has it, else that with .PID (and a number)
 * behind it: what is there may be newer. Stores the name that it got, to be freed. 0, or
 * negative errno: it is still in the folder.
 */
int rs_folder_rescue(const struct rs_folder *f, pid_t pid, char **name);

/* Removes the files that trace-cmd makes, and the folder if it is empty then. */
void rs_folder_remove(struct rs_folder *f);
/* Closes and frees; the files stay. */
void rs_folder_close(struct rs_folder *f);

#endif
