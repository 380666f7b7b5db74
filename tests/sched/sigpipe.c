/* sigpipe.c - a peer that is gone is an error of the call, and no signal, however the call writes
 */
#include <fcntl.h>
#include <pthread.h>
#include <rota.h>
#include <signal.h>
#include <stdlib.h>
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
	rota_close(out);
	close(file);
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
