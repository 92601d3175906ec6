// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/dat.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#define MAX_CPUS 8
#define MAX_BUFFERS 4
#define MAX_FIELDS 16
#define PAGE 4096U
#define FIRST_ID 1000U

struct bytes {
	unsigned char *p;
	size_t nr, room;
};

/* One CPU's pages; the last is being filled. */
struct cpu {
	struct bytes pages;
	size_t at; /* in the last page, behind its header */
	uint64_t time;
	uint64_t lost; /* before the next page */
	bool open;
};

struct buffer {
	char name[32];
	const char *clock; /* NULL: the file's */
	struct cpu cpus[MAX_CPUS];
};

struct dat {
	unsigned int version, flags, nr_cpus, nr_buffers;
	char release[64], group[64], commands[512];
	bool without[DAT_NR_KINDS];
	const char *clock;
	struct bytes options;
	struct buffer buffers[MAX_BUFFERS];
	unsigned int buffer, cpu, pid;
};

struct kind {
	const char *system, *name;
	const char *fields[MAX_FIELDS];
};

#define PROBE(sym, event, ...) { NULL, event, { __VA_ARGS__ } },
static const struct kind kinds[DAT_NR_KINDS] = {
	RS_PROBE_EVENTS(PROBE){ "kvm", "kvm_page_fault", { "vcpu_id", "fault_address" } },
	{ "kvm", "kvm_unmap_hva_range", { "start", "end" } },
	{ "kvm", "kvm_try_async_get_page", { "gva", "gfn" } },
	{ "kvm", "kvm_async_pf_not_present", { "token", "gva" } },
	{ "kvm", "kvm_async_pf_repeated_fault", { "gva", "gfn" } },
	{ "kvm", "kvm_entry", { "vcpu_id" } },
	{ "ftrace", "print", { "ip" } },
};

/* ---- bytes ---- */

static void add(struct bytes *b, const void *p, size_t n)
{
	if (b->nr + n > b->room) {
		b->room = 2 * (b->nr + n);
		b->p = realloc(b->p, b->room);
		assert(b->p);
	}
	if (n)
		memcpy(b->p + b->nr, p, n);
	b->nr += n;
}

static void store(const struct dat *d, unsigned char *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[d->flags & DAT_BIG_ENDIAN ? n - 1 - i : i] = (unsigned char)(v >> (8 * i));
}

static void add_uint(const struct dat *d, struct bytes *b, uint64_t v, size_t n)
{
	unsigned char raw[8];

	store(d, raw, v, n);
	add(b, raw, n);
}

static void add_string(struct bytes *b, const char *s)
{
	add(b, s, strlen(s) + 1);
}

/* ---- what is in the trace ---- */

struct dat *dat_new(unsigned int version, unsigned int flags, unsigned int cpus,
		    const char *release)
{
	struct dat *d = calloc(1, sizeof(*d));

	assert(d && cpus <= MAX_CPUS);
	d->version = version;
	d->flags = flags;
	d->nr_cpus = cpus;
	d->nr_buffers = 1;
	d->pid = 1;
	snprintf(d->release, sizeof(d->release), "%s", release ? release : "");
	strcpy(d->group, RS_PROBE_GROUP);
	d->clock = "mono";
	return d;
}

void dat_set_clock(struct dat *d, const char *clock)
{
	d->clock = clock;
}

void dat_set_buffer_clock(struct dat *d, unsigned int buffer, const char *clock)
{
	assert(d->version == 7 && buffer < d->nr_buffers);
	d->buffers[buffer].clock = clock;
}

void dat_without(struct dat *d, unsigned int kind)
{
	d->without[kind] = true;
}

void dat_without_probes(struct dat *d)
{
	for (unsigned int i = 0; i < RS_NR_PROBE_EVENTS; i++)
		d->without[i] = true;
}

void dat_set_group(struct dat *d, const char *group)
{
	snprintf(d->group, sizeof(d->group), "%s", group);
}

