/* cluster.c - several processes behind one socket
 *
 * Workers are this very program run anew: before main() they find out that they are workers, play the role that the environment names,
 * and exit.  What they see they say with their exit code, or to whom connects. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "await/temp.h"
#include "coro/valgrind.h"
#include "task/run.h"

enum { ALL_RIGHT = 42 };

/* ---- the workers ---- */

/* Exit codes below ALL_RIGHT say which expectation failed. */
#define EXPECT(number, condition)                                                                                      \
	if (!(condition))                                                                                              \
	_exit(number)

static void say_who(struct rota_stream *s)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%u %d\n", rota_cluster_worker(), (int)getpid());

	rota_write_all(s, text, (size_t)n);
}

/* A connection that sends "x" is the worker's end. */
static int greet(void *stream)
{
	char byte = 0;

	say_who(stream);
	if (rota_read(stream, &byte, 1) == 1 && byte == 'x')
		_exit(3);
	rota_close(stream);
	return 0;
}

static int serve_all(void *arg)
{
	struct rota_listener *door;
	int rc = rota_cluster_listen(&door, "not looked at", NULL);

	EXPECT(1, rc == 0);
	rc = rota_serve(door, greet);
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

/* One at a time: the next connection is another worker's. */
static int serve_one_by_one(void *arg)
{
	struct rota_listener *door;
	struct rota_stream *s;

	EXPECT(1, rota_cluster_listen(&door, "", NULL) == 0);
	while (rota_accept(door, &s) == 0)
		greet(s);
	rota_listener_close(door);
	return 0;
}

static int check_errors(void *arg)
{
	struct rota_listener *door, *other;

	EXPECT(2, rota_cluster_run(NULL, 0, NULL) == -EPERM);
	EXPECT(3, rota_cluster_listen(&door, "", &(struct rota_listen_options){ .deal = (enum rota_deal)9 }) == -EINVAL);
	EXPECT(4, rota_cluster_listen(&door, "", NULL) == 0); /* a refusal has taken nothing */
	EXPECT(5, rota_listener_port(door) == atoi(getenv("CLUSTER_FIRST_PORT")));
	EXPECT(6, rota_cluster_listen(&other, "", NULL) == 0);
	EXPECT(7, rota_listener_port(other) == atoi(getenv("CLUSTER_SECOND_PORT")));
	rota_listener_close(other);
	EXPECT(8, rota_cluster_listen(&other, "127.0.0.1:0", NULL) == -EBADF);
	EXPECT(9, rota_cluster_listen(&other, "127.0.0.1:0", NULL) == -EBADF);
	rota_listener_close(door);
	return 0;
}

static void greet_with_callbacks(struct rota_acceptor *acceptor, int rc)
{
	static struct rota_conn conn;
	char text[32];
	int n = snprintf(text, sizeof text, "%u %d\n", rota_cluster_worker(), (int)getpid());

	EXPECT(20, rc == 0 && rota_acceptor_accept(acceptor, &conn) == 0);
	EXPECT(21, rota_conn_try_write(&conn, text, (size_t)n) == n);
	rota_handle_close(&conn.handle, NULL);
	rota_handle_close(&acceptor->handle, NULL);
}

static void serve_with_callbacks(void)
{
	static struct rota_acceptor door, more;
	struct rota_loop *loop;

	EXPECT(22, rota_loop_new(&loop, NULL) == 0);
	EXPECT(23, rota_cluster_acceptor_open(loop, &door, NULL, greet_with_callbacks) == 0);
	EXPECT(24, rota_cluster_acceptor_open(loop, &more, NULL, greet_with_callbacks) == -EBADF);
	EXPECT(25, !rota_handle_is_open(&more.handle));
	EXPECT(26, rota_loop_run(loop, ROTA_RUN_DEFAULT) == 0);
	EXPECT(27, rota_loop_free(loop) == 0);
}

static int accept_deaf(void *arg)
{
	struct rota_listener *door;
	struct rota_stream *s;

	signal(SIGTERM, SIG_IGN);
	EXPECT(30, rota_cluster_listen(&door, "", NULL) == 0);
	EXPECT(31, rota_accept(door, &s) == 0);
	say_who(s);
	for (;;)
		rota_sleep(ROTA_SECONDS(1));
}

static int run_worker(rota_fn role, bool keep_signals)
{
	struct rota_options options = { .keep_signals = keep_signals };

	return rota_run(role, NULL, &options);
}

static void play(const char *role)
{
	struct rota_listener *door;

	if (strcmp(role, "serve") == 0)
		_exit(run_worker(serve_all, false) == 0 ? ALL_RIGHT : 40);
	if (strcmp(role, "one by one") == 0)
		_exit(run_worker(serve_one_by_one, false) == 0 ? ALL_RIGHT : 40);
	if (strcmp(role, "deaf") == 0)
		_exit(run_worker(accept_deaf, true));
	if (strcmp(role, "errors") == 0) {
		EXPECT(10, rota_cluster_listen(&door, "", NULL) == -EPERM); /* outside of a run */
		_exit(run_worker(check_errors, false) == 0 ? ALL_RIGHT : 40);
	}
	serve_with_callbacks();
	_exit(ALL_RIGHT);
}

__attribute__((constructor)) static void be_a_worker(void)
{
	if (rota_cluster_worker() > 0)
		play(getenv("CLUSTER_ROLE"));
}

/* ---- the first process ---- */

struct cluster {
	struct rota_listener *doors[2];
	unsigned door_count;
	struct rota_cluster_options options;
	struct rota_scope *scope;
	int starts, ends, codes[16], signals[16];
	int stop_after; /* so many ends; 0: when the test says */
	int answer;
};

static void note(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	struct cluster *c = arg;

	int nth;

	if (how == NULL) {
		__atomic_add_fetch(&c->starts, 1, __ATOMIC_RELAXED);
		return;
	}
	nth = __atomic_fetch_add(&c->ends, 1, __ATOMIC_RELAXED); /* by several tasks, and so threads, at a time */

	c->codes[nth % 16] = how->code;
	c->signals[nth % 16] = how->signal;
	if (nth + 1 == c->stop_after)
		rota_scope_cancel(c->scope);
}

static int run_cluster(void *arg)
{
	struct cluster *c = arg;

	c->answer = rota_cluster_run(c->doors, c->door_count, &c->options);
	return 0;
}

/* Under valgrind and qemu-user /proc/self/exe is theirs, and not this program. */
static void needs_a_program_of_its_own(void)
{
	if (valgrind_watches() || test_in_qemu())
		SKIP("/proc/self/exe is another program here");
}

/* Open doors and start workers in `scope`, which ends them when it is cancelled.  The task stays on its worker: with the thread that has
 * started them they die. */
static void start(struct cluster *c, struct rota_scope *scope, const char *role, unsigned workers, unsigned doors)
{
	struct rota_task_options pinned = { .pinned = true };
	struct rota_task *task;

	needs_a_program_of_its_own();
	setenv("CLUSTER_ROLE", role, 1);
	c->door_count = doors;
	for (unsigned i = 0; i < doors; i++)
		CHECK_EQ(rota_cluster_listen(&c->doors[i], "127.0.0.1:0", NULL), 0);
	c->options.workers = workers;
	c->options.keep.pause_ns = ROTA_MICROSECONDS(10);
	c->options.keep.on_change = note;
	c->options.keep.arg = c;
	c->scope = scope;
	rota_scope_open(scope);
	CHECK_EQ(rota_spawn_task(&task, scope, run_cluster, c, &pinned), 0);
}

static void end(struct cluster *c)
{
	for (unsigned i = 0; i < c->door_count; i++)
		rota_listener_close(c->doors[i]);
	CHECK_EQ(c->answer, -ECANCELED);
	CHECK_EQ(c->starts, c->ends);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no process is left */
}

static void stop(struct cluster *c)
{
	rota_scope_cancel(c->scope);
	rota_scope_join(c->scope);
	end(c);
}

/* Connect and be greeted: the connection, with the worker's number and process. */
static struct rota_stream *visit(const struct cluster *c, unsigned *ret_number, int *ret_pid)
{
	struct rota_stream *s;
	char address[64], line[32];
	ssize_t n;

	CHECK(rota_listener_name(c->doors[0], address, sizeof address) > 0);
	for (;;) {
		CHECK_EQ(rota_tcp_connect(&s, address, NULL), 0);
		n = rota_read_line(s, line, sizeof line);
		if (n > 0)
			break;
		rota_close(s); /* a worker that died had taken it already */
	}
	CHECK_EQ(sscanf(line, "%u %d", ret_number, ret_pid), 2);
	return s;
}

TASK_TEST(the_first_process_is_no_worker)
{
	struct rota_listener *doors[65] = { NULL };
	struct rota_acceptor acceptor = { .fd = -1 };

	CHECK_EQ(rota_cluster_worker(), 0);
	CHECK_EQ(rota_cluster_acceptor_open(rota_loop_current(), &acceptor, NULL, NULL), -EPERM);
	CHECK_EQ(rota_cluster_run(doors, 65, NULL), -EINVAL);
	CHECK_EQ(rota_cluster_run(NULL, 1, NULL), -EINVAL);
	CHECK_EQ(rota_cluster_listen(&doors[0], "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_cluster_listen(&doors[1], "192.0.2.1:0", NULL), -EADDRNOTAVAIL); /* as rota_tcp_listen() */
	rota_listener_close(doors[0]);
}

TEST(outside_of_tasks_there_is_no_cluster)
{
	struct rota_listener *door;

	CHECK_EQ(rota_cluster_run(NULL, 0, NULL), -EPERM);
	CHECK_EQ(rota_cluster_listen(&door, "127.0.0.1:0", NULL), -EPERM);
}

static int run_without_proc(void *arg)
{
	return rota_cluster_run(NULL, 0, NULL);
}

static void go_where_no_proc_is(void *arg)
{
	if (chroot(".") < 0)
		exit(77);
	CHECK_EQ(rota_run(run_without_proc, NULL, &(struct rota_options){ .model = ROTA_SINGLE }), -ENOENT);
}

TEST(where_the_program_cannot_be_found_the_start_fails)
{
	int status;

	temp_enter();
	status = test_run_child(go_where_no_proc_is, NULL, NULL, 0);
	if (WEXITSTATUS(status) == 77)
		SKIP("only root may change the root");
	CHECK_EQ(status, 0);
}

TASK_TEST(a_worker_has_the_sockets_in_their_order_and_no_more)
{
	struct cluster c = { .stop_after = 1, .door_count = 2 };
	struct rota_scope scope;
	char port[16];

	needs_a_program_of_its_own();
	setenv("CLUSTER_ROLE", "errors", 1);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(rota_cluster_listen(&c.doors[i], "127.0.0.1:0", NULL), 0);
		snprintf(port, sizeof port, "%d", rota_listener_port(c.doors[i]));
		setenv(i == 0 ? "CLUSTER_FIRST_PORT" : "CLUSTER_SECOND_PORT", port, 1);
	}
	c.options = (struct rota_cluster_options){ .workers = 1, .keep = { .on_change = note, .arg = &c } };
	c.scope = &scope;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, run_cluster, &c), 0);
	rota_scope_join(&scope);
	CHECK_EQ(c.codes[0], ALL_RIGHT);
	end(&c);
}

