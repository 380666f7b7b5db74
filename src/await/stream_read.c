/* stream_read.c - a task reads a byte stream
 *
 * Reading asks the poller first: the data is usually not there yet, and io_uring receives straight into the caller's buffer.
 * Bytes read ahead (by a line read, or a peek) wait in stream->ahead and are served first. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "await/await.h"
#include "io/stream.h"
#include "os/mem.h"

/* Pipes and terminals: recv does not work on them. */
static ssize_t receive_file(struct rota_stream *s, const struct iovec *iov, int count)
{
	if (s->unheard) {
		int rc = rota__stream_wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns);

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
		n = rota__stream_wait_ready(s, &s->reader, POLLIN, s->read_deadline_ns);
		if (n < 0)
			return n;
	}
}

/* ---- what comes unasked ---- */

/* The oldest arrival is taken: it is out of the line now. */
static struct rota__arrival take_arrival(struct rota_stream *s)
{
	struct rota__arrival a = *inflow_first(s->inflow);

	inflow_pop(s->inflow);
	s->drained = !a.more && !inflow_has(s->inflow);
	return a;
}

/* Bytes of the oldest arrival; there is one. */
static size_t inflow_take(struct rota_stream *s, void *buf, size_t size)
{
	struct rota__arrival *a = inflow_first(s->inflow);
	size_t n = a->size - a->used < size ? a->size - a->used : size;

	memcpy(buf, a->data + a->used, n);
	a->used += (uint32_t)n;
	if (a->used == a->size) {
		const struct rota__arrival used = take_arrival(s);

		rota__inflow_give_back(s->inflow, &used);
	}
	return n;
}

/* Of as many arrivals as fit. */
static size_t inflow_take_all(struct rota_stream *s, char *buf, size_t size)
{
	size_t taken = 0;

	while (taken < size && inflow_has(s->inflow))
		taken += inflow_take(s, buf + taken, size - taken);
	return taken;
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
	if (s->inflow != NULL && size >= POLLER_BUFFER_BYTES)
		rota__inflow_stop(s->inflow); /* so much is better not copied */
	n = rota__stream_await_inflow(s);
	if (n != 0)
		return n < 0 ? n : (ssize_t)inflow_take_all(s, buf, size);
	n = rota__stream_wait(s, &s->reader, &w, s->read_deadline_ns);
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
	size_t total = 0;
	int rc;

	if (!s->socket)
		return receive_file(s, iov, count);
	rc = rota__stream_await_inflow(s);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		for (int i = 0; i < count && inflow_has(s->inflow); i++)
			total += inflow_take_all(s, iov[i].iov_base, iov[i].iov_len);
		return (ssize_t)total;
	}
	s->drained = false;
	return rota__stream_wait(s, &s->reader, &w, s->read_deadline_ns);
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

/* A copy is freed where it begins. */
static void lease_arrival(struct rota_stream *s, struct rota_lease *ret)
{
	struct rota__arrival a = take_arrival(s);

	if (a.buffer_id == ARRIVAL_COPIED && a.used > 0) {
		memmove(a.data, a.data + a.used, a.size - a.used);
		a.size -= a.used;
		a.used = 0;
	}
	*ret = (struct rota_lease){ .data = a.data + a.used, .size = a.size - a.used, .id = a.buffer_id };
}

static int64_t lease_asked_for(struct rota_stream *s, struct rota_lease *ret)
{
	struct rota__op_wait w = { .op = { .kind = OP_RECV_POOLED, .flags = s->drained ? OP_POLL_FIRST : 0 } };
	int64_t n = rota__stream_wait(s, &s->reader, &w, s->read_deadline_ns);

	s->drained = n > 0 && !(w.op.flags & OP_NONEMPTY);
	if (n > 0)
		*ret = (struct rota_lease){ .data = w.op.buf.base, .size = (size_t)n, .id = w.op.buffer_id };
	return n;
}

/* Who leases again, from a stream that was empty, will most likely do so once more: from now on bytes come unasked. */
static int64_t lease(struct rota_stream *s, struct rota_lease *ret)
{
	int rc;

	if (s->drained && s->leases && inflow_is_idle(s->inflow) && !s->loop->retired)
		rota__inflow_start(s);
	rc = rota__stream_await_inflow(s);
	if (rc == 0)
		return lease_asked_for(s, ret);
	if (rc > 0)
		lease_arrival(s, ret);
	return rc < 0 ? rc : (int64_t)ret->size;
}

ssize_t rota_read_lease(struct rota_stream *s, struct rota_lease *ret_lease)
{
	ROTA_INSIDE();
	int64_t n;

	if (!rota__stream_enter(s))
		return rota__stream_refused(s);
	n = !s->socket || ahead_count(s) > 0 ? lease_ahead(s, ret_lease) : lease(s, ret_lease);
	if (n > 0) {
		s->leases = true;
		keep_lease(s, ret_lease);
	}
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
	if (lease->id == ARRIVAL_COPIED)
		rota__free((void *)(uintptr_t)lease->data);
	else if (lease->id != LEASE_OF_AHEAD)
		give_back(lease);
	if (lease->pins)
		rota__unpin(rota__current());
	*lease = (struct rota_lease){ .id = (uint32_t)LEASE_OF_AHEAD };
}
