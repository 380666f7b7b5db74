/* conn.c - a callback connection's life, and reading; writing is in conn_write.c
 *
 * Reading asks the poller for a buffer of the loop's pool, so that one that waits holds none.  Where the user brings the memory,
 * descriptors may come with the bytes, or the descriptor is no socket, it waits for readiness and reads then.
 *
 *   STOPPED --read_start()--> ARMED --bytes--> on_read(), ARMED again
 *      ^                       |  \--end, error--> on_read(), STOPPED
 *      +--the op completed-- STOPPING <--read_stop()
 *
 * Bytes that complete a receive in STOPPING are stashed, and told first by the next start. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/conn.h"
#include "io/promised.h"
#include "io/rights.h"
#include "io/socket.h"
#include "os/mem.h"

enum {
	/* One connection's share of a turn, as libuv's: then others are served. */
	READS_AT_ONCE = 32,
	/* What a read without the pool takes at once: the capacity of a pipe. */
	READ_BYTES = 65536,
};

ROOM_FOR_OP(rota_conn);

static struct rota_conn *conn_of(struct rota__op *op)
{
	return container_of((uint64_t (*)[10])(void *)op, struct rota_conn, op);
}

static bool has(const struct rota_conn *c, uint32_t bits)
{
	return c->bits & bits;
}

static bool on_pool(const struct rota_conn *c)
{
	return has(c, CONN_SOCKET) && !has(c, CONN_FDS) && c->on_alloc == NULL;
}

/* ---- reading ---- */

static void readable(struct rota__op *op);
static void tell_stash(struct rota__node *node);

static void arm(struct rota_conn *c)
{
	struct rota__op *op = OP_IN(c);

	if (!handle_open(&c->handle) || !has(c, CONN_READING) || has(c, CONN_ARMED | CONN_TELLING))
		return;
	if (has(c, CONN_STASHED | CONN_LEASED)) {
		c->bits |= CONN_TELLING;
		rota__handle_defer(&c->handle, &op->node, tell_stash);
		return;
	}
	c->bits |= CONN_ARMED;
	*op = (struct rota__op){ .fd = c->fd };
	if (on_pool(c)) {
		op->kind = OP_RECV_POOLED;
		op->flags = has(c, CONN_DRAINED) ? OP_POLL_FIRST : 0;
	} else {
		op->kind = OP_POLL;
		op->poll.events = POLLIN;
	}
	rota__handle_submit(&c->handle, op, readable);
}

static void call(struct rota_conn *c, const void *data, ssize_t size)
{
	if (has(c, CONN_FDS)) {
		rota__handle_calls(&c->handle, (void (*)(void))c->on_read_fds);
		c->on_read_fds(c, data, size, NULL, 0);
	} else {
		rota__handle_calls(&c->handle, (void (*)(void))c->on_read);
		c->on_read(c, data, size);
	}
}

/* The last word about the stream is told like any other bytes; then reading has stopped. */
static void tell(struct rota_conn *c, const void *data, ssize_t size)
{
	if (size <= 0 && size != -EAGAIN)
		c->bits &= ~(uint32_t)CONN_READING;
	call(c, data, size);
}

static void give_back(struct rota_conn *c, uint32_t buffer_id)
{
	struct rota__poller *p = c->handle.loop->poller;

	p->engine->give_back(p, buffer_id);
}

/* Bytes that came too late for a stop.  Copied, because the pool's buffers are few, and who stopped may stop for long. */
static void stash(struct rota_conn *c, struct rota__op *op)
{
	void *copy = rota__alloc((size_t)op->result);

	op->buf.len = (uint32_t)op->result;
	if (copy == NULL) {
		c->bits |= CONN_LEASED;
		return;
	}
	memcpy(copy, op->buf.base, (size_t)op->result);
	give_back(c, op->buffer_id);
	op->buf.base = copy;
	c->bits |= CONN_STASHED;
}

static void drop_stash(struct rota_conn *c)
{
	struct rota__op *op = OP_IN(c);

	if (has(c, CONN_STASHED))
		rota__free(op->buf.base);
	if (has(c, CONN_LEASED))
		give_back(c, op->buffer_id);
	c->bits &= ~(uint32_t)(CONN_STASHED | CONN_LEASED);
}

/* The callback may stop and start reading, which must not reuse the op that holds what it looks at. */
static void tell_stash(struct rota__node *node)
{
	struct rota__op *op = container_of(node, struct rota__op, node);
	struct rota_conn *c = conn_of(op);

	rota__handle_ran(&c->handle);
	if (handle_open(&c->handle) && has(c, CONN_READING)) {
		call(c, op->buf.base, op->buf.len);
		drop_stash(c);
	}
	c->bits &= ~(uint32_t)CONN_TELLING;
	arm(c);
	rota__handle_left(&c->handle);
}

