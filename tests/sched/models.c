/* models.c - what a program may rely on whatever runs it, several threads included
 *
 * Each program runs under group and under steal, with four workers, and is small: what is looked for are races, in
 * many repetitions (the sanitizers' builds run this too), not speed. */
#include <pthread.h>
#include <rota.h>
#include <rota/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"

enum { WORKERS = 4 };

/* EACH_MODEL(name) { ... }: a body that runs as the first task, once under each model. */
#define EACH_MODEL(name)                                                                                               \
	static void name##_body(void);                                                                                 \
	static int name##_app(void *arg)                                                                               \
	{                                                                                                              \
		(void)arg;                                                                                             \
		name##_body();                                                                                         \
		return 0;                                                                                              \
	}                                                                                                              \
	TEST(name##_under_group)                                                                                       \
	{                                                                                                              \
		run_under(ROTA_GROUP, name##_app);                                                                     \
	}                                                                                                              \
	TEST(name##_under_steal)                                                                                       \
	{                                                                                                              \
		run_under(ROTA_STEAL, name##_app);                                                                     \
	}                                                                                                              \
	static void name##_body(void)

static void run_under(enum rota_model model, rota_fn app)
{
	struct rota_options options = { .model = model, .workers = WORKERS, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(app, NULL, &options), 0);
}

static uint32_t count;

static int add_one(void *arg)
{
	(void)arg;
	add_relaxed(&count, 1);
	return 0;
}

EACH_MODEL(a_join_waits_for_every_task)
{
	for (int round = 0; round < test_times(50); round++) {
		struct rota_scope scope;

		store_relaxed(&count, 0);
		rota_scope_open(&scope);
		for (int i = 0; i < 500; i++)
			CHECK_EQ(rota_spawn(&scope, add_one, NULL), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK_EQ(load_relaxed(&count), 500);
	}
}

/* ---- trees ---- */

struct node {
	int depth;
	uint64_t leaves;
};

static int grow(void *arg)
{
	struct node *n = arg, below[4];
	struct rota_scope scope;
	int rc;

	if (n->depth == 0) {
		n->leaves = 1;
		return 0;
	}
	rota_scope_open(&scope);
	for (int i = 0; i < 4; i++) {
		below[i] = (struct node){ n->depth - 1, 0 };
		rota_spawn(&scope, grow, &below[i]);
	}
	rc = rota_scope_join(&scope);
	n->leaves = 0;
	for (int i = 0; i < 4; i++)
		n->leaves += below[i].leaves;
	return rc;
}

EACH_MODEL(a_tree_of_tasks_adds_up)
{
	struct node root = { 5, 0 };

	for (int round = 0; round < test_times(5); round++) {
		CHECK_EQ(grow(&root), 0);
		CHECK_EQ(root.leaves, 1024);
	}
}

/* ---- cancelling ---- */

/* Waits in one of the ways there are, until it is cancelled. */
static int wait_somehow(void *arg)
{
	intptr_t how = (intptr_t)arg;
	struct rota_scope scope;
	int rc;

	add_relaxed(&count, 1);
	switch (how % 4) {
	case 0:
		return rota_sleep(ROTA_SECONDS(1000));
	case 1:
		while ((rc = rota_yield()) == 0)
			;
		return rc;
	case 2:
		return rota_timeout(ROTA_SECONDS(1000), wait_somehow, (void *)(how / 4 * 4));
	default:
		rota_scope_open(&scope);
		rota_spawn(&scope, wait_somehow, (void *)(how / 4));
		return rota_scope_join(&scope);
	}
}

EACH_MODEL(a_cancellation_reaches_every_wait_of_a_tree)
{
	for (int round = 0; round < 30; round++) {
		struct rota_scope scope;

		rota_scope_open(&scope);
		for (intptr_t i = 0; i < 64; i++)
			rota_spawn(&scope, wait_somehow, (void *)i);
		for (int i = 0; i < round % 5; i++) /* at different points of their lives */
			rota_yield();
		rota_scope_cancel(&scope);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

static int fail_late(void *arg)
{
	rota_sleep(ROTA_MICROSECONDS((uintptr_t)arg));
	return -EIO;
}

EACH_MODEL(the_first_error_ends_the_others)
{
	for (int round = 0; round < 20; round++) {
		struct rota_scope scope;

		rota_scope_open(&scope);
		for (intptr_t i = 0; i < 20; i++)
			rota_spawn(&scope, wait_somehow, (void *)i);
		rota_spawn(&scope, fail_late, (void *)(intptr_t)(round * 10));
		CHECK_EQ(rota_scope_join(&scope), -EIO);
	}
}

static int nap(void *arg)
{
	return rota_sleep((uintptr_t)arg);
}

EACH_MODEL(a_deadline_and_what_it_waits_for_may_come_together)
{
	for (int round = 0; round < 100; round++) {
		int rc = rota_timeout(ROTA_MICROSECONDS(200), nap, (void *)(uintptr_t)ROTA_MICROSECONDS(199));

		CHECK(rc == 0 || rc == -ETIMEDOUT);
	}
}

/* ---- joining ---- */

static int join_other(void *arg)
{
	int result, rc = rota_join(arg, &result);

	return rc < 0 ? rc : result;
}

static int answer_42(void *arg)
{
	(void)arg;
	rota_yield();
	return 42;
}

EACH_MODEL(many_may_join_one)
{
	for (int round = 0; round < 30; round++) {
		struct rota_task *one, *joiners[8];
		struct rota_scope scope;
		int result;

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn_task(&one, &scope, answer_42, NULL, NULL), 0);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(rota_spawn_task(&joiners[i], &scope, join_other, one, NULL), 0);
		for (int i = 0; i < 8; i++) {
			CHECK_EQ(rota_join(joiners[i], &result), 0);
			CHECK_EQ(result, 42);
		}
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

static struct rota_task *circle[3];
static uint32_t circle_ready;

static int join_next(void *arg)
{
	intptr_t i = (intptr_t)arg;

	while (load_acquire(&circle_ready) == 0)
		rota_yield();
	return rota_join(circle[(i + 1) % 3], NULL) == -EDEADLK ? 1 : 0;
}

EACH_MODEL(a_circle_of_joins_is_refused_where_it_would_close)
{
	struct rota_scope scope;
	int refused = 0, result;

	store_relaxed(&circle_ready, 0);
	rota_scope_open(&scope);
	for (intptr_t i = 0; i < 3; i++)
		CHECK_EQ(rota_spawn_task(&circle[i], &scope, join_next, (void *)i, NULL), 0);
	store_release(&circle_ready, 1);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rota_join(circle[i], &result), 0);
		refused += result;
	}
	CHECK_EQ(refused, 1);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static struct rota_task *parent;
static struct rota_scope *parents_scope;

static int join_parent(void *arg)
{
	(void)arg;
	CHECK_EQ(rota_join(parent, NULL), -EDEADLK);
	CHECK_EQ(rota_scope_join(parents_scope), -EPERM);
	CHECK_EQ(rota_join(rota_self(), NULL), -EDEADLK);
	return 0;
}

static int have_child(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	parents_scope = &scope;
	rota_spawn(&scope, join_parent, NULL);
	return rota_scope_join(&scope);
}

EACH_MODEL(what_would_wait_for_oneself_is_refused)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&parent, &scope, have_child, NULL, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- staying and moving ---- */

static int stay(void *arg)
{
	unsigned home = rota_worker_number();
	pthread_t thread = pthread_self();

	(void)arg;
	for (int i = 0; i < 50; i++) {
		i % 2 ? rota_yield() : rota_sleep(ROTA_MICROSECONDS(10));
		CHECK_EQ(rota_worker_number(), home);
		CHECK(pthread_equal(thread, pthread_self()));
	}
	return 0;
}

EACH_MODEL(a_pinned_task_stays_on_its_thread)
{
	struct rota_task_options pinned = { .pinned = true };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(rota_spawn_task(&task, &scope, stay, NULL, &pinned), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

enum { MOVES = 20 };

static struct rota_chan asked[WORKERS], answers;

/* Whom it wakes goes on on its worker. */
static int answer(void *own)
{
	char c;

	while (rota_chan_recv(own, &c) == 0)
		CHECK_EQ(rota_chan_send(&answers, &c), 0);
	return 0;
}

/* A function of its own, so that it finds the variable anew. */
static __attribute__((noinline)) void set_errno(int code)
{
	errno = code;
}

static int move_about(void *arg)
{
	struct rota_scope scope;
	struct rota_task *task;
	char c = 0;

	(void)arg;
	CHECK_EQ(rota_chan_init(&answers, 1, 1), 0);
	rota_scope_open(&scope);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct rota_task_options there = { .pinned = true, .worker = ROTA_WORKER(i) };

		CHECK_EQ(rota_chan_init(&asked[i], 1, 1), 0);
		CHECK_EQ(rota_spawn_task(&task, &scope, answer, &asked[i], &there), 0);
	}
	for (unsigned i = 0, moves = 0; moves < MOVES; i++) {
		unsigned at = rota_worker_number();

		set_errno(1000 + (int)at);
		CHECK_EQ(rota_errno(), -1000 - (int)at);
		CHECK_EQ(rota_chan_send(&asked[i % WORKERS], &c), 0);
		CHECK_EQ(rota_chan_recv(&answers, &c), 0);
		moves += rota_worker_number() != at;
	}
	for (unsigned i = 0; i < WORKERS; i++)
		rota_chan_close(&asked[i]);
	return rota_scope_join(&scope);
}

TEST(a_task_that_moves_reads_the_errno_of_the_thread_it_is_on)
{
	run_under(ROTA_STEAL, move_about);
}

static uint32_t workers_seen;

/* Holds its worker until another one runs tasks too. */
static int be_seen(void *arg)
{
	uint32_t seen = load_relaxed(&workers_seen), mine = 1u << rota_worker_number();

	(void)arg;
	while (!cas_acq_rel(&workers_seen, &seen, seen | mine))
		;
	while (__builtin_popcount(load_relaxed(&workers_seen)) < 2)
		;
	return 0;
}

static int spread(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	for (int i = 0; i < 100; i++)
		rota_spawn(&scope, be_seen, NULL);
	return rota_scope_join(&scope);
}

TEST(a_worker_without_work_takes_some_of_one_that_is_busy)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 4, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(spread, NULL, &options), 0);
}

static struct rota_chan there, back;

static int answer_for_ever(void *arg)
{
	int ball;

	(void)arg;
	while (rota_chan_recv(&there, &ball) == 0 && rota_chan_send(&back, &ball) == 0)
		;
	return 0;
}

static int ask_until_the_third_ran(void *arg)
{
	int ball = 1;

	(void)arg;
	while (load_acquire(&count) == 0) {
		CHECK_EQ(rota_chan_send(&there, &ball), 0);
		CHECK_EQ(rota_chan_recv(&back, &ball), 0);
	}
	rota_chan_close(&there);
	rota_chan_close(&back);
	return 0;
}

/* Each wakes the other and waits: whoever is woken last runs next, but not for ever. */
static int two_and_a_third(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	store_relaxed(&count, 0);
	CHECK_EQ(rota_chan_init(&there, sizeof(int), 0), 0);
	CHECK_EQ(rota_chan_init(&back, sizeof(int), 0), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, add_one, NULL), 0);
	CHECK_EQ(rota_spawn(&scope, answer_for_ever, NULL), 0);
	CHECK_EQ(rota_spawn(&scope, ask_until_the_third_ran, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&there), 0);
	CHECK_EQ(rota_chan_fini(&back), 0);
	return 0;
}

TEST(two_tasks_that_answer_each_other_do_not_starve_a_third)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 1, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(two_and_a_third, NULL, &options), 0);
	options.model = ROTA_GROUP;
	CHECK_EQ(rota_run(two_and_a_third, NULL, &options), 0);
	options.model = ROTA_SINGLE;
	CHECK_EQ(rota_run(two_and_a_third, NULL, &options), 0);
}

static void look_away(const struct rota_blocked *blocked)
{
	(void)blocked;
}

/* Only another worker can run the child. */
static int spawn_and_hold_on(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	store_relaxed(&count, 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, add_one, NULL), 0);
	while (load_acquire(&count) == 0)
		;
	return rota_scope_join(&scope);
}

TEST(what_a_task_made_ready_before_it_took_its_worker_for_itself_runs_elsewhere)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 2, .on_blocked = look_away };

	for (int round = 0; round < 5; round++)
		CHECK_EQ(rota_run(spawn_and_hold_on, NULL, &options), 0);
}

