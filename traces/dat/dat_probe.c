// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_probe.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event-parse.h>

#include "base/inline.h"
#include "traces/dat/dat_bytes.h"

#define MAX_NAMES 16

struct kind_def {
	const char *full;   /* "system:event" */
	const char *system; /* NULL: that of our probes */
	const char *name;
	const char *fields[MAX_NAMES];
};

#define KIND(system, event, ...)                 \
	{                                        \
		system ":" event, system, event, \
		{                                \
			__VA_ARGS__              \
		}                                \
	}
#define KIND_PROBE(sym, event, ...) [RS_PROBE_##sym] = KIND(RS_PROBE_GROUP, event, __VA_ARGS__),

static const struct kind_def kind_defs[RS_DAT_NR_KINDS] = {
	[RS_DAT_TP_PAGE_FAULT] = KIND("kvm", "kvm_page_fault", "vcpu_id", "fault_address"),
	[RS_DAT_TP_UNMAP_HVA] = KIND("kvm", "kvm_unmap_hva_range", "start", "end"),
	[RS_DAT_TP_ASYNC_TRY] = KIND("kvm", "kvm_try_async_get_page", NULL),
	[RS_DAT_TP_ASYNC_NOT_PRESENT] = KIND("kvm", "kvm_async_pf_not_present", NULL),
	[RS_DAT_TP_ASYNC_REPEATED] = KIND("kvm", "kvm_async_pf_repeated_fault", NULL),
	[RS_DAT_TP_ENTRY] = KIND("kvm", "kvm_entry", "vcpu_id"),
	[RS_DAT_MARKER] = KIND("ftrace", "print", NULL),
	RS_PROBE_EVENTS(KIND_PROBE)
};

#define FIELD_NAME(sym, name) [RS_DAT_F_##sym] = name,
static const char *const field_names[RS_DAT_NR_FIELDS] = { RS_DAT_FIELDS(FIELD_NAME) };

const char *rs_dat_kind_name(unsigned int kind)
{
	return kind < RS_DAT_NR_KINDS ? kind_defs[kind].full : NULL;
}

const char *rs_dat_event_name(unsigned int kind)
{
	return kind < RS_DAT_NR_KINDS ? kind_defs[kind].name : NULL;
}

/* Recorders that run at the same time have groups of their own: "retryscope_PID". */
static bool is_system(const char *system, const char *wanted)
{
	const size_t len = strlen(wanted);

	if (strcmp(wanted, RS_PROBE_GROUP) || strncmp(system, wanted, len) || !system[len])
		return !strcmp(system, wanted);
	return system[len] == '_' && system[len + 1] &&
	       system[len + 1 + strspn(system + len + 1, "0123456789")] == '\0';
}

/* The kind of the event whose format is @text; RS_DAT_NR_KINDS if none. */
static unsigned int kind_of_format(const char *system, const char *text)
{
	char name[128];
	unsigned int i;

	if (sscanf(text, "name: %127s", name) != 1)
		return RS_DAT_NR_KINDS;
	for (i = 0; i < RS_DAT_NR_KINDS; i++)
		if (is_system(system, kind_defs[i].system) && !strcmp(name, kind_defs[i].name))
			break;
	return i;
}

bool rs_dat_probe_wants(const char *system, const char *text)
{
	return kind_of_format(system, text) < RS_DAT_NR_KINDS;
}

/*
 * libtraceevent was written for what a kernel says of itself. It takes a byte that is
 * none of a text for the end of a name that it then reads, and puts a field's words
 * together one by one, each behind all before it. So it sees texts of such lines only as a
 * kernel makes: of printable bytes, not longer and not more than those can be.
 */
#define MAX_LINE 512
#define MAX_LINES 192

static bool is_kernels_text(const char *text, size_t len)
{
	size_t lines = 0, line = 0;

	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c == '\n') {
			line = 0;
			if (++lines > MAX_LINES)
				return false;
		} else if ((c != '\t' && (c < ' ' || c > '~')) || ++line > MAX_LINE) {
			return false;
		}
	}
	return true;
}

/*
 * The print format is of no use here, and its grammar is where a parser can go
 * wrong: libtraceevent gets an empty one instead.
 */
static int parse_format(struct tep_handle *tep, const struct rs_dat_format *f)
{
	static const char empty[] = "print fmt: \"\"\n";
	const char *print = strstr(f->text, "print fmt:");
	size_t len = print ? (size_t)(print - f->text) : strlen(f->text);
	char *text;
	int ret;

	if (!is_kernels_text(f->text, len))
		return -EINVAL;
	text = malloc(len + sizeof(empty));
	if (!text)
		return -ENOMEM;
	memcpy(text, f->text, len);
	memcpy(text + len, empty, sizeof(empty));
	ret = tep_parse_event(tep, text, len + sizeof(empty) - 1, f->system);
	free(text);
	return ret == TEP_ERRNO__MEM_ALLOC_FAILED ? -ENOMEM : ret ? -EINVAL : 0;
}

