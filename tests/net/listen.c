/* listen.c - listening sockets, accepting, serving */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "await/temp.h"
#include "base/atomic.h"
#include "coro/valgrind.h"
#include "task/run.h"

static int visit(const char *address)
{
	struct rota_stream *s;
	int rc = rota_tcp_connect(&s, address, NULL);

	if (rc == 0)
		rota_close(s);
	return rc;
}

static int visit_port(const char *host, int port)
{
	char text[64];

	snprintf(text, sizeof text, "%s:%d", host, port);
	return visit(text);
}

/* ---- binding ---- */

TASK_TEST(a_listener_says_where_it_listens)
{
	struct rota_listener *l;
	char name[128], expected[128];

	temp_enter();
	CHECK_EQ(rota_tcp_listen(&l, "127.0.0.1:0", NULL), 0);
	CHECK(rota_listener_port(l) > 0);
	snprintf(expected, sizeof expected, "127.0.0.1:%d", rota_listener_port(l));
	CHECK_EQ(rota_listener_name(l, name, sizeof name), (int)strlen(expected));
	CHECK_STR(name, expected);
	CHECK_EQ(rota_listener_name(l, name, 4), (int)strlen(expected)); /* as snprintf(3) */
	CHECK_STR(name, "127");
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, "unix:socket", NULL), 0);
	CHECK_EQ(rota_listener_port(l), 0);
	rota_listener_name(l, name, sizeof name);
	CHECK_STR(name, "unix:socket");
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, "localhost:0", NULL), 0); /* a name, which is looked up */
	CHECK(rota_listener_port(l) > 0);
	rota_listener_close(l);
}

/* A socket that listens on a port of this machine, as a parent or a service manager would leave it. */
static int listening(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	CHECK_EQ(listen(fd, 8), 0);
	return fd;
}

static int greet_and_close(void *stream)
{
	CHECK_EQ(rota_write_all(stream, "hello", 5), 5);
	rota_close(stream);
	return 0;
}

static int serve_listener(void *listener)
{
	return rota_serve(listener, greet_and_close);
}

static void expect_greeting(const struct rota_listener *l)
{
	struct rota_stream *s;
	char name[64], text[8] = "";

	CHECK(rota_listener_name(l, name, sizeof name) > 0);
	CHECK_EQ(rota_tcp_connect(&s, name, NULL), 0);
	CHECK_EQ(rota_read_exactly(s, text, 5), 5);
	CHECK_STR(text, "hello");
	rota_close(s);
}

static void expect_service(struct rota_listener *l)
{
	struct rota_scope scope;

	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn(&scope, serve_listener, l), 0);
	for (int i = 0; i < 8; i++)
		expect_greeting(l);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
}

TASK_TEST(a_socket_that_listens_already_becomes_a_listener)
{
	struct rota_listen_options options = { .deal = ROTA_DEAL_OWN };
	struct rota_listener *l;
	struct rota_stream *ours, *theirs;
	char name[64];
	int fd = listening();

	CHECK_EQ(rota_listener_from_fd(&l, fd, &options), 0);
	CHECK_EQ(rota_listener_fd(l), fd);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	rota_listener_name(l, name, sizeof name);
	CHECK_EQ(rota_tcp_connect(&ours, name, NULL), 0);
	CHECK_EQ(rota_accept(l, &theirs), 0);
	rota_close(ours);
	rota_close(theirs);
	expect_service(l);
	rota_listener_close(l);
	CHECK_EQ(fcntl(fd, F_GETFD), -1); /* it was taken */
}

TASK_TEST(a_listener_that_was_sent_over_a_stream_accepts)
{
	struct rota_stream *ends[2];
	struct rota_listener *l;
	int fd = listening(), got;
	unsigned count = 1;
	char byte;

	CHECK_EQ(rota_stream_pair(ends), 0);
	CHECK_EQ(rota_send_fds(ends[0], &fd, 1, "x", 1), 1);
	close(fd);
	CHECK_EQ(rota_recv_fds(ends[1], &got, 1, &count, &byte, 1), 1);
	CHECK_EQ(count, 1);
	CHECK_EQ(rota_listener_from_fd(&l, got, NULL), 0);
	expect_service(l);
	rota_listener_close(l);
	rota_close(ends[0]);
	rota_close(ends[1]);
}

