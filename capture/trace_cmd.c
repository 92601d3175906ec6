// SPDX-License-Identifier: GPL-2.0-only
#include "capture/trace_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct rs_trace_cmd {
	pid_t pid;
	bool running;
	int status;
	int log; /* what it complains of, for the case that it fails */
};

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

char *rs_trace_cmd_find(const struct rs_host *h)
{
	static const char *const places[] = { "/usr/bin", "/usr/sbin", "/bin", "/sbin",
					      "/usr/local/bin" };
	const char *path = *h->root ? NULL : getenv("PATH");
	char *copy = path ? strdup(path) : NULL, *save, *full;

	for (char *dir = copy ? strtok_r(copy, ":", &save) : NULL; dir;
	     dir = strtok_r(NULL, ":", &save)) {
		/* It is run from another folder, where a relative one would be another. */
		if (*dir != '/')
			continue;
		if (asprintf(&full, "%s/trace-cmd", dir) < 0)
			break;
		if (is_program(full)) {
			free(copy);
			return full;
		}
		free(full);
	}
	free(copy);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (asprintf(&full, "%s%s/trace-cmd", h->root, places[i]) < 0)
			break;
		if (is_program(full))
			return full;
		free(full);
	}
	errno = ENOENT;
	return NULL;
}

static void run_child(char **argv, int folder, int log, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	umask(077);
	/* Where debugfs is not mounted it mounts it, and leaves it: only for itself then. */
	if (!unshare(CLONE_NEWNS))
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	/* It also makes files without our asking, in the folder where it is. */
	if (!fchdir(folder))
		execv(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* --no-filter: KVM's events never come from trace-cmd, and a filter costs time. */
static char **make_argv(const char *program, const struct rs_trace_cmd_opts *opts)
{
	const char *head[] = { program,	    "record",	   "-B", opts->instance,   "-C",
			       opts->clock, "--no-filter", "-o", RS_TRACE_CMD_FILE };
	size_t n = sizeof(head) / sizeof(head[0]), nr_events = 0;
	char **argv;

	while (opts->event_args[nr_events])
		nr_events++;
	argv = calloc(n + nr_events + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	memcpy(argv, head, sizeof(head));
	memcpy(argv + n, opts->event_args, nr_events * sizeof(*argv));
	return argv;
}

struct rs_trace_cmd *rs_trace_cmd_start(const char *program, const struct rs_trace_cmd_opts *opts,
					struct rs_error *err)
{
	struct rs_trace_cmd *w = calloc(1, sizeof(*w));
	char **argv = make_argv(program, opts);
	pid_t parent = getpid();
	int errnum = ENOMEM;

	if (!w || !argv)
		goto fail;
	w->log = memfd_create("trace-cmd", MFD_CLOEXEC);
	if (w->log < 0) {
		errnum = errno;
		goto fail;
	}
	w->pid = fork();
	if (!w->pid)
		run_child(argv, opts->folder, w->log, parent);
	if (w->pid < 0) {
		errnum = errno;
		close(w->log);
		goto fail;
	}
	setpgid(w->pid, w->pid);
	w->running = true;
	free(argv);
	return w;
fail:
	free(argv);
	free(w);
	errno = -rs_error_set(err, RS_ERR_SYSTEM, errnum, "cannot run %s: %s", program,
			      strerror(errnum));
	return NULL;
}

pid_t rs_trace_cmd_pgid(const struct rs_trace_cmd *w)
{
	return w->pid;
}

/* The last line that is not empty, without leading blanks. */
static void last_line(const struct rs_trace_cmd *w, char *buf, size_t size)
{
	off_t end = lseek(w->log, 0, SEEK_END), start = end > 4095 ? end - 4095 : 0;
	char text[4096], *save, *last = NULL;
	ssize_t n = pread(w->log, text, sizeof(text) - 1, start);

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[strspn(line, " \t")])
			last = line + strspn(line, " \t");
	snprintf(buf, size, "%s", last ? last : "");
}

static int report_end(const struct rs_trace_cmd *w, struct rs_error *err)
{
	char line[256], how[64];

	/* What it dies of is its exit status. */
	if (WIFEXITED(w->status) && WEXITSTATUS(w->status) == ENOSPC)
		return rs_error_set(err, RS_ERR_OUTPUT, ENOSPC,
				    "no space left on the device: the capture is lost");
	last_line(w, line, sizeof(line));
	if (WIFSIGNALED(w->status))
		snprintf(how, sizeof(how), "was killed by signal %d", WTERMSIG(w->status));
	else
		snprintf(how, sizeof(how), "ended with %d", WEXITSTATUS(w->status));
	return rs_error_set(err, RS_ERR_SYSTEM, ECHILD, "trace-cmd %s%s%s", how, *line ? ": " : "",
			    line);
}

int rs_trace_cmd_check(struct rs_trace_cmd *w, struct rs_error *err)
{
	if (w->running && waitpid(w->pid, &w->status, WNOHANG) == w->pid)
		w->running = false;
	return w->running ? 0 : report_end(w, err);
}

uint64_t rs_trace_cmd_cpu_ns(const struct rs_trace_cmd *w)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(w->pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

int rs_trace_cmd_finish(struct rs_trace_cmd *w, struct rs_error *err)
{
	if (!w->running)
		return report_end(w, err);
	kill(w->pid, SIGINT);
	while (waitpid(w->pid, &w->status, 0) < 0 && errno == EINTR)
		;
	w->running = false;
	return WIFEXITED(w->status) && !WEXITSTATUS(w->status) ? 0 : report_end(w, err);
}

void rs_trace_cmd_free(struct rs_trace_cmd *w)
{
	if (!w)
		return;
	/* Its readers, one a CPU, are in its group and do not end with it. */
	kill(-w->pid, SIGKILL);
	if (w->running)
		while (waitpid(w->pid, &w->status, 0) < 0 && errno == EINTR)
			;
	close(w->log);
	free(w);
}
