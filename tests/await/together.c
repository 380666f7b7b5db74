/* together.c - sends that are handed over together: as when each is made at once, for all that can be seen
 *
 * Where the poller would rather have it so, and while others are ready, a write is an op that the loop hands over later. */
#include "await/ends.h"
#include "task/task.h"

enum { CROWD = 6, LARGE = 4 << 20, PIECE = 10000 };

static bool over;

static int be_ready(void *arg)
{
	(void)arg;
	while (!over)
		rota_yield();
	return 0;
}

/* In the body tasks are ready at any time, and the poller is one of those. */
static void in_a_crowd(void (*body)(void))
{
	struct rota_scope scope;
	ROTA_INSIDE();

	rota__here()->loop->poller->gathers = true;
	over = false;
	rota_scope_open(&scope);
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(rota_spawn(&scope, be_ready, NULL), 0);
	body();
	over = true;
	CHECK_EQ(rota_scope_join(&scope), 0);
}

#define CROWD_TEST(name)                                                                           \
	static void name##_crowded(void);                                                          \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		in_a_crowd(name##_crowded);                                                        \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(rota_run(name##_app, NULL, &(struct rota_options){ .model = ROTA_SINGLE }), 0); \
	}                                                                                          \
	static void name##_crowded(void)

/* Where tasks have taken long a write does not wait for others. */
static void seem_fast(void)
{
	ROTA_INSIDE();

	rota__here()->batch = 128;
}

static int write_a_byte(void *stream)
{
	seem_fast();
	return (int)rota_write(stream, "x", 1);
}

static struct rota_task *spawn(struct rota_scope *scope, rota_fn fn, void *arg)
{
	struct rota_task *task;

	CHECK_EQ(rota_spawn_task(&task, scope, fn, arg, NULL), 0);
	return task;
}

static int end_of(struct rota_task *task)
{
	int result;

	CHECK_EQ(rota_join(task, &result), 0);
	rota_task_release(task);
	return result;
}

/* What the poller has told of. */
static uint32_t reports(void)
{
	ROTA_INSIDE();

	return rota__here()->loop->poller->reports;
}

CROWD_TEST(a_write_is_an_op)
{
	struct ends ends = ends_open(TCP_PAIR);
	uint32_t before = reports();

	CHECK_EQ(write_a_byte(ends.out), 1);
	CHECK_EQ(reports(), before + 1);
	CHECK_EQ(take_lease(ends.in), 1);
	ends_close(&ends);
}

/* In one piece and in two, to a reader who lets others run. */
static int write_much(void *stream)
{
	static char buf[LARGE];
	struct iovec iov[] = { { buf, PIECE }, { buf + PIECE, LARGE - PIECE } };

	fill_pattern(buf, LARGE, 0);
	seem_fast();
	CHECK_EQ(rota_write_all(stream, buf, LARGE), LARGE);
	CHECK_EQ(rota_writev_all(stream, iov, 2), LARGE);
	return 0;
}

CROWD_TEST(all_of_it_arrives)
{
	static const enum kind kinds[] = { TCP_PAIR, UNIX_PAIR, PIPE };

	for (int k = 0; k < 3; k++) {
		struct ends ends = ends_open(kinds[k]);
		struct rota_scope scope;
		struct rota_lease lease;
		ssize_t n;

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, write_much, ends.out), 0);
		for (uint64_t total = 0; total < 2 * LARGE; total += (uint64_t)n) {
			size_t first;

			n = rota_read_lease(ends.in, &lease);
			CHECK(n > 0);
			first = total < LARGE && total + (uint64_t)n > LARGE ? LARGE - total : (size_t)n;
			check_pattern(lease.data, first, total % LARGE);
			check_pattern((const char *)lease.data + first, (size_t)n - first, 0);
			rota_lease_return(&lease);
			rota_yield();
		}
		CHECK_EQ(rota_scope_join(&scope), 0);
		ends_close(&ends);
	}
}

CROWD_TEST(who_has_no_time_to_wait_has_one_try)
{
	static char buf[LARGE];
	struct ends ends = ends_open(TCP_PAIR);
	ssize_t n;

	rota_stream_set_deadlines(ends.out, ROTA_FOREVER, ROTA_NOW);
	while ((n = rota_write(ends.out, buf, sizeof buf)) > 0)
		;
	CHECK_EQ(n, -ETIMEDOUT);
	CHECK(take_lease(ends.in) > 0);
	ends_close(&ends);
}

static int write_until_told(void *stream)
{
	static char buf[LARGE];

	seem_fast();
	return (int)rota_write_all(stream, buf, sizeof buf);
}

/* In its op, for want of room. */
static struct rota_task *stuck_writer(struct rota_scope *scope, struct rota_stream *stream)
{
	struct rota_task *writer = spawn(scope, write_until_told, stream);

	for (int i = 0; i < 100; i++)
		rota_yield();
	CHECK(writer->wait != NULL);
	return writer;
}

CROWD_TEST(a_close_ends_it)
{
	struct ends ends = ends_open(TCP_PAIR);
	struct rota_scope scope;
	struct rota_task *writer;

	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	writer = stuck_writer(&scope, ends.out);
	rota_close(ends.out);
	CHECK_EQ(end_of(writer), ROTA_ECLOSED);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	rota_close(ends.in);
}

CROWD_TEST(a_cancellation_ends_it)
{
	struct ends ends = ends_open(TCP_PAIR);
	struct rota_scope scope;
	struct rota_task *writer;

	rota_scope_open(&scope);
	writer = stuck_writer(&scope, ends.out);
	CHECK_EQ(rota_task_cancel(writer), 0);
	CHECK_EQ(end_of(writer), -ECANCELED);
	rota_scope_join(&scope);
	ends_close(&ends);
}

CROWD_TEST(two_may_write_at_the_same_time)
{
	struct ends ends = ends_open(TCP_PAIR);
	struct rota_task *writers[8];
	struct rota_scope scope;
	char buf[8];

	rota_scope_open(&scope);
	for (int i = 0; i < 8; i++)
		writers[i] = spawn(&scope, write_a_byte, ends.out);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(end_of(writers[i]), 1);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 8), 8);
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_close(&ends);
}

CROWD_TEST(a_peer_that_is_gone_is_an_error_and_no_signal)
{
	struct ends ends = ends_open(UNIX_PAIR);

	rota_close(ends.in);
	CHECK_EQ(rota_write(ends.out, "x", 1), -EPIPE);
	rota_close(ends.out);
}
