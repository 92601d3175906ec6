// SPDX-License-Identifier: GPL-2.0-only
#include "traces/trace_dat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/source.h"
#include "traces/trace_dat_bytes.h"
#include "traces/trace_dat_file.h"
#include "traces/trace_dat_info.h"
#include "traces/trace_dat_pages.h"
#include "traces/trace_dat_pair.h"
#include "traces/trace_dat_probe.h"
#include "traces/trace_dat_survey.h"

/* Probe events read between two looks at what can be handed out. */
#define BATCH 8192

struct import {
	struct rs_source *src;
	struct rs_reader_opts opts;
	struct rs_trace_meta *meta;
	int fd;
	struct rs_dat_file file;
	struct rs_dat_probes probes;
	struct rs_dat_merge *merge;
	struct rs_dat_survey survey;
	struct rs_dat_pair *pair;
	uint64_t now_ns;
	bool ended, failed;
	struct rs_dat_events out;
};

static void import_close(void *state)
{
	struct import *im = state;

	if (!im)
		return;
	rs_dat_pair_free(im->pair);
	rs_dat_merge_free(im->merge);
	rs_dat_file_close(&im->file);
	if (im->fd >= 0)
		close(im->fd);
	free(im->out.ev);
	free(im);
}

static int open_file(struct import *im, struct rs_error *err)
{
	const char *path = rs_source_seekable_path(im->src, err);
	int ret;

	if (!path)
		return -errno;
	im->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (im->fd < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot open: %s", strerror(errno));
	ret = rs_dat_file_open(&im->file, im->fd, rs_dat_probe_wants, err);
	if (!ret)
		ret = rs_dat_probes_init(&im->probes, &im->file, err);
	return ret;
}

static int start(struct import *im, struct rs_error *err)
{
	im->pair = rs_dat_pair_new(&im->probes, im->survey.mn_offset, im->meta);
	return im->pair ? 0 : rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

static void *import_open(struct rs_source *src, const struct rs_reader_opts *opts,
			 struct rs_trace_meta *meta, struct rs_error *err)
{
	struct import *im = calloc(1, sizeof(*im));
	int ret;

	if (!im) {
		rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	im->src = src;
	im->meta = meta;
	im->fd = -1;
	im->file.fd = -1;
	if (opts)
		im->opts = *opts;
	ret = open_file(im, err);
	if (!ret && rs_dat_info(&im->file, &im->probes, meta))
		ret = rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	if (!ret) {
		im->merge = rs_dat_merge_new(&im->file, &im->probes.layout, err);
		ret = im->merge ? 0 : -EINVAL;
	}
	if (!ret)
		ret = rs_dat_survey(&im->survey, im->merge, &im->probes, err);
	if (!ret)
		ret = rs_dat_merge_rewind(im->merge, err);
	if (!ret)
		ret = start(im, err);
	if (ret) {
		import_close(im);
		errno = -ret;
		return NULL;
	}
	return im;
}

static int no_memory(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

static int read_batch(struct import *im, struct rs_error *err)
{
	struct rs_dat_record r;
	struct rs_dat_probe e;
	int ret = 0;

	for (int i = 0; i < BATCH; i++) {
		ret = rs_dat_merge_next(im->merge, &r, err);
		if (ret < 0)
			return ret;
		if (!ret) {
			im->ended = true;
			return rs_dat_pair_finish(im->pair) ? no_memory(err) : 0;
		}
		ret = rs_dat_probe_decode(&im->probes, &r, &e, err);
		if (ret)
			return ret;
		/* Pages of different CPUs overlap; a CPU's own time never runs back. */
		if (e.time > im->now_ns)
			im->now_ns = e.time;
		if (rs_dat_pair_put(im->pair, &e))
			return no_memory(err);
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct rs_event *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* Hands out what is settled in all VMs, merged by time. */
static int collect(struct import *im, struct rs_error *err)
{
	const uint64_t now = im->ended ? UINT64_MAX : im->now_ns;
	uint64_t until = now;

	im->out.nr = 0;
	for (size_t i = 0; i < rs_dat_pair_nr_vms(im->pair); i++) {
		uint64_t settled;

		if (rs_dat_order_advance(rs_dat_pair_vm(im->pair, i)->order, now, &settled))
			return no_memory(err);
		if (settled < until)
			until = settled;
	}
	for (size_t i = 0; i < rs_dat_pair_nr_vms(im->pair); i++)
		if (rs_dat_order_take(rs_dat_pair_vm(im->pair, i)->order, until, &im->out))
			return no_memory(err);
	if (rs_dat_pair_nr_vms(im->pair) > 1)
		qsort(im->out.ev, im->out.nr, sizeof(*im->out.ev), by_time);
	return 0;
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
		if (!ret)
			ret = collect(im, err);
		if (!ret)
			ret = show_progress(im, err);
	}
	if (ret) {
		im->ended = true;
		return ret;
	}
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
	im->ended = false;
	im->now_ns = 0;
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
