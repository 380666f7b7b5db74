/* conn_write.c - the write queue of a callback connection
 *
 * A write is tried in the call that makes it, if none waits before it; what the system does not take waits in the queue, whose
 * first has an op that waits for the descriptor.  The callback is always put off to the pending phase.
 *
 *   rota_conn_write() --all taken, or an error--> DONE --pending phase--> fn()
 *        \--in part--> QUEUED --it is first: op--> WAITING --writable--> tried again
 *                        \--close--> DONE (-ECANCELED), in order */
#include <poll.h>
#include <sys/socket.h>

#include "io/conn.h"
#include "io/rights.h"
#include "os/sigpipe.h"

/* Pieces for one system call; more are written by the next. */
enum { PIECES = 64 };

enum { WRITE_END = 1 }; /* write->bits: it is no bytes but the end of them */

ROOM_FOR_OP(rota_write);

static struct rota_write *write_of(struct rota__op *op)
{
	return container_of((uint64_t (*)[10])(void *)op, struct rota_write, op);
}

/* ---- the system call ---- */

/* What is left of the pieces, up to PIECES of them. */
static int pieces_left(const struct rota_write *w, struct iovec *ret_pieces)
{
	size_t skip = w->done_bytes;
	int count = 0;

	for (int i = 0; i < w->count && count < PIECES; i++) {
		size_t size = w->iov[i].iov_len;

		if (skip >= size) {
			skip -= size;
			continue;
		}
		ret_pieces[count++] = (struct iovec){ (char *)w->iov[i].iov_base + skip, size - skip };
		skip = 0;
	}
	return count;
}

static ssize_t send_message(int fd, const struct msghdr *msg)
{
	ssize_t n = sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? rota_errno() : n;
}

static ssize_t send_pieces(const struct rota_conn *c, struct iovec *pieces, int count)
{
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t n;

	do {
		if (c->bits & CONN_SOCKET) {
			n = send_message(c->fd, &msg);
		} else {
			n = rota__writev_quietly(c->fd, pieces, count);
		}
	} while (n == -EINTR);
	return n;
}

/* The first bytes of a write that has descriptors to go with them. */
static ssize_t send_with_fds(const struct rota_conn *c, struct rota_write *w)
{
	union rota__rights control;
	struct msghdr msg = { .msg_iov = &w->one, .msg_iovlen = 1 };
	ssize_t n;

	rota__rights_pack(&msg, &control, w->fds, w->fd_count);
	do
		n = send_message(c->fd, &msg);
	while (n == -EINTR);
	if (n > 0)
		w->fd_count = 0;
	return n;
}

/* 0: all of it is written; -EAGAIN: not yet; or what went wrong. */
static int attempt(struct rota_conn *c, struct rota_write *w)
{
	struct iovec pieces[PIECES];

	if (w->bits & WRITE_END)
		return shutdown(c->fd, SHUT_WR) < 0 ? rota_errno() : 0;
	while (w->done_bytes < w->size_bytes) {
		ssize_t n = w->fd_count > 0 ? send_with_fds(c, w) : send_pieces(c, pieces, pieces_left(w, pieces));

		if (n < 0)
			return (int)n;
		w->done_bytes += (size_t)n;
		c->queued_bytes -= (size_t)n;
	}
	return 0;
}

/* ---- the queue ---- */

static void tell_drained(struct rota_conn *c)
{
	if (!(c->bits & CONN_HIGH) || c->queued_bytes > c->low_bytes || !handle_open(&c->handle))
		return;
	c->bits &= ~(uint32_t)CONN_HIGH;
	if (c->on_drain != NULL)
		c->on_drain(c);
}

static void written(struct rota__node *node)
{
	struct rota__op *op = container_of(node, struct rota__op, node);
	struct rota_write *w = write_of(op);
	struct rota_conn *c = w->conn;

	rota__handle_ran(&c->handle);
	rota__handle_calls(&c->handle, (void (*)(void))w->fn);
	if (w->fn != NULL)
		w->fn(w, (int)op->result);
	tell_drained(c);
	rota__handle_left(&c->handle);
}

static void finish_first(struct rota_conn *c, int rc)
{
	struct rota_write *w = c->first;

	c->first = w->next;
	c->queued_bytes -= w->size_bytes - w->done_bytes;
	OP_IN(w)->result = rc;
	rota__handle_defer(&c->handle, &OP_IN(w)->node, written);
}

static void finish_all(struct rota_conn *c, int rc)
{
	while (c->first != NULL)
		finish_first(c, rc);
}

