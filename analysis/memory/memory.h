/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_MEMORY_MEMORY_H
#define RS_ANALYSIS_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "traces/guest/vm.h"

/*
 * What a guest's memory layout alone says of a range of guest frames: how much of it is
 * aliased, and how wide a range becomes that must cover all frames of one host page.
 * Frames are 4 KiB; those of all address spaces count, since KVM's range is one for all.
 */
struct rs_memory {
	uint32_t memslots;
	uint64_t frames; /* each (address space, gfn) once */
	uint64_t pages;	 /* host pages that some memslot maps */
	/* Those of them, and of the frames, whose page is mapped at another gfn as well. */
	uint64_t aliased_pages, aliased_frames;
	/*
	 * The page whose frames are farthest apart, the lowest one of several: the range
	 * [start, end) of gfns that its invalidation makes, and the guest's frames in it. Of
	 * a guest without aliases it is one frame; all 0 without memory.
	 */
	struct rs_range widest;
	uint64_t widest_frames;
	/*
	 * Over all host pages, each as likely as another: the mean length of that range in
	 * gfns, and the mean number of the guest's frames in it.
	 */
	double mean_range, mean_frames;
	/* How many frames are blocked for each one that has to be: mean_frames over those
	 * that a page has in the mean. 0 without memory. */
	double widening;
};

/* Surveys the memslots that @vm has; O(n log n) of them. 0 or -ENOMEM. */
int rs_memory_survey(const struct rs_vm *vm, struct rs_memory *m);

/* One VM of one file, for a table. */
struct rs_memory_row {
	const char *path, *form;
	uint32_t vm;
	struct rs_memory memory;
	/* Its memslots, for JSON: @nr_slots of them, by address space and gfn. */
	const struct rs_memslot *slots;
	size_t nr_slots;
};

/*
 * How a table is written: in words, JSON (retryscope-layout/1) or CSV. 0, -ENOMEM, or
 * -EIO if @f has failed.
 */
int rs_memory_write_text(FILE *f, const struct rs_memory_row *rows, size_t n);
int rs_memory_write_json(FILE *f, const struct rs_memory_row *rows, size_t n, const char *version);
int rs_memory_write_csv(FILE *f, const struct rs_memory_row *rows, size_t n);

#endif
