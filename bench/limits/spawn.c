/* spawn.c - limit: a frame built on a recycled stack, one switch in and one out
 *
 * A child that never waits could be called instead (3 ns); one that may wait has to be entered by a
 * switch.  For the million, the records are queued first and then run on one reused stack. */
#include "bench.h"
#include "context.h"

struct task {
	struct task *next;
	void (*fn)(void);
};

static void *main_sp, *task_sp;
static struct task *running;
static uint64_t ran;

static void body(void)
{
	ran++;
}

static void entry(void)
{
	running->fn();
	bench_switch(&task_sp, main_sp);
}

static void run(struct task *task, char *top)
{
	running = task;
	bench_switch(&main_sp, bench_context(top, entry));
}

static void one_after_the_other(char *top, uint64_t count)
{
	struct task task = { NULL, body };
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++)
		run(&task, top);
	bench_result_each("spawn-join", start_ns, count);
}

static void all_then_join(char *top, size_t count)
{
	struct task *tasks = malloc(count * sizeof *tasks), *head = NULL, **tail = &head;
	uint64_t start_ns;

	memset(tasks, 1, count * sizeof *tasks);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < count; i++) {
		tasks[i].next = NULL;
		tasks[i].fn = body;
		*tail = &tasks[i];
		tail = &tasks[i].next;
	}
	for (struct task *t = head; t != NULL; t = t->next)
		run(t, top);
	bench_result_each("spawn-1m", start_ns, count);
}

int main(void)
{
	char *top = bench_map(65536) + 65536;

	if (bench_wants("spawn-join"))
		one_after_the_other(top, bench_ops(20000000));
	if (bench_wants("spawn-1m"))
		all_then_join(top, bench_ops(1000000));
	return ran == 0;
}
