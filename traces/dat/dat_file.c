// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_recover.h"

static const unsigned char dat_magic[10] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };

/* Far above what a kernel has; keeps a wrong count from eating the memory. */
#define MAX_SECTION_BYTES (512ULL << 20)
#define MAX_FORMAT_BYTES (64U << 10)
#define MAX_FORMATS 512U
#define MAX_OPTION_BYTES (1U << 20)
/* So much of a format has its name. */
#define FORMAT_HEAD 160U
#define MAX_CPUS 65536U
#define MAX_BUFFERS 4096U
#define MAX_OPTION_SECTIONS 65536U

/*
 * A place in the file or in a decompressed section. The first read beyond its
 * end sets the error; all later ones give 0, so that callers check once.
 */
struct cursor {
	const struct rs_dat_file *f;
	const char *mem; /* NULL: the file itself */
	uint64_t base;	 /* of a section in memory: where the section stands in the file */
	uint64_t pos, end;
	const char *what;
	struct rs_error *err;
	int ret;
};

static int cursor_fail(struct cursor *c, const char *problem)
{
	if (c->ret)
		return c->ret;
	c->ret = rs_error_set(c->err, RS_ERR_INPUT, EINVAL, "trace.dat: %s: %s", c->what, problem);
	if (c->err)
		c->err->offset = (int64_t)(c->mem ? c->base : c->pos);
	return c->ret;
}

/* What is damaged is left out and noted, if the file is repaired: then there is no error. */
static void pass_over(struct cursor *c)
{
	if (c->ret && c->f->repair)
		c->ret = rs_dat_damage_take(&c->f->repair->damage, c->ret, c->err);
}

static bool cursor_read(struct cursor *c, void *to, size_t n)
{
	if (c->ret || n > c->end - c->pos) {
		cursor_fail(c, "ends too early");
		memset(to, 0, n);
		return false;
	}
	if (c->mem)
		memcpy(to, c->mem + c->pos, n);
	else
		c->ret = rs_dat_file_read(c->f, c->pos, to, n, c->err);
	c->pos += n;
	return !c->ret;
}

/* Takes @n bytes of the file's budget for what is being read. */
static bool cursor_take(struct cursor *c, struct rs_dat_file *f, uint64_t n)
{
	char what[128];

	if (c->ret || rs_budget_take(&f->budget, n))
		return !c->ret;
	snprintf(what, sizeof(what), "trace.dat: %s", c->what);
	c->ret = rs_budget_met(c->err, what);
	return false;
}

static uint64_t cursor_uint(struct cursor *c, unsigned int bytes)
{
	unsigned char raw[8];

	if (!cursor_read(c, raw, bytes))
		return 0;
	return rs_dat_uint(raw, bytes, c->f->swap);
}

static void cursor_skip(struct cursor *c, uint64_t n)
{
	if (c->ret || n > c->end - c->pos)
		cursor_fail(c, "ends too early");
	else
		c->pos += n;
}

/* @n bytes and a 0 behind them; the caller frees. */
static char *cursor_dup(struct cursor *c, uint64_t n)
{
	char *copy;

	if (c->ret || n > c->end - c->pos) {
		cursor_fail(c, "ends too early");
		return NULL;
	}
	if (n > MAX_SECTION_BYTES) {
		cursor_fail(c, "is too large");
		return NULL;
	}
	copy = malloc(n + 1);
	if (!copy) {
		c->ret = rs_error_nomem(c->err);
		return NULL;
	}
	copy[n] = 0;
	if (!cursor_read(c, copy, n)) {
		free(copy);
		return NULL;
	}
	return copy;
}

/* A string that ends with 0, at most @max bytes with it. */
static bool cursor_string(struct cursor *c, char *to, size_t max)
{
	for (size_t i = 0; i < max; i++) {
		if (!cursor_read(c, &to[i], 1))
			return false;
		if (!to[i])
			return true;
	}
	to[max - 1] = 0;
	cursor_fail(c, "a name is too long");
	return false;
}

