// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ftrace, trace-cmd and perf print is read as the records that it is printed of.
 * tests/cli/ftrace.sh has the samples as trace-cmd prints them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/textbuf.h"
#include "tests/common/puts.h"

enum style {
	TRACE_CMD,
	RAW,
	LATENCY,
	RAW_LATENCY,
	DIFFERENCES,
	TRACEFS,
	TGID,
	PERF,
	PERF_PID,
	PERF_TID,
	PERF_COMMA,
	MAIL,
	NR_STYLES
};

struct printer {
	FILE *f;
	char *text;
	size_t size;
	enum style style;
	unsigned int digits; /* of a second; 0: bare numbers */
	const char *comm;
};

static void print_start(struct printer *p, enum style style, unsigned int digits)
{
	*p = (struct printer){ .style = style, .digits = digits, .comm = "qemu" };
	p->f = rs_textbuf_open(&p->text, &p->size);
	assert_non_null(p->f);
	if (style == TRACE_CMD || style == RAW || style == RAW_LATENCY || style == DIFFERENCES)
		fputs("cpus=4\n", p->f);
	if (style == TRACEFS || style == TGID)
		fputs("# tracer: nop\n#\n# entries-in-buffer/entries-written: 13/20   #P:4\n#\n",
		      p->f);
}

/* What is printed, as it is read; frees it. */
static void print_end(struct printer *p, struct test_trace *t)
{
	assert_int_equal(fclose(p->f), 0);
	test_trace_parse(t, p->text, p->size);
	free(p->text);
}

static void print_task(struct printer *p, unsigned int task)
{
	const unsigned int cpu = task % 4;

	switch (p->style) {
	case LATENCY:
		fprintf(p->f, "%8s-%-7u %3ud..2. ", p->comm, task, cpu);
		break;
	case RAW_LATENCY:
		fprintf(p->f, "%8s-%-5u %3u-0x%x ", p->comm, task, cpu, cpu << 4);
		break;
	case TRACEFS:
		fprintf(p->f, "%16s-%-7u [%03u] d..2. ", p->comm, task, cpu);
		break;
	case TGID:
		fprintf(p->f, "%16s-%-7u (%7s) [%03u] .... ", p->comm, task,
			task == VCPU0 ? "100" : "-------", cpu);
		break;
	case PERF:
	case PERF_COMMA:
		fprintf(p->f, "%16s %5u [%03u] ", p->comm, task, cpu);
		break;
	case PERF_PID:
		fprintf(p->f, "%16s %5u/%u [%03u] ", p->comm, 100U, task, cpu);
		break;
	case PERF_TID:
		fprintf(p->f, "%5u [%03u] ", task, cpu);
		break;
	case MAIL:
		fputs("> > ", p->f);
		/* fall through */
	default:
		fprintf(p->f, "%16s-%-5u [%03u] ", p->comm, task, cpu);
	}
}

static void print_time(struct printer *p, uint64_t ns)
{
	uint64_t unit = 1;

	for (unsigned int i = p->digits; i < 9; i++)
		unit *= 10;
	if (p->digits)
		fprintf(p->f, "%5llu%c%0*llu: ", (unsigned long long)(ns / 1000000000),
			p->style == PERF_COMMA ? ',' : '.', (int)p->digits,
			(unsigned long long)(ns % 1000000000 / unit));
	else
		fprintf(p->f, "%llu: ", (unsigned long long)ns);
}

/* A line's beginning; the event follows. */
static void print_head(struct printer *p, uint64_t ns, unsigned int task)
{
	print_task(p, task);
	print_time(p, ns);
	if (p->style == DIFFERENCES)
		fprintf(p->f, "(%+d)   ", (int)(ns % 3000) - 1000);
}

#define FIELDS(sym, event, ...) { event, __VA_ARGS__ },
static const char *const probes[RS_NR_PROBE_EVENTS][16] = { RS_PROBE_EVENTS(FIELDS) };

/* The recorder's formats: numbers that are addresses are hexadecimal. */
static bool is_hex(const char *name)
{
	static const char *const hex[] = { "kvm",	  "mn",	      "start", "end",
					   "addr",	  "error",    "gfn",   "hva",
					   "gfn_start",	  "gfn_end",  "flags", "old_gfn",
					   "range_start", "range_end" };

	for (size_t i = 0; i < NR(hex); i++)
		if (!strcmp(name, hex[i]))
			return true;
	return false;
}

