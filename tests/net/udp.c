/* udp.c - datagrams: one and many, from whom and to whom, and the ends of waiting */
#include <netinet/in.h>

#include "harness/groups.h"
#include "net/world.h"

static struct rota_udp *open_at(const char *address, struct rota_address *ret_address)
{
	struct rota_udp *udp;
	char text[64];

	CHECK_EQ(rota_udp_open(&udp, address), 0);
	CHECK(rota_udp_local_name(udp, text, sizeof text) > 0);
	if (ret_address != NULL)
		CHECK_EQ(rota_address_parse(ret_address, text), 0);
	return udp;
}

static const char *text_of(const struct rota_address *address)
{
	static char text[2][64];
	static int i;

	i = !i;
	rota_address_name(address, text[i], sizeof text[i]);
	return text[i];
}

TASK_TEST(a_datagram_arrives_whole_with_its_sender)
{
	struct rota_address a_at, b_at, from;
	struct rota_udp *a = open_at("127.0.0.1:0", &a_at), *b = open_at("127.0.0.1:0", &b_at);
	char buf[16];

	CHECK_EQ(rota_udp_send(a, "hello", 5, &b_at), 5);
	CHECK_EQ(rota_udp_send(a, "", 0, &b_at), 0);
	CHECK_EQ(rota_udp_recv(b, buf, sizeof buf, &from), 5);
	CHECK(memcmp(buf, "hello", 5) == 0);
	CHECK_STR(text_of(&from), text_of(&a_at));
	CHECK_EQ(rota_udp_recv(b, buf, sizeof buf, NULL), 0); /* an empty one is one, too */
	CHECK_EQ(rota_udp_send(b, "back", 4, &from), 4);
	CHECK_EQ(rota_udp_recv(a, buf, sizeof buf, &from), 4);
	CHECK_EQ(rota_udp_port(a), ntohs(((struct sockaddr_in *)&a_at.storage)->sin_port));
	rota_udp_close(a);
	rota_udp_close(b);
}

TASK_TEST(one_that_does_not_fit_tells_its_size)
{
	struct rota_address at;
	struct rota_udp *a = open_at("127.0.0.1:0", &at);
	struct rota_udp_message m;
	char buf[4];

	CHECK_EQ(rota_udp_send(a, "too long", 8, &at), 8);
	CHECK_EQ(rota_udp_recv(a, buf, sizeof buf, NULL), 8);
	CHECK(memcmp(buf, "too ", 4) == 0);
	CHECK_EQ(rota_udp_send(a, "too long", 8, &at), 8);
	CHECK_EQ(rota_udp_send(a, "fits", 4, &at), 4);
	m = (struct rota_udp_message){ .data = buf, .size = sizeof buf };
	CHECK_EQ(rota_udp_recv_many(a, &m, 1), 1);
	CHECK(m.truncated);
	CHECK_EQ(m.size, 4);
	CHECK_EQ(rota_udp_recv_many(a, &m, 1), 1);
	CHECK(!m.truncated);
	CHECK_EQ(m.size, 4);
	rota_udp_close(a);
}

TASK_TEST(a_socket_for_both_families_speaks_with_each_in_its_own_words)
{
	struct rota_address v4_at, v6_at, from;
	struct rota_udp *both = open_at(NULL, NULL), *v4 = open_at("127.0.0.1:0", &v4_at), *v6 = open_at("[::1]:0", &v6_at);
	char buf[4];

	CHECK_EQ(rota_udp_send(both, "4", 1, &v4_at), 1);
	CHECK_EQ(rota_udp_send(both, "6", 1, &v6_at), 1);
	CHECK_EQ(rota_udp_recv(v4, buf, 4, &from), 1);
	CHECK_EQ(from.storage.ss_family, AF_INET);
	CHECK_EQ(rota_udp_send(v4, "back", 4, &from), 4);
	CHECK_EQ(rota_udp_recv(both, buf, 4, &from), 4);
	CHECK_STR(text_of(&from), text_of(&v4_at));
	CHECK_EQ(from.storage.ss_family, AF_INET); /* not ::ffff:127.0.0.1 */
	CHECK_EQ(rota_udp_recv(v6, buf, 4, &from), 1);
	CHECK_EQ(rota_udp_send(v6, "back", 4, &from), 4);
	CHECK_EQ(rota_udp_recv(both, buf, 4, &from), 4);
	CHECK_STR(text_of(&from), text_of(&v6_at));
	CHECK_EQ(rota_udp_send(v4, "6", 1, &v6_at), -EAFNOSUPPORT);
	rota_udp_close(both);
	rota_udp_close(v4);
	rota_udp_close(v6);
}

