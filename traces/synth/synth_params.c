// SPDX-License-Identifier: GPL-2.0-only
#include "traces/synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define K (1ULL << 10)
#define M (1ULL << 20)
#define G (1ULL << 30)
#define T (1ULL << 40)
#define US 1000ULL
#define MS 1000000ULL
#define S 1000000000ULL
#define PERCENT 10000ULL

/* What the text of a parameter is, and so how it is read and written. */
enum kind {
	COUNT, /* a number */
	SIZE,  /* bytes, whole pages */
	TIME,
	SHARE, /* "0.25" or "25%", held in millionths */
	MILLI, /* "0.99", held in thousandths */
	FLAG,  /* "on", "off" */
	CHOICE,
	LAYOUT, /* a choice of which some are "many:N" */
};

struct param {
	struct rs_synth_param_info info;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
	const char *const *choices;
	bool of_scenario;
};

static const char *const layouts[] = { "flat", "pc", "q35", "many", "dimms", "file", NULL };
static const char *const picks[] = { "scan", "random", "hot", NULL };
static const char *const spaces[] = { "hva", "gfn", NULL };
static const char *const concerns[] = { "all", "shared", "private", "given-up", NULL };

#define PARAM_ANY(of_scenario, key, takes, kind, member, min, max, choices, summary)               \
	{                                                                                          \
		{ key, takes, summary }, kind, offsetof(struct rs_synth_params, member), min, max, \
			choices, of_scenario                                                       \
	}
#define PARAM(...) PARAM_ANY(false, __VA_ARGS__)
#define PARAM_OF_SCENARIO(...) PARAM_ANY(true, __VA_ARGS__)

