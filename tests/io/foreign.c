/* foreign.c - calls on a loop from a thread that is not its own: refused, or the end of the program, never half done */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "os/notes.h"

static struct rota_loop *ours;
static struct rota_conn a, b;
static struct rota_acceptor door;
static struct rota_datagrams udp;
static struct rota_poll poll_handle;
static struct rota_async async;
static struct rota_timer timer;
static struct rota_watcher watcher;
static struct rota_request request;
static struct rota_process *process;

static void no_read(struct rota_conn *conn, const void *data, ssize_t size)
{
}

static void no_datagram(struct rota_datagrams *u, const struct rota_udp_message *message, int rc)
{
}

static void no_connection(struct rota_acceptor *acceptor, int rc)
{
}

static void no_events(struct rota_poll *p, int events)
{
}

static void no_signal(struct rota_signal *s, int signo)
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

static void no_async(struct rota_async *as)
{
}

static void no_exit(struct rota_process *p, const struct rota_exit *how, void *arg)
{
}

static void no_timer(struct rota_timer *t)
{
}

static void no_watcher(struct rota_watcher *w)
{
}

static void no_job(void *arg)
{
}

static void no_result(struct rota_request *r, int64_t result)
{
}

static void (*called)(void);

static void *in_thread(void *unused)
{
	called();
	return NULL;
}

static void on_another_thread(void (*fn)(void))
{
	pthread_t thread;

	called = fn;
	CHECK_EQ(pthread_create(&thread, NULL, in_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* The loop is this thread's from its first run on. */
static void make_ours(struct rota_loop *loop)
{
	ours = loop;
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
}

/* ---- those that answer ---- */

static void open_everything(void)
{
	static struct rota_conn c, d;
	static struct rota_acceptor acceptor;
	static struct rota_datagrams u;
	static struct rota_signal s;
	static struct rota_path_watch w;
	static struct rota_file_watch f;
	static struct rota_poll p;
	static struct rota_async as;
	static struct rota_tty_watch t;
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(rota_conn_pair(ours, &c, &d), -EPERM);
	CHECK_EQ(rota_conn_pipe(ours, &c, &d), -EPERM);
	CHECK_EQ(rota_conn_open(ours, &c, ends[0]), -EPERM);
	CHECK_EQ(rota_conn_connect(ours, &c, "127.0.0.1:9", NULL), -EPERM);
	CHECK_EQ(rota_conn_named_pipe(ours, &c, "/nowhere", ROTA_PIPE_READER, 0), -EPERM);
	CHECK_EQ(rota_acceptor_listen(ours, &acceptor, "127.0.0.1:0", NULL, no_connection), -EPERM);
	CHECK_EQ(rota_datagrams_open(ours, &u, "127.0.0.1:0", NULL), -EPERM);
	CHECK_EQ(rota_signal_open(ours, &s, SIGUSR1, no_signal), -EPERM);
	CHECK_EQ(rota_path_watch_start(ours, &w, "/tmp", 0, no_change), -EPERM);
	CHECK_EQ(rota_file_watch_start(ours, &f, "/tmp", ROTA_SECONDS(1), no_file_change), -EPERM);
	CHECK_EQ(rota_poll_open(ours, &p, ends[0]), -EPERM);
	CHECK_EQ(rota_async_open(ours, &as, no_async), -EPERM);
	CHECK_EQ(rota_tty_watch_open(ours, &t, 0, no_resize), -EPERM);
	CHECK_EQ(rota_datagrams_adopt(ours, &u, rota_datagrams_fd(&udp)), -EPERM);
	CHECK(!rota_handle_is_open(&c.handle) && !rota_handle_is_open(&as.handle));
	close(ends[0]);
	close(ends[1]);
}

LOOP_TEST(no_handle_is_opened_on_another_threads_loop)
{
	CHECK_EQ(rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL), 0);
	make_ours(loop);
	on_another_thread(open_everything);
	CHECK(!rota_loop_alive(loop));
}

static void use_everything(void)
{
	static struct rota_write write;
	static struct rota_datagram datagram;
	static struct rota_conn c;

	CHECK_EQ(rota_conn_read_start(&a, no_read), -EPERM);
	CHECK_EQ(rota_conn_read_stop(&b), -EPERM);
	CHECK_EQ(rota_conn_write(&a, &write, "x", 1, NULL), -EPERM);
	CHECK_EQ(rota_conn_try_write(&a, "x", 1), -EPERM);
	CHECK_EQ(rota_conn_end(&a, &write, NULL), -EPERM);
	CHECK_EQ(rota_acceptor_accept(&door, &c), -EPERM);
	CHECK_EQ(rota_datagrams_recv_start(&udp, no_datagram), -EPERM);
	CHECK_EQ(rota_datagrams_recv_stop(&udp), -EPERM);
	CHECK_EQ(rota_datagrams_send(&udp, &datagram, "x", 1, NULL, NULL), -EPERM);
	CHECK_EQ(rota_datagrams_try_send(&udp, "x", 1, NULL), -EPERM);
	CHECK_EQ(rota_poll_start(&poll_handle, ROTA_READABLE, no_events), -EPERM);
	CHECK_EQ(rota_poll_stop(&poll_handle), -EPERM);
	CHECK_EQ(rota_handle_close(&a.handle, NULL), -EPERM);
	CHECK_EQ(rota_handle_close(&async.handle, NULL), -EPERM);
	rota_async_send(&async); /* this one is for other threads */
}

static unsigned sent;

static void note_async(struct rota_async *as)
{
	sent++;
	rota_handle_close(&as->handle, NULL);
}

LOOP_TEST(no_handle_is_used_or_closed_by_another_thread)
{
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, no_connection), 0);
	CHECK_EQ(rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_poll_open(loop, &poll_handle, rota_conn_fd(&a)), 0);
	CHECK_EQ(rota_async_open(loop, &async, note_async), 0);
	ours = loop;
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	on_another_thread(use_everything);
	CHECK(rota_handle_is_open(&a.handle) && rota_handle_is_open(&async.handle));
	rota_handle_unref(&door.handle);
	run(loop);
	CHECK_EQ(sent, 1);
	CHECK_EQ(rota_conn_read_stop(&a), 0);
}

