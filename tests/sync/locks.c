/* locks.c - mutex, condition, rwlock, semaphore: order, hand-over, cancellation, misuse */
#include "task/run.h"

/* What happened, in order, as letters. */
static char story[64];

/* Readers tell at the same time. */
static void tell(char c)
{
	static uint32_t letters;
	uint32_t n = add_acq_rel(&letters, 1);

	CHECK(n + 1 < sizeof story);
	story[n] = c;
}

static struct rota_mutex mutex;

/* "a": lock, tell, let others run, unlock. */
static int lock_and_tell(void *name)
{
	int rc = rota_mutex_lock(&mutex);

	if (rc < 0)
		return rc;
	tell(*(char *)name);
	rota_yield();
	return rota_mutex_unlock(&mutex);
}

TASK_TEST(mutex_is_handed_over_in_the_order_of_coming_and_nobody_slips_in)
{
	struct rota_scope scope;

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++) {
		rota_spawn(&scope, lock_and_tell, &"abc"[i]);
		others_wait();
	}
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	if (rota_loop_count() == 1) /* else they may be through by now */
		CHECK_EQ(rota_mutex_try_lock(&mutex), -EBUSY); /* it is a's, though a has not run yet */
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	tell('m');
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_STR(story, "abcm");
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

static int unlock_it(void *arg)
{
	return rota_mutex_unlock(&mutex);
}

TASK_TEST(mutex_misuse_is_answered_and_does_nothing)
{
	struct rota_call by_another = { unlock_it, NULL };

	CHECK_EQ(rota_mutex_unlock(&mutex), -EPERM);
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_mutex_lock(&mutex), -EDEADLK);
	CHECK_EQ(rota_mutex_try_lock(&mutex), -EDEADLK);
	CHECK_EQ(rota_gather(&by_another, 1, NULL), -EPERM);
	CHECK_EQ(rota_mutex_fini(&mutex), -EBUSY);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), -EPERM);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

TEST(waiting_outside_of_a_task_is_refused)
{
	struct rota_semaphore sem;
	struct rota_event event = { 0 };
	struct rota_rwlock lock = { 0 };

	CHECK_EQ(rota_mutex_lock(&mutex), -EPERM);
	CHECK_EQ(rota_mutex_try_lock(&mutex), -EPERM);
	CHECK_EQ(rota_mutex_unlock(&mutex), -EPERM);
	CHECK_EQ(rota_rwlock_read(&lock), -EPERM);
	CHECK_EQ(rota_rwlock_unlock(&lock), -EPERM);
	CHECK_EQ(rota_event_wait(&event), -EPERM);
	rota_semaphore_init(&sem, 1, 0);
	CHECK_EQ(rota_semaphore_acquire(&sem, 1), -EPERM);
	CHECK_EQ(rota_semaphore_try_acquire(&sem, 1), 0); /* these have no owner */
	CHECK_EQ(rota_semaphore_try_acquire(&sem, 1), -EAGAIN);
	CHECK_EQ(rota_semaphore_release(&sem, 1), 0);
}

TASK_TEST(a_wait_ends_at_its_deadline_and_leaves_no_trace)
{
	struct rota_task *waiter;
	struct rota_scope scope;

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	rota_scope_open(&scope);
	rota_spawn_task(&waiter, &scope, lock_and_tell, "a", NULL);
	others_wait();
	rota_task_cancel(waiter);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
	CHECK_STR(story, "");
}

static int lock_within_1_ms(void *arg)
{
	uint64_t deadline = rota_deadline(ROTA_MILLISECONDS(1));
	int rc = rota_mutex_lock_until(&mutex, deadline);

	CHECK_EQ(rc, -ETIMEDOUT);
	CHECK(rota_now_ns() >= deadline);
	CHECK_EQ(rota_mutex_lock_until(&mutex, ROTA_NOW), -ETIMEDOUT);
	return 0;
}

static int lock_it(void *arg)
{
	return rota_mutex_lock(&mutex);
}

static int timed_out(void *arg)
{
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), lock_it, NULL), -ETIMEDOUT);
	return 0;
}