static int field_number(const char *name)
{
	for (int i = 0; i < RS_DAT_NR_FIELDS; i++)
		if (!strcmp(name, field_names[i]))
			return i;
	return -1;
}

/* Whether @f can be read as a number, of an event of format @k; then that is *@at. */
static bool place_field(struct rs_dat_format_at *k, const struct tep_format_field *f,
			struct rs_dat_field_at *at)
{
	const bool number_size =
		f && (f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8);

	if (!number_size || f->offset < 0 || f->offset > 4096)
		return false;
	*at = (struct rs_dat_field_at){
		.size = (uint8_t)f->size,
		.offset = (uint16_t)f->offset,
		.mask = UINT64_MAX >> (64 - 8 * f->size),
		.sign = f->flags & TEP_FIELD_IS_SIGNED ? 1ULL << (8 * f->size - 1) : 0,
	};
	if (k->bytes < (uint32_t)(f->offset + f->size))
		k->bytes = (uint32_t)(f->offset + f->size);
	return true;
}

/* Words that stand one behind the other can be read at once. */
static void count_words(struct rs_dat_format_at *k)
{
	for (int i = RS_DAT_NR_FIELDS - 1; i >= 0; i--) {
		struct rs_dat_field_at *f = &k->fields[i];
		const struct rs_dat_field_at *next = i + 1 < RS_DAT_NR_FIELDS ? f + 1 : NULL;

		if (f->size != 8)
			continue;
		f->words = 1;
		if (next && next->words && next->offset == f->offset + 8)
			f->words += next->words;
	}
}

static void add_text(struct rs_dat_format_at *k, const struct tep_format_field *f)
{
	if (!f || f->offset <= 0 || f->offset > 4096)
		return;
	k->text_offset = (uint16_t)f->offset;
	if (k->bytes < k->text_offset)
		k->bytes = k->text_offset;
}

/* An int that was recorded as if it were none: whether KVM's copy was one is then to be found. */
static bool has_cut_fault_seq(const struct rs_dat_format_at *k)
{
	const struct rs_dat_field_at *copy = &k->fields[RS_DAT_F_FAULT_SEQ];

	return copy->size == 4 && !copy->sign && k->fields[RS_DAT_F_SEQ].size == 8;
}

/* Which of the groups of this trace: numbered as they come. */
static uint8_t group_number(const struct rs_dat_file *f, size_t format)
{
	uint8_t n = 0;

	for (size_t i = 0; i < format; i++) {
		if (!strcmp(f->formats[i].system, f->formats[format].system))
			return n;
		n += !i || strcmp(f->formats[i].system, f->formats[i - 1].system) != 0;
	}
	return n;
}

/* Where the fields of one format are. What lacks a process is of no use, nor what lacks room. */
static void look_up_format(struct rs_dat_probes *p, struct tep_handle *tep,
			   const struct rs_dat_file *f, size_t format)
{
	const unsigned int kind =
		kind_of_format(f->formats[format].system, f->formats[format].text);
	const struct kind_def *def = &kind_defs[kind];
	struct tep_event *ev = tep_find_event_by_name(tep, f->formats[format].system, def->name);
	struct rs_dat_format_at *k = &p->formats[p->nr_formats];

	if (!ev || ev->id <= 0 || ev->id > UINT16_MAX || p->nr_formats == RS_DAT_MAX_FORMATS)
		return;
	k->kind = (uint8_t)kind;
	k->group = group_number(f, format);
	if (!place_field(k, tep_find_common_field(ev, "common_pid"), &k->pid))
		return;
	for (size_t i = 0; i < MAX_NAMES && def->fields[i]; i++) {
		int number = field_number(def->fields[i]);

		if (number >= 0 &&
		    place_field(k, tep_find_field(ev, def->fields[i]), &k->fields[number]))
			k->have |= 1U << number;
	}
	count_words(k);
	p->cut_fault_seq |= has_cut_fault_seq(k);
	if (kind == RS_DAT_MARKER)
		add_text(k, tep_find_field(ev, "buf"));
	k->plain_bytes = kind == RS_DAT_MARKER || f->swap || BYTE_ORDER != LITTLE_ENDIAN
				 ? UINT32_MAX
				 : k->bytes;
	p->present[kind] = true;
	p->format_of[ev->id] = (uint8_t)++p->nr_formats;
	p->least[p->nr_formats] = k->bytes;
}

/* What all events share: where their type stands. */
static int look_up_type(struct rs_dat_probes *p, struct tep_handle *tep, struct rs_error *err)
{
	struct tep_event *ev = tep_get_first_event(tep);
	struct tep_format_field *f = ev ? tep_find_common_field(ev, "common_type") : NULL;

	if (!p->nr_formats || !f || (f->size != 2 && f->size != 4) || f->offset < 0 ||
	    f->offset > 4096)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "trace.dat: there are no events of retryscope or KVM in this "
				    "trace");
	p->layout.type_offset = (unsigned int)f->offset;
	p->layout.type_size = (unsigned int)f->size;
	return 0;
}

