/* http_workers.c - one HTTP server on several workers: connections dealt, counts exact, all of them stopped */
#include <rota.h>
#include <rota/http.h>
#include <rota/sync.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "harness/test.h"

enum { CLIENTS = 24, REQUESTS = 20, WORKERS = 3 };

/* EACH_WAY(name) { ... }: the body under each model with several workers, and each way to deal. */
#define EACH_WAY(name)                                                                                                 \
	static void name##_body(void);                                                                                 \
	static int name##_app(void *arg)                                                                               \
	{                                                                                                              \
		(void)arg;                                                                                             \
		name##_body();                                                                                         \
		return 0;                                                                                              \
	}                                                                                                              \
	TEST(name)                                                                                                     \
	{                                                                                                              \
		run_each_way(name##_app);                                                                              \
	}                                                                                                              \
	static void name##_body(void)

static char url[64];
static uint32_t seen; /* workers, a bit for each */
static struct rota_http_stats stats;

static void run_each_way(rota_fn app)
{
	static const struct rota_options ways[] = {
		{ .model = ROTA_GROUP },
		{ .model = ROTA_GROUP, .deal = ROTA_DEAL_LEAST, .bosses = ROTA_NO_BOSSES },
		{ .model = ROTA_GROUP, .deal = ROTA_DEAL_OWN },
		{ .model = ROTA_GROUP, .deal = ROTA_DEAL_OWN, .bosses = ROTA_NO_BOSSES },
		{ .model = ROTA_STEAL },
		{ .model = ROTA_STEAL, .deal = ROTA_DEAL_OWN },
	};

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct rota_options o = ways[i];

		o.workers = WORKERS;
		o.blocked_ns = o.rescue_ns = ROTA_SECONDS(3600);
		seen = 0;
		memset(&stats, 0, sizeof stats);
		CHECK_EQ(rota_run(app, NULL, &o), 0);
	}
}

struct service {
	struct rota_listener *door;
	rota_http_handler handler;
	struct rota_http_options options;
	struct rota_scope scope;
	int result;
};

static int serve(void *arg)
{
	struct service *s = arg;

	s->result = rota_http_serve(s->door, s->handler, s, &s->options);
	return 0;
}

static void service_start(struct service *s)
{
	s->options.stats = &stats;
	CHECK_EQ(rota_tcp_listen(&s->door, "127.0.0.1:0", NULL), 0);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", rota_listener_port(s->door));
	rota_scope_open(&s->scope);
	CHECK_EQ(rota_spawn(&s->scope, serve, s), 0);
}

static void service_stop(struct service *s)
{
	rota_scope_cancel(&s->scope);
	CHECK_EQ(rota_scope_join(&s->scope), 0);
	CHECK_EQ(s->result, -ECANCELED);
	rota_listener_close(s->door);
	CHECK_EQ(stats.connections_open, 0);
}

/* ---- answers and counts ---- */

static int say_ok(struct rota_http_exchange *x, void *arg)
{
	(void)arg;
	add_relaxed(&seen, 1u << rota_worker_number());
	return rota_http_reply_text(x, 200, "ok");
}

static int mark_worker(struct rota_http_exchange *x, void *arg)
{
	(void)arg;
	__atomic_fetch_or(&seen, 1u << rota_worker_number(), __ATOMIC_RELAXED);
	return rota_http_reply_text(x, 200, "ok");
}

static int ask(struct rota_http_client *client)
{
	struct rota_http_answer answer;
	char buf[16];
	int rc = rota_http_send(client, &(struct rota_http_request){ 0 });

	if (rc == 0)
		rc = rota_http_receive(client, &answer);
	if (rc < 0)
		return rc;
	CHECK_EQ(answer.status, 200);
	CHECK_EQ(rota_http_read(client, buf, sizeof buf), 2);
	CHECK_EQ(rota_http_read(client, buf, sizeof buf), 0);
	return 0;
}

static int ask_often(void *arg)
{
	struct rota_http_client *client;

	(void)arg;
	CHECK_EQ(rota_http_connect(&client, url, NULL), 0);
	for (int i = 0; i < REQUESTS; i++)
		CHECK_EQ(ask(client), 0);
	rota_http_disconnect(client);
	return 0;
}

static uint32_t exchanges_told;

static void tell(struct rota_http_exchange *x, const struct rota_http_done *done, void *arg)
{
	(void)x;
	(void)arg;
	CHECK_EQ(done->status, 200);
	add_relaxed(&exchanges_told, 1);
}

EACH_WAY(every_request_is_answered_counted_and_told_on_whatever_worker)
{
	struct service s = { .handler = mark_worker, .options = { .on_done = tell } };
	struct rota_scope clients;

	exchanges_told = 0;
	service_start(&s);
	rota_scope_open(&clients);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(rota_spawn(&clients, ask_often, NULL), 0);
	CHECK_EQ(rota_scope_join(&clients), 0);
	service_stop(&s);
	CHECK_EQ(stats.requests, CLIENTS * REQUESTS);
	CHECK_EQ(stats.status[2], CLIENTS * REQUESTS);
	CHECK_EQ(stats.connections, CLIENTS);
	CHECK_EQ(exchanges_told, CLIENTS * REQUESTS);
	for (unsigned i = 0; i < rota_boss_count(); i++)
		CHECK(!(seen & 1u << i));
}

