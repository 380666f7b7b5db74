/* http1_log.c - a stream of HTTP/1.1 messages, received in given pieces, as one text to compare */
#include "http1_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
	char *at;
	size_t len, size;
};

struct player {
	const struct http1_log_setup *setup;
	struct span bytes;
	size_t used, received; /* 0 <= used <= received <= bytes.len */
	struct http1_parser parser;
	struct http1_head head;
	struct http1_body body;
	bool in_body, over;
	struct text log, data;
};

static void add(struct text *text, const char *at, size_t len)
{
	if (text->size - text->len < len + 1) {
		text->size = 2 * text->size + len + 64;
		text->at = realloc(text->at, text->size);
		if (text->at == NULL)
			abort();
	}
	if (len > 0)
		memcpy(text->at + text->len, at, len);
	text->len += len;
	text->at[text->len] = '\0';
}

static void say(struct player *p, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	add(&p->log, line, (size_t)vsnprintf(line, sizeof(line), format, args));
	va_end(args);
}

/* Bytes as they are, but for those a string cannot show. */
static void say_bytes(struct player *p, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.at[i] == '\0')
			add(&p->log, "\\0", 2);
		else
			add(&p->log, bytes.at + i, 1);
	}
}

static void say_field(struct player *p, struct span name, struct span value)
{
	say_bytes(p, name);
	say(p, ": ");
	say_bytes(p, value);
	say(p, "\n");
}

const char *http1_log_error_name(int error)
{
	switch (error) {
#define X(name, status, text)                                                                      \
	case HTTP1_E_##name:                                                                       \
		return #name;
		HTTP1_ERRORS(X)
#undef X
	}
	return "unknown";
}

static void say_error(struct player *p, int error)
{
	say(p, "error %s %u\n", http1_log_error_name(error), rota__http1_error_status(error));
	p->over = true;
}

static void say_start_line(struct player *p)
{
	const struct http1_head *head = &p->head;

	if (p->setup->kind == HTTP1_LOG_REQUESTS) {
		say_bytes(p, http1_text(head, head->method_name));
		say(p, " ");
		say_bytes(p, http1_text(head, head->target));
		say(p, " HTTP/1.%u", head->minor);
	} else {
		say(p, "HTTP/1.%u %u ", head->minor, head->status);
		say_bytes(p, http1_text(head, head->reason));
	}
	say(p, head->keep_alive ? " keep\n" : " close\n");
}

static void say_flags(struct player *p)
{
	const struct http1_head *head = &p->head;

	if (!head->expect_continue && !head->upgrade && head->authority.len == 0)
		return;
	say(p, "|%s%s", head->expect_continue ? " expect" : "", head->upgrade ? " upgrade" : "");
	if (head->authority.len > 0) {
		say(p, " authority=");
		say_bytes(p, http1_text(head, head->authority));
	}
	say(p, "\n");
}

static void say_head(struct player *p)
{
	say_start_line(p);
	say_flags(p);
	for (uint32_t i = 0; i < p->head.field_count; i++)
		say_field(p, http1_name(&p->head, &p->head.fields[i]),
			http1_value(&p->head, &p->head.fields[i]));
}

static bool has_body(const struct player *p)
{
	return p->head.framing == HTTP1_LENGTH || p->head.framing == HTTP1_CHUNKED ||
	       p->head.framing == HTTP1_UNTIL_CLOSE;
}

/* The body so far: a line of its own, once, before what follows it. */
static void say_body(struct player *p)
{
	if (!has_body(p)) {
		say(p, p->head.framing == HTTP1_TUNNEL ? "tunnel\n" : "no body\n");
	} else if (p->data.at != NULL) {
		say(p, "body \"");
		say_bytes(p, (struct span){ p->data.at, p->data.len });
		say(p, "\"\n");
	}
	free(p->data.at);
	p->data = (struct text){ 0 };
}

