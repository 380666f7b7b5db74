/* datagram.c - UDP with callbacks, and groups */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/groups.h"
#include "io/loop.h"

/* ---- a socket that notes what it sees ---- */

struct side {
	struct rota_datagrams udp;
	struct rota_datagram send;
	char text[256];
	char from[64];
	int received, error, sent, sent_rc, closed;
	size_t size;
	int stop_after; /* close both after so many; 0: never */
};

static struct side a, b;

static void note_close(struct rota_handle *handle)
{
	((struct side *)(void *)handle)->closed++;
}

static void close_both(void)
{
	rota_handle_close(&a.udp.handle, note_close);
	rota_handle_close(&b.udp.handle, note_close);
}

static void note_recv(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	struct side *s = (struct side *)udp;

	if (rc < 0) {
		s->error = rc;
		close_both();
		return;
	}
	s->received++;
	s->size = message->size;
	rota_address_name(&message->address, s->from, sizeof s->from);
	if (strlen(s->text) + message->size < sizeof s->text)
		strncat(s->text, message->data, message->size);
	if (s->received == s->stop_after)
		close_both();
}

static void note_sent(struct rota_datagram *datagram, int rc)
{
	struct side *s = (struct side *)datagram->udp;

	s->sent++;
	s->sent_rc = rc;
}

/* Two sockets that know each other's address. */
static struct rota_address to_a, to_b;

static void address_of(struct side *s, struct rota_address *ret)
{
	char name[64];

	CHECK(rota_datagrams_local_name(&s->udp, name, sizeof name) > 0);
	CHECK_EQ(rota_address_parse(ret, name), 0);
}

static void open_both(struct rota_loop *loop)
{
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, "127.0.0.1:0", NULL), 0);
	address_of(&a, &to_a);
	address_of(&b, &to_b);
}

/* ---- one by one ---- */

LOOP_TEST(a_datagram_comes_with_its_sender)
{
	char name[64];

	open_both(loop);
	b.stop_after = 2;
	CHECK_EQ(rota_datagrams_recv_start(&b.udp, note_recv), 0);
	CHECK_EQ(rota_datagrams_recv_start(&b.udp, note_recv), -EALREADY);
	CHECK_EQ(rota_datagrams_send(&a.udp, &a.send, "one", 3, &to_b, note_sent), 0);
	CHECK_EQ(a.sent, 0); /* never within */
	CHECK_EQ(rota_datagrams_try_send(&a.udp, "two", 3, &to_b), 3);
	rota_datagrams_local_name(&a.udp, name, sizeof name);
	run(loop);
	CHECK_STR(b.text, "onetwo");
	CHECK_STR(b.from, name);
	CHECK_EQ(a.sent, 1);
	CHECK_EQ(a.sent_rc, 0);
	CHECK_EQ(a.closed + b.closed, 2);
}

LOOP_TEST(an_empty_datagram_is_a_datagram)
{
	open_both(loop);
	b.stop_after = 1;
	b.size = 9;
	rota_datagrams_recv_start(&b.udp, note_recv);
	rota_datagrams_send(&a.udp, &a.send, NULL, 0, &to_b, note_sent);
	run(loop);
	CHECK_EQ(b.received, 1);
	CHECK_EQ(b.size, 0);
}

LOOP_TEST(the_longest_datagram_comes_whole)
{
	enum { LONGEST = 65507 };
	static char data[LONGEST + 1];

	open_both(loop);
	b.stop_after = 1;
	rota_datagrams_recv_start(&b.udp, note_recv);
	CHECK_EQ(rota_datagrams_try_send(&a.udp, data, LONGEST + 1, &to_b), -EMSGSIZE);
	rota_datagrams_send(&a.udp, &a.send, data, LONGEST, &to_b, note_sent);
	run(loop);
	CHECK_EQ(a.sent_rc, 0);
	CHECK_EQ(b.size, LONGEST);
}

LOOP_TEST(a_connected_socket_needs_no_address_and_hears_of_refusal)
{
	char name[64], peer[64];

	open_both(loop);
	rota_address_name(&to_b, name, sizeof name);
	CHECK_EQ(rota_datagrams_peer_name(&a.udp, peer, sizeof peer), -ENOTCONN);
	CHECK_EQ(rota_datagrams_connect(&a.udp, name), 0);
	CHECK(rota_datagrams_peer_name(&a.udp, peer, sizeof peer) > 0);
	CHECK_STR(peer, name);
	rota_handle_close(&b.udp.handle, note_close);
	run(loop); /* nobody is there any more */
	CHECK_EQ(rota_datagrams_recv_start(&a.udp, note_recv), 0);
	CHECK_EQ(rota_datagrams_try_send(&a.udp, "x", 1, NULL), 1);
	run(loop);
	CHECK_EQ(a.error, -ECONNREFUSED);
}

