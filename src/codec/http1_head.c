/* http1_head.c - heads of messages: start lines and field lines
 *
 * Every function below takes what is there of its piece and answers with the length of the piece,
 * HTTP1_MORE, or an error.  Two rules make the answer independent of how the bytes were cut:
 *
 *   - an answer depends on bytes that have come only, and never changes when more come;
 *   - a limit is a window: nothing behind it is looked at, and a window that is full and still
 *     incomplete is the error.
 *
 * What the fields mean is decided in http1_frame.c, once all of them are there. */
#include "codec/http1_private.h"

#include <assert.h>

#include "codec/scan.h"
#include "codec/url.h"

const struct http1_limits rota__http1_limits = {
	.head_bytes = 16 * 1024,
	.target_bytes = 8000,
	.fields = HTTP1_FIELDS_MAX,
	.chunk_ext_bytes = 4 * 1024,
	.trailer_bytes = 8 * 1024,
};

void rota__http1_parser_init(struct http1_parser *parser, const struct http1_limits *limits)
{
	*parser = (struct http1_parser){ .limits = limits != NULL ? limits : &rota__http1_limits };
	assert(parser->limits->head_bytes > 0 && parser->limits->head_bytes <= HTTP1_HEAD_MAX);
	assert(parser->limits->fields <= HTTP1_FIELDS_MAX);
}

static inline const char *window(const char *at, const char *end, size_t bytes)
{
	return (size_t)(end - at) > bytes ? at + bytes : end;
}

/* ---- start lines ---- */

/* `pattern` at `at`, where '#' stands for any digit: its length, HTTP1_MORE, or `mismatch`. */
static int match(const char *at, const char *end, const char *pattern, int mismatch)
{
	int n = 0;

	for (; pattern[n] != '\0'; n++) {
		if (at + n == end)
			return HTTP1_MORE;
		if (pattern[n] == '#' ? !char_is_digit(at[n]) : at[n] != pattern[n])
			return mismatch;
	}
	return n;
}

/* The line end at `at`, on which `other` is the verdict when something else is there. */
static int line_end(const char *at, const char *end, int other)
{
	if (at == end)
		return HTTP1_MORE;
	if (*at != '\r')
		return *at == '\n' ? HTTP1_E_BARE_LF : other;
	if (at + 1 == end)
		return HTTP1_MORE;
	return at[1] == '\n' ? 2 : HTTP1_E_BARE_CR;
}

/* Minor versions that do not exist yet are read as 1.1 (RFC 9110 2.5). */
static int set_version(struct http1_head *head, const char *at)
{
	if (at[5] != '1')
		return HTTP1_E_VERSION_UNKNOWN;
	head->minor = at[7] != '0';
	return 0;
}

/* "HTTP/1.1" and the line end. */
static int version_line(struct http1_head *head, const char *at, const char *end)
{
	int n, rc;

	if (end - at >= 10 && memcmp(at, "HTTP/1.1\r\n", 10) == 0) {
		head->minor = 1;
		return 10;
	}
	n = match(at, end, "HTTP/#.#", HTTP1_E_VERSION);
	if (n <= 0)
		return n;
	rc = line_end(at + n, end, HTTP1_E_VERSION);
	if (rc <= 0)
		return rc;
	n += rc;
	rc = set_version(head, at);
	return rc < 0 ? rc : n;
}

static int method_word(struct http1_head *head, const char *at, const char *end)
{
	const char *stop;
	size_t len;

	if (end - at >= 4 && memcmp(at, "GET ", 4) == 0) { /* most of them */
		head->method = HTTP_METHOD_GET;
		head->method_name = (struct http1_part){ (uint32_t)(at - head->base), 3 };
		return 4;
	}
	stop = scan_token(at, window(at, end, HTTP1_METHOD_MAX + 1));
	len = (size_t)(stop - at);
	if (len > HTTP1_METHOD_MAX)
		return HTTP1_E_METHOD_LENGTH;
	if (stop == end)
		return HTTP1_MORE;
	if (*stop != ' ' || len == 0)
		return *stop == '\n' ? HTTP1_E_BARE_LF : HTTP1_E_METHOD;
	head->method = (uint8_t)rota__http_method(at, len);
	head->method_name = (struct http1_part){ (uint32_t)(at - head->base), (uint32_t)len };
	return (int)len + 1;
}

