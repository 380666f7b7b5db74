/* conformance.c - what a loop may expect of every poller
 *
 * The same cases on each engine; the runner says which by ROTA_POLLER. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <rota/base.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "harness/asleep.h"
#include "harness/test.h"
#include "poll/poller.h"

static struct rota__poller *poller;

static void open_poller_with(const struct rota__poller_config *config)
{
	CHECK_EQ(rota__poller_open(&poller, NULL, config), 0);
}

static void open_poller(void)
{
	open_poller_with(NULL);
}

static void close_poller(void)
{
	CHECK_EQ(poller->pending, 0);
	poller->engine->close(poller);
}

static int completions;

static void done(struct rota__op *op)
{
	completions++;
}

/* Wait once and run what completed. */
static void turn(uint64_t deadline_ns)
{
	struct rota__node *node;

	poller->engine->wait(poller, deadline_ns);
	while ((node = fifo_pop(&poller->completed)) != NULL) {
		struct rota__op *op = container_of(node, struct rota__op, node);

		CHECK_EQ(op->state, OP_DONE);
		op->done(op);
	}
}

static bool start(struct rota__op *op)
{
	op->state = OP_PENDING;
	op->engine = 0;
	op->done = done;
	return poller->engine->submit(poller, op);
}

static void cancel(struct rota__op *op)
{
	if (op->state != OP_PENDING)
		return;
	op->state = OP_CANCELLING;
	poller->engine->cancel(poller, op);
}

static int64_t finish(struct rota__op *op)
{
	while (op->state != OP_DONE)
		turn(ROTA_FOREVER);
	while (!fifo_empty(&poller->completed))
		turn(ROTA_NOW);
	return op->result;
}

static int64_t perform(struct rota__op *op)
{
	CHECK(start(op));
	return finish(op);
}

static struct rota__op receive_op(int fd, void *buf, size_t size)
{
	return (struct rota__op){ .kind = OP_RECV, .fd = fd, .buf = { .base = buf, .len = (uint32_t)size } };
}

static struct rota__op send_op(int fd, const void *buf, size_t size)
{
	return (struct rota__op){
		.kind = OP_SEND, .fd = fd, .buf = { .base = (void *)buf, .len = (uint32_t)size } };
}

