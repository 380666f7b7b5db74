/* sleep.c - a task that sleeps for 1 ms, again and again */
#include "bench.h"

#include <rota.h>

enum { COUNT = 300 };

static int app(void *arg)
{
	static uint64_t late_ns[COUNT];

	(void)arg;
	for (int i = 0; i < COUNT; i++) {
		uint64_t start_ns = bench_now_ns();

		rota_sleep(ROTA_MILLISECONDS(1));
		late_ns[i] = bench_now_ns() - start_ns - 1000000;
	}
	bench_result_percentiles("sleep-late", late_ns, COUNT);
	return 0;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