static void print_put(struct printer *p, const struct put *put)
{
	const char *const *names = probes[put->kind];
	const bool is_perf = p->style >= PERF && p->style <= PERF_COMMA;

	print_head(p, put->time, put->task);
	fprintf(p->f, "%s%s: ", is_perf ? "                retryscope:" : "", names[0]);
	fputs(p->style == RAW || p->style == RAW_LATENCY
		      ? "              __probe_ip=ffffffffc0559894"
		      : "(ffffffffc0559894)",
	      p->f);
	for (unsigned int i = 1; names[i]; i++)
		fprintf(p->f, is_hex(names[i]) ? " %s=0x%llx" : " %s=%lld", names[i],
			(unsigned long long)put->f[i - 1]);
	fputc('\n', p->f);
}

static void assert_reads_as(struct printer *p, const char *expected)
{
	struct test_trace t = { 0 };
	char *lines;

	print_end(p, &t);
	if (t.rc)
		print_error("%s\n", t.message);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.form, RS_FORM_FTRACE);
	lines = lines_of(&t);
	assert_string_equal(lines, expected);
	free(lines);
	test_trace_free(&t);
}

static void test_layouts(void **state)
{
	for (enum style style = 0; style < NR_STYLES; style++) {
		struct printer p;

		print_start(&p, style, 9);
		for (size_t i = 0; i < NR_PLAIN; i++)
			print_put(&p, &plain[i]);
		assert_reads_as(&p, plain_text);
	}
}

/* A task may have any name, and is still the task of its number. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"CPU 0/KVM",	  "a-1 [000] b",    "1.000000: x",
		"kworker/0:1-ev", "x 12/34",	    "-",
		"[001]",	  "d..2.",	    "a: b: c:",
		"\xff\xfe\x1b",	  "12345678901234", "fault: kvm=0x1",
		"(7) [002]",
	};

	for (size_t i = 0; i < NR(names); i++)
		for (enum style style = 0; style < NR_STYLES; style++) {
			struct printer p;

			print_start(&p, style, 9);
			p.comm = names[i];
			for (size_t k = 0; k < NR_PLAIN; k++)
				print_put(&p, &plain[k]);
			assert_reads_as(&p, plain_text);
		}
}

/* The VM is called as its task is. */
static void test_command(void **state)
{
	struct test_trace t = { 0 };
	struct printer p;

	print_start(&p, PERF_PID, 9);
	p.comm = "CPU 0/KVM";
	for (size_t i = 0; i < NR_PLAIN; i++)
		print_put(&p, &plain[i]);
	print_end(&p, &t);
	assert_int_equal(t.meta.nr_vms, 1);
	assert_int_equal(t.meta.vms[0].pid, MAKER);
	assert_string_equal(t.meta.vms[0].command, "CPU 0/KVM");
	test_trace_free(&t);
}

/* Printed to the microsecond all is at one time: the lines have the order. */
static void test_one_microsecond(void **state)
{
	struct printer p;
	struct test_trace t = { 0 };
	size_t checks = 0;

	print_start(&p, TRACEFS, 6);
	for (size_t i = 0; i < NR_PLAIN; i++) {
		struct put put = plain[i];

		put.time = 5000;
		print_put(&p, &put);
	}
	print_end(&p, &t);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.meta.nr_anomalies, 0);
	for (size_t i = 0; i < t.nr; i++) {
		assert_in_range(t.evs[i].time_ns, 5000, 5999);
		checks += t.evs[i].type == RS_EV_FAULT_CHECK;
	}
	assert_int_equal(checks, 1);
	assert_string_equal(rs_meta_fact(&t.meta, "text.time-unit-ns"), "1000");
	test_trace_free(&t);
}

