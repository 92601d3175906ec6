// SPDX-License-Identifier: GPL-2.0-only
#include "capture/tracing.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tracefs.h>
#include <unistd.h>

#include "base/array.h"

/* An event that was just disabled is busy until every CPU has left it. */
#define BUSY_TRIES 100
#define BUSY_PAUSE_US 50000

struct rs_tracing {
	const struct rs_host *host;
	char *group;
	struct tracefs_instance *instance;
	unsigned int nr_cpus;
};

/* Kprobe events, each "GROUP/NAME". */
struct probe_list {
	char **names;
	size_t nr;
};

/* libtracefs finds this machine's tracefs; another root's is told to it. */
static void use_host(const struct rs_host *h)
{
	tracefs_set_loglevel(TEP_LOG_NONE);
	if (*h->root)
		tracefs_set_tracing_dir(h->tracefs);
}

/* The kernel's own words about its last refusal: the line "... error: TEXT". */
static void refusal_text(int errnum, char *buf, size_t size)
{
	char *log = tracefs_error_last(NULL), *text = log ? strstr(log, "error: ") : NULL;

	snprintf(buf, size, "%s", strerror(errnum));
	if (text) {
		text += strlen("error: ");
		text[strcspn(text, "\n")] = '\0';
		snprintf(buf, size, "%s (%s)", text, strerror(errnum));
	}
	free(log);
}

static int create_probe(struct rs_plan *plan, enum rs_probe_event ev, const char *group)
{
	char *line = rs_plan_definition(plan, ev, group), why[256];
	int ret = 0;

	if (!line)
		return -ENOMEM;
	if (tracefs_instance_file_append(NULL, "kprobe_events", line) < 0) {
		refusal_text(errno, why, sizeof(why));
		ret = rs_plan_refuse(plan, ev, why);
	}
	free(line);
	return ret;
}

static int create_probes(struct rs_plan *plan, const char *group, struct rs_error *err)
{
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		if (plan->probes[ev].state != RS_POINT_THERE)
			continue;
		if (create_probe(plan, ev, group))
			return rs_error_nomem(err);
	}
	return 0;
}

/*
 * Where no event was ever enabled, buffers are small until the first is. Some
 * kernels take a change of one instance's size for that, and then leave the
 * top-level buffer small for good: whoever uses that later would lose events.
 * Any write to an event's switch, even that it be off, comes before.
 */
static void leave_boot_buffers(struct rs_tracing *t, const struct rs_plan *plan)
{
	for (size_t i = 0; i < RS_NR_TRACEPOINTS; i++) {
		if (!plan->tracepoints[i].there)
			continue;
		tracefs_event_file_write(t->instance, "kvm",
					 strchr(plan->tracepoints[i].name, ':') + 1, "enable", "0");
		return;
	}
}

static int create_instance(struct rs_tracing *t, const char *clock, struct rs_error *err)
{
	t->instance = tracefs_instance_create(t->group);
	if (!t->instance)
		return rs_error_set(err, RS_ERR_HOST, errno, "cannot make a tracing instance: %s",
				    strerror(errno));
	if (tracefs_trace_off(t->instance))
		return rs_error_set(err, RS_ERR_HOST, errno, "cannot set up the instance %s: %s",
				    t->group, strerror(errno));
	if (tracefs_instance_file_write(t->instance, "trace_clock", clock) < 0)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "this kernel has no trace clock '%s'", clock);
	return 0;
}

struct rs_tracing *rs_tracing_create(const struct rs_host *h, struct rs_plan *plan,
				     const char *group, const char *clock, struct rs_error *err)
{
	struct rs_tracing *t = calloc(1, sizeof(*t));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int ret;

	if (t)
		t->group = strdup(group);
	if (!t || !t->group) {
		free(t);
		errno = -rs_error_nomem(err);
		return NULL;
	}
	use_host(h);
	t->host = h;
	t->nr_cpus = cpus > 0 ? (unsigned int)cpus : 1;
	ret = create_probes(plan, group, err);
	if (!ret)
		ret = create_instance(t, clock, err);
	if (!ret)
		leave_boot_buffers(t, plan);
	if (ret) {
		rs_tracing_destroy(t, NULL);
		errno = -ret;
		return NULL;
	}
	return t;
}

