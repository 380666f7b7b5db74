/* stream.c - a task is in a call on a byte stream: it comes, waits, leaves, and another one may close the stream meanwhile
 *
 * Reading is in stream_read.c, writing in stream_write.c.  Every public call is between rota__stream_enter() and
 * rota__stream_leave(), so that a stream which another task closes meanwhile lives until the last call in it has returned. */
#include <poll.h>
#include <sys/socket.h>

#include "await/await.h"
#include "await/move.h"
#include "io/socket.h"
#include "io/stream.h"

/* ---- entering and leaving ---- */

bool rota__stream_enter(struct rota_stream *s)
{
	struct rota_task *task = rota__current();

	if (task == NULL || rota__pin_to_home(task, &s->loop) < 0)
		return false;
	if (s->closed) {
		rota__unpin(task);
		return false;
	}
	s->users++;
	return true;
}

int rota__stream_refused(const struct rota_stream *s)
{
	return s->closed ? ROTA_ECLOSED : -EPERM;
}

ssize_t rota__stream_leave(struct rota_stream *s, ssize_t n)
{
	if (--s->users == 0 && s->closed)
		rota__stream_free(s);
	rota__unpin(rota__current());
	return n;
}

static void close_here(struct rota_stream *s)
{
	if (s->closed)
		return;
	s->closed = true;
	if (s->users == 0) {
		rota__stream_free(s);
		return;
	}
	rota__cut_short(s->reader, ROTA_ECLOSED);
	rota__cut_short(s->writer, ROTA_ECLOSED);
}

/* From a task that is on another worker than the stream, it goes there; a callback is on the stream's loop. */
void rota_close(struct rota_stream *s)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	bool pinned;

	if (s == NULL)
		return;
	pinned = task != NULL && rota__pin_to_home(task, &s->loop) == 0;
	close_here(s);
	if (pinned)
		rota__unpin(task);
}

int rota_close_with_reset(struct rota_stream *s)
{
	ROTA_INSIDE();
	int rc = rota__socket_linger_not(s->fd);

	if (rc == 0)
		rota_close(s);
	return rc;
}

/* ---- waiting ---- */

/* Note the wait, for close() to find.  0 or an error. */
static int take_side(const struct rota_stream *s, struct rota__wait **side, struct rota__wait *wait)
{
	if (s->closed)
		return ROTA_ECLOSED;
	if (*side != NULL)
		return -EBUSY;
	*side = wait;
	return 0;
}

static int64_t wait_once(struct rota_stream *s, struct rota__wait **side, struct rota__op_wait *w,
	uint64_t deadline_ns)
{
	int64_t n = take_side(s, side, &w->wait);

	if (n < 0)
		return n;
	w->op.fd = s->fd;
	n = rota__await(w, deadline_ns);
	*side = NULL;
	return n;
}

/* The same for a reader that is told, or would be, that the stream should be elsewhere.  (A writer stays: bytes may be coming
 * unasked.) */
static __attribute__((noinline)) int64_t wait_elsewhere(struct rota_stream *s, struct rota__wait **side,
	struct rota__op_wait *w, uint64_t deadline_ns, uint8_t flags)
{
	int64_t n;

	do {
		if (s->by_server)
			return ROTA__ELSEWHERE;
		rota__connection_move(s);
		w->op.flags = flags;
		n = wait_once(s, side, w, deadline_ns);
	} while (n == ROTA__ELSEWHERE);
	return n;
}

int64_t rota__stream_wait(struct rota_stream *s, struct rota__wait **side, struct rota__op_wait *w,
	uint64_t deadline_ns)
{
	uint8_t flags = w->op.flags;
	int64_t n;

	if (__builtin_expect(s->loop->retired, 0) && side == &s->reader)
		return wait_elsewhere(s, side, w, deadline_ns, flags);
	n = wait_once(s, side, w, deadline_ns);
	return __builtin_expect(n == ROTA__ELSEWHERE, 0) ? wait_elsewhere(s, side, w, deadline_ns, flags) : n;
}

/* ---- waiting for what comes unasked ---- */

static int wait_inflow_once(struct rota_stream *s)
{
	struct rota__op_wait w;
	int rc = take_side(s, &s->reader, &w.wait);

	if (rc < 0)
		return rc;
	rc = rota__await_inflow(&w, s->inflow, s->read_deadline_ns);
	s->reader = NULL;
	return rc;
}

static void has_changed(void *task)
{
	rota__wake(task);
}

void rota__stream_end_inflow(struct rota_stream *s)
{
	struct rota_task *task = rota__current();
	struct rota__wait wait = { .task = task, .what = "a receive to end", .fd = s->fd };
	struct rota__inflow *in = s->inflow;

	if (in == NULL || !in->armed)
		return;
	s->reader = &wait;
	rota__inflow_stop(in);
	while (in->armed) {
		in->told = has_changed;
		in->whom = task;
		rota__park(&wait);
	}
	s->reader = NULL;
}

/* 0: look at it; ROTA__ELSEWHERE: the stream should be elsewhere, and nothing comes here any more. */
static __attribute__((noinline)) int leave_inflow(struct rota_stream *s)
{
	rota__stream_end_inflow(s);
	if (inflow_has(s->inflow) || s->inflow->error != 0)
		return 0; /* it stays until it is told again */
	if (s->by_server)
		return ROTA__ELSEWHERE;
	rota__connection_move(s);
	return 0;
}

static int wait_inflow(struct rota_stream *s)
{
	int rc = __builtin_expect(s->loop->retired, 0) ? ROTA__ELSEWHERE : wait_inflow_once(s);

	return __builtin_expect(rc == ROTA__ELSEWHERE, 0) ? leave_inflow(s) : rc;
}

int rota__stream_await_inflow(struct rota_stream *s)
{
	const struct rota__inflow *in = s->inflow;
	int rc = 0;

	if (in == NULL)
		return 0;
	if (inflow_has(in)) {
		rota__coop(rota__here());
		rc = rota__task_cancelled(rota__current());
	}
	while (rc == 0 && inflow_is_quiet(in))
		rc = wait_inflow(s);
	return rc < 0 ? rc : inflow_has(in) ? 1 : in->error;
}

int rota__stream_wait_ready(struct rota_stream *s, struct rota__wait **side, uint32_t events, uint64_t deadline_ns)
{
	struct rota__op_wait w = { .op = { .kind = OP_POLL, .poll.events = events } };
	int64_t n = rota__stream_wait(s, side, &w, deadline_ns);

	return n < 0 ? (int)n : 0;
}

int rota_wait_readable(struct rota_stream *s)
{
	ROTA_INSIDE();
	int rc;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (s->ahead.start < s->ahead.end) {
		rota__coop(rota__here());
		return (int)rota__stream_leave(s, 0);
	}
	rc = rota__stream_await_inflow(s);
	if (rc == 0)
		rc = rota__stream_wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns);
	return (int)rota__stream_leave(s, rc < 0 ? rc : 0);
}

int rota_wait_writable(struct rota_stream *s)
{
	ROTA_INSIDE();

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	return (int)rota__stream_leave(s, rota__stream_wait_ready(s, &s->writer, POLLOUT, s->write_deadline_ns));
}

int rota_shutdown_write(struct rota_stream *s)
{
	ROTA_INSIDE();

	if (s->closed)
		return ROTA_ECLOSED;
	if (!s->socket)
		return -ENOTSOCK;
	return shutdown(s->fd, SHUT_WR) < 0 ? rota_errno() : 0;
}
