// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call of the import that can fail does so once: a want of memory or a failing read
 * is told, or makes no difference. Never is the trace another one then.
 *
 * The linker puts my_NAME() in the place of each call of NAME() in our own code
 * (tests/CMakeLists.txt); the libraries' own calls stay as they are.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "tests/common/puts.h"
#include "tests/common/random_recording.h"

enum kind { ALLOC, READ, SHORT_READ, STAT, OPEN, NR_KINDS };

static const char *const kind_names[NR_KINDS] = { "allocation", "read", "short read", "stat",
						  "open" };
static const int kind_errors[NR_KINDS] = { ENOMEM, EIO, 0, EACCES, EMFILE };

static struct {
	bool on, more;
	enum kind kind;
	unsigned long at; /* 0: none */
	unsigned long calls[NR_KINDS];
	const void *from; /* who made the call that failed; NULL: none did */
} failing;

static bool fails(enum kind kind, const void *from)
{
	unsigned long n;

	if (!failing.on)
		return false;
	n = ++failing.calls[kind];
	if (kind != failing.kind || !failing.at ||
	    (n != failing.at && !(failing.more && n > failing.at)))
		return false;
	if (n == failing.at)
		failing.from = from;
	if (kind_errors[kind])
		errno = kind_errors[kind];
	return true;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

void *real_malloc(size_t size) __asm__("__real_malloc");
void *my_malloc(size_t size) __asm__("__wrap_malloc");
void *my_malloc(size_t size)
{
	return FAILS(ALLOC) ? NULL : real_malloc(size);
}

void *real_calloc(size_t n, size_t size) __asm__("__real_calloc");
void *my_calloc(size_t n, size_t size) __asm__("__wrap_calloc");
void *my_calloc(size_t n, size_t size)
{
	return FAILS(ALLOC) ? NULL : real_calloc(n, size);
}

void *real_reallocarray(void *p, size_t n, size_t size) __asm__("__real_reallocarray");
void *my_reallocarray(void *p, size_t n, size_t size) __asm__("__wrap_reallocarray");
void *my_reallocarray(void *p, size_t n, size_t size)
{
	return FAILS(ALLOC) ? NULL : real_reallocarray(p, n, size);
}

char *real_strdup(const char *s) __asm__("__real_strdup");
char *my_strdup(const char *s) __asm__("__wrap_strdup");
char *my_strdup(const char *s)
{
	return FAILS(ALLOC) ? NULL : real_strdup(s);
}

char *real_strndup(const char *s, size_t n) __asm__("__real_strndup");
char *my_strndup(const char *s, size_t n) __asm__("__wrap_strndup");
char *my_strndup(const char *s, size_t n)
{
	return FAILS(ALLOC) ? NULL : real_strndup(s, n);
}

ZSTD_DCtx *real_createDCtx(void) __asm__("__real_ZSTD_createDCtx");
ZSTD_DCtx *my_createDCtx(void) __asm__("__wrap_ZSTD_createDCtx");
ZSTD_DCtx *my_createDCtx(void)
{
	return FAILS(ALLOC) ? NULL : real_createDCtx();
}

ssize_t real_pread(int fd, void *to, size_t n, off_t offset) __asm__("__real_pread");
ssize_t my_pread(int fd, void *to, size_t n, off_t offset) __asm__("__wrap_pread");
ssize_t my_pread(int fd, void *to, size_t n, off_t offset)
{
	if (FAILS(READ))
		return -1;
	return real_pread(fd, to, n > 1 && FAILS(SHORT_READ) ? 1 : n, offset);
}

int real_fstat(int fd, struct stat *st) __asm__("__real_fstat");
int my_fstat(int fd, struct stat *st) __asm__("__wrap_fstat");
int my_fstat(int fd, struct stat *st)
{
	return FAILS(STAT) ? -1 : real_fstat(fd, st);
}

int real_open(const char *path, int flags, ...) __asm__("__real_open");
int my_open(const char *path, int flags, ...) __asm__("__wrap_open");
int my_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return FAILS(OPEN) ? -1 : real_open(path, flags, mode);
}

struct recording {
	const char *path;
	struct rs_reader_opts opts;
	struct test_trace whole; /* with nothing that fails */
};

/* As test_trace_read_with(), but that it is the reader's calls alone that fail. */
static void read_it(const struct recording *r, struct test_trace *t)
{
	const struct rs_event *evs;
	struct rs_reader *reader;
	ssize_t n = -1;

	memset(t, 0, sizeof(*t));
	failing.on = true;
	reader = rs_reader_open(r->path, &r->opts, &t->err);
	while (reader && (n = rs_reader_next(reader, &evs, &t->err)) > 0) {
		failing.on = false;
		t->evs = reallocarray(t->evs, t->nr + (size_t)n, sizeof(*evs));
		assert_non_null(t->evs);
		memcpy(t->evs + t->nr, evs, (size_t)n * sizeof(*evs));
		t->nr += (size_t)n;
		failing.on = true;
	}
	failing.on = false;
	t->rc = (int)n;
	if (reader && !n)
		assert_int_equal(rs_meta_copy(&t->meta, rs_reader_meta(reader)), 0);
	rs_reader_close(reader);
}

