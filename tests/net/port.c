/* port.c - messages of threads told to callbacks; a thread's end told to a request */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "io/loop.h"
#include "os/notes.h"

static struct rota_loop *main_loop;
static struct rota_thread *thread;
static struct rota_port *port;
static struct rota_port_watch watch;
static struct rota_request request;
static int result, told_ends;
static char heard[256];

static void freed(struct rota_request *r, int64_t rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(rota_thread_free(thread), 0);
}

/* The loop goes on until the thread is over and freed. */
static void begin(struct rota_loop *loop, rota_thread_fn fn, void *arg)
{
	main_loop = loop;
	CHECK_EQ(rota_thread_start(&thread, fn, arg, NULL), 0);
	port = rota_thread_port(thread);
	CHECK_EQ(rota_request_thread_join(loop, &request, thread, &result, freed), 0);
}

static int until_closed(struct rota_port *its, void *arg)
{
	struct rota_message m;
	int rc;

	while ((rc = rota_port_recv(its, &m)) == 0)
		rota_message_free(&m);
	return rc;
}

/* The words come to us as if the thread had sent them all, before the loop looks. */
static int say_words(struct rota_port *its, void *arg)
{
	struct rota_message m;

	for (const char *c = arg; *c != '\0'; c++)
		CHECK_EQ(rota_port_send(its, c, 1), 0);
	CHECK_EQ(rota_port_send(its, "", 1), 0);
	CHECK_EQ(rota_port_recv(its, &m), ROTA_ECLOSED);
	return 0;
}

static void hear(struct rota_port_watch *w, struct rota_message *m)
{
	CHECK(w == &watch && w->port == port);
	if (m == NULL) {
		told_ends++;
		rota_handle_close(&w->handle, NULL);
		return;
	}
	strncat(heard, m->data, m->bytes);
	if (*(char *)m->data == '\0')
		rota_port_close(port);
	rota_message_free(m);
}

LOOP_TEST(messages_are_told_in_order_and_then_the_end)
{
	begin(loop, say_words, "hello");
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear), -EALREADY);
	CHECK_STR(rota_handle_kind(&watch.handle), "port");
	run(loop);
	CHECK_STR(heard, "hello");
	CHECK_EQ(told_ends, 1);
	CHECK_EQ(rota_port_watch_start(&watch, hear), ROTA_ECLOSED);
	CHECK_EQ(rota_port_watch_stop(&watch), ROTA_ECLOSED);
}

/* ---- callbacks in the thread ---- */

static struct rota_port_watch in_thread;
static int echoed;

static void echo(struct rota_port_watch *w, struct rota_message *m)
{
	if (m == NULL) {
		CHECK_EQ(rota_handle_close(&w->handle, NULL), 0);
		return;
	}
	echoed++;
	CHECK_EQ(rota_port_give(w->port, m->data, m->bytes, m->destroy), 0); /* no copy: it is ours */
}

static int echo_by_callbacks(struct rota_port *its, void *arg)
{
	CHECK_EQ(rota_port_watch_open(rota_loop_current(), &in_thread, its), 0);
	CHECK_EQ(rota_port_watch_start(&in_thread, echo), 0);
	return 7; /* and the run goes on */
}

enum { MANY = 1000 };
static int expected;

static void count(struct rota_port_watch *w, struct rota_message *m)
{
	if (m == NULL) {
		CHECK_EQ(rota_handle_close(&w->handle, NULL), 0);
		return;
	}
	CHECK_EQ(*(int *)m->data, expected);
	if (++expected == MANY)
		rota_port_close(w->port);
	rota_message_free(m);
}

LOOP_TEST(with_callbacks_on_both_sides_the_thread_lives_as_long_as_its_watch)
{
	begin(loop, echo_by_callbacks, NULL);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, count), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(rota_port_send(port, &i, sizeof i), 0);
	run(loop);
	CHECK_EQ(expected, MANY);
	CHECK_EQ(echoed, MANY);
	CHECK_EQ(result, 7);
}

LOOP_TEST(a_stop_tells_a_watch_in_the_thread_the_end)
{
	begin(loop, echo_by_callbacks, NULL);
	CHECK_EQ(rota_port_send(port, "x", 1), 0);
	rota_thread_stop(thread);
	run(loop);
	CHECK(echoed <= 1);
}

/* ---- stop, start, references ---- */

