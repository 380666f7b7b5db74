/* stream.c - a stream's life: closing, half closing, resets, deadlines, who may wait beside whom */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>

#include "await/ends.h"

static char large[4 << 20];

static int read_some(void *arg)
{
	char buf[16];

	return (int)rota_read(arg, buf, sizeof buf);
}

static int write_much(void *arg)
{
	return (int)rota_write_all(arg, large, sizeof large);
}

static int peek_some(void *arg)
{
	char buf[16];

	return (int)rota_peek(arg, buf, sizeof buf);
}

static int read_line(void *arg)
{
	char buf[16];

	return (int)rota_read_line(arg, buf, sizeof buf);
}

static int read_exactly(void *arg)
{
	char buf[16];

	return (int)rota_read_exactly(arg, buf, sizeof buf);
}

static int read_vector(void *arg)
{
	char buf[16];

	return (int)rota_readv(arg, &(struct iovec){ buf, sizeof buf }, 1);
}

static int read_lease(void *arg)
{
	struct rota_lease lease;

	return (int)rota_read_lease(arg, &lease);
}

static int wait_readable(void *arg)
{
	return rota_wait_readable(arg);
}

static const rota_fn waits[] = { read_some, peek_some, read_line, read_exactly, read_vector, read_lease, wait_readable };
enum { WAITS = sizeof waits / sizeof waits[0] };

/* ---- closing ---- */

EACH_KIND(every_wait_in_a_stream_ends_when_another_task_closes_it)
{
	ends_close(&ends);
	for (int i = 0; i < WAITS; i++) {
		struct rota_scope scope;

		ends = ends_open(kind);
		rota_scope_open(&scope);
		rota_spawn(&scope, waits[i], ends.in);
		others_wait();
		rota_close(ends.in);
		CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
		rota_close(ends.out);
	}
}

EACH_KIND(a_writer_that_waits_learns_of_the_close)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, write_much, ends.out);
	others_wait();
	rota_close(ends.out);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	rota_close(ends.in);
}

EACH_KIND(reader_and_writer_both_learn_of_the_close)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_scope scope;

	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, read_some, ends.out);
	rota_spawn(&scope, write_much, ends.out);
	others_wait();
	rota_close(ends.out);
	rota_scope_join(&scope);
	CHECK_EQ(rota_scope_errors(&scope, NULL, 0), 2);
	rota_close(ends.in);
}

/* The number is free, and the next file has it, only after the last wait in the old one has ended. */
EACH_KIND(a_closed_stream_keeps_its_descriptor_while_a_wait_in_it_ends)
{
	int fd = rota_stream_fd(ends.in);
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, read_some, ends.in);
	others_wait();
	rota_close(ends.in);
	CHECK(fcntl(fd, F_GETFD) >= 0);
	rota_scope_join(&scope);
	CHECK(fcntl(fd, F_GETFD) < 0);
	rota_close(ends.out);
}

/* ---- who may wait beside whom ---- */

EACH_KIND(a_second_reader_is_refused_while_one_waits)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, read_some, ends.in);
	others_wait();
	for (int i = 0; i < WAITS; i++)
		CHECK_EQ(waits[i](ends.in), -EBUSY);
	put(&ends, "x");
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_close(&ends);
}

EACH_KIND(a_second_writer_is_refused_while_one_waits)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, write_much, ends.out);
	others_wait();
	CHECK_EQ(rota_write(ends.out, "x", 1), -EBUSY);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	ends_close(&ends);
}

struct half {
	struct rota_stream *stream;
	uint64_t moved;
};

static int talk(void *arg)
{
	struct half *h = arg;
	char buf[3000];

	for (int i = 0; i < 500; i++) {
		fill_pattern(buf, sizeof buf, h->moved);
		CHECK_EQ(rota_write_all(h->stream, buf, sizeof buf), sizeof buf);
		h->moved += sizeof buf;
	}
	return rota_shutdown_write(h->stream);
}

