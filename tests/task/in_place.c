/* in_place.c - tasks that run in the place of the task that joins them */
#include <errno.h>
#include <rota.h>
#include <string.h>

#include "run.h"

static void *stack_here(void)
{
	ROTA_INSIDE();

	return rota__current()->stack;
}

static uint8_t state_of(const struct rota_task *task)
{
	return load_relaxed(&task->state);
}

/* ---- where it runs ---- */

struct child {
	struct rota_task *parent;
	const void *parents_stack;
	bool in_place;
	struct rota_event *go;
};

static int look(void *arg)
{
	struct child *c = arg;

	c->in_place = stack_here() == c->parents_stack;
	CHECK(rota_self() != c->parent);
	CHECK(!c->in_place || state_of(c->parent) == TASK_BENEATH);
	return 7;
}

/* Sooner or later: not where the batch ends, nor if another one took it first. */
TASK_TEST(a_child_that_is_next_runs_on_the_stack_of_who_joins_it)
{
	struct child c = { .parent = rota_self(), .parents_stack = stack_here() };
	struct rota_scope scope;

	while (!c.in_place) {
		rota_scope_open(&scope);
		rota_spawn(&scope, look, &c);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	CHECK(rota_self() == c.parent);
	CHECK(stack_here() == c.parents_stack);
	CHECK_EQ(state_of(c.parent), TASK_READY);
}

TASK_TEST(one_that_has_a_handle_has_its_result_there)
{
	struct child c = { .parent = rota_self(), .parents_stack = stack_here() };
	struct rota_scope scope;
	struct rota_task *task;
	int result;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, look, &c, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, look, &c, NULL), 0);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, 7);
	rota_task_release(task);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int wait_and_look(void *arg)
{
	struct child *c = arg;

	c->in_place = stack_here() == c->parents_stack;
	CHECK_EQ(rota_event_wait(c->go), 0);
	CHECK(!c->in_place || state_of(c->parent) == TASK_BENEATH);
	return 0;
}

static int set(void *arg)
{
	rota_event_set(arg);
	return 0;
}

/* The one in the place waits for one that has a stack of its own. */
TASK_TEST(it_may_wait_there_and_the_others_go_on)
{
	struct rota_event go = { 0 };
	struct child c = { .parent = rota_self(), .parents_stack = stack_here(), .go = &go };
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, set, &go);
	rota_spawn(&scope, wait_and_look, &c);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(rota_self() == c.parent);
}

/* Under steal a yield may take them to another worker, and the loop has to be the one of the thread again. */
static int wander(void *arg)
{
	for (int i = 0; i < 100; i++)
		CHECK_EQ(rota_yield(), 0);
	return 0;
}

static int wander_in_pairs(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, wander, NULL);
	rota_spawn(&scope, wander, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	{
		ROTA_INSIDE();

		CHECK(rota__current()->worker == rota__here());
		CHECK(rota__here()->current == rota__current());
	}
	return rota_sleep(1000);
}

