/* resize.c - workers come and go while the program runs, and what they had goes on elsewhere */
#include <rota.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"
#include "task/team.h"

enum { WORKERS_MAX = 8 };

/* IN_TEAMS(name, workers) { ... }: the body as the first task, under both models with several workers. */
#define IN_TEAMS(name, workers_)                                                                                       \
	static void name##_body(void);                                                                                 \
	static int name##_app(void *arg)                                                                               \
	{                                                                                                              \
		(void)arg;                                                                                             \
		name##_body();                                                                                         \
		return 0;                                                                                              \
	}                                                                                                              \
	TEST(name)                                                                                                     \
	{                                                                                                              \
		run_with((struct rota_options){ .model = ROTA_STEAL, .workers = workers_ }, name##_app);               \
		run_with((struct rota_options){ .model = ROTA_GROUP, .workers = workers_ }, name##_app);               \
		run_with((struct rota_options){ .model = ROTA_GROUP, .workers = workers_, .bosses = ROTA_NO_BOSSES },  \
			name##_app);                                                                                   \
	}                                                                                                              \
	static void name##_body(void)

static void run_with(struct rota_options options, rota_fn app)
{
	options.blocked_ns = options.rescue_ns = ROTA_SECONDS(3600); /* nobody is to lend a hand */
	CHECK_EQ(rota_run(app, NULL, &options), 0);
}

static unsigned bosses(void)
{
	return rota_boss_count();
}

/* Worker `number` knows that it is in service, or that it is not. */
static void wait_until_in_service(unsigned number, bool in_service)
{
	const struct rota__team *team = rota__here_unchecked()->team;

	while (load_relaxed(&team->workers[number]->loop->retired) == in_service)
		rota_yield();
}

static struct rota_worker_stats stats_of(unsigned number)
{
	struct rota_worker_stats stats;

	CHECK_EQ(rota_worker_stats(number, &stats), 0);
	return stats;
}

/* ---- how many there are ---- */

IN_TEAMS(the_count_follows, 2)
{
	CHECK_EQ(rota_worker_count(), 2);
	CHECK_EQ(rota_workers_resize(5), 0);
	CHECK_EQ(rota_worker_count(), 5);
	CHECK_EQ(rota_workers_resize(5), 0);
	CHECK_EQ(rota_workers_resize(1), 0);
	CHECK_EQ(rota_worker_count(), 1);
	CHECK(!stats_of(bosses() + 1).in_service);
	CHECK_EQ(rota_workers_resize(3), 0);
	CHECK(stats_of(bosses() + 2).in_service);
	CHECK(!stats_of(bosses() + 3).in_service);
	CHECK_EQ(rota_workers_resize(0), 0); /* as many as the machine has CPUs for */
	CHECK_EQ(rota_worker_count(), rota_cpu_count() * (strcmp(rota_model_name(), "group") == 0 ? 2 : 1));
}

IN_TEAMS(a_wrong_count_is_refused, 1)
{
	struct rota_worker_stats stats;

	CHECK_EQ(rota_workers_resize(ROTA_WORKERS_MAX + 1), -EINVAL);
	CHECK_EQ(rota_workers_resize((unsigned)-1), -EINVAL);
	CHECK_EQ(rota_worker_count(), 1);
	CHECK_EQ(rota_worker_stats(rota_loop_count(), &stats), -EINVAL);
}

static uint32_t growing;

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* One more, and one more. */
static int grow(void *arg)
{
	(void)arg;
	for (unsigned workers = rota_worker_count(); workers < 12; workers++) {
		CHECK_EQ(rota_workers_resize(workers + 1), 0);
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(200)), 0);
	}
	store_release(&growing, 0);
	return 0;
}

static void start_to_grow(struct rota_scope *scope)
{
	struct rota_task_options elsewhere = { .worker = ROTA_WORKER(rota_loop_count() - 1), .pinned = true };
	struct rota_task *task;

	store_release(&growing, 1);
	rota_scope_open(scope);
	CHECK_EQ(rota_spawn_task(&task, scope, grow, NULL, &elsewhere), 0);
}

IN_TEAMS(tasks_are_spawned_on_workers_that_were_made_a_moment_ago, 2)
{
	struct rota_task_options next = { .worker = ROTA_WORKER_NEXT };
	struct rota_scope scope, inner;
	struct rota_task *task;

	start_to_grow(&scope);
	while (load_acquire(&growing)) {
		rota_scope_open(&inner);
		for (int i = 0; i < 20; i++)
			CHECK_EQ(rota_spawn_task(&task, &inner, nothing, NULL, &next), 0);
		CHECK_EQ(rota_scope_join(&inner), 0);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int close_it(void *stream)
{
	rota_close(stream);
	return 0;
}

static int serve_and_close(void *listener)
{
	return rota_serve(listener, close_it);
}

/* Each worker there is gets a socket of its own; how many there are is asked once. */
static void open_doors_beside_that(void)
{
	struct rota_scope scope, inner;
	struct rota_listener *listener;

	start_to_grow(&scope);
	while (load_acquire(&growing)) {
		CHECK_EQ(rota_tcp_listen(&listener, "127.0.0.1:0", NULL), 0);
		rota_scope_open(&inner);
		CHECK_EQ(rota_spawn(&inner, serve_and_close, listener), 0);
		rota_yield();
		rota_scope_cancel(&inner);
		CHECK_EQ(rota_scope_join(&inner), 0);
		rota_listener_close(listener);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int doors(void *arg)
{
	(void)arg;
	open_doors_beside_that();
	return 0;
}

TEST(doors_are_opened_while_workers_are_made)
{
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 2, .deal = ROTA_DEAL_OWN }, doors);
}

static int alone(void *arg)
{
	(void)arg;
	CHECK_EQ(rota_workers_resize(1), 0);
	CHECK_EQ(rota_workers_resize(2), -ENOTSUP);
	CHECK_EQ(rota_workers_rebalance(), 0);
	CHECK(stats_of(0).in_service);
	return 0;
}

TEST(a_single_loop_stays_alone)
{
	struct rota_worker_stats stats;

	run_with((struct rota_options){ .model = ROTA_SINGLE }, alone);
	CHECK_EQ(rota_workers_resize(2), -EPERM); /* outside of a run */
	CHECK_EQ(rota_workers_rebalance(), -EPERM);
	CHECK_EQ(rota_worker_stats(0, &stats), -EPERM);
}

static void limit_descriptors(rlim_t count)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count != 0 ? count : limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t next_descriptor(void)
{
	int fd = dup(1);

	CHECK(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

IN_TEAMS(without_descriptors_there_are_as_many_as_before, 2)
{
	limit_descriptors(next_descriptor());
	CHECK_EQ(rota_workers_resize(3), -EMFILE);
	CHECK_EQ(rota_worker_count(), 2);
	limit_descriptors(0);
	CHECK_EQ(rota_workers_resize(3), 0);
	CHECK_EQ(rota_worker_count(), 3);
}

/* ---- work ---- */

static uint32_t at_once;

/* Holds its worker until so many do. */
static int hold_until(void *many)
{
	add_relaxed(&at_once, 1);
	while (load_relaxed(&at_once) < (uint32_t)(intptr_t)many)
		sched_yield();
	return 0;
}

static int more_work_at_once(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	at_once = 0;
	CHECK_EQ(rota_workers_resize(4), 0);
	rota_scope_open(&scope);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(rota_spawn(&scope, hold_until, (void *)4), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return 0;
}

TEST(workers_that_were_added_take_work)
{
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 1 }, more_work_at_once);
}

static int run_on_the_first(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(rota_worker_number(), 0);
		rota_yield();
	}
	return 0;
}

static int out_of_service(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	more_work_at_once(NULL);
	CHECK_EQ(rota_workers_resize(1), 0);
	for (unsigned i = 1; i < 4; i++)
		wait_until_in_service(i, false);
	while (rota_worker_number() != 0)
		rota_yield(); /* we may be where nobody works any more */
	rota_scope_open(&scope);
	for (int i = 0; i < 1000; i++) /* more than a queue has room for: some are in the injector */
		CHECK_EQ(rota_spawn(&scope, run_on_the_first, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return more_work_at_once(NULL); /* and back */
}

TEST(workers_out_of_service_take_none)
{
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 2 }, out_of_service);
}

static int stay_pinned(void *arg)
{
	struct rota_event *stop = arg;
	unsigned here = rota_worker_number();

	CHECK_EQ(rota_event_wait(stop), 0);
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0); /* its timers go on */
	CHECK_EQ(rota_worker_number(), here);
	return 0;
}

static int pinned_ones_stay(void *arg)
{
	static const struct rota_task_options pinned = { .pinned = true };
	struct rota_task *task[64];
	struct rota_event stop = { 0 };
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	for (int i = 0; i < 64; i++) {
		CHECK_EQ(rota_spawn_task(&task[i], &scope, stay_pinned, &stop, &pinned), 0);
		rota_yield(); /* so that we get about */
	}
	CHECK_EQ(rota_workers_resize(1), 0);
	for (unsigned i = 1; i < 3; i++)
		wait_until_in_service(i, false);
	rota_event_set(&stop);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return 0;
}

TEST(what_is_pinned_to_a_worker_out_of_service_ends_there)
{
	run_with((struct rota_options){ .model = ROTA_STEAL, .workers = 3 }, pinned_ones_stay);
}

/* Spawns and yields while the number of workers changes: each task runs once. */
static uint32_t ran;

static int divide(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct rota_scope scope;

	add_relaxed(&ran, 1);
	if (depth == 0)
		return 0;
	rota_scope_open(&scope);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(rota_spawn(&scope, divide, (void *)(depth - 1)), 0);
	rota_yield();
	return rota_scope_join(&scope);
}

IN_TEAMS(no_task_is_lost_while_workers_come_and_go, 2)
{
	struct rota_scope scope;

	for (int i = 0; i < test_times(60); i++) {
		ran = 0;
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, divide, (void *)7), 0);
		CHECK_EQ(rota_workers_resize(1 + (unsigned)i * 7 % 4), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK_EQ(load_relaxed(&ran), 255);
	}
}

/* ---- connections ---- */

static char address[64];

/* Reads ask the system for bytes, or, where the poller can, these come before they are asked for. */
static bool unasked;

static bool hears(struct rota_stream *peer)
{
	struct rota_lease lease;
	char byte;
	ssize_t n;

	if (!unasked)
		return rota_read(peer, &byte, 1) == 1;
	n = rota_read_lease(peer, &lease);
	if (n > 0)
		rota_lease_return(&lease);
	return n == 1;
}

/* Answers each byte with the number of the worker on which it is then. */
static int say_where(void *arg)
{
	struct rota_stream *peer = arg;

	while (hears(peer)) {
		unsigned char number = (unsigned char)rota_worker_number();

		if (rota_write_all(peer, &number, 1) < 0)
			break;
	}
	rota_close(peer);
	return 0;
}

static int serve(void *door)
{
	return rota_serve(door, say_where);
}

/* CONNECTIONS(name, workers) { ... }: in teams, with either way of reading. */
#define CONNECTIONS(name, workers_)                                                                                    \
	static void name##_read(void);                                                                                 \
	IN_TEAMS(name, workers_)                                                                                       \
	{                                                                                                              \
		for (int way = 0; way < 2; way++) {                                                                    \
			unasked = way;                                                                                 \
			name##_read();                                                                                 \
			CHECK_EQ(rota_workers_resize(workers_), 0);                                                    \
		}                                                                                                      \
	}                                                                                                              \
	static void name##_read(void)

struct service {
	struct rota_listener *door;
	struct rota_scope scope;
};

static void service_start(struct service *service, rota_fn fn)
{
	CHECK_EQ(rota_tcp_listen(&service->door, "127.0.0.1:0", NULL), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_listener_port(service->door));
	rota_scope_open(&service->scope);
	CHECK_EQ(rota_spawn(&service->scope, fn, service->door), 0);
}

static void service_end(struct service *service)
{
	rota_scope_cancel(&service->scope);
	CHECK_EQ(rota_scope_join(&service->scope), 0);
	rota_listener_close(service->door);
}

static unsigned ask(struct rota_stream *stream)
{
	unsigned char number;

	CHECK_EQ(rota_write_all(stream, "?", 1), 1);
	CHECK_EQ(rota_read(stream, &number, 1), 1);
	return number;
}

static void visit(struct rota_stream **streams, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(rota_tcp_connect(&streams[i], address, NULL), 0);
		for (int times = 0; times < 3; times++) /* from the second on bytes come unasked */
			ask(streams[i]);
	}
}

