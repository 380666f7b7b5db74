/* sigpipe.c - a peer that is gone is an error of the call, and no signal, however the call writes
 */
#include <fcntl.h>
#include <pthread.h>
#include <rota.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"

static int write_to_the_gone(void *arg)
{
	int file = open("/proc/self/exe", O_RDONLY), ends[2];
	struct rota_stream *pair[2], *out;

	CHECK(file >= 0);
	CHECK_EQ(rota_stream_pair(pair), 0);
	rota_close(pair[1]);
	CHECK_EQ(rota_sendfile(pair[0], file, 0, 4096), -EPIPE);
	CHECK_EQ(rota_write_all(pair[0], "x", 1), -EPIPE);
	rota_close(pair[0]);
	CHECK_EQ(pipe(ends), 0);
	close(ends[0]);
	CHECK_EQ(rota_stream_from_fd(&out, ends[1]), 0);
	CHECK_EQ(rota_write_all(out, "x", 1), -EPIPE);
	CHECK_EQ(rota_sendfile(out, file, 0, 4096), -EPIPE);
	rota_close(out);
	close(file);
	return 0;
}

/* As files: what else can be written that way. */
static int write_as_files_to_the_gone(void *arg)
{
	int file = open("/proc/self/exe", O_RDONLY), proc = open("/proc/self/status", O_RDONLY), pipes[2], sockets[2];

	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	close(pipes[0]);
	close(sockets[0]);
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? pipes[1] : sockets[1];
		struct iovec two[2] = { { "a", 1 }, { "b", 1 } };

		CHECK_EQ(rota_pwrite(fd, "x", 1, ROTA_FILE_POSITION), -EPIPE);
		CHECK_EQ(rota_pwritev(fd, two, 2, ROTA_FILE_POSITION), -EPIPE);
		CHECK_EQ(rota_pwrite_all(fd, "x", 1, ROTA_FILE_POSITION, NULL), -EPIPE);
		CHECK_EQ(rota_file_send(fd, file, 0, 4096), -EPIPE);
		CHECK_EQ(rota_file_send(fd, proc, 0, 4096), -EPIPE);
		close(fd);
	}
	close(proc);
	close(file);
	return 0;
}

static int copy_to_the_gone(void *arg)
{
	struct rota_stream *from[2], *to[2];

	CHECK_EQ(rota_stream_pair(from), 0);
	CHECK_EQ(rota_stream_pair(to), 0);
	rota_close(to[1]);
	CHECK_EQ(rota_write_all(from[1], "xyz", 3), 3);
	CHECK_EQ(rota_copy_both(from[0], to[0], NULL), -EPIPE);
	rota_close(to[0]);
	rota_close(from[0]);
	rota_close(from[1]);
	return 0;
}

static bool blocked(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGPIPE);
}

TEST(writing_to_a_peer_that_is_gone_is_an_error_and_no_signal)
{
	sigset_t pending;

	CHECK_EQ(rota_run(write_to_the_gone, NULL, NULL), 0);
	CHECK_EQ(rota_run(write_as_files_to_the_gone, NULL, NULL), 0);
	CHECK_EQ(rota_run(copy_to_the_gone, NULL, NULL), 0);
	CHECK(!blocked());
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGPIPE));
}

TEST(a_signal_mask_of_the_program_is_left_as_it_was)
{
	sigset_t pipe_only, pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
	raise(SIGPIPE);
	CHECK_EQ(rota_run(write_to_the_gone, NULL, NULL), 0);
	CHECK(blocked());
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGPIPE));
}
