/* pass.c - descriptors travel over local sockets
 *
 * They are attached to a byte: so they go with the first bytes of a message, and who reads these bytes
 * by other means than rota_recv_fds() loses them. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "await/await.h"
#include "io/rights.h"
#include "io/stream.h"

/* Wait until there is room in the socket. */
static int wait_for_room(struct rota_stream *s)
{
	struct rota__op_wait w = { .op = { .kind = OP_POLL, .fd = s->fd, .poll.events = POLLOUT } };
	int64_t n;

	if (s->writer != NULL)
		return -EBUSY;
	s->writer = &w.wait;
	n = rota__await(&w, s->write_deadline_ns);
	s->writer = NULL;
	return n < 0 ? (int)n : 0;
}

static ssize_t send_first(struct rota_stream *s, const struct msghdr *msg)
{
	int rc = rota__task_cancelled(rota__current());

	while (rc == 0 && !s->closed) {
		ssize_t n = sendmsg(s->fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			rota__coop(rota__here());
			return n;
		}
		rc = rota_errno() == -EAGAIN ? wait_for_room(s) : rota_errno() == -EINTR ? 0 : rota_errno();
	}
	return rc < 0 ? rc : ROTA_ECLOSED;
}

ssize_t rota_send_fds(struct rota_stream *s, const int *fds, unsigned count, const void *data, size_t size)
{
	ROTA_INSIDE();
	struct iovec iov = { (void *)data, size };
	union rota__rights control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (count == 0 || count > RIGHTS_MAX || size == 0)
		return -EINVAL;
	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	rota__rights_pack(&msg, &control, fds, count);
	n = send_first(s, &msg);
	if (n >= 0 && (size_t)n < size) {
		ssize_t rest = rota_write_all(s, (const char *)data + n, size - (size_t)n);

		n = rest < 0 ? rest : (ssize_t)size;
	}
	return rota__stream_leave(s, n);
}

static ssize_t receive(struct rota_stream *s, struct iovec room, int *fds, unsigned *ret_count)
{
	for (;;) {
		ssize_t n;
		int rc = rota_wait_readable(s);

		if (rc < 0)
			return rc;
		n = rota__rights_recv(s->fd, room, fds, ret_count);
		if (n != -EAGAIN)
			return n;
	}
}

ssize_t rota_recv_fds(
	struct rota_stream *s, int *ret_fds, unsigned room, unsigned *ret_count, void *data, size_t size)
{
	ROTA_INSIDE();
	int fds[RIGHTS_MAX];
	unsigned count = 0;
	ssize_t n;

	*ret_count = 0;
	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (s->ahead.start < s->ahead.end || s->inflow != NULL || size == 0) /* no descriptors come from where bytes come unasked */
		return rota__stream_leave(s, rota_read(s, data, size));
	s->drained = false;
	n = receive(s, (struct iovec){ data, size }, fds, &count);
	if (n < 0)
		return rota__stream_leave(s, n);
	if (count > room) {
		rota__rights_close(fds, count);
		return rota__stream_leave(s, ROTA_ELIMIT);
	}
	memcpy(ret_fds, fds, count * sizeof *fds);
	*ret_count = count;
	return rota__stream_leave(s, n);
}
