/* connect.c - connecting: to one address, to several at a time, and not at all */
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "await/temp.h"
#include "net/connect.h"
#include "net/dead.h"
#include "net/world.h"

static const struct rota_connect_options defaults;

/* A listener on `address`, and how to reach it. */
static struct rota_listener *listen_on(const char *address, char *text, size_t size)
{
	struct rota_listener *listener;

	CHECK_EQ(rota_tcp_listen(&listener, address, NULL), 0);
	CHECK(rota_listener_name(listener, text, size) > 0);
	return listener;
}

/* A connection can carry bytes both ways. */
static void check_joined(struct rota_stream *a, struct rota_stream *b)
{
	char buf[8];

	CHECK_EQ(rota_write_all(a, "ping", 4), 4);
	CHECK_EQ(rota_read_exactly(b, buf, 4), 4);
	CHECK_EQ(rota_write_all(b, "pong", 4), 4);
	CHECK_EQ(rota_read_exactly(a, buf, 4), 4);
	CHECK(memcmp(buf, "pong", 4) == 0);
}

static void check_connects(const char *listen, const char *connect)
{
	char text[128], peer[128], local[128];
	struct rota_listener *listener = listen_on(listen, text, sizeof text);
	struct rota_stream *a, *b;

	if (connect != NULL)
		snprintf(text, sizeof text, connect, rota_listener_port(listener));
	CHECK_EQ(rota_tcp_connect(&a, text, NULL), 0);
	CHECK_EQ(rota_accept(listener, &b), 0);
	check_joined(a, b);
	CHECK(rota_stream_peer_name(a, peer, sizeof peer) > 0);
	CHECK(rota_stream_local_name(b, local, sizeof local) > 0);
	CHECK_STR(peer, local);
	rota_close(a);
	rota_close(b);
	rota_listener_close(listener);
}

TASK_TEST(connects_to_each_kind_of_address)
{
	temp_enter();
	check_connects("127.0.0.1:0", NULL);
	check_connects("[::1]:0", NULL);
	check_connects(":0", "127.0.0.1:%d"); /* IPv4 through a socket for both */
	check_connects(":0", "[::1]:%d");
	check_connects("unix:socket", NULL);
	check_connects("unix:@rota-test-connect", NULL);
	check_connects("127.0.0.1:0", "localhost:%d"); /* refused on ::1, if that comes first */
}

