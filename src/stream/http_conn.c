/* http_conn.c - one HTTP connection: bytes in, bytes out, and how long to wait for either
 *
 * Before it waits for input a connection sends what it has gathered; while it waits between
 * requests it holds neither buffer nor work. */
#include <sys/socket.h>

#include "os/mem.h"
#include "io/stream.h"
#include "stream/http_server.h"

/* After our last word: how long and how much a peer may go on sending before we stop listening.  It
 * only has to outlast the round trip in which the peer sees our answer. */
enum { LINGER_BYTES_MAX = 1024 * 1024 };
#define LINGER_NS ROTA_SECONDS(2)

static int lost(struct http_conn *c, int rc)
{
	if (c->broken == 0) {
		c->broken = rc;
		http_count(c->server, &c->server->stats->timeouts, rc == -ETIMEDOUT);
		http_count(c->server, &c->server->stats->resets, rc != -ETIMEDOUT && rc != -ECANCELED);
	}
	return rc;
}

/* ---- out ---- */

static void skip_sent(struct iovec **iov, int *count, uint64_t sent)
{
	while (*count > 0 && sent >= (*iov)->iov_len) {
		sent -= (*iov)->iov_len;
		++*iov;
		--*count;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + sent;
		(*iov)->iov_len -= sent;
	}
}

/* A write ended early: shall it go on?  Yes when it was our own time-out and the peer has taken
 * enough in the time that it had. */
static bool peer_is_alive(struct http_conn *c, ssize_t rc, uint64_t sent)
{
	return rc == -ETIMEDOUT && sent >= c->server->options.transfer_bytes_min &&
	       rota_cancelled() == 0;
}

static void allow_write_time(struct http_conn *c)
{
	rota_stream_set_deadlines(c->stream, ROTA_FOREVER,
		http_deadline(c->server, c->server->options.transfer_timeout_ns));
}

static int send_all(struct http_conn *c, struct iovec *iov, int count)
{
	ssize_t rc;

	do {
		allow_write_time(c);
		rc = count == 1 ? rota_write_all(c->stream, iov->iov_base, iov->iov_len)
				: rota_writev_all(c->stream, iov, count);
		uint64_t sent = rota_stream_written(c->stream);

		http_count(c->server, &c->server->stats->bytes_out, sent);
		if (rc >= 0)
			return 0;
		if (!peer_is_alive(c, rc, sent))
			return lost(c, (int)rc);
		skip_sent(&iov, &count, sent);
	} while (count > 0);
	return 0;
}

int rota__http_flush(struct http_conn *c)
{
	struct http_work *work = c->work;
	struct iovec out = { work->out, work->out_len };

	if (c->broken != 0)
		return c->broken;
	if (work->out_len == 0)
		return 0;
	work->out_len = 0;
	return send_all(c, &out, 1);
}

int rota__http_flush_with(struct http_conn *c, const struct iovec *iov, int count)
{
	struct http_work *work = c->work;
	struct iovec all[4] = { { work->out, work->out_len } };
	int used = work->out_len > 0;

	if (c->broken != 0)
		return c->broken;
	for (int i = 0; i < count; i++)
		if (iov[i].iov_len > 0)
			all[used++] = iov[i];
	work->out_len = 0;
	return used > 0 ? send_all(c, all, used) : 0;
}

int rota__http_flush_file(struct http_conn *c, int fd, uint64_t offset, uint64_t size)
{
	int rc;

	c->stream->more = size > 0;
	rc = rota__http_flush(c);
	c->stream->more = false;
	while (rc == 0 && size > 0) {
		allow_write_time(c);
		ssize_t n = rota_sendfile(c->stream, fd, offset, size);
		uint64_t sent = rota_stream_written(c->stream);

		http_count(c->server, &c->server->stats->bytes_out, sent);
		if (n < 0 && !peer_is_alive(c, n, sent))
			rc = lost(c, (int)n);
		offset += sent;
		size -= sent;
	}
	return rc;
}

/* ---- in ---- */

static ssize_t received(struct http_conn *c, ssize_t n)
{
	if (n > 0) {
		http_count(c->server, &c->server->stats->bytes_in, (uint64_t)n);
		return n;
	}
	return n == 0 ? ROTA_EOF : n;
}

ssize_t rota__http_receive(struct http_conn *c, void *buf, size_t size, uint64_t deadline_ns)
{
	int rc = rota__http_flush(c);

	if (rc < 0)
		return rc;
	rota_stream_set_deadlines(c->stream, deadline_ns, ROTA_FOREVER);
	return received(c, rota_read(c->stream, buf, size));
}

/* Bytes have come: leave IDLE.  They are copied out of the loop's few buffers, so that a peer that
 * is slow to read its answer, or a handler that waits, keeps none of those. */
static int begin_work(struct http_conn *c, const void *data, size_t size)
{
	struct http_work *work = rota__http_work_take(c->server);

	if (work == NULL)
		return -ENOMEM;
	if (size > work->in.size) {
		char *larger = rota__realloc(work->in.data, size + HTTP_BODY_ROOM);

		if (larger == NULL) {
			rota__http_work_return(c->server, work);
			return -ENOMEM;
		}
		work->in.data = larger;
		work->in.size = (uint32_t)size + HTTP_BODY_ROOM;
	}
	memcpy(work->in.data, data, size);
	work->in.at = 0;
	work->in.end = (uint32_t)size;
	work->out_len = 0;
	c->work = work;
	return 0;
}

