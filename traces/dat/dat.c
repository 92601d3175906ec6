// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inline.h"
#include "traces/source.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_file.h"
#include "traces/dat/dat_info.h"
#include "traces/dat/dat_join.h"
#include "traces/dat/dat_learn.h"
#include "traces/dat/dat_pages.h"
#include "traces/dat/dat_pair.h"
#include "traces/dat/dat_probe.h"
#include "traces/dat/dat_survey.h"
#include "traces/dat/dat_tracepoints.h"

/* Probe events read between two looks at what can be handed out. */
#define BATCH 8192

struct import {
	struct rs_source *src;
	struct rs_reader_opts opts;
	struct rs_trace_meta *meta;
	int fd;
	struct rs_dat_file file;
	struct rs_dat_repair repair;
	struct rs_dat_probes probes;
	struct rs_dat_merge *merge;
	struct rs_dat_survey survey;
	const char *algo; /* the traced kernel's; NULL: not known */
	struct rs_dat_pair_ops pair_ops;
	struct rs_dat_pair *pair;
	struct rs_dat_names names;
	struct rs_dat_tp *tp;		/* instead, if there are tracepoints alone */
	struct rs_dat_learned *learned; /* NULL: not needed so far */
	struct rs_error not_learned;	/* why it could not be had */
	uint64_t now_ns;
	bool ended, failed;
	struct rs_dat_seams seams;
	struct rs_dat_events out;
};

static void import_close(void *state)
{
	struct import *im = state;

	if (!im)
		return;
	rs_dat_pair_free(im->pair);
	rs_dat_tp_free(im->tp);
	rs_dat_names_free(&im->names);
	rs_dat_learned_free(im->learned);
	rs_dat_merge_free(im->merge);
	rs_dat_file_close(&im->file);
	rs_dat_damage_free(&im->repair.damage);
	rs_dat_join_free(&im->repair);
	if (im->fd >= 0)
		close(im->fd);
	free(im->out.ev);
	free(im);
}

