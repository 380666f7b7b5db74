/* spawn.c - tasks that do nothing: one after the other, each in a scope of its own; and a million in
 * one scope, before any of them is joined */
#include "bench.h"

#include <rota.h>

static uint64_t ran;

static int nothing(void *arg)
{
	(void)arg;
	ran++;
	return 0;
}

static void one_after_the_other(uint64_t count)
{
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++) {
		struct rota_scope scope;

		rota_scope_open(&scope);
		rota_spawn(&scope, nothing, NULL);
		rota_scope_join(&scope);
	}
	bench_result_each("spawn-join", start_ns, count);
}

static uint64_t all_then_join(uint64_t count)
{
	struct rota_scope scope;
	uint64_t start_ns = bench_now_ns();

	rota_scope_open(&scope);
	for (uint64_t i = 0; i < count; i++)
		rota_spawn(&scope, nothing, NULL);
	rota_scope_join(&scope);
	return start_ns;
}

static int app(void *arg)
{
	uint64_t once = bench_ops(10000000), all = bench_ops(1000000), expected = 0;

	(void)arg;
	if (bench_wants("spawn-join")) {
		one_after_the_other(once);
		expected += once;
	}
	if (bench_wants("spawn-1m")) {
		all_then_join(all); /* brings the memory in */
		bench_result_each("spawn-1m", all_then_join(all), all);
		expected += 2 * all;
	}
	return ran == expected ? 0 : -1;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
