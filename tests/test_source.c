// SPDX-License-Identifier: GPL-2.0-only
/* What a trace is read from and written to: files, pipes, compression, and all that fails. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "tests/common/nobody.h"
#include "tests/common/skip.h"
#include "tests/common/trace_file.h"
#include "base/outfile.h"
#include "traces/source.h"

#define SIZE 1000000

static char *some_bytes(size_t len)
{
	char *bytes = malloc(len + 1);
	uint64_t seed = 3;

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = test_random(&seed) % 4;
	bytes[0] = 'x'; /* no compression's magic number */
	return bytes;
}

/* @bytes as two zstd frames with one to be skipped before and between. */
static char *compress(const char *bytes, size_t len, size_t *out_len)
{
	static const char skip[] = "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz";
	size_t half = len / 2, bound = ZSTD_compressBound(len) + 1024, pos = 0, n;
	char *out = malloc(bound);

	assert_non_null(out);
	for (int i = 0; i < 2; i++) {
		memcpy(out + pos, skip, sizeof(skip) - 1);
		pos += sizeof(skip) - 1;
		n = ZSTD_compress(out + pos, bound - pos, bytes + (i ? half : 0),
				  i ? len - half : half, 1);
		assert_false(ZSTD_isError(n));
		pos += n;
	}
	*out_len = pos;
	return out;
}

/* Reads all in pieces of odd sizes and compares; returns what the last read returned. */
static ssize_t read_and_compare(struct rs_source *s, const char *bytes, size_t len,
				struct rs_error *err)
{
	static char buf[70001];
	uint64_t seed = 5;
	size_t pos = 0;
	ssize_t n;

	while ((n = rs_source_read(s, buf, 1 + test_random(&seed) % sizeof(buf), err)) > 0) {
		assert_true(pos + n <= len);
		assert_memory_equal(buf, bytes + pos, n);
		pos += n;
	}
	if (!n)
		assert_int_equal(pos, len);
	return n;
}

static void check_twice(const char *path, const char *bytes, size_t len)
{
	struct rs_error err = { 0 };
	struct rs_source *s = rs_source_open(path, &err);
	const unsigned char *head;
	size_t head_len;

	assert_non_null(s);
	head = rs_source_peek(s, &head_len);
	assert_int_equal(head_len, len < RS_SOURCE_HEAD ? len : RS_SOURCE_HEAD);
	assert_memory_equal(head, bytes, head_len);
	assert_int_equal(read_and_compare(s, bytes, len, &err), 0);
	assert_int_equal(rs_source_done(s), rs_source_total(s));
	assert_int_equal(rs_source_rewind(s, &err), 0);
	assert_int_equal(read_and_compare(s, bytes, len, &err), 0);
	rs_source_close(s);
}

static void test_plain_file(void **state)
{
	char *bytes = some_bytes(SIZE);
	static const size_t sizes[] = { 1, 2, 3, 4, 4095, 4096, 4097, 262144, SIZE };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_twice(test_write_file("plain", bytes, sizes[i]), bytes, sizes[i]);
	free(bytes);
}

static void test_zstd_file(void **state)
{
	char *bytes = some_bytes(SIZE), *stored;
	static const size_t sizes[] = { 2, 4096, 4097, 300000, SIZE };
	size_t len;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		stored = compress(bytes, sizes[i], &len);
		check_twice(test_write_file("zstd", stored, len), bytes, sizes[i]);
		free(stored);
	}
	free(bytes);
}

/* Cut anywhere but between frames, compressed input is an error, never a quiet end. */
static void test_zstd_truncated(void **state)
{
	char *bytes = some_bytes(3000), *stored;
	unsigned int good = 0;
	size_t len;

	stored = compress(bytes, 3000, &len);
	for (size_t cut = 4; cut < len; cut++) {
		struct rs_error err = { 0 };
		struct rs_source *s = rs_source_open(test_write_file("cut", stored, cut), &err);

		if (s) {
			good++;
			rs_source_close(s);
			continue;
		}
		assert_int_equal(err.kind, RS_ERR_INPUT);
		assert_string_equal(err.text, "broken zstd compression: the file is truncated");
		assert_int_equal(err.offset, cut);
	}
	/* After a skipped frame, after a frame, and after the one skipped behind it. */
	assert_int_equal(good, 3);
	free(stored);
	free(bytes);
}

