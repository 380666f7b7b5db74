/* embed.c - a loop inside a foreign one, which is a real poll(2) or epoll_wait(2) without a time limit of its own: what is not told hangs
 *
 * Each case runs in foreign loops of three kinds.  What comes from other threads comes while the foreign loop sleeps. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <rota.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/asleep.h"
#include "harness/test.h"

enum kind { POLL, EPOLL, EPOLL_EDGES, KINDS };

static struct rota_loop *loop;
static enum kind kind;
static int epoll_fd, rounds, hits;
static pid_t here;

static void enter_world(enum kind of)
{
	struct epoll_event event = { .events = of == EPOLL_EDGES ? EPOLLIN | EPOLLET : EPOLLIN };

	kind = of;
	hits = rounds = 0;
	here = gettid();
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	CHECK_EQ(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, rota_loop_backend_fd(loop), &event), 0);
}

static void leave_world(void)
{
	close(epoll_fd);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static int left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = rota_now_ns();

	if (deadline_ns == ROTA_FOREVER)
		return -1;
	return deadline_ns > now_ns ? (int)((deadline_ns - now_ns + 999999) / 1000000) : 0;
}

/* One round of the foreign loop. */
static int go_round(void)
{
	struct pollfd ready = { .fd = rota_loop_backend_fd(loop), .events = POLLIN };
	struct epoll_event event;
	int ms = left_ms(rota_loop_backend_deadline(loop));
	int n = kind == POLL ? poll(&ready, 1, ms) : epoll_wait(epoll_fd, &event, 1, ms);

	CHECK(n >= 0 || errno == EINTR);
	rounds++;
	return rota_loop_run(loop, ROTA_RUN_NOWAIT);
}

static void go_round_until_hits(int count)
{
	while (hits < count)
		go_round();
	CHECK_EQ(hits, count);
}

/* Nothing is left to be told of: it would sleep. */
static void come_to_rest(void)
{
	struct pollfd ready = { .fd = rota_loop_backend_fd(loop), .events = POLLIN };

	while (rota_loop_backend_deadline(loop) == ROTA_NOW || poll(&ready, 1, 0) > 0)
		go_round();
	rounds = 0;
}

#define EMBEDDED_TEST(test_name)                        \
	static void in_##test_name(void);               \
	TEST(test_name)                                 \
	{                                               \
		for (enum kind k = 0; k < KINDS; k++) { \
			enter_world(k);                 \
			in_##test_name();               \
			leave_world();                  \
		}                                       \
	}                                               \
	static void in_##test_name(void)

static void hit(void *arg)
{
	hits++;
}

static struct rota_result hit_then(const struct rota_settled *it, void *arg)
{
	hits++;
	return rota_result_value(NULL, NULL);
}

EMBEDDED_TEST(what_is_queued_between_runs_is_called_at_once)
{
	struct rota_promise *p;

	for (int from_rest = 0; from_rest < 2; from_rest++) { /* first without any run before */
		hits = 0;
		CHECK_EQ(rota_next_tick(loop, hit, NULL), 0);
		go_round_until_hits(1);
		CHECK_EQ(rota_queue_microtask(loop, hit, NULL), 0);
		go_round_until_hits(2);
		p = rota_promise_new(loop);
		rota_promise_unref(rota_promise_then(rota_promise_ref(p), hit_then, NULL, NULL));
		rota_promise_settle(p, rota_result_value(NULL, NULL));
		rota_promise_unref(p);
		go_round_until_hits(3);
		CHECK(rota_set_immediate(loop, hit, NULL) > 0);
		go_round_until_hits(4);
		CHECK_EQ(rota_unref(loop, rota_set_immediate(loop, hit, NULL)), 0);
		go_round_until_hits(5);
		come_to_rest();
	}
}

static void hit_timer(struct rota_timer *timer)
{
	hits++;
}

