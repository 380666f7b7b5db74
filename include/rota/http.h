/* http.h - HTTP/1.1: a server, a client, and rota_fetch()
 *
 * A server is a function that answers one request, and a task for each connection calls it:
 *
 *	static int hello(struct rota_http_exchange *x, void *arg)
 *	{
 *		return rota_http_reply_text(x, 200, "Hello, World!");
 *	}
 *	...
 *	rota_tcp_listen(&door, ":8080", NULL);
 *	return rota_http_serve(door, hello, NULL, NULL);
 *
 * The peer is not trusted: what HTTP allows to refuse is refused, every length has a limit and
 * every wait a deadline (struct rota_http_options).  Keep-alive, pipelining, HEAD, Expect:
 * 100-continue and HTTP/1.0 are handled before the handler sees them.
 *
 * Text that comes from a message ends with a 0 byte, which cannot be part of it.  Everything here
 * is called from tasks, may wait unless a comment says otherwise, and then answers -ECANCELED or
 * -ETIMEDOUT as task.h says. */
#ifndef ROTA_HTTP_H
#define ROTA_HTTP_H

#include <rota/base.h>
#include <rota/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A field of a message.  Lists of them end with a NULL name; a NULL list is an empty one. */
struct rota_http_header {
	const char *name, *value;
};

#ifndef __cplusplus
/* A list where an argument is wanted: ROTA_HTTP_HEADERS({ "ETag", tag }, { "Vary", "Accept" }) */
#define ROTA_HTTP_HEADERS(...) ((const struct rota_http_header[]){ __VA_ARGS__, { NULL, NULL } })
#endif

#define ROTA_HTTP_UNLIMITED UINT64_C(0xffffffffffffffff)

/* ---- server ---- */

/* One request and its answer; lives while the handler runs. */
struct rota_http_exchange;

/* Answer one request.  `arg` is what rota_http_serve() got.  A handler that returns without having
 * answered is answered for: 500, or what fits the trouble with the body (400, 408, 413 ...).  A
 * negative answer from a handler in the middle of a streamed body cuts the connection, so that the
 * peer does not take the part for the whole.  Handlers of one connection run one after the
 * other. */
typedef int (*rota_http_handler)(struct rota_http_exchange *x, void *arg);

/* What happened, counted.  Written by the loops that serve; other threads may read: each number is
 * right, but they may not fit together. */
struct rota_http_stats {
	uint64_t connections;	   /* accepted so far */
	uint64_t connections_open; /* now */
	uint64_t requests;	   /* answered, refused ones included */
	uint64_t status[6];	   /* of them: [2] 200-299 ...; [0]: cut off without an answer */
	uint64_t bytes_in, bytes_out;
	uint64_t refused;  /* not HTTP, or beyond a limit */
	uint64_t timeouts; /* closed because the peer was too slow; idle connections do not count */
	uint64_t resets;   /* ended by an error of the connection */
};

/* An exchange that is over, for logs.  Valid during the call. */
struct rota_http_done {
	unsigned status;      /* 0: cut off before an answer began */
	uint64_t body_bytes;  /* of the answer, without chunk framing, as far as they were sent */
	uint64_t duration_ns; /* from the whole head to the end of the answer */
	bool refused;	      /* the head was not valid: method and target are "" */
};

/* All zero is a sensible public server.  Times: 0 is the default, ROTA_FOREVER is no limit. */
struct rota_http_options {
	uint32_t head_bytes_max;    /* start line and fields; 0: 16 KiB.  More: 431 */
	uint32_t target_bytes_max;  /* 0: 8,000.  More: 414 */
	uint32_t headers_max;	    /* 0: 100, which is also the most.  More: 431 */
	/* At a time, on all workers; the next ones wait in the backlog, and ROTA_DEAL_OWN becomes in turn.  0: no limit */
	unsigned connections_max;
	uint64_t body_bytes_max;    /* 0: 1 MiB.  More: 413.  See rota_http_limit_body() */
	uint64_t head_timeout_ns;   /* from a head's first byte to its last; 0: 10 s.  Then 408 */
	uint64_t idle_timeout_ns;   /* without a request; 0: 60 s.  Then the connection is closed */
	uint64_t transfer_timeout_ns; /* in each such time of a body, to us or from us, ... */
	uint64_t transfer_bytes_min;  /* ... so much must get through; 0: 20 s and 10,000 bytes */
	uint64_t grace_ns;	    /* for exchanges in progress at a stop; 0: 10 s, 1: none.  The run's drain_ns limits it */
	const char *server_name;    /* the Server field, kept; NULL: none */
	struct rota_http_stats *stats; /* kept, added to; NULL: nobody is told */
	/* Called after each exchange, in the connection's task; must not wait.  NULL: none. */
	void (*on_done)(struct rota_http_exchange *x, const struct rota_http_done *done, void *arg);
};

