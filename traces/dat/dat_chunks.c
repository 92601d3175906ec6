// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_chunks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_recover.h"
#include "base/worker.h"

#define PLAIN_BYTES (64U << 10)
/* What is loaded at once: worth waking a thread for. */
#define LOAD_BYTES (128U << 10)
#define LOAD_CHUNKS 8
#define BEHIND 8
/* In a smaller file all is read before a thread has started. */
#define AHEAD_BYTES (1U << 20)

struct place {
	size_t at, size;
	uint64_t offset, taken;
};

/* Some chunks of a CPU, and what came behind them. */
struct load {
	struct rs_work work;
	struct stream *s;
	unsigned char *bytes;
	size_t size, room;
	struct place places[LOAD_CHUNKS];
	size_t nr, next;
	int ret;	   /* of the chunk behind them; 0: more may come, or @end */
	bool end, damaged; /* @damaged: the last of them is a hole, for the reason that @err has */
	struct rs_error err;
};

/* One CPU's pages of one buffer. Where it is in the file belongs to who loads. */
struct stream {
	struct rs_dat_chunks *c;
	uint32_t cpu, page_size;
	bool compressed;
	uint64_t begin, size;
	uint64_t offset, end; /* what is still to be read of the file */
	uint32_t chunks;      /* still to come, of a compressed stream */
	bool started;
	struct load loads[2]; /* one is used while the other is loaded */
	unsigned int current;
};

/* What a thread needs to decompress. */
struct workspace {
	ZSTD_DCtx *zstd;
	unsigned char *packed;
	size_t room;
};

struct rs_dat_chunks {
	const struct rs_dat_file *f;
	struct rs_worker *worker; /* NULL: nothing is loaded ahead */
	struct workspace spaces[2];
	struct stream *streams;
	size_t nr_streams;
	struct rs_budget budget; /* for what is loaded at a time, */
	struct rs_budget work;	 /* and for all that is unpacked and packed, first to last */
};

int rs_dat_chunks_damaged(uint32_t cpu, uint64_t offset, const char *problem, struct rs_error *err)
{
	rs_error_set(err, RS_ERR_INPUT, EINVAL, "trace.dat: the pages of CPU %" PRIu32 ": %s", cpu,
		     problem);
	if (err)
		err->offset = (int64_t)offset;
	return -EINVAL;
}

static int make_room(struct rs_dat_chunks *c, unsigned char **buffer, size_t *room, size_t need,
		     struct rs_error *err)
{
	if (need <= *room)
		return 0;
	if (!rs_budget_take(&c->budget, need - *room))
		return rs_budget_met(err, "trace.dat: what its CPUs' pages are unpacked to");
	/* Just that much: what follows is about as large. */
	if (RS_RESIZE(*buffer, need)) {
		rs_budget_give(&c->budget, need - *room);
		return rs_error_nomem(err);
	}
	*room = need;
	return 0;
}

/* ---- loading, on either thread ---- */

static int load_plain(struct load *l, struct place *p)
{
	struct stream *s = l->s;
	size_t want = s->page_size < PLAIN_BYTES ? PLAIN_BYTES : s->page_size;
	int ret;

	if (want > s->end - s->offset)
		want = s->end - s->offset;
	ret = make_room(s->c, &l->bytes, &l->room, p->at + want + BEHIND, &l->err);
	if (!ret)
		ret = rs_dat_file_read(s->c->f, s->offset, l->bytes + p->at, want, &l->err);
	s->offset += want;
	p->size = want;
	return ret;
}

static int load_packed(struct load *l, struct place *p, struct workspace *ws)
{
	struct stream *s = l->s;
	const struct rs_dat_file *f = s->c->f;
	unsigned char head[8];
	uint32_t packed, plain;
	int ret;

	if (s->end - s->offset < sizeof(head))
		return rs_dat_chunks_damaged(s->cpu, p->offset, "the last chunk is cut off",
					     &l->err);
	ret = rs_dat_file_read(f, s->offset, head, sizeof(head), &l->err);
	if (ret)
		return ret;
	s->offset += sizeof(head);
	packed = (uint32_t)rs_dat_uint(head, 4, f->swap);
	plain = (uint32_t)rs_dat_uint(head + 4, 4, f->swap);
	if (packed > s->end - s->offset || plain > rs_dat_max_chunk(s->page_size))
		return rs_dat_chunks_damaged(
			s->cpu, p->offset, "a compressed chunk is larger than it can be", &l->err);
	/* What is packed, too: where chunks are looked for, many may begin in the same bytes. */
	if (!rs_budget_take(&s->c->work, (uint64_t)packed + plain))
		return rs_budget_met(&l->err, "trace.dat: what its CPUs' pages are unpacked to");
	ret = make_room(s->c, &ws->packed, &ws->room, packed, &l->err);
	if (!ret)
		ret = make_room(s->c, &l->bytes, &l->room, p->at + plain + BEHIND, &l->err);
	if (!ret)
		ret = rs_dat_file_read(f, s->offset, ws->packed, packed, &l->err);
	if (ret)
		return ret;
	s->offset += packed;
	s->chunks--;
	ret = rs_dat_unpack(f->packing, ws->zstd, l->bytes + p->at, plain, ws->packed, packed);
	if (ret == -ENOMEM)
		return rs_error_nomem(&l->err);
	if (ret)
		return rs_dat_chunks_damaged(s->cpu, p->offset, "a chunk cannot be decompressed",
					     &l->err);
	p->size = plain;
	return 0;
}

