// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/outfile.h"
#include "base/textbuf.h"

#define FIRST_ID 1000U

enum { OPTION_CLOCK = 4, OPTION_UNAME = 5 };

unsigned int rs_ftrace_file_id(unsigned int group, unsigned int kind)
{
	return FIRST_ID + group * RS_FTRACE_NR_KINDS + kind;
}

static void put_number(FILE *f, uint64_t v, size_t n)
{
	unsigned char raw[8];

	rs_ftrace_store(raw, v, n);
	fwrite(raw, 1, n, f);
}

/* With the 0 at its end. */
static void put_name(FILE *f, const char *s)
{
	fwrite(s, 1, strlen(s) + 1, f);
}

/* A text behind its length. */
static void put_text(FILE *f, const char *s)
{
	put_number(f, strlen(s), 8);
	fputs(s, f);
}

static void put_header_info(FILE *f)
{
	char page[384];

	snprintf(page, sizeof(page),
		 "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		 "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		 "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		 "\tfield: char data;\toffset:16;\tsize:%u;\tsigned:1;\n",
		 RS_FTRACE_PAGE - 16);
	put_name(f, "header_page");
	put_text(f, page);
	put_name(f, "header_event");
	put_text(f, "");
}

/* The fields that are printed, in words of 8 bytes one behind the other. */
static void put_format(FILE *f, const struct rs_ftrace_head *h, unsigned int group,
		       unsigned int kind)
{
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "name: %s\nID: %u\nformat:\n"
			 "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			 "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n",
			 rs_ftrace_kind_name(kind), rs_ftrace_file_id(group, kind));

	for (unsigned int i = 0; rs_ftrace_field_name(kind, i); i++)
		if (h->have[group][kind] & 1U << i)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "\tfield:s64 %s;\toffset:%u;\tsize:8;\tsigned:1;\n",
				      rs_ftrace_field_name(kind, i), 8 + 8 * i);
	if (kind == RS_FTRACE_MARKER)
		snprintf(text + n, sizeof(text) - (size_t)n,
			 "\tfield:char buf[];\toffset:8;\tsize:0;\tsigned:1;\n");
	put_text(f, text);
}

static void put_formats(FILE *f, const struct rs_ftrace_head *h, unsigned int group,
			const char *system)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < RS_FTRACE_NR_KINDS; i++)
		n += h->seen[group][i] && !strcmp(rs_ftrace_kind_system(i), system);
	put_number(f, n, 4);
	for (unsigned int i = 0; i < RS_FTRACE_NR_KINDS; i++)
		if (h->seen[group][i] && !strcmp(rs_ftrace_kind_system(i), system))
			put_format(f, h, group, i);
}

static void put_option(FILE *f, unsigned int id, const char *text)
{
	put_number(f, id, 2);
	put_number(f, strlen(text) + 1, 4);
	put_name(f, text);
}

static void put_options(FILE *f, const struct rs_ftrace_head *h)
{
	char uname[sizeof(h->release) + 32];

	put_name(f, "options  ");
	snprintf(uname, sizeof(uname), "Linux unknown %s unknown", h->release);
	if (h->release[0])
		put_option(f, OPTION_UNAME, uname);
	if (h->cycles)
		put_option(f, OPTION_CLOCK, "[x86-tsc]");
	put_number(f, 0, 2);
}

static void put_head(FILE *f, const struct rs_ftrace_head *h, size_t rows)
{
	static const char magic[] = "\x17\x08\x44tracing6";

	fwrite(magic, 1, sizeof(magic), f);
	put_number(f, 0, 1); /* little end first */
	put_number(f, 8, 1); /* a long */
	put_number(f, RS_FTRACE_PAGE, 4);
	put_header_info(f);
	put_formats(f, h, 0, "ftrace");
	put_number(f, h->nr_groups + 1, 4);
	for (unsigned int i = 0; i < h->nr_groups; i++) {
		char name[sizeof(RS_PROBE_GROUP) + 16];

		/* All that is asked of a group's name is that it is another's. */
		snprintf(name, sizeof(name), "%s_%u", RS_PROBE_GROUP, i);
		put_name(f, name);
		put_formats(f, h, i, RS_PROBE_GROUP);
	}
	put_name(f, "kvm");
	put_formats(f, h, 0, "kvm");
	put_number(f, 0, 4); /* symbols */
	put_number(f, 0, 4); /* printk's formats */
	put_text(f, h->commands ? h->commands : "");
	put_number(f, rows, 4);
	put_options(f, h);
	put_name(f, "flyrecord");
}

static char *make_head(const struct rs_ftrace_head *h, size_t rows, size_t *size)
{
	char *bytes;
	FILE *f = rs_textbuf_open(&bytes, size);

	if (!f)
		return NULL;
	put_head(f, h, rows);
	fclose(f);
	return bytes;
}

/* Where each row is to be, behind @at bytes and the table itself; for the caller to free. */
static unsigned char *make_table(struct rs_ftrace_pages *p, uint64_t at)
{
	unsigned char *table = malloc(p->nr_rows ? 16 * p->nr_rows : 1);

	at = (at + 16 * p->nr_rows + RS_FTRACE_PAGE - 1) & ~(uint64_t)(RS_FTRACE_PAGE - 1);
	for (size_t i = 0; table && i < p->nr_rows; i++) {
		const uint64_t size = p->rows[i]->nr * RS_FTRACE_PAGE;

		p->rows[i]->offset = at;
		rs_ftrace_store(table + 16 * i, at, 8);
		rs_ftrace_store(table + 16 * i + 8, size, 8);
		at += size;
	}
	return table;
}

int rs_ftrace_file_write(const struct rs_ftrace_head *h, struct rs_ftrace_pages *p, int fd,
			 struct rs_error *err)
{
	size_t size;
	char *head = make_head(h, p->nr_rows, &size);
	unsigned char *table = head ? make_table(p, size) : NULL;
	int ret = table ? 0 : rs_error_nomem(err);

	if (!ret)
		ret = rs_write_all(fd, head, size, err);
	if (!ret)
		ret = rs_write_all(fd, table, 16 * p->nr_rows, err);
	free(head);
	free(table);
	return ret;
}
