/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_PROGRAM_H
#define RS_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A program that runs beside a test: what it says on standard output and standard
 * error is kept apart, either can be a terminal. All of these fail the running
 * cmocka test if they cannot do their work.
 */
struct program {
	pid_t pid;
	int status; /* as from waitpid(), once it has ended */
	bool ended;
	struct program_stream {
		int fd;
		size_t len;
		char text[1 << 18];
	} out, err;
};

struct program_opts {
	const char *const *argv; /* NULL at the end; argv[0] is a path */
	bool terminal_out, terminal_err;
	int in;			/* standard input; 0: /dev/null */
	const char *preload;	/* a shared library to be loaded before all others; NULL: none */
	const char *const *env; /* "NAME=VALUE" to be added, NULL at the end; NULL: none */
	bool ignore_hup;
	/* Called with its pid before it is executed. May be NULL. */
	void (*before)(void *arg, pid_t pid);
	void *arg;
};

void program_start(struct program *p, const struct program_opts *opts);
/* Takes what it says, until @text stands in @s; false once it has ended without, or 30 s are over.
 */
bool program_says(struct program *p, struct program_stream *s, const char *text);
/* Takes what it has said so far; whether it has ended. */
bool program_has_ended(struct program *p);
/* Waits until it has a handler for @sig, half a minute at most; false: it ended before. */
bool program_catches(struct program *p, int sig);
/* Waits for its end, a minute at most. Its exit code, or minus the signal that killed it. */
int program_end(struct program *p);

/* The program under test, run to its end without input. */
int program_run(struct program *p, const char *const *argv);

#endif
