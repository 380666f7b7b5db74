/* resolve.c - from names to addresses; the name server of these tests is a task of theirs */
#include <arpa/inet.h>
#include <netdb.h>

#include "net/resolve.h"
#include "net/world.h"

static const char *text_of(const struct rota_address *address)
{
	static char text[4][64];
	static int i;

	i = (i + 1) % 4;
	rota_address_name(address, text[i], sizeof text[i]);
	return text[i];
}

/* ---- without a name server ---- */

TASK_TEST(numbers_are_addresses_without_asking)
{
	static const char *const texts[][2] = {
		{ "127.0.0.1:80", "127.0.0.1:80" },
		{ "[::1]:80", "[::1]:80" },
		{ ":80", "[::]:80" },
		{ "*:0", "[::]:0" },
		{ "unix:/run/x.sock", "unix:/run/x.sock" },
		{ "unix:@x", "unix:@x" },
	};
	struct rota_address address;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CHECK_EQ(rota_resolve(texts[i][0], &address, 1), 1);
		CHECK_STR(text_of(&address), texts[i][1]);
	}
	CHECK_EQ(rota_resolve("127.0.0.1:80", NULL, 0), 0);
}

TASK_TEST(what_cannot_be_understood_is_EINVAL)
{
	static const char *const texts[] = { "", ":", "localhost", "localhost:", "::1:80", "a:b:80", "[::1]",
		"[::1", "::1]:80", "[::1]80", "[localhost]:80", "localhost:65536", "localhost:no-such-service",
		"x[::1]:80", "127.0.0.1:-1", "unix:" };
	struct rota_address address = { .size = 9 };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (rota_resolve(texts[i], &address, 1) != -EINVAL)
			test_fail(__FILE__, __LINE__, "\"%s\" is not refused", texts[i]);
	CHECK_EQ(address.size, 9);
}

TASK_TEST(a_name_longer_than_names_can_be_does_not_exist)
{
	char text[400];

	memset(text, 'a', sizeof text);
	strcpy(text + 300, ":80");
	CHECK_EQ(rota_resolve(text, &(struct rota_address){ 0 }, 1), ROTA_ENAME);
}

TASK_TEST(a_service_may_have_a_name)
{
	struct rota_address address;

	if (getservbyname("http", "tcp") == NULL || getservbyname("ntp", "udp") == NULL)
		SKIP("no /etc/services here");
	CHECK_EQ(rota_resolve("127.0.0.1:http", &address, 1), 1);
	CHECK_STR(text_of(&address), "127.0.0.1:80");
	CHECK_EQ(rota_resolve("[::1]:http", &address, 1), 1);
	CHECK_STR(text_of(&address), "[::1]:80");
	CHECK_EQ(rota_resolve("*:http", &address, 1), 1);
	CHECK_STR(text_of(&address), "[::]:80");
	CHECK_EQ(rota_resolve(":http", &address, 1), 1);
	CHECK_STR(text_of(&address), "[::]:80");
	CHECK_EQ(rota_resolve("127.0.0.1:ntp", &address, 1), 1); /* one that is UDP's alone */
	CHECK_STR(text_of(&address), "127.0.0.1:123");
}

TEST(outside_of_tasks_it_is_refused)
{
	CHECK_EQ(rota_resolve("127.0.0.1:80", &(struct rota_address){ 0 }, 1), -EPERM);
}

/* ---- the order ---- */

struct listed {
	struct addrinfo info;
	struct rota_address address;
};