static bool cursor_expect(struct cursor *c, const char *text)
{
	char got[16] = "";

	if (!cursor_read(c, got, strlen(text) + 1))
		return false;
	if (memcmp(got, text, strlen(text) + 1)) {
		cursor_fail(c, "does not start as it should");
		return false;
	}
	return true;
}

static int no_memory(struct cursor *c)
{
	if (!c->ret)
		c->ret = rs_error_nomem(c->err);
	return c->ret;
}

static void read_header_info(struct cursor *c, struct rs_dat_file *f)
{
	uint64_t size;

	c->what = "the page header's format";
	if (!cursor_expect(c, "header_page"))
		return;
	size = cursor_uint(c, 8);
	if (size > MAX_FORMAT_BYTES)
		cursor_fail(c, "is too large");
	free(f->header_page);
	f->header_page = cursor_dup(c, size);
	if (c->ret || !cursor_expect(c, "header_event"))
		return;
	cursor_skip(c, cursor_uint(c, 8));
}

/* The beginning of what comes next, without moving: as much as a format's name may take. */
static bool peek_head(struct cursor *c, uint64_t size, char head[FORMAT_HEAD + 1])
{
	const uint64_t at = c->pos;
	size_t n = size < FORMAT_HEAD ? (size_t)size : FORMAT_HEAD;

	if (!cursor_read(c, head, n))
		return false;
	head[n] = 0;
	c->pos = at;
	return true;
}

static void add_format(struct cursor *c, struct rs_dat_file *f, const char *system, char *text,
		       uint64_t size)
{
	if (f->nr_formats == MAX_FORMATS)
		cursor_fail(c, "there are too many formats of events of retryscope or KVM");
	else if (RS_ROOM_FOR_ONE(f->formats, f->nr_formats))
		no_memory(c);
	if (c->ret) {
		free(text);
		return;
	}
	f->formats[f->nr_formats] = (struct rs_dat_format){ strdup(system), text, size };
	if (!f->formats[f->nr_formats++].system)
		no_memory(c);
}

static void read_format(struct cursor *c, struct rs_dat_file *f, const char *system,
			rs_dat_want_fn want)
{
	uint64_t size = cursor_uint(c, 8);
	char head[FORMAT_HEAD + 1], *text;

	if (c->ret || size > c->end - c->pos) {
		cursor_fail(c, "ends too early");
		return;
	}
	if (!peek_head(c, size, head))
		return;
	if (!want(system, head)) {
		cursor_skip(c, size);
		return;
	}
	if (size > MAX_FORMAT_BYTES)
		cursor_fail(c, "a format is longer than one can be");
	text = cursor_dup(c, size);
	if (text)
		add_format(c, f, system, text, size);
}

static void read_ftrace_formats(struct cursor *c, struct rs_dat_file *f, rs_dat_want_fn want)
{
	uint64_t n;

	c->what = "the formats of ftrace's own events";
	n = cursor_uint(c, 4);
	while (n-- && !c->ret)
		read_format(c, f, "ftrace", want);
}

static void read_event_formats(struct cursor *c, struct rs_dat_file *f, rs_dat_want_fn want)
{
	char system[256];
	uint64_t systems, n;

	c->what = "the event formats";
	systems = cursor_uint(c, 4);
	while (systems-- && cursor_string(c, system, sizeof(system))) {
		n = cursor_uint(c, 4);
		while (n-- && !c->ret)
			read_format(c, f, system, want);
	}
}

static void read_cmdlines(struct cursor *c, struct rs_dat_file *f)
{
	uint64_t size;

	c->what = "the saved command lines";
	size = cursor_uint(c, 8);
	if (!cursor_take(c, f, size))
		return;
	free(f->cmdlines);
	f->cmdlines = cursor_dup(c, size);
}

