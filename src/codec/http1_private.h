/* http1_private.h - what the files of the HTTP/1.1 parser share */
#ifndef ROTA_CODEC_HTTP1_PRIVATE_H
#define ROTA_CODEC_HTTP1_PRIVATE_H

#include "codec/http1.h"

/* One "name: value" line at `at`, its line end included, offsets from `base`: its length,
 * HTTP1_MORE or enum http1_error.  The caller has seen that the line does not begin with white
 * space or a line end. */
int rota__http1_field_line(
	const char *base, const char *at, const char *end, struct http1_field *field);

/* What the fields of a head that is well-formed mean: fills framing, content_length, keep_alive,
 * expect_continue, upgrade and authority.  0 or enum http1_error. */
int rota__http1_frame_request(struct http1_head *head);
int rota__http1_frame_response(struct http1_head *head, enum http_method method);

#endif
