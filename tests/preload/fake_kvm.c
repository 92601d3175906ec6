// SPDX-License-Identifier: GPL-2.0-only
/*
 * A KVM for a program that has this library preloaded: /dev/kvm opens, VMs and vCPUs
 * are made, memslots are kept as KVM keeps them, and KVM_RUN does what the workload's
 * guest does, access by access, to the memory that the memslots map. FAKE_KVM can
 * name what is refused, "REQUEST:ERRNO", and REQUEST may have "@N" for the N-th time:
 * open, api, mmap_size, vm, slot, vcpu, sregs, set_sregs, regs, run, stats, gmem,
 * gmem_flags (the kernel has none for ordinary VMs); or "exit:N" for an exit reason of the
 * first KVM_RUN.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096ULL
#define RUN_BYTES (2 * PAGE)
#define MAX_SLOTS 32768
#define MAX_VMS 4
/* Accesses of one KVM_RUN, if nothing ends it before. */
#define STEPS 2000

/* The kernel's own, which the C library's headers may lack. */
#define CHECK_GMEM_FLAGS 244
#define GMEM_FLAGS 3
#define SLOT_HAS_GMEM 4U
struct region2 {
	uint32_t slot, flags;
	uint64_t gpa, bytes, hva, offset;
	uint32_t gmem, pad1;
	uint64_t pad2[14];
};
struct create_gmem {
	uint64_t size, flags, reserved[6];
};
#define SET_REGION2 _IOW(KVMIO, 0x49, struct region2)
#define CREATE_GMEM _IOWR(KVMIO, 0xd4, struct create_gmem)

struct slot {
	uint64_t gpa, bytes, hva;
	bool gmem;
	uint64_t offset;
};

struct vm {
	int fd, gmem_fd;
	struct slot slots[MAX_SLOTS];
	unsigned int nr_slots;
};

struct vcpu {
	struct vm *vm;
	int fd;
	struct kvm_run *run;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint64_t runs, faults;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vm vms[MAX_VMS];
static struct vcpu vcpus[512];
static unsigned int nr_vcpus, nr_vms, nr_opened;
static int kvm_fds[MAX_VMS];

static bool refused(const char *request)
{
	static unsigned int times[16], nr;
	static const char *names[16];
	const char *what = getenv("FAKE_KVM");
	size_t len = strlen(request);
	unsigned int i = 0, nth = 1;

	while (i < nr && strcmp(names[i], request))
		i++;
	if (i == nr)
		names[nr++] = request;
	times[i]++;
	if (!what || strncmp(what, request, len) || (what[len] != ':' && what[len] != '@'))
		return false;
	if (what[len] == '@')
		nth = (unsigned int)atoi(what + len + 1);
	errno = atoi(strchr(what, ':') + 1);
	return what[len] == '@' ? times[i] == nth : true;
}

/* The host address of guest memory; 0: none. */
static uint64_t translate(const struct vm *vm, uint64_t gpa)
{
	uint64_t hva = 0;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; !hva && i < vm->nr_slots; i++)
		if (gpa >= vm->slots[i].gpa && gpa - vm->slots[i].gpa < vm->slots[i].bytes)
			hva = vm->slots[i].hva + (gpa - vm->slots[i].gpa);
	pthread_mutex_unlock(&lock);
	return hva;
}

/* As KVM: a page of a guest_memfd is in one memslot, which does not change. */
static int check_gmem(const struct vm *vm, const struct slot *s, const struct region2 *r)
{
	if (s->gmem && r->bytes)
		return EINVAL;
	if (!(r->flags & SLOT_HAS_GMEM) || !r->bytes)
		return 0;
	if ((int)r->gmem != vm->gmem_fd || r->flags != SLOT_HAS_GMEM)
		return EINVAL;
	for (unsigned int i = 0; i < vm->nr_slots; i++)
		if (vm->slots[i].gmem && vm->slots[i].bytes &&
		    vm->slots[i].offset < r->offset + r->bytes &&
		    r->offset < vm->slots[i].offset + vm->slots[i].bytes)
			return EINVAL;
	return 0;
}

