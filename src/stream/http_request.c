/* http_request.c - what a handler asks of the request: method, path, fields, body
 *
 * Texts are pieces of work->in.  Each is followed there by a byte that the parser is done with (a
 * space, a colon, a line end), so the 0 that ends it is put there when somebody asks. */
#include "codec/url.h"
#include "os/mem.h"
#include "stream/http_server.h"

static struct http_work *work_of(struct rota_http_exchange *x)
{
	return x->conn->work;
}

static const struct http1_head *head_of(struct rota_http_exchange *x)
{
	return &x->conn->work->head;
}

/* ---- head ---- */

void rota__http_exchange_begin(struct http_conn *c)
{
	struct http_server *server = c->server;
	const struct http1_head *head = &c->work->head;

	c->work->x = (struct rota_http_exchange){
		.conn = c,
		.body_bytes_max = server->options.body_bytes_max,
		.began_ns = rota_loop_now_ns(server->loop),
		.body_state = head->framing == HTTP1_NO_BODY ? BODY_ENDED : BODY_UNTOUCHED,
		.head_valid = true,
		.keep = head->keep_alive,
	};
}

const struct http1_head *rota__http_exchange_head(struct rota_http_exchange *x)
{
	return x->head_valid ? head_of(x) : NULL;
}

/* The text at `at`, followed by a 0. */
static const char *ended(struct rota_http_exchange *x, uint32_t at, uint32_t len)
{
	char *text = (char *)head_of(x)->base + at;

	text[len] = '\0';
	return text;
}

const char *rota_http_method(struct rota_http_exchange *x)
{
	struct http1_part part = head_of(x)->method_name;

	return x->head_valid ? ended(x, part.at, part.len) : "";
}

bool rota_http_method_is(struct rota_http_exchange *x, const char *method)
{
	return x->head_valid &&
	       span_equal(http1_text(head_of(x), head_of(x)->method_name), span_of(method));
}

const char *rota_http_target(struct rota_http_exchange *x)
{
	struct http1_part part = head_of(x)->target;

	return x->head_valid ? ended(x, part.at, part.len) : "";
}

int rota_http_minor_version(struct rota_http_exchange *x)
{
	return x->head_valid ? head_of(x)->minor : 1;
}

const char *rota_http_query(struct rota_http_exchange *x)
{
	const struct http1_head *head = head_of(x);
	struct span path, query;

	if (!x->head_valid)
		return NULL;
	rota__url_split_target(http1_text(head, head->target), &path, &query);
	if (query.at == NULL)
		return NULL;
	return ended(x, (uint32_t)(query.at - head->base), (uint32_t)query.len);
}

const char *rota_http_path(struct rota_http_exchange *x)
{
	struct http_work *work = work_of(x);
	size_t room = x->conn->server->limits.target_bytes + 2;
	struct span path, query;
	int n;

	if (x->path != NULL || x->path_bad || !x->head_valid)
		return x->path;
	x->path_bad = true;
	if (work->path == NULL)
		work->path = rota__alloc(room);
	if (work->path == NULL)
		return NULL;
	rota__url_split_target(http1_text(&work->head, work->head.target), &path, &query);
	n = rota__url_file_path(path, work->path, room);
	if (n < 0)
		return NULL;
	x->path_bad = false;
	x->path = work->path;
	return x->path;
}

const char *rota_http_header(struct rota_http_exchange *x, const char *name)
{
	const struct http1_head *head = head_of(x);
	struct span value = rota__http1_get_named(head, span_of(name));

	if (value.at == NULL)
		return NULL;
	return ended(x, (uint32_t)(value.at - head->base), (uint32_t)value.len);
}

bool rota_http_header_at(
	struct rota_http_exchange *x, size_t index, struct rota_http_header *ret_header)
{
	const struct http1_head *head = head_of(x);
	const struct http1_field *field = &head->fields[index];

	if (!x->head_valid || index >= head->field_count)
		return false;
	ret_header->name = ended(x, field->name_at, field->name_len);
	ret_header->value = ended(x, field->value_at, field->value_len);
	return true;
}

struct rota_stream *rota_http_stream(struct rota_http_exchange *x)
{
	return x->conn->stream;
}

/* ---- body ---- */

int64_t rota_http_body_size(struct rota_http_exchange *x)
{
	if (!x->head_valid)
		return 0;
	switch (head_of(x)->framing) {
	case HTTP1_LENGTH:
		return (int64_t)head_of(x)->content_length;
	case HTTP1_CHUNKED:
		return -1;
	default:
		return 0;
	}
}

