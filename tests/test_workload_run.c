// SPDX-License-Identifier: GPL-2.0-only
/*
 * The workload on a KVM that is none (tests/preload/fake_kvm.c): what it counts, that it
 * ends when it should, and what it says of a KVM that refuses. /dev/kvm is not touched.
 */
#include <errno.h>
#include <jansson.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/program.h"
#include "tests/common/skip.h"
#include "tests/schema/schema.h"

#define PORTION (1LL << 30)
/* How far a vCPU of the made-up KVM comes before its first portion is over. */
#define FIRST_STEPS 2000

static struct program p;

#define ARGS(...) ((const char *const[]){ RETRYSCOPE, "workload", __VA_ARGS__, NULL })

static void start(const char *const *argv, const char *refused)
{
	const char *const env[] = { refused, NULL };
	struct program_opts o = { .argv = argv, .preload = FAKE_KVM, .env = refused ? env : NULL };

	program_start(&p, &o);
}

static void ends_with(int code)
{
	int got = program_end(&p);

	if (got != code)
		fail_msg("it ended with %d, not %d, and said: %s", got, code, p.err.text);
}

static void run(const char *const *argv)
{
	start(argv, NULL);
	ends_with(0);
	assert_string_equal(p.err.text, "");
}

/* The report of what has just run; its VM @i. */
static json_t *report(void)
{
	json_error_t error;
	json_t *root = json_loads(p.out.text, 0, &error);
	char why[SCHEMA_WHY];

	if (!root)
		fail_msg("its report is no JSON: %s", error.text);
	if (!schema_holds(root, why))
		fail_msg("its report is not as docs/schema has it: %s", why);
	return root;
}

static json_t *vm_of(const json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "vms"), i);
}

static int64_t number(const json_t *vm, const char *a, const char *b)
{
	json_t *v = json_object_get(vm, a);

	if (b)
		v = json_object_get(v, b);
	if (!json_is_integer(v))
		fail_msg("there is no number %s %s", a, b ? b : "");
	return json_integer_value(v);
}

/* On a busy machine what has to happen takes longer: the report of a run in which it did. */
static json_t *report_of(const char *const *argv, bool (*enough)(const json_t *root))
{
	static const char *const seconds[] = { "400ms", "2", "10", "50" };
	const char *words[16];
	json_t *root = NULL;

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		size_t n = 0;

		json_decref(root);
		for (; argv[n]; n++)
			words[n] = argv[n];
		words[n++] = "--seconds";
		words[n++] = seconds[i];
		words[n] = NULL;
		run(words);
		root = report();
		if (enough(root))
			break;
	}
	return root;
}

static bool has_two_portions(const json_t *root)
{
	const json_t *vm = vm_of(root, 0);

	return number(vm, "accesses", NULL) >= 2 * PORTION &&
	       number(vm, "invalidations", "dontneed") > 0;
}

static void test_counts(void **state)
{
	json_t *root = report_of(ARGS("--json"), has_two_portions), *vm;
	int64_t accesses, taken;

	assert_int_equal(json_array_size(json_object_get(root, "vms")), 1);
	vm = vm_of(root, 0);
	assert_int_equal(number(vm, "vm", NULL), 0);
	assert_int_equal(number(vm, "pid", NULL), p.pid);
	assert_true(number(vm, "elapsed_ns", NULL) >= 400000000);
	assert_true(number(vm, "elapsed_ns", NULL) < 60000000000);
	assert_true(number(vm, "invalidations", "dontneed") > 0);
	assert_int_equal(number(vm, "invalidations", "remap"), 0);
	assert_int_equal(number(vm, "refused", "dontneed"), 0);
	assert_int_equal(number(vm, "mmio", NULL), 0);
	assert_int_equal(number(vm, "churned", "delete"), 0);
	/* Two portions that were over, and what was left of the budgets then. */
	accesses = number(vm, "accesses", NULL);
	taken = number(vm, "kvm", "pf_taken");
	assert_true(taken > 2 * FIRST_STEPS);
	if (accesses < 2 * PORTION + taken - 2 * FIRST_STEPS || accesses > 2 * PORTION + taken)
		fail_msg("%lld accesses, but the guest made %lld in two portions",
			 (long long)accesses, (long long)taken);
	/* The kernel has no such counter. */
	assert_true(json_is_null(json_object_get(json_object_get(vm, "kvm"), "pf_fixed")));
	json_decref(root);
}

