/* http_fetch.c - rota_fetch() and the client's connection: what they send, take and refuse */
#include <stdio.h>
#include <stdlib.h>

#include "http_support.h"

/* ---- against our own server ---- */

/* The answer tells what came: method, target, the body's size, and fields of interest. */
static int mirror(struct rota_http_exchange *x, void *arg)
{
	const char *type = rota_http_header(x, "Content-Type");
	const char *auth = rota_http_header(x, "Authorization");
	const char *agent = rota_http_header(x, "User-Agent");
	char text[1024], body[256];
	ssize_t n = 0;
	int size = 0;

	while ((n = rota_http_read_body(x, body, sizeof body)) > 0)
		size += (int)n;
	CHECK_EQ(n, 0);
	snprintf(text, sizeof text, "%s %s %d type=%s auth=%s agent=%s", rota_http_method(x),
		rota_http_target(x), size, type ? type : "-", auth ? auth : "-",
		agent ? agent : "-");
	return rota_http_reply(x, 200,
		ROTA_HTTP_HEADERS({ "X-A", "1" }, { "X-B", "two" }, { "X-A", "3" }), text,
		strlen(text));
}

static const char *url_of(struct server *server, const char *path)
{
	static char url[256];

	snprintf(url, sizeof url, "%s%s", server->url, path);
	return url;
}

static void check_body(struct server *server, const char *path,
	const struct rota_fetch_options *options, const char *body)
{
	struct rota_http_response *r;

	CHECK_EQ(rota_fetch(url_of(server, path), options, &r), 0);
	CHECK_EQ(r->status, 200);
	CHECK_STR(r->body, body);
	CHECK_EQ(r->body_size, strlen(body));
	rota_http_response_free(r);
}

static int fetch_some(struct server *server)
{
	struct rota_http_response *r;

	check_body(server, "", NULL, "GET / 0 type=- auth=- agent=rota");
	check_body(server, "/a%20b?c=d#e", NULL, "GET /a%20b?c=d 0 type=- auth=- agent=rota");
	check_body(server, "/", &(struct rota_fetch_options){ .body = "12345", .body_size = 5 },
		"POST / 5 type=- auth=- agent=rota");
	check_body(server, "/",
		&(struct rota_fetch_options){ .method = "PUT",
			.headers = ROTA_HTTP_HEADERS({ "Content-Type", "a/b" },
				{ "Authorization", "me" }, { "User-Agent", "test" }),
			.body = "12345",
			.body_size = 5 },
		"PUT / 5 type=a/b auth=me agent=test");
	check_body(server, "/", &(struct rota_fetch_options){ .method = "DELETE" },
		"DELETE / 0 type=- auth=- agent=rota");
	CHECK_EQ(rota_fetch(url_of(server, "/"), NULL, &r), 0);
	CHECK_STR(r->url, url_of(server, "/"));
	CHECK_STR(rota_http_response_header(r, "x-a"), "1");
	CHECK_STR(rota_http_response_header(r, "X-B"), "two");
	CHECK(rota_http_response_header(r, "X-C") == NULL);
	CHECK_EQ(r->redirects, 0);
	CHECK_STR(r->headers[r->header_count - 1].name, "Connection");
	CHECK(r->headers[r->header_count].name == NULL);
	rota_http_response_free(r);
	CHECK_EQ(rota_fetch(
			 url_of(server, "/"), &(struct rota_fetch_options){ .method = "HEAD" }, &r),
		0);
	CHECK_EQ(r->status, 200);
	CHECK_EQ(r->body_size, 0);
	CHECK_STR(r->body, "");
	rota_http_response_free(r);
	rota_http_response_free(NULL);
	return 0;
}

TEST(fetch_sends_method_target_fields_and_body_and_returns_the_whole_answer)
{
	struct server server = { .handler = mirror, .client = fetch_some };

	server_run(&server);
}

static int fetch_wrong(struct server *server)
{
	static const char *const urls[] = { "", "localhost", "http://", "http://a b/",
		"http://u:p@h/", "http://h:99999/", "http://h:0/" };
	struct rota_http_response *r = NULL;

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		CHECK_EQ(rota_fetch(urls[i], NULL, &r), -EINVAL);
	CHECK_EQ(rota_fetch("https://127.0.0.1/", NULL, &r), -EPROTONOSUPPORT);
	CHECK_EQ(rota_fetch(
			 url_of(server, "/"), &(struct rota_fetch_options){ .method = "G ET" }, &r),
		-EINVAL);
	CHECK_EQ(rota_fetch(url_of(server, "/"),
			 &(struct rota_fetch_options){
				 .headers = ROTA_HTTP_HEADERS({ "X", "a\r\nY: b" }) },
			 &r),
		-EINVAL);
	CHECK_EQ(rota_fetch(url_of(server, "/"),
			 &(struct rota_fetch_options){
				 .headers = ROTA_HTTP_HEADERS({ "Content-Length", "3" }) },
			 &r),
		-EINVAL);
	CHECK(r == NULL);
	return 0;
}

