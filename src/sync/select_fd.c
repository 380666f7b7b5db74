/* select_fd.c - descriptors and streams as branches of a select
 *
 * A select polls on the loop of its task.  A stream may belong to another loop of the run: the task goes there to enter it, so that
 * it is not freed meanwhile and that its close is told, and again to leave it.
 *
 *	ENTERED --begin()--> POLLED --close--> the select ends with ROTA_ECLOSED
 *	   \--close--> CLOSED, which begin() sees
 *
 * An op lies in the arm and belongs to the poller until it completes: so end() waits for that. */
#include <poll.h>
#include <unistd.h>

#include "await/await.h"
#include "io/events.h"
#include "io/stream.h"
#include "sync/select.h"

enum { STREAM_ENTERED, STREAM_POLLED, STREAM_CLOSED };

/* ---- polling ---- */

static int events_of(const struct rota_branch *b)
{
	if (b->kind == ROTA__ON_FD)
		return (int)b->want;
	return b->kind == ROTA__ON_READABLE ? ROTA_READABLE : ROTA_WRITABLE;
}

static int fd_of(const struct rota_branch *b)
{
	return b->kind == ROTA__ON_FD ? b->fd : ((const struct rota_stream *)b->object)->fd;
}

static int told(const struct rota_branch *b, int64_t revents)
{
	int events = events_told(revents, events_of(b));

	return b->kind == ROTA__ON_FD ? events : 0;
}

static int poll_now(const struct rota_branch *b)
{
	struct pollfd p = { .fd = fd_of(b), .events = (short)events_asked(events_of(b)) };
	int n = poll(&p, 1, 0);

	if (n < 0)
		return rota_errno() == -EINTR ? -EAGAIN : rota_errno();
	if (n == 0)
		return -EAGAIN;
	return p.revents & POLLNVAL ? -EBADF : told(b, p.revents);
}

static void op_done(struct rota__op *op)
{
	struct rota__arm *arm = container_of(op, struct rota__arm, op);
	struct rota__select *s = arm->select;

	arm->done = true;
	if (arm->awaited || select_end(s, arm, op->result < 0 ? (int)op->result : told(arm->branch, op->result)))
		rota__wake(s->wait.task);
}

static bool begin_poll(struct rota__arm *arm)
{
	arm->done = arm->awaited = false;
	arm->op = (struct rota__op){
		.kind = OP_POLL,
		.state = OP_FREE,
		.done = op_done,
		.fd = fd_of(arm->branch),
		.poll.events = events_asked(events_of(arm->branch)),
	};
	rota__op_submit(arm->select->wait.task->worker->loop, &arm->op);
	return true;
}

static void quit_poll(struct rota__arm *arm)
{
	if (!arm->done)
		rota__op_cancel(arm->select->wait.task->worker->loop, &arm->op);
}

static void end_poll(struct rota__arm *arm)
{
	struct rota_task *task = arm->select->wait.task;
	struct rota__wait wait = { .task = task };

	if (!arm->done) {
		arm->awaited = true;
		rota__park(&wait);
	}
}

/* The descriptor is not this loop's: it will not know when the number gets another owner. */
static void forget(const struct rota__arm *arm)
{
	struct rota__poller *poller = arm->select->wait.task->worker->loop->poller;

	poller->engine->forget(poller, arm->op.fd);
}

/* ---- descriptors ---- */

static int look_fd(struct rota_branch *b)
{
	return events_asked(events_of(b)) == 0 ? -EINVAL : poll_now(b);
}

static void end_fd(struct rota__arm *arm)
{
	end_poll(arm);
	forget(arm);
}

const struct rota__selectable rota__select_fd = {
	.look = look_fd,
	.begin = begin_poll,
	.quit = quit_poll,
	.end = end_fd,
	.on_loop = true,
};

/* ---- streams ---- */

/* Who waits in its direction. */
static struct rota__wait **side_of(const struct rota_branch *b)
{
	struct rota_stream *stream = b->object;

	return b->kind == ROTA__ON_READABLE ? &stream->reader : &stream->writer;
}

/* On its loop. */
static int look_entered(struct rota_branch *b)
{
	const struct rota_stream *stream = b->object;

	if (stream->closed)
		return ROTA_ECLOSED;
	if (b->kind == ROTA__ON_READABLE && stream_has_bytes(stream))
		return 0;
	return *side_of(b) != NULL ? -EBUSY : poll_now(b);
}

static int look_stream(struct rota_branch *b)
{
	const struct rota_stream *stream = b->object;
	struct rota_task *task = rota__current();
	int rc = rota__pin_to_home(task, &stream->loop);

	if (rc < 0)
		return rc;
	rc = look_entered(b);
	rota__unpin(task);
	return rc;
}

static void stream_closed(struct rota__wait *wait, int reason)
{
	struct rota__arm *arm = container_of(wait, struct rota__arm, by_close);
	struct rota__select *s = arm->select;

	/* Pairs with the exchange in begin_stream(). */
	if (swap_acq_rel(&arm->stream_state, STREAM_CLOSED) == STREAM_POLLED && select_end(s, arm, reason))
		rota__wake(s->wait.task);
}

static int prepare_stream(struct rota__arm *arm)
{
	struct rota_stream *stream = arm->branch->object;
	struct rota_task *task = arm->select->wait.task;
	int rc;

	if (!rota__stream_enter(stream))
		return rota__stream_refused(stream);
	rc = look_entered(arm->branch);
	if (rc == -EAGAIN && arm->branch->kind == ROTA__ON_READABLE) {
		rota__stream_end_inflow(stream); /* or what comes would not be there for a poll to see */
		rc = look_entered(arm->branch);
	}
	if (rc != -EAGAIN)
		return (int)rota__stream_leave(stream, rc);
	arm->stream_state = STREAM_ENTERED;
	arm->done = true; /* there is no op yet */
	arm->op.fd = stream->fd;
	arm->by_close = (struct rota__wait){ .task = task, .cancel = stream_closed };
	*side_of(arm->branch) = &arm->by_close;
	rota__unpin(task); /* but it stays inside */
	return rc;
}

static void release_stream(struct rota__arm *arm)
{
	struct rota_stream *stream = arm->branch->object;
	struct rota_task *task = arm->select->wait.task;

	if (rota__pin_to(task, stream->loop) < 0)
		return; /* cannot be: it was there before */
	*side_of(arm->branch) = NULL;
	rota__stream_leave(stream, 0);
}

static bool begin_stream(struct rota__arm *arm)
{
	uint32_t entered = STREAM_ENTERED;

	if (cas_acq_rel(&arm->stream_state, &entered, STREAM_POLLED)) /* pairs with the exchange in stream_closed() */
		return begin_poll(arm);
	return !select_end(arm->select, arm, ROTA_ECLOSED); /* lost: there is nothing to end, as `done` says */
}

static void end_stream(struct rota__arm *arm)
{
	const struct rota_stream *stream = arm->branch->object;

	end_poll(arm);
	if (stream->loop != arm->select->wait.task->worker->loop)
		forget(arm);
}

const struct rota__selectable rota__select_stream = {
	.look = look_stream,
	.prepare = prepare_stream,
	.release = release_stream,
	.begin = begin_stream,
	.quit = quit_poll,
	.end = end_stream,
	.on_loop = true,
};