static void test_text(void **state)
{
	char expected[64];
	double seconds;

	run(ARGS("--seconds", "300ms", "--ops", "remap", "--rate", "100"));
	snprintf(expected, sizeof(expected), "VM 0, pid %d, ", (int)p.pid);
	assert_int_equal(strncmp(p.out.text, expected, strlen(expected)), 0);
	seconds = strtod(p.out.text + strlen(expected), NULL);
	assert_true(seconds >= 0.3 && seconds < 60);
	assert_non_null(strstr(p.out.text, "\n  accesses "));
	assert_non_null(strstr(p.out.text, "\n  remap "));
	assert_non_null(strstr(p.out.text, " invalidations\n"));
	assert_non_null(strstr(p.out.text, "\n  pf_taken "));
	assert_non_null(strstr(p.out.text, " counted by KVM\n"));
	assert_null(strstr(p.out.text, "pf_fixed"));
	assert_null(strstr(p.out.text, "memslot changes"));
	assert_null(strstr(p.out.text, "dontneed"));
}

static bool has_ten(const json_t *root)
{
	return number(vm_of(root, 0), "invalidations", "dontneed") >= 10;
}

/* So many a second, and not many more. */
static void test_rate(void **state)
{
	json_t *root = report_of(ARGS("--rate", "50", "--invalidators", "2", "--json"), has_ten);
	int64_t n = number(vm_of(root, 0), "invalidations", "dontneed");
	double seconds = (double)number(vm_of(root, 0), "elapsed_ns", NULL) / 1e9;

	if (n < 10 || (double)n > 2 * 2 * (50 * seconds + 1))
		fail_msg("2 invalidators with 50 a second made %lld in %f s", (long long)n,
			 seconds);
	json_decref(root);
}

static void test_no_invalidators(void **state)
{
	json_t *root;

	run(ARGS("--seconds", "100ms", "--invalidators", "0", "--json"));
	root = report();
	assert_int_equal(number(vm_of(root, 0), "invalidations", "dontneed"), 0);
	assert_true(number(vm_of(root, 0), "kvm", "pf_taken") > 0);
	json_decref(root);
}

static bool is_churned(const json_t *root)
{
	const json_t *vm = vm_of(root, 0);

	return number(vm, "churned", "delete") > 0 && number(vm, "churned", "move") > 0 &&
	       number(vm, "churned", "flags") > 0 && number(vm, "mmio", NULL) > 0;
}

/* All changes are made, and accesses in between find no memslot. */
static void test_churn(void **state)
{
	json_t *root =
		report_of(ARGS("--churn", "100", "--churn-ops", "all", "--json"), is_churned);

	assert_true(is_churned(root));
	json_decref(root);
	run(ARGS("--seconds", "300ms", "--churn", "100", "--churn-ops", "flags"));
	assert_non_null(strstr(p.out.text, " memslot changes\n"));
	assert_null(strstr(p.out.text, "without a memslot"));
	run(ARGS("--seconds", "1", "--churn", "100", "--churn-ops", "delete"));
	assert_non_null(strstr(p.out.text, "  without a memslot "));
}

static void test_vms(void **state)
{
	json_t *root;

	run(ARGS("--seconds", "200ms", "--vms", "3", "--json"));
	root = report();
	assert_int_equal(json_array_size(json_object_get(root, "vms")), 3);
	for (size_t i = 0; i < 3; i++) {
		json_t *vm = vm_of(root, i);

		assert_int_equal(number(vm, "vm", NULL), i);
		assert_int_not_equal(number(vm, "pid", NULL), p.pid);
		assert_int_not_equal(number(vm, "pid", NULL),
				     number(vm_of(root, (i + 1) % 3), "pid", NULL));
		assert_true(number(vm, "accesses", NULL) > 0);
	}
	json_decref(root);
}

