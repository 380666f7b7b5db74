/* http1_log.h - a stream of HTTP/1.1 messages, received in given pieces, as one text to compare
 *
 * It plays the connection of a server or a client: bytes arrive up to the next cut, the parser gets
 * what has not been used up, in memory of exactly that size so that a sanitizer sees any read
 * behind it.  What the parser said is written down without regard to how the bytes came, so the
 * logs of one stream must be equal for all cuts:
 *
 *   GET /path HTTP/1.1 keep          method, target, version as understood; keep or close
 *   | expect upgrade authority=a:1   only what is there
 *   Host: a:1                        the fields
 *   body "hello"                     or: no body
 *   X-Sum: 1                         trailers
 *   .                                the message is over
 *   error BARE_LF 400                nothing comes after it
 *   more                             the stream ended inside a message; "eof": properly */
#ifndef TESTS_CODEC_HTTP1_LOG_H
#define TESTS_CODEC_HTTP1_LOG_H

#include "codec/http1.h"

enum http1_log_kind {
	HTTP1_LOG_REQUESTS,
	HTTP1_LOG_RESPONSES,
	HTTP1_LOG_CHUNKED, /* a chunked body without its head */
};

struct http1_log_setup {
	enum http1_log_kind kind;
	enum http_method method;           /* responses: of the request; OTHER counts as GET */
	uint64_t body_max;                 /* 0: no limit */
	const struct http1_limits *limits; /* NULL: the default */
};

/* The log of `bytes` received in pieces that end at each of the `count` ascending `cuts`, and then
 * the rest.  To be freed. */
char *http1_log(
	const struct http1_log_setup *setup, struct span bytes, const size_t *cuts, size_t count);

/* The name of an error: "BARE_LF". */
const char *http1_log_error_name(int error);

#endif
