/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_TYPES_H
#define RS_CAPTURE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/host.h"

/*
 * The types of a kernel and of its kvm module, from BTF: what turns a path of
 * capture/points.h into a kprobe's argument.
 */
struct rs_types;
struct rs_function; /* a prototype; valid as long as the types */

/*
 * Loads what rs_host_open() found. NULL with errno and @err if there is none
 * (ENOENT) or it is broken.
 */
struct rs_types *rs_types_load(const struct rs_host *h, struct rs_error *err);
void rs_types_free(struct rs_types *t);

/* NULL: the kernel has no prototype for @name. */
const struct rs_function *rs_types_function(const struct rs_types *t, const char *name);
unsigned int rs_types_nr_params(const struct rs_types *t, const struct rs_function *f);

/*
 * Writes the fetch argument for @path in function @f, as "+0x18($arg2):x64",
 * into @buf. @format: see struct rs_point_field; whether a number has a sign is what the
 * types say. 0; -ENOENT: no such parameter
 * or member; -EINVAL: not a scalar that can be read (a bit field, a structure);
 * -ENAMETOOLONG.
 */
int rs_types_fetch(const struct rs_types *t, const struct rs_function *f, const char *path,
		   char format, char *buf, size_t size);

/* Whether the kernel or kvm has the tracepoint @name. */
bool rs_types_tracepoint(const struct rs_types *t, const char *name);

/* Calls @fn for each enumerator whose name starts with @prefix; a nonzero return stops it. */
int rs_types_enums(const struct rs_types *t, const char *prefix,
		   int (*fn)(void *arg, const char *name, int64_t value), void *arg);

#endif
