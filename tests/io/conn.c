/* conn.c - connections, acceptors and handles with callbacks */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "io/loop.h"

/* ---- a peer that notes what it sees ---- */

struct peer {
	struct rota_conn conn;
	struct rota_write write;
	char text[64];
	size_t bytes, reads;
	ssize_t last; /* the last word of on_read: 0 or an error; 1: none yet */
	int connected, written, closed, drained;
};

#define PEER { .last = 1, .connected = 1, .written = 1 }

static void note_close(struct rota_handle *handle)
{
	((struct peer *)(void *)handle)->closed++;
}

static void note_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	struct peer *p = (struct peer *)conn;

	p->reads++;
	if (size <= 0) {
		p->last = size;
		return;
	}
	for (size_t i = 0; i < (size_t)size && p->bytes + i + 1 < sizeof p->text; i++)
		p->text[p->bytes + i] = ((const char *)data)[i];
	p->bytes += (size_t)size;
}

static void read_until_end(struct rota_conn *conn, const void *data, ssize_t size)
{
	note_read(conn, data, size);
	if (size <= 0)
		rota_handle_close(&conn->handle, note_close);
}

static void note_connect(struct rota_conn *conn, int rc)
{
	((struct peer *)conn)->connected = rc;
}

static void note_write(struct rota_write *write, int rc)
{
	((struct peer *)write->conn)->written = rc;
}

static void close_peer(struct peer *p)
{
	CHECK_EQ(rota_handle_close(&p->conn.handle, note_close), 0);
}

TEST(a_waiting_connection_costs_at_most_250_bytes)
{
	CHECK(sizeof(struct rota_conn) <= 250);
}

/* ---- bytes ---- */

LOOP_TEST(bytes_come_in_order_and_then_the_end)
{
	static struct peer a = PEER, b = PEER;

	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, read_until_end), 0);
	CHECK_EQ(rota_conn_write(&a.conn, &a.write, "hello", 5, note_write), 0);
	CHECK_EQ(a.written, 1); /* never inside the call */
	static struct rota_write end;

	CHECK_EQ(rota_conn_end(&a.conn, &end, NULL), 0);
	CHECK_EQ(rota_conn_write(&a.conn, &end, "x", 1, NULL), -EPIPE);
	run(loop);
	CHECK_EQ(a.written, 0);
	CHECK_STR(b.text, "hello");
	CHECK_EQ(b.last, 0);
	CHECK_EQ(b.closed, 1);
}

static void echo(struct rota_conn *conn, const void *data, ssize_t size)
{
	if (size <= 0)
		rota_handle_close(&conn->handle, note_close);
	else
		CHECK_EQ(rota_conn_try_write(conn, data, (size_t)size), size);
}

static void serve_one(struct rota_acceptor *acceptor, int rc)
{
	struct peer *served = acceptor->handle.data;

	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_acceptor_accept(acceptor, &served->conn), 0);
	CHECK_EQ(rota_acceptor_accept(acceptor, &served->conn), -EAGAIN);
	CHECK_EQ(rota_conn_read_start(&served->conn, echo), 0);
	rota_handle_close(&acceptor->handle, NULL);
}

static void say_hello(struct rota_conn *conn, int rc)
{
	struct peer *p = (struct peer *)conn;

	p->connected = rc;
	if (rc == -ECANCELED)
		return;
	CHECK_EQ(rota_conn_read_start(conn, note_read), 0);
	CHECK_EQ(rota_conn_write(conn, &p->write, "hello", 5, note_write), 0);
}

static void close_after_echo(struct rota_conn *conn, const void *data, ssize_t size)
{
	note_read(conn, data, size);
	if (((struct peer *)conn)->bytes >= 5)
		rota_handle_close(&conn->handle, note_close);
}

static void say_hello_and_leave(struct rota_conn *conn, int rc)
{
	say_hello(conn, rc);
	rota_conn_read_stop(conn);
	CHECK_EQ(rota_conn_read_start(conn, close_after_echo), 0);
}

