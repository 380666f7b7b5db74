/* http_bodies.c - bodies of requests: read, limited, left alone, held back */
#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "http_support.h"

/* Answers with how many bytes came and their sum, or with the error as text. */
static int count_body(struct rota_http_exchange *x, void *arg)
{
	unsigned long size = 0, sum = 0;
	char buf[1000], text[64];
	ssize_t n;

	while ((n = rota_http_read_body(x, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, size++)
			sum += (unsigned char)buf[i];
	CHECK_EQ(rota_http_read_body(x, buf, sizeof buf), n); /* the end stays the end */
	if (n < 0)
		return (int)n;
	snprintf(text, sizeof text, "%lu %lu", size, sum);
	return rota_http_reply_text(x, 200, text);
}

static void check_answer(struct rota_stream *s, const char *body)
{
	struct heard h;

	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	CHECK_STR(h.body, body);
	heard_free(&h);
}

static int say_bodies(struct server *server)
{
	struct rota_stream *s = dial(server);

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
	       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	       "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	       "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
	       "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n");
	check_answer(s, "3 294");
	check_answer(s, "0 0");
	check_answer(s, "0 0");
	check_answer(s, "3 294");
	check_answer(s, "0 0");
	rota_close(s);
	return 0;
}

TEST(bodies_with_length_and_in_chunks_are_read)
{
	struct server server = { .handler = count_body, .client = say_bodies };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 5);
}

enum { LARGE = 40 * 1024 * 1024 };

static int say_large(struct server *server)
{
	struct rota_stream *s = dial(server);
	char head[128], *bytes = malloc(LARGE), expected[64];

	CHECK(bytes != NULL);
	memset(bytes, 1, LARGE);
	snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		LARGE);
	say(s, head);
	say_bytes(s, bytes, LARGE);
	snprintf(expected, sizeof expected, "%d %d", LARGE, LARGE);
	check_answer(s, expected);
	say(s, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int left = LARGE, chunk = 1; left > 0; left -= chunk, chunk = chunk * 3 + 1) {
		if (chunk > left)
			chunk = left;
		snprintf(head, sizeof head, "%x\r\n", chunk);
		say(s, head);
		say_bytes(s, bytes, (size_t)chunk);
		say(s, "\r\n");
	}
	say(s, "0\r\n\r\n");
	check_answer(s, expected);
	free(bytes);
	rota_close(s);
	return 0;
}

static int count_unlimited(struct rota_http_exchange *x, void *arg)
{
	CHECK_EQ(rota_http_limit_body(x, ROTA_HTTP_UNLIMITED), 0);
	return count_body(x, arg);
}

TEST(a_large_body_is_read_whole)
{
	struct server server = { .handler = count_unlimited, .client = say_large };

	server_run(&server);
	CHECK_EQ(server.stats.status[2], 2);
}

/* ---- holding back ---- */

struct held_back {
	uint64_t said;  /* by the client so far */
	uint64_t ahead; /* the most it was ahead of the handler */
};

static int read_slowly(struct rota_http_exchange *x, void *arg)
{
	struct held_back *held = ((struct server *)arg)->arg;
	static char buf[64 * 1024];
	uint64_t heard = 0, said;
	ssize_t n;

	CHECK_EQ(rota_http_limit_body(x, ROTA_HTTP_UNLIMITED), 0);
	while ((n = rota_http_read_body(x, buf, sizeof buf)) > 0) {
		heard += (uint64_t)n;
		for (int i = 0; i < 8; i++) /* the client may run ahead as far as it can */
			rota_yield();
		said = load_relaxed(&held->said);
		if (said > heard + held->ahead)
			held->ahead = said - heard;
	}
	CHECK_EQ(n, 0);
	return rota_http_reply_text(x, 200, "done");
}

