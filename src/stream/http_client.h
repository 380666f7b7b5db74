/* http_client.h - the client's inside, for those that send requests they made before */
#ifndef ROTA_STREAM_HTTP_CLIENT_H
#define ROTA_STREAM_HTTP_CLIENT_H

#include <rota/http.h>

#include "codec/url.h"
#include "stream/http_body.h"

struct rota_http_client {
	struct rota_stream *stream;
	struct http1_limits limits;
	struct http1_parser parser;
	struct http_inbox in;
	struct http_body_in body; /* of the answer at hand */
	struct http1_head head;
	char *out; /* for heads of requests */
	uint32_t out_size;
	char *host, *target; /* of the URL: a Host field's value, a request line's target */
	int broken;          /* 0, or why the connection is of no use any more */
	int deaf;            /* 0, or why it takes no more requests */
	bool last;           /* the answer at hand said that it is the last one */
	bool answered;       /* `head` holds an answer */
	/* Methods of the requests that wait for an answer: whether it has a body depends on them.
	 */
	uint32_t waiting_at, waiting_end, waiting_mask;
	uint8_t *waiting;
};

/* Connect to where `url` points.  `text` only has to live during the call. */
int rota__http_client_open(struct rota_http_client **ret_client, const struct url *url,
	const struct rota_http_client_options *options);

/* The caller writes `count` whole requests of `method` to the stream by itself: expect their
 * answers. -EBUSY as rota_http_send(). */
int rota__http_client_expect(
	struct rota_http_client *client, unsigned count, enum http_method method);

/* Read the rest of the answer's body and forget it; what it had, or an error. */
int64_t rota__http_client_skip(struct rota_http_client *client);

#endif
