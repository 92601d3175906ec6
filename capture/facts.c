// SPDX-License-Identifier: GPL-2.0-only
#include "capture/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int set_value(struct rs_capture_facts *f, const char *key, char *value)
{
	char *copy;

	for (size_t i = 0; i < f->nr; i++) {
		if (strcmp(f->list[i].key, key))
			continue;
		free(f->list[i].value);
		f->list[i].value = value;
		return 0;
	}
	copy = strdup(key);
	if (!copy || RS_ROOM_FOR_ONE(f->list, f->nr)) {
		free(copy);
		free(value);
		return -ENOMEM;
	}
	f->list[f->nr++] = (struct rs_capture_fact){ .key = copy, .value = value };
	return 0;
}

int rs_facts_set(struct rs_capture_facts *f, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *value;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	for (char *p = value; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return set_value(f, key, value);
}

void rs_facts_free(struct rs_capture_facts *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->list[i].key);
		free(f->list[i].value);
	}
	free(f->list);
	*f = (struct rs_capture_facts){ 0 };
}

struct fact_file {
	const char *key, *path;
};

/* Small files that hold one value; a host without them has no such fact. */
static const struct fact_file host_files[] = {
	{ "host.name", "/proc/sys/kernel/hostname" },
	{ "host.boot_id", "/proc/sys/kernel/random/boot_id" },
	{ "host.cmdline", "/proc/cmdline" },
	{ "host.clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "host.cpus", "/sys/devices/system/cpu/online" },
	{ "host.numa_nodes", "/sys/devices/system/node/online" },
	{ "host.preempt", "/sys/kernel/debug/sched/preempt" },
	{ "host.swappiness", "/proc/sys/vm/swappiness" },
	{ "numa_balancing", "/proc/sys/kernel/numa_balancing" },
	{ "thp.enabled", "/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "thp.defrag", "/sys/kernel/mm/transparent_hugepage/defrag" },
	{ "thp.shmem_enabled", "/sys/kernel/mm/transparent_hugepage/shmem_enabled" },
	{ "thp.khugepaged.pages_to_scan",
	  "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan" },
	{ "thp.khugepaged.scan_sleep_millisecs",
	  "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs" },
	{ "ksm.run", "/sys/kernel/mm/ksm/run" },
	{ "ksm.pages_to_scan", "/sys/kernel/mm/ksm/pages_to_scan" },
	{ "ksm.sleep_millisecs", "/sys/kernel/mm/ksm/sleep_millisecs" },
	{ "ksm.pages_shared", "/sys/kernel/mm/ksm/pages_shared" },
	{ "ksm.pages_sharing", "/sys/kernel/mm/ksm/pages_sharing" },
	{ "hugepages.2048kB", "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" },
	{ "hugepages.1048576kB", "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages" },
	{ "kvm.tdp_mmu", "/sys/module/kvm/parameters/tdp_mmu" },
	{ "kvm.nx_huge_pages", "/sys/module/kvm/parameters/nx_huge_pages" },
	{ "kvm.eager_page_split", "/sys/module/kvm/parameters/eager_page_split" },
	/* Of a KVM whose algorithm can be chosen (scripts/lab --kvm-algo). */
	{ RS_FACT_RETRY_ALGO, "/sys/module/kvm/parameters/retry_algo" },
	{ "kvm.halt_poll_ns", "/sys/module/kvm/parameters/halt_poll_ns" },
};

static int add_files(struct rs_capture_facts *f, const struct rs_host *h)
{
	for (size_t i = 0; i < sizeof(host_files) / sizeof(host_files[0]); i++) {
		char *text = rs_host_read(h, host_files[i].path);
		int ret = text ? rs_facts_set(f, host_files[i].key, "%s", text) : 0;

		free(text);
		if (ret)
			return ret;
	}
	return 0;
}

/* The value of the first "NAME : VALUE" line of @text, for the caller to free; NULL: none. */
static char *value_of(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *rest;

		line += *line == '\n';
		if (strncmp(line, name, len) != 0)
			continue;
		rest = line + len + strspn(line + len, " \t");
		if (*rest != ':')
			continue;
		rest += 1 + strspn(rest + 1, " \t");
		return strndup(rest, strcspn(rest, "\n"));
	}
	return NULL;
}

static int add_line(struct rs_capture_facts *f, const char *text, const char *name, const char *key)
{
	char *value = value_of(text, name);
	int ret = value ? rs_facts_set(f, key, "%s", value) : 0;

	free(value);
	return ret;
}

/* Whether the host is itself a guest, as its CPU says. */
static int add_virtual(struct rs_capture_facts *f, const char *cpuinfo)
{
	char *flags = value_of(cpuinfo, "flags");
	bool is_guest = false;
	int ret = 0;

	for (char *save, *flag = flags ? strtok_r(flags, " ", &save) : NULL; flag;
	     flag = strtok_r(NULL, " ", &save))
		is_guest |= !strcmp(flag, "hypervisor");
	if (flags)
		ret = rs_facts_set(f, "host.virtual", "%s", is_guest ? "yes" : "no");
	free(flags);
	return ret;
}

/* Each is read once: to make the first, of many CPUs, takes some kernels a while. */
static int add_hardware(struct rs_capture_facts *f, const struct rs_host *h)
{
	char *cpuinfo = rs_host_read(h, "/proc/cpuinfo");
	char *meminfo = rs_host_read(h, "/proc/meminfo");
	int ret = add_line(f, cpuinfo, "model name", "host.cpu");

	if (!ret)
		ret = add_virtual(f, cpuinfo);
	if (!ret)
		ret = add_line(f, meminfo, "MemTotal", "host.memory");
	if (!ret)
		ret = add_line(f, meminfo, "SwapTotal", "host.swap");
	free(cpuinfo);
	free(meminfo);
	return ret;
}

/* Configuration options that change when notifiers run and what they may interrupt. */
static const char *const config_options[] = {
	"CONFIG_PREEMPT_NONE",
	"CONFIG_PREEMPT_VOLUNTARY",
	"CONFIG_PREEMPT",
	"CONFIG_PREEMPT_RT",
	"CONFIG_PREEMPT_DYNAMIC",
	"CONFIG_TRANSPARENT_HUGEPAGE",
	"CONFIG_KSM",
	"CONFIG_NUMA_BALANCING",
	"CONFIG_KVM",
	"CONFIG_KVM_PRIVATE_MEM",
	"CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES",
};

static int add_option(struct rs_capture_facts *f, const char *line)
{
	size_t len = strcspn(line, "=");

	for (size_t i = 0; i < sizeof(config_options) / sizeof(config_options[0]); i++) {
		char key[128] = "config.";

		if (strlen(config_options[i]) != len || strncmp(line, config_options[i], len))
			continue;
		strncat(key, config_options[i], sizeof(key) - strlen(key) - 1);
		return rs_facts_set(f, key, "%s", line[len] ? line + len + 1 : "");
	}
	return 0;
}

static int add_config(struct rs_capture_facts *f, const struct rs_host *h)
{
	char path[512], *text, *save;
	int ret = 0;

	snprintf(path, sizeof(path), "/boot/config-%s", h->release);
	text = rs_host_read(h, path);
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && !ret;
	     line = strtok_r(NULL, "\n", &save))
		ret = add_option(f, line);
	free(text);
	return ret;
}

