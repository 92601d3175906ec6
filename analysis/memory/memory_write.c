// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "analysis/memory/memory.h"
#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/layout.h"
#include "analysis/write/units.h"

#define COLUMNS 80
/* Of more layouts with aliases than these only the table is written. */
#define MAX_TOLD 4
#define SCHEMA "retryscope-layout/1"

#define COUNT(v) rs_format_count((v), (char[32]){ 0 }, 32)
#define NUMBER(v) rs_format_number((v), (char[32]){ 0 }, 32)
#define SHARE(v) rs_format_share((v), (char[32]){ 0 }, 32)

static double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

static uint64_t length(const struct rs_range *r)
{
	return r->end - r->start;
}

/* ---- text ---- */

static void put_table(struct rs_page *p, const struct rs_memory_row *rows, size_t n)
{
	static const char *const headings[2][9] = {
		{ "", "", "mem-", "", "aliased", "", "widest", "frames", "" },
		{ "layout", "VM", "slots", "frames", "frames", "share", "range", "in it",
		  "widening" },
	};
	struct rs_table t;

	rs_table_init(&t, 9);
	for (unsigned int i = 0; i < 9; i++) {
		t.heading[0][i] = headings[0][i];
		t.heading[1][i] = headings[1][i];
	}
	for (size_t i = 0; i < n; i++) {
		const struct rs_memory *m = &rows[i].memory;

		rs_table_text(&t, rows[i].path);
		rs_table_count(&t, rows[i].vm);
		rs_table_count(&t, m->memslots);
		rs_table_count(&t, m->frames);
		rs_table_count(&t, m->aliased_frames);
		rs_table_share(&t, share_of(m->aliased_frames, m->frames));
		rs_table_count(&t, length(&m->widest));
		rs_table_count(&t, m->widest_frames);
		rs_table_number(&t, m->pages ? m->widening : NAN);
	}
	rs_table_write(p, &t);
}

/* What the widest range is of, in words: for each layout that has aliases. */
static void put_widest(struct rs_page *p, const struct rs_memory_row *row)
{
	const struct rs_memory *m = &row->memory;

	if (!m->aliased_frames)
		return;
	rs_blank_line(p);
	rs_para(p, 0, 2,
		"%s, VM %" PRIu32
		": %s of %s host pages are mapped at several guest frames. One of "
		"them is at 0x%" PRIx64 " and at 0x%" PRIx64
		": its invalidation makes a range of %s guest frames, which blocks %s of the "
		"guest's (%s). Of a random page the range has %s of the guest's frames in the "
		"mean.",
		row->path, row->vm, COUNT(m->aliased_pages), COUNT(m->pages), m->widest.start,
		m->widest.end - 1, COUNT(length(&m->widest)), COUNT(m->widest_frames),
		SHARE(share_of(m->widest_frames, m->frames)), NUMBER(m->mean_frames));
}

int rs_memory_write_text(FILE *f, const struct rs_memory_row *rows, size_t n)
{
	struct rs_page p = { .f = f, .width = COLUMNS };
	size_t aliased = 0;

	for (size_t i = 0; i < n; i++)
		aliased += rows[i].memory.aliased_frames != 0;
	rs_para(&p, 0, 2, "%zu of %zu layouts map some host page at several guest frames.", aliased,
		n);
	rs_blank_line(&p);
	put_table(&p, rows, n);
	for (size_t i = 0; i < n && aliased <= MAX_TOLD; i++)
		put_widest(&p, &rows[i]);
	rs_blank_line(&p);
	rs_para(&p, 0, 0,
		"Frames are of 4 KiB, those of all address spaces. Aliased: the host page is "
		"mapped "
		"at another guest frame as well. Widest range: from the first to the last guest "
		"frame of one host page, what a range of guest frames becomes when that page is "
		"invalidated; frames in it: those that the guest has there. Widening: how many "
		"frames the range of a random host page blocks for each one that must be, in the "
		"mean.");
	return p.err;
}

/* ---- JSON ---- */

static json_t *slots(const struct rs_memory_row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < row->nr_slots; i++) {
		const struct rs_memslot *s = &row->slots[i];

		list = rs_json_append(list, RS_JSON({ "as", rs_json_u64(s->as) },
						    { "slot", rs_json_u64(s->id) },
						    { "gfn", rs_json_u64(s->gfn) },
						    { "frames", rs_json_u64(s->npages) },
						    { "hva", rs_json_u64(s->hva) },
						    { "flags", rs_json_u64(s->flags) }));
	}
	return list;
}

static json_t *row_object(const struct rs_memory_row *row)
{
	const struct rs_memory *m = &row->memory;
	json_t *widest = m->pages ? RS_JSON({ "start_gfn", rs_json_u64(m->widest.start) },
					    { "end_gfn", rs_json_u64(m->widest.end) },
					    { "range", rs_json_u64(length(&m->widest)) },
					    { "frames", rs_json_u64(m->widest_frames) })
				  : json_null();

	return RS_JSON({ "path", rs_json_text(row->path) }, { "form", rs_json_text(row->form) },
		       { "vm", rs_json_u64(row->vm) }, { "memslots", slots(row) },
		       { "frames", rs_json_u64(m->frames) },
		       { "host_pages", rs_json_u64(m->pages) },
		       { "aliased_frames", rs_json_u64(m->aliased_frames) },
		       { "aliased_host_pages", rs_json_u64(m->aliased_pages) },
		       { "widest", widest }, { "mean_range", rs_json_number(m->mean_range) },
		       { "mean_frames", rs_json_number(m->mean_frames) },
		       { "widening", rs_json_number(m->pages ? m->widening : NAN) });
}

int rs_memory_write_json(FILE *f, const struct rs_memory_row *rows, size_t n, const char *version)
{
	json_t *list = json_array(), *root;
	int rc;

	for (size_t i = 0; i < n; i++)
		list = rs_json_append(list, row_object(&rows[i]));
	root = RS_JSON({ "schema", rs_json_text(SCHEMA) },
		       { "tool", RS_JSON({ "version", rs_json_text(version) }) },
		       { "layouts", list });
	rc = root ? rs_json_write(f, root) : -ENOMEM;
	json_decref(root);
	return rc;
}

/* ---- CSV ---- */

int rs_memory_write_csv(FILE *f, const struct rs_memory_row *rows, size_t n)
{
	fputs("path,form,vm,memslots,guest_frames,host_pages,guest_aliased_frames,aliased_host_"
	      "pages,"
	      "aliased_share,widest_range,widest_frames,mean_range,mean_frames,widening\n",
	      f);
	for (size_t i = 0; i < n; i++) {
		const struct rs_memory *m = &rows[i].memory;

		rs_csv_text(f, rows[i].path);
		fputc(',', f);
		rs_csv_text(f, rows[i].form);
		fprintf(f, ",%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
			rows[i].vm, m->memslots, m->frames, m->pages, m->aliased_frames,
			m->aliased_pages);
		if (m->pages)
			fprintf(f, ",%.12g,%" PRIu64 ",%" PRIu64 ",%.12g,%.12g,%.12g\n",
				share_of(m->aliased_frames, m->frames), length(&m->widest),
				m->widest_frames, m->mean_range, m->mean_frames, m->widening);
		else
			fputs(",,0,0,,,\n", f);
	}
	return 0;
}