static void ask_for_things(void)
{
	static struct rota_file_info info;
	static const char *const argv[] = { "true", NULL };
	struct rota_command command = { .argv = argv };

	CHECK_EQ(rota_next_tick(ours, no_job, NULL), -EPERM);
	CHECK_EQ(rota_set_timeout(ours, 0, no_job, NULL), -EPERM);
	CHECK_EQ(rota_request_stat(ours, &request, "/", &info, no_result), -EPERM);
	CHECK_EQ(rota_process_start_on(ours, &process, &command, no_exit, NULL), -EPERM);
	CHECK_EQ(rota_loop_after_fork(ours), -EPERM);
	CHECK_EQ(rota_loop_run(ours, ROTA_RUN_NOWAIT), -EPERM);
	CHECK_EQ(rota_loop_each_alive(ours, NULL, NULL), -EPERM);
}

LOOP_TEST(nothing_is_asked_of_another_threads_loop)
{
	make_ours(loop);
	on_another_thread(ask_for_things);
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_after_fork(loop), 0);
}

static void turn_it(void)
{
	static struct rota_conn c, d;

	CHECK_EQ(rota_conn_pair(ours, &c, &d), 0);
	rota_handle_close(&c.handle, NULL);
	rota_handle_close(&d.handle, NULL);
	CHECK_EQ(rota_loop_run(ours, ROTA_RUN_DEFAULT), 0);
}

TEST(a_shareable_loop_that_nobody_runs_is_anybodys)
{
	struct rota_loop_options options = { .shareable = true };
	int rc = rota_loop_new(&ours, &options);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_loop_run(ours, ROTA_RUN_NOWAIT), 0);
	on_another_thread(turn_it);
	turn_it();
	CHECK_EQ(rota_loop_free(ours), 0);
}

/* ---- those that cannot answer ---- */

static void start_timer(void)
{
	rota_timer_start(ours, &timer, ROTA_NOW);
}

static void stop_timer(void)
{
	rota_timer_stop(&timer);
}

static void start_watcher(void)
{
	rota_watcher_start(ours, &watcher, ROTA_CHECK);
}

static void stop_watcher(void)
{
	rota_watcher_stop(&watcher);
}

static void unref_timer(void)
{
	rota_timer_unref(&timer);
}

static void unref_watcher(void)
{
	rota_watcher_unref(&watcher);
}

static void unref_process(void)
{
	rota_process_unref(process);
}

static void stop_loop(void)
{
	rota_loop_stop(ours);
}

static void ref_handle(void)
{
	rota_handle_ref(&async.handle);
}

static void unref_handle(void)
{
	rota_handle_unref(&async.handle);
}

static void list_handles(void)
{
	rota_loop_each_handle(ours, close_handle, NULL);
}

static int no_work(void *arg)
{
	return 0;
}

static void cancel_request(void)
{
	rota_request_cancel(&request);
}

static const struct {
	void (*call)(void);
	const char *says;
} silent[] = {
	{ start_timer, "rota_timer_start" }, /* the first two: debug builds only */
	{ stop_timer, "rota_timer_stop" },
	{ unref_timer, "rota_timer_unref" },
	{ unref_watcher, "rota_watcher_unref" },
	{ unref_process, "rota_process_unref" },
	{ start_watcher, "rota_watcher_start" },
	{ stop_watcher, "rota_watcher_stop" },
	{ stop_loop, "rota_loop_stop" },
	{ ref_handle, "rota_handle_ref" },
	{ unref_handle, "rota_handle_unref" },
	{ list_handles, "rota_loop_each_handle" },
	{ cancel_request, "rota_request_cancel" },
};

static void misuse(void *number)
{
	static const char *const argv[] = { "true", NULL };
	struct rota_command command = { .argv = argv };
	struct rota_loop *loop;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_process_start_on(loop, &process, &command, no_exit, NULL), 0);
	timer.fn = no_timer;
	watcher.fn = no_watcher;
	rota_timer_start(loop, &timer, ROTA_FOREVER - 1);
	rota_watcher_start(loop, &watcher, ROTA_CHECK);
	CHECK_EQ(rota_async_open(loop, &async, no_async), 0);
	ours = loop;
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(rota_request_blocking(loop, &request, no_work, NULL, no_result), 0);
	on_another_thread(silent[*(size_t *)number].call);
}

TEST(what_cannot_answer_ends_the_program_and_names_the_call)
{
	struct rota_loop *loop;
	int rc = rota_loop_new(&loop, NULL);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	CHECK_EQ(rota_loop_free(loop), 0);
	for (size_t i = rota__notes_are_taken ? 0 : 2; i < sizeof silent / sizeof *silent; i++) {
		char said[512] = "";
		int status = test_run_child(misuse, &i, said, sizeof said);

		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGABRT);
		CHECK(strstr(said, silent[i].says) != NULL);
		CHECK(strstr(said, "another thread") != NULL);
	}
}

/* ---- memory that was never opened ---- */

TEST(a_handle_that_is_not_open_is_of_no_kind)
{
	struct rota_conn zeroed = { .fd = 0 };

	CHECK_STR(rota_handle_kind(&zeroed.handle), "none");
	CHECK_STR(rota_handle_site(&zeroed.handle), "nowhere");
}
