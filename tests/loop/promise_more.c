/* promise_more.c - what C adds to promises: who gives values back, combinations' lists, rejections nobody handles, threads */
#include <pthread.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/test.h"

static struct rota_loop *loop;
static int freed, calls, code;

static void start(void)
{
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	freed = calls = code = 0;
}

static void run(void)
{
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
}

static void end(void)
{
	run();
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void destroy(void *value)
{
	freed++;
	free(value);
}

static struct rota_result owned(const char *text)
{
	return rota_result_value(strdup(text), destroy);
}

static struct rota_result owned_error(int error, const char *text)
{
	return rota_result_error_value(error, strdup(text), destroy);
}

static struct rota_result look(const struct rota_settled *it, void *arg)
{
	CHECK_STR(it->value, arg);
	CHECK_EQ(freed, 0);
	calls++;
	return rota_result_pass();
}

static struct rota_result note_code(const struct rota_settled *it, void *arg)
{
	calls++;
	code = it->error;
	return rota_result_value(NULL, NULL);
}

static void note_rejection(struct rota_promise *promise, void *arg)
{
	calls++;
	code = rota_promise_error(promise);
}

/* ---- values ---- */

TEST(a_value_nobody_took_is_given_back_once)
{
	start();
	rota_promise_unref(rota_promise_of(loop, owned("a")));
	CHECK_EQ(freed, 1);
	rota_promise_unref(rota_promise_catch(rota_promise_of(loop, owned_error(-EIO, "b")), note_code, NULL));
	run();
	CHECK_EQ(freed, 2);
	end();
}

TEST(several_handlers_and_a_chain_see_one_value)
{
	struct rota_promise *p, *end_of_chain;

	start();
	p = rota_promise_of(loop, owned("v"));
	rota_promise_unref(rota_promise_then(rota_promise_ref(p), look, NULL, "v"));
	end_of_chain = rota_promise_then(rota_promise_ref(p), look, NULL, "v");
	end_of_chain = rota_promise_then(end_of_chain, NULL, NULL, NULL);
	end_of_chain = rota_promise_finally(end_of_chain, look, "v");
	rota_promise_unref(p);
	run();
	CHECK_EQ(calls, 3);
	CHECK_EQ(freed, 0);
	CHECK_STR(rota_promise_value(end_of_chain), "v");
	rota_promise_unref(end_of_chain);
	CHECK_EQ(freed, 1);
	end();
}

TEST(a_value_that_was_taken_out_is_the_takers)
{
	struct rota_promise *p, *q;
	char *value;

	start();
	p = rota_promise_of(loop, owned("v"));
	q = rota_promise_then(rota_promise_ref(p), NULL, NULL, NULL);
	run();
	value = rota_promise_take(q);
	CHECK_STR(value, "v");
	CHECK(rota_promise_value(p) == NULL && rota_promise_take(p) == NULL);
	rota_promise_unref(p);
	rota_promise_unref(q);
	CHECK_EQ(freed, 0);
	free(value);
	end();
}

TEST(a_result_that_comes_too_late_is_given_back)
{
	struct rota_promise *p;

	start();
	p = rota_promise_of(loop, owned("first"));
	CHECK_EQ(rota_promise_settle(p, owned("second")), -EALREADY);
	CHECK_EQ(freed, 1);
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(rota_promise_of(loop, owned("third")))), -EALREADY);
	CHECK_EQ(freed, 2);
	rota_promise_unref(p);
	CHECK_EQ(freed, 3);
	end();
}

TEST(what_waits_for_an_abandoned_promise_is_given_back)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	for (int i = 0; i < 200000; i++) /* and not by recursion */
		p = rota_promise_then(p, note_code, NULL, NULL);
	CHECK(p != NULL);
	rota_promise_unref(p);
	CHECK_EQ(rota_loop_alive(loop), false);
	end();
	CHECK_EQ(calls, 0);
}