/* How many chunks there are stands before them. */
static int start_stream(struct stream *s, struct rs_error *err)
{
	const struct rs_dat_file *f = s->c->f;
	unsigned char count[RS_DAT_CHUNK_COUNT];
	int ret;

	s->started = true;
	s->offset = s->begin;
	s->end = s->begin + s->size;
	s->chunks = 0;
	if (!s->compressed || !s->size)
		return 0;
	/* The recorded size is that of the chunks alone, without their number. */
	s->end += sizeof(count);
	if (s->end > f->size)
		s->end = f->size;
	ret = rs_dat_file_read(f, s->offset, count, sizeof(count), err);
	s->chunks = (uint32_t)rs_dat_uint(count, sizeof(count), f->swap);
	s->offset += sizeof(count);
	return ret;
}

static bool is_at_end(const struct stream *s)
{
	/* How many chunks there were is no measure of those that are left. */
	if (s->compressed && !s->c->f->repair)
		return !s->chunks;
	return s->offset >= s->end;
}

/* Where behind @at the next chunk may begin; the end if none does. */
static int find_chunk(struct stream *s, uint64_t at, struct workspace *ws, struct rs_error *err)
{
	const size_t head = RS_DAT_CHUNK_HEAD + RS_DAT_CHUNK_MAGIC;
	int ret = make_room(s->c, &ws->packed, &ws->room, PLAIN_BYTES, err);

	while (!ret && s->end - at >= head) {
		const size_t n = s->end - at < PLAIN_BYTES ? (size_t)(s->end - at) : PLAIN_BYTES;

		ret = rs_dat_file_read(s->c->f, at, ws->packed, n, err);
		for (size_t i = 0; !ret && i + head <= n; i++, at++)
			if (rs_dat_looks_like_chunk(s->c->f, ws->packed + i, s->page_size,
						    s->end - at)) {
				s->offset = at;
				return 0;
			}
	}
	s->offset = s->end;
	return ret;
}

/* After an error: if it is damage, what is in @p instead is a hole, behind which it goes on. */
static void pass_over(struct load *l, struct place *p, struct workspace *ws)
{
	struct stream *s = l->s;
	struct rs_error err = { .offset = -1 };
	int ret = 0;

	if (!s->c->f->repair || !rs_dat_is_damage(l->ret, &l->err))
		return;
	if (s->compressed)
		ret = find_chunk(s, p->offset + 1, ws, &err);
	else
		s->offset = s->end;
	if (ret)
		l->err = err;
	l->ret = ret;
	l->damaged = !ret;
	p->size = 0;
}

static void load(struct rs_work *work, bool beside)
{
	struct load *l = (struct load *)work; /* its first member */
	struct stream *s = l->s;
	struct workspace *ws = &s->c->spaces[beside];

	l->nr = l->next = l->size = 0;
	l->end = l->damaged = false;
	l->ret = s->started ? 0 : start_stream(s, &l->err);
	while (!l->ret && !l->damaged && l->nr < LOAD_CHUNKS && l->size < LOAD_BYTES) {
		struct place *p = &l->places[l->nr];

		l->end = is_at_end(s);
		if (l->end)
			break;
		p->at = l->size;
		p->offset = s->offset;
		l->ret = s->compressed ? load_packed(l, p, ws) : load_plain(l, p);
		if (l->ret)
			pass_over(l, p, ws);
		p->taken = s->offset - p->offset;
		if (l->ret)
			break;
		l->size += p->size;
		l->nr++;
	}
}

/* ---- the caller ---- */

/* What is current was used up: it is loaded again, behind the other. */
static struct load *next_load(struct stream *s)
{
	struct load *used = &s->loads[s->current], *other = &s->loads[!s->current];

