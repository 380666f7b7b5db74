/* process.c - programs, started on a loop, with a callback at their end */
#include "bench.h"

#include <rota.h>

enum { ONE_BY_ONE = 300, AT_ONCE = 16, ROUNDS = 25 };

static struct rota_loop *loop;
static int left, running, together;
static uint64_t start_ns;

static void start(void);

static void on_exit_of(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	(void)arg;
	if (how->code != 0)
		exit(1);
	rota_process_close(process);
	if (--running == 0 && left > 0)
		start();
}

/* So many as shall run together. */
static void start(void)
{
	struct rota_command command = { .argv = (const char *[]){ "/bin/true", NULL } };
	struct rota_process *process;

	left -= together;
	running = together;
	for (int i = 0; i < together; i++)
		if (rota_process_start_on(loop, &process, &command, on_exit_of, NULL) < 0)
			exit(1);
}

static void measure(const char *metric, int at_once, int count)
{
	together = at_once;
	left = count;
	start_ns = bench_now_ns();
	start();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result(metric, (double)(bench_now_ns() - start_ns) / 1e3 / count);
}

int main(void)
{
	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	measure("process-one", 1, ONE_BY_ONE);
	measure("process-16", AT_ONCE, AT_ONCE * ROUNDS);
	return rota_loop_free(loop) < 0;
}
