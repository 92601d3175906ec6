// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/compare_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/common/naive_import.h"
#include "tests/common/trace_file.h"

static void show(const char *who, const struct rs_event *evs, size_t nr, size_t i)
{
	const struct rs_event *ev = &evs[i];

	if (i < nr)
		fprintf(stderr,
			"  %s: %" PRIu64 " vm %u %s flags %u result %u as %u %u %u "
			"%#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
			who, ev->time_ns, ev->vm, rs_event_name(ev->type), ev->flags, ev->result,
			ev->as, ev->raw.half[0], ev->raw.half[1], ev->raw.word[0], ev->raw.word[1],
			ev->raw.word[2]);
	else
		fprintf(stderr, "  %s: no more\n", who);
}

static uint64_t naive_count(const struct naive_import *n, const char *name)
{
	for (size_t i = 0; i < n->nr_anomalies; i++)
		if (!strcmp(n->anomalies[i].name, name))
			return n->anomalies[i].count;
	return 0;
}

static bool same_anomalies(const char *what, const struct test_trace *t,
			   const struct naive_import *n)
{
	bool same = t->meta.nr_anomalies == n->nr_anomalies && t->meta.lost == n->lost &&
		    t->meta.nr_vms == n->nr_vms;

	for (size_t i = 0; i < t->meta.nr_anomalies; i++)
		same &= naive_count(n, t->meta.anomalies[i].name) == t->meta.anomalies[i].count;
	if (same)
		return true;
	fprintf(stderr, "%s: lost %" PRIu64 ", naive %" PRIu64 "; VMs %zu, naive %u\n", what,
		t->meta.lost, n->lost, t->meta.nr_vms, n->nr_vms);
	for (size_t i = 0; i < t->meta.nr_anomalies; i++)
		fprintf(stderr, "  %s %" PRIu64 "\n", t->meta.anomalies[i].name,
			t->meta.anomalies[i].count);
	for (size_t i = 0; i < n->nr_anomalies; i++)
		fprintf(stderr, "  naive: %s %" PRIu64 "\n", n->anomalies[i].name,
			n->anomalies[i].count);
	return false;
}

static bool same_events(const char *what, const struct test_trace *t, const struct naive_import *n)
{
	const size_t nr = t->nr < n->nr ? t->nr : n->nr;
	size_t i = 0;

	while (i < nr && !memcmp(&t->evs[i], &n->evs[i], sizeof(*n->evs)))
		i++;
	if (i == t->nr && i == n->nr)
		return true;
	fprintf(stderr, "%s: they differ from event %zu on\n", what, i);
	for (size_t k = i < 4 ? 0 : i - 4; k < i; k++)
		show("both    ", t->evs, t->nr, k);
	for (size_t k = i; k < i + 4; k++)
		show("importer", t->evs, t->nr, k);
	for (size_t k = i; k < i + 4; k++)
		show("naive   ", n->evs, n->nr, k);
	return false;
}

static bool same_whos(const char *what, const struct test_trace *t, const struct naive_import *n)
{
	bool same = t->meta.whos.nr == n->nr_whos;

	for (size_t i = 0; same && i < n->nr_whos; i++) {
		const struct rs_who *who = rs_whos_get(&t->meta.whos, (uint32_t)i + 1);
		const char *reason = n->whos[i].reason;

		same = who->pid == n->whos[i].pid && !who->reason == !reason &&
		       (!reason || !strcmp(who->reason, reason));
		if (!same)
			fprintf(stderr, "%s: who %zu is %u %s, naive: %u %s\n", what, i + 1,
				who->pid, who->reason ? who->reason : "-", n->whos[i].pid,
				reason ? reason : "-");
	}
	if (t->meta.whos.nr != n->nr_whos)
		fprintf(stderr, "%s: %zu who did it, naive: %zu\n", what, t->meta.whos.nr,
			n->nr_whos);
	return same;
}

bool compare_import(const char *what, const unsigned char *bytes, size_t size)
{
	struct naive_import n;
	struct test_trace t;
	bool same;

	test_trace_parse(&t, bytes, size);
	if (t.rc)
		fprintf(stderr, "%s: %s\n", what, t.message);
	naive_import(&n, bytes, size);
	same = !t.rc && same_events(what, &t, &n);
	same &= same_anomalies(what, &t, &n);
	same &= same_whos(what, &t, &n);
	naive_import_free(&n);
	test_trace_free(&t);
	return same;
}
