/* unasked.c - bytes that come to a stream before they are asked for: of each order, none lost, none kept from others
 *
 * Where the poller cannot do that they are asked for, and nobody sees a difference. */
#include "await/ends.h"
#include "task/task.h"

enum { TOTAL = 1 << 20 };

static uint32_t draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % below;
}

static void lease_some(struct rota_stream *s, uint64_t *place)
{
	struct rota_lease lease;
	ssize_t n = rota_read_lease(s, &lease);

	CHECK(n > 0);
	check_pattern(lease.data, (size_t)n, *place);
	*place += (uint64_t)n;
	rota_yield();
	rota_lease_return(&lease);
}

static void read_vector(struct rota_stream *s, char *buf, size_t size, uint64_t *place)
{
	struct iovec iov[] = { { buf, size / 3 + 1 }, { buf + size / 3 + 1, size } };
	ssize_t n = rota_readv(s, iov, 2);

	CHECK(n > 0);
	check_pattern(buf, (size_t)n, *place);
	*place += (uint64_t)n;
}

struct sending {
	struct rota_stream *to;
	uint32_t random;
};

static int send_pieces(void *arg)
{
	static char buf[40000];
	struct sending *sending = arg;

	for (uint64_t place = 0; place < TOTAL;) {
		size_t size = draw(&sending->random, 2) ? 1 + draw(&sending->random, 100) : 1 + draw(&sending->random, sizeof buf);

		size = size < TOTAL - place ? size : TOTAL - place;
		fill_pattern(buf, size, place);
		CHECK_EQ(rota_write_all(sending->to, buf, size), (long long)size);
		place += size;
		for (uint32_t i = draw(&sending->random, 4); i > 0; i--)
			rota_yield();
	}
	return 0;
}

/* Mostly leases, which is what makes bytes come unasked, and each other call between them. */
static void take_pieces(struct rota_stream *s, uint32_t random)
{
	static char buf[2 * 30000];

	for (uint64_t place = 0; place < TOTAL;) {
		size_t size = 1 + draw(&random, 30000);
		ssize_t n = 0;

		switch (draw(&random, 9)) {
		case 0:
			n = rota_read(s, buf, size);
			break;
		case 1:
			n = rota_read_exactly(s, buf, size < TOTAL - place ? size : TOTAL - place);
			break;
		case 2:
			CHECK(rota_peek(s, buf, size) > 0);
			break;
		case 3:
			read_vector(s, buf, size, &place);
			break;
		case 4:
			CHECK_EQ(rota_wait_readable(s), 0);
			n = rota_read(s, buf, 1);
			break;
		case 5:
			rota_yield();
			break;
		default:
			lease_some(s, &place);
		}
		CHECK(n >= 0);
		check_pattern(buf, (size_t)n, place);
		place += (uint64_t)n;
	}
}

