/* single.c - one loop with one worker, on the calling thread */
#include "coro/overflow.h"
#include "os/mem.h"
#include "sched/model.h"
#include "trace/trace.h"

struct single {
	struct rota__worker worker;
	struct rota__driver driver;
	struct rota__watched watched;
	struct rota_scope root;
};

static int turn_until_empty(struct single *s, struct run *run, struct rota_loop *loop)
{
	int rc = rota__run_begin(run, loop, &s->root, NULL);

	if (rc < 0)
		return rc;
	s->worker.run = run;
	rc = rota_spawn_at(&s->root, rota__run_first_task, run, "main", "rota_run");
	while (s->root.live > 0)
		rota__loop_turn(loop, ROTA_FOREVER);
	rota__run_over(run);
	rota__run_drain(loop);
	return rc < 0 ? rc : run->result;
}

static int turn_watched(struct single *s, struct run *run, struct rota_loop *loop)
{
	int rc;

	if (run->watch.blocked_ns == ROTA_FOREVER)
		return turn_until_empty(s, run, loop);
	rota__watchdog_meet(&s->worker);
	rc = rota__watchdog_join(&s->watched, &s->driver, &run->watch);
	if (rc == 0) {
		rc = turn_until_empty(s, run, loop);
		rota__watchdog_leave(&s->watched);
	}
	return rc;
}

static int run_on(struct run *run, struct rota_loop *loop)
{
	ROTA_INSIDE();
	struct single *s = rota__alloc_zero(sizeof *s);
	int rc;

	if (s == NULL)
		return -ENOMEM;
	rota__run_root_init(&s->root);
	rc = rota__overflow_thread_init();
	if (rc == 0) {
		rc = rota__worker_init(&s->worker, loop, run->options->stack_bytes, &s->root, NULL, 0);
		if (rc < 0)
			rota__overflow_thread_fini();
	}
	if (rc == 0) {
		s->driver.worker = &s->worker;
		rota__driver_enter(&s->driver);
		s->worker.on_detached_error = run->options->on_detached_error;
		rota__trace_thread("worker 0");
		rc = turn_watched(s, run, loop);
		rota__driver_enter(NULL);
		rota__worker_leave(&s->worker);
		rota__worker_fini(&s->worker);
		rota__overflow_thread_fini();
	}
	rota__free(s);
	return rc;
}

int rota__run_single(struct run *run)
{
	struct rota_loop *loop;
	int rc = rota_loop_new(&loop, &run->loop_options);

	if (rc < 0)
		return rc;
	rc = rota__loop_enter(loop);
	if (rc == 0) {
		rc = run_on(run, loop);
		rota__loop_leave(loop);
	}
	rota_loop_free(loop);
	return rc;
}