static void interrupted(const char *const *argv, int sig, unsigned int vms)
{
	json_t *root;

	start(argv, NULL);
	assert_true(program_catches(&p, SIGINT));
	usleep(200000);
	kill(p.pid, sig);
	ends_with(0);
	root = report();
	assert_int_equal(json_array_size(json_object_get(root, "vms")), vms);
	for (size_t i = 0; i < vms; i++)
		assert_true(number(vm_of(root, i), "elapsed_ns", NULL) > 0);
	json_decref(root);
}

/* 0 seconds is until it is told; a signal that only the first process gets is passed on. */
static void test_until_interrupted(void **state)
{
	interrupted(ARGS("--seconds", "0", "--json"), SIGINT, 1);
	interrupted(ARGS("--seconds", "0", "--json"), SIGTERM, 1);
	interrupted(ARGS("--seconds", "0", "--json", "--vms", "2"), SIGINT, 2);
}

/* The process's children, the first one first: how many of the two that are wanted. */
static int children(pid_t pid, int of[2])
{
	char path[128], text[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "r");
	if (!f) {
		kill(pid, SIGKILL);
		program_end(&p);
		test_skip("the kernel does not tell a process's children");
	}
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return sscanf(text, "%d %d", &of[0], &of[1]);
}

static void wait_for_children(int count, int of[2])
{
	for (int i = 0; children(p.pid, of) != count; i++) {
		assert_true(i < 3000);
		usleep(10000);
	}
}

static void own_group(void *arg, pid_t pid)
{
	assert_int_equal(setpgid(pid, pid), 0);
}

/* A process of the program's group that is none of its VMs. */
static pid_t start_witness(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, SIG_DFL);
		pause();
		_exit(0);
	}
	assert_int_equal(setpgid(pid, p.pid), 0);
	return pid;
}

/* The one before the other is waited for first. */
static void kill_vm(int which, const char *message)
{
	struct program_opts o = { .argv = ARGS("--seconds", "0", "--vms", "2"),
				  .preload = FAKE_KVM,
				  .before = own_group };
	int of[2], status;
	pid_t witness;

	program_start(&p, &o);
	wait_for_children(2, of);
	witness = start_witness();
	kill(of[which], SIGKILL);
	if (!which)
		wait_for_children(1, of);
	kill(p.pid, SIGINT);
	ends_with(4);
	assert_string_equal(p.err.text, message);
	if (waitpid(witness, &status, WNOHANG))
		fail_msg("a process that is no VM was told to end");
	kill(witness, SIGKILL);
	waitpid(witness, NULL, 0);
}

static void test_killed_vm(void **state)
{
	kill_vm(0, "retryscope: the process of VM 0 was killed\n");
	kill_vm(1, "retryscope: the process of VM 1 was killed\n");
}

static void test_memslots_to(void **state)
{
	char path[] = "/tmp/rs-memslots-XXXXXX", text[4096], line[128];
	const char *const info[] = { RETRYSCOPE, "info", path, NULL };
	unsigned int lines = 0;
	FILE *f;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	run(ARGS("--seconds", "50ms", "--pages", "64", "--aliases", "1", "--memslots", "2", "--vms",
		 "2", "--memslots-to", path));
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_int_equal(strncmp(text, "retryscope-events 1\n", 20), 0);
	for (const char *at = text; (at = strstr(at, " memslot as=0 id=")); at++)
		lines++;
	assert_int_equal(lines, 2 * (1 + 2 * 2));
	snprintf(line, sizeof(line), "\n0 2 memslot as=0 id=4 gfn=0x11020 npages=0x20 hva=0x");
	assert_non_null(strstr(text, line));
	/* Both aliases of a page have one address. */
	for (int vm = 1; vm <= 2; vm++) {
		unsigned long long hva[2];

		for (int i = 0; i < 2; i++) {
			const char *at;

			snprintf(line, sizeof(line),
				 "\n0 %d memslot as=0 id=%d gfn=0x%s npages=0x20 hva=0x", vm,
				 1 + 2 * i, i ? "11000" : "1000");
			at = strstr(text, line);
			assert_non_null(at);
			hva[i] = strtoull(at + strlen(line), NULL, 16);
		}
		assert_true(hva[0] && hva[0] == hva[1]);
	}
	assert_int_equal(program_run(&p, info), 0);
	unlink(path);
	start(ARGS("--seconds", "50ms", "--memslots-to", "/no/such/folder/x"), NULL);
	ends_with(4);
	assert_string_equal(p.out.text, "");
}