/* A loss is where it is said, and as large. */
static void test_losses(void **state)
{
	static const struct {
		const char *line;
		uint64_t n;
	} losses[] = {
		{ "CPU:3 [LOST 7 EVENTS]\n", 7 },
		{ "CPU:3 [LOST EVENTS]\n", UINT64_MAX },
		{ "CPU:3 [9 EVENTS DROPPED]\n", 9 },
		{ "CPU:3 [EVENTS DROPPED]\n", UINT64_MAX },
		{ "> CPU:3 [LOST 1 EVENTS]\n", 1 },
		{ "[LOST 3 EVENTS]\n", 3 },
		{ "qemu 5 [003] 0.000001200: PERF_RECORD_LOST lost 4\n", 4 },
		{ "qemu 5 [003] 0.000001200: PERF_RECORD_LOST_SAMPLES lost 2\n", 2 },
	};

	for (size_t i = 0; i < NR(losses); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t = { 0 };
		struct printer p;
		char *lines;

		print_start(&p, TRACE_CMD, 9);
		for (size_t k = 0; k < NR_PLAIN; k++) {
			if (plain[k].kind == RS_PROBE_INVAL_END) {
				fputs(losses[i].line, p.f);
				dat_at(d, 0, 3, RECLAIM);
				dat_lose(d, losses[i].n);
			}
			print_put(&p, &plain[k]);
			put_all(d, &plain[k], 1);
		}
		read_back(&t, d);
		lines = lines_of(&t);
		assert_non_null(strstr(lines, " lost"));
		assert_reads_as(&p, lines);
		free(lines);
		test_trace_free(&t);
	}
}

/* Nothing came any more of the CPU that lost events. */
static void test_lost_at_the_end(void **state)
{
	struct test_trace t = { 0 };
	struct printer p;

	print_start(&p, TRACE_CMD, 9);
	for (size_t k = 0; k < NR_PLAIN; k++)
		print_put(&p, &plain[k]);
	fputs("CPU:2 [LOST 5 EVENTS]\n", p.f);
	print_end(&p, &t);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.meta.lost, 5);
	test_trace_free(&t);
}

/* A line that was cut: its event is lost, not one with other numbers. */
static void test_cut_lines(void **state)
{
	for (int way = 0; way < 4; way++) {
		struct test_trace t = { 0 };
		struct printer p;

		print_start(&p, TRACE_CMD, 9);
		for (size_t k = 0; k < NR_PLAIN; k++)
			print_put(&p, &plain[k]);
		print_head(&p, 2000, VCPU0);
		fputs(way == 0	 ? "fault_begin: (ffffffffc0559894) kvm=0xffff\n"
		      : way == 1 ? "fault_begin: (ffffffffc0559894) kvm=0xffff vcpu=zero gfn=1\n"
		      : way == 2 ? "fault_verdict: (ffffffffc0559894) ret=1"
				 : "fault_verdict: (ffffffffc0559894) ret=99999999999999999999\n",
		      p.f);
		print_end(&p, &t);
		assert_int_equal(t.rc, 0);
		assert_int_equal(count_anomaly(&t, "lost-unknown-number"), 1);
		assert_string_equal(rs_meta_fact(&t.meta, "text.damaged-lines"), "1");
		test_trace_free(&t);
	}
}

static void assert_refused(struct printer *p, const char *why)
{
	struct test_trace t = { 0 };

	print_end(p, &t);
	assert_true(t.rc < 0);
	assert_int_equal(t.err.kind, RS_ERR_INPUT);
	if (!strstr(t.err.text, why))
		print_error("%s\n", t.err.text);
	assert_non_null(strstr(t.err.text, why));
	assert_null(strstr(t.err.text, "trace.dat: "));
	test_trace_free(&t);
}

/* Mail programs wrap lines: each event then lacks what went to the next line. */
static void test_wrapped(void **state)
{
	struct printer p;

	print_start(&p, TRACE_CMD, 9);
	for (int i = 0; i < 3; i++) {
		print_head(&p, 1000, VCPU0);
		fputs("fault_begin: (ffffffffc0559894) kvm=0xffff vcpu=0\ngfn=0x1 as=0 id=0 "
		      "flags=0x0\n",
		      p.f);
	}
	assert_refused(&p, "no line of the event fault_begin has its field 'gfn'");
	/* In a mail, before its first number. */
	print_start(&p, MAIL, 6);
	print_head(&p, 1000, VCPU0);
	fputs("kvm_page_fault: address\n> 84d000 error_code 4\n", p.f);
	assert_refused(&p, "no line of the event kvm_page_fault has its field 'fault_address'");
}

