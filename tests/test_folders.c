// SPDX-License-Identifier: GPL-2.0-only
/* Folders that are made for what goes into them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folders.h"
#include "base/temp.h"

static int go_to_new_folder(void **state)
{
	char *path;

	if (asprintf(&path, "%s/retryscope-test.XXXXXX", rs_temp_dir()) < 0)
		return -1;
	*state = path;
	return mkdtemp(path) && !chdir(path) ? 0 : -1;
}

static int leave_empty_folder(void **state)
{
	int rc = rmdir(*state);

	free(*state);
	return rc; /* what a test left in it fails the test */
}

static void put_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static void test_makes_what_is_missing(void **state)
{
	struct rs_folders f;
	struct rs_error err = { 0 };

	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(rs_folders_make(&f, "./a//b/c/", &err), 0);
	assert_true(is_there("a/b/c"));
	rs_folders_remove(&f);
	assert_false(is_there("a/b"));
	assert_true(is_there("a")); /* it was there */
	assert_int_equal(rs_folders_make(&f, "a/b/c", &err), 0);
	rs_folders_keep(&f);
	assert_true(is_there("a/b/c"));
	assert_int_equal(rs_folders_make(&f, "a/b/c", &err), 0);
	rs_folders_remove(&f);
	assert_true(is_there("a/b/c"));
	assert_int_equal(rmdir("a/b/c") | rmdir("a/b") | rmdir("a"), 0);
}

static void test_leaves_what_has_something(void **state)
{
	struct rs_folders f;
	struct rs_error err = { 0 };

	assert_int_equal(rs_folders_make(&f, "a/b/c", &err), 0);
	put_file("a/b/others");
	rs_folders_remove(&f);
	assert_false(is_there("a/b/c"));
	assert_true(is_there("a/b/others"));
	assert_int_equal(unlink("a/b/others") | rmdir("a/b") | rmdir("a"), 0);
}

static void test_makes_all_or_none(void **state)
{
	struct rs_folders f;
	struct rs_error err = { 0 };
	char path[320] = "a/b/";

	memset(path + strlen(path), 'x', 300);
	assert_int_equal(rs_folders_make(&f, path, &err), -ENAMETOOLONG);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_false(is_there("a"));
	put_file("file");
	assert_int_equal(rs_folders_make(&f, "file/a", &err), -ENOTDIR);
	assert_int_equal(unlink("file"), 0);
}

static void test_a_signal_takes_them_away(void **state)
{
	struct rs_folders f;
	struct rs_error err = { 0 };

	assert_int_equal(rs_folders_make(&f, "a/b/c", &err), 0);
	rs_temp_remove_all();
	assert_false(is_there("a"));
	rs_folders_keep(&f);
	assert_int_equal(rs_folders_make(&f, "a/b", &err), 0);
	rs_folders_keep(&f);
	rs_temp_remove_all();
	assert_true(is_there("a/b"));
	assert_int_equal(rmdir("a/b") | rmdir("a"), 0);
}

static void test_tells_before_whether_it_can(void **state)
{
	struct rs_error err = { 0 };

	assert_int_equal(rs_folders_check(".", &err), 0);
	assert_int_equal(rs_folders_check("a/b/c", &err), 0);
	assert_false(is_there("a"));
	put_file("file");
	assert_int_equal(rs_folders_check("file/a", &err), -ENOTDIR);
	assert_int_equal(rs_folders_check("file", &err), -ENOTDIR);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(unlink("file"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_makes_what_is_missing, go_to_new_folder,
						leave_empty_folder),
		cmocka_unit_test_setup_teardown(test_leaves_what_has_something, go_to_new_folder,
						leave_empty_folder),
		cmocka_unit_test_setup_teardown(test_makes_all_or_none, go_to_new_folder,
						leave_empty_folder),
		cmocka_unit_test_setup_teardown(test_a_signal_takes_them_away, go_to_new_folder,
						leave_empty_folder),
		cmocka_unit_test_setup_teardown(test_tells_before_whether_it_can, go_to_new_folder,
						leave_empty_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
