/* http1_frame.c - what the fields of a head say about the message: its end above all
 *
 * Where a message ends is the one thing that two recipients must never see differently, so whatever
 * RFC 9112 6 calls an error, or leaves to the recipient's mercy, is refused here. */
#include "codec/http1_private.h"

#include "codec/chars.h"
#include "codec/url.h"

/* ---- finding fields ---- */

const struct http1_field *rota__http1_find(
	const struct http1_head *head, enum http_field id, const struct http1_field *after)
{
	const struct http1_field *end = head->fields + head->field_count;
	const struct http1_field *field = after != NULL ? after + 1 : head->fields;

	if (!http1_has(head, id))
		return NULL;
	for (; field < end; field++)
		if (field->id == id)
			return field;
	return NULL;
}

struct span rota__http1_get(const struct http1_head *head, enum http_field id)
{
	const struct http1_field *field = rota__http1_find(head, id, NULL);

	return field != NULL ? http1_value(head, field) : (struct span){ NULL, 0 };
}

struct span rota__http1_get_named(const struct http1_head *head, struct span name)
{
	for (uint32_t i = 0; i < head->field_count; i++)
		if (rota__span_equal_nocase(http1_name(head, &head->fields[i]), name))
			return http1_value(head, &head->fields[i]);
	return (struct span){ NULL, 0 };
}

bool rota__http1_lists(const struct http1_head *head, enum http_field id, struct span token)
{
	const struct http1_field *field = NULL;

	while ((field = rota__http1_find(head, id, field)) != NULL) {
		struct span list = http1_value(head, field), element;

		while (rota__span_next_element(&list, &element))
			if (rota__span_equal_nocase(element, token))
				return true;
	}
	return false;
}

/* ---- the length of the body ---- */

/* Digits only: no sign, no list, no blank inside.  At most INT64_MAX, so that sums cannot wrap. */
static int parse_length(struct span digits, uint64_t *ret_length)
{
	int64_t length = 0;

	if (digits.len == 0)
		return HTTP1_E_LENGTH;
	for (size_t i = 0; i < digits.len; i++)
		if (!char_is_digit(digits.at[i]))
			return HTTP1_E_LENGTH;
	for (size_t i = 0; i < digits.len; i++)
		if (__builtin_mul_overflow(length, 10, &length) ||
			__builtin_add_overflow(length, digits.at[i] - '0', &length))
			return HTTP1_E_LENGTH_OVERFLOW;
	*ret_length = (uint64_t)length;
	return 0;
}

static int read_length(struct http1_head *head)
{
	head->content_length = 0;
	if (!http1_has(head, HTTP_FIELD_CONTENT_LENGTH))
		return 0;
	if (head->repeated >> HTTP_FIELD_CONTENT_LENGTH & 1)
		return HTTP1_E_LENGTH_REPEATED;
	return parse_length(
		rota__http1_get(head, HTTP_FIELD_CONTENT_LENGTH), &head->content_length);
}

/* Is the coding chunked, once and last, and nothing else?  Nothing else is understood here. */
static int check_coding(const struct http1_head *head)
{
	struct span list = rota__http1_get(head, HTTP_FIELD_TRANSFER_ENCODING), element;
	bool last_is_chunked = false, other = false;

	if (head->minor == 0)
		return HTTP1_E_CODING_VERSION;
	if (head->repeated >> HTTP_FIELD_TRANSFER_ENCODING & 1)
		return HTTP1_E_CODING;
	while (rota__span_next_element(&list, &element)) {
		if (last_is_chunked || element.len == 0)
			return HTTP1_E_CODING;
		last_is_chunked = rota__span_equal_nocase(element, SPAN("chunked"));
		other |= !last_is_chunked;
	}
	if (!last_is_chunked)
		return HTTP1_E_CODING;
	return other ? HTTP1_E_CODING_UNKNOWN : 0;
}

/* Framing by Content-Length and Transfer-Encoding alone; `neither` where there is none of them. */
static int frame(struct http1_head *head, enum http1_framing neither)
{
	bool has_length = http1_has(head, HTTP_FIELD_CONTENT_LENGTH);
	int rc = read_length(head);

	if (rc < 0)
		return rc;
	if (http1_has(head, HTTP_FIELD_TRANSFER_ENCODING)) {
		if (has_length)
			return HTTP1_E_LENGTH_AND_CODING;
		head->framing = HTTP1_CHUNKED;
		return check_coding(head);
	}
	if (has_length)
		head->framing = head->content_length > 0 ? HTTP1_LENGTH : HTTP1_NO_BODY;
	else
		head->framing = (uint8_t)neither;
	return 0;
}