/* "4a 4b 6c": what getaddrinfo() says; the answer in the same form. */
static void check_turns(const char *listed, const char *expected, size_t room)
{
	struct listed list[16];
	struct rota_address found[16];
	char text[64] = "";
	size_t n = 0, count;

	for (; *listed != '\0'; listed += listed[2] == ' ' ? 3 : 2, n++) {
		char address[8];

		snprintf(address, sizeof address, listed[0] == '4' ? "1.1.1.%d" : "::%d", listed[1] - 'a' + 1);
		list[n].address = (struct rota_address){ .size = listed[0] == '4' ? sizeof(struct sockaddr_in)
										 : sizeof(struct sockaddr_in6) };
		list[n].info = (struct addrinfo){
			.ai_family = listed[0] == '4' ? AF_INET : AF_INET6,
			.ai_addr = (struct sockaddr *)&list[n].address.storage,
			.ai_addrlen = list[n].address.size,
		};
		list[n].address.storage.ss_family = (sa_family_t)list[n].info.ai_family;
		inet_pton(list[n].info.ai_family, address,
			listed[0] == '4' ? (void *)&((struct sockaddr_in *)list[n].info.ai_addr)->sin_addr
					 : (void *)&((struct sockaddr_in6 *)list[n].info.ai_addr)->sin6_addr);
		if (n > 0)
			list[n - 1].info.ai_next = &list[n].info;
	}
	count = rota__addresses_in_turn(n > 0 ? &list[0].info : NULL, found, room);
	for (size_t i = 0; i < count; i++) {
		bool v4 = found[i].storage.ss_family == AF_INET;
		const unsigned char *last = v4 ? (unsigned char *)&((struct sockaddr_in *)&found[i].storage)->sin_addr + 3
					       : (unsigned char *)&((struct sockaddr_in6 *)&found[i].storage)->sin6_addr + 15;

		sprintf(text + strlen(text), "%s%d%c", i > 0 ? " " : "", v4 ? 4 : 6, 'a' + *last - 1);
	}
	CHECK_STR(text, expected);
}

TEST(families_take_turns_beginning_with_the_first)
{
	check_turns("", "", 8);
	check_turns("4a", "4a", 8);
	check_turns("6a 6b 4a 4b", "6a 4a 6b 4b", 8);
	check_turns("4a 4b 4c 6a", "4a 6a 4b 4c", 8);
	check_turns("6a 4a 4b 4c", "6a 4a 4b 4c", 8);
	check_turns("4a 4b", "4a 4b", 8);
	check_turns("6a 6b 6c 4a", "6a 4a", 2); /* both families, however little room */
	check_turns("6a 6b 6c 4a", "6a", 1);
	check_turns("6a 6b", "", 0);
}

TEST(an_address_that_comes_twice_is_told_once)
{
	check_turns("6a 6a 6a 4a 4a 4a", "6a 4a", 8);
	check_turns("4a 4a 6a 4b 6a 6b", "4a 6a 4b 6b", 8);
}

/* ---- with a name server ---- */

static const struct world_name names[] = {
	{ .name = "one.test", .addresses = { "10.0.0.1" } },
	{ .name = "both.test", .addresses = { "10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2" } },
	{ .name = "broken.test", .rcode = 2 },
	{ .name = "silent.test", .silent = true },
	{ .name = "empty.test" },
};

static struct world world = { .names = names, .count = sizeof names / sizeof names[0] };

struct in_world {
	void (*body)(void);
};

static int world_app(void *arg)
{
	struct rota_scope scope;

	CHECK_EQ(rota_udp_open(&world.udp, "127.0.0.1:53"), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, world_serve, &world);
	((struct in_world *)arg)->body();
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	rota_udp_close(world.udp);
	return 0;
}