static int open_file(struct import *im, struct rs_error *err)
{
	const char *path;
	int ret = 0;

	if (im->opts.nr_cpu_files)
		ret = rs_dat_join(im->src, im->opts.cpu_files, im->opts.nr_cpu_files, &im->repair,
				  err);
	if (ret)
		return ret;
	path = rs_source_seekable_path(im->src, err);
	if (!path)
		return -errno;
	im->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (im->fd < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot open: %s", strerror(errno));
	ret = rs_dat_file_open(&im->file, im->fd, rs_dat_probe_wants,
			       im->opts.repair ? &im->repair : NULL, err);
	if (!ret)
		ret = rs_dat_probes_init(&im->probes, &im->file, err);
	return ret;
}

/* A VM has memslots that no commit made: that takes a look at the whole trace, once. */
static int learn(void *arg, uint64_t kvm, struct rs_event **list, size_t *n)
{
	struct import *im = arg;

	if (!im->learned)
		im->learned = rs_dat_learn(&im->file, &im->probes, im->opts.jobs, &im->not_learned);
	if (im->learned)
		return rs_dat_learned_list(im->learned, kvm, list, n);
	*list = NULL;
	*n = 0;
	/* If the trace is damaged further on, reading on will say so. */
	return im->not_learned.kind == RS_ERR_INPUT ? 0 : -EIO;
}

/* An event could not be taken: there was no memory, or learning was in vain. */
static int not_taken(const struct import *im, struct rs_error *err)
{
	if (im->not_learned.kind != RS_ERR_SYSTEM)
		return rs_error_nomem(err);
	return rs_error_set(err, RS_ERR_SYSTEM, EIO, "%s", im->not_learned.text);
}

/*
 * Which algorithm the traced kernel has: as the user says, as a KVM was told in which it can be
 * chosen, by what was recorded of its range, or by its release. Distributions backport, so of
 * these the first that there is.
 */
static int find_algo(struct import *im)
{
	const char *release = rs_kernel_algorithm(im->meta->kernel);

	im->algo = release;
	if (im->opts.kernel_algo)
		im->algo = im->opts.kernel_algo;
	else if (im->survey.told)
		im->algo = im->survey.told;
	else if (im->survey.range == RS_DAT_RANGE_GFN)
		im->algo = "gfn";
	else if (im->survey.range == RS_DAT_RANGE_HVA && (!release || strncmp(release, "hva", 3)))
		im->algo = "hva";
	if (!im->algo || (release && !strcmp(release, im->algo)))
		return 0;
	if (rs_meta_add_fact(im->meta, RS_FACT_KERNEL_ALGO, im->algo))
		return -ENOMEM;
	return rs_meta_add_fact(im->meta, RS_FACT_KERNEL_ALGO_BY,
				im->opts.kernel_algo ? "as given"
				: im->survey.told    ? "as KVM was told"
						     : "by its recorded range");
}

/* Makes what tells events from probe events: from the first on, for the first or a later pass. */
static int start(struct import *im, struct rs_error *err)
{
	if (!rs_dat_probes_enough(&im->probes)) {
		if (im->tp)
			rs_dat_tp_rewind(im->tp);
		else
			im->tp = rs_dat_tp_new(&im->probes, &im->opts, &im->names, im->meta, err);
		return im->tp ? 0 : -errno;
	}
	im->pair_ops = (struct rs_dat_pair_ops){ im, learn, &im->names };
	im->pair = rs_dat_pair_new(&im->probes, im->survey.mn_offset, im->algo,
				   im->survey.told != NULL, &im->pair_ops, im->meta);
	return im->pair ? 0 : rs_error_nomem(err);
}

static int start_all(struct import *im, struct rs_error *err)
{
	int ret = open_file(im, err);

	if (!ret && rs_dat_info(&im->file, &im->probes, im->opts.of_text, im->meta))
		ret = rs_error_nomem(err);
	if (!ret && rs_dat_names_init(&im->names, im->file.cmdlines, im->meta))
		ret = rs_error_nomem(err);
	if (!ret)
		ret = rs_dat_clock_init(&im->probes.clock, &im->file, im->opts.assume_tsc_khz,
					im->meta, err);
	if (ret)
		return ret;
	im->merge = rs_dat_merge_new(&im->file, &im->probes.layout, im->opts.jobs, err);
	if (!im->merge)
		return -EINVAL;
	ret = rs_dat_survey(&im->survey, im->merge, &im->probes, err);
	if (!ret && find_algo(im))
		ret = rs_error_nomem(err);
	if (!ret)
		ret = rs_dat_merge_rewind(im->merge, err);
	return ret ? ret : start(im, err);
}

static void *import_open(struct rs_source *src, const struct rs_reader_opts *opts,
			 struct rs_trace_meta *meta, struct rs_error *err)
{
	struct import *im = calloc(1, sizeof(*im));
	int ret = im ? 0 : rs_error_nomem(err);

	if (im) {
		im->src = src;
		im->meta = meta;
		im->fd = -1;
		im->file.fd = -1;
		if (opts)
			im->opts = *opts;
		ret = start_all(im, err);
	}
	if (!ret)
		return im;
	import_close(im);
	errno = -ret;
	return NULL;
}

/* Where a recording in pieces pauses and goes on. */
static RS_SELDOM int take_seam(struct import *im, uint64_t time_ns)
{
	const bool pause = im->seams.paused;

	/* A marker between them was lost: the stream is told of it all the same. */
	if (im->seams.half && rs_meta_add_anomaly(im->meta, "seam-incomplete", 1))
		return -ENOMEM;
	if (time_ns > im->now_ns)
		im->now_ns = time_ns;
	return im->tp ? rs_dat_tp_seam(im->tp, pause, time_ns, &im->out)
		      : rs_dat_pair_seam(im->pair, pause, time_ns);
}

/* A text in the trace: perhaps a fact, and perhaps one that matters here. */
static RS_SELDOM int take_marker(struct import *im, const struct rs_dat_probe *e)
{
	const char *retry;

	if (rs_dat_info_marker(e->text, e->text_size, im->meta))
		return -ENOMEM;
	retry = rs_meta_fact(im->meta, RS_FACT_RET_PF_RETRY);
	if (retry && im->pair)
		rs_dat_pair_set_retry(im->pair, strtoll(retry, NULL, 10));
	return 0;
}

static int take_event(struct import *im, const struct rs_dat_probe *e)
{
	const enum rs_dat_seam seam = rs_dat_seam_at(&im->seams, e);

	if (seam != RS_DAT_NO_SEAM)
		return seam == RS_DAT_SEAM ? take_seam(im, e->time) : 0;
	if (e->kind == RS_DAT_MARKER)
		return take_marker(im, e);
	if (e->time > im->now_ns)
		im->now_ns = e->time;
	return im->tp ? rs_dat_tp_put(im->tp, e, &im->out) : rs_dat_pair_put(im->pair, e);
}

/* The last event was taken. */
static RS_SELDOM int finish(struct import *im)
{
	const uint64_t back = rs_dat_merge_back(im->merge);
	int ret = im->tp ? rs_dat_tp_finish(im->tp, &im->out) : rs_dat_pair_finish(im->pair);

	im->ended = true;
	if (!ret && back)
		ret = rs_meta_add_anomaly(im->meta, "time-backwards", back);
	if (!ret && im->opts.repair)
		ret = rs_dat_damage_tell(&im->repair.damage, rs_dat_merge_damage(im->merge),
					 im->meta);
	if (!ret)
		ret = rs_dat_info_unmarked(&im->file, im->meta);
	for (size_t i = 0; im->pair && i < rs_dat_pair_nr_vms(im->pair) && !ret; i++) {
		const struct rs_dat_vm *vm = rs_dat_pair_vm(im->pair, i);

		ret = rs_dat_info_vm(&im->names.comms, vm->number, vm->pid, im->meta);
	}
	return ret;
}

static int read_batch(struct import *im, struct rs_error *err)
{
	const struct rs_dat_record *r;
	struct rs_dat_probe e;

	for (int i = 0; i < BATCH; i++) {
		int ret = rs_dat_merge_next(im->merge, &r, err);

		if (ret < 0)
			return ret;
		if (!ret)
			return finish(im) ? not_taken(im, err) : 0;
		ret = rs_dat_probe_decode(&im->probes, r, &e, err);
		if (ret)
			return ret;
		if (take_event(im, &e))
			return not_taken(im, err);
	}
	return 0;
}

/* Merges the sorted runs [a, b) and [b, c) of @from into @to; the first one's go first. */
static void merge_runs(const struct rs_event *from, size_t a, size_t b, size_t c,
		       struct rs_event *to)
{
	size_t i = a, j = b;

	for (size_t k = a; k < c; k++)
		to[k] = i < b && (j == c || from[i].time_ns <= from[j].time_ns) ? from[i++]
										: from[j++];
}

/* Merges the VMs' events, of which each starts at its place in @starts, by time. */
static int merge_vms(struct import *im, size_t *starts, size_t n)
{
	struct rs_event *other = malloc(im->out.room * sizeof(*other));

	if (!other)
		return -ENOMEM;
	for (; n > 1; n = (n + 1) / 2) {
		struct rs_event *swap = im->out.ev;

		for (size_t i = 0; i < n; i += 2) {
			const size_t b = i + 1 < n ? starts[i + 1] : im->out.nr;
			const size_t c = i + 2 < n ? starts[i + 2] : im->out.nr;

			merge_runs(im->out.ev, starts[i], b, c, other);
			starts[i / 2] = starts[i];
		}
		im->out.ev = other;
		other = swap;
	}
	free(other);
	return 0;
}

static int settle_vms(struct import *im, uint64_t *until)
{
	const uint64_t now = im->ended ? UINT64_MAX : im->now_ns;

	*until = now;
	for (size_t i = 0; i < rs_dat_pair_nr_vms(im->pair); i++) {
		uint64_t settled;

		if (rs_dat_order_advance(rs_dat_pair_vm(im->pair, i)->order, now, &settled))
			return -ENOMEM;
		if (settled < *until)
			*until = settled;
	}
	return 0;
}

/* Hands out what is settled in all VMs, merged by time. */
static int collect(struct import *im, struct rs_error *err)
{
	const size_t n = rs_dat_pair_nr_vms(im->pair);
	size_t *starts = malloc((n + 1) * sizeof(*starts));
	uint64_t until;
	int ret = starts ? settle_vms(im, &until) : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++) {
		starts[i] = im->out.nr;
		ret = rs_dat_order_take(rs_dat_pair_vm(im->pair, i)->order, until, &im->out);
	}
	if (!ret && n > 1 && im->out.nr)
		ret = merge_vms(im, starts, n);
	free(starts);
	return ret ? not_taken(im, err) : 0;
}

