/* pass.c - descriptors travel over local sockets */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "task/run.h"

static void pair(struct rota_stream *ends[2])
{
	CHECK_EQ(rota_stream_pair(ends), 0);
}

static void close_pair(struct rota_stream *ends[2])
{
	rota_close(ends[0]);
	rota_close(ends[1]);
}

TASK_TEST(a_descriptor_arrives_with_its_bytes_and_works)
{
	struct rota_stream *ends[2];
	int pipe_ends[2], got[4];
	unsigned count;
	char buf[16] = "";

	pair(ends);
	CHECK_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
	CHECK_EQ(rota_send_fds(ends[0], pipe_ends, 2, "two", 3), 3);
	CHECK_EQ(rota_recv_fds(ends[1], got, 4, &count, buf, sizeof buf), 3);
	CHECK_STR(buf, "two");
	CHECK_EQ(count, 2);
	CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(got[1], "x", 1), 1);
	CHECK_EQ(read(pipe_ends[0], buf, 1), 1);
	for (int i = 0; i < 2; i++) {
		close(got[i]);
		close(pipe_ends[i]);
	}
	close_pair(ends);
}

TASK_TEST(bytes_without_descriptors_and_the_end_are_read_as_ever)
{
	struct rota_stream *ends[2];
	int got[1];
	unsigned count = 7;
	char buf[16];

	pair(ends);
	CHECK_EQ(rota_write_all(ends[0], "plain", 5), 5);
	CHECK_EQ(rota_recv_fds(ends[1], got, 1, &count, buf, sizeof buf), 5);
	CHECK_EQ(count, 0);
	rota_close(ends[0]);
	CHECK_EQ(rota_recv_fds(ends[1], got, 1, &count, buf, sizeof buf), 0);
	rota_close(ends[1]);
}

TASK_TEST(more_descriptors_than_there_is_room_for_are_closed)
{
	struct rota_stream *ends[2];
	int got[1], three[3] = { 0, 1, 2 };
	unsigned count;
	char buf[16];

	pair(ends);
	CHECK_EQ(rota_send_fds(ends[0], three, 3, "x", 1), 1);
	CHECK_EQ(rota_recv_fds(ends[1], got, 1, &count, buf, sizeof buf), ROTA_ELIMIT);
	CHECK_EQ(count, 0);
	close_pair(ends); /* the harness counts descriptors */
}

UNWATCHED_TEST(descriptors_for_which_no_number_is_left_are_an_error_and_none_is_lost)
{
	struct rota_stream *ends[2];
	struct rlimit limit, tight;
	int got[8], some[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };
	unsigned count;
	char buf[16];
	int next;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	pair(ends);
	CHECK_EQ(rota_send_fds(ends[0], some, 8, "x", 1), 1);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	tight = (struct rlimit){ (rlim_t)next + 3, limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
	CHECK_EQ(rota_recv_fds(ends[1], got, 8, &count, buf, sizeof buf), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK_EQ(rota_send_fds(ends[0], some, 8, "x", 1), 1); /* and the socket goes on */
	CHECK_EQ(rota_recv_fds(ends[1], got, 8, &count, buf, sizeof buf), 1);
	CHECK_EQ(count, 8);
	for (unsigned i = 0; i < count; i++)
		close(got[i]);
	close_pair(ends);
}

TASK_TEST(what_cannot_be_sent_is_refused)
{
	struct rota_stream *ends[2];
	int bad = 999, good = 0;

	pair(ends);
	CHECK_EQ(rota_send_fds(ends[0], &bad, 1, "x", 1), -EBADF);
	CHECK_EQ(rota_send_fds(ends[0], &good, 0, "x", 1), -EINVAL);
	CHECK_EQ(rota_send_fds(ends[0], &good, 254, "x", 1), -EINVAL);
	CHECK_EQ(rota_send_fds(ends[0], &good, 1, "", 0), -EINVAL);
	rota_close(ends[1]);
	CHECK_EQ(rota_send_fds(ends[0], &good, 1, "x", 1), -EPIPE);
	rota_close(ends[0]);
}

static int drain(void *stream)
{
	static char buf[65536];
	int fds[8];
	unsigned count, total = 0;
	ssize_t n;

	while ((n = rota_recv_fds(stream, fds, 8, &count, buf, sizeof buf)) > 0) {
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		total += count;
	}
	return n < 0 ? (int)n : (int)total;
}

TASK_TEST(a_sender_waits_for_room_and_each_descriptor_arrives)
{
	static char data[100000];
	struct rota_stream *ends[2];
	struct rota_scope scope;
	struct rota_task *reader;
	int fd = 0, total;

	pair(ends);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&reader, &scope, drain, ends[1], NULL), 0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(rota_send_fds(ends[0], &fd, 1, data, sizeof data), sizeof data);
	rota_close(ends[0]);
	CHECK_EQ(rota_join(reader, &total), 0);
	CHECK_EQ(total, 50);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(ends[1]);
}

static int receive_one(void *stream)
{
	int fd;
	unsigned count;
	char byte;

	return (int)rota_recv_fds(stream, &fd, 1, &count, &byte, 1);
}

TASK_TEST(a_receiver_can_be_cancelled_and_hears_of_a_close)
{
	struct rota_stream *ends[2];

	pair(ends);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), receive_one, ends[1]), -ETIMEDOUT);
	close_pair(ends);
}