static void socket_pair(int fds[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_both(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		poller->engine->forget(poller, fds[i]);
		close(fds[i]);
	}
}

static int listen_on(struct sockaddr_in *ret_address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof *ret_address;

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_EQ(bind(fd, (struct sockaddr *)ret_address, size), 0);
	CHECK_EQ(listen(fd, 128), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
	return fd;
}

static void close_fd(int fd)
{
	poller->engine->forget(poller, fd);
	close(fd);
}

TEST(nop_completes_but_never_inside_submit)
{
	struct rota__op op = { .kind = OP_NOP };

	open_poller();
	CHECK(start(&op));
	CHECK_EQ(completions, 0);
	CHECK_EQ(finish(&op), 0);
	CHECK_EQ(completions, 1);
	close_poller();
}

TEST(receive_gets_what_is_there_and_what_comes_later)
{
	char buf[16] = "";
	int fds[2];
	struct rota__op op;

	open_poller();
	socket_pair(fds);
	CHECK_EQ(write(fds[1], "early", 5), 5);
	op = receive_op(fds[0], buf, sizeof buf);
	CHECK_EQ(perform(&op), 5);
	op = receive_op(fds[0], buf, sizeof buf);
	op.flags = OP_POLL_FIRST;
	CHECK(start(&op));
	turn(ROTA_NOW);
	CHECK_EQ(op.state, OP_PENDING);
	CHECK_EQ(write(fds[1], "later", 5), 5);
	CHECK_EQ(finish(&op), 5);
	CHECK(memcmp(buf, "later", 5) == 0);
	close_both(fds);
	close_poller();
}

TEST(data_and_end_that_come_together_are_both_seen_with_poll_first)
{
	char buf[16];
	int fds[2];
	struct rota__op op;

	open_poller();
	socket_pair(fds);
	op = receive_op(fds[0], buf, sizeof buf);
	CHECK(start(&op));
	turn(ROTA_NOW);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
	CHECK_EQ(finish(&op), 3);
	op = receive_op(fds[0], buf, sizeof buf);
	op.flags = OP_POLL_FIRST; /* the receive before was short: the caller thinks nothing is there */
	CHECK_EQ(perform(&op), 0);
	close_both(fds);
	close_poller();
}

TEST(a_receive_after_data_that_came_between_two_waits_does_not_hang)
{
	char buf[4];
	int fds[2];
	struct rota__op op;

	open_poller();
	socket_pair(fds);
	for (int i = 0; i < 100; i++) {
		op = receive_op(fds[0], buf, sizeof buf);
		op.flags = OP_POLL_FIRST;
		CHECK(start(&op));
		if (i % 2)
			turn(ROTA_NOW);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		CHECK_EQ(finish(&op), 1);
		/* One more between the ops: its edge has nobody waiting. */
		CHECK_EQ(write(fds[1], "y", 1), 1);
		if (i % 3)
			turn(ROTA_NOW);
		op = receive_op(fds[0], buf, sizeof buf);
		op.flags = OP_POLL_FIRST;
		CHECK_EQ(perform(&op), 1);
	}
	close_both(fds);
	close_poller();
}

/* Both pieces are there when the receive that waits is tried; one edge tells of both. */
static void receive_in_two(int fds[2], void (*send_both)(int fd), const char *first, const char *second)
{
	char buf[64] = "";
	struct rota__op op = receive_op(fds[0], buf, sizeof buf);

	CHECK(start(&op));
	turn(ROTA_NOW);
	CHECK_EQ(op.state, OP_PENDING);
	send_both(fds[1]);
	CHECK_EQ(finish(&op), strlen(first));
	CHECK(memcmp(buf, first, strlen(first)) == 0);
	op.flags = OP_POLL_FIRST;
	CHECK_EQ(perform(&op), strlen(second));
	CHECK(memcmp(buf, second, strlen(second)) == 0);
}

static void send_rights(int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} rights = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr msg = { .msg_iov = &(struct iovec){ "ab", 2 }, .msg_iovlen = 1, .msg_control = &rights,
		.msg_controllen = sizeof rights };

	memcpy(CMSG_DATA(&rights.head), &fd, sizeof fd);
	CHECK_EQ(sendmsg(fd, &msg, 0), 2);
}

static void send_rights_and_more(int fd)
{
	send_rights(fd);
	CHECK_EQ(send(fd, "cd", 2, 0), 2);
}

/* A message that carries descriptors ends a receive, also of who does not take them. */
TEST(what_is_behind_a_message_with_descriptors_is_received)
{
	int fds[2];

	open_poller();
	socket_pair(fds);
	for (int i = 0; i < 3; i++) /* the first time nothing is known of the socket */
		receive_in_two(fds, send_rights_and_more, "ab", "cd");
	close_both(fds);
	close_poller();
}

static void send_around_urgent(int fd)
{
	CHECK_EQ(send(fd, "ab", 2, 0), 2);
	CHECK_EQ(send(fd, "!", 1, MSG_OOB), 1);
	CHECK_EQ(send(fd, "cd", 2, 0), 2);
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(bind(listener, (struct sockaddr *)&address, size), 0);
	CHECK_EQ(listen(listener, 1), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fds[1], (struct sockaddr *)&address, size), 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	close(listener);
}

/* So does the mark of urgent data. */
TEST(what_is_behind_urgent_data_is_received)
{
	int fds[2];

	open_poller();
	tcp_pair(fds);
	for (int i = 0; i < 3; i++)
		receive_in_two(fds, send_around_urgent, "ab", "cd");
	close_both(fds);
	close_poller();
}

TEST(send_waits_for_room_and_goes_on_when_the_peer_reads)
{
	static char block[1 << 20], sink[1 << 16];
	int fds[2];
	int64_t total = 0, read_total = 0;
	struct rota__op op;

	open_poller();
	socket_pair(fds);
	for (;;) {
		op = send_op(fds[0], block, sizeof block);
		CHECK(start(&op));
		turn(ROTA_NOW);
		if (op.state != OP_DONE)
			break;
		CHECK(op.result > 0);
		total += op.result;
	}
	while (op.state != OP_DONE) {
		ssize_t n = read(fds[1], sink, sizeof sink);

		if (n > 0)
			read_total += n;
		turn(ROTA_NOW);
	}
	CHECK(op.result > 0);
	CHECK(read_total <= total + op.result);
	close_both(fds);
	close_poller();
}

TEST(both_directions_of_one_descriptor_wait_at_the_same_time)
{
	static char block[1 << 20], sink[1 << 16];
	char buf[8];
	int fds[2];
	struct rota__op in, out;

	open_poller();
	socket_pair(fds);
	do {
		out = send_op(fds[0], block, sizeof block);
		CHECK(start(&out));
		turn(ROTA_NOW);
	} while (out.state == OP_DONE);
	in = receive_op(fds[0], buf, sizeof buf);
	CHECK(start(&in));
	CHECK_EQ(write(fds[1], "hi", 2), 2);
	CHECK_EQ(finish(&in), 2);
	CHECK_EQ(out.state, OP_PENDING);
	while (out.state != OP_DONE) {
		ssize_t n = read(fds[1], sink, sizeof sink);

		CHECK(n > 0 || errno == EAGAIN);
		turn(ROTA_NOW);
	}
	close_both(fds);
	close_poller();
}

TEST(several_receives_of_one_descriptor_share_what_comes)
{
	enum { OPS = 8 };
	struct rota__op ops[OPS];
	char bufs[OPS][4];
	int fds[2], seen = 0;

	open_poller();
	socket_pair(fds);
	for (int i = 0; i < OPS; i++) {
		ops[i] = receive_op(fds[0], bufs[i], 1);
		CHECK(start(&ops[i]));
	}
	turn(ROTA_NOW);
	CHECK_EQ(write(fds[1], "abcdefgh", OPS), OPS);
	for (int i = 0; i < OPS; i++) {
		CHECK_EQ(finish(&ops[i]), 1);
		seen |= 1 << (bufs[i][0] - 'a'); /* in any order, but each byte once */
	}
	CHECK_EQ(seen, 0xff);
	close_both(fds);
	close_poller();
}

TEST(cancel_ends_a_waiting_op_once_and_the_descriptor_stays_usable)
{
	char buf[8];
	int fds[2];
	struct rota__op op;

	open_poller();
	socket_pair(fds);
	op = receive_op(fds[0], buf, sizeof buf);
	CHECK(start(&op));
	cancel(&op); /* before it was even handed over */
	CHECK_EQ(finish(&op), -ECANCELED);
	op = receive_op(fds[0], buf, sizeof buf);
	CHECK(start(&op));
	turn(ROTA_NOW);
	cancel(&op);
	CHECK_EQ(finish(&op), -ECANCELED);
	CHECK_EQ(completions, 2);
	CHECK_EQ(write(fds[1], "ok", 2), 2);
	op = receive_op(fds[0], buf, sizeof buf);
	CHECK_EQ(perform(&op), 2);
	close_both(fds);
	close_poller();
}

TEST(a_cancel_that_comes_too_late_loses_no_data)
{
	char buf[8];
	int fds[2], received = 0;

	open_poller();
	socket_pair(fds);
	for (int i = 0; i < 200; i++) {
		struct rota__op op = receive_op(fds[0], buf, 1);

		CHECK(start(&op));
		if (i % 2)
			turn(ROTA_NOW);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		if (i % 3 == 0)
			turn(ROTA_NOW);
		cancel(&op);
		finish(&op);
		CHECK(op.result == 1 || op.result == -ECANCELED);
		received += op.result == 1;
	}
	for (ssize_t n; (n = read(fds[0], buf, sizeof buf)) > 0;)
		received += (int)n;
	CHECK_EQ(received, 200);
	close_both(fds);
	close_poller();
}

TEST(cancelling_one_of_several_leaves_the_others)
{
	char bufs[3][4];
	struct rota__op ops[3];
	int fds[2];

	open_poller();
	socket_pair(fds);
	for (int i = 0; i < 3; i++) {
		ops[i] = receive_op(fds[0], bufs[i], 1);
		CHECK(start(&ops[i]));
	}
	turn(ROTA_NOW);
	cancel(&ops[1]);
	CHECK_EQ(finish(&ops[1]), -ECANCELED);
	CHECK_EQ(write(fds[1], "ab", 2), 2);
	CHECK_EQ(finish(&ops[0]), 1);
	CHECK_EQ(finish(&ops[2]), 1);
	CHECK_EQ(bufs[0][0] + bufs[2][0], 'a' + 'b');
	close_both(fds);
	close_poller();
}

TEST(connect_and_accept_meet)
{
	struct sockaddr_in address, peer;
	socklen_t peer_size = sizeof peer;
	struct rota__op accept_op = { .kind = OP_ACCEPT }, connect_op = { .kind = OP_CONNECT };

	open_poller();
	accept_op.fd = listen_on(&address);
	accept_op.accept.addr = (struct sockaddr *)&peer;
	accept_op.accept.len = &peer_size;
	CHECK(start(&accept_op));
	connect_op.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	connect_op.connect.addr = (struct sockaddr *)&address;
	connect_op.connect.len = sizeof address;
	CHECK_EQ(perform(&connect_op), 0);
	CHECK(finish(&accept_op) >= 0);
	CHECK_EQ(peer.sin_family, AF_INET);
	CHECK(fcntl((int)accept_op.result, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl((int)accept_op.result, F_GETFL) & O_NONBLOCK);
	close_fd((int)accept_op.result);
	close_fd(connect_op.fd);
	close_fd(accept_op.fd);
	close_poller();
}

TEST(connect_to_nobody_is_refused)
{
	struct sockaddr_in address;
	struct rota__op op = { .kind = OP_CONNECT };
	int fd;

	open_poller();
	fd = listen_on(&address);
	close(fd);
	op.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	op.connect.addr = (struct sockaddr *)&address;
	op.connect.len = sizeof address;
	CHECK_EQ(perform(&op), -ECONNREFUSED);
	close_fd(op.fd);
	close_poller();
}

static int connect_now(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
	return fd;
}

static int accepted[512], accepted_count, stop_after;

static void note_accepted(struct rota__op *op)
{
	if (op->result < 0)
		return;
	accepted[accepted_count++] = (int)op->result;
	if (accepted_count == stop_after)
		cancel(op);
}

static void start_accepting(struct rota__op *op, int fd)
{
	*op = (struct rota__op){ .kind = OP_ACCEPT_MULTI, .fd = fd, .done = note_accepted, .state = OP_PENDING };
	accepted_count = 0;
	CHECK(poller->engine->submit(poller, op));
}

TEST(multishot_accept_takes_all_and_loses_none_when_cancelled)
{
	enum { MANY = 200 };
	struct sockaddr_in address;
	struct rota__op op;
	int listener, clients[MANY];

	open_poller();
	listener = listen_on(&address);
	stop_after = -1;
	start_accepting(&op, listener);
	for (int i = 0; i < MANY; i++) {
		clients[i] = connect_now(&address);
		if (i % 50 == 49)
			while (accepted_count <= i)
				turn(ROTA_FOREVER);
	}
	cancel(&op);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(op.result, -ECANCELED);
	CHECK(!(op.flags & OP_MORE));
	CHECK_EQ(accepted_count, MANY);
	for (int i = 0; i < MANY; i++) {
		close_fd(accepted[i]);
		close(clients[i]);
	}
	close_fd(listener);
	close_poller();
}

/* What an event makes ready is the loop's next work: more than are accepted at once, so that some are found before the
 * wait itself. */
TEST(a_wait_that_has_accepted_does_not_sleep)
{
	enum { MANY = 100 };
	struct sockaddr_in address;
	struct rota__op op;
	int listener, clients[MANY], before, news;

	open_poller();
	listener = listen_on(&address);
	for (int i = 0; i < MANY; i++)
		clients[i] = connect_now(&address);
	stop_after = -1;
	start_accepting(&op, listener);
	while (accepted_count < MANY) {
		before = accepted_count;
		news = poller->engine->wait(poller, ROTA_FOREVER);
		CHECK_EQ(news, accepted_count - before);
	}
	cancel(&op);
	CHECK_EQ(finish(&op), -ECANCELED);
	for (int i = 0; i < MANY; i++) {
		close_fd(accepted[i]);
		close(clients[i]);
	}
	close_fd(listener);
	close_poller();
}

TEST(multishot_accept_may_be_cancelled_from_its_own_callback)
{
	enum { MANY = 20 };
	struct sockaddr_in address;
	struct rota__op op;
	int listener, clients[MANY];

	open_poller();
	listener = listen_on(&address);
	for (int i = 0; i < MANY; i++)
		clients[i] = connect_now(&address);
	stop_after = 5;
	start_accepting(&op, listener);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(op.result, -ECANCELED);
	CHECK(accepted_count >= 5); /* what the system had accepted before it heard is told, too */
	for (int i = 0; i < accepted_count; i++)
		close_fd(accepted[i]);
	for (int i = 0; i < MANY; i++)
		close(clients[i]);
	close_fd(listener);
	close_poller();
}

TEST(accept_without_descriptors_ends_with_emfile)
{
	struct rlimit old, few;
	struct sockaddr_in address;
	struct rota__op op;
	int listener, client, spare;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	open_poller();
	listener = listen_on(&address);
	client = connect_now(&address);
	turn(ROTA_NOW);
	spare = dup(client);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ (rlim_t)spare + 1, old.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	stop_after = -1;
	start_accepting(&op, listener);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(op.result, -EMFILE);
	close(spare);
	start_accepting(&op, listener);
	while (accepted_count == 0)
		turn(ROTA_FOREVER);
	cancel(&op);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	close_fd(accepted[0]);
	close(client);
	close_fd(listener);
	close_poller();
}

TEST(a_reset_by_the_peer_is_told_to_reader_and_writer)
{
	struct linger reset = { 1, 0 };
	struct sockaddr_in address;
	struct rota__op op, in;
	char buf[8];
	int listener, client;

	open_poller();
	listener = listen_on(&address);
	client = connect_now(&address);
	op = (struct rota__op){ .kind = OP_ACCEPT, .fd = listener };
	CHECK(perform(&op) >= 0);
	in = receive_op((int)op.result, buf, sizeof buf);
	CHECK(start(&in));
	turn(ROTA_NOW);
	CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	close(client);
	CHECK_EQ(finish(&in), -ECONNRESET);
	in = send_op((int)op.result, "x", 1);
	CHECK_EQ(perform(&in), -EPIPE); /* and no SIGPIPE */
	close_fd((int)op.result);
	close_fd(listener);
	close_poller();
}

TEST(poll_reports_readiness_of_pipes_events_and_files)
{
	struct rota__op op = { .kind = OP_POLL, .poll.events = POLLIN };
	uint64_t one = 1;
	int fds[2], event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), file = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	open_poller();
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	op.fd = fds[0];
	CHECK(start(&op));
	turn(ROTA_NOW);
	CHECK_EQ(op.state, OP_PENDING);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK(finish(&op) & POLLIN);
	op = (struct rota__op){ .kind = OP_POLL, .fd = event, .poll.events = POLLIN };
	CHECK(start(&op));
	turn(ROTA_NOW);
	CHECK_EQ(write(event, &one, sizeof one), (ssize_t)sizeof one);
	CHECK(finish(&op) & POLLIN);
	op = (struct rota__op){ .kind = OP_POLL, .fd = file, .poll.events = POLLIN };
	CHECK(perform(&op) & POLLIN);
	op = (struct rota__op){ .kind = OP_POLL, .fd = fds[0], .poll.events = POLLIN };
	CHECK(perform(&op) & POLLIN);
	close(file);
	close_fd(event);
	close_both(fds);
	close_poller();
}

TEST(a_closed_descriptor_is_an_error_not_a_hang)
{
	char buf[4];
	struct rota__op op = receive_op(9999, buf, sizeof buf);

	open_poller();
	CHECK_EQ(perform(&op), -EBADF);
	op = receive_op(-1, buf, sizeof buf);
	CHECK_EQ(perform(&op), -EBADF);
	close_poller();
}

TEST(a_number_that_is_used_again_starts_afresh)
{
	char buf[8];
	int fds[2], again[2];
	struct rota__op op;

	open_poller();
	for (int i = 0; i < 50; i++) {
		socket_pair(fds);
		op = receive_op(fds[0], buf, sizeof buf);
		CHECK(start(&op));
		turn(ROTA_NOW);
		CHECK_EQ(write(fds[1], "old", 3), 3);
		CHECK_EQ(finish(&op), 3);
		CHECK_EQ(write(fds[1], "stale", 5), 5); /* its edge is still to be reported */
		close_both(fds);
		socket_pair(again);
		op = receive_op(again[0], buf, sizeof buf);
		op.flags = OP_POLL_FIRST;
		CHECK(start(&op));
		turn(ROTA_NOW);
		CHECK_EQ(op.state, OP_PENDING);
		CHECK_EQ(write(again[1], "new!", 4), 4);
		CHECK_EQ(finish(&op), 4);
		close_both(again);
	}
	close_poller();
}

TEST(a_wait_is_never_shorter_than_its_deadline_and_ends)
{
	open_poller();
	for (int i = 0; i < 20; i++) {
		uint64_t deadline = rota_deadline(ROTA_MICROSECONDS(100) * (uint64_t)i);

		turn(deadline);
		CHECK(rota_now_ns() >= deadline);
	}
	turn(ROTA_NOW);
	turn(1);
	close_poller();
}

static uint32_t may_wake;

static void *wake_later(void *arg)
{
	while (!__atomic_load_n(&may_wake, __ATOMIC_ACQUIRE))
		sched_yield();
	poller->engine->wake(poller);
	return NULL;
}

TEST(a_wake_ends_the_wait_it_meets_or_the_next_one)
{
	pthread_t thread;

	open_poller();
	turn(ROTA_NOW);
	poller->engine->wake(poller);
	turn(ROTA_FOREVER);
	for (int i = 0; i < 100; i++) {
		__atomic_store_n(&may_wake, 0, __ATOMIC_RELEASE);
		CHECK_EQ(pthread_create(&thread, NULL, wake_later, NULL), 0);
		__atomic_store_n(&may_wake, 1, __ATOMIC_RELEASE);
		turn(ROTA_FOREVER);
		pthread_join(thread, NULL);
	}
	close_poller();
}

TEST(more_ops_than_any_queue_has_places_all_complete)
{
	enum { PAIRS = 1500, OPS = 4 };
	static struct rota__op ops[PAIRS][OPS];
	static char bufs[PAIRS][OPS];
	static int fds[PAIRS][2];
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 2 * PAIRS + 64)
		SKIP("this many descriptors are not allowed here");
	open_poller();
	for (int i = 0; i < PAIRS; i++) {
		socket_pair(fds[i]);
		for (int k = 0; k < OPS; k++) {
			ops[i][k] = receive_op(fds[i][0], &bufs[i][k], 1);
			CHECK(start(&ops[i][k]));
		}
	}
	turn(ROTA_NOW);
	CHECK_EQ(poller->pending, PAIRS * OPS);
	for (int i = 0; i < PAIRS; i++)
		CHECK_EQ(write(fds[i][1], "abcd", OPS), OPS);
	while (poller->pending > 0 || !fifo_empty(&poller->completed))
		turn(ROTA_FOREVER);
	for (int i = 0; i < PAIRS; i++) {
		int seen = 0;

		for (int k = 0; k < OPS; k++)
			seen |= 1 << (bufs[i][k] - 'a');
		CHECK_EQ(seen, 0xf);
		close_both(fds[i]);
	}
	close_poller();
}

