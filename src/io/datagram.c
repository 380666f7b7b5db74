/* datagram.c - UDP with callbacks
 *
 * Receiving waits for readiness, and fetches then: one datagram at first, so that who stops after it loses none; more with each
 * system call while they keep coming.  The room for them is the loop's, because no two callbacks run at a time; it is memory
 * that nobody touches as long as datagrams are short.
 *
 * Sending is tried in the call, if nothing waits; what the system does not take waits in a queue, whose first has an op:
 *
 *   rota_datagrams_send() --all taken, or an error--> DONE --pending phase--> fn()
 *        \--else: QUEUED --it is first--> WAITING --writable--> tried again
 *                    \--close--> DONE (-ECANCELED), in order */
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <rota/datagram.h>

#include "io/address.h"
#include "io/handle.h"
#include "io/socket.h"
#include "io/udp.h"
#include "os/mem.h"

enum {
	FETCHED_MAX = 16,	 /* by a system call */
	TOLD_MAX = 64,		 /* a socket's share of a turn */
	DATAGRAM_BYTES = 65536, /* none is longer */
};

ROOM_FOR_OP(rota_datagrams);
_Static_assert(sizeof(((struct rota_datagrams *)0)->send_op) >= sizeof(struct rota__op), "and for another");

static struct rota__op *send_op(struct rota_datagrams *u)
{
	return (struct rota__op *)(void *)u->send_op;
}

/* ---- receiving ---- */

static void readable(struct rota__op *op);

static void arm(struct rota_datagrams *u)
{
	struct rota__op *op = OP_IN(u);

	/* An op that was cancelled by a stop completes first. */
	if (!handle_open(&u->handle) || !u->receiving || u->waiting)
		return;
	u->waiting = true;
	*op = (struct rota__op){ .kind = OP_POLL, .fd = u->fd, .poll.events = POLLIN };
	rota__handle_submit(&u->handle, op, readable);
}

static bool receives(const struct rota_datagrams *u)
{
	return u->receiving && handle_open(&u->handle);
}

/* One system call for at most `count`, told: how many came, or a negative errno. */
static int fetch(struct rota_datagrams *u, int count)
{
	struct rota_udp_message messages[FETCHED_MAX];
	char *room = u->handle.loop->datagram_room;
	int n;

	for (int i = 0; i < count; i++)
		messages[i] = (struct rota_udp_message){ .data = room + (size_t)i * DATAGRAM_BYTES, .size = DATAGRAM_BYTES };
	n = rota__udp_recv_batch(u->fd, messages, (unsigned)count);
	rota__handle_calls(&u->handle, (void (*)(void))u->on_recv);
	for (int i = 0; i < n && receives(u); i++)
		u->on_recv(u, &messages[i], 0);
	if (n < 0 && n != -EAGAIN && n != -EINTR)
		u->on_recv(u, NULL, n);
	return n;
}

static void fetch_all(struct rota_datagrams *u)
{
	for (int told = 0; told < TOLD_MAX && receives(u);) {
		int wanted = u->batch = u->batch > 0 ? u->batch : 1;
		int n = fetch(u, wanted);

		told += n > 0 ? n : 1;
		if (u->batch > 0) /* else it was stopped and started meanwhile */
			u->batch = (uint8_t)(n < wanted ? 1 : wanted < FETCHED_MAX ? 2 * wanted : wanted);
		if (n == -EAGAIN || (n > 0 && n < wanted))
			return; /* that was all there is */
	}
}

static void readable(struct rota__op *op)
{
	struct rota_datagrams *u = container_of((uint64_t (*)[10])(void *)op, struct rota_datagrams, op);

	rota__handle_arrived(&u->handle);
	if (receives(u) && op->result < 0 && op->result != -ECANCELED) {
		u->receiving = false;
		rota__handle_calls(&u->handle, (void (*)(void))u->on_recv);
		u->on_recv(u, NULL, (int)op->result);
	} else if (op->result >= 0) {
		fetch_all(u);
	}
	u->waiting = false;
	arm(u);
	rota__handle_left(&u->handle);
}

