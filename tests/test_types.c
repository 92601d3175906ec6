// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types as compilers and kernels have them, each made with BTF of its own: bit
 * fields, structures by value, anonymous members, names that are there twice, types
 * that are only declared. A wrong offset records garbage, and nobody would notice.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture/types.h"
#include "tests/common/fake_host.h"

struct made {
	struct fake_host fh;
	struct btf *vmlinux, *kvm, *now; /* where types are added */
	struct rs_host *host;
	struct rs_types *types;
	int u64, u32, u16, u8, s32, u128;
};

static struct made m;

static int setup(void **state)
{
	m = (struct made){ 0 };
	fake_host_make(&m.fh, TEST_DATA "/probe/6.12.types");
	m.vmlinux = m.now = btf__new_empty();
	assert_non_null(m.vmlinux);
	m.u64 = btf__add_int(m.now, "u64", 8, 0);
	m.u32 = btf__add_int(m.now, "u32", 4, 0);
	m.u16 = btf__add_int(m.now, "u16", 2, 0);
	m.u8 = btf__add_int(m.now, "u8", 1, 0);
	m.s32 = btf__add_int(m.now, "s32", 4, BTF_INT_SIGNED);
	m.u128 = btf__add_int(m.now, "u128", 16, 0);
	return 0;
}

static int teardown(void **state)
{
	rs_types_free(m.types);
	rs_host_close(m.host);
	btf__free(m.kvm);
	btf__free(m.vmlinux);
	fake_host_free(&m.fh);
	return 0;
}

/* What follows is the module's. */
static void begin_module(void)
{
	m.kvm = m.now = btf__new_empty_split(m.vmlinux);
	assert_non_null(m.kvm);
}

