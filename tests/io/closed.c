/* closed.c - handles of every kind that are closed twice, used after their close, and opened again */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"

static struct rota_loop *here;
static int ends[2], terminal;

static void no_read(struct rota_conn *conn, const void *data, ssize_t size)
{
}

static void no_read_fds(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count)
{
}

static void no_connect(struct rota_conn *conn, int rc)
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

/* ---- of each kind: how it is opened, and all else that can be asked of it ---- */

static int open_conn(void *memory)
{
	return rota_conn_connect(here, memory, "127.0.0.1:9", no_connect);
}

static void use_conn(void *memory)
{
	static struct rota_write write;
	struct iovec nothing = { NULL, 0 };
	char name[64];

	CHECK_EQ(rota_conn_read_start(memory, no_read), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_read_fds_start(memory, no_read_fds), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_read_stop(memory), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_write(memory, &write, "x", 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_writev(memory, &write, &nothing, 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_write_fds(memory, &write, ends, 1, "x", 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_try_write(memory, "x", 1), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_end(memory, &write, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_queued_bytes(memory), 0);
	CHECK_EQ(rota_conn_set_nodelay(memory, true), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_set_keepalive(memory, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_peer_name(memory, name, sizeof name), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_local_name(memory, name, sizeof name), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_fd(memory), ROTA_ECLOSED);
}

static int open_acceptor(void *memory)
{
	return rota_acceptor_listen(here, memory, "127.0.0.1:0", NULL, no_connection);
}

static void use_acceptor(void *memory)
{
	static struct rota_conn conn;
	char name[64];

	CHECK_EQ(rota_acceptor_accept(memory, &conn), ROTA_ECLOSED);
	CHECK_EQ(rota_acceptor_port(memory), ROTA_ECLOSED);
	CHECK_EQ(rota_acceptor_name(memory, name, sizeof name), ROTA_ECLOSED);
}

static int open_datagrams(void *memory)
{
	int rc = rota_datagrams_open(here, memory, "127.0.0.1:0", NULL);

	if (rc == 0)
		CHECK_EQ(rota_datagrams_recv_start(memory, no_datagram), 0);
	return rc;
}

static void use_datagrams(void *memory)
{
	static struct rota_datagram datagram;
	static struct rota_udp_message message;
	char name[64];

	CHECK_EQ(rota_datagrams_recv_start(memory, no_datagram), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_recv_stop(memory), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_send(memory, &datagram, "x", 1, NULL, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_send_many(memory, &datagram, &message, 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_try_send(memory, "x", 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_connect(memory, "127.0.0.1:9"), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_queued_bytes(memory), 0);
	CHECK_EQ(rota_datagrams_queued_count(memory), 0);
	CHECK_EQ(rota_datagrams_join(memory, "224.0.0.1", NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_leave(memory, "224.0.0.1", NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_join_source(memory, "232.0.0.1", "127.0.0.1", NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_leave_source(memory, "232.0.0.1", "127.0.0.1", NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_set_multicast_interface(memory, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_set_multicast_ttl(memory, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_set_multicast_loop(memory, true), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_set_ttl(memory, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_set_broadcast(memory, true), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_local_name(memory, name, sizeof name), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_peer_name(memory, name, sizeof name), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_port(memory), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_fd(memory), ROTA_ECLOSED);
}

static int open_poll(void *memory)
{
	int rc = rota_poll_open(here, memory, ends[0]);

	if (rc == 0)
		CHECK_EQ(rota_poll_start(memory, ROTA_READABLE, no_events), 0);
	return rc;
}

static void use_poll(void *memory)
{
	CHECK_EQ(rota_poll_start(memory, ROTA_READABLE, no_events), ROTA_ECLOSED);
	CHECK_EQ(rota_poll_stop(memory), ROTA_ECLOSED);
}

static int open_async(void *memory)
{
	return rota_async_open(here, memory, no_async);
}

static void use_async(void *memory)
{
	rota_async_send(memory); /* has no effect */
}

static int open_signal(void *memory)
{
	return rota_signal_open(here, memory, SIGUSR1, no_signal);
}

static int open_watch(void *memory)
{
	return rota_path_watch_start(here, memory, "/tmp", 0, no_change);
}

static int open_file_watch(void *memory)
{
	return rota_file_watch_start(here, memory, "/tmp", ROTA_SECONDS(1000), no_file_change);
}

static int open_tty_watch(void *memory)
{
	return rota_tty_watch_open(here, memory, terminal, no_resize);
}

static void no_use(void *memory)
{
}

static const struct {
	const char *name;
	int (*open)(void *memory);
	void (*use)(void *memory);
	size_t size;
} kinds[] = {
	{ "conn", open_conn, use_conn, sizeof(struct rota_conn) },
	{ "acceptor", open_acceptor, use_acceptor, sizeof(struct rota_acceptor) },
	{ "datagrams", open_datagrams, use_datagrams, sizeof(struct rota_datagrams) },
	{ "poll", open_poll, use_poll, sizeof(struct rota_poll) },
	{ "async", open_async, use_async, sizeof(struct rota_async) },
	{ "signal", open_signal, no_use, sizeof(struct rota_signal) },
	{ "watch", open_watch, no_use, sizeof(struct rota_path_watch) },
	{ "file watch", open_file_watch, no_use, sizeof(struct rota_file_watch) },
	{ "tty watch", open_tty_watch, no_use, sizeof(struct rota_tty_watch) },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- what goes for all ---- */

static int closed;

static void count_close(struct rota_handle *handle)
{
	CHECK(!rota_handle_is_open(handle) && !rota_handle_is_closing(handle));
	closed++;
}

static void open_descriptors(struct rota_loop *loop)
{
	here = loop;
	CHECK_EQ(pipe(ends), 0);
	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK(terminal >= 0);
}

static void close_descriptors(void)
{
	close(ends[0]);
	close(ends[1]);
	close(terminal);
}

static void close_twice_and_use(int i, struct rota_handle *h)
{
	closed = 0;
	CHECK_EQ(kinds[i].open(h), 0);
	CHECK_STR(rota_handle_kind(h), kinds[i].name);
	CHECK_EQ(kinds[i].open(h), -EBUSY);
	CHECK_EQ(rota_handle_close(h, count_close), 0);
	CHECK(rota_handle_is_closing(h) && rota_handle_has_ref(h));
	CHECK_EQ(kinds[i].open(h), -EBUSY); /* not yet */
	for (int round = 0; round < 2; round++) { /* while it is being closed, and when it is closed */
		CHECK_EQ(rota_handle_close(h, NULL), ROTA_ECLOSED);
		kinds[i].use(h);
		rota_handle_unref(h);
		rota_handle_ref(h);
		CHECK_EQ(closed, round);
		run(here);
		CHECK_EQ(closed, 1);
	}
	CHECK_STR(rota_handle_kind(h), "none");
	CHECK(!rota_handle_is_active(h) && !rota_handle_has_ref(h));
}

LOOP_TEST(a_second_close_and_any_use_after_it_are_refused_by_every_kind)
{
	open_descriptors(loop);
	for (int i = 0; i < KINDS; i++) {
		struct rota_handle *h = calloc(1, kinds[i].size);

		CHECK(h != NULL);
		for (int life = 0; life < 2; life++) /* the memory is good for another one */
			close_twice_and_use(i, h);
		free(h);
	}
	close_descriptors();
}

static void close_again(struct rota_handle *handle)
{
	CHECK_EQ(rota_handle_close(handle, close_again), ROTA_ECLOSED);
	closed++;
}

LOOP_TEST(a_close_in_its_own_on_close_is_refused_by_every_kind)
{
	open_descriptors(loop);
	for (int i = 0; i < KINDS; i++) {
		struct rota_handle *h = calloc(1, kinds[i].size);

		CHECK(h != NULL);
		closed = 0;
		CHECK_EQ(kinds[i].open(h), 0);
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(rota_handle_close(h, close_again), 0);
		run(loop);
		CHECK_EQ(closed, 1);
		free(h);
	}
	close_descriptors();
}

static void open_again(struct rota_handle *handle)
{
	int i = closed++;

	CHECK_EQ(kinds[i].open(handle), 0);
}

LOOP_TEST(on_close_may_open_every_kind_again)
{
	struct rota_handle *all[KINDS];

	open_descriptors(loop);
	for (int i = 0; i < KINDS; i++) {
		all[i] = calloc(1, kinds[i].size);
		CHECK(all[i] != NULL);
		CHECK_EQ(kinds[i].open(all[i]), 0);
		closed = i;
		CHECK_EQ(rota_handle_close(all[i], open_again), 0);
		while (closed == i)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK(rota_handle_is_open(all[i]));
	}
	rota_loop_each_handle(loop, close_handle, NULL);
	run(loop);
	for (int i = 0; i < KINDS; i++)
		free(all[i]);
	close_descriptors();
}

/* ---- processes, whose memory is ours ---- */

static void no_exit(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	CHECK(!"a closed one is told");
}

LOOP_TEST(a_process_that_is_closed_twice_before_it_has_ended_is_taken_away_once)
{
	struct rota_process *process;

	for (uint32_t flags = 0; flags <= ROTA_PROCESS_DETACHED; flags++) {
		CHECK_EQ(rota_process_start_on(loop, &process,
				 &(struct rota_command){ .argv = (const char *const[]){ "true", NULL }, .flags = flags },
				 no_exit, NULL),
			0);
		rota_process_close(process);
		rota_process_close(process);
		run(loop);
	}
}

/* ---- loops ---- */

static void no_timer(struct rota_timer *timer)
{
}

static void no_watcher(struct rota_watcher *watcher)
{
}

LOOP_TEST(a_loop_with_something_started_is_not_freed_unreferenced_or_not)
{
	struct rota_timer timer = { .fn = no_timer };
	struct rota_watcher watcher = { .fn = no_watcher };
	struct rota_process *process;

	rota_timer_unref(&timer);
	rota_timer_start(loop, &timer, rota_deadline(ROTA_SECONDS(1000)));
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_free(loop), -EBUSY);
	rota_timer_stop(&timer);
	rota_watcher_unref(&watcher);
	rota_watcher_start(loop, &watcher, ROTA_CHECK);
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_free(loop), -EBUSY);
	rota_watcher_stop(&watcher);
	CHECK_EQ(rota_process_start_on(loop, &process,
			 &(struct rota_command){ .argv = (const char *const[]){ "cat", NULL }, .in.kind = ROTA_STDIO_PIPE },
			 no_exit, NULL),
		0);
	rota_process_unref(process);
	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_free(loop), -EBUSY);
	rota_process_close(process);
}

static struct rota_timer left_timer = { .fn = no_timer };
static struct rota_watcher left_watcher = { .fn = no_watcher };

static int leave_things(void *unused)
{
	struct rota_loop *loop = rota_loop_current();
	struct rota_process *process;

	rota_timer_unref(&left_timer);
	rota_timer_start(loop, &left_timer, rota_deadline(ROTA_SECONDS(1000)));
	rota_watcher_unref(&left_watcher);
	rota_watcher_start(loop, &left_watcher, ROTA_PREPARE);
	CHECK_EQ(rota_process_start_on(loop, &process,
			 &(struct rota_command){ .argv = (const char *const[]){ "cat", NULL }, .in.kind = ROTA_STDIO_PIPE },
			 no_exit, NULL),
		0);
	rota_process_unref(process);
	return 0;
}

TEST(the_end_of_a_run_stops_what_is_unreferenced_and_left)
{
	for (int i = 0; i < 2; i++) { /* the memory is good for another run */
		int rc = rota_run(leave_things, NULL, NULL);

		if (rc == -ENOSYS || rc == -EPERM)
			SKIP("this kernel refuses the poller");
		CHECK_EQ(rc, 0);
	}
}
