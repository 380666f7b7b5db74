/* http1_body.c - chunked bodies, trailers, and the limits of bodies */
#include "http1_check.h"

#include <stdio.h>
#include <stdlib.h>

TEST(chunks_are_joined)
{
	LOGS(chunks, "5\r\nhello\r\n1\r\n \r\n00006\r\nworld!\r\n0\r\n\r\n",
		"body \"hello world!\"\n.\n");
	LOGS(chunks, "A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n",
		"body \"01234567890123456789\"\n.\n");
	LOGS(chunks, "0\r\n\r\n", "body \"\"\n.\n");
}

TEST(a_body_may_hold_what_looks_like_framing)
{
	LOGS(chunks, "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "body \"0\r\n\r\n\r\n\"\n.\n");
}

TEST(a_chunked_body_that_is_cut_off_is_not_a_whole_one)
{
	LOGS(chunks, "", "body \"\"\nmore\n");
	LOGS(chunks, "5", "body \"\"\nmore\n");
	LOGS(chunks, "5\r\nhel", "body \"hel\"\nmore\n");
	LOGS(chunks, "5\r\nhello\r\n", "body \"hello\"\nmore\n");
	LOGS(chunks, "5\r\nhello\r\n0\r\n", "body \"hello\"\nmore\n");
	LOGS(chunks, "0\r\n\r", "body \"\"\nmore\n");
	LOGS(chunks, "0\r\nA: b\r\n", "body \"\"\nA: b\nmore\n");
}

TEST(a_chunk_size_that_is_not_one_is_refused)
{
	REFUSED(chunks, CHUNK_SIZE, "\r\n");
	REFUSED(chunks, CHUNK_SIZE, "+5\r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "-5\r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "0x5\r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, " 5\r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5 \r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5 5\r\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "g\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5_0\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5,5\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5\0\r\n");
	REFUSED(chunks, CHUNK_SIZE, ";a=b\r\n");
	REFUSED(chunks, CHUNK_SIZE, "\xef\xbc\x95\r\n");
	REFUSED(chunks, CHUNK_SIZE, "5\x0b\r\nhello\r\n0\r\n\r\n");
}

TEST(a_chunk_size_of_more_than_16_digits_is_refused)
{
	LOGS(chunks, "0000000000000001\r\nx\r\n0000000000000000\r\n\r\n", "body \"x\"\n.\n");
	LOGS(chunks, "ffffffffffffffff\r\nx", "body \"x\"\nmore\n");
	REFUSED(chunks, CHUNK_SIZE, "00000000000000001\r\nx\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_SIZE, "10000000000000000\r\n");
	REFUSED(chunks, CHUNK_SIZE, "100000000000000005\r\nhello\r\n0\r\n\r\n");
}

TEST(sizes_that_wrap_together_are_refused)
{
	struct http1_log_setup setup = { .kind = HTTP1_LOG_CHUNKED, .body_max = UINT64_MAX - 1 };

	REFUSED(setup, BODY_LENGTH, "1\r\nx\r\nfffffffffffffffe\r\n");
	LOGS(setup, "1\r\nx\r\nfffffffffffffffd\r\n", "body \"x\"\nmore\n");
}

TEST(line_ends_around_chunks_are_two_characters)
{
	REFUSED(chunks, BARE_LF, "5\nhello\r\n0\r\n\r\n");
	REFUSED(chunks, BARE_CR, "5\rhello\r\n0\r\n\r\n");
	REFUSED(chunks, BARE_CR, "5\r\rhello\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello \n0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello!\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello\rX0\r\n\r\n");
	REFUSED(chunks, CHUNK_END, "5\r\nhello\r0\r\n\r\n");
	REFUSED(chunks, BARE_LF, "0\n\r\n");
	REFUSED(chunks, BARE_LF, "0\r\n\n");
	REFUSED(chunks, BARE_CR, "0\r\n\rX");
}

/* ---- extensions ---- */

TEST(chunk_extensions_are_passed_over)
{
	LOGS(chunks, "1;a\r\nx\r\n1 ;\r\ny\r\n1;a=b;c=\"d;e\\\"\xe4\"\t \r\nz\r\n0;f\r\n\r\n",
		"body \"xyz\"\n.\n");
	LOGS(chunks, "1 \t ; a = b\r\nx\r\n0\r\n\r\n", "body \"x\"\n.\n");
}

TEST(a_bad_chunk_extension_is_refused)
{
	REFUSED(chunks, BARE_LF, "1;a\nx\r\n0\r\n\r\n");
	REFUSED(chunks, BARE_LF, "1;\n");
	REFUSED(chunks, BARE_LF, "1 \n");
	REFUSED(chunks, BARE_LF, "1;a=\"\n\"\r\nx\r\n0\r\n\r\n");
	REFUSED(chunks, BARE_CR, "1;a\rb\r\nx\r\n0\r\n\r\n");
	REFUSED(chunks, BARE_CR, "1;a=\"\r\"\r\nx\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_EXT, "1;a\0\r\nx\r\n0\r\n\r\n");
	REFUSED(chunks, CHUNK_EXT, "1;\x7f\r\nx\r\n0\r\n\r\n");
}

TEST(extensions_of_exactly_the_limit_pass_and_one_byte_more_does_not)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_CHUNKED, .limits = &limits };

	limits.chunk_ext_bytes = 4;
	LOGS(setup, "1;abcd\r\nx\r\n0\r\n\r\n", "body \"x\"\n.\n");
	LOGS(setup, "1;ab\r\nx\r\n1;cd\r\ny\r\n0\r\n\r\n", "body \"xy\"\n.\n");
	REFUSED(setup, CHUNK_EXT_LENGTH, "1;abcde\r\nx\r\n0\r\n\r\n");
	REFUSED(setup, CHUNK_EXT_LENGTH, "1;abcde");
	REFUSED(setup, CHUNK_EXT_LENGTH, "1;ab\r\nx\r\n1;cd\r\ny\r\n0;e\r\n\r\n");
	REFUSED(setup, CHUNK_EXT_LENGTH, "1      ");
}

