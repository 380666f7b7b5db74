/* http_condition.h - does a conditional request still want its answer (RFC 9110 13) */
#ifndef ROTA_CODEC_HTTP_CONDITION_H
#define ROTA_CODEC_HTTP_CONDITION_H

#include <time.h>

#include "codec/http1.h"

/* What is known of the thing the request names. */
struct http_validators {
	struct span etag; /* with its quotes and its W/; at == NULL: it has none */
	time_t modified;  /* -1: not known */
	bool exists;      /* for If-Match: * and If-None-Match: * */
};

enum http_verdict {
	HTTP_PROCEED,            /* do what the method says */
	HTTP_NOT_MODIFIED = 304, /* GET and HEAD: answer without a body */
	HTTP_FAILED = 412,       /* Precondition Failed: change nothing */
};

/* In the order of 13.2.2: If-Match, else If-Unmodified-Since; If-None-Match, else If-Modified-Since
 * for GET and HEAD.  A date that is not one counts as absent; an entity tag that is not one matches
 * nothing. */
enum http_verdict rota__http_condition(
	const struct http1_head *head, const struct http_validators *is, time_t now);

/* Shall the Range field of `head` be honoured?  True without an If-Range. */
bool rota__http_if_range(
	const struct http1_head *head, const struct http_validators *is, time_t now);

/* Is it W/"..." or "..." with the characters RFC 9110 8.8.3 allows? */
bool rota__http_etag_valid(struct span etag);
/* Weak comparison looks at the quoted part only; strong needs both to be without W/. */
bool rota__http_etag_equal(struct span a, struct span b, bool strong);

enum { HTTP_ETAG_MAX = 40 };

/* The strong tag of a file, "<modification time>-<size>" in hexadecimal; bytes written into
 * out[0..HTTP_ETAG_MAX), quotes included, not terminated. */
unsigned rota__http_etag_of_file(uint64_t modified_ns, uint64_t size, char *out);

#endif
