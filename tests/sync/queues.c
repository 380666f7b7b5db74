/* queues.c - oneshot, broadcast, watch, and queues of jobs */
#include "task/run.h"

static struct rota_oneshot oneshot;
static struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };

static int receive_oneshot(void *arg)
{
	return rota_oneshot_recv(&oneshot, arg);
}

TASK_TEST(a_oneshot_carries_one_value_before_or_after_somebody_waits)
{
	struct rota_scope scope;
	int a, b;
	void *got = NULL;

	CHECK_EQ(rota_oneshot_try_recv(&oneshot, &got), -EAGAIN);
	CHECK_EQ(rota_oneshot_send(&oneshot, &a), 0);
	CHECK_EQ(rota_oneshot_send(&oneshot, &b), -EALREADY);
	rota_oneshot_close(&oneshot); /* too late: the value is there */
	CHECK_EQ(rota_oneshot_recv(&oneshot, &got), 0);
	CHECK(got == &a);
	CHECK_EQ(rota_oneshot_recv(&oneshot, &got), ROTA_ECLOSED);

	oneshot = (struct rota_oneshot){ 0 };
	rota_scope_open(&scope);
	rota_spawn(&scope, receive_oneshot, &got);
	others_wait();
	CHECK_EQ(rota_oneshot_send(&oneshot, &b), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(got == &b);
}

TASK_TEST(a_oneshot_that_is_closed_tells_both_sides)
{
	struct rota_scope scope;
	void *got = NULL;

	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, receive_oneshot, &got);
	others_wait();
	CHECK_EQ(rota_oneshot_recv_until(&oneshot, &got, rota_deadline(1000)), -ETIMEDOUT);
	rota_oneshot_close(&oneshot);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	CHECK_EQ(rota_oneshot_send(&oneshot, &got), ROTA_ECLOSED);
	CHECK(got == NULL);
}

/* ---- broadcast ---- */

static struct rota_broadcast bc;

static int add_up(void *arg)
{
	struct rota_broadcast_receiver receiver;
	int *sum = arg, value, rc;

	rota_broadcast_subscribe(&bc, &receiver);
	while ((rc = rota_broadcast_recv(&receiver, &value, NULL)) == 0)
		*sum += value;
	return rc == ROTA_ECLOSED ? 0 : rc;
}

TASK_TEST(every_receiver_has_every_value)
{
	struct rota_scope scope;
	int sums[3] = { 0 };

	CHECK_EQ(rota_broadcast_init(&bc, sizeof(int), 0), -EINVAL);
	CHECK_EQ(rota_broadcast_init(&bc, sizeof(int), 8), 0);
	CHECK_EQ(rota_broadcast_send(&bc, &(int){ 1000 }), 0); /* nobody has subscribed yet */
	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++)
		rota_spawn(&scope, add_up, &sums[i]);
	others_wait();
	CHECK_EQ(rota_broadcast_fini(&bc), -EBUSY);
	for (int i = 1; i <= 100; i++) {
		CHECK_EQ(rota_broadcast_send(&bc, &i), 0);
		if (i % 8 == 0)
			others_wait();
	}
	rota_broadcast_close(&bc);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sums[i], 5050);
	CHECK_EQ(rota_broadcast_send(&bc, &(int){ 1 }), ROTA_ECLOSED);
	CHECK_EQ(rota_broadcast_fini(&bc), 0);
}

TASK_TEST(a_slow_receiver_is_told_how_many_it_missed_and_goes_on_with_the_oldest_kept)
{
	struct rota_broadcast_receiver receiver;
	uint64_t missed = 99;
	int value;

	CHECK_EQ(rota_broadcast_init(&bc, sizeof(int), 3), 0);
	rota_broadcast_subscribe(&bc, &receiver);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(rota_broadcast_send(&bc, &i), 0);
	CHECK_EQ(rota_broadcast_recv(&receiver, &value, &missed), 0);
	CHECK_EQ(missed, 7);
	CHECK_EQ(value, 7);
	CHECK_EQ(rota_broadcast_recv(&receiver, &value, &missed), 0);
	CHECK_EQ(missed, 0);
	CHECK_EQ(value, 8);
	rota_broadcast_close(&bc);
	CHECK_EQ(rota_broadcast_recv(&receiver, &value, &missed), 0);
	CHECK_EQ(value, 9);
	CHECK_EQ(rota_broadcast_recv(&receiver, &value, &missed), ROTA_ECLOSED);
	CHECK_EQ(rota_broadcast_fini(&bc), 0);
}

/* ---- watch ---- */

