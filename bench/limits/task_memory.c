/* task_memory.c - limit for tasks with stacks: one page each, the record at its top
 *
 * A task without a stack can be smaller: see the peers. */
#include "bench.h"
#include "context.h"

enum { STACK_BYTES = 4096, COUNT = 1000000 };

static void *main_sp, *parked_sp;

static void park(void)
{
	bench_switch(&parked_sp, main_sp);
}

int main(void)
{
	char *stacks = bench_map((size_t)COUNT * STACK_BYTES);
	double before = bench_memory_bytes();
	uint64_t start_ns = bench_now_ns();

	for (size_t i = 0; i < COUNT; i++) {
		void **record = (void **)(stacks + (i + 1) * STACK_BYTES) - 8;

		bench_switch(&main_sp, bench_context(record, park));
		*record = parked_sp;
	}
	bench_result_each("task-create", start_ns, COUNT);
	bench_result("task-bytes", (bench_memory_bytes() - before) / COUNT);
	return 0;
}
