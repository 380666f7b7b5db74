/* http_limits.c - peers that are wrong, too much, too slow or gone; and stopping */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/atomic.h"
#include "http_support.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static int hello(struct rota_http_exchange *x, void *arg)
{
	return rota_http_reply_text(x, 200, "Hello");
}

/* ---- wrong ---- */

struct refusal {
	int status;
	const char *request;
};

static const struct refusal refusals[] = {
	{ 400, "\r\n\r\n\r\n" },
	{ 400, "GET\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n\r\n" }, /* no Host */
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\nHost: x\n\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n" },
	{ 400, "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" },
	{ 400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
	{ 400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n" },
	{ 400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na" },
	{ 400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n" },
	{ 400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n" },
	{ 501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
	{ 505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n" },
	{ 417, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n" },
	{ 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n" },
};

enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

static int say_wrong(struct server *server)
{
	for (int i = 0; i < REFUSALS; i++) {
		int status = ask(server, refusals[i].request);

		if (status != refusals[i].status)
			test_fail(__FILE__, __LINE__, "%d instead of %d for: %s", status,
				refusals[i].status, refusals[i].request);
	}
	return 0;
}

TEST(what_is_not_http_is_refused_with_the_right_status_and_closed)
{
	struct server server = { .handler = hello, .client = say_wrong };

	server_run(&server);
	CHECK_EQ(server.stats.refused, REFUSALS);
	CHECK_EQ(server.stats.requests, REFUSALS);
}

static int right_then_wrong(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET "nonsense\r\n\r\n" GET);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	hear(s, &h, false);
	CHECK_EQ(h.status, 400);
	heard_free(&h);
	hear_end(s);
	rota_close(s);
	return 0;
}

TEST(requests_before_a_wrong_one_are_answered_and_those_behind_it_are_not)
{
	struct server server = { .handler = hello, .client = right_then_wrong };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 2);
}

/* ---- too much ---- */

/* A request whose head has `bytes` bytes in all. */
static char *head_of(size_t bytes)
{
	static const char begin[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
	char *text = malloc(bytes + 1);
	size_t at = sizeof begin - 1;

	memcpy(text, begin, at);
	memset(text + at, 'v', bytes - 4 - at);
	memcpy(text + bytes - 4, "\r\n\r\n", 5);
	return text;
}

static char *target_of(size_t bytes)
{
	char *text = malloc(bytes + 64), *target = calloc(1, bytes + 1);

	memset(target, 'a', bytes);
	target[0] = '/';
	sprintf(text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target);
	free(target);
	return text;
}

static char *fields_of(int count)
{
	char *text = malloc(64 + (size_t)count * 16);
	size_t at = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: x\r\n");

	for (int i = 1; i < count; i++)
		at += (size_t)sprintf(text + at, "X-%d: y\r\n", i);
	strcpy(text + at, "\r\n");
	return text;
}

static void check_fits(struct server *server, char *request)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, request);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	rota_close(s);
	free(request);
}

static void check_refused(struct server *server, char *request, int status)
{
	CHECK_EQ(ask(server, request), status);
	free(request);
}

static int say_too_much(struct server *server)
{
	check_fits(server, head_of(16 * 1024));
	check_refused(server, head_of(16 * 1024 + 1), 431);
	check_refused(server, head_of(200 * 1024), 431);
	check_fits(server, target_of(8000));
	check_refused(server, target_of(8001), 414);
	check_fits(server, fields_of(100));
	check_refused(server, fields_of(101), 431);
	return 0;
}

TEST(heads_are_taken_up_to_their_limits_and_refused_beyond)
{
	struct server server = { .handler = hello, .client = say_too_much };

	server_run(&server);
	CHECK_EQ(server.stats.status[2], 3);
	CHECK_EQ(server.stats.status[4], 4);
}

static int say_against_own_limits(struct server *server)
{
	check_fits(server, head_of(200));
	check_refused(server, head_of(201), 431);
	check_fits(server, target_of(50));
	check_refused(server, target_of(51), 414);
	check_fits(server, fields_of(3));
	check_refused(server, fields_of(4), 431);
	return 0;
}

TEST(limits_can_be_set)
{
	struct server server = { .handler = hello,
		.client = say_against_own_limits,
		.options = { .head_bytes_max = 200, .target_bytes_max = 50, .headers_max = 3 } };

	server_run(&server);
}

static int connect_three(struct server *server)
{
	struct rota_stream *a = dial(server), *b = dial(server), *c = dial(server);
	struct heard h;

	say(a, GET);
	say(b, GET);
	say(c, GET);
	hear(a, &h, false);
	heard_free(&h);
	hear(b, &h, false);
	heard_free(&h);
	CHECK_EQ(load_relaxed(&server->stats.connections), 2);
	CHECK_EQ(load_relaxed(&server->stats.connections_open), 2);
	rota_close(a);
	hear(c, &h, false);
	heard_free(&h);
	CHECK_EQ(load_relaxed(&server->stats.connections), 3);
	CHECK_EQ(load_relaxed(&server->stats.connections_open), 2);
	rota_close(b);
	rota_close(c);
	return 0;
}

TEST(connections_beyond_the_limit_wait_until_one_ends)
{
	struct server server = {
		.handler = hello, .client = connect_three, .options = { .connections_max = 2 }
	};

	server_run(&server);
}

/* ---- too slow ---- */

static int half_a_head(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	hear(s, &h, false);
	CHECK_EQ(h.status, 408);
	CHECK_STR(field(&h, "Connection"), "close");
	heard_free(&h);
	hear_end(s);
	rota_close(s);
	return 0;
}

TEST(a_head_that_does_not_come_whole_in_time_is_answered_408)
{
	struct server server = { .handler = hello,
		.client = half_a_head,
		.options = { .head_timeout_ns = ROTA_MILLISECONDS(20) } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 1);
}

/* A slowloris: a byte now and then, each in time by itself. */
static int drip(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;
	int bytes = 0;

	say(s, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	while (load_relaxed(&server->stats.timeouts) == 0) {
		if (rota_write(s, "y", 1) < 0)
			break;
		bytes++;
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	}
	CHECK(bytes > 1);
	hear(s, &h, false);
	CHECK_EQ(h.status, 408);
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_head_that_comes_byte_by_byte_has_no_more_time_than_any_other)
{
	struct server server = { .handler = hello,
		.client = drip,
		.options = { .head_timeout_ns = ROTA_MILLISECONDS(50),
			.idle_timeout_ns = ROTA_SECONDS(1000) } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 1);
}

/* A connection that has had its answer; one that was too slow to ask is replaced. */
static struct rota_stream *dial_and_ask(struct server *server)
{
	char answer[512];

	for (;;) {
		struct rota_stream *s = dial(server);

		if (rota_write_all(s, GET, strlen(GET)) > 0 &&
			rota_read_until(s, "\r\n\r\nHello", 9, answer, sizeof answer) > 0)
			return s;
		rota_close(s);
	}
}

static int be_idle(struct server *server)
{
	struct rota_stream *fresh = dial(server), *used;

	hear_end(fresh); /* without a word */
	used = dial_and_ask(server);
	hear_end(used);
	rota_close(fresh);
	rota_close(used);
	return 0;
}

TEST(an_idle_connection_is_closed_without_a_word)
{
	struct server server = { .handler = hello,
		.client = be_idle,
		.options = { .idle_timeout_ns = ROTA_MILLISECONDS(20) } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 0);
	CHECK_EQ(server.stats.requests, server.stats.status[2]);
}

static int read_it(struct rota_http_exchange *x, void *arg)
{
	char buf[100];
	ssize_t n;

	while ((n = rota_http_read_body(x, buf, sizeof buf)) > 0)
		;
	CHECK_EQ(n, -ETIMEDOUT);
	return (int)n;
}

static int half_a_body(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	hear(s, &h, false);
	CHECK_EQ(h.status, 408);
	heard_free(&h);
	hear_end(s);
	rota_close(s);
	return 0;
}

TEST(a_body_that_stops_coming_is_answered_408)
{
	struct server server = { .handler = read_it,
		.client = half_a_body,
		.options = { .transfer_timeout_ns = ROTA_MILLISECONDS(20) } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 1);
}

static int drip_body(struct server *server)
{
	struct rota_stream *s = dial(server);

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
	while (load_relaxed(&server->stats.timeouts) == 0) {
		if (rota_write(s, "y", 1) < 0)
			break;
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	}
	rota_close(s);
	return 0;
}

TEST(a_body_that_drips_is_not_waited_for)
{
	struct server server = { .handler = read_it,
		.client = drip_body,
		.options = { .transfer_timeout_ns = ROTA_MILLISECONDS(50) } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 1);
}

static int read_all(struct rota_http_exchange *x, void *arg)
{
	char buf[100];
	ssize_t n;

	while ((n = rota_http_read_body(x, buf, sizeof buf)) > 0)
		;
	CHECK_EQ(n, 0);
	return hello(x, arg);
}

/* Slower than the window, but steady enough. */
static int walk_body(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		say(s, "y");
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(2)), 0);
	}
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	rota_close(s);
	return 0;
}

TEST(a_body_that_comes_slowly_but_steadily_may_take_its_time)
{
	struct server server = { .handler = read_all,
		.client = walk_body,
		.options = {
			.transfer_timeout_ns = ROTA_MILLISECONDS(50), .transfer_bytes_min = 1 } };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 0);
}

static int endless(struct rota_http_exchange *x, void *arg)
{
	static char bytes[1024 * 1024];
	int rc = rota_http_begin(x, 200, NULL, -1);

	while (rc == 0)
		rc = rota_http_write(x, bytes, sizeof bytes);
	CHECK_EQ(rc, -ETIMEDOUT);
	CHECK_EQ(rota_http_write(x, bytes, 1), -ETIMEDOUT);
	event_happen(((struct server *)arg)->arg);
	return rc;
}

static int read_nothing(struct server *server)
{
	struct rota_stream *s = dial(server);

	say(s, GET);
	event_wait(server->arg);
	rota_close(s);
	return 0;
}

TEST(a_peer_that_stops_reading_is_given_up)
{
	struct event given_up = { 0 };
	struct server server = { .handler = endless,
		.client = read_nothing,
		.options = { .transfer_timeout_ns = ROTA_MILLISECONDS(50) },
		.arg = &given_up };

	server_run(&server);
	CHECK_EQ(server.stats.timeouts, 1);
}

/* ---- gone ---- */

static void reset(struct rota_stream *s)
{
	struct linger abort = { .l_onoff = 1, .l_linger = 0 };

	CHECK_EQ(setsockopt(rota_stream_fd(s), SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
	rota_close(s);
}

static int leave(struct server *server)
{
	static const char *const parts[] = { "", "GET", "GET / HTTP/1.1\r\nHost: x\r\n", GET "GET",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab" };
	struct heard h;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		for (int how = 0; how < 3; how++) {
			struct rota_stream *s = dial(server);

			say(s, parts[i]);
			for (int j = 0; j < how * 8; j++)
				rota_yield();
			if (how == 1)
				reset(s);
			else
				rota_close(s);
		}
	}
	/* And it still serves. */
	struct rota_stream *s = dial(server);

	say(s, GET);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	rota_close(s);
	return 0;
}

static int read_what_comes(struct rota_http_exchange *x, void *arg)
{
	char buf[100];
	ssize_t n;

	while ((n = rota_http_read_body(x, buf, sizeof buf)) > 0)
		;
	return n < 0 ? (int)n : hello(x, arg);
}

TEST(peers_that_leave_anywhere_do_no_harm)
{
	struct server server = { .handler = read_what_comes, .client = leave };

	server_run(&server);
	CHECK_EQ(server.stats.connections, 19);
}

static int half_closed(struct server *server)
{
	struct rota_stream *s = dial(server);
	struct heard h;

	say(s, GET);
	CHECK_EQ(rota_shutdown_write(s), 0);
	hear(s, &h, false);
	CHECK_EQ(h.status, 200);
	heard_free(&h);
	hear_end(s);
	rota_close(s);
	return 0;
}

TEST(a_peer_that_has_closed_its_side_still_gets_its_answer)
{
	struct server server = { .handler = hello, .client = half_closed };

	server_run(&server);
}

/* ---- stopping ---- */

struct stop {
	struct event inside, go_on;
};

static int wait_inside(struct rota_http_exchange *x, void *arg)
{
	struct stop *stop = ((struct server *)arg)->arg;

	event_happen(&stop->inside);
	event_wait(&stop->go_on);
	return rota_cancelled() != 0 ? rota_cancelled() : hello(x, arg);
}

static int stop_gently(struct server *server)
{
	struct stop *stop = server->arg;
	struct rota_stream *busy = dial(server), *idle = dial(server), *used = dial(server), *late;
	struct heard h;

	say(used, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(used, &h, false);
	heard_free(&h);
	say(busy, GET GET);
	event_wait(&stop->inside);
	rota_task_cancel(server->task);
	hear_end(idle);
	hear_end(used);
	event_happen(&stop->go_on);
	hear(busy, &h, false);
	CHECK_EQ(h.status, 200);
	CHECK_STR(field(&h, "Connection"), "close");
	heard_free(&h);
	hear_end(busy);
	while (load_acquire(&server->result) == 0)
		rota_yield();
	CHECK_EQ(rota_tcp_connect(&late, server->address, NULL), -ECONNREFUSED);
	rota_close(busy);
	rota_close(idle);
	rota_close(used);
	return 0;
}

static int wait_inside_or_hello(struct rota_http_exchange *x, void *arg)
{
	return rota_http_method_is(x, "GET") ? wait_inside(x, arg) : hello(x, arg);
}

TEST(a_stop_closes_idle_connections_and_lets_exchanges_finish)
{
	struct stop stop = { 0 };
	struct server server = { .handler = wait_inside_or_hello,
		.client = stop_gently,
		.options = { .grace_ns = ROTA_FOREVER },
		.arg = &stop };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 2);
	CHECK_EQ(server.result, -ECANCELED);
}

static int stop_hard(struct server *server)
{
	struct stop *stop = server->arg;
	struct rota_stream *s = dial(server);

	say(s, GET);
	event_wait(&stop->inside);
	rota_task_cancel(server->task);
	hear_gone(s);
	rota_close(s);
	return 0;
}

TEST(an_exchange_that_takes_longer_than_the_grace_is_cancelled)
{
	struct stop stop = { 0 };
	struct server server = { .handler = wait_inside,
		.client = stop_hard,
		.options = { .grace_ns = ROTA_MILLISECONDS(10) },
		.arg = &stop };

	server_run(&server);
	CHECK_EQ(server.stats.status[0], 1);
}

/* ---- memory ---- */

static size_t allocations, fail_at;

static bool may_allocate(void)
{
	size_t nth = add_relaxed(&allocations, 1) + 1;

	return fail_at == 0 || nth != fail_at;
}

static void *counting_alloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *counting_realloc(void *ptr, size_t size)
{
	return may_allocate() ? realloc(ptr, size) : NULL;
}

static const struct rota_allocator counting = { counting_alloc, counting_realloc, free };

static int warm_then_count(struct server *server)
{
	struct rota_stream *s = dial(server);
	size_t before = 0;
	char answer[512];

	for (int i = 0; i < 1000; i++) {
		if (i == 100)
			before = load_relaxed(&allocations);
		say(s, GET);
		CHECK(rota_read(s, answer, sizeof answer) > 0);
	}
	CHECK_EQ(load_relaxed(&allocations), before);
	rota_close(s);
	return 0;
}

TEST(a_request_allocates_nothing_once_the_server_is_warm)
{
	struct server server = { .handler = hello, .client = warm_then_count };

	rota_set_allocator(&counting);
	server_run(&server);
}

/* ---- no memory ---- */

struct faulty {
	struct rota_listener *door;
	struct rota_scope *scope;
	char address[64];
	bool answered;
};

/* It ends whatever happens: a connection that cannot be served is closed. */
static int faulty_client(void *arg)
{
	struct faulty *f = arg;
	struct rota_stream *s;
	char answer[4096];
	ssize_t n;

	if (rota_tcp_connect(&s, f->address, NULL) == 0) {
		n = rota_write_all(s, GET, strlen(GET));
		if (n > 0)
			n = rota_read(s, answer, sizeof answer);
		f->answered = n > 0;
		rota_close(s);
	}
	rota_scope_cancel(f->scope);
	return 0;
}

static int faulty_app(void *arg)
{
	struct faulty *f = arg;
	struct rota_scope scope;
	int rc = rota_tcp_listen(&f->door, "127.0.0.1:0", NULL);

	if (rc < 0)
		return rc;
	snprintf(f->address, sizeof f->address, "127.0.0.1:%d", rota_listener_port(f->door));
	rota_scope_open(&scope);
	f->scope = &scope;
	rc = rota_spawn(&scope, faulty_client, f);
	if (rc == 0)
		rc = rota_http_serve(f->door, hello, f, NULL);
	rota_scope_cancel(&scope); /* nobody answers the client any more */
	rota_scope_join(&scope);
	rota_listener_close(f->door);
	return rc;
}

TEST(whichever_allocation_fails_the_server_answers_or_closes_and_ends)
{
	struct faulty f;
	bool all_succeeded = false;

	rota_set_allocator(&counting);
	for (size_t nth = 1; !all_succeeded; nth++) {
		f = (struct faulty){ .answered = false };
		store_relaxed(&allocations, 0);
		fail_at = nth;
		rota_run(faulty_app, &f, NULL);
		all_succeeded = allocations < nth;
	}
	CHECK(f.answered);
}
