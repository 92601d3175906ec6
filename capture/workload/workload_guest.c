// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload.h"

extern const unsigned char rs_workload_guest_begin[], rs_workload_guest_end[];

#ifdef __x86_64__
/*
 * Only instructions whose bytes mean the same in 32 and 64 bit mode (with addresses below 4 GiB),
 * so that a test can run them in its own process.
 */
asm(".pushsection .rodata\n"
    ".globl rs_workload_guest_begin, rs_workload_guest_end\n"
    ".code32\n"
    "rs_workload_guest_begin:\n"
    "	mov	%edi, %eax\n" /* the next random number, as rs_workload_random() */
    "	shl	$13, %eax\n"
    "	xor	%eax, %edi\n"
    "	mov	%edi, %eax\n"
    "	shr	$17, %eax\n"
    "	xor	%eax, %edi\n"
    "	mov	%edi, %eax\n"
    "	shl	$5, %eax\n"
    "	xor	%eax, %edi\n"
    "	mov	%edi, %eax\n" /* its high bits choose the page */
    "	mul	%ecx\n"
    "	mov	(%ebx, %edx, 4), %edx\n"
    "	mov	%edi, %eax\n" /* its low bits: read or write */
    "	ror	$16, %eax\n"
    "	cmp	%ebp, %eax\n"
    "	jb	1f\n"
    "	mov	(%edx), %eax\n"
    "	jmp	2f\n"
    "1:	mov	%edi, (%edx)\n"
    "2:	decl	(%esi)\n"
    "	jnz	rs_workload_guest_begin\n"
    "	hlt\n"
    "	jmp	rs_workload_guest_begin\n"
    "rs_workload_guest_end:\n"
    ".code64\n"
    ".popsection\n");
#else
/* The guest is x86 only: elsewhere there is nothing to run. */
const unsigned char rs_workload_guest_begin[1], rs_workload_guest_end[1];
#endif

size_t rs_workload_guest_code(const void **code)
{
	*code = rs_workload_guest_begin;
#ifdef __x86_64__
	return (size_t)(rs_workload_guest_end - rs_workload_guest_begin);
#else
	return 0;
#endif
}

/* Spreads all bits of the seed, so that neighbouring seeds and threads differ at once. */
uint32_t rs_workload_seed(uint64_t seed, uint32_t vm, uint32_t index)
{
	uint64_t x = seed ^ (uint64_t)vm << 32 ^ (uint64_t)index << 8;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return (uint32_t)x ? (uint32_t)x : 1;
}
