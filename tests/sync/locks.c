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
	if (rota_worker_count() == 1) /* else they may be through by now */
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
	if (rota_worker_count() == 1)
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
	CHECK(strcmp(story, "12ww34") == 0 || (strcmp(story, "12ww43") == 0 && rota_worker_count() > 1));
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
