/* loop.c - chains of next ticks, of microtasks and of immediates, and turns with one idle watcher */
#include "bench.h"

#include <rota.h>

static struct rota_loop *loop;
static uint64_t left;
static int (*queue)(struct rota_loop *, rota_job_fn, void *);

static void queue_next(void *arg)
{
	if (left-- > 0)
		queue(loop, queue_next, arg);
}

static void chain(const char *metric, int (*how)(struct rota_loop *, rota_job_fn, void *), uint64_t count)
{
	uint64_t start_ns;

	left = count;
	queue = how;
	queue_next(NULL);
	start_ns = bench_now_ns();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each(metric, start_ns, count);
}

static void set_next(void *arg)
{
	if (left-- > 0)
		rota_set_immediate(loop, set_next, arg);
}

static void immediates(uint64_t count)
{
	uint64_t start_ns = bench_now_ns();

	left = count;
	set_next(NULL);
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each("immediate", start_ns, count);
}

static void on_idle(struct rota_watcher *idle)
{
	if (--left == 0)
		rota_watcher_stop(idle);
}

static void turns(uint64_t count)
{
	struct rota_watcher idle = { .fn = on_idle };
	uint64_t start_ns;

	left = count;
	rota_watcher_start(loop, &idle, ROTA_IDLE);
	start_ns = bench_now_ns();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each("loop-turn", start_ns, count);
}

int main(void)
{
	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	if (bench_wants("next-tick"))
		chain("next-tick", rota_next_tick, bench_ops(50000000));
	if (bench_wants("microtask"))
		chain("microtask", rota_queue_microtask, bench_ops(50000000));
	if (bench_wants("immediate"))
		immediates(bench_ops(3000000));
	if (bench_wants("loop-turn"))
		turns(bench_ops(1000000));
	return rota_loop_free(loop) < 0;
}
