// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/json_exact.h"
#include "analysis/plot/plot_price.h"
#include "base/array.h"

#define SCHEMA "retryscope-bench/1"

static int wrong(struct rs_error *err, size_t i, const char *key, const char *expected)
{
	return rs_error_set(err, RS_ERR_INPUT, EINVAL, "price[%zu].%s: %s expected", i, key,
			    expected);
}

static int read_counts(const json_t *o, size_t i, struct rs_price_point *p, struct rs_error *err)
{
	const struct {
		const char *key;
		uint64_t *to;
	} counts[] = {
		{ "checked", &p->checked },	{ "rejected", &p->rejected },
		{ "necessary", &p->necessary }, { "spurious", &p->spurious },
		{ "missed", &p->missed },
	};

	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
		if (!rs_json_get_u64(json_object_get(o, counts[k].key), counts[k].to))
			return wrong(err, i, counts[k].key, "a count");
	if (p->spurious > p->checked)
		return wrong(err, i, "spurious", "not more than checked");
	return 0;
}

static int read_prices(const json_t *o, size_t i, struct rs_price_point *p, struct rs_error *err)
{
	const struct {
		const char *key;
		double *to;
	} prices[] = {
		{ "median", &p->price_median },
		{ "min", &p->price_min },
		{ "max", &p->price_max },
	};

	for (size_t k = 0; k < sizeof(prices) / sizeof(prices[0]); k++)
		if (!rs_json_get_number(json_object_get(o, prices[k].key), prices[k].to) ||
		    !(*prices[k].to > 0))
			return wrong(err, i, prices[k].key, "a number above 0");
	if (p->price_min > p->price_median || p->price_median > p->price_max)
		return wrong(err, i, "median", "a number from min to max");
	return 0;
}

static int add_point(struct rs_price_data *d, const char *unit, const struct rs_price_point *p,
		     struct rs_error *err)
{
	struct rs_price_group *g;
	size_t i = 0;

	while (i < d->nr_groups && strcmp(d->groups[i].unit, unit))
		i++;
	if (i == d->nr_groups) {
		if (RS_ROOM_FOR_ONE(d->groups, d->nr_groups))
			return rs_error_nomem(err);
		d->groups[d->nr_groups++] = (struct rs_price_group){ .unit = unit };
	}
	g = &d->groups[i];
	if (RS_ROOM_FOR_ONE(g->points, g->nr))
		return rs_error_nomem(err);
	g->points[g->nr++] = *p;
	return 0;
}

static int read_point(struct rs_price_data *d, const json_t *o, size_t i, struct rs_error *err)
{
	const char *unit = json_string_value(json_object_get(o, "unit"));
	struct rs_price_point p = {
		.algorithm = json_string_value(json_object_get(o, "algorithm")),
	};
	int rc;

	if (!p.algorithm || !p.algorithm[0])
		return wrong(err, i, "algorithm", "a name");
	if (!unit || !unit[0])
		return wrong(err, i, "unit", "a text");
	rc = read_prices(o, i, &p, err);
	if (!rc)
		rc = read_counts(o, i, &p, err);
	return rc ? rc : add_point(d, unit, &p, err);
}

static int read_root(struct rs_price_data *d, const json_t *root, struct rs_error *err)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	const json_t *list = json_object_get(root, "price");
	int rc = 0;

	if (!schema || strcmp(schema, SCHEMA))
		return rs_error_set(err, RS_ERR_INPUT, EINVAL, "schema: \"" SCHEMA "\" expected");
	if (json_array_size(list) > RS_PRICE_MAX_POINTS)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "price: at most %d entries expected, not %zu",
				    RS_PRICE_MAX_POINTS, json_array_size(list));
	if (!json_is_array(list) || !json_array_size(list))
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "price: a list expected, not empty; measure with a trace");
	d->trace = json_string_value(json_object_get(root, "trace"));
	for (size_t i = 0; i < json_array_size(list) && !rc; i++)
		rc = read_point(d, json_array_get(list, i), i, err);
	return rc;
}

int rs_price_read(FILE *f, struct rs_price_data *d, struct rs_error *err)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->root = rs_json_read(f, err);
	if (!d->root)
		return -errno;
	rc = read_root(d, d->root, err);
	if (rc)
		rs_price_free(d);
	return rc;
}

void rs_price_free(struct rs_price_data *d)
{
	for (size_t i = 0; i < d->nr_groups; i++)
		free(d->groups[i].points);
	free(d->groups);
	json_decref(d->root);
	memset(d, 0, sizeof(*d));
}
