// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/gnuplot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/folders.h"
#include "base/outfile.h"
#include "base/temp.h"

/* What gnuplot draws goes here, by a name that it opens. */
#define PICTURE_FD 3
#define PICTURE_FILE "/dev/fd/3"

/* Where gnuplot's complaints go, in the folder that it runs in. */
#define COMPLAINTS "gnuplot.err"

#define POLL_NS 2000000L
/*
 * Descriptors behind those that it begins with: for the picture, the script, data, and what it
 * reads of fonts. With fewer it draws a picture without letters and is content.
 */
#define FIRST_OWN (PICTURE_FD + 1)
#define NEEDED 12

/* No picture is as large; one that is would be of a script gone wrong. */
#define MAX_PICTURE (256UL << 20)

static int missing(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_HOST, ENOENT,
			    "gnuplot is not installed: install gnuplot-nox (or gnuplot) and try "
			    "again");
}

/* How many files it can open, up to NEEDED: what we do not leave to it is free there. */
static int files_left(void)
{
	struct rlimit limit;
	int left = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return NEEDED;
	for (int fd = FIRST_OWN; left < NEEDED && (rlim_t)fd < limit.rlim_cur; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		left += flags < 0 || flags & FD_CLOEXEC;
	}
	return left;
}

static int check_files(struct rs_error *err)
{
	const int left = files_left();

	if (left == NEEDED)
		return 0;
	return rs_error_set(err, RS_ERR_SYSTEM, EMFILE,
			    "gnuplot needs %d open files of its own, and can have %d: raise the "
			    "limit (ulimit -n)",
			    NEEDED, left);
}

/* @picture is what gnuplot draws into; -1: nothing */
static int set_up(posix_spawn_file_actions_t *actions, const char *dir, int picture)
{
	int rc = posix_spawn_file_actions_addchdir_np(actions, dir);

	if (!rc && picture >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, picture, PICTURE_FD);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						      0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
						      0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, COMPLAINTS,
						      O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return rc;
}

