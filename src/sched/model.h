/* model.h - what the models of rota_run() have in common
 *
 * The way of a program, whatever the model: the first task is spawned into the root scope -> the loops turn -> the first
 * task ends, what is detached is cancelled -> the last task ends -> the loops turn until nothing is on its way any more ->
 * workers and loops are given back. */
#ifndef ROTA_SCHED_MODEL_H
#define ROTA_SCHED_MODEL_H

#include "io/signal.h"
#include "sched/watchdog.h"
#include "task/team.h"

struct run {
	rota_fn app;
	void *arg;
	const struct rota_options *options;
	struct rota_loop_options loop_options;
	struct rota__signal_watch stop_signals;
	int result;
};

int rota__run_single(struct run *run);

struct team_shape {
	unsigned workers, bosses;
	bool steal;
	int deal; /* enum rota_deal */
};

int rota__run_team(struct run *run, const struct team_shape *shape);

/* The body of the first task; `run` is its argument. */
int rota__run_first_task(void *run);

/* SIGINT and SIGTERM cancel the root scope, by a callback on `loop`. */
int rota__run_watch_signals(struct run *run, struct rota_loop *loop);
void rota__run_unwatch_signals(struct run *run);

void rota__run_root_init(struct rota_scope *root);

/* Posts and offloaded ops of cancelled waits may still be on their way. */
void rota__run_drain(struct rota_loop *loop);

/* The quota of our cgroups alone, in CPUs, 0 for none.  `root` goes before every path: "", or what a test has made to be looked at. */
unsigned rota__cpu_quota(const char *root);

#endif