static struct rota_event go;

static void let_go(void *unused)
{
	(void)unused;
	rota_event_set(&go);
}

/* It stays on the worker whose callback makes both ready. */
static int hold_until_the_other_ran(void *arg)
{
	(void)arg;
	CHECK(rota_set_timeout(NULL, ROTA_MILLISECONDS(5), let_go, NULL) > 0);
	CHECK_EQ(rota_event_wait(&go), 0);
	while (load_acquire(&count) == 0)
		;
	return 0;
}

static int count_when_let_go(void *arg)
{
	(void)arg;
	CHECK_EQ(rota_event_wait(&go), 0);
	add_relaxed(&count, 1);
	return 0;
}

static int two_by_a_callback(void *arg)
{
	struct rota_task_options holds = { .worker = ROTA_WORKER(0), .pinned = true };
	struct rota_task_options other = { 0 };
	struct rota_scope scope;
	struct rota_task *task;

	(void)arg;
	for (enum rota_priority p = ROTA_PRIORITY_URGENT; p <= ROTA_PRIORITY_BULK; p++) {
		store_relaxed(&count, 0);
		rota_event_clear(&go);
		holds.priority = other.priority = p;
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn_task(&task, &scope, hold_until_the_other_ran, NULL, &holds), 0);
		CHECK_EQ(rota_spawn_task(&task, &scope, count_when_let_go, NULL, &other), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	return 0;
}

TEST(what_a_callback_made_ready_of_whatever_class_runs_beside_one_that_holds_its_worker)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 4, .blocked_ns = ROTA_FOREVER };

	CHECK_EQ(rota_run(two_by_a_callback, NULL, &options), 0);
}