EACH_KIND(whatever_call_takes_them_bytes_come_in_their_order)
{
	struct rota_scope scope;

	for (uint32_t seed = 1; seed <= 3; seed++) {
		struct sending sending = { ends.out, seed };

		rota_scope_open(&scope);
		rota_spawn(&scope, send_pieces, &sending);
		take_pieces(ends.in, seed);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	(void)kind;
	ends_close(&ends);
}

/* ---- bytes that nobody reads ---- */

enum { SILENT = 150, PIECES = 6 };

/* Each piece by itself, as far as that can be had. */
static void put_pieces(struct ends *ends)
{
	for (int k = 0; k < PIECES; k++)
		for (int i = 0; i < SILENT; i++) {
			char text[8];

			snprintf(text, sizeof text, "%03d.%d", i, k);
			put(&ends[i], text);
		}
}

static void take_pieces_of(struct ends *ends, int number)
{
	char buf[5 * PIECES], text[8];

	CHECK_EQ(rota_read_exactly(ends->in, buf, sizeof buf), sizeof buf);
	for (int k = 0; k < PIECES; k++) {
		snprintf(text, sizeof text, "%03d.%d", number, k);
		CHECK(memcmp(buf + 5 * k, text, 5) == 0);
	}
}

/* More than there are buffers, if each piece had one. */
TASK_TEST(who_does_not_read_keeps_no_buffer_from_others)
{
	static struct ends silent[SILENT];
	struct ends busy;

	for (int i = 0; i < SILENT; i++)
		silent[i] = ends_open(TCP_UNASKED);
	busy = ends_open(TCP_UNASKED);
	for (int round = 0; round < 3; round++) {
		put_pieces(silent);
		for (int i = 0; i < 50; i++) {
			put(&busy, "x");
			CHECK_EQ(take_lease(busy.in), 1);
		}
		for (int i = 0; i < SILENT; i++)
			take_pieces_of(&silent[i], i);
		for (int i = 0; i < SILENT; i++) { /* they come unasked once more */
			put(&silent[i], "y");
			CHECK_EQ(take_lease(silent[i].in), 1);
		}
	}
	put_pieces(silent);
	put(&busy, "x");
	CHECK_EQ(take_lease(busy.in), 1);
	for (int i = 0; i < SILENT; i++) /* with all that has come */
		ends_close(&silent[i]);
	ends_close(&busy);
}

/* ---- waits that end otherwise ---- */

EACH_KIND(a_lease_that_comes_too_late_is_there_for_the_next)
{
	for (int i = 0; i < 20; i++) {
		rota_stream_set_deadlines(ends.in, rota_deadline(ROTA_MICROSECONDS(100)), ROTA_FOREVER);
		CHECK_EQ(take_lease(ends.in), -ETIMEDOUT);
		rota_stream_set_deadlines(ends.in, ROTA_FOREVER, ROTA_FOREVER);
		put(&ends, "late");
		CHECK_EQ(take_lease(ends.in), 4);
	}
	(void)kind;
	ends_close(&ends);
}

TASK_TEST(the_other_side_sees_the_close_at_once)
{
	struct ends ends = ends_open(TCP_UNASKED);
	int fd = rota_stream_fd(ends.in);

	rota_close(ends.in);
	CHECK(fcntl(fd, F_GETFD) < 0);
	CHECK_EQ(take_lease(ends.out), 0);
	rota_close(ends.out);
}

TASK_TEST(a_reset_is_told_behind_the_bytes_and_again)
{
	struct ends ends = ends_open(TCP_UNASKED);
	char buf[8];

	put(&ends, "last");
	CHECK_EQ(rota_wait_readable(ends.in), 0);
	CHECK_EQ(rota_close_with_reset(ends.out), 0);
	CHECK_EQ(rota_read(ends.in, buf, 1), 1);
	rota_yield();
	while (rota_read(ends.in, buf, 1) > 0)
		;
	CHECK(rota_read(ends.in, buf, 1) <= 0);
	rota_close(ends.in);
}

static int put_later(void *arg)
{
	for (int i = 0; i < 5; i++)
		rota_yield();
	put(arg, "later");
	return 0;
}

EACH_KIND(a_select_sees_bytes_that_come_unasked)
{
	struct rota_scope scope;
	char buf[8];

	for (int i = 0; i < 10; i++) {
		struct rota_branch b[] = { rota_on_readable(ends.in), rota_on_time(rota_deadline(ROTA_SECONDS(3600))) };

		rota_scope_open(&scope);
		rota_spawn(&scope, put_later, &ends);
		CHECK_EQ(rota_select(b, 2), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK_EQ(rota_select(b, 2), 0); /* they are there */
		CHECK_EQ(rota_read(ends.in, buf, 1), 1);
		CHECK_EQ(rota_select(b, 2), 0);
		CHECK_EQ(rota_read_exactly(ends.in, buf, 4), 4);
		put(&ends, "x");
		CHECK_EQ(take_lease(ends.in), 1); /* unasked from here on */
	}
	(void)kind;
	ends_close(&ends);
}

/* ---- a wait that is about to begin ---- */

/* A call lets others have their turn now and then, before it waits: the stream may be closed then. */
static int close_it(void *arg)
{
	rota_close(arg);
	return 0;
}

EACH_KIND(a_close_ends_a_read_that_has_not_begun_to_wait)
{
	struct rota_scope scope;
	char byte;

	rota_scope_open(&scope);
	rota_spawn(&scope, close_it, ends.in);
	rota__worker_here->spent = UINT32_MAX / 2; /* so this call does */
	CHECK_EQ(rota_read(ends.in, &byte, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends.out);
	(void)kind;
}

/* It has to wait for the end of what comes unasked, and the close comes meanwhile. */
EACH_KIND(a_close_ends_a_select_that_has_not_begun_to_wait)
{
	struct rota_branch b[] = { rota_on_readable(ends.in), rota_on_time(rota_deadline(ROTA_SECONDS(3600))) };
	int fd = rota_stream_fd(ends.in);
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, close_it, ends.in);
	CHECK_EQ(rota_select(b, 2), 0);
	CHECK_EQ(b[0].result, ROTA_ECLOSED);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(fcntl(fd, F_GETFD) < 0);
	rota_close(ends.out);
	(void)kind;
}