static void close_all(struct rota_stream **streams, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		rota_close(streams[i]);
}

/* Each worker in service has so many connections. */
static void wait_until_each_has(unsigned count)
{
	for (unsigned w = bosses(); w < rota_loop_count(); w++)
		while (stats_of(w).connections != count)
			rota_yield();
}

CONNECTIONS(idle_connections_leave_a_worker_out_of_service, 4)
{
	struct rota_stream *streams[12];
	struct service service;

	service_start(&service, serve);
	visit(streams, 12);
	wait_until_each_has(3);
	CHECK_EQ(rota_workers_resize(1), 0);
	wait_until_each_has(12);
	if (strcmp(rota_model_name(), "group") == 0)
		for (int i = 0; i < 12; i++)
			CHECK_EQ(ask(streams[i]), bosses());
	close_all(streams, 12);
	wait_until_each_has(0);
	service_end(&service);
}

CONNECTIONS(idle_connections_go_to_workers_that_were_added, 1)
{
	struct rota_stream *streams[12];
	struct service service;

	service_start(&service, serve);
	visit(streams, 12);
	CHECK_EQ(rota_workers_resize(3), 0);
	wait_until_each_has(4);
	for (int i = 0; i < 12; i++)
		CHECK(ask(streams[i]) >= bosses());
	close_all(streams, 12);
	wait_until_each_has(0);
	service_end(&service);
}

