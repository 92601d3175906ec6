// SPDX-License-Identifier: GPL-2.0-only
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clean.h"

int rs_error_set(struct rs_error *err, enum rs_error_kind kind, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -errnum;
	err->kind = kind;
	err->line = 0;
	err->column = 0;
	err->offset = -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -errnum;
}

int rs_error_nomem(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

void rs_error_set_file(struct rs_error *err, const char *path)
{
	if (err)
		snprintf(err->file, sizeof(err->file), "%.255s", path);
}

char *rs_error_format(const struct rs_error *err, char *buf, unsigned long size)
{
	char where[64] = "", line[sizeof(err->file) + sizeof(where) + sizeof(err->text) + 4];

	if (err->line && err->column)
		snprintf(where, sizeof(where), ":%" PRIu64 ":%" PRIu64, err->line, err->column);
	else if (err->line)
		snprintf(where, sizeof(where), ":%" PRIu64, err->line);
	else if (err->offset >= 0)
		snprintf(where, sizeof(where), ": offset %" PRId64, err->offset);
	snprintf(line, sizeof(line), "%s%s%s%s", err->file, where,
		 err->file[0] || where[0] ? ": " : "", err->text);
	return rs_clean(buf, size, line, RS_CLEAN_UTF8);
}

int rs_error_exit_code(const struct rs_error *err)
{
	switch (err->kind) {
	case RS_ERR_NONE:
		return 0;
	case RS_ERR_INPUT:
		return 1;
	case RS_ERR_USAGE:
		return 2;
	case RS_ERR_HOST:
		return 3;
	case RS_ERR_OUTPUT:
	case RS_ERR_SYSTEM:
		return 4;
	case RS_ERR_INTR:
		return 130;
	}
	return 4;
}
