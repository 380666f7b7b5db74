/* stream.c - a task reads and writes a byte stream
 *
 * Reading asks the poller first (the data is usually not there yet, and io_uring receives straight
 * into the caller's buffer); writing tries the system call first (there is usually room, and the
 * answer is known at once).
 *
 * Bytes read ahead (by a line read, or a peek) wait in stream->ahead and are served first.
 *
 * Every public call is between rota__stream_enter() and rota__stream_leave(), so that a stream which another task closes
 * meanwhile lives until the last call in it has returned. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "await/await.h"
#include "await/move.h"
#include "io/socket.h"
#include "io/stream.h"
#include "os/mem.h"
#include "os/sigpipe.h"

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

/* Wait for the op in one direction of the stream.  The wait is noted, for close() to find. */
static int64_t wait_once(struct rota_stream *s, struct rota__wait **side, struct rota__op_wait *w,
	uint64_t deadline_ns)
{
	int64_t n;

	if (s->closed)
		return ROTA_ECLOSED;
	if (*side != NULL)
		return -EBUSY;
	*side = &w->wait;
	w->op.fd = s->fd;
	n = rota__await(w, deadline_ns);
	*side = NULL;
	return n;
}

/* The same for a reader that is told, or would be, that the stream should be elsewhere. */
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

static int64_t wait_for(struct rota_stream *s, struct rota__wait **side, struct rota__op_wait *w,
	uint64_t deadline_ns)
{
	uint8_t flags = w->op.flags;
	int64_t n;

	if (__builtin_expect(s->loop->retired, 0))
		return wait_elsewhere(s, side, w, deadline_ns, flags);
	n = wait_once(s, side, w, deadline_ns);
	return __builtin_expect(n == ROTA__ELSEWHERE, 0) ? wait_elsewhere(s, side, w, deadline_ns, flags) : n;
}

static int wait_ready(struct rota_stream *s, struct rota__wait **side, uint32_t events, uint64_t deadline_ns)
{
	struct rota__op_wait w = { .op = { .kind = OP_POLL, .poll.events = events } };
	int64_t n = wait_for(s, side, &w, deadline_ns);

	return n < 0 ? (int)n : 0;
}

int rota_wait_readable(struct rota_stream *s)
{
	ROTA_INSIDE();

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (s->ahead.start < s->ahead.end) {
		rota__coop(rota__here());
		return (int)rota__stream_leave(s, 0);
	}
	return (int)rota__stream_leave(s, wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns));
}

/* ---- reading ---- */

/* Pipes and terminals: recv does not work on them. */
static ssize_t receive_file(struct rota_stream *s, const struct iovec *iov, int count)
{
	if (s->unheard) {
		int rc = wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns);

		if (rc < 0)
			return rc;
		s->unheard = false;
	}
	for (;;) {
		ssize_t n = readv(s->fd, iov, count);

		if (n >= 0) {
			rota__coop(rota__here());
			return n;
		}
		if (rota_errno() == -EINTR)
			continue;
		if (rota_errno() != -EAGAIN)
			return rota_errno();
		n = wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns);
		if (n < 0)
			return n;
	}
}

/* From the system, past what was read ahead. */
static ssize_t receive(struct rota_stream *s, void *buf, size_t size)
{
	struct rota__op_wait w = { .op = {
		.kind = OP_RECV,
		.flags = s->drained ? OP_POLL_FIRST : 0,
		.buf = { .base = buf, .len = size > INT32_MAX ? INT32_MAX : (uint32_t)size },
	} };
	int64_t n;

	if (!s->socket)
		return receive_file(s, &(struct iovec){ buf, size }, 1);
	n = wait_for(s, &s->reader, &w, s->read_deadline_ns);
	s->drained = n > 0 && (size_t)n < size && !(w.op.flags & OP_NONEMPTY);
	return n;
}

static size_t ahead_count(const struct rota_stream *s)
{
	return s->ahead.end - s->ahead.start;
}

static size_t ahead_take(struct rota_stream *s, void *buf, size_t size)
{
	size_t n = ahead_count(s);

	if (n > size)
		n = size;
	if (n == 0)
		return 0; /* there may be no memory at all */
	memcpy(buf, s->ahead.data + s->ahead.start, n);
	s->ahead.start += (uint32_t)n;
	return n;
}

ssize_t rota_read(struct rota_stream *s, void *buf, size_t size)
{
	ROTA_INSIDE();

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (size == 0)
		return rota__stream_leave(s, 0);
	return rota__stream_leave(s, ahead_count(s) > 0 ? (ssize_t)ahead_take(s, buf, size) : receive(s, buf, size));
}

static ssize_t receive_vectored(struct rota_stream *s, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
	struct rota__op_wait w = { .op = { .kind = OP_RECVMSG, .msg = { .msg = &msg } } };

	if (!s->socket)
		return receive_file(s, iov, count);
	s->drained = false;
	return wait_for(s, &s->reader, &w, s->read_deadline_ns);
}

