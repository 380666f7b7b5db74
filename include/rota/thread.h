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
 * are still received after a close.
 *
 * Or with callbacks, on either side:
 *
 *	static void on_message(struct rota_port_watch *watch, struct rota_message *message)
 *	{
 *		if (message == NULL) {
 *			rota_handle_close(&watch->handle, NULL);
 *			return;
 *		}
 *		rota_port_send(watch->port, message->data, message->bytes);
 *		rota_message_free(message);
 *	}
 *
 * A worker() that has opened a watch may return: its run goes on as long as its loop is kept alive. */
#ifndef ROTA_THREAD_H
#define ROTA_THREAD_H

#include <rota/base.h>
#include <rota/handle.h>
#include <rota/request.h>
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

/* Our end of the pair of ports; it lives as long as the thread's handle.  Any thread. */
ROTA_API struct rota_port *rota_thread_port(struct rota_thread *thread);

/* Wait until its run is over: 0, and fn's answer, or why the run could not start, in *ret_result (may be NULL).  As
 * often as one likes, by as many tasks.  -ECANCELED, -ETIMEDOUT: the wait was cut short, the thread goes on; -EPERM outside of tasks. */
ROTA_API int rota_thread_join(struct rota_thread *thread, int *ret_result);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_thread_join_until(struct rota_thread *thread, int *ret_result, uint64_t deadline_ns);

/* The same with a callback: fn(request, 0), and then *ret_result (may be NULL) is there.  See rota/request.h; `loop` may be NULL.
 * The thread may be freed in fn.  -EPERM. */
#define rota_request_thread_join(loop, request, thread, ret_result, fn) \
	rota_request_thread_join_at((loop), (request), (thread), (ret_result), (fn), ROTA_HERE)
ROTA_API int rota_request_thread_join_at(struct rota_loop *loop, struct rota_request *request,
	struct rota_thread *thread, int *ret_result, rota_request_fn fn, const char *site);

/* Cancel what it does: every wait in it answers -ECANCELED from now on, and who watches its port there is told the end.  Any thread;
 * harmless when it is over. */
ROTA_API void rota_thread_stop(struct rota_thread *thread);

/* Give the handle back, and messages that nobody received.  -EBUSY, and nothing happens, until the run is over, while our port is
 * watched, and while a request waits for the end.  NULL is allowed.  Any thread, while no other uses the handle or our port; waits only for a
 * thread that has nothing left to do. */
ROTA_API int rota_thread_free(struct rota_thread *thread);

/* ---- ports ---- */

struct rota_message {
	void *data;
	size_t bytes;
	void (*destroy)(void *data); /* what rota_message_free() calls; may be NULL */
};

/* Send a copy of the bytes.  Never waits.  Any thread, any number at a time.  ROTA_ECLOSED: one of the two ends is closed, or the peer's run is over; -ENOMEM. */
ROTA_API int rota_port_send(struct rota_port *port, const void *data, size_t bytes);

/* Send what `data` points to itself: whoever receives it owns it.  As long as nobody has, and on the way to nowhere,
 * destroy(data) is called in the end, on the thread that finds that out; NULL: nothing is.  On an error it is still the caller's.  Never waits.
 * Any thread. */
ROTA_API int rota_port_give(struct rota_port *port, void *data, size_t bytes, void (*destroy)(void *data));

/* Wait for the next message, which is then ours: rota_message_free().  ROTA_ECLOSED: an end is closed or the peer's run
 * is over, and everything was received; -ECANCELED, -ETIMEDOUT; -EPERM outside of tasks.  Any task of any thread, several at a time: each
 * message is one's. */
ROTA_API int rota_port_recv(struct rota_port *port, struct rota_message *ret_message);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_port_recv_until(struct rota_port *port, struct rota_message *ret_message, uint64_t deadline_ns);

/* The same without waiting: -EAGAIN for none.  Any thread. */
ROTA_API int rota_port_try_recv(struct rota_port *port, struct rota_message *ret_message);

/* No more messages in either direction; those on the way can be received.  Both ends notice.  Any thread; as often as one likes.  Does not wait. */
ROTA_API void rota_port_close(struct rota_port *port);

/* Done with a message: its destroy() is called, if it has one.  Any thread; once for each message received (and harmless then). */
ROTA_API void rota_message_free(struct rota_message *message);

/* ---- callbacks ---- */

struct rota_port_watch { /* zero it before the first use */
	struct rota_handle handle;
	struct rota_port *port; /* to be read while it is open */
	struct rota_post post;	/* private from here on */
	void (*on_message)(struct rota_port_watch *watch, struct rota_message *message);
	bool started, posted;
};

/* Watch a port from `loop`, which is this thread's, as all three calls here are: one watch at a time, -EBUSY.  Nothing is told before
 * rota_port_watch_start().  Does not wait. */
#define rota_port_watch_open(loop, watch, port) rota_port_watch_open_at((loop), (watch), (port), ROTA_HERE)
ROTA_API int rota_port_watch_open_at(
	struct rota_loop *loop, struct rota_port_watch *watch, struct rota_port *port, const char *site);

/* Call on_message(watch, message) for each message, in order; what is in *message is the callback's: rota_message_free(), or it is kept
 * elsewhere.  At last on_message(watch, NULL), once: what makes rota_port_recv() answer ROTA_ECLOSED, or, in the thread, a
 * rota_thread_stop().  Until then a started watch keeps the loop alive, unless it is unreferenced.  Messages that wait when the watch is
 * stopped or closed stay, for the next start, the next watch, or rota_port_recv().  0; -EALREADY, ROTA_ECLOSED. */
ROTA_API int rota_port_watch_start(struct rota_port_watch *watch,
	void (*on_message)(struct rota_port_watch *watch, struct rota_message *message));

/* No more on_message, from now on.  Harmless when stopped.  ROTA_ECLOSED. */
ROTA_API int rota_port_watch_stop(struct rota_port_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
