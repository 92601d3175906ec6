// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost/cost_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_HVA 0x7f0000000000ULL
#define GUEST_PAGES (1ULL << 24) /* 64 GiB or so, whatever the number of memslots */
#define MAX_MEMSLOTS 32764
#define MAX_ALIASES 1024
#define MAX_OUTSTANDING 1000000
#define MAX_PAGES (1U << 20)

static uint64_t next_random(struct rs_cost_rig *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

/* Memslots side by side, and each of @aliases maps all of it again, 16 TiB further on. */
static int add_memslots(struct rs_cost_rig *r)
{
	uint64_t pages = r->slot_pages * r->set.memslots;

	for (uint32_t i = 0; i < r->set.memslots; i++)
		if (rs_vm_set_memslot(r->vm, 0, i, i * r->slot_pages, r->slot_pages,
				      GUEST_HVA + ((i * r->slot_pages) << RS_PAGE_SHIFT),
				      0) != RS_VM_CHANGED)
			return -ENOMEM;
	for (uint32_t i = 1; i <= r->set.aliases; i++)
		if (rs_vm_set_memslot(r->vm, 0, r->set.memslots + i, (uint64_t)i << 32, pages,
				      GUEST_HVA, 0) != RS_VM_CHANGED)
			return -ENOMEM;
	return rs_vm_update(r->vm);
}

static int add_hit(void *arg, uint32_t handle)
{
	struct rs_inval *inv = arg;

	inv->hits[inv->nr_hits++].handle = handle;
	return 0;
}

/* An invalidation of random pages with the memslots that it hits. */
static int make_ready(struct rs_cost_rig *r, struct rs_inval *inv)
{
	uint64_t pages = r->slot_pages * r->set.memslots;
	uint64_t span = pages - (r->set.pages < pages ? r->set.pages : pages) + 1;
	uint64_t start = GUEST_HVA + ((next_random(r) % span) << RS_PAGE_SHIFT);
	uint64_t end = start + ((uint64_t)r->set.pages << RS_PAGE_SHIFT);

	*inv = (struct rs_inval){
		.range = { start, end }, .walk = true, .filter = RS_KIND_SHARED, .hit = true
	};
	inv->max_hits = r->set.pages / (uint32_t)r->slot_pages + 2 + r->set.aliases;
	inv->hits = calloc(inv->max_hits, sizeof(*inv->hits));
	if (!inv->hits)
		return -ENOMEM;
	rs_vm_for_each_hva(r->vm, start, end, add_hit, inv);
	for (uint32_t i = 0; i < inv->nr_hits; i++) {
		struct rs_hit *h = &inv->hits[i];

		rs_memslot_gfns_of_hvas(rs_vm_memslot(r->vm, h->handle), start, end, &h->gfns);
		rs_range_widen(&inv->span, h->gfns.start, h->gfns.end);
	}
	return 0;
}

static void make_fault(struct rs_cost_rig *r, struct rs_fault *f)
{
	uint64_t page = next_random(r) % (r->slot_pages * r->set.memslots);
	uint64_t alias = next_random(r) % (r->set.aliases + 1);

	rs_fault_begin(f, r->vm, 0, 0, (alias << 32) + page, RS_KIND_SHARED, 0);
}

int rs_cost_begin_all(struct rs_cost_rig *r, const struct rs_inval *inv)
{
	int ret = rs_algo_begin(&r->algo, inv);

	for (uint32_t i = 0; !ret && i < inv->nr_hits; i++)
		ret = rs_algo_slot(&r->algo, inv, &inv->hits[i]);
	return ret;
}

static size_t bytes_of(const struct rs_cost_rig *r)
{
	const struct rs_algo_ops *ops = r->algo.ops;

	return ops->bytes ? ops->bytes(r->algo.state) : ops->fixed_bytes;
}

static int fill(struct rs_cost_rig *r, const struct rs_algo_spec *spec)
{
	struct rs_algo_env env;

	r->vm = rs_vm_new();
	r->invals = r->vm ? rs_invals_new(r->vm, 0, NULL) : NULL;
	r->nr_ready = r->set.outstanding + RS_COST_BATCH;
	r->ready = calloc(r->nr_ready, sizeof(*r->ready));
	if (!r->invals || !r->ready || add_memslots(r))
		return -ENOMEM;
	for (uint32_t i = 0; i < r->nr_ready; i++)
		if (make_ready(r, &r->ready[i]))
			return -ENOMEM;
	for (uint32_t i = 0; i < RS_COST_FAULTS; i++)
		make_fault(r, &r->faults[i]);
	env = (struct rs_algo_env){ r->vm, r->invals, true };
	return rs_algo_init(&r->algo, spec, &env);
}

static int start_outstanding(struct rs_cost_rig *r)
{
	r->rest_bytes = bytes_of(r);
	for (uint32_t i = 0; i < r->set.outstanding; i++)
		if (rs_cost_begin_all(r, &r->ready[i]))
			return -ENOMEM;
	r->peak_bytes = bytes_of(r);
	return 0;
}

static bool sound(const struct rs_cost_setting *s)
{
	return s->memslots && s->memslots <= MAX_MEMSLOTS && s->aliases <= MAX_ALIASES &&
	       s->outstanding && s->outstanding <= MAX_OUTSTANDING && s->ended <= MAX_OUTSTANDING &&
	       s->pages && s->pages <= MAX_PAGES;
}

struct rs_cost_rig *rs_cost_open(const struct rs_algo_spec *spec,
				 const struct rs_cost_setting *setting, struct rs_error *err)
{
	struct rs_cost_rig *r;

	if (!sound(setting)) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL, "a setting that is out of range");
		errno = EINVAL;
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r) {
		r->set = *setting;
		r->random = setting->seed * 0x9e3779b97f4a7c15ULL + 1;
		r->slot_pages = GUEST_PAGES / setting->memslots;
		if (!fill(r, spec) && !start_outstanding(r))
			return r;
	}
	rs_cost_close(r);
	rs_error_nomem(err);
	errno = ENOMEM;
	return NULL;
}

void rs_cost_close(struct rs_cost_rig *r)
{
	if (!r)
		return;
	if (r->algo.ops)
		rs_algo_destroy(&r->algo);
	for (uint32_t i = 0; r->ready && i < r->nr_ready; i++)
		free(r->ready[i].hits);
	free(r->ready);
	rs_invals_free(r->invals);
	rs_vm_free(r->vm);
	free(r);
}

size_t rs_cost_rest_bytes(const struct rs_cost_rig *r)
{
	return r->rest_bytes;
}

size_t rs_cost_peak_bytes(const struct rs_cost_rig *r)
{
	return r->peak_bytes;
}
