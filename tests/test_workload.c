// SPDX-License-Identifier: GPL-2.0-only
/* The workload but for KVM itself: options, plan, guest code, invalidations, statistics. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/skip.h"
#include "capture/workload/workload_internal.h"

static void make_plan(const struct rs_workload_options *opts, struct rs_workload_plan *plan)
{
	struct rs_error err = { 0 };

	if (rs_workload_plan_make(opts, plan, &err))
		fail_msg("no plan: %s", err.text);
}

static void refuse(const struct rs_workload_options *opts, const char *text)
{
	struct rs_workload_plan plan;
	struct rs_error err = { 0 };

	assert_int_equal(rs_workload_plan_make(opts, &plan, &err), -EINVAL);
	assert_int_equal(err.kind, RS_ERR_USAGE);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in '%s'", text, err.text);
}

/* KVM's own rules: page ranges below 4 GiB, no overlap in guest frames, ids unique and small. */
static void check_plan(const struct rs_workload_options *opts, const struct rs_workload_plan *plan)
{
	assert_true(plan->nr_slots <= 32764);
	for (uint32_t i = 0; i < plan->nr_slots; i++) {
		const struct rs_workload_slot *s = &plan->slots[i];

		assert_int_equal(s->id, i);
		assert_true(s->npages > 0);
		assert_true(s->gfn > 0 && s->gfn + s->npages <= 0xf0000);
		assert_true(!i || s->host_page + s->npages <= opts->pages);
		/* Churn moves one of the touched slots at a time. */
		assert_true(s->gfn + s->npages <= plan->spare_gfn);
		/* Slots are planned in the order of their frames. */
		if (i)
			assert_true(s->gfn >= s[-1].gfn + s[-1].npages);
	}
	assert_true(plan->spare_gfn + opts->pages <= 0xf0000);
}

static void test_scenarios(void **state)
{
	for (const struct rs_workload_scenario *s = rs_workload_scenarios; s->name; s++) {
		struct rs_workload_options opts;
		struct rs_workload_plan plan;

		rs_workload_defaults(&opts);
		assert_ptr_equal(rs_workload_scenario_find(s->name), s);
		s->apply(&opts);
		make_plan(&opts, &plan);
		check_plan(&opts, &plan);
		rs_workload_plan_free(&plan);
	}
	assert_null(rs_workload_scenario_find("alias"));
}

static void test_plan_alias3(void **state)
{
	struct rs_workload_options opts;
	struct rs_workload_plan plan;

	rs_workload_defaults(&opts);
	make_plan(&opts, &plan);
	assert_int_equal(plan.nr_slots, 5);
	assert_int_equal(plan.nr_touched, 4 * 1024);
	for (uint32_t i = 1; i < 5; i++) {
		assert_int_equal(plan.slots[i].gfn, 0x1000 + (i - 1) * 0x10000);
		assert_int_equal(plan.slots[i].npages, 1024);
		assert_int_equal(plan.slots[i].host_page, 0);
	}
	/* Code, 2 control pages, 4 pages of table: 16 KiB for 4,096 addresses. */
	assert_int_equal(plan.slots[0].gfn, 1);
	assert_int_equal(plan.slots[0].npages, 1 + 2 + 4);
	rs_workload_plan_free(&plan);
	assert_null(plan.slots);
}

/* 10 pages in 3 memslots: 3, 3 and 4 of them, side by side, and again for the alias. */
static void test_plan_memslots(void **state)
{
	static const uint64_t npages[] = { 3, 3, 4 }, host_page[] = { 0, 3, 6 };
	struct rs_workload_options opts;
	struct rs_workload_plan plan;

	rs_workload_defaults(&opts);
	opts.pages = 10;
	opts.range_max = 4;
	opts.aliases = 1;
	opts.memslots = 3;
	make_plan(&opts, &plan);
	check_plan(&opts, &plan);
	assert_int_equal(plan.nr_slots, 7);
	for (uint32_t i = 0; i < 6; i++) {
		const struct rs_workload_slot *s = &plan.slots[1 + i];

		assert_int_equal(s->npages, npages[i % 3]);
		assert_int_equal(s->host_page, host_page[i % 3]);
		assert_int_equal(s->gfn, 0x1000 + (i / 3) * 0x10000 + host_page[i % 3]);
	}
	rs_workload_plan_free(&plan);
}

