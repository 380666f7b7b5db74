/* http1.h - HTTP/1.1 messages from bytes: heads, bodies, trailers (RFC 9112)
 *
 * Bytes in, events out: no I/O, no allocation, no clock.  Strict: what RFC 9112 lets a recipient
 * refuse is refused when two recipients could read it differently, because that is what request
 * smuggling is made of.  Each refusal has its own code, and the code names the status to answer.
 *
 * A connection goes round this circle; data[0..len) is what has been received and not yet used up:
 *
 *   HEAD --parse_request() > 0: that many bytes are the head--> BODY
 *   BODY --body_next() == HTTP1_DATA: piece.data, piece.used bytes are done with--> BODY
 *   BODY --HTTP1_TRAILER: piece.name, piece.value--> BODY
 *   BODY --HTTP1_END--> HEAD; what follows is the next message (pipelining)
 *   either --0 (HTTP1_MORE): receive more behind what is there, and call again--> same state
 *   either --negative: answer rota__http1_error_status() and close; nothing after it can be trusted
 *
 * However the bytes are cut into pieces, the events are the same: the same heads, the same body,
 * and the same error at the same message.
 *
 * A head is parsed in one go when its last byte has come; until then only the bytes since the last
 * complete line are looked at again.  `struct http1_head` is filled only then, so one may be shared
 * by all connections of a thread: keep it as long as the request needs it, and the buffer too. */
#ifndef ROTA_CODEC_HTTP1_H
#define ROTA_CODEC_HTTP1_H

#include <stdint.h>

#include "codec/http.h"

