/* poll.c - foreign descriptors, wake-ups from other threads, signals: with callbacks */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"

static int calls, seen, closed;

static void note_close(struct rota_handle *handle)
{
	closed++;
}

static void fresh(int fds[2])
{
	calls = seen = closed = 0;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void drop(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* ---- poll handles ---- */

static void note_events(struct rota_poll *poll, int events)
{
	calls++;
	seen = events;
	if (calls == 3)
		rota_poll_stop(poll);
}

LOOP_TEST(readiness_is_told_again_until_it_is_stopped)
{
	static struct rota_poll poll = { .fd = -1 };
	int fds[2];

	fresh(fds);
	CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
	CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE, note_events), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(calls, 0);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	run(loop);
	CHECK_EQ(calls, 3);
	CHECK_EQ(seen, ROTA_READABLE);
	CHECK_EQ(rota_handle_close(&poll.handle, note_close), 0);
	run(loop);
	CHECK_EQ(closed, 1);
	CHECK_EQ(write(fds[0], "x", 1), 1); /* still its owner's */
	drop(fds);
}

/* Fill the socket: writable only when the peer reads. */
static void fill(int fd)
{
	static char block[4096];

	while (send(fd, block, sizeof block, MSG_DONTWAIT) > 0)
		;
}

static void note_and_close(struct rota_poll *poll, int events)
{
	calls++;
	seen = events;
	rota_handle_close(&poll->handle, note_close);
}

LOOP_TEST(either_of_two_directions_is_told)
{
	for (int readable = 0; readable < 2; readable++) {
		struct rota_poll poll = { .fd = -1 };
		char block[65536];
		int fds[2];

		fresh(fds);
		fill(fds[0]);
		CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
		CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE | ROTA_WRITABLE, note_and_close), 0);
		for (int i = 0; i < 3; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(calls, 0);
		if (readable)
			CHECK_EQ(write(fds[1], "x", 1), 1);
		else
			while (recv(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
				;
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK_EQ(seen, readable ? ROTA_READABLE : ROTA_WRITABLE);
		drop(fds);
	}
}

LOOP_TEST(a_hangup_is_told)
{
	static struct rota_poll poll = { .fd = -1 };
	int fds[2];

	fresh(fds);
	CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
	CHECK_EQ(rota_poll_start(&poll, ROTA_HANGUP, note_and_close), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	close(fds[1]);
	fds[1] = -1;
	run(loop);
	CHECK_EQ(seen, ROTA_HANGUP);
	drop(fds);
}

LOOP_TEST(what_is_asked_for_can_be_changed)
{
	static struct rota_poll poll = { .fd = -1 };
	int fds[2];

	fresh(fds);
	CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
	CHECK_EQ(rota_poll_start(&poll, 0, note_events), -EINVAL);
	CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE, note_events), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(rota_poll_start(&poll, ROTA_WRITABLE, note_and_close), 0);
	run(loop);
	CHECK_EQ(seen, ROTA_WRITABLE);
	CHECK_EQ(calls, 1);
	drop(fds);
}

LOOP_TEST(a_poll_can_be_closed_in_each_turn_of_its_life)
{
	for (int turns = 0; turns < 5; turns++) {
		struct rota_poll poll = { .fd = -1 };
		int fds[2];

		fresh(fds);
		CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
		CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE, note_events), 0);
		for (int i = 0; i < turns; i++) {
			if (i == 2)
				CHECK_EQ(write(fds[1], "x", 1), 1);
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		}
		CHECK_EQ(rota_handle_close(&poll.handle, note_close), 0);
		CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE, note_events), ROTA_ECLOSED);
		CHECK_EQ(rota_poll_stop(&poll), ROTA_ECLOSED);
		run(loop);
		CHECK_EQ(closed, 1);
		drop(fds);
	}
}

LOOP_TEST(a_number_that_is_no_descriptor_is_refused)
{
	static struct rota_poll poll = { .fd = -1 };

	CHECK_EQ(rota_poll_open(loop, &poll, 9999), -EBADF);
	CHECK(!rota_handle_is_open(&poll.handle));
}

LOOP_TEST(a_number_with_a_new_owner_is_polled_anew)
{
	static struct rota_poll poll = { .fd = -1 };
	int former = -1;

	for (int i = 0; i < 3; i++) {
		int fds[2], kept;

		fresh(fds);
		CHECK(former < 0 || fds[0] == former);
		former = fds[0];
		CHECK_EQ(rota_poll_open(loop, &poll, fds[0]), 0);
		CHECK_EQ(rota_poll_start(&poll, ROTA_READABLE, note_and_close), 0);
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(calls, 0);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		run(loop);
		CHECK_EQ(calls, 1);
		kept = dup(fds[0]); /* the open file, and what is registered of it, live on for a while */
		drop(fds);
		close(kept);
	}
}

