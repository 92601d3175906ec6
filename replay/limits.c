// SPDX-License-Identifier: GPL-2.0-only
#include "replay/limits.h"

#include <stddef.h>

void rs_limits_init(struct rs_limits *l, struct rs_budget *kept, struct rs_budget *hits,
		    struct rs_budget *looks)
{
	const uint64_t base = rs_budget_base();

	*l = (struct rs_limits){
		.kept = kept ? kept : &l->own[0],
		.hits = hits ? hits : &l->own[1],
		.looks = looks ? looks : &l->own[2],
		.own = { { base }, { base / RS_BYTES_PER_HIT }, { base / RS_BYTES_PER_LOOK } },
	};
}

bool rs_limits_keep(struct rs_limits *l, uint64_t bytes, const char *what)
{
	if (rs_budget_take(l->kept, bytes))
		return true;
	l->over = what;
	return false;
}

void rs_limits_give(struct rs_limits *l, uint64_t bytes)
{
	rs_budget_give(l->kept, bytes);
}

static bool take(struct rs_limits *l, struct rs_budget *b, uint64_t n, const char *what)
{
	if (!n || rs_budget_take(b, n))
		return true;
	l->over = what;
	return false;
}

bool rs_limits_hit(struct rs_limits *l, uint64_t n)
{
	return take(l, l->hits, n, "the memslots that its invalidations hit");
}

bool rs_limits_look(struct rs_limits *l, uint64_t n)
{
	return take(l, l->looks, n, "the host pages of its invalidations of guest frames");
}

int rs_limits_failed(const struct rs_limits *l, struct rs_error *err)
{
	return l->over ? rs_budget_met(err, l->over) : rs_error_nomem(err);
}
