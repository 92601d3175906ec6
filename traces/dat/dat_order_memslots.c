// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_order_internal.h"

#include <stdlib.h>

#include "base/array.h"

/* The oldest @n commits not yet in effect took effect at @time_ns. */
static int apply_commits(struct rs_dat_order *o, size_t n, uint64_t time_ns)
{
	uint64_t ticket;
	int ret = 0;

	while (!ret && n-- && rs_dat_slots_next(o->slots, &ticket)) {
		struct rs_dat_item *i = at(o, ticket);

		ret = rs_dat_slots_apply(o->slots, time_ns);
		if (time_ns < i->ev.time_ns)
			i->ev.time_ns = time_ns;
		i->placed = true;
		if (!ret)
			ret = rs_dat_order_append(o, o->now, ticket);
	}
	return ret;
}

/* The commit's turn has come: unless it was brought forward, it takes effect now. */
int rs_dat_order_sweep_memslot(struct rs_dat_order *o, uint64_t ticket)
{
	return apply_commits(o, 1, at(o, ticket)->ev.time_ns);
}

static int append_learned(struct rs_dat_order *o, struct rs_event memslot, uint64_t time_ns)
{
	int ret = rs_dat_slots_learn(o->slots, &memslot);

	memslot.time_ns = time_ns;
	if (!ret)
		ret = rs_dat_order_append_own(o, RS_DAT_MEMSLOT, memslot);
	return ret ? ret : note(o, "memslots-learned");
}

/*
 * No commit explains what was seen at @time_ns: the memslot was there before the
 * recording, or its commit was lost. Then it is known from its use alone. Those are taken
 * that were there by @there_ns.
 */
static int learn(struct rs_dat_order *o, uint64_t there_ns, uint64_t time_ns)
{
	int ret = 0;

	if (!o->asked) {
		o->asked = true;
		ret = o->learner.learn(o->learner.arg, &o->learned, &o->nr_learned);
	}
	while (!ret && o->used_learned < o->nr_learned &&
	       o->learned[o->used_learned].time_ns <= there_ns)
		ret = append_learned(o, o->learned[o->used_learned++], time_ns);
	return ret;
}

/*
 * A VM of which the first that is seen is no commit was there before the recording, and so were
 * its memslots. A commit to come may well make one again where it was: it explains nothing yet.
 */
static int learn_first(struct rs_dat_order *o, const struct rs_dat_evidence *e, uint64_t time_ns,
		       size_t *n)
{
	int ret;

	if (o->asked || !rs_dat_slots_had_none(o->slots))
		return 0;
	ret = learn(o, 0, time_ns);
	return ret ? ret : rs_dat_slots_explain(o->slots, e, time_ns, n);
}

/*
 * The first @n commits not yet in effect explain @e, seen at @time_ns, and so take effect.
 * If none do, others may still come (WAIT), or else the memslots are learned.
 */
static RS_SELDOM int make_explained(struct rs_dat_order *o, const struct rs_dat_evidence *e,
				    uint64_t time_ns, size_t n, bool *explained)
{
	int ret = learn_first(o, e, time_ns, &n);

	if (ret)
		return ret;
	if (n == RS_DAT_SLOTS_NEVER) {
		if (o->recorded_ns < time_ns + RS_DAT_COMMIT_NS &&
		    o->items.tail - o->items.swept < MAX_WAITING)
			return WAIT;
		ret = learn(o, time_ns, time_ns);
		if (!ret)
			ret = rs_dat_slots_explain(o->slots, e, time_ns, &n);
	}
	*explained = n != RS_DAT_SLOTS_NEVER;
	return ret || !*explained ? ret : apply_commits(o, n, time_ns);
}

/*
 * Lets those commits take effect that @e, seen at @time_ns, says were in effect.
 * WAIT: the one that explains it may still come. Sets *@explained if all is well.
 */
static inline int bring_forward(struct rs_dat_order *o, const struct rs_dat_evidence *e,
				uint64_t time_ns, bool *explained)
{
	size_t n;
	int ret = rs_dat_slots_explain(o->slots, e, time_ns, &n);

	*explained = n != RS_DAT_SLOTS_NEVER;
	return ret || !n ? ret : make_explained(o, e, time_ns, n, explained);
}

