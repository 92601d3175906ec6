/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_STATE_H
#define RS_CAPTURE_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "capture/folder.h"
#include "capture/host.h"

/*
 * The note that a recorder leaves in /run/retryscope-PID of what it puts into
 * the kernel and onto the disk, written before it does so and locked as long
 * as it lives. If it is killed, the note says what to remove; what is in no
 * note is not ours.
 *
 *	retryscope-state 2
 *	KEY LENGTH VALUE
 *	...
 *
 * A value is as many bytes as its length says, so that a name may hold anything.
 * A line that was not finished is not read. Version 1 had KEY VALUE, and neither
 * device and inode of the folders nor the writer's start.
 */
struct rs_state {
	int fd;		      /* locked; -1: none */
	char *path;	      /* of the note */
	pid_t pid;	      /* whose note it is */
	unsigned int version; /* of the note's form */
	char *group;	      /* of the probes, and name of the instance; NULL: none yet */
	/* Names and ids of the folder of trace-cmd; nothing is open. dir NULL: none. */
	struct rs_folder folder;
	pid_t writer;		    /* trace-cmd's process group; 0: none */
	unsigned long long started; /* the writer, in clock ticks since boot; 0: not known */
};

/* No note. */
#define RS_STATE_NONE ((struct rs_state){ .fd = -1, .folder = { .dir_fd = -1, .fd = -1 } })

/*
 * Makes and locks the note of this process. -EEXIST with @err: there is one of
 * a killed recorder that had our pid (then @st has what it says).
 */
int rs_state_create(struct rs_state *st, const struct rs_host *h, struct rs_error *err);
/* Adds a line. 0 or negative errno with @err. */
int rs_state_set_group(struct rs_state *st, const char *group, struct rs_error *err);
/* The names, before the folder is made; its id, once it is. */
int rs_state_set_folder(struct rs_state *st, const struct rs_folder *folder, struct rs_error *err);
int rs_state_set_folder_id(struct rs_state *st, const struct rs_folder *folder,
			   struct rs_error *err);
int rs_state_set_writer(struct rs_state *st, pid_t writer, unsigned long long started,
			struct rs_error *err);
/* Removes the note, once all that it names is gone. */
void rs_state_remove(struct rs_state *st);
/* Unlocks and frees, leaving the note where it is. */
void rs_state_close(struct rs_state *st);

struct rs_state_counts {
	unsigned int alive;   /* notes of recorders that live */
	unsigned int foreign; /* files of such a name that are no notes of ours, or newer ones */
};

/*
 * Calls @fn for the note of each recorder that is dead, with the note locked;
 * closes it afterwards. A nonzero return stops it and is returned. What is no
 * regular file of this user's that begins as a note does is counted as foreign
 * and left alone. Negative errno with @err: /run cannot be read.
 */
int rs_state_each_dead(const struct rs_host *h, int (*fn)(void *arg, struct rs_state *st),
		       void *arg, struct rs_state_counts *counts, struct rs_error *err);

#endif
