/* early.c - a debug build names what the program takes back too early, each kind with its place */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "os/notes.h"

static struct rota_loop *loop;
static int code; /* of the last opening */

static void no_read(struct rota_conn *conn, const void *data, ssize_t size)
{
}

static void no_connection(struct rota_acceptor *acceptor, int rc)
{
}

static void no_datagram(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
}

static void no_events(struct rota_poll *poll, int events)
{
}

static void no_signal(struct rota_signal *signal, int signo)
{
}

static void no_change(struct rota_path_watch *watch, const struct rota_change *change)
{
}

static void no_file_change(struct rota_file_watch *watch, int rc, const struct rota_file_info *before,
	const struct rota_file_info *after)
{
}

static void no_resize(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
}

static void no_async(struct rota_async *async)
{
}

static void no_timer(struct rota_timer *timer)
{
}

static void no_watcher(struct rota_watcher *watcher)
{
}

static void no_result(struct rota_request *request, int64_t result)
{
}

/* ---- each makes one thing in *memory, which is zeroed ---- */

static void make_conn(void *memory)
{
	struct rota_conn *other = calloc(1, sizeof *other);

	CHECK(other != NULL);
	code = rota_conn_pair(loop, memory, other);
	CHECK_EQ(rota_conn_read_start(memory, no_read), 0);
}

static void make_acceptor(void *memory)
{
	code = rota_acceptor_listen(loop, memory, "127.0.0.1:0", NULL, no_connection);
}

static void make_datagrams(void *memory)
{
	code = rota_datagrams_open(loop, memory, "127.0.0.1:0", NULL);
	CHECK_EQ(rota_datagrams_recv_start(memory, no_datagram), 0);
}

static void make_poll(void *memory)
{
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	code = rota_poll_open(loop, memory, ends[0]);
	CHECK_EQ(rota_poll_start(memory, ROTA_READABLE, no_events), 0);
}

static void make_async(void *memory)
{
	code = rota_async_open(loop, memory, no_async);
}

static void make_signal(void *memory)
{
	code = rota_signal_open(loop, memory, SIGUSR1, no_signal);
}

static void make_watch(void *memory)
{
	code = rota_path_watch_start(loop, memory, "/tmp", 0, no_change);
}

static void make_file_watch(void *memory)
{
	code = rota_file_watch_start(loop, memory, "/tmp", ROTA_SECONDS(1000), no_file_change);
}

static void make_tty_watch(void *memory)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	CHECK(fd >= 0);
	code = rota_tty_watch_open(loop, memory, fd, no_resize);
}

static void make_timer(void *memory)
{
	((struct rota_timer *)memory)->fn = no_timer;
	rota_timer_start(loop, memory, ROTA_NOW);
}

static void make_far_timer(void *memory)
{
	((struct rota_timer *)memory)->fn = no_timer;
	rota_timer_start(loop, memory, rota_deadline(ROTA_SECONDS(1000)));
}

static void make_watcher(void *memory, enum rota_phase phase)
{
	((struct rota_watcher *)memory)->fn = no_watcher;
	rota_watcher_start(loop, memory, phase);
}

static void make_idle(void *memory)
{
	make_watcher(memory, ROTA_IDLE);
}

static void make_prepare(void *memory)
{
	make_watcher(memory, ROTA_PREPARE);
}

static void make_check(void *memory)
{
	make_watcher(memory, ROTA_CHECK);
}

static int begun[2], go_on[2]; /* pipes */

static int hold_a_thread(void *unused)
{
	char byte = 0;

	CHECK_EQ(write(begun[1], &byte, 1), 1);
	return (int)read(go_on[0], &byte, 1);
}

/* A request that a thread of the pool is at work on, and so reads no more. */
static void make_request(void *memory)
{
	char byte;

	CHECK_EQ(pipe(begun), 0);
	CHECK_EQ(pipe(go_on), 0);
	code = rota_request_blocking(loop, memory, hold_a_thread, NULL, no_result);
	CHECK_EQ(read(begun[0], &byte, 1), 1);
}

