/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_TAPE_H
#define RS_REPLAY_CLOSED_CLOSED_TAPE_H

/*
 * What was recorded, as the spool has it: of each vCPU its attempts, of each VM what
 * changed it. Times are differences to the one before.
 */
#include "base/spool.h"
#include "traces/event.h"

/* One recorded attempt of a fault: begun, decided. */
struct attempt {
	uint64_t begin_ns, check_ns;
	/* Of a chain's first; else 0. */
	uint64_t gfn;
	uint32_t slot; /* its memslot's id; 0 where nobody asks for it */
	uint8_t as;
	bool first, before_lookup, retry, private;
};

#define ATTEMPT_FIRST 0x1
#define ATTEMPT_BEFORE 0x2
#define ATTEMPT_RETRY 0x4
#define ATTEMPT_PRIVATE 0x8
#define ATTEMPT_SLOT 0x10 /* its 4 bytes are behind the words */
#define ATTEMPT_AS 5	  /* from this bit on */
#define ATTEMPT_BITS 13
#define ATTEMPT_WORDS 3

/* @last_ns: the decision of the attempt before. Returns where the record ends. */
static inline unsigned char *attempt_put(unsigned char *to, const struct attempt *a,
					 uint64_t last_ns)
{
	const uint64_t bits = (a->first ? ATTEMPT_FIRST : 0) |
			      (a->before_lookup ? ATTEMPT_BEFORE : 0) |
			      (a->retry ? ATTEMPT_RETRY : 0) | (a->private ? ATTEMPT_PRIVATE : 0) |
			      (a->slot ? ATTEMPT_SLOT : 0) | (uint64_t)a->as << ATTEMPT_AS;
	const uint64_t words[ATTEMPT_WORDS] = { a->begin_ns - last_ns, a->check_ns - a->begin_ns,
						a->gfn };

	to = rs_words_put(to, words, ATTEMPT_WORDS, bits, ATTEMPT_BITS);
	if (!a->slot)
		return to;
	memcpy(to, &a->slot, sizeof(a->slot));
	return to + sizeof(a->slot);
}

/* Whether the attempt at @from is a chain's first. */
static inline bool attempt_is_first(const unsigned char *from)
{
	return *from & ATTEMPT_FIRST;
}

/* The attempt at @from, which is behind @a: all zero before the first. Returns where it ends. */
static inline const unsigned char *attempt_take(const unsigned char *from, struct attempt *a)
{
	uint64_t words[ATTEMPT_WORDS], bits;
	const unsigned char *end = rs_words_get(from, words, ATTEMPT_WORDS, &bits, ATTEMPT_BITS);

	a->first = bits & ATTEMPT_FIRST;
	a->before_lookup = bits & ATTEMPT_BEFORE;
	a->retry = bits & ATTEMPT_RETRY;
	a->private = bits & ATTEMPT_PRIVATE;
	a->as = (uint8_t)(bits >> ATTEMPT_AS);
	a->begin_ns = a->check_ns + words[0];
	a->check_ns = a->begin_ns + words[1];
	a->gfn = words[2];
	a->slot = 0;
	if (!(bits & ATTEMPT_SLOT))
		return end;
	memcpy(&a->slot, end, sizeof(a->slot));
	return end + sizeof(a->slot);
}

/* The attempt behind @a; false: there is none, or @r failed. */
static inline bool attempt_get(struct rs_stream_reader *r, struct attempt *a)
{
	const unsigned char *from = rs_stream_next(r);

	if (!from)
		return false;
	r->at = attempt_take(from, a);
	return true;
}

#define EVENT_FLAGS 8 /* from these bits on */
#define EVENT_AS 16
#define EVENT_BITS 24
#define EVENT_WORDS 5
#define EVENT_END_WORDS 2 /* the first ones: an end has no others */

/* The smaller the nearer to 0, whatever the sign. */
static inline uint64_t fold_sign(uint64_t difference)
{
	return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t unfold_sign(uint64_t folded)
{
	return folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0);
}

/* A memslot, inval_* or lost event. */
static inline unsigned char *event_put(unsigned char *to, const struct rs_event *e,
				       uint64_t time_ns, uint64_t last_ns, uint64_t last_id)
{
	const uint64_t bits =
		e->type | (uint64_t)e->flags << EVENT_FLAGS | (uint64_t)e->as << EVENT_AS;
	const uint64_t words[EVENT_WORDS] = {
		time_ns - last_ns,
		fold_sign(e->raw.word[0] - last_id),
		e->raw.half[0] | (uint64_t)e->raw.half[1] << 32,
		e->raw.word[1],
		e->raw.word[2] - e->raw.word[1],
	};

	if (e->type == RS_EV_INVAL_END)
		return rs_words_put(to, words, EVENT_END_WORDS, bits, EVENT_BITS);
	return rs_words_put(to, words, EVENT_WORDS, bits, EVENT_BITS);
}

/* The event after @e, which is all zero before the first; false: there is none, or @r failed. */
static inline bool event_get(struct rs_stream_reader *r, struct rs_event *e)
{
	const unsigned char *from = rs_stream_next(r);
	uint64_t words[EVENT_WORDS] = { 0 }, bits;

	if (!from)
		return false;
	if (*from == RS_EV_INVAL_END)
		r->at = rs_words_get(from, words, EVENT_END_WORDS, &bits, EVENT_BITS);
	else
		r->at = rs_words_get(from, words, EVENT_WORDS, &bits, EVENT_BITS);
	e->type = (uint8_t)bits;
	e->flags = (uint8_t)(bits >> EVENT_FLAGS);
	e->as = (uint8_t)(bits >> EVENT_AS);
	e->time_ns += words[0];
	e->raw.word[0] += unfold_sign(words[1]);
	e->raw.half[0] = (uint32_t)words[2];
	e->raw.half[1] = (uint32_t)(words[2] >> 32);
	e->raw.word[1] = words[3];
	e->raw.word[2] = words[4] + words[3];
	return true;
}

#endif
