/* ending.c - the program's code that runs when a task ends: destructors of its locals, the report of its error
 *
 * It runs in the task itself, which may do there whatever a task may. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run.h"

#include "base/atomic.h"
#include "base/sanitizers.h"

enum { TASKS = 8, ROUNDS = 20 };

static uint32_t destroyed;

static void *no_value(void)
{
	static char value;

	return &value;
}

/* `fn` as so many tasks, round after round. */
static void run_many(rota_fn fn, const struct rota_task_options *options)
{
	struct rota_task *task;
	struct rota_scope scope;

	for (int i = 0; i < ROUNDS; i++) {
		rota_scope_open(&scope);
		for (int j = 0; j < TASKS; j++)
			CHECK_EQ(rota_spawn_task(&task, &scope, fn, NULL, options), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

static void sleep_and_count(void *value)
{
	CHECK_EQ(rota_yield(), 0);
	CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	add_relaxed(&destroyed, 1);
}

static const struct rota_local slow = { .name = "slow", .destroy = sleep_and_count };

static int set_slow(void *arg)
{
	return rota_local_set(&slow, no_value());
}

TASK_TEST(a_destructor_may_wait_and_the_join_waits_for_it)
{
	run_many(set_slow, NULL);
	CHECK_EQ(destroyed, TASKS * ROUNDS);
}

static void close_stream(void *value)
{
	rota_close(value);
	add_relaxed(&destroyed, 1);
}

static const struct rota_local connection = { .name = "connection", .destroy = close_stream };

static int set_connection(void *stream)
{
	return rota_local_set(&connection, stream);
}

TASK_TEST(a_destructor_may_close_a_stream_of_another_worker)
{
	struct rota_task_options anywhere = { .worker = ROTA_WORKER_NEXT };
	struct rota_stream *pair[2];
	struct rota_scope scope;
	struct rota_task *task;

	for (int i = 0; i < 10 * ROUNDS; i++) {
		rota_scope_open(&scope);
		for (int j = 0; j < TASKS; j++) {
			CHECK_EQ(rota_stream_pair(pair), 0);
			CHECK_EQ(rota_spawn_task(&task, &scope, set_connection, pair[0], &anywhere), 0);
			CHECK_EQ(rota_spawn_task(&task, &scope, set_connection, pair[1], &anywhere), 0);
		}
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	CHECK_EQ(destroyed, 2 * TASKS * 10 * ROUNDS);
}

static void block_on_purpose(void *value)
{
	rota_blocking_section_begin();
	usleep(300);
	rota_blocking_section_end();
	add_relaxed(&destroyed, 1);
}

static const struct rota_local blocking = { .name = "blocking", .destroy = block_on_purpose };

static int set_blocking(void *arg)
{
	CHECK_EQ(rota_local_set(&blocking, no_value()), 0);
	return rota_yield();
}

TASK_TEST(a_destructor_may_block_its_thread_and_say_so)
{
	run_many(set_blocking, NULL);
	CHECK_EQ(destroyed, TASKS * ROUNDS);
}

static int set_twice(void *arg)
{
	CHECK_EQ(rota_local_set(&slow, no_value()), 0);
	CHECK_EQ(rota_local_set(&slow, NULL), 0); /* in place: the first value goes */
	CHECK(load_relaxed(&destroyed) > 0);
	CHECK(rota_local_get(&slow) == NULL);
	return 0;
}

TASK_TEST(a_destructor_of_a_value_that_is_replaced_may_wait)
{
	run_many(set_twice, NULL);
	CHECK_EQ(destroyed, 2 * TASKS * ROUNDS);
}

static void set_another(void *value)
{
	CHECK_EQ(rota_local_set(&slow, no_value()), 0);
}

static const struct rota_local first_of_two = { .name = "first of two", .destroy = set_another };

static int set_first_of_two(void *arg)
{
	return rota_local_set(&first_of_two, no_value());
}

TASK_TEST(what_a_destructor_sets_is_destroyed_too)
{
	run_many(set_first_of_two, NULL);
	CHECK_EQ(destroyed, TASKS * ROUNDS);
}

static uint32_t told;

static void wait_and_count(const struct rota_failed *failed)
{
	CHECK_STR(failed->task_name, "fail");
	CHECK_EQ(failed->code, -EIO);
	CHECK_STR(rota_local_get(&slow), "seen");
	CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	add_relaxed(&told, 1);
}

static int fail(void *arg)
{
	CHECK_EQ(rota_local_set(&slow, (void *)"seen"), 0);
	return -EIO;
}

static int detach_failing(void *arg)
{
	for (int i = 0; i < TASKS * ROUNDS; i++)
		CHECK_EQ(rota_spawn(rota_detached(), fail, NULL), 0);
	while (load_relaxed(&destroyed) < TASKS * ROUNDS)
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	return 0;
}

TEST(who_is_told_of_a_detached_tasks_error_may_wait_and_sees_its_locals)
{
	struct rota_options options = { .on_detached_error = wait_and_count };

	CHECK_EQ(rota_run(detach_failing, NULL, &options), 0);
	CHECK_EQ(told, TASKS * ROUNDS);
}

static int never(void *arg)
{
	CHECK(!"its body ran");
	return 0;
}

/* On one loop it ends before the other has its turn, which then holds the value alone. */
static int spawn_one_too_large(void *scope)
{
	struct rota_task_options large = { .stack_bytes = 8 << 20 };
	struct rota_task *task;

	CHECK_EQ(rota_local_set(&slow, no_value()), 0);
	CHECK_EQ(rota_spawn_task(&task, scope, never, NULL, &large), 0);
	return 0;
}

TASK_TEST(a_task_that_can_have_no_stack_of_its_size_ends_as_every_other)
{
	struct rlimit limit;
	struct rota_scope scope;
	unsigned long pages;
	FILE *f;

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
	SKIP("a sanitizer's memory has no limit");
#endif
	if (test_in_qemu())
		SKIP("the limit would be the emulator's");
	f = fopen("/proc/self/statm", "re");
	CHECK(f != NULL && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (4 << 20);
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn(&scope, spawn_one_too_large, &scope), 0);
	CHECK_EQ(rota_scope_join(&scope), -ENOMEM);
	CHECK_EQ(destroyed, 1);
}
