/* http_range.c - which bytes of a file a Range field asks for */
#include "codec/http_range.h"

#include "codec/chars.h"
#include "codec/http1_write.h"

enum { OVERLAPS_MAX = 2 };

/* The digits at *at, which goes on behind them; what does not fit into 64 bits is as large as fits:
 * such a position lies behind the end of any file.  False without a digit. */
static bool take_number(const char **at, const char *end, uint64_t *ret_value)
{
	const char *start = *at;
	uint64_t value = 0;

	for (; *at < end && char_is_digit(**at); (*at)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(**at - '0'), &value))
			value = UINT64_MAX / 10; /* overflows again with every further digit */
	*ret_value = value;
	return *at > start;
}

enum verdict { BAD, OUTSIDE, INSIDE };

/* "-n", the last n bytes. */
static enum verdict suffix(const char *at, const char *end, uint64_t size, struct http_range *range)
{
	uint64_t length;

	if (!take_number(&at, end, &length) || at != end)
		return BAD;
	if (length == 0 || size == 0)
		return OUTSIDE;
	range->length = length < size ? length : size;
	range->first = size - range->length;
	return INSIDE;
}

/* "a-b" or "a-". */
static enum verdict parse_one(struct span spec, uint64_t size, struct http_range *range)
{
	const char *at = spec.at, *end = spec.at + spec.len;
	uint64_t first, last = UINT64_MAX;

	if (at < end && *at == '-')
		return suffix(at + 1, end, size, range);
	if (!take_number(&at, end, &first) || at == end || *at++ != '-')
		return BAD;
	if (at < end && (!take_number(&at, end, &last) || at != end || last < first))
		return BAD;
	if (first >= size)
		return OUTSIDE;
	if (last > size - 1)
		last = size - 1;
	*range = (struct http_range){ first, last - first + 1 };
	return INSIDE;
}

static unsigned overlaps_with(
	const struct http_range *ranges, unsigned count, const struct http_range *range)
{
	unsigned overlaps = 0;

	for (unsigned i = 0; i < count; i++)
		overlaps += ranges[i].first < range->first + range->length &&
			    range->first < ranges[i].first + ranges[i].length;
	return overlaps;
}

int rota__http_range_parse(
	struct span value, uint64_t size, struct http_range *ret_ranges, unsigned max)
{
	static const struct span unit = { "bytes=", 6 };
	struct span list, spec;
	unsigned asked = 0, count = 0, overlaps = 0;

	if (value.len <= unit.len ||
		!rota__span_equal_nocase((struct span){ value.at, unit.len }, unit))
		return HTTP_RANGE_IGNORE;
	list = span_between(value.at + unit.len, value.at + value.len);
	while (rota__span_next_element(&list, &spec)) {
		struct http_range range;
		enum verdict verdict;

		if (spec.len == 0)
			continue;
		verdict = parse_one(spec, size, &range);
		if (verdict == BAD || asked++ == max)
			return HTTP_RANGE_IGNORE;
		if (verdict == OUTSIDE)
			continue;
		overlaps += overlaps_with(ret_ranges, count, &range);
		ret_ranges[count++] = range;
	}
	if (asked == 0 || overlaps > OVERLAPS_MAX)
		return HTTP_RANGE_IGNORE;
	return count > 0 ? (int)count : HTTP_RANGE_UNSATISFIABLE;
}

unsigned rota__http_content_range(const struct http_range *range, uint64_t size, char *out)
{
	char *at = out;

	memcpy(at, "bytes ", 6);
	at += 6;
	if (range != NULL) {
		at += rota__format_u64(at, range->first);
		*at++ = '-';
		at += rota__format_u64(at, range->first + range->length - 1);
	} else {
		*at++ = '*';
	}
	*at++ = '/';
	at += rota__format_u64(at, size);
	return (unsigned)(at - out);
}