EMBEDDED_TEST(a_timer_earlier_than_those_before_is_called_when_it_is_due)
{
	struct rota_timer far = { .fn = hit_timer }, near = { .fn = hit_timer };
	uint64_t when;

	rota_timer_start(loop, &far, rota_deadline(ROTA_SECONDS(1000)));
	come_to_rest();
	when = rota_deadline(ROTA_MILLISECONDS(2));
	rota_timer_start(loop, &near, when);
	go_round_until_hits(1);
	CHECK(rota_now_ns() >= when);
	CHECK(rota_set_timeout(loop, ROTA_MILLISECONDS(2), hit, NULL) > 0);
	go_round_until_hits(2);
	rota_timer_stop(&far);
}

/* ---- other threads ---- */

static struct rota_post post;
static struct rota_async async;

static void hit_post(struct rota_post *p)
{
	hits++;
}

static void hit_async(struct rota_async *a)
{
	hits++;
}

static void *post_when_it_sleeps(void *arg)
{
	wait_until_asleep(here);
	post.fn = hit_post;
	rota_post(loop, &post);
	return NULL;
}

static void *send_when_it_sleeps(void *arg)
{
	wait_until_asleep(here);
	rota_async_send(&async);
	return NULL;
}

static void with_thread(void *(*body)(void *), void *arg, int hits_after)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, body, arg), 0);
	go_round_until_hits(hits_after);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

EMBEDDED_TEST(a_post_ends_the_sleep_of_the_foreign_loop)
{
	with_thread(post_when_it_sleeps, NULL, 1); /* before the first run */
	for (int i = 2; i < 6; i++) {
		come_to_rest();
		with_thread(post_when_it_sleeps, NULL, i);
	}
}

EMBEDDED_TEST(an_async_ends_the_sleep_of_the_foreign_loop)
{
	CHECK_EQ(rota_async_open(loop, &async, hit_async), 0);
	for (int i = 1; i < 5; i++) {
		with_thread(send_when_it_sleeps, NULL, i);
		come_to_rest();
	}
	rota_handle_close(&async.handle, NULL);
	while (go_round() > 0)
		;
}

enum { POSTS = 20000 };

static void *post_many(void *arg)
{
	struct rota_post *posts = arg;

	for (int i = 0; i < POSTS; i++) {
		posts[i].fn = hit_post;
		rota_post(loop, &posts[i]);
	}
	return NULL;
}

EMBEDDED_TEST(of_many_posts_none_is_missed_while_the_foreign_loop_falls_asleep)
{
	static struct rota_post posts[2][POSTS];
	pthread_t threads[2];

	for (int t = 0; t < 2; t++)
		CHECK_EQ(pthread_create(&threads[t], NULL, post_many, posts[t]), 0);
	while (hits < 2 * POSTS)
		go_round();
	for (int t = 0; t < 2; t++)
		CHECK_EQ(pthread_join(threads[t], NULL), 0);
}

static int work_when_it_sleeps(void *arg)
{
	wait_until_asleep(here);
	return 7;
}

static void hit_request(struct rota_request *request, int64_t result)
{
	CHECK_EQ(result, *(int *)request->data);
	hits++;
}

EMBEDDED_TEST(what_the_pool_has_done_and_what_the_system_has_opened_is_told)
{
	struct rota_request request;
	struct rota_file_info info;
	int expected = 7;

	for (int i = 1; i < 4; i++) {
		request.data = &expected;
		CHECK_EQ(rota_request_blocking(loop, &request, work_when_it_sleeps, NULL, hit_request), 0);
		go_round_until_hits(i);
	}
	expected = 0;
	CHECK_EQ(rota_request_stat(loop, &request, "/", &info, hit_request), 0);
	go_round_until_hits(4);
}

/* ---- connections ---- */

enum { LARGE = 1 << 22 };

static struct rota_conn a, b;
static struct rota_write write_op;
static char large[LARGE];
static size_t received;

static void count_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	CHECK(size > 0);
	received += (size_t)size;
}

static void hit_written(struct rota_write *w, int rc)
{
	CHECK_EQ(rc, 0);
	hits++;
}

static void hit_closed(struct rota_handle *handle)
{
	hits++;
}

static void send_across(struct rota_conn *from)
{
	int before = hits;

	received = 0;
	CHECK(rota_conn_write(from, &write_op, large, LARGE, hit_written) >= 0); /* more than the system takes at once */
	while (received < LARGE || hits == before)
		go_round();
	CHECK_EQ(received, LARGE);
	CHECK_EQ(hits, before + 1);
}

