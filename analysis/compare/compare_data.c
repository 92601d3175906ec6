// SPDX-License-Identifier: GPL-2.0-only
/* For programs: JSON and CSV, and the table of the formats. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"

#define SCHEMA "retryscope-compare/2"

static json_t *side_values(const struct rs_compare_row *row, enum rs_compare_side side)
{
	return RS_JSON({ "runs", rs_json_u64(row->nr[side]) },
		       { "median", rs_json_number(row->median[side]) },
		       { "min", rs_json_number(row->min[side]) },
		       { "max", rs_json_number(row->max[side]) });
}

static const char *verdict(const struct rs_compare *c, const struct rs_compare_row *row)
{
	if (!rs_compare_tells(c))
		return "too few to tell";
	if (isnan(row->p))
		return row->constant ? "the same" : "not tested";
	return row->found ? "differs" : "not found";
}

static json_t *json_rows(const struct rs_compare *c)
{
	json_t *list = json_array();
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);

	for (size_t i = 0; i < nr; i++)
		list = rs_json_append(list,
				      RS_JSON({ "figure", rs_json_text(rows[i].figure->name) },
					      { "algorithm", rs_json_text(rows[i].algorithm) },
					      { "base", side_values(&rows[i], RS_COMPARE_BASE) },
					      { "new", side_values(&rows[i], RS_COMPARE_NEW) },
					      { "ratio", rs_json_number(rows[i].ratio) },
					      { "ratio_low", rs_json_number(rows[i].ratio_low) },
					      { "ratio_high", rs_json_number(rows[i].ratio_high) },
					      { "p", rs_json_number(rows[i].p) },
					      { "p_holm", rs_json_number(rows[i].p_holm) },
					      { "exact", json_boolean(rows[i].exact) },
					      { "verdict", rs_json_text(verdict(c, &rows[i])) }));
	return list;
}

static json_t *json_group(const struct rs_compare *c, enum rs_compare_side side)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < rs_compare_runs(c, side); i++)
		paths = rs_json_append(paths, rs_json_text(rs_compare_path(c, side, i)));
	return RS_JSON({ "name", rs_json_text(rs_compare_name(c, side)) }, { "runs", paths });
}

static json_t *json_notes(const struct rs_compare *c)
{
	json_t *list = json_array();
	size_t nr;
	const char *const *notes = rs_compare_notes(c, &nr);

	for (size_t i = 0; i < nr; i++)
		list = rs_json_append(list, rs_json_text(notes[i]));
	return list;
}

static int write_json(FILE *f, const struct rs_compare *c, const char *command)
{
	json_t *root = RS_JSON({ "schema", json_string(SCHEMA) },
			       { "tool", RS_JSON({ "version", rs_json_text(RS_VERSION) },
						 { "command", rs_json_text(command) }) },
			       { "base", json_group(c, RS_COMPARE_BASE) },
			       { "new", json_group(c, RS_COMPARE_NEW) },
			       { "limit", rs_json_number(RS_COMPARE_LIMIT) },
			       { "tested", rs_json_u64(rs_compare_tested(c)) },
			       { "found", rs_json_u64(rs_compare_found(c)) },
			       { "notes", json_notes(c) }, { "rows", json_rows(c) });
	int rc;

	if (!root)
		return -ENOMEM;
	rc = rs_json_write(f, root);
	json_decref(root);
	return rc;
}

static int write_csv(FILE *f, const struct rs_compare *c, const char *command)
{
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);

	fputs("figure,algorithm," RS_CSV_RUN
	      ",base_runs,base_median,base_min,base_max,new_runs,new_median,"
	      "new_min,new_max,ratio,ratio_low,ratio_high,p,p_holm,verdict\n",
	      f);
	for (size_t i = 0; i < nr; i++) {
		rs_csv_text(f, rows[i].figure->name);
		fputc(',', f);
		rs_csv_text(f, rows[i].algorithm);
		fprintf(f, ",%s,%s,%s,%s", RS_VERSION, rs_compare_common_to_both(c, TRAIT_LOOP),
			rs_compare_arrivals(c, rows[i].figure),
			rs_compare_common_to_both(c, TRAIT_PRECHECK));
		for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++) {
			fprintf(f, ",%zu", rows[i].nr[side]);
			rs_csv_number(f, rows[i].median[side]);
			rs_csv_number(f, rows[i].min[side]);
			rs_csv_number(f, rows[i].max[side]);
		}
		rs_csv_number(f, rows[i].ratio);
		rs_csv_number(f, rows[i].ratio_low);
		rs_csv_number(f, rows[i].ratio_high);
		rs_csv_number(f, rows[i].p);
		rs_csv_number(f, rows[i].p_holm);
		fputc(',', f);
		rs_csv_text(f, verdict(c, &rows[i]));
		fputc('\n', f);
	}
	return ferror(f) ? -EIO : 0;
}

const struct rs_compare_format rs_compare_json = { "json", write_json };
const struct rs_compare_format rs_compare_csv = { "csv", write_csv };

#define DECLARE(name) extern const struct rs_compare_format rs_compare_##name;
RS_COMPARE_FORMATS(DECLARE)

#define ADDRESS(name) &rs_compare_##name,
static const struct rs_compare_format *const formats[] = { RS_COMPARE_FORMATS(ADDRESS) };

const struct rs_compare_format *rs_compare_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}
