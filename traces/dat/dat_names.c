// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/dat/dat.h"

/* In the kernel's order, from RS_DAT_WHY_NOTIFIER on. */
static const char *const reasons[RS_DAT_NR_WHYS] = {
	[RS_DAT_WHY_NOTIFIER] = "unmap",
	"clear",
	"protection_vma",
	"protection_page",
	"soft_dirty",
	"release",
	"migrate",
	"exclusive",
	[RS_DAT_WHY_GFN] = "gfn",
	"guest_memfd",
	"attributes",
	"zap",
};

enum rs_dat_why rs_dat_why(bool known, uint64_t reason)
{
	return known && reason < RS_DAT_WHY_OTHER - RS_DAT_WHY_NOTIFIER
		       ? RS_DAT_WHY_NOTIFIER + (enum rs_dat_why)reason
		       : RS_DAT_WHY_OTHER;
}

bool rs_dat_is_reason(const char *reason)
{
	for (size_t i = 0; i < RS_DAT_NR_WHYS; i++)
		if (reasons[i] && !strcmp(reasons[i], reason))
			return true;
	return false;
}

int rs_dat_names_init(struct rs_dat_names *n, const char *cmdlines, struct rs_trace_meta *meta)
{
	n->meta = meta;
	return rs_dat_comms_init(&n->comms, cmdlines);
}

void rs_dat_names_free(struct rs_dat_names *n)
{
	rs_dat_comms_free(&n->comms);
	rs_whos_free(&n->recorded);
	free(n->told);
}

void rs_dat_names_rewind(struct rs_dat_names *n)
{
	rs_whos_free(&n->recorded);
	free(n->told);
	n->told = NULL;
	n->max_told = 0;
}

int rs_dat_names_of(struct rs_dat_names *n, uint32_t pid, enum rs_dat_why why, uint32_t *who)
{
	const struct rs_who w = {
		.pid = pid,
		.comm = rs_dat_comms_find(&n->comms, pid),
		.reason = reasons[why],
	};

	if (rs_whos_add(&n->recorded, &w, who))
		return -ENOMEM;
	return *who || !(w.pid || w.comm || w.reason)
		       ? 0
		       : rs_meta_add_anomaly(n->meta, "who-not-kept", 1);
}

static int tell(struct rs_dat_names *n, uint32_t *who)
{
	if (RS_ROOM_ZEROED(n->told, n->max_told, (size_t)*who + 1))
		return -ENOMEM;
	if (!n->told[*who] &&
	    rs_whos_add(&n->meta->whos, rs_whos_get(&n->recorded, *who), &n->told[*who]))
		return -ENOMEM;
	*who = n->told[*who];
	return 0;
}

int rs_dat_names_tell(struct rs_dat_names *n, struct rs_event *evs, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (rs_event_who(&evs[i]) && tell(n, &evs[i].raw.half[1]))
			return -ENOMEM;
	return 0;
}
