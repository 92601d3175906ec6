/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_TRACE_H
#define RS_TRACES_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/table.h"
#include "traces/event.h"
#include "traces/identity.h"
#include "traces/who.h"

/*
 * What is known about a trace besides its events. Owned by the reader (const
 * for everybody else); complete only once the reader has returned its last
 * event, because losses, anomalies and VMs are found on the way.
 */
struct rs_fact {
	char *key;   /* [a-z0-9_.-]+ */
	char *value; /* any text without newline */
};

struct rs_count {
	char *name;
	uint64_t count;
};

struct rs_vm_info {
	uint32_t vm;
	int64_t pid;   /* 0: not known */
	char *command; /* NULL: not known */
};

struct rs_trace_meta {
	char *kernel;	       /* uname -r of the traced host; NULL: not known */
	char *level;	       /* "full", "partial", "tracepoints"; NULL: not known (text) */
	struct rs_fact *facts; /* host facts, in order */
	size_t nr_facts;
	struct rs_vm_info *vms;
	size_t nr_vms;
	char **assumptions; /* one sentence each; what the user made us assume */
	size_t nr_assumptions;
	struct rs_count *anomalies; /* found while importing */
	size_t nr_anomalies;
	uint64_t lost; /* events that the recorder dropped, as far as known */
	/* Of the events, with the reader's option, or where the trace tells it; "": not known. */
	char identity[RS_IDENTITY_SIZE];
	/* Whom the events name. It grows as they are read: look names up when they are needed. */
	struct rs_whos whos;
	/* Where in those lists what is; for traces/meta.c alone. */
	struct rs_hash fact_by_key, vm_by_number, anomaly_by_name, assumption_by_text;
};

/* All of these copy their strings and return 0 or -ENOMEM. @m starts as all zero. */
int rs_meta_set_kernel(struct rs_trace_meta *m, const char *release);
int rs_meta_set_level(struct rs_trace_meta *m, const char *level);
/* A key has one value: the one given last. */
int rs_meta_add_fact(struct rs_trace_meta *m, const char *key, const char *value);
/* Adds the VM or fills in what is not yet known of it. */
int rs_meta_add_vm(struct rs_trace_meta *m, uint32_t vm, int64_t pid, const char *command);
int rs_meta_add_assumption(struct rs_trace_meta *m, const char *sentence);
bool rs_meta_has_assumption(const struct rs_trace_meta *m, const char *sentence);
/* Forgets all VMs but @vm. */
void rs_meta_keep_vm(struct rs_trace_meta *m, uint32_t vm);
/* What is known of that VM, until another is added; NULL: nothing is. */
struct rs_vm_info *rs_meta_vm(const struct rs_trace_meta *m, uint32_t vm);
/* Adds @n to the anomaly @name (created at 0). */
int rs_meta_add_anomaly(struct rs_trace_meta *m, const char *name, uint64_t n);
/* Takes back all anomalies and losses. */
void rs_meta_forget_anomalies(struct rs_trace_meta *m);
/* Replaces what @to has. */
int rs_meta_copy(struct rs_trace_meta *to, const struct rs_trace_meta *from);
/* Frees everything inside and leaves @m empty. */
void rs_meta_free(struct rs_trace_meta *m);
/* Whether @name can be a fact's key or an anomaly's name: [a-z0-9_.-]+. */
bool rs_meta_is_name(const char *name);
/* NULL if there is no such fact. */
const char *rs_meta_fact(const struct rs_trace_meta *m, const char *key);

/*
 * Which algorithm the traced kernel ran, from its release: "gfn" from 6.8 on,
 * "hva" from 5.15 on, "hva-5.12" from 5.12 on, "global" before; NULL if
 * @release is NULL or is no kernel release. Distributions backport, so a
 * caller lets the user override it.
 */
const char *rs_kernel_algorithm(const char *release);

/*
 * The fact that says so where the release does not, and where that is known from: "as given",
 * "by its recorded range". A form that tells the kernel before its events tells them, too.
 */
#define RS_FACT_KERNEL_ALGO "kernel-algo"
#define RS_FACT_KERNEL_ALGO_BY "kernel-algo.known"
/* The traced host's name, and the boot of it, which has an id that no other has. */
#define RS_FACT_HOST "host.name"
#define RS_FACT_BOOT_ID "host.boot_id"
/* The algorithm of the traced kernel, by that fact or by its release; NULL: not known. */
const char *rs_meta_kernel_algo(const struct rs_trace_meta *m);

