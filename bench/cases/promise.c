/* promise.c - a chain of promises, each made in the handler of the one before; adoption; a task that awaits settled ones */
#include "bench.h"

#include <rota.h>

static uint64_t left;

static struct rota_result next(const struct rota_settled *it, void *arg);

static void add(struct rota_loop *loop)
{
	struct rota_promise *p = rota_promise_of(loop, rota_result_value(NULL, NULL));

	rota_promise_unref(rota_promise_then(p, next, NULL, loop));
}

static struct rota_result next(const struct rota_settled *it, void *arg)
{
	if (--left > 0)
		add(arg);
	return rota_result_value(NULL, NULL);
}

static struct rota_result adopt(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_of(arg, rota_result_value(NULL, NULL)));
}

static void chain(struct rota_loop *loop, uint64_t count)
{
	uint64_t start_ns;

	left = count;
	add(loop);
	start_ns = bench_now_ns();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each("promise-then", start_ns, count);
}

static void adoptions(struct rota_loop *loop, uint64_t count)
{
	uint64_t start_ns = bench_now_ns();

	for (uint64_t done = 0; done < count; done += 1000) {
		struct rota_promise *p = rota_promise_of(loop, rota_result_value(NULL, NULL));

		for (int i = 0; i < 1000; i++)
			p = rota_promise_then(p, adopt, NULL, loop);
		rota_promise_unref(p);
		rota_loop_run(loop, ROTA_RUN_DEFAULT);
	}
	bench_result_each("promise-adopt", start_ns, count);
}

static int await_settled(void *arg)
{
	uint64_t count = *(uint64_t *)arg, start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++) {
		struct rota_promise *p = rota_promise_of(NULL, rota_result_value(NULL, NULL));

		rota_await(p, NULL);
		rota_promise_unref(p);
	}
	bench_result_each("await-settled", start_ns, count);
	return 0;
}

int main(void)
{
	struct rota_options single = { .model = ROTA_SINGLE };
	struct rota_loop *loop;
	uint64_t count = bench_ops(10000000);

	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	if (bench_wants("promise-then"))
		chain(loop, count);
	if (bench_wants("promise-adopt"))
		adoptions(loop, bench_ops(2000000));
	if (rota_loop_free(loop) < 0)
		return 1;
	return bench_wants("await-settled") ? rota_run(await_settled, &count, &single) : 0;
}
