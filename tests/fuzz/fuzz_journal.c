// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <xxhash.h>

#include "analysis/sweep/journal.h"
#include "tests/fuzz/fuzz.h"

/*
 * The journal of a sweep behind its head. With an odd first byte, the hashes of pieces
 * are made right as far as pieces follow each other.
 */
const char *const fuzz_words[] = {
	"piece 0 1 0\na", "piece", "\n", "0", "1", "-", "+1", " ", NULL
};

#define CONFIG "fuzz"

static size_t add_head(char *to, size_t room)
{
	return (size_t)snprintf(to, room, "retryscope-journal 1\nconfig %016llx\n",
				(unsigned long long)XXH64(CONFIG, strlen(CONFIG), 0));
}

/* Pieces with a hash of 16 digits get the right one. */
static void seal(char *text, size_t size)
{
	size_t at = 0;

	while (at < size && !strncmp(text + at, "piece ", 6)) {
		const char *nl = memchr(text + at, '\n', size - at);
		unsigned long long number;
		size_t len, body;
		char hash[17];
		int n = 0;

		if (!nl || sscanf(text + at, "piece %llu %zu %n", &number, &len, &n) < 2)
			return;
		body = (size_t)(nl + 1 - text);
		if (text + at + n + 16 != nl || len > size - body)
			return;
		snprintf(hash, sizeof(hash), "%016llx",
			 (unsigned long long)XXH64(text + body, len, number));
		memcpy(text + at + n, hash, 16);
		at = body + len;
	}
}

/* What is put in is there when it is opened again. */
static void put_and_look(const char *path)
{
	struct rs_error err = { 0 };
	struct rs_journal *j = rs_journal_open(path, CONFIG, &err);
	char *had;

	if (!j) {
		fuzz_check_error(&err);
		return;
	}
	had = rs_journal_get(j, 1) ? strdup(rs_journal_get(j, 1)) : NULL;
	if (!had)
		check(!rs_journal_put(j, 1, "one\n", &err));
	check(!rs_journal_put(j, 1ULL << 40, "\n", &err));
	rs_journal_close(j, false);
	j = rs_journal_open(path, CONFIG, &err);
	if (!j)
		fprintf(stderr, "%s\n", err.text);
	check(j && rs_journal_get(j, 1ULL << 40) && rs_journal_get(j, 1));
	check(!strcmp(rs_journal_get(j, 1), had ? had : "one\n"));
	free(had);
	rs_journal_close(j, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char head[64], *text;
	struct fuzz_piece pieces[2] = { { head, add_head(head, sizeof(head)) } };

	if (!size)
		return 0;
	text = malloc(size);
	check(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 1)
		seal(text, size - 1);
	pieces[1] = (struct fuzz_piece){ text, size - 1 };
	/* Without the head now and then. */
	put_and_look(data[0] & 2 ? fuzz_file(0, pieces + 1, 1) : fuzz_file(0, pieces, 2));
	free(text);
	return 0;
}
