// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <string.h>

#include "tests/common/dat.h"
#include "tests/fuzz/fuzz_reader.h"

/*
 * A trace.dat is mostly event formats and room in pages, of which chance would rarely
 * hit a byte that matters. So an input is a byte that names one of some small files, and
 * a list of changes to it: 3 bytes of offset (little endian, modulo the file's size; the
 * top bit cuts the file off there), a byte of length, and as many bytes to write there.
 * New changes are made where the file has something: numbers in its formats, the frame
 * around them, page headers and records.
 */
#define CUT 0x800000U
#define HEAD 4
#define NR_BASES 7
#define PAGE 4096

struct base {
	unsigned char *file;
	size_t size;
	uint32_t *places; /* where a change would be of use */
	size_t nr_places;
};

static struct base bases[NR_BASES];

static void fill(struct dat *d)
{
	const uint64_t kvm = 0xffff888000000000;

	dat_add_command(d, 100, "qemu");
	dat_at(d, 0, 0, 100);
	dat_marker(d, 900, "retryscope-fact vm.100 0xffff888000000000\n");
	DAT_PUT(d, 1000, RS_PROBE_MEMSLOT, kvm, 0, 0, 0, 0, 0, 0, 512, 0x7f0000000000, 1, 0, 0);
	for (uint64_t i = 0; i < 6; i++) {
		const uint64_t t = 2000 + 1000 * i, hva = 0x7f0000000000 + 0x1000 * i;

		dat_at(d, 0, 0, 100);
		DAT_PUT(d, t, RS_PROBE_INVAL_START, kvm, hva, hva + 0x1000, 1, 2 + i, 0, 0, 0);
		DAT_PUT(d, t + 10, RS_PROBE_INVAL_SLOT, kvm, 0, 1, i, i + 1, 2 + i, 1, i, i + 1);
		DAT_PUT(d, t + 20, RS_PROBE_INVAL_STARTED, 0);
		DAT_PUT(d, t + 500, RS_PROBE_INVAL_END, kvm, hva, hva + 0x1000, 2 + i, 1, i, i + 1);
		DAT_PUT(d, t + 510, RS_PROBE_INVAL_END_LOCKED, kvm, 3 + i, 1, i, i + 1);
		DAT_PUT(d, t + 520, RS_PROBE_INVAL_ENDED, 0);
		dat_at(d, 0, 1, 101);
		DAT_PUT(d, t + 100, RS_PROBE_FAULT, kvm, 0, 0x1000 * i, 0);
		DAT_PUT(d, t + 110, RS_PROBE_FAULT_BEGIN, kvm, 0, i, 0, 1, 0, 2 + i, 1, i, i + 1);
		DAT_PUT(d, t + 120, RS_PROBE_FAULT_LOOKED_UP, 0);
		DAT_PUT(d, t + 130, RS_PROBE_FAULT_CHECK, kvm, 0, i, hva, 2 + i, 2 + i, 1, i,
			i + 1);
		DAT_PUT(d, t + 140, RS_PROBE_FAULT_VERDICT, 1);
		DAT_PUT(d, t + 150, RS_PROBE_FAULT_END, 0);
	}
	dat_lose(d, 3);
	DAT_PUT(d, 9000, RS_PROBE_FAULT, kvm, 0, 0x1000, 0);
}

static void add_place(struct base *b, size_t at)
{
	if (!(b->nr_places & (b->nr_places + 1))) {
		b->places = realloc(b->places, (2 * b->nr_places + 2) * sizeof(*b->places));
		check(b->places != NULL);
	}
	b->places[b->nr_places++] = (uint32_t)at;
}

