// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/inline.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_chunks.h"

/* The type field of an event's first word, and what stands beside its length. */
#define TYPE_PADDING 29U
#define TYPE_TIME_EXTEND 30U
#define TYPE_TIME_STAMP 31U
#define DELTA_BITS 27U
#define ABSOLUTE_BITS 59U

#define MISSED_EVENTS (1U << 31)
#define MISSED_STORED (1U << 30)

/* A day: what is later would put all that follows on its CPU at a time that never was. */
#define MAX_PAGE_TIME (86400ULL * 1000000000)

/* One CPU's pages of one buffer. */
struct stream {
	uint32_t cpu, page_size;
	bool cut;		   /* there was more of it */
	struct rs_dat_chunk chunk; /* whole pages */
	size_t chunk_used;

	const unsigned char *data; /* of the page, behind its header */
	uint32_t at, size;
	uint64_t time, page_time;
	uint64_t missed;
	uint64_t held;		     /* time ran back from here, and is not yet there again; or 0 */
	bool have_event;	     /* there is one to be returned, in @record */
	struct rs_dat_record record; /* what is to be returned next */
};

struct rs_dat_merge {
	const struct rs_dat_file *f;
	struct rs_dat_layout layout;
	unsigned int type_end; /* behind an event's number */
	/*
	 * With so many bytes left of a page the next entry may be taken as a short one: 4, where
	 * all is in this machine's order and that is the little end first; else UINT32_MAX.
	 */
	uint32_t short_left;
	struct stream *streams;
	size_t nr_streams;
	struct stream **heap; /* those that have a record, the earliest first */
	size_t nr_heap;
	struct stream *top; /* whose record was returned; NULL: none since the heap was made */
	uint64_t until;	    /* the earliest time of the others */
	struct rs_dat_chunks *chunks;
	uint64_t done, total;
	uint64_t nr_back; /* events */
	struct rs_dat_damage damage;
};

static int damaged(const struct stream *s, struct rs_error *err, const char *problem)
{
	return rs_dat_chunks_damaged(s->cpu, s->chunk.offset, problem, err);
}

static void note_missed(struct stream *s, uint64_t n)
{
	s->missed = s->missed == UINT64_MAX || n == UINT64_MAX ? UINT64_MAX : s->missed + n;
}

/* If the file is repaired, what is damaged up to the next page is a loss: 0, or else @ret. */
static RS_SELDOM int pass_over(struct rs_dat_merge *m, struct stream *s, int ret,
			       struct rs_error *err)
{
	ret = rs_dat_damage_take(m->f->repair ? &m->damage : NULL, ret, err);
	if (ret)
		return ret;
	note_missed(s, UINT64_MAX);
	s->at = s->size = 0;
	/* What it said of the time may be wrong, too. */
	s->time = s->record.time;
	return 0;
}

/* 1 and a chunk of whole pages, or 0 at the end. */
static int read_chunk(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	int ret = rs_dat_chunks_next(m->chunks, (size_t)(s - m->streams), &s->chunk, err);

	s->chunk_used = s->chunk.size;
	if (!ret && s->cut)
		note_missed(s, UINT64_MAX);
	if (ret <= 0)
		return ret;
	m->done += s->chunk.taken;
	if (s->chunk.damage) {
		*err = *s->chunk.damage;
		return -EINVAL;
	}
	if (s->chunk.size % s->page_size)
		return damaged(s, err, "not a whole number of pages");
	s->chunk_used = 0;
	return s->chunk.size ? 1 : damaged(s, err, "an empty chunk");
}

/* The recording says which time it is, where it might run back. */
static void set_time(struct stream *s, uint64_t time)
{
	if (time < s->time && s->time > s->held)
		s->held = s->time;
	s->time = time;
}