static const struct param params[] = {
	PARAM("seed", "number", COUNT, seed, 0, UINT64_MAX, NULL, "another seed, another trace"),
	PARAM("events", "number", COUNT, events, 0, UINT64_MAX, NULL,
	      "start nothing new after so many events; 0: no limit"),
	PARAM("time", "time", TIME, time_ns, 0, 1ULL << 62, NULL,
	      "start nothing new after this time; 0: no limit"),
	PARAM("vms", "number", COUNT, vms, 1, 256, NULL, "virtual machines, all alike"),
	PARAM("vcpus", "number", COUNT, vcpus, 0, 4096, NULL, "vCPUs of each"),
	PARAM("guest-size", "size", SIZE, guest_size, 64 * K, 16 * T, NULL, "memory of each"),
	PARAM("layout", "flat|pc|q35|many:N|dimms:N|file:FILE", LAYOUT, layout, 0, 5, layouts,
	      "how its memory is cut into memslots"),
	PARAM("vga", "on|off", FLAG, vga, 0, 1, NULL,
	      "show the start of 16 MiB of video memory also below 1 MiB (pc and q35)"),
	PARAM("aliases", "number", COUNT, aliases, 0, 4096, NULL,
	      "further memslots that map the aliased memory"),
	PARAM("alias-distance", "size", SIZE, alias_distance, 4 * K, 64 * T, NULL,
	      "guest memory from what is aliased to the first, and so on"),
	PARAM("alias-share", "share", SHARE, alias_share, 0, 100 * PERCENT, NULL,
	      "how much of the memory is aliased"),
	PARAM("alias-part", "share", SHARE, alias_part, 1, 100 * PERCENT, NULL,
	      "how much of the aliased memory each alias maps, at offsets of their own"),
	PARAM_OF_SCENARIO("private-share", "share", SHARE, private_share, 0, 100 * PERCENT, NULL,
			  "how much of the memory is private, in pieces of 2M"),
	PARAM("fault-rate", "number", COUNT, fault_rate, 1, 1000000000, NULL,
	      "faults per second and vCPU"),
	PARAM("fault-time", "time", TIME, fault_ns, 1, 1ULL << 40, NULL,
	      "mean time from a fault's begin to its check"),
	PARAM("zipf", "number", MILLI, zipf, 0, 8000, NULL,
	      "locality of the faults: the exponent; 0: all pages alike"),
	PARAM("refault", "share", SHARE, refault, 0, 100 * PERCENT, NULL,
	      "how many of the faults are on what was invalidated lately"),
	PARAM("ended", "share", SHARE, ended, 0, 100 * PERCENT, NULL,
	      "how many of the faults end without a check"),
	PARAM_OF_SCENARIO("invalidators", "number", COUNT, invalidators, 0, 65536, NULL,
			  "threads that invalidate: as many are outstanding at most"),
	PARAM_OF_SCENARIO("space", "hva|gfn", CHOICE, space, 0, 1, spaces,
			  "what an invalidation is told in: gfn has no host address"),
	PARAM_OF_SCENARIO("concerns", "all|shared|private|given-up", CHOICE, concerns, 0, 3,
			  concerns, "which mappings an invalidation concerns, if not all"),
	PARAM_OF_SCENARIO("convert", "on|off", FLAG, convert, 0, 1, NULL,
			  "each turns private memory into shared, or shared into private"),
	PARAM_OF_SCENARIO("discard", "on|off", FLAG, discard, 0, 1, NULL,
			  "after a conversion another one takes what was given up"),
	PARAM_OF_SCENARIO("inval-size", "size", SIZE, inval_size, 4 * K, 64 * T, NULL,
			  "memory of one invalidation, clipped to the guest's"),
	PARAM_OF_SCENARIO("pick", "scan|random|hot", CHOICE, pick, 0, 2, picks,
			  "which memory: in order, any, or as the faults prefer it"),
	PARAM_OF_SCENARIO("skip", "size", SIZE, skip, 0, 16 * T, NULL,
			  "pick=scan: mean distance from one to the next"),
	PARAM_OF_SCENARIO("repeat", "number", COUNT, repeat, 1, 1000, NULL,
			  "how often each is invalidated in a row"),
	PARAM_OF_SCENARIO("nested", "size", SIZE, nested, 0, 1 * G, NULL,
			  "size of a second one inside of each, aligned, around it; 0: none"),
	PARAM("miss", "share", SHARE, miss, 0, 100 * PERCENT, NULL,
	      "how many are outside of the guest's memory"),
	PARAM_OF_SCENARIO("burst", "number", COUNT, burst, 1, 1ULL << 32, NULL,
			  "how many in a row"),
	PARAM_OF_SCENARIO("gap", "time", TIME, gap_ns, 1, 1ULL << 44, NULL,
			  "mean time between those"),
	PARAM_OF_SCENARIO("period", "time", TIME, period_ns, 1, 1ULL << 44, NULL,
			  "mean time from the end of a row to the next"),
	PARAM_OF_SCENARIO("inval-time", "time", TIME, inval_ns, 1, 1ULL << 40, NULL,
			  "mean time that one takes,"),
	PARAM_OF_SCENARIO("page-time", "time", TIME, page_ns, 0, 1ULL << 30, NULL,
			  "and for each page in it"),
	PARAM("walk", "on|off", FLAG, walk, 0, 1, NULL,
	      "write each memslot that an invalidation reaches as an event"),
	PARAM("walk-time", "time", TIME, walk_ns, 0, 1ULL << 40, NULL,
	      "time from one of those to the next"),
};

#define NR_PARAMS (sizeof(params) / sizeof(params[0]))
_Static_assert(NR_PARAMS <= 64, "a bit each in what is given");

/* Of @sets, those members that the table of parameters says are of the scenario. */
struct scenario {
	struct rs_synth_scenario_info info;
	struct rs_synth_params sets;
};

