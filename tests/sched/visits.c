/* visits.c - tasks that must stay on their worker call on what belongs to another one, and are back afterwards */
#include <rota.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "harness/test.h"

static struct rota_stream *ends[2]; /* of the first worker */

static void run(enum rota_model model, rota_fn app)
{
	struct rota_options options = { .model = model, .workers = 2, .bosses = ROTA_NO_BOSSES, .blocked_ns = ROTA_FOREVER };

	CHECK_EQ(rota_run(app, NULL, &options), 0);
}

/* The body is the first task of a run of two workers, once in a group and once where work is stolen. */
#define IN_TEAMS(name)                            \
	static void name##_body(void);            \
	static int name##_app(void *unused)       \
	{                                         \
		(void)unused;                     \
		name##_body();                    \
		return 0;                         \
	}                                         \
	TEST(name##_in_a_group)                   \
	{                                         \
		run(ROTA_GROUP, name##_app);      \
	}                                         \
	TEST(name##_where_work_is_stolen)         \
	{                                         \
		run(ROTA_STEAL, name##_app);      \
	}                                         \
	static void name##_body(void)

static void spawn_on(struct rota_scope *scope, unsigned worker, bool pinned, rota_fn fn, void *arg)
{
	struct rota_task_options options = { .worker = ROTA_WORKER(worker), .pinned = pinned };
	struct rota_task *task;

	CHECK_EQ(rota_spawn_task(&task, scope, fn, arg, &options), 0);
}

/* A byte there and back, on the first worker's streams. */
static int say(void *arg)
{
	char byte;

	CHECK_EQ(rota_write(ends[0], "x", 1), 1);
	CHECK_EQ(rota_read(ends[1], &byte, 1), 1);
	return 0;
}

/* With streams of the first worker, a task on the second one. */
static void beside(rota_fn fn, bool pinned)
{
	struct rota_scope scope;

	CHECK_EQ(rota_stream_pair(ends), 0);
	rota_scope_open(&scope);
	spawn_on(&scope, 1, pinned, fn, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

static int call_and_look(void *arg)
{
	unsigned before = rota_worker_number();

	for (int i = 0; i < 100; i++) {
		say(NULL);
		CHECK_EQ(rota_worker_number(), before);
	}
	return 0;
}

IN_TEAMS(a_pinned_task_is_back_after_a_call_on_another_workers_stream)
{
	beside(call_and_look, true);
}

static int look_unpinned(void *unused)
{
	beside(call_and_look, false);
	return 0;
}

TEST(in_a_group_a_task_need_not_be_pinned_for_that)
{
	run(ROTA_GROUP, look_unpinned);
}

static int under_a_deadline(void *arg)
{
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(rota_timeout(ROTA_SECONDS(1000), say, NULL), 0);
	return 0;
}

IN_TEAMS(a_deadline_is_stopped_on_the_loop_it_was_started_on)
{
	beside(under_a_deadline, false);
}

static int join_one_that_calls(void *arg)
{
	unsigned before = rota_worker_number();
	struct rota_scope scope;

	for (int i = 0; i < 100; i++) {
		rota_scope_open(&scope);
		rota_spawn(&scope, say, NULL);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK_EQ(rota_worker_number(), before);
	}
	return 0;
}

IN_TEAMS(who_joins_one_that_calls_stays_where_it_is)
{
	beside(join_one_that_calls, true);
}

/* Each scope's deadline is nearer than that around it, and so has a timer. */
static int inside_scopes(uintptr_t more)
{
	const struct rota_scope_options nearer = { .deadline_ns = rota_deadline(ROTA_SECONDS(1000 + more)) };
	struct rota_scope scope;

	if (more == 0)
		return call_and_look(NULL);
	rota_scope_open_with(&scope, &nearer);
	inside_scopes(more - 1);
	return rota_scope_join(&scope);
}

static int with_many_deadlines(void *arg)
{
	return inside_scopes(100);
}

IN_TEAMS(many_reasons_to_stay_are_as_good_as_one)
{
	beside(with_many_deadlines, false);
}

/* ---- buffers ---- */

enum { BYTES = 4 << 20 };

static struct rota_stream *pairs[2][2]; /* [0] of the first worker, [1] of the second */

static int make_pair(void *pair)
{
	return rota_stream_pair(pair);
}

static int write_much(void *stream)
{
	static const char zeros[16384];

	for (int i = 0; i < BYTES / (int)sizeof zeros; i++)
		CHECK_EQ(rota_write_all(stream, zeros, sizeof zeros), sizeof zeros);
	return rota_shutdown_write(stream);
}

static int read_all(void *stream)
{
	char buf[8192];
	uint64_t count = 0;
	ssize_t n;

	while ((n = rota_read(stream, buf, sizeof buf)) > 0)
		count += (uint64_t)n;
	CHECK_EQ(count, BYTES);
	return (int)n;
}

static int copy(void *unused)
{
	return rota_copy_both(pairs[0][1], pairs[1][0], NULL);
}

IN_TEAMS(borrowed_buffers_go_back_to_the_loop_that_lent_them)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	spawn_on(&scope, 0, true, make_pair, pairs[0]);
	spawn_on(&scope, 1, true, make_pair, pairs[1]);
	CHECK_EQ(rota_scope_join(&scope), 0);

	rota_scope_open(&scope);
	rota_spawn(&scope, write_much, pairs[0][0]);
	rota_spawn(&scope, read_all, pairs[1][1]);
	rota_spawn(&scope, copy, NULL);
	rota_shutdown_write(pairs[1][1]);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 4; i++)
		rota_close(pairs[i / 2][i % 2]);
}

/* ---- many at once ---- */

static uint32_t inside;

static int write_one(void *stream)
{
	add_relaxed(&inside, 1);
	CHECK_EQ(rota_write_all(stream, "x", 1), 1);
	return 0;
}

IN_TEAMS(more_tasks_than_a_byte_counts_are_in_one_stream)
{
	enum { TASKS = 260 }; /* so many small writes a Unix socket takes without waiting */
	struct rota_stream *pair[2];
	struct rota_scope scope;
	char buf[TASKS];

	store_relaxed(&inside, 0);
	CHECK_EQ(rota_stream_pair(pair), 0);
	rota_scope_open(&scope);
	for (int i = 0; i < TASKS; i++)
		rota_spawn(&scope, write_one, pair[0]);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(load_relaxed(&inside), TASKS);
	CHECK_EQ(rota_read_exactly(pair[1], buf, TASKS), TASKS);
	rota_close(pair[0]);
	rota_close(pair[1]);
}

/* ---- connections that move ---- */

enum { CLIENTS = 8, ROUNDS = 50 };

static struct rota_listener *echo_door, *proxy_door;
static uint32_t answered;

static int echo(void *peer)
{
	char buf[4096];
	ssize_t n;

	while ((n = rota_read(peer, buf, sizeof buf)) > 0 && rota_write_all(peer, buf, (size_t)n) > 0)
		;
	rota_close(peer);
	return 0;
}

static int connect_to(struct rota_stream **ret, struct rota_listener *door)
{
	char where[32];

	snprintf(where, sizeof where, "127.0.0.1:%u", rota_listener_port(door));
	return rota_tcp_connect(ret, where, NULL);
}

static int forward(void *peer)
{
	struct rota_stream *up;

	CHECK_EQ(connect_to(&up, echo_door), 0);
	rota_copy_both(peer, up, NULL);
	rota_close(up);
	rota_close(peer);
	return 0;
}

static int serve_echo(void *unused)
{
	return rota_serve(echo_door, echo);
}

static int serve_proxy(void *unused)
{
	return rota_serve(proxy_door, forward);
}

static int client(void *number)
{
	struct rota_stream *s;
	char out[1000], in[1000];

	CHECK_EQ(connect_to(&s, proxy_door), 0);
	for (int i = 0; i < ROUNDS; i++) {
		memset(out, (int)(uintptr_t)number * 7 + i, sizeof out);
		CHECK_EQ(rota_write_all(s, out, sizeof out), sizeof out);
		CHECK_EQ(rota_read_exactly(s, in, sizeof in), sizeof in);
		CHECK(memcmp(in, out, sizeof in) == 0);
		add_relaxed(&answered, 1);
	}
	rota_close(s);
	return 0;
}

IN_TEAMS(a_proxy_goes_on_while_workers_come_and_go)
{
	struct rota_scope servers, clients;

	store_relaxed(&answered, 0);
	CHECK_EQ(rota_tcp_listen(&echo_door, "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_tcp_listen(&proxy_door, "127.0.0.1:0", NULL), 0);
	rota_scope_open(&servers);
	rota_spawn(&servers, serve_echo, NULL);
	rota_spawn(&servers, serve_proxy, NULL);
	rota_scope_open(&clients);
	for (uintptr_t i = 0; i < CLIENTS; i++)
		rota_spawn(&clients, client, (void *)i);
	for (unsigned step = 1; step <= 4; step++) {
		while (load_relaxed(&answered) < step * CLIENTS * ROUNDS / 5)
			rota_sleep(ROTA_MICROSECONDS(100));
		CHECK_EQ(rota_workers_resize(step % 2 ? 5 : 2), 0);
	}
	CHECK_EQ(rota_scope_join(&clients), 0);
	rota_scope_cancel(&servers);
	CHECK_EQ(rota_scope_join(&servers), 0);
	rota_listener_close(echo_door);
	rota_listener_close(proxy_door);
}
