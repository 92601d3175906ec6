// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/forms.h"
#include "base/outfile.h"

struct rs_writer {
	char *name; /* for messages */
	const struct rs_form_ops *ops;
	void *state;
	struct rs_outfile *out;
	bool begun;
	char *kernel; /* as it was given at the beginning */
};

static int name_error(const struct rs_writer *w, int rc, struct rs_error *err)
{
	rs_error_set_file(err, w->name);
	return rc;
}

static void free_writer(struct rs_writer *w)
{
	free(w->name);
	free(w->kernel);
	free(w);
}

static int open_writer(struct rs_writer *w, const char *path, enum rs_form form,
		       struct rs_error *err)
{
	w->name = strdup(strcmp(path, "-") ? path : "standard output");
	if (!w->name)
		return rs_error_nomem(err);
	w->ops = rs_form_ops(form);
	if (!w->ops || !w->ops->create)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "a trace cannot be written in the %s form", rs_form_name(form));
	w->out = rs_outfile_open(path, err);
	if (!w->out)
		return -errno;
	w->state = w->ops->create(rs_outfile_fd(w->out), err);
	return w->state ? 0 : -errno;
}

struct rs_writer *rs_writer_open(const char *path, enum rs_form form, struct rs_error *err)
{
	struct rs_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		rs_error_nomem(err);
		return NULL;
	}
	rc = open_writer(w, path, form, err);
	if (!rc)
		return w;
	if (w->name)
		name_error(w, rc, err);
	rs_writer_abort(w);
	errno = -rc;
	return NULL;
}

void rs_writer_set_jobs(struct rs_writer *w, unsigned int jobs)
{
	if (w->ops->set_jobs)
		w->ops->set_jobs(w->state, jobs);
}

int rs_writer_begin(struct rs_writer *w, const struct rs_trace_meta *meta, struct rs_error *err)
{
	int rc = 0;

	w->begun = true;
	if (meta->kernel) {
		w->kernel = strdup(meta->kernel);
		if (!w->kernel)
			rc = rs_error_nomem(err);
	}
	if (!rc)
		rc = w->ops->begin(w->state, meta, err);
	return rc ? name_error(w, rc, err) : 0;
}

static int begin_without(struct rs_writer *w, struct rs_error *err)
{
	static const struct rs_trace_meta nothing;

	return w->begun ? 0 : rs_writer_begin(w, &nothing, err);
}

int rs_writer_put(struct rs_writer *w, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	int rc = begin_without(w, err);

	if (!rc)
		rc = w->ops->put(w->state, evs, n, err);
	return rc ? name_error(w, rc, err) : 0;
}

static int check_kernel(const struct rs_writer *w, const struct rs_trace_meta *meta,
			struct rs_error *err)
{
	const char *before = w->kernel ? w->kernel : "", *now = meta->kernel ? meta->kernel : "";

	if (!strcmp(before, now))
		return 0;
	return rs_error_set(err, RS_ERR_INPUT, EINVAL,
			    "the kernel's release was not known before the first event");
}

int rs_writer_finish(struct rs_writer *w, const struct rs_trace_meta *meta, struct rs_error *err)
{
	const struct rs_trace_meta nothing = { 0 };
	int rc = begin_without(w, err);

	if (!meta)
		meta = &nothing;
	if (!rc)
		rc = check_kernel(w, meta, err);
	if (!rc)
		rc = w->ops->finish(w->state, meta, err);
	if (rc) {
		name_error(w, rc, err);
		rs_writer_abort(w);
		return rc;
	}
	w->ops->discard(w->state);
	rc = rs_outfile_commit(w->out, err);
	if (rc)
		name_error(w, rc, err);
	free_writer(w);
	return rc;
}

void rs_writer_abort(struct rs_writer *w)
{
	if (!w)
		return;
	if (w->state)
		w->ops->discard(w->state);
	rs_outfile_abort(w->out);
	free_writer(w);
}
