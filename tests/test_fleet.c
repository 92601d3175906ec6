// SPDX-License-Identifier: GPL-2.0-only
/* Hosts side by side: what is added up under which name, and which of them stand out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/report/fleet.h"
#include "analysis/report/groups.h"
#include "analysis/report/report_source.h"

#define MOST 32

/* A sum of one trace for each host, which has one VM and was judged by gfn alone. */
struct sum {
	struct rs_report report;
	struct rs_result result;
	struct rs_vm_result vm;
	struct rs_algo_result algo;
	struct rs_report_source sources[MOST];
	char hosts[MOST][16];
};

static struct sum *new_sum(void)
{
	struct sum *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->algo.name = "gfn";
	s->vm.algos = &s->algo;
	s->result = (struct rs_result){ .vms = &s->vm, .nr_vms = 1, .nr_algos = 1 };
	s->report = (struct rs_report){ .result = &s->result, .sources = s->sources };
	return s;
}

static void free_sum(struct sum *s)
{
	for (size_t i = 0; i < s->report.nr_sources; i++)
		rs_report_parts_free(&s->sources[i]);
	free(s);
}

/* Host 0, 1 ...: @rejected of @checked faults, half of those needlessly. */
static struct rs_report_source *add(struct sum *s, uint64_t checked, uint64_t rejected)
{
	const size_t n = s->report.nr_sources++;
	struct rs_report_source *source = &s->sources[n];
	struct rs_report_part *part;

	assert_true(n < MOST);
	snprintf(s->hosts[n], sizeof(s->hosts[n]), "host%zu", n);
	*source = (struct rs_report_source){
		.path = "a.dat", .host = s->hosts[n], .kernel_algo = "gfn", .events = 1000
	};
	assert_int_equal(rs_report_parts_new(source, 1, 1), 0);
	part = source->parts;
	*part = (struct rs_report_part){ .vm = 1,
					 .pid = 7,
					 .checked = checked,
					 .frames = 100,
					 .aliased_frames = 10,
					 .doings = part->doings };
	*part->doings = (struct rs_report_doing){ .rejected = rejected, .spurious = rejected / 2 };
	return source;
}

static struct rs_fleet *fleet_of(const struct sum *s, enum rs_fleet_by by)
{
	struct rs_error err;
	struct rs_fleet *fleet = rs_fleet_new(&s->report, by, NULL, &err);

	assert_non_null(fleet);
	return fleet;
}

static const struct rs_fleet_unit *unit(const struct rs_fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->nr; i++)
		if (!strcmp(fleet->units[i].name, name))
			return &fleet->units[i];
	fail_msg("there is no %s", name);
	return NULL;
}

/* Shares of 10, 11, 12, 13, 14 and 40 %: the median is 12.5 %, the distances' median 1.5 %. */
static void test_stands_out(void **state)
{
	static const uint64_t rejected[] = { 1000, 1400, 1100, 4000, 1300, 1200 };
	struct sum *s = new_sum();
	struct rs_fleet *fleet;

	for (size_t i = 0; i < 6; i++)
		add(s, 10000, rejected[i]);
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_true(fabs(fleet->median[RS_FLEET_REJECTED] - 0.125) < 1e-9);
	assert_true(fabs(fleet->mad[RS_FLEET_REJECTED] - 0.015) < 1e-9);
	assert_string_equal(fleet->units[0].name, "host3");
	assert_true(fabs(fleet->units[0].away[RS_FLEET_REJECTED] -
			 (0.4 - 0.125) / (1.4826 * 0.015)) < 1e-9);
	assert_true(fleet->units[0].away[RS_FLEET_NEEDLESS] > 3.5);
	assert_true(fleet->units[0].away[RS_FLEET_LOST] == 0);
	for (size_t i = 1; i < fleet->nr; i++)
		assert_true(fleet->units[i].most == 0);
	/* Of the others, those with most needless rejections come first. */
	assert_string_equal(fleet->units[1].name, "host1");
	assert_string_equal(fleet->units[5].name, "host0");
	rs_fleet_free(fleet);
	free_sum(s);
}

/* Where most have the median itself, who has not is away by the mean distance. */
static void test_most_alike(void **state)
{
	struct sum *s = new_sum();
	struct rs_fleet *fleet;

	for (size_t i = 0; i < 10; i++)
		add(s, 10000, 100);
	s->sources[4].lost = 1000;
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_true(fleet->mad[RS_FLEET_LOST] == 0);
	assert_string_equal(fleet->units[0].name, "host4");
	/* Half of what there was, and a tenth of that on average. */
	assert_true(fabs(fleet->units[0].away[RS_FLEET_LOST] - 0.5 / (1.2533 * 0.05)) < 1e-9);
	rs_fleet_free(fleet);
	free_sum(s);
}

