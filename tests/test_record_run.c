// SPDX-License-Identifier: GPL-2.0-only
/*
 * `retryscope record` as its user has it, from its options to its exit code, in a
 * made-up host: what it says and why it ended, what it makes and with which
 * permissions, and that nothing is left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/fake_host.h"
#include "tests/common/fake_tracing.h"
#include "tests/common/program.h"

/* Of somebody else; the second is of a group whose name begins as ours does. */
#define OTHER_PROBES "p:mine/open do_sys_openat2\np:retryscope_/x do_sys_openat2\n"

struct run {
	struct fake_host fh;
	char out[128];
	bool no_instance, events_on;
	const char *stats; /* of CPU 0, if they are not the usual ones */
	struct program p;
};

static struct run r;

static int setup(void **state)
{
	memset(&r, 0, sizeof(r));
	fake_host_make(&r.fh, TEST_DATA "/probe/6.12.types");
	fake_host_write(&r.fh, "/run/other", "not ours\n");
	fake_host_write(&r.fh, "/out/other", "not ours\n");
	fake_host_write(&r.fh, FAKE_TRACING "/kprobe_events", OTHER_PROBES);
	fake_host_write(&r.fh, FAKE_TRACING "/kprobe_profile", "");
	fake_trace_cmd_set(&r.fh, fake_trace_cmd_good);
	snprintf(r.out, sizeof(r.out), "%s/out/x.dat", r.fh.root);
	return 0;
}

static int teardown(void **state)
{
	fake_host_free(&r.fh);
	return 0;
}

static char *get(const char *path)
{
	static char text[1 << 17];
	char full[512];
	FILE *in;

	snprintf(full, sizeof(full), "%s%s", r.fh.root, path);
	in = fopen(full, "r");
	if (!in)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

static void event_file(pid_t pid, const char *event, char *name, size_t size)
{
	snprintf(name, size, "events/retryscope_%d/%s/enable", (int)pid, event);
}

static void write_event(pid_t pid, const char *event, const char *text)
{
	char name[128];

	event_file(pid, event, name, sizeof(name));
	fake_instance_write(&r.fh, pid, name, text);
}

/* What is in the switch of a recorder's event. */
static char event_is(const char *event)
{
	char name[128], path[256];

	event_file(r.p.pid, event, name, sizeof(name));
	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/%s", (int)r.p.pid,
		 name);
	return *get(path);
}

