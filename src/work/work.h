/* work.h - the blocking pool: threads for what would block a loop
 *
 * One pool for the process, shared by all its loops: blocking work is bounded by the machine, not by the
 * number of loops, and idle threads of one loop serve another.
 *
 *   QUEUED --a thread takes it--> RUNNING --run() returned--> done()
 *     \--rota__work_cancel()--> taken out; neither run() nor done() is called
 *
 * Lanes keep one kind of work from starving another: each is a queue of its own, and the lanes take
 * turns.  None may hold all threads; name look-ups, which hang for seconds when a server is away, hold at most
 * half of them (libuv's rule for slow work). */
#ifndef ROTA_WORK_WORK_H
#define ROTA_WORK_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/node.h"

enum rota__lane { WORK_USER, WORK_FILES, WORK_NAMES, WORK_LANES };

enum rota__job_state { JOB_NEW, JOB_QUEUED, JOB_RUNNING };

struct rota__job { /* yours, untouched until done() is called or a cancel succeeded */
	union {
		struct rota__node node; /* in its lane's inbox */
		struct list link;	/* in its lane's queue */
	};
	void (*run)(struct rota__job *job);  /* on a pool thread */
	void (*done)(struct rota__job *job); /* on the same thread, last: the job is yours again */
	uint8_t lane, state;
	const char *site; /* where the program asked for it, if it brought the memory; NULL: it is ours */
};

/* Queue the job: its run, done and lane are set.  Any thread; does not wait.  -EAGAIN or -ENOMEM: there
 * is no thread and none can be made; the job was not queued. */
int rota__work_submit(struct rota__job *job);

/* True: it had not begun, and will not.  False: it runs, or has run, and done() is or will be called. */
bool rota__work_cancel(struct rota__job *job);

/* How many threads there are, and how many of them wait for work. */
void rota__work_count(unsigned *ret_threads, unsigned *ret_idle);

#endif
