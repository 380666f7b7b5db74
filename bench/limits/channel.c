/* channel.c - limit: there and back by two switches and a variable; one way through a ring of 128 that one
 * side fills and the other empties, with a switch between */
#include "bench.h"
#include "context.h"

enum { STACK_BYTES = 65536, PLACES = 128 };

static void *main_sp, *other_sp;
static uint64_t ring[PLACES], count, next, value;

static void answer(void)
{
	for (;;) {
		value++;
		bench_switch(&other_sp, main_sp);
	}
}

static void ping_pong(uint64_t rounds)
{
	uint64_t start_ns = bench_now_ns();

	value = 0;
	for (uint64_t i = 0; i < rounds; i++)
		bench_switch(&main_sp, other_sp);
	bench_result_each("channel-pingpong", start_ns, rounds);
	if (value != rounds)
		exit(1);
}

static void produce(void)
{
	for (;;) {
		while (count < PLACES)
			__atomic_store_n(&ring[count++], next++, __ATOMIC_RELAXED);
		bench_switch(&other_sp, main_sp);
	}
}

static void one_way(const char *metric, uint64_t values)
{
	uint64_t start_ns = bench_now_ns(), sum = 0, taken = 0;

	next = count = 0;
	while (taken < values) {
		bench_switch(&main_sp, other_sp);
		for (uint64_t i = 0; i < count; i++)
			sum += __atomic_load_n(&ring[i], __ATOMIC_RELAXED);
		taken += count;
		count = 0;
	}
	bench_result_rate(metric, start_ns, taken);
	if (sum != taken * (taken - 1) / 2)
		exit(1);
}

int main(void)
{
	char *stack = bench_map(STACK_BYTES);

	other_sp = bench_context(stack + STACK_BYTES, answer);
	if (bench_wants("channel-pingpong"))
		ping_pong(bench_ops(5000000));
	other_sp = bench_context(stack + STACK_BYTES, produce);
	if (bench_wants("channel-1-producer"))
		one_way("channel-1-producer", bench_ops(20000000));
	if (bench_wants("channel-4-producers"))
		one_way("channel-4-producers", bench_ops(20000000));
	return 0;
}