/* Neighbours in the file are in different areas; each page is in one memslot. */
static void test_plan_guest_memfd(void **state)
{
	static const uint64_t host_page[] = { 0, 4, 8, 2, 6, 10 };
	struct rs_workload_options opts;
	struct rs_workload_plan plan;

	rs_workload_defaults(&opts);
	opts.backing = RS_WORKLOAD_GUEST_MEMFD;
	opts.pages = 12;
	opts.range_max = 4;
	opts.aliases = 1;
	opts.memslots = 3;
	make_plan(&opts, &plan);
	check_plan(&opts, &plan);
	assert_int_equal(plan.nr_slots, 7);
	assert_false(plan.slots[0].guest_memfd);
	for (uint32_t i = 0; i < 6; i++) {
		const struct rs_workload_slot *s = &plan.slots[1 + i];

		assert_true(s->guest_memfd);
		assert_int_equal(s->npages, 2);
		assert_int_equal(s->host_page, host_page[i]);
		assert_int_equal(s->gfn, 0x1000 + (i / 3) * 0x10000 + host_page[i]);
	}
	assert_int_equal(plan.nr_touched, 12);
	rs_workload_plan_free(&plan);

	/* Both: the anonymous ones as always, behind them the file's. */
	opts.backing = RS_WORKLOAD_MIXED;
	make_plan(&opts, &plan);
	check_plan(&opts, &plan);
	assert_int_equal(plan.nr_slots, 13);
	assert_int_equal(plan.nr_touched, 36);
	for (uint32_t i = 1; i < 13; i++)
		assert_int_equal(plan.slots[i].guest_memfd, i > 6);
	assert_int_equal(plan.slots[7].gfn, 0x1000 + 2 * 0x10000);
	rs_workload_plan_free(&plan);
}

static void test_plan_partial(void **state)
{
	struct rs_workload_options opts;
	struct rs_workload_plan plan;

	rs_workload_defaults(&opts);
	opts.aliases = 0;
	opts.partial = 2;
	opts.pages = 1200;
	make_plan(&opts, &plan);
	check_plan(&opts, &plan);
	assert_int_equal(plan.nr_slots, 4);
	/* A half from a third of the other half on, a third from two thirds of the rest on. */
	assert_int_equal(plan.slots[2].npages, 600);
	assert_int_equal(plan.slots[2].host_page, 200);
	assert_int_equal(plan.slots[3].npages, 400);
	assert_int_equal(plan.slots[3].host_page, 533);
	rs_workload_plan_free(&plan);

	opts.thp = RS_THP_ON;
	opts.pages = 4096;
	make_plan(&opts, &plan);
	for (uint32_t i = 1; i < plan.nr_slots; i++)
		assert_int_equal((plan.slots[i].gfn ^ plan.slots[i].host_page) % 512, 0);
	rs_workload_plan_free(&plan);
}