static struct rota_notify bell;

enum { RINGS = 200 };

static int hear_them(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < RINGS; i++) {
		CHECK_EQ(rota_notify_wait(&bell), 0);
		store_relaxed(&count, i + 1);
	}
	return 0;
}

/* The one that is woken is run by another worker, for this one is held until it has run. */
static int ring(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < RINGS; i++) {
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(200)), 0);
		rota_notify_one(&bell);
		while (load_relaxed(&count) <= i)
			;
	}
	return 0;
}

static uint64_t taken_from_the_injector(void)
{
	struct rota_worker_stats stats;
	uint64_t all = 0;

	for (unsigned i = 0; i < rota_loop_count(); i++) {
		CHECK_EQ(rota_worker_stats(i, &stats), 0);
		all += stats.injected;
	}
	return all;
}

static int ring_and_hear(void *arg)
{
	struct rota_task_options hears = { 0 };
	struct rota_scope scope;
	struct rota_task *task;
	uint64_t before;

	(void)arg;
	for (int bulk = 0; bulk < 2; bulk++) {
		store_relaxed(&count, 0);
		hears.priority = bulk ? ROTA_PRIORITY_BULK : ROTA_PRIORITY_URGENT;
		before = taken_from_the_injector();
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn_task(&task, &scope, hear_them, NULL, &hears), 0);
		CHECK_EQ(rota_spawn(&scope, ring, NULL), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK(taken_from_the_injector() - before <= RINGS + 1); /* the spawn is one more */
	}
	return 0;
}