static int add_hit(struct rs_dat_order *o, size_t n, const struct rs_event *slot)
{
	if (RS_ROOM(o->hits, o->room_hits, n + 1))
		return -ENOMEM;
	o->hits[n] = (struct rs_dat_hit){ slot->inval.start, slot->inval.end, slot->inval.slot,
					  slot->as };
	return 0;
}

/* A notifier call is entered: the memslots are those that it found. */
static int check_call(struct rs_dat_order *o, uint64_t ticket, bool *explained)
{
	const struct rs_dat_item *i = at(o, ticket);
	const uint64_t time_ns = i->ev.time_ns;
	struct rs_dat_evidence e = {
		.by = RS_DAT_SEEN_NOTIFIER,
		.start = i->ev.inval.start,
		.end = i->ev.inval.end,
	};

	for (uint64_t t = i->next_slot; t != RS_DAT_NO_TICKET; t = at(o, t)->next_slot)
		if (add_hit(o, e.nr_hits++, &at(o, t)->ev))
			return -ENOMEM;
	rs_dat_hits_sort(o->hits, e.nr_hits);
	e.hits = o->hits;
	return bring_forward(o, &e, time_ns, explained);
}

int rs_dat_order_sweep_enter(struct rs_dat_order *o, uint64_t ticket)
{
	bool explained = true;
	int ret = check_call(o, ticket, &explained);

	if (ret)
		return ret;
	at(o, ticket)->type = RS_DAT_NONE;
	return explained ? 0 : note_unless_lost(o, "memslots-unexplained");
}

/* A memslot is hit outside of notifier calls: it is there, and has these frames. */
int rs_dat_order_sweep_hit(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_event *ev = &at(o, ticket)->ev;
	const struct rs_dat_hit hit = { ev->inval.start, ev->inval.end, ev->inval.slot, ev->as };
	const struct rs_dat_evidence e = { .by = RS_DAT_SEEN_HIT, .hits = &hit, .nr_hits = 1 };
	bool explained;
	int ret = bring_forward(o, &e, ev->time_ns, &explained);

	if (ret)
		return ret;
	at(o, ticket)->type = RS_DAT_NONE;
	return explained ? 0 : note_unless_lost(o, "memslots-unexplained");
}

/*
 * An invalidation that hit nothing though a memslot is where it was: in the model
 * it would be a hit, so it is left out.
 */
int rs_dat_order_sweep_miss(struct rs_dat_order *o, uint64_t ticket)
{
	bool explained = true;
	int ret = check_call(o, ticket, &explained);

	if (ret)
		return ret;
	if (explained)
		return rs_dat_order_append(o, o->now, ticket);
	at(o, ticket)->type = RS_DAT_NONE;
	ret = rs_dat_order_push(&o->dropped, &o->nr_dropped, &o->room_dropped,
				at(o, ticket)->ev.inval.id);
	return ret ? ret : note_unless_lost(o, "miss-overlaps-memslot");
}

int rs_dat_order_sweep_miss_end(struct rs_dat_order *o, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket);

	for (size_t n = 0; n < o->nr_dropped; n++) {
		if (o->dropped[n] != i->ev.inval.id)
			continue;
		i->type = RS_DAT_NONE;
		o->dropped[n] = o->dropped[--o->nr_dropped];
		return 0;
	}
	return rs_dat_order_append(o, o->now, ticket);
}

/* A fault begins: the memslots are those that it found. */
int rs_dat_order_check_fault(struct rs_dat_order *o, uint64_t ticket)
{
	struct rs_dat_evidence e;
	bool explained;
	int ret;

	rs_dat_order_evidence_of(at(o, ticket), &e);
	ret = bring_forward(o, &e, at(o, ticket)->ev.time_ns, &explained);
	if (!ret)
		ret = rs_dat_order_end_unfound(o, ticket);
	return ret || explained ? ret : note_unless_lost(o, "memslots-unexplained");
}