static struct rs_dat_buffer *add_buffer(struct cursor *c, struct rs_dat_file *f, const char *name,
					const char *clock)
{
	struct rs_dat_buffer *b;

	if (c->ret)
		return NULL;
	if (f->nr_buffers == MAX_BUFFERS) {
		cursor_fail(c, "there are too many buffers");
		return NULL;
	}
	if (!cursor_take(c, f, sizeof(*b)))
		return NULL;
	if (RS_ROOM_FOR_ONE(f->buffers, f->nr_buffers)) {
		no_memory(c);
		return NULL;
	}
	b = &f->buffers[f->nr_buffers++];
	*b = (struct rs_dat_buffer){ .page_size = f->page_size };
	b->name = strdup(name);
	b->clock = clock ? strdup(clock) : NULL;
	if (!b->name || (clock && !b->clock))
		no_memory(c);
	return b;
}

static void add_cpu(struct cursor *c, struct rs_dat_file *f, struct rs_dat_buffer *b,
		    struct rs_dat_cpu cpu)
{
	/* Twice: a table that grows to twice its room. */
	if (!cursor_take(c, f, 2 * sizeof(cpu)))
		return;
	if (f->repair && !cpu.size && !cpu.cut)
		cpu.offset = 0; /* it had none, wherever they would be */
	if (cpu.offset > c->f->size || cpu.size > c->f->size - cpu.offset) {
		c->ret = rs_error_set(c->err, RS_ERR_INPUT, EINVAL,
				      "trace.dat: the pages of CPU %" PRIu32 " (%" PRIu64
				      " bytes at %" PRIu64
				      ") are not all in the file: it is cut short or damaged",
				      cpu.cpu, cpu.size, cpu.offset);
		pass_over(c);
		if (c->ret)
			return;
		cpu.cut = true;
		cpu.size = cpu.offset < c->f->size ? c->f->size - cpu.offset : 0;
	}
	if (RS_ROOM_FOR_ONE(b->cpus, b->nr_cpus))
		no_memory(c);
	else
		b->cpus[b->nr_cpus++] = cpu;
}

static void check_page_size(struct cursor *c, uint32_t size)
{
	if (!c->ret && (size < 64 || size > (1U << 26) || size & (size - 1)))
		cursor_fail(c, "a page size is no power of two between 64 and 64 Mi");
}

/* Version 6: the table of each CPU's pages that follows "flyrecord". */
static void read_flyrecord_v6(struct cursor *c, struct rs_dat_file *f, const char *name,
			      uint64_t cpus)
{
	struct rs_dat_buffer *b;
	char kind[10];

	c->what = "the table of the ring buffers";
	if (!cursor_read(c, kind, sizeof(kind)))
		return;
	if (!memcmp(kind, "latency  ", 10)) {
		cursor_fail(c, "holds the text of a latency tracer, not events");
		return;
	}
	if (memcmp(kind, "flyrecord", 10)) {
		cursor_fail(c, "does not start as it should");
		return;
	}
	/* Each buffer has a table of its own. */
	if (cpus * 16 * (f->nr_buffers + 1) > f->size)
		cursor_fail(c, "they do not all fit into the file");
	b = add_buffer(c, f, name, NULL);
	for (uint32_t i = 0; b && i < cpus && !c->ret; i++) {
		uint64_t offset = cursor_uint(c, 8);
		uint64_t size = cursor_uint(c, 8);

		add_cpu(c, f, b, (struct rs_dat_cpu){ i, offset, size, false });
	}
}

/* Options that something is read from; of all others nothing is kept. */
static bool is_used(uint16_t id)
{
	return id == RS_DAT_OPT_CPUSTAT || id == RS_DAT_OPT_BUFFER || id == RS_DAT_OPT_TRACECLOCK ||
	       id == RS_DAT_OPT_UNAME || id == RS_DAT_OPT_VERSION || id == RS_DAT_OPT_TSC2NSEC ||
	       id == RS_DAT_OPT_CPUCOUNT;
}

static void read_plain_option(struct cursor *c, struct rs_dat_file *f, uint16_t id, uint32_t size)
{
	char *data;

	if (!is_used(id)) {
		cursor_skip(c, size);
		return;
	}
	if (size > MAX_OPTION_BYTES)
		cursor_fail(c, "an option is too long");
	if (!cursor_take(c, f, size + 2 * sizeof(*f->options)))
		return;
	data = cursor_dup(c, size);
	if (!data)
		return;
	if (RS_ROOM_FOR_ONE(f->options, f->nr_options)) {
		no_memory(c);
		free(data);
		return;
	}
	f->options[f->nr_options++] = (struct rs_dat_option){ id, size, data };
}

