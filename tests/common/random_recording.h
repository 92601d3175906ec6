/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_RANDOM_RECORDING_H
#define TESTS_RANDOM_RECORDING_H

#include <stddef.h>
#include <stdint.h>

/*
 * A trace.dat of a small simulated kernel: VMs with memslots that come and go, nested
 * notifier calls, faults with look-ups and checks, on several CPUs; and of a recording
 * that may be less than perfect.
 */
enum {
	RECORDING_LOSSES = 0x1,	  /* gaps, with counts and without */
	RECORDING_MISSES = 0x2,	  /* single events are missing, and nothing says so */
	RECORDING_SKEWS = 0x4,	  /* the CPUs' clocks are a little apart */
	RECORDING_COPIES = 0x8,	  /* a second recorder, or a second buffer */
	RECORDING_LATE = 0x10,	  /* it begins when all is going on */
	RECORDING_CUT = 0x20,	  /* and ends so */
	RECORDING_PARTIAL = 0x40, /* without some of the probes */
	RECORDING_BACK = 0x80,	  /* the time of a CPU runs back */
	RECORDING_ODD = 0x100,	  /* numbers that no kernel has, and jumps of the sequence */
	RECORDING_PIECES = 0x200, /* it pauses, now and then without a mark of it */
};

/* Some @steps steps of it; the same for the same @seed. For the caller to free. */
unsigned char *random_recording(uint64_t seed, unsigned int how, unsigned int steps, size_t *size);

#endif
