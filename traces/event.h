/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_EVENT_H
#define RS_TRACES_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The event stream: everything is replayed from one ordered stream of these.
 * Times are integer nanoseconds; ranges are half open; frames are 4 KiB.
 * docs/model.md says what each event means.
 *
 * An event is one fixed-size record, so that a trace can be mapped and walked.
 * Its type says which member of its union holds something, and what of that:
 *
 *   MEMSLOT        as, memslot.*: npages = 0 removes (as, id)
 *   INVAL_BEGIN    inval.id, start, end; RS_F_GFN: they are gfns, else hvas;
 *                  RS_F_WALK: memslots follow as INVAL_SLOT; RS_F_SHARED, RS_F_PRIVATE:
 *                  which mappings it concerns, see rs_event_filter(); who
 *   INVAL_SLOT     as, inval.id, slot (a memslot's id), start, end (gfns)
 *   INVAL_END      inval.id
 *   FAULT_BEGIN    as, fault.vcpu, gfn; RS_F_PRIVATE: on private memory; who
 *   FAULT_CHECK    fault.vcpu; RS_F_LOCKLESS, result
 *   FAULT_END      fault.vcpu, reason
 *   LOST           lost.count; ~0: unknown; RS_F_PAUSE, RS_F_RESUME: none were lost, the
 *                  recorder left out what came then (with both, what came before)
 *   STATE          state.*. Not an event of the model: what the traced kernel's own words
 *                  were at the NEXT event of the same VM, an INVAL_SLOT or a locked
 *                  FAULT_CHECK
 *
 * Who is a number of the trace's table of who did it, struct rs_whos, or 0: not known. It
 * says it for all of the invalidation and of the fault; no figure of the model depends on it.
 *
 * Unused members are 0, so that equal events are equal bytes.
 */
enum rs_event_type {
	RS_EV_NONE,
	RS_EV_MEMSLOT,
	RS_EV_INVAL_BEGIN,
	RS_EV_INVAL_SLOT,
	RS_EV_INVAL_END,
	RS_EV_FAULT_BEGIN,
	RS_EV_FAULT_CHECK,
	RS_EV_FAULT_END,
	RS_EV_LOST,
	RS_EV_STATE,
	RS_NR_EVENT_TYPES,
};

enum rs_result_code { RS_RES_UNKNOWN, RS_RES_OK, RS_RES_RETRY, RS_NR_RESULTS };

/* Why a fault ended without a decision that a notifier had a part in. */
enum rs_end_reason {
	RS_END_PLAIN,	      /* fast path, emulation, MMIO, no memslot */
	RS_END_SLOT_INVALID,  /* its memslot was being deleted or moved */
	RS_END_ASYNC,	      /* an async page fault was set up */
	RS_END_ROOT_OBSOLETE, /* retried, and neither range nor sequence says why */
	RS_NR_END_REASONS,
};

#define RS_F_WALK 0x01
#define RS_F_GFN 0x02
#define RS_F_LOCKLESS 0x04
#define RS_F_SHARED 0x08
#define RS_F_PRIVATE 0x10
#define RS_F_PAUSE 0x20
#define RS_F_RESUME 0x40

/*
 * Kinds of mappings of guest memory: those of a process's address space, and those of a
 * guest_memfd that no process needs to map. A fault is of one kind; an invalidation
 * concerns one or both (struct kvm_gfn_range has it as attr_filter).
 */
#define RS_KIND_SHARED 0x1
#define RS_KIND_PRIVATE 0x2
#define RS_KIND_BOTH (RS_KIND_SHARED | RS_KIND_PRIVATE)

#define RS_LOST_UNKNOWN UINT64_MAX
#define RS_PAGE_SHIFT 12
#define RS_PAGE_SIZE (1ULL << RS_PAGE_SHIFT)

/* Limits that readers enforce, so that a table indexed by these is bounded. */
#define RS_MAX_VCPU 65535U
#define RS_MAX_AS 255U
#define RS_MAX_SLOT_ID 0x7fffffffU
/* So many a trace can name of those who did it. */
#define RS_MAX_WHO 0xfffffU

struct rs_event {
	uint64_t time_ns;
	uint32_t vm;
	uint8_t type;	/* enum rs_event_type */
	uint8_t flags;	/* RS_F_* */
	uint8_t result; /* enum rs_result_code */
	uint8_t as;
	/* Each as large as the union: what is initialized of one is 0 in all of it. */
	union {
		struct {
			uint32_t id;
			uint32_t flags; /* KVM_MEM_* */
			uint64_t gfn, npages, hva;
		} memslot;
		struct {
			uint32_t slot;
			uint32_t who; /* of INVAL_BEGIN */
			uint64_t id, start, end;
		} inval;
		struct {
			uint32_t vcpu;
			union {
				uint32_t who;	 /* of FAULT_BEGIN */
				uint32_t reason; /* of FAULT_END: enum rs_end_reason */
			};
			uint64_t gfn;
			uint64_t unused[2];
		} fault;
		struct {
			uint32_t unused[2];
			uint64_t count;
			uint64_t unused_too[2];
		} lost;
		struct {
			uint32_t in_progress;
			uint32_t unused;
			uint64_t seq, start, end;
		} state;
		/* For the binary form, which stores any event the same way. */
		struct {
			uint32_t half[2];
			uint64_t word[3];
		} raw;
	};
};

_Static_assert(sizeof(struct rs_event) == 48, "the record is part of the binary form");
_Static_assert(sizeof(((struct rs_event *)0)->memslot) == 32 &&
		       sizeof(((struct rs_event *)0)->inval) == 32 &&
		       sizeof(((struct rs_event *)0)->fault) == 32 &&
		       sizeof(((struct rs_event *)0)->lost) == 32 &&
		       sizeof(((struct rs_event *)0)->state) == 32 &&
		       sizeof(((struct rs_event *)0)->raw) == 32,
	       "no member leaves bytes of the union uninitialized");

/* The kind, RS_KIND_SHARED or RS_KIND_PRIVATE, of a FAULT_BEGIN with these flags. */
static inline unsigned int rs_flags_kind(unsigned int flags)
{
	return flags & RS_F_PRIVATE ? RS_KIND_PRIVATE : RS_KIND_SHARED;
}

/* The kinds of mappings, RS_KIND_*, that an INVAL_BEGIN with these flags concerns. */
static inline unsigned int rs_flags_filter(unsigned int flags)
{
	const unsigned int said = flags / RS_F_SHARED & RS_KIND_BOTH;

	return said ? said : flags & RS_F_GFN ? RS_KIND_BOTH : RS_KIND_SHARED;
}

/*
 * Says in @ev, an INVAL_BEGIN whose other flags are set, that it concerns @filter
 * (RS_KIND_*). What a range of its space concerns anyway (of hvas shared mappings, of gfns
 * both) is not said, so that equal events are equal bytes.
 */
static inline void rs_event_set_filter(struct rs_event *ev, unsigned int filter)
{
	ev->flags &= (uint8_t) ~(RS_F_SHARED | RS_F_PRIVATE);
	if (filter != rs_flags_filter(ev->flags))
		ev->flags |= (uint8_t)(filter * RS_F_SHARED);
}

/* Whether events of that type, which is a type, say who: in raw.half[1], all of them. */
static inline bool rs_event_has_who(unsigned int type)
{
	return (1U << RS_EV_INVAL_BEGIN | 1U << RS_EV_FAULT_BEGIN) >> type & 1;
}

/* Who did @ev, where that is said; else 0. */
static inline uint32_t rs_event_who(const struct rs_event *ev)
{
	return rs_event_has_who(ev->type) ? ev->raw.half[1] : 0;
}

/* "shared", "private", "both"; NULL if @filter is none of RS_KIND_*. */
const char *rs_filter_name(unsigned int filter);
/* "memslot", "inval_begin" ...; NULL if @type is none. The names of the text form. */
const char *rs_event_name(unsigned int type);
/* "unknown", "ok", "retry"; NULL if out of range. */
const char *rs_result_name(unsigned int result);
/* "plain", "slot_invalid", "async", "root_obsolete"; NULL if out of range. */
const char *rs_end_reason_name(unsigned int reason);

/* What a LOST is: "lost", or of a recording in pieces "pause", "resume". */
const char *rs_lost_name(const struct rs_event *ev);

/*
 * Why no form can hold @ev: a type, a result, a reason or a number out of range,
 * or an unused member that is not 0. NULL if @ev is well-formed; what it says
 * may still make no sense in its stream.
 */
const char *rs_event_problem(const struct rs_event *ev);
/* Whether rs_event_problem() has nothing to say of any of them. */
bool rs_events_well_formed(const struct rs_event *evs, size_t n);

#endif
