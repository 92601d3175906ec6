// SPDX-License-Identifier: GPL-2.0-only
/*
 * To be preloaded: makes the n-th call of a kind fail, counted from main() on in
 * the program and in all its libraries, the C library's own calls of malloc()
 * included. Told by the environment, which goes before main() does:
 *
 *   INJECT=KIND:N[:more]  the N-th call of that kind, with :more all later ones too
 *   INJECT=count          none
 *   INJECT_OUT=FILE       gets "KIND CALLS" for each kind, or "fired FUNCTION FILE OFFSET" of its
 * caller
 *
 * A stdio stream makes its calls inside the C library, where no other library
 * sees them: fopen() and stdout become streams of cookies, whose calls are seen.
 */
#include <dlfcn.h>
#include <errno.h>
#include <event-parse.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind {
	ALLOC,
	OPEN,
	READ,
	SHORT_READ,
	WRITE,
	SHORT_WRITE,
	CLOSE,
	RENAME,
	SYNC,
	SEEK,
	STAT,
	MAP,
	THREAD,
	NR_KINDS,
};

static const struct {
	const char *name;
	int errnum;
} kinds[NR_KINDS] = {
	[ALLOC] = { "alloc", ENOMEM },	 [OPEN] = { "open", EMFILE },
	[READ] = { "read", EIO },	 [SHORT_READ] = { "short-read", 0 },
	[WRITE] = { "write", ENOSPC },	 [SHORT_WRITE] = { "short-write", 0 },
	[CLOSE] = { "close", EIO },	 [RENAME] = { "rename", ENOSPC },
	[SYNC] = { "sync", EIO },	 [SEEK] = { "seek", EIO },
	[STAT] = { "stat", EACCES },	 [MAP] = { "map", ENOMEM },
	[THREAD] = { "thread", EAGAIN },
};

static atomic_bool active;
static atomic_ulong calls[NR_KINDS];
static enum kind fail_kind = NR_KINDS;
static unsigned long fail_at;
static bool fail_more;
static char out_path[4096];
static const char *fired_name;
static void *fired_from;
static __thread
	__attribute__((tls_model("initial-exec"))) unsigned int spared; /* nothing counts in here */

