/* http1_body.c - the body of a message: by length, in chunks, or until the connection ends
 *
 *   LENGTH ----------------------------- all bytes ------------------------------> END
 *   CLOSE (for ever; body_eof() is its end)
 *   SIZE --digits--> SIZE --';'--> EXT --CR--> SIZE_LF
 *        --blank---> BLANK --';'--> EXT
 *        --CR--> SIZE_LF --size > 0--> DATA --all bytes--> DATA_CR --> DATA_LF --> SIZE
 *                        --size 0----> TRAILERS --line--> TRAILERS --empty line--> END
 *
 * All states but TRAILERS take what has come, byte by byte, and need nothing kept.  */
#include "codec/http1_private.h"

#include "codec/chars.h"

enum state { END, LENGTH, CLOSE, SIZE, BLANK, EXT, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILERS };

enum { SIZE_DIGITS_MAX = 16 }; /* as many as 64 bits have; also bounds the zeroes in front */

int rota__http1_body_init(struct http1_body *body, const struct http1_head *head,
	uint64_t bytes_max, const struct http1_limits *limits)
{
	*body = (struct http1_body){
		.allowed = bytes_max,
		.limits = limits != NULL ? limits : &rota__http1_limits,
		.state = END,
	};
	switch ((enum http1_framing)head->framing) {
	case HTTP1_NO_BODY:
	case HTTP1_TUNNEL:
		break;
	case HTTP1_LENGTH:
		if (head->content_length > bytes_max)
			return HTTP1_E_BODY_LENGTH;
		body->left = head->content_length;
		body->state = LENGTH;
		break;
	case HTTP1_CHUNKED:
		body->state = SIZE;
		break;
	case HTTP1_UNTIL_CLOSE:
		body->left = bytes_max;
		body->state = CLOSE;
		break;
	}
	return 0;
}

/* Give out up to body->left bytes as data. */
static int take_data(
	struct http1_body *body, const char *at, const char *end, struct http1_piece *piece)
{
	size_t len = (size_t)(end - at);

	if (len > body->left)
		len = (size_t)body->left;
	piece->data = (struct span){ at, len };
	body->left -= len;
	return (int)HTTP1_DATA;
}

static int size_digit(struct http1_body *body, int digit)
{
	if (body->digits == SIZE_DIGITS_MAX)
		return HTTP1_E_CHUNK_SIZE;
	body->digits++;
	body->left = body->left << 4 | (uint64_t)digit;
	return 0;
}

/* A byte of the size itself: a digit, or what may follow the last one. */
static int size_byte(struct http1_body *body, char c)
{
	int digit = char_hex(c);

	if (digit >= 0)
		return size_digit(body, digit);
	if (body->digits == 0)
		return HTTP1_E_CHUNK_SIZE;
	if (c == '\r')
		body->state = SIZE_LF;
	else if (c == ';')
		body->state = EXT;
	else if (c == ' ' || c == '\t')
		body->state = BLANK;
	else
		return c == '\n' ? HTTP1_E_BARE_LF : HTTP1_E_CHUNK_SIZE;
	return 0;
}

/* A byte of an extension.  Nobody uses them, so they are bounded and looked at only for what could
 * end the line for another reader. */
static int ext_byte(struct http1_body *body, char c)
{
	if (c == '\r') {
		body->state = SIZE_LF;
		return 0;
	}
	if (c == '\n')
		return HTTP1_E_BARE_LF;
	if (!char_is(c, CHAR_VALUE))
		return HTTP1_E_CHUNK_EXT;
	return ++body->line_bytes > body->limits->chunk_ext_bytes ? HTTP1_E_CHUNK_EXT_LENGTH : 0;
}

static int blank_byte(struct http1_body *body, char c)
{
	if (c == ';')
		body->state = EXT;
	else if (c != ' ' && c != '\t')
		return c == '\n' ? HTTP1_E_BARE_LF : HTTP1_E_CHUNK_SIZE;
	return ++body->line_bytes > body->limits->chunk_ext_bytes ? HTTP1_E_CHUNK_EXT_LENGTH : 0;
}

/* The size line is whole: a chunk of `left` bytes begins, or the trailers do. */
static int begin_chunk(struct http1_body *body)
{
	if (body->left > body->allowed)
		return HTTP1_E_BODY_LENGTH;
	body->allowed -= body->left;
	body->digits = 0;
	body->state = DATA;
	if (body->left == 0) {
		body->state = TRAILERS;
		body->line_bytes = 0;
	}
	return 0;
}

static int begin_size(struct http1_body *body)
{
	body->left = 0;
	body->state = SIZE;
	return 0;
}

