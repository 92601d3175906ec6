// SPDX-License-Identifier: GPL-2.0-only
#include "capture/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_TRIES 100
#define END_PAUSE_US 50000

struct rs_command {
	pid_t pid;
	bool ended;
	int status;
};

static void run_child(char **argv, int errors, pid_t parent)
{
	int errnum;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], argv);
	errnum = errno;
	while (write(errors, &errnum, sizeof(errnum)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* The errno that exec failed with; 0: the pipe was closed by its success. */
static int exec_error(int fd)
{
	int errnum = 0;
	ssize_t n;

	do
		n = read(fd, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(errnum) ? errnum : 0;
}

struct rs_command *rs_command_start(char **argv, struct rs_error *err)
{
	struct rs_command *c = calloc(1, sizeof(*c));
	pid_t parent = getpid();
	int fds[2], errnum;

	if (!c || pipe2(fds, O_CLOEXEC)) {
		errnum = errno;
		free(c);
		errno = -rs_error_set(err, RS_ERR_SYSTEM, errnum, "cannot run %s: %s", argv[0],
				      strerror(errnum));
		return NULL;
	}
	c->pid = fork();
	if (!c->pid)
		run_child(argv, fds[1], parent);
	errnum = errno;
	close(fds[1]);
	if (c->pid > 0)
		errnum = exec_error(fds[0]);
	close(fds[0]);
	if (c->pid > 0 && !errnum)
		return c;
	if (c->pid > 0)
		waitpid(c->pid, NULL, 0);
	free(c);
	errno = -rs_error_set(err, RS_ERR_USAGE, errnum, "cannot run %s: %s", argv[0],
			      strerror(errnum));
	return NULL;
}

bool rs_command_ended(struct rs_command *c, int *status)
{
	if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	*status = c->status;
	return c->ended;
}

void rs_command_free(struct rs_command *c)
{
	int status;

	if (!c)
		return;
	for (int i = 0; i < END_TRIES && !rs_command_ended(c, &status); i++) {
		if (!i)
			kill(c->pid, SIGTERM);
		usleep(END_PAUSE_US);
	}
	free(c);
}