EMBEDDED_TEST(connections_carry_everything_in_both_directions_and_close)
{
	CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_EQ(rota_conn_read_start(&a, count_read), 0);
	CHECK_EQ(rota_conn_read_start(&b, count_read), 0);
	send_across(&a);
	come_to_rest();
	send_across(&b);
	hits = 0;
	come_to_rest();
	CHECK_EQ(rota_handle_close(&a.handle, hit_closed), 0);
	go_round_until_hits(1);
	rota_conn_read_stop(&b);
	CHECK_EQ(rota_handle_close(&b.handle, hit_closed), 0);
	go_round_until_hits(2);
	CHECK(!rota_loop_alive(loop));
}

static int peer_fd;

static void *write_when_asleep(void *arg)
{
	wait_until_asleep(here);
	CHECK_EQ(write(peer_fd, "x", 1), 1);
	return NULL;
}

static void hit_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	hits++;
}

EMBEDDED_TEST(what_a_foreign_thread_writes_while_it_sleeps_is_read_and_so_is_the_end)
{
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	peer_fd = fds[1];
	CHECK_EQ(rota_conn_open(loop, &a, fds[0]), 0);
	CHECK_EQ(rota_conn_read_start(&a, hit_read), 0);
	for (int i = 1; i < 5; i++)
		with_thread(write_when_asleep, NULL, i);
	come_to_rest();
	close(peer_fd);
	go_round_until_hits(5);
	CHECK_EQ(rota_handle_close(&a.handle, hit_closed), 0);
	go_round_until_hits(6);
}

static void hit_connection(struct rota_acceptor *acceptor, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_acceptor_accept(acceptor, &b), 0);
	hits++;
}

static void hit_connect(struct rota_conn *conn, int rc)
{
	CHECK_EQ(rc, 0);
	hits++;
}

EMBEDDED_TEST(connecting_and_accepting_go_on_and_closing_ends)
{
	static struct rota_acceptor acceptor;
	char address[32];

	CHECK_EQ(rota_acceptor_listen(loop, &acceptor, "127.0.0.1:0", NULL, hit_connection), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", rota_acceptor_port(&acceptor));
	for (int i = 1; i < 4; i++) {
		come_to_rest();
		CHECK_EQ(rota_conn_connect(loop, &a, address, hit_connect), 0);
		go_round_until_hits(4 * i - 2);
		CHECK_EQ(rota_handle_close(&a.handle, hit_closed), 0);
		CHECK_EQ(rota_handle_close(&b.handle, hit_closed), 0);
		go_round_until_hits(4 * i);
	}
	come_to_rest();
	CHECK_EQ(rota_handle_close(&acceptor.handle, hit_closed), 0);
	go_round_until_hits(13);
	CHECK(!rota_loop_alive(loop));
}

/* ---- what does not keep it alive ---- */

EMBEDDED_TEST(what_is_unreferenced_is_called_all_the_same_and_makes_nobody_spin)
{
	int64_t id = rota_set_timeout(loop, ROTA_MILLISECONDS(20), hit, NULL);
	int fds[2];

	CHECK_EQ(rota_unref(loop, id), 0);
	come_to_rest();
	go_round_until_hits(1);
	CHECK(rounds < 10);

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	peer_fd = fds[1];
	CHECK_EQ(rota_conn_open(loop, &a, fds[0]), 0);
	rota_handle_unref(&a.handle);
	CHECK_EQ(rota_conn_read_start(&a, hit_read), 0);
	CHECK_EQ(rota_async_open(loop, &async, hit_async), 0);
	rota_handle_unref(&async.handle);
	CHECK(!rota_loop_alive(loop));
	come_to_rest();
	with_thread(write_when_asleep, NULL, 2);
	come_to_rest();
	with_thread(send_when_it_sleeps, NULL, 3);
	come_to_rest();
	CHECK_EQ(rota_handle_close(&a.handle, hit_closed), 0);
	CHECK_EQ(rota_handle_close(&async.handle, hit_closed), 0);
	go_round_until_hits(5);
	close(peer_fd);
}

TEST(a_turn_is_made_for_what_is_unreferenced_when_asked_for_one)
{
	struct rota_loop *l;

	CHECK_EQ(rota_loop_new(&l, NULL), 0);
	for (int mode = ROTA_RUN_DEFAULT; mode <= ROTA_RUN_NOWAIT; mode++) {
		CHECK_EQ(rota_unref(l, rota_set_immediate(l, hit, NULL)), 0);
		CHECK_EQ(rota_loop_run(l, (enum rota_run_mode)mode), 0);
	}
	CHECK_EQ(hits, 3); /* the default run made no turn, and left its own for the next */
	CHECK_EQ(rota_unref(l, rota_set_immediate(l, hit, NULL)), 0);
	CHECK_EQ(rota_unref(l, rota_set_timeout(l, 0, hit, NULL)), 0);
	CHECK_EQ(rota_loop_free(l), 0); /* uncalled */
	CHECK_EQ(hits, 3);
}

/* ---- rests ---- */

EMBEDDED_TEST(other_runs_in_between_sleep_and_are_woken_as_ever)
{
	pthread_t thread;

	for (int i = 1; i < 4; i++) {
		come_to_rest();
		CHECK_EQ(rota_async_open(loop, &async, hit_async), 0);
		CHECK_EQ(rota_loop_backend_deadline(loop), ROTA_FOREVER);
		CHECK_EQ(pthread_create(&thread, NULL, send_when_it_sleeps, NULL), 0);
		while (hits < i)
			rota_loop_run(loop, ROTA_RUN_ONCE);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		rota_handle_close(&async.handle, NULL);
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	}
}

static void ask_inside(void *arg)
{
	struct rota_loop *other;

	CHECK(rota_loop_backend_deadline(loop) == ROTA_FOREVER);
	CHECK_EQ(rota_loop_new(&other, NULL), 0);
	CHECK(rota_loop_backend_fd(other) >= 0);
	CHECK_EQ(rota_loop_backend_deadline(other), ROTA_NOW);
	CHECK_EQ(rota_loop_run(other, ROTA_RUN_NOWAIT), -EBUSY);
	CHECK_EQ(rota_loop_free(other), 0);
	hits++;
}

static void *ask_elsewhere(void *arg)
{
	CHECK_EQ(rota_loop_backend_fd(loop), -EPERM);
	CHECK_EQ(rota_loop_backend_deadline(loop), ROTA_NOW);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), -EPERM);
	return NULL;
}

