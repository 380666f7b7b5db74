/* switch.c - limit: an array as run queue, stacks 4 KiB apart, the one a few ahead prefetched
 *
 * With many tasks this is a row about caches: a list through cold tasks, or stacks 64 KiB apart,
 * cost three to seven times as much at 100,000 tasks. */
#include "bench.h"
#include "context.h"

enum { STACK_BYTES = 4096, AHEAD = 6 };

struct entry {
	void *sp;
};

static struct entry *queue;
static size_t mask, head, tail;
static uint64_t left;
static void *main_sp;

static void task(void)
{
	for (;;) {
		struct entry *self, *next;

		if (left-- == 0)
			bench_switch(&queue[tail++ & mask].sp, main_sp);
		self = &queue[tail++ & mask];
		next = &queue[head++ & mask];
		__builtin_prefetch(queue[(head + AHEAD) & mask].sp, 1);
		bench_switch(&self->sp, next->sp);
	}
}

static void run(uint64_t switches)
{
	left = switches;
	bench_switch(&main_sp, queue[head++ & mask].sp);
}

static void measure(const char *metric, size_t tasks, uint64_t switches)
{
	char *stacks = bench_map((tasks + 1) * STACK_BYTES);
	uint64_t start_ns;

	for (mask = 1; mask < tasks + 2 * AHEAD; mask *= 2)
		;
	queue = calloc(mask, sizeof *queue);
	mask--;
	head = tail = 0;
	for (size_t i = 0; i < tasks; i++) /* tops spread over the cache sets */
		queue[tail++].sp = bench_context(stacks + (i + 1) * STACK_BYTES - i % 16 * 128, task);
	run(2 * tasks); /* bring the pages in */
	start_ns = bench_now_ns();
	run(switches);
	bench_result_each(metric, start_ns, switches);
	munmap(stacks, (tasks + 1) * STACK_BYTES);
	free(queue);
}

int main(void)
{
	if (bench_wants("switch-2"))
		measure("switch-2", 2, bench_ops(20000000));
	if (bench_wants("switch-1k"))
		measure("switch-1k", 1000, bench_ops(20000000));
	if (bench_wants("switch-100k"))
		measure("switch-100k", 100000, bench_ops(5000000));
	return 0;
}
