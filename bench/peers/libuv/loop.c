/* loop.c - libuv: a turn with one idle callback; it has no microtasks */
#include "bench.h"

#include <uv.h>

static uint64_t left;

static void on_idle(uv_idle_t *idle)
{
	if (--left == 0)
		uv_idle_stop(idle);
}

int main(void)
{
	uint64_t count = bench_ops(1000000), start_ns;
	uv_idle_t idle;

	if (!bench_wants("loop-turn"))
		return 0;
	left = count;
	uv_idle_init(uv_default_loop(), &idle);
	uv_idle_start(&idle, on_idle);
	start_ns = bench_now_ns();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_each("loop-turn", start_ns, count);
	return 0;
}
