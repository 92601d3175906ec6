// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of a capture that look at a host while it records: how large the buffers
 * are to be, when the disk has just enough room left, which processes have VMs, and
 * what a cleanup may touch of what it finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/folder.h"
#include "capture/session.h"
#include "capture/state.h"
#include "capture/vms.h"
#include "tests/common/fake_host.h"
#include "tests/common/fake_tracing.h"
#include "tests/common/skip.h"

struct fixture {
	struct fake_host fh;
	char out[128];
	struct rs_session_opts opts;
	struct rs_error err;
};

static struct fixture f;

static int setup(void **state)
{
	f = (struct fixture){ 0 };
	fake_host_make(&f.fh, TEST_DATA "/probe/6.12.types");
	fake_host_write(&f.fh, "/run/other", "not ours\n");
	fake_host_write(&f.fh, "/out/other", "not ours\n");
	fake_trace_cmd_set(&f.fh, fake_trace_cmd_good);
	fake_instance_make(&f.fh, getpid());
	snprintf(f.out, sizeof(f.out), "%s/out/x.dat", f.fh.root);
	f.opts = (struct rs_session_opts){ .output = f.out,
					   .min_level = RS_LEVEL_PARTIAL,
					   .root = f.fh.root };
	return 0;
}

static int teardown(void **state)
{
	fake_host_free(&f.fh);
	return 0;
}

static void full_path(char *full, size_t size, const char *path)
{
	assert_true(snprintf(full, size, "%s%s", f.fh.root, path) < (int)size);
}

static bool exists(const char *path)
{
	char full[512];

	full_path(full, sizeof(full), path);
	return !access(full, F_OK);
}

static const char *get(const char *path)
{
	static char text[1 << 16];
	char full[512];
	FILE *in;

	full_path(full, sizeof(full), path);
	in = fopen(full, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

static const char *instance_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/%s", (int)getpid(),
		 name);
	return get(path);
}

static struct rs_session *start(void)
{
	struct rs_session *s = rs_session_start(&f.opts, &f.err);

	if (!s)
		fail_msg("it does not start: %s", f.err.text);
	return s;
}

/* The size that the kernel was asked for, in KiB per CPU. */
static unsigned long buffer_kb(void)
{
	unsigned long kb;

	fake_instance_make(&f.fh, getpid());
	rs_session_close(start(), NULL);
	kb = strtoul(instance_file("buffer_size_kb"), NULL, 10);
	fake_host_remove(&f.fh, "/run");
	fake_host_write(&f.fh, "/run/other", "not ours\n");
	return kb;
}

/* @kb for each CPU is what a tenth of the memory comes to. */
static void set_memory(unsigned long kb)
{
	char text[128];

	snprintf(text, sizeof(text), "MemTotal: 99999999 kB\nMemAvailable: %12lu kB\n",
		 kb * 10 * (unsigned long)sysconf(_SC_NPROCESSORS_CONF));
	fake_host_write(&f.fh, "/proc/meminfo", text);
}

static void test_buffer_size(void **state)
{
	set_memory(1 << 20);
	assert_int_equal(buffer_kb(), 16384);
	set_memory(1024);
	if (buffer_kb() != 1024)
		fail_msg("the buffers take more than a tenth of the memory: %lu KiB", buffer_kb());
	set_memory(10);
	assert_int_equal(buffer_kb(), 256);
	fake_host_remove(&f.fh, "/proc/meminfo");
	assert_int_equal(buffer_kb(), 256);
	set_memory(1024);
	f.opts.buffer_bytes = 5 << 20;
	assert_int_equal(buffer_kb(), 5120);
	f.opts.buffer_bytes = 1;
	assert_int_equal(buffer_kb(), 1);
}

