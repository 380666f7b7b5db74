/* http_reply.c - what a handler answers
 *
 *   NONE --rota_http_reply(), _reply_file()--> WHOLE
 *   NONE --rota_http_begin()--> PIECES --rota_http_write()--> PIECES --rota_http_end()--> WHOLE
 *
 * Heads are written into work->out, behind the answers that wait there already.  A body that fits
 * goes there, too; a larger one is sent from where it is, with what was gathered in front of it. */
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "codec/http_date.h"
#include "stream/http_server.h"

/* ---- heads ---- */

static void refresh_stamp(struct http_server *server, uint64_t now_ns)
{
	struct http1_out out;
	struct timespec now;
	char date[HTTP_DATE_BYTES];

	clock_gettime(CLOCK_REALTIME, &now);
	rota__http_date_format(now.tv_sec, date);
	http1_out_init(&out, server->stamp, sizeof server->stamp);
	rota__http1_put_field(&out, HTTP_FIELD_DATE, (struct span){ date, sizeof date });
	if (server->options.server_name != NULL)
		rota__http1_put_field(
			&out, HTTP_FIELD_SERVER, span_of(server->options.server_name));
	server->stamp_len = (uint32_t)out.len;
	server->stamp_until_ns = now_ns + ROTA_SECONDS(1) - (uint64_t)now.tv_nsec;
}

static struct span stamp(struct http_server *server)
{
	uint64_t now_ns = rota_loop_now_ns(server->loop);

	if (now_ns >= server->stamp_until_ns)
		refresh_stamp(server, now_ns);
	return (struct span){ server->stamp, server->stamp_len };
}

static bool is_ours(enum http_field field)
{
	return field == HTTP_FIELD_CONNECTION || field == HTTP_FIELD_CONTENT_LENGTH ||
	       field == HTTP_FIELD_TRANSFER_ENCODING || field == HTTP_FIELD_DATE ||
	       field == HTTP_FIELD_SERVER;
}

static void put_fields(struct http1_out *out, const struct rota_http_header *headers)
{
	for (; headers != NULL && headers->name != NULL; headers++) {
		struct span name = span_of(headers->name), value = span_of(headers->value);

		if (is_ours(rota__http_field(name.at, name.len)))
			out->error = -EINVAL;
		rota__http1_put_named(out, name, value);
	}
}

struct reply {
	unsigned status;
	const struct rota_http_header *headers;
	struct span type; /* Content-Type, when there are no headers */
	uint64_t size;
	enum http1_framing framing;
	bool keep, http10;
};

static void put_head(struct http1_out *out, struct http_server *server, const struct reply *r)
{
	rota__http1_put_status(out, r->status);
	rota__http1_put_raw(out, stamp(server));
	if (r->type.at != NULL)
		rota__http1_put_field(out, HTTP_FIELD_CONTENT_TYPE, r->type);
	put_fields(out, r->headers);
	if (r->framing == HTTP1_LENGTH)
		rota__http1_put_field_number(out, HTTP_FIELD_CONTENT_LENGTH, r->size);
	if (r->framing == HTTP1_CHUNKED)
		rota__http1_put_field(out, HTTP_FIELD_TRANSFER_ENCODING, SPAN("chunked"));
	if (!r->keep)
		rota__http1_put_field(out, HTTP_FIELD_CONNECTION, SPAN("close"));
	else if (r->http10)
		rota__http1_put_field(out, HTTP_FIELD_CONNECTION, SPAN("keep-alive"));
	rota__http1_put_end(out);
}

/* Put the head into work->out; when it does not fit behind what is there, send that first.
 * -ENOBUFS: it would not fit into all of it. */
static int write_head(struct http_conn *c, const struct reply *r)
{
	struct http_work *work = c->work;
	struct http1_out out;
	int rc;

	http1_out_init(&out, work->out + work->out_len, HTTP_OUT_BYTES - work->out_len);
	put_head(&out, c->server, r);
	if (out.error == -ENOBUFS && work->out_len > 0) {
		rc = rota__http_flush(c);
		if (rc < 0)
			return rc;
		http1_out_init(&out, work->out, HTTP_OUT_BYTES);
		put_head(&out, c->server, r);
	}
	if (out.error < 0)
		return out.error;
	work->out_len += (uint32_t)out.len;
	return 0;
}

/* Everything about an answer that does not depend on how its body will be sent. */
static int begin_reply(struct rota_http_exchange *x, struct reply *r)
{
	struct http_conn *c = x->conn;
	const struct http1_head *head = &c->work->head;
	int rc;

	if (x->reply != REPLY_NONE)
		return -EALREADY;
	if (r->status < 200 || r->status > 999)
		return -EINVAL;
	if (!http_status_has_body(r->status)) {
		if (r->framing == HTTP1_LENGTH && r->size > 0)
			return -EINVAL;
		r->framing = HTTP1_NO_BODY;
	}
	r->http10 = head->minor == 0;
	if (r->framing == HTTP1_CHUNKED && r->http10) {
		r->framing = HTTP1_UNTIL_CLOSE;
		x->keep = false;
	}
	if (c->server->stopping || !rota__http_body_drainable(x))
		x->keep = false;
	r->keep = x->keep;
	rc = c->broken != 0 ? c->broken : write_head(c, r);
	if (rc < 0)
		return rc;
	x->reply = REPLY_PIECES;
	x->done.status = r->status;
	x->framing_out = head->method == HTTP_METHOD_HEAD ? HTTP1_NO_BODY : r->framing;
	x->body_left_out = x->framing_out == HTTP1_LENGTH ? r->size : 0;
	return 0;
}

