// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/faults/faults.h"

#include <errno.h>
#include <inttypes.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/task.h"
#include "analysis/write/units.h"
#include "base/clean.h"
#include "traces/event.h"

#define NS_PER_S 1000000000

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

static int text_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos,
		    uint64_t nr)
{
	const struct rs_who *who = rs_whos_get(whos, row->blame.by.who);
	char takes[32], stall[32], memslot[32], gfn[24], task[160];

	rs_format_time((double)(row->done_ns - row->begin_ns), takes, sizeof(takes));
	rs_format_time((double)rs_fault_stall(row), stall, sizeof(stall));
	snprintf(memslot, sizeof(memslot), "%u:%" PRIu32, row->as, row->slot);
	snprintf(gfn, sizeof(gfn), "0x%" PRIx64, row->gfn);
	fprintf(f,
		"%10" PRIu64 ".%09" PRIu64 " %9s %9s %3" PRIu32 " %5" PRIu32 " %10s %12s %8" PRIu64
		" %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %7" PRIu64 " %-7s %-10s ",
		row->begin_ns / NS_PER_S, row->begin_ns % NS_PER_S, takes, stall, row->vm,
		row->vcpu, memslot, gfn, row->attempts, row->retried, row->rejected, row->needless,
		row->missed, rs_result_name(row->result),
		row->causes ? rs_fault_cause_name(row->cause) : "-");
	if (row->blame.by.number) {
		rs_format_task(task, sizeof(task), who);
		fprintf(f, "%s ", task);
		rs_format_reason(task, sizeof(task), who);
		fprintf(f, "%s\n", task);
	} else {
		fputs("-\n", f);
	}
	return 0;
}

static void text_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%" PRIu64 " of %" PRIu64 " faults", found, seen);
	if (nr < found)
		fprintf(f, ", of which %" PRIu64 " are shown", nr);
	fputc('\n', f);
}

const struct rs_faults_format rs_faults_text = { text_begin, text_row, text_end };

/* ---- CSV ---- */

static int csv_begin(FILE *f, const char *algo)
{
	fputs("begin_ns,done_ns,stall_ns,vm,vcpu,thread,address_space,memslot,gfn,private,attempts,"
	      "retried,rejected,needless,missed,differ,result,cause,task,reason,inval_id,"
	      "inval_begin_ns,inval_space,inval_start,inval_end\n",
	      f);
	return 0;
}

static void csv_who(FILE *f, const struct rs_who *who,
		    void (*format)(char *buf, size_t size, const struct rs_who *who))
{
	char text[160];

	format(text, sizeof(text), who);
	rs_csv_text(f, text);
	fputc(',', f);
}

static int csv_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos, uint64_t nr)
{
	const struct rs_blamed *by = &row->blame.by;

	fprintf(f, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",", row->begin_ns,
		row->done_ns, rs_fault_stall(row), row->vm, row->vcpu);
	csv_who(f, rs_whos_get(whos, row->who), rs_format_task);
	fprintf(f,
		"%u,%" PRIu32 ",0x%" PRIx64 ",%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		",%" PRIu64 ",%" PRIu64 ",%s,%s,",
		row->as, row->slot, row->gfn, row->private, row->attempts, row->retried,
		row->rejected, row->needless, row->missed, row->differ, rs_result_name(row->result),
		row->causes ? rs_fault_cause_name(row->cause) : "");
	if (!by->number) {
		fputs(",,,,,,\n", f);
		return 0;
	}
	csv_who(f, rs_whos_get(whos, by->who), rs_format_task);
	csv_who(f, rs_whos_get(whos, by->who), rs_format_reason);
	fprintf(f, "%" PRIu64 ",%" PRIu64 ",%s,0x%" PRIx64 ",0x%" PRIx64 "\n", by->id, by->begin_ns,
		by->gfn ? "gfn" : "hva", by->start, by->end);
	return 0;
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
	fputs("{\n  \"schema\": \"retryscope-faults/1\",\n  \"algorithm\": ", f);
	rs_json_put(f, name);
	fputs(",\n  \"faults\": [", f);
	json_decref(name);
	return 0;
}

static json_t *json_hex(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return rs_json_text(text);
}

static json_t *json_who(const struct rs_who *who,
			void (*format)(char *buf, size_t size, const struct rs_who *who))
{
	char text[160];

	format(text, sizeof(text), who);
	return rs_json_text(text);
}

static json_t *json_blamed(const struct rs_blamed *b, const struct rs_whos *whos)
{
	const struct rs_who *who = rs_whos_get(whos, b->who);

	if (!b->number)
		return json_null();
	return RS_JSON({ "task", json_who(who, rs_format_task) },
		       { "reason", json_who(who, rs_format_reason) }, { "id", rs_json_u64(b->id) },
		       { "begin_ns", rs_json_u64(b->begin_ns) },
		       { "space", rs_json_text(b->gfn ? "gfn" : "hva") },
		       { "start", json_hex(b->start) }, { "end", json_hex(b->end) });
}

static int json_row(FILE *f, const struct rs_fault_row *row, const struct rs_whos *whos,
		    uint64_t nr)
{
	json_t *o = RS_JSON(
		{ "begin_ns", rs_json_u64(row->begin_ns) },
		{ "done_ns", rs_json_u64(row->done_ns) },
		{ "stall_ns", rs_json_u64(rs_fault_stall(row)) }, { "vm", rs_json_u64(row->vm) },
		{ "vcpu", rs_json_u64(row->vcpu) },
		{ "thread", json_who(rs_whos_get(whos, row->who), rs_format_task) },
		{ "address_space", rs_json_u64(row->as) }, { "memslot", rs_json_u64(row->slot) },
		{ "gfn", json_hex(row->gfn) }, { "private", json_boolean(row->private) },
		{ "attempts", rs_json_u64(row->attempts) },
		{ "retried", rs_json_u64(row->retried) },
		{ "rejected", rs_json_u64(row->rejected) },
		{ "needless", rs_json_u64(row->needless) }, { "missed", rs_json_u64(row->missed) },
		{ "differ", rs_json_u64(row->differ) },
		{ "result", rs_json_text(rs_result_name(row->result)) },
		{ "cause", rs_json_text(row->causes ? rs_fault_cause_name(row->cause) : NULL) },
		{ "blamed", json_blamed(&row->blame.by, whos) },
		{ "widened", json_blamed(&row->blame.widened, whos) });

	if (!o)
		return -ENOMEM;
	fputs(nr ? ",\n    " : "\n    ", f);
	rs_json_put(f, o);
	json_decref(o);
	return 0;
}

static void json_end(FILE *f, uint64_t nr, uint64_t found, uint64_t seen)
{
	fprintf(f, "%s],\n  \"found\": %" PRIu64 ",\n  \"seen\": %" PRIu64 "\n}\n",
		nr ? "\n  " : "", found, seen);
}

const struct rs_faults_format rs_faults_json = { json_begin, json_row, json_end };