static void received(struct rota_conn *c, struct rota__op *op)
{
	int64_t n = op->result;
	uint32_t buffer_id = op->buffer_id;

	if (n > 0 && has(c, CONN_READING) && handle_open(&c->handle)) {
		tell(c, op->buf.base, (ssize_t)n);
		give_back(c, buffer_id);
	} else if (n > 0 && handle_open(&c->handle)) {
		stash(c, op);
	} else if (n > 0) {
		give_back(c, buffer_id);
	} else if (has(c, CONN_READING) && n != -ECANCELED && handle_open(&c->handle)) {
		tell(c, NULL, (ssize_t)n);
	}
}

static ssize_t read_once(struct rota_conn *c, struct iovec room)
{
	ssize_t n;

	do
		n = has(c, CONN_SOCKET) ? recv(c->fd, room.iov_base, room.iov_len, MSG_DONTWAIT) :
					 read(c->fd, room.iov_base, room.iov_len);
	while (n < 0 && rota_errno() == -EINTR);
	return n < 0 ? rota_errno() : n;
}

/* True: there may be more. */
static bool read_into(struct rota_conn *c, struct iovec room)
{
	ssize_t n = room.iov_len > 0 ? read_once(c, room) : -ENOBUFS;

	if (n == -EAGAIN && c->on_alloc == NULL)
		return false;
	tell(c, c->on_alloc != NULL ? room.iov_base : NULL, n);
	return n > 0 && (size_t)n == room.iov_len;
}

static bool read_borrowed(struct rota_conn *c)
{
	char buf[READ_BYTES];
	ssize_t n = read_once(c, (struct iovec){ buf, sizeof buf });

	if (n != -EAGAIN)
		tell(c, n > 0 ? buf : NULL, n);
	return n == sizeof buf;
}

static bool read_allocated(struct rota_conn *c)
{
	struct iovec room = { NULL, 0 };

	c->on_alloc(c, READ_BYTES, &room);
	return read_into(c, room);
}

/* A short read is no sign that nothing is left: it ends where other descriptors begin. */
static bool read_with_fds(struct rota_conn *c)
{
	char buf[READ_BYTES];
	int fds[RIGHTS_MAX];
	struct iovec room = { buf, sizeof buf };
	unsigned count = 0;
	ssize_t n = -ENOBUFS;

	if (c->on_alloc != NULL) {
		room = (struct iovec){ NULL, 0 };
		c->on_alloc(c, READ_BYTES, &room);
	}
	if (room.iov_len > 0)
		n = rota__rights_recv(c->fd, room, fds, &count);
	rota__handle_calls(&c->handle, (void (*)(void))c->on_read_fds);
	if (count > 0)
		c->on_read_fds(c, room.iov_base, n, fds, count);
	else if (n != -EAGAIN || c->on_alloc != NULL)
		tell(c, n > 0 || c->on_alloc != NULL ? room.iov_base : NULL, n);
	return n > 0;
}

static bool read_some(struct rota_conn *c)
{
	return has(c, CONN_FDS) ? read_with_fds(c) : c->on_alloc != NULL ? read_allocated(c) : read_borrowed(c);
}

static void read_ready(struct rota_conn *c, int64_t revents)
{
	bool more = true;

	if (revents < 0) {
		if (has(c, CONN_READING) && revents != -ECANCELED && handle_open(&c->handle))
			tell(c, NULL, (ssize_t)revents);
		return;
	}
	for (int i = 0; i < READS_AT_ONCE && more && has(c, CONN_READING) && handle_open(&c->handle); i++)
		more = read_some(c);
}

static void readable(struct rota__op *op)
{
	struct rota_conn *c = conn_of(op);

	rota__handle_arrived(&c->handle);
	c->bits &= ~(uint32_t)(CONN_ARMED | CONN_DRAINED);
	c->bits |= CONN_TELLING; /* a pooled buffer is told out of the op: it is not to be armed meanwhile */
	if (op->kind == OP_RECV_POOLED) {
		c->bits |= op->flags & OP_NONEMPTY ? 0 : CONN_DRAINED;
		received(c, op);
	} else {
		read_ready(c, op->result);
	}
	c->bits &= ~(uint32_t)CONN_TELLING;
	arm(c);
	rota__handle_left(&c->handle);
}

static int may_start_reading(const struct rota_conn *c)
{
	int rc = handle_ours(&c->handle);

	if (rc < 0)
		return rc;
	if (has(c, CONN_CONNECTING))
		return -ENOTCONN;
	return has(c, CONN_READING) ? -EALREADY : 0;
}

int rota_conn_read_start(
	struct rota_conn *c, void (*on_read)(struct rota_conn *conn, const void *data, ssize_t size))
{
	ROTA_INSIDE();
	int rc = may_start_reading(c);

