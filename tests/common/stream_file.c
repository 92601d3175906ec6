// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/random_stream.h"
#include "traces/trace.h"

static void give_up(const char *path, const struct rs_error *err)
{
	char line[1024];

	fprintf(stderr, "%s: %s\n", path, rs_error_format(err, line, sizeof(line)));
	abort();
}

void stream_write(const struct stream *s, const char *path)
{
	const struct rs_trace_meta meta = { 0 };
	struct rs_error err = { 0 };
	struct rs_writer *w = rs_writer_open(path, RS_FORM_TEXT, &err);

	if (!w || rs_writer_put(w, s->v, s->n, &err) || rs_writer_finish(w, &meta, &err))
		give_up(path, &err);
}

struct stream stream_read(const char *path)
{
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	const struct rs_event *evs;
	struct stream s = { 0 };
	ssize_t n = 0;

	if (!r)
		give_up(path, &err);
	while ((n = rs_reader_next(r, &evs, &err)) > 0) {
		s.v = realloc(s.v, (s.n + n) * sizeof(*s.v));
		if (!s.v)
			abort();
		memcpy(s.v + s.n, evs, n * sizeof(*evs));
		s.n += n;
	}
	if (n < 0)
		give_up(path, &err);
	rs_reader_close(r);
	return s;
}
