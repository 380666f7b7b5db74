/* http_condition.c - entity tags, and the order in which conditions count */
#include "codec/http_condition.h"

#include "codec/chars.h"
#include "codec/http_date.h"

/* ---- entity tags ---- */

static bool is_weak(struct span tag)
{
	return tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/';
}

/* The quoted part. */
static struct span opaque(struct span tag)
{
	return is_weak(tag) ? (struct span){ tag.at + 2, tag.len - 2 } : tag;
}

bool rota__http_etag_valid(struct span tag)
{
	struct span quoted = opaque(tag);

	if (quoted.len < 2 || quoted.at[0] != '"' || quoted.at[quoted.len - 1] != '"')
		return false;
	for (size_t i = 1; i < quoted.len - 1; i++)
		if (!char_is(quoted.at[i], CHAR_ETAG))
			return false;
	return true;
}

bool rota__http_etag_equal(struct span a, struct span b, bool strong)
{
	if (strong && (is_weak(a) || is_weak(b)))
		return false;
	return span_equal(opaque(a), opaque(b));
}

/* The next tag of a list, *list going on behind its comma.  Not rota__span_next_element(): a
 * backslash in a tag is an ordinary character.  False at the end, or where no tag is. */
static bool next_tag(struct span *list, struct span *ret_tag)
{
	const char *at = list->at, *end = list->at + list->len, *quote;

	while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
		at++;
	quote = at;
	if (is_weak(span_between(at, end)))
		quote += 2;
	if (quote == end || *quote != '"')
		return false;
	quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
	if (quote == NULL)
		return false;
	*ret_tag = span_between(at, quote + 1);
	*list = span_between(quote + 1, end);
	return true;
}

static bool list_has(struct span list, const struct http_validators *is, bool strong)
{
	struct span tag;

	if (list.len == 1 && list.at[0] == '*')
		return is->exists;
	if (is->etag.at == NULL)
		return false;
	while (next_tag(&list, &tag))
		if (rota__http_etag_valid(tag) && rota__http_etag_equal(tag, is->etag, strong))
			return true;
	return false;
}

/* Does one of the fields `id` name the tag the thing has? */
static bool any_has(const struct http1_head *head, enum http_field id,
	const struct http_validators *is, bool strong)
{
	const struct http1_field *field = NULL;

	while ((field = rota__http1_find(head, id, field)) != NULL)
		if (list_has(http1_value(head, field), is, strong))
			return true;
	return false;
}

unsigned rota__http_etag_of_file(uint64_t modified_ns, uint64_t size, char *out)
{
	uint64_t numbers[] = { modified_ns, size };
	char *at = out;

	for (unsigned i = 0; i < 2; i++) {
		*at++ = i == 0 ? '"' : '-';
		for (int shift = 60; shift >= 0; shift -= 4)
			if (numbers[i] >> shift > 0 || shift == 0)
				*at++ = "0123456789abcdef"[numbers[i] >> shift & 15];
	}
	*at++ = '"';
	return (unsigned)(at - out);
}

/* ---- conditions ---- */

/* The date in the field `id`; false when it is absent, repeated or not a date, or the thing has
 * none. */
static bool get_date(const struct http1_head *head, enum http_field id,
	const struct http_validators *is, time_t now, time_t *ret_date)
{
	if (!http1_has(head, id) || head->repeated >> id & 1 || is->modified == -1)
		return false;
	return rota__http_date_parse(rota__http1_get(head, id), now, ret_date) == 0;
}

enum http_verdict rota__http_condition(
	const struct http1_head *head, const struct http_validators *is, time_t now)
{
	bool reads = head->method == HTTP_METHOD_GET || head->method == HTTP_METHOD_HEAD;
	time_t date;

	if (http1_has(head, HTTP_FIELD_IF_MATCH)) {
		if (!any_has(head, HTTP_FIELD_IF_MATCH, is, true))
			return HTTP_FAILED;
	} else if (get_date(head, HTTP_FIELD_IF_UNMODIFIED_SINCE, is, now, &date)) {
		if (is->modified > date)
			return HTTP_FAILED;
	}
	if (http1_has(head, HTTP_FIELD_IF_NONE_MATCH)) {
		if (any_has(head, HTTP_FIELD_IF_NONE_MATCH, is, false))
			return reads ? HTTP_NOT_MODIFIED : HTTP_FAILED;
	} else if (reads && get_date(head, HTTP_FIELD_IF_MODIFIED_SINCE, is, now, &date)) {
		if (is->modified <= date)
			return HTTP_NOT_MODIFIED;
	}
	return HTTP_PROCEED;
}

/* A date must be the very one, and old enough to be a strong validator: a file that changes twice
 * in one second has only one date (RFC 9110 8.8.2.2). */
bool rota__http_if_range(
	const struct http1_head *head, const struct http_validators *is, time_t now)
{
	struct span value = rota__http1_get(head, HTTP_FIELD_IF_RANGE);
	time_t date;

	if (value.at == NULL)
		return true;
	if (rota__http_etag_valid(value))
		return is->etag.at != NULL && rota__http_etag_equal(value, is->etag, true);
	return get_date(head, HTTP_FIELD_IF_RANGE, is, now, &date) && date == is->modified &&
	       now - date >= 1;
}
