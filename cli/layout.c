// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/memory/memory.h"
#include "base/array.h"
#include "base/budget.h"
#include "base/parse.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/output.h"
#include "traces/trace.h"

enum { OPT_FORMAT = 0x100, OPT_AT };

#define FORMATS "text|json|csv"
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

/* Bytes that a VM with its first memslots takes, of the budget. */
#define GUEST_COST (64U << 10)

struct guest {
	uint32_t number;
	struct rs_vm *vm;
};

struct layout_args {
	enum format format;
	const char *output;
	bool at_given;
	uint64_t at_ns; /* since the trace's first event */
	struct rs_files files;

	/* Of the file that is read. */
	struct guest *guests;
	size_t nr_guests, max_guests;
	struct rs_hash by_number;
	struct rs_budget budget;
	bool begun;
	uint64_t begin_ns;

	struct rs_memory_row *rows;
	size_t nr_rows, max_rows;
};

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, FORMATS, 0, "how to print the table (text)", 0 },
	{ "at", OPT_AT, "TIME", 0, "of a trace, the memslots so long after its begin (at its end)",
	  0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct layout_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		return 0;
	case OPT_FORMAT:
		a->format = rs_cli_choice(state, "--format", FORMATS, arg);
		return 0;
	case OPT_AT:
		if (rs_parse_time(arg, &a->at_ns))
			rs_cli_usage(state, "--at: a time like 10ms expected, not '%s'", arg);
		a->at_given = true;
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
	.args_doc = "FILE...",
	.children = rs_files_children,
	.doc = "Tell how much of a guest's memory is aliased, and how wide a range of guest frames "
	       "becomes by it: a row for each VM of each FILE.\v"
	       "FILE is what QEMU's monitor prints for `info mtree -f`, memslots in the text form, "
	       "or a trace; - is standard input.",
};

static struct guest *find_guest(struct layout_args *a, uint32_t number, struct rs_error *err)
{
	const uint32_t i = rs_hash_find(&a->by_number, rs_hash_number(number), NULL, NULL);
	struct guest *g;

	if (i != RS_HASH_NONE)
		return &a->guests[i];
	if (!rs_budget_take(&a->budget, GUEST_COST)) {
		rs_budget_met(err, "its VMs");
		return NULL;
	}
	if (RS_ROOM(a->guests, a->max_guests, a->nr_guests + 1)) {
		rs_error_nomem(err);
		return NULL;
	}
	g = &a->guests[a->nr_guests];
	*g = (struct guest){ number, rs_vm_new() };
	if (!g->vm || rs_hash_add(&a->by_number, rs_hash_number(number), (uint32_t)a->nr_guests)) {
		rs_vm_free(g->vm);
		rs_error_nomem(err);
		return NULL;
	}
	a->nr_guests++;
	return g;
}

static int take_events(struct layout_args *a, const struct rs_event *evs, size_t n,
		       struct rs_error *err)
{
	for (const struct rs_event *ev = evs; ev < evs + n; ev++) {
		struct guest *g;

		if (!a->begun)
			a->begin_ns = ev->time_ns;
		a->begun = true;
		if (a->at_given && ev->time_ns > a->begin_ns &&
		    ev->time_ns - a->begin_ns > a->at_ns)
			return 1;
		if (ev->type != RS_EV_MEMSLOT || !rs_vm_takes(ev))
			continue;
		g = find_guest(a, ev->vm, err);
		if (!g)
			return -1;
		if (rs_vm_set_memslot(g->vm, ev->as, ev->memslot.id, ev->memslot.gfn,
				      ev->memslot.npages, ev->memslot.hva,
				      ev->memslot.flags) == RS_VM_NOMEM)
			return rs_error_nomem(err);
	}
	return 0;
}

static int compare_slots(const void *x, const void *y)
{
	const struct rs_memslot *a = x, *b = y;

	if (a->as != b->as)
		return a->as < b->as ? -1 : 1;
	return a->gfn < b->gfn ? -1 : a->gfn > b->gfn;
}

static int keep_slots(const struct rs_vm *vm, struct rs_memory_row *row)
{
	struct rs_memslot *slots = calloc((size_t)rs_vm_nr_memslots(vm) + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < rs_vm_nr_handles(vm); i++)
		if (rs_vm_memslot(vm, i)->present)
			slots[row->nr_slots++] = *rs_vm_memslot(vm, i);
	if (row->nr_slots)
		qsort(slots, row->nr_slots, sizeof(*slots), compare_slots);
	row->slots = slots;
	return 0;
}