TEST(a_promise_may_outlive_its_loop)
{
	struct rota_promise *p, *q;

	start();
	p = rota_promise_of(loop, owned("v"));
	q = rota_promise_new(loop);
	CHECK_EQ(rota_loop_free(loop), 0);
	CHECK_STR(rota_promise_value(p), "v");
	rota_promise_unref(p);
	rota_promise_unref(q);
	CHECK_EQ(freed, 1);
}

TEST(null_is_a_promise_without_memory)
{
	struct rota_promise *two[2];

	start();
	CHECK_EQ(rota_promise_error(NULL), -ENOMEM);
	CHECK_EQ(rota_promise_state(NULL), ROTA_REJECTED);
	CHECK(rota_promise_then(NULL, look, look, NULL) == NULL);
	CHECK(rota_promise_finally(NULL, look, NULL) == NULL);
	two[0] = rota_promise_of(loop, owned("v"));
	two[1] = NULL;
	CHECK(rota_promise_all(loop, two, 2) == NULL);
	CHECK_EQ(freed, 1);
	rota_promise_unref(NULL);
	rota_promise_unref(rota_promise_catch(
		rota_promise_of(loop, rota_result_promise(NULL)), note_code, NULL));
	end();
	CHECK_EQ(code, -ENOMEM);
}

TEST(a_promise_that_follows_itself_by_its_last_reference_is_rejected)
{
	struct rota_promise *p;

	start();
	CHECK_EQ(rota_on_unhandled_rejection(loop, note_rejection, NULL), 0);
	p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(p)), 0);
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(code, -EDEADLK);
}

TEST(a_positive_code_rejects_like_the_negative_one)
{
	struct rota_promise *p;

	start();
	p = rota_promise_catch(rota_promise_of(loop, rota_result_error(EPIPE)), note_code, NULL);
	run();
	CHECK_EQ(code, -EPIPE);
	rota_promise_unref(p);
	p = rota_promise_catch(rota_promise_of(loop, owned_error(ENOENT, "v")), look, "v");
	rota_promise_unref(rota_promise_catch(rota_promise_ref(p), note_code, NULL));
	run();
	CHECK_EQ(code, -ENOENT);
	CHECK_EQ(rota_promise_error(p), -ENOENT);
	rota_promise_unref(p);
	end();
	CHECK_EQ(freed, 1);
}

/* ---- what reports say ---- */

TEST(a_promise_knows_where_it_was_made_and_a_name_that_it_was_given)
{
	struct rota_promise *p, *q;
	char name[] = "greeting", here[64];

	start();
	p = rota_promise_new(loop);
	snprintf(here, sizeof here, "promise_more.c:%d", __LINE__ - 1);
	CHECK(strstr(rota_promise_site(p), here) != NULL);
	CHECK(rota_promise_name(p) == NULL);
	rota_promise_set_name(p, name);
	CHECK(rota_promise_name(p) == name); /* kept, not copied */
	q = rota_promise_then_at(rota_promise_ref(p), NULL, NULL, NULL, NULL);
	CHECK_STR(rota_promise_site(q), "unknown place");
	CHECK(rota_promise_name(q) == NULL);
	rota_promise_set_name(p, NULL);
	CHECK(rota_promise_name(p) == NULL);
	rota_promise_set_name(NULL, name);
	CHECK(rota_promise_name(NULL) == NULL);
	CHECK_STR(rota_promise_site(NULL), "unknown place");
	rota_promise_unref(p);
	rota_promise_unref(q);
	end();
}

/* ---- another loop ---- */

static struct rota_result answer(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(arg);
}