TEST(what_is_no_url_or_would_break_the_request_is_refused)
{
	struct server server = { .handler = mirror, .client = fetch_wrong };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 0);
}

static int refused(void *arg)
{
	struct rota_listener *door;
	struct rota_http_response *r;
	char url[64];

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", rota_listener_port(door));
	rota_listener_close(door);
	CHECK_EQ(rota_fetch(url, NULL, &r), -ECONNREFUSED);
	return 0;
}

TEST(a_server_that_is_not_there_is_an_error)
{
	struct rota_http_response *r;

	CHECK_EQ(rota_run(refused, NULL, NULL), 0);
	CHECK_EQ(rota_fetch("http://127.0.0.1/", NULL, &r), -EPERM);
}

/* ---- redirects ---- */

static int redirect(struct rota_http_exchange *x, void *arg)
{
	const char *path = rota_http_path(x);
	char location[128];
	int status, left;

	if (sscanf(path, "/to/%d", &status) == 1)
		return rota_http_reply(
			x, (unsigned)status, ROTA_HTTP_HEADERS({ "Location", "/end?x" }), NULL, 0);
	if (sscanf(path, "/count/%d", &left) == 1 && left > 0) {
		snprintf(location, sizeof location, "%d", left - 1);
		return rota_http_reply(
			x, 302, ROTA_HTTP_HEADERS({ "Location", location }), "body", 4);
	}
	if (strcmp(path, "/loop") == 0)
		return rota_http_reply(x, 301, ROTA_HTTP_HEADERS({ "Location", "/loop" }), NULL, 0);
	if (strcmp(path, "/nowhere") == 0)
		return rota_http_reply(
			x, 301, ROTA_HTTP_HEADERS({ "Location", "http://:x" }), NULL, 0);
	if (strcmp(path, "/tls") == 0)
		return rota_http_reply(
			x, 301, ROTA_HTTP_HEADERS({ "Location", "https://h/" }), NULL, 0);
	if (strcmp(path, "/without") == 0)
		return rota_http_reply_text(x, 302, "no location");
	if (strcmp(path, "/elsewhere") == 0) {
		const char *port = strrchr(((struct server *)arg)->url, ':');

		snprintf(location, sizeof location, "http://localhost%s/end", port);
		return rota_http_reply(
			x, 307, ROTA_HTTP_HEADERS({ "Location", location }), NULL, 0);
	}
	return mirror(x, arg);
}

static void check_redirected(
	struct server *server, int status, const char *method, const char *body)
{
	bool post = strcmp(method, "GET") != 0;
	char path[32];

	snprintf(path, sizeof path, "/to/%d", status);
	check_body(server, path,
		&(struct rota_fetch_options){ .method = method,
			.headers = ROTA_HTTP_HEADERS(
				{ "Authorization", "me" }, { "Content-Type", "a/b" }),
			.body = post ? "12345" : NULL,
			.body_size = post ? 5 : 0 },
		body);
}

static int follow_methods(struct server *server)
{
	static const char get[] = "GET /end?x 0 type=- auth=me agent=rota";
	static const char post[] = "POST /end?x 5 type=a/b auth=me agent=rota";
	static const char put[] = "PUT /end?x 5 type=a/b auth=me agent=rota";

	check_redirected(server, 301, "POST", get);
	check_redirected(server, 302, "POST", get);
	check_redirected(server, 303, "POST", get);
	check_redirected(server, 307, "POST", post);
	check_redirected(server, 308, "POST", post);
	check_redirected(server, 301, "PUT", put);
	check_redirected(server, 302, "PUT", put);
	check_redirected(server, 303, "PUT", get);
	check_redirected(server, 307, "PUT", put);
	return 0;
}

TEST(redirects_keep_or_change_the_method_as_their_status_says)
{
	struct server server = { .handler = redirect, .client = follow_methods };

	server_run(&server);
}

