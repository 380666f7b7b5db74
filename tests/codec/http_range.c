/* http_range.c - which bytes a Range field asks for */
#include "codec/http_range.h"

#include <stdio.h>

#include "harness/test.h"

enum { MAX = 4 };

/* "first+length ..." of the ranges in a file of `size` bytes, or the verdict. */
static const char *ranges(const char *value, uint64_t size)
{
	static char line[256];
	struct http_range found[MAX];
	int count = rota__http_range_parse(span_of(value), size, found, MAX), len = 0;

	if (count == HTTP_RANGE_IGNORE)
		return "ignore";
	if (count == HTTP_RANGE_UNSATISFIABLE)
		return "416";
	line[0] = '\0';
	for (int i = 0; i < count; i++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%s%llu+%llu",
			i > 0 ? " " : "", (unsigned long long)found[i].first,
			(unsigned long long)found[i].length);
	return line;
}

TEST(single_ranges_are_read)
{
	CHECK_STR(ranges("bytes=0-0", 1000), "0+1");
	CHECK_STR(ranges("bytes=0-499", 1000), "0+500");
	CHECK_STR(ranges("bytes=500-", 1000), "500+500");
	CHECK_STR(ranges("bytes=-1", 1000), "999+1");
	CHECK_STR(ranges("BYTES=999-999", 1000), "999+1");
	CHECK_STR(ranges("bytes= 0-1 ", 1000), "0+2");
}

TEST(ranges_are_cut_at_the_end_of_the_file)
{
	CHECK_STR(ranges("bytes=0-1000", 1000), "0+1000");
	CHECK_STR(ranges("bytes=999-5000", 1000), "999+1");
	CHECK_STR(ranges("bytes=-5000", 1000), "0+1000");
	CHECK_STR(ranges("bytes=0-18446744073709551615", 1000), "0+1000");
	CHECK_STR(ranges("bytes=0-99999999999999999999999999", 1000), "0+1000");
	CHECK_STR(ranges("bytes=-99999999999999999999999999", 1000), "0+1000");
	CHECK_STR(ranges("bytes=0-", UINT64_MAX), "0+18446744073709551615");
}

TEST(ranges_outside_the_file_cannot_be_satisfied)
{
	CHECK_STR(ranges("bytes=1000-", 1000), "416");
	CHECK_STR(ranges("bytes=1000-2000", 1000), "416");
	CHECK_STR(ranges("bytes=-0", 1000), "416");
	CHECK_STR(ranges("bytes=0-", 0), "416");
	CHECK_STR(ranges("bytes=-1", 0), "416");
	CHECK_STR(ranges("bytes=99999999999999999999999999-", 1000), "416");
	CHECK_STR(ranges("bytes=1000-,2000-,-0", 1000), "416");
}

TEST(several_ranges_come_in_the_order_asked_for)
{
	CHECK_STR(ranges("bytes=500-599,0-9, -5", 1000), "500+100 0+10 995+5");
	CHECK_STR(ranges("bytes=0-9,,20-29,", 1000), "0+10 20+10");
	CHECK_STR(ranges("bytes=2000-,0-9", 1000), "0+10");
}

TEST(what_is_not_a_range_is_ignored)
{
	static const char *const values[] = { "", "bytes", "bytes=", "bytes=,", "bytes=x",
		"bytes=1", "bytes=-", "bytes=1-0", "bytes=--1", "bytes=1--2", "bytes=1-2-3",
		"bytes=+1-2", "bytes=0x1-2", "bytes=1 - 2", "bytes=0-9,x", "bytes 0-9", "bytes:0-9",
		"items=0-9", "byte=0-9", "bytes=0-9;20-29", " bytes=0-9" };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		CHECK_STR(ranges(values[i], 1000), "ignore");
}

TEST(more_ranges_than_allowed_are_ignored)
{
	CHECK_STR(ranges("bytes=0-0,2-2,4-4,6-6", 1000), "0+1 2+1 4+1 6+1");
	CHECK_STR(ranges("bytes=0-0,2-2,4-4,6-6,8-8", 1000), "ignore");
	CHECK_STR(ranges("bytes=2000-,2000-,2000-,2000-,0-0", 1000), "ignore");
}

TEST(more_than_two_overlaps_are_ignored)
{
	CHECK_STR(ranges("bytes=0-9,5-14,10-19", 1000), "0+10 5+10 10+10");
	CHECK_STR(ranges("bytes=0-,0-,0-", 1000), "ignore");
	CHECK_STR(ranges("bytes=0-9,9-19,19-29,29-39", 1000), "ignore");
	CHECK_STR(ranges("bytes=0-9,10-19,20-29,30-39", 1000), "0+10 10+10 20+10 30+10");
}

static const char *content_range(const struct http_range *range, uint64_t size)
{
	static char out[HTTP_CONTENT_RANGE_MAX + 1];

	out[rota__http_content_range(range, size, out)] = '\0';
	return out;
}

TEST(a_content_range_is_written)
{
	CHECK_STR(content_range(&(struct http_range){ 0, 500 }, 1234), "bytes 0-499/1234");
	CHECK_STR(content_range(NULL, 1234), "bytes */1234");
	CHECK_STR(content_range(&(struct http_range){ UINT64_MAX - 2, 2 }, UINT64_MAX),
		"bytes 18446744073709551613-18446744073709551614/18446744073709551615");
}
