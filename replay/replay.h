/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_REPLAY_H
#define RS_REPLAY_REPLAY_H

#include "replay/result.h"
#include "base/budget.h"
#include "base/error.h"
#include "traces/event.h"

/*
 * Open-loop replay: events in, figures out. Feed the stream in pieces of any
 * size; the result depends on the stream alone. Not thread safe; several
 * engines may run side by side.
 */
#define RS_REPLAY_TRUTH 0x1  /* necessary, spurious, missed */
#define RS_REPLAY_CAUSES 0x2 /* needs TRUTH */
#define RS_REPLAY_WIDTH 0x4  /* blocked frames and epochs */
#define RS_REPLAY_ALL 0x7
/* Whose doing each rejection is, for an observer; needs TRUTH and CAUSES. */
#define RS_REPLAY_BLAME 0x8

/* An invalidation, as it was when it was blamed. */
struct rs_blamed {
	uint64_t number; /* counts the VM's invalidations from 1 on; 0: none is blamed */
	uint64_t id;
	uint64_t begin_ns, end_ns; /* RS_NOT_ENDED: it had not ended by then */
	uint64_t start, end;	   /* its range: hvas, or gfns if @gfn */
	uint32_t who;		   /* of the trace's table */
	bool gfn;
};

#define RS_NOT_ENDED UINT64_MAX

/* Who is blamed for a rejection, or for one that is missing: docs/model.md, Blame. */
struct rs_blame {
	struct rs_blamed by;
	/* Of a stale one: the ended invalidation that had widened the range over the page;
	 * @end_ns is not kept. */
	struct rs_blamed widened;
};

/* What an outstanding invalidation covers, in guest frames of one address space. */
struct rs_covered {
	uint64_t gfn_start, gfn_end;
	uint8_t as;
};

/* The state of one VM from @time_ns on, until the next call for this VM. */
struct rs_view {
	uint64_t time_ns;
	uint32_t vm;
	size_t nr_algos;
	const uint64_t *blocked; /* frames, one per algorithm in the order of the list */
	uint64_t exact_blocked;
	uint64_t frames;
	uint32_t in_progress; /* invalidations that hit a memslot: an epoch lasts while there are
				 any */
	/* What the first algorithm of the list has in its range, if rs_algo_has_range(); may be in
	 * no memslot. */
	const struct rs_covered *ranges;
	size_t nr_ranges;
	/* What is really being invalidated, clipped to memslots; may overlap. */
	const struct rs_covered *covered;
	size_t nr_covered;
	/* The memslots, if they changed since the last call (else NULL). */
	const struct rs_covered *memslots;
	size_t nr_memslots;
};

struct rs_judged {
	uint64_t event; /* the check's number in the stream, from 0 on, as disagreements have it */
	uint64_t begin_ns, time_ns;
	uint64_t gfn;
	uint32_t vm, vcpu;
	uint8_t as;
	bool lockless, necessary, private;
	uint8_t result;		 /* what the kernel did: enum rs_result_code */
	const uint8_t *rejected; /* one per algorithm: 0, or 1 + the cause, or 255 if necessary */
	/* With BLAME, one per algorithm: of those that reject, or miss, the fault. Else NULL. */
	const struct rs_blame *blame;
	uint32_t slot; /* its memslot's id */
	uint32_t who;  /* its thread, of the trace's table */
};

/*
 * For series and maps, lists of faults and who is to blame; any function may be NULL. Costs time:
 * not for reports alone.
 */
struct rs_observer {
	void *arg;
	const struct rs_observer *next; /* is told the same, after this one; NULL: nobody is */
	/* Without WIDTH only before memslots change and events are lost, and at the end; nothing is
	 * blocked then. */
	void (*view)(void *arg, const struct rs_view *v);
	void (*judged)(void *arg, const struct rs_judged *j);
	/* A fault that was not judged (no memslot, obsolete root, ended, lost ...) is over. */
	void (*unjudged)(void *arg, uint32_t vm, uint32_t vcpu);
	/* A memslot, inval_* or lost event that was sound, and when it happens (time_ns may lie
	 * before that if time ran backwards). */
	void (*applied)(void *arg, const struct rs_event *e, uint64_t time_ns);
};

struct rs_replay_opts {
	const char *algos;	 /* comma separated, "all", or NULL: RS_ALGOS_DEFAULT */
	unsigned int flags;	 /* RS_REPLAY_* */
	const char *kernel_algo; /* the traced kernel's, for STATE and disagreements; may be NULL */
	bool strict;		 /* the first anomaly is an error */
	bool one_vm;		 /* judge only @vm */
	uint32_t vm;
	const struct rs_observer *observer; /* may be NULL */
	/* Of replay/limits.h: what engines share that see others of one input. NULL: each is this
	 * engine's alone. */
	struct rs_budget *kept, *hits, *looks;
};

