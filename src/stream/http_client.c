/* http_client.c - one connection to an HTTP server, and requests over it
 *
 *   rota_http_send()      puts the method into `waiting`
 *   rota_http_receive()   takes the oldest one out, and parses the head of its answer
 *   rota_http_read()      the answer's body, up to its end
 *
 * The head of an answer stays in the inbox while its body is read behind it. */
#include <stdio.h>

#include "codec/http1_write.h"
#include "os/mem.h"
#include "stream/http_client.h"

enum {
	HEAD_BYTES_MAX = 64 * 1024, /* servers are trusted a little more than clients: cookies */
	PIPELINE_MAX = 64,
	IN_BYTES_FIRST = 16 * 1024, /* grows to the limit when a head needs it */
	OUT_BYTES_FIRST = 2 * 1024,
	OUT_BYTES_MAX = 1024 * 1024, /* of a request's head: a larger one no server takes */
};

/* A wait that was cut short has left everything in its place: the call may be made again. */
static int broken(struct rota_http_client *client, int code)
{
	if (code == -ETIMEDOUT || code == -ECANCELED)
		return code;
	if (client->broken == 0)
		client->broken = rota__http_public_error(code);
	return client->broken;
}

/* ---- connecting ---- */

void rota_http_disconnect(struct rota_http_client *client)
{
	if (client == NULL)
		return;
	rota_close(client->stream);
	rota__free(client->in.data);
	rota__free(client->out);
	rota__free(client->host);
	rota__free(client->target);
	rota__free(client->waiting);
	rota__free(client);
}

