/* order.c - which task is next: those that are spawned to run now, those of a class, those for another worker */
#include <rota.h>
#include <sched.h>
#include <string.h>

#include "base/atomic.h"
#include "each_model.h"

/* The same with one worker, where the order is exact. */
#define IN_ORDER(name)                                                                             \
	static void name##_body(void);                                                             \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		(void)arg;                                                                         \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name)                                                                                 \
	{                                                                                          \
		static const struct rota_options alone[] = {                                       \
			{ .model = ROTA_SINGLE },                                                  \
			{ .model = ROTA_GROUP, .bosses = ROTA_NO_BOSSES, .workers = 1 },           \
			{ .model = ROTA_STEAL, .workers = 1 },                                     \
		};                                                                                 \
                                                                                                   \
		for (int i = 0; i < 3; i++) {                                                      \
			struct rota_options options = alone[i];                                    \
                                                                                                   \
			options.blocked_ns = options.rescue_ns = ROTA_SECONDS(3600);               \
			CHECK_EQ(rota_run(name##_app, NULL, &options), 0);                         \
		}                                                                                  \
	}                                                                                          \
	static void name##_body(void)

static char seen[256];
static uint32_t seen_count;

static void begin(struct rota_scope *scope)
{
	memset(seen, 0, sizeof seen);
	store_relaxed(&seen_count, 0);
	rota_scope_open(scope);
}

static void see(char c)
{
	seen[add_relaxed(&seen_count, 1)] = c;
}

static int say(void *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		see(*c);
		if (c[1] != '\0')
			rota_yield();
	}
	return 0;
}

static void spawn_as(struct rota_scope *scope, enum rota_priority priority, rota_fn fn, void *arg)
{
	struct rota_task *task;

	CHECK_EQ(rota_spawn_task(&task, scope, fn, arg, &(struct rota_task_options){ .priority = priority }), 0);
}

/* ---- now ---- */

IN_ORDER(a_child_that_is_spawned_now_runs_up_to_its_first_wait)
{
	struct rota_scope scope;

	begin(&scope);
	CHECK_EQ(rota_spawn(&scope, say, "x"), 0);
	see('1');
	CHECK_EQ(rota_spawn_now(&scope, say, "ab"), 0);
	see('2');
	CHECK_EQ(rota_spawn_now(&scope, say, "c"), 0);
	see('3');
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(seen_count, 7);
	CHECK(memcmp(seen, "1a", 2) == 0);
	CHECK(strchr(seen, '2') < strchr(seen, 'c') && strchr(seen, 'c') < strchr(seen, '3'));
	if (strcmp(rota_model_name(), "steal") != 0) /* there the caller waits for its turn */
		CHECK_STR(seen, "1a2c3xb");
}

static int is_done;

static int finish(void *arg)
{
	(void)arg;
	is_done++;
	return -EPROTO;
}

static int spawn_and_look(void *arg)
{
	struct rota_task_options now = { .now = true };
	struct rota_scope scope;
	struct rota_task *task;
	int result = 0;

	(void)arg;
	is_done = 0;
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn_now(&scope, finish, NULL), 0);
	CHECK_EQ(is_done, 1);
	CHECK_EQ(rota_spawn_task(&task, &scope, finish, NULL, &now), 0);
	CHECK_EQ(is_done, 2);
	CHECK_EQ(rota_try_join(task, &result), 0);
	CHECK_EQ(result, -EPROTO);
	CHECK_EQ(rota_scope_join(&scope), -EPROTO);
	return 0;
}

EACH_MODEL(what_a_child_does_without_waiting_is_done_when_a_pinned_task_goes_on)
{
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, spawn_and_look, NULL, &(struct rota_task_options){ .pinned = true }), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

EACH_MODEL(nothing_is_spawned_now_into_a_scope_that_was_cancelled)
{
	struct rota_scope scope;

	is_done = 0;
	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_spawn_now(&scope, finish, NULL), -ECANCELED);
	CHECK_EQ(is_done, 0);
	rota_scope_join(&scope);
}

/* Each child is run by a parent that has not gone on yet. */
static int nest(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct rota_scope scope;

	if (depth == 0)
		return rota_yield();
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_now(&scope, nest, (void *)(depth - 1)), 0);
	CHECK_EQ(rota_spawn_now(&scope, nest, (void *)0), 0);
	return rota_scope_join(&scope);
}

