// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/parse.h"
#include "base/temp.h"
#include "base/textbuf.h"
#include "cli/color.h"
#include "cli/near.h"

/* How long a verb has to end by itself after a signal. */
#define PATIENCE_US 150000
#define MAX_JOBS 1024
#define MAX_SAID 8192

enum { OPT_USAGE = 0x100, OPT_COLOR };

volatile sig_atomic_t rs_cli_interrupted;

static volatile sig_atomic_t patient, said;

/*
 * Wherever the program is, it ends: also where it cannot ask for the flag, inside a
 * library or gnuplot. What would be left behind is removed, and no more is done.
 */
static void last_resort(int sig)
{
	static const char line[] = "retryscope: interrupted\n";

	rs_temp_remove_all();
	if (!said && write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(RS_EXIT_INTR);
	_exit(RS_EXIT_INTR);
}

static void on_signal(int sig)
{
	static const struct itimerval soon = { .it_value = { .tv_usec = PATIENCE_US } };
	int errnum = errno;

	if (!patient && !rs_cli_interrupted)
		setitimer(ITIMER_REAL, &soon, NULL);
	rs_cli_interrupted = sig;
	errno = errnum;
}

/* No option has such a name; getopt would print it as it is. */
static bool is_foreign(const char *word)
{
	char name[256];

	if (word[0] != '-' || !word[1])
		return false;
	/* Behind a short option may be any value. */
	snprintf(name, sizeof(name), "%.*s", word[1] == '-' ? (int)strcspn(word, "=") : 2, word);
	for (const char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			return true;
	return false;
}

static void refuse_foreign_options(int argc, char **argv, unsigned int flags)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if ((flags & ARGP_IN_ORDER) && argv[i][0] != '-')
			return; /* a command, or the value of an option: it has options of its own
				 */
		if (!is_foreign(argv[i]))
			continue;
		rs_cli_say("no option '%s'; see `%s --help`", argv[i], argv[0]);
		exit(RS_EXIT_USAGE);
	}
}

static const struct argp_option common_options[] = {
	{ "help", 'h', NULL, 0, "Give this help list", -1 },
	{ NULL, '?', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "usage", OPT_USAGE, NULL, 0, "Give a short usage message", 0 },
	{ "color", OPT_COLOR, RS_COLOR_WHEN, 0,
	  "Whether what is wrong stands out in text (auto: on a terminal)", 0 },
	{ "version", 'V', NULL, 0, "Print the program's version", 0 },
	{ 0 },
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'h':
	case '?':
		argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
		return 0;
	case OPT_USAGE:
		argp_state_help(state, state->out_stream, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		return 0;
	case OPT_COLOR:
		rs_color_set(rs_cli_choice(state, "--color", RS_COLOR_WHEN, arg));
		return 0;
	case 'V':
		rs_cli_put_version();
		exit(RS_EXIT_OK);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp common_argp = { .options = common_options, .parser = parse_common };

void rs_cli_put_version(void)
{
	puts("retryscope " RS_VERSION);
}

void rs_cli_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input)
{
	const struct argp_child children[] = { { argp, 0, NULL, 0 },
					       { &common_argp, 0, NULL, 0 },
					       { 0 } };
	/* Without a parser of its own it hands @input to its first child. */
	const struct argp with_common = { .children = children };
	error_t rc;

	refuse_foreign_options(argc, argv, flags);
	/* What is wrong with the arguments it has said, and then ended, itself. */
	rc = argp_parse(&with_common, argc, argv, flags | ARGP_NO_HELP, NULL, input);

	if (!rc)
		return;
	fprintf(stderr, "retryscope: the arguments cannot be parsed: %s\n", strerror(rc));
	exit(RS_EXIT_OUTPUT);
}

void rs_cli_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal }, hup;
	struct sigaction at_last = { .sa_handler = last_resort };

	sigaction(SIGALRM, &at_last, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	/* Under nohup the terminal may go. */
	if (!sigaction(SIGHUP, NULL, &hup) && hup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	/* A limit on file sizes is an error of the write then. */
	signal(SIGXFSZ, SIG_IGN);
}

void rs_cli_be_patient(void)
{
	patient = 1;
}

/* The text, cleaned, as far as it fits. It is said as well when there is no memory. */
static void clean_text(char clean[MAX_SAID], const char *fmt, va_list ap)
{
	char text[MAX_SAID];

	vsnprintf(text, sizeof(text), fmt, ap);
	rs_clean(clean, MAX_SAID, text, RS_CLEAN_UTF8);
}

void rs_cli_usage(const struct argp_state *state, const char *fmt, ...)
{
	char text[MAX_SAID];
	va_list ap;

	va_start(ap, fmt);
	clean_text(text, fmt, ap);
	va_end(ap);
	argp_error(state, "%s", text);
}

void rs_cli_no_memory(void)
{
	fputs("retryscope: out of memory\n", stderr);
	exit(RS_EXIT_OUTPUT);
}

unsigned int rs_cli_choice(const struct argp_state *state, const char *option, const char *names,
			   const char *arg)
{
	unsigned int choice = 0;
	struct rs_near near;

	rs_near_init(&near, arg, strlen(arg));
	for (const char *p = names; *p; choice++) {
		const size_t len = strcspn(p, "|");

		if (strlen(arg) == len && !memcmp(arg, p, len))
			return choice;
		rs_near_try(&near, p, len);
		p += len + (p[len] == '|');
	}
	rs_cli_usage(state, "%s: %s expected, not '%s'%s", option, names, arg,
		     rs_near_hint(&near, ""));
	return 0;
}

unsigned int rs_cli_names(const struct argp_state *state, const char *option,
			  const char *(*name)(unsigned int i), unsigned int nr,
			  const char *expected, const char *arg)
{
	unsigned int bits = 0;

	for (const char *p = arg;; p++) {
		const size_t len = strcspn(p, ",");
		unsigned int i = 0;
		struct rs_near near;

		rs_near_init(&near, p, len);
		while (i < nr && (strlen(name(i)) != len || memcmp(name(i), p, len) != 0)) {
			rs_near_try(&near, name(i), strlen(name(i)));
			i++;
		}
		if (i == nr)
			rs_cli_usage(state, "%s: %s expected, not '%.*s'%s", option, expected,
				     (int)len, p, rs_near_hint(&near, ""));
		bits |= 1U << i;
		p += len;
		if (!*p)
			return bits;
	}
}

void rs_cli_say(const char *fmt, ...)
{
	char text[MAX_SAID];
	va_list ap;

	va_start(ap, fmt);
	clean_text(text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "retryscope: %s\n", text);
}

char *rs_cli_help_before(const char *text, void (*put)(FILE *f))
{
	char *out = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&out, &size);

	if (!f)
		return (char *)text;
	put(f);
	fprintf(f, "\n%s", text);
	return fclose(f) ? (char *)text : out;
}

unsigned int rs_cli_jobs(const struct argp_state *state, const char *arg)
{
	uint64_t jobs;

	if (rs_parse_u64(arg, &jobs) || !jobs || jobs > MAX_JOBS)
		rs_cli_usage(state, "--jobs: 1 to %d expected, not '%s'", MAX_JOBS, arg);
	return (unsigned int)jobs;
}

void rs_cli_name_input(struct rs_error *err, const char *path)
{
	rs_error_set_file(err, strcmp(path, "-") ? path : "standard input");
}

int rs_cli_report(const struct rs_error *err)
{
	char line[1024];

	said = 1;
	fprintf(stderr, "retryscope: %s\n", rs_error_format(err, line, sizeof(line)));
	return rs_error_exit_code(err);
}
