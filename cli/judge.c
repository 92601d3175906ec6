// SPDX-License-Identifier: GPL-2.0-only
#include "cli/judge.h"

#include <errno.h>
#include <string.h>

#include "cli/document.h"
#include "cli/version.h"

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct judge *j = arg;
	struct rs_replay_opts opts = {
		.algos = j->algos,
		.flags = j->flags,
		.kernel_algo = rs_input_kernel_algo(&j->input),
		.strict = j->strict,
		.one_vm = j->input.vm_text,
		.vm = j->input.vm,
	};

	if (j->loop.closed) {
		j->loop.opts.algos = j->algos;
		j->loop.opts.jobs = j->input.reader.jobs;
		j->loop.opts.kernel_algo = opts.kernel_algo;
		j->simulation = rs_closed_new(&j->loop.opts, err);
		if (!j->simulation)
			return -errno;
		opts.observer = rs_closed_observer(j->simulation);
	}
	j->team = rs_team_new(&opts, j->input.reader.jobs, 0, err);
	return j->team ? 0 : -errno;
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct judge *j = arg;

	return rs_team_feed(j->team, evs, n, err);
}

struct rs_result *judge_run(struct judge *j, struct rs_reader **reader, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = j, .start = start, .events = events };
	struct rs_result *r;

	*reader = rs_input_read(&j->input, &sink, err);
	r = *reader ? rs_team_finish(j->team, err) : NULL;
	if (*reader && !r)
		rs_error_set_file(err, j->input.path);
	if (!r || !rs_input_check_vm(&j->input, r->nr_vms, err))
		return r;
	rs_result_free(r);
	return NULL;
}

int judge_simulate(struct judge *j, struct rs_result *r, struct rs_error *err)
{
	return j->simulation ? rs_closed_finish(j->simulation, r, err) : 0;
}

struct rs_report judge_report(const struct judge *j, const struct rs_reader *reader,
			      const struct rs_result *r)
{
	return (struct rs_report){
		.result = r,
		.meta = rs_reader_meta(reader),
		.path = j->input.path,
		.form = rs_form_name(rs_reader_form(reader)),
		.version = RS_VERSION,
		.commit = rs_cli_commit,
		.one_vm = j->input.vm_text,
		.vm = j->input.vm,
	};
}

int judge_sum(struct rs_report *rep, const char *path, char sum[RS_SHA256_TEXT],
	      struct rs_error *err)
{
	int rc = strcmp(rep->path, "-") ? rs_sha256_file(path, sum, &rep->size) : -EINVAL;

	if (!rc)
		rep->sha256 = sum;
	if (!rc || rc == -EINVAL)
		return 0;
	return document_error(err, rep->path, -rc);
}

void judge_end(struct judge *j)
{
	rs_team_free(j->team);
	rs_closed_free(j->simulation);
	j->team = NULL;
	j->simulation = NULL;
}
