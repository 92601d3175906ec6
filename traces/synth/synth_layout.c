// SPDX-License-Identifier: GPL-2.0-only
#include "traces/synth/synth_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAGES(bytes) ((bytes) >> RS_PAGE_SHIFT)
#define MAX_GFN (1ULL << 40) /* 52 bits of physical address */

#define RAM_HVA 0x400000000000ULL
#define VRAM_HVA 0x7f0000000000ULL

/* Where a PC has no RAM, and where its high RAM starts; all in frames. */
#define LEGACY_HOLE 0xa0
#define LEGACY_HOLE_END 0xc0
#define HIGH_RAM 0x100000
#define VRAM_GFN 0xfd000
#define VRAM_PAGES 0x1000
#define VGA_WINDOW_PAGES 0x10

static void add_slot(struct rs_layout *l, uint64_t page, uint64_t npages, uint64_t gfn)
{
	if (npages)
		l->slots[l->nr_slots++] = (struct rs_synth_slot){ page, npages, gfn };
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* RAM below @low_end (in frames) stays there, without the legacy hole; the rest goes above 4 GiB.
 */
static void add_pc(struct rs_layout *l, uint64_t low_end)
{
	uint64_t low = min_u64(l->ram_pages, low_end);

	add_slot(l, 0, min_u64(low, LEGACY_HOLE), 0);
	if (low > LEGACY_HOLE_END)
		add_slot(l, LEGACY_HOLE_END, low - LEGACY_HOLE_END, LEGACY_HOLE_END);
	add_slot(l, low, l->ram_pages - low, HIGH_RAM);
}

/* QEMU's rules: how much RAM a machine has below 4 GiB depends on how much it has. */
static uint64_t low_ram_end(const struct rs_synth_params *p)
{
	if (p->layout == RS_LAYOUT_PC)
		return PAGES(p->guest_size < 0xe0000000 ? 0xe0000000 : 0xc0000000);
	return PAGES(p->guest_size < 0xb0000000 ? 0xb0000000 : 0x80000000);
}

/*
 * Equal memslots that fill guest frames from 0 on. DIMMs get their host memory
 * one by one, and Linux places each new mapping below the last: neighbours by
 * host address are then in reverse order by frame.
 */
static void add_equal(struct rs_layout *l, uint64_t n, bool reverse)
{
	uint64_t each = l->ram_pages / n, last = l->ram_pages - (n - 1) * each;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t npages = i + 1 < n ? each : last;

		add_slot(l, i * each, npages,
			 reverse ? l->ram_pages - i * each - npages : i * each);
	}
}

static void add_ram(struct rs_layout *l, const struct rs_synth_params *p)
{
	switch (p->layout) {
	case RS_LAYOUT_PC:
	case RS_LAYOUT_Q35:
		add_pc(l, low_ram_end(p));
		break;
	case RS_LAYOUT_MANY:
	case RS_LAYOUT_DIMMS:
		add_equal(l, p->slots, p->layout == RS_LAYOUT_DIMMS);
		break;
	default:
		add_slot(l, 0, l->ram_pages, 0);
	}
}

static int compare_page(const void *a, const void *b)
{
	const struct rs_synth_slot *s = a, *t = b;

	return s->page < t->page ? -1 : s->page > t->page;
}

static int compare_gfn(const void *a, const void *b)
{
	const struct rs_synth_slot *s = a, *t = b;

	return s->gfn < t->gfn ? -1 : s->gfn > t->gfn;
}

/* Where the aliases go: windows of guest frames at equal distances from the aliased memory. */
struct windows {
	uint64_t first_page; /* of the aliased memory, which has the lowest guest frames */
	uint64_t npages;
	uint64_t gfn, distance; /* of the aliased memory; from it to the first, from that ... */
	uint64_t nr;
};

static uint64_t window_gfn(const struct windows *w, uint64_t i)
{
	return w->gfn + (i + 1) * w->distance;
}

/*
 * Places the RAM slot @s at guest frames from @gfn on, around the windows from
 * *@next on. Returns the frame after it.
 */
static uint64_t place_around(struct rs_layout *l, const struct windows *w, uint64_t *next,
			     struct rs_synth_slot s, uint64_t gfn)
{
	while (s.npages) {
		uint64_t window, npages;

		while (*next < w->nr && window_gfn(w, *next) + w->npages <= gfn)
			++*next;
		window = *next < w->nr ? window_gfn(w, *next) : UINT64_MAX;
		if (window <= gfn) {
			gfn = window + w->npages;
			continue;
		}
		npages = min_u64(s.npages, window - gfn);
		add_slot(l, s.page, npages, gfn);
		s.page += npages;
		s.npages -= npages;
		gfn += npages;
	}
	return gfn;
}

