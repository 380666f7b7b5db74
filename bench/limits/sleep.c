/* sleep.c - limit: clock_nanosleep with the least timer slack */
#include "bench.h"

#include <sys/prctl.h>

enum { COUNT = 300 };

int main(void)
{
	static uint64_t late_ns[COUNT];
	struct timespec length = { 0, 1000000 };

	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	for (int i = 0; i < COUNT; i++) {
		uint64_t start_ns = bench_now_ns();

		clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
		late_ns[i] = bench_now_ns() - start_ns - 1000000;
	}
	bench_result_percentiles("sleep-late", late_ns, COUNT);
	return 0;
}