static void end_work(struct http_conn *c)
{
	if (c->work != NULL)
		rota__http_work_return(c->server, c->work);
	c->work = NULL;
}

static ssize_t wait_idle(struct http_conn *c, struct rota_lease *ret_lease, bool may_move)
{
	ssize_t n;

	c->idle = true;
	c->stream->by_server = may_move;
	n = received(c, rota_read_lease(c->stream, ret_lease));
	c->idle = c->stream->by_server = false;
	return n;
}

/* Wait for the first byte of a request.  False: the connection is over, or is not here any more. */
static bool idle(struct http_conn *c)
{
	struct http_server *server = c->server;
	struct rota_lease lease;
	ssize_t n;
	int rc;

	end_work(c);
	if (server->stopping)
		return false;
	rota_stream_set_deadlines(
		c->stream, http_deadline(server, server->options.idle_timeout_ns), ROTA_FOREVER);
	n = wait_idle(c, &lease, true);
	if (n == ROTA__ELSEWHERE) {
		if (rota__http_move(c))
			return false;
		n = wait_idle(c, &lease, false);
	}
	if (n < 0) {
		if (n != ROTA_EOF && n != -ETIMEDOUT)
			lost(c, (int)n);
		return false;
	}
	rc = begin_work(c, lease.data, (size_t)n);
	rota_lease_return(&lease);
	return rc == 0;
}

/* A part of a head is there: wait for more of it.  `deadline_ns` is for the head as a whole. */
static bool more_of_head(struct http_conn *c, uint64_t *deadline_ns)
{
	struct http_work *work = c->work;
	ssize_t n;

	if (*deadline_ns == 0)
		*deadline_ns = http_deadline(c->server, c->server->options.head_timeout_ns);
	rota__http_inbox_compact(&work->in);
	n = rota__http_receive(
		c, work->in.data + work->in.end, work->in.size - work->in.end, *deadline_ns);
	if (n > 0)
		work->in.end += (uint32_t)n;
	if (n > 0)
		return true;
	if (n == -ETIMEDOUT && rota_cancelled() == 0 && c->broken == 0) {
		http_count(c->server, &c->server->stats->timeouts, 1);
		rota__http_refuse(c, 408, "the head of the request did not come in time");
	} else if (n != ROTA_EOF) {
		lost(c, (int)n);
	}
	return false;
}

bool rota__http_next_request(struct http_conn *c)
{
	uint64_t deadline_ns = 0;

	for (;;) {
		if (c->work == NULL && !idle(c))
			return false;

		struct http_work *work = c->work;
		int n = rota__http1_parse_request(&c->parser, work->in.data + work->in.at,
			work->in.end - work->in.at, &work->head);

		if (n > 0) {
			rota__http_head_used(&work->in, &work->head, (size_t)n);
			rota__http_exchange_begin(c);
			return true;
		}
		if (n < 0) {
			http_count(c->server, &c->server->stats->refused, 1);
			rota__http_refuse(
				c, rota__http1_error_status(n), rota__http1_error_text(n));
			return false;
		}
		if (work->in.at < work->in.end) {
			if (!more_of_head(c, &deadline_ns))
				return false;
		} else if (rota__http_flush(c) < 0) {
			return false;
		} else {
			end_work(c);
		}
	}
}

/* ---- early ---- */

/* Straight to the socket and without waiting: the connection's task waits for something else
 * meanwhile, and does so inside no call of the stream. */
static void send_early(void *arg)
{
	struct http_work *work = arg;
	struct http_conn *c = work->x.conn;
	ssize_t n;

	work->early = false;
	c->server->early_calls--;
	if (!work->in_handler || work->out_len == 0 || c->broken != 0)
		return;
	n = send(rota_stream_fd(c->stream), work->out, work->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return; /* no room, or an error that the task will meet, too */
	http_count(c->server, &c->server->stats->bytes_out, (uint64_t)n);
	work->out_len -= (uint32_t)n;
	memmove(work->out, work->out + n, work->out_len);
}

/* A tick runs when the task has given up the thread: when the handler has returned without waiting,
 * nothing is gathered any more, or another tick is due. */
void rota__http_send_early(struct http_conn *c)
{
	struct http_work *work = c->work;

	if (work->early)
		return;
	if (rota_next_tick(c->server->loop, send_early, work) < 0) {
		rota__http_flush(c);
		return;
	}
	work->early = true;
	c->server->early_calls++;
}

void rota__http_linger(struct http_conn *c)
{
	uint64_t deadline_ns = http_deadline(c->server, LINGER_NS);
	uint64_t left = LINGER_BYTES_MAX;
	ssize_t n;

	if (c->broken != 0 || rota__http_flush(c) < 0 || rota_shutdown_write(c->stream) < 0)
		return;
	do {
		n = rota__http_receive(c, c->work->in.data, c->work->in.size, deadline_ns);
		left -= n > 0 && (uint64_t)n < left ? (uint64_t)n : 0;
	} while (n > 0 && left > (uint64_t)n);
}
