// SPDX-License-Identifier: GPL-2.0-only
#include "capture/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_symbol(struct rs_symbol *s, const char *name, const char *module)
{
	size_t len = strlen(s->name);

	if (strncmp(name, s->name, len))
		return;
	if (!name[len]) {
		if (!s->count++ && module)
			snprintf(s->module, sizeof(s->module), "%s", module);
		return;
	}
	/* Parts that the compiler moved out of line are no entry of the function. */
	if (name[len] == '.' && strncmp(name + len, ".cold", 5) && strncmp(name + len, ".part", 5))
		snprintf(s->variant, sizeof(s->variant), "%s", name);
}

/* "ADDRESS TYPE NAME [MODULE]"; only functions count. */
static void parse_symbol(char *line, struct rs_symbol *syms, size_t n)
{
	char *save, *type, *name, *module;

	if (!strtok_r(line, " \t\n", &save))
		return;
	type = strtok_r(NULL, " \t\n", &save);
	name = strtok_r(NULL, " \t\n", &save);
	if (!name || !strchr("tTwW", *type))
		return;
	module = strtok_r(NULL, "[] \t\n", &save);
	for (size_t i = 0; i < n; i++)
		note_symbol(&syms[i], name, module);
}

static FILE *open_host_file(const struct rs_host *h, const char *path)
{
	char *full = rs_host_path(h, path);
	FILE *f = full ? fopen(full, "re") : NULL;
	int saved = errno;

	free(full);
	errno = saved;
	return f;
}

/* "START-END\tNAME": functions in which the kernel takes no kprobe. Root only. */
static void read_blacklist(const struct rs_host *h, struct rs_symbol *syms, size_t n)
{
	FILE *f = open_host_file(h, "/sys/kernel/debug/kprobes/blacklist");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		char *name = strchr(line, '\t');

		if (!name)
			continue;
		name[strcspn(name, "\n")] = '\0';
		for (size_t i = 0; i < n; i++)
			if (!strcmp(name + 1, syms[i].name))
				syms[i].blacklisted = true;
	}
	free(line);
	fclose(f);
}

int rs_host_symbols(const struct rs_host *h, struct rs_symbol *syms, size_t n)
{
	FILE *f = open_host_file(h, "/proc/kallsyms");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0)
		parse_symbol(line, syms, n);
	if (ferror(f))
		ret = -EIO;
	free(line);
	fclose(f);
	if (!ret)
		read_blacklist(h, syms, n);
	return ret;
}