static bool is_told(const struct test_trace *t, enum kind kind)
{
	if (kind == ALLOC)
		return t->err.kind == RS_ERR_SYSTEM && !strcmp(t->err.text, "out of memory");
	/* What cannot be opened may be the caller's fault. */
	return (t->err.kind == RS_ERR_SYSTEM || kind == STAT || kind == OPEN) &&
	       strstr(t->err.text, strerror(kind_errors[kind]));
}

/* Why what was read is wrong; NULL: it is not. */
static const char *problem_of(const struct recording *r, const struct test_trace *t, enum kind kind)
{
	const struct test_trace *whole = &r->whole;

	if (t->nr > whole->nr || (t->nr && memcmp(t->evs, whole->evs, t->nr * sizeof(*t->evs))))
		return "gives other events";
	if (t->rc)
		return kind == SHORT_READ ? "is taken as an error"
		       : is_told(t, kind) ? NULL
					  : "is told as something else";
	if (t->nr != whole->nr)
		return "ends the trace too early";
	test_assert_same_meta(&t->meta, &whole->meta);
	return NULL;
}

static void fail_one(const struct recording *r, enum kind kind, unsigned long at, bool more)
{
	const char *problem;
	struct test_trace t;
	Dl_info from;

	memset(&failing, 0, sizeof(failing));
	failing.kind = kind;
	failing.at = at;
	failing.more = more;
	read_it(r, &t);
	assert_non_null(failing.from);
	problem = problem_of(r, &t, kind);
	if (problem && dladdr(failing.from, &from))
		fail_msg("%s: %s %lu%s, made at %s %#tx, %s: %s", r->path, kind_names[kind], at,
			 more ? " and those behind it" : "", from.dli_fname,
			 (const char *)failing.from - (char *)from.dli_fbase - 1, problem,
			 t.err.text);
	test_trace_free(&t);
}

/* Each call of each kind; of more than @most, or with RS_STREAMS, some all over them. */
static void fail_each(struct recording *r, unsigned long most)
{
	const uint64_t asked = test_from_env("RS_STREAMS", UINT64_MAX) / 40 + 1;
	unsigned long calls[NR_KINDS];

	if (most > asked)
		most = asked;
	memset(&failing, 0, sizeof(failing));
	read_it(r, &r->whole);
	assert_string_equal(r->whole.err.text, "");
	memcpy(calls, failing.calls, sizeof(calls));
	assert_true(calls[ALLOC] > 20 && calls[READ] > 5 && calls[STAT] && calls[OPEN]);
	for (enum kind k = 0; k < NR_KINDS; k++)
		for (unsigned long n = 1; n <= calls[k];
		     n += calls[k] > most ? 1 + n % (2 * calls[k] / most) : 1) {
			fail_one(r, k, n, false);
			if (k == ALLOC)
				fail_one(r, k, n, true);
		}
	test_trace_free(&r->whole);
}

static void fail_each_of(struct dat *d, struct rs_reader_opts opts, unsigned long most)
{
	struct recording r = { .opts = opts };
	size_t size;
	unsigned char *bytes = dat_finish(d, &size);

	r.path = strdup(test_write_file("calls.dat", bytes, size));
	free(bytes);
	fail_each(&r, most);
	free((char *)r.path);
}

/* Each form of file, with all that a file can have. */
static void test_files(void **state)
{
	static const struct {
		unsigned int version, flags;
	} forms[] = { { 6, 0 }, { 7, 0 }, { 7, DAT_ZSTD }, { 7, DAT_BIG_ENDIAN } };

	for (size_t i = 0; i < NR(forms); i++) {
		struct dat *d = dat_new(forms[i].version, forms[i].flags, 4, "6.6.1");

		dat_add_command(d, MAKER, "qemu");
		dat_add_buffer(d, "second");
		dat_add_option(d, DAT_OPT_CPUSTAT, "CPU: 0\noverrun: 3\ndropped events: 0\n");
		dat_at(d, 0, 0, MAKER);
		dat_marker(d, 10, "retryscope-fact enum.RET_PF_RETRY 1\n");
		dat_marker(d, 20, "retryscope-fact host.cpu a name\n");
		put_all(d, plain, NR_PLAIN);
		fail_each_of(d, (struct rs_reader_opts){ .jobs = 1 }, ~0UL);
	}
}