/* ---- bodies ---- */

static int put_bytes(struct rota_http_exchange *x, const void *data, size_t size)
{
	struct http_work *work = x->conn->work;
	struct iovec iov = { (void *)data, size };

	if (size <= HTTP_OUT_BYTES - work->out_len) {
		memcpy(work->out + work->out_len, data, size);
		work->out_len += (uint32_t)size;
		return 0;
	}
	return rota__http_flush_with(x->conn, &iov, 1);
}

static int reply_bytes(struct rota_http_exchange *x, struct reply *r, const void *body, size_t size)
{
	int rc;

	r->framing = HTTP1_LENGTH;
	r->size = size;
	rc = begin_reply(x, r);
	if (rc < 0)
		return rc;
	x->reply = REPLY_WHOLE;
	if (x->framing_out != HTTP1_LENGTH || size == 0)
		return 0;
	rc = put_bytes(x, body, size);
	if (rc == 0)
		x->done.body_bytes = size;
	return rc;
}

int rota_http_reply(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, const void *body, size_t size)
{
	struct reply r = { .status = status, .headers = headers };

	return reply_bytes(x, &r, body, size);
}

int rota_http_reply_text(struct rota_http_exchange *x, unsigned status, const char *text)
{
	struct reply r = { .status = status, .type = SPAN("text/plain; charset=utf-8") };

	return reply_bytes(x, &r, text, strlen(text));
}

/* A file that fits beside its head goes out with it.  Only from the page cache, so that a slow disk does not hold the loop.  The
 * head of a longer one waits in the socket for sendfile(2), which copies nothing. */
static ssize_t put_file(struct rota_http_exchange *x, int fd, uint64_t offset, uint64_t size)
{
	struct http_work *work = x->conn->work;
	struct iovec iov = { work->out + work->out_len, size };
	ssize_t n = size <= HTTP_OUT_BYTES - work->out_len ? preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT) : 0;

	if (n <= 0)
		return 0;
	work->out_len += (uint32_t)n;
	return n;
}

static int send_file(struct rota_http_exchange *x, int fd, uint64_t offset, uint64_t size)
{
	ssize_t n;
	int rc;

	if (size == 0)
		return 0;
	n = put_file(x, fd, offset, size);
	x->done.body_bytes += (uint64_t)n;
	if ((uint64_t)n == size)
		return 0;
	rc = rota__http_flush_file(x->conn, fd, offset + (uint64_t)n, size - (uint64_t)n);
	if (rc < 0)
		return rc;
	x->done.body_bytes += size - (uint64_t)n;
	return 0;
}

int rota_http_reply_file(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, int fd, uint64_t offset, uint64_t size)
{
	struct reply r = {
		.status = status, .headers = headers, .size = size, .framing = HTTP1_LENGTH
	};
	int rc = begin_reply(x, &r);

	if (rc < 0)
		return rc;
	x->reply = REPLY_WHOLE;
	return x->framing_out == HTTP1_LENGTH ? send_file(x, fd, offset, size) : 0;
}

int rota_http_begin(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, int64_t size)
{
	struct reply r = {
		.status = status,
		.headers = headers,
		.size = size < 0 ? 0 : (uint64_t)size,
		.framing = size < 0 ? HTTP1_CHUNKED : HTTP1_LENGTH,
	};

	return begin_reply(x, &r);
}

/* May `size` more bytes of body be sent?  1: yes; 0: they are not wanted (HEAD, 204 ...). */
static int may_write(struct rota_http_exchange *x, uint64_t size)
{
	if (x->reply != REPLY_PIECES)
		return -EINVAL;
	if (x->conn->broken != 0)
		return x->conn->broken;
	if (x->framing_out == HTTP1_LENGTH) {
		if (size > x->body_left_out)
			return -EMSGSIZE;
		x->body_left_out -= size;
	}
	return x->framing_out != HTTP1_NO_BODY && size > 0;
}

static int write_chunk_head(
	struct rota_http_exchange *x, char *line, uint64_t size, struct iovec *iov)
{
	struct http1_out out;

	http1_out_init(&out, line, HTTP1_CHUNK_HEAD_MAX);
	rota__http1_put_chunk(&out, size);
	*iov = (struct iovec){ line, out.len };
	return out.error;
}

