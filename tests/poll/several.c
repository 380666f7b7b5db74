/* several.c - descriptors that are used on several pollers over their life, or at the same time */
#include <errno.h>
#include <pthread.h>
#include <rota/base.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/test.h"
#include "poll/poller.h"

static void done(struct rota__op *op)
{
}

static struct rota__poller *open_poller(void)
{
	struct rota__poller *p;

	CHECK_EQ(rota__poller_open(&p, NULL, NULL), 0);
	return p;
}

static void close_poller(struct rota__poller *p)
{
	CHECK_EQ(p->pending, 0);
	p->engine->close(p);
}

static void turn(struct rota__poller *p, uint64_t deadline_ns)
{
	struct rota__node *node;

	p->engine->wait(p, deadline_ns);
	while ((node = fifo_pop(&p->completed)) != NULL)
		container_of(node, struct rota__op, node)->done(container_of(node, struct rota__op, node));
}

static void start(struct rota__poller *p, struct rota__op *op)
{
	op->state = OP_PENDING;
	op->engine = 0;
	op->done = done;
	CHECK(p->engine->submit(p, op));
}

static int64_t finish(struct rota__poller *p, struct rota__op *op)
{
	do /* also what was done at once is still to be taken from the poller */
		turn(p, op->state == OP_DONE ? ROTA_NOW : ROTA_FOREVER);
	while (op->state != OP_DONE);
	return op->result;
}

static struct rota__op receive_op(int fd, void *buf, size_t size)
{
	return (struct rota__op){ .kind = OP_RECV, .fd = fd, .buf = { .base = buf, .len = (uint32_t)size } };
}

static void socket_pair(int fds[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_by(struct rota__poller *p, int fd)
{
	p->engine->forget(p, fd);
	close(fd);
}

/* Wait on `p` for what is written to the other end only when the wait has begun. */
static void wait_and_get(struct rota__poller *p, const int fds[2], uint8_t flags)
{
	char buf[8];
	struct rota__op op = receive_op(fds[0], buf, sizeof buf);

	op.flags = flags;
	start(p, &op);
	turn(p, ROTA_NOW);
	CHECK_EQ(op.state, OP_PENDING);
	CHECK_EQ(write(fds[1], "late", 4), 4);
	CHECK_EQ(finish(p, &op), 4);
}

TEST(a_number_that_was_closed_by_another_poller_starts_afresh)
{
	struct rota__poller *one = open_poller(), *other = open_poller();
	int fds[2], first = -1;

	for (int i = 0; i < 50; i++) {
		socket_pair(fds);
		CHECK(first == -1 || fds[0] == first); /* the kernel gives the lowest number */
		first = fds[0];
		wait_and_get(one, fds, 0);
		wait_and_get(other, fds, OP_POLL_FIRST);
		wait_and_get(one, fds, OP_POLL_FIRST);
		close_by(other, fds[0]);
		close_by(other, fds[1]);
	}
	close_poller(one);
	close_poller(other);
}

TEST(an_event_for_a_duplicate_of_a_closed_number_is_nobodys)
{
	struct rota__poller *one = open_poller(), *other = open_poller();
	int fds[2], again[2], copy;
	char buf[8];
	struct rota__op op;

	socket_pair(fds);
	wait_and_get(one, fds, 0);
	copy = dup(fds[0]); /* keeps the open file, and with it a registration, alive */
	CHECK(copy >= 0);
	close_by(other, fds[0]);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, again), 0);
	CHECK_EQ(again[0], fds[0]);
	op = receive_op(again[0], buf, sizeof buf);
	start(one, &op);
	CHECK_EQ(write(fds[1], "old", 3), 3);
	for (int i = 0; i < 3; i++)
		turn(one, ROTA_NOW);
	CHECK_EQ(op.state, OP_PENDING);
	CHECK_EQ(write(again[1], "new!", 4), 4);
	CHECK_EQ(finish(one, &op), 4);
	close_by(one, again[0]);
	close_by(one, again[1]);
	close_by(one, fds[1]);
	close(copy);
	close_poller(one);
	close_poller(other);
}

/* ---- two threads ---- */

enum { ROUNDS = 3000 };

struct side {
	pthread_t thread;
	int orders[2]; /* descriptors to use, and to close, come through this pipe */
	int answers[2];
};

/* Use each descriptor that comes, on a poller of this thread, and close it. */
static void *use_and_close(void *arg)
{
	struct side *side = arg;
	struct rota__poller *p = open_poller();
	int fds[2];

	while (read(side->orders[0], fds, sizeof fds) == sizeof fds) {
		wait_and_get(p, fds, OP_POLL_FIRST);
		close_by(p, fds[0]);
		close_by(p, fds[1]);
		CHECK_EQ(write(side->answers[1], "", 1), 1);
	}
	close_poller(p);
	return NULL;
}