LOOP_TEST(without_a_peer_there_is_nowhere_to_send_to)
{
	open_both(loop);
	rota_datagrams_send(&a.udp, &a.send, "x", 1, NULL, note_sent);
	CHECK_EQ(rota_datagrams_connect(&a.udp, "unix:/x"), -EAFNOSUPPORT);
	CHECK_EQ(rota_datagrams_connect(&a.udp, NULL), 0);
	rota_datagrams_recv_start(&a.udp, note_recv);
	rota_handle_unref(&a.udp.handle);
	run(loop);
	CHECK_EQ(a.sent, 1);
	CHECK_EQ(a.sent_rc, -EDESTADDRREQ);
}

/* ---- many ---- */

enum { MANY = 100 };

static void fill(struct rota_udp_message *messages, char *bytes)
{
	for (int i = 0; i < MANY; i++) {
		bytes[i] = (char)('a' + i % 26);
		messages[i] = (struct rota_udp_message){ .data = &bytes[i], .size = 1, .address = to_b };
	}
}

LOOP_TEST(many_go_out_at_once_and_come_in_order)
{
	static struct rota_udp_message messages[MANY];
	static char bytes[MANY];

	open_both(loop);
	fill(messages, bytes);
	b.stop_after = MANY;
	rota_datagrams_recv_start(&b.udp, note_recv);
	CHECK_EQ(rota_datagrams_send_many(&a.udp, &a.send, messages, MANY, note_sent), 0);
	run(loop);
	CHECK_EQ(a.sent_rc, 0);
	CHECK_EQ(a.send.done, MANY);
	CHECK_EQ(b.received, MANY);
	CHECK(memcmp(b.text, bytes, MANY) == 0);
}

LOOP_TEST(an_error_in_the_middle_says_how_many_went_out)
{
	static struct rota_udp_message messages[MANY];
	static char bytes[MANY], huge[70000];

	open_both(loop);
	fill(messages, bytes);
	messages[40].data = huge;
	messages[40].size = sizeof huge;
	rota_datagrams_send_many(&a.udp, &a.send, messages, MANY, note_sent);
	run(loop);
	CHECK_EQ(a.sent_rc, -EMSGSIZE);
	CHECK_EQ(a.send.done, 40);
	CHECK_EQ(rota_datagrams_queued_bytes(&a.udp), 0);
	CHECK_EQ(rota_datagrams_queued_count(&a.udp), 0);
}

/* Stops after each one, and starts again: nothing may be lost. */
static void one_at_a_time(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	CHECK_EQ(rota_datagrams_recv_stop(udp), 0);
	note_recv(udp, message, rc);
	if (rota_handle_is_open(&udp->handle))
		CHECK_EQ(rota_datagrams_recv_start(udp, one_at_a_time), 0);
}

LOOP_TEST(who_stops_after_each_one_loses_none)
{
	static struct rota_udp_message messages[MANY];
	static char bytes[MANY];

	open_both(loop);
	fill(messages, bytes);
	b.stop_after = MANY;
	rota_datagrams_send_many(&a.udp, &a.send, messages, MANY, note_sent);
	rota_datagrams_recv_start(&b.udp, one_at_a_time);
	run(loop);
	CHECK_EQ(b.received, MANY);
}

static void stop_and_start_later(struct rota_timer *timer)
{
	rota_datagrams_recv_start(&b.udp, note_recv);
}

static struct rota_timer later = { .fn = stop_and_start_later };

static void stop_after_one(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	rota_datagrams_recv_stop(udp);
	note_recv(udp, message, rc);
	rota_timer_start(udp->handle.loop, &later, ROTA_NOW);
}

LOOP_TEST(what_comes_while_it_is_stopped_is_told_by_the_next_start)
{
	open_both(loop);
	b.stop_after = 3;
	for (int i = 0; i < 3; i++)
		rota_datagrams_try_send(&a.udp, "x", 1, &to_b);
	rota_datagrams_recv_start(&b.udp, stop_after_one);
	run(loop);
	CHECK_EQ(b.received, 3);
}

