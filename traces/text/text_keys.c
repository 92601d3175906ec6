// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "traces/text/text.h"

/*
 * One table says for each event which keys it has, what their values look like
 * and which member of the event they fill.
 */
enum value_kind {
	VALUE_U64,
	VALUE_U32,
	VALUE_U8,
	VALUE_FLAG, /* 0 or 1: sets @max in flags */
	VALUE_HVAS, /* START-END */
	VALUE_GFNS, /* START-END, and sets RS_F_GFN where @max says so */
	VALUE_RESULT,
	VALUE_FILTER,
	VALUE_COUNT, /* a number or "unknown" */
};

struct rs_text_key {
	const char *name;
	enum value_kind kind;
	bool optional;
	size_t at; /* offset in struct rs_event */
	uint64_t max;
};

#define MAX_KEYS 6
#define AT(member) offsetof(struct rs_event, member)
/* The bits of inval_begin's ranges among the keys given: just one must be there. */
#define GIVEN_HVA (1U << 1)
#define GIVEN_GFN (1U << 2)
#define GIVEN_RANGES (GIVEN_HVA | GIVEN_GFN)

static const struct rs_text_key event_keys[RS_NR_EVENT_TYPES][MAX_KEYS + 1] = {
	[RS_EV_MEMSLOT] = {
		{ "as", VALUE_U8, true, AT(as), RS_MAX_AS },
		{ "id", VALUE_U32, false, AT(memslot.id), RS_MAX_SLOT_ID },
		{ "gfn", VALUE_U64, false, AT(memslot.gfn), UINT64_MAX },
		{ "npages", VALUE_U64, false, AT(memslot.npages), UINT64_MAX },
		{ "hva", VALUE_U64, false, AT(memslot.hva), UINT64_MAX },
		{ "flags", VALUE_U32, true, AT(memslot.flags), UINT32_MAX },
	},
	[RS_EV_INVAL_BEGIN] = {
		{ "id", VALUE_U64, false, AT(inval.id), UINT64_MAX },
		{ "hva", VALUE_HVAS, true, AT(inval.start), 0 },
		{ "gfn", VALUE_GFNS, true, AT(inval.start), RS_F_GFN },
		{ "walk", VALUE_FLAG, true, 0, RS_F_WALK },
		{ "filter", VALUE_FILTER, true, 0, 0 },
	},
	[RS_EV_INVAL_SLOT] = {
		{ "id", VALUE_U64, false, AT(inval.id), UINT64_MAX },
		{ "as", VALUE_U8, true, AT(as), RS_MAX_AS },
		{ "slot", VALUE_U32, false, AT(inval.slot), RS_MAX_SLOT_ID },
		{ "gfn", VALUE_GFNS, false, AT(inval.start), 0 },
	},
	[RS_EV_INVAL_END] = {
		{ "id", VALUE_U64, false, AT(inval.id), UINT64_MAX },
	},
	[RS_EV_FAULT_BEGIN] = {
		{ "vcpu", VALUE_U32, false, AT(fault.vcpu), RS_MAX_VCPU },
		{ "gfn", VALUE_U64, false, AT(fault.gfn), UINT64_MAX },
		{ "as", VALUE_U8, true, AT(as), RS_MAX_AS },
		{ "private", VALUE_FLAG, true, 0, RS_F_PRIVATE },
	},
	[RS_EV_FAULT_CHECK] = {
		{ "vcpu", VALUE_U32, false, AT(fault.vcpu), RS_MAX_VCPU },
		{ "result", VALUE_RESULT, true, 0, 0 },
		{ "lockless", VALUE_FLAG, true, 0, RS_F_LOCKLESS },
	},
	[RS_EV_FAULT_END] = {
		{ "vcpu", VALUE_U32, false, AT(fault.vcpu), RS_MAX_VCPU },
	},
	[RS_EV_LOST] = {
		{ "count", VALUE_COUNT, true, AT(lost.count), UINT64_MAX },
		{ "pause", VALUE_FLAG, true, 0, RS_F_PAUSE },
		{ "resume", VALUE_FLAG, true, 0, RS_F_RESUME },
	},
	[RS_EV_STATE] = {
		{ "seq", VALUE_U64, false, AT(state.seq), UINT64_MAX },
		{ "in_progress", VALUE_U32, false, AT(state.in_progress), UINT32_MAX },
		{ "start", VALUE_U64, false, AT(state.start), UINT64_MAX },
		{ "end", VALUE_U64, false, AT(state.end), UINT64_MAX },
	},
};

static void store(struct rs_event *ev, const struct rs_text_key *k, uint64_t value)
{
	char *to = (char *)ev + k->at;
	uint32_t u32 = value;

	if (k->kind == VALUE_U8)
		*to = value;
	else if (k->kind == VALUE_U32)
		memcpy(to, &u32, sizeof(u32));
	else
		memcpy(to, &value, sizeof(value));
}

static int parse_range(struct rs_text_line *l, const struct rs_text_key *k, struct rs_event *ev)
{
	int rc = rs_text_number(l, "START-END", UINT64_MAX, &ev->inval.start);

	if (rc)
		return rc;
	if (l->p == l->end || *l->p != '-')
		return rs_text_expected(l, l->p, "'-' and the range's end");
	l->p++;
	if (k->kind == VALUE_GFNS)
		ev->flags |= k->max;
	return rs_text_number(l, "the range's end", UINT64_MAX, &ev->inval.end);
}

