// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>

#include "analysis/info/info.h"
#include "analysis/report/report.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/piece.h"
#include "replay/replay.h"
#include "base/budget.h"

enum { OPT_JSON = 0x100 };

struct info_args {
	struct rs_input input;
	bool json;
	const char *output;
	struct rs_replay *engine;
	struct rs_inventory_builder *inventory;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "as JSON, with all memslots", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct info_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_piece_inputs(state, &a->input);
		a->input.reader.facts_do = true;
		a->input.reader.identity = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Tell what is in a trace: host, VMs, memslots and their aliases, events, losses, "
	       "and how the recorded state agrees with the model.\v" RS_INPUT_DOC,
	.children = rs_piece_children,
};

/* Of the engine only the traced kernel's own algorithm is wanted, for its state and decisions. */
static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct info_args *a = arg;
	const char *algo = rs_input_kernel_algo(&a->input);
	struct rs_replay_opts opts = {
		.algos = algo ? algo : "exact",
		.kernel_algo = algo,
		.one_vm = a->input.vm_text,
		.vm = a->input.vm,
	};

	a->engine = rs_replay_new(&opts, err);
	return a->engine ? 0 : -errno;
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct info_args *a = arg;

	if (rs_inventory_feed(a->inventory, evs, n, a->input.vm_text ? &a->input.vm : NULL))
		return rs_error_nomem(err);
	return rs_replay_feed(a->engine, evs, n, err);
}

static int write_info(const struct info_args *a, const struct rs_reader *reader,
		      const struct rs_result *r, const struct rs_inventory *inv,
		      struct rs_error *err)
{
	struct rs_report rep = {
		.result = r,
		.meta = rs_reader_meta(reader),
		.path = a->input.path,
		.form = rs_form_name(rs_reader_form(reader)),
		.version = RS_VERSION,
		.one_vm = a->input.vm_text,
		.vm = a->input.vm,
		.color = rs_color_of(a->output),
	};
	struct rs_output out;
	int rc = rs_output_open(&out, a->output, err);

	if (rc)
		return rc;
	rc = a->json ? rs_inventory_write_json(out.f, &rep, inv)
		     : rs_inventory_write_text(out.f, &rep, inv);
	return rs_output_end(&out, rc, err);
}

static int report(struct info_args *a, const struct rs_reader *reader, const struct rs_result *r,
		  struct rs_error *err)
{
	struct rs_inventory *inv = rs_inventory_finish(a->inventory, &rs_reader_meta(reader)->whos);
	int rc;

	a->inventory = NULL;
	if (!inv && errno == E2BIG)
		return rs_budget_met(err, "the pairs of its memslots that share pages");
	if (!inv)
		return rs_error_nomem(err);
	rc = rs_input_check_vm(&a->input, inv->nr_vms, err);
	if (!rc)
		rc = write_info(a, reader, r, inv, err);
	rs_inventory_free(inv);
	return rc;
}

/* It has told what is there; that it is not all is an error all the same. */
static int check_whole(const struct rs_reader *reader, const struct rs_result *r,
		       struct rs_error *err)
{
	const struct rs_error *damage = rs_reader_damage(reader);

	if (!damage)
		return 0;
	rs_error_set(err, RS_ERR_INPUT, EINVAL,
		     "%.300s; %s%" PRIu64 " events, which convert --repair keeps", damage->text,
		     rs_reader_form(reader) == RS_FORM_TRACE_DAT
			     ? "the rest is "
			     : "valid up to the last whole block, ",
		     r->events);
	rs_error_set_file(err, damage->file);
	err->offset = damage->offset;
	return -EINVAL;
}

static int run(struct info_args *a, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = a, .start = start, .events = events };
	struct rs_reader *reader = rs_input_read(&a->input, &sink, err);
	struct rs_result *r = reader ? rs_replay_finish(a->engine, err) : NULL;
	int rc = r ? report(a, reader, r, err) : -1;

	if (!rc)
		rc = check_whole(reader, r, err);
	rs_result_free(r);
	rs_reader_close(reader);
	rs_replay_free(a->engine);
	return rc;
}

int rs_cmd_info(int argc, char **argv)
{
	struct info_args a = { .inventory = rs_inventory_new(), .input.reader.repair = true };
	struct rs_error err = { .offset = -1 };
	int rc;

	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = a.inventory ? rs_output_check(a.output, &err) : rs_error_nomem(&err);
	if (!rc)
		rc = run(&a, &err);
	rs_inventory_abort(a.inventory);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
