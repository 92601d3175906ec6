// SPDX-License-Identifier: GPL-2.0-only
#include "traces/binary/columns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "traces/binary/head.h"
#include "base/inline.h"

/*
 * What all events of a kind have in common is their head: an event names it by
 * its number among the heads of the block. What is left are the time and up to
 * three numbers, each coded as its difference from one that was seen before.
 */

#define CHUNK 64 /* columns have room up to a multiple of this */

/* What a VM's numbers are compared with: indexes of its base numbers. */
enum base {
	BASE_ZERO, /* always 0 */
	BASE_VOID, /* where numbers go that nothing is compared with */
	BASE_ID,
	BASE_BEGIN,
	BASE_SLOT,
	BASE_SEQ,
	BASE_START,
	BASE_LENGTH,
	BASE_GFN,
	BASE_PAGES,
	BASE_HVA,
	NR_BASES,
	BASE_LAST = NR_BASES, /* the head's own, not its VM's */
};

/* How the numbers a, b and c of a type are coded. */
struct shape {
	uint8_t nr;	 /* how many of them there are */
	bool length;	 /* c is coded as c - b */
	uint8_t from[3]; /* compared with */
	uint8_t to[3];	 /* replaces */
};

static const struct shape shapes[RS_NR_EVENT_TYPES] = {
	[RS_EV_MEMSLOT] = { 3,
			    false,
			    { BASE_GFN, BASE_PAGES, BASE_HVA },
			    { BASE_GFN, BASE_PAGES, BASE_HVA } },
	[RS_EV_INVAL_BEGIN] = { 3,
				true,
				{ BASE_ID, BASE_BEGIN, BASE_ZERO },
				{ BASE_ID, BASE_BEGIN, BASE_VOID } },
	[RS_EV_INVAL_SLOT] = { 3,
			       true,
			       { BASE_ID, BASE_SLOT, BASE_ZERO },
			       { BASE_VOID, BASE_SLOT, BASE_VOID } },
	[RS_EV_INVAL_END] = { 1, false, { BASE_ID }, { BASE_VOID } },
	/* Compared with the same vCPU's last: the head's own base. */
	[RS_EV_FAULT_BEGIN] = { 1, false, { BASE_LAST }, { BASE_LAST } },
	[RS_EV_LOST] = { 1, false, { BASE_ZERO }, { BASE_VOID } },
	[RS_EV_STATE] = { 3,
			  true,
			  { BASE_SEQ, BASE_START, BASE_LENGTH },
			  { BASE_SEQ, BASE_START, BASE_LENGTH } },
};

/* A head with what is needed for its events. */
struct kind {
	uint8_t type, nr;
	bool length;
	uint64_t *from[3], *to[3];
};

#define NR_COLUMNS (1 + 3 * RS_NR_EVENT_TYPES) /* times, then a, b, c of each type */

struct rs_columns {
	size_t max;
	struct rs_head *heads;
	struct kind *kinds;
	uint32_t *vms;	  /* those of the heads, each once */
	uint64_t *bases;  /* NR_BASES for each of vms[] */
	uint64_t *last;	  /* of each head: the number of its last event */
	uint16_t *codes;  /* the head of each event */
	uint32_t *hash;	  /* head's number + 1 */
	uint32_t *places; /* where in hash[] each head's number is */
	size_t hash_size; /* a power of two */
	uint32_t nr_heads, nr_vms;
	uint64_t *column[NR_COLUMNS];
	uint64_t bits[NR_COLUMNS]; /* those that its numbers have */
	size_t nr[NR_COLUMNS];
	uint64_t *numbers;
};

static size_t round_up(size_t n)
{
	return (n + CHUNK - 1) & ~(size_t)(CHUNK - 1);
}