/* It ends at once, long before its time is over. */
static void refused(const char *what, int code, const char *text)
{
	start(ARGS("--seconds", "1000"), what);
	if (program_end(&p) != code || !strstr(p.err.text, text))
		fail_msg("%s: it ends with %d and says: %s", what, p.status >> 8, p.err.text);
	assert_ptr_equal(strchr(p.err.text, '\n'), p.err.text + p.err.len - 1);
	assert_string_equal(p.out.text, "");
	/* The same of one of several. */
	start(ARGS("--seconds", "1000", "--vms", "2"), what);
	if (program_end(&p) != code || !strstr(p.err.text, text))
		fail_msg("%s: with two VMs it ends with %d and says: %s", what, p.status >> 8,
			 p.err.text);
}

static void test_refusals(void **state)
{
	refused("FAKE_KVM=open:2", 3, "cannot open /dev/kvm: No such file or directory; load the ");
	refused("FAKE_KVM=open:13", 3, "cannot open /dev/kvm: Permission denied; ");
	refused("FAKE_KVM=api:0", 3, "/dev/kvm is of another API version\n");
	refused("FAKE_KVM=mmap_size:0", 3, "KVM has no memory for vCPUs\n");
	refused("FAKE_KVM=vm:16", 3, "KVM creates no VM: Device or resource busy\n");
	refused("FAKE_KVM=slot@3:22", 3, "KVM refuses memslot 2 of 5: Invalid argument\n");
	refused("FAKE_KVM=vcpu:17", 3, "KVM refuses vCPU 0: File exists\n");
	refused("FAKE_KVM=vcpu@2:12", 3, "KVM refuses vCPU 1: Cannot allocate memory\n");
	refused("FAKE_KVM=sregs:22", 3, "KVM refuses vCPU 0: Invalid argument\n");
	refused("FAKE_KVM=set_sregs@2:22", 3, "KVM refuses vCPU 1: Invalid argument\n");
	refused("FAKE_KVM=regs:22", 3, "KVM refuses vCPU 0: Invalid argument\n");
	refused("FAKE_KVM=run:9", 3, " does not run: Bad file descriptor\n");
	refused("FAKE_KVM=exit:17", 3, " ended with exit reason 17 of KVM\n");
}

/* What only ends a KVM_RUN is no failure. */
static void test_not_refused(void **state)
{
	static const char *const harmless[] = { "FAKE_KVM=run@3:4", "FAKE_KVM=run@3:11",
						"FAKE_KVM=run@3:14" };

	for (size_t i = 0; i < 3; i++) {
		const char *at;

		start(ARGS("--seconds", "100ms"), harmless[i]);
		ends_with(0);
		at = strstr(p.out.text, "  on read-only memory ");
		assert_int_equal(at ? atoi(at + strlen("  on read-only memory ")) : 0, i == 2);
	}
	start(ARGS("--seconds", "100ms", "--json"), "FAKE_KVM=stats:25");
	ends_with(0);
	assert_non_null(strstr(p.out.text, "\"pf_taken\": null"));
	start(ARGS("--seconds", "100ms"), "FAKE_KVM=stats:25");
	ends_with(0);
	assert_null(strstr(p.out.text, "counted by KVM"));
}

/* Memslots that KVM refuses in between are tried again, and not counted. */
static void test_churn_refused(void **state)
{
	json_t *root;

	start(ARGS("--seconds", "2", "--churn", "100", "--json"), "FAKE_KVM=slot@6:12");
	ends_with(0);
	root = report();
	assert_true(number(vm_of(root, 0), "churned", "delete") > 0);
	json_decref(root);
}

