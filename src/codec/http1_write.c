/* http1_write.c - heads and chunk framing, without printf */
#include "codec/http1_write.h"

#include <errno.h>
#include <string.h>

#include "codec/scan.h"

/* Room for `len` more bytes, or NULL and the error is set. */
static char *reserve(struct http1_out *out, size_t len)
{
	char *at = out->base + out->len;

	if (out->error < 0)
		return NULL;
	if (out->size - out->len < len) {
		out->error = -ENOBUFS;
		return NULL;
	}
	out->len += len;
	return at;
}

static char *append(char *at, struct span bytes)
{
	memcpy(at, bytes.at, bytes.len);
	return at + bytes.len;
}

static void refuse(struct http1_out *out)
{
	if (out->error == 0)
		out->error = -EINVAL;
}

void rota__http1_put_raw(struct http1_out *out, struct span bytes)
{
	char *at = reserve(out, bytes.len);

	if (at != NULL && bytes.len > 0)
		append(at, bytes);
}

/* ---- numbers ---- */

unsigned rota__format_u64(char *at, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);
	unsigned len;

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	len = (unsigned)(digits + sizeof(digits) - p);
	memcpy(at, p, len);
	return len;
}

static unsigned format_hex(char *at, uint64_t value)
{
	unsigned len = value == 0 ? 1 : (67 - (unsigned)__builtin_clzll(value)) / 4;

	for (unsigned i = len; i-- > 0; value >>= 4)
		at[i] = "0123456789abcdef"[value & 15];
	return len;
}

/* ---- start lines ---- */

/* The line for a status that has a text of its own, else {NULL, 0}. */
static struct span status_line(unsigned status)
{
	switch (status) {
#define X(code, text)                                                                              \
	case code:                                                                                 \
		return SPAN("HTTP/1.1 " #code " " text "\r\n");
		HTTP_STATUSES(X)
#undef X
	}
	return (struct span){ NULL, 0 };
}

static void put_unusual_status(struct http1_out *out, unsigned status)
{
	char digits[20];

	rota__http1_put_raw(out, SPAN("HTTP/1.1 "));
	rota__http1_put_raw(out, (struct span){ digits, rota__format_u64(digits, status) });
	rota__http1_put_raw(out, SPAN(" "));
	rota__http1_put_raw(out, span_of(rota__http_status_text(status)));
	rota__http1_put_raw(out, SPAN("\r\n"));
}

void rota__http1_put_status(struct http1_out *out, unsigned status)
{
	struct span line = status_line(status);

	if (line.at != NULL)
		rota__http1_put_raw(out, line);
	else if (status >= 100 && status <= 999)
		put_unusual_status(out, status);
	else
		refuse(out);
}

static bool is_token(struct span text)
{
	return text.len > 0 && scan_token(text.at, text.at + text.len) == text.at + text.len;
}

static bool is_target(struct span text)
{
	return text.len > 0 && scan_target(text.at, text.at + text.len) == text.at + text.len;
}

void rota__http1_put_request(struct http1_out *out, struct span method, struct span target)
{
	char *at;

	if (!is_token(method) || !is_target(target)) {
		refuse(out);
		return;
	}
	at = reserve(out, method.len + target.len + 12);
	if (at == NULL)
		return;
	at = append(at, method);
	*at++ = ' ';
	at = append(at, target);
	append(at, SPAN(" HTTP/1.1\r\n"));
}

/* ---- fields ---- */

/* What stands before the value of each field that has a number. */
static const struct span starts[HTTP_FIELD_COUNT] = {
#define X(id, name, first, last) [HTTP_FIELD_##id] = { name ": ", sizeof(name ": ") - 1 },
	HTTP_FIELDS(X)
#undef X
};

static char *append_value(char *at, struct span value)
{
	if (value.len > 0)
		at = append(at, value);
	return append(at, SPAN("\r\n"));
}

static bool is_value(struct span value)
{
	return value.len == 0 || scan_value(value.at, value.at + value.len) == value.at + value.len;
}

void rota__http1_put_field(struct http1_out *out, enum http_field field, struct span value)
{
	struct span start = starts[field];
	char *at;

	if (start.len == 0 || !is_value(value)) {
		refuse(out);
		return;
	}
	at = reserve(out, start.len + value.len + 2);
	if (at != NULL)
		append_value(append(at, start), value);
}

void rota__http1_put_field_number(struct http1_out *out, enum http_field field, uint64_t value)
{
	char digits[20];

	rota__http1_put_field(out, field, (struct span){ digits, rota__format_u64(digits, value) });
}

void rota__http1_put_named(struct http1_out *out, struct span name, struct span value)
{
	char *at;

	if (!is_token(name) || !is_value(value)) {
		refuse(out);
		return;
	}
	at = reserve(out, name.len + value.len + 4);
	if (at != NULL)
		append_value(append(append(at, name), SPAN(": ")), value);
}

void rota__http1_put_end(struct http1_out *out)
{
	rota__http1_put_raw(out, SPAN("\r\n"));
}

/* ---- chunks ---- */

void rota__http1_put_chunk(struct http1_out *out, uint64_t size)
{
	char line[HTTP1_CHUNK_HEAD_MAX];
	unsigned len = format_hex(line, size);

	if (size == 0) {
		refuse(out);
		return;
	}
	line[len++] = '\r';
	line[len++] = '\n';
	rota__http1_put_raw(out, (struct span){ line, len });
}

void rota__http1_put_chunk_end(struct http1_out *out)
{
	rota__http1_put_raw(out, SPAN("\r\n"));
}

void rota__http1_put_last_chunk(struct http1_out *out)
{
	rota__http1_put_raw(out, SPAN("0\r\n"));
}