static void talk(struct rota_loop *loop, const char *address)
{
	static struct rota_acceptor door = { .handle.data = NULL };
	static struct peer served = PEER, client = PEER;
	char name[128];

	door.handle.data = &served;
	CHECK_EQ(rota_acceptor_listen(loop, &door, address, NULL, serve_one), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	CHECK_EQ(rota_conn_connect(loop, &client.conn, name, say_hello_and_leave), 0);
	run(loop);
	CHECK_EQ(client.connected, 0);
	CHECK_STR(client.text, "hello");
	CHECK_EQ(client.closed + served.closed, 2);
	CHECK(!rota_handle_is_open(&door.handle));
}

LOOP_TEST(tcp_connects_speaks_and_closes)
{
	talk(loop, "127.0.0.1:0");
}

LOOP_TEST(unix_sockets_connect_speak_and_close)
{
	talk(loop, "unix:@rota-test-conn");
}

LOOP_TEST(a_socket_file_goes_with_its_acceptor)
{
	static struct rota_acceptor door = { .fd = -1 };
	char path[] = "/tmp/rota-conn-XXXXXX", address[64];

	CHECK(mkdtemp(path) != NULL);
	snprintf(address, sizeof address, "unix:%s/door", path);
	CHECK_EQ(rota_acceptor_listen(loop, &door, address, NULL, serve_one), 0);
	CHECK_EQ(access(address + 5, F_OK), 0);
	CHECK_EQ(rota_handle_close(&door.handle, NULL), 0);
	run(loop);
	CHECK(access(address + 5, F_OK) < 0);
	CHECK_EQ(rmdir(path), 0);
}

LOOP_TEST(a_pipe_carries_bytes_and_has_no_half_to_end)
{
	static struct peer reader = PEER, writer = PEER;
	static struct rota_write end;

	CHECK_EQ(rota_conn_pipe(loop, &reader.conn, &writer.conn), 0);
	CHECK_EQ(rota_conn_read_start(&reader.conn, read_until_end), 0);
	CHECK_EQ(rota_conn_write(&writer.conn, &writer.write, "pipe", 4, note_write), 0);
	CHECK_EQ(rota_conn_end(&writer.conn, &end, NULL), -ENOTSOCK);
	close_peer(&writer);
	run(loop);
	CHECK_STR(reader.text, "pipe");
	CHECK_EQ(reader.last, 0);
	CHECK_EQ(writer.written, 0);
}

LOOP_TEST(a_named_pipe_is_a_connection)
{
	static struct peer reader = PEER, writer = PEER;
	char path[] = "/tmp/rota-fifo-XXXXXX", fifo[64];
	int r, w;

	CHECK(mkdtemp(path) != NULL);
	snprintf(fifo, sizeof fifo, "%s/fifo", path);
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	r = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	w = open(fifo, O_WRONLY | O_CLOEXEC);
	CHECK_EQ(rota_conn_open(loop, &reader.conn, r), 0);
	CHECK_EQ(rota_conn_open(loop, &writer.conn, w), 0);
	CHECK_EQ(rota_conn_read_start(&reader.conn, read_until_end), 0);
	CHECK_EQ(rota_conn_write(&writer.conn, &writer.write, "fifo", 4, note_write), 0);
	close_peer(&writer);
	run(loop);
	CHECK_STR(reader.text, "fifo");
	unlink(fifo);
	rmdir(path);
}

/* ---- memory of the user's ---- */

static char room[3];

static void lend(struct rota_conn *conn, size_t size_hint, struct iovec *ret_room)
{
	CHECK(size_hint > 0);
	*ret_room = (struct iovec){ room, sizeof room };
}

static void read_in_room(struct rota_conn *conn, const void *data, ssize_t size)
{
	CHECK(data == room);
	if (size != -EAGAIN)
		read_until_end(conn, data, size);
}

LOOP_TEST(bytes_come_in_memory_of_the_users)
{
	static struct peer a = PEER, b = PEER;

	b.conn.on_alloc = lend;
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, read_in_room), 0);
	CHECK_EQ(rota_conn_try_write(&a.conn, "eightbyt", 8), 8);
	close_peer(&a);
	run(loop);
	CHECK_STR(b.text, "eightbyt");
	CHECK(b.reads >= 4);
}