/* "host:port", as rota_tcp_connect() takes it. */
static int address_of(const struct url *url, char *buf, size_t size)
{
	int n = snprintf(buf, size, url->host_is_ipv6 ? "[%.*s]:%u" : "%.*s:%u", (int)url->host.len,
		url->host.at, url->port);

	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

static char *copy(int (*write)(const struct url *, char *, size_t), const struct url *url)
{
	size_t room = url->host.len + url->path.len + url->query.len + 16; /* "[]:65535", '?' */
	char *text = rota__alloc(room);
	int n;

	if (text == NULL)
		return NULL;
	n = write(url, text, room - 1);
	if (n < 0) {
		rota__free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static uint32_t power_of_two(unsigned count)
{
	uint32_t room = 1;

	while (room < count)
		room *= 2;
	return room;
}

static int allocate(struct rota_http_client *client, const struct url *url, unsigned pipeline_max)
{
	uint32_t room = power_of_two(pipeline_max);

	client->waiting_mask = room - 1;
	client->waiting = rota__alloc(room);
	client->in.size = IN_BYTES_FIRST;
	client->in.data = rota__alloc(client->in.size);
	client->out_size = OUT_BYTES_FIRST;
	client->out = rota__alloc(client->out_size);
	client->host = copy(rota__url_write_host, url);
	client->target = copy(rota__url_write_target, url);
	if (!client->waiting || !client->in.data || !client->out || !client->host ||
		!client->target)
		return -ENOMEM;
	return 0;
}

int rota__http_client_open(struct rota_http_client **ret_client, const struct url *url,
	const struct rota_http_client_options *options)
{
	static const struct rota_http_client_options defaults;
	const struct rota_http_client_options *o = options != NULL ? options : &defaults;
	struct rota_http_client *client;
	char address[300]; /* a host name has at most 255 characters */
	int rc;

	if (url->scheme != URL_HTTP)
		return -EPROTONOSUPPORT;
	if (o->head_bytes_max > HTTP1_HEAD_MAX || o->pipeline_max > 65536)
		return -EINVAL;
	rc = address_of(url, address, sizeof address);
	if (rc < 0)
		return rc;
	client = rota__alloc_zero(sizeof *client);
	if (client == NULL)
		return -ENOMEM;
	client->limits = rota__http1_limits;
	client->limits.head_bytes = o->head_bytes_max ? o->head_bytes_max : HEAD_BYTES_MAX;
	rota__http1_parser_init(&client->parser, &client->limits);
	rc = allocate(client, url, o->pipeline_max ? o->pipeline_max : PIPELINE_MAX);
	if (rc == 0)
		rc = rota_tcp_connect(&client->stream, address, o->connect);
	if (rc < 0) {
		rota_http_disconnect(client);
		return rc;
	}
	*ret_client = client;
	return 0;
}

int rota_http_connect(struct rota_http_client **ret_client, const char *url,
	const struct rota_http_client_options *options)
{
	struct url parsed;
	int rc = rota__url_parse(span_of(url), &parsed);

	if (rc < 0)
		return rota__http_public_error(rc);
	return rota__http_client_open(ret_client, &parsed, options);
}

struct rota_stream *rota_http_client_stream(struct rota_http_client *client)
{
	return client->stream;
}

/* ---- requests ---- */

static bool has_header(const struct rota_http_header *headers, enum http_field id)
{
	for (; headers != NULL && headers->name != NULL; headers++)
		if (rota__http_field(headers->name, strlen(headers->name)) == id)
			return true;
	return false;
}

static void put_headers(struct http1_out *out, const struct rota_http_header *headers)
{
	for (; headers != NULL && headers->name != NULL; headers++) {
		struct span name = span_of(headers->name);
		enum http_field id = rota__http_field(name.at, name.len);

		/* How the body is framed is written by us; a second opinion would be smuggling. */
		if (id == HTTP_FIELD_CONTENT_LENGTH || id == HTTP_FIELD_TRANSFER_ENCODING)
			out->error = -EINVAL;
		rota__http1_put_named(out, name, span_of(headers->value));
	}
}

/* -ENOBUFS: more than `size`. */
static ssize_t write_request(const struct rota_http_client *client,
	const struct rota_http_request *request, char *buf, size_t size)
{
	struct span method = span_of(request->method != NULL ? request->method : "GET");
	struct span target = span_of(request->target != NULL ? request->target : client->target);
	enum http_method id = rota__http_method(method.at, method.len);
	struct http1_out out;

	http1_out_init(&out, buf, size);
	rota__http1_put_request(&out, method, target);
	if (!has_header(request->headers, HTTP_FIELD_HOST))
		rota__http1_put_field(&out, HTTP_FIELD_HOST, span_of(client->host));
	put_headers(&out, request->headers);
	/* An empty body is told for the methods that normally have one (RFC 9110 8.6). */
	if (request->body_size > 0 || id == HTTP_METHOD_POST || id == HTTP_METHOD_PUT ||
		id == HTTP_METHOD_PATCH)
		rota__http1_put_field_number(&out, HTTP_FIELD_CONTENT_LENGTH, request->body_size);
	rota__http1_put_end(&out);
	return out.error < 0 ? out.error : (ssize_t)out.len;
}

/* The same into client->out, which grows as needed. */
static ssize_t make_head(struct rota_http_client *client, const struct rota_http_request *request)
{
	ssize_t n = write_request(client, request, client->out, client->out_size);

	while (n == -ENOBUFS && client->out_size < OUT_BYTES_MAX) {
		char *larger = rota__realloc(client->out, 2 * client->out_size);

		if (larger == NULL)
			return -ENOMEM;
		client->out = larger;
		client->out_size *= 2;
		n = write_request(client, request, client->out, client->out_size);
	}
	return n == -ENOBUFS ? -EMSGSIZE : n;
}

/* Room for `count` more requests without an answer? */
static int may_send(const struct rota_http_client *client, unsigned count)
{
	uint32_t waiting = client->waiting_end - client->waiting_at;

	if (client->broken != 0 || client->deaf != 0)
		return client->broken != 0 ? client->broken : client->deaf;
	return count > client->waiting_mask + 1 - waiting ? -EBUSY : 0;
}

int rota__http_client_expect(
	struct rota_http_client *client, unsigned count, enum http_method method)
{
	int rc = may_send(client, count);

	for (unsigned i = 0; rc == 0 && i < count; i++)
		client->waiting[client->waiting_end++ & client->waiting_mask] = (uint8_t)method;
	return rc;
}

int rota_http_send(struct rota_http_client *client, const struct rota_http_request *request)
{
	const char *method = request->method != NULL ? request->method : "GET";
	struct iovec iov[2];
	ssize_t n = may_send(client, 1);

	if (n < 0)
		return (int)n;
	n = make_head(client, request);
	if (n < 0)
		return (int)n;
	iov[0] = (struct iovec){ client->out, (size_t)n };
	iov[1] = (struct iovec){ (void *)request->body, request->body_size };
	rota__http_client_expect(client, 1, rota__http_method(method, strlen(method)));
	n = rota_writev_all(client->stream, iov, request->body_size > 0 ? 2 : 1);
	if (n >= 0)
		return 0;
	/* A server may answer and close before it has taken all of a request, so a send that fails
	 * for that reason leaves an answer to be looked for. */
	if (n == -EPIPE || n == -ECONNRESET)
		client->deaf = (int)n;
	else
		client->broken = (int)n;
	return (int)n;
}

/* ---- answers ---- */

static ssize_t receive(void *arg, void *buf, size_t size)
{
	struct rota_http_client *client = arg;
	ssize_t n = rota_read(client->stream, buf, size);

	return n == 0 ? ROTA_EOF : n;
}

/* A head that is longer than the inbox: up to the limit, that may be. */
static int grow_inbox(struct rota_http_client *client)
{
	char *larger = rota__realloc(client->in.data, 2 * client->in.size);

	if (larger == NULL)
		return -ENOMEM;
	client->in.data = larger;
	client->in.size *= 2;
	return 0;
}

static int fill_inbox(struct rota_http_client *client)
{
	struct http_inbox *in = &client->in;
	ssize_t n;

	rota__http_inbox_compact(in);
	if (in->end == in->size) {
		int rc = grow_inbox(client);

		if (rc < 0)
			return rc;
	}
	n = receive(client, in->data + in->end, in->size - in->end);
	if (n < 0)
		return (int)n;
	in->end += (uint32_t)n;
	return 0;
}

static int receive_head(struct rota_http_client *client, enum http_method method)
{
	struct http_inbox *in = &client->in;

	for (;;) {
		int n = rota__http1_parse_response(&client->parser, in->data + in->at,
			in->end - in->at, method, &client->head);

		if (n < 0)
			return n;
		if (n == HTTP1_MORE) {
			n = fill_inbox(client);
			if (n < 0)
				return n;
			continue;
		}
		if (client->head.status < 200 && client->head.status != 101) {
			in->at += (uint32_t)n;
			continue;
		}
		/* There is always room for a body behind a head, or the inbox grows to have it. */
		while (in->size - (uint32_t)n < HTTP_BODY_ROOM) {
			ptrdiff_t base_at = client->head.base - in->data;
			int rc = grow_inbox(client);

			if (rc < 0)
				return rc;
			client->head.base = in->data + base_at;
		}
		rota__http_head_used(in, &client->head, (size_t)n);
		return 0;
	}
}

int rota_http_receive(struct rota_http_client *client, struct rota_http_answer *ret_answer)
{
	const struct http1_head *head = &client->head;
	enum http_method method;
	int64_t skipped;
	int rc;

	if (client->broken != 0)
		return client->broken;
	if (client->waiting_at == client->waiting_end)
		return -EINVAL;
	skipped = rota__http_client_skip(client);
	if (skipped < 0)
		return (int)skipped;
	if (client->last)
		return broken(client, ROTA_EOF);
	method = client->waiting[client->waiting_at & client->waiting_mask];
	client->answered = false;
	rc = receive_head(client, method);
	if (rc == 0)
		rc = rota__http_body_begin(
			&client->body, head, ROTA_HTTP_UNLIMITED, &client->limits);
	if (rc < 0)
		return broken(client, rc);
	client->waiting_at++;
	client->answered = true;
	client->last = !head->keep_alive;
	*ret_answer = (struct rota_http_answer){
		.status = head->status,
		.body_size = head->framing == HTTP1_LENGTH ? (int64_t)head->content_length
			     : client->body.ended          ? 0
							   : -1,
		.keep_alive = head->keep_alive,
	};
	return 0;
}

ssize_t rota_http_read(struct rota_http_client *client, void *buf, size_t size)
{
	ssize_t n;

	if (client->broken != 0)
		return client->broken;
	if (!client->answered || size == 0)
		return 0;
	n = rota__http_body_read(&client->body, &client->in, buf, size, receive, client);
	return n < 0 ? broken(client, (int)n) : n;
}

int64_t rota__http_client_skip(struct rota_http_client *client)
{
	char scratch[4096];
	int64_t all = 0;
	ssize_t n;

	if (!client->answered)
		return 0;
	while ((n = rota_http_read(client, scratch, sizeof scratch)) > 0)
		all += n;
	return n < 0 ? n : all;
}

/* ---- fields ---- */

static const char *ended(struct rota_http_client *client, uint32_t at, uint32_t len)
{
	char *text = (char *)client->head.base + at;

	text[len] = '\0'; /* over the line end or colon that follows; the parser is done with it */
	return text;
}

const char *rota_http_answer_header(struct rota_http_client *client, const char *name)
{
	struct span value = { NULL, 0 };

	if (client->answered)
		value = rota__http1_get_named(&client->head, span_of(name));
	if (value.at == NULL)
		return NULL;
	return ended(client, (uint32_t)(value.at - client->head.base), (uint32_t)value.len);
}

bool rota_http_answer_header_at(
	struct rota_http_client *client, size_t index, struct rota_http_header *ret_header)
{
	const struct http1_field *field = &client->head.fields[index];

	if (!client->answered || index >= client->head.field_count)
		return false;
	ret_header->name = ended(client, field->name_at, field->name_len);
	ret_header->value = ended(client, field->value_at, field->value_len);
	return true;
}