/* As much as the busiest CPU writes in four seconds: lost events would have needed room as well. */
static void test_measured_size(void **state)
{
	char text[256];

	set_memory(1 << 20);
	f.opts.measure = true;
	snprintf(text, sizeof(text), "events/retryscope_%d/enable", (int)getpid());
	fake_instance_write(&f.fh, getpid(), text, "1");
	fake_instance_write(&f.fh, getpid(), "trace", "what was recorded meanwhile\n");
	/* 100 bytes and what is lost by division each. */
	snprintf(text, sizeof(text),
		 "entries: 100000\noverrun: 60000\ncommit overrun: 0\n"
		 "bytes: 10000000\ndropped events: 40000\nread events: 0\n");
	fake_instance_write(&f.fh, getpid(), "per_cpu/cpu0/stats", text);
	rs_session_close(start(), NULL);
	assert_int_equal(strtoul(instance_file("buffer_size_kb"), NULL, 10),
			 (200000UL * 101 * 4 + 1023) / 1024);
	assert_string_equal(instance_file("events/kvm/kvm_page_fault/enable"), "1");
	assert_string_equal(instance_file("events/kvm/enable"), "0");
	snprintf(text, sizeof(text), "events/retryscope_%d/enable", (int)getpid());
	assert_string_equal(instance_file(text), "0");
	assert_string_equal(instance_file("trace"), "");
	fake_host_remove(&f.fh, "/run");
	fake_host_write(&f.fh, "/run/other", "not ours\n");
	/* None is there yet, and still it is known how much it lost. */
	fake_instance_make(&f.fh, getpid());
	fake_instance_write(&f.fh, getpid(), "per_cpu/cpu0/stats", "entries: 0\noverrun: 100000\n");
	rs_session_close(start(), NULL);
	assert_int_equal(strtoul(instance_file("buffer_size_kb"), NULL, 10),
			 100000 * 96 * 4 / 1024);
	fake_host_remove(&f.fh, "/run");
	fake_host_write(&f.fh, "/run/other", "not ours\n");
	/* A quiet host gets what is usual. */
	fake_instance_make(&f.fh, getpid());
	rs_session_close(start(), NULL);
	assert_int_equal(strtoul(instance_file("buffer_size_kb"), NULL, 10), 16384);
}

/*
 * A kernel whose buffers are as small as at boot makes the top-level one large at the first
 * write to an event's switch: one comes before this instance's gets its size.
 */
static void test_boot_buffers(void **state)
{
	fake_instance_write(&f.fh, getpid(), "events/kvm/kvm_page_fault/enable", "as it was");
	f.opts.buffer_bytes = 1 << 20;
	rs_session_close(start(), NULL);
	assert_int_equal(*instance_file("events/kvm/kvm_page_fault/enable"), '0');
}

/* The time is that of the whole world, wherever the host is. */
static void test_start_time(void **state)
{
	static const char key[] = "retryscope-fact start.time ";
	const char *old = getenv("TZ"), *text;
	struct tm tm = { 0 };

	setenv("TZ", "XYZ-5", 1);
	tzset();
	rs_session_close(start(), NULL);
	if (old)
		setenv("TZ", old, 1);
	else
		unsetenv("TZ");
	tzset();
	text = strstr(instance_file("trace_marker"), key);
	assert_non_null(text);
	text = strptime(text + strlen(key), "%Y-%m-%dT%H:%M:%SZ", &tm);
	assert_true(text && *text == '\n');
	assert_true(llabs((long long)(timegm(&tm) - time(NULL))) < 3600);
}

static void add_descriptor(pid_t pid, const char *name, const char *target);
static void add_process(pid_t pid, const char *comm, pid_t first_task, unsigned int tasks);

static unsigned int times_in(const char *text, const char *word)
{
	unsigned int n = 0;

	while ((text = strstr(text, word))) {
		text++;
		n++;
	}
	return n;
}

static void test_statistics(void **state)
{
	const struct rs_session_stats *st;
	struct rs_session *s;
	char path[64];

	fake_instance_write(&f.fh, getpid(), "per_cpu/cpu0/stats",
			    "entries: 3\noverrun: 20\ncommit overrun: 400\nbytes: 300\n"
			    "dropped events: 8000\nread events: 7\n");
	s = start();
	st = rs_session_stats(s);
	assert_int_equal(st->nr_vms, 0);
	add_process(42, "qemu-system-x86\n", 42, 1);
	add_descriptor(42, "10", "anon_inode:kvm-vm");
	/* Only files of a CPU are what was taken out of the buffers. */
	snprintf(path, sizeof(path), "/out/x.dat.part-%d/trace.dat", (int)getpid());
	fake_host_write(&f.fh, path, "the begin of the output");
	sleep(1);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	assert_int_equal(st->nr_vms, 1);
	assert_int_equal(st->events, 10);
	assert_int_equal(st->lost, 8420);
	assert_int_equal(st->bytes, 310);
	assert_int_equal(st->cpus[0].commit_overrun, 400);
	assert_true(st->elapsed_ns >= 1000000000 && st->elapsed_ns < 60000000000);
	assert_true(st->events_per_s > 0 && st->events_per_s <= 10);
	assert_int_equal((int)(st->events_per_s * (double)st->elapsed_ns / 1e9 + 0.5), 10);
	sleep(1);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	assert_true(st->events_per_s == 0);
	fake_instance_write(&f.fh, getpid(), "tracing_on", "0");
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	/* It is on: what is marked would be lost else. */
	assert_int_equal(*instance_file("tracing_on"), '1');
	assert_int_equal(st->lost, 8420);
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact lost.cpu0 overrun=20 "
						  "commit_overrun=400 dropped=8000\n"));
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact end.time "));
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact end.mono_ns "));
	/* Once more behind all other marks, which may have taken the place of events. */
	assert_int_equal(times_in(get("/out/x.dat"), "retryscope-fact lost.cpu0 "), 2);
	rs_session_close(s, NULL);
}