static void lend_nothing(struct rota_conn *conn, size_t size_hint, struct iovec *ret_room)
{
}

LOOP_TEST(no_room_is_told_and_stops_reading)
{
	static struct peer a = PEER, b = PEER;

	b.conn.on_alloc = lend_nothing;
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, note_read), 0);
	CHECK_EQ(rota_conn_try_write(&a.conn, "x", 1), 1);
	run(loop);
	CHECK_EQ(b.last, -ENOBUFS);
	CHECK_EQ(b.reads, 1);
}

/* ---- stopping and starting ---- */

static void stop_after_each(struct rota_conn *conn, const void *data, ssize_t size)
{
	note_read(conn, data, size);
	CHECK_EQ(rota_conn_read_stop(conn), 0);
}

LOOP_TEST(what_comes_after_a_stop_is_told_by_the_next_start)
{
	static struct peer a = PEER, b = PEER;

	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	for (int i = 0; i < 20; i++) {
		/* Armed, and bytes are there when it is stopped: the receive may win. */
		CHECK_EQ(rota_conn_read_start(&b.conn, stop_after_each), 0);
		CHECK_EQ(rota_conn_read_start(&b.conn, stop_after_each), -EALREADY);
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(rota_conn_try_write(&a.conn, "x", 1), 1);
		CHECK_EQ(rota_conn_read_stop(&b.conn), 0);
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
		CHECK_EQ(b.bytes, i);
		CHECK_EQ(rota_conn_read_start(&b.conn, stop_after_each), 0);
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
		CHECK_EQ(b.bytes, i + 1);
	}
}

/* ---- writing more than is taken ---- */

static void note_drain(struct rota_conn *conn)
{
	((struct peer *)conn)->drained++;
}

LOOP_TEST(watermarks_say_when_to_wait_and_when_to_go_on)
{
	enum { SIZE = 1 << 20 };
	static struct peer a = PEER, b = PEER;
	static struct rota_write writes[4];
	static char block[SIZE];

	a.conn.high_bytes = SIZE;
	a.conn.low_bytes = SIZE / 2;
	a.conn.on_drain = note_drain;
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_write(&a.conn, &writes[0], block, SIZE, NULL), 0);
	for (int i = 1; i < 4; i++)
		CHECK_EQ(rota_conn_write(&a.conn, &writes[i], block, SIZE, NULL), 1);
	CHECK(rota_conn_queued_bytes(&a.conn) > 3 * SIZE);
	CHECK_EQ(rota_conn_try_write(&a.conn, "x", 1), -EAGAIN);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(a.drained, 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, read_until_end), 0);
	static struct rota_write end;

	CHECK_EQ(rota_conn_end(&a.conn, &end, NULL), 0);
	run(loop);
	CHECK_EQ(b.bytes, 4 * SIZE);
	CHECK_EQ(a.drained, 1);
	CHECK_EQ(rota_conn_queued_bytes(&a.conn), 0);
}

static struct rota_write more[4];

/* Above the mark again, in the callback that says that there is room. */
static void write_more(struct rota_conn *conn)
{
	static char block[4 << 20];
	struct peer *peer = (struct peer *)conn;

	if (peer->drained++ < 3)
		CHECK_EQ(rota_conn_write(conn, &more[peer->drained], block, sizeof block, NULL), 1);
	else
		CHECK_EQ(rota_conn_end(conn, &more[0], NULL), 0);
}

LOOP_TEST(what_is_written_while_being_told_of_room_is_told_of_once_more)
{
	static struct peer a = PEER, b = PEER;

	a.conn.high_bytes = 1 << 20;
	a.conn.low_bytes = 1 << 19;
	a.conn.on_drain = write_more;
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	write_more(&a.conn);
	CHECK_EQ(rota_conn_read_start(&b.conn, read_until_end), 0);
	run(loop);
	CHECK_EQ(a.drained, 4); /* the first was ours */
	CHECK_EQ(b.bytes, 3 * (4 << 20));
}