	if (rc < 0)
		return rc;
	c->on_read = on_read;
	c->bits = (c->bits & ~(uint32_t)CONN_FDS) | CONN_READING;
	arm(c);
	return 0;
}

int rota_conn_read_fds_start(struct rota_conn *c,
	void (*on_read_fds)(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count))
{
	ROTA_INSIDE();
	int rc = may_start_reading(c);

	if (rc == 0 && !has(c, CONN_SOCKET))
		rc = -ENOTSOCK;
	if (rc < 0)
		return rc;
	c->on_read_fds = on_read_fds;
	c->bits |= CONN_READING | CONN_FDS;
	arm(c);
	return 0;
}

int rota_conn_read_stop(struct rota_conn *c)
{
	ROTA_INSIDE();
	int rc = handle_ours(&c->handle);

	if (rc < 0)
		return rc;
	c->bits &= ~(uint32_t)CONN_READING;
	if (has(c, CONN_ARMED))
		rota__op_cancel(c->handle.loop, OP_IN(c));
	return 0;
}

/* ---- opening ---- */

int rota__conn_start(struct rota_loop *loop, struct rota_conn *c, int fd, uint32_t bits, const char *site)
{
	int rc = rota__handle_open(&c->handle, loop, KIND_conn, site);

	if (rc < 0)
		return rc;
	c->fd = fd;
	c->bits = bits | CONN_DRAINED;
	c->first = c->last = NULL;
	c->queued_bytes = 0;
	return 0;
}

int rota_conn_open_at(struct rota_loop *loop, struct rota_conn *c, int fd, const char *site)
{
	ROTA_INSIDE();
	bool socket;
	int rc = rota__fd_streams(fd, &socket);

	if (rc == 0)
		rc = rota__handle_may_open(&c->handle, loop);
	if (rc == 0)
		rc = rota__fd_set_nonblocking(fd);
	return rc < 0 ? rc : rota__conn_start(loop, c, fd, socket ? CONN_SOCKET : 0, site);
}

/* Both or none, of descriptors that are ours. */
static int open_both(struct rota_loop *loop, struct rota_conn *a, struct rota_conn *b, const int fds[2], uint32_t bits,
	const char *site)
{
	int rc = a == b ? -EBUSY : rota__handle_may_open(&a->handle, loop);

	if (rc == 0)
		rc = rota__handle_may_open(&b->handle, loop);
	if (rc < 0) {
		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	rota__conn_start(loop, a, fds[0], bits, site);
	rota__conn_start(loop, b, fds[1], bits, site);
	return 0;
}

int rota_conn_pair_at(struct rota_loop *loop, struct rota_conn *a, struct rota_conn *b, const char *site)
{
	ROTA_INSIDE();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return rota_errno();
	return open_both(loop, a, b, fds, CONN_SOCKET, site);
}

int rota_conn_pipe_at(struct rota_loop *loop, struct rota_conn *reader, struct rota_conn *writer, const char *site)
{
	ROTA_INSIDE();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return rota_errno();
	return open_both(loop, reader, writer, fds, 0, site);
}

/* ---- connecting ---- */

static void tell_connected(struct rota_conn *c, int rc)
{
	bool promised = has(c, CONN_PROMISED);

	c->bits &= ~(uint32_t)(CONN_CONNECTING | CONN_PROMISED);
	if (promised) {
		rota__promised_settle(c->on_connect.promised, rc);
	} else if (c->on_connect.call != NULL) {
		rota__handle_calls(&c->handle, (void (*)(void))c->on_connect.call);
		c->on_connect.call(c, rc);
	}
	if (handle_open(&c->handle))
		rota__conn_writes_go_on(c);
	rota__handle_left(&c->handle);
}

static void connected_at_once(struct rota__node *node)
{
	struct rota_conn *c = conn_of(container_of(node, struct rota__op, node));

	rota__handle_ran(&c->handle);
	tell_connected(c, handle_open(&c->handle) ? 0 : -ECANCELED);
}

static int connect_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof error;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? rota_errno() : -error;
}

static void connected(struct rota__op *op)
{
	struct rota_conn *c = conn_of(op);

	rota__handle_arrived(&c->handle);
	tell_connected(c, !handle_open(&c->handle) ? -ECANCELED : op->result < 0 ? (int)op->result : connect_error(c->fd));
}

static int start_connecting(int fd, const struct rota_address *address, const struct rota_connect_options *options)
{
	int rc = rota__socket_bind_local(fd, address->storage.ss_family, options->local_address);

	if (rc < 0)
		return rc;
	if (address->storage.ss_family != AF_UNIX && !options->keep_delay)
		rota__socket_set_nodelay(fd, true);
	if (connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0)
		return 0;
	return rota_errno() == -EINTR ? -EINPROGRESS : rota_errno();
}

