/* stress.c - programs put together at random: everything at once, under every model, again and again
 *
 * An actor is a task that makes random steps: it sleeps, yields, sends, receives, locks, talks over sockets, asks the pool, holds its
 * thread, and makes actors of its own, which it joins, races, cancels or gives a deadline.  Every wait ends by itself, so a
 * round that does not end has lost a wake-up.  At its end what was sent was received, what was counted under a lock is the
 * sum, and everything can be given back.
 *
 *	ROTA_STRESS_SECONDS	for so long each model, instead of a few rounds
 *	ROTA_STRESS_SEED	of the first round; each round says its own if it goes on for long */
#include <inttypes.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"

enum { ROUNDS = 12, ACTORS_MAX = 10, STEPS_MAX = 25, DEPTH_MAX = 3, PERMITS = 4, PARTIES = 3 };

/* What the actors of a round share. */
static struct world {
	struct rota_chan chan;
	uint64_t sent, received;
	struct rota_mutex mutex;
	uint64_t guarded, locked; /* by the mutex; atomically */
	struct rota_rwlock rwlock;
	uint64_t twins[2]; /* equal for who holds it */
	struct rota_semaphore semaphore;
	uint32_t permits_out;
	struct rota_event event;
	struct rota_notify notify;
	struct rota_barrier barrier;
	char address[64];
} world;

struct actor {
	uint64_t random;
	int depth;
};

static uint64_t draw(uint64_t *random, uint64_t limit)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*random >> 33) % limit;
}

static uint64_t soon(struct actor *a)
{
	return rota_deadline(ROTA_MICROSECONDS(draw(&a->random, 500)));
}

/* Cut short or not: anything else is wrong. */
static bool went_well(int64_t rc)
{
	CHECK(rc >= 0 || rc == -ECANCELED || rc == -ETIMEDOUT);
	return rc >= 0;
}

static int act(void *actor);

/* ---- waiting ---- */

static void nap(struct actor *a)
{
	went_well(rota_sleep(ROTA_MICROSECONDS(draw(&a->random, 300))));
}

static void give_way(struct actor *a)
{
	went_well(rota_yield());
}

static int nap_in_shield(void *arg)
{
	return rota_sleep(ROTA_MICROSECONDS(draw(&((struct actor *)arg)->random, 50)));
}

static void shield(struct actor *a)
{
	CHECK_EQ(rota_shield(ROTA_FOREVER, nap_in_shield, a), 0);
}

/* ---- what several use ---- */

static void send_one(struct actor *a)
{
	uint64_t value = draw(&a->random, 1000);

	if (went_well(rota_chan_send_until(&world.chan, &value, soon(a))))
		add_relaxed(&world.sent, value);
}

static void receive_one(struct actor *a)
{
	uint64_t value;

	if (went_well(rota_chan_recv_until(&world.chan, &value, soon(a))))
		add_relaxed(&world.received, value);
}

static void keep_a_place(struct actor *a)
{
	uint64_t value = draw(&a->random, 1000);

	if (!went_well(rota_chan_reserve_until(&world.chan, soon(a))))
		return;
	give_way(a);
	if (draw(&a->random, 2)) {
		CHECK_EQ(rota_chan_send_reserved(&world.chan, &value), 0);
		add_relaxed(&world.sent, value);
	} else {
		CHECK_EQ(rota_chan_unreserve(&world.chan), 0);
	}
}

static void lock(struct actor *a)
{
	uint64_t before;

	if (!went_well(rota_mutex_lock_until(&world.mutex, soon(a))))
		return;
	before = world.guarded;
	if (draw(&a->random, 4) == 0)
		give_way(a);
	world.guarded = before + 1;
	add_relaxed(&world.locked, 1);
	CHECK_EQ(rota_mutex_unlock(&world.mutex), 0);
}

static void read_twins(struct actor *a)
{
	if (!went_well(rota_rwlock_read_until(&world.rwlock, soon(a))))
		return;
	CHECK_EQ(world.twins[0], world.twins[1]);
	if (draw(&a->random, 4) == 0)
		give_way(a);
	CHECK_EQ(rota_rwlock_unlock(&world.rwlock), 0);
}

static void write_twins(struct actor *a)
{
	if (!went_well(rota_rwlock_write_until(&world.rwlock, soon(a))))
		return;
	world.twins[0]++;
	if (draw(&a->random, 4) == 0)
		give_way(a);
	world.twins[1]++;
	CHECK_EQ(rota_rwlock_unlock(&world.rwlock), 0);
}