static int nodelay_of(const struct rota_stream *s)
{
	int on = -1;
	socklen_t size = sizeof on;

	CHECK_EQ(getsockopt(rota_stream_fd(s), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	return on;
}

TASK_TEST(small_writes_are_not_delayed_unless_asked)
{
	struct rota_connect_options lazy = { .keep_delay = true };
	struct rota_listen_options lazy_too = { .keep_delay = true };
	struct rota_listener *listener, *lazy_listener;
	struct rota_stream *a, *b;
	char text[64];

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	CHECK_EQ(rota_tcp_connect(&a, text, NULL), 0);
	CHECK_EQ(rota_accept(listener, &b), 0);
	CHECK_EQ(nodelay_of(a), 1);
	CHECK_EQ(nodelay_of(b), 1);
	rota_close(a);
	rota_close(b);
	CHECK_EQ(rota_tcp_listen(&lazy_listener, "127.0.0.1:0", &lazy_too), 0);
	rota_listener_name(lazy_listener, text, sizeof text);
	CHECK_EQ(rota_tcp_connect(&a, text, &lazy), 0);
	CHECK_EQ(rota_accept(lazy_listener, &b), 0);
	CHECK_EQ(nodelay_of(a), 0);
	CHECK_EQ(nodelay_of(b), 0);
	CHECK_EQ(rota_stream_set_nodelay(b, true), 0);
	CHECK_EQ(nodelay_of(b), 1);
	rota_close(a);
	rota_close(b);
	rota_listener_close(listener);
	rota_listener_close(lazy_listener);
}

TASK_TEST(what_cannot_be_reached_says_why)
{
	struct rota_address refusing = refusing_address();
	struct rota_stream *s = (void *)&refusing;
	char text[200];

	temp_enter();
	rota_address_name(&refusing, text, sizeof text);
	CHECK_EQ(rota_tcp_connect(&s, text, NULL), -ECONNREFUSED);
	CHECK_EQ(rota_tcp_connect(&s, "unix:missing", NULL), -ENOENT);
	CHECK_EQ(rota_tcp_connect(&s, "unix:@rota-nobody-listens", NULL), -ECONNREFUSED);
	CHECK_EQ(rota_tcp_connect(&s, "nonsense", NULL), -EINVAL);
	CHECK_EQ(rota_tcp_connect(&s, "255.255.255.255:80", NULL), -ENETUNREACH);
	memset(text, 'x', sizeof text);
	memcpy(text, "unix:", 5);
	text[sizeof text - 1] = '\0';
	CHECK_EQ(rota_tcp_connect(&s, text, NULL), -ENAMETOOLONG);
	CHECK(s == (void *)&refusing);
}

TASK_TEST(it_can_come_from_an_address_of_ones_choice)
{
	struct rota_connect_options from = { .local_address = "127.0.0.7:0" };
	struct rota_listener *listener;
	struct rota_stream *a, *b;
	char text[64];

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	CHECK_EQ(rota_tcp_connect(&a, text, &from), 0);
	CHECK_EQ(rota_accept(listener, &b), 0);
	rota_stream_peer_name(b, text, sizeof text);
	CHECK(strncmp(text, "127.0.0.7:", 10) == 0);
	rota_close(b);
	rota_listener_name(listener, text, sizeof text);
	from.local_address = "[::1]:0";
	CHECK_EQ(rota_tcp_connect(&b, text, &from), -EAFNOSUPPORT);
	from.local_address = "somewhere";
	CHECK_EQ(rota_tcp_connect(&b, text, &from), -EINVAL);
	from.local_address = "192.0.2.1:0"; /* not ours: RFC 5737 */
	CHECK_EQ(rota_tcp_connect(&b, text, &from), -EADDRNOTAVAIL);
	rota_close(a);
	rota_listener_close(listener);
}

/* ---- time and cancellation ---- */

static int connect_to(void *text)
{
	struct rota_stream *s;
	int rc = rota_tcp_connect(&s, text, NULL);

	if (rc == 0)
		rota_close(s);
	return rc;
}

TASK_TEST(an_address_that_does_not_answer_is_given_up_in_time)
{
	struct rota_connect_options soon = { .timeout_ns = ROTA_MILLISECONDS(3) };
	struct dead dead = dead_open();
	struct rota_stream *s;
	uint64_t start = rota_now_ns();

	CHECK_EQ(rota_tcp_connect(&s, dead.text, &soon), -ETIMEDOUT);
	CHECK(rota_now_ns() - start >= soon.timeout_ns);
	CHECK_EQ(rota_cancelled(), 0);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(3), connect_to, dead.text), -ETIMEDOUT);
	dead_close(&dead);
}

TASK_TEST(a_cancelled_connect_ends)
{
	struct dead dead = dead_open();
	struct rota_scope scope;
	struct rota_task *task;
	int result;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, connect_to, dead.text, NULL), 0);
	while (!dead_is_tried(&dead))
		rota_yield();
	rota_task_cancel(task);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, -ECANCELED);
	CHECK(!dead_is_tried(&dead));
	rota_scope_cancel(&scope);
	CHECK_EQ(connect_to(dead.text), -ECANCELED); /* and starts no other */
	rota_scope_join(&scope);
	dead_close(&dead);
}