static struct rota__op pooled_op(int fd)
{
	return (struct rota__op){ .kind = OP_RECV_POOLED, .fd = fd };
}

TEST(pooled_receives_wait_for_a_buffer_and_go_on_when_one_is_returned)
{
	enum { BUFFERS = 4, MANY = 12 };
	struct rota__poller_config config = { .buffer_count = BUFFERS, .buffer_bytes = 64 };
	struct rota__op ops[MANY];
	int fds[MANY][2], held = 0, through = 0;
	bool returned[MANY] = { false };

	open_poller_with(&config);
	for (int i = 0; i < MANY; i++) {
		socket_pair(fds[i]);
		ops[i] = pooled_op(fds[i][0]);
		CHECK(start(&ops[i]));
	}
	turn(ROTA_NOW);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(write(fds[i][1], "data", 4), 4);
	while (through < MANY) {
		turn(held > 0 ? ROTA_NOW : ROTA_FOREVER);
		held = 0;
		for (int i = 0; i < MANY; i++)
			held += ops[i].state == OP_DONE && !returned[i];
		CHECK(held <= BUFFERS);
		for (int i = 0; i < MANY; i++) {
			if (ops[i].state != OP_DONE || returned[i])
				continue;
			CHECK_EQ(ops[i].result, 4);
			CHECK(memcmp(ops[i].buf.base, "data", 4) == 0);
			poller->engine->give_back(poller, ops[i].buffer_id);
			returned[i] = true;
			held--;
			through++;
			break; /* one at a time */
		}
	}
	for (int i = 0; i < MANY; i++)
		close_both(fds[i]);
	close_poller();
}