/* ---- tasks ---- */

static int wait_readable(void *arg)
{
	return rota_wait_fd(*(int *)arg, ROTA_READABLE, ROTA_FOREVER);
}

static int wait_writable(void *arg)
{
	return rota_wait_fd(*(int *)arg, ROTA_WRITABLE, ROTA_FOREVER);
}

static int two_wait(void *arg)
{
	int fds[2], results[2] = { 0 };
	static char block[65536];
	struct rota_task *tasks[2];
	struct rota_scope scope;

	fresh(fds);
	fill(fds[0]);
	CHECK_EQ(rota_wait_fd(fds[0], ROTA_READABLE, rota_deadline(1)), -ETIMEDOUT);
	CHECK_EQ(rota_wait_fd(fds[0], 0, ROTA_FOREVER), -EINVAL);
	CHECK_EQ(rota_wait_fd(9999, ROTA_READABLE, ROTA_FOREVER), -EBADF);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&tasks[0], &scope, wait_readable, &fds[0], NULL), 0);
	CHECK_EQ(rota_spawn_task(&tasks[1], &scope, wait_writable, &fds[0], NULL), 0);
	for (int i = 0; i < 3; i++)
		rota_yield();
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(rota_join(tasks[0], &results[0]), 0);
	CHECK_EQ(results[0], ROTA_READABLE);
	while (recv(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(rota_join(tasks[1], &results[1]), 0); /* the other's end took nothing from it */
	CHECK_EQ(results[1], ROTA_WRITABLE);
	CHECK_EQ(rota_scope_join(&scope), 0);
	drop(fds);
	return 0;
}

TEST(two_tasks_wait_on_the_two_directions_of_a_descriptor)
{
	CHECK_EQ(rota_run(two_wait, NULL, NULL), 0);
}

/* ---- async ---- */

static void count_call(struct rota_async *async)
{
	calls++;
}

LOOP_TEST(sends_are_merged_into_one_call)
{
	static struct rota_async async = { .fn = NULL };

	calls = closed = 0;
	CHECK_EQ(rota_async_open(loop, &async, count_call), 0);
	CHECK(rota_loop_alive(loop));
	for (int i = 0; i < 5; i++)
		rota_async_send(&async);
	CHECK_EQ(calls, 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(calls, 1);
	rota_async_send(&async);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(calls, 2);
	rota_handle_unref(&async.handle);
	run(loop);
	rota_async_send(&async);
	CHECK_EQ(rota_handle_close(&async.handle, note_close), 0);
	run(loop);
	CHECK_EQ(calls, 2); /* not after the close */
	CHECK_EQ(closed, 1);
}

struct counter {
	struct rota_async async;
	uint32_t made, done; /* calls of each thread; threads that are through */
};

enum { THREADS = 4, SENDS = 2000 };

static void *send_many(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < SENDS; i++) {
		__atomic_add_fetch(&c->made, 1, __ATOMIC_SEQ_CST);
		rota_async_send(&c->async);
	}
	__atomic_add_fetch(&c->done, 1, __ATOMIC_SEQ_CST);
	rota_async_send(&c->async);
	return NULL;
}

static void look_at_counter(struct rota_async *async)
{
	struct counter *c = (struct counter *)async;

	calls++;
	if (__atomic_load_n(&c->done, __ATOMIC_SEQ_CST) == THREADS) {
		CHECK_EQ(c->made, THREADS * SENDS);
		rota_handle_close(&async->handle, note_close);
	}
}

LOOP_TEST(no_send_of_any_thread_is_lost)
{
	static struct counter c = { .made = 0 };
	pthread_t threads[THREADS];

	calls = closed = 0;
	CHECK_EQ(rota_async_open(loop, &c.async, look_at_counter), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, send_many, &c), 0);
	run(loop);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(closed, 1);
	CHECK(calls <= THREADS * (SENDS + 1));
}

static void *send_until_told(void *arg)
{
	struct counter *c = arg;

	while (!__atomic_load_n(&c->done, __ATOMIC_SEQ_CST))
		rota_async_send(&c->async);
	return NULL;
}

