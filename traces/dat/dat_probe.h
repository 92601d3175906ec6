/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_PROBE_H
#define RS_TRACES_DAT_DAT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "traces/dat/probe_events.h"
#include "traces/event.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_clock.h"
#include "traces/dat/dat_file.h"
#include "traces/dat/dat_pages.h"

/*
 * From the raw bytes of an event to its fields, looked up by name once per
 * trace. A field has one number whatever event it stands in.
 */
#define RS_DAT_FIELDS(X)              \
	X(KVM, "kvm")                 \
	X(CHANGE, "change")           \
	X(OLD_GFN, "old_gfn")         \
	X(OLD_NPAGES, "old_npages")   \
	X(OLD_ID, "old_id")           \
	X(OLD_AS, "old_as")           \
	X(GFN, "gfn")                 \
	X(NPAGES, "npages")           \
	X(HVA, "hva")                 \
	X(ID, "id")                   \
	X(AS, "as")                   \
	X(FLAGS, "flags")             \
	X(MN, "mn")                   \
	X(START, "start")             \
	X(END, "end")                 \
	X(REASON, "reason")           \
	X(SEQ, "seq")                 \
	X(IN_PROGRESS, "in_progress") \
	X(RANGE_START, "range_start") \
	X(RANGE_END, "range_end")     \
	X(GFN_START, "gfn_start")     \
	X(GFN_END, "gfn_end")         \
	X(VCPU, "vcpu")               \
	X(ADDR, "addr")               \
	X(ERROR, "error")             \
	X(FAULT_SEQ, "fault_seq")     \
	X(FILTER, "filter")           \
	X(PRIVATE, "private")         \
	X(RET, "ret")                 \
	X(PID, "pid")                 \
	X(TP_VCPU, "vcpu_id")         \
	X(TP_ADDRESS, "fault_address")

#define RS_DAT_FIELD_ENUM(sym, name) RS_DAT_F_##sym,
enum rs_dat_field { RS_DAT_FIELDS(RS_DAT_FIELD_ENUM) RS_DAT_NR_FIELDS };
#undef RS_DAT_FIELD_ENUM
_Static_assert(RS_DAT_NR_FIELDS <= 32, "there is a bit for each");

/* The tracepoints that matter, numbered behind the probes. */
enum rs_dat_tracepoint {
	RS_DAT_TP_PAGE_FAULT = RS_NR_PROBE_EVENTS,
	RS_DAT_TP_UNMAP_HVA,
	RS_DAT_TP_ASYNC_TRY,
	RS_DAT_TP_ASYNC_NOT_PRESENT,
	RS_DAT_TP_ASYNC_REPEATED,
	RS_DAT_TP_ENTRY,
	RS_DAT_MARKER, /* a text written by user space; the recorder's facts */
	RS_DAT_NR_KINDS,
	/* Not events: between these some were lost. */
	RS_DAT_KIND_GAP_BEGIN = RS_DAT_NR_KINDS,
	RS_DAT_KIND_GAP_END,
};

/* Where a field stands. One that a format does not have has no bits: it reads as 0. */
struct rs_dat_field_at {
	uint64_t mask; /* its bits */
	uint64_t sign; /* the highest of them, if it is signed; else 0 */
	uint16_t offset;
	uint8_t size;
	uint8_t words; /* from it on so many fields, by number, are the words from @offset on */
};

/*
 * One event format of this trace that is of use. Several may be of the same kind:
 * each recorder has a group of its own.
 */
struct rs_dat_format_at {
	uint8_t kind;
	uint8_t group;	      /* numbers the groups of one trace */
	uint16_t text_offset; /* of a marker's text; 0: none */
	uint32_t have;	      /* bit per enum rs_dat_field */
	uint32_t bytes;	      /* that an event must have */
	/* With so many it is but numbers, the little end first; UINT32_MAX: none is. */
	uint32_t plain_bytes;
	struct rs_dat_field_at pid;
	struct rs_dat_field_at fields[RS_DAT_NR_FIELDS];
};

#define RS_DAT_MAX_FORMATS 254

struct rs_dat_probe {
	uint64_t time; /* in ns */
	uint8_t kind;
	uint16_t source; /* which ring buffer and recorder it is of; not 0 */
	uint32_t pid;
	uint32_t has; /* bit per enum rs_dat_field */
	/* For rs_dat_value(): the fields' bytes, and where in them each is. */
	const unsigned char *data;
	const struct rs_dat_field_at *at;
	uint64_t missed;  /* of a gap: how many; UINT64_MAX: unknown */
	const char *text; /* of a marker: @text_size bytes */
	uint32_t text_size;
	uint64_t v[RS_DAT_NR_FIELDS]; /* where they are if the file's order of bytes is another */
};