/* Those that we enable: to walk through all events of a kernel takes long. */
static int disable_events(struct tracefs_instance *instance, const char *group)
{
	const char *const systems[] = { group, "kvm" };

	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		char file[128];

		snprintf(file, sizeof(file), "events/%s/enable", systems[i]);
		if (tracefs_file_exists(instance, file) &&
		    tracefs_instance_file_write(instance, file, "0") < 0)
			return -errno;
	}
	return 0;
}

static bool instance_exists(const struct rs_host *h, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/instances/%s", h->tracefs, name);
	return !access(path, F_OK);
}

static int remove_instance(const struct rs_host *h, const char *name, struct rs_error *err)
{
	struct tracefs_instance *instance;
	int ret = -1;

	if (!instance_exists(h, name))
		return 0;
	instance = tracefs_instance_create(name);
	if (!instance)
		return rs_error_set(err, RS_ERR_HOST, errno, "cannot open the instance %s: %s",
				    name, strerror(errno));
	tracefs_trace_off(instance);
	disable_events(instance, name);
	for (int i = 0; i < BUSY_TRIES && ret; i++) {
		errno = EBUSY; /* it does not always say why it fails */
		ret = tracefs_instance_destroy(instance);
		if (ret && errno == EBUSY)
			usleep(BUSY_PAUSE_US);
		else
			break;
	}
	if (ret)
		ret = rs_error_set(err, RS_ERR_HOST, errno, "cannot remove the instance %s: %s",
				   name, strerror(errno));
	tracefs_instance_free(instance);
	return ret;
}

/* The group and name "GROUP/NAME" of a line "p:GROUP/NAME WHERE ..." of kprobe_events. */
static bool is_of_group(const char *line, const char *group, char *name, size_t size)
{
	const char *colon = strchr(line, ':');
	size_t len = strlen(group);

	if (!colon || strncmp(colon + 1, group, len) || colon[1 + len] != '/')
		return false;
	return snprintf(name, size, "%.*s", (int)strcspn(colon + 1, " \t\n"), colon + 1) <
	       (int)size;
}

/*
 * What of @group is in kprobe_events, read line by line: libtracefs 1.6 asks this
 * machine's tracefs which files there are, whatever it was told, and then reads
 * to the end of what it finds, however long that is. A line is at most 4 KiB, as
 * the kernel takes them; what has a NUL in it is no text of the kernel's.
 */
static int list_probes(const struct rs_host *h, const char *group, struct probe_list *list)
{
	char line[8192], path[PATH_MAX];
	FILE *f;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/kprobe_events", h->tracefs);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && fgets(line, sizeof(line), f) && *line) {
		char name[256];

		if (RS_ROOM_FOR_ONE(list->names, list->nr)) {
			ret = -ENOMEM;
			break;
		}
		if (!is_of_group(line, group, name, sizeof(name)))
			continue;
		list->names[list->nr] = strdup(name);
		if (list->names[list->nr])
			list->nr++;
		else
			ret = -ENOMEM;
	}
	fclose(f);
	return ret;
}

/* In every instance: an event that is on anywhere is busy. */
static void disable_everywhere(const char *probe)
{
	char **instances = tracefs_instances(NULL), file[320];

	snprintf(file, sizeof(file), "events/%s/enable", probe);
	tracefs_instance_file_write(NULL, file, "0");
	for (size_t i = 0; instances && instances[i]; i++) {
		struct tracefs_instance *instance = tracefs_instance_alloc(NULL, instances[i]);

		if (instance)
			tracefs_instance_file_write(instance, file, "0");
		tracefs_instance_free(instance);
	}
	tracefs_list_free(instances);
}

/*
 * To disable the event wherever it is enabled is for the last try: it writes to
 * every instance, and the kernel then gives the top-level one the full size of its
 * buffer.
 */