TEST(as_many_pooled_receives_as_have_come_hold_a_buffer_each_until_it_is_returned)
{
	enum { MANY = 300 };
	static struct rota__op ops[MANY];
	static int fds[MANY][2];

	open_poller();
	for (int i = 0; i < MANY; i++)
		socket_pair(fds[i]);
	for (int round = 0; round < 4; round++) {
		int count = round == 2 ? 10 : MANY; /* few, and then many again */

		for (int i = 0; i < count; i++) {
			int sent = 1000 * round + i;

			ops[i] = pooled_op(fds[i][0]);
			CHECK(start(&ops[i]));
			CHECK_EQ(write(fds[i][1], &sent, sizeof sent), sizeof sent);
		}
		for (int i = 0; i < count; i++)
			CHECK_EQ(finish(&ops[i]), sizeof(int));
		for (int i = 0; i < count; i++)
			CHECK_EQ(*(const int *)ops[i].buf.base, 1000 * round + i); /* nobody else has it */
		for (int i = 0; i < count; i++)
			poller->engine->give_back(poller, ops[i].buffer_id);
		for (int i = 0; i < 100; i++) { /* a loop that has little to do sleeps */
			ops[0] = pooled_op(fds[0][0]);
			CHECK(start(&ops[0]));
			turn(rota_now_ns() + 1);
			CHECK_EQ(write(fds[0][1], "x", 1), 1);
			CHECK_EQ(finish(&ops[0]), 1);
			poller->engine->give_back(poller, ops[0].buffer_id);
		}
	}
	for (int i = 0; i < MANY; i++)
		close_both(fds[i]);
	close_poller();
}