TEST(a_promise_cannot_follow_another_loops_which_is_given_back)
{
	struct rota_loop *other;
	struct rota_promise *p;

	start();
	CHECK_EQ(rota_loop_new(&other, NULL), 0);
	p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(rota_promise_of(other, owned("a")))), 0);
	CHECK_EQ(freed, 1);
	CHECK_EQ(rota_promise_error(p), -EPERM);
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(rota_promise_of(other, owned("b")))), -EALREADY);
	CHECK_EQ(freed, 2);
	p = rota_promise_finally(rota_promise_catch(p, note_code, NULL), answer, rota_promise_of(other, owned("c")));
	rota_promise_unref(rota_promise_catch(p, note_code, NULL));
	run();
	CHECK_EQ(freed, 3);
	CHECK_EQ(calls, 2);
	CHECK_EQ(code, -EPERM);
	CHECK_EQ(rota_loop_free(other), 0);
	end();
}

/* It has a loop of its own, for which it is handed a promise of another's. */
static void *follow_on_thread(void *arg)
{
	struct rota_loop *mine;
	struct rota_promise *p;

	CHECK_EQ(rota_loop_new(&mine, NULL), 0);
	CHECK_EQ(rota_loop_run(mine, ROTA_RUN_DEFAULT), 0);
	p = rota_promise_of(mine, rota_result_promise(arg));
	CHECK_EQ(rota_promise_error(p), -EPERM);
	rota_promise_unref(rota_promise_catch(p, note_code, NULL));
	CHECK_EQ(rota_loop_run(mine, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_free(mine), 0);
	return NULL;
}

TEST(the_reference_to_another_threads_promise_goes_home_by_a_post)
{
	struct rota_promise *p;
	pthread_t thread;

	start();
	run();
	p = rota_promise_of(loop, owned("v"));
	CHECK_EQ(pthread_create(&thread, NULL, follow_on_thread, p), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(code, -EPERM);
	CHECK_EQ(freed, 0);
	run();
	CHECK_EQ(freed, 1);
	end();
}

/* ---- rings ---- */

static void follow(struct rota_promise *p, struct rota_promise *other)
{
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(rota_promise_ref(other))), 0);
}

/* Of 200,000, which is more than the stack is deep. */
TEST(promises_that_follow_each_other_in_a_ring_are_rejected)
{
	enum { MANY = 200000 };
	static struct rota_promise *p[MANY];

	start();
	for (int size = 2; size <= MANY; size = size == 2 ? 3 : size == 3 ? MANY : MANY + 1) {
		for (int i = 0; i < size; i++)
			CHECK((p[i] = rota_promise_new(loop)) != NULL);
		for (int i = 0; i < size; i++)
			follow(p[i], p[(i + 1) % size]);
		for (int i = 0; i < size; i++)
			rota_promise_unref(rota_promise_catch(p[i], note_code, NULL));
		run();
		CHECK_EQ(calls, size);
		CHECK_EQ(code, -EDEADLK);
		calls = code = 0;
	}
	end();
}

TEST(a_promise_that_follows_what_comes_after_it_is_rejected)
{
	struct rota_promise *p, *q;

	start();
	p = rota_promise_new(loop);
	q = rota_promise_then(rota_promise_ref(p), note_code, NULL, NULL);
	q = rota_promise_then(q, note_code, NULL, NULL);
	follow(p, q);
	rota_promise_unref(p);
	rota_promise_unref(rota_promise_catch(q, note_code, NULL));
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(code, -EDEADLK);
}

static struct rota_result answer_held(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_ref(*(struct rota_promise **)arg));
}

TEST(a_finally_that_waits_for_what_waits_for_it_is_rejected)
{
	struct rota_promise *p, *q;

	start();
	p = rota_promise_finally(rota_promise_of(loop, owned("v")), answer_held, &q);
	q = rota_promise_then(rota_promise_ref(p), look, NULL, NULL);
	rota_promise_unref(rota_promise_catch(rota_promise_ref(q), note_code, NULL));
	run();
	CHECK_EQ(rota_promise_error(p), -EDEADLK);
	rota_promise_unref(p);
	rota_promise_unref(q);
	end();
	CHECK_EQ(code, -EDEADLK);
	CHECK_EQ(freed, 1);
}