static int remove_probe(const char *probe)
{
	char line[320];

	snprintf(line, sizeof(line), "-:%s", probe);
	for (int i = 0; i <= BUSY_TRIES; i++) {
		if (i == BUSY_TRIES)
			disable_everywhere(probe);
		errno = EBUSY; /* it does not always say why it fails */
		if (tracefs_instance_file_append(NULL, "kprobe_events", line) >= 0)
			return 0;
		if (errno != EBUSY)
			break;
		usleep(BUSY_PAUSE_US);
	}
	return -errno;
}

static int remove_probes(const struct rs_host *h, const char *group, struct rs_error *err)
{
	struct probe_list list = { 0 };
	int ret = list_probes(h, group, &list);

	if (ret)
		ret = rs_error_set(err, RS_ERR_HOST, -ret, "cannot read the list of probes: %s",
				   strerror(-ret));
	for (size_t i = 0; i < list.nr; i++) {
		int failed = remove_probe(list.names[i]);

		if (failed)
			ret = rs_error_set(err, RS_ERR_HOST, -failed,
					   "cannot remove the probes of group %s: %s", group,
					   strerror(-failed));
		free(list.names[i]);
	}
	free(list.names);
	return ret;
}

int rs_tracing_remove(const struct rs_host *h, const char *group, struct rs_error *err)
{
	int ret;

	if (!h->tracefs)
		return rs_error_set(err, RS_ERR_HOST, ENODEV,
				    "tracefs is not mounted: mount -t tracefs nodev "
				    "/sys/kernel/tracing");
	use_host(h);
	ret = remove_instance(h, group, err);
	return remove_probes(h, group, ret ? NULL : err) ? -EBUSY : ret;
}

int rs_tracing_destroy(struct rs_tracing *t, struct rs_error *err)
{
	int ret;

	if (!t)
		return 0;
	tracefs_print_close(t->instance);
	tracefs_instance_free(t->instance);
	ret = rs_tracing_remove(t->host, t->group, err);
	free(t->group);
	free(t);
	return ret;
}

int rs_tracing_set_buffer(struct rs_tracing *t, uint64_t bytes, struct rs_error *err)
{
	char kb[32];

	snprintf(kb, sizeof(kb), "%" PRIu64, (bytes + 1023) / 1024);
	if (tracefs_instance_file_write(t->instance, "buffer_size_kb", kb) < 0)
		return rs_error_set(err, RS_ERR_HOST, errno,
				    "the kernel gives no trace buffer of %s KiB per CPU: %s", kb,
				    strerror(errno));
	return 0;
}

uint64_t rs_tracing_buffer(const struct rs_tracing *t)
{
	ssize_t kb = tracefs_instance_get_buffer_size(t->instance, 0);

	return kb > 0 ? (uint64_t)kb * 1024 : 0;
}

typedef int (*event_switch)(struct tracefs_instance *instance, const char *system,
			    const char *event);

#define NR_EVENTS (RS_NR_PROBE_EVENTS + RS_NR_TRACEPOINTS)

/* Probes by their number and tracepoints behind them, in an order in which faults come last. */
static unsigned int nth_event(unsigned int n)
{
	const unsigned int nr_of_fault = RS_PROBE_FAULT_END - RS_PROBE_FAULT + 1;

	if (n < RS_PROBE_FAULT)
		return n;
	return n < NR_EVENTS - nr_of_fault ? n + nr_of_fault
					   : n - (NR_EVENTS - nr_of_fault) + RS_PROBE_FAULT;
}

/* The probes of @plan and its tracepoints, but the first of them, in that order or backwards. */
static int switch_events(struct rs_tracing *t, const struct rs_plan *plan, unsigned int first,
			 event_switch turn, bool backwards)
{
	for (unsigned int n = first; n < NR_EVENTS; n++) {
		const unsigned int i = nth_event(backwards ? NR_EVENTS - 1 - (n - first) : n);
		const bool probe = i < RS_NR_PROBE_EVENTS;
		const struct rs_planned_tracepoint *tp =
			probe ? NULL : &plan->tracepoints[i - RS_NR_PROBE_EVENTS];

		if (probe ? plan->probes[i].state != RS_POINT_THERE : !tp->there)
			continue;
		if (turn(t->instance, probe ? t->group : "kvm",
			 probe ? rs_probe_event_name(i) : strchr(tp->name, ':') + 1))
			return -errno;
	}
	return 0;
}

