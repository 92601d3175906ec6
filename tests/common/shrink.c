// SPDX-License-Identifier: GPL-2.0-only
/* Delta debugging of a stream: drop ever smaller pieces as long as the failure stays. */
#include <stdlib.h>
#include <string.h>

#include "tests/common/random_stream.h"

static struct stream without(const struct stream *s, size_t from, size_t n)
{
	struct stream out = { malloc((s->n ? s->n : 1) * sizeof(*s->v)), s->n - n };

	if (!out.v)
		abort();
	memcpy(out.v, s->v, from * sizeof(*s->v));
	memcpy(out.v + from, s->v + from + n, (s->n - from - n) * sizeof(*s->v));
	return out;
}

/* Takes @smaller in place of @best if it still fails. */
static bool take(struct stream *best, struct stream smaller,
		 bool (*fails)(const struct stream *s, void *arg), void *arg)
{
	if (!fails(&smaller, arg)) {
		stream_free(&smaller);
		return false;
	}
	stream_free(best);
	*best = smaller;
	return true;
}

/*
 * Events that only make sense in pairs go together: dropping a begin without
 * its end makes another kind of failure as often as not.
 */
static bool drop_pairs(struct stream *best, bool (*fails)(const struct stream *s, void *arg),
		       void *arg)
{
	bool any = false;

	for (size_t i = 0; i < best->n; i++) {
		for (size_t j = i + 1; j < best->n; j++) {
			struct stream one = without(best, j, 1);
			struct stream two = without(&one, i, 1);

			stream_free(&one);
			if (take(best, two, fails, arg)) {
				any = true;
				j = i;
			}
		}
	}
	return any;
}

static bool drop_pieces(struct stream *best, bool (*fails)(const struct stream *s, void *arg),
			void *arg)
{
	bool any = false;

	for (size_t size = best->n / 2; size; size /= 2) {
		for (size_t from = 0; from + size <= best->n;) {
			if (take(best, without(best, from, size), fails, arg))
				any = true;
			else
				from += size;
		}
	}
	return any;
}

struct stream stream_shrink(const struct stream *s,
			    bool (*fails)(const struct stream *s, void *arg), void *arg)
{
	struct stream best = without(s, 0, 0);

	while (drop_pieces(&best, fails, arg) || (best.n < 60 && drop_pairs(&best, fails, arg)))
		;
	return best;
}
