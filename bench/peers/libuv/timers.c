/* timers.c - libuv: uv_timer_t, placed by us */
#include "bench.h"

#include <uv.h>

static uint64_t fired, expected, cpu_ns;

static void on_timer(uv_timer_t *t)
{
	(void)t;
	fired++;
}

static void pair_at_1m(uv_timer_t *timers, size_t count, uint64_t *seed)
{
	uint32_t *order = bench_shuffled(count, seed);
	uint64_t *delay_ms = malloc(count * sizeof *delay_ms), start_ns;

	for (size_t i = 0; i < count; i++)
		delay_ms[i] = 2000 + bench_random(seed) % 60000;
	start_ns = bench_now_ns();
	for (size_t i = 0; i < count; i++)
		uv_timer_start(&timers[i], on_timer, delay_ms[i], 0);
	for (size_t i = 0; i < count; i++)
		uv_timer_stop(&timers[order[i]]);
	bench_result_each("timer-pair-1m", start_ns, count);
	free(order);
	free(delay_ms);
}

static void pair_at_once(uv_timer_t *timer, uint64_t count)
{
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++) {
		uv_timer_start(timer, on_timer, 30000, 0);
		uv_timer_stop(timer);
	}
	bench_result_each("timer-pair", start_ns, count);
}

static void fire(uv_loop_t *loop, uv_timer_t *timers, size_t count, uint64_t *seed)
{
	uv_update_time(loop);
	for (size_t i = 0; i < count; i++)
		uv_timer_start(&timers[i], on_timer, 1000 + bench_random(seed) % 500, 0);
	expected = count;
	cpu_ns = bench_cpu_ns();
	uv_run(loop, UV_RUN_DEFAULT);
	bench_result("timer-fire", (double)(bench_cpu_ns() - cpu_ns) / (double)count);
}

int main(void)
{
	size_t count = 1000000;
	uv_timer_t *timers = malloc(count * sizeof *timers);
	uv_loop_t *loop = uv_default_loop();
	uint64_t seed = 1;

	for (size_t i = 0; i < count; i++)
		uv_timer_init(loop, &timers[i]);
	if (bench_wants("timer-pair-1m"))
		pair_at_1m(timers, count, &seed);
	if (bench_wants("timer-pair"))
		pair_at_once(timers, bench_ops(10000000));
	if (bench_wants("timer-fire"))
		fire(loop, timers, count, &seed);
	return fired != expected;
}