static void start_again(void *arg)
{
	strcat(heard, "|");
	CHECK_EQ(rota_port_watch_start(&watch, hear), 0);
}

static void hear_one(struct rota_port_watch *w, struct rota_message *m)
{
	hear(w, m);
	CHECK_EQ(rota_port_watch_stop(w), 0);
	CHECK_EQ(rota_port_watch_stop(w), 0);
	CHECK(!rota_handle_is_active(&w->handle));
	CHECK(rota_set_immediate(main_loop, start_again, NULL) > 0);
}

LOOP_TEST(what_comes_while_it_is_stopped_is_told_by_the_next_start)
{
	begin(loop, say_words, "abc");
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear_one), 0);
	run(loop);
	CHECK_STR(heard, "a|bc");
}

LOOP_TEST(an_unreferenced_watch_does_not_keep_its_loop)
{
	CHECK_EQ(rota_thread_start(&thread, until_closed, NULL, NULL), 0);
	port = rota_thread_port(thread);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK(!rota_loop_alive(loop)); /* not started */
	CHECK_EQ(rota_port_watch_start(&watch, hear), 0);
	rota_handle_unref(&watch.handle);
	run(loop);
	CHECK(!rota_loop_alive(loop));
	rota_handle_ref(&watch.handle);
	CHECK(rota_loop_alive(loop));
	CHECK_EQ(rota_request_thread_join(loop, &request, thread, NULL, freed), 0);
	rota_port_close(port); /* our own close is told as well */
	run(loop);
	CHECK_EQ(told_ends, 1);
}

static void tick(void *arg)
{
	strcat(heard, "t");
}

static void hear_and_tick(struct rota_port_watch *w, struct rota_message *m)
{
	if (m != NULL && *(char *)m->data != '\0')
		CHECK_EQ(rota_next_tick(main_loop, tick, NULL), 0);
	hear(w, m);
}

LOOP_TEST(ticks_run_between_two_messages)
{
	begin(loop, say_words, "xyz");
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear_and_tick), 0);
	run(loop);
	CHECK_STR(heard, "xtytzt");
}

/* ---- one watch at a time, and who is in the way of a free ---- */

static void closed(struct rota_handle *h)
{
	strcat(heard, "closed ");
}

LOOP_TEST(a_port_has_one_watch_and_is_not_freed_below_it)
{
	static struct rota_port_watch other;

	CHECK_EQ(rota_thread_start(&thread, until_closed, NULL, NULL), 0);
	port = rota_thread_port(thread);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), -EBUSY);
	CHECK_EQ(rota_port_watch_open(loop, &other, port), -EBUSY);
	CHECK(!rota_handle_is_open(&other.handle));
	rota_port_close(port);
	CHECK_EQ(rota_request_thread_join(loop, &request, thread, &result, NULL), 0);
	CHECK_EQ(rota_thread_free(thread), -EBUSY);
	run(loop);
	CHECK_EQ(result, ROTA_ECLOSED);
	CHECK_EQ(rota_thread_free(thread), -EBUSY);
	CHECK_EQ(rota_handle_close(&watch.handle, closed), 0);
	CHECK_EQ(rota_handle_close(&watch.handle, closed), ROTA_ECLOSED);
	CHECK_EQ(rota_port_watch_open(loop, &other, port), 0); /* the place is free at once */
	CHECK_EQ(rota_handle_close(&other.handle, NULL), 0);
	CHECK_EQ(rota_thread_free(thread), 0);
	run(loop);
	CHECK_STR(heard, "closed ");
}

/* ---- closed at each point of its life ---- */

static int close_after; /* this many messages */

static void close_in_time(struct rota_port_watch *w, struct rota_message *m)
{
	if (m == NULL) {
		told_ends++;
	} else {
		strncat(heard, m->data, m->bytes);
		rota_message_free(m);
	}
	if (close_after-- == 0)
		CHECK_EQ(rota_handle_close(&w->handle, closed), 0);
}

static int say_three_and_wait(struct rota_port *its, void *arg)
{
	struct rota_message m;

	for (const char *c = "abc"; *c != '\0'; c++)
		CHECK_EQ(rota_port_send(its, c, 1), 0);
	CHECK_EQ(rota_port_recv(its, &m), ROTA_ECLOSED);
	return 0;
}

