// SPDX-License-Identifier: GPL-2.0-only
/* The VMs that the pairing has met. */
#include <stdlib.h>

#include "base/array.h"
#include "base/inline.h"
#include "traces/dat/dat_pair_internal.h"

static int learn(void *arg, struct rs_event **list, size_t *n)
{
	struct rs_dat_vm *vm = arg;

	return vm->ops->learn(vm->ops->arg, vm->kvm, list, n);
}

int rs_dat_put_mark(struct rs_dat_vm *vm, enum rs_dat_item_type type, uint64_t time_ns,
		    uint64_t count, uint8_t flags)
{
	const struct rs_event ev = {
		.time_ns = time_ns,
		.vm = vm->number,
		.type = RS_EV_LOST,
		.flags = flags,
		.lost.count = count,
	};

	return rs_dat_order_put(vm->order, type, &ev, false, NULL) ? 0 : -ENOMEM;
}

static struct rs_dat_vm *new_vm(struct rs_dat_pair *p, uint64_t kvm, uint32_t number)
{
	struct rs_dat_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	*vm = (struct rs_dat_vm){ .kvm = kvm, .number = number, .next_id = 1, .ops = p->ops };
	vm->order = rs_dat_order_new(p->meta, number, p->by_time,
				     &(struct rs_dat_learner){ .arg = vm, .learn = learn });
	if (!vm->order) {
		free(vm);
		return NULL;
	}
	if (p->space == SPACE_ALL)
		rs_dat_order_set_no_range(vm->order);
	vm->items = rs_dat_order_items(vm->order);
	return vm;
}

RS_SELDOM struct rs_dat_vm *rs_dat_add_vm(struct rs_dat_pair *p, uint64_t kvm,
					  const struct rs_dat_probe *e)
{
	struct rs_dat_vm *vm;
	int ret = 0;

	if (RS_ROOM_FOR_ONE(p->vms, p->nr_vms))
		return NULL;
	vm = new_vm(p, kvm, (uint32_t)p->nr_vms + 1);
	if (!vm)
		return NULL;
	p->vms[p->nr_vms++] = vm;
	for (unsigned int i = 0; i < p->gaps && !ret; i++)
		ret = rs_dat_put_mark(vm, RS_DAT_GAP_BEGIN_MARK, e->time, RS_LOST_UNKNOWN, 0);
	if (!ret && p->paused)
		ret = rs_dat_put_mark(vm, RS_DAT_GAP_BEGIN_MARK, e->time, 0, RS_F_PAUSE);
	if (!ret)
		ret = rs_meta_add_vm(p->meta, vm->number, 0, NULL);
	vm->pid = e->pid;
	return ret ? NULL : vm;
}

struct rs_dat_vm *rs_dat_known_vm(struct rs_dat_pair *p, uint64_t kvm)
{
	for (size_t i = 0; i < p->nr_vms; i++)
		if (p->vms[i]->kvm == kvm && !p->vms[i]->gone)
			return p->vms[i];
	return NULL;
}

struct rs_dat_vm *rs_dat_find_vm(struct rs_dat_pair *p, uint64_t kvm, const struct rs_dat_probe *e)
{
	struct rs_dat_vm *vm = rs_dat_known_vm(p, kvm);

	return vm ? vm : rs_dat_add_vm(p, kvm, e);
}