TASK_TEST(what_does_not_listen_becomes_no_listener_and_stays_the_callers)
{
	struct rota_listen_options unknown = { .deal = (enum rota_deal)99 };
	struct rota_listener *l = NULL;
	int plain = open("/dev/null", O_RDONLY), stream = socket(AF_INET, SOCK_STREAM, 0), fd = listening();

	CHECK_EQ(rota_listener_from_fd(&l, -1, NULL), -EBADF);
	CHECK_EQ(rota_listener_from_fd(&l, plain, NULL), -ENOTSOCK);
	CHECK_EQ(rota_listener_from_fd(&l, stream, NULL), -EINVAL);
	CHECK_EQ(rota_listener_from_fd(&l, fd, &unknown), -EINVAL);
	CHECK(l == NULL);
	CHECK_EQ(close(plain) | close(stream) | close(fd), 0);
}

TEST(outside_of_a_run_there_is_no_loop_for_a_listener)
{
	struct rota_listener *l;
	int fd = listening();

	CHECK_EQ(rota_listener_from_fd(&l, fd, NULL), -EPERM);
	CHECK_EQ(close(fd), 0);
}

TASK_TEST(the_wildcard_takes_both_families_unless_asked_not_to)
{
	struct rota_listen_options only = { .only_ipv6 = true };
	struct rota_listener *l;

	CHECK_EQ(rota_tcp_listen(&l, "*:0", NULL), 0);
	CHECK_EQ(visit_port("127.0.0.1", rota_listener_port(l)), 0);
	CHECK_EQ(visit_port("[::1]", rota_listener_port(l)), 0);
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, ":0", &only), 0);
	CHECK_EQ(visit_port("127.0.0.1", rota_listener_port(l)), -ECONNREFUSED);
	CHECK_EQ(visit_port("[::1]", rota_listener_port(l)), 0);
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, "0.0.0.0:0", NULL), 0);
	CHECK_EQ(visit_port("127.0.0.1", rota_listener_port(l)), 0);
	CHECK_EQ(visit_port("[::1]", rota_listener_port(l)), -ECONNREFUSED);
	rota_listener_close(l);
}

TASK_TEST(what_cannot_be_listened_on_says_why)
{
	struct rota_listener *l, *second = (void *)&l;
	char name[64];

	CHECK_EQ(rota_tcp_listen(&l, "127.0.0.1:0", NULL), 0);
	rota_listener_name(l, name, sizeof name);
	CHECK_EQ(rota_tcp_listen(&second, name, NULL), -EADDRINUSE);
	CHECK_EQ(rota_tcp_listen(&second, "192.0.2.1:0", NULL), -EADDRNOTAVAIL); /* RFC 5737: nobody's */
	CHECK_EQ(rota_tcp_listen(&second, "127.0.0.1", NULL), -EINVAL);
	CHECK_EQ(rota_tcp_listen(&second, "127.0.0.1:99999", NULL), -EINVAL);
	CHECK_EQ(rota_tcp_listen(&second, "unix:missing/socket", NULL), -ENOENT);
	CHECK(second == (void *)&l);
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, name, NULL), 0); /* free again, at once */
	rota_listener_close(l);
}

TASK_TEST(a_port_is_shared_if_all_who_listen_agree)
{
	struct rota_listen_options share = { .reuse_port = true };
	struct rota_listener *a, *b, *c;
	char name[64];

	CHECK_EQ(rota_tcp_listen(&a, "127.0.0.1:0", &share), 0);
	rota_listener_name(a, name, sizeof name);
	CHECK_EQ(rota_tcp_listen(&b, name, &share), 0);
	CHECK_EQ(rota_tcp_listen(&c, name, NULL), -EADDRINUSE);
	CHECK_EQ(visit(name), 0);
	rota_listener_close(a);
	CHECK_EQ(visit(name), 0); /* the other goes on */
	rota_listener_close(b);
}

TEST(outside_of_a_run_it_is_refused)
{
	struct rota_listener *l;

	CHECK_EQ(rota_tcp_listen(&l, "127.0.0.1:0", NULL), -EPERM);
	rota_listener_close(NULL);
}

/* ---- Unix sockets ---- */

