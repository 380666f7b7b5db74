/* sigpipe.c - callbacks: who writes where nobody reads is answered -EPIPE and gets no signal, on a loop that is run by no rota_run(),
 * and a write of the program's own gets the signal as ever */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"

static int signals, calls;
static int64_t noted;

static void count(int signo)
{
	signals++;
}

static void note(struct rota_request *which, int64_t result)
{
	calls++;
	noted = result;
}

static void expect_no_signal(struct rota_loop *loop)
{
	sigset_t mask, pending;

	sigpending(&pending);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(!sigismember(&pending, SIGPIPE));
	CHECK(!sigismember(&mask, SIGPIPE));
	CHECK_EQ(signals, 0);
}

static int dead_pipe(void)
{
	int ends[2];

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	return ends[1];
}

static int dead_socket(void)
{
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[0]);
	return ends[1];
}

/* Each way to write with a request, once to each kind of thing that nobody reads. */
static void write_in_every_way(struct rota_loop *loop, int fd)
{
	struct iovec two[2] = { { "a", 1 }, { "b", 1 } };
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct rota_request r[4];

	calls = 0;
	CHECK_EQ(rota_request_pwrite(loop, &r[0], fd, "x", 1, ROTA_FILE_POSITION, note), 0);
	run(loop);
	CHECK_EQ(noted, -EPIPE);
	CHECK_EQ(rota_request_pwritev(loop, &r[1], fd, two, 2, ROTA_FILE_POSITION, note), 0);
	run(loop);
	CHECK_EQ(noted, -EPIPE);
	CHECK_EQ(rota_request_send_file(loop, &r[2], fd, file, 0, 100, note), 0);
	run(loop);
	CHECK_EQ(noted, -EPIPE);
	CHECK_EQ(rota_request_send_file(loop, &r[3], fd, proc, 0, 100, note), 0); /* through memory */
	run(loop);
	CHECK_EQ(noted, -EPIPE);
	CHECK_EQ(calls, 4);
	close(proc);
	close(file);
	close(fd);
}

LOOP_TEST(requests_that_write_to_the_gone_are_answered_without_a_signal)
{
	signal(SIGPIPE, count);
	write_in_every_way(loop, dead_pipe());
	write_in_every_way(loop, dead_socket());
	expect_no_signal(loop);
}

LOOP_TEST(a_program_that_would_die_of_the_signal_lives)
{
	signal(SIGPIPE, SIG_DFL);
	write_in_every_way(loop, dead_pipe());
	expect_no_signal(loop);
}

TEST(a_loop_that_threads_may_share_sends_no_signal_either)
{
	struct rota_loop_options options = { .shareable = true };
	struct rota_loop *loop;
	int rc = rota_loop_new(&loop, &options);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	signal(SIGPIPE, count);
	write_in_every_way(loop, dead_pipe());
	write_in_every_way(loop, dead_socket());
	expect_no_signal(loop);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static char much[1 << 20]; /* more than a pipe holds */

LOOP_TEST(a_write_that_waits_for_a_reader_who_then_goes_is_answered_without_a_signal)
{
	struct rota_request r;
	struct rota_blocking_stats pool;
	int ends[2];

	signal(SIGPIPE, count);
	calls = 0;
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	CHECK_EQ(write(ends[1], much, 4096), 4096); /* full */
	CHECK_EQ(rota_request_pwrite(loop, &r, ends[1], much, sizeof much, ROTA_FILE_POSITION, note), 0);
	do {
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
		rota_blocking_stats(&pool);
	} while (pool.queued > 0); /* it is with the kernel, or with the thread that writes */
	CHECK_EQ(calls, 0);
	close(ends[0]);
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(noted, -EPIPE);
	close(ends[1]);
	expect_no_signal(loop);
}

LOOP_TEST(many_writes_to_the_gone_at_once_send_no_signal)
{
	enum { MANY = 600 }; /* more than the queue of a ring holds */
	static struct rota_request requests[MANY];
	int fd = dead_pipe();

	signal(SIGPIPE, count);
	calls = 0;
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(rota_request_pwrite(loop, &requests[i], fd, "x", 1, ROTA_FILE_POSITION, note), 0);
	for (int i = 0; i < MANY; i += 7)
		rota_request_cancel(&requests[i]);
	run(loop);
	CHECK_EQ(calls, MANY);
	CHECK(noted == -EPIPE || noted == -ECANCELED);
	close(fd);
	expect_no_signal(loop);
}

static void write_ourselves(struct rota_request *r, int64_t result)
{
	int fd = *(int *)r->data;

	CHECK_EQ(result, -EPIPE);
	CHECK_EQ(signals, 0);
	CHECK_EQ(write(fd, "x", 1), -1);
	CHECK_EQ(errno, EPIPE);
	CHECK_EQ(signals, 1);
	calls++;
}

LOOP_TEST(the_signal_of_the_programs_own_write_is_left_alone)
{
	int fd = dead_pipe();
	struct rota_request r = { .data = &fd }, waits;
	int ends[2];

	signal(SIGPIPE, count);
	calls = 0;
	CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK_EQ(rota_request_pwrite(loop, &r, fd, "x", 1, ROTA_FILE_POSITION, write_ourselves), 0);
	CHECK_EQ(rota_request_pwrite(loop, &waits, ends[1], "x", 1, ROTA_FILE_POSITION, NULL), 0);
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(write(fd, "x", 1), -1);
	CHECK_EQ(signals, 2);
	signals = 0;
	expect_no_signal(loop);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

LOOP_TEST(a_mask_that_blocks_the_signal_is_left_with_what_is_pending)
{
	sigset_t pipe_only, mask, pending;
	int fd = dead_pipe();
	struct rota_request r;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
	raise(SIGPIPE);
	CHECK_EQ(rota_request_pwrite(loop, &r, fd, "x", 1, ROTA_FILE_POSITION, note), 0);
	run(loop);
	CHECK_EQ(noted, -EPIPE);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigpending(&pending);
	CHECK(sigismember(&mask, SIGPIPE));
	CHECK(sigismember(&pending, SIGPIPE));
	close(fd);
}

/* ---- connections ---- */

static int written_rc;

static void written(struct rota_write *w, int rc)
{
	calls++;
	written_rc = rc;
}

LOOP_TEST(connections_that_write_to_the_gone_are_answered_without_a_signal)
{
	static struct rota_conn reader, writer, a, b;
	static struct rota_write w[4];
	struct iovec two[2] = { { "a", 1 }, { "b", 1 } };

	signal(SIGPIPE, count);
	calls = 0;
	CHECK_EQ(rota_conn_pipe(loop, &reader, &writer), 0);
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	rota_handle_close(&reader.handle, NULL);
	rota_handle_close(&b.handle, NULL);
	run(loop);
	CHECK_EQ(rota_conn_try_write(&writer, "x", 1), -EPIPE);
	CHECK_EQ(rota_conn_try_write(&a, "x", 1), -EPIPE);
	CHECK_EQ(rota_conn_write(&writer, &w[0], "x", 1, written), 0);
	run(loop);
	CHECK_EQ(written_rc, -EPIPE);
	CHECK_EQ(rota_conn_writev(&writer, &w[1], two, 2, written), 0);
	run(loop);
	CHECK_EQ(written_rc, -EPIPE);
	CHECK_EQ(rota_conn_writev(&a, &w[2], two, 2, written), 0);
	run(loop);
	CHECK_EQ(written_rc, -EPIPE);
	CHECK_EQ(calls, 3);
	expect_no_signal(loop);
}