#define REAL(name)                                                     \
	({                                                             \
		static typeof(&name) real;                             \
		if (!real)                                             \
			real = (typeof(&name))dlsym(RTLD_NEXT, #name); \
		real;                                                  \
	})

/* Is this the call? Then errno is set. */
static bool fails(enum kind kind, const char *name, void *from)
{
	unsigned long n;

	if (spared || !atomic_load_explicit(&active, memory_order_relaxed))
		return false;
	n = atomic_fetch_add(&calls[kind], 1) + 1;
	if (kind != fail_kind || n < fail_at || (n > fail_at && !fail_more))
		return false;
	if (n == fail_at) {
		fired_name = name;
		fired_from = from;
	}
	if (kinds[kind].errnum)
		errno = kinds[kind].errnum;
	return true;
}

#define FAILS(kind) fails(kind, __func__, __builtin_return_address(0))

void *malloc(size_t size)
{
	return FAILS(ALLOC) ? NULL : REAL(malloc)(size);
}

void *calloc(size_t n, size_t size)
{
	return FAILS(ALLOC) ? NULL : REAL(calloc)(n, size);
}

/* To become smaller cannot fail in practice, but is allowed to. */
void *realloc(void *p, size_t size)
{
	return FAILS(ALLOC) ? NULL : REAL(realloc)(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	return FAILS(ALLOC) ? NULL : REAL(reallocarray)(p, n, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return FAILS(ALLOC) ? NULL : REAL(aligned_alloc)(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	return FAILS(ALLOC) ? ENOMEM : REAL(posix_memalign)(p, alignment, size);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return FAILS(OPEN) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int mkostemp(char *path, int flags)
{
	return FAILS(OPEN) ? -1 : REAL(mkostemp)(path, flags);
}

char *mkdtemp(char *path)
{
	return FAILS(OPEN) ? NULL : REAL(mkdtemp)(path);
}

ssize_t read(int fd, void *buf, size_t size)
{
	if (FAILS(READ))
		return -1;
	if (size > 1 && FAILS(SHORT_READ))
		size = 1;
	return REAL(read)(fd, buf, size);
}

ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
	if (FAILS(READ))
		return -1;
	if (size > 1 && FAILS(SHORT_READ))
		size = 1;
	return REAL(pread)(fd, buf, size, offset);
}

ssize_t pread64(int fd, void *buf, size_t size, off_t offset) __attribute__((alias("pread")));

ssize_t write(int fd, const void *buf, size_t size)
{
	/* What goes wrong must still be told. */
	if (fd != STDERR_FILENO) {
		if (FAILS(WRITE))
			return -1;
		if (size > 1 && FAILS(SHORT_WRITE))
			size = 1;
	}
	return REAL(write)(fd, buf, size);
}

/* Closes all the same, as Linux does. */
int close(int fd)
{
	const bool failed = FAILS(CLOSE);
	int rc = REAL(close)(fd);

	if (!failed)
		return rc;
	errno = kinds[CLOSE].errnum;
	return -1;
}

int rename(const char *from, const char *to)
{
	return FAILS(RENAME) ? -1 : REAL(rename)(from, to);
}

int fsync(int fd)
{
	return FAILS(SYNC) ? -1 : REAL(fsync)(fd);
}

int ftruncate(int fd, off_t size)
{
	return FAILS(SYNC) ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

off_t lseek(int fd, off_t offset, int whence)
{
	return FAILS(SEEK) ? -1 : REAL(lseek)(fd, offset, whence);
}

off_t lseek64(int fd, off_t offset, int whence) __attribute__((alias("lseek")));

int fstat(int fd, struct stat *st)
{
	return FAILS(STAT) ? -1 : REAL(fstat)(fd, st);
}

int stat(const char *path, struct stat *st)
{
	return FAILS(STAT) ? -1 : REAL(stat)(path, st);
}

void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return FAILS(MAP) ? MAP_FAILED : REAL(mmap)(at, size, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return FAILS(THREAD) ? kinds[THREAD].errnum : REAL(pthread_create)(thread, attr, run, arg);
}

/*
 * Nobody here asks for a thread's stack but the address sanitizer, in each thread
 * that begins, and it ends the program where the C library's allocation fails in there.
 */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	int ret;

	spared++;
	ret = REAL(pthread_getattr_np)(thread, attr);
	spared--;
	return ret;
}

static ssize_t cookie_read(void *cookie, char *buf, size_t size)
{
	return read((int)(intptr_t)cookie, buf, size);
}

/* All of it, as a file's stream would go about it; 0 is fopencookie()'s error. */
static ssize_t cookie_write(void *cookie, const char *buf, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write((int)(intptr_t)cookie, buf + at, size - at);

		if (n < 0)
			return 0;
		at += (size_t)n;
	}
	return (ssize_t)size;
}

static int cookie_seek(void *cookie, off64_t *offset, int whence)
{
	off_t at = lseek((int)(intptr_t)cookie, *offset, whence);

	*offset = at;
	return at < 0 ? -1 : 0;
}

static int cookie_close(void *cookie)
{
	return close((int)(intptr_t)cookie);
}

static FILE *stream(int fd, const char *mode)
{
	const cookie_io_functions_t io = { cookie_read, cookie_write, cookie_seek, cookie_close };

	return fopencookie((void *)(intptr_t)fd, mode, io);
}

FILE *fopen(const char *path, const char *mode)
{
	const int way = mode[0] == 'r'	 ? 0
			: mode[0] == 'w' ? O_CREAT | O_TRUNC
					 : O_CREAT | O_APPEND;
	const int access = strchr(mode, '+') ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
	int fd = FAILS(OPEN) ? -1 : REAL(open)(path, way | access | O_CLOEXEC, 0666);
	FILE *f = fd < 0 ? NULL : stream(fd, mode);

	if (fd >= 0 && !f)
		REAL(close)(fd);
	return f;
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

/*
 * libtraceevent does not survive a lack of memory, or forgets a field of an event
 * then: what it does with a format counts as one allocation.
 */
struct tep_handle *tep_alloc(void)
{
	struct tep_handle *tep;

	if (FAILS(ALLOC))
		return NULL;
	spared++;
	tep = REAL(tep_alloc)();
	spared--;
	return tep;
}

enum tep_errno tep_parse_event(struct tep_handle *tep, const char *buf, unsigned long size,
			       const char *sys)
{
	enum tep_errno ret;

	if (FAILS(ALLOC))
		return TEP_ERRNO__MEM_ALLOC_FAILED;
	spared++;
	ret = REAL(tep_parse_event)(tep, buf, size, sys);
	spared--;
	return ret;
}

int tep_parse_header_page(struct tep_handle *tep, char *buf, unsigned long size, int long_size)
{
	int ret;

	spared++;
	ret = REAL(tep_parse_header_page)(tep, buf, size, long_size);
	spared--;
	return ret;
}

static int (*real_main)(int, char **, char **);

/* After everything that runs at exit. */
static void tell(void)
{
	char text[1024];
	size_t len = 0;
	Dl_info from;
	int fd;

	atomic_store(&active, false);
	fd = out_path[0] ? (int)syscall(SYS_openat, AT_FDCWD, out_path,
					O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
			 : -1;
	if (fd < 0)
		return;
	if (fail_kind < NR_KINDS && fired_name && dladdr(fired_from, &from))
		/* addr2line -e FILE OFFSET says where that is. */
		len = (size_t)snprintf(text, sizeof(text), "fired %s %s %#tx\n", fired_name,
				       from.dli_fname,
				       (char *)fired_from - (char *)from.dli_fbase - 1);
	else
		for (int k = 0; k < NR_KINDS; k++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %lu\n",
						kinds[k].name, atomic_load(&calls[k]));
	syscall(SYS_write, fd, text, len);
	syscall(SYS_close, fd);
}

/* Both ways out: with and without what runs at exit. */
void _exit(int status)
{
	tell();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

static void read_order(const char *order)
{
	char name[32];
	int more = 0;

	if (sscanf(order, "%31[^:]:%lu%n", name, &fail_at, &more) != 2)
		return;
	fail_more = !strcmp(order + more, ":more");
	for (int k = 0; k < NR_KINDS; k++)
		if (!strcmp(name, kinds[k].name))
			fail_kind = k;
}

static int counted_main(int argc, char **argv, char **env)
{
	const char *order = getenv("INJECT");
	const char *out = getenv("INJECT_OUT");
	FILE *f = stream(STDOUT_FILENO, "w");

	if (out)
		snprintf(out_path, sizeof(out_path), "%s", out);
	if (order)
		read_order(order);
	unsetenv("INJECT");
	unsetenv("INJECT_OUT");
	unsetenv("LD_PRELOAD");
	atexit(tell);
	if (f)
		stdout = f;
	/* Streams and what they need are made by now. */
	fflush(stdout);
	atomic_store(&active, order != NULL);
	return real_main(argc, argv, env);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *end)
{
	real_main = main;
	return REAL(__libc_start_main)(counted_main, argc, argv, init, fini, rtld_fini, end);
}
