/* selects.c - one of several branches: each kind of branch, and what becomes of those that lost */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/each_model.h"

enum { SOON = 100 /* microseconds: long enough to have begun to wait, mostly */ };

static uint64_t soon(void)
{
	return rota_deadline(ROTA_MICROSECONDS(SOON));
}

static void chan_of(struct rota_chan *ch, uint32_t capacity)
{
	CHECK_EQ(rota_chan_init(ch, sizeof(int), capacity), 0);
}

/* Nobody waits in it any more. */
static void forsaken(struct rota_chan *ch)
{
	CHECK_EQ(rota_chan_fini(ch), 0);
}

/* ---- the choice ---- */

EACH_MODEL(what_is_possible_at_once_is_done_and_the_rest_is_not)
{
	struct rota_chan empty, full, with_value;
	int got = 0, value = 5, other = 0;
	struct rota_branch b[] = { rota_on_recv(&empty, &other), rota_on_send(&full, &value), rota_on_recv(&with_value, &got) };

	chan_of(&empty, 1);
	chan_of(&full, 1);
	chan_of(&with_value, 1);
	CHECK_EQ(rota_chan_try_send(&full, &value), 0);
	CHECK_EQ(rota_chan_try_send(&with_value, &(int){ 7 }), 0);
	CHECK_EQ(rota_select(b, 3), 2);
	CHECK_EQ(b[2].result, 0);
	CHECK_EQ(got, 7);
	CHECK_EQ(other, 0);
	CHECK_EQ(rota_chan_count(&full), 1);
	CHECK_EQ(rota_select_until(b, 3, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_select_until(b, 3, soon()), -ETIMEDOUT);
	CHECK_EQ(rota_chan_count(&full), 1);
	forsaken(&empty);
	forsaken(&full);
	forsaken(&with_value);
}

EACH_MODEL(branches_that_are_always_possible_have_an_equal_share)
{
	enum { ROUNDS = 3000, READY = 3 };
	struct rota_chan ch[READY], never;
	int value = 0, counts[READY + 1] = { 0 };
	struct rota_branch b[READY + 1];

	/* The one that never comes is followed by one that must not get its share, too. */
	chan_of(&never, 1);
	b[1] = rota_on_recv(&never, &value);
	for (int i = 0; i < READY; i++) {
		chan_of(&ch[i], 1);
		CHECK_EQ(rota_chan_try_send(&ch[i], &value), 0);
		b[i == 0 ? 0 : i + 1] = rota_on_recv(&ch[i], &value);
	}
	for (int i = 0; i < ROUNDS; i++) {
		int at = rota_select(b, READY + 1);

		CHECK(at >= 0 && at != 1);
		counts[at]++;
		CHECK_EQ(rota_chan_try_send(&ch[at == 0 ? 0 : at - 1], &value), 0);
	}
	for (int i = 0; i < READY + 1; i++)
		CHECK(i == 1 || (counts[i] > ROUNDS / READY * 3 / 4 && counts[i] < ROUNDS / READY * 5 / 4));
	for (int i = 0; i < READY; i++)
		forsaken(&ch[i]);
	forsaken(&never);
}

EACH_MODEL(a_try_takes_the_first_that_is_possible_and_does_not_wait)
{
	struct rota_event late = { 0 }, first = { 0 }, second = { 0 };
	struct rota_branch b[] = { rota_on_event(&late), rota_on_event(&first), rota_on_event(&second) };

	CHECK_EQ(rota_try_select(b, 3), -EAGAIN);
	rota_event_set(&first);
	rota_event_set(&second);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(rota_try_select(b, 3), 1);
}

EACH_MODEL(a_branch_on_nothing_never_comes)
{
	int value;
	struct rota_branch b[] = {
		rota_on_recv(NULL, &value), rota_on_send(NULL, &value), rota_on_oneshot(NULL, NULL),
		rota_on_broadcast(NULL, &value, NULL), rota_on_watch(NULL, NULL, &value), rota_on_get(NULL, &value),
		rota_on_put(NULL, &value), rota_on_event(NULL), rota_on_notify(NULL), rota_on_wait_group(NULL),
		rota_on_acquire(NULL, 1), rota_on_lock(NULL), rota_on_read_lock(NULL), rota_on_write_lock(NULL),
		rota_on_join(NULL, NULL), rota_on_time(ROTA_FOREVER), rota_on_fd(-1, ROTA_READABLE), rota_on_readable(NULL),
		rota_on_writable(NULL),
	};

	CHECK_EQ(rota_try_select(b, sizeof b / sizeof *b), -EAGAIN);
	CHECK_EQ(rota_select_until(b, sizeof b / sizeof *b, soon()), -ETIMEDOUT);
}

EACH_MODEL(none_and_too_many_branches_are_refused)
{
	struct rota_event event = { .set = true };
	struct rota_branch b[ROTA_SELECT_MAX + 1];

	for (int i = 0; i < ROTA_SELECT_MAX + 1; i++)
		b[i] = rota_on_event(&event);
	CHECK_EQ(rota_select(b, 0), -EINVAL);
	CHECK_EQ(rota_select(b, ROTA_SELECT_MAX + 1), -EINVAL);
	CHECK_EQ(rota_try_select(b, 0), -EINVAL);
	CHECK(rota_select(b, ROTA_SELECT_MAX) >= 0);
	rota_event_clear(&event);
	CHECK_EQ(rota_select_until(b, ROTA_SELECT_MAX, soon()), -ETIMEDOUT); /* all of them in one queue */
	b[0].kind = ROTA__BRANCH_KINDS;
	CHECK_EQ(rota_select(b, 1), -EINVAL);
}

TEST(outside_of_a_task_there_is_no_select)
{
	struct rota_event event = { .set = true };
	struct rota_branch b = rota_on_event(&event);

	CHECK_EQ(rota_select(&b, 1), -EPERM);
	CHECK_EQ(rota_try_select(&b, 1), -EPERM);
}

/* ---- each kind: it comes while it is waited for ---- */

struct kinds {
	struct rota_chan to, from;
	struct rota_oneshot oneshot;
	struct rota_broadcast broadcast;
	struct rota_broadcast_receiver receiver;
	struct rota_watch watch;
	struct rota_queue jobs, full;
	struct rota_event event;
	struct rota_notify notify;
	struct rota_wait_group group;
	struct rota_semaphore semaphore;
	struct rota_mutex mutex;
	struct rota_rwlock readable, writable;
	struct rota_event end;
	struct rota_task *task;
	int in, out, item, put, heard, watched, joined;
	uint64_t seen, missed;
	void *told;
	uint32_t come; /* the branch that is to come */
	struct rota_event holding, go; /* of the helper, which has the locks */
};

enum { RECV, SEND, ONESHOT, BROADCAST, WATCH, GET, PUT, EVENT, NOTIFY, GROUP, ACQUIRE, LOCK, READ, WRITE, JOIN, TIME, KINDS };

static int end_of_task(void *arg)
{
	struct kinds *k = arg;
	int rc = rota_event_wait(&k->end);

	return rc < 0 ? rc : 77;
}

/* Has the locks, makes the one thing happen that is to come, and lets all go when the select is over. */
static int make_it_come(void *arg)
{
	struct kinds *k = arg;
	int value = 0;

	CHECK_EQ(rota_mutex_lock(&k->mutex), 0);
	CHECK_EQ(rota_rwlock_write(&k->readable), 0);
	CHECK_EQ(rota_rwlock_read(&k->writable), 0);
	rota_event_set(&k->holding);
	if (k->come % 2 == 0) /* or while it still looks at its branches, under models with several threads */
		rota_sleep(ROTA_MICROSECONDS(SOON));
	switch (k->come) {
	case RECV: CHECK_EQ(rota_chan_send(&k->to, &(int){ 11 }), 0); break;
	case SEND: CHECK_EQ(rota_chan_recv(&k->from, &value), 0); CHECK_EQ(value, 12); break;
	case ONESHOT: CHECK_EQ(rota_oneshot_send(&k->oneshot, k), 0); break;
	case BROADCAST: CHECK_EQ(rota_broadcast_send(&k->broadcast, &(int){ 13 }), 0); break;
	case WATCH: CHECK_EQ(rota_watch_set(&k->watch, &(int){ 14 }), 0); break;
	case GET: CHECK_EQ(rota_queue_put(&k->jobs, &(int){ 15 }), 0); break;
	case PUT: CHECK_EQ(rota_queue_get(&k->full, &value), 0); break;
	case EVENT: rota_event_set(&k->event); break;
	case NOTIFY: rota_notify_one(&k->notify); break;
	case GROUP: CHECK_EQ(rota_wait_group_done(&k->group), 0); break;
	case ACQUIRE: CHECK_EQ(rota_semaphore_release(&k->semaphore, 2), 0); break;
	case LOCK: CHECK_EQ(rota_mutex_unlock(&k->mutex), 0); break;
	case READ: CHECK_EQ(rota_rwlock_downgrade(&k->readable), 0); break;
	case WRITE: CHECK_EQ(rota_rwlock_unlock(&k->writable), 0); break;
	case JOIN: rota_event_set(&k->end); break;
	default: break;
	}
	CHECK_EQ(rota_event_wait(&k->go), 0);
	if (k->come != LOCK)
		CHECK_EQ(rota_mutex_unlock(&k->mutex), 0);
	CHECK_EQ(rota_rwlock_unlock(&k->readable), 0);
	if (k->come != WRITE)
		CHECK_EQ(rota_rwlock_unlock(&k->writable), 0);
	return 0;
}

static void kinds_init(struct kinds *k, uint32_t come)
{
	*k = (struct kinds){ .out = 12, .put = 21, .come = come };
	chan_of(&k->to, 0);
	chan_of(&k->from, 0);
	CHECK_EQ(rota_broadcast_init(&k->broadcast, sizeof(int), 4), 0);
	rota_broadcast_subscribe(&k->broadcast, &k->receiver);
	CHECK_EQ(rota_watch_init(&k->watch, sizeof(int), &(int){ 9 }), 0);
	k->seen = rota_watch_get(&k->watch, &k->watched);
	CHECK_EQ(rota_queue_init(&k->jobs, sizeof(int), 0, ROTA_QUEUE_FIFO, NULL), 0);
	CHECK_EQ(rota_queue_init(&k->full, sizeof(int), 1, ROTA_QUEUE_FIFO, NULL), 0);
	CHECK_EQ(rota_queue_try_put(&k->full, &(int){ 20 }), 0);
	CHECK_EQ(rota_wait_group_add(&k->group, 1), 0);
	rota_semaphore_init(&k->semaphore, 1, 0);
}

/* What has happened is what was to come, and nothing else has. */
static void check_kinds(struct kinds *k)
{
	uint32_t come = k->come;
	int value = 0;

	CHECK_EQ(k->in, come == RECV ? 11 : 0);
	CHECK_EQ(rota_chan_try_recv(&k->from, &value), -EAGAIN);
	CHECK_EQ(rota_chan_try_send(&k->to, &value), -EAGAIN);
	CHECK(k->told == (come == ONESHOT ? k : NULL));
	CHECK_EQ(k->heard, come == BROADCAST ? 13 : 0);
	CHECK_EQ(k->watched, come == WATCH ? 14 : 9);
	CHECK_EQ(k->item, come == GET ? 15 : 0);
	CHECK_EQ(rota_queue_try_get(&k->full, &value), 0);
	CHECK_EQ(value, come == PUT ? 21 : 20);
	CHECK_EQ(rota_queue_try_get(&k->full, &value), -EAGAIN);
	CHECK_EQ(rota_semaphore_permits(&k->semaphore), 1);
	CHECK_EQ(k->joined, come == JOIN ? 77 : 0);
	CHECK_EQ(rota_mutex_unlock(&k->mutex), come == LOCK ? 0 : -EPERM);
	if (come == READ)
		CHECK_EQ(rota_rwlock_unlock(&k->readable), 0);
	if (come == WRITE)
		CHECK_EQ(rota_rwlock_unlock(&k->writable), 0);
}

/* Everything can be given back: nobody waits. */
static void kinds_fini(struct kinds *k)
{
	forsaken(&k->to);
	forsaken(&k->from);
	CHECK_EQ(rota_broadcast_fini(&k->broadcast), 0);
	CHECK_EQ(rota_watch_fini(&k->watch), 0);
	CHECK_EQ(rota_queue_fini(&k->jobs), 0);
	CHECK_EQ(rota_queue_fini(&k->full), 0);
	CHECK_EQ(rota_event_fini(&k->event), 0);
	CHECK_EQ(rota_notify_fini(&k->notify), 0);
	CHECK_EQ(rota_wait_group_fini(&k->group), 0);
	CHECK_EQ(rota_semaphore_fini(&k->semaphore), 0);
	CHECK_EQ(rota_mutex_fini(&k->mutex), 0);
	CHECK_EQ(rota_rwlock_fini(&k->readable), 0);
	CHECK_EQ(rota_rwlock_fini(&k->writable), 0);
	CHECK(k->oneshot.waiters.first == NULL);
}

static void wait_for_kind(uint32_t come)
{
	struct rota_branch b[KINDS];
	struct rota_scope scope;
	struct kinds k;

	kinds_init(&k, come);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&k.task, &scope, end_of_task, &k, NULL), 0);
	rota_spawn(&scope, make_it_come, &k);
	CHECK_EQ(rota_event_wait(&k.holding), 0);
	b[RECV] = rota_on_recv(&k.to, &k.in);
	b[SEND] = rota_on_send(&k.from, &k.out);
	b[ONESHOT] = rota_on_oneshot(&k.oneshot, &k.told);
	b[BROADCAST] = rota_on_broadcast(&k.receiver, &k.heard, &k.missed);
	b[WATCH] = rota_on_watch(&k.watch, &k.seen, &k.watched);
	b[GET] = rota_on_get(&k.jobs, &k.item);
	b[PUT] = rota_on_put(&k.full, &k.put);
	b[EVENT] = rota_on_event(&k.event);
	b[NOTIFY] = rota_on_notify(&k.notify);
	b[GROUP] = rota_on_wait_group(&k.group);
	b[ACQUIRE] = rota_on_acquire(&k.semaphore, 2);
	b[LOCK] = rota_on_lock(&k.mutex);
	b[READ] = rota_on_read_lock(&k.readable);
	b[WRITE] = rota_on_write_lock(&k.writable);
	b[JOIN] = rota_on_join(k.task, &k.joined);
	b[TIME] = rota_on_time(come == TIME ? soon() : ROTA_FOREVER);
	CHECK_EQ(rota_select(b, KINDS), (int)come);
	CHECK_EQ(b[come].result, 0);
	check_kinds(&k);
	rota_event_set(&k.end);
	rota_event_set(&k.go);
	CHECK_EQ(rota_scope_join(&scope), 0);
	kinds_fini(&k);
}

