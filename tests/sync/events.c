/* events.c - events, notifications, barriers, once, wait groups */
#include "task/run.h"

static struct rota_event event;
static struct rota_notify notify;
static int woken;

static int wait_event(void *arg)
{
	int rc = rota_event_wait(&event);

	add_relaxed(&woken, rc == 0);
	return rc;
}

TASK_TEST(an_event_wakes_all_that_wait_even_if_it_is_cleared_before_they_run)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++)
		rota_spawn(&scope, wait_event, NULL);
	others_wait();
	CHECK_EQ(rota_event_fini(&event), -EBUSY);
	rota_event_set(&event);
	CHECK(rota_event_is_set(&event));
	rota_event_clear(&event);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(woken, 3);
	CHECK(!rota_event_is_set(&event));
	CHECK_EQ(rota_event_wait_until(&event, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	rota_event_set(&event);
	CHECK_EQ(rota_event_wait_until(&event, ROTA_NOW), 0);
	CHECK_EQ(rota_event_fini(&event), 0);
}

static int wait_notify(void *arg)
{
	int rc = rota_notify_wait(&notify);

	add_relaxed(&woken, rc == 0);
	return rc;
}

TASK_TEST(a_notification_without_a_waiter_is_kept_once)
{
	rota_notify_one(&notify);
	rota_notify_one(&notify);
	CHECK_EQ(rota_notify_wait(&notify), 0);
	CHECK_EQ(rota_notify_wait_until(&notify, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	rota_notify_all(&notify); /* nobody waits: nothing is kept */
	CHECK_EQ(rota_notify_wait_until(&notify, ROTA_NOW), -ETIMEDOUT);
}

TASK_TEST(a_notification_wakes_one_and_notify_all_those_that_are_there)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++)
		rota_spawn(&scope, wait_notify, NULL);
	others_wait();
	rota_notify_one(&notify);
	others_wait();
	CHECK_EQ(woken, 1);
	rota_notify_all(&notify);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(woken, 3);
}

TASK_TEST(a_notified_waiter_that_is_cancelled_then_still_has_its_notification)
{
	struct rota_task *task;
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn_task(&task, &scope, wait_notify, NULL, NULL);
	others_wait();
	rota_notify_one(&notify);
	rota_task_cancel(task);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(woken, 1);
}

/* ---- barrier ---- */

static struct rota_barrier barrier;
static int leaders, passed;

static int meet_twice(void *arg)
{
	for (int round = 0; round < 2; round++) {
		int rc = rota_barrier_wait(&barrier);

		if (rc < 0)
			return rc;
		add_relaxed(&leaders, rc);
		add_relaxed(&passed, 1);
	}
	return 0;
}

TASK_TEST(a_barrier_opens_when_all_have_come_and_elects_one_each_time)
{
	struct rota_scope scope;

	CHECK_EQ(rota_barrier_init(&barrier, 0), -EINVAL);
	CHECK_EQ(rota_barrier_init(&barrier, 3), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, meet_twice, NULL);
	rota_spawn(&scope, meet_twice, NULL);
	others_wait();
	CHECK_EQ(passed, 0);
	CHECK_EQ(rota_barrier_fini(&barrier), -EBUSY);
	rota_spawn(&scope, meet_twice, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(passed, 6);
	CHECK_EQ(leaders, 2);
}

TASK_TEST(one_that_gives_up_at_a_barrier_does_not_count)
{
	struct rota_task *quitter;
	struct rota_scope scope;

	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };

	CHECK_EQ(rota_barrier_init(&barrier, 2), 0);
	rota_scope_open_with(&scope, &collect);
	rota_spawn_task(&quitter, &scope, meet_twice, NULL, NULL);
	others_wait();
	rota_task_cancel(quitter);
	CHECK_EQ(rota_barrier_wait_until(&barrier, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_EQ(passed, 0);
	CHECK_EQ(rota_barrier_fini(&barrier), 0);
}

/* ---- once ---- */

static struct rota_once once;
static int tries;

static int fails_at_first(void *arg)
{
	tries++;
	others_wait(); /* they come meanwhile */
	return tries == 1 ? -EIO : 0;
}

static int run_once(void *arg)
{
	int *result = arg;

	*result = rota_once_run(&once, fails_at_first, NULL);
	return 0;
}

TASK_TEST(once_is_tried_by_the_next_in_line_until_it_succeeds)
{
	struct rota_scope scope;
	int results[4] = { 1, 1, 1, 1 }, failed = 0;

	rota_scope_open(&scope);
	for (int i = 0; i < 4; i++)
		rota_spawn(&scope, run_once, &results[i]);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 4; i++) {
		CHECK(results[i] == 0 || results[i] == -EIO);
		failed += results[i] == -EIO;
	}
	CHECK_EQ(failed, 1);
	CHECK_EQ(tries, 2);
	CHECK(rota_once_done(&once));
	CHECK_EQ(rota_once_run(&once, fails_at_first, NULL), 0);
	CHECK_EQ(tries, 2);
}

static int runs_itself(void *arg)
{
	return rota_once_run(&once, runs_itself, NULL);
}

TASK_TEST(once_within_itself_is_a_deadlock_and_says_so)
{
	CHECK_EQ(rota_once_run(&once, runs_itself, NULL), -EDEADLK);
	CHECK(!rota_once_done(&once));
}

/* ---- wait group ---- */

static struct rota_wait_group group;

static int do_one(void *arg)
{
	rota_event_wait(&event);
	add_relaxed(&passed, 1);
	return rota_wait_group_done(&group);
}

TASK_TEST(a_wait_group_waits_for_the_last)
{
	struct rota_scope scope;

	CHECK_EQ(rota_wait_group_wait(&group), 0); /* none */
	rota_scope_open(&scope);
	CHECK_EQ(rota_wait_group_add(&group, 3), 0);
	for (int i = 0; i < 3; i++)
		rota_spawn(&scope, do_one, NULL);
	CHECK_EQ(rota_wait_group_wait_until(&group, ROTA_NOW), -ETIMEDOUT);
	rota_event_set(&event);
	CHECK_EQ(rota_wait_group_wait(&group), 0);
	CHECK_EQ(passed, 3);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_wait_group_done(&group), -EPERM);
	CHECK_EQ(rota_wait_group_add(&group, UINT64_MAX), 0);
	CHECK_EQ(rota_wait_group_add(&group, 1), -EOVERFLOW);
}

/* ---- tries ---- */

static int try_once_while_another_runs(void *arg)
{
	CHECK_EQ(rota_once_try_run(&once, fails_at_first, NULL), -EBUSY);
	CHECK_EQ(rota_event_wait(&event), 0);
	CHECK_EQ(rota_once_try_run(&once, fails_at_first, NULL), 0);
	return 0;
}

static int run_while_another_tries(void *arg)
{
	struct rota_scope *scope = arg;

	rota_spawn(scope, try_once_while_another_runs, NULL);
	others_wait();
	return 0;
}

TASK_TEST(once_tried_while_another_runs_it_is_busy_and_then_done)
{
	struct rota_scope scope;

	tries = 0;
	CHECK_EQ(rota_once_try_run(&once, fails_at_first, NULL), -EIO);
	CHECK(!rota_once_done(&once));
	rota_scope_open(&scope);
	CHECK_EQ(rota_once_try_run(&once, run_while_another_tries, &scope), 0);
	rota_event_set(&event);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(tries, 1);
}

TEST(a_notification_and_a_group_can_be_tried_outside_of_tasks)
{
	CHECK_EQ(rota_notify_try_wait(&notify), -EAGAIN);
	rota_notify_one(&notify);
	CHECK_EQ(rota_notify_try_wait(&notify), 0);
	CHECK_EQ(rota_notify_try_wait(&notify), -EAGAIN);
	CHECK_EQ(rota_wait_group_try_wait(&group), 0);
	CHECK_EQ(rota_wait_group_add(&group, 1), 0);
	CHECK_EQ(rota_wait_group_try_wait(&group), -EAGAIN);
	CHECK_EQ(rota_wait_group_done(&group), 0);
	CHECK_EQ(rota_wait_group_try_wait(&group), 0);
	CHECK_EQ(rota_once_try_run(&once, fails_at_first, NULL), -EPERM);
}
