/* http1_peer.c - what we accept, Node's former parser reads the same way
 *
 * Two readers that disagree about one stream of bytes are what request smuggling needs.  So, of the
 * requests that we accept, libhttp_parser must see the same targets, fields and bodies, one after
 * the other; where it refuses one, it must have seen the same up to there.  (It refuses a few good
 * ones: a tab behind "chunked", names that begin with "Transfer-Encoding".)  Built where it is
 * installed. */
#define http_method peer_http_method /* its name for an enum is ours too */
#include <http_parser.h>
#undef http_method

#include "fuzz.h"

enum { TEXT_MAX = 64 * 1024 };

/* What a reader saw, up to the end of its last whole message. */
struct reading {
	char text[TEXT_MAX];
	size_t len, whole;
};

static void note(struct reading *to, const char *at, size_t len)
{
	MUST(to->len + len <= TEXT_MAX);
	if (len > 0)
		memcpy(to->text + to->len, at, len);
	to->len += len;
}

static void note_mark(struct reading *to, const char *mark)
{
	note(to, mark, strlen(mark));
}

/* ---- ours ---- */

/* Methods that it does not know, and what it takes for the end of HTTP, cannot be compared. */
static bool is_comparable(const struct http1_head *head)
{
	return head->method != HTTP_METHOD_OTHER && head->method != HTTP_METHOD_CONNECT &&
	       !http1_has(head, HTTP_FIELD_UPGRADE);
}

static void note_span(struct reading *to, const char *mark, struct span bytes)
{
	note_mark(to, mark);
	note(to, bytes.at, bytes.len);
}

static void note_head(struct reading *to, const struct http1_head *head)
{
	note_span(to, "\ntarget ", http1_text(head, head->target));
	for (uint32_t i = 0; i < head->field_count; i++) {
		note_span(to, "\nname ", http1_name(head, &head->fields[i]));
		note_span(to, "\nvalue ", http1_value(head, &head->fields[i]));
	}
	note_mark(to, "\nbody ");
}

/* The bytes of the body and its trailers, or -1 when it is not whole. */
static ssize_t read_body(struct reading *to, const struct http1_head *head, struct span rest)
{
	struct http1_body body;
	struct http1_piece piece;
	size_t used = 0;
	int event;

	MUST(rota__http1_body_init(&body, head, UINT64_MAX, NULL) == 0);
	for (;;) {
		event = rota__http1_body_next(&body, rest.at + used, rest.len - used, &piece);
		if (event <= HTTP1_MORE)
			return -1;
		used += piece.used;
		if (event == HTTP1_END)
			return (ssize_t)used;
		if (event == HTTP1_TRAILER)
			note_span(to, "\nname ", piece.name);
		note_span(to, event == HTTP1_TRAILER ? "\nvalue " : "", piece.data);
	}
}

/* How many bytes our reading took. */
static size_t read_ours(struct reading *to, struct span bytes)
{
	static struct http1_head head;
	struct http1_parser parser;
	size_t used = 0;

	rota__http1_parser_init(&parser, NULL);
	for (;;) {
		struct span rest = { bytes.at + used, bytes.len - used };
		int n = rota__http1_parse_request(&parser, rest.at, rest.len, &head);
		ssize_t body;

		if (n <= 0 || !is_comparable(&head))
			return used;
		note_head(to, &head);
		body = read_body(to, &head, span_between(rest.at + n, rest.at + rest.len));
		if (body < 0)
			return used;
		note_mark(to, "\nend");
		to->whole = to->len;
		used += (size_t)n + (size_t)body;
		if (!head.keep_alive)
			return used;
	}
}

/* ---- theirs ---- */

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct reading *to = parser->data;

	note_mark(to, "\ntarget ");
	note(to, at, len);
	return 0;
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
	struct reading *to = parser->data;

	note_mark(to, "\nname ");
	note(to, at, len);
	return 0;
}

/* It leaves the blanks behind a value where they are. */
static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct reading *to = parser->data;
	struct span value = span_trim((struct span){ at, len });

	note_mark(to, "\nvalue ");
	note(to, value.at, value.len);
	return 0;
}

static int on_headers(http_parser *parser)
{
	note_mark(parser->data, "\nbody ");
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	note(parser->data, at, len);
	return 0;
}

static int on_end(http_parser *parser)
{
	struct reading *to = parser->data;

	note_mark(to, "\nend");
	to->whole = to->len;
	return 0;
}

/* Whether it accepted all. */
static bool read_theirs(struct reading *to, struct span bytes)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_name,
		.on_header_value = on_value,
		.on_headers_complete = on_headers,
		.on_body = on_body,
		.on_message_complete = on_end,
	};
	http_parser parser;

	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = to;
	http_parser_execute(&parser, &settings, bytes.at, bytes.len);
	return HTTP_PARSER_ERRNO(&parser) == HPE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading ours, theirs;
	struct span bytes = { (const char *)data, size };
	size_t used;
	bool accepted;

	if (size > TEXT_MAX / 16)
		return 0;
	ours.len = ours.whole = theirs.len = theirs.whole = 0;
	used = read_ours(&ours, bytes);
	if (used == 0)
		return 0;
	accepted = read_theirs(&theirs, (struct span){ bytes.at, used });
	if (theirs.whole > ours.whole || (accepted && theirs.whole < ours.whole) ||
		memcmp(ours.text, theirs.text, theirs.whole) != 0) {
		fprintf(stderr, "ours:\n%.*s\n\ntheirs:\n%.*s\n", (int)ours.whole, ours.text,
			(int)theirs.len, theirs.text);
		abort();
	}
	return 0;
}
