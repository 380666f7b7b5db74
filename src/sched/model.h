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
	uint64_t blocked_ns; /* a task that holds its thread for so long is named */
	int result;
	struct rota__drain {
		struct rota_loop *loop;	 /* the first worker's: here is the timer, and the rest happens */
		struct rota_scope *root; /* what is to end */
		uint64_t length_ns; /* how long the run may take to end */
		uint32_t asked; /* to stop, by any thread */
		bool over;	/* the last task has ended */
		bool ended;	/* its waits have been ended */
		struct rota_post post;
		struct rota__timer timer;
	} drain;
};

int rota__run_single(struct run *run);

/* How many workers a model has where nobody says: as many as the machine has for them now. */
unsigned rota__workers_default(enum rota_model model);

struct team_shape {
	unsigned workers, bosses;
	bool steal;
	int deal; /* enum rota_deal */
};

int rota__run_team(struct run *run, const struct team_shape *shape);

/* The body of the first task; `run` is its argument. */
int rota__run_first_task(void *run);

/* Before the first task, on the thread of the first worker's loop: the run may be asked to stop from now on, by SIGINT and SIGTERM
 * too.  0, or why not. */
int rota__run_begin(struct run *run, struct rota_loop *loop, struct rota_scope *root);
/* There, when the last task has ended, or none has begun. */
void rota__run_over(struct run *run);

/* ---- drain.c ---- */

/* In a task or callback of the run: cancel what is there, and see that it ends in time. */
void rota__drain_begin(struct run *run);

/* In the first task, at its end: the same, if there are others. */
void rota__drain_first_task_ended(struct run *run);

void rota__run_root_init(struct rota_scope *root);

/* Posts and offloaded ops of cancelled waits may still be on their way; and handles that nobody has closed, which keep no loop
 * alive because they are unreferenced, are closed. */
void rota__run_drain(struct rota_loop *loop);

/* The quota of our cgroups alone, in CPUs, 0 for none.  `root` goes before every path: "", or what a test has made to be looked at. */
unsigned rota__cpu_quota(const char *root);

#endif
