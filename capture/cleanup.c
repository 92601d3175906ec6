// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include "base/clean.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A trace-cmd whose recorder died was told to finish: let it, for a while. */
#define FINISH_TIMEOUT_NS 60000000000ULL
#define FINISH_PAUSE_US 100000
/* One that cannot be killed, in the kernel for good, is not waited for. */
#define KILL_TIMEOUT_NS 5000000000ULL

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

/* What /proc/PID/stat says: "PID (COMM) STATE PPID PGRP ... STARTTIME ...". */
struct process {
	char comm[32], state;
	pid_t group;
	unsigned long long start;
};

static bool read_process(const struct rs_host *h, pid_t pid, struct process *p)
{
	char path[64], *text, *begin, *end;
	bool ok;

	*p = (struct process){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = rs_host_read(h, path);
	begin = text ? strchr(text, '(') : NULL;
	end = text ? strrchr(text, ')') : NULL;
	ok = begin && end && begin < end &&
	     sscanf(end + 1,
		    " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		    "%llu",
		    &p->state, &p->group, &p->start) >= 2;
	if (ok)
		snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(end - begin - 1), begin + 1);
	free(text);
	return ok;
}

unsigned long long rs_process_start(const struct rs_host *h, pid_t pid)
{
	struct process p;

	return read_process(h, pid, &p) ? p.start : 0;
}

/*
 * A live trace-cmd of the noted process group. Numbers are used again: one that
 * began before the noted writer did, or that leads the group and began later, is
 * another.
 */
static bool is_writer(const struct rs_host *h, const struct rs_state *st, pid_t pid)
{
	struct process p;

	if (!read_process(h, pid, &p) || p.group != st->writer || p.state == 'Z' ||
	    strcmp(p.comm, "trace-cmd"))
		return false;
	if (!st->started || !p.start)
		return true;
	return pid == st->writer ? p.start == st->started : p.start >= st->started;
}

/* Held while it is looked at and signalled, so that its number means the same. */
static void signal_writer(const struct rs_host *h, const struct rs_state *st, pid_t pid, int sig)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return;
	if (is_writer(h, st, pid))
		syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
	close(pidfd);
}

struct writers {
	unsigned int nr;
	bool leader;
};

/* The writer's processes that live; each gets @sig unless it is 0. */
static struct writers find_writers(const struct rs_host *h, const struct rs_state *st, int sig)
{
	char *proc = rs_host_path(h, "/proc");
	DIR *d = proc ? opendir(proc) : NULL;
	struct writers w = { 0 };
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || !is_writer(h, st, pid))
			continue;
		w.nr++;
		w.leader |= pid == st->writer;
		if (sig)
			signal_writer(h, st, pid, sig);
	}
	if (d)
		closedir(d);
	free(proc);
	return w;
}

/* The processes below another root have numbers of another machine, or of none. */
static bool is_this_machine(const struct rs_host *h)
{
	char *proc = rs_host_path(h, "/proc");
	struct stat theirs, ours;
	bool same = proc && !stat(proc, &theirs) && !stat("/proc", &ours) &&
		    theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;

	free(proc);
	return same;
}

static int end_writers(const struct cleaner *c, const struct rs_state *st)
{
	uint64_t begin = rs_monotonic_ns(), elapsed = 0;
	struct writers w;

	if (st->writer <= 0 || !is_this_machine(c->host))
		return 0;
	while ((w = find_writers(c->host, st, 0)).nr) {
		elapsed = rs_monotonic_ns() - begin;
		if (elapsed > FINISH_TIMEOUT_NS + KILL_TIMEOUT_NS)
			return rs_error_set(c->err, RS_ERR_HOST, ETIME,
					    "trace-cmd (process group %d) of a killed recorder "
					    "does not end, not even by SIGKILL",
					    (int)st->writer);
		/* Without their leader nobody will ever tell the others to end. */
		if (!w.leader || elapsed > FINISH_TIMEOUT_NS)
			find_writers(c->host, st, SIGKILL);
		usleep(FINISH_PAUSE_US);
	}
	return 0;
}

static void remark(struct cleaner *c, const char *fmt, ...)
{
	char *old = c->result->remarks, *text, *clean, *both;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	clean = rs_clean_dup(text, RS_CLEAN_UTF8);
	free(text);
	if (clean && asprintf(&both, "%s%s\n", old ? old : "", clean) >= 0) {
		free(old);
		c->result->remarks = both;
	}
	free(clean);
}

/* A trace-cmd that came to its end has left a whole file. */
static int rescue(struct cleaner *c, const struct rs_state *st)
{
	const struct rs_folder *f = &st->folder;
	char *name = NULL;
	int ret;

	if (!rs_folder_is_whole(f))
		return 0;
	ret = rs_folder_rescue(f, st->pid, &name);
	if (ret)
		return rs_error_set(c->err, RS_ERR_OUTPUT, -ret,
				    "%s/%s has a complete capture that gets no name: %s", f->dir,
				    f->name, strerror(-ret));
	if (strcmp(name, f->output))
		remark(c, "%s/%s is there already: the capture of the killed recorder is %s",
		       f->dir, f->output, name);
	free(name);
	c->result->rescued++;
	return 0;
}

/* The files, where they are still those that were noted. */
static int clean_folder(struct cleaner *c, struct rs_state *st)
{
	struct rs_folder *f = &st->folder;
	/* Killed between the note and the folder: it is empty, if it is there. */
	bool made = f->id.ino || st->version < 2;
	int ret;

	if (!f->dir || !f->name || !f->output)
		return 0;
	ret = rs_folder_reopen(f);
	if (ret == -ENOENT)
		return 0;
	if (ret == -ESTALE) {
		remark(c, "%s/%s is not the folder that was noted: left alone", f->dir, f->name);
		return 0;
	}
	if (ret)
		return rs_error_set(c->err, RS_ERR_HOST, -ret, "cannot open %s/%s: %s", f->dir,
				    f->name, strerror(-ret));
	if (!made) {
		unlinkat(f->dir_fd, f->name, AT_REMOVEDIR);
		return 0;
	}
	ret = rescue(c, st);
	if (!ret)
		rs_folder_remove(f);
	return ret;
}

static int remove_dead(void *arg, struct rs_state *st)
{
	struct cleaner *c = arg;
	int ret = end_writers(c, st);

	if (!ret && is_our_group(st->group))
		ret = rs_tracing_remove(c->host, st->group, c->err);
	if (!ret)
		ret = clean_folder(c, st);
	if (ret)
		return ret;
	rs_state_remove(st);
	c->result->removed++;
	return 0;
}

int rs_session_cleanup(const char *root, struct rs_cleanup_result *result, struct rs_error *err)
{
	struct cleaner c = { .host = rs_host_open(root, err), .result = result, .err = err };
	struct rs_state_counts counts = { 0 };
	int ret;

	*result = (struct rs_cleanup_result){ 0 };
	if (!c.host)
		return -errno;
	ret = rs_state_each_dead(c.host, remove_dead, &c, &counts, err);
	result->alive = counts.alive;
	result->foreign = counts.foreign;
	rs_host_close((struct rs_host *)c.host);
	return ret;
}