static int say_fast(struct server *server)
{
	enum { PIECE = 64 * 1024, PIECES = 4096 }; /* 256 MiB */
	struct held_back *held = server->arg;
	struct rota_stream *s = dial(server);
	char *piece = calloc(1, PIECE), head[128];

	snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		PIECE * PIECES);
	say(s, head);
	for (int i = 0; i < PIECES; i++) {
		say_bytes(s, piece, PIECE);
		add_relaxed(&held->said, PIECE);
	}
	check_answer(s, "done");
	free(piece);
	rota_close(s);
	return 0;
}

TEST(a_peer_that_sends_faster_than_the_handler_reads_is_held_back)
{
	struct held_back held = { 0 };
	struct server server = { .handler = read_slowly, .client = say_fast, .arg = &held };

	server_run(&server);
	/* What the two sockets hold (tcp_wmem, tcp_rmem), but not the body. */
	CHECK(held.ahead < 64 * 1024 * 1024);
}

/* ---- 100 Continue ---- */

static int say_after_100(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	hear(s, &h, true);
	CHECK_EQ(h.status, 100);
	CHECK_STR(h.head, "HTTP/1.1 100 Continue\r\n\r\n");
	heard_free(&h);
	say(s, "abc");
	check_answer(s, "3 294");
	/* Who does not wait gets none. */
	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: "
	       "100-continue\r\n\r\nabc");
	check_answer(s, "3 294");
	rota_close(s);
	return 0;
}

TEST(a_peer_that_waits_is_told_to_go_on_when_the_body_is_read)
{
	struct server server = { .handler = count_body, .client = say_after_100 };

	server_run(&server);
}

static int not_wanted(struct rota_http_exchange *x, void *arg)
{
	return rota_http_reply_text(x, 403, "no");
}

static int hear_403(struct server *server)
{
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
			     "Expect: 100-continue\r\n\r\n"),
		403);
	return 0;
}

TEST(a_peer_that_waits_is_not_told_to_go_on_when_the_body_is_not_wanted)
{
	struct server server = { .handler = not_wanted, .client = hear_403 };

	server_run(&server);
}

/* ---- limits ---- */

static int too_long(struct server *server)
{
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"), 413);
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n"
			     "Expect: 100-continue\r\n\r\n"),
		413);
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n"),
		413);
	return 0;
}

static int just_fits(struct server *server)
{
	struct rota_stream *s = dial(server);

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\naaaaaaaaaa"
	       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "6\r\naaaaaa\r\n4\r\naaaa\r\n0\r\n\r\n");
	check_answer(s, "10 970");
	check_answer(s, "10 970");
	rota_close(s);
	return 0;
}

TEST(a_body_longer_than_the_limit_is_refused)
{
	struct server server = {
		.handler = count_body, .client = too_long, .options = { .body_bytes_max = 10 }
	};

	server_run(&server);
	CHECK_EQ(server.stats.status[4], 3);
}

TEST(a_body_as_long_as_the_limit_is_taken)
{
	struct server server = {
		.handler = count_body, .client = just_fits, .options = { .body_bytes_max = 10 }
	};

	server_run(&server);
}

static int own_limit(struct rota_http_exchange *x, void *arg)
{
	char byte;

	CHECK_EQ(rota_http_limit_body(x, 2), rota_http_body_size(x) == -1 ? 0 : ROTA_ELIMIT);
	if (rota_http_body_size(x) == -1) {
		CHECK_EQ(rota_http_read_body(x, &byte, 1), 1);
		CHECK_EQ(rota_http_limit_body(x, 5), -EBUSY);
		while (rota_http_read_body(x, &byte, 1) > 0)
			;
	}
	CHECK_EQ(rota_http_read_body(x, &byte, 1), ROTA_ELIMIT);
	return ROTA_ELIMIT;
}

static int three_bytes(struct server *server)
{
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), 413);
	CHECK_EQ(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
		413);
	return 0;
}

TEST(a_handler_may_set_a_limit_of_its_own)
{
	struct server server = { .handler = own_limit, .client = three_bytes };

	server_run(&server);
}