static void test_plan_refused(void **state)
{
	struct rs_workload_options good, opts;
	struct rs_workload_plan plan;

	rs_workload_defaults(&good);
#define REFUSE(field, value, text)   \
	do {                         \
		opts = good;         \
		opts.field = value;  \
		refuse(&opts, text); \
	} while (0)
	REFUSE(vms, 0, "the number of VMs is 0, not in 1 to 64");
	REFUSE(vcpus, 0, "vCPUs");
	REFUSE(vcpus, 257, "vCPUs");
	REFUSE(pages, 0, "pages");
	REFUSE(pages, UINT64_MAX, "pages");
	REFUSE(pages, 63, "the largest range is 64, not in 1 to 63");
	REFUSE(memslots, 0, "memslots");
	REFUSE(memslots, 1025, "1024 pages cannot be cut into 1025 memslots");
	REFUSE(range_min, 0, "smallest range");
	REFUSE(range_min, 65, "smallest range is 65, not in 1 to 64");
	REFUSE(write_percent, 101, "writes");
	REFUSE(ops, 0, "without an operation");
	REFUSE(alias_distance_pages, 0, "distance");
	REFUSE(alias_distance_pages, 1023, "overlap");
	REFUSE(aliases, 15, "do not fit below 4 GiB");
	REFUSE(alias_distance_pages, UINT64_MAX, "distance");
	REFUSE(partial, 1025, "partial");
	opts = good;
	opts.churn_rate = 1;
	opts.churn_ops = 0;
	refuse(&opts, "without an operation");
	REFUSE(ops, 1U << RS_WORKLOAD_PUNCH, "guest_memfd only");
	opts = good;
	opts.ops = RS_WORKLOAD_ALL_OPS;
	make_plan(&opts, &plan);
	rs_workload_plan_free(&plan);
	opts = good;
	opts.backing = RS_WORKLOAD_GUEST_MEMFD;
	opts.thp = RS_THP_ON;
	refuse(&opts, "no huge pages");
	opts.thp = RS_THP_OFF;
	opts.partial = 1;
	refuse(&opts, "in one memslot only");
	opts.partial = 0;
	opts.memslots = 257;
	refuse(&opts, "1024 pages of a guest_memfd cannot be dealt out to 1028 memslots");
	opts.memslots = 1;
	opts.churn_rate = 1;
	opts.churn_ops = 1U << RS_CHURN_DELETE | 1U << RS_CHURN_MOVE;
	refuse(&opts, "deleted, not changed");
	opts.backing = RS_WORKLOAD_MIXED;
	refuse(&opts, "deleted, not changed");
	opts.churn_ops = 1U << RS_CHURN_DELETE;
	make_plan(&opts, &plan);
	rs_workload_plan_free(&plan);
	opts = good;
	opts.pages = 32764;
	opts.memslots = 32764;
	opts.aliases = 0;
	refuse(&opts, "KVM has 32764");
	/* A memslot that is moved away has a place of its own behind all others. */
	opts.memslots = 1;
	opts.pages = 489472;
	make_plan(&opts, &plan);
	assert_int_equal(plan.slots[1].gfn + plan.slots[1].npages, plan.spare_gfn);
	rs_workload_plan_free(&plan);
	opts.pages++;
	refuse(&opts, "do not fit below 4 GiB");
#undef REFUSE
}

static void test_plan_table(void **state)
{
	struct rs_workload_options opts;
	struct rs_workload_plan plan;
	uint32_t *table;

	rs_workload_defaults(&opts);
	opts.pages = 64;
	make_plan(&opts, &plan);
	table = calloc(plan.nr_touched, sizeof(*table));
	assert_non_null(table);
	rs_workload_plan_table(&plan, table);
	assert_int_equal(table[0], 0x1000000);
	assert_int_equal(table[63], 0x103f000);
	assert_int_equal(table[64], 0x11000000);
	assert_int_equal(table[255], 0x3103f000);
	free(table);
	rs_workload_plan_free(&plan);
}

static void test_op_names(void **state)
{
	const char *text = NULL;

	assert_string_equal(rs_workload_op_name(RS_WORKLOAD_REMAP, &text), "remap");
	assert_string_equal(text, "mmap() of new memory over it");
	assert_string_equal(rs_churn_op_name(RS_CHURN_MOVE, NULL), "move");
	assert_null(rs_workload_op_name(RS_NR_WORKLOAD_OPS, NULL));
	assert_null(rs_churn_op_name(RS_NR_CHURN_OPS, NULL));
}

