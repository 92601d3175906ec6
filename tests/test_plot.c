// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures and gnuplot, without the command line; and that what is collected for
 * plots adds up to exactly what the engine counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/common/skip.h"
#include "analysis/plot/plot.h"
#include "analysis/plot/plot_collect.h"
#include "replay/cut/cut.h"
#include "traces/trace.h"

static struct rs_workdir work;

static int set_up(void **state)
{
	return rs_workdir_open(&work, "/tmp", NULL);
}

static int tear_down(void **state)
{
	char *path = strdup(work.path);
	struct stat st;

	rs_workdir_close(&work);
	assert_int_equal(stat(path, &st), -1);
	free(path);
	return 0;
}

/* All of the file @name that was drawn; for the caller to free. */
static char *slurp(const char *name)
{
	FILE *f = rs_workdir_fopen(&work, name, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(f);
	if (getdelim(&text, &size, '\0', f) < 0)
		text[0] = '\0';
	fclose(f);
	return text;
}

static void script(const char *name, const char *text)
{
	FILE *f = rs_workdir_fopen(&work, name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool no_gnuplot(void)
{
	script("probe.gp", "print 1\n");
	return rs_gnuplot_run(work.path, "probe.gp", NULL, NULL, NULL) != 0;
}

static int stop_at_once(void *arg)
{
	++*(int *)arg;
	return 1;
}

static void gnuplot_says_what_fails(void **state)
{
	struct rs_error err = { 0 };
	int asked = 0;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	script("bad.gp", "x = 1\nset nonsense\n");
	assert_int_equal(rs_gnuplot_run(work.path, "bad.gp", NULL, NULL, &err), -EIO);
	assert_int_equal(err.kind, RS_ERR_SYSTEM);
	assert_non_null(strstr(err.text, "gnuplot: \"bad.gp\" line 2: "));

	script("slow.gp", "pause 1000\n");
	assert_int_equal(rs_gnuplot_run(work.path, "slow.gp", stop_at_once, &asked, &err), -EINTR);
	assert_int_equal(err.kind, RS_ERR_INTR);
	assert_true(asked > 0);
}

static void gnuplot_that_is_missing(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct rs_error err = { 0 };

	setenv("PATH", "/nonexistent", 1);
	script("a.gp", "");
	assert_int_equal(rs_gnuplot_run(work.path, "a.gp", NULL, NULL, &err), -ENOENT);
	setenv("PATH", path, 1);
	free(path);
	assert_int_equal(err.kind, RS_ERR_HOST);
	assert_non_null(strstr(err.text, "install gnuplot-nox"));
}

static void begin(struct rs_figure *fig, enum rs_figure_format format, const char *output)
{
	assert_int_equal(rs_figure_begin(fig, &work, "figure", output, format, NULL), 0);
	rs_figure_size(fig, 600, 300, 10);
}

/* Nothing in a text is taken for anything but text. */
static void texts_are_only_texts(void **state)
{
	static const char what[] = "it's `touch pwned` \"a\" $(b) {c}_1^2 @d ~e \\n %s & <f>";
	struct rs_figure fig;
	struct stat st;
	char *text;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	begin(&fig, RS_FIGURE_SVG, "figure.svg");
	rs_figure_title(&fig, what, "two\nlines\tand \x01 more");
	rs_figure_nothing(&fig, what);
	assert_int_equal(rs_figure_draw(&fig, NULL, NULL, NULL), 0);
	text = slurp("figure.svg");
	assert_non_null(strstr(text, "touch pwned"));
	assert_non_null(strstr(text, "{c}_1^2 @d ~e \\n %s &amp; &lt;f>"));
	assert_non_null(strstr(text, "two?lines?and ? more"));
	assert_int_equal(stat("pwned", &st), -1);
	free(text);
}

static void long_titles_are_cut(void **state)
{
	struct rs_figure fig;
	char what[400], *text;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	for (size_t i = 0; i + 2 < sizeof(what); i += 2)
		memcpy(what + i, "\xc3\xa4", 3); /* a-umlaut: two bytes, one column */
	begin(&fig, RS_FIGURE_SVG, "figure.svg");
	rs_figure_title(&fig, what, "short");
	rs_figure_nothing(&fig, "x");
	assert_int_equal(rs_figure_draw(&fig, NULL, NULL, NULL), 0);
	text = slurp("figure.gp");
	assert_non_null(strstr(text, "\xc3\xa4...'"));
	assert_null(strstr(text, "\xc3..."));
	free(text);

	begin(&fig, RS_FIGURE_DUMB, "figure.txt");
	rs_figure_title(&fig, "a title",
			"first part of it, which is rather long, second part, and "
			"the third: the last");
	rs_figure_nothing(&fig, "x");
	assert_int_equal(rs_figure_draw(&fig, NULL, NULL, NULL), 0);
	text = slurp("figure.txt");
	if (strstr(text, "a title\n"
			 "first part of it, which is rather long, second part, and the third:\n"
			 "the last\n") != text)
		fail_msg("not the lines wanted:\n%s", text);
	free(text);
}

static void figures_that_cannot_be_written(void **state)
{
	struct rs_workdir nowhere = { .path = (char *)"/nonexistent" };
	struct rs_error err = { 0 };
	struct rs_figure fig;

	assert_int_equal(rs_figure_begin(&fig, &nowhere, "f", "f.svg", RS_FIGURE_SVG, &err),
			 -ENOENT);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_string_equal(err.file, "f.svg");

	begin(&fig, RS_FIGURE_SVG, "f.svg");
	fig.dir = &nowhere;
	assert_null(rs_figure_data(&fig, "data", "x"));
	rs_figure_data_end(&fig, NULL);
	assert_int_equal(rs_figure_draw(&fig, NULL, NULL, &err), -ENOENT);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);

	begin(&fig, RS_FIGURE_SVG, "f.svg");
	rs_figure_abort(&fig);
}

/* What the file of @dir has, at most some bytes of it. */
static const char *content(const char *dir, const char *name)
{
	static char text[64];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void folders_deliver(void **state)
{
	static const char *const names[] = { "one.dat", "two.dat", "three.gp" };
	struct rs_error err = { 0 };
	struct rs_workdir to;
	char path[256], **list;
	struct stat st;
	size_t n;

	assert_int_equal(rs_workdir_open(&to, "/tmp", NULL), 0);
	script("two.dat", "2");
	script("one.dat", "1");
	script("three.gp", "3");
	list = rs_workdir_list(&work, ".dat", &n);
	assert_non_null(list);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(list[i], names[i]);
		free(list[i]);
	}
	free(list);
	assert_int_equal(rs_workdir_deliver(&work, names, 3, to.path, &err), 0);
	assert_string_equal(content(to.path, "one.dat"), "1");
	assert_string_equal(content(to.path, "three.gp"), "3");
	/* All or none: the last one cannot get its name, so the first keeps what it had. */
	snprintf(path, sizeof(path), "%s/three.gp", to.path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	script("one.dat", "new");
	assert_int_equal(rs_workdir_deliver(&work, names, 3, to.path, &err), -EISDIR);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_string_equal(content(to.path, "one.dat"), "1");
	assert_int_equal(rmdir(path), 0);
	/* A mode that was given stays. */
	snprintf(path, sizeof(path), "%s/one.dat", to.path);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rs_workdir_deliver(&work, names, 1, to.path, &err), 0);
	assert_string_equal(content(to.path, "one.dat"), "new");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rs_workdir_deliver(&work, &(const char *){ "none" }, 1, to.path, &err),
			 -ENOENT);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(rs_workdir_deliver(&work, names, 1, "/proc/none/there", &err), -ENOENT);
	list = rs_workdir_list(&to, ".tmp", &n);
	assert_int_equal(n, 0);
	free(list);
	rs_workdir_close(&to);
	assert_int_equal(rs_workdir_open(&to, "/nonexistent", &err), -ENOENT);
	assert_string_equal(err.file, "/nonexistent");
}

/* gnuplot ends well wherever its output goes: all of it comes through us, or nothing. */
static void pictures_come_whole(void **state)
{
	static const char draw[] = "set terminal svg\nset output 'p.svg'\nplot x\nset output\n";
	struct rs_error err = { 0 };
	char *bytes = NULL;
	size_t size = 0;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	script("p.gp", draw);
	assert_int_equal(
		rs_gnuplot_draw(work.path, "p.gp", "p.svg", &bytes, &size, NULL, NULL, &err), 0);
	assert_true(size > 9);
	assert_memory_equal(bytes, "<?xml", 5);
	assert_memory_equal(bytes + size - 8, "</svg>\n", 7);
	free(bytes);
	/* Nothing is left of the way that it came. */
	assert_null(rs_workdir_fopen(&work, "p.svg", "r"));
	script("bad.gp", "set nonsense\n");
	assert_int_equal(
		rs_gnuplot_draw(work.path, "bad.gp", "p.svg", &bytes, &size, NULL, NULL, &err),
		-EIO);
	assert_non_null(strstr(err.text, "bad.gp"));
}

/* A terminal of the user's choice that this gnuplot lacks has no say. */
static void pictures_and_gnuterm(void **state)
{
	struct rs_error err = { 0 };
	struct rs_figure fig;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	setenv("GNUTERM", "no-such-terminal", 1);
	assert_int_equal(rs_figure_begin(&fig, &work, "g", "g.svg", RS_FIGURE_SVG, &err), 0);
	rs_figure_size(&fig, 400, 300, 20);
	rs_figure_nothing(&fig, "nothing");
	assert_int_equal(rs_figure_draw(&fig, NULL, NULL, &err), 0);
	unsetenv("GNUTERM");
}

static void table_of_plots(void **state)
{
	size_t n = 0;

	for (const struct rs_plot_type *t; (t = rs_plot_type(n)); n++) {
		assert_ptr_equal(rs_plot_find(t->name), t);
		assert_true(strlen(t->summary) > 0);
	}
	assert_true(n >= 4);
	assert_null(rs_plot_find("pie"));
	for (unsigned int f = 0; f < RS_FIGURE_NR_FORMATS; f++)
		assert_non_null(rs_figure_format_name(f));
	assert_null(rs_figure_format_name(RS_FIGURE_NR_FORMATS));
}

static void time_units(void **state)
{
	assert_string_equal(rs_figure_time_unit(0)->name, "ns");
	assert_string_equal(rs_figure_time_unit(2999)->name, "ns");
	assert_string_equal(rs_figure_time_unit(3000)->name, "us");
	assert_string_equal(rs_figure_time_unit(3000000000ULL)->name, "s");
	assert_string_equal(rs_figure_time_unit(UINT64_MAX)->name, "h");
}

#define NR_ALGOS 40

/* As many algorithms as nobody has, with figures as large as they can be. */
static void make_extreme(struct rs_vm_result *vm, struct rs_algo_result *algos, char names[][64])
{
	*vm = (struct rs_vm_result){ .vm = UINT32_MAX,
				     .end_ns = UINT64_MAX,
				     .checked = UINT64_MAX,
				     .mean_frames = 1e18,
				     .algos = algos };
	for (size_t i = 0; i < NR_ALGOS; i++) {
		struct rs_algo_result *a = &algos[i];

		snprintf(names[i], 64, "an-algorithm-with-a-rather-long-name:%zu", i);
		*a = (struct rs_algo_result){ .name = names[i],
					      .rejected = UINT64_MAX,
					      .spurious = UINT64_MAX - 1,
					      .missed = UINT64_MAX / 2,
					      .blocked_page_ns = ~(unsigned __int128)0,
					      .blocked_max = UINT64_MAX };
		a->causes[i % RS_NR_CAUSES] = UINT64_MAX - 1;
		rs_hist_add(&a->widening_epoch, i * i * 1000, 1000000 * i + 1);
		rs_hist_add(&a->widening_epoch, UINT64_MAX, 1);
	}
}

static struct rs_series *extreme_series(void)
{
	struct rs_series *s = rs_series_new(NR_ALGOS + 1);
	uint64_t values[NR_ALGOS + 1];

	assert_non_null(s);
	for (size_t i = 0; i <= NR_ALGOS; i++)
		values[i] = i % 2 ? UINT64_MAX : 0;
	rs_series_set(s, 0, values);
	memset(values, 0, sizeof(values));
	rs_series_set(s, UINT64_MAX / 2, values);
	rs_series_finish(s, UINT64_MAX);
	return s;
}

static void draw(const struct rs_plot_type *type, const struct rs_plot_input *in,
		 enum rs_figure_format format)
{
	struct rs_error err = { 0 };
	struct rs_figure fig;
	char *text;

	assert_int_equal(rs_figure_begin(&fig, &work, type->name, "picture", format, &err), 0);
	type->draw(&fig, in);
	if (rs_figure_draw(&fig, NULL, NULL, &err))
		fail_msg("%s as %s: %s", type->name, rs_figure_format_name(format), err.text);
	text = slurp("picture");
	assert_true(strlen(text) > 0);
	free(text);
	/* gnuplot warns of what it leaves out. */
	text = slurp("gnuplot.err");
	if (text[0])
		fail_msg("%s as %s: %s", type->name, rs_figure_format_name(format), text);
	free(text);
}

static void draw_everything(const struct rs_plot_input *in)
{
	for (size_t i = 0; rs_plot_type(i)->need < RS_PLOT_SWEEP; i++)
		for (unsigned int f = 0; f < RS_FIGURE_NR_FORMATS; f++)
			draw(rs_plot_type(i), in, f);
}

/* Stalls and retries of all sizes, from nothing to what 64 bits hold. */
static void make_closed(struct rs_vm_result *vm, struct rs_closed_algo *closed)
{
	vm->closed = (struct rs_closed_vm){ .arrivals = "recorded",
					    .retry_gap_ns = UINT64_MAX,
					    .retry_gap_assumed = true,
					    .logical_faults = UINT64_MAX };
	for (size_t i = 0; i < NR_ALGOS; i++) {
		rs_hist_add(&closed[i].stall_ns, 0, 10000000);
		rs_hist_add(&closed[i].stall_ns, i, i);
		rs_hist_add(&closed[i].stall_ns, UINT64_MAX >> i, 1);
		rs_hist_add(&closed[i].retries_per_fault, i, i + 1);
		vm->algos[i].closed = &closed[i];
	}
}

static void extremes_can_be_drawn(void **state)
{
	static struct rs_algo_result algos[NR_ALGOS];
	static struct rs_closed_algo closed[NR_ALGOS];
	static char names[NR_ALGOS][64];
	struct rs_vm_result vm;
	size_t shown[NR_ALGOS];
	struct rs_plot_input in = { .source = "extreme",
				    .kernel = "99.99",
				    .vm = &vm,
				    .nr_summed = 1,
				    .shown = shown,
				    .nr_shown = NR_ALGOS,
				    .nr_algos = NR_ALGOS };
	struct rs_series *series;

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	make_extreme(&vm, algos, names);
	make_closed(&vm, closed);
	for (size_t i = 0; i < NR_ALGOS; i++)
		shown[i] = NR_ALGOS - 1 - i;
	in.series = series = extreme_series();
	draw_everything(&in);
	in.nr_shown = 1;
	in.think = &vm;
	draw_everything(&in);
	rs_series_free(series);
	for (size_t i = 0; i < NR_ALGOS; i++) {
		rs_hist_free(&algos[i].widening_epoch);
		rs_closed_algo_clear(&closed[i]);
	}
}

/* All that is left of the axis's begin is in the share that the curve enters with. */
static void curves_lose_nothing(void **state)
{
	struct rs_hist h = { 0 };
	struct rs_figure fig;
	char *text;

	rs_hist_add(&h, 0, 5);
	rs_hist_add(&h, 3, 3);
	rs_hist_add(&h, 10, 1);
	rs_hist_add(&h, 200, 1);
	begin(&fig, RS_FIGURE_SVG, "f.svg");
	rs_plot_put_ccdf(&fig, "some", "columns", &h, 1, 5, 0.5);
	rs_plot_put_ccdf(&fig, "all", "columns", &h, 10, 0, 0.5);
	rs_plot_put_ccdf(&fig, "beyond", "columns", &h, 1, 1000, 0.5);
	rs_figure_abort(&fig);
	rs_hist_free(&h);
	text = slurp("figure-some.dat");
	assert_string_equal(text, "# columns\n5 20 2\n10 20 2\n200 10 1\n200 0.5 0\n");
	free(text);
	text = slurp("figure-all.dat");
	assert_string_equal(text, "# columns\n0 100 10\n0 100 10\n0.3 50 5\n1 20 2\n20 10 1\n"
				  "20 0.5 0\n");
	free(text);
	text = slurp("figure-beyond.dat");
	assert_string_equal(text, "# columns\n1000 0.5 0\n");
	free(text);
}

static void nothing_can_be_drawn(void **state)
{
	struct rs_vm_result vm = { 0 };
	struct rs_plot_input in = { .source = "nothing", .vm = &vm };

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	draw_everything(&in);
}

/* ---- what is collected, against what is counted ---- */

/* Of @piece of the trace; NULL: of all of it. */
static struct rs_result *replay_piece(const char *path, const char *algos,
				      const struct rs_observer *o, const struct rs_cut_opts *piece)
{
	const struct rs_cut_opts all = { 0 };
	struct rs_error err = { .offset = -1 };
	struct rs_replay_opts opts = { .algos = algos, .flags = RS_REPLAY_ALL, .observer = o };
	struct rs_reader *reader = rs_reader_open(path, NULL, &err);
	struct rs_replay *engine = rs_replay_new(&opts, &err);
	struct rs_cut *cut = rs_cut_new(piece ? piece : &all, &err);
	const struct rs_event *evs;
	struct rs_result *r;
	ssize_t n;

	assert_non_null(reader);
	assert_non_null(engine);
	assert_non_null(cut);
	while ((n = rs_reader_next(reader, &evs, &err)) > 0) {
		n = rs_cut_feed(cut, evs, (size_t)n, &evs, &err);
		assert_true(n >= 0);
		assert_int_equal(rs_replay_feed(engine, evs, (size_t)n, &err), 0);
	}
	assert_int_equal(n, 0);
	r = rs_replay_finish(engine, &err);
	assert_non_null(r);
	rs_cut_free(cut);
	rs_replay_free(engine);
	rs_reader_close(reader);
	return r;
}

static struct rs_result *replay(const char *path, const char *algos, const struct rs_observer *o)
{
	return replay_piece(path, algos, o, NULL);
}

static void check_series(const struct rs_series *s, const struct rs_vm_result *vm, size_t nr_algos)
{
	for (size_t a = 0; a < nr_algos; a++) {
		unsigned __int128 page_ns = 0;
		uint64_t max = 0;

		for (size_t i = 0; i < rs_series_nr_bins(s); i++) {
			const struct rs_series_bin *b = rs_series_bin(s, a, i);

			page_ns += b->value_ns;
			max = b->max > max ? b->max : max;
		}
		assert_true(page_ns == vm->algos[a].blocked_page_ns);
		assert_int_equal(max, vm->algos[a].blocked_max);
	}
}

static unsigned __int128 sum_layer(const struct rs_map *map, enum rs_map_layer layer)
{
	unsigned __int128 sum = 0;

	for (uint32_t c = 0; c < rs_map_nr_cols(map); c++)
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r++)
			sum += rs_map_page_ns(map, layer, c, r);
	return sum;
}

