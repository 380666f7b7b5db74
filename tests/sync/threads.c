/* threads.c - the same objects used by tasks of runs on several threads, and by threads without tasks */
#include <pthread.h>
#include <stdatomic.h>

#include "task/run.h"

enum { THREADS = 4, TASKS = 8, ROUNDS = 2000 };

static rota_fn app_of_all;

static void *run_on_thread(void *arg)
{
	CHECK_EQ(rota_run(app_of_all, arg, &(struct rota_options){ .keep_signals = true }), 0);
	return NULL;
}

/* app(number) on each of THREADS threads, in a run of its own. */
static void on_threads(rota_fn app)
{
	pthread_t threads[THREADS];

	app_of_all = app;
	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run_on_thread, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static int spawn_all(rota_fn fn)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (long i = 0; i < TASKS; i++)
		rota_spawn(&scope, fn, (void *)i);
	return rota_scope_join(&scope);
}

/* Plain memory: two who are in at once are a data race for TSan and a wrong sum for all. */
static struct rota_mutex mutex;
static long counter, given_up;

static int count_locked(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(rota_mutex_lock(&mutex), 0);
		counter++;
		if (i % 16 == 0)
			rota_yield();
		CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	}
	return 0;
}

static int count_all(void *arg)
{
	return spawn_all(count_locked);
}

TEST(a_mutex_lets_in_one_task_of_all_threads)
{
	on_threads(count_all);
	CHECK_EQ(counter, (long)THREADS * TASKS * ROUNDS);
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

/* Waits that end at about the time their turn comes: whoever has the lock counts, whoever has not does not. */
static int count_in_a_hurry(void *arg)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		int rc = rota_mutex_lock_until(&mutex, rota_deadline(ROTA_MICROSECONDS(20)));

		if (rc == -ETIMEDOUT) {
			__atomic_fetch_add(&given_up, 1, __ATOMIC_RELAXED);
			continue;
		}
		CHECK_EQ(rc, 0);
		counter++;
		CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	}
	return 0;
}

static int hurry_all(void *arg)
{
	return spawn_all(count_in_a_hurry);
}

TEST(a_mutex_loses_nothing_to_deadlines)
{
	on_threads(hurry_all);
	CHECK_EQ(counter + given_up, (long)THREADS * TASKS * (ROUNDS / 4));
	CHECK_EQ(rota_mutex_fini(&mutex), 0);
}

static struct rota_semaphore sem;
static atomic_long inside, most;

static int hold_a_permit(void *arg)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		uint64_t count = 1 + (uint64_t)(long)arg % 3;
		long now;

		if (rota_semaphore_acquire_until(&sem, count, rota_deadline(ROTA_MICROSECONDS(50))) < 0)
			continue;
		now = atomic_fetch_add(&inside, (long)count) + (long)count;
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		rota_yield();
		atomic_fetch_sub(&inside, (long)count);
		CHECK_EQ(rota_semaphore_release(&sem, count), 0);
	}
	return 0;
}

static int hold_all(void *arg)
{
	return spawn_all(hold_a_permit);
}

TEST(a_semaphore_gives_no_more_than_it_has_and_all_comes_back)
{
	rota_semaphore_init(&sem, 4, 4);
	on_threads(hold_all);
	CHECK(atomic_load(&most) <= 4);
	CHECK_EQ(rota_semaphore_permits(&sem), 4);
	CHECK_EQ(rota_semaphore_fini(&sem), 0);
}

static struct rota_rwlock rw;

static int read_and_write(void *arg)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		if ((i + (long)arg) % 4 == 0) {
			CHECK_EQ(rota_rwlock_write(&rw), 0);
			counter++;
		} else {
			long seen;

			CHECK_EQ(rota_rwlock_read(&rw), 0);
			seen = counter;
			rota_yield();
			CHECK_EQ(counter, seen);
		}
		CHECK_EQ(rota_rwlock_unlock(&rw), 0);
	}
	return 0;
}

static int read_and_write_all(void *arg)
{
	return spawn_all(read_and_write);
}

TEST(a_value_does_not_change_under_its_readers_on_any_thread)
{
	on_threads(read_and_write_all);
	CHECK_EQ(counter, (long)THREADS * TASKS * (ROUNDS / 4) / 4);
	CHECK_EQ(rota_rwlock_fini(&rw), 0);
}

static struct rota_barrier barrier;
static long marks[THREADS][TASKS];
static atomic_int leaders;

static int march(void *place)
{
	long *mark = place;

	for (long step = 1; step <= 100; step++) {
		*mark = step;
		if (rota_barrier_wait(&barrier) == 1)
			atomic_fetch_add(&leaders, 1);
		for (int i = 0; i < THREADS * TASKS; i++)
			CHECK_EQ((&marks[0][0])[i], step); /* all have come, nobody has gone on */
		CHECK(rota_barrier_wait(&barrier) >= 0);
	}
	return 0;
}

static int march_all(void *thread)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (long i = 0; i < TASKS; i++)
		rota_spawn(&scope, march, &marks[(long)thread][i]);
	return rota_scope_join(&scope);
}

TEST(a_barrier_keeps_tasks_of_all_threads_in_step)
{
	CHECK_EQ(rota_barrier_init(&barrier, THREADS * TASKS), 0);
	on_threads(march_all);
	CHECK_EQ(atomic_load(&leaders), 100);
}

/* ---- threads without tasks ---- */

static struct rota_notify ping;
static struct rota_semaphore pong;

