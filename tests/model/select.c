/* select.c - selects meet senders, receivers, each other and a cancellation, in the interleavings of small cases
 *
 * The code under test is sync/select.c with sync/chan.c and sync/semaphore.c as branches, compiled with the model's
 * atomics.  Each thread is a worker with one task.  To park is to wait for the wake-up, which must come exactly once; all
 * that is sent must be received once; and when all is over nobody may be left in a queue. */
#include <stdio.h>

#include "harness/test.h"
#include "workers.h"

#include "task/task.h"

enum { THREADS = 3 };

static struct rota__worker workers[THREADS];
static struct rota_task tasks[THREADS];
static bool woken[THREADS];
static struct rota__wait *waits[THREADS];
static bool cancelling; /* the lock of a task, which its cancellation holds */

static bool is_woken(void) { return woken[explore_me()]; }
static bool nobody_cancels(void) { return !cancelling; }

static void model_park(struct rota__wait *wait)
{
	long me = wait->task - tasks;

	point();
	waits[me] = wait;
	wait_for(is_woken);
	wait_for(nobody_cancels);
	waits[me] = NULL;
	woken[me] = false;
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
#include "sync/semaphore.c"
#include "sync/chan.c"
#include "sync/select.c"

const struct rota__selectable *const rota__selectables[ROTA__BRANCH_KINDS] = {
	[ROTA__ON_RECV] = &rota__select_recv,
	[ROTA__ON_SEND] = &rota__select_send,
	[ROTA__ON_ACQUIRE] = &rota__select_acquire,
};

/* ---- the cases ---- */

static struct rota_chan channels[2];
static struct rota_semaphore semaphore;
static int sent[2], received[2]; /* by channel */
static int met;
static bool shared; /* they were used by others before: no owner */
static uint32_t capacity;
static uint64_t seed; /* of the order in which branches are looked at */

static void reset(void)
{
	const void *owner = shared ? GUARD_SHARED : (const void *)&workers[0];

	for (int i = 0; i < THREADS; i++) {
		tasks[i] = (struct rota_task){ .worker = &workers[i], .id = (uint64_t)i + 1 };
		/* Something else is ready: nobody looks for the other side before it waits. */
		workers[i] = (struct rota__worker){ .current = &tasks[i], .tail = 1, .random = seed + (uint64_t)i };
		woken[i] = false;
		waits[i] = NULL;
	}
	for (int i = 0; i < 2; i++) {
		rota__free(channels[i].slots);
		channels[i].slots = NULL;
		explore_check(rota_chan_init(&channels[i], sizeof(uint64_t), capacity) == 0, "init");
		channels[i].guard.owner = owner;
		sent[i] = received[i] = 0;
	}
	rota_semaphore_init(&semaphore, 1, 0);
	semaphore.guard.owner = owner;
	met = 0;
	cancelling = false;
}

static void nobody_is_left(void)
{
	for (int i = 0; i < 2; i++)
		explore_check(channels[i].senders.first == NULL && channels[i].receivers.first == NULL,
			"a waiter is left in a queue");
	explore_check(semaphore.waiters.first == NULL, "a waiter is left at the semaphore");
}

/* Receive one value, from whichever of the two. */
static void take_one(int me)
{
	uint64_t values[2] = { 99, 99 };
	struct rota_branch b[] = { rota_on_recv(&channels[0], &values[0]), rota_on_recv(&channels[1], &values[1]) };
	int i;

	rota__worker_here = &workers[me];
	i = rota_select(b, 2);
	explore_check(i == 0 || i == 1, "another answer");
	explore_check(b[i].result == 0 && values[i] == (uint64_t)i, "no value");
	explore_check(values[1 - i] == 99, "the other branch has received, too");
	received[i]++;
}

static void take_two(void)
{
	take_one(0);
	take_one(0);
	explore_check(received[0] == 1 && received[1] == 1, "a value is lost, or came twice");
	nobody_is_left();
}

static void send_to(int me, int channel)
{
	uint64_t value = (uint64_t)channel;

	rota__worker_here = &workers[me];
	explore_check(rota_chan_send(&channels[channel], &value) == 0, "not sent");
	sent[channel]++;
}

static void send_first(void) { send_to(1, 0); }
static void send_second(void) { send_to(2, 1); }

/* One gives to the first and takes from the second channel, the other one the reverse. */
static void meet(int me)
{
	uint64_t in = 99, out = (uint64_t)me;
	struct rota_branch b[] = { rota_on_send(&channels[me], &out), rota_on_recv(&channels[1 - me], &in) };
	int i;

	rota__worker_here = &workers[me];
	i = rota_select(b, 2);
	explore_check(i == 0 || i == 1, "another answer");
	if (i == 0) {
		sent[me]++;
	} else {
		explore_check(in == (uint64_t)(1 - me), "no value");
		received[1 - me]++;
	}
	if (++met < 2)
		return;
	explore_check(sent[0] == received[0] && sent[1] == received[1] && sent[0] + sent[1] == 1, "they disagree");
	nobody_is_left();
}

static void meet_0(void) { meet(0); }
static void meet_1(void) { meet(1); }

/* Receives, if it is not cancelled first. */
static void take_unless_cancelled(void)
{
	uint64_t values[2] = { 99, 99 };
	struct rota_branch b[] = { rota_on_recv(&channels[0], &values[0]), rota_on_recv(&channels[1], &values[1]) };
	int i;

	rota__worker_here = &workers[0];
	i = rota_select(b, 2);
	explore_check(i == 0 || i == -ECANCELED, "another answer");
	if (i == 0)
		received[0]++;
	else
		explore_check(values[0] == 99, "cancelled, and has the value");
	explore_check(channels[0].receivers.first == NULL && channels[1].receivers.first == NULL, "left in a queue");
}

static bool waits_or_has_it(void) { return (waits[0] != NULL && !woken[0]) || received[0] > 0; }

static void cancel_0(void)
{
	struct rota__wait *wait;

	rota__worker_here = &workers[2];
	wait_for(waits_or_has_it);
	cancelling = true;
	wait = waits[0];
	if (wait != NULL && wait->cancel != NULL) {
		void (*cancel)(struct rota__wait *, int) = wait->cancel;

		wait->cancel = NULL;
		cancel(wait, -ECANCELED);
	}
	point();
	cancelling = false;
}

static void acquire_two_or_take(void)
{
	uint64_t value = 99;
	struct rota_branch b[] = { rota_on_acquire(&semaphore, 2), rota_on_recv(&channels[0], &value) };

	rota__worker_here = &workers[0];
	explore_check(rota_select(b, 2) == 1, "there were never two permits");
	received[0]++;
}

/* Behind one that wants more than there is, until that one goes another way. */
static void acquire_one(void)
{
	rota__worker_here = &workers[2];
	explore_check(rota_semaphore_acquire(&semaphore, 1) == 0, "no permit");
}

static void release_one(void)
{
	rota__worker_here = &workers[2];
	explore_check(rota_semaphore_release(&semaphore, 1) == 0, "not released");
}

/* Two permits will be there, or a value: one of them is taken, the other left. */
static void acquire_or_take(void)
{
	uint64_t value = 99;
	struct rota_branch b[] = { rota_on_acquire(&semaphore, 2), rota_on_recv(&channels[0], &value) };
	int i;

	rota__worker_here = &workers[0];
	i = rota_select(b, 2);
	explore_check(i == 0 || i == 1, "another answer");
	if (i == 1)
		received[0]++;
	else
		explore_check(value == 99, "both have happened");
	explore_check(semaphore.waiters.first == NULL && channels[0].receivers.first == NULL, "left in a queue");
}

static uint64_t interleavings;

static void explore_seeds(void (*const bodies[])(void), int count, int interruptions)
{
	for (seed = 0; seed < 2; seed++) {
		struct explore_result result = explore(reset, bodies, count, interruptions);

		interleavings += result.interleavings;
		rota__worker_here = NULL;
		CHECK_STR(result.failure, NULL);
		result = explore_late(reset, bodies, count, interruptions);
		interleavings += result.interleavings;
		rota__worker_here = NULL;
		CHECK_STR(result.failure, NULL);
	}
}

static void with_and_without_owner(void (*const bodies[])(void), int count, int interruptions)
{
	interleavings = 0;
	shared = true;
	explore_seeds(bodies, count, interruptions);
	shared = false;
	explore_seeds(bodies, count, interruptions);
	printf("# %llu interleavings\n", (unsigned long long)interleavings);
}

TEST(two_selects_that_meet_agree_on_what_happened_with_two_interruptions)
{
	capacity = 0;
	with_and_without_owner((void (*const[])(void)){ meet_0, meet_1 }, 2, 2);
}

TEST(a_select_takes_each_of_two_values_once_with_two_interruptions)
{
	for (capacity = 0; capacity <= 1; capacity++)
		with_and_without_owner((void (*const[])(void)){ take_two, send_first, send_second }, 3, 2);
}

TEST(a_select_that_is_cancelled_takes_nothing_with_two_interruptions)
{
	capacity = 1; /* so that the send ends in any case */
	with_and_without_owner((void (*const[])(void)){ take_unless_cancelled, send_first, cancel_0 }, 3, 2);
}

TEST(a_branch_that_lost_lets_those_behind_it_in_with_two_interruptions)
{
	capacity = 0;
	with_and_without_owner((void (*const[])(void)){ acquire_two_or_take, send_first, acquire_one }, 3, 2);
}

TEST(permits_go_to_a_select_or_stay_with_two_interruptions)
{
	capacity = 1;
	with_and_without_owner((void (*const[])(void)){ acquire_or_take, send_first, release_one }, 3, 2);
}
