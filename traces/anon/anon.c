// SPDX-License-Identifier: GPL-2.0-only
#include "traces/anon/anon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/table.h"
#include "traces/dat/dat.h"
#include "traces/synth/synth.h"

/*
 * The first address is moved to here, and all others by as much. What is no address of a
 * process (0, and the kernel's marks for "none" and "all", from NO_USER on) stays, and the
 * order with it.
 */
#define MOVED_TO (1ULL << 62)
#define MOST_APART (1ULL << 61)
#define NO_USER (1ULL << 63)

/* Numbers of names, in the order in which they came. */
struct names {
	char **list;
	size_t nr;
	struct rs_hash by_name;
};

struct rs_anon {
	const struct rs_trace_meta *from;
	struct rs_trace_meta meta; /* that may be told */
	bool states, hva_states;
	bool moves; /* an address was seen, and @by is how far all are moved */
	uint64_t by;
	struct names tasks, reasons;
	struct rs_hash by_pid;
	uint32_t *told; /* number of whom the reader numbers I + 1; 0: not yet */
	size_t max_told;
	struct rs_event *evs;
	size_t max_evs;
};

struct rs_anon *rs_anon_new(struct rs_error *err)
{
	struct rs_anon *a = calloc(1, sizeof(*a));

	if (!a)
		rs_error_nomem(err);
	return a;
}

/* ---- names and numbers ---- */

struct wanted_name {
	const struct names *names;
	const char *name;
};

static bool is_name(const void *arg, uint32_t i)
{
	const struct wanted_name *w = arg;

	return !strcmp(w->names->list[i], w->name);
}

/* From 1 on, in *@number. 0 or -ENOMEM. */
static int number_of_name(struct names *names, const char *name, size_t *number)
{
	const struct wanted_name w = { names, name };
	const uint64_t hash = rs_hash_string(name);
	uint32_t i = rs_hash_find(&names->by_name, hash, is_name, &w);

	if (i == RS_HASH_NONE) {
		char *copy = strdup(name);

		i = (uint32_t)names->nr;
		if (!copy || RS_ROOM_FOR_ONE(names->list, names->nr)) {
			free(copy);
			return -ENOMEM;
		}
		names->list[names->nr++] = copy;
		if (rs_hash_add(&names->by_name, hash, i))
			return -ENOMEM;
	}
	*number = i + 1;
	return 0;
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->list[i]);
	free(names->list);
	rs_hash_free(&names->by_name);
}

/* "WHAT NUMBER" for @name, into @buf, to which *@to is set; NULL stays. 0 or -ENOMEM. */
static int rename_to(struct names *names, const char *what, const char *name, char *buf,
		     size_t size, const char **to)
{
	size_t number;

	*to = name;
	if (!name)
		return 0;
	if (number_of_name(names, name, &number))
		return -ENOMEM;
	snprintf(buf, size, "%s %zu", what, number);
	*to = buf;
	return 0;
}

/* 0 stays. 0 or -ENOMEM. */
static int renumber(struct rs_anon *a, uint32_t pid, uint32_t *to)
{
	const uint64_t hash = rs_hash_number(pid);
	uint32_t i;

	*to = 0;
	if (!pid)
		return 0;
	i = rs_hash_find(&a->by_pid, hash, NULL, NULL);
	if (i == RS_HASH_NONE) {
		i = (uint32_t)a->by_pid.nr;
		if (rs_hash_add(&a->by_pid, hash, i))
			return -ENOMEM;
	}
	*to = i + 1;
	return 0;
}

/* ---- who ---- */

/* What a kernel, an import or a scenario says is nobody's own word. */
static bool is_known_reason(const char *reason)
{
	const struct rs_synth_scenario_info *scenario;

	for (size_t i = 0; (scenario = rs_synth_scenario(i)); i++)
		if (!strcmp(scenario->name, reason))
			return true;
	return rs_dat_is_reason(reason);
}

static int add_who(struct rs_anon *a, const struct rs_who *who, uint32_t *number)
{
	char task[32], reason[32];
	struct rs_who told = { .reason = who->reason };
	int rc = renumber(a, who->pid, &told.pid);

	if (!rc)
		rc = rename_to(&a->tasks, "task", who->comm, task, sizeof(task), &told.comm);
	if (!rc && who->reason && !is_known_reason(who->reason))
		rc = rename_to(&a->reasons, "reason", who->reason, reason, sizeof(reason),
			       &told.reason);
	return rc ? rc : rs_whos_add(&a->meta.whos, &told, number);
}

static int tell_who(struct rs_anon *a, struct rs_event *ev)
{
	const uint32_t who = rs_event_who(ev);

	if (!who)
		return 0;
	if (RS_ROOM_ZEROED(a->told, a->max_told, (size_t)who + 1))
		return -ENOMEM;
	if (!a->told[who] && add_who(a, rs_whos_get(&a->from->whos, who), &a->told[who]))
		return -ENOMEM;
	ev->raw.half[1] = a->told[who];
	return 0;
}

/* ---- addresses ---- */

static int move(struct rs_anon *a, uint64_t *address, struct rs_error *err)
{
	if (!*address || *address >= NO_USER)
		return 0;
	if (!a->moves) {
		a->moves = true;
		a->by = MOVED_TO - (*address & ~(RS_PAGE_SIZE - 1));
	}
	if (*address + a->by - (MOVED_TO - MOST_APART) >= 2 * MOST_APART)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "the host address 0x%" PRIx64 " is too far from the first: "
				    "such a trace cannot be made anonymous",
				    *address);
	*address += a->by;
	return 0;
}

