/* async.c - wake-ups from other threads, merged
 *
 *   QUIET --send: posts--> POSTED --loop: fn()--> QUIET        further sends find POSTED and do nothing
 *
 * Who closes it waits for senders that are inside (some instructions each), so that no post can be made afterwards; one that was
 * made already is counted as pending. */
#include <sched.h>

#include "base/atomic.h"
#include "io/handle.h"
#include <rota/async.h>

static void delivered(struct rota_post *post)
{
	struct rota_async *a = container_of(post, struct rota_async, post);

	if (handle_open(&a->handle)) {
		rota__handle_calls(&a->handle, (void (*)(void))a->fn);
		store_seq(&a->posted, 0); /* before fn: what comes now is posted anew */
		a->fn(a);
		return;
	}
	rota__handle_ran(&a->handle);
	rota__handle_left(&a->handle);
}

int rota_async_open_at(
	struct rota_loop *loop, struct rota_async *a, void (*fn)(struct rota_async *async), const char *site)
{
	ROTA_INSIDE();
	int rc = rota__handle_open(&a->handle, loop, KIND_async, site);

	if (rc < 0)
		return rc;
	a->post.fn = delivered;
	a->fn = fn;
	a->senders = a->posted = 0;
	store_seq(&a->closed, 0);
	rota__handle_hold(&a->handle, true);
	return 0;
}

/* From outside: it looks at no thread's loop, and who comes in may go on on another thread, which no signal handler can. */
void rota_async_send(struct rota_async *a)
{
	add_seq(&a->senders, 1); /* before the look at `closed`; pairs with stop() */
	if (!load_seq(&a->closed) && !swap_seq(&a->posted, 1))
		rota_post(a->handle.loop, &a->post);
	add_seq(&a->senders, (uint32_t)-1);
}

static void stop(struct rota_handle *h)
{
	struct rota_async *a = container_of(h, struct rota_async, handle);

	store_seq(&a->closed, 1);
	while (load_seq(&a->senders) != 0)
		sched_yield();
	if (load_seq(&a->posted))
		h->pending++;
}

const struct rota__handle_kind rota__kind_async = { .name = "async", .stop = stop };
