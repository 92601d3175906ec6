// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clean.h"
#include "cli/cli.h"
#include "cli/near.h"
#include "cli/command.h"
#include "traces/synth/synth.h"
#include "traces/trace.h"
#include "base/textbuf.h"

enum { OPT_TO = 256, OPT_LIST, OPT_SHOW, OPT_DIGEST };

#define FORMS "text|binary"

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "write to FILE, not to standard output", 0 },
	{ "to", OPT_TO, FORMS, 0, "the form to write (text)", 0 },
	{ "list", OPT_LIST, NULL, 0, "list the scenarios and the parameters, and exit", 0 },
	{ "show", OPT_SHOW, NULL, 0, "print the value of every parameter, and exit", 0 },
	{ "digest", OPT_DIGEST, NULL, 0,
	  "write no trace, but print how many events it has and a checksum of them", 0 },
	{ 0 },
};

struct synth_args {
	struct rs_synth_params params;
	const char *output;
	enum rs_form form;
	bool list, show, digest;
};

static void find_scenario(struct rs_near *near, const char *name)
{
	const struct rs_synth_scenario_info *s;

	rs_near_init(near, name, strlen(name));
	for (size_t i = 0; (s = rs_synth_scenario(i)); i++)
		rs_near_try(near, s->name, strlen(s->name));
}

/* The parameter @key, or NULL, and what is near. */
static const struct rs_synth_param_info *find_param(struct rs_near *near, const char *key)
{
	const struct rs_synth_param_info *d;

	rs_near_init(near, key, strlen(key));
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		if (!strcmp(d->key, key))
			return d;
		rs_near_try(near, d->key, strlen(d->key));
	}
	rs_near_try(near, "scenario", strlen("scenario"));
	return NULL;
}

/* What is near, of "flat|many:N", without what stands behind the colon; "size" is no such list. */
static void find_value(struct rs_near *near, const char *takes, const char *text)
{
	rs_near_init(near, text, strcspn(text, ":"));
	for (const char *p = takes; strchr(takes, '|') && *p; p += *p == '|') {
		rs_near_try(near, p, strcspn(p, ":|"));
		p += strcspn(p, "|");
	}
}

void rs_cli_synth_set(const struct argp_state *state, struct rs_synth_params *p, const char *key,
		      const char *text)
{
	const char *otherwise = "; `retryscope synth --list` names them";
	const struct rs_synth_param_info *d;
	struct rs_error err = { 0 };
	struct rs_near near;

	if (!rs_synth_set(p, key, text, &err))
		return;
	if (!strcmp(key, "scenario")) {
		find_scenario(&near, text);
	} else if ((d = find_param(&near, key))) {
		find_value(&near, d->takes, text);
		otherwise = "";
	}
	rs_cli_usage(state, "%s%s", err.text, rs_near_hint(&near, otherwise));
}

