/* combine.c - waiting for some of several tasks, with a limit, in the order in which they end */
#include "task/each_model.h"

/* A task that ends when its gate is set, with that result. */
struct gated {
	struct rota_event gate;
	int result;
	struct rota_task *task;
};

static int end_at_gate(void *arg)
{
	struct gated *g = arg;
	int rc = rota_event_wait(&g->gate);

	return rc < 0 ? rc : g->result;
}

enum { THREE = 3 };

static void spawn_three(struct rota_scope *scope, struct gated *gated, struct rota_task **tasks)
{
	rota_scope_open_with(scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	for (int i = 0; i < THREE; i++) {
		CHECK_EQ(rota_spawn_task(&gated[i].task, scope, end_at_gate, &gated[i], NULL), 0);
		tasks[i] = gated[i].task;
	}
}

static void end(struct gated *g)
{
	rota_event_set(&g->gate);
	CHECK_EQ(rota_join(g->task, NULL), 0);
}

EACH_MODEL(waiting_for_the_first_ends_with_it_and_the_others_go_on)
{
	struct gated gated[THREE] = { { .result = 10 }, { .result = 11 }, { .result = 12 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;
	int result = 0;

	spawn_three(&scope, gated, tasks);
	rota_event_set(&gated[1].gate);
	CHECK_EQ(rota_wait(tasks, THREE, ROTA_WAIT_FIRST), 1);
	CHECK_EQ(rota_try_join(tasks[0], &result), -EAGAIN);
	CHECK_EQ(rota_try_join(tasks[1], &result), 0);
	CHECK_EQ(result, 11);
	CHECK_EQ(rota_try_join(tasks[2], NULL), -EAGAIN);
	end(&gated[0]);
	end(&gated[2]);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

EACH_MODEL(waiting_for_an_error_looks_past_successes)
{
	struct gated gated[THREE] = { { .result = 0 }, { .result = -EIO }, { .result = 0 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;

	spawn_three(&scope, gated, tasks);
	end(&gated[0]);
	CHECK_EQ(rota_wait_until(tasks, THREE, ROTA_WAIT_ERROR, ROTA_NOW), 1);
	rota_event_set(&gated[1].gate);
	CHECK_EQ(rota_wait(tasks, THREE, ROTA_WAIT_ERROR), 2);
	CHECK_EQ(rota_try_join(tasks[2], NULL), -EAGAIN);
	end(&gated[2]);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
}

EACH_MODEL(waiting_for_an_error_ends_with_the_last_when_there_is_none)
{
	struct gated gated[THREE] = { { .result = 1 }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;

	spawn_three(&scope, gated, tasks);
	for (int i = 0; i < THREE; i++)
		rota_event_set(&gated[i].gate);
	CHECK_EQ(rota_wait(tasks, THREE, ROTA_WAIT_ERROR), THREE);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

EACH_MODEL(waiting_for_all_waits_for_the_slowest)
{
	struct gated gated[THREE] = { { .result = -EIO }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;

	spawn_three(&scope, gated, tasks);
	end(&gated[0]);
	end(&gated[1]);
	CHECK_EQ(rota_wait_until(tasks, THREE, ROTA_WAIT_ALL, rota_deadline(ROTA_MICROSECONDS(100))), 2);
	rota_event_set(&gated[2].gate);
	CHECK_EQ(rota_wait(tasks, THREE, ROTA_WAIT_ALL), THREE);
	CHECK_EQ(rota_wait(tasks, THREE, ROTA_WAIT_ALL), THREE); /* again: at once */
	CHECK_EQ(rota_scope_join(&scope), -EIO);
}

EACH_MODEL(waiting_for_no_tasks_ends_at_once_and_for_unknown_things_is_refused)
{
	CHECK_EQ(rota_wait(NULL, 0, ROTA_WAIT_ALL), 0);
	CHECK_EQ(rota_wait(NULL, 0, (enum rota_wait_when)7), -EINVAL);
}

EACH_MODEL(a_task_named_twice_counts_twice_and_wakes_once)
{
	struct gated gated[THREE] = { { .result = 1 }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE], *twice[2];
	struct rota_scope scope;

	spawn_three(&scope, gated, tasks);
	twice[0] = twice[1] = tasks[0];
	rota_event_set(&gated[0].gate);
	CHECK_EQ(rota_wait(twice, 2, ROTA_WAIT_FIRST), 2);
	end(&gated[1]);
	end(&gated[2]);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

struct waiting {
	struct rota_task *const *tasks;
	size_t count;
	int rc;
};

static int wait_for_all(void *arg)
{
	struct waiting *w = arg;

	w->rc = rota_wait(w->tasks, w->count, ROTA_WAIT_ALL);
	return w->rc < 0 ? w->rc : 0;
}

EACH_MODEL(a_wait_for_several_can_be_cancelled_and_they_go_on)
{
	struct gated gated[THREE] = { { .result = 1 }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE];
	struct waiting waiting = { tasks, THREE, 1 };
	struct rota_scope scope, waiters;

	spawn_three(&scope, gated, tasks);
	rota_scope_open(&waiters);
	rota_spawn(&waiters, wait_for_all, &waiting);
	rota_yield();
	rota_scope_cancel(&waiters);
	CHECK_EQ(rota_scope_join(&waiters), 0);
	CHECK_EQ(waiting.rc, -ECANCELED);
	for (int i = 0; i < THREE; i++) {
		CHECK_EQ(rota_try_join(tasks[i], NULL), -EAGAIN);
		end(&gated[i]);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int wait_for_oneself(void *arg)
{
	struct rota_task *const *tasks = arg;

	CHECK_EQ(rota_wait(tasks, 1, ROTA_WAIT_FIRST), -EDEADLK);
	return 0;
}

EACH_MODEL(waiting_for_oneself_is_a_deadlock_that_is_told)
{
	struct rota_task *me = rota_self();
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, wait_for_oneself, &me); /* which cannot end before this task of its */
	CHECK_EQ(rota_wait(&me, 1, ROTA_WAIT_ALL), -EDEADLK);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int yield_some(void *arg)
{
	for (intptr_t i = (intptr_t)arg % 7; i > 0; i--)
		rota_yield();
	return (int)(intptr_t)arg;
}

EACH_MODEL(many_tasks_end_while_they_are_waited_for)
{
	enum { MANY = 100, ROUNDS = 30 };

	for (int round = 0; round < test_times(ROUNDS); round++) {
		struct rota_task *tasks[MANY];
		struct rota_scope scope;
		size_t left = MANY;

		rota_scope_open(&scope);
		for (intptr_t i = 0; i < MANY; i++)
			CHECK_EQ(rota_spawn_task(&tasks[i], &scope, yield_some, (void *)i, NULL), 0);
		while (left > 0) { /* those that have ended leave the array */
			int ended = rota_wait(tasks, left, ROTA_WAIT_FIRST), seen = 0;
			size_t kept = 0;

			CHECK(ended >= 1);
			for (size_t i = 0; i < left; i++)
				if (rota_try_join(tasks[i], NULL) == 0)
					seen++;
				else
					tasks[kept++] = tasks[i];
			CHECK(seen >= ended);
			left = kept;
		}
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

/* ---- one task, with a limit ---- */

EACH_MODEL(a_join_with_a_deadline_leaves_the_task_running)
{
	struct gated gated[THREE] = { { .result = 1 }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;
	int result = 0;

	spawn_three(&scope, gated, tasks);
	CHECK_EQ(rota_join_until(tasks[0], &result, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_join_until(tasks[0], &result, rota_deadline(ROTA_MICROSECONDS(100))), -ETIMEDOUT);
	CHECK_EQ(rota_try_join(tasks[0], &result), -EAGAIN);
	CHECK_EQ(result, 0);
	for (int i = 0; i < THREE; i++)
		rota_event_set(&gated[i].gate);
	CHECK_EQ(rota_join_until(tasks[0], &result, ROTA_FOREVER), 0);
	CHECK_EQ(result, 1);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_join_until(rota_self(), &result, ROTA_NOW), -EDEADLK);
}

EACH_MODEL(what_takes_too_long_is_cancelled_and_has_ended_while_its_siblings_go_on)
{
	struct gated gated[THREE] = { { .result = 1 }, { .result = 2 }, { .result = 3 } };
	struct rota_task *tasks[THREE];
	struct rota_scope scope;
	int result = 0;

	rota_scope_open(&scope); /* where a real error would cancel the siblings */
	for (int i = 0; i < THREE; i++)
		CHECK_EQ(rota_spawn_task(&tasks[i], &scope, end_at_gate, &gated[i], NULL), 0);
	CHECK_EQ(rota_wait_for(tasks[0], &result, ROTA_MICROSECONDS(100)), -ETIMEDOUT);
	CHECK_EQ(rota_try_join(tasks[0], NULL), 0);
	rota_event_set(&gated[1].gate);
	rota_event_set(&gated[2].gate);
	CHECK_EQ(rota_wait_for(tasks[1], &result, ROTA_FOREVER), 0);
	CHECK_EQ(result, 2);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int answer_though_cancelled(void *arg)
{
	CHECK_EQ(rota_event_wait(arg), -ECANCELED);
	return 42;
}

EACH_MODEL(a_result_that_comes_after_the_limit_is_not_lost)
{
	struct rota_event never = { 0 };
	struct rota_scope scope;
	struct rota_task *task;
	int result = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, answer_though_cancelled, &never, NULL), 0);
	CHECK_EQ(rota_wait_for(task, &result, ROTA_MICROSECONDS(10)), 0);
	CHECK_EQ(result, 42);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int wait_for_it(void *arg)
{
	CHECK_EQ(rota_wait_for(arg, NULL, ROTA_FOREVER), -ECANCELED);
	CHECK_EQ(rota_try_join(arg, NULL), 0);
	return -ECANCELED;
}

EACH_MODEL(to_cancel_the_wait_for_a_task_is_to_cancel_the_task)
{
	struct gated gated = { .result = 1 };
	struct rota_scope scope, waiters;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, end_at_gate, &gated, NULL), 0);
	rota_scope_open(&waiters);
	rota_spawn(&waiters, wait_for_it, task);
	rota_yield();
	rota_scope_cancel(&waiters);
	CHECK_EQ(rota_scope_join(&waiters), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- in the order in which they end ---- */

EACH_MODEL(calls_are_told_in_the_order_in_which_they_end)
{
	struct gated gated[THREE] = { { .result = 10 }, { .result = -EIO }, { .result = 12 } };
	struct rota_call calls[THREE];
	struct rota_as_completed each;
	static const int order[THREE] = { 2, 1, 0 };
	int result = 0;

	for (int i = 0; i < THREE; i++)
		calls[i] = (struct rota_call){ end_at_gate, &gated[i] };
	CHECK_EQ(rota_as_completed_open(&each, calls, THREE), 0);
	for (int i = 0; i < THREE; i++) {
		CHECK_EQ(rota_as_completed_next_until(&each, &result, ROTA_NOW), -ETIMEDOUT);
		CHECK_EQ(rota_as_completed_next_until(&each, &result, rota_deadline(ROTA_MICROSECONDS(50))), -ETIMEDOUT);
		rota_event_set(&gated[order[i]].gate);
		CHECK_EQ(rota_as_completed_next(&each, &result), order[i]);
		CHECK_EQ(result, gated[order[i]].result);
	}
	CHECK_EQ(rota_as_completed_next(&each, &result), ROTA_EOF);
	rota_as_completed_close(&each);
	rota_as_completed_close(&each); /* harmless */
}

EACH_MODEL(closing_cancels_the_calls_that_nobody_waits_for_any_more)
{
	struct gated gated[THREE] = { { .result = 10 }, { .result = 11 }, { .result = 12 } };
	struct rota_call calls[THREE];
	struct rota_as_completed each;
	int result = 0;

	for (int i = 0; i < THREE; i++)
		calls[i] = (struct rota_call){ end_at_gate, &gated[i] };
	CHECK_EQ(rota_as_completed_open(&each, calls, THREE), 0);
	rota_event_set(&gated[1].gate);
	CHECK_EQ(rota_as_completed_next(&each, &result), 1);
	rota_as_completed_close(&each);
	CHECK_EQ(rota_as_completed_next(&each, &result), -EPERM); /* closed */
	CHECK_EQ(rota_as_completed_open(&each, NULL, 0), 0);
	CHECK_EQ(rota_as_completed_next(&each, NULL), ROTA_EOF);
	rota_as_completed_close(&each);
}

EACH_MODEL(each_of_many_calls_is_told_once)
{
	enum { MANY = 200, ROUNDS = 30 };

	for (int round = 0; round < ROUNDS; round++) {
		struct rota_call calls[MANY];
		struct rota_as_completed each;
		bool seen[MANY] = { false };
		int i, result, count = 0;

		for (intptr_t n = 0; n < MANY; n++)
			calls[n] = (struct rota_call){ yield_some, (void *)n };
		CHECK_EQ(rota_as_completed_open(&each, calls, MANY), 0);
		while ((i = rota_as_completed_next(&each, &result)) >= 0) {
			CHECK_EQ(result, i);
			CHECK(!seen[i]);
			seen[i] = true;
			count++;
		}
		CHECK_EQ(i, ROTA_EOF);
		CHECK_EQ(count, MANY);
		rota_as_completed_close(&each);
	}
}

static int next_of_never(void *arg)
{
	struct gated gated = { .result = 1 };
	struct rota_call call = { end_at_gate, &gated };
	struct rota_as_completed each;
	int result, rc;

	CHECK_EQ(rota_as_completed_open(&each, &call, 1), 0);
	rc = rota_as_completed_next(&each, &result);
	/* The call has been cancelled with us, and may have ended first. */
	CHECK(rc == -ECANCELED || (rc == 0 && result == -ECANCELED));
	rota_as_completed_close(&each);
	return rota_cancelled();
}

EACH_MODEL(a_cancellation_from_outside_ends_the_calls_and_the_wait_for_the_next)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, next_of_never, NULL);
	rota_yield();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

TEST(outside_of_a_task_nobody_waits_for_tasks)
{
	struct rota_as_completed each;
	int result;

	CHECK_EQ(rota_wait(NULL, 0, ROTA_WAIT_ALL), -EPERM);
	CHECK_EQ(rota_wait_for(NULL, &result, 0), -EPERM);
	CHECK_EQ(rota_join_until(NULL, &result, 0), -EPERM);
	CHECK_EQ(rota_try_join(NULL, &result), -EPERM);
	CHECK_EQ(rota_as_completed_open(&each, NULL, 0), -EPERM);
	rota_as_completed_close(&each);
}
