/* posts.c - a loop's posts and its sleep, in every interleaving of small cases
 *
 * The code under test is base/mpsc.h itself, compiled with the model's atomics.  The consumer does what a
 * loop does (loop/turn.c: take, sleep if nothing is there; embedded in a foreign one, sleep there) and frees the queue when it has
 * everything (loop/loop.c: rota_loop_free()); the producers do what rota_post() does. */

#include "base/mpsc.h"
#include "harness/test.h"

enum { PRODUCERS = 2 };

static struct rota__mpsc queue;
static struct rota__node nodes[PRODUCERS][2];
static int producers, each, taken;
static uint32_t woken;
static bool freed, wait_for_quiet; /* wait_for_quiet: as rota_loop_free() does */

static void reset(void)
{
	mpsc_init(&queue);
	taken = 0;
	woken = 0;
	freed = false;
}

static void produce(int me)
{
	for (int i = 0; i < each; i++) {
		bool wake;

		explore_check(!freed, "a push into a freed queue");
		wake = mpsc_push(&queue, &nodes[me][i]);
		if (!wake)
			continue;
		explore_point();
		explore_check(!freed, "a wake-up of a freed loop");
		woken = 1;
		mpsc_woken(&queue);
	}
}

static void produce_first(void)
{
	produce(0);
}

static void produce_second(void)
{
	produce(1);
}

static void take(void)
{
	const struct rota__node *last[PRODUCERS] = { NULL };

	for (struct rota__node *node = mpsc_take_all(&queue), *next; node != NULL; node = next) {
		int producer = node >= nodes[1];

		next = node->next;
		explore_check(last[producer] == NULL || node > last[producer], "out of order");
		last[producer] = node;
		taken++;
	}
}

/* ---- a loop that also sleeps abroad, in a foreign loop (loop/loop.c: fall_asleep_abroad(), rota__loop_enter()) ---- */

static bool abroad, published_late; /* published_late: the sleep begins before it is said where */
static uint32_t told;

static void reset_abroad(void)
{
	reset();
	abroad = false;
	told = 0;
}

static void produce_abroad(int me)
{
	for (int i = 0; i < each; i++) {
		if (!mpsc_push(&queue, &nodes[me][i]))
			continue;
		if (load_acquire(&abroad))
			told = 1;
		else
			woken = 1;
		mpsc_woken(&queue);
	}
}

static void produce_first_abroad(void)
{
	produce_abroad(0);
}

static void produce_second_abroad(void)
{
	produce_abroad(1);
}

/* The poll ends by a wake-up; or, with io_too, by something else just when there is a post to be seen. */
static bool io_too;

static bool is_woken(void)
{
	return woken != 0 || (io_too && queue.newest != MPSC_ASLEEP);
}

static bool is_quiet(void)
{
	return queue.wakers == 0;
}

static void consume(void)
{
	for (;;) {
		take();
		if (taken == producers * each)
			break;
		if (mpsc_sleep(&queue)) {
			explore_wait(is_woken);
			woken = 0;
			mpsc_awake(&queue);
		}
	}
	if (wait_for_quiet)
		explore_wait(is_quiet);
	freed = true;
}

static struct explore_result run(void (*const bodies[])(void), int count, int interruptions)
{
	return explore_both(reset, bodies, count, interruptions);
}

static bool is_told(void)
{
	return told != 0 || (io_too && queue.newest != MPSC_ASLEEP);
}

static void sleep_abroad(void)
{
	told = 0; /* hand_over() */
	explore_point();
	if (!published_late)
		store_release(&abroad, true);
	if (mpsc_sleep(&queue)) {
		if (published_late)
			store_release(&abroad, true);
		explore_wait(is_told);
	}
	store_release(&abroad, false); /* the run begins */
	mpsc_awake(&queue);
}

static void sleep_at_home(void)
{
	if (!mpsc_sleep(&queue))
		return;
	explore_wait(is_woken);
	woken = 0;
	mpsc_awake(&queue);
}

/* The foreign loop's rounds, with a run that sleeps by itself in each. */
static void consume_abroad(void)
{
	while (taken < producers * each) {
		sleep_abroad();
		take();
		if (taken == producers * each)
			break;
		sleep_at_home();
		take();
	}
	explore_wait(is_quiet);
	freed = true;
}

static void (*const one_poster[])(void) = { consume, produce_first };
static void (*const two_posters[])(void) = { consume, produce_first, produce_second };

TEST(in_every_interleaving_one_poster_loses_no_post_and_no_wake_up)
{
	producers = 1;
	each = 2;
	wait_for_quiet = true;
	CHECK_STR(run(one_poster, 2, 0).failure, NULL);
}

TEST(with_three_interruptions_two_posters_lose_nothing_and_touch_nothing_freed)
{
	each = 1;
	wait_for_quiet = true;
	producers = 2;
	CHECK_STR(run(two_posters, 3, 3).failure, NULL);
}

TEST(with_three_interruptions_a_loop_that_io_wakes_is_not_freed_under_its_wakers)
{
	producers = 2;
	each = 1;
	io_too = true;
	wait_for_quiet = true;
	CHECK_STR(run(two_posters, 3, 3).failure, NULL);
}

TEST(freeing_the_loop_without_waiting_for_its_wakers_is_found_to_be_wrong)
{
	each = 1;
	io_too = true;
	wait_for_quiet = false;
	producers = 2;
	CHECK_STR(run(two_posters, 3, 3).failure, "a wake-up of a freed loop");
}

static struct explore_result run_abroad(int count, int interruptions)
{
	static void (*const bodies[])(void) = { consume_abroad, produce_first_abroad, produce_second_abroad };
	return explore_both(reset_abroad, bodies, count, interruptions);
}

TEST(in_every_interleaving_a_loop_that_sleeps_here_and_abroad_by_turns_is_woken_where_it_sleeps)
{
	producers = 1;
	each = 2;
	for (int i = 0; i < 2; i++) {
		io_too = i;
		CHECK_STR(run_abroad(2, 0).failure, NULL);
	}
}

TEST(with_three_interruptions_two_posters_wake_it_where_it_sleeps)
{
	producers = 2;
	each = 1;
	for (int i = 0; i < 2; i++) {
		io_too = i;
		CHECK_STR(run_abroad(3, 3).failure, NULL);
	}
}

TEST(to_say_only_after_falling_asleep_that_it_is_abroad_is_found_to_be_wrong)
{
	producers = 1;
	each = 2;
	published_late = true;
	CHECK_STR(run_abroad(2, 0).failure, "a thread waits for ever");
}

/* The protocol that one writes first: a flag beside the queue, and no second look after raising it. */
static uint32_t sleeping;

static void naive_produce(int me)
{
	mpsc_push(&queue, &nodes[me][0]);
	if (load_seq(&sleeping))
		woken = 1;
}

static void naive_first(void)
{
	naive_produce(0);
}

static void naive_second(void)
{
	naive_produce(1);
}

static void naive_consume(void)
{
	sleeping = 0;
	while (taken < PRODUCERS) {
		take();
		if (taken < PRODUCERS && mpsc_empty(&queue)) {
			store_seq(&sleeping, 1);
			explore_wait(is_woken);
			woken = 0;
			store_seq(&sleeping, 0);
		}
	}
}

TEST(a_sleep_that_does_not_look_again_is_found_to_be_wrong)
{
	static void (*const bodies[])(void) = { naive_consume, naive_first, naive_second };

	each = 1;
	CHECK_STR(run(bodies, 3, 3).failure, "a thread waits for ever");
}