static uint64_t sum_faults(const struct rs_map *map, enum rs_map_fault kind)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < rs_map_nr_cols(map); c++)
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r++)
			sum += rs_map_faults(map, kind, c, r);
	return sum;
}

/*
 * Exact adds up in the map if there is one address space. The range does so
 * only where all frames of the axis are in memslots all the time.
 */
static void check_map(const struct rs_map *map, const struct rs_vm_result *vm, bool one_space)
{
	const struct rs_algo_result *gfn = &vm->algos[0], *exact = &vm->algos[1];

	if (one_space)
		assert_true(sum_layer(map, RS_MAP_COVERED) == exact->blocked_page_ns);
	assert_true(sum_layer(map, RS_MAP_RANGE) * (one_space ? 1 : 2) >= gfn->blocked_page_ns);
	assert_int_equal(sum_faults(map, RS_MAP_NECESSARY), gfn->rejected - gfn->spurious);
	assert_int_equal(sum_faults(map, RS_MAP_SPURIOUS_SEQ), gfn->causes[RS_CAUSE_SEQ]);
	assert_int_equal(sum_faults(map, RS_MAP_SPURIOUS),
			 gfn->spurious - gfn->causes[RS_CAUSE_SEQ]);
	assert_int_equal(sum_faults(map, RS_MAP_MISSED), gfn->missed);
	assert_int_equal(sum_faults(map, RS_MAP_ACCEPTED),
			 vm->checked - gfn->rejected - gfn->missed);
}