/* 1 and the next page, or 0 at the end. */
static int load_page(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	const unsigned int word = m->layout.commit_size, header = 8 + word;
	const unsigned char *page;
	uint64_t time, commit;
	int ret;

	if (s->chunk_used == s->chunk.size) {
		ret = read_chunk(m, s, err);
		if (ret <= 0)
			return ret;
	}
	page = s->chunk.pages + s->chunk_used;
	s->chunk_used += s->page_size;
	time = rs_dat_uint(page, 8, m->f->swap);
	commit = rs_dat_uint(page + 8, word, m->f->swap);
	s->data = page + header;
	s->size = (uint32_t)commit & RS_DAT_COMMIT_MASK;
	s->at = 0;
	if (s->size > s->page_size - header)
		return damaged(s, err, "a page claims more data than a page holds");
	if (!time && !commit)
		return damaged(s, err, "a page of zeros");
	set_time(s, time);
	s->page_time = time;
	if ((commit & MISSED_EVENTS) && !(commit & MISSED_STORED))
		note_missed(s, UINT64_MAX);
	else if (commit & MISSED_EVENTS && s->size + word <= s->page_size - header)
		note_missed(s, rs_dat_uint(s->data + s->size, word, m->f->swap));
	return 1;
}

/*
 * Takes one entry of the page: 1 if it is an event (in s->record), 0 if only time
 * or padding.
 */
static int take_entry(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	const unsigned char *p = s->data + s->at;
	const uint32_t left = s->size - s->at;
	uint32_t first, type, length, head = 4;
	uint64_t delta;

	if (left < 4)
		return damaged(s, err, "an event does not end within its page");
	first = (uint32_t)rs_dat_uint(p, 4, m->f->swap);
	type = m->f->big_endian ? first >> DELTA_BITS : first & 31;
	delta = m->f->big_endian ? first & ((1U << DELTA_BITS) - 1) : first >> 5;
	if (type == TYPE_PADDING && !delta) {
		s->at = s->size;
		return 0;
	}
	length = type * 4;
	if (!type || type >= TYPE_PADDING) {
		if (left < 8)
			return damaged(s, err, "an event does not end within its page");
		length = (uint32_t)rs_dat_uint(p + 4, 4, m->f->swap);
		head = 8;
	}
	if (type == TYPE_TIME_EXTEND || type == TYPE_TIME_STAMP) {
		delta += (uint64_t)length << DELTA_BITS;
		if (type == TYPE_TIME_STAMP)
			set_time(s, (s->time & ~((1ULL << ABSOLUTE_BITS) - 1)) | delta);
		else
			s->time += delta;
		s->at += 8;
		return 0;
	}
	s->time += delta;
	if (!type && length < 4)
		return damaged(s, err, "an event is shorter than it can be");
	if (!type)
		length = ((length - 4) + 3) & ~3U;
	if (type == TYPE_PADDING)
		head = 4;
	if (length > left - head)
		return damaged(s, err, "an event does not end within its page");
	s->at += head + length;
	s->record.data = p + head;
	s->record.size = length;
	return type != TYPE_PADDING;
}

/* Whether there is a reader for the event in s->record. */
static inline int is_wanted(const struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	const struct rs_dat_layout *l = &m->layout;

	if (s->record.size < m->type_end)
		return 0;
	s->record.wanted = l->wanted[(uint16_t)rs_dat_uint(s->record.data + l->type_offset,
							   l->type_size, m->f->swap)];
	/* What else would be said when it is decoded. */
	if (m->f->repair && s->record.size < l->least[s->record.wanted])
		return damaged(s, err, "an event is shorter than its format");
	return s->record.wanted != 0;
}

/* More than a clock that is set back, or a page that is filled slowly, would make. */
static bool is_far(uint64_t time, uint64_t page_time)
{
	return (time > page_time ? time - page_time : page_time - time) > MAX_PAGE_TIME;
}

/* 1 and the next wanted event in s->record, or 0 at the end. */
static RS_SELDOM int find_event(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	int ret;

	for (;;) {
		while (s->at < s->size) {
			ret = take_entry(m, s, err);
			if (ret >= 0 && m->f->repair && is_far(s->time, s->page_time))
				ret = damaged(s, err, "a time is a day from its page's");
			if (ret > 0)
				ret = is_wanted(m, s, err);
			if (ret < 0)
				ret = pass_over(m, s, ret, err);
			if (ret)
				return ret;
		}
		ret = load_page(m, s, err);
		if (!ret || (ret < 0 && pass_over(m, s, ret, err)))
			return ret;
	}
}

/*
 * Nearly all entries are events whose length stands beside their type, in this
 * machine's order of bytes. Takes one as take_entry() does; false, and nothing is done,
 * if the next is no such event.
 */