static int order[8], orders;

static void note_order(struct rota_write *write, int rc)
{
	order[orders++] = rc;
}

static void note_order_of_close(struct rota_handle *handle)
{
	order[orders++] = 1;
}

LOOP_TEST(writes_under_way_end_in_order_and_before_the_close)
{
	enum { SIZE = 1 << 20 };
	static struct peer a = PEER, b = PEER;
	static struct rota_write writes[3];
	static char block[SIZE];

	orders = 0;
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_write(&a.conn, &writes[0], "x", 1, note_order), 0);
	for (int i = 1; i < 3; i++)
		CHECK_EQ(rota_conn_write(&a.conn, &writes[i], block, SIZE, note_order), 0);
	CHECK_EQ(rota_handle_close(&a.conn.handle, note_order_of_close), 0);
	CHECK_EQ(orders, 0);
	close_peer(&b);
	run(loop);
	CHECK_EQ(orders, 4);
	CHECK_EQ(order[0], 0); /* taken before the close */
	CHECK_EQ(order[1], -ECANCELED);
	CHECK_EQ(order[2], -ECANCELED);
	CHECK_EQ(order[3], 1);
}

LOOP_TEST(a_vector_of_many_pieces_arrives_whole)
{
	static struct peer a = PEER, b = PEER;
	struct iovec iov[200];

	for (int i = 0; i < 200; i++)
		iov[i] = (struct iovec){ "abc", (size_t)i % 4 };
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, read_until_end), 0);
	CHECK_EQ(rota_conn_writev(&a.conn, &a.write, iov, 200, note_write), 0);
	static struct rota_write end;

	CHECK_EQ(rota_conn_end(&a.conn, &end, NULL), 0);
	run(loop);
	CHECK_EQ(b.bytes, 50 * (0 + 1 + 2 + 3));
	CHECK_EQ(memcmp(b.text, "aababcaababc", 12), 0);
}

LOOP_TEST(writing_to_a_pipe_whose_reader_died_is_an_error_and_no_signal)
{
	static struct peer reader = PEER, writer = PEER;

	CHECK_EQ(rota_conn_pipe(loop, &reader.conn, &writer.conn), 0);
	close_peer(&reader);
	run(loop);
	CHECK_EQ(rota_conn_write(&writer.conn, &writer.write, "x", 1, note_write), 0);
	run(loop);
	CHECK_EQ(writer.written, -EPIPE);
}

LOOP_TEST(a_reader_that_dies_while_a_write_waits_ends_the_write)
{
	enum { SIZE = 1 << 20 };
	static struct peer reader = PEER, writer = PEER;
	static char block[SIZE];

	CHECK_EQ(rota_conn_pipe(loop, &reader.conn, &writer.conn), 0);
	CHECK_EQ(rota_conn_write(&writer.conn, &writer.write, block, SIZE, note_write), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(writer.written, 1);
	close_peer(&reader);
	run(loop);
	CHECK_EQ(writer.written, -EPIPE);
}

/* ---- connecting ---- */

LOOP_TEST(a_refused_connection_is_told)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer p = PEER;
	char name[64];

	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	rota_handle_close(&door.handle, NULL);
	run(loop);
	int rc = rota_conn_connect(loop, &p.conn, name, note_connect);

	if (rc == 0) {
		run(loop);
		rc = p.connected;
	}
	CHECK_EQ(rc, -ECONNREFUSED);
}

LOOP_TEST(what_cannot_be_connected_to_leaves_nothing_open)
{
	static struct peer p = PEER;

	CHECK_EQ(rota_conn_connect(loop, &p.conn, "no address", note_connect), -EINVAL);
	CHECK_EQ(rota_conn_connect(loop, &p.conn, "unix:/nobody/here", note_connect), -ENOENT);
	CHECK(!rota_handle_is_open(&p.conn.handle));
	CHECK_EQ(rota_conn_read_start(&p.conn, note_read), ROTA_ECLOSED);
}