/* ---- receives that go on ---- */

enum { HEARD_MAX = 64 };
static uint32_t heard_ids[HEARD_MAX];
static char heard[HEARD_MAX * 64];
static int heard_count, heard_bytes;

static void note_heard(struct rota__op *op)
{
	if (op->result <= 0)
		return;
	memcpy(heard + heard_bytes, op->buf.base, (size_t)op->result);
	heard_bytes += (int)op->result;
	heard_ids[heard_count++] = op->buffer_id;
}

static void start_hearing(struct rota__op *op, int fd)
{
	if (!poller->receives_on)
		SKIP("this poller has no receives that go on");
	heard_count = heard_bytes = 0;
	*op = (struct rota__op){ .kind = OP_RECV_MULTI, .fd = fd, .done = note_heard, .state = OP_PENDING };
	CHECK(poller->engine->submit(poller, op));
}

static void stop_hearing(struct rota__op *op)
{
	cancel(op);
	while (op->state != OP_DONE)
		turn(ROTA_FOREVER);
}

static void give_back_heard(void)
{
	while (heard_count > 0)
		poller->engine->give_back(poller, heard_ids[--heard_count]);
}

TEST(a_receive_that_goes_on_tells_all_that_comes_and_then_the_end)
{
	struct rota__op op;
	int fds[2];

	open_poller();
	socket_pair(fds);
	start_hearing(&op, fds[0]);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(write(fds[1], "data", 4), 4);
		while (heard_count == 0)
			turn(ROTA_FOREVER);
		CHECK_EQ(heard_bytes, 4 * (i + 1));
		CHECK(memcmp(heard + 4 * i, "data", 4) == 0);
		CHECK(op.flags & OP_MORE);
		give_back_heard();
	}
	shutdown(fds[1], SHUT_WR);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(op.result, 0);
	CHECK(!(op.flags & OP_MORE));
	close_both(fds);
	close_poller();
}

