/* misuse.c - scopes and tasks in the hands of those to whom they do not belong: other threads, other runs, and who comes too late
 *
 * Each is answered, and the program goes on as if it had not been. */
#include <pthread.h>
#include <unistd.h>

#include "run.h"

static int succeed(void *arg)
{
	(void)arg;
	return 7;
}

static int wait_for_ever(void *arg)
{
	(void)arg;
	return rota_sleep_until(ROTA_FOREVER);
}

/* ---- a thread that is in no run ---- */

static void *call(void *arg)
{
	((void (*)(void))(uintptr_t)arg)();
	return NULL;
}

/* Run fn() on a thread of its own, which ends before the task goes on. */
static void on_a_thread(void (*fn)(void))
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, call, (void *)(uintptr_t)fn), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static struct rota_scope shared;
static struct rota_task *handle;

static void spawn_in_every_way(void)
{
	struct rota_task_options now = { .now = true };
	struct rota_task *task;

	CHECK_EQ(rota_spawn(&shared, succeed, NULL), -EPERM);
	CHECK_EQ(rota_spawn_now(&shared, succeed, NULL), -EPERM);
	CHECK_EQ(rota_spawn_task(&task, &shared, succeed, NULL, NULL), -EPERM);
	CHECK_EQ(rota_spawn_task(&task, &shared, succeed, NULL, &now), -EPERM);
	CHECK(rota_detached() == NULL);
	CHECK_EQ(rota_spawn(rota_detached(), succeed, NULL), -EPERM);
}

TASK_TEST(a_thread_without_a_run_cannot_spawn_and_the_scope_does_not_notice)
{
	rota_scope_open(&shared);
	on_a_thread(spawn_in_every_way);
	CHECK_EQ(rota_scope_join(&shared), 0);
	CHECK_EQ(rota_scope_errors(&shared, NULL, 0), 0);
}

static void use_the_handle(void)
{
	struct rota_task *const tasks[] = { handle };
	int result = 99;

	CHECK_EQ(rota_task_cancel(handle), -EPERM);
	CHECK_EQ(rota_task_release(handle), -EPERM);
	CHECK_EQ(rota_join(handle, &result), -EPERM);
	CHECK_EQ(rota_try_join(handle, &result), -EPERM);
	CHECK_EQ(rota_wait_for(handle, &result, 1), -EPERM);
	CHECK_EQ(rota_wait(tasks, 1, ROTA_WAIT_ALL), -EPERM);
	CHECK_EQ(rota_scope_cancel(&shared), -EPERM);
	CHECK_EQ(rota_scope_join(&shared), -EPERM);
	CHECK_EQ(result, 99);
}

TASK_TEST(a_thread_without_a_run_can_do_nothing_with_a_task)
{
	rota_scope_open(&shared);
	CHECK_EQ(rota_spawn_task(&handle, &shared, wait_for_ever, NULL, NULL), 0);
	on_a_thread(use_the_handle);
	CHECK_EQ(rota_try_join(handle, NULL), -EAGAIN);
	CHECK_EQ(rota_task_cancel(handle), 0);
	CHECK_EQ(rota_scope_join(&shared), -ECANCELED);
}

/* ---- a task of another run ---- */

static int in_another_run(void *arg)
{
	((void (*)(void))(uintptr_t)arg)();
	return 0;
}

static void *run(void *arg)
{
	CHECK_EQ(rota_run(in_another_run, arg, NULL), 0);
	return NULL;
}

static int run_on_a_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return 0;
}

static void use_the_handle_and_select(void)
{
	struct rota_branch ends[] = { rota_on_join(handle, NULL) };

	use_the_handle();
	CHECK_EQ(rota_select(ends, 1), 0);
	CHECK_EQ(ends[0].result, -EPERM);
}

static struct rota_scope *detached;

static void spawn_into_the_other_run(void)
{
	struct rota_task *task;

	CHECK_EQ(rota_spawn(&shared, succeed, NULL), -EPERM);
	CHECK_EQ(rota_spawn_now(&shared, succeed, NULL), -EPERM);
	CHECK_EQ(rota_spawn_task(&task, &shared, succeed, NULL, NULL), -EPERM);
	CHECK_EQ(rota_spawn(detached, succeed, NULL), -EPERM);
	CHECK_EQ(rota_scope_cancel(detached), -EPERM);
	CHECK_EQ(rota_spawn(NULL, succeed, NULL), -EINVAL);
}