/* Of four faults two were rejected: that is chance, however alike the others are. */
static void test_few_faults(void **state)
{
	struct sum *s = new_sum();
	struct rs_fleet *fleet;

	for (size_t i = 0; i < 9; i++)
		add(s, 10000, 2000 + i);
	add(s, 4, 2);
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_true(unit(fleet, "host9")->most == 0);
	rs_fleet_free(fleet);
	s->sources[9].parts->checked = 4000;
	s->sources[9].parts->doings->rejected = 2000;
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_true(unit(fleet, "host9")->most > RS_FLEET_FAR);
	rs_fleet_free(fleet);
	free_sum(s);
}

static void test_too_few_hosts(void **state)
{
	struct sum *s = new_sum();
	struct rs_fleet *fleet;

	for (size_t i = 0; i < RS_FLEET_ENOUGH - 1; i++)
		add(s, 10000, i ? 10 : 9000);
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_true(isnan(fleet->median[RS_FLEET_REJECTED]));
	assert_true(fleet->units[0].most == 0);
	rs_fleet_free(fleet);
	free_sum(s);
}

/* What is one host, kernel, VM or group; a pid of another boot is another VM. */
static void test_units(void **state)
{
	struct sum *s = new_sum();
	struct rs_fleet *fleet;
	struct rs_error err;

	for (size_t i = 0; i < 4; i++) {
		struct rs_report_source *source = add(s, 100, 10 * (i + 1));

		source->host = i < 3 ? "a" : NULL;
		source->boot_id = i < 2 ? "x" : i == 2 ? "y" : NULL;
		source->kernel = i % 2 ? "6.1" : NULL;
		source->group = i ? "web" : NULL;
		source->lost = 5;
	}
	s->sources[2].kernel_algo = "hva"; /* of which nothing was worked out */
	fleet = fleet_of(s, RS_FLEET_HOST);
	assert_int_equal(fleet->nr, 2);
	assert_int_equal(unit(fleet, "a")->traces, 3);
	assert_int_equal(unit(fleet, "a")->lost, 15);
	assert_int_equal(unit(fleet, "a")->checked, 300);
	assert_true(unit(fleet, "a")->values[RS_FLEET_REJECTED] == 30 / 200.0);
	assert_true(unit(fleet, "a")->values[RS_FLEET_ALIASED] == 0.1);
	assert_int_equal(unit(fleet, "a.dat")->traces, 1);
	rs_fleet_free(fleet);
	fleet = fleet_of(s, RS_FLEET_KERNEL);
	assert_int_equal(fleet->nr, 2);
	assert_int_equal(unit(fleet, "6.1")->doing.rejected, 60);
	assert_int_equal(unit(fleet, "unknown")->traces, 2);
	rs_fleet_free(fleet);
	fleet = fleet_of(s, RS_FLEET_GROUP);
	assert_int_equal(unit(fleet, "web")->traces, 3);
	assert_int_equal(unit(fleet, "none")->traces, 1);
	rs_fleet_free(fleet);
	fleet = fleet_of(s, RS_FLEET_VM);
	assert_int_equal(fleet->nr, 3);
	assert_true(isnan(fleet->units[0].values[RS_FLEET_LOST]));
	rs_fleet_free(fleet);
	assert_null(rs_fleet_new(&s->report, RS_FLEET_HOST, "exact", &err));
	free_sum(s);
}

static void test_groups(void **state)
{
	char text[] = "# hosts\n\nweb-7\nweb-8 - root@web-8\n  web-*\tweb  "
		      "root@10.0.0.1\r\n*.example.org other";
	FILE *f = fmemopen(text, strlen(text), "r");
	struct rs_groups g = { 0 };
	struct rs_error err;

	assert_non_null(f);
	assert_int_equal(rs_groups_read(f, &g, &err), 0);
	fclose(f);
	assert_string_equal(rs_groups_of(&g, "web-1", NULL), "web");
	assert_null(rs_groups_of(&g, "web-7", NULL));
	assert_null(rs_groups_of(&g, "web-8", NULL));
	assert_null(rs_groups_of(&g, "db", "db.dat"));
	assert_null(rs_groups_of(&g, NULL, NULL));
	assert_string_equal(rs_groups_of(&g, NULL, "/captures/web-2.dat"), "web");
	assert_string_equal(rs_groups_of(&g, "localhost", "a.example.org.dat"), "other");
	rs_groups_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stands_out), cmocka_unit_test(test_most_alike),
		cmocka_unit_test(test_few_faults), cmocka_unit_test(test_too_few_hosts),
		cmocka_unit_test(test_units),	   cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