TEST(a_receive_that_goes_on_tells_what_is_behind_urgent_data)
{
	struct rota__op op;
	int fds[2];

	open_poller();
	tcp_pair(fds);
	start_hearing(&op, fds[0]);
	for (int i = 1; i <= 3; i++) {
		send_around_urgent(fds[1]);
		while (heard_bytes < 4 * i)
			turn(ROTA_FOREVER);
		CHECK(memcmp(heard + 4 * (i - 1), "abcd", 4) == 0);
		give_back_heard();
	}
	stop_hearing(&op);
	close_both(fds);
	close_poller();
}

/* What has come before the cancellation took effect is told, what has not stays where it is. */
TEST(a_receive_that_goes_on_loses_nothing_when_cancelled)
{
	struct rota__op op;
	char rest[64];
	int fds[2];

	for (int i = 0; i < 50; i++) {
		ssize_t left;

		open_poller();
		socket_pair(fds);
		start_hearing(&op, fds[0]);
		if (i % 3 == 0)
			turn(ROTA_NOW);
		CHECK_EQ(write(fds[1], "abc", 3), 3);
		if (i % 2 == 0)
			turn(ROTA_NOW);
		cancel(&op);
		CHECK_EQ(write(fds[1], "def", 3), 3);
		while (op.state != OP_DONE)
			turn(ROTA_FOREVER);
		CHECK_EQ(op.result, -ECANCELED);
		left = recv(fds[0], rest, sizeof rest, MSG_DONTWAIT);
		memcpy(heard + heard_bytes, rest, left > 0 ? (size_t)left : 0);
		CHECK_EQ(heard_bytes + (left > 0 ? left : 0), 6);
		CHECK(memcmp(heard, "abcdef", 6) == 0);
		give_back_heard();
		close_both(fds);
		close_poller();
	}
}

TEST(a_receive_that_goes_on_ends_without_a_buffer_and_says_when_few_are_left)
{
	enum { BUFFERS = 4 };
	struct rota__poller_config config = { .buffer_count = BUFFERS, .buffer_bytes = 64 };
	struct rota__op op;
	int fds[2];

	open_poller_with(&config);
	socket_pair(fds);
	start_hearing(&op, fds[0]);
	for (int i = 0; i < BUFFERS; i++) {
		CHECK_EQ(write(fds[1], "data", 4), 4);
		while (heard_count == i)
			turn(ROTA_FOREVER);
		CHECK_EQ(!!(op.flags & OP_SCARCE), i >= BUFFERS / 2);
	}
	CHECK_EQ(write(fds[1], "more", 4), 4);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	CHECK_EQ(op.result, -ENOBUFS);
	CHECK_EQ(heard_bytes, 4 * BUFFERS);
	give_back_heard();
	start_hearing(&op, fds[0]);
	while (heard_count == 0)
		turn(ROTA_FOREVER);
	CHECK(memcmp(heard, "more", 4) == 0);
	give_back_heard();
	stop_hearing(&op);
	close_both(fds);
	close_poller();
}