/* A full socket: what does not go out waits, in order, and goes when there is room. */
LOOP_TEST(a_full_socket_makes_datagrams_wait_and_then_sends_them)
{
	enum { COUNT = 64, BYTES = 8000 };
	static struct rota_datagram sends[COUNT];
	static char data[BYTES];
	int fds[2], small = 1, ours;
	struct rota_datagrams *u = &a.udp;

	/* Only a Unix socket tells when the receiver is full; it is no socket of the Internet. */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_EQ(rota_datagrams_adopt(loop, u, fds[0]), -EPROTOTYPE);
	close(fds[0]);
	close(fds[1]);
	open_both(loop);
	ours = rota_datagrams_fd(u);
	CHECK_EQ(setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(rota_datagrams_send(u, &sends[i], data, BYTES, &to_b, note_sent), 0);
	run(loop);
	CHECK_EQ(a.sent, COUNT);
	CHECK_EQ(a.sent_rc, 0);
	CHECK_EQ(rota_datagrams_queued_bytes(u), 0);
}

static int drained;
static size_t queued_at_drain;

static void note_drain(struct rota_datagrams *udp)
{
	drained++;
	queued_at_drain = rota_datagrams_queued_bytes(udp);
}

/* The system's own call, which here can be told that its buffer is full, once.  (On the loopback device it never is.)  Those that
 * come later wait behind the one that was told so. */
static bool full;

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (!full)
		return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
	full = false;
	errno = EAGAIN;
	return -1;
}

enum { WAITING = 8, LENGTH = 1000 };

static struct rota_datagram waiting[WAITING];
static char block[LENGTH];

/* What is sent waits, until the buffer has room. */
static void fill_the_queue(struct rota_loop *loop, uint32_t high_bytes, uint32_t low_bytes)
{
	open_both(loop);
	a.udp.high_bytes = high_bytes;
	a.udp.low_bytes = low_bytes;
	a.udp.on_drain = note_drain;
	full = true;
	for (unsigned i = 0; i < WAITING; i++)
		CHECK_EQ(rota_datagrams_send(&a.udp, &waiting[i], block, LENGTH, &to_b, note_sent),
			high_bytes > 0 && (i + 1) * LENGTH >= high_bytes);
	CHECK_EQ(rota_datagrams_queued_bytes(&a.udp), WAITING * LENGTH);
	CHECK_EQ(rota_datagrams_queued_count(&a.udp), WAITING);
	CHECK_EQ(rota_datagrams_try_send(&a.udp, "x", 1, &to_b), -EAGAIN);
	CHECK_EQ(a.sent, 0);
	CHECK_EQ(drained, 0);
}

LOOP_TEST(watermarks_of_the_send_queue_say_when_to_wait_and_when_to_go_on)
{
	fill_the_queue(loop, 4 * LENGTH, LENGTH);
	run(loop);
	CHECK_EQ(a.sent, WAITING);
	CHECK_EQ(a.sent_rc, 0);
	CHECK_EQ(drained, 1);
	CHECK(queued_at_drain <= LENGTH);
	CHECK_EQ(rota_datagrams_send(&a.udp, &waiting[0], block, LENGTH, &to_b, note_sent), 0);
	run(loop);
	CHECK_EQ(drained, 1); /* it was not high meanwhile */
}

LOOP_TEST(without_watermarks_a_queue_may_grow)
{
	fill_the_queue(loop, 0, 0);
	run(loop);
	CHECK_EQ(a.sent, WAITING);
	CHECK_EQ(drained, 0);
}

LOOP_TEST(many_datagrams_in_one_call_reach_the_watermark_too)
{
	static struct rota_udp_message messages[MANY];
	static char bytes[MANY];

	open_both(loop);
	fill(messages, bytes);
	a.udp.high_bytes = MANY;
	a.udp.on_drain = note_drain;
	full = true;
	CHECK_EQ(rota_datagrams_send_many(&a.udp, &a.send, messages, MANY, note_sent), 1);
	run(loop);
	CHECK_EQ(drained, 1);
	CHECK_EQ(a.sent_rc, 0);
}