static sigjmp_buf halted;

static void on_halt(int sig)
{
	siglongjmp(halted, sig);
}

/* Runs the guest's code in this process until its hlt, which only a kernel may execute. */
static void run_natively(const void *code, uint32_t *table, uint32_t entries, uint32_t random,
			 uint32_t writes, uint32_t *budget)
{
	struct sigaction sa = { .sa_handler = on_halt }, old;

	sigaction(SIGSEGV, &sa, &old);
	if (!sigsetjmp(halted, 1)) {
		asm volatile("push %%rbp\n\t"
			     "mov %[writes], %%ebp\n\t"
			     "call *%[code]\n\t"
			     "pop %%rbp"
			     : "+D"(random)
			     : "b"(table), "c"(entries),
			       "S"(budget), [code] "r"(code), [writes] "r"(writes)
			     : "rax", "rdx", "memory", "cc");
		fail_msg("the guest's code returned");
	}
	sigaction(SIGSEGV, &old, NULL);
}

#define GUEST_PAGES 16
#define GUEST_ACCESSES 1000

/* What the code should write to each page: the random number of the last write there. */
static void expect_pages(uint32_t random, uint32_t writes, uint32_t *pages)
{
	for (int i = 0; i < GUEST_ACCESSES; i++) {
		uint32_t r = rs_workload_random(&random);

		if ((r >> 16 | r << 16) < writes)
			pages[(uint64_t)r * GUEST_PAGES >> 32] = r;
	}
}

static void check_guest(unsigned char *low, uint32_t writes)
{
	const void *code;
	size_t size = rs_workload_guest_code(&code);
	uint32_t *budget = (uint32_t *)(low + 4096), *table = budget + 1;
	uint32_t expected[GUEST_PAGES] = { 0 };

	memset(low, 0, (2 + GUEST_PAGES) * 4096);
	memcpy(low, code, size);
	*budget = GUEST_ACCESSES;
	for (int i = 0; i < GUEST_PAGES; i++)
		table[i] = (uint32_t)(uintptr_t)low + (2 + i) * 4096;
	run_natively(low, table, GUEST_PAGES, 12345, writes, budget);
	assert_int_equal(*budget, 0);
	expect_pages(12345, writes, expected);
	for (int i = 0; i < GUEST_PAGES; i++)
		assert_int_equal(*(uint32_t *)(uintptr_t)table[i], expected[i]);
}

static void test_guest_code(void **state)
{
#ifdef __x86_64__
	size_t size = (2 + GUEST_PAGES) * 4096;
	unsigned char *low = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		test_skip("no memory that may be run is to be had below 4 GiB");
	check_guest(low, 0);
	check_guest(low, UINT32_MAX / 2);
	check_guest(low, UINT32_MAX);
	munmap(low, size);
#else
	test_skip("the guest's code is for x86-64");
#endif
}

static void test_seeds(void **state)
{
	for (uint32_t vm = 0; vm < 3; vm++)
		for (uint32_t i = 0; i < 100; i++) {
			assert_int_not_equal(rs_workload_seed(1, vm, i), 0);
			assert_int_not_equal(rs_workload_seed(1, vm, i),
					     rs_workload_seed(1, vm, i + 1));
			assert_int_not_equal(rs_workload_seed(1, vm, i),
					     rs_workload_seed(1, vm + 1, i));
		}
	/* The same on every machine. */
	assert_int_equal(rs_workload_seed(0, 0, 0), 1);
}

