/* http1_frame.c - where a message ends, and whether another may follow it
 *
 * The classes of request smuggling, each with the forms that were found to be read differently by
 * servers in use. */
#include "http1_check.h"

/* ---- Content-Length ---- */

TEST(a_length_counts_the_body)
{
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 0005\r\n\r\nhello",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\ncontent-LENGTH: 0005\n"
		"body \"hello\"\n.\n");
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 0\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 2\nbody \"hi\"\n.\n");
}

TEST(a_body_that_is_cut_off_is_not_a_whole_one)
{
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 6\n"
		"body \"hello\"\nmore\n");
}

TEST(a_length_that_is_not_a_number_is_refused)
{
	REFUSED_FIELD(LENGTH, "Content-Length:");
	REFUSED_FIELD(LENGTH, "Content-Length: +5");
	REFUSED_FIELD(LENGTH, "Content-Length: -5");
	REFUSED_FIELD(LENGTH, "Content-Length: 0x5");
	REFUSED_FIELD(LENGTH, "Content-Length: 5 5");
	REFUSED_FIELD(LENGTH, "Content-Length: 5.0");
	REFUSED_FIELD(LENGTH, "Content-Length: 1e3");
	REFUSED_FIELD(LENGTH, "Content-Length: 5,");
	REFUSED_FIELD(LENGTH, "Content-Length: 5, 5");
	REFUSED_FIELD(LENGTH, "Content-Length: 5;a=b");
	REFUSED_FIELD(LENGTH, "Content-Length: \"5\"");
	REFUSED_FIELD(LENGTH, "Content-Length: 1_000");
	REFUSED_FIELD(LENGTH, "Content-Length: \xd9\xa5");
	REFUSED(responses, LENGTH, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
}

TEST(a_length_beyond_63_bits_is_refused)
{
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\n"
		"Content-Length: 9223372036854775807\nbody \"\"\nmore\n");
	REFUSED_FIELD(LENGTH_OVERFLOW, "Content-Length: 9223372036854775808");
	REFUSED_FIELD(LENGTH_OVERFLOW, "Content-Length: 18446744073709551616");
	REFUSED_FIELD(LENGTH_OVERFLOW, "Content-Length: 18446744073709551621");
	REFUSED_FIELD(LENGTH_OVERFLOW, "Content-Length: 99999999999999999999999999999999999999999");
	REFUSED_FIELD(LENGTH, "Content-Length: 99999999999999999999999999999999999999999x");
}

