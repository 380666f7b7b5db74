/* watchdog.h - who keeps a thread from the others
 *
 * A task that computes for long, or blocks in a system call without saying so, holds up all tasks,
 * I/O and timers of its worker.  One thread in the process looks at every worker each millisecond
 * while any of them works.  After 2 ms the worker is taken from the thread, where that is allowed, and another
 * goes on with it (task/rescue.h); later the task is named: with its name, where it was spawned, what it does
 * (computing, or the system call it waits in) and its stack.
 *
 *	worker:   runs A --> runs B ------------------------------------> runs C
 *	watchdog:    .    .     . same run  . same  . too long: look, tell   . over: tell
 *
 * A worker pays one load and a branch each time its loop turns to tasks.  When nothing has run for
 * a while the watchdog sleeps, and the first worker that turns to tasks wakes it. */
#ifndef ROTA_SCHED_WATCHDOG_H
#define ROTA_SCHED_WATCHDOG_H

#include "base/list.h"
#include "task/rescue.h"

struct rota__watched {
	struct list link;
	struct rota__driver *driver; /* a thread */
	void (*rescue)(struct rota__watched *watched); /* take its worker away; NULL: nobody does */
	pid_t tid;
	pthread_t thread;
	uint64_t limit_ns;
	void (*on_blocked)(const struct rota_blocked *blocked);

	/* What the watchdog saw last. */
	struct rota_task *task;
	uint32_t run;
	uint64_t since_ns, cpu_ns;
	unsigned number; /* the worker's, for people */
	bool told, relieved;
	char name[64], site[96]; /* of the one that was told */
	uint64_t id;
};

/* Watch the calling thread, which is `driver`; `watched` is kept until rota__watchdog_leave().  Reports
 * go to on_blocked, or to stderr if that is NULL.  0, or -EAGAIN: no thread or no signal to be had.
 */
int rota__watchdog_join(struct rota__watched *watched, struct rota__driver *driver,
	void (*rescue)(struct rota__watched *watched), uint64_t limit_ns,
	void (*on_blocked)(const struct rota_blocked *blocked));
/* The calling thread has this worker from now on, which is new: tell it to call when the watchdog sleeps. */
void rota__watchdog_meet(struct rota__worker *worker);
void rota__watchdog_leave(struct rota__watched *watched);

#endif
