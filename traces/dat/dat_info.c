// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_info.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/inline.h"
/* So many facts a recorder may store; more is damage. */
#define MAX_FACTS 4096

/* "Linux node RELEASE machine": the release, of a copy of the option. */
static int add_kernel(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	char release[128];
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, RS_DAT_OPT_UNAME, &pos);

	if (!o || sscanf(o->data, "%*s %*s %127s", release) != 1)
		return 0;
	return rs_meta_set_kernel(meta, release);
}

/* Which clock of "local global [mono] ..." is in brackets. */
static int add_clock(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	char clock[64];
	size_t pos = 0;
	const struct rs_dat_option *o;
	const char *open;

	for (size_t i = 0; i < f->nr_buffers; i++)
		if (f->buffers[i].clock && f->buffers[i].clock[0])
			return rs_meta_add_fact(meta, "clock", f->buffers[i].clock);
	o = rs_dat_file_option(f, RS_DAT_OPT_TRACECLOCK, &pos);
	open = o ? strchr(o->data, '[') : NULL;
	if (!open || sscanf(open, "[%63[^]]]", clock) != 1)
		return 0;
	return rs_meta_add_fact(meta, "clock", clock);
}

static int add_number(struct rs_trace_meta *meta, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return rs_meta_add_fact(meta, key, text);
}

/* The first line of an option. */
static int add_option_line(const struct rs_dat_file *f, struct rs_trace_meta *meta, uint16_t id,
			   const char *key)
{
	char line[256];
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, id, &pos);

	if (!o || sscanf(o->data, "%255[^\n]", line) != 1)
		return 0;
	return rs_meta_add_fact(meta, key, line);
}

static uint64_t stat_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Of the words that stand before two numbers: their sum. */
static uint64_t stats_of(const char *text, const char *one, const char *other)
{
	return plus(stat_of(text, one), stat_of(text, other));
}

/* What each CPU's ring buffer said of itself at the end of the recording. */
static int add_cpu_stats(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	uint64_t overrun = 0, dropped = 0;
	const struct rs_dat_option *o;
	size_t pos = 0, n = 0;
	int ret;

	while ((o = rs_dat_file_option(f, RS_DAT_OPT_CPUSTAT, &pos))) {
		overrun += stat_of(o->data, "\noverrun: ") + stat_of(o->data, "commit overrun: ");
		dropped += stat_of(o->data, "dropped events: ");
		n++;
	}
	if (!n)
		return 0;
	ret = add_number(meta, "ring-buffer.overrun", overrun);
	return ret ? ret : add_number(meta, "ring-buffer.dropped", dropped);
}

/* "... commit_overrun=N dropped=N" of each CPU, as our recorder says it. */
static uint64_t unmarked_by_facts(const struct rs_trace_meta *meta)
{
	uint64_t n = 0;

	for (size_t i = 0; i < meta->nr_facts; i++)
		if (!strncmp(meta->facts[i].key, "lost.cpu", 8))
			n = plus(n,
				 stats_of(meta->facts[i].value, " commit_overrun=", " dropped="));
	return n;
}

int rs_dat_info_unmarked(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	const uint64_t by_facts = unmarked_by_facts(meta);
	const struct rs_dat_option *o;
	uint64_t n = 0;
	size_t pos = 0;

	while ((o = rs_dat_file_option(f, RS_DAT_OPT_CPUSTAT, &pos)))
		n = plus(n, stats_of(o->data, "commit overrun: ", "dropped events: "));
	/* Both are of the same buffers. */
	if (n < by_facts)
		n = by_facts;
	meta->lost = plus(meta->lost, n);
	return n ? rs_meta_add_anomaly(meta, "lost-at-unknown-place", n) : 0;
}

/* What cannot be told without an event; those of faults are the last. */
static const struct {
	enum rs_probe_event event;
	const char *without;
} partial[] = {
	{ RS_PROBE_MEMSLOT, "memslots are learned from their use" },
	{ RS_PROBE_INVAL_SLOT,
	  "which memslots an invalidation hit follows from the memslots, and the order of events "
	  "from their times alone" },
	{ RS_PROBE_INVAL_ENDED, "when an invalidation ended is known less exactly" },
	{ RS_PROBE_FAULT, "faults that end early are not counted" },
	{ RS_PROBE_FAULT_BEGIN, "a fault begins when it is entered" },
	{ RS_PROBE_FAULT_LOOKED_UP, "decisions without the lock are known from a fault's end" },
	{ RS_PROBE_FAULT_CHECK, "there is no recorded state to compare at faults" },
	{ RS_PROBE_FAULT_VERDICT,
	  "what the kernel decided under the lock is not known: the model judges those faults as "
	  "well, with nothing to compare" },
	{ RS_PROBE_FAULT_END, "a fault ends when the next one begins" },
};

static int add_missing(const struct rs_dat_probes *probes, struct rs_trace_meta *meta)
{
	int ret = rs_meta_set_level(meta, "partial");

	if (!ret && !rs_dat_probes_faults(probes))
		ret = rs_meta_add_fact(meta, "without.faults",
				       "what is blocked is told, and no fault is judged");
	for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]) && !ret; i++) {
		char key[64];

		if (rs_dat_has(probes, partial[i].event) ||
		    (partial[i].event >= RS_PROBE_FAULT && !rs_dat_probes_faults(probes)))
			continue;
		snprintf(key, sizeof(key), "without.%s", rs_dat_event_name(partial[i].event));
		ret = rs_meta_add_fact(meta, key, partial[i].without);
	}
	if (ret || !rs_dat_probes_faults(probes) || rs_dat_has(probes, RS_PROBE_FAULT_CHECK) ||
	    rs_dat_has(probes, RS_PROBE_FAULT_VERDICT))
		return ret;
	return rs_meta_add_fact(meta, "without.fault_check",
				"a fault that was not dropped without the lock counts as decided "
				"when it ends");
}

