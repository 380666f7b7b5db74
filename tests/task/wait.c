/* wait.c - sleeping, yielding, blocking calls, task-locals */
#include <pthread.h>
#include <sched.h>

#include "run.h"
#include "task/join.h"

TASK_TEST(sleep_is_never_shorter_than_asked)
{
	for (int i = 0; i < 20; i++) {
		uint64_t length = ROTA_MICROSECONDS(50) * (uint64_t)i, start = rota_now_ns();

		CHECK_EQ(rota_sleep(length), 0);
		CHECK(rota_now_ns() - start >= length);
	}
}

static int sleep_as_long_as_can_be(void *arg)
{
	return rota_sleep(UINT64_MAX - 1);
}

static int sleep_within_1_ms(void *arg)
{
	return rota_timeout(ROTA_MILLISECONDS(1), sleep_as_long_as_can_be, NULL);
}

TASK_TEST(a_sleep_of_any_length_does_not_overflow)
{
	CHECK_EQ(sleep_within_1_ms(NULL), -ETIMEDOUT);
	CHECK_EQ(rota_timeout(UINT64_MAX - 1, sleep_within_1_ms, NULL), -ETIMEDOUT);
}

static void note_call(void *called)
{
	*(bool *)called = true;
}

/* As setTimeout(0) does in Node; a yield only lets other tasks go first. */
TASK_TEST(a_sleep_of_nothing_comes_after_what_was_due_before)
{
	bool called = false;

	CHECK(rota_set_timeout(rota_loop_current(), 0, note_call, &called) > 0);
	CHECK_EQ(rota_sleep(0), 0);
	CHECK(called);
}

static int order[16], order_count;

static int sleep_until_and_note(void *arg)
{
	intptr_t i = (intptr_t)arg;
	static uint64_t base;

	if (base == 0)
		base = rota_deadline(ROTA_MILLISECONDS(3));
	rota_sleep_until(base + (uint64_t)(i / 4)); /* four equal deadlines each */
	order[order_count++] = (int)i;
	return 0;
}

TASK_TEST(sleepers_wake_by_deadline_and_equal_ones_in_arming_order)
{
	struct rota_scope scope;

	not_where_work_is_stolen("each worker has timers of its own");
	rota_scope_open(&scope);
	for (intptr_t i = 0; i < 16; i++)
		rota_spawn(&scope, sleep_until_and_note, (void *)i);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(order[i], i);
}

static int count_one(void *arg)
{
	++*(int *)arg;
	return 0;
}

static int count_one_and_yield(void *arg)
{
	count_one(arg);
	return rota_yield();
}

/* The second task goes on where the first ended, on its stack, and stands in the ready ring when the
 * third ends. */
TASK_TEST(a_task_that_yields_on_a_stack_it_took_over_runs_once)
{
	struct rota_scope scope;
	int first = 0, second = 0, third = 0;

	rota_scope_open(&scope);
	rota_spawn(&scope, count_one, &first);
	rota_spawn(&scope, count_one_and_yield, &second);
	rota_spawn(&scope, count_one, &third);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(first, 1);
	CHECK_EQ(second, 1);
	CHECK_EQ(third, 1);
}

static int spin_yielding(void *arg)
{
	int rc = 0;

	while (!load_relaxed((bool *)arg) && rc == 0)
		rc = rota_yield();
	return rc;
}

static int sleep_then_stop(void *arg)
{
	int rc = rota_sleep(ROTA_MILLISECONDS(1));

	store_relaxed((bool *)arg, true);
	return rc;
}

TASK_TEST(tasks_that_are_always_ready_do_not_starve_timers)
{
	bool stop = false;
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, spin_yielding, &stop);
	rota_spawn(&scope, spin_yielding, &stop);
	rota_spawn(&scope, sleep_then_stop, &stop);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int answer(void *arg)
{
	*(pthread_t *)arg = pthread_self();
	return 11;
}

TASK_TEST(blocking_runs_on_another_thread_and_gives_the_answer)
{
	pthread_t there = pthread_self();

	CHECK_EQ(rota_blocking(answer, &there), 11);
	CHECK(!pthread_equal(there, pthread_self()));
}

static int block_until(void *arg)
{
	bool *gate = arg;

	while (!__atomic_load_n(gate, __ATOMIC_ACQUIRE))
		sched_yield();
	return 5;
}

static int block_in_task(void *arg)
{
	return rota_blocking(block_until, arg);
}

TASK_TEST(a_blocking_call_that_runs_is_waited_for_even_when_cancelled)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_scope scope;
	struct rota_task *task;
	bool gate = false;
	int result = 0;

	rota_scope_open_with(&scope, &collect);
	CHECK_EQ(rota_spawn_task(&task, &scope, block_in_task, &gate, NULL), 0);
	rota_sleep(ROTA_MILLISECONDS(1)); /* likely, not certainly, it has started: both ways end */
	rota_task_cancel(task);
	__atomic_store_n(&gate, true, __ATOMIC_RELEASE);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK(result == 5 || result == -ECANCELED);
	rota_scope_join(&scope);
}

