// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"
#include "base/textbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void name_file(const struct rs_output *out, struct rs_error *err)
{
	rs_error_set_file(err, strcmp(out->path, "-") ? out->path : "standard output");
}

static int no_memory(struct rs_output *out, struct rs_error *err)
{
	rs_output_abort(out);
	return rs_error_nomem(err);
}

int rs_output_check(const char *path, struct rs_error *err)
{
	const struct rs_output out = { .path = path ? path : "-" };
	int rc = rs_outfile_check(out.path, err);

	if (rc)
		name_file(&out, err);
	return rc;
}

int rs_output_open(struct rs_output *out, const char *path, struct rs_error *err)
{
	memset(out, 0, sizeof(*out));
	out->path = path ? path : "-";
	out->file = rs_outfile_open(out->path, err);
	if (!out->file) {
		name_file(out, err);
		return -errno;
	}
	out->f = rs_textbuf_open(&out->text, &out->size);
	return out->f ? 0 : no_memory(out, err);
}

/* What is in memory; @out->f is closed. */
static int write_out(struct rs_output *out, struct rs_error *err)
{
	FILE *f = out->f;
	int rc;

	out->f = NULL;
	if (ferror(f) | fclose(f))
		return rs_error_nomem(err);
	rc = rs_write_all(rs_outfile_fd(out->file), out->text, out->size, err);
	if (rc)
		name_file(out, err);
	return rc;
}

int rs_output_drain(struct rs_output *out, struct rs_error *err)
{
	int rc = write_out(out, err);

	if (rc)
		return rc;
	free(out->text);
	out->f = rs_textbuf_open(&out->text, &out->size);
	return out->f ? 0 : rs_error_nomem(err);
}

int rs_output_finish(struct rs_output *out, struct rs_error *err)
{
	int rc = write_out(out, err);

	if (!rc) {
		rc = rs_outfile_commit(out->file, err);
		out->file = NULL;
		if (rc)
			name_file(out, err);
	}
	rs_output_abort(out);
	return rc;
}

void rs_output_abort(struct rs_output *out)
{
	if (out->f)
		fclose(out->f);
	free(out->text);
	rs_outfile_abort(out->file);
	out->f = NULL;
	out->text = NULL;
	out->file = NULL;
}

int rs_output_end(struct rs_output *out, int rc, struct rs_error *err)
{
	return rc ? no_memory(out, err) : rs_output_finish(out, err);
}