enum { MUCH = 8 << 20 }; /* more than sockets hold */
static uint32_t begun;

/* Three short answers, and a long one. */
static int answer_much(void *arg)
{
	static const char much[MUCH];
	struct rota_stream *peer = arg;

	for (int i = 0; i < 3; i++) {
		CHECK(hears(peer));
		CHECK_EQ(rota_write_all(peer, "", 1), 1);
	}
	CHECK(hears(peer));
	add_relaxed(&begun, 1);
	CHECK_EQ(rota_write_all(peer, much, MUCH), MUCH);
	rota_close(peer);
	return 0;
}

static int serve_much(void *door)
{
	return rota_serve(door, answer_much);
}

static void read_much(struct rota_stream *stream)
{
	static char buf[1 << 16];
	size_t total = 0;
	ssize_t n;

	while ((n = rota_read(stream, buf, sizeof buf)) > 0)
		total += (size_t)n;
	CHECK_EQ(total, MUCH);
}

/* They wait for room, not for bytes, though bytes may come. */
CONNECTIONS(who_writes_on_a_worker_out_of_service_goes_on_there, 3)
{
	struct rota_stream *streams[6];
	struct service service;

	begun = 0;
	service_start(&service, serve_much);
	visit(streams, 6);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(rota_write_all(streams[i], "?", 1), 1);
	while (load_relaxed(&begun) < 6)
		rota_yield();
	CHECK_EQ(rota_workers_resize(1), 0);
	wait_until_in_service(bosses() + 2, false);
	for (int i = 0; i < 6; i++)
		read_much(streams[i]);
	close_all(streams, 6);
	wait_until_each_has(0);
	service_end(&service);
}

