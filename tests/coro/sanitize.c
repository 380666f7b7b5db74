/* sanitize.c - the sanitizers still find bugs when tasks make them, and nothing where there are
 * none
 *
 * Built with -fsanitize=address or =thread; the other tests of this folder are, too, and must be
 * clean.  Here each bug is made in a child process, which must die of the right report. */
#include <pthread.h>
#include <stdlib.h>

#include "child.h"
#include "coro.h"

static struct rota__stack_pool pool;
static struct co first;

static void *hold_an_array(struct co *co, void *value)
{
	volatile char array[100];

	array[0] = 1;
	co_yield (co, (void *)array);
	return (void *)(uintptr_t)array[0];
}

#if defined(ROTA_ASAN)

static struct co second;

static __attribute__((noinline)) char read_past(volatile char *array, size_t n)
{
	return array[n];
}

static void *read_past_own_array(struct co *co, void *value)
{
	volatile char array[100] = "";

	co_yield (co, NULL);
	return (void *)(uintptr_t)read_past(array, 100);
}

static void run_overrun(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, hold_an_array, NULL);
	co_init(&second, &pool, read_past_own_array, NULL);
	co_start(&first);
	co_start(&second);
	co_resume(&second, NULL);
}

TEST(an_overrun_in_a_task_that_was_suspended_is_found)
{
	struct child child;

	child_run(&child, run_overrun, NULL);
	CHECK(child.status != 0);
	CHECK(child_said(&child, "AddressSanitizer: "));
	CHECK(child_said(&child, "overflow")); /* stack-, or dynamic-stack-buffer-overflow */
	CHECK(child_said(&child, "read_past"));
}

static void run_overrun_of_another(void *arg)
{
	volatile char *array;

	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, hold_an_array, NULL);
	array = co_start(&first);
	read_past(array, 0);
	read_past(array, 99);
	read_past(array, 100);
}

TEST(an_overrun_of_a_suspended_tasks_array_is_found_from_outside)
{
	struct child child;

	child_run(&child, run_overrun_of_another, NULL);
	CHECK(child.status != 0);
	CHECK(child_said(&child, "AddressSanitizer: "));
}

/* With detect_stack_use_after_return=1 the array lies in a fake frame, which must belong to the
 * task and not to the thread or to the task that ran in between. */
static char *volatile escaped;

static __attribute__((noinline)) void let_a_local_escape(void)
{
	char local[32];

	escaped = local;
}

static void *return_a_local(struct co *co, void *value)
{
	let_a_local_escape();
	co_yield (co, NULL);
	*escaped = 1;
	return NULL;
}

static void run_use_after_return(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, hold_an_array, NULL);
	co_init(&second, &pool, return_a_local, NULL);
	co_start(&second);
	co_start(&first);
	co_resume(&second, NULL);
}

TEST(a_write_to_a_local_after_return_is_found_in_a_task)
{
	const char *options = getenv("ASAN_OPTIONS");
	struct child child;

	if (options == NULL || strstr(options, "detect_stack_use_after_return=1") == NULL)
		SKIP("needs ASAN_OPTIONS=detect_stack_use_after_return=1");
	child_run(&child, run_use_after_return, NULL);
	CHECK(child.status != 0);
	CHECK(child_said(&child, "stack-use-after-return"));
}

#elif defined(ROTA_TSAN)

static struct co second;
static unsigned shared;

static void *add_without_lock(struct co *co, void *value)
{
	for (int i = 0; i < 100; i++) {
		shared++;
		co_yield (co, NULL);
	}
	return NULL;
}

static void *drive(void *value)
{
	struct co *co = value;

	co_start(co);
	while (!co->done)
		co_resume(co, NULL);
	return NULL;
}

static void run_on_two_threads(struct co *a, struct co *b)
{
	pthread_t thread[2];

	CHECK_EQ(pthread_create(&thread[0], NULL, drive, a), 0);
	CHECK_EQ(pthread_create(&thread[1], NULL, drive, b), 0);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

static void run_race(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, add_without_lock, NULL);
	co_init(&second, &pool, add_without_lock, NULL);
	run_on_two_threads(&first, &second);
}

TEST(a_race_between_tasks_on_two_threads_is_found)
{
	struct child child;

	child_run(&child, run_race, NULL);
	CHECK(child_said(&child, "ThreadSanitizer: data race"));
	CHECK(child_said(&child, "add_without_lock"));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *add_with_lock(struct co *co, void *value)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
		co_yield (co, NULL);
	}
	return NULL;
}

static void run_locked(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, add_with_lock, NULL);
	co_init(&second, &pool, add_with_lock, NULL);
	run_on_two_threads(&first, &second);
	CHECK_EQ(shared, 200);
	rota__stack_put(&pool, first.stack);
	rota__stack_put(&pool, second.stack);
	rota__stack_pool_fini(&pool);
}

/* Tasks of one thread follow each other: no race among them, nor with the thread itself. */
static void run_on_one_thread(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	co_init(&first, &pool, add_without_lock, NULL);
	co_init(&second, &pool, add_without_lock, NULL);
	co_start(&first);
	co_start(&second);
	while (!first.done) {
		shared++;
		co_resume(&first, NULL);
		co_resume(&second, NULL);
	}
	rota__stack_put(&pool, first.stack);
	rota__stack_put(&pool, second.stack);
	rota__stack_pool_fini(&pool);
}

TEST(tasks_with_a_lock_or_on_one_thread_are_no_race)
{
	struct child child;

	child_run(&child, run_locked, NULL);
	CHECK_STR(child.said, "");
	CHECK_EQ(child.status, 0);
	child_run(&child, run_on_one_thread, NULL);
	CHECK_STR(child.said, "");
	CHECK_EQ(child.status, 0);
}

#endif

static void run_cleanly(void *arg)
{
	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < 100; i++) {
		co_init(&first, &pool, hold_an_array, NULL);
		co_start(&first);
		co_resume(&first, NULL);
		rota__stack_put(&pool, first.stack);
	}
	rota__stack_pool_fini(&pool);
}

TEST(nothing_is_said_where_nothing_is_wrong)
{
	struct child child;

	child_run(&child, run_cleanly, NULL);
	CHECK_STR(child.said, "");
	CHECK_EQ(child.status, 0);
}
