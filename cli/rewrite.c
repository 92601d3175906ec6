// SPDX-License-Identifier: GPL-2.0-only
#include "cli/rewrite.h"

#include "traces/anon/anon.h"

struct rewrite {
	const struct rs_input *input;
	struct rs_writer *writer;
	struct rs_anon *anon; /* NULL: all is told */
};

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rewrite *w = arg;
	int rc = 0;

	if (w->anon) {
		rc = rs_anon_begin(w->anon, meta, rs_input_kernel_algo(w->input), err);
		meta = rs_anon_meta(w->anon);
	}
	return rc ? rc : rs_writer_begin(w->writer, meta, err);
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct rewrite *w = arg;
	ssize_t told = (ssize_t)n;

	if (w->anon)
		told = rs_anon_feed(w->anon, evs, n, &evs, err);
	return told < 0 ? (int)told : rs_writer_put(w->writer, evs, (size_t)told, err);
}

static int finish(struct rewrite *w, const struct rs_reader *reader, struct rs_error *err)
{
	struct rs_writer *writer = w->writer;

	if (w->anon && rs_anon_finish(w->anon, err))
		return -1;
	w->writer = NULL;
	return rs_writer_finish(writer, w->anon ? rs_anon_meta(w->anon) : rs_reader_meta(reader),
				err);
}

int rewrite_trace(struct rs_input *input, const char *path, enum rs_form form, bool anonymous,
		  struct rs_reader **reader, struct rs_error *err)
{
	struct rewrite w = { .input = input };
	const struct rs_input_sink sink = { .arg = &w, .start = start, .events = events };
	int rc = -1;

	*reader = NULL;
	if (anonymous) {
		w.anon = rs_anon_new(err);
		if (!w.anon)
			return rc;
	}
	w.writer = rs_writer_open(path, form, err);
	if (w.writer) {
		rs_writer_set_jobs(w.writer, input->reader.jobs);
		*reader = rs_input_read(input, &sink, err);
	}
	if (*reader)
		rc = finish(&w, *reader, err);
	rs_writer_abort(w.writer);
	rs_anon_free(w.anon);
	return rc;
}