ssize_t rota_readv(struct rota_stream *s, const struct iovec *iov, int count)
{
	ROTA_INSIDE();
	ssize_t total = 0;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (ahead_count(s) == 0)
		return rota__stream_leave(s, receive_vectored(s, iov, count));
	for (int i = 0; i < count && ahead_count(s) > 0; i++)
		total += (ssize_t)ahead_take(s, iov[i].iov_base, iov[i].iov_len);
	return rota__stream_leave(s, total);
}

/* Room for one more receive behind what is there, never for more than `limit` bytes in all. */
static int ahead_room(struct rota_stream *s, size_t limit)
{
	enum { FIRST = 4096 }; /* a page: most lines and heads fit */
	struct rota__ahead *a = &s->ahead;
	size_t size = a->size != 0 ? 2 * (size_t)a->size : FIRST;
	char *data;

	if (a->start > 0) {
		memmove(a->data, a->data + a->start, a->end - a->start);
		a->end -= a->start;
		a->start = 0;
	}
	if (a->end < a->size)
		return 0;
	if (a->size >= limit)
		return ROTA_ELIMIT;
	data = rota__realloc(a->data, size > limit ? limit : size);
	if (data == NULL)
		return -ENOMEM;
	a->data = data;
	a->size = (uint32_t)(size > limit ? limit : size);
	return 0;
}

/* Receive more behind what was read ahead: the count, 0 at the end of the stream. */
static ssize_t ahead_fill(struct rota_stream *s, size_t limit)
{
	ssize_t n = ahead_room(s, limit);

	if (n < 0)
		return n;
	n = receive(s, s->ahead.data + s->ahead.end, s->ahead.size - s->ahead.end);
	if (n > 0)
		s->ahead.end += (uint32_t)n;
	return n;
}

ssize_t rota_peek(struct rota_stream *s, void *buf, size_t size)
{
	ROTA_INSIDE();
	enum { PEEK_MAX = 65536 };
	ssize_t n = 1;
	size_t count;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (ahead_count(s) == 0)
		n = ahead_fill(s, PEEK_MAX);
	if (n <= 0)
		return rota__stream_leave(s, n);
	count = ahead_count(s) < size ? ahead_count(s) : size;
	memcpy(buf, s->ahead.data + s->ahead.start, count);
	return rota__stream_leave(s, (ssize_t)count);
}

ssize_t rota_read_exactly(struct rota_stream *s, void *buf, size_t size)
{
	ROTA_INSIDE();
	ssize_t n = 1;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	s->received = ahead_take(s, buf, size);
	while (s->received < size) {
		n = receive(s, (char *)buf + s->received, size - s->received);
		if (n <= 0)
			break;
		s->received += (uint64_t)n;
	}
	return rota__stream_leave(s, s->received == size ? (ssize_t)size : n == 0 ? ROTA_EOF : n);
}

/* Bytes up to and with the delimiter, all of them read ahead; 0 at the end of the stream. */
static ssize_t find(struct rota_stream *s, const char *delimiter, size_t delimiter_bytes, size_t limit)
{
	size_t seen = 0;

	for (;;) {
		size_t count = ahead_count(s);
		const char *data = count > 0 ? s->ahead.data + s->ahead.start : NULL, *hit = NULL;
		ssize_t n;

		if (count >= delimiter_bytes)
			hit = memmem(data + seen, count - seen, delimiter, delimiter_bytes);
		if (hit != NULL)
			return (size_t)(hit - data) + delimiter_bytes > limit
				? ROTA_ELIMIT
				: hit - data + (ssize_t)delimiter_bytes;
		if (count >= limit)
			return ROTA_ELIMIT;
		/* The delimiter may begin in what was seen. */
		seen = count >= delimiter_bytes ? count - delimiter_bytes + 1 : 0;
		n = ahead_fill(s, limit);
		if (n < 0)
			return n;
		if (n == 0)
			return count == 0 ? 0 : ROTA_EOF;
	}
}

ssize_t rota_read_until(struct rota_stream *s, const char *delimiter, size_t delimiter_bytes, char *buf, size_t size)
{
	ROTA_INSIDE();
	ssize_t n;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (size == 0 || delimiter_bytes == 0)
		return rota__stream_leave(s, -EINVAL);
	n = find(s, delimiter, delimiter_bytes, size - 1);
	if (n >= 0) {
		ahead_take(s, buf, (size_t)n);
		buf[n] = '\0';
	}
	return rota__stream_leave(s, n);
}

