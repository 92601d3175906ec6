/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_PUTS_H
#define TESTS_PUTS_H

#include "tests/common/dat.h"
#include "tests/common/trace_file.h"

/* Hand-written probe events in a trace.dat, and the event stream that they must give as text. */

/* struct kvm and its mmu_notifier, of two VMs. */
#define KVM 0xffffc90000100000
#define KVM2 0xffffc90000200000
#define MN(kvm) ((kvm) + 0x40)
#define HVA 0x7f0000000000ULL
#define NO_RANGE 0, 0

/* Tasks: each on the CPU of its number modulo 4. */
enum { MAKER = 100, VCPU0 = 101, VCPU1 = 102, RECLAIM = 103, OTHER = 111 };

struct put {
	uint64_t time;
	unsigned int task, kind;
	uint64_t f[16];
};

/* clang-format off */
#define P(t, task, sym, ...) { t, task, RS_PROBE_##sym, { __VA_ARGS__ } }
#define CREATE(t, kvm, id, gfn, npages, hva) \
	P(t, MAKER, MEMSLOT, kvm, 0, 0, 0, 0, 0, gfn, npages, hva, id, 0, 0)
#define FAULT(t, task, kvm, vcpu, gfn) P(t, task, FAULT, kvm, vcpu, (gfn) << 12, 4)
/* seq, in_progress, range_start, range_end follow. */
#define BEGIN(t, task, kvm, vcpu, gfn, ...) \
	P(t, task, FAULT_BEGIN, kvm, vcpu, gfn, 0, 0, 0, __VA_ARGS__)
#define LOOKED_UP(t, task, ret) P(t, task, FAULT_LOOKED_UP, ret)
#define CHECK(t, task, kvm, vcpu, gfn, fault_seq, ...) \
	P(t, task, FAULT_CHECK, kvm, vcpu, gfn, HVA + ((gfn) << 12), fault_seq, __VA_ARGS__)
#define VERDICT(t, task, ret) P(t, task, FAULT_VERDICT, ret)
#define FAULTED(t, task, ret) P(t, task, FAULT_END, ret)
#define START(t, task, kvm, from, to, ...) P(t, task, INVAL_START, MN(kvm), from, to, 7, __VA_ARGS__)
#define SLOT(t, task, kvm, id, from, to, ...) P(t, task, INVAL_SLOT, kvm, 0, id, from, to, __VA_ARGS__)
#define STARTED(t, task) P(t, task, INVAL_STARTED, 0)
#define END(t, task, kvm, from, to, ...) P(t, task, INVAL_END, MN(kvm), from, to, __VA_ARGS__)
#define LOCKED(t, task, kvm, ...) P(t, task, INVAL_END_LOCKED, kvm, __VA_ARGS__)
#define ENDED(t, task) P(t, task, INVAL_ENDED, 0)

/* The one memslot of most cases. */
#define SLOT0 CREATE(1000, KVM, 0, 0, 0x40, HVA)
#define SLOT0_TEXT "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
/* An invalidation of its frame 1, alone: the walk, whose hit is at @t + 10, and the end. */
#define WALK(t, task, seq) \
	START(t, task, KVM, HVA + 0x1000, HVA + 0x2000, seq, 0, NO_RANGE), \
	SLOT((t) + 10, task, KVM, 0, 1, 2, seq, 1, 1, 2), \
	STARTED((t) + 20, task)
#define LEFT(t, task, seq) \
	END(t, task, KVM, HVA + 0x1000, HVA + 0x2000, seq, 1, 1, 2), \
	LOCKED((t) + 10, task, KVM, seq, 1, 1, 2), \
	ENDED((t) + 20, task)
/* What WALK() is read as; @t is its hit's time. */
#define WALK_TEXT(t, id, seq) \
	#t " 1 inval_begin id=" #id " hva=0x7f0000001000-0x7f0000002000 walk=1\n" \
	"#@ state " #t " 1 seq=" #seq " in_progress=1 start=0x1 end=0x2\n" \
	#t " 1 inval_slot id=" #id " slot=0 gfn=0x1-0x2\n"
/* clang-format on */

#define NR(puts) (sizeof(puts) / sizeof((puts)[0]))
#define GFN_KERNEL "6.12.1"
#define HVA_KERNEL "6.1.1"

/* All of them into the top buffer, each on the CPU of its task. */
void put_all(struct dat *d, const struct put *puts, size_t n);
/* The same, without those of @kind. */
void put_all_but(struct dat *d, const struct put *puts, size_t n, unsigned int kind);
/*
 * Events that say nothing from @from until @to, so many that what was read before is put in
 * order.
 */
void put_nothing(struct dat *d, uint64_t from, uint64_t to);
/* What the file of @d is read as; frees @d. */
void read_back(struct test_trace *t, struct dat *d);
void read_back_with(struct test_trace *t, struct dat *d, const struct rs_reader_opts *opts);
/* The events of @t in the text form, and its level, anomalies and losses: for the caller to free.
 */
char *lines_of(const struct test_trace *t);
/* The same with who did it. */
char *named_lines_of(const struct test_trace *t);
/* The file of @d must be read as these lines; frees @d. */
void expect(struct dat *d, const char *expected);
void expect_puts(const char *release, const struct put *puts, size_t n, const char *expected);
/* How often @t has the anomaly. */
uint64_t count_anomaly(const struct test_trace *t, const char *name);

/* One fault, accepted; one invalidation beside it. */
#define NR_PLAIN 13
extern const struct put plain[NR_PLAIN];
extern const char plain_text[];
/* The parts of @plain_text. */
#define PLAIN_SLOT_TEXT \
	"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
#define PLAIN_FAULT_TEXT                                          \
	"1110 1 fault_begin vcpu=0 gfn=0x110\n"                   \
	"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n" \
	"1130 1 fault_check vcpu=0 result=ok\n"
#define PLAIN_WALK_TEXT                                                      \
	"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n" \
	"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"        \
	"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"

#endif
