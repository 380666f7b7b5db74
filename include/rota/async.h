/* async.h - other threads, and signal handlers, call a loop */
#ifndef ROTA_ASYNC_H
#define ROTA_ASYNC_H

#include <rota/base.h>
#include <rota/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_async { /* zero it before the first use */
	struct rota_handle handle;
	struct rota_post post; /* private from here on */
	void (*fn)(struct rota_async *async);
	uint32_t posted, senders, closed;
};

/* From now on rota_async_send() makes fn(async) run on the loop.  An open one keeps the loop alive. */
#define rota_async_open(loop, async, fn) rota_async_open_at((loop), (async), (fn), ROTA_HERE)
ROTA_API int rota_async_open_at(
	struct rota_loop *loop, struct rota_async *async, void (*fn)(struct rota_async *async), const char *site);

/* Make fn(async) run soon: once for all sends that come before it begins, at least once after each.  Any thread, and
 * async-signal-safe; never waits, never fails.  A send beside the close has no effect; none may be under way at on_close.
 * To hand something over with each call see rota_post(). */
ROTA_API void rota_async_send(struct rota_async *async);

#ifdef __cplusplus
}
#endif
#endif