/* ---- the connection ---- */

static void read_connection(struct http1_head *head)
{
	bool close = false, keep = false, upgrade = false;
	const struct http1_field *field = NULL;

	head->keep_alive = head->minor > 0;
	head->upgrade = false;
	if (!http1_has(head, HTTP_FIELD_CONNECTION))
		return;
	while ((field = rota__http1_find(head, HTTP_FIELD_CONNECTION, field)) != NULL) {
		struct span list = http1_value(head, field), option;

		while (rota__span_next_element(&list, &option)) {
			close |= rota__span_equal_nocase(option, SPAN("close"));
			keep |= rota__span_equal_nocase(option, SPAN("keep-alive"));
			upgrade |= rota__span_equal_nocase(option, SPAN("upgrade"));
		}
	}
	head->keep_alive = !close && (keep || head->minor > 0);
	head->upgrade = upgrade && head->minor > 0 && http1_has(head, HTTP_FIELD_UPGRADE);
}

/* ---- requests ---- */

/* Exactly one Host in HTTP/1.1, at most one in 1.0, and it is one (RFC 9112 3.2).  An empty value
 * is what a client sends whose target has no host. */
static int check_host(struct http1_head *head)
{
	const struct http1_field *field = rota__http1_find(head, HTTP_FIELD_HOST, NULL);
	struct span host;
	uint16_t port;

	if (field == NULL)
		return head->minor > 0 ? HTTP1_E_HOST_MISSING : 0;
	if (head->repeated >> HTTP_FIELD_HOST & 1)
		return HTTP1_E_HOST_REPEATED;
	if (field->value_len > 0 &&
		rota__url_parse_authority(http1_value(head, field), &host, &port) < 0)
		return HTTP1_E_HOST;
	if (head->authority.len == 0)
		head->authority = (struct http1_part){ field->value_at, field->value_len };
	return 0;
}

/* A client of HTTP/1.0 cannot wait for an interim response (RFC 9110 10.1.1). */
static int read_expect(struct http1_head *head)
{
	head->expect_continue = false;
	if (!http1_has(head, HTTP_FIELD_EXPECT) || head->minor == 0)
		return 0;
	if (head->repeated >> HTTP_FIELD_EXPECT & 1 ||
		!rota__span_equal_nocase(
			rota__http1_get(head, HTTP_FIELD_EXPECT), SPAN("100-continue")))
		return HTTP1_E_EXPECT;
	head->expect_continue = head->framing != HTTP1_NO_BODY;
	return 0;
}

int rota__http1_frame_request(struct http1_head *head)
{
	int rc = check_host(head);

	if (rc < 0)
		return rc;
	rc = frame(head, HTTP1_NO_BODY);
	if (rc < 0)
		return rc;
	if (head->framing != HTTP1_NO_BODY &&
		(head->method == HTTP_METHOD_CONNECT || head->method == HTTP_METHOD_TRACE))
		return HTTP1_E_UNEXPECTED_BODY;
	read_connection(head);
	return read_expect(head);
}

/* ---- responses ---- */

/* RFC 9112 6.3, in its order. */
int rota__http1_frame_response(struct http1_head *head, enum http_method method)
{
	bool bodiless = method == HTTP_METHOD_HEAD || !http_status_has_body(head->status);
	int rc = 0;

	head->expect_continue = false;
	read_connection(head);
	if (head->status == 101 || (method == HTTP_METHOD_CONNECT && head->status / 100 == 2)) {
		head->framing = HTTP1_TUNNEL;
		head->content_length = 0;
	} else if (bodiless) {
		head->framing = HTTP1_NO_BODY;
		rc = read_length(head);
	} else {
		rc = frame(head, HTTP1_UNTIL_CLOSE);
	}
	if (head->framing == HTTP1_UNTIL_CLOSE || head->framing == HTTP1_TUNNEL)
		head->keep_alive = false;
	return rc;
}
