/* perform.c - an operation done here and now, by its system call
 *
 * For FILE ops this is what the blocking pool does; for SOCKET ops it is one try that does not wait. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "poll/poller.h"

static int64_t or_errno(int64_t n)
{
	return n < 0 ? rota_errno() : n;
}

static int64_t try_poll(const struct rota__op *op)
{
	struct pollfd p = { .fd = op->fd, .events = (short)op->poll.events };
	int n = poll(&p, 1, 0);

	if (n < 0)
		return rota_errno();
	if (n == 0)
		return -EAGAIN;
	return p.revents & POLLNVAL ? -EBADF : p.revents;
}

/* The first call starts it; later ones, when the socket is writable, ask how it went. */
static int64_t try_connect(const struct rota__op *op)
{
	if (connect(op->fd, op->connect.addr, op->connect.len) == 0 || rota_errno() == -EISCONN)
		return 0;
	/* EAGAIN is a Unix listener's full backlog: it has no readiness to wait for, so it is told. */
	return rota_errno() == -EINPROGRESS || rota_errno() == -EALREADY ? -EAGAIN : rota_errno() == -EAGAIN ? -ECONNREFUSED : rota_errno();
}

static int64_t perform_once(struct rota__op *op)
{
	uint64_t offset = op->kind == OP_READV || op->kind == OP_WRITEV ? op->iov.offset : op->buf.offset;
	bool at_position = offset == UINT64_MAX;

	switch ((enum rota__op_kind)op->kind) {
	case OP_NOP:
		return 0;
	case OP_POLL:
		return try_poll(op);
	case OP_RECV:
	case OP_RECV_POOLED:
	case OP_RECV_MULTI:
		return or_errno(recv(op->fd, op->buf.base, op->buf.len, op->buf.flags | MSG_DONTWAIT));
	case OP_SEND:
		return or_errno(
			send(op->fd, op->buf.base, op->buf.len, op->buf.flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case OP_RECVMSG:
		return or_errno(recvmsg(op->fd, op->msg.msg, op->msg.flags | MSG_DONTWAIT));
	case OP_SENDMSG:
		return or_errno(sendmsg(op->fd, op->msg.msg, op->msg.flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case OP_ACCEPT:
	case OP_ACCEPT_MULTI:
		return or_errno(accept4(
			op->fd, op->accept.addr, op->accept.len, SOCK_CLOEXEC | SOCK_NONBLOCK));
	case OP_CONNECT:
		return try_connect(op);
	case OP_READ:
		return or_errno(at_position ? read(op->fd, op->buf.base, op->buf.len)
					    : pread(op->fd, op->buf.base, op->buf.len, (off_t)offset));
	case OP_WRITE:
		return or_errno(at_position ? write(op->fd, op->buf.base, op->buf.len)
					    : pwrite(op->fd, op->buf.base, op->buf.len, (off_t)offset));
	case OP_READV:
		return or_errno(at_position ? readv(op->fd, op->iov.iov, (int)op->iov.count)
					    : preadv(op->fd, op->iov.iov, (int)op->iov.count, (off_t)offset));
	case OP_WRITEV:
		return or_errno(at_position ? writev(op->fd, op->iov.iov, (int)op->iov.count)
					    : pwritev(op->fd, op->iov.iov, (int)op->iov.count, (off_t)offset));
	case OP_OPENAT:
		return or_errno(openat(op->fd, op->path.path, op->path.flags | O_CLOEXEC, op->path.mode));
	case OP_CLOSE:
		return or_errno(close(op->fd));
	case OP_STATX:
		return or_errno(
			statx(op->fd, op->path.path, op->path.flags, op->path.mode, op->path.statx));
	case OP_FSYNC:
		return or_errno(op->path.flags & 1 ? fdatasync(op->fd) : fsync(op->fd));
	case OP_FTRUNCATE:
		return or_errno(ftruncate(op->fd, (off_t)op->buf.offset));
	case OP_RENAMEAT:
		return or_errno(renameat(op->fd, op->path.path, op->fd, op->path.path2));
	case OP_UNLINKAT:
		return or_errno(unlinkat(op->fd, op->path.path, op->path.flags));
	case OP_MKDIRAT:
		return or_errno(mkdirat(op->fd, op->path.path, op->path.mode));
	case OP_KINDS:
		break;
	}
	return -EINVAL;
}

int64_t rota__op_perform(struct rota__op *op)
{
	int64_t result;

	/* close(2): on Linux the descriptor is gone even after EINTR; again would hit another's. */
	do
		result = perform_once(op);
	while (result == -EINTR && op->kind != OP_CLOSE);
	return result;
}
