/* pool.c - rota_blocking() of an empty function: by one task, and by a thousand at the same time */
#include "bench.h"

#include <rota.h>

enum { ROUND_TRIPS = 10000, TASKS = 1000, EACH = 300 };

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int call_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++)
		if (rota_blocking(nothing, NULL) != 0)
			return -1;
	return 0;
}

static int app(void *arg)
{
	static uint64_t ns[ROUND_TRIPS];
	struct rota_scope scope;
	uint64_t start_ns;

	(void)arg;
	for (int i = 0; i < ROUND_TRIPS; i++) {
		start_ns = bench_now_ns();
		if (rota_blocking(nothing, NULL) != 0)
			return -1;
		ns[i] = bench_now_ns() - start_ns;
	}
	bench_result_percentiles("pool-roundtrip", ns, ROUND_TRIPS);
	start_ns = bench_now_ns();
	rota_scope_open(&scope);
	for (int i = 0; i < TASKS; i++)
		rota_spawn(&scope, call_often, NULL);
	if (rota_scope_join(&scope) != 0)
		return -1;
	bench_result_rate("pool-rate", start_ns, (uint64_t)TASKS * EACH);
	return 0;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