static struct rota_watch watch;

static int watch_until_closed(void *arg)
{
	uint64_t seen = 0;
	int *last = arg, rc;

	while ((rc = rota_watch_next(&watch, &seen, last)) == 0)
		;
	return rc == ROTA_ECLOSED ? 0 : rc;
}

TASK_TEST(a_watcher_has_the_latest_value_and_the_last_one_before_the_end)
{
	struct rota_scope scope;
	uint64_t seen = 0;
	int last = 0, value = 1;

	CHECK_EQ(rota_watch_init(&watch, sizeof value, &value), 0);
	CHECK_EQ(rota_watch_next(&watch, &seen, &last), 0);
	CHECK_EQ(last, 1);
	CHECK_EQ(rota_watch_next_until(&watch, &seen, &last, rota_deadline(1000)), -ETIMEDOUT);
	rota_scope_open(&scope);
	rota_spawn(&scope, watch_until_closed, &last);
	others_wait();
	for (value = 2; value <= 9; value++)
		CHECK_EQ(rota_watch_set(&watch, &value), 0);
	rota_watch_close(&watch);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(last, 9);
	CHECK_EQ(rota_watch_get(&watch, &value), 9);
	CHECK_EQ(value, 9);
	CHECK_EQ(rota_watch_set(&watch, &value), ROTA_ECLOSED);
	CHECK_EQ(rota_watch_fini(&watch), 0);
}

/* ---- queue ---- */

static struct rota_queue queue;

struct job {
	int urgency, number;
};

static int by_urgency(const void *a, const void *b)
{
	return ((const struct job *)b)->urgency - ((const struct job *)a)->urgency;
}

static void check_order(enum rota_queue_order order, const int *numbers)
{
	struct job job;

	CHECK_EQ(rota_queue_init(&queue, sizeof job, 0, order, by_urgency), 0);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(rota_queue_try_put(&queue, &(struct job){ i % 3, i }), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(rota_queue_try_get(&queue, &job), 0);
		CHECK_EQ(job.number, numbers[i]);
	}
	CHECK_EQ(rota_queue_try_get(&queue, &job), -EAGAIN);
	CHECK_EQ(rota_queue_fini(&queue), 0);
}

TEST(jobs_come_in_the_order_asked_for_and_equal_ones_in_the_order_put)
{
	check_order(ROTA_QUEUE_FIFO, (int[]){ 0, 1, 2, 3, 4, 5 });
	check_order(ROTA_QUEUE_LIFO, (int[]){ 5, 4, 3, 2, 1, 0 });
	check_order(ROTA_QUEUE_PRIORITY, (int[]){ 2, 5, 1, 4, 0, 3 });
	CHECK_EQ(rota_queue_init(&queue, 0, 0, ROTA_QUEUE_FIFO, NULL), -EINVAL);
	CHECK_EQ(rota_queue_init(&queue, 4, 0, ROTA_QUEUE_PRIORITY, NULL), -EINVAL);
}

TEST(a_heap_of_random_jobs_comes_out_sorted)
{
	unsigned random = 1;
	struct job job, last = { 1 << 30, 0 };

	CHECK_EQ(rota_queue_init(&queue, sizeof job, 0, ROTA_QUEUE_PRIORITY, by_urgency), 0);
	for (int i = 0; i < 1000; i++) {
		random = random * 1103515245 + 12345;
		CHECK_EQ(rota_queue_try_put(&queue, &(struct job){ (int)(random >> 16) % 50, i }), 0);
	}
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(rota_queue_try_get(&queue, &job), 0);
		CHECK(job.urgency < last.urgency || (job.urgency == last.urgency && job.number > last.number));
		last = job;
	}
	CHECK_EQ(rota_queue_fini(&queue), 0);
}

static struct rota_event may_work;
static int done;

static int work(void *arg)
{
	int job, rc;

	while ((rc = rota_queue_get(&queue, &job)) == 0) {
		rota_event_wait(&may_work);
		add_relaxed(&done, 1);
		CHECK_EQ(rota_queue_task_done(&queue), 0);
	}
	return rc == ROTA_ECLOSED ? 0 : rc;
}

