// SPDX-License-Identifier: GPL-2.0-only
/* Medians of what was recorded. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct sample {
	uint64_t *v;
	size_t nr, max;
};

static int sample_add(struct sample *s, uint64_t value)
{
	if (RS_ROOM_ZEROED(s->v, s->max, s->nr + 1))
		return -ENOMEM;
	s->v[s->nr++] = value;
	return 0;
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The lower median; 0 of nothing. Frees the sample. */
static uint64_t sample_median(struct sample *s)
{
	uint64_t median;

	if (s->nr)
		qsort(s->v, s->nr, sizeof(*s->v), cmp_u64);
	median = s->nr ? s->v[(s->nr - 1) / 2] : 0;
	free(s->v);
	return median;
}

static int sample_fault(const struct vcpu *v, const struct logical *l, struct sample *before,
			struct sample *after, struct sample *gaps)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct attempt *a = &v->attempts[l->first + i];
		uint64_t took = a->check_ns - a->begin_ns;

		if (sample_add(a->before_lookup ? before : after, took))
			return -ENOMEM;
		if (i + 1 < l->nr && sample_add(gaps, a[1].begin_ns - a->check_ns))
			return -ENOMEM;
	}
	return 0;
}

static int cmp_vcpu(const void *a, const void *b)
{
	const struct vcpu *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int rs_closed_measure(struct vm *vm)
{
	struct sample before = { 0 }, after = { 0 }, gaps = { 0 };
	int ret = 0;

	/* Of what happens at the same time the lower number's comes first. */
	if (vm->nr_vcpus)
		qsort(vm->vcpus, vm->nr_vcpus, sizeof(*vm->vcpus), cmp_vcpu);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *v = &vm->vcpus[i];

		vm->logical_faults += v->nr_faults;
		for (size_t k = 0; k < v->nr_attempts; k++)
			vm->retries += v->attempts[k].retry;
		for (size_t k = 0; k < v->nr_faults && !ret; k++)
			ret = sample_fault(v, &v->faults[k], &before, &after, &gaps);
	}
	vm->has_gap = gaps.nr;
	vm->precheck_ns = sample_median(&before);
	vm->clean_ns = sample_median(&after);
	vm->gap_ns = sample_median(&gaps);
	return ret;
}