static int enable_events(struct rs_tracing *t, const struct rs_plan *plan)
{
	return switch_events(t, plan, 0, tracefs_event_enable, false);
}

/* All at once: an event that is disabled before another one would be missing there. */
static int stop_tracing(struct rs_tracing *t, struct rs_error *err)
{
	int ret;

	tracefs_trace_off(t->instance);
	ret = disable_events(t->instance, t->group);
	if (ret)
		return rs_error_set(err, RS_ERR_HOST, -ret, "cannot disable the events of %s: %s",
				    t->group, strerror(-ret));
	return 0;
}

static int put_mark(struct rs_tracing *t, const char *key, const char *value, struct rs_error *err)
{
	if (tracefs_printf(t->instance, RS_FACT_MARKER " %s %s\n", key, value) < 0)
		return rs_error_set(err, RS_ERR_HOST, errno,
				    "cannot write to the trace's marker: %s", strerror(errno));
	return 0;
}

/*
 * The kernel takes a moment for each event, in which those that are there cost as in a piece:
 * those of faults, which are most of it, are the last to come and the first to go. What is
 * recorded meanwhile is not of the recording: the mark is before them all, or behind.
 */
int rs_tracing_seam(struct rs_tracing *t, const struct rs_plan *plan, bool pause,
		    struct rs_error *err)
{
	const unsigned int first = RS_PROBE_MEMSLOT + 1;
	int ret = pause ? put_mark(t, RS_FACT_SEAM, RS_SEAM_PAUSE, err) : 0;

	if (ret)
		return ret;
	ret = switch_events(t, plan, first, pause ? tracefs_event_disable : tracefs_event_enable,
			    pause);
	if (ret)
		return rs_error_set(err, RS_ERR_HOST, -ret, "cannot switch the events of %s: %s",
				    t->group, strerror(-ret));
	return pause ? 0 : put_mark(t, RS_FACT_SEAM, RS_SEAM_RESUME, err);
}

int rs_tracing_stop_events(struct rs_tracing *t, struct rs_error *err)
{
	int ret = stop_tracing(t, err);

	if (!ret && tracefs_trace_on(t->instance))
		ret = rs_error_set(err, RS_ERR_HOST, errno, "cannot turn %s on: %s", t->group,
				   strerror(errno));
	return ret;
}

int rs_tracing_measure(struct rs_tracing *t, const struct rs_plan *plan, unsigned int usec,
		       struct rs_cpu_stats *stats, struct rs_error *err)
{
	int ret = enable_events(t, plan);

	if (!ret && tracefs_trace_on(t->instance))
		ret = -errno;
	if (ret)
		return rs_error_set(err, RS_ERR_HOST, -ret, "cannot enable the events of %s: %s",
				    t->group, strerror(-ret));
	usleep(usec);
	ret = stop_tracing(t, err);
	rs_tracing_stats(t, stats);
	if (!ret && tracefs_instance_file_clear(t->instance, "trace") < 0)
		ret = rs_error_set(err, RS_ERR_HOST, errno, "cannot empty the buffer of %s: %s",
				   t->group, strerror(errno));
	return ret;
}

bool rs_tracing_is_on(const struct rs_tracing *t)
{
	return tracefs_trace_is_on(t->instance) == 1;
}

unsigned int rs_tracing_nr_cpus(const struct rs_tracing *t)
{
	return t->nr_cpus;
}

/* "NAME: VALUE" lines; those that are no statistic of ours are passed over. */
static void parse_stats(char *text, struct rs_cpu_stats *s)
{
	const struct {
		const char *name;
		uint64_t *value;
	} fields[] = {
		{ "entries", &s->entries },
		{ "bytes", &s->bytes },
		{ "read events", &s->read },
		{ "overrun", &s->overrun },
		{ "commit overrun", &s->commit_overrun },
		{ "dropped events", &s->dropped },
	};
	char *save;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (!strcmp(line, fields[i].name))
				*fields[i].value = strtoull(colon + 1, NULL, 10);
	}
}

