// SPDX-License-Identifier: GPL-2.0-only
#include "traces/mtree/mtree.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/source.h"

/* A machine with all its 32,764 memslots twice, and some prose around it. */
#define MAX_SIZE (32U << 20)
#define MAX_MEMSLOTS 65536

#define NR_SPACES 2
/* KVM_MEM_READONLY of the kernel's interface. */
#define READONLY 2

/* Where the made-up host addresses of the first RAM block begin, and what is apart. */
#define FIRST_HVA 0x100000000000ULL
#define ALIGNMENT (1ULL << 30)
#define MAX_HVA (1ULL << 62)

/* A piece of the text, which stays as it was read. */
struct piece {
	const char *p;
	size_t len;
};

struct block {
	struct piece name, owner;
	uint64_t size; /* the largest offset that is mapped */
	uint64_t hva;
	size_t seen; /* the view that had it last, counted from 1 */
};

/* A line of a view: guest physical addresses, half open. */
struct range {
	uint64_t start, end;
	uint64_t offset;
	uint64_t line;
	size_t view;
	size_t block;
	bool readonly;
	bool marked; /* QEMU says that KVM has it */
	bool placed; /* its offset was printed */
};

struct view {
	bool space[NR_SPACES];
	bool old;      /* of a QEMU that printed no offsets */
	bool headless; /* what names it was cut off */
	bool elided;   /* "...": not all lines are there */
	uint64_t line;
};

struct mtree {
	char *text;
	size_t size, max_text;
	struct range *ranges;
	size_t nr_ranges, max_ranges;
	struct view *views;
	size_t nr_views, max_views;
	struct block *blocks;
	size_t nr_blocks, max_blocks;
	struct rs_hash by_name;
	struct rs_event *events;
	size_t nr_events, max_events;
	bool done, marks;
	bool tree;	 /* the tree of regions was seen, which is not the flat view */
	uint64_t line;	 /* being parsed */
	uint64_t number; /* of the view that began last */
	uint64_t dumps;
};

static int wrong(uint64_t line, struct rs_error *err, const char *what)
{
	rs_error_set(err, RS_ERR_INPUT, EINVAL, "%s", what);
	if (err)
		err->line = line;
	return -EINVAL;
}

static bool holds(const unsigned char *head, size_t len, const char *what)
{
	return memmem(head, len, what, strlen(what)) != NULL;
}

static bool probe(const unsigned char *head, size_t len)
{
	return holds(head, len, "FlatView #") || holds(head, len, "address-space (flat view)") ||
	       holds(head, len, "address-space: ") || holds(head, len, "info mtree") ||
	       holds(head, len, "Root memory region: ");
}

/* ---- lines ---- */

static bool starts(struct piece s, const char *with)
{
	const size_t n = strlen(with);

	return s.len >= n && !memcmp(s.p, with, n);
}

static bool ends(struct piece s, const char *with)
{
	const size_t n = strlen(with);

	return s.len >= n && !memcmp(s.p + s.len - n, with, n);
}

static bool is(struct piece s, const char *what)
{
	return s.len == strlen(what) && !memcmp(s.p, what, s.len);
}

static struct piece behind(struct piece s, size_t n)
{
	return (struct piece){ s.p + n, s.len - n };
}

static struct piece trim(struct piece s)
{
	while (s.len && (s.p[0] == '>' || s.p[0] == '|' || isspace((unsigned char)s.p[0])))
		s = behind(s, 1);
	while (s.len && isspace((unsigned char)s.p[s.len - 1]))
		s.len--;
	return s;
}

static size_t line_length(const char *p, size_t left, size_t *skip)
{
	const char *end = memchr(p, '\n', left);

	*skip = end != NULL;
	return end ? (size_t)(end - p) : left;
}

/*
 * QMP answers with a JSON object whose string "return" has it all: what stands before is
 * then a line of its own, and what is escaped in the string is undone.
 */
