// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/fake_host.h"

#include <bpf/btf.h>
#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct maker {
	const struct fake_host *fh;
	struct btf *vmlinux, *kvm; /* kvm NULL: all so far is in vmlinux */
};

static struct btf *current(const struct maker *m)
{
	return m->kvm ? m->kvm : m->vmlinux;
}

static void full_path(const struct fake_host *fh, const char *path, char *buf, size_t size)
{
	assert_true(snprintf(buf, size, "%s%s", fh->root, path) < (int)size);
}

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static void put_file(const struct fake_host *fh, const char *path, const void *data, size_t size,
		     const char *mode)
{
	char full[512];
	FILE *f;

	full_path(fh, path, full, sizeof(full));
	make_parents(full);
	f = fopen(full, mode);
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

void fake_host_write(const struct fake_host *fh, const char *path, const char *text)
{
	put_file(fh, path, text, strlen(text), "w");
}

void fake_host_append(const struct fake_host *fh, const char *path, const char *text)
{
	put_file(fh, path, text, strlen(text), "a");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

void fake_host_remove(const struct fake_host *fh, const char *path)
{
	char full[512];

	full_path(fh, path, full, sizeof(full));
	nftw(full, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void fake_host_free(const struct fake_host *fh)
{
	fake_host_remove(fh, "");
}

static int find_or(struct btf *btf, const char *name, unsigned int kind)
{
	int id = btf__find_by_name_kind(btf, name, kind);

	return id > 0 ? id : 0;
}

static int int_type(struct btf *btf, const char *name)
{
	int id = find_or(btf, name, BTF_KIND_INT), encoding = 0;
	size_t bytes = (size_t)atoi(name + 1) / 8;

	if (id)
		return id;
	if (!strcmp(name, "bool")) {
		encoding = BTF_INT_BOOL;
		bytes = 1;
	} else if (*name == 's') {
		encoding = BTF_INT_SIGNED;
	}
	return btf__add_int(btf, name, bytes, encoding);
}

/* A structure not known yet is declared only, as in a kernel's own BTF. */
static int struct_type(struct btf *btf, const char *name)
{
	int id = find_or(btf, name, BTF_KIND_STRUCT);

	if (!id)
		id = find_or(btf, name, BTF_KIND_FWD);
	return id ? id : btf__add_fwd(btf, name, BTF_FWD_STRUCT);
}

static int type_id(struct btf *btf, const char *name)
{
	const char *inner = name + 4;

	if (!strcmp(name, "void"))
		return 0;
	if (!strncmp(name, "struct:", 7))
		return struct_type(btf, name + 7);
	if (!strncmp(name, "enum:", 5))
		return find_or(btf, name + 5, BTF_KIND_ENUM);
	if (strncmp(name, "ptr:", 4))
		return int_type(btf, name);
	if (strchr("us", *inner) && inner[1] >= '1' && inner[1] <= '8')
		return btf__add_ptr(btf, int_type(btf, inner));
	if (!strcmp(inner, "bool"))
		return btf__add_ptr(btf, int_type(btf, inner));
	/* Pointers to const, as most parameters of the kernel are. */
	return btf__add_ptr(btf, btf__add_const(btf, struct_type(btf, inner)));
}

#define MAX_MEMBERS 16

struct member {
	char name[64];
	unsigned int offset;
	int type;
};

static void add_struct(struct btf *btf, const char *name, unsigned int size,
		       const struct member *members, size_t n)
{
	assert_true(btf__add_struct(btf, name, size) > 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(btf__add_field(btf, members[i].name, members[i].type,
						members[i].offset * 8, 0),
				 0);
}

static void add_enum(struct btf *btf, char *save)
{
	unsigned int size = (unsigned int)atoi(strtok_r(NULL, " ", &save));
	const char *name = strtok_r(NULL, " ", &save);

	assert_true(btf__add_enum(btf, *name == '-' ? NULL : name, size) > 0);
	for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		assert_int_equal(btf__add_enum_value(btf, word, atoi(value)), 0);
	}
}

static void add_symbol(const struct maker *m, const char *name)
{
	char line[256];

	snprintf(line, sizeof(line), "0000000000000000 t %s%s\n", name, m->kvm ? "\t[kvm]" : "");
	fake_host_append(m->fh, "/proc/kallsyms", line);
}

static void add_func(const struct maker *m, char *save)
{
	struct btf *btf = current(m);
	int types[MAX_MEMBERS], proto, ret = type_id(btf, strtok_r(NULL, " ", &save));
	const char *name = strtok_r(NULL, " ", &save), *params[MAX_MEMBERS];
	size_t n = 0;

	for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *type = strchr(word, '=');

		assert_true(n < MAX_MEMBERS);
		*type++ = '\0';
		params[n] = word;
		types[n++] = type_id(btf, type);
	}
	proto = btf__add_func_proto(btf, ret);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(btf__add_func_param(btf, params[i], types[i]), 0);
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
	add_symbol(m, name);
}

static void add_tracepoints(const struct maker *m, char *save)
{
	for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char name[128];

		snprintf(name, sizeof(name), "btf_trace_%s", word);
		assert_true(btf__add_typedef(current(m), name, 0) > 0);
		snprintf(name, sizeof(name), "/sys/kernel/tracing/events/kvm/%s/enable", word);
		fake_host_write(m->fh, name, "0\n");
	}
}

/* Reads the member lines below a structure; returns the line after them. */
static char *read_struct(const struct maker *m, char *save, char **rest)
{
	const char *name = strtok_r(NULL, " ", &save);
	unsigned int size = (unsigned int)atoi(strtok_r(NULL, " ", &save));
	struct member members[MAX_MEMBERS];
	size_t n = 0;
	char *line;

	while ((line = strtok_r(NULL, "\n", rest)) && *line == ' ') {
		char type[80];

		assert_true(n < MAX_MEMBERS);
		assert_int_equal(
			sscanf(line, "%x %63s %79s", &members[n].offset, members[n].name, type), 3);
		members[n++].type = type_id(current(m), type);
	}
	add_struct(current(m), name, size, members, n);
	return line;
}

static char *read_line(struct maker *m, char *line, char **rest)
{
	char *save, *word = strtok_r(line, " ", &save);

	if (!strcmp(word, "struct"))
		return read_struct(m, save, rest);
	if (!strcmp(word, "release"))
		fake_host_write(m->fh, "/proc/sys/kernel/osrelease", strtok_r(NULL, " ", &save));
	else if (!strcmp(word, "module"))
		m->kvm = btf__new_empty_split(m->vmlinux);
	else if (!strcmp(word, "enum"))
		add_enum(current(m), save);
	else if (!strcmp(word, "func"))
		add_func(m, save);
	else if (!strcmp(word, "tracepoint"))
		add_tracepoints(m, save);
	else
		assert_string_equal(word, "#");
	return strtok_r(NULL, "\n", rest);
}

static char *read_text(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void put_btf(const struct fake_host *fh, struct btf *btf, const char *path)
{
	uint32_t size;
	const void *data = btf__raw_data(btf, &size);

	assert_non_null(data);
	put_file(fh, path, data, size, "w");
}

static void drop_lines(char *text, const char *word)
{
	char *to = text, *end;

	for (const char *line = text; *line; line = end) {
		end = strchrnul(line, '\n');
		end += *end == '\n';
		if (memmem(line, (size_t)(end - line), word, strlen(word)))
			continue;
		memmove(to, line, (size_t)(end - line));
		to += end - line;
	}
	*to = '\0';
}

void fake_host_make_without(struct fake_host *fh, const char *types_path, const char *word)
{
	struct maker m = { .fh = fh, .vmlinux = btf__new_empty() };
	char *rest = read_text(types_path), *line;

	if (word)
		drop_lines(rest, word);
	line = strtok_r(rest, "\n", &rest);

	snprintf(fh->root, sizeof(fh->root), "/tmp/rs-host-XXXXXX");
	assert_non_null(mkdtemp(fh->root));
	fake_host_write(fh, "/proc/mounts", "nodev /sys/kernel/tracing tracefs rw 0 0\n");
	fake_host_write(fh, "/proc/kallsyms", "");
	fake_host_write(fh, "/sys/kernel/tracing/kprobe_events", "");
	fake_host_write(fh, "/sys/module/kvm/parameters/tdp_mmu", "Y\n");
	fake_host_write(fh, "/sys/module/kvm_amd/parameters/npt", "1\n");
	fake_host_write(fh, "/dev/kvm", "");
	while (line)
		line = read_line(&m, line, &rest);
	put_btf(fh, m.vmlinux, "/sys/kernel/btf/vmlinux");
	if (m.kvm)
		put_btf(fh, m.kvm, "/sys/kernel/btf/kvm");
	btf__free(m.kvm);
	btf__free(m.vmlinux);
}

void fake_host_make(struct fake_host *fh, const char *types_path)
{
	fake_host_make_without(fh, types_path, NULL);
}