static int move_addresses(struct rs_anon *a, struct rs_event *ev, struct rs_error *err)
{
	int rc = 0;

	switch (ev->type) {
	case RS_EV_MEMSLOT:
		return move(a, &ev->memslot.hva, err);
	case RS_EV_INVAL_BEGIN:
		if (ev->flags & RS_F_GFN)
			return 0;
		rc = move(a, &ev->inval.start, err);
		return rc ? rc : move(a, &ev->inval.end, err);
	case RS_EV_STATE:
		if (!a->hva_states)
			return 0;
		rc = move(a, &ev->state.start, err);
		return rc ? rc : move(a, &ev->state.end, err);
	default:
		return 0;
	}
}

/* ---- facts ---- */

/* Settings of a kernel and properties of a recording; all others may be somebody's. */
static bool may_be_told(const char *key)
{
	static const char *const known[] = {
		"clock",
		"cpus",
		"buffers",
		"page-size",
		"numa_balancing",
		"host.clocksource",
		"host.cpus",
		"host.numa_nodes",
		"host.preempt",
		"host.swappiness",
		"host.machine",
		"host.memory",
		"host.swap",
		"tool.version",
		"trace-cmd",
		RS_FACT_KERNEL_ALGO,
		RS_FACT_KERNEL_ALGO_BY,
		"end.buffer_bytes",
	};
	static const char *const begins[] = { "thp.",	  "ksm.",	"hugepages.",	"kvm.",
					      "config.",  "lost.",	"miss.",	"missing.",
					      "without.", "enum.",	"ring-buffer.", "cut.",
					      "synth",	  "trace.dat.", "text." };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i], key))
			return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(begins[i], key, strlen(begins[i])))
			return true;
	return false;
}

static int tell_facts(struct rs_anon *a)
{
	const struct rs_trace_meta *from = a->from;
	int rc = 0;

	for (size_t i = 0; !rc && i < from->nr_facts; i++)
		if (may_be_told(from->facts[i].key))
			rc = rs_meta_add_fact(&a->meta, from->facts[i].key, from->facts[i].value);
	return rc;
}

static int tell_vms(struct rs_anon *a)
{
	const struct rs_trace_meta *from = a->from;
	int rc = 0;

	for (size_t i = 0; !rc && i < from->nr_vms; i++) {
		const struct rs_vm_info *vm = &from->vms[i];
		const char *command;
		char name[32];
		uint32_t pid;

		rc = renumber(a, (uint32_t)vm->pid, &pid);
		if (!rc)
			rc = rename_to(&a->tasks, "task", vm->command, name, sizeof(name),
				       &command);
		if (!rc)
			rc = rs_meta_add_vm(&a->meta, vm->vm, pid, command);
	}
	return rc;
}

static int tell_findings(struct rs_anon *a)
{
	const struct rs_trace_meta *from = a->from;
	int rc = 0;

	for (size_t i = 0; !rc && i < from->nr_assumptions; i++)
		rc = rs_meta_add_assumption(&a->meta, from->assumptions[i]);
	for (size_t i = 0; !rc && i < from->nr_anomalies; i++)
		rc = rs_meta_add_anomaly(&a->meta, from->anomalies[i].name,
					 from->anomalies[i].count);
	a->meta.lost = from->lost;
	return rc;
}

/* ---- the stream ---- */

int rs_anon_begin(struct rs_anon *a, const struct rs_trace_meta *meta, const char *kernel_algo,
		  struct rs_error *err)
{
	a->from = meta;
	a->states = kernel_algo;
	a->hva_states =
		kernel_algo && (!strncmp(kernel_algo, "hva", 3) || !strcmp(kernel_algo, "global"));
	if (rs_meta_set_kernel(&a->meta, meta->kernel) ||
	    rs_meta_set_level(&a->meta, meta->level) || tell_facts(a))
		return rs_error_nomem(err);
	return 0;
}

ssize_t rs_anon_feed(struct rs_anon *a, const struct rs_event *evs, size_t n,
		     const struct rs_event **out, struct rs_error *err)
{
	size_t nr = 0;

	if (RS_ROOM(a->evs, a->max_evs, n))
		return rs_error_nomem(err);
	for (size_t i = 0; i < n; i++) {
		struct rs_event *ev = &a->evs[nr];
		int rc;

		if (evs[i].type == RS_EV_STATE && !a->states)
			continue;
		*ev = evs[i];
		rc = move_addresses(a, ev, err);
		if (rc)
			return rc;
		if (tell_who(a, ev))
			return rs_error_nomem(err);
		nr++;
	}
	*out = a->evs;
	return (ssize_t)nr;
}

int rs_anon_finish(struct rs_anon *a, struct rs_error *err)
{
	return rs_meta_set_level(&a->meta, a->from->level) || tell_facts(a) || tell_vms(a) ||
			       tell_findings(a)
		       ? rs_error_nomem(err)
		       : 0;
}

const struct rs_trace_meta *rs_anon_meta(const struct rs_anon *a)
{
	return &a->meta;
}

void rs_anon_free(struct rs_anon *a)
{
	if (!a)
		return;
	rs_meta_free(&a->meta);
	free_names(&a->tasks);
	free_names(&a->reasons);
	rs_hash_free(&a->by_pid);
	free(a->told);
	free(a->evs);
	free(a);
}
