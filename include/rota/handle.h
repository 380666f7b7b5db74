/* handle.h - what everything that a loop can watch has in common
 *
 * A handle is memory of yours that a loop looks at: a connection, a listening socket, a watched folder ...
 * It is the first member of those, so that what is said here goes for each of them.
 *
 *   zeroed --open, start--> OPEN --rota_handle_close()--> CLOSING --on_close()--> zeroed again
 *
 * The memory stays the loop's until on_close, which runs in the closing phase, after the last of the handle's other
 * callbacks and never inside the call of rota_handle_close().  A call on a handle that is not open answers ROTA_ECLOSED;
 * opening one that is open answers -EBUSY.  A debug build names the handle whose memory was used for something else
 * before it was closed, and ends the program; so it does for timers, watchers and requests.
 *
 * All calls belong to the loop's thread and do not wait, unless a comment says otherwise.  On another thread those of all kinds that open,
 * start, stop, write, close ... answer -EPERM and do nothing; those that have no answer end the program and say which call it was.  rota_post()
 * and rota_async_send() are for other threads. */
#ifndef ROTA_HANDLE_H
#define ROTA_HANDLE_H

#include <rota/base.h>
#include <rota/loop.h>
#include <rota/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_handle { /* zero it before the first use */
	struct rota_loop *loop; /* to be read while it is open */
	void *data;		/* yours */
	struct rota_handle *next, *prev; /* private from here on */
	const char *site;
	void (*on_close)(struct rota_handle *handle);
	void *node[2];
	uint8_t kind, state, flags, ops;
	uint32_t pending;
};

/* Close it: pending reads, writes and the like end with -ECANCELED, then on_close(handle) is called, once, and the memory is
 * yours.  `on_close` may be NULL; the handle must live until then all the same.  ROTA_ECLOSED: it is closed or being
 * closed already, -EPERM: its loop is another thread's; then nothing happens. */
ROTA_API int rota_handle_close(struct rota_handle *handle, void (*on_close)(struct rota_handle *handle));

/* An open handle that waits for something keeps its loop alive, unless it is unreferenced.  Both may be called any number
 * of times.  Closing one references it. */
ROTA_API void rota_handle_ref(struct rota_handle *handle);
ROTA_API void rota_handle_unref(struct rota_handle *handle);
ROTA_API bool rota_handle_has_ref(const struct rota_handle *handle);

/* It is open; it waits for something; it is being closed. */
ROTA_API bool rota_handle_is_open(const struct rota_handle *handle);
ROTA_API bool rota_handle_is_active(const struct rota_handle *handle);
ROTA_API bool rota_handle_is_closing(const struct rota_handle *handle);

/* "conn", "acceptor", "watch" ..., "none" for one that is not open; and where it was opened: "chat.c:12".  Never NULL; constant. */
ROTA_API const char *rota_handle_kind(const struct rota_handle *handle);
ROTA_API const char *rota_handle_site(const struct rota_handle *handle);

/* Call fn(handle, arg) for each handle of the loop that is not closed, in the order of opening.  To see what keeps a loop
 * alive: those that are active and have a reference.  fn may close the handle it is shown. */
ROTA_API void rota_loop_each_handle(
	struct rota_loop *loop, void (*fn)(struct rota_handle *handle, void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