TEST(two_lengths_are_refused_even_when_they_agree)
{
	REFUSED_FIELD(LENGTH_REPEATED, "Content-Length: 5\r\nContent-Length: 6");
	REFUSED_FIELD(LENGTH_REPEATED, "Content-Length: 5\r\nContent-Length: 5");
	REFUSED_FIELD(LENGTH_REPEATED, "Content-Length: 5\r\nX: y\r\ncontent-length: 6");
	REFUSED(responses, LENGTH_REPEATED,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello");
	REFUSED(responses, LENGTH_REPEATED,
		"HTTP/1.1 304 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
}

/* ---- Transfer-Encoding ---- */

TEST(a_length_beside_a_coding_is_refused)
{
	REFUSED_FIELD(LENGTH_AND_CODING, "Content-Length: 5\r\nTransfer-Encoding: chunked");
	REFUSED_FIELD(LENGTH_AND_CODING, "Transfer-Encoding: chunked\r\nContent-Length: 5");
	REFUSED_FIELD(LENGTH_AND_CODING, "Transfer-Encoding: identity\r\nContent-Length: 5");
	REFUSED_FIELD(LENGTH_AND_CODING, "Transfer-Encoding:\r\nContent-Length: 5");
	REFUSED_FIELD(LENGTH_AND_CODING, "transfer-encoding: chunked\r\ncontent-length: 0");
	REFUSED(responses, LENGTH_AND_CODING,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(a_coding_other_than_chunked_once_and_last_is_refused)
{
	REFUSED_FIELD(CODING, "Transfer-Encoding:");
	REFUSED_FIELD(CODING, "Transfer-Encoding: identity");
	REFUSED_FIELD(CODING, "Transfer-Encoding: gzip");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked, identity");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked, gzip");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked, chunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity");
	REFUSED_FIELD(CODING, "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked\r\nTransfer-encoding: cow");
	REFUSED_FIELD(CODING, "Transfer-Encoding: xchunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunkedx");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked;q=1");
	REFUSED_FIELD(CODING, "Transfer-Encoding: \"chunked\"");
	REFUSED_FIELD(CODING, "Transfer-Encoding: 'chunked'");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chu\xc3\xb1ked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked chunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: ,chunked");
	REFUSED_FIELD(CODING, "Transfer-Encoding: chunked,");
	REFUSED_FIELD(CODING, "Transfer-Encoding: \xa0"
			      "chunked");
	REFUSED_FIELD(CODING_UNKNOWN, "Transfer-Encoding: gzip, chunked");
	REFUSED_FIELD(CODING_UNKNOWN, "Transfer-Encoding: identity, chunked");
	REFUSED_FIELD(CODING_UNKNOWN, "Transfer-Encoding: gzip;q=\"a,b\", chunked");
	REFUSED(responses, CODING, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
	REFUSED(responses, CODING_UNKNOWN,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
}

TEST(chunked_is_found_in_any_case_and_between_blanks)
{
	LOGS(requests,
		"POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING:  Chunked\t\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\ntransfer-ENCODING: Chunked\n"
		"body \"\"\n.\n");
}

TEST(a_coding_in_http_1_0_is_refused)
{
	REFUSED(requests, CODING_VERSION,
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	REFUSED(responses, CODING_VERSION,
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST(a_name_that_only_looks_like_one_that_frames_does_not_frame)
{
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nContent_Length: 5\nno body\n.\n");
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nX-Content-Length: 5\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nX-Content-Length: 5\nno body\n.\n");
	LOGS(requests, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encodinh: chunked\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nTransfer-Encodinh: chunked\n"
		"no body\n.\n");
}

TEST(what_follows_a_body_is_the_next_request_and_not_part_of_it)
{
	LOGS(requests,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
		"0\r\n\r"
		"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1 keep\n| authority=a\nHost: a\nContent-Length: 4\n"
		"body \"0\r\n\r\"\n.\n"
		"GET /x HTTP/1.1 keep\n| authority=a\nHost: a\nno body\n.\n");
}

/* ---- methods without a body ---- */

TEST(connect_and_trace_have_no_body)
{
	REFUSED(requests, UNEXPECTED_BODY,
		"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello");
	REFUSED(requests, UNEXPECTED_BODY,
		"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSED(requests, UNEXPECTED_BODY,
		"TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	LOGS(requests, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 0\r\n\r\n",
		"CONNECT a:80 HTTP/1.1 keep\n| authority=a:80\nHost: a:80\nContent-Length: 0\n"
		"no body\n.\n");
}

/* ---- Host ---- */

TEST(http_1_1_needs_one_host)
{
	REFUSED(requests, HOST_MISSING, "GET / HTTP/1.1\r\n\r\n");
	REFUSED(requests, HOST_MISSING, "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n");
	REFUSED(requests, HOST_MISSING, "GET http://a/ HTTP/1.1\r\n\r\n");
	REFUSED_FIELD(HOST_REPEATED, "Host: a");
	REFUSED_FIELD(HOST_REPEATED, "host: b");
	REFUSED(requests, HOST_REPEATED, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"GET / HTTP/1.1 keep\nHost: \nno body\n.\n");
}

TEST(a_host_that_is_none_is_refused)
{
#define REFUSED_HOST(host) REFUSED(requests, HOST, "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n")
	REFUSED_HOST("a b");
	REFUSED_HOST("a, b");
	REFUSED_HOST("a/b");
	REFUSED_HOST("a@b");
	REFUSED_HOST("user:pass@b");
	REFUSED_HOST("http://a");
	REFUSED_HOST("a?b");
	REFUSED_HOST("a#b");
	REFUSED_HOST("a%00b");
	REFUSED_HOST("a\\b");
	REFUSED_HOST("\xc3\xa4");
	REFUSED_HOST("..");
	REFUSED_HOST("a..b");
	REFUSED_HOST(".a");
	REFUSED_HOST("a:0");
	REFUSED_HOST("a:65536");
	REFUSED_HOST("a:80a");
	REFUSED_HOST("a:-1");
	REFUSED_HOST("a:80:80");
	REFUSED_HOST("[::1");
	REFUSED_HOST("[::g]");
	REFUSED_HOST("[::1]80");
	REFUSED_HOST("[127.0.0.1]");
	REFUSED_HOST("::1");
#undef REFUSED_HOST
}

/* ---- keep-alive ---- */

TEST(http_1_1_keeps_the_connection_unless_told)
{
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE ,bar\r\n\r\n",
		"GET / HTTP/1.1 close\n| authority=a\nHost: a\nConnection: foo, CLOSE ,bar\n"
		"no body\n.\n");
	LOGS(requests,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
		"GET / HTTP/1.1 close\n| authority=a\nHost: a\nConnection: close\n"
		"Connection: keep-alive\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nConnection: closed\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nConnection: \"a, close, b\"\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nConnection: \"a, close, b\"\n"
		"no body\n.\n");
}

TEST(http_1_0_closes_the_connection_unless_told)
{
	LOGS(requests, "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 close\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0 keep\nConnection: Keep-Alive\nno body\n.\n"
		"GET / HTTP/1.0 close\nno body\n.\n");
	LOGS(requests, "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
		"POST / HTTP/1.0 close\nContent-Length: 1\nbody \"x\"\n.\n");
}

/* ---- Expect, Upgrade ---- */

TEST(a_client_that_waits_for_100_is_told_apart)
{
	LOGS(requests,
		"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
		"PUT / HTTP/1.1 keep\n| expect authority=a\nHost: a\nExpect: 100-Continue\n"
		"Content-Length: 1\nbody \"x\"\n.\n");
	LOGS(requests, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
		"PUT / HTTP/1.1 keep\n| authority=a\nHost: a\nExpect: 100-continue\nno body\n.\n");
	LOGS(requests, "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
		"PUT / HTTP/1.0 close\nExpect: 100-continue\nContent-Length: 1\nbody \"x\"\n.\n");
}

TEST(an_expectation_that_is_not_known_is_refused)
{
	REFUSED_FIELD(EXPECT, "Expect: 200-ok");
	REFUSED_FIELD(EXPECT, "Expect: 100-continue, x");
	REFUSED_FIELD(EXPECT, "Expect: 100-continue\r\nExpect: 100-continue");
	REFUSED_FIELD(EXPECT, "Expect:");
}

TEST(an_upgrade_needs_both_fields_and_http_1_1)
{
	LOGS(requests,
		"GET / HTTP/1.1\r\nHost: a\r\n"
		"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1 keep\n| upgrade authority=a\nHost: a\n"
		"Connection: keep-alive, Upgrade\nUpgrade: websocket\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nUpgrade: websocket\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
		"GET / HTTP/1.1 keep\n| authority=a\nHost: a\nConnection: upgrade\nno body\n.\n");
	LOGS(requests, "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.0 close\nConnection: upgrade\nUpgrade: websocket\nno body\n.\n");
}

/* ---- responses ---- */

TEST(a_response_without_a_length_ends_with_the_connection)
{
	LOGS(responses, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK close\nbody \"HTTP/1.1 200 OK\r\n\r\n\"\neof\n");
	LOGS(responses, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.0 200 OK close\nConnection: keep-alive\nbody \"\"\neof\n");
}

TEST(a_response_may_be_chunked)
{
	LOGS(responses,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK keep\nTransfer-Encoding: chunked\nbody \"abc\"\n.\n");
	LOGS(responses, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
		"HTTP/1.1 200 OK keep\nTransfer-Encoding: chunked\nbody \"ab\"\nmore\n");
}

TEST(these_statuses_never_have_a_body)
{
	LOGS(responses,
		"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n"
		"HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n",
		"HTTP/1.1 204 No keep\nTransfer-Encoding: chunked\nno body\n.\n"
		"HTTP/1.1 304 No keep\nContent-Length: 7\nno body\n.\n");
	LOGS(responses, "HTTP/1.1 199 No\r\n\r\nHTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 199 No keep\nno body\n.\n"
		"HTTP/1.1 205 Reset keep\nContent-Length: 0\nno body\n.\n");
}

TEST(the_answer_to_head_has_a_length_but_no_body)
{
	struct http1_log_setup head = { .kind = HTTP1_LOG_RESPONSES, .method = HTTP_METHOD_HEAD };

	LOGS(head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK keep\nContent-Length: 5\nno body\n.\n"
		"HTTP/1.1 200 OK keep\nno body\n.\n");
	LOGS(head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK keep\nTransfer-Encoding: chunked\nno body\n.\n");
}

TEST(an_accepted_connect_and_a_switch_of_protocols_begin_a_tunnel)
{
	struct http1_log_setup connect = {
		.kind = HTTP1_LOG_RESPONSES,
		.method = HTTP_METHOD_CONNECT,
	};

	LOGS(connect, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16\x03\x01",
		"HTTP/1.1 200 OK close\nContent-Length: 5\ntunnel\n.\n");
	LOGS(connect, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 403 No keep\nContent-Length: 2\nbody \"no\"\n.\n");
	LOGS(responses,
		"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01x",
		"HTTP/1.1 101 S close\n| upgrade\nConnection: upgrade\nUpgrade: websocket\n"
		"tunnel\n.\n");
}

/* ---- finding fields ---- */

static const char many[] =
	"GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nX-Y: 1\r\naccept: c, d\r\nx-y: 2\r\n\r\n";

static struct http1_head parse_many(void)
{
	struct http1_parser parser;
	struct http1_head head;

	rota__http1_parser_init(&parser, NULL);
	CHECK_EQ(rota__http1_parse_request(&parser, many, sizeof(many) - 1, &head),
		sizeof(many) - 1);
	return head;
}

TEST(fields_are_found_by_number_in_their_order)
{
	struct http1_head head = parse_many();
	const struct http1_field *field = rota__http1_find(&head, HTTP_FIELD_ACCEPT, NULL);

	CHECK(http1_has(&head, HTTP_FIELD_ACCEPT));
	CHECK(span_equal(http1_value(&head, field), SPAN("b")));
	field = rota__http1_find(&head, HTTP_FIELD_ACCEPT, field);
	CHECK(span_equal(http1_value(&head, field), SPAN("c, d")));
	CHECK(rota__http1_find(&head, HTTP_FIELD_ACCEPT, field) == NULL);
	CHECK(span_equal(rota__http1_get(&head, HTTP_FIELD_ACCEPT), SPAN("b")));
	CHECK(!http1_has(&head, HTTP_FIELD_RANGE));
	CHECK(rota__http1_find(&head, HTTP_FIELD_RANGE, NULL) == NULL);
	CHECK(rota__http1_get(&head, HTTP_FIELD_RANGE).at == NULL);
}

TEST(fields_are_found_by_name_in_any_case)
{
	struct http1_head head = parse_many();

	CHECK(span_equal(rota__http1_get_named(&head, SPAN("x-Y")), SPAN("1")));
	CHECK(span_equal(rota__http1_get_named(&head, SPAN("HOST")), SPAN("a")));
	CHECK(rota__http1_get_named(&head, SPAN("x-")).at == NULL);
}

TEST(a_list_is_searched_over_all_lines_of_a_field)
{
	struct http1_head head = parse_many();

	CHECK(rota__http1_lists(&head, HTTP_FIELD_ACCEPT, SPAN("B")));
	CHECK(rota__http1_lists(&head, HTTP_FIELD_ACCEPT, SPAN("d")));
	CHECK(!rota__http1_lists(&head, HTTP_FIELD_ACCEPT, SPAN("c, d")));
	CHECK(!rota__http1_lists(&head, HTTP_FIELD_RANGE, SPAN("d")));
}