static int follow_many(struct server *server)
{
	struct rota_http_response *r;

	CHECK_EQ(rota_fetch(url_of(server, "/count/10"), NULL, &r), 0);
	CHECK_EQ(r->redirects, 10);
	CHECK_STR(r->url, url_of(server, "/count/0"));
	rota_http_response_free(r);
	CHECK_EQ(rota_fetch(url_of(server, "/count/11"), NULL, &r), ROTA_EREDIRECTS);
	CHECK_EQ(rota_fetch(url_of(server, "/count/3"),
			 &(struct rota_fetch_options){ .redirects_max = 2 }, &r),
		ROTA_EREDIRECTS);
	CHECK_EQ(rota_fetch(url_of(server, "/loop"), NULL, &r), ROTA_EREDIRECTS);
	CHECK_EQ(rota_fetch(url_of(server, "/nowhere"), NULL, &r), ROTA_EREDIRECTS);
	CHECK_EQ(rota_fetch(url_of(server, "/tls"), NULL, &r), -EPROTONOSUPPORT);
	CHECK_EQ(rota_fetch(url_of(server, "/count/1"),
			 &(struct rota_fetch_options){ .redirects_max = -1 }, &r),
		0);
	CHECK_EQ(r->status, 302);
	CHECK_STR(r->body, "body");
	CHECK_STR(rota_http_response_header(r, "Location"), "0");
	rota_http_response_free(r);
	CHECK_EQ(rota_fetch(url_of(server, "/without"), NULL, &r), 0);
	CHECK_EQ(r->status, 302);
	CHECK_STR(r->body, "no location");
	rota_http_response_free(r);
	return 0;
}

TEST(redirects_are_followed_up_to_their_limit)
{
	struct server server = { .handler = redirect, .client = follow_many };

	server_run(&server);
}

static int follow_elsewhere(struct server *server)
{
	check_body(server, "/elsewhere",
		&(struct rota_fetch_options){
			.headers = ROTA_HTTP_HEADERS(
				{ "Authorization", "me" }, { "User-Agent", "test" }) },
		"GET /end 0 type=- auth=- agent=test");
	return 0;
}

TEST(a_redirect_to_another_host_does_not_take_the_credentials_along)
{
	struct server server = { .handler = redirect, .client = follow_elsewhere };

	server_run(&server);
}

/* ---- against servers that say anything ---- */

struct script {
	const char *say; /* the whole of what the server says to each connection */
	bool in_bytes;   /* one at a time */
	bool stay;       /* and then it stays silent, instead of closing */
	char address[64], url[80];
	struct rota_listener *door;
	struct rota_http_response *response;
	int (*client)(struct script *script);
};

static int recite(struct rota_stream *stream, void *arg)
{
	struct script *script = arg;
	size_t size = strlen(script->say), step = script->in_bytes ? 1 : size;
	char request[4096], byte;

	if (rota_read_until(stream, "\r\n\r\n", 4, request, sizeof request) <= 0) {
		CHECK(script->stay); /* its client's time may be over before the request is sent */
		rota_close(stream);
		return 0;
	}
	for (size_t i = 0; i < size; i += step) {
		rota_write_all(stream, script->say + i, step);
		for (int j = 0; script->in_bytes && j < 4; j++)
			rota_yield();
	}
	if (script->stay)
		rota_read(stream, &byte, 1);
	rota_close(stream);
	return 0;
}

static int recite_for_ever(void *arg)
{
	struct script *script = arg;

	rota_serve_with(script->door, recite, script);
	rota_listener_close(script->door);
	return 0;
}

static int script_app(void *arg)
{
	struct script *script = arg;
	struct rota_scope scope;

	CHECK_EQ(rota_tcp_listen(&script->door, "127.0.0.1:0", NULL), 0);
	snprintf(script->address, sizeof script->address, "127.0.0.1:%d", rota_listener_port(script->door));
	snprintf(script->url, sizeof script->url, "http://%s/", script->address);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, recite_for_ever, script), 0);
	CHECK_EQ(script->client(script), 0);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	return 0;
}

static void script_run(struct script *script)
{
	CHECK_EQ(rota_run(script_app, script, NULL), 0);
}

static int fetch_script(struct script *script)
{
	return rota_fetch(script->url, NULL, &script->response);
}

static void check_script(const char *say, int status, const char *body)
{
	for (int i = 0; i < 2; i++) {
		struct script script = { .say = say, .in_bytes = i == 1, .client = fetch_script };

		script_run(&script);
		CHECK_EQ(script.response->status, status);
		CHECK_STR(script.response->body, body);
		rota_http_response_free(script.response);
	}
}