unsigned int dat_add_buffer(struct dat *d, const char *name)
{
	assert(d->nr_buffers < MAX_BUFFERS);
	snprintf(d->buffers[d->nr_buffers].name, sizeof(d->buffers[0].name), "%s", name);
	return d->nr_buffers++;
}

void dat_add_command(struct dat *d, unsigned int pid, const char *comm)
{
	const size_t len = strlen(d->commands);

	snprintf(d->commands + len, sizeof(d->commands) - len, "%u %s\n", pid, comm);
}

void dat_at(struct dat *d, unsigned int buffer, unsigned int cpu, unsigned int pid)
{
	assert(buffer < d->nr_buffers && cpu < d->nr_cpus);
	d->buffer = buffer;
	d->cpu = cpu;
	d->pid = pid;
}

static struct cpu *here(struct dat *d)
{
	return &d->buffers[d->buffer].cpus[d->cpu];
}

/* ---- pages ---- */

static size_t commit_size(const struct dat *d)
{
	return d->flags & DAT_COMMIT_4 ? 4 : 8;
}

static size_t header_size(const struct dat *d)
{
	return 8 + commit_size(d);
}

static unsigned char *last_page(struct cpu *c)
{
	return c->pages.p + c->pages.nr - PAGE;
}

static void close_page(const struct dat *d, struct cpu *c)
{
	uint64_t commit = c->at;

	if (!c->open)
		return;
	if (c->lost == UINT64_MAX)
		commit |= 1U << 31;
	else if (c->lost)
		commit |= 3U << 30;
	if (c->lost && c->lost != UINT64_MAX)
		store(d, last_page(c) + header_size(d) + c->at, c->lost, commit_size(d));
	store(d, last_page(c) + 8, commit, commit_size(d));
	c->open = false;
	c->lost = 0;
}

static void open_page(const struct dat *d, struct cpu *c, uint64_t time_ns)
{
	static const unsigned char zeros[PAGE];

	add(&c->pages, zeros, PAGE);
	store(d, last_page(c), time_ns, 8);
	c->at = 0;
	c->time = time_ns;
	c->open = true;
}

static void put_word(const struct dat *d, struct cpu *c, uint64_t v)
{
	store(d, last_page(c) + header_size(d) + c->at, v, 4);
	c->at += 4;
}

static uint32_t first_word(const struct dat *d, uint32_t type, uint32_t delta)
{
	return d->flags & DAT_BIG_ENDIAN ? type << 27 | delta : type | delta << 5;
}

/* What takes @bytes at @time_ns goes into the last page, or a new one. */
static struct cpu *make_room(struct dat *d, uint64_t time_ns, size_t bytes)
{
	struct cpu *c = here(d);

	if (c->open && c->at + bytes + 8 > PAGE - header_size(d))
		close_page(d, c);
	if (!c->open)
		open_page(d, c, time_ns);
	return c;
}

static void put_record(struct dat *d, uint64_t time_ns, const struct bytes *data)
{
	const size_t size = (data->nr + 3) & ~(size_t)3;
	struct cpu *c = make_room(d, time_ns, size + 16);
	uint64_t delta;

	assert(time_ns >= c->time);
	delta = time_ns - c->time;
	c->time = time_ns;
	if (delta >> 27) {
		put_word(d, c, first_word(d, 30, delta & ((1U << 27) - 1)));
		put_word(d, c, delta >> 27);
		delta = 0;
	}
	if (size <= 28 * 4) {
		put_word(d, c, first_word(d, (uint32_t)size / 4, (uint32_t)delta));
	} else {
		put_word(d, c, first_word(d, 0, (uint32_t)delta));
		put_word(d, c, size + 4);
	}
	memcpy(last_page(c) + header_size(d) + c->at, data->p, data->nr);
	c->at += size;
}

void dat_end_page(struct dat *d)
{
	close_page(d, here(d));
}