/* A frame of @bytes as it is, made to be unpacked with a window of 2^@log bytes. */
static size_t long_frame(char *to, unsigned int log, const char *bytes, size_t len)
{
	const size_t block = 1 | len << 3;

	assert_true(len < 1 << 16);
	memcpy(to, "\x28\xb5\x2f\xfd\0", 5);
	to[5] = (char)((log - 10) << 3);
	for (int i = 0; i < 3; i++)
		to[6 + i] = (char)(block >> 8 * i);
	memcpy(to + 9, bytes, len);
	return 9 + len;
}

/* As by 'zstd --long=31': it is not broken, and only what is unpacked takes memory. */
static void test_zstd_long_window(void **state)
{
	char *bytes = some_bytes(3000), frame[4096];
	struct rs_error err = { 0 };

	for (unsigned int log = 20; log <= 31; log++) {
		const size_t len = long_frame(frame, log, bytes, 3000);

		check_twice(test_write_file("long", frame, len), bytes, 3000);
	}
	assert_null(rs_source_open(
		test_write_file("long", frame, long_frame(frame, 32, bytes, 3000)), &err));
	assert_int_equal(err.kind, RS_ERR_INPUT);
	assert_string_equal(err.text,
			    "compressed by zstd with a window of more than 2048 MiB: unpack it "
			    "first, as by 'zstd -d --long=31'");
	free(bytes);
}

static void test_zstd_damaged(void **state)
{
	char *bytes = some_bytes(SIZE), *stored;
	struct rs_error err = { 0 };
	struct rs_source *s;
	size_t len;

	stored = compress(bytes, SIZE, &len);
	memset(stored + len / 4, 0xff, 64);
	s = rs_source_open(test_write_file("damaged", stored, len), &err);
	assert_non_null(s);
	assert_int_equal(read_and_compare(s, bytes, SIZE, &err), -EINVAL);
	assert_int_equal(err.kind, RS_ERR_INPUT);
	assert_ptr_equal(strstr(err.text, "broken zstd compression: "), err.text);
	assert_true(err.offset > 0);
	rs_source_close(s);
	free(stored);
	free(bytes);
}

/* A child that writes @bytes in small pieces to what becomes our standard input. */
static pid_t feed_stdin(const char *bytes, size_t len, int *saved)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rs_error err;

		close(fds[0]);
		for (size_t i = 0; i < 8 && i < len; i++)
			if (rs_write_all(fds[1], bytes + i, 1, &err) || usleep(1000))
				_exit(1);
		_exit(len > 8 && rs_write_all(fds[1], bytes + 8, len - 8, &err));
	}
	*saved = dup(STDIN_FILENO);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void end_stdin(pid_t pid, int saved)
{
	dup2(saved, STDIN_FILENO);
	close(saved);
	waitpid(pid, NULL, 0);
}

static void check_pipe(const char *stored, size_t stored_len, const char *bytes, size_t len)
{
	struct rs_error err = { 0 };
	struct rs_source *s;
	uint64_t size;
	int saved;
	pid_t pid = feed_stdin(stored, stored_len, &saved);

	s = rs_source_open("-", &err);
	assert_non_null(s);
	assert_int_equal(rs_source_total(s), 0);
	assert_int_equal(rs_source_rewind(s, &err), -ESPIPE);
	assert_false(rs_source_is_plain(s, &size));
	assert_int_equal(read_and_compare(s, bytes, len, &err), 0);
	rs_source_close(s);
	end_stdin(pid, saved);
}

static void test_pipe(void **state)
{
	char *bytes = some_bytes(SIZE), *stored;
	size_t len;

	check_pipe(bytes, SIZE, bytes, SIZE);
	stored = compress(bytes, SIZE, &len);
	check_pipe(stored, len, bytes, SIZE);
	free(stored);
	free(bytes);
}

/* The same bytes under a path that can be sought in; then the source can be read again. */
static void check_seekable(struct rs_source *s, const char *bytes, size_t len)
{
	struct rs_error err = { 0 };
	const char *path = rs_source_seekable_path(s, &err);
	uint64_t plain_len;
	size_t copy_len;
	char *copy;

	assert_non_null(path);
	copy = test_read_file(path, &copy_len);
	assert_int_equal(copy_len, len);
	assert_memory_equal(copy, bytes, len);
	assert_true(rs_source_is_plain(s, &plain_len));
	assert_int_equal(plain_len, len);
	assert_int_equal(rs_source_read_at(s, copy, len, 0, &err), len);
	assert_memory_equal(copy, bytes, len);
	assert_int_equal(rs_source_read_at(s, copy, len, len - 10, &err), 10);
	assert_memory_equal(copy, bytes + len - 10, 10);
	assert_int_equal(rs_source_read_at(s, copy, len, len + 10, &err), 0);
	free(copy);
	assert_int_equal(read_and_compare(s, bytes, len, &err), 0);
	assert_int_equal(rs_source_rewind(s, &err), 0);
	rs_source_close(s);
}