/* Readers that outlive their trace-cmd, and write on for ever, end with the recording. */
static void test_readers_end(void **state)
{
	static const char script[] =
		"#!/bin/sh\ninstance=$(dirname \"$0\")/../.." FAKE_TRACING "/instances/$3\n"
		"trap 'echo x >trace.dat; exit 0' INT\n"
		"sleep 20 &\n"
		"echo $! >\"$(dirname \"$0\")/../../reader\"\n"
		"echo 1 >\"$instance/tracing_on\"\n"
		"while :; do sleep 0.05; done\n";
	struct rs_session *s;
	int status = 0;
	pid_t reader;

	fake_trace_cmd_set(&f.fh, script);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	f.opts.buffer_bytes = 1 << 20;
	s = start();
	reader = (pid_t)atoi(get("/reader"));
	assert_true(reader > 1);
	assert_int_equal(rs_session_finish(s, &f.err), 0);
	rs_session_close(s, NULL);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Whoever has the folder around may put another folder in the place of ours: that stays. */
static void test_other_folder(void **state)
{
	struct rs_session *s;
	char ours[256], away[256];

	f.opts.buffer_bytes = 1 << 20;
	s = start();
	snprintf(ours, sizeof(ours), "%s.part-%d", f.out, (int)getpid());
	snprintf(away, sizeof(away), "%s.away", f.out);
	assert_int_equal(rename(ours, away), 0);
	assert_int_equal(mkdir(ours, 0700), 0);
	rs_session_close(s, NULL);
	assert_int_equal(access(ours, F_OK), 0);
}

/* An output may be in the root folder itself. */
static void test_folder_names(void **state)
{
	static const struct {
		const char *path, *dir;
	} cases[] = { { "/x.dat", "/" }, { "/tmp/x.dat", "/tmp" }, { "//x.dat", "/" } };
	struct rs_folder folder;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rs_folder_open_dir(&folder, cases[i].path, 7), 0);
		assert_string_equal(folder.dir, cases[i].dir);
		assert_string_equal(folder.output, "x.dat");
		assert_string_equal(folder.name, "x.dat.part-7");
		rs_folder_close(&folder);
	}
	assert_int_equal(rs_folder_open_dir(&folder, "/no/such/x.dat", 7), -ENOENT);
	rs_folder_close(&folder);
}

/* A VM's process is what a filter by process needs to be told: without it there is none. */
static void test_no_pid_told(void **state)
{
	struct fake_host usual = f.fh;

	fake_host_make_without(&f.fh, TEST_DATA "/probe/6.12.types", " userspace_pid ");
	fake_host_write(&f.fh, "/run/other", "not ours\n");
	fake_host_free(&usual);
	fake_trace_cmd_set(&f.fh, fake_trace_cmd_good);
	fake_instance_make(&f.fh, getpid());
	snprintf(f.out, sizeof(f.out), "%s/x.dat", f.fh.root);
	f.opts.root = f.fh.root;
	f.opts.pid = getpid();
	f.opts.buffer_bytes = 1 << 20;
	assert_null(rs_session_start(&f.opts, &f.err));
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(f.err.kind, RS_ERR_HOST);
	assert_non_null(strstr(f.err.text, "record without --pid"));
}