void dat_stamp(struct dat *d, uint64_t time_ns)
{
	struct cpu *c = make_room(d, time_ns, 8);

	put_word(d, c, first_word(d, 31, time_ns & ((1U << 27) - 1)));
	put_word(d, c, (time_ns & ((1ULL << 59) - 1)) >> 27);
	c->time = time_ns;
}

void dat_discard(struct dat *d, uint64_t time_ns, unsigned int words)
{
	struct cpu *c = make_room(d, time_ns, 4 + 4 * words);

	assert(words && time_ns > c->time && !((time_ns - c->time) >> 27));
	put_word(d, c, first_word(d, 29, (uint32_t)(time_ns - c->time)));
	put_word(d, c, 4 * words);
	for (unsigned int i = 1; i < words; i++)
		put_word(d, c, 0xdeadbeef);
	c->time = time_ns;
}

void dat_lose(struct dat *d, uint64_t n)
{
	close_page(d, here(d));
	here(d)->lost = n;
}

/* ---- formats and events ---- */

static size_t field_size(const struct dat *d, const char *name, bool *is_signed)
{
	const bool copy = !strcmp(name, "fault_seq");

	static const struct {
		const char *name;
		size_t size;
		bool is_signed;
	} odd[] = {
		{ "as", 2, false },	    { "old_as", 2, false },  { "id", 2, true },
		{ "old_id", 2, true },	    { "vcpu", 4, true },     { "change", 4, true },
		{ "ret", 4, true },	    { "flags", 4, false },   { "reason", 4, false },
		{ "in_progress", 8, true }, { "vcpu_id", 4, false },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (!strcmp(name, odd[i].name)) {
			*is_signed = odd[i].is_signed;
			return odd[i].size;
		}
	*is_signed = copy && d->flags & DAT_FAULT_SEQ_S32;
	return copy && d->flags & (DAT_FAULT_SEQ_S32 | DAT_FAULT_SEQ_U32) ? 4 : 8;
}

static void format_of(const struct dat *d, unsigned int kind, char *text, size_t room)
{
	size_t offset = 8, len;

	len = (size_t)snprintf(
		text, room,
		"name: %s\nID: %u\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;"
		"\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n",
		kinds[kind].name, FIRST_ID + kind);
	for (size_t i = 0; i < MAX_FIELDS && kinds[kind].fields[i]; i++) {
		bool is_signed;
		size_t size = field_size(d, kinds[kind].fields[i], &is_signed);

		len += (size_t)snprintf(text + len, room - len,
					"\tfield:%s%zu %s;\toffset:%zu;\tsize:%zu;\tsigned:%d;\n",
					is_signed ? "s" : "u", size * 8, kinds[kind].fields[i],
					offset, size, is_signed);
		offset += size;
	}
	if (kind == DAT_MARKER)
		len += (size_t)snprintf(text + len, room - len,
					"\tfield:char buf[];\toffset:%zu;\tsize:0;\tsigned:1;\n",
					offset);
	snprintf(text + len, room - len, "\nprint fmt: \"(%%lx)\", REC->__probe_ip\n");
}

static struct bytes record_of(const struct dat *d, unsigned int kind, const uint64_t *fields,
			      size_t n)
{
	struct bytes b = { 0 };
	bool is_signed;

	add_uint(d, &b, FIRST_ID + kind, 2);
	add_uint(d, &b, 0, 2);
	add_uint(d, &b, d->pid, 4);
	for (size_t i = 0; i < MAX_FIELDS && kinds[kind].fields[i]; i++)
		add_uint(d, &b, i < n ? fields[i] : 0,
			 field_size(d, kinds[kind].fields[i], &is_signed));
	return b;
}

void dat_put(struct dat *d, uint64_t time_ns, unsigned int kind, const uint64_t *fields, size_t n)
{
	struct bytes b = record_of(d, kind, fields, n);

	put_record(d, time_ns, &b);
	free(b.p);
}

void dat_marker(struct dat *d, uint64_t time_ns, const char *text)
{
	struct bytes b = record_of(d, DAT_MARKER, NULL, 0);

	add_string(&b, text);
	put_record(d, time_ns, &b);
	free(b.p);
}

/* ---- sections ---- */

static struct bytes header_info(const struct dat *d)
{
	char page[512];
	struct bytes b = { 0 };
	const size_t head = header_size(d);

	snprintf(page, sizeof(page),
		 "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		 "\tfield: local_t commit;\toffset:8;\tsize:%zu;\tsigned:1;\n"
		 "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		 "\tfield: char data;\toffset:%zu;\tsize:%zu;\tsigned:1;\n",
		 commit_size(d), head, PAGE - head);
	add_string(&b, "header_page");
	add_uint(d, &b, strlen(page), 8);
	add(&b, page, strlen(page));
	add_string(&b, "header_event");
	add_uint(d, &b, 4, 8);
	add(&b, "none", 4);
	return b;
}

static unsigned int count_formats(const struct dat *d, const char *system)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DAT_NR_KINDS; i++)
		n += !d->without[i] &&
		     !strcmp(kinds[i].system ? kinds[i].system : d->group, system);
	return n;
}