/* ---- trailers ---- */

TEST(trailers_come_after_the_body)
{
	LOGS(chunks, "1\r\nx\r\n0\r\nX-Sum:  1 \r\nEmpty:\r\n\r\n",
		"body \"x\"\nX-Sum: 1\nEmpty: \n.\n");
	LOGS(requests,
		"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"0\r\nETag: \"x\"\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /1 HTTP/1.1 keep\n| authority=a\nHost: a\nTransfer-Encoding: chunked\n"
		"body \"\"\nETag: \"x\"\n.\n"
		"GET /2 HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
}

TEST(a_bad_trailer_is_refused)
{
	REFUSED(chunks, NAME_SPACE, "0\r\nA : b\r\n\r\n");
	REFUSED(chunks, NO_COLON, "0\r\nA\r\n\r\n");
	REFUSED(chunks, NAME, "0\r\n: b\r\n\r\n");
	REFUSED(chunks, CONTROL, "0\r\nA: \0\r\n\r\n");
	REFUSED(chunks, BARE_LF, "0\r\nA: b\n\r\n");
	REFUSED(chunks, BARE_CR, "0\r\nA: b\r\r\n");
	REFUSED(chunks, FOLD, "0\r\n A: b\r\n\r\n");
	REFUSED(chunks, FOLD, "0\r\nA: b\r\n\tc\r\n\r\n");
}

TEST(a_trailer_that_frames_routes_or_authorises_is_refused)
{
	REFUSED(chunks, TRAILER_FIELD, "0\r\nContent-Length: 5\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\ntransfer-encoding: chunked\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\nA: b\r\nHost: a\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\nConnection: close\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\nAuthorization: x\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\nCookie: x\r\n\r\n");
	REFUSED(chunks, TRAILER_FIELD, "0\r\nContent-Type: x\r\n\r\n");
}

TEST(trailers_of_exactly_the_limit_pass_and_one_byte_more_does_not)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_CHUNKED, .limits = &limits };

	limits.trailer_bytes = 12;
	LOGS(setup, "0\r\nA: b\r\nC:\r\n\r\n", "body \"\"\nA: b\nC: \n.\n");
	LOGS(setup, "0\r\nA: bcdef\r\n\r\n", "body \"\"\nA: bcdef\n.\n");
	REFUSED(setup, TRAILER_LENGTH, "0\r\nA: bcdefg\r\n\r\n");
	REFUSED(setup, TRAILER_LENGTH, "0\r\nA: bcdefghij");
	REFUSED(setup, TRAILER_LENGTH, "0\r\nA: b\r\nCd:\r\n\r\n");
	limits.trailer_bytes = 2;
	LOGS(setup, "0\r\n\r\n", "body \"\"\n.\n");
	REFUSED(setup, TRAILER_LENGTH, "0\r\nA: b\r\n\r\n");
}