struct rs_columns *rs_columns_new(size_t max_events)
{
	struct rs_columns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max = max_events;
	c->hash_size = 64;
	while (c->hash_size < 2 * max_events)
		c->hash_size *= 2;
	c->heads = calloc(max_events, sizeof(*c->heads));
	c->kinds = calloc(max_events, sizeof(*c->kinds));
	c->vms = calloc(max_events, sizeof(*c->vms));
	c->bases = calloc(max_events, NR_BASES * sizeof(*c->bases));
	c->last = calloc(max_events, sizeof(*c->last));
	c->codes = calloc(round_up(max_events), sizeof(*c->codes));
	c->hash = calloc(c->hash_size, sizeof(*c->hash));
	c->places = calloc(max_events, sizeof(*c->places));
	/* Times, and together at most three numbers of each event. */
	c->numbers = calloc(round_up(max_events) * 4 + NR_COLUMNS * CHUNK, sizeof(*c->numbers));
	if (c->heads && c->kinds && c->vms && c->bases && c->last && c->codes && c->hash &&
	    c->places && c->numbers)
		return c;
	rs_columns_free(c);
	return NULL;
}

void rs_columns_free(struct rs_columns *c)
{
	if (!c)
		return;
	free(c->heads);
	free(c->kinds);
	free(c->vms);
	free(c->bases);
	free(c->last);
	free(c->codes);
	free(c->hash);
	free(c->places);
	free(c->numbers);
	free(c);
}

static uint64_t zigzag(uint64_t d)
{
	return d << 1 ^ -(d >> 63);
}

static uint64_t unzigzag(uint64_t z)
{
	return z >> 1 ^ -(z & 1);
}

static unsigned int column_of(unsigned int type, unsigned int number)
{
	return 1 + 3 * type + number;
}

/* ---- heads ---- */

static const struct rs_head *head_of(const struct rs_event *ev)
{
	return (const struct rs_head *)&ev->vm;
}

static uint64_t *bases_of(struct rs_columns *c, uint32_t vm)
{
	uint64_t *bases;
	uint32_t i = 0;

	while (i < c->nr_vms && c->vms[i] != vm)
		i++;
	bases = c->bases + (size_t)i * NR_BASES;
	if (i == c->nr_vms) {
		c->vms[c->nr_vms++] = vm;
		memset(bases, 0, NR_BASES * sizeof(*bases));
	}
	return bases;
}

static void set_kind(struct rs_columns *c, uint32_t head)
{
	const struct rs_head *h = &c->heads[head];
	const struct shape *s = &shapes[h->type];
	struct kind *k = &c->kinds[head];
	uint64_t *bases = bases_of(c, h->vm), *last = &c->last[head];

	*last = 0;
	k->type = h->type;
	k->nr = s->nr;
	k->length = s->length;
	for (unsigned int i = 0; i < s->nr; i++) {
		k->from[i] = s->from[i] == BASE_LAST ? last : bases + s->from[i];
		k->to[i] = s->to[i] == BASE_LAST ? last : bases + s->to[i];
	}
}

static uint32_t *hash_place(struct rs_columns *c, const struct rs_head *h)
{
	size_t i = rs_head_hash(h);

	for (i &= c->hash_size - 1; c->hash[i]; i = (i + 1) & (c->hash_size - 1))
		if (!memcmp(&c->heads[c->hash[i] - 1], h, sizeof(*h)))
			break;
	return &c->hash[i];
}

/* Gives each event the number of its head, in the order of their first events. */
static void number_heads(struct rs_columns *c, const struct rs_event *evs, size_t n)
{
	c->nr_heads = 0;
	c->nr_vms = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t *place = hash_place(c, head_of(&evs[i]));

		if (!*place) {
			c->heads[c->nr_heads] = *head_of(&evs[i]);
			set_kind(c, c->nr_heads);
			c->places[c->nr_heads] = (uint32_t)(place - c->hash);
			*place = ++c->nr_heads;
		}
		c->codes[i] = (uint16_t)(*place - 1);
	}
	/* For the next block: they are far fewer than there is room for. */
	for (uint32_t i = 0; i < c->nr_heads; i++)
		c->hash[c->places[i]] = 0;
}

