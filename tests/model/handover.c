/* handover.c - a mutex and a channel change hands, in the interleavings of small cases
 *
 * The code under test is sync/mutex.c, sync/chan.c, sync/waiter.c and sync/guard.c themselves, compiled with the
 * model's atomics.  Each thread is a worker with one task.  To park is to wait for the wake-up; it must come
 * exactly once for each wait, and all that is waited for must come. */

#include "harness/test.h"
#include "workers.h"

#include "task/task.h"

enum { THREADS = 3 };

static struct rota__worker workers[THREADS];
static struct rota_task tasks[THREADS];
static bool woken[THREADS], parked[THREADS];

static bool is_woken(void) { return woken[explore_me()]; }

static void model_park(struct rota__wait *wait)
{
	long me = wait->task - tasks;

	parked[me] = true;
	wait_for(is_woken);
	woken[me] = parked[me] = false;
}

/* From the object's queue or from a post: before or after the task has parked (it always will). */
static void model_wake(struct rota_task *task)
{
	point();
	explore_check(!woken[task - tasks], "woken twice");
	woken[task - tasks] = true;
}

#define rota_yield()	((void)0)
#define rota__park	model_park
#define rota__wake	model_wake
#define rota_post(loop, post_) (post_)->fn(post_)
#define guard_wait_zero(word) model_wait_zero(word)
#define rota__fence_all_threads model_fence
#include "sync/guard.c"
#include "sync/waiter.c"
#include "sync/mutex.c"
#include "sync/chan.c"

/* ---- the cases ---- */

static struct rota_mutex mutex;
static struct rota_chan ch;
static int in, entered, sent, received;
static bool shared; /* it was used by others before: no owner */
static uint32_t capacity;

static void reset(void)
{
	for (int i = 0; i < THREADS; i++) {
		tasks[i] = (struct rota_task){ .worker = &workers[i], .id = (uint64_t)i + 1 };
		/* Something else is ready: nobody looks for the other side before it waits. */
		workers[i] = (struct rota__worker){ .current = &tasks[i], .tail = 1 };
		woken[i] = parked[i] = false;
	}
	mutex = (struct rota_mutex){ .guard.owner = shared ? GUARD_SHARED : (const void *)&workers[0] };
	rota__free(ch.slots); /* outside of the model's threads */
	ch.slots = NULL;
	explore_check(rota_chan_init(&ch, sizeof(uint64_t), capacity) == 0, "init");
	ch.guard.owner = shared ? GUARD_SHARED : (const void *)&workers[0];
	in = entered = sent = received = 0;
}

static void use_mutex(int me)
{
	rota__worker_here = &workers[me];
	explore_check(rota_mutex_lock(&mutex) == 0, "no lock");
	explore_check(++in == 1, "two have the mutex");
	point();
	in--;
	entered++;
	explore_check(rota_mutex_unlock(&mutex) == 0, "not unlocked");
}

static void use_0(void) { use_mutex(0); }
static void use_1(void) { use_mutex(1); }
static void use_2(void) { use_mutex(2); }

static struct rota__waiter *cut_this;

/* Locks with a wait that thread 2 tries to cut short. */
static void use_unless_cut(void)
{
	enum rota__entry entry;
	struct rota__waiter w;
	int rc = 0;

	rota__worker_here = &workers[1];
	entry = guard_enter(&mutex.guard);
	if (mutex.holder == 0) {
		mutex.holder = tasks[1].id;
		guard_leave(&mutex.guard, entry);
	} else {
		waiter_init(&w, &tasks[1], &mutex.guard, rota__waiter_cut);
		waiters_append(&mutex.waiters, &w);
		cut_this = &w;
		guard_leave(&mutex.guard, entry);
		rc = waiter_park(&w, ROTA_FOREVER);
		cut_this = NULL;
	}
	explore_check(rc == 0 || rc == -ETIMEDOUT, "another answer");
	explore_check((mutex.holder == tasks[1].id) == (rc == 0), "the answer and the mutex disagree");
	if (rc == 0)
		rota_mutex_unlock(&mutex);
}

/* The deadline's callback runs on the waiter's own thread, while its task is parked. */
static bool cut_or_over(void) { return cut_this != NULL || entered == 1; }

static void cut_it(void)
{
	rota__worker_here = &workers[1];
	wait_for(cut_or_over);
	if (cut_this != NULL && parked[1] && !woken[1])
		rota__waiter_cut(cut_this, -ETIMEDOUT);
}

static void send_one(int me)
{
	uint64_t value = (uint64_t)me;

	rota__worker_here = &workers[me];
	explore_check(rota_chan_send(&ch, &value) == 0, "not sent");
	sent++;
}

static void send_0(void) { send_one(0); }
static void send_1(void) { send_one(1); }

static void send_two_then_close(void)
{
	uint64_t value = 7;

	rota__worker_here = &workers[0];
	for (int i = 0; i < 2; i++)
		explore_check(rota_chan_send(&ch, &value) == 0, "not sent");
	rota_chan_close(&ch);
}

static void take_values(int me, int count)
{
	rota__worker_here = &workers[me];
	for (int i = 0; i < count; i++) {
		uint64_t value = 99;

		explore_check(rota_chan_recv(&ch, &value) == 0, "not received");
		explore_check(value < 2, "no value");
		received++;
	}
}

static void receive_1(void) { take_values(1, 1); }
static void receive_two(void) { take_values(2, 2); }

static void receive_until_closed(void)
{
	uint64_t value;
	int rc;

	rota__worker_here = &workers[1];
	while ((rc = rota_chan_recv(&ch, &value)) == 0)
		received++;
	explore_check(rc == ROTA_ECLOSED, "another end");
	explore_check(received == 2, "a value is lost");
}

static void check_all(void (*const bodies[])(void), int count, int interruptions)
{
	struct explore_result result = explore_both(reset, bodies, count, interruptions);

	rota__worker_here = NULL;
	CHECK_STR(result.failure, NULL);
}

static void with_and_without_owner(void (*const bodies[])(void), int count, int interruptions)
{
	shared = true;
	check_all(bodies, count, interruptions);
	shared = false;
	check_all(bodies, count, interruptions);
}

TEST(two_tasks_hand_a_mutex_over_in_every_interleaving)
{
	with_and_without_owner((void (*const[])(void)){ use_0, use_1 }, 2, 0);
}

TEST(three_tasks_hand_a_mutex_over_with_three_interruptions)
{
	with_and_without_owner((void (*const[])(void)){ use_0, use_1, use_2 }, 3, 3);
}

TEST(a_mutex_and_a_deadline_at_the_same_time_agree_on_who_has_it)
{
	with_and_without_owner((void (*const[])(void)){ use_0, use_unless_cut, cut_it }, 3, 3);
}

/* Rendezvous, with room for one, and with room that grows. */
static void channels(void (*const bodies[])(void), int count, int interruptions)
{
	static const uint32_t capacities[] = { 0, 1, ROTA_UNBOUNDED };

	for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
		capacity = capacities[i];
		with_and_without_owner(bodies, count, interruptions);
	}
}

TEST(a_value_goes_from_one_task_to_another_with_three_interruptions)
{
	channels((void (*const[])(void)){ send_0, receive_1 }, 2, 3);
}

TEST(two_senders_and_a_receiver_with_two_interruptions)
{
	channels((void (*const[])(void)){ send_0, send_1, receive_two }, 3, 2);
}

TEST(what_was_sent_before_a_close_is_received_with_two_interruptions)
{
	channels((void (*const[])(void)){ send_two_then_close, receive_until_closed }, 2, 2);
}
