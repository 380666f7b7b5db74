/* acceptor.c - acceptors of sockets that somebody else has opened, and what an acceptor says of itself */
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