/* As TASK_TEST, in a world of its own with a name server. */
#define WORLD_TEST(name)                                                                           \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		world_enter();                                                                     \
		CHECK_EQ(rota_run(world_app, &(struct in_world){ name##_body }, NULL), 0);         \
	}                                                                                          \
	static void name##_body(void)

WORLD_TEST(a_name_becomes_its_addresses)
{
	struct rota_address found[8];
	bool v4 = false, v6 = false;

	CHECK_EQ(rota_resolve("one.test:80", found, 8), 1);
	CHECK_STR(text_of(&found[0]), "10.0.0.1:80");
	CHECK_EQ(rota_resolve("both.test:443", found, 8), 4);
	for (int i = 0; i < 4; i++) {
		v4 |= found[i].storage.ss_family == AF_INET;
		v6 |= found[i].storage.ss_family == AF_INET6;
		CHECK(i == 0 || found[i].storage.ss_family != found[i - 1].storage.ss_family);
		CHECK_EQ(ntohs(((struct sockaddr_in *)&found[i].storage)->sin_port), 443);
	}
	CHECK(v4 && v6);
	CHECK_EQ(rota_resolve("both.test:443", found, 1), 1);
	CHECK_EQ(rota_resolve("localhost:1", found, 8), 2);
}

WORLD_TEST(a_name_that_is_not_there_and_a_server_that_cannot_say_are_told_apart)
{
	struct rota_address found[2];

	CHECK_EQ(rota_resolve("missing.test:80", found, 2), ROTA_ENAME);
	CHECK_EQ(rota_resolve("empty.test:80", found, 2), ROTA_ENAME);
	CHECK_EQ(rota_resolve("broken.test:80", found, 2), ROTA_EAGAINNAME);
}

static int look_up(void *name)
{
	struct rota_address found[4];

	return rota_resolve(name, found, 4);
}

WORLD_TEST(names_are_looked_up_at_the_same_time)
{
	struct rota_call calls[16];
	int results[16];

	for (int i = 0; i < 16; i++)
		calls[i] = (struct rota_call){ look_up, i % 2 ? (void *)"one.test:80" : (void *)"both.test:80" };
	CHECK_EQ(rota_gather(calls, 16, results), 0);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(results[i], i % 2 ? 1 : 4);
}

/* If the call did not return the test would not end for half a minute, and then the answer would be
 * another: the server does not answer. */
WORLD_TEST(a_wait_that_is_cut_short_returns_at_once_and_leaves_the_look_up_behind)
{
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(3), look_up, (void *)"silent.test:80"), -ETIMEDOUT);
	CHECK_EQ(look_up((void *)"one.test:80"), 1); /* others go on */
	world_break_silence(&world);
}

static int look_up_silence(void *arg)
{
	return look_up((void *)"silent.test:80");
}

static void cut_many_short(void)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 20; i++)
		rota_spawn(&scope, look_up_silence, NULL);
	while (load_acquire(&world.held) < 2 * 2) /* two hold threads, and each asks for both families: a question that nobody reads is repeated after 5 s */
		rota_yield();
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static void speak(void)
{
	world_break_silence(&world);
}

TEST(a_run_ends_without_the_look_ups_it_left_behind)
{
	world_enter();
	CHECK_EQ(rota_blocking_limits(4, 0), 0); /* half of them for names */
	CHECK_EQ(rota_run(world_app, &(struct in_world){ cut_many_short }, NULL), 0);
	CHECK_EQ(rota_run(world_app, &(struct in_world){ speak }, NULL), 0);
}

/* At n yields after the spawn, for n = 0, 1 ...: queued, running, found, told. */
WORLD_TEST(a_look_up_cancelled_at_any_point_answers_or_is_cancelled)
{
	bool answered = false, cancelled = false;

	for (int n = 0; n < 3000 && !answered; n++) {
		struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		rota_scope_open_with(&scope, &collect);
		CHECK_EQ(rota_spawn_task(&task, &scope, look_up, (void *)"one.test:80", NULL), 0);
		for (int i = 0; i < n; i++)
			rota_yield();
		rota_task_cancel(task);
		CHECK_EQ(rota_join(task, &result), 0);
		rota_scope_join(&scope);
		CHECK(result == 1 || result == -ECANCELED);
		answered |= result == 1;
		cancelled |= result == -ECANCELED;
		world_rest();
	}
	CHECK(cancelled);
}

/* ---- with callbacks, and back ---- */

static int64_t noted;
static int calls; /* the task that waits may be on another thread by now */

static void note(struct rota_request *request, int64_t result)
{
	noted = result;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELEASE);
}

static void wait_for_note(void)
{
	while (__atomic_load_n(&calls, __ATOMIC_ACQUIRE) == 0)
		rota_yield();
}

WORLD_TEST(a_request_hears_of_the_addresses_of_a_name)
{
	struct rota_address found[4];
	struct rota_request request;

	CHECK_EQ(rota_request_resolve(NULL, &request, "both.test:80", found, 4, note), 0);
	wait_for_note();
	CHECK_EQ(noted, 4);
	calls = 0;
	CHECK_EQ(rota_request_resolve(NULL, &request, "none.test:80", found, 4, note), 0);
	wait_for_note();
	CHECK_EQ(noted, ROTA_ENAME);
}

