/* http_server.c - what the server answers, and how: one request, many, large and small */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_support.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static int hello(struct rota_http_exchange *x, void *arg)
{
	return rota_http_reply(x, 200,
		ROTA_HTTP_HEADERS({ "Content-Type", "text/plain" }, { "X-One", "1" }), "Hello", 5);
}

/* ---- one request ---- */

static int one_request(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	CHECK_STR(h.body, "Hello");
	CHECK_STR(field(&h, "Content-Type"), "text/plain");
	CHECK_STR(field(&h, "X-One"), "1");
	CHECK_STR(field(&h, "Content-Length"), "5");
	CHECK(field(&h, "Connection") == NULL);
	CHECK(strncmp(h.head, "HTTP/1.1 200 OK\r\n", 17) == 0);
	CHECK_EQ(strlen(field(&h, "Date")), 29);
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_request_is_answered_with_status_fields_and_body)
{
	struct server server = { .handler = hello, .client = one_request };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 1);
	CHECK_EQ(server.stats.status[2], 1);
	CHECK_EQ(server.stats.connections, 1);
	CHECK_EQ(server.stats.bytes_in, strlen(GET));
	CHECK_EQ(server.result, -ECANCELED);
}

static int look_at_request(struct rota_http_exchange *x, void *arg)
{
	struct rota_http_header header;

	CHECK_STR(rota_http_method(x), "BREW");
	CHECK(rota_http_method_is(x, "BREW") && !rota_http_method_is(x, "brew"));
	CHECK_STR(rota_http_target(x), "/a%20b//./c?d=%20e");
	CHECK_STR(rota_http_path(x), "/a b/c");
	CHECK_STR(rota_http_path(x), "/a b/c");
	CHECK_STR(rota_http_query(x), "d=%20e");
	CHECK_STR(rota_http_target(x), "/a%20b//./c?d=%20e");
	CHECK_EQ(rota_http_minor_version(x), 1);
	CHECK_STR(rota_http_header(x, "host"), "tea.pot");
	CHECK_STR(rota_http_header(x, "X-Padded"), "two words");
	CHECK_STR(rota_http_header(x, "X-Empty"), "");
	CHECK(rota_http_header(x, "X-None") == NULL);
	CHECK(rota_http_header_at(x, 0, &header));
	CHECK_STR(header.name, "Host");
	CHECK_STR(header.value, "tea.pot");
	CHECK(rota_http_header_at(x, 2, &header));
	CHECK_STR(header.name, "X-Empty");
	CHECK(!rota_http_header_at(x, 3, &header));
	CHECK_EQ(rota_http_body_size(x), 0);
	return rota_http_reply_text(x, 418, "short and stout");
}

static int odd_request(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "BREW /a%20b//./c?d=%20e HTTP/1.1\r\nHost: tea.pot\r\nX-Padded: \t two words \t\r\n"
	       "X-Empty:\r\n\r\n");
	hear(s, &h, false);
	CHECK_EQ(h.status, 418);
	CHECK_STR(h.body, "short and stout");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_handler_sees_method_target_path_query_and_fields)
{
	struct server server = { .handler = look_at_request, .client = odd_request };

	server_run(&server);
	CHECK_EQ(server.stats.status[4], 1);
}

static int say_path(struct rota_http_exchange *x, void *arg)
{
	const char *path = rota_http_path(x);

	return rota_http_reply_text(x, 200, path != NULL ? path : "(none)");
}

