// SPDX-License-Identifier: GPL-2.0-only
/* A file that cannot be written stays as it is, and nothing is left beside it. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/outfile.h"
#include "tests/common/trace_file.h"

#define NOBODY 65534

static char *path_in(const char *dir, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static char *folder(const char *name)
{
	char *dir = strdup(test_path(name));

	assert_non_null(dir);
	assert_int_equal(mkdir(dir, 0777), 0);
	return dir;
}

static int nr_files(const char *dir)
{
	DIR *d = opendir(dir);
	int n = -2;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A folder takes the place of the target before it gets its name. */
static void test_no_name(void **state)
{
	char *dir = folder("no-name"), *path = path_in(dir, "result");
	struct rs_error err = { 0 };
	struct rs_outfile *out = rs_outfile_open(path, &err);

	assert_non_null(out);
	assert_int_equal(rs_write_all(rs_outfile_fd(out), "text", 4, &err), 0);
	assert_int_equal(nr_files(dir), 1);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_true(rs_outfile_commit(out, &err) < 0);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(nr_files(dir), 1); /* the folder */
	assert_int_equal(rmdir(path), 0);
	free(path);
	free(dir);
}

/* In a process that is not root, to whom nothing is read-only. 0: as it should be. */
static int try_read_only(const char *path, const char *dir)
{
	struct rs_error err = { 0 };
	struct rs_outfile *out;

	if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	out = rs_outfile_open(path, &err);
	if (out)
		return 2;
	if (errno != EACCES || err.kind != RS_ERR_OUTPUT || !strstr(err.text, strerror(EACCES)))
		return 3;
	return nr_files(dir) == 1 ? 0 : 4;
}

/*
 * The folder is writable, so the file could be replaced; but its owner said that it
 * is not to be written.
 */
static void test_read_only(void **state)
{
	char *dir = folder("read-only"), *path = path_in(dir, "result"), *bytes, *top;
	size_t len;
	int status;
	pid_t pid;

	test_write_file("read-only/result", "old", 3);
	top = strdup(test_path(""));
	assert_int_equal(chmod(top, 0711), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(chmod(path, 0444), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(try_read_only(path, dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	bytes = test_read_file(path, &len);
	assert_string_equal(bytes, "old");
	free(bytes);
	free(top);
	free(path);
	free(dir);
}

static void test_folder(void **state)
{
	char *dir = folder("folder");
	struct rs_error err = { 0 };

	assert_null(rs_outfile_open(dir, &err));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(nr_files(dir), 0);
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_name),
					    cmocka_unit_test(test_read_only),
					    cmocka_unit_test(test_folder) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