static void test_seekable(void **state)
{
	char *bytes = some_bytes(SIZE), *stored;
	struct rs_error err = { 0 };
	size_t len;
	int saved;
	pid_t pid;

	check_seekable(rs_source_open(test_write_file("plain", bytes, SIZE), &err), bytes, SIZE);
	stored = compress(bytes, SIZE, &len);
	check_seekable(rs_source_open(test_write_file("zstd", stored, len), &err), bytes, SIZE);
	pid = feed_stdin(stored, len, &saved);
	check_seekable(rs_source_open("-", &err), bytes, SIZE);
	end_stdin(pid, saved);
	free(stored);
	free(bytes);
}

static void test_seekable_without_space(void **state)
{
	char *bytes = some_bytes(100), *stored, *old = getenv("TMPDIR");
	struct rs_error err = { 0 };
	struct rs_source *s;
	size_t len;

	old = old ? strdup(old) : NULL;
	stored = compress(bytes, 100, &len);
	s = rs_source_open(test_write_file("zstd", stored, len), &err);
	assert_non_null(s);
	setenv("TMPDIR", "/nonexistent", 1);
	assert_null(rs_source_seekable_path(s, &err));
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_string_equal(err.text, "no temporary file can be made in /nonexistent: "
				      "No such file or directory");
	rs_source_close(s);
	unsetenv("TMPDIR");
	if (old)
		setenv("TMPDIR", old, 1);
	free(old);
	free(stored);
	free(bytes);
}

/* Standard input may be a file that somebody has read from already. */
static void test_stdin_in_the_middle(void **state)
{
	char *bytes = some_bytes(SIZE);
	struct rs_error err = { 0 };
	struct rs_source *s;
	int fd = open(test_write_file("plain", bytes, SIZE), O_RDONLY);
	int saved = dup(STDIN_FILENO);

	bytes[1000] = 'x';
	test_write_file("plain", bytes, SIZE);
	dup2(fd, STDIN_FILENO);
	close(fd);
	assert_int_equal(lseek(STDIN_FILENO, 1000, SEEK_SET), 1000);
	s = rs_source_open("-", &err);
	assert_non_null(s);
	assert_int_equal(rs_source_total(s), SIZE - 1000);
	assert_int_equal(read_and_compare(s, bytes + 1000, SIZE - 1000, &err), 0);
	assert_int_equal(rs_source_rewind(s, &err), 0);
	check_seekable(s, bytes + 1000, SIZE - 1000);
	dup2(saved, STDIN_FILENO);
	close(saved);
	free(bytes);
}

static void expect_unopened(const char *path, int errnum, const char *text)
{
	struct rs_error err = { 0 };

	errno = 0;
	assert_null(rs_source_open(path, &err));
	assert_int_equal(errno, errnum);
	assert_int_equal(err.kind, RS_ERR_INPUT);
	assert_string_equal(err.text, text);
	assert_null(rs_source_open(path, NULL));
}

static void test_unopened(void **state)
{
	expect_unopened("/nonexistent", ENOENT, "cannot be opened: No such file or directory");
	expect_unopened("/", EISDIR, "is a directory, not a trace");
	expect_unopened("/dev/null", EINVAL, "the file is empty");
	expect_unopened(test_write_file("empty", "", 0), EINVAL, "the file is empty");
}

static void test_not_to_be_read(void **state)
{
	char *path = strdup(test_write_file("secret", "x", 1));

	assert_non_null(path);
	assert_int_equal(chmod(path, 0), 0);
	if (!test_be_nobody(test_path(""))) {
		free(path);
		test_skip("root cannot become nobody here");
	}
	expect_unopened(path, EACCES, "cannot be opened: Permission denied");
	test_be_again();
	free(path);
}

static void on_alarm(int sig)
{
}

