/* scope.c - who owns a task, and what its errors and its cancellation do to others */
#include "run.h"

static int succeed(void *arg)
{
	return 7;
}

static int fail(void *arg)
{
	return -EIO;
}

static int fail_later(void *arg)
{
	others_wait();
	return (int)(intptr_t)arg;
}

static int wait_for_ever(void *arg)
{
	int rc = rota_sleep_until(ROTA_FOREVER);

	if (arg != NULL)
		*(int *)arg = rc;
	return rc;
}

static int count_up(void *arg)
{
	add_relaxed((int *)arg, 1);
	return 0;
}

TASK_TEST(scope_without_tasks_joins_at_once)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

TASK_TEST(join_waits_for_every_task)
{
	struct rota_scope scope;
	int count = 0;

	rota_scope_open(&scope);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(rota_spawn(&scope, count_up, &count), 0);
	if (rota_loop_count() == 1)
		CHECK_EQ(count, 0); /* a spawned task is ready, and the caller goes on */
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(count, 1000);
}

static char order[8];

static int note(void *arg)
{
	strcat(order, arg);
	return 0;
}

TASK_TEST(ready_tasks_run_first_in_first_out)
{
	struct rota_scope scope;

	not_where_work_is_stolen("several workers run them at the same time");
	order[0] = '\0';
	rota_scope_open(&scope);
	rota_spawn(&scope, note, "a");
	rota_spawn(&scope, note, "b");
	rota_spawn(&scope, note, "c");
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_STR(order, "abc");
}

TASK_TEST(first_error_cancels_the_siblings_and_is_returned)
{
	struct rota_scope scope;
	int seen = 0, codes[4];

	rota_scope_open(&scope);
	rota_spawn(&scope, wait_for_ever, &seen);
	CHECK_EQ(rota_spawn(&scope, fail, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
	CHECK_EQ(seen, -ECANCELED);
	CHECK_EQ(rota_scope_errors(&scope, codes, 4), 1);
	CHECK_EQ(codes[0], -EIO);
}

TASK_TEST(later_errors_are_kept)
{
	struct rota_scope scope;
	int codes[8];

	rota_scope_open(&scope);
	rota_spawn(&scope, fail_later, (void *)(intptr_t)-EPIPE);
	rota_spawn(&scope, fail, NULL);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
	CHECK_EQ(rota_scope_errors(&scope, codes, 8), 2);
	CHECK_EQ(codes[1], -EPIPE);
}

TASK_TEST(more_errors_than_fit_are_counted)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_scope scope;
	int codes[10];

	rota_scope_open_with(&scope, &collect);
	for (int i = 0; i < 10; i++)
		rota_spawn(&scope, fail, NULL);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
	CHECK_EQ(rota_scope_errors(&scope, codes, 10), 10);
}

TASK_TEST(collect_mode_lets_the_siblings_finish)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_scope scope;
	int count = 0;

	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, fail, NULL);
	rota_spawn(&scope, count_up, &count);
	CHECK_EQ(rota_scope_join(&scope), -EIO);
	CHECK_EQ(count, 1);
}

TASK_TEST(cancelling_ones_own_scope_is_no_error)
{
	struct rota_scope scope;
	int seen = 0;

	rota_scope_open(&scope);
	rota_spawn(&scope, wait_for_ever, &seen);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(seen, -ECANCELED);
	CHECK_EQ(rota_yield(), 0); /* outside the scope nothing is cancelled */
}

TASK_TEST(a_child_may_cancel_its_scope_before_its_first_wait)
{
	struct rota_scope scope;
	int seen = 0;

	rota_scope_open(&scope);
	rota_spawn(&scope, wait_for_ever, &seen);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(seen, -ECANCELED); /* the body ran, and its wait answered at once */
}

TASK_TEST(spawning_into_a_cancelled_scope_is_refused)
{
	struct rota_scope scope;
	int count = 0;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_spawn(&scope, count_up, &count), -ECANCELED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(count, 0);
}