static const struct kind {
	const char *name;
	void (*make)(void *memory);
	size_t size;
} kinds[] = {
	{ "conn, opened", make_conn, sizeof(struct rota_conn) },
	{ "acceptor, opened", make_acceptor, sizeof(struct rota_acceptor) },
	{ "datagrams, opened", make_datagrams, sizeof(struct rota_datagrams) },
	{ "poll, opened", make_poll, sizeof(struct rota_poll) },
	{ "async, opened", make_async, sizeof(struct rota_async) },
	{ "signal, opened", make_signal, sizeof(struct rota_signal) },
	{ "watch, opened", make_watch, sizeof(struct rota_path_watch) },
	{ "file watch, opened", make_file_watch, sizeof(struct rota_file_watch) },
	{ "tty watch, opened", make_tty_watch, sizeof(struct rota_tty_watch) },
	{ "timer, started", make_timer, sizeof(struct rota_timer) },
	{ "timer, started", make_far_timer, sizeof(struct rota_timer) },
	{ "idle, started", make_idle, sizeof(struct rota_watcher) },
	{ "prepare, started", make_prepare, sizeof(struct rota_watcher) },
	{ "check, started", make_check, sizeof(struct rota_watcher) },
	{ "a request", make_request, sizeof(struct rota_request) },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void *memory;

static void make(const struct kind *kind)
{
	memory = calloc(1, kind->size);
	CHECK(memory != NULL);
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	kind->make(memory);
	CHECK_EQ(code, 0);
}

static void expect_named(void (*misuse)(void *arg), const struct kind *kind)
{
	char said[2048] = "";
	int status;

	if (!rota__notes_are_taken)
		SKIP("a release build takes no notes");
	status = test_run_child(misuse, (void *)kind, said, sizeof said);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGABRT);
	CHECK(strstr(said, kind->name) != NULL);
	CHECK(strstr(said, "early.c:") != NULL);
}

static void expect_each_named(void (*misuse)(void *arg))
{
	int rc = rota_loop_new(&loop, NULL);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	CHECK_EQ(rota_loop_free(loop), 0);
	for (size_t i = 0; i < KINDS; i++)
		expect_named(misuse, &kinds[i]);
}

/* ---- used for something else ---- */

static void overwrite(void *kind)
{
	make(kind);
	memset(memory, 0x5a, ((const struct kind *)kind)->size);
	rota_loop_run(loop, ROTA_RUN_ONCE);
}

TEST(memory_that_is_overwritten_is_named)
{
	expect_each_named(overwrite);
}

static void zero(void *kind)
{
	make(kind);
	memset(memory, 0, ((const struct kind *)kind)->size);
	rota_loop_run(loop, ROTA_RUN_ONCE);
}

TEST(memory_that_is_zeroed_is_named)
{
	expect_each_named(zero);
}

static void overwrite_it(void *kind)
{
	memset(memory, 0x5a, ((const struct kind *)kind)->size);
}

/* In the middle of a turn, by a callback. */
static void overwrite_in_callback(void *kind)
{
	make(kind);
	CHECK(rota_set_immediate(loop, overwrite_it, kind) > 0);
	for (;;)
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
}

TEST(memory_that_a_callback_overwrites_is_named)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].make != make_timer) /* which has fired by then */
			expect_named(overwrite_in_callback, &kinds[i]);
}

/* ---- used twice ---- */

static void use_again(void *kind)
{
	make(kind);
	memset(memory, 0, ((const struct kind *)kind)->size);
	((const struct kind *)kind)->make(memory);
}

TEST(memory_that_is_zeroed_and_used_again_is_named_at_once)
{
	expect_each_named(use_again);
}

static void ask_again(void *kind)
{
	static struct rota_file_info info;

	make(kind);
	rota_request_stat(loop, memory, "/", &info, no_result);
}

static const struct kind *request_kind(void)
{
	return &kinds[KINDS - 1];
}

TEST(a_request_that_is_used_again_on_its_way_is_named)
{
	CHECK(request_kind()->make == make_request);
	expect_named(ask_again, request_kind());
}

/* ---- on the pool ---- */

/* The pool's one thread is busy: the second request waits in its queue, and is found there. */
static void overwrite_a_queued_one(void *unused)
{
	static struct rota_request first;
	static struct rota_request second;

	CHECK_EQ(rota_blocking_limits(1, 0), 0);
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	make_request(&first);
	CHECK_EQ(rota_request_blocking(loop, &second, hold_a_thread, NULL, no_result), 0);
	memset(&second, 0x5a, sizeof second);
	CHECK_EQ(write(go_on[1], "x", 1), 1);
	for (;;)
		pause();
}

/* It runs, and has nowhere to come back to. */
static void overwrite_a_running_one(void *unused)
{
	static struct rota_request request;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	make_request(&request);
	memset(&request, 0x5a, sizeof request);
	CHECK_EQ(write(go_on[1], "x", 1), 1);
	for (;;)
		pause();
}

TEST(the_pool_names_what_was_overwritten_in_its_queue_and_on_its_threads)
{
	static const struct kind job = { "request for the blocking pool, asked for", NULL, 0 };

	expect_named(overwrite_a_queued_one, &job);
	expect_named(overwrite_a_running_one, &job);
}
