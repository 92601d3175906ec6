/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_TAPE_OPS_H
#define RS_REPLAY_COST_TAPE_OPS_H

#include "replay/cost/tape.h"
#include "base/seats.h"

/* What is on a tape, for the files that write and play it. */
enum rs_tape_kind {
	RS_TAPE_MEMSLOT,      /* a: memslot event */
	RS_TAPE_BEGIN,	      /* a: invalidation, that hits */
	RS_TAPE_BEGIN_SILENT, /* it hits nothing so far: only for those who see all */
	RS_TAPE_BEGIN_LATE,   /* its walk hits after all: for all others */
	RS_TAPE_SLOT,	      /* a: invalidation, b: hit */
	RS_TAPE_END,
	RS_TAPE_END_SILENT,
	RS_TAPE_DROP,
	RS_TAPE_SNAPSHOT, /* a: fault */
	RS_TAPE_CHECK,
};

struct rs_tape_op {
	enum rs_tape_kind kind;
	uint32_t a, b;
};

/* A list that grows; @v is NULL while it is empty. */
#define RS_TAPE_LIST(type)     \
	struct {               \
		type *v;       \
		size_t n, max; \
	}

/* Algorithms keep a state per VM, so each VM is a tape of its own. */
struct rs_tape_vm {
	uint32_t number;
	RS_TAPE_LIST(struct rs_tape_op) ops;
	RS_TAPE_LIST(struct rs_event) memslots;
	RS_TAPE_LIST(struct rs_inval) invals; /* each with all its hits */
	RS_TAPE_LIST(struct rs_fault) faults;
	/* While it is written: the VM as it is, and who is who. */
	struct rs_vm *vm;
	struct rs_invals *outstanding;
	RS_TAPE_LIST(uint32_t) inval_of; /* by slot of an outstanding one */
	struct rs_seats seats;		 /* of the vCPUs */
	RS_TAPE_LIST(uint32_t) fault_of; /* by seat */
};

struct rs_tape {
	struct rs_replay *engine;
	struct rs_observer observer;
	struct rs_tape_vm **vms;
	size_t nr_vms;
	uint64_t mix[RS_NR_COST_OPS];
	int ret; /* of the observer: 0 or -ENOMEM */
};

#endif