TEST(numbers_go_from_thread_to_thread_and_are_used_again)
{
	struct rota__poller *p = open_poller();
	struct side side;
	int fds[2];
	char answer;

	CHECK_EQ(pipe(side.orders), 0);
	CHECK_EQ(pipe(side.answers), 0);
	CHECK_EQ(pthread_create(&side.thread, NULL, use_and_close, &side), 0);
	for (int i = 0; i < ROUNDS; i++) {
		socket_pair(fds);
		wait_and_get(p, fds, i % 2 ? OP_POLL_FIRST : 0);
		CHECK_EQ(write(side.orders[1], fds, sizeof fds), sizeof fds);
		CHECK_EQ(read(side.answers[0], &answer, 1), 1);
	}
	close(side.orders[1]);
	CHECK_EQ(pthread_join(side.thread, NULL), 0);
	close(side.orders[0]);
	close(side.answers[0]);
	close(side.answers[1]);
	close_poller(p);
}

enum { BYTES = 1 << 20, PIECE = 4096 };

/* Bytes that say their place. */
static void fill(unsigned char *bytes, size_t place, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)((place + i) * 31 >> 8);
}

static void *send_all(void *arg)
{
	int fd = *(int *)arg;
	struct rota__poller *p = open_poller();
	unsigned char piece[PIECE];

	for (size_t sent = 0; sent < BYTES;) {
		struct rota__op op = { .kind = OP_SEND, .fd = fd, .buf = { .base = piece, .len = PIECE } };
		int64_t n;

		fill(piece, sent, PIECE);
		start(p, &op);
		n = finish(p, &op);
		CHECK(n > 0);
		sent += (size_t)n;
	}
	close_poller(p);
	return NULL;
}

static void *receive_all(void *arg)
{
	int fd = *(int *)arg;
	struct rota__poller *p = open_poller();
	unsigned char piece[PIECE], expected[PIECE];

	for (size_t got = 0; got < BYTES;) {
		struct rota__op op = receive_op(fd, piece, PIECE);
		int64_t n;

		start(p, &op);
		n = finish(p, &op);
		CHECK(n > 0);
		fill(expected, got, (size_t)n);
		CHECK(memcmp(piece, expected, (size_t)n) == 0);
		got += (size_t)n;
	}
	close_poller(p);
	return NULL;
}

TEST(both_directions_of_one_descriptor_on_different_threads)
{
	pthread_t threads[4];
	int fds[2];

	socket_pair(fds);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(pthread_create(&threads[2 * i], NULL, send_all, &fds[i]), 0);
		CHECK_EQ(pthread_create(&threads[2 * i + 1], NULL, receive_all, &fds[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	close(fds[0]);
	close(fds[1]);
}

/* A ring that may change its thread posts completions at any time, also just before a wait. */
static struct rota__poller *open_shareable(void)
{
	struct rota__poller_config shareable = { .shareable = true };
	struct rota__poller *p;

	CHECK_EQ(rota__poller_open(&p, NULL, &shareable), 0);
	return p;
}

TEST(a_wake_up_just_before_the_wait_ends_it)
{
	struct rota__poller *p = open_shareable();

	for (int i = 0; i < 3; i++) {
		p->engine->wait(p, ROTA_NOW);
		p->engine->wake(p);
		p->engine->wait(p, ROTA_FOREVER);
	}
	close_poller(p);
}

static int accepted;

static void note_accepted(struct rota__op *op)
{
	if (op->result >= 0) {
		accepted++;
		close((int)op->result);
	}
}

TEST(a_connection_just_before_the_wait_ends_it)
{
	struct rota__poller *p = open_shareable();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof address;
	struct rota__op op = { .kind = OP_ACCEPT_MULTI, .done = note_accepted, .state = OP_PENDING };

	op.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(op.fd, (struct sockaddr *)&address, sizeof address.sun_family), 0); /* a free abstract name */
	CHECK_EQ(listen(op.fd, 1), 0);
	CHECK_EQ(getsockname(op.fd, (struct sockaddr *)&address, &size), 0);
	CHECK(p->engine->submit(p, &op));
	for (int i = 0; i < 3; i++) {
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		p->engine->wait(p, ROTA_NOW);
		CHECK_EQ(connect(client, (struct sockaddr *)&address, size), 0);
		p->engine->wait(p, ROTA_FOREVER);
		CHECK_EQ(accepted, i + 1);
		close(client);
	}
	op.state = OP_CANCELLING;
	p->engine->cancel(p, &op);
	CHECK_EQ(finish(p, &op), -ECANCELED);
	close_by(p, op.fd);
	close_poller(p);
}