static void rest_is_still_there(const char *rest)
{
	struct rota_message m;

	for (; *rest != '\0'; rest++) {
		int rc;

		do
			rc = rota_port_try_recv(port, &m); /* the thread may not have come so far */
		while (rc == -EAGAIN);
		CHECK_EQ(rc, 0);
		CHECK_EQ(*(char *)m.data, *rest);
		rota_message_free(&m);
	}
	rota_port_close(port);
}

LOOP_TEST(one_that_was_never_started_can_be_closed)
{
	begin(loop, say_three_and_wait, NULL);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_handle_close(&watch.handle, closed), 0);
	rest_is_still_there("abc");
	run(loop);
	CHECK_STR(heard, "closed ");
}

LOOP_TEST(one_can_be_closed_with_a_post_on_its_way)
{
	begin(loop, say_three_and_wait, NULL);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear), 0); /* this posts */
	CHECK_EQ(rota_handle_close(&watch.handle, closed), 0);
	rest_is_still_there("abc");
	run(loop);
	CHECK_STR(heard, "closed ");
}

LOOP_TEST(the_port_may_go_before_the_last_post_to_a_closed_watch)
{
	CHECK_EQ(rota_thread_start(&thread, until_closed, NULL, NULL), 0);
	port = rota_thread_port(thread);
	rota_port_close(port);
	CHECK_EQ(rota_request_thread_join(loop, &request, thread, &result, NULL), 0);
	run(loop);
	CHECK_EQ(result, ROTA_ECLOSED);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, hear), 0); /* this posts */
	CHECK_EQ(rota_handle_close(&watch.handle, closed), 0);
	CHECK_EQ(rota_thread_free(thread), 0);
	run(loop);
	CHECK_STR(heard, "closed ");
}

LOOP_TEST(one_can_be_closed_in_any_of_its_callbacks)
{
	static const char *const rest[] = { "bc", "c", "" };

	for (int after = 0; after < 4; after++) {
		bool ended = false; /* the port may be gone soon after */

		begin(loop, say_three_and_wait, NULL);
		CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
		CHECK_EQ(rota_port_watch_start(&watch, close_in_time), 0);
		close_after = after;
		heard[0] = '\0';
		while (rota_handle_is_open(&watch.handle) || rota_handle_is_closing(&watch.handle)) {
			if (after == 3 && strlen(heard) == 3 && !ended) {
				rota_port_close(port);
				ended = true;
			}
			rota_loop_run(loop, ROTA_RUN_ONCE);
		}
		CHECK_EQ(strncmp(heard, "abc", after < 3 ? (size_t)after + 1 : 3), 0);
		CHECK_STR(heard + (after < 3 ? after + 1 : 3), "closed ");
		if (!ended)
			rest_is_still_there(rest[after]);
		run(loop);
	}
	CHECK_EQ(told_ends, 1);
}

static int numbers_in_a_hurry(struct rota_port *its, void *arg)
{
	for (int i = 0; i < MANY * 5; i++)
		CHECK_EQ(rota_port_send(its, &i, sizeof i), 0);
	return 0;
}

static void take_a_few(struct rota_port_watch *w, struct rota_message *m);

static void open_again(struct rota_handle *h)
{
	CHECK_EQ(rota_port_watch_open(main_loop, &watch, port), 0);
	CHECK_EQ(rota_port_watch_start(&watch, take_a_few), 0);
}

static void last_close(struct rota_handle *h)
{
	CHECK_EQ(rota_request_thread_join(main_loop, &request, thread, NULL, freed), 0);
}

static void take_a_few(struct rota_port_watch *w, struct rota_message *m)
{
	if (m == NULL) {
		CHECK_EQ(rota_handle_close(&w->handle, last_close), 0);
		return;
	}
	CHECK_EQ(*(int *)m->data, expected);
	rota_message_free(m);
	if (++expected % 7 == 0)
		CHECK_EQ(rota_handle_close(&w->handle, open_again), 0);
}

LOOP_TEST(nothing_is_lost_while_a_watch_is_closed_and_opened_beside_the_sender)
{
	main_loop = loop;
	CHECK_EQ(rota_thread_start(&thread, numbers_in_a_hurry, NULL, NULL), 0);
	port = rota_thread_port(thread);
	open_again(NULL);
	run(loop);
	CHECK_EQ(expected, MANY * 5);
}

/* ---- the end as a request ---- */

static int joins;

static void on_joined(struct rota_request *r, int64_t rc)
{
	CHECK_EQ(rc, 0);
	joins++;
}