EACH_MODEL(children_spawned_now_nest)
{
	CHECK_EQ(nest((void *)500), 0);
}

static uint32_t leaves;

static int divide(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct rota_scope scope;

	if (depth == 0) {
		add_relaxed(&leaves, 1);
		return 0;
	}
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_now(&scope, divide, (void *)(depth - 1)), 0);
	CHECK_EQ(rota_spawn_now(&scope, divide, (void *)(depth - 1)), 0);
	return rota_scope_join(&scope);
}

EACH_MODEL(a_tree_of_tasks_spawned_now_has_all_its_leaves)
{
	for (int round = 0; round < test_times(8); round++) {
		leaves = 0;
		CHECK_EQ(divide((void *)9), 0);
		CHECK_EQ(leaves, 1 << 9);
	}
}

/* Holds its thread until the caller has gone on, which must be on another one. */
static uint32_t went_on;

static int hold_until_parent_goes_on(void *arg)
{
	(void)arg;
	while (!load_acquire(&went_on))
		sched_yield();
	return 0;
}

static int go_on_elsewhere(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	went_on = 0;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_now(&scope, hold_until_parent_goes_on, NULL), 0);
	store_release(&went_on, 1);
	return rota_scope_join(&scope);
}

TEST(where_work_is_stolen_the_caller_goes_on_beside_its_child)
{
	run_under(ROTA_STEAL, go_on_elsewhere);
}

static int told;

static void spawn_in_callback(void *arg)
{
	struct rota_scope *scope = arg;

	told = rota_spawn_now(scope, finish, NULL);
}

IN_ORDER(there_is_nobody_to_go_on_in_a_callback)
{
	struct rota_scope scope;

	is_done = told = 0;
	rota_scope_open(&scope);
	CHECK_EQ(rota_next_tick(rota_loop_current(), spawn_in_callback, &scope), 0);
	while (told == 0)
		rota_yield();
	CHECK_EQ(told, -EPERM);
	CHECK_EQ(is_done, 0);
	CHECK_EQ(rota_scope_join(&scope), -EPERM);
}

static int spawn_for_ever(void *stop)
{
	struct rota_scope scope;

	is_done = 0;
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	while (!*(bool *)stop)
		CHECK_EQ(rota_spawn_now(&scope, finish, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), -EPROTO);
	return 0;
}

static int sleep_and_stop(void *stop)
{
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	*(bool *)stop = true;
	return 0;
}

IN_ORDER(a_task_that_spawns_now_without_end_starves_nobody)
{
	struct rota_scope scope;
	bool stop = false;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, sleep_and_stop, &stop), 0);
	CHECK_EQ(rota_spawn(&scope, spawn_for_ever, &stop), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- classes ---- */

IN_ORDER(urgent_tasks_come_first_and_bulk_tasks_last)
{
	struct rota_scope scope;

	begin(&scope);
	spawn_as(&scope, ROTA_PRIORITY_BULK, say, "ab");
	CHECK_EQ(rota_spawn(&scope, say, "1"), 0);
	spawn_as(&scope, ROTA_PRIORITY_URGENT, say, "AB");
	spawn_as(&scope, ROTA_PRIORITY_NORMAL, say, "2");
	spawn_as(&scope, ROTA_PRIORITY_URGENT, say, "C");
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(memcmp(seen, "ACB", 3) == 0);
	CHECK(memcmp(seen + 3, "12", 2) == 0 || memcmp(seen + 3, "21", 2) == 0);
	CHECK_STR(seen + 5, "ab");
}

static int spawn_child(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, say, arg), 0);
	return rota_scope_join(&scope);
}

IN_ORDER(a_class_is_inherited_and_can_be_changed)
{
	struct rota_scope scope;

	begin(&scope);
	CHECK_EQ(rota_set_priority(ROTA_PRIORITY_URGENT), 0);
	CHECK_EQ(rota_spawn(&scope, say, "A"), 0);
	CHECK_EQ(rota_set_priority(ROTA_PRIORITY_BULK), 0);
	CHECK_EQ(rota_spawn(&scope, say, "b"), 0);
	CHECK_EQ(rota_set_priority(ROTA_PRIORITY_NORMAL), 0);
	CHECK_EQ(rota_spawn(&scope, say, "1"), 0);
	spawn_as(&scope, ROTA_PRIORITY_URGENT, spawn_child, "C");
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_STR(seen, "AC1b");
	CHECK_EQ(rota_set_priority(ROTA_PRIORITY_INHERIT), -EINVAL);
	CHECK_EQ(rota_set_priority((enum rota_priority)17), -EINVAL);
}

