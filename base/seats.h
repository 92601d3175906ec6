/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_SEATS_H
#define RS_BASE_SEATS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Small numbers for the vCPUs that there are: an input may name any of 65536, and a table
 * of all below the highest would be as large as it says. The lowest have their own number
 * without a look; the others get the next one when they come. All zero is an empty one.
 */
#define RS_SEATS_OWN 64U
#define RS_SEATS_PAGE 64U
#define RS_SEATS_MAX 65536U
#define RS_NO_SEAT UINT32_MAX

struct rs_seats {
	uint32_t **pages; /* RS_SEATS_MAX / RS_SEATS_PAGE, or NULL; of each the seats, or NULL */
	uint32_t nr;	  /* beyond the first RS_SEATS_OWN */
};

/* Of @id, below RS_SEATS_MAX; RS_NO_SEAT: it has none yet. */
static inline uint32_t rs_seats_find(const struct rs_seats *s, uint32_t id)
{
	const uint32_t *page;

	if (id < RS_SEATS_OWN)
		return id;
	page = s->pages ? s->pages[id / RS_SEATS_PAGE] : NULL;
	/* One less than what is kept: 0 is none. */
	return page ? page[id % RS_SEATS_PAGE] - 1 : RS_NO_SEAT;
}

/* The same, and gives it one. RS_NO_SEAT: no memory, or it is no such number. */
uint32_t rs_seats_add(struct rs_seats *s, uint32_t id);
void rs_seats_free(struct rs_seats *s);

#endif