TASK_TEST(cancellation_is_level_triggered)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rota_sleep(1), -ECANCELED);
		CHECK_EQ(rota_yield(), -ECANCELED);
		CHECK_EQ(rota_cancelled(), -ECANCELED);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_cancelled(), 0);
}

struct nest {
	int depth, result;
};

static int nest(void *arg)
{
	struct nest *n = arg, deeper = { .depth = n->depth - 1 };
	struct rota_scope scope;

	if (n->depth == 0)
		return n->result = rota_sleep_until(ROTA_FOREVER);
	rota_scope_open(&scope);
	rota_spawn(&scope, nest, &deeper);
	n->result = rota_scope_join(&scope);
	return n->result;
}

TASK_TEST(cancellation_goes_down_a_deep_tree)
{
	struct nest root = { .depth = 2000 };
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, nest, &root);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(root.result, -ECANCELED);
}

static int shielded_cleanup(void *arg)
{
	int rc = rota_sleep(ROTA_MICROSECONDS(10));

	*(int *)arg = rc;
	return rc;
}

static int clean_up_in_a_shield(void *arg)
{
	int rc = rota_sleep_until(ROTA_FOREVER);

	CHECK_EQ(rc, -ECANCELED);
	CHECK_EQ(rota_shield(ROTA_FOREVER, shielded_cleanup, arg), 0);
	CHECK_EQ(rota_cancelled(), -ECANCELED); /* and after it, it is cancelled as before */
	return rc;
}

TASK_TEST(cleanup_may_wait_in_a_shield)
{
	struct rota_scope scope;
	int cleaned = -1;

	rota_scope_open(&scope);
	rota_spawn(&scope, clean_up_in_a_shield, &cleaned);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(cleaned, 0);
}

static struct rota_event cleaning, clean;
static int cleaned_up = -1;

static int clean_up_until_told(void *arg)
{
	rota_event_set(&cleaning);
	return rota_event_wait(&clean);
}

static int clean_up_twice_cancelled(void *arg)
{
	CHECK_EQ(rota_sleep_until(ROTA_FOREVER), -ECANCELED);
	cleaned_up = rota_shield(ROTA_FOREVER, clean_up_until_told, NULL);
	return 0;
}

TASK_TEST(a_second_cancellation_does_not_break_a_cleanup)
{
	struct rota_scope outer, inner;
	struct rota_task *task;

	rota_scope_open(&outer);
	rota_scope_open(&inner);
	CHECK_EQ(rota_spawn_task(&task, &inner, clean_up_twice_cancelled, NULL, NULL), 0);
	others_wait();
	rota_task_cancel(task);
	CHECK_EQ(rota_event_wait(&cleaning), 0);
	rota_task_cancel(task);
	rota_scope_cancel(&inner);
	rota_scope_cancel(&outer);
	rota_event_set(&clean);
	rota_scope_join(&inner);
	CHECK_EQ(rota_scope_join(&outer), 0);
	CHECK_EQ(cleaned_up, 0);
}

TASK_TEST(a_shield_protects_nobody_beside_it)
{
	struct rota_scope scope;
	int seen = 0, cleaned = -1;

	rota_scope_open(&scope);
	rota_spawn(&scope, clean_up_in_a_shield, &cleaned);
	rota_spawn(&scope, wait_for_ever, &seen);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_sleep(1), -ECANCELED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(cleaned, 0);
	CHECK_EQ(seen, -ECANCELED);
}

static int sleep_long(void *arg)
{
	return rota_sleep_until(ROTA_FOREVER);
}

TASK_TEST(a_shield_has_a_deadline_of_its_own)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_shield(ROTA_MILLISECONDS(1), sleep_long, NULL), -ETIMEDOUT);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int spawn_inside_shield(void *arg)
{
	struct rota_scope scope;
	int count = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, count_up, &count), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return count;
}