static int listen_to(void *arg)
{
	struct half *h = arg;
	char buf[2000];
	ssize_t n;

	while ((n = rota_read(h->stream, buf, sizeof buf)) > 0) {
		check_pattern(buf, (size_t)n, h->moved);
		h->moved += (uint64_t)n;
	}
	return (int)n;
}

TASK_TEST(one_task_reads_while_another_writes_on_both_sides)
{
	for (int kind = 0; kind < PIPE; kind++) {
		struct ends ends = ends_open(kind);
		struct half halves[] = { { ends.in }, { ends.in }, { ends.out }, { ends.out } };
		struct rota_scope scope;

		rota_scope_open(&scope);
		for (int i = 0; i < 4; i++)
			rota_spawn(&scope, i % 2 ? listen_to : talk, &halves[i]);
		CHECK_EQ(rota_scope_join(&scope), 0);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(halves[i].moved, 500 * 3000);
		ends_close(&ends);
	}
}

/* ---- half close and reset ---- */

TASK_TEST(after_a_half_close_the_other_direction_goes_on)
{
	for (int kind = 0; kind < PIPE; kind++) {
		struct ends ends = ends_open(kind);
		char buf[8];

		put(&ends, "last");
		CHECK_EQ(rota_shutdown_write(ends.out), 0);
		CHECK_EQ(rota_write(ends.out, "x", 1), -EPIPE);
		CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 4); /* what was written before */
		CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 0);
		CHECK_EQ(rota_write_all(ends.in, "answer", 6), 6);
		CHECK_EQ(rota_read(ends.out, buf, sizeof buf), 6);
		CHECK_EQ(rota_shutdown_write(ends.in), 0);
		CHECK_EQ(rota_read(ends.out, buf, sizeof buf), 0);
		ends_close(&ends);
	}
}

TASK_TEST(a_pipe_has_no_half_to_close)
{
	struct ends ends = ends_open(PIPE);

	CHECK_EQ(rota_shutdown_write(ends.out), -ENOTSOCK);
	ends_close(&ends);
}

static void reset(struct rota_stream *s)
{
	struct linger now = { .l_onoff = 1 };

	CHECK_EQ(setsockopt(rota_stream_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	rota_close(s);
}

TASK_TEST(a_reset_is_an_error_of_reading_and_writing)
{
	struct ends ends = ends_open(TCP_PAIR);

	reset(ends.out);
	CHECK_EQ(read_some(ends.in), -ECONNRESET);
	CHECK_EQ(rota_write(ends.in, "x", 1), -EPIPE);
	CHECK_EQ(rota_shutdown_write(ends.in), -ENOTCONN);
	rota_close(ends.in);
}

TASK_TEST(a_reset_wakes_the_reader_and_the_writer_that_wait)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct ends ends = ends_open(TCP_PAIR);
	struct rota_task *reader, *writer;
	struct rota_scope scope;
	int read_rc, write_rc;

	rota_scope_open_with(&scope, &collect);
	CHECK_EQ(rota_spawn_task(&reader, &scope, read_some, ends.in, NULL), 0);
	CHECK_EQ(rota_spawn_task(&writer, &scope, write_much, ends.in, NULL), 0);
	rota_sleep(ROTA_MILLISECONDS(1));
	reset(ends.out);
	CHECK_EQ(rota_join(reader, &read_rc), 0);
	CHECK_EQ(rota_join(writer, &write_rc), 0);
	/* The system tells the error once, to whichever comes first. */
	CHECK(read_rc == -ECONNRESET || (read_rc == 0 && write_rc == -ECONNRESET));
	CHECK(write_rc == -ECONNRESET || (write_rc == -EPIPE && read_rc == -ECONNRESET));
	rota_scope_join(&scope);
	rota_close(ends.in);
}

/* ---- deadlines and cancellation ---- */

EACH_KIND(every_wait_ends_at_the_streams_own_deadline)
{
	rota_stream_set_deadlines(ends.in, rota_deadline(ROTA_MILLISECONDS(1)), ROTA_FOREVER);
	CHECK_EQ(read_some(ends.in), -ETIMEDOUT);
	for (int i = 0; i < WAITS; i++)
		CHECK_EQ(waits[i](ends.in), -ETIMEDOUT); /* it has passed */
	CHECK_EQ(rota_cancelled(), 0); /* the task itself is well */
	rota_stream_set_deadlines(ends.in, ROTA_FOREVER, ROTA_FOREVER);
	put(&ends, "x");
	CHECK_EQ(read_some(ends.in), 1);
	rota_stream_set_deadlines(ends.out, ROTA_FOREVER, rota_deadline(ROTA_MILLISECONDS(1)));
	CHECK_EQ(write_much(ends.out), -ETIMEDOUT);
	CHECK(rota_stream_written(ends.out) > 0);
	ends_close(&ends);
}

EACH_KIND(the_nearer_of_two_deadlines_wins)
{
	rota_stream_set_deadlines(ends.in, rota_deadline(ROTA_SECONDS(100)), ROTA_FOREVER);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), read_some, ends.in), -ETIMEDOUT);
	rota_stream_set_deadlines(ends.in, rota_deadline(ROTA_MILLISECONDS(1)), ROTA_FOREVER);
	CHECK_EQ(rota_timeout(ROTA_SECONDS(100), read_some, ends.in), -ETIMEDOUT);
	ends_close(&ends);
}