static int become(void *value, struct rota_promise *promise)
{
	return rota_promise_settle(promise, rota_result_promise(rota_promise_ref(value)));
}

TEST(a_thenable_that_leads_back_is_rejected)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_settle(p, rota_result_thenable(become, p)), 0);
	rota_promise_unref(rota_promise_catch(p, note_code, NULL));
	end();
	CHECK_EQ(code, -EDEADLK);
}

/* Each is waited for already when it begins to wait for all the others: to look for rings is to be cheap nevertheless. */
TEST(a_long_queue_of_promises_that_follow_each_other_comes_to_its_end)
{
	struct rota_promise *first, *tail;

	start();
	first = rota_promise_new(loop);
	tail = rota_promise_ref(first);
	for (int i = 0; i < 200000; i++) {
		struct rota_promise *next = rota_promise_new(loop);
		struct rota_promise *after = rota_promise_then(rota_promise_ref(next), note_code, NULL, NULL);

		CHECK_EQ(rota_promise_settle(next, rota_result_promise(tail)), 0);
		rota_promise_unref(next);
		run();
		tail = after;
	}
	CHECK_EQ(calls, 0);
	CHECK_EQ(rota_promise_settle(first, owned("v")), 0);
	rota_promise_unref(first);
	rota_promise_unref(tail);
	end();
	CHECK_EQ(calls, 200000);
	CHECK_EQ(freed, 1);
}

/* ---- combinations ---- */

static struct rota_result list_of_three(const struct rota_settled *it, void *arg)
{
	const struct rota_promise_list *list = it->value;

	calls++;
	code = it->error;
	CHECK_EQ(list->count, 3);
	CHECK_EQ(freed, 0);
	CHECK_STR(list->of[0].value, "a");
	CHECK_STR(list->of[1].value, "b");
	CHECK_STR(list->of[2].value, "c");
	CHECK_EQ(list->of[1].error, arg != NULL ? -EIO : 0);
	return rota_result_value(NULL, NULL);
}

TEST(all_has_the_values_in_the_order_of_the_array)
{
	struct rota_promise *p[3], *later;

	start();
	later = rota_promise_new(loop);
	p[0] = rota_promise_ref(later);
	p[1] = rota_promise_of(loop, owned("b"));
	p[2] = rota_promise_of(loop, owned("c"));
	rota_promise_unref(rota_promise_then(rota_promise_all(loop, p, 3), list_of_three, NULL, NULL));
	run();
	CHECK_EQ(calls, 0);
	rota_promise_settle(later, owned("a"));
	rota_promise_unref(later);
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(freed, 3);
}

TEST(all_settled_has_errors_too)
{
	struct rota_promise *p[3];

	start();
	p[0] = rota_promise_of(loop, owned("a"));
	p[1] = rota_promise_of(loop, owned_error(-EIO, "b"));
	p[2] = rota_promise_of(loop, owned("c"));
	rota_promise_unref(rota_promise_then(rota_promise_all_settled(loop, p, 3), list_of_three, NULL, loop));
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(freed, 3);
}

TEST(any_without_success_has_all_reasons)
{
	struct rota_promise *p[3];

	start();
	p[0] = rota_promise_of(loop, owned_error(-ENOENT, "a"));
	p[1] = rota_promise_of(loop, owned_error(-EIO, "b"));
	p[2] = rota_promise_of(loop, owned_error(-EPIPE, "c"));
	rota_promise_unref(rota_promise_catch(rota_promise_any(loop, p, 3), list_of_three, loop));
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(code, -ENOENT);
	CHECK_EQ(freed, 3);
}

TEST(a_race_is_won_once_and_the_others_are_handled)
{
	struct rota_promise *p[2];

	start();
	p[0] = rota_promise_of(loop, owned("v"));
	p[1] = rota_promise_of(loop, owned_error(-EIO, "b"));
	rota_promise_unref(rota_promise_then(rota_promise_race(loop, p, 2), look, NULL, "v"));
	end();
	CHECK_EQ(calls, 1);
	CHECK_EQ(freed, 2);
}

