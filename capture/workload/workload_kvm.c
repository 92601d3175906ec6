// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The kernel's interface for guest_memfd, under names of our own: the C library's kernel
 * headers may be older than the kernel.
 */
#define CAP_GUEST_MEMFD_FLAGS 244
#define MEM_GUEST_MEMFD (1U << 2)
#define GUEST_MEMFD_MMAP (1ULL << 0)
#define GUEST_MEMFD_INIT_SHARED (1ULL << 1)

struct memory_region2 {
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
	uint32_t guest_memfd, pad1;
	uint64_t pad2[14];
};

struct guest_memfd_request {
	uint64_t size, flags, reserved[6];
};

#define SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct memory_region2)
#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct guest_memfd_request)

/* The guest gets its budget of accesses in portions; it halts in between. */
#define PORTION (1U << 30)
/* Where Intel's KVM keeps a task state segment and an identity map: above all memslots. */
#define TSS_ADDR 0xfffbd000ULL
#define IDENTITY_MAP_ADDR 0xfffbc000ULL

struct vcpu {
	struct rs_guest *vm;
	uint32_t index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	uint32_t *budget;
	uint64_t portions, mmio, unmapped;
	int failure; /* errno of KVM_RUN, or an exit reason that nobody expects, negated */
};

struct rs_guest {
	int kvm, fd;
	size_t run_size;
	const unsigned char *memory;
	const unsigned char *file; /* the guest_memfd's mapping */
	int file_fd;
	unsigned char *code; /* slot 0 */
	uint64_t code_bytes;
	struct vcpu *vcpus;
	uint32_t nr_vcpus;
	atomic_bool quit, failed;
};

/* It only has to interrupt KVM_RUN: quit and immediate_exit say why. */
static void on_kick(int sig)
{
	(void)sig;
}

static int kick_signal(void)
{
	return SIGRTMIN;
}

static int set_file_slot(struct rs_guest *vm, const struct rs_workload_slot *slot, uint64_t gfn,
			 bool present)
{
	struct memory_region2 region = {
		.slot = slot->id,
		.flags = MEM_GUEST_MEMFD,
		.guest_phys_addr = gfn * RS_PAGE_SIZE,
		.memory_size = present ? slot->npages * RS_PAGE_SIZE : 0,
		.userspace_addr = (uintptr_t)vm->file + slot->host_page * RS_PAGE_SIZE,
		.guest_memfd_offset = slot->host_page * RS_PAGE_SIZE,
		.guest_memfd = (uint32_t)vm->file_fd,
	};

	return ioctl(vm->fd, SET_USER_MEMORY_REGION2, &region) ? -errno : 0;
}

int rs_guest_set_slot(struct rs_guest *vm, const struct rs_workload_slot *slot, uint64_t gfn,
		      uint32_t flags, bool present)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->id,
		.flags = flags & RS_VM_SLOT_LOG_DIRTY ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = gfn * RS_PAGE_SIZE,
		.memory_size = present ? slot->npages * RS_PAGE_SIZE : 0,
		.userspace_addr = (uintptr_t)vm->memory + slot->host_page * RS_PAGE_SIZE,
	};

	if (slot->guest_memfd)
		return set_file_slot(vm, slot, gfn, present);
	if (!slot->id)
		region.userspace_addr = (uintptr_t)vm->code;
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static int open_kvm(struct rs_guest *vm, struct rs_error *err)
{
	int size;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return rs_error_set(err, RS_ERR_HOST, errno,
				    "cannot open /dev/kvm: %s; load the module kvm_amd or "
				    "kvm_intel, and be root or in the group kvm",
				    strerror(errno));
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return rs_error_set(err, RS_ERR_HOST, EPROTO, "/dev/kvm is of another API version");
	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return rs_error_set(err, RS_ERR_HOST, EPROTO, "KVM has no memory for vCPUs");
	vm->run_size = (size_t)size;
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return rs_error_set(err, RS_ERR_HOST, errno, "KVM creates no VM: %s",
				    strerror(errno));
	return 0;
}

/* All of it is shared from the start, so the guest needs not be a confidential one. */
static int open_file(struct rs_guest *vm, const struct rs_workload_options *opts,
		     struct rs_workload_memory *file, struct rs_error *err)
{
	const uint64_t flags = GUEST_MEMFD_MMAP | GUEST_MEMFD_INIT_SHARED;
	struct guest_memfd_request request = { .size = opts->pages * RS_PAGE_SIZE, .flags = flags };
	int known = ioctl(vm->fd, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_FLAGS), ret;

	if (known < 0 || ((uint64_t)known & flags) != flags)
		return rs_error_set(err, RS_ERR_HOST, EOPNOTSUPP,
				    "KVM has no guest_memfd for ordinary VMs here (with the flags "
				    "MMAP and INIT_SHARED: Linux 6.18 and later)");
	vm->file_fd = ioctl(vm->fd, CREATE_GUEST_MEMFD, &request);
	if (vm->file_fd < 0)
		return rs_error_set(err, RS_ERR_HOST, errno,
				    "KVM creates no guest_memfd of %llu pages: %s",
				    (unsigned long long)opts->pages, strerror(errno));
	ret = rs_workload_memory_map_file(file, vm->file_fd, opts->pages);
	if (ret)
		return rs_error_set(err, RS_ERR_HOST, -ret, "the guest_memfd cannot be mapped: %s",
				    strerror(-ret));
	vm->file = file->base;
	return 0;
}

