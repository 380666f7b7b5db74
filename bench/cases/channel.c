/* channel.c - values through channels on one thread: there and back, and one way with 128 places */
#include "bench.h"

#include <rota.h>

static struct rota_chan ping, pong, stream;
static uint64_t rounds, values, sum;

static int answer(void *arg)
{
	uint64_t value;

	(void)arg;
	while (rota_chan_recv(&ping, &value) == 0)
		rota_chan_send(&pong, &value);
	return 0;
}

static int ask(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t value = i;

		rota_chan_send(&ping, &value);
		rota_chan_recv(&pong, &value);
	}
	rota_chan_close(&ping);
	return 0;
}

static int ping_pong(void *arg)
{
	struct rota_scope scope;
	uint64_t start_ns;

	(void)arg;
	rota_chan_init(&ping, sizeof(uint64_t), 1);
	rota_chan_init(&pong, sizeof(uint64_t), 1);
	rounds = bench_ops(5000000);
	start_ns = bench_now_ns();
	rota_scope_open(&scope);
	rota_spawn(&scope, answer, NULL);
	rota_spawn(&scope, ask, NULL);
	if (rota_scope_join(&scope) < 0)
		return -1;
	bench_result_each("channel-pingpong", start_ns, rounds);
	return rota_chan_fini(&ping) + rota_chan_fini(&pong);
}

static int produce(void *arg)
{
	for (uint64_t i = 0; i < *(uint64_t *)arg; i++)
		rota_chan_send(&stream, &i);
	return 0;
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

static int produce_all(void *arg)
{
	uint64_t producers = *(uint64_t *)arg, each = values / producers;
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (uint64_t i = 0; i < producers; i++)
		rota_spawn(&scope, produce, &each);
	return rota_scope_join(&scope);
}

static int one_thread(void *arg)
{
	struct rota_call calls[] = { { produce_all, arg }, { consume, NULL } };

	return rota_gather(calls, 2, NULL);
}

static void measure(const char *metric, uint64_t producers)
{
	uint64_t start_ns, each;

	if (!bench_wants(metric))
		return;
	values = bench_ops(20000000) / producers * producers;
	each = values / producers;
	sum = 0;
	rota_chan_init(&stream, sizeof(uint64_t), 128);
	start_ns = bench_now_ns();
	if (rota_run(one_thread, &producers, NULL) < 0)
		exit(1);
	bench_result_rate(metric, start_ns, values);
	if (sum != producers * (each * (each - 1) / 2) || rota_chan_fini(&stream) < 0)
		exit(1);
}

int main(void)
{
	if (bench_wants("channel-pingpong") && rota_run(ping_pong, NULL, NULL) < 0)
		return 1;
	measure("channel-1-producer", 1);
	measure("channel-4-producers", 4);
	return 0;
}
