/* hog.c - four tasks on two workers tick every millisecond while a fifth keeps its thread: how late do they come? */
#include "bench.h"
#include "hog.h"

#include <rota.h>

enum { TICKERS = 4, TICKS = 700, HOGS = 3 };

static uint64_t late_ns[TICKERS][TICKS];

static int tick(void *arg)
{
	uint64_t *late = arg, due_ns = bench_now_ns();

	for (int i = 0; i < TICKS; i++) {
		due_ns += ROTA_MILLISECONDS(1);
		rota_sleep_until(due_ns);
		late[i] = bench_now_ns() - due_ns;
	}
	return 0;
}

static int hog(void *arg)
{
	(void)arg;
	rota_sleep(ROTA_MILLISECONDS(50));
	for (int i = 0; i < HOGS; i++) {
		hog_compute();
		hog_block();
		rota_yield();
	}
	return 0;
}

static int app(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	for (int i = 0; i < TICKERS; i++)
		rota_spawn(&scope, tick, late_ns[i]);
	rota_spawn(&scope, hog, NULL);
	return rota_scope_join(&scope);
}

static void say_nothing(const struct rota_blocked *blocked)
{
	(void)blocked;
}

int main(void)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 2, .on_blocked = say_nothing };

	if (rota_run(app, NULL, &options) < 0)
		return 1;
	bench_result_percentiles("hog-ticks", late_ns[0], TICKERS * TICKS);
	return 0;
}