/* What belongs to a loop is cancelled on it. */
static void run_pinned(int (*fn)(void *arg), void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_pinned(&scope, fn, arg), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static int silent_request(void *world_arg)
{
	struct world *w = world_arg;
	struct rota_address found;
	struct rota_request request;

	CHECK_EQ(rota_request_resolve(NULL, &request, "silent.test:80", &found, 1, note), 0);
	while (w->held < 1)
		rota_yield();
	rota_request_cancel(&request);
	CHECK_EQ(calls, 0);
	wait_for_note();
	CHECK_EQ(noted, -ECANCELED);
	CHECK_EQ(calls, 1);
	return 0;
}

WORLD_TEST(a_request_lets_go_of_a_name_that_nobody_answers_for)
{
	run_pinned(silent_request, &world);
	world_break_silence(&world);
}

static struct rota_result forgive(const struct rota_settled *it, void *arg)
{
	return rota_result_value(NULL, NULL);
}

/* Promises belong to one loop, and so does who makes and awaits them. */
static int promises_of_names(void *arg)
{
	struct rota_address address;
	struct rota_promise *p = rota_promise_resolve(NULL, "both.test:80", 3);
	struct rota_promised *value;
	void *about;

	CHECK_EQ(rota_await(p, (void **)&value), 0);
	CHECK_EQ(value->result, 3);
	CHECK(value->addresses[2].size > 0);
	rota_promise_unref(p);
	p = rota_promise_resolve(NULL, "none.test:80", 4);
	CHECK_EQ(rota_await(p, NULL), ROTA_ENAME);
	about = rota_promise_value(p);
	CHECK_STR(about, "none.test:80");
	rota_promise_unref(p);
	/* Nobody wants to know, and the server may be gone before it answers. */
	rota_promise_unref(rota_promise_catch(rota_promise_resolve(NULL, "both.test:80", 4), forgive, NULL));
	CHECK(rota_promise_resolve(NULL, "both.test:80", SIZE_MAX) == NULL);
	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:64999"), 0);
	p = rota_promise_resolve_back(NULL, &address);
	address.size = 0; /* it was copied */
	CHECK_EQ(rota_await(p, (void **)&value), 0);
	CHECK_STR(value->host, "localhost");
	CHECK_STR(value->service, "64999");
	rota_promise_unref(p);
	p = rota_promise_resolve_back(NULL, &address);
	CHECK_EQ(rota_await(p, NULL), -EINVAL);
	rota_promise_unref(p);
	return 0;
}

static int silent_promise(void *world_arg)
{
	struct world *w = world_arg;
	struct rota_promise *p = rota_promise_resolve(NULL, "silent.test:80", 1);

	while (w->held < 1)
		rota_yield();
	CHECK_EQ(rota_promise_cancel(p), 0);
	CHECK_EQ(rota_await(p, NULL), -ECANCELED);
	rota_promise_unref(p);
	return 0;
}

WORLD_TEST(names_and_addresses_are_promises)
{
	run_pinned(promises_of_names, NULL);
}

WORLD_TEST(a_promise_of_a_name_that_nobody_answers_for_is_cancelled)
{
	run_pinned(silent_promise, &world);
	world_break_silence(&world);
}

WORLD_TEST(an_address_has_a_name)
{
	struct rota_address address;
	char host[256], service[64];

	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:64999"), 0);
	CHECK_EQ(rota_resolve_back(&address, host, sizeof host, service, sizeof service), 0);
	CHECK_STR(host, "localhost");
	CHECK_STR(service, "64999");
	CHECK_EQ(rota_resolve_back(&address, host, 9, NULL, 0), -ENAMETOOLONG);
	CHECK_EQ(rota_resolve_back(&address, NULL, 0, service, sizeof service), 0);
	address.size = 0;
	CHECK_EQ(rota_resolve_back(&address, host, sizeof host, NULL, 0), -EINVAL);
}

TEST(names_of_addresses_are_for_tasks)
{
	CHECK_EQ(rota_resolve_back(&(struct rota_address){ .size = 16 }, NULL, 0, NULL, 0), -EPERM);
}

TASK_TEST(a_cancelled_task_asks_nobody)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(look_up((void *)"localhost:80"), -ECANCELED);
	rota_scope_join(&scope);
}
