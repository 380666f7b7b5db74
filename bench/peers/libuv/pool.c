/* pool.c - libuv: uv_queue_work, requests placed by us */
#include "bench.h"

#include <uv.h>

enum { ROUND_TRIPS = 10000, AT_ONCE = 1000, JOBS = 300000 };

static uint64_t ns[ROUND_TRIPS], start_ns;
static size_t trips;

static void work(uv_work_t *req)
{
	(void)req;
}

static void start_trip(uv_work_t *req);

static void trip_done(uv_work_t *req, int status)
{
	(void)status;
	ns[trips++] = bench_now_ns() - start_ns;
	if (trips < ROUND_TRIPS)
		start_trip(req);
}

static void start_trip(uv_work_t *req)
{
	start_ns = bench_now_ns();
	uv_queue_work(uv_default_loop(), req, work, trip_done);
}

static size_t started;

static void again(uv_work_t *req, int status)
{
	(void)status;
	if (started++ < JOBS)
		uv_queue_work(uv_default_loop(), req, work, again);
}

int main(void)
{
	static uv_work_t jobs[AT_ONCE];

	start_trip(jobs);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_percentiles("pool-roundtrip", ns, ROUND_TRIPS);
	memset(jobs, 0, sizeof jobs);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < AT_ONCE; i++)
		again(&jobs[i], 0);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_rate("pool-rate", start_ns, JOBS);
	return 0;
}
