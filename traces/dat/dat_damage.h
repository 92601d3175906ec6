/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_DAMAGE_H
#define RS_TRACES_DAT_DAT_DAMAGE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "traces/trace.h"

/* What is damaged in a trace.dat that is repaired: each place, in the order in which it was met. */
struct rs_dat_damage {
	char **lines;	 /* of the first of them */
	size_t nr;	 /* lines */
	uint64_t places; /* all */
};

/* Notes a place in words. 0 or -ENOMEM with @err set. */
int rs_dat_damage_note(struct rs_dat_damage *d, struct rs_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether that is an error of the file's bytes. */
static inline bool rs_dat_is_damage(int ret, const struct rs_error *err)
{
	return ret == -EINVAL && err->kind == RS_ERR_INPUT;
}

/*
 * After an error, which @ret and @err say: 0 if it was damage, which is noted
 * in @d, and @err is empty again; else @ret, or -ENOMEM with @err set. NULL for @d: always @ret.
 */
int rs_dat_damage_take(struct rs_dat_damage *d, int ret, struct rs_error *err);
/* Anomaly and facts of all in both. 0 or -ENOMEM. */
int rs_dat_damage_tell(const struct rs_dat_damage *a, const struct rs_dat_damage *b,
		       struct rs_trace_meta *meta);
/* Says in @err how much there is in both, and what is the first; nothing of none. */
void rs_dat_damage_sum(const struct rs_dat_damage *a, const struct rs_dat_damage *b,
		       struct rs_error *err);
/* Frees what @d has and leaves it empty. */
void rs_dat_damage_free(struct rs_dat_damage *d);

#endif