int rota_http_write(struct rota_http_exchange *x, const void *data, size_t size)
{
	struct iovec iov[3] = { { NULL, 0 }, { (void *)data, size }, { NULL, 0 } };
	char line[HTTP1_CHUNK_HEAD_MAX];
	int rc = may_write(x, size);

	if (rc <= 0)
		return rc;
	if (x->framing_out == HTTP1_CHUNKED) {
		write_chunk_head(x, line, size, &iov[0]);
		iov[2] = (struct iovec){ (void *)"\r\n", 2 };
	}
	rc = rota__http_flush_with(x->conn, iov, 3);
	if (rc == 0)
		x->done.body_bytes += size;
	return rc;
}

int rota_http_write_file(struct rota_http_exchange *x, int fd, uint64_t offset, uint64_t size)
{
	struct iovec iov;
	char line[HTTP1_CHUNK_HEAD_MAX];
	int rc = may_write(x, size);

	if (rc <= 0)
		return rc;
	if (x->framing_out == HTTP1_CHUNKED) {
		write_chunk_head(x, line, size, &iov);
		rc = put_bytes(x, iov.iov_base, iov.iov_len);
		if (rc < 0)
			return rc;
	}
	rc = send_file(x, fd, offset, size);
	if (rc == 0 && x->framing_out == HTTP1_CHUNKED)
		rc = put_bytes(x, "\r\n", 2);
	return rc;
}

int rota_http_end(struct rota_http_exchange *x)
{
	if (x->reply != REPLY_PIECES)
		return -EINVAL;
	if (x->conn->broken != 0)
		return x->conn->broken;
	if (x->body_left_out > 0)
		return -EMSGSIZE;
	x->reply = REPLY_WHOLE;
	return x->framing_out == HTTP1_CHUNKED ? put_bytes(x, "0\r\n\r\n", 5) : 0;
}

void rota_http_close_after(struct rota_http_exchange *x)
{
	x->keep = false;
}

const char *rota_http_status_text(unsigned status)
{
	return rota__http_status_text(status);
}

/* ---- the end of an exchange ---- */

static void count(struct http_conn *c, unsigned status)
{
	struct rota_http_stats *stats = c->server->stats;

	http_count(c->server, &stats->requests, 1);
	http_count(c->server, &stats->status[status / 100 < 6 ? status / 100 : 0], 1);
}

static void tell(struct rota_http_exchange *x)
{
	struct http_server *server = x->conn->server;

	count(x->conn, x->done.status);
	if (server->options.on_done == NULL)
		return;
	x->done.duration_ns = rota_now_ns() - x->began_ns;
	server->options.on_done(x, &x->done, server->arg);
}

/* The handler did not answer: say what is known of the reason. */
static void answer_for_handler(struct rota_http_exchange *x, int rc)
{
	unsigned status = 500;

	if (x->body_state == BODY_FAILED && x->body_error == -ETIMEDOUT)
		status = 408;
	else if (x->body_state == BODY_FAILED && x->body_error <= HTTP1_E_METHOD)
		status = rota__http1_error_status(x->body_error);
	else if (x->body_state == BODY_FAILED || rota_cancelled() != 0)
		return; /* nobody is listening any more, or nobody will wait for them */
	rota_http_reply_text(x, status, rota__http_status_text(status));
}

/* Leave no doubt that the answer was not whole: a reset, not an end. */
static void cut(struct http_conn *c)
{
	struct linger abort = { .l_onoff = 1, .l_linger = 0 };

	if (c->broken == 0)
		c->broken = -ECONNABORTED;
	setsockopt(rota_stream_fd(c->stream), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

void rota__http_exchange_end(struct rota_http_exchange *x, int rc)
{
	struct http_conn *c = x->conn;

	if (x->reply == REPLY_NONE)
		answer_for_handler(x, rc);
	if (x->reply == REPLY_PIECES && (rc < 0 || rota_http_end(x) < 0))
		cut(c);
	tell(x);
	if (c->broken != 0 || x->reply != REPLY_WHOLE)
		x->keep = false;
	else
		x->linger = !rota__http_body_drain(x);
	x->keep = x->keep && !x->linger;
}

void rota__http_refuse(struct http_conn *c, unsigned status, const char *reason)
{
	struct http_work *work = c->work;
	char text[128];
	struct reply r = {
		.status = status, .type = SPAN("text/plain; charset=utf-8"), .framing = HTTP1_LENGTH
	};
	struct http1_out body;

	http1_out_init(&body, text, sizeof text);
	rota__http1_put_raw(&body, span_of(rota__http_status_text(status)));
	rota__http1_put_raw(&body, SPAN(": "));
	rota__http1_put_raw(&body, span_of(reason));
	rota__http1_put_raw(&body, SPAN("\n"));
	r.size = body.len;
	work->x = (struct rota_http_exchange){
		.conn = c,
		.began_ns = rota_loop_now_ns(c->server->loop),
		.done = { .status = status, .refused = true },
	};
	work->head.field_count = 0;
	work->head.seen = 0;
	if (write_head(c, &r) == 0 && put_bytes(&work->x, text, body.len) == 0)
		work->x.done.body_bytes = body.len;
	tell(&work->x);
	rota__http_linger(c);
}
