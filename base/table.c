// SPDX-License-Identifier: GPL-2.0-only
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Of each process another, so that no input is made for the hashes. */
static uint64_t seed(void)
{
	static uint64_t kept;
	uint64_t s = __atomic_load_n(&kept, __ATOMIC_RELAXED);
	const void *random;

	if (s)
		return s;
	random = (const void *)getauxval(AT_RANDOM); /* NOLINT(performance-no-int-to-ptr) */
	if (random)
		memcpy(&s, random, sizeof(s));
	s |= 1;
	__atomic_store_n(&kept, s, __ATOMIC_RELAXED);
	return s;
}

/* Each step can be undone. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t rs_hash_number(uint64_t number)
{
	return mix(mix(number) + seed());
}

uint64_t rs_hash_string(const char *s)
{
	uint64_t h = seed();

	for (; *s; s++)
		h = mix(h + (unsigned char)*s);
	return h;
}

uint32_t rs_hash_find(const struct rs_hash *t, uint64_t hash,
		      bool (*is)(const void *arg, uint32_t n), const void *arg)
{
	const size_t mask = t->size - 1;

	if (!t->size)
		return RS_HASH_NONE;
	for (size_t i = hash & mask; t->places[i].n; i = (i + 1) & mask)
		if (t->places[i].hash == hash && (!is || is(arg, t->places[i].n - 1)))
			return t->places[i].n - 1;
	return RS_HASH_NONE;
}

static void put(struct rs_hash *t, struct rs_hash_place p)
{
	const size_t mask = t->size - 1;
	size_t i = p.hash & mask;

	while (t->places[i].n)
		i = (i + 1) & mask;
	t->places[i] = p;
}

/* At most half of it is full. */
static int grow(struct rs_hash *t)
{
	struct rs_hash larger = { .size = t->size ? 2 * t->size : 16, .nr = t->nr };

	larger.places = calloc(larger.size, sizeof(*larger.places));
	if (!larger.places)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++)
		if (t->places[i].n)
			put(&larger, t->places[i]);
	free(t->places);
	*t = larger;
	return 0;
}

int rs_hash_add(struct rs_hash *t, uint64_t hash, uint32_t n)
{
	if (2 * (t->nr + 1) > t->size && grow(t))
		return -ENOMEM;
	put(t, (struct rs_hash_place){ hash, n + 1 });
	t->nr++;
	return 0;
}

void rs_hash_free(struct rs_hash *t)
{
	free(t->places);
	*t = (struct rs_hash){ 0 };
}
