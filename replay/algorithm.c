// SPDX-License-Identifier: GPL-2.0-only
#include "replay/algorithm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithms/algorithms.h"
#include "replay/replay.h"

/* One line an algorithm, in the order of docs/model.md. */
static const struct rs_algo_ops *const table[] = {
	&rs_algo_global,   &rs_algo_hva_5_12,	&rs_algo_hva,	     &rs_algo_gfn_v7,
	&rs_algo_gfn,	   &rs_algo_hva_split,	&rs_algo_gfn_slot,   &rs_algo_gfn_multi,
	&rs_algo_gfn_list, &rs_algo_gfn_recent, &rs_algo_hfn_recent, &rs_algo_exact,
};

#define NR_ALGOS (sizeof(table) / sizeof(table[0]))

/* What "all" takes of the families. */
static const char all_algos[] =
	"global,hva-5.12,hva,gfn-v7,gfn,hva-split,gfn-slot,gfn-multi:2,"
	"gfn-multi:4,gfn-multi:8,gfn-list,gfn-recent:4.4.8,hfn-recent:2.1.8,exact";

const struct rs_algo_info *rs_algo_info(size_t i)
{
	static struct rs_algo_info info[NR_ALGOS];

	if (i >= NR_ALGOS)
		return NULL;
	info[i] = (struct rs_algo_info){ table[i]->name, table[i]->kernels, table[i]->summary,
					 table[i]->merged };
	return &info[i];
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
	const char *colon = strchr(ops->name, ':');
	size_t stem;

	*param = 0;
	if (!colon)
		return strlen(ops->name) == len && !memcmp(ops->name, name, len);
	stem = (size_t)(colon - ops->name) + 1;
	if (len <= stem || memcmp(ops->name, name, stem))
		return false;
	if (ops->parse)
		return ops->parse(name + stem, len - stem, param);
	return parse_number(ops, name + stem, len - stem, param);
}

static bool find(const char *name, size_t len, struct rs_algo_spec *spec)
{
	for (size_t i = 0; i < NR_ALGOS; i++) {
		if (!match(table[i], name, len, &spec->param))
			continue;
		spec->ops = table[i];
		snprintf(spec->name, sizeof(spec->name), "%.*s", (int)len, name);
		return true;
	}
	return false;
}

static bool listed(const struct rs_algo_spec *specs, size_t n, const struct rs_algo_spec *spec)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].ops == spec->ops && specs[i].param == spec->param)
			return true;
	return false;
}

int rs_algo_parse(const char *list, struct rs_algo_spec **specs, size_t *n, struct rs_error *err)
{
	struct rs_algo_spec spec, *v;
	size_t max = 1;

	list = list ? list : RS_ALGOS_DEFAULT;
	if (!strcmp(list, "all"))
		list = all_algos;
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
