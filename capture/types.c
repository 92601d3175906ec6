// SPDX-License-Identifier: GPL-2.0-only
#include "capture/types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 128

struct rs_types {
	struct btf *vmlinux;
	struct btf *kvm; /* NULL: built in */
};

/* The last one loaded: it sees the types of the other one as well. */
static const struct btf *all_types(const struct rs_types *t)
{
	return t->kvm ? t->kvm : t->vmlinux;
}

static int no_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

struct rs_types *rs_types_load(const struct rs_host *h, struct rs_error *err)
{
	struct rs_types *t;
	const char *what = h->btf_vmlinux;

	if (!what) {
		errno = -rs_error_set(err, RS_ERR_HOST, ENOENT,
				      "no kernel type information (/sys/kernel/btf/vmlinux)");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	libbpf_set_print(no_print);
	t->vmlinux = btf__parse(what, NULL);
	if (t->vmlinux && h->btf_kvm) {
		what = h->btf_kvm;
		t->kvm = btf__parse_split(what, t->vmlinux);
	}
	if (!t->vmlinux || (h->btf_kvm && !t->kvm)) {
		char why[128];

		libbpf_strerror(errno, why, sizeof(why));
		rs_types_free(t);
		errno = -rs_error_set(err, RS_ERR_HOST, EINVAL,
				      "%s: no usable type information: %s", what, why);
		return NULL;
	}
	return t;
}

void rs_types_free(struct rs_types *t)
{
	if (!t)
		return;
	btf__free(t->kvm);
	btf__free(t->vmlinux);
	free(t);
}

/* From the end: the module's own types come after those of the kernel. */
static const struct btf_type *find_last(const struct btf *btf, const char *name, unsigned int kind)
{
	for (unsigned int id = btf__type_cnt(btf) - 1; id > 0; id--) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *s;

		if (btf_kind(type) != kind)
			continue;
		s = btf__name_by_offset(btf, type->name_off);
		if (s && !strcmp(s, name))
			return type;
	}
	return NULL;
}