static void collect(const char *path, bool one_space)
{
	struct rs_plot_collect_opts opts = { .series = true, .map = true };
	struct rs_plot_collect *c = rs_plot_collect_new(&opts);
	uint64_t from_ns, until_ns;
	struct rs_result *r;

	assert_non_null(c);
	r = replay(path, "global,hva,gfn,exact", rs_plot_collect_first(c));
	assert_int_equal(rs_plot_collect_first_done(c, r), 0);
	assert_true(r->nr_vms > 0);
	for (size_t i = 0; i < r->nr_vms; i++)
		check_series(rs_plot_collect_vm(c, r->vms[i].vm)->series, &r->vms[i], r->nr_algos);
	rs_result_free(r);

	assert_false(rs_plot_collect_zooms(c, &from_ns, &until_ns));
	r = replay(path, "gfn,exact", rs_plot_collect_second(c));
	assert_int_equal(rs_plot_collect_second_done(c, r), 0);
	for (size_t i = 0; i < r->nr_vms; i++)
		check_map(rs_plot_collect_vm(c, r->vms[i].vm)->map, &r->vms[i], one_space);
	rs_result_free(r);
	assert_null(rs_plot_collect_vm(c, 12345));
	rs_plot_collect_free(c);
}

/* Range and faults of the worst epoch are those of the whole, in more columns. */
static void check_zoom(const struct rs_plot_vm *v)
{
	const uint64_t begin = rs_map_col_ns(v->zoom, 0);
	const uint64_t end = rs_map_col_ns(v->zoom, rs_map_nr_cols(v->zoom));

	assert_true(v->worst.needless > 0);
	assert_true(begin <= v->worst.begin_ns && end >= v->worst.end_ns);
	assert_true(end - begin <= (v->worst.end_ns - v->worst.begin_ns) * 6 / 5 + 2);
	assert_true(sum_faults(v->zoom, RS_MAP_SPURIOUS) >= v->worst.needless);
	assert_true(sum_faults(v->zoom, RS_MAP_SPURIOUS) <= sum_faults(v->map, RS_MAP_SPURIOUS));
	assert_true(sum_layer(v->zoom, RS_MAP_RANGE) >=
		    sum_layer(v->zoom, RS_MAP_COVERED) + v->worst.needless_area);
}