TASK_TEST(deadlines_of_the_call_and_of_the_scope_both_end_the_wait)
{
	struct rota_call calls[] = { { lock_within_1_ms, NULL }, { timed_out, NULL } };

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_gather(calls, 2, NULL), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

static int chosen_then_cancelled(void *arg)
{
	int *result = arg;

	*result = rota_mutex_lock(&mutex);
	if (*result == 0)
		CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	return 0;
}

TASK_TEST(a_waiter_that_was_chosen_and_then_cancelled_has_the_lock)
{
	struct rota_task *waiter;
	struct rota_scope scope;
	int result = -1;

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	rota_scope_open(&scope);
	rota_spawn_task(&waiter, &scope, chosen_then_cancelled, &result, NULL);
	others_wait();
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	rota_task_cancel(waiter);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(result, 0);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

static int cancelled_takes_what_is_free(void *arg)
{
	CHECK_EQ(rota_cancelled(), -ECANCELED);
	CHECK_EQ(rota_mutex_lock(&mutex), 0); /* does not wait */
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	return 0;
}

TASK_TEST(a_cancelled_task_gets_what_is_there_at_once)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(cancelled_takes_what_is_free(NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int lock_and_stay(void *arg)
{
	int rc = rota_mutex_lock(&mutex);

	if (rc == 0) {
		rc = rota_sleep_until(ROTA_FOREVER);
		CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	}
	return rc;
}

static int win_when_all_wait(void *arg)
{
	others_wait();
	return 0;
}

TASK_TEST(who_loses_a_race_holds_nothing_afterwards)
{
	struct rota_call arms[] = { { lock_and_stay, NULL }, { lock_and_stay, NULL }, { win_when_all_wait, NULL } };

	CHECK_EQ(rota_race(arms, 3, NULL), 2);
	CHECK_EQ(rota_mutex_lock_until(&mutex, ROTA_NOW), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

/* ---- condition ---- */

static struct rota_condition condition;
static int items;

static int take_item(void *name)
{
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	while (items == 0) {
		int rc = rota_condition_wait(&condition, &mutex);

		CHECK_EQ(rota_mutex_lock(&mutex), -EDEADLK); /* it is ours again, whatever rc says */
		if (rc < 0) {
			CHECK_EQ(rota_mutex_unlock(&mutex), 0);
			return rc;
		}
	}
	items--;
	tell(*(char *)name);
	return rota_mutex_unlock(&mutex);
}

TASK_TEST(condition_wakes_in_order_one_or_all)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++) {
		rota_spawn(&scope, take_item, &"abc"[i]);
		others_wait();
	}
	CHECK_EQ(rota_condition_fini(&condition), -EBUSY);
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	items = 1;
	rota_condition_signal(&condition);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	others_wait();
	CHECK_STR(story, "a");
	items = 2;
	rota_condition_broadcast(&condition);
	CHECK_EQ(rota_scope_join(&scope), 0);
	if (rota_loop_count() == 1)
		CHECK_STR(story, "abc");
	else /* woken in this order, they run at the same time */
		CHECK(strcmp(story, "abc") == 0 || strcmp(story, "acb") == 0);
	CHECK_EQ(rota_condition_wait(&condition, &mutex), -EPERM);
	CHECK_EQ(rota_condition_fini(&condition), 0);
}

TASK_TEST(a_signal_is_not_lost_with_a_cancelled_waiter)
{
	struct rota_task *first;
	struct rota_scope scope;
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };

	rota_scope_open_with(&scope, &collect);
	rota_spawn_task(&first, &scope, take_item, "a", NULL);
	others_wait();
	rota_spawn(&scope, take_item, "b");
	others_wait();
	rota_task_cancel(first); /* has left the queue before the signal comes */
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	items = 1;
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	rota_condition_signal(&condition);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_STR(story, "b");
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

/* ---- rwlock ---- */

static struct rota_rwlock rw;
static struct rota_event leave; /* for readers */

static int reader(void *name)
{
	int rc = rota_rwlock_read(&rw);

	if (rc < 0)
		return rc;
	tell(*(char *)name);
	rota_event_wait(&leave);
	return rota_rwlock_unlock(&rw);
}

static int writer(void *name)
{
	int rc = rota_rwlock_write(&rw);

	if (rc < 0)
		return rc;
	tell(*(char *)name);
	rota_yield();
	tell(*(char *)name);
	return rota_rwlock_unlock(&rw);
}

TASK_TEST(readers_share_writers_do_not_and_a_waiting_writer_is_not_passed)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 5; i++) {
		rota_spawn(&scope, i == 2 ? writer : reader, &"12w34"[i]);
		others_wait();
	}
	CHECK_STR(story, "12");
	CHECK_EQ(rota_rwlock_try_read(&rw), -EBUSY);
	CHECK_EQ(rota_rwlock_fini(&rw), -EBUSY);
	rota_event_set(&leave);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(strcmp(story, "12ww34") == 0 || (strcmp(story, "12ww43") == 0 && rota_loop_count() > 1));
	CHECK_EQ(rota_rwlock_fini(&rw), 0);
}

TASK_TEST(a_cancelled_writer_lets_the_readers_behind_it_in)
{
	struct rota_task *w;
	struct rota_scope scope;

	CHECK_EQ(rota_rwlock_read(&rw), 0);
	rota_scope_open(&scope);
	rota_spawn_task(&w, &scope, writer, "w", NULL);
	others_wait();
	rota_spawn(&scope, reader, "r");
	others_wait();
	CHECK_STR(story, "");
	rota_task_cancel(w);
	others_wait();
	CHECK_STR(story, "r");
	rota_event_set(&leave);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_EQ(rota_rwlock_fini(&rw), 0);
}

static int unlock_rw(void *arg)
{
	return rota_rwlock_unlock(&rw);
}

TASK_TEST(rwlock_misuse_is_answered_and_does_nothing)
{
	struct rota_call by_another = { unlock_rw, NULL };

	CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_downgrade(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_write(&rw), 0);
	CHECK_EQ(rota_rwlock_write(&rw), -EDEADLK);
	CHECK_EQ(rota_rwlock_read(&rw), -EDEADLK);
	CHECK_EQ(rota_gather(&by_another, 1, NULL), -EPERM);
	CHECK_EQ(rota_rwlock_downgrade(&rw), 0);
	CHECK_EQ(rota_rwlock_try_read(&rw), 0);
	CHECK_EQ(rota_rwlock_downgrade(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_try_write(&rw), -EBUSY);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_fini(&rw), 0);
}

enum { MANY_READERS = 7 }; /* more than have their names in the lock */

static int unlock_what_others_read(void *arg)
{
	CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_try_write(&rw), -EBUSY);
	return 0;
}

TASK_TEST(who_does_not_read_removes_no_reader)
{
	struct rota_scope readers;
	struct rota_call stranger = { unlock_what_others_read, NULL };

	rota_scope_open(&readers);
	for (int i = 0; i < MANY_READERS; i++) {
		rota_spawn(&readers, reader, "r");
		others_wait();
		CHECK_EQ(rota_gather(&stranger, 1, NULL), 0);
		CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
	}
	rota_event_set(&leave);
	CHECK_EQ(rota_scope_join(&readers), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
	CHECK_EQ(rota_rwlock_fini(&rw), 0);
}

TASK_TEST(readers_with_and_without_a_name_leave_in_any_order)
{
	struct rota_scope others;

	for (int mine = 1; mine <= MANY_READERS; mine++) {
		rota_event_clear(&leave);
		rota_scope_open(&others);
		for (int i = 0; i < mine; i++)
			CHECK_EQ(rota_rwlock_read(&rw), 0);
		rota_spawn(&others, reader, "r");
		others_wait();
		rota_event_set(&leave);
		for (int i = 0; i < mine; i++)
			CHECK_EQ(rota_rwlock_unlock(&rw), 0);
		CHECK_EQ(rota_scope_join(&others), 0);
		CHECK_EQ(rota_rwlock_unlock(&rw), -EPERM);
		CHECK_EQ(rota_rwlock_write(&rw), 0);
		CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	}
}

/* ---- the end of a task ---- */

static int select_it(void *arg)
{
	struct rota_branch branches[] = { rota_on_lock(&mutex) };

	CHECK_EQ(rota_select(branches, 1), 0);
	return branches[0].result;
}

static int read_it(void *arg)
{
	return rota_rwlock_read(&rw);
}

static int hold_both(void *arg)
{
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_rwlock_write(&rw), 0);
	return 0;
}

/* The lock is handed over to it, and so it is chosen in its wait. */
static int end_with_what_was_waited_for(void *fn)
{
	struct rota_scope scope;

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_rwlock_write(&rw), 0);
	rota_scope_open(&scope);
	rota_spawn_task_at(&(struct rota_task *){ NULL }, &scope, *(rota_fn *)fn, NULL, NULL, "careless", "here");
	others_wait();
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	return rota_scope_join(&scope);
}