/* Only some kernels have functions of their own for these. */
static bool is_optional(unsigned int kind)
{
	return kind == RS_PROBE_INVAL_END_LOCKED || kind == RS_PROBE_INVAL_BEGIN ||
	       kind == RS_PROBE_INVAL_RANGE_ADD || kind == RS_PROBE_ZAP_BEGIN ||
	       kind == RS_PROBE_ZAP_END;
}

static int add_level(const struct rs_dat_probes *probes, struct rs_trace_meta *meta)
{
	if (!rs_dat_probes_enough(probes))
		return rs_meta_set_level(meta, "tracepoints");
	for (unsigned int i = 0; i < RS_NR_PROBE_EVENTS; i++)
		if (!rs_dat_has(probes, i) && !is_optional(i))
			return add_missing(probes, meta);
	return rs_meta_set_level(meta, "full");
}

/* The most CPUs of a buffer. */
static uint32_t most_cpus(const struct rs_dat_file *f)
{
	uint32_t most = 0;

	for (size_t i = 0; i < f->nr_buffers; i++)
		if (f->buffers[i].nr_cpus > most)
			most = f->buffers[i].nr_cpus;
	return most;
}

int rs_dat_info(const struct rs_dat_file *f, const struct rs_dat_probes *probes, bool of_text,
		struct rs_trace_meta *meta)
{
	int ret = add_kernel(f, meta);

	if (!ret)
		ret = add_level(probes, meta);
	if (of_text)
		return ret;
	if (!ret)
		ret = add_number(meta, "trace.dat.version", f->version);
	if (!ret)
		ret = add_option_line(f, meta, RS_DAT_OPT_VERSION, "trace-cmd");
	if (!ret)
		ret = add_clock(f, meta);
	if (!ret)
		ret = add_number(meta, "page-size", f->page_size);
	if (!ret)
		ret = add_number(meta, "buffers", f->nr_buffers);
	if (!ret)
		ret = add_number(meta, "cpus", most_cpus(f));
	return ret ? ret : add_cpu_stats(f, meta);
}

const char *rs_dat_info_fact(const char *text, size_t size, char fact[RS_DAT_FACT_SIZE])
{
	static const char marker[] = RS_FACT_MARKER " ";
	const size_t len = strnlen(text, size);
	char *c = fact;

	if (len <= sizeof(marker) - 1 || len >= RS_DAT_FACT_SIZE ||
	    memcmp(text, marker, sizeof(marker) - 1))
		return NULL;
	memcpy(fact, text + sizeof(marker) - 1, len - (sizeof(marker) - 1));
	fact[len - (sizeof(marker) - 1)] = 0;
	fact[strcspn(fact, "\n")] = 0;
	for (; isalnum((unsigned char)*c) || (*c && strchr("_.-", *c)); c++)
		*c = (char)tolower((unsigned char)*c);
	if (c == fact || *c != ' ')
		return NULL;
	*c = 0;
	return c + 1;
}

RS_SELDOM enum rs_dat_seam rs_dat_seam_of_marker(struct rs_dat_seams *s,
						 const struct rs_dat_probe *e)
{
	char fact[RS_DAT_FACT_SIZE];
	const char *value = rs_dat_info_fact(e->text, e->text_size, fact);
	bool pause;

	if (!value || strcmp(fact, RS_FACT_SEAM) != 0)
		return RS_DAT_NO_SEAM;
	pause = !strcmp(value, RS_SEAM_PAUSE);
	s->half = pause == s->paused || (!pause && strcmp(value, RS_SEAM_RESUME) != 0);
	s->paused = pause;
	return RS_DAT_SEAM;
}

int rs_dat_info_marker(const char *text, size_t size, struct rs_trace_meta *meta)
{
	char fact[RS_DAT_FACT_SIZE];
	const char *value = meta->nr_facts < MAX_FACTS ? rs_dat_info_fact(text, size, fact) : NULL;

	/* What the file itself says of these is as good, or better. */
	if (!value || !strcmp(fact, "kernel") || !strcmp(fact, "level") ||
	    !strncmp(fact, "kernel-algo", 11))
		return 0;
	return rs_meta_add_fact(meta, fact, value);
}

/* Whether @list, "1 23 4", has @tid. */
static bool lists_task(const char *list, uint32_t tid)
{
	char *end;

	for (; *list; list = end) {
		if (strtoul(list, &end, 10) == tid && end != list)
			return true;
		if (end == list)
			break;
	}
	return false;
}

/* The process of which the recorder said that @tid is a task; @tid itself if it did not. */
static uint32_t process_of(const struct rs_trace_meta *meta, uint32_t tid)
{
	for (size_t i = 0; i < meta->nr_facts; i++) {
		unsigned int pid, part;

		if (sscanf(meta->facts[i].key, "vm.%u.tasks.%u", &pid, &part) == 2 &&
		    lists_task(meta->facts[i].value, tid))
			return pid;
	}
	return tid;
}

int rs_dat_info_vm(const struct rs_dat_comms *comms, uint32_t vm, uint32_t tid,
		   struct rs_trace_meta *meta)
{
	const uint32_t pid = process_of(meta, tid);
	char key[32];
	const char *command;

	snprintf(key, sizeof(key), "vm.%u", pid);
	command = rs_meta_fact(meta, key);
	if (!command)
		command = rs_dat_comms_find(comms, pid);
	if (!command)
		command = rs_dat_comms_find(comms, tid);
	return rs_meta_add_vm(meta, vm, pid, command);
}
