// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/replay.h"
#include "traces/trace.h"

/* What the replay must manage; an input that repeats itself gains nothing by being longer. */
#define MAX_EVENTS 50000

/* The fuzzer keeps what led here; this tells what is wrong with it. */
#define check(good)                                                                         \
	do {                                                                                \
		if (!(good)) {                                                              \
			fprintf(stderr, "not so: %s (%s:%d)\n", #good, __FILE__, __LINE__); \
			abort();                                                            \
		}                                                                           \
	} while (0)

static int input_fd(const struct fuzz_piece *pieces, size_t nr)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	check(fd >= 0 && !ftruncate(fd, 0) && lseek(fd, 0, SEEK_SET) == 0);
	for (size_t i = 0; i < nr; i++)
		check(write(fd, pieces[i].data, pieces[i].size) == (ssize_t)pieces[i].size);
	return fd;
}

/* How many events there are until the end or an error, which must say what is wrong. */
static uint64_t read_events(struct rs_reader *r, struct rs_replay *replay)
{
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	uint64_t events = 0;
	ssize_t n;

	while ((n = rs_reader_next(r, &evs, &err)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			check(!rs_event_problem(&evs[i]));
		events += (uint64_t)n;
		if (replay && events <= MAX_EVENTS)
			check(!rs_replay_feed(replay, evs, (size_t)n, &err));
	}
	check(!n || (err.kind != RS_ERR_NONE && err.text[0]));
	return events;
}

static void read_twice(struct rs_reader *r)
{
	const struct rs_replay_opts opts = { .algos = "all", .flags = RS_REPLAY_ALL };
	struct rs_error err = { 0 };
	struct rs_replay *replay = rs_replay_new(&opts, &err);
	uint64_t events;

	check(replay != NULL);
	events = read_events(r, replay);
	rs_result_free(rs_replay_finish(replay, &err));
	rs_replay_free(replay);
	if (!rs_reader_rewind(r, &err))
		check(read_events(r, NULL) == events);
}

void fuzz_reader(const struct fuzz_piece *pieces, size_t nr)
{
	struct rs_reader_opts opts = { .jobs = 1 };
	struct rs_error err = { 0 };
	struct rs_reader *r;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", input_fd(pieces, nr));
	r = rs_reader_open(path, &opts, &err);
	if (!r) {
		check(err.kind != RS_ERR_NONE && err.text[0]);
		return;
	}
	read_twice(r);
	rs_reader_close(r);
}

/* The blocks that the index tells of, from the first on, some of them passed over. */
void fuzz_seek(const struct fuzz_piece *piece, unsigned int how)
{
	struct rs_reader_opts opts = { .jobs = 1 };
	struct rs_error err = { 0 };
	struct rs_block *blocks;
	struct rs_reader *r;
	size_t nr = 0, next = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", input_fd(piece, 1));
	r = rs_reader_open(path, &opts, &err);
	if (!r) {
		check(err.kind != RS_ERR_NONE && err.text[0]);
		return;
	}
	blocks = rs_reader_blocks(r, &nr);
	for (; blocks && next <= nr; how = how >> 1 | how << 7) {
		const struct rs_event *evs;
		ssize_t n = rs_reader_next(r, &evs, &err);

		check(n >= 0 || (err.kind != RS_ERR_NONE && err.text[0]));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			check(!rs_event_problem(&evs[i]));
		next += 1 + how % 3;
		next = next < nr ? next : nr;
		if (rs_reader_skip_to(r, next, &err)) {
			check(err.kind != RS_ERR_NONE && err.text[0]);
			break;
		}
	}
	free(blocks);
	rs_reader_close(r);
}
