// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/derive.h"

#include <stdlib.h>
#include <string.h>

size_t rs_algo_find(const struct rs_result *r, const char *name)
{
	for (size_t i = 0; name && r->nr_vms && i < r->nr_algos; i++)
		if (!strcmp(r->vms[0].algos[i].name, name))
			return i + 1;
	return 0;
}

const struct rs_algo_result *rs_vm_algo(const struct rs_result *r, const struct rs_vm_result *v,
					const char *name)
{
	size_t i = rs_algo_find(r, name);

	return i ? &v->algos[i - 1] : NULL;
}

const struct rs_vm_result *rs_vm_result_find(const struct rs_result *r, uint32_t vm)
{
	for (size_t i = 0; i < r->nr_vms; i++)
		if (r->vms[i].vm == vm)
			return &r->vms[i];
	return NULL;
}

uint64_t rs_lost_events(const struct rs_result *r, const struct rs_trace_meta *m)
{
	return r->lost > m->lost ? r->lost : m->lost;
}

uint64_t rs_anomalies(const struct rs_result *r, const struct rs_trace_meta *m)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		n += r->anomalies[i];
	for (size_t i = 0; i < m->nr_anomalies; i++)
		n += m->anomalies[i].count;
	return n;
}

/* Of those that a replay counts; NULL: it is another one. */
static struct rs_anomaly_count *find_counted(struct rs_anomaly_count *list, const char *name)
{
	for (size_t i = 0; i < RS_NR_ANOMALIES; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

struct rs_anomaly_count *rs_anomalies_list(const struct rs_result *r, const struct rs_trace_meta *m,
					   size_t *nr)
{
	struct rs_anomaly_count *list, *known;

	list = calloc(RS_NR_ANOMALIES + m->nr_anomalies, sizeof(*list));
	if (!list)
		return NULL;
	for (*nr = 0; *nr < RS_NR_ANOMALIES; ++*nr) {
		list[*nr].name = rs_anomaly_name(*nr);
		list[*nr].count = r->anomalies[*nr];
	}
	/* Those of the metadata have each name once. */
	for (size_t i = 0; i < m->nr_anomalies; i++) {
		known = find_counted(list, m->anomalies[i].name);
		if (!known) {
			known = &list[(*nr)++];
			known->name = m->anomalies[i].name;
		}
		known->count += m->anomalies[i].count;
	}
	return list;
}