TEST(a_combination_of_none)
{
	struct rota_promise *never;

	start();
	rota_promise_unref(rota_promise_all(loop, NULL, 0));
	rota_promise_unref(rota_promise_catch(rota_promise_any(loop, NULL, 0), note_code, NULL));
	never = rota_promise_race(loop, NULL, 0);
	run();
	CHECK_EQ(code, -EINVAL);
	CHECK_EQ(rota_promise_state(never), ROTA_PENDING);
	rota_promise_unref(never);
	end();
}

TEST(a_combination_of_what_never_settles_is_given_back)
{
	struct rota_promise *p[2];

	start();
	p[0] = rota_promise_new(loop);
	p[1] = rota_promise_of(loop, owned("v"));
	rota_promise_unref(rota_promise_then(rota_promise_all(loop, p, 2), note_code, NULL, NULL));
	end();
	CHECK_EQ(calls, 0);
	CHECK_EQ(freed, 1);
}

/* ---- finally ---- */

static struct rota_result wait_a_moment(const struct rota_settled *it, void *arg)
{
	calls++;
	return rota_result_promise(rota_promise_sleep(loop, ROTA_MILLISECONDS(1)));
}

static struct rota_result reject_later(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_of(loop, rota_result_error(-EPIPE)));
}

TEST(finally_waits_for_a_promise_and_passes_on_what_came)
{
	start();
	rota_promise_unref(rota_promise_then(
		rota_promise_finally(rota_promise_of(loop, owned("v")), wait_a_moment, NULL), look, NULL, "v"));
	rota_promise_unref(rota_promise_catch(
		rota_promise_finally(rota_promise_of(loop, rota_result_error(-EIO)), wait_a_moment, NULL), note_code, NULL));
	run();
	CHECK_EQ(calls, 4);
	CHECK_EQ(code, -EIO);
	CHECK_EQ(freed, 1);
	end();
}

TEST(finally_may_reject)
{
	start();
	rota_promise_unref(rota_promise_catch(
		rota_promise_finally(rota_promise_of(loop, owned("v")), reject_later, NULL), note_code, NULL));
	end();
	CHECK_EQ(code, -EPIPE);
	CHECK_EQ(freed, 1);
}

/* ---- rejections that nobody handles ---- */

static struct rota_promise *reported, *was_handled;

static void note_unhandled(struct rota_promise *promise, void *arg)
{
	CHECK(arg == &loop);
	calls++;
	reported = promise;
}

static void note_handled(struct rota_promise *promise, void *arg)
{
	was_handled = promise;
}

TEST(a_rejection_nobody_handles_reaches_the_hook_and_a_late_handler_too)
{
	struct rota_promise *p;

	start();
	CHECK_EQ(rota_on_unhandled_rejection(loop, note_unhandled, &loop), 0);
	CHECK_EQ(rota_on_rejection_handled(loop, note_handled, NULL), 0);
	p = rota_promise_of(loop, rota_result_error(-EIO));
	run();
	CHECK(reported == p && was_handled == NULL);
	CHECK_EQ(calls, 1);
	rota_promise_unref(rota_promise_catch(p, note_code, NULL));
	run();
	CHECK(was_handled == p);
	CHECK_EQ(code, -EIO);
	end();
}

TEST(one_that_is_handled_before_the_queues_are_empty_is_not_reported)
{
	struct rota_promise *p;

	start();
	p = rota_promise_of(loop, rota_result_error(-EIO));
	rota_promise_unref(rota_promise_catch(p, note_code, NULL));
	end();
	CHECK_EQ(code, -EIO);
}