/* Gives each column its room, now that the head of each event is known. */
static void place_columns(struct rs_columns *c, size_t n)
{
	uint64_t *room = c->numbers;
	size_t of_type[RS_NR_EVENT_TYPES] = { 0 };

	for (size_t i = 0; i < n; i++)
		of_type[c->kinds[c->codes[i]].type]++;
	memset(c->nr, 0, sizeof(c->nr));
	c->column[0] = room;
	c->nr[0] = n;
	room += round_up(n);
	for (unsigned int t = 0; t < RS_NR_EVENT_TYPES; t++) {
		for (unsigned int k = 0; k < shapes[t].nr; k++) {
			c->column[column_of(t, k)] = room;
			c->nr[column_of(t, k)] = of_type[t];
			room += round_up(of_type[t]);
		}
	}
}

/* ---- events to numbers ---- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Differences of times, modulo 2^64, in the largest unit that divides them; returns it. */
static uint64_t split_times(struct rs_columns *c, const struct rs_event *evs, size_t n)
{
	uint64_t *times = c->column[0], unit = 0, bits = 0;

	times[0] = 0;
	for (size_t i = 1; i < n; i++) {
		times[i] = evs[i].time_ns - evs[i - 1].time_ns;
		bits |= times[i];
		if (unit != 1)
			unit = gcd(times[i], unit);
	}
	if (!unit)
		unit = 1;
	if (unit > 1)
		bits = 0;
	for (size_t i = 1; unit > 1 && i < n; i++) {
		times[i] /= unit;
		bits |= times[i];
	}
	c->bits[0] = bits;
	return unit;
}

/* Where the next number of a column goes, and the bits of those before it. */
struct filling {
	uint64_t *next, bits;
};

/* Number @j of an event of kind @k is @number: into its column of those of its type. */
static inline void split_number(const struct kind *k, unsigned int j, uint64_t number,
				struct filling *to)
{
	const uint64_t z = zigzag(number - *k->from[j]);

	*to[j].next++ = z;
	to[j].bits |= z;
	*k->to[j] = number;
}

static void split_events(struct rs_columns *c, const struct rs_event *evs, size_t n)
{
	struct filling columns[NR_COLUMNS];

	for (unsigned int i = 1; i < NR_COLUMNS; i++)
		columns[i] = (struct filling){ c->column[i], 0 };
	for (size_t i = 0; i < n; i++) {
		const struct kind *k = &c->kinds[c->codes[i]];
		struct filling *to = &columns[column_of(k->type, 0)];

		if (!k->nr)
			continue;
		split_number(k, 0, evs[i].raw.word[0], to);
		if (k->nr == 1)
			continue;
		split_number(k, 1, evs[i].raw.word[1], to);
		split_number(k, 2,
			     k->length ? evs[i].raw.word[2] - evs[i].raw.word[1]
				       : evs[i].raw.word[2],
			     to);
	}
	for (unsigned int i = 1; i < NR_COLUMNS; i++)
		c->bits[i] = columns[i].bits;
}

/* ---- numbers to bytes ---- */

static unsigned int width_of(uint64_t bits)
{
	unsigned int width = 0;

	for (; bits; bits >>= 8)
		width++;
	return width;
}

/* Of each of CHUNK numbers the byte at @shift: a loop that becomes vector code. */
static void put_chunk(unsigned char *restrict out, const uint64_t *restrict numbers,
		      unsigned int shift)
{
	for (unsigned int i = 0; i < CHUNK; i++)
		out[i] = (unsigned char)(numbers[i] >> shift);
}

/* The lowest bytes of all numbers, then the next ones, @width of them. */
static unsigned char *put_planes(unsigned char *out, const uint64_t *numbers, size_t n,
				 unsigned int width)
{
	for (unsigned int w = 0; w < width; w++, out += n) {
		size_t i = 0;

		for (; i + CHUNK <= n; i += CHUNK)
			put_chunk(out + i, numbers + i, 8 * w);
		for (; i < n; i++)
			out[i] = (unsigned char)(numbers[i] >> 8 * w);
	}
	return out;
}

