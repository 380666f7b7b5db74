/* post.c - rota_post() from another thread to a loop that sleeps */
#include "bench.h"
#include "futex.h"

#include <pthread.h>
#include <rota.h>

enum { ROUND_TRIPS = 10000, FLOOD = 3000000 };

static struct rota_loop *loop;
static atomic_int answer;
static uint64_t counted;

static void answer_it(struct rota_post *post)
{
	(void)post;
	bench_futex_wake(&answer);
}

static void count_it(struct rota_post *post)
{
	(void)post;
	if (++counted == FLOOD)
		bench_futex_wake(&answer);
}

static void end(struct rota_post *post)
{
	(void)post;
	rota_loop_stop(loop);
}

static void round_trips(void)
{
	static uint64_t ns[ROUND_TRIPS];
	struct rota_post post = { .fn = answer_it };

	for (int i = 0; i < ROUND_TRIPS; i++) {
		uint64_t start_ns = bench_now_ns();

		rota_post(loop, &post);
		bench_futex_wait(&answer);
		ns[i] = bench_now_ns() - start_ns;
	}
	bench_result_percentiles("post-roundtrip", ns, ROUND_TRIPS);
}

static void flood(void)
{
	struct rota_post *posts = malloc(FLOOD * sizeof *posts);
	uint64_t start_ns;

	for (size_t i = 0; i < FLOOD; i++)
		posts[i].fn = count_it;
	start_ns = bench_now_ns();
	for (size_t i = 0; i < FLOOD; i++)
		rota_post(loop, &posts[i]);
	bench_futex_wait(&answer);
	bench_result_rate("post-flood", start_ns, FLOOD);
	free(posts);
}

static void *foreign_thread(void *arg)
{
	static struct rota_post last = { .fn = end };

	(void)arg;
	round_trips();
	flood();
	rota_post(loop, &last);
	return NULL;
}

static void never(struct rota_timer *timer)
{
	(void)timer;
}

int main(void)
{
	struct rota_timer keep_alive = { .fn = never };
	pthread_t thread;

	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	rota_timer_start(loop, &keep_alive, rota_now_ns() + ROTA_MINUTES(60));
	pthread_create(&thread, NULL, foreign_thread, NULL);
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	pthread_join(thread, NULL);
	rota_timer_stop(&keep_alive);
	return rota_loop_free(loop) < 0;
}
