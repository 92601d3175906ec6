// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands for retryscope in the scripts of the tests: runs it, and holds each JSON document that
 * it writes, to standard output or to what -o names, against its schema. One that is wrong goes
 * no further: this says so and exits with 99. Where no JSON is asked for, it becomes retryscope.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/schema/schema.h"

/* All that can be read of a file. */
struct text {
	char *bytes;
	size_t size;
};

static void die(const char *what)
{
	perror(what);
	exit(99);
}

/* Some document of JSON is asked for, or, it may be, only read. */
static bool is_about_json(char *const *argv)
{
	for (int i = 1; argv[i]; i++)
		if (strstr(argv[i], "json") || strstr(argv[i], "trace-event") ||
		    !strcmp(argv[i], "merge"))
			return true;
	return false;
}

/* What an option -o names, the last as for the program; or NULL. */
static const char *output_of(char *const *argv)
{
	const char *path = NULL;

	for (int i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "-o") || !strcmp(argv[i], "--output"))
			path = argv[i + 1];
		else if (!strncmp(argv[i], "-o", 2))
			path = argv[i] + 2;
		else if (!strncmp(argv[i], "--output=", 9))
			path = argv[i] + 9;
	}
	return path;
}

static bool is_file(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
}

/* To the end of @fd, which is closed. */
static struct text read_all(int fd)
{
	struct text t = { 0 };
	ssize_t n;

	do {
		t.bytes = realloc(t.bytes, t.size + 65536);
		if (!t.bytes)
			die("realloc");
		n = read(fd, t.bytes + t.size, 65536);
		if (n < 0)
			die("read");
		t.size += (size_t)n;
	} while (n);
	close(fd);
	return t;
}

static void write_all(struct text t)
{
	while (t.size) {
		const ssize_t n = write(STDOUT_FILENO, t.bytes, t.size);

		if (n < 0)
			die("write");
		t.bytes += n;
		t.size -= (size_t)n;
	}
}

/* Of what failed the document may be cut. */
static void judge(struct text t, const char *where, bool failed)
{
	char why[SCHEMA_WHY];
	json_t *whole;

	if (!t.size || *t.bytes != '{')
		return;
	whole = json_loadb(t.bytes, t.size, 0, NULL);
	if ((whole || !failed) && !schema_holds_text(t.bytes, t.size, why)) {
		fprintf(stderr, "its JSON %s is not as docs/schema has it: %s\n", where, why);
		exit(99);
	}
	json_decref(whole);
}

static void judge_file(const char *path, bool failed)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	struct text t;

	if (fd < 0)
		return;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return;
	}
	t = read_all(fd);
	judge(t, path, failed);
	free(t.bytes);
}

int main(int argc, char **argv)
{
	bool watched = is_about_json(argv), takes = watched && is_file(STDOUT_FILENO);
	const char *output = output_of(argv);
	struct text t = { 0 };
	int fds[2], status;
	pid_t pid;

	(void)argc;
	if (takes && pipe2(fds, O_CLOEXEC))
		die("pipe2");
	pid = watched ? fork() : 0;
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (watched)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (takes)
			dup2(fds[1], STDOUT_FILENO);
		execv(RETRYSCOPE, argv);
		die(RETRYSCOPE);
	}
	if (takes) {
		close(fds[1]);
		t = read_all(fds[0]);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	judge(t, "on standard output", status != 0);
	if (output && !status)
		judge_file(output, false);
	write_all(t);
	free(t.bytes);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}