static unsigned char *put_codes(unsigned char *out, const uint16_t *codes, size_t n,
				unsigned int width)
{
	for (unsigned int w = 0; w < width; w++)
		for (size_t i = 0; i < n; i++)
			*out++ = (unsigned char)(codes[i] >> 8 * w);
	return out;
}

/* @width is a constant where this is called, so that its loop is none. */
RS_LOOP_PART void join_planes(uint64_t *numbers, const unsigned char *bytes, size_t n,
			      unsigned int width)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t number = bytes[i];

#pragma GCC unroll 8
		for (unsigned int w = 1; w < width; w++)
			number |= (uint64_t)bytes[i + w * n] << 8 * w;
		numbers[i] = number;
	}
}

static void get_planes(uint64_t *numbers, const unsigned char *bytes, size_t n, unsigned int width)
{
	switch (width) {
	case 0:
		memset(numbers, 0, n * sizeof(*numbers));
		break;
	case 1:
		join_planes(numbers, bytes, n, 1);
		break;
	case 2:
		join_planes(numbers, bytes, n, 2);
		break;
	case 3:
		join_planes(numbers, bytes, n, 3);
		break;
	case 4:
		join_planes(numbers, bytes, n, 4);
		break;
	default:
		join_planes(numbers, bytes, n, width);
	}
}

static void get_codes(uint16_t *codes, const unsigned char *bytes, size_t n, unsigned int width)
{
	for (size_t i = 0; i < n; i++)
		codes[i] = bytes[i];
	for (size_t i = 0; width > 1 && i < n; i++)
		codes[i] |= (uint16_t)(bytes[n + i] << 8);
}

/* What comes before the planes. */
struct front {
	uint32_t nr_heads;
	uint8_t code_width;
	uint8_t widths[NR_COLUMNS];
	uint8_t zero[4];
	uint64_t unit;	     /* of the differences of times */
	uint64_t first_time; /* in ns */
};

static unsigned int code_width(uint32_t nr_heads)
{
	return nr_heads > 256 ? 2 : 1;
}

size_t rs_columns_bound(size_t n)
{
	/* A head, its number, and four numbers of an event at most. */
	return sizeof(struct front) + n * (sizeof(struct rs_head) + 2 + 4 * 8);
}

size_t rs_columns_encode(struct rs_columns *c, const struct rs_event *evs, size_t n,
			 unsigned char *out)
{
	struct front f = { 0 };
	unsigned char *p = out + sizeof(f);

	number_heads(c, evs, n);
	place_columns(c, n);
	f.nr_heads = c->nr_heads;
	f.code_width = (uint8_t)code_width(c->nr_heads);
	f.unit = split_times(c, evs, n);
	f.first_time = evs[0].time_ns;
	split_events(c, evs, n);
	memcpy(p, c->heads, c->nr_heads * sizeof(*c->heads));
	p = put_codes(p + c->nr_heads * sizeof(*c->heads), c->codes, n, f.code_width);
	for (unsigned int i = 0; i < NR_COLUMNS; i++) {
		f.widths[i] = (uint8_t)width_of(c->bits[i]);
		p = put_planes(p, c->column[i], c->nr[i], f.widths[i]);
	}
	memcpy(out, &f, sizeof(f));
	return (size_t)(p - out);
}

/* ---- and back ---- */

struct bytes {
	const unsigned char *p;
	size_t left;
};

static const unsigned char *take(struct bytes *b, size_t n)
{
	const unsigned char *p = b->p;

	if (n > b->left)
		return NULL;
	b->p += n;
	b->left -= n;
	return p;
}

static int take_heads(struct rs_columns *c, struct bytes *b, const struct front *f, size_t n,
		      uint32_t max_who)
{
	const unsigned char *heads;

	if (!f->nr_heads || f->nr_heads > n || f->code_width != code_width(f->nr_heads))
		return -EINVAL;
	heads = take(b, f->nr_heads * sizeof(struct rs_head));
	if (!heads)
		return -EINVAL;
	memcpy(c->heads, heads, f->nr_heads * sizeof(struct rs_head));
	c->nr_heads = f->nr_heads;
	c->nr_vms = 0;
	for (uint32_t i = 0; i < f->nr_heads; i++) {
		struct rs_event ev = { 0 };

		memcpy(&ev.vm, &c->heads[i], sizeof(struct rs_head));
		if (rs_event_problem(&ev) || rs_event_who(&ev) > max_who)
			return -EINVAL;
		set_kind(c, i);
	}
	return 0;
}

