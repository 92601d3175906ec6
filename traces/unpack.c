// SPDX-License-Identifier: GPL-2.0-only
#include "traces/unpack.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Of a window only as much is touched as is unpacked, and that has a limit (base/budget.h). */
#define MAX_WINDOW_LOG (sizeof(size_t) == 4 ? 30 : 31)
#define MAX_WINDOW_MIB (1U << (MAX_WINDOW_LOG - 20))
/* What xz needs beside its window is less. */
#define XZ_BESIDE (1U << 20)

enum step { STEP_MORE, STEP_WHOLE, STEP_BROKEN, STEP_WINDOW, STEP_NOMEM };

struct method {
	const char *name, *unpack;
	bool (*is)(const unsigned char *head, size_t len);
	/* Before the first piece, and each that follows. */
	bool (*start)(struct rs_unpack *u);
	enum step (*step)(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out);
	void (*free)(struct rs_unpack *u);
};

struct rs_unpack {
	const struct method *method;
	bool started, whole; /* @whole: between two pieces */
	const char *why;     /* it is broken; NULL: not said */
	union {
		ZSTD_DCtx *zstd;
		z_stream gzip;
		lzma_stream xz;
		bz_stream bzip2;
	};
};

static bool starts(const unsigned char *head, size_t len, const char *magic, size_t n)
{
	return len >= n && !memcmp(head, magic, n);
}

static unsigned int room_of(size_t n)
{
	return n < UINT_MAX ? (unsigned int)n : UINT_MAX;
}

/* ---- zstd ---- */

/* A frame of compressed data, or one to be skipped, as parallel compressors put first. */
static bool zstd_is(const unsigned char *p, size_t len)
{
	uint32_t magic;

	if (len < 4)
		return false;
	magic = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	return magic == ZSTD_MAGICNUMBER ||
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static bool zstd_start(struct rs_unpack *u)
{
	if (!u->zstd)
		u->zstd = ZSTD_createDCtx();
	if (!u->zstd)
		return false;
	ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
	return !ZSTD_isError(
		ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, (int)MAX_WINDOW_LOG));
}

static enum step zstd_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out)
{
	ZSTD_inBuffer from = { in->bytes, in->len, in->pos };
	ZSTD_outBuffer to = { out->bytes, out->len, out->pos };
	const size_t ret = ZSTD_decompressStream(u->zstd, &to, &from);

	in->pos = from.pos;
	out->pos = to.pos;
	switch (ZSTD_getErrorCode(ret)) {
	case ZSTD_error_no_error:
		return ret ? STEP_MORE : STEP_WHOLE;
	case ZSTD_error_memory_allocation:
		return STEP_NOMEM;
	case ZSTD_error_frameParameter_windowTooLarge:
		return STEP_WINDOW;
	default:
		u->why = ZSTD_getErrorName(ret);
		return STEP_BROKEN;
	}
}

static void zstd_free(struct rs_unpack *u)
{
	ZSTD_freeDCtx(u->zstd);
}

/* ---- gzip ---- */

static bool gzip_is(const unsigned char *p, size_t len)
{
	return starts(p, len, "\x1f\x8b\x08", 3);
}

static bool gzip_start(struct rs_unpack *u)
{
	/* 16: gzip's frame, and no other. */
	return (u->started ? inflateReset(&u->gzip) : inflateInit2(&u->gzip, MAX_WBITS + 16)) ==
	       Z_OK;
}

static enum step gzip_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out)
{
	z_stream *z = &u->gzip;
	int ret;

	z->next_in = (unsigned char *)in->bytes + in->pos; /* which it does not change */
	z->avail_in = room_of(in->len - in->pos);
	z->next_out = out->bytes + out->pos;
	z->avail_out = room_of(out->len - out->pos);
	ret = inflate(z, Z_NO_FLUSH);
	in->pos = (size_t)(z->next_in - in->bytes);
	out->pos = (size_t)(z->next_out - out->bytes);
	u->why = z->msg;
	switch (ret) {
	case Z_OK:
	case Z_BUF_ERROR: /* it can't go on: there is nothing to take */
		return STEP_MORE;
	case Z_STREAM_END:
		return STEP_WHOLE;
	case Z_MEM_ERROR:
		return STEP_NOMEM;
	default:
		return STEP_BROKEN;
	}
}

static void gzip_free(struct rs_unpack *u)
{
	inflateEnd(&u->gzip);
}

/* ---- xz ---- */

static bool xz_is(const unsigned char *p, size_t len)
{
	return starts(p, len,
		      "\xfd"
		      "7zXZ\0",
		      6);
}

static bool xz_start(struct rs_unpack *u)
{
	const uint64_t limit = ((uint64_t)MAX_WINDOW_MIB << 20) + XZ_BESIDE;

	return lzma_stream_decoder(&u->xz, limit, 0) == LZMA_OK;
}

static enum step xz_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out)
{
	lzma_ret ret;

