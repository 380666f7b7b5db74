/* crew.h - the same work on several threads, each in a run of its own
 *
 * The first member works on the calling thread.  Each calls start() in its first task; when all
 * have succeeded each goes on with work(), so nobody works beside a member that could not begin.
 * One that fails, in either, ends the others.  finish() clears up, whatever happened. */
#ifndef ROTA_TOOL_CREW_H
#define ROTA_TOOL_CREW_H

#include <pthread.h>
#include <rota.h>

struct crew;

struct crew_member {
	struct crew *crew;
	unsigned number;
	struct rota_loop *loop;
	struct rota_task *task;
	struct rota_post cancel;
	pthread_t thread;
	int result;
};

struct crew {
	unsigned size;
	struct rota_options options;              /* of each run */
	int (*start)(struct crew_member *member); /* may be NULL; member 0 first, then the others */
	int (*work)(struct crew_member *member);
	void (*finish)(struct crew_member *member); /* always, in its first task; may be NULL */
	void (*started)(struct crew *crew);         /* once, before the first work(); may be NULL */
	void *arg;

	/* private */
	struct crew_member *members;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned ready, gone;
	int error; /* the first */
	bool stopped;
};

enum { CREW_MAX = 256 };

/* The CPUs this process may use, from 1 to CREW_MAX. */
unsigned crew_default_size(void);

/* Run it.  0, or the first error; -ECANCELED when a signal ended it. */
int crew_run(struct crew *crew);

/* Cancel everybody's work.  Any thread. */
void crew_stop(struct crew *crew);

#endif