static uint64_t free_bytes(void)
{
	struct statvfs st;

	assert_int_equal(statvfs(f.fh.root, &st), 0);
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static void set_bytes(uint64_t bytes)
{
	char text[64];

	snprintf(text, sizeof(text), "entries: 3\nbytes: %" PRIu64 "\n", bytes);
	fake_instance_write(&f.fh, getpid(), "per_cpu/cpu0/stats", text);
	usleep(1100000);
}

/* The files of trace-cmd are as large without being on the disk. */
static void set_file(uint64_t bytes)
{
	char path[256];

	snprintf(path, sizeof(path), "%s.part-%d/trace.dat.retryscope_%d.cpu0", f.out,
		 (int)getpid(), (int)getpid());
	assert_int_equal(truncate(path, (off_t)bytes), 0);
	usleep(1100000);
}

/*
 * What is in the buffers comes into files first and into the output then, what is
 * in files into the output alone.
 */
static void test_space(void **state)
{
	struct rs_session *s = start();
	const uint64_t space = free_bytes();

	if (space < 1ULL << 30) {
		rs_session_close(s, NULL);
		test_skip("less than 1 GiB is free in /tmp");
	}
	set_bytes(space / 4);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	set_bytes(space / 4 * 3);
	if (rs_session_poll(s, &f.err) != RS_SESSION_NO_SPACE)
		fail_msg("there is not room twice for what is in the buffers");
	set_bytes(0);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	set_file(space / 4 * 3);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	set_file(space / 4 * 5);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_NO_SPACE);
	set_file(10);
	set_bytes(0);
	assert_int_equal(rs_session_poll(s, &f.err), RS_SESSION_RUNS);
	rs_session_close(s, NULL);
}

static void add_descriptor(pid_t pid, const char *name, const char *target)
{
	char path[128], link[512];

	snprintf(path, sizeof(path), "/proc/%d/fd/.keep", (int)pid);
	fake_host_write(&f.fh, path, "");
	fake_host_remove(&f.fh, path);
	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, name);
	full_path(link, sizeof(link), path);
	assert_int_equal(symlink(target, link), 0);
}

static void add_process(pid_t pid, const char *comm, pid_t first_task, unsigned int tasks)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fake_host_write(&f.fh, path, comm);
	for (unsigned int i = 0; i < tasks; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid,
			 (int)(first_task + (int)i));
		fake_host_write(&f.fh, path, "");
	}
}

static const char *fact(const struct rs_capture_facts *facts, const char *key)
{
	for (size_t i = 0; i < facts->nr; i++)
		if (!strcmp(facts->list[i].key, key))
			return facts->list[i].value;
	return NULL;
}

/* Only a VM's own descriptor is one: not KVM's, nor a vCPU's. */
static void test_vms(void **state)
{
	static const char *const others[] = { "/dev/kvm",	   "anon_inode:kvm-vcpu:0",
					      "anon_inode:kvm-v",  "anon_inode:kvm-vmx",
					      "socket:[1234567]",  "anon_inode:kvm-gmem",
					      "/tmp/anon_inode:x", "pipe:[12345678901]" };
	struct rs_host *h = rs_host_open(f.fh.root, NULL);
	struct rs_capture_facts facts = { 0 };
	struct rs_vm_list list = { 0 };

	assert_non_null(h);
	add_process(41, "beside\n", 41, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char name[8];

		snprintf(name, sizeof(name), "%zu", i);
		add_descriptor(41, name, others[i]);
	}
	assert_int_equal(rs_vms_scan(&list, h, 0), 0);
	if (list.nr)
		fail_msg("process %d is taken for one with a VM", (int)list.vms[0].pid);
	add_process(42, "qemu-system-x86\n", 42, 3);
	add_descriptor(42, "9", "/dev/kvm");
	add_descriptor(42, "10", "anon_inode:kvm-vm");
	add_descriptor(42, "11", "anon_inode:kvm-vm");
	add_process(43, "other vmm\n", 43, 1);
	add_descriptor(43, "1", "anon_inode:kvm-vm");
	fake_host_write(&f.fh, "/proc/44x/fd/1", "");
	assert_int_equal(rs_vms_scan(&list, h, 42), 0);
	assert_int_equal(list.nr, 1);
	assert_int_equal(list.vms[0].pid, 42);
	assert_string_equal(list.vms[0].command, "qemu-system-x86");
	assert_int_equal(list.vms[0].nr_tasks, 3);
	assert_int_equal(rs_vms_scan(&list, h, 0), 0);
	assert_int_equal(list.nr, 2);
	/* Threads come and go; what was seen once stays, and is there once. */
	fake_host_remove(&f.fh, "/proc/42/task/43");
	add_process(42, "renamed\n", 45, 1);
	assert_int_equal(rs_vms_scan(&list, h, 0), 0);
	assert_int_equal(list.vms[0].nr_tasks, 4);
	fake_host_remove(&f.fh, "/proc/42");
	assert_int_equal(rs_vms_scan(&list, h, 0), 0);
	assert_int_equal(rs_vms_scan(&list, h, 42), 0);
	assert_int_equal(list.nr, 2);
	assert_int_equal(rs_vms_add_facts(&list, &facts), 0);
	assert_string_equal(fact(&facts, "vm.42"), "qemu-system-x86");
	assert_string_equal(fact(&facts, "vm.43"), "other vmm");
	assert_int_equal(strlen(fact(&facts, "vm.42.tasks.0")), strlen("42 43 44 45"));
	assert_string_equal(fact(&facts, "vm.43.tasks.0"), "43");
	assert_null(fact(&facts, "vm.41"));
	rs_facts_free(&facts);
	rs_vms_free(&list);
	assert_int_equal(list.nr, 0);
	rs_host_close(h);
}

