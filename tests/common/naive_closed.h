/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_NAIVE_CLOSED_H
#define RS_TESTS_NAIVE_CLOSED_H

#include "tests/common/naive.h"

/*
 * The closed loop of docs/model.md a second time: every attempt of every
 * logical fault on its own, with the algorithm's state worked out from all
 * invalidations up to that moment. Nothing of replay/ is used.
 */
enum naive_precheck { NAIVE_PRECHECK_TRACED, NAIVE_PRECHECK_ON, NAIVE_PRECHECK_OFF };

struct naive_closed_opts {
	const char *algos;
	enum naive_precheck precheck;
	bool think;
	uint64_t retry_gap_ns; /* 0: as recorded */
};

/* One logical fault as one algorithm would have had it. */
struct naive_simulated {
	uint64_t arrival_ns, retries, service_ns, stall_ns;
	bool starved, gone, as_recorded; /* gone: its memslot, at the decision */
};

/* One logical fault as it was recorded, in the order of its last check. */
struct naive_logical {
	uint32_t vm, vcpu;
	uint64_t begin_ns, done_ns, attempts, retries;
	struct naive_simulated algos[NAIVE_MAX_ALGOS];
};

/* What holds for all faults of a VM. */
struct naive_closed_vm {
	uint32_t vm;
	bool precheck;
	uint64_t retry_gap_ns, clean_ns;
	bool retry_gap_assumed;
	size_t nr_invals;
	/* By algorithm, then invalidation: retries while it was the youngest outstanding one,
	 * or with none outstanding the last that ended. */
	uint64_t *retries_of;
};

struct naive_closed {
	size_t nr_algos, nr_faults, nr_vms;
	struct naive_logical *faults;
	struct naive_closed_vm *vms;
	uint64_t checked; /* recorded checks that were judged */
};

/* NULL if an algorithm is unknown. Free with naive_closed_free(). Out of memory aborts. */
struct naive_closed *naive_closed_run(const struct rs_event *evs, size_t n,
				      const struct naive_closed_opts *opts);
void naive_closed_free(struct naive_closed *c);

#endif