/* X(name, status to answer, text); for an error in a response, what a gateway would answer. */
#define HTTP1_ERRORS(X)                                                                            \
	X(METHOD, 400, "the method is not a token")                                                \
	X(METHOD_LENGTH, 501, "the method is too long to be one")                                  \
	X(TARGET, 400, "the request target is not valid")                                          \
	X(TARGET_LENGTH, 414, "the request target is longer than the limit")                       \
	X(VERSION, 400, "the request line does not end in an HTTP version")                        \
	X(VERSION_UNKNOWN, 505, "the major version of HTTP is not 1")                              \
	X(STATUS_LINE, 502, "the status line is not valid")                                        \
	X(BARE_CR, 400, "a carriage return without a line feed")                                   \
	X(BARE_LF, 400, "a line feed without a carriage return")                                   \
	X(CONTROL, 400, "a control character")                                                     \
	X(FOLD, 400, "a line begins with white space")                                             \
	X(NAME, 400, "a field name is not a token")                                                \
	X(NAME_SPACE, 400, "white space between a field name and its colon")                       \
	X(NO_COLON, 400, "a field line without a colon")                                           \
	X(HEAD_LENGTH, 431, "the head is longer than the limit")                                   \
	X(FIELD_COUNT, 431, "more fields than the limit")                                          \
	X(HOST_MISSING, 400, "an HTTP/1.1 request without Host")                                   \
	X(HOST_REPEATED, 400, "more than one Host")                                                \
	X(HOST, 400, "Host is not a host with an optional port")                                   \
	X(LENGTH, 400, "Content-Length is not a number")                                           \
	X(LENGTH_REPEATED, 400, "more than one Content-Length")                                    \
	X(LENGTH_OVERFLOW, 413, "Content-Length is larger than any body can be")                   \
	X(LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding")                     \
	X(CODING, 400, "Transfer-Encoding does not end in chunked, once")                          \
	X(CODING_UNKNOWN, 501, "a transfer coding other than chunked")                             \
	X(CODING_VERSION, 400, "Transfer-Encoding in HTTP/1.0")                                    \
	X(UNEXPECTED_BODY, 400, "a body on a method that has none")                                \
	X(EXPECT, 417, "an expectation other than 100-continue")                                   \
	X(BODY_LENGTH, 413, "the body is longer than the limit")                                   \
	X(CHUNK_SIZE, 400, "a chunk size is not a hexadecimal number of at most 16 digits")        \
	X(CHUNK_EXT, 400, "a chunk extension is not valid")                                        \
	X(CHUNK_EXT_LENGTH, 413, "the chunk extensions are longer than the limit")                 \
	X(CHUNK_END, 400, "the data of a chunk is not followed by a line end")                     \
	X(TRAILER_LENGTH, 431, "the trailers are longer than the limit")                           \
	X(TRAILER_FIELD, 400, "a trailer that only a head may have")                               \
	X(TRUNCATED, 400, "the connection ended inside a message")

enum http1_error_index {
#define X(name, status, text) HTTP1_I_##name,
	HTTP1_ERRORS(X)
#undef X
	HTTP1_ERROR_COUNT
};

/* Negative, and apart from errno and from the codes of rota/base.h. */
enum http1_error {
#define X(name, status, text) HTTP1_E_##name = -4101 - HTTP1_I_##name,
	HTTP1_ERRORS(X)
#undef X
};

/* The status to answer before closing, and a text for people; 500, "unknown" for other numbers. */
unsigned rota__http1_error_status(int error);
const char *rota__http1_error_text(int error);

enum {
	HTTP1_MORE = 0,               /* not enough bytes yet */
	HTTP1_FIELDS_MAX = 100,       /* in one head; what Apache and hyper allow */
	HTTP1_METHOD_MAX = 32,        /* the longest registered one, UPDATEREDIRECTREF, has 17 */
	HTTP1_HEAD_MAX = 1024 * 1024, /* no limit may be set beyond this */
};

/* What one peer may make us hold.  All are inclusive: exactly that much still passes. */
struct http1_limits {
	uint32_t head_bytes;   /* start line and fields with their line ends, and the empty line */
	uint32_t target_bytes; /* of the request line */
	uint32_t fields;       /* field lines in a head, at most HTTP1_FIELDS_MAX */
	uint32_t chunk_ext_bytes; /* chunk extensions of one whole body */
	uint32_t trailer_bytes;   /* trailer section of one body */
};

/* 16 KiB of head, 8,000 of target (the least RFC 9112 recommends), 100 fields, 4 KiB of chunk
 * extensions, 8 KiB of trailers. */
extern const struct http1_limits rota__http1_limits;

/* One for each direction of a connection; 16 bytes. */
struct http1_parser {
	const struct http1_limits *limits;
	uint32_t line_at; /* of a head that is not whole yet: all lines before this one are good */
	uint32_t fields;  /* that these lines are */
};

/* `limits` is kept; NULL for rota__http1_limits. */
void rota__http1_parser_init(struct http1_parser *parser, const struct http1_limits *limits);

/* All offsets count from http1_head.base. */
struct http1_part {
	uint32_t at, len;
};

struct http1_field {
	uint32_t name_at, value_at, value_len;
	uint16_t name_len;
	uint8_t id; /* enum http_field */
};

/* How the message goes on after the head. */
enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH, /* content_length bytes, more than none */
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE, /* a response that ends with the connection */
	HTTP1_TUNNEL, /* no HTTP from here on: CONNECT was accepted, or the protocol switched */
};

struct http1_head {
	const char *base;     /* where the parsed bytes are; whoever moves them sets this anew */
	uint32_t bytes;       /* length of the head, the empty line included */
	uint8_t method;       /* request: enum http_method */
	uint8_t minor;        /* of the version: 0, or 1 for anything later */
	uint8_t framing;      /* enum http1_framing */
	bool keep_alive;      /* another message may follow this one */
	bool expect_continue; /* request: the client waits for 100 before it sends the body */
	bool upgrade;         /* Connection: upgrade together with an Upgrade field, in HTTP/1.1 */
	uint16_t status;      /* response */
	uint32_t field_count;
	uint64_t content_length; /* 0 if not given; a HEAD's or 304's is without a body */
	uint64_t seen;           /* bit (1 << enum http_field): at least one such field is there */
	uint64_t repeated;       /* the same: more than one is there */
	struct http1_part method_name, target, reason;
	struct http1_part authority; /* of an absolute or CONNECT target, else the value of Host */
	struct http1_field fields[HTTP1_FIELDS_MAX];
};