static const struct scenario scenarios[] = {
	{ .info = { "ksm", "ksmd merges single pages: write-protects, then replaces them", "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 4 * K,
	  .pick = RS_PICK_SCAN,
	  .skip = 36 * K,
	  .repeat = 2,
	  .burst = 10,
	  .gap_ns = 5 * US,
	  .period_ns = 20 * MS,
	  .inval_ns = 5 * US,
	  } },
	{ .info = { "thp-collapse", "khugepaged replaces 512 pages by a huge one", "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 2 * M,
	  .pick = RS_PICK_SCAN,
	  .skip = 2 * M,
	  .repeat = 1,
	  .burst = 1,
	  .gap_ns = 1 * MS,
	  .period_ns = 1 * MS,
	  .inval_ns = 10 * US,
	  } },
	{ .info = { "thp-split", "huge pages are split while parts of them are unmapped",
		    "seq,concurrent,stale" },
	  .sets = {
	  .invalidators = 2,
	  .inval_size = 64 * K,
	  .pick = RS_PICK_RANDOM,
	  .nested = 2 * M,
	  .repeat = 1,
	  .burst = 16,
	  .gap_ns = 20 * US,
	  .period_ns = 2 * MS,
	  .inval_ns = 10 * US,
	  .page_ns = 100,
	  } },
	{ .info = { "numa-balancing", "256 MiB at a time are made to fault again", "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 256 * M,
	  .pick = RS_PICK_SCAN,
	  .repeat = 1,
	  .burst = 1,
	  .gap_ns = 1 * MS,
	  .period_ns = 1 * S,
	  .inval_ns = 10 * US,
	  .page_ns = 20,
	  } },
	{ .info = { "balloon", "the guest gives back pages, one by one", "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 4 * K,
	  .pick = RS_PICK_SCAN,
	  .repeat = 1,
	  .burst = 256,
	  .gap_ns = 2 * US,
	  .period_ns = 1 * MS,
	  .inval_ns = 5 * US,
	  } },
	{ .info = { "free-page-reporting", "the guest reports free memory, 2 MiB at a time",
		    "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 2 * M,
	  .pick = RS_PICK_RANDOM,
	  .repeat = 1,
	  .burst = 32,
	  .gap_ns = 10 * US,
	  .period_ns = 2 * S,
	  .inval_ns = 10 * US,
	  .page_ns = 100,
	  } },
	{ .info = { "memory-reclaim", "kswapd and direct reclaimers unmap single pages",
		    "seq,concurrent,stale" },
	  .sets = {
	  .invalidators = 4,
	  .inval_size = 4 * K,
	  .pick = RS_PICK_RANDOM,
	  .repeat = 1,
	  .burst = 32,
	  .gap_ns = 2 * US,
	  .period_ns = 200 * US,
	  .inval_ns = 5 * US,
	  } },
	{ .info = { "live-migration", "post-copy: what the source wrote is punched out", "seq" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 64 * K,
	  .pick = RS_PICK_SCAN,
	  .skip = 192 * K,
	  .repeat = 1,
	  .burst = 4096,
	  .gap_ns = 2 * US,
	  .period_ns = 1 * MS,
	  .inval_ns = 5 * US,
	  .page_ns = 100,
	  } },
	{ .info = { "madvise-all", "all of the guest's memory is dropped at once", "" },
	  .sets = {
	  .invalidators = 1,
	  .inval_size = 64 * T,
	  .pick = RS_PICK_SCAN,
	  .repeat = 1,
	  .burst = 1,
	  .gap_ns = 1 * MS,
	  .period_ns = 500 * MS,
	  .inval_ns = 10 * US,
	  .page_ns = 100,
	  } },
	{ .info = { "guest-memfd", "holes are punched into private memory: there is no host address",
		    "seq,no-hva" },
	  .sets = {
	  .private_share = 50 * PERCENT,
	  .invalidators = 1,
	  .space = RS_SYNTH_GFN,
	  .concerns = RS_CONCERNS_PRIVATE,
	  .inval_size = 64 * K,
	  .pick = RS_PICK_RANDOM,
	  .repeat = 1,
	  .burst = 64,
	  .gap_ns = 5 * US,
	  .period_ns = 1 * MS,
	  .inval_ns = 5 * US,
	  .page_ns = 100,
	  } },
	{ .info = { "conversion", "the guest turns shared memory private, and private shared",
		    "kind,seq,no-hva" },
	  .sets = {
	  .private_share = 50 * PERCENT,
	  .invalidators = 1,
	  .space = RS_SYNTH_GFN,
	  .concerns = RS_CONCERNS_GIVEN_UP,
	  .convert = 1,
	  .discard = 1,
	  .inval_size = 64 * K,
	  .pick = RS_PICK_RANDOM,
	  .repeat = 1,
	  .burst = 64,
	  .gap_ns = 5 * US,
	  .period_ns = 1 * MS,
	  .inval_ns = 5 * US,
	  .page_ns = 100,
	  } },
};

#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

