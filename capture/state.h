/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_STATE_H
#define RS_CAPTURE_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "capture/host.h"

/*
 * The note that a recorder leaves in /run/retryscope-PID of what it puts into
 * the kernel and onto the disk, written before it does so and locked as long
 * as it lives. If it is killed, the note says what to remove; what is in no
 * note is not ours.
 */
struct rs_state {
	int fd;	      /* locked; -1: none */
	char *path;   /* of the note */
	char *group;  /* of the probes, and name of the instance; NULL: none yet */
	char *folder; /* of trace-cmd: see capture/trace_cmd.h */
	char *output; /* the name that its file is to get */
	pid_t writer; /* trace-cmd's process group; 0: none */
};

/*
 * Makes and locks the note of this process. -EEXIST with @err: there is one of
 * a killed recorder that had our pid (then @st has what it says).
 */
int rs_state_create(struct rs_state *st, const struct rs_host *h, struct rs_error *err);
/* Adds a line; the value is copied into @st. 0 or negative errno with @err. */
int rs_state_set_group(struct rs_state *st, const char *group, struct rs_error *err);
int rs_state_set_files(struct rs_state *st, const char *folder, const char *output,
		       struct rs_error *err);
int rs_state_set_writer(struct rs_state *st, pid_t writer, struct rs_error *err);
/* Removes the note, once all that it names is gone. */
void rs_state_remove(struct rs_state *st);
/* Unlocks and frees, leaving the note where it is. */
void rs_state_close(struct rs_state *st);

/*
 * Calls @fn for the note of each recorder that is dead, with the note locked;
 * closes it afterwards. A nonzero return stops it and is returned. @alive (may
 * be NULL) counts the recorders that live. Negative errno with @err: /run
 * cannot be read.
 */
int rs_state_each_dead(const struct rs_host *h, int (*fn)(void *arg, struct rs_state *st),
		       void *arg, unsigned int *alive, struct rs_error *err);

#endif
