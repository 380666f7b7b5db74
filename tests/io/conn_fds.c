/* conn_fds.c - descriptors that come and go with the bytes of a callback connection */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "io/loop.h"

enum { LONG = 1 << 20 };

static struct rota_conn a, b;
static struct rota_write writes[2];
static char text[16], block[LONG];
static size_t bytes;
static int got[16], got_count, calls, answers[4], answer_count;
static ssize_t last;

static void note_write(struct rota_write *write, int rc)
{
	answers[answer_count++] = rc;
}

/* Descriptors are kept, bytes are noted; the end closes. */
static void on_read_fds(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count)
{
	calls++;
	for (unsigned i = 0; i < count; i++)
		got[got_count++] = fds[i];
	for (ssize_t i = 0; i < size; i++, bytes++)
		if (bytes < sizeof text - 1)
			text[bytes] = ((const char *)data)[i];
	last = size;
	if (size <= 0 && size != -EAGAIN)
		rota_handle_close(&conn->handle, NULL);
}

static void close_got(void)
{
	while (got_count > 0)
		close(got[--got_count]);
}

static void read_to_the_end(struct rota_loop *loop)
{
	rota_handle_close(&a.handle, NULL);
	run(loop);
}

LOOP_TEST(a_descriptor_comes_with_the_bytes_it_was_sent_with_and_works)
{
	int ends[2];
	char byte;

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), -EALREADY);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], ends, 2, "two", 3, note_write), 0);
	while (got_count == 0)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(got_count, 2);
	CHECK_STR(text, "two");
	CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(got[1], "x", 1), 1);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	CHECK_EQ(rota_conn_try_write(&a, "none", 4), 4);
	read_to_the_end(loop);
	CHECK_STR(text, "twonone");
	CHECK_EQ(got_count, 2);
	CHECK_EQ(last, 0);
	CHECK_EQ(answers[0], 0);
	close_got();
	close(ends[0]);
	close(ends[1]);
}

LOOP_TEST(each_message_keeps_its_own_descriptors_and_all_are_read_in_a_turn)
{
	int zero = 0;

	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(rota_conn_write_fds(&a, &writes[i], &zero, 1, i == 0 ? "one" : "two", 3, note_write), 0);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
	read_to_the_end(loop);
	CHECK_STR(text, "onetwo");
	CHECK_EQ(got_count, 2);
	CHECK_EQ(calls, 3); /* and the end */
	close_got();
}

LOOP_TEST(descriptors_go_once_with_a_write_that_is_taken_in_parts_and_in_its_turn)
{
	int zero = 0;

	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_write(&a, &writes[0], block, LONG, note_write), 0);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[1], &zero, 1, block, LONG, note_write), 0);
	CHECK(rota_conn_queued_bytes(&a) > LONG);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
	while (answer_count < 2)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	read_to_the_end(loop);
	CHECK_EQ(bytes, 2 * LONG);
	CHECK_EQ(got_count, 1);
	close_got();
}

static char room[3];

static void lend(struct rota_conn *conn, size_t size_hint, struct iovec *ret_room)
{
	*ret_room = (struct iovec){ room, sizeof room };
}

LOOP_TEST(the_users_memory_is_filled_too)
{
	int zero = 0;

	b.on_alloc = lend;
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &zero, 1, "eightbyt", 8, note_write), 0);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
	read_to_the_end(loop);
	CHECK_STR(text, "eightbyt");
	CHECK_EQ(got_count, 1);
	close_got();
}

LOOP_TEST(what_cannot_be_sent_is_refused_or_told)
{
	static struct rota_conn reader, writer;
	int bad = 999, zero = 0;

	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_pipe(loop, &reader, &writer), 0);
	CHECK_EQ(rota_conn_write_fds(&writer, &writes[0], &zero, 1, "x", 1, note_write), -ENOTSOCK);
	CHECK_EQ(rota_conn_read_fds_start(&reader, on_read_fds), -ENOTSOCK);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &zero, 0, "x", 1, note_write), -EINVAL);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &zero, 254, "x", 1, note_write), -EINVAL);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &zero, 1, "", 0, note_write), -EINVAL);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &bad, 1, "x", 1, note_write), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(answer_count, 1);
	CHECK_EQ(answers[0], -EBADF);
	CHECK_EQ(rota_conn_queued_bytes(&a), 0);
	rota_handle_close(&a.handle, NULL);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], &zero, 1, "x", 1, note_write), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_read_fds_start(&a, on_read_fds), ROTA_ECLOSED);
}

LOOP_TEST(descriptors_for_which_no_number_is_left_are_an_error_and_none_is_lost)
{
	struct rlimit limit, tight;
	int zeros[8] = { 0 }, next;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_write_fds(&a, &writes[0], zeros, 8, "x", 1, note_write), 0);
	CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	tight = (struct rlimit){ (rlim_t)next + 3, limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
	while (calls == 0)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK_EQ(last, -EMFILE);
	CHECK_EQ(got_count, 0); /* the harness counts descriptors */
}

/* Unread descriptors, a queued write, and a read that waits: all of it ends at each point. */
TEST(it_can_be_closed_at_any_point)
{
	int zero = 0;

	for (int turns = 0; turns < 8; turns++) {
		struct rota_loop *loop;
		int rc = rota_loop_new(&loop, NULL);

		if (rc == -ENOSYS || rc == -EPERM)
			SKIP("this kernel refuses the poller");
		answer_count = 0;
		CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
		CHECK_EQ(rota_conn_read_fds_start(&b, on_read_fds), 0);
		for (int i = 0; i < 2; i++)
			CHECK_EQ(rota_conn_write_fds(&a, &writes[i], &zero, 1, block, LONG, note_write), 0);
		for (int i = 0; i < turns; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		rota_loop_each_handle(loop, close_handle, NULL);
		run(loop);
		CHECK_EQ(answer_count, 2);
		CHECK_EQ(rota_loop_free(loop), 0);
		close_got();
	}
}
