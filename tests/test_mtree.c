// SPDX-License-Identifier: GPL-2.0-only
/* What QEMU prints of a machine's memory becomes the memslots that it makes of it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/trace_file.h"

/* "as:gfn+npages@page" of each memslot, r behind it if it is read-only; a RAM block a GiB apart. */
static void assert_memslots(const char *text, const char *want)
{
	struct test_trace t;
	char got[2048] = "";

	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, "");
	assert_int_equal(t.form, RS_FORM_MTREE);
	for (size_t i = 0; i < t.nr; i++) {
		const struct rs_event *ev = &t.evs[i];
		const size_t len = strlen(got);

		assert_int_equal(ev->type, RS_EV_MEMSLOT);
		assert_int_equal(ev->vm, 1);
		snprintf(got + len, sizeof(got) - len, "%s%d:%" PRIx64 "+%" PRIx64 "@%" PRIx64 "%s",
			 len ? " " : "", ev->as, ev->memslot.gfn, ev->memslot.npages,
			 (ev->memslot.hva - 0x100000000000) >> RS_PAGE_SHIFT,
			 ev->memslot.flags ? "r" : "");
	}
	assert_string_equal(got, want);
	test_trace_free(&t);
}

static void assert_refused(const char *text, const char *message)
{
	struct test_trace t;

	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, message);
	test_trace_free(&t);
}

#define MEMORY "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
#define LOW "  0000000000000000-000000000009ffff (prio 0, ram): pc.ram\n"
#define HIGH "  0000000000100000-00000000001fffff (prio 0, ram): pc.ram @0000000000100000\n"

static void test_types(void **state)
{
	(void)state;
	assert_memslots(
		MEMORY LOW
		"  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem\n"
		"  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom\n"
		"  00000000000e0000-00000000000fffff (prio 0, romd): flash @0000000000020000\n" HIGH
		"  00000000e0000000-00000000e0000fff (prio 0, ramd): 0000:3b:00.0 BAR 1 mmaps[0]\n"
		"  00000000f0000000-00000000f0000fff (prio 0, nv-ram): nvdimm\n"
		"  00000000f0001000-00000000f0001fff (prio 0, nv-rom): nvdimm @0000000000001000\n"
		"  00000000f0002000-00000000f0002fff (prio 0, ram): off [disabled]\n"
		"  00000000f0003000-00000000f0003fff (prio 0, container): none\n",
		"0:0+a0@0 0:c0+20@40000r 0:e0+20@80020r 0:100+100@100 "
		"0:e0000+1@c0000 0:f0000+1@100000 0:f0001+1@100001r");
}

/* The window and the frame buffer are the same host pages; of another device they are not. */
static void test_blocks(void **state)
{
	(void)state;
	assert_memslots(MEMORY "  00000000000a0000-00000000000affff (prio 1, ram): vga.vram\n"
			       "  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram\n",
			"0:a0+10@0 0:fd000+1000@0");
	assert_memslots(MEMORY "  00000000000a0000-00000000000affff (prio 1, ram): vga.vram "
			       "owner:{dev path=/machine/a}\n"
			       "  00000000fc000000-00000000fc00ffff (prio 1, ram): vga.vram "
			       "owner:{dev path=/machine/b}\n"
			       "  00000000fd000000-00000000fd00ffff (prio 1, ram): vga.vram "
			       "@0000000000010000 owner:{dev path=/machine/a}\n",
			"0:a0+10@0 0:fc000+10@40000 0:fd000+10@10");
}

static void test_spaces(void **state)
{
	(void)state;
	assert_memslots(
		"FlatView #0\n AS \"memory\", root: system\n AS \"KVM-SMRAM\", root: x\n" LOW
		"\nFlatView #1\n AS \"I/O\", root: io\n"
		"  0000000000000000-000000000000ffff (prio 0, ram): io\n",
		"0:0+a0@0 1:0+a0@0");
	assert_memslots("FlatView #2\n AS \"cpu-smm-0\", root: memory\n" LOW
			"FlatView #3\n AS \"memory\", root: system\n" HIGH,
			"0:100+100@100 1:0+a0@0");
}