TASK_TEST(tasks_can_be_spawned_inside_a_shield)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_shield(ROTA_FOREVER, spawn_inside_shield, NULL), 1);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* Longer each time, until the deadline does not pass before the spawn. */
TASK_TEST(deadline_ends_the_waits_with_etimedout)
{
	struct rota_scope_options limit;
	struct rota_scope scope;
	uint64_t length_ns = ROTA_MILLISECONDS(1);
	int seen = 0, rc;

	do {
		length_ns *= 2;
		limit = (struct rota_scope_options){ .deadline_ns = rota_deadline(length_ns) };
		rota_scope_open_with(&scope, &limit);
		rc = rota_spawn(&scope, wait_for_ever, &seen);
		CHECK_EQ(rota_scope_join(&scope), -ETIMEDOUT);
		CHECK(rota_now_ns() >= limit.deadline_ns);
	} while (rc == -ETIMEDOUT);
	CHECK_EQ(rc, 0);
	CHECK_EQ(seen, -ETIMEDOUT);
}

static int tell_deadline(void *arg)
{
	*(uint64_t *)arg = rota_current_deadline();
	return 0;
}

TASK_TEST(deadlines_are_inherited_and_the_shortest_wins)
{
	struct rota_scope_options near = { .deadline_ns = rota_deadline(ROTA_SECONDS(100)) };
	struct rota_scope_options far = { .deadline_ns = rota_deadline(ROTA_SECONDS(200)) };
	struct rota_scope outer, inner;
	uint64_t seen = 0;

	rota_scope_open_with(&outer, &near);
	rota_scope_open_with(&inner, &far);
	CHECK_EQ(rota_current_deadline(), near.deadline_ns);
	rota_spawn(&inner, tell_deadline, &seen);
	CHECK_EQ(rota_scope_join(&inner), 0);
	CHECK_EQ(rota_scope_join(&outer), 0);
	CHECK_EQ(seen, near.deadline_ns);
	CHECK_EQ(rota_current_deadline(), ROTA_FOREVER);
}

TASK_TEST(deadline_in_the_past_cancels_at_once)
{
	struct rota_scope_options past = { .deadline_ns = 1 };
	struct rota_scope scope;

	rota_scope_open_with(&scope, &past);
	CHECK_EQ(rota_sleep(1), -ETIMEDOUT);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

TASK_TEST(outer_cancellation_survives_an_inner_deadline)
{
	struct rota_scope outer, inner;
	struct rota_scope_options past = { .deadline_ns = 1 };

	rota_scope_open(&outer);
	rota_scope_open_with(&inner, &past);
	rota_scope_cancel(&outer);
	CHECK_EQ(rota_cancelled(), -ETIMEDOUT);
	CHECK_EQ(rota_scope_join(&inner), 0);
	CHECK_EQ(rota_cancelled(), -ECANCELED);
	CHECK_EQ(rota_scope_join(&outer), 0);
}

static int answer_at_once(void *arg)
{
	return 42;
}

TASK_TEST(timeout_returns_what_the_function_answers)
{
	CHECK_EQ(rota_timeout(ROTA_SECONDS(100), answer_at_once, NULL), 42);
	CHECK_EQ(rota_timeout(ROTA_SECONDS(100), fail, NULL), -EIO);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), sleep_long, NULL), -ETIMEDOUT);
	CHECK_EQ(rota_timeout(0, answer_at_once, NULL), 42); /* a result that is there wins */
	CHECK_EQ(rota_timeout(0, sleep_long, NULL), -ETIMEDOUT);
}

TASK_TEST(gather_returns_results_in_the_order_of_the_calls)
{
	struct rota_call calls[] = { { succeed, NULL }, { fail_later, (void *)3 }, { answer_at_once, NULL } };
	int results[3];

	CHECK_EQ(rota_gather(calls, 3, results), 0);
	CHECK_EQ(results[0], 7);
	CHECK_EQ(results[1], 3);
	CHECK_EQ(results[2], 42);
	CHECK_EQ(rota_gather(calls, 0, NULL), 0);
}

