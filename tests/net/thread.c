/* thread.c - runs on threads of their own, and the messages between them */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/run.h"

static struct rota_thread *start(rota_thread_fn fn, void *arg)
{
	struct rota_thread *thread;

	CHECK_EQ(rota_thread_start(&thread, fn, arg, NULL), 0);
	return thread;
}

static int end(struct rota_thread *thread)
{
	int result;

	CHECK_EQ(rota_thread_join(thread, &result), 0);
	CHECK_EQ(rota_thread_free(thread), 0);
	return result;
}

static int echo(struct rota_port *port, void *arg)
{
	struct rota_message m;
	int count = 0;

	while (rota_port_recv(port, &m) == 0) {
		CHECK_EQ(rota_port_send(port, m.data, m.bytes), 0);
		rota_message_free(&m);
		count++;
	}
	return count;
}

TASK_TEST(messages_go_both_ways_in_order)
{
	struct rota_thread *thread = start(echo, NULL);
	struct rota_port *port = rota_thread_port(thread);
	struct rota_message m;

	for (int i = 0; i < 1000; i++)
		CHECK_EQ(rota_port_send(port, &i, sizeof i), 0);
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(rota_port_recv(port, &m), 0);
		CHECK_EQ(m.bytes, sizeof i);
		CHECK_EQ(*(int *)m.data, i);
		rota_message_free(&m);
	}
	CHECK_EQ(rota_port_try_recv(port, &m), -EAGAIN);
	CHECK_EQ(rota_port_send(port, NULL, 0), 0); /* an empty one is one, too */
	CHECK_EQ(rota_port_recv(port, &m), 0);
	CHECK_EQ(m.bytes, 0);
	rota_message_free(&m);
	rota_port_close(port);
	CHECK_EQ(end(thread), 1001);
}

static int destroyed;

static void destroy(void *data)
{
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
	free(data);
}

static int take_one(struct rota_port *port, void *arg)
{
	struct rota_message m;
	int rc = rota_port_recv(port, &m);

	if (rc == 0) {
		CHECK(m.data == arg); /* itself, no copy */
		rota_message_free(&m);
	}
	return rc;
}

TASK_TEST(what_is_given_is_owned_by_who_receives_it_and_by_the_handle_if_nobody_does)
{
	char *given = malloc(1);
	struct rota_thread *thread = start(take_one, given);
	int result;

	CHECK_EQ(rota_port_give(rota_thread_port(thread), given, 1, destroy), 0);
	CHECK_EQ(rota_thread_join(thread, &result), 0);
	CHECK_EQ(result, 0);
	CHECK_EQ(destroyed, 1);
	/* It is over: nothing can be sent any more, and what was refused is still ours. */
	given = malloc(1);
	CHECK_EQ(rota_port_give(rota_thread_port(thread), given, 1, destroy), ROTA_ECLOSED);
	free(given);
	CHECK_EQ(rota_thread_free(thread), 0);
	CHECK_EQ(destroyed, 1);
}

static int send_and_leave(struct rota_port *port, void *arg)
{
	CHECK_EQ(rota_port_give(port, malloc(1), 1, destroy), 0);
	CHECK_EQ(rota_port_give(port, malloc(1), 1, destroy), 0);
	return 7;
}

TASK_TEST(last_words_are_received_after_the_end_and_the_rest_is_destroyed)
{
	struct rota_thread *thread = start(send_and_leave, NULL);
	struct rota_message m;
	int result;

	CHECK_EQ(rota_thread_join(thread, &result), 0);
	CHECK_EQ(result, 7);
	CHECK_EQ(rota_thread_join(thread, NULL), 0); /* again */
	CHECK_EQ(rota_port_recv(rota_thread_port(thread), &m), 0);
	rota_message_free(&m);
	CHECK_EQ(destroyed, 1);
	CHECK_EQ(rota_thread_free(thread), 0);
	CHECK_EQ(destroyed, 2);
}

static int leave_at_once(struct rota_port *port, void *arg)
{
	return -EDOM;
}

TASK_TEST(who_waits_for_a_message_hears_of_the_threads_end)
{
	struct rota_thread *thread = start(leave_at_once, NULL);
	struct rota_message m;

	CHECK_EQ(rota_port_recv(rota_thread_port(thread), &m), ROTA_ECLOSED);
	CHECK_EQ(end(thread), -EDOM);
}

static int sleep_for_ever(struct rota_port *port, void *arg)
{
	if (arg != NULL)
		CHECK_EQ(rota_port_send(port, "", 1), 0);
	return rota_sleep(ROTA_FOREVER);
}

TASK_TEST(a_stop_cancels_what_the_thread_does)
{
	struct rota_thread *thread = start(sleep_for_ever, "tell me");
	struct rota_message m;

	CHECK_EQ(rota_port_recv(rota_thread_port(thread), &m), 0);
	rota_message_free(&m);
	CHECK_EQ(rota_thread_free(thread), -EBUSY);
	rota_thread_stop(thread);
	rota_thread_stop(thread);
	CHECK_EQ(end(thread), -ECANCELED);
}