static void test_choose(void **state)
{
	struct rs_workload_options opts;
	uint32_t random = 7, ops = 0;
	bool shortest = false, longest = false, first = false, last = false;

	rs_workload_defaults(&opts);
	opts.pages = 10;
	opts.range_min = 2;
	opts.range_max = 10;
	opts.ops = 1 << RS_WORKLOAD_DONTNEED | 1 << RS_WORKLOAD_REMAP | 1 << RS_WORKLOAD_FORK;
	for (int i = 0; i < 2000; i++) {
		struct rs_workload_choice c = rs_workload_choose(&opts, &random);

		assert_true(c.npages >= 2 && c.npages <= 10);
		assert_true(c.first + c.npages <= 10);
		ops |= 1U << c.op;
		shortest |= c.npages == 2;
		longest |= c.npages == 10;
		first |= c.first == 0;
		last |= c.first + c.npages == 10;
	}
	assert_int_equal(ops, opts.ops);
	assert_true(shortest && longest && first && last);
}

/* Holes are punched into the file; all else is done to both, or to the only one there is. */
static void test_choose_memory(void **state)
{
	struct rs_workload_options opts;
	uint32_t random = 7;
	unsigned int seen = 0;

	rs_workload_defaults(&opts);
	opts.backing = RS_WORKLOAD_MIXED;
	opts.ops = 1 << RS_WORKLOAD_DONTNEED | 1 << RS_WORKLOAD_PUNCH;
	for (int i = 0; i < 200; i++) {
		struct rs_workload_choice c = rs_workload_choose(&opts, &random);

		assert_true(c.guest_memfd || c.op == RS_WORKLOAD_DONTNEED);
		seen |= 1U << (2 * (c.op == RS_WORKLOAD_PUNCH) + c.guest_memfd);
	}
	assert_int_equal(seen, 1U << 0 | 1U << 1 | 1U << 3);
	opts.backing = RS_WORKLOAD_GUEST_MEMFD;
	for (int i = 0; i < 50; i++)
		assert_true(rs_workload_choose(&opts, &random).guest_memfd);
	opts.backing = RS_WORKLOAD_ANONYMOUS;
	opts.ops = RS_WORKLOAD_ALL_OPS;
	for (int i = 0; i < 200; i++) {
		struct rs_workload_choice c = rs_workload_choose(&opts, &random);

		assert_true(!c.guest_memfd && c.op != RS_WORKLOAD_PUNCH);
	}
}

static bool is_filled(const struct rs_workload_memory *mem, uint64_t page)
{
	return mem->base[page * 4096] == 0xaa;
}

/* Pages 3 and 4 of 8 are dropped, the others stay. */
static void check_drops(struct rs_workload_memory *mem, enum rs_workload_op op, bool drops)
{
	memset(mem->base, 0xaa, mem->pages * 4096);
	assert_int_equal(rs_workload_invalidate(mem, op, 3, 2), 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(is_filled(mem, i), !drops || i < 3 || i > 4);
	/* It is still there to be written to. */
	memset(mem->base, 0, mem->pages * 4096);
}

static void test_invalidate(void **state)
{
	struct rs_workload_memory mem;

	assert_int_equal(rs_workload_memory_map(&mem, 8, RS_THP_HOST), 0);
	assert_int_equal((uintptr_t)mem.base % (2 << 20), 0);
	check_drops(&mem, RS_WORKLOAD_DONTNEED, true);
	check_drops(&mem, RS_WORKLOAD_REMAP, true);
	check_drops(&mem, RS_WORKLOAD_MPROTECT, false);
	check_drops(&mem, RS_WORKLOAD_PAGEOUT, false);
	check_drops(&mem, RS_WORKLOAD_FORK, false);
	check_drops(&mem, RS_WORKLOAD_POPULATE, false);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_PUNCH, 0, 1), -EINVAL);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_FREE, 0, 8), 0);
	/* No 2 MiB in 8 pages; and what lies outside of the memory is not touched. */
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_COLLAPSE, 0, 8), -EINVAL);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_DONTNEED, 0, 0), -EINVAL);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_DONTNEED, 7, 2), -EINVAL);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_DONTNEED, UINT64_MAX, 2),
			 -EINVAL);
	assert_int_equal(rs_workload_invalidate(&mem, RS_NR_WORKLOAD_OPS, 0, 1), -EINVAL);
	rs_workload_memory_unmap(&mem);
	assert_null(mem.base);
}