static void read_options_v6(struct cursor *c, struct rs_dat_file *f)
{
	c->what = "the options";
	while (!c->ret) {
		uint16_t id = (uint16_t)cursor_uint(c, 2);
		uint32_t size;

		if (c->ret || id == RS_DAT_OPT_DONE)
			return;
		size = (uint32_t)cursor_uint(c, 4);
		read_plain_option(c, f, id, size);
	}
}

/* Version 6: an instance is an option with the place of its table and its name. */
static void read_instances_v6(struct cursor *c, struct rs_dat_file *f, uint64_t cpus)
{
	const struct rs_dat_option *o;
	size_t pos = 0;

	while (!c->ret && (o = rs_dat_file_option(f, RS_DAT_OPT_BUFFER, &pos))) {
		if (o->size < 9) {
			cursor_fail(c, "an instance's option is too short");
			return;
		}
		c->pos = rs_dat_uint(o->data, 8, f->swap);
		if (c->pos > c->end) {
			c->pos = c->end;
			cursor_fail(c, "an instance's table is not in the file");
			return;
		}
		read_flyrecord_v6(c, f, o->data + 8, cpus);
	}
}

static void read_v6(struct cursor *c, struct rs_dat_file *f, rs_dat_want_fn want)
{
	uint64_t cpus, at;
	char kind[10];

	read_header_info(c, f);
	read_ftrace_formats(c, f, want);
	read_event_formats(c, f, want);
	c->what = "the kernel's symbols";
	cursor_skip(c, cursor_uint(c, 4));
	c->what = "the printk formats";
	cursor_skip(c, cursor_uint(c, 4));
	read_cmdlines(c, f);
	/* What is made for a killed trace-cmd's pages ends here. */
	if (f->repair && c->pos == c->end)
		return;
	c->what = "the number of CPUs";
	cpus = cursor_uint(c, 4);
	if (cpus > MAX_CPUS)
		cursor_fail(c, "is too large");
	at = c->pos;
	if (cursor_read(c, kind, sizeof(kind)) && !memcmp(kind, "options  ", 10))
		read_options_v6(c, f);
	else
		c->pos = at;
	read_flyrecord_v6(c, f, "", cpus);
	read_instances_v6(c, f, cpus);
}

/* A whole section in memory, decompressed. */
static char *load_packed(struct cursor *c, struct rs_dat_file *f, uint64_t *size)
{
	uint64_t packed = cursor_uint(c, 4);
	uint64_t plain = cursor_uint(c, 4);
	char *from, *to = NULL;
	int ret;

	if (plain > MAX_SECTION_BYTES)
		cursor_fail(c, "is too large");
	/* It takes the time, too: of one that is given back nothing comes back. */
	if (!cursor_take(c, f, plain))
		return NULL;
	from = cursor_dup(c, packed);
	if (!from)
		return NULL;
	to = malloc(plain + 1);
	if (!to) {
		no_memory(c);
	} else {
		ret = rs_dat_unpack(f->packing, NULL, to, plain, from, packed);
		if (ret == -ENOMEM)
			no_memory(c);
		if (ret) {
			cursor_fail(c, "cannot be decompressed");
			free(to);
			to = NULL;
		}
	}
	free(from);
	if (to)
		to[plain] = 0;
	*size = plain;
	return to;
}

/*
 * Enters the section at @offset: a cursor over its content. *@owned is what to
 * free afterwards.
 */
