// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/gnuplot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where gnuplot's complaints go, in the folder that it runs in. */
#define COMPLAINTS "gnuplot.err"

#define POLL_NS 2000000L

extern char **environ;

static int missing(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_HOST, ENOENT,
			    "gnuplot is not installed: install gnuplot-nox (or gnuplot) and try "
			    "again");
}

static int set_up(posix_spawn_file_actions_t *actions, const char *dir)
{
	int rc = posix_spawn_file_actions_addchdir_np(actions, dir);

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
		if (strncmp(environ[i], "LC_ALL=", 7) != 0)
			env[nr++] = environ[i];
	env[nr] = (char *)"LC_ALL=C.UTF-8";
	return env;
}

static int start(const char *dir, const char *script, pid_t *pid)
{
	char *argv[] = { (char *)"gnuplot", (char *)"--default-settings", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	char **env = environment();
	int rc;

	if (!env)
		return ENOMEM;
	rc = posix_spawn_file_actions_init(&actions);
	if (!rc) {
		rc = set_up(&actions, dir);
		if (!rc)
			rc = posix_spawnp(pid, "gnuplot", &actions, NULL, argv, env);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(env);
	return rc;
}

/* Waits in small steps, since a signal may come just before waitpid() would sleep. */
static int wait_for(pid_t pid, rs_stop_fn stop, void *arg, int *status)
{
	const struct timespec step = { .tv_nsec = POLL_NS };
	pid_t rc;

	for (;;) {
		rc = waitpid(pid, status, stop ? WNOHANG : 0);
		if (rc == pid)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (stop && stop(arg)) {
			kill(pid, SIGKILL);
			while (waitpid(pid, status, 0) < 0 && errno == EINTR)
				;
			return -EINTR;
		}
		if (!rc)
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

int rs_gnuplot_run(const char *dir, const char *script, rs_stop_fn stop, void *arg,
		   struct rs_error *err)
{
	int status, rc;
	pid_t pid;

	rc = start(dir, script, &pid);
	if (rc == ENOENT)
		return missing(err);
	if (rc)
		return rs_error_set(err, RS_ERR_HOST, rc, "cannot run gnuplot: %s", strerror(rc));
	rc = wait_for(pid, stop, arg, &status);
	if (rc == -EINTR)
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	if (rc)
		return rs_error_set(err, RS_ERR_SYSTEM, -rc, "cannot wait for gnuplot: %s",
				    strerror(-rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return missing(err);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : failed(dir, script, status, err);
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
	if (mkdtemp(w->path))
		return 0;
	errnum = errno;
	free(w->path);
	w->path = NULL;
	return output_error(err, errnum, parent);
}

int rs_workdir_deliver(const struct rs_workdir *w, const char *name, const char *to,
		       struct rs_error *err)
{
	char *from = NULL, *target = NULL;
	int rc = 0;

	if (asprintf(&from, "%s/%s", w->path, name) < 0)
		from = NULL;
	if (asprintf(&target, "%s/%s", to, name) < 0)
		target = NULL;
	if (!from || !target)
		rc = output_error(err, ENOMEM, name);
	else if (rename(from, target))
		rc = output_error(err, errno, target);
	free(from);
	free(target);
	return rc;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

int rs_workdir_deliver_all(const struct rs_workdir *w, const char *suffix, const char *to,
			   struct rs_error *err)
{
	DIR *dir = opendir(w->path);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return output_error(err, errno, w->path);
	while (!rc && (e = readdir(dir)))
		if (ends_in(e->d_name, suffix))
			rc = rs_workdir_deliver(w, e->d_name, to, err);
	closedir(dir);
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
	DIR *dir = w->path ? opendir(w->path) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	if (w->path)
		rmdir(w->path);
	free(w->path);
	w->path = NULL;
}
