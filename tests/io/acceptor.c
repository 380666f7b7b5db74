/* acceptor.c - sockets that somebody else has opened, local addresses, resets and options: what TCP has beside its bytes */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "await/temp.h"
#include "io/loop.h"

static struct rota_acceptor door;
static struct rota_conn served, client;
static int connections, codes;

static int listening(int family, int type)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(family, type, 0);

	CHECK(fd >= 0);
	if (family == AF_UNIX)
		CHECK_EQ(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	else
		CHECK_EQ(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	CHECK_EQ(listen(fd, 8), 0);
	return fd;
}

/* Take it, say hello and close all. */
static void serve(struct rota_acceptor *acceptor, int rc)
{
	codes |= rc;
	connections++;
	CHECK_EQ(rota_acceptor_accept(acceptor, &served), 0);
	CHECK_EQ(rota_conn_try_write(&served, "hello", 5), 5);
	rota_handle_close(&served.handle, NULL);
	rota_handle_close(&acceptor->handle, NULL);
}

static char heard[16];
static size_t heard_bytes;

static void hear(struct rota_conn *conn, const void *data, ssize_t size)
{
	if (size > 0) {
		memcpy(heard + heard_bytes, data, (size_t)size);
		heard_bytes += (size_t)size;
		return;
	}
	CHECK_EQ(size, 0);
	rota_handle_close(&conn->handle, NULL);
}

static void connected(struct rota_conn *conn, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_conn_read_start(conn, hear), 0);
}

static void visit(struct rota_loop *loop, const char *address)
{
	CHECK_EQ(rota_conn_connect(loop, &client, address, connected), 0);
	run(loop);
	CHECK_STR(heard, "hello");
	CHECK_EQ(connections, 1);
	CHECK_EQ(codes, 0);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;

	CHECK_EQ(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

LOOP_TEST(a_socket_that_listens_already_becomes_an_acceptor)
{
	int fd = listening(AF_INET, SOCK_STREAM);
	char address[64], expected[64];

	CHECK_EQ(rota_acceptor_open(loop, &door, fd, NULL, serve), 0);
	CHECK_EQ(rota_acceptor_fd(&door), fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK(rota_acceptor_port(&door) > 0);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	snprintf(expected, sizeof expected, "127.0.0.1:%d", rota_acceptor_port(&door));
	CHECK_STR(address, expected);
	visit(loop, address);
	CHECK_EQ(fcntl(fd, F_GETFD), -1); /* it was taken */
	CHECK_EQ(rota_acceptor_fd(&door), ROTA_ECLOSED);
	CHECK_EQ(rota_acceptor_port(&door), ROTA_ECLOSED);
	CHECK_EQ(rota_acceptor_name(&door, address, sizeof address), ROTA_ECLOSED);
}

LOOP_TEST(the_file_of_a_socket_that_was_adopted_stays)
{
	int fd;

	temp_enter();
	fd = listening(AF_UNIX, SOCK_STREAM);
	CHECK_EQ(rota_acceptor_open(loop, &door, fd, NULL, serve), 0);
	CHECK_EQ(rota_acceptor_port(&door), 0);
	visit(loop, "unix:socket");
	CHECK_EQ(access("socket", F_OK), 0);
}

LOOP_TEST(a_delay_is_kept_if_asked)
{
	struct rota_listen_options options = { .keep_delay = true };
	int fd = listening(AF_INET, SOCK_STREAM);

	CHECK_EQ(rota_acceptor_open(loop, &door, fd, &options, serve), 0);
	CHECK_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	rota_handle_close(&door.handle, NULL);
	run(loop);
}

static void never(struct rota_acceptor *acceptor, int rc)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

LOOP_TEST(what_does_not_listen_is_refused_and_stays_the_callers)
{
	struct rota_listen_options unknown = { .deal = (enum rota_deal)99 };
	int plain = open("/dev/null", O_RDONLY), stream = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	int fd = listening(AF_INET, SOCK_STREAM), other = listening(AF_INET, SOCK_STREAM), closed = dup(plain);

	close(closed);
	CHECK_EQ(rota_acceptor_open(loop, &door, -1, NULL, never), -EBADF);
	CHECK_EQ(rota_acceptor_open(loop, &door, closed, NULL, never), -EBADF);
	CHECK_EQ(rota_acceptor_open(loop, &door, plain, NULL, never), -ENOTSOCK);
	CHECK_EQ(rota_acceptor_open(loop, &door, stream, NULL, never), -EINVAL);
	CHECK_EQ(rota_acceptor_open(loop, &door, datagrams, NULL, never), -EINVAL);
	CHECK_EQ(rota_acceptor_open(loop, &door, fd, &unknown, never), -EINVAL);
	CHECK_EQ(fcntl(stream, F_GETFL) & O_NONBLOCK, 0);
	CHECK(!rota_handle_is_open(&door.handle));
	CHECK_EQ(rota_acceptor_open(loop, &door, fd, NULL, never), 0);
	CHECK_EQ(rota_acceptor_open(loop, &door, other, NULL, never), -EBUSY);
	CHECK_EQ(fcntl(other, F_GETFL) & O_NONBLOCK, 0);
	rota_handle_close(&door.handle, NULL);
	run(loop);
	CHECK_EQ(close(plain) | close(stream) | close(datagrams) | close(other), 0);
}

/* ---- from a local address ---- */

static char peer_name[64];

static void note_peer(struct rota_acceptor *acceptor, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_acceptor_accept(acceptor, &served), 0);
	CHECK(rota_conn_peer_name(&served, peer_name, sizeof peer_name) > 0);
	rota_handle_close(&served.handle, NULL);
	rota_handle_close(&acceptor->handle, NULL);
}

static char own_name[64], own_peer[64];

static void note_own_name(struct rota_conn *conn, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK(rota_conn_local_name(conn, own_name, sizeof own_name) > 0);
	CHECK(rota_conn_peer_name(conn, own_peer, sizeof own_peer) > 0);
	CHECK_EQ(option(rota_conn_fd(conn), IPPROTO_TCP, TCP_NODELAY), *(int *)conn->handle.data);
	rota_handle_close(&conn->handle, NULL);
}

LOOP_TEST(a_connection_is_made_from_the_local_address_that_was_asked_for)
{
	struct rota_connect_options options = { .local_address = "127.0.0.7:0", .keep_delay = true };
	struct rota_address to;
	char address[64];
	int nodelay = 0;

	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, note_peer), 0);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	CHECK_EQ(rota_address_parse(&to, address), 0);
	client.handle.data = &nodelay;
	CHECK_EQ(rota_conn_connect_with(loop, &client, &to, &options, note_own_name), 0);
	run(loop);
	CHECK(strncmp(peer_name, "127.0.0.7:", 10) == 0);
	CHECK_STR(peer_name, own_name);
	CHECK_STR(own_peer, address);
}

