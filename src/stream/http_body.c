/* http_body.c - a message's body, read piece by piece through a buffer */
#include <rota/base.h>

#include "codec/url.h"
#include "stream/http_body.h"

int rota__http_public_error(int code)
{
	switch (code) {
	case HTTP1_E_BODY_LENGTH:
	case HTTP1_E_HEAD_LENGTH:
	case HTTP1_E_FIELD_COUNT:
	case HTTP1_E_CHUNK_EXT_LENGTH:
	case HTTP1_E_TRAILER_LENGTH:
	case HTTP1_E_LENGTH_OVERFLOW:
		return ROTA_ELIMIT;
	case HTTP1_E_TRUNCATED:
		return ROTA_EOF;
	}
	if (code <= HTTP1_E_METHOD && code > HTTP1_E_METHOD - HTTP1_ERROR_COUNT)
		return ROTA_EPROTOCOL;
	if (code <= URL_E_EMPTY && code > URL_E_EMPTY - URL_ERROR_COUNT)
		return -EINVAL;
	return code;
}

void rota__http_inbox_compact(struct http_inbox *in)
{
	if (in->at == 0)
		return;
	memmove(in->data, in->data + in->at, in->end - in->at);
	in->end -= in->at;
	in->at = 0;
}

void rota__http_head_used(struct http_inbox *in, struct http1_head *head, size_t used)
{
	bool has_body = head->framing != HTTP1_NO_BODY && head->framing != HTTP1_TUNNEL;

	if (has_body && in->size - in->at - used < HTTP_BODY_ROOM) {
		ptrdiff_t base_at = head->base - (in->data + in->at);

		rota__http_inbox_compact(in);
		head->base = in->data + base_at;
	}
	in->at += (uint32_t)used;
	in->body_at = in->at;
}

int rota__http_body_begin(struct http_body_in *body, const struct http1_head *head,
	uint64_t bytes_max, const struct http1_limits *limits)
{
	*body = (struct http_body_in){ .framing = head->framing };
	body->ended = head->framing == HTTP1_NO_BODY || head->framing == HTTP1_TUNNEL;
	return body->ended ? 0 : rota__http1_body_init(&body->codec, head, bytes_max, limits);
}

/* What the inbox has: bytes copied; 0: nothing, more must be received, or it has ended; an
 * error. */
static ssize_t take(struct http_body_in *body, struct http_inbox *in, void *buf, size_t size)
{
	struct http1_piece piece;

	while (body->pending.len == 0 && !body->ended) {
		int event = rota__http1_body_next(
			&body->codec, in->data + in->at, in->end - in->at, &piece);

		if (event < 0)
			return event;
		in->at += (uint32_t)piece.used;
		if (event == HTTP1_MORE)
			return 0;
		if (event == HTTP1_DATA)
			body->pending = piece.data;
		body->ended = event == HTTP1_END;
	}
	if (size > body->pending.len)
		size = body->pending.len;
	if (size == 0)
		return 0;
	memcpy(buf, body->pending.at, size);
	body->pending.at += size;
	body->pending.len -= size;
	return (ssize_t)size;
}

/* Of the inbox nothing is left but the start of a chunk line or trailer: put it right behind the
 * head, and receive behind that. */
static ssize_t refill(struct http_inbox *in, http_receive_fn receive, void *arg)
{
	ssize_t n;

	memmove(in->data + in->body_at, in->data + in->at, in->end - in->at);
	in->end -= in->at - in->body_at;
	in->at = in->body_at;
	n = receive(arg, in->data + in->end, in->size - in->end);
	if (n > 0)
		in->end += (uint32_t)n;
	return n;
}

/* Not through the inbox.  Never more than the body has: what follows is the next message's. */
static ssize_t receive_direct(
	struct http_body_in *body, void *buf, size_t size, http_receive_fn receive, void *arg)
{
	struct http1_piece piece;
	ssize_t n;

	if (body->framing == HTTP1_LENGTH && size > body->codec.left)
		size = body->codec.left;
	n = receive(arg, buf, size);
	if (n > 0) {
		int event = rota__http1_body_next(&body->codec, buf, (size_t)n, &piece);

		return event < 0 ? event : n;
	}
	return n;
}

ssize_t rota__http_body_read(struct http_body_in *body, struct http_inbox *in, void *buf,
	size_t size, http_receive_fn receive, void *arg)
{
	ssize_t n;

	for (;;) {
		n = take(body, in, buf, size);
		if (n != 0 || body->ended)
			return n;
		n = body->framing == HTTP1_CHUNKED ? refill(in, receive, arg)
						   : receive_direct(body, buf, size, receive, arg);
		if (n == ROTA_EOF) {
			n = rota__http1_body_eof(&body->codec);
			body->ended = n == 0;
			return n;
		}
		if (n < 0 || body->framing != HTTP1_CHUNKED)
			return n;
	}
}
