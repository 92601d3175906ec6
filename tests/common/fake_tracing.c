// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/fake_tracing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "capture/points.h"

#define INSTANCE "instance=$(dirname \"$0\")/../.." FAKE_TRACING "/instances/$3\n"

const char fake_trace_cmd_good[] =
	"#!/bin/sh\n" INSTANCE "finish() {\n"
	"	{ echo \"$@\"; cat \"$instance/trace_marker\"; } >trace.dat\n"
	"	rm -f *.cpu0\n"
	"	exit 0\n"
	"}\n"
	"trap 'finish \"$@\"' INT\n"
	"printf 0123456789 >trace.dat.$3.cpu0\n"
	"echo 1 >\"$instance/tracing_on\"\n"
	"while :; do sleep 0.05; done\n";
const char fake_trace_cmd_dying[] = "#!/bin/sh\n" INSTANCE "echo 1 >\"$instance/tracing_on\"\n"
				    "sleep 0.2\n"
				    "printf 'at first\\n  it broke\\n\\n' >&2\n"
				    "exit 3\n";
const char fake_trace_cmd_full[] = "#!/bin/sh\n" INSTANCE "trap 'exit 28' INT\n"
				   "echo 1 >\"$instance/tracing_on\"\n"
				   "while :; do sleep 0.05; done\n";
const char fake_trace_cmd_hanging[] = "#!/bin/sh\nexec sleep 1000\n";

void fake_trace_cmd_set(const struct fake_host *fh, const char *script)
{
	char path[128];

	fake_host_write(fh, "/usr/bin/trace-cmd", script);
	snprintf(path, sizeof(path), "%s/usr/bin/trace-cmd", fh->root);
	assert_int_equal(chmod(path, 0755), 0);
}

void fake_instance_write(const struct fake_host *fh, pid_t pid, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), FAKE_TRACING "/instances/retryscope_%d/%s", (int)pid, name);
	fake_host_write(fh, path, text);
}

void fake_instance_make(const struct fake_host *fh, pid_t pid)
{
	static const char *const files[][2] = {
		{ "tracing_on", "1" },
		{ "trace", "" },
		{ "trace_clock", "[local] mono" },
		{ "trace_marker", "" },
		{ "buffer_size_kb", "7" },
		{ "per_cpu/cpu0/buffer_size_kb", "64" },
		{ "per_cpu/cpu0/stats", "entries: 3\noverrun: 2\ncommit overrun: 4\nbytes: 300\n"
					"oldest event ts:  1.5\ndropped events: 1\n"
					"read events: 7\n" },
		{ "events/kvm/enable", "0" },
		{ "events/kvm/kvm_page_fault/enable", "0" },
		{ "events/kvm/kvm_unmap_hva_range/enable", "0" },
	};

	char name[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		fake_instance_write(fh, pid, files[i][0], files[i][1]);
	snprintf(name, sizeof(name), "events/retryscope_%d/enable", (int)pid);
	fake_instance_write(fh, pid, name, "0");
	/* The library looks at the top for what there is. */
	fake_host_write(fh, FAKE_TRACING "/events/kvm/enable", "0");
	snprintf(name, sizeof(name), FAKE_TRACING "/events/retryscope_%d/enable", (int)pid);
	fake_host_write(fh, name, "0");
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		snprintf(name, sizeof(name), "events/retryscope_%d/%s/enable", (int)pid,
			 rs_probe_event_name(ev));
		fake_instance_write(fh, pid, name, "0");
		snprintf(name, sizeof(name), FAKE_TRACING "/events/retryscope_%d/%s/enable",
			 (int)pid, rs_probe_event_name(ev));
		fake_host_write(fh, name, "0");
	}
}
