// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases worked out by hand, in tests/data/model/ (its README has the syntax of
 * what they expect). The naive implementation must find what the file says, and
 * the engine what the naive implementation finds.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/cases.h"
#include "tests/common/compare.h"

#define MODEL_DATA TEST_DATA "/model"

struct model_case {
	struct case_file file;
	/* The fault_check that a verdict line is about. */
	uint64_t time_ns;
	uint32_t vm, vcpu;
	char kernel_algo[32];
	struct naive_result *naive;
	struct engine_run engine;
};

/* The figures by their names. */

struct figure {
	const char *name;
	size_t offset;
};

#define VM_FIGURE(member)                                  \
	{                                                  \
#member, offsetof(struct naive_vm, member) \
	}
static const struct figure vm_figures[] = {
	VM_FIGURE(begin_ns),	    VM_FIGURE(end_ns),
	VM_FIGURE(memslots),	    VM_FIGURE(frames),
	VM_FIGURE(aliased_frames),  VM_FIGURE(inval_hit),
	VM_FIGURE(inval_no_hit),    VM_FIGURE(inval_gfn),
	VM_FIGURE(inval_private),   VM_FIGURE(private_faults),
	VM_FIGURE(max_outstanding), VM_FIGURE(checked),
	VM_FIGURE(necessary),	    VM_FIGURE(checked_lockless),
	VM_FIGURE(no_memslot),	    VM_FIGURE(ended),
	VM_FIGURE(unjudged),	    VM_FIGURE(slot_invalid),
	VM_FIGURE(root_obsolete),   VM_FIGURE(async),
};

static const struct figure vm_dists[] = {
	VM_FIGURE(inval_ns),
	VM_FIGURE(epoch_ns),
	VM_FIGURE(epoch_invals),
};

#define ALGO_FIGURE(name, member)                         \
	{                                                 \
		name, offsetof(struct naive_algo, member) \
	}
static const struct figure algo_figures[] = {
	ALGO_FIGURE("rejected", rejected),
	ALGO_FIGURE("spurious", spurious),
	ALGO_FIGURE("missed", missed),
	ALGO_FIGURE("seq", causes[NAIVE_SEQ]),
	ALGO_FIGURE("no-hva", causes[NAIVE_NO_HVA]),
	ALGO_FIGURE("alias", causes[NAIVE_ALIAS]),
	ALGO_FIGURE("scatter", causes[NAIVE_SCATTER]),
	ALGO_FIGURE("concurrent", causes[NAIVE_CONCURRENT]),
	ALGO_FIGURE("stale", causes[NAIVE_STALE]),
	ALGO_FIGURE("max", blocked_max),
	ALGO_FIGURE("known", known[0]),
	ALGO_FIGURE("same", same[0]),
	ALGO_FIGURE("lockless_known", known[1]),
	ALGO_FIGURE("lockless_same", same[1]),
};

static const struct figure algo_dists[] = {
	ALGO_FIGURE("blocked_epoch", blocked_epoch),
	ALGO_FIGURE("widening_epoch", widening_epoch),
	ALGO_FIGURE("widening_time", widening_time),
};

#define NR(array) (sizeof(array) / sizeof(*(array)))

static const void *find(const struct figure *f, size_t n, const void *in, const char *key,
			size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(f[i].name) == len && strncmp(f[i].name, key, len) == 0)
			return (const char *)in + f[i].offset;
	return NULL;
}

/* "NAME.weight", ".min", ".max", ".total" of a distribution. */
static bool find_in_dist(const struct figure *f, size_t n, const void *in, const char *key,
			 uint64_t *value)
{
	const char *dot = strchr(key, '.');
	const struct naive_dist *d = dot ? find(f, n, in, key, dot - key) : NULL;

	if (!d)
		return false;
	if (strcmp(dot, ".weight") == 0)
		*value = d->weight;
	else if (strcmp(dot, ".min") == 0)
		*value = d->min;
	else if (strcmp(dot, ".max") == 0)
		*value = d->max;
	else if (strcmp(dot, ".total") == 0)
		*value = d->total;
	else
		return false;
	return true;
}

static void expect_algo(struct model_case *c, const struct naive_algo *a, const char *key,
			uint64_t expected)
{
	const uint64_t *p = find(algo_figures, NR(algo_figures), a, key, strlen(key));
	uint64_t value;

	if (strcmp(key, "page_ns") == 0)
		case_expect(&c->file, key, a->blocked_page_ns, expected);
	else if (p)
		case_expect(&c->file, key, *p, expected);
	else if (find_in_dist(algo_dists, NR(algo_dists), a, key, &value))
		case_expect(&c->file, key, value, expected);
	else
		case_fail(&c->file, "no such figure of an algorithm");
}