	u->xz.next_in = in->bytes + in->pos;
	u->xz.avail_in = in->len - in->pos;
	u->xz.next_out = out->bytes + out->pos;
	u->xz.avail_out = out->len - out->pos;
	ret = lzma_code(&u->xz, LZMA_RUN);
	in->pos = in->len - u->xz.avail_in;
	out->pos = out->len - u->xz.avail_out;
	switch (ret) {
	case LZMA_OK:
	case LZMA_BUF_ERROR:
		return STEP_MORE;
	case LZMA_STREAM_END:
		return STEP_WHOLE;
	case LZMA_MEM_ERROR:
		return STEP_NOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return STEP_WINDOW;
	default:
		return STEP_BROKEN;
	}
}

static void xz_free(struct rs_unpack *u)
{
	lzma_end(&u->xz);
}

/* ---- bzip2 ---- */

/* The size of its blocks, then a first block or, of nothing, the end. */
static bool bzip2_is(const unsigned char *p, size_t len)
{
	return len >= 10 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' &&
	       (!memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6) ||
		!memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6));
}

static void bzip2_free(struct rs_unpack *u)
{
	if (u->bzip2.state)
		BZ2_bzDecompressEnd(&u->bzip2);
}

static bool bzip2_start(struct rs_unpack *u)
{
	bzip2_free(u);
	return BZ2_bzDecompressInit(&u->bzip2, 0, 0) == BZ_OK;
}

static enum step bzip2_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out)
{
	bz_stream *b = &u->bzip2;
	int ret;

	b->next_in = (char *)in->bytes + in->pos; /* which it does not change */
	b->avail_in = room_of(in->len - in->pos);
	b->next_out = (char *)out->bytes + out->pos;
	b->avail_out = room_of(out->len - out->pos);
	ret = BZ2_bzDecompress(b);
	in->pos = (size_t)((unsigned char *)b->next_in - in->bytes);
	out->pos = (size_t)((unsigned char *)b->next_out - out->bytes);
	switch (ret) {
	case BZ_OK:
		return STEP_MORE;
	case BZ_STREAM_END:
		return STEP_WHOLE;
	case BZ_MEM_ERROR:
		return STEP_NOMEM;
	default:
		return STEP_BROKEN;
	}
}

/* ---- any of them ---- */

static const struct method methods[] = {
	{ "zstd", "zstd -d --long=31", zstd_is, zstd_start, zstd_step, zstd_free },
	{ "gzip", "gzip -d", gzip_is, gzip_start, gzip_step, gzip_free },
	{ "xz", "xz -d", xz_is, xz_start, xz_step, xz_free },
	{ "bzip2", "bzip2 -d", bzip2_is, bzip2_start, bzip2_step, bzip2_free },
};

static int start(struct rs_unpack *u, struct rs_error *err)
{
	if (!u->method->start(u))
		return rs_error_nomem(err);
	u->started = true;
	u->whole = false;
	return 0;
}

int rs_unpack_new(const unsigned char *head, size_t len, struct rs_unpack **to,
		  struct rs_error *err)
{
	const struct method *m = NULL;
	struct rs_unpack *u;
	int ret;

	*to = NULL;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && !m; i++)
		if (methods[i].is(head, len))
			m = &methods[i];
	if (!m)
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return rs_error_nomem(err);
	u->method = m;
	ret = start(u, err);
	if (ret)
		rs_unpack_free(u);
	else
		*to = u;
	return ret;
}

void rs_unpack_free(struct rs_unpack *u)
{
	if (!u)
		return;
	u->method->free(u);
	free(u);
}

/* Before the next bytes; so what started once is all that can fail then. */
void rs_unpack_rewind(struct rs_unpack *u)
{
	u->whole = true;
}

static int broken(const struct rs_unpack *u, const char *why, struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_INPUT, EINVAL, "broken %s compression%s%s", u->method->name,
			    why ? ": " : "", why ? why : "");
}

int rs_unpack_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out,
		   struct rs_error *err)
{
	const size_t taken = in->pos, put = out->pos;
	enum step step;
	int ret;

	while (u->whole && in->pos < in->len && !in->bytes[in->pos])
		in->pos++;
	if (u->whole && in->pos == in->len)
		return 0;
	ret = u->whole ? start(u, err) : 0;
	if (ret)
		return ret;
	step = u->method->step(u, in, out);
	switch (step) {
	case STEP_NOMEM:
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM,
				    "no memory to unpack it, which is %s with a window of up to "
				    "%u MiB: try '%s' first",
				    u->method->name, MAX_WINDOW_MIB, u->method->unpack);
	case STEP_WINDOW:
		return rs_error_set(err, RS_ERR_INPUT, E2BIG,
				    "compressed by %s with a window of more than %u MiB: "
				    "unpack it first, as by '%s'",
				    u->method->name, MAX_WINDOW_MIB, u->method->unpack);
	case STEP_BROKEN:
		return broken(u, u->why, err);
	default:
		/* A call that gets nothing done says nothing about where the piece is. */
		if (in->pos != taken || out->pos != put)
			u->whole = step == STEP_WHOLE;
	}
	return 0;
}

int rs_unpack_end(const struct rs_unpack *u, struct rs_error *err)
{
	return u->whole ? 0 : broken(u, "the file is truncated", err);
}
