/* drivers.h - the threads of a run with several workers
 *
 * One for each worker, of which the first is the thread that called rota_run(); and spare ones, which take over the worker of
 * a thread that a task keeps for itself (task/rescue.h).  That thread is a spare one when the task lets it go:
 *
 *	made for a worker, or as a reserve --> drives --its worker was taken--> the task comes back --> idle --given one--> drives
 *
 * Two idle threads are kept beside the caller's; others end. */
#ifndef ROTA_SCHED_DRIVERS_H
#define ROTA_SCHED_DRIVERS_H

#include <pthread.h>
#include <signal.h>

#include "sched/watchdog.h"

struct rota__drivers;

struct rota__driver_thread {
	struct rota__driver driver;
	struct rota__watched watched;
	struct rota__drivers *all;
	struct list link;	     /* in idle or gone */
	struct rota__worker *worker; /* given to it, not yet taken over */
	bool reserved;		     /* about to be given one */
	bool dismissed;		     /* it is not needed any more */
	bool caller;		     /* the thread that called rota_run(): it stays until the end */
	bool is_watched;
	uint64_t timeslice_ns; /* what it had before it lost its worker, by who took that; 0: it has that still */
	unsigned number; /* for people */
	pthread_t thread;
	pthread_cond_t changed;
};

struct rota__drivers {
	/* Set by the owner.  Drive the worker, which may be half made, until all is over or the driver has lost it. */
	void (*drive)(struct rota__worker *worker, struct rota__driver *driver);
	struct rota__watch watch; /* but for its rescue() */
	bool rescue; /* take workers from threads that are held, or give them up */
	bool fence_works; /* rota__fence_all_threads() */

	pthread_mutex_t lock;
	struct list idle, gone; /* the latest first; ended, to be joined */
	unsigned idle_count;	/* but for the caller's */
	unsigned count;		/* threads beside the caller */
	unsigned made;
	bool over;
	pthread_cond_t ended;
	sigset_t signals; /* blocked in all of them */
	struct rota__driver_thread first;
};

void rota__drivers_init(struct rota__drivers *all);

/* Another thread drives `worker`.  0, -EAGAIN, -ENOMEM: there is no thread to be had. */
int rota__drivers_start(struct rota__drivers *all, struct rota__worker *worker);

/* The calling thread drives `worker`, and then whatever it is given, until rota__drivers_end(); then it waits for the
 * other threads. */
void rota__drivers_run(struct rota__drivers *all, struct rota__worker *worker);

/* All workers are over: threads without one end. */
void rota__drivers_end(struct rota__drivers *all);

/* rota__drivers_run() has returned. */
void rota__drivers_fini(struct rota__drivers *all);

#endif
