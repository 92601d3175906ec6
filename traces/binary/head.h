/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_BINARY_HEAD_H
#define RS_TRACES_BINARY_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "traces/event.h"

/* Bytes 8 to 23 of an event: what all events of a kind have in common. */
struct rs_head {
	uint32_t vm;
	uint8_t type, flags, result, as;
	uint32_t half[2];
};

_Static_assert(sizeof(struct rs_head) == 16, "stored as it is");
_Static_assert(offsetof(struct rs_event, vm) + 16 == offsetof(struct rs_event, raw.word),
	       "a head is a piece of an event");

/* For tables of heads; the caller takes as many of its bits as it needs. */
static inline size_t rs_head_hash(const struct rs_head *h)
{
	uint64_t w[2];

	memcpy(w, h, sizeof(w));
	return (w[0] * 0x9e3779b97f4a7c15ULL ^ w[1] * 0xc2b2ae3d27d4eb4fULL) >> 32;
}

#endif