TASK_TEST(gather_collect_lets_all_of_them_answer_and_counts_the_errors)
{
	struct rota_call calls[] = { { succeed, NULL }, { fail, NULL }, { fail_later, (void *)(intptr_t)-EPIPE }, { succeed, NULL } };
	int results[4] = { 0 };

	CHECK_EQ(rota_gather_collect(calls, 4, results), 2);
	CHECK_EQ(results[0], 7);
	CHECK_EQ(results[1], -EIO);
	CHECK_EQ(results[2], -EPIPE);
	CHECK_EQ(results[3], 7);
	CHECK_EQ(rota_gather_collect(calls, 4, NULL), 2);
	CHECK_EQ(rota_gather_collect(calls, 1, NULL), 0);
	CHECK_EQ(rota_gather_collect(calls, 0, NULL), 0);
}

struct gathered {
	uint32_t succeeded;
	int results[3];
};

static int succeed_and_tell(void *succeeded)
{
	store_release((uint32_t *)succeeded, 1);
	return 7;
}

static int gather_for_ever(void *arg)
{
	struct gathered *g = arg;
	struct rota_call calls[] = { { wait_for_ever, NULL }, { succeed_and_tell, &g->succeeded }, { wait_for_ever, NULL } };

	return rota_gather_collect(calls, 3, g->results);
}

/* Longer each time, until there is time for the one that needs none. */
TASK_TEST(gather_collect_of_who_is_cancelled_says_which_were)
{
	struct gathered g = { 0 };
	uint64_t length_ns = ROTA_MICROSECONDS(500);
	int rc;

	do {
		length_ns *= 2;
		rc = rota_timeout(length_ns, gather_for_ever, &g);
	} while (!load_acquire(&g.succeeded));
	CHECK_EQ(rc, 2);
	CHECK_EQ(g.results[0], -ETIMEDOUT);
	CHECK_EQ(g.results[1], 7);
	CHECK_EQ(g.results[2], -ETIMEDOUT);
}

static int note_worker_before_and_after_waiting(void *arg)
{
	unsigned before = rota_worker_number();

	for (int i = 0; i < 20; i++) {
		rota_yield();
		rota_sleep(ROTA_MICROSECONDS(50));
		if (rota_worker_number() != before)
			return -EIO;
	}
	*(unsigned *)arg = before;
	return 0;
}

TASK_TEST(a_pinned_task_stays_on_the_worker_that_spawned_it)
{
	unsigned where[8], before[8], after[8]; /* who loses the CPU may be moved himself */
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 8; i++) {
		before[i] = rota_worker_number();
		CHECK_EQ(rota_spawn_pinned(&scope, note_worker_before_and_after_waiting, &where[i]), 0);
		after[i] = rota_worker_number();
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 8; i++)
		CHECK(before[i] != after[i] || where[i] == before[i]);
}

TASK_TEST(gather_cancels_the_others_at_the_first_error)
{
	struct rota_call calls[] = { { sleep_long, NULL }, { fail, NULL } };
	int results[2];

	CHECK_EQ(rota_gather(calls, 2, results), -EIO);
	CHECK_EQ(results[0], -ECANCELED);
	CHECK_EQ(results[1], -EIO);
}

TASK_TEST(race_returns_the_first_and_cancels_the_rest)
{
	struct rota_call calls[] = { { sleep_long, NULL }, { fail_later, (void *)5 }, { sleep_long, NULL } };
	int result = 0;

	CHECK_EQ(rota_race(calls, 3, &result), 1);
	CHECK_EQ(result, 5);
	CHECK_EQ(rota_race(calls, 0, &result), -EINVAL);
}

