// SPDX-License-Identifier: GPL-2.0-only
/* The journal: what is taken up after it was torn, damaged, or somebody else's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/sweep/journal.h"

#define CONFIG "ksm aliases=0,1\nseed 1\n"
#define FIRST "a,b,1\n"
#define SECOND "a,b,2\nsecond line,\n"

struct place {
	char dir[32], path[64];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/rs-journal-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/journal", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

static struct rs_journal *open_it(const struct place *p, const char *config)
{
	struct rs_error err = { 0 };
	struct rs_journal *j = rs_journal_open(p->path, config, &err);

	if (!j)
		print_error("%s\n", err.text);
	assert_non_null(j);
	return j;
}

/* Numbers out of order, as threads hand them in. */
static void write_two(const struct place *p)
{
	struct rs_journal *j = open_it(p, CONFIG);

	assert_null(rs_journal_get(j, 7));
	assert_int_equal(rs_journal_put(j, 7, SECOND, NULL), 0);
	assert_int_equal(rs_journal_put(j, 3, FIRST, NULL), 0);
	assert_string_equal(rs_journal_get(j, 3), FIRST);
	rs_journal_close(j, false);
}

static off_t size_of(const struct place *p)
{
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	return st.st_size;
}

static void test_again(void **state)
{
	struct rs_journal *j;

	write_two(*state);
	j = open_it(*state, CONFIG);
	assert_string_equal(rs_journal_get(j, 3), FIRST);
	assert_string_equal(rs_journal_get(j, 7), SECOND);
	assert_null(rs_journal_get(j, 0));
	assert_null(rs_journal_get(j, 8));
	/* A number twice: the first one stays. */
	assert_int_equal(rs_journal_put(j, 3, SECOND, NULL), 0);
	assert_string_equal(rs_journal_get(j, 3), FIRST);
	rs_journal_close(j, false);
	j = open_it(*state, CONFIG);
	assert_string_equal(rs_journal_get(j, 3), FIRST);
	rs_journal_close(j, true);
	assert_int_equal(access(((struct place *)*state)->path, F_OK), -1);
}

/* Cut off anywhere: pieces that are whole are there, and further ones can be added. */
static void test_torn(void **state)
{
	const struct place *p = *state;
	off_t whole, first;
	struct rs_journal *j;

	write_two(p);
	whole = size_of(p);
	unlink(p->path);
	/* The piece of number 3 is the last one: its head and its text. */
	first = whole - (off_t)strlen(FIRST) - (off_t)strlen("piece 3 6 0123456789abcdef\n");
	for (off_t cut = whole - 1; cut >= 0; cut--) {
		write_two(p);
		assert_int_equal(truncate(p->path, cut), 0);
		j = open_it(p, CONFIG);
		assert_null(rs_journal_get(j, 3));
		assert_int_equal(rs_journal_get(j, 7) != NULL, cut >= first);
		assert_int_equal(rs_journal_put(j, 5, FIRST, NULL), 0);
		rs_journal_close(j, false);
		j = open_it(p, CONFIG);
		assert_string_equal(rs_journal_get(j, 5), FIRST);
		assert_null(rs_journal_get(j, 3));
		rs_journal_close(j, true);
	}
}

static void flip(const struct place *p, off_t at)
{
	int fd = open(p->path, O_RDWR);
	char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* A bit changed anywhere: no piece has another text than it had. */
static void test_damaged(void **state)
{
	const struct place *p = *state;
	off_t whole;

	write_two(p);
	whole = size_of(p);
	for (off_t at = 0; at < whole; at++) {
		struct rs_error err = { 0 };
		struct rs_journal *j;
		bool lost;

		unlink(p->path);
		write_two(p);
		flip(p, at);
		j = rs_journal_open(p->path, CONFIG, &err);
		if (!j) {
			/* In the head: that is another's, and left alone. */
			assert_int_equal(errno, EEXIST);
			assert_int_equal(err.kind, RS_ERR_USAGE);
			assert_int_equal(size_of(p), whole);
			continue;
		}
		lost = !rs_journal_get(j, 3) || !rs_journal_get(j, 7);
		if (rs_journal_get(j, 3))
			assert_string_equal(rs_journal_get(j, 3), FIRST);
		if (rs_journal_get(j, 7))
			assert_string_equal(rs_journal_get(j, 7), SECOND);
		assert_true(lost);
		rs_journal_close(j, false);
	}
	unlink(p->path);
}

static void refuses(const struct place *p, const char *config, int error, int kind)
{
	struct rs_error err = { 0 };

	assert_null(rs_journal_open(p->path, config, &err));
	assert_int_equal(errno, error);
	assert_int_equal(err.kind, kind);
}

static void test_of_another(void **state)
{
	const struct place *p = *state;
	off_t size;
	FILE *f;

	write_two(p);
	size = size_of(p);
	refuses(p, "ksm aliases=0,2\nseed 1\n", EEXIST, RS_ERR_USAGE);
	assert_int_equal(size_of(p), size);
	/* No journal at all. */
	f = fopen(p->path, "w");
	assert_non_null(f);
	fputs("my only copy of something\n", f);
	fclose(f);
	refuses(p, CONFIG, EEXIST, RS_ERR_USAGE);
	assert_int_equal(size_of(p), strlen("my only copy of something\n"));
}

static void test_in_use(void **state)
{
	struct rs_journal *j = open_it(*state, CONFIG);

	refuses(*state, CONFIG, EBUSY, RS_ERR_USAGE);
	rs_journal_close(j, false);
	rs_journal_close(open_it(*state, CONFIG), true);
}

/* Somebody still has the file when its journal is closed: it is free all the same. */
static void test_free_when_closed(void **state)
{
	struct rs_journal *j = open_it(*state, CONFIG);
	int until[2];
	pid_t child;
	char c;

	assert_int_equal(pipe(until), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(until[1]);
		_exit(read(until[0], &c, 1) != 0);
	}
	rs_journal_close(j, false);
	rs_journal_close(open_it(*state, CONFIG), true);
	close(until[1]);
	close(until[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Each piece costs the same, however many there are, and in whatever order. */
static void test_many(void **state)
{
	const unsigned int nr = 100000;
	struct rs_journal *j = open_it(*state, CONFIG);
	const clock_t start = clock();

	for (unsigned int i = nr; i; i--)
		assert_int_equal(rs_journal_put(j, i, FIRST, NULL), 0);
	rs_journal_close(j, false);
	j = open_it(*state, CONFIG);
	assert_string_equal(rs_journal_get(j, 1), FIRST);
	assert_string_equal(rs_journal_get(j, nr), FIRST);
	assert_null(rs_journal_get(j, nr + 1));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	rs_journal_close(j, true);
}

static void test_cannot_be_written(void **state)
{
	struct rs_error err = { 0 };

	assert_null(rs_journal_open("/dev/full", CONFIG, &err));
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_null(rs_journal_open("/nowhere/journal", CONFIG, &err));
	assert_int_equal(errno, ENOENT);
	rs_journal_close(NULL, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_when_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test(test_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
