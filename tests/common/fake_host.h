/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_FAKE_HOST_H
#define RS_TESTS_FAKE_HOST_H

/*
 * A directory with the files of a host, made from a description of a kernel's
 * types (tests/data/probe/NAME.types): BTF for vmlinux and kvm, a symbol table
 * with its functions, a mounted tracefs with kprobe_events, kvm_amd with nested
 * paging. Tests change or remove files afterwards. A description has these
 * lines; TYPE is u8 .. u64, s8 .. s64, bool, void, struct:NAME, enum:NAME or
 * ptr:TYPE (a bare name behind ptr: is a structure).
 *
 *	release RELEASE
 *	module kvm			what follows is in the module's own BTF
 *	struct NAME SIZE
 *	  OFFSET MEMBER TYPE		members of the structure above
 *	enum SIZE NAME A=0 B=1		NAME - is anonymous
 *	func TYPE NAME PARAM=TYPE...
 *	tracepoint NAME...
 */
struct fake_host {
	char root[64];
};

/* All of these fail the running cmocka test if they cannot do their work. */
void fake_host_make(struct fake_host *fh, const char *types_path);
/* The same, as if the types' lines with @word, if it is not NULL, were not there. */
void fake_host_make_without(struct fake_host *fh, const char *types_path, const char *word);
void fake_host_write(const struct fake_host *fh, const char *path, const char *text);
void fake_host_append(const struct fake_host *fh, const char *path, const char *text);
/* A file, or a directory with all in it; it may be missing. */
void fake_host_remove(const struct fake_host *fh, const char *path);
void fake_host_free(const struct fake_host *fh);

#endif