/* KVM gets whole pages of host memory. */
static void test_pages(void **state)
{
	(void)state;
	assert_memslots(MEMORY
			"  0000000000000800-0000000000002fff (prio 0, ram): a @0000000000000800\n"
			"  0000000000003000-00000000000037ff (prio 0, ram): b\n",
			"0:1+2@1");
	assert_refused(
		MEMORY "  0000000000000800-0000000000002fff (prio 0, ram): a\n",
		"FILE:4: the offset does not fit to the address: both are apart from a page");
}

/* What KVM has is marked where QEMU knows it. */
static void test_marks(void **state)
{
	(void)state;
	assert_memslots(
		MEMORY
		"  0000000000000000-0000000000000fff (prio 0, ram): a KVM KVM\n"
		"  0000000000001000-0000000000001fff (prio 0, ramd): b\n"
		"  0000000000002000-0000000000002fff (prio 0, ram): a @0000000000002000 KVM\n",
		"0:0+1@0 0:2+1@2");
	/* Of what has other than whole pages KVM has those, and QEMU looks for all of it. */
	assert_memslots(
		MEMORY "  0000000080000000-0000000080000fff (prio 0, ramd): BAR 0 mmaps[0] KVM\n"
		       "  0000000080001090-0000000080003fff (prio 0, ramd): BAR 0 mmaps[0] "
		       "@0000000000001090\n"
		       "  0000000080004000-00000000800047ff (prio 0, ram): tail @0000000000001000\n"
		       "  0000000080005000-0000000080006fff (prio 0, ram): off\n"
		       "  00000000fed40080-00000000fed40fff (prio 0, ram): tpm-crb-cmd\n",
		"0:80000+1@0 0:80002+2@2");
	/* As it was first proposed, in a mail that breaks lines. */
	assert_memslots(MEMORY
			"> 0000000000000000-0000000000000fff (prio 0, ram): pc.ram kvm\n"
			"> 0000000000001000-0000000000001fff (prio 0, rom): pc.ram\n"
			"> @0000000000001000 kvm\n"
			"> 00000000febc0000-00000000febc0fff (prio 0, ramd): 0000:00:1a.0 BAR 0\n"
			"> mmaps[0] kvm\n"
			"> 00000000febc1000-00000000febc1fff (prio 0, ramd): 0000:00:1a.0\n"
			"> BAR 0 mmaps[0] @0000000000001000\n> KVM\n",
			"0:0+1@0 0:1+1@1r 0:febc0+1@40000 0:febc1+1@40001");
}

#define WANT "0:0+a0@0 0:100+100@100"

/* However it was pasted. */
static void test_pasted(void **state)
{
	(void)state;
	assert_memslots(
		"> (qemu) info mtree -f\r\n> FlatView #0\r\n>  AS \"memory\", root: system\r\n"
		"> 0000000000000000-000000000009ffff (prio 0, ram): pc.ram\r\n"
		">\r\n> > 0000000000100000-00000000001fffff (prio 0, ram): pc.ram\r\n"
		"> > @0000000000100000\r\nbut why?\r\n",
		WANT);
	assert_memslots(
		"| FlatView #0\n| AS \"memory\", root: system\n"
		"| 0000000000000000-000000000009ffff (prio 0,\n| ram): pc.ram\n"
		"| 0000000000100000-00000000001fffff\n| (prio 0, ram): pc.ram @0000000000100000",
		WANT);
	assert_memslots("{\"return\":\"FlatView #0\\r\\n AS \\\"memory\\\", root: system\\r\\n"
			"  0000000000000000-000000000009ffff (prio 0, ram): pc.ram\\r\\n"
			"  0000000000100000-00000000001fffff (prio 0, ram): pc.ram "
			"@0000000000100000\\r\\n\\r\\n\",\"id\":\"libvirt-7\"}\n",
			WANT);
	assert_memslots(
		"(qemu) info mtre\033[K\033[De -f\033[K\r\n" MEMORY LOW HIGH "(qemu) quit\n", WANT);
	/* The tree before it and once more after it, and once more the flat views. */
	assert_memslots(
		"address-space: memory\n"
		"  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n" MEMORY LOW
		"address-space: memory\n  0000000000000000-00000000ffffffff (prio 0, ram): x\n"
		"FlatView #0\n AS \"memory\", root: system\n" LOW HIGH,
		WANT);
}

