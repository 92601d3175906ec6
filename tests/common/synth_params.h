/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_SYNTH_PARAMS_H
#define RS_TESTS_SYNTH_PARAMS_H

#include "traces/synth/synth.h"

/* A scenario with "key=value" settings up to NULL; the test fails if one of them is wrong. */
struct rs_synth_params test_synth_params(const char *scenario, const char *const *settings);

#endif