TASK_TEST(a_task_cannot_spawn_into_a_scope_of_another_run)
{
	rota_scope_open(&shared);
	detached = rota_detached();
	CHECK_EQ(rota_blocking(run_on_a_thread, (void *)(uintptr_t)spawn_into_the_other_run), 0);
	CHECK_EQ(rota_scope_join(&shared), 0);
	CHECK_EQ(rota_scope_errors(&shared, NULL, 0), 0);
}

TASK_TEST(a_task_can_do_nothing_with_a_task_of_another_run)
{
	rota_scope_open(&shared);
	CHECK_EQ(rota_spawn_task(&handle, &shared, wait_for_ever, NULL, NULL), 0);
	CHECK_EQ(rota_blocking(run_on_a_thread, (void *)(uintptr_t)use_the_handle_and_select), 0);
	CHECK_EQ(rota_try_join(handle, NULL), -EAGAIN);
	CHECK_EQ(rota_task_cancel(handle), 0);
	CHECK_EQ(rota_scope_join(&shared), -ECANCELED);
}

static struct rota_local setting = { .name = "setting" };

TEST(outside_of_a_run_there_are_no_locals_and_no_workers)
{
	CHECK_EQ(rota_local_set(&setting, &setting), -EPERM);
	CHECK(rota_local_get(&setting) == NULL);
	CHECK_EQ(rota_worker_count(), 0);
	CHECK_EQ(rota_boss_count(), 0);
	CHECK_EQ(rota_loop_count(), 0);
	CHECK(rota_detached() == NULL);
	CHECK_EQ(rota_spawn(rota_detached(), succeed, NULL), -EPERM);
}

/* ---- what one may ask about others ---- */

static int rename_for_ever(void *arg)
{
	(void)arg;
	while (rota_yield() == 0)
		rota_task_set_name(rota_self(), rota_cancelled() == 0 ? "one" : "two");
	return -EIO;
}

TASK_TEST(a_task_may_be_asked_about_while_it_runs)
{
	struct rota_task *task;
	struct rota_scope scope;
	int code = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, rename_for_ever, NULL, NULL), 0);
	for (int i = 0; i < 200; i++) {
		const char *name = rota_task_name(task);

		CHECK(strcmp(name, "one") == 0 || strcmp(name, "rename_for_ever") == 0);
		CHECK(rota_task_id(task) != rota_task_id(rota_self()));
		CHECK(rota_loop_count() == 1 || rota_task_stack_used(task) == 0);
		CHECK_EQ(rota_scope_errors(&scope, &code, 1), 0);
		rota_yield();
	}
	CHECK_EQ(rota_task_cancel(task), 0);
	CHECK_EQ(rota_join(task, &code), 0);
	CHECK_EQ(code, -EIO);
	CHECK_EQ(rota_task_stack_used(task), 0);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
	CHECK_EQ(rota_scope_errors(&scope, &code, 1), 1);
}

/* ---- too late ---- */