static void add_formats(const struct dat *d, struct bytes *b, const char *system)
{
	char text[4096];

	add_uint(d, b, count_formats(d, system), 4);
	for (unsigned int i = 0; i < DAT_NR_KINDS; i++) {
		if (d->without[i] || strcmp(kinds[i].system ? kinds[i].system : d->group, system))
			continue;
		format_of(d, i, text, sizeof(text));
		add_uint(d, b, strlen(text), 8);
		add(b, text, strlen(text));
	}
}

static struct bytes event_formats(const struct dat *d)
{
	struct bytes b = { 0 };

	add_uint(d, &b, 2, 4);
	add_string(&b, d->group);
	add_formats(d, &b, d->group);
	add_string(&b, "kvm");
	add_formats(d, &b, "kvm");
	return b;
}

static struct bytes ftrace_formats(const struct dat *d)
{
	struct bytes b = { 0 };

	add_formats(d, &b, "ftrace");
	return b;
}

static struct bytes command_lines(const struct dat *d)
{
	struct bytes b = { 0 };

	add_uint(d, &b, strlen(d->commands), 8);
	add(&b, d->commands, strlen(d->commands));
	return b;
}

static void move(struct bytes *to, struct bytes from)
{
	add(to, from.p, from.nr);
	free(from.p);
}

static void start_file(const struct dat *d, struct bytes *f)
{
	add(f, "\x17\x08\x44tracing", 10);
	add_string(f, d->version == 6 ? "6" : "7");
	add_uint(d, f, !!(d->flags & DAT_BIG_ENDIAN), 1);
	add_uint(d, f, 8, 1);
	add_uint(d, f, PAGE, 4);
}

static void pad_to_page(struct bytes *f)
{
	static const unsigned char zeros[PAGE];

	add(f, zeros, (PAGE - f->nr % PAGE) % PAGE);
}

static void add_option(const struct dat *d, struct bytes *f, unsigned int id, const void *p,
		       size_t n)
{
	add_uint(d, f, id, 2);
	add_uint(d, f, n, 4);
	add(f, p, n);
}

void dat_add_tsc2nsec(struct dat *d, uint32_t mult, uint32_t shift, uint64_t offset)
{
	struct bytes b = { 0 };

	add_uint(d, &b, mult, 4);
	add_uint(d, &b, shift, 4);
	add_uint(d, &b, offset, 8);
	add_option(d, &d->options, 14, b.p, b.nr);
	free(b.p);
}

void dat_add_option(struct dat *d, unsigned int id, const char *text)
{
	add_option(d, &d->options, id, text, strlen(text) + 1);
}

