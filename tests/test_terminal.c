// SPDX-License-Identifier: GPL-2.0-only
/* What depends on where output goes, and what a signal does meanwhile: progress, binary output,
 * merge. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/program.h"

#define ALIASES TEST_DATA "/cli/in/aliases.txt"

static struct program p;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void says(const char *text)
{
	if (!strstr(p.err.text, text))
		fail_msg("'%s' is not what it said: %s", text, p.err.text);
}

/* Some thousand events a time, so that its reader comes by often. */
static void feed(int fd, unsigned int events)
{
	static uint64_t t = 1000;
	static char text[1 << 18];
	size_t n = 0;

	for (unsigned int i = 0; i < events; i++, t += 10)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%llu 1 fault_begin vcpu=0 gfn=0x10\n"
				      "%llu 1 fault_check vcpu=0 result=ok\n",
				      (unsigned long long)t, (unsigned long long)t + 5);
	assert_true(n < sizeof(text) - 1);
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, text + done, n - done);

		if (w <= 0) {
			program_end(&p);
			fail_msg("it does not read on: %s", p.err.text);
		}
		done += (size_t)w;
	}
}

static int start_reading(bool terminal)
{
	static const char *const argv[] = { RETRYSCOPE, "replay", "-", NULL };
	static const char head[] = "retryscope-events 1\n#@ level full\n"
				   "0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000\n";
	struct program_opts o = { .argv = argv, .terminal_err = terminal };
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	o.in = fds[0];
	program_start(&p, &o);
	close(fds[0]);
	assert_int_equal(write(fds[1], head, sizeof(head) - 1), sizeof(head) - 1);
	return fds[1];
}

/* Five times a second is enough for whoever watches; more would be what takes the time. */
static void test_progress(void **state)
{
	int fd = start_reading(true);
	int64_t begin = now_ms(), ms;
	unsigned int redrawn, taken;

	/* A busy machine lets it draw later. */
	do {
		feed(fd, 2000);
		usleep(5000);
		program_has_ended(&p);
		ms = now_ms() - begin;
	} while (ms < 1000 || (count(p.err.text, "\r-: ") < 2 && ms < 30000));
	close(fd);
	assert_int_equal(program_end(&p), 0);
	ms = now_ms() - begin;
	redrawn = count(p.err.text, "\r-: ");
	taken = count(p.err.text, "\r\033[K");
	if (redrawn < 2 || redrawn > ms / 200 + 1)
		fail_msg("it was drawn %u times in %d ms", redrawn, (int)ms);
	says(" MB");
	if (taken != 1 || strcmp(p.err.text + p.err.len - 4, "\r\033[K"))
		fail_msg("the line of progress is left: %s", p.err.text);
	assert_non_null(strstr(p.out.text, "faults checked"));
}

static void test_progress_is_for_terminals(void **state)
{
	int fd = start_reading(false);

	for (int i = 0; i < 10; i++) {
		feed(fd, 2000);
		usleep(50000);
	}
	close(fd);
	assert_int_equal(program_end(&p), 0);
	assert_string_equal(p.err.text, "");
}

static void test_interrupted(void **state)
{
	int fd = start_reading(true);

	for (int i = 0; i < 10; i++) {
		feed(fd, 2000);
		usleep(50000);
	}
	assert_true(program_catches(&p, SIGINT));
	kill(p.pid, SIGINT);
	assert_int_equal(program_end(&p), 130);
	close(fd);
	says("interrupted\n");
	assert_string_equal(p.out.text, "");
}

/* A share of what is known beforehand is told in per cent. */
static void test_percent(void **state)
{
	static const char *const argv[] = { RETRYSCOPE,
					    "bench",
					    "--rounds",
					    "30",
					    "--round-time",
					    "20ms",
					    "--outstanding",
					    "1",
					    "--memslots",
					    "10",
					    "--aliases",
					    "0",
					    "--ended",
					    "0",
					    "--algo",
					    "gfn",
					    NULL };
	struct program_opts o = { .argv = argv, .terminal_err = true };
	int last = -1, now;

	program_start(&p, &o);
	assert_int_equal(program_end(&p), 0);
	for (const char *at = p.err.text; (at = strstr(at, "\rbench: ")); at++) {
		assert_int_equal(sscanf(at, "\rbench: %d %%", &now), 1);
		assert_true(now >= last && now <= 100);
		last = now;
	}
	assert_true(last > 0);
}

static void test_binary_to_a_terminal(void **state)
{
	static const char *const binary[] = {
		RETRYSCOPE, "convert", "--to", "binary", ALIASES, NULL
	};
	static const char *const to_file[] = { RETRYSCOPE, "convert",	"--to",	 "binary",
					       "-o",	   "/dev/null", ALIASES, NULL };
	static const char *const text[] = { RETRYSCOPE, "convert", ALIASES, NULL };
	struct program_opts o = { .argv = binary, .terminal_out = true };

	program_start(&p, &o);
	if (program_end(&p) != 2)
		fail_msg("the binary form is written to a terminal");
	assert_string_equal(p.out.text, "");
	assert_string_equal(p.err.text, "retryscope: the binary form is not written to a terminal; "
					"see -o\n");
	o.argv = to_file;
	program_start(&p, &o);
	assert_int_equal(program_end(&p), 0);
	o.argv = text;
	program_start(&p, &o);
	assert_int_equal(program_end(&p), 0);
	assert_non_null(strstr(p.out.text, "retryscope-events 1\n"));
	o = (struct program_opts){ .argv = binary, .terminal_err = true };
	program_start(&p, &o);
	assert_int_equal(program_end(&p), 0);
	assert_true(p.out.len > 16);
}