/* When that was written last. */
static uint64_t switched(const char *event)
{
	char name[128], path[256];
	struct stat st;

	event_file(r.p.pid, event, name, sizeof(name));
	snprintf(path, sizeof(path), "%s" FAKE_TRACING "/instances/retryscope_%d/%s", r.fh.root,
		 (int)r.p.pid, name);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

static void before(void *arg, pid_t pid)
{
	if (r.no_instance)
		return;
	fake_instance_make(&r.fh, pid);
	if (r.stats)
		fake_instance_write(&r.fh, pid, "per_cpu/cpu0/stats", r.stats);
	if (r.events_on) {
		write_event(pid, "memslot", "1");
		write_event(pid, "fault_check", "1");
	}
}

static void start_with(struct program_opts *o, const char *const *args)
{
	const char *argv[32] = { RETRYSCOPE, "record", "--root", r.fh.root };
	size_t n = 4;

	while (*args && n < 31)
		argv[n++] = *args++;
	assert_null(*args);
	o->argv = argv;
	o->before = before;
	o->preload = FAKE_TRACEFS;
	program_start(&r.p, o);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define OUTPUT "-o", r.out, "--buffer", "64K"

static void start(const char *const *args)
{
	struct program_opts o = { 0 };

	start_with(&o, args);
}

static void says(const char *text)
{
	if (!strstr(r.p.err.text, text))
		fail_msg("'%s' is not what it said: %s", text, r.p.err.text);
}

static void says_not(const char *text)
{
	if (strstr(r.p.err.text, text))
		fail_msg("'%s' is in what it said: %s", text, r.p.err.text);
}

static void ends_with(int code)
{
	int got = program_end(&r.p);

	if (got != code)
		fail_msg("it ended with %d, not %d, and said: %s", got, code, r.p.err.text);
	assert_string_equal(r.p.out.text, "");
}

static void says_one_line(const char *text)
{
	says(text);
	assert_int_equal(strncmp(r.p.err.text, "retryscope: ", 12), 0);
	assert_ptr_equal(strchr(r.p.err.text, '\n'), r.p.err.text + r.p.err.len - 1);
}

/* Names in a folder of the host, without those that were there before. */
static unsigned int left_in(const char *path)
{
	char full[512];
	struct dirent *entry;
	unsigned int n = 0;
	DIR *d;

	snprintf(full, sizeof(full), "%s%s", r.fh.root, path);
	d = opendir(full);
	while (d && (entry = readdir(d)))
		if (*entry->d_name != '.' && strcmp(entry->d_name, "other"))
			n++;
	if (d)
		closedir(d);
	return n;
}

/* Of the recorder nothing is there but its output, and nobody else's probe was touched. */
static void nothing_left(bool output)
{
	assert_int_equal(left_in("/run"), 0);
	assert_int_equal(left_in("/out"), output);
	assert_int_equal(left_in(FAKE_TRACING "/instances"), 0);
	assert_string_equal(get(FAKE_TRACING "/kprobe_events"), OTHER_PROBES);
}

static void wait_until_it_records(void)
{
	char path[128];

	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/trace_marker",
		 (int)r.p.pid);
	for (int i = 0; i < 3000; i++) {
		char *text = get(path);

		/* The last of the facts that are marked at the beginning. */
		if (text && strstr(text, "start.mono_ns"))
			return;
		if (program_has_ended(&r.p))
			fail_msg("it ended before it recorded: %s", r.p.err.text);
	}
	fail_msg("it does not begin to record");
}

static void test_duration(void **state)
{
	start(ARGS(OUTPUT, "--duration", "300ms"));
	ends_with(0);
	says("/out/x.dat: 10 events in ");
	says(" of 0 VMs, ");
	says(" MiB, buffers of 64 KiB per CPU, level full\n");
	says("retryscope: 7 events lost: CPU 0 7; a larger --buffer loses fewer\n");
	says_not("stopped:");
	says_not("not recorded");
	says_not("missed");
	says_not("\r");
	nothing_left(true);
}

static mode_t mode_of(const char *path)
{
	char full[512];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", r.fh.root, path);
	if (stat(full, &st))
		fail_msg("there is no %s", full);
	return st.st_mode & 0777;
}

/* What was captured is of the whole host: no one else may read it, whatever the umask. */
static void test_permissions(void **state)
{
	mode_t mask = umask(0);
	char path[256];

	start(ARGS(OUTPUT, "--duration", "30s"));
	wait_until_it_records();
	umask(mask);
	snprintf(path, sizeof(path), "/out/x.dat.part-%d", (int)r.p.pid);
	assert_int_equal(mode_of(path), 0700);
	snprintf(path, sizeof(path), "/out/x.dat.part-%d/trace.dat.retryscope_%d.cpu0",
		 (int)r.p.pid, (int)r.p.pid);
	assert_int_equal(mode_of(path), 0600);
	snprintf(path, sizeof(path), "/run/retryscope-%d", (int)r.p.pid);
	assert_int_equal(mode_of(path), 0600);
	kill(r.p.pid, SIGINT);
	ends_with(130);
	assert_int_equal(mode_of("/out/x.dat"), 0600);
	nothing_left(true);
}

/* The note says what to remove, before it is made. */
static void test_note(void **state)
{
	char path[256], dir[160], expected[1024], id[64], folder_id[64], *text;
	struct stat st;
	int n;

	start(ARGS(OUTPUT, "--duration", "30s"));
	wait_until_it_records();
	snprintf(dir, sizeof(dir), "%s/out", r.fh.root);
	assert_int_equal(stat(dir, &st), 0);
	snprintf(id, sizeof(id), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	snprintf(path, sizeof(path), "%s.part-%d", r.out, (int)r.p.pid);
	assert_int_equal(stat(path, &st), 0);
	snprintf(folder_id, sizeof(folder_id), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	n = snprintf(expected, sizeof(expected),
		     "retryscope-state 2\ndir %zu %s\ndir_id %zu %s\noutput 5 x.dat\n"
		     "folder %zu x.dat.part-%d\ngroup %zu retryscope_%d\nfolder_id %zu %s\nwriter ",
		     strlen(dir), dir, strlen(id), id, strlen(strrchr(path, '/') + 1), (int)r.p.pid,
		     strlen(strrchr(path, '-') + 1) + strlen("retryscope_"), (int)r.p.pid,
		     strlen(folder_id), folder_id);
	snprintf(path, sizeof(path), "/run/retryscope-%d", (int)r.p.pid);
	text = get(path);
	assert_non_null(text);
	text[n] = '\0';
	assert_string_equal(text, expected);
	kill(r.p.pid, SIGTERM);
	ends_with(130);
}

static void test_quiet(void **state)
{
	start(ARGS(OUTPUT, "--duration", "200ms", "--quiet", "--without", "fault_verdict"));
	ends_with(0);
	says_one_line("7 events lost");
	nothing_left(true);
}

/* ... 1 is not many. */
static void test_one_lost(void **state)
{
	r.stats = "entries: 1\noverrun: 0\ncommit overrun: 1\nbytes: 10\n";
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	says("retryscope: 1 event lost: CPU 0 1;");
}

static void test_nothing_lost(void **state)
{
	r.stats = "entries: 1234567\noverrun: 0\ncommit overrun: 0\nbytes: 10\n";
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	says("1,234,567 events in ");
	says_not("lost");
}

static void test_max_size(void **state)
{
	start(ARGS(OUTPUT, "--max-size", "300"));
	ends_with(0);
	says("/out/x.dat: stopped: --max-size is reached; what was captured is kept\n");
	nothing_left(true);
}

/* Under the name asked for there is only what may be told; if that fails, nothing. */
static void test_anonymous(void **state)
{
	char script[1024], path[512], head[9] = "";
	FILE *f;

	snprintf(script, sizeof(script),
		 "#!/bin/sh\ninstance=$(dirname \"$0\")/../.." FAKE_TRACING "/instances/$3\n"
		 "trap 'cp \"%s\" trace.dat; rm -f *.cpu0; exit 0' INT\n"
		 "printf 0123456789 >trace.dat.$3.cpu0\necho 1 >\"$instance/tracing_on\"\n"
		 "while :; do sleep 0.05; done\n",
		 TEST_DATA "/../../traces/samples/6.1-alias3.dat");
	fake_trace_cmd_set(&r.fh, script);
	start(ARGS(OUTPUT, "--duration", "200ms", "--anonymous"));
	ends_with(0);
	nothing_left(true);
	snprintf(path, sizeof(path), "%s/out/x.dat", r.fh.root);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(head, 1, 8, f), 8);
	fclose(f);
	assert_memory_equal(head, "\x89RSTRACE", 8);

	/* The signal that ends the recording does not end that. */
	fake_host_remove(&r.fh, "/out/x.dat");
	start(ARGS(OUTPUT, "--anonymous"));
	wait_until_it_records();
	kill(r.p.pid, SIGINT);
	ends_with(130);
	nothing_left(true);
	fake_host_remove(&r.fh, "/out/x.dat");

	fake_trace_cmd_set(&r.fh, fake_trace_cmd_good);
	start(ARGS(OUTPUT, "--duration", "200ms", "--anonymous"));
	ends_with(1);
	says("/out/x.dat.recorded is what was recorded, with all names\n");
	assert_int_equal(left_in("/out"), 1);
}

/* What is in the kernel's buffers and what trace-cmd has taken out of them both count. */
static void test_max_size_is_of_both(void **state)
{
	start(ARGS(OUTPUT, "--max-size", "310"));
	ends_with(0);
	says("--max-size is reached");
	start(ARGS(OUTPUT, "--max-size", "311", "--duration", "1500ms"));
	ends_with(0);
	says_not("--max-size");
}

static const char *cleaned(const char *option)
{
	const char *argv[] = {
		RETRYSCOPE, "record", "--root", r.fh.root, "--cleanup", option, NULL
	};
	struct program_opts o = { .argv = argv, .preload = FAKE_TRACEFS };

	program_start(&r.p, &o);
	if (program_end(&r.p))
		fail_msg("it failed: %s", r.p.err.text);
	assert_string_equal(r.p.err.text, "");
	return r.p.out.text;
}

static void interrupt(int sig)
{
	start(ARGS(OUTPUT));
	wait_until_it_records();
	kill(r.p.pid, sig);
	ends_with(130);
	says("/out/x.dat: 10 events in ");
	nothing_left(true);
	assert_non_null(strstr(get("/out/x.dat"), "record -B retryscope_"));
	assert_non_null(strstr(get("/out/x.dat"), " --no-filter -o trace.dat -e "));
}

static void test_signals(void **state)
{
	interrupt(SIGINT);
	interrupt(SIGTERM);
	interrupt(SIGHUP);
	interrupt(SIGQUIT);
}

/*
 * Killed, it cannot tell anyone to end: trace-cmd writes its file all the same, and its command
 * ends. What was recorded gets its name by the cleanup.
 */
static void test_killed(void **state)
{
	char path[128], cpu[256], note[64], told[128];
	const char *writer;
	pid_t group;

	snprintf(told, sizeof(told), "%s/told", r.fh.root);
	start(ARGS(OUTPUT, "--", "sh", "-c",
		   "trap ': >\"$0\"; exit' TERM; echo begun; i=0\n"
		   "while [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.05; done",
		   told));
	assert_true(program_says(&r.p, &r.p.out, "begun\n"));
	snprintf(note, sizeof(note), "/run/retryscope-%d", (int)r.p.pid);
	writer = strstr(get(note), "\nwriter ");
	assert_non_null(writer);
	group = (pid_t)atoi(strchr(writer + 8, ' '));
	assert_true(group > 1);
	snprintf(path, sizeof(path), "/out/x.dat.part-%d/trace.dat", (int)r.p.pid);
	snprintf(cpu, sizeof(cpu), "%s.retryscope_%d.cpu0", path, (int)r.p.pid);
	kill(r.p.pid, SIGKILL);
	assert_int_equal(program_end(&r.p), -SIGKILL);
	for (int i = 0; i < 1500 && (!get(path) || get(cpu) || !get("/told")); i++)
		usleep(20000);
	kill(-group, SIGKILL);
	if (!get("/told"))
		fail_msg("the command goes on");
	if (!get(path) || get(cpu))
		fail_msg("trace-cmd goes on");
	assert_string_equal(cleaned(NULL), "1 killed recorder: removed what was left; "
					   "kept 1 complete capture\n");
	nothing_left(true);
}

/* Under nohup the terminal may go. */
static void test_nohup(void **state)
{
	struct program_opts o = { .ignore_hup = true };

	start_with(&o, ARGS(OUTPUT, "--duration", "1s"));
	wait_until_it_records();
	kill(r.p.pid, SIGHUP);
	ends_with(0);
	nothing_left(true);
}

static void test_interrupted_before_it_records(void **state)
{
	fake_trace_cmd_set(&r.fh, "#!/bin/sh\n: >\"$(dirname \"$0\")/../../run/other\"\n"
				  "exec sleep 1000\n");
	fake_host_remove(&r.fh, "/run/other");
	start(ARGS(OUTPUT));
	for (int i = 0; !get("/run/other") && i < 3000; i++)
		usleep(10000);
	kill(r.p.pid, SIGINT);
	ends_with(130);
	says_one_line("interrupted before it began to record");
	nothing_left(false);
}

static void test_command(void **state)
{
	start(ARGS(OUTPUT, "--", "true"));
	ends_with(0);
	says_not("ended with");
	says_not("was killed");
	nothing_left(true);
	start(ARGS(OUTPUT, "--", "sh", "-c", "exit 7"));
	ends_with(0);
	says("retryscope: sh ended with 7\n");
	nothing_left(true);
	start(ARGS(OUTPUT, "--", "sh", "-c", "kill -9 $$"));
	ends_with(0);
	says("retryscope: sh was killed by signal 9\n");
	nothing_left(true);
}

/* What the recorder ignores for itself is not ignored by a command: a pipeline ends by that. */
static void test_signals_of_command(void **state)
{
	static const char key[] = "SigIgn:";
	unsigned long long ignored;
	const char *text;

	start(ARGS(OUTPUT, "--", "sh", "-c", "exec grep ^SigIgn: /proc/self/status >&2"));
	ends_with(0);
	text = strstr(r.p.err.text, key);
	assert_non_null(text);
	ignored = strtoull(text + strlen(key), NULL, 16);
	assert_false(ignored >> (SIGPIPE - 1) & 1);
	assert_false(ignored >> (SIGXFSZ - 1) & 1);
}

/* Is the tracepoint on, which is measured by, when it records? */
static char measures(const char *const *args)
{
	char path[160], is_on;

	start(args);
	wait_until_it_records();
	snprintf(path, sizeof(path),
		 FAKE_TRACING "/instances/retryscope_%d/events/kvm/kvm_page_fault/enable",
		 (int)r.p.pid);
	is_on = *get(path);
	kill(r.p.pid, SIGINT);
	ends_with(130);
	return is_on;
}

/* Before a command runs there is nothing to measure, which would take a second. */
static void test_command_is_not_measured(void **state)
{
	assert_int_equal(measures(ARGS("-o", r.out, "--", "sleep", "1000")), '0');
	assert_int_equal(measures(ARGS("-o", r.out)), '1');
}

/* Whoever reads what it says may be gone: that is no reason to leave probes behind. */
static void test_nobody_listens(void **state)
{
	const char *argv[] = { "/bin/sh",
			       "-c",
			       "exec 2>\"$0\"; export LD_PRELOAD=" FAKE_TRACEFS
			       " ASAN_OPTIONS=verify_asan_link_order=0; exec \"$@\"",
			       NULL,
			       RETRYSCOPE,
			       "record",
			       "--root",
			       r.fh.root,
			       "-o",
			       r.out,
			       "--buffer",
			       "64K",
			       "--duration",
			       "200ms",
			       NULL };
	struct program_opts o = { .argv = argv, .before = before };
	char fifo[128];
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", r.fh.root);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	argv[3] = fifo;
	program_start(&r.p, &o);
	fd = open(fifo, O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	ends_with(0);
	nothing_left(true);
}

/* The command has its own standard output, and does not outlive the recording. */
static void test_command_that_goes_on(void **state)
{
	char text[32];

	start(ARGS(OUTPUT, "--duration", "500ms", "--", "sh", "-c",
		   "echo $$; echo to-stderr >&2; exec sleep 1000"));
	assert_int_equal(program_end(&r.p), 0);
	says("to-stderr\n");
	says_not("was killed");
	assert_true(atoi(r.p.out.text) > 1);
	assert_int_equal(kill(atoi(r.p.out.text), 0), -1);
	snprintf(text, sizeof(text), "%d\n", atoi(r.p.out.text));
	assert_string_equal(r.p.out.text, text);
	nothing_left(true);
}

static void test_no_such_command(void **state)
{
	start(ARGS(OUTPUT, "--", "/no/such/program"));
	ends_with(2);
	says("cannot run /no/such/program: No such file or directory");
	assert_int_equal(left_in("/out"), 0);
}

static pid_t start_vm(void)
{
	char path[128], link[256];
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fake_host_write(&r.fh, path, "qemu-system-x86\n");
	snprintf(path, sizeof(path), "/proc/%d/fd/other", (int)pid);
	fake_host_write(&r.fh, path, "");
	snprintf(link, sizeof(link), "%s/proc/%d/fd/7", r.fh.root, (int)pid);
	assert_int_equal(symlink("anon_inode:kvm-vm", link), 0);
	for (int task = 0; task < 3; task++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)pid + task);
		fake_host_write(&r.fh, path, "CPU 0/KVM\n");
	}
	return pid;
}

/* One VM: its process's end is the recording's. */
static void test_pid(void **state)
{
	pid_t pid = start_vm();
	char text[16], expected[128], *out;

	snprintf(text, sizeof(text), "%d", (int)pid);
	start(ARGS(OUTPUT, "--pid", text));
	wait_until_it_records();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ends_with(0);
	says(" of 1 VM, ");
	says_not("stopped");
	nothing_left(true);
	out = get("/out/x.dat");
	snprintf(expected, sizeof(expected), "retryscope-fact vm.%d qemu-system-x86\n", (int)pid);
	assert_non_null(strstr(out, expected));
	snprintf(expected, sizeof(expected), "retryscope-fact filter.pid %d\n", (int)pid);
	assert_non_null(strstr(out, expected));
}

/* The VM may have been made by any of its process's threads, each of them once. */
static void test_pid_filter(void **state)
{
	pid_t pid = start_vm();
	char text[16], task[32], *out, *filter;

	snprintf(text, sizeof(text), "%d", (int)pid);
	start(ARGS(OUTPUT, "--pid", text, "--duration", "300ms"));
	ends_with(0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	out = get("/out/x.dat");
	filter = strstr(out, ":inval_start -f ");
	assert_non_null(filter);
	filter += strlen(":inval_start -f ");
	filter[strcspn(filter, " ")] = '\0';
	for (int i = 0; i < 3; i++) {
		char *at;

		snprintf(task, sizeof(task), "pid==%d", (int)pid + i);
		at = strstr(filter, task);
		if (!at || strstr(at + 1, task))
			fail_msg("%s is not once in the filter %s", task, filter);
	}
	assert_int_equal(strncmp(filter, "pid==", 5), 0);
	assert_int_equal(strspn(filter, "pid=|0123456789"), strlen(filter));
}

static void test_pid_is_gone(void **state)
{
	pid_t pid = fork();
	char text[16];

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	snprintf(text, sizeof(text), "%d", (int)pid);
	r.no_instance = true;
	start(ARGS(OUTPUT, "--pid", text));
	ends_with(3);
	says_one_line("No such process");
	nothing_left(false);
}

static void test_trace_cmd_dies(void **state)
{
	fake_trace_cmd_set(&r.fh, fake_trace_cmd_dying);
	start(ARGS(OUTPUT));
	ends_with(4);
	says_one_line("trace-cmd ended with 3: it broke\n");
	nothing_left(false);
}

static void test_trace_cmd_is_killed(void **state)
{
	/* What else it says is nobody's output. */
	fake_trace_cmd_set(&r.fh, "#!/bin/sh\necho chatter\nkill -9 $$\n");
	start(ARGS(OUTPUT));
	ends_with(4);
	says_one_line("trace-cmd was killed by signal 9\n");
	nothing_left(false);
}

/* It has no file, or part of one, when it says that it is done. */
static void test_trace_cmd_lies(void **state)
{
	fake_trace_cmd_set(&r.fh, "#!/bin/sh\ninstance=$(dirname \"$0\")/../.." FAKE_TRACING
				  "/instances/$3\n"
				  "trap ': >trace.dat; exit 0' INT\n"
				  "echo 1 >\"$instance/tracing_on\"\n"
				  "while :; do sleep 0.05; done\n");
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(4);
	says_one_line("/out/x.dat: cannot write it: ");
	nothing_left(false);
	fake_trace_cmd_set(&r.fh, "#!/bin/sh\ninstance=$(dirname \"$0\")/../.." FAKE_TRACING
				  "/instances/$3\n"
				  "trap 'exit 0' INT\n"
				  "echo x >trace.dat\necho x >trace.dat.$3.cpu0\n"
				  "echo 1 >\"$instance/tracing_on\"\n"
				  "while :; do sleep 0.05; done\n");
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(4);
	says_one_line("/out/x.dat: cannot write it: ");
	nothing_left(false);
}

static void test_disk_is_full_in_the_end(void **state)
{
	fake_trace_cmd_set(&r.fh, fake_trace_cmd_full);
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(4);
	says_one_line("/out/x.dat: no space left on the device: the capture is lost\n");
	nothing_left(false);
}

/* More is in the buffers than the disk has room for: it stops while it still can. */
static void test_disk_gets_full(void **state)
{
	static char stats[128];

	snprintf(stats, sizeof(stats), "entries: 3\nbytes: %llu\n", 1ULL << 60);
	r.stats = stats;
	start(ARGS(OUTPUT));
	ends_with(4);
	says("stopped: too little space left on the device; what was captured is kept\n");
	nothing_left(true);
}

static void test_output_cannot(void **state)
{
	char path[256];

	r.no_instance = true;
	snprintf(path, sizeof(path), "%s/out", r.fh.root);
	start(ARGS("-o", path));
	ends_with(4);
	says_one_line("/out: cannot write it: Is a directory\n");
	snprintf(path, sizeof(path), "%s/no/x.dat", r.fh.root);
	start(ARGS("-o", path));
	ends_with(4);
	says_one_line("/no/x.dat: cannot write it: No such file or directory\n");
	nothing_left(false);
}

/* A relative name is of the folder where it was given. */
static void test_relative_output(void **state)
{
	char cwd[512], path[256];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(path, sizeof(path), "%s/out", r.fh.root);
	assert_int_equal(chdir(path), 0);
	start(ARGS("-o", "x.dat", "--buffer", "64K", "--duration", "200ms"));
	ends_with(0);
	assert_int_equal(chdir(cwd), 0);
	says("retryscope: x.dat: 10 events");
	nothing_left(true);
}

static void test_without(void **state)
{
	start(ARGS(OUTPUT, "--duration", "200ms", "--without", "fault_verdict,memslot"));
	ends_with(0);
	says("retryscope: not recorded: fault_verdict (withheld: not wanted)\n");
	says("retryscope: not recorded: memslot (withheld: not wanted)\n");
	says("level partial\n");
	assert_null(strstr(get("/out/x.dat"), ":fault_verdict"));
	assert_non_null(strstr(get("/out/x.dat"), ":fault_check"));
	start(ARGS(OUTPUT, "--without", "fault_verdict", "--min-level", "full"));
	ends_with(3);
	says_one_line("this host can record level partial only, not full: not wanted "
		      "(--min-level takes less)\n");
}

/* Parts that a question does not need: what is left out, and what then cannot be told. */
static void test_events(void **state)
{
	start(ARGS(OUTPUT, "--duration", "200ms", "--events", "memslots,invalidations"));
	ends_with(0);
	says("retryscope: without faults: what is blocked can be told, not which faults are "
	     "rejected\n");
	says("retryscope: without decisions: ");
	says_not("without memslots");
	says_not("not recorded");
	says("level partial\n");
	assert_null(strstr(get("/out/x.dat"), ":fault"));
	assert_null(strstr(get("/out/x.dat"), "kvm_page_fault"));
	assert_non_null(strstr(get("/out/x.dat"), ":memslot"));
	assert_non_null(strstr(get("/out/x.dat"), ":inval_slot"));
}

static unsigned int times_in(const char *text, const char *word)
{
	unsigned int n = 0;

	while ((text = strstr(text, word))) {
		text++;
		n++;
	}
	return n;
}

/* How many pieces it says, in how many ms of how many. */
static unsigned long pieces_said(double *recorded, double *elapsed)
{
	static const char before[] = "retryscope: in pieces: ";
	const char *p = strstr(r.p.err.text, before);
	char *end;
	unsigned long n;

	assert_non_null(p);
	n = strtoul(p + strlen(before), &end, 10);
	p = strchr(end, ',');
	assert_non_null(p);
	*recorded = strtod(p + 1, &end);
	*recorded *= strncmp(end, " ms", 3) ? 1000 : 1;
	p = strstr(end, " of ");
	assert_non_null(p);
	*elapsed = strtod(p + 4, &end);
	*elapsed *= strncmp(end, " ms", 3) ? 1000 : 1;
	return n;
}

/* In pieces: marks where it pauses and goes on, probes that are out meanwhile, memslots never. */
static void test_sample(void **state)
{
	double recorded, elapsed;
	const char *text;
	char path[160];

	r.events_on = true;
	setenv("FAKE_SWITCH_US", "12000", 1);
	start(ARGS(OUTPUT, "--sample", "200ms/100s"));
	unsetenv("FAKE_SWITCH_US");
	wait_until_it_records();
	for (int i = 0; i < 200 && event_is("fault_check") != '0'; i++)
		usleep(20000);
	assert_int_equal(event_is("fault_check"), '0');
	assert_int_equal(event_is("memslot"), '1');
	for (int i = 0; i < 200 && switched("inval_start") < switched("inval_begin"); i++)
		usleep(20000);
	/* Faults are most of what it costs: they are the first to go. */
	assert_true(switched("fault") < switched("inval_begin"));
	assert_true(switched("fault_end") < switched("inval_range_add"));
	assert_true(switched("inval_begin") < switched("inval_start"));
	usleep(300000); /* of the pause, which is not recorded */
	kill(r.p.pid, SIGINT);
	ends_with(130);
	assert_int_equal(pieces_said(&recorded, &elapsed), 1);
	/* As far as they are rounded. */
	assert_true(recorded >= 199 && recorded + 280 <= elapsed);
	text = get("/out/x.dat");
	assert_non_null(strstr(text, "retryscope-fact seam pause\n"));
	assert_null(strstr(text, "seam resume"));
	assert_non_null(
		strstr(text, "retryscope-fact sample 200000000 ns of every 100000000000 ns"));
	start(ARGS(OUTPUT, "--sample", "100ms/200ms"));
	wait_until_it_records();
	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/trace_marker",
		 (int)r.p.pid);
	for (int i = 0; i < 200 && times_in(get(path), "seam resume") < 2; i++)
		usleep(20000);
	kill(r.p.pid, SIGINT);
	ends_with(130);
	assert_true(pieces_said(&recorded, &elapsed) >= 3);
	/* At least the first two are whole. */
	assert_true(recorded >= 199 && recorded <= elapsed);
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact seam resume\n"));
}

/*
 * Where the kernel takes long to switch events, which are paid for meanwhile, a pause is longer:
 * one time in four.
 */
static void test_sample_share(void **state)
{
	const double switch_ms = 20;
	unsigned int nr = 0;
	double recorded, elapsed;
	char path[160];

	setenv("FAKE_SWITCH_US", "20000", 1);
	start(ARGS(OUTPUT, "--sample", "100ms/400ms"));
	unsetenv("FAKE_SWITCH_US");
	wait_until_it_records();
	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/trace_marker",
		 (int)r.p.pid);
	for (int i = 0; i < 500 && !times_in(get(path), "seam resume"); i++)
		usleep(20000);
	nr = times_in(get(FAKE_TRACING "/kprobe_events"), "retryscope_") - 1; /* not memslot */
	kill(r.p.pid, SIGINT);
	ends_with(130);
	assert_int_equal(pieces_said(&recorded, &elapsed), 2);
	assert_true(nr >= 10);
	/* The second piece begins so late, and has been switched to. */
	assert_true(elapsed >= 4 * (100 + nr * switch_ms) + nr * switch_ms - 10);
}

