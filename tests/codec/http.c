/* http.c - methods, field names and status codes by number; spans and lists */
#include "codec/http.h"

#include "codec/chars.h"
#include "harness/test.h"

TEST(every_method_is_found_by_its_name_and_by_no_other)
{
	for (int i = HTTP_METHOD_OTHER + 1; i < HTTP_METHOD_COUNT; i++) {
		struct span name = rota__http_method_name((enum http_method)i);

		CHECK_EQ(rota__http_method(name.at, name.len), i);
		CHECK_EQ(rota__http_method(name.at, name.len - 1), HTTP_METHOD_OTHER);
	}
	CHECK_EQ(rota__http_method("get", 3), HTTP_METHOD_OTHER);
	CHECK_EQ(rota__http_method("GETX", 4), HTTP_METHOD_OTHER);
	CHECK_EQ(rota__http_method("", 0), HTTP_METHOD_OTHER);
	CHECK(rota__http_method_name(HTTP_METHOD_OTHER).at == NULL);
}

/* The name with each letter as `letter` makes it. */
static enum http_field find_as(struct span name, char (*letter)(char))
{
	char text[64];

	for (size_t i = 0; i < name.len; i++)
		text[i] = letter(name.at[i]);
	return rota__http_field(text, name.len);
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

TEST(every_field_is_found_in_any_case)
{
	for (int i = HTTP_FIELD_OTHER + 1; i < HTTP_FIELD_COUNT; i++) {
		struct span name = rota__http_field_name((enum http_field)i);

		CHECK(name.len > 0 && name.len < 64);
		CHECK_EQ(rota__http_field(name.at, name.len), i);
		CHECK_EQ(find_as(name, char_lower), i);
		CHECK_EQ(find_as(name, upper), i);
	}
	CHECK_EQ(rota__http_field("", 0), HTTP_FIELD_OTHER);
	CHECK(rota__http_field_name(HTTP_FIELD_OTHER).at == NULL);
}

TEST(a_field_with_one_character_changed_is_another)
{
	for (int id = HTTP_FIELD_OTHER + 1; id < HTTP_FIELD_COUNT; id++) {
		struct span name = rota__http_field_name((enum http_field)id);
		char text[64];

		for (size_t i = 0; i < name.len; i++)
			for (int c = 0; c < 256; c++) {
				bool same = char_lower((char)c) == char_lower(name.at[i]);

				memcpy(text, name.at, name.len);
				text[i] = (char)c;
				CHECK_EQ(rota__http_field(text, name.len) == (enum http_field)id,
					same);
			}
	}
}

TEST(field_numbers_fit_into_64_bits)
{
	CHECK(HTTP_FIELD_COUNT <= 64);
}

TEST(status_codes_have_texts_or_that_of_their_class)
{
	CHECK_STR(rota__http_status_text(200), "OK");
	CHECK_STR(rota__http_status_text(431), "Request Header Fields Too Large");
	CHECK_STR(rota__http_status_text(299), "Success");
	CHECK_STR(rota__http_status_text(499), "Client Error");
	CHECK_STR(rota__http_status_text(599), "Server Error");
	CHECK_STR(rota__http_status_text(600), "Unknown");
	CHECK_STR(rota__http_status_text(0), "Unknown");
	CHECK_STR(rota__http_status_text(-1u), "Unknown");
}

TEST(interim_204_and_304_have_no_body)
{
	CHECK(!http_status_has_body(100) && !http_status_has_body(199));
	CHECK(!http_status_has_body(204) && !http_status_has_body(304));
	CHECK(http_status_has_body(200) && http_status_has_body(206) && http_status_has_body(404));
}

/* The elements of a list, joined with '|'. */
static const char *elements(const char *text)
{
	static char joined[256];
	struct span list = span_of(text), element;
	size_t len = 0;

	while (rota__span_next_element(&list, &element)) {
		memcpy(joined + len, element.at, element.len);
		len += element.len;
		joined[len++] = '|';
	}
	joined[len] = '\0';
	return joined;
}

TEST(a_list_is_walked_through_element_by_element)
{
	CHECK_STR(elements("a"), "a|");
	CHECK_STR(elements(" a ,\tb c\t, d"), "a|b c|d|");
	CHECK_STR(elements(""), "|");
	CHECK_STR(elements(","), "||");
	CHECK_STR(elements("a,,b,"), "a||b||");
	CHECK_STR(elements("\"a,b\", c"), "\"a,b\"|c|");
	CHECK_STR(elements("\"a\\\",b\", c"), "\"a\\\",b\"|c|");
	CHECK_STR(elements("a\\,b"), "a\\|b|");
	CHECK_STR(elements("\"a, b"), "\"a, b|");
	CHECK_STR(elements("\"a\\"), "\"a\\|");
	CHECK_STR(elements(NULL), "");
}

TEST(spans_are_compared_with_and_without_case)
{
	CHECK(span_equal(SPAN("ab"), SPAN("ab")));
	CHECK(!span_equal(SPAN("ab"), SPAN("aB")));
	CHECK(!span_equal(SPAN("ab"), SPAN("abc")));
	CHECK(rota__span_equal_nocase(SPAN("a-B"), SPAN("A-b")));
	CHECK(!rota__span_equal_nocase(SPAN("a@"), SPAN("a`")));
	CHECK(!rota__span_equal_nocase(SPAN("\xc4"), SPAN("\xe4")));
	CHECK(span_equal((struct span){ NULL, 0 }, SPAN("")));
}
