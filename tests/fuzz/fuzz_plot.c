// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cli/plot_data.h"
#include "cli/plot_draw.h"
#include "tests/fuzz/fuzz.h"

/*
 * All that plot does with a file but for running gnuplot: what is drawn of a trace, of a
 * report and of tables, as scripts and data. The first byte says what is drawn, and how.
 */
const char *const fuzz_words[] = {
	"retryscope-events 1\n",
	"\n",
	"0 1 memslot id=0 gfn=0 npages=512 hva=0x100000\n",
	"gfn",
	"hva",
	"exact",
	"null",
	"nan",
	"1e308",
	"18446744073709551615",
	"inval_begin",
	"inval_end",
	"fault_begin",
	"fault_check",
	"\"",
	"'",
	"`",
	"\\",
	"@",
	"{",
	"}",
	"[",
	"]",
	"cell",
	"seed",
	"algorithm",
	NULL,
};

int __wrap_rs_gnuplot_draw(const char *dir, const char *script, const char *output, char **bytes,
			   size_t *size, rs_stop_fn stop, void *arg, struct rs_error *err);

/* Instead of gnuplot, which the linker leads here. */
int __wrap_rs_gnuplot_draw(const char *dir, const char *script, const char *output, char **bytes,
			   size_t *size, rs_stop_fn stop, void *arg, struct rs_error *err)
{
	*bytes = strdup("drawn\n");
	check(*bytes != NULL);
	*size = strlen(*bytes);
	return 0;
}

static void choose(struct plot_order *o, unsigned int how)
{
	const struct rs_plot_type *type;

	o->all = true;
	o->format = how & 1 ? RS_FIGURE_DUMB : RS_FIGURE_SVG;
	o->req.algos = how & 2 ? "gfn,hva,exact" : NULL;
	for (size_t i = 0; (type = rs_plot_type(i)) && o->nr_what < PLOT_MAX_WHAT; i++) {
		if (type->need == RS_PLOT_CLOSED && !(how & 4))
			continue;
		o->what[o->nr_what++] = type;
		o->req.closed |= type->need == RS_PLOT_CLOSED;
	}
	o->req.series = how & 8;
	o->req.map = how & 16;
	for (size_t i = 0; i < o->nr_what;) {
		if ((o->what[i]->need == RS_PLOT_SERIES && !o->req.series) ||
		    (o->what[i]->need == RS_PLOT_MAP && !o->req.map))
			o->what[i] = o->what[--o->nr_what];
		else
			i++;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setenv("TMPDIR", "/dev/shm", 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_piece piece = { data + 1, size - 1 };
	struct plot_order order = { .output_dir = NULL, .output = "/dev/null" };
	struct plot_data d;
	struct rs_error err = { 0 };

	if (!size)
		return 0;
	choose(&order, data[0]);
	order.req.input.path = fuzz_file(0, &piece, 1);
	order.req.input.reader.jobs = 1;
	if (plot_data_load(&d, &order.req, &err)) {
		fuzz_check_error(&err);
		return 0;
	}
	if (plot_draw(&order, &d, NULL, &err))
		fuzz_check_error(&err);
	plot_data_free(&d);
	return 0;
}