/* Events of others that are called like ours are none. */
static void test_others(void **state)
{
	struct printer p;

	print_start(&p, TRACE_CMD, 9);
	for (size_t k = 0; k < NR_PLAIN; k++) {
		print_head(&p, plain[k].time, plain[k].task);
		fputs("zap_end: by somebody else\n", p.f);
		print_head(&p, plain[k].time, plain[k].task);
		fputs("sched_switch: prev_comm=a prev_pid=1\n\t\tffffffff8100 schedule+0x1\n", p.f);
		print_put(&p, &plain[k]);
	}
	assert_reads_as(&p, plain_text);
}

static void test_times_without_unit(void **state)
{
	const struct rs_reader_opts opts = { .assume_tsc_khz = 1000000 };
	struct test_trace t = { 0 };
	struct printer p;
	char *lines;

	for (int assumed = 0; assumed < 2; assumed++) {
		print_start(&p, TRACE_CMD, 0);
		for (size_t i = 0; i < NR_PLAIN; i++)
			print_put(&p, &plain[i]);
		if (!assumed) {
			assert_refused(&p, "its times are numbers without a unit");
			continue;
		}
		assert_int_equal(fclose(p.f), 0);
		test_trace_read_with(&t, test_write_file("cycles", p.text, p.size), &opts);
		free(p.text);
		assert_int_equal(t.rc, 0);
		assert_int_equal(t.meta.nr_assumptions, 1);
		lines = lines_of(&t);
		assert_string_equal(lines, plain_text);
		free(lines);
		test_trace_free(&t);
	}
	print_start(&p, TRACE_CMD, 0);
	print_put(&p, &plain[0]);
	p.digits = 9;
	print_put(&p, &plain[1]);
	assert_refused(&p, "some of its times are seconds and some are not");
}

/* KVM's own tracepoints, as kernels print them: the same as of a trace.dat. */
static void test_tracepoints(void **state)
{
	static const char *const faults[] = {
		"kvm_page_fault: vcpu 1 rip 0x102f address 0x0000000000110000 error_code 0x4",
		"kvm_page_fault: vcpu_id=1 guest_rip=0x102f fault_address=0x110000 error_code=0x4",
		"kvm:kvm_page_fault: vcpu 1 rip 0x102f address 0x0000000000110000 error_code 0x4",
	};
	static const char *const unmaps[] = {
		"kvm_unmap_hva_range: mmu notifier unmap range: 0x007f0000000000 -- 0x7f0000001000",
		"kvm_unmap_hva_range: start=0x7f0000000000 end=0x7f0000001000",
		"kvm:kvm_unmap_hva_range: mmu notifier unmap range: 0x007f0000000000 -- "
		"0x007f0000001000",
	};
	static const char slots[] =
		"retryscope-events 1\n"
		"0 1 memslot as=0 id=0 gfn=0x100 npages=16 hva=0x7f0000000000\n";
	const struct rs_reader_opts opts = {
		.assume_duration_ns = 50,
		.memslots_path = strdup(test_write_file("slots", slots, sizeof(slots) - 1)),
	};

	for (size_t i = 0; i < NR(faults); i++) {
		struct test_trace t = { 0 };
		struct printer p;

		print_start(&p, i == 2 ? PERF : TRACEFS, 9);
		print_head(&p, 1000, VCPU1);
		fprintf(p.f, "%s\n", faults[i]);
		print_head(&p, 1010, RECLAIM);
		fprintf(p.f, "%s\n", unmaps[i]);
		print_head(&p, 1100, VCPU1);
		fputs("kvm_entry: vcpu 1, rip 0x102f\n", p.f);
		assert_int_equal(fclose(p.f), 0);
		test_trace_read_with(&t, test_write_file("tp", p.text, p.size), &opts);
		free(p.text);
		if (t.rc)
			print_error("%s\n", t.message);
		assert_int_equal(t.rc, 0);
		assert_string_equal(t.meta.level, "tracepoints");
		assert_int_equal(t.nr, 5);
		assert_int_equal(t.evs[1].type, RS_EV_FAULT_BEGIN);
		assert_int_equal(t.evs[1].fault.vcpu, 1);
		assert_int_equal(t.evs[1].fault.gfn, 0x110);
		assert_int_equal(t.evs[2].type, RS_EV_INVAL_BEGIN);
		assert_int_equal(t.evs[2].inval.start, 0x7f0000000000);
		assert_int_equal(t.evs[2].inval.end, 0x7f0000001000);
		assert_int_equal(t.evs[4].type, RS_EV_FAULT_CHECK);
		assert_int_equal(t.evs[4].time_ns, 1100);
		test_trace_free(&t);
	}
	free((char *)opts.memslots_path);
}

