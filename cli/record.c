// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/write/units.h"
#include "capture/command.h"
#include "capture/session.h"
#include "cli/cli.h"
#include "cli/rewrite.h"
#include "base/clean.h"
#include "base/parse.h"

#define POLL_PAUSE_US 100000

enum {
	OPT_DURATION = 256,
	OPT_BUFFER,
	OPT_MAX_SIZE,
	OPT_CLOCK,
	OPT_WITHOUT,
	OPT_EVENTS,
	OPT_SAMPLE,
	OPT_MIN_LEVEL,
	OPT_DRY_RUN,
	OPT_CLEANUP,
	OPT_ROOT,
	OPT_ANONYMOUS,
};

struct record_args {
	struct rs_session_opts session;
	uint64_t duration_ns;
	char **command; /* NULL: none */
	bool cleanup, dry_run, quiet, anonymous;
};

/* From RS_LEVEL_FULL on downwards. */
#define LEVELS "full|partial|tracepoints"

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Write the trace.dat FILE", 0 },
	{ "duration", OPT_DURATION, "TIME", 0, "Stop after TIME", 0 },
	{ "pid", 'p', "PID", 0, "Record the VM of process PID, and stop when that ends", 0 },
	{ "buffer", OPT_BUFFER, "SIZE", 0,
	  "Kernel buffer per CPU (default: by free memory and the rate of events)", 0 },
	{ "max-size", OPT_MAX_SIZE, "SIZE", 0, "Stop after SIZE bytes, not yet compressed", 0 },
	{ "clock", OPT_CLOCK, "NAME", 0, "Trace clock (default: mono)", 0 },
	{ "events", OPT_EVENTS, "PART[,PART]", 0,
	  "Record these parts alone, of memslots, invalidations, faults, lookups, decisions", 0 },
	{ "sample", OPT_SAMPLE, "TIME/PERIOD", 0,
	  "Record in pieces: TIME of every PERIOD, as 1s/10s", 0 },
	{ "without", OPT_WITHOUT, "EVENT[,EVENT]", 0, "Leave these probes out", 0 },
	{ "anonymous", OPT_ANONYMOUS, NULL, 0,
	  "Write FILE in binary form, without names of hosts and tasks, process ids and host "
	  "addresses",
	  0 },
	{ "min-level", OPT_MIN_LEVEL, LEVELS, 0, "Refuse to record less (default: partial)", 0 },
	{ "dry-run", OPT_DRY_RUN, NULL, 0, "Print the probes and do nothing", 0 },
	{ "cleanup", OPT_CLEANUP, NULL, 0, "Remove what killed recorders left, and do no more", 0 },
	{ "quiet", 'q', NULL, 0, "Print only what went wrong", 0 },
	{ "root", OPT_ROOT, "DIR", 0, "Use what is below DIR, trace-cmd too, not this machine's",
	  0 },
	{ 0 },
};

_Static_assert(RS_NR_PROBE_EVENTS <= 32, "rs_cli_names() has a bit for each");

static const char *event_name(unsigned int ev)
{
	return rs_probe_event_name(ev);
}

static const char *part_name(unsigned int part)
{
	return rs_part_name(part);
}

/* The parts to leave out. STATE is no event, and what puts the others in order. */
static unsigned int parse_parts(const char *list, struct argp_state *state)
{
	const unsigned int parts =
		1U << RS_PART_STATE |
		rs_cli_names(state, "--events", part_name, RS_PART_STATE,
			     "memslots, invalidations, faults, lookups or decisions", list);

	if (!(parts & 1U << RS_PART_INVALIDATIONS))
		rs_cli_usage(state, "--events without invalidations: %s",
			     rs_part_without(RS_PART_INVALIDATIONS));
	if (parts & (1U << RS_PART_LOOKUPS | 1U << RS_PART_DECISIONS) &&
	    !(parts & 1U << RS_PART_FAULTS))
		rs_cli_usage(state, "--events: lookups and decisions are those of faults");
	return ((1U << RS_NR_PARTS) - 1) & ~parts;
}