TASK_TEST(workers_share_the_connections)
{
	struct cluster c = { .stop_after = 0 };
	struct rota_scope scope;
	struct rota_stream *held[3];
	unsigned number, seen = 0;
	int pid;

	start(&c, &scope, "one by one", 3, 1);
	for (int i = 0; i < 3; i++) {
		held[i] = visit(&c, &number, &pid);
		CHECK(number >= 1 && number <= 3);
		seen |= 1u << number;
	}
	CHECK_EQ(seen, 2 + 4 + 8);
	for (int i = 0; i < 3; i++)
		rota_close(held[i]);
	stop(&c);
	CHECK_EQ(c.starts, 3);
}

TASK_TEST(a_worker_that_dies_is_replaced)
{
	struct cluster c = { .stop_after = 0 };
	struct rota_scope scope;
	struct rota_stream *s;
	unsigned number;
	int first, second;
	char byte;

	start(&c, &scope, "serve", 1, 1);
	s = visit(&c, &number, &first);
	CHECK_EQ(number, 1);
	CHECK_EQ(rota_write_all(s, "x", 1), 1);
	CHECK(rota_read(s, &byte, 1) <= 0);
	rota_close(s);
	s = visit(&c, &number, &second);
	CHECK_EQ(number, 1);
	CHECK(second != first);
	rota_close(s);
	stop(&c);
	CHECK_EQ(c.starts, 2);
	CHECK_EQ(c.codes[0], 3);
	CHECK_EQ(c.codes[1], ALL_RIGHT);
}

