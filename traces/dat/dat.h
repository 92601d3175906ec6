/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_H
#define RS_TRACES_DAT_DAT_H

#include "traces/trace.h"

/* trace.dat, versions 6 and 7, as trace-cmd writes it: read only. */
extern const struct rs_form_ops rs_trace_dat_ops;

/* Whether @reason (traces/who.h) is one that its events are told for. */
bool rs_dat_is_reason(const char *reason);

#endif