static error_t parse_parameter(struct argp_state *state, struct synth_args *a, char *arg)
{
	char *value = strchr(arg, '=');

	if (value)
		*value++ = '\0';
	rs_cli_synth_set(state, &a->params, value ? arg : "scenario", value ? value : arg);
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct synth_args *a = state->input;

	switch (key) {
	case 'o':
		a->output = arg;
		return 0;
	case OPT_TO:
		a->form = rs_cli_choice(state, "--to", FORMS, arg) ? RS_FORM_BINARY : RS_FORM_TEXT;
		return 0;
	case OPT_LIST:
		a->list = true;
		return 0;
	case OPT_SHOW:
		a->show = true;
		return 0;
	case OPT_DIGEST:
		a->digest = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_parameter(state, a, arg);
	case ARGP_KEY_NO_ARGS:
		if (!a->list)
			rs_cli_usage(state, "name a scenario; --list has them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_list(const struct rs_synth_params *p)
{
	const struct rs_synth_scenario_info *s;
	const struct rs_synth_param_info *d;
	char value[RS_SYNTH_VALUE];

	puts("Scenarios:");
	for (size_t i = 0; (s = rs_synth_scenario(i)); i++)
		printf("  %-20s %s\n", s->name, s->summary);
	printf("\nParameters, with their values in the scenario \"%s\":\n", p->scenario);
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		rs_synth_get(p, d->key, value, sizeof(value));
		printf("  %s=%s\n      %s (%s)\n", d->key, value, d->summary, d->takes);
	}
}

/* "KEY=VALUE" of the parameter @key. */
static void setting(const struct rs_synth_params *p, const char *key, char *buf, size_t size)
{
	char value[RS_SYNTH_VALUE];

	rs_synth_get(p, key, value, sizeof(value));
	snprintf(buf, size, "%s=%s", key, value);
}

/* All parameters, as they stand on a command line. */
static int all_parameters(const struct rs_synth_params *p, char **text)
{
	const struct rs_synth_param_info *d;
	char words[RS_SYNTH_VALUE + 64];
	size_t size;
	FILE *f = rs_textbuf_open(text, &size);

	if (!f)
		return -1;
	fputs(p->scenario, f);
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		setting(p, d->key, words, sizeof(words));
		rs_command_word(f, words);
	}
	return fclose(f);
}

static int show(const struct rs_synth_params *p)
{
	const struct rs_synth_param_info *d;
	char words[RS_SYNTH_VALUE + 64];

	puts(p->scenario);
	for (size_t i = 0; (d = rs_synth_param(i)); i++) {
		setting(p, d->key, words, sizeof(words));
		rs_clean_put(stdout, words);
		putchar('\n');
	}
	return RS_EXIT_OK;
}

/* The stream is little-endian records; the checksum is over these bytes. */
static int digest(struct rs_synth *s)
{
	uint64_t count[RS_NR_EVENT_TYPES] = { 0 }, events = 0;
	const struct rs_event *evs;
	XXH64_state_t *state = XXH64_createState();
	size_t n;

	if (!state)
		return RS_EXIT_OUTPUT;
	XXH64_reset(state, 0);
	while (!rs_cli_interrupted && (n = rs_synth_next(s, &evs))) {
		XXH64_update(state, evs, n * sizeof(*evs));
		for (size_t i = 0; i < n; i++)
			count[evs[i].type]++;
		events += n;
	}
	printf("%016" PRIx64 " %" PRIu64 " events\n", XXH64_digest(state), events);
	for (unsigned int i = 0; i < RS_NR_EVENT_TYPES; i++)
		if (count[i])
			printf("%16" PRIu64 " %s\n", count[i], rs_event_name(i));
	XXH64_freeState(state);
	return rs_cli_interrupted ? RS_EXIT_INTR : RS_EXIT_OK;
}

/* The trace says how to make it again. */
static int describe(struct rs_trace_meta *meta, const struct synth_args *a, struct rs_error *err)
{
	char *text = NULL;
	int ret = -1;

	if (!all_parameters(&a->params, &text))
		ret = rs_meta_add_fact(meta, "synth", text);
	free(text);
	if (ret)
		return rs_error_nomem(err);
	return 0;
}

static int put_all(struct rs_synth *s, struct rs_writer *w, struct rs_error *err)
{
	const struct rs_event *evs;
	size_t n;

	while ((n = rs_synth_next(s, &evs))) {
		int ret = rs_writer_put(w, evs, n, err);

		if (ret)
			return ret;
		if (rs_cli_interrupted)
			return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	}
	return 0;
}

static int write_trace(const struct synth_args *a, struct rs_synth *s)
{
	struct rs_trace_meta meta = { 0 };
	struct rs_error err = { 0 };
	struct rs_writer *w = rs_writer_open(a->output, a->form, &err);
	int ret;

	if (!w)
		return rs_cli_report(&err);
	ret = describe(&meta, a, &err);
	if (!ret && rs_synth_name(s, &meta.whos))
		ret = rs_error_nomem(&err);
	if (!ret)
		ret = rs_writer_begin(w, &meta, &err);
	if (!ret)
		ret = put_all(s, w, &err);
	if (ret)
		rs_writer_abort(w);
	else
		ret = rs_writer_finish(w, &meta, &err);
	rs_meta_free(&meta);
	return ret ? rs_cli_report(&err) : RS_EXIT_OK;
}

int rs_cmd_synth(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "SCENARIO [KEY=VALUE...]",
		.doc = "Makes a synthetic trace: a guest that faults while its host does "
		       "what the scenario is named after."
		       "\vThe same parameters give the same trace on every machine.",
	};
	struct synth_args a = { .output = "-", .form = RS_FORM_TEXT };
	struct rs_error err = { 0 };
	struct rs_synth *s;
	int ret;

	rs_synth_defaults(&a.params);
	argp_err_exit_status = RS_EXIT_USAGE;
	rs_cli_parse(&argp, argc, argv, 0, &a);
	if (a.list) {
		print_list(&a.params);
		return RS_EXIT_OK;
	}
	if (a.show)
		return show(&a.params);
	s = rs_synth_new(&a.params, &err);
	if (!s)
		return rs_cli_report(&err);
	ret = a.digest ? digest(s) : write_trace(&a, s);
	rs_synth_free(s);
	return ret;
}