enum rs_form {
	RS_FORM_UNKNOWN,
	RS_FORM_TRACE_DAT,
	RS_FORM_TEXT,
	RS_FORM_BINARY,
	RS_FORM_BINARY_RAW, /* for writing: RS_FORM_BINARY uncompressed */
	RS_FORM_MTREE,	    /* for reading: QEMU's `info mtree -f` */
	RS_FORM_FTRACE,	    /* for reading: what ftrace, trace-cmd and perf print */
	RS_NR_FORMS
};
/*
 * "unknown", "trace.dat", "text", "binary", "raw binary", "info mtree -f", "ftrace text"; NULL
 * if out of range.
 */
const char *rs_form_name(enum rs_form form);

/* Takes an event. 0, or what it returns, a negative errno with @err set, ends the reading. */
typedef int (*rs_event_fn)(void *arg, const struct rs_event *ev, struct rs_error *err);

struct rs_reader_opts {
	/*
	 * For a trace.dat with plain tracepoints only: how long an invalidation
	 * lasts (0: refuse such a trace) and a text-form file of memslot lines.
	 */
	uint64_t assume_duration_ns;
	const char *memslots_path;
	/* For a trace.dat whose times are cycles of a TSC and that does not say how fast it
	 * is: its kHz (0: refuse such a trace). */
	uint64_t assume_tsc_khz;
	/*
	 * For a trace.dat: the traced kernel's algorithm, for which decisions are a notifier's.
	 * NULL: what was recorded of its range tells, else its release.
	 */
	const char *kernel_algo;
	/* A trace.dat that was made of a text: what it says of itself is not the trace's. */
	bool of_text;
	/* rs_reader_each(), which reads that file; set by rs_reader_open(). */
	int (*each_event)(const char *path, rs_event_fn fn, void *arg, struct rs_error *err);
	/* Of such a trace, without these two, take the facts, and no events. */
	bool facts_do;
	/* Called now and then with bytes (or events) done and in all; may be NULL. Nonzero stops
	 * with RS_ERR_INTR. */
	int (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
	unsigned int jobs; /* threads that the import may use; 0: one per CPU */
	/*
	 * Of a damaged or truncated binary trace take what is whole before the
	 * damage, and count an anomaly binary-truncated, instead of failing there; of a
	 * trace.dat all that is whole, with losses where it is not, and dat-damaged.
	 */
	bool repair;
	/*
	 * For a trace.dat that is repaired: the files of CPUs that a killed trace-cmd left, whose
	 * pages are taken instead of its own.
	 */
	const char *const *cpu_files;
	size_t nr_cpu_files;
	/* Work out the identity where the trace does not tell it, for the metadata at the end. */
	bool identity;
	const char *also; /* what else the caller takes, to name where it is no trace; or NULL */
};

struct rs_reader;

/*
 * Opens @path ("-": standard input) and finds out its form from its first
 * bytes, through zstd if it is compressed. @opts may be NULL. Returns NULL with
 * errno and @err set. Close with rs_reader_close().
 */
struct rs_reader *rs_reader_open(const char *path, const struct rs_reader_opts *opts,
				 struct rs_error *err);
/*
 * The next events: *@evs points to as many as returned, valid until the next
 * call. 0: the end. Negative errno with @err set: the input is ill-formed (what
 * was returned before is good) or could not be read.
 */
ssize_t rs_reader_next(struct rs_reader *r, const struct rs_event **evs, struct rs_error *err);
/* Calls @fn for each event of the trace at @path. 0 or negative errno with @err set. */
int rs_reader_each(const char *path, rs_event_fn fn, void *arg, struct rs_error *err);
/*
 * Starts again at the first event. -ESPIPE if the input cannot be read twice
 * (a pipe); then nothing is changed. After any other error @r can only be closed.
 */
int rs_reader_rewind(struct rs_reader *r, struct rs_error *err);

/* What the index of a binary trace says of a block, which is what rs_reader_next() gives. */
struct rs_block {
	uint64_t min_ns, max_ns; /* of its events */
	uint32_t vms;		 /* bit (vm % 32) is set for each VM in it */
	bool memslots, lost;	 /* it has such events */
	/* Before it, no invalidation is in progress, no fault without its check, no recorded
	 * state without its event. */
	bool idle;
};
/*
 * The blocks of a whole, plain trace in their order, *@nr of them, for the
 * caller to free: then the metadata are complete from the start. NULL if the
 * input has none, or must be read from first to last (or there is no memory).
 */
struct rs_block *rs_reader_blocks(struct rs_reader *r, size_t *nr);
/*
 * Goes on with block @block, not before the one that comes next; with *@nr: at
 * the end. What is passed over is not looked at. Only after rs_reader_blocks().
 * 0 or negative errno with @err set.
 */
int rs_reader_skip_to(struct rs_reader *r, size_t block, struct rs_error *err);

/* What is known of the trace so far: all once the last event was read. */
const struct rs_trace_meta *rs_reader_meta(const struct rs_reader *r);
/* The same, for whoever has more to say of it, after the last event. */
struct rs_trace_meta *rs_reader_change_meta(struct rs_reader *r);
/* With the option repair, at the end: what ended the trace too early; NULL: it is whole. */
const struct rs_error *rs_reader_damage(const struct rs_reader *r);
enum rs_form rs_reader_form(const struct rs_reader *r);
void rs_reader_close(struct rs_reader *r);

struct rs_writer;

/*
 * Writes @form to @path ("-": standard output). A file appears under its name
 * only when rs_writer_finish() succeeds: until then it is a temporary beside
 * it, removed by rs_writer_abort(). Returns NULL with errno and @err set.
 */
struct rs_writer *rs_writer_open(const char *path, enum rs_form form, struct rs_error *err);
/*
 * Threads that may be used, the caller's included, to be said before the first event;
 * 0, as without this call: one per CPU. What is written is the same.
 */
void rs_writer_set_jobs(struct rs_writer *w, unsigned int jobs);
/*
 * What is known before the first event, at most once and before rs_writer_put().
 * The kernel's release must be known here, because replay asks for it before it
 * sees events; the rest of @meta may grow until the end. Whom the events name is looked up in
 * @meta->whos as they are put, so @meta must stay until the writer is finished or aborted;
 * without this call nobody is known.
 */
int rs_writer_begin(struct rs_writer *w, const struct rs_trace_meta *meta, struct rs_error *err);
int rs_writer_put(struct rs_writer *w, const struct rs_event *evs, size_t n, struct rs_error *err);
/*
 * @meta is what the source's reader says at its end; NULL: nothing is known.
 * Frees @w, also on failure. -EINVAL if @meta has another kernel than
 * rs_writer_begin() was given.
 */
int rs_writer_finish(struct rs_writer *w, const struct rs_trace_meta *meta, struct rs_error *err);
void rs_writer_abort(struct rs_writer *w);

/*
 * A form of trace, for the table in traces/forms.c. @head has the first @len
 * bytes of the (decompressed) input.
 */
struct rs_source; /* a seekable file or a stream, decompressed: traces/source.h */
struct rs_form_ops {
	enum rs_form form;
	bool (*probe)(const unsigned char *head, size_t len);
	/* Returns the form's own reader state, which it frees in close(). */
	void *(*open)(struct rs_source *src, const struct rs_reader_opts *opts,
		      struct rs_trace_meta *meta, struct rs_error *err);
	/* The end for the sake of repair is 0 with @err set. */
	ssize_t (*next)(void *state, const struct rs_event **evs, struct rs_error *err);
	/* NULL: the reader rewinds the source, closes and opens again. */
	int (*rewind)(void *state, struct rs_error *err);
	/* rs_reader_blocks(), rs_reader_skip_to(); NULL if there are no blocks. */
	struct rs_block *(*blocks)(void *state, size_t *nr);
	int (*skip_to)(void *state, size_t block, struct rs_error *err);
	void (*close)(void *state);
	/* Writing; NULL if the form cannot be written. */
	void *(*create)(int fd, struct rs_error *err);
	void (*set_jobs)(void *state, unsigned int jobs); /* NULL: it has no use for threads */
	/* Called once before the others; @meta->whos is used until the end. */
	int (*begin)(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
	int (*put)(void *state, const struct rs_event *evs, size_t n, struct rs_error *err);
	int (*finish)(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
	/* Frees the state, after finish() or without it. */
	void (*discard)(void *state);
};

#endif