static void leave_socket_file(void *arg)
{
	struct sockaddr sa = { .sa_family = AF_UNIX, .sa_data = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_EQ(bind(fd, &sa, sizeof sa), 0);
	CHECK_EQ(listen(fd, 1), 0);
	_exit(0); /* without unlinking it */
}

TASK_TEST(a_socket_file_goes_with_its_listener)
{
	struct rota_listener *l;
	struct stat st;

	temp_enter();
	CHECK_EQ(rota_tcp_listen(&l, "unix:socket", NULL), 0);
	CHECK_EQ(lstat("socket", &st), 0);
	CHECK(S_ISSOCK(st.st_mode));
	rota_listener_close(l);
	CHECK_EQ(temp_count(), 0);
}

static int listen_on_left_over(void *arg)
{
	struct rota_listener *l;

	CHECK_EQ(rota_tcp_listen(&l, "unix:socket", NULL), 0);
	CHECK_EQ(visit("unix:socket"), 0);
	rota_listener_close(l);
	return 0;
}

TEST(a_socket_file_that_a_dead_server_left_is_replaced)
{
	temp_enter();
	CHECK_EQ(test_run_child(leave_socket_file, NULL, NULL, 0), 0);
	CHECK_EQ(temp_count(), 1);
	CHECK_EQ(rota_run(listen_on_left_over, NULL, NULL), 0);
}

TASK_TEST(a_socket_file_in_use_and_other_files_are_not)
{
	struct rota_listener *l, *second;

	temp_enter();
	CHECK_EQ(rota_tcp_listen(&l, "unix:socket", NULL), 0);
	CHECK_EQ(rota_tcp_listen(&second, "unix:socket", NULL), -EADDRINUSE);
	CHECK_EQ(visit("unix:socket"), 0);
	rota_listener_close(l);
	CHECK_EQ(rota_write_file("file", "mine", 4, 0644), 0);
	CHECK_EQ(rota_tcp_listen(&second, "unix:file", NULL), -EADDRINUSE);
	CHECK_STR(temp_contents("file"), "mine");
	CHECK_EQ(rota_tcp_listen(&l, "unix:@rota-test-listen", NULL), 0);
	CHECK_EQ(rota_tcp_listen(&second, "unix:@rota-test-listen", NULL), -EADDRINUSE);
	rota_listener_close(l);
	CHECK_EQ(temp_count(), 1); /* an abstract name is no file */
}

/* ---- a machine without IPv6 ---- */

static void refuse_ipv6_sockets(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof program / sizeof program[0], program };

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		SKIP("no seccomp here");
	if (socket(AF_INET6, SOCK_STREAM, 0) >= 0)
		SKIP("the filter is not obeyed"); /* qemu-user */
}

TASK_TEST(without_ipv6_the_wildcard_is_that_of_ipv4)
{
	struct rota_listen_options only = { .only_ipv6 = true };
	struct rota_listener *l;
	struct rota_udp *udp;
	char name[64];

	refuse_ipv6_sockets();
	CHECK_EQ(rota_tcp_listen(&l, ":0", NULL), 0);
	rota_listener_name(l, name, sizeof name);
	CHECK(strncmp(name, "0.0.0.0:", 8) == 0);
	CHECK_EQ(visit_port("127.0.0.1", rota_listener_port(l)), 0);
	rota_listener_close(l);
	CHECK_EQ(rota_tcp_listen(&l, ":0", &only), -EAFNOSUPPORT);
	CHECK_EQ(rota_tcp_listen(&l, "[::1]:0", NULL), -EAFNOSUPPORT);
	CHECK_EQ(rota_udp_open(&udp, NULL), 0);
	rota_udp_local_name(udp, name, sizeof name);
	CHECK(strncmp(name, "0.0.0.0:", 8) == 0);
	rota_udp_close(udp);
}

/* ---- accepting one by one ---- */

static struct rota_listener *door;
static char door_name[64];

static void open_door(const struct rota_listen_options *options)
{
	CHECK_EQ(rota_tcp_listen(&door, "127.0.0.1:0", options), 0);
	rota_listener_name(door, door_name, sizeof door_name);
}

static int accept_one(void *arg)
{
	struct rota_stream *s;
	int rc = rota_accept(door, &s);

	if (rc == 0)
		rota_close(s);
	return rc;
}

TASK_TEST(a_task_that_accepts_learns_that_the_listener_was_closed)
{
	struct rota_scope scope;

	open_door(NULL);
	rota_scope_open(&scope);
	rota_spawn(&scope, accept_one, NULL);
	others_wait();
	rota_listener_close(door);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
}

TASK_TEST(only_one_task_accepts_at_a_time)
{
	struct rota_scope scope;

	open_door(NULL);
	rota_scope_open(&scope);
	rota_spawn(&scope, accept_one, NULL);
	others_wait();
	CHECK_EQ(accept_one(NULL), -EBUSY);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), accept_one, NULL), -ETIMEDOUT);
	CHECK_EQ(visit(door_name), 0);
	CHECK_EQ(accept_one(NULL), 0); /* and then the next one may */
	rota_listener_close(door);
}

