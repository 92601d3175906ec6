/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_TEAM_TEAM_INTERNAL_H
#define RS_REPLAY_TEAM_TEAM_INTERNAL_H

/*
 * What the parts of a team share: team.c has the stream, and when it is cut,
 * team_plan.c who does what, team_ring.c the threads and the batches that they
 * take, team_join.c makes one result of all.
 */
#include <pthread.h>

#include "replay/limits.h"
#include "replay/moment.h"
#include "replay/replay.h"

/* VMs of lower numbers are shared out evenly, the others by their numbers. */
#define RS_TEAM_VMS 256
/* The lane of an engine that takes every batch. */
#define RS_TEAM_EVERY UINT32_MAX

/* What of a batch goes to the engines of some VMs. */
struct share {
	struct rs_event *evs;
	uint32_t *before; /* events of the batch before it; of several parts only */
	size_t n;
};

struct batch {
	struct share *shares; /* max_parts */
	uint64_t first;	      /* events of the stream before it */
	size_t n;	      /* records */
	uint32_t events;
	uint32_t lane;	       /* whose engine takes it */
	bool cut;	       /* the stream was cut before it: that engine takes it up ... */
	struct rs_moment from; /* ... here */
};

struct engine {
	struct rs_replay *replay; /* NULL: another took its VMs */
	char *algos;
	size_t group, part; /* of the algorithms, of the VMs */
	uint32_t lane;
	uint64_t next; /* its next batch */
	bool busy;
	uint32_t thread;   /* that was at it last */
	uint64_t memslots; /* of a lane: the memslots' events up to its last cut */
};

struct rs_team {
	struct rs_replay_opts opts;
	struct rs_limits limits; /* engines share those of them that they do not take twice */
	unsigned int jobs;
	size_t max_batch;
	struct rs_replay *alone; /* until the split */
	struct rs_event *staged; /* as long as they are less than a batch */
	size_t nr_staged;

	struct batch *ring;
	size_t nr_ring;		/* batches that are there at once: so far may engines drift apart */
	uint64_t filled;	/* batches that the engines may have */
	struct engine *engines; /* lane by lane, or group by group and in each part by part */
	size_t nr_engines, nr_groups, nr_algos, max_parts;
	size_t nr_parts; /* 1 once the VMs are together again */
	uint8_t part_of[RS_TEAM_VMS];

	/* Of a stream that is split over time. */
	size_t nr_lanes; /* the first engines; 0: it is not */
	uint32_t lane;	 /* that the events go to now */
	bool cutting;	 /* it may still be cut */
	struct rs_follower follower;
	uint64_t cuts;

	/* Of the stream, where no engine sees all of it and there is no follower. */
	bool started;
	uint64_t begin_ns, now, events, backwards;

	pthread_t *threads;
	size_t nr_threads;
	uint32_t started_threads;
	pthread_mutex_t lock; /* of filled, stop, failed and the engines' next and busy */
	pthread_cond_t changed;
	bool stop;
	int failed; /* 0, or the negative errno of the first engine that failed, and @why */
	struct rs_error why;
};

/* By what is staged: the engines, and the batches. 0, -ENOMEM or -EINVAL. */
int rs_team_plan(struct rs_team *t, struct rs_error *err);
/* Frees what is in @e, not @e. */
void rs_team_free_engine(struct engine *e);

/* Fewer threads than asked for are fine: the caller works, too. 0 or -ENOMEM. */
int rs_team_start(struct rs_team *t, struct rs_error *err);
void rs_team_stop(struct rs_team *t);
/* The batch that is being filled. */
struct batch *rs_team_batch(const struct rs_team *t);
/* What there is of it goes to the engines, and another one is begun. 0 or -ENOMEM. */
int rs_team_hand_on(struct rs_team *t, struct rs_error *err);
/* Until all engines have had all batches; the caller works, too. 0 or -ENOMEM. */
int rs_team_catch_up(struct rs_team *t, struct rs_error *err);

/* From now on all VMs, and the rest of the stream, are one engine's of each group. 0 or -ENOMEM. */
int rs_team_gather(struct rs_team *t, struct rs_error *err);
/* What all engines found. NULL with errno. */
struct rs_result *rs_team_join(struct rs_team *t, struct rs_error *err);

#endif