static int target_word(struct http1_head *head, const char *at, const char *end, size_t bytes_max)
{
	const char *edge = window(at, end, bytes_max + 1);
	const char *stop = scan_target(at, edge);
	size_t len = (size_t)(stop - at);

	if (len > bytes_max)
		return HTTP1_E_TARGET_LENGTH;
	if (stop == end)
		return HTTP1_MORE;
	if (*stop == '\r' || *stop == '\n')
		return HTTP1_E_VERSION;
	if (*stop != ' ' || len == 0)
		return HTTP1_E_TARGET;
	head->target = (struct http1_part){ (uint32_t)(at - head->base), (uint32_t)len };
	return (int)len + 1;
}

/* The host and port of "http://host:port/path", or {NULL, 0}. */
static struct span absolute_authority(struct span target)
{
	static const struct span schemes[] = { { "http://", 7 }, { "https://", 8 } };

	for (unsigned i = 0; i < 2; i++) {
		struct span scheme = schemes[i], start = { target.at, scheme.len };
		const char *at = target.at + scheme.len, *end = target.at + target.len;

		if (target.len < scheme.len || !rota__span_equal_nocase(start, scheme))
			continue;
		while (at < end && *at != '/' && *at != '?')
			at++;
		return span_between(target.at + scheme.len, at);
	}
	return (struct span){ NULL, 0 };
}

/* The target is in one of the forms of RFC 9112 3.2 that goes with the method. */
static int check_target(struct http1_head *head)
{
	struct span target = http1_text(head, head->target), authority = target, host;
	uint16_t port;
	bool connect = head->method == HTTP_METHOD_CONNECT;

	if (target.at[0] == '/' && !connect)
		return 0;
	if (target.at[0] == '*' && target.len == 1)
		return head->method == HTTP_METHOD_OPTIONS ? 0 : HTTP1_E_TARGET;
	if (!connect)
		authority = absolute_authority(target);
	if (authority.len == 0 || rota__url_parse_authority(authority, &host, &port) < 0)
		return HTTP1_E_TARGET;
	if (connect && port == 0)
		return HTTP1_E_TARGET;
	head->authority = (struct http1_part){ (uint32_t)(authority.at - head->base),
		(uint32_t)authority.len };
	return 0;
}

/* One empty line before the request is passed over: some clients end a body with one too many
 * (RFC 9112 2.2). */
static int empty_line(const char *at, const char *end)
{
	return at < end && *at == '\r' ? line_end(at, end, HTTP1_E_METHOD) : 0;
}

static int request_line(const struct http1_limits *limits, struct http1_head *head, const char *end)
{
	const char *at = head->base;
	int n = empty_line(at, end);

	if (n < 0 || (n == 0 && *at == '\r'))
		return n;
	at += n;
	n = method_word(head, at, end);
	if (n <= 0)
		return n;
	at += n;
	n = target_word(head, at, end, limits->target_bytes);
	if (n <= 0)
		return n;
	at += n;
	n = version_line(head, at, end);
	if (n <= 0)
		return n;
	at += n;
	n = check_target(head);
	return n < 0 ? n : (int)(at - head->base);
}

/* "HTTP/1.1 200 OK".  The space before an empty reason may be missing, as it is in practice. */
static int status_line(const struct http1_limits *limits, struct http1_head *head, const char *end)
{
	const char *line = head->base, *at = line, *reason;
	int n = match(at, end, "HTTP/#.# ###", HTTP1_E_STATUS_LINE);

	(void)limits;
	if (n <= 0)
		return n;
	at += n;
	if (at < end && *at == ' ')
		at++;
	reason = at;
	if (at > line + n)
		at = scan_value(at, end);
	n = line_end(at, end, HTTP1_E_STATUS_LINE);
	if (n <= 0)
		return n;
	head->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
	head->reason = (struct http1_part){ (uint32_t)(reason - line), (uint32_t)(at - reason) };
	if (head->status < 100)
		return HTTP1_E_STATUS_LINE;
	at += n;
	n = set_version(head, line);
	return n < 0 ? n : (int)(at - line);
}

/* ---- field lines ---- */

/* What is wrong with a name that ended in `stop` instead of a colon. */
static int bad_name_end(char stop)
{
	switch (stop) {
	case ' ':
	case '\t':
		return HTTP1_E_NAME_SPACE;
	case '\r':
		return HTTP1_E_NO_COLON;
	case '\n':
		return HTTP1_E_BARE_LF;
	default:
		return HTTP1_E_NAME;
	}
}

