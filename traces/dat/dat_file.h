/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_FILE_H
#define RS_TRACES_DAT_DAT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/error.h"
#include "traces/dat/dat_damage.h"
#include "traces/dat/dat_packed.h"

/*
 * The frame of a trace.dat (versions 6 and 7): where its sections are and what
 * they hold. libtracecmd gives no access to the pages of the ring buffer and
 * trusts what the file says of sizes (a flipped bit in the chunk table makes it
 * fault), so the frame is read here, every size against the file's; the event
 * formats in it are left to libtraceevent.
 */
struct rs_dat_cpu {
	uint32_t cpu;
	uint64_t offset, size; /* in the file */
	bool cut;	       /* what followed was lost; with a @size of 0: all of it */
};

/* One ring buffer: the top one (name "") or an instance. */
struct rs_dat_buffer {
	char *name;
	char *clock;	    /* NULL: not said */
	uint32_t page_size; /* of its sub-buffers */
	bool compressed;
	uint64_t section; /* of version 7: where it stands */
	struct rs_dat_cpu *cpus;
	uint32_t nr_cpus;
};

enum rs_dat_option_id {
	RS_DAT_OPT_DONE = 0,
	RS_DAT_OPT_CPUSTAT = 2,
	RS_DAT_OPT_BUFFER = 3,
	RS_DAT_OPT_TRACECLOCK = 4,
	RS_DAT_OPT_UNAME = 5,
	RS_DAT_OPT_CPUCOUNT = 8,
	RS_DAT_OPT_VERSION = 9,
	RS_DAT_OPT_TSC2NSEC = 14,
	RS_DAT_OPT_HEADER_INFO = 16,
	RS_DAT_OPT_FTRACE_EVENTS = 17,
	RS_DAT_OPT_EVENT_FORMATS = 18,
	RS_DAT_OPT_CMDLINES = 21,
};

/* A flag of a section of version 7. */
#define RS_DAT_SECTION_COMPRESSED 1U

struct rs_dat_option {
	uint16_t id;
	uint32_t size;
	char *data; /* @size bytes, and a 0 */
};

struct rs_dat_format {
	char *system;
	char *text; /* the event's format file, ends with 0 */
	size_t size;
};

/* Pages of a CPU that stand behind the file proper: what a killed trace-cmd had of it. */
struct rs_dat_row {
	const char *buffer; /* the rows of one stand together */
	uint32_t cpu;
	uint64_t offset, size;
};

/* What is damaged is left out, as far as there is a rest. */
struct rs_dat_repair {
	struct rs_dat_damage damage;   /* what that was */
	const struct rs_dat_row *rows; /* instead of the pages in the file; NULL: not given */
	size_t nr_rows;
	uint64_t end; /* of the file proper, if there are such rows */
};

struct rs_dat_file {
	int fd;
	uint64_t size;
	struct rs_budget budget; /* what is left of it */
	unsigned int version;	 /* 6 or 7 */
	bool big_endian, swap;
	unsigned int long_size; /* 4 or 8 */
	uint32_t page_size;
	enum rs_dat_packing packing; /* of sections and pages */
	char *header_page;	     /* format of the ring buffer's page header, ends with 0 */
	struct rs_dat_buffer *buffers;
	size_t nr_buffers;
	struct rs_dat_option *options; /* those that are of use and name no sections */
	size_t nr_options;
	struct rs_dat_format *formats; /* those that @want of the open call took */
	size_t nr_formats;
	char *cmdlines;		      /* "PID COMM\n" lines, ends with 0; may be NULL */
	struct rs_dat_repair *repair; /* NULL: damage is an error */
	uint32_t sections_read;	      /* of version 7: a bit for each option that names one */
	uint64_t last_options;	      /* of version 7: the last section of them that was read */
	bool clock_lost;	      /* a ring buffer was found without its option */
};

/* True if an event's format is of use; @text has the first lines of the format file. */
typedef bool (*rs_dat_want_fn)(const char *system, const char *text);

/* Whether @head (@len bytes) starts as a trace.dat does. */
bool rs_dat_probe(const unsigned char *head, size_t len);

/*
 * Reads everything but the ring buffers' pages from @fd, which stays the
 * caller's and must be seekable, as does @repair (NULL: damage is an error). 0, or
 * negative errno with @err set; @f is to be closed only after success.
 */
int rs_dat_file_open(struct rs_dat_file *f, int fd, rs_dat_want_fn want,
		     struct rs_dat_repair *repair, struct rs_error *err);
void rs_dat_file_close(struct rs_dat_file *f);
/* The first option @id at or after *@pos (start with 0), which is then behind it; or NULL. */
const struct rs_dat_option *rs_dat_file_option(const struct rs_dat_file *f, uint16_t id,
					       size_t *pos);
/* Whether a CPU has pages, or had some. */
static inline bool rs_dat_cpu_is_used(const struct rs_dat_cpu *cpu)
{
	return cpu->size || cpu->cut;
}

/* CPUs that are used, in all buffers. */
size_t rs_dat_file_nr_streams(const struct rs_dat_file *f);
/* Exactly @n bytes from @offset; -EINVAL with @err set if the file ends before. */
int rs_dat_file_read(const struct rs_dat_file *f, uint64_t offset, void *to, size_t n,
		     struct rs_error *err);

#endif