TASK_TEST(join_of_a_handle_gives_the_result_however_often)
{
	struct rota_scope scope;
	struct rota_task *task;
	int result = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, succeed, NULL, NULL), 0);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, 7);
	CHECK_EQ(rota_join(task, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int join_self(void *arg)
{
	return rota_join(rota_self(), NULL);
}

TASK_TEST(joining_oneself_is_a_deadlock_that_is_told)
{
	struct rota_call call = { join_self, NULL };

	CHECK_EQ(rota_gather(&call, 1, NULL), -EDEADLK);
}

static int join_other(void *arg)
{
	return rota_join(arg, NULL);
}

TASK_TEST(a_join_can_be_cancelled_and_the_task_goes_on)
{
	struct rota_scope scope, joiners;
	struct rota_task *task;
	int seen = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, wait_for_ever, &seen, NULL), 0);
	rota_scope_open(&joiners);
	rota_spawn(&joiners, join_other, task);
	rota_spawn(&joiners, join_other, task);
	others_wait();
	rota_scope_cancel(&joiners);
	CHECK_EQ(rota_scope_join(&joiners), 0);
	CHECK_EQ(seen, 0);
	rota_task_cancel(task);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_EQ(seen, -ECANCELED);
}

TASK_TEST(a_released_handle_leaves_the_task_running)
{
	struct rota_scope scope;
	struct rota_task *task, *ended;
	int count = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, count_up, &count, NULL), 0);
	rota_task_release(task);
	CHECK_EQ(rota_spawn_task(&ended, &scope, count_up, &count, NULL), 0);
	CHECK_EQ(rota_join(ended, NULL), 0);
	rota_task_release(ended);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(count, 2);
}

static int spawn_sibling(void *arg)
{
	void **both = arg;

	return rota_spawn((struct rota_scope *)both[0], count_up, both[1]);
}

TASK_TEST(a_child_may_add_tasks_to_its_scope_while_it_is_joined)
{
	struct rota_scope scope;
	int count = 0;
	void *both[] = { &scope, &count };

	rota_scope_open(&scope);
	rota_spawn(&scope, spawn_sibling, both);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(count, 1);
}

TASK_TEST(names_are_the_functions_and_can_be_set)
{
	struct rota_scope scope;
	struct rota_task_options named = { .name = "worker bee" };
	struct rota_task *plain, *bee;

	rota_scope_open(&scope);
	rota_spawn_task(&plain, &scope, succeed, NULL, NULL);
	rota_spawn_task(&bee, &scope, succeed, NULL, &named);
	CHECK_STR(rota_task_name(plain), "succeed");
	CHECK_STR(rota_task_name(bee), "worker bee");
	CHECK(rota_task_id(plain) != rota_task_id(bee));
	rota_task_set_name(plain, "renamed");
	CHECK_STR(rota_task_name(plain), "renamed");
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* Use so much of the stack, a page at a time from its top. */
static int use_stack(void *arg)
{
	size_t bytes = *(size_t *)arg;
	char page[4096];

	for (volatile char *p = page; p < page + sizeof page; p += 512)
		*p = 1;
	bytes -= sizeof page;
	return bytes < 2 * sizeof page ? (int)(rota_task_stack_used(rota_self()) >> 10) : use_stack(&bytes);
}

TASK_TEST(a_task_has_the_stack_it_asked_for)
{
	size_t sizes[] = { 256 << 10, 3 << 20, ROTA_STACK_BYTES_MAX };

	for (int i = 0; i < 3; i++) {
		struct rota_task_options options = { .stack_bytes = sizes[i] };
		size_t most = sizes[i] / 4; /* sanitized frames are larger */
		struct rota_scope scope;
		struct rota_task *task;
		int used_kib = 0;

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn_task(&task, &scope, use_stack, &most, &options), 0);
		CHECK_EQ(rota_join(task, &used_kib), 0);
		CHECK(used_kib >= (int)(most >> 10) - 12);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

TASK_TEST(a_stack_that_is_too_large_is_refused_and_not_cut)
{
	struct rota_task_options options = { .stack_bytes = ROTA_STACK_BYTES_MAX + 1 };
	struct rota_options huge = { .stack_bytes = ROTA_STACK_BYTES_MAX + 1 };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, succeed, NULL, &options), -EINVAL);
	options.stack_bytes = SIZE_MAX;
	CHECK_EQ(rota_spawn_task(&task, &scope, succeed, NULL, &options), -EINVAL);
	CHECK_EQ(rota_scope_join(&scope), -EINVAL);
	CHECK_EQ(rota_run(succeed, NULL, &huge), -EBUSY); /* of all reasons the first */
}

