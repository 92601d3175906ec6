// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "tests/common/dat.h"
#include "tests/fuzz/fuzz_reader.h"

/*
 * The file of --memslots, for a trace of nothing but tracepoints. The first byte says
 * how long invalidations last.
 */
const char *const fuzz_words[] = {
	"memslot",
	"id=",
	"gfn=",
	"npages=",
	"hva=",
	"as=",
	"flags=",
	"0x1000",
	"0",
	"1",
	"#@",
	"level",
	"0 1 memslot id=1 gfn=0 npages=512 hva=0x1000000\n",
	"\n",
	NULL,
};

static unsigned char *trace;
static size_t trace_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct dat *d = dat_new(6, 0, 2, "6.1.0");

	dat_without_probes(d);
	for (unsigned int i = 0; i < 24; i++) {
		dat_at(d, 0, i & 1, 100 + (i & 1));
		DAT_PUT(d, 1000 + 100 * i, DAT_ENTRY, i & 1);
		if (i % 3)
			DAT_PUT(d, 1010 + 100 * i, DAT_PAGE_FAULT, i & 1, 0x1000 * (i % 8));
		else
			DAT_PUT(d, 1020 + 100 * i, DAT_UNMAP_HVA, 0x1000000 + 0x1000 * i,
				0x1002000 + 0x1000 * i);
	}
	trace = dat_finish(d, &trace_size);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "retryscope-events 1\n";
	const struct fuzz_piece dat = { trace, trace_size };
	const struct fuzz_piece text[] = { { head, sizeof(head) - 1 }, { data + 1, size - 1 } };
	struct rs_reader_opts opts = { .jobs = 1 };

	if (!size)
		return 0;
	opts.assume_duration_ns = 1 + (uint64_t)data[0] * data[0] * 10;
	opts.memslots_path = fuzz_file(1, text, 2);
	fuzz_read(fuzz_file(0, &dat, 1), &opts, fuzz_salt(data, size));
	return 0;
}
