/* callbacks.c - the nth allocation fails, or the nth system call, in programs of callbacks and promises
 *
 * A program sets things up on a loop and answers what went wrong, or 0; callbacks that hear of an error note it and close what
 * they have, so that the loop ends in every case. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "await/temp.h"
#include "torture/failing.h"

static int failure; /* what a callback heard */
static struct rota_loop *loop;

static void note(int rc)
{
	if (rc < 0 && failure == 0)
		failure = rc == -ENOBUFS || rc == -ECONNRESET || rc == -EPIPE ? -ENOMEM : rc;
}

static void close_one(struct rota_handle *handle, void *arg)
{
	if (!rota_handle_is_closing(handle))
		rota_handle_close(handle, NULL);
}

static void close_all(void)
{
	rota_loop_each_handle(loop, close_one, NULL);
}

static int run_on_loop(void *program)
{
	int (*body)(void) = *(int (**)(void))program;
	int rc = rota_loop_new(&loop, NULL);

	if (rc < 0)
		return rc;
	failure = 0;
	rc = body();
	if (rc < 0)
		close_all();
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	close_all();
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
	return rc < 0 ? rc : failure;
}

/* TORTURE(name) { ... }: a program, as two tests.  CALLING(name): as four. */
#define CALLING(name)                                                                              \
	static int name(void);                                                                     \
	static int (*const name##_called)(void) = name;                                            \
	TEST(name##_survive_a_system_call_that_fails)                                              \
	{                                                                                          \
		torture_runs_of_calls(run_on_loop, (void *)&name##_called);                        \
	}                                                                                          \
	TEST(name##_survive_a_request_that_fails)                                                  \
	{                                                                                          \
		torture_runs_of_completions(run_on_loop, (void *)&name##_called);                  \
	}                                                                                          \
	TORTURE(name)

#define TORTURE(name)                                                                              \
	static int name(void);                                                                     \
	static int (*const name##_body)(void) = name;                                              \
	TEST(name##_survive_one_failure)                                                           \
	{                                                                                          \
		torture_runs(run_on_loop, (void *)&name##_body, false);                            \
	}                                                                                          \
	TEST(name##_survive_the_end_of_all_memory)                                                 \
	{                                                                                          \
		torture_runs(run_on_loop, (void *)&name##_body, true);                             \
	}                                                                                          \
	static int name(void)

/* ---- calls ---- */

static int called;

static void count(void *arg)
{
	called++;
}

TORTURE(queued_calls)
{
	int64_t id;
	int rc = 0;

	called = 0;
	for (int i = 0; i < 200 && rc == 0; i++) { /* records and queues grow */
		rc = rota_next_tick(loop, count, NULL);
		if (rc == 0)
			rc = rota_queue_microtask(loop, count, NULL);
		id = rc == 0 ? rota_set_immediate(loop, count, NULL) : rc;
		if (id > 0)
			id = rota_set_timeout(loop, 0, count, NULL);
		rc = id < 0 ? (int)id : 0;
	}
	return rc;
}

static void note_call(struct rota_loop *on, const struct rota_long_callback *callback, void *arg)
{
	called++;
}

TORTURE(timed_callbacks)
{
	struct rota_long_callback longest;
	int64_t id;
	int rc = rota_loop_keep_longest(loop, 1);

	if (rc == -ENOMEM)
		CHECK_EQ(rota_loop_longest(loop, &longest, 1), -ENODATA);
	if (rc == 0)
		rc = rota_loop_on_overrun(loop, 0, note_call, NULL);
	id = rc == 0 ? rota_set_immediate(loop, count, NULL) : rc;
	return id < 0 ? (int)id : 0;
}

/* ---- promises ---- */

static struct rota_result heard(const struct rota_settled *it, void *arg)
{
	note(it->error);
	return rota_result_value(NULL, NULL);
}

static struct rota_result wait_a_little(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_sleep(loop, 0));
}

static int ask(void *value, struct rota_promise *promise)
{
	return rota_promise_settle(promise, rota_result_value(value, NULL));
}

static struct rota_result work(void *arg)
{
	return rota_result_value(arg, NULL);
}

/* The end of a chain is its handler's promise, and NULL if there was no memory for any part of it. */
static void end_chain(struct rota_promise *p)
{
	note(rota_promise_state(p) == ROTA_REJECTED ? rota_promise_error(p) : 0);
	rota_promise_unref(p);
}

CALLING(chains)
{
	struct rota_promise *p = rota_promise_of(loop, rota_result_thenable(ask, &loop));

	p = rota_promise_then(p, wait_a_little, NULL, NULL);
	p = rota_promise_finally(p, wait_a_little, NULL);
	end_chain(rota_promise_then(p, heard, heard, NULL));
	return 0;
}

CALLING(combinations)
{
	struct rota_promise *p[3], *all[2];

	p[0] = rota_promise_sleep(loop, 0);
	p[1] = rota_promise_blocking(loop, work, p);
	p[2] = rota_promise_new(loop);
	all[1] = rota_promise_ref(p[2]);
	rota_promise_settle(p[2], rota_result_value(NULL, NULL));
	all[0] = rota_promise_all(loop, p, 3);
	end_chain(rota_promise_then(rota_promise_race(loop, all, 2), heard, heard, NULL));
	return 0;
}

CALLING(senders)
{
	struct rota_promise *p = rota_promise_new(loop);
	struct rota_promise_sender *sender;
	int rc = rota_promise_sender_new(&sender, p);

	if (rc == 0)
		rota_promise_send(sender, rota_result_value(NULL, NULL));
	end_chain(rota_promise_then(p, heard, heard, NULL));
	return rc;
}

/* Nobody takes what they bring. */
CALLING(operations)
{
	struct rota_command command = { .argv = (const char *const[]){ "true", NULL } };
	struct rota_promise *p[5];

	p[0] = rota_promise_open(loop, "/dev/null", O_RDWR, 0);
	p[1] = rota_promise_read_file(loop, "/proc/self/stat", SIZE_MAX);
	p[2] = rota_promise_readdir(loop, "/dev/fd");
	p[3] = rota_promise_command(loop, &command);
	p[4] = rota_promise_resolve(loop, "127.0.0.1:80", 4);
	end_chain(rota_promise_then(rota_promise_all(loop, p, 5), heard, heard, NULL));
	return 0;
}

/* ---- handles ---- */

static void read_to_end(struct rota_conn *conn, const void *data, ssize_t size)
{
	if (size > 0)
		return;
	note((int)size);
	rota_handle_close(&conn->handle, NULL);
}

static void written(struct rota_write *write, int rc)
{
	note(rc);
	rota_handle_close(&write->conn->handle, NULL);
}

CALLING(connections)
{
	static struct rota_conn a, b;
	static struct rota_write write;
	static char data[300000]; /* more than a socket takes at once */
	int rc;

	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	rc = rota_conn_pair(loop, &a, &b);
	if (rc == 0)
		rc = rota_conn_read_start(&b, read_to_end);
	if (rc == 0)
		rc = rota_conn_write(&a, &write, data, sizeof data, written);
	return rc;
}

CALLING(pipes)
{
	static struct rota_conn reader, writer;
	static struct rota_write write;
	static char data[100000]; /* more than a pipe takes at once */
	int rc;

	memset(&reader, 0, sizeof reader);
	memset(&writer, 0, sizeof writer);
	rc = rota_conn_pipe(loop, &reader, &writer);
	if (rc == 0)
		rc = rota_conn_read_start(&reader, read_to_end);
	if (rc == 0)
		rc = rota_conn_write(&writer, &write, data, sizeof data, written);
	return rc;
}

static void close_descriptors(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	read_to_end(conn, data, size);
}

CALLING(descriptors_over_connections)
{
	static struct rota_conn a, b;
	static struct rota_write write;
	static const int fds[2] = { 0, 1 };
	int rc;

	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	rc = rota_conn_pair(loop, &a, &b);
	if (rc == 0)
		rc = rota_conn_read_fds_start(&b, close_descriptors);
	if (rc == 0)
		rc = rota_conn_write_fds(&a, &write, fds, 2, "some bytes", 10, written);
	return rc;
}

CALLING(named_pipes)
{
	static struct rota_conn reader, writer;
	static struct rota_write write;
	char path[] = "/tmp/rota-torture-XXXXXX", pipe[64];
	int rc;

	calls_are_ours();
	CHECK(mkdtemp(path) != NULL);
	calls_are_theirs();
	snprintf(pipe, sizeof pipe, "%s/pipe", path);
	memset(&reader, 0, sizeof reader);
	memset(&writer, 0, sizeof writer);
	rc = rota_conn_named_pipe(loop, &reader, pipe, ROTA_PIPE_READER, 0600);
	if (rc == 0)
		rc = rota_conn_named_pipe(loop, &writer, pipe, ROTA_PIPE_WRITER, 0);
	if (rc == 0)
		rc = rota_conn_read_start(&reader, read_to_end);
	if (rc == 0)
		rc = rota_conn_write(&writer, &write, "x", 1, written);
	calls_are_ours();
	unlink(pipe);
	rmdir(path);
	calls_are_theirs();
	return rc;
}

static struct rota_thread *thread;
static int thread_result;

static int say_it_back(struct rota_port *port, void *arg)
{
	struct rota_message m;
	int rc = rota_port_recv(port, &m);

	if (rc < 0)
		return rc == ROTA_ECLOSED ? 0 : rc; /* who closed it knows why */
	rc = rota_port_send(port, m.data, m.bytes);
	rota_message_free(&m);
	return rc;
}

static void heard_back(struct rota_port_watch *watch, struct rota_message *message)
{
	if (message != NULL)
		rota_message_free(message);
	else
		rota_handle_close(&watch->handle, NULL);
}

static void thread_over(struct rota_request *request, int64_t rc)
{
	note(thread_result);
	CHECK_EQ(rota_thread_free(thread), 0);
}

CALLING(ports)
{
	static struct rota_port_watch watch;
	static struct rota_request request;
	struct rota_options plain = { .model = ROTA_SINGLE, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };
	struct rota_port *port;
	int rc = rota_thread_start(&thread, say_it_back, NULL, &plain);

	if (rc < 0)
		return rc;
	port = rota_thread_port(thread);
	memset(&watch, 0, sizeof watch);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, heard_back), 0);
	CHECK_EQ(rota_request_thread_join(loop, &request, thread, &thread_result, thread_over), 0);
	rc = rota_port_send(port, "x", 1);
	if (rc != ROTA_ECLOSED) /* then the thread's result says why */
		note(rc);
	if (rc < 0)
		rota_port_close(port);
	return 0;
}

static struct rota_acceptor door;
static struct rota_conn client, server;

static void came(struct rota_acceptor *acceptor, int rc)
{
	if (rc == 0)
		rc = rota_acceptor_accept(acceptor, &server);
	if (rc == 0)
		rc = rota_conn_read_start(&server, read_to_end);
	note(rc);
	if (rc < 0)
		close_all();
	else
		rota_handle_close(&acceptor->handle, NULL);
}

static void connected(struct rota_conn *conn, int rc)
{
	static struct rota_write write;

	if (rc == 0)
		rc = rota_conn_write(conn, &write, "x", 1, written);
	note(rc);
	if (rc < 0)
		close_all();
}

CALLING(acceptors)
{
	char name[64];
	int rc;

	memset(&door, 0, sizeof door);
	memset(&client, 0, sizeof client);
	memset(&server, 0, sizeof server);
	rc = rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, came);
	if (rc == 0)
		rc = rota_acceptor_name(&door, name, sizeof name);
	return rc < 0 ? rc : rota_conn_connect(loop, &client, name, connected);
}

static void signalled(struct rota_signal *signal, int signo)
{
	rota_handle_close(&signal->handle, NULL);
}

CALLING(signals)
{
	static struct rota_signal signal;
	int rc;

	memset(&signal, 0, sizeof signal);
	rc = rota_signal_open(loop, &signal, SIGUSR1, signalled);
	if (rc == 0)
		raise(SIGUSR1);
	return rc;
}

static void sent(struct rota_async *async)
{
	rota_handle_close(&async->handle, NULL);
}

CALLING(asyncs)
{
	static struct rota_async async;
	int rc;

	memset(&async, 0, sizeof async);
	rc = rota_async_open(loop, &async, sent);
	if (rc == 0)
		rota_async_send(&async);
	return rc;
}

static int shout(void *async)
{
	rota_async_send(async);
	return 0;
}

static void shouted(struct rota_request *request, int64_t result)
{
	note((int)result);
	if (result < 0)
		close_all();
}

/* The pool's thread sends while poll(2) sleeps or is about to: there is nothing else that would end it. */
CALLING(foreign_loops)
{
	static struct rota_async async;
	static struct rota_request request;
	struct pollfd ready = { .fd = rota_loop_backend_fd(loop), .events = POLLIN };
	int rc = ready.fd;

	memset(&async, 0, sizeof async);
	if (rc >= 0)
		rc = rota_async_open(loop, &async, sent);
	if (rc == 0)
		rc = rota_request_blocking(loop, &request, shout, &async, shouted);
	while (rc == 0 && rota_loop_alive(loop)) {
		bool sleep = rota_loop_backend_deadline(loop) == ROTA_FOREVER;

		calls_are_ours();
		poll(&ready, 1, sleep ? -1 : 0);
		calls_are_theirs();
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	}
	return rc;
}

static void ended(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	rota_process_close(process);
}

CALLING(processes)
{
	static const char *const argv[] = { "true", NULL };
	struct rota_command command = { .argv = argv };
	struct rota_process *process;

	return rota_process_start_on(loop, &process, &command, ended, NULL);
}

static struct rota_conn to_child, from_child;

static void child_ended(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	rota_process_close(process);
}

/* Our end of its descriptor, as a connection. */
static int connect_child(struct rota_process *process, int child_fd, struct rota_conn *conn)
{
	int fd = rota_process_take_fd(process, child_fd), rc;

	if (fd < 0)
		return fd;
	rc = rota_conn_open(loop, conn, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

CALLING(processes_at_the_end_of_pipes)
{
	static const char *const argv[] = { "sh", "-c", "read -r line; printf %s \"$line\"", NULL };
	static struct rota_write write;
	struct rota_command command = { .argv = argv, .in.kind = ROTA_STDIO_PIPE, .out.kind = ROTA_STDIO_PIPE };
	struct rota_process *process;
	int rc;

	memset(&to_child, 0, sizeof to_child);
	memset(&from_child, 0, sizeof from_child);
	rc = rota_process_start_on(loop, &process, &command, child_ended, NULL);
	if (rc < 0)
		return rc;
	rc = connect_child(process, 0, &to_child);
	if (rc == 0)
		rc = connect_child(process, 1, &from_child);
	if (rc == 0)
		rc = rota_conn_read_start(&from_child, read_to_end);
	if (rc == 0)
		rc = rota_conn_write(&to_child, &write, "a line\n", 7, written);
	if (rc < 0)
		rota_process_close(process);
	return rc;
}

static void changed(struct rota_path_watch *watch, const struct rota_change *change)
{
	rota_handle_close(&watch->handle, NULL);
}

CALLING(watches)
{
	static struct rota_path_watch watch;
	int rc;

	memset(&watch, 0, sizeof watch);
	rc = rota_path_watch_start(loop, &watch, "/proc/self", 0, changed);
	if (rc == 0)
		rota_handle_unref(&watch.handle);
	return rc;
}

/* Folders that are there, and one that comes: it may not be heard of, if that is what fails. */
CALLING(recursive_watches)
{
	static struct rota_path_watch watch;
	char path[] = "/tmp/rota-torture-XXXXXX", old[64], new[64];
	int rc;

	calls_are_ours();
	CHECK(mkdtemp(path) != NULL);
	snprintf(old, sizeof old, "%s/old", path);
	snprintf(new, sizeof new, "%s/new", path);
	CHECK_EQ(mkdir(old, 0700), 0);
	calls_are_theirs();
	memset(&watch, 0, sizeof watch);
	rc = rota_path_watch_start(loop, &watch, path, ROTA_WATCH_RECURSIVE, changed);
	calls_are_ours();
	CHECK_EQ(mkdir(new, 0700), 0);
	CHECK_EQ(rmdir(new), 0);
	CHECK_EQ(rmdir(old), 0);
	CHECK_EQ(rmdir(path), 0);
	calls_are_theirs();
	if (rc == 0) {
		rota_handle_unref(&watch.handle);
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	}
	return rc;
}

static void looked(struct rota_file_watch *watch, int rc, const struct rota_file_info *before,
	const struct rota_file_info *after)
{
	note(rc == -ENOENT ? 0 : rc);
	rota_handle_close(&watch->handle, NULL);
}

CALLING(file_watches)
{
	static struct rota_file_watch watch;

	memset(&watch, 0, sizeof watch);
	return rota_file_watch_start(loop, &watch, "/nobody/is/here", 1, looked);
}

static void datagram_came(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	note(rc);
	rota_handle_close(&udp->handle, NULL);
}

static void datagram_sent(struct rota_datagram *datagram, int rc)
{
	note(rc);
	if (rc < 0)
		close_all(); /* nothing will come */
}

CALLING(datagrams)
{
	static struct rota_datagrams udp;
	static struct rota_datagram datagram;
	char name[64];
	int rc;

	memset(&udp, 0, sizeof udp);
	rc = rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL);
	if (rc == 0)
		rc = rota_datagrams_local_name(&udp, name, sizeof name);
	if (rc >= 0)
		rc = rota_datagrams_connect(&udp, name);
	if (rc == 0)
		rc = rota_datagrams_recv_start(&udp, datagram_came);
	return rc < 0 ? rc : rota_datagrams_send(&udp, &datagram, "x", 1, NULL, datagram_sent);
}

static int in_a_group(struct rota_datagrams *udp)
{
	int rc = rota_datagrams_join(udp, "239.255.1.2", "lo");

	if (rc == 0)
		rc = rota_datagrams_set_multicast_interface(udp, "lo");
	if (rc == 0)
		rc = rota_datagrams_set_multicast_loop(udp, true);
	if (rc == 0)
		rc = rota_datagrams_set_multicast_ttl(udp, 0);
	if (rc == 0)
		rc = rota_datagrams_leave(udp, "239.255.1.2", "lo");
	return rc;
}

CALLING(datagrams_of_groups)
{
	static struct rota_datagrams udp;
	int rc;

	memset(&udp, 0, sizeof udp);
	rc = rota_datagrams_open(loop, &udp, "0.0.0.0:0", NULL);
	if (rc == 0)
		rc = in_a_group(&udp);
	if (rc == -ENODEV || rc == -ENOPROTOOPT)
		rc = 0; /* there are no groups here */
	rota_handle_close(&udp.handle, NULL);
	return rc;
}

/* ---- requests ---- */

static struct rota_request request;
static struct rota_file_info info;
static char page[4096];

static void closed(struct rota_request *r, int64_t rc)
{
	note((int)rc);
}

static void close_file(int fd)
{
	int rc = rota_request_close(loop, &request, fd, closed);

	note(rc);
	if (rc < 0)
		close(fd); /* it has not begun */
}

static void file_read(struct rota_request *r, int64_t n)
{
	int fd = (int)(intptr_t)r->data;

	note((int)n);
	close_file(fd);
}

static void file_opened(struct rota_request *r, int64_t fd)
{
	int rc;

	note((int)fd);
	if (fd < 0)
		return;
	r->data = (void *)(intptr_t)fd;
	rc = rota_request_pread(loop, r, (int)fd, page, sizeof page, 0, file_read);
	note(rc);
	if (rc < 0)
		close_file((int)fd);
}

CALLING(files)
{
	return rota_request_open(loop, &request, "/proc/self/cmdline", O_RDONLY, 0, file_opened);
}

static void told(struct rota_request *r, int64_t rc)
{
	note((int)rc);
}

static void replaced(struct rota_request *r, int64_t rc)
{
	note((int)rc);
	calls_are_ours();
	unlink("/tmp/rota-torture-whole");
	calls_are_theirs();
}

CALLING(files_that_are_replaced)
{
	return rota_request_write_file_atomic(loop, &request, "/tmp/rota-torture-whole", "text", 4, 0600, replaced);
}

static struct rota_folder *folder;

static void all_read(struct rota_request *r, int64_t n)
{
	note((int)n);
	if (n > 0)
		CHECK_EQ(n, 2);
	close_file((int)(intptr_t)r->data);
}

static void piece_read(struct rota_request *r, int64_t n)
{
	int fd = (int)(intptr_t)r->data;

	note((int)n);
	if (n > 0)
		rota_free(folder);
	close_file(fd);
}

/* A descriptor that is the request's, until it is closed there. */
static int start_with(const char *path, int flags, int (*start)(int fd))
{
	int fd, rc;

	calls_are_ours();
	fd = open(path, flags | O_CLOEXEC);
	calls_are_theirs();
	request.data = (void *)(intptr_t)fd;
	rc = start(fd);
	if (rc < 0)
		close(fd);
	return rc;
}

static int read_all(int fd)
{
	return rota_request_pread_all(loop, &request, fd, page, 2, 0, NULL, all_read);
}

CALLING(files_read_to_the_last_byte)
{
	return start_with("/proc/self/cmdline", O_RDONLY, read_all);
}

static int read_piece(int fd)
{
	return rota_request_readdir_next(loop, &request, fd, &folder, piece_read);
}

CALLING(folders_read_in_pieces)
{
	return start_with("/proc/self", O_RDONLY | O_DIRECTORY, read_piece);
}

/* Every request about files, one after the other, in a folder of their own; the first that fails is the last. */
static struct {
	size_t step;
	int fd, other;
	char text[4096], file[32], folder[32];
	struct iovec pieces[2];
	struct rota_folder *list;
	void *data;
	size_t size;
	struct rota_disk_info disk;
} work_on;

static void next(struct rota_request *r, int64_t rc);

static void opened(struct rota_request *r, int64_t fd)
{
	work_on.fd = (int)fd;
	next(r, fd);
}

static void opened_other(struct rota_request *r, int64_t fd)
{
	work_on.other = (int)fd;
	next(r, fd);
}

static void shut(struct rota_request *r, int64_t rc)
{
	work_on.fd = -1; /* whatever it says */
	next(r, rc);
}

static int descriptor_step(size_t step)
{
	struct iovec *pieces = work_on.pieces;
	int fd = work_on.fd;

	pieces[0] = (struct iovec){ work_on.text, 4 };
	pieces[1] = (struct iovec){ work_on.text + 4, 4 };
	switch (step) {
	case 0:
		return rota_request_open(loop, &request, "a", O_RDWR | O_CREAT, 0600, opened);
	case 1:
		return rota_request_pwrite(loop, &request, fd, work_on.text, 100, 0, next);
	case 2:
		return rota_request_pwritev(loop, &request, fd, pieces, 2, 100, next);
	case 3:
		return rota_request_fsync(loop, &request, fd, next);
	case 4:
		return rota_request_fdatasync(loop, &request, fd, next);
	case 5:
		return rota_request_pread(loop, &request, fd, work_on.text, 100, 0, next);
	case 6:
		return rota_request_preadv(loop, &request, fd, pieces, 2, 0, next);
	case 7:
		return rota_request_ftruncate(loop, &request, fd, 50, next);
	case 8:
		return rota_request_fstat(loop, &request, fd, &info, next);
	case 9:
		return rota_request_fchmod(loop, &request, fd, 0640, next);
	case 10:
		return rota_request_fchown(loop, &request, fd, UINT32_MAX, UINT32_MAX, next);
	case 11:
		strcpy(work_on.file, "made-XXXXXX");
		return rota_request_mkstemp(loop, &request, work_on.file, opened_other);
	case 12:
		return rota_request_send_file(loop, &request, work_on.other, fd, 0, 50, next);
	default:
		return rota_request_close(loop, &request, fd, shut);
	}
}

static int name_step(size_t step)
{
	switch (step) {
	case 0:
		return rota_request_mkdir(loop, &request, "d", 0700, next);
	case 1:
		return rota_request_rename(loop, &request, "a", "d/b", next);
	case 2:
		return rota_request_link(loop, &request, "d/b", "d/c", next);
	case 3:
		return rota_request_symlink(loop, &request, "d/b", "l", next);
	case 4:
		return rota_request_lstat(loop, &request, "l", &info, next);
	case 5:
		return rota_request_readlink(loop, &request, "l", work_on.text, sizeof work_on.text, next);
	case 6:
		return rota_request_realpath(loop, &request, "l", work_on.text, sizeof work_on.text, next);
	case 7:
		return rota_request_access(loop, &request, "d/c", R_OK, next);
	case 8:
		return rota_request_chmod(loop, &request, "d/c", 0600, next);
	case 9:
		return rota_request_chown(loop, &request, "d/c", UINT32_MAX, UINT32_MAX, next);
	case 10:
		return rota_request_lchown(loop, &request, "l", UINT32_MAX, UINT32_MAX, next);
	case 11:
		return rota_request_set_file_times(loop, &request, "d/c", ROTA_FILE_TIME_KEEP, 7, next);
	case 12:
		return rota_request_truncate(loop, &request, "d/c", 20, next);
	case 13:
		strcpy(work_on.folder, "made-XXXXXX");
		return rota_request_mkdtemp(loop, &request, work_on.folder, next);
	case 14:
		return rota_request_rmdir(loop, &request, work_on.folder, next);
	default:
		return rota_request_unlink(loop, &request, "l", next);
	}
}

static int whole_step(size_t step)
{
	switch (step) {
	case 0:
		return rota_request_write_file(loop, &request, "w", "some text", 9, 0600, next);
	case 1:
		return rota_request_copy_file(loop, &request, "w", "v", 0, next);
	case 2:
		return rota_request_read_file(loop, &request, "v", &work_on.data, &work_on.size, 100, next);
	case 3:
		CHECK(work_on.size == 9 && memcmp(work_on.data, "some text", 9) == 0);
		return rota_request_readdir(loop, &request, ".", &work_on.list, next);
	default:
		return rota_request_disk_stat(loop, &request, ".", &work_on.disk, next);
	}
}

enum { DESCRIPTOR_STEPS = 14, NAME_STEPS = 16, WHOLE_STEPS = 5 };

static int begin_step(size_t step)
{
	return step < DESCRIPTOR_STEPS		      ? descriptor_step(step)
		: step < DESCRIPTOR_STEPS + NAME_STEPS ? name_step(step - DESCRIPTOR_STEPS)
						      : whole_step(step - DESCRIPTOR_STEPS - NAME_STEPS);
}

static void end_work_on_files(void)
{
	if (work_on.fd >= 0)
		close(work_on.fd);
	if (work_on.other >= 0)
		close(work_on.other);
	rota_free(work_on.list);
	rota_free(work_on.data);
}

static void next(struct rota_request *r, int64_t rc)
{
	if (rc >= 0 && ++work_on.step < DESCRIPTOR_STEPS + NAME_STEPS + WHOLE_STEPS) {
		rc = begin_step(work_on.step);
		if (rc == 0)
			return;
	}
	note((int)rc);
	end_work_on_files();
}

static int work_on_files(void)
{
	int rc;

	calls_are_ours();
	temp_empty();
	calls_are_theirs();
	memset(&work_on, 0, sizeof work_on);
	work_on.fd = work_on.other = -1;
	rc = begin_step(0);
	return rc;
}

TEST(requests_about_files_survive_failures_of_memory)
{
	int (*program)(void) = work_on_files;

	temp_enter();
	torture_runs(run_on_loop, (void *)&program, false);
	torture_runs(run_on_loop, (void *)&program, true);
}

TEST(requests_about_files_survive_a_system_call_that_fails)
{
	int (*program)(void) = work_on_files;

	temp_enter();
	torture_runs_of_calls(run_on_loop, (void *)&program);
}

TEST(requests_about_files_survive_a_request_that_fails)
{
	int (*program)(void) = work_on_files;

	temp_enter();
	torture_runs_of_completions(run_on_loop, (void *)&program);
}

CALLING(names_of_addresses)
{
	static struct rota_address address;
	static char host[300], service[64];

	calls_are_the_c_librarys_too();
	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:80"), 0);
	return rota_request_resolve_back(loop, &request, &address, host, sizeof host, service, sizeof service, told);
}

CALLING(questions_about_files)
{
	return rota_request_stat(loop, &request, "/proc/self", &info, told);
}

CALLING(names)
{
	static struct rota_address found[4];

	calls_are_the_c_librarys_too();
	return rota_request_resolve(loop, &request, "localhost:80", found, 4, told);
}

/* ---- handles of descriptors that stay the test's ---- */

static int theirs;

static void torture_on(int fd, int (*program)(void))
{
	theirs = fd;
	torture_runs(run_on_loop, (void *)&program, false);
	torture_runs(run_on_loop, (void *)&program, true);
	close(fd);
}

static void calls_on(int fd, int (*program)(void))
{
	theirs = fd;
	torture_runs_of_calls(run_on_loop, (void *)&program);
	close(fd);
}

static void requests_on(int fd, int (*program)(void))
{
	theirs = fd;
	torture_runs_of_completions(run_on_loop, (void *)&program);
	close(fd);
}

static void writable(struct rota_poll *poll, int events)
{
	note(events);
	rota_handle_close(&poll->handle, NULL);
}

static int polls(void)
{
	static struct rota_poll poll;
	int rc;

	memset(&poll, 0, sizeof poll);
	rc = rota_poll_open(loop, &poll, theirs);
	return rc < 0 ? rc : rota_poll_start(&poll, ROTA_READABLE | ROTA_WRITABLE, writable);
}

TEST(polls_survive_failures_of_memory)
{
	torture_on(eventfd(0, EFD_CLOEXEC), polls);
}

TEST(polls_survive_a_system_call_that_fails)
{
	calls_on(eventfd(0, EFD_CLOEXEC), polls);
}

TEST(polls_survive_a_request_that_fails)
{
	requests_on(eventfd(0, EFD_CLOEXEC), polls);
}

static void resized(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
}

static int terminals(void)
{
	static struct rota_tty_watch watch;
	int rc;

	memset(&watch, 0, sizeof watch);
	rc = rota_tty_watch_open(loop, &watch, theirs, resized);
	if (rc == 0)
		rota_handle_unref(&watch.handle);
	return rc;
}

TEST(watches_of_terminals_survive_failures_of_memory)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (terminal < 0)
		SKIP("there are no pseudo-terminals here");
	torture_on(terminal, terminals);
}

TEST(watches_of_terminals_survive_a_system_call_that_fails)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (terminal < 0)
		SKIP("there are no pseudo-terminals here");
	calls_on(terminal, terminals);
}

/* A way of our own to a terminal, in another mode and back. */
static int modes_of_terminals(void)
{
	static struct rota_conn conn;
	int fd = rota_tty_open(theirs), rc, back;

	if (fd < 0)
		return fd;
	memset(&conn, 0, sizeof conn);
	rc = rota_conn_open(loop, &conn, fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	rc = rota_tty_set_mode(fd, ROTA_TTY_RAW);
	if (rc == 0)
		rc = rota_conn_read_start(&conn, read_to_end);
	back = rota_tty_set_mode(fd, ROTA_TTY_NORMAL);
	if (back < 0) /* it is still known to be changed, and how it was */
		CHECK_EQ(rota_tty_set_mode(fd, ROTA_TTY_NORMAL), 0);
	rota_handle_close(&conn.handle, NULL);
	return rc < 0 ? rc : back;
}

/* The program's side of a terminal of the test's own. */
static int open_terminal(int *ret_person)
{
	int person = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (person < 0)
		SKIP("there are no pseudo-terminals here");
	CHECK_EQ(grantpt(person), 0);
	CHECK_EQ(unlockpt(person), 0);
	*ret_person = person;
	return open(ptsname(person), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

TEST(modes_of_terminals_survive_failures_of_memory)
{
	int person, program = open_terminal(&person);

	torture_on(program, modes_of_terminals);
	close(person);
}

TEST(modes_of_terminals_survive_a_system_call_that_fails)
{
	int person, program = open_terminal(&person);

	calls_on(program, modes_of_terminals);
	close(person);
}

TEST(modes_of_terminals_survive_a_request_that_fails)
{
	int person, program = open_terminal(&person);

	requests_on(program, modes_of_terminals);
	close(person);
}
