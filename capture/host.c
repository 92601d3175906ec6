// SPDX-License-Identifier: GPL-2.0-only
#include "capture/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MAX_SMALL_FILE (1U << 20)

char *rs_host_path(const struct rs_host *h, const char *path)
{
	char *full;

	if (asprintf(&full, "%s%s", h->root, path) < 0)
		return NULL;
	return full;
}

/* Files of /proc and /sys tell no size, so they are read until they end. */
static char *read_small_file(const char *path)
{
	char *buf = malloc(MAX_SMALL_FILE + 1), *fit;
	size_t len = 0;
	ssize_t n = 0;
	int fd, saved;

	if (!buf)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		free(buf);
		return NULL;
	}
	while (len < MAX_SMALL_FILE && (n = read(fd, buf + len, MAX_SMALL_FILE - len)) > 0)
		len += (size_t)n;
	saved = errno;
	close(fd);
	if (n < 0) {
		free(buf);
		errno = saved;
		return NULL;
	}
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	fit = realloc(buf, len + 1);
	return fit ? fit : buf;
}

char *rs_host_read(const struct rs_host *h, const char *path)
{
	char *full = rs_host_path(h, path), *text;
	int saved;

	if (!full)
		return NULL;
	text = read_small_file(full);
	saved = errno;
	free(full);
	errno = saved;
	return text;
}

static bool host_exists(const struct rs_host *h, const char *path)
{
	char *full = rs_host_path(h, path);
	bool there = full && !access(full, F_OK);

	free(full);
	return there;
}

static enum rs_access host_access(const char *full, int mode)
{
	if (!access(full, mode))
		return RS_ACCESS_OK;
	return errno == ENOENT || errno == ENOTDIR ? RS_ACCESS_NONE : RS_ACCESS_DENIED;
}

static enum rs_access host_access_at(const struct rs_host *h, const char *path, int mode)
{
	char *full = rs_host_path(h, path);
	enum rs_access a = full ? host_access(full, mode) : RS_ACCESS_NONE;

	free(full);
	return a;
}

static bool says_yes(const struct rs_host *h, const char *path, bool *known)
{
	char *text = rs_host_read(h, path);
	bool yes = text && (*text == 'Y' || *text == 'y' || *text == '1');

	*known = text;
	free(text);
	return yes;
}

/* Which module runs the guests, and whether it uses two-dimensional paging. */
static int find_kvm(struct rs_host *h)
{
	static const struct {
		const char *name, *dir, *tdp;
	} vendors[] = {
		{ "kvm_intel", "/sys/module/kvm_intel", "/sys/module/kvm_intel/parameters/ept" },
		{ "kvm_amd", "/sys/module/kvm_amd", "/sys/module/kvm_amd/parameters/npt" },
	};

	h->dev_kvm = host_access_at(h, "/dev/kvm", R_OK | W_OK);
	h->kvm = host_exists(h, "/sys/module/kvm");
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		bool known, yes;

		yes = says_yes(h, vendors[i].tdp, &known);
		if (!known && !host_exists(h, vendors[i].dir))
			continue;
		/* Both can be built in; the one that found its hardware has the parameter set. */
		if (h->vendor && !yes)
			continue;
		free(h->vendor);
		h->vendor = strdup(vendors[i].name);
		if (!h->vendor)
			return -ENOMEM;
		if (known)
			h->paging = yes ? RS_PAGING_TDP : RS_PAGING_SHADOW;
	}
	return 0;
}

/* "DEVICE DIR TYPE ..." of /proc/mounts: sets @dir if it is tracing, 2 if of its own. */
static int tracing_mount(char *line, char **dir)
{
	char *save, *type;

	if (!strtok_r(line, " ", &save))
		return 0;
	*dir = strtok_r(NULL, " ", &save);
	type = strtok_r(NULL, " ", &save);
	if (!type)
		return 0;
	return !strcmp(type, "tracefs") ? 2 : !strcmp(type, "debugfs");
}