static bool stop_yielding;

static int yield_on(void *arg)
{
	(void)arg;
	while (!load_relaxed(&stop_yielding))
		rota_yield();
	return 0;
}

static int stop_them(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		rota_yield();
	store_relaxed(&stop_yielding, true);
	return 0;
}

static void others_get_on(enum rota_priority always_ready, unsigned count, enum rota_priority other)
{
	struct rota_scope scope;

	stop_yielding = false;
	rota_scope_open(&scope);
	for (unsigned i = 0; i < count; i++)
		spawn_as(&scope, always_ready, yield_on, NULL);
	spawn_as(&scope, other, stop_them, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

EACH_MODEL(bulk_tasks_get_on_beside_others_that_are_always_ready)
{
	others_get_on(ROTA_PRIORITY_NORMAL, 8, ROTA_PRIORITY_BULK);
}

EACH_MODEL(all_get_on_beside_urgent_tasks_that_are_always_ready)
{
	others_get_on(ROTA_PRIORITY_URGENT, 8, ROTA_PRIORITY_NORMAL);
	others_get_on(ROTA_PRIORITY_URGENT, 8, ROTA_PRIORITY_BULK);
}

/* ---- beside those that yield ---- */

static struct rota_notify bell;
static uint64_t yields, yields_at_bell, rings;

static int yield_and_count(void *arg)
{
	(void)arg;
	for (; !load_relaxed(&stop_yielding); yields++)
		rota_yield();
	return 0;
}

static void begin_beside_yields(struct rota_scope *scope)
{
	stop_yielding = false;
	yields = rings = 0;
	bell = (struct rota_notify){ 0 };
	rota_scope_open(scope);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(rota_spawn(scope, yield_and_count, NULL), 0);
}

static void ring(void *arg)
{
	(void)arg;
	yields_at_bell = yields;
	rota_notify_all(&bell);
}

IN_ORDER(what_a_callback_makes_ready_goes_before_those_that_yielded)
{
	struct rota_scope scope;

	begin_beside_yields(&scope);
	while (yields < 8) /* each has begun */
		rota_yield();
	for (int i = 0; i < 50; i++) {
		CHECK(rota_set_immediate(rota_loop_current(), ring, NULL) > 0);
		CHECK_EQ(rota_notify_wait(&bell), 0);
		CHECK_EQ(yields, yields_at_bell);
		rota_yield();
		CHECK(yields > yields_at_bell);
	}
	store_relaxed(&stop_yielding, true);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_notify_fini(&bell);
}

static int compute_at_each_ring(void *arg)
{
	(void)arg;
	while (!load_relaxed(&stop_yielding)) {
		uint64_t end;

		CHECK_EQ(rota_notify_wait(&bell), 0);
		end = rota_now_ns() + ROTA_MICROSECONDS(60); /* longer than a slice */
		while (rota_now_ns() < end)
			;
	}
	return 0;
}

static void ring_again(void *arg)
{
	if (++rings == 50)
		yields_at_bell = yields; /* by now a batch is one task */
	if (rings == 100)
		store_relaxed(&stop_yielding, true);
	else
		CHECK(rota_set_immediate(rota_loop_current(), ring_again, arg) > 0);
	rota_notify_all(&bell);
}

IN_ORDER(those_that_yield_get_on_beside_tasks_that_callbacks_make_ready)
{
	struct rota_scope scope;

	begin_beside_yields(&scope);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(rota_spawn(&scope, compute_at_each_ring, NULL), 0);
	rota_yield();
	CHECK(rota_set_immediate(rota_loop_current(), ring_again, NULL) > 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(yields >= yields_at_bell + 50);
	rota_notify_fini(&bell);
}

static int wait_and_stop(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	store_relaxed(&stop_yielding, true);
	return 0;
}

EACH_MODEL(timers_go_on_beside_tasks_of_any_class_that_are_always_ready)
{
	static const enum rota_priority all[] = { ROTA_PRIORITY_URGENT, ROTA_PRIORITY_NORMAL, ROTA_PRIORITY_BULK };
	struct rota_scope scope;

	for (int i = 0; i < 3; i++) {
		stop_yielding = false;
		rota_scope_open(&scope);
		for (int j = 0; j < 8; j++)
			spawn_as(&scope, all[i], yield_on, NULL);
		spawn_as(&scope, ROTA_PRIORITY_URGENT, wait_and_stop, NULL);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

/* An urgent task whose bytes come while bulk tasks compute: at most so many of them run before it. */
static uint32_t bulk_runs;
static bool answered;

static int compute_in_pieces(void *arg)
{
	(void)arg;
	while (!load_relaxed(&answered)) {
		uint64_t end = rota_now_ns() + ROTA_MICROSECONDS(60); /* longer than a slice */

		while (rota_now_ns() < end)
			;
		add_relaxed(&bulk_runs, 1);
		rota_yield();
	}
	return 0;
}

static int answer(void *arg)
{
	struct rota_stream *stream = arg;
	char byte;

	for (int i = 0; i < 20; i++) {
		CHECK_EQ(rota_read(stream, &byte, 1), 1);
		CHECK((uint8_t)(load_relaxed(&bulk_runs) - (uint8_t)byte) <= 3);
		CHECK_EQ(rota_write(stream, &byte, 1), 1);
	}
	store_relaxed(&answered, true);
	return 0;
}

static int question(void *arg)
{
	struct rota_stream *stream = arg;

	for (int i = 0; i < 20; i++) {
		char byte = (char)load_relaxed(&bulk_runs);

		CHECK_EQ(rota_write(stream, &byte, 1), 1);
		CHECK_EQ(rota_read(stream, &byte, 1), 1);
	}
	return 0;
}

IN_ORDER(bytes_for_an_urgent_task_wait_for_one_bulk_task_not_for_all)
{
	struct rota_stream *ends[2];
	struct rota_scope scope;

	answered = false;
	bulk_runs = 0;
	CHECK_EQ(rota_stream_pair(ends), 0);
	rota_scope_open(&scope);
	for (int i = 0; i < 32; i++)
		spawn_as(&scope, ROTA_PRIORITY_BULK, compute_in_pieces, NULL);
	spawn_as(&scope, ROTA_PRIORITY_URGENT, answer, ends[0]);
	spawn_as(&scope, ROTA_PRIORITY_URGENT, question, ends[1]);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

EACH_MODEL(a_wrong_class_is_refused)
{
	struct rota_task_options options = { .priority = (enum rota_priority)4 };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, finish, NULL, &options), -EINVAL);
	CHECK_EQ(rota_scope_join(&scope), -EINVAL);
}

TEST(there_is_no_class_outside_of_tasks)
{
	CHECK_EQ(rota_set_priority(ROTA_PRIORITY_URGENT), -EPERM);
}

/* ---- on a worker ---- */

static int say_where(void *ret_number)
{
	*(unsigned *)ret_number = rota_worker_number();
	return 0;
}

EACH_MODEL(a_task_begins_on_the_worker_it_was_spawned_for)
{
	unsigned where[16] = { 0 }, count = rota_loop_count();
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(rota_spawn_task(&task, &scope, say_where, &where[i],
				 &(struct rota_task_options){ .worker = ROTA_WORKER(i), .pinned = true }), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(where[i], i);
}

EACH_MODEL(workers_get_tasks_in_turn)
{
	unsigned where[16] = { 0 }, count = rota_worker_count(), bosses = rota_boss_count();
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	for (unsigned i = 0; i < 2 * count; i++)
		CHECK_EQ(rota_spawn_task(&task, &scope, say_where, &where[i],
				 &(struct rota_task_options){ .worker = ROTA_WORKER_NEXT, .pinned = true }), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (unsigned i = 1; i < 2 * count; i++)
		CHECK_EQ(where[i], bosses + (where[0] - bosses + i) % count);
}

EACH_MODEL(a_worker_that_is_not_there_is_refused)
{
	struct rota_task_options options = { .worker = ROTA_WORKER(rota_loop_count()) };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn_task(&task, &scope, finish, NULL, &options), -EINVAL);
	if (rota_loop_count() > 1) {
		options.worker = ROTA_WORKER((rota_worker_number() + 1) % rota_loop_count());
		options.now = true;
		CHECK_EQ(rota_spawn_task(&task, &scope, finish, NULL, &options), -EINVAL);
	}
	CHECK_EQ(rota_scope_join(&scope), -EINVAL);
}