static void take_permits(struct actor *a)
{
	uint32_t count = 1 + (uint32_t)draw(&a->random, PERMITS);

	if (!went_well(rota_semaphore_acquire_until(&world.semaphore, count, soon(a))))
		return;
	CHECK(add_acq_rel(&world.permits_out, count) + count <= PERMITS);
	give_way(a);
	add_acq_rel(&world.permits_out, -count);
	CHECK_EQ(rota_semaphore_release(&world.semaphore, count), 0);
}

static void events(struct actor *a)
{
	switch (draw(&a->random, 4)) {
	case 0:
		rota_event_set(&world.event);
		return;
	case 1:
		rota_event_clear(&world.event);
		return;
	default:
		went_well(rota_event_wait_until(&world.event, soon(a)));
	}
}

static void notifications(struct actor *a)
{
	switch (draw(&a->random, 4)) {
	case 0:
		rota_notify_one(&world.notify);
		return;
	case 1:
		rota_notify_all(&world.notify);
		return;
	default:
		went_well(rota_notify_wait_until(&world.notify, soon(a)));
	}
}

static void meet(struct actor *a)
{
	went_well(rota_barrier_wait_until(&world.barrier, soon(a)));
}

/* ---- holding a thread ---- */

static int job(void *arg)
{
	usleep((useconds_t)(uintptr_t)arg);
	return 7;
}

static void ask_pool(struct actor *a)
{
	int rc = rota_blocking(job, (void *)(uintptr_t)draw(&a->random, 100));

	CHECK(rc == 7 || rc == -ECANCELED || rc == -ETIMEDOUT);
}

static void compute(struct actor *a)
{
	uint64_t end_ns = rota_now_ns() + draw(&a->random, ROTA_MICROSECONDS(4000));

	while (rota_now_ns() < end_ns)
		;
}

static void block(struct actor *a)
{
	bool told = draw(&a->random, 2);

	if (told)
		rota_blocking_section_begin();
	usleep((useconds_t)draw(&a->random, 4000));
	if (told)
		rota_blocking_section_end();
}

static void hold(struct actor *a)
{
	switch (draw(&a->random, 8)) { /* now and then: it takes long */
	case 0:
		compute(a);
		return;
	case 1:
		block(a);
		return;
	default:
		ask_pool(a);
	}
}

/* ---- other tasks ---- */

/* The parts of an actor's life that its children live; they are its own memory, until they have ended. */
static int children_of(struct actor *a, struct actor *children)
{
	int count = a->depth == 0 ? 0 : 1 + (int)draw(&a->random, 3);

	for (int i = 0; i < count; i++)
		children[i] = (struct actor){ .random = draw(&a->random, UINT32_MAX), .depth = a->depth - 1 };
	return count;
}

static void have_children(struct actor *a)
{
	struct rota_scope_options options = {
		.deadline_ns = draw(&a->random, 2) ? rota_deadline(ROTA_MICROSECONDS(draw(&a->random, 3000))) : 0,
		.flags = draw(&a->random, 2) ? ROTA_SCOPE_COLLECT : 0,
	};
	struct actor children[3];
	struct rota_scope scope;
	int count = children_of(a, children);

	rota_scope_open_with(&scope, &options);
	for (int i = 0; i < count; i++)
		rota_spawn(&scope, act, &children[i]);
	if (draw(&a->random, 3) == 0) {
		nap(a);
		rota_scope_cancel(&scope);
	}
	went_well(rota_scope_join(&scope));
}

static void have_a_named_child(struct actor *a)
{
	struct rota_task_options options = { .pinned = draw(&a->random, 2) };
	struct rota_task *task;
	struct actor children[3];
	struct rota_scope scope;

	if (children_of(a, children) == 0)
		return;
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	if (rota_spawn_task(&task, &scope, act, &children[0], &options) == 0) {
		if (draw(&a->random, 3) == 0)
			rota_task_cancel(task);
		if (draw(&a->random, 2))
			went_well(rota_join(task, NULL));
		if (draw(&a->random, 2))
			rota_task_release(task);
	}
	went_well(rota_scope_join(&scope));
}

static void gather_or_race(struct actor *a)
{
	struct actor children[3];
	struct rota_call calls[3];
	int count = children_of(a, children);

	for (int i = 0; i < count; i++)
		calls[i] = (struct rota_call){ act, &children[i] };
	if (count == 0)
		return;
	if (draw(&a->random, 2))
		went_well(rota_gather(calls, (size_t)count, NULL));
	else
		went_well(rota_race(calls, (size_t)count, NULL));
}