static void reject_unhandled(void *arg)
{
	struct rota_promise *p;

	start();
	p = rota_promise_of(loop, rota_result_error(-ECONNREFUSED));
	rota_promise_set_name(p, "greeting");
	rota_promise_unref(p);
	run();
}

TEST(without_a_hook_the_program_ends_and_names_the_promise)
{
	char err[256];
	int status = test_run_child(reject_unhandled, NULL, err, sizeof err);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK(strstr(err, "greeting") != NULL && strstr(err, "promise_more.c:") != NULL);
	CHECK(strstr(err, rota_strerror(-ECONNREFUSED)) != NULL);
}

/* ---- other threads ---- */

static void *send_from_thread(void *arg)
{
	rota_promise_send(arg, owned("from a thread"));
	return NULL;
}

TEST(another_thread_settles_through_a_sender)
{
	struct rota_promise *p;
	struct rota_promise_sender *sender;
	pthread_t thread;

	start();
	p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_sender_new(&sender, p), 0);
	CHECK_EQ(pthread_create(&thread, NULL, send_from_thread, sender), 0);
	rota_promise_unref(rota_promise_then(p, look, NULL, "from a thread"));
	run(); /* the sender keeps it alive */
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(calls, 1);
	end();
	CHECK_EQ(freed, 1);
}

static void *settle_from_thread(void *arg)
{
	struct rota_promise_sender *sender;

	CHECK_EQ(rota_promise_settle(arg, owned("no")), -EPERM);
	CHECK_EQ(rota_promise_sender_new(&sender, arg), -EPERM);
	CHECK_EQ(rota_on_unhandled_rejection(loop, note_unhandled, NULL), -EPERM);
	return NULL;
}

TEST(another_thread_may_not_settle_by_itself)
{
	struct rota_promise *p;
	pthread_t thread;

	start();
	run();
	p = rota_promise_new(loop);
	rota_promise_unref(rota_promise_of(loop, owned("x")));
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_EQ(pthread_create(&thread, NULL, settle_from_thread, p), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(rota_promise_state(p), ROTA_PENDING);
	rota_promise_unref(p);
	end();
	CHECK_EQ(freed, 2);
}

static struct rota_result work(void *arg)
{
	return arg != NULL ? owned(arg) : rota_result_error(-EIO);
}

TEST(a_function_on_the_pool_is_a_promise)
{
	start();
	rota_promise_unref(rota_promise_then(rota_promise_blocking(loop, work, "worked"), look, NULL, "worked"));
	rota_promise_unref(rota_promise_catch(rota_promise_blocking(loop, work, NULL), note_code, NULL));
	end();
	CHECK_EQ(calls, 2);
	CHECK_EQ(code, -EIO);
	CHECK_EQ(freed, 1);
}

TEST(a_time_is_a_promise)
{
	uint64_t before = rota_now_ns();

	start();
	rota_promise_unref(rota_promise_then(rota_promise_sleep(loop, ROTA_MILLISECONDS(3)), note_code, NULL, NULL));
	end();
	CHECK_EQ(calls, 1);
	CHECK(rota_now_ns() - before >= ROTA_MILLISECONDS(3));
}

/* ---- the queue ---- */

static void count(void *arg)
{
	++*(int *)arg;
}

TEST(slots_stay_free_for_promises_among_other_microtasks)
{
	enum { MANY = 3000 };
	static struct rota_promise *p[MANY];
	int others = 0;

	start();
	for (int i = 0; i < MANY; i++) {
		p[i] = rota_promise_new(loop);
		rota_promise_unref(rota_promise_then(rota_promise_ref(p[i]), note_code, NULL, NULL));
		CHECK_EQ(rota_queue_microtask(loop, count, &others), 0);
	}
	for (int i = 0; i < MANY; i++) {
		rota_promise_settle(p[i], rota_result_value(NULL, NULL));
		rota_promise_unref(p[i]);
	}
	end();
	CHECK_EQ(others, MANY);
	CHECK_EQ(calls, MANY);
}