/* What is on the pool, for a deadline that has to wait for it. */
struct gate {
	bool begun, open;
};

static int block_at_gate(void *arg)
{
	struct gate *gate = arg;

	__atomic_store_n(&gate->begun, true, __ATOMIC_RELEASE);
	return block_until(&gate->open);
}

static void wait_until_begun(struct gate *gate)
{
	while (!__atomic_load_n(&gate->begun, __ATOMIC_ACQUIRE))
		rota_yield();
}

static int hold_the_only_thread(void *gate)
{
	return rota_blocking(block_at_gate, gate) == 5 ? 0 : -EIO;
}

TASK_TEST(a_blocking_call_that_has_not_begun_by_its_deadline_never_runs)
{
	struct gate first = { false }, second = { .open = true };
	struct rota_scope scope;

	CHECK_EQ(rota_blocking_until(block_at_gate, &second, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_blocking_limits(1, 0), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, hold_the_only_thread, &first);
	wait_until_begun(&first);
	CHECK_EQ(rota_blocking_until(block_at_gate, &second, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	__atomic_store_n(&first.open, true, __ATOMIC_RELEASE);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(!second.begun);
	CHECK_EQ(rota_blocking_until(block_at_gate, &second, rota_deadline(ROTA_SECONDS(3600))), 5);
}

struct late {
	struct gate gate;
	uint64_t deadline;
};

static int open_after_the_deadline(void *arg)
{
	struct late *late = arg;

	wait_until_begun(&late->gate);
	rota_sleep_until(late->deadline + ROTA_MILLISECONDS(1));
	__atomic_store_n(&late->gate.open, true, __ATOMIC_RELEASE);
	return 0;
}

TASK_TEST(a_blocking_call_that_has_begun_is_waited_for_beyond_its_deadline)
{
	struct rota_scope scope;
	struct late late;
	int rc;

	do { /* on a busy machine it may come too late to begin */
		late = (struct late){ .deadline = rota_deadline(ROTA_MILLISECONDS(5)) };
		rota_scope_open(&scope);
		rota_spawn(&scope, open_after_the_deadline, &late);
		rc = rota_blocking_until(block_at_gate, &late.gate, late.deadline);
		__atomic_store_n(&late.gate.begun, true, __ATOMIC_RELEASE);
		CHECK_EQ(rota_scope_join(&scope), 0);
	} while (rc == -ETIMEDOUT);
	CHECK_EQ(rc, 5);
	CHECK(rota_now_ns() > late.deadline);
}

static const struct rota_local color = { .name = "color" };
static const struct rota_local secret = { .name = "secret", .private_to_task = true };
static int destroyed;

static void destroy(void *value)
{
	destroyed += *(int *)value;
}

static const struct rota_local counted = { .name = "counted", .destroy = destroy };

static int child_sees(void *arg)
{
	CHECK_STR(rota_local_get(&color), "red");
	CHECK(rota_local_get(&secret) == NULL);
	CHECK_EQ(rota_local_set(&color, (void *)"blue"), 0);
	CHECK_STR(rota_local_get(&color), "blue");
	return 0;
}

TASK_TEST(locals_are_inherited_at_spawn_and_changes_stay_below)
{
	struct rota_scope scope;

	CHECK(rota_local_get(&color) == NULL);
	CHECK_EQ(rota_local_set(&color, (void *)"red"), 0);
	CHECK_EQ(rota_local_set(&secret, (void *)"x"), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, child_sees, NULL);
	CHECK_EQ(rota_local_set(&color, (void *)"green"), 0); /* after the spawn: not seen by the child */
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_STR(rota_local_get(&color), "green");
	CHECK_STR(rota_local_get(&secret), "x");
}

static int yield_once(void *arg)
{
	return rota_yield();
}

static int set_counted(void *arg)
{
	struct rota_scope scope;
	static int one = 1, ten = 10;

	rota_local_set(&counted, &one);
	rota_scope_open(&scope);
	rota_spawn(&scope, yield_once, NULL);
	rota_local_set(&counted, &ten);
	rota_scope_join(&scope);
	CHECK_EQ(destroyed, 0); /* ours still holds both */
	return 0;
}

TASK_TEST(a_local_is_destroyed_when_nobody_can_see_it)
{
	struct rota_call call = { set_counted, NULL };

	CHECK_EQ(rota_gather(&call, 1, NULL), 0);
	CHECK_EQ(destroyed, 11);
}

static int measure_depth(void *arg)
{
	volatile char deep[20000];

	deep[0] = 1;
	deep[sizeof deep - 1] = 1;
	CHECK(rota_task_stack_used(rota_self()) >= sizeof deep);
	return deep[0];
}

TASK_TEST(stack_use_is_measured)
{
	struct rota_call call = { measure_depth, NULL };

	CHECK_EQ(rota_gather(&call, 1, NULL), 0);
}

/* Each frame's bytes are used after the call below it, so that no compiler makes a loop of it. */
static int recurse(void *arg)
{
	volatile char frame[512];
	int below;

	for (size_t i = 0; i < sizeof frame; i += 64)
		frame[i] = (char)((uintptr_t)arg + i);
	if (frame[0] == frame[1] && frame[2] == 77)
		return 0; /* never; the compiler does not know */
	below = recurse((void *)frame);
	return below + frame[64] + frame[128];
}

static void overflow(void *arg)
{
	rota_run(recurse, (void *)1, NULL);
}

TEST(a_stack_overflow_names_the_task_and_where_it_was_spawned)
{
	char err[4096];
	int status = test_run_child(overflow, NULL, err, sizeof err);

	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	CHECK(strstr(err, "stack") != NULL);
	CHECK(strstr(err, "main") != NULL);
}

static int in_the_childs_own_run(void *arg)
{
	return rota_sleep(ROTA_MICROSECONDS(10)) == 0 ? 7 : 1;
}

/* In the child, still on the stack of the parent's task. */
static int refused_in_child(struct rota_stream *stream, struct rota_scope *scope)
{
	char byte;

	if (rota_sleep(1) != -EPERM || rota_yield() != -EPERM || rota_self() != NULL)
		return 1;
	if (rota_read(stream, &byte, 1) != -EPERM || rota_write(stream, "x", 1) != -EPERM)
		return 2;
	if (rota_detached() != NULL ||
		rota_spawn_at(scope, in_the_childs_own_run, NULL, "child", "here") != -EPERM)
		return 3;
	return rota_run(in_the_childs_own_run, NULL, NULL) == 7 ? 0 : 4;
}

static int fork_in_a_task(void *arg)
{
	struct rota_stream *pair[2];
	struct rota_scope scope;
	int status;
	pid_t pid;

#ifdef ROTA_TSAN
	if (strcmp(rota_model_name(), "single") != 0)
		SKIP("ThreadSanitizer's own list of threads does not survive the fork of several");
#endif
	CHECK_EQ(rota_stream_pair(pair), 0);
	rota_scope_open(&scope);
	pid = fork();
	if (pid == 0)
		_exit(refused_in_child(pair[0], &scope));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(10)), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(pair[0]);
	rota_close(pair[1]);
	return 0;
}

TEST(a_forked_child_is_refused_its_parents_run_and_may_start_its_own)
{
	CHECK_EQ(rota_run(fork_in_a_task, NULL, NULL), 0);
}

/* ---- a fork while a lock is held ---- */

static int sleep_a_little(void *arg)
{
	return rota_sleep(ROTA_MILLISECONDS(1));
}

static int join_one(void *arg)
{
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, sleep_a_little, NULL, NULL), 0);
	CHECK_EQ(rota_join(task, NULL), 0);
	return rota_scope_join(&scope);
}