static void test_buffer(void **state)
{
	char path[128];

	start(ARGS("-o", r.out, "--buffer", "5000000"));
	wait_until_it_records();
	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/buffer_size_kb",
		 (int)r.p.pid);
	assert_string_equal(get(path), "4883");
	kill(r.p.pid, SIGINT);
	ends_with(130);
}

static void test_misses(void **state)
{
	char text[4096];

	/* As the kernel has them: in the order of kprobe_events, without groups. */
	snprintf(text, sizeof(text), "  open  5  9\n  x  5  9\n");
	for (int i = 0; i < 13; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "  x%d  100  %d\n", i,
			 i == 1	  ? 1
			 : i == 4 ? 3
				  : 0);
	fake_host_write(&r.fh, FAKE_TRACING "/kprobe_profile", text);
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	says("retryscope: probe inval_start missed 1 time\n");
	says("retryscope: probe inval_end missed 3 times\n");
	says_not("probe memslot missed");
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact miss.inval_end 3\n"));
}

/* What the probes of other recorders missed, by the same names, is not ours. */
static void test_misses_of_others(void **state)
{
	static const char others[] = "p:retryscope_9/fault x\np:retryscope_98/fault x\n"
				     "p:retryscope_987/fault x\np:retryscope_9876/fault x\n"
				     "p:retryscope_98765/fault x\np:retryscope_987654/fault x\n"
				     "p:retryscope_9876543/fault x\n";
	char text[1024] = "";

	for (int i = 0; i < 7; i++)
		strcat(text, "  fault  5  9\n");
	fake_host_write(&r.fh, FAKE_TRACING "/kprobe_events", others);
	fake_host_write(&r.fh, FAKE_TRACING "/kprobe_profile", text);
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	says_not(" missed ");
	assert_null(strstr(get("/out/x.dat"), "retryscope-fact miss."));
	assert_string_equal(get(FAKE_TRACING "/kprobe_events"), others);
}

