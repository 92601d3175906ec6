// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/foreign.h"
#include "traces/forms.h"
#include "traces/ftrace/ftrace.h"
#include "traces/source.h"

struct rs_reader {
	char *name; /* for messages */
	struct rs_source *src;
	const struct rs_form_ops *ops;
	void *state;
	struct rs_reader_opts opts;
	struct rs_trace_meta meta;
	struct rs_identity *identity; /* of what was read; NULL: not asked for, or told already */
	struct rs_error damage;	      /* kept where @repair made it the end */
	bool damaged;
};

/* Errors name the trace, unless they already name another file that they are about. */
static int name_error(struct rs_reader *r, int rc, struct rs_error *err)
{
	if (err && !err->file[0])
		rs_error_set_file(err, r->name);
	return rc;
}

static void clear_error(struct rs_error *err)
{
	if (err)
		*err = (struct rs_error){ .offset = -1 };
}

static int open_form(struct rs_reader *r, struct rs_error *err)
{
	r->state = r->ops->open(r->src, &r->opts, &r->meta, err);
	return r->state ? 0 : -errno;
}

/* What a damaged trace says of itself is not of what is left of it. */
static int start_identity(struct rs_reader *r, struct rs_error *err)
{
	rs_identity_free(r->identity);
	r->identity = NULL;
	if (!r->opts.identity || (r->meta.identity[0] && !r->opts.repair))
		return 0;
	r->identity = rs_identity_new();
	return r->identity ? 0 : rs_error_nomem(err);
}

static int find_form(struct rs_reader *r, struct rs_error *err)
{
	size_t len;
	const unsigned char *head = rs_source_peek(r->src, &len);
	const char *what = rs_foreign_what(head, len);

	/* First: what is in an archive can look like a text. */
	r->ops = what ? NULL : rs_form_of_head(head, len);
	if (r->ops)
		return 0;
	if (!what)
		what = rs_ftrace_lacks(head, len);
	if (what)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL, "%s", what);
	return rs_error_set(err, RS_ERR_INPUT, EINVAL,
			    "is no trace: neither a trace.dat, nor what ftrace, trace-cmd or perf "
			    "print of one, nor the text form (which starts with "
			    "'retryscope-events 1'), nor the binary form%s%s",
			    r->opts.also ? "; nor " : "", r->opts.also ? r->opts.also : "");
}

static int open_reader(struct rs_reader *r, const char *path, struct rs_error *err)
{
	int rc;

	r->name = strdup(strcmp(path, "-") ? path : "standard input");
	if (!r->name)
		return rs_error_nomem(err);
	r->src = rs_source_open(path, err);
	if (!r->src)
		return name_error(r, -errno, err);
	rc = find_form(r, err);
	if (!rc)
		rc = open_form(r, err);
	if (!rc)
		rc = start_identity(r, err);
	return rc ? name_error(r, rc, err) : 0;
}

struct rs_reader *rs_reader_open(const char *path, const struct rs_reader_opts *opts,
				 struct rs_error *err)
{
	struct rs_reader *r = calloc(1, sizeof(*r));
	int rc;

	clear_error(err);
	if (!r) {
		rs_error_nomem(err);
		return NULL;
	}
	if (opts)
		r->opts = *opts;
	r->opts.each_event = rs_reader_each;
	rc = open_reader(r, path, err);
	if (!rc)
		return r;
	rs_reader_close(r);
	errno = -rc;
	return NULL;
}

static int report_progress(struct rs_reader *r, struct rs_error *err)
{
	if (!r->opts.progress)
		return 0;
	if (!r->opts.progress(r->opts.progress_arg, rs_source_done(r->src),
			      rs_source_total(r->src)))
		return 0;
	return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
}

static ssize_t next_events(struct rs_reader *r, const struct rs_event **evs, struct rs_error *err)
{
	struct rs_error own = { .offset = -1 };
	ssize_t n = r->ops->next(r->state, evs, &own);

	if (!n && own.text[0]) {
		r->damage = own;
		r->damaged = true;
		name_error(r, 0, &r->damage);
	}
	if (n < 0 && err)
		*err = own;
	if (r->identity && n > 0)
		rs_identity_add(r->identity, *evs, (size_t)n);
	else if (r->identity && !n)
		rs_identity_get(r->identity, r->meta.identity);
	return n;
}

ssize_t rs_reader_next(struct rs_reader *r, const struct rs_event **evs, struct rs_error *err)
{
	ssize_t n;

	clear_error(err);
	n = report_progress(r, err);
	if (!n)
		n = next_events(r, evs, err);
	return n < 0 ? name_error(r, n, err) : n;
}

int rs_reader_each(const char *path, rs_event_fn fn, void *arg, struct rs_error *err)
{
	struct rs_reader *r = rs_reader_open(path, NULL, err);
	const struct rs_event *evs;
	ssize_t n = 0;
	int ret = 0;

	if (!r)
		return -errno;
	while (!ret && (n = rs_reader_next(r, &evs, err)) > 0)
		for (ssize_t i = 0; i < n && !ret; i++)
			ret = fn(arg, &evs[i], err);
	if (ret)
		name_error(r, ret, err);
	rs_reader_close(r);
	return ret ? ret : (int)n;
}

/* A form without a function of its own starts again on the rewound input. */
static int reopen(struct rs_reader *r, struct rs_error *err)
{
	int rc = rs_source_rewind(r->src, err);

	if (rc)
		return rc;
	r->ops->close(r->state);
	rs_meta_free(&r->meta);
	return open_form(r, err);
}

int rs_reader_rewind(struct rs_reader *r, struct rs_error *err)
{
	int rc;

	clear_error(err);
	rc = r->ops->rewind ? r->ops->rewind(r->state, err) : reopen(r, err);
	if (!rc)
		rc = start_identity(r, err);
	return rc ? name_error(r, rc, err) : 0;
}

struct rs_block *rs_reader_blocks(struct rs_reader *r, size_t *nr)
{
	return r->ops->blocks ? r->ops->blocks(r->state, nr) : NULL;
}

int rs_reader_skip_to(struct rs_reader *r, size_t block, struct rs_error *err)
{
	int rc;

	clear_error(err);
	rc = r->ops->skip_to(r->state, block, err);
	return rc ? name_error(r, rc, err) : 0;
}

const struct rs_trace_meta *rs_reader_meta(const struct rs_reader *r)
{
	return &r->meta;
}

struct rs_trace_meta *rs_reader_change_meta(struct rs_reader *r)
{
	return &r->meta;
}

const struct rs_error *rs_reader_damage(const struct rs_reader *r)
{
	return r->damaged ? &r->damage : NULL;
}

enum rs_form rs_reader_form(const struct rs_reader *r)
{
	return r->ops->form;
}

void rs_reader_close(struct rs_reader *r)
{
	if (!r)
		return;
	if (r->state)
		r->ops->close(r->state);
	rs_source_close(r->src);
	rs_meta_free(&r->meta);
	rs_identity_free(r->identity);
	free(r->name);
	free(r);
}
