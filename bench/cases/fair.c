/* fair.c - four tasks that are always ready, and beside them one with a timer and one with a socket
 *
 * With $FAIR=-bulk the four are bulk tasks.  On stdin a socket from which load/ticks.c's times come. */
#include "bench.h"

#include <rota.h>

enum { BUSY = 4, SLICE_NS = 20000, TICKS = 400 };

static bool over;
static const char *kind = "";

static void result(const char *what, uint64_t *late_ns)
{
	char metric[32];

	snprintf(metric, sizeof metric, "%s%s", what, kind);
	bench_result_percentiles(metric, late_ns, TICKS);
}

static int busy(void *arg)
{
	(void)arg;
	while (!over) {
		bench_spin_until(bench_now_ns() + SLICE_NS);
		rota_yield();
	}
	return 0;
}

static int sleep_again_and_again(void *arg)
{
	static uint64_t late_ns[TICKS];

	(void)arg;
	for (int i = 0; i < TICKS; i++) {
		uint64_t start_ns = bench_now_ns();

		rota_sleep(ROTA_MILLISECONDS(1));
		late_ns[i] = bench_now_ns() - start_ns - 1000000;
	}
	result("fair-timer", late_ns);
	return 0;
}

static int read_ticks(void *arg)
{
	static uint64_t late_ns[TICKS];
	struct rota_stream *stream;
	uint64_t sent_ns;
	int rc = rota_stream_from_fd(&stream, 0);

	(void)arg;
	if (rc < 0)
		return rc;
	rota_write_all(stream, "", 1);
	for (int i = 0; i < TICKS && rc >= 0; i++) {
		rc = (int)rota_read_exactly(stream, &sent_ns, sizeof sent_ns);
		late_ns[i] = bench_clock(CLOCK_REALTIME) - sent_ns;
	}
	rota_close(stream);
	if (rc >= 0)
		result("fair-io", late_ns);
	return rc;
}

static int app(void *arg)
{
	struct rota_task_options options = { .priority = *kind != '\0' ? ROTA_PRIORITY_BULK : ROTA_PRIORITY_NORMAL };
	struct rota_scope work, waiting;
	struct rota_task *task;
	int rc;

	(void)arg;
	rota_scope_open(&work);
	for (int i = 0; i < BUSY; i++)
		rota_spawn_task(&task, &work, busy, NULL, &options);
	rota_scope_open(&waiting);
	rota_spawn(&waiting, sleep_again_and_again, NULL);
	rota_spawn(&waiting, read_ticks, NULL);
	rc = rota_scope_join(&waiting);
	over = true;
	rota_scope_join(&work);
	return rc;
}

int main(void)
{
	if (getenv("FAIR") != NULL)
		kind = getenv("FAIR");
	return rota_run(app, NULL, NULL) < 0;
}
