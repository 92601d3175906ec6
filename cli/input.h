/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_INPUT_H
#define RS_CLI_INPUT_H

#include <argp.h>
#include <stdio.h>

#include "replay/cut/cut.h"
#include "traces/trace.h"

/* Of the help of a verb: what FILE is. */
#define RS_INPUT_DOC                                                                      \
	"FILE is a trace.dat, the text form or the binary form, compressed or not; - is " \
	"standard input."

/*
 * What all verbs that replay a trace have in common: the FILE, and the options
 * that say how to read it.
 */
struct rs_input {
	const char *path;
	struct rs_reader_opts reader;
	const char *kernel_algo; /* as given; NULL: ask the trace */
	const char *traced_algo; /* of the trace, from start() on; NULL: not known */
	char traced_name[64];	 /* what that points to: the trace's own word may go */
	const char *assume_text, *tsc_text;
	const char *vm_text; /* NULL: all VMs */
	uint32_t vm;
	struct rs_cut_opts piece; /* what is read of it: --from and --until; one VM, for convert */
	uint64_t first_ns;	  /* of the whole trace's first event, once there is one */
	bool left_out;		  /* of the piece that was read: rs_cut_left_out() */
};

/*
 * A child for the verb's parser: its input is the struct rs_input. The verb's
 * own parser leaves arguments to it; exactly one FILE is accepted.
 */
extern const struct argp rs_input_argp;

/* An argument like those of --algo, or the end of the program by argp_error(). */
void rs_input_check_algos(struct argp_state *state, const char *algos);

/* What is done with the events, in their order. */
struct rs_input_sink {
	void *arg;
	/* Before the first events, once the kernel is known. 0 or negative errno with @err set. */
	int (*start)(void *arg, const struct rs_trace_meta *meta, struct rs_error *err);
	/* 0 or negative errno with @err set. */
	int (*events)(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err);
};

/*
 * Reads all of the input, or the piece of it, with a progress line on a terminal, until SIGINT or
 * SIGTERM. Returns the reader at the end of the trace, for rs_reader_close();
 * NULL with @err set.
 */
struct rs_reader *rs_input_read(struct rs_input *in, const struct rs_input_sink *sink,
				struct rs_error *err);
/* From start() on: the traced kernel's algorithm, the user's word or by its release; or NULL. */
const char *rs_input_kernel_algo(const struct rs_input *in);
/* With --vm and @found 0: -ENOENT with @err set, else 0. */
int rs_input_check_vm(const struct rs_input *in, size_t found, struct rs_error *err);
/* Adds these options and the FILE to a command line: cli/command.h. */
void rs_input_command(FILE *f, const struct rs_input *in);

#endif
