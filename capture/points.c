// SPDX-License-Identifier: GPL-2.0-only
#include "capture/points.h"

/* clang-format off */
const struct rs_point_field rs_state_fields[RS_NR_STATE_FIELDS] = {
	{ "seq", 'u', false, { "mmu_invalidate_seq", "mmu_notifier_seq" } },
	{ "in_progress", 's', false, { "mmu_invalidate_in_progress", "mmu_notifier_count" } },
	{ "range_start", 'x', false, { "mmu_invalidate_range_start", "mmu_notifier_range_start" } },
	{ "range_end", 'x', false, { "mmu_invalidate_range_end", "mmu_notifier_range_end" } },
};

const struct rs_point_field rs_vm_pid_field = { "pid", 's', false, { "userspace_pid" } };

#define NOTIFIER_FIELDS	\
	{ "mn", 'x', false, { "mn" } },	\
	{ "start", 'x', false, { "range->start" } },	\
	{ "end", 'x', false, { "range->end" } }

#define ZAP_FIELDS	\
	{ "kvm", 'x', false, { "kvm" } },	\
	{ "start", 'x', false, { "start" } },	\
	{ "end", 'x', false, { "end" } }

/* Whether a fault is on memory without a host address: from 6.8 on. */
#define PRIVATE_FIELD { "private", 'u', true, { "fault->is_private" } }

#define FAULT_FUNCTIONS	\
	{ "kvm_tdp_page_fault", RS_NEED_TDP, false, 0 },	\
	{ "direct_page_fault", RS_NEED_TDP, true, 0 },	\
	{ "paging64_page_fault", RS_NEED_SHADOW, true, 0 }

#define LOOKUP_FUNCTIONS	\
	{ "kvm_mmu_faultin_pfn", RS_NEED_ANY, true, 0 },	\
	{ "kvm_faultin_pfn", RS_NEED_ANY, false, 0 },	\
	{ "try_async_pf", RS_NEED_ANY, true, 0 }

#define VCPU_FIELDS	\
	{ "kvm", 'x', false, { "vcpu->kvm" } },	\
	{ "vcpu", 's', false, { "vcpu->vcpu_id" } }