LOOP_TEST(a_queue_that_a_close_empties_is_no_reason_to_go_on)
{
	fill_the_queue(loop, LENGTH, 0);
	rota_handle_close(&a.udp.handle, NULL);
	run(loop);
	CHECK_EQ(a.sent, WAITING);
	CHECK_EQ(a.sent_rc, -ECANCELED);
	CHECK_EQ(drained, 0);
}

/* ---- opening ---- */

LOOP_TEST(what_cannot_be_opened_says_why)
{
	int fds[2];

	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "nonsense", NULL), -EINVAL);
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "unix:/x", NULL), -EAFNOSUPPORT);
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "192.0.2.1:0", NULL), -EADDRNOTAVAIL);
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(rota_datagrams_adopt(loop, &a.udp, fds[0]), -ENOTSOCK);
	close(fds[0]);
	close(fds[1]);
	CHECK_EQ(rota_datagrams_adopt(loop, &a.udp, -1), -EBADF);
	CHECK_EQ(rota_datagrams_recv_start(&a.udp, note_recv), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_recv_stop(&a.udp), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_send(&a.udp, &a.send, "x", 1, NULL, note_sent), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_try_send(&a.udp, "x", 1, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_fd(&a.udp), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, NULL, NULL), 0);
	CHECK(rota_datagrams_port(&a.udp) > 0);
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, NULL, NULL), -EBUSY);
}

LOOP_TEST(an_address_is_shared_only_if_all_want_it)
{
	struct rota_udp_options share = { .reuse_address = true };
	char name[64];

	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "127.0.0.1:0", &share), 0);
	rota_datagrams_local_name(&a.udp, name, sizeof name);
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, name, NULL), -EADDRINUSE);
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, name, &share), 0);
}

LOOP_TEST(a_socket_of_another_is_taken)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	CHECK_EQ(rota_datagrams_adopt(loop, &a.udp, fd), 0);
	CHECK_EQ(rota_datagrams_fd(&a.udp), fd);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, "127.0.0.1:0", NULL), 0);
	address_of(&a, &to_a);
	a.stop_after = 1;
	rota_datagrams_recv_start(&a.udp, note_recv);
	CHECK_EQ(rota_datagrams_try_send(&b.udp, "x", 1, &to_a), 1);
	run(loop);
	CHECK_EQ(a.received, 1);
}

LOOP_TEST(a_socket_of_both_families_shows_each_in_its_own_form)
{
	struct rota_address to;
	char text[64];

	CHECK_EQ(rota_datagrams_open(loop, &a.udp, ":0", NULL), 0);
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, "127.0.0.1:0", NULL), 0);
	snprintf(text, sizeof text, "127.0.0.1:%d", rota_datagrams_port(&a.udp));
	CHECK_EQ(rota_address_parse(&to, text), 0);
	a.stop_after = 1;
	rota_datagrams_recv_start(&a.udp, note_recv);
	CHECK_EQ(rota_datagrams_try_send(&b.udp, "x", 1, &to), 1);
	rota_datagrams_local_name(&b.udp, text, sizeof text);
	run(loop);
	CHECK_STR(a.from, text);
}

/* ---- closing ---- */