TEST(a_task_of_another_class_that_was_found_is_not_looked_for_again)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 8, .blocked_ns = ROTA_FOREVER,
		.rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(ring_and_hear, NULL, &options), 0);
}

/* ---- the end ---- */

enum { HOPS = 200 };

static struct rota_loop *loops[2];
static struct rota_post hop;

/* From loop to loop, until the run has ended and beyond. */
static void hop_on(struct rota_post *post)
{
	uint32_t hops = add_relaxed(&count, 1) + 1;

	if (hops < HOPS)
		rota_post(loops[hops % 2], post);
}

static int note_loop(void *arg)
{
	loops[(intptr_t)arg] = rota_loop_current();
	return 0;
}

static int hop_and_end(void *arg)
{
	struct rota_scope scope;
	struct rota_task *task;

	(void)arg;
	rota_scope_open(&scope);
	for (intptr_t i = 0; i < 2; i++) {
		struct rota_task_options on = { .worker = ROTA_WORKER((unsigned)i), .pinned = true };

		CHECK_EQ(rota_spawn_task(&task, &scope, note_loop, (void *)i, &on), 0);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	store_relaxed(&count, 0);
	hop.fn = hop_on;
	rota_post(loops[0], &hop);
	return 0;
}

TEST(what_loops_post_to_each_other_at_the_end_of_a_run_is_run)
{
	struct rota_options options = { .workers = 2, .bosses = ROTA_NO_BOSSES, .blocked_ns = ROTA_FOREVER };

	for (enum rota_model model = ROTA_GROUP; model <= ROTA_STEAL; model++) {
		options.model = model;
		CHECK_EQ(rota_run(hop_and_end, NULL, &options), 0);
		CHECK_EQ(count, HOPS);
	}
}

/* ---- I/O ---- */

static int echo(void *arg)
{
	struct rota_stream *s = arg;
	char buf[256];
	ssize_t n;

	while ((n = rota_read(s, buf, sizeof buf)) > 0 && (n = rota_write_all(s, buf, (size_t)n)) > 0)
		rota_yield(); /* a chance to be taken elsewhere */
	rota_close(s);
	return 0;
}

static int serve(void *door)
{
	return rota_serve(door, echo);
}

static char address[32];

static int talk(void *arg)
{
	struct rota_stream *s;
	char said[64], heard[64];

	(void)arg;
	CHECK_EQ(rota_tcp_connect(&s, address, NULL), 0);
	for (int i = 0; i < 20; i++) {
		memset(said, 'a' + i, sizeof said);
		CHECK_EQ(rota_write_all(s, said, sizeof said), sizeof said);
		rota_yield();
		CHECK_EQ(rota_read_exactly(s, heard, sizeof heard), sizeof heard);
		CHECK(memcmp(said, heard, sizeof said) == 0);
	}
	rota_close(s);
	return 0;
}

EACH_MODEL(an_echo_server_answers_many_clients)
{
	struct rota_listener *door;
	struct rota_scope server, clients;

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_listener_port(door));
	rota_scope_open(&server);
	rota_spawn(&server, serve, door);
	rota_scope_open(&clients);
	for (int i = 0; i < 40; i++)
		rota_spawn(&clients, talk, NULL);
	CHECK_EQ(rota_scope_join(&clients), 0);
	rota_scope_cancel(&server);
	CHECK_EQ(rota_scope_join(&server), 0);
	rota_listener_close(door);
}