static inline bool take_short_event(const struct rs_dat_merge *m, struct stream *s)
{
	const uint32_t left = s->size - s->at;
	const unsigned char *p;
	uint32_t first, length;

	if (left < m->short_left)
		return false;
	p = s->data + s->at;
	first = (uint32_t)rs_dat_uint(p, 4, false);
	length = (first & 31) * 4;
	if (!length || length >= TYPE_PADDING * 4 || length > left - 4)
		return false;
	s->time += first >> 5;
	s->at += 4 + length;
	s->record.data = p + 4;
	s->record.size = length;
	return true;
}

/* The same as find_event(), with less to do if there is one at hand. */
static inline int find_short_event(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	const struct rs_dat_layout *l = &m->layout;

	while (take_short_event(m, s)) {
		if (s->record.size < m->type_end)
			continue;
		/* Of four bytes, too, the first two are those of the number. */
		s->record.wanted =
			l->wanted[rs_dat_uint(s->record.data + l->type_offset, 2, false)];
		if (s->record.wanted)
			return 1;
	}
	return find_event(m, s, err);
}

/* An event happened in its place: its time is not before that of the event before it. */
static void take_time(struct rs_dat_merge *m, struct stream *s)
{
	s->record.time = s->time < s->held ? s->held : s->time;
	if (s->time >= s->held)
		s->held = 0;
	else if (s->record.what == RS_DAT_EVENT && s->have_event)
		m->nr_back++;
}

/* What stands at a stream's next event: it, or first the two ends of a gap before it. */
static RS_SELDOM int pass_gap(struct rs_dat_merge *m, struct stream *s)
{
	if (s->record.what == RS_DAT_EVENT) {
		s->record.missed = s->missed;
		s->record.what = s->missed ? RS_DAT_GAP_BEGIN : RS_DAT_EVENT;
		s->missed = 0;
	} else {
		s->record.missed = 0;
		s->record.what = s->record.what == RS_DAT_GAP_BEGIN ? RS_DAT_GAP_END : RS_DAT_EVENT;
	}
	/* A gap begins at the event before it, whose time it still is. */
	if (s->record.what != RS_DAT_GAP_BEGIN)
		take_time(m, s);
	return s->have_event || s->record.what == RS_DAT_GAP_BEGIN;
}

/*
 * Moves to what comes next: an event, or the two ends of a gap before it. 1, or 0
 * at the end.
 */
static inline int advance(struct rs_dat_merge *m, struct stream *s, struct rs_error *err)
{
	int ret;

	if (s->record.what != RS_DAT_EVENT)
		return pass_gap(m, s);
	ret = find_short_event(m, s, err);
	if (ret < 0)
		return ret;
	if (!ret || s->missed | s->held) {
		s->have_event = ret;
		return pass_gap(m, s);
	}
	s->record.time = s->time;
	return 1;
}

static bool earlier(const struct stream *a, const struct stream *b)
{
	if (a->record.time != b->record.time)
		return a->record.time < b->record.time;
	return a < b;
}

static void sift_down(struct rs_dat_merge *m, size_t i)
{
	struct stream *s = m->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < m->nr_heap && earlier(m->heap[child + 1], m->heap[child]))
			child++;
		if (child >= m->nr_heap || !earlier(m->heap[child], s))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = s;
}

/* The top's record is another, or there is another top. */
static void settle_top(struct rs_dat_merge *m)
{
	if (m->nr_heap)
		sift_down(m, 0);
	m->until = UINT64_MAX;
	for (size_t i = 1; i < m->nr_heap && i < 3; i++)
		if (m->heap[i]->record.time < m->until)
			m->until = m->heap[i]->record.time;
}

static void start_stream(struct stream *s)
{
	s->chunk = (struct rs_dat_chunk){ 0 };
	s->chunk_used = 0;
	s->at = s->size = 0;
	s->missed = 0;
	s->time = s->held = 0;
	s->record.what = RS_DAT_EVENT;
	s->record.time = 0;
}