	if (!s->c->worker) {
		load(&used->work, false);
		return used;
	}
	rs_worker_flush(s->c->worker, &other->work);
	s->current = !s->current;
	if (!other->ret && !other->end)
		rs_worker_queue(s->c->worker, &used->work);
	return other;
}

/* Nothing more of @s is asked for, unless it begins again. */
static void give_back(struct stream *s)
{
	for (int k = 0; k < 2; k++) {
		struct load *l = &s->loads[k];

		rs_worker_flush(s->c->worker, &l->work);
		free(l->bytes);
		l->bytes = NULL;
		rs_budget_give(&s->c->budget, l->room);
		l->room = 0;
	}
}

int rs_dat_chunks_next(struct rs_dat_chunks *c, size_t i, struct rs_dat_chunk *chunk,
		       struct rs_error *err)
{
	struct stream *s = &c->streams[i];
	struct load *l = &s->loads[s->current];
	int ret;

	if (l->next == l->nr && !l->ret && !l->end)
		l = next_load(s);
	if (l->next < l->nr) {
		const struct place *p = &l->places[l->next++];

		*chunk = (struct rs_dat_chunk){
			.pages = l->bytes ? l->bytes + p->at : NULL, /* NULL: all are empty */
			.size = p->size,
			.offset = p->offset,
			.taken = p->taken,
			.damage = l->damaged && l->next == l->nr ? &l->err : NULL,
		};
		return 1;
	}
	give_back(s);
	ret = l->ret;
	if (ret) {
		rs_error_set(err, l->err.kind, -ret, "%s", l->err.text);
		if (err)
			err->offset = l->err.offset;
		/* Said once: who repairs the file goes on. */
		l->ret = 0;
		l->end = true;
	}
	return ret;
}

void rs_dat_chunks_rewind(struct rs_dat_chunks *c)
{
	rs_budget_init(&c->work, c->f->size);
	for (size_t i = 0; i < c->nr_streams; i++) {
		struct stream *s = &c->streams[i];

		for (int k = 0; k < 2; k++) {
			struct load *l = &s->loads[k];

			rs_worker_cancel(c->worker, &l->work);
			l->nr = l->next = 0;
			l->ret = 0;
			l->end = false;
		}
		s->started = false;
		if (c->worker)
			rs_worker_queue(c->worker, &s->loads[!s->current].work);
	}
}

static void add_streams(struct rs_dat_chunks *c, const struct rs_dat_buffer *b)
{
	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct stream *s;

		if (!rs_dat_cpu_is_used(&b->cpus[i]))
			continue;
		s = &c->streams[c->nr_streams++];
		s->c = c;
		s->cpu = b->cpus[i].cpu;
		s->page_size = b->page_size;
		s->compressed = b->compressed;
		s->begin = b->cpus[i].offset;
		s->size = b->cpus[i].size;
		for (int k = 0; k < 2; k++) {
			s->loads[k].work.run = load;
			s->loads[k].s = s;
		}
	}
}

static bool fill(struct rs_dat_chunks *c, const struct rs_dat_file *f, unsigned int jobs)
{
	uint64_t bytes = 0;
	size_t n = 0;

	c->f = f;
	c->budget = f->budget;
	n = rs_dat_file_nr_streams(f);
	c->streams = calloc(n ? n : 1, sizeof(*c->streams));
	if (!c->streams)
		return false;
	for (size_t i = 0; i < f->nr_buffers; i++)
		add_streams(c, &f->buffers[i]);
	for (size_t i = 0; i < n; i++)
		bytes += c->streams[i].size;
	if (bytes >= AHEAD_BYTES)
		c->worker = rs_worker_new(jobs);
	for (int i = 0; i < (c->worker ? 2 : 1); i++) {
		c->spaces[i].zstd = ZSTD_createDCtx();
		if (!c->spaces[i].zstd)
			return false;
	}
	return true;
}

struct rs_dat_chunks *rs_dat_chunks_new(const struct rs_dat_file *f, unsigned int jobs)
{
	struct rs_dat_chunks *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (fill(c, f, jobs))
		return c;
	rs_dat_chunks_free(c);
	return NULL;
}

void rs_dat_chunks_free(struct rs_dat_chunks *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr_streams; i++)
		for (int k = 0; k < 2; k++)
			rs_worker_cancel(c->worker, &c->streams[i].loads[k].work);
	rs_worker_free(c->worker);
	for (size_t i = 0; i < c->nr_streams; i++)
		for (int k = 0; k < 2; k++)
			free(c->streams[i].loads[k].bytes);
	for (int i = 0; i < 2; i++) {
		ZSTD_freeDCtx(c->spaces[i].zstd);
		free(c->spaces[i].packed);
	}
	free(c->streams);
	free(c);
}
