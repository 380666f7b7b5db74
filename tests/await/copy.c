/* copy.c - two streams joined to each other */
#include "await/ends.h"

struct joint {
	struct ends left, right; /* left.in and right.out are joined */
	uint64_t bytes[2];
};

static int join(void *arg)
{
	struct joint *j = arg;

	return rota_copy_both(j->left.in, j->right.out, j->bytes);
}

enum { LARGE = 1 << 20 };

struct talk {
	struct rota_stream *stream;
	size_t size;
};

static char text[LARGE]; /* what everybody says */

static int say(void *arg)
{
	struct talk *talk = arg;

	CHECK_EQ(rota_write_all(talk->stream, text, talk->size), (long long)talk->size);
	return rota_shutdown_write(talk->stream);
}

static int hear(void *arg)
{
	struct talk *talk = arg;
	char buf[5000];
	uint64_t total = 0;
	ssize_t n;

	while ((n = rota_read(talk->stream, buf, sizeof buf)) > 0) {
		check_pattern(buf, (size_t)n, total);
		total += (uint64_t)n;
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(total, talk->size);
	return 0;
}

/* Each side has an end of its own: the one that is done first still hears the other out. */
static void check_both_ways(enum kind kind, size_t there, size_t back)
{
	struct joint j = { ends_open(kind), ends_open(kind), { 0, 0 } };
	struct talk say_there = { j.left.out, there }, hear_there = { j.right.in, there };
	struct talk say_back = { j.right.in, back }, hear_back = { j.left.out, back };
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, join, &j);
	rota_spawn(&scope, say, &say_there);
	rota_spawn(&scope, hear, &hear_there);
	rota_spawn(&scope, say, &say_back);
	rota_spawn(&scope, hear, &hear_back);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(j.bytes[0], there);
	CHECK_EQ(j.bytes[1], back);
	ends_close(&j.left);
	ends_close(&j.right);
}

TASK_TEST(bytes_go_both_ways_until_both_sides_have_ended)
{
	fill_pattern(text, LARGE, 0);
	for (int kind = 0; kind < PIPE; kind++) {
		check_both_ways(kind, LARGE, LARGE);
		check_both_ways(kind, 0, LARGE);
		check_both_ways(kind, LARGE, 0);
		check_both_ways(kind, 0, 0);
		check_both_ways(kind, 1, 1);
	}
}

TASK_TEST(a_cancelled_copy_ends)
{
	struct joint j = { ends_open(TCP_PAIR), ends_open(TCP_PAIR), { 0, 0 } };
	struct rota_scope scope;
	char buf[4];

	rota_scope_open(&scope);
	rota_spawn(&scope, join, &j);
	CHECK_EQ(rota_write_all(j.left.out, "ping", 4), 4);
	CHECK_EQ(rota_read_exactly(j.right.in, buf, 4), 4);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(j.bytes[0], 4);
	ends_close(&j.left);
	ends_close(&j.right);
}

/* SO_LINGER with no time: closing resets the connection. */
static void reset(struct rota_stream *s)
{
	struct linger now = { .l_onoff = 1 };

	CHECK_EQ(setsockopt(rota_stream_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	rota_close(s);
}

TASK_TEST(an_error_of_one_side_ends_the_copy_of_both)
{
	struct joint j = { ends_open(TCP_PAIR), ends_open(TCP_PAIR), { 0, 0 } };
	struct rota_scope scope;
	struct rota_task *copy;
	int result;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&copy, &scope, join, &j, NULL), 0);
	others_wait();
	reset(j.left.out);
	j.left.out = NULL;
	CHECK_EQ(rota_join(copy, &result), 0);
	CHECK_EQ(result, -ECONNRESET);
	CHECK_EQ(rota_scope_join(&scope), -ECONNRESET);
	ends_close(&j.left);
	ends_close(&j.right);
}

TEST(outside_of_tasks_it_is_refused)
{
	CHECK_EQ(rota_copy_both(NULL, NULL, NULL), -EPERM);
}
