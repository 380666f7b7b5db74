/* switch.c - tasks that do nothing but rota_yield(), in turn */
#include "bench.h"

#include <rota.h>

struct plan {
	const char *metric;
	uint64_t tasks, switches;
};

static int yield_often(void *arg)
{
	for (uint64_t left = *(const uint64_t *)arg; left > 0; left--)
		rota_yield();
	return 0;
}

static int measure(void *arg)
{
	struct plan *plan = arg;
	uint64_t each = plan->switches / plan->tasks + 1, start_ns;
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (uint64_t i = 0; i < plan->tasks; i++)
		if (rota_spawn(&scope, yield_often, &each) < 0)
			break;
	rota_yield(); /* each has started, and yielded once */
	start_ns = bench_now_ns();
	if (rota_scope_join(&scope) < 0)
		return -1;
	bench_result_each(plan->metric, start_ns, (each - 1) * plan->tasks);
	return 0;
}

int main(void)
{
	struct plan plans[] = {
		{ "switch-2", 2, 20000000 },
		{ "switch-1k", 1000, 20000000 },
		{ "switch-100k", 100000, 5000000 },
	};

	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
		plans[i].switches = bench_ops(plans[i].switches);
		if (bench_wants(plans[i].metric) && rota_run(measure, &plans[i], NULL) < 0)
			return 1;
	}
	return 0;
}
