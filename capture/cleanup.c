// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A trace-cmd whose recorder died was told to finish: let it, for a while. */
#define FINISH_TIMEOUT_NS 60000000000ULL
#define FINISH_PAUSE_US 100000

struct cleaner {
	const struct rs_host *host;
	struct rs_cleanup_result *result;
	struct rs_error *err;
};

static bool is_our_group(const char *group)
{
	static const char prefix[] = RS_PROBE_GROUP "_";
	size_t len = strlen(prefix);

	return group && !strncmp(group, prefix, len) && group[len] &&
	       strspn(group + len, "0123456789") == strlen(group + len);
}

/* "PID (COMM) STATE PPID PGRP ...": whether it is a trace-cmd of process group @pgid. */
static bool is_writer(const struct rs_host *h, const char *pid, pid_t pgid)
{
	char path[300], *text, *end;
	int group = 0;
	bool ours;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	text = rs_host_read(h, path);
	end = text ? strrchr(text, ')') : NULL;
	ours = end && strstr(text, "(trace-cmd)") && sscanf(end + 1, " %*c %*d %d", &group) == 1 &&
	       group == pgid;
	free(text);
	return ours;
}

/* How many of the writer's processes there are; each gets @sig unless it is 0. */
static unsigned int signal_writers(const struct rs_host *h, pid_t pgid, int sig)
{
	char *proc = rs_host_path(h, "/proc");
	DIR *d = proc ? opendir(proc) : NULL;
	struct dirent *entry;
	unsigned int n = 0;

	while (d && (entry = readdir(d))) {
		if (!isdigit((unsigned char)*entry->d_name) || !is_writer(h, entry->d_name, pgid))
			continue;
		n++;
		if (sig)
			kill((pid_t)atoi(entry->d_name), sig);
	}
	if (d)
		closedir(d);
	free(proc);
	return n;
}

static void end_writers(const struct rs_host *h, pid_t pgid)
{
	uint64_t begin = rs_monotonic_ns();

	if (pgid <= 0)
		return;
	while (signal_writers(h, pgid, 0)) {
		/* Without its leader nobody will ever tell the others to end. */
		if (kill(pgid, 0) || rs_monotonic_ns() - begin > FINISH_TIMEOUT_NS)
			signal_writers(h, pgid, SIGKILL);
		usleep(FINISH_PAUSE_US);
	}
}

/* A trace-cmd that came to its end has removed its files of one CPU each. */
static bool rescue(const struct rs_state *st)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct stat sb;
	char name[8192];

	if (!st->temp || !st->output || !st->group || stat(st->temp, &sb) || !sb.st_size)
		return false;
	for (long cpu = 0; cpu < cpus; cpu++) {
		snprintf(name, sizeof(name), "%s.%s.cpu%ld", st->temp, st->group, cpu);
		if (!access(name, F_OK))
			return false;
	}
	return !rename(st->temp, st->output);
}

static int remove_dead(void *arg, struct rs_state *st)
{
	struct cleaner *c = arg;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	bool rescued;
	int ret = 0;

	end_writers(c->host, st->writer);
	rescued = rescue(st);
	if (is_our_group(st->group))
		ret = rs_tracing_remove(c->host, st->group, c->err);
	if (ret)
		return ret;
	if (st->temp && is_our_group(st->group))
		rs_trace_cmd_remove_files(st->temp, st->group, cpus > 0 ? (unsigned int)cpus : 1);
	rs_state_remove(st);
	c->result->removed++;
	c->result->rescued += rescued;
	return 0;
}

int rs_session_cleanup(const char *root, struct rs_cleanup_result *result, struct rs_error *err)
{
	struct cleaner c = { .host = rs_host_open(root, err), .result = result, .err = err };
	int ret;

	*result = (struct rs_cleanup_result){ 0 };
	if (!c.host)
		return -errno;
	ret = rs_state_each_dead(c.host, remove_dead, &c, &result->alive, err);
	rs_host_close((struct rs_host *)c.host);
	return ret;
}
