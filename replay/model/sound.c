// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/sound.h"

enum rs_anomaly rs_memslot_problem(const struct rs_event *ev)
{
	uint64_t end;

	if (!ev->memslot.npages)
		return RS_ANOM_NONE;
	if (__builtin_add_overflow(ev->memslot.gfn, ev->memslot.npages, &end) ||
	    ev->memslot.npages > UINT64_MAX >> RS_PAGE_SHIFT ||
	    __builtin_add_overflow(ev->memslot.hva, ev->memslot.npages << RS_PAGE_SHIFT, &end))
		return RS_ANOM_RANGE_WRAPS;
	return ev->memslot.hva % RS_PAGE_SIZE ? RS_ANOM_RANGE_UNALIGNED : RS_ANOM_NONE;
}
