// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proposal: what most spurious retries of real captures come from is not the
 * shape of the one range but its life: it lapses only when nothing is in
 * progress, and one end of any invalidation rejects every fault that was on its
 * way. So keep up to L live invalidations apart, each dropped at its own end,
 * and remember the ranges of the last D that ended instead of only counting
 * them. Each has up to R gfn ranges, so that the memslots that alias its pages
 * need no hull over what lies between them. Beyond a limit it gets coarser,
 * never wrong: live ones beyond L share an entry that lapses with the last of
 * them, a range beyond R merges the two closest, and a fault that began more
 * than D ends ago is rejected.
 *
 * All limits are constants, so every operation is O(1) in what is outstanding.
 *
 * hfn-recent is the same in another space: host frame numbers, which a memslot
 * gives to every guest frame, whether or not it has a mapping there (hva of the
 * memslot plus the distance). Aliases fall together, so one range does where
 * gfns need one for each alias, and what has no host address of its own
 * (guest_memfd, kvm_zap_gfn_range()) is put in through the memslots that it
 * covers, instead of blocking everything as in the kernels with an hva range.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/algorithms/algorithms.h"

#define MAX_LIVE 64
#define MAX_RANGES 64
#define MAX_DONE 1024

struct recent {
	struct rs_words words; /* its range is not used */
	uint32_t live, per_inval, done;
	size_t entry_size;
	const struct rs_inval **owner; /* of live entry i; NULL: free */
	char *entries;		       /* live + 1 (shared) + done of struct rs_pieces */
	uint64_t sharing;	       /* invalidations in the shared entry */
	bool host;		       /* the ranges are host frame numbers */
};

static struct rs_pieces *entry(const struct recent *r, uint64_t i)
{
	return (struct rs_pieces *)(r->entries + i * r->entry_size);
}

static struct rs_pieces *shared_entry(const struct recent *r)
{
	return entry(r, r->live);
}

/* The ranges of the end that made the sequence count @seq. */
static struct rs_pieces *done_entry(const struct recent *r, uint64_t seq)
{
	return entry(r, r->live + 1 + seq % r->done);
}

/* "4.2.8": live, ranges of each, remembered ends. */
static bool recent_parse(const char *text, size_t len, uint64_t *param)
{
	static const uint64_t max[3] = { MAX_LIVE, MAX_RANGES, MAX_DONE };
	const char *end = text + len;

	*param = 0;
	for (int i = 0; i < 3; i++) {
		uint64_t n = 0;

		if (i && (text == end || *text++ != '.'))
			return false;
		if (text == end || *text < '1' || *text > '9')
			return false;
		while (text < end && *text >= '0' && *text <= '9' && n <= max[i])
			n = 10 * n + (uint64_t)(*text++ - '0');
		if (n > max[i])
			return false;
		*param = *param << 16 | n;
	}
	return text == end;
}

static int recent_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct recent *r = state;

	r->live = param >> 32 & 0xffff;
	r->per_inval = param >> 16 & 0xffff;
	r->done = param & 0xffff;
	r->entry_size = rs_pieces_size(r->per_inval);
	r->owner = calloc(r->live, sizeof(*r->owner));
	r->entries = calloc((size_t)r->live + 1 + r->done, r->entry_size);
	if (!r->owner || !r->entries)
		return -ENOMEM;
	return rs_words_init(&r->words, env, param);
}

static int host_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct recent *r = state;

	r->host = true;
	return recent_init(state, env, param);
}

static void recent_destroy(void *state)
{
	struct recent *r = state;

	free(r->owner);
	free(r->entries);
}

/* The live entry of @inv (NULL: a free one), else the number of live entries. */
static uint32_t find_owner(const struct recent *r, const struct rs_inval *inv)
{
	uint32_t i = 0;

	while (i < r->live && r->owner[i] != inv)
		i++;
	return i;
}

/* What memslot @handle adds to its gfns where the ranges are host frame numbers. */
static uint64_t distance(const struct recent *r, uint32_t handle)
{
	const struct rs_memslot *m = rs_vm_memslot(r->words.vm, handle);

	return (m->hva >> RS_PAGE_SHIFT) - m->gfn;
}