static struct cursor enter_section(struct cursor *c, struct rs_dat_file *f, uint64_t offset,
				   uint16_t id, const char *what, char **owned, bool *compressed)
{
	struct cursor s = *c;
	uint16_t got, flags;
	uint64_t size;

	*owned = NULL;
	s.what = what;
	s.pos = offset < s.end ? offset : s.end;
	got = (uint16_t)cursor_uint(&s, 2);
	flags = (uint16_t)cursor_uint(&s, 2);
	cursor_skip(&s, 4);
	size = cursor_uint(&s, 8);
	if (!s.ret && got != id)
		cursor_fail(&s, "there is no such section where the file says");
	if (!s.ret && size > s.end - s.pos)
		cursor_fail(&s, "ends too early");
	if (s.ret)
		return s;
	s.end = s.pos + size;
	*compressed = flags & RS_DAT_SECTION_COMPRESSED;
	if (!*compressed)
		return s;
	if (!c->f->packing)
		cursor_fail(&s, "is compressed though the file says it is not");
	if (id == RS_DAT_OPT_BUFFER || s.ret)
		return s;
	*owned = load_packed(&s, f, &size);
	s.mem = *owned;
	s.base = offset;
	s.pos = 0;
	s.end = size;
	return s;
}

static void read_buffer_v7(struct cursor *c, struct rs_dat_file *f, struct cursor *o)
{
	char name[256], clock[256], *owned;
	struct rs_dat_buffer *b;
	uint64_t offset, n;
	struct cursor s;

	o->what = "a ring buffer's option";
	offset = cursor_uint(o, 8);
	if (!cursor_string(o, name, sizeof(name)) || !cursor_string(o, clock, sizeof(clock)))
		return;
	b = add_buffer(o, f, name, clock);
	if (!b)
		return;
	b->section = offset;
	b->page_size = (uint32_t)cursor_uint(o, 4);
	check_page_size(o, b->page_size);
	n = cursor_uint(o, 4);
	if (n > MAX_CPUS)
		cursor_fail(o, "has too many CPUs");
	while (n-- && !o->ret) {
		struct rs_dat_cpu cpu;

		cpu.cpu = (uint32_t)cursor_uint(o, 4);
		cpu.offset = cursor_uint(o, 8);
		cpu.size = cursor_uint(o, 8);
		cpu.cut = false;
		add_cpu(o, f, b, cpu);
	}
	if (o->ret)
		return;
	s = enter_section(c, f, offset, RS_DAT_OPT_BUFFER, "a ring buffer", &owned, &b->compressed);
	free(owned);
	o->ret = s.ret;
}

static void read_named_section(struct cursor *c, struct rs_dat_file *f, uint16_t id,
			       uint64_t offset, rs_dat_want_fn want)
{
	bool compressed;
	char *owned;
	struct cursor s = enter_section(c, f, offset, id, "a section", &owned, &compressed);

	if (!s.ret && id == RS_DAT_OPT_HEADER_INFO)
		read_header_info(&s, f);
	else if (!s.ret && id == RS_DAT_OPT_FTRACE_EVENTS)
		read_ftrace_formats(&s, f, want);
	else if (!s.ret && id == RS_DAT_OPT_EVENT_FORMATS)
		read_event_formats(&s, f, want);
	else if (!s.ret)
		read_cmdlines(&s, f);
	free(owned);
	if (!s.ret)
		f->sections_read |= 1U << id;
	c->ret = s.ret;
}

static bool names_section(uint16_t id)
{
	return id == RS_DAT_OPT_HEADER_INFO || id == RS_DAT_OPT_FTRACE_EVENTS ||
	       id == RS_DAT_OPT_EVENT_FORMATS || id == RS_DAT_OPT_CMDLINES;
}

/* One option at @s; its sections are read from @c, the cursor of the file. */
static void read_option_v7(struct cursor *c, struct rs_dat_file *f, struct cursor *s, uint16_t id,
			   uint32_t size, rs_dat_want_fn want)
{
	struct cursor o = *s;

	if (size > s->end - s->pos) {
		cursor_fail(s, "an option is too long");
		return;
	}
	o.end = o.pos + size;
	s->pos = o.end;
	if (id == RS_DAT_OPT_BUFFER) {
		read_buffer_v7(c, f, &o);
	} else if (names_section(id)) {
		uint64_t offset = cursor_uint(&o, 8);

		if (!o.ret)
			read_named_section(c, f, id, offset, want);
		o.ret = o.ret ? o.ret : c->ret;
	} else {
		read_plain_option(&o, f, id, size);
	}
	pass_over(&o);
	if (!o.ret)
		c->ret = 0;
	s->ret = o.ret;
}

