/* http_server.h - what the files of the HTTP server share
 *
 *   http_serve.c    the server: accepting, the connections' tasks, stopping
 *   http_conn.c     one connection: bytes in and out, when to wait for what and for how long
 *   http_request.c  what a handler asks: method, path, fields, body
 *   http_reply.c    what a handler answers
 *
 * A connection goes round this circle, all in its own task:
 *
 *   IDLE --bytes--> HEAD --head is whole--> HANDLER --answered--> REST --body used up--> HEAD
 *                    |  \--no more input: back to IDLE
 *                    \--not HTTP, too long, too slow: refused, closed
 *
 * Idle connections are many and busy ones few, so what only a busy one needs (`struct http_work`:
 * buffers, the parsed head, the exchange) comes from a pool of the server and goes back there.
 *
 * Answers are gathered: they go into work->out and are sent before the connection waits for input.
 * So the answers of pipelined requests that came together leave together. */
#ifndef ROTA_STREAM_HTTP_SERVER_H
#define ROTA_STREAM_HTTP_SERVER_H

#include <rota/http.h>
#include <rota/loop.h>
#include <rota/sync.h>

#include "base/atomic.h"
#include "base/list.h"
#include "codec/http1.h"
#include "codec/http1_write.h"
#include "stream/http_body.h"

enum {
	/* Of answers: room for the heads of a deep pipeline, or for a small file with its head. */
	HTTP_OUT_BYTES = 16 * 1024,
	/* A body nobody read: so much of it is taken in to keep the connection, more closes it. */
	HTTP_DRAIN_MAX = 64 * 1024,
};

enum http_reply_state {
	REPLY_NONE,   /* --put_head()--> WHOLE or PIECES */
	REPLY_PIECES, /* begun; --rota_http_end()--> WHOLE */
	REPLY_WHOLE,  /* in work->out or sent */
};

enum http_body_state {
	BODY_UNTOUCHED, /* nobody has asked for it: "100 Continue" may be due */
	BODY_READING,
	BODY_ENDED,
	BODY_FAILED, /* x->body_error; nothing after it can be trusted */
};

struct rota_http_exchange {
	struct http_conn *conn;
	struct http_body_in body;
	uint64_t body_left_out; /* REPLY_PIECES with a size: bytes still to come */
	uint64_t body_bytes_max;
	uint64_t window_end_ns; /* of reading the body: see transfer_timeout_ns */
	uint64_t window_bytes;
	uint64_t began_ns;
	struct rota_http_done done;
	const char *path; /* once asked for; in work->path */
	int body_error;
	uint8_t reply, body_state;
	uint8_t framing_out; /* enum http1_framing of the answer */
	bool head_valid;     /* false for a refused one */
	bool keep;           /* the connection goes on after this */
	bool linger;         /* it does not, and the peer may still be sending */
	bool path_bad;
};

struct http_work {
	struct http_work *next; /* in the pool */
	struct http_inbox in;
	uint32_t out_len;
	bool early; /* send_early() is on its way */
	bool in_handler;
	char *out;  /* answers gathered: out[0..out_len) */
	char *path; /* of target_bytes_max + 1; NULL until a handler asks for a path */
	struct rota_http_exchange x;
	struct http1_head head;
};

struct http_conn {
	struct list link; /* in server->connections */
	struct http_server *server;
	struct rota_stream *stream;
	struct rota_task *task;
	struct http_work *work; /* NULL while idle */
	struct http1_parser parser;
	int broken; /* 0, or why nothing can be sent any more */
	bool idle;
	bool moved; /* another worker's server has the stream now */
	struct http_conn *next; /* in the pool */
};

struct service;

/* What one worker serves; only it touches this. */
struct http_server {
	struct service *service; /* of all workers */
	bool several;		 /* workers: they share `stats` */
	rota_http_handler handler;
	void *arg;
	struct rota_http_options options; /* no zeroes left */
	struct rota_http_stats *stats;
	struct http1_limits limits;
	struct rota_loop *loop;
	struct list connections;
	struct rota_event opened; /* `tasks` is open */
	struct rota_scope tasks;  /* of the connections */
	struct http_work *spare_work;
	struct http_conn *spare_conns;
	bool stopping;
	unsigned early_calls; /* of send_early(), on their way */

	/* "Date: ...\r\nServer: ...\r\n", good until the loop's clock says stamp_until_ns. */
	uint64_t stamp_until_ns;
	uint32_t stamp_len;
	char stamp[256];
};

/* One of the counts in server->stats. */
static inline void http_count(const struct http_server *server, uint64_t *count, uint64_t more)
{
	if (server->several)
		add_relaxed(count, more);
	else
		store_relaxed(count, *count + more);
}

static inline uint64_t http_deadline(const struct http_server *server, uint64_t length_ns)
{
	uint64_t now = rota_loop_now_ns(server->loop);

	return length_ns > ROTA_FOREVER - now ? ROTA_FOREVER : now + length_ns;
}

/* ---- http_serve.c ---- */

struct http_work *rota__http_work_take(struct http_server *server); /* NULL: no memory */
void rota__http_work_return(struct http_server *server, struct http_work *work);

/* The idle connection was told that it should be elsewhere.  True: it is, and `c` is to end without it. */
bool rota__http_move(struct http_conn *c);

/* ---- http_conn.c ---- */

/* Get the next request: its head in work->head, its exchange begun.  False: the connection is
 * over. */
bool rota__http_next_request(struct http_conn *c);

/* Send what is gathered, then receive until `deadline_ns`.  The count; ROTA_EOF; or an error. */
ssize_t rota__http_receive(struct http_conn *c, void *buf, size_t size, uint64_t deadline_ns);

/* Send what is gathered; 0 or why not. */
int rota__http_flush(struct http_conn *c);
/* Send what is gathered and these bytes behind it. */
int rota__http_flush_with(struct http_conn *c, const struct iovec *iov, int count);
/* Send what is gathered and then a part of a file. */
int rota__http_flush_file(struct http_conn *c, int fd, uint64_t offset, uint64_t size);

/* A handler is about to run while answers are gathered: should it wait, they are sent without
 * it. */
void rota__http_send_early(struct http_conn *c);

/* Our side is done and the peer may still be sending: let it read our answer before the connection
 * is reset under it. */
void rota__http_linger(struct http_conn *c);

/* ---- http_request.c ---- */

/* The parsed head, for conditions and ranges; NULL for a refused one. */
const struct http1_head *rota__http_exchange_head(struct rota_http_exchange *x);

void rota__http_exchange_begin(struct http_conn *c);
/* Use up what is left of the body; false: the connection cannot go on. */
bool rota__http_body_drain(struct rota_http_exchange *x);
/* Will the rest of the body be worth taking in? */
bool rota__http_body_drainable(const struct rota_http_exchange *x);

/* ---- http_reply.c ---- */

/* The handler has returned `rc`: complete the answer and decide whether the connection goes on. */
void rota__http_exchange_end(struct rota_http_exchange *x, int rc);
/* Answer a head that is no request, and end the connection. */
void rota__http_refuse(struct http_conn *c, unsigned status, const char *reason);

#endif
