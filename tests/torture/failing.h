/* failing.h - memory of which the nth piece cannot be had
 *
 * A program is run again and again.  In run n the nth allocation finds no memory, once or from then on; the runs end
 * with the first that makes fewer than n.  Whatever fails, the program must end, answer 0 or -ENOMEM, and give back what it got. */
#ifndef TESTS_TORTURE_FAILING_H
#define TESTS_TORTURE_FAILING_H

#include <rota.h>
#include <stdlib.h>

#include "calls.h"
#include "completions.h"
#include "harness/test.h"
#include "poll/generation.h"

static size_t calls, fail_at, live;
static bool for_good;

static inline bool fails(void)
{
	size_t nth = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);

	return for_good ? nth >= fail_at : nth == fail_at;
}

static inline void *alloc(size_t size)
{
	void *ptr = fails() ? NULL : malloc(size);

	__atomic_add_fetch(&live, ptr != NULL, __ATOMIC_RELAXED);
	return ptr;
}

static inline void *re_alloc(void *ptr, size_t size)
{
	void *moved = fails() ? NULL : realloc(ptr, size);

	__atomic_add_fetch(&live, ptr == NULL && moved != NULL, __ATOMIC_RELAXED);
	return moved;
}

static inline void dealloc(void *ptr)
{
	__atomic_sub_fetch(&live, ptr != NULL, __ATOMIC_RELAXED);
	free(ptr);
}

static const struct rota_allocator counting = { alloc, re_alloc, dealloc };

/* The same with system calls that fail (calls.h). */
static inline void torture_runs_of_calls(int (*run)(void *arg), void *arg)
{
	uint32_t generation;

	CHECK_EQ(rota__fd_generation(0, &generation), 0); /* as below */
	rota_set_allocator(&counting);
	torture_calls(run, arg, &live);
}

/* The same with requests of an io_uring (completions.h). */
static inline void torture_runs_of_completions(int (*run)(void *arg), void *arg)
{
	uint32_t generation;

	CHECK_EQ(rota__fd_generation(0, &generation), 0); /* as below */
	rota_set_allocator(&counting);
	torture_completions(run, arg, &live);
}

/* Runs of the same program, with less and less in its way.  run(arg) is 0 when memory suffices. */
static inline void torture_runs(int (*run)(void *arg), void *arg, bool from_then_on)
{
	size_t nth = 0, kept;
	uint32_t generation;
	int rc;

	CHECK_EQ(rota__fd_generation(0, &generation), 0); /* its table is made when a descriptor is first waited for, and kept */
	rota_set_allocator(&counting);
	for_good = false;
	fail_at = 0;
	calls = 0;
	CHECK_EQ(run(arg), 0); /* it can succeed, and warms what is kept for later */
	CHECK(calls > 0);
	kept = live;
	for_good = from_then_on;
	do {
		fail_at = ++nth;
		calls = 0;
		rc = run(arg);
		if (rc < 0 && rc != -ENOMEM)
			test_fail(__FILE__, __LINE__, "allocation %zu: the answer is %d (%s)", nth, rc, rota_strerror(rc));
		if (live > kept)
			test_fail(__FILE__, __LINE__, "allocation %zu: %zu were not given back", nth, live - kept);
	} while (calls >= nth);
	CHECK_EQ(rc, 0);
	CHECK(nth > 1);
}

#endif
