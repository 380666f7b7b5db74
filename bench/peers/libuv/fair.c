/* fair.c - libuv: four idle handles that are always ready, and beside them a timer and a socket */
#include "bench.h"

#include <uv.h>

enum { BUSY = 4, SLICE_NS = 20000, TICKS = 400 };

static uv_idle_t busy[BUSY];
static uint64_t timer_late_ns[TICKS], io_late_ns[TICKS], start_ns;
static int slept, ended;
static size_t received;
static char buffer[TICKS * 8];

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
	bench_spin_until(bench_now_ns() + SLICE_NS);
}

static void end_one(void)
{
	if (++ended == 2)
		for (int i = 0; i < BUSY; i++)
			uv_idle_stop(&busy[i]);
}

static void on_timer(uv_timer_t *timer)
{
	uint64_t length_ns = bench_now_ns() - start_ns;

	/* A millisecond by libuv's clock may be a little less. */
	timer_late_ns[slept++] = length_ns < 1000000 ? 0 : length_ns - 1000000;
	if (slept == TICKS) {
		bench_result_percentiles("fair-timer", timer_late_ns, TICKS);
		end_one();
		return;
	}
	uv_update_time(timer->loop);
	start_ns = bench_now_ns();
	uv_timer_start(timer, on_timer, 1, 0);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(buffer + received, (unsigned)(sizeof buffer - received));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
	uint64_t now_ns = bench_clock(CLOCK_REALTIME), sent_ns;

	(void)buf;
	if (size < 0)
		exit(1);
	for (size_t i = received / 8; i < (received + (size_t)size) / 8; i++) {
		memcpy(&sent_ns, buffer + i * 8, sizeof sent_ns);
		io_late_ns[i] = now_ns - sent_ns;
	}
	received += (size_t)size;
	if (received == sizeof buffer) {
		bench_result_percentiles("fair-io", io_late_ns, TICKS);
		uv_close((uv_handle_t *)stream, NULL);
		end_one();
	}
}

int main(void)
{
	uv_buf_t ready = uv_buf_init(buffer, 1);
	uv_loop_t *loop = uv_default_loop();
	uv_timer_t timer;
	uv_pipe_t pipe;

	for (int i = 0; i < BUSY; i++) {
		uv_idle_init(loop, &busy[i]);
		uv_idle_start(&busy[i], on_idle);
	}
	uv_pipe_init(loop, &pipe, 0);
	uv_pipe_open(&pipe, 0);
	uv_try_write((uv_stream_t *)&pipe, &ready, 1);
	uv_read_start((uv_stream_t *)&pipe, on_alloc, on_read);
	uv_timer_init(loop, &timer);
	start_ns = bench_now_ns();
	uv_timer_start(&timer, on_timer, 1, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	return 0;
}
