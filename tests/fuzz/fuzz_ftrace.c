// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

/* What ftrace, trace-cmd and perf print. */
const char *const fuzz_words[] = {
	"qemu-1234",
	"[001]",
	"d..2.",
	"1d..2.",
	"(   12)",
	"12/34 ",
	"1.000001:",
	"1.000000001:",
	"17us+:",
	"CPU:1 [LOST 3 EVENTS]",
	"[LOST EVENTS]",
	"[2 EVENTS DROPPED]",
	"PERF_RECORD_LOST lost 2",
	"retryscope:",
	"kvm:",
	"memslot:",
	"inval_start:",
	"inval_slot:",
	"inval_started:",
	"inval_end:",
	"inval_end_locked:",
	"inval_ended:",
	"fault:",
	"fault_begin:",
	"fault_looked_up:",
	"fault_check:",
	"fault_verdict:",
	"fault_end:",
	"kvm_page_fault:",
	"kvm_unmap_hva_range:",
	"kvm_entry:",
	"tracing_mark_write:",
	"retryscope-fact a b",
	"kvm=",
	"vcpu=0",
	"gfn=0x1",
	"gfn_start=",
	"gfn_end=",
	"hva=",
	"seq=",
	"in_progress=",
	"range_start=",
	"range_end=",
	"ret=1",
	"mn=",
	"start=",
	"end=",
	"id=",
	"as=",
	"flags=0x0",
	"vcpu 0",
	"address 0x1000",
	"range: 0x1000 -- 0x2000",
	"cpus=4\n",
	"# tracer: nop\n",
	"# os release : 6.1\n",
	"> ",
	"\n",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "# tracer: nop\n";
	static const char slots[] = "retryscope-events 1\n"
				    "0 1 memslot as=0 id=0 gfn=0 npages=16 hva=0x7f0000000000\n";
	const struct fuzz_piece pieces[] = { { head, sizeof(head) - 1 }, { data, size } };
	const struct fuzz_piece memslots = { slots, sizeof(slots) - 1 };
	const unsigned int salt = fuzz_salt(data, size);
	struct rs_reader_opts opts = { 0 };

	if (salt & 8) {
		opts.assume_duration_ns = 100;
		opts.memslots_path = fuzz_file(1, &memslots, 1);
	}
	if (salt & 16)
		opts.assume_tsc_khz = 1000;
	fuzz_read(fuzz_file(0, pieces, 2), &opts, salt);
	return 0;
}