/* An ordinary memory file stands for a guest_memfd: only KVM can make one. */
static void test_invalidate_file(void **state)
{
	struct rs_workload_memory mem;
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 * 4096), 0);
	assert_int_equal(rs_workload_memory_map_file(&mem, fd, 8), 0);
	check_drops(&mem, RS_WORKLOAD_PUNCH, true);
	/* What the process has mapped is not what is in the file. */
	check_drops(&mem, RS_WORKLOAD_DONTNEED, false);
	check_drops(&mem, RS_WORKLOAD_REMAP, false);
	check_drops(&mem, RS_WORKLOAD_POPULATE, false);
	check_drops(&mem, RS_WORKLOAD_MPROTECT, false);
	assert_int_equal(rs_workload_invalidate(&mem, RS_WORKLOAD_PUNCH, 7, 2), -EINVAL);
	rs_workload_memory_unmap(&mem);
	assert_null(mem.base);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A statistics file as the kernel describes it: header, descriptors, data. */
struct stats_file {
	struct kvm_stats_header header;
	struct {
		struct kvm_stats_desc desc;
		char name[16];
	} descs[2];
	uint64_t data[3];
};

static int stats_fd(const struct stats_file *file, size_t size)
{
	int fd = memfd_create("stats", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, size), (ssize_t)size);
	return fd;
}

static struct stats_file make_stats(void)
{
	struct stats_file f = {
		.header = { .name_size = 16,
			    .num_desc = 2,
			    .desc_offset = offsetof(struct stats_file, descs),
			    .data_offset = offsetof(struct stats_file, data) },
		.data = { 11, 22, 33 },
	};

	f.descs[0].desc.size = 1;
	strcpy(f.descs[0].name, "pf_taken");
	f.descs[1].desc.size = 2;
	f.descs[1].desc.offset = 8;
	strcpy(f.descs[1].name, "pf_fixed");
	return f;
}

static void check_stat(const struct stats_file *file, size_t size, const char *name, int ret,
		       uint64_t value)
{
	uint64_t got = 0;
	int fd = stats_fd(file, size);

	assert_int_equal(rs_workload_stat_read(fd, name, &got), ret);
	assert_int_equal(got, value);
	close(fd);
}

static void test_stats(void **state)
{
	struct stats_file file = make_stats();
	uint64_t value;

	check_stat(&file, sizeof(file), "pf_taken", 0, 11);
	check_stat(&file, sizeof(file), "pf_fixed", 0, 22 + 33);
	check_stat(&file, sizeof(file), "pf_fast", -ENOENT, 0);
	check_stat(&file, sizeof(file) - 8, "pf_fixed", -EINVAL, 0);
	check_stat(&file, sizeof(file.header) - 1, "pf_taken", -EINVAL, 0);
	check_stat(&file, sizeof(file.header) + 8, "pf_taken", -EINVAL, 0);
	file.header.num_desc = 0;
	check_stat(&file, sizeof(file), "pf_taken", -ENOENT, 0);
	file.header.num_desc = UINT32_MAX;
	check_stat(&file, sizeof(file), "pf_taken", -EINVAL, 0);
	assert_int_equal(rs_workload_stat_read(-1, "pf_taken", &value), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_plan_alias3),
		cmocka_unit_test(test_plan_memslots),
		cmocka_unit_test(test_plan_partial),
		cmocka_unit_test(test_plan_refused),
		cmocka_unit_test(test_plan_table),
		cmocka_unit_test(test_op_names),
		cmocka_unit_test(test_guest_code),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_invalidate),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_plan_guest_memfd),
		cmocka_unit_test(test_choose_memory),
		cmocka_unit_test(test_invalidate_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