/* A part of them tells less, and says so. */
static void test_less(void **state)
{
	struct test_trace t = { 0 };
	struct printer p;

	print_start(&p, TRACEFS, 9);
	print_head(&p, 1000, VCPU1);
	fputs("kvm_page_fault: vcpu 1 rip 0x1 address 0x110000 error_code 0x4\n", p.f);
	assert_refused(&p, "neither the probe events of 'retryscope record' nor both of the "
			   "tracepoints");
	print_start(&p, TRACEFS, 9);
	for (size_t i = 0; i < NR_PLAIN; i++)
		if (plain[i].kind == RS_PROBE_MEMSLOT || plain[i].kind == RS_PROBE_FAULT_BEGIN)
			print_put(&p, &plain[i]);
	print_end(&p, &t);
	assert_int_equal(t.rc, 0);
	assert_string_equal(t.meta.level, "partial");
	assert_non_null(rs_meta_fact(&t.meta, "without.fault_check"));
	test_trace_free(&t);
	print_start(&p, TRACEFS, 9);
	print_head(&p, 1000, VCPU1);
	fputs("sched_switch: prev_comm=a\n", p.f);
	assert_refused(&p, "there are no events of retryscope or KVM");
}

/* The recorder's facts, and what perf and ftrace say of the host. */
static void test_facts(void **state)
{
	struct test_trace t = { 0 };
	struct printer p;

	print_start(&p, PERF, 9);
	fputs("# ========\n# captured on    : Sun Nov 29\n# os release : 6.12.1-amd64\n# "
	      "========\n",
	      p.f);
	for (size_t i = 0; i < NR_PLAIN; i++)
		print_put(&p, &plain[i]);
	print_head(&p, 9000, MAKER);
	fputs("tracing_mark_write: retryscope-fact host.cpus 4\n", p.f);
	print_head(&p, 9001, MAKER);
	fputs("print:   tracing_mark_write: retryscope-fact host.numa 1\n", p.f);
	print_end(&p, &t);
	assert_int_equal(t.rc, 0);
	assert_string_equal(t.meta.kernel, "6.12.1-amd64");
	assert_string_equal(rs_meta_fact(&t.meta, "host.cpus"), "4");
	assert_string_equal(rs_meta_fact(&t.meta, "host.numa"), "1");
	test_trace_free(&t);
	print_start(&p, TRACEFS, 9);
	fputs("# irqsoff latency trace v1.1.5 on 6.1.0-9\n", p.f);
	print_put(&p, &plain[0]);
	print_end(&p, &t);
	assert_string_equal(t.meta.kernel, "6.1.0-9");
	assert_string_equal(rs_meta_fact(&t.meta, "text.entries"), "13 of 20 written");
	test_trace_free(&t);
}

/* Two recorders at a time are told apart by what perf says of groups, trace-cmd of buffers. */
static void test_groups(void **state)
{
	struct test_trace t = { 0 };
	struct printer p;

	for (int i = 0; i < 2; i++) {
		print_start(&p, i ? TRACE_CMD : PERF, 9);
		for (size_t k = 0; k < NR_PLAIN; k++) {
			print_put(&p, &plain[k]);
			if (plain[k].kind != RS_PROBE_INVAL_SLOT)
				continue;
			fputs(i ? "instance: " : "", p.f);
			print_head(&p, plain[k].time + 1, plain[k].task);
			fprintf(p.f,
				"%sinval_slot: (ffffffffc0559894) kvm=0xffffc90000100000 as=0 id=3 "
				"gfn_start=0x102 gfn_end=0x104 seq=5 in_progress=1 "
				"range_start=0x102 "
				"range_end=0x104 filter=0\n",
				i ? "" : "retryscope_77:");
		}
		print_end(&p, &t);
		assert_int_equal(t.rc, 0);
		assert_int_equal(count_anomaly(&t, "recorded-twice"), 1);
		assert_string_equal(t.meta.vms[0].command, "qemu");
		test_trace_free(&t);
	}
}