static int unsafe_paths(struct server *server)
{
	static const char *const targets[] = { "/../etc/passwd", "/a/../../b", "/%2e%2e/x",
		"/a%2fb", "/a%00b", "/a%5c..%5cb", "/%zz" };
	struct rota_stream *s = dial(server);
	char request[256];
	struct heard h;

	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
		say(s, request);
		hear(s, &h, false);
		CHECK_STR(h.body, "(none)");
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(a_path_that_is_not_safe_is_none)
{
	struct server server = { .handler = say_path, .client = unsafe_paths };

	server_run(&server);
}

static int in_single_bytes(struct server *server)
{
	static const char request[] =
		"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"4\r\nWiki\r\n6;a=b\r\npedia.\r\n0\r\nX-Trailer: t\r\n\r\n" GET;
	struct rota_stream *s = dial(server);
	struct heard h;

	for (size_t i = 0; i < sizeof request - 1; i++) {
		say_bytes(s, request + i, 1);
		for (int j = 0; j < 4; j++) /* let the server have this byte alone */
			rota_yield();
	}
	for (int i = 0; i < 2; i++) {
		hear(s, &h, false);
		CHECK_EQ(h.status, 200);
		CHECK_STR(h.body, "Hello");
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

static int hello_after_body(struct rota_http_exchange *x, void *arg)
{
	char body[64] = "";
	size_t size = 0;
	ssize_t n;

	while ((n = rota_http_read_body(x, body + size, sizeof body - 1 - size)) > 0)
		size += (size_t)n;
	CHECK_EQ(n, 0);
	if (rota_http_method_is(x, "POST"))
		CHECK_STR(body, "Wikipedia.");
	return hello(x, arg);
}

TEST(requests_that_come_in_single_bytes_are_understood)
{
	struct server server = { .handler = hello_after_body, .client = in_single_bytes };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 2);
}

/* ---- many requests ---- */

static int twice(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	for (int i = 0; i < 3; i++) {
		say(s, GET);
		hear(s, &h, false);
		CHECK_STR(h.body, "Hello");
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(a_connection_is_kept_for_the_next_request)
{
	struct server server = { .handler = hello, .client = twice };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 3);
	CHECK_EQ(server.stats.connections, 1);
}

static int number(struct rota_http_exchange *x, void *arg)
{
	return rota_http_reply_text(x, 200, rota_http_path(x));
}

static int pipeline(struct server *server)
{
	enum { DEPTH = 64 };
	struct rota_stream *s = dial(server);
	struct tcp_info info;
	socklen_t size = sizeof info;
	char requests[DEPTH * 64] = "";
	struct heard h;

	for (int i = 0; i < DEPTH; i++)
		sprintf(requests + strlen(requests), "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
	say(s, requests);
	for (int i = 0; i < DEPTH; i++) {
		char path[16];

		hear(s, &h, false);
		snprintf(path, sizeof path, "/%d", i);
		CHECK_STR(h.body, path);
		heard_free(&h);
	}
	CHECK_EQ(getsockopt(rota_stream_fd(s), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	/* qemu-user hands over an older, shorter struct. */
	CHECK(info.tcpi_data_segs_in == 1 || test_in_qemu());
	rota_close(s);
	return 0;
}

TEST(pipelined_requests_are_answered_in_order_and_in_one_write)
{
	struct server server = { .handler = number, .client = pipeline };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 64);
}

static int pipeline_beyond_buffers(struct server *server)
{
	enum { COUNT = 5000 }; /* 150 KB of requests, 800 KB of answers */
	static char requests[COUNT * 40];
	struct rota_stream *s = dial(server);
	struct heard h;

	for (int i = 0; i < COUNT; i++)
		sprintf(requests + strlen(requests), "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
	say(s, requests);
	for (int i = 0; i < COUNT; i++) {
		char path[16];

		hear(s, &h, false);
		snprintf(path, sizeof path, "/%d", i);
		CHECK_STR(h.body, path);
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(a_pipeline_longer_than_all_buffers_is_answered)
{
	struct server server = { .handler = number, .client = pipeline_beyond_buffers };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 5000);
}

static int wait_on_second(struct rota_http_exchange *x, void *arg)
{
	struct server *server = arg;

	if (strcmp(rota_http_path(x), "/second") == 0)
		event_wait(server->arg);
	return number(x, arg);
}

static int first_then_second(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(s, &h, false);
	CHECK_STR(h.body, "/first");
	heard_free(&h);
	event_happen(server->arg);
	hear(s, &h, false);
	CHECK_STR(h.body, "/second");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(an_answer_does_not_wait_for_the_handler_of_the_next_request)
{
	struct event event = { 0 };
	struct server server = {
		.handler = wait_on_second, .client = first_then_second, .arg = &event
	};

	server_run(&server);
	CHECK_EQ(server.stats.requests, 2);
}

static int ask_for_close(struct server *server)
{
	CHECK_EQ(ask(server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
	CHECK_EQ(ask(server, "GET / HTTP/1.0\r\n\r\n"), 200);
	return 0;
}

TEST(a_connection_is_closed_when_the_request_says_so_or_is_http_1_0)
{
	struct server server = { .handler = hello, .client = ask_for_close };

	server_run(&server);
	CHECK_EQ(server.stats.connections, 2);
}

static int keep_1_0(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	for (int i = 0; i < 2; i++) {
		say(s, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
		hear(s, &h, false);
		CHECK_STR(field(&h, "Connection"), "keep-alive");
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(an_http_1_0_client_may_ask_to_keep_the_connection)
{
	struct server server = { .handler = hello, .client = keep_1_0 };

	server_run(&server);
	CHECK_EQ(server.stats.connections, 1);
}

static int close_after(struct rota_http_exchange *x, void *arg)
{
	rota_http_close_after(x);
	return hello(x, arg);
}

static int two_of_which_one_is_answered(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET GET);
	hear(s, &h, false);
	CHECK_STR(field(&h, "Connection"), "close");
	heard_free(&h);
	hear_end(s);
	rota_close(s);
	return 0;
}

TEST(a_handler_may_close_the_connection_and_later_requests_are_not_answered)
{
	struct server server = { .handler = close_after, .client = two_of_which_one_is_answered };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 1);
}

/* ---- answers ---- */

static int head_of_hello(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET);
	hear(s, &h, true);
	CHECK_STR(field(&h, "Content-Length"), "5");
	heard_free(&h);
	hear(s, &h, false);
	CHECK_STR(h.body, "Hello");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(head_has_the_length_but_not_the_body)
{
	struct server server = { .handler = hello, .client = head_of_hello };

	server_run(&server);
}

static int no_content(struct rota_http_exchange *x, void *arg)
{
	CHECK_EQ(rota_http_reply(x, 204, NULL, "x", 1), -EINVAL);
	CHECK_EQ(rota_http_reply(x, 199, NULL, "x", 1), -EINVAL);
	CHECK_EQ(rota_http_reply(x, 1000, NULL, "x", 1), -EINVAL);
	return rota_http_reply(x, 204, NULL, NULL, 0);
}

static int hear_no_content(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET);
	hear(s, &h, false);
	CHECK_EQ(h.status, 204);
	CHECK(field(&h, "Content-Length") == NULL);
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_status_without_a_body_has_none)
{
	struct server server = { .handler = no_content, .client = hear_no_content };

	server_run(&server);
}

static int bad_headers(struct rota_http_exchange *x, void *arg)
{
	static const struct rota_http_header bad[][2] = {
		{ { "X", "a\r\nSet-Cookie: b" }, { NULL, NULL } },
		{ { "X\r\nY", "a" }, { NULL, NULL } },
		{ { "X Y", "a" }, { NULL, NULL } },
		{ { "", "a" }, { NULL, NULL } },
		{ { "content-length", "7" }, { NULL, NULL } },
		{ { "Transfer-Encoding", "chunked" }, { NULL, NULL } },
		{ { "Connection", "close" }, { NULL, NULL } },
		{ { "Date", "now" }, { NULL, NULL } },
		{ { "Server", "mine" }, { NULL, NULL } },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_EQ(rota_http_reply(x, 200, bad[i], "x", 1), -EINVAL);
		CHECK_EQ(rota_http_begin(x, 200, bad[i], -1), -EINVAL);
	}
	CHECK_EQ(rota_http_reply_text(x, 200, "fine"), 0);
	CHECK_EQ(rota_http_reply_text(x, 200, "again"), -EALREADY);
	CHECK_EQ(rota_http_begin(x, 200, NULL, -1), -EALREADY);
	CHECK_EQ(rota_http_write(x, "x", 1), -EINVAL);
	CHECK_EQ(rota_http_end(x), -EINVAL);
	return 0;
}

static int hear_fine(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET GET);
	for (int i = 0; i < 2; i++) {
		hear(s, &h, false);
		CHECK_STR(h.body, "fine");
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(headers_that_would_break_the_answer_are_refused_and_the_answer_can_still_be_given)
{
	struct server server = { .handler = bad_headers, .client = hear_fine };

	server_run(&server);
}

static int too_many_headers(struct rota_http_exchange *x, void *arg)
{
	static char value[20000];
	int rc;

	memset(value, 'v', sizeof value - 1);
	rc = rota_http_reply(x, 200, ROTA_HTTP_HEADERS({ "X", value }), "x", 1);
	CHECK_EQ(rc, -ENOBUFS);
	return rc;
}

static int hear_500(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET GET);
	for (int i = 0; i < 2; i++) {
		hear(s, &h, false);
		CHECK_EQ(h.status, 500);
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(a_handler_that_does_not_answer_is_answered_for)
{
	struct server server = { .handler = too_many_headers, .client = hear_500 };

	server_run(&server);
	CHECK_EQ(server.stats.status[5], 2);
}

enum { LARGE = 3 * 1024 * 1024 };

static char *pattern(size_t size)
{
	char *bytes = malloc(size + 1);

	CHECK(bytes != NULL);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i % 23 + i / 23 % 3);
	bytes[size] = '\0';
	return bytes;
}

static int reply_large(struct rota_http_exchange *x, void *arg)
{
	struct server *server = arg;

	return rota_http_reply(x, 200, NULL, server->arg, LARGE);
}

static int hear_large(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET GET);
	for (int i = 0; i < 2; i++) {
		hear(s, &h, false);
		CHECK_EQ(h.size, LARGE);
		CHECK(memcmp(h.body, server->arg, LARGE) == 0);
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(a_large_body_arrives_whole)
{
	struct server server = {
		.handler = reply_large, .client = hear_large, .arg = pattern(LARGE)
	};

	server_run(&server);
	CHECK(server.stats.bytes_out > 2 * LARGE);
	free(server.arg);
}

static int file_of(const char *bytes, size_t size)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, bytes, size), size);
	return fd;
}

struct files {
	char *bytes;
	int fd;
};

static int reply_file(struct rota_http_exchange *x, void *arg)
{
	struct files *files = ((struct server *)arg)->arg;
	unsigned long offset, size;

	CHECK_EQ(sscanf(rota_http_query(x), "%lu-%lu", &offset, &size), 2);
	return rota_http_reply_file(x, 200, NULL, files->fd, offset, size);
}

static int hear_files(struct server *server)
{
	static const size_t parts[][2] = { { 0, LARGE }, { 0, 1 }, { LARGE - 1, 1 }, { 5, 0 },
		{ 1000, 16 * 1024 }, { 7, 100 * 1024 }, { 0, 16 * 1024 - 200 } };
	struct files *files = server->arg;
	struct rota_stream *s = dial(server);
	char request[128];
	struct heard h;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		/* Two at once: the second goes out behind gathered bytes. */
		for (int j = 0; j < 2; j++) {
			snprintf(request, sizeof request,
				"%s /?%zu-%zu HTTP/1.1\r\nHost: x\r\n\r\n", j == 0 ? "HEAD" : "GET",
				parts[i][0], parts[i][1]);
			say(s, request);
		}
		hear(s, &h, true);
		CHECK_EQ(strtoul(field(&h, "Content-Length"), NULL, 10), parts[i][1]);
		heard_free(&h);
		hear(s, &h, false);
		CHECK_EQ(h.size, parts[i][1]);
		CHECK(memcmp(h.body, files->bytes + parts[i][0], h.size) == 0);
		heard_free(&h);
	}
	rota_close(s);
	return 0;
}

TEST(parts_of_a_file_arrive_as_they_are)
{
	struct files files = { .bytes = pattern(LARGE) };
	struct server server = { .handler = reply_file, .client = hear_files, .arg = &files };

	files.fd = file_of(files.bytes, LARGE);
	server_run(&server);
	close(files.fd);
	free(files.bytes);
}

static int hear_cut_file(struct server *server)
{
	struct rota_stream *s = dial(server);
	char buf[4096];
	struct heard h;
	ssize_t n;
	size_t size = 0;

	say(s, "GET /?0-3145729 HTTP/1.1\r\nHost: x\r\n\r\n"); /* one byte more than there is */
	hear(s, &h, true);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	while ((n = rota_read(s, buf, sizeof buf)) > 0)
		size += (size_t)n;
	CHECK(n == 0 || n == -ECONNRESET);
	CHECK(size <= LARGE);
	rota_close(s);
	return 0;
}

TEST(a_file_that_is_shorter_than_promised_cuts_the_connection)
{
	struct files files = { .bytes = pattern(LARGE) };
	struct server server = { .handler = reply_file, .client = hear_cut_file, .arg = &files };

	files.fd = file_of(files.bytes, LARGE);
	server_run(&server);
	close(files.fd);
	free(files.bytes);
}

/* ---- answers in pieces ---- */

static int pieces(struct rota_http_exchange *x, void *arg)
{
	bool known = strcmp(rota_http_path(x), "/known") == 0;

	CHECK_EQ(rota_http_begin(x, 200, NULL, known ? 11 : -1), 0);
	CHECK_EQ(rota_http_write(x, "Hello", 5), 0);
	CHECK_EQ(rota_http_write(x, "", 0), 0);
	CHECK_EQ(rota_http_write(x, " World", 6), 0);
	if (known)
		CHECK_EQ(rota_http_write(x, "!", 1), -EMSGSIZE);
	CHECK_EQ(rota_http_end(x), 0);
	return 0;
}

static int hear_pieces(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET "GET /known HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET);
	hear(s, &h, false);
	CHECK_STR(field(&h, "Transfer-Encoding"), "chunked");
	CHECK_STR(h.body, "Hello World");
	heard_free(&h);
	hear(s, &h, false);
	CHECK_STR(field(&h, "Content-Length"), "11");
	CHECK_STR(h.body, "Hello World");
	heard_free(&h);
	hear(s, &h, true);
	heard_free(&h);
	hear(s, &h, false);
	CHECK_STR(h.body, "Hello World");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(an_answer_in_pieces_is_chunked_or_has_its_length)
{
	struct server server = { .handler = pieces, .client = hear_pieces };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 4);
}

static int hear_pieces_1_0(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	hear(s, &h, false);
	CHECK(field(&h, "Transfer-Encoding") == NULL);
	CHECK(field(&h, "Content-Length") == NULL);
	CHECK_STR(field(&h, "Connection"), "close");
	CHECK_STR(h.body, "Hello World");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(an_answer_of_unknown_length_to_http_1_0_ends_with_the_connection)
{
	struct server server = { .handler = pieces, .client = hear_pieces_1_0 };

	server_run(&server);
}

static int fail_in_the_middle(struct rota_http_exchange *x, void *arg)
{
	CHECK_EQ(rota_http_begin(x, 200, NULL, -1), 0);
	CHECK_EQ(rota_http_write(x, "Hello", 5), 0);
	return -EIO;
}

static int too_little(struct rota_http_exchange *x, void *arg)
{
	CHECK_EQ(rota_http_begin(x, 200, NULL, 6), 0);
	CHECK_EQ(rota_http_write(x, "Hello", 5), 0);
	CHECK_EQ(rota_http_end(x), -EMSGSIZE);
	return 0;
}

static int hear_a_cut(struct server *server)
{
	struct rota_stream *s = dial(server);
	char buf[4096];
	ssize_t n;

	say(s, GET);
	while ((n = rota_read(s, buf, sizeof buf)) > 0)
		;
	CHECK_EQ(n, -ECONNRESET);
	rota_close(s);
	return 0;
}

TEST(a_handler_that_fails_in_the_middle_cuts_the_connection)
{
	struct server server = { .handler = fail_in_the_middle, .client = hear_a_cut };

	server_run(&server);
}

TEST(an_answer_that_stays_shorter_than_promised_cuts_the_connection)
{
	struct server server = { .handler = too_little, .client = hear_a_cut };

	server_run(&server);
}

static int never_ends(struct rota_http_exchange *x, void *arg)
{
	CHECK_EQ(rota_http_begin(x, 200, NULL, -1), 0);
	return rota_http_write(x, "Hello", 5);
}

static int hear_it_ended(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET);
	hear(s, &h, false);
	CHECK_STR(h.body, "Hello");
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(an_answer_whose_handler_forgot_to_end_it_is_ended)
{
	struct server server = { .handler = never_ends, .client = hear_it_ended };

	server_run(&server);
}

/* ---- logs ---- */

static struct rota_http_done last_done;

static void note_done(struct rota_http_exchange *x, const struct rota_http_done *done, void *arg)
{
	last_done = *done;
	if (!done->refused)
		CHECK_STR(rota_http_target(x), "/");
	CHECK_STR(rota_http_method(x), done->refused ? "" : "GET");
}

static int log_client(struct server *server)
{
	CHECK_EQ(ask(server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
	CHECK_EQ(last_done.status, 200);
	CHECK_EQ(last_done.body_bytes, 5);
	CHECK(!last_done.refused);
	CHECK_EQ(ask(server, "nonsense\r\n\r\n"), 400);
	CHECK_EQ(last_done.status, 400);
	CHECK(last_done.refused);
	return 0;
}

TEST(every_exchange_is_told_when_it_is_over)
{
	struct server server = {
		.handler = hello, .client = log_client, .options = { .on_done = note_done }
	};

	server_run(&server);
	CHECK_EQ(server.stats.refused, 1);
}

static int options_that_make_no_sense(void *arg)
{
	struct rota_listener *door;

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_http_serve(
			 door, hello, NULL, &(struct rota_http_options){ .headers_max = 101 }),
		-EINVAL);
	CHECK_EQ(rota_http_serve(door, hello, NULL,
			 &(struct rota_http_options){ .head_bytes_max = 1024 * 1024 + 1 }),
		-EINVAL);
	CHECK_EQ(rota_http_serve(
			 door, hello, NULL, &(struct rota_http_options){ .server_name = "a\r\nb" }),
		-EINVAL);
	rota_listener_close(door);
	return 0;
}

TEST(options_that_make_no_sense_are_refused)
{
	CHECK_EQ(rota_run(options_that_make_no_sense, NULL, NULL), 0);
	CHECK_EQ(rota_http_serve(NULL, hello, NULL, NULL), -EPERM);
}