static void add_text_options(const struct dat *d, struct bytes *f)
{
	char uname[128], clock[64];

	snprintf(uname, sizeof(uname), "Linux host %s x86_64", d->release);
	if (d->release[0])
		add_option(d, f, 5, uname, strlen(uname) + 1);
	snprintf(clock, sizeof(clock), "local [%s] boot", d->clock);
	add_option(d, f, 4, clock, strlen(clock) + 1);
	add_option(d, f, 9, "3.1.6", 6);
	add(f, d->options.p, d->options.nr);
}

/* ---- version 6 ---- */

/* The table of the CPUs' pages at the place where it stands; the pages are added behind. */
static size_t reserve_table(const struct dat *d, struct bytes *f)
{
	size_t at = f->nr;

	for (unsigned int i = 0; i < d->nr_cpus; i++) {
		add_uint(d, f, 0, 8);
		add_uint(d, f, 0, 8);
	}
	return at;
}

static void add_pages_v6(const struct dat *d, struct bytes *f, const struct buffer *b, size_t table)
{
	for (unsigned int i = 0; i < d->nr_cpus; i++) {
		pad_to_page(f);
		store(d, f->p + table + 16 * i, f->nr, 8);
		store(d, f->p + table + 16 * i + 8, b->cpus[i].pages.nr, 8);
		add(f, b->cpus[i].pages.p, b->cpus[i].pages.nr);
	}
}

static void finish_v6(const struct dat *d, struct bytes *f)
{
	size_t instance[MAX_BUFFERS], table;

	move(f, header_info(d));
	move(f, ftrace_formats(d));
	move(f, event_formats(d));
	add_uint(d, f, 0, 4); /* symbols */
	add_uint(d, f, 0, 4); /* printk formats */
	move(f, command_lines(d));
	add_uint(d, f, d->nr_cpus, 4);
	add(f, "options  ", 10);
	add_text_options(d, f);
	for (unsigned int i = 1; i < d->nr_buffers; i++) {
		char data[64] = "";

		strcpy(data + 8, d->buffers[i].name);
		instance[i] = f->nr + 6;
		add_option(d, f, 3, data, 8 + strlen(d->buffers[i].name) + 1);
	}
	add_uint(d, f, 0, 2);
	add(f, "flyrecord", 10);
	table = reserve_table(d, f);
	add_pages_v6(d, f, &d->buffers[0], table);
	for (unsigned int i = 1; i < d->nr_buffers; i++) {
		store(d, f->p + instance[i], f->nr, 8);
		add(f, "flyrecord", 10);
		table = reserve_table(d, f);
		add_pages_v6(d, f, &d->buffers[i], table);
	}
}

/* ---- version 7 ---- */

static bool is_packed(const struct dat *d)
{
	return d->flags & (DAT_ZSTD | DAT_ZLIB);
}

static struct bytes packed_bytes(const struct dat *d, const void *p, size_t n)
{
	struct bytes b = { 0 };
	uLongf room = ZSTD_compressBound(n) + compressBound(n), got = room;
	void *packed = malloc(room);
	int ret = Z_OK;

	assert(packed);
	if (d->flags & DAT_ZLIB)
		ret = compress2(packed, &got, p, n, 1);
	else
		got = ZSTD_compress(packed, room, p, n, 1);
	assert(ret == Z_OK && !ZSTD_isError(got));
	add_uint(d, &b, got, 4);
	add_uint(d, &b, n, 4);
	add(&b, packed, got);
	free(packed);
	return b;
}

static size_t start_section(const struct dat *d, struct bytes *f, unsigned int id, bool packed,
			    size_t size)
{
	const size_t at = f->nr;

	add_uint(d, f, id, 2);
	add_uint(d, f, packed, 2);
	add_uint(d, f, 0, 4);
	add_uint(d, f, size, 8);
	return at;
}

/* Adds the section; what @options says of it is where it stands. */
static void add_section(const struct dat *d, struct bytes *f, struct bytes *options,
			unsigned int id, struct bytes content)
{
	const bool packed = is_packed(d);
	struct bytes body = packed ? packed_bytes(d, content.p, content.nr) : content;
	unsigned char offset[8];

	store(d, offset, start_section(d, f, id, packed, body.nr), 8);
	add(f, body.p, body.nr);
	add_option(d, options, id, offset, 8);
	free(body.p);
	if (packed)
		free(content.p);
}

