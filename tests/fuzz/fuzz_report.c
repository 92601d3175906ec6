// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "analysis/report/report_read.h"
#include "tests/fuzz/fuzz.h"

/* One to four JSON reports, parted by a byte of 0: each read, and all added up. */
const char *const fuzz_words[] = {
	"null",
	"true",
	"false",
	"0",
	"-1",
	"1e400",
	"{}",
	"[]",
	"\"\"",
	"[",
	"]",
	"{",
	"}",
	",",
	":",
	"\"vms\"",
	"\"algorithms\"",
	"\"buckets\"",
	"\"count\"",
	"\"total\"",
	"\"max\"",
	"\"retryscope-report/1\"",
	"\"retryscope-report/2\"",
	"\"trace\"",
	"\"open\"",
	"\"closed\"",
	"\"\\u0000\"",
	"\"\\u202e\"",
	"18446744073709551615",
	"18446744073709551616",
	"340282366920938463463374607431768211455",
	"340282366920938463463374607431768211456",
	NULL,
};

#define MAX_REPORTS 4

struct text {
	char *p;
	size_t size;
};

static struct text write_as(const struct rs_report *rep, const struct rs_report_format *format)
{
	struct text t = { 0 };
	FILE *f = open_memstream(&t.p, &t.size);

	check(f && !format->write(f, rep) && !fclose(f));
	return t;
}

static void write_all(const struct rs_report *rep)
{
	const struct rs_report_format *format;

	for (size_t i = 0; (format = rs_report_format(i)); i++)
		free(write_as(rep, format).p);
}

/* What was written of what was read is read again, and written the same. */
static void write_twice(const struct rs_report_data *d)
{
	const struct rs_report_format *json = rs_report_format_find("json");
	struct text once = write_as(&d->report, json), again;
	FILE *f = fuzz_stream((const uint8_t *)once.p, once.size);
	struct rs_report_data back;
	struct rs_error err = { 0 };
	int rc = rs_report_read(f, &back, &err);

	if (rc)
		fprintf(stderr, "%s\n", err.text);
	check(!rc);
	fclose(f);
	again = write_as(&back.report, json);
	check(once.size == again.size && !memcmp(once.p, again.p, once.size));
	free(once.p);
	free(again.p);
	rs_report_data_free(&back);
}

static bool read_one(const uint8_t *data, size_t size, struct rs_report_data *d)
{
	struct rs_error err = { 0 };
	FILE *f = fuzz_stream(data, size);
	int rc = rs_report_read(f, d, &err);

	fclose(f);
	if (rc)
		fuzz_check_error(&err);
	return !rc;
}

static void add_up(const struct rs_report_data *reports, size_t nr)
{
	struct rs_report_sum *sum = rs_report_sum_new();
	struct rs_error err = { 0 };
	struct rs_report *report;
	int rc = 0;

	check(sum);
	for (size_t i = 0; !rc && i < nr; i++)
		rc = rs_report_sum_add(sum, &reports[i], &err);
	if (rc) {
		fuzz_check_error(&err);
	} else {
		report = rs_report_sum_finish(sum, &err);
		check(report);
		report->version = "0";
		write_all(report);
	}
	rs_report_sum_free(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rs_report_data reports[MAX_REPORTS];
	size_t nr = 0;

	while (nr < MAX_REPORTS && size) {
		const uint8_t *end = memchr(data, 0, size);
		const size_t len = end ? (size_t)(end - data) : size;

		if (!read_one(data, len, &reports[nr]))
			break;
		reports[nr].report.version = "0";
		if (!nr++)
			write_twice(&reports[0]);
		data += end ? len + 1 : len;
		size -= end ? len + 1 : len;
	}
	if (nr)
		add_up(reports, nr);
	for (size_t i = 0; i < nr; i++)
		rs_report_data_free(&reports[i]);
	return 0;
}