/* A pending op keeps a socket open, whose peer then waits for its end. */
TEST(a_flush_after_a_cancel_leaves_a_descriptor_free_to_be_closed)
{
	struct rota__op op;
	char byte;
	int fds[2];

	open_poller();
	socket_pair(fds);
	start_hearing(&op, fds[0]);
	turn(ROTA_NOW);
	cancel(&op);
	poller->engine->flush(poller);
	close_fd(fds[0]);
	CHECK_EQ(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	while (op.state != OP_DONE)
		turn(ROTA_FOREVER);
	close_fd(fds[1]);
	close_poller();
}

/* ---- where buffers are few ---- */

/* Who has waited longest has the next one, and what comes later does not. */
TEST(pooled_receives_that_starve_go_on_in_their_order)
{
	enum { MANY = 40 };
	struct rota__poller_config config = { .buffer_count = 1, .buffer_bytes = 64 };
	struct rota__op first, starved[MANY], later[MANY];
	int fds[2 * MANY + 1][2];

	open_poller_with(&config);
	for (int i = 0; i < 2 * MANY + 1; i++)
		socket_pair(fds[i]);
	for (int i = 0; i < MANY; i++) { /* there is a buffer, and nothing to put into it */
		later[i] = pooled_op(fds[MANY + i][0]);
		CHECK(start(&later[i]));
		turn(ROTA_NOW);
	}
	CHECK_EQ(write(fds[2 * MANY][1], "data", 4), 4);
	first = pooled_op(fds[2 * MANY][0]);
	CHECK_EQ(perform(&first), 4);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(write(fds[i][1], "data", 4), 4);
		starved[i] = pooled_op(fds[i][0]);
		CHECK(start(&starved[i]));
		turn(ROTA_NOW);
	}
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(write(fds[MANY + i][1], "more", 4), 4);
		poller->engine->give_back(poller, i == 0 ? first.buffer_id : starved[i - 1].buffer_id);
		CHECK_EQ(finish(&starved[i]), 4);
		CHECK(memcmp(starved[i].buf.base, "data", 4) == 0);
		for (int k = 0; k <= i; k++)
			CHECK_EQ(later[k].state, OP_PENDING);
	}
	for (int i = 0; i < MANY; i++) {
		poller->engine->give_back(poller, i == 0 ? starved[MANY - 1].buffer_id : later[i - 1].buffer_id);
		CHECK_EQ(finish(&later[i]), 4);
		CHECK(memcmp(later[i].buf.base, "more", 4) == 0);
	}
	for (int i = 0; i < 2 * MANY + 1; i++)
		close_both(fds[i]);
	close_poller();
}

/* `first` has the only buffer, and `second` asks for one; there are bytes for both. */
static void starve(int a[2], int b[2], struct rota__op *first, struct rota__op *second)
{
	struct rota__poller_config config = { .buffer_count = 1, .buffer_bytes = 64 };

	open_poller_with(&config);
	socket_pair(a);
	socket_pair(b);
	CHECK_EQ(write(a[1], "a", 1), 1);
	CHECK_EQ(write(b[1], "b", 1), 1);
	*first = pooled_op(a[0]);
	CHECK_EQ(perform(first), 1);
	*second = pooled_op(b[0]);
	CHECK(start(second));
}

/* A ring refuses the receive when it is submitted, which many others make happen early, and says so at the next look at it. */
TEST(a_pooled_receive_is_not_forgotten_whose_buffer_comes_back_before_its_refusal_is_seen)
{
	enum { OTHERS = 2000 };
	static struct rota__op others[OTHERS];
	struct rota__op first, second;
	int a[2], b[2];

	starve(a, b, &first, &second);
	for (int i = 0; i < OTHERS; i++) {
		others[i] = (struct rota__op){ .kind = OP_NOP };
		CHECK(start(&others[i]));
	}
	poller->engine->give_back(poller, first.buffer_id);
	CHECK_EQ(finish(&second), 1);
	for (int i = 0; i < OTHERS; i++)
		CHECK_EQ(finish(&others[i]), 0);
	close_both(a);
	close_both(b);
	close_poller();
}

TEST(a_pooled_receive_that_starves_can_be_cancelled_and_an_end_takes_no_buffer)
{
	struct rota__op first, second;
	int a[2], b[2];

	starve(a, b, &first, &second);
	turn(ROTA_NOW);
	turn(ROTA_NOW);
	CHECK_EQ(second.state, OP_PENDING);
	cancel(&second);
	CHECK_EQ(finish(&second), -ECANCELED);
	poller->engine->give_back(poller, first.buffer_id);
	second = pooled_op(b[0]);
	CHECK_EQ(perform(&second), 1);
	poller->engine->give_back(poller, second.buffer_id);
	shutdown(b[1], SHUT_WR);
	second = pooled_op(b[0]);
	CHECK_EQ(perform(&second), 0);
	CHECK_EQ(write(a[1], "c", 1), 1);
	first = pooled_op(a[0]); /* the only buffer is free */
	CHECK_EQ(perform(&first), 1);
	poller->engine->give_back(poller, first.buffer_id);
	close_both(a);
	close_both(b);
	close_poller();
}

TEST(messages_with_several_pieces_go_both_ways)
{
	char one[3] = "", two[8] = "";
	struct iovec out[] = { { (void *)"abc", 3 }, { (void *)"defg", 4 } };
	struct iovec in[] = { { one, sizeof one }, { two, sizeof two } };
	struct msghdr out_msg = { .msg_iov = out, .msg_iovlen = 2 }, in_msg = { .msg_iov = in, .msg_iovlen = 2 };
	struct rota__op op;
	int fds[2];

	open_poller();
	socket_pair(fds);
	op = (struct rota__op){ .kind = OP_SENDMSG, .fd = fds[0], .msg = { .msg = &out_msg } };
	CHECK_EQ(perform(&op), 7);
	op = (struct rota__op){ .kind = OP_RECVMSG, .fd = fds[1], .msg = { .msg = &in_msg } };
	CHECK_EQ(perform(&op), 7);
	CHECK(memcmp(one, "abc", 3) == 0 && memcmp(two, "defg", 4) == 0);
	close_both(fds);
	close_poller();
}

/* File ops, by the poller or by the pool's way: the answers are the same. */
static int64_t file_op(struct rota__op *op)
{
	if (start(op))
		return finish(op);
	return rota__op_perform(op);
}

