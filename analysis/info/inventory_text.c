// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>

#include "analysis/report/derive.h"
#include "analysis/info/info.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"

#define COLUMNS 80
/* JSON has them all. */
#define MAX_ROWS 40

#define COUNT(v) rs_format_count((v), (char[32]){ 0 }, 32)
#define HEX(v) format_hex((v), (char[32]){ 0 }, 32)
#define TIME(ns) rs_format_time((double)(ns), (char[32]){ 0 }, 32)

static const char *format_hex(uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size, "0x%" PRIx64, v);
	return buf;
}

static void put_facts(struct rs_page *p, const struct rs_trace_meta *m)
{
	if (!m->nr_facts)
		return;
	rs_blank_line(p);
	rs_para(p, 0, 0, "The traced host:");
	for (size_t i = 0; i < m->nr_facts; i++)
		rs_para(p, 2, 4, "%s: %s", m->facts[i].key, m->facts[i].value);
}

static void put_title(struct rs_page *p, const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	char name[128];

	rs_para(p, 0, 2, "%s: %s; %s; level %s.", rep->path, rep->form,
		rs_part_kernel_name(rep, name, sizeof(name)),
		rep->meta->level ? rep->meta->level : "not known");
	rs_para(p, 0, 2, "%s events in %s, from %s to %s of its clock.", COUNT(r->events),
		TIME(r->end_ns - r->begin_ns), TIME(r->begin_ns), TIME(r->end_ns));
	if (rep->meta->identity[0])
		rs_para(p, 0, 2, "Its identity, by its events: %s.", rep->meta->identity);
	if (!rs_part_cautions(p, rep))
		rs_para(p, 0, 2, "No event was lost, and no anomaly was found.");
	put_facts(p, rep->meta);
}

static void put_events(struct rs_page *p, const struct rs_vm_inventory *vm)
{
	struct rs_table t;

	rs_table_init(&t, 2);
	for (unsigned int i = 1; i < RS_NR_EVENT_TYPES; i++) {
		if (!vm->events[i])
			continue;
		rs_table_text(&t, rs_event_name(i));
		rs_table_count(&t, vm->events[i]);
	}
	rs_table_write(p, &t);
}

static void put_origins(struct rs_page *p, const struct rs_vm_inventory *vm)
{
	struct rs_table t;

	if (!vm->events[RS_EV_INVAL_BEGIN])
		return;
	rs_blank_line(p);
	rs_para(p, 0, 2, "Invalidations by where they come from:");
	rs_table_init(&t, 2);
	for (unsigned int i = 0; i < RS_NR_ORIGINS; i++) {
		if (!vm->origins[i])
			continue;
		rs_table_text(&t, rs_origin_names[i]);
		rs_table_count(&t, vm->origins[i]);
	}
	rs_table_write(p, &t);
}

static void put_placement(struct rs_page *p, const struct rs_vm_inventory *vm,
			  const struct rs_placement *s)
{
	uint64_t first = s->stays[0].from_ns;

	fprintf(p->f, "%3u:%-5" PRIu32 " %13s %11s %18s  ", s->as, s->id, HEX(s->gfn),
		COUNT(s->npages), HEX(s->hva));
	if (s->nr_stays > 1)
		fprintf(p->f, "%zux, ", s->nr_stays);
	if (s->present && first == vm->begin_ns)
		fputs("from the begin\n", p->f);
	else if (s->present)
		fprintf(p->f, "from %s\n", TIME(first - vm->begin_ns));
	else
		fprintf(p->f, "%s to %s\n", TIME(first - vm->begin_ns),
			TIME(s->stays[s->nr_stays - 1].until_ns - vm->begin_ns));
}

