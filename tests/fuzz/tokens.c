// SPDX-License-Identifier: GPL-2.0-only
/* Changes to a text, by its words and lines: what a parser takes apart stays what it was. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

struct part {
	size_t at, len;
};

static bool is_word(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '.';
}

/* The word (or single byte that is none) around a random place. */
static struct part some_word(const uint8_t *data, size_t size, struct fuzz_random *r)
{
	size_t at = fuzz_below(r, size), end = at + 1;

	if (!is_word(data[at]))
		return (struct part){ at, 1 };
	while (at && is_word(data[at - 1]))
		at--;
	while (end < size && is_word(data[end]))
		end++;
	return (struct part){ at, end - at };
}

/* With its newline. */
static struct part some_line(const uint8_t *data, size_t size, struct fuzz_random *r)
{
	size_t at = fuzz_below(r, size), end;
	const uint8_t *nl = memchr(data + at, '\n', size - at);

	end = nl ? (size_t)(nl - data) + 1 : size;
	while (at && data[at - 1] != '\n')
		at--;
	return (struct part){ at, end - at };
}

/* Puts @len bytes in the place of @old; the new size, or 0 if they do not fit. */
static size_t put(uint8_t *data, size_t size, size_t max, struct part old, const void *bytes,
		  size_t len)
{
	const size_t rest = size - old.at - old.len;

	if (size - old.len + len > max)
		return 0;
	memmove(data + old.at + len, data + old.at + old.len, rest);
	if (len)
		memcpy(data + old.at, bytes, len);
	return old.at + len + rest;
}

/* The same, of a part of the text itself. */
static size_t put_copy(uint8_t *data, size_t size, size_t max, struct part old, struct part from)
{
	uint8_t *copy = malloc(from.len + 1);
	size_t got;

	check(copy != NULL);
	memcpy(copy, data + from.at, from.len);
	got = put(data, size, max, old, copy, from.len);
	free(copy);
	return got;
}

static size_t write_number(char *text, size_t room, struct fuzz_random *r)
{
	static const char *const odd[] = { "-1",   "1e308", "1e-308", "0.5", "-0",   "nan",
					   "1e18", "null",  "",	      "1.0", "true", "1e19" };
	const uint64_t v = fuzz_number(r);

	switch (fuzz_below(r, 8)) {
	case 0:
		return (size_t)snprintf(text, room, "%s",
					odd[fuzz_below(r, sizeof(odd) / sizeof(odd[0]))]);
	case 1:
		return (size_t)snprintf(text, room, "0x%" PRIx64, v);
	case 2: /* beyond 64 bits */
		return (size_t)snprintf(text, room, "%" PRIu64 "%" PRIu64, v, v);
	}
	return (size_t)snprintf(text, room, "%" PRIu64, v);
}

static size_t put_number(uint8_t *data, size_t size, size_t max, struct fuzz_random *r)
{
	struct part old = some_word(data, size, r);
	char text[64];

	for (unsigned int i = 0; i < 8 && !isdigit(data[old.at]); i++)
		old = some_word(data, size, r);
	return put(data, size, max, old, text, write_number(text, sizeof(text), r));
}

static size_t put_word(uint8_t *data, size_t size, size_t max, struct fuzz_random *r)
{
	struct part old = some_word(data, size, r);
	size_t n = 0;

	while (fuzz_words[n])
		n++;
	if (!n)
		return 0;
	n = fuzz_below(r, n);
	if (fuzz_below(r, 4) == 0)
		old.len = 0;
	return put(data, size, max, old, fuzz_words[n], strlen(fuzz_words[n]));
}

static size_t change(uint8_t *data, size_t size, size_t max, struct fuzz_random *r)
{
	struct part a, b;

	switch (fuzz_below(r, 8)) {
	case 0:
	case 1:
		return put_number(data, size, max, r);
	case 2:
		return put_word(data, size, max, r);
	case 3: /* a word from elsewhere */
		a = some_word(data, size, r);
		b = some_word(data, size, r);
		return put_copy(data, size, max, a, b);
	case 4: /* a line from elsewhere, before this one or in its place */
		a = some_line(data, size, r);
		b = some_line(data, size, r);
		if (fuzz_below(r, 2))
			a.len = 0;
		return put_copy(data, size, max, a, b);
	case 5:
		return put(data, size, max, some_line(data, size, r), NULL, 0);
	case 6:
		return put(data, size, max, some_word(data, size, r), NULL, 0);
	}
	return LLVMFuzzerMutate(data, size, max);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct fuzz_random r = { seed };

	if (!size)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned int n = 1 + fuzz_below(&r, 4); n && size; n--) {
		size_t got = change(data, size, max, &r);

		size = got ? got : size;
	}
	return size;
}
