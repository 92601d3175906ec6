/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_COMMS_H
#define RS_TRACES_DAT_DAT_COMMS_H

#include <stddef.h>
#include <stdint.h>

#include "traces/who.h"

/* The names of tasks that a trace.dat has, by pid: a text of lines "PID NAME". */
struct rs_dat_comms {
	struct rs_dat_comm {
		uint32_t pid;
		char *name; /* in @text */
	} * list;	    /* by pid, each once */
	size_t nr;
	char *text;
};

/* What @cmdlines (NULL: nothing) says; of a pid that is there twice, first. 0 or -ENOMEM. */
int rs_dat_comms_init(struct rs_dat_comms *c, const char *cmdlines);
/* NULL: not known. */
char *rs_dat_comms_find(const struct rs_dat_comms *c, uint32_t pid);
void rs_dat_comms_free(struct rs_dat_comms *c);

#endif