/* With several workers the connections are dealt to them (enum rota_deal) and stay there: handler and on_done are called on all of
 * them at the same time.
 *
 * Accept connections on `listener` and have `handler` answer their requests, for ever.  `options`
 * is borrowed and may be NULL.  When it is cancelled or the listener is closed it stops gracefully:
 * it accepts no more, closes idle connections at once, lets exchanges in progress finish and say
 * "Connection: close", and cancels what is left when grace_ns is over.  Returns then: -ECANCELED,
 * -ETIMEDOUT or ROTA_ECLOSED.  -EINVAL: an option makes no sense.  The listener stays the
 * caller's. */
ROTA_API int rota_http_serve(struct rota_listener *listener, rota_http_handler handler, void *arg,
	const struct rota_http_options *options);

/* ---- server: the request.  None of these wait, except reading the body ---- */

ROTA_API const char *rota_http_method(struct rota_http_exchange *x); /* "GET" */
ROTA_API bool rota_http_method_is(struct rota_http_exchange *x, const char *method);
ROTA_API const char *rota_http_target(struct rota_http_exchange *x); /* as sent: "/a%20b?c" */
ROTA_API int rota_http_minor_version(struct rota_http_exchange *x);  /* HTTP/1.x: 0 or 1 */

/* The path of the target: decoded, "." and double slashes gone, beginning with '/'.  A path that is
 * not safe as one of files (a ".." segment, an encoded slash, NUL or a backslash) or not valid is
 * NULL. */
ROTA_API const char *rota_http_path(struct rota_http_exchange *x);

/* What follows the '?', as it was sent; NULL without one. */
ROTA_API const char *rota_http_query(struct rota_http_exchange *x);

/* The first field of this name, in any case; NULL: there is none. */
ROTA_API const char *rota_http_header(struct rota_http_exchange *x, const char *name);

/* The field number `index`, from 0, in the order they came; false: there are not so many. */
ROTA_API bool rota_http_header_at(
	struct rota_http_exchange *x, size_t index, struct rota_http_header *ret_header);

/* Bytes of the body; 0: there is none; -1: chunked, it ends when it ends. */
ROTA_API int64_t rota_http_body_size(struct rota_http_exchange *x);

/* Up to `size` bytes of the body, as soon as there are any; 0 at its end.  The peer is held back as
 * long as nobody reads.  The first call sends "100 Continue" to a peer that waits for it.
 * ROTA_ELIMIT: it is longer than allowed; ROTA_EPROTOCOL, ROTA_EOF, -ETIMEDOUT ...: it will not
 * come, for good.  The handler need not read it: what is left is thrown away. */
ROTA_API ssize_t rota_http_read_body(struct rota_http_exchange *x, void *buf, size_t size);

/* Another limit for this body, before its first byte was read; ROTA_HTTP_UNLIMITED.  ROTA_ELIMIT:
 * it says that it is longer; -EBUSY: too late. */
ROTA_API int rota_http_limit_body(struct rota_http_exchange *x, uint64_t bytes_max);

/* The connection; not to be read from or written to. */
ROTA_API struct rota_stream *rota_http_stream(struct rota_http_exchange *x);

/* ---- server: the answer ----
 *
 * Connection, Content-Length, Transfer-Encoding, Date and Server are written by the server; giving
 * one of them is -EINVAL, as is a name or value that would break the message.  A second answer is
 * -EALREADY.  A failed call that is not one of these means that the connection is lost. */

/* A whole answer, in one write.  Borrows everything.  For HEAD the body's size is told and the body
 * left out. */
ROTA_API int rota_http_reply(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, const void *body, size_t size);

/* The same with "Content-Type: text/plain; charset=utf-8" and no other field. */
ROTA_API int rota_http_reply_text(struct rota_http_exchange *x, unsigned status, const char *text);

/* `size` bytes of the file `fd` from `offset`, with sendfile(2) where they are many.  Borrows
 * fd. */
ROTA_API int rota_http_reply_file(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, int fd, uint64_t offset, uint64_t size);

/* A body in pieces: begin, write any number of times, end.  `size` is what the pieces will add up
 * to, or -1: not known, it is sent chunked (to an HTTP/1.0 peer: until the connection closes). */
ROTA_API int rota_http_begin(struct rota_http_exchange *x, unsigned status,
	const struct rota_http_header *headers, int64_t size);
/* Waits until the piece is sent.  -EMSGSIZE: more than `size`. */
ROTA_API int rota_http_write(struct rota_http_exchange *x, const void *data, size_t size);
ROTA_API int rota_http_write_file(
	struct rota_http_exchange *x, int fd, uint64_t offset, uint64_t size);
/* -EMSGSIZE: less than `size`; the connection will be cut. */
ROTA_API int rota_http_end(struct rota_http_exchange *x);

/* Close the connection after this exchange; before the answer begins, so that it can say so.
 * Does not wait. */
ROTA_API void rota_http_close_after(struct rota_http_exchange *x);

/* "Not Found"; for an unknown code the name of its class.  Never NULL. */
ROTA_API const char *rota_http_status_text(unsigned status);

