// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/synth_params.h"

struct rs_synth_params test_synth_params(const char *scenario, const char *const *settings)
{
	struct rs_synth_params p;
	struct rs_error err = { 0 };
	char key[64];

	rs_synth_defaults(&p);
	assert_int_equal(rs_synth_set(&p, "scenario", scenario, &err), 0);
	for (; *settings; settings++) {
		const char *value = strchr(*settings, '=');

		snprintf(key, sizeof(key), "%.*s", (int)(value - *settings), *settings);
		if (rs_synth_set(&p, key, value + 1, &err))
			fail_msg("%s", err.text);
	}
	return p;
}