static int show_progress(struct import *im, struct rs_error *err)
{
	uint64_t done, total;

	if (!im->opts.progress)
		return 0;
	rs_dat_merge_progress(im->merge, &done, &total);
	if (im->opts.progress(im->opts.progress_arg, done, total))
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	return 0;
}

static ssize_t import_next(void *state, const struct rs_event **evs, struct rs_error *err)
{
	struct import *im = state;
	int ret = 0;

	im->out.nr = 0;
	while (!im->ended && !im->out.nr && !ret) {
		ret = read_batch(im, err);
		if (!ret && im->pair)
			ret = collect(im, err);
		if (!ret && rs_dat_names_tell(&im->names, im->out.ev, im->out.nr))
			ret = rs_error_nomem(err);
		if (!ret)
			ret = show_progress(im, err);
	}
	if (ret) {
		im->ended = true;
		return ret;
	}
	/* The end of what was repaired. */
	if (!im->out.nr)
		rs_dat_damage_sum(&im->repair.damage, rs_dat_merge_damage(im->merge), err);
	*evs = im->out.ev;
	return (ssize_t)im->out.nr;
}

static int import_rewind(void *state, struct rs_error *err)
{
	struct import *im = state;
	int ret = rs_dat_merge_rewind(im->merge, err);

	if (ret)
		return ret;
	rs_dat_pair_free(im->pair);
	im->pair = NULL;
	rs_dat_names_rewind(&im->names);
	im->ended = false;
	im->seams = (struct rs_dat_seams){ 0 };
	im->now_ns = 0;
	/* What was found on the way is found again. */
	rs_meta_forget_anomalies(im->meta);
	return start(im, err);
}

const struct rs_form_ops rs_trace_dat_ops = {
	.form = RS_FORM_TRACE_DAT,
	.probe = rs_dat_probe,
	.open = import_open,
	.next = import_next,
	.rewind = import_rewind,
	.close = import_close,
};
