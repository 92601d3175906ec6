// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* "PID (COMM) STATE PPID PGRP ...": whether it is a live trace-cmd of process group @pgid. */
static bool is_writer(const struct rs_host *h, const char *pid, pid_t pgid)
{
	char path[300], *text, *end, state = 'Z';
	int group = 0;
	bool ours;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	text = rs_host_read(h, path);
	end = text ? strrchr(text, ')') : NULL;
	ours = end && strstr(text, "(trace-cmd)") &&
	       sscanf(end + 1, " %c %*d %d", &state, &group) == 2 && group == pgid && state != 'Z';
	free(text);
	return ours;
}

struct writers {
	unsigned int nr;
	bool leader;
};

/* The writer's processes that live; each gets @sig unless it is 0. */
static struct writers find_writers(const struct rs_host *h, pid_t pgid, int sig)
{
	char *proc = rs_host_path(h, "/proc");
	DIR *d = proc ? opendir(proc) : NULL;
	struct writers w = { 0 };
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || !is_writer(h, entry->d_name, pgid))
			continue;
		w.nr++;
		w.leader |= pid == pgid;
		if (sig)
			kill(pid, sig);
	}
	if (d)
		closedir(d);
	free(proc);
	return w;
}

static void end_writers(const struct rs_host *h, pid_t pgid)
{
	uint64_t begin = rs_monotonic_ns();
	struct writers w;

	if (pgid <= 0)
		return;
	while ((w = find_writers(h, pgid, 0)).nr) {
		/* Without their leader nobody will ever tell the others to end. */
		if (!w.leader || rs_monotonic_ns() - begin > FINISH_TIMEOUT_NS)
			find_writers(h, pgid, SIGKILL);
		usleep(FINISH_PAUSE_US);
	}
}

/* A trace-cmd that came to its end has left a whole file. */
static bool rescue(const struct rs_state *st)
{
	bool rescued;
	char *file;

	if (!st->output || !rs_trace_cmd_is_whole(st->folder) ||
	    asprintf(&file, "%s/" RS_TRACE_CMD_FILE, st->folder) < 0)
		return false;
	rescued = !rename(file, st->output);
	free(file);
	return rescued;
}

static int remove_dead(void *arg, struct rs_state *st)
{
	struct cleaner *c = arg;
	int ret = 0;

	end_writers(c->host, st->writer);
	if (is_our_group(st->group))
		ret = rs_tracing_remove(c->host, st->group, c->err);
	if (ret)
		return ret;
	if (st->folder) {
		c->result->rescued += rescue(st);
		rs_trace_cmd_remove_folder(st->folder);
	}
	rs_state_remove(st);
	c->result->removed++;
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