/* What the import keeps, in everything that a recording can be short of. */
static void test_recordings(void **state)
{
	for (unsigned int how = 0; how < 0x200; how += 37) {
		struct recording r = { .opts.jobs = 1 };
		size_t size;
		unsigned char *bytes = random_recording(7000 + how, how, 120, &size);

		r.path = strdup(test_write_file("calls.dat", bytes, size));
		free(bytes);
		fail_each(&r, 60);
		free((char *)r.path);
	}
}

static void put(struct dat *d, struct put p)
{
	put_all(d, &p, 1);
}

/* So many of everything that each table grows. */
static void test_tables(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	/* VMs whose memslots no commit made, and tasks. */
	for (uint64_t i = 0; i < 300; i++) {
		const uint64_t kvm = KVM + (i % 20) * 0x10000, gfn = i << 8, t = 1000 + 100 * i;
		const unsigned int task = 1000 + 4 * (unsigned int)i;

		put(d, (struct put)START(t, task, kvm, HVA + (gfn << 12), HVA + ((gfn + 4) << 12),
					 0, 0, NO_RANGE));
		put(d, (struct put)SLOT(t + 1, task, kvm, i, gfn, gfn + 4, 0, 1, gfn, gfn + 4));
		put(d, (struct put)STARTED(t + 2, task));
		put(d, (struct put)FAULT(t + 3, task + 2000, kvm, i, gfn + 9));
		put(d, (struct put)BEGIN(t + 4, task + 2000, kvm, i, gfn + 9, 0, 1, gfn, gfn + 4));
	}
	/* Holes, one in another, and calls without an end. */
	for (uint64_t i = 0; i < 40; i++) {
		put(d, (struct put)P(40000 + 10 * i, OTHER, INVAL_BEGIN, KVM, i, 0, NO_RANGE));
		put(d, (struct put)START(40001 + 10 * i, RECLAIM, KVM, HVA + (i << 12),
					 HVA + ((i + 1) << 12), i, 1, NO_RANGE));
	}
	fail_each_of(d, (struct rs_reader_opts){ .jobs = 1 }, 80);
}

/*
 * A fault that stays undecided keeps all behind it, until there is no room for more: whichever
 * event that meets, its turn depends on how many there were before.
 */
static void test_many_waiting(void **state)
{
	for (unsigned int before = 0; before < 8; before++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		const struct put first[] = {
			SLOT0,
			FAULT(1010, VCPU0, KVM, 0, 9ULL),
			BEGIN(1020, VCPU0, KVM, 0, 9ULL, 0, 0, NO_RANGE),
		};

		put_all(d, first, NR(first));
		for (unsigned int i = 0; i < before; i++)
			put(d, (struct put)CREATE(1030 + i, KVM, 1 + i, 0x100 * (1 + i), 1,
						  HVA + 0x100000 * (1 + i)));
		for (uint64_t i = 0; i < 260; i++) {
			const uint64_t t = 2000 + 1000 * i;
			const struct put each[] = {
				WALK(t, RECLAIM, i),
				LEFT(t + 100, RECLAIM, i),
				FAULT(t + 200, VCPU1, KVM, 1, 2ULL),
				BEGIN(t + 210, VCPU1, KVM, 1, 2ULL, i + 1, 0, NO_RANGE),
				LOOKED_UP(t + 220, VCPU1, 0),
				CHECK(t + 230, VCPU1, KVM, 1, 2ULL, i + 1, i + 1, 0, NO_RANGE),
				VERDICT(t + 240, VCPU1, 0),
				FAULTED(t + 250, VCPU1, 0),
			};

			put_all(d, each, NR(each));
		}
		fail_each_of(d, (struct rs_reader_opts){ .jobs = 1 }, 120);
	}
}

/* Of tracepoints alone: ends that are still to come, vCPUs, memslots from a file. */
static void test_tracepoints(void **state)
{
	static const char memslots[] =
		"retryscope-events 1\n"
		"0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000\n"
		"0 1 memslot id=1 gfn=0x200 npages=0x10 hva=0x7f1000000000\n";
	char *path = strdup(test_write_file("memslots", memslots, strlen(memslots)));
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	dat_without_probes(d);
	for (uint64_t i = 0; i < 1500; i++) {
		dat_at(d, 0, 0, VCPU0);
		DAT_PUT(d, 1000 + i, DAT_UNMAP_HVA, HVA, HVA + 0x1000);
		DAT_PUT(d, 1000 + i, DAT_PAGE_FAULT, i % 30, 0x1000);
	}
	fail_each_of(d,
		     (struct rs_reader_opts){
			     .jobs = 1, .assume_duration_ns = 1000000, .memslots_path = path },
		     ~0UL);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	    cmocka_unit_test(test_recordings),
		cmocka_unit_test(test_tables),	    cmocka_unit_test(test_many_waiting),
		cmocka_unit_test(test_tracepoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