/* After n yields, for growing n: nothing lost, nothing open (the harness looks). */
TASK_TEST(a_connect_cancelled_at_any_point_is_made_or_not)
{
	char text[64];
	struct rota_listener *listener = listen_on("127.0.0.1:0", text, sizeof text);
	int made = 0, cancelled = 0;

	for (int n = 0; made < 5; n += 1 + n / 8) {
		struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		rota_scope_open_with(&scope, &collect);
		CHECK_EQ(rota_spawn_task(&task, &scope, connect_to, text, NULL), 0);
		for (int i = 0; i < n; i++)
			rota_yield();
		rota_task_cancel(task);
		CHECK_EQ(rota_join(task, &result), 0);
		rota_scope_join(&scope);
		CHECK(result == 0 || result == -ECANCELED);
		made += result == 0;
		cancelled += result == -ECANCELED;
	}
	CHECK(cancelled > 0);
	rota_listener_close(listener);
}

/* ---- several addresses ---- */

static int connect_first(const struct rota_address *addresses, size_t count)
{
	ROTA_INSIDE();

	return rota__connect_first(addresses, count, &defaults);
}

TASK_TEST(when_the_first_address_is_dead_the_second_has_its_turn_after_a_quarter_of_a_second)
{
	struct rota_listener *listener;
	struct rota_address addresses[2];
	struct dead dead = dead_open();
	uint64_t start = rota_now_ns();
	struct rota_stream *s;
	char text[64];
	int fd;

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	addresses[0] = dead.address;
	rota_address_parse(&addresses[1], text);
	fd = connect_first(addresses, 2);
	CHECK(fd >= 0);
	CHECK(rota_now_ns() - start >= ROTA_MILLISECONDS(250));
	CHECK_EQ(rota_accept(listener, &s), 0);
	rota_close(s);
	close(fd);
	rota_listener_close(listener);
	dead_close(&dead);
}

/* Were each given its 250 ms, it would take two and a half seconds. */
TASK_TEST(an_address_that_refuses_does_not_hold_up_the_next)
{
	struct rota_listener *listener;
	struct rota_address addresses[11];
	uint64_t start = rota_now_ns();
	char text[64];
	int fd;

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	for (int i = 0; i < 10; i++)
		addresses[i] = refusing_address();
	rota_address_parse(&addresses[10], text);
	fd = connect_first(addresses, 11);
	CHECK(fd >= 0);
	CHECK(rota_now_ns() - start < ROTA_MILLISECONDS(2500));
	close(fd);
	rota_listener_close(listener);
}

/* The first is let through while the second is being tried: it wins in spite of its late answer. */
static int connect_to_both(void *arg)
{
	struct dead *dead = arg;
	struct rota_address addresses[] = { dead[0].address, dead[1].address };

	return connect_first(addresses, 2);
}

TASK_TEST(the_first_attempt_goes_on_beside_the_second)
{
	struct dead dead[] = { dead_open(), dead_open() };
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;
	struct rota_scope scope;
	struct rota_task *task;
	int accepted, fd;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, connect_to_both, dead, NULL), 0);
	while (!dead_is_tried(&dead[1]))
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	accepted = accept(dead[0].listener, NULL, NULL); /* room: the system asks again after a second */
	CHECK(accepted >= 0);
	CHECK_EQ(rota_join(task, &fd), 0);
	CHECK(fd >= 0);
	CHECK_EQ(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
	CHECK_EQ(ntohs(peer.sin_port), dead[0].port);
	CHECK(!dead_is_tried(&dead[1]));
	rota_scope_join(&scope);
	close(fd);
	close(accepted);
	dead_close(&dead[0]);
	dead_close(&dead[1]);
}

TASK_TEST(the_error_is_the_one_that_tells_most)
{
	struct rota_address unknown = { .size = sizeof unknown.storage }, refusing = refusing_address(), both[2];

	unknown.storage.ss_family = 250; /* no such family */
	CHECK_EQ(connect_first(&unknown, 1), -EAFNOSUPPORT);
	both[0] = unknown;
	both[1] = refusing;
	CHECK_EQ(connect_first(both, 2), -ECONNREFUSED);
	both[0] = refusing;
	both[1] = unknown;
	CHECK_EQ(connect_first(both, 2), -ECONNREFUSED);
}

