/* team.c - the lock-free parts of a team of workers, in every interleaving of small cases
 *
 * The code under test is base/steal.h and task/state.h themselves, compiled with the model's atomics, and the ring
 * made small so that it goes round and overflows. */
#include <string.h>

#define STEAL_ROOM 4
#include "base/steal.h"
#include "harness/test.h"
#include "task/state.h"

static struct explore_result run(
	void (*reset)(void), void (*const bodies[])(void), int count, int interruptions)
{
	return explore_both(reset, bodies, count, interruptions);
}

/* ---- the ring ---- */

enum { ITEMS = 6 };

static struct rota__steal ring;
static int taken[ITEMS + 1], pushed, finished;
static int to_push, pops, takes_back, thieves;

static void reset_ring(void)
{
	memset(&ring, 0, sizeof ring);
	memset(taken, 0, sizeof taken);
	pushed = finished = 0;
}

static void note(void *item)
{
	int i = (int)(intptr_t)item;

	explore_check(i >= 1 && i <= to_push, "something that was never pushed");
	explore_check(taken[i]++ == 0, "taken twice");
}

/* Whoever is last takes what is left, and then nothing may be missing. */
static void finish(void)
{
	void *item;

	explore_fence(); /* who is last sees what the others did */
	if (++finished < 1 + thieves)
		return;
	while ((item = steal_pop(&ring)) != NULL)
		note(item);
	for (int i = 1; i <= pushed; i++)
		explore_check(taken[i] == 1, "lost");
}

/* What was put there last, if nobody was first. */
static void take_back(int i)
{
	void *item = (void *)(intptr_t)i;

	if (steal_take_back(&ring, item))
		note(item);
}

static void own(void)
{
	void *item;

	for (int i = 1; i <= to_push; i++) {
		if (steal_push(&ring, (void *)(intptr_t)i)) {
			pushed = i;
		} else { /* full: as a worker does, make room and go on */
			explore_check((item = steal_pop(&ring)) != NULL || steal_push(&ring, (void *)(intptr_t)i),
				"full and empty");
			if (item != NULL) {
				note(item);
				explore_check(steal_push(&ring, (void *)(intptr_t)i), "no room where room was made");
			}
			pushed = i;
		}
		if (i <= pops && (item = steal_pop(&ring)) != NULL)
			note(item);
	}
	for (int i = to_push; i > to_push - takes_back; i--)
		take_back(i);
	finish();
}

/* A place that was taken back from is used anew while a thief may hold what he read there. */
static void own_and_use_anew(void)
{
	for (int i = 1; i <= to_push; i++) {
		explore_check(steal_push(&ring, (void *)(intptr_t)i), "no room");
		pushed = i;
		if (i <= takes_back)
			take_back(i);
	}
	finish();
}

static void thieve(void)
{
	void *items[STEAL_ROOM];

	for (int round = 0; round < 2; round++) {
		uint64_t n = steal_half(&ring, items, STEAL_ROOM / 2);

		for (uint64_t i = 0; i < n; i++)
			note(items[i]);
	}
	finish();
}

static void (*const owner_and_thief[])(void) = { own, thieve };
static void (*const owner_and_thieves[])(void) = { own, thieve, thieve };
static void (*const owner_anew_and_thief[])(void) = { own_and_use_anew, thieve };
static void (*const owner_anew_and_thieves[])(void) = { own_and_use_anew, thieve, thieve };

TEST(in_every_interleaving_an_owner_and_a_thief_take_each_item_once)
{
	to_push = 3;
	pops = 1;
	thieves = 1;
	CHECK_STR(run(reset_ring, owner_and_thief, 2, 0).failure, NULL);
}

TEST(with_three_interruptions_two_thieves_take_each_item_once)
{
	to_push = 4;
	pops = 2;
	thieves = 2;
	CHECK_STR(run(reset_ring, owner_and_thieves, 3, 3).failure, NULL);
}

TEST(with_three_interruptions_a_ring_that_goes_round_loses_nothing)
{
	to_push = ITEMS;
	pops = 0;
	thieves = 1;
	CHECK_STR(run(reset_ring, owner_and_thief, 2, 3).failure, NULL);
}

TEST(in_every_interleaving_what_is_taken_back_is_taken_once)
{
	to_push = 2;
	pops = 0;
	takes_back = 2;
	thieves = 1;
	CHECK_STR(run(reset_ring, owner_and_thief, 2, 0).failure, NULL);
}

TEST(with_three_interruptions_what_is_taken_back_is_taken_once_by_the_owner_or_one_of_two_thieves)
{
	to_push = 4;
	pops = 1;
	takes_back = 2;
	thieves = 2;
	CHECK_STR(run(reset_ring, owner_and_thieves, 3, 3).failure, NULL);
}

TEST(in_every_interleaving_a_place_that_was_taken_back_from_is_used_anew)
{
	to_push = 2;
	takes_back = 1;
	thieves = 1;
	CHECK_STR(run(reset_ring, owner_anew_and_thief, 2, 0).failure, NULL);
}

TEST(with_three_interruptions_places_are_used_anew_under_two_thieves)
{
	to_push = 4;
	takes_back = 3;
	thieves = 2;
	CHECK_STR(run(reset_ring, owner_anew_and_thieves, 3, 3).failure, NULL);
}

/* ---- parking and waking ---- */

static uint8_t state;
static bool on_stack;
static int ready, wanted;
static bool settle_first; /* false: the mistake of making it ready before it has left its stack */

static void reset_task(void)
{
	state = TASK_READY;
	on_stack = true;
	ready = wanted = 0;
}

static void make_ready(void)
{
	explore_check(!on_stack, "ready while it stands on its stack");
	explore_fence(); /* what makes it ready is a later store, and so are seen those before */
	ready++;
}

static bool is_ready(void)
{
	return ready > 0;
}

static bool is_wanted(void)
{
	return wanted > 0;
}

/* The task, and the worker that settles what becomes of it; twice. */
static void wait_twice(void)
{
	for (int i = 0; i < 2; i++) {
		explore_point();
		explore_fence(); /* as above */
		wanted++; /* from here on it may be woken */
		if (state_park(&state)) {
			explore_point();
			on_stack = false;
			if (settle_first ? !state_settle(&state) : false)
				make_ready();
			explore_wait(is_ready);
			ready--;
			explore_check(ready == 0, "ready twice");
			on_stack = true;
		}
	}
}

static void wake_twice(void)
{
	for (int i = 0; i < 2; i++) {
		explore_wait(is_wanted);
		wanted--;
		if (state_wake(&state))
			make_ready();
	}
}

static void (*const task_and_waker[])(void) = { wait_twice, wake_twice };

TEST(in_every_interleaving_a_wake_up_is_neither_lost_nor_doubled_nor_early)
{
	settle_first = true;
	CHECK_STR(run(reset_task, task_and_waker, 2, 0).failure, NULL);
}

TEST(a_task_that_is_never_settled_is_found_to_be_lost)
{
	settle_first = false;
	CHECK(run(reset_task, task_and_waker, 2, 0).failure != NULL);
}
