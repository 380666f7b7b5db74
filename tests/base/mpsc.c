/* mpsc.c - many producers and a consumer that sleeps, with real threads */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mpsc.h"
#include "harness/test.h"

enum { PRODUCERS = 3, EACH = 50000 };

struct item {
	struct rota__node node;
	int producer, number;
};

static struct rota__mpsc queue;
static uint32_t woken;

static void *produce(void *arg)
{
	struct item *items = arg;

	for (int i = 0; i < EACH; i++) {
		if (mpsc_push(&queue, &items[i].node)) {
			store_release(&woken, 1);
			mpsc_woken(&queue);
		}
	}
	return NULL;
}

/* Sleep until a producer says so; a lost wake-up hangs here for ever. */
static void sleep_if_empty(void)
{
	if (!mpsc_sleep(&queue))
		return;
	while (!load_acquire(&woken))
		sched_yield();
	store_release(&woken, 0);
	mpsc_awake(&queue);
}

TEST(nothing_is_lost_each_producers_order_is_kept_and_no_wake_up_is_missed)
{
	struct item *items = calloc(PRODUCERS * EACH, sizeof *items);
	int next[PRODUCERS] = { 0 }, got = 0;
	pthread_t threads[PRODUCERS];

	CHECK(items != NULL);
	mpsc_init(&queue);
	for (int p = 0; p < PRODUCERS; p++) {
		for (int i = 0; i < EACH; i++) {
			items[p * EACH + i].producer = p;
			items[p * EACH + i].number = i;
		}
		CHECK_EQ(pthread_create(&threads[p], NULL, produce, &items[p * EACH]), 0);
	}
	while (got < PRODUCERS * EACH) {
		struct rota__node *node = mpsc_take_all(&queue), *after;

		if (node == NULL)
			sleep_if_empty();
		for (; node != NULL; node = after) {
			struct item *item = (struct item *)node;

			after = node->next;
			CHECK_EQ(item->number, next[item->producer]++);
			got++;
		}
	}
	for (int p = 0; p < PRODUCERS; p++)
		pthread_join(threads[p], NULL);
	CHECK(mpsc_quiet(&queue));
	CHECK(mpsc_empty(&queue));
	free(items);
}

TEST(only_the_push_that_finds_the_consumer_asleep_wakes)
{
	struct rota__node a, b, c;

	mpsc_init(&queue);
	CHECK(!mpsc_push(&queue, &a));
	CHECK(!mpsc_sleep(&queue)); /* there is something: no sleep */
	CHECK(mpsc_take_all(&queue) == &a);
	CHECK(mpsc_sleep(&queue));
	CHECK(mpsc_push(&queue, &b));
	CHECK(!mpsc_quiet(&queue));
	CHECK(!mpsc_push(&queue, &c));
	mpsc_woken(&queue);
	CHECK(mpsc_quiet(&queue));
	mpsc_awake(&queue);
	CHECK(mpsc_take_all(&queue) == &b);
	CHECK(b.next == &c);
	CHECK(mpsc_sleep(&queue));
	mpsc_awake(&queue); /* woken by something else */
	CHECK(mpsc_empty(&queue));
}