struct rs_dat_probes {
	struct rs_dat_format_at formats[RS_DAT_MAX_FORMATS];
	unsigned int nr_formats;
	bool present[RS_DAT_NR_KINDS];
	uint8_t format_of[65536];		/* index + 1 by the kernel's number, or 0 */
	uint32_t least[RS_DAT_MAX_FORMATS + 1]; /* bytes of an event, by that index + 1 */
	struct rs_dat_layout layout;
	struct rs_dat_clock clock;
	bool swap;
	bool cut_fault_seq; /* a fault's sequence number has 32 bits without a sign, KVM's 64 */
};

/* For rs_dat_file_open(): the formats that matter here. */
bool rs_dat_probe_wants(const char *system, const char *text);
/* Looks every event and field up. Negative errno with @err set if no event is of use. */
int rs_dat_probes_init(struct rs_dat_probes *p, const struct rs_dat_file *f, struct rs_error *err);
/* rs_dat_probe_decode() for what is not just numbers in an event that is long enough. */
int rs_dat_probe_decode_odd(const struct rs_dat_probes *p, const struct rs_dat_record *r,
			    struct rs_dat_probe *to, struct rs_error *err);

/*
 * @r in terms of fields, valid as long as its data is; *@to cannot be copied. -EINVAL
 * with @err set if it is shorter than its format says.
 */
static inline int rs_dat_probe_decode(const struct rs_dat_probes *p, const struct rs_dat_record *r,
				      struct rs_dat_probe *to, struct rs_error *err)
{
	const struct rs_dat_format_at *k;

	to->time = rs_dat_clock_ns(&p->clock, r->time);
	if (r->what != RS_DAT_EVENT)
		return rs_dat_probe_decode_odd(p, r, to, err);
	k = p->formats + r->wanted - 1;
	to->kind = k->kind;
	to->source = (uint16_t)(r->source + k->group);
	to->has = k->have;
	to->data = r->data;
	to->at = k->fields;
	if (r->size < k->plain_bytes)
		return rs_dat_probe_decode_odd(p, r, to, err);
	to->pid = (uint32_t)(rs_dat_uint(r->data + k->pid.offset, 8, false) & k->pid.mask);
	return 0;
}

/* Whether there are probes that tell of faults: there are none if these were left out. */
bool rs_dat_probes_faults(const struct rs_dat_probes *p);
/* Whether enough of our probes are there to tell more than tracepoints do. */
bool rs_dat_probes_enough(const struct rs_dat_probes *p);
/* "retryscope:fault_check", "kvm:kvm_page_fault" ... */
const char *rs_dat_kind_name(unsigned int kind);
/* The same without the system. */
const char *rs_dat_event_name(unsigned int kind);

/*
 * A memslot's flags: what user space sets; KVM's mark that it is on its way out, and others
 * that KVM has for itself (bit 17: its memory is that of a guest_memfd alone). What has
 * others is none.
 */
#define RS_DAT_SLOT_GUEST_MEMFD (1U << 2)
#define RS_DAT_SLOT_INVALID (1U << 16)
#define RS_DAT_SLOT_FLAGS 0xf00ffU

/* Whether (@as, @id) can be a memslot's: what was recorded may be anything. */
static inline bool rs_dat_is_memslot(uint64_t as, uint64_t id)
{
	return as <= RS_MAX_AS && id <= RS_MAX_SLOT_ID;
}

/* Whether no process has such a host address: KVM's word for "no memslot". */
static inline bool rs_dat_is_no_hva(uint64_t hva)
{
	return hva >> 63;
}

/* For fields that are the numbers of an array, by enum rs_dat_field. */
extern const struct rs_dat_field_at rs_dat_array_fields[RS_DAT_NR_FIELDS];

/*
 * Field @f, sign extended where it is signed; 0 if @e has none. Without a branch on
 * its size: what is read too much is masked out again (there is room behind the data).
 */
static inline uint64_t rs_dat_value(const struct rs_dat_probe *e, enum rs_dat_field f)
{
	const struct rs_dat_field_at *at = &e->at[f];

	return ((rs_dat_uint(e->data + at->offset, 8, false) & at->mask) ^ at->sign) - at->sign;
}

/* The same by its name: V(e, GFN). */
#define V(e, f) rs_dat_value(e, RS_DAT_F_##f)

static inline bool rs_dat_has(const struct rs_dat_probes *p, unsigned int kind)
{
	return p->present[kind];
}

#endif
