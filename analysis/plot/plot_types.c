// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "analysis/plot/plot.h"

/* The plots there are, in the order in which they are listed. */
#define PLOTS(X)          \
	X(rejected)       \
	X(blocked)        \
	X(widening)       \
	X(map)            \
	X(stall)          \
	X(retries)        \
	X(sweep_spurious) \
	X(sweep_stall)    \
	X(sweep_widening) \
	X(price)

#define DECLARE(name) extern const struct rs_plot_type rs_plot_##name;
PLOTS(DECLARE)

#define ADDRESS(name) &rs_plot_##name,
static const struct rs_plot_type *const types[] = { PLOTS(ADDRESS) };

#define NR_TYPES (sizeof(types) / sizeof(types[0]))

const struct rs_plot_type *rs_plot_type(size_t i)
{
	return i < NR_TYPES ? types[i] : NULL;
}

const struct rs_plot_type *rs_plot_find(const char *name)
{
	for (size_t i = 0; i < NR_TYPES; i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

bool rs_plot_is_per_vm(const struct rs_plot_type *type)
{
	return type->need == RS_PLOT_SERIES || type->need == RS_PLOT_MAP;
}