static void limit(struct actor *a)
{
	struct actor children[3];

	if (children_of(a, children) > 0)
		went_well(rota_timeout(ROTA_MICROSECONDS(draw(&a->random, 2000)), act, &children[0]));
}

static int nap_detached(void *arg)
{
	return rota_sleep(ROTA_MICROSECONDS((uintptr_t)arg));
}

static void detach(struct actor *a)
{
	int rc = rota_spawn(rota_detached(), nap_detached, (void *)(uintptr_t)draw(&a->random, 300));

	CHECK(rc == 0 || rc == -ECANCELED);
}

static struct rota_result answer(void *arg)
{
	nap_detached(arg);
	return rota_result_value(arg, NULL);
}

/* Pinned: the promise is used on its loop only. */
static int await_two(void *arg)
{
	struct rota_promise *both[2], *all;

	for (uintptr_t i = 0; i < 2; i++)
		both[i] = rota_promise_task(NULL, answer, (void *)((uintptr_t)arg + i));
	all = rota_promise_all(NULL, both, 2);
	went_well(rota_await(all, NULL));
	rota_promise_unref(all);
	return 0;
}

static void promise(struct actor *a)
{
	struct rota_task_options pinned = { .pinned = true };
	struct rota_task *task;
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn_task(&task, &scope, await_two, (void *)(uintptr_t)draw(&a->random, 100), &pinned);
	went_well(rota_scope_join(&scope));
}

/* ---- the system ---- */

static int echo(void *arg)
{
	struct rota_stream *stream = arg;
	char buf[512];
	ssize_t n;

	while ((n = rota_read(stream, buf, sizeof buf)) > 0 && rota_write_all(stream, buf, (size_t)n) == n)
		;
	rota_close(stream);
	return 0;
}

/* The same by leases: the bytes of a connection then come unasked. */
static int echo_lent(void *arg)
{
	struct rota_stream *stream = arg;
	struct rota_lease lease;
	ssize_t n;

	while ((n = rota_read_lease(stream, &lease)) > 0) {
		n = rota_write_all(stream, lease.data, lease.size);
		rota_lease_return(&lease);
		if (n < 0)
			break;
	}
	rota_close(stream);
	return 0;
}

static bool hear_lent(struct rota_stream *stream, char *heard, size_t size)
{
	struct rota_lease lease;
	size_t count = 0;

	while (count < size && rota_read_lease(stream, &lease) > 0) {
		CHECK(lease.size <= size - count);
		memcpy(heard + count, lease.data, lease.size);
		count += lease.size;
		rota_lease_return(&lease);
	}
	return count == size;
}

static void say_and_hear(struct actor *a, struct rota_stream *stream)
{
	char said[700], heard[700];
	size_t size = 1 + draw(&a->random, sizeof said);
	bool lent = draw(&a->random, 2);

	memset(said, (int)draw(&a->random, 256), size);
	if (rota_write_all(stream, said, size) == (ssize_t)size &&
		(lent ? hear_lent(stream, heard, size) : rota_read_exactly(stream, heard, size) == (ssize_t)size))
		CHECK(memcmp(said, heard, size) == 0);
	else
		CHECK(rota_cancelled() != 0); /* the other end's task may have been the first to hear of it */
}

static void talk_over_a_pair(struct actor *a)
{
	struct rota_stream *ends[2];
	struct rota_scope scope;

	CHECK_EQ(rota_stream_pair(ends), 0);
	rota_scope_open(&scope);
	if (rota_spawn(&scope, echo, ends[1]) < 0)
		rota_close(ends[1]);
	say_and_hear(a, ends[0]);
	rota_close(ends[0]);
	went_well(rota_scope_join(&scope));
}

static void talk_to_the_server(struct actor *a)
{
	struct rota_stream *stream;

	if (!went_well(rota_tcp_connect(&stream, world.address, NULL)))
		return;
	for (uint64_t i = draw(&a->random, 5); i > 0 && rota_cancelled() == 0; i--)
		say_and_hear(a, stream);
	rota_close(stream);
}

static void read_a_file(struct actor *a)
{
	void *data;
	size_t size;

	(void)a;
	if (went_well(rota_read_file("/proc/self/comm", &data, &size, 100)))
		free(data);
}

/* ---- actors and rounds ---- */