static int connect_to_dead(void *arg)
{
	struct rota_address addresses[40];

	for (int i = 0; i < 40; i++)
		addresses[i] = ((struct dead *)arg)->address;
	return connect_first(addresses, 40);
}

TASK_TEST(all_attempts_end_when_the_time_is_over)
{
	struct dead dead = dead_open();

	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(600), connect_to_dead, &dead), -ETIMEDOUT); /* three of them */
	CHECK(!dead_is_tried(&dead));
	dead_close(&dead);
}

TASK_TEST(addresses_beyond_the_sixteenth_are_not_tried)
{
	struct rota_listener *listener;
	struct rota_address addresses[17];
	char text[64];

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	for (int i = 0; i < 16; i++)
		addresses[i] = refusing_address();
	rota_address_parse(&addresses[16], text);
	CHECK_EQ(connect_first(addresses, 17), -ECONNREFUSED);
	rota_listener_close(listener);
}

/* ---- by name ---- */

static struct world_name both_families = { .name = "both.test", .addresses = { "fd00::1", "127.0.0.1" } };
static struct world_name silent = { .name = "silent.test", .silent = true };
static struct world world = { .names = &both_families, .count = 1 };

static int by_name(void *arg)
{
	char text[64];
	struct rota_listener *listener = listen_on("127.0.0.1:0", text, sizeof text);
	struct rota_stream *a, *b;
	struct rota_scope scope;

	CHECK_EQ(rota_udp_open(&world.udp, "127.0.0.1:53"), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, world_serve, &world);
	snprintf(text, sizeof text, "both.test:%d", rota_listener_port(listener));
	CHECK_EQ(rota_tcp_connect(&a, text, NULL), 0); /* there is no way to fd00::1 */
	CHECK_EQ(rota_accept(listener, &b), 0);
	check_joined(a, b);
	CHECK_EQ(rota_tcp_connect(&a, "missing.test:80", NULL), ROTA_ENAME);
	rota_close(a);
	rota_close(b);
	rota_listener_close(listener);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	rota_udp_close(world.udp);
	return 0;
}

TEST(a_name_is_connected_to_whichever_of_its_addresses_answers)
{
	world_enter();
	CHECK_EQ(rota_run(by_name, NULL, NULL), 0);
}

static int by_silent_name(void *arg)
{
	struct rota_connect_options soon = { .timeout_ns = ROTA_MILLISECONDS(3) };
	struct rota_stream *s;
	struct rota_scope scope;

	world.names = &silent;
	CHECK_EQ(rota_udp_open(&world.udp, "127.0.0.1:53"), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, world_serve, &world);
	CHECK_EQ(rota_tcp_connect(&s, "silent.test:80", &soon), -ETIMEDOUT);
	world_break_silence(&world);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	rota_udp_close(world.udp);
	return 0;
}

TEST(the_time_limit_covers_the_look_up)
{
	world_enter();
	CHECK_EQ(rota_run(by_silent_name, NULL, NULL), 0);
}

/* ---- Unix sockets ---- */

static int fill_backlog(int fd, const struct sockaddr_un *un)
{
	return connect(fd, (const struct sockaddr *)un, sizeof *un);
}