static void writable(struct rota__op *op)
{
	struct rota_conn *c = write_of(op)->conn;

	rota__handle_arrived(&c->handle);
	c->bits &= ~(uint32_t)CONN_SENDING;
	if (!handle_open(&c->handle)) {
		finish_all(c, -ECANCELED);
		rota__handle_left(&c->handle);
		return;
	}
	if (op->result < 0)
		finish_first(c, (int)op->result);
	rota__conn_writes_go_on(c);
}

void rota__conn_writes_go_on(struct rota_conn *c)
{
	while (c->first != NULL && !(c->bits & (CONN_SENDING | CONN_CONNECTING))) {
		struct rota_write *w = c->first;
		int rc = attempt(c, w);

		if (rc != -EAGAIN) {
			finish_first(c, rc);
			continue;
		}
		c->bits |= CONN_SENDING;
		*OP_IN(w) = (struct rota__op){ .kind = OP_POLL, .fd = c->fd, .poll.events = POLLOUT };
		rota__handle_submit(&c->handle, OP_IN(w), writable);
	}
}

void rota__conn_writes_stop(struct rota_conn *c)
{
	if (c->bits & CONN_SENDING)
		rota__op_cancel(c->handle.loop, OP_IN(c->first));
	else
		finish_all(c, -ECANCELED);
}

/* w's bytes are set. */
static int enqueue(struct rota_conn *c, struct rota_write *w, void (*fn)(struct rota_write *write, int rc))
{
	w->conn = c;
	w->fn = fn;
	w->next = NULL;
	w->done_bytes = 0;
	*OP_IN(w) = (struct rota__op){ 0 };
	c->queued_bytes += w->size_bytes;
	if (c->first == NULL)
		c->first = w;
	else
		c->last->next = w;
	c->last = w;
	if (c->first == w)
		rota__conn_writes_go_on(c);
	if (c->high_bytes == 0 || c->queued_bytes < c->high_bytes)
		return 0;
	c->bits |= CONN_HIGH;
	return 1;
}

/* ---- the calls ---- */

static int may_write(const struct rota_conn *c)
{
	int rc = handle_ours(&c->handle);

	return rc < 0 ? rc : c->bits & CONN_ENDED ? -EPIPE : 0;
}

int rota_conn_writev(struct rota_conn *c, struct rota_write *w, const struct iovec *iov, int count,
	void (*fn)(struct rota_write *write, int rc))
{
	ROTA_INSIDE();
	int rc = count < 0 ? -EINVAL : may_write(c);

	if (rc < 0)
		return rc;
	w->iov = iov;
	w->count = count;
	w->bits = w->fd_count = 0;
	w->size_bytes = 0;
	for (int i = 0; i < count; i++)
		w->size_bytes += iov[i].iov_len;
	return enqueue(c, w, fn);
}

int rota_conn_write(struct rota_conn *c, struct rota_write *w, const void *data, size_t size,
	void (*fn)(struct rota_write *write, int rc))
{
	ROTA_INSIDE();

	w->one = (struct iovec){ (void *)data, size };
	return rota_conn_writev(c, w, &w->one, 1, fn);
}

int rota_conn_write_fds(struct rota_conn *c, struct rota_write *w, const int *fds, unsigned count, const void *data,
	size_t size, void (*fn)(struct rota_write *write, int rc))
{
	ROTA_INSIDE();
	int rc = may_write(c);

	if (rc == 0 && !(c->bits & CONN_SOCKET))
		rc = -ENOTSOCK;
	if (rc == 0 && (count == 0 || count > RIGHTS_MAX || size == 0))
		rc = -EINVAL;
	if (rc < 0)
		return rc;
	w->one = (struct iovec){ (void *)data, size };
	w->iov = &w->one;
	w->count = 1;
	w->bits = 0;
	w->fds = fds;
	w->fd_count = (uint16_t)count;
	w->size_bytes = size;
	return enqueue(c, w, fn);
}

ssize_t rota_conn_try_write(struct rota_conn *c, const void *data, size_t size)
{
	ROTA_INSIDE();
	struct iovec one = { (void *)data, size };
	int rc = may_write(c);

	if (rc < 0)
		return rc;
	return c->first != NULL || c->bits & CONN_CONNECTING ? -EAGAIN : send_pieces(c, &one, 1);
}

int rota_conn_end(struct rota_conn *c, struct rota_write *w, void (*fn)(struct rota_write *write, int rc))
{
	ROTA_INSIDE();
	int rc = may_write(c);

	if (rc == 0 && !(c->bits & CONN_SOCKET))
		rc = -ENOTSOCK;
	if (rc < 0)
		return rc;
	c->bits |= CONN_ENDED;
	w->bits = WRITE_END;
	w->size_bytes = 0;
	rc = enqueue(c, w, fn);
	return rc < 0 ? rc : 0;
}

size_t rota_conn_queued_bytes(const struct rota_conn *c)
{
	return handle_open(&c->handle) ? c->queued_bytes : 0;
}
