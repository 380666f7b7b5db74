/* model.h - what the models of rota_run() have in common
 *
 * The way of a program, whatever the model: the first task is spawned into the root scope -> the loops turn -> the first
 * task ends, what is detached is cancelled -> the last task ends -> the loops turn until nothing is on its way any more ->
 * workers and loops are given back. */
#ifndef ROTA_SCHED_MODEL_H
#define ROTA_SCHED_MODEL_H

#include "coro/peek.h"
#include "io/signal.h"
#include "sched/watchdog.h"
#include "task/team.h"

struct run {
	rota_fn app;
	void *arg;
	const struct rota_options *options;
	struct rota_loop_options loop_options;
	struct rota__signal_watch stop_signals;
	struct rota__watch watch; /* but for its rescue() */
	int result;
	struct rota_run_handle *handle; /* for other threads */
	struct rota__drain {
		struct rota_scope *root; /* what is to end */
		uint64_t length_ns; /* how long the run may take to end */
		uint32_t asked; /* to stop, by any thread */
		bool ended;	/* its waits have been ended */
		struct rota__team *team; /* NULL: there is one worker, that of `loop` */
		/* Of a team: */
		struct rota__errand errand;
		uint64_t until_ns;
		uint32_t signalled;
		/* Alone: */
		struct rota_loop *loop;
		struct rota__timer timer;
		struct rota__alarm alarm;
		unsigned rings; /* of the alarm; on its thread only */
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
 * too, and other threads may come.  `team` NULL: there is only that worker.  0, or why not. */
int rota__run_begin(struct run *run, struct rota_loop *loop, struct rota_scope *root, struct rota__team *team);
/* There, when the last task has ended, or none has begun. */
void rota__run_over(struct run *run);

/* ---- handle.c ---- */

/* Its handle, shut: 0, -ENOMEM. */
int rota__run_handle_new(struct run *run);
/* The loops turn: what other threads want may come. */
void rota__run_handle_open(struct rota_run_handle *handle, struct rota_loop *first);
/* No more may come; what has come is in the loops' queues.  Waits for those that are just posting. */
void rota__run_handle_shut(struct rota_run_handle *handle);

/* ---- drain.c ---- */

/* As rota__run_begin(), and over. */
int rota__drain_init(struct run *run, struct rota_loop *loop, struct rota_scope *root, struct rota__team *team);
void rota__drain_fini(struct run *run);

/* In a task or callback of the run, or a visitor of its team: cancel what is there, and see that it ends in time. */
void rota__drain_begin(struct run *run);

/* In the first task, at its end: the same, if there are others. */
void rota__drain_first_task_ended(struct run *run);

void rota__run_root_init(struct rota_scope *root);

/* Posts and offloaded ops of cancelled waits may still be on their way; and handles and processes that nobody has closed, timers and watchers
 * that nobody has stopped, which keep no loop alive because they are unreferenced, are closed and stopped. */
void rota__run_drain(struct rota_loop *loop);

/* The quota of our cgroups alone, in CPUs, 0 for none.  `root` goes before every path: "", or what a test has made to be looked at. */
unsigned rota__cpu_quota(const char *root);

#endif