int rota_datagrams_recv_start(struct rota_datagrams *u,
	void (*on_recv)(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc))
{
	ROTA_INSIDE();
	struct rota_loop *loop = u->handle.loop;
	int rc = handle_ours(&u->handle);

	if (rc < 0)
		return rc;
	if (u->receiving)
		return -EALREADY;
	if (loop->datagram_room == NULL)
		loop->datagram_room = rota__alloc((size_t)FETCHED_MAX * DATAGRAM_BYTES);
	if (loop->datagram_room == NULL)
		return -ENOMEM;
	u->on_recv = on_recv;
	u->receiving = true;
	u->batch = 0;
	arm(u);
	return 0;
}

int rota_datagrams_recv_stop(struct rota_datagrams *u)
{
	ROTA_INSIDE();
	int rc = handle_ours(&u->handle);

	if (rc < 0)
		return rc;
	u->receiving = false;
	if (u->waiting)
		rota__op_cancel(u->handle.loop, OP_IN(u));
	return 0;
}

/* ---- sending ---- */

static void tell_drained(struct rota_datagrams *u)
{
	if (!u->high || u->queued_bytes > u->low_bytes || !handle_open(&u->handle))
		return;
	u->high = false;
	if (u->on_drain != NULL)
		u->on_drain(u);
}

static void sent(struct rota__node *node)
{
	struct rota_datagram *d = container_of((void *(*)[2])node, struct rota_datagram, node);
	struct rota_datagrams *u = d->udp;

	rota__handle_ran(&u->handle);
	rota__handle_calls(&u->handle, (void (*)(void))d->fn);
	if (d->fn != NULL)
		d->fn(d, d->rc);
	tell_drained(u);
	rota__handle_left(&u->handle);
}

static void finish_first(struct rota_datagrams *u, int rc)
{
	struct rota_datagram *d = u->first;

	u->first = d->next;
	for (unsigned i = d->done; i < d->count; i++)
		u->queued_bytes -= d->messages[i].size;
	u->queued_count -= d->count - d->done;
	d->rc = rc;
	rota__handle_defer(&u->handle, (struct rota__node *)(void *)d->node, sent);
}

static void finish_all(struct rota_datagrams *u, int rc)
{
	while (u->first != NULL)
		finish_first(u, rc);
}

/* 0: all of it went out; -EAGAIN: not yet; or what went wrong. */
static int attempt(struct rota_datagrams *u, struct rota_datagram *d)
{
	while (d->done < d->count) {
		int n = rota__udp_send_batch(u->fd, u->family, d->messages + d->done, d->count - d->done);

		if (n < 0 && n != -EINTR)
			return n;
		for (; n > 0; n--) {
			u->queued_bytes -= d->messages[d->done++].size;
			u->queued_count--;
		}
	}
	return 0;
}

static void writable(struct rota__op *op);

static void go_on(struct rota_datagrams *u)
{
	struct rota__op *op = send_op(u);

	while (u->first != NULL && !u->sending) {
		int rc = attempt(u, u->first);

		if (rc != -EAGAIN) {
			finish_first(u, rc);
			continue;
		}
		u->sending = true;
		*op = (struct rota__op){ .kind = OP_POLL, .fd = u->fd, .poll.events = POLLOUT };
		rota__handle_submit(&u->handle, op, writable);
	}
}

static void writable(struct rota__op *op)
{
	struct rota_datagrams *u = container_of((uint64_t (*)[10])(void *)op, struct rota_datagrams, send_op);

	rota__handle_arrived(&u->handle);
	u->sending = false;
	if (!handle_open(&u->handle)) {
		finish_all(u, -ECANCELED);
	} else {
		if (op->result < 0)
			finish_first(u, (int)op->result);
		go_on(u);
	}
	rota__handle_left(&u->handle);
}

/* d's messages are set. */
static int enqueue(struct rota_datagrams *u, struct rota_datagram *d, void (*fn)(struct rota_datagram *datagram, int rc))
{
	d->udp = u;
	d->fn = fn;
	d->next = NULL;
	d->done = 0;
	for (unsigned i = 0; i < d->count; i++)
		u->queued_bytes += d->messages[i].size;
	u->queued_count += d->count;
	if (u->first == NULL)
		u->first = d;
	else
		u->last->next = d;
	u->last = d;
	if (u->first == d)
		go_on(u);
	if (u->high_bytes == 0 || u->queued_bytes < u->high_bytes)
		return 0;
	u->high = true;
	return 1;
}

static struct rota_udp_message message_of(const void *data, size_t size, const struct rota_address *to)
{
	struct rota_udp_message m = { .data = (void *)data, .size = size };

