// SPDX-License-Identifier: GPL-2.0-only
#include "replay/closed/closed_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/figures.h"

void sums_init(struct sums *s, const struct cast *casts, size_t nr, uint64_t clean_ns)
{
	s->casts = casts;
	s->nr = nr;
	s->clean_ns = clean_ns;
	s->usual_ns = clean_ns > USUAL_NS / 2 ? clean_ns - USUAL_NS / 2 : 0;
}

static void clear(struct set_sum *of)
{
	rs_closed_algo_clear(&of->sum);
	free(of->usual);
	*of = (struct set_sum){ 0 };
}

void sums_free(struct sums *s)
{
	for (size_t i = 0; i < NR_SETS + MAX_CASTS; i++)
		clear(&s->sets[i]);
	for (size_t i = 0; i < s->nr_begun; i++)
		free(s->begun[i].retries);
	free(s->ended.retries);
	while (s->nr_unused)
		free(s->unused[--s->nr_unused]);
	free(s->unused);
	free(s->begun);
}

/* ---- sets ---- */

static uint64_t stall_of(const struct sums *s, uint64_t service_ns)
{
	return service_ns > s->clean_ns ? service_ns - s->clean_ns : 0;
}

void sums_other_fault(const struct sums *s, struct set_sum *of, uint64_t retries,
		      uint64_t service_ns)
{
	const uint64_t stall_ns = stall_of(s, service_ns);

	rs_hist_add(&of->sum.service_ns, service_ns, 1);
	if (retries)
		rs_hist_add(&of->sum.retries_per_fault, retries, 1);
	else
		of->unretried++;
	if (stall_ns)
		rs_hist_add(&of->sum.stall_ns, stall_ns, 1);
	else
		of->unstalled++;
}

/* What was only counted. */
static void add_counted(const struct sums *s, struct set_sum *of)
{
	rs_hist_add(&of->sum.retries_per_fault, 0, of->unretried);
	rs_hist_add(&of->sum.stall_ns, 0, of->unstalled);
	for (unsigned int place = 0; of->usual && place < USUAL_NS; place++) {
		const uint64_t ns = s->usual_ns + place, n = of->usual[place];

		if (!n)
			continue;
		rs_hist_add(&of->sum.service_ns, ns, n);
		rs_hist_add(&of->sum.retries_per_fault, 0, n);
		rs_hist_add(&of->sum.stall_ns, stall_of(s, ns), n);
	}
}

static void flush(struct sums *s, struct set_sum *of)
{
	add_counted(s, of);
	for (uint64_t left = of->set; left; left &= left - 1)
		if (rs_figures_add(RS_OF_CLOSED_ALGO, s->casts[__builtin_ctzll(left)].out, &of->sum,
				   false))
			s->failed = true;
	clear(of);
}

struct set_sum *sums_find(struct sums *s, uint64_t set)
{
	unsigned int i = 0;

	if (!(set & (set - 1)))
		i = NR_SETS + (unsigned int)__builtin_ctzll(set);
	while (i < NR_SETS && s->sets[i].set && s->sets[i].set != set)
		i++;
	if (i == NR_SETS && set & (set - 1)) {
		i = s->oldest++ % NR_SETS;
		flush(s, &s->sets[i]);
	}
	if (!s->sets[i].usual)
		s->sets[i].usual = calloc(USUAL_NS, sizeof(*s->sets[i].usual));
	s->sets[i].set = set;
	return &s->sets[i];
}

/* ---- by invalidation ---- */

static uint64_t *new_retries(struct sums *s)
{
	uint64_t *retries;

	if (s->nr_unused)
		return s->unused[--s->nr_unused];
	retries = calloc(s->nr, sizeof(*retries));
	s->failed |= !retries;
	return retries;
}

void sums_retries(struct sums *s, struct set_sum *of, uint64_t n)
{
	struct blamed *b = s->nr_begun ? &s->begun[s->nr_begun - 1] : &s->ended;

	of->sum.retries += n;
	if (!s->nr_invals || !n)
		return;
	if (!b->retries)
		b->retries = new_retries(s);
	if (!b->retries)
		return;
	b->set |= of->set;
	for (uint64_t left = of->set; left; left &= left - 1)
		b->retries[__builtin_ctzll(left)] += n;
}

/* Nothing will be put down to @b any more. */
static void settle(struct sums *s, struct blamed *b)
{
	if (!b->retries)
		return;
	for (uint64_t left = b->set; left; left &= left - 1) {
		const unsigned int i = (unsigned int)__builtin_ctzll(left);

		rs_hist_add(&s->casts[i].out->retries_per_inval, b->retries[i], 1);
		b->retries[i] = 0;
	}
	if (RS_ROOM(s->unused, s->max_unused, s->nr_unused + 1)) {
		s->failed = true;
		free(b->retries);
	} else {
		s->unused[s->nr_unused++] = b->retries;
	}
	*b = (struct blamed){ 0 };
}

void sums_begin(struct sums *s, uint64_t id)
{
	s->nr_invals++;
	if (RS_ROOM(s->begun, s->max_begun, s->nr_begun + 1))
		s->failed = true;
	else
		s->begun[s->nr_begun++] = (struct blamed){ .id = id };
}

void sums_end(struct sums *s, uint64_t id)
{
	size_t i = s->nr_begun;

	while (i && s->begun[i - 1].id != id)
		i--;
	if (!i--)
		return;
	settle(s, &s->ended);
	s->ended = s->begun[i];
	s->nr_begun--;
	memmove(&s->begun[i], &s->begun[i + 1], (s->nr_begun - i) * sizeof(*s->begun));
}

void sums_drop(struct sums *s)
{
	if (!s->nr_begun)
		return;
	settle(s, &s->ended);
	s->ended = s->begun[--s->nr_begun];
	while (s->nr_begun)
		settle(s, &s->begun[--s->nr_begun]);
}

int sums_finish(struct sums *s)
{
	settle(s, &s->ended);
	while (s->nr_begun)
		settle(s, &s->begun[--s->nr_begun]);
	for (size_t i = 0; i < NR_SETS + MAX_CASTS; i++)
		flush(s, &s->sets[i]);
	for (size_t i = 0; i < s->nr; i++) {
		struct rs_hist *h = &s->casts[i].out->retries_per_inval;

		rs_hist_add(h, 0, s->nr_invals - h->weight); /* those of which nobody retried */
	}
	return s->failed ? -ENOMEM : 0;
}