/* A marker has room for so many: more are told in further ones, none is left out. */
static void test_many_tasks(void **state)
{
	struct rs_host *h = rs_host_open(f.fh.root, NULL);
	struct rs_capture_facts facts = { 0 };
	struct rs_vm_list list = { 0 };
	char text[4096] = " ", task[16];

	add_process(42, "many\n", 1000001, 130);
	add_descriptor(42, "1", "anon_inode:kvm-vm");
	assert_int_equal(rs_vms_scan(&list, h, 42), 0);
	assert_int_equal(rs_vms_add_facts(&list, &facts), 0);
	assert_int_equal(facts.nr, 1 + 3);
	for (int i = 0; i < 3; i++) {
		char key[32];
		const char *value;

		snprintf(key, sizeof(key), "vm.42.tasks.%d", i);
		value = fact(&facts, key);
		assert_non_null(value);
		assert_int_equal(strlen(value), (i < 2 ? 64 : 2) * 8 - 1);
		strcat(strcat(text, value), " ");
	}
	for (int i = 0; i < 130; i++) {
		snprintf(task, sizeof(task), " %d ", 1000001 + i);
		assert_non_null(strstr(text, task));
	}
	rs_facts_free(&facts);
	rs_vms_free(&list);
	rs_host_close(h);
}

static void put_note(int pid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_note(int pid, const char *fmt, ...)
{
	char path[64], text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "/run/retryscope-%d", pid);
	fake_host_write(&f.fh, path, text);
}

static void clean(unsigned int removed, unsigned int rescued)
{
	struct rs_cleanup_result result;

	if (rs_session_cleanup(f.fh.root, &result, &f.err))
		fail_msg("the cleanup fails: %s", f.err.text);
	assert_int_equal(result.removed, removed);
	assert_int_equal(result.rescued, rescued);
	assert_int_equal(result.alive, 0);
	free(result.remarks);
}

/* Its recorder was killed while it wrote a line: part of a name may be somebody else's. */
static void test_unfinished_note(void **state)
{
	static const char probes[] = "p:retryscope_1/fault x\n";
	static const char *const notes[] = {
		"retryscope-state 1\ngroup retryscope_1",
		"retryscope-state 2\ngroup 13 retryscope_1",
		"retryscope-state 2\ngroup 12 retryscope_1",
		"retryscope-state 2\ngroup 12 retryscope_12\n",
		"retryscope-state 2\ngroup 12",
		"retryscope-state 2\ngroup",
	};

	fake_host_write(&f.fh, FAKE_TRACING "/kprobe_events", probes);
	fake_host_write(&f.fh, FAKE_TRACING "/instances/retryscope_1/tracing_on", "1");
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		put_note(12, "%s", notes[i]);
		clean(1, 0);
		if (strcmp(get(FAKE_TRACING "/kprobe_events"), probes) ||
		    strcmp(get(FAKE_TRACING "/instances/retryscope_1/tracing_on"), "1"))
			fail_msg("a line that was not finished is taken: %s", notes[i]);
		assert_false(exists("/run/retryscope-12"));
	}
}