int rs_facts_add_host(struct rs_capture_facts *f, const struct rs_host *h)
{
	static const char *const paging[] = { "unknown", "tdp", "shadow" };

	if (rs_facts_set(f, "kernel", "%s", h->release) ||
	    rs_facts_set(f, "tool.version", "%s", RS_VERSION) ||
	    (h->version && rs_facts_set(f, "host.version", "%s", h->version)) ||
	    (h->machine && rs_facts_set(f, "host.machine", "%s", h->machine)) ||
	    (h->vendor && rs_facts_set(f, "kvm.vendor", "%s", h->vendor)) ||
	    rs_facts_set(f, "kvm.paging", "%s", paging[h->paging]) || add_hardware(f, h) ||
	    add_files(f, h) || add_config(f, h))
		return -ENOMEM;
	return 0;
}

static int add_enumerator(void *arg, const char *name, int64_t value)
{
	char key[128];

	snprintf(key, sizeof(key), "enum.%s", name);
	return rs_facts_set(arg, key, "%" PRId64, value);
}

static int add_probe(struct rs_capture_facts *f, const struct rs_plan *p, enum rs_probe_event ev,
		     const char *group)
{
	char key[64], *line;
	int ret;

	if (p->probes[ev].state != RS_POINT_THERE) {
		snprintf(key, sizeof(key), "missing.%s", rs_probe_event_name(ev));
		return rs_facts_set(f, key, "%s%s%s", rs_point_state_name(p->probes[ev].state),
				    p->probes[ev].reason ? ": " : "",
				    p->probes[ev].reason ? p->probes[ev].reason : "");
	}
	line = rs_plan_definition(p, ev, group);
	if (!line)
		return -ENOMEM;
	snprintf(key, sizeof(key), "probe.%s", rs_probe_event_name(ev));
	ret = rs_facts_set(f, key, "%s", line);
	free(line);
	return ret;
}

int rs_facts_add_plan(struct rs_capture_facts *f, const struct rs_plan *p,
		      const struct rs_types *types, const char *group)
{
	static const char *const prefixes[] = { "RET_PF_", "KVM_MR_", "MMU_NOTIFY_",
						"KVM_FILTER_" };
	int ret = rs_facts_set(f, "level", "%s", rs_level_name(p->level));

	for (unsigned int ev = 0; !ret && ev < RS_NR_PROBE_EVENTS; ev++)
		ret = add_probe(f, p, ev, group);
	for (size_t i = 0; types && !ret && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		ret = rs_types_enums(types, prefixes[i], add_enumerator, f);
	return ret;
}