void rs_tracing_stats(const struct rs_tracing *t, struct rs_cpu_stats *stats)
{
	for (unsigned int cpu = 0; cpu < t->nr_cpus; cpu++) {
		char file[64], *text;

		stats[cpu] = (struct rs_cpu_stats){ 0 };
		snprintf(file, sizeof(file), "per_cpu/cpu%u/stats", cpu);
		text = tracefs_instance_file_read(t->instance, file, NULL);
		if (text)
			parse_stats(text, &stats[cpu]);
		free(text);
	}
}

/* Which of our events a line of kprobe_events defines; -1: none. */
static int event_of_line(const char *line, const char *group)
{
	const char *name = strchr(line, ':');
	size_t len = strlen(group);

	if (!name || strncmp(name + 1, group, len) || name[len + 1] != '/')
		return -1;
	name += len + 2;
	for (int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		size_t n = strlen(rs_probe_event_name((enum rs_probe_event)ev));

		if (!strncmp(name, rs_probe_event_name((enum rs_probe_event)ev), n) &&
		    (name[n] == ' ' || !name[n]))
			return ev;
	}
	return -1;
}

/*
 * The profile names events without their group, in the order in which
 * kprobe_events has them: so both are walked together.
 */
int rs_tracing_misses(const struct rs_tracing *t, uint64_t misses[RS_NR_PROBE_EVENTS])
{
	char *events = tracefs_instance_file_read(NULL, "kprobe_events", NULL);
	char *profile = tracefs_instance_file_read(NULL, "kprobe_profile", NULL);
	char *e_save, *p_save, *line, *counts;
	int ret = events && profile ? 0 : -ENOENT;

	memset(misses, 0, RS_NR_PROBE_EVENTS * sizeof(*misses));
	line = ret ? NULL : strtok_r(events, "\n", &e_save);
	counts = ret ? NULL : strtok_r(profile, "\n", &p_save);
	while (line && counts) {
		int ev = event_of_line(line, t->group);

		if (ev >= 0)
			sscanf(counts, "%*s %*u %" SCNu64, &misses[ev]);
		line = strtok_r(NULL, "\n", &e_save);
		counts = strtok_r(NULL, "\n", &p_save);
	}
	free(events);
	free(profile);
	return ret;
}

int rs_tracing_mark(struct rs_tracing *t, const struct rs_capture_facts *facts,
		    unsigned int pause_us, struct rs_error *err)
{
	for (size_t i = 0; i < facts->nr; i++) {
		const struct rs_capture_fact *f = &facts->list[i];
		int ret = put_mark(t, f->key, f->value, err);

		if (ret)
			return ret;
		if (pause_us)
			usleep(pause_us);
	}
	return 0;
}

/* Appends a copy; drops it all when there is no memory. */
static char **add_arg(char **args, size_t *n, const char *arg)
{
	if (!args || RS_RESIZE(args, *n + 2)) {
		rs_tracing_free_args(args);
		return NULL;
	}
	args[*n] = strdup(arg);
	if (!args[*n]) {
		rs_tracing_free_args(args);
		return NULL;
	}
	args[++*n] = NULL;
	return args;
}

char **rs_tracing_event_args(const struct rs_plan *plan, const char *group, const char *filter)
{
	char **args = calloc(1, sizeof(*args));
	size_t n = 0;

	for (unsigned int ev = 0; args && ev < RS_NR_PROBE_EVENTS; ev++) {
		char name[128];

		if (plan->probes[ev].state != RS_POINT_THERE)
			continue;
		snprintf(name, sizeof(name), "%s:%s", group, rs_probe_event_name(ev));
		args = add_arg(args, &n, "-e");
		args = add_arg(args, &n, name);
		if (!filter || !plan->probes[ev].has_pid)
			continue;
		args = add_arg(args, &n, "-f");
		args = add_arg(args, &n, filter);
	}
	for (size_t i = 0; args && i < RS_NR_TRACEPOINTS; i++) {
		if (!plan->tracepoints[i].there)
			continue;
		args = add_arg(args, &n, "-e");
		args = add_arg(args, &n, plan->tracepoints[i].name);
	}
	return args;
}

void rs_tracing_free_args(char **args)
{
	for (size_t i = 0; args && args[i]; i++)
		free(args[i]);
	free(args);
}
