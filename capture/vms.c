// SPDX-License-Identifier: GPL-2.0-only
#include "capture/vms.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define TASKS_PER_FACT 64

static bool is_vm_descriptor(const char *dir, const char *name)
{
	static const char vm[] = "anon_inode:kvm-vm";
	char path[512], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	n = readlink(path, target, sizeof(target) - 1);
	return n == (ssize_t)strlen(vm) && !memcmp(target, vm, (size_t)n);
}

static bool has_vm(const struct rs_host *h, pid_t pid)
{
	char dir[256];
	struct dirent *entry;
	bool found = false;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/proc/%d/fd", h->root, (int)pid);
	d = opendir(dir);
	while (d && !found && (entry = readdir(d)))
		found = is_vm_descriptor(dir, entry->d_name);
	if (d)
		closedir(d);
	return found;
}

static int add_task(struct rs_vm_process *vm, pid_t task)
{
	for (size_t i = 0; i < vm->nr_tasks; i++)
		if (vm->tasks[i] == task)
			return 0;
	if (RS_ROOM_FOR_ONE(vm->tasks, vm->nr_tasks))
		return -ENOMEM;
	vm->tasks[vm->nr_tasks++] = task;
	return 0;
}

static int scan_tasks(struct rs_vm_process *vm, const struct rs_host *h)
{
	char dir[256];
	struct dirent *entry;
	int ret = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/proc/%d/task", h->root, (int)vm->pid);
	d = opendir(dir);
	while (d && !ret && (entry = readdir(d)))
		if (isdigit((unsigned char)*entry->d_name))
			ret = add_task(vm, (pid_t)atoi(entry->d_name));
	if (d)
		closedir(d);
	return ret;
}

static struct rs_vm_process *add_vm(struct rs_vm_list *list, const struct rs_host *h, pid_t pid)
{
	struct rs_vm_process *more;
	char path[64], *comm;

	for (size_t i = 0; i < list->nr; i++)
		if (list->vms[i].pid == pid)
			return &list->vms[i];
	if (RS_ROOM_FOR_ONE(list->vms, list->nr))
		return NULL;
	more = &list->vms[list->nr++];
	*more = (struct rs_vm_process){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	comm = rs_host_read(h, path);
	snprintf(more->command, sizeof(more->command), "%s", comm ? comm : "");
	free(comm);
	return more;
}

static int scan_process(struct rs_vm_list *list, const struct rs_host *h, pid_t pid)
{
	struct rs_vm_process *vm;

	if (!has_vm(h, pid))
		return 0;
	vm = add_vm(list, h, pid);
	return vm ? scan_tasks(vm, h) : -ENOMEM;
}

int rs_vms_scan(struct rs_vm_list *list, const struct rs_host *h, pid_t only)
{
	struct dirent *entry;
	int ret = 0;
	char *proc;
	DIR *d;

	if (only)
		return scan_process(list, h, only);
	proc = rs_host_path(h, "/proc");
	d = proc ? opendir(proc) : NULL;
	free(proc);
	while (d && !ret && (entry = readdir(d)))
		if (isdigit((unsigned char)*entry->d_name))
			ret = scan_process(list, h, (pid_t)atoi(entry->d_name));
	if (d)
		closedir(d);
	return ret;
}

void rs_vms_free(struct rs_vm_list *list)
{
	for (size_t i = 0; i < list->nr; i++)
		free(list->vms[i].tasks);
	free(list->vms);
	*list = (struct rs_vm_list){ 0 };
}

static int add_tasks_fact(const struct rs_vm_process *vm, size_t first, struct rs_capture_facts *f)
{
	char key[64], value[TASKS_PER_FACT * 12] = "";
	size_t len = 0;

	for (size_t i = first; i < vm->nr_tasks && i < first + TASKS_PER_FACT; i++)
		len += (size_t)snprintf(value + len, sizeof(value) - len, "%s%d", len ? " " : "",
					(int)vm->tasks[i]);
	snprintf(key, sizeof(key), "vm.%d.tasks.%zu", (int)vm->pid, first / TASKS_PER_FACT);
	return rs_facts_set(f, key, "%s", value);
}

int rs_vms_add_facts(const struct rs_vm_list *list, struct rs_capture_facts *f)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct rs_vm_process *vm = &list->vms[i];
		char key[64];

		snprintf(key, sizeof(key), "vm.%d", (int)vm->pid);
		if (rs_facts_set(f, key, "%s", vm->command))
			return -ENOMEM;
		for (size_t first = 0; first < vm->nr_tasks; first += TASKS_PER_FACT)
			if (add_tasks_fact(vm, first, f))
				return -ENOMEM;
	}
	return 0;
}