static int take_numbers(uint64_t *numbers, size_t n, unsigned int width, struct bytes *b)
{
	const unsigned char *planes = width <= 8 ? take(b, n * width) : NULL;

	if (!planes)
		return -EINVAL;
	if (n)
		get_planes(numbers, planes, n, width);
	return 0;
}

static int take_codes(struct rs_columns *c, struct bytes *b, size_t n)
{
	unsigned int width = code_width(c->nr_heads);
	const unsigned char *planes = take(b, n * width);
	uint16_t highest = 0;

	if (!planes)
		return -EINVAL;
	get_codes(c->codes, planes, n, width);
	for (size_t i = 0; i < n; i++)
		highest = c->codes[i] > highest ? c->codes[i] : highest;
	return highest < c->nr_heads ? 0 : -EINVAL;
}

static int take_columns(struct rs_columns *c, struct bytes *b, const struct front *f)
{
	for (unsigned int i = 0; i < NR_COLUMNS; i++)
		if (take_numbers(c->column[i], c->nr[i], f->widths[i], b))
			return -EINVAL;
	return b->left ? -EINVAL : 0;
}

/* The three numbers of an event of kind @k, from where each column is read next. */
static inline void join_three(const struct kind *k, const uint64_t **next, struct rs_event *ev)
{
	uint64_t a = *k->from[0] + unzigzag(*next[0]++);
	uint64_t b = *k->from[1] + unzigzag(*next[1]++);
	uint64_t c = *k->from[2] + unzigzag(*next[2]++);

	*k->to[0] = a;
	*k->to[1] = b;
	*k->to[2] = c;
	ev->raw.word[0] = a;
	ev->raw.word[1] = b;
	ev->raw.word[2] = k->length ? c + b : c;
}

static inline void join_one(const struct kind *k, const uint64_t **next, struct rs_event *ev)
{
	uint64_t a = *k->from[0] + unzigzag(*next[0]++);

	*k->to[0] = a;
	ev->raw.word[0] = a;
	ev->raw.word[1] = 0;
	ev->raw.word[2] = 0;
}

static void join_events(struct rs_columns *c, struct rs_event *evs, size_t n, const struct front *f)
{
	const uint64_t *next[NR_COLUMNS], *times = c->column[0];
	uint64_t time_ns = f->first_time, unit = f->unit;

	memcpy(next, c->column, sizeof(next));
	for (size_t i = 0; i < n; i++) {
		const struct kind *k = &c->kinds[c->codes[i]];

		time_ns += times[i] * unit;
		evs[i].time_ns = time_ns;
		memcpy(&evs[i].vm, &c->heads[c->codes[i]], sizeof(struct rs_head));
		if (k->nr == 3) {
			join_three(k, &next[column_of(k->type, 0)], &evs[i]);
		} else if (k->nr == 1) {
			join_one(k, &next[column_of(k->type, 0)], &evs[i]);
		} else {
			evs[i].raw.word[0] = 0;
			evs[i].raw.word[1] = 0;
			evs[i].raw.word[2] = 0;
		}
	}
}

int rs_columns_decode(struct rs_columns *c, const unsigned char *bytes, size_t size,
		      struct rs_event *evs, size_t n, uint32_t max_who)
{
	struct bytes b = { bytes, size };
	const unsigned char *front = take(&b, sizeof(struct front));
	struct front f;

	if (!front || !n || n > c->max)
		return -EINVAL;
	memcpy(&f, front, sizeof(f));
	if (take_heads(c, &b, &f, n, max_who) || take_codes(c, &b, n))
		return -EINVAL;
	place_columns(c, n);
	if (take_columns(c, &b, &f))
		return -EINVAL;
	join_events(c, evs, n, &f);
	return 0;
}