static int bad_chunks(struct server *server)
{
	static const char head[] =
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char *const bodies[] = { "x\r\n", "5\r\nabcdeX\r\n", "-1\r\n",
		"0x5\r\nabcde\r\n", "5\nabcde\r\n", "11111111111111111\r\n", " 5\r\nabcde\r\n",
		"5 \x01\r\nabcde\r\n" };
	char request[256];

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		snprintf(request, sizeof request, "%s%s", head, bodies[i]);
		CHECK_EQ(ask(server, request), 400);
	}
	return 0;
}

TEST(chunks_that_are_none_are_refused)
{
	struct server server = { .handler = count_body, .client = bad_chunks };

	server_run(&server);
}

/* ---- bodies that nobody reads ---- */

static int leave_alone(struct rota_http_exchange *x, void *arg)
{
	return rota_http_reply_text(x, 200, "as you like");
}

static int say_unread(struct server *server)
{
	struct rota_stream *s = dial(server);
	char *bytes = calloc(1, 64 * 1024);

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
	       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
	       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
	check_answer(s, "as you like");
	check_answer(s, "as you like");
	say_bytes(s, bytes, 64 * 1024);
	check_answer(s, "as you like");
	say(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check_answer(s, "as you like");
	free(bytes);
	rota_close(s);
	return 0;
}

TEST(a_short_body_that_nobody_read_is_thrown_away_and_the_connection_goes_on)
{
	struct server server = { .handler = leave_alone, .client = say_unread };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 4);
	CHECK_EQ(server.stats.connections, 1);
}

static int say_long_unread(struct server *server)
{
	enum { SIZE = 200 * 1024 };
	struct rota_stream *s = dial(server);
	char *bytes = calloc(1, SIZE);
	struct heard h;

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
	/* The answer is there and stays there, although we go on sending into the closing
	 * connection. */
	say_bytes(s, bytes, SIZE);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	CHECK_STR(field(&h, "Connection"), "close");
	heard_free(&h);
	hear_end(s);
	free(bytes);
	rota_close(s);
	return 0;
}

TEST(a_long_body_that_nobody_read_ends_the_connection_but_not_the_answer)
{
	struct server server = { .handler = leave_alone, .client = say_long_unread };

	server_run(&server);
	CHECK_EQ(server.stats.resets, 0);
}

/* ---- both ways at once ---- */

static int echo(struct rota_http_exchange *x, void *arg)
{
	char buf[3000];
	ssize_t n = 0;
	int rc = rota_http_limit_body(x, ROTA_HTTP_UNLIMITED);

	CHECK_EQ(rc, 0);
	rc = rota_http_begin(x, 200, NULL, -1);
	while (rc == 0 && (n = rota_http_read_body(x, buf, sizeof buf)) > 0)
		rc = rota_http_write(x, buf, (size_t)n);
	CHECK_EQ(n, 0);
	return rc == 0 ? rota_http_end(x) : rc;
}

static int say_much(void *arg)
{
	struct rota_stream *s = arg;
	char chunk[5000], line[16];

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 1; i < 3000; i++) {
		memset(chunk, 'a' + i % 26, sizeof chunk);
		snprintf(line, sizeof line, "%x\r\n", i);
		say(s, line);
		say_bytes(s, chunk, (size_t)i);
		say(s, "\r\n");
	}
	say(s, "0\r\n\r\n");
	return 0;
}

static int both_ways(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct rota_scope scope;
	struct heard h;
	size_t at = 0;

	rota_scope_open(&scope);
	rota_spawn(&scope, say_much, s);
	hear(s, &h, false);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(h.size, 2999 * 3000 / 2);
	for (int i = 1; i < 3000; i++)
		for (int j = 0; j < i; j++)
			if (h.body[at++] != 'a' + i % 26)
				test_fail(__FILE__, __LINE__, "byte %zu is wrong", at - 1);
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_chunked_body_can_be_answered_with_a_chunked_body_while_it_comes)
{
	struct server server = { .handler = echo, .client = both_ways };

	server_run(&server);
}
