// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/top/top.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/units.h"
#include "base/clean.h"

#define WIDEST 40 /* columns of a key */

static size_t shown(const struct rs_top_table *t, size_t limit)
{
	return limit && limit < t->nr_rows ? limit : t->nr_rows;
}

/* In thousandths of all that its algorithm rejected, and of all stall with it. */
static uint64_t share_of(const struct rs_top_table *t, const struct rs_top_row *row)
{
	const uint64_t all = rs_top_all_of(t, row)->rejected;

	return all ? (uint64_t)((unsigned __int128)row->rejected * 1000 / all) : 0;
}

static uint64_t stall_share(const struct rs_top_stall *stall, const struct rs_top_stall *of)
{
	const unsigned __int128 all = of->stall_ns;

	/* What is as large is not told apart by the last bits. */
	if (all >> 117)
		return (uint64_t)((stall->stall_ns >> 10) * 1000 / (all >> 10));
	return all ? (uint64_t)(stall->stall_ns * 1000 / all) : 0;
}

/* ---- text ---- */

static size_t width_of(const struct rs_top_table *t, unsigned int key, size_t n)
{
	size_t width = strlen(rs_top_key_name(key));

	for (size_t i = 0; i < n; i++) {
		const size_t columns = rs_clean_columns(t->rows[i].key[key]);

		width = columns > width ? columns : width;
	}
	for (size_t i = 0; key == RS_TOP_ALGORITHM && i < t->nr_all; i++) {
		const size_t columns = rs_clean_columns(t->all[i].key[key]);

		width = columns > width ? columns : width;
	}
	return width < WIDEST ? width : WIDEST;
}

static void put_padded(FILE *f, const char *text, size_t width)
{
	const size_t columns = rs_clean_columns(text);

	rs_clean_put(f, text);
	fprintf(f, "%*s", columns < width ? (int)(width - columns) + 2 : 2, "");
}

static void put_stall(FILE *f, const struct rs_top_stall *stall, const struct rs_top_stall *all)
{
	const uint64_t share = stall_share(stall, all);
	char time[32];

	fprintf(f, " %9" PRIu64 " %10s %4" PRIu64 ".%" PRIu64 " %%", stall->retries,
		rs_format_time((double)stall->stall_ns, time, sizeof(time)), share / 10,
		share % 10);
}

static void put_numbers(FILE *f, const struct rs_top_table *t, const struct rs_top_row *row)
{
	const struct rs_top_row *all = rs_top_all_of(t, row);
	const uint64_t share = share_of(t, row);
	const bool wrong = t->color && row->missed;

	fprintf(f, "%12" PRIu64 " %12" PRIu64 " %s%10" PRIu64 "%s %4" PRIu64 ".%" PRIu64 " %%",
		row->rejected, row->needless, wrong ? RS_STANDS_OUT : "", row->missed,
		wrong ? RS_STANDS_OUT_END : "", share / 10, share % 10);
	if (t->closed) {
		put_stall(f, &row->stall, &all->stall);
		put_stall(f, &row->other, &all->other);
	}
	fputc('\n', f);
}

/* Of the rows that are not shown: how many, and, of one algorithm, their sums. */
static void put_rest(FILE *f, const struct rs_top_table *t, size_t n, size_t width)
{
	struct rs_top_row rest = { 0 };
	char more[48];

	if (n == t->nr_rows)
		return;
	snprintf(more, sizeof(more), "(%zu more)", t->nr_rows - n);
	if (t->nr_all > 1) {
		fprintf(f, "%s\n", more);
		return;
	}
	for (size_t i = n; i < t->nr_rows; i++)
		rs_top_add(&rest, &t->rows[i]);
	put_padded(f, more, width - 2);
	put_numbers(f, t, &rest);
}

int rs_top_write_text(FILE *f, const struct rs_top_table *t, size_t limit)
{
	const size_t n = shown(t, limit);
	size_t widths[RS_NR_TOP_KEYS] = { 0 }, width = 0;

	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++) {
		if (!(t->keys & 1U << k))
			continue;
		widths[k] = width_of(t, k, n);
		put_padded(f, rs_top_key_name(k), widths[k]);
		width += widths[k] + 2;
	}
	fprintf(f, "%12s %12s %10s %8s", "rejected", "needless", "missed", "share");
	for (unsigned int arrivals = 0; t->closed && arrivals < 2; arrivals++)
		fprintf(f, " %9s %10s %8s", "retries", "stall", "share");
	fputc('\n', f);
	for (size_t i = 0; i < n; i++) {
		for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
			if (t->keys & 1U << k)
				put_padded(f, t->rows[i].key[k], widths[k]);
		put_numbers(f, t, &t->rows[i]);
	}
	put_rest(f, t, n, width);
	/* By algorithm alone they are the rows. */
	for (size_t i = 0; t->keys != 1U << RS_TOP_ALGORITHM && i < t->nr_all; i++) {
		const char *algo = t->all[i].key[RS_TOP_ALGORITHM];
		const size_t first = algo ? widths[RS_TOP_ALGORITHM] + 2 : 0;

		if (algo)
			put_padded(f, algo, first - 2);
		put_padded(f, "(all)", width - first - 2);
		put_numbers(f, t, &t->all[i]);
	}
	/* A trace without faults was not simulated. */
	if (t->closed && t->arrivals)
		fprintf(f, "Closed loop: first with arrivals %s, then with %s; pre-check %s.\n",
			t->arrivals, rs_other_arrivals(t->arrivals), t->precheck ? "on" : "off");
	return 0;
}

