// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/memory/memory.h"
#include "tests/fuzz/fuzz_reader.h"

/* What QEMU prints of a machine's memory, behind the name of the first view; and its survey. */
const char *const fuzz_words[] = {
	"FlatView #0\n",
	"FlatView #1\n",
	" AS \"memory\", root: system\n",
	" AS \"KVM-SMRAM\", root: x\n",
	"address-space (flat view): memory\n",
	"address-space: memory\n",
	"memory-region: system\n",
	"  0000000000000000-000000000009ffff (prio 0, ram): pc.ram\n",
	"  0000000000100000-00000000001fffff (prio 0, rom): pc.rom @0000000000100000 KVM\n",
	"nv-",
	"ram",
	"romd",
	"i/o",
	"@0000000000001000",
	" owner:{dev path=/machine/a}",
	"{\"return\": \"",
	"\\r\\n",
	"\033[K",
	"> ",
	"[disabled]",
	"fffffffffffff",
	"3fffffffffffffff",
	NULL,
};

static struct rs_vm *learn(struct rs_reader *r)
{
	struct rs_vm *vm = rs_vm_new();
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	ssize_t n;

	check(vm != NULL);
	while ((n = rs_reader_next(r, &evs, &err)) > 0)
		for (ssize_t i = 0; i < n; i++)
			check(rs_vm_set_memslot(vm, evs[i].as, evs[i].memslot.id,
						evs[i].memslot.gfn, evs[i].memslot.npages,
						evs[i].memslot.hva,
						evs[i].memslot.flags) != RS_VM_NOMEM);
	check(!n);
	return vm;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "FlatView #0\n AS \"memory\"\n";
	const struct fuzz_piece pieces[] = { { head, sizeof(head) - 1 }, { data, size } };
	struct rs_error err = { 0 };
	const char *path = fuzz_file(0, pieces, 2);
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_memory m;
	struct rs_vm *vm;

	if (!r) {
		fuzz_check_error(&err);
		return 0;
	}
	vm = learn(r);
	rs_reader_close(r);
	check(!rs_memory_survey(vm, &m));
	rs_vm_free(vm);
	fuzz_round_trip(path);
	return 0;
}
