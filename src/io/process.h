/* process.h - a child process on a loop
 *
 *   RUNNING --its pidfd is readable, or SIGCHLD--> ENDED: reaped, `exit` is set, on_exit and waiters are told
 *
 *   closed while RUNNING: SIGKILL; ENDED frees it.  A detached one: its pid goes to the orphans and the
 *   op on the pidfd is cancelled, whose completion frees it.
 *
 * `lock` guards state, exit, on_exit and waiters: who waits may be on another thread than the loop. */
#ifndef ROTA_IO_PROCESS_H
#define ROTA_IO_PROCESS_H

#include <rota/process.h>

#include "base/list.h"
#include "io/children.h"
#include "loop/alive.h"
#include "loop/loop.h"

enum rota__process_state { PROCESS_RUNNING, PROCESS_ENDED };

struct rota__process_waiter {
	struct list link; /* alone once it was told */
	/* Under the lock: it has ended (0) or was closed (ROTA_ECLOSED).  Must not touch the process. */
	void (*fn)(struct rota__process_waiter *waiter, int code);
};

struct rota_process {
	struct rota_loop *loop;
	struct list link; /* in the loop's list, while it runs */
	const char *site;
	struct rota__op op; /* on the pidfd */
	struct list child;  /* without pidfds: in the loop's list of children */
	pthread_mutex_t lock;
	struct list waiters;
	pid_t pid;
	int pidfd; /* -1: the system has none */
	uint8_t state;
	bool given_up, closed, detached; /* given up: under the lock; closed: the loop knows of it */
	bool unref; /* while it runs it does not count in loop->alive */
	struct rota_exit exit;
	rota_exit_fn on_exit;
	void *arg;
	struct rota_stream *stdio[3]; /* our ends */
	struct rota_post leave;	      /* a close that happens on another thread */
	struct rota__orphan *orphan;  /* of a detached one, for after the close */
	struct rota__timer retry;     /* the op could not be had: look now and then */
	bool retrying;
};

/* Close those that are not closed: of a loop that goes. */
void rota__processes_close(struct rota_loop *loop);

void rota__processes_list(struct rota_loop *loop, rota_alive_fn fn, void *arg);

/* Take note if it has ended, tell who waits, and answer true: the process may be gone then.  The loop's thread. */
bool rota__process_look(struct rota_process *process);

#endif