/* All that is in a map, as one number: a sum in which each cell and kind has its own weight. */
static unsigned __int128 mix_map(const struct rs_map *map)
{
	unsigned __int128 sum = 0;

	for (uint32_t c = 0; c < rs_map_nr_cols(map); c++) {
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r++) {
			for (unsigned int k = 0; k < RS_MAP_NR_LAYERS; k++)
				sum = sum * 1000003 + rs_map_page_ns(map, k, c, r);
			for (unsigned int k = 0; k < RS_MAP_NR_FAULTS; k++)
				sum = sum * 1000003 + rs_map_faults(map, k, c, r);
		}
	}
	return sum;
}

/* The piece that it takes alone gives the same as the whole, and again. */
static void zoom_into(const char *path)
{
	struct rs_plot_collect_opts opts = { .map = true, .zoom = true };
	struct rs_plot_collect *c = rs_plot_collect_new(&opts);
	struct rs_cut_opts piece = {
		.from = true, .from_absolute = true, .until = true, .until_absolute = true
	};
	unsigned __int128 whole = 0;
	struct rs_result *r;

	assert_non_null(c);
	r = replay(path, "gfn", rs_plot_collect_first(c));
	assert_int_equal(rs_plot_collect_first_done(c, r), 0);
	rs_result_free(r);
	r = replay(path, "gfn", rs_plot_collect_second(c));
	assert_int_equal(rs_plot_collect_second_done(c, r), 0);
	rs_result_free(r);
	assert_true(rs_plot_collect_zooms(c, &piece.from_ns, &piece.until_ns));
	for (unsigned int i = 0; i < 3; i++) {
		const struct rs_plot_vm *v;

		r = replay_piece(path, "gfn", rs_plot_collect_third(c), i ? &piece : NULL);
		assert_int_equal(rs_plot_collect_third_done(c, r), 0);
		v = rs_plot_collect_vm(c, r->vms[0].vm);
		check_zoom(v);
		whole = i ? whole : mix_map(v->zoom);
		assert_true(mix_map(v->zoom) == whole);
		rs_result_free(r);
	}
	rs_plot_collect_free(c);
}

