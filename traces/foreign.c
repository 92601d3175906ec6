// SPDX-License-Identifier: GPL-2.0-only
#include "traces/foreign.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PERF_DATA                                                                \
	"is a perf.data, which perf alone can read: 'perf script --ns -i FILE' " \
	"makes text of it, and that can be read here"

#define PCAP "is a capture of a network, and no trace of a kernel: 'retryscope record' makes one"

static const struct {
	const char *magic;
	unsigned int len, at;
	const char *what;
} foreign[] = {
	{ "PERFILE2", 8, 0, PERF_DATA },
	{ "2ELIFREP", 8, 0, PERF_DATA },
	{ "\x04\x22\x4d\x18", 4, 0, "is compressed by lz4: unpack it first ('lz4 -d')" },
	{ "LZIP", 4, 0, "is compressed by lzip: unpack it first ('lzip -d')" },
	{ "\x89LZO", 4, 0, "is compressed by lzop: unpack it first ('lzop -d')" },
	{ "\x1f\x9d", 2, 0, "is compressed by compress: unpack it first ('gzip -d')" },
	{ "PK\3\4", 4, 0, "is a zip archive: unpack it first" },
	{ "7z\xbc\xaf\x27\x1c", 6, 0, "is a 7z archive: unpack it first" },
	{ "Rar!\x1a\x07", 6, 0, "is a rar archive: unpack it first" },
	{ "ustar\0", 6, 257, "is a tar archive: unpack it first" },
	{ "ustar  \0", 8, 257, "is a tar archive: unpack it first" },
	{ "070701", 6, 0, "is a cpio archive: unpack it first" },
	{ "!<arch>\n", 8, 0, "is an ar archive: unpack it first" },
	{ "\x7f"
	  "ELF",
	  4, 0, "is an ELF file (a dump?): crash's 'trace dump -t' makes a trace.dat of a dump" },
	{ "\xd4\xc3\xb2\xa1", 4, 0, PCAP },
	{ "\xa1\xb2\xc3\xd4", 4, 0, PCAP },
	{ "\n\r\r\n", 4, 0, PCAP },
	{ "/* CTF ", 7, 0,
	  "describes a CTF trace (LTTng, perf data convert): record with 'retryscope record'" },
	{ "KDUMP   ", 8, 0,
	  "is a dump of a kernel: crash's 'trace dump -t' makes a trace.dat of it" },
};

/*
 * A page of a ring buffer: a time since the host was started, of less than some decades, and how
 * many bytes are in use, beside its flags.
 */
static bool is_page(const unsigned char *head, size_t len)
{
	static const unsigned char flags = 0xc0, decades = 0x20;
	uint32_t used;

	if (len < 4096 || !memchr(head + 2, 0, 6) || head[7] || head[6] > decades)
		return false;
	used = head[8] | head[9] << 8 | head[10] << 16 | (uint32_t)(head[11] & ~flags) << 24;
	return used >= 4 && used <= 65536 - 16 && used % 4 == 0 && !head[12] && !head[13] &&
	       !head[14] && !head[15];
}

const char *rs_foreign_what(const unsigned char *head, size_t len)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (len >= foreign[i].at + foreign[i].len &&
		    !memcmp(head + foreign[i].at, foreign[i].magic, foreign[i].len))
			return foreign[i].what;
	if (is_page(head, len))
		return "looks like the pages of a CPU, as a killed trace-cmd leaves them "
		       "(NAME.cpuN):"
		       " 'retryscope convert --repair NAME' reads them, if NAME has the formats of "
		       "their events";
	return NULL;
}
