// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/faults/faults.h"

#include <errno.h>
#include <inttypes.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/layout.h"
#include "analysis/write/row.h"
#include "analysis/write/task.h"
#include "analysis/write/units.h"
#include "base/clean.h"
#include "traces/event.h"

#define MOST_SIMPLE 16 /* characters of a name, as the kernel has them */

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

static void text_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos,
		     uint64_t nr, bool wrong)
{
	const struct rs_who *who = rs_whos_get(whos, row->blame.by.who);
	struct rs_row r;
	char text[160];

	rs_row_begin(&r, f, ' ');
	if (wrong)
		rs_row_text(&r, RS_STANDS_OUT);
	rs_row_seconds(&r, 20, row->begin_ns);
	rs_row_time(&r, 9, row->done_ns - row->begin_ns);
	rs_row_time(&r, 9, rs_fault_stall(row));
	rs_row_u64(&r, 3, row->vm);
	rs_row_u64(&r, 5, row->vcpu);
	rs_row_pair(&r, 10, row->as, row->slot);
	rs_row_hex(&r, 12, row->gfn);
	rs_row_u64(&r, 8, row->attempts);
	rs_row_u64(&r, 8, row->retried);
	rs_row_u64(&r, 8, row->rejected);
	rs_row_u64(&r, 8, row->needless);
	rs_row_u64(&r, 7, row->missed);
	rs_row_field(&r, -7, rs_result_name(row->result));
	rs_row_field(&r, -10, row->causes ? rs_fault_cause_name(row->cause) : "-");
	if (row->blame.by.number) {
		rs_format_task(text, sizeof(text), who);
		rs_row_field(&r, 0, text);
		rs_format_reason(text, sizeof(text), who);
		rs_row_field(&r, 0, text);
	} else {
		rs_row_field(&r, 0, "-");
	}
	if (wrong)
		rs_row_text(&r, RS_STANDS_OUT_END);
	rs_row_end(&r);
	rs_row_flush(&r);
}

static void text_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%" PRIu64 " of %" PRIu64 " faults", found, seen);
	if (nr < found)
		fprintf(f, ", of which %" PRIu64 " are shown", nr);
	fputc('\n', f);
}

const struct rs_faults_format rs_faults_text = { text_begin, text_row, text_end };

/* ---- names ---- */

/* Letters, digits and what is between them in nearly all names: the same in every form. */
static bool is_simple(const char *name)
{
	static const bool simple[256] = {
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, [' '] = true,
		['/'] = true,	      ['_'] = true,	    [':'] = true,	  ['-'] = true
	};
	size_t len = 0;

	while (len < MOST_SIMPLE && simple[(unsigned char)name[len]])
		len++;
	/* What a spreadsheet might take for a formula is not. */
	return len && !name[len] && *name != '-';
}

typedef void format_who(char *buf, size_t size, const struct rs_who *who);
typedef void put_quoted(FILE *f, const char *text);

static void put_who(struct rs_row *r, const struct rs_who *who, format_who *format,
		    put_quoted *quoted)
{
	char text[160];

	rs_row_flush(r);
	format(text, sizeof(text), who);
	quoted(r->f, text);
}

static void put_task(struct rs_row *r, const struct rs_who *who, put_quoted *quoted)
{
	if (!who->comm || !who->pid || !is_simple(who->comm)) {
		put_who(r, who, rs_format_task, quoted);
		return;
	}
	rs_row_text(r, "\"");
	rs_row_text(r, who->comm);
	rs_row_text(r, "-");
	rs_row_digits(r, who->pid);
	rs_row_text(r, "\"");
}

static void put_reason(struct rs_row *r, const struct rs_who *who, put_quoted *quoted)
{
	if (!who->reason || !is_simple(who->reason)) {
		put_who(r, who, rs_format_reason, quoted);
		return;
	}
	rs_row_text(r, "\"");
	rs_row_text(r, who->reason);
	rs_row_text(r, "\"");
}

/* ---- CSV ---- */

static int csv_begin(FILE *f, const char *algo)
{
	fputs("begin_ns,done_ns,stall_ns,vm,vcpu,thread,memslot,gfn,private,attempts,"
	      "recorded_retries,rejected_faults,spurious_faults,missed_faults,differ,result,cause,"
	      "task,reason,inval_id,inval_begin_ns,inval_space,inval_start,inval_end\n",
	      f);
	return 0;
}

