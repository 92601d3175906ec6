// SPDX-License-Identifier: GPL-2.0-only
/*
 * A made-up host for scripts (tests/kills):
 *   kills_host make TYPES        makes one, and prints its folder
 *   kills_host run ROOT COMMAND  runs a recorder on it, in the place of this process
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/fake_host.h"
#include "tests/common/fake_tracing.h"

int main(int argc, char **argv)
{
	struct fake_host fh;

	if (argc == 3 && !strcmp(argv[1], "make")) {
		fake_host_make(&fh, argv[2]);
		fake_host_write(&fh, FAKE_TRACING "/kprobe_events", "");
		fake_host_write(&fh, FAKE_TRACING "/kprobe_profile", "");
		fake_host_write(&fh, "/run/other", "not ours\n");
		fake_trace_cmd_set(&fh, fake_trace_cmd_good);
		puts(fh.root);
		return 0;
	}
	if (argc < 4 || strcmp(argv[1], "run"))
		return 2;
	snprintf(fh.root, sizeof(fh.root), "%s", argv[2]);
	fake_instance_make(&fh, getpid());
	setenv("LD_PRELOAD", FAKE_TRACEFS, 1);
	execv(argv[3], argv + 3);
	return 127;
}
