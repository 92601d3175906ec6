// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/plot_price.h"
#include "tests/fuzz/fuzz.h"

/* What bench measured: JSON of schema retryscope-bench/1. */
const char *const fuzz_words[] = {
	"{\"schema\":\"retryscope-bench/1\",\"price\":[",
	"{\"algorithm\":\"gfn\"",
	"\"unit\":\"ns\"",
	"\"median\":1",
	"\"min\":1",
	"\"max\":1",
	"\"checked\":1",
	"\"rejected\":1",
	"\"necessary\":0",
	"\"spurious\":1",
	"\"missed\":0",
	"}",
	"]",
	",",
	"1e-320",
	"1e308",
	"18446744073709551615",
	"null",
	"\"trace\":",
	"\"\\u001b\"",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rs_price_data d;
	struct rs_error err = { 0 };
	FILE *f = fuzz_stream(data, size);

	if (rs_price_read(f, &d, &err)) {
		fuzz_check_error(&err);
		fclose(f);
		return 0;
	}
	fclose(f);
	check(d.nr_groups);
	for (size_t i = 0; i < d.nr_groups; i++) {
		const struct rs_price_group *g = &d.groups[i];
		bool *front = malloc(g->nr * sizeof(*front));
		bool wrong = true;

		check(front && g->nr);
		rs_price_front(g->points, g->nr, front);
		for (size_t k = 0; k < g->nr; k++) {
			double rate = rs_price_spurious_rate(&g->points[k]);

			check(rate >= 0 && rate <= 1);
			wrong &= g->points[k].missed > 0;
			check(!front[k] || !g->points[k].missed);
		}
		for (size_t k = 0; k < g->nr && !wrong; k++)
			if (front[k])
				wrong = true;
		check(wrong); /* some point is on the front, unless all are wrong */
		free(front);
	}
	rs_price_free(&d);
	return 0;
}
