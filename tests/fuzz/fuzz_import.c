// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "tests/common/dat.h"
#include "tests/fuzz/fuzz_reader.h"

/*
 * A trace.dat that is sound in its form, with records of any contents in any order: the
 * input is a head and then steps of 12 bytes, each a record or a loss. So numbers of the
 * sequence, addresses and memslots often fit each other, and sometimes not.
 */
#define HEAD 4
#define STEP 12
#define MAX_STEPS 2000
#define NR_CPUS 4

struct writer {
	struct dat *d;
	uint64_t now, last[NR_CPUS];
	unsigned int second; /* buffer */
	uint64_t seq;
};

#define FIELDS(sym, event, ...) { __VA_ARGS__ },
static const char *const fields[DAT_NR_KINDS][13] = {
	RS_PROBE_EVENTS(FIELDS){ "vcpu_id", "addr" },
	{ "start", "end" },
	{ "gva", "gfn" },
	{ "token", "gva" },
	{ "gva", "gfn" },
	{ "vcpu_id" },
};

static bool is_one_of(const char *name, const char *list)
{
	const char *at = strstr(list, name);
	const size_t n = strlen(name);

	return at && (at == list || at[-1] == ' ') && (!at[n] || at[n] == ' ');
}

/* What @b stands for in this field: mostly one of a few values that occur elsewhere. */
static uint64_t value(struct writer *w, const char *name, uint8_t b)
{
	if (b >= 0xf0)
		return b == 0xff ? UINT64_MAX : 1ULL << (4 * (b - 0xf0));
	if (is_one_of(name, "kvm mn"))
		return 0xffff888000000000 + (b & 1) * 0x10000;
	if (is_one_of(name, "gfn old_gfn gfn_start gfn_end"))
		return b < 0x40 ? b : 0x100000 + b;
	if (is_one_of(name, "hva start end range_start range_end"))
		return b < 0x20 ? b : b < 0x80 ? 0x7f0000000000 + b * 0x1000ULL : b * 0x1000ULL;
	if (is_one_of(name, "addr gva fault_address"))
		return b * 0x1000ULL;
	if (is_one_of(name, "seq fault_seq"))
		return w->seq + b - (b & 0x80 ? 0x80 : 0);
	if (is_one_of(name, "npages old_npages"))
		return b & 0x7f;
	if (is_one_of(name, "ret"))
		return b & 1 ? 0 : 0 - (uint64_t)(b & 0x1f);
	return b & 7;
}

static uint64_t stamp(struct writer *w, unsigned int cpu, unsigned int step)
{
	w->now += step;
	if (w->now < w->last[cpu])
		w->now = w->last[cpu];
	return w->last[cpu] = w->now;
}

static void put(struct writer *w, const uint8_t *s)
{
	const unsigned int cpu = s[1] % NR_CPUS, kind = s[0] % (DAT_NR_KINDS + 2);
	const uint64_t time = stamp(w, cpu, (unsigned int)s[2] * s[2]);
	uint64_t v[13];
	size_t n = 0;

	dat_at(w->d, s[1] & 0x80 ? w->second : 0, cpu, 100 + (s[1] >> 2) % 8);
	if (kind == DAT_NR_KINDS) {
		dat_lose(w->d, s[3] ? s[3] : UINT64_MAX);
	} else if (kind > DAT_NR_KINDS) {
		dat_end_page(w->d);
		w->seq += s[3];
	} else if (kind == DAT_MARKER) {
		char text[64];

		snprintf(text, sizeof(text), "retryscope-fact k%u %.*s\n", s[3] % 16, STEP - 4,
			 (const char *)s + 4);
		dat_marker(w->d, time, text);
	} else {
		for (; n < 13 && fields[kind][n]; n++)
			v[n] = value(w, fields[kind][n], s[3 + n % (STEP - 3)] + (n >= STEP - 3));
		dat_put(w->d, time, kind, v, n);
		w->seq += kind == RS_PROBE_INVAL_END_LOCKED;
	}
}

static const char *release(uint8_t b)
{
	static const char *const releases[] = {
		"6.1.0", "6.12.0", "5.10.0", "5.14.0", "6.8.0", NULL
	};

	return releases[b % 6];
}

/* Steps are moved, copied and left out, and their bytes changed. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct fuzz_random r = { seed };
	const size_t nr = size > HEAD ? (size - HEAD) / STEP : 0;
	uint8_t *steps = data + HEAD, copy[STEP];
	size_t a, b;

	if (!nr || !fuzz_below(&r, 10))
		return LLVMFuzzerMutate(data, size, max);
	a = fuzz_below(&r, nr);
	b = fuzz_below(&r, nr);
	memcpy(copy, steps + a * STEP, STEP);
	size = HEAD + nr * STEP;
	switch (fuzz_below(&r, 6)) {
	case 0: /* leave one out */
		memmove(steps + a * STEP, steps + (a + 1) * STEP, (nr - a - 1) * STEP);
		return size - STEP;
	case 1:
	case 2: /* one more */
		if (size + STEP > max)
			break;
		memmove(steps + (b + 1) * STEP, steps + b * STEP, (nr - b) * STEP);
		memcpy(steps + b * STEP, copy, STEP);
		return size + STEP;
	case 3: /* two change places */
		memcpy(steps + a * STEP, steps + b * STEP, STEP);
		memcpy(steps + b * STEP, copy, STEP);
		return size;
	}
	for (unsigned int n = 1 + fuzz_below(&r, 3); n; n--)
		steps[a * STEP + fuzz_below(&r, STEP)] = (uint8_t)fuzz_random(&r);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece file;
	struct writer w = { .now = 1000, .seq = 2 };
	unsigned char *bytes;
	size_t steps;

	if (size < HEAD)
		return 0;
	w.d = dat_new(data[0] & 1 ? 7 : 6, data[0] & 8 ? DAT_BIG_ENDIAN : 0, NR_CPUS,
		      release(data[1]));
	if (data[0] & 2)
		w.second = dat_add_buffer(w.d, "second");
	if (data[0] & 4)
		dat_without(w.d, data[2] % DAT_NR_KINDS);
	dat_add_command(w.d, 100, "qemu");
	steps = (size - HEAD) / STEP;
	for (size_t i = 0; i < steps && i < MAX_STEPS; i++)
		put(&w, data + HEAD + i * STEP);
	bytes = dat_finish(w.d, &file.size);
	file.data = bytes;
	fuzz_read(fuzz_file(0, &file, 1), NULL, fuzz_salt(data, size) | (data[3] & 1));
	free(bytes);
	return 0;
}