/* Parse the head of a request at the start of data[0..len); give all of it again from its first
 * byte after HTTP1_MORE.  > 0: `head` is filled, and so many bytes are used up (one empty line
 * before the head may be among them).  HTTP1_MORE: `head` holds nothing of use.  Negative: enum
 * http1_error. */
int rota__http1_parse_request(
	struct http1_parser *parser, const char *data, size_t len, struct http1_head *head);

/* The same for a response to a request of `method`, on which it depends whether a body follows.  A
 * status of 100-199 other than 101 is interim: parse on, the real response follows. */
int rota__http1_parse_response(struct http1_parser *parser, const char *data, size_t len,
	enum http_method method, struct http1_head *head);

static inline struct span http1_text(const struct http1_head *head, struct http1_part part)
{
	return (struct span){ head->base + part.at, part.len };
}

static inline struct span http1_name(const struct http1_head *head, const struct http1_field *field)
{
	return (struct span){ head->base + field->name_at, field->name_len };
}

static inline struct span http1_value(
	const struct http1_head *head, const struct http1_field *field)
{
	return (struct span){ head->base + field->value_at, field->value_len };
}

static inline bool http1_has(const struct http1_head *head, enum http_field id)
{
	return (head->seen >> id & 1) != 0;
}

/* The first field `id` behind `after` (NULL: of all), or NULL. */
const struct http1_field *rota__http1_find(
	const struct http1_head *head, enum http_field id, const struct http1_field *after);

/* The value of the first field `id`; {NULL, 0} when there is none. */
struct span rota__http1_get(const struct http1_head *head, enum http_field id);

/* The same by name, in any case: for names that have no number. */
struct span rota__http1_get_named(const struct http1_head *head, struct span name);

/* Is `token`, in any case, an element of the comma-separated values of the fields `id`? */
bool rota__http1_lists(const struct http1_head *head, enum http_field id, struct span token);

/* The rest of the message; 40 bytes, holds no data. */
struct http1_body {
	uint64_t left;    /* bytes of the body, or of the chunk at hand */
	uint64_t allowed; /* bytes of chunk data until the limit */
	const struct http1_limits *limits;
	uint32_t line_bytes; /* chunk extensions or trailers so far */
	uint8_t state;
	uint8_t digits;
};

enum http1_event {
	/* HTTP1_MORE = 0: keep what is behind `used`, receive more, call again */
	HTTP1_DATA = 1, /* piece.data is part of the body, not empty */
	HTTP1_TRAILER,  /* piece.name: piece.value, after the last chunk */
	HTTP1_END,      /* the message is over; told again and again, with used == 0 */
};

struct http1_piece {
	size_t used; /* set for every event, HTTP1_MORE included: so many bytes are done with */
	struct span data; /* the body, or the value of a trailer */
	struct span name; /* of a trailer */
};

/* Get ready for the body that `head` announces, of at most `bytes_max` bytes: HTTP1_E_BODY_LENGTH
 * when it says that it is longer.  `limits` is kept; NULL for rota__http1_limits. */
int rota__http1_body_init(struct http1_body *body, const struct http1_head *head,
	uint64_t bytes_max, const struct http1_limits *limits);

/* The next event of the body in data[0..len), which starts where the last call's `used` ended.
 * Chunk data are given as they come.  Only a trailer line has to be whole: a buffer that can hold
 * limits.trailer_bytes never gets stuck.  HTTP1_UNTIL_CLOSE never answers HTTP1_END: see
 * body_eof(). */
int rota__http1_body_next(
	struct http1_body *body, const char *data, size_t len, struct http1_piece *piece);

/* The connection ended: 0 when that is a proper end of this body, or HTTP1_E_TRUNCATED. */
int rota__http1_body_eof(const struct http1_body *body);

#endif