static void put(const struct btf *btf, const char *path)
{
	uint32_t size;
	const void *data = btf__raw_data(btf, &size);
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", m.fh.root, path);
	f = fopen(full, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

static void load(void)
{
	struct rs_error err = { 0 };

	fake_host_remove(&m.fh, "/sys/kernel/btf/kvm");
	put(m.vmlinux, "/sys/kernel/btf/vmlinux");
	if (m.kvm)
		put(m.kvm, "/sys/kernel/btf/kvm");
	m.host = rs_host_open(m.fh.root, &err);
	assert_non_null(m.host);
	m.types = rs_types_load(m.host, &err);
	assert_non_null(m.types);
}

static int structure(const char *name, unsigned int size)
{
	int id = btf__add_struct(m.now, name, size);

	assert_true(id > 0);
	return id;
}

static void member(const char *name, int type, unsigned int offset)
{
	assert_int_equal(btf__add_field(m.now, name, type, offset * 8, 0), 0);
}

static int pointer(int type)
{
	return btf__add_ptr(m.now, type);
}

/* Up to three parameters; a name of NULL ends them. */
static void function(const char *name, int ret, const char *a, int ta, const char *b, int tb,
		     const char *c, int tc)
{
	const char *const names[] = { a, b, c };
	const int types[] = { ta, tb, tc };
	int proto = btf__add_func_proto(m.now, ret);

	for (int i = 0; i < 3 && names[i]; i++)
		assert_int_equal(btf__add_func_param(m.now, names[i], types[i]), 0);
	assert_true(btf__add_func(m.now, name, BTF_FUNC_STATIC, proto) > 0);
}

static void fetch_as(const char *fn, const char *path, char format, const char *expected)
{
	const struct rs_function *f = rs_types_function(m.types, fn);
	char buf[512];
	int ret;

	assert_non_null(f);
	ret = rs_types_fetch(m.types, f, path, format, buf, sizeof(buf));
	if (ret || strcmp(buf, expected))
		fail_msg("%s of %s is '%s' (%d), not '%s'", path, fn, ret ? "" : buf, ret,
			 expected);
}

static void fetch(const char *fn, const char *path, const char *expected)
{
	fetch_as(fn, path, 'x', expected);
}

static void refuse(const char *fn, const char *path, int expected)
{
	const struct rs_function *f = rs_types_function(m.types, fn);
	char buf[512] = "";
	int ret;

	assert_non_null(f);
	ret = rs_types_fetch(m.types, f, path, 'x', buf, sizeof(buf));
	if (ret != expected)
		fail_msg("%s of %s gives %d ('%s'), not %d", path, fn, ret, buf, expected);
}

/* No fetch argument reads single bits; a whole member beside them can be read. */
static void test_bit_fields(void **state)
{
	int s = structure("flags", 24);

	member("before", m.u64, 0);
	assert_int_equal(btf__add_field(m.now, "bits", m.u32, 64, 3), 0);
	assert_int_equal(btf__add_field(m.now, "more", m.u32, 67, 5), 0);
	/* As wide as its type, where its type would be: still a bit field. */
	assert_int_equal(btf__add_field(m.now, "wide", m.u32, 96, 32), 0);
	member("after", m.u16, 16);
	function("fn", 0, "p", pointer(s), NULL, 0, NULL, 0);
	load();
	fetch("fn", "p->before", "+0x0($arg1):x64");
	fetch("fn", "p->after", "+0x10($arg1):x16");
	refuse("fn", "p->bits", -EINVAL);
	refuse("fn", "p->more", -EINVAL);
	refuse("fn", "p->wide", -EINVAL);
}

/* One in registers takes one or two of them, and those behind it are others then. */
static void test_by_value(void **state)
{
	int s = structure("pair", 16), u;

	member("a", m.u64, 0);
	member("b", m.u64, 8);
	u = btf__add_union(m.now, "either", 8);
	assert_int_equal(btf__add_field(m.now, "x", m.u64, 0, 0), 0);
	function("fn", 0, "first", m.u64, "s", s, "last", m.u64);
	s = btf__add_const(m.now, btf__add_typedef(m.now, "pair_t", s));
	function("typed", 0, "s", s, "last", m.u64, NULL, 0);
	function("one", 0, "u", u, "last", m.u64, NULL, 0);
	load();
	fetch("fn", "first", "$arg1:x64");
	refuse("fn", "s", -EINVAL);
	refuse("fn", "s.a", -EINVAL);
	refuse("fn", "s->a", -EINVAL);
	refuse("fn", "last", -EINVAL);
	refuse("typed", "last", -EINVAL);
	refuse("one", "last", -EINVAL);
}

static void test_anonymous(void **state)
{
	int inner, u, outer;

	inner = btf__add_struct(m.now, NULL, 16);
	member("deep", m.u32, 4);
	member("deeper", m.u64, 8);
	inner = btf__add_const(m.now, inner);
	u = btf__add_union(m.now, NULL, 16);
	assert_int_equal(btf__add_field(m.now, "alone", m.u16, 0, 0), 0);
	assert_int_equal(btf__add_field(m.now, NULL, inner, 0, 0), 0);
	outer = structure("outer", 48);
	member("head", m.u64, 0);
	member(NULL, u, 16);
	member("named", u, 32);
	function("fn", 0, "p", pointer(outer), NULL, 0, NULL, 0);
	load();
	fetch("fn", "p->alone", "+0x10($arg1):x16");
	fetch("fn", "p->deep", "+0x14($arg1):x32");
	fetch("fn", "p->deeper", "+0x18($arg1):x64");
	fetch("fn", "p->named.deeper", "+0x28($arg1):x64");
	fetch("fn", "p->named.alone", "+0x20($arg1):x16");
	refuse("fn", "p->shallow", -ENOENT);
	refuse("fn", "p->named", -EINVAL);
	refuse("fn", "p->named->deep", -EINVAL);
}

/* The one that kvm was built with is the later one; a name is all of it. */
static void test_double_names(void **state)
{
	int old, new, longer, declared;

	old = structure("slot", 16);
	member("base", m.u64, 0);
	member("gone", m.u64, 8);
	function("fn", 0, "s", pointer(old), NULL, 0, NULL, 0);
	begin_module();
	new = structure("slot", 24);
	member("ba", m.u64, 0);
	member("base_gfn", m.u64, 16);
	member("base", m.u32, 8);
	longer = structure("slots", 8);
	member("base", m.u8, 3);
	/* A union and a type of that name are not what is looked for. */
	assert_true(btf__add_union(m.now, "slot", 8) > 0);
	assert_int_equal(btf__add_field(m.now, "base", m.u64, 0, 0), 0);
	assert_true(btf__add_typedef(m.now, "slot", longer) > 0);
	function("fn", 0, "x", m.u64, "s", pointer(new), NULL, 0);
	declared = pointer(btf__add_fwd(m.now, "slot", BTF_FWD_STRUCT));
	function("fn2", 0, "ss", pointer(longer), "s", declared, NULL, 0);
	function("fn3", 0, "member", pointer(m.u32), NULL, 0, NULL, 0);
	load();
	assert_int_equal(rs_types_nr_params(m.types, rs_types_function(m.types, "fn")), 2);
	fetch("fn", "s->base", "+0x8($arg2):x32");
	refuse("fn", "s->gone", -ENOENT);
	fetch("fn2", "s->base", "+0x8($arg2):x32");
	fetch("fn2", "ss->base", "+0x3($arg1):x8");
	fetch("fn3", "member@slot.base->base_gfn", "+0x8($arg1):x64");
	assert_null(rs_types_function(m.types, "f"));
	assert_null(rs_types_function(m.types, "slot"));
}

/* From a member back to its structure, and on: the offsets are taken together. */
static void test_container(void **state)
{
	int inner = structure("inner", 16), outer;

	member("x", m.u64, 8);
	outer = structure("outer", 64);
	member("before", m.u64, 16);
	member("inner", inner, 32);
	member("after", m.u64, 48);
	function("fn", 0, "p", pointer(inner), "n", m.u64, "q", pointer(outer));
	load();
	fetch("fn", "p@outer.inner->before", "-0x10($arg1):x64");
	fetch("fn", "p@outer.inner->after", "+0x10($arg1):x64");
	fetch("fn", "p@outer.inner->inner.x", "+0x8($arg1):x64");
	refuse("fn", "p@outer.inner", -EINVAL);
	refuse("fn", "p@outer.inner.before", -EINVAL);
	refuse("fn", "p@outer.nobody->after", -ENOENT);
	refuse("fn", "p@nothing.inner->after", -ENOENT);
	refuse("fn", "p@outer->after", -EINVAL);
	refuse("fn", "n@outer.inner->after", -EINVAL);
}

/* A number keeps its sign, whatever it is asked for as; and gets none. */
static void test_signs(void **state)
{
	int s64 = btf__add_int(m.now, "s64", 8, BTF_INT_SIGNED);

	function("fn", m.s32, "u", m.u16, "i", m.s32, "l", s64);
	load();
	fetch_as("fn", "u", 'x', "$arg1:x16");
	fetch_as("fn", "u", 'u', "$arg1:u16");
	fetch_as("fn", "u", 's', "$arg1:u16");
	fetch_as("fn", "i", 'x', "$arg2:s32");
	fetch_as("fn", "i", 'u', "$arg2:s32");
	fetch_as("fn", "i", 's', "$arg2:s32");
	fetch_as("fn", "l", 'x', "$arg3:x64");
	fetch_as("fn", "l", 'u', "$arg3:s64");
	fetch_as("fn", "RETURN", 'u', "$retval:s32");
}

static void test_pointers(void **state)
{
	int c = structure("c", 8), b, a, array, list, to_c, to_b, nowhere, untyped;

	member("value", m.u16, 6);
	nowhere = pointer(btf__add_fwd(m.now, "nowhere", BTF_FWD_STRUCT));
	to_c = pointer(btf__add_volatile(m.now, c));
	untyped = pointer(0);
	b = structure("b", 48);
	member("c", to_c, 8);
	member("nowhere", nowhere, 16);
	member("untyped", untyped, 24);
	member("inside", c, 32);
	array = btf__add_array(m.now, m.s32, m.u64, 2);
	list = btf__add_array(m.now, m.s32, c, 2);
	to_b = pointer(b);
	a = structure("a", 96);
	member("b", to_b, 16);
	member("array", array, 32);
	member("list", list, 40);
	member("huge", m.u128, 64);
	function("fn", pointer(c), "p", pointer(a), "n", m.s32, "pp", pointer(pointer(c)));
	function("nothing", 0, NULL, 0, NULL, 0, NULL, 0);
	function("value", c, "small", m.u8, NULL, 0, NULL, 0);
	load();
	fetch("fn", "p", "$arg1:x64");
	/* A signed one would lose its sign in hexadecimal. */
	fetch("fn", "n", "$arg2:s32");
	fetch("fn", "p->b", "+0x10($arg1):x64");
	fetch("fn", "p->b->c", "+0x8(+0x10($arg1)):x64");
	fetch("fn", "p->b->c->value", "+0x6(+0x8(+0x10($arg1))):x16");
	fetch("fn", "p->b->inside.value", "+0x26(+0x10($arg1)):x16");
	fetch("fn", "RETURN", "$retval:x64");
	fetch("value", "small", "$arg1:x8");
	refuse("fn", "p->b.c", -EINVAL);
	refuse("fn", "p.b", -EINVAL);
	refuse("fn", "n->b", -EINVAL);
	refuse("fn", "p-b", -EINVAL);
	refuse("fn", "p->array", -EINVAL);
	refuse("fn", "p->list->value", -EINVAL);
	refuse("fn", "p->huge", -EINVAL);
	refuse("fn", "p->b->nowhere->x", -EINVAL);
	refuse("fn", "p->b->untyped->x", -EINVAL);
	refuse("fn", "pp->value", -EINVAL);
	refuse("fn", "", -ENOENT);
	refuse("fn", "pa->b", -ENOENT);
	refuse("nothing", "RETURN", -ENOENT);
	refuse("nothing", "p", -ENOENT);
	refuse("value", "RETURN", -EINVAL);
	assert_int_equal(rs_types_nr_params(m.types, rs_types_function(m.types, "nothing")), 0);
	assert_int_equal(rs_types_nr_params(m.types, rs_types_function(m.types, "fn")), 3);
}

/* A path may be longer than there is room for; nothing is cut off. */
static void test_too_long(void **state)
{
	char path[1024] = "p", buf[512];
	const struct rs_function *f;
	/* A pointer to the structure that comes after it. */
	int next = pointer((int)btf__type_cnt(m.now) + 1), node = structure("node", 32);
	int links = 0, ret;

	member("next", next, 16);
	member("value", m.u64, 24);
	function("fn", 0, "p", pointer(node), NULL, 0, NULL, 0);
	load();
	f = rs_types_function(m.types, "fn");
	while (!(ret = rs_types_fetch(m.types, f, path, 'u', buf, sizeof(buf)))) {
		assert_int_equal(strlen(buf), strlen("$arg1:u64") + links * strlen("+0x10()"));
		assert_true(++links < 100);
		strcat(path, "->next");
	}
	assert_int_equal(ret, -ENAMETOOLONG);
	assert_true(links > 20);
	assert_int_equal(rs_types_fetch(m.types, f, "p->value", 'u', buf, 16), -ENAMETOOLONG);
	assert_int_equal(rs_types_fetch(m.types, f, "p->value", 'u', buf, 17), 0);
	assert_string_equal(buf, "+0x18($arg1):u64");
}

static int note(void *arg, const char *name, int64_t value)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s=%" PRId64 " ", name, value);
	return value == 99 ? 7 : 0;
}

static void test_enumerators(void **state)
{
	char text[512] = "";

	assert_true(btf__add_enum(m.now, "results", 4) > 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PF_A", -1), 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PA", 2), 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PF_B", 3), 0);
	assert_true(btf__add_enum64(m.now, "wide", 8, false) > 0);
	assert_int_equal(btf__add_enum64_value(m.now, "RET_PF_W", 4), 0);
	begin_module();
	assert_true(btf__add_enum(m.now, NULL, 4) > 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PF_C", 5), 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PF_LAST", 99), 0);
	assert_int_equal(btf__add_enum_value(m.now, "RET_PF_NEVER", 6), 0);
	load();
	assert_int_equal(rs_types_enums(m.types, "RET_PF_", note, text), 7);
	assert_string_equal(text, "RET_PF_A=-1 RET_PF_B=3 RET_PF_C=5 RET_PF_LAST=99 ");
	assert_int_equal(rs_types_enums(m.types, "OTHER", note, text), 0);
}

