// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs retryscope again and again, each time with another call that fails
 * (inject.c), and holds what is left against a run in which none did:
 *
 * - with exit code 0 the call did not matter: same output, same messages;
 * - otherwise there is one line on stderr that says what is wrong, a documented
 *   exit code, and each file is as it was before or as it had to become;
 * - no signal, no endless wait, no file left that is nobody's, nothing leaked
 *   (where the address sanitizer is built in).
 *
 * As `gnuplot` it draws pictures of nothing, so that plots take no time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FILES 64
#define MAX_WORDS 32
#define SECONDS 60 /* for one run, on a machine that others use as well */
#define OLD "what was here before\n"
#define SANITIZER_EXIT 99

struct scenario {
	const char *name;
	const char *command; /* words between blanks, in a folder of its own; IN is the inputs' */
	const char *old;     /* a file that is there before */
	const char *keeps;   /* a file that a failed run may leave */
};

static const struct scenario scenarios[] = {
	{ "info-text", "info ../in/events.txt", NULL, NULL },
	{ "info-dat6", "info ../in/v6.dat", NULL, NULL },
	{ "info-dat7", "info -j 2 -o out ../in/v7-zstd-buffers.dat", "out", NULL },
	{ "info-json", "info --json -o out ../in/aliases.txt", NULL, NULL },
	{ "info-raw", "info ../in/events.raw", NULL, NULL },
	{ "text-to-text", "convert -o out ../in/aliases.txt", "out", NULL },
	{ "text-to-binary", "convert --to binary -o out ../in/events.txt", "out", NULL },
	{ "text-to-binary-2", "convert --jobs 2 --to binary -o out ../in/events.txt.zst", NULL,
	  NULL },
	{ "text-to-raw", "convert --to binary --raw -o out ../in/events.txt", NULL, NULL },
	{ "binary-to-text", "convert ../in/events.bin", NULL, NULL },
	{ "binary-to-binary", "convert --to binary -o out ../in/events.bin", "out", NULL },
	{ "raw-to-text", "convert -o out ../in/events.raw", NULL, NULL },
	{ "raw-zst-to-raw", "convert --to binary --raw ../in/events.raw.zst", NULL, NULL },
	{ "raw-piece", "convert --from 1us --until 3us -o out ../in/events.raw", NULL, NULL },
	{ "dat6-to-text", "convert -j 1 -o out ../in/v6.dat", NULL, NULL },
	{ "dat7-to-binary", "convert -j 2 --to binary -o out ../in/v7-zstd.dat", "out", NULL },
	{ "dat-zst-to-text", "convert -j 1 -o out ../in/v7.dat.zst", "out", NULL },
	{ "info-gzip", "info -o out ../in/v7.dat.gz", "out", NULL },
	{ "info-xz", "info -o out ../in/v7.dat.xz", "out", NULL },
	{ "info-bzip2", "info -o out ../in/v7.dat.bz2", "out", NULL },
	{ "timeline", "convert --to trace-event --algo hva,gfn -o out ../in/aliases.txt", "out",
	  NULL },
	{ "page-of-trace", "report --jobs 1 -o out ../in/aliases.txt", "out", NULL },
	{ "page-of-json", "report -o out ../in/closed-a.json", "out", NULL },
	{ "repair", "convert --repair --to binary -o out ../in/cut.bin", NULL, NULL },
	{ "repair-dat", "convert --repair -j 1 -o out ../in/cut.dat", "out", NULL },
	{ "repair-cpu-files", "convert --repair -j 2 -o out ../in/killed.dat", NULL, NULL },
	{ "replay-text", "replay --jobs 1 ../in/aliases.txt", NULL, NULL },
	{ "replay-json", "replay --jobs 1 --format json --distributions -o out ../in/aliases.txt",
	  "out", NULL },
	{ "replay-mail", "replay --jobs 2 --format mail ../in/two-vms.txt", NULL, NULL },
	{ "replay-csv", "replay --jobs 2 --format csv -o out ../in/events.bin", NULL, NULL },
	{ "replay-all", "replay --jobs 1 --algo all ../in/two-vms.txt", NULL, NULL },
	{ "replay-raw", "replay --jobs 2 --algo all ../in/many.raw", NULL, NULL },
	{ "replay-strict", "replay --jobs 1 --strict ../in/aliases.txt", NULL, NULL },
	{ "replay-dat", "replay -j 2 -o out ../in/v7.dat", NULL, NULL },
	{ "closed-text", "replay --jobs 1 --loop closed ../in/aliases.txt", NULL, NULL },
	{ "closed-json",
	  "replay --jobs 2 --loop closed --arrivals think --format json -o out ../in/events.raw",
	  "out", NULL },
	{ "merge", "merge -o out ../in/a.json ../in/b.json", "out", NULL },
	{ "merge-text", "merge --format text ../in/a.json", NULL, NULL },
	{ "merge-csv", "merge --format csv ../in/closed-a.json ../in/closed-b.json", NULL, NULL },
	{ "compare", "compare -o out ../in/a.json -- ../in/b.json", "out", NULL },
	{ "compare-mail",
	  "compare --format mail --loop open --algo gfn -j 1 ../in/aliases.txt -- "
	  "../in/two-vms.txt",
	  NULL, NULL },
	{ "compare-json", "compare --format json ../in/closed-a.json -- ../in/closed-b.json", NULL,
	  NULL },
	{ "plot-trace", "plot --jobs 1 --keep-data --output-dir . ../in/aliases.txt", NULL, NULL },
	{ "plot-one", "plot --what rejected -o out.svg ../in/aliases.txt", "out.svg", NULL },
	{ "plot-closed", "plot --what stall -f dumb ../in/aliases.txt", NULL, NULL },
	{ "plot-report", "plot --what rejected,widening -f dumb ../in/a.json", NULL, NULL },
	{ "plot-pdf", "plot --what rejected -o out.pdf ../in/a.json", NULL, NULL },
	{ "plot-sweep", "plot --keep-data -d . ../in/sweep.csv", NULL, NULL },
	{ "plot-sweep-json", "plot -f dumb -o - --what sweep-spurious ../in/sweep.json", NULL,
	  NULL },
	{ "sweep", "sweep --jobs 1 -o out ksm events=60 alias-share=0,0.5", "out", "out.journal" },
	{ "sweep-json", "sweep --jobs 2 --format json ksm events=60 alias-share=0,0.5", NULL,
	  NULL },
	{ "synth", "synth --to binary -o out ksm events=60", "out", NULL },
};