static int prepare_code(struct rs_guest *vm, const struct rs_workload_options *opts,
			const struct rs_workload_plan *plan, struct rs_error *err)
{
	const void *code;
	size_t size = rs_workload_guest_code(&code);
	uint64_t table = rs_workload_table_gfn(opts) - RS_WORKLOAD_CODE_GFN;

	if (!size)
		return rs_error_set(err, RS_ERR_HOST, ENOSYS, "the workload's guest is x86 only");
	vm->code_bytes = plan->slots[0].npages * RS_PAGE_SIZE;
	vm->code = mmap(NULL, vm->code_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (vm->code == MAP_FAILED) {
		vm->code = NULL;
		return rs_error_nomem(err);
	}
	memcpy(vm->code, code, size);
	rs_workload_plan_table(plan, (uint32_t *)(vm->code + table * RS_PAGE_SIZE));
	return 0;
}

static int create_slots(struct rs_guest *vm, const struct rs_workload_plan *plan,
			struct rs_error *err)
{
	/* Only Intel needs these, and only old ones; where they are refused they are not needed. */
	uint64_t identity = IDENTITY_MAP_ADDR;

	ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR);
	for (uint32_t i = 0; i < plan->nr_slots; i++) {
		int ret = rs_guest_set_slot(vm, &plan->slots[i], plan->slots[i].gfn, 0, true);

		if (ret)
			return rs_error_set(err, RS_ERR_HOST, -ret,
					    "KVM refuses memslot %u of %u: %s", i, plan->nr_slots,
					    strerror(-ret));
	}
	return 0;
}

/* Protected mode, flat segments, no paging. */
static int set_mode(const struct vcpu *vcpu)
{
	struct kvm_segment flat = {
		.limit = 0xffffffff,
		.selector = 16,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	sregs.cs = flat;
	sregs.cs.selector = 8;
	sregs.cs.type = 11;
	sregs.cr0 |= 1;
	return ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) ? -errno : 0;
}

static int set_registers(const struct vcpu *vcpu, const struct rs_workload_options *opts,
			 const struct rs_workload_plan *plan, uint32_t vm_index)
{
	uint64_t share = opts->write_percent * (1ULL << 32) / 100;
	struct kvm_regs regs = {
		.rip = RS_WORKLOAD_CODE_GFN * RS_PAGE_SIZE,
		.rflags = 2,
		.rbx = rs_workload_table_gfn(opts) * RS_PAGE_SIZE,
		.rcx = plan->nr_touched,
		.rdi = rs_workload_seed(opts->seed, vm_index, vcpu->index),
		.rbp = share > UINT32_MAX ? UINT32_MAX : share,
		.rsi = (RS_WORKLOAD_CONTROL_GFN + vcpu->index) * RS_PAGE_SIZE,
	};

	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) ? -errno : 0;
}

static int create_vcpu(struct rs_guest *vm, struct vcpu *vcpu,
		       const struct rs_workload_options *opts, const struct rs_workload_plan *plan,
		       uint32_t vm_index)
{
	uint64_t control = RS_WORKLOAD_CONTROL_GFN - RS_WORKLOAD_CODE_GFN + vcpu->index;
	int ret;

	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, vcpu->index);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return -errno;
	}
	vcpu->budget = (uint32_t *)(vm->code + control * RS_PAGE_SIZE);
	*vcpu->budget = PORTION;
	ret = set_mode(vcpu);
	return ret ? ret : set_registers(vcpu, opts, plan, vm_index);
}

static int create_vcpus(struct rs_guest *vm, const struct rs_workload_options *opts,
			const struct rs_workload_plan *plan, uint32_t vm_index,
			struct rs_error *err)
{
	vm->vcpus = calloc(opts->vcpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "no memory for %u vCPUs",
				    opts->vcpus);
	for (; vm->nr_vcpus < opts->vcpus; vm->nr_vcpus++) {
		struct vcpu *vcpu = &vm->vcpus[vm->nr_vcpus];
		int ret;

		*vcpu = (struct vcpu){ .vm = vm, .index = vm->nr_vcpus, .fd = -1 };
		ret = create_vcpu(vm, vcpu, opts, plan, vm_index);
		if (ret) {
			vm->nr_vcpus++;
			return rs_error_set(err, RS_ERR_HOST, -ret, "KVM refuses vCPU %u: %s",
					    vcpu->index, strerror(-ret));
		}
	}
	return 0;
}

struct rs_guest *rs_guest_create(const struct rs_workload_options *opts,
				 const struct rs_workload_plan *plan,
				 const struct rs_workload_memory *mem,
				 struct rs_workload_memory *file, uint32_t index,
				 struct rs_error *err)
{
	struct rs_guest *vm = calloc(1, sizeof(*vm));
	int ret;

