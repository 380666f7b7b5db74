/* pass.c - descriptors travel over local sockets
 *
 * They are attached to a byte: so they go with the first bytes of a message, and who reads these bytes
 * by other means than rota_recv_fds() loses them. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "await/await.h"
#include "io/stream.h"

enum { FDS_MAX = 253 }; /* the kernel's SCM_MAX_FD */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static ssize_t leave(struct rota_stream *s, ssize_t n)
{
	if (--s->users == 0 && s->closed)
		rota__stream_free(s);
	return n;
}

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

		if (n >= 0)
			return n;
		rc = errno == EAGAIN ? wait_for_room(s) : errno == EINTR ? 0 : -errno;
	}
	return rc < 0 ? rc : ROTA_ECLOSED;
}

ssize_t rota_send_fds(struct rota_stream *s, const int *fds, unsigned count, const void *data, size_t size)
{
	ROTA_INSIDE();
	struct iovec iov = { (void *)data, size };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof *fds) };
	ssize_t n;

	if (count == 0 || count > FDS_MAX || size == 0)
		return -EINVAL;
	if (s->closed)
		return ROTA_ECLOSED;
	if (rota__current() == NULL)
		return -EPERM;
	control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(count * sizeof *fds) };
	memcpy(CMSG_DATA(&control.align), fds, count * sizeof *fds);
	s->users++;
	n = send_first(s, &msg);
	if (n >= 0 && (size_t)n < size) {
		ssize_t rest = rota_write_all(s, (const char *)data + n, size - (size_t)n);

		n = rest < 0 ? rest : (ssize_t)size;
	}
	return leave(s, n);
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* What came, into fds[]: how many.  The kernel may have cut them into several messages. */
static unsigned unpack(struct msghdr *msg, int *fds)
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(c), bytes);
		count += (unsigned)(bytes / sizeof *fds);
	}
	return count;
}

static ssize_t receive(struct rota_stream *s, struct msghdr *msg)
{
	for (;;) {
		ssize_t n;
		int rc = rota_wait_readable(s);

		if (rc < 0)
			return rc;
		n = recvmsg(s->fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

ssize_t rota_recv_fds(
	struct rota_stream *s, int *ret_fds, unsigned room, unsigned *ret_count, void *data, size_t size)
{
	ROTA_INSIDE();
	struct iovec iov = { data, size };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof control };
	int fds[FDS_MAX];
	unsigned count;
	ssize_t n;

	*ret_count = 0;
	if (s->closed)
		return ROTA_ECLOSED;
	if (s->ahead.start < s->ahead.end || size == 0)
		return rota_read(s, data, size);
	s->users++;
	s->drained = false;
	n = receive(s, &msg);
	if (n < 0)
		return leave(s, n);
	count = unpack(&msg, fds);
	/* There was room for all that can come: so we had no numbers left for them. */
	if (count > room || msg.msg_flags & MSG_CTRUNC) {
		close_all(fds, count);
		return leave(s, msg.msg_flags & MSG_CTRUNC ? -EMFILE : ROTA_ELIMIT);
	}
	memcpy(ret_fds, fds, count * sizeof *fds);
	*ret_count = count;
	return leave(s, n);
}