const struct rs_synth_param_info *rs_synth_param(size_t i)
{
	return i < NR_PARAMS ? &params[i].info : NULL;
}

const struct rs_synth_scenario_info *rs_synth_scenario(size_t i)
{
	return i < NR_SCENARIOS ? &scenarios[i].info : NULL;
}

static uint64_t *member(struct rs_synth_params *p, const struct param *d)
{
	return (uint64_t *)((char *)p + d->offset);
}

static uint64_t value_of(const struct rs_synth_params *p, const struct param *d)
{
	return *(const uint64_t *)((const char *)p + d->offset);
}

/* What was given stays. */
static void apply_scenario(struct rs_synth_params *p, const struct scenario *s)
{
	p->scenario = s->info.name;
	for (size_t i = 0; i < NR_PARAMS; i++)
		if (params[i].of_scenario && !(p->given >> i & 1))
			*member(p, &params[i]) = value_of(&s->sets, &params[i]);
}

void rs_synth_defaults(struct rs_synth_params *p)
{
	*p = (struct rs_synth_params){
		.seed = 1,
		.events = 1000000,
		.vms = 1,
		.vcpus = 4,
		.guest_size = 4 * G,
		.layout = RS_LAYOUT_Q35,
		.slots = 1,
		.alias_distance = 1 * G,
		.alias_share = 1 * PERCENT,
		.alias_part = 100 * PERCENT,
		.fault_rate = 10000,
		.fault_ns = 3 * US,
		.zipf = 990,
		.refault = 50 * PERCENT,
		.walk_ns = 100,
	};
	apply_scenario(p, &scenarios[0]);
}

static int set_scenario(struct rs_synth_params *p, const char *name, struct rs_error *err)
{
	char known[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < NR_SCENARIOS; i++) {
		if (!strcmp(scenarios[i].info.name, name)) {
			apply_scenario(p, &scenarios[i]);
			return 0;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 scenarios[i].info.name);
	}
	return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no scenario '%s'; there are: %s", name,
			    known);
}

static const struct param *find_param(const char *key)
{
	for (size_t i = 0; i < NR_PARAMS; i++)
		if (!strcmp(params[i].info.key, key))
			return &params[i];
	return NULL;
}

static int parse_share(const char *text, uint64_t *millionths)
{
	size_t len = strlen(text);
	char number[32];

	if (!len || text[len - 1] != '%')
		return rs_parse_fixed(text, 6, millionths);
	if (len > sizeof(number))
		return -EINVAL;
	memcpy(number, text, len - 1);
	number[len - 1] = '\0';
	return rs_parse_fixed(number, 4, millionths);
}

static int parse_choice(const char *text, const char *const *choices, uint64_t *value)
{
	for (uint64_t i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text))
			continue;
		*value = i;
		return 0;
	}
	return -EINVAL;
}

/* "many:N" and "dimms:N" say how many memslots, "file:FILE" (or a FILE
 * whose name is none of a layout's) has them, the others say nothing. */
static int parse_layout(struct rs_synth_params *p, const char *text, uint64_t *value)
{
	const char *colon = strchr(text, ':');
	uint64_t slots = 1, layout;
	const char *file = !strncmp(text, "file:", 5) ? text + 5 : NULL;
	char name[16];

	if (!file && (strchr(text, '/') || strchr(text, '.')))
		file = text;
	if (file) {
		if (!*file || strlen(file) >= sizeof(p->layout_file))
			return -EINVAL;
		strcpy(p->layout_file, file);
		*value = RS_LAYOUT_FILE;
		return 0;
	}
	if (colon && (rs_parse_u64(colon + 1, &slots) || !slots || slots > RS_SYNTH_MAX_SLOTS))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : 15, text);
	if (parse_choice(name, layouts, &layout) || layout == RS_LAYOUT_FILE ||
	    (layout >= RS_LAYOUT_MANY) != !!colon)
		return -EINVAL;
	p->slots = slots;
	*value = layout;
	return 0;
}

