// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* fds[0] to read from, fds[1] for the program: a pipe, or a terminal that adds nothing. */
static void open_stream(bool terminal, int fds[2])
{
	struct termios raw;

	if (!terminal) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		return;
	}
	fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fds[0] >= 0);
	assert_int_equal(grantpt(fds[0]) | unlockpt(fds[0]), 0);
	fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fds[1] >= 0);
	assert_int_equal(tcgetattr(fds[1], &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(fds[1], TCSANOW, &raw), 0);
}

static void run_child(const struct program_opts *o, int out, int err, int go)
{
	int in = o->in ? o->in : open("/dev/null", O_RDONLY);
	char byte;

	/* A test that fails leaves nothing running. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, o->ignore_hup ? SIG_IGN : SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (o->preload) {
		setenv("LD_PRELOAD", o->preload, 1);
		/* Its runtime wants to be the first otherwise. */
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	}
	setenv("LC_ALL", "C", 1);
	for (size_t i = 0; o->env && o->env[i]; i++)
		putenv((char *)o->env[i]);
	if (read(go, &byte, 1) == 1)
		execv(o->argv[0], (char **)o->argv);
	_exit(126);
}

void program_start(struct program *p, const struct program_opts *opts)
{
	int out[2], err[2], go[2];

	memset(p, 0, sizeof(*p));
	open_stream(opts->terminal_out, out);
	open_stream(opts->terminal_err, err);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (!p->pid)
		run_child(opts, out[1], err[1], go[0]);
	close(out[1]);
	close(err[1]);
	close(go[0]);
	p->out.fd = out[0];
	p->err.fd = err[0];
	fcntl(p->out.fd, F_SETFL, O_NONBLOCK);
	fcntl(p->err.fd, F_SETFL, O_NONBLOCK);
	if (opts->before)
		opts->before(opts->arg, p->pid);
	assert_int_equal(write(go[1], "", 1), 1);
	close(go[1]);
}

/* A terminal that nobody holds any more gives EIO: an end as well. */
static void take(struct program_stream *s)
{
	ssize_t n = 0;

	while (s->fd >= 0 && (n = read(s->fd, s->text + s->len, sizeof(s->text) - 1 - s->len)) > 0)
		s->len += (size_t)n;
	s->text[s->len] = '\0';
	if (s->fd >= 0 && (!n || errno == EIO)) {
		close(s->fd);
		s->fd = -1;
	}
}

static void look(struct program *p)
{
	struct pollfd fds[] = { { .fd = p->out.fd, .events = POLLIN },
				{ .fd = p->err.fd, .events = POLLIN } };

	if (!p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->ended = true;
	else
		poll(fds, 2, 10);
	take(&p->out);
	take(&p->err);
}

bool program_says(struct program *p, struct program_stream *s, const char *text)
{
	int64_t begin = now_ms();

	while (!strstr(s->text, text)) {
		if (p->ended || now_ms() - begin > 30000)
			return false;
		look(p);
	}
	return true;
}

bool program_has_ended(struct program *p)
{
	look(p);
	return p->ended;
}

bool program_catches(struct program *p, int sig)
{
	int64_t begin = now_ms();
	unsigned long long caught;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
	while (!p->ended && now_ms() - begin < 30000) {
		FILE *f = fopen(path, "r");

		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "SigCgt: %llx", &caught) == 1 && caught >> (sig - 1) & 1) {
				fclose(f);
				return true;
			}
		if (f)
			fclose(f);
		look(p);
	}
	return false;
}

int program_end(struct program *p)
{
	int64_t begin = now_ms();

	while (!p->ended) {
		look(p);
		if (!p->ended && now_ms() - begin > 60000) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
			fail_msg("it does not end; it said: %s%s", p->out.text, p->err.text);
		}
	}
	take(&p->out);
	take(&p->err);
	/* Its children may still hold the other ends. */
	if (p->out.fd >= 0)
		close(p->out.fd);
	if (p->err.fd >= 0)
		close(p->err.fd);
	p->out.fd = p->err.fd = -1;
	return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : -WTERMSIG(p->status);
}

int program_run(struct program *p, const char *const *argv)
{
	struct program_opts opts = { .argv = argv };

	program_start(p, &opts);
	return program_end(p);
}
