/* signal.h - signals, for tasks that wait and as callbacks
 *
 *	struct rota_signals *signals;
 *
 *	rota_signals_open(&signals, (const int[]){ SIGHUP, SIGCHLD }, 2);
 *	while ((signo = rota_signals_wait(signals)) > 0)
 *		...
 *	rota_signals_close(signals);
 *
 * From open to close the signals do not have their usual effect, in the whole process.  Each open set
 * gets each of its signals, in every run of every thread.  A signal that arrives again before it was
 * waited for is told once, as the system itself does: SIGCHLD says "look", not how often.
 *
 * rota_run() takes the first SIGINT or SIGTERM as a request to end.  A program that opens those itself
 * gets both, unless options.keep_signals turns the run's own off. */
#ifndef ROTA_SIGNAL_H
#define ROTA_SIGNAL_H

#include <rota/base.h>
#include <rota/handle.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_signals;

/* Catch `count` signals from now on.  Does not wait.  -EINVAL: one cannot be caught (SIGKILL, SIGSTOP,
 * faults such as SIGSEGV, no signal at all); -EPERM: this thread runs no loop, neither of a run nor another; -ENOMEM; nothing is
 * caught then.  The set belongs to that loop. */
ROTA_API int rota_signals_open(struct rota_signals **ret_signals, const int *signals, size_t count);

/* The number of the next one, those that wait already in the order of their numbers.  Or -ECANCELED,
 * -ETIMEDOUT; ROTA_ECLOSED; -EBUSY: another task waits in this set; -EPERM outside of tasks. */
ROTA_API int rota_signals_wait(struct rota_signals *signals);

/* Give them their former effect, unless another set has them too, and free the set.  A task that waits in
 * it gets ROTA_ECLOSED.  NULL is allowed.  Does not wait. */
ROTA_API void rota_signals_close(struct rota_signals *signals);

/* ---- callbacks ---- */

struct rota_signal { /* zero it before the first use */
	struct rota_handle handle;
	uint64_t watch[10]; /* private from here on */
	void (*fn)(struct rota_signal *signal, int signo);
};

/* Call fn(signal, signo) on the loop for each signal `signo`, until the handle is closed; otherwise as above.  -EINVAL for one
 * that cannot be caught.  Keeps the loop alive. */
#define rota_signal_open(loop, signal, signo, fn) rota_signal_open_at((loop), (signal), (signo), (fn), ROTA_HERE)
ROTA_API int rota_signal_open_at(struct rota_loop *loop, struct rota_signal *signal, int signo,
	void (*fn)(struct rota_signal *signal, int signo), const char *site);

#ifdef __cplusplus
}
#endif
#endif