static void test_interrupted_read(void **state)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	int fds[2], saved = dup(STDIN_FILENO);
	struct rs_error err = { 0 };

	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	sigaction(SIGALRM, &sa, &old);
	ualarm(20000, 0);
	assert_null(rs_source_open("-", &err));
	assert_int_equal(errno, EINTR);
	assert_int_equal(err.kind, RS_ERR_INTR);
	sigaction(SIGALRM, &old, NULL);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static unsigned int nr_entries(const char *dir)
{
	unsigned int n = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static char *new_folder(const char *name)
{
	char *dir = strdup(test_path(name));

	assert_int_equal(mkdir(dir, 0777), 0);
	return dir;
}

static char *in_folder(const char *dir, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

/* The name appears with the last byte; what was there before stays until then. */
static void test_outfile(void **state)
{
	char *dir = new_folder("out"), *path = in_folder(dir, "result"), *bytes;
	struct rs_error err = { 0 };
	struct rs_outfile *out = rs_outfile_open(path, &err);
	mode_t mask = umask(027);
	struct stat st;
	size_t len;

	assert_non_null(out);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), "one", 3, &err), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	rs_outfile_abort(out);
	assert_int_equal(nr_entries(dir), 2);

	out = rs_outfile_open(path, &err);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), "two", 3, &err), 0);
	assert_int_equal(rs_outfile_commit(out, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);

	out = rs_outfile_open(path, &err);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), "three", 5, &err), 0);
	bytes = test_read_file(path, &len);
	assert_string_equal(bytes, "two");
	free(bytes);
	assert_int_equal(rs_outfile_commit(out, &err), 0);
	bytes = test_read_file(path, &len);
	assert_string_equal(bytes, "three");
	free(bytes);
	assert_int_equal(nr_entries(dir), 3);
	rs_outfile_abort(NULL);
	umask(mask);
	free(path);
	free(dir);
}

static void test_outfile_through_link(void **state)
{
	char *dir = new_folder("links"), *path = in_folder(dir, "file"),
	     *link = in_folder(dir, "link"), *bytes;
	struct rs_error err = { 0 };
	struct rs_outfile *out;
	struct stat st;
	size_t len;

	test_write_file("links/file", "old", 3);
	assert_int_equal(symlink("file", link), 0);
	out = rs_outfile_open(link, &err);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), "new", 3, &err), 0);
	assert_int_equal(rs_outfile_commit(out, &err), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	bytes = test_read_file(path, &len);
	assert_string_equal(bytes, "new");
	free(bytes);
	free(link);
	free(path);
	free(dir);
}

static void expect_no_output(const char *path, const char *text)
{
	struct rs_error err = { 0 };

	assert_null(rs_writer_open(path, RS_FORM_TEXT, &err));
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_string_equal(err.file, path);
	assert_string_equal(err.text, text);
	assert_null(rs_writer_open(path, RS_FORM_TEXT, NULL));
}

static void test_no_output(void **state)
{
	expect_no_output("/", "cannot be written: Is a directory");
	expect_no_output("/nonexistent/x", "cannot be written: No such file or directory");
	expect_no_output("/dev/null/x", "cannot be written: Not a directory");
}

static void test_not_to_be_written(void **state)
{
	char *path = strdup(test_write_file("readonly", "x", 1));

	assert_non_null(path);
	assert_int_equal(chmod(path, 0444), 0);
	if (!test_be_nobody(test_path(""))) {
		free(path);
		test_skip("root cannot become nobody here");
	}
	expect_no_output(path, "cannot be written: Permission denied");
	test_be_again();
	free(path);
}

static void test_full_device(void **state)
{
	struct rs_error err = { 0 };
	struct rs_writer *w = rs_writer_open("/dev/full", RS_FORM_TEXT, &err);
	struct rs_event evs[1000];
	int rc = 0;

	assert_non_null(w);
	assert_int_equal(rs_writer_finish(w, NULL, &err), -ENOSPC);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_string_equal(err.file, "/dev/full");
	assert_string_equal(err.text, "cannot be written: No space left on device");

	/* The error comes when the buffer is written, and stays. */
	for (size_t i = 0; i < 1000; i++)
		evs[i] = (struct rs_event){ .type = RS_EV_LOST };
	w = rs_writer_open("/dev/full", RS_FORM_TEXT, &err);
	for (int i = 0; i < 100 && !rc; i++)
		rc = rs_writer_put(w, evs, 1000, &err);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(rs_writer_put(w, evs, 1, &err), -ENOSPC);
	assert_int_equal(rs_writer_finish(w, NULL, &err), -ENOSPC);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
}

