/* storm.c - a thread that runs no tasks has a million of them run: it sends what to do through a channel, and a task
 * spawns one for each */
#include "bench.h"

#include <pthread.h>
#include <rota.h>

enum { COUNT = 1000000 };

static struct rota_chan jobs;
static uint64_t ran;

static int work(void *arg)
{
	(void)arg;
	ran++;
	return 0;
}

static void *foreign_thread(void *arg)
{
	for (uint64_t i = 0; i < COUNT; i++)
		if (rota_chan_try_send(&jobs, &i) < 0)
			exit(1);
	rota_chan_close(&jobs);
	return arg;
}

static int app(void *arg)
{
	struct rota_scope scope;
	pthread_t thread;
	uint64_t job, start_ns = bench_now_ns();
	int rc;

	(void)arg;
	pthread_create(&thread, NULL, foreign_thread, NULL);
	rota_scope_open(&scope);
	while (rota_chan_recv(&jobs, &job) == 0)
		rota_spawn(&scope, work, NULL);
	rc = rota_scope_join(&scope);
	if (ran == COUNT)
		bench_result_rate("storm", start_ns, COUNT);
	pthread_join(thread, NULL);
	return rc < 0 || ran != COUNT ? -1 : 0;
}

int main(void)
{
	if (rota_chan_init(&jobs, sizeof(uint64_t), ROTA_UNBOUNDED) < 0)
		return 1;
	return rota_run(app, NULL, NULL) < 0 || rota_chan_fini(&jobs) < 0;
}