TEST(answers_of_every_shape_are_taken_however_they_are_cut)
{
	check_script("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", 200, "Hello");
	check_script("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, "");
	check_script("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		     "chunked\r\n\r\n3\r\nHel\r\n2\r\nlo\r\n0\r\n\r\n",
		200, "Hello");
	check_script("HTTP/1.1 200 OK\r\n\r\nHello", 200, "Hello");
	check_script("HTTP/1.0 200 OK\r\n\r\nHello", 200, "Hello");
	check_script("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	check_script("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, "");
	check_script("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
		     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
		200, "Hello");
}

static int expect_error(struct script *script)
{
	struct rota_http_response *r = NULL;
	int rc = rota_fetch(script->url, &(struct rota_fetch_options){ .body_bytes_max = 5 }, &r);

	CHECK(r == NULL);
	CHECK(rc < 0);
	script->response = (void *)(intptr_t)rc;
	return 0;
}

static int error_of(const char *say)
{
	struct script script = { .say = say, .client = expect_error };

	script_run(&script);
	return (int)(intptr_t)script.response;
}

TEST(answers_that_end_early_are_not_http_or_are_too_long_are_errors)
{
	static char long_head[80 * 1024];

	CHECK_EQ(error_of(""), ROTA_EOF);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nContent-"), ROTA_EOF);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHell"), ROTA_EOF);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n"),
		ROTA_EOF);
	CHECK_EQ(error_of("HTTP/1.1 100 Continue\r\n\r\n"), ROTA_EOF);
	CHECK_EQ(error_of("SSH-2.0-OpenSSH\r\n\r\n"), ROTA_EPROTOCOL);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHello"),
		ROTA_EPROTOCOL);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
		ROTA_EPROTOCOL);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHello!"), ROTA_ELIMIT);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\n\r\nHello!"), ROTA_ELIMIT);
	CHECK_EQ(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n6\r\nHello!\r\n0\r\n\r\n"),
		ROTA_ELIMIT);
	strcpy(long_head, "HTTP/1.1 200 OK\r\nX: ");
	memset(long_head + 20, 'x', sizeof long_head - 21);
	CHECK_EQ(error_of(long_head), ROTA_ELIMIT);
}

static int fetch_in_time(struct script *script)
{
	struct rota_http_response *r = NULL;

	CHECK_EQ(rota_fetch(script->url,
			 &(struct rota_fetch_options){ .timeout_ns = ROTA_MILLISECONDS(20) }, &r),
		-ETIMEDOUT);
	CHECK(r == NULL);
	return 0;
}

TEST(an_answer_that_does_not_come_in_time_is_an_error)
{
	struct script silent = { .say = "", .stay = true, .client = fetch_in_time };
	struct script stalled = { .say = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHe",
		.stay = true,
		.client = fetch_in_time };

	script_run(&silent);
	script_run(&stalled);
}

static int post_much(struct script *script)
{
	enum { SIZE = 20 * 1024 * 1024 };
	char *body = calloc(1, SIZE);
	struct rota_http_response *r;
	int rc = rota_fetch(
		script->url, &(struct rota_fetch_options){ .body = body, .body_size = SIZE }, &r);

	/* The system may drop what had arrived when it resets; then the reason is the error. */
	if (rc == 0) {
		CHECK_EQ(r->status, 413);
		CHECK_STR(r->body, "no");
		rota_http_response_free(r);
	} else {
		CHECK(rc == -ECONNRESET || rc == -EPIPE);
	}
	free(body);
	return 0;
}

TEST(a_server_that_hangs_up_on_a_long_request_may_have_said_why)
{
	struct script script = { .say = "HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno",
		.client = post_much };

	script_run(&script);
}

/* ---- one connection ---- */

static int three_on_one(struct server *server)
{
	struct rota_http_client *client;
	struct rota_http_answer answer;
	struct rota_http_header header;
	char body[256];
	ssize_t n;

	CHECK_EQ(rota_http_connect(&client, url_of(server, "/a?b"), NULL), 0);
	CHECK_EQ(rota_http_receive(client, &answer), -EINVAL);
	CHECK_EQ(rota_http_send(client, &(struct rota_http_request){ 0 }), 0);
	CHECK_EQ(rota_http_send(
			 client, &(struct rota_http_request){ .method = "HEAD", .target = "/h" }),
		0);
	CHECK_EQ(rota_http_send(client,
			 &(struct rota_http_request){
				 .method = "POST", .target = "/p", .body = "123", .body_size = 3 }),
		0);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK_EQ(answer.status, 200);
	CHECK(answer.keep_alive);
	CHECK_STR(rota_http_answer_header(client, "X-B"), "two");
	CHECK(rota_http_answer_header_at(client, 0, &header));
	CHECK_STR(header.name, "Date");
	n = rota_http_read(client, body, 5);
	CHECK_EQ(n, 5);
	CHECK(memcmp(body, "GET /", 5) == 0);
	/* The rest of this body is thrown away. */
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK_EQ(rota_http_read(client, body, sizeof body), 0);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	n = rota_http_read(client, body, sizeof body);
	CHECK_EQ(n, answer.body_size);
	CHECK(memcmp(body, "POST /p 3 ", 10) == 0);
	CHECK_EQ(rota_http_read(client, body, sizeof body), 0);
	rota_http_disconnect(client);
	rota_http_disconnect(NULL);
	CHECK_EQ(server->stats.connections, 1);
	return 0;
}