static int parse_all(struct tep_handle *tep, const struct rs_dat_file *f, struct rs_error *err)
{
	const size_t len = strlen(f->header_page);
	int ret = -EINVAL;

	if (is_kernels_text(f->header_page, len))
		ret = tep_parse_header_page(tep, f->header_page, len, (int)f->long_size);
	if (ret || tep_is_old_format(tep))
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "trace.dat: the page header's format is not known");
	for (size_t i = 0; i < f->nr_formats; i++) {
		ret = parse_format(tep, &f->formats[i]);
		if (ret == -ENOMEM)
			return rs_error_nomem(err);
		if (ret)
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "trace.dat: the format of %s is damaged",
					    rs_dat_kind_name(kind_of_format(f->formats[i].system,
									    f->formats[i].text)));
	}
	return 0;
}

static int look_up_all(struct rs_dat_probes *p, struct tep_handle *tep, const struct rs_dat_file *f,
		       struct rs_error *err)
{
	const int commit = tep_get_header_page_size(tep);

	if (commit != 4 && commit != 8)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "trace.dat: the page header's format is not known");
	p->layout.commit_size = (unsigned int)commit;
	for (size_t i = 0; i < f->nr_formats; i++)
		look_up_format(p, tep, f, i);
	return look_up_type(p, tep, err);
}

int rs_dat_probes_init(struct rs_dat_probes *p, const struct rs_dat_file *f, struct rs_error *err)
{
	struct tep_handle *tep;
	int ret;

	memset(p, 0, sizeof(*p));
	p->swap = f->swap;
	p->layout.wanted = p->format_of;
	p->layout.least = p->least;
	tep_set_loglevel(TEP_LOG_NONE);
	tep = tep_alloc();
	if (!tep)
		return rs_error_nomem(err);
	tep_set_file_bigendian(tep, f->big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_long_size(tep, (int)f->long_size);
	ret = parse_all(tep, f, err);
	if (!ret)
		ret = look_up_all(p, tep, f, err);
	tep_free(tep);
	return ret;
}

bool rs_dat_probes_faults(const struct rs_dat_probes *p)
{
	const bool *has = p->present;

	return has[RS_PROBE_FAULT] || has[RS_PROBE_FAULT_BEGIN] || has[RS_PROBE_FAULT_CHECK];
}

bool rs_dat_probes_enough(const struct rs_dat_probes *p)
{
	const bool *has = p->present;

	/* KVM's own tracepoint tells of faults, too, if they were not left out. */
	return has[RS_PROBE_INVAL_START] &&
	       (has[RS_PROBE_INVAL_END] || has[RS_PROBE_INVAL_END_LOCKED] ||
		has[RS_PROBE_INVAL_ENDED]) &&
	       (rs_dat_probes_faults(p) || !has[RS_DAT_TP_PAGE_FAULT]);
}

#define ARRAY_FIELD(sym, name) \
	[RS_DAT_F_##sym] = { .mask = UINT64_MAX, .offset = RS_DAT_F_##sym * 8, .size = 8 },
const struct rs_dat_field_at rs_dat_array_fields[RS_DAT_NR_FIELDS] = { RS_DAT_FIELDS(ARRAY_FIELD) };

static uint64_t read_field(const unsigned char *data, const struct rs_dat_field_at *f, bool swap)
{
	uint64_t v = rs_dat_uint(data + f->offset, f->size, swap);

	return (v ^ f->sign) - f->sign;
}

/* The fields one by one: only those of a little-endian file can be read where they are. */
static void read_fields(const struct rs_dat_format_at *k, bool swap, struct rs_dat_probe *to)
{
	for (unsigned int f = 0; f < RS_DAT_NR_FIELDS; f++)
		to->v[f] = read_field(to->data, &k->fields[f], swap);
	to->data = (const unsigned char *)to->v;
	to->at = rs_dat_array_fields;
}

RS_SELDOM int rs_dat_probe_decode_odd(const struct rs_dat_probes *p, const struct rs_dat_record *r,
				      struct rs_dat_probe *to, struct rs_error *err)
{
	const struct rs_dat_format_at *k;

	if (r->what != RS_DAT_EVENT) {
		to->kind =
			r->what == RS_DAT_GAP_BEGIN ? RS_DAT_KIND_GAP_BEGIN : RS_DAT_KIND_GAP_END;
		to->missed = r->missed;
		return 0;
	}
	k = &p->formats[r->wanted - 1];
	if (r->size < k->bytes)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "trace.dat: an event %s on CPU %u is shorter than its format",
				    rs_dat_kind_name(k->kind), (unsigned int)r->cpu);
	to->pid = (uint32_t)read_field(r->data, &k->pid, p->swap);
	if (k->kind == RS_DAT_MARKER) {
		to->text = (const char *)r->data + k->text_offset;
		to->text_size = k->text_offset ? r->size - k->text_offset : 0;
	}
	if (p->swap || BYTE_ORDER != LITTLE_ENDIAN)
		read_fields(k, p->swap, to);
	return 0;
}
