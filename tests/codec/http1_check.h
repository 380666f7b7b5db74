/* http1_check.h - a stream of messages gives the log written beside it, however it is cut
 *
 * Every check runs the stream whole, a byte at a time, cut once at every place, and cut into three
 * at random; a log that differs is printed with the cuts that made it. */
#ifndef TESTS_CODEC_HTTP1_CHECK_H
#define TESTS_CODEC_HTTP1_CHECK_H

#include "harness/test.h"
#include "http1_log.h"

static const struct http1_log_setup requests = { .kind = HTTP1_LOG_REQUESTS };
static const struct http1_log_setup responses = {
	.kind = HTTP1_LOG_RESPONSES,
	.method = HTTP_METHOD_GET,
};
static const struct http1_log_setup chunks = { .kind = HTTP1_LOG_CHUNKED };

/* The log is `expected`. */
bool http1_logs(const struct http1_log_setup *setup, struct span bytes, const char *expected);
/* The log ends in this error; what came before it does not matter. */
bool http1_refuses(const struct http1_log_setup *setup, struct span bytes, int error);

#define LITERAL(raw)               ((struct span){ (raw), sizeof(raw) - 1 })
#define LOGS(setup, raw, expected) CHECK(http1_logs(&(setup), LITERAL(raw), expected))
#define REFUSED(setup, error, raw) CHECK(http1_refuses(&(setup), LITERAL(raw), HTTP1_E_##error))
/* In a request that is otherwise good. */
#define REFUSED_LINE(error, line) REFUSED(requests, error, line "\r\nHost: a\r\n\r\n")
#define REFUSED_FIELD(error, field)                                                                \
	REFUSED(requests, error, "POST / HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n")

#endif