/* RAM makes room for the windows: what is in their way moves up. */
static int make_room(struct rs_layout *l, const struct windows *w, struct rs_error *err)
{
	struct rs_synth_slot *ram = malloc(l->nr_slots * sizeof(*ram));
	size_t nr = l->nr_slots;
	uint64_t gfn = 0, next = 0;

	if (!ram)
		return rs_error_nomem(err);
	memcpy(ram, l->slots, nr * sizeof(*ram));
	qsort(ram, nr, sizeof(*ram), compare_gfn);
	l->nr_slots = 0;
	for (size_t i = 0; i < nr; i++) {
		gfn = gfn > ram[i].gfn ? gfn : ram[i].gfn;
		gfn = place_around(l, w, &next, ram[i], gfn);
	}
	qsort(l->slots, l->nr_slots, sizeof(*l->slots), compare_page);
	free(ram);
	return 0;
}

static int find_windows(const struct rs_layout *l, const struct rs_synth_params *p,
			struct windows *w, struct rs_error *err)
{
	const struct rs_synth_slot *lowest = l->slots;

	for (size_t i = 1; i < l->nr_slots; i++)
		if (l->slots[i].gfn < lowest->gfn)
			lowest = &l->slots[i];
	w->first_page = lowest->page;
	w->gfn = lowest->gfn;
	w->npages = rs_synth_share(l->ram_pages, p->alias_share);
	w->distance = PAGES(p->alias_distance);
	w->nr = w->npages ? p->aliases : 0;
	if (w->npages > l->ram_pages - w->first_page)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "the aliased memory would not fit into one DIMM: choose a "
				    "smaller alias-share");
	if (w->nr && w->distance < w->npages)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "the aliased memory is larger than alias-distance");
	return 0;
}

/* Each alias maps its part of the aliased memory; those parts are spread evenly. */
static void add_aliases(struct rs_layout *l, const struct windows *w, uint64_t share)
{
	uint64_t part = rs_synth_share(w->npages, share);

	for (uint64_t i = 0; i < w->nr; i++) {
		uint64_t offset = w->nr > 1 ? (w->npages - part) * i / (w->nr - 1) : 0;

		add_slot(l, w->first_page + offset, part, window_gfn(w, i) + offset);
	}
}

static void make_runs(struct rs_layout *l)
{
	for (size_t i = 0; i < l->nr_primary; i++) {
		const struct rs_synth_slot *s = &l->slots[i];
		struct rs_synth_slot *last = l->nr_runs ? &l->runs[l->nr_runs - 1] : NULL;

		if (last && last->page + last->npages == s->page &&
		    last->gfn + last->npages == s->gfn)
			last->npages += s->npages;
		else
			l->runs[l->nr_runs++] = *s;
	}
}

static int check_slots(const struct rs_layout *l, struct rs_error *err)
{
	struct rs_synth_slot *sorted;
	int ret = 0;

	if (l->nr_slots > RS_SYNTH_MAX_SLOTS)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%zu memslots: KVM has %d at most",
				    l->nr_slots, RS_SYNTH_MAX_SLOTS);
	sorted = malloc(l->nr_slots * sizeof(*sorted));

	if (!sorted)
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "no memory for %zu memslots",
				    l->nr_slots);
	memcpy(sorted, l->slots, l->nr_slots * sizeof(*sorted));
	qsort(sorted, l->nr_slots, sizeof(*sorted), compare_gfn);
	for (size_t i = 1; i < l->nr_slots && !ret; i++)
		if (sorted[i - 1].gfn + sorted[i - 1].npages > sorted[i].gfn)
			ret = rs_error_set(err, RS_ERR_USAGE, EINVAL,
					   "memslots would overlap at guest frame 0x%llx: choose "
					   "another alias-distance or alias-share",
					   (unsigned long long)sorted[i].gfn);
	if (!ret && sorted[l->nr_slots - 1].gfn + sorted[l->nr_slots - 1].npages > MAX_GFN)
		ret = rs_error_set(err, RS_ERR_USAGE, EINVAL,
				   "memslots would end above 52 bits of guest address: choose a "
				   "smaller alias-distance or fewer aliases");
	free(sorted);
	return ret;
}

static int check_params(const struct rs_synth_params *p, struct rs_error *err)
{
	bool pc = p->layout == RS_LAYOUT_PC || p->layout == RS_LAYOUT_Q35;

	if (p->slots > PAGES(p->guest_size))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "more memslots than pages");
	if (pc && p->guest_size < 1 << 20)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "a PC has a guest-size of at least 1M; or choose layout=flat");
	if (p->vga && !pc)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "vga=on needs layout=pc or q35");
	return 0;
}