static int read_for_ever(void *arg)
{
	struct rota_stream *s;
	char byte;
	int rc;

	(void)arg;
	rc = rota_tcp_connect(&s, address, NULL);
	if (rc < 0)
		return rc;
	rc = (int)rota_read(s, &byte, 1);
	rota_close(s);
	return rc;
}

EACH_MODEL(connecting_and_reading_can_be_cancelled_from_elsewhere)
{
	struct rota_listener *door;
	struct rota_scope server;

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_listener_port(door));
	rota_scope_open(&server);
	rota_spawn(&server, serve, door);
	for (int round = 0; round < 20; round++) {
		struct rota_scope clients;

		rota_scope_open(&clients);
		for (int i = 0; i < 10; i++)
			rota_spawn(&clients, read_for_ever, NULL);
		rota_sleep(ROTA_MICROSECONDS((uint64_t)round * 50));
		rota_scope_cancel(&clients);
		CHECK_EQ(rota_scope_join(&clients), 0);
	}
	rota_scope_cancel(&server);
	CHECK_EQ(rota_scope_join(&server), 0);
	rota_listener_close(door);
}

static int compute(void *arg)
{
	usleep(100);
	return (int)(intptr_t)arg;
}

static int ask_pool(void *arg)
{
	int rc = rota_blocking(compute, arg);

	CHECK(rc == (int)(intptr_t)arg || rc == -ECANCELED);
	return 0;
}