static int parse_value(struct rs_synth_params *p, const struct param *d, const char *text,
		       uint64_t *value)
{
	static const char *const flags[] = { "off", "on", NULL };

	switch (d->kind) {
	case COUNT:
		return rs_parse_u64(text, value);
	case SIZE:
		return rs_parse_size(text, value) || *value % RS_PAGE_SIZE ? -EINVAL : 0;
	case TIME:
		return rs_parse_time(text, value);
	case SHARE:
		return parse_share(text, value);
	case MILLI:
		return rs_parse_fixed(text, 3, value);
	case FLAG:
		return parse_choice(text, flags, value);
	case CHOICE:
		return parse_choice(text, d->choices, value);
	case LAYOUT:
		return parse_layout(p, text, value);
	}
	return -EINVAL;
}

/* The value in the largest unit that divides it, as the parsers take it. */
static void print_unit(char *buf, size_t size, uint64_t value, const uint64_t *units,
		       const char *const *names)
{
	size_t i = 0;

	while (value % units[i] || !value) {
		if (units[i] == 1)
			break;
		i++;
	}
	snprintf(buf, size, "%" PRIu64 "%s", value / units[i], names[i]);
}

static void print_fixed(char *buf, size_t size, uint64_t value, unsigned int digits)
{
	uint64_t one = 1;
	int len;

	for (unsigned int i = 0; i < digits; i++)
		one *= 10;
	len = snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64, value / one, (int)digits, value % one);
	while (len > 0 && (size_t)len < size && buf[len - 1] == '0')
		buf[--len] = '\0';
	if (len > 0 && (size_t)len < size && buf[len - 1] == '.')
		buf[--len] = '\0';
}

static void print_value(const struct rs_synth_params *p, const struct param *d, uint64_t value,
			char *buf, size_t size)
{
	static const uint64_t sizes[] = { T, G, M, K, 1 }, times[] = { S, MS, US, 1 };
	static const char *const size_names[] = { "T", "G", "M", "K", "" };
	static const char *const time_names[] = { "s", "ms", "us", "ns" };

	switch (d->kind) {
	case COUNT:
		snprintf(buf, size, "%" PRIu64, value);
		break;
	case SIZE:
		print_unit(buf, size, value, sizes, size_names);
		break;
	case TIME:
		print_unit(buf, size, value, times, time_names);
		break;
	case SHARE:
		print_fixed(buf, size, value, 6);
		break;
	case MILLI:
		print_fixed(buf, size, value, 3);
		break;
	case FLAG:
		snprintf(buf, size, "%s", value ? "on" : "off");
		break;
	case CHOICE:
		snprintf(buf, size, "%s", d->choices[value]);
		break;
	case LAYOUT:
		if (value == RS_LAYOUT_FILE)
			snprintf(buf, size, "%s:%s", layouts[value], p->layout_file);
		else if (value >= RS_LAYOUT_MANY)
			snprintf(buf, size, "%s:%" PRIu64, layouts[value], p->slots);
		else
			snprintf(buf, size, "%s", layouts[value]);
		break;
	}
}

int rs_synth_set(struct rs_synth_params *p, const char *key, const char *text, struct rs_error *err)
{
	const struct param *d = find_param(key);
	uint64_t value = 0;
	char min[32], max[32];

	if (!strcmp(key, "scenario"))
		return set_scenario(p, text, err);
	if (!d)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no parameter '%s'", key);
	if (parse_value(p, d, text, &value))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%s=%s: expected %s%s", key, text,
				    d->info.takes, d->kind == SIZE ? ", whole pages of 4K" : "");
	if (value < d->min || value > d->max) {
		print_value(p, d, d->min, min, sizeof(min));
		print_value(p, d, d->max, max, sizeof(max));
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%s=%s: expected %s to %s", key,
				    text, min, max);
	}
	*member(p, d) = value;
	p->given |= 1ULL << (d - params);
	return 0;
}

int rs_synth_get(const struct rs_synth_params *p, const char *key, char *buf, size_t size)
{
	const struct param *d = find_param(key);

	if (!strcmp(key, "scenario")) {
		snprintf(buf, size, "%s", p->scenario);
		return 0;
	}
	if (!d)
		return -EINVAL;
	print_value(p, d, value_of(p, d), buf, size);
	return 0;
}

bool rs_synth_is_given(const struct rs_synth_params *p, const char *key)
{
	const struct param *d = find_param(key);

	return d && p->given >> (d - params) & 1;
}
