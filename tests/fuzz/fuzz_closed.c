// SPDX-License-Identifier: GPL-2.0-only
#include "replay/closed/closed.h"
#include "tests/fuzz/fuzz_reader.h"

/*
 * The closed loop, of the text form behind a byte of options. Its work depends on the
 * events, and not on the times in them.
 */
const char *const fuzz_words[] = {
	"memslot",	 "inval_begin", "inval_end",	  "fault_begin", "fault_check",
	"fault_end",	 "lost",	"gfn=",		  "hva=",	 "result=retry",
	"result=ok",	 "lockless=1",	"filter=private", "private=1",	 "walk=1",
	"inval_slot",	 "1",		"1000000",	  "\n",		 "\n100 1 ",
	"3600000000000", NULL,
};

#define MAX_EVENTS 4000

static void feed_all(struct rs_replay *replay, const char *path)
{
	const struct rs_reader_opts opts = { .jobs = 1 };
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(path, &opts, &err);
	const struct rs_event *evs;
	uint64_t fed = 0;
	ssize_t n;

	while (r && (n = rs_reader_next(r, &evs, &err)) > 0 && fed < MAX_EVENTS) {
		if (rs_replay_feed(replay, evs, (size_t)n, &err))
			fuzz_check_error(&err);
		fed += (uint64_t)n;
	}
	rs_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "retryscope-events 1\n";
	const struct fuzz_piece pieces[] = { { head, sizeof(head) - 1 }, { data + 1, size - 1 } };
	struct rs_closed_opts opts = { .algos = "all", .kernel_algo = "hva", .jobs = 1 };
	struct rs_replay_opts open = { .algos = "all", .flags = RS_REPLAY_ALL };
	struct rs_error err = { 0 };
	struct rs_replay *replay;
	struct rs_closed *closed;
	struct rs_result *result;

	if (!size)
		return 0;
	opts.think = data[0] & 1;
	opts.precheck = (data[0] >> 1) % 3;
	opts.retry_gap_ns = data[0] & 8 ? 1 : data[0] & 16 ? 1000 : 0;
	closed = rs_closed_new(&opts, &err);
	check(closed != NULL);
	open.observer = rs_closed_observer(closed);
	replay = rs_replay_new(&open, &err);
	check(replay != NULL);
	feed_all(replay, fuzz_file(0, pieces, 2));
	result = rs_replay_finish(replay, &err);
	if (!result || rs_closed_finish(closed, result, &err))
		fuzz_check_error(&err);
	rs_result_free(result);
	rs_replay_free(replay);
	rs_closed_free(closed);
	return 0;
}