EACH_MODEL(jobs_come_back_from_the_pool_or_are_cancelled)
{
	for (int round = 0; round < 10; round++) {
		struct rota_scope scope;

		rota_scope_open(&scope);
		for (intptr_t i = 0; i < 30; i++)
			rota_spawn(&scope, ask_pool, (void *)i);
		if (round % 2)
			rota_scope_cancel(&scope);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

static int hello(struct rota_http_exchange *x, void *arg)
{
	(void)arg;
	return rota_http_reply_text(x, 200, "hello");
}

static int serve_http(void *door)
{
	return rota_http_serve(door, hello, NULL, NULL);
}

static int fetch(void *arg)
{
	struct rota_http_response *answer;
	char url[64];

	(void)arg;
	snprintf(url, sizeof url, "http://%s/", address);
	CHECK_EQ(rota_fetch(url, NULL, &answer), 0);
	CHECK_EQ(answer->status, 200);
	CHECK(answer->body_size == 5 && memcmp(answer->body, "hello", 5) == 0);
	rota_http_response_free(answer);
	return 0;
}

EACH_MODEL(an_http_server_answers_its_clients)
{
	struct rota_listener *door;
	struct rota_scope server, clients;

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_listener_port(door));
	rota_scope_open(&server);
	rota_spawn(&server, serve_http, door);
	rota_scope_open(&clients);
	for (int i = 0; i < 20; i++)
		rota_spawn(&clients, fetch, NULL);
	CHECK_EQ(rota_scope_join(&clients), 0);
	rota_scope_cancel(&server);
	CHECK_EQ(rota_scope_join(&server), 0);
	rota_listener_close(door);
}

static int look_around(void *arg)
{
	(void)arg;
	CHECK_STR(rota_model_name(), "steal");
	return (int)rota_loop_count();
}

TEST(the_model_and_the_workers_can_be_named_in_the_environment)
{
	setenv("ROTA_MODEL", "steal", 1);
	setenv("ROTA_WORKERS", "3", 1);
	CHECK_EQ(rota_run(look_around, NULL, NULL), 3);
	setenv("ROTA_WORKERS", "many", 1);
	CHECK_EQ(rota_run(look_around, NULL, NULL), -EINVAL);
	setenv("ROTA_WORKERS", "0", 1);
	CHECK_EQ(rota_run(look_around, NULL, NULL), -EINVAL);
	setenv("ROTA_MODEL", "quantum", 1);
	CHECK_EQ(rota_run(look_around, NULL, NULL), -EINVAL);
}

TEST(times_in_the_environment_are_numbers)
{
	static const char *const times[] = { "ROTA_SPIN_US", "ROTA_BLOCKED_MS", "ROTA_RESCUE_MS", "ROTA_DRAIN_MS" };

	setenv("ROTA_MODEL", "steal", 1);
	setenv("ROTA_WORKERS", "2", 1);
	for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
		setenv(times[i], "soon", 1);
		CHECK_EQ(rota_run(look_around, NULL, NULL), -EINVAL);
		setenv(times[i], "0", 1);
		CHECK_EQ(rota_run(look_around, NULL, NULL), 2);
		setenv(times[i], "1000000000000000000000", 1);
		CHECK_EQ(rota_run(look_around, NULL, NULL), 2);
		unsetenv(times[i]);
	}
}

/* ---- the end of a run ---- */

static struct rota_async forgotten;

static void nothing(struct rota_async *async)
{
	(void)async;
}

static int forget_a_handle(void *arg)
{
	struct rota_loop *loop = rota_loop_current();

	(void)arg;
	memset(&forgotten, 0, sizeof forgotten);
	CHECK_EQ(rota_async_open(loop, &forgotten, nothing), 0);
	rota_handle_unref(&forgotten.handle);
	return 0;
}

/* Else its loop would stay, with its descriptors, which the harness looks for. */
TEST(a_handle_that_nobody_has_closed_is_closed_when_its_run_ends)
{
	static const enum rota_model models[] = { ROTA_SINGLE, ROTA_GROUP, ROTA_STEAL };

	for (int i = 0; i < 3; i++) {
		run_under(models[i], forget_a_handle);
		CHECK(!rota_handle_is_open(&forgotten.handle));
	}
}