/* A connection that was accepted as the cancellation came is returned; one that was not is accepted
 * later.  None is lost, none stays open (the harness looks). */
TASK_TEST(an_accept_cancelled_at_any_point_loses_no_connection)
{
	struct rota_stream *client, *s;
	int accepted = 0;

	open_door(NULL);
	for (int n = 0; accepted < 5; n += 1 + n / 8) {
		struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		rota_scope_open_with(&scope, &collect);
		CHECK_EQ(rota_spawn_task(&task, &scope, accept_one, NULL, NULL), 0);
		others_wait();
		CHECK_EQ(rota_tcp_connect(&client, door_name, NULL), 0);
		for (int i = 0; i < n; i++)
			rota_yield();
		rota_task_cancel(task);
		CHECK_EQ(rota_join(task, &result), 0);
		rota_scope_join(&scope);
		CHECK(result == 0 || result == -ECANCELED);
		accepted += result == 0;
		if (result < 0) {
			CHECK_EQ(rota_accept(door, &s), 0);
			rota_close(s);
		}
		rota_close(client);
	}
	rota_listener_close(door);
}

/* ---- serving ---- */

static int served;

static int serve_echo(void *arg)
{
	struct rota_stream *s = arg;
	char buf[64];
	ssize_t n;

	add_relaxed(&served, 1);
	while ((n = rota_read(s, buf, sizeof buf)) > 0 && (n = rota_write_all(s, buf, (size_t)n)) > 0)
		;
	rota_close(s);
	return (int)n;
}

static rota_fn serving = serve_echo;

static int serve_door(void *arg)
{
	return rota_serve(door, serving);
}

static void check_echo(struct rota_stream *s)
{
	char buf[4];

	CHECK_EQ(rota_write_all(s, "echo", 4), 4);
	CHECK_EQ(rota_read_exactly(s, buf, 4), 4);
	CHECK(memcmp(buf, "echo", 4) == 0);
}

TASK_TEST(serving_gives_each_connection_a_task)
{
	struct rota_stream *clients[50];
	struct rota_scope scope;

	open_door(NULL);
	rota_scope_open(&scope);
	rota_spawn(&scope, serve_door, NULL);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(rota_tcp_connect(&clients[i], door_name, NULL), 0);
	for (int i = 49; i >= 0; i--)
		check_echo(clients[i]);
	CHECK_EQ(load_relaxed(&served), 50);
	for (int i = 0; i < 50; i++)
		rota_close(clients[i]);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_listener_close(door);
}

static int serve_and_note(void *arg)
{
	struct rota_stream *s = arg;
	char buf[4];
	int rc = (int)rota_read(s, buf, 4);

	rota_close(s);
	add_relaxed(&served, rc == -ECANCELED);
	return rc;
}

TASK_TEST(a_cancelled_server_cancels_its_connections_and_waits_for_them)
{
	struct rota_stream *client;
	struct rota_scope scope;
	char buf[4];

	open_door(NULL);
	rota_scope_open(&scope);
	serving = serve_and_note;
	rota_spawn(&scope, serve_door, NULL);
	CHECK_EQ(rota_tcp_connect(&client, door_name, NULL), 0);
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(2)), 0); /* it is being served, or else never is */
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(served <= 1);
	rota_listener_close(door);
	CHECK(rota_read(client, buf, 4) <= 0);
	rota_close(client);
}

TASK_TEST(a_closed_listener_ends_the_serving_but_not_the_connections)
{
	struct rota_stream *client;
	struct rota_scope scope;

	open_door(NULL);
	rota_scope_open(&scope);
	rota_spawn(&scope, serve_door, NULL);
	CHECK_EQ(rota_tcp_connect(&client, door_name, NULL), 0);
	check_echo(client);
	rota_listener_close(door);
	check_echo(client);
	rota_close(client);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
}

static int fail_at_once(void *arg)
{
	add_relaxed(&served, 1);
	rota_close(arg);
	return -EIO;
}

TASK_TEST(an_error_of_one_connection_is_its_own_affair)
{
	struct rota_stream *client;
	struct rota_scope scope;
	char buf[1];

	open_door(NULL);
	rota_scope_open(&scope);
	serving = fail_at_once;
	rota_spawn(&scope, serve_door, NULL);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(rota_tcp_connect(&client, door_name, NULL), 0);
		CHECK_EQ(rota_read(client, buf, 1), 0);
		rota_close(client);
	}
	CHECK_EQ(load_relaxed(&served), 5);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_listener_close(door);
}