/* What of the user's makes a picture differ, or gnuplot fail at what it cannot draw on. */
static bool is_of_gnuplot(const char *var)
{
	static const char *const names[] = { "LC_ALL=", "GNUTERM=", "GNUPLOT_LIB=", "FIT_LOG=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(var, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * Our environment, but with a locale of our own: a picture does not depend on the
 * user's, and without any gnuplot complains that it cannot print a degree sign.
 * NULL: no memory. The array is the caller's to free, the strings are not.
 */
static char **environment(void)
{
	size_t n = 0, nr = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_of_gnuplot(environ[i]))
			env[nr++] = environ[i];
	env[nr] = (char *)"LC_ALL=C.UTF-8";
	return env;
}

static int start(const char *dir, const char *script, int picture, pid_t *pid)
{
	char *argv[] = { (char *)"gnuplot", (char *)"--default-settings", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	char **env = environment();
	int rc;

	if (!env)
		return ENOMEM;
	rc = posix_spawn_file_actions_init(&actions);
	if (!rc) {
		rc = set_up(&actions, dir, picture);
		if (!rc)
			rc = posix_spawnp(pid, "gnuplot", &actions, NULL, argv, env);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(env);
	return rc;
}

/*
 * What comes through a pipe. It has no name that outlives us: a gnuplot whose reader was killed,
 * at whatever moment, does not wait for another one.
 */
struct sink {
	int fd, from; /* its ends; -1: nothing is expected */
	char *bytes;
	size_t size, room;
};

/* Takes what is there. 1: something was; 0: nothing now. */
static int take(struct sink *s)
{
	ssize_t n;

	if (s->size == s->room) {
		if (2 * s->room > MAX_PICTURE)
			return -EFBIG;
		if (RS_ROOM(s->bytes, s->room, s->room ? s->room + 1 : 65536))
			return -ENOMEM;
	}
	n = read(s->fd, s->bytes + s->size, s->room - s->size);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	s->size += (size_t)n;
	return n > 0;
}

static void kill_and_wait(pid_t pid, int *status)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

/* Waits in small steps, since a signal may come just before waitpid() would sleep. */
static int wait_for(pid_t pid, struct sink *s, rs_stop_fn stop, void *arg, int *status)
{
	const struct timespec step = { .tv_nsec = POLL_NS };
	bool ended = false;

	for (;;) {
		int rc = s->fd < 0 ? 0 : take(s);

		if (!rc && ended)
			return 0;
		if (!rc && waitpid(pid, status, WNOHANG) == pid) {
			ended = true; /* once more for what it wrote last */
			continue;
		}
		if (rc >= 0 && stop && stop(arg))
			rc = -EINTR;
		if (rc < 0) {
			if (!ended)
				kill_and_wait(pid, status);
			return rc;
		}
		if (!rc && !ended)
			nanosleep(&step, NULL);
	}
}

/* gnuplot repeats the line it fails at and marks the place; the message comes after. */
static void first_complaint(FILE *f, const char *script, char *text, size_t size)
{
	char line[256];

	text[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!text[0] && strspn(line, " \t^") != strlen(line))
			snprintf(text, size, "%s", line);
		if (strstr(line, script) && strstr(line, "line") && !strstr(line, "arning")) {
			snprintf(text, size, "%s", line);
			return;
		}
	}
}

static int failed(const char *dir, const char *script, int status, struct rs_error *err)
{
	char *path = NULL, text[300] = "";
	FILE *f = NULL;

	if (asprintf(&path, "%s/%s", dir, COMPLAINTS) >= 0)
		f = fopen(path, "r");
	if (f) {
		first_complaint(f, script, text, sizeof(text));
		fclose(f);
	}
	free(path);
	if (text[0])
		return rs_error_set(err, RS_ERR_SYSTEM, EIO, "gnuplot: %s", text);
	if (WIFSIGNALED(status))
		return rs_error_set(err, RS_ERR_SYSTEM, EIO, "gnuplot was killed by signal %d",
				    WTERMSIG(status));
	return rs_error_set(err, RS_ERR_SYSTEM, EIO, "gnuplot ended with status %d",
			    WEXITSTATUS(status));
}

static int run(const char *dir, const char *script, struct sink *s, rs_stop_fn stop, void *arg,
	       struct rs_error *err)
{
	int status, rc;
	pid_t pid;

	rc = start(dir, script, s->from, &pid);
	if (s->from >= 0)
		close(s->from);
	if (rc == ENOENT)
		return missing(err);
	if (rc)
		return rs_error_set(err, rc == ENOMEM ? RS_ERR_SYSTEM : RS_ERR_HOST, rc,
				    "cannot run gnuplot: %s", strerror(rc));
	rc = wait_for(pid, s, stop, arg, &status);
	if (rc == -EINTR)
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	if (rc)
		return rs_error_set(err, RS_ERR_SYSTEM, -rc, "cannot take what gnuplot draws: %s",
				    strerror(-rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return missing(err);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : failed(dir, script, status, err);
}

int rs_gnuplot_run(const char *dir, const char *script, rs_stop_fn stop, void *arg,
		   struct rs_error *err)
{
	struct sink none = { .fd = -1, .from = -1 };
	const int rc = check_files(err);

	return rc ? rc : run(dir, script, &none, stop, arg, err);
}

static int output_error(struct rs_error *err, int errnum, const char *path);

int rs_gnuplot_draw(const char *dir, const char *script, const char *output, char **bytes,
		    size_t *size, rs_stop_fn stop, void *arg, struct rs_error *err)
{
	struct sink s = { 0 };
	int fds[2], rc = check_files(err);
	char *path;

	if (rc)
		return rc;
	if (asprintf(&path, "%s/%s", dir, output) < 0)
		return output_error(err, ENOMEM, output);
	unlink(path); /* it may have been drawn before */
	if (symlink(PICTURE_FILE, path)) {
		rc = output_error(err, errno, path);
	} else if (pipe2(fds, O_CLOEXEC)) {
		rc = output_error(err, errno, path);
		unlink(path);
	} else {
		s.fd = fds[0];
		s.from = fds[1];
		fcntl(s.fd, F_SETFL, O_NONBLOCK);
		rc = run(dir, script, &s, stop, arg, err);
		close(s.fd);
		unlink(path);
	}
	free(path);
	if (rc) {
		free(s.bytes);
		return rc;
	}
	*bytes = s.bytes;
	*size = s.size;
	return 0;
}

static int output_error(struct rs_error *err, int errnum, const char *path)
{
	rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot write: %s", strerror(errnum));
	rs_error_set_file(err, path);
	return -errnum;
}

int rs_workdir_open(struct rs_workdir *w, const char *parent, struct rs_error *err)
{
	int errnum;

	if (asprintf(&w->path, "%s/.retryscope-plot.XXXXXX", parent) < 0) {
		w->path = NULL;
		return output_error(err, ENOMEM, parent);
	}
	if (mkdtemp(w->path)) {
		w->fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (w->fd >= 0) {
			rs_temp_add(w->path);
			return 0;
		}
		errnum = errno;
		rmdir(w->path);
	} else {
		errnum = errno;
	}
	free(w->path);
	w->path = NULL;
	return output_error(err, errnum, parent);
}

/* All bytes of the file @name, into a temporary of its target. */
static int fill(const struct rs_workdir *w, const char *name, struct rs_outfile *out,
		struct rs_error *err)
{
	FILE *from = rs_workdir_fopen(w, name, "r");
	char buf[65536];
	size_t n;
	int rc = 0;

	if (!from)
		return output_error(err, errno, name);
	while (!rc && (n = fread(buf, 1, sizeof(buf), from)) > 0)
		rc = rs_write_all(rs_outfile_fd(out), buf, n, err);
	if (!rc && ferror(from))
		rc = output_error(err, EIO, name);
	fclose(from);
	return rc ? rc : rs_outfile_close(out, err);
}

static int prepare(const struct rs_workdir *w, const char *name, const char *to,
		   struct rs_outfile **out, struct rs_error *err)
{
	char *target;
	int rc = 0;

	if (asprintf(&target, "%s/%s", to, name) < 0)
		return output_error(err, ENOMEM, name);
	*out = rs_outfile_open(target, err);
	if (*out)
		rc = fill(w, name, *out, err);
	else
		rc = -errno;
	if (rc) {
		rs_outfile_abort(*out);
		*out = NULL;
		rs_error_set_file(err, target);
	}
	free(target);
	return rc;
}

/* All of them, or none. */
static int prepare_all(const struct rs_workdir *w, const char *const *names, size_t n,
		       const char *to, struct rs_outfile **outs, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = prepare(w, names[i], to, &outs[i], err);
	for (size_t i = 0; i < n && rc; i++)
		rs_outfile_abort(outs[i]);
	return rc;
}

static int commit_all(const char *const *names, size_t n, struct rs_outfile **outs,
		      struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		if (rc) {
			rs_outfile_abort(outs[i]);
			continue;
		}
		rc = rs_outfile_commit(outs[i], err);
		if (rc)
			rs_error_set_file(err, names[i]);
	}
	return rc;
}

int rs_workdir_deliver(const struct rs_workdir *w, const char *const *names, size_t n,
		       const char *to, struct rs_error *err)
{
	struct rs_outfile **outs = calloc(n ? n : 1, sizeof(*outs));
	struct rs_folders folders;
	int rc = outs ? 0 : output_error(err, ENOMEM, to);

	if (!n || rc)
		goto out;
	rc = rs_folders_make(&folders, to, err);
	if (rc)
		goto out;
	rc = prepare_all(w, names, n, to, outs, err);
	if (rc) {
		rs_folders_remove(&folders);
	} else {
		rs_folders_keep(&folders);
		rc = commit_all(names, n, outs, err);
	}
out:
	free(outs);
	return rc;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **rs_workdir_list(const struct rs_workdir *w, const char *suffix, size_t *n)
{
	DIR *dir = opendir(w->path);
	char **names = dir ? calloc(1, sizeof(*names)) : NULL;
	struct dirent *e;
	int errnum = names ? 0 : errno;

	*n = 0;
	while (!errnum && (e = readdir(dir))) {
		if (!ends_in(e->d_name, suffix))
			continue;
		if (RS_ROOM_FOR_ONE(names, *n) || !(names[*n] = strdup(e->d_name)))
			errnum = ENOMEM;
		else
			++*n;
	}
	if (dir)
		closedir(dir);
	if (!errnum) {
		qsort(names, *n, sizeof(*names), by_name);
		return names;
	}
	while (names && *n)
		free(names[--*n]);
	free(names);
	errno = errnum;
	return NULL;
}

int rs_workdir_copy(const struct rs_workdir *w, const char *name, FILE *to, struct rs_error *err)
{
	FILE *from = rs_workdir_fopen(w, name, "r");
	char buf[65536];
	size_t n;
	int rc = 0;

	if (!from)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "%s: %s", name, strerror(errno));
	while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
		fwrite(buf, 1, n, to);
	if (ferror(from))
		rc = rs_error_set(err, RS_ERR_SYSTEM, EIO, "%s: %s", name, strerror(EIO));
	fclose(from);
	return rc;
}

FILE *rs_workdir_fopen(const struct rs_workdir *w, const char *name, const char *mode)
{
	char *path;
	FILE *f;

	if (asprintf(&path, "%s/%s", w->path, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	f = fopen(path, mode);
	free(path);
	return f;
}

void rs_workdir_close(struct rs_workdir *w)
{
	if (w->path) {
		rs_temp_empty_folder(w->fd);
		close(w->fd);
		rmdir(w->path);
	}
	rs_temp_forget(w->path);
	free(w->path);
	w->path = NULL;
}
