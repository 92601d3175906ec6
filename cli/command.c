// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789_-+=./:,@%^";

char *rs_command_end(FILE *f, char **text)
{
	if (!fclose(f))
		return *text;
	free(*text);
	return NULL;
}

/* As $'...', which bash, ksh, zsh and POSIX since 2024 know: nothing but printable ASCII. */
static void put_escaped(FILE *f, const char *word)
{
	fputs("$'", f);
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c == '\'' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(f, "\\%03o", c);
		else
			fputc(c, f);
	}
	fputc('\'', f);
}

static void put_quoted(FILE *f, const char *word)
{
	if (*word && !word[strspn(word, harmless)]) {
		fputs(word, f);
		return;
	}
	if (!rs_is_clean(word)) {
		put_escaped(f, word);
		return;
	}
	fputc('\'', f);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\'", f);
		fputc(*word, f);
	}
	fputc('\'', f);
}

void rs_command_word(FILE *f, const char *word)
{
	fputc(' ', f);
	put_quoted(f, word);
}

void rs_command_file(FILE *f, const char *path)
{
	fputs(path[0] == '-' && path[1] ? " ./" : " ", f);
	put_quoted(f, path);
}

void rs_command_option(FILE *f, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(f, " %s", name);
	rs_command_word(f, value);
}
