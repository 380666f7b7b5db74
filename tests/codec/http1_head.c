/* http1_head.c - heads that are accepted as what they are, and heads that are refused */
#include "http1_check.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- accepted ---- */

TEST(a_request_of_a_load_generator_is_read)
{
	LOGS(requests, "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
		"GET /plaintext HTTP/1.1 keep\n"
		"| authority=127.0.0.1:8080\n"
		"Host: 127.0.0.1:8080\n"
		"no body\n"
		".\n");
}

TEST(a_request_of_a_browser_is_read)
{
	LOGS(requests,
		"GET /a/b.html?x=1&y[]=%20{2}|3\\4 HTTP/1.1\r\n"
		"Host: www.example.org\r\n"
		"Connection: keep-alive\r\n"
		"sec-ch-ua: \"Not A(Brand\";v=\"99\", \"Chromium\";v=\"123\"\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
		"Accept-Encoding: gzip, deflate, br\r\n"
		"Cookie: a=1; b=\"2\"\r\n"
		"\r\n",
		"GET /a/b.html?x=1&y[]=%20{2}|3\\4 HTTP/1.1 keep\n"
		"| authority=www.example.org\n"
		"Host: www.example.org\n"
		"Connection: keep-alive\n"
		"sec-ch-ua: \"Not A(Brand\";v=\"99\", \"Chromium\";v=\"123\"\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\n"
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\n"
		"Accept-Encoding: gzip, deflate, br\n"
		"Cookie: a=1; b=\"2\"\n"
		"no body\n"
		".\n");
}

TEST(blanks_around_a_value_are_not_part_of_it)
{
	LOGS(requests, "GET / HTTP/1.1\r\nHost:a\r\nB: \t x \ty\t \r\nC:\r\nD: \t \r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nB: x \ty\nC: \nD: \nno body\n.\n");
}

TEST(values_may_hold_bytes_beyond_ascii)
{
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nB: \xc3\xa4\xff\x80\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nB: \xc3\xa4\xff\x80\nno body\n.\n");
}

TEST(a_name_may_have_every_token_character)
{
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\n!#$%&'*+-.^_`|~09azAZ: x\nno body\n"
		".\n");
}

