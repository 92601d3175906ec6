// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "analysis/report/derive.h"
#include "analysis/info/info.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/report/report_json.h"

#define SCHEMA "retryscope-info/2"

static json_t *events(const struct rs_vm_inventory *vm)
{
	json_t *o = json_object();

	for (unsigned int i = 1; i < RS_NR_EVENT_TYPES; i++)
		o = rs_json_with(o, rs_event_name(i), rs_json_u64(vm->events[i]));
	return o;
}

static json_t *origins(const struct rs_vm_inventory *vm)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < RS_NR_ORIGINS; i++)
		o = rs_json_with(o, rs_origin_names[i], rs_json_u64(vm->origins[i]));
	return o;
}

static json_t *stays(const struct rs_placement *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nr_stays; i++)
		list = rs_json_append(list,
				      RS_JSON({ "from_ns", rs_json_u64(p->stays[i].from_ns) },
					      { "until_ns", rs_json_u64(p->stays[i].until_ns) }));
	return list;
}

static json_t *memslots(const struct rs_vm_inventory *vm)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vm->nr_placements; i++) {
		const struct rs_placement *p = &vm->placements[i];

		list = rs_json_append(
			list,
			RS_JSON({ "as", rs_json_u64(p->as) }, { "slot", rs_json_u64(p->id) },
				{ "gfn", rs_json_u64(p->gfn) },
				{ "frames", rs_json_u64(p->npages) },
				{ "hva", rs_json_u64(p->hva) }, { "flags", rs_json_u64(p->flags) },
				{ "present", json_boolean(p->present) }, { "stays", stays(p) }));
	}
	return list;
}

static json_t *side(const struct rs_vm_inventory *vm, size_t placement, uint64_t gfn)
{
	const struct rs_placement *p = &vm->placements[placement];

	return RS_JSON({ "as", rs_json_u64(p->as) }, { "slot", rs_json_u64(p->id) },
		       { "gfn", rs_json_u64(gfn) });
}

static json_t *aliases(const struct rs_vm_inventory *vm)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vm->nr_aliases; i++) {
		const struct rs_alias_pair *p = &vm->aliases[i];
		uint64_t apart = p->gfn_a < p->gfn_b ? p->gfn_b - p->gfn_a : p->gfn_a - p->gfn_b;

		list = rs_json_append(list, RS_JSON({ "a", side(vm, p->a, p->gfn_a) },
						    { "b", side(vm, p->b, p->gfn_b) },
						    { "frames", rs_json_u64(p->npages) },
						    { "distance_frames", rs_json_u64(apart) }));
	}
	return list;
}

/* Without what only a replay that works out the truth can know. */
static json_t *checks(const struct rs_report *rep, const struct rs_vm_result *v)
{
	json_t *o = rs_report_json_checks(rep, v);

	json_object_del(json_object_get(o, "faults"), "necessary");
	return o;
}

static json_t *vm(const struct rs_report *rep, const struct rs_vm_inventory *inv)
{
	const struct rs_vm_info *info = rs_meta_vm(rep->meta, inv->vm);
	const struct rs_vm_result *v = rs_vm_result_find(rep->result, inv->vm);
	json_t *o;

	o = RS_JSON({ "vm", rs_json_u64(inv->vm) },
		    { "pid", rs_json_u64(info ? (uint64_t)info->pid : 0) },
		    { "command", rs_json_text(info ? info->command : NULL) },
		    { "begin_ns", rs_json_u64(inv->begin_ns) },
		    { "end_ns", rs_json_u64(inv->end_ns) }, { "events", events(inv) },
		    { "origins", origins(inv) },
		    { "memslot_changes", rs_json_u64(inv->memslot_changes) },
		    { "memslots", memslots(inv) }, { "alias_pairs", rs_json_u64(inv->alias_pairs) },
		    { "same_frame_pairs", rs_json_u64(inv->same_frame_pairs) },
		    { "aliases", aliases(inv) });
	return v ? rs_json_join(o, checks(rep, v)) : o;
}

int rs_inventory_write_json(FILE *f, const struct rs_report *rep, const struct rs_inventory *inv)
{
	json_t *list = json_array(), *root;
	int err;

	for (size_t i = 0; i < inv->nr_vms; i++)
		list = rs_json_append(list, vm(rep, &inv->vms[i]));
	root = RS_JSON({ "schema", json_string(SCHEMA) },
		       { "tool", RS_JSON({ "version", rs_json_text(rep->version) }) },
		       { "trace", rs_report_json_trace(rep) }, { "vms", list });
	if (!root)
		return -ENOMEM;
	err = rs_json_write(f, root);
	json_decref(root);
	return err;
}