/* What only has such a name names nothing that is to be removed. */
static void test_no_note(void **state)
{
	struct rs_cleanup_result result;

	fake_host_write(&f.fh, "/out/x.dat.part-7/trace.dat", "whole\n");
	put_note(7, "retryscope-state 9\nfolder %s/out/x.dat.part-7\noutput %s/out/x.dat\n",
		 f.fh.root, f.fh.root);
	fake_host_write(&f.fh, "/run/retryscope-7x", "retryscope-state 1\n");
	fake_host_write(&f.fh, "/run/retryscope-", "retryscope-state 1\n");
	fake_host_write(&f.fh, "/run/retryscop-7", "retryscope-state 1\n");
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 0);
	assert_int_equal(result.foreign, 1);
	assert_true(exists("/out/x.dat.part-7/trace.dat"));
	put_note(7, "retryscope-state 1\nfolder\nunknown %s\nfolders %s/out/x.dat.part-7\n",
		 f.fh.root, f.fh.root);
	clean(1, 0);
	assert_true(exists("/out/x.dat.part-7/trace.dat"));
	assert_true(exists("/run/retryscope-7x"));
	assert_true(exists("/run/retryscope-"));
	assert_true(exists("/run/retryscop-7"));
}

/* As many captures as could not have their name, so many are told of where they are. */
static void test_remarks(void **state)
{
	struct rs_cleanup_result result;
	char path[64];

	for (int i = 7; i < 10; i++) {
		snprintf(path, sizeof(path), "/out/%d.dat", i);
		fake_host_write(&f.fh, path, "older\n");
		snprintf(path, sizeof(path), "/out/%d.dat.part-%d/trace.dat", i, i);
		fake_host_write(&f.fh, path, "whole\n");
		put_note(i,
			 "retryscope-state 1\nfolder %s/out/%d.dat.part-%d\noutput %s/out/%d.dat\n",
			 f.fh.root, i, i, f.fh.root, i);
	}
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.rescued, 3);
	assert_non_null(result.remarks);
	for (int i = 7; i < 10; i++) {
		snprintf(path, sizeof(path), " is %d.dat.%d\n", i, i);
		assert_non_null(strstr(result.remarks, path));
	}
	free(result.remarks);
}

/* Version 1 did not note which folder it made: what all may write to may be another's. */
static void test_old_folder_of_all(void **state)
{
	struct rs_cleanup_result result;
	char full[256];

	fake_host_write(&f.fh, "/out/x.dat.part-7/trace.dat", "whole\n");
	full_path(full, sizeof(full), "/out/x.dat.part-7");
	assert_int_equal(chmod(full, 0777), 0);
	put_note(7, "retryscope-state 1\nfolder %s/out/x.dat.part-7\noutput %s/out/x.dat\n",
		 f.fh.root, f.fh.root);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.rescued, 0);
	assert_non_null(strstr(result.remarks, "is not the folder that was noted"));
	free(result.remarks);
	assert_string_equal(get("/out/x.dat.part-7/trace.dat"), "whole\n");
	assert_false(exists("/out/x.dat"));
}

/* Groups that begin as ours do are somebody else's. */
static void test_foreign_groups(void **state)
{
	static const char *const groups[] = { "retryscope_", "retryscope_7x", "retryscope",
					      "mine",	     "retryscope_-7", "xretryscope_7" };
	static const char probes[] = "p:retryscope_/a x\np:retryscope_7x/a x\np:retryscope/a x\n"
				     "p:mine/a x\np:retryscope_-7/a x\np:xretryscope_7/a x\n"
				     "p:retryscope_77/a x\n";
	char path[128];

	fake_host_write(&f.fh, FAKE_TRACING "/kprobe_events", probes);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		snprintf(path, sizeof(path), FAKE_TRACING "/instances/%s/tracing_on", groups[i]);
		fake_host_write(&f.fh, path, "1");
		put_note(7, "retryscope-state 1\ngroup %s\n", groups[i]);
		clean(1, 0);
		if (!exists(path) || strcmp(get(path), "1"))
			fail_msg("the instance %s was touched", groups[i]);
	}
	put_note(7, "retryscope-state 1\ngroup retryscope_7\n");
	clean(1, 0);
	assert_string_equal(get(FAKE_TRACING "/kprobe_events"), probes);
}

/* A process by that name, in a group of its own or in that of @group. */
static pid_t make_process(const char *comm, pid_t group)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		setpgid(0, group);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The signal that a process has died of; 0: it lives. */
static int died_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return 0;
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

/* When it began, as /proc/PID/stat has it in its 22nd field. */
static unsigned long long began(pid_t pid)
{
	char path[64], text[1024], *at;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	in = fopen(path, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	at = strrchr(text, ')');
	for (int i = 0; at && i < 20; i++)
		at = strchr(at + 1, ' ');
	assert_non_null(at);
	return strtoull(at, NULL, 10);
}

static void note_writer(pid_t group, unsigned long long start)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %llu", (int)group, start);
	put_note(7, "retryscope-state 2\nwriter %zu %s\n", strlen(text), text);
}