/* perf.data is none, and how it becomes one is said. */
static void test_perf_data(void **state)
{
	static const char bytes[] = "PERFILE2\0\0\0\0\0\0\0\0";
	struct test_trace t = { 0 };

	test_trace_parse(&t, bytes, sizeof(bytes));
	assert_int_equal(t.rc, -EINVAL);
	assert_non_null(strstr(t.err.text, "'perf script --ns -i FILE'"));
	test_trace_free(&t);
}

/* A line of any length and any bytes; of 64 KiB only is anything seen. */
static void test_long_lines(void **state)
{
	char *junk = malloc(300000);
	struct printer p;

	assert_non_null(junk);
	for (int i = 0; i < 300000; i++)
		junk[i] = (char)(i * 7 % 255 == '\n' ? 0 : i * 7 % 255);
	print_start(&p, TRACE_CMD, 9);
	for (size_t k = 0; k < NR_PLAIN; k++) {
		assert_int_equal(fwrite(junk, 1, 60000 + k * 20000, p.f), 60000 + k * 20000);
		fputc('\n', p.f);
		print_put(&p, &plain[k]);
	}
	free(junk);
	assert_reads_as(&p, plain_text);
}

/* Of a text with changes anywhere: events or one line of an error, and the same once more. */
static void mutate(char *text, size_t *size, uint64_t *seed)
{
	static const char *const pieces[] = { ":",
					      "[001]",
					      "-1",
					      "0x",
					      "=",
					      "\n",
					      " ",
					      "EVENTS]",
					      "CPU:9 [LOST 1 ",
					      ".",
					      "fault_check: ",
					      "1.000001:",
					      "\r\n",
					      "99999999999" };
	const unsigned int changes = 1 + test_random(seed) % 4;

	for (unsigned int i = 0; i < changes; i++) {
		const size_t at = test_random(seed) % *size;
		const char *piece = pieces[test_random(seed) % NR(pieces)];
		const size_t n = strlen(piece) < *size - at ? strlen(piece) : *size - at;

		switch (test_random(seed) % 4) {
		case 0:
			text[at] = (char)test_random(seed);
			break;
		case 1:
			memcpy(text + at, piece, n);
			break;
		case 2:
			memmove(text + at, text + at + n, *size - at - n);
			*size -= n;
			break;
		default:
			memmove(text + at, text + test_random(seed) % (*size - n), n);
		}
	}
}

static void test_mutations(void **state)
{
	const char *wanted = getenv("RS_MUTATIONS");
	const unsigned long rounds = wanted ? strtoul(wanted, NULL, 10) : 1000;
	uint64_t seed = 18;

	for (unsigned long round = 0; round < rounds; round++) {
		struct printer p;
		struct test_trace t = { 0 };

		print_start(&p, (enum style)(round % NR_STYLES), round % 3 ? 9 : 6);
		for (size_t k = 0; k < NR_PLAIN; k++)
			print_put(&p, &plain[k]);
		assert_int_equal(fclose(p.f), 0);
		mutate(p.text, &p.size, &seed);
		test_trace_parse(&t, p.text, p.size);
		free(p.text);
		if (t.rc) {
			assert_int_equal(t.err.kind, RS_ERR_INPUT);
			assert_true(t.err.text[0]);
			assert_null(strchr(t.err.text, '\n'));
		}
		test_trace_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),	    cmocka_unit_test(test_names),
		cmocka_unit_test(test_command),	    cmocka_unit_test(test_one_microsecond),
		cmocka_unit_test(test_losses),	    cmocka_unit_test(test_lost_at_the_end),
		cmocka_unit_test(test_cut_lines),   cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_others),	    cmocka_unit_test(test_times_without_unit),
		cmocka_unit_test(test_tracepoints), cmocka_unit_test(test_less),
		cmocka_unit_test(test_facts),	    cmocka_unit_test(test_groups),
		cmocka_unit_test(test_perf_data),   cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