#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* What may follow when such a call fails. */
static const struct kind {
	const char *name, *more;
	int errnum;
	bool input; /* it may be the input's fault for all that a program can know: exit code 1 */
} kinds[] = {
	{ "alloc", "", ENOMEM, false },
	{ "alloc", ":more", ENOMEM, false },
	{ "open", "", EMFILE, true },
	{ "open", ":more", EMFILE, true },
	{ "read", "", EIO, true },
	{ "short-read", "", 0, false },
	{ "write", "", ENOSPC, false },
	{ "write", ":more", ENOSPC, false },
	{ "short-write", "", 0, false },
	{ "close", "", EIO, false },
	{ "rename", "", ENOSPC, false },
	{ "sync", "", EIO, false },
	{ "seek", "", EIO, true },
	{ "stat", "", EACCES, true },
	{ "map", "", ENOMEM, true },
	{ "thread", "", EAGAIN, false },
	{ "thread", ":more", EAGAIN, false },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct file {
	char name[512];
	char *bytes;
	size_t size;
};

/* What a run left: files, stdout and stderr among them under names that none has. */
struct outcome {
	int status;
	struct file out, err, files[MAX_FILES];
	size_t nr;
};

static char program[4096], library[4096], work[4096];
static const char *only;
static unsigned long most = 40;
static bool sanitized;
/* Shared by the workers. */
static struct totals {
	unsigned long runs[NR_SCENARIOS], tried[NR_KINDS], failed, passed, exits[256];
} * totals;

static void die(const char *what)
{
	fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *checked(void *p)
{
	if (!p)
		die("malloc");
	return p;
}

static bool read_file(const char *path, struct file *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return false;
	if (fstat(fd, &st))
		die(path);
	f->bytes = checked(malloc((size_t)st.st_size + 1));
	n = read(fd, f->bytes, (size_t)st.st_size);
	close(fd);
	if (n < 0)
		die(path);
	f->size = (size_t)n;
	f->bytes[n] = '\0';
	return true;
}

static void write_file(const char *path, const char *bytes)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(bytes, f) < 0 || fclose(f))
		die(path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Files of the folder @path and of those in it; with @o NULL they are removed. */
static void walk(const char *path, const char *prefix, struct outcome *o)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		die(path);
	while ((e = readdir(dir))) {
		char at[8192], name[512];
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(at, sizeof(at), "%s/%s", path, e->d_name);
		snprintf(name, sizeof(name), "%s%s", prefix, e->d_name);
		if (lstat(at, &st))
			die(at);
		if (o && o->nr < MAX_FILES) {
			struct file *f = &o->files[o->nr++];

			snprintf(f->name, sizeof(f->name), "%s", name);
			if (S_ISREG(st.st_mode))
				read_file(at, f);
		}
		if (S_ISDIR(st.st_mode)) {
			strcat(name, "/");
			walk(at, name, o);
		}
		if (!o)
			remove(at);
	}
	closedir(dir);
}

static void free_outcome(struct outcome *o)
{
	for (size_t i = 0; i < o->nr; i++)
		free(o->files[i].bytes);
	free(o->out.bytes);
	free(o->err.bytes);
	memset(o, 0, sizeof(*o));
}

static const struct file *find(const struct outcome *o, const char *name)
{
	for (size_t i = 0; i < o->nr; i++)
		if (!strcmp(o->files[i].name, name))
			return &o->files[i];
	return NULL;
}

static bool same(const struct file *a, const struct file *b)
{
	return a->size == b->size && (!a->size || !memcmp(a->bytes, b->bytes, a->size));
}

/* In the child: never returns. @run is the folder to be in; files beside it take the output. */
static void child(const char *command, const char *run, const char *order)
{
	char words[1024], *argv[MAX_WORDS] = { (char *)"retryscope" }, path[8192], *save;
	int nr = 1;

	if (chdir(run))
		die(run);
	snprintf(words, sizeof(words), "%s", command);
	for (char *w = strtok_r(words, " ", &save); w && nr + 1 < MAX_WORDS;
	     w = strtok_r(NULL, " ", &save))
		argv[nr++] = w;
	if (!freopen("../stdout", "w", stdout) || !freopen("../stderr", "w", stderr) ||
	    !freopen("/dev/null", "r", stdin))
		_exit(2);
	snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", work);
	setenv("PATH", path, 1);
	setenv("TMPDIR", "../tmp", 1);
	setenv("LC_ALL", "C", 1);
	setenv("LD_PRELOAD", library, 1);
	setenv("INJECT", order, 1);
	setenv("INJECT_OUT", "../injected", 1);
	alarm(SECONDS);
	execv(program, argv);
	_exit(2);
}

static void in(char *path, size_t size, const char *dir, const char *name)
{
	snprintf(path, size, "%s/%s", dir, name);
}

/* @dir has the folders run and tmp; nothing is in them. */
static void run(const struct scenario *s, const char *dir, const char *order, struct outcome *o)
{
	char path[8192];
	pid_t pid;

	memset(o, 0, sizeof(*o));
	in(path, sizeof(path), dir, "injected");
	unlink(path);
	in(path, sizeof(path), dir, "run");
	if (s->old) {
		char old[8192 + 128];

		in(old, sizeof(old), path, s->old);
		write_file(old, OLD);
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(s->command, path, order);
	if (waitpid(pid, &o->status, 0) != pid)
		die("waitpid");
	walk(path, "", o);
	walk(path, "", NULL);
	in(path, sizeof(path), dir, "tmp");
	walk(path, "TMPDIR/", o);
	walk(path, "", NULL);
	in(path, sizeof(path), dir, "stdout");
	read_file(path, &o->out);
	in(path, sizeof(path), dir, "stderr");
	read_file(path, &o->err);
	qsort(o->files, o->nr, sizeof(o->files[0]), by_name);
}

/* The number behind @word in what inject.c told; 0 if there is none. */
static unsigned long told(const char *dir, const char *word, char *line, size_t size)
{
	char path[8192], found[32];
	unsigned long n = 0;
	struct file f = { 0 };

	in(path, sizeof(path), dir, "injected");
	if (!read_file(path, &f))
		return 0;
	snprintf(line, size, "%.*s", (int)strcspn(f.bytes, "\n"), f.bytes);
	for (char *at = f.bytes; *at; at += strcspn(at, "\n") + 1) {
		if (sscanf(at, "%31s %lu", found, &n) == 2 && !strcmp(found, word))
			break;
		n = 0;
	}
	free(f.bytes);
	return n;
}

/* NULL if all is well, or what is wrong. */
static const char *judge_success(const struct outcome *o, const struct outcome *good)
{
	if (!same(&o->err, &good->err))
		return "exit code 0, but stderr is not that of a good run";
	if (!same(&o->out, &good->out))
		return "exit code 0, but stdout is not that of a good run";
	if (o->nr != good->nr)
		return "exit code 0, but there are other files than after a good run";
	for (size_t i = 0; i < o->nr; i++)
		if (strcmp(o->files[i].name, good->files[i].name) ||
		    !same(&o->files[i], &good->files[i]))
			return "exit code 0, but a file is not that of a good run";
	return NULL;
}

static const char *judge_message(const struct outcome *o, const struct outcome *good,
				 const struct kind *k)
{
	const char *text = o->err.bytes, *end;
	char reason[64], line[1024];

	/* What it says of the input besides, it says of a good run too. */
	while ((end = strchr(text, '\n'))) {
		snprintf(line, sizeof(line), "%.*s", (int)(end - text + 1), text);
		if (!strstr(good->err.bytes, line))
			break;
		text = end + 1;
	}
	if (!*text)
		return "nothing is said on stderr";
	if (!end || end[1])
		return "stderr has not exactly one line";
	if (strncmp(text, "retryscope", strlen("retryscope")))
		return "the message does not begin with the program's name";
	if (strstr(text, "Success") || strstr(text, "(null)"))
		return "the message says nonsense";
	snprintf(reason, sizeof(reason), "%s", strerror(k->errnum));
	reason[0] |= 0x20;
	if (k->errnum == ENOMEM ? !strstr(text, "memory") : !strstr(text, reason + 1))
		return "the message does not say why";
	return NULL;
}

static const char *judge_failure(const struct scenario *s, const struct outcome *o,
				 const struct outcome *good, const struct kind *k)
{
	const int code = WEXITSTATUS(o->status);

	if (!k->errnum)
		return "a call that did only a part of its work is no error";
	if (code != 4 && !(code == 1 && k->input))
		return "not the documented exit code";
	if (s->old && !find(o, s->old))
		return "the file that was there is gone";
	for (size_t i = 0; i < o->nr; i++) {
		const struct file *f = &o->files[i], *whole = find(good, f->name);

		if (s->keeps && !strcmp(s->keeps, f->name))
			continue;
		if (s->old && !strcmp(s->old, f->name) && !strcmp(f->bytes, OLD))
			continue;
		if (!whole)
			return "a file was left";
		if (!same(f, whole))
			return "a file is neither the old one nor the whole new one";
	}
	return judge_message(o, good, k);
}

static const char *judge(const struct scenario *s, const struct outcome *o,
			 const struct outcome *good, const struct kind *k)
{
	if (WIFSIGNALED(o->status))
		return WTERMSIG(o->status) == SIGALRM ? "it never ends" : "killed by a signal";
	if (WEXITSTATUS(o->status) == SANITIZER_EXIT)
		return "the sanitizer complains";
	totals->exits[WEXITSTATUS(o->status)]++;
	return WEXITSTATUS(o->status) ? judge_failure(s, o, good, k) : judge_success(o, good);
}

static void report(const struct scenario *s, const char *order, const char *fired,
		   const struct outcome *o, const char *what)
{
	__atomic_add_fetch(&totals->failed, 1, __ATOMIC_RELAXED);
	printf("%s, %s (%s): %s; status 0x%x\n    retryscope %s\n", s->name, order, fired, what,
	       o->status, s->command);
	for (size_t i = 0; i < o->nr; i++)
		printf("    file %s, %zu bytes\n", o->files[i].name, o->files[i].size);
	printf("    stderr: %.*s\n", sanitized ? 4000 : 400, o->err.bytes ? o->err.bytes : "");
	fflush(stdout);
}

/* Runs @s with each call of a kind failing, or with as many as are asked for. */
static void try_kind(const struct scenario *s, const struct outcome *good, const char *dir,
		     size_t kind, unsigned long calls, unsigned long *task, unsigned long worker,
		     unsigned long jobs)
{
	const struct kind *k = &kinds[kind];
	const unsigned long limit = k->more[0] ? most / 4 + 1 : most;

	for (unsigned long i = 0; i < calls && i < limit; i++) {
		/* Of many, the first and then some all over the rest. */
		const unsigned long n = calls <= limit || i < limit / 4
						? i + 1
						: i + 1 +
							  (calls - limit) * (i + 1 - limit / 4) /
								  (limit - limit / 4);
		struct outcome o;
		char order[64], fired[256] = "not reached";
		const char *what;

		if ((*task)++ % jobs != worker)
			continue;
		snprintf(order, sizeof(order), "%s:%lu%s", k->name, n, k->more);
		run(s, dir, order, &o);
		told(dir, "fired", fired, sizeof(fired));
		what = judge(s, &o, good, k);
		__atomic_add_fetch(&totals->tried[kind], 1, __ATOMIC_RELAXED);
		if (what)
			report(s, order, fired, &o, what);
		else
			__atomic_add_fetch(&totals->passed, 1, __ATOMIC_RELAXED);
		free_outcome(&o);
	}
}

static void try_scenario(const struct scenario *s, const char *dir, unsigned long *task,
			 unsigned long worker, unsigned long jobs)
{
	unsigned long calls[NR_KINDS];
	struct outcome good;
	char line[256];

	run(s, dir, "count", &good);
	if (!WIFEXITED(good.status) || WEXITSTATUS(good.status)) {
		report(s, "count", "nothing fails", &good, "fails by itself");
		free_outcome(&good);
		return;
	}
	for (size_t k = 0; k < NR_KINDS; k++)
		calls[k] = told(dir, kinds[k].name, line, sizeof(line));
	for (size_t k = 0; k < NR_KINDS; k++)
		try_kind(s, &good, dir, k, calls[k], task, worker, jobs);
	free_outcome(&good);
}

static void work_on(unsigned long worker, unsigned long jobs)
{
	static const char *const folders[] = { "run", "tmp" };
	unsigned long task = 0;
	char dir[8192], path[8192 + 16], target[8192];

	snprintf(dir, sizeof(dir), "%s/worker%lu", work, worker);
	if (mkdir(dir, 0700))
		die(dir);
	for (size_t i = 0; i < 2; i++) {
		in(path, sizeof(path), dir, folders[i]);
		if (mkdir(path, 0700))
			die(path);
	}
	in(path, sizeof(path), dir, "in");
	snprintf(target, sizeof(target), "%s/in", work);
	if (symlink(target, path))
		die(path);
	for (size_t i = 0; i < NR_SCENARIOS; i++)
		if (!only || strstr(scenarios[i].name, only))
			try_scenario(&scenarios[i], dir, &task, worker, jobs);
	exit(0);
}

/* The pictures that a script asks for. */
static int gnuplot(const char *script)
{
	static const char set[] = "set output ";
	FILE *f = fopen(script, "r");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		char *name = line + strlen(set);

		if (strncmp(line, set, strlen(set)) || (*name != '\'' && *name != '"'))
			continue;
		name[strcspn(name + 1, "'\"") + 1] = '\0';
		write_file(name + 1, "\f\n  a picture  \n\n");
	}
	return f && !fclose(f) ? 0 : 1;
}

static unsigned long number(const char *text)
{
	return strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	unsigned long jobs = 1;
	int c;

	if (!strcmp(argv[0], "gnuplot"))
		return gnuplot(argv[argc - 1]);
	while ((c = getopt(argc, argv, "j:m:o:s")) != -1) {
		if (c == 'j')
			jobs = number(optarg);
		else if (c == 'm')
			most = number(optarg);
		else if (c == 'o')
			only = optarg;
		else if (c == 's')
			sanitized = true;
		else
			return 2;
	}
	if (argc - optind != 3 || !realpath(argv[optind], program) ||
	    !realpath(argv[optind + 1], library) || !realpath(argv[optind + 2], work)) {
		fputs("Usage: drive [-j JOBS] [-m MOST] [-o SCENARIO] [-s] RETRYSCOPE LIBRARY "
		      "FOLDER\n",
		      stderr);
		return 2;
	}
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (totals == MAP_FAILED)
		die("mmap");
	for (unsigned long w = 0; w < jobs; w++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			work_on(w, jobs);
	}
	for (int status; wait(&status) > 0;)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			totals->failed++;
	for (size_t k = 0; k < NR_KINDS; k++)
		printf("%s%s %lu\n", kinds[k].name, kinds[k].more, totals->tried[k]);
	printf("%lu calls made to fail: %lu ended well, %lu did not\n",
	       totals->passed + totals->failed, totals->passed, totals->failed);
	for (int i = 0; i < 256; i++)
		if (totals->exits[i])
			printf("exit code %d: %lu\n", i, totals->exits[i]);
	return totals->failed || !totals->passed;
}
