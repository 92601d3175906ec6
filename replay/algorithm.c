// SPDX-License-Identifier: GPL-2.0-only
#include "replay/algorithm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithms/algorithms.h"

/* Whether @a stands before @b. */
static bool before(const struct rs_algo_ops *a, const struct rs_algo_ops *b)
{
	if (a->place != b->place)
		return a->place < b->place;
	return strcmp(a->info.name, b->info.name) < 0;
}

/* The next one after @last, or the first if that is NULL. NULL: none. There are few. */
static const struct rs_algo_ops *next_algo(const struct rs_algo_ops *last)
{
	const struct rs_algo_ops *next = NULL;

	for (const struct rs_algo_ops *const *const *f = rs_algorithm_files; *f; f++)
		for (const struct rs_algo_ops *const *a = *f; *a; a++)
			if ((!last || before(last, *a)) && (!next || before(*a, next)))
				next = *a;
	return next;
}

const struct rs_algo_info *rs_algo_info(size_t i)
{
	const struct rs_algo_ops *a = next_algo(NULL);

	while (a && i--)
		a = next_algo(a);
	return a ? &a->info : NULL;
}

/* ---- lists ---- */

static const char *params_in(const struct rs_algo_ops *a, enum rs_algo_list which)
{
	switch (which) {
	case RS_ALGOS_ALL:
		return a->in_all;
	case RS_ALGOS_DEFAULT:
		return a->in_default;
	default:
		return a->in_price;
	}
}

/* Its name, or its family's with each of the parameters. */
static void put_names(FILE *f, const struct rs_algo_ops *a, const char *params)
{
	const int stem = (int)strcspn(a->info.name, ":");

	do {
		size_t len = strcspn(params, ",");

		fprintf(f, "%s%.*s", ftell(f) ? "," : "", stem, a->info.name);
		if (len)
			fprintf(f, ":%.*s", (int)len, params);
		params += len;
	} while (*params++);
}

static void put_list(FILE *f, enum rs_algo_list which, bool bounds, bool merged)
{
	for (const struct rs_algo_ops *a = next_algo(NULL); a; a = next_algo(a)) {
		const char *params = params_in(a, which);

		if (a->flags & RS_ALGO_BOUND && !bounds)
			continue;
		if (params && (which == RS_ALGOS_ALL || a->info.merged == merged))
			put_names(f, a, params);
	}
}

char *rs_algo_list(enum rs_algo_list which, bool bounds)
{
	char *list = NULL;
	size_t size;
	FILE *f = open_memstream(&list, &size);

	if (!f)
		return NULL;
	put_list(f, which, bounds, true);
	if (which != RS_ALGOS_ALL)
		put_list(f, which, bounds, false);
	if (!fclose(f))
		return list;
	free(list);
	return NULL;
}

static bool parse_number(const struct rs_algo_ops *ops, const char *text, size_t len,
			 uint64_t *param)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	*param = strtoull(text, &end, 10);
	return end == text + len && *param >= ops->min_param && *param <= ops->max_param;
}

/* "gfn-multi:4" is of family "gfn-multi:N". */
static bool match(const struct rs_algo_ops *ops, const char *name, size_t len, uint64_t *param)
{
	const char *colon = strchr(ops->info.name, ':');
	size_t stem;

	*param = 0;
	if (!colon)
		return strlen(ops->info.name) == len && !memcmp(ops->info.name, name, len);
	stem = (size_t)(colon - ops->info.name) + 1;
	if (len <= stem || memcmp(ops->info.name, name, stem))
		return false;
	if (ops->parse)
		return ops->parse(name + stem, len - stem, param);
	return parse_number(ops, name + stem, len - stem, param);
}

static bool find(const char *name, size_t len, struct rs_algo_spec *spec)
{
	const struct rs_algo_ops *a = next_algo(NULL);

	while (a && !match(a, name, len, &spec->param))
		a = next_algo(a);
	if (!a)
		return false;
	spec->ops = a;
	snprintf(spec->name, sizeof(spec->name), "%.*s", (int)len, name);
	return true;
}

const struct rs_algo_info *rs_algo_info_of(const char *name)
{
	struct rs_algo_spec spec;

	return find(name, strlen(name), &spec) ? &spec.ops->info : NULL;
}

bool rs_algo_has_range(const char *name)
{
	struct rs_algo_spec spec;

	return find(name, strlen(name), &spec) && algo_has_range(spec.ops);
}

static bool listed(const struct rs_algo_spec *specs, size_t n, const struct rs_algo_spec *spec)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].ops == spec->ops && specs[i].param == spec->param)
			return true;
	return false;
}

static int parse_list(const char *list, struct rs_algo_spec **specs, size_t *n,
		      struct rs_error *err)
{
	struct rs_algo_spec spec, *v;
	size_t max = 1;

	for (const char *p = list; *p; p++)
		max += *p == ',';
	v = calloc(max, sizeof(*v));
	if (!v)
		return rs_error_nomem(err);
	*n = 0;
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (!find(p, len, &spec)) {
			free(v);
			return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no algorithm '%.*s'",
					    len < 64 ? (int)len : 64, p);
		}
		if (!listed(v, *n, &spec))
			v[(*n)++] = spec;
		p += len;
		if (!*p)
			break;
	}
	*specs = v;
	return 0;
}

int rs_algo_parse(const char *list, struct rs_algo_spec **specs, size_t *n, struct rs_error *err)
{
	char *own;
	int ret;

	if (list && strcmp(list, "all"))
		return parse_list(list, specs, n, err);
	own = rs_algo_list(list ? RS_ALGOS_ALL : RS_ALGOS_DEFAULT, true);
	if (!own)
		return rs_error_nomem(err);
	ret = parse_list(own, specs, n, err);
	free(own);
	return ret;
}

int rs_algo_init(struct rs_algo *a, const struct rs_algo_spec *spec, const struct rs_algo_env *env)
{
	a->ops = spec->ops;
	a->param = spec->param;
	a->state = calloc(1, spec->ops->state_size);
	if (!a->state)
		return -ENOMEM;
	return a->ops->init ? a->ops->init(a->state, env, spec->param) : 0;
}

void rs_algo_destroy(struct rs_algo *a)
{
	if (a->state && a->ops->destroy)
		a->ops->destroy(a->state);
	free(a->state);
	a->state = NULL;
}

int rs_algos_memslots_changed(const struct rs_algo *algos, size_t n)
{
	for (const struct rs_algo *a = algos; a < algos + n; a++)
		if (a->ops->memslots_changed && a->ops->memslots_changed(a->state))
			return -ENOMEM;
	return 0;
}

void rs_algos_drop(const struct rs_algo *algos, size_t n)
{
	for (const struct rs_algo *a = algos; a < algos + n; a++)
		if (a->ops->drop)
			a->ops->drop(a->state);
}
