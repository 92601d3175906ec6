// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/top/top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/faults/faults.h"
#include "analysis/write/task.h"
#include "base/array.h"
#include "base/table.h"

/* The cause, and whom it is put down to, of stall that no rejection explains. */
#define NO_REJECTION RS_NR_FAULT_CAUSES
#define NOBODY UINT32_MAX /* no number of a trace's table */
#define NO_REJECTION_NAME "(no rejection)"

/* What is told apart while it is counted; what is not asked for is 0. */
struct group_key {
	uint64_t gfn;
	uint32_t algo, vm, who, cause, vcpu, slot, as;
	uint32_t others; /* 1: all that there was no room for, of an algorithm */
};

struct group {
	struct group_key key;
	struct rs_top_row counts; /* without keys */
};

struct rs_top {
	struct rs_observer observer;
	unsigned int keys;
	bool closed;
	struct rs_algo_spec *specs;
	size_t nr_algos;
	struct group *groups;
	size_t nr_groups;
	struct rs_hash by_key;
	size_t last; /* of @groups: what was asked for last, and mostly is again */
	bool failed;
};

static const char *const key_names[RS_NR_TOP_KEYS] = {
	[RS_TOP_ALGORITHM] = "algorithm", [RS_TOP_VM] = "vm",	    [RS_TOP_TASK] = "task",
	[RS_TOP_REASON] = "reason",	  [RS_TOP_CAUSE] = "cause", [RS_TOP_VCPU] = "vcpu",
	[RS_TOP_MEMSLOT] = "memslot",	  [RS_TOP_GFN] = "gfn",
};

const char *rs_top_key_name(unsigned int key)
{
	return key < RS_NR_TOP_KEYS ? key_names[key] : NULL;
}

/* ---- counting ---- */

struct wanted {
	const struct rs_top *t;
	const struct group_key *key;
};

static bool is_group(const void *arg, uint32_t i)
{
	const struct wanted *w = arg;

	return !memcmp(&w->t->groups[i].key, w->key, sizeof(*w->key));
}

