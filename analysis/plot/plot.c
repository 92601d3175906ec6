// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/plot.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/report/derive.h"
#include "analysis/write/units.h"

void rs_plot_title_of(struct rs_figure *fig, const struct rs_plot_input *in, const char *what,
		      const char *tail)
{
	char of[512], kernel[80] = "kernel not known", vms[40];

	if (in->nr_traces)
		snprintf(kernel, sizeof(kernel), "%zu traces", in->nr_traces);
	else if (in->kernel)
		snprintf(kernel, sizeof(kernel), "Linux %s", in->kernel);
	if (in->nr_summed == 1)
		snprintf(vms, sizeof(vms), "VM %" PRIu32, in->vm->vm);
	else if (in->nr_summed)
		snprintf(vms, sizeof(vms), "%zu VMs together", in->nr_summed);
	else
		snprintf(vms, sizeof(vms), "no VM");
	snprintf(of, sizeof(of), "%s, %s, %s: %s", in->source, kernel, vms, tail);
	rs_figure_title(fig, what, of);
}

void rs_plot_title(struct rs_figure *fig, const struct rs_plot_input *in, const char *what)
{
	char tail[128], checked[32], span[32];

	rs_format_count(in->vm->checked, checked, sizeof(checked));
	rs_format_time((double)rs_vm_duration_ns(in->vm), span, sizeof(span));
	snprintf(tail, sizeof(tail), "%s fault%s checked in %s", checked,
		 in->vm->checked == 1 ? "" : "s", span);
	rs_plot_title_of(fig, in, what, tail);
}

void rs_plot_put_ccdf(struct rs_figure *fig, const char *name, const char *columns,
		      const struct rs_hist *h, double scale, double begin, double floor)
{
	double all = (double)h->weight, x = begin;
	uint64_t value, weight, left = h->weight;
	FILE *f = rs_figure_data(fig, name, columns);
	bool begun = false;
	size_t pos = 0;

	while (f && rs_hist_next(h, &pos, &value, &weight)) {
		x = (double)(value < h->min ? h->min : value) / scale;
		if (x >= begin) {
			if (!begun)
				fprintf(f, "%.9g %.9g %" PRIu64 "\n", begin,
					100 * (double)left / all, left);
			begun = true;
			fprintf(f, "%.9g %.9g %" PRIu64 "\n", x, 100 * (double)left / all, left);
		}
		left -= weight;
	}
	if (f)
		fprintf(f, "%.9g %.9g 0\n", begun ? x : begin, floor);
	rs_figure_data_end(fig, f);
}

const struct rs_algo_result *rs_plot_algo(const struct rs_plot_input *in, size_t i)
{
	return &in->vm->algos[in->shown[i]];
}

double rs_plot_time(const struct rs_plot_input *in, uint64_t time_ns, uint64_t span_ns)
{
	/* An event of another VM may be the trace's first; never the other way round. */
	return (double)(time_ns - in->origin_ns) / rs_figure_time_unit(span_ns)->ns;
}

void rs_plot_time_axis(struct rs_figure *fig, const struct rs_plot_input *in, uint64_t begin_ns,
		       uint64_t end_ns)
{
	uint64_t span = end_ns - begin_ns;

	rs_figure_put(fig, "set xlabel 'time since the first event of the trace (%s)'\n",
		      rs_figure_time_unit(span)->name);
	rs_figure_put(fig, "set xrange [%.9g:%.9g]\n", rs_plot_time(in, begin_ns, span),
		      rs_plot_time(in, end_ns, span));
}
