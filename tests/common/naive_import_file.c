// SPDX-License-Identifier: GPL-2.0-only
/* The records of a trace.dat: docs/import.md, 1. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "tests/common/naive_import_internal.h"

struct field {
	char name[32];
	unsigned int offset, size;
	bool is_signed;
};

struct format {
	unsigned int id, kind, group;
	struct field fields[32];
	unsigned int nr;
};

struct reader {
	const unsigned char *p;
	size_t size;
	unsigned int version;
	bool big, zstd;
	unsigned int commit_size;
	struct format formats[128];
	unsigned int nr_formats, nr_groups;
	char groups[16][64];
	unsigned int nr_rows, nr_buffers;
	struct n_file *to;
};

static uint64_t number(const struct reader *r, const unsigned char *p, unsigned int size)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < size; i++)
		v = v << 8 | p[r->big ? i : size - 1 - i];
	return v;
}

static unsigned char *unpack(const struct reader *r, const unsigned char *p, size_t *size)
{
	const uint64_t packed = number(r, p, 4), plain = number(r, p + 4, 4);
	unsigned char *to = malloc(plain + 1);

	assert(to && ZSTD_decompress(to, plain, p + 8, packed) == plain);
	*size = plain;
	return to;
}

/* ---- formats ---- */

static const char *const names[N_NR_KINDS] = {
#define N_NAME(sym, event, ...) [RS_PROBE_##sym] = event,
	RS_PROBE_EVENTS(N_NAME)[N_ASYNC_TRY] = "kvm_try_async_get_page",
	[N_ASYNC_NOT_PRESENT] = "kvm_async_pf_not_present",
	[N_ASYNC_REPEATED] = "kvm_async_pf_repeated_fault",
	[N_PAGE_FAULT] = "kvm_page_fault",
	[N_UNMAP] = "kvm_unmap_hva_range",
	[N_ENTRY] = "kvm_entry",
	[N_MARKER] = "print",
};

static unsigned int kind_of(const char *system, const char *name)
{
	for (unsigned int k = 0; k < N_NR_KINDS; k++) {
		const char *wanted = k < RS_NR_PROBE_EVENTS ? RS_PROBE_GROUP
				     : k == N_MARKER	    ? "ftrace"
							    : "kvm";

		if (!strcmp(names[k], name) && !strncmp(system, wanted, strlen(wanted)) &&
		    (k < RS_NR_PROBE_EVENTS || !strcmp(system, wanted)))
			return k;
	}
	return N_NR_KINDS;
}

static unsigned int group_of(struct reader *r, const char *system)
{
	for (unsigned int i = 0; i < r->nr_groups; i++)
		if (!strcmp(r->groups[i], system))
			return i;
	snprintf(r->groups[r->nr_groups], sizeof(r->groups[0]), "%s", system);
	return r->nr_groups++;
}

static void take_format(struct reader *r, const char *system, const char *text)
{
	struct format *f = &r->formats[r->nr_formats];
	char name[64];

	if (sscanf(text, "name: %63s ID: %u", name, &f->id) != 2)
		return;
	f->kind = kind_of(system, name);
	if (f->kind == N_NR_KINDS)
		return;
	f->group = group_of(r, system);
	f->nr = 0;
	for (const char *at = text; (at = strstr(at, "field:")); at++) {
		struct field *to = &f->fields[f->nr++];
		const char *semicolon = strchr(at, ';'), *from = semicolon;
		int is_signed;

		assert(f->nr < 32);
		while (from[-1] != ' ' && from[-1] != '*')
			from--;
		snprintf(to->name, sizeof(to->name), "%.*s", (int)(semicolon - from), from);
		assert(sscanf(semicolon, "; offset:%u; size:%u; signed:%d;", &to->offset, &to->size,
			      &is_signed) == 3);
		to->is_signed = is_signed;
	}
	for (unsigned int i = 0; i < f->nr; i++)
		r->to->cut_fault_seq |= !strcmp(f->fields[i].name, "fault_seq") &&
					f->fields[i].size == 4 && !f->fields[i].is_signed;
	r->to->present[f->kind] = true;
	r->nr_formats++;
}