EACH_MODEL(each_kind_of_branch_comes_and_all_the_others_have_not_happened)
{
	for (int round = 0; round < 5; round++)
		for (uint32_t come = 0; come < KINDS; come++)
			wait_for_kind(come);
}

EACH_MODEL(a_closed_channel_comes_at_once_and_while_it_is_waited_for)
{
	struct rota_chan ch, other;
	int value = 0;
	struct rota_branch b[] = { rota_on_recv(&other, &value), rota_on_recv(&ch, &value), rota_on_send(&ch, &value) };

	chan_of(&ch, 1);
	chan_of(&other, 1);
	rota_chan_close(&ch);
	CHECK_EQ(rota_select(b, 2), 1);
	CHECK_EQ(b[1].result, ROTA_ECLOSED);
	CHECK_EQ(rota_select(b, 3) > 0, true);
	CHECK_EQ(b[2].result == ROTA_ECLOSED || b[2].result == 0, true);
	forsaken(&ch);
	forsaken(&other);
}

static int close_it(void *arg)
{
	rota_sleep(ROTA_MICROSECONDS(SOON));
	rota_chan_close(arg);
	return 0;
}

EACH_MODEL(a_close_ends_a_select_that_waits)
{
	struct rota_chan ch, other;
	struct rota_scope scope;
	int value = 0;
	struct rota_branch b[] = { rota_on_recv(&other, &value), rota_on_recv(&ch, &value) };

	chan_of(&ch, 0);
	chan_of(&other, 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, close_it, &ch);
	CHECK_EQ(rota_select(b, 2), 1);
	CHECK_EQ(b[1].result, ROTA_ECLOSED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	forsaken(&ch);
	forsaken(&other);
}

EACH_MODEL(what_one_has_oneself_is_a_deadlock_that_is_told)
{
	struct rota_mutex mutex = { 0 };
	struct rota_rwlock lock = { 0 };
	struct rota_branch b[] = { rota_on_lock(&mutex), rota_on_write_lock(&lock), rota_on_join(rota_self(), NULL) };

	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_rwlock_write(&lock), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rota_select(&b[i], 1), 0);
		CHECK_EQ(b[i].result, -EDEADLK);
	}
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_rwlock_unlock(&lock), 0);
}