	if (to != NULL)
		m.address = *to;
	return m;
}

int rota_datagrams_send(struct rota_datagrams *u, struct rota_datagram *d, const void *data, size_t size,
	const struct rota_address *to, void (*fn)(struct rota_datagram *datagram, int rc))
{
	ROTA_INSIDE();
	int rc = handle_ours(&u->handle);

	if (rc < 0)
		return rc;
	d->one = message_of(data, size, to);
	d->messages = &d->one;
	d->count = 1;
	return enqueue(u, d, fn);
}

int rota_datagrams_send_many(struct rota_datagrams *u, struct rota_datagram *d, const struct rota_udp_message *messages,
	unsigned count, void (*fn)(struct rota_datagram *datagram, int rc))
{
	ROTA_INSIDE();
	int rc = handle_ours(&u->handle);

	if (rc < 0)
		return rc;
	d->messages = messages;
	d->count = count;
	return enqueue(u, d, fn);
}

ssize_t rota_datagrams_try_send(
	struct rota_datagrams *u, const void *data, size_t size, const struct rota_address *to)
{
	ROTA_INSIDE();
	struct rota_udp_message m = message_of(data, size, to);
	int n = -EINTR, rc = handle_ours(&u->handle);

	if (rc < 0)
		return rc;
	if (u->first != NULL)
		return -EAGAIN;
	while (n == -EINTR)
		n = rota__udp_send_batch(u->fd, u->family, &m, 1);
	return n < 0 ? n : (ssize_t)size;
}

size_t rota_datagrams_queued_bytes(const struct rota_datagrams *u)
{
	return handle_open(&u->handle) ? u->queued_bytes : 0;
}

unsigned rota_datagrams_queued_count(const struct rota_datagrams *u)
{
	return handle_open(&u->handle) ? u->queued_count : 0;
}

/* ---- opening ---- */

static void start(struct rota_loop *loop, struct rota_datagrams *u, int fd, int family, const char *site)
{
	rota__handle_open(&u->handle, loop, KIND_datagrams, site);
	u->fd = fd;
	u->family = family;
	u->receiving = u->waiting = u->sending = u->high = false;
	u->first = u->last = NULL;
	u->queued_bytes = 0;
	u->queued_count = 0;
}

int rota_datagrams_open_at(struct rota_loop *loop, struct rota_datagrams *u, const char *address,
	const struct rota_udp_options *options, const char *site)
{
	ROTA_INSIDE();
	struct rota_address local;
	int family, fd = rota_address_parse(&local, address != NULL ? address : ":0");

	if (fd == 0)
		fd = rota__handle_may_open(&u->handle, loop);
	if (fd == 0)
		fd = rota__udp_socket(&local, options, &family);
	if (fd < 0)
		return fd;
	start(loop, u, fd, family, site);
	return 0;
}

/* The family of a datagram socket of the Internet. */
static int family_of(int fd)
{
	int type, family;
	socklen_t size = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return rota_errno();
	return type == SOCK_DGRAM && (family == AF_INET || family == AF_INET6) ? family : -EPROTOTYPE;
}

int rota_datagrams_adopt_at(struct rota_loop *loop, struct rota_datagrams *u, int fd, const char *site)
{
	ROTA_INSIDE();
	int family = family_of(fd), rc = family;

	if (rc >= 0)
		rc = rota__handle_may_open(&u->handle, loop);
	if (rc == 0)
		rc = rota__fd_set_nonblocking(fd);
	if (rc < 0)
		return rc;
	start(loop, u, fd, family, site);
	return 0;
}

int rota_datagrams_connect(struct rota_datagrams *u, const char *address)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct rota_address peer;
	int rc;

	if (!handle_open(&u->handle))
		return ROTA_ECLOSED;
	if (address == NULL)
		return connect(u->fd, &nobody, sizeof nobody) < 0 ? rota_errno() : 0;
	rc = rota_address_parse(&peer, address);
	if (rc == 0 && peer.storage.ss_family == AF_UNIX)
		rc = -EAFNOSUPPORT;
	return rc < 0 ? rc : rota__udp_set_peer(u->fd, u->family, &peer);
}

/* ---- closing ---- */

static void stop(struct rota_handle *h)
{
	struct rota_datagrams *u = container_of(h, struct rota_datagrams, handle);

	u->receiving = false;
	if (u->waiting)
		rota__op_cancel(h->loop, OP_IN(u));
	if (u->sending)
		rota__op_cancel(h->loop, send_op(u));
	else
		finish_all(u, -ECANCELED);
}