static void waits_for_others(int sig)
{
	static const char text[] = "the cleanup waits for a process that is none of its writers\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
		_exit(1);
	_exit(1);
}

/* A host whose processes are this machine's. */
static void take_processes(void)
{
	char path[128];

	fake_host_remove(&f.fh, "/proc");
	full_path(path, sizeof(path), "/proc");
	assert_int_equal(symlink("/proc", path), 0);
}

static void is_left_alone(const char *what, pid_t pid, pid_t group, unsigned long long start)
{
	int sig;

	note_writer(group, start);
	alarm(10);
	clean(1, 0);
	alarm(0);
	sig = died_of(pid);
	if (sig)
		fail_msg("%s was killed by signal %d", what, sig);
}

/*
 * Whatever has another process group or another name, or began at another time, is
 * not ours, and is neither waited for nor killed.
 */
static void test_foreign_processes(void **state)
{
	pid_t leader, other, pid;

	take_processes();
	signal(SIGALRM, waits_for_others);
	leader = make_process("leader", 0);
	other = make_process("trace-cmd", 0);
	is_left_alone("a trace-cmd of another group", other, leader, began(leader));
	is_left_alone("a trace-cmd that began later", other, other, began(other) - 1);
	is_left_alone("a trace-cmd that began before", other, other, began(other) + 1);
	is_left_alone("a trace-cmd of nobody", other, 0, 0);
	pid = make_process("trace-cmdx", leader);
	is_left_alone("what is called nearly so", pid, leader, began(leader));
	end_process(pid);
	pid = make_process("xtrace-cmd", leader);
	is_left_alone("what is called nearly so", pid, leader, began(leader));
	end_process(pid);
	pid = make_process("trace-cmd", leader);
	is_left_alone("a reader that is older than its writer", pid, leader, began(pid) + 1);
	end_process(pid);
	/* One that has ended, and for whose end nobody waits. */
	pid = make_process("trace-cmd", leader);
	kill(pid, SIGTERM);
	usleep(100000);
	note_writer(leader, began(leader));
	alarm(10);
	clean(1, 0);
	alarm(0);
	assert_int_equal(died_of(pid), SIGTERM);
	end_process(other);
	end_process(leader);
	signal(SIGALRM, SIG_DFL);
}

/* Below another root the same numbers are other processes. */
static void test_processes_of_another_machine(void **state)
{
	pid_t pid = make_process("trace-cmd", 0);
	char path[64], text[256];

	signal(SIGALRM, waits_for_others);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	snprintf(text, sizeof(text),
		 "%d (trace-cmd) S 1 %d 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0\n", (int)pid,
		 (int)pid, began(pid));
	fake_host_write(&f.fh, path, text);
	is_left_alone("a process of this machine", pid, pid, began(pid));
	end_process(pid);
	signal(SIGALRM, SIG_DFL);
}

/* Readers whose trace-cmd is gone end never: they are killed. */
static void test_writers_without_a_leader(void **state)
{
	pid_t leader = make_process("trace-cmd", 0), reader = make_process("trace-cmd", leader);
	unsigned long long start = began(leader);

	take_processes();
	end_process(leader);
	note_writer(leader, start);
	clean(1, 0);
	assert_int_equal(died_of(reader), SIGKILL);
}

static void *end_soon(void *arg)
{
	const pid_t *pid = arg;

	usleep(500000);
	fake_host_write(&f.fh, "/out/x.dat.part-7/trace.dat", "whole\n");
	kill(*pid, SIGTERM);
	return NULL;
}

/* A trace-cmd that was told to end is given the time to write its file. */
static void test_writer_that_ends(void **state)
{
	pid_t pid = make_process("trace-cmd", 0);
	char dir[160], writer[64];
	pthread_t thread;

	take_processes();
	snprintf(dir, sizeof(dir), "%s/out", f.fh.root);
	snprintf(writer, sizeof(writer), "%d %llu", (int)pid, began(pid));
	fake_host_write(&f.fh, "/out/x.dat.part-7/trace.dat.cpu0", "");
	fake_host_remove(&f.fh, "/out/x.dat.part-7/trace.dat.cpu0");
	put_note(7,
		 "retryscope-state 2\ndir %zu %s\noutput 5 x.dat\nfolder 12 x.dat.part-7\n"
		 "folder_id 3 0:0\nwriter %zu %s\n",
		 strlen(dir), dir, strlen(writer), writer);
	assert_int_equal(pthread_create(&thread, NULL, end_soon, &pid), 0);
	clean(1, 0);
	pthread_join(thread, NULL);
	assert_int_equal(died_of(pid), SIGTERM);
}