static void run_to_such_an_end(void *fn)
{
	rota_run(end_with_what_was_waited_for, fn, NULL);
}

TEST(a_task_that_ends_with_a_lock_ends_the_program_and_is_named)
{
	rota_fn careless[] = { lock_it, select_it, read_it, hold_both };

	for (size_t i = 0; i < sizeof careless / sizeof *careless; i++) {
		char err[1000];
		int status = test_run_child(run_to_such_an_end, &careless[i], err, sizeof err);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		CHECK(strstr(err, "\"careless\"") != NULL && strstr(err, "ended with a lock") != NULL);
	}
}

static int lock_and_unlock_in_every_way(void *arg)
{
	struct rota_condition never = { 0 };
	struct rota_branch branches[] = { rota_on_lock(&mutex) }, to_read[] = { rota_on_read_lock(&rw) };

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_condition_wait_until(&never, &mutex, rota_deadline(1)), -ETIMEDOUT);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_mutex_try_lock(&mutex), 0);
	CHECK_EQ(rota_mutex_try_lock(&mutex), -EDEADLK);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_select(branches, 1), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_select(to_read, 1), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_rwlock_write(&rw), 0);
	CHECK_EQ(rota_rwlock_downgrade(&rw), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	CHECK_EQ(rota_rwlock_try_write(&rw), 0);
	CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	return 0;
}