TASK_TEST(join_waits_until_every_job_is_done_not_only_taken)
{
	struct rota_scope scope;

	CHECK_EQ(rota_queue_init(&queue, sizeof(int), 4, ROTA_QUEUE_FIFO, NULL), 0);
	CHECK_EQ(rota_queue_join(&queue), 0);
	CHECK_EQ(rota_queue_task_done(&queue), -EPERM);
	rota_scope_open(&scope);
	rota_spawn(&scope, work, NULL);
	rota_spawn(&scope, work, NULL);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(rota_queue_put(&queue, &i), 0);
	others_wait(); /* two are taken, and not done */
	CHECK_EQ(rota_queue_count(&queue), 2);
	CHECK_EQ(rota_queue_join_until(&queue, ROTA_NOW), -ETIMEDOUT);
	rota_event_set(&may_work);
	for (int i = 4; i < 20; i++)
		CHECK_EQ(rota_queue_put(&queue, &i), 0);
	CHECK_EQ(rota_queue_join(&queue), 0);
	CHECK_EQ(done, 20);
	rota_queue_shutdown(&queue, false);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_queue_fini(&queue), 0);
}

static int put_one(void *arg)
{
	int job = 1;

	return rota_queue_put(&queue, &job);
}

TASK_TEST(a_shutdown_refuses_jobs_and_lets_those_inside_be_taken_or_forgets_them)
{
	struct rota_scope scope;
	int job = 5;

	CHECK_EQ(rota_queue_init(&queue, sizeof job, 1, ROTA_QUEUE_LIFO, NULL), 0);
	CHECK_EQ(rota_queue_put(&queue, &job), 0);
	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, put_one, NULL);
	others_wait();
	CHECK_EQ(rota_queue_fini(&queue), -EBUSY);
	rota_queue_shutdown(&queue, false);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	CHECK_EQ(rota_queue_put(&queue, &job), ROTA_ECLOSED);
	CHECK_EQ(rota_queue_count(&queue), 1);
	CHECK_EQ(rota_queue_task_done(&queue), -EPERM); /* it has not been taken */
	rota_queue_shutdown(&queue, true);
	CHECK_EQ(rota_queue_get(&queue, &job), ROTA_ECLOSED);
	CHECK_EQ(rota_queue_join(&queue), 0);
	CHECK_EQ(rota_queue_fini(&queue), 0);
}

TASK_TEST(who_waits_to_put_goes_in_as_soon_as_one_is_taken)
{
	struct rota_scope scope;
	int job = 7;

	CHECK_EQ(rota_queue_init(&queue, sizeof job, 1, ROTA_QUEUE_FIFO, NULL), 0);
	CHECK_EQ(rota_queue_put(&queue, &job), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, put_one, NULL);
	others_wait();
	CHECK_EQ(rota_queue_try_put(&queue, &job), -EAGAIN);
	CHECK_EQ(rota_queue_get(&queue, &job), 0);
	CHECK_EQ(job, 7);
	CHECK_EQ(rota_queue_try_put(&queue, &job), -EAGAIN); /* the waiting one went in first */
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_queue_get(&queue, &job), 0);
	CHECK_EQ(job, 1);
	CHECK_EQ(rota_queue_fini(&queue), 0);
}

TEST(a_broadcast_and_a_watch_can_be_tried_outside_of_tasks)
{
	struct rota_broadcast_receiver receiver;
	uint64_t missed, version = 0;
	int value = 1;

	CHECK_EQ(rota_broadcast_init(&bc, sizeof value, 1), 0);
	rota_broadcast_subscribe(&bc, &receiver);
	CHECK_EQ(rota_broadcast_try_recv(&receiver, &value, &missed), -EAGAIN);
	for (value = 2; value <= 3; value++)
		CHECK_EQ(rota_broadcast_send(&bc, &value), 0);
	rota_broadcast_close(&bc);
	CHECK_EQ(rota_broadcast_try_recv(&receiver, &value, &missed), 0);
	CHECK_EQ(value, 3);
	CHECK_EQ(missed, 1);
	CHECK_EQ(rota_broadcast_try_recv(&receiver, &value, &missed), ROTA_ECLOSED);
	CHECK_EQ(rota_broadcast_fini(&bc), 0);

	CHECK_EQ(rota_watch_init(&watch, sizeof value, &value), 0);
	CHECK_EQ(rota_watch_try_next(&watch, &version, NULL), 0);
	CHECK_EQ(rota_watch_try_next(&watch, &version, &value), -EAGAIN);
	CHECK_EQ(rota_watch_set(&watch, &(int){ 8 }), 0);
	rota_watch_close(&watch);
	CHECK_EQ(rota_watch_try_next(&watch, &version, &value), 0);
	CHECK_EQ(value, 8);
	CHECK_EQ(rota_watch_try_next(&watch, &version, &value), ROTA_ECLOSED);
	CHECK_EQ(rota_watch_fini(&watch), 0);
}