TASK_TEST(a_connected_socket_hears_and_tells_its_peer_only)
{
	struct rota_address a_at, b_at, from;
	struct rota_udp *a = open_at("127.0.0.1:0", &a_at), *b = open_at("127.0.0.1:0", &b_at), *c = open_at("127.0.0.1:0", NULL);
	char buf[4];

	CHECK_EQ(rota_udp_send(a, "x", 1, NULL), -EDESTADDRREQ);
	CHECK_EQ(rota_udp_connect(a, text_of(&b_at)), 0);
	CHECK_EQ(rota_udp_send(c, "no", 2, &a_at), 2);
	CHECK_EQ(rota_udp_send(a, "x", 1, NULL), 1);
	CHECK_EQ(rota_udp_recv(b, buf, 4, &from), 1);
	CHECK_STR(text_of(&from), text_of(&a_at));
	CHECK_EQ(rota_udp_send(b, "yes", 3, &a_at), 3);
	CHECK_EQ(rota_udp_recv(a, buf, 4, &from), 3);
	CHECK_STR(text_of(&from), text_of(&b_at));
	rota_udp_close(b);
	CHECK_EQ(rota_udp_send(a, "x", 1, NULL), 1);
	CHECK_EQ(rota_udp_recv(a, buf, 4, NULL), -ECONNREFUSED); /* nobody is there any more */
	CHECK_EQ(rota_udp_connect(a, "[::1]:9"), -EAFNOSUPPORT);
	CHECK_EQ(rota_udp_connect(a, "nonsense"), -EINVAL);
	rota_udp_close(a);
	rota_udp_close(c);
}

TASK_TEST(a_name_is_connected_to_by_an_address_that_fits)
{
	struct rota_udp *v4 = open_at("127.0.0.1:0", NULL), *both = open_at(NULL, NULL);

	CHECK_EQ(rota_udp_connect(v4, "localhost:9"), 0); /* [::1] would not do */
	CHECK_EQ(rota_udp_connect(both, "127.0.0.1:9"), 0);
	rota_udp_close(v4);
	rota_udp_close(both);
}

TASK_TEST(what_cannot_be_opened_says_why)
{
	struct rota_udp *udp = (void *)&udp, *same = udp, *other;
	char name[64];

	CHECK_EQ(rota_udp_open(&udp, "nonsense"), -EINVAL);
	CHECK_EQ(rota_udp_open(&udp, "unix:x"), -EAFNOSUPPORT);
	CHECK_EQ(rota_udp_open(&udp, "192.0.2.1:0"), -EADDRNOTAVAIL);
	CHECK(udp == same);
	udp = open_at("127.0.0.1:0", NULL);
	rota_udp_local_name(udp, name, sizeof name);
	CHECK_EQ(rota_udp_open(&other, name), -EADDRINUSE);
	rota_udp_close(udp);
	rota_udp_close(NULL);
}

TEST(outside_of_a_run_it_is_refused)
{
	struct rota_udp *udp;

	CHECK_EQ(rota_udp_open(&udp, NULL), -EPERM);
}

/* ---- many ---- */

enum { MANY = 100 };