/* What only the engine knows of: the traced kernel's own words. */
static bool expect_state(struct model_case *c, uint32_t vm, const char *key, uint64_t expected)
{
	const struct rs_vm_result *v = engine_vm(c->engine.res, vm);

	if (!v)
		return false;
	if (strcmp(key, "state_compared") == 0)
		case_expect(&c->file, key, v->state_compared, expected);
	else if (strcmp(key, "state_equal") == 0)
		case_expect(&c->file, key, v->state_equal, expected);
	else if (strcmp(key, "disagreements") == 0)
		case_expect(&c->file, key, v->nr_disagreements, expected);
	else
		return false;
	return true;
}

static void expect_vm(struct model_case *c, const struct naive_vm *vm, const char *key,
		      uint64_t expected)
{
	const uint64_t *p = find(vm_figures, NR(vm_figures), vm, key, strlen(key));
	uint64_t value;

	if (strcmp(key, "epochs") == 0)
		case_expect(&c->file, key, vm->epoch_ns.weight, expected);
	else if (p)
		case_expect(&c->file, key, *p, expected);
	else if (find_in_dist(vm_dists, NR(vm_dists), vm, key, &value))
		case_expect(&c->file, key, value, expected);
	else if (!expect_state(c, vm->vm, key, expected))
		case_fail(&c->file, "no such figure of a VM");
}

static bool expect_anomaly(struct model_case *c, const char *key, uint64_t expected)
{
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++) {
		if (strcmp(key, rs_anomaly_name(i)) != 0)
			continue;
		case_expect(&c->file, key, c->engine.res->anomalies[i], expected);
		/* Said: what is left of it is unexpected. */
		c->engine.res->anomalies[i] = 0;
		return true;
	}
	return false;
}

static void expect_stream(struct model_case *c, const char *key, uint64_t expected)
{
	if (strcmp(key, "events") == 0)
		case_expect(&c->file, key, c->naive->events, expected);
	else if (strcmp(key, "lost") == 0)
		case_expect(&c->file, key, c->naive->lost, expected);
	else if (strcmp(key, "lost_marks") == 0)
		case_expect(&c->file, key, c->naive->lost_marks, expected);
	else if (!expect_anomaly(c, key, expected))
		case_fail(&c->file, "no such figure of a stream");
}

/* The lines. */

static const struct naive_vm *naive_vm(const struct model_case *c, uint32_t vm)
{
	for (size_t i = 0; i < c->naive->nr_vms; i++)
		if (c->naive->vms[i].vm == vm)
			return &c->naive->vms[i];
	return NULL;
}

static int algo_index(const struct model_case *c, const char *name)
{
	for (size_t i = 0; c->naive->nr_vms && i < c->naive->nr_algos; i++)
		if (strcmp(c->naive->vms[0].algos[i].name, name) == 0)
			return i;
	return -1;
}

/* "vm=N algo=NAME KEY=VALUE ...": the first two are where, and may be missing. */
static void line_expect(struct model_case *c, char *words)
{
	const struct naive_vm *vm = NULL;
	int algo = -1;

	for (char *save, *w = strtok_r(words, " \t\n", &save); w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		char *value = strchr(w, '=');

		if (!value) {
			case_fail(&c->file, "KEY=VALUE expected");
			continue;
		}
		*value++ = 0;
		if (strcmp(w, "vm") == 0) {
			vm = naive_vm(c, strtoul(value, NULL, 0));
			if (!vm)
				return case_fail(&c->file, "no such VM");
		} else if (strcmp(w, "algo") == 0) {
			algo = algo_index(c, value);
			if (algo < 0 || !vm)
				return case_fail(&c->file, "no such algorithm, or no VM before it");
		} else if (vm && algo >= 0) {
			expect_algo(c, &vm->algos[algo], w, strtoull(value, NULL, 0));
		} else if (vm) {
			expect_vm(c, vm, w, strtoull(value, NULL, 0));
		} else {
			expect_stream(c, w, strtoull(value, NULL, 0));
		}
	}
}

static const struct naive_judged *judged_here(const struct model_case *c)
{
	for (size_t i = 0; i < c->naive->nr_judged; i++) {
		const struct naive_judged *j = &c->naive->judged[i];

		if (j->time_ns == c->time_ns && j->vm == c->vm && j->vcpu == c->vcpu)
			return j;
	}
	return NULL;
}

static const char *verdict_name(const struct naive_judged *j, size_t algo)
{
	if (j->rejected[algo] == NAIVE_NOT_REJECTED)
		return j->necessary ? "missed" : "accept";
	if (j->rejected[algo] == NAIVE_NECESSARY)
		return "necessary";
	return rs_cause_name(j->rejected[algo] - 1);
}

static void expect_verdict(struct model_case *c, const struct naive_judged *j, size_t algo,
			   const char *word)
{
	char text[256];

	c->file.expectations++;
	if (strcmp(word, verdict_name(j, algo)) == 0)
		return;
	snprintf(text, sizeof(text), "%s: %s, not %s", c->naive->vms[0].algos[algo].name,
		 verdict_name(j, algo), word);
	case_fail(&c->file, text);
}