static int body_fails(struct rota_http_exchange *x, int code)
{
	x->body_state = BODY_FAILED;
	x->body_error = code;
	x->keep = false;
	return rota__http_public_error(code);
}

int rota_http_limit_body(struct rota_http_exchange *x, uint64_t bytes_max)
{
	if (x->body_state == BODY_ENDED)
		return 0;
	if (x->body_state != BODY_UNTOUCHED)
		return -EBUSY;
	x->body_bytes_max = bytes_max;
	if (head_of(x)->framing == HTTP1_LENGTH && head_of(x)->content_length > bytes_max)
		return body_fails(x, HTTP1_E_BODY_LENGTH);
	return 0;
}

static void open_window(struct rota_http_exchange *x)
{
	struct http_server *server = x->conn->server;

	x->window_end_ns = http_deadline(server, server->options.transfer_timeout_ns);
	x->window_bytes = 0;
}

/* The first time somebody wants the body. */
static int begin_body(struct rota_http_exchange *x)
{
	struct http_work *work = work_of(x);
	int rc = rota__http_body_begin(
		&x->body, &work->head, x->body_bytes_max, &x->conn->server->limits);

	if (rc < 0)
		return body_fails(x, rc);
	x->body_state = BODY_READING;
	open_window(x);
	/* A peer that sends without waiting for the 100 does not get one. */
	if (!work->head.expect_continue || work->in.at < work->in.end || x->reply != REPLY_NONE)
		return 0;

	struct span go_on = SPAN("HTTP/1.1 100 Continue\r\n\r\n");

	rc = HTTP_OUT_BYTES - work->out_len < go_on.len ? rota__http_flush(x->conn) : 0;
	if (rc < 0)
		return body_fails(x, rc);
	memcpy(work->out + work->out_len, go_on.at, go_on.len);
	work->out_len += (uint32_t)go_on.len;
	return 0;
}

/* One receive within the current window; a window in which enough has come is followed by
 * another. */
static ssize_t receive_paced(void *arg, void *buf, size_t size)
{
	struct rota_http_exchange *x = arg;
	struct http_conn *c = x->conn;
	ssize_t n;

	for (;;) {
		n = rota__http_receive(c, buf, size, x->window_end_ns);
		if (n > 0)
			x->window_bytes += (uint64_t)n;
		if (n != -ETIMEDOUT || rota_cancelled() != 0 || c->broken != 0)
			return n;
		if (x->window_bytes < c->server->options.transfer_bytes_min) {
			http_count(c->server, &c->server->stats->timeouts, 1);
			return n;
		}
		open_window(x);
	}
}

ssize_t rota_http_read_body(struct rota_http_exchange *x, void *buf, size_t size)
{
	ssize_t n;

	if (x->body_state == BODY_UNTOUCHED) {
		int rc = begin_body(x);

		if (rc < 0)
			return rc;
	}
	if (x->body_state == BODY_FAILED)
		return rota__http_public_error(x->body_error);
	if (x->body_state == BODY_ENDED || size == 0)
		return 0;
	n = rota__http_body_read(&x->body, &work_of(x)->in, buf, size, receive_paced, x);
	if (n < 0)
		return body_fails(x, (int)n);
	if (x->body.ended && x->body.pending.len == 0)
		x->body_state = BODY_ENDED;
	return n;
}

bool rota__http_body_drainable(const struct rota_http_exchange *x)
{
	const struct http_work *work = x->conn->work;

	switch (x->body_state) {
	case BODY_ENDED:
		return true;
	case BODY_UNTOUCHED:
		/* A peer that waits for our 100 may send the body or not: no telling what comes
		 * next. */
		if (work->head.expect_continue && work->in.at == work->in.end)
			return false;
		return work->head.framing == HTTP1_CHUNKED ||
		       work->head.content_length <= HTTP_DRAIN_MAX;
	case BODY_READING:
		return work->head.framing == HTTP1_CHUNKED || x->body.codec.left <= HTTP_DRAIN_MAX;
	default:
		return false;
	}
}

bool rota__http_body_drain(struct rota_http_exchange *x)
{
	char scratch[1024]; /* a handler's rest is short as a rule; the stack should stay so, too */
	size_t drained = 0;
	ssize_t n = 0;

	if (!rota__http_body_drainable(x))
		return false;
	while (x->body_state != BODY_ENDED && drained <= HTTP_DRAIN_MAX) {
		n = rota_http_read_body(x, scratch, sizeof scratch);
		if (n < 0)
			return false;
		drained += (size_t)n;
	}
	return x->body_state == BODY_ENDED;
}
