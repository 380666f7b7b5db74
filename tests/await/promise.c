/* promise.c - tasks and promises: waiting for one, being one */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "task/run.h"

static int state;

static struct rota_result text(void *arg)
{
	return rota_sleep(ROTA_MILLISECONDS(1)) == 0 ? rota_result_value(strdup(arg), free) : rota_result_error(-EIO);
}

static struct rota_result fail(void *arg)
{
	rota_yield();
	return rota_result_error(-ENOENT);
}

PINNED_TEST(a_task_awaits_a_promise_that_is_settled)
{
	struct rota_promise *p = rota_promise_of(NULL, rota_result_value("v", NULL));
	void *value;

	CHECK_EQ(rota_await(p, &value), 0);
	CHECK_STR(value, "v");
	rota_promise_unref(p);
}

PINNED_TEST(a_task_awaits_the_end_of_another)
{
	struct rota_promise *p = rota_promise_task(NULL, text, "text");
	void *value;

	CHECK_EQ(rota_await(p, &value), 0);
	CHECK_STR(value, "text");
	CHECK_EQ(rota_await(p, NULL), 0); /* as often as one likes */
	rota_promise_unref(p);
}

PINNED_TEST(a_rejection_is_the_answer_and_counts_as_handled)
{
	struct rota_promise *p = rota_promise_task(NULL, fail, NULL), *q;

	CHECK_EQ(rota_await(p, NULL), -ENOENT);
	rota_promise_unref(p);
	q = rota_promise_of(NULL, rota_result_error(-EIO));
	CHECK_EQ(rota_await(q, NULL), -EIO);
	rota_promise_unref(q);
	CHECK_EQ(rota_yield(), 0); /* the loop would report it now */
	CHECK_EQ(rota_await(NULL, NULL), -ENOMEM);
	q = rota_promise_of(NULL, rota_result_error(EIO));
	CHECK_EQ(rota_await(q, NULL), -EIO); /* a code without its sign is no success */
	rota_promise_unref(q);
}

static int wait_for(void *arg)
{
	int rc = rota_await(arg, NULL);

	add_relaxed(&state, 1);
	return rc;
}

PINNED_TEST(several_tasks_await_one)
{
	struct rota_promise *p = rota_promise_new(NULL);
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(rota_spawn(&scope, wait_for, p), 0);
	others_wait();
	CHECK_EQ(rota_promise_settle(p, rota_result_value(NULL, NULL)), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(state, 5);
	rota_promise_unref(p);
}

PINNED_TEST(a_wait_that_is_cut_short_leaves_the_promise_alone)
{
	struct rota_promise *p = rota_promise_new(NULL);
	void *value;

	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), wait_for, p), -ETIMEDOUT);
	CHECK_EQ(rota_promise_state(p), ROTA_PENDING);
	CHECK_EQ(rota_promise_settle(p, rota_result_value("v", NULL)), 0);
	CHECK_EQ(rota_await(p, &value), 0);
	CHECK_STR(value, "v");
	rota_promise_unref(p);
}

PINNED_TEST(a_result_wins_over_a_cancellation)
{
	struct rota_promise *p = rota_promise_of(NULL, rota_result_value("v", NULL));
	struct rota_promise *pending = rota_promise_new(NULL);
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_await(p, NULL), 0);
	CHECK_EQ(rota_await(pending, NULL), -ECANCELED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_promise_unref(p);
	rota_promise_unref(pending);
}

PINNED_TEST(a_task_awaits_operations)
{
	struct rota_command command = { .argv = (const char *const[]){ "sh", "-c", "exit 7", NULL } };
	struct rota_promise *p[4], *all;
	const struct rota_promise_list *list;
	const struct rota_promised *value;

	p[0] = rota_promise_read_file(NULL, "/proc/self/stat", SIZE_MAX);
	p[1] = rota_promise_command(NULL, &command);
	p[2] = rota_promise_open(NULL, "/dev/null", O_RDONLY, 0);
	p[3] = rota_promise_stat(NULL, "/dev/null");
	all = rota_promise_all(NULL, p, 4);
	CHECK_EQ(rota_await(all, (void **)&list), 0);
	value = list->of[0].value;
	CHECK(value->result > 0);
	value = list->of[1].value;
	CHECK_EQ(value->exit.code, 7);
	value = list->of[3].value;
	CHECK_EQ(value->info.type, ROTA_FILE_CHARACTER);
	rota_promise_unref(all);
}

PINNED_TEST(the_end_of_the_run_waits_for_operations_that_nobody_waits_for)
{
	rota_promise_unref(rota_promise_open(NULL, "/dev/null", O_RDONLY, 0));
	rota_promise_unref(rota_promise_read_file(NULL, "/proc/self/stat", SIZE_MAX));
}

PINNED_TEST(a_scope_that_takes_no_tasks_rejects_the_promise)
{
	struct rota_promise *p;
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	p = rota_promise_task(&scope, text, "no");
	CHECK_EQ(rota_promise_error(p), -ECANCELED);
	CHECK_EQ(rota_await(p, NULL), -ECANCELED);
	rota_scope_join(&scope);
	rota_promise_unref(p);
}

static struct rota_result length(const struct rota_settled *it, void *arg)
{
	state = (int)strlen(it->value);
	return rota_result_pass();
}

PINNED_TEST(tasks_and_handlers_in_one_chain)
{
	struct rota_promise *p = rota_promise_then(rota_promise_task(NULL, text, "four"), length, NULL, NULL);
	char *value;

	CHECK_EQ(rota_await(p, (void **)&value), 0);
	CHECK_STR(value, "four");
	CHECK_EQ(state, 4);
	rota_promise_unref(p);
}

static int in_several_workers(void *arg)
{
	struct rota_promise *p[64], *all;
	void *value;

	for (int i = 0; i < 64; i++)
		p[i] = rota_promise_task(NULL, text, "text");
	all = rota_promise_all(NULL, p, 64);
	CHECK_EQ(rota_await(all, &value), 0);
	for (int i = 0; i < 64; i++)
		CHECK_STR(((struct rota_promise_list *)value)->of[i].value, "text");
	rota_promise_unref(all);
	return 0;
}

TEST(tasks_of_several_workers_settle_promises_of_one)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 3 };

	CHECK_EQ(rota_run(in_several_workers, NULL, &options), 0);
}

TEST(outside_of_a_task_there_is_no_waiting)
{
	struct rota_loop *loop;
	struct rota_promise *p;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	p = rota_promise_new(loop);
	CHECK_EQ(rota_await(p, NULL), -EPERM);
	rota_promise_unref(p);
	CHECK_EQ(rota_loop_free(loop), 0);
}