static void test_no_such_form(void **state)
{
	struct rs_error err = { 0 };

	assert_null(rs_writer_open(test_path("x"), RS_FORM_UNKNOWN, &err));
	assert_int_equal(err.kind, RS_ERR_USAGE);
	assert_string_equal(err.text, "a trace cannot be written in the unknown form");
}

/* The reader gives the same events again, and the same metadata, not twice as much. */
static void test_reader_rewind(void **state)
{
	const char text[] = "retryscope-events 1\n1 1 lost\n#@ anomaly x 2\n2 1 lost count=1\n";
	const char *path = test_write_file("rewind", text, sizeof(text) - 1);
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	const struct rs_event *evs;

	assert_non_null(r);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rs_reader_next(r, &evs, &err), 2);
		assert_int_equal(evs[1].time_ns, 2);
		assert_int_equal(rs_reader_next(r, &evs, &err), 0);
		assert_int_equal(rs_reader_next(r, &evs, &err), 0);
		assert_int_equal(rs_reader_meta(r)->anomalies[0].count, 2);
		assert_int_equal(rs_reader_rewind(r, &err), 0);
	}
	assert_int_equal(rs_reader_form(r), RS_FORM_TEXT);
	rs_reader_close(r);
	rs_reader_close(NULL);
}

static void test_reader_pipe(void **state)
{
	const char text[] = "retryscope-events 1\n1 1 lost\n2 1 x\n";
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	struct rs_reader *r;
	int saved;
	pid_t pid = feed_stdin(text, sizeof(text) - 1, &saved);

	r = rs_reader_open("-", NULL, &err);
	assert_non_null(r);
	assert_int_equal(rs_reader_rewind(r, &err), -ESPIPE);
	assert_string_equal(err.file, "standard input");
	assert_int_equal(rs_reader_next(r, &evs, &err), 1);
	assert_int_equal(rs_reader_next(r, &evs, &err), -EINVAL);
	assert_string_equal(err.file, "standard input");
	assert_int_equal(rs_reader_next(r, &evs, &err), -EINVAL);
	rs_reader_close(r);
	end_stdin(pid, saved);
}

static int stop(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *seen = arg;

	assert_true(done <= total);
	return ++*seen == 2;
}

static void test_progress_stops(void **state)
{
	const char text[] = "retryscope-events 1\n1 1 lost\n";
	uint64_t seen = 0;
	struct rs_reader_opts opts = { .progress = stop, .progress_arg = &seen };
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	struct rs_reader *r =
		rs_reader_open(test_write_file("progress", text, sizeof(text) - 1), &opts, &err);

	assert_int_equal(rs_reader_next(r, &evs, &err), 1);
	assert_int_equal(rs_reader_next(r, &evs, &err), -EINTR);
	assert_int_equal(err.kind, RS_ERR_INTR);
	rs_reader_close(r);
}

static void test_unknown_form(void **state)
{
	const char *path = test_write_file("noise", "GIF89a", 6);
	struct rs_error err = { 0 };

	assert_null(rs_reader_open(path, NULL, &err));
	assert_int_equal(errno, EINVAL);
	assert_string_equal(err.file, path);
	assert_string_equal(err.text,
			    "is no trace: neither a trace.dat, nor what ftrace, trace-cmd or perf "
			    "print of one, nor the text form (which starts with "
			    "'retryscope-events 1'), nor the binary form");
	assert_null(rs_reader_open(path, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_file),
		cmocka_unit_test(test_zstd_file),
		cmocka_unit_test(test_zstd_truncated),
		cmocka_unit_test(test_zstd_damaged),
		cmocka_unit_test(test_zstd_long_window),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_seekable),
		cmocka_unit_test(test_seekable_without_space),
		cmocka_unit_test(test_stdin_in_the_middle),
		cmocka_unit_test(test_unopened),
		cmocka_unit_test(test_not_to_be_read),
		cmocka_unit_test(test_interrupted_read),
		cmocka_unit_test(test_outfile),
		cmocka_unit_test(test_outfile_through_link),
		cmocka_unit_test(test_no_output),
		cmocka_unit_test(test_not_to_be_written),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_no_such_form),
		cmocka_unit_test(test_reader_rewind),
		cmocka_unit_test(test_reader_pipe),
		cmocka_unit_test(test_progress_stops),
		cmocka_unit_test(test_unknown_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