/* The options at @offset, and those that they name as what follows. */
static void read_options_v7(struct cursor *c, struct rs_dat_file *f, uint64_t offset,
			    rs_dat_want_fn want)
{
	for (unsigned int sections = 0; offset && !c->ret; sections++) {
		const uint64_t at = offset;
		bool compressed;
		char *owned;
		struct cursor s = enter_section(c, f, offset, RS_DAT_OPT_DONE, "the options",
						&owned, &compressed);

		if (sections == MAX_OPTION_SECTIONS)
			cursor_fail(&s, "there are too many of them: they go round in a circle");
		offset = 0;
		while (!s.ret) {
			uint16_t id = (uint16_t)cursor_uint(&s, 2);
			uint32_t size = (uint32_t)cursor_uint(&s, 4);

			if (!s.ret && id == RS_DAT_OPT_DONE) {
				offset = cursor_uint(&s, 8);
				break;
			}
			if (!s.ret)
				read_option_v7(c, f, &s, id, size, want);
		}
		free(owned);
		c->ret = s.ret;
		if (!c->ret)
			f->last_options = at;
	}
}

/* How many CPUs the recorder counted; 0: it does not say. */
static uint64_t count_cpus(const struct rs_dat_file *f)
{
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, RS_DAT_OPT_CPUCOUNT, &pos);

	return o && o->size >= 4 ? rs_dat_uint(o->data, 4, f->swap) : 0;
}

/* A ring buffer without its option: left are its pages, and how many CPUs there are. */
static void recover_buffer(struct cursor *c, struct rs_dat_file *f, const struct rs_dat_section *s)
{
	struct rs_dat_buffer *b;
	struct rs_dat_cpu *rows = NULL;
	size_t nr = 0;

	c->ret = rs_dat_recover_rows(f, s, count_cpus(f), &rows, &nr, c->err);
	b = nr ? add_buffer(c, f, "", NULL) : NULL;
	for (size_t i = 0; b && i < nr; i++)
		add_cpu(c, f, b, rows[i]);
	if (b) {
		b->section = s->at;
		b->compressed = s->compressed;
		f->clock_lost = true;
	}
	free(rows);
}

static bool is_buffer_known(const struct rs_dat_file *f, uint64_t section)
{
	for (size_t i = 0; i < f->nr_buffers; i++)
		if (f->buffers[i].section == section)
			return true;
	return false;
}

/* One of the sections as they stand in the file, if no option named it. */
static void recover_section(struct cursor *c, struct rs_dat_file *f, const struct rs_dat_section *s,
			    bool buffers, rs_dat_want_fn want)
{
	if (buffers) {
		if (s->id == RS_DAT_OPT_BUFFER && !is_buffer_known(f, s->at))
			recover_buffer(c, f, s);
	} else if (s->id == RS_DAT_OPT_DONE) {
		if (s->at > f->last_options)
			read_options_v7(c, f, s->at, want);
	} else if (names_section(s->id) && !(f->sections_read & 1U << s->id)) {
		read_named_section(c, f, s->id, s->at, want);
	}
	pass_over(c);
}

/* What can be found without the options, which a file that is cut has lost. */
static void recover_v7(struct cursor *c, struct rs_dat_file *f, uint64_t first, rs_dat_want_fn want)
{
	for (int pass = 0; pass < 2; pass++) {
		struct rs_dat_section s = { .next = first };
		int ret = 0;

		while (!c->ret && (ret = rs_dat_recover_section(f, c->end, &s, c->err)) > 0)
			recover_section(c, f, &s, pass, want);
		c->ret = c->ret ? c->ret : ret;
	}
}

