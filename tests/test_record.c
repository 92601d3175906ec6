// SPDX-License-Identifier: GPL-2.0-only
/*
 * A whole capture in a made-up host: tracefs is a folder of plain files, and
 * trace-cmd a script. What a kernel does is missing: an instance cannot be
 * removed while it has files, and so stays noted for a cleanup.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/command.h"
#include "capture/session.h"
#include "tests/common/fake_host.h"

#define TRACING "/sys/kernel/tracing"

/* Turns tracing on, as trace-cmd does, and writes a file once it is told to. */
static const char good_trace_cmd[] = "#!/bin/sh\n"
				     "instance=$(dirname \"$0\")/../.." TRACING "/instances/$3\n"
				     "trap 'echo \"$@\" >trace.dat; rm -f *.cpu0; exit 0' INT\n"
				     "echo 0123456789 >trace.dat.$3.cpu0\n"
				     "echo 1 >\"$instance/tracing_on\"\n"
				     "while :; do sleep 0.05; done\n";
static const char dying_trace_cmd[] =
	"#!/bin/sh\n"
	"echo 1 >\"$(dirname \"$0\")/../.." TRACING "/instances/$3/tracing_on\"\n"
	"echo 'it broke' >&2\n"
	"exit 3\n";
static const char full_trace_cmd[] =
	"#!/bin/sh\n"
	"trap 'exit 28' INT\n"
	"echo 1 >\"$(dirname \"$0\")/../.." TRACING "/instances/$3/tracing_on\"\n"
	"while :; do sleep 0.05; done\n";

/* Busy for three or four seconds before it begins. */
static const char slow_trace_cmd[] =
	"#!/bin/sh\n"
	"trap 'echo \"$@\" >trace.dat; rm -f *.cpu0; exit 0' INT\n"
	"end=$(($(date +%s) + 4))\n"
	"while [ $(date +%s) -lt $end ]; do\n"
	"	i=0\n"
	"	while [ $i -lt 50000 ]; do i=$((i + 1)); done\n"
	"done\n"
	"echo 1 >\"$(dirname \"$0\")/../.." TRACING "/instances/$3/tracing_on\"\n"
	"while :; do sleep 0.05; done\n";

struct fixture {
	struct fake_host fh;
	char out[128], group[32];
	struct rs_session_opts opts;
	struct rs_error err;
};

static void put(struct fixture *f, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), TRACING "/instances/%s/%s", f->group, name);
	fake_host_write(&f->fh, path, text);
}

static char *get(struct fixture *f, const char *path)
{
	static char text[1 << 16];
	char full[512];
	FILE *in;

	snprintf(full, sizeof(full), "%s%s", f->fh.root, path);
	in = fopen(full, "r");
	if (!in)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

/* What the kernel puts into a new instance; libtracefs takes one that is there. */
static void make_instance(struct fixture *f)
{
	static const char stats[] = "entries: 3\noverrun: 2\ncommit overrun: 0\nbytes: 300\n"
				    "dropped events: 1\nread events: 7\n";

	snprintf(f->group, sizeof(f->group), "retryscope_%d", (int)getpid());
	put(f, "tracing_on", "1");
	put(f, "trace_clock", "[local] mono");
	put(f, "trace_marker", "");
	put(f, "buffer_size_kb", "7");
	put(f, "per_cpu/cpu0/buffer_size_kb", "64");
	put(f, "per_cpu/cpu0/stats", stats);
	put(f, "events/kvm/enable", "0");
	put(f, "events/kvm/kvm_page_fault/enable", "0");
}

static void set_trace_cmd(struct fixture *f, const char *script)
{
	char path[128];

	fake_host_write(&f->fh, "/usr/bin/trace-cmd", script);
	snprintf(path, sizeof(path), "%s/usr/bin/trace-cmd", f->fh.root);
	assert_int_equal(chmod(path, 0755), 0);
}

static void make(struct fixture *f, const char *script)
{
	*f = (struct fixture){ 0 };
	fake_host_make(&f->fh, TEST_DATA "/probe/6.12.types");
	fake_host_write(&f->fh, "/run/other", "not ours\n");
	fake_host_write(&f->fh, "/out/other", "not ours\n");
	set_trace_cmd(f, script);
	make_instance(f);
	snprintf(f->out, sizeof(f->out), "%s/out/x.dat", f->fh.root);
	f->opts = (struct rs_session_opts){ .output = f->out,
					    .min_level = RS_LEVEL_PARTIAL,
					    .buffer_bytes = 1 << 20,
					    .root = f->fh.root };
}

static int fails_to_start(struct fixture *f)
{
	struct rs_session *s = rs_session_start(&f->opts, &f->err);
	int errnum = errno;

	assert_null(s);
	assert_non_null(strchr(f->err.text, ' '));
	return errnum;
}

static bool exists(struct fixture *f, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", f->fh.root, path);
	return !access(full, F_OK);
}

static void assert_no_folder(struct fixture *f)
{
	char path[64];

	snprintf(path, sizeof(path), "/out/x.dat.part-%d", (int)getpid());
	assert_false(exists(f, path));
	assert_true(exists(f, "/out/other"));
	assert_true(exists(f, "/run/other"));
}

static void assert_noted(struct fixture *f, bool noted)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/retryscope-%d", (int)getpid());
	assert_int_equal(exists(f, path), noted);
}