LOOP_TEST(an_address_that_is_there_already_is_connected_to)
{
	struct rota_address to;
	char address[64];
	int nodelay = 1;

	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, note_peer), 0);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	CHECK_EQ(rota_address_parse(&to, address), 0);
	client.handle.data = &nodelay;
	CHECK_EQ(rota_conn_connect_to(loop, &client, &to, note_own_name), 0);
	memset(&to, 0xff, sizeof to); /* it is not looked at any more */
	run(loop);
	CHECK_STR(own_peer, address);
}

static void never_connected(struct rota_conn *conn, int rc)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

LOOP_TEST(a_local_address_that_cannot_be_had_is_told_at_once)
{
	static const struct {
		struct rota_connect_options options;
		int answer;
	} cases[] = {
		{ { .local_address = "192.0.2.1:0" }, -EADDRNOTAVAIL }, /* not ours: RFC 5737 */
		{ { .local_address = "[::1]:0" }, -EAFNOSUPPORT },
		{ { .local_address = "unix:x" }, -EAFNOSUPPORT },
		{ { .local_address = "somewhere" }, -EINVAL },
		{ { .timeout_ns = 1 }, -EINVAL },
	};
	struct rota_address to;

	CHECK_EQ(rota_address_parse(&to, "127.0.0.1:9"), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		CHECK_EQ(rota_conn_connect_with(loop, &client, &to, &cases[i].options, never_connected), cases[i].answer);
	CHECK(!rota_handle_is_open(&client.handle));
}

/* ---- a reset ---- */

static ssize_t last_word;

static void note_last_word(struct rota_conn *conn, const void *data, ssize_t size)
{
	if (size > 0)
		return;
	last_word = size;
	rota_handle_close(&conn->handle, NULL);
}

static int closed;

static void note_close(struct rota_handle *handle)
{
	closed++;
}

static int canceled;

static void note_written(struct rota_write *write, int rc)
{
	canceled += rc == -ECANCELED;
}

static char much[8 << 20]; /* more than both sides' buffers take */

static void reset_it(struct rota_acceptor *acceptor, int rc)
{
	static struct rota_write w;

	CHECK_EQ(rota_acceptor_accept(acceptor, &served), 0);
	CHECK_EQ(rota_conn_write(&served, &w, much, sizeof much, note_written), 0);
	CHECK_EQ(rota_conn_close_with_reset(&served, note_close), 0);
	CHECK_EQ(rota_conn_close_with_reset(&served, note_close), ROTA_ECLOSED);
	rota_handle_close(&acceptor->handle, NULL);
}

static void read_to_the_last_word(struct rota_conn *conn, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_conn_read_start(conn, note_last_word), 0);
}