LOOP_TEST(a_close_beside_senders_is_clean)
{
	for (int i = 0; i < 50; i++) {
		struct counter c = { .made = 0 };
		pthread_t thread;

		closed = 0;
		CHECK_EQ(rota_async_open(loop, &c.async, count_call), 0);
		CHECK_EQ(pthread_create(&thread, NULL, send_until_told, &c), 0);
		for (int turns = 0; turns < i % 5; turns++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(rota_handle_close(&c.async.handle, note_close), 0);
		__atomic_store_n(&c.done, 1, __ATOMIC_SEQ_CST);
		pthread_join(thread, NULL);
		run(loop);
		CHECK_EQ(closed, 1);
	}
}

static struct rota_async *from_handler;

static void send_from_handler(int signo)
{
	rota_async_send(from_handler);
}

LOOP_TEST(a_signal_handler_may_send)
{
	static struct rota_async async = { .fn = NULL };

	calls = 0;
	from_handler = &async;
	CHECK_EQ(rota_async_open(loop, &async, count_call), 0);
	signal(SIGUSR1, send_from_handler);
	raise(SIGUSR1);
	rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(calls, 1);
}

/* ---- signals ---- */

static void note_signal(struct rota_signal *signal, int signo)
{
	calls++;
	seen = signo;
}

LOOP_TEST(a_signal_becomes_a_callback_until_the_close)
{
	static struct rota_signal usr1 = { .fn = NULL }, hup = { .fn = NULL };

	calls = closed = 0;
	CHECK_EQ(rota_signal_open(loop, &usr1, SIGUSR1, note_signal), 0);
	CHECK_EQ(rota_signal_open(loop, &usr1, SIGUSR1, note_signal), -EBUSY);
	CHECK_EQ(rota_signal_open(loop, &hup, SIGHUP, note_signal), 0);
	CHECK_EQ(raise(SIGUSR1), 0);
	rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen, SIGUSR1);
	CHECK_EQ(raise(SIGHUP), 0);
	rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(seen, SIGHUP);
	/* One that arrived before the close is not told after it. */
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(rota_handle_close(&usr1.handle, note_close), 0);
	CHECK_EQ(rota_handle_close(&hup.handle, note_close), 0);
	run(loop);
	CHECK_EQ(calls, 2);
	CHECK_EQ(closed, 2);
	struct sigaction action;

	CHECK_EQ(sigaction(SIGUSR1, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
}

LOOP_TEST(a_signal_handle_can_be_closed_in_each_turn_of_its_life)
{
	for (int turns = 0; turns < 6; turns++) {
		struct rota_signal usr1 = { .fn = NULL };

		closed = 0;
		CHECK_EQ(rota_signal_open(loop, &usr1, SIGUSR1, note_signal), 0);
		for (int i = 0; i < turns; i++) {
			if (i % 2 == 1)
				CHECK_EQ(raise(SIGUSR1), 0);
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		}
		if (turns % 2 == 1)
			CHECK_EQ(raise(SIGUSR1), 0); /* it is on its way */
		calls = 0;
		CHECK_EQ(rota_handle_close(&usr1.handle, note_close), 0);
		CHECK_EQ(rota_handle_close(&usr1.handle, note_close), ROTA_ECLOSED);
		CHECK_EQ(closed, 0); /* never within */
		run(loop);
		CHECK_EQ(closed, 1);
		CHECK_EQ(calls, 0);
	}
}

LOOP_TEST(what_cannot_be_caught_is_refused)
{
	static struct rota_signal s = { .fn = NULL };
	int never[] = { SIGKILL, SIGSTOP, SIGSEGV, 0, -1, 65 };

	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		CHECK_EQ(rota_signal_open(loop, &s, never[i], note_signal), -EINVAL);
	CHECK(!rota_handle_is_open(&s.handle));
}

static void close_in_callback(struct rota_signal *signal, int signo)
{
	calls++;
	rota_handle_close(&signal->handle, note_close);
}

LOOP_TEST(a_signal_handle_may_close_itself)
{
	static struct rota_signal a = { .fn = NULL }, b = { .fn = NULL };

	calls = closed = 0;
	CHECK_EQ(rota_signal_open(loop, &a, SIGUSR1, close_in_callback), 0);
	CHECK_EQ(rota_signal_open(loop, &b, SIGUSR1, close_in_callback), 0);
	CHECK_EQ(raise(SIGUSR1), 0);
	run(loop);
	CHECK_EQ(calls, 2);
	CHECK_EQ(closed, 2);
}
