/* http_support.h - an HTTP server and raw peers of it in one program
 *
 * server_run() starts a server with a handler and options, runs the test's client beside it, and
 * stops the server.  What goes wrong in between ends the test's process (CHECK). */
#ifndef STREAM_HTTP_SUPPORT_H
#define STREAM_HTTP_SUPPORT_H

#include <rota.h>
#include <rota/http.h>
#include <string.h>

#include "harness/test.h"

struct server {
	rota_http_handler handler;
	struct rota_http_options options; /* `stats` is set to the one below */
	struct rota_http_stats stats;
	void *arg; /* for handler and client */
	int (*client)(struct server *server);

	/* set while it runs */
	char address[64], url[80]; /* "127.0.0.1:4711", "http://127.0.0.1:4711" */
	struct rota_listener *door;
	struct rota_task *task;
	int result; /* of rota_http_serve() */
};

/* Run a program of its own with a server and its client; when the client returns the server is
 * cancelled, unless it has ended already. */
void server_run(struct server *server);

/* Connect; say bytes; hear them. */
struct rota_stream *dial(struct server *server);
void say(struct rota_stream *stream, const char *text);
void say_bytes(struct rota_stream *stream, const void *bytes, size_t size);

/* One answer: its head and then its body (by Content-Length, chunked, or until the end when neither
 * is there).  `head_only`: no body follows, whatever the head says. */
struct heard {
	int status;
	char head[16 * 1024]; /* as it came, with the empty line */
	char *body;           /* malloc'ed, followed by a 0 */
	size_t size;
};
void hear(struct rota_stream *stream, struct heard *heard, bool head_only);
void heard_free(struct heard *heard);

/* The value of a field in heard->head, or NULL; static. */
const char *field(const struct heard *heard, const char *name);

/* The next thing is the end of the stream. */
void hear_end(struct rota_stream *stream);
/* The next thing is the end of the stream or a reset. */
void hear_gone(struct rota_stream *stream);

/* Say `request` on a connection of its own: the status; the connection must be closed behind it. */
int ask(struct server *server, const char *request);

/* Something that happens once and is waited for. */
struct event {
	struct rota_event event;
};
void event_wait(struct event *event);
void event_happen(struct event *event);

#endif