static int all_take_part(void *arg)
{
	struct service s = { .handler = say_ok };
	struct rota_http_client *clients[2 * WORKERS];

	(void)arg;
	seen = 0;
	service_start(&s);
	for (int i = 0; i < 2 * WORKERS; i++) {
		CHECK_EQ(rota_http_connect(&clients[i], url, NULL), 0);
		CHECK_EQ(ask(clients[i]), 0);
	}
	CHECK_EQ(load_relaxed(&seen), 2 * ((1u << WORKERS) - 1) << rota_boss_count()); /* each twice */
	for (int i = 0; i < 2 * WORKERS; i++)
		rota_http_disconnect(clients[i]);
	service_stop(&s);
	return 0;
}

TEST(dealt_in_turn_every_worker_has_as_many_connections)
{
	struct rota_options o = { .model = ROTA_GROUP, .workers = WORKERS, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(all_take_part, NULL, &o), 0);
	o.model = ROTA_STEAL;
	CHECK_EQ(rota_run(all_take_part, NULL, &o), 0);
}

/* ---- stopping ---- */

static struct rota_event go_on;
static struct rota_semaphore arrived;

static int answer_late(struct rota_http_exchange *x, void *arg)
{
	(void)arg;
	rota_semaphore_release(&arrived, 1);
	rota_event_wait(&go_on);
	return rota_http_reply_text(x, 200, "ok");
}

static int ask_once(void *arg)
{
	struct rota_http_client *client;

	(void)arg;
	CHECK_EQ(rota_http_connect(&client, url, NULL), 0);
	CHECK_EQ(ask(client), 0);
	rota_http_disconnect(client);
	return 0;
}

EACH_WAY(a_stop_lets_the_exchanges_of_all_workers_finish)
{
	struct service s = { .handler = answer_late };
	struct rota_scope clients;

	rota_event_clear(&go_on);
	rota_semaphore_init(&arrived, 0, CLIENTS);
	rota_scope_open(&clients); /* around the server's: it is not cancelled with that */
	service_start(&s);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(rota_spawn(&clients, ask_once, NULL), 0);
	CHECK_EQ(rota_semaphore_acquire(&arrived, CLIENTS), 0);
	rota_scope_cancel(&s.scope);
	rota_event_set(&go_on);
	service_stop(&s);
	CHECK_EQ(rota_scope_join(&clients), 0);
	CHECK_EQ(stats.status[2], CLIENTS);
}

/* Idle connections, and one whose handler does not end by itself. */
static int never_answer(struct rota_http_exchange *x, void *arg)
{
	(void)x;
	(void)arg;
	rota_semaphore_release(&arrived, 1);
	return rota_sleep(ROTA_FOREVER);
}

static int ask_in_vain(void *arg)
{
	struct rota_http_client *client;
	struct rota_http_answer answer;
	int rc;

	(void)arg;
	CHECK_EQ(rota_http_connect(&client, url, NULL), 0);
	CHECK_EQ(rota_http_send(client, &(struct rota_http_request){ 0 }), 0);
	rc = rota_http_receive(client, &answer); /* cut off, or an answer that says so */
	CHECK(rc < 0 || answer.status >= 500);
	rota_http_disconnect(client);
	return 0;
}

EACH_WAY(when_the_grace_is_over_what_is_left_on_any_worker_is_cut_off)
{
	struct service s = { .handler = never_answer, .options = { .grace_ns = 1 } };
	struct rota_stream *idle[WORKERS];
	struct rota_scope clients;
	char byte;

	rota_semaphore_init(&arrived, 0, CLIENTS);
	rota_scope_open(&clients);
	service_start(&s);
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(rota_tcp_connect(&idle[i], url + strlen("http://"), NULL), 0);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(rota_spawn(&clients, ask_in_vain, NULL), 0);
	CHECK_EQ(rota_semaphore_acquire(&arrived, CLIENTS), 0);
	service_stop(&s);
	CHECK_EQ(rota_scope_join(&clients), 0);
	for (int i = 0; i < WORKERS; i++) {
		CHECK(rota_read(idle[i], &byte, 1) <= 0);
		rota_close(idle[i]);
	}
}

/* ---- limits ---- */

static uint32_t at_once, most;

static int count_in(struct rota_http_exchange *x, void *arg)
{
	uint32_t now = add_relaxed(&at_once, 1) + 1;

	(void)arg;
	if (now > load_relaxed(&most))
		store_relaxed(&most, now);
	rota_yield();
	add_relaxed(&at_once, -1);
	return rota_http_reply_text(x, 200, "ok");
}