static void on_cancelled(struct rota_request *r, int64_t rc)
{
	CHECK_EQ(rc, -ECANCELED);
	joins += 100;
}

LOOP_TEST(any_number_of_requests_hears_of_the_end_and_a_cancelled_one_does_not)
{
	static struct rota_request requests[4];
	int results[4] = { 0 };

	CHECK_EQ(rota_thread_start(&thread, until_closed, NULL, NULL), 0);
	CHECK_EQ(rota_request_thread_join(NULL, &requests[0], thread, NULL, on_joined), -EPERM); /* no loop runs here */
	for (int i = 0; i < 3; i++)
		CHECK_EQ(rota_request_thread_join(
				 loop, &requests[i], thread, &results[i], i == 1 ? on_cancelled : on_joined), 0);
	rota_request_cancel(&requests[1]);
	rota_request_cancel(&requests[1]);
	CHECK_EQ(joins, 0); /* never within */
	rota_port_close(rota_thread_port(thread));
	run(loop);
	CHECK_EQ(joins, 102);
	CHECK_EQ(results[0], ROTA_ECLOSED);
	CHECK_EQ(results[1], 0);
	CHECK_EQ(results[2], ROTA_ECLOSED);
	CHECK_EQ(rota_request_thread_join(loop, &requests[3], thread, &results[3], on_joined), 0); /* after the end */
	rota_request_cancel(&requests[3]); /* too late */
	CHECK_EQ(rota_thread_free(thread), -EBUSY);
	run(loop);
	CHECK_EQ(joins, 103);
	CHECK_EQ(results[3], ROTA_ECLOSED);
	CHECK_EQ(rota_thread_free(thread), 0);
}

/* ---- misuse ---- */

static void count_closes(struct rota_handle *handle)
{
	told_ends++;
}

LOOP_TEST(a_second_close_and_any_use_after_it_are_refused)
{
	begin(loop, until_closed, NULL);
	for (int life = 0; life < 2; life++) {
		told_ends = 0;
		CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
		CHECK_EQ(rota_port_watch_open(loop, &watch, port), -EBUSY);
		CHECK_EQ(rota_handle_close(&watch.handle, count_closes), 0);
		for (int round = 0; round < 2; round++) {
			CHECK_EQ(rota_handle_close(&watch.handle, NULL), ROTA_ECLOSED);
			CHECK_EQ(rota_port_watch_start(&watch, hear), ROTA_ECLOSED);
			CHECK_EQ(rota_port_watch_stop(&watch), ROTA_ECLOSED);
			CHECK_EQ(told_ends, round);
			while (told_ends == 0)
				rota_loop_run(loop, ROTA_RUN_NOWAIT);
		}
	}
	rota_port_close(port);
	run(loop);
}

static void *watch_elsewhere(void *other)
{
	CHECK_EQ(rota_port_watch_open(main_loop, other, port), -EPERM);
	CHECK_EQ(rota_port_watch_start(&watch, hear), -EPERM);
	CHECK_EQ(rota_port_watch_stop(&watch), -EPERM);
	CHECK_EQ(rota_handle_close(&watch.handle, NULL), -EPERM);
	return NULL;
}

LOOP_TEST(another_thread_neither_opens_nor_uses_a_watch)
{
	static struct rota_port_watch other;
	pthread_t elsewhere;

	begin(loop, until_closed, NULL);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(pthread_create(&elsewhere, NULL, watch_elsewhere, &other), 0);
	CHECK_EQ(pthread_join(elsewhere, NULL), 0);
	CHECK(rota_handle_is_open(&watch.handle) && !rota_handle_is_open(&other.handle));
	CHECK_EQ(rota_handle_close(&watch.handle, NULL), 0);
	rota_port_close(port);
	run(loop);
}

static void overwrite_a_watch(void *unused)
{
	struct rota_loop *loop;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	begin(loop, until_closed, NULL);
	CHECK_EQ(rota_port_watch_open(loop, &watch, port), 0);
	memset(&watch, 0x5a, sizeof watch);
	rota_loop_run(loop, ROTA_RUN_ONCE);
}

LOOP_TEST(a_debug_build_names_a_watch_whose_memory_goes_too_early)
{
	char said[512] = "";
	int status;

	if (!rota__notes_are_taken)
		SKIP("a release build takes no notes");
	status = test_run_child(overwrite_a_watch, NULL, said, sizeof said);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(said, "port, opened at") != NULL && strstr(said, "port.c:") != NULL);
}
