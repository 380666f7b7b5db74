/* rescue.h - a worker goes on while one of its tasks keeps its thread
 *
 * A worker is driven by a thread.  If a task computes or blocks there for long, the worker is taken away and given to a spare
 * thread, with its loop, its timers, its I/O and its other tasks; the task goes on where it is, without a worker: it is a
 * stray.  When it next enters the runtime it is put among the ready tasks, some worker goes on with it, and its thread is
 * spare.
 *
 *	thread A:  W turns --> task T computes ............ T enters --> spare
 *	watchdog:                     | takes W
 *	thread B:  spare              --> W turns ...................................
 *	worker V:                                           --> T goes on
 *
 * Taken away only while the task is in the program's own code (loop/inside.h).  Not if it is pinned: what runs on
 * the same worker may share data with it without locks, and so it is in a group.  Where the program wants no rescue nobody
 * pays for it: its threads are always inside. */
#ifndef ROTA_TASK_RESCUE_H
#define ROTA_TASK_RESCUE_H

#include "task/team.h"

/* A thread that drives workers. */
struct rota__driver {
	struct rota__worker *worker; /* which it drives; NULL: none.  Written by its own thread only */
	struct rota_task *stray;     /* whom it runs without one: `worker` is somebody else's then */
	struct rota__marks *marks;   /* the thread's */
	void *loop_sp;		     /* where its loop goes on when the stray comes back */
	void *rescuer;		     /* its thread, for who may take workers from it; NULL: nobody may */
	bool fences;		     /* it pays for its fences itself (loop/inside.h); set before rota__driver_enter() */
	struct rota_task *section;   /* who is in rota_blocking_section_begin(), and is not named */
};

/* That of the calling thread, or NULL. */
struct rota__driver *rota__driver_here(void);

/* On a thread that has lost its worker: the task that it runs. */
struct rota_task *rota__driver_stray(void);

/* The calling thread is this driver, which drives nothing yet; NULL: it is none any more. */
void rota__driver_enter(struct rota__driver *driver);

/* On the driver's thread: it drives `worker` from now on, whose thread was another. */
void rota__driver_take(struct rota__driver *driver, struct rota__worker *worker);

/* On any thread; the driver and its worker stay what they are meanwhile, but for what its own thread does.  If it is in `task`, and
 * that is in the program's code, its worker is taken from it and returned: it is the caller's to give to another driver.  NULL:
 * not now. */
struct rota__worker *rota__driver_evict(struct rota__driver *driver, const struct rota_task *task);

/* On the driver's thread, in a task: as if it had been evicted. */
struct rota__worker *rota__driver_give_up(struct rota__driver *driver);

/* In a worker's loop, after a task has left the thread: is the worker still this thread's?  If not, the stray that was here
 * is made ready, and the caller touches neither worker nor loop any more. */
bool rota__driver_lost(void);

void rota__driver_after_fork(void);

#endif