static void zooms_to_the_worst_epoch(void **state)
{
	zoom_into(TRACE_SAMPLES "/6.12-alias3.dat");
	zoom_into(TRACE_SAMPLES "/6.12-churn.dat");
	zoom_into(TRACE_SAMPLES "/6.12-thp.dat");
}

/* What has begun is in progress, though its walk has hit nothing yet: one epoch. */
static void epoch_of_a_walk(void **state)
{
	struct rs_plot_collect_opts opts = { .map = true, .zoom = true };
	struct rs_plot_collect *c = rs_plot_collect_new(&opts);
	const struct rs_plot_vm *v;
	struct rs_result *r;

	assert_non_null(c);
	r = replay(TEST_DATA "/plot/walk.txt", "gfn", rs_plot_collect_first(c));
	assert_int_equal(rs_plot_collect_first_done(c, r), 0);
	rs_result_free(r);
	r = replay(TEST_DATA "/plot/walk.txt", "gfn", rs_plot_collect_second(c));
	assert_int_equal(rs_plot_collect_second_done(c, r), 0);
	v = rs_plot_collect_vm(c, r->vms[0].vm);
	assert_int_equal(v->worst.begin_ns, 1000);
	assert_int_equal(v->worst.end_ns, 5000);
	assert_int_equal(v->worst.needless, 2);
	rs_result_free(r);
	rs_plot_collect_free(c);
}

static void collected_adds_up(void **state)
{
	collect(TEST_DATA "/plot/small.txt", true);
	collect(TRACE_SAMPLES "/6.1-alias3.dat", true);
	collect(TRACE_SAMPLES "/6.12-churn.dat", true);
	collect(TRACE_SAMPLES "/6.12-partial.dat", true);
	collect(TRACE_SAMPLES "/6.1-qemu-pc.dat", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gnuplot_says_what_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gnuplot_that_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_are_only_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_titles_are_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(figures_that_cannot_be_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders_deliver, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pictures_come_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pictures_and_gnuterm, set_up, tear_down),
		cmocka_unit_test(table_of_plots),
		cmocka_unit_test(time_units),
		cmocka_unit_test_setup_teardown(extremes_can_be_drawn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_can_be_drawn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(curves_lose_nothing, set_up, tear_down),
		cmocka_unit_test(collected_adds_up),
		cmocka_unit_test(zooms_to_the_worst_epoch),
		cmocka_unit_test(epoch_of_a_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