/* ---- time and cancellation ---- */

EACH_MODEL(the_earliest_of_several_times_comes_and_never_before_it)
{
	uint64_t begin = rota_now_ns(), first = rota_deadline(ROTA_MICROSECONDS(300));
	struct rota_branch b[] = {
		rota_on_time(rota_deadline(ROTA_SECONDS(100))), rota_on_time(first), rota_on_time(rota_deadline(ROTA_SECONDS(50))) };

	CHECK_EQ(rota_select(b, 3), 1);
	CHECK(rota_now_ns() >= first && first > begin);
	CHECK_EQ(rota_select(b, 3), 1); /* past: at once */
	CHECK_EQ(rota_select_until(b, 1, soon()), -ETIMEDOUT);
	CHECK_EQ(rota_select_until(&b[1], 1, first), 0); /* what is there wins over the deadline */
}

struct cancelled_select {
	struct rota_chan ch, full;
	struct rota_semaphore none;
	int rc;
};

static int select_until_cancelled(void *arg)
{
	struct cancelled_select *c = arg;
	int in = 1, out = 2;
	struct rota_branch b[] = { rota_on_recv(&c->ch, &in), rota_on_send(&c->full, &out), rota_on_acquire(&c->none, 1) };
	struct rota_branch possible;

	c->rc = rota_select(b, 3);
	CHECK_EQ(in, 1);
	CHECK_EQ(rota_select(b, 3), c->rc); /* it stays so */
	possible = rota_on_recv(&c->full, &in);
	CHECK_EQ(rota_select(&possible, 1), 0); /* what is possible at once is not refused */
	CHECK_EQ(in, 9);
	return c->rc;
}

