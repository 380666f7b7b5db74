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

void rota__http1_put_status(struct http1_out *out, unsigned status)
{
	struct span text = span_of(rota__http_status_text(status));
	char *at;

	if (status < 100 || status > 999) {
		refuse(out);
		return;
	}
	at = reserve(out, 15 + text.len);
	if (at == NULL)
		return;
	at = append(at, SPAN("HTTP/1.1 "));
	*at++ = (char)('0' + status / 100);
	*at++ = (char)('0' + status / 10 % 10);
	*at++ = (char)('0' + status % 10);
	*at++ = ' ';
	at = append(at, text);
	append(at, SPAN("\r\n"));
}

void rota__http1_put_request(struct http1_out *out, struct span method, struct span target)
{
	char *at;

	if (method.len == 0 ||
		scan_token(method.at, method.at + method.len) != method.at + method.len ||
		target.len == 0 ||
		scan_target(target.at, target.at + target.len) != target.at + target.len) {
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

/* The name is known to be good. */
static void put_line(struct http1_out *out, struct span name, struct span value)
{
	char *at = reserve(out, name.len + value.len + 4);

	if (at == NULL)
		return;
	at = append(at, name);
	at = append(at, SPAN(": "));
	if (value.len > 0)
		at = append(at, value);
	append(at, SPAN("\r\n"));
}

static bool is_value(struct span value)
{
	return value.len == 0 || scan_value(value.at, value.at + value.len) == value.at + value.len;
}

void rota__http1_put_field(struct http1_out *out, enum http_field field, struct span value)
{
	struct span name = rota__http_field_name(field);

	if (name.len == 0 || !is_value(value))
		refuse(out);
	else
		put_line(out, name, value);
}

void rota__http1_put_field_number(struct http1_out *out, enum http_field field, uint64_t value)
{
	char digits[20];

	rota__http1_put_field(out, field, (struct span){ digits, rota__format_u64(digits, value) });
}

void rota__http1_put_named(struct http1_out *out, struct span name, struct span value)
{
	if (name.len == 0 || scan_token(name.at, name.at + name.len) != name.at + name.len ||
		!is_value(value))
		refuse(out);
	else
		put_line(out, name, value);
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