static inline int field_line(
	const char *base, const char *at, const char *end, struct http1_field *field)
{
	const char *colon = scan_name(at, end), *value, *stop, *value_end;
	size_t name_len = (size_t)(colon - at);
	enum http_field id;
	int n;

	if (colon == end)
		return scan_token(at, end) == end ? (int)HTTP1_MORE : (int)HTTP1_E_NAME;
	id = rota__http_field(at, name_len);
	if (id == HTTP_FIELD_OTHER && scan_token(at, colon) != colon)
		return HTTP1_E_NAME;
	if (*colon != ':')
		return bad_name_end(*colon);
	if (name_len == 0 || name_len > UINT16_MAX)
		return HTTP1_E_NAME;

	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	stop = scan_value(value, end);
	n = line_end(stop, end, HTTP1_E_CONTROL);
	if (n <= 0)
		return n;
	for (value_end = stop; value_end > value; value_end--)
		if (value_end[-1] != ' ' && value_end[-1] != '\t')
			break;

	*field = (struct http1_field){
		.name_at = (uint32_t)(at - base),
		.value_at = (uint32_t)(value - base),
		.value_len = (uint32_t)(value_end - value),
		.name_len = (uint16_t)name_len,
		.id = (uint8_t)id,
	};
	return (int)(stop + n - at);
}

int rota__http1_field_line(
	const char *base, const char *at, const char *end, struct http1_field *field)
{
	return field_line(base, at, end, field);
}

/* What is here instead of a field line: the length of the empty line, HTTP1_MORE or an error. */
static int no_field(const char *at, const char *end)
{
	if (at < end && (*at == ' ' || *at == '\t'))
		return HTTP1_E_FOLD;
	return line_end(at, end, HTTP1_E_NAME);
}

/* All field lines from parser->line_at on, and the empty line: the length of the head up to there.
 * The parser notes how far the good lines go. */
static int field_lines(struct http1_parser *parser, struct http1_head *head, const char *end)
{
	const char *at = head->base + parser->line_at;
	uint32_t fields = parser->fields;
	uint64_t seen = 0, repeated = 0;
	int n;

	for (;;) {
		struct http1_field *field = &head->fields[fields];
		uint64_t bit;

		if (at == end || !char_is(*at, CHAR_TOKEN)) {
			n = no_field(at, end);
			break;
		}
		if (fields == parser->limits->fields) {
			n = HTTP1_E_FIELD_COUNT;
			break;
		}
		n = field_line(head->base, at, end, field);
		if (n <= 0)
			break;
		bit = UINT64_C(1) << field->id;
		repeated |= seen & bit;
		seen |= bit;
		fields++;
		at += n;
	}
	parser->line_at = (uint32_t)(at - head->base);
	parser->fields = fields;
	head->seen = seen;
	head->repeated = repeated;
	head->field_count = fields;
	return n <= 0 ? n : (int)(at - head->base) + n;
}

/* ---- whole heads ---- */

typedef int start_line_fn(
	const struct http1_limits *limits, struct http1_head *head, const char *end);

static inline void clear(struct http1_head *head, const char *data)
{
	head->base = data;
	head->method = HTTP_METHOD_OTHER;
	head->status = 0;
	head->method_name = head->target = head->reason = head->authority =
		(struct http1_part){ 0 };
}

static inline int read_head(struct http1_parser *parser, struct http1_head *head, const char *end,
	start_line_fn *start_line)
{
	int n;

	if (parser->line_at > 0) {
		n = field_lines(parser, head, end);
		if (n <= 0)
			return n;
		/* All of it is here and good: read it once more, now for its contents. */
	}
	parser->fields = 0;
	n = start_line(parser->limits, head, end);
	if (n <= 0)
		return n;
	parser->line_at = (uint32_t)n;
	return field_lines(parser, head, end);
}

static inline int parse(struct http1_parser *parser, const char *data, size_t len,
	struct http1_head *head, start_line_fn *start_line)
{
	size_t most = parser->limits->head_bytes;
	int n;

	if (len == 0)
		return HTTP1_MORE;
	clear(head, data);
	n = read_head(parser, head, window(data, data + len, most), start_line);
	if (n == HTTP1_MORE && len >= most)
		return HTTP1_E_HEAD_LENGTH;
	if (n > 0) {
		parser->line_at = 0;
		head->bytes = (uint32_t)n;
	}
	return n;
}

int rota__http1_parse_request(
	struct http1_parser *parser, const char *data, size_t len, struct http1_head *head)
{
	int n = parse(parser, data, len, head, request_line), rc;

	if (n <= 0)
		return n;
	rc = rota__http1_frame_request(head);
	return rc < 0 ? rc : n;
}

int rota__http1_parse_response(struct http1_parser *parser, const char *data, size_t len,
	enum http_method method, struct http1_head *head)
{
	int n = parse(parser, data, len, head, status_line), rc;

	if (n <= 0)
		return n;
	head->method = (uint8_t)method;
	rc = rota__http1_frame_response(head, method);
	return rc < 0 ? rc : n;
}
