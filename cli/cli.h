/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_CLI_H
#define RS_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "replay/replay.h"

/* Exit codes: docs/man has them for users. */
enum {
	RS_EXIT_OK = 0,
	RS_EXIT_INPUT = 1,
	RS_EXIT_USAGE = 2,
	RS_EXIT_HOST = 3,
	RS_EXIT_OUTPUT = 4,
	RS_EXIT_INTR = 130,
};

/* One verb a file; each gets argv[0] = "retryscope VERB" and returns the exit code. */
int rs_cmd_synth(int argc, char **argv);
int rs_cmd_sweep(int argc, char **argv);
int rs_cmd_bench(int argc, char **argv);
int rs_cmd_help(int argc, char **argv);
int rs_cmd_probe(int argc, char **argv);
int rs_cmd_record(int argc, char **argv);
int rs_cmd_workload(int argc, char **argv);
int rs_cmd_info(int argc, char **argv);
int rs_cmd_layout(int argc, char **argv);
int rs_cmd_merge(int argc, char **argv);
int rs_cmd_report(int argc, char **argv);
int rs_cmd_compare(int argc, char **argv);
int rs_cmd_replay(int argc, char **argv);
int rs_cmd_convert(int argc, char **argv);
int rs_cmd_plot(int argc, char **argv);
int rs_cmd_top(int argc, char **argv);
int rs_cmd_faults(int argc, char **argv);

/* Prints a line with the program's version to stdout. */
void rs_cli_put_version(void);
/* Prints the table of algorithms to stdout. */
void rs_cli_list_algorithms(void);
/*
 * For a filter of argp's: @text with the names of the list in place of its "%s"; newly
 * allocated, or @text itself if there is no memory.
 */
char *rs_cli_put_algos(const char *text, enum rs_algo_list which);

/* For a filter of argp's: what @put writes, then an empty line and @text; likewise. */
char *rs_cli_help_before(const char *text, void (*put)(FILE *f));

struct argp;
struct argp_state;
struct rs_synth_params;
/*
 * For argp's parsers: ends the program by rs_cli_usage() if one of @algos, separated by commas,
 * is none.
 */
void rs_cli_check_algo_names(const struct argp_state *state, const char *algos);
/*
 * 0 if @name, of @len bytes, is an algorithm of @r; else as rs_error_set(), with what was
 * meant, or those that there are. @what: "the report has".
 */
int rs_cli_check_has_algo(const struct rs_result *r, const char *what, const char *name, size_t len,
			  struct rs_error *err);
/* rs_synth_set(), or the end of the program by rs_cli_usage(). */
void rs_cli_synth_set(const struct argp_state *state, struct rs_synth_params *p, const char *key,
		      const char *text);
/* The value of --jobs, or the end of the program by argp_error(). */
unsigned int rs_cli_jobs(const struct argp_state *state, const char *arg);
/*
 * argp_parse(), with -h, --usage and --version for each verb; comes back only when all is
 * parsed: without memory, it says so and ends.
 */
void rs_cli_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input);

/*
 * argp_error(), and a line "retryscope: ..." on stderr: both clean what they print
 * (base/clean.h), since arguments may be names that a shell found in a folder. They take no
 * memory, and leave out what is beyond 8 KiB.
 */
void rs_cli_usage(const struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void rs_cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Says that there is no memory and ends the program, while options are read; argp_failure() would
 * want some to say it. */
void rs_cli_no_memory(void) __attribute__((noreturn));
/* Which of @names, a list like "text|csv", @arg is, from 0; else the end as by rs_cli_usage(). */
unsigned int rs_cli_choice(const struct argp_state *state, const char *option, const char *names,
			   const char *arg);

/*
 * Which of @nr names, at most 32, @arg, a list like "vm,task", has: a bit for each. Else the end,
 * by a line that says @expected.
 */
unsigned int rs_cli_names(const struct argp_state *state, const char *option,
			  const char *(*name)(unsigned int i), unsigned int nr,
			  const char *expected, const char *arg);

/*
 * Set by SIGINT, SIGTERM and SIGHUP, which main() catches before a verb runs. A verb asks
 * for it and ends; if it has not 150 ms later, temporary files are removed and the process
 * ends with RS_EXIT_INTR wherever it is.
 */
extern volatile sig_atomic_t rs_cli_interrupted;
void rs_cli_catch_signals(void);
/* For a verb that takes as long as it needs to end: it only asks for the flag. */
void rs_cli_be_patient(void);

/* Says in @err which input it is about: a file, or "standard input" for -. */
void rs_cli_name_input(struct rs_error *err, const char *path);
/* Prints "retryscope: FILE:LINE: text" to stderr and returns the exit code for @err. */
int rs_cli_report(const struct rs_error *err);

/* A line on stderr, only if that is a terminal; also stops on SIGINT. */
struct rs_progress {
	const char *what;
	bool terminal, shown;
	int64_t last_ns;
};
/* @what, which lives as long as @p, stands before the figure. */
void rs_progress_init(struct rs_progress *p, const char *what);
/* For struct rs_reader_opts: @arg is the struct rs_progress. Nonzero once interrupted. */
int rs_progress_update(void *arg, uint64_t done, uint64_t total);
/* Takes the line away: call before anything else is printed. */
void rs_progress_end(struct rs_progress *p);

#endif
