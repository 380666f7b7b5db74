/* bench.h - what the programs of the bench share: clocks, memory, percentiles, and the line they print
 *
 * A program measures one case and prints a line "metric value" for each figure, in the unit that
 * driver/cases.py gives the metric.  Anything else on stdout is ignored, a status other than 0
 * throws the run away.
 *
 * BENCH_ONLY=metric measures just this one and BENCH_OPS=n makes it n operations long: two lengths
 * under callgrind give the instructions of one operation. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t bench_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_now_ns(void)
{
	return bench_clock(CLOCK_MONOTONIC);
}

/* User and system time of this process. */
static inline uint64_t bench_cpu_ns(void)
{
	return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* splitmix64: the peers in other languages have the same one. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. count - 1 in random order. */
static inline uint32_t *bench_shuffled(size_t count, uint64_t *state)
{
	uint32_t *order = malloc(count * sizeof *order);

	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	for (size_t i = count - 1; i > 0; i--) {
		size_t k = bench_random(state) % (i + 1);
		uint32_t swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
	return order;
}

/* Resident memory and page tables of this process. */
static inline double bench_memory_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long sum_kb = 0, kb;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kb) == 1 || sscanf(line, "VmPTE: %ld", &kb) == 1)
			sum_kb += kb;
	if (f != NULL)
		fclose(f);
	return (double)sum_kb * 1024;
}

static inline bool bench_wants(const char *metric)
{
	const char *only = getenv("BENCH_ONLY");

	return only == NULL || strcmp(only, metric) == 0;
}

static inline uint64_t bench_ops(uint64_t usual)
{
	const char *ops = getenv("BENCH_OPS");

	return ops != NULL ? strtoull(ops, NULL, 10) : usual;
}

static inline void bench_result(const char *metric, double value)
{
	printf("%s %.5g\n", metric, value);
	fflush(stdout);
}

/* Nanoseconds for each of `count` operations since `start_ns`. */
static inline void bench_result_each(const char *metric, uint64_t start_ns, uint64_t count)
{
	bench_result(metric, (double)(bench_now_ns() - start_ns) / (double)count);
}

/* Millions of operations a second since `start_ns`. */
static inline void bench_result_rate(const char *metric, uint64_t start_ns, uint64_t count)
{
	bench_result(metric, (double)count * 1e3 / (double)(bench_now_ns() - start_ns));
}

static inline int bench_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* "metric-p50", "-p99" and "-max" in microseconds; sorts `ns`. */
static inline void bench_result_percentiles(const char *metric, uint64_t *ns, size_t count)
{
	char name[64];

	qsort(ns, count, sizeof *ns, bench_compare);
	snprintf(name, sizeof name, "%s-p50", metric);
	bench_result(name, (double)ns[count / 2] / 1e3);
	snprintf(name, sizeof name, "%s-p99", metric);
	bench_result(name, (double)ns[count * 99 / 100] / 1e3);
	snprintf(name, sizeof name, "%s-max", metric);
	bench_result(name, (double)ns[count - 1] / 1e3);
}

/* Compute until then. */
static inline void bench_spin_until(uint64_t end_ns)
{
	while (bench_now_ns() < end_ns)
		;
}

#endif
