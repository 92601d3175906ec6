// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/faults/faults.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/layout.h"
#include "analysis/write/row.h"
#include "analysis/write/task.h"
#include "base/array.h"
#include "base/clean.h"
#include "base/textbuf.h"
#include "traces/event.h"

/*
 * Of a task or a reason at most, cleaned. However it is quoted, none of its bytes becomes more
 * than six: all five of a row take less than RS_ROW_MOST with its numbers.
 */
#define MOST_OF_NAME 160

/* What a task is called and what it did it for, as a row has them. */
struct names {
	struct rs_label task, reason;
};

/* Where a row goes, and what is needed for it. */
typedef char *put_row(char *p, const struct rs_faults_table *t, const struct rs_fault_row *row,
		      bool wrong);

/*
 * What stands before all rows (0 or -ENOMEM), how a name is quoted, a row (@wrong: it stands out
 * on a terminal), and what stands behind them.
 */
struct rs_faults_format {
	int (*begin)(FILE *f, const char *algo);
	void (*quote)(FILE *f, const char *name);
	put_row *row;
	void (*end)(FILE *f, uint64_t nr, uint64_t found, uint64_t seen);
};

struct rs_faults_table {
	const struct rs_faults_format *format;
	const struct rs_whos *whos;
	struct names *names; /* by the number of whom they are of; of those that have come */
	size_t max_names;
	uint64_t nr; /* rows so far */
	struct rs_row rows;
};

/* What the table of tasks does not have is as unknown as number 0. */
static uint32_t number_of(const struct rs_faults_table *t, uint32_t who)
{
	return who <= t->whos->nr ? who : 0;
}

static const struct names *names_of(const struct rs_faults_table *t, uint32_t who)
{
	return &t->names[number_of(t, who)];
}

static const char *cause_of(const struct rs_fault_row *row, const char *none)
{
	return row->causes ? rs_fault_cause_name(row->cause) : none;
}

/* ---- text ---- */

/* Behind each other so that a row can be told from the next at a glance; names come last. */
static int text_begin(FILE *f, const char *algo)
{
	fprintf(f, "faults, judged by ");
	rs_clean_put(f, algo);
	fprintf(f, "\n%20s %9s %9s %3s %5s %10s %12s %8s %8s %8s %8s %7s %-7s %-10s %s\n",
		"begins (s)", "takes", "stall", "vm", "vcpu", "memslot", "gfn", "attempts",
		"retried", "rejected", "needless", "missed", "last", "cause", "put down to");
	return 0;
}

static void text_quote(FILE *f, const char *name)
{
	fputs(name, f);
}

static char *text_row(char *p, const struct rs_faults_table *t, const struct rs_fault_row *row,
		      bool wrong)
{
	const struct names *by = names_of(t, row->blame.by.who);

	if (wrong)
		p = rs_put_text(p, RS_STANDS_OUT);
	p = rs_field_seconds(p, 20, row->begin_ns, ' ');
	p = rs_field_time(p, 9, row->done_ns - row->begin_ns, ' ');
	p = rs_field_time(p, 9, rs_fault_stall(row), ' ');
	p = rs_field_u64(p, 3, row->vm, ' ');
	p = rs_field_u64(p, 5, row->vcpu, ' ');
	p = rs_field_pair(p, 10, row->as, row->slot, ' ');
	p = rs_field_hex(p, 12, row->gfn, ' ');
	p = rs_field_u64(p, 8, row->attempts, ' ');
	p = rs_field_u64(p, 8, row->retried, ' ');
	p = rs_field_u64(p, 8, row->rejected, ' ');
	p = rs_field_u64(p, 8, row->needless, ' ');
	p = rs_field_u64(p, 7, row->missed, ' ');
	p = rs_field_name(p, 7, rs_result_name(row->result), ' ');
	p = rs_field_name(p, 10, cause_of(row, "-"), ' ');
	if (row->blame.by.number) {
		p = rs_put_text(rs_put_label(p, &by->task), " ");
		p = rs_put_label(p, &by->reason);
	} else {
		p = rs_put_text(p, "-");
	}
	if (wrong)
		p = rs_put_text(p, RS_STANDS_OUT_END);
	return rs_put_text(p, "\n");
}

static void text_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%" PRIu64 " of %" PRIu64 " faults", found, seen);
	if (nr < found)
		fprintf(f, ", of which %" PRIu64 " are shown", nr);
	fputc('\n', f);
}

const struct rs_faults_format rs_faults_text = { text_begin, text_quote, text_row, text_end };

/* ---- CSV ---- */