LOOP_TEST(a_close_ends_a_connect_under_way)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer p = PEER;
	char name[64];

	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	CHECK_EQ(rota_conn_connect(loop, &p.conn, name, note_connect), 0);
	CHECK_EQ(rota_conn_read_start(&p.conn, note_read), -ENOTCONN);
	CHECK_EQ(rota_conn_write(&p.conn, &p.write, "x", 1, note_write), 0);
	close_peer(&p);
	rota_handle_close(&door.handle, NULL);
	run(loop);
	CHECK_EQ(p.connected, -ECANCELED);
	CHECK_EQ(p.written, -ECANCELED);
	CHECK_EQ(p.closed, 1);
}

LOOP_TEST(writes_made_while_it_connects_follow)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer p = PEER, served = PEER;
	char name[64];

	door.handle.data = &served;
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	CHECK_EQ(rota_conn_connect(loop, &p.conn, name, note_connect), 0);
	CHECK_EQ(rota_conn_write(&p.conn, &p.write, "early", 5, note_write), 0);
	static struct rota_write end;

	CHECK_EQ(rota_conn_end(&p.conn, &end, NULL), 0);
	run(loop);
	CHECK_EQ(p.connected, 0);
	CHECK_EQ(p.written, 0);
	CHECK_EQ(served.closed, 1);
}

/* ---- accepting ---- */

static int offers;

static void leave_it(struct rota_acceptor *acceptor, int rc)
{
	CHECK_EQ(rc, 0);
	offers++;
	rota_loop_stop(acceptor->handle.loop);
}

LOOP_TEST(a_connection_nobody_takes_holds_the_next_back)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer p[2] = { PEER, PEER }, taken = PEER;
	char name[64];

	offers = 0;
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, leave_it), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(rota_conn_connect(loop, &p[i].conn, name, note_connect), 0);
	while (offers == 0)
		rota_loop_run(loop, ROTA_RUN_DEFAULT);
	for (int i = 0; i < 5; i++)
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(offers, 1);
	CHECK_EQ(rota_acceptor_accept(&door, &taken.conn), 0);
	while (offers == 1)
		rota_loop_run(loop, ROTA_RUN_DEFAULT);
	/* The second is left to the close. */
}

LOOP_TEST(without_descriptors_accepting_rests_and_goes_on)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer served = PEER, p = PEER;
	struct rlimit limit, none;
	char name[64];

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	door.handle.data = &served;
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
	CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
	CHECK_EQ(rota_conn_connect(loop, &p.conn, name, note_connect), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)rota_conn_fd(&p.conn) + 1;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (rota_acceptor_pauses(&door) < 2)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (!rota_handle_is_open(&served.conn.handle))
		rota_loop_run(loop, ROTA_RUN_ONCE);
	close_peer(&p);
	run(loop);
	CHECK_EQ(served.closed, 1);
}

/* ---- closing ---- */

static void close_sibling(struct rota_conn *conn, const void *data, ssize_t size)
{
	struct peer *p = (struct peer *)conn, *sibling = conn->handle.data;

	note_read(conn, data, size);
	rota_handle_close(&sibling->conn.handle, note_close);
	rota_handle_close(&p->conn.handle, note_close);
}

LOOP_TEST(a_callback_closes_itself_and_a_sibling_with_bytes_waiting)
{
	static struct peer a[2] = { PEER, PEER }, b[2] = { PEER, PEER };

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(rota_conn_pair(loop, &a[i].conn, &b[i].conn), 0);
		b[i].conn.handle.data = &b[1 - i];
		CHECK_EQ(rota_conn_read_start(&b[i].conn, close_sibling), 0);
	}
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(rota_conn_try_write(&a[i].conn, "x", 1), 1);
	run(loop);
	CHECK_EQ(b[0].reads + b[1].reads, 1); /* the sibling hears nothing more */
	CHECK_EQ(b[0].closed, 1);
	CHECK_EQ(b[1].closed, 1);
}

