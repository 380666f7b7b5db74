/* signal.c - signals reach the tasks that wait for them */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "task/run.h"

static void handler(int signo)
{
}

static void check_action(int signo, void (*expected)(int))
{
	struct sigaction action;

	CHECK_EQ(sigaction(signo, NULL, &action), 0);
	CHECK(action.sa_handler == expected);
}

TASK_TEST(a_signal_is_told_to_the_task_that_waits)
{
	struct rota_signals *s;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1, SIGHUP }, 2), 0);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1);
	CHECK_EQ(raise(SIGHUP), 0);
	CHECK_EQ(rota_signals_wait(s), SIGHUP);
	rota_signals_close(s);
}

static int raise_later(void *arg)
{
	rota_yield();
	rota_yield();
	return kill(getpid(), SIGUSR1);
}

TASK_TEST(a_task_sleeps_until_the_signal_comes)
{
	struct rota_signals *s;
	struct rota_scope scope;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, raise_later, NULL);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_signals_close(s);
}

static int wait_one(void *arg)
{
	return rota_signals_wait(arg);
}

TASK_TEST(the_same_signal_is_told_once_different_ones_each)
{
	struct rota_signals *s;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR2, SIGUSR1 }, 2), 0);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR2);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1); /* in the order of their numbers */
	CHECK_EQ(rota_signals_wait(s), SIGUSR2);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), wait_one, s), -ETIMEDOUT);
	raise(SIGUSR1);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1);
	rota_signals_close(s);
}

TASK_TEST(the_former_effect_comes_back_with_the_last_set)
{
	struct rota_signals *a, *b;

	CHECK(signal(SIGUSR1, handler) != SIG_ERR);
	CHECK_EQ(rota_signals_open(&a, (const int[]){ SIGUSR1, SIGUSR2, SIGUSR1 }, 3), 0); /* twice is once */
	CHECK_EQ(rota_signals_open(&b, (const int[]){ SIGUSR1 }, 1), 0);
	rota_signals_close(a);
	check_action(SIGUSR2, SIG_DFL);
	raise(SIGUSR1);
	CHECK_EQ(rota_signals_wait(b), SIGUSR1);
	rota_signals_close(b);
	check_action(SIGUSR1, handler);
}

TASK_TEST(what_cannot_be_caught_is_refused_and_nothing_is_caught)
{
	static const int bad[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, 65, 1000 };
	struct rota_signals *s = NULL;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1, bad[i] }, 2), -EINVAL);
	CHECK(s == NULL);
	check_action(SIGUSR1, SIG_DFL);
}

TASK_TEST(a_second_task_cannot_wait_in_the_same_set)
{
	struct rota_signals *s;
	struct rota_scope scope;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, wait_one, s);
	others_wait();
	CHECK_EQ(rota_signals_wait(s), -EBUSY);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	raise(SIGUSR1);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1); /* the cancelled one took nothing with it */
	rota_signals_close(s);
}

TASK_TEST(closing_the_set_wakes_who_waits)
{
	struct rota_signals *s;
	struct rota_scope scope;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, wait_one, s);
	others_wait();
	rota_signals_close(s);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	rota_signals_close(NULL);
}

/* The dispatcher's post is on its way when the set is closed. */
TASK_TEST(a_set_may_be_closed_while_a_signal_is_under_way)
{
	for (int i = 0; i < 100; i++) {
		struct rota_signals *s;

		CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
		raise(SIGUSR1);
		if (i % 2)
			rota_yield();
		rota_signals_close(s);
	}
}

/* ---- several runs ---- */

static int ready, told;

static int wait_in_this_run(void *arg)
{
	struct rota_signals *s;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(rota_signals_wait(s), SIGUSR1);
	__atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
	rota_signals_close(s);
	return 0;
}

static void *run_and_wait(void *arg)
{
	CHECK_EQ(rota_run(wait_in_this_run, NULL, NULL), 0);
	return NULL;
}

TEST(every_run_of_every_thread_is_told)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run_and_wait, NULL), 0);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 4)
		sched_yield();
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(told, 4);
}

static int stop_storm;

static void *storm(void *arg)
{
	while (!__atomic_load_n(&stop_storm, __ATOMIC_SEQ_CST))
		kill(getpid(), SIGUSR1);
	return NULL;
}

static int work_in_a_storm(void *arg)
{
	struct rota_signals *s;
	struct rota_stream *ends[2];
	char buf[4];

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), 0);
	CHECK_EQ(rota_stream_pair(ends), 0);
	__atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2000; i++) {
		CHECK_EQ(rota_signals_wait(s), SIGUSR1);
		CHECK_EQ(rota_write_all(ends[0], "ping", 4), 4);
		CHECK_EQ(rota_read_exactly(ends[1], buf, 4), 4);
	}
	rota_close(ends[0]);
	rota_close(ends[1]);
	__atomic_store_n(&stop_storm, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST)) /* until the last one has been sent */
		CHECK_EQ(rota_yield(), 0);
	rota_signals_close(s);
	return 0;
}

static void *run_in_a_storm(void *arg)
{
	CHECK_EQ(rota_run(work_in_a_storm, NULL, NULL), 0);
	return NULL;
}

TEST(a_storm_of_signals_loses_nothing_and_breaks_nothing)
{
	pthread_t runner, sender;

	if (valgrind_watches())
		SKIP("valgrind sees to signals first, and here there is always one more");
	CHECK_EQ(pthread_create(&runner, NULL, run_in_a_storm, NULL), 0);
	while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
		sched_yield();
	CHECK_EQ(pthread_create(&sender, NULL, storm, NULL), 0);
	CHECK_EQ(pthread_join(sender, NULL), 0);
	__atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
	CHECK_EQ(pthread_join(runner, NULL), 0);
}

/* ---- SIGINT and SIGTERM ---- */

static int wait_for_the_end(void *arg)
{
	raise(SIGTERM);
	return rota_sleep_until(ROTA_FOREVER);
}

TEST(a_run_that_is_asked_to_end_is_cancelled)
{
	CHECK_EQ(rota_run(wait_for_the_end, NULL, NULL), -ECANCELED);
	check_action(SIGTERM, SIG_DFL);
	check_action(SIGINT, SIG_DFL);
}

static int take_sigterm(void *arg)
{
	struct rota_signals *s;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGTERM }, 1), 0);
	raise(SIGTERM);
	CHECK_EQ(rota_signals_wait(s), SIGTERM);
	CHECK_EQ(rota_yield(), 0); /* not cancelled */
	rota_signals_close(s);
	return 0;
}

TEST(a_program_may_keep_sigterm_to_itself)
{
	CHECK_EQ(rota_run(take_sigterm, NULL, &(struct rota_options){ .keep_signals = true }), 0);
}

TEST(outside_of_a_run_it_is_refused)
{
	struct rota_signals *s;

	CHECK_EQ(rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1), -EPERM);
	check_action(SIGUSR1, SIG_DFL);
}