#define RED "\033[1;31m"
#define END "\033[0m"

/* What @argv writes has to stand out, or must have no escape at all. */
static void stands_out(const char *const *argv, bool terminal, const char *const *env,
		       const char *text)
{
	const struct program_opts o = { .argv = argv, .terminal_out = terminal, .env = env };

	program_start(&p, &o);
	assert_int_equal(program_end(&p), 0);
	if (text ? !strstr(p.out.text, text) : strchr(p.out.text, '\033') != NULL)
		fail_msg("%s %s: %s: %s", argv[1], argv[2], text ? text : "it is colored",
			 p.out.text);
}

#define VERB(...) ((const char *const[]){ RETRYSCOPE, __VA_ARGS__, NULL })
#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define LOST TEST_DATA "/cli/in/lost.txt"
#define MISMATCH TEST_DATA "/cli/in/mismatch.txt"
#define MISSED RED "gfn-v7 missed 1 fault that had to be retried"

/* Each line by itself, and of a table the figure alone. */
static void test_what_is_wrong_stands_out(void **state)
{
	const char *const *xterm = ENV("TERM=xterm", "NO_COLOR=");

	stands_out(VERB("replay", ALIASES), true, xterm, MISSED);
	stands_out(VERB("replay", ALIASES), true, xterm, RED "1" END);
	stands_out(VERB("replay", LOST), true, xterm, RED "LOST: ");
	stands_out(VERB("replay", MISMATCH), true, xterm, RED "The model's gfn agrees");
	stands_out(VERB("info", LOST), true, xterm, RED "LOST: ");
	stands_out(VERB("top", "--algo", "gfn-v7", ALIASES), true, xterm, RED "         1" END);
	stands_out(VERB("faults", "--algo", "gfn-v7", "--missed", ALIASES), true, xterm, RED);
	stands_out(VERB("compare", LOST, "--", ALIASES), true, xterm, RED "- ");
	/* Nothing is wrong here. */
	stands_out(VERB("replay", "--algo", "hva", ALIASES), true, xterm, NULL);
	stands_out(VERB("replay", ALIASES), true, xterm, MISSED);
	assert_int_equal(count(p.out.text, RED), count(p.out.text, END));
}

static void test_color_is_for_terminals(void **state)
{
	stands_out(VERB("replay", ALIASES), false, ENV("TERM=xterm", "NO_COLOR="), NULL);
	stands_out(VERB("replay", ALIASES), true, ENV("TERM=xterm", "NO_COLOR=1"), NULL);
	stands_out(VERB("replay", ALIASES), true, ENV("TERM=dumb", "NO_COLOR="), NULL);
	stands_out(VERB("replay", ALIASES), true, ENV("TERM=", "NO_COLOR="), NULL);
	stands_out(VERB("replay", "--color=never", ALIASES), true, ENV("TERM=xterm", "NO_COLOR="),
		   NULL);
	stands_out(VERB("replay", "--color=auto", ALIASES), true, ENV("TERM=xterm", "NO_COLOR=1"),
		   NULL);
	stands_out(VERB("replay", "--color=always", ALIASES), false, ENV("TERM=dumb", "NO_COLOR=1"),
		   MISSED);
	for (const char *const *format = VERB("mail", "json", "csv") + 1; *format; format++)
		stands_out(VERB("replay", "--color=always", "--format", *format, ALIASES), true,
			   ENV("TERM=xterm", "NO_COLOR="), NULL);
}

/*
 * merge gets its second report slowly, and a signal meanwhile: whether that comes
 * while it waits or when it has all, there is no sum of what it has.
 */
static void interrupt_merge(bool has_all)
{
	static char report[1 << 18];
	static const char *const replay[] = { RETRYSCOPE, "replay", "--format",
					      "json",	  ALIASES,  NULL };
	static const char *const merge[] = { RETRYSCOPE, "merge", "-", NULL };
	struct program_opts o = { .argv = merge };
	size_t len;
	int fds[2];

	assert_int_equal(program_run(&p, replay), 0);
	len = p.out.len;
	memcpy(report, p.out.text, len);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	o.in = fds[0];
	program_start(&p, &o);
	close(fds[0]);
	assert_int_equal(write(fds[1], report, len / 2), (ssize_t)(len / 2));
	assert_true(program_catches(&p, SIGINT));
	usleep(50000); /* it may as well have begun to read */
	if (has_all) {
		kill(p.pid, SIGSTOP);
		assert_int_equal(write(fds[1], report + len / 2, len - len / 2),
				 (ssize_t)(len - len / 2));
		close(fds[1]);
	}
	kill(p.pid, SIGINT);
	kill(p.pid, SIGCONT);
	if (program_end(&p) != 130)
		fail_msg("it ends with %d and says: %s", p.status >> 8, p.err.text);
	says("interrupted\n");
	assert_ptr_equal(strchr(p.err.text, '\n'), p.err.text + p.err.len - 1);
	assert_string_equal(p.out.text, "");
	if (!has_all)
		close(fds[1]);
}

static void test_merge_interrupted(void **state)
{
	interrupt_merge(false);
	interrupt_merge(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_is_for_terminals),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_binary_to_a_terminal),
		cmocka_unit_test(test_what_is_wrong_stands_out),
		cmocka_unit_test(test_color_is_for_terminals),
		cmocka_unit_test(test_merge_interrupted),
	};

	/* A program that ends early is told by what it says. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