TASK_TEST(many_go_and_come_with_one_call)
{
	struct rota_address a_at, b_at;
	struct rota_udp *a = open_at("127.0.0.1:0", &a_at), *b = open_at("127.0.0.1:0", &b_at);
	struct rota_udp_message out[MANY], in[MANY];
	char data[MANY][8], room[MANY][8];
	int got = 0;

	for (int i = 0; i < MANY; i++)
		out[i] = (struct rota_udp_message){
			.data = data[i],
			.size = (size_t)snprintf(data[i], sizeof data[i], "%d", i),
			.address = b_at,
		};
	CHECK_EQ(rota_udp_send_many(a, out, MANY), MANY);
	while (got < MANY) {
		int n;

		for (int i = 0; i < MANY; i++)
			in[i] = (struct rota_udp_message){ .data = room[i], .size = sizeof room[i], .truncated = true };
		n = rota_udp_recv_many(b, in, MANY);
		CHECK(n >= 1 && got + n <= MANY);
		for (int i = 0; i < n; i++, got++) {
			CHECK_EQ(in[i].size, out[got].size);
			CHECK(memcmp(in[i].data, out[got].data, in[i].size) == 0);
			CHECK(!in[i].truncated);
			CHECK_STR(text_of(&in[i].address), text_of(&a_at));
		}
	}
	CHECK_EQ(rota_udp_send_many(a, out, 0), 0);
	CHECK_EQ(rota_udp_recv_many(b, in, 0), 0);
	rota_udp_close(a);
	rota_udp_close(b);
}

TASK_TEST(sending_many_stops_at_the_first_error_and_tells_how_many_went)
{
	struct rota_address at;
	struct rota_udp *a = open_at("127.0.0.1:0", &at);
	struct rota_udp_message out[3] = {
		{ .data = (char *)"a", .size = 1, .address = at },
		{ .data = (char *)"b", .size = 1 }, /* to nobody */
		{ .data = (char *)"c", .size = 1, .address = at },
	};
	char buf[4];

	CHECK_EQ(rota_udp_send_many(a, out, 3), 1);
	CHECK_EQ(rota_udp_send_many(a, out + 1, 2), -EDESTADDRREQ);
	CHECK_EQ(rota_udp_recv(a, buf, 4, NULL), 1);
	CHECK_EQ(buf[0], 'a');
	rota_udp_close(a);
}

/* ---- waiting ---- */

struct receiver {
	struct rota_udp *udp;
	int got, last;
};

static int receive(void *arg)
{
	struct receiver *r = arg;
	char buf[16];

	while ((r->last = (int)rota_udp_recv(r->udp, buf, sizeof buf, NULL)) > 0)
		r->got++;
	return r->last;
}

static int receive_many(void *arg)
{
	struct rota_udp_message m[4];
	struct receiver *r = arg;
	char room[4][16];

	do {
		for (int i = 0; i < 4; i++)
			m[i] = (struct rota_udp_message){ .data = room[i], .size = 16 };
		r->last = rota_udp_recv_many(r->udp, m, 4);
		r->got += r->last > 0 ? r->last : 0;
	} while (r->last > 0);
	return r->last;
}

TASK_TEST(several_tasks_may_wait_on_one_socket)
{
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_address at;
	struct rota_udp *in = open_at("127.0.0.1:0", &at), *out = open_at("127.0.0.1:0", NULL);
	struct receiver r[] = { { in }, { in }, { in } };
	struct rota_scope scope;

	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, receive, &r[0]);
	rota_spawn(&scope, receive, &r[1]);
	rota_spawn(&scope, receive_many, &r[2]);
	others_wait();
	for (int i = 0; i < 300; i++) {
		CHECK_EQ(rota_udp_send(out, "x", 1, &at), 1);
		while (r[0].got + r[1].got + r[2].got <= i)
			rota_yield();
	}
	rota_udp_close(in);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	CHECK_EQ(rota_scope_errors(&scope, NULL, 0), 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(r[i].last, ROTA_ECLOSED);
	CHECK_EQ(r[0].got + r[1].got + r[2].got, 300);
	rota_udp_close(out);
}