TASK_TEST(who_is_beneath_goes_where_it_goes)
{
	struct rota_scope scope;

	for (int round = 0; round < 20; round++) {
		rota_scope_open(&scope);
		for (int i = 0; i < 10; i++)
			rota_spawn(&scope, wander_in_pairs, NULL);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

/* ---- how deep ---- */

struct level {
	int depth;
	int64_t sum;
};

/* Some 2 KB a level: a quarter of the stack is some eight of them. */
static int descend(void *arg)
{
	struct level *l = arg, below = { .depth = l->depth - 1 };
	volatile char locals[2048];
	struct rota_scope scope;

	memset((char *)locals, 1, sizeof locals);
	l->sum = locals[17];
	if (l->depth == 0)
		return 0;
	rota_scope_open(&scope);
	rota_spawn(&scope, descend, &below);
	CHECK_EQ(rota_scope_join(&scope), 0);
	l->sum += below.sum;
	return 0;
}

TASK_TEST(where_it_becomes_narrow_the_next_has_a_stack_of_its_own)
{
	struct level top = { .depth = 2000 };

	CHECK_EQ(descend(&top), 0);
	CHECK_EQ(top.sum, 2001);
}

static int use_most_of_it(void *arg)
{
	volatile char most[44 << 10]; /* of the 48 KiB that are promised */

	memset((char *)most, 1, sizeof most);
	return most[sizeof most - 1] == 1 ? 0 : -EIO;
}

TASK_TEST(what_was_promised_is_there)
{
	struct rota_scope scope;
	volatile char mine[10 << 10];

	mine[0] = 1;
	rota_scope_open(&scope);
	rota_spawn(&scope, use_most_of_it, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(mine[0], 1);
}

static int is_on_its_own(void *arg)
{
	CHECK(stack_here() != arg);
	return 0;
}

TASK_TEST(a_size_that_was_asked_for_is_given)
{
	struct rota_task_options options = { .stack_bytes = 128 << 10 };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, is_on_its_own, stack_here(), &options), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- what stays as it was ---- */

static char order[8];
static uint32_t order_count;

static int note(void *letter)
{
	order[add_relaxed(&order_count, 1)] = *(const char *)letter;
	return 0;
}

TASK_TEST(on_one_loop_tasks_begin_in_the_order_in_which_they_were_spawned)
{
	struct rota_scope outer, inner;

	not_where_work_is_stolen("there what was spawned last comes first");
	rota_scope_open(&outer);
	rota_spawn(&outer, note, "a");
	rota_scope_open(&inner);
	rota_spawn(&inner, note, "b");
	rota_spawn(&inner, note, "c");
	CHECK_EQ(rota_scope_join(&inner), 0);
	rota_spawn(&outer, note, "d");
	CHECK_EQ(rota_scope_join(&outer), 0);
	CHECK_STR(order, "abcd");
}

static int fails(void *arg)
{
	return -EIO;
}

static int sleep_long(void *arg)
{
	return rota_sleep(ROTA_SECONDS(1000000));
}

TASK_TEST(its_error_cancels_its_siblings_and_the_join_answers_it)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, sleep_long, NULL);
	rota_spawn(&scope, fails, NULL);
	rota_spawn(&scope, sleep_long, NULL);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
}

static int join_one_that_sleeps(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, sleep_long, NULL);
	return rota_scope_join(&scope);
}

TASK_TEST(a_cancellation_reaches_it_through_the_scope_that_is_joined)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, join_one_that_sleeps, NULL);
	rota_spawn(&scope, join_one_that_sleeps, NULL);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

TASK_TEST(a_deadline_reaches_it)
{
	const struct rota_scope_options soon = { .deadline_ns = rota_now_ns() + 1000000 };
	struct rota_scope scope;

	rota_scope_open_with(&scope, &soon);
	rota_spawn(&scope, join_one_that_sleeps, NULL);
	CHECK_EQ(rota_scope_join(&scope), -ETIMEDOUT);
}

/* Each of them spawns, joins and ends at once: without an end the loop would never have its turn. */
static bool ticked;

static int tick(void *arg)
{
	int rc = rota_sleep(100000);

	store_relaxed(&ticked, true);
	return rc;
}

static int nothing(void *arg)
{
	return 0;
}

TASK_TEST(timers_have_their_turn_while_children_run_in_place_again_and_again)
{
	struct rota_scope scope, inner;

	rota_scope_open(&scope);
	rota_spawn(&scope, tick, NULL);
	while (!load_relaxed(&ticked)) {
		rota_scope_open(&inner);
		rota_spawn(&inner, nothing, NULL);
		CHECK_EQ(rota_scope_join(&inner), 0);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- what is told of it ---- */

/* Each frame's bytes are used after the call below it, so that no compiler makes a loop of it. */
static int goes_down(void *arg)
{
	volatile char frame[512];
	int below;

	for (size_t i = 0; i < sizeof frame; i += 64)
		frame[i] = (char)((uintptr_t)arg + i);
	if (frame[0] == frame[1] && frame[2] == 77)
		return 0; /* never; the compiler does not know */
	below = goes_down((void *)frame);
	return below + frame[64] + frame[128];
}

static int spawns_one_that_goes_down(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, goes_down, NULL);
	return rota_scope_join(&scope);
}

static void overflow(void *arg)
{
	rota_run(spawns_one_that_goes_down, NULL, NULL);
}

TEST(a_stack_overflow_names_the_one_in_the_place)
{
	char err[2048];
	int status = test_run_child(overflow, NULL, err, sizeof err);

	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	CHECK(strstr(err, "\"goes_down\"") != NULL);
}
