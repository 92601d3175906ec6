/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_SESSION_H
#define RS_CAPTURE_SESSION_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/plan.h"
#include "capture/tracing.h"

/*
 * One capture, from the probes to the trace.dat. A caller starts a session,
 * calls rs_session_poll() a few times a second until it has enough, finishes,
 * and closes it; closing takes everything out of the kernel, whatever happened
 * before. Not for several threads.
 */
struct rs_session_opts {
	const char *output;    /* the trace.dat; appears when it is whole */
	pid_t pid;	       /* a process with a VM; 0: all VMs */
	uint64_t buffer_bytes; /* per CPU; 0: by the memory that is free */
	bool measure;	       /* ... and by the events of one second before it begins */
	uint64_t max_bytes;    /* of what was recorded; 0: no limit */
	const char *clock;     /* NULL: "mono" */
	uint64_t withheld;     /* see struct rs_plan_opts */
	unsigned int parts_withheld;
	/*
	 * Record in pieces: so long of every period, or of a longer one, so that of all time no
	 * more than piece_ns / period_ns is spent with probes in; 0: all.
	 */
	uint64_t piece_ns, period_ns;
	enum rs_level min_level; /* refuse to record less */
	const char *root;	 /* see rs_host_open() */
	/* Called once if it takes long until trace-cmd records. May be NULL. */
	void (*waiting)(void);
	/* How long trace-cmd may make no progress before it records; 0: a minute. */
	uint64_t stall_ns;
	/* Set to nonzero by a signal: the start is given up. May be NULL. */
	const volatile sig_atomic_t *interrupted;
};

struct rs_session_stats {
	uint64_t elapsed_ns;
	/* If it is in pieces: how many, how long together, and how long switching took besides. */
	uint64_t pieces, recorded_ns, switched_ns;
	uint64_t events; /* recorded so far, without those lost */
	uint64_t lost;
	uint64_t bytes;	       /* recorded so far, before compression */
	double events_per_s;   /* over the last second */
	uint64_t buffer_bytes; /* per CPU */
	uint64_t file_bytes;   /* of the trace.dat; once it is finished */
	unsigned int nr_vms;
	unsigned int nr_cpus;
	const struct rs_cpu_stats *cpus;
	const uint64_t *misses; /* by event; once it is finished */
};

enum rs_session_event {
	RS_SESSION_RUNS,
	RS_SESSION_MAX_SIZE, /* max_bytes were recorded */
	RS_SESSION_NO_SPACE, /* just enough is left on the disk to finish */
	RS_SESSION_VM_ENDED, /* the process of @pid is gone */
};

struct rs_session;

/*
 * Makes the probes, starts trace-cmd, and returns once it records. NULL with
 * errno and @err; nothing is left then.
 */
struct rs_session *rs_session_start(const struct rs_session_opts *opts, struct rs_error *err);
/* An enum rs_session_event, or negative errno with @err: the capture is lost. */
int rs_session_poll(struct rs_session *s, struct rs_error *err);
/* Ends the recording and writes the output. 0, or negative errno with @err: there is none. */
int rs_session_finish(struct rs_session *s, struct rs_error *err);
/* Negative errno with @err if something could not be taken out of the kernel. Frees @s. */
int rs_session_close(struct rs_session *s, struct rs_error *err);

/* Since it records; the statistics are a second old. */
uint64_t rs_session_elapsed_ns(const struct rs_session *s);
/* Valid until the session is closed. */
const struct rs_session_stats *rs_session_stats(const struct rs_session *s);
/* The same: what is recorded, after the kernel has taken or refused each probe. */
const struct rs_plan *rs_session_plan(const struct rs_session *s);

struct rs_cleanup_result {
	unsigned int removed; /* killed recorders whose remains were removed */
	unsigned int rescued; /* of these: their capture was complete and is kept */
	unsigned int alive;   /* recorders that run, and were left alone */
	unsigned int foreign; /* files in /run that only have such a name; left alone */
	char *remarks;	      /* lines for the user, to be freed; NULL: none */
};

/*
 * Removes what killed recorders left, and nothing else: files only where device and
 * inode are as noted. A capture that is complete gets its name, or if something has
 * that by now, one that says whose it is (a remark has it). 0, or negative errno
 * with @err (-ETIME: its trace-cmd does not end); the note stays then.
 */
int rs_session_cleanup(const char *root, struct rs_cleanup_result *result, struct rs_error *err);

#endif