ssize_t rota_read_line(struct rota_stream *s, char *buf, size_t size)
{
	ROTA_INSIDE();
	ssize_t n;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (size == 0)
		return rota__stream_leave(s, -EINVAL);
	/* One byte for the 0, and the line's end does not count: up to two more. */
	n = find(s, "\n", 1, size + 1);
	if (n == ROTA_EOF && ahead_count(s) < size) {
		n = (ssize_t)ahead_count(s); /* a last line without a newline */
		ahead_take(s, buf, (size_t)n);
		buf[n] = '\0';
		return rota__stream_leave(s, n);
	}
	if (n <= 0)
		return rota__stream_leave(s, n == 0 || n == ROTA_EOF ? (n == 0 ? ROTA_EOF : ROTA_ELIMIT) : n);
	const char *line = s->ahead.data + s->ahead.start;
	size_t length = (size_t)n - 1;

	if (length > 0 && line[length - 1] == '\r')
		length--;
	if (length >= size)
		return rota__stream_leave(s, ROTA_ELIMIT);
	memcpy(buf, line, length);
	buf[length] = '\0';
	s->ahead.start += (uint32_t)n;
	return rota__stream_leave(s, (ssize_t)length);
}

/* ---- leases ---- */

static const uint32_t LEASE_OF_AHEAD = UINT32_MAX; /* the bytes lie in stream->ahead, nothing to return */

static ssize_t lease_ahead(struct rota_stream *s, struct rota_lease *ret)
{
	if (ahead_count(s) == 0) {
		ssize_t n = ahead_fill(s, POLLER_BUFFER_BYTES);

		if (n <= 0)
			return n;
	}
	*ret = (struct rota_lease){ .data = s->ahead.data + s->ahead.start, .size = ahead_count(s), .id = LEASE_OF_AHEAD };
	s->ahead.start = s->ahead.end;
	return (ssize_t)ret->size;
}

/* The buffer is the loop's: whoever lives there stays until it is returned, a visitor comes back for that. */
static void keep_lease(const struct rota_stream *s, struct rota_lease *lease)
{
	struct rota_task *task = rota__current();

	lease->loop = s->loop;
	lease->pins = !rota__is_away(task);
	if (lease->pins)
		rota__pin(task);
}

ssize_t rota_read_lease(struct rota_stream *s, struct rota_lease *ret_lease)
{
	ROTA_INSIDE();
	struct rota__op_wait w = { .op = { .kind = OP_RECV_POOLED, .flags = s->drained ? OP_POLL_FIRST : 0 } };
	int64_t n;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	if (!s->socket || ahead_count(s) > 0) {
		n = lease_ahead(s, ret_lease);
	} else {
		n = wait_for(s, &s->reader, &w, s->read_deadline_ns);
		s->drained = n > 0 && !(w.op.flags & OP_NONEMPTY);
		if (n > 0)
			*ret_lease = (struct rota_lease){ .data = w.op.buf.base, .size = (size_t)n, .id = w.op.buffer_id };
	}
	if (n > 0)
		keep_lease(s, ret_lease);
	return rota__stream_leave(s, n);
}

static void give_back(struct rota_lease *lease)
{
	struct rota_task *task = rota__current();
	struct rota__poller *poller = lease->loop->poller;

	rota__pin_to(task, lease->loop); /* of this run: it cannot fail */
	poller->engine->give_back(poller, lease->id);
	rota__unpin(task);
}

void rota_lease_return(struct rota_lease *lease)
{
	ROTA_INSIDE();

	if (lease->data == NULL)
		return;
	if (lease->id != (uint32_t)LEASE_OF_AHEAD)
		give_back(lease);
	if (lease->pins)
		rota__unpin(rota__current());
	*lease = (struct rota_lease){ .id = (uint32_t)LEASE_OF_AHEAD };
}

/* ---- writing ---- */

/* One try: the count, or a negative errno.  Never a SIGPIPE. */
static ssize_t try_put(struct rota_stream *s, const struct iovec *iov, int count)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
	ssize_t n;

	if (!s->socket)
		return rota__writev_quietly(s->fd, iov, count);
	n = count == 1 ? send(s->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
		       : sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? rota_errno() : n;
}

/* A try answered `error`: wait for room if that is what it wants.  0: try again. */
static int wait_for_room(struct rota_stream *s, ssize_t error)
{
	if (error == -EAGAIN)
		return wait_ready(s, &s->writer, POLLOUT, s->write_deadline_ns);
	return error == -EINTR ? 0 : (int)error;
}

/* One try, then a wait for room, until something was taken. */
static ssize_t put(struct rota_stream *s, const struct iovec *iov, int count)
{
	int rc = rota__task_cancelled(rota__current());

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

int rota_shutdown_write(struct rota_stream *s)
{
	ROTA_INSIDE();

	if (s->closed)
		return ROTA_ECLOSED;
	if (!s->socket)
		return -ENOTSOCK;
	return shutdown(s->fd, SHUT_WR) < 0 ? rota_errno() : 0;
}
