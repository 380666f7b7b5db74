/* sleep.c - libuv: a timer of 1 ms, again and again */
#include "bench.h"

#include <uv.h>

enum { COUNT = 300 };

static uint64_t late_ns[COUNT], start_ns;
static int slept;

static void start(uv_timer_t *timer);

static void on_timer(uv_timer_t *timer)
{
	uint64_t length_ns = bench_now_ns() - start_ns;

	/* A millisecond by libuv's clock may be a little less. */
	late_ns[slept++] = length_ns < 1000000 ? 0 : length_ns - 1000000;
	if (slept < COUNT)
		start(timer);
}

static void start(uv_timer_t *timer)
{
	uv_update_time(timer->loop);
	start_ns = bench_now_ns();
	uv_timer_start(timer, on_timer, 1, 0);
}

int main(void)
{
	uv_timer_t timer;

	uv_timer_init(uv_default_loop(), &timer);
	start(&timer);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_percentiles("sleep-late", late_ns, COUNT);
	return 0;
}
