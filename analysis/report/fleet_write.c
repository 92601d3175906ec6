// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/units.h"

/* So many are listed in a text where nobody asked for them. */
#define FEW 20

/* ---- text ---- */

static const char *format_value(unsigned int figure, double value, char *buf, size_t size)
{
	return figure == RS_FLEET_STALL ? rs_format_time(value, buf, size)
					: rs_format_share(value, buf, size);
}

static void put_table(struct rs_page *p, const struct rs_fleet *fleet, size_t nr)
{
	static const char *const names[][2] = {
		{ "", "" },
		{ "checked", "faults" },
		{ "rejected", "of them" },
		{ "need-", "lessly" },
		{ "by", "alias" },
		{ "frames", "aliased" },
		{ "lost", "events" },
		{ "stall", "on average" },
	};
	struct rs_table t;

	rs_table_begin(&t, names, fleet->closed ? 8 : 7);
	t.heading[0][0] = rs_fleet_by_name(fleet->by);
	for (size_t i = 0; i < nr; i++) {
		const struct rs_fleet_unit *u = &fleet->units[i];

		rs_table_text(&t, u->name);
		rs_table_count(&t, u->checked);
		for (unsigned int k = RS_FLEET_REJECTED; k <= RS_FLEET_ALIASED; k++)
			rs_table_share(&t, u->values[k]);
		if (fleet->by == RS_FLEET_VM)
			rs_table_text(&t, "-");
		else
			rs_table_count(&t, u->lost);
		rs_table_wrong(&t, u->lost && fleet->by != RS_FLEET_VM);
		if (fleet->closed)
			rs_table_time(&t, u->values[RS_FLEET_STALL]);
	}
	rs_table_write(p, &t);
}

static void put_odd(struct rs_page *p, const struct rs_fleet *fleet, const struct rs_fleet_unit *u)
{
	static const char *const titles[] = {
		"of its faults rejected", "needlessly", "for an alias alone",
		"of its frames aliased",  "stall",	"of its events lost",
	};
	char value[32], middle[32], away[32];

	for (unsigned int i = 0; i < RS_FLEET_FIGURES; i++)
		if (u->away[i] != 0)
			rs_para(p, 2, 4, "%s: %s %s (median %s; %s spreads %s)", u->name,
				format_value(i, u->values[i], value, sizeof(value)), titles[i],
				format_value(i, fleet->median[i], middle, sizeof(middle)),
				rs_format_number(fabs(u->away[i]), away, sizeof(away)),
				u->away[i] > 0 ? "above" : "below");
}

static size_t count_odd(const struct rs_fleet *fleet)
{
	size_t n = 0;

	while (n < fleet->nr && fleet->units[n].most > 0)
		n++;
	return n;
}

void rs_fleet_table(struct rs_page *p, const struct rs_fleet *fleet)
{
	const char *by = rs_fleet_by_name(fleet->by);
	const size_t nr = fleet->asked || fleet->nr < FEW ? fleet->nr : FEW, odd = count_odd(fleet);

	if (fleet->algo)
		rs_para(p, 0, 0, "By %s, with %s:", by, fleet->algo);
	else
		rs_para(p, 0, 0, "By %s, with the algorithm that each traced kernel runs%s:", by,
			fleet->known ? "" : ", which is not known (--algo names one)");
	rs_blank_line(p);
	put_table(p, fleet, nr);
	if (nr < fleet->nr)
		rs_para(p, 0, 2, "... and %zu more: --by %s lists all.", fleet->nr - nr, by);
	rs_blank_line(p);
	if (fleet->nr < RS_FLEET_ENOUGH) {
		rs_para(p, 0, 2, "Too few to tell which of them stand out: %d are needed.",
			RS_FLEET_ENOUGH);
		return;
	}
	rs_para(p, 0, 2,
		"%zu of %zu stand out, by more than %.1f spreads from the median (a spread is "
		"1.48 times the median distance from it)%s",
		odd, fleet->nr, RS_FLEET_FAR, odd ? ":" : ".");
	for (size_t i = 0; i < odd && i < nr; i++)
		put_odd(p, fleet, &fleet->units[i]);
}

/* ---- for programs ---- */