EACH_KIND(every_wait_ends_when_its_task_is_cancelled)
{
	for (int i = 0; i < WAITS; i++) {
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn_task(&task, &scope, waits[i], ends.in, NULL), 0);
		others_wait();
		rota_scope_cancel(&scope);
		CHECK_EQ(rota_join(task, &result), -ECANCELED); /* ours is cancelled as well */
		CHECK_EQ(rota_scope_join(&scope), 0);
		put(&ends, "x");
		CHECK_EQ(read_some(ends.in), 1); /* nothing was lost, nothing is left behind */
	}
	ends_close(&ends);
}

/* Data and cancellation at the same time, the cancellation after n yields: either the read has the byte
 * or the next one has. */
EACH_KIND(a_read_cancelled_at_any_point_loses_no_byte)
{
	int got = 0;

	for (int n = 0; got < 20; n += 1 + n / 8) {
		struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		rota_scope_open_with(&scope, &collect);
		CHECK_EQ(rota_spawn_task(&task, &scope, waits[n % 2 ? 0 : 4], ends.in, NULL), 0);
		others_wait();
		put(&ends, "x");
		for (int i = 0; i < n; i++)
			rota_yield();
		rota_task_cancel(task);
		CHECK_EQ(rota_join(task, &result), 0);
		rota_scope_join(&scope);
		CHECK(result == 1 || result == -ECANCELED);
		got += result == 1;
		if (result < 0)
			CHECK_EQ(read_some(ends.in), 1);
	}
	ends_close(&ends);
}

/* ---- descriptors of other origin ---- */

TASK_TEST(only_byte_streams_can_be_made_streams)
{
	struct rota_stream *s = NULL;
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(rota_stream_from_fd(&s, -1), -EBADF);
	CHECK_EQ(rota_stream_from_fd(&s, udp), -EPROTOTYPE);
	CHECK(s == NULL);
	CHECK(fcntl(udp, F_GETFD) >= 0); /* not taken */
	close(udp);
}

TASK_TEST(a_terminal_is_a_stream)
{
	struct rota_stream *ours, *theirs;
	int master, slave;
	char buf[16];

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_EQ(rota_stream_from_fd(&ours, master), 0);
	CHECK_EQ(rota_stream_from_fd(&theirs, slave), 0);
	CHECK_EQ(rota_write_all(ours, "typed\n", 6), 6);
	CHECK_EQ(rota_read_line(theirs, buf, sizeof buf), 5);
	CHECK_STR(buf, "typed");
	CHECK_EQ(rota_read_line(ours, buf, sizeof buf), 5); /* the echo */
	rota_close(ours);
	CHECK_EQ(read_some(theirs), 0); /* hung up */
	rota_close(theirs);
}

