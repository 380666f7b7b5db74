/* groups.c - bosses accept, workers work: who gets which connection, and nobody loses one */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/atomic.h"
#include "harness/test.h"

enum { LOOPS_MAX = 16 };

static char address[64];
static uint32_t served[LOOPS_MAX]; /* by the worker on which a connection began */
static uint32_t begun;

static void run_with(struct rota_options options, rota_fn app)
{
	options.blocked_ns = options.rescue_ns = ROTA_SECONDS(3600);
	CHECK_EQ(rota_run(app, NULL, &options), 0);
}

static struct rota_listener *listen_with(const struct rota_listen_options *options)
{
	struct rota_listener *door;

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", options), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_listener_port(door));
	return door;
}

/* Says on which worker it is, and echoes until the peer ends. */
static int say_where(void *arg)
{
	struct rota_stream *peer = arg;
	unsigned char number;
	char buf[64];
	ssize_t n = rota_read(peer, buf, sizeof buf); /* goes home */

	number = (unsigned char)rota_worker_number();
	add_relaxed(&served[number], 1);
	add_relaxed(&begun, 1);
	while (n > 0) {
		if (rota_write_all(peer, &number, 1) < 0)
			break;
		n = rota_read(peer, buf, sizeof buf);
	}
	rota_close(peer);
	return 0;
}

static int serve(void *door)
{
	return rota_serve(door, say_where);
}

/* Which worker has it; the connection stays open. */
static unsigned visit(struct rota_stream **ret_stream)
{
	unsigned char number;

	CHECK_EQ(rota_tcp_connect(ret_stream, address, NULL), 0);
	CHECK_EQ(rota_write_all(*ret_stream, "?", 1), 1);
	CHECK_EQ(rota_read(*ret_stream, &number, 1), 1);
	return number;
}

struct service {
	struct rota_listener *door;
	struct rota_scope scope;
};

static void service_start(struct service *service, const struct rota_listen_options *options)
{
	service->door = listen_with(options);
	rota_scope_open(&service->scope);
	CHECK_EQ(rota_spawn(&service->scope, serve, service->door), 0);
}

static void service_end(struct service *service)
{
	rota_scope_cancel(&service->scope);
	CHECK_EQ(rota_scope_join(&service->scope), 0);
	rota_listener_close(service->door);
}

/* ---- how many there are ---- */

static int count_loops(void *arg)
{
	(void)arg;
	return (int)(100 * rota_boss_count() + rota_loop_count());
}

TEST(a_group_has_a_boss_more_unless_told_otherwise)
{
	struct rota_options o = { .model = ROTA_GROUP, .workers = 2 };

	CHECK_EQ(rota_run(count_loops, NULL, &o), 103);
	o.bosses = 2;
	CHECK_EQ(rota_run(count_loops, NULL, &o), 204);
	o.bosses = ROTA_NO_BOSSES;
	CHECK_EQ(rota_run(count_loops, NULL, &o), 2);
	o.bosses = 0;
	setenv("ROTA_BOSSES", "3", 1);
	CHECK_EQ(rota_run(count_loops, NULL, &o), 305);
	setenv("ROTA_BOSSES", "0", 1);
	CHECK_EQ(rota_run(count_loops, NULL, &o), 2);
	setenv("ROTA_BOSSES", "-1", 1);
	CHECK_EQ(rota_run(count_loops, NULL, &o), -EINVAL);
	setenv("ROTA_BOSSES", "", 1);
	o.bosses = 1000000;
	CHECK_EQ(rota_run(count_loops, NULL, &o), -EINVAL);
	o.model = ROTA_STEAL;
	CHECK_EQ(rota_run(count_loops, NULL, &o), 2);
	CHECK_EQ(rota_boss_count(), 0);
}

TEST(a_way_to_deal_that_is_not_known_is_refused)
{
	struct rota_options o = { .model = ROTA_GROUP, .workers = 2 };

	setenv("ROTA_DEAL", "by dice", 1);
	CHECK_EQ(rota_run(count_loops, NULL, &o), -EINVAL);
	o.deal = ROTA_DEAL_LEAST; /* what the program says counts */
	CHECK_EQ(rota_run(count_loops, NULL, &o), 103);
	o.deal = (enum rota_deal)17;
	CHECK_EQ(rota_run(count_loops, NULL, &o), -EINVAL);
}

/* ---- in turn ---- */

static int in_turn(void *arg)
{
	struct rota_stream *streams[12];
	struct service service;
	unsigned first;

	(void)arg;
	CHECK_EQ(rota_worker_number(), 0); /* the first task starts on a boss */
	service_start(&service, NULL);
	first = visit(&streams[0]);
	for (unsigned i = 1; i < 12; i++)
		CHECK_EQ(visit(&streams[i]), 1 + (first - 1 + i) % 3);
	CHECK_EQ(served[0], 0); /* the boss */
	for (int i = 0; i < 12; i++)
		rota_close(streams[i]);
	service_end(&service);
	return 0;
}

TEST(a_boss_deals_in_turn_and_keeps_none)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3 }, in_turn);
}

