/* signal.h - signals become callbacks on a loop
 *
 * One dispatcher for the process: the handler marks every watch of the signal and posts it to its
 * loop.  The same signal arriving twice before the callback ran is one callback. */
#ifndef ROTA_IO_SIGNAL_H
#define ROTA_IO_SIGNAL_H

#include <signal.h>

#include "loop/loop.h"

struct rota__signal_watch;
typedef void (*rota__signal_fn)(struct rota__signal_watch *watch, int signo);

struct rota__signal_watch { /* yours; it must live until a stop found or left nothing in flight */
	struct rota_post post;
	struct list link; /* in the process's list while started */
	struct rota_loop *loop;
	rota__signal_fn fn;
	uint64_t wanted;  /* bit signo - 1 */
	uint64_t arrived; /* set by the handler, taken by the loop */
	uint32_t posted;  /* 1 from the handler's post until the loop takes `arrived` */
	bool started;
	bool once; /* see rota__signal_watch_start_once() */
	void (*at_once)(struct rota__signal_watch *watch);
};

/* Call fn(watch, signo) on `loop` for each of the `count` signals from now on.  The loop's thread.
 * -EINVAL for what cannot be caught; nothing is started then.  Does not keep the loop alive. */
int rota__signal_watch_start(struct rota__signal_watch *watch, struct rota_loop *loop, rota__signal_fn fn,
	const int *signals, size_t count);

/* The same for one signal, whichever of them is first: from then on the watch wants no more, and the former actions come back in the
 * handler itself, so that the next signal has its effect even if the loop never comes to see the first.  `at_once`, if not NULL, is
 * called in the handler, on whatever thread that is; when the watch has been stopped it is not being called.  `loop` NULL: nothing
 * else happens, `fn` is not called, and any thread starts and stops the watch. */
int rota__signal_watch_start_once(struct rota__signal_watch *watch, struct rota_loop *loop, rota__signal_fn fn,
	void (*at_once)(struct rota__signal_watch *watch), const int *signals, size_t count);

/* No more callbacks; the signal's former action comes back with its last watch.  True: a post is still
 * on its way, and the watch must live until the loop has run its posts.  Harmless when stopped. */
bool rota__signal_watch_stop(struct rota__signal_watch *watch);

struct rota_handle;

/* A handle that has a watch is closed: its stop(). */
void rota__signal_handle_stop(struct rota_handle *handle, struct rota__signal_watch *watch);

#endif