/* "count, then of each its size and text", at @p; returns what is behind. */
static const unsigned char *take_formats(struct reader *r, const char *system,
					 const unsigned char *p)
{
	uint64_t n = number(r, p, 4);

	for (p += 4; n--;) {
		const uint64_t size = number(r, p, 8);
		char *text = strndup((const char *)p + 8, size);

		take_format(r, system, text);
		free(text);
		p += 8 + size;
	}
	return p;
}

static const unsigned char *take_systems(struct reader *r, const unsigned char *p)
{
	uint64_t n = number(r, p, 4);

	for (p += 4; n--;) {
		const char *system = (const char *)p;

		p = take_formats(r, system, p + strlen(system) + 1);
	}
	return p;
}

static const unsigned char *take_header(struct reader *r, const unsigned char *p)
{
	uint64_t size;
	const char *commit;

	p += strlen("header_page") + 1;
	size = number(r, p, 8);
	commit = strstr((const char *)p + 8, "commit;");
	assert(commit && sscanf(commit, "commit; offset:8; size:%u;", &r->commit_size) == 1);
	p += 8 + size + strlen("header_event") + 1;
	return p + 8 + number(r, p, 8);
}

/* ---- pages ---- */

struct row {
	unsigned int nr, buffer;
	uint64_t time, held, last, missed;
	size_t nth;
};

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

static void set_time(struct row *row, uint64_t time)
{
	if (time < row->time && row->time > row->held)
		row->held = row->time;
	row->time = time;
}

static uint64_t in_ns(const struct reader *r, uint64_t time)
{
	const unsigned __int128 times_mult = (unsigned __int128)time * r->to->mult;

	return r->to->mult ? (uint64_t)(times_mult >> r->to->shift) : time;
}

static struct n_record *add_record(struct reader *r, struct row *row)
{
	struct n_record *to = N_GROW(r->to->records, r->to->nr);

	*to = (struct n_record){ .row = row->nr, .nth = row->nth++ };
	return to;
}

static void add_gap(struct reader *r, struct row *row, unsigned int kind, uint64_t time)
{
	struct n_record *to = add_record(r, row);

	to->kind = kind;
	to->time = in_ns(r, time);
	to->missed = kind == N_GAP_BEGIN ? row->missed : 0;
}

static uint64_t value_of(const struct reader *r, const struct field *f, const unsigned char *p)
{
	uint64_t v = number(r, p + f->offset, f->size);

	if (f->is_signed && f->size < 8 && v >> (8 * f->size - 1))
		v |= ~0ULL << (8 * f->size);
	return v;
}

