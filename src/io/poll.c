/* poll.c - a callback for the readiness of any descriptor
 *
 * Level-triggered out of single polls: each callback is followed by the next poll, which completes at once if the descriptor is
 * as it was, in the next turn. */
#include <fcntl.h>

#include "io/events.h"
#include "io/handle.h"

ROOM_FOR_OP(rota_poll);

static void polled(struct rota__op *op);

static void arm(struct rota_poll *p)
{
	if (!handle_open(&p->handle) || p->events == 0 || p->handle.ops > 0)
		return;
	*OP_IN(p) = (struct rota__op){ .kind = OP_POLL, .fd = p->fd, .poll.events = events_asked(p->events) };
	rota__handle_submit(&p->handle, OP_IN(p), polled);
}

static void tell(struct rota_poll *p, int64_t result)
{
	int events = result < 0 ? (int)result : events_told(result, p->events);

	if (result < 0)
		p->events = 0;
	rota__handle_calls(&p->handle, (void (*)(void))p->on_events);
	if (events != 0)
		p->on_events(p, events);
}

static void polled(struct rota__op *op)
{
	struct rota_poll *p = container_of((uint64_t (*)[10])(void *)op, struct rota_poll, op);

	rota__handle_arrived(&p->handle);
	/* Cancelled: it was stopped, or started anew for other events. */
	if (handle_open(&p->handle) && p->events != 0 && op->result != -ECANCELED)
		tell(p, op->result);
	arm(p);
	rota__handle_left(&p->handle);
}

int rota_poll_open_at(struct rota_loop *loop, struct rota_poll *p, int fd, const char *site)
{
	ROTA_INSIDE();
	int rc;

	if (fcntl(fd, F_GETFD) < 0)
		return rota_errno();
	rc = rota__handle_open(&p->handle, loop, KIND_poll, site);
	if (rc < 0)
		return rc;
	p->fd = fd;
	p->events = 0;
	return 0;
}

static void interrupt(struct rota_poll *p)
{
	if (p->handle.ops > 0)
		rota__op_cancel(p->handle.loop, OP_IN(p));
}

int rota_poll_start(struct rota_poll *p, int events, void (*on_events)(struct rota_poll *poll, int events))
{
	ROTA_INSIDE();
	int rc = handle_ours(&p->handle);

	if (rc < 0)
		return rc;
	if (!events_known(events))
		return -EINVAL;
	if (events != p->events)
		interrupt(p);
	p->events = events;
	p->on_events = on_events;
	arm(p);
	return 0;
}

int rota_poll_stop(struct rota_poll *p)
{
	ROTA_INSIDE();
	int rc = handle_ours(&p->handle);

	if (rc < 0)
		return rc;
	p->events = 0;
	interrupt(p);
	return 0;
}

static void stop(struct rota_handle *h)
{
	interrupt(container_of(h, struct rota_poll, handle));
}

/* The number may be another's soon. */
static void release(struct rota_handle *h)
{
	h->loop->poller->engine->forget(h->loop->poller, container_of(h, struct rota_poll, handle)->fd);
}

const struct rota__handle_kind rota__kind_poll = {
	.name = "poll", .stop = stop, .release = release, .fd_at = offsetof(struct rota_poll, fd)
};