TASK_TEST(a_task_that_has_unlocked_everything_ends_in_peace)
{
	struct rota_call calls[] = { { lock_and_unlock_in_every_way, NULL } };

	CHECK_EQ(rota_gather(calls, 1, NULL), 0);
}

TASK_TEST(so_does_one_that_held_more_locks_than_are_counted)
{
	enum { MORE = 300 };
	static struct rota_mutex many[MORE];

	for (int i = 0; i < MORE; i++)
		CHECK_EQ(rota_mutex_lock(&many[i]), 0);
	for (int i = 0; i < MORE; i++)
		CHECK_EQ(rota_mutex_unlock(&many[i]), 0);
}

/* ---- semaphore ---- */

static struct rota_semaphore sem;

static int take_many(void *arg)
{
	int rc = rota_semaphore_acquire(&sem, 5);

	if (rc == 0)
		tell('5');
	return rc;
}

static int take_one(void *arg)
{
	int rc = rota_semaphore_acquire(&sem, 1);

	if (rc == 0)
		tell('1');
	return rc;
}

TASK_TEST(a_request_for_many_permits_is_not_passed_by_small_ones)
{
	struct rota_scope scope;

	rota_semaphore_init(&sem, 2, 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, take_many, NULL);
	others_wait();
	rota_spawn(&scope, take_one, NULL);
	others_wait();
	CHECK_STR(story, "");
	CHECK_EQ(rota_semaphore_try_acquire(&sem, 1), -EAGAIN);
	CHECK_EQ(rota_semaphore_permits(&sem), 0);
	CHECK_EQ(rota_semaphore_fini(&sem), -EBUSY);
	CHECK_EQ(rota_semaphore_release(&sem, 3), 0);
	others_wait();
	CHECK_STR(story, "5");
	CHECK_EQ(rota_semaphore_release(&sem, 2), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_STR(story, "51");
	CHECK_EQ(rota_semaphore_permits(&sem), 1);
}

TASK_TEST(when_the_request_for_many_is_cancelled_the_small_one_is_served)
{
	struct rota_task *many;
	struct rota_scope scope;

	rota_semaphore_init(&sem, 2, 0);
	rota_scope_open(&scope);
	rota_spawn_task(&many, &scope, take_many, NULL, NULL);
	others_wait();
	rota_spawn(&scope, take_one, NULL);
	others_wait();
	rota_task_cancel(many);
	others_wait();
	CHECK_STR(story, "1");
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	CHECK_EQ(rota_semaphore_permits(&sem), 1);
	CHECK_EQ(rota_semaphore_fini(&sem), 0);
}

TASK_TEST(a_semaphore_with_a_limit_takes_no_more_than_that)
{
	rota_semaphore_init(&sem, 2, 3);
	CHECK_EQ(rota_semaphore_acquire(&sem, 4), -EINVAL);
	CHECK_EQ(rota_semaphore_release(&sem, 2), -EOVERFLOW);
	CHECK_EQ(rota_semaphore_release(&sem, UINT64_MAX), -EOVERFLOW);
	CHECK_EQ(rota_semaphore_release(&sem, 1), 0);
	CHECK_EQ(rota_semaphore_acquire(&sem, 3), 0);
	CHECK_EQ(rota_semaphore_permits(&sem), 0);
}