LOOP_TEST(a_close_with_a_reset_is_told_to_the_peer_and_drops_what_waits)
{
	char address[64];

	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, reset_it), 0);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	CHECK_EQ(rota_conn_connect(loop, &client, address, read_to_the_last_word), 0);
	run(loop);
	CHECK_EQ(last_word, -ECONNRESET);
	CHECK_EQ(closed, 1);
	CHECK_EQ(canceled, 1);
}

LOOP_TEST(what_is_no_tcp_connection_cannot_be_reset)
{
	static struct rota_conn a, b, reader, writer;

	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_pipe(loop, &reader, &writer), 0);
	CHECK_EQ(rota_conn_close_with_reset(&a, note_close), -EOPNOTSUPP);
	CHECK_EQ(rota_conn_close_with_reset(&writer, note_close), -EOPNOTSUPP);
	CHECK(rota_handle_is_open(&a.handle) && rota_handle_is_open(&writer.handle));
	run(loop);
	CHECK_EQ(closed, 0);
}

/* ---- options ---- */

LOOP_TEST(buffers_and_keepalive_are_set_and_told)
{
	static struct rota_conn reader, writer;
	struct rota_address to;
	unsigned send_bytes = 0, recv_bytes = 0;
	char address[64];
	int fd = listening(AF_INET, SOCK_STREAM);

	CHECK_EQ(rota_acceptor_open(loop, &door, fd, NULL, never), 0);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	CHECK_EQ(rota_address_parse(&to, address), 0);
	CHECK_EQ(rota_conn_connect_to(loop, &client, &to, NULL), 0);
	CHECK_EQ(rota_conn_set_buffers(&client, 20000, 0), 0);
	CHECK_EQ(rota_conn_set_buffers(&client, 0, 30000), 0);
	CHECK_EQ(rota_conn_get_buffers(&client, &send_bytes, &recv_bytes), 0);
	CHECK_EQ(send_bytes, 20000);
	CHECK_EQ(recv_bytes, 30000);
	CHECK_EQ(rota_conn_get_buffers(&client, NULL, NULL), 0);
	CHECK_EQ(rota_conn_set_buffers(&client, UINT32_MAX, 0), -EINVAL);
	CHECK_EQ(rota_conn_set_keepalive(&client, 77), 0);
	CHECK_EQ(option(rota_conn_fd(&client), SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_EQ(option(rota_conn_fd(&client), IPPROTO_TCP, TCP_KEEPIDLE), 77);
	CHECK_EQ(rota_conn_set_keepalive(&client, 0), 0);
	CHECK_EQ(option(rota_conn_fd(&client), SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_EQ(rota_conn_pipe(loop, &reader, &writer), 0);
	CHECK_EQ(rota_conn_set_buffers(&writer, 1, 1), -ENOTSOCK);
	CHECK_EQ(rota_conn_get_buffers(&writer, &send_bytes, NULL), -ENOTSOCK);
	CHECK_EQ(rota_conn_set_keepalive(&writer, 1), -ENOTSOCK);
	CHECK(rota_conn_peer_name(&writer, address, sizeof address) < 0);
	rota_handle_close(&client.handle, NULL);
	rota_handle_close(&door.handle, NULL);
	CHECK_EQ(rota_conn_set_buffers(&client, 1, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_get_buffers(&client, NULL, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_set_keepalive(&client, 1), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_local_name(&client, address, sizeof address), ROTA_ECLOSED);
	CHECK_EQ(rota_conn_peer_name(&client, address, sizeof address), ROTA_ECLOSED);
}

/* ---- over a connection ---- */

static struct rota_conn giver, taker;

static void take_listener(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count)
{
	if (count == 0) {
		rota_handle_close(&conn->handle, NULL);
		return;
	}
	CHECK_EQ(count, 1);
	CHECK_EQ(rota_acceptor_open(conn->handle.loop, &door, fds[0], NULL, serve), 0);
	rota_loop_stop(conn->handle.loop);
}

LOOP_TEST(a_listener_that_was_sent_over_a_connection_accepts)
{
	static struct rota_write w;
	int fd = listening(AF_INET, SOCK_STREAM);
	char address[64];

	CHECK_EQ(rota_conn_pair(loop, &giver, &taker), 0);
	CHECK_EQ(rota_conn_read_fds_start(&taker, take_listener), 0);
	CHECK_EQ(rota_conn_write_fds(&giver, &w, &fd, 1, "x", 1, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 1);
	close(fd); /* the other's lives */
	rota_handle_close(&giver.handle, NULL);
	CHECK(rota_acceptor_name(&door, address, sizeof address) > 0);
	visit(loop, address);
}
