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

/* What is looked for by its name. */
struct named {
	const struct rs_trace_meta *m;
	const char *name;
};

static bool is_fact(const void *arg, uint32_t i)
{
	const struct named *w = arg;

	return !strcmp(w->m->facts[i].key, w->name);
}

static bool is_anomaly(const void *arg, uint32_t i)
{
	const struct named *w = arg;

	return !strcmp(w->m->anomalies[i].name, w->name);
}

static bool is_assumption(const void *arg, uint32_t i)
{
	const struct named *w = arg;

	return !strcmp(w->m->assumptions[i], w->name);
}

static struct rs_fact *find_fact(const struct rs_trace_meta *m, const char *key)
{
	struct named w = { m, key };
	uint32_t i = rs_hash_find(&m->fact_by_key, rs_hash_string(key), is_fact, &w);

	return i == RS_HASH_NONE ? NULL : &m->facts[i];
}

const char *rs_meta_fact(const struct rs_trace_meta *m, const char *key)
{
	const struct rs_fact *f = find_fact(m, key);

	return f ? f->value : NULL;
}

static int new_fact(struct rs_trace_meta *m, const char *key, const char *value)
{
	char *k = strdup(key), *v = strdup(value);

	if (!k || !v || RS_ROOM_FOR_ONE(m->facts, m->nr_facts) ||
	    rs_hash_add(&m->fact_by_key, rs_hash_string(key), (uint32_t)m->nr_facts)) {
		free(k);
		free(v);
		return -ENOMEM;
	}
	m->facts[m->nr_facts++] = (struct rs_fact){ k, v };
	return 0;
}

int rs_meta_add_fact(struct rs_trace_meta *m, const char *key, const char *value)
{
	struct rs_fact *f = find_fact(m, key);

	return f ? set_string(&f->value, value) : new_fact(m, key, value);
}

struct rs_vm_info *rs_meta_vm(const struct rs_trace_meta *m, uint32_t vm)
{
	uint32_t i = rs_hash_find(&m->vm_by_number, rs_hash_number(vm), NULL, NULL);

	return i == RS_HASH_NONE ? NULL : &m->vms[i];
}

int rs_meta_add_vm(struct rs_trace_meta *m, uint32_t vm, int64_t pid, const char *command)
{
	struct rs_vm_info *v = rs_meta_vm(m, vm);

	if (!v) {
		if (RS_ROOM_FOR_ONE(m->vms, m->nr_vms) ||
		    rs_hash_add(&m->vm_by_number, rs_hash_number(vm), (uint32_t)m->nr_vms))
			return -ENOMEM;
		v = memset(&m->vms[m->nr_vms++], 0, sizeof(*v));
		v->vm = vm;
	}
	if (!v->pid)
		v->pid = pid;
	return v->command || !command ? 0 : set_string(&v->command, command);
}

bool rs_meta_has_assumption(const struct rs_trace_meta *m, const char *sentence)
{
	const struct named w = { m, sentence };

	return rs_hash_find(&m->assumption_by_text, rs_hash_string(sentence), is_assumption, &w) !=
	       RS_HASH_NONE;
}

int rs_meta_add_assumption(struct rs_trace_meta *m, const char *sentence)
{
	const uint32_t n = (uint32_t)m->nr_assumptions;
	char *copy = strdup(sentence);

	if (!copy || RS_ROOM_FOR_ONE(m->assumptions, m->nr_assumptions) ||
	    (!rs_meta_has_assumption(m, sentence) &&
	     rs_hash_add(&m->assumption_by_text, rs_hash_string(sentence), n))) {
		free(copy);
		return -ENOMEM;
	}
	m->assumptions[m->nr_assumptions++] = copy;
	return 0;
}

void rs_meta_keep_vm(struct rs_trace_meta *m, uint32_t vm)
{
	const uint32_t at = rs_hash_find(&m->vm_by_number, rs_hash_number(vm), NULL, NULL);
	size_t kept = 0;

	for (size_t i = 0; i < m->nr_vms; i++)
		if (i == at)
			m->vms[kept++] = m->vms[i];
		else
			free(m->vms[i].command);
	m->nr_vms = kept;
	rs_hash_free(&m->vm_by_number);
	/* Should there be no memory for it, the VM is one that is not known. */
	if (kept && rs_hash_add(&m->vm_by_number, rs_hash_number(vm), 0)) {
		free(m->vms[0].command);
		m->nr_vms = 0;
	}
}

static struct rs_count *new_anomaly(struct rs_trace_meta *m, const char *name)
{
	const uint32_t n = (uint32_t)m->nr_anomalies;
	char *copy = strdup(name);

	if (!copy || RS_ROOM_FOR_ONE(m->anomalies, m->nr_anomalies) ||
	    rs_hash_add(&m->anomaly_by_name, rs_hash_string(name), n)) {
		free(copy);
		return NULL;
	}
	m->anomalies[m->nr_anomalies++] = (struct rs_count){ .name = copy };
	return &m->anomalies[n];
}

int rs_meta_add_anomaly(struct rs_trace_meta *m, const char *name, uint64_t n)
{
	const struct named w = { m, name };
	uint32_t i = rs_hash_find(&m->anomaly_by_name, rs_hash_string(name), is_anomaly, &w);
	struct rs_count *c = i == RS_HASH_NONE ? new_anomaly(m, name) : &m->anomalies[i];

	if (!c)
		return -ENOMEM;
	if (__builtin_add_overflow(c->count, n, &c->count))
		c->count = UINT64_MAX;
	return 0;
}

void rs_meta_forget_anomalies(struct rs_trace_meta *m)
{
	for (size_t i = 0; i < m->nr_anomalies; i++)
		free(m->anomalies[i].name);
	m->nr_anomalies = 0;
	m->lost = 0;
	rs_hash_free(&m->anomaly_by_name);
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
	memcpy(to->identity, from->identity, sizeof(to->identity));
	return rc ? rc : rs_whos_copy(&to->whos, &from->whos);
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
	rs_whos_free(&m->whos);
	rs_hash_free(&m->fact_by_key);
	rs_hash_free(&m->vm_by_number);
	rs_hash_free(&m->anomaly_by_name);
	rs_hash_free(&m->assumption_by_text);
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

const char *rs_meta_kernel_algo(const struct rs_trace_meta *m)
{
	const char *fact = rs_meta_fact(m, RS_FACT_KERNEL_ALGO);

	return fact ? fact : rs_kernel_algorithm(m->kernel);
}