static void put_memslots(struct rs_page *p, const struct rs_vm_inventory *vm)
{
	size_t n = vm->nr_placements < MAX_ROWS ? vm->nr_placements : MAX_ROWS;

	rs_para(p, 0, 2,
		"Memslot changes: %s; places that memslots were at: %s (times are from the VM's "
		"first event on; Nx: it came N times):",
		COUNT(vm->memslot_changes), COUNT(vm->nr_placements));
	if (n)
		fprintf(p->f, "%9s %13s %11s %18s  %s\n", " as:slot", "gfn", "frames", "hva",
			"there");
	for (size_t i = 0; i < n; i++)
		put_placement(p, vm, &vm->placements[i]);
	if (n < vm->nr_placements)
		rs_para(p, 2, 2, "... and %s more: --json lists all.",
			COUNT(vm->nr_placements - n));
}

static void put_alias(struct rs_page *p, const struct rs_vm_inventory *vm,
		      const struct rs_alias_pair *pair)
{
	const struct rs_placement *a = &vm->placements[pair->a], *b = &vm->placements[pair->b];
	uint64_t apart =
		pair->gfn_a < pair->gfn_b ? pair->gfn_b - pair->gfn_a : pair->gfn_a - pair->gfn_b;

	fprintf(p->f, "%3u:%-5" PRIu32 " %3u:%-5" PRIu32 " %13s %13s %11s %14s\n", a->as, a->id,
		b->as, b->id, HEX(pair->gfn_a), HEX(pair->gfn_b), COUNT(pair->npages),
		COUNT(apart));
}

static void put_aliases(struct rs_page *p, const struct rs_vm_inventory *vm)
{
	size_t n = vm->nr_aliases < MAX_ROWS ? vm->nr_aliases : MAX_ROWS;

	if (vm->same_frame_pairs)
		rs_para(p, 0, 2,
			"Pairs of memslots that are the same frames in two address spaces: %s.",
			COUNT(vm->same_frame_pairs));
	if (!n) {
		rs_para(p, 0, 2, "No host page is mapped as two different frames.");
		return;
	}
	rs_para(p, 0, 2,
		"Pairs of memslots that map the same host pages as different frames at the same "
		"time: %s (the first shared page's frame "
		"in each, shared frames, and how many frames they are apart):",
		COUNT(vm->alias_pairs));
	fprintf(p->f, "%9s %9s %13s %13s %11s %14s\n", " as:slot", " as:slot", "gfn", "gfn",
		"frames", "apart");
	for (size_t i = 0; i < n; i++)
		put_alias(p, vm, &vm->aliases[i]);
	if (n < vm->alias_pairs)
		rs_para(p, 2, 2, "... and %s more: --json lists %zu.", COUNT(vm->alias_pairs - n),
			vm->nr_aliases);
}

static void put_vm(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_inventory *vm,
		   const struct rs_vm_result *v)
{
	char name[128];

	rs_para(p, 0, 2, "%s: %s, from %s on.", rs_part_vm_name(rep, vm->vm, name, sizeof(name)),
		TIME(vm->end_ns - vm->begin_ns), TIME(vm->begin_ns - rep->result->begin_ns));
	rs_blank_line(p);
	put_events(p, vm);
	put_origins(p, vm);
	rs_blank_line(p);
	put_memslots(p, vm);
	rs_blank_line(p);
	put_aliases(p, vm);
	if (!v)
		return;
	rs_blank_line(p);
	rs_part_contents(p, v);
	rs_part_agreement(p, rep, v);
}

int rs_inventory_write_text(FILE *f, const struct rs_report *rep, const struct rs_inventory *inv)
{
	struct rs_page p = { .f = f, .width = COLUMNS, .color = rep->color };

	put_title(&p, rep);
	if (!inv->nr_vms) {
		rs_blank_line(&p);
		rs_para(&p, 0, 0, "The trace has no VM.");
	}
	for (size_t i = 0; i < inv->nr_vms; i++) {
		rs_blank_line(&p);
		put_vm(&p, rep, &inv->vms[i], rs_vm_result_find(rep->result, inv->vms[i].vm));
	}
	return p.err ? p.err : ferror(f) ? -EIO : 0;
}