static int fill_heap(struct rs_dat_merge *m, struct rs_error *err)
{
	for (size_t i = 0; i < m->nr_streams; i++) {
		struct stream *s = &m->streams[i];
		int ret;

		start_stream(s);
		ret = advance(m, s, err);
		if (ret < 0)
			return ret;
		if (ret)
			m->heap[m->nr_heap++] = s;
	}
	for (size_t i = m->nr_heap / 2; i-- > 0;)
		sift_down(m, i);
	settle_top(m);
	return 0;
}

int rs_dat_merge_rewind(struct rs_dat_merge *m, struct rs_error *err)
{
	m->done = 0;
	rs_dat_damage_free(&m->damage);
	m->nr_back = 0;
	m->nr_heap = 0;
	m->top = NULL;
	rs_dat_chunks_rewind(m->chunks);
	return fill_heap(m, err);
}

static void add_streams(struct rs_dat_merge *m, uint32_t buffer)
{
	const struct rs_dat_buffer *b = &m->f->buffers[buffer];

	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct stream *s;

		if (!rs_dat_cpu_is_used(&b->cpus[i]))
			continue;
		s = &m->streams[m->nr_streams++];
		s->cut = b->cpus[i].cut;
		s->record.source = (uint16_t)(1 + RS_DAT_GROUPS * buffer);
		s->cpu = b->cpus[i].cpu;
		s->record.cpu = i;
		s->page_size = b->page_size;
		m->total += b->cpus[i].size;
	}
}

struct rs_dat_merge *rs_dat_merge_new(const struct rs_dat_file *f, const struct rs_dat_layout *l,
				      unsigned int jobs, struct rs_error *err)
{
	struct rs_dat_merge *m = calloc(1, sizeof(*m));
	size_t n = 0;

	if (m) {
		n = rs_dat_file_nr_streams(f);
		m->f = f;
		m->layout = *l;
		m->type_end = l->type_offset + l->type_size;
		m->short_left = f->swap || f->big_endian || f->repair ? UINT32_MAX : 4;
		m->streams = calloc(n ? n : 1, sizeof(*m->streams));
		m->heap = calloc(n ? n : 1, sizeof(struct stream *));
		m->chunks = rs_dat_chunks_new(f, jobs);
	}
	if (!m || !m->streams || !m->heap || !m->chunks) {
		rs_dat_merge_free(m);
		rs_error_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < f->nr_buffers; i++)
		add_streams(m, (uint32_t)i);
	if (rs_dat_merge_rewind(m, err)) {
		rs_dat_merge_free(m);
		return NULL;
	}
	return m;
}

static int take_top(struct rs_dat_merge *m, const struct rs_dat_record **r)
{
	if (!m->nr_heap)
		return 0;
	m->top = m->heap[0];
	*r = &m->top->record;
	return 1;
}

/*
 * After what @ret says of the top's next record (1: there is one, 0: none), the earliest of
 * all is another.
 */
static int change_top(struct rs_dat_merge *m, int ret, const struct rs_dat_record **r)
{
	m->top = NULL;
	if (ret < 0)
		return ret;
	if (!ret)
		m->heap[0] = m->heap[--m->nr_heap];
	settle_top(m);
	return take_top(m, r);
}

int rs_dat_merge_next(struct rs_dat_merge *m, const struct rs_dat_record **r, struct rs_error *err)
{
	struct stream *s = m->top;
	int ret;

	if (!s)
		return take_top(m, r);
	/* The top's successor is looked up only now: until here its data had to stay. */
	ret = advance(m, s, err);
	/* A CPU's events come in runs: mostly the top stays. */
	if (ret <= 0 || s->record.time >= m->until)
		return change_top(m, ret, r);
	*r = &s->record;
	return 1;
}

uint64_t rs_dat_merge_back(const struct rs_dat_merge *m)
{
	return m->nr_back;
}

const struct rs_dat_damage *rs_dat_merge_damage(const struct rs_dat_merge *m)
{
	return &m->damage;
}

void rs_dat_merge_progress(const struct rs_dat_merge *m, uint64_t *done, uint64_t *total)
{
	*done = m->done;
	*total = m->total;
}

void rs_dat_merge_free(struct rs_dat_merge *m)
{
	if (!m)
		return;
	free(m->streams);
	free(m->heap);
	rs_dat_chunks_free(m->chunks);
	rs_dat_damage_free(&m->damage);
	free(m);
}