static void read_v7(struct cursor *c, struct rs_dat_file *f, rs_dat_want_fn want)
{
	char name[64], version[64];
	uint64_t options, first;

	if (!cursor_string(c, name, sizeof(name)) || !cursor_string(c, version, sizeof(version)))
		return;
	options = cursor_uint(c, 8);
	if (!strcmp(name, "zstd"))
		f->packing = RS_DAT_ZSTD;
	else if (!strcmp(name, "zlib"))
		f->packing = RS_DAT_ZLIB;
	if (!c->ret && !f->packing && strcmp(name, "none")) {
		c->ret = rs_error_set(c->err, RS_ERR_INPUT, EINVAL,
				      "trace.dat: compressed with something else than zstd or "
				      "zlib; 'trace-cmd convert --compression zstd' helps");
		return;
	}
	first = c->pos;
	if (!c->ret && !options)
		cursor_fail(c, "there are no options: the recording was not finished");
	pass_over(c);
	read_options_v7(c, f, options, want);
	pass_over(c);
	if (f->repair && !c->ret)
		recover_v7(c, f, first, want);
}

static void read_start(struct cursor *c, struct rs_dat_file *f)
{
	unsigned char magic[sizeof(dat_magic)];
	char version[16];
	const uint16_t one = 1;
	uint64_t endian;

	c->what = "the file's first bytes";
	if (!cursor_read(c, magic, sizeof(magic)))
		return;
	if (memcmp(magic, dat_magic, sizeof(magic))) {
		cursor_fail(c, "this is no trace.dat");
		return;
	}
	if (!cursor_string(c, version, sizeof(version)))
		return;
	if (strcmp(version, "6") && strcmp(version, "7")) {
		cursor_fail(c, "its version is neither 6 nor 7");
		return;
	}
	f->version = (unsigned int)(version[0] - '0');
	endian = cursor_uint(c, 1);
	if (!c->ret && endian > 1)
		cursor_fail(c, "neither little nor big endian");
	f->big_endian = endian;
	f->swap = f->big_endian == *(const unsigned char *)&one;
	f->long_size = (unsigned int)cursor_uint(c, 1);
	if (!c->ret && f->long_size != 4 && f->long_size != 8)
		cursor_fail(c, "a long word is neither 4 nor 8 bytes");
	f->page_size = (uint32_t)cursor_uint(c, 4);
	check_page_size(c, f->page_size);
}

