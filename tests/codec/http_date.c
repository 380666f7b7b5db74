/* http_date.c - dates, held against those of the C library */
#include "codec/http_date.h"

#include <errno.h>
#include <stdio.h>

#include "harness/test.h"

enum { NOW = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

static const char *format(time_t at)
{
	static char out[HTTP_DATE_BYTES + 1];

	rota__http_date_format(at, out);
	return out;
}

static time_t parse(const char *text)
{
	time_t at = -12345;

	return rota__http_date_parse(span_of(text), NOW, &at) == 0 ? at : -12345;
}

static bool refused(const char *text)
{
	time_t at = -12345;
	int rc = rota__http_date_parse(span_of(text), NOW, &at);

	return rc == -EINVAL && at == -12345;
}

TEST(the_date_of_rfc_9110_is_written)
{
	CHECK_STR(format(NOW), "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	CHECK_STR(format(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
	CHECK_STR(format(951782399), "Mon, 28 Feb 2000 23:59:59 GMT");
	CHECK_STR(format(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
	CHECK_STR(format(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
	CHECK_STR(format(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(times_without_a_four_digit_year_are_written_as_the_nearest_with_one)
{
	CHECK_STR(format(253402300800), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(format(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(format(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(all_three_forms_are_read)
{
	CHECK_EQ(parse("Sun, 06 Nov 1994 08:49:37 GMT"), NOW);
	CHECK_EQ(parse("Sunday, 06-Nov-94 08:49:37 GMT"), NOW);
	CHECK_EQ(parse("Sun Nov  6 08:49:37 1994"), NOW);
	CHECK_EQ(parse("Sun Nov 16 08:49:37 1994"), NOW + 10 * 86400);
	CHECK_EQ(parse("Mon, 07-Nov-94 08:49:37 GMT"), -12345);
	CHECK_EQ(parse("Monday, 07-Nov-94 08:49:37 GMT"), NOW + 86400);
	CHECK_EQ(parse("Tuesday, 08-Nov-94 08:49:37 GMT"), NOW + 2 * 86400);
	CHECK_EQ(parse("Wednesday, 09-Nov-94 08:49:37 GMT"), NOW + 3 * 86400);
	CHECK_EQ(parse("Thursday, 10-Nov-94 08:49:37 GMT"), NOW + 4 * 86400);
	CHECK_EQ(parse("Friday, 11-Nov-94 08:49:37 GMT"), NOW + 5 * 86400);
	CHECK_EQ(parse("Saturday, 12-Nov-94 08:49:37 GMT"), NOW + 6 * 86400);
}

TEST(a_leap_second_is_read_as_the_next_second)
{
	CHECK_EQ(parse("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
	CHECK_EQ(parse("Sun, 01 Jan 2017 00:00:00 GMT"), 1483228800);
}

TEST(a_two_digit_year_lies_within_fifty_years)
{
	char text[64];

	for (int ahead = -49; ahead <= 50; ahead++) {
		time_t at = -12345;
		char expected[16];

		snprintf(text, sizeof(text), "Sunday, 06-Nov-%02d 00:00:00 GMT",
			(1994 + ahead) % 100);
		CHECK_EQ(rota__http_date_parse(span_of(text), NOW, &at), 0);
		snprintf(expected, sizeof(expected), "%d", 1994 + ahead);
		CHECK(memcmp(format(at) + 12, expected, 4) == 0);
	}
}

TEST(what_is_not_quite_a_date_is_refused)
{
	static const char *const texts[] = { "", "x", "Sun", "Sun,", "0", "784111777",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"SUN, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
		"Sun, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sundae, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT", "Sun Nov  6 08:49:37 +1994",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1994 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 199x 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(refused(texts[i]));
	CHECK(!refused("Sun, 29 Feb 2000 08:49:37 GMT"));
}

static void check_against_libc(time_t at)
{
	char expected[64];
	struct tm tm;
	time_t back;

	CHECK(gmtime_r(&at, &tm) != NULL);
	strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	CHECK_STR(format(at), expected);
	CHECK_EQ(rota__http_date_parse(span_of(expected), NOW, &back), 0);
	CHECK_EQ(back, at);
}

/* Years 1000-9999: with fewer digits strftime() writes fewer. */
TEST(dates_agree_with_the_c_library)
{
	for (time_t at = -30610224000; at < 253402300800; at += 86400 * 3 + 12345)
		check_against_libc(at);
	for (time_t day = 0; day < 86400; day += 7)
		check_against_libc(1709164800 + day); /* 29 February 2024 */
}

TEST(the_date_of_a_second_is_made_once)
{
	struct http_date cache = { 0 };
	struct span first = rota__http_date_now(&cache, 0), second;

	CHECK(span_equal(first, SPAN("Thu, 01 Jan 1970 00:00:00 GMT")));
	cache.text[0] = 'X';
	second = rota__http_date_now(&cache, 0);
	CHECK(second.at == first.at);
	CHECK_EQ(second.at[0], 'X');
	second = rota__http_date_now(&cache, 1);
	CHECK(span_equal(second, SPAN("Thu, 01 Jan 1970 00:00:01 GMT")));
}