/* As KVM: no overlap, no change of size, and what is to be deleted must be there. */
static int set_slot(struct vm *vm, const struct region2 *r)
{
	struct slot *slots = vm->slots, *s = &slots[r->slot & (MAX_SLOTS - 1)];
	int errnum = 0;

	if (refused("slot"))
		return -1;
	pthread_mutex_lock(&lock);
	if ((r->slot & 0xffff) >= MAX_SLOTS || r->gpa % PAGE || r->bytes % PAGE || r->hva % PAGE ||
	    (!r->bytes && !s->bytes) || (r->bytes && s->bytes && r->bytes != s->bytes))
		errnum = EINVAL;
	else
		errnum = check_gmem(vm, s, r);
	for (unsigned int i = 0; !errnum && i < vm->nr_slots; i++)
		if (&slots[i] != s && slots[i].bytes && slots[i].gpa < r->gpa + r->bytes &&
		    r->gpa < slots[i].gpa + slots[i].bytes)
			errnum = EEXIST;
	if (!errnum && s - slots >= vm->nr_slots)
		vm->nr_slots = (unsigned int)(s - slots) + 1;
	if (!errnum)
		*s = (struct slot){ r->gpa, r->bytes, r->hva, r->bytes && r->flags & SLOT_HAS_GMEM,
				    r->offset };
	pthread_mutex_unlock(&lock);
	errno = errnum;
	return errnum ? -1 : 0;
}

/* The program closed what had this number before: it was another thread's VM. */
static void forget(int fd)
{
	for (unsigned int i = 0; i < nr_vcpus; i++)
		if (vcpus[i].fd == fd)
			vcpus[i].fd = -1;
	for (unsigned int i = 0; i < nr_vms; i++)
		if (vms[i].fd == fd)
			vms[i].fd = -1;
	for (unsigned int i = 0; i < nr_opened; i++)
		if (kvm_fds[i] == fd)
			kvm_fds[i] = -1;
}

static int make_file(const char *name, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	forget(fd);
	if (fd >= 0 && ftruncate(fd, (off_t)bytes))
		return -1;
	return fd;
}

static int create_gmem(struct vm *vm, const struct create_gmem *r)
{
	if (refused("gmem"))
		return -1;
	if (r->flags != GMEM_FLAGS || !r->size || r->size % PAGE) {
		errno = EINVAL;
		return -1;
	}
	vm->gmem_fd = make_file("fake-gmem", r->size);
	return vm->gmem_fd;
}

static int create_vm(void)
{
	struct vm *vm = &vms[nr_vms];

	if (refused("vm") || nr_vms == MAX_VMS)
		return -1;
	vm->gmem_fd = -1;
	vm->fd = make_file("fake-vm", 0);
	nr_vms++;
	return vm->fd;
}

static int create_vcpu(struct vm *vm)
{
	struct vcpu *v = &vcpus[nr_vcpus];

	if (refused("vcpu"))
		return -1;
	v->vm = vm;
	v->fd = make_file("fake-vcpu", RUN_BYTES);
	v->run = mmap(NULL, RUN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	nr_vcpus++;
	return v->fd;
}

/* Through the kernel, which says EFAULT where the program would be killed. */
static bool access_memory(uint64_t hva, uint32_t *value, bool write)
{
	struct iovec local = { value, sizeof(*value) }, remote = { (void *)(uintptr_t)hva, 4 };
	ssize_t n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
			  : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n == 4;
}

static uint32_t next_random(uint32_t x)
{
	x ^= x << 13;
	x ^= x >> 17;
	return x ^ x << 5;
}

/* One round of the guest's loop: 0, or -1 with the vCPU's exit or errno set. */
static int step(struct vcpu *v)
{
	uint32_t random = next_random((uint32_t)v->regs.rdi), address, value = random;
	uint64_t entry = v->regs.rbx + ((uint64_t)random * v->regs.rcx >> 32) * 4, hva;
	uint32_t *budget = (uint32_t *)(uintptr_t)translate(v->vm, v->regs.rsi);

	if (!budget || !translate(v->vm, entry)) {
		v->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
		return 1;
	}
	address = *(uint32_t *)(uintptr_t)translate(v->vm, entry);
	hva = translate(v->vm, address);
	v->regs.rdi = random;
	--*budget;
	v->faults++;
	if (!hva) {
		v->run->exit_reason = KVM_EXIT_MMIO;
		v->run->mmio.phys_addr = address;
		memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
		return 1;
	}
	if (!access_memory(hva, &value, (random >> 16 | random << 16) < v->regs.rbp)) {
		errno = EFAULT;
		return -1;
	}
	return 0;
}

static int run(struct vcpu *v)
{
	const char *what = getenv("FAKE_KVM");
	uint32_t *budget = (uint32_t *)(uintptr_t)translate(v->vm, v->regs.rsi);

	if (refused("run"))
		return -1;
	if (!v->runs++ && what && !strncmp(what, "exit:", 5)) {
		v->run->exit_reason = (uint32_t)atoi(what + 5);
		return 0;
	}
	/* One portion is over at once, which would take long otherwise. */
	if (v->runs == 2 && budget) {
		*budget = 0;
		v->run->exit_reason = KVM_EXIT_HLT;
		return 0;
	}
	for (unsigned int i = 0; i < STEPS; i++) {
		int ret;

		if (__atomic_load_n(&v->run->immediate_exit, __ATOMIC_SEQ_CST))
			break;
		ret = step(v);
		if (ret)
			return ret < 0 ? -1 : 0;
	}
	if (v->runs % 2) {
		v->run->exit_reason = KVM_EXIT_INTR;
		return 0;
	}
	errno = EINTR;
	return -1;
}

/* Two counters, as KVM describes them. */
static int stats(const struct vcpu *v)
{
	struct {
		struct kvm_stats_header header;
		struct {
			struct kvm_stats_desc desc;
			char name[16];
		} descs[2];
		uint64_t data[2];
	} file = { .header = { .name_size = 16, .num_desc = 2 }, .data = { v->faults, v->runs } };
	int fd;

	if (refused("stats"))
		return -1;
	fd = make_file("fake-stats", 0);
	file.header.desc_offset = (uint32_t)((char *)&file.descs - (char *)&file);
	file.header.data_offset = (uint32_t)((char *)&file.data - (char *)&file);
	for (int i = 0; i < 2; i++) {
		file.descs[i].desc.size = 1;
		file.descs[i].desc.offset = (uint32_t)(8 * i);
		strcpy(file.descs[i].name, i ? "exits" : "pf_taken");
	}
	if (write(fd, &file, sizeof(file)) != sizeof(file))
		return -1;
	return fd;
}

static int vcpu_ioctl(struct vcpu *v, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_RUN:
		return run(v);
	case KVM_GET_STATS_FD:
		return stats(v);
	case KVM_GET_SREGS:
		memcpy(arg, &v->sregs, sizeof(v->sregs));
		return refused("sregs") ? -1 : 0;
	case KVM_SET_SREGS:
		memcpy(&v->sregs, arg, sizeof(v->sregs));
		return refused("set_sregs") ? -1 : 0;
	case KVM_SET_REGS:
		memcpy(&v->regs, arg, sizeof(v->regs));
		/* Without a mode to run it in the guest does nothing. */
		if (!(v->sregs.cr0 & 1) || !v->sregs.cs.db || v->sregs.ss.limit != UINT32_MAX) {
			errno = EINVAL;
			return -1;
		}
		return refused("regs") ? -1 : 0;
	}
	return 0;
}