static void *answer_pings(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		while (rota_semaphore_try_acquire(&pong, 1) < 0)
			sched_yield();
		rota_notify_one(&ping);
	}
	return NULL;
}

TASK_TEST(a_thread_without_tasks_may_wake_a_task)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, answer_pings, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(rota_semaphore_release(&pong, 1), 0);
		CHECK_EQ(rota_notify_wait(&ping), 0);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int finish_one(void *group)
{
	return rota_wait_group_done(group);
}

static int on_the_pool(void *group)
{
	return rota_blocking(finish_one, group);
}

TASK_TEST(jobs_of_the_blocking_pool_may_end_a_wait)
{
	struct rota_wait_group group = { 0 };
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_wait_group_add(&group, 50), 0);
	for (int i = 0; i < 50; i++)
		rota_spawn(&scope, on_the_pool, &group);
	CHECK_EQ(rota_wait_group_wait(&group), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- channels ---- */

enum { VALUES = 20000, SENDERS = 3 };

static struct rota_chan ch;
static uint64_t received_sum, received_count;
static atomic_int senders_left;

/* Values of one sender arrive in its order: value = sender * VALUES + i. */
static int receive_all(void *arg)
{
	uint64_t last[THREADS * SENDERS] = { 0 }, value;
	int rc;

	while ((rc = rota_chan_recv(&ch, &value)) == 0) {
		uint64_t sender = value / VALUES;

		CHECK(sender < THREADS * SENDERS);
		CHECK(last[sender] <= value % VALUES);
		last[sender] = value % VALUES + 1;
		__atomic_fetch_add(&received_sum, value, __ATOMIC_RELAXED);
		__atomic_fetch_add(&received_count, 1, __ATOMIC_RELAXED);
	}
	CHECK_EQ(rc, ROTA_ECLOSED);
	return 0;
}

static int send_all(void *arg)
{
	uint64_t first = (uint64_t)(long)arg * VALUES;

	for (uint64_t i = 0; i < VALUES; i++) {
		uint64_t value = first + i;

		CHECK_EQ(rota_chan_send(&ch, &value), 0);
	}
	if (atomic_fetch_sub(&senders_left, 1) == 1)
		rota_chan_close(&ch);
	return 0;
}

static int send_and_receive(void *thread)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (long i = 0; i < SENDERS; i++)
		rota_spawn(&scope, send_all, (void *)((long)thread * SENDERS + i));
	rota_spawn(&scope, receive_all, NULL);
	rota_spawn(&scope, receive_all, NULL);
	return rota_scope_join(&scope);
}

static void all_values_arrive_once(uint32_t capacity)
{
	uint64_t count = (uint64_t)THREADS * SENDERS * VALUES;

	received_sum = received_count = 0;
	atomic_store(&senders_left, THREADS * SENDERS);
	CHECK_EQ(rota_chan_init(&ch, sizeof(uint64_t), capacity), 0);
	on_threads(send_and_receive);
	CHECK_EQ(received_count, count);
	CHECK_EQ(received_sum, count * (count - 1) / 2);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TEST(over_a_bounded_channel_every_value_arrives_once_and_in_its_senders_order)
{
	all_values_arrive_once(64);
}

TEST(over_a_channel_of_one_place_every_value_arrives_once)
{
	all_values_arrive_once(1);
}

TEST(at_a_rendezvous_every_value_arrives_once)
{
	all_values_arrive_once(0);
}

TEST(over_an_unbounded_channel_every_value_arrives_once)
{
	all_values_arrive_once(ROTA_UNBOUNDED);
}

/* Both sides give up now and then: what was said to be sent is received, and nothing else. */
static uint64_t sent_sum;

static int send_in_a_hurry(void *arg)
{
	for (uint64_t i = 1; i <= VALUES / 10; i++) {
		int rc = rota_chan_send_until(&ch, &i, rota_deadline(ROTA_MICROSECONDS(10)));

		if (rc == 0)
			__atomic_fetch_add(&sent_sum, i, __ATOMIC_RELAXED);
		else
			CHECK_EQ(rc, -ETIMEDOUT);
	}
	if (atomic_fetch_sub(&senders_left, 1) == 1)
		rota_chan_close(&ch);
	return 0;
}

static int receive_in_a_hurry(void *arg)
{
	for (;;) {
		uint64_t value;
		int rc = rota_chan_recv_until(&ch, &value, rota_deadline(ROTA_MICROSECONDS(10)));

		if (rc == 0)
			__atomic_fetch_add(&received_sum, value, __ATOMIC_RELAXED);
		else if (rc == ROTA_ECLOSED)
			return 0;
		else
			CHECK_EQ(rc, -ETIMEDOUT);
	}
}

static int hurry_both_ways(void *thread)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < SENDERS; i++)
		rota_spawn(&scope, send_in_a_hurry, NULL);
	rota_spawn(&scope, receive_in_a_hurry, NULL);
	return rota_scope_join(&scope);
}

static void nothing_is_lost_to_deadlines(uint32_t capacity)
{
	sent_sum = received_sum = 0;
	atomic_store(&senders_left, THREADS * SENDERS);
	CHECK_EQ(rota_chan_init(&ch, sizeof(uint64_t), capacity), 0);
	on_threads(hurry_both_ways);
	CHECK_EQ(received_sum, sent_sum);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TEST(a_channel_loses_nothing_to_deadlines)
{
	nothing_is_lost_to_deadlines(1);
	nothing_is_lost_to_deadlines(0);
}
