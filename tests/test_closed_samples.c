// SPDX-License-Identifier: GPL-2.0-only
/*
 * The closed loop's check on real data: simulating the traced kernel's own
 * algorithm gives the captures back, fault by fault, but for faults that the
 * recording does not see through. docs/sample-counts.md says which these are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/compare_closed.h"

#define MAX_VCPUS 8

/* Faults that are not as recorded, and why. */
struct capture {
	const char *name, *algo;
	uint64_t faults;
	unsigned int cut_off;	 /* still retried when the recording ends */
	unsigned int mapped;	 /* retried, and then another vCPU mapped the page */
	unsigned int behind;	 /* as recorded, but behind one of those on its vCPU */
	unsigned int page_shift; /* of what one fault maps, in frames */
};

static const struct capture captures[] = {
	{ "6.1-alias0", "hva", 3562, 1, 3, 1, 0 },   { "6.1-alias3", "hva", 6301, 1, 1, 0, 0 },
	{ "6.1-partial", "hva", 2468, 0, 0, 0, 0 },  { "6.1-thp", "hva", 7139, 1, 0, 0, 9 },
	{ "6.12-alias0", "gfn", 2919, 2, 2, 1, 0 },  { "6.12-alias3", "gfn", 7089, 1, 0, 0, 0 },
	{ "6.12-partial", "gfn", 2039, 2, 0, 0, 0 }, { "6.12-thp", "gfn", 3637, 0, 2, 1, 9 },
};

/* A vCPU on the way through the events: where its last chain began, and whether it goes on. */
struct walker {
	uint64_t gfn, chain_gfn, chain_from;
	bool retried;
};

struct counts {
	unsigned int cut_off, mapped, other;
};

/* Does another vCPU's fault map the page between the events @from and @to? */
static bool other_maps(const struct stream *s, size_t from, size_t to, uint32_t vcpu, uint64_t gfn,
		       unsigned int shift)
{
	uint64_t at[MAX_VCPUS] = { 0 };

	for (size_t i = 0; i < to; i++) {
		const struct rs_event *e = &s->v[i];

		if (e->type == RS_EV_FAULT_BEGIN)
			at[e->fault.vcpu] = e->fault.gfn;
		else if (i >= from && e->type == RS_EV_FAULT_CHECK && e->fault.vcpu != vcpu &&
			 e->result == RS_RES_OK && at[e->fault.vcpu] >> shift == gfn >> shift)
			return true;
	}
	return false;
}

/* The vCPU does something else at event @i, with its last attempt rejected. */
static void gave_up(const struct stream *s, size_t i, const struct walker *w, uint32_t vcpu,
		    unsigned int shift, struct counts *n)
{
	if (other_maps(s, w->chain_from, i, vcpu, w->chain_gfn, shift))
		n->mapped++;
	else
		n->other++;
}

static struct counts count_unfinished(const struct stream *s, unsigned int shift)
{
	struct walker w[MAX_VCPUS] = { 0 };
	struct counts n = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		const struct rs_event *e = &s->v[i];
		struct walker *v = &w[e->fault.vcpu % MAX_VCPUS];

		if (e->type == RS_EV_FAULT_BEGIN) {
			if (v->retried && e->fault.gfn != v->chain_gfn)
				gave_up(s, i, v, e->fault.vcpu, shift, &n);
			if (!v->retried || e->fault.gfn != v->chain_gfn)
				v->chain_from = i;
			v->chain_gfn = e->fault.gfn;
			v->retried = false;
		} else if (e->type == RS_EV_FAULT_CHECK) {
			v->retried = e->result == RS_RES_RETRY;
		}
	}
	for (size_t i = 0; i < MAX_VCPUS; i++)
		n.cut_off += w[i].retried;
	return n;
}

static void test_capture(void **state)
{
	const struct capture *c = *state;
	const struct rs_closed_opts opts = { .algos = c->algo, .kernel_algo = c->algo, .jobs = 1 };
	const struct rs_closed_vm *closed;
	char path[512];
	struct stream s;
	struct rs_result *res;
	struct counts n;

	snprintf(path, sizeof(path), TRACE_SAMPLES "/%s.dat", c->name);
	s = stream_read(path);
	n = count_unfinished(&s, c->page_shift);
	res = closed_engine_run(&s, &opts);
	assert_int_equal(res->nr_vms, 1);
	closed = &res->vms[0].closed;
	assert_true(closed->checked);
	assert_int_equal(closed->logical_faults, c->faults);
	assert_int_equal(n.cut_off, c->cut_off);
	assert_int_equal(n.mapped, c->mapped);
	assert_int_equal(n.other, 0);
	assert_int_equal(closed->check_as_recorded, c->faults - c->cut_off - c->mapped - c->behind);
	assert_true(closed->check_as_recorded * 100 >= closed->logical_faults * 99);
	/* The same plan, asked for as any algorithm is. */
	assert_int_equal(res->vms[0].algos[0].closed->as_recorded, closed->check_as_recorded);
	rs_result_free(res);
	stream_free(&s);
}

#define NR(array) (sizeof(array) / sizeof(*(array)))

int main(void)
{
	struct CMUnitTest tests[NR(captures)];

	for (size_t i = 0; i < NR(captures); i++)
		tests[i] = (struct CMUnitTest){ captures[i].name, test_capture, NULL, NULL,
						(void *)&captures[i] };
	return _cmocka_run_group_tests("closed samples", tests, NR(captures), NULL, NULL);
}
