/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_MTREE_MTREE_H
#define RS_TRACES_MTREE_MTREE_H

#include "traces/trace.h"

/*
 * What QEMU's monitor prints for `info mtree -f`, read as a trace of VM 1 that has memslots
 * and nothing else: those that QEMU makes of it for KVM (accel/kvm/kvm-all.c of QEMU 7.2).
 * They are the regions of types ram, rom, romd and ramd, "nv-" before them or not, as far
 * as they cover whole pages, of the address spaces "memory" (0) and "KVM-SMRAM" (1); of an
 * emulated machine "cpu-smm-0" stands for the latter. Host addresses are made up: a RAM
 * block (a region's name, and its owner if that was printed) has one range of them, and
 * offsets in it are kept, so that what is the same host page is the same address.
 *
 * Before each line may stand what mail puts there ('>', '|', blanks), at its end a carriage
 * return; a JSON string of QMP with its escaped newlines is taken as well, and terminal
 * escapes are passed over. If it was printed several times the last one counts.
 */
extern const struct rs_form_ops rs_mtree_ops;

#endif
