// SPDX-License-Identifier: GPL-2.0-only
#include "cli/watch.h"

#include <errno.h>

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rs_watch *w = arg;
	const char *kernel = rs_input_kernel_algo(&w->input);
	struct rs_replay_opts opts = { .algos = w->algos ? w->algos
						: kernel ? kernel
							 : "gfn",
				       .one_vm = w->input.vm_text,
				       .vm = w->input.vm };
	int rc = w->start(w->arg, meta, &opts, err);

	if (rc)
		return rc;
	w->engine = rs_replay_new(&opts, err);
	return w->engine ? 0 : -errno;
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	const struct rs_watch *w = arg;

	return w->feed ? w->feed(w->arg, w->engine, evs, n, err)
		       : rs_replay_feed(w->engine, evs, n, err);
}

static int finish(const struct rs_watch *w, struct rs_error *err)
{
	struct rs_result *r = rs_replay_finish(w->engine, err);
	int rc;

	if (!r)
		return -errno;
	rc = rs_input_check_vm(&w->input, r->nr_vms, err);
	if (!rc && w->finish)
		rc = w->finish(w->arg, r, err);
	rs_result_free(r);
	return rc;
}

struct rs_reader *rs_watch_run(struct rs_watch *w, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = w, .start = start, .events = events };
	struct rs_reader *reader;

	w->engine = NULL;
	reader = rs_input_read(&w->input, &sink, err);
	if (reader && finish(w, err)) {
		rs_reader_close(reader);
		reader = NULL;
	}
	rs_replay_free(w->engine);
	return reader;
}
