// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/trace.h"

static int set_string(char **to, const char *from)
{
	char *copy = NULL;

	if (from) {
		copy = strdup(from);
		if (!copy)
			return -ENOMEM;
	}
	free(*to);
	*to = copy;
	return 0;
}

/* One more zeroed element at the end of @array; NULL if there is no memory. */
#define ONE_MORE(array, nr) \
	(RS_ROOM_FOR_ONE(array, nr) ? NULL : memset(&(array)[(nr)++], 0, sizeof(*(array))))

int rs_meta_set_kernel(struct rs_trace_meta *m, const char *release)
{
	return set_string(&m->kernel, release);
}

int rs_meta_set_level(struct rs_trace_meta *m, const char *level)
{
	return set_string(&m->level, level);
}

bool rs_meta_is_name(const char *name)
{
	const char *p = name;

	while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '.' ||
	       *p == '-')
		p++;
	return !*p && p > name;
}

static struct rs_fact *find_fact(const struct rs_trace_meta *m, const char *key)
{
	for (size_t i = 0; i < m->nr_facts; i++)
		if (!strcmp(m->facts[i].key, key))
			return &m->facts[i];
	return NULL;
}

const char *rs_meta_fact(const struct rs_trace_meta *m, const char *key)
{
	const struct rs_fact *f = find_fact(m, key);

	return f ? f->value : NULL;
}

static int new_fact(struct rs_trace_meta *m, const char *key, const char *value)
{
	char *k = strdup(key), *v = strdup(value);
	struct rs_fact *f = k && v ? ONE_MORE(m->facts, m->nr_facts) : NULL;

	if (!f) {
		free(k);
		free(v);
		return -ENOMEM;
	}
	f->key = k;
	f->value = v;
	return 0;
}

int rs_meta_add_fact(struct rs_trace_meta *m, const char *key, const char *value)
{
	struct rs_fact *f = find_fact(m, key);

	return f ? set_string(&f->value, value) : new_fact(m, key, value);
}

static struct rs_vm_info *find_vm(struct rs_trace_meta *m, uint32_t vm)
{
	for (size_t i = 0; i < m->nr_vms; i++)
		if (m->vms[i].vm == vm)
			return &m->vms[i];
	return NULL;
}

int rs_meta_add_vm(struct rs_trace_meta *m, uint32_t vm, int64_t pid, const char *command)
{
	struct rs_vm_info *v = find_vm(m, vm);

	if (!v) {
		v = ONE_MORE(m->vms, m->nr_vms);
		if (!v)
			return -ENOMEM;
		v->vm = vm;
	}
	if (!v->pid)
		v->pid = pid;
	return v->command || !command ? 0 : set_string(&v->command, command);
}

int rs_meta_add_assumption(struct rs_trace_meta *m, const char *sentence)
{
	char *copy = strdup(sentence);
	char **a = copy ? ONE_MORE(m->assumptions, m->nr_assumptions) : NULL;

	if (!a) {
		free(copy);
		return -ENOMEM;
	}
	*a = copy;
	return 0;
}

static struct rs_count *new_anomaly(struct rs_trace_meta *m, const char *name)
{
	char *copy = strdup(name);
	struct rs_count *c = copy ? ONE_MORE(m->anomalies, m->nr_anomalies) : NULL;

	if (c)
		c->name = copy;
	else
		free(copy);
	return c;
}

int rs_meta_add_anomaly(struct rs_trace_meta *m, const char *name, uint64_t n)
{
	struct rs_count *c = NULL;

	for (size_t i = 0; i < m->nr_anomalies && !c; i++)
		if (!strcmp(m->anomalies[i].name, name))
			c = &m->anomalies[i];
	if (!c)
		c = new_anomaly(m, name);
	if (!c)
		return -ENOMEM;
	if (__builtin_add_overflow(c->count, n, &c->count))
		c->count = UINT64_MAX;
	return 0;
}

static int copy_all(struct rs_trace_meta *to, const struct rs_trace_meta *from)
{
	int rc = rs_meta_set_kernel(to, from->kernel);

	if (!rc)
		rc = rs_meta_set_level(to, from->level);
	for (size_t i = 0; i < from->nr_facts && !rc; i++)
		rc = rs_meta_add_fact(to, from->facts[i].key, from->facts[i].value);
	for (size_t i = 0; i < from->nr_vms && !rc; i++)
		rc = rs_meta_add_vm(to, from->vms[i].vm, from->vms[i].pid, from->vms[i].command);
	for (size_t i = 0; i < from->nr_assumptions && !rc; i++)
		rc = rs_meta_add_assumption(to, from->assumptions[i]);
	for (size_t i = 0; i < from->nr_anomalies && !rc; i++)
		rc = rs_meta_add_anomaly(to, from->anomalies[i].name, from->anomalies[i].count);
	to->lost = from->lost;
	return rc;
}

int rs_meta_copy(struct rs_trace_meta *to, const struct rs_trace_meta *from)
{
	struct rs_trace_meta copy = { 0 };
	int rc = copy_all(&copy, from);

	if (rc) {
		rs_meta_free(&copy);
		return rc;
	}
	rs_meta_free(to);
	*to = copy;
	return 0;
}

void rs_meta_free(struct rs_trace_meta *m)
{
	for (size_t i = 0; i < m->nr_facts; i++) {
		free(m->facts[i].key);
		free(m->facts[i].value);
	}
	for (size_t i = 0; i < m->nr_vms; i++)
		free(m->vms[i].command);
	for (size_t i = 0; i < m->nr_assumptions; i++)
		free(m->assumptions[i]);
	for (size_t i = 0; i < m->nr_anomalies; i++)
		free(m->anomalies[i].name);
	free(m->facts);
	free(m->vms);
	free(m->assumptions);
	free(m->anomalies);
	free(m->kernel);
	free(m->level);
	memset(m, 0, sizeof(*m));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number of at most four digits; NULL if there is none. */
static const char *version_number(const char *p, unsigned int *n)
{
	const char *start = p;

	for (*n = 0; is_digit(*p); p++) {
		if (p - start == 4)
			return NULL;
		*n = *n * 10 + (*p - '0');
	}
	return p == start ? NULL : p;
}

const char *rs_kernel_algorithm(const char *release)
{
	unsigned int major, minor, version;
	const char *p = release ? version_number(release, &major) : NULL;

	if (!p || *p != '.' || !version_number(p + 1, &minor) || !major)
		return NULL;
	version = major * 10000 + minor;
	if (version >= 60008)
		return "gfn";
	if (version >= 50015)
		return "hva";
	return version >= 50012 ? "hva-5.12" : "global";
}