TASK_TEST(a_stop_at_any_time_of_its_life_ends_it)
{
	for (int i = 0; i < 50; i++) {
		struct rota_thread *thread = start(sleep_for_ever, NULL);

		for (volatile int wait = 0; wait < i * 2000; wait = wait + 1)
			;
		rota_thread_stop(thread);
		CHECK_EQ(end(thread), -ECANCELED);
	}
	for (int i = 0; i < 50; i++) {
		struct rota_thread *thread = start(leave_at_once, NULL);

		for (volatile int wait = 0; wait < i * 2000; wait = wait + 1)
			;
		rota_thread_stop(thread);
		CHECK_EQ(end(thread), -EDOM);
	}
}

static int join_it(void *thread)
{
	return rota_thread_join(thread, NULL);
}

static uint32_t near_its_end;

static int spin_a_while(void *arg)
{
	uint64_t end_ns = rota_now_ns() + ROTA_MICROSECONDS(300);

	while (rota_now_ns() < end_ns)
		;
	return 0;
}

/* Until it is on another worker than its loop's, if it comes to that, and a little longer. */
static int wander(struct rota_port *port, void *arg)
{
	unsigned first = rota_worker_number();
	struct rota_scope scope;
	uint64_t end_ns;

	for (int i = 0; i < 50 && rota_worker_number() == first; i++) {
		rota_scope_open(&scope);
		rota_spawn(&scope, spin_a_while, NULL);
		rota_spawn(&scope, spin_a_while, NULL);
		rota_yield();
		rota_scope_join(&scope);
	}
	store_release(&near_its_end, 1);
	end_ns = rota_now_ns() + (uint64_t)(intptr_t)arg * ROTA_MICROSECONDS(1);
	while (rota_now_ns() < end_ns)
		;
	return 0;
}

TASK_TEST(a_stop_may_come_at_the_end_of_a_thread_that_steals_work)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 3, .blocked_ns = ROTA_FOREVER };

	for (intptr_t i = 0; i < 50; i++) {
		struct rota_thread *thread;

		store_release(&near_its_end, 0);
		CHECK_EQ(rota_thread_start(&thread, wander, (void *)i, &options), 0);
		while (!load_acquire(&near_its_end))
			CHECK_EQ(rota_yield(), 0);
		rota_thread_stop(thread);
		CHECK_EQ(end(thread), 0);
	}
}

TASK_TEST(a_join_ends_at_its_deadline_and_the_thread_goes_on)
{
	struct rota_thread *thread = start(echo, NULL);
	struct rota_message m;

	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), join_it, thread), -ETIMEDOUT);
	CHECK_EQ(rota_port_send(rota_thread_port(thread), "x", 1), 0);
	CHECK_EQ(rota_port_recv(rota_thread_port(thread), &m), 0);
	rota_message_free(&m);
	rota_port_close(rota_thread_port(thread));
	CHECK_EQ(end(thread), 1);
}

TASK_TEST(a_run_that_cannot_start_is_told)
{
	struct rota_options options = { .poller = "no such poller" };
	struct rota_thread *thread;
	struct rota_message m;

	CHECK_EQ(rota_thread_start(&thread, echo, NULL, &options), 0);
	CHECK_EQ(rota_port_recv(rota_thread_port(thread), &m), ROTA_ECLOSED);
	CHECK_EQ(end(thread), -EINVAL);
	CHECK_EQ(rota_thread_free(NULL), 0);
}

static int wait_for_the_end(struct rota_port *port, void *arg)
{
	struct rota_message m;

	return rota_port_recv(port, &m) == ROTA_ECLOSED ? 0 : -EPROTO;
}

TEST(outside_of_tasks_nobody_waits_for_a_thread_or_for_a_message)
{
	struct rota_thread *t;
	struct rota_message m;

	CHECK_EQ(rota_thread_start(&t, wait_for_the_end, NULL, NULL), 0);
	CHECK_EQ(rota_thread_join(t, NULL), -EPERM);
	CHECK_EQ(rota_port_recv(rota_thread_port(t), &m), -EPERM);
	CHECK_EQ(rota_port_try_recv(rota_thread_port(t), &m), -EAGAIN);
	CHECK_EQ(rota_thread_free(t), -EBUSY);
	rota_port_close(rota_thread_port(t));
	while (rota_thread_free(t) == -EBUSY)
		sched_yield();
}

TASK_TEST(a_deadline_ends_the_wait_for_a_message_and_for_the_thread_and_leaves_both)
{
	struct rota_thread *thread = start(echo, NULL);
	struct rota_port *port = rota_thread_port(thread);
	struct rota_message m;
	int result;

	CHECK_EQ(rota_port_recv_until(port, &m, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_port_recv_until(port, &m, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	CHECK_EQ(rota_thread_join_until(thread, &result, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_thread_join_until(thread, &result, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	CHECK_EQ(rota_port_send(port, "m", 1), 0);
	CHECK_EQ(rota_port_recv_until(port, &m, ROTA_FOREVER), 0);
	rota_message_free(&m);
	rota_port_close(port);
	CHECK_EQ(rota_thread_join(thread, &result), 0);
	CHECK_EQ(rota_thread_join_until(thread, &result, ROTA_NOW), 0); /* what is there wins */
	CHECK_EQ(end(thread), 1);
}
