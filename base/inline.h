/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_INLINE_H
#define RS_BASE_INLINE_H

/*
 * For what a function that is called for every event seldom has to do: as a function
 * of its own, which is not inlined, it takes no registers from the rest.
 */
#define RS_SELDOM __attribute__((cold, noinline))

/*
 * For what is a part of a loop over events and has a name of its own: where what it is
 * called with is constant, what depends on that is left out.
 */
#define RS_LOOP_PART static inline __attribute__((always_inline))

#endif
