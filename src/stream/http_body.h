/* http_body.h - a message's body, read piece by piece through a buffer: for server and client
 *
 * The inbox holds what was received and not yet used.  The head of the message lies in it, too, and
 * stays where it is while the body is read; the body goes through the room behind it.  A body of
 * known length goes from the socket straight to its reader once the inbox is empty. */
#ifndef ROTA_STREAM_HTTP_BODY_H
#define ROTA_STREAM_HTTP_BODY_H

#include <stdint.h>
#include <sys/types.h>

#include "codec/http1.h"

enum {
	/* At least this much of the inbox is free for chunk lines and trailers behind any head. */
	HTTP_BODY_ROOM = 10 * 1024,
};

struct http_inbox {
	char *data;
	uint32_t at, end; /* data[at..end) was not used yet */
	uint32_t size;
	uint32_t body_at; /* nothing before this moves while the body is read: the head is there */
};

struct http_body_in {
	struct http1_body codec;
	struct span pending; /* data the reader had no room for; in the inbox */
	uint8_t framing;     /* enum http1_framing */
	bool ended;
};

/* Receive up to `size` bytes into `buf`: the count, ROTA_EOF, or an error.  May wait. */
typedef ssize_t (*http_receive_fn)(void *arg, void *buf, size_t size);

/* `head` was parsed from the first `used` bytes at in->at: step behind it.  This may move the head,
 * to make room for a body. */
void rota__http_head_used(struct http_inbox *in, struct http1_head *head, size_t used);

/* The body that `head` announces.  HTTP1_E_BODY_LENGTH: it says that it is longer than
 * `bytes_max`. */
int rota__http_body_begin(struct http_body_in *body, const struct http1_head *head,
	uint64_t bytes_max, const struct http1_limits *limits);

/* Up to `size` > 0 bytes of it; 0 at its end; enum http1_error, or what `receive` said. */
ssize_t rota__http_body_read(struct http_body_in *body, struct http_inbox *in, void *buf,
	size_t size, http_receive_fn receive, void *arg);

/* What the public calls say for enum http1_error and enum url_error; other codes are as they
 * were. */
int rota__http_public_error(int code);

/* Move what is not used to the front; only between messages. */
void rota__http_inbox_compact(struct http_inbox *in);

#endif
