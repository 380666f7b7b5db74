/* run.c - rota_run(): a loop, a worker, the first task, and the way out
 *
 * The way out: the first task ends -> what is detached is cancelled -> the loop turns until the last
 * task has ended -> loop and worker are given back. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/signal.h"
#include "os/mem.h"
#include "sched/watchdog.h"
#include "task/task.h"
#include "trace/trace.h"

/* The model asked for, or a negative error.  What is not built yet says so instead of running as
 * something else. */
static int model_of(const struct rota_options *options)
{
	static const char *const names[] = { "", "single", "group", "steal" };
	const char *env = getenv("ROTA_MODEL");
	int model = options->model;

	if (model == ROTA_MODEL_DEFAULT && env != NULL && *env != '\0') {
		for (model = ROTA_SINGLE; model <= ROTA_STEAL; model++)
			if (strcmp(env, names[model]) == 0)
				break;
		if (model > ROTA_STEAL)
			return -EINVAL;
	}
	if (model == ROTA_GROUP || model == ROTA_STEAL)
		return -ENOTSUP;
	return model == ROTA_MODEL_DEFAULT || model == ROTA_SINGLE ? ROTA_SINGLE : -EINVAL;
}

static uint64_t spin_of(const struct rota_options *options)
{
	const char *env = getenv("ROTA_SPIN_US");

	return options->spin_ns == 0 && env != NULL ? ROTA_MICROSECONDS(strtoul(env, NULL, 10))
						    : options->spin_ns;
}

struct run {
	struct rota__worker worker;
	struct rota__signal_watch stop_signals;
	struct rota__watched watched;
	rota_fn app;
	void *arg;
	int result;
	bool ended;
};

static int first_task(void *arg)
{
	struct run *run = arg;

	run->result = run->app(run->arg);
	run->ended = true;
	return 0;
}

/* Asked to stop: once is a request to end well, twice an order. */
static void stop_asked(struct rota__signal_watch *watch, int signo)
{
	struct run *run = container_of(watch, struct run, stop_signals);

	rota__signal_watch_stop(watch);
	rota__scope_cancel(&run->worker.root, -ECANCELED, 0);
}

static int turn_until_done(struct run *run, struct rota_loop *loop, bool watch_signals)
{
	int rc;

	if (watch_signals) {
		rc = rota__signal_watch_start(&run->stop_signals, loop, stop_asked, (const int[]){ SIGINT, SIGTERM }, 2);
		if (rc < 0)
			return rc;
		rota__signal_watch_once(&run->stop_signals);
	}
	rc = rota_spawn_at(&run->worker.root, first_task, run, "main", "rota_run");
	while (rc == 0 && !run->ended)
		rota__loop_turn(loop, ROTA_FOREVER);
	rota__scope_cancel(&run->worker.root, -ECANCELED, 0);
	while (run->worker.root.live > 0)
		rota__loop_turn(loop, ROTA_FOREVER);
	if (watch_signals)
		rota__signal_watch_stop(&run->stop_signals);
	/* Posts and offloaded ops of cancelled waits may still be on their way. */
	while (rota_loop_alive(loop))
		rota__loop_turn(loop, ROTA_FOREVER);
	return rc < 0 ? rc : run->result;
}

static int turn_watched(struct run *run, struct rota_loop *loop, const struct rota_options *options)
{
	uint64_t limit_ns = rota__watchdog_limit(options, false);
	int rc;

	if (limit_ns == ROTA_FOREVER)
		return turn_until_done(run, loop, !options->keep_signals);
	rc = rota__watchdog_join(&run->watched, &run->worker, 0, limit_ns, options->on_blocked);
	if (rc == 0) {
		rc = turn_until_done(run, loop, !options->keep_signals);
		rota__watchdog_leave(&run->watched);
	}
	return rc;
}

static int run_on(struct rota_loop *loop, rota_fn app, void *arg, const struct rota_options *options)
{
	struct run *run = rota__alloc_zero(sizeof *run);
	int rc;

	if (run == NULL)
		return -ENOMEM;
	run->app = app;
	run->arg = arg;
	rc = rota__worker_init(&run->worker, loop, options->stack_bytes);
	if (rc == 0) {
		run->worker.on_detached_error = options->on_detached_error;
		rota__trace_thread("worker 0");
		rc = turn_watched(run, loop, options);
		rota__worker_fini(&run->worker);
	}
	rota__free(run);
	return rc;
}

/* Writing to a peer that is gone must be an error, not the end of the program, and sendfile(2) and pipes
 * know no MSG_NOSIGNAL.  The signal is sent to the thread that wrote: it is blocked there during the run,
 * and what came of it is taken away at the end. */
static void block_sigpipe(sigset_t *only_pipe, sigset_t *before)
{
	sigemptyset(only_pipe);
	sigaddset(only_pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, only_pipe, before);
}

static void unblock_sigpipe(const sigset_t *only_pipe, const sigset_t *before)
{
	static const struct timespec at_once;

	if (sigismember(before, SIGPIPE))
		return;
	while (sigtimedwait(only_pipe, NULL, &at_once) == SIGPIPE)
		;
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

int rota_run(rota_fn app, void *arg, const struct rota_options *options)
{
	static const struct rota_options defaults;
	struct rota_loop_options loop_options;
	struct rota_loop *loop;
	sigset_t only_pipe, before;
	int rc;

	if (options == NULL)
		options = &defaults;
	if (rota__loop_here != NULL)
		return -EBUSY;
	rc = model_of(options);
	if (rc < 0)
		return rc;
	loop_options = (struct rota_loop_options){ .poller = options->poller, .spin_ns = spin_of(options) };
	rc = rota_loop_new(&loop, &loop_options);
	if (rc < 0)
		return rc;
	rc = rota__loop_enter(loop);
	if (rc == 0) {
		block_sigpipe(&only_pipe, &before);
		rc = run_on(loop, app, arg, options);
		unblock_sigpipe(&only_pipe, &before);
		rota__loop_leave(loop);
	}
	rota_loop_free(loop);
	return rc;
}

const char *rota_model_name(void)
{
	return rota__worker_here != NULL ? "single" : "none";
}

const char *rota_poller_name(void)
{
	return rota__worker_here != NULL ? rota_loop_poller(rota__worker_here->loop) : "none";
}