/* ---- the least loaded ---- */

static int wait_until_begun(uint32_t many)
{
	while (load_relaxed(&begun) < many)
		rota_yield();
	return 0;
}

/* Connections of two workers end; the next ones go there, until all have equally many again. */
static int to_the_least(void *arg)
{
	struct rota_stream *streams[12];
	struct service service;
	unsigned where[12], open[LOOPS_MAX] = { 0 };
	char last;

	(void)arg;
	service_start(&service, &(struct rota_listen_options){ .deal = ROTA_DEAL_LEAST });
	for (int i = 0; i < 12; i++)
		open[where[i] = visit(&streams[i])]++;
	for (unsigned w = 1; w <= 3; w++)
		CHECK_EQ(open[w], 4);
	for (int i = 0; i < 12; i++) {
		if (where[i] == 2)
			continue;
		rota_shutdown_write(streams[i]);
		CHECK_EQ(rota_read(streams[i], &last, 1), 0); /* it has closed, and counts out in a moment */
		rota_close(streams[i]);
		streams[i] = NULL;
	}
	for (int i = 0; i < 12; i++)
		if (streams[i] == NULL) {
			unsigned w = visit(&streams[i]);

			CHECK(w != 2 || i >= 8);
		}
	wait_until_begun(20);
	for (int i = 0; i < 12; i++)
		rota_close(streams[i]);
	service_end(&service);
	return 0;
}

TEST(the_least_loaded_worker_gets_the_next)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3 }, to_the_least);
}

/* ---- a socket for each worker ---- */

enum { VISITS = 200 };

static int come_and_go(void *arg)
{
	struct rota_stream *stream;

	(void)arg;
	visit(&stream);
	rota_close(stream);
	return 0;
}

/* The kernel spreads by a hash: with so many, that a worker gets none has a chance of one in 10^24. */
static int on_every_socket(void *arg)
{
	struct rota_scope visitors;
	struct service service;

	(void)arg;
	service_start(&service, NULL);
	come_and_go(NULL); /* until the first is served there is one socket only */
	rota_scope_open(&visitors);
	for (int i = 0; i < VISITS; i++)
		CHECK_EQ(rota_spawn(&visitors, come_and_go, NULL), 0);
	CHECK_EQ(rota_scope_join(&visitors), 0);
	CHECK_EQ(load_relaxed(&begun), VISITS + 1);
	for (unsigned w = rota_boss_count(); w < rota_loop_count(); w++)
		CHECK(load_relaxed(&served[w]) > 0);
	service_end(&service);
	return 0;
}

TEST(each_worker_accepts_on_a_socket_of_its_own_in_a_group)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3, .deal = ROTA_DEAL_OWN }, on_every_socket);
	CHECK_EQ(served[0], 0);
}

TEST(each_worker_accepts_on_a_socket_of_its_own_where_work_is_stolen)
{
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 3, .deal = ROTA_DEAL_OWN }, on_every_socket);
}

static int closed_while_serving(void *arg)
{
	struct rota_stream *stream;
	struct service service;

	(void)arg;
	service_start(&service, NULL);
	for (int i = 0; i < 20; i++) {
		visit(&stream);
		rota_close(stream);
	}
	rota_listener_close(service.door);
	CHECK_EQ(rota_scope_join(&service.scope), ROTA_ECLOSED);
	CHECK(rota_tcp_connect(&stream, address, NULL) == -ECONNREFUSED); /* no socket is left behind */
	return 0;
}

TEST(closing_a_listener_closes_the_sockets_of_all_workers)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3, .deal = ROTA_DEAL_OWN },
		closed_while_serving);
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 3, .deal = ROTA_DEAL_OWN },
		closed_while_serving);
}

static int somebody_has_the_port(void *arg)
{
	struct rota_listener *door, *second;

	(void)arg;
	door = listen_with(NULL);
	CHECK_EQ(rota_tcp_listen(&second, address, NULL), -EADDRINUSE);
	rota_listener_close(door);
	door = listen_with(&(struct rota_listen_options){ .deal = ROTA_DEAL_IN_TURN });
	CHECK_EQ(rota_tcp_listen(&second, address, NULL), -EADDRINUSE);
	rota_listener_close(door);
	return 0;
}

TEST(a_socket_for_each_worker_shares_its_port_with_nobody_else)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 2, .deal = ROTA_DEAL_OWN },
		somebody_has_the_port);
}

/* ---- accepting by hand ---- */

static int accept_by_hand(void *arg)
{
	struct rota_listener *door = listen_with(NULL);
	struct rota_stream *ours, *theirs;

	(void)arg;
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(rota_tcp_connect(&ours, address, NULL), 0);
		CHECK_EQ(rota_accept(door, &theirs), 0); /* none waits at a socket where nobody accepts */
		rota_close(ours);
		rota_close(theirs);
	}
	rota_listener_close(door);
	return 0;
}

TEST(a_listener_accepts_by_hand_however_connections_are_dealt)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3, .deal = ROTA_DEAL_OWN }, accept_by_hand);
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 3, .bosses = 2 }, accept_by_hand);
}