/* What a file tells is not also told by parameters. */
static int check_no_memory(const struct rs_synth_params *p, struct rs_error *err)
{
	static const char *const own[] = { "guest-size",     "vga",	    "aliases",
					   "alias-distance", "alias-share", "alias-part" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (rs_synth_is_given(p, own[i]))
			return rs_error_set(err, RS_ERR_USAGE, EINVAL,
					    "%s and a file as the layout: the file tells it",
					    own[i]);
	return 0;
}

int rs_layout_init(struct rs_layout *l, const struct rs_synth_params *p, struct rs_error *err)
{
	/* A PC's RAM is 3, video memory and its window 2; an alias may cut a slot in two. */
	uint64_t nr = p->slots + 4 + 2 * p->aliases;
	struct windows windows;
	int ret;

	memset(l, 0, sizeof(*l));
	if (p->layout == RS_LAYOUT_FILE) {
		ret = check_no_memory(p, err);
		if (!ret)
			ret = rs_layout_from_file(l, p->layout_file, err);
		return ret ? ret : check_slots(l, err);
	}
	ret = check_params(p, err);
	if (ret)
		return ret;
	l->slots = calloc(nr, sizeof(*l->slots));
	l->runs = calloc(nr, sizeof(*l->runs));
	l->pieces = calloc(2, sizeof(*l->pieces));
	if (!l->slots || !l->runs || !l->pieces)
		return rs_error_nomem(err);
	l->ram_pages = PAGES(p->guest_size);
	l->pages = l->ram_pages + p->vga * VRAM_PAGES;
	l->pieces[l->nr_pieces++] = (struct rs_synth_piece){ 0, l->ram_pages, RAM_HVA };
	if (p->vga)
		l->pieces[l->nr_pieces++] =
			(struct rs_synth_piece){ l->ram_pages, VRAM_PAGES, VRAM_HVA };
	add_ram(l, p);
	ret = find_windows(l, p, &windows, err);
	if (!ret)
		ret = make_room(l, &windows, err);
	if (ret)
		return ret;
	if (p->vga)
		add_slot(l, l->ram_pages, VRAM_PAGES, VRAM_GFN);
	l->nr_primary = l->nr_slots;
	if (p->vga)
		add_slot(l, l->ram_pages, VGA_WINDOW_PAGES, LEGACY_HOLE);
	add_aliases(l, &windows, p->alias_part);
	make_runs(l);
	return check_slots(l, err);
}

void rs_layout_free(struct rs_layout *l)
{
	free(l->slots);
	free(l->runs);
	free(l->pieces);
	l->slots = l->runs = NULL;
	l->pieces = NULL;
}

static const struct rs_synth_piece *piece_of(const struct rs_layout *l, uint64_t page)
{
	size_t low = 0, high = l->nr_pieces;

	while (high - low > 1) {
		const size_t mid = low + (high - low) / 2;

		if (l->pieces[mid].page <= page)
			low = mid;
		else
			high = mid;
	}
	return &l->pieces[low];
}

uint64_t rs_layout_hva(const struct rs_layout *l, uint64_t page)
{
	const struct rs_synth_piece *piece = piece_of(l, page);

	return piece->hva + ((page - piece->page) << RS_PAGE_SHIFT);
}

static const struct rs_synth_slot *run_of(const struct rs_layout *l, uint64_t page)
{
	return &l->runs[rs_layout_find(l->runs, 0, l->nr_runs, page)];
}

uint64_t rs_layout_mapped(const struct rs_layout *l, uint64_t page)
{
	const struct rs_synth_slot *run = run_of(l, page);

	return page < run->page ? run->page : page;
}

uint64_t rs_layout_piece_end(const struct rs_layout *l, uint64_t page, bool by_gfn)
{
	const struct rs_synth_piece *piece = by_gfn ? NULL : piece_of(l, page);
	const struct rs_synth_slot *run = by_gfn ? run_of(l, page) : NULL;

	return by_gfn ? run->page + run->npages : piece->page + piece->npages;
}

uint64_t rs_layout_gfn(const struct rs_layout *l, uint64_t page, uint64_t way)
{
	const struct rs_synth_slot *slot = run_of(l, page);

	if (way) {
		const struct rs_synth_slot *alias = &l->slots[l->nr_primary + way - 1];

		if (page - alias->page < alias->npages)
			slot = alias;
	}
	return slot->gfn + (page - slot->page);
}

int rs_layout_hit(const struct rs_layout *l, uint64_t start, uint64_t end, size_t *next,
		  uint64_t *gfn_start, uint64_t *gfn_end)
{
	size_t i = *next;

	if (i < l->nr_primary) {
		i = rs_layout_find(l->slots, i, l->nr_primary, start);
		if (i < l->nr_primary && l->slots[i].page >= end)
			i = l->nr_primary;
	}
	for (; i < l->nr_slots; i++) {
		const struct rs_synth_slot *s = &l->slots[i];
		uint64_t from = start > s->page ? start : s->page;
		uint64_t to = min_u64(end, s->page + s->npages);

		if (from >= to)
			continue;
		*gfn_start = s->gfn + (from - s->page);
		*gfn_end = s->gfn + (to - s->page);
		*next = i + 1;
		return 0;
	}
	return -1;
}