TASK_TEST(a_joined_scope_takes_no_tasks_and_its_verdict_stands)
{
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_spawn(&scope, succeed, NULL), -EINVAL);
	CHECK_EQ(rota_spawn_now(&scope, succeed, NULL), -EINVAL);
	CHECK_EQ(rota_spawn_task(&task, &scope, succeed, NULL, NULL), -EINVAL);
	CHECK_EQ(rota_scope_cancel(&scope), -EINVAL);
	CHECK_EQ(rota_scope_errors(&scope, NULL, 0), 0);
	rota_scope_open(&scope); /* it is a new one then */
	CHECK_EQ(rota_spawn(&scope, succeed, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

TASK_TEST(a_joined_scope_has_the_reason_of_its_cancellation_no_more)
{
	struct rota_scope outer, inner;

	rota_scope_open(&outer);
	rota_scope_open(&inner);
	rota_spawn(&inner, wait_for_ever, NULL);
	CHECK_EQ(rota_scope_cancel(&outer), 0);
	CHECK_EQ(rota_scope_join(&inner), -ECANCELED);
	CHECK_EQ(rota_spawn(&inner, succeed, NULL), -EINVAL);
	CHECK_EQ(rota_scope_join(&outer), 0);
}

/* ---- a scope for every thread ---- */

static const struct rota_scope_options any_thread = { .flags = ROTA_SCOPE_ANY_THREAD };

static void cancel_shared(void)
{
	CHECK_EQ(rota_scope_cancel(&shared), 0);
	CHECK_EQ(rota_scope_cancel(&shared), 0); /* it has been asked */
}

TASK_TEST(a_thread_without_a_run_cancels_a_scope_that_says_so)
{
	rota_scope_open_with(&shared, &any_thread);
	CHECK_EQ(rota_spawn_task(&handle, &shared, wait_for_ever, NULL, NULL), 0);
	on_a_thread(cancel_shared);
	CHECK_EQ(rota_scope_join(&shared), 0);
	CHECK_EQ(rota_spawn(&shared, succeed, NULL), -EINVAL);
}

TASK_TEST(a_task_of_another_run_cancels_a_scope_that_says_so)
{
	rota_scope_open_with(&shared, &any_thread);
	CHECK_EQ(rota_spawn_task(&handle, &shared, wait_for_ever, NULL, NULL), 0);
	CHECK_EQ(rota_blocking(run_on_a_thread, (void *)(uintptr_t)cancel_shared), 0);
	CHECK_EQ(rota_scope_join(&shared), 0);
}

static int saw;

static int join_and_tell(void *arg)
{
	struct rota_task *const tasks[] = { handle };

	(void)arg;
	saw = rota_wait(tasks, 1, ROTA_WAIT_ALL);
	return 0;
}

TASK_TEST(a_cancellation_by_another_thread_reaches_the_tasks_below)
{
	rota_scope_open_with(&shared, &any_thread);
	CHECK_EQ(rota_spawn_task(&handle, &shared, wait_for_ever, NULL, NULL), 0);
	CHECK_EQ(rota_spawn(&shared, join_and_tell, NULL), 0);
	others_wait();
	on_a_thread(cancel_shared);
	CHECK_EQ(rota_scope_join(&shared), 0);
	CHECK(saw == -ECANCELED || saw == 1); /* cut short, or told by the other one */
}

/* The thread cancels all that it is shown, and says when it has seen the last. */
static struct rota_scope *shown;
static uint32_t show, over;

static void *cancel_what_is_shown(void *arg)
{
	(void)arg;
	while (!load_acquire(&over)) {
		if (load_acquire(&show) != 1)
			continue;
		CHECK_EQ(rota_scope_cancel(shown), 0);
		store_release(&show, 2);
	}
	return NULL;
}

/* The join returns when it likes: the scope's memory is used for other things then. */
TASK_TEST(a_cancellation_that_is_under_way_holds_the_join)
{
	enum { ROUNDS = 2000 };
	pthread_t thread;

	over = show = 0;
	CHECK_EQ(pthread_create(&thread, NULL, cancel_what_is_shown, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct rota_scope scope;

		rota_scope_open_with(&scope, &any_thread);
		if (i % 2 == 0)
			CHECK_EQ(rota_spawn(&scope, wait_for_ever, NULL), 0);
		shown = &scope;
		store_release(&show, 1);
		if (i % 2 != 0)
			while (load_acquire(&show) != 2)
				;
		CHECK_EQ(rota_scope_join(&scope), 0);
		while (load_acquire(&show) != 2)
			;
		memset(&scope, 0xa5, sizeof scope);
	}
	store_release(&over, 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- a forked child that goes home ---- */

/* In the child: the way home from a task is the parent's. */
static int fork_and_return(void *arg)
{
	pid_t child = fork();

	if (child == 0)
		return 0;
	CHECK(waitpid(child, arg, 0) == child);
	return 0;
}

static int fork_in_a_task_and_return(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, fork_and_return, arg);
	return rota_scope_join(&scope); /* it may run in our place */
}

static int fork_in_a_gather_and_return(void *arg)
{
	struct rota_call calls[] = { { succeed, NULL }, { fork_and_return, arg } };

	return rota_gather(calls, 2, NULL);
}

static void run_fork(void *arg)
{
	int status = 0;

	CHECK_EQ(rota_run((rota_fn)(uintptr_t)arg, &status, NULL), 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void a_child_that_returns_is_told(rota_fn app, const char *task)
{
	char err[512];

	CHECK_EQ(test_run_child(run_fork, (void *)(uintptr_t)app, err, sizeof err), 0);
	CHECK(strstr(err, "a forked child has returned") != NULL);
	CHECK(strstr(err, task) != NULL);
}

TEST(a_forked_child_that_returns_from_its_task_is_ended_and_told_why)
{
	a_child_that_returns_is_told(fork_and_return, "task \"main\"");
	a_child_that_returns_is_told(fork_in_a_task_and_return, "task \"fork_and_return\"");
	a_child_that_returns_is_told(fork_in_a_gather_and_return, "task \"gather\"");
}