static const char *marks(struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/instances/%s/trace_marker", f->group);
	return get(f, path);
}

static void assert_marked(struct fixture *f, const struct rs_plan *plan)
{
	const char *text = marks(f);

	assert_non_null(text);
	assert_non_null(strstr(text, "retryscope-fact kernel 6.12.117+deb12-amd64\n"));
	assert_non_null(strstr(text, "retryscope-fact level full\n"));
	assert_non_null(strstr(text, "retryscope-fact enum.RET_PF_RETRY 1\n"));
	assert_non_null(strstr(text, "lost.cpu0 overrun=2 commit_overrun=0 dropped=1\n"));
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		char *line;

		if (rs_points[ev].optional && plan->probes[ev].state != RS_POINT_THERE)
			continue;
		line = rs_plan_definition(plan, ev, f->group);
		assert_non_null(line);
		assert_non_null(strstr(text, line));
		free(line);
	}
}

static void empty_instance(struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/instances/%s", f->group);
	fake_host_remove(&f->fh, path);
	fake_host_write(&f->fh, TRACING "/kprobe_events", "");
}

static void test_capture(void **state)
{
	struct rs_cleanup_result result;
	struct rs_session *s;
	struct fixture f;
	struct stat st;

	make(&f, good_trace_cmd);
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	assert_int_equal(rs_session_plan(s)->level, RS_LEVEL_FULL);
	assert_noted(&f, true);
	assert_false(exists(&f, "/out/x.dat"));
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	assert_int_equal(rs_session_stats(s)->events, 10);
	assert_int_equal(rs_session_stats(s)->lost, 3);
	assert_true(rs_session_stats(s)->file_bytes > 0);
	assert_marked(&f, rs_session_plan(s));
	/* The instance has files, so it stays, and so does the note. */
	assert_true(rs_session_close(s, &f.err) < 0);
	assert_non_null(strstr(get(&f, "/out/x.dat"), "-e retryscope_"));
	assert_int_equal(stat(f.out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_no_folder(&f);
	assert_noted(&f, true);
	empty_instance(&f);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 1);
	assert_int_equal(result.alive, 0);
	assert_noted(&f, false);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 0);
	fake_host_free(&f.fh);
}

/* A recorder that lives is left alone: its note is locked. */
static void test_alive(void **state)
{
	struct rs_cleanup_result result;
	struct rs_session *s;
	struct fixture f;

	make(&f, good_trace_cmd);
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 0);
	assert_int_equal(result.alive, 1);
	assert_noted(&f, true);
	rs_session_close(s, NULL);
	assert_false(exists(&f, "/out/x.dat"));
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

static void test_limits(void **state)
{
	struct rs_session *s;
	struct fixture f;

	make(&f, good_trace_cmd);
	f.opts.max_bytes = 5;
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	usleep(1100000);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_MAX_SIZE);
	rs_session_close(s, NULL);
	fake_host_free(&f.fh);
}

static void test_trace_cmd_dies(void **state)
{
	struct rs_session *s;
	struct fixture f;
	int ret = 0;

	make(&f, dying_trace_cmd);
	s = rs_session_start(&f.opts, &f.err);
	for (int i = 0; s && !ret && i < 100; i++) {
		usleep(20000);
		ret = rs_session_poll(s, &f.err);
	}
	assert_int_equal(f.err.kind, RS_ERR_SYSTEM);
	assert_string_equal(f.err.text, "trace-cmd ended with 3: it broke");
	rs_session_close(s, NULL);
	assert_no_folder(&f);
	assert_false(exists(&f, "/out/x.dat"));
	fake_host_free(&f.fh);
}

