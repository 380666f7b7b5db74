/* watchdog.h - who keeps a thread from the others
 *
 * A task that computes for long, or blocks in a system call without saying so, holds up all tasks,
 * I/O and timers of its worker.  One thread in the process looks at every worker each millisecond
 * while any of them works.  After rescue_ns the worker is taken from the thread, where that is allowed, and another
 * goes on with it (task/rescue.h); after blocked_ns the task is named: with its name, where it was spawned, what it does
 * (computing, or the system call it waits in) and its stack.
 *
 *	worker:   runs A --> runs B ------------------------------------> runs C
 *	watchdog:    .    .     . same run  . same  . too long: look, note   . over: note
 *
 * It waits for nobody: what is to be told is told by another thread (reports.h), and its lock is held by others only to join and
 * to leave.  So it can also be sent on errands, which have to be done whatever the workers do.
 *
 * A worker pays one load and a branch each time its loop turns to tasks.  When nothing has run for
 * a while the watchdog sleeps, and the first worker that turns to tasks wakes it. */
#ifndef ROTA_SCHED_WATCHDOG_H
#define ROTA_SCHED_WATCHDOG_H

#include "base/list.h"
#include "task/rescue.h"

struct rota__watched;

/* What is done about tasks that hold a thread of a run. */
struct rota__watch {
	const void *run; /* whose they are, for rota__reports_end() */
	uint64_t rescue_ns; /* after that their worker is to go on on another thread */
	void (*rescue)(struct rota__watched *watched); /* take the worker away, if that can be; NULL: nobody does */
	uint64_t blocked_ns; /* after that they are named */
	void (*on_blocked)(const struct rota_blocked *blocked); /* NULL: on stderr */
};

struct rota__watched {
	struct list link;
	struct rota__driver *driver; /* a thread */
	const struct rota__watch *watch;
	pid_t tid;
	pthread_t thread;

	/* What the watchdog saw last. */
	struct rota_task *task;
	uint32_t run;
	uint64_t since_ns, cpu_ns;
	unsigned number; /* the worker's, for people */
	bool told, relieved;
	char name[64], site[96]; /* of the one that was told */
	uint64_t id;
};

/* Watch the calling thread, which is `driver`; both and `watch` are kept until rota__watchdog_leave().  0, or -EAGAIN: no
 * thread or no signal to be had. */
int rota__watchdog_join(struct rota__watched *watched, struct rota__driver *driver, const struct rota__watch *watch);
/* The calling thread has this worker from now on, which is new: tell it to call when the watchdog sleeps. */
void rota__watchdog_meet(struct rota__worker *worker);
void rota__watchdog_leave(struct rota__watched *watched);

/* Something to be done at some time on the watchdog's thread.  It must not wait for long: meanwhile nobody watches. */
struct rota__errand {
	struct list link;
	void (*fn)(struct rota__errand *errand);
	uint64_t at_ns; /* ROTA_FOREVER: not now.  Set by any thread, see below */
};

/* There is a watchdog for `errand`, whose fn is set, until rota__watchdog_dismiss(), which waits while fn runs.  0, or -EAGAIN: no
 * thread to be had. */
int rota__watchdog_hire(struct rota__errand *errand);
void rota__watchdog_dismiss(struct rota__errand *errand);

/* fn is called at `at_ns`, or at the time that was set before, if that is sooner; once.  While it is hired; any thread, signal handlers
 * too. */
void rota__errand_set(struct rota__errand *errand, uint64_t at_ns);

struct rota__note;

/* On the watchdog's thread, in an errand: where is the thread that runs `task`, if one does?  The frames, their number and the call it waits
 * in (held_up.call) are put into `note`. */
void rota__watchdog_look_at(const struct rota_task *task, struct rota__note *note);

#endif
