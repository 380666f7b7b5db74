/* channel_threads.c - values through a channel of 128 places from tasks of one thread to a task of another */
#include "bench.h"

#include <pthread.h>
#include <rota.h>

static struct rota_chan stream;
static uint64_t values, sum;

static int produce(void *arg)
{
	for (uint64_t i = 0; i < *(uint64_t *)arg; i++)
		rota_chan_send(&stream, &i);
	return 0;
}

static int produce_all(void *arg)
{
	uint64_t producers = *(uint64_t *)arg, each = values / producers;
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (uint64_t i = 0; i < producers; i++)
		rota_spawn(&scope, produce, &each);
	return rota_scope_join(&scope);
}

static int consume(void *arg)
{
	uint64_t value;

	(void)arg;
	for (uint64_t i = 0; i < values; i++) {
		rota_chan_recv(&stream, &value);
		sum += value;
	}
	return 0;
}

static void *consumer_thread(void *arg)
{
	(void)arg;
	rota_run(consume, NULL, &(struct rota_options){ .model = ROTA_SINGLE, .keep_signals = true });
	return NULL;
}

static void measure(const char *metric, uint64_t producers)
{
	struct rota_options one_loop = { .model = ROTA_SINGLE };
	uint64_t start_ns, each;
	pthread_t thread;

	if (!bench_wants(metric))
		return;
	values = bench_ops(10000000) / producers * producers;
	each = values / producers;
	sum = 0;
	rota_chan_init(&stream, sizeof(uint64_t), 128);
	start_ns = bench_now_ns();
	pthread_create(&thread, NULL, consumer_thread, NULL);
	rota_run(produce_all, &producers, &one_loop);
	pthread_join(thread, NULL);
	bench_result_rate(metric, start_ns, values);
	if (sum != producers * (each * (each - 1) / 2) || rota_chan_fini(&stream) < 0)
		exit(1);
}

int main(void)
{
	measure("channel-threads-1", 1);
	measure("channel-threads-4", 4);
	return 0;
}