/* ---- names and options ---- */

TASK_TEST(a_stream_knows_both_its_names)
{
	struct ends ends = ends_open(TCP_PAIR);
	char a[64], b[64];

	CHECK(rota_stream_local_name(ends.in, a, sizeof a) > 0);
	CHECK(rota_stream_peer_name(ends.out, b, sizeof b) > 0);
	CHECK_STR(a, b);
	CHECK_EQ(rota_stream_peer_name(ends.out, b, 4), (long long)strlen(a));
	CHECK_STR(b, "127");
	ends_close(&ends);
	ends = ends_open(UNIX_PAIR);
	CHECK_EQ(rota_stream_peer_name(ends.out, b, sizeof b), 5);
	CHECK_STR(b, "unix:");
	ends_close(&ends);
	ends = ends_open(PIPE);
	CHECK_EQ(rota_stream_peer_name(ends.out, b, sizeof b), -ENOTSOCK);
	CHECK_STR(b, "");
	CHECK_EQ(rota_stream_set_nodelay(ends.out, true), -ENOTSOCK);
	CHECK_EQ(rota_stream_set_keepalive(ends.out, 1), -ENOTSOCK);
	ends_close(&ends);
}

static int option(struct rota_stream *s, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;

	CHECK_EQ(getsockopt(rota_stream_fd(s), level, name, &value, &size), 0);
	return value;
}

TASK_TEST(keepalive_is_set_and_taken_back)
{
	struct ends ends = ends_open(TCP_PAIR);

	CHECK_EQ(option(ends.in, SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_EQ(rota_stream_set_keepalive(ends.in, 42), 0);
	CHECK_EQ(option(ends.in, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_EQ(option(ends.in, IPPROTO_TCP, TCP_KEEPIDLE), 42);
	CHECK_EQ(rota_stream_set_keepalive(ends.in, 0), 0);
	CHECK_EQ(option(ends.in, SOL_SOCKET, SO_KEEPALIVE), 0);
	ends_close(&ends);
}

/* ---- fairness ---- */

struct pair {
	struct rota_stream *a, *b;
	int turns;
};

static int ping_pong(void *arg)
{
	struct pair *p = arg;
	char c;

	for (;;) {
		int rc = rota_cancelled();

		if (rc < 0)
			return rc;
		if (rota_write(p->a, "x", 1) != 1 || rota_read(p->b, &c, 1) != 1)
			return 0;
		add_relaxed(&p->turns, 1);
	}
}

static int flood(void *arg)
{
	ssize_t n;

	while ((n = rota_write(arg, large, 65536)) > 0)
		;
	return (int)n;
}

static int drain(void *arg)
{
	static char buf[65536];
	ssize_t n;

	while ((n = rota_read(arg, buf, sizeof buf)) > 0)
		;
	return (int)n;
}

TASK_TEST(a_flood_on_one_stream_does_not_starve_the_others)
{
	struct ends wide = ends_open(UNIX_PAIR), narrow = ends_open(UNIX_PAIR);
	struct pair pair = { narrow.out, narrow.in, 0 };
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, flood, wide.out);
	rota_spawn(&scope, drain, wide.in);
	rota_spawn(&scope, ping_pong, &pair);
	while (load_relaxed(&pair.turns) < 1000)
		CHECK_EQ(rota_yield(), 0);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_close(&wide);
	ends_close(&narrow);
}

TEST(outside_of_a_run_streams_cannot_be_made)
{
	struct rota_stream *pair[2];

	CHECK_EQ(rota_stream_pair(pair), -EPERM);
	CHECK_EQ(rota_stream_from_fd(pair, 0), -EPERM);
	rota_close(NULL);
}