/* False: the deadline was over before the task could be spawned. */
static bool cancelled_select(uint64_t deadline_ns, int reason)
{
	struct rota_scope_options options = { .deadline_ns = deadline_ns };
	struct cancelled_select c = { .rc = 1 };
	struct rota_scope scope;
	bool spawned;

	chan_of(&c.ch, 0);
	chan_of(&c.full, 1);
	CHECK_EQ(rota_chan_try_send(&c.full, &(int){ 9 }), 0);
	rota_scope_open_with(&scope, &options);
	spawned = rota_spawn(&scope, select_until_cancelled, &c) == 0;
	if (reason == -ECANCELED) {
		rota_yield();
		rota_scope_cancel(&scope);
	}
	rota_scope_join(&scope);
	CHECK_EQ(c.rc, spawned ? reason : 1);
	CHECK_EQ(rota_semaphore_fini(&c.none), 0);
	forsaken(&c.ch);
	forsaken(&c.full);
	return spawned;
}

EACH_MODEL(a_cancelled_select_has_done_nothing_and_left_every_queue)
{
	for (int i = 0; i < 20; i++)
		CHECK(cancelled_select(0, -ECANCELED));
}

EACH_MODEL(the_deadline_of_a_scope_ends_a_select)
{
	while (!cancelled_select(soon(), -ETIMEDOUT))
		;
}

/* ---- with others in the queue ---- */

static int acquire_one(void *arg)
{
	return rota_semaphore_acquire(arg, 1);
}

EACH_MODEL(who_stands_behind_a_branch_that_lost_has_his_turn)
{
	struct rota_semaphore semaphore;
	struct rota_branch b[] = { rota_on_acquire(&semaphore, 5), rota_on_time(0) };
	struct rota_scope scope;

	rota_semaphore_init(&semaphore, 1, 0);
	rota_scope_open(&scope);
	/* It waits behind us for the one permit there is, if it comes while we wait; and gets it in any case. */
	rota_spawn(&scope, acquire_one, &semaphore);
	b[1] = rota_on_time(soon());
	CHECK_EQ(rota_select(b, 2), 1);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_semaphore_permits(&semaphore), 0);
}

static int read_and_leave(void *arg)
{
	CHECK_EQ(rota_rwlock_read(arg), 0);
	return rota_rwlock_unlock(arg);
}

EACH_MODEL(readers_behind_a_writer_that_went_another_way_go_in)
{
	struct rota_rwlock lock = { 0 };
	struct rota_branch b[] = { rota_on_write_lock(&lock), rota_on_time(0) };
	struct rota_scope scope;

	CHECK_EQ(rota_rwlock_read(&lock), 0);
	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++)
		rota_spawn(&scope, read_and_leave, &lock);
	b[1] = rota_on_time(soon());
	CHECK_EQ(rota_select(b, 2), 1);
	CHECK_EQ(rota_scope_join(&scope), 0); /* we still read, and they could, too */
	CHECK_EQ(rota_rwlock_unlock(&lock), 0);
	CHECK_EQ(rota_rwlock_fini(&lock), 0);
}

