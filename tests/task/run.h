/* run.h - run a test's body as the first task of a run
 *
 * ROTA_MODEL and ROTA_WORKERS choose the model, and each test holds under all of them.  What a test may not assume is therefore
 * that a yield lets the others go just so far, or that tasks run in the order in which they were spawned: others_wait()
 * lets them come to where they wait, and who must come first is spawned first and waited for. */
#ifndef ROTA_TESTS_TASK_RUN_H
#define ROTA_TESTS_TASK_RUN_H

#include <rota.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/test.h"
#include "task/team.h"

/* TASK_TEST(name) { ... }: the body runs inside rota_run(). */
#define TASK_TEST(name) TASK_TEST_WITH(name, NULL)

/* The same without the watchdog, which opens files of /proc when it likes: for who leaves no descriptor. */
static const struct rota_options unwatched __attribute__((unused)) = { .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

#define UNWATCHED_TEST(name) TASK_TEST_WITH(name, &unwatched)

#define TASK_TEST_WITH(name, options)                                                              \
	static void name##_body(void);                                                             \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(rota_run(name##_app, NULL, options), 0);                                  \
	}                                                                                          \
	static void name##_body(void)

/* The same in a task that stays on its worker, for what belongs to one loop: promises. */
#define PINNED_TEST(name)                                                                          \
	static void name##_pinned_body(void);                                                      \
	static int name##_pinned(void *arg)                                                        \
	{                                                                                          \
		name##_pinned_body();                                                              \
		return 0;                                                                          \
	}                                                                                          \
	TASK_TEST(name)                                                                            \
	{                                                                                          \
		struct rota_task_options pinned = { .pinned = true };                             \
		struct rota_scope scope;                                                           \
		struct rota_task *task;                                                            \
                                                                                                   \
		rota_scope_open(&scope);                                                           \
		CHECK_EQ(rota_spawn_task(&task, &scope, name##_pinned, NULL, &pinned), 0);         \
		CHECK_EQ(rota_scope_join(&scope), 0);                                              \
	}                                                                                          \
	static void name##_pinned_body(void)

/* First thing in a test about what holds only where tasks stay on the worker that spawned them. */
static inline void not_where_work_is_stolen(const char *reason)
{
	if (strcmp(rota_model_name(), "steal") == 0)
		SKIP(reason);
}

/* Everybody else of the team sleeps, and nothing is on its way to them. */
static inline bool others_sleep(const struct rota__team *team, const struct rota__worker *here)
{
	for (unsigned i = 0; i < team->size; i++)
		if (team->workers[i] != here && load_acquire(&team->workers[i]->loop->posts.newest) != MPSC_ASLEEP)
			return false;
	return !team->steal || load_acquire(&team->sleeper_count) == rota__team_in_service(team) - 1;
}

static inline bool others_are_waiting(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	if (here->team == NULL)
		return here->head == here->tail;
	/* A task on its way to us is in a post until our loop looks again. */
	return !rota__team_has_work(here) && others_sleep(here->team, here) && mpsc_empty(&here->loop->posts);
}

/* Let all other tasks run until each has ended or waits: for another, for time, or for the system. */
static inline void others_wait(void)
{
	do
		rota_yield();
	while (!others_are_waiting());
}

#endif
