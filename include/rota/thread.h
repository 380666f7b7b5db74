/* thread.h - a run on a thread of its own, and messages to and from it
 *
 *	static int worker(struct rota_port *port, void *arg)
 *	{
 *		struct rota_message m;
 *
 *		while (rota_port_recv(port, &m) == 0) {
 *			rota_port_send(port, m.data, m.bytes);
 *			rota_message_free(&m);
 *		}
 *		return 0;
 *	}
 *
 * worker() is the first task of a run with a loop, tasks and all, which shares nothing with ours but what they send
 * each other.  The two ends of the pair of ports are the same: messages of one sender arrive in order, and those on the way
 * are still received after a close. */
#ifndef ROTA_THREAD_H
#define ROTA_THREAD_H

#include <rota/base.h>
#include <rota/run.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_thread;
struct rota_port;

typedef int (*rota_thread_fn)(struct rota_port *port, void *arg);

/* ---- threads ---- */

/* Start a thread that calls fn(port, arg) as the first task of a run with `options` (copied; NULL is all defaults; SIGINT
 * and SIGTERM stay with us).  Does not wait.  -EAGAIN, -ENOMEM.  Any thread. */
ROTA_API int rota_thread_start(
	struct rota_thread **ret_thread, rota_thread_fn fn, void *arg, const struct rota_options *options);

/* Our end of the pair of ports; it lives as long as the thread's handle. */
ROTA_API struct rota_port *rota_thread_port(struct rota_thread *thread);

/* Wait until its run is over: 0, and fn's answer, or why the run could not start, in *ret_result (may be NULL).  As
 * often as one likes.  -ECANCELED, -ETIMEDOUT: the wait was cut short, the thread goes on. */
ROTA_API int rota_thread_join(struct rota_thread *thread, int *ret_result);

/* Cancel what it does: every wait in it answers -ECANCELED from now on.  Any thread; harmless when it is over. */
ROTA_API void rota_thread_stop(struct rota_thread *thread);

/* Give the handle back, and messages that nobody received.  -EBUSY, and nothing happens, until the run is over.  NULL
 * is allowed. */
ROTA_API int rota_thread_free(struct rota_thread *thread);

/* ---- ports ---- */

struct rota_message {
	void *data;
	size_t bytes;
	void (*destroy)(void *data); /* what rota_message_free() calls; may be NULL */
};

/* Send a copy of the bytes.  Never waits.  ROTA_ECLOSED: one of the two ends is closed, or the peer's run is over; -ENOMEM. */
ROTA_API int rota_port_send(struct rota_port *port, const void *data, size_t bytes);

/* Send what `data` points to itself: whoever receives it owns it.  As long as nobody has, and on the way to nowhere,
 * destroy(data) is called in the end.  On an error it is still the caller's. */
ROTA_API int rota_port_give(struct rota_port *port, void *data, size_t bytes, void (*destroy)(void *data));

/* Wait for the next message, which is then ours: rota_message_free().  ROTA_ECLOSED: an end is closed or the peer's run
 * is over, and everything was received; -ECANCELED, -ETIMEDOUT. */
ROTA_API int rota_port_recv(struct rota_port *port, struct rota_message *ret_message);

/* The same without waiting: -EAGAIN for none. */
ROTA_API int rota_port_try_recv(struct rota_port *port, struct rota_message *ret_message);

/* No more messages in either direction; those on the way can be received.  Both ends notice. */
ROTA_API void rota_port_close(struct rota_port *port);

/* Done with a message. */
ROTA_API void rota_message_free(struct rota_message *message);

#ifdef __cplusplus
}
#endif
#endif
