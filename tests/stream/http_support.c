/* http_support.c - an HTTP server and raw peers of it in one program */
#include "http_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/atomic.h"

static int serve(void *arg)
{
	struct server *server = arg;

	int result = rota_http_serve(server->door, server->handler, server, &server->options);

	rota_listener_close(server->door);
	store_release(&server->result, result); /* a client on another worker waits for that: the door is closed */
	return 0;
}

static int app(void *arg)
{
	struct server *server = arg;
	struct rota_scope scope;

	CHECK_EQ(rota_tcp_listen(&server->door, "127.0.0.1:0", NULL), 0);
	snprintf(server->address, sizeof server->address, "127.0.0.1:%d", rota_listener_port(server->door));
	snprintf(server->url, sizeof server->url, "http://%s", server->address);
	server->options.stats = &server->stats;
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn_task(&server->task, &scope, serve, server, NULL), 0);
	CHECK_EQ(server->client(server), 0);
	rota_task_cancel(server->task);
	rota_scope_join(&scope);
	return 0;
}

void server_run(struct server *server)
{
	/* Clients keep whole answers in their frames, which AddressSanitizer makes larger still. */
	static const struct rota_options roomy = { .stack_bytes = 256 << 10 };

	CHECK_EQ(rota_run(app, server, &roomy), 0);
	CHECK_EQ(server->stats.connections_open, 0);
}

/* ---- raw peers ---- */

struct rota_stream *dial(struct server *server)
{
	struct rota_stream *stream;

	CHECK_EQ(rota_tcp_connect(&stream, server->address, NULL), 0);
	return stream;
}

void say_bytes(struct rota_stream *stream, const void *bytes, size_t size)
{
	CHECK_EQ(rota_write_all(stream, bytes, size), size);
}

void say(struct rota_stream *stream, const char *text)
{
	say_bytes(stream, text, strlen(text));
}

static void hear_head(struct rota_stream *stream, struct heard *h)
{
	ssize_t n = rota_read_until(stream, "\r\n\r\n", 4, h->head, sizeof h->head);

	if (n <= 0)
		test_fail(__FILE__, __LINE__, "no answer came: %s",
			n < 0 ? rota_strerror((int)n) : "end");
	CHECK_EQ(sscanf(h->head, "HTTP/1.1 %d ", &h->status), 1);
}

static void append(struct rota_stream *stream, struct heard *h, size_t size)
{
	h->body = realloc(h->body, h->size + size + 1);
	CHECK(h->body != NULL);
	CHECK_EQ(rota_read_exactly(stream, h->body + h->size, size), size);
	h->size += size;
	h->body[h->size] = '\0';
}

static void hear_chunks(struct rota_stream *stream, struct heard *h)
{
	char line[256];
	size_t size;

	do {
		CHECK(rota_read_line(stream, line, sizeof line) > 0);
		size = strtoul(line, NULL, 16);
		append(stream, h, size);
		CHECK_EQ(rota_read_line(stream, line, sizeof line), 0);
	} while (size > 0);
}

static void hear_rest(struct rota_stream *stream, struct heard *h)
{
	ssize_t n;

	do {
		h->body = realloc(h->body, h->size + 65536);
		CHECK(h->body != NULL);
		n = rota_read(stream, h->body + h->size, 65535);
		CHECK(n >= 0);
		h->size += (size_t)n;
		h->body[h->size] = '\0';
	} while (n > 0);
}

void hear(struct rota_stream *stream, struct heard *h, bool head_only)
{
	const char *length, *coding;

	memset(h, 0, sizeof *h);
	hear_head(stream, h);
	h->body = calloc(1, 1);
	if (head_only || h->status == 204 || h->status == 304 || h->status < 200)
		return;
	length = field(h, "Content-Length");
	if (length != NULL) {
		append(stream, h, strtoul(length, NULL, 10));
		return;
	}
	coding = field(h, "Transfer-Encoding");
	if (coding == NULL) {
		hear_rest(stream, h);
		return;
	}
	CHECK_STR(coding, "chunked");
	hear_chunks(stream, h);
}

void heard_free(struct heard *h)
{
	free(h->body);
	h->body = NULL;
}

const char *field(const struct heard *h, const char *name)
{
	static char value[4096];
	size_t len = strlen(name);

	for (const char *line = strstr(h->head, "\r\n"); line != NULL;
		line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
			continue;
		CHECK_EQ(sscanf(line + 2 + len, ": %4095[^\r]", value), 1);
		return value;
	}
	return NULL;
}

void hear_end(struct rota_stream *stream)
{
	char byte;

	CHECK_EQ(rota_read(stream, &byte, 1), 0);
}

void hear_gone(struct rota_stream *stream)
{
	char byte;
	ssize_t n = rota_read(stream, &byte, 1);

	CHECK(n == 0 || n == -ECONNRESET || n == -EPIPE);
}

int ask(struct server *server, const char *request)
{
	struct rota_stream *stream = dial(server);
	struct heard h;
	int status;

	say(stream, request);
	hear(stream, &h, false);
	CHECK_STR(field(&h, "Connection"), "close");
	hear_end(stream);
	status = h.status;
	heard_free(&h);
	rota_close(stream);
	return status;
}

/* ---- events ---- */

void event_wait(struct event *event)
{
	rota_event_wait(&event->event);
}

void event_happen(struct event *event)
{
	rota_event_set(&event->event);
}
