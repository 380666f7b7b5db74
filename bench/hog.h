/* hog.h - what keeps its thread from others: it computes for 100 ms, then blocks in a system call as long */
#ifndef BENCH_HOG_H
#define BENCH_HOG_H

#include "bench.h"

#include <errno.h>

enum { HOG_MS = 100 };

static inline void hog_compute(void)
{
	bench_spin_until(bench_now_ns() + HOG_MS * UINT64_C(1000000));
}

static inline void hog_block(void)
{
	uint64_t end_ns = bench_now_ns() + HOG_MS * UINT64_C(1000000);
	struct timespec end = { (time_t)(end_ns / 1000000000), (long)(end_ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

#endif
