// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an output leaves as it was, and what of it is removed when the process has to end
 * at once. (tests/test_source.c has the forms that it takes its name in.)
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/outfile.h"
#include "base/temp.h"

static char dir[] = "/tmp/rs-outfile.XXXXXX";

static char *in_dir(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, 256, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(in_dir(name), mode), 0);
}

static const char *get(const char *name)
{
	static char text[256];
	FILE *f = fopen(in_dir(name), "r");

	if (!f)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void write_out(const char *path, const char *text)
{
	struct rs_error err = { .offset = -1 };
	struct rs_outfile *out = rs_outfile_open(path, &err);

	assert_non_null(out);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), text, strlen(text), &err), 0);
	assert_int_equal(rs_outfile_commit(out, &err), 0);
}

/* A file that was for nobody else is so while it is written, and afterwards. */
static void test_mode_stays(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0664, 0400 | 0200 | 01000 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct rs_error err = { .offset = -1 };
		struct rs_outfile *out;
		char temp[300];

		put("mode", "old", modes[i]);
		out = rs_outfile_open(in_dir("mode"), &err);
		assert_non_null(out);
		snprintf(temp, sizeof(temp), "%s.%d-0.tmp", in_dir("mode"), (int)getpid());
		assert_int_equal(mode_of(temp), modes[i]);
		assert_int_equal(rs_outfile_commit(out, &err), 0);
		assert_int_equal(mode_of(in_dir("mode")), modes[i]);
	}
}

/* A descriptor that is open already is written where it stands: what is there stays. */
static void test_own_descriptors(void **state)
{
	static const char *const paths[] = { "/dev/fd/%d", "/proc/self/fd/%d" };
	struct rs_error err = { .offset = -1 };
	struct rs_outfile *out;

	for (size_t i = 0; i < 2; i++) {
		char path[64];
		int fd;

		put("log", "first\n", 0644);
		fd = open(in_dir("log"), O_WRONLY | O_APPEND);
		snprintf(path, sizeof(path), paths[i], fd);
		write_out(path, "second\n");
		assert_string_equal(get("log"), "first\nsecond\n");
		/* It was not ours to close. */
		assert_int_equal(write(fd, "third\n", 6), 6);
		close(fd);
		assert_int_equal(rs_outfile_check(path, &err), -EBADF);
		out = rs_outfile_open(path, &err);
		assert_null(out);
		assert_int_equal(err.kind, RS_ERR_OUTPUT);
	}
}

/* A FIFO and a pipe have no real name to look for, and keep their place. */
static void test_fifo(void **state)
{
	char text[16] = "";
	int fd;

	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(rs_outfile_check(in_dir("fifo"), NULL), 0);
	fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
	write_out(in_dir("fifo"), "through");
	assert_int_equal(read(fd, text, sizeof(text)), 7);
	assert_string_equal(text, "through");
	close(fd);
	assert_int_equal(unlink(in_dir("fifo")), 0);
}

/* Asked before long work: the same answers as opening gives, and nothing is made. */
static void test_check(void **state)
{
	struct rs_error err = { .offset = -1 };

	put("there", "old", 0644);
	assert_int_equal(rs_outfile_check(in_dir("there"), &err), 0);
	assert_int_equal(rs_outfile_check(in_dir("new"), &err), 0);
	assert_int_equal(rs_outfile_check("-", &err), 0);
	assert_int_equal(rs_outfile_check("/dev/null", &err), 0);
	assert_int_equal(access(in_dir("new"), F_OK), -1);
	assert_int_equal(rs_outfile_check(dir, &err), -EISDIR);
	assert_int_equal(rs_outfile_check(in_dir("none/new"), &err), -ENOENT);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(rs_outfile_check(in_dir("there/new"), &err), -ENOTDIR);
	if (!geteuid())
		return; /* root may write anywhere */
	assert_int_equal(chmod(in_dir("there"), 0400), 0);
	assert_int_equal(rs_outfile_check(in_dir("there"), &err), -EACCES);
}

static void on_signal(int sig)
{
}

/* Nobody reads: a signal's handler ends the waiting, also behind a part that was taken. */
static void test_interrupted_pipe(void **state)
{
	static char much[1 << 20];
	struct sigaction sa = { .sa_handler = on_signal };
	struct rs_error err = { .offset = -1 };
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < 2; i++) {
		alarm(1);
		assert_int_equal(rs_write_all(fds[1], much, sizeof(much), &err), -EINTR);
		assert_int_equal(err.kind, RS_ERR_INTR);
	}
	close(fds[0]);
	close(fds[1]);
}

/* A pipe that somebody made non-blocking is waited for, and loses nothing. */
static void test_nonblocking_pipe(void **state)
{
	enum { SIZE = 1 << 18 };
	static char much[SIZE], buf[4096];
	struct rs_error err = { .offset = -1 };
	size_t got = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		fcntl(fds[1], F_SETFL, O_NONBLOCK);
		_exit(rs_write_all(fds[1], much, SIZE, &err) != 0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		got += (size_t)n;
	assert_int_equal(got, SIZE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[0]);
}

/* A limit on sizes is met while it is written or when it is closed: the old file stays. */
static void test_size_limit(void **state)
{
	static char much[1 << 16];
	int status;
	pid_t pid;

	put("limited", "old", 0644);
	pid = fork();
	if (!pid) {
		struct rlimit limit = { 1000, 1000 };
		struct rs_error err = { .offset = -1 };
		struct rs_outfile *out;
		int rc;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		out = rs_outfile_open(in_dir("limited"), &err);
		rc = rs_write_all(rs_outfile_fd(out), much, sizeof(much), &err);
		rs_outfile_abort(out);
		_exit(rc == -EFBIG && err.kind == RS_ERR_OUTPUT ? 7 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(get("limited"), "old");
}

/* What is remembered goes, a folder with its files too; what was forgotten stays. */
static void test_temps(void **state)
{
	char file[256], kept[256], folder[256], inside[300];

	snprintf(file, sizeof(file), "%s", in_dir("temp"));
	snprintf(kept, sizeof(kept), "%s", in_dir("kept"));
	snprintf(folder, sizeof(folder), "%s", in_dir("folder"));
	put("temp", "", 0600);
	put("kept", "", 0600);
	assert_int_equal(mkdir(folder, 0700), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(inside, sizeof(inside), "folder/a-file-with-a-long-name-%d", i);
		put(inside, "", 0600);
	}
	rs_temp_add(file);
	rs_temp_add(kept);
	rs_temp_add(folder);
	rs_temp_forget(kept);
	rs_temp_forget(kept); /* once more is no harm */
	rs_temp_remove_all();
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	rs_temp_forget(file);
	rs_temp_forget(folder);
	/* More than there is room for is no harm either. */
	for (int i = 0; i < 100; i++)
		rs_temp_add(kept);
	for (int i = 0; i < 100; i++)
		rs_temp_forget(kept);
	rs_temp_remove_all();
	assert_int_equal(access(kept, F_OK), 0);
}

static int make_dir(void **state)
{
	return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
	rs_temp_add(dir);
	rs_temp_remove_all();
	return access(dir, F_OK) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode_stays),
		cmocka_unit_test(test_own_descriptors),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_interrupted_pipe),
		cmocka_unit_test(test_nonblocking_pipe),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_temps),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