static void add_hit(const struct recent *r, struct rs_pieces *e, const struct rs_hit *hit)
{
	uint64_t base = r->host ? distance(r, hit->handle) : 0;

	rs_pieces_add(e, r->per_inval, hit->gfns.start + base, hit->gfns.end + base);
}

struct gfn_inval {
	const struct recent *r;
	struct rs_pieces *e;
	struct rs_range range;
};

static int add_overlap(void *arg, uint32_t handle)
{
	const struct gfn_inval *g = arg;
	const struct rs_memslot *m = rs_vm_memslot(g->r->words.vm, handle);
	struct rs_range gfns = rs_memslot_clip(m, g->range);
	uint64_t base = distance(g->r, handle);

	rs_pieces_add(g->e, g->r->per_inval, gfns.start + base, gfns.end + base);
	return 0;
}

static void add_gfns(const struct recent *r, struct rs_pieces *e, struct rs_range range)
{
	struct gfn_inval g = { r, e, range };

	if (r->host)
		rs_vm_for_each_gfn(r->words.vm, range.start, range.end, add_overlap, &g);
	else
		rs_pieces_add(e, r->per_inval, range.start, range.end);
}

static int recent_begin(void *state, const struct rs_inval *inv)
{
	struct recent *r = state;
	uint32_t i = find_owner(r, NULL);
	struct rs_pieces *e = entry(r, i);

	r->words.in_progress++;
	if (i < r->live) {
		r->owner[i] = inv;
		e->nr = 0;
	} else if (!r->sharing++) {
		e->nr = 0;
	}
	if (inv->walk)
		return 0;
	if (inv->gfn)
		add_gfns(r, e, inv->range);
	for (uint32_t k = 0; k < inv->nr_hits; k++)
		add_hit(r, e, &inv->hits[k]);
	return 0;
}

static int recent_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	struct recent *r = state;

	add_hit(r, entry(r, find_owner(r, inv)), hit);
	return 0;
}

static void recent_end(void *state, const struct rs_inval *inv)
{
	struct recent *r = state;
	uint32_t i = find_owner(r, inv);

	rs_words_end(&r->words);
	memcpy(done_entry(r, r->words.seq), entry(r, i), r->entry_size);
	if (i < r->live)
		r->owner[i] = NULL;
	else
		r->sharing--;
}

static void recent_drop(void *state)
{
	struct recent *r = state;

	rs_words_drop(&r->words);
	memset(r->owner, 0, r->live * sizeof(*r->owner));
	r->sharing = 0;
}

static bool in_progress(const struct recent *r, uint64_t gfn)
{
	if (!r->words.in_progress)
		return false;
	for (uint32_t i = 0; i < r->live; i++)
		if (r->owner[i] && rs_pieces_have(entry(r, i), gfn))
			return true;
	return r->sharing && rs_pieces_have(shared_entry(r), gfn);
}

static bool ended_since(const struct recent *r, uint64_t gfn, uint64_t snapshot)
{
	uint64_t seq = r->words.seq;

	if (seq - snapshot > r->done)
		return true;
	for (; seq != snapshot; seq--)
		if (rs_pieces_have(done_entry(r, seq), gfn))
			return true;
	return false;
}

static unsigned int recent_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct recent *r = state;
	uint64_t frame = r->host ? f->hva >> RS_PAGE_SHIFT : f->gfn;

	return (in_progress(r, frame) ? RS_REJECT_RANGE : 0) |
	       (ended_since(r, frame, snapshot) ? RS_REJECT_SEQ : 0);
}

/* The entries that something in progress is in. */
struct in_force {
	const struct recent *r;
	const struct rs_pieces *v[MAX_LIVE + 1];
	uint32_t n;
};

static void list_in_force(const struct recent *r, struct in_force *f)
{
	f->r = r;
	f->n = 0;
	for (uint32_t i = 0; i < r->live; i++)
		if (r->owner[i])
			f->v[f->n++] = entry(r, i);
	if (r->sharing)
		f->v[f->n++] = shared_entry(r);
}

