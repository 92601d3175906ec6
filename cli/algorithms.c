// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "base/textbuf.h"
#include "cli/cli.h"
#include "cli/near.h"

void rs_cli_list_algorithms(void)
{
	struct rs_page p = { .f = stdout, .width = 80 };
	const struct rs_algo_info *a;

	rs_para(&p, 0, 0,
		"What --algo takes, separated by commas (capital letters stand for numbers), with "
		"the kernels that run it, and what it keeps:");
	rs_blank_line(&p);
	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		rs_para(&p, 2, 2, "%s (%s)", a->name, a->kernels);
		rs_para(&p, 6, 6, "%s", a->summary);
	}
}

/* ---- what is none ---- */

/* Whether @info's family takes @value as the @place-th of its @nr numbers, the others being 1. */
static bool takes(const struct rs_algo_info *info, unsigned int place, unsigned int nr,
		  uint64_t value)
{
	const int stem = (int)strcspn(info->name, ":");
	char name[128];
	int len = snprintf(name, sizeof(name), "%.*s", stem, info->name);

	for (unsigned int i = 0; i < nr; i++)
		len += snprintf(name + len, sizeof(name) - (size_t)len, "%c%" PRIu64, i ? '.' : ':',
				i == place ? value : 1);
	return rs_algo_info_of(name) == info;
}

/* "L is 1 to 64, R is 1 to 64": what it takes is tried, since only the algorithm knows. */
static void put_ranges(FILE *f, const struct rs_algo_info *info)
{
	const char *letters = strchr(info->name, ':') + 1;
	const unsigned int nr = (unsigned int)(strlen(letters) + 1) / 2;

	for (unsigned int i = 0; i < nr; i++) {
		uint64_t most = 1, beyond = 1ULL << 32;

		while (beyond - most > 1) {
			const uint64_t middle = (most + beyond) / 2;

			*(takes(info, i, nr, middle) ? &most : &beyond) = middle;
		}
		fprintf(f, "%s%c is %d to %" PRIu64, i ? ", " : "", letters[2 * i],
			!takes(info, i, nr, 0), most);
	}
}

/* Those of a family are near if what stands before the colon is. */
static const struct rs_algo_info *find_near(struct rs_near *near, const char *name, size_t len)
{
	const size_t stem = strcspn(name, ":,");
	const struct rs_algo_info *a;

	rs_near_init(near, name, stem);
	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		const size_t own = strcspn(a->name, ":");

		if (a->name[own] && own == stem && !memcmp(a->name, name, stem))
			return a;
		rs_near_try(near, a->name, own);
	}
	return NULL;
}

static void no_algorithm(const struct argp_state *state, const char *name, size_t len)
{
	const int shown = len < 64 ? (int)len : 64;
	struct rs_near near;
	const struct rs_algo_info *family = find_near(&near, name, len);
	char *ranges = NULL;
	size_t size;
	FILE *f = family ? rs_textbuf_open(&ranges, &size) : NULL;

	if (!family)
		rs_cli_usage(state, "no algorithm '%.*s'%s `retryscope help algorithms` lists them",
			     shown, name, rs_near_hint(&near, ";"));
	if (!f)
		rs_cli_no_memory();
	put_ranges(f, family);
	if (fclose(f))
		rs_cli_no_memory();
	rs_cli_usage(state, "no algorithm '%.*s'; of %s, %s", shown, name, family->name, ranges);
}

void rs_cli_check_algo_names(const struct argp_state *state, const char *algos)
{
	char name[64];

	if (!strcmp(algos, "all"))
		return;
	for (const char *p = algos;; p++) {
		const size_t len = strcspn(p, ",");

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		if (len >= sizeof(name) || !rs_algo_info_of(name))
			no_algorithm(state, p, len);
		p += len;
		if (!*p)
			return;
	}
}

int rs_cli_check_has_algo(const struct rs_result *r, const char *what, const char *name, size_t len,
			  struct rs_error *err)
{
	char names[256] = "";
	struct rs_near near;

	rs_near_init(&near, name, len);
	for (size_t i = 0, used = 0; r->nr_vms && i < r->nr_algos; i++) {
		const char *own = r->vms[0].algos[i].name;

		if (strlen(own) == len && !memcmp(own, name, len))
			return 0;
		rs_near_try(&near, own, strlen(own));
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 i ? ", " : "; there are ", own);
	}
	return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%s no algorithm '%.*s'%s", what,
			    len < 64 ? (int)len : 64, name, rs_near_hint(&near, names));
}

char *rs_cli_put_algos(const char *text, enum rs_algo_list which)
{
	const char *at = strstr(text, "%s");
	char *list = at ? rs_algo_list(which, true) : NULL, *out;

	if (!list)
		return (char *)text;
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, list, at + 2) < 0)
		out = (char *)text;
	free(list);
	return out;
}