static const struct btf_type *strip(const struct btf *btf, unsigned int id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type) || btf_is_type_tag(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const struct btf_type *prototype(const struct rs_types *t, const struct rs_function *f)
{
	return btf__type_by_id(all_types(t), ((const struct btf_type *)f)->type);
}

const struct rs_function *rs_types_function(const struct rs_types *t, const char *name)
{
	const struct btf_type *func = find_last(all_types(t), name, BTF_KIND_FUNC);
	const struct btf_type *proto;

	if (!func)
		return NULL;
	proto = btf__type_by_id(all_types(t), func->type);
	return proto && btf_is_func_proto(proto) ? (const struct rs_function *)func : NULL;
}

/* Each tracepoint leaves a type for its callbacks. */
bool rs_types_tracepoint(const struct rs_types *t, const char *name)
{
	char type[MAX_NAME];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return find_last(all_types(t), type, BTF_KIND_TYPEDEF);
}

unsigned int rs_types_nr_params(const struct rs_types *t, const struct rs_function *f)
{
	return btf_vlen(prototype(t, f));
}

/*
 * Where a path has come to: a register that points to @type at @offset, or
 * (@loaded) memory at @offset behind @expr that holds a @type.
 */
struct cursor {
	const struct rs_types *types;
	const struct btf_type *type;
	unsigned int type_id; /* 0 when @type came from "@STRUCT" */
	char expr[256];
	long long offset;
	bool loaded;
};

static size_t name_length(const char *path)
{
	return strcspn(path, "-.@");
}

/* A structure in registers would shift the numbers of the arguments behind it. */
static int start_at_param(struct cursor *c, const struct btf_type *proto, const char *name,
			  size_t len)
{
	const struct btf *btf = all_types(c->types);
	const struct btf_param *p = btf_params(proto);

	for (unsigned int i = 0; i < btf_vlen(proto); i++, p++) {
		const struct btf_type *type = strip(btf, p->type);
		const char *s = btf__name_by_offset(btf, p->name_off);

		if (!type || btf_is_composite(type))
			return -EINVAL;
		if (!s || strncmp(s, name, len) || s[len])
			continue;
		c->type = type;
		c->type_id = p->type;
		snprintf(c->expr, sizeof(c->expr), "$arg%u", i + 1);
		return 0;
	}
	return -ENOENT;
}

/* The member @name of @type, in anonymous structures and unions too. */
static int find_member(const struct btf *btf, const struct btf_type *type, const char *name,
		       size_t len, long long base, struct cursor *c)
{
	const struct btf_member *m = btf_members(type);

	for (unsigned int i = 0; i < btf_vlen(type); i++, m++) {
		const char *s = btf__name_by_offset(btf, m->name_off);
		long long offset = base + btf_member_bit_offset(type, i) / 8;
		const struct btf_type *inner = strip(btf, m->type);

		if (!inner)
			return -EINVAL;
		if (s && !strncmp(s, name, len) && !s[len]) {
			if (btf_member_bitfield_size(type, i))
				return -EINVAL;
			c->offset = offset;
			c->type = inner;
			c->type_id = m->type;
			return 0;
		}
		if ((!s || !*s) && btf_is_composite(inner) &&
		    find_member(btf, inner, name, len, offset, c) == 0)
			return 0;
	}
	return -ENOENT;
}

/* "@STRUCT.MEMBER": the pointer is to that member; go back to the structure's start. */
static int container(struct cursor *c, const char **path)
{
	const struct btf *btf = all_types(c->types);
	const char *p = *path + 1, *member;
	size_t len = name_length(p);
	const struct btf_type *outer;
	char name[MAX_NAME];
	int ret;

	if (p[len] != '.' || len >= sizeof(name) || !btf_is_ptr(c->type))
		return -EINVAL;
	memcpy(name, p, len);
	name[len] = '\0';
	outer = find_last(btf, name, BTF_KIND_STRUCT);
	if (!outer)
		return -ENOENT;
	member = p + len + 1;
	len = name_length(member);
	ret = find_member(btf, outer, member, len, 0, c);
	if (ret)
		return ret;
	c->offset = -c->offset;
	c->type = outer;
	c->type_id = 0;
	*path = member + len;
	return 0;
}

static int load_pointer(struct cursor *c)
{
	char expr[sizeof(c->expr)];

	if (snprintf(expr, sizeof(expr), "%s0x%llx(%s)", c->offset < 0 ? "-" : "+",
		     c->offset < 0 ? -c->offset : c->offset, c->expr) >= (int)sizeof(expr))
		return -ENAMETOOLONG;
	memcpy(c->expr, expr, sizeof(expr));
	c->offset = 0;
	return 0;
}

/* What a pointer points to; a structure only declared here is looked up by its name. */
static const struct btf_type *pointee(const struct cursor *c)
{
	const struct btf *btf = all_types(c->types);
	const struct btf_type *type = strip(btf, c->type->type);

	if (type && btf_is_fwd(type))
		type = find_last(btf, btf__name_by_offset(btf, type->name_off), BTF_KIND_STRUCT);
	return type;
}

/* "->MEMBER" or ".MEMBER". */
static int step(struct cursor *c, const char **path)
{
	bool through = **path == '-';
	const char *name = *path + (through ? 2 : 1);
	size_t len = name_length(name);
	const struct btf_type *outer = c->type;
	int ret;

	if (through && (*path)[1] != '>')
		return -EINVAL;
	if (through && c->type_id) {
		if (!btf_is_ptr(c->type))
			return -EINVAL;
		outer = pointee(c);
		ret = c->loaded ? load_pointer(c) : 0;
		if (ret)
			return ret;
	}
	if (!outer || !btf_is_composite(outer) || (!through && !c->loaded))
		return -EINVAL;
	ret = find_member(all_types(c->types), outer, name, len, c->offset, c);
	if (ret)
		return ret;
	c->loaded = true;
	*path = name + len;
	return 0;
}

/*
 * A signed number that is recorded as unsigned, or in hexadecimal, would lose what it is
 * extended with when the kernel makes a longer one of it. Old BTF does not say it of enums.
 */
static char format_of(const struct btf_type *type, long long bytes, char format)
{
	bool is_signed = btf_is_int(type) ? btf_int_encoding(type) & BTF_INT_SIGNED
					  : btf_is_any_enum(type) && btf_kflag(type);

	if (is_signed)
		return format == 'x' && bytes == 8 ? 'x' : 's';
	return format == 's' && btf_is_int(type) ? 'u' : format;
}

static int finish(const struct cursor *c, char format, char *buf, size_t size)
{
	struct cursor end = *c;
	long long bytes;
	int n, ret = c->loaded ? load_pointer(&end) : 0;

	if (ret)
		return ret;
	if (!c->type_id || btf_is_composite(c->type) || btf_is_array(c->type))
		return -EINVAL;
	bytes = btf__resolve_size(all_types(c->types), c->type_id);
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return -EINVAL;
	n = snprintf(buf, size, "%s:%c%lld", end.expr, format_of(c->type, bytes, format),
		     bytes * 8);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int rs_types_fetch(const struct rs_types *t, const struct rs_function *f, const char *path,
		   char format, char *buf, size_t size)
{
	const struct btf_type *proto = prototype(t, f);
	struct cursor c = { .types = t };
	size_t len = name_length(path);
	int ret;

	if (!strcmp(path, "RETURN")) {
		c.type_id = proto->type;
		c.type = strip(all_types(t), proto->type);
		if (!proto->type || !c.type)
			return -ENOENT;
		snprintf(c.expr, sizeof(c.expr), "$retval");
		return finish(&c, format, buf, size);
	}
	ret = start_at_param(&c, proto, path, len);
	path += len;
	if (!ret && *path == '@')
		ret = container(&c, &path);
	while (!ret && *path)
		ret = step(&c, &path);
	return ret ? ret : finish(&c, format, buf, size);
}

static int each_enumerator(const struct btf *btf, const struct btf_type *type, const char *prefix,
			   int (*fn)(void *, const char *, int64_t), void *arg)
{
	const struct btf_enum *e = btf_enum(type);

	for (unsigned int i = 0; i < btf_vlen(type); i++, e++) {
		const char *name = btf__name_by_offset(btf, e->name_off);
		int ret;

		if (!name || strncmp(name, prefix, strlen(prefix)))
			continue;
		ret = fn(arg, name, e->val);
		if (ret)
			return ret;
	}
	return 0;
}

int rs_types_enums(const struct rs_types *t, const char *prefix,
		   int (*fn)(void *arg, const char *name, int64_t value), void *arg)
{
	const struct btf *btf = all_types(t);

	for (unsigned int id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		int ret;

		if (!btf_is_enum(type))
			continue;
		ret = each_enumerator(btf, type, prefix, fn, arg);
		if (ret)
			return ret;
	}
	return 0;
}
