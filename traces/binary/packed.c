// SPDX-License-Identifier: GPL-2.0-only
#include "traces/binary/packed.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "traces/binary/head.h"

/* What a block starts with; the bases follow, then the records. */
struct front {
	uint32_t nr_bases;
	uint32_t zero;
	uint64_t first_time; /* in ns */
};

/* What a record is the distance from. */
struct base {
	struct rs_head head;
	uint64_t time_ns; /* since the event before */
	uint64_t a, b, c; /* c is counted from b */
	uint64_t shift;	  /* of the distances of b and c */
};

/* How far an event is from its base; of a type that has only a, db and dc are its 64 bits. */
struct record {
	uint32_t time_ns;
	uint16_t base;
	uint16_t da;
	uint32_t db, dc;
};

_Static_assert(sizeof(struct front) == 16 && sizeof(struct base) == 56 &&
		       sizeof(struct record) == 16,
	       "stored as they are");

/* How many of the numbers a, b and c the events of a type have. */
static const uint8_t nr_numbers[RS_NR_EVENT_TYPES] = {
	[RS_EV_MEMSLOT] = 3,   [RS_EV_INVAL_BEGIN] = 3, [RS_EV_INVAL_SLOT] = 3,
	[RS_EV_INVAL_END] = 1, [RS_EV_FAULT_BEGIN] = 1, [RS_EV_LOST] = 1,
	[RS_EV_STATE] = 3,
};

/* A base as it is applied: without a branch that depends on the type. */
struct kind {
	struct rs_head head;
	uint64_t time_ns, a, b, c;
	uint64_t mask; /* what of the 8 bytes at @offset of the record a is apart */
	uint32_t offset;
	uint32_t scale; /* of the distances of b and c; 0 if it has neither */
};

_Static_assert(sizeof(struct kind) == 64, "a line of the cache");
_Static_assert(offsetof(struct record, da) + 8 <= sizeof(struct record), "all 8 bytes are its own");

struct rs_packed {
	size_t max;
	struct kind *kinds;
	/* Of the encoder: */
	struct base *bases;
	uint32_t *older;  /* of each base: one with the same head + 1, or 0 */
	uint32_t *newest; /* hash of heads: number of the newest base + 1 */
	size_t hash_size; /* a power of two */
	uint32_t nr_bases;
};

/* ---- events to records ---- */

/* So many bases of its head are tried before an event gets one of its own. */
#define TRIES 4

/* Where a base lies below its first event: ids and sequences rise, addresses go both ways. */
#define BELOW_A 0x4000U
#define BELOW_B 0x80000000U

/* The place that leads to the bases of a head, and is 0 if there are none yet. */
static uint32_t *find_head(struct rs_packed *p, const struct rs_head *h)
{
	size_t i = rs_head_hash(h) & (p->hash_size - 1);

	while (p->newest[i] && memcmp(&p->bases[p->newest[i] - 1].head, h, sizeof(*h)))
		i = (i + 1) & (p->hash_size - 1);
	return &p->newest[i];
}

static uint64_t less(uint64_t x, uint64_t by)
{
	return x > by ? x - by : 0;
}

/* A number that is a host address goes by pages. */
static unsigned int shift_of(const struct rs_event *ev)
{
	return ev->raw.word[1] >> 32 && !((ev->raw.word[1] | ev->raw.word[2]) % RS_PAGE_SIZE)
		       ? RS_PAGE_SHIFT
		       : 0;
}

static struct base new_base(const struct rs_event *ev, uint64_t time_ns)
{
	struct base base = { .time_ns = time_ns >> 32 ? time_ns : 0 };
	unsigned int shift;

	memcpy(&base.head, &ev->vm, sizeof(base.head));
	if (nr_numbers[ev->type] < 3)
		return base;
	shift = shift_of(ev);
	base.shift = shift;
	base.a = less(ev->raw.word[0], BELOW_A);
	base.b = less(ev->raw.word[1] >> shift, BELOW_B) << shift;
	base.c = (ev->raw.word[2] - ev->raw.word[1]) >> shift >> 32
			 ? ev->raw.word[2] - ev->raw.word[1]
			 : 0;
	return base;
}

/* @distance in units of 1 << @shift, if it is a whole number of them that fits. */
static bool fits(uint64_t distance, uint64_t shift, uint32_t *units)
{
	*units = (uint32_t)(distance >> shift);
	return (uint64_t)*units << shift == distance;
}

/* How far @ev is from @base; false if a record cannot say it. */
static bool measure(const struct base *base, const struct rs_event *ev, uint64_t time_ns,
		    struct record *r)
{
	uint64_t da = ev->raw.word[0] - base->a;

	if (!fits(time_ns - base->time_ns, 0, &r->time_ns))
		return false;
	r->da = 0;
	if (nr_numbers[ev->type] < 3) {
		r->db = (uint32_t)da;
		r->dc = (uint32_t)(da >> 32);
		return true;
	}
	r->da = (uint16_t)da;
	return r->da == da && fits(ev->raw.word[1] - base->b, base->shift, &r->db) &&
	       fits(ev->raw.word[2] - ev->raw.word[1] - base->c, base->shift, &r->dc);
}

static void set_record(struct rs_packed *p, const struct rs_event *ev, uint64_t time_ns,
		       struct record *r)
{
	struct rs_head h;
	uint32_t *newest, at;

