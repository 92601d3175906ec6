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

#include "replay/algorithms/algorithms.h"

#define MAX_LIVE 64
#define MAX_RANGES 64
#define MAX_DONE 1024

struct recent {
	struct rs_kvm_words words; /* first: RS_ALGO_SEQ_FIRST */
	struct rs_bounded_recent b;
	const struct rs_vm *vm;
	struct rs_invals *invals;
	bool host; /* the ranges are host frame numbers */
};

/* The model tells invalidations apart by where it keeps them. */
static struct rs_bounded_owner owner_of(const struct rs_inval *inv)
{
	return (struct rs_bounded_owner){ inv };
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

	r->vm = env->vm;
	r->invals = env->invals;
	r->b.live = param >> 32 & 0xffff;
	r->b.per_inval = param >> 16 & 0xffff;
	r->b.done = param & 0xffff;
	r->b.entry_size = (uint32_t)rs_pieces_size(r->b.per_inval);
	r->b.owner = calloc(r->b.live, sizeof(*r->b.owner));
	r->b.entries = calloc((size_t)r->b.live + 1 + r->b.done, r->b.entry_size);
	return r->b.owner && r->b.entries ? 0 : -ENOMEM;
}

static int host_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct recent *r = state;

	r->host = true;
	if (env->invals)
		rs_invals_keep_host_pages(env->invals);
	return recent_init(state, env, param);
}

static void recent_destroy(void *state)
{
	struct recent *r = state;

	free(r->b.owner);
	free(r->b.entries);
}

/* What memslot @handle adds to its gfns where the ranges are host frame numbers. */
static uint64_t distance(const struct recent *r, uint32_t handle)
{
	const struct rs_memslot *m = rs_vm_memslot(r->vm, handle);

	return (m->hva >> RS_PAGE_SHIFT) - m->gfn;
}

static void add_hit(const struct recent *r, struct rs_pieces *e, const struct rs_hit *hit)
{
	uint64_t base = r->host ? distance(r, hit->handle) : 0;

	rs_pieces_add(e, r->b.per_inval, hit->gfns.start + base, hit->gfns.end + base);
}

struct gfn_inval {
	const struct recent *r;
	struct rs_pieces *e;
	struct rs_range range;
};

static int add_overlap(void *arg, uint32_t handle)
{
	const struct gfn_inval *g = arg;
	const struct rs_memslot *m = rs_vm_memslot(g->r->vm, handle);
	struct rs_range gfns = rs_memslot_clip(m, g->range);
	uint64_t base = distance(g->r, handle);

	rs_pieces_add(g->e, g->r->b.per_inval, gfns.start + base, gfns.end + base);
	return 0;
}

static void add_gfns(const struct recent *r, struct rs_pieces *e, struct rs_range range)
{
	struct gfn_inval g = { r, e, range };

	if (r->host)
		rs_vm_for_each_gfn(r->vm, range.start, range.end, add_overlap, &g);
	else
		rs_pieces_add(e, r->b.per_inval, range.start, range.end);
}

static int recent_begin(void *state, const struct rs_inval *inv)
{
	struct recent *r = state;
	struct rs_pieces *e = rs_bounded_recent_begin(&r->b, &r->words, owner_of(inv));

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

	add_hit(r, rs_bounded_recent_entry(&r->b, owner_of(inv)), hit);
	return 0;
}

static void recent_end(void *state, const struct rs_inval *inv)
{
	struct recent *r = state;

	rs_bounded_recent_end(&r->b, &r->words, owner_of(inv));
}

static void recent_drop(void *state)
{
	struct recent *r = state;

	rs_bounded_recent_drop(&r->b, &r->words);
}

static unsigned int recent_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct recent *r = state;

	return rs_bounded_recent_rejects(&r->b, &r->words,
					 r->host ? f->hva >> RS_PAGE_SHIFT : f->gfn, snapshot);
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
	for (uint32_t i = 0; i < r->b.live; i++)
		if (r->b.owner[i].who)
			f->v[f->n++] = rs_bounded_entry(&r->b, i);
	if (r->b.sharing)
		f->v[f->n++] = rs_bounded_entry(&r->b, r->b.live);
}

static uint64_t frames_of(const struct recent *r, uint64_t from, uint64_t to)
{
	if (r->host)
		return rs_vm_frames_of_hvas(r->vm, from << RS_PAGE_SHIFT, to << RS_PAGE_SHIFT);
	return rs_vm_frames_of_gfns(r->vm, from, to);
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
	while (i < r->b.live && !r->b.owner[i].who)
		i++;
	return frames_in(r, rs_bounded_entry(&r->b, i));
}

/* Two words of count and sequence; ranges; an owner (its hva range) of each live entry. */
static size_t recent_bytes(const void *state)
{
	const struct recent *r = state;

	return 24 + ((size_t)r->b.live + 1 + r->b.done) * r->b.per_inval * 16 +
	       (size_t)r->b.live * 16;
}

static void recent_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct recent *r = state;

	why->cause = rs_invals_cause_gfn(r->invals, f, RS_KIND_BOTH);
}

static void host_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct recent *r = state;

	why->cause = rs_invals_cause_hfn(r->invals, f);
	why->space = RS_SPACE_HFN;
}

/* Of the kernel's words the count and the sequence. */
static void recent_words(const void *state, struct rs_state_words *out)
{
	const struct recent *r = state;

	*out = (struct rs_state_words){ r->words.seq, r->words.in_progress, 0, 0 };
}

/* The two families differ in the space of their ranges alone. */
#define RECENT_OPS                                                                              \
	.flags = RS_ALGO_SEQ_FIRST | RS_ALGO_NO_RANGE, .state_size = sizeof(struct recent),     \
	.parse = recent_parse, .destroy = recent_destroy, .begin = recent_begin,                \
	.slot = recent_slot, .end = recent_end, .drop = recent_drop, .rejects = recent_rejects, \
	.blocked = recent_blocked, .bytes = recent_bytes, .words = recent_words

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
	.explain = recent_explain,
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
