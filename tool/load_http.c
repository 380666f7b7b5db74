/* load_http.c - what a request and an answer are over HTTP
 *
 * The request is made once, as often as the pipeline is deep, and sent as it is. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/http1_write.h"
#include "load.h"
#include "stream/http_client.h"

enum { REQUEST_HEAD_MAX = 256 * 1024 };

/* ---- before ---- */

struct body {
	char *bytes;
	size_t size;
	bool ours;
};

/* --body TEXT, or --body @FILE. */
static int take_body(struct load *load, struct body *body)
{
	const char *text = load->body_text;
	struct stat st;
	int fd;

	*body = (struct body){ 0 };
	if (text == NULL)
		return 0;
	if (text[0] != '@') {
		*body = (struct body){ (char *)text, strlen(text), false };
		return 0;
	}
	fd = open(text + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fprintf(stderr, "rota load: cannot read '%s': %s\n", text + 1, rota_strerror(rota_errno()));
		if (fd >= 0)
			close(fd);
		return -EINVAL;
	}
	body->bytes = malloc((size_t)st.st_size + 1);
	body->ours = true;
	while (body->bytes != NULL && body->size < (size_t)st.st_size) {
		ssize_t n = read(fd, body->bytes + body->size, (size_t)st.st_size - body->size);

		if (n <= 0)
			break;
		body->size += (size_t)n;
	}
	close(fd);
	return body->bytes != NULL ? 0 : -ENOMEM;
}

/* -H "Name: value" */
static bool put_header(struct http1_out *out, const char *text, bool *has_host)
{
	const char *colon = strchr(text, ':');
	struct span name, value;
	enum http_field id;

	if (colon == NULL) {
		fprintf(stderr, "rota load: a header is 'Name: value', not '%s'\n", text);
		return false;
	}
	name = span_between(text, colon);
	value = span_trim(span_of(colon + 1));
	id = rota__http_field(name.at, name.len);
	*has_host = *has_host || id == HTTP_FIELD_HOST;
	if (id == HTTP_FIELD_CONTENT_LENGTH || id == HTTP_FIELD_TRANSFER_ENCODING) {
		fprintf(stderr, "rota load: '%.*s' is written by rota load itself\n", (int)name.len,
			name.at);
		return false;
	}
	rota__http1_put_named(out, name, value);
	if (out->error == -EINVAL)
		fprintf(stderr, "rota load: '%s' is not a valid header\n", text);
	return out->error == 0;
}

static int put_request(struct load *load, struct http1_out *out, const struct body *body)
{
	char target[URL_BYTES_MAX + 1], host[300];
	int target_len = rota__url_write_target(&load->url, target, sizeof target);
	int host_len = rota__url_write_host(&load->url, host, sizeof host);
	bool has_host = false;

	if (target_len < 0 || host_len < 0)
		return -EINVAL;
	rota__http1_put_request(
		out, span_of(load->method), (struct span){ target, (size_t)target_len });
	if (out->error < 0) {
		fprintf(stderr, "rota load: '%s' is not a method\n", load->method);
		return -EINVAL;
	}
	for (unsigned i = 0; i < load->headers.count; i++)
		if (!put_header(out, load->headers.item[i], &has_host))
			return -EINVAL;
	if (!has_host)
		rota__http1_put_field(
			out, HTTP_FIELD_HOST, (struct span){ host, (size_t)host_len });
	if (body->size > 0 || load->method_id == HTTP_METHOD_POST ||
		load->method_id == HTTP_METHOD_PUT || load->method_id == HTTP_METHOD_PATCH)
		rota__http1_put_field_number(out, HTTP_FIELD_CONTENT_LENGTH, body->size);
	rota__http1_put_end(out);
	return out->error;
}

static int make_request(struct load *load, const struct body *body)
{
	struct http1_out out;
	char *one = malloc(REQUEST_HEAD_MAX);
	int rc = one != NULL ? 0 : -ENOMEM;

	if (rc == 0) {
		http1_out_init(&out, one, REQUEST_HEAD_MAX);
		rc = put_request(load, &out, body);
	}
	if (rc == 0) {
		load->request_bytes = out.len + body->size;
		load->request = malloc(load->request_bytes * load->depth);
		rc = load->request != NULL ? 0 : -ENOMEM;
	}
	for (uint64_t i = 0; rc == 0 && i < load->depth; i++) {
		char *at = load->request + i * load->request_bytes;

		memcpy(at, one, out.len);
		if (body->size > 0)
			memcpy(at + out.len, body->bytes, body->size);
	}
	free(one);
	return rc;
}

int load_http_prepare(struct load *load)
{
	struct body body;
	int rc;

	if (load->method == NULL)
		load->method = load->body_text != NULL ? "POST" : "GET";
	load->method_id = rota__http_method(load->method, strlen(load->method));
	rc = take_body(load, &body);
	if (rc == 0)
		rc = make_request(load, &body);
	if (body.ours)
		free(body.bytes);
	return rc;
}

/* ---- under load ---- */

static int http_open(struct load_conn *c)
{
	const struct load *load = c->worker->load;
	struct rota_connect_options connect = { .timeout_ns = load->timeout_ns };

	return rota__http_client_open(&c->http, &load->url,
		&(struct rota_http_client_options){
			.pipeline_max = (unsigned)load->depth, .connect = &connect });
}

static void http_close(struct load_conn *c)
{
	rota_http_disconnect(c->http);
	c->http = NULL;
	c->connected = false;
}

static struct rota_stream *http_stream(struct load_conn *c)
{
	return rota_http_client_stream(c->http);
}

static int http_send(struct load_conn *c, unsigned count)
{
	const struct load *load = c->worker->load;
	int rc = rota__http_client_expect(c->http, count, load->method_id);

	return rc < 0 ? rc : load_write(c, load->request, count * load->request_bytes);
}

static int http_receive(struct load_conn *c)
{
	struct load_worker *worker = c->worker;
	struct rota_http_answer answer;
	int64_t body;
	int rc;

	/* A wait that was cut short inside the body goes on there. */
	if (!c->in_answer) {
		rc = rota_http_receive(c->http, &answer);
		if (rc < 0)
			return rc;
		c->in_answer = true;
		c->status = answer.status;
		c->keep_alive = answer.keep_alive;
		load_count(worker->bytes_in, c->http->head.bytes);
	}
	body = rota__http_client_skip(c->http);
	if (body < 0)
		return (int)body;
	c->in_answer = false;
	load_count(worker->bytes_in, (uint64_t)body);
	load_count(worker->status[c->status / 100 < 6 ? c->status / 100 : 0], 1);
	if (c->status >= 400)
		load_count(worker->errors[LOAD_ERROR_STATUS], 1);
	return c->keep_alive;
}

const struct load_protocol load_http = {
	.name = "http",
	.open = http_open,
	.close = http_close,
	.send = http_send,
	.receive = http_receive,
	.stream = http_stream,
};
