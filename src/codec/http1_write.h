/* http1_write.h - HTTP/1.1 messages to bytes: heads and chunk framing, into memory of the caller
 *
 * Each call appends; the first thing that does not fit, or that would break the message, sets
 * `error`, and from then on nothing is written.  Look at `error` once, at the end:
 *
 *   http1_out_init(&out, buf, sizeof buf);
 *   rota__http1_put_status(&out, 200);
 *   rota__http1_put_field(&out, HTTP_FIELD_CONTENT_TYPE, SPAN("text/plain"));
 *   rota__http1_put_field_number(&out, HTTP_FIELD_CONTENT_LENGTH, 13);
 *   rota__http1_put_end(&out);
 *   if (out.error < 0) ... else send out.len bytes
 *
 * No name or value with a line end or another control character gets out: a program that puts
 * foreign text into a field cannot be made to send a second response. */
#ifndef ROTA_CODEC_HTTP1_WRITE_H
#define ROTA_CODEC_HTTP1_WRITE_H

#include <stdint.h>

#include "codec/http.h"

struct http1_out {
	char *base;
	size_t len, size;
	int error; /* 0, -ENOBUFS: does not fit, -EINVAL: not allowed there */
};

static inline void http1_out_init(struct http1_out *out, void *base, size_t size)
{
	*out = (struct http1_out){ .base = base, .size = size };
}

/* "HTTP/1.1 200 OK" and its line end.  100-999; a code without a text gets an empty one. */
void rota__http1_put_status(struct http1_out *out, unsigned status);
/* "GET /path HTTP/1.1" and its line end.  Neither may be empty or contain spaces or controls. */
void rota__http1_put_request(struct http1_out *out, struct span method, struct span target);

void rota__http1_put_field(struct http1_out *out, enum http_field field, struct span value);
void rota__http1_put_field_number(struct http1_out *out, enum http_field field, uint64_t value);
/* `name` must be a token. */
void rota__http1_put_named(struct http1_out *out, struct span name, struct span value);
/* The empty line that ends a head, or trailers. */
void rota__http1_put_end(struct http1_out *out);

/* Bytes as they are. */
void rota__http1_put_raw(struct http1_out *out, struct span bytes);

/* A chunk is put_chunk(), so many bytes, put_chunk_end(); the body ends with put_last_chunk(), then
 * trailers by put_named(), then put_end().  `size` 0 is refused: it would end the body. */
void rota__http1_put_chunk(struct http1_out *out, uint64_t size);
void rota__http1_put_chunk_end(struct http1_out *out);
void rota__http1_put_last_chunk(struct http1_out *out);

enum { HTTP1_CHUNK_HEAD_MAX = 18 }; /* 16 digits and the line end */

/* The decimal digits of `value` at `at`, which has room for 20; how many. */
unsigned rota__format_u64(char *at, uint64_t value);

#endif