EMBEDDED_TEST(questions_in_callbacks_and_on_other_threads_do_no_harm)
{
	pthread_t thread;

	CHECK(rota_set_timeout(loop, 0, ask_inside, NULL) > 0);
	go_round_until_hits(1);
	come_to_rest();
	CHECK_EQ(pthread_create(&thread, NULL, ask_elsewhere, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	with_thread(post_when_it_sleeps, NULL, 2);
}

/* In the child: a descriptor of its own, and the timeout that the parent had set. */
static int child(void)
{
	if (rota_loop_backend_fd(loop) != -EPERM || rota_loop_backend_deadline(loop) != ROTA_NOW)
		return 1;
	if (rota_loop_after_fork(loop) != 0 || rota_loop_backend_fd(loop) < 0)
		return 2;
	kind = POLL;
	go_round_until_hits(1);
	return rota_loop_free(loop) == 0 ? 0 : 3;
}

EMBEDDED_TEST(a_forked_child_embeds_the_loop_anew)
{
	int status;
	pid_t pid;

	come_to_rest();
	CHECK(rota_set_timeout(loop, ROTA_MILLISECONDS(1), hit, NULL) > 0);
	CHECK(rota_loop_backend_deadline(loop) < ROTA_FOREVER);
	pid = fork();
	if (pid == 0)
		_exit(child());
	go_round_until_hits(1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(a_shareable_loop_may_be_embedded_by_one_thread_after_another)
{
	struct rota_loop_options options = { .shareable = true };

	kind = POLL;
	here = gettid();
	CHECK_EQ(rota_loop_new(&loop, &options), 0);
	CHECK(rota_loop_backend_fd(loop) >= 0);
	for (int i = 1; i < 4; i++)
		with_thread(post_when_it_sleeps, NULL, i);
	CHECK_EQ(rota_loop_free(loop), 0);
}