/* A tracefs of its own, else the directory that debugfs has for it. */
static char *find_tracefs(const struct rs_host *h)
{
	char *mounts = rs_host_read(h, "/proc/mounts"), *save, *found = NULL;
	int best = 0;

	for (char *line = mounts ? strtok_r(mounts, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *dir, *full;
		int kind = tracing_mount(line, &dir);

		if (kind <= best)
			continue;
		if (asprintf(&full, "%s%s%s", h->root, dir, kind == 1 ? "/tracing" : "") < 0)
			break;
		if (kind == 1 && host_access(full, F_OK) == RS_ACCESS_NONE) {
			free(full);
			continue;
		}
		free(found);
		found = full;
		best = kind;
	}
	free(mounts);
	return found;
}

static int find_tracing(struct rs_host *h)
{
	char *file;

	h->tracefs = find_tracefs(h);
	if (!h->tracefs)
		return 0;
	if (asprintf(&file, "%s/kprobe_events", h->tracefs) < 0)
		return -ENOMEM;
	h->tracing = host_access(h->tracefs, R_OK | X_OK);
	h->kprobes =
		h->tracing == RS_ACCESS_DENIED ? RS_ACCESS_DENIED : host_access(file, R_OK | W_OK);
	free(file);
	return 0;
}

/* "none integrity [confidentiality]" */
static void find_lockdown(struct rs_host *h)
{
	char *text = rs_host_read(h, "/sys/kernel/security/lockdown");

	if (!text && errno != ENOENT && errno != ENOTDIR)
		h->lockdown = RS_LOCKDOWN_UNKNOWN;
	else if (text && strstr(text, "[confidentiality]"))
		h->lockdown = RS_LOCKDOWN_CONFIDENTIALITY;
	else if (text && strstr(text, "[integrity]"))
		h->lockdown = RS_LOCKDOWN_INTEGRITY;
	free(text);
}

/* The first of the places where a kernel's types may be. */
static char *find_btf(const struct rs_host *h)
{
	static const char *const places[] = {
		"/sys/kernel/btf/vmlinux",
		"/boot/vmlinux-%s",
		"/lib/modules/%s/build/vmlinux",
		"/usr/lib/debug/boot/vmlinux-%s",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char name[512], *full;

		snprintf(name, sizeof(name), i ? places[i] : "%s", i ? h->release : places[0]);
		full = rs_host_path(h, name);
		if (full && !access(full, R_OK))
			return full;
		free(full);
	}
	return NULL;
}

static void find_types(struct rs_host *h)
{
	char *kvm = rs_host_path(h, "/sys/kernel/btf/kvm");

	h->btf_vmlinux = find_btf(h);
	if (kvm && !access(kvm, R_OK)) {
		h->btf_kvm = kvm;
		return;
	}
	free(kvm);
}

static int find_kernel(struct rs_host *h, struct rs_error *err)
{
	struct utsname uts;
	int errnum;

	h->release = rs_host_read(h, "/proc/sys/kernel/osrelease");
	if (!h->release || !*h->release) {
		errnum = errno == ENOMEM ? ENOMEM : ENOENT;
		return rs_error_set(err, RS_ERR_HOST, errnum,
				    "%s/proc/sys/kernel/osrelease tells no kernel release",
				    h->root);
	}
	h->version = rs_host_read(h, "/proc/sys/kernel/version");
	h->machine = rs_host_read(h, "/proc/sys/kernel/arch");
	/* /proc has the machine from 6.1 on; our own can be asked. */
	if (!h->machine && !*h->root && !uname(&uts))
		h->machine = strdup(uts.machine);
	return 0;
}

static char *copy_root(const char *root)
{
	size_t len;

	if (!root)
		root = "";
	len = strlen(root);
	while (len && root[len - 1] == '/')
		len--;
	return strndup(root, len);
}

struct rs_host *rs_host_open(const char *root, struct rs_error *err)
{
	struct rs_host *h = calloc(1, sizeof(*h));
	int ret;

	if (h)
		h->root = copy_root(root);
	if (!h || !h->root) {
		ret = rs_error_nomem(err);
		goto fail;
	}
	ret = find_kernel(h, err);
	if (ret)
		goto fail;
	if (find_kvm(h) || find_tracing(h)) {
		ret = rs_error_nomem(err);
		goto fail;
	}
	find_lockdown(h);
	find_types(h);
	return h;
fail:
	rs_host_close(h);
	errno = -ret;
	return NULL;
}

void rs_host_close(struct rs_host *h)
{
	if (!h)
		return;
	free(h->root);
	free(h->release);
	free(h->version);
	free(h->machine);
	free(h->vendor);
	free(h->tracefs);
	free(h->btf_vmlinux);
	free(h->btf_kvm);
	free(h);
}
