/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_VMS_H
#define RS_CAPTURE_VMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/facts.h"

/*
 * The processes that have VMs, found by their open /dev/kvm descriptors, and
 * all threads that they were ever seen with: events name threads.
 */
struct rs_vm_process {
	pid_t pid;
	char command[32];
	pid_t *tasks;
	size_t nr_tasks;
};

struct rs_vm_list {
	struct rs_vm_process *vms;
	size_t nr;
};

/* Looks at every process (@only 0) or at one. What is gone stays. 0 or -ENOMEM. */
int rs_vms_scan(struct rs_vm_list *list, const struct rs_host *h, pid_t only);
void rs_vms_free(struct rs_vm_list *list);

/* vm.PID and vm.PID.tasks.N facts. 0 or -ENOMEM. */
int rs_vms_add_facts(const struct rs_vm_list *list, struct rs_capture_facts *f);

#endif
