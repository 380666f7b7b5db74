/* stream_write.c - a task writes a byte stream, from memory and from files
 *
 * Writing tries the system call first: there is usually room, and the answer is known at once.  Unless the poller would rather
 * have the sends of several tasks together. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "await/await.h"
#include "io/stream.h"
#include "os/mem.h"
#include "os/sigpipe.h"

enum {
	TOGETHER = 4,	/* so many others are ready, and may have something to send, too */
	SHORT_RUNS = 4, /* if a slice is for fewer of them, what is sent would wait for long */
	SEND_MAX = 1 << 30, /* bytes, in one request */
};

/* One try: the count, or a negative errno.  Never a SIGPIPE. */
static ssize_t try_put(struct rota_stream *s, const struct iovec *iov, int count)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (s->more ? MSG_MORE : 0);
	ssize_t n;

	if (!s->socket)
		return rota__writev_quietly(s->fd, iov, count);
	n = count == 1 ? send(s->fd, iov->iov_base, iov->iov_len, flags) : sendmsg(s->fd, &msg, flags);
	return n < 0 ? rota_errno() : n;
}

/* A try answered `error`: wait for room if that is what it wants.  0: try again. */
static int wait_for_room(struct rota_stream *s, ssize_t error)
{
	if (error == -EAGAIN)
		return rota__stream_wait_ready(s, &s->writer, POLLOUT, s->write_deadline_ns);
	return error == -EINTR ? 0 : (int)error;
}

/* Another task that waits has the side; then ours is tried as ever. */
static bool goes_together(const struct rota_stream *s)
{
	const struct rota__worker *w = rota__here();

	return __builtin_expect(w->loop->poller->gathers, 0) && s->socket && s->writer == NULL && w->batch >= SHORT_RUNS &&
		rota__ready_count(w) >= TOGETHER;
}

/* As an op, which the loop hands over with those of others.  Its result. */
static ssize_t put_together(struct rota_stream *s, const struct iovec *iov, int count)
{
	int flags = s->more ? MSG_MORE : 0;
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
	struct rota__op_wait w = { .op = { .kind = OP_SENDMSG, .msg = { .msg = &msg, .flags = flags } } };

	if (count == 1) {
		w.op.kind = OP_SEND;
		w.op.buf.base = iov->iov_base;
		w.op.buf.len = iov->iov_len < SEND_MAX ? (uint32_t)iov->iov_len : SEND_MAX;
		w.op.buf.flags = flags;
	}
	return rota__stream_wait(s, &s->writer, &w, s->write_deadline_ns);
}

/* One try, then a wait for room, until something was taken. */
static ssize_t put(struct rota_stream *s, const struct iovec *iov, int count)
{
	int rc = rota__task_cancelled(rota__current());

	if (rc == 0 && goes_together(s)) {
		ssize_t n = put_together(s, iov, count);

		if (n != -ETIMEDOUT) /* who has no time to wait has one try all the same */
			return n;
	}
	while (rc == 0 && !s->closed) {
		ssize_t n = try_put(s, iov, count);

		if (n >= 0) {
			rota__coop(rota__here());
			return n;
		}
		rc = wait_for_room(s, n);
	}
	return rc < 0 ? rc : ROTA_ECLOSED;
}

/* All of it; what was moved is added to s->written. */
static int put_all(struct rota_stream *s, const char *buf, size_t size)
{
	while (size > 0) {
		ssize_t n = put(s, &(struct iovec){ (char *)buf, size }, 1);

		if (n < 0)
			return (int)n;
		s->written += (uint64_t)n;
		buf += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t rota_write(struct rota_stream *s, const void *buf, size_t size)
{
	ROTA_INSIDE();
	ssize_t n;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	n = put(s, &(struct iovec){ (void *)buf, size }, 1);
	s->written = n > 0 ? (uint64_t)n : 0;
	return rota__stream_leave(s, n);
}

ssize_t rota_write_all(struct rota_stream *s, const void *buf, size_t size)
{
	ROTA_INSIDE();
	int rc;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	s->written = 0;
	rc = put_all(s, buf, size);
	return rota__stream_leave(s, rc < 0 ? rc : (ssize_t)size);
}

/* Up to `room` pieces of what is left of iov[*index..], from byte *offset of the first. */
static int window(const struct iovec *iov, int count, int *index, size_t *offset, struct iovec *ret, int room)
{
	int n = 0;

	while (*index < count && *offset >= iov[*index].iov_len) {
		*offset -= iov[*index].iov_len;
		(*index)++;
	}
	for (int i = *index; i < count && n < room; i++, n++)
		ret[n] = iov[i];
	if (n > 0) {
		ret[0].iov_base = (char *)ret[0].iov_base + *offset;
		ret[0].iov_len -= *offset;
	}
	return n;
}

ssize_t rota_writev_all(struct rota_stream *s, const struct iovec *iov, int count)
{
	ROTA_INSIDE();
	enum { WINDOW = 16 }; /* 256 bytes of stack; more pieces take more calls */
	struct iovec piece[WINDOW];
	size_t offset = 0;
	int index = 0, pieces;
	ssize_t n = 0;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	s->written = 0;
	while (n >= 0 && (pieces = window(iov, count, &index, &offset, piece, WINDOW)) > 0) {
		n = put(s, piece, pieces);
		if (n > 0) {
			s->written += (uint64_t)n;
			offset += (size_t)n;
		}
	}
	return rota__stream_leave(s, n < 0 ? n : (ssize_t)s->written);
}

/* ---- files ---- */

enum {
	SENDFILE_CHUNK = 1 << 20, /* so that the loop turns while a large file goes out */
	COPY_CHUNK = 65536,
};

/* Files that sendfile(2) will not take, of /proc for instance. */
static int send_by_copy(struct rota_stream *s, int fd, uint64_t offset, uint64_t size)
{
	char *buf = rota__alloc(COPY_CHUNK);
	int rc = buf != NULL ? 0 : -ENOMEM;

	while (rc == 0 && s->written < size) {
		uint64_t left = size - s->written;
		ssize_t n = pread(fd, buf, left < COPY_CHUNK ? left : COPY_CHUNK, (off_t)(offset + s->written));

		rc = n > 0 ? put_all(s, buf, (size_t)n) : n == 0 ? ROTA_EOF : rota_errno() == -EINTR ? 0 : rota_errno();
	}
	rota__free(buf);
	return rc;
}

static int send_file(struct rota_stream *s, int fd, uint64_t offset, uint64_t size)
{
	int rc = rota__task_cancelled(rota__current());
	off_t at = (off_t)offset;

	while (rc == 0 && s->written < size && !s->closed) {
		uint64_t left = size - s->written;
		ssize_t n = rota__sendfile_quietly(s->fd, fd, &at, left < SENDFILE_CHUNK ? left : SENDFILE_CHUNK);

		if (n == -EINVAL && s->written == 0)
			return send_by_copy(s, fd, offset, size);
		if (n > 0)
			s->written += (uint64_t)n;
		rc = n > 0 ? rota_yield() : n == 0 ? ROTA_EOF : wait_for_room(s, n);
	}
	return s->written == size ? 0 : rc < 0 ? rc : ROTA_ECLOSED;
}

ssize_t rota_sendfile(struct rota_stream *s, int fd, uint64_t offset, uint64_t size)
{
	ROTA_INSIDE();
	int rc;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	s->written = 0;
	rc = send_file(s, fd, offset, size);
	return rota__stream_leave(s, rc < 0 ? rc : (ssize_t)size);
}