/* ---- client: one URL ---- */

struct rota_fetch_options {
	const char *method;			/* NULL: GET, or POST with a body */
	const struct rota_http_header *headers; /* Host, User-Agent and Accept have defaults */
	const void *body;
	size_t body_size;
	int redirects_max;	/* 0: 10; negative: none are followed, the answer is the redirect */
	uint64_t body_bytes_max; /* of the answer; 0: 64 MiB; ROTA_HTTP_UNLIMITED */
	uint64_t timeout_ns;	/* for everything; 0: only the scope's deadline */
};

struct rota_http_response { /* ours: rota_http_response_free() */
	unsigned status;
	const char *url; /* that answered, after redirects */
	const struct rota_http_header *headers; /* in the order they came */
	size_t header_count;
	char *body; /* never NULL; followed by a 0 byte */
	size_t body_size;
	unsigned redirects;
};

/* Get what is at `url`.  0 whatever the status is, once an answer has come as a whole.  Borrows all
 * it is given.  301, 302, 303, 307 and 308 are followed; Authorization, Cookie and
 * Proxy-Authorization go to the first host only.  Errors:
 *   -EINVAL           not a URL, or a method or header that would break the request
 *   -EPROTONOSUPPORT  not an http URL
 *   ROTA_ENAME, -ECONNREFUSED ...  from rota_tcp_connect()
 *   ROTA_EOF          the connection ended in the middle
 *   ROTA_EPROTOCOL    what came is not HTTP
 *   ROTA_ELIMIT       the answer is longer than allowed
 *   ROTA_EREDIRECTS   too many redirects, or one that leads nowhere
 *   -ETIMEDOUT        the time was over */
ROTA_API int rota_fetch(const char *url, const struct rota_fetch_options *options,
	struct rota_http_response **ret_response);

/* The first header of this name, in any case; NULL.  Does not wait. */
ROTA_API const char *rota_http_response_header(
	const struct rota_http_response *response, const char *name);

/* NULL is allowed.  Does not wait. */
ROTA_API void rota_http_response_free(struct rota_http_response *response);

/* ---- client: one connection, many requests ----
 *
 *	rota_http_connect(&client, "http://127.0.0.1:8080", NULL);
 *	rota_http_send(client, &request);
 *	rota_http_receive(client, &answer);
 *	while ((n = rota_http_read(client, buf, sizeof buf)) > 0) ...
 *
 * Several requests may be sent before the first answer is received (pipelining); answers come in
 * the order of the requests.  After an error the connection is only good for
 * rota_http_disconnect(); but when receiving or reading ends with -ETIMEDOUT or -ECANCELED it may
 * be called again and goes on. */

struct rota_http_client;

struct rota_http_client_options {
	uint32_t head_bytes_max;  /* of an answer; 0: 64 KiB */
	unsigned pipeline_max;	  /* requests without an answer; 0: 64 */
	const struct rota_connect_options *connect; /* borrowed; NULL: defaults */
};

struct rota_http_request {
	const char *method; /* NULL: GET */
	const char *target; /* "/path?query"; NULL: that of the connection's URL */
	const struct rota_http_header *headers; /* Host is added when it is not there */
	const void *body;
	size_t body_size; /* Content-Length is written by us */
};

struct rota_http_answer {
	unsigned status;
	int64_t body_size; /* -1: not known before its end */
	bool keep_alive;   /* another request may follow */
};

/* "http://host[:port][/target]". */
ROTA_API int rota_http_connect(struct rota_http_client **ret_client, const char *url,
	const struct rota_http_client_options *options);

/* Send a request.  Borrows everything.  -EBUSY: pipeline_max requests have no answer yet.  -EPIPE,
 * -ECONNRESET: the server does not take it, or not all of it; rota_http_receive() may tell why. */
ROTA_API int rota_http_send(
	struct rota_http_client *client, const struct rota_http_request *request);

/* The head of the next answer; what the last one's body still had is thrown away.  Interim answers
 * (1xx) are passed over.  -EINVAL: no request is waiting for one. */
ROTA_API int rota_http_receive(
	struct rota_http_client *client, struct rota_http_answer *ret_answer);

/* Fields of that answer, until the next call that waits.  As for the server's requests. */
ROTA_API const char *rota_http_answer_header(struct rota_http_client *client, const char *name);
ROTA_API bool rota_http_answer_header_at(
	struct rota_http_client *client, size_t index, struct rota_http_header *ret_header);

/* Up to `size` bytes of its body; 0 at the end. */
ROTA_API ssize_t rota_http_read(struct rota_http_client *client, void *buf, size_t size);

/* The connection, to set deadlines; not to be read from or written to. */
ROTA_API struct rota_stream *rota_http_client_stream(struct rota_http_client *client);

/* Close and free.  NULL is allowed.  Does not wait. */
ROTA_API void rota_http_disconnect(struct rota_http_client *client);

#ifdef __cplusplus
}
#endif
#endif