EACH_MODEL(a_select_does_not_meet_itself)
{
	struct rota_chan ch;
	int in = 0, out = 1;
	struct rota_branch b[] = { rota_on_send(&ch, &out), rota_on_recv(&ch, &in), rota_on_send(&ch, &out) };

	chan_of(&ch, 0);
	CHECK_EQ(rota_try_select(b, 3), -EAGAIN);
	CHECK_EQ(rota_select_until(b, 3, soon()), -ETIMEDOUT);
	CHECK_EQ(in, 0);
	forsaken(&ch);
}

enum { MEETINGS = 500 };

static struct rota_chan here, there;
static atomic_int given, taken;

/* Gives on either channel, or takes from either. */
static int meet_somebody(void *arg)
{
	for (int i = 0; i < MEETINGS; i++) {
		int in = 0, out = 1;
		struct rota_branch b[] = { rota_on_send(&here, &out), rota_on_recv(&there, &in),
			rota_on_send(&there, &out), rota_on_recv(&here, &in) };
		int at = rota_select(b, 4);

		CHECK(at >= 0);
		CHECK_EQ(b[at].result, 0);
		CHECK_EQ(in, at % 2);
		atomic_fetch_add(at % 2 == 0 ? &given : &taken, 1);
	}
	return 0;
}