static uint64_t hash_of(const struct group_key *k)
{
	uint64_t words[sizeof(*k) / 8], hash = 0;

	memcpy(words, k, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = rs_hash_number(hash + words[i]);
	return hash;
}

_Static_assert(sizeof(struct group_key) % 8 == 0 && sizeof(struct group_key) == 40,
	       "compared as bytes");

static struct group *find_group(struct rs_top *t, struct group_key key)
{
	const struct wanted w = { t, &key };
	uint64_t hash;
	uint32_t i;

	if (t->last < t->nr_groups && is_group(&w, (uint32_t)t->last))
		return &t->groups[t->last];
	hash = hash_of(&key);
	i = rs_hash_find(&t->by_key, hash, is_group, &w);
	if (i != RS_HASH_NONE) {
		t->last = i;
		return &t->groups[i];
	}
	if (t->nr_groups >= RS_TOP_MAX_GROUPS && !key.others)
		return find_group(t, (struct group_key){ .algo = key.algo, .others = 1 });
	if (RS_ROOM_FOR_ONE(t->groups, t->nr_groups) ||
	    rs_hash_add(&t->by_key, hash, (uint32_t)t->nr_groups)) {
		t->failed = true;
		return NULL;
	}
	t->groups[t->nr_groups] = (struct group){ .key = key };
	return &t->groups[t->nr_groups++];
}

/* What is asked for of @key. NULL: no memory, now or before. */
static struct rs_top_row *count_in(struct rs_top *t, struct group_key key)
{
	struct group *g;

	if (!(t->keys & 1U << RS_TOP_VM))
		key.vm = 0;
	if (!(t->keys & (1U << RS_TOP_TASK | 1U << RS_TOP_REASON)))
		key.who = 0;
	if (!(t->keys & 1U << RS_TOP_CAUSE))
		key.cause = 0;
	if (!(t->keys & 1U << RS_TOP_VCPU))
		key.vcpu = 0;
	if (!(t->keys & 1U << RS_TOP_MEMSLOT))
		key.slot = key.as = 0;
	if (!(t->keys & 1U << RS_TOP_GFN))
		key.gfn = 0;
	g = t->failed ? NULL : find_group(t, key);
	return g ? &g->counts : NULL;
}

static void judged(void *arg, const struct rs_judged *j)
{
	struct rs_top *t = arg;

	for (size_t i = 0; i < t->nr_algos; i++) {
		const uint8_t verdict = j->rejected[i];
		struct rs_top_row *row;

		if (!verdict && !j->necessary)
			continue;
		row = count_in(t, (struct group_key){ .gfn = j->gfn,
						      .algo = (uint32_t)i,
						      .vm = j->vm,
						      .who = j->blame[i].by.who,
						      .cause = rs_fault_cause(verdict),
						      .vcpu = j->vcpu,
						      .slot = j->slot,
						      .as = j->as });
		if (!row)
			return;
		row->rejected += verdict != 0;
		row->needless += verdict && !j->necessary;
		row->missed += !verdict;
	}
}

static void add_stall(struct rs_top_stall *to, const struct rs_top_stall *stall)
{
	to->retries += stall->retries;
	to->stall_ns += stall->stall_ns;
}

void rs_top_stalled(void *arg, const struct rs_stalled *s)
{
	struct rs_top_row *row = count_in(
		arg, (struct group_key){
			     .gfn = s->gfn,
			     .algo = (uint32_t)s->algo,
			     .vm = s->vm,
			     .who = s->blame ? s->blame->by.who : NOBODY,
			     .cause = s->verdict ? rs_fault_cause(s->verdict) : NO_REJECTION,
			     .vcpu = s->vcpu,
			     .slot = s->slot,
			     .as = s->as,
		     });

	const struct rs_top_stall stall = { s->retries, s->stall_ns };

	if (row && s->asked)
		add_stall(&row->stall, &stall);
	if (row && s->other)
		add_stall(&row->other, &stall);
}

struct rs_top *rs_top_new(const char *algos, unsigned int keys, bool closed, struct rs_error *err)
{
	struct rs_top *t = calloc(1, sizeof(*t));
	int rc = t ? rs_algo_parse(algos, &t->specs, &t->nr_algos, err) : rs_error_nomem(err);

	if (rc) {
		rs_top_free(t);
		errno = -rc;
		return NULL;
	}
	t->keys = keys;
	t->closed = closed;
	t->observer = (struct rs_observer){ .arg = t, .judged = judged };
	return t;
}

const struct rs_observer *rs_top_observer(struct rs_top *t)
{
	return &t->observer;
}

void rs_top_free(struct rs_top *t)
{
	if (!t)
		return;
	free(t->specs);
	free(t->groups);
	rs_hash_free(&t->by_key);
	free(t);
}

/* ---- the table ---- */

static void name_key(const struct rs_top *t, const struct rs_whos *whos, unsigned int key,
		     const struct group_key *k, char *buf, size_t size)
{
	const bool nobody = k->who == NOBODY && (key == RS_TOP_TASK || key == RS_TOP_REASON);
	const struct rs_who *who = nobody ? NULL : rs_whos_get(whos, k->who);

	if ((k->others && key != RS_TOP_ALGORITHM) || nobody) {
		snprintf(buf, size, "%s", nobody ? NO_REJECTION_NAME : "(others)");
		return;
	}
	switch (key) {
	case RS_TOP_ALGORITHM:
		snprintf(buf, size, "%s", t->specs[k->algo].name);
		break;
	case RS_TOP_TASK:
		rs_format_task(buf, size, who);
		break;
	case RS_TOP_REASON:
		rs_format_reason(buf, size, who);
		break;
	case RS_TOP_CAUSE:
		snprintf(buf, size, "%s",
			 k->cause == NO_REJECTION ? NO_REJECTION_NAME
						  : rs_fault_cause_name(k->cause));
		break;
	case RS_TOP_MEMSLOT:
		snprintf(buf, size, "%" PRIu32 ":%" PRIu32, k->as, k->slot);
		break;
	case RS_TOP_GFN:
		snprintf(buf, size, "0x%" PRIx64, k->gfn);
		break;
	default:
		snprintf(buf, size, "%" PRIu32, key == RS_TOP_VM ? k->vm : k->vcpu);
	}
}

static int name_row(const struct rs_top *t, const struct rs_whos *whos, const struct group *g,
		    struct rs_top_row *row)
{
	*row = g->counts;
	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++) {
		char text[160];

		if (!(t->keys & 1U << k))
			continue;
		name_key(t, whos, k, &g->key, text, sizeof(text));
		row->key[k] = strdup(text);
		if (!row->key[k])
			return -ENOMEM;
	}
	return 0;
}

