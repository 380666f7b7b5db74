/* guard.c - the guard of every object in sync/, in every interleaving of small cases
 *
 * The code under test is sync/guard.h and sync/guard.c, compiled with the model's atomics.  The fence in all
 * threads is a point where others may run: the model is sequentially consistent anyway; what the fence
 * is there for, that the owner's mark is seen before its look, is the kernel's promise. */

#include "explore.h"
#include "harness/test.h"

static void wait_zero_in_model(const unsigned *word);
#define guard_wait_zero(word) wait_zero_in_model(word)
static bool fence_in_model(void);
#define rota__fence_all_threads fence_in_model
#define rota__guard_enter_slow model_enter_slow
#define rota__word_lock_slow model_word_lock_slow
#include "sync/guard.c"

static struct rota__guard guard;
static int in, entered, workers[3];
static bool owned_first;

static bool word_is_zero(void)
{
	return guard.word == 0;
}

static bool nobody_inside(void)
{
	return guard.inside == 0;
}

static void wait_zero_in_model(const unsigned *word)
{
	explore_wait(word == &guard.word ? word_is_zero : nobody_inside);
}

static bool fence_in_model(void)
{
	explore_point();
	explore_fence_all();
	return true;
}

static void reset(void)
{
	guard = (struct rota__guard){ .owner = owned_first ? (const void *)&workers[0] : GUARD_FRESH };
	in = entered = 0;
}

static void use(const void *me, int times)
{
	for (int i = 0; i < times; i++) {
		enum rota__entry entry = guard_enter_as(&guard, me);

		explore_check(++in == 1, "two are in");
		explore_point();
		in--;
		entered++;
		guard_leave(&guard, entry);
	}
}

static void first_worker(void)
{
	use(&workers[0], 2);
}

static void second_worker(void)
{
	use(&workers[1], 1);
}

static void third_worker(void)
{
	use(&workers[2], 1);
}

static void thread_without_tasks(void)
{
	use(NULL, 1);
}

static struct explore_result run(void (*const bodies[])(void), int count, int interruptions)
{
	return explore_both(reset, bodies, count, interruptions);
}

TEST(in_every_interleaving_the_owner_and_one_that_takes_the_guard_away_are_never_in_together)
{
	static void (*const bodies[])(void) = { first_worker, second_worker };

	owned_first = true;
	CHECK_STR(run(bodies, 2, 0).failure, NULL);
}

TEST(in_every_interleaving_of_first_uses_only_one_is_in)
{
	static void (*const bodies[])(void) = { second_worker, third_worker };

	CHECK_STR(run(bodies, 2, 0).failure, NULL);
}

TEST(in_every_interleaving_a_thread_without_tasks_and_a_worker_exclude_each_other)
{
	static void (*const bodies[])(void) = { second_worker, thread_without_tasks };

	CHECK_STR(run(bodies, 2, 0).failure, NULL);
}

TEST(with_three_interruptions_three_threads_exclude_each_other)
{
	static void (*const bodies[])(void) = { first_worker, second_worker, third_worker };

	owned_first = true;
	CHECK_STR(run(bodies, 3, 3).failure, NULL);
}

/* The owner that does not look again after its mark. */
static void careless_owner(void)
{
	if (load_relaxed(&guard.owner) == (const void *)&workers[0]) {
		store_relaxed(&guard.inside, 1);
		explore_check(++in == 1, "two are in");
		explore_point();
		in--;
		store_release(&guard.inside, 0);
	}
}

TEST(an_owner_that_does_not_look_again_is_found_to_be_wrong)
{
	static void (*const bodies[])(void) = { careless_owner, second_worker };

	owned_first = true;
	CHECK_STR(run(bodies, 2, 0).failure, "two are in");
}