static int use_most_of_the_stack(void *arg)
{
	size_t bytes = 512 << 10;

	(void)arg;
	return use_stack(&bytes) >= 500 ? 0 : -EIO;
}

TEST(the_stacks_of_a_run_are_as_large_as_it_says_and_too_large_ones_are_refused)
{
	struct rota_options large = { .stack_bytes = 2 << 20 }, huge = { .stack_bytes = ROTA_STACK_BYTES_MAX + 1 };

	CHECK_EQ(rota_run(use_most_of_the_stack, NULL, &large), 0);
	CHECK_EQ(rota_run(succeed, NULL, &huge), -EINVAL);
}

static int leave_scope_open(void *arg)
{
	static struct rota_scope scope;

	rota_scope_open(&scope);
	return 0;
}

static void run_leave_scope_open(void *arg)
{
	rota_run(leave_scope_open, NULL, NULL);
}

TEST(a_task_that_leaves_a_scope_open_ends_the_program_with_its_name)
{
	char err[512];
	int status = test_run_child(run_leave_scope_open, NULL, err, sizeof err);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(err, "ended with an open scope: task \"main\"") != NULL);
}

static int time_out_with_an_open_scope(void *arg)
{
	(void)arg;
	return rota_timeout(ROTA_SECONDS(100), leave_scope_open, NULL);
}

static int shield_with_an_open_scope(void *arg)
{
	(void)arg;
	return rota_shield(ROTA_FOREVER, leave_scope_open, NULL);
}

static int spawn_one_that_leaves(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, (rota_fn)(uintptr_t)arg, NULL);
	return rota_scope_join(&scope);
}

static void run_spawn_one_that_leaves(void *arg)
{
	rota_run(spawn_one_that_leaves, arg, NULL);
}

TEST(a_function_that_returns_to_a_timeout_or_a_shield_with_a_scope_open_ends_the_program_with_its_tasks_name)
{
	char err[512];
	int status = test_run_child(run_spawn_one_that_leaves, (void *)(uintptr_t)time_out_with_an_open_scope, err, sizeof err);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(err, "returned to rota_timeout() with an open scope: task \"(rota_fn)(uintptr_t)arg\"") != NULL);
	status = test_run_child(run_spawn_one_that_leaves, (void *)(uintptr_t)shield_with_an_open_scope, err, sizeof err);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(err, "returned to rota_shield() with an open scope") != NULL);
}

static void open_outside_of_a_task(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
}

TEST(a_scope_that_is_opened_outside_of_a_task_ends_the_program)
{
	char err[512];
	int status = test_run_child(open_outside_of_a_task, NULL, err, sizeof err);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(err, "rota_scope_open() outside of a task") != NULL);
}

static int detach_and_leave(void *arg)
{
	return rota_spawn(rota_detached(), wait_for_ever, arg);
}

TEST(detached_tasks_are_cancelled_and_waited_for_when_the_program_ends)
{
	int seen = 0;

	CHECK_EQ(rota_run(detach_and_leave, &seen, NULL), 0);
	CHECK_EQ(seen, -ECANCELED);
}