TASK_TEST(waits_end_at_the_deadline_of_the_socket_or_of_the_scope)
{
	struct rota_udp *udp = open_at("127.0.0.1:0", NULL);
	struct rota_udp_message m = { .data = &m, .size = 1 };
	struct receiver r = { udp };
	char buf[4];

	rota_udp_set_deadlines(udp, rota_deadline(ROTA_MILLISECONDS(1)), ROTA_FOREVER);
	CHECK_EQ(rota_udp_recv(udp, buf, 4, NULL), -ETIMEDOUT);
	CHECK_EQ(rota_udp_recv_many(udp, &m, 1), -ETIMEDOUT); /* it has passed */
	rota_udp_set_deadlines(udp, ROTA_FOREVER, ROTA_FOREVER);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), receive, &r), -ETIMEDOUT);
	rota_udp_close(udp);
}

TASK_TEST(a_cancelled_task_neither_sends_nor_receives)
{
	struct rota_address at;
	struct rota_udp *udp = open_at("127.0.0.1:0", &at);
	struct rota_udp_message m = { .data = &at, .size = 1, .address = at };
	struct receiver r = { udp };
	struct rota_scope scope;
	char buf[4];

	rota_scope_open(&scope);
	rota_spawn(&scope, receive, &r);
	others_wait();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_udp_send(udp, "x", 1, &at), -ECANCELED);
	CHECK_EQ(rota_udp_send_many(udp, &m, 1), -ECANCELED);
	rota_scope_join(&scope);
	CHECK_EQ(r.last, -ECANCELED);
	CHECK_EQ(r.got, 0);
	CHECK_EQ(rota_udp_send(udp, "y", 1, &at), 1);
	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_udp_recv(udp, buf, 4, NULL), -ECANCELED);
	CHECK_EQ(rota_udp_recv_many(udp, &m, 1), -ECANCELED);
	rota_scope_join(&scope);
	CHECK_EQ(rota_udp_recv(udp, buf, 4, NULL), 1); /* still there */
	CHECK_EQ(buf[0], 'y');
	rota_udp_close(udp);
}

/* A busy socket never makes its reader wait; the others have their turn nevertheless. */
static int count_turns(void *arg)
{
	while (rota_yield() == 0)
		++*(int *)arg;
	return 0;
}

TASK_TEST(a_socket_that_is_always_ready_does_not_keep_the_others_from_running)
{
	struct rota_address at;
	struct rota_udp *udp = open_at("127.0.0.1:0", &at);
	struct rota_scope scope;
	int turns = 0;
	char buf[4];

	rota_scope_open(&scope);
	rota_spawn(&scope, count_turns, &turns);
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(rota_udp_send(udp, "x", 1, &at), 1);
		CHECK_EQ(rota_udp_recv(udp, buf, 4, NULL), 1);
	}
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK(turns >= 10);
	rota_udp_close(udp);
}

TASK_TEST(a_task_receives_what_is_sent_to_its_group_until_it_leaves)
{
	struct rota_udp_options share = { .reuse_address = true };
	struct rota_address group, own;
	struct rota_udp *udp, *other;
	char text[64], buf[8];

	if (!system_has_groups())
		SKIP("no groups here");
	CHECK_EQ(rota_udp_open_with(&udp, "0.0.0.0:0", &share), 0);
	CHECK_EQ(rota_udp_join(udp, "239.255.2.1", "lo"), 0);
	CHECK_EQ(rota_udp_set_multicast_interface(udp, "lo"), 0);
	CHECK_EQ(rota_udp_set_multicast_ttl(udp, 0), 0);
	CHECK_EQ(rota_udp_set_multicast_loop(udp, true), 0);
	CHECK_EQ(rota_udp_set_ttl(udp, 7), 0);
	CHECK_EQ(rota_udp_set_broadcast(udp, true), 0);
	snprintf(text, sizeof text, "239.255.2.1:%d", rota_udp_port(udp));
	CHECK_EQ(rota_address_parse(&group, text), 0);
	CHECK_EQ(rota_udp_send(udp, "group", 5, &group), 5);
	CHECK_EQ(rota_udp_recv(udp, buf, sizeof buf, NULL), 5);
	CHECK_EQ(rota_udp_leave(udp, "239.255.2.1", "lo"), 0);
	CHECK_EQ(rota_udp_leave(udp, "239.255.2.1", "lo"), -EADDRNOTAVAIL);
	CHECK_EQ(rota_udp_send(udp, "gone", 4, &group), 4);
	snprintf(text, sizeof text, "127.0.0.1:%d", rota_udp_port(udp));
	CHECK_EQ(rota_address_parse(&own, text), 0);
	CHECK_EQ(rota_udp_send(udp, "me", 2, &own), 2);
	CHECK_EQ(rota_udp_recv(udp, buf, sizeof buf, NULL), 2); /* the group's did not come before it */
	CHECK_EQ(rota_udp_open(&other, text), -EADDRINUSE);
	CHECK_EQ(rota_udp_open_with(&other, text, &share), 0);
	rota_udp_close(other);
	rota_udp_close(udp);
}

