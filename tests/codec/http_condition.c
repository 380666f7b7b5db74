/* http_condition.c - conditional requests in the order of RFC 9110 13.2.2 */
#include "codec/http_condition.h"

#include <stdio.h>

#include "harness/test.h"

enum { MODIFIED = 784111777, NOW = MODIFIED + 1000 };

#define DATE        "Sun, 06 Nov 1994 08:49:37 GMT" /* MODIFIED */
#define DATE_LATER  "Sun, 06 Nov 1994 08:49:38 GMT"
#define DATE_SOONER "Sun, 06 Nov 1994 08:49:36 GMT"

static const struct http_validators strong = { { "\"a\"", 3 }, MODIFIED, true };
static const struct http_validators weak = { { "W/\"a\"", 5 }, MODIFIED, true };
static const struct http_validators bare = { { NULL, 0 }, MODIFIED, true };
static const struct http_validators undated = { { "\"a\"", 3 }, -1, true };
static const struct http_validators missing = { { NULL, 0 }, -1, false };

/* The head of a request with these field lines; valid until the next call. */
static const struct http1_head *request(const char *method, const char *lines)
{
	static char text[1024];
	static struct http1_head head;
	struct http1_parser parser;
	int len = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);

	rota__http1_parser_init(&parser, NULL);
	CHECK_EQ(rota__http1_parse_request(&parser, text, (size_t)len, &head), len);
	return &head;
}

static int get(const struct http_validators *is, const char *lines)
{
	return rota__http_condition(request("GET", lines), is, NOW);
}

static int put(const struct http_validators *is, const char *lines)
{
	return rota__http_condition(request("PUT", lines), is, NOW);
}

TEST(a_request_without_conditions_proceeds)
{
	CHECK_EQ(get(&strong, ""), HTTP_PROCEED);
	CHECK_EQ(put(&missing, ""), HTTP_PROCEED);
}

TEST(if_none_match_compares_weakly)
{
	CHECK_EQ(get(&strong, "If-None-Match: \"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-None-Match: W/\"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&weak, "If-None-Match: \"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&weak, "If-None-Match: W/\"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-None-Match: \"b\"\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-None-Match: \"A\"\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&bare, "If-None-Match: \"a\"\r\n"), HTTP_PROCEED);
}

TEST(if_none_match_is_a_list_over_all_its_lines)
{
	CHECK_EQ(get(&strong, "If-None-Match: \"b\", W/\"c\" ,\"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n"),
		HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-None-Match: \"b,\\\",\"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-None-Match: ,, \"a\"\r\n"), HTTP_NOT_MODIFIED);
}

TEST(an_entity_tag_that_is_none_matches_nothing)
{
	CHECK_EQ(get(&strong, "If-None-Match: a\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-None-Match: \"a\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-None-Match: w/\"a\"\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-None-Match:\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Match: a\r\n"), HTTP_FAILED);
}