LOOP_TEST(what_waits_when_it_closes_is_cancelled_in_order_before_the_last_word)
{
	enum { COUNT = 200, BYTES = 60000 };
	static struct rota_datagram sends[COUNT];
	static char data[BYTES];
	int small = 1;

	open_both(loop);
	CHECK_EQ(setsockopt(rota_datagrams_fd(&a.udp), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	for (int i = 0; i < COUNT; i++)
		rota_datagrams_send(&a.udp, &sends[i], data, BYTES, &to_b, note_sent);
	rota_datagrams_recv_start(&b.udp, note_recv);
	close_both();
	CHECK_EQ(a.sent, 0);
	run(loop);
	CHECK_EQ(a.sent, COUNT);
	CHECK_EQ(a.closed + b.closed, 2);
}

/* At each point of its life: `point` callbacks later. */
static int points;

static void close_at_point(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	if (--points <= 0)
		close_both();
}

TEST(it_can_be_closed_at_any_point_of_its_life)
{
	for (int point = 0; point < 12; point++) {
		static struct rota_udp_message messages[MANY];
		static char bytes[MANY];
		struct rota_loop *loop;
		int rc = rota_loop_new(&loop, NULL);

		if (rc == -ENOSYS || rc == -EPERM)
			SKIP("this kernel refuses the poller");
		CHECK_EQ(rc, 0);
		memset(&a, 0, sizeof a);
		memset(&b, 0, sizeof b);
		open_both(loop);
		fill(messages, bytes);
		points = point - 3;
		if (point == 0)
			close_both();
		if (point > 0)
			rota_datagrams_recv_start(&b.udp, close_at_point);
		if (point == 1)
			close_both();
		if (point > 0)
			rota_datagrams_send_many(&a.udp, &a.send, messages, MANY, note_sent);
		if (point == 2)
			close_both();
		run(loop);
		CHECK_EQ(a.closed, 1);
		CHECK_EQ(b.closed, 1);
		CHECK_EQ(rota_loop_free(loop), 0);
	}
}

/* ---- groups ---- */

/* Both join on the loopback device, where no router and no network card has a say. */
static int join_group(struct rota_loop *loop, const char *address, const char *group)
{
	struct rota_udp_options share = { .reuse_address = true };
	int rc = rota_datagrams_open(loop, &a.udp, address, &share);

	if (rc == 0)
		rc = rota_datagrams_join(&a.udp, group, "lo");
	if (rc == 0)
		rc = rota_datagrams_set_multicast_interface(&a.udp, "lo");
	return rc;
}

static void join_group_of_ipv4(struct rota_loop *loop, const char *group)
{
	if (!system_has_groups())
		SKIP("no groups here");
	CHECK_EQ(join_group(loop, "0.0.0.0:0", group), 0);
}

static void send_to_group(const char *group)
{
	char text[64];
	struct rota_address to;

	snprintf(text, sizeof text, group, rota_datagrams_port(&a.udp));
	CHECK_EQ(rota_address_parse(&to, text), 0);
	CHECK_EQ(rota_datagrams_send(&a.udp, &a.send, "x", 1, &to, note_sent), 0);
}

LOOP_TEST(what_is_sent_to_a_group_comes_to_each_member)
{
	struct rota_udp_options share = { .reuse_address = true };
	char address[64];

	join_group_of_ipv4(loop, "239.255.1.2");
	snprintf(address, sizeof address, "0.0.0.0:%d", rota_datagrams_port(&a.udp));
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, address, &share), 0);
	CHECK_EQ(rota_datagrams_join(&b.udp, "239.255.1.2", "127.0.0.1"), 0);
	CHECK_EQ(rota_datagrams_join(&b.udp, "239.255.1.2", "127.0.0.1"), -EADDRINUSE);
	CHECK_EQ(rota_datagrams_set_multicast_ttl(&a.udp, 0), 0);
	rota_datagrams_recv_start(&a.udp, note_recv);
	rota_datagrams_recv_start(&b.udp, note_recv);
	rota_handle_unref(&a.udp.handle);
	b.stop_after = 1;
	send_to_group("239.255.1.2:%d");
	while (a.received == 0 || b.received == 0)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(a.received, 1);
	CHECK_EQ(b.received, 1);
}

static int option_of(int option)
{
	int value;
	socklen_t size = sizeof value;

	CHECK_EQ(getsockopt(rota_datagrams_fd(&a.udp), IPPROTO_IP, option, &value, &size), 0);
	return value;
}

/* On the loopback device all that is sent comes back: there is nothing to be seen but the options themselves. */
LOOP_TEST(how_far_a_group_reaches_is_set)
{
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "0.0.0.0:0", NULL), 0);
	CHECK_EQ(rota_datagrams_set_multicast_loop(&a.udp, false), 0);
	CHECK_EQ(option_of(IP_MULTICAST_LOOP), 0);
	CHECK_EQ(rota_datagrams_set_multicast_loop(&a.udp, true), 0);
	CHECK_EQ(option_of(IP_MULTICAST_LOOP), 1);
	CHECK_EQ(rota_datagrams_set_multicast_ttl(&a.udp, 33), 0);
	CHECK_EQ(option_of(IP_MULTICAST_TTL), 33);
	CHECK_EQ(rota_datagrams_set_ttl(&a.udp, 44), 0);
	CHECK_EQ(option_of(IP_TTL), 44);
}