static int cmp_offset(const void *a, const void *b)
{
	const struct rs_dat_cpu *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Pages belong to one CPU: none are read, and none are unpacked, for several. */
static void check_apart(struct cursor *c, const struct rs_dat_file *f)
{
	struct rs_dat_cpu *all = NULL;
	size_t n = 0, max = 0;

	for (size_t i = 0; i < f->nr_buffers && !c->ret; i++)
		for (uint32_t k = 0; k < f->buffers[i].nr_cpus && !c->ret; k++) {
			if (!f->buffers[i].cpus[k].size)
				continue;
			if (RS_ROOM(all, max, n + 1))
				no_memory(c);
			else
				all[n++] = f->buffers[i].cpus[k];
		}
	if (n)
		qsort(all, n, sizeof(*all), cmp_offset);
	for (size_t i = 1; i < n && !c->ret; i++)
		if (all[i].offset - all[i - 1].offset < all[i - 1].size)
			c->ret = rs_error_set(c->err, RS_ERR_INPUT, EINVAL,
					      "trace.dat: the pages of CPU %" PRIu32 " (at %" PRIu64
					      ") are those of CPU %" PRIu32
					      " as well: it is damaged",
					      all[i].cpu, all[i].offset, all[i - 1].cpu);
	free(all);
}

static void free_buffers(struct rs_dat_file *f)
{
	for (size_t i = 0; i < f->nr_buffers; i++) {
		free(f->buffers[i].name);
		free(f->buffers[i].clock);
		free(f->buffers[i].cpus);
	}
	free(f->buffers);
	f->buffers = NULL;
	f->nr_buffers = 0;
}

/* The rows behind the file: all of each was still in its ring buffer from its end on. */
static void take_rows(struct cursor *c, struct rs_dat_file *f, const struct rs_dat_repair *r)
{
	struct rs_dat_buffer *b = NULL;

	free_buffers(f);
	f->clock_lost = true;
	for (size_t i = 0; i < r->nr_rows && !c->ret; i++) {
		const struct rs_dat_row *row = &r->rows[i];

		if (!i || strcmp(row->buffer, r->rows[i - 1].buffer))
			b = add_buffer(c, f, row->buffer, NULL);
		if (b)
			add_cpu(c, f, b,
				(struct rs_dat_cpu){ row->cpu, row->offset, row->size, true });
	}
}

/* Pages are not compressed in parts: what is behind the last whole one was cut. */
static void cut_to_pages(struct cursor *c, struct rs_dat_file *f)
{
	for (size_t i = 0; i < f->nr_buffers && !c->ret; i++) {
		struct rs_dat_buffer *b = &f->buffers[i];

		for (uint32_t k = 0; k < b->nr_cpus && !b->compressed && !c->ret; k++) {
			struct rs_dat_cpu *cpu = &b->cpus[k];
			const uint64_t rest = cpu->size % b->page_size;

			if (!rest)
				continue;
			cpu->size -= rest;
			cpu->cut = true;
			c->ret = rs_dat_damage_note(
				&f->repair->damage, c->err,
				"the pages of CPU %" PRIu32 ": the last one is cut off", cpu->cpu);
		}
	}
}

static void check_complete(struct cursor *c, const struct rs_dat_file *f)
{
	c->what = "incomplete";
	if (c->ret)
		return;
	if (!f->header_page)
		cursor_fail(c, "no format of the page header");
	else if (!f->nr_buffers)
		cursor_fail(c, "no ring buffer: the recording was not finished, or holds only "
			       "the text of a latency tracer");
}

int rs_dat_file_open(struct rs_dat_file *f, int fd, rs_dat_want_fn want,
		     struct rs_dat_repair *repair, struct rs_error *err)
{
	struct rs_error own;
	struct cursor c = { .f = f, .err = err ? err : &own };
	struct stat st;

	*f = (struct rs_dat_file){ .fd = fd, .repair = repair };
	if (fstat(fd, &st))
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot stat: %s", strerror(errno));
	f->size = (uint64_t)st.st_size;
	c.end = repair && repair->rows ? repair->end : f->size;
	rs_budget_init(&f->budget, f->size);
	read_start(&c, f);
	if (!c.ret && f->version == 6)
		read_v6(&c, f, want);
	else if (!c.ret)
		read_v7(&c, f, want);
	if (repair && repair->rows && !c.ret)
		take_rows(&c, f, repair);
	if (repair)
		cut_to_pages(&c, f);
	check_complete(&c, f);
	check_apart(&c, f);
	if (c.ret)
		rs_dat_file_close(f);
	return c.ret;
}

void rs_dat_file_close(struct rs_dat_file *f)
{
	free_buffers(f);
	for (size_t i = 0; i < f->nr_options; i++)
		free(f->options[i].data);
	for (size_t i = 0; i < f->nr_formats; i++) {
		free(f->formats[i].system);
		free(f->formats[i].text);
	}
	free(f->options);
	free(f->formats);
	free(f->header_page);
	free(f->cmdlines);
	*f = (struct rs_dat_file){ .fd = -1 };
}

const struct rs_dat_option *rs_dat_file_option(const struct rs_dat_file *f, uint16_t id,
					       size_t *pos)
{
	while (*pos < f->nr_options) {
		const struct rs_dat_option *o = &f->options[(*pos)++];

		if (o->id == id)
			return o;
	}
	return NULL;
}

size_t rs_dat_file_nr_streams(const struct rs_dat_file *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nr_buffers; i++)
		for (uint32_t k = 0; k < f->buffers[i].nr_cpus; k++)
			n += rs_dat_cpu_is_used(&f->buffers[i].cpus[k]);
	return n;
}

bool rs_dat_probe(const unsigned char *head, size_t len)
{
	return len >= sizeof(dat_magic) && !memcmp(head, dat_magic, sizeof(dat_magic));
}
