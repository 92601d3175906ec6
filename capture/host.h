/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_HOST_H
#define RS_CAPTURE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * What the files of a host say, read below a root directory: "/" for this
 * machine, or a tree with copies of another one's files (/proc/kallsyms,
 * /proc/sys/kernel/osrelease, /sys/kernel/btf, /sys/module ...). Reading
 * changes nothing on the host.
 */
enum rs_paging { RS_PAGING_UNKNOWN, RS_PAGING_TDP, RS_PAGING_SHADOW };

enum rs_access {
	RS_ACCESS_NONE,	  /* not there */
	RS_ACCESS_DENIED, /* there, but not for this user */
	RS_ACCESS_OK,
};

/* What the kernel is locked down to; confidentiality forbids kprobes, and tracefs as a whole. */
enum rs_lockdown {
	RS_LOCKDOWN_NONE, /* or it has no such thing, or nothing tells */
	RS_LOCKDOWN_INTEGRITY,
	RS_LOCKDOWN_CONFIDENTIALITY,
	RS_LOCKDOWN_UNKNOWN, /* this user cannot read it */
};

struct rs_host {
	char *root;    /* "" for this machine, else without a trailing slash */
	char *release; /* uname -r; never NULL */
	char *version; /* uname -v; NULL: not known */
	char *machine; /* uname -m; NULL: not known */
	char *vendor;  /* "kvm_amd", "kvm_intel"; NULL: none loaded */
	bool kvm;      /* kvm is loaded or built in */
	enum rs_access dev_kvm;
	enum rs_paging paging;
	char *tracefs; /* where it is mounted, root included; NULL: nowhere */
	enum rs_access tracing;
	enum rs_access kprobes; /* kprobe_events can be written */
	enum rs_lockdown lockdown;
	char *btf_vmlinux; /* a path, root included; NULL: none */
	char *btf_kvm;	   /* NULL: none, or kvm is built into vmlinux */
};

/*
 * @root NULL or "/": this machine. Returns NULL with errno and @err set if
 * there is no such host (its kernel release cannot be read) or no memory.
 */
struct rs_host *rs_host_open(const char *root, struct rs_error *err);
void rs_host_close(struct rs_host *h);

/* root + @path, to be freed; NULL: no memory. */
char *rs_host_path(const struct rs_host *h, const char *path);

/*
 * The content of the small text file @path (at most 1 MiB) without its last
 * newline, to be freed. NULL with errno if it cannot be read.
 */
char *rs_host_read(const struct rs_host *h, const char *path);

/* A function that a probe may want, as the kernel's symbol table has it. */
struct rs_symbol {
	const char *name;
	unsigned int count; /* how often it stands there; 0: it does not (inlined, or no such) */
	char module[64];    /* of the first; "": the kernel itself */
	char variant[128];  /* "NAME.isra.0" and the like: a copy with other arguments */
	bool blacklisted;   /* the kernel would refuse a kprobe */
};

/*
 * Looks up @n symbols whose names are set in @syms, and fills in the rest.
 * 0, or a negative errno if the symbol table cannot be read.
 */
int rs_host_symbols(const struct rs_host *h, struct rs_symbol *syms, size_t n);

#endif
