/* poll.h - any descriptor that can be polled, with callbacks or from a task: for what has a library of its own
 *
 * The descriptor stays its owner's: it is neither closed nor made non-blocking here.  It is to stay open until the handle's
 * on_close, or the wait's end. */
#ifndef ROTA_POLL_H
#define ROTA_POLL_H

#include <rota/base.h>
#include <rota/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	ROTA_READABLE = 1, /* a read would not wait: bytes, a connection, the end, an error */
	ROTA_WRITABLE = 2,
	ROTA_HANGUP = 4, /* the peer has closed, or will write no more; told whether asked for or not */
	ROTA_URGENT = 8, /* out-of-band data, and what else poll(2) calls POLLPRI */
};

struct rota_poll { /* zero it before the first use */
	struct rota_handle handle;
	uint64_t op[10]; /* private from here on */
	void (*on_events)(struct rota_poll *poll, int events);
	int fd, events;
};

/* Make a handle for `fd`, which is kept, not taken.  -EBADF. */
#define rota_poll_open(loop, poll, fd) rota_poll_open_at((loop), (poll), (fd), ROTA_HERE)
ROTA_API int rota_poll_open_at(struct rota_loop *loop, struct rota_poll *poll, int fd, const char *site);

/* Call on_events(poll, those that are the case) in each turn in which one of `events` is the case (level-triggered), until
 * it is stopped.  A negative code is an error, and has stopped it.  Starting again changes what is asked for.  A regular
 * file is always readable and writable.  -EINVAL: no events, or one that does not exist. */
ROTA_API int rota_poll_start(
	struct rota_poll *poll, int events, void (*on_events)(struct rota_poll *poll, int events));
ROTA_API int rota_poll_stop(struct rota_poll *poll);

/* A task waits until one of `events` is the case, or `deadline_ns`: those that are; or -ECANCELED, -ETIMEDOUT, -EBADF. */
ROTA_API int rota_wait_fd(int fd, int events, uint64_t deadline_ns);

#ifdef __cplusplus
}
#endif
#endif