TASK_TEST(a_group_is_heard_of_the_source_that_was_joined_only)
{
	struct rota_address group, own;
	struct rota_udp *udp, *sender;
	char buf[16], text[64];
	int rc;

	CHECK_EQ(rota_udp_open(&udp, "0.0.0.0:0"), 0);
	CHECK_EQ(rota_udp_open(&sender, "127.0.0.1:0"), 0); /* the source: else it is any address of this machine */
	rc = rota_udp_set_multicast_interface(sender, "lo");
	if (rc == 0)
		rc = rota_udp_join_source(udp, "232.1.1.2", "127.0.0.1", "lo");
	if (rc == -ENOPROTOOPT)
		SKIP("no groups with sources here");
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_udp_join_source(udp, "232.1.1.2", "127.0.0.1", "lo"), -EADDRINUSE);
	snprintf(text, sizeof text, "232.1.1.2:%d", rota_udp_port(udp));
	CHECK_EQ(rota_address_parse(&group, text), 0);
	CHECK_EQ(rota_udp_send(sender, "heard", 5, &group), 5);
	CHECK_EQ(rota_udp_recv(udp, buf, sizeof buf, NULL), 5);
	CHECK_EQ(rota_udp_join_source(udp, "232.1.1.2", "127.0.0.9", "lo"), 0);
	CHECK_EQ(rota_udp_leave_source(udp, "232.1.1.2", "127.0.0.1", "lo"), 0);
	CHECK_EQ(rota_udp_leave_source(udp, "232.1.1.2", "127.0.0.1", "lo"), -EADDRNOTAVAIL);
	CHECK_EQ(rota_udp_send(sender, "unheard", 7, &group), 7);
	snprintf(text, sizeof text, "127.0.0.1:%d", rota_udp_port(udp));
	CHECK_EQ(rota_address_parse(&own, text), 0);
	CHECK_EQ(rota_udp_send(sender, "me", 2, &own), 2);
	CHECK_EQ(rota_udp_recv(udp, buf, sizeof buf, NULL), 2); /* the group's did not come before it */
	CHECK_EQ(rota_udp_leave_source(udp, "232.1.1.2", "127.0.0.9", "lo"), 0);
	CHECK_EQ(rota_udp_leave_source(udp, "232.1.1.2", "127.0.0.9", "lo"), -EADDRNOTAVAIL);
	CHECK_EQ(rota_udp_join_source(udp, "232.1.1.2", NULL, "lo"), -EINVAL);
	CHECK_EQ(rota_udp_leave_source(udp, "232.1.1.2", NULL, "lo"), -EINVAL);
	CHECK_EQ(rota_udp_join_source(udp, "232.1.1.2", "::1", "lo"), -EINVAL);
	CHECK_EQ(rota_udp_join_source(udp, "nonsense", "127.0.0.1", "lo"), -EINVAL);
	rota_udp_close(sender);
	rota_udp_close(udp);
}
