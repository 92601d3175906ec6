// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

#include <errno.h>
#include <string.h>

#include "analysis/info/info.h"
#include "replay/replay.h"

/* What the replay must manage; an input that repeats itself gains nothing by being longer. */
#define MAX_EVENTS 50000

static const struct rs_reader_opts plain = { .jobs = 1 };

/* What is done with the events; both may be NULL. */
struct sinks {
	struct rs_replay *replay;
	struct rs_inventory_builder *inventory;
};

static void feed(const struct sinks *s, const struct rs_event *evs, size_t n)
{
	struct rs_error err = { 0 };

	if (s->replay && rs_replay_feed(s->replay, evs, n, &err))
		fuzz_check_error(&err);
	if (s->inventory)
		check(rs_inventory_feed(s->inventory, evs, n, NULL) != -EINVAL);
}

/* How many events there are until the end or an error, which must say what is wrong. */
static uint64_t read_events(struct rs_reader *r, const struct sinks *s)
{
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	uint64_t events = 0;
	ssize_t n;

	while ((n = rs_reader_next(r, &evs, &err)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			check(!rs_event_problem(&evs[i]));
		events += (uint64_t)n;
		if (s && events <= MAX_EVENTS)
			feed(s, evs, (size_t)n);
	}
	if (n)
		fuzz_check_error(&err);
	return events;
}

static uint64_t read_and_replay(struct rs_reader *r)
{
	const struct rs_replay_opts opts = { .algos = "all", .flags = RS_REPLAY_ALL };
	struct rs_error err = { 0 };
	struct sinks s = { rs_replay_new(&opts, &err), rs_inventory_new() };
	uint64_t events;

	check(s.replay && s.inventory);
	events = read_events(r, &s);
	rs_result_free(rs_replay_finish(s.replay, &err));
	rs_replay_free(s.replay);
	rs_inventory_free(rs_inventory_finish(s.inventory, &rs_reader_meta(r)->whos));
	return events;
}

void fuzz_read(const char *path, const struct rs_reader_opts *opts, unsigned int salt)
{
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(path, opts ? opts : &plain, &err);
	uint64_t events;

	if (!r) {
		fuzz_check_error(&err);
		return;
	}
	events = salt % 4 ? read_events(r, NULL) : read_and_replay(r);
	if (salt % 8 < 2 && !rs_reader_rewind(r, &err))
		check(read_events(r, NULL) == events);
	rs_reader_close(r);
}

unsigned int fuzz_salt(const uint8_t *data, size_t size)
{
	unsigned int h = (unsigned int)size;

	for (size_t i = 0; i < size; i++)
		h = h * 31 + data[i];
	return h ^ h >> 13;
}

void fuzz_reader(const struct fuzz_piece *pieces, size_t nr)
{
	const struct fuzz_piece *last = &pieces[nr - 1];

	fuzz_read(fuzz_file(0, pieces, nr), NULL, fuzz_salt(last->data, last->size));
}

/* Reads a block; false at the end, or after an error. */
static bool read_block(struct rs_reader *r)
{
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	ssize_t n = rs_reader_next(r, &evs, &err);

	if (n < 0)
		fuzz_check_error(&err);
	for (ssize_t i = 0; i < n; i++)
		check(!rs_event_problem(&evs[i]));
	return n > 0;
}

void fuzz_seek(const char *path, unsigned int how)
{
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(path, &plain, &err);
	struct rs_block *blocks;
	size_t nr = 0, next = 0;

	if (!r) {
		fuzz_check_error(&err);
		return;
	}
	blocks = rs_reader_blocks(r, &nr);
	for (; blocks && next <= nr; how = how >> 1 | how << 7) {
		if (!read_block(r))
			break;
		next += 1 + how % 3;
		next = next < nr ? next : nr;
		if (rs_reader_skip_to(r, next, &err)) {
			fuzz_check_error(&err);
			break;
		}
	}
	free(blocks);
	rs_reader_close(r);
}

/* ---- round trip ---- */

struct stream {
	struct rs_event *evs;
	size_t nr;
};

static int keep(void *arg, const struct rs_event *ev, struct rs_error *err)
{
	struct stream *s = arg;

	if (s->nr == MAX_EVENTS)
		return rs_error_set(err, RS_ERR_INPUT, E2BIG, "too many");
	if (!(s->nr & (s->nr + 1))) {
		s->evs = realloc(s->evs, (2 * s->nr + 2) * sizeof(*ev));
		check(s->evs != NULL);
	}
	s->evs[s->nr++] = *ev;
	return 0;
}

/* What is read twice is the same, but for the numbers of who did it, which a file has by itself. */
static void check_same(const struct stream *a, const struct rs_whos *a_whos, const struct stream *b,
		       const struct rs_whos *b_whos)
{
	check(a->nr == b->nr);
	for (size_t i = 0; i < a->nr; i++) {
		struct rs_event ev = b->evs[i];

		if (rs_event_who(&ev)) {
			const struct rs_who *x = rs_whos_get(a_whos, rs_event_who(&a->evs[i]));
			const struct rs_who *y = rs_whos_get(b_whos, ev.raw.half[1]);

			check(x->pid == y->pid && !x->comm == !y->comm && !x->reason == !y->reason);
			check(!x->comm || !strcmp(x->comm, y->comm));
			check(!x->reason || !strcmp(x->reason, y->reason));
			ev.raw.half[1] = a->evs[i].raw.half[1];
		}
		check(!memcmp(&ev, &a->evs[i], sizeof(ev)));
	}
}

/* All events, and in *@whos who did them. 0 or negative errno with @err set. */
static int read_all(const char *path, struct stream *s, struct rs_whos *whos, struct rs_error *err)
{
	struct rs_reader *r = rs_reader_open(path, NULL, err);
	const struct rs_event *evs;
	ssize_t n = r ? 0 : -errno;
	int rc = 0;

	while (r && !rc && (n = rs_reader_next(r, &evs, err)) > 0)
		for (ssize_t i = 0; i < n && !rc; i++)
			rc = keep(s, &evs[i], err);
	if (r)
		check(!rs_whos_copy(whos, &rs_reader_meta(r)->whos));
	rs_reader_close(r);
	return rc ? rc : (int)n;
}

static void write_and_compare(const struct stream *s, const struct rs_whos *whos, enum rs_form form)
{
	const char *path = fuzz_file(3, NULL, 0);
	struct rs_error err = { 0 };
	struct rs_writer *w = rs_writer_open(path, form, &err);
	const struct rs_trace_meta meta = { .whos = *whos };
	struct stream back = { 0 };
	struct rs_whos back_whos = { 0 };

	check(w != NULL);
	rs_writer_set_jobs(w, 1);
	check(!rs_writer_begin(w, &meta, &err) && !rs_writer_put(w, s->evs, s->nr, &err) &&
	      !rs_writer_finish(w, NULL, &err));
	check(!read_all(path, &back, &back_whos, &err));
	check_same(s, whos, &back, &back_whos);
	rs_whos_free(&back_whos);
	free(back.evs);
}

void fuzz_round_trip(const char *path)
{
	struct rs_error err = { 0 };
	struct rs_whos whos = { 0 };
	struct stream s = { 0 };

	if (!read_all(path, &s, &whos, &err)) {
		write_and_compare(&s, &whos, RS_FORM_TEXT);
		write_and_compare(&s, &whos, RS_FORM_BINARY);
		write_and_compare(&s, &whos, RS_FORM_BINARY_RAW);
	}
	rs_whos_free(&whos);
	free(s.evs);
}
