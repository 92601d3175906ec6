// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"

#define REDRAW_NS 200000000LL

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void rs_progress_init(struct rs_progress *p, const char *what)
{
	p->what = what;
	p->shown = false;
	p->terminal = isatty(STDERR_FILENO);
	p->last_ns = now_ns();
}

int rs_progress_update(void *arg, uint64_t done, uint64_t total)
{
	struct rs_progress *p = arg;
	char what[256];
	int64_t now;

	if (rs_cli_interrupted)
		return 1;
	if (!p->terminal)
		return 0;
	now = now_ns();
	if (now - p->last_ns < REDRAW_NS)
		return 0;
	p->last_ns = now;
	p->shown = true;
	rs_clean(what, sizeof(what), p->what, RS_CLEAN_UTF8);
	if (total)
		fprintf(stderr, "\r%s: %3.0f %%", what,
			100.0 * (double)(done < total ? done : total) / (double)total);
	else
		fprintf(stderr, "\r%s: %.1f MB", what, (double)done / 1e6);
	return 0;
}

void rs_progress_end(struct rs_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
