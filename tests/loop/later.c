/* later.c - timeouts, intervals and immediates: errors, numbers, and what keeps a loop alive (the order: tests/node) */
#include <pthread.h>
#include <rota.h>

#include "harness/test.h"

static struct rota_loop *loop;
static int64_t id;
static int calls;

static void count(void *arg)
{
	calls++;
}

static void open_loop(void)
{
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	calls = 0;
}

TEST(a_number_is_good_once)
{
	int64_t first, second;

	open_loop();
	first = rota_set_timeout(loop, 0, count, NULL);
	CHECK(first > 0);
	CHECK_EQ(rota_clear(loop, first), 0);
	CHECK_EQ(rota_clear(loop, first), -ENOENT);
	second = rota_set_immediate(loop, count, NULL); /* the same record */
	CHECK(second > 0 && second != first);
	CHECK_EQ(rota_clear(loop, first), -ENOENT);
	CHECK_EQ(rota_unref(loop, first), -ENOENT);
	CHECK_EQ(rota_refresh(loop, first), -ENOENT);
	CHECK_EQ(rota_refresh(loop, second), -EINVAL);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 1);
	CHECK_EQ(rota_clear(loop, second), -ENOENT);
	CHECK_EQ(rota_clear(loop, 0), -ENOENT);
	CHECK_EQ(rota_clear(loop, -1), -ENOENT);
	CHECK_EQ(rota_clear(loop, INT64_MAX), -ENOENT);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(without_a_function_or_a_loop_nothing_is_set)
{
	open_loop();
	CHECK_EQ(rota_set_timeout(loop, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(rota_set_immediate(loop, NULL, NULL), -EINVAL);
	CHECK_EQ(rota_set_interval(NULL, 0, count, NULL), -EPERM);
	CHECK_EQ(rota_next_tick(NULL, count, NULL), -EPERM);
	CHECK_EQ(rota_clear(NULL, 1), -EPERM);
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void *try_everything(void *arg)
{
	CHECK_EQ(rota_set_timeout(loop, 0, count, NULL), -EPERM);
	CHECK_EQ(rota_set_immediate(loop, count, NULL), -EPERM);
	CHECK_EQ(rota_next_tick(loop, count, NULL), -EPERM);
	CHECK_EQ(rota_queue_microtask(loop, count, NULL), -EPERM);
	CHECK_EQ(rota_clear(loop, id), -EPERM);
	CHECK_EQ(rota_unref(loop, id), -EPERM);
	return NULL;
}

TEST(another_thread_is_told_that_the_loop_is_not_its_own)
{
	pthread_t thread;

	open_loop();
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0); /* from now on it is this thread's */
	id = rota_set_timeout(loop, ROTA_SECONDS(1000), count, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, try_everything, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(rota_clear(loop, id), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void clear_twice(void *arg)
{
	calls++;
	CHECK_EQ(rota_refresh(NULL, id), 0);
	CHECK_EQ(rota_clear(NULL, id), 0);
	CHECK_EQ(rota_clear(NULL, id), -ENOENT);
	CHECK_EQ(rota_has_ref(NULL, id), -ENOENT);
	CHECK(rota_set_immediate(NULL, count, NULL) > 0); /* must not get the record that is in use */
}

TEST(an_interval_may_clear_itself_once)
{
	open_loop();
	id = rota_set_interval(loop, 0, clear_twice, NULL);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 2);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(an_interval_of_nothing_is_called_once_in_a_turn)
{
	open_loop();
	id = rota_set_interval(loop, 0, count, NULL);
	for (int before = 0; calls < 5; before = calls) {
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_ONCE), 1); /* it is alive */
		CHECK(calls <= before + 1);
	}
	CHECK_EQ(rota_clear(loop, id), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(references_count_once_however_often_they_are_given)
{
	int64_t soon;

	open_loop();
	id = rota_set_timeout(loop, ROTA_SECONDS(1000), count, NULL);
	soon = rota_set_immediate(loop, count, NULL);
	CHECK_EQ(rota_has_ref(loop, id), 1);
	CHECK_EQ(rota_unref(loop, id), 0);
	CHECK_EQ(rota_unref(loop, id), 0);
	CHECK_EQ(rota_has_ref(loop, id), 0);
	CHECK(rota_loop_alive(loop));
	CHECK_EQ(rota_unref(loop, soon), 0);
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_ref(loop, soon), 0);
	CHECK_EQ(rota_ref(loop, soon), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 1);
	CHECK_EQ(rota_ref(loop, id), 0);
	CHECK(rota_loop_alive(loop));
	CHECK_EQ(rota_clear(loop, id), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(many_at_once_are_all_called_and_their_records_used_again)
{
	enum { MANY = 1000 };

	open_loop();
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < MANY; i++) {
			CHECK(rota_set_timeout(loop, (uint64_t)i, count, NULL) > 0);
			CHECK(rota_set_immediate(loop, count, NULL) > 0);
		}
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
		CHECK_EQ(calls, round * 2 * MANY);
	}
	CHECK_EQ(rota_loop_free(loop), 0);
}

static uint64_t set_at, length_ns;

static void not_early(void *arg)
{
	CHECK(rota_now_ns() >= set_at + length_ns);
	calls++;
}

static void busy_then_set(void *arg)
{
	uint64_t until = rota_now_ns() + ROTA_MILLISECONDS(3);

	while (rota_now_ns() < until)
		;
	set_at = rota_now_ns(); /* later than the loop's own idea of now */
	CHECK(rota_set_timeout(NULL, length_ns, not_early, NULL) > 0);
}

TEST(a_timeout_set_late_in_a_long_callback_is_not_early)
{
	open_loop();
	length_ns = ROTA_MILLISECONDS(2);
	CHECK(rota_set_immediate(loop, busy_then_set, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 1);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void again(void *arg)
{
	if (++calls < 100000)
		CHECK(rota_set_immediate(NULL, again, NULL) > 0);
}

static void post_seen(struct rota_post *post)
{
	calls = 100000; /* ends the chain */
}

static void *post_to_it(void *arg)
{
	static struct rota_post post = { .fn = post_seen };

	rota_post(loop, &post);
	return NULL;
}

static void forever(void *arg)
{
	if (calls < 100000)
		CHECK(rota_set_immediate(NULL, forever, NULL) > 0);
}

TEST(endless_immediates_do_not_keep_other_threads_out)
{
	pthread_t thread;

	open_loop();
	CHECK(rota_set_immediate(loop, forever, NULL) > 0);
	CHECK_EQ(pthread_create(&thread, NULL, post_to_it, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_long_chain_of_immediates_runs_to_its_end)
{
	open_loop();
	CHECK(rota_set_immediate(loop, again, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls, 100000);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static int in_a_task(void *arg)
{
	id = rota_set_timeout(NULL, ROTA_SECONDS(1000), count, NULL);
	CHECK(rota_set_timeout(NULL, 0, count, NULL) > 0);
	CHECK(rota_set_immediate(NULL, count, NULL) > 0);
	CHECK_EQ(rota_sleep(1000), 0);
	return rota_clear(NULL, id);
}

TEST(a_program_of_tasks_has_them_too_and_waits_for_them)
{
	CHECK_EQ(rota_run(in_a_task, NULL, NULL), 0);
	CHECK_EQ(calls, 2);
}