TEST(requests_of_one_connection_may_be_sent_ahead_of_their_answers)
{
	struct server server = { .handler = mirror, .client = three_on_one };

	server_run(&server);
	CHECK_EQ(server.stats.requests, 3);
}

static int full_pipeline(struct server *server)
{
	struct rota_http_client *client;
	struct rota_http_answer answer;
	struct rota_http_request request = { 0 };

	CHECK_EQ(rota_http_connect(&client, server->url,
			 &(struct rota_http_client_options){ .pipeline_max = 2 }),
		0);
	CHECK_EQ(rota_http_send(client, &request), 0);
	CHECK_EQ(rota_http_send(client, &request), 0);
	CHECK_EQ(rota_http_send(client, &request), -EBUSY);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK_EQ(rota_http_send(client, &request), 0);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	rota_http_disconnect(client);
	return 0;
}

TEST(a_pipeline_takes_no_more_requests_than_its_limit)
{
	struct server server = { .handler = mirror, .client = full_pipeline };

	server_run(&server);
}

static int slow_answer(struct rota_http_exchange *x, void *arg)
{
	struct event *events = ((struct server *)arg)->arg;
	int rc;

	event_wait(&events[0]);
	rc = rota_http_begin(x, 200, NULL, 4);
	if (rc == 0)
		rc = rota_http_write(x, "ab", 2);
	event_wait(&events[1]);
	if (rc == 0)
		rc = rota_http_write(x, "cd", 2);
	return rc == 0 ? rota_http_end(x) : rc;
}

static int try_again(struct server *server)
{
	struct event *events = server->arg;
	struct rota_http_client *client;
	struct rota_http_answer answer;
	char body[4];

	CHECK_EQ(rota_http_connect(&client, server->url, NULL), 0);
	CHECK_EQ(rota_http_send(client, &(struct rota_http_request){ 0 }), 0);
	rota_stream_set_deadlines(rota_http_client_stream(client), ROTA_NOW, ROTA_FOREVER);
	CHECK_EQ(rota_http_receive(client, &answer), -ETIMEDOUT);
	rota_stream_set_deadlines(rota_http_client_stream(client), ROTA_FOREVER, ROTA_FOREVER);
	event_happen(&events[0]);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK_EQ(rota_http_read(client, body, 4), 2);
	rota_stream_set_deadlines(rota_http_client_stream(client), ROTA_NOW, ROTA_FOREVER);
	CHECK_EQ(rota_http_read(client, body + 2, 2), -ETIMEDOUT);
	rota_stream_set_deadlines(rota_http_client_stream(client), ROTA_FOREVER, ROTA_FOREVER);
	event_happen(&events[1]);
	CHECK_EQ(rota_http_read(client, body + 2, 2), 2);
	CHECK(memcmp(body, "abcd", 4) == 0);
	rota_http_disconnect(client);
	return 0;
}

TEST(receiving_that_timed_out_goes_on_where_it_was)
{
	struct event events[2] = { 0 };
	struct server server = { .handler = slow_answer, .client = try_again, .arg = events };

	server_run(&server);
}

static int after_the_last(struct server *server)
{
	struct rota_http_client *client;
	struct rota_http_answer answer;
	struct rota_http_request last = { .headers = ROTA_HTTP_HEADERS({ "Connection", "close" }) };

	CHECK_EQ(rota_http_connect(&client, server->url, NULL), 0);
	CHECK_EQ(rota_http_send(client, &last), 0);
	CHECK_EQ(rota_http_receive(client, &answer), 0);
	CHECK(!answer.keep_alive);
	CHECK_EQ(rota_http_send(client, &last), 0); /* into the closing connection */
	CHECK_EQ(rota_http_receive(client, &answer), ROTA_EOF);
	CHECK_EQ(rota_http_send(client, &last), ROTA_EOF);
	rota_http_disconnect(client);
	return 0;
}

TEST(no_answer_comes_after_the_last_one)
{
	struct server server = { .handler = mirror, .client = after_the_last };

	server_run(&server);
}