/* One CPU's pages, in chunks of two if they are compressed; returns the size that is recorded. */
static uint64_t add_pages_v7(const struct dat *d, struct bytes *f, const struct bytes *pages)
{
	const size_t chunk = 2 * PAGE, from = f->nr;

	if (!is_packed(d)) {
		add(f, pages->p, pages->nr);
		return pages->nr;
	}
	add_uint(d, f, (pages->nr + chunk - 1) / chunk, 4);
	for (size_t at = 0; at < pages->nr; at += chunk) {
		size_t n = pages->nr - at < chunk ? pages->nr - at : chunk;

		move(f, packed_bytes(d, pages->p + at, n));
	}
	/* As trace-cmd does: without the number of chunks. */
	return f->nr - from - 4;
}

static void add_buffer_v7(const struct dat *d, struct bytes *f, struct bytes *options,
			  const struct buffer *b)
{
	struct bytes o = { 0 };
	const size_t section = start_section(d, f, 3, is_packed(d), 0);

	add_uint(d, &o, section, 8);
	add_string(&o, b->name);
	add_string(&o, b->clock ? b->clock : d->clock);
	add_uint(d, &o, PAGE, 4);
	add_uint(d, &o, d->nr_cpus, 4);
	for (unsigned int i = 0; i < d->nr_cpus; i++) {
		uint64_t at, size;

		pad_to_page(f);
		at = f->nr;
		size = b->cpus[i].pages.nr ? add_pages_v7(d, f, &b->cpus[i].pages) : 0;
		add_uint(d, &o, i, 4);
		add_uint(d, &o, at, 8);
		add_uint(d, &o, size, 8);
	}
	store(d, f->p + section + 8, f->nr - section - 16, 8);
	add_option(d, options, 3, o.p, o.nr);
	free(o.p);
}

static void finish_v7(const struct dat *d, struct bytes *f)
{
	struct bytes options = { 0 }, body;
	const bool packed = is_packed(d);
	size_t place, at;

	add_string(f, d->flags & DAT_ZLIB ? "zlib" : packed ? "zstd" : "none");
	add_string(f, d->flags & DAT_ZLIB ? "1.2.13" : packed ? "1.5" : "");
	place = f->nr;
	add_uint(d, f, 0, 8);
	add_section(d, f, &options, 16, header_info(d));
	add_section(d, f, &options, 17, ftrace_formats(d));
	add_section(d, f, &options, 18, event_formats(d));
	add_section(d, f, &options, 21, command_lines(d));
	add_text_options(d, &options);
	for (unsigned int i = 0; i < d->nr_buffers; i++)
		add_buffer_v7(d, f, &options, &d->buffers[i]);
	add_option(d, &options, 0, "\0\0\0\0\0\0\0", 8);
	body = packed ? packed_bytes(d, options.p, options.nr) : options;
	at = start_section(d, f, 0, packed, body.nr);
	add(f, body.p, body.nr);
	store(d, f->p + place, at, 8);
	free(body.p);
	if (packed)
		free(options.p);
}

unsigned char *dat_finish(struct dat *d, size_t *size)
{
	struct bytes f = { 0 };

	for (unsigned int b = 0; b < d->nr_buffers; b++)
		for (unsigned int c = 0; c < d->nr_cpus; c++)
			close_page(d, &d->buffers[b].cpus[c]);
	start_file(d, &f);
	if (d->version == 6)
		finish_v6(d, &f);
	else
		finish_v7(d, &f);
	for (unsigned int b = 0; b < d->nr_buffers; b++)
		for (unsigned int c = 0; c < d->nr_cpus; c++)
			free(d->buffers[b].cpus[c].pages.p);
	free(d->options.p);
	free(d);
	*size = f.nr;
	return f.p;
}