/* What is left of a paste's begin is enough; that lines are missing is said. */
static void test_cut(void **state)
{
	struct test_trace t;

	(void)state;
	assert_memslots("Root memory region: system\n" LOW HIGH, WANT);
	assert_memslots(" AS \"vfio-pci\", root: bus master container\n"
			" Root memory region: system\n" LOW HIGH
			"\nFlatView #1\n AS \"I/O\", root: io\n" LOW,
			WANT);
	/* What is printed whole behind it counts. */
	assert_memslots("Root memory region: system\n" LOW "\n" MEMORY LOW HIGH, WANT);
	assert_refused(" Root memory region: mem-container-smram\n" LOW,
		       "FILE: no view of the address space \"memory\"");
	test_trace_parse(&t, " Root memory region: system\n" LOW "  ...\n",
			 strlen(" Root memory region: system\n" LOW "  ...\n"));
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.meta.nr_assumptions, 3);
	test_trace_free(&t);
}

static void test_old(void **state)
{
	(void)state;
	assert_memslots("address-space (flat view): memory\n" LOW "address-space (flat view): I/O\n"
			"  0000000000000000-0000000000000fff (prio 0, ram): x\n",
			"0:0+a0@0");
	assert_refused(
		"address-space (flat view): memory\n" LOW
		"  0000000000100000-00000000001fffff (prio 0, ram): pc.ram\n",
		"FILE:3: a region is mapped twice, and this QEMU printed no offsets (2.10 does)");
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused(
		"address-space: memory\n  0000000000000000-ffffffffffffffff (prio 0, i/o): s\n",
		"FILE: the tree of `info mtree`, which does not say what is hidden: the flat "
		"view of `info mtree -f` expected");
	assert_refused("(qemu) info mtree -f\n",
		       "FILE: no flat view: the output of `info mtree -f` expected");
	assert_refused("FlatView #0\n AS \"I/O\", root: io\n" LOW,
		       "FILE: no view of the address space \"memory\"");
	assert_refused(MEMORY, "FILE: no memory in the address space \"memory\"");
	assert_refused(MEMORY "  0000000000000000-0000000000xx (prio 0, ram): a\n",
		       "FILE:4: '(prio N, TYPE): NAME' expected behind the addresses");
	assert_refused(MEMORY "  0000000000001000-0000000000000fff (prio 0, ram): a\n",
		       "FILE:4: addresses START-END in hex expected");
	assert_refused(MEMORY "  0000000000001000-00000000000000001fff (prio 0, ram): a\n",
		       "FILE:4: addresses START-END in hex expected");
	assert_refused(MEMORY "  0000000000000000-0000000000000fff (prio 0, ram): \n",
		       "FILE:4: a region's name and '@' with its offset in hex expected");
	assert_refused(MEMORY "  0000000000000000-0000000000000fff (prio 0, ram): a @12z\n",
		       "FILE:4: a region's name and '@' with its offset in hex expected");
	assert_refused(MEMORY "  0000000000000000-ffffffffffffffff (prio 0, ram): a\n",
		       "FILE:4: memory up to the last address: no memslot has that");
	assert_refused(MEMORY LOW LOW,
		       "FILE:5: a range must begin where the one before it ends, or later: a flat "
		       "view has no overlaps");
	assert_refused("FlatView #x\n", "FILE:1: a view's number expected behind 'FlatView #'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_spaces),	cmocka_unit_test(test_pages),
		cmocka_unit_test(test_marks),	cmocka_unit_test(test_pasted),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_old),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