/* ---- a page ---- */

void rs_top_write_page(struct rs_page *p, const struct rs_top_table *t, size_t limit)
{
	struct rs_table table;
	unsigned int c = 0;

	rs_table_init(&table, (unsigned int)__builtin_popcount(t->keys) + 4);
	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
		if (t->keys & 1U << k)
			table.heading[0][c++] = rs_top_key_name(k);
	table.heading[0][c++] = "rejected";
	table.heading[0][c++] = "needless";
	table.heading[0][c++] = "missed";
	table.heading[0][c++] = "share";
	for (size_t i = 0; i < shown(t, limit); i++) {
		const struct rs_top_row *row = &t->rows[i];

		for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
			if (t->keys & 1U << k)
				rs_table_text(&table, row->key[k]);
		rs_table_count(&table, row->rejected);
		rs_table_count(&table, row->needless);
		rs_table_count(&table, row->missed);
		rs_table_share(&table, (double)share_of(t, row) / 1000);
	}
	rs_table_write(p, &table);
	if (t->nr_rows > shown(t, limit))
		rs_para(p, 0, 0, "(%zu more)", t->nr_rows - shown(t, limit));
}

/* ---- CSV ---- */

static void csv_stall(FILE *f, const struct rs_top_stall *stall, const struct rs_top_stall *all)
{
	const uint64_t share = stall_share(stall, all);
	char ns[48];

	fprintf(f, ",%" PRIu64 ",%s,%" PRIu64 ".%03" PRIu64, stall->retries,
		rs_format_u128(stall->stall_ns, ns, sizeof(ns)), share / 1000, share % 1000);
}

int rs_top_write_csv(FILE *f, const struct rs_top_table *t, size_t limit)
{
	const struct rs_csv_run run = { t->version, t->closed, t->arrivals, t->precheck };

	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
		if (t->keys & 1U << k)
			fprintf(f, "%s,", rs_top_key_name(k));
	fputs(RS_CSV_RUN ",rejected_faults,spurious_faults,missed_faults,share", f);
	fputs(t->closed ? ",retries,stall_total_ns,stall_share,other_retries,other_stall_total_ns,"
			  "other_stall_share\n"
			: "\n",
	      f);
	for (size_t i = 0; i < shown(t, limit); i++) {
		const struct rs_top_row *row = &t->rows[i], *all = rs_top_all_of(t, row);
		const uint64_t share = share_of(t, row);

		for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++) {
			if (!(t->keys & 1U << k))
				continue;
			rs_csv_text(f, row->key[k]);
			fputc(',', f);
		}
		rs_csv_run(f, &run);
		fprintf(f, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ".%03" PRIu64,
			row->rejected, row->needless, row->missed, share / 1000, share % 1000);
		if (t->closed) {
			csv_stall(f, &row->stall, &all->stall);
			csv_stall(f, &row->other, &all->other);
		}
		fputc('\n', f);
	}
	return 0;
}

/* ---- JSON ---- */

static json_t *json_counts(const struct rs_top_table *t, const struct rs_top_row *row)
{
	return RS_JSON({ "rejected", rs_json_u64(row->rejected) },
		       { "spurious", rs_json_u64(row->needless) },
		       { "missed", rs_json_u64(row->missed) },
		       { "share", rs_json_thousandths(share_of(t, row)) });
}

static json_t *json_stall(const struct rs_top_stall *stall, const struct rs_top_stall *all)
{
	return RS_JSON({ "retries", rs_json_u64(stall->retries) },
		       { "stall_total_ns", rs_json_u128(stall->stall_ns) },
		       { "stall_share", rs_json_thousandths(stall_share(stall, all)) });
}

static json_t *json_row(const struct rs_top_table *t, const struct rs_top_row *row)
{
	const struct rs_top_row *all = rs_top_all_of(t, row);
	json_t *o = json_counts(t, row);

	if (t->closed) {
		o = rs_json_join(o, json_stall(&row->stall, &all->stall));
		o = rs_json_with(o, "other_arrivals", json_stall(&row->other, &all->other));
	}
	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
		if (row->key[k])
			o = rs_json_with(o, rs_top_key_name(k), rs_json_text(row->key[k]));
	return o;
}

int rs_top_write_json(FILE *f, const struct rs_top_table *t, size_t limit)
{
	json_t *rows = json_array(), *by = json_array(), *all = json_array(), *root;
	int rc;

	for (unsigned int k = 0; k < RS_NR_TOP_KEYS; k++)
		if (t->keys & 1U << k)
			by = rs_json_append(by, rs_json_text(rs_top_key_name(k)));
	for (size_t i = 0; i < shown(t, limit); i++)
		rows = rs_json_append(rows, json_row(t, &t->rows[i]));
	for (size_t i = 0; i < t->nr_all; i++)
		all = rs_json_append(all, json_row(t, &t->all[i]));
	root = RS_JSON({ "schema", rs_json_text("retryscope-top/2") }, { "by", by });
	if (t->closed && t->arrivals)
		root = rs_json_join(root, RS_JSON({ "arrivals", rs_json_text(t->arrivals) },
						  { "precheck", json_boolean(t->precheck) }));
	root = rs_json_join(root, RS_JSON({ "groups", rs_json_u64(t->nr_rows) }, { "all", all },
					  { "rows", rows }));
	rc = root ? rs_json_write(f, root) : -ENOMEM;
	json_decref(root);
	return rc;
}