static void csv_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos,
		    uint64_t nr, bool wrong)
{
	const struct rs_blamed *by = &row->blame.by;
	struct rs_row r;

	rs_row_begin(&r, f, ',');
	rs_row_u64(&r, 0, row->begin_ns);
	rs_row_u64(&r, 0, row->done_ns);
	rs_row_u64(&r, 0, rs_fault_stall(row));
	rs_row_u64(&r, 0, row->vm);
	rs_row_u64(&r, 0, row->vcpu);
	rs_row_text(&r, ",");
	put_task(&r, rs_whos_get(whos, row->who), rs_csv_text);
	rs_row_pair(&r, 0, row->as, row->slot);
	rs_row_hex(&r, 0, row->gfn);
	rs_row_u64(&r, 0, row->private);
	rs_row_u64(&r, 0, row->attempts);
	rs_row_u64(&r, 0, row->retried);
	rs_row_u64(&r, 0, row->rejected);
	rs_row_u64(&r, 0, row->needless);
	rs_row_u64(&r, 0, row->missed);
	rs_row_u64(&r, 0, row->differ);
	rs_row_field(&r, 0, rs_result_name(row->result));
	rs_row_field(&r, 0, row->causes ? rs_fault_cause_name(row->cause) : "");
	if (by->number) {
		rs_row_text(&r, ",");
		put_task(&r, rs_whos_get(whos, by->who), rs_csv_text);
		rs_row_text(&r, ",");
		put_reason(&r, rs_whos_get(whos, by->who), rs_csv_text);
		rs_row_u64(&r, 0, by->id);
		rs_row_u64(&r, 0, by->begin_ns);
		rs_row_field(&r, 0, by->gfn ? "gfn" : "hva");
		rs_row_hex(&r, 0, by->start);
		rs_row_hex(&r, 0, by->end);
	} else {
		rs_row_text(&r, ",,,,,,,");
	}
	rs_row_end(&r);
	rs_row_flush(&r);
}

static void csv_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
}

const struct rs_faults_format rs_faults_csv = { csv_begin, csv_row, csv_end };

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

/* Beyond 2^53 as a string, as everywhere else (json_exact.h). */
RS_LOOP_PART void json_u64(struct rs_row *r, const char *key, uint64_t v)
{
	rs_row_text(r, key);
	if (v > RS_JSON_MAX_INTEGER)
		rs_row_text(r, "\"");
	rs_row_digits(r, v);
	if (v > RS_JSON_MAX_INTEGER)
		rs_row_text(r, "\"");
}

RS_LOOP_PART void json_hex(struct rs_row *r, const char *key, uint64_t v)
{
	rs_row_text(r, key);
	rs_row_hex(r, 0, v);
	rs_row_text(r, "\"");
}

RS_LOOP_PART void json_pair(struct rs_row *r, const char *key, uint64_t a, uint64_t b)
{
	rs_row_text(r, key);
	rs_row_pair(r, 0, a, b);
	rs_row_text(r, "\"");
}

static void json_blamed(struct rs_row *r, const char *key, const struct rs_blamed *b,
			const struct rs_whos *whos)
{
	const struct rs_who *who = rs_whos_get(whos, b->who);

	rs_row_text(r, key);
	if (!b->number) {
		rs_row_text(r, "null");
		return;
	}
	rs_row_text(r, "{\"task\": ");
	put_task(r, who, rs_json_put_text);
	rs_row_text(r, ", \"reason\": ");
	put_reason(r, who, rs_json_put_text);
	json_u64(r, ", \"id\": ", b->id);
	json_u64(r, ", \"begin_ns\": ", b->begin_ns);
	rs_row_text(r, b->gfn ? ", \"space\": \"gfn\"" : ", \"space\": \"hva\"");
	json_hex(r, ", \"start\": \"", b->start);
	json_hex(r, ", \"end\": \"", b->end);
	rs_row_text(r, "}");
}

/* As rs_json_put() would write it, which takes several times as long. */
static void json_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos,
		     uint64_t nr, bool wrong)
{
	struct rs_row r;

	rs_row_begin(&r, f, '\0');
	json_u64(&r, nr ? ",\n    {\"begin_ns\": " : "\n    {\"begin_ns\": ", row->begin_ns);
	json_u64(&r, ", \"done_ns\": ", row->done_ns);
	json_u64(&r, ", \"stall_ns\": ", rs_fault_stall(row));
	json_u64(&r, ", \"vm\": ", row->vm);
	json_u64(&r, ", \"vcpu\": ", row->vcpu);
	rs_row_text(&r, ", \"thread\": ");
	put_task(&r, rs_whos_get(whos, row->who), rs_json_put_text);
	json_pair(&r, ", \"memslot\": \"", row->as, row->slot);
	json_hex(&r, ", \"gfn\": \"", row->gfn);
	rs_row_text(&r, row->private ? ", \"private\": true" : ", \"private\": false");
	json_u64(&r, ", \"attempts\": ", row->attempts);
	json_u64(&r, ", \"recorded_retries\": ", row->retried);
	json_u64(&r, ", \"rejected\": ", row->rejected);
	json_u64(&r, ", \"spurious\": ", row->needless);
	json_u64(&r, ", \"missed\": ", row->missed);
	json_u64(&r, ", \"differ\": ", row->differ);
	rs_row_text(&r, ", \"result\": \"");
	rs_row_text(&r, rs_result_name(row->result));
	rs_row_text(&r, row->causes ? "\", \"cause\": \"" : "\", \"cause\": null");
	if (row->causes) {
		rs_row_text(&r, rs_fault_cause_name(row->cause));
		rs_row_text(&r, "\"");
	}
	json_blamed(&r, ", \"blamed\": ", &row->blame.by, whos);
	json_blamed(&r, ", \"widened\": ", &row->blame.widened, whos);
	rs_row_text(&r, "}");
	rs_row_flush(&r);
}

static void json_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%s],\n  \"found\": %" PRIu64 ",\n  \"seen\": %" PRIu64 "\n}\n",
		nr ? "\n  " : "", found, seen);
}

const struct rs_faults_format rs_faults_json = { json_begin, json_row, json_end };
