/* channel_threads.c - limit: one thread writes a ring of 128, another reads it, both spin */
#include "bench.h"

#include <pthread.h>

enum { PLACES = 128 };

static uint64_t ring[PLACES], values;
static _Alignas(64) uint64_t head;
static _Alignas(64) uint64_t tail;

static void *write_all(void *arg)
{
	uint64_t seen = 0;

	(void)arg;
	for (uint64_t i = 0; i < values; i++) {
		while (i - seen == PLACES)
			seen = __atomic_load_n(&head, __ATOMIC_ACQUIRE);
		ring[i % PLACES] = i;
		__atomic_store_n(&tail, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void measure(const char *metric)
{
	uint64_t start_ns, sum = 0, seen = 0;
	pthread_t thread;

	if (!bench_wants(metric))
		return;
	values = bench_ops(50000000);
	head = tail = 0;
	start_ns = bench_now_ns();
	pthread_create(&thread, NULL, write_all, NULL);
	for (uint64_t i = 0; i < values; i++) {
		while (i == seen)
			seen = __atomic_load_n(&tail, __ATOMIC_ACQUIRE);
		sum += ring[i % PLACES];
		__atomic_store_n(&head, i + 1, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	bench_result_rate(metric, start_ns, values);
	if (sum != values * (values - 1) / 2)
		exit(1);
}

int main(void)
{
	measure("channel-threads-1");
	measure("channel-threads-4");
	return 0;
}