EACH_MODEL(selects_meet_each_other_and_what_one_gives_one_other_takes)
{
	struct rota_scope scope;

	chan_of(&here, 0);
	chan_of(&there, 0);
	given = taken = 0;
	rota_scope_open(&scope);
	/* An even number of meetings in all: everybody finds a partner, unless the last two are one task. */
	rota_spawn(&scope, meet_somebody, NULL);
	rota_spawn(&scope, meet_somebody, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(given, MEETINGS);
	CHECK_EQ(taken, MEETINGS);
	forsaken(&here);
	forsaken(&there);
}

/* ---- many of everything ---- */

enum { CHANNELS = 3, SENDERS = 6, RECEIVERS = 4, VALUES = 400 };

static struct rota_chan lines[CHANNELS];
static atomic_long sum_in, sum_out;

static int send_somewhere(void *arg)
{
	for (int i = 1; i <= VALUES; i++) {
		struct rota_branch b[CHANNELS + 1];
		int at;

		for (int c = 0; c < CHANNELS; c++)
			b[c] = rota_on_send(&lines[c], &i);
		b[CHANNELS] = rota_on_time(i % 8 == 0 ? rota_deadline(ROTA_MICROSECONDS(20)) : ROTA_FOREVER);
		at = rota_select(b, CHANNELS + 1);
		CHECK(at >= 0);
		CHECK_EQ(b[at].result, 0);
		if (at < CHANNELS)
			atomic_fetch_add(&sum_in, i);
		if (i % 32 == 0)
			rota_yield();
	}
	return 0;
}

static int receive_anywhere(void *arg)
{
	struct rota_branch b[CHANNELS];
	int value, open = CHANNELS;

	for (int c = 0; c < CHANNELS; c++)
		b[c] = rota_on_recv(&lines[c], &value);
	while (open > 0) {
		int at = rota_select_until(b, CHANNELS, rota_deadline(ROTA_MICROSECONDS(30)));

		if (at == -ETIMEDOUT)
			continue;
		CHECK(at >= 0);
		if (b[at].result == ROTA_ECLOSED) {
			b[at] = rota_on_recv(NULL, &value);
			open--;
		} else {
			CHECK_EQ(b[at].result, 0);
			atomic_fetch_add(&sum_out, value);
		}
	}
	return 0;
}

static void many(uint32_t capacity)
{
	struct rota_scope senders, receivers;

	sum_in = sum_out = 0;
	for (int c = 0; c < CHANNELS; c++)
		chan_of(&lines[c], capacity);
	rota_scope_open(&receivers);
	for (int i = 0; i < RECEIVERS; i++)
		rota_spawn(&receivers, receive_anywhere, NULL);
	rota_scope_open(&senders);
	for (int i = 0; i < SENDERS; i++)
		rota_spawn(&senders, send_somewhere, NULL);
	CHECK_EQ(rota_scope_join(&senders), 0);
	for (int c = 0; c < CHANNELS; c++)
		rota_chan_close(&lines[c]);
	CHECK_EQ(rota_scope_join(&receivers), 0);
	CHECK_EQ(sum_in, sum_out);
	CHECK(sum_in > 0);
	for (int c = 0; c < CHANNELS; c++)
		forsaken(&lines[c]);
}

EACH_MODEL(many_selects_on_many_channels_lose_and_double_nothing)
{
	many(0);
	many(2);
	many(ROTA_UNBOUNDED);
}

static struct rota_mutex mutex_a, mutex_b;
static struct rota_semaphore permits;
static long under_a, under_b; /* plain: two who are in at once are a data race */
static atomic_int having;

static int lock_either(void *arg)
{
	for (int i = 0; i < VALUES; i++) {
		struct rota_branch b[] = { rota_on_lock(&mutex_a), rota_on_acquire(&permits, 1 + (uint64_t)i % 2),
			rota_on_lock(&mutex_b), rota_on_time(i % 4 == 0 ? rota_deadline(ROTA_MICROSECONDS(10)) : ROTA_FOREVER) };
		int at = rota_select(b, 4);

		CHECK(at >= 0);
		CHECK_EQ(b[at].result, 0);
		if (at == 0) {
			under_a++;
			rota_yield();
			CHECK_EQ(rota_mutex_unlock(&mutex_a), 0);
		} else if (at == 1) {
			CHECK(atomic_fetch_add(&having, 1 + i % 2) + 1 + i % 2 <= 2);
			rota_yield();
			atomic_fetch_sub(&having, 1 + i % 2);
			CHECK_EQ(rota_semaphore_release(&permits, 1 + (uint64_t)i % 2), 0);
		} else if (at == 2) {
			under_b++;
			CHECK_EQ(rota_mutex_unlock(&mutex_b), 0);
		}
	}
	return 0;
}

EACH_MODEL(locks_and_permits_are_had_by_one_and_always_come_back)
{
	struct rota_scope scope;

	rota_semaphore_init(&permits, 2, 2);
	rota_scope_open(&scope);
	for (int i = 0; i < SENDERS; i++)
		rota_spawn(&scope, lock_either, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_mutex_fini(&mutex_a), 0);
	CHECK_EQ(rota_mutex_fini(&mutex_b), 0);
	CHECK_EQ(rota_semaphore_permits(&permits), 2);
}

/* ---- threads ---- */

static void *send_from_thread(void *arg)
{
	for (int i = 1; i <= VALUES; i++)
		while (rota_chan_try_send(&lines[i % CHANNELS], &i) == -EAGAIN)
			sched_yield();
	for (int c = 0; c < CHANNELS; c++)
		rota_chan_close(&lines[c]);
	return NULL;
}

EACH_MODEL(a_thread_without_tasks_sends_to_a_select)
{
	pthread_t thread;

	sum_out = 0;
	for (int c = 0; c < CHANNELS; c++)
		chan_of(&lines[c], c == 0 ? ROTA_UNBOUNDED : 1);
	CHECK_EQ(pthread_create(&thread, NULL, send_from_thread, NULL), 0);
	CHECK_EQ(receive_anywhere(NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(sum_out, (long)VALUES * (VALUES + 1) / 2);
	for (int c = 0; c < CHANNELS; c++)
		forsaken(&lines[c]);
}

/* ---- tasks ---- */

static int yield_and_answer(void *arg)
{
	for (intptr_t i = (intptr_t)arg % 5; i > 0; i--)
		rota_yield();
	return (int)(intptr_t)arg;
}

EACH_MODEL(tasks_are_joined_in_the_order_in_which_they_end)
{
	enum { TASKS = 20, ROUNDS = 20 };

	for (int round = 0; round < ROUNDS; round++) {
		struct rota_branch b[TASKS];
		struct rota_scope scope;
		struct rota_task *task;
		int result = -1;

		rota_scope_open(&scope);
		for (intptr_t i = 0; i < TASKS; i++) {
			CHECK_EQ(rota_spawn_task(&task, &scope, yield_and_answer, (void *)i, NULL), 0);
			b[i] = rota_on_join(task, &result);
		}
		for (int left = TASKS; left > 0; left--) {
			int at = rota_select(b, TASKS);

			CHECK(at >= 0);
			CHECK_EQ(b[at].result, 0);
			CHECK_EQ(result, at);
			b[at] = rota_on_join(NULL, NULL);
		}
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

/* ---- descriptors ---- */

EACH_MODEL(a_descriptor_comes_with_what_is_the_case)
{
	int ends[2], value = 0;
	struct rota_chan ch;
	struct rota_branch b[2];

	chan_of(&ch, 0);
	CHECK_EQ(pipe(ends), 0);
	b[0] = rota_on_fd(ends[0], ROTA_READABLE);
	b[1] = rota_on_recv(&ch, &value);
	CHECK_EQ(rota_select_until(b, 2, soon()), -ETIMEDOUT);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(rota_select(b, 2), 0);
	CHECK_EQ(b[0].result, ROTA_READABLE);
	b[0] = rota_on_fd(ends[1], ROTA_READABLE | ROTA_WRITABLE);
	CHECK_EQ(rota_select(b, 2), 0);
	CHECK_EQ(b[0].result, ROTA_WRITABLE);
	b[0] = rota_on_fd(ends[1], 0);
	CHECK_EQ(rota_select(b, 2), 0);
	CHECK_EQ(b[0].result, -EINVAL);
	close(ends[0]);
	close(ends[1]);
	b[0] = rota_on_fd(ends[0], ROTA_READABLE);
	CHECK_EQ(rota_select(b, 2), 0);
	CHECK_EQ(b[0].result, -EBADF);
	forsaken(&ch);
}

struct dial {
	int fd;
	struct rota_chan *ch;
	bool by_value;
};

static int write_or_send(void *arg)
{
	struct dial *d = arg;

	rota_sleep(ROTA_MICROSECONDS(SOON));
	if (d->by_value)
		return rota_chan_send(d->ch, &(int){ 8 });
	CHECK_EQ(write(d->fd, "x", 1), 1);
	return 0;
}

EACH_MODEL(a_descriptor_and_a_channel_are_waited_for_together_and_the_loser_is_taken_back)
{
	for (int round = 0; round < 20; round++) {
		int ends[2], value = 0;
		struct rota_chan ch;
		struct rota_branch b[2];
		struct rota_scope scope;
		struct dial dial = { .ch = &ch, .by_value = round % 2 };

		chan_of(&ch, 0);
		CHECK_EQ(pipe(ends), 0); /* the same numbers again in each round */
		dial.fd = ends[1];
		b[0] = rota_on_fd(ends[0], ROTA_READABLE);
		b[1] = rota_on_recv(&ch, &value);
		rota_scope_open(&scope);
		rota_spawn(&scope, write_or_send, &dial);
		CHECK_EQ(rota_select(b, 2), dial.by_value);
		CHECK_EQ(b[dial.by_value].result, dial.by_value ? 0 : ROTA_READABLE);
		CHECK_EQ(rota_scope_join(&scope), 0);
		close(ends[0]);
		close(ends[1]);
		forsaken(&ch);
	}
}

/* ---- streams ---- */

static int write_or_close(void *arg)
{
	struct rota_stream *const *ends = arg;

	rota_sleep(ROTA_MICROSECONDS(SOON));
	CHECK_EQ(rota_write_all(ends[1], "hello", 5), 5);
	return 0;
}

EACH_MODEL(a_stream_that_can_be_read_comes_and_nothing_is_read)
{
	for (int round = 0; round < 20; round++) {
		struct rota_stream *ends[2];
		struct rota_event event = { 0 };
		struct rota_scope scope;
		struct rota_branch b[2];
		char buf[8];

		CHECK_EQ(rota_stream_pair(ends), 0);
		b[0] = rota_on_event(&event);
		b[1] = rota_on_readable(ends[0]);
		CHECK_EQ(rota_select_until(b, 2, soon()), -ETIMEDOUT);
		rota_scope_open(&scope);
		rota_spawn(&scope, write_or_close, ends);
		CHECK_EQ(rota_select(b, 2), 1);
		CHECK_EQ(b[1].result, 0);
		CHECK_EQ(rota_select(b, 2), 1); /* it still is */
		CHECK_EQ(rota_read(ends[0], buf, 1), 1);
		CHECK_EQ(rota_read_exactly(ends[0], buf, 4), 4);
		CHECK_EQ(rota_select_until(b, 2, soon()), -ETIMEDOUT);
		rota_event_set(&event);
		CHECK_EQ(rota_select(b, 2), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		rota_close(ends[1]);
		CHECK_EQ(rota_select(&b[1], 1), 0); /* the end, too, is read without waiting */
		CHECK_EQ(rota_read(ends[0], buf, 1), 0);
		rota_close(ends[0]);
	}
}

EACH_MODEL(what_was_read_ahead_can_be_read)
{
	struct rota_stream *ends[2];
	struct rota_branch b;
	char line[16];

	CHECK_EQ(rota_stream_pair(ends), 0);
	CHECK_EQ(rota_write_all(ends[1], "one\ntwo\n", 8), 8);
	CHECK_EQ(rota_read_line(ends[0], line, sizeof line), 3);
	b = rota_on_readable(ends[0]);
	CHECK_EQ(rota_try_select(&b, 1), 0);
	CHECK_EQ(rota_read_line(ends[0], line, sizeof line), 3);
	CHECK_EQ(rota_try_select(&b, 1), -EAGAIN);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

/* Until a write would wait. */
static size_t fill(struct rota_stream *s)
{
	static const char block[65536];
	struct rota_branch b = rota_on_writable(s);
	size_t total = 0;

	while (rota_try_select(&b, 1) == 0) {
		ssize_t n = rota_write(s, block, sizeof block);

		CHECK(n > 0);
		total += (size_t)n;
	}
	return total;
}

struct draining {
	struct rota_stream *stream;
	size_t size;
};

static int drain(void *arg)
{
	static char block[65536];
	const struct draining *d = arg;

	rota_sleep(ROTA_MICROSECONDS(SOON));
	for (size_t left = d->size; left > 0;) {
		ssize_t n = rota_read(d->stream, block, sizeof block);

		CHECK(n > 0);
		left -= (size_t)n;
	}
	return 0;
}

EACH_MODEL(a_stream_that_has_room_again_comes_and_nothing_is_written)
{
	for (int round = 0; round < 20; round++) {
		struct rota_stream *ends[2];
		struct rota_event never = { 0 };
		struct draining draining;
		struct rota_scope scope;
		struct rota_branch b[3];

		CHECK_EQ(rota_stream_pair(ends), 0);
		b[0] = rota_on_event(&never);
		b[1] = rota_on_writable(ends[0]);
		b[2] = rota_on_readable(ends[0]); /* the other direction of the same */
		CHECK_EQ(rota_select(b, 3), 1);
		CHECK_EQ(b[1].result, 0);
		draining = (struct draining){ ends[1], fill(ends[0]) };
		CHECK_EQ(rota_select_until(b, 3, soon()), -ETIMEDOUT);
		rota_scope_open(&scope);
		rota_spawn(&scope, drain, &draining);
		CHECK_EQ(rota_select(b, 3), 1);
		CHECK_EQ(rota_wait_writable(ends[0]), 0);
		CHECK_EQ(rota_scope_join(&scope), 0); /* exactly what was written */
		draining.size = fill(ends[0]);
		CHECK_EQ(rota_write_all(ends[1], "x", 1), 1);
		CHECK_EQ(rota_select(b, 3), 2);
		rota_close(ends[1]);
		CHECK_EQ(rota_select(&b[1], 1), 0); /* the error, too, is told without waiting */
		CHECK_EQ(rota_write(ends[0], "x", 1), -EPIPE);
		rota_close(ends[0]);
		CHECK_EQ(rota_event_fini(&never), 0);
	}
}

enum { MUCH = 4 << 20 }; /* a socket that is said to be full may take some more */

static int write_much(void *arg)
{
	static const char block[MUCH];
	ssize_t n;

	while ((n = rota_write_all(arg, block, sizeof block)) == -EBUSY) /* the select was first: it has a time limit */
		rota_yield();
	return n == MUCH ? 0 : -EIO;
}

EACH_MODEL(a_stream_that_another_task_writes_is_busy)
{
	struct rota_stream *ends[2];
	struct draining draining;
	struct rota_scope scope;
	struct rota_branch b;
	int at;

	CHECK_EQ(rota_stream_pair(ends), 0);
	draining = (struct draining){ ends[1], fill(ends[0]) + MUCH };
	rota_scope_open(&scope);
	rota_spawn(&scope, write_much, ends[0]);
	b = rota_on_writable(ends[0]);
	do { /* until the writer is first */
		rota_yield();
		at = rota_select_until(&b, 1, soon());
	} while (at == -ETIMEDOUT);
	CHECK_EQ(at, 0);
	CHECK_EQ(b.result, -EBUSY);
	CHECK_EQ(rota_wait_writable(ends[0]), -EBUSY);
	rota_spawn(&scope, drain, &draining);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

static int close_stream(void *arg)
{
	rota_sleep(ROTA_MICROSECONDS(SOON));
	rota_close(arg);
	return 0;
}

EACH_MODEL(a_stream_that_is_closed_ends_the_select)
{
	for (int round = 0; round < 20; round++) {
		struct rota_stream *ends[2];
		struct rota_event never = { 0 };
		struct rota_scope scope;
		struct rota_branch b[2];

		CHECK_EQ(rota_stream_pair(ends), 0);
		fill(ends[0]);
		b[0] = rota_on_event(&never);
		b[1] = round % 2 == 0 ? rota_on_readable(ends[0]) : rota_on_writable(ends[0]);
		rota_scope_open(&scope);
		rota_spawn(&scope, close_stream, ends[0]);
		CHECK_EQ(rota_select(b, 2), 1);
		CHECK_EQ(b[1].result, ROTA_ECLOSED);
		CHECK_EQ(rota_scope_join(&scope), 0);
		rota_close(ends[1]);
		CHECK_EQ(rota_event_fini(&never), 0);
	}
}

struct reading {
	struct rota_stream *stream;
	struct rota_event begun;
};

static int read_one(void *arg)
{
	struct reading *r = arg;
	char byte;

	rota_event_set(&r->begun);
	return (int)rota_read(r->stream, &byte, 1);
}

EACH_MODEL(a_stream_that_another_task_reads_is_busy)
{
	struct rota_stream *ends[2];
	struct reading reading = { 0 };
	struct rota_scope scope;
	struct rota_branch b;
	int at;

	CHECK_EQ(rota_stream_pair(ends), 0);
	reading.stream = ends[0];
	rota_scope_open(&scope);
	rota_spawn(&scope, read_one, &reading);
	CHECK_EQ(rota_event_wait(&reading.begun), 0);
	b = rota_on_readable(ends[0]);
	do /* between its word and its read we may be first */
		at = rota_select_until(&b, 1, soon());
	while (at == -ETIMEDOUT);
	CHECK_EQ(at, 0);
	CHECK_EQ(b.result, -EBUSY);
	CHECK_EQ(rota_write_all(ends[1], "x", 1), 1);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

/* Streams of several loops in one select, where there are several: what a proxy does after a connection was dealt. */
struct proxied {
	struct rota_stream *ends[2];
};

static atomic_uint made_on; /* a bit for each worker */

/* Keeps its worker for a while, so that another one makes the next. */
static int make_pair(void *arg)
{
	struct proxied *p = arg;
	unsigned me = 1u << rota_worker_number();

	CHECK_EQ(rota_stream_pair(p->ends), 0);
	atomic_fetch_or(&made_on, me);
	for (int looks = 0; looks < 1000 && atomic_load(&made_on) == me; looks++)
		sched_yield();
	return 0;
}

enum { PROXIED = 4 };

static int write_all_ends(void *arg)
{
	struct proxied *p = arg;

	for (int i = 0; i < PROXIED; i++)
		CHECK_EQ(rota_write_all(p[i].ends[1], "x", 1), 1);
	return 0;
}

EACH_MODEL(streams_of_several_loops_are_waited_for_together)
{
	struct proxied p[PROXIED] = { 0 };
	struct rota_branch b[PROXIED];
	struct rota_scope scope;

	made_on = 0;
	rota_scope_open(&scope);
	for (int i = 0; i < PROXIED; i++)
		rota_spawn(&scope, make_pair, &p[i]);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < PROXIED; i++)
		b[i] = rota_on_readable(p[i].ends[0]);
	CHECK_EQ(rota_select_until(b, PROXIED, soon()), -ETIMEDOUT);
	rota_scope_open(&scope);
	rota_spawn(&scope, write_all_ends, p);
	for (int left = PROXIED; left > 0; left--) {
		int at = rota_select(b, PROXIED);
		char byte;

		CHECK(at >= 0);
		CHECK_EQ(b[at].result, 0);
		CHECK_EQ(rota_read(p[at].ends[0], &byte, 1), 1);
		b[at] = rota_on_readable(NULL);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < PROXIED; i++) {
		rota_close(p[i].ends[0]);
		rota_close(p[i].ends[1]);
	}
}
