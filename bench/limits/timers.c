/* timers.c - limit: a wheel of six levels of 64 slots, a millisecond a tick, the timer its own link */
#include "bench.h"

enum { LEVELS = 6, SLOTS = 64 };

struct timer {
	struct timer *next, *prev;
	uint64_t due;
	void (*fn)(struct timer *);
};

static struct timer wheel[LEVELS][SLOTS];
static uint64_t now, fired;

static void start(struct timer *t)
{
	uint64_t distance = t->due ^ now;
	int level = distance == 0 ? 0 : (63 - __builtin_clzll(distance)) / 6;
	struct timer *slot;

	if (level >= LEVELS)
		level = LEVELS - 1;
	slot = &wheel[level][t->due >> 6 * level & (SLOTS - 1)];
	t->next = slot;
	t->prev = slot->prev;
	slot->prev->next = t;
	slot->prev = t;
}

static void stop(struct timer *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
}

static void cascade(struct timer *slot)
{
	struct timer *t = slot->next;

	slot->next = slot->prev = slot;
	while (t != slot) {
		struct timer *next = t->next;

		__builtin_prefetch(next->next, 1);
		start(t);
		t = next;
	}
}

static void turn_to(uint64_t then)
{
	while (now < then) {
		struct timer *slot;

		now++;
		for (int level = LEVELS - 1; level > 0; level--)
			if ((now & ((UINT64_C(1) << 6 * level) - 1)) == 0)
				cascade(&wheel[level][now >> 6 * level & (SLOTS - 1)]);
		slot = &wheel[0][now & (SLOTS - 1)];
		while (slot->next != slot) {
			struct timer *t = slot->next;

			__builtin_prefetch(t->next->next, 1);
			stop(t);
			t->fn(t);
		}
	}
}

static void count_it(struct timer *t)
{
	(void)t;
	fired++;
}

static void pair_at_1m(struct timer *timers, size_t count, uint64_t *seed)
{
	uint32_t *order = bench_shuffled(count, seed);
	uint64_t start_ns = bench_now_ns();

	for (size_t i = 0; i < count; i++)
		start(&timers[i]);
	for (size_t i = 0; i < count; i++)
		stop(&timers[order[i]]);
	bench_result_each("timer-pair-1m", start_ns, count);
	free(order);
}

static void pair_at_once(uint64_t count)
{
	struct timer t = { .fn = count_it };
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++) {
		t.due = 30000 + (i & 1023);
		start(&t);
		stop(&t);
	}
	bench_result_each("timer-pair", start_ns, count);
}

static void fire(struct timer *timers, size_t count)
{
	uint64_t start_ns;

	for (size_t i = 0; i < count; i++)
		start(&timers[i]);
	start_ns = bench_now_ns();
	turn_to(60001);
	bench_result_each("timer-fire", start_ns, count);
}

int main(void)
{
	size_t count = bench_ops(1000000);
	struct timer *timers = malloc(count * sizeof *timers);
	uint64_t seed = 1;

	for (int level = 0; level < LEVELS; level++)
		for (int i = 0; i < SLOTS; i++)
			wheel[level][i].next = wheel[level][i].prev = &wheel[level][i];
	for (size_t i = 0; i < count; i++)
		timers[i] = (struct timer){ .due = 1 + bench_random(&seed) % 60000, .fn = count_it };
	if (bench_wants("timer-pair-1m"))
		pair_at_1m(timers, count, &seed);
	if (bench_wants("timer-pair"))
		pair_at_once(bench_ops(20000000));
	if (bench_wants("timer-fire")) {
		fire(timers, count);
		return fired != count;
	}
	return 0;
}
