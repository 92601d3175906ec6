// SPDX-License-Identifier: GPL-2.0-only
#include "cli/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "replay/replay.h"
#include "base/budget.h"
#include "base/parse.h"

enum { OPT_VM = 0x1000, OPT_KERNEL_ALGO, OPT_ASSUME, OPT_MEMSLOTS, OPT_TSC, OPT_BUDGET };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Input:", 1 },
	{ "vm", OPT_VM, "N", 0, "only the VM of that number (all)", 1 },
	{ "kernel-algo", OPT_KERNEL_ALGO, "NAME", 0,
	  "the traced kernel's algorithm, if its release misleads (backports)", 1 },
	{ "assume-duration", OPT_ASSUME, "TIME", 0,
	  "how long invalidations last, for a trace without their ends", 1 },
	{ "memslots", OPT_MEMSLOTS, "FILE", 0,
	  "memslot lines of the text form, for a trace without them", 1 },
	{ "assume-tsc-khz", OPT_TSC, "N", 0,
	  "how fast the TSC is whose cycles are the times of a trace.dat that does not say it", 1 },
	{ "budget", OPT_BUDGET, "SIZE", 0,
	  "what any input may take, beside what its own size allows (256M)", 1 },
	{ "jobs", 'j', "N", 0, "threads to use, without effect on the result (one per CPU)", 1 },
	{ 0 },
};

void rs_input_check_algos(struct argp_state *state, const char *algos)
{
	struct rs_error err = { 0 };
	struct rs_replay_opts opts = { .algos = algos };
	struct rs_replay *engine;

	rs_cli_check_algo_names(state, algos);
	engine = rs_replay_new(&opts, &err);
	if (!engine && err.kind == RS_ERR_USAGE)
		rs_cli_usage(state, "%s", err.text);
	if (!engine)
		exit(rs_cli_report(&err));
	rs_replay_free(engine);
}

/* 1: @name is of one algorithm; 0: of none; -ENOMEM with @err: that is not known. */
static int is_algo(const char *name, struct rs_error *err)
{
	struct rs_error why = { 0 };
	struct rs_replay_opts opts = { .algos = name };
	struct rs_replay *engine = strchr(name, ',') ? NULL : rs_replay_new(&opts, &why);

	if (!engine && why.kind == RS_ERR_SYSTEM)
		return rs_error_nomem(err);
	rs_replay_free(engine);
	return engine != NULL;
}

static uint32_t parse_u32(struct argp_state *state, const char *option, const char *arg)
{
	uint64_t v;

	if (rs_parse_u64(arg, &v) || v > UINT32_MAX)
		rs_cli_usage(state, "%s: a number expected, not '%s'", option, arg);
	return (uint32_t)v;
}

static void parse_duration(struct argp_state *state, struct rs_input *in, const char *arg)
{
	if (rs_parse_time(arg, &in->reader.assume_duration_ns) || !in->reader.assume_duration_ns)
		rs_cli_usage(state, "--assume-duration: a time like 50us expected, not '%s'", arg);
	in->assume_text = arg;
}

