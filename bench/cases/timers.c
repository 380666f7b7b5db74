/* timers.c - rota_timer, placed by us, on a loop that this thread runs */
#include "bench.h"

#include <rota.h>

static uint64_t fired;

static void on_timer(struct rota_timer *timer)
{
	(void)timer;
	fired++;
}

static void pair_at_1m(struct rota_loop *loop, struct rota_timer *timers, size_t count, uint64_t *seed)
{
	uint32_t *order = bench_shuffled(count, seed);
	uint64_t *due_ns = malloc(count * sizeof *due_ns), base_ns = rota_now_ns(), start_ns;

	for (size_t i = 0; i < count; i++)
		due_ns[i] = base_ns + ROTA_SECONDS(2) + bench_random(seed) % ROTA_SECONDS(60);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < count; i++)
		rota_timer_start(loop, &timers[i], due_ns[i]);
	for (size_t i = 0; i < count; i++)
		rota_timer_stop(&timers[order[i]]);
	bench_result_each("timer-pair-1m", start_ns, count);
	free(order);
	free(due_ns);
}

static void pair_at_once(struct rota_loop *loop, struct rota_timer *timer, uint64_t count)
{
	uint64_t due_ns = rota_now_ns() + ROTA_SECONDS(30), start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++) {
		rota_timer_start(loop, timer, due_ns + (i & 1023) * 1000000);
		rota_timer_stop(timer);
	}
	bench_result_each("timer-pair", start_ns, count);
}

static void fire(struct rota_loop *loop, struct rota_timer *timers, size_t count, uint64_t *seed)
{
	uint64_t base_ns = rota_now_ns() + ROTA_SECONDS(1), cpu_ns;

	for (size_t i = 0; i < count; i++)
		rota_timer_start(loop, &timers[i], base_ns + bench_random(seed) % ROTA_MILLISECONDS(500));
	cpu_ns = bench_cpu_ns();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result("timer-fire", (double)(bench_cpu_ns() - cpu_ns) / (double)count);
}

int main(void)
{
	size_t count = 1000000;
	struct rota_timer *timers = calloc(count, sizeof *timers);
	struct rota_loop *loop;
	uint64_t seed = 1;

	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	for (size_t i = 0; i < count; i++)
		timers[i].fn = on_timer;
	if (bench_wants("timer-pair-1m"))
		pair_at_1m(loop, timers, count, &seed);
	if (bench_wants("timer-pair"))
		pair_at_once(loop, timers, bench_ops(20000000));
	if (bench_wants("timer-fire")) {
		fire(loop, timers, count, &seed);
		if (fired != count)
			return 1;
	}
	free(timers);
	return rota_loop_free(loop) < 0;
}