static bool can_unshare_mounts(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNS) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

/* What trace-cmd mounts, and leaves mounted, is seen by nobody else, where that can be had. */
static void test_mounts_of_its_own(void **state)
{
	char script[4096], ours[64] = "";
	const char *theirs;

	snprintf(script, sizeof(script), "#!/bin/sh\nreadlink -n /proc/self/ns/mnt >'%s/ns'\n%s",
		 r.fh.root, strchr(fake_trace_cmd_good, '\n') + 1);
	fake_trace_cmd_set(&r.fh, script);
	assert_true(readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1) > 0);
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	theirs = get("/ns");
	assert_int_equal(strncmp(theirs, "mnt:[", 5), 0);
	assert_int_equal(strcmp(theirs, ours) != 0, can_unshare_mounts());
}

/* The status line is for a terminal. */
static void test_terminal(void **state)
{
	struct program_opts o = { .terminal_err = true };

	r.stats = "entries: 5\noverrun: 2\nbytes: 1048576\n";
	start_with(&o, ARGS(OUTPUT));
	assert_true(program_says(&r.p, &r.p.err, "\r1 s: "));
	kill(r.p.pid, SIGINT);
	ends_with(130);
	says(" events/s, 5 events, 2 lost, 1.0 MiB, 0 VMs\033[K");
	says("\r\033[K"); /* and it is taken away */
	start_with(&o, ARGS(OUTPUT, "--duration", "1500ms", "-q"));
	ends_with(0);
	says_not("\r");
}