static uint64_t frames_of(const struct recent *r, uint64_t from, uint64_t to)
{
	if (r->host)
		return rs_vm_frames_of_hvas(r->words.vm, from << RS_PAGE_SHIFT,
					    to << RS_PAGE_SHIFT);
	return rs_vm_frames_of_gfns(r->words.vm, from, to);
}

/* Each frame once, though entries may overlap: those of [from, to) beyond entry @i. */
static uint64_t frames_beyond(const struct in_force *f, uint32_t i, uint64_t from, uint64_t to)
{
	for (; i < f->n && from < to; i++) {
		for (uint32_t k = 0; k < f->v[i]->nr; k++) {
			const struct rs_range *x = &f->v[i]->v[k];

			if (x->start >= to || x->end <= from)
				continue;
			return (x->start > from ? frames_beyond(f, i + 1, from, x->start) : 0) +
			       (x->end < to ? frames_beyond(f, i, x->end, to) : 0);
		}
	}
	return frames_of(f->r, from, to);
}

/* Of one entry by itself. */
static uint64_t frames_in(const struct recent *r, const struct rs_pieces *e)
{
	uint64_t frames = 0;

	for (uint32_t k = 0; k < e->nr; k++)
		frames += frames_of(r, e->v[k].start, e->v[k].end);
	return frames;
}

static __attribute__((noinline)) uint64_t frames_of_several(const struct recent *r)
{
	struct in_force f;
	uint64_t frames = 0;

	list_in_force(r, &f);
	for (uint32_t i = 0; i + 1 < f.n; i++)
		for (uint32_t k = 0; k < f.v[i]->nr; k++)
			frames += frames_beyond(&f, i + 1, f.v[i]->v[k].start, f.v[i]->v[k].end);
	/* Beyond the last one is nothing; and there is one, as something is in progress. */
	return frames + frames_in(r, f.v[f.n - 1]);
}

static uint64_t recent_blocked(void *state)
{
	const struct recent *r = state;
	uint32_t i = 0;

	if (!r->words.in_progress)
		return 0;
	if (r->words.in_progress > 1)
		return frames_of_several(r);
	while (i < r->live && !r->owner[i])
		i++;
	return frames_in(r, entry(r, i));
}

/* Two words of count and sequence; ranges; an owner (its hva range) of each live entry. */
static size_t recent_bytes(const void *state)
{
	const struct recent *r = state;

	return 24 + ((size_t)r->live + 1 + r->done) * r->per_inval * 16 + (size_t)r->live * 16;
}

static void host_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct recent *r = state;

	why->cause = rs_invals_cause_hfn(r->words.invals, f);
	why->space = RS_SPACE_HFN;
}

/* The two families differ in the space of their ranges alone. */
#define RECENT_OPS                                                                                \
	.flags = RS_ALGO_SEQ_FIRST, .state_size = sizeof(struct recent), .parse = recent_parse,   \
	.destroy = recent_destroy, .begin = recent_begin, .slot = recent_slot, .end = recent_end, \
	.drop = recent_drop, .rejects = recent_rejects, .blocked = recent_blocked,                \
	.bytes = recent_bytes

static const struct rs_algo_ops gfn_recent = {
	RECENT_OPS,
	.info = {
		.name = "gfn-recent:L.R.D",
		.kernels = "proposal",
		.summary = "L live invalidations, dropped each at its end; in place of a sequence the "
			   "last D that ended; R gfn ranges each",
	},
	.place = 100,
	.in_all = "4.4.8",
	.in_price = "4.4.8",
	.init = recent_init,
	.explain = rs_words_explain_gfn,
};

static const struct rs_algo_ops hfn_recent = {
	RECENT_OPS,
	.info = {
		.name = "hfn-recent:L.R.D",
		.kernels = "proposal",
		.summary = "the same in host frame numbers, which memslots give to gfns as well: "
			   "aliases fall together",
	},
	.place = 110,
	.in_all = "2.1.8",
	.in_price = "2.1.8",
	.init = host_init,
	.explain = host_explain,
};

RS_ALGORITHMS(&gfn_recent, &hfn_recent);