static void add_event(struct reader *r, struct row *row, const struct format *f,
		      const unsigned char *p, size_t size)
{
	const uint64_t time = row->time < row->held ? row->held : row->time;
	struct n_record *to;

	if (row->missed) {
		add_gap(r, row, N_GAP_BEGIN, row->last);
		row->missed = 0;
		add_gap(r, row, N_GAP_END, time);
	}
	to = add_record(r, row);
	to->kind = f->kind;
	to->source = 1 + row->buffer * 16 + f->group;
	to->back = row->time < row->held;
	row->last = time;
	to->time = in_ns(r, time);
	if (!to->back)
		row->held = 0;
	for (unsigned int i = 0; i < f->nr; i++) {
		const struct field *field = &f->fields[i];

		to->has_filter |= !strcmp(field->name, "filter");
		to->has_id |= !strcmp(field->name, "id");
		if (!strcmp(field->name, "common_pid"))
			to->pid = (unsigned int)value_of(r, field, p);
		if (f->kind == N_MARKER && !strncmp(field->name, "buf", 3))
			to->text = strndup((const char *)p + field->offset, size - field->offset);
		to->has_reason |= !strcmp(field->name, "reason");
#define N_TAKE(member)                     \
	if (!strcmp(field->name, #member)) \
		to->member = value_of(r, field, p);
		N_FIELDS(N_TAKE)
#undef N_TAKE
	}
}

static void take_page(struct reader *r, struct row *row, const unsigned char *page)
{
	const uint64_t commit = number(r, page + 8, r->commit_size);
	const unsigned char *p = page + 8 + r->commit_size, *end = p + (commit & ((1U << 27) - 1));

	set_time(row, number(r, page, 8));
	if (commit & 1U << 31)
		row->missed = plus(row->missed,
				   commit & 1U << 30 ? number(r, end, r->commit_size) : UINT64_MAX);
	while (p < end) {
		const uint32_t first = (uint32_t)number(r, p, 4);
		const uint32_t type = r->big ? first >> 27 : first & 31;
		const uint64_t delta = r->big ? first & ((1U << 27) - 1) : first >> 5;
		const uint64_t next = number(r, p + 4, 4);
		size_t size;

		if (type == 29 && !delta)
			break;
		if (type == 30 || type == 31) {
			const uint64_t value = delta | next << 27;

			set_time(row, type == 30 ? row->time + value
						 : (row->time & ~((1ULL << 59) - 1)) | value);
			p += 8;
			continue;
		}
		row->time += delta;
		if (type == 29) {
			p += 4 + next;
			continue;
		}
		size = type ? type * 4 : (next - 4 + 3) & ~3ULL;
		p += type ? 4 : 8;
		for (unsigned int i = 0; i < r->nr_formats; i++)
			if (r->formats[i].id == number(r, p, 2))
				add_event(r, row, &r->formats[i], p, size);
		p += size;
	}
}

static void take_cpu(struct reader *r, unsigned int buffer, uint64_t offset, uint64_t size,
		     uint64_t page_size, bool packed)
{
	struct row row = { .nr = r->nr_rows++, .buffer = buffer };
	const unsigned char *p = r->p + offset;

	if (!size)
		return;
	if (!packed) {
		for (uint64_t at = 0; at < size; at += page_size)
			take_page(r, &row, p + at);
	} else {
		uint64_t chunks = number(r, p, 4);

		for (p += 4; chunks--; p += 8 + number(r, p, 4)) {
			size_t plain;
			unsigned char *pages = unpack(r, p, &plain);

			for (size_t at = 0; at < plain; at += page_size)
				take_page(r, &row, pages + at);
			free(pages);
		}
	}
	if (row.missed)
		add_gap(r, &row, N_GAP_BEGIN, row.last);
}

/* ---- the file ---- */

static uint64_t number_behind(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	return at ? strtoull(at + strlen(what), NULL, 10) : 0;
}

static void take_option(struct reader *r, unsigned int id, const unsigned char *p)
{
	if (id == 2)
		r->to->dropped += number_behind((const char *)p, "commit overrun: ") +
				  number_behind((const char *)p, "dropped events: ");
	if (id == 14) {
		r->to->mult = number(r, p, 4);
		r->to->shift = number(r, p + 4, 4);
	}
	if (id == 5)
		sscanf((const char *)p, "%*s %*s %127s", r->to->release);
}

static void take_buffer_v7(struct reader *r, const unsigned char *p)
{
	const uint64_t section = number(r, p, 8);
	const bool packed = number(r, r->p + section + 2, 2);
	const char *name = (const char *)p + 8, *clock = name + strlen(name) + 1;
	const unsigned char *at = (const unsigned char *)clock + strlen(clock) + 1;
	const uint64_t page_size = number(r, at, 4), cpus = number(r, at + 4, 4);

	for (uint64_t i = 0; i < cpus; i++, at += 20)
		take_cpu(r, r->nr_buffers, number(r, at + 12, 8), number(r, at + 20, 8), page_size,
			 packed);
	r->nr_buffers++;
}

/* The content of the section at @offset; *@owned is to be freed. */
static const unsigned char *section(const struct reader *r, uint64_t offset, unsigned char **owned)
{
	size_t size;

	*owned = NULL;
	if (!number(r, r->p + offset + 2, 2))
		return r->p + offset + 16;
	return *owned = unpack(r, r->p + offset + 16, &size);
}

static void read_options_v7(struct reader *r, uint64_t offset, bool buffers)
{
	while (offset) {
		unsigned char *owned, *inner;
		const unsigned char *p = section(r, offset, &owned);

		offset = 0;
		for (;;) {
			const unsigned int id = (unsigned int)number(r, p, 2);
			const uint64_t size = number(r, p + 2, 4), at = number(r, p + 6, 8);

			p += 6;
			if (!id) {
				offset = number(r, p, 8);
				break;
			}
			inner = NULL;
			if (id == 3 && buffers)
				take_buffer_v7(r, p);
			else if (id == 16 && !buffers)
				take_header(r, section(r, at, &inner));
			else if (id == 17 && !buffers)
				take_formats(r, "ftrace", section(r, at, &inner));
			else if (id == 18 && !buffers)
				take_systems(r, section(r, at, &inner));
			else if (!buffers)
				take_option(r, id, p);
			free(inner);
			p += size;
		}
		free(owned);
	}
}

static void read_v6(struct reader *r, const unsigned char *p, uint64_t page_size)
{
	const unsigned char *instances[8];
	uint64_t cpus;

	p = take_header(r, p);
	p = take_formats(r, "ftrace", p);
	p = take_systems(r, p);
	p += 4 + number(r, p, 4);
	p += 4 + number(r, p, 4);
	p += 8 + number(r, p, 8);
	cpus = number(r, p, 4);
	p += 4 + 10;
	instances[0] = NULL;
	r->nr_buffers = 1;
	for (unsigned int id; (id = (unsigned int)number(r, p, 2)); p += 6 + number(r, p + 2, 4)) {
		take_option(r, id, p + 6);
		if (id == 3)
			instances[r->nr_buffers++] = r->p + number(r, p + 6, 8);
	}
	instances[0] = p + 2;
	for (unsigned int i = 0; i < r->nr_buffers; i++)
		for (uint64_t cpu = 0; cpu < cpus; cpu++)
			take_cpu(r, i, number(r, instances[i] + 10 + 16 * cpu, 8),
				 number(r, instances[i] + 18 + 16 * cpu, 8), page_size, false);
}

static int by_time(const void *a, const void *b)
{
	const struct n_record *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->nth < y->nth ? -1 : 1;
}

/* Markers become pauses, and what was recorded in a pause is chance, but for memslots. */
static void find_pauses(struct n_file *f)
{
	bool paused = false;

	for (size_t i = 0; i < f->nr; i++) {
		struct n_record *r = &f->records[i];
		const char *text = r->kind == N_MARKER ? r->text : "";
		const bool pause = !strcmp(text, "retryscope-fact seam pause\n");

		if (pause || !strcmp(text, "retryscope-fact seam resume\n")) {
			r->half = pause == paused;
			r->kind = pause ? N_PAUSE : N_RESUME;
			paused = pause;
		}
		if (paused && r->kind != RS_PROBE_MEMSLOT && r->kind < N_MARKER)
			r->kind = N_CHANCE;
	}
}

void n_read_file(struct n_file *f, const unsigned char *bytes, size_t size)
{
	struct reader *r = calloc(1, sizeof(*r));
	const unsigned char *p = bytes + 10;

	assert(r);
	*f = (struct n_file){ 0 };
	r->p = bytes;
	r->size = size;
	r->to = f;
	r->version = *p - '0';
	r->big = p[2];
	p += 8; /* behind version, endianness, long and page size */
	if (r->version == 6) {
		read_v6(r, p, number(r, p - 4, 4));
	} else {
		uint64_t options;

		p += strlen((const char *)p) + 1;
		p += strlen((const char *)p) + 1;
		options = number(r, p, 8);
		read_options_v7(r, options, false);
		read_options_v7(r, options, true);
	}
	free(r);
	if (f->nr)
		qsort(f->records, f->nr, sizeof(*f->records), by_time);
	find_pauses(f);
}