TEST(a_method_that_is_not_known_is_a_method)
{
	LOGS(requests, "M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n", "error TARGET 400\n");
	LOGS(requests, "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
		"PROPFIND / HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
	LOGS(requests, "get / HTTP/1.1\r\nHost: a\r\n\r\n",
		"get / HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
}

TEST(one_empty_line_before_a_request_is_passed_over)
{
	LOGS(requests, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
	REFUSED(requests, METHOD, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(requests_follow_each_other_without_a_pause)
{
	LOGS(requests,
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\nx\r\n0\r\n\r\n"
		"HEAD /4 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /1 HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n"
		"POST /2 HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 3\n"
		"body \"abc\"\n.\n"
		"POST /3 HTTP/1.1 keep\n| authority=a\nHost: a\nTransfer-Encoding: chunked\n"
		"body \"x\"\n.\n"
		"HEAD /4 HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
}

TEST(what_follows_a_request_that_closes_is_not_looked_at)
{
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\x01garbage",
		"GET / HTTP/1.1 close\n| authority=a\nHost: a\nConnection: close\nno body\n.\n");
}

TEST(later_minor_versions_are_read_as_1_1)
{
	LOGS(requests, "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
	REFUSED(requests, HOST_MISSING, "GET / HTTP/1.2\r\n\r\n");
}

TEST(the_target_has_the_form_that_goes_with_the_method)
{
	LOGS(requests, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"OPTIONS * HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
	LOGS(requests, "GET http://b.c:81/d?e HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://b.c:81/d?e HTTP/1.1 keep\n| authority=b.c:81\nHost: a\nno body\n.\n");
	LOGS(requests, "GET HTTPS://b?e HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET HTTPS://b?e HTTP/1.1 keep\n| authority=b\nHost: a\nno body\n.\n");
	LOGS(requests, "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT [::1]:443 HTTP/1.1 keep\n| authority=[::1]:443\nHost: a\nno body\n.\n");
}

/* ---- refused: the request line ---- */

TEST(a_target_of_the_wrong_form_is_refused)
{
	REFUSED_LINE(TARGET, "GET * HTTP/1.1");
	REFUSED_LINE(TARGET, "OPTIONS ** HTTP/1.1");
	REFUSED_LINE(TARGET, "GET path HTTP/1.1");
	REFUSED_LINE(TARGET, "GET ?query HTTP/1.1");
	REFUSED_LINE(TARGET, "GET a:80 HTTP/1.1");
	REFUSED_LINE(TARGET, "GET ftp://a/ HTTP/1.1");
	REFUSED_LINE(TARGET, "GET http:///path HTTP/1.1");
	REFUSED_LINE(TARGET, "GET http:// HTTP/1.1");
	REFUSED_LINE(TARGET, "GET http:/a HTTP/1.1");
	REFUSED_LINE(TARGET, "GET http://user@a/ HTTP/1.1");
	REFUSED_LINE(TARGET, "GET http://a:99999/ HTTP/1.1");
	REFUSED_LINE(TARGET, "CONNECT / HTTP/1.1");
	REFUSED_LINE(TARGET, "CONNECT a HTTP/1.1");
	REFUSED_LINE(TARGET, "CONNECT a: HTTP/1.1");
	REFUSED_LINE(TARGET, "CONNECT http://a:80/ HTTP/1.1");
}

TEST(a_target_with_characters_no_target_has_is_refused)
{
	REFUSED_LINE(TARGET, "GET /a#b HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /a\"b HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /<b> HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /a\tb HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /a\x7f HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /a\0b HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /\xc3\xa4 HTTP/1.1");
	REFUSED_LINE(TARGET, "GET /0123456789abcdefghijklmnopqrstuvw\x80 HTTP/1.1");
	REFUSED_LINE(TARGET, "GET  / HTTP/1.1");
}

TEST(a_method_that_is_not_a_token_is_refused)
{
	REFUSED_LINE(METHOD, " GET / HTTP/1.1");
	REFUSED_LINE(METHOD, "G(T / HTTP/1.1");
	REFUSED_LINE(METHOD, "GET\t/ HTTP/1.1");
	REFUSED_LINE(METHOD, "GE\0T / HTTP/1.1");
	REFUSED_LINE(METHOD, "G\xc3\x84T / HTTP/1.1");
	REFUSED_LINE(METHOD, ": / HTTP/1.1");
	REFUSED_LINE(METHOD, "GET");
	REFUSED(requests, METHOD, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"); /* TLS to a plain port */
	REFUSED(requests, BARE_CR, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED(requests, BARE_LF, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(a_version_that_is_not_http_1_is_refused)
{
	REFUSED_LINE(VERSION, "GET /");
	REFUSED_LINE(VERSION, "GET / ");
	REFUSED_LINE(VERSION, "GET / HTTP/1.1 ");
	REFUSED_LINE(VERSION, "GET /  HTTP/1.1");
	REFUSED_LINE(VERSION, "GET / http/1.1");
	REFUSED_LINE(VERSION, "GET / HTTP/1");
	REFUSED_LINE(VERSION, "GET / HTTP/1.");
	REFUSED_LINE(VERSION, "GET / HTTP/1.10");
	REFUSED_LINE(VERSION, "GET / HTTP/11.1");
	REFUSED_LINE(VERSION, "GET / HTTP/1,1");
	REFUSED_LINE(VERSION, "GET / HTTP /1.1");
	REFUSED_LINE(VERSION, "GET / HTTP/1.1x");
	REFUSED_LINE(VERSION, "GET / ICE/1.0");
	REFUSED_LINE(VERSION, "GET /a b HTTP/1.1");
	REFUSED_LINE(VERSION_UNKNOWN, "GET / HTTP/0.9");
	REFUSED_LINE(VERSION_UNKNOWN, "GET / HTTP/2.0");
	REFUSED(requests, VERSION_UNKNOWN, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	REFUSED(requests, VERSION, "GET /\r\n"); /* HTTP/0.9 */
	REFUSED(requests, VERSION, "GET / foo\r\n");
}

TEST(line_ends_are_two_characters_everywhere)
{
	REFUSED(requests, BARE_LF, "GET / HTTP/1.1\nHost: a\r\n\r\n");
	REFUSED(requests, BARE_LF, "GET / HTTP/1.1\n\n");
	REFUSED(requests, BARE_LF, "GET / HTTP/1.0\nHost: a\r\n\r\n");
	REFUSED(requests, BARE_CR, "GET / HTTP/1.1\rHost: a\r\n\r\n");
	REFUSED(requests, BARE_CR, "GET / HTTP/1.1\r\rHost: a\r\n\r\n");
	REFUSED_FIELD(BARE_LF, "B: c\nD: e");
	REFUSED_FIELD(BARE_CR, "B: c\rD: e");
	REFUSED_FIELD(BARE_CR, "B: c\r");
	REFUSED_FIELD(BARE_LF, "B: c\n");
	REFUSED_FIELD(BARE_CR, "B: c\r\n\rContent-Length: 5");
	REFUSED_FIELD(BARE_LF, "B: c\r\n\nContent-Length: 5");
	REFUSED_FIELD(BARE_LF, "B:\n");
	REFUSED_FIELD(BARE_LF, "B\n: c");
}

/* ---- refused: field lines ---- */

TEST(continued_lines_are_refused)
{
	REFUSED_FIELD(FOLD, "B: c\r\n d");
	REFUSED_FIELD(FOLD, "B: c\r\n\td");
	REFUSED_FIELD(FOLD, "B:\r\n c");
	REFUSED_FIELD(FOLD, "Transfer-Encoding:\r\n chunked");
	REFUSED_FIELD(FOLD, "Content-Length: 1\r\n 0");
	REFUSED_FIELD(FOLD, "B: c\r\n ");
	REFUSED(requests, FOLD, "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
	REFUSED(responses, FOLD, "HTTP/1.1 200 OK\r\nB: c\r\n d\r\nContent-Length: 0\r\n\r\n");
}

TEST(blanks_between_name_and_colon_are_refused)
{
	REFUSED_FIELD(NAME_SPACE, "Transfer-Encoding : chunked");
	REFUSED_FIELD(NAME_SPACE, "Content-Length\t: 5");
	REFUSED_FIELD(NAME_SPACE, "B c: d");
	REFUSED(responses, NAME_SPACE, "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n");
}

TEST(a_name_that_is_not_a_token_is_refused)
{
	REFUSED_FIELD(NAME, ": c");
	REFUSED_FIELD(NAME, "B(: c");
	REFUSED_FIELD(NAME, "\"B\": c");
	REFUSED_FIELD(NAME, "B/C: d");
	REFUSED_FIELD(NAME, "B\0C: d");
	REFUSED_FIELD(NAME, "B\x01: d");
	REFUSED_FIELD(NAME, "B\x7f: d");
	REFUSED_FIELD(NAME, "\xc3\x84: d");
	REFUSED_FIELD(NAME, "Content-Length\x0b: 5");
	REFUSED_FIELD(NAME, "\x0bTransfer-Encoding: chunked");
	REFUSED_FIELD(NAME, "A-very-long-name-with-an-(-in-it: d");
	REFUSED_FIELD(NAME, "A-very-long-name-that-ends-in-a-letter-of-latin-one-\xe4: d");
	/* ... without waiting for its end. */
	REFUSED(requests, NAME, "GET / HTTP/1.1\r\nHost: a\r\nB(");
	REFUSED(requests, NAME,
		"GET / HTTP/1.1\r\nHost: a\r\nA-very-long-name-with-an-(-in-it-and");
	REFUSED_FIELD(NO_COLON, "B");
	REFUSED_FIELD(NO_COLON, "B\rContent-Length: 5");
	REFUSED_FIELD(NO_COLON, "A-very-long-line-without-any-colon-in-it");
	REFUSED(requests, NO_COLON, "GET / HTTP/1.1\r\nHost\r\n\r\n");
}

TEST(control_characters_in_values_are_refused)
{
	REFUSED_FIELD(CONTROL, "B: \0");
	REFUSED_FIELD(CONTROL, "B: c\0d");
	REFUSED_FIELD(CONTROL, "B: c\x01");
	REFUSED_FIELD(CONTROL, "B: c\x0b");
	REFUSED_FIELD(CONTROL, "B: c\x1f");
	REFUSED_FIELD(CONTROL, "B: c\x7f");
	REFUSED_FIELD(CONTROL, "B: a value so long that it is searched many at a time\x08 yes");
	REFUSED_FIELD(CONTROL, "Transfer-Encoding: \x0b"
			       "chunked");
	REFUSED_FIELD(CONTROL, "Transfer-Encoding: chunked\x0c");
}

/* ---- every byte, at every place of a vector ---- */

static int verdict_of(const char *head, size_t len)
{
	struct http1_parser parser;
	struct http1_head *out = calloc(1, sizeof(*out));
	char *copy = malloc(len);
	int rc;

	CHECK(out != NULL && copy != NULL);
	memcpy(copy, head, len);
	rota__http1_parser_init(&parser, NULL);
	rc = rota__http1_parse_request(&parser, copy, len, out);
	free(copy);
	free(out);
	return rc;
}

/* The head with byte `c` put in place of its '@', which stands `before` characters further on. */
static int verdict_with(const char *format, int before, int c)
{
	static const char fill[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char head[256];
	int len = snprintf(head, sizeof(head), format, before, fill);

	*(char *)memchr(head, '@', (size_t)len) = (char)c;
	return verdict_of(head, (size_t)len);
}

TEST(each_byte_is_judged_alike_wherever_it_stands_in_a_value)
{
	for (int before = 0; before < 40; before++)
		for (int c = 0; c < 256; c++) {
			bool good = c == '\t' || (c >= ' ' && c != 0x7f);
			int rc = verdict_with(
				"GET / HTTP/1.1\r\nHost: a\r\nB: %.*s@x\r\n\r\n", before, c);

			CHECK_EQ(rc > 0, good);
		}
}

TEST(each_byte_is_judged_alike_wherever_it_stands_in_a_target)
{
	for (int before = 0; before < 40; before++)
		for (int c = 0; c < 256; c++) {
			bool good = c > ' ' && c < 0x7f && strchr("\"#<>", c) == NULL;
			int rc = verdict_with("GET /%.*s@x HTTP/1.1\r\nHost: a\r\n\r\n", before, c);

			CHECK_EQ(rc > 0, good);
		}
}

TEST(each_byte_is_judged_alike_wherever_it_stands_in_a_name)
{
	for (int before = 0; before < 40; before++)
		for (int c = 0; c < 256; c++) {
			bool good = c > ' ' && c < 0x7f && strchr("\"(),/;<=>?@[\\]{}", c) == NULL;
			int rc = verdict_with(
				"GET / HTTP/1.1\r\nHost: a\r\nx%.*s@: c\r\n\r\n", before, c);

			CHECK_EQ(rc > 0, good);
		}
}

TEST(each_byte_is_judged_alike_in_a_method)
{
	for (int c = 0; c < 256; c++) {
		bool good = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;

		CHECK_EQ(verdict_with("A@%.*s / HTTP/1.1\r\nHost: a\r\n\r\n", 4, c) > 0, good);
	}
}

/* ---- limits ---- */

/* "GET /xxx HTTP/1.1", Host, and a field of `value` bytes. */
static struct span long_head(char *head, size_t size, int target, int value)
{
	char *fill = malloc((size_t)(target + value + 1));
	int len;

	CHECK(fill != NULL);
	memset(fill, 'x', (size_t)(target + value));
	len = snprintf(head, size, "GET /%.*s HTTP/1.1\r\nHost: a\r\nB: %.*s\r\n\r\n", target - 1,
		fill, value, fill);
	CHECK(len < (int)size);
	free(fill);
	return (struct span){ head, (size_t)len };
}

TEST(a_head_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .limits = &limits };
	char head[1024], *log;
	struct span bytes = long_head(head, sizeof(head), 20, 300);

	limits.head_bytes = (uint32_t)bytes.len;
	log = http1_log(&setup, bytes, NULL, 0);
	CHECK(http1_logs(&setup, bytes, log));
	CHECK_STR(log + strlen(log) - 2, ".\n");
	free(log);
	limits.head_bytes--;
	CHECK(http1_refuses(&setup, bytes, HTTP1_E_HEAD_LENGTH));
}

TEST(the_default_head_limit_is_16_kibibytes)
{
	char head[17 * 1024], *log;
	struct span bytes = long_head(head, sizeof(head), 1, 0);
	int value = 16384 - (int)bytes.len;

	bytes = long_head(head, sizeof(head), 1, value);
	CHECK_EQ(bytes.len, 16384);
	log = http1_log(&requests, bytes, NULL, 0);
	CHECK_STR(log + strlen(log) - 2, ".\n");
	free(log);
	bytes = long_head(head, sizeof(head), 1, value + 1);
	log = http1_log(&requests, bytes, NULL, 0);
	CHECK_STR(log, "error HEAD_LENGTH 431\n");
	free(log);
}

TEST(a_head_that_never_ends_is_refused_at_the_limit)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .limits = &limits };
	const char *start = "GET / HTTP/1.1\r\nHost: a\r\nB: ccccccccccccccccccccc";

	limits.head_bytes = 40;
	CHECK(http1_refuses(&setup, (struct span){ start, 40 }, HTTP1_E_HEAD_LENGTH));
	CHECK(http1_logs(&setup, (struct span){ start, 39 }, "more\n"));
}

TEST(a_mistake_before_the_head_limit_is_named_rather_than_the_limit)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .limits = &limits };

	limits.head_bytes = 30;
	REFUSED(setup, NAME_SPACE,
		"GET / HTTP/1.1\r\nHost : a\r\nB: cccccccccccccccccccccc\r\n\r\n");
	REFUSED(setup, HEAD_LENGTH,
		"GET / HTTP/1.1\r\nHost: a\r\nBcccc : cccccccccccccccccc\r\n\r\n");
}

TEST(a_target_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .limits = &limits };
	char head[1024], *log;
	struct span bytes = long_head(head, sizeof(head), 100, 1);

	limits.target_bytes = 100;
	log = http1_log(&setup, bytes, NULL, 0);
	CHECK(http1_logs(&setup, bytes, log));
	CHECK_STR(log + strlen(log) - 2, ".\n");
	free(log);
	limits.target_bytes = 99;
	CHECK(http1_refuses(&setup, bytes, HTTP1_E_TARGET_LENGTH));
	/* It is refused as soon as it is too long, not at its end. */
	CHECK(http1_refuses(&setup, (struct span){ head, 4 + 100 }, HTTP1_E_TARGET_LENGTH));
	CHECK(http1_logs(&setup, (struct span){ head, 4 + 99 }, "more\n"));
}

TEST(a_method_of_33_characters_is_refused)
{
	LOGS(requests, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\nHost: a\r\n\r\n",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1 keep\n| authority=a\nHost: a\n"
		"no body\n.\n");
	REFUSED_LINE(METHOD_LENGTH, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1");
	REFUSED(requests, METHOD_LENGTH, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456");
}

/* A request with `count` fields. */
static struct span many_fields(char *head, size_t size, int count)
{
	int len = snprintf(head, size, "GET / HTTP/1.1\r\nHost: a\r\n");

	for (int i = 1; i < count; i++)
		len += snprintf(head + len, size - (size_t)len, "B%d:\r\n", i);
	len += snprintf(head + len, size - (size_t)len, "\r\n");
	return (struct span){ head, (size_t)len };
}

TEST(a_hundred_fields_pass_and_one_more_does_not)
{
	char head[2048], *log;
	struct span bytes = many_fields(head, sizeof(head), 100);

	log = http1_log(&requests, bytes, NULL, 0);
	CHECK(http1_logs(&requests, bytes, log));
	CHECK(strstr(log, "\nB99: \nno body\n.\n") != NULL);
	free(log);
	bytes = many_fields(head, sizeof(head), 101);
	CHECK(http1_refuses(&requests, bytes, HTTP1_E_FIELD_COUNT));
}

TEST(the_field_limit_can_be_lower)
{
	struct http1_limits limits = rota__http1_limits;
	struct http1_log_setup setup = { .kind = HTTP1_LOG_REQUESTS, .limits = &limits };

	limits.fields = 2;
	LOGS(setup, "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nB: c\nno body\n.\n");
	REFUSED(setup, FIELD_COUNT, "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n\r\n");
	limits.fields = 0;
	LOGS(setup, "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 close\nno body\n.\n");
}

/* ---- responses ---- */

TEST(a_response_is_read)
{
	LOGS(responses, "HTTP/1.1 404 Not Found \xe4\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 404 Not Found \xe4 keep\nContent-Length: 3\nbody \"abc\"\n.\n");
}

TEST(the_reason_may_be_empty_and_its_space_missing)
{
	LOGS(responses, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200  keep\nContent-Length: 0\nno body\n.\n");
	LOGS(responses, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200  keep\nContent-Length: 0\nno body\n.\n");
}

TEST(a_bad_status_line_is_refused)
{
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 20 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 2000 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 099 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 +20 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1  200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1\t200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 200\tOK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 200 O\0K\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1 200 O\x7fK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/11 200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "http/1.1 200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "ICY 200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "\r\nHTTP/1.1 200 OK\r\n\r\n");
	REFUSED(responses, STATUS_LINE, "HTTP/1.1\r\n\r\n");
	REFUSED(responses, VERSION_UNKNOWN, "HTTP/2.0 200 OK\r\n\r\n");
	REFUSED(responses, VERSION_UNKNOWN, "HTTP/0.9 200 OK\r\n\r\n");
	REFUSED(responses, BARE_LF, "HTTP/1.1 200 OK\n\r\n");
	REFUSED(responses, BARE_LF, "HTTP/1.1 200\n\r\n");
	REFUSED(responses, BARE_CR, "HTTP/1.1 200 O\rK\r\n\r\n");
}

TEST(responses_follow_each_other_and_interim_ones_come_first)
{
	LOGS(responses,
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 100 Continue keep\nno body\n.\n"
		"HTTP/1.1 103 Early Hints keep\nLink: </a>\nno body\n.\n"
		"HTTP/1.1 200 OK keep\nContent-Length: 1\nbody \"x\"\n.\n"
		"HTTP/1.1 204 No Content keep\nno body\n.\n");
}

/* ---- the head that comes out ---- */

TEST(a_head_can_move_with_its_buffer)
{
	static const char raw[] = "GET /path HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n";
	struct http1_parser parser;
	struct http1_head head;
	char first[64], second[64];

	memcpy(first, raw, sizeof(raw));
	rota__http1_parser_init(&parser, NULL);
	CHECK_EQ(
		rota__http1_parse_request(&parser, first, sizeof(raw) - 1, &head), sizeof(raw) - 1);
	memcpy(second, first, sizeof(raw));
	memset(first, 0, sizeof(first));
	head.base = second;
	CHECK(span_equal(http1_text(&head, head.target), SPAN("/path")));
	CHECK(span_equal(rota__http1_get_named(&head, SPAN("x-y")), SPAN("z")));
}

TEST(a_head_says_how_long_it_was)
{
	static const char raw[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
	struct http1_parser parser;
	struct http1_head head;

	rota__http1_parser_init(&parser, NULL);
	CHECK_EQ(rota__http1_parse_request(&parser, raw, sizeof(raw) - 1, &head),
		sizeof(raw) - 1 - 4);
	CHECK_EQ(head.bytes, sizeof(raw) - 1 - 4);
}