static bool has_holes(const json_t *root)
{
	const json_t *vm = vm_of(root, 0);

	return number(vm, "invalidations", "punch") > 0 &&
	       number(vm, "invalidations", "dontneed") > 0 &&
	       number(vm, "invalidations", "populate") > 0;
}

/* Its memslots' pages are the file's: a hole is nothing that a guest cannot read. */
static void test_guest_memfd(void **state)
{
	static const char *const names[] = { "gmem", "gmem-mixed" };

	for (size_t i = 0; i < 2; i++) {
		json_t *root = report_of(ARGS("--scenario", names[i], "--json"), has_holes);
		json_t *vm = vm_of(root, 0);

		assert_true(has_holes(root));
		assert_int_equal(number(vm, "refused", "punch"), 0);
		assert_int_equal(number(vm, "mmio", NULL), 0);
		assert_int_equal(number(vm, "unmapped", NULL), 0);
		json_decref(root);
	}
	run(ARGS("--scenario", "gmem", "--seconds", "1", "--churn", "100"));
	assert_non_null(strstr(p.out.text, " memslot changes\n"));
}

static bool both_fault(const json_t *root)
{
	return number(vm_of(root, 0), "kvm", "pf_taken") > 0 &&
	       number(vm_of(root, 1), "kvm", "pf_taken") > 0;
}

/* Two VMs, one process; a signal ends both. */
static void test_one_process(void **state)
{
	json_t *root = report_of(ARGS("--scenario", "gmem-two-vms", "--json"), both_fault);

	assert_int_equal(json_array_size(json_object_get(root, "vms")), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(number(vm_of(root, i), "vm", NULL), i);
		assert_int_equal(number(vm_of(root, i), "pid", NULL), p.pid);
		assert_true(number(vm_of(root, i), "kvm", "pf_taken") > 0);
	}
	json_decref(root);
	interrupted(ARGS("--seconds", "0", "--json", "--vms", "3", "--one-process"), SIGINT, 3);
	/* One that fails ends the other. */
	start(ARGS("--seconds", "1000", "--vms", "2", "--one-process"), "FAKE_KVM=vcpu@3:12");
	ends_with(3);
	assert_non_null(strstr(p.err.text, ": Cannot allocate memory\n"));
	assert_string_equal(p.out.text, "");
}

static void gmem_refused(const char *scenario, const char *what, const char *text)
{
	start(ARGS("--scenario", scenario, "--seconds", "20"), what);
	if (program_end(&p) != 3 || !strstr(p.err.text, text))
		fail_msg("%s: it ends with %d and says: %s", what, p.status >> 8, p.err.text);
	assert_ptr_equal(strchr(p.err.text, '\n'), p.err.text + p.err.len - 1);
	assert_string_equal(p.out.text, "");
}

static void test_no_guest_memfd(void **state)
{
	static const char *const names[] = { "gmem", "gmem-mixed", "gmem-two-vms" };

	for (size_t i = 0; i < 3; i++) {
		gmem_refused(names[i], "FAKE_KVM=gmem_flags:0",
			     "KVM has no guest_memfd for ordinary VMs here");
		gmem_refused(names[i], "FAKE_KVM=gmem:12",
			     "KVM creates no guest_memfd of 1024 pages: Cannot allocate memory\n");
	}
	gmem_refused("gmem", "FAKE_KVM=slot@3:22", "KVM refuses memslot 2 of 17: Invalid argument");
}

static void test_scenarios(void **state)
{
	static const char *const names[] = { "alias0", "partial", "memslots", "invalidators",
					     "churn" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *root;

		run(ARGS("--scenario", names[i], "--seconds", "100ms", "--json"));
		root = report();
		assert_true(number(vm_of(root, 0), "kvm", "pf_taken") > 0);
		json_decref(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_no_invalidators),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_vms),
		cmocka_unit_test(test_until_interrupted),
		cmocka_unit_test(test_killed_vm),
		cmocka_unit_test(test_memslots_to),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_not_refused),
		cmocka_unit_test(test_churn_refused),
		cmocka_unit_test(test_guest_memfd),
		cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_no_guest_memfd),
		cmocka_unit_test(test_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
