/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_RETRY_ALGOS_H
#define RS_TRACES_DAT_RETRY_ALGOS_H

/*
 * What a KVM that scripts/lab --kvm-algo builds can be told to have, by the model's names: its
 * module and the import of its captures know the same ones.
 */
#define RS_RETRY_ALGOS(X)         \
	X(GLOBAL, "global")       \
	X(HVA, "hva")             \
	X(GFN, "gfn")             \
	X(GFN_SPLIT, "gfn-split") \
	X(HFN_RECENT, "hfn-recent:2.1.8")

#endif