static void release(struct rota_handle *h)
{
	struct rota_datagrams *u = container_of(h, struct rota_datagrams, handle);

	h->loop->poller->engine->forget(h->loop->poller, u->fd);
	close(u->fd);
	u->fd = -1;
}

const struct rota__handle_kind rota__kind_datagrams = {
	.name = "datagrams", .stop = stop, .release = release, .fd_at = offsetof(struct rota_datagrams, fd)
};

/* ---- the socket ---- */

int rota_datagrams_join(struct rota_datagrams *u, const char *group, const char *interface)
{
	return handle_open(&u->handle) ? rota__multicast_member(u->fd, u->family, group, NULL, interface, true)
				       : ROTA_ECLOSED;
}

int rota_datagrams_leave(struct rota_datagrams *u, const char *group, const char *interface)
{
	return handle_open(&u->handle) ? rota__multicast_member(u->fd, u->family, group, NULL, interface, false)
				       : ROTA_ECLOSED;
}

int rota_datagrams_join_source(
	struct rota_datagrams *u, const char *group, const char *source, const char *interface)
{
	if (source == NULL)
		return -EINVAL;
	return handle_open(&u->handle) ? rota__multicast_member(u->fd, u->family, group, source, interface, true)
				       : ROTA_ECLOSED;
}

int rota_datagrams_leave_source(
	struct rota_datagrams *u, const char *group, const char *source, const char *interface)
{
	if (source == NULL)
		return -EINVAL;
	return handle_open(&u->handle) ? rota__multicast_member(u->fd, u->family, group, source, interface, false)
				       : ROTA_ECLOSED;
}

int rota_datagrams_set_multicast_interface(struct rota_datagrams *u, const char *interface)
{
	return handle_open(&u->handle) ? rota__multicast_set_interface(u->fd, u->family, interface) : ROTA_ECLOSED;
}

int rota_datagrams_set_multicast_ttl(struct rota_datagrams *u, unsigned hops)
{
	return handle_open(&u->handle) ? rota__multicast_set_ttl(u->fd, u->family, hops) : ROTA_ECLOSED;
}

int rota_datagrams_set_multicast_loop(struct rota_datagrams *u, bool on)
{
	return handle_open(&u->handle) ? rota__multicast_set_loop(u->fd, u->family, on) : ROTA_ECLOSED;
}

int rota_datagrams_set_ttl(struct rota_datagrams *u, unsigned hops)
{
	return handle_open(&u->handle) ? rota__udp_set_ttl(u->fd, u->family, hops) : ROTA_ECLOSED;
}

int rota_datagrams_set_broadcast(struct rota_datagrams *u, bool on)
{
	return handle_open(&u->handle) ? rota__udp_set_broadcast(u->fd, on) : ROTA_ECLOSED;
}

int rota_datagrams_set_buffers(struct rota_datagrams *u, unsigned send_bytes, unsigned recv_bytes)
{
	return handle_open(&u->handle) ? rota__socket_set_buffers(u->fd, send_bytes, recv_bytes) : ROTA_ECLOSED;
}

int rota_datagrams_get_buffers(const struct rota_datagrams *u, unsigned *ret_send_bytes, unsigned *ret_recv_bytes)
{
	return handle_open(&u->handle) ? rota__socket_get_buffers(u->fd, ret_send_bytes, ret_recv_bytes) : ROTA_ECLOSED;
}

int rota_datagrams_local_name(const struct rota_datagrams *u, char *buf, size_t size)
{
	return handle_open(&u->handle) ? rota__socket_name(u->fd, getsockname, buf, size) : ROTA_ECLOSED;
}

int rota_datagrams_peer_name(const struct rota_datagrams *u, char *buf, size_t size)
{
	return handle_open(&u->handle) ? rota__socket_name(u->fd, getpeername, buf, size) : ROTA_ECLOSED;
}

int rota_datagrams_port(const struct rota_datagrams *u)
{
	return handle_open(&u->handle) ? rota__socket_port(u->fd) : ROTA_ECLOSED;
}

int rota_datagrams_fd(const struct rota_datagrams *u)
{
	return handle_open(&u->handle) ? u->fd : ROTA_ECLOSED;
}
