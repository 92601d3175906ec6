// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idset.h"
#include "bench/ways.h"
#include "traces/event.h"

/* Ends what the trace leaves in progress: it would stay so through all tiles after it. */
static struct rs_event *end_all(struct rs_event *evs, size_t *nr)
{
	struct rs_idset open = { 0 };
	struct rs_idset_entry *e;
	uint64_t last = evs[*nr - 1].time_ns;

	for (size_t i = 0; i < *nr; i++) {
		e = rs_idset_find(&open, evs[i].vm, evs[i].inval.id);
		if (evs[i].type == RS_EV_INVAL_BEGIN && !e)
			rs_idset_add(&open, evs[i].vm, evs[i].inval.id);
		else if (evs[i].type == RS_EV_INVAL_END && e)
			rs_idset_remove(&open, e);
	}
	e = rs_idset_sorted(&open);
	if (RS_RESIZE(evs, *nr + open.nr + 1)) {
		free(evs);
		evs = NULL;
	}
	for (size_t i = 0; evs && i < open.nr; i++)
		evs[(*nr)++] = (struct rs_event){
			.time_ns = last, .vm = e[i].vm, .type = RS_EV_INVAL_END, .inval.id = e[i].id
		};
	free(e);
	rs_idset_free(&open);
	return evs;
}

/*
 * All events of the trace, for the caller to free. A tile has no table of who did them, which
 * no figure depends on.
 */
static struct rs_event *load(const char *path, size_t *nr)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_event *all = NULL;
	const struct rs_event *evs;
	size_t max = 0;
	ssize_t n;

	*nr = 0;
	while (r && (n = rs_reader_next(r, &evs, &err)) > 0) {
		if (RS_ROOM(all, max, *nr + (size_t)n))
			break;
		memcpy(all + *nr, evs, (size_t)n * sizeof(*all));
		*nr += (size_t)n;
	}
	rs_reader_close(r);
	for (size_t i = 0; i < *nr; i++)
		if (rs_event_has_who(all[i].type))
			all[i].raw.half[1] = 0;
	return *nr ? end_all(all, nr) : NULL;
}

static int put_tile(struct tiles *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	int rc = rs_writer_put(t->writers[0], evs, n, err);

	if (!rc)
		rc = rs_writer_put(t->writers[1], evs, n, err);
	if (!rc && fwrite(evs, sizeof(*evs), n, t->flat_file) != n)
		rc = rs_error_set(err, RS_ERR_SYSTEM, errno, "%s: %s", t->flat, strerror(errno));
	t->records += (int64_t)n;
	for (size_t i = 0; i < n; i++)
		t->events += evs[i].type != RS_EV_STATE;
	return rc;
}

/* The trace again and again, each time later, until there are @want records. */
static int tile(const char *from, struct tiles *t, size_t want, struct rs_error *err)
{
	size_t nr;
	struct rs_event *evs = load(from, &nr);
	uint64_t length;
	int rc = 0;

	if (!evs)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL, "no events");
	length = evs[nr - 1].time_ns - evs[0].time_ns + 1;
	for (size_t done = 0; done < want && !rc; done += nr) {
		if (nr > want - done)
			nr = want - done;
		rc = put_tile(t, evs, nr, err);
		for (size_t i = 0; i < nr; i++)
			evs[i].time_ns += length;
	}
	free(evs);
	return rc;
}

int make_tiles(const char *from, struct tiles *t, size_t want)
{
	struct rs_error err = { 0 };
	int rc = -1;

	t->writers[0] = rs_writer_open(t->raw, RS_FORM_BINARY_RAW, &err);
	t->writers[1] = rs_writer_open(t->compressed, RS_FORM_BINARY, &err);
	t->flat_file = fopen(t->flat, "w");
	if (t->writers[0] && t->writers[1] && t->flat_file)
		rc = tile(from, t, want, &err);
	for (int i = 0; i < 2; i++) {
		if (rc)
			rs_writer_abort(t->writers[i]);
		else
			rc = rs_writer_finish(t->writers[i], NULL, &err);
	}
	if (t->flat_file && fclose(t->flat_file))
		rc = -1;
	return rc ? (int)fail(from, err.text[0] ? &err : NULL) : 0;
}

int bench_tile(const char *path, const char *events, const char *to)
{
	struct tiles t = { .raw = to, .compressed = "/dev/null", .flat = "/dev/null" };

	return make_tiles(path, &t, strtoull(events, NULL, 0)) != 0;
}

static int put_request(FILE *f, const struct rs_event *ev)
{
	const uint32_t time_s = (uint32_t)(ev->time_ns / 1000000000), size = RS_PAGE_SIZE;
	const uint64_t frame = ev->fault.gfn, never = UINT64_MAX;
	unsigned char request[24];

	memcpy(request, &time_s, 4);
	memcpy(request + 4, &frame, 8);
	memcpy(request + 12, &size, 4);
	memcpy(request + 16, &never, 8);
	return fwrite(request, sizeof(request), 1, f) == 1 ? 0 : -1;
}

static int put_requests(FILE *f, struct rs_reader *r, struct rs_error *err)
{
	const struct rs_event *evs;
	ssize_t n;

	while ((n = rs_reader_next(r, &evs, err)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (evs[i].type == RS_EV_FAULT_BEGIN && put_request(f, &evs[i]))
				return rs_error_set(err, RS_ERR_OUTPUT, errno, "cannot write");
	return (int)n;
}

int bench_requests(const char *path, const char *to)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	FILE *f = fopen(to, "w");
	int rc = -1;

	if (!r)
		fail(path, &err);
	else if (!f)
		fail(to, NULL);
	else if (put_requests(f, r, &err))
		fail(path, &err);
	else
		rc = 0;
	if (f && fclose(f))
		rc = (int)fail(to, NULL);
	rs_reader_close(r);
	return rc ? 1 : 0;
}