/* Shorter pauses would be spent with taking the probes out and putting them in again. */
#define LEAST_SAMPLE_NS 100000000ULL

static void parse_sample(const char *arg, struct rs_session_opts *o, struct argp_state *state)
{
	const char *slash = strchr(arg, '/');
	char *time = slash ? strndup(arg, (size_t)(slash - arg)) : NULL;
	const bool good = time && !rs_parse_time(time, &o->piece_ns) &&
			  !rs_parse_time(slash + 1, &o->period_ns);

	if (slash && !time)
		rs_cli_no_memory();
	free(time);
	if (!good)
		rs_cli_usage(state, "--sample takes TIME/PERIOD as 1s/10s, not '%s'", arg);
	if (o->period_ns < o->piece_ns)
		rs_cli_usage(state, "--sample %s: TIME is longer than PERIOD", arg);
	if (o->piece_ns < LEAST_SAMPLE_NS || o->period_ns - o->piece_ns < LEAST_SAMPLE_NS)
		rs_cli_usage(state,
			     "--sample %s: pieces and pauses are at least 100ms long; a number "
			     "without a unit is ns",
			     arg);
}

static pid_t parse_pid(const char *text, struct argp_state *state)
{
	uint64_t pid;

	if (rs_parse_u64(text, &pid) || !pid || pid > INT32_MAX)
		rs_cli_usage(state, "--pid takes the id of a process, not '%s'", text);
	return (pid_t)pid;
}

static void parse_size(const char *option, const char *text, uint64_t *bytes,
		       struct argp_state *state)
{
	if (rs_parse_size(text, bytes) || !*bytes)
		rs_cli_usage(state, "--%s takes a size as 64K or 2G, not '%s'", option, text);
}