static int vm_ioctl(struct vm *vm, unsigned long request, void *arg)
{
	struct region2 r = { 0 };
	int ret;

	switch (request) {
	case KVM_CHECK_EXTENSION:
		return (uintptr_t)arg == CHECK_GMEM_FLAGS && !refused("gmem_flags") ? GMEM_FLAGS
										    : 0;
	case CREATE_GMEM:
		return create_gmem(vm, arg);
	case KVM_CREATE_VCPU:
		pthread_mutex_lock(&lock);
		ret = create_vcpu(vm);
		pthread_mutex_unlock(&lock);
		return ret;
	case KVM_SET_USER_MEMORY_REGION:
		memcpy(&r, arg, sizeof(struct kvm_userspace_memory_region));
		return set_slot(vm, &r);
	case SET_REGION2:
		return set_slot(vm, arg);
	}
	return 0;
}

static int kvm_ioctl(unsigned long request)
{
	int ret;

	switch (request) {
	case KVM_GET_API_VERSION:
		return refused("api") ? 11 : 12;
	case KVM_GET_VCPU_MMAP_SIZE:
		return refused("mmap_size") ? 16 : (int)RUN_BYTES;
	case KVM_CREATE_VM:
		pthread_mutex_lock(&lock);
		ret = create_vm();
		pthread_mutex_unlock(&lock);
		return ret;
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, void *);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	for (unsigned int i = 0; i < nr_vcpus; i++)
		if (vcpus[i].fd == fd)
			return vcpu_ioctl(&vcpus[i], request, arg);
	for (unsigned int i = 0; i < nr_vms; i++)
		if (vms[i].fd == fd)
			return vm_ioctl(&vms[i], request, arg);
	for (unsigned int i = 0; i < nr_opened; i++)
		if (kvm_fds[i] == fd)
			return kvm_ioctl(request);
	if (!next)
		next = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, arg);
}

static int open_any(const char *path, int flags, mode_t mode)
{
	int fd;

	if (strcmp(path, "/dev/kvm"))
		return openat(AT_FDCWD, path, flags, mode);
	if (refused("open"))
		return -1;
	pthread_mutex_lock(&lock);
	fd = nr_opened < MAX_VMS ? make_file("fake-kvm", 0) : -1;
	if (fd >= 0)
		kvm_fds[nr_opened++] = fd;
	pthread_mutex_unlock(&lock);
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_any(path, flags, mode);
}

/* What the program runs is not to have it. */
__attribute__((constructor)) static void only_here(void)
{
	unsetenv("LD_PRELOAD");
}