LOOP_TEST(a_second_close_and_any_use_after_it_are_refused)
{
	static struct peer a = PEER, b = PEER;

	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_conn_open(loop, &a.conn, rota_conn_fd(&b.conn)), -EBUSY);
	close_peer(&a);
	CHECK(rota_handle_is_closing(&a.conn.handle));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(rota_handle_close(&a.conn.handle, note_close), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_read_start(&a.conn, note_read), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_read_stop(&a.conn), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_write(&a.conn, &a.write, "x", 1, NULL), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_end(&a.conn, &a.write, NULL), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_try_write(&a.conn, "x", 1), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_fd(&a.conn), ROTA_ECLOSED);
		CHECK_EQ(rota_conn_set_nodelay(&a.conn, true), ROTA_ECLOSED);
		run(loop);
		CHECK_EQ(a.closed, 1);
	}
	CHECK_EQ(rota_conn_read_start(&b.conn, read_until_end), 0);
	run(loop);
	CHECK_EQ(b.last, 0);
	/* The memory is good for another life. */
	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
}

LOOP_TEST(each_turn_of_a_connections_life_is_a_good_time_to_close)
{
	for (int turns = 0; turns < 12; turns++) {
		struct rota_acceptor door = { .fd = -1 };
		struct peer served = PEER, client = PEER;
		char name[64];

		door.handle.data = &served;
		CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
		CHECK(rota_acceptor_name(&door, name, sizeof name) > 0);
		CHECK_EQ(rota_conn_connect(loop, &client.conn, name, say_hello), 0);
		for (int i = 0; i < turns; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		rota_loop_each_handle(loop, close_handle, NULL);
		run(loop);
		CHECK(!rota_handle_is_open(&client.conn.handle) && !rota_handle_is_open(&door.handle));
	}
}

/* ---- what keeps a loop alive ---- */

LOOP_TEST(an_unreferenced_connection_does_not_keep_the_loop)
{
	static struct peer a = PEER, b = PEER;

	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	run(loop); /* open, but waiting for nothing */
	CHECK_EQ(rota_conn_read_start(&b.conn, note_read), 0);
	CHECK(rota_loop_alive(loop));
	rota_handle_unref(&b.conn.handle);
	rota_handle_unref(&b.conn.handle);
	CHECK(!rota_handle_has_ref(&b.conn.handle));
	CHECK(!rota_loop_alive(loop));
	run(loop);
	CHECK_EQ(rota_conn_try_write(&a.conn, "x", 1), 1);
	rota_handle_ref(&b.conn.handle);
	CHECK(rota_loop_alive(loop));
	while (b.bytes == 0)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	rota_handle_unref(&b.conn.handle);
	run(loop);
	CHECK_EQ(rota_loop_free(loop), -EBUSY); /* they are open */
	close_peer(&b); /* closing keeps it until on_close */
	CHECK(rota_loop_alive(loop));
	run(loop);
	CHECK_EQ(b.closed, 1);
}

static void list_them(struct rota_handle *handle, void *arg)
{
	char *text = arg;

	strcat(text, rota_handle_kind(handle));
	strcat(text, rota_handle_is_active(handle) ? "! " : " ");
	CHECK(strstr(rota_handle_site(handle), "conn.c:") != NULL);
}

LOOP_TEST(a_loop_lists_its_handles_and_where_they_were_opened)
{
	static struct rota_acceptor door = { .fd = -1 };
	static struct peer a = PEER, b = PEER;
	char text[64] = "";

	CHECK_EQ(rota_conn_pair(loop, &a.conn, &b.conn), 0);
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, serve_one), 0);
	CHECK_EQ(rota_conn_read_start(&b.conn, note_read), 0);
	rota_loop_each_handle(loop, list_them, text);
	CHECK_STR(text, "conn conn! acceptor! ");
}