/* One that does nothing is not waited for, ... */
static void test_trace_cmd_hangs(void **state)
{
	struct fixture f;

	make(&f, "#!/bin/sh\nexec sleep 1000\n");
	f.opts.stall_ns = 300000000;
	assert_int_equal(fails_to_start(&f), ETIMEDOUT);
	assert_int_equal(f.err.kind, RS_ERR_SYSTEM);
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

/* ... one that works is, however long it takes. */
static void test_trace_cmd_slow(void **state)
{
	struct rs_session *s;
	struct fixture f;

	make(&f, slow_trace_cmd);
	f.opts.stall_ns = 2500000000;
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	rs_session_close(s, NULL);
	assert_true(exists(&f, "/out/x.dat"));
	fake_host_free(&f.fh);
}

static void test_no_space_to_finish(void **state)
{
	struct rs_session *s;
	struct fixture f;

	make(&f, full_trace_cmd);
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_int_equal(rs_session_finish(s, &f.err), -ENOSPC);
	assert_int_equal(f.err.kind, RS_ERR_OUTPUT);
	assert_string_equal(f.err.file, f.out);
	rs_session_close(s, NULL);
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

static void test_interrupted_start(void **state)
{
	static volatile sig_atomic_t interrupted = 1;
	struct fixture f;

	make(&f, "#!/bin/sh\nexec sleep 100\n");
	f.opts.interrupted = &interrupted;
	assert_int_equal(fails_to_start(&f), EINTR);
	assert_int_equal(f.err.kind, RS_ERR_INTR);
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

/* One VM: entry probes have its maker's id, which trace-cmd is to filter by. */
static void test_one_vm(void **state)
{
	char filter[64];
	struct rs_session *s;
	struct fixture f;

	make(&f, good_trace_cmd);
	f.opts.pid = getpid();
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_non_null(strstr(marks(&f), " pid=+0x1b40($arg1):s32\n"));
	assert_non_null(strstr(marks(&f), "retryscope-fact filter.pid "));
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	snprintf(filter, sizeof(filter), ":inval_start -f pid==%d", (int)getpid());
	assert_non_null(strstr(get(&f, "/out/x.dat"), filter));
	rs_session_close(s, NULL);
	fake_host_free(&f.fh);
}

static void test_host_cannot(void **state)
{
	struct fixture f;

	make(&f, good_trace_cmd);
	fake_host_remove(&f.fh, "/usr/bin/trace-cmd");
	assert_int_equal(fails_to_start(&f), ENOENT);
	assert_int_equal(f.err.kind, RS_ERR_HOST);
	set_trace_cmd(&f, good_trace_cmd);
	f.opts.min_level = RS_LEVEL_FULL;
	f.opts.withheld = 1ULL << RS_PROBE_FAULT_VERDICT;
	assert_int_equal(fails_to_start(&f), ENOTSUP);
	assert_int_equal(f.err.kind, RS_ERR_HOST);
	fake_host_remove(&f.fh, TRACING "/kprobe_events");
	f.opts.min_level = RS_LEVEL_PARTIAL;
	assert_int_equal(fails_to_start(&f), ENOTSUP);
	assert_non_null(strstr(f.err.text, "no kprobe events"));
	fake_host_write(&f.fh, "/proc/mounts", "\n");
	assert_int_equal(fails_to_start(&f), ENODEV);
	assert_non_null(strstr(f.err.text, "tracefs"));
	fake_host_remove(&f.fh, "/sys/module/kvm");
	assert_int_equal(fails_to_start(&f), ENODEV);
	assert_non_null(strstr(f.err.text, "KVM"));
	assert_no_folder(&f);
	assert_noted(&f, false);
	fake_host_free(&f.fh);
}

/* The kernel takes none of the probes: that is seen when they are made. */
static void test_kernel_refuses(void **state)
{
	struct fixture f;
	char path[256];

	make(&f, good_trace_cmd);
	fake_host_remove(&f.fh, TRACING "/kprobe_events");
	snprintf(path, sizeof(path), "%s" TRACING "/kprobe_events", f.fh.root);
	assert_int_equal(symlink("/dev/full", path), 0);
	fake_host_write(&f.fh, TRACING "/error_log",
			"[    1.5] trace_kprobe: error: Invalid probed address or symbol\n"
			"  Command: p:retryscope_1/memslot x\n"
			"                                  ^\n");
	assert_int_equal(fails_to_start(&f), ENOTSUP);
	assert_int_equal(f.err.kind, RS_ERR_HOST);
	assert_non_null(strstr(f.err.text, "level tracepoints only"));
	/* In the kernel's own words. */
	assert_non_null(strstr(f.err.text, ": Invalid probed address or symbol (No space left"));
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

static void test_output_cannot(void **state)
{
	struct fixture f;

	make(&f, good_trace_cmd);
	f.opts.output = "/dev/null";
	assert_int_equal(fails_to_start(&f), ENOTSUP);
	assert_int_equal(f.err.kind, RS_ERR_OUTPUT);
	f.opts.output = f.fh.root;
	assert_int_equal(fails_to_start(&f), EISDIR);
	f.opts.output = "/no/such/folder/x.dat";
	assert_int_equal(fails_to_start(&f), ENOENT);
	f.opts.output = f.out;
	fake_host_remove(&f.fh, "/run");
	assert_int_equal(fails_to_start(&f), ENOENT);
	assert_int_equal(f.err.kind, RS_ERR_OUTPUT);
	fake_host_write(&f.fh, "/run/other", "");
	assert_no_folder(&f);
	fake_host_free(&f.fh);
}

/* What a note of a killed recorder names, and no more, is removed; what is whole is kept. */
static void test_cleanup(void **state)
{
	struct rs_cleanup_result result;
	char note[512];
	struct fixture f;

	make(&f, good_trace_cmd);
	fake_host_write(&f.fh, "/out/y.dat.part-7/trace.dat", "whole\n");
	fake_host_write(&f.fh, "/out/z.dat.part-8/trace.dat", "part\n");
	fake_host_write(&f.fh, "/out/z.dat.part-8/trace.dat.retryscope_8.cpu1", "part\n");
	snprintf(note, sizeof(note),
		 "retryscope-state 1\nfolder %s/out/y.dat.part-7\noutput %s/out/y.dat\n"
		 "group retryscope_7\nwri",
		 f.fh.root, f.fh.root);
	fake_host_write(&f.fh, "/run/retryscope-7", note);
	snprintf(note, sizeof(note),
		 "retryscope-state 1\nfolder %s/out/z.dat.part-8\noutput %s/out/z.dat\n"
		 "group other\n",
		 f.fh.root, f.fh.root);
	fake_host_write(&f.fh, "/run/retryscope-8", note);
	fake_host_write(&f.fh, "/run/retryscope-mine", note);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 2);
	assert_int_equal(result.rescued, 1);
	assert_string_equal(get(&f, "/out/y.dat"), "whole\n");
	assert_false(exists(&f, "/out/y.dat.part-7"));
	assert_false(exists(&f, "/out/z.dat"));
	assert_false(exists(&f, "/out/z.dat.part-8"));
	assert_true(exists(&f, "/run/retryscope-mine"));
	fake_host_free(&f.fh);
}

/* Writes a note of version 2 of process @pid, as a recorder that was killed leaves it. */
static void note_killed(struct fixture *f, int pid, const char *dir, const char *output,
			const char *name)
{
	char path[64], full[512], text[4096];
	struct stat dir_st = { 0 }, st = { 0 };
	size_t n;

	stat(dir, &dir_st);
	snprintf(full, sizeof(full), "%s/%s", dir, name);
	lstat(full, &st);
	n = (size_t)snprintf(text, sizeof(text), "retryscope-state 2\ndir %zu %s\n", strlen(dir),
			     dir);
	snprintf(full, sizeof(full), "%llu:%llu", (unsigned long long)dir_st.st_dev,
		 (unsigned long long)dir_st.st_ino);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "dir_id %zu %s\n", strlen(full), full);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "output %zu %s\nfolder %zu %s\n",
			      strlen(output), output, strlen(name), name);
	snprintf(full, sizeof(full), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	if (st.st_ino)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "folder_id %zu %s\n",
				      strlen(full), full);
	snprintf(path, sizeof(path), "/run/retryscope-%d", pid);
	fake_host_write(&f->fh, path, text);
}

static struct rs_cleanup_result clean(struct fixture *f)
{
	struct rs_cleanup_result result;

	assert_int_equal(rs_session_cleanup(f->fh.root, &result, &f->err), 0);
	return result;
}

/* What has the capture's name by now may be newer: both are kept, each time once more. */
static void test_cleanup_keeps_newer(void **state)
{
	static const char *const names[] = { "/out/y.dat", "/out/y.dat.7", "/out/y.dat.7-2" };
	struct fixture f;
	char dir[160];

	make(&f, good_trace_cmd);
	snprintf(dir, sizeof(dir), "%s/out", f.fh.root);
	for (size_t i = 0; i < 3; i++) {
		struct rs_cleanup_result r;
		char text[32];

		snprintf(text, sizeof(text), "capture %zu\n", i);
		fake_host_write(&f.fh, "/out/y.dat.part-7/trace.dat", text);
		note_killed(&f, 7, dir, "y.dat", "y.dat.part-7");
		r = clean(&f);
		assert_int_equal(r.removed, 1);
		assert_int_equal(r.rescued, 1);
		/* Whoever cleans up is told where it is, if not under its own name. */
		assert_int_equal(r.remarks != NULL, i > 0);
		if (i)
			assert_non_null(strstr(r.remarks, names[i] + 5));
		free(r.remarks);
		assert_false(exists(&f, "/out/y.dat.part-7"));
		for (size_t k = 0; k <= i; k++) {
			snprintf(text, sizeof(text), "capture %zu\n", k);
			assert_string_equal(get(&f, names[k]), text);
		}
	}
	fake_host_free(&f.fh);
}

/*
 * Who owns the folder around may have put anything in its place: a link, another
 * folder, or another folder around it. Only what was noted is touched.
 */
static void test_cleanup_other_folder(void **state)
{
	struct rs_cleanup_result r;
	struct fixture f;
	char dir[160], from[256], to[256];

	make(&f, good_trace_cmd);
	snprintf(dir, sizeof(dir), "%s/out", f.fh.root);
	snprintf(from, sizeof(from), "%s/out/y.dat.part-7", f.fh.root);
	fake_host_write(&f.fh, "/victim/trace.dat", "precious\n");
	for (int how = 0; how < 4; how++) {
		fake_host_write(&f.fh, "/out/y.dat.part-7/trace.dat", "capture\n");
		note_killed(&f, 7, dir, "y.dat", "y.dat.part-7");
		if (how < 2) {
			snprintf(to, sizeof(to), "%s/out/away", f.fh.root);
			assert_int_equal(rename(from, to), 0);
			snprintf(to, sizeof(to), "%s/victim", f.fh.root);
			if (how)
				assert_int_equal(rename(to, from), 0);
			else
				assert_int_equal(symlink(to, from), 0);
		} else if (how == 2) {
			snprintf(to, sizeof(to), "%s/out-away", f.fh.root);
			assert_int_equal(rename(dir, to), 0);
			fake_host_write(&f.fh, "/out/y.dat.part-7/trace.dat", "precious\n");
		}
		r = clean(&f);
		assert_int_equal(r.removed, 1);
		assert_int_equal(r.rescued, how == 3);
		assert_int_equal(r.remarks != NULL, how != 3);
		free(r.remarks);
		if (how < 3) {
			assert_string_equal(get(&f, "/out/y.dat.part-7/trace.dat"), "precious\n");
			assert_false(exists(&f, "/out/y.dat"));
		}
		if (!how) {
			assert_int_equal(unlink(from), 0);
		} else if (how == 1) {
			assert_int_equal(rename(from, to), 0);
		}
		fake_host_remove(&f.fh, "/out/away");
		if (how == 2)
			fake_host_remove(&f.fh, "/out/y.dat.part-7");
	}
	assert_string_equal(get(&f, "/out/y.dat"), "capture\n");
	fake_host_free(&f.fh);
}

/* Killed between the note and the folder, or before trace-cmd wrote: no more than that goes. */
static void test_cleanup_early(void **state)
{
	struct rs_cleanup_result r;
	struct fixture f;
	char dir[160], path[256];

	make(&f, good_trace_cmd);
	snprintf(dir, sizeof(dir), "%s/out", f.fh.root);
	note_killed(&f, 7, dir, "y.dat", "y.dat.part-7");
	snprintf(path, sizeof(path), "%s/out/y.dat.part-7", f.fh.root);
	assert_int_equal(mkdir(path, 0700), 0);
	r = clean(&f);
	assert_int_equal(r.removed, 1);
	assert_null(r.remarks);
	assert_false(exists(&f, "/out/y.dat.part-7"));
	/* A file that trace-cmd does not make is somebody's. */
	fake_host_write(&f.fh, "/out/y.dat.part-7/trace.dat.cpu0", "part\n");
	fake_host_write(&f.fh, "/out/y.dat.part-7/mine", "precious\n");
	note_killed(&f, 7, dir, "y.dat", "y.dat.part-7");
	r = clean(&f);
	assert_int_equal(r.removed, 1);
	assert_false(exists(&f, "/out/y.dat.part-7/trace.dat.cpu0"));
	assert_string_equal(get(&f, "/out/y.dat.part-7/mine"), "precious\n");
	fake_host_free(&f.fh);
}

/* Files in /run that only have such a name, notes of newer versions, and lines cut off. */
static void test_cleanup_foreign(void **state)
{
	static const char *const foreign[] = { "no note\n", "retryscope-state 3\ngroup 1 x\n", "",
					       "retryscope-state 2" };
	struct rs_cleanup_result r;
	struct fixture f;
	char note[512];

	make(&f, good_trace_cmd);
	for (size_t i = 0; i < 4; i++) {
		fake_host_write(&f.fh, "/run/retryscope-5", foreign[i]);
		r = clean(&f);
		assert_int_equal(r.removed, 0);
		assert_int_equal(r.foreign, 1);
		assert_string_equal(get(&f, "/run/retryscope-5"), foreign[i]);
	}
	fake_host_remove(&f.fh, "/run/retryscope-5");
	/* A name with a newline is one value in version 2, and no path of ours in version 1. */
	fake_host_write(&f.fh, "/victim/trace.dat", "precious\n");
	snprintf(note, sizeof(note),
		 "retryscope-state 1\nfolder /x\nfolder %s/victim\ny.part-7\noutput %s/victim\n",
		 f.fh.root, f.fh.root);
	fake_host_write(&f.fh, "/run/retryscope-7", note);
	r = clean(&f);
	assert_int_equal(r.removed, 1);
	assert_string_equal(get(&f, "/victim/trace.dat"), "precious\n");
	fake_host_free(&f.fh);
}

/* A name of any bytes is one value: the note of such a capture is read back whole. */
static void test_newline_in_name(void **state)
{
	struct rs_cleanup_result r;
	struct rs_session *s;
	struct fixture f;

	make(&f, good_trace_cmd);
	snprintf(f.out, sizeof(f.out), "%s/out/two\nlines.dat", f.fh.root);
	s = rs_session_start(&f.opts, &f.err);
	assert_non_null(s);
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	assert_true(rs_session_close(s, &f.err) < 0);
	assert_non_null(get(&f, "/out/two\nlines.dat"));
	empty_instance(&f);
	r = clean(&f);
	assert_int_equal(r.removed, 1);
	free(r.remarks);
	fake_host_free(&f.fh);
}

static void test_command(void **state)
{
	char *ok[] = { (char *)"sh", (char *)"-c", (char *)"exit 3", NULL };
	char *bad[] = { (char *)"/no/such/program", NULL };
	char *slow[] = { (char *)"sleep", (char *)"100", NULL };
	struct rs_error err = { 0 };
	struct rs_command *c;
	int status = 0;

	assert_null(rs_command_start(bad, &err));
	assert_int_equal(err.kind, RS_ERR_USAGE);
	c = rs_command_start(ok, &err);
	assert_non_null(c);
	while (!rs_command_ended(c, &status))
		usleep(1000);
	assert_int_equal(status, 3 << 8);
	rs_command_free(c);
	c = rs_command_start(slow, &err);
	assert_non_null(c);
	assert_false(rs_command_ended(c, &status));
	rs_command_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_trace_cmd_dies),
		cmocka_unit_test(test_trace_cmd_hangs),
		cmocka_unit_test(test_trace_cmd_slow),
		cmocka_unit_test(test_no_space_to_finish),
		cmocka_unit_test(test_interrupted_start),
		cmocka_unit_test(test_one_vm),
		cmocka_unit_test(test_host_cannot),
		cmocka_unit_test(test_kernel_refuses),
		cmocka_unit_test(test_output_cannot),
		cmocka_unit_test(test_cleanup),
		cmocka_unit_test(test_cleanup_keeps_newer),
		cmocka_unit_test(test_cleanup_other_folder),
		cmocka_unit_test(test_cleanup_early),
		cmocka_unit_test(test_cleanup_foreign),
		cmocka_unit_test(test_newline_in_name),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
