// SPDX-License-Identifier: GPL-2.0-only
#include "cli/document.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/outfile.h"
#include "cli/cli.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

int document_error(struct rs_error *err, const char *path, int errnum)
{
	rs_error_set(err, errnum == ENOMEM ? RS_ERR_SYSTEM : RS_ERR_INPUT, errnum,
		     "cannot read: %s", strerror(errnum));
	rs_cli_name_input(err, path);
	return -errnum;
}

/* Copies all of @from, which is no regular file, to a file without a name. */
static int spool(int from, struct document *in, const char *path, struct rs_error *err)
{
	char buf[65536];
	ssize_t n = 0;
	int rc = 0;

	in->fd = rs_open_unnamed(err);
	if (in->fd < 0)
		return in->fd;
	while (!rc && (n = read(from, buf, sizeof(buf))) != 0) {
		if (rs_cli_interrupted)
			rc = rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
		else if (n > 0)
			rc = rs_write_all(in->fd, buf, (size_t)n, err);
		else if (errno != EINTR)
			rc = document_error(err, path, errno);
	}
	if (rc)
		close(in->fd);
	else
		snprintf(in->path, sizeof(in->path), "/proc/self/fd/%d", in->fd);
	return rc;
}

static int open_input(struct document *in, const char *path, struct rs_error *err)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	struct stat st;
	int rc = 0;

	in->fd = -1;
	if (fd < 0 || fstat(fd, &st))
		return document_error(err, path, errno);
	snprintf(in->path, sizeof(in->path), "%s", fd ? path : "/proc/self/fd/0");
	if (S_ISDIR(st.st_mode))
		rc = document_error(err, path, EISDIR);
	else if (!S_ISREG(st.st_mode))
		rc = spool(fd, in, path, err);
	if (fd)
		close(fd);
	return rc;
}

/* JSON documents say what they are at their begin; no form of trace begins with a brace. */
static int find_kind(const struct document *in, enum document_kind *kind)
{
	char head[4096], *text = head;
	FILE *f = fopen(in->path, "r");
	size_t n = f ? fread(head, 1, sizeof(head) - 1, f) : 0;
	int rc = 0;

	if (!f || ferror(f))
		rc = -errno;
	if (f)
		fclose(f);
	if (rc)
		return rc;
	head[n] = '\0';
	text += strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) ? 0
									: strlen(BYTE_ORDER_MARK);
	while (isspace((unsigned char)*text))
		text++;
	if (!strncmp(text, "cell,", strlen("cell,")) ||
	    !strncmp(text, "\"cell\",", strlen("\"cell\",")))
		*kind = DOCUMENT_SWEEP;
	else if (*text != '{')
		*kind = DOCUMENT_TRACE;
	else if (strstr(text, "\"retryscope-sweep/"))
		*kind = DOCUMENT_SWEEP;
	else
		*kind = strstr(text, "\"retryscope-bench/") ? DOCUMENT_BENCH : DOCUMENT_REPORT;
	return 0;
}

int document_open(struct document *in, const char *path, struct rs_error *err)
{
	int rc = open_input(in, path, err);

	if (rc)
		return rc;
	rc = find_kind(in, &in->kind);
	if (!rc)
		return 0;
	document_close(in);
	return document_error(err, path, -rc);
}

void document_close(struct document *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}
