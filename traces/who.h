/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_WHO_H
#define RS_TRACES_WHO_H

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "traces/event.h"

/*
 * Who did what is in a trace: the task, and why it did so as far as it was recorded. An
 * invalidation and a fault name one by its number in the trace's table, from 1 on. A reader's
 * events name them in the order in which they come first, so that equal traces have equal
 * events, whatever form they were in.
 */
/* So long is a name or a reason at most, in bytes: whoever makes one heeds it. */
#define RS_MAX_WHO_TEXT 4096U

struct rs_who {
	uint32_t pid;	  /* of the thread; 0: not known */
	const char *comm; /* its name, any bytes; NULL: not known */
	/*
	 * Of an invalidation: what for, as the kernel's enum mmu_notifier_event says it
	 * ("clear", "unmap" ...), "guest_memfd", "attributes" or "zap" for one that came
	 * through no notifier, and "gfn" if it is not known for which of these; a synthetic
	 * trace's scenario, or any text. NULL: not known, and of faults.
	 */
	const char *reason;
};

struct rs_whos {
	struct rs_who *list; /* number N is at N - 1 */
	size_t nr;	     /* at most RS_MAX_WHO */
	struct rs_hash by_value;
};

/*
 * The number of one like @who, which is copied if there was none, in *@number: 0 if nothing
 * of it is known, or if the table is full. 0 or -ENOMEM. @whos starts as all zero.
 */
int rs_whos_add(struct rs_whos *whos, const struct rs_who *who, uint32_t *number);
/* Number @number; of 0 and what is not there one of whom nothing is known. Never NULL. */
const struct rs_who *rs_whos_get(const struct rs_whos *whos, uint32_t number);
/* Adds those of @from, in their order, to @to, which is empty. 0 or -ENOMEM. */
int rs_whos_copy(struct rs_whos *to, const struct rs_whos *from);
/* Leaves it empty. */
void rs_whos_free(struct rs_whos *whos);

#endif