TEST(the_extension_limit_does_not_count_trailers)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_CHUNKED, .limits = &limits };

	limits.chunk_ext_bytes = 2;
	limits.trailer_bytes = 8;
	LOGS(setup, "1;ab\r\nx\r\n0\r\nA: b\r\n\r\n", "body \"x\"\nA: b\n.\n");
}

/* ---- the limit of the body ---- */

TEST(a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .body_max = 5 };
	struct http1_log_setup chunked = { .kind = HTTP1_LOG_CHUNKED, .body_max = 5 };
	struct http1_log_setup answers = { .kind = HTTP1_LOG_RESPONSES, .body_max = 5 };

	LOGS(setup, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 5\n"
		"body \"hello\"\n.\n");
	REFUSED(setup, BODY_LENGTH, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
	LOGS(chunked, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "body \"hello\"\n.\n");
	REFUSED(chunked, BODY_LENGTH, "2\r\nhe\r\n4\r\n");
	LOGS(answers, "HTTP/1.1 200 OK\r\n\r\nhello",
		"HTTP/1.1 200 OK close\nbody \"hello\"\neof\n");
	REFUSED(answers, BODY_LENGTH, "HTTP/1.1 200 OK\r\n\r\nhello!");
}

TEST(a_limit_of_nothing_lets_only_empty_bodies_pass)
{
	struct http1_head head = { .framing = HTTP1_CHUNKED };
	struct http1_body body;
	struct http1_piece piece;

	CHECK_EQ(rota__http1_body_init(&body, &head, 0, NULL), 0);
	CHECK_EQ(rota__http1_body_next(&body, "0\r\n\r\n", 5, &piece), HTTP1_END);
	CHECK_EQ(piece.used, 5);
	CHECK_EQ(rota__http1_body_init(&body, &head, 0, NULL), 0);
	CHECK_EQ(rota__http1_body_next(&body, "1\r\nx", 4, &piece), HTTP1_E_BODY_LENGTH);
}

/* ---- the calls ---- */

TEST(the_end_is_told_again_and_uses_nothing)
{
	struct http1_head head = { .framing = HTTP1_LENGTH, .content_length = 1 };
	struct http1_body body;
	struct http1_piece piece;

	CHECK_EQ(rota__http1_body_init(&body, &head, 10, NULL), 0);
	CHECK_EQ(rota__http1_body_eof(&body), HTTP1_E_TRUNCATED);
	CHECK_EQ(rota__http1_body_next(&body, "xGET", 4, &piece), HTTP1_DATA);
	CHECK_EQ(piece.used, 1);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rota__http1_body_next(&body, "GET", 3, &piece), HTTP1_END);
		CHECK_EQ(piece.used, 0);
	}
	CHECK_EQ(rota__http1_body_eof(&body), 0);
}

TEST(data_are_spans_of_what_was_given)
{
	static const char raw[] = "3\r\nabc\r\n0\r\n\r\n";
	struct http1_head head = { .framing = HTTP1_CHUNKED };
	struct http1_body body;
	struct http1_piece piece;

	CHECK_EQ(rota__http1_body_init(&body, &head, 10, NULL), 0);
	CHECK_EQ(rota__http1_body_next(&body, raw, sizeof(raw) - 1, &piece), HTTP1_DATA);
	CHECK(piece.data.at == raw + 3);
	CHECK_EQ(piece.data.len, 3);
	CHECK_EQ(piece.used, 6);
}

TEST(every_error_has_a_status_and_a_text)
{
	for (int error = HTTP1_E_METHOD; error > HTTP1_E_METHOD - HTTP1_ERROR_COUNT; error--) {
		unsigned status = rota__http1_error_status(error);

		CHECK(status >= 400 && status <= 505);
		CHECK(strcmp(rota__http1_error_text(error), "unknown") != 0);
	}
	CHECK_EQ(rota__http1_error_status(HTTP1_E_METHOD + 1), 500);
	CHECK_EQ(rota__http1_error_status(HTTP1_E_METHOD - HTTP1_ERROR_COUNT), 500);
	CHECK_STR(rota__http1_error_text(0), "unknown");
}
