/* task_memory.c - a million tasks that wait, each in a sleep without end */
#include "bench.h"

#include <rota.h>
#include <unistd.h>

enum { COUNT = 1000000 };

static int wait_for_ever(void *arg)
{
	(void)arg;
	return rota_sleep_until(ROTA_FOREVER);
}

static int app(void *arg)
{
	double before = bench_memory_bytes();
	uint64_t start_ns = bench_now_ns();
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	for (int i = 0; i < COUNT; i++)
		if (rota_spawn(&scope, wait_for_ever, NULL) < 0)
			_exit(1);
	rota_yield(); /* all of them have run until they wait */
	bench_result_each("task-create", start_ns, COUNT);
	bench_result("task-bytes", (bench_memory_bytes() - before) / COUNT);
	_exit(0); /* a million cancellations are not the question */
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