static void test_dry_run(void **state)
{
	const char *args[] = { RETRYSCOPE,
			       "record",
			       "--root",
			       r.fh.root,
			       "--dry-run",
			       "--without",
			       "memslot,fault_verdict",
			       NULL };

	assert_int_equal(program_run(&r.p, args), 0);
	assert_string_equal(r.p.err.text, "");
	assert_int_equal(strncmp(r.p.out.text, "# level partial\n", 16), 0);
	assert_non_null(strstr(r.p.out.text, "\n# memslot: not wanted\n"));
	assert_non_null(strstr(r.p.out.text, "\n# fault_verdict: not wanted\n"));
	assert_non_null(strstr(r.p.out.text,
			       "\np:retryscope/fault_begin kvm_faultin_pfn kvm=+0x0($arg1):x64 "));
	assert_non_null(strstr(r.p.out.text, "\nr64:retryscope/fault_end kvm_tdp_page_fault "));
	assert_non_null(strstr(r.p.out.text, "\n# kvm:kvm_page_fault\n"));
	assert_null(strstr(r.p.out.text, "# kvm:kvm_async"));
	assert_null(strstr(r.p.out.text, " pid="));
	nothing_left(false);
	assert_string_equal(get(FAKE_TRACING "/kprobe_events"), OTHER_PROBES);
}