static int parse_result(struct rs_text_line *l, struct rs_event *ev)
{
	size_t len = rs_text_word(l, l->p);

	for (unsigned int i = 0; i < RS_NR_RESULTS; i++) {
		const char *name = rs_result_name(i);

		if (strlen(name) == len && !memcmp(name, l->p, len)) {
			ev->result = i;
			l->p += len;
			return 0;
		}
	}
	return rs_text_expected(l, l->p, "ok, retry or unknown");
}

static int parse_filter(struct rs_text_line *l, struct rs_event *ev)
{
	size_t len = rs_text_word(l, l->p);

	for (unsigned int f = RS_KIND_SHARED; f <= RS_KIND_BOTH; f++) {
		const char *name = rs_filter_name(f);

		if (strlen(name) == len && !memcmp(name, l->p, len)) {
			ev->flags |= (uint8_t)(f * RS_F_SHARED);
			l->p += len;
			return 0;
		}
	}
	return rs_text_expected(l, l->p, "shared, private or both");
}

static bool take_word(struct rs_text_line *l, const char *word)
{
	size_t len = strlen(word);

	if (rs_text_word(l, l->p) != len || memcmp(l->p, word, len))
		return false;
	l->p += len;
	return true;
}

static int parse_value(struct rs_text_line *l, const struct rs_text_key *k, struct rs_event *ev)
{
	uint64_t value;
	int rc;

	switch (k->kind) {
	case VALUE_HVAS:
	case VALUE_GFNS:
		return parse_range(l, k, ev);
	case VALUE_RESULT:
		return parse_result(l, ev);
	case VALUE_FILTER:
		return parse_filter(l, ev);
	case VALUE_FLAG:
		rc = rs_text_number(l, "0 or 1", 1, &value);
		if (!rc && value)
			ev->flags |= k->max;
		return rc;
	case VALUE_COUNT:
		if (take_word(l, "unknown"))
			return 0;
		break;
	default:
		break;
	}
	rc = rs_text_number(l, "a number", k->max, &value);
	if (!rc)
		store(ev, k, value);
	return rc;
}

/* The key at @l, tried first at *@hint, where a writer's order has it. NULL: none such. */
static const struct rs_text_key *find_key(struct rs_text_line *l, const struct rs_text_key *keys,
					  unsigned int *hint)
{
	size_t len = rs_text_word(l, l->p);

	for (unsigned int i = 0; i < MAX_KEYS; i++) {
		const struct rs_text_key *k = &keys[(*hint + i) % MAX_KEYS];

		if (k->name && strlen(k->name) == len && !memcmp(k->name, l->p, len)) {
			*hint = k - keys + 1;
			return k;
		}
	}
	return NULL;
}

static int unknown_key(struct rs_text_line *l, const struct rs_text_key *keys)
{
	char names[128] = "";
	size_t pos = 0;

	for (unsigned int i = 0; i < MAX_KEYS && keys[i].name; i++)
		pos += snprintf(names + pos, sizeof(names) - pos, "%s%s=", i ? ", " : "",
				keys[i].name);
	return rs_text_expected(l, l->p, names);
}

static int check_keys(struct rs_text_line *l, const struct rs_text_key *keys, unsigned int given,
		      struct rs_event *ev)
{
	bool removed = ev->type == RS_EV_MEMSLOT && !ev->memslot.npages;

	for (unsigned int i = 0; i < MAX_KEYS && keys[i].name; i++) {
		if (given & 1U << i || keys[i].optional)
			continue;
		/* Where a memslot was does not matter any more. */
		if (removed && (keys[i].at == AT(memslot.gfn) || keys[i].at == AT(memslot.hva)))
			continue;
		return rs_text_error(l, l->end, "%s= is missing", keys[i].name);
	}
	if (ev->type != RS_EV_INVAL_BEGIN)
		return 0;
	if ((given & GIVEN_RANGES) == GIVEN_RANGES)
		return rs_text_error(l, l->end, "hva= and gfn= exclude each other");
	if (!(given & GIVEN_RANGES))
		return rs_text_error(l, l->end, "hva= or gfn= is missing");
	/* Now that it is known what a range of its space concerns anyway. */
	rs_event_set_filter(ev, rs_flags_filter(ev->flags));
	return 0;
}

static int parse_key(struct rs_text_line *l, const struct rs_text_key *keys, unsigned int *hint,
		     unsigned int *given, struct rs_event *ev)
{
	const char *start = l->p;
	const struct rs_text_key *k = find_key(l, keys, hint);
	unsigned int bit;
	int rc;

	if (!k)
		return rs_text_who(l, &rc) ? rc : unknown_key(l, keys);
	bit = 1U << (k - keys);
	if (*given & bit)
		return rs_text_error(l, start, "%s= is given twice", k->name);
	*given |= bit;
	l->p += strlen(k->name);
	if (l->p == l->end || *l->p != '=')
		return rs_text_expected(l, l->p, "'='");
	l->p++;
	rc = parse_value(l, k, ev);
	return rc ? rc : rs_text_separator(l);
}

int rs_text_keys(struct rs_text_line *l, struct rs_event *ev)
{
	const struct rs_text_key *keys = event_keys[ev->type];
	unsigned int hint = 0, given = 0;

	if (ev->type == RS_EV_LOST)
		ev->lost.count = RS_LOST_UNKNOWN;
	while (l->p < l->end) {
		int rc = parse_key(l, keys, &hint, &given, ev);

		if (rc)
			return rc;
	}
	return check_keys(l, keys, given, ev);
}
