/* scope.c - a scope is joined while a cancellation from above, or a deadline on another thread, comes to it: in the interleavings of
 * small cases
 *
 * The code under test is task/scope.c itself, compiled with the model's atomics.  A scope lies on the stack of the task that joins
 * it, so what the join has left is written over at once, and must stay as it is. */
#include <stdio.h>
#include <string.h>

#include "harness/test.h"
#include "workers.h"

enum { THREADS = 3, LEFT = 0x5a };

static void model_pause(void);

#define rota__spin_wait model_spin_wait
#include "task/task.h"
#include "task/team.h"

#define rota__spin_pause(looks) ((void)(looks), model_pause())
#define rota__take_in_place(task, scope) NULL
#define rota__run_in_place(task, scope, child) (explore_check(false, "nothing is to be run"), false)
#define rota__park(wait) ((void)(wait), explore_check(false, "nothing is to be waited for"))
#define rota__wake(task) ((void)(task), explore_check(false, "nobody waits"))
#define rota__is_lost() false
#include "../../src/task/scope.c" /* tests/task has one, too */

static struct rota__team team;
static struct rota__worker workers[THREADS];
static struct rota_task owner;
static struct rota_scope home, outer, inner;
static bool nested, joined, left;

/* The join looks again when it may have got further. */
static bool is_unvisited(void)
{
	const struct rota_scope *s = joined || !nested ? &outer : &inner;

	return s->pins == 0 && s->lock == 0;
}

static void model_pause(void)
{
	wait_for(is_unvisited);
}

static void leave(struct rota_scope *scope)
{
	memset((void *)scope, LEFT, sizeof *scope);
}

static bool is_as_it_was_left(const struct rota_scope *scope)
{
	const unsigned char *bytes = (const unsigned char *)scope;

	for (size_t i = 0; i < sizeof *scope; i++)
		if (bytes[i] != LEFT)
			return false;
	return true;
}

static void reset(void)
{
	team = (struct rota__team){ .workers = NULL, .steal = true };
	for (int i = 0; i < THREADS; i++)
		workers[i] = (struct rota__worker){ .team = &team };
	workers[0].current = &owner;
	owner = (struct rota_task){ .worker = &workers[0], .home = &home, .state = TASK_READY };
	rota__worker_here = NULL;
	memset((void *)&home, 0, sizeof home);
	home.first = home.last = &owner;
	home.live = 1;
	joined = left = false;
}

static void open_and_join(void)
{
	rota__worker_here = &workers[0];
	rota_scope_open(&outer);
	if (nested) {
		rota_scope_open(&inner);
		rota_scope_join(&inner);
		leave(&inner);
	}
	joined = true;
	rota_scope_join(&outer);
	leave(&outer);
	left = true;
}

static void cancel_from_above(void)
{
	rota__worker_here = &workers[1];
	rota__scope_cancel(&home, -ECANCELED, 0);
}

/* Its task is not gone before its home knows. */
static void cancel_the_task(void)
{
	struct worklist list = { .reason = -ETIMEDOUT };

	rota__worker_here = &workers[2];
	visit_task(&list, &owner);
	visit_all(&list);
}

static bool all_is_left(void) { return left; }

/* Who cancels looks, when it is done with that, at what the joins had left. */
static void cancel_and_look(void (*cancel)(void))
{
	cancel();
	wait_for(all_is_left);
	explore_check(is_as_it_was_left(&outer) && (!nested || is_as_it_was_left(&inner)), "what a join had left was written to");
}

static void from_above(void) { cancel_and_look(cancel_from_above); }
static void the_task(void) { cancel_and_look(cancel_the_task); }

static void explore_case(void (*const bodies[])(void), int count, int interruptions)
{
	for (int i = 0; i < 2; i++) {
		struct explore_result result;

		nested = i == 1;
		result = explore(reset, bodies, count, interruptions); /* a task reads without an atomic what it alone writes */
		rota__worker_here = NULL;
		printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
		CHECK_STR(result.failure, NULL);
	}
}

TEST(a_scope_that_is_cancelled_from_above_while_it_is_joined_is_left_alone_then)
{
	explore_case((void (*const[])(void)){ open_and_join, from_above }, 2, 4);
}

TEST(two_cancellations_leave_it_alone_too)
{
	explore_case((void (*const[])(void)){ open_and_join, from_above, the_task }, 3, 3);
}