static void parse_budget(struct argp_state *state, const char *arg)
{
	uint64_t bytes;

	if (rs_parse_size(arg, &bytes) || !bytes)
		rs_cli_usage(state, "--budget: a size like 2G expected, not '%s'", arg);
	rs_budget_set_base(bytes);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rs_input *in = state->input;

	switch (key) {
	case OPT_VM:
		in->vm_text = arg;
		in->vm = parse_u32(state, "--vm", arg);
		return 0;
	case OPT_KERNEL_ALGO:
		if (strchr(arg, ','))
			rs_cli_usage(state, "--kernel-algo: one algorithm expected, not '%s'", arg);
		rs_input_check_algos(state, arg);
		in->kernel_algo = in->reader.kernel_algo = arg;
		return 0;
	case OPT_ASSUME:
		parse_duration(state, in, arg);
		return 0;
	case OPT_MEMSLOTS:
		in->reader.memslots_path = arg;
		return 0;
	case OPT_TSC:
		in->tsc_text = arg;
		in->reader.assume_tsc_khz = parse_u32(state, "--assume-tsc-khz", arg);
		if (!in->reader.assume_tsc_khz)
			rs_cli_usage(state, "--assume-tsc-khz: a number expected, not '%s'", arg);
		return 0;
	case OPT_BUDGET:
		parse_budget(state, arg);
		return 0;
	case 'j':
		in->reader.jobs = rs_cli_jobs(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (in->path)
			rs_cli_usage(state, "only one FILE expected, not also '%s'", arg);
		in->path = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		rs_cli_usage(state, "FILE expected");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp rs_input_argp = { .options = options, .parser = parse };

static ssize_t next_events(struct rs_reader *reader, const struct rs_event **evs,
			   struct rs_error *err)
{
	if (rs_cli_interrupted)
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	return rs_reader_next(reader, evs, err);
}

/* The piece of a trace that is read, which is a trace of its own. */
struct piece {
	struct rs_cut *cut;	      /* NULL: all of it is read */
	struct rs_identity *identity; /* NULL: not asked for */
	struct rs_block *blocks;      /* of the input, if it has an index */
	size_t nr_blocks, block;      /* how many; which is read next */
};

/* The events are the piece's, or the error is what was asked of it. */
static int put_piece(const struct rs_input *in, const struct piece *p,
		     const struct rs_input_sink *sink, const struct rs_event *evs, ssize_t n,
		     struct rs_error *err)
{
	if (n < 0)
		rs_error_set_file(err, in->path);
	else if (p->identity)
		rs_identity_add(p->identity, evs, (size_t)n);
	return n <= 0 ? (int)n : sink->events(sink->arg, evs, (size_t)n, err);
}

static int put(const struct rs_input *in, const struct piece *p, const struct rs_input_sink *sink,
	       const struct rs_event *evs, size_t n, struct rs_error *err)
{
	const struct rs_event *kept;
	ssize_t kept_nr;

	if (!p->cut)
		return sink->events(sink->arg, evs, n, err);
	kept_nr = rs_cut_feed(p->cut, evs, n, &kept, err);
	return put_piece(in, p, sink, kept, kept_nr, err);
}

static int finish_piece(struct rs_input *in, const struct piece *p, struct rs_reader *reader,
			const struct rs_input_sink *sink, struct rs_error *err)
{
	const struct rs_event *evs = NULL;
	const ssize_t n = rs_cut_finish(p->cut, &evs, err);
	struct rs_trace_meta *meta = rs_reader_change_meta(reader);
	int rc = put_piece(in, p, sink, evs, n, err);

	in->left_out = rs_cut_left_out(p->cut);
	if (!rc && rs_cut_note(p->cut, meta))
		rc = rs_error_nomem(err);
	if (!rc && p->identity)
		rs_identity_get(p->identity, meta->identity);
	return rc;
}

/* After each block: an index says where the piece is. To see damage, all must be read. */
static int skip(const struct rs_input *in, struct piece *p, struct rs_reader *reader,
		struct rs_error *err)
{
	const size_t next = ++p->block;

	if (next == 1 && p->cut && !in->reader.repair)
		p->blocks = rs_reader_blocks(reader, &p->nr_blocks);
	if (!p->blocks)
		return 0;
	if (rs_cut_next_block(p->cut, p->blocks, p->nr_blocks, &p->block))
		return rs_error_nomem(err);
	return p->block == next ? 0 : rs_reader_skip_to(reader, p->block, err);
}

static int feed(struct rs_input *in, struct piece *p, struct rs_reader *reader,
		const struct rs_input_sink *sink, struct rs_error *err)
{
	const struct rs_event *evs;
	ssize_t n = next_events(reader, &evs, err);
	const char *algo;
	int rc;

	/* Every form tells the kernel before its first event. */
	algo = rs_meta_kernel_algo(rs_reader_meta(reader));
	/* A fact may say anything. */
	in->traced_algo = NULL;
	rc = algo && strlen(algo) < sizeof(in->traced_name) ? is_algo(algo, err) : 0;
	if (rc > 0)
		in->traced_algo = strcpy(in->traced_name, algo);
	if (rc >= 0)
		rc = n < 0 ? (int)n : sink->start(sink->arg, rs_reader_meta(reader), err);
	if (n > 0)
		in->first_ns = evs[0].time_ns;
	while (!rc && n > 0) {
		rc = put(in, p, sink, evs, (size_t)n, err);
		if (!rc)
			rc = skip(in, p, reader, err);
		if (!rc) /* not after an error, which the next one would hide */
			n = next_events(reader, &evs, err);
	}
	return rc ? rc : n < 0 ? (int)n : 0;
}

static bool assumes_tsc(const struct rs_trace_meta *meta)
{
	for (size_t i = 0; i < meta->nr_assumptions; i++)
		if (!strncmp(meta->assumptions[i], "The TSC is assumed ", 19))
			return true;
	return false;
}

/* Nobody should believe that figures rest on an assumption that was not made. */
static void note_unused(const struct rs_input *in, const struct rs_trace_meta *meta)
{
	if (meta->nr_assumptions == assumes_tsc(meta) &&
	    (in->assume_text || in->reader.memslots_path))
		rs_cli_say("%s: tells all by itself: %s had no effect", in->path,
			   in->assume_text ? "--assume-duration" : "--memslots");
	if (in->tsc_text && !assumes_tsc(meta))
		rs_cli_say("%s: tells all by itself: --assume-tsc-khz had no effect", in->path);
}

static void close_piece(struct piece *p)
{
	rs_cut_free(p->cut);
	rs_identity_free(p->identity);
	free(p->blocks);
}

/* The reader's identity would be that of the whole. */
static int open_piece(struct rs_input *in, struct piece *p, struct rs_error *err)
{
	if (!in->piece.from && !in->piece.until && !in->piece.one_vm)
		return 0;
	p->cut = rs_cut_new(&in->piece, err);
	if (!p->cut)
		return -errno;
	if (in->reader.identity)
		p->identity = rs_identity_new();
	if (in->reader.identity && !p->identity) {
		close_piece(p);
		return rs_error_nomem(err);
	}
	in->reader.identity = false;
	return 0;
}

struct rs_reader *rs_input_read(struct rs_input *in, const struct rs_input_sink *sink,
				struct rs_error *err)
{
	struct rs_progress progress;
	struct piece piece = { 0 };
	struct rs_reader *reader;
	int rc;

	if (open_piece(in, &piece, err))
		return NULL;
	rs_progress_init(&progress, in->path);
	in->reader.progress = rs_progress_update;
	in->reader.progress_arg = &progress;
	reader = rs_reader_open(in->path, &in->reader, err);
	rc = reader ? feed(in, &piece, reader, sink, err) : -EINVAL;
	rs_progress_end(&progress);
	if (!rc)
		note_unused(in, rs_reader_meta(reader));
	if (!rc && piece.cut)
		rc = finish_piece(in, &piece, reader, sink, err);
	close_piece(&piece);
	if (!rc)
		return reader;
	/* The engine knows no files. */
	if (reader && !err->file[0] && err->kind == RS_ERR_INPUT)
		rs_error_set_file(err, in->path);
	rs_reader_close(reader);
	return NULL;
}

const char *rs_input_kernel_algo(const struct rs_input *in)
{
	return in->kernel_algo ? in->kernel_algo : in->traced_algo;
}

int rs_input_check_vm(const struct rs_input *in, size_t found, struct rs_error *err)
{
	if (!in->vm_text || found)
		return 0;
	rs_error_set(err, RS_ERR_USAGE, ENOENT, "no VM %s in the trace", in->vm_text);
	rs_error_set_file(err, in->path);
	return -ENOENT;
}

static void put_when(FILE *f, const char *option, bool given, bool absolute, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%" PRIu64 "ns", absolute ? "@" : "", ns);
	rs_command_option(f, option, given ? text : NULL);
}

void rs_input_command(FILE *f, const struct rs_input *in)
{
	const struct rs_cut_opts *p = &in->piece;

	put_when(f, "--from", p->from, p->from_absolute, p->from_ns);
	put_when(f, "--until", p->until, p->until_absolute, p->until_ns);
	rs_command_option(f, "--vm", in->vm_text);
	rs_command_option(f, "--kernel-algo", in->kernel_algo);
	rs_command_option(f, "--assume-duration", in->assume_text);
	rs_command_option(f, "--memslots", in->reader.memslots_path);
	rs_command_option(f, "--assume-tsc-khz", in->tsc_text);
	rs_command_file(f, in->path);
}