	memcpy(&h, &ev->vm, sizeof(h));
	newest = find_head(p, &h);
	at = *newest;
	for (int i = 0; at && i < TRIES; i++, at = p->older[at - 1]) {
		if (measure(&p->bases[at - 1], ev, time_ns, r)) {
			r->base = (uint16_t)(at - 1);
			return;
		}
	}
	at = p->nr_bases++;
	p->bases[at] = new_base(ev, time_ns);
	p->older[at] = *newest;
	*newest = at + 1;
	measure(&p->bases[at], ev, time_ns, r);
	r->base = (uint16_t)at;
}

size_t rs_packed_bound(size_t n)
{
	return sizeof(struct front) + n * (sizeof(struct base) + sizeof(struct record));
}

size_t rs_packed_encode(struct rs_packed *p, const struct rs_event *evs, size_t n,
			unsigned char *out)
{
	struct front f = { .first_time = evs[0].time_ns };
	size_t records = sizeof(f) + n * sizeof(struct base); /* where they are made */
	size_t bases;

	memset(p->newest, 0, p->hash_size * sizeof(*p->newest));
	p->nr_bases = 0;
	for (size_t i = 0; i < n; i++) {
		struct record r;

		set_record(p, &evs[i], evs[i].time_ns - evs[i ? i - 1 : 0].time_ns, &r);
		memcpy(out + records + i * sizeof(r), &r, sizeof(r));
	}
	f.nr_bases = p->nr_bases;
	bases = p->nr_bases * sizeof(struct base);
	memcpy(out, &f, sizeof(f));
	memcpy(out + sizeof(f), p->bases, bases);
	memmove(out + sizeof(f) + bases, out + records, n * sizeof(struct record));
	return sizeof(f) + bases + n * sizeof(struct record);
}

/* ---- and back ---- */

static bool good_base(const struct base *base, uint32_t max_who)
{
	struct rs_event ev = { 0 };

	memcpy(&ev.vm, &base->head, sizeof(base->head));
	if (rs_event_problem(&ev) || rs_event_who(&ev) > max_who)
		return false;
	if (nr_numbers[ev.type] == 3)
		return base->shift < 32;
	return !(base->a | base->b | base->c | base->shift);
}

static void set_kind(struct kind *k, const struct base *base)
{
	const unsigned int nr = nr_numbers[base->head.type];

	*k = (struct kind){ .head = base->head,
			    .time_ns = base->time_ns,
			    .a = base->a,
			    .b = base->b,
			    .c = base->c };
	if (nr == 3) {
		k->offset = offsetof(struct record, da);
		k->mask = UINT16_MAX;
		k->scale = 1U << base->shift;
	} else if (nr) {
		k->offset = offsetof(struct record, db);
		k->mask = UINT64_MAX;
	}
}

/* The 8 bytes at @offset of a record. */
static inline uint64_t bytes_at(const struct record *r, uint32_t offset)
{
	uint64_t x;

	memcpy(&x, (const char *)r + offset, sizeof(x));
	return x;
}

/* Numbers that its type does not have come out as 0, whatever the record says. */
static int apply_records(const struct rs_packed *p, const struct record *r, uint64_t time_ns,
			 struct rs_event *evs, size_t n)
{
	const struct kind *kinds = p->kinds;
	const uint32_t nr_bases = p->nr_bases;

	for (struct rs_event *ev = evs; ev < evs + n; ev++, r++) {
		const struct kind *k = &kinds[r->base];
		uint64_t b, scale;

		if (r->base >= nr_bases)
			return -EINVAL;
		scale = k->scale;
		b = k->b + r->db * scale;
		time_ns += k->time_ns + r->time_ns;
		ev->time_ns = time_ns;
		memcpy(&ev->vm, &k->head, sizeof(k->head));
		ev->raw.word[0] = k->a + (bytes_at(r, k->offset) & k->mask);
		ev->raw.word[1] = b;
		ev->raw.word[2] = b + k->c + r->dc * scale;
	}
	return 0;
}

int rs_packed_decode(struct rs_packed *p, const unsigned char *bytes, size_t size,
		     struct rs_event *evs, size_t n, uint32_t max_who)
{
	const struct front *f = (const void *)bytes;
	const struct base *bases = (const void *)(f + 1);

	if (!n || n > p->max || size < sizeof(*f) || !f->nr_bases || f->nr_bases > n || f->zero ||
	    size != sizeof(*f) + f->nr_bases * sizeof(*bases) + n * sizeof(struct record))
		return -EINVAL;
	p->nr_bases = f->nr_bases;
	for (uint32_t i = 0; i < f->nr_bases; i++) {
		if (!good_base(&bases[i], max_who))
			return -EINVAL;
		set_kind(&p->kinds[i], &bases[i]);
	}
	return apply_records(p, (const void *)(bases + f->nr_bases), f->first_time, evs, n);
}

/* ---- both ---- */

struct rs_packed *rs_packed_new(size_t max_events)
{
	struct rs_packed *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->max = max_events;
	p->hash_size = 64;
	while (p->hash_size < 2 * max_events)
		p->hash_size *= 2;
	p->kinds = aligned_alloc(sizeof(*p->kinds), max_events * sizeof(*p->kinds));
	p->bases = calloc(max_events, sizeof(*p->bases));
	p->older = calloc(max_events, sizeof(*p->older));
	p->newest = calloc(p->hash_size, sizeof(*p->newest));
	if (p->kinds && p->bases && p->older && p->newest)
		return p;
	rs_packed_free(p);
	return NULL;
}

void rs_packed_free(struct rs_packed *p)
{
	if (!p)
		return;
	free(p->kinds);
	free(p->bases);
	free(p->older);
	free(p->newest);
	free(p);
}