/* A VM's process is told by the probes then, and what is left out costs what is said of it. */
static void test_dry_run_of_parts(void **state)
{
	const char *args[] = { RETRYSCOPE,
			       "record",
			       "--root",
			       r.fh.root,
			       "--dry-run",
			       "--events",
			       "faults,invalidations,decisions,lookups",
			       "--pid",
			       "1",
			       NULL };
	const char *text;

	assert_int_equal(program_run(&r.p, args), 0);
	text = r.p.out.text;
	assert_non_null(strstr(text, "\n# memslot: not wanted\n"));
	assert_non_null(strstr(text, "\n# without memslots: memslots are learned from their use, "
				     "changes not at all\n"));
	assert_null(strstr(text, "# without faults"));
	assert_null(strstr(text, "# without state"));
	text = strstr(text, "\np:retryscope/fault_begin ");
	assert_non_null(text);
	assert_true(strstr(text, " pid=") < strchr(text + 1, '\n'));
}

/* What there is, what is not, and which it is of two things that are told apart. */
static void test_probe(void **state)
{
	const char *text[] = { RETRYSCOPE, "probe", "--root", r.fh.root, NULL };
	const char *json[] = { RETRYSCOPE, "probe", "--root", r.fh.root, "--json", NULL };
	char symbols[1 << 16], *line, *end;

	assert_int_equal(program_run(&r.p, text), 0);
	assert_non_null(strstr(r.p.out.text, "be told,\n           and faults and invalidations of "
					     "private memory\n"));
	assert_null(strstr(r.p.out.text, "known only to root"));
	snprintf(symbols, sizeof(symbols), "%s", get("/proc/kallsyms"));
	line = strstr(symbols, "kvm_unmap_gfn_range");
	assert_non_null(line);
	memcpy(line, "no_", 3);
	line = strstr(symbols, " kvm_faultin_pfn");
	assert_non_null(line);
	end = line + strlen(" kvm_faultin_pfn");
	memcpy(line, " try_async_pf   ", (size_t)(end - line));
	fake_host_write(&r.fh, "/proc/kallsyms", symbols);
	assert_int_equal(program_run(&r.p, text), 0);
	assert_non_null(strstr(r.p.out.text, "level      partial: memslots, "));
	assert_non_null(strstr(r.p.out.text, "; not complete: invalidations, "));
	assert_non_null(strstr(r.p.out.text, "but not which faults are on private memory\n"));
	assert_int_equal(program_run(&r.p, json), 0);
	assert_non_null(strstr(r.p.out.text, "\"gfn_invalidations\": true"));
	assert_non_null(strstr(r.p.out.text, "\"private_kinds\": false"));
	assert_non_null(strstr(r.p.out.text, "\"access\": \"ok\""));
}