static int add_row(struct layout_args *a, const struct guest *g, const char *path,
		   enum rs_form form, struct rs_error *err)
{
	struct rs_memory_row *row;

	if (RS_ROOM(a->rows, a->max_rows, a->nr_rows + 1))
		return rs_error_nomem(err);
	row = &a->rows[a->nr_rows];
	*row = (struct rs_memory_row){ .path = path, .form = rs_form_name(form), .vm = g->number };
	if (keep_slots(g->vm, row))
		return rs_error_nomem(err);
	a->nr_rows++;
	return rs_memory_survey(g->vm, &row->memory) ? rs_error_nomem(err) : 0;
}

static int compare_guests(const void *x, const void *y)
{
	const struct guest *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int add_rows(struct layout_args *a, const char *path, enum rs_form form,
		    struct rs_error *err)
{
	int rc = 0;

	if (!a->nr_guests) {
		rs_error_set(err, RS_ERR_INPUT, ENODATA, "no memslot in it%s",
			     a->at_given ? " at that time" : "");
		return -ENODATA;
	}
	qsort(a->guests, a->nr_guests, sizeof(*a->guests), compare_guests);
	for (size_t i = 0; i < a->nr_guests && !rc; i++)
		rc = add_row(a, &a->guests[i], path, form, err);
	return rc;
}

static void forget_guests(struct layout_args *a)
{
	for (size_t i = 0; i < a->nr_guests; i++)
		rs_vm_free(a->guests[i].vm);
	a->nr_guests = 0;
	rs_hash_free(&a->by_number);
	a->by_number = (struct rs_hash){ 0 };
}

static int read_events(struct layout_args *a, struct rs_reader *reader, struct rs_error *err)
{
	const struct rs_event *evs;
	ssize_t n = 0;
	int rc = 0;

	while (!rc && (n = rs_reader_next(reader, &evs, err)) > 0)
		rc = take_events(a, evs, (size_t)n, err);
	return rc < 0 || n < 0 ? -1 : 0;
}

static int survey_file(struct layout_args *a, const char *path, struct rs_error *err)
{
	struct rs_progress progress;
	const struct rs_reader_opts opts = {
		.facts_do = true,
		.progress = rs_progress_update,
		.progress_arg = &progress,
		.also = "what `info mtree -f` prints",
	};
	struct rs_reader *reader;
	int rc;

	rs_progress_init(&progress, path);
	rs_budget_init(&a->budget, 0);
	a->begun = false;
	reader = rs_reader_open(path, &opts, err);
	rc = reader ? read_events(a, reader, err) : -1;
	rs_progress_end(&progress);
	if (!rc)
		rc = add_rows(a, strcmp(path, "-") ? path : "standard input",
			      rs_reader_form(reader), err);
	if (rc && !err->file[0] && err->kind == RS_ERR_INPUT)
		rs_cli_name_input(err, path);
	rs_reader_close(reader);
	forget_guests(a);
	return rc;
}

static int write_table(const struct layout_args *a, struct rs_error *err)
{
	struct rs_output out;
	int rc = rs_output_open(&out, a->output, err);

	if (rc)
		return rc;
	if (a->format == FORMAT_JSON)
		rc = rs_memory_write_json(out.f, a->rows, a->nr_rows, RS_VERSION);
	else if (a->format == FORMAT_CSV)
		rc = rs_memory_write_csv(out.f, a->rows, a->nr_rows);
	else
		rc = rs_memory_write_text(out.f, a->rows, a->nr_rows);
	return rs_output_end(&out, rc, err);
}

int rs_cmd_layout(int argc, char **argv)
{
	struct layout_args a = { .format = FORMAT_TEXT };
	struct rs_error err = { .offset = -1 };
	int rc;

	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = rs_output_check(a.output, &err);
	for (size_t i = 0; i < a.files.nr && !rc; i++)
		rc = survey_file(&a, a.files.paths[i], &err);
	if (!rc)
		rc = write_table(&a, &err);
	for (size_t i = 0; i < a.nr_rows; i++)
		free((void *)a.rows[i].slots);
	free(a.rows);
	free(a.guests);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