static int csv_begin(FILE *f, const char *algo)
{
	fputs("begin_ns,done_ns,stall_ns,vm,vcpu,thread,memslot,gfn,private,attempts,"
	      "recorded_retries,rejected_faults,spurious_faults,missed_faults,differ,result,cause,"
	      "task,reason,inval_id,inval_begin_ns,inval_space,inval_start,inval_end\n",
	      f);
	return 0;
}

static char *csv_row(char *p, const struct rs_faults_table *t, const struct rs_fault_row *row,
		     bool wrong)
{
	const struct rs_blamed *by = &row->blame.by;
	const struct names *names = names_of(t, by->who);

	p = rs_field_u64(p, 0, row->begin_ns, ',');
	p = rs_field_u64(p, 0, row->done_ns, ',');
	p = rs_field_u64(p, 0, rs_fault_stall(row), ',');
	p = rs_field_u64(p, 0, row->vm, ',');
	p = rs_field_u64(p, 0, row->vcpu, ',');
	p = rs_put_text(rs_put_label(p, &names_of(t, row->who)->task), ",");
	p = rs_field_pair(p, 0, row->as, row->slot, ',');
	p = rs_field_hex(p, 0, row->gfn, ',');
	p = rs_field_u64(p, 0, row->private, ',');
	p = rs_field_u64(p, 0, row->attempts, ',');
	p = rs_field_u64(p, 0, row->retried, ',');
	p = rs_field_u64(p, 0, row->rejected, ',');
	p = rs_field_u64(p, 0, row->needless, ',');
	p = rs_field_u64(p, 0, row->missed, ',');
	p = rs_field_u64(p, 0, row->differ, ',');
	p = rs_field_name(p, 0, rs_result_name(row->result), ',');
	p = rs_field_name(p, 0, cause_of(row, ""), ',');
	if (!by->number)
		return rs_put_text(p, ",,,,,,\n");
	p = rs_put_text(rs_put_label(p, &names->task), ",");
	p = rs_put_text(rs_put_label(p, &names->reason), ",");
	p = rs_field_u64(p, 0, by->id, ',');
	p = rs_field_u64(p, 0, by->begin_ns, ',');
	p = by->gfn ? rs_put_text(p, "gfn,") : rs_put_text(p, "hva,");
	p = rs_field_hex(p, 0, by->start, ',');
	return rs_field_hex(p, 0, by->end, '\n');
}

static void csv_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
}

const struct rs_faults_format rs_faults_csv = { csv_begin, rs_csv_text, csv_row, csv_end };

/* ---- JSON ---- */

static int json_begin(FILE *f, const char *algo)
{
	json_t *name = rs_json_text(algo);

	if (!name)
		return -ENOMEM;
	fputs("{\n  \"schema\": \"retryscope-faults/2\",\n  \"algorithm\": ", f);
	rs_json_put(f, name);
	fputs(",\n  \"faults\": [", f);
	json_decref(name);
	return 0;
}

/* Beyond 2^53 as a string, as everywhere else (json_exact.h). What comes next has a comma. */
RS_LOOP_PART char *json_u64(char *p, const char *key, uint64_t v)
{
	p = rs_put_text(p, key);
	if (v <= RS_JSON_MAX_INTEGER)
		return rs_field_u64(p, 0, v, ',');
	p = rs_field_u64(rs_put_text(p, "\""), 0, v, '"');
	return rs_put_text(p, ",");
}

static char *json_blamed(char *p, const struct rs_faults_table *t, const struct rs_blamed *b)
{
	const struct names *names = names_of(t, b->who);

	if (!b->number)
		return rs_put_text(p, "null");
	p = rs_put_label(rs_put_text(p, "{\"task\": "), &names->task);
	p = rs_put_label(rs_put_text(p, ", \"reason\": "), &names->reason);
	p = json_u64(p, ", \"id\": ", b->id);
	p = json_u64(p, " \"begin_ns\": ", b->begin_ns);
	p = b->gfn ? rs_put_text(p, " \"space\": \"gfn\"") : rs_put_text(p, " \"space\": \"hva\"");
	p = rs_field_hex(rs_put_text(p, ", \"start\": \""), 0, b->start, '"');
	p = rs_field_hex(rs_put_text(p, ", \"end\": \""), 0, b->end, '"');
	return rs_put_text(p, "}");
}

