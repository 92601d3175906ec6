// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <string.h>

#include "analysis/sweep/sweep_read.h"
#include "tests/fuzz/fuzz.h"

/* A line of what --where may say, then the table of a sweep: CSV or JSON. */
const char *const fuzz_words[] = {
	"cell",
	"seed",
	"algorithm",
	"gfn",
	"hva",
	"alias-share",
	"alias-share=0",
	"=",
	",",
	"\"",
	"\"\"",
	"\r\n",
	"1G",
	"1us",
	"nan",
	"inf",
	"-0",
	"1e308",
	"{\"schema\":\"retryscope-sweep/1\"",
	"\"rows\":[",
	"null",
	"[]",
	"{}",
	"'",
	"cell,a,seed,algorithm\n",
	NULL,
};

static void look(const struct rs_sweep_data *d)
{
	struct rs_error err = { 0 };
	struct rs_sweep_axes axes;

	check(d->nr_columns && d->algorithm < d->nr_columns);
	for (size_t c = 0; c < d->nr_columns; c++) {
		struct rs_sweep_values v;

		check(rs_sweep_column(d, d->columns[c]) <= c);
		for (size_t row = 0; row < d->nr_rows; row++)
			(void)rs_sweep_figure(d, row, c);
		if (c >= d->algorithm)
			continue;
		check(!rs_sweep_values_get(d, c, &v));
		for (size_t row = 0; row < d->nr_rows; row++)
			check(rs_sweep_value_index(&v, rs_sweep_field(d, row, c)) < v.nr);
		rs_sweep_values_free(&v);
	}
	check(isnan(rs_sweep_figure(d, 0, d->nr_columns)));
	if (rs_sweep_axes_get(d, NULL, &axes, &err))
		fuzz_check_error(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = memchr(data, '\n', size);
	const size_t len = nl ? (size_t)(nl - data) : 0, skip = nl ? len + 1 : 0;
	char *where = strndup((const char *)data, len);
	struct rs_error err = { 0 };
	struct rs_sweep_data d;
	FILE *f = fuzz_stream(data + skip, size - skip);

	check(where != NULL);
	if (rs_sweep_read(f, &d, &err)) {
		fuzz_check_error(&err);
	} else {
		if (d.nr_rows)
			look(&d);
		if (where[0] && rs_sweep_where(&d, where, &err))
			fuzz_check_error(&err);
		else if (d.nr_rows)
			look(&d);
		rs_sweep_data_free(&d);
	}
	fclose(f);
	free(where);
	return 0;
}
