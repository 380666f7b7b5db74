/* range_date.c - any text as a date, as a Range, as an entity tag, as a file's name */
#include "codec/http_condition.h"
#include "codec/http_date.h"
#include "codec/http_range.h"
#include "codec/mime.h"
#include "fuzz.h"

enum { NOW = 1700000000, RANGES = 8 };

/* What can be read can be written and read again. */
static void check_date(struct span text)
{
	char out[HTTP_DATE_BYTES];
	time_t at, again;

	if (rota__http_date_parse(text, NOW, &at) < 0)
		return;
	rota__http_date_format(at, out);
	MUST(rota__http_date_parse((struct span){ out, sizeof(out) }, NOW, &again) == 0);
	MUST(again == at || at > INT64_C(253402300799)); /* second 60 at the end of the year 9999 */
}

static void check_ranges(struct span text, uint64_t size)
{
	struct http_range ranges[RANGES];
	char out[HTTP_CONTENT_RANGE_MAX];
	int count = rota__http_range_parse(text, size, ranges, RANGES);

	MUST(count == HTTP_RANGE_UNSATISFIABLE || (count >= 0 && count <= RANGES));
	for (int i = 0; i < count; i++) {
		MUST(ranges[i].length > 0 && ranges[i].first < size);
		MUST(ranges[i].length <= size - ranges[i].first);
		MUST(rota__http_content_range(&ranges[i], size, out) <= sizeof(out));
	}
}

/* A tag that is valid equals itself, and a condition that names it holds. */
static void check_condition(struct span text, enum http_field field)
{
	struct http1_head head = { .base = text.at, .method = HTTP_METHOD_GET, .field_count = 1 };
	struct http_validators is = { .etag = text, .modified = NOW, .exists = true };
	bool valid = rota__http_etag_valid(text);
	enum http_verdict verdict;

	head.seen = UINT64_C(1) << field;
	head.fields[0].id = (uint8_t)field;
	head.fields[0].value_len = (uint32_t)text.len;
	verdict = rota__http_condition(&head, &is, NOW);
	if (valid) {
		MUST(rota__http_etag_equal(text, text, false));
		MUST(rota__http_etag_equal(text, text, true) == (text.at[0] == '"'));
		MUST(field != HTTP_FIELD_IF_NONE_MATCH || verdict == HTTP_NOT_MODIFIED);
		MUST(field != HTTP_FIELD_IF_MATCH ||
			verdict == (text.at[0] == '"' ? HTTP_PROCEED : HTTP_FAILED));
	}
	rota__http_if_range(&head, &is, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span given = { (const char *)data, size };
	char *copy = fuzz_exact(given);
	struct span text = { copy, size };

	check_date(text);
	check_ranges(text, 0);
	check_ranges(text, 1000);
	check_ranges(text, UINT64_MAX);
	check_condition(text, HTTP_FIELD_IF_NONE_MATCH);
	check_condition(text, HTTP_FIELD_IF_MATCH);
	check_condition(text, HTTP_FIELD_IF_MODIFIED_SINCE);
	check_condition(text, HTTP_FIELD_IF_RANGE);
	MUST(rota__mime_type(text).len > 0);
	free(copy);
	return 0;
}
