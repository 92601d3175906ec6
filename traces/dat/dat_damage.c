// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_damage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Of so many places the facts say where they are; of more, that there are more. */
#define MAX_LINES 64U

int rs_dat_damage_note(struct rs_dat_damage *d, struct rs_error *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	d->places++;
	if (d->nr == MAX_LINES)
		return 0;
	if (RS_ROOM_FOR_ONE(d->lines, d->nr))
		return rs_error_nomem(err);
	va_start(ap, fmt);
	n = vasprintf(&d->lines[d->nr], fmt, ap);
	va_end(ap);
	if (n < 0)
		return rs_error_nomem(err);
	d->nr++;
	return 0;
}

int rs_dat_damage_take(struct rs_dat_damage *d, int ret, struct rs_error *err)
{
	static const char form[] = "trace.dat: ";
	const struct rs_error was = *err;
	const char *text = was.text;

	if (!d || !rs_dat_is_damage(ret, err))
		return ret;
	*err = (struct rs_error){ .offset = -1 };
	if (!strncmp(text, form, sizeof(form) - 1))
		text += sizeof(form) - 1;
	if (was.offset < 0)
		return rs_dat_damage_note(d, err, "%s", text);
	return rs_dat_damage_note(d, err, "%s (offset %" PRId64 ")", text, was.offset);
}

static int tell_lines(const struct rs_dat_damage *d, unsigned int *nr, struct rs_trace_meta *meta)
{
	char key[32];
	int ret = 0;

	for (size_t i = 0; i < d->nr && !ret; i++) {
		snprintf(key, sizeof(key), "damage.%u", ++*nr);
		ret = rs_meta_add_fact(meta, key, d->lines[i]);
	}
	return ret;
}

int rs_dat_damage_tell(const struct rs_dat_damage *a, const struct rs_dat_damage *b,
		       struct rs_trace_meta *meta)
{
	const uint64_t places = a->places + b->places;
	unsigned int nr = 0;
	int ret;

	if (!places)
		return 0;
	ret = tell_lines(a, &nr, meta);
	if (!ret)
		ret = tell_lines(b, &nr, meta);
	return ret ? ret : rs_meta_add_anomaly(meta, "dat-damaged", places);
}

void rs_dat_damage_sum(const struct rs_dat_damage *a, const struct rs_dat_damage *b,
		       struct rs_error *err)
{
	const uint64_t places = a->places + b->places;
	const char *first = a->nr ? a->lines[0] : places ? b->lines[0] : NULL;

	if (places == 1)
		rs_error_set(err, RS_ERR_INPUT, EINVAL, "trace.dat: damaged: %s", first);
	else if (places)
		rs_error_set(err, RS_ERR_INPUT, EINVAL,
			     "trace.dat: damaged in %" PRIu64 " places, first: %s", places, first);
}

void rs_dat_damage_free(struct rs_dat_damage *d)
{
	for (size_t i = 0; i < d->nr; i++)
		free(d->lines[i]);
	free(d->lines);
	*d = (struct rs_dat_damage){ 0 };
}
