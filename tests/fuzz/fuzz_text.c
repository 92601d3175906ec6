// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

/* What the texts of traces have; the fuzzers of what comes behind the reader use them too. */
const char *const fuzz_words[] = {
	"memslot",	"inval_begin", "inval_slot",	"inval_end", "fault_begin",  "fault_check",
	"fault_end",	"lost",	       "id=",		"gfn=",	     "npages=",	     "hva=",
	"as=",		"flags=",      "walk=1",	"filter=",   "shared",	     "private",
	"both",		"private=1",   "slot=",		"vcpu=",     "result=ok",    "result=retry",
	"lockless=1",	"count=",      "unknown",	"pid=",	     "comm=\"a b\"", "reason=mmu",
	"#@ state",	"seq=",	       "in_progress=",	"start=",    "end=",	     "#@ reason",
	"slot_invalid", "async",       "root_obsolete", "#@ kernel", "6.1.0",	     "#@ level",
	"full",		"#@ fact",     "#@ vm",		"command=",  "#@ assume",    "#@ anomaly",
	"#@ lost",	"\\x1b",       "0x1000-0x3000", "\n",	     "\n100 1 ",     NULL,
};

/* The first line is given, so that everything reaches the parser. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "retryscope-events 1\n";
	const struct fuzz_piece pieces[] = { { head, sizeof(head) - 1 }, { data, size } };
	const unsigned int salt = fuzz_salt(data, size);
	const char *path = fuzz_file(0, pieces, 2);

	fuzz_read(path, NULL, salt);
	if (salt % 8 == 4)
		fuzz_round_trip(path);
	return 0;
}