TEST(a_star_matches_whatever_exists)
{
	CHECK_EQ(get(&bare, "If-None-Match: *\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(put(&bare, "If-None-Match: *\r\n"), HTTP_FAILED);
	CHECK_EQ(put(&missing, "If-None-Match: *\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&bare, "If-Match: *\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&missing, "If-Match: *\r\n"), HTTP_FAILED);
}

TEST(if_match_compares_strongly)
{
	CHECK_EQ(put(&strong, "If-Match: \"a\"\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Match: \"b\", \"a\"\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Match: W/\"a\"\r\n"), HTTP_FAILED);
	CHECK_EQ(put(&weak, "If-Match: W/\"a\"\r\n"), HTTP_FAILED);
	CHECK_EQ(put(&strong, "If-Match: \"b\"\r\n"), HTTP_FAILED);
	CHECK_EQ(put(&missing, "If-Match: \"a\"\r\n"), HTTP_FAILED);
	CHECK_EQ(get(&strong, "If-Match: \"b\"\r\n"), HTTP_FAILED);
}

TEST(if_modified_since_is_for_reading)
{
	CHECK_EQ(get(&strong, "If-Modified-Since: " DATE "\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-Modified-Since: " DATE_LATER "\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-Modified-Since: " DATE_SOONER "\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Modified-Since: " DATE "\r\n"), HTTP_PROCEED);
	CHECK_EQ(rota__http_condition(
			 request("HEAD", "If-Modified-Since: " DATE "\r\n"), &strong, NOW),
		HTTP_NOT_MODIFIED);
}

TEST(if_unmodified_since_guards_changes)
{
	CHECK_EQ(put(&strong, "If-Unmodified-Since: " DATE "\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Unmodified-Since: " DATE_LATER "\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Unmodified-Since: " DATE_SOONER "\r\n"), HTTP_FAILED);
}

TEST(a_date_that_is_none_counts_as_absent)
{
	CHECK_EQ(get(&strong, "If-Modified-Since: yesterday\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Unmodified-Since: 0\r\n"), HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-Modified-Since: " DATE "\r\nIf-Modified-Since: " DATE "\r\n"),
		HTTP_PROCEED);
	CHECK_EQ(get(&undated, "If-Modified-Since: " DATE "\r\n"), HTTP_PROCEED);
	CHECK_EQ(put(&undated, "If-Unmodified-Since: " DATE_SOONER "\r\n"), HTTP_PROCEED);
}

TEST(entity_tags_come_before_dates)
{
	CHECK_EQ(get(&strong, "If-None-Match: \"b\"\r\nIf-Modified-Since: " DATE "\r\n"),
		HTTP_PROCEED);
	CHECK_EQ(put(&strong, "If-Match: \"a\"\r\nIf-Unmodified-Since: " DATE_SOONER "\r\n"),
		HTTP_PROCEED);
	CHECK_EQ(get(&strong, "If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n"), HTTP_FAILED);
	CHECK_EQ(get(&strong, "If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n"), HTTP_NOT_MODIFIED);
	CHECK_EQ(get(&strong, "If-Unmodified-Since: " DATE_SOONER "\r\nIf-None-Match: \"a\"\r\n"),
		HTTP_FAILED);
}

static bool honoured(const struct http_validators *is, const char *lines)
{
	return rota__http_if_range(request("GET", lines), is, NOW);
}

TEST(if_range_needs_the_very_same_thing)
{
	CHECK(honoured(&strong, ""));
	CHECK(honoured(&strong, "If-Range: \"a\"\r\n"));
	CHECK(!honoured(&strong, "If-Range: \"b\"\r\n"));
	CHECK(!honoured(&strong, "If-Range: W/\"a\"\r\n"));
	CHECK(!honoured(&weak, "If-Range: W/\"a\"\r\n"));
	CHECK(!honoured(&bare, "If-Range: \"a\"\r\n"));
	CHECK(honoured(&strong, "If-Range: " DATE "\r\n"));
	CHECK(!honoured(&strong, "If-Range: " DATE_LATER "\r\n"));
	CHECK(!honoured(&strong, "If-Range: " DATE_SOONER "\r\n"));
	CHECK(!honoured(&undated, "If-Range: " DATE "\r\n"));
	CHECK(!honoured(&strong, "If-Range: x\r\n"));
	CHECK(!honoured(&strong, "If-Range:\r\n"));
}

TEST(a_date_of_this_very_second_is_no_strong_validator)
{
	const struct http1_head *head = request("GET", "If-Range: " DATE "\r\n");

	CHECK(!rota__http_if_range(head, &strong, MODIFIED));
	CHECK(rota__http_if_range(head, &strong, MODIFIED + 1));
}

TEST(entity_tags_are_told_from_other_texts)
{
	CHECK(rota__http_etag_valid(SPAN("\"\"")));
	CHECK(rota__http_etag_valid(SPAN("W/\"\"")));
	CHECK(rota__http_etag_valid(SPAN("\"a\\b!#~\x80\xff\"")));
	CHECK(!rota__http_etag_valid(SPAN("")));
	CHECK(!rota__http_etag_valid(SPAN("\"")));
	CHECK(!rota__http_etag_valid(SPAN("W/\"")));
	CHECK(!rota__http_etag_valid(SPAN("W/")));
	CHECK(!rota__http_etag_valid(SPAN("\"a b\"")));
	CHECK(!rota__http_etag_valid(SPAN("\"a\"b\"")));
	CHECK(!rota__http_etag_valid(SPAN("\"a\x7f\"")));
	CHECK(!rota__http_etag_valid(SPAN("a\"\"")));
}

TEST(the_tag_of_a_file_is_valid_and_differs_with_time_and_size)
{
	char a[HTTP_ETAG_MAX], b[HTTP_ETAG_MAX];
	unsigned n = rota__http_etag_of_file(0x123, 0, a), m;

	CHECK(span_equal((struct span){ a, n }, SPAN("\"123-0\"")));
	n = rota__http_etag_of_file(UINT64_MAX, UINT64_MAX, a);
	CHECK(n <= HTTP_ETAG_MAX);
	CHECK(rota__http_etag_valid((struct span){ a, n }));
	m = rota__http_etag_of_file(UINT64_MAX, UINT64_MAX - 1, b);
	CHECK(!rota__http_etag_equal((struct span){ a, n }, (struct span){ b, m }, false));
}