/* One byte of the framing between data. */
static int framing_byte(struct http1_body *body, char c)
{
	switch ((enum state)body->state) {
	case SIZE:
		return size_byte(body, c);
	case BLANK:
		return blank_byte(body, c);
	case EXT:
		return ext_byte(body, c);
	case SIZE_LF:
		return c == '\n' ? begin_chunk(body) : HTTP1_E_BARE_CR;
	case DATA_CR:
		body->state = DATA_LF;
		return c == '\r' ? 0 : HTTP1_E_CHUNK_END;
	case DATA_LF:
		return c == '\n' ? begin_size(body) : HTTP1_E_CHUNK_END;
	default:
		return 0;
	}
}

/* What a trailer may not be: it would come too late for whoever frames, routes or authorises. */
static bool is_head_only(enum http_field id)
{
	switch (id) {
	case HTTP_FIELD_AUTHORIZATION:
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_CONTENT_ENCODING:
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_CONTENT_RANGE:
	case HTTP_FIELD_CONTENT_TYPE:
	case HTTP_FIELD_COOKIE:
	case HTTP_FIELD_EXPECT:
	case HTTP_FIELD_HOST:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_AUTHORIZATION:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_SET_COOKIE:
	case HTTP_FIELD_TE:
	case HTTP_FIELD_TRAILER:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_UPGRADE:
		return true;
	default:
		return false;
	}
}

/* The line at `at`: its length, HTTP1_MORE or an error.  An empty one is the end of the message. */
static int trailer_line(
	struct http1_body *body, const char *at, const char *end, struct http1_piece *piece)
{
	struct http1_field field;
	int n;

	if (at == end)
		return HTTP1_MORE;
	if (*at == '\r') {
		if (at + 1 == end)
			return HTTP1_MORE;
		body->state = END;
		return at[1] == '\n' ? 2 : HTTP1_E_BARE_CR;
	}
	if (*at == ' ' || *at == '\t')
		return HTTP1_E_FOLD;
	n = rota__http1_field_line(at, at, end, &field);
	if (n <= 0)
		return n;
	if (is_head_only((enum http_field)field.id))
		return HTTP1_E_TRAILER_FIELD;
	piece->name = (struct span){ at, field.name_len };
	piece->data = (struct span){ at + field.value_at, field.value_len };
	return n;
}

/* The next trailer, or the end.  What is left of the limit is a window, as in http1_head.c. */
static int take_trailer(
	struct http1_body *body, const char *at, const char *end, struct http1_piece *piece)
{
	size_t room = body->limits->trailer_bytes - body->line_bytes, len = (size_t)(end - at);
	int n = trailer_line(body, at, len > room ? at + room : end, piece);

	if (n == HTTP1_MORE)
		return len >= room ? HTTP1_E_TRAILER_LENGTH : HTTP1_MORE;
	if (n < 0)
		return n;
	body->line_bytes += (uint32_t)n;
	piece->used += (size_t)n;
	return body->state == END ? (int)HTTP1_END : (int)HTTP1_TRAILER;
}

/* An error of a body that goes on until the connection ends is that it never does. */
static int take_until_close(
	struct http1_body *body, const char *at, const char *end, struct http1_piece *piece)
{
	if (at == end)
		return HTTP1_MORE;
	return body->left == 0 ? (int)HTTP1_E_BODY_LENGTH : take_data(body, at, end, piece);
}

/* Data of a body or a chunk that has a length; what follows the last of them is `then`. */
static int take_counted(struct http1_body *body, const char *at, const char *end, enum state then,
	struct http1_piece *piece)
{
	int event = at == end ? (int)HTTP1_MORE : take_data(body, at, end, piece);

	if (body->left == 0)
		body->state = (uint8_t)then;
	return event;
}

static int next(
	struct http1_body *body, const char *data, const char *end, struct http1_piece *piece)
{
	const char *at = data;

	for (;; at++) {
		int rc;

		piece->used = (size_t)(at - data);
		switch ((enum state)body->state) {
		case END:
			return HTTP1_END;
		case LENGTH:
			return take_counted(body, at, end, END, piece);
		case CLOSE:
			return take_until_close(body, at, end, piece);
		case DATA:
			return take_counted(body, at, end, DATA_CR, piece);
		case TRAILERS:
			return take_trailer(body, at, end, piece);
		default:
			break;
		}
		if (at == end)
			return HTTP1_MORE;
		rc = framing_byte(body, *at);
		if (rc < 0)
			return rc;
	}
}

int rota__http1_body_next(
	struct http1_body *body, const char *data, size_t len, struct http1_piece *piece)
{
	const char *at = len > 0 ? data : "";
	int event;

	*piece = (struct http1_piece){ 0 };
	event = next(body, at, at + len, piece);
	if (event == HTTP1_DATA)
		piece->used += piece->data.len;
	return event;
}

int rota__http1_body_eof(const struct http1_body *body)
{
	return body->state == END || body->state == CLOSE ? 0 : HTTP1_E_TRUNCATED;
}