/* All connections of one worker end, and it gets half of the other's. */
static int evened_out(void *arg)
{
	struct rota_stream *streams[12];
	struct service service;
	unsigned first;

	(void)arg;
	service_start(&service, serve);
	visit(streams, 12);
	first = ask(streams[0]);
	for (int i = 0; i < 12; i++)
		if (ask(streams[i]) == first) {
			rota_close(streams[i]);
			streams[i] = NULL;
		}
	while (stats_of(first).connections != 0)
		rota_yield();
	CHECK_EQ(rota_workers_rebalance(), 0);
	wait_until_each_has(3);
	close_all(streams, 12);
	service_end(&service);
	return 0;
}

TEST(connections_are_evened_out_on_demand)
{
	run_with((struct rota_options){ .model = ROTA_GROUP, .workers = 2 }, evened_out);
}

/* Its task has something that belongs to the worker. */
static int hold_a_lease(void *arg)
{
	struct rota_stream *peer = arg;
	struct rota_lease lease;
	unsigned char number;
	char byte;

	CHECK_EQ(rota_read_lease(peer, &lease), 1);
	number = (unsigned char)rota_worker_number();
	do
		CHECK_EQ(rota_write_all(peer, &number, 1), 1);
	while (rota_read(peer, &byte, 1) == 1 && number == rota_worker_number());
	rota_lease_return(&lease);
	rota_close(peer);
	return 0;
}