/* The recorder of this very pid was killed: its remains go before ours are made. */
static void test_note_of_our_pid(void **state)
{
	struct rs_session *s;
	char path[64];

	snprintf(path, sizeof(path), "/out/y.dat.part-%d/trace.dat", (int)getpid());
	fake_host_write(&f.fh, path, "whole\n");
	put_note(getpid(), "retryscope-state 1\nfolder %s/out/y.dat.part-%d\noutput %s/out/y.dat\n",
		 f.fh.root, (int)getpid(), f.fh.root);
	s = start();
	assert_string_equal(get("/out/y.dat"), "whole\n");
	assert_false(exists(path));
	snprintf(path, sizeof(path), "/run/retryscope-%d", (int)getpid());
	assert_null(strstr(get(path), "y.dat"));
	assert_non_null(strstr(get(path), " x.dat.part-"));
	rs_session_close(s, NULL);
}

/* One that is locked is of a recorder that lives, whatever it says. */
static void test_locked_note(void **state)
{
	struct rs_cleanup_result result;
	char path[512];
	int fd;

	put_note(7, "retryscope-state 1\ngroup retryscope_7\n");
	full_path(path, sizeof(path), "/run/retryscope-7");
	fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.alive, 1);
	assert_int_equal(result.removed, 0);
	assert_true(exists("/run/retryscope-7"));
	close(fd);
	clean(1, 0);
	/* A link may lead anywhere. */
	fake_host_write(&f.fh, "/out/note", "retryscope-state 1\ngroup retryscope_7\n");
	assert_int_equal(symlink("../out/note", path), 0);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 0);
	assert_int_equal(result.foreign, 1);
	assert_true(exists("/out/note"));
}

/* What is no file at all is no note, and none of ours: a folder, a socket, a pipe. */
static void test_no_file(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct rs_cleanup_result result;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[512];

	assert_true(fd >= 0);
	fake_host_write(&f.fh, "/run/retryscope-5/file", "not ours\n");
	full_path(at.sun_path, sizeof(at.sun_path), "/run/retryscope-6");
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	full_path(path, sizeof(path), "/run/retryscope-7");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(rs_session_cleanup(f.fh.root, &result, &f.err), 0);
	assert_int_equal(result.removed, 0);
	assert_int_equal(result.foreign, 3);
	assert_string_equal(get("/run/retryscope-5/file"), "not ours\n");
	assert_true(exists("/run/retryscope-6"));
	assert_true(exists("/run/retryscope-7"));
	close(fd);
}

/* A note of our number that another holds is its: no recording, and it stays as it is. */
static void test_note_of_our_pid_is_locked(void **state)
{
	char path[64], full[512];
	int fd;

	put_note(getpid(), "retryscope-state 1\ngroup retryscope_7\n");
	snprintf(path, sizeof(path), "/run/retryscope-%d", (int)getpid());
	full_path(full, sizeof(full), path);
	fd = open(full, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_null(rs_session_start(&f.opts, &f.err));
	assert_int_equal(f.err.kind, RS_ERR_HOST);
	assert_non_null(strstr(f.err.text, "cannot lock "));
	assert_string_equal(get(path), "retryscope-state 1\ngroup retryscope_7\n");
	close(fd);
}

#define session_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(test_buffer_size),
		session_test(test_measured_size),
		session_test(test_boot_buffers),
		session_test(test_start_time),
		session_test(test_statistics),
		session_test(test_readers_end),
		session_test(test_other_folder),
		session_test(test_folder_names),
		session_test(test_no_pid_told),
		session_test(test_space),
		session_test(test_vms),
		session_test(test_many_tasks),
		session_test(test_unfinished_note),
		session_test(test_no_note),
		session_test(test_remarks),
		session_test(test_old_folder_of_all),
		session_test(test_foreign_groups),
		session_test(test_foreign_processes),
		session_test(test_processes_of_another_machine),
		session_test(test_writers_without_a_leader),
		session_test(test_writer_that_ends),
		session_test(test_note_of_our_pid),
		session_test(test_locked_note),
		session_test(test_no_file),
		session_test(test_note_of_our_pid_is_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
