/* measure.c - a loop's utilisation and the delays it causes */
#include <pthread.h>
#include <rota.h>
#include <string.h>

#include "harness/test.h"

static struct rota_loop *loop;

static void nothing(void *arg)
{
}

static void work(void *arg)
{
	uint64_t end = rota_now_ns() + *(uint64_t *)arg;

	while (rota_now_ns() < end)
		;
	CHECK(rota_set_immediate(loop, nothing, NULL) > 0); /* so that a turn follows, which notes this one */
}

TEST(a_loop_that_is_not_measured_says_so)
{
	struct rota_loop_usage usage;
	struct rota_histogram delays;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_loop_usage(loop, &usage), -ENODATA);
	CHECK_EQ(rota_loop_delays(loop, &delays), -ENODATA);
	CHECK_EQ(rota_loop_measure(NULL), -EPERM);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(sleep_is_idle_and_work_is_active)
{
	uint64_t length = ROTA_MILLISECONDS(20), start;
	struct rota_loop_usage before, after;
	struct rota_histogram delays;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_loop_measure(loop), 0);
	CHECK_EQ(rota_loop_usage(loop, &before), 0);
	start = rota_now_ns();
	CHECK(rota_set_timeout(loop, ROTA_MILLISECONDS(30), work, &length) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_usage(loop, &after), 0);
	CHECK(after.active_ns - before.active_ns >= length);
	/* Both together are no more than the time that has passed. */
	CHECK(after.active_ns + after.idle_ns - before.active_ns - before.idle_ns <= rota_now_ns() - start);
	CHECK(after.turns >= 1);

	CHECK_EQ(rota_loop_delays(loop, &delays), 0);
	CHECK_EQ(delays.count, after.turns);
	CHECK(delays.max_ns >= length && delays.min_ns <= delays.max_ns);
	CHECK(rota_histogram_percentile(&delays, 100) >= length);
	CHECK_EQ(rota_histogram_percentile(&delays, 100), delays.max_ns);

	CHECK_EQ(rota_loop_measure(loop), 0); /* anew */
	CHECK_EQ(rota_loop_delays(loop, &delays), 0);
	CHECK_EQ(delays.count, 0);
	CHECK_EQ(rota_histogram_percentile(&delays, 50), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(percentiles_are_never_too_short_and_at_most_a_sixteenth_too_long)
{
	static struct rota_histogram h;

	/* Buckets by their own rule, read from outside: what is counted at v is answered as v to v + v / 16. */
	for (uint64_t v = 16; v < UINT64_C(1) << 39; v = v * 5 / 4 + 1) {
		unsigned top = 63 - (unsigned)__builtin_clzll(v);

		memset(&h, 0, sizeof h);
		h.count = 1;
		h.max_ns = UINT64_MAX;
		h.buckets[(top - 3) * 16 + (unsigned)((v >> (top - 4)) & 15)] = 1;
		CHECK(rota_histogram_percentile(&h, 50) >= v);
		CHECK(rota_histogram_percentile(&h, 50) <= v + v / 16);
	}
	memset(&h, 0, sizeof h);
	h.count = 100;
	h.max_ns = 15;
	for (int i = 0; i < 10; i++)
		h.buckets[i] = 10;
	CHECK_EQ(rota_histogram_percentile(&h, 50), 4);
	CHECK_EQ(rota_histogram_percentile(&h, 51), 5);
	CHECK_EQ(rota_histogram_percentile(&h, 99), 9);
}

static void stop(struct rota_post *post)
{
	rota_loop_stop(loop);
}

/* It reads while the loop sleeps: its idle time grows although it is in one wait. */
static void *read_until_it_has_slept(void *arg)
{
	static struct rota_post post = { .fn = stop };
	struct rota_loop_usage usage;
	struct rota_histogram delays;

	do {
		CHECK_EQ(rota_loop_usage(loop, &usage), 0);
		CHECK_EQ(rota_loop_delays(loop, &delays), 0);
	} while (usage.idle_ns < ROTA_MILLISECONDS(5));
	rota_post(loop, &post);
	return NULL;
}

TEST(another_thread_reads_while_the_loop_sleeps)
{
	pthread_t thread;
	int64_t id;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_loop_measure(loop), 0);
	id = rota_set_timeout(loop, ROTA_SECONDS(100000), nothing, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, read_until_it_has_slept, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(rota_clear(loop, id), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}