static bool is_proposal(const char *name)
{
	return strstr(name, "-recent:");
}

/* "ALGO=WORD ...", "rest=WORD" for those not yet named, or "none": not judged. */
static void line_verdict(struct model_case *c, char *words)
{
	const struct naive_judged *j = judged_here(c);
	bool said[NAIVE_MAX_ALGOS] = { false };

	for (char *save, *w = strtok_r(words, " \t\n", &save); w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		char *value = strchr(w, '=');

		if (strcmp(w, "none") == 0 && !j) {
			c->file.expectations++;
			return;
		}
		if (!j || !value)
			return case_fail(&c->file,
					 j ? "this check is judged" : "this check is not judged");
		*value++ = 0;
		for (size_t i = 0; i < c->naive->nr_algos; i++) {
			const char *name = c->naive->vms[0].algos[i].name;

			if (said[i] ||
			    !(strcmp(w, "rest") == 0 ? !is_proposal(name) : strcmp(w, name) == 0))
				continue;
			said[i] = true;
			expect_verdict(c, j, i, value);
		}
		if (strcmp(w, "rest") != 0 && algo_index(c, w) < 0)
			case_fail(&c->file, "no such algorithm");
	}
}

static void one_line(struct model_case *c, char *line)
{
	uint64_t time_ns;
	uint32_t vm, vcpu;

	if (strncmp(line, "# expect ", 9) == 0)
		line_expect(c, line + 9);
	else if (strncmp(line, "# verdict ", 10) == 0)
		line_verdict(c, line + 10);
	else if (sscanf(line, "%" SCNu64 " %" SCNu32 " fault_check vcpu=%" SCNu32, &time_ns, &vm,
			&vcpu) == 3) {
		c->time_ns = time_ns;
		c->vm = vm;
		c->vcpu = vcpu;
	}
}

static void for_lines(struct model_case *c, void (*apply)(struct model_case *c, char *line))
{
	char line[4096];
	FILE *f = fopen(c->file.path, "r");

	assert_non_null(f);
	for (c->file.line = 1; fgets(line, sizeof(line), f); c->file.line++)
		apply(c, line);
	fclose(f);
}

static void find_kernel_algo(struct model_case *c, char *line)
{
	sscanf(line, "# kernel-algo %31s", c->kernel_algo);
}

static void nothing_else_wrong(struct model_case *c)
{
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		case_expect(&c->file, rs_anomaly_name(i), c->engine.res->anomalies[i], 0);
}

static void test_case(void **state)
{
	struct model_case c = { .file.path = *state };
	struct stream s = stream_read(c.file.path);

	for_lines(&c, find_kernel_algo);
	c.naive = naive_run(s.v, s.n, NAIVE_ALL_ALGOS);
	c.engine = engine_run(&s, NAIVE_ALL_ALGOS, 0, *c.kernel_algo ? c.kernel_algo : NULL);
	if (!compare_results(c.naive, &c.engine, stderr))
		case_fail(&c.file, "naive and engine differ");
	for_lines(&c, one_line);
	nothing_else_wrong(&c);
	naive_free(c.naive);
	engine_free(&c.engine);
	stream_free(&s);
	assert_int_equal(c.file.failures, 0);
	/* Besides the anomalies, at which every case looks. */
	assert_true(c.file.expectations > RS_NR_ANOMALIES);
}

/*
 * Frames are counted in 63 bits. Memslots that would need more are refused: 2048 of
 * the largest fit, one more is too many. The engine alone: so many memslots take
 * the naive implementation hours.
 */
static void test_memslot_too_large(void **state)
{
	const uint64_t npages = (1ULL << 52) - 1;
	struct stream s = { calloc(2050, sizeof(*s.v)), 2050 };
	struct engine_run e;

	assert_non_null(s.v);
	for (size_t i = 0; i < 2049; i++)
		s.v[i] = (struct rs_event){ .type = RS_EV_MEMSLOT,
					    .vm = 1,
					    .memslot.id = i,
					    .memslot.gfn = i * npages,
					    .memslot.npages = npages };
	/* Refused, it changed nothing: there is room for a small one. */
	s.v[2049] = s.v[2048];
	s.v[2049].memslot.npages = 1;
	e = engine_run(&s, "exact", 0, NULL);
	/* 2048 x (2^52 - 1) + 1 = 2^63 - 2047 */
	assert_true(e.res->vms[0].frames == (1ULL << 63) - 2047);
	assert_int_equal(e.res->vms[0].memslots, 2049);
	assert_int_equal(e.res->anomalies[RS_ANOM_MEMSLOT_TOO_LARGE], 1);
	engine_free(&e);
	stream_free(&s);
}

int main(void)
{
	const struct CMUnitTest also[] = { cmocka_unit_test(test_memslot_too_large) };

	return cases_run("model", MODEL_DATA, test_case, also, 1);
}