static void undo_json(struct mtree *m)
{
	static const char key[] = "\"return\":";
	size_t i = 0, to;
	char *at;

	while (i < m->size && isspace((unsigned char)m->text[i]))
		i++;
	at = i < m->size && m->text[i] == '{' ? memmem(m->text, m->size, key, strlen(key)) : NULL;
	if (!at)
		return;
	i = (size_t)(at - m->text) + strlen(key);
	while (i < m->size && isspace((unsigned char)m->text[i]))
		i++;
	if (i == m->size || m->text[i] != '"')
		return;
	m->text[i++] = '\n';
	for (to = i; i < m->size; i++) {
		const char c = m->text[i], next = i + 1 < m->size ? m->text[i + 1] : 0;

		if (c != '\\' || !next) {
			m->text[to++] = c;
			continue;
		}
		m->text[to++] = next == 'n' ? '\n' : next == 'r' || next == 't' ? ' ' : next;
		i++;
	}
	m->size = to;
}

/* Takes terminal escapes out of the text: "ESC [ parameters letter". */
static void drop_escapes(struct mtree *m)
{
	size_t to = 0;

	for (size_t i = 0; i < m->size; i++) {
		if (m->text[i] != '\033' || i + 1 == m->size || m->text[i + 1] != '[') {
			m->text[to++] = m->text[i];
			continue;
		}
		for (i += 2; i < m->size && !isalpha((unsigned char)m->text[i]); i++)
			;
	}
	m->size = to;
}

static bool take_hex(struct piece *s, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < s->len && i < 16 && isxdigit((unsigned char)s->p[i]); i++) {
		const char c = (char)tolower((unsigned char)s->p[i]);

		*value = *value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*s = behind(*s, i);
	return i && (!s->len || !isxdigit((unsigned char)s->p[0]));
}

static bool take(struct piece *s, const char *what)
{
	if (!starts(*s, what))
		return false;
	*s = behind(*s, strlen(what));
	return true;
}

static bool take_decimal(struct piece *s, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < s->len && i < 9 && isdigit((unsigned char)s->p[i]); i++)
		*value = *value * 10 + (uint64_t)(s->p[i] - '0');
	*s = behind(*s, i);
	return i;
}

/* ---- blocks ---- */

struct asked {
	const struct mtree *m;
	struct piece name, owner;
};

