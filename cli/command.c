// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789_-+=./:,@%^";

char *rs_command_end(FILE *f, char **text)
{
	if (!fclose(f))
		return *text;
	free(*text);
	return NULL;
}

void rs_command_word(FILE *f, const char *word)
{
	fputc(' ', f);
	if (*word && !word[strspn(word, harmless)]) {
		fputs(word, f);
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

void rs_command_option(FILE *f, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(f, " %s", name);
	rs_command_word(f, value);
}