static int refused;

static int spawn_at_the_end(void *arg)
{
	rota_sleep_until(ROTA_FOREVER);
	refused = rota_spawn(rota_detached(), succeed, NULL);
	return 0;
}

static int detach_one_that_spawns(void *arg)
{
	return rota_spawn(rota_detached(), spawn_at_the_end, NULL);
}

TEST(a_program_that_ends_takes_no_new_detached_tasks)
{
	CHECK_EQ(rota_run(detach_one_that_spawns, NULL, NULL), 0);
	CHECK_EQ(refused, -ECANCELED);
}

static struct rota_failed told;
static int spawned_by_the_handler, wait_in_the_handler;

static void note_failure(const struct rota_failed *failed)
{
	told = *failed;
	wait_in_the_handler = rota_yield();
	if (rota_spawn(rota_detached(), count_up, &spawned_by_the_handler) < 0)
		spawned_by_the_handler = -1;
}

static int detach_failing(void *arg)
{
	rota_spawn(rota_detached(), fail, NULL);
	while (load_acquire(&spawned_by_the_handler) == 0)
		rota_yield();
	return 0;
}

TEST(the_error_of_a_detached_task_reaches_the_handler)
{
	struct rota_options options = { .on_detached_error = note_failure };

	CHECK_EQ(rota_run(detach_failing, NULL, &options), 0);
	CHECK_STR(told.task_name, "fail");
	CHECK_EQ(told.code, -EIO);
	CHECK(told.site != NULL && strstr(told.site, "scope.c:") != NULL);
	CHECK(told.task_id > 0 && told.worker < 64);
	CHECK_EQ(wait_in_the_handler, 0); /* it is the task that calls it */
	CHECK_EQ(spawned_by_the_handler, 1);
}

TEST(calls_outside_of_a_task_answer_eperm)
{
	struct rota_call call = { succeed, NULL };

	CHECK_EQ(rota_yield(), -EPERM);
	CHECK_EQ(rota_sleep(1), -EPERM);
	CHECK_EQ(rota_cancelled(), -EPERM);
	CHECK_EQ(rota_gather(&call, 1, NULL), -EPERM);
	CHECK_EQ(rota_timeout(1, succeed, NULL), -EPERM);
	CHECK_EQ(rota_blocking(succeed, NULL), -EPERM);
	CHECK(rota_self() == NULL);
}

static int run_again(void *arg)
{
	return rota_run(succeed, NULL, NULL);
}

TEST(a_run_inside_a_run_is_refused)
{
	CHECK_EQ(rota_run(run_again, NULL, NULL), -EBUSY);
}

TEST(a_run_returns_what_its_first_task_returns)
{
	CHECK_EQ(rota_run(succeed, NULL, NULL), 7);
	CHECK_EQ(rota_run(fail, NULL, NULL), -EIO);
}

static int stop_by_signal(void *arg)
{
	raise(SIGTERM);
	return rota_sleep_until(ROTA_FOREVER);
}

TEST(sigterm_cancels_the_program)
{
	CHECK_EQ(rota_run(stop_by_signal, NULL, NULL), -ECANCELED);
}

static int raise_twice(void *arg)
{
	raise(SIGTERM);
	raise(SIGTERM); /* the loop has had no turn to see the first */
	return 0;
}

static void run_raise_twice(void *arg)
{
	rota_run(raise_twice, NULL, NULL);
}

TEST(a_second_sigterm_ends_the_program_at_once)
{
	int status = test_run_child(run_raise_twice, NULL, NULL, 0);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(what_nobody_knows_is_refused)
{
	struct rota_options odd = { .model = (enum rota_model)99 };
	struct rota_options poller = { .poller = "abacus" };

	CHECK_EQ(rota_run(succeed, NULL, &odd), -EINVAL);
	CHECK_EQ(rota_run(succeed, NULL, &poller), -EINVAL);
}