static bool same_piece(struct piece a, struct piece b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

static bool is_block(const void *arg, uint32_t i)
{
	const struct asked *a = arg;

	return same_piece(a->m->blocks[i].name, a->name) &&
	       same_piece(a->m->blocks[i].owner, a->owner);
}

static uint64_t hash_piece(uint64_t h, struct piece s)
{
	for (size_t i = 0; i < s.len; i++)
		h = rs_hash_number(h ^ (unsigned char)s.p[i]);
	return rs_hash_number(h ^ s.len);
}

static int find_block(struct mtree *m, struct piece name, struct piece owner, size_t *block)
{
	const struct asked asked = { m, name, owner };
	const uint64_t hash = hash_piece(hash_piece(0, name), owner);
	const uint32_t i = rs_hash_find(&m->by_name, hash, is_block, &asked);

	*block = i;
	if (i != RS_HASH_NONE)
		return 0;
	*block = m->nr_blocks;
	if (RS_ROOM_ZEROED(m->blocks, m->max_blocks, m->nr_blocks + 1) ||
	    rs_hash_add(&m->by_name, hash, (uint32_t)m->nr_blocks))
		return -ENOMEM;
	m->blocks[m->nr_blocks++] = (struct block){ .name = name, .owner = owner };
	return 0;
}

/* ---- a line that tells a range ---- */

/* "ram", "rom", "romd", "ramd", with or without "nv-": what KVM gets a memslot for. */
static bool is_memory(struct piece type, bool *readonly)
{
	take(&type, "nv-");
	*readonly = starts(type, "rom");
	return is(type, "ram") || is(type, "rom") || is(type, "ramd") || is(type, "romd");
}

static bool cut_at(struct piece *s, const char *what, struct piece *rest)
{
	const char *at = memmem(s->p, s->len, what, strlen(what));

	if (!at)
		return false;
	*rest = behind(*s, (size_t)(at - s->p));
	s->len = (size_t)(at - s->p);
	return true;
}

/* What stands behind a region's type: NAME [@OFFSET] [owner:{...}] [parent:{...}] [KVM|kvm]. */
static bool split_name(struct piece s, struct range *r, struct piece *name, struct piece *owner)
{
	struct piece rest;

	while (ends(s, " KVM") || ends(s, " kvm")) {
		r->marked = true;
		s.len -= 4;
	}
	*owner = (struct piece){ "", 0 };
	if (cut_at(&s, " owner:{", owner) || cut_at(&s, " parent:{", owner))
		s = trim(s);
	if (cut_at(&s, " @", &rest)) {
		rest = behind(rest, 2);
		r->placed = true;
		if (!take_hex(&rest, &r->offset) || trim(rest).len)
			return false;
	}
	*name = trim(s);
	return name->len;
}

/* "START-END (prio N, TYPE): ..." of a range of memory: 1; of none: 0. */
static int parse_range(struct mtree *m, struct piece s, struct rs_error *err)
{
	struct range r = { .line = m->line, .view = m->nr_views - 1 };
	struct piece type, name, owner;
	uint64_t last;

	if (!take_hex(&s, &r.start) || !take(&s, "-") || !take_hex(&s, &last) || last < r.start)
		return wrong(m->line, err, "addresses START-END in hex expected");
	take(&s, ":");
	s = trim(s);
	if (!take(&s, "(prio ") || !cut_at(&s, ", ", &type))
		return wrong(m->line, err, "'(prio N, TYPE): NAME' expected behind the addresses");
	type = behind(type, 2);
	if (!cut_at(&type, "):", &s))
		return wrong(m->line, err, "'(prio N, TYPE): NAME' expected behind the addresses");
	if (!is_memory(type, &r.readonly) || ends(s, "[disabled]"))
		return 0;
	if (!split_name(trim(behind(s, 2)), &r, &name, &owner))
		return wrong(m->line, err,
			     "a region's name and '@' with its offset in hex expected");
	if (last == UINT64_MAX)
		return wrong(m->line, err, "memory up to the last address: no memslot has that");
	r.end = last + 1;
	if (r.offset > MAX_HVA || r.end - r.start > MAX_HVA)
		return wrong(m->line, err, "more memory than there can be");
	if (find_block(m, name, owner, &r.block) ||
	    RS_ROOM(m->ranges, m->max_ranges, m->nr_ranges + 1))
		return rs_error_nomem(err);
	m->marks |= r.marked;
	m->ranges[m->nr_ranges++] = r;
	return 0;
}

/* Does it begin like a range: hex digits, '-', hex digits? */
static bool looks_like_range(struct piece s)
{
	size_t i = 0;

	while (i < s.len && isxdigit((unsigned char)s.p[i]))
		i++;
	return i >= 8 && i + 1 < s.len && s.p[i] == '-' && isxdigit((unsigned char)s.p[i + 1]);
}

/* ---- views ---- */

static int new_view(struct mtree *m, struct rs_error *err)
{
	if (RS_ROOM_ZEROED(m->views, m->max_views, m->nr_views + 1))
		return rs_error_nomem(err);
	m->views[m->nr_views++] = (struct view){ .line = m->line };
	return 0;
}

/* All over again: it was printed once more. */
static void forget(struct mtree *m)
{
	m->nr_views = m->nr_ranges = m->nr_blocks = 0;
	rs_hash_free(&m->by_name);
	m->by_name = (struct rs_hash){ 0 };
	m->marks = false;
}

/* Views are numbered in rising order: with one that is not, it was printed once more. */
static void begin_view(struct mtree *m, uint64_t number)
{
	if (!m->dumps || number <= m->number) {
		forget(m);
		m->dumps++;
	}
	m->number = number;
}

/* The address space that KVM knows by a number: "memory" or SMM's; a QEMU with TCG has its own. */
static void name_space(struct mtree *m, struct piece name)
{
	struct view *v = &m->views[m->nr_views - 1];

	if (is(name, "memory"))
		v->space[0] = true;
	else if (is(name, "KVM-SMRAM") || is(name, "cpu-smm-0"))
		v->space[1] = true;
}

static int parse_line(struct mtree *m, struct piece s, struct rs_error *err)
{
	struct piece rest;
	uint64_t number;
	int rc;

	if (starts(s, "FlatView #")) {
		s = behind(s, strlen("FlatView #"));
		if (!take_decimal(&s, &number))
			return wrong(m->line, err, "a view's number expected behind 'FlatView #'");
		begin_view(m, number);
		return new_view(m, err);
	}
	if (take(&s, "address-space (flat view): ")) {
		begin_view(m, is(s, "memory") ? 0 : m->number + 1);
		rc = new_view(m, err);
		if (!rc)
			name_space(m, s);
		if (!rc)
			m->views[m->nr_views - 1].old = true;
		return rc;
	}
	if (starts(s, "address-space: "))
		m->tree = true;
	/* A tree behind the flat views belongs to none of them. */
	if (starts(s, "address-space: ") || starts(s, "memory-region: "))
		return m->nr_views ? new_view(m, err) : 0;
	/* People paste from here on. */
	if (!m->nr_views && starts(s, "Root memory region: ")) {
		begin_view(m, 0);
		rc = new_view(m, err);
		if (rc)
			return rc;
		m->views[0].headless = m->views[0].space[0] = ends(s, ": system");
	}
	if (!m->nr_views)
		return 0;
	if (take(&s, "AS \"")) {
		if (!cut_at(&s, "\"", &rest))
			return wrong(m->line, err, "an address space's name in quotes expected");
		name_space(m, s);
		return 0;
	}
	if (is(s, "...") || is(s, "[...]") || is(s, "[snip]"))
		m->views[m->nr_views - 1].elided = true;
	return looks_like_range(s) ? parse_range(m, s, err) : 0;
}

/* Whether the next line goes on with a range that mail broke: it does not begin anything. */
static bool goes_on(struct piece s)
{
	return s.len && (s.p[0] == '@' || starts(s, "owner:{") || starts(s, "parent:{") ||
			 starts(s, "ram") || starts(s, "rom") || starts(s, "nv-") ||
			 starts(s, "i/o)") || starts(s, "(prio ") || starts(s, "BAR ") ||
			 starts(s, "mmaps[") || is(s, "KVM") || is(s, "kvm"));
}

/*
 * The lines one by one. What mail has broken in two is put together again in the text
 * itself: between a range and what goes on with it there are but blanks and quoting.
 */
static int parse_text(struct mtree *m, struct rs_error *err)
{
	size_t at = 0, skip, rest_skip;
	int rc = 0;

	while (at < m->size && !rc) {
		size_t len = line_length(m->text + at, m->size - at, &skip);
		struct piece s = trim((struct piece){ m->text + at, len });

		m->line++;
		if (s.len && memchr(s.p, '\0', s.len))
			return wrong(m->line, err, "a NUL byte: this is no text");
		while (looks_like_range(s) && skip) {
			const size_t next = (size_t)(s.p - m->text) + s.len, from = at + len + skip;
			const size_t more = line_length(m->text + from, m->size - from, &rest_skip);
			struct piece t = trim((struct piece){ m->text + from, more });

			if (!goes_on(t))
				break;
			m->text[next] = ' ';
			memmove(m->text + next + 1, t.p, t.len);
			s.len += 1 + t.len;
			m->line++;
			len = from + more - at;
			skip = rest_skip;
		}
		rc = parse_line(m, s, err);
		at += len + skip;
	}
	return rc;
}

/* ---- memslots ---- */

/* Without offsets a block that is mapped twice could be anywhere in itself. */
static int check_offsets(struct mtree *m, struct rs_error *err)
{
	for (size_t i = 0; i < m->nr_ranges; i++) {
		const struct range *r = &m->ranges[i];
		struct block *b = &m->blocks[r->block];

		if (!m->views[r->view].old || r->placed)
			continue;
		if (b->seen == r->view + 1)
			return wrong(r->line, err,
				     "a region is mapped twice, and this QEMU printed no "
				     "offsets (2.10 does)");
		b->seen = r->view + 1;
	}
	return 0;
}

/* KVM gets whole pages: what is left of a range that has others at its ends. True if it has. */
static bool drop_ends(struct range *r)
{
	const uint64_t start = (r->start + RS_PAGE_SIZE - 1) & ~(RS_PAGE_SIZE - 1);
	const uint64_t end = r->end & ~(RS_PAGE_SIZE - 1);
	const bool dropped = start != r->start || end != r->end;

	r->offset += start - r->start;
	r->start = start;
	r->end = end;
	return dropped;
}

/*
 * Where QEMU knows which ranges KVM has it marks those whose begin and length are a memslot's,
 * so never one of which KVM has but the whole pages: a BAR around its MSI-X table.
 */
static bool is_kept(const struct mtree *m, struct range *r)
{
	const bool dropped = drop_ends(r);

	return r->start < r->end && (!m->marks || r->marked || dropped);
}

static int keep_memory(struct mtree *m, struct rs_error *err)
{
	size_t nr = 0;

	for (size_t i = 0; i < m->nr_ranges; i++) {
		struct range r = m->ranges[i];
		const struct view *v = &m->views[r.view];

		if (!(v->space[0] || v->space[1]) || !is_kept(m, &r))
			continue;
		if (r.offset & (RS_PAGE_SIZE - 1))
			return wrong(r.line, err,
				     "the offset does not fit to the address: both are apart from "
				     "a page");
		m->ranges[nr++] = r;
	}
	m->nr_ranges = nr;
	return 0;
}

static int place_blocks(struct mtree *m, struct rs_error *err)
{
	uint64_t hva = FIRST_HVA;

	for (size_t i = 0; i < m->nr_ranges; i++) {
		const struct range *r = &m->ranges[i];
		struct block *b = &m->blocks[r->block];

		if (b->size < r->offset + (r->end - r->start))
			b->size = r->offset + (r->end - r->start);
	}
	for (size_t i = 0; i < m->nr_blocks; i++) {
		m->blocks[i].hva = hva;
		hva += (m->blocks[i].size + ALIGNMENT) & ~(ALIGNMENT - 1);
		if (hva > MAX_HVA)
			return wrong(m->line, err, "more memory than there can be");
	}
	return 0;
}

static int put_space(struct mtree *m, unsigned int as, struct rs_error *err)
{
	const size_t first = m->nr_events;

	for (size_t i = 0; i < m->nr_ranges; i++) {
		const struct range *r = &m->ranges[i];

		if (!m->views[r->view].space[as])
			continue;
		if (m->nr_events >= MAX_MEMSLOTS)
			return wrong(r->line, err, "more memslots than a VM can have");
		if (m->nr_events > first) {
			const struct rs_event *ev = &m->events[m->nr_events - 1];

			if (r->start < (ev->memslot.gfn + ev->memslot.npages) << RS_PAGE_SHIFT)
				return wrong(r->line, err,
					     "a range must begin where the one before it ends, or "
					     "later: a flat view has no overlaps");
		}
		if (RS_ROOM(m->events, m->max_events, m->nr_events + 1))
			return rs_error_nomem(err);
		m->events[m->nr_events++] = (struct rs_event){
			.vm = 1,
			.type = RS_EV_MEMSLOT,
			.as = (uint8_t)as,
			.memslot = { .id = (uint32_t)(m->nr_events - first),
				     .flags = r->readonly ? READONLY : 0,
				     .gfn = r->start >> RS_PAGE_SHIFT,
				     .npages = (r->end - r->start) >> RS_PAGE_SHIFT,
				     .hva = m->blocks[r->block].hva + r->offset },
		};
	}
	return 0;
}

static int check_views(const struct mtree *m, struct rs_error *err)
{
	bool known = false;

	for (size_t i = 0; i < m->nr_views; i++)
		known |= m->views[i].space[0];
	if (!m->dumps)
		return wrong(
			0, err,
			m->tree ? "the tree of `info mtree`, which does not say what is hidden: "
				  "the flat view of `info mtree -f` expected"
				: "no flat view: the output of `info mtree -f` expected");
	if (!known)
		return wrong(0, err, "no view of the address space \"memory\"");
	return 0;
}

static int make_memslots(struct mtree *m, struct rs_error *err)
{
	int rc = check_views(m, err);

	if (!rc)
		rc = check_offsets(m, err);
	if (!rc)
		rc = keep_memory(m, err);
	if (!rc)
		rc = place_blocks(m, err);
	for (unsigned int as = 0; as < NR_SPACES && !rc; as++)
		rc = put_space(m, as, err);
	if (!rc && !m->nr_events)
		rc = wrong(0, err, "no memory in the address space \"memory\"");
	return rc;
}

/* ---- the form ---- */

static int read_text(struct mtree *m, struct rs_source *src, struct rs_error *err)
{
	ssize_t n;

	do {
		if (m->size == MAX_SIZE)
			return rs_error_set(
				err, RS_ERR_INPUT, EINVAL,
				"more than %u MiB of text: no `info mtree -f` is as long",
				MAX_SIZE >> 20);
		if (RS_ROOM(m->text, m->max_text, m->size + 65536))
			return rs_error_nomem(err);
		n = rs_source_read(src, m->text + m->size,
				   m->max_text - m->size > MAX_SIZE - m->size
					   ? MAX_SIZE - m->size
					   : m->max_text - m->size,
				   err);
		m->size += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return (int)n;
}

static int describe(struct mtree *m, struct rs_trace_meta *meta, struct rs_error *err)
{
	int rc = rs_meta_add_vm(meta, 1, 0, NULL);

	if (!rc)
		rc = rs_meta_add_assumption(meta, "Host addresses are made up: only which of them "
						  "are the same is known.");
	for (size_t i = 0; i < m->nr_views && !rc; i++) {
		if (m->views[i].headless)
			rc = rs_meta_add_assumption(
				meta, "The view without a head is taken for that of the address "
				      "space \"memory\".");
		if (!rc && m->views[i].elided)
			rc = rs_meta_add_assumption(
				meta, "Lines that were left out (\"...\") have no memory.");
	}
	if (!rc && m->dumps > 1)
		rc = rs_meta_add_assumption(meta,
					    "It was printed several times: the last one is taken.");
	return rc ? rs_error_nomem(err) : 0;
}

static void close_mtree(void *state)
{
	struct mtree *m = state;

	rs_hash_free(&m->by_name);
	free(m->text);
	free(m->ranges);
	free(m->views);
	free(m->blocks);
	free(m->events);
	free(m);
}

static void *open_mtree(struct rs_source *src, const struct rs_reader_opts *opts,
			struct rs_trace_meta *meta, struct rs_error *err)
{
	struct mtree *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : rs_error_nomem(err);

	(void)opts;
	if (!rc)
		rc = read_text(m, src, err);
	if (!rc) {
		drop_escapes(m);
		undo_json(m);
		rc = parse_text(m, err);
	}
	if (!rc)
		rc = make_memslots(m, err);
	if (!rc)
		rc = describe(m, meta, err);
	if (!rc)
		return m;
	if (m)
		close_mtree(m);
	errno = -rc;
	return NULL;
}

static ssize_t next(void *state, const struct rs_event **evs, struct rs_error *err)
{
	struct mtree *m = state;

	(void)err;
	*evs = m->events;
	if (m->done)
		return 0;
	m->done = true;
	return (ssize_t)m->nr_events;
}

const struct rs_form_ops rs_mtree_ops = {
	.form = RS_FORM_MTREE,
	.probe = probe,
	.open = open_mtree,
	.next = next,
	.close = close_mtree,
};