static int now, most;

static void note_most(int count)
{
	int before = load_relaxed(&most);

	while (count > before && !cas_acq_rel(&most, &before, count))
		;
}

static int serve_counted(struct rota_stream *s, void *arg)
{
	char buf[1];

	CHECK_STR(arg, "mine");
	note_most(add_relaxed(&now, 1) + 1);
	rota_read(s, buf, 1);
	add_relaxed(&now, -1);
	add_relaxed(&served, 1);
	rota_close(s);
	return 0;
}

static int serve_with_arg(void *arg)
{
	return rota_serve_with(door, serve_counted, (void *)"mine");
}

TASK_TEST(no_more_connections_than_allowed_are_served_at_a_time)
{
	struct rota_listen_options three = { .connections_max = 3 };
	struct rota_stream *clients[10];
	struct rota_scope scope;
	char buf[1];

	open_door(&three);
	rota_scope_open(&scope);
	rota_spawn(&scope, serve_with_arg, NULL);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(rota_tcp_connect(&clients[i], door_name, NULL), 0);
	others_wait();
	for (int i = 0; i < 10; i++) { /* each that leaves lets the next one in */
		CHECK_EQ(rota_shutdown_write(clients[i]), 0);
		CHECK_EQ(rota_read(clients[i], buf, 1), 0);
		rota_close(clients[i]);
	}
	CHECK_EQ(load_relaxed(&served), 10);
	CHECK_EQ(load_relaxed(&most), 3);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_listener_close(door);
}

/* ---- nothing left to accept with ---- */

static struct rlimit usual;

/* No descriptor can be had any more, but those in `spare`. */
static void use_up_descriptors(void)
{
	struct rlimit none;
	int next = dup(0);

	close(next);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = (rlim_t)next;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static int knock(int fd)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)rota_listener_port(door)) };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&sa, sizeof sa);
}

/* CPU time of this process. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wait_for_pauses(uint64_t count)
{
	while (rota_listener_pauses(door) < count)
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
}

/* Pauses take 20 ms: five of them are 100 ms, of which a listener that spins would burn all. */
static void see_that_it_rests(void)
{
	uint64_t before = cpu_ns(), start = rota_now_ns();

	wait_for_pauses(rota_listener_pauses(door) + 5);
	CHECK((cpu_ns() - before) < (rota_now_ns() - start) / 2);
}

UNWATCHED_TEST(serving_without_descriptors_rests_and_recovers)
{
	int visitor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rota_scope scope;
	char buf[4];

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	open_door(NULL);
	rota_scope_open(&scope);
	use_up_descriptors(); /* first: io_uring reads the limit when the accept is armed */
	rota_spawn(&scope, serve_door, NULL);
	CHECK_EQ(knock(visitor), 0);
	see_that_it_rests();
	CHECK_EQ(load_relaxed(&served), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_EQ(write(visitor, "echo", 4), 4);
	while (recv(visitor, buf, 4, MSG_DONTWAIT) != 4)
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	CHECK_EQ(load_relaxed(&served), 1); /* the one that was kept waiting */
	close(visitor);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_listener_close(door);
}

UNWATCHED_TEST(accepting_without_descriptors_rests_and_recovers)
{
	int visitor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rota_scope scope;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	open_door(NULL);
	rota_scope_open(&scope);
	use_up_descriptors();
	rota_spawn(&scope, accept_one, NULL);
	CHECK_EQ(knock(visitor), 0);
	see_that_it_rests();
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	close(visitor);
	rota_listener_close(door);
}

UNWATCHED_TEST(a_resting_listener_can_be_cancelled_and_closed)
{
	int visitor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rota_scope scope;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	for (int close_it = 0; close_it < 2; close_it++) {
		open_door(NULL);
		if (close_it) {
			close(visitor);
			visitor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		}
		rota_scope_open(&scope);
		use_up_descriptors();
		rota_spawn(&scope, serve_door, NULL);
		CHECK_EQ(knock(visitor), 0);
		wait_for_pauses(1);
		if (close_it)
			rota_listener_close(door);
		else
			rota_scope_cancel(&scope);
		CHECK_EQ(rota_scope_join(&scope), close_it ? ROTA_ECLOSED : 0);
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
		if (!close_it)
			rota_listener_close(door);
	}
	close(visitor);
}