TASK_TEST(a_full_unix_backlog_is_waited_for)
{
	struct rota_connect_options soon = { .timeout_ns = ROTA_MILLISECONDS(3) };
	struct rota_listen_options short_queue = { .backlog = 1 };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct rota_listener *listener;
	struct rota_stream *s, *made;
	struct rota_scope scope;
	int fds[8], count = 0;

	temp_enter();
	CHECK_EQ(rota_tcp_listen(&listener, "unix:socket", &short_queue), 0);
	do {
		CHECK(count < 8);
		fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	} while (fill_backlog(fds[count++], &un) == 0);
	CHECK_EQ(rota_tcp_connect(&made, "unix:socket", &soon), -ETIMEDOUT);
	rota_scope_open(&scope);
	rota_spawn(&scope, connect_to, (void *)"unix:socket");
	rota_sleep(ROTA_MILLISECONDS(1));
	for (int i = 0; i < count; i++) { /* those that are in the backlog, and the one that waited */
		CHECK_EQ(rota_accept(listener, &s), 0);
		rota_close(s);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	rota_listener_close(listener);
}

/* ---- no descriptors, no task ---- */

UNWATCHED_TEST(without_descriptors_it_fails_and_leaves_none_behind)
{
	struct rota_listener *listener;
	struct rlimit limit, none;
	struct rota_stream *s;
	char text[64];
	int next;

	listener = listen_on("127.0.0.1:0", text, sizeof text);
	next = dup(0);
	close(next);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)next;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(rota_tcp_connect(&s, text, NULL), -EMFILE);
	CHECK_EQ(rota_tcp_connect(&s, "unix:x", NULL), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rota_listener_close(listener);
}

TEST(outside_of_tasks_it_is_refused)
{
	struct rota_stream *s;

	CHECK_EQ(rota_tcp_connect(&s, "127.0.0.1:1", NULL), -EPERM);
}

/* ---- resets, buffers ---- */

static int reset_one(void *listener)
{
	struct rota_stream *s;

	CHECK_EQ(rota_accept(listener, &s), 0);
	CHECK_EQ(rota_close_with_reset(s), 0);
	return 0;
}

TASK_TEST(a_close_with_a_reset_is_told_to_the_peer)
{
	struct rota_listener *l;
	struct rota_stream *s;
	struct rota_scope scope;
	char name[64], byte;

	CHECK_EQ(rota_tcp_listen(&l, "127.0.0.1:0", NULL), 0);
	CHECK(rota_listener_name(l, name, sizeof name) > 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, reset_one, l), 0);
	CHECK_EQ(rota_tcp_connect(&s, name, NULL), 0);
	CHECK_EQ(rota_read(s, &byte, 1), -ECONNRESET);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(s);
	rota_listener_close(l);
}

TASK_TEST(what_is_no_tcp_connection_cannot_be_reset_and_stays_open)
{
	struct rota_stream *pair[2];
	char byte;

	CHECK_EQ(rota_stream_pair(pair), 0);
	CHECK_EQ(rota_close_with_reset(pair[0]), -EOPNOTSUPP);
	CHECK_EQ(rota_write_all(pair[0], "x", 1), 1);
	CHECK_EQ(rota_read(pair[1], &byte, 1), 1);
	rota_close(pair[0]);
	rota_close(pair[1]);
}

TASK_TEST(the_buffers_of_sockets_are_set_and_told)
{
	unsigned send_bytes = 0, recv_bytes = 0;
	struct rota_stream *pair[2];
	struct rota_udp *udp;

	CHECK_EQ(rota_stream_pair(pair), 0);
	CHECK_EQ(rota_stream_set_buffers(pair[0], 20000, 30000), 0);
	CHECK_EQ(rota_stream_set_buffers(pair[0], 0, 0), 0);
	CHECK_EQ(rota_stream_get_buffers(pair[0], &send_bytes, &recv_bytes), 0);
	CHECK_EQ(send_bytes, 20000);
	CHECK_EQ(recv_bytes, 30000);
	CHECK_EQ(rota_stream_set_buffers(pair[0], 0, UINT32_MAX), -EINVAL);
	CHECK_EQ(rota_udp_open(&udp, "127.0.0.1:0"), 0);
	CHECK_EQ(rota_udp_set_buffers(udp, 40000, 50000), 0);
	CHECK_EQ(rota_udp_get_buffers(udp, &send_bytes, &recv_bytes), 0);
	CHECK_EQ(send_bytes, 40000);
	CHECK_EQ(recv_bytes, 50000);
	rota_udp_close(udp);
	rota_close(pair[0]);
	rota_close(pair[1]);
}