static pid_t forked;

/* Called with the lock of all joins. */
static bool fork_in_the_lock(struct rota__joiner *joiner, int result)
{
	struct rota_options several = { .model = ROTA_STEAL, .workers = 2, .blocked_ns = ROTA_FOREVER };

	forked = fork();
	if (forked == 0)
		_exit(rota_run(join_one, NULL, &several) == 0 ? 0 : 1);
	return false;
}

static int take_the_place(struct rota__joiner *joiner, struct rota_task *task)
{
	ROTA_INSIDE();
	int result;

	joiner->task = rota__current();
	joiner->ended = fork_in_the_lock;
	return rota__joiner_add(joiner, task, &result);
}

static int fork_at_a_tasks_end(void *arg)
{
	struct rota__joiner joiner;
	struct rota_scope scope;
	struct rota_task *task;
	int status;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, sleep_a_little, NULL, NULL), 0);
	CHECK_EQ(take_the_place(&joiner, task), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(waitpid(forked, &status, 0), forked);
	CHECK_EQ(status, 0);
	return 0;
}

TEST(a_child_that_was_forked_in_the_middle_of_a_join_can_join_in_its_own_run)
{
	if (test_in_qemu())
		SKIP("the child starts threads");
#ifdef ROTA_TSAN
	SKIP("ThreadSanitizer's own list of threads does not survive the fork of several");
#endif
	CHECK_EQ(rota_run(fork_at_a_tasks_end, NULL, NULL), 0);
}