static void begin_body(struct player *p)
{
	uint64_t max = p->setup->body_max > 0 ? p->setup->body_max : UINT64_MAX;
	int rc = rota__http1_body_init(&p->body, &p->head, max, p->setup->limits);

	p->in_body = true;
	if (rc < 0)
		say_error(p, rc);
	else
		add(&p->data, "", 0);
}

/* Each returns whether it got anywhere. */
static bool play_head(struct player *p, const char *at, size_t len)
{
	enum http_method method = p->setup->method;
	int n;

	if (p->setup->kind == HTTP1_LOG_REQUESTS)
		n = rota__http1_parse_request(&p->parser, at, len, &p->head);
	else
		n = rota__http1_parse_response(&p->parser, at, len, method, &p->head);
	if (n < 0)
		say_error(p, n);
	if (n <= 0)
		return n < 0;
	if ((size_t)n > len)
		abort();
	p->used += (size_t)n;
	say_head(p);
	begin_body(p);
	return true;
}

static void end_message(struct player *p)
{
	if (p->data.at != NULL)
		say_body(p);
	say(p, ".\n");
	p->in_body = false;
	p->over = !p->head.keep_alive && p->head.status / 100 != 1;
	if (p->setup->kind == HTTP1_LOG_CHUNKED || p->head.framing == HTTP1_TUNNEL)
		p->over = true;
}

static bool play_body(struct player *p, const char *at, size_t len)
{
	struct http1_piece piece;
	int event = rota__http1_body_next(&p->body, at, len, &piece);

	if (event >= 0 && piece.used > len)
		abort();
	if (event >= 0)
		p->used += piece.used;
	switch (event) {
	case HTTP1_MORE:
		return false;
	case HTTP1_DATA:
		if (piece.data.len == 0)
			abort();
		add(&p->data, piece.data.at, piece.data.len);
		return true;
	case HTTP1_TRAILER:
		if (p->data.at != NULL)
			say_body(p);
		say_field(p, piece.name, piece.data);
		return true;
	case HTTP1_END:
		end_message(p);
		return true;
	default:
		if (p->data.at != NULL)
			say_body(p);
		say_error(p, event);
		return true;
	}
}

/* Let the parser see what is there, in memory that ends where that ends. */
static bool play_step(struct player *p)
{
	size_t len = p->received - p->used;
	char *copy = malloc(len > 0 ? len : 1);
	bool moved;

	if (copy == NULL)
		abort();
	memcpy(copy, p->bytes.at + p->used, len);
	moved = p->in_body ? play_body(p, copy, len) : play_head(p, copy, len);
	free(copy);
	return moved;
}

static void receive_until(struct player *p, size_t cut)
{
	p->received = cut;
	while (!p->over && (p->in_body || p->used < p->received))
		if (!play_step(p))
			break;
}

static void end_of_stream(struct player *p)
{
	if (p->over || (!p->in_body && p->used == p->bytes.len))
		return;
	if (p->in_body && p->data.at != NULL)
		say_body(p);
	say(p, p->in_body && rota__http1_body_eof(&p->body) == 0 ? "eof\n" : "more\n");
}

char *http1_log(
	const struct http1_log_setup *setup, struct span bytes, const size_t *cuts, size_t count)
{
	struct player *p = calloc(1, sizeof(*p));
	char *log;

	if (p == NULL)
		abort();
	p->setup = setup;
	p->bytes = bytes;
	add(&p->log, "", 0);
	rota__http1_parser_init(&p->parser, setup->limits);
	if (setup->kind == HTTP1_LOG_CHUNKED) {
		p->head.framing = HTTP1_CHUNKED;
		begin_body(p);
	}
	for (size_t i = 0; i < count; i++)
		receive_until(p, cuts[i]);
	receive_until(p, bytes.len);
	end_of_stream(p);
	log = p->log.at;
	free(p->data.at);
	free(p);
	return log;
}