const struct rs_point rs_points[RS_NR_PROBE_EVENTS] = {
	[RS_PROBE_MEMSLOT] = {
		.part = RS_PART_MEMSLOTS,
		.functions = { { "kvm_arch_commit_memory_region", RS_NEED_ANY, false, 0 } },
		.fields = {
			{ "kvm", 'x', false, { "kvm" } },
			{ "change", 's', false, { "change" } },
			{ "old_gfn", 'x', false, { "old->base_gfn" } },
			{ "old_npages", 'u', false, { "old->npages" } },
			{ "old_id", 's', false, { "old->id" } },
			{ "old_as", 'u', false, { "old->as_id" } },
			{ "gfn", 'x', false, { "new->base_gfn" } },
			{ "npages", 'u', false, { "new->npages" } },
			{ "hva", 'x', false, { "new->userspace_addr" } },
			{ "id", 's', false, { "new->id" } },
			{ "as", 'u', false, { "new->as_id" } },
			{ "flags", 'x', false, { "new->flags" } },
		},
		.kvm = "kvm->",
		.last = { "pid", 's', true, { "kvm->userspace_pid" } },
	},
	[RS_PROBE_INVAL_START] = {
		.part = RS_PART_INVALIDATIONS,
		.functions = { { "kvm_mmu_notifier_invalidate_range_start", RS_NEED_ANY, false, 0 } },
		.fields = { NOTIFIER_FIELDS, { "reason", 'u', true, { "range->event" } } },
		.kvm = "mn@kvm.mmu_notifier->",
		.has_state = true,
	},
	[RS_PROBE_INVAL_SLOT] = {
		.part = RS_PART_INVALIDATIONS,
		.functions = { { "kvm_unmap_gfn_range", RS_NEED_ANY, false, 2 } },
		.fields = {
			{ "kvm", 'x', false, { "kvm" } },
			{ "as", 'u', false, { "range->slot->as_id" } },
			{ "id", 's', false, { "range->slot->id" } },
			{ "gfn_start", 'x', false, { "range->start" } },
			{ "gfn_end", 'x', false, { "range->end" } },
		},
		.kvm = "kvm->",
		.has_state = true,
		.last = { "filter", 'u', true, { "range->attr_filter" } },
	},
	[RS_PROBE_INVAL_STARTED] = {
		.part = RS_PART_INVALIDATIONS,
		.on_return = true,
		.functions = { { "kvm_mmu_notifier_invalidate_range_start", RS_NEED_ANY, false, 0 } },
	},
	[RS_PROBE_INVAL_END] = {
		.part = RS_PART_INVALIDATIONS,
		.functions = { { "kvm_mmu_notifier_invalidate_range_end", RS_NEED_ANY, false, 0 } },
		.fields = { NOTIFIER_FIELDS },
		.kvm = "mn@kvm.mmu_notifier->",
		.has_state = true,
	},
	[RS_PROBE_INVAL_END_LOCKED] = {
		.part = RS_PART_INVALIDATIONS,
		.optional = true,
		.functions = { { "kvm_mmu_invalidate_end", RS_NEED_ANY, false, 1 } },
		.fields = { { "kvm", 'x', false, { "kvm" } } },
		.kvm = "kvm->",
		.has_state = true,
	},
	[RS_PROBE_INVAL_ENDED] = {
		.part = RS_PART_INVALIDATIONS,
		.on_return = true,
		.functions = { { "kvm_mmu_notifier_invalidate_range_end", RS_NEED_ANY, false, 0 } },
	},
	[RS_PROBE_FAULT] = {
		.part = RS_PART_FAULTS,
		.functions = { FAULT_FUNCTIONS },
		.fields = {
			VCPU_FIELDS,
			{ "addr", 'x', false, { "fault->addr", "gpa", "addr" } },
			{ "error", 'x', true, { "fault->error_code", "error_code" } },
		},
		.kvm = "vcpu->kvm->",
	},
	[RS_PROBE_FAULT_BEGIN] = {
		.part = RS_PART_FAULTS,
		.functions = { LOOKUP_FUNCTIONS },
		.fields = {
			VCPU_FIELDS,
			{ "gfn", 'x', false, { "fault->gfn", "gfn" } },
			{ "as", 'u', false, { "fault->slot->as_id" } },
			{ "id", 's', false, { "fault->slot->id" } },
			{ "flags", 'x', false, { "fault->slot->flags" } },
		},
		.kvm = "vcpu->kvm->",
		.has_state = true,
		.last = PRIVATE_FIELD,
	},
	[RS_PROBE_FAULT_LOOKED_UP] = {
		.part = RS_PART_LOOKUPS,
		.on_return = true,
		.functions = { LOOKUP_FUNCTIONS },
		.fields = { { "ret", 's', false, { "RETURN" } } },
	},
	[RS_PROBE_FAULT_CHECK] = {
		.part = RS_PART_DECISIONS,
		.functions = { { "is_page_fault_stale", RS_NEED_ANY, false, 0 } },
		.fields = {
			VCPU_FIELDS,
			{ "gfn", 'x', false, { "fault->gfn" } },
			/* The fault has no host address of its own from 6.13 on. */
			{ "hva", 'x', true, { "fault->hva" } },
			{ "fault_seq", 'u', false, { "fault->mmu_seq", "mmu_seq" } },
		},
		.kvm = "vcpu->kvm->",
		.has_state = true,
		.last = PRIVATE_FIELD,
	},
	[RS_PROBE_FAULT_VERDICT] = {
		.part = RS_PART_DECISIONS,
		.on_return = true,
		.functions = { { "is_page_fault_stale", RS_NEED_ANY, false, 0 } },
		.fields = { { "ret", 'u', false, { "RETURN" } } },
	},
	[RS_PROBE_FAULT_END] = {
		.part = RS_PART_FAULTS,
		.on_return = true,
		.functions = { FAULT_FUNCTIONS },
		.fields = { { "ret", 's', false, { "RETURN" } } },
	},
	[RS_PROBE_INVAL_BEGIN] = {
		.part = RS_PART_INVALIDATIONS,
		.optional = true,
		.functions = {
			{ "kvm_mmu_invalidate_begin", RS_NEED_ANY, false, 1 },
			{ "kvm_mmu_invalidate_start", RS_NEED_ANY, true, 1 },
		},
		.fields = { { "kvm", 'x', false, { "kvm" } } },
		.kvm = "kvm->",
		.has_state = true,
	},
	[RS_PROBE_INVAL_RANGE_ADD] = {
		.part = RS_PART_INVALIDATIONS,
		.optional = true,
		.functions = { { "kvm_mmu_invalidate_range_add", RS_NEED_ANY, false, 3 } },
		.fields = { ZAP_FIELDS },
		.kvm = "kvm->",
		.has_state = true,
	},
	[RS_PROBE_ZAP_BEGIN] = {
		.part = RS_PART_INVALIDATIONS,
		.optional = true,
		.functions = {
			{ "kvm_mmu_invalidate_begin", RS_NEED_ANY, false, 3 },
			{ "kvm_inc_notifier_count", RS_NEED_ANY, true, 3 },
		},
		.fields = { ZAP_FIELDS },
		.kvm = "kvm->",
		.has_state = true,
	},
	[RS_PROBE_ZAP_END] = {
		.part = RS_PART_INVALIDATIONS,
		.optional = true,
		.functions = {
			{ "kvm_mmu_invalidate_end", RS_NEED_ANY, false, 3 },
			{ "kvm_dec_notifier_count", RS_NEED_ANY, true, 3 },
		},
		.fields = { ZAP_FIELDS },
		.kvm = "kvm->",
		.has_state = true,
	},
};
/* clang-format on */

const char *rs_part_name(enum rs_part part)
{
	static const char *const names[RS_NR_PARTS] = {
		[RS_PART_MEMSLOTS] = "memslots",   [RS_PART_INVALIDATIONS] = "invalidations",
		[RS_PART_FAULTS] = "faults",	   [RS_PART_LOOKUPS] = "lookups",
		[RS_PART_DECISIONS] = "decisions", [RS_PART_STATE] = "state",
	};

	return names[part];
}

const char *rs_part_without(enum rs_part part)
{
	static const char *const untold[RS_NR_PARTS] = {
		[RS_PART_MEMSLOTS] = "memslots are learned from their use, changes not at all",
		[RS_PART_INVALIDATIONS] = "nothing can be replayed",
		[RS_PART_FAULTS] = "what is blocked can be told, not which faults are rejected",
		[RS_PART_LOOKUPS] = "what was decided without the lock is not known for sure",
		[RS_PART_DECISIONS] = "the model cannot be held against what the kernel decided",
		[RS_PART_STATE] = "the model cannot be held against the kernel's own state",
	};

	return untold[part];
}

const char *rs_probe_event_name(enum rs_probe_event ev)
{
#define EVENT_NAME(sym, name, ...) [RS_PROBE_##sym] = name,
	static const char *const names[RS_NR_PROBE_EVENTS] = { RS_PROBE_EVENTS(EVENT_NAME) };
#undef EVENT_NAME

	return names[ev];
}
