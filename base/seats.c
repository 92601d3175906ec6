// SPDX-License-Identifier: GPL-2.0-only
#include "base/seats.h"

#include <stdlib.h>

#define NR_PAGES (RS_SEATS_MAX / RS_SEATS_PAGE)

uint32_t rs_seats_add(struct rs_seats *s, uint32_t id)
{
	uint32_t seat = id < RS_SEATS_MAX ? rs_seats_find(s, id) : RS_NO_SEAT, **page;

	if (seat != RS_NO_SEAT || id >= RS_SEATS_MAX)
		return seat;
	if (!s->pages)
		s->pages = calloc(NR_PAGES, sizeof(*s->pages));
	if (!s->pages)
		return RS_NO_SEAT;
	page = &s->pages[id / RS_SEATS_PAGE];
	if (!*page)
		*page = calloc(RS_SEATS_PAGE, sizeof(**page));
	if (!*page)
		return RS_NO_SEAT;
	seat = RS_SEATS_OWN + s->nr++;
	(*page)[id % RS_SEATS_PAGE] = seat + 1;
	return seat;
}

void rs_seats_free(struct rs_seats *s)
{
	for (size_t i = 0; s->pages && i < NR_PAGES; i++)
		free(s->pages[i]);
	free(s->pages);
	*s = (struct rs_seats){ 0 };
}
