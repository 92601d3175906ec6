// SPDX-License-Identifier: GPL-2.0-only
/* The fair reader-writer lock: who excludes whom, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "replay/cost/fairlock.h"

#define THREADS 4
#define ROUNDS 5000
#define WRITES 200

static struct rs_fairlock lock;
static atomic_int readers, writers, violations;
static uint64_t words[8]; /* plain: the lock alone keeps them together */

/* Relaxed, so that these counts order nothing: a missing order of the lock must show. */
static int add(atomic_int *count, int n)
{
	return atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

static int get(atomic_int *count)
{
	return add(count, 0);
}

static int start(void **state)
{
	memset(&lock, 0, sizeof(lock));
	memset(words, 0, sizeof(words));
	readers = writers = violations = 0;
	return 0;
}

static void read_once(void)
{
	rs_fairlock_read_lock(&lock);
	add(&readers, 1);
	add(&violations, get(&writers) != 0);
	for (int i = 1; i < 8; i++)
		add(&violations, words[i] != words[0]);
	add(&readers, -1);
	rs_fairlock_read_unlock(&lock);
}

static void write_once(void)
{
	rs_fairlock_write_lock(&lock);
	add(&violations, add(&writers, 1) != 0 || get(&readers) != 0);
	for (int i = 0; i < 8; i++)
		words[i]++;
	add(&writers, -1);
	rs_fairlock_write_unlock(&lock);
}

/* Every thread both reads and writes, in a mix of its own. */
static void *mixed(void *arg)
{
	uint32_t random = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		random = random * 1664525 + 1013904223;
		if (random >> 30)
			read_once();
		else
			write_once();
	}
	return NULL;
}

static void test_exclusion(void **state)
{
	pthread_t threads[THREADS];
	uint64_t writes = 0;

	for (uintptr_t i = 0; i < THREADS; i++) {
		uint32_t random = (uint32_t)(i + 1);

		for (int k = 0; k < ROUNDS; k++) {
			random = random * 1664525 + 1013904223;
			writes += !(random >> 30);
		}
		assert_int_equal(pthread_create(&threads[i], NULL, mixed, (void *)(i + 1)), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(violations, 0);
	assert_true(writes > 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(words[i], writes);
}

/* One reader that is inside until it is told, and counts as one. */
static atomic_bool leave;

static void *stay(void *arg)
{
	rs_fairlock_read_lock(&lock);
	readers++;
	while (!leave)
		sched_yield();
	readers--;
	rs_fairlock_read_unlock(&lock);
	return NULL;
}

static void wait_for(atomic_int *count, int value)
{
	while (*count != value)
		sched_yield();
}

static void test_readers_together(void **state)
{
	pthread_t threads[THREADS];

	leave = false;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, stay, NULL), 0);
	wait_for(&readers, THREADS); /* or the test hangs: they exclude each other */
	leave = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(readers, 0);
}

static atomic_int order, writer_place, reader_place;

static void *late_writer(void *arg)
{
	rs_fairlock_write_lock(&lock);
	writer_place = ++order;
	rs_fairlock_write_unlock(&lock);
	return NULL;
}

static void *late_reader(void *arg)
{
	rs_fairlock_read_lock(&lock);
	reader_place = ++order;
	rs_fairlock_read_unlock(&lock);
	return NULL;
}

static void wait_for_ticket(uint32_t next)
{
	while (lock.next != next)
		sched_yield();
}

/* A reader is inside, a writer waits, one more reader comes: the writer goes first. */
static void test_first_come_first_served(void **state)
{
	pthread_t threads[3];

	leave = false;
	order = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, stay, NULL), 0);
	wait_for(&readers, 1);
	assert_int_equal(pthread_create(&threads[1], NULL, late_writer, NULL), 0);
	wait_for_ticket(2);
	assert_int_equal(pthread_create(&threads[2], NULL, late_reader, NULL), 0);
	wait_for_ticket(3);
	assert_int_equal(order, 0);
	leave = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(writer_place, 1);
	assert_int_equal(reader_place, 2);
}

static atomic_bool stop;

static void *keep_reading(void *arg)
{
	while (!stop)
		read_once();
	return NULL;
}

/* Readers never cease to come: a lock that prefers them would let no writer in. */
static void test_writer_gets_in(void **state)
{
	pthread_t threads[THREADS];

	stop = false;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_reading, NULL), 0);
	for (int i = 0; i < WRITES; i++)
		write_once();
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(words[0], WRITES);
	assert_int_equal(violations, 0);
}

/* The tickets are 32 bits and wrap. */
static void test_wraps(void **state)
{
	lock.next = lock.read = lock.write = UINT32_MAX - 3;
	for (int i = 0; i < 16; i++) {
		read_once();
		write_once();
	}
	assert_int_equal(words[0], 16);
	assert_int_equal(lock.next, 28);
	assert_int_equal(lock.read, 28);
	assert_int_equal(lock.write, 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exclusion, start),
		cmocka_unit_test_setup(test_readers_together, start),
		cmocka_unit_test_setup(test_first_come_first_served, start),
		cmocka_unit_test_setup(test_writer_gets_in, start),
		cmocka_unit_test_setup(test_wraps, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