static int act(void *actor)
{
	static void (*const steps[])(struct actor *) = { nap, give_way, shield, send_one, send_one, receive_one, receive_one, keep_a_place, lock,
		read_twins, write_twins, take_permits, events, notifications, meet, hold, have_children, have_children,
		have_a_named_child, gather_or_race, limit, detach, promise, talk_over_a_pair, talk_to_the_server,
		read_a_file };
	struct actor *a = actor;
	uint64_t count = 1 + draw(&a->random, a->depth == DEPTH_MAX ? STEPS_MAX : STEPS_MAX >> (DEPTH_MAX - a->depth));

	for (uint64_t i = 0; i < count; i++)
		steps[draw(&a->random, sizeof steps / sizeof *steps)](a);
	return 0;
}

static int serve(void *door)
{
	return rota_serve(door, echo_lent);
}

static void world_begin(uint64_t *random)
{
	memset(&world, 0, sizeof world);
	CHECK_EQ(rota_chan_init(&world.chan, sizeof(uint64_t), (uint32_t)draw(random, 4) + 1), 0);
	rota_semaphore_init(&world.semaphore, PERMITS, PERMITS);
	CHECK_EQ(rota_barrier_init(&world.barrier, PARTIES), 0);
}

static void world_end(void)
{
	uint64_t value;

	while (rota_chan_try_recv(&world.chan, &value) == 0)
		world.received += value;
	CHECK_EQ(world.sent, world.received);
	CHECK_EQ(world.guarded, world.locked);
	CHECK_EQ(world.twins[0], world.twins[1]);
	CHECK_EQ(rota_semaphore_permits(&world.semaphore), PERMITS);
	CHECK_EQ(rota_chan_fini(&world.chan), 0);
	CHECK_EQ(rota_mutex_fini(&world.mutex), 0);
	CHECK_EQ(rota_rwlock_fini(&world.rwlock), 0);
	CHECK_EQ(rota_semaphore_fini(&world.semaphore), 0);
	CHECK_EQ(rota_event_fini(&world.event), 0);
	CHECK_EQ(rota_notify_fini(&world.notify), 0);
	CHECK_EQ(rota_barrier_fini(&world.barrier), 0);
}

static int program(void *arg)
{
	uint64_t *random = arg;
	struct actor actors[ACTORS_MAX];
	struct rota_scope server, scope;
	struct rota_listener *door;
	uint64_t count = 1 + draw(random, ACTORS_MAX);

	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", NULL), 0);
	snprintf(world.address, sizeof world.address, "127.0.0.1:%d", rota_listener_port(door));
	rota_scope_open(&server);
	CHECK_EQ(rota_spawn(&server, serve, door), 0);
	rota_scope_open(&scope);
	for (uint64_t i = 0; i < count; i++) {
		actors[i] = (struct actor){ .random = draw(random, UINT32_MAX), .depth = DEPTH_MAX };
		CHECK_EQ(rota_spawn(&scope, act, &actors[i]), 0);
	}
	if (draw(random, 4) == 0) {
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(draw(random, 10000))), 0);
		rota_scope_cancel(&scope);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_scope_cancel(&server);
	CHECK_EQ(rota_scope_join(&server), 0);
	rota_listener_close(door);
	return 0;
}

static void nobody_is_told(const struct rota_blocked *blocked)
{
	(void)blocked;
}

static void round_of(enum rota_model model, uint64_t seed)
{
	uint64_t random = seed;
	struct rota_options options = {
		.model = model,
		.workers = 1 + (unsigned)draw(&random, 4),
		.deal = (enum rota_deal)draw(&random, ROTA_DEAL_OWN + 1),
		.on_blocked = nobody_is_told,
	};

	world_begin(&random);
	CHECK_EQ(rota_run(program, &random, &options), 0);
	world_end();
}

static uint64_t number_of(const char *variable, uint64_t standard)
{
	const char *env = getenv(variable);

	return env != NULL ? strtoull(env, NULL, 10) : standard;
}

static void rounds_of(enum rota_model model)
{
	uint64_t seed = number_of("ROTA_STRESS_SEED", 1), seconds = number_of("ROTA_STRESS_SECONDS", 0);
	uint64_t end_ns = rota_deadline(ROTA_SECONDS(seconds)), first = seed;

	do {
		if (seconds > 0)
			fprintf(stderr, "\rseed %" PRIu64, seed);
		round_of(model, seed++);
	} while (seconds > 0 ? rota_now_ns() < end_ns : seed < first + ROUNDS);
}

TEST(random_programs_end_and_add_up_on_one_loop)
{
	rounds_of(ROTA_SINGLE);
}

TEST(random_programs_end_and_add_up_in_a_group)
{
	rounds_of(ROTA_GROUP);
}

TEST(random_programs_end_and_add_up_where_work_is_stolen)
{
	rounds_of(ROTA_STEAL);
}