static int by_keys(const void *a, const void *b)
{
	const struct rs_top_row *x = a, *y = b;

	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++) {
		const int c = x->key[k] ? strcmp(x->key[k], y->key[k]) : 0;

		if (c)
			return c;
	}
	return 0;
}

static int by_most(const void *a, const void *b)
{
	const struct rs_top_row *x = a, *y = b;

	if (x->stall.stall_ns != y->stall.stall_ns)
		return x->stall.stall_ns > y->stall.stall_ns ? -1 : 1;
	if (x->rejected != y->rejected)
		return x->rejected > y->rejected ? -1 : 1;
	if (x->missed != y->missed)
		return x->missed > y->missed ? -1 : 1;
	return by_keys(a, b);
}

void rs_top_add(struct rs_top_row *to, const struct rs_top_row *row)
{
	to->rejected += row->rejected;
	to->needless += row->needless;
	to->missed += row->missed;
	add_stall(&to->stall, &row->stall);
	add_stall(&to->other, &row->other);
}

static void free_row(struct rs_top_row *row)
{
	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
		free(row->key[k]);
}

/* A task that did things for several reasons was counted by each. */
static void merge_alike(struct rs_top_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->nr_rows; i++) {
		if (kept && !by_keys(&table->rows[kept - 1], &table->rows[i])) {
			rs_top_add(&table->rows[kept - 1], &table->rows[i]);
			free_row(&table->rows[i]);
		} else {
			table->rows[kept++] = table->rows[i];
		}
	}
	table->nr_rows = kept;
}

/* Without the algorithm among the keys there is but one of them. */
static int name_sums(const struct rs_top *t, struct rs_top_table *table)
{
	table->nr_all = t->keys & 1U << RS_TOP_ALGORITHM ? t->nr_algos : 1;
	for (size_t i = 0; t->keys & 1U << RS_TOP_ALGORITHM && i < t->nr_algos; i++) {
		table->all[i].key[RS_TOP_ALGORITHM] = strdup(t->specs[i].name);
		if (!table->all[i].key[RS_TOP_ALGORITHM])
			return -ENOMEM;
	}
	return 0;
}

const struct rs_top_row *rs_top_all_of(const struct rs_top_table *t, const struct rs_top_row *row)
{
	size_t i = 0;

	while (i + 1 < t->nr_all &&
	       strcmp(t->all[i].key[RS_TOP_ALGORITHM], row->key[RS_TOP_ALGORITHM]) != 0)
		i++;
	return &t->all[i];
}

int rs_top_finish(struct rs_top *t, const struct rs_whos *whos, struct rs_top_table *table)
{
	*table = (struct rs_top_table){ .keys = t->keys, .closed = t->closed };
	table->rows = calloc(t->nr_groups + 1, sizeof(*table->rows));
	table->all = calloc(t->nr_algos, sizeof(*table->all));
	if (!table->rows || !table->all || t->failed || name_sums(t, table))
		return -ENOMEM;
	for (size_t i = 0; i < t->nr_groups; i++) {
		struct rs_top_row *row = &table->rows[table->nr_rows++];

		if (name_row(t, whos, &t->groups[i], row))
			return -ENOMEM;
		rs_top_add(&table->all[table->nr_all > 1 ? t->groups[i].key.algo : 0], row);
	}
	qsort(table->rows, table->nr_rows, sizeof(*table->rows), by_keys);
	merge_alike(table);
	qsort(table->rows, table->nr_rows, sizeof(*table->rows), by_most);
	return 0;
}

void rs_top_table_free(struct rs_top_table *table)
{
	for (size_t i = 0; i < table->nr_rows; i++)
		free_row(&table->rows[i]);
	for (size_t i = 0; i < table->nr_all; i++)
		free_row(&table->all[i]);
	free(table->rows);
	free(table->all);
	*table = (struct rs_top_table){ 0 };
}
