// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/task.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clean.h"

void rs_format_task(char *buf, size_t size, const struct rs_who *who)
{
	char comm[128] = "";

	if (who->comm)
		rs_clean(comm, sizeof(comm), who->comm, RS_CLEAN_UTF8);
	if (who->comm && who->pid)
		snprintf(buf, size, "%s-%" PRIu32, comm, who->pid);
	else if (who->comm)
		snprintf(buf, size, "%s", comm);
	else if (who->pid)
		snprintf(buf, size, "%" PRIu32, who->pid);
	else
		snprintf(buf, size, "(not known)");
}

void rs_format_reason(char *buf, size_t size, const struct rs_who *who)
{
	rs_clean(buf, size, who->reason ? who->reason : "(not known)", RS_CLEAN_UTF8);
}