/* Bytes of a VM, which has some 35 KiB with the default algorithms and 60 KiB with all, of a
 * memslot and of a vCPU. */
#define RS_VM_COST (32ULL << 10)
#define RS_MEMSLOT_COST 512
#define RS_VCPU_COST 256

struct rs_replay;
struct rs_moment; /* replay/moment.h */

/* NULL with errno and @err set: EINVAL for an unknown algorithm (the text names it), ENOMEM. */
struct rs_replay *rs_replay_new(const struct rs_replay_opts *opts, struct rs_error *err);
/*
 * The next events, each well-formed (traces/event.h). 0, -ENOMEM, or with strict
 * -EINVAL at the first anomaly: @err then names it and the event's number.
 */
int rs_replay_feed(struct rs_replay *r, const struct rs_event *evs, size_t n, struct rs_error *err);
/*
 * The same for events of some of a stream's VMs, all that there are of these:
 * @before says of each how many events the stream has before it, less @first
 * (STATE records are none). Their times do not run backwards.
 */
int rs_replay_feed_some(struct rs_replay *r, const struct rs_event *evs, const uint32_t *before,
			uint64_t first, size_t n, struct rs_error *err);
/*
 * Adds to @r the VMs of @from, an engine with the same options that was fed
 * others of the same stream. @from is good only for rs_replay_free() then.
 * 0 or -ENOMEM.
 */
int rs_replay_take(struct rs_replay *r, struct rs_replay *from);
/*
 * Leaves the stream, where nothing is pending, and takes it up again at a later
 * moment, @m, whose memslots' events are those that @r has not seen. What lies
 * between counts as if it were not there. @r must not have been fed lost events, nor
 * have a traced kernel's algorithm, strict or an observer. 0 or -ENOMEM.
 */
int rs_replay_seek(struct rs_replay *r, const struct rs_moment *m);
/*
 * Before the first lost event: @r, which goes on alone, learns what @other, an
 * engine that leaves the stream for good, has to say about how long VMs are not
 * judged.
 */
void rs_replay_learn(struct rs_replay *r, const struct rs_replay *other);
/* What there is of one algorithm in one VM after the events that were fed last. */
struct rs_look {
	uint64_t time_ns; /* of the stream, which does not run backwards */
	uint64_t event;	  /* the number of the last event in the stream, from 0 on */
	size_t outstanding;
	/* With @has_range, the one that a kernel keeps: hvas, or gfns if @gfn; empty: start >= end.
	 */
	bool has_range, gfn;
	uint64_t start, end;
};
/* Of the @algo-th of the list. false: there is no such VM so far. */
bool rs_replay_look(const struct rs_replay *r, uint32_t vm, size_t algo, struct rs_look *look);
/* Ends the stream and hands over the result: the caller frees it. The engine is of no use then. */
struct rs_result *rs_replay_finish(struct rs_replay *r, struct rs_error *err);
void rs_replay_free(struct rs_replay *r);

/* What an algorithm says of itself. */
struct rs_algo_info {
	const char *name;    /* "gfn-multi:N" for a family */
	const char *kernels; /* which ran it: "6.8 on", "what-if" ... */
	const char *summary; /* what it keeps: a fault at a page in that is rejected */
	const char *colour;  /* of its lines in plots, "#rrggbb"; NULL: it takes its turn */
	const char *misses;  /* why it accepts what must be retried; NULL: nothing to be said */
	bool merged;	     /* some released kernel ran it */
};
/* The @i-th algorithm, from 0, for help texts. Static data; NULL past the end. */
const struct rs_algo_info *rs_algo_info(size_t i);
/* That of @name, one algorithm: of "gfn-multi:4" its family's. NULL: it is none. */
const struct rs_algo_info *rs_algo_info_of(const char *name);
/* Whether views tell the range of @name: it is an algorithm that keeps one, and no more. */
bool rs_algo_has_range(const char *name);

/* The lists of algorithms that nobody has to spell out. */
enum rs_algo_list {
	RS_ALGOS_ALL,	  /* "all" */
	RS_ALGOS_DEFAULT, /* if none is given: what kernels ran first */
	RS_ALGOS_PRICE,	  /* if none is given where prices are asked for: likewise */
};
/*
 * Their names, separated by commas, for the caller to free; @bounds: with those that no
 * kernel could run. NULL: no memory.
 */
char *rs_algo_list(enum rs_algo_list which, bool bounds);

#endif