/* Though another socket of this machine is still in it. */
LOOP_TEST(who_left_a_group_hears_no_more_of_it)
{
	join_group_of_ipv4(loop, "239.255.1.3");
	CHECK_EQ(rota_datagrams_open(loop, &b.udp, "0.0.0.0:0", NULL), 0);
	CHECK_EQ(rota_datagrams_join(&b.udp, "239.255.1.3", "lo"), 0);
	rota_datagrams_recv_start(&a.udp, note_recv);
	CHECK_EQ(rota_datagrams_leave(&a.udp, "239.255.1.3", "lo"), 0);
	CHECK_EQ(rota_datagrams_leave(&a.udp, "239.255.1.3", "lo"), -EADDRNOTAVAIL);
	send_to_group("239.255.1.3:%d");
	/* On loopback what is sent has arrived when the call returns: so this is the first that comes. */
	snprintf(a.from, sizeof a.from, "127.0.0.1:%d", rota_datagrams_port(&a.udp));
	CHECK_EQ(rota_address_parse(&to_a, a.from), 0);
	a.stop_after = 1;
	CHECK_EQ(rota_datagrams_try_send(&b.udp, "end", 3, &to_a), 3);
	run(loop);
	CHECK_STR(a.text, "end");
}

LOOP_TEST(groups_of_ipv6_and_of_both_families)
{
	if (join_group(loop, "[::]:0", "ff02::1:2:3") < 0)
		SKIP("no groups of IPv6 here");
	CHECK_EQ(rota_datagrams_join(&a.udp, "239.255.1.4", "lo"), 0);
	rota_datagrams_recv_start(&a.udp, note_recv);
	a.stop_after = 1;
	send_to_group("239.255.1.4:%d");
	run(loop);
	CHECK_EQ(a.received, 1);
}

LOOP_TEST(a_source_is_joined_and_left)
{
	int rc;

	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "0.0.0.0:0", NULL), 0);
	rc = rota_datagrams_join_source(&a.udp, "232.1.1.1", "127.0.0.1", "lo");
	if (rc == -ENOPROTOOPT)
		SKIP("no groups with sources here");
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_datagrams_leave_source(&a.udp, "232.1.1.1", "127.0.0.1", "lo"), 0);
	CHECK_EQ(rota_datagrams_leave_source(&a.udp, "232.1.1.1", "127.0.0.1", "lo"), -EADDRNOTAVAIL);
}

LOOP_TEST(groups_and_interfaces_that_are_none_are_refused)
{
	CHECK_EQ(rota_datagrams_join(&a.udp, "239.255.1.2", NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_datagrams_open(loop, &a.udp, "127.0.0.1:0", NULL), 0);
	CHECK_EQ(rota_datagrams_join(&a.udp, "nonsense", NULL), -EINVAL);
	CHECK_EQ(rota_datagrams_join(&a.udp, "127.0.0.1", "lo"), -EINVAL);
	CHECK_EQ(rota_datagrams_join(&a.udp, "ff02::1", "lo"), -EINVAL);
	CHECK_EQ(rota_datagrams_join(&a.udp, "239.255.1.2", "no-such-device"), -ENODEV);
	CHECK_EQ(rota_datagrams_join(&a.udp, "239.255.1.2", "192.0.2.1"), -ENODEV);
	CHECK_EQ(rota_datagrams_join_source(&a.udp, "232.1.1.1", NULL, "lo"), -EINVAL);
	CHECK_EQ(rota_datagrams_join_source(&a.udp, "232.1.1.1", "::1", "lo"), -EINVAL);
	CHECK_EQ(rota_datagrams_set_multicast_ttl(&a.udp, 256), -EINVAL);
	CHECK_EQ(rota_datagrams_set_ttl(&a.udp, 0), -EINVAL);
	CHECK_EQ(rota_datagrams_set_ttl(&a.udp, 255), 0);
	CHECK_EQ(rota_datagrams_set_broadcast(&a.udp, true), 0);
	CHECK_EQ(rota_datagrams_set_multicast_interface(&a.udp, "no-such-device"), -ENODEV);
}

LOOP_TEST(the_buffers_of_the_socket_are_set_and_told)
{
	unsigned send_bytes = 0, recv_bytes = 0;

	CHECK_EQ(rota_datagrams_set_buffers(&a.udp, 1, 1), ROTA_ECLOSED);
	open_both(loop);
	CHECK_EQ(rota_datagrams_set_buffers(&a.udp, 20000, 30000), 0);
	CHECK_EQ(rota_datagrams_get_buffers(&a.udp, &send_bytes, &recv_bytes), 0);
	CHECK_EQ(send_bytes, 20000);
	CHECK_EQ(recv_bytes, 30000);
}
