/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_NAIVE_IMPORT_INTERNAL_H
#define TESTS_NAIVE_IMPORT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/common/naive_import.h"
#include "traces/dat/probe_events.h"

/* ---- records: docs/import.md, 1 ---- */

/* clang-format off */
#define N_FIELDS(X) \
	X(kvm) X(change) X(old_gfn) X(old_npages) X(old_id) X(old_as) X(gfn) X(npages) X(hva) \
	X(id) X(as) X(flags) X(mn) X(start) X(end) X(reason) X(seq) X(in_progress) \
	X(range_start) X(range_end) X(gfn_start) X(gfn_end) X(vcpu) X(addr) X(error) \
	X(fault_seq) X(ret) X(filter) X(private)
/* clang-format on */

/* Kinds behind the probe events. */
enum {
	N_ASYNC_TRY = RS_NR_PROBE_EVENTS,
	N_ASYNC_NOT_PRESENT,
	N_ASYNC_REPEATED,
	N_PAGE_FAULT, /* nothing follows from these two, but that they were recorded */
	N_UNMAP,
	N_ENTRY,
	N_MARKER,
	N_NR_KINDS,
	N_GAP_BEGIN = N_NR_KINDS,
	N_GAP_END,
	N_PAUSE,
	N_RESUME,
	N_CHANCE, /* recorded in a pause */
};

struct n_record {
	uint64_t time;
	unsigned int row, kind, pid;
	unsigned int source; /* numbers buffers and groups */
	bool back, has_reason, has_filter, has_id;
	bool half;	 /* of a pause, or a resume: the other is missing */
	uint64_t missed; /* ~0: not known */
	char *text;	 /* of a marker */
#define N_MEMBER(name) uint64_t name;
	N_FIELDS(N_MEMBER)
#undef N_MEMBER
	size_t nth; /* in its row */
};

struct n_file {
	struct n_record *records; /* by time */
	size_t nr;
	bool present[N_NR_KINDS];
	char release[128];
	bool cut_fault_seq;   /* it has 32 bits and no sign, where KVM's number has 64 */
	uint64_t dropped;     /* events, of which no page tells */
	uint64_t mult, shift; /* cycles to ns; 0: they are ns */
};

/* Why, in the order of the kernel's numbers from N_NOTIFIER on. */
enum n_why {
	N_FAULT,
	N_NOTIFIER,
	N_OTHER = N_NOTIFIER + 8,
	N_GFN,
	N_GUEST_MEMFD,
	N_ATTRIBUTES,
	N_ZAP
};

/* Until all events are in order: who did it, in a number that says all. */
static inline uint32_t n_who(const struct n_record *r, unsigned int why)
{
	return r->pid * 16 + why + 1;
}

void n_read_file(struct n_file *f, const unsigned char *bytes, size_t size);

/* ---- what is put in order ---- */

enum n_type {
	N_NONE,
	N_ENTER, /* a call that hits memslots */
	N_HIT,	 /* a memslot that is hit without a call */
	N_MISS,
	N_MISS_END,
	N_BEGIN,
	N_SLOT,
	N_END,
	N_END_UNTIL,
	N_FAULT_BEGIN,
	N_CHECK,
	N_EARLY,
	N_PLAIN,
	N_MEMSLOT,
	N_LOST_BEGIN,
	N_LOST,
	N_LOST_END,
	N_DOUBT, /* something is in progress of which nobody saw the begin */
};

struct n_state {
	uint64_t seq, in_progress, start, end;
};

struct n_item {
	enum n_type type;
	struct rs_event ev;
	bool has_seq, placed, maybe;
	uint64_t seq, page, until;
	struct n_state state;
	size_t other; /* END_UNTIL: the end; FAULT_BEGIN: its check, if it found no memslot */
	bool no_memslot, has_id, zeros;
	uint64_t since, hva;
	uint32_t id;
};

/* A memslot of which no commit tells, and from when on it was there. */
struct n_learned {
	uint64_t kvm, from, gfn, end;
	uint64_t one, other; /* its distance is between these */
	unsigned int as, id;
	bool known, dead; /* known: its distance was seen */
	uint64_t first;	  /* seen */
	uint64_t sure[2]; /* its frames without those that faults of a guest_memfd say */
	bool has_no_file; /* a fault with a host address says so */
};

struct n_vm {
	uint64_t kvm;
	bool gone, is_ending;
	struct n_state ending;
	uint32_t number;
	uint64_t next_id;
	struct n_item *items;
	size_t nr;
};

struct n_import {
	struct naive_import *to;
	struct n_file file;
	struct n_vm vms[64];
	struct n_learned *learned;
	size_t nr_learned;
	bool by_time;
};

#define N_ALL_GFNS (1ULL << 52)
#define N_SLOT_IS_GOING (1U << 16)
#define N_SLOT_HAS_FILE (1U << 2)

#define N_GROW(list, nr) ((list) = n_grow((list), (nr), sizeof(*(list))), (nr)++, &(list)[(nr)-1])
void *n_grow(void *list, size_t nr, size_t size);
/* @list with room for @need; @room is what it has. */
void *n_room(void *list, size_t *room, size_t need, size_t size);
void n_note(struct n_import *n, const char *name);

/* Whether both can be a memslot's. */
bool n_is_memslot(uint64_t as, uint64_t id);
bool n_is_no_hva(uint64_t hva);
/* Whether a memslot can have these flags: of KVM's own, bits 16 to 19. */
bool n_is_flags(uint64_t flags);

void n_learn(struct n_import *n);
void n_pair(struct n_import *n);
/* Appends the VM's events to those of the import. */
void n_order(struct n_import *n, struct n_vm *vm);

#endif