EACH_WAY(a_limit_of_connections_is_one_for_all_workers)
{
	struct service s = { .handler = count_in, .options = { .connections_max = 2 } };
	struct rota_scope clients;

	at_once = most = 0;
	service_start(&s);
	rota_scope_open(&clients);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(rota_spawn(&clients, ask_once, NULL), 0);
	CHECK_EQ(rota_scope_join(&clients), 0);
	service_stop(&s);
	CHECK(most <= 2);
	CHECK_EQ(stats.requests, CLIENTS);
}

EACH_WAY(a_listener_that_is_closed_ends_the_server_on_all_workers)
{
	struct service s = { .handler = mark_worker };

	service_start(&s);
	ask_often(NULL);
	rota_listener_close(s.door);
	CHECK_EQ(rota_scope_join(&s.scope), 0);
	CHECK_EQ(s.result, ROTA_ECLOSED);
	CHECK_EQ(stats.connections_open, 0);
}

/* ---- workers come and go ---- */

/* Each worker in service has so many connections. */
static void wait_until_each_has(unsigned count)
{
	struct rota_worker_stats worker = { .connections = count + 1 };

	for (unsigned w = rota_boss_count(); w < rota_loop_count(); w++, worker.connections = count + 1)
		while (worker.connections != count) {
			rota_yield();
			CHECK_EQ(rota_worker_stats(w, &worker), 0);
		}
}

EACH_WAY(idle_connections_follow_the_number_of_workers)
{
	struct service s = { .handler = mark_worker };
	struct rota_http_client *clients[6];

	service_start(&s);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(rota_http_connect(&clients[i], url, NULL), 0);
		CHECK_EQ(ask(clients[i]), 0);
	}
	for (unsigned workers = 1; workers <= 6; workers++) {
		if (6 % workers != 0)
			continue;
		CHECK_EQ(rota_workers_resize(workers), 0);
		wait_until_each_has(6 / workers);
		store_relaxed(&seen, 0);
		for (int i = 0; i < 6; i++)
			CHECK_EQ(ask(clients[i]), 0);
		CHECK_EQ(load_relaxed(&seen), ((1u << workers) - 1) << rota_boss_count());
	}
	CHECK_EQ(load_relaxed(&stats.connections), 6);
	CHECK_EQ(load_relaxed(&stats.connections_open), 6);
	for (int i = 0; i < 6; i++)
		rota_http_disconnect(clients[i]);
	service_stop(&s);
	CHECK_EQ(stats.requests, 6 * 5);
}

static uint32_t asking;

static int ask_and_leave(void *arg)
{
	ask_often(arg);
	add_relaxed(&asking, -1);
	return 0;
}

EACH_WAY(no_request_is_lost_while_workers_come_and_go)
{
	struct service s = { .handler = mark_worker };
	struct rota_scope clients;
	unsigned turn = 0;

	service_start(&s);
	asking = CLIENTS;
	rota_scope_open(&clients);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(rota_spawn(&clients, ask_and_leave, NULL), 0);
	while (load_relaxed(&asking) > 0) {
		CHECK_EQ(rota_workers_resize(1 + turn++ % 4), 0);
		ask_often(NULL);
	}
	CHECK_EQ(rota_scope_join(&clients), 0);
	service_stop(&s);
	CHECK_EQ(stats.requests, (CLIENTS + turn) * REQUESTS);
}

enum { LARGE = 8 << 20 }; /* more than sockets hold */

static int answer_at_length(struct rota_http_exchange *x, void *arg)
{
	static const char body[LARGE];

	(void)arg;
	rota_semaphore_release(&arrived, 1);
	return rota_http_reply(x, 200, NULL, body, sizeof body);
}

static size_t read_to_the_end(struct rota_stream *stream)
{
	static char buf[1 << 16];
	size_t size = 0;
	ssize_t n;

	while ((n = rota_read(stream, buf, sizeof buf)) > 0)
		size += (size_t)n;
	CHECK_EQ(n, 0);
	return size;
}

/* Its connection waits for room there, not for bytes. */
EACH_WAY(an_answer_that_a_worker_out_of_service_has_begun_goes_out_whole)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
	struct service s = { .handler = answer_at_length };
	struct rota_stream *streams[6];

	rota_semaphore_init(&arrived, 0, 6);
	service_start(&s);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(rota_tcp_connect(&streams[i], url + strlen("http://"), NULL), 0);
		CHECK_EQ(rota_write_all(streams[i], request, strlen(request)), strlen(request));
	}
	CHECK_EQ(rota_semaphore_acquire(&arrived, 6), 0);
	CHECK_EQ(rota_workers_resize(1), 0);
	for (int i = 0; i < 6; i++) {
		CHECK(read_to_the_end(streams[i]) > LARGE);
		rota_close(streams[i]);
	}
	service_stop(&s);
	CHECK_EQ(stats.status[2], 6);
}