static const struct {
	const char *name, *column;
	size_t offset;
	bool of_trace; /* a VM by itself tells nothing of it */
} counts[] = {
	{ "traces", "traces", offsetof(struct rs_fleet_unit, traces), false },
	{ "vms", "vms", offsetof(struct rs_fleet_unit, vms), false },
	{ "events", "events", offsetof(struct rs_fleet_unit, events), true },
	{ "lost_events", "lost_events", offsetof(struct rs_fleet_unit, lost), true },
	{ "checked", "checked_faults", offsetof(struct rs_fleet_unit, checked), false },
	{ "frames", "guest_max_frames", offsetof(struct rs_fleet_unit, frames), false },
	{ "aliased_frames", "guest_aliased_frames", offsetof(struct rs_fleet_unit, aliased_frames),
	  false },
};

#define NR_COUNTS (sizeof(counts) / sizeof(counts[0]))

static bool is_told(const struct rs_fleet *fleet, size_t i)
{
	return fleet->by != RS_FLEET_VM || !counts[i].of_trace;
}

static uint64_t count_of(const struct rs_fleet_unit *u, size_t i)
{
	return *(const uint64_t *)((const char *)u + counts[i].offset);
}

static json_t *json_figures(const struct rs_fleet *fleet)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < RS_FLEET_FIGURES; i++)
		o = rs_json_with(o, rs_fleet_figure_name(i),
				 RS_JSON({ "median", rs_json_number(fleet->median[i]) },
					 { "mad", rs_json_number(fleet->mad[i]) }));
	return o;
}

static json_t *json_unit(const struct rs_fleet *fleet, const struct rs_fleet_unit *u)
{
	json_t *out = json_object();
	json_t *o = RS_JSON({ "name", rs_json_text(u->name) });

	for (size_t i = 0; i < NR_COUNTS; i++)
		o = rs_json_with(o, counts[i].name,
				 is_told(fleet, i) ? rs_json_u64(count_of(u, i)) : json_null());
	for (unsigned int i = 0; i < RS_FLEET_FIGURES; i++) {
		o = rs_json_with(o, rs_fleet_figure_name(i), rs_json_number(u->values[i]));
		if (u->away[i] != 0)
			out = rs_json_with(out, rs_fleet_figure_name(i),
					   rs_json_number(u->away[i]));
	}
	return rs_json_with(o, "stands_out", out);
}

json_t *rs_fleet_json(const struct rs_fleet *fleet)
{
	json_t *list = json_array();

	for (size_t i = 0; i < fleet->nr; i++)
		list = rs_json_append(list, json_unit(fleet, &fleet->units[i]));
	return RS_JSON({ "by", json_string(rs_fleet_by_name(fleet->by)) },
		       { "algorithm", rs_json_text(fleet->algo) },
		       { "figures", json_figures(fleet) }, { "list", list });
}

int rs_fleet_csv(FILE *f, const struct rs_fleet *fleet, const struct rs_csv_run *run)
{
	fprintf(f, "%s,algorithm," RS_CSV_RUN, rs_fleet_by_name(fleet->by));
	for (size_t i = 0; i < NR_COUNTS; i++)
		fprintf(f, ",%s", counts[i].column);
	for (unsigned int i = 0; i < RS_FLEET_FIGURES; i++)
		fprintf(f, ",%s", rs_fleet_figure_name(i));
	for (unsigned int i = 0; i < RS_FLEET_FIGURES; i++)
		fprintf(f, ",%s_away", rs_fleet_figure_name(i));
	fputc('\n', f);
	for (size_t i = 0; i < fleet->nr; i++) {
		const struct rs_fleet_unit *u = &fleet->units[i];

		rs_csv_text(f, u->name);
		fputc(',', f);
		rs_csv_text(f, fleet->algo ? fleet->algo : "kernel");
		fputc(',', f);
		rs_csv_run(f, run);
		for (size_t k = 0; k < NR_COUNTS; k++)
			if (is_told(fleet, k))
				fprintf(f, ",%" PRIu64, count_of(u, k));
			else
				fputc(',', f);
		for (unsigned int k = 0; k < RS_FLEET_FIGURES; k++)
			rs_csv_number(f, u->values[k]);
		for (unsigned int k = 0; k < RS_FLEET_FIGURES; k++)
			rs_csv_number(f, u->away[k]);
		fputc('\n', f);
	}
	return ferror(f) ? -EIO : 0;
}