static void note(int pid, const char *text)
{
	char path[64], note_text[1024];

	snprintf(path, sizeof(path), "/run/retryscope-%d", pid);
	snprintf(note_text, sizeof(note_text),
		 "retryscope-state 1\nfolder %s/out/%d.dat.part-%d\noutput %s/out/%d.dat\n%s",
		 r.fh.root, pid, pid, r.fh.root, pid, text);
	fake_host_write(&r.fh, path, note_text);
}

/* Where a capture was put is said, be it asked to be quiet: its own name is taken. */
static void test_cleanup_elsewhere(void)
{
	const char *args[] = { RETRYSCOPE, "record", "--root", r.fh.root, "--cleanup", "-q", NULL };

	note(8, "group retryscope_8\n");
	fake_host_write(&r.fh, "/out/8.dat.part-8/trace.dat", "another\n");
	assert_int_equal(program_run(&r.p, args), 0);
	assert_string_equal(r.p.out.text, "");
	says("/out/8.dat is there already: the capture of the killed recorder is 8.dat.8\n");
	assert_string_equal(get("/out/8.dat.8"), "another\n");
	fake_host_remove(&r.fh, "/out/8.dat.8");
}

static void test_cleanup(void **state)
{
	assert_string_equal(cleaned(NULL), "0 killed recorders: removed what was left\n");
	note(7, "group retryscope_7\n");
	assert_string_equal(cleaned(NULL), "1 killed recorder: removed what was left\n");
	note(7, "group retryscope_7\n");
	note(8, "group retryscope_8\n");
	fake_host_write(&r.fh, "/out/8.dat.part-8/trace.dat", "whole\n");
	assert_string_equal(cleaned(NULL), "2 killed recorders: removed what was left; "
					   "kept 1 complete capture\n");
	assert_string_equal(get("/out/8.dat"), "whole\n");
	test_cleanup_elsewhere();
	fake_host_remove(&r.fh, "/out/8.dat");
	note(7, "group retryscope_7\n");
	assert_string_equal(cleaned("-q"), "");
	nothing_left(false);
	fake_host_write(&r.fh, "/run/retryscope-9", "not ours\n");
	assert_string_equal(cleaned(NULL), "0 killed recorders: removed what was left; left alone "
					   "1 file that is no note of this version\n");
	fake_host_write(&r.fh, "/run/retryscope-10", "");
	assert_string_equal(cleaned(NULL), "0 killed recorders: removed what was left; left alone "
					   "2 files that are no note of this version\n");
}

