/* http1_write.c - heads and chunks as they go out */
#include "codec/http1_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "harness/test.h"
#include "http1_check.h"

/* What was written, as a string. */
static const char *text_of(struct http1_out *out)
{
	CHECK_EQ(out->error, 0);
	CHECK(out->len < out->size);
	out->base[out->len] = '\0';
	return out->base;
}

TEST(a_response_head_is_written)
{
	char buf[256];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_status(&out, 200);
	rota__http1_put_field(&out, HTTP_FIELD_CONTENT_TYPE, SPAN("text/plain"));
	rota__http1_put_field_number(&out, HTTP_FIELD_CONTENT_LENGTH, 13);
	rota__http1_put_named(&out, SPAN("X-Empty"), SPAN(""));
	rota__http1_put_end(&out);
	CHECK_STR(text_of(&out), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				 "Content-Length: 13\r\nX-Empty: \r\n\r\n");
}

TEST(a_request_head_is_written)
{
	char buf[256];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_request(&out, SPAN("GET"), SPAN("/a?b"));
	rota__http1_put_field(&out, HTTP_FIELD_HOST, SPAN("a:80"));
	rota__http1_put_end(&out);
	CHECK_STR(text_of(&out), "GET /a?b HTTP/1.1\r\nHost: a:80\r\n\r\n");
}

TEST(a_chunked_body_is_written_and_read_back)
{
	char buf[256];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_chunk(&out, 26);
	rota__http1_put_raw(&out, SPAN("abcdefghijklmnopqrstuvwxyz"));
	rota__http1_put_chunk_end(&out);
	rota__http1_put_last_chunk(&out);
	rota__http1_put_named(&out, SPAN("X-Sum"), SPAN("1"));
	rota__http1_put_end(&out);
	CHECK_STR(text_of(&out), "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 1\r\n\r\n");
	CHECK(http1_logs(&chunks, (struct span){ buf, out.len },
		"body \"abcdefghijklmnopqrstuvwxyz\"\nX-Sum: 1\n.\n"));
}

TEST(what_does_not_fit_is_not_written_in_part)
{
	char buf[64];

	for (size_t size = 0; size < 40; size++) {
		struct http1_out out;

		memset(buf, '#', sizeof(buf));
		http1_out_init(&out, buf, size);
		rota__http1_put_status(&out, 200);                      /* 17 bytes */
		rota__http1_put_field(&out, HTTP_FIELD_AGE, SPAN("1")); /* 8 bytes */
		rota__http1_put_end(&out);                              /* 2 bytes */
		CHECK_EQ(out.error, size >= 27 ? 0 : -ENOBUFS);
		CHECK_EQ(out.len, size >= 27 ? 27 : size >= 25 ? 25 : size >= 17 ? 17 : 0);
		CHECK_EQ(buf[out.len], '#');
	}
}

TEST(nothing_is_written_after_an_error)
{
	char buf[64];
	struct http1_out out;

	http1_out_init(&out, buf, 10);
	rota__http1_put_status(&out, 200);
	rota__http1_put_end(&out);
	CHECK_EQ(out.error, -ENOBUFS);
	CHECK_EQ(out.len, 0);
	rota__http1_put_named(&out, SPAN("a b"), SPAN(""));
	CHECK_EQ(out.error, -ENOBUFS);
}

static int error_of_named(struct span name, struct span value)
{
	char buf[64];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_named(&out, name, value);
	CHECK(out.len == 0 || out.error == 0);
	return out.error;
}

/* As a field with a number and as one without. */
static int error_of_value(struct span value)
{
	char buf[64];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_field(&out, HTTP_FIELD_LOCATION, value);
	CHECK(out.len == 0 || out.error == 0);
	CHECK_EQ(error_of_named(SPAN("A"), value), out.error);
	return out.error;
}

TEST(foreign_text_cannot_end_a_line)
{
	CHECK_EQ(error_of_value(SPAN("b\r\nSet-Cookie: c")), -EINVAL);
	CHECK_EQ(error_of_value(SPAN("b\nc")), -EINVAL);
	CHECK_EQ(error_of_value(SPAN("b\rc")), -EINVAL);
	CHECK_EQ(error_of_value(SPAN("b\0c")), -EINVAL);
	CHECK_EQ(error_of_value(SPAN("0123456789abcdef0123\x7f")), -EINVAL);
	CHECK_EQ(error_of_named(SPAN("A: b\r\nC"), SPAN("d")), -EINVAL);
	CHECK_EQ(error_of_named(SPAN("A:"), SPAN("d")), -EINVAL);
	CHECK_EQ(error_of_named(SPAN(" A"), SPAN("d")), -EINVAL);
	CHECK_EQ(error_of_named(SPAN(""), SPAN("d")), -EINVAL);
	CHECK_EQ(error_of_value(SPAN("b\tc \xc3\xa4 \"d\"")), 0);
}

static int error_of_request(struct span method, struct span target)
{
	char buf[64];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_request(&out, method, target);
	return out.error;
}

TEST(a_request_line_has_three_words)
{
	CHECK_EQ(error_of_request(SPAN("GET"), SPAN("/ HTTP/1.1\r\nA: b\r\n\r\n")), -EINVAL);
	CHECK_EQ(error_of_request(SPAN("GET"), SPAN("/a b")), -EINVAL);
	CHECK_EQ(error_of_request(SPAN("GET"), SPAN("")), -EINVAL);
	CHECK_EQ(error_of_request(SPAN("GE T"), SPAN("/")), -EINVAL);
	CHECK_EQ(error_of_request(SPAN(""), SPAN("/")), -EINVAL);
	CHECK_EQ(error_of_request(SPAN("GET"), SPAN("/")), 0);
}

TEST(a_status_has_three_digits)
{
	char buf[64];
	struct http1_out out;
	static const unsigned bad[] = { 0, 99, 1000 };

	for (int i = 0; i < 3; i++) {
		http1_out_init(&out, buf, sizeof(buf));
		rota__http1_put_status(&out, bad[i]);
		CHECK_EQ(out.error, -EINVAL);
	}
	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_status(&out, 999);
	CHECK_STR(text_of(&out), "HTTP/1.1 999 Unknown\r\n");
}

TEST(a_field_without_a_number_and_a_chunk_without_bytes_are_refused)
{
	char buf[64];
	struct http1_out out;

	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_field(&out, HTTP_FIELD_OTHER, SPAN("x"));
	CHECK_EQ(out.error, -EINVAL);
	http1_out_init(&out, buf, sizeof(buf));
	rota__http1_put_chunk(&out, 0);
	CHECK_EQ(out.error, -EINVAL);
}

/* 0, 1, 9, 10, 99, 100 ... and what lies around each power of two. */
TEST(numbers_are_written_as_printf_writes_them)
{
	for (int shift = 0; shift < 64; shift++)
		for (int add = -1; add <= 1; add++) {
			uint64_t value = (UINT64_C(1) << shift) + (uint64_t)(int64_t)add;
			char expected[64], got[64];
			struct http1_out out;

			snprintf(expected, sizeof(expected), "%" PRIu64, value);
			got[rota__format_u64(got, value)] = '\0';
			CHECK_STR(got, expected);
			if (value == 0)
				continue;
			snprintf(expected, sizeof(expected), "%" PRIx64 "\r\n", value);
			http1_out_init(&out, got, sizeof(got));
			rota__http1_put_chunk(&out, value);
			CHECK_STR(text_of(&out), expected);
			CHECK(out.len <= HTTP1_CHUNK_HEAD_MAX);
		}
}