/* As rs_json_put() would write it, which takes several times as long. */
static char *json_row(char *p, const struct rs_faults_table *t, const struct rs_fault_row *row,
		      bool wrong)
{
	const char *cause = cause_of(row, NULL);

	p = rs_put_text(t->nr ? rs_put_text(p, ",") : p, "\n    {");
	p = json_u64(p, "\"begin_ns\": ", row->begin_ns);
	p = json_u64(p, " \"done_ns\": ", row->done_ns);
	p = json_u64(p, " \"stall_ns\": ", rs_fault_stall(row));
	p = json_u64(p, " \"vm\": ", row->vm);
	p = json_u64(p, " \"vcpu\": ", row->vcpu);
	p = rs_put_label(rs_put_text(p, " \"thread\": "), &names_of(t, row->who)->task);
	p = rs_put_text(p, ", \"memslot\": \"");
	p = rs_field_pair(p, 0, row->as, row->slot, '"');
	p = rs_field_hex(rs_put_text(p, ", \"gfn\": \""), 0, row->gfn, '"');
	p = row->private ? rs_put_text(p, ", \"private\": true,")
			 : rs_put_text(p, ", \"private\": false,");
	p = json_u64(p, " \"attempts\": ", row->attempts);
	p = json_u64(p, " \"recorded_retries\": ", row->retried);
	p = json_u64(p, " \"rejected\": ", row->rejected);
	p = json_u64(p, " \"spurious\": ", row->needless);
	p = json_u64(p, " \"missed\": ", row->missed);
	p = json_u64(p, " \"differ\": ", row->differ);
	p = rs_put_text(p, " \"result\": \"");
	p = rs_field_name(p, 0, rs_result_name(row->result), '"');
	if (cause)
		p = rs_field_name(rs_put_text(p, ", \"cause\": \""), 0, cause, '"');
	else
		p = rs_put_text(p, ", \"cause\": null");
	p = json_blamed(rs_put_text(p, ", \"blamed\": "), t, &row->blame.by);
	p = json_blamed(rs_put_text(p, ", \"widened\": "), t, &row->blame.widened);
	return rs_put_text(p, "}");
}

static void json_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%s],\n  \"found\": %" PRIu64 ",\n  \"seen\": %" PRIu64 "\n}\n",
		nr ? "\n  " : "", found, seen);
}

const struct rs_faults_format rs_faults_json = { json_begin, rs_json_put_text, json_row, json_end };

/* ---- all of it ---- */

struct rs_faults_table *rs_faults_table_new(const struct rs_faults_format *format, FILE *f,
					    const char *algo, const struct rs_whos *whos)
{
	struct rs_faults_table *t = malloc(sizeof(*t));

	if (!t || format->begin(f, algo)) {
		free(t);
		return NULL;
	}
	t->format = format;
	t->whos = whos;
	t->names = NULL;
	t->max_names = 0;
	t->nr = 0;
	t->rows.len = 0;
	return t;
}

static int make_label(const struct rs_faults_table *t, const char *name, struct rs_label *label)
{
	char *text;
	FILE *f = rs_textbuf_open(&text, &label->len);

	if (!f)
		return -ENOMEM;
	t->format->quote(f, name);
	if (fclose(f))
		return -ENOMEM;
	label->text = malloc(RS_LABEL_ROOM(label->len));
	if (label->text)
		memcpy(label->text, text, label->len);
	free(text);
	return label->text ? 0 : -ENOMEM;
}

/* Once for each; as many as the trace has tasks are kept. */
static RS_SELDOM int make_names(struct rs_faults_table *t, uint32_t number)
{
	const struct rs_who *who = rs_whos_get(t->whos, number);
	char text[MOST_OF_NAME];
	struct names *names;

	if (RS_ROOM_ZEROED(t->names, t->max_names, (size_t)number + 1))
		return -ENOMEM;
	names = &t->names[number];
	rs_format_reason(text, sizeof(text), who);
	if (make_label(t, text, &names->reason))
		return -ENOMEM;
	rs_format_task(text, sizeof(text), who);
	return make_label(t, text, &names->task);
}

static int need_names(struct rs_faults_table *t, uint32_t who)
{
	const uint32_t number = number_of(t, who);

	return number < t->max_names && t->names[number].task.text ? 0 : make_names(t, number);
}

int rs_faults_table_row(struct rs_faults_table *t, FILE *f, const struct rs_fault_row *row,
			bool wrong)
{
	if (need_names(t, row->who) || need_names(t, row->blame.by.who) ||
	    need_names(t, row->blame.widened.who))
		return -ENOMEM;
	rs_row_end(&t->rows, t->format->row(rs_row_begin(&t->rows, f), t, row, wrong));
	t->nr++;
	return 0;
}

void rs_faults_table_end(struct rs_faults_table *t, FILE *f, uint64_t found, uint64_t seen)
{
	rs_row_flush(&t->rows, f);
	t->format->end(f, t->nr, found, seen);
}

void rs_faults_table_free(struct rs_faults_table *t)
{
	for (size_t i = 0; t && i < t->max_names; i++) {
		free(t->names[i].task.text);
		free(t->names[i].reason.text);
	}
	if (t)
		free(t->names);
	free(t);
}