int rota_conn_connect_with_at(struct rota_loop *loop, struct rota_conn *c, const struct rota_address *address,
	const struct rota_connect_options *options, void (*on_connect)(struct rota_conn *conn, int rc), const char *site)
{
	ROTA_INSIDE();
	static const struct rota_connect_options defaults;
	struct rota__op *op = OP_IN(c);
	int fd, rc = rota__handle_may_open(&c->handle, loop);

	if (options == NULL)
		options = &defaults;
	if (options->timeout_ns != 0)
		return -EINVAL;
	if (rc < 0)
		return rc;
	fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return rota_errno();
	rc = start_connecting(fd, address, options);
	if (rc < 0 && rc != -EINPROGRESS) {
		close(fd);
		return rc;
	}
	rota__conn_start(loop, c, fd, CONN_SOCKET | CONN_CONNECTING, site);
	c->on_connect.call = on_connect;
	*op = (struct rota__op){ .kind = OP_POLL, .fd = fd, .poll.events = POLLOUT };
	if (rc == 0)
		rota__handle_defer(&c->handle, &op->node, connected_at_once);
	else
		rota__handle_submit(&c->handle, op, connected);
	return 0;
}

int rota_conn_connect_to_at(struct rota_loop *loop, struct rota_conn *c, const struct rota_address *address,
	void (*on_connect)(struct rota_conn *conn, int rc), const char *site)
{
	ROTA_INSIDE();

	return rota_conn_connect_with_at(loop, c, address, NULL, on_connect, site);
}

int rota_conn_connect_at(struct rota_loop *loop, struct rota_conn *c, const char *address,
	void (*on_connect)(struct rota_conn *conn, int rc), const char *site)
{
	ROTA_INSIDE();
	struct rota_address parsed;
	int rc = rota_address_parse(&parsed, address);

	return rc < 0 ? rc : rota_conn_connect_to_at(loop, c, &parsed, on_connect, site);
}

/* ---- closing ---- */

static void stop(struct rota_handle *h)
{
	struct rota_conn *c = container_of(h, struct rota_conn, handle);

	c->bits &= ~(uint32_t)CONN_READING;
	if (h->ops > 0 && has(c, CONN_ARMED | CONN_CONNECTING))
		rota__op_cancel(h->loop, OP_IN(c));
	rota__conn_writes_stop(c);
}

static void release(struct rota_handle *h)
{
	struct rota_conn *c = container_of(h, struct rota_conn, handle);

	drop_stash(c);
	h->loop->poller->engine->forget(h->loop->poller, c->fd);
	close(c->fd);
	c->fd = -1;
}

int rota_conn_close_with_reset(struct rota_conn *c, void (*on_close)(struct rota_handle *handle))
{
	ROTA_INSIDE();
	int rc = handle_ours(&c->handle);

	if (rc == 0)
		rc = rota__socket_linger_not(c->fd);
	return rc < 0 ? rc : rota_handle_close(&c->handle, on_close);
}

const struct rota__handle_kind rota__kind_conn = {
	.name = "conn", .stop = stop, .release = release, .fd_at = offsetof(struct rota_conn, fd)
};

/* ---- what it says of itself ---- */

int rota_conn_fd(const struct rota_conn *c)
{
	return handle_open(&c->handle) ? c->fd : ROTA_ECLOSED;
}

int rota_conn_set_nodelay(struct rota_conn *c, bool on)
{
	ROTA_INSIDE();

	return handle_open(&c->handle) ? rota__socket_set_nodelay(c->fd, on) : ROTA_ECLOSED;
}

int rota_conn_set_keepalive(struct rota_conn *c, unsigned idle_seconds)
{
	ROTA_INSIDE();

	return handle_open(&c->handle) ? rota__socket_set_keepalive(c->fd, idle_seconds) : ROTA_ECLOSED;
}

int rota_conn_set_buffers(struct rota_conn *c, unsigned send_bytes, unsigned recv_bytes)
{
	ROTA_INSIDE();

	return handle_open(&c->handle) ? rota__socket_set_buffers(c->fd, send_bytes, recv_bytes) : ROTA_ECLOSED;
}

int rota_conn_get_buffers(const struct rota_conn *c, unsigned *ret_send_bytes, unsigned *ret_recv_bytes)
{
	return handle_open(&c->handle) ? rota__socket_get_buffers(c->fd, ret_send_bytes, ret_recv_bytes) : ROTA_ECLOSED;
}

int rota_conn_peer_name(const struct rota_conn *c, char *buf, size_t size)
{
	return handle_open(&c->handle) ? rota__socket_name(c->fd, getpeername, buf, size) : ROTA_ECLOSED;
}

int rota_conn_local_name(const struct rota_conn *c, char *buf, size_t size)
{
	return handle_open(&c->handle) ? rota__socket_name(c->fd, getsockname, buf, size) : ROTA_ECLOSED;
}
