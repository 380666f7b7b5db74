/* serve.h - accepting on every worker at once: what serve.c and doors.c share
 *
 * With ROTA_DEAL_OWN each worker has a socket of its own at the listener's address, a *door*, and a task that serves there as
 * rota_serve() does with one worker.  The doors open and shut with the call that serves: a listener on which somebody
 * accepts by himself is one socket, so that no connection waits where nobody looks. */
#ifndef ROTA_AWAIT_SERVE_H
#define ROTA_AWAIT_SERVE_H

#include "io/listener.h"
#include "task/team.h"

struct rota__door;

struct rota__doors {
	struct rota_scope scope; /* of the tasks at the doors */
	struct rota__door *door;
	unsigned count;
};

/* Open a door on each worker but the listener's own, and have them serve.  0 with no doors at all where that is not how
 * connections are dealt; or a negative errno, and nothing is open. */
int rota__doors_open(struct rota__doors *doors, struct rota_listener *listener,
	int (*serve)(struct rota_stream *stream, void *arg), void *arg);
/* They accept no more; connections go on. */
void rota__doors_shut(struct rota__doors *doors);
/* Wait for the end of all their connections. */
void rota__doors_close(struct rota__doors *doors);

/* As rota_serve_with(), on the running task's worker, which is the listener's, with this one socket. */
int rota__serve_door(
	struct rota_listener *listener, int (*serve)(struct rota_stream *stream, void *arg), void *arg);

/* As rota_listener_close(), on its loop's thread. */
void rota__listener_close_here(struct rota_listener *listener);

#endif