static int serve_holding(void *door)
{
	return rota_serve(door, hold_a_lease);
}

IN_TEAMS(a_connection_whose_task_holds_something_stays, 2)
{
	struct rota_stream *streams[4];
	struct service service;
	unsigned char last;

	service_start(&service, serve_holding);
	visit(streams, 4);
	CHECK_EQ(rota_workers_resize(1), 0);
	wait_until_in_service(bosses() + 1, false);
	for (int i = 0; i < 8; i++)
		ask(streams[i % 4]);
	CHECK_EQ(stats_of(bosses() + 1).connections, 2);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(rota_shutdown_write(streams[i]), 0);
		CHECK_EQ(rota_read(streams[i], &last, 1), 0);
	}
	close_all(streams, 4);
	service_end(&service);
}

/* ---- all of it at once ---- */

enum { TALKERS = 8 };

static uint32_t talking;

static int talk(void *arg)
{
	struct rota_stream *stream;

	(void)arg;
	CHECK_EQ(rota_tcp_connect(&stream, address, NULL), 0);
	for (int i = 0; i < test_times(150); i++)
		ask(stream);
	rota_close(stream);
	add_relaxed(&talking, -1);
	return 0;
}

CONNECTIONS(no_byte_is_lost_while_connections_move, 3)
{
	struct rota_stream *idle[6];
	struct rota_scope talkers;
	struct service service;
	unsigned turn = 0;

	service_start(&service, serve);
	visit(idle, 6);
	talking = TALKERS;
	rota_scope_open(&talkers);
	for (int i = 0; i < TALKERS; i++)
		CHECK_EQ(rota_spawn(&talkers, talk, NULL), 0);
	while (load_relaxed(&talking) > 0) {
		CHECK_EQ(rota_workers_resize(1 + turn++ % 4), 0);
		CHECK_EQ(rota_workers_rebalance(), 0);
		ask(idle[turn % 6]);
	}
	CHECK_EQ(rota_scope_join(&talkers), 0);
	for (int i = 0; i < 6; i++)
		ask(idle[i]);
	close_all(idle, 6);
	service_end(&service);
}

/* Cancelled, while they are about to move. */
CONNECTIONS(connections_that_move_are_cancelled_as_others_are, 4)
{
	struct rota_stream *streams[16];
	struct service service;

	for (int round = 0; round < test_times(20); round++) {
		service_start(&service, serve);
		visit(streams, 16);
		CHECK_EQ(rota_workers_resize(1 + (unsigned)round % 4), 0);
		service_end(&service);
		close_all(streams, 16);
	}
}

/* ---- what they have done ---- */

IN_TEAMS(statistics_add_up, 2)
{
	uint64_t ended = 0, runs = 0, before = 0, sleeps = 0;

	for (unsigned w = 0; w < rota_loop_count(); w++)
		before += stats_of(w).ended;
	ran = 0;
	CHECK_EQ(divide((void *)9), 0);
	rota_sleep(ROTA_MILLISECONDS(1)); /* the loop has looked at its counts */
	for (unsigned w = 0; w < rota_loop_count(); w++) {
		struct rota_worker_stats stats = stats_of(w);

		CHECK_EQ(stats.boss, w < bosses());
		CHECK(stats.stolen >= stats.steals);
		ended += stats.ended;
		runs += stats.runs;
		sleeps += stats.sleeps;
	}
	CHECK_EQ(ended - before, 1022); /* all but the first, which is us */
	CHECK(runs >= 1022);
	CHECK(sleeps > 0);
}