TEST(file_ops_answer_alike_whoever_carries_them)
{
	char dir[] = "/tmp/rota-poll-XXXXXX", path[64], path2[64], buf[16];
	struct statx st;
	struct rota__op op;
	int fd;

	open_poller();
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/sub", dir);
	op = (struct rota__op){ .kind = OP_MKDIRAT, .fd = AT_FDCWD, .path = { .path = path, .mode = 0700 } };
	CHECK_EQ(file_op(&op), 0);
	CHECK_EQ(file_op(&op), -EEXIST);
	snprintf(path, sizeof path, "%s/a", dir);
	snprintf(path2, sizeof path2, "%s/b", dir);
	op = (struct rota__op){ .kind = OP_OPENAT, .fd = AT_FDCWD, .path = { .path = path, .flags = O_RDWR } };
	CHECK_EQ(file_op(&op), -ENOENT);
	op.path.flags |= O_CREAT;
	op.path.mode = 0600;
	fd = (int)file_op(&op);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	op = (struct rota__op){ .kind = OP_WRITE, .fd = fd, .buf = { .base = (void *)"0123456789", .len = 10, .offset = 0 } };
	CHECK_EQ(file_op(&op), 10);
	op = (struct rota__op){ .kind = OP_READ, .fd = fd, .buf = { .base = buf, .len = 4, .offset = 3 } };
	CHECK_EQ(file_op(&op), 4);
	CHECK(memcmp(buf, "3456", 4) == 0);
	op = (struct rota__op){ .kind = OP_FTRUNCATE, .fd = fd, .buf = { .offset = 5 } };
	CHECK_EQ(file_op(&op), 0);
	op = (struct rota__op){ .kind = OP_FSYNC, .fd = fd };
	CHECK_EQ(file_op(&op), 0);
	op = (struct rota__op){ .kind = OP_STATX, .fd = AT_FDCWD, .path = { .path = path, .mode = STATX_SIZE, .statx = &st } };
	CHECK_EQ(file_op(&op), 0);
	CHECK_EQ(st.stx_size, 5);
	op = (struct rota__op){ .kind = OP_RENAMEAT, .fd = AT_FDCWD, .path = { .path = path, .path2 = path2 } };
	CHECK_EQ(file_op(&op), 0);
	op = (struct rota__op){ .kind = OP_UNLINKAT, .fd = AT_FDCWD, .path = { .path = path } };
	CHECK_EQ(file_op(&op), -ENOENT);
	op.path.path = path2;
	CHECK_EQ(file_op(&op), 0);
	op = (struct rota__op){ .kind = OP_CLOSE, .fd = fd };
	CHECK_EQ(file_op(&op), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	snprintf(path, sizeof path, "%s/sub", dir);
	op = (struct rota__op){ .kind = OP_UNLINKAT, .fd = AT_FDCWD, .path = { .path = path, .flags = AT_REMOVEDIR } };
	CHECK_EQ(file_op(&op), 0);
	CHECK_EQ(rmdir(dir), 0);
	close_poller();
}

struct sleeper {
	pid_t thread;
	int fd; /* to be written to when it sleeps */
};

static void *write_when_it_sleeps(void *arg)
{
	const struct sleeper *sleeper = arg;

	wait_until_asleep(sleeper->thread);
	CHECK_EQ(write(sleeper->fd, "x", 1), 1);
	return NULL;
}

static void wait_abroad(int how, int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct epoll_event event = { .events = how == 1 ? EPOLLIN : EPOLLIN | EPOLLET }, got;
	int epoll_fd, n;

	if (how == 0) {
		CHECK_EQ(poll(&ready, 1, -1), 1);
		return;
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	CHECK_EQ(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
	do
		n = epoll_wait(epoll_fd, &got, 1, -1);
	while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
	close(epoll_fd);
}

TEST(a_foreign_loop_that_sleeps_on_the_exposed_descriptor_is_woken_by_completions)
{
	int fds[2], backend_fd;

	open_poller();
	socket_pair(fds);
	backend_fd = poller->engine->expose(poller);
	CHECK(backend_fd >= 0);
	CHECK_EQ(poller->engine->expose(poller), backend_fd);
	for (int how = 0; how < 3; how++) { /* poll, epoll, epoll edge-triggered */
		struct pollfd ready = { .fd = backend_fd, .events = POLLIN };
		struct sleeper here = { gettid(), fds[1] };
		char buf[4];
		struct rota__op op = receive_op(fds[0], buf, sizeof buf);
		pthread_t writer;

		CHECK(start(&op));
		while (poller->engine->hand_over(poller) || poll(&ready, 1, 0) > 0)
			turn(ROTA_NOW);
		CHECK_EQ(pthread_create(&writer, NULL, write_when_it_sleeps, &here), 0);
		wait_abroad(how, backend_fd);
		CHECK_EQ(pthread_join(writer, NULL), 0);
		CHECK_EQ(finish(&op), 1);
	}
	close_both(fds);
	close_poller();
}

static void *tell(void *arg)
{
	poller->engine->tell(poller);
	return NULL;
}

TEST(another_thread_can_tell_a_foreign_loop)
{
	struct pollfd ready;
	pthread_t teller;

	open_poller();
	ready = (struct pollfd){ .fd = poller->engine->expose(poller), .events = POLLIN };
	CHECK_EQ(poll(&ready, 1, 0), 1); /* the first look begins with a turn */
	while (poller->engine->hand_over(poller) || poll(&ready, 1, 0) > 0)
		turn(ROTA_NOW);
	CHECK_EQ(poller->engine->expose(poller), ready.fd);
	CHECK_EQ(poll(&ready, 1, 0), 0);
	CHECK_EQ(pthread_create(&teller, NULL, tell, NULL), 0);
	CHECK_EQ(poll(&ready, 1, -1), 1);
	CHECK_EQ(pthread_join(teller, NULL), 0);
	close_poller();
}