TASK_TEST(a_stop_is_a_request_that_workers_end_by_themselves)
{
	struct cluster c = { .stop_after = 0 };
	struct rota_scope scope;
	struct rota_stream *s;
	unsigned number;
	int pid;

	start(&c, &scope, "serve", 1, 1);
	s = visit(&c, &number, &pid);
	rota_close(s);
	stop(&c);
	CHECK_EQ(c.codes[0], ALL_RIGHT);
	CHECK_EQ(c.signals[0], 0);
}

TASK_TEST(a_worker_that_does_not_end_when_asked_is_killed)
{
	struct cluster c = { .options.keep.grace_ns = ROTA_MILLISECONDS(5) };
	struct rota_scope scope;
	struct rota_stream *s;
	unsigned number;
	int pid;

	start(&c, &scope, "deaf", 1, 1);
	s = visit(&c, &number, &pid);
	stop(&c);
	rota_close(s);
	CHECK_EQ(c.signals[0], SIGKILL);
}

TASK_TEST(a_worker_of_callbacks_has_an_acceptor)
{
	struct cluster c = { .stop_after = 1 };
	struct rota_scope scope;
	unsigned number = 0;
	int pid = 0;

	start(&c, &scope, "callbacks", 1, 1);
	rota_close(visit(&c, &number, &pid));
	CHECK_EQ(number, 1);
	CHECK(pid > 0 && pid != getpid());
	rota_scope_join(&scope); /* it ends after one connection */
	end(&c);
	CHECK_EQ(c.codes[0], ALL_RIGHT);
}