static void test_tracepoints(void **state)
{
	assert_true(btf__add_typedef(m.now, "btf_trace_there", m.u64) > 0);
	structure("btf_trace_structure", 8);
	load();
	assert_true(rs_types_tracepoint(m.types, "there"));
	assert_false(rs_types_tracepoint(m.types, "ther"));
	assert_false(rs_types_tracepoint(m.types, "structure"));
	assert_false(rs_types_tracepoint(m.types, "missing"));
}

static void test_broken(void **state)
{
	struct rs_error err = { 0 };

	load();
	rs_types_free(m.types);
	m.types = NULL;
	fake_host_write(&m.fh, "/sys/kernel/btf/vmlinux", "no types");
	assert_null(rs_types_load(m.host, &err));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(err.kind, RS_ERR_HOST);
	assert_non_null(strstr(err.text, "/sys/kernel/btf/vmlinux: no usable type information"));
	fake_host_remove(&m.fh, "/sys/kernel/btf/vmlinux");
	assert_null(rs_types_load(m.host, &err));
	rs_host_close(m.host);
	m.host = rs_host_open(m.fh.root, &err);
	assert_null(rs_types_load(m.host, &err));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(err.text, "no kernel type information"));
}

#define types_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		types_test(test_bit_fields),  types_test(test_by_value),
		types_test(test_anonymous),   types_test(test_double_names),
		types_test(test_container),   types_test(test_signs),
		types_test(test_pointers),    types_test(test_too_long),
		types_test(test_enumerators), types_test(test_tracepoints),
		types_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