static void check_args(const struct record_args *a, struct argp_state *state)
{
	if (a->cleanup)
		return;
	if (!a->session.output && !a->dry_run)
		rs_cli_usage(state, "-o FILE is missing");
	if (a->session.output && !strcmp(a->session.output, "-"))
		rs_cli_usage(state, "a trace.dat cannot be written to standard output");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_args *a = state->input;

	switch (key) {
	case 'o':
		a->session.output = arg;
		return 0;
	case 'p':
		a->session.pid = parse_pid(arg, state);
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case OPT_DURATION:
		if (rs_parse_time(arg, &a->duration_ns) || !a->duration_ns)
			rs_cli_usage(state, "--duration takes a time as 10s or 5m, not '%s'", arg);
		return 0;
	case OPT_BUFFER:
		parse_size("buffer", arg, &a->session.buffer_bytes, state);
		return 0;
	case OPT_MAX_SIZE:
		parse_size("max-size", arg, &a->session.max_bytes, state);
		return 0;
	case OPT_CLOCK:
		a->session.clock = arg;
		return 0;
	case OPT_WITHOUT:
		a->session.withheld |=
			rs_cli_names(state, "--without", event_name, RS_NR_PROBE_EVENTS,
				     "names that `retryscope probe` lists", arg);
		return 0;
	case OPT_EVENTS:
		a->session.parts_withheld = parse_parts(arg, state);
		return 0;
	case OPT_SAMPLE:
		parse_sample(arg, &a->session, state);
		return 0;
	case OPT_MIN_LEVEL:
		a->session.min_level =
			RS_LEVEL_FULL - rs_cli_choice(state, "--min-level", LEVELS, arg);
		return 0;
	case OPT_ANONYMOUS:
		a->anonymous = true;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_CLEANUP:
		a->cleanup = true;
		return 0;
	case OPT_ROOT:
		a->session.root = arg;
		return 0;
	case ARGP_KEY_ARGS:
		a->command = state->argv + state->next;
		/* Before it runs there is nothing to measure. */
		a->session.measure = false;
		return 0;
	case ARGP_KEY_END:
		check_args(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/*
 * A terminal that goes away, or Ctrl-\, must not leave probes behind either. Under
 * nohup it may go.
 */
static void catch_signals(void)
{
	struct sigaction sa;

	rs_cli_be_patient();
	sigaction(SIGINT, NULL, &sa);
	sigaction(SIGQUIT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void say_waiting(void)
{
	fputs("retryscope: waiting for trace-cmd, which takes long to begin\n", stderr);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_status(const struct rs_session_stats *st)
{
	char rate[32], events[32], lost[32];

	fprintf(stderr, "\r%.0f s: %s events/s, %s events, %s lost, %.1f MiB, %u VM%s\033[K",
		(double)st->elapsed_ns / 1e9,
		rs_format_count((uint64_t)st->events_per_s, rate, sizeof(rate)),
		rs_format_count(st->events, events, sizeof(events)),
		rs_format_count(st->lost, lost, sizeof(lost)), (double)st->bytes / (1 << 20),
		st->nr_vms, plural(st->nr_vms));
}

struct ending {
	bool interrupted, no_space;
	const char *why; /* NULL: as it was asked for */
	int command_status;
};

/* Waits until there is a reason to stop. Negative errno: the capture is lost. */
static int wait_for_end(const struct record_args *a, struct rs_session *s,
			struct rs_command *command, struct ending *end, struct rs_error *err)
{
	const struct rs_session_stats *st = rs_session_stats(s);
	bool terminal = isatty(STDERR_FILENO) && !a->quiet;
	int ret = 0;
	uint64_t shown_ns = 0;

	while (!rs_cli_interrupted && (ret = rs_session_poll(s, err)) == RS_SESSION_RUNS) {
		if (command && rs_command_ended(command, &end->command_status))
			break;
		if (a->duration_ns && rs_session_elapsed_ns(s) >= a->duration_ns)
			break;
		if (terminal && st->elapsed_ns != shown_ns) {
			print_status(st);
			shown_ns = st->elapsed_ns;
		}
		usleep(POLL_PAUSE_US);
	}
	if (shown_ns)
		fputs("\r\033[K", stderr);
	end->interrupted = rs_cli_interrupted;
	end->no_space = ret == RS_SESSION_NO_SPACE;
	if (end->no_space)
		end->why = "too little space left on the device";
	else if (ret == RS_SESSION_MAX_SIZE)
		end->why = "--max-size is reached";
	return ret < 0 ? ret : 0;
}

static void print_losses(const struct rs_session_stats *st)
{
	char count[32];

	if (!st->lost)
		return;
	fprintf(stderr,
		"retryscope: %s event%s lost:", rs_format_count(st->lost, count, sizeof(count)),
		plural(st->lost));
	for (unsigned int cpu = 0; cpu < st->nr_cpus; cpu++) {
		const struct rs_cpu_stats *c = &st->cpus[cpu];
		uint64_t lost = c->overrun + c->commit_overrun + c->dropped;

		if (lost)
			fprintf(stderr, " CPU %u %s", cpu,
				rs_format_count(lost, count, sizeof(count)));
	}
	fprintf(stderr, "; a larger --buffer loses fewer\n");
}

static void print_misses(const struct rs_session_stats *st)
{
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++)
		if (st->misses[ev])
			fprintf(stderr, "retryscope: probe %s missed %" PRIu64 " time%s\n",
				rs_probe_event_name(ev), st->misses[ev], plural(st->misses[ev]));
}

/* Each a line that begins with @before. */
static void print_withheld(FILE *f, const char *before, unsigned int parts)
{
	for (unsigned int part = 0; part < RS_NR_PARTS; part++)
		if (parts >> part & 1)
			fprintf(f, "%swithout %s: %s\n", before, rs_part_name(part),
				rs_part_without(part));
}

static void print_missing(const struct rs_plan *p, unsigned int parts_withheld)
{
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_planned_probe *probe = &p->probes[ev];

		if (probe->state != RS_POINT_THERE && !rs_points[ev].optional &&
		    !(parts_withheld >> rs_points[ev].part & 1))
			rs_cli_say("not recorded: %s (%s%s%s)", rs_probe_event_name(ev),
				   rs_point_state_name(probe->state), probe->reason ? ": " : "",
				   probe->reason ? probe->reason : "");
	}
}

static void print_summary(const struct record_args *a, const struct rs_session *s)
{
	const struct rs_session_stats *st = rs_session_stats(s);
	char count[32], time[32], switched[32];

	print_losses(st);
	print_misses(st);
	if (a->quiet)
		return;
	if (a->session.period_ns)
		rs_cli_say("in pieces: %" PRIu64
			   " piece%s, %s of %s recorded, and %s of switching; "
			   "each is judged for itself",
			   st->pieces, plural(st->pieces),
			   rs_format_time((double)st->recorded_ns, count, sizeof(count)),
			   rs_format_time((double)st->elapsed_ns, time, sizeof(time)),
			   rs_format_time((double)st->switched_ns, switched, sizeof(switched)));
	print_withheld(stderr, "retryscope: ", a->session.parts_withheld);
	print_missing(rs_session_plan(s), a->session.parts_withheld);
	rs_cli_say("%s: %s events in %s of %u VM%s, %.1f MiB, buffers of %" PRIu64
		   " KiB per CPU, level %s",
		   a->session.output, rs_format_count(st->events, count, sizeof(count)),
		   rs_format_time((double)st->elapsed_ns, time, sizeof(time)), st->nr_vms,
		   plural(st->nr_vms), (double)st->file_bytes / (1 << 20), st->buffer_bytes >> 10,
		   rs_level_name(rs_session_plan(s)->level));
}

static void print_ending(const struct record_args *a, const struct ending *end)
{
	int status = end->command_status;

	if (end->why)
		rs_cli_say("%s: stopped: %s; what was captured is kept", a->session.output,
			   end->why);
	if (WIFSIGNALED(status))
		rs_cli_say("%s was killed by signal %d", a->command[0], WTERMSIG(status));
	else if (WEXITSTATUS(status))
		rs_cli_say("%s ended with %d", a->command[0], WEXITSTATUS(status));
}

static int capture(const struct record_args *a, struct rs_session *s, struct ending *end,
		   struct rs_error *err)
{
	struct rs_command *command = NULL;
	int ret;

	if (a->command) {
		command = rs_command_start(a->command, err);
		if (!command)
			return -errno;
	}
	ret = wait_for_end(a, s, command, end, err);
	if (!ret)
		ret = rs_session_finish(s, err);
	rs_command_free(command);
	if (!ret)
		print_summary(a, s);
	return ret;
}

/* What was recorded, without what tells whose it is, into @output; if that fails it stays. */
static int scrub(const char *recorded, const char *output, struct rs_error *err)
{
	struct rs_input input = { .path = recorded };
	struct rs_reader *reader;
	int rc;

	/* The signal that ended the recording does not end this. */
	rs_cli_interrupted = 0;
	rc = rewrite_trace(&input, output, RS_FORM_BINARY, true, &reader, err);
	rs_reader_close(reader);
	if (rc)
		rs_cli_say("%s is what was recorded, with all names", recorded);
	else
		unlink(recorded);
	return rc;
}

static int exit_code(const struct ending *end, const struct rs_error *close_err)
{
	if (end->no_space)
		return RS_EXIT_OUTPUT;
	if (end->interrupted)
		return RS_EXIT_INTR;
	return close_err->kind == RS_ERR_NONE ? RS_EXIT_OK : rs_error_exit_code(close_err);
}

/* Into the trace.dat @output; it is for @a to say where it goes in the end. */
static int record_to(const struct record_args *a, const char *output)
{
	struct rs_error err = { 0 }, close_err = { 0 };
	struct rs_session_opts opts = a->session;
	struct ending end = { 0 };
	struct rs_session *s;
	int ret;

	catch_signals();
	opts.output = output;
	opts.waiting = a->quiet ? NULL : say_waiting;
	s = rs_session_start(&opts, &err);
	if (!s)
		return rs_cli_report(&err);
	ret = capture(a, s, &end, &err);
	if (rs_session_close(s, &close_err))
		rs_cli_report(&close_err);
	if (!ret && a->anonymous)
		ret = scrub(output, a->session.output, &err);
	if (ret)
		return rs_cli_report(&err);
	print_ending(a, &end);
	return exit_code(&end, &close_err);
}

static int record(const struct record_args *a)
{
	char *recorded;
	int rc;

	if (!a->anonymous)
		return record_to(a, a->session.output);
	if (asprintf(&recorded, "%s.recorded", a->session.output) < 0)
		rs_cli_no_memory();
	rc = record_to(a, recorded);
	free(recorded);
	return rc;
}

static int cleanup(const struct record_args *a)
{
	struct rs_cleanup_result r;
	struct rs_error err = { 0 };

	int ret = rs_session_cleanup(a->session.root, &r, &err);

	/* Where a capture was put is no chatter. */
	if (r.remarks)
		fputs(r.remarks, stderr);
	free(r.remarks);
	if (ret)
		return rs_cli_report(&err);
	if (a->quiet)
		return RS_EXIT_OK;
	printf("%u killed recorder%s: removed what was left", r.removed, plural(r.removed));
	if (r.rescued)
		printf("; kept %u complete capture%s", r.rescued, plural(r.rescued));
	if (r.alive)
		printf("; %u still run%s", r.alive, r.alive == 1 ? "s" : "");
	if (r.foreign)
		printf("; left alone %u file%s that %s no note of this version", r.foreign,
		       plural(r.foreign), r.foreign == 1 ? "is" : "are");
	putchar('\n');
	return RS_EXIT_OK;
}

static void print_plan(const struct rs_plan *plan)
{
	if (plan->level_known)
		printf("# level %s\n", rs_level_name(plan->level));
	else
		printf("# level unknown (at most %s): %s\n", rs_level_name(plan->at_most),
		       plan->level_reason);
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		char *line = rs_plan_definition(plan, ev, RS_PROBE_GROUP);

		if (!line)
			printf("# %s: ", rs_probe_event_name(ev));
		rs_clean_put(stdout, line ? line : plan->probes[ev].reason);
		putchar('\n');
		free(line);
	}
	for (unsigned int i = 0; i < RS_NR_TRACEPOINTS; i++)
		if (plan->tracepoints[i].there)
			printf("# %s\n", plan->tracepoints[i].name);
}

static int dry_run(const struct record_args *a)
{
	struct rs_plan_opts opts = { .withheld = a->session.withheld,
				     .parts_withheld = a->session.parts_withheld,
				     .vm_pid = a->session.pid };
	struct rs_error err = { 0 };
	struct rs_host *h = rs_host_open(a->session.root, &err);
	struct rs_types *types;
	struct rs_plan *plan;

	if (!h)
		return rs_cli_report(&err);
	types = rs_types_load(h, NULL);
	plan = rs_plan_make(h, types, &opts);
	if (plan) {
		print_plan(plan);
		print_withheld(stdout, "# ", a->session.parts_withheld);
	}
	rs_plan_free(plan);
	rs_types_free(types);
	rs_host_close(h);
	return plan ? RS_EXIT_OK : RS_EXIT_OUTPUT;
}

int rs_cmd_record(int argc, char **argv)
{
	static const char doc[] = "Capture what KVM's memory notifiers and faults do on this host, "
				  "until COMMAND ends, "
				  "--duration is over, the VM of --pid ends, or SIGINT. Takes "
				  "root, and leaves nothing "
				  "in the kernel.";
	static const struct argp argp = {
		options, parse, "[-- COMMAND...]", doc, NULL, NULL, NULL
	};
	struct record_args a = { .session = { .min_level = RS_LEVEL_PARTIAL,
					      .measure = true,
					      .interrupted = &rs_cli_interrupted } };

	argp_err_exit_status = RS_EXIT_USAGE;
	rs_cli_parse(&argp, argc, argv, ARGP_IN_ORDER, &a);
	if (a.cleanup)
		return cleanup(&a);
	return a.dry_run ? dry_run(&a) : record(&a);
}