	if (!vm) {
		rs_error_nomem(err);
		return NULL;
	}
	vm->kvm = vm->fd = vm->file_fd = -1;
	vm->memory = mem->base;
	ret = open_kvm(vm, err);
	if (!ret && opts->backing != RS_WORKLOAD_ANONYMOUS)
		ret = open_file(vm, opts, file, err);
	if (!ret)
		ret = prepare_code(vm, opts, plan, err);
	if (!ret)
		ret = create_slots(vm, plan, err);
	if (!ret)
		ret = create_vcpus(vm, opts, plan, index, err);
	if (!ret)
		return vm;
	rs_guest_destroy(vm);
	errno = -ret;
	return NULL;
}

void rs_guest_destroy(struct rs_guest *vm)
{
	if (!vm)
		return;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i].run)
			munmap(vm->vcpus[i].run, vm->run_size);
		if (vm->vcpus[i].fd >= 0)
			close(vm->vcpus[i].fd);
	}
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
	if (vm->code)
		munmap(vm->code, vm->code_bytes);
	free(vm->vcpus);
	free(vm);
}

static int handle_exit(struct vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_HLT:
		vcpu->portions++;
		*vcpu->budget = PORTION;
		return 0;
	case KVM_EXIT_MMIO:
		/* No memslot there just now: reads give 0, as from nothing. */
		memset(vcpu->run->mmio.data, 0, sizeof(vcpu->run->mmio.data));
		vcpu->mmio++;
		return 0;
	case KVM_EXIT_INTR:
		return 0;
	}
	return -(int)vcpu->run->exit_reason - 1000;
}

static int run_once(struct vcpu *vcpu)
{
	if (!ioctl(vcpu->fd, KVM_RUN, 0))
		return handle_exit(vcpu);
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	if (errno == EFAULT) {
		/* The memory was read-only just then: the same instruction again. */
		vcpu->unmapped++;
		return 0;
	}
	return -errno;
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!atomic_load(&vcpu->vm->quit)) {
		vcpu->failure = run_once(vcpu);
		if (!vcpu->failure)
			continue;
		atomic_store(&vcpu->vm->failed, true);
		break;
	}
	return NULL;
}

int rs_guest_start(struct rs_guest *vm, struct rs_error *err)
{
	struct sigaction sa = { .sa_handler = on_kick };

	sigaction(kick_signal(), &sa, NULL);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];
		int ret = pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);

		if (ret) {
			rs_guest_stop(vm, NULL);
			return rs_error_set(err, RS_ERR_SYSTEM, ret, "no thread for vCPU %u: %s", i,
					    strerror(ret));
		}
		vcpu->started = true;
	}
	return 0;
}

bool rs_guest_failed(const struct rs_guest *vm)
{
	return atomic_load(&vm->failed);
}

static int report_failure(const struct vcpu *vcpu, struct rs_error *err)
{
	if (vcpu->failure <= -1000)
		return rs_error_set(err, RS_ERR_HOST, EIO,
				    "vCPU %u ended with exit reason %d of KVM", vcpu->index,
				    -vcpu->failure - 1000);
	return rs_error_set(err, RS_ERR_HOST, -vcpu->failure, "vCPU %u does not run: %s",
			    vcpu->index, strerror(-vcpu->failure));
}

int rs_guest_stop(struct rs_guest *vm, struct rs_error *err)
{
	int ret = 0;

	atomic_store(&vm->quit, true);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->started)
			continue;
		/* The flag serves a vCPU that is just about to enter the guest. */
		__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(vcpu->thread, kick_signal());
		pthread_join(vcpu->thread, NULL);
		vcpu->started = false;
		if (vcpu->failure && !ret)
			ret = report_failure(vcpu, err);
	}
	return ret;
}

static void add_stat(int fd, const char *name, uint64_t *sum)
{
	uint64_t value;

	if (*sum == UINT64_MAX)
		return;
	if (rs_workload_stat_read(fd, name, &value))
		*sum = UINT64_MAX;
	else
		*sum += value;
}

static void add_stats(const struct vcpu *vcpu, struct rs_workload_stats *stats)
{
	int fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, 0);

	/* Without it every counter is unknown: reading fails. */
#define ADD_STAT(name) add_stat(fd, #name, &stats->name);
	RS_WORKLOAD_STATS(ADD_STAT)
#undef ADD_STAT
	if (fd >= 0)
		close(fd);
}

void rs_guest_collect(struct rs_guest *vm, struct rs_workload_result *result)
{
	result->memory_hva = (uintptr_t)vm->memory;
	result->guest_memfd_hva = (uintptr_t)vm->file;
	result->code_hva = (uintptr_t)vm->code;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *vcpu = &vm->vcpus[i];

		result->accesses += vcpu->portions * PORTION + (PORTION - *vcpu->budget);
		result->mmio += vcpu->mmio;
		result->unmapped += vcpu->unmapped;
		add_stats(vcpu, &result->stats);
	}
}