/* Of texts the digits, of zeros only the first, and of all else every byte. */
static void find_places(struct base *b)
{
	const unsigned char *f = b->file;
	unsigned int zeros = 0;

	for (size_t i = 0; i < b->size; i++) {
		const bool text = i && i + 1 < b->size && isprint(f[i]) && isprint(f[i - 1]) &&
				  isprint(f[i + 1]);

		zeros = f[i] ? 0 : zeros + 1;
		if (zeros < 12 && (!text || isdigit(f[i]) || f[i] == '[' || f[i] == ';'))
			add_place(b, i);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct {
		unsigned int version, flags;
	} kinds[NR_BASES] = { { 6, 0 },
			      { 7, 0 },
			      { 6, DAT_COMMIT_4 },
			      { 6, DAT_BIG_ENDIAN },
			      { 7, DAT_BIG_ENDIAN },
			      { 7, DAT_ZSTD },
			      { 7, DAT_ZLIB } };

	for (size_t i = 0; i < NR_BASES; i++) {
		struct dat *d = dat_new(kinds[i].version, kinds[i].flags, 2, "6.1.0");

		if (i == 1)
			dat_add_buffer(d, "second");
		fill(d);
		bases[i].file = dat_finish(d, &bases[i].size);
		find_places(&bases[i]);
	}
	return 0;
}

static struct base *base_of(const uint8_t *data)
{
	return &bases[data[0] % NR_BASES];
}

/* How long the change at @at is, with its head. */
static size_t change_size(const uint8_t *data, size_t size, size_t at)
{
	const size_t n = HEAD + data[at + 3];

	return n < size - at ? n : size - at;
}

/* Returns the size that is left. */
static size_t apply(const uint8_t *data, size_t size, const struct base *b, unsigned char *file)
{
	size_t end = b->size;

	memcpy(file, b->file, b->size);
	for (size_t i = 1; i + HEAD <= size; i += change_size(data, size, i)) {
		const uint32_t offset = data[i] | data[i + 1] << 8 | data[i + 2] << 16;
		const size_t at = (offset & ~CUT) % b->size;
		size_t len = change_size(data, size, i) - HEAD;

		if (offset & CUT) {
			end = at;
			continue;
		}
		len = len < b->size - at ? len : b->size - at;
		memcpy(file + at, data + i + HEAD, len);
	}
	return end;
}

static size_t add_change(uint8_t *data, size_t size, size_t max, struct fuzz_random *r)
{
	const struct base *b = base_of(data);
	const size_t at = b->places[fuzz_below(r, b->nr_places)];
	const size_t len = isdigit(b->file[at]) ? 1 : (size_t)1 << fuzz_below(r, 4);
	uint64_t v = fuzz_number(r);

	if (size + HEAD + len > max)
		return size;
	if (isdigit(b->file[at]))
		v = '0' + v % 11;
	else if (fuzz_below(r, 2)) /* one more or less than it was */
		v = b->file[at] + (fuzz_below(r, 2) ? 1U : 0xffU);
	data[size] = (uint8_t)at;
	data[size + 1] = (uint8_t)(at >> 8);
	data[size + 2] = (uint8_t)(at >> 16);
	data[size + 3] = (uint8_t)len;
	memcpy(data + size + HEAD, &v, len);
	return size + HEAD + len;
}

static size_t drop_change(uint8_t *data, size_t size, struct fuzz_random *r)
{
	size_t at = 1, victim, n, nr = 0;

	for (; at + HEAD <= size; at += change_size(data, size, at))
		nr++;
	victim = fuzz_below(r, nr);
	for (at = 1; victim && at + HEAD <= size; victim--)
		at += change_size(data, size, at);
	if (at + HEAD > size)
		return size;
	n = change_size(data, size, at);
	memmove(data + at, data + at + n, size - at - n);
	return size - n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct fuzz_random r = { seed };

	if (!size)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned int n = 1 + fuzz_below(&r, 3); n; n--)
		switch (fuzz_below(&r, 8)) {
		case 0:
			data[0] = (uint8_t)fuzz_random(&r);
			break;
		case 1:
		case 2:
			size = drop_change(data, size, &r);
			break;
		case 3:
			size = LLVMFuzzerMutate(data, size, max);
			break;
		default:
			size = add_change(data, size, max, &r);
		}
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rs_reader_opts repair = { .jobs = 1, .repair = true };
	struct fuzz_piece piece;
	const struct base *b;
	const char *path;
	unsigned char *file;

	if (!size)
		return 0;
	b = base_of(data);
	file = malloc(b->size);
	check(file != NULL);
	piece.size = apply(data, size, b, file);
	piece.data = file;
	path = fuzz_file(0, &piece, 1);
	fuzz_read(path, NULL, fuzz_salt(data, size));
	fuzz_read(path, &repair, fuzz_salt(data, size) / 8);
	free(file);
	return 0;
}