static void test_cleanup_beside_a_recorder(void **state)
{
	static struct program recorder;
	const char *text;

	start(ARGS(OUTPUT));
	wait_until_it_records();
	recorder = r.p;
	note(7, "group retryscope_7\n");
	text = cleaned(NULL);
	assert_string_equal(text, "1 killed recorder: removed what was left; 1 still runs\n");
	r.p = recorder;
	kill(r.p.pid, SIGINT);
	ends_with(130);
	nothing_left(true);
}

static void test_cleanup_cannot(void **state)
{
	const char *args[] = { RETRYSCOPE, "record", "--root", r.fh.root, "--cleanup", NULL };

	fake_host_remove(&r.fh, "/run");
	assert_int_equal(program_run(&r.p, args), 3);
	says_one_line("/run: No such file or directory\n");
	note(7, "group retryscope_7\n");
	fake_host_write(&r.fh, "/proc/mounts", "\n");
	assert_int_equal(program_run(&r.p, args), 3);
	says_one_line("tracefs is not mounted");
	/* It is still noted. */
	assert_int_equal(left_in("/run"), 1);
}

/* What the kernel refuses of an instance: a file that takes nothing stands for it. */
static const char *refusing;

static void refuse_one(void *arg, pid_t pid)
{
	char path[256];

	fake_instance_make(&r.fh, pid);
	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/%s", (int)pid,
		 refusing);
	fake_host_remove(&r.fh, path);
	snprintf(path, sizeof(path), "%s" FAKE_TRACING "/instances/retryscope_%d/%s", r.fh.root,
		 (int)pid, refusing);
	assert_int_equal(symlink("/dev/full", path), 0);
}

static void refused(const char *file, const char *const *args, int code, const char *text)
{
	const char *argv[32] = { RETRYSCOPE, "record", "--root", r.fh.root };
	struct program_opts o = { .argv = argv, .preload = FAKE_TRACEFS, .before = refuse_one };

	for (size_t n = 4; *args && n < 31; n++)
		argv[n] = *args++;
	refusing = file;
	program_start(&r.p, &o);
	ends_with(code);
	says_one_line(text);
	assert_int_equal(left_in("/out"), 0);
}

static void test_clock(void **state)
{
	start(ARGS(OUTPUT, "--clock", "x86-tsc", "--duration", "200ms"));
	ends_with(0);
	assert_non_null(strstr(get("/out/x.dat"), " -C x86-tsc "));
	assert_non_null(strstr(get("/out/x.dat"), "retryscope-fact clock x86-tsc\n"));
	start(ARGS(OUTPUT, "--duration", "200ms"));
	ends_with(0);
	assert_non_null(strstr(get("/out/x.dat"), " -C mono "));
	fake_host_remove(&r.fh, "/out/x.dat");
	refused("trace_clock", ARGS(OUTPUT, "--clock", "sundial"), 2,
		"this kernel has no trace clock 'sundial'\n");
}

static void test_kernel_refuses(void **state)
{
	refused("tracing_on", ARGS(OUTPUT), 3, "cannot set up the instance retryscope_");
	refused("buffer_size_kb", ARGS(OUTPUT), 3,
		"the kernel gives no trace buffer of 64 KiB per CPU: ");
	refused("trace_marker", ARGS(OUTPUT), 3, "cannot write to the trace's marker: ");
}

#define record_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		record_test(test_duration),
		record_test(test_permissions),
		record_test(test_note),
		record_test(test_quiet),
		record_test(test_one_lost),
		record_test(test_nothing_lost),
		record_test(test_max_size),
		record_test(test_anonymous),
		record_test(test_max_size_is_of_both),
		record_test(test_signals),
		record_test(test_killed),
		record_test(test_nohup),
		record_test(test_interrupted_before_it_records),
		record_test(test_command),
		record_test(test_signals_of_command),
		record_test(test_command_is_not_measured),
		record_test(test_nobody_listens),
		record_test(test_command_that_goes_on),
		record_test(test_no_such_command),
		record_test(test_pid),
		record_test(test_pid_filter),
		record_test(test_pid_is_gone),
		record_test(test_trace_cmd_dies),
		record_test(test_trace_cmd_is_killed),
		record_test(test_trace_cmd_lies),
		record_test(test_disk_is_full_in_the_end),
		record_test(test_disk_gets_full),
		record_test(test_output_cannot),
		record_test(test_relative_output),
		record_test(test_without),
		record_test(test_events),
		record_test(test_sample),
		record_test(test_sample_share),
		record_test(test_buffer),
		record_test(test_misses),
		record_test(test_misses_of_others),
		record_test(test_mounts_of_its_own),
		record_test(test_terminal),
		record_test(test_dry_run),
		record_test(test_dry_run_of_parts),
		record_test(test_probe),
		record_test(test_cleanup),
		record_test(test_cleanup_beside_a_recorder),
		record_test(test_cleanup_cannot),
		record_test(test_clock),
		record_test(test_kernel_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
