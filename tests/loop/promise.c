/* promise.c - Promises/A+, each numbered rule of its text a test, named by the number
 *
 * A promise's "then" is rota_promise_then(), its "throw" an answer with an error.  Rules about what a JavaScript value may
 * be (2.1 to 2.3.3.2: undefined, functions, getters) hold by the types of C where no test is named for them. */
#include <rota.h>
#include <string.h>

#include "harness/test.h"

static struct rota_loop *loop;
static struct rota_promise *later_of;
static char out[128];

static void start(void)
{
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	out[0] = '\0';
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

static void say(const char *text)
{
	CHECK(strlen(out) + strlen(text) < sizeof out);
	strcat(out, text);
}

static struct rota_promise *fulfilled(const char *value)
{
	return rota_promise_of(loop, rota_result_value((void *)value, NULL));
}

static struct rota_promise *rejected(int code)
{
	return rota_promise_of(loop, rota_result_error(code));
}

static int fulfil(struct rota_promise *p, const char *value)
{
	return rota_promise_settle(p, rota_result_value((void *)value, NULL));
}

static int reject(struct rota_promise *p, int code)
{
	return rota_promise_settle(p, rota_result_error(code));
}

/* Handlers.  They print themselves, the value, or '!' and the code's name. */
static struct rota_result print(const struct rota_settled *it, void *arg)
{
	if (arg != NULL)
		say(arg);
	if (it->error != 0)
		say(it->error == -EIO ? "!EIO" : it->error == -EDEADLK ? "!EDEADLK" : it->error == -ENOENT ? "!ENOENT" : "!");
	else if (it->value != NULL)
		say(it->value);
	return rota_result_value("made", NULL);
}

static struct rota_result throw(const struct rota_settled *it, void *arg)
{
	say("throw ");
	return rota_result_error(-EIO);
}

static struct rota_result answer_later(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_ref(later_of));
}

/* Print what became of it, and give it back. */
static void show(struct rota_promise *p)
{
	rota_promise_unref(rota_promise_then(p, print, print, NULL));
}

static void drop(struct rota_promise *p)
{
	rota_promise_unref(p);
}

/* ---- 2.1 states ---- */

TEST(rule_2_1_1_a_pending_promise_may_become_fulfilled_or_rejected)
{
	struct rota_promise *a, *b;

	start();
	a = rota_promise_new(loop);
	b = rota_promise_new(loop);
	CHECK_EQ(rota_promise_state(a), ROTA_PENDING);
	CHECK_EQ(fulfil(a, "v"), 0);
	CHECK_EQ(reject(b, -EIO), 0);
	CHECK_EQ(rota_promise_state(a), ROTA_FULFILLED);
	CHECK_EQ(rota_promise_state(b), ROTA_REJECTED);
	show(a);
	show(b);
	run();
	CHECK_STR(out, "v!EIO");
	end();
}

TEST(rule_2_1_2_a_fulfilled_promise_stays_so_with_its_value)
{
	struct rota_promise *p;

	start();
	p = fulfilled("v");
	CHECK_EQ(fulfil(p, "w"), -EALREADY);
	CHECK_EQ(reject(p, -EIO), -EALREADY);
	CHECK_EQ(rota_promise_state(p), ROTA_FULFILLED);
	CHECK_STR(rota_promise_value(p), "v");
	drop(p);
	end();
}

TEST(rule_2_1_3_a_rejected_promise_stays_so_with_its_reason)
{
	struct rota_promise *p;

	start();
	p = rejected(-EIO);
	CHECK_EQ(fulfil(p, "w"), -EALREADY);
	CHECK_EQ(reject(p, -ENOENT), -EALREADY);
	CHECK_EQ(rota_promise_state(p), ROTA_REJECTED);
	CHECK_EQ(rota_promise_error(p), -EIO);
	show(p);
	end();
}

/* ---- 2.2 then ---- */

TEST(rule_2_2_1_both_handlers_are_optional)
{
	start();
	drop(rota_promise_then(fulfilled("v"), NULL, print, NULL));
	drop(rota_promise_catch(rota_promise_then(rejected(-EIO), print, NULL, NULL), print, NULL));
	run();
	CHECK_STR(out, "!EIO");
	end();
}

TEST(rule_2_2_2_1_fulfilled_is_called_after_fulfilment_with_the_value)
{
	start();
	show(fulfilled("v"));
	CHECK_STR(out, "");
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_2_2_2_fulfilled_is_not_called_before_the_promise_is_fulfilled)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	show(rota_promise_ref(p));
	run();
	CHECK_STR(out, "");
	fulfil(p, "v");
	drop(p);
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_2_2_3_fulfilled_is_called_once)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	show(rota_promise_ref(p));
	CHECK_EQ(fulfil(p, "v"), 0);
	CHECK_EQ(fulfil(p, "w"), -EALREADY);
	run();
	CHECK_EQ(fulfil(p, "x"), -EALREADY);
	drop(p);
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_2_3_1_rejected_is_called_after_rejection_with_the_reason)
{
	start();
	drop(rota_promise_catch(rejected(-EIO), print, NULL));
	CHECK_STR(out, "");
	run();
	CHECK_STR(out, "!EIO");
	end();
}

TEST(rule_2_2_3_2_rejected_is_not_called_before_the_promise_is_rejected)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	drop(rota_promise_catch(rota_promise_ref(p), print, NULL));
	run();
	CHECK_STR(out, "");
	reject(p, -EIO);
	drop(p);
	run();
	CHECK_STR(out, "!EIO");
	end();
}

TEST(rule_2_2_3_3_rejected_is_called_once)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	drop(rota_promise_catch(rota_promise_ref(p), print, NULL));
	CHECK_EQ(reject(p, -EIO), 0);
	CHECK_EQ(reject(p, -ENOENT), -EALREADY);
	drop(p);
	run();
	CHECK_STR(out, "!EIO");
	end();
}

static void settle_and_then(void *arg)
{
	struct rota_promise *p = arg;

	fulfil(p, "v");
	say("a ");
	show(p);
	say("b ");
}

TEST(rule_2_2_4_handlers_are_not_called_inside_then_or_settle)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	CHECK(rota_set_timeout(loop, 0, settle_and_then, p) > 0);
	run();
	CHECK_STR(out, "a b v");
	end();
}

static struct rota_result print_arg(const struct rota_settled *it, void *arg)
{
	CHECK(arg == out);
	say("called");
	return rota_result_value(NULL, NULL);
}

TEST(rule_2_2_5_handlers_are_plain_functions_with_their_own_argument)
{
	start();
	drop(rota_promise_then(fulfilled("v"), print_arg, NULL, out));
	run();
	CHECK_STR(out, "called");
	end();
}

TEST(rule_2_2_6_1_fulfilled_handlers_are_called_in_the_order_of_their_thens)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	drop(rota_promise_then(rota_promise_ref(p), print, NULL, "1"));
	drop(rota_promise_catch(rota_promise_ref(p), print, "no"));
	drop(rota_promise_then(rota_promise_ref(p), print, NULL, "2"));
	fulfil(p, "v");
	drop(rota_promise_then(p, print, NULL, "3"));
	run();
	CHECK_STR(out, "1v2v3v");
	end();
}

TEST(rule_2_2_6_2_rejected_handlers_are_called_in_the_order_of_their_thens)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	drop(rota_promise_catch(rota_promise_ref(p), print, "1"));
	drop(rota_promise_catch(rota_promise_ref(p), print, "2"));
	reject(p, -EIO);
	drop(rota_promise_catch(p, print, "3"));
	run();
	CHECK_STR(out, "1!EIO2!EIO3!EIO");
	end();
}

TEST(rule_2_2_7_then_answers_a_promise)
{
	struct rota_promise *p, *q;

	start();
	p = rota_promise_new(loop);
	q = rota_promise_then(rota_promise_ref(p), print, print, NULL);
	CHECK(q != NULL && q != p);
	CHECK_EQ(rota_promise_state(q), ROTA_PENDING);
	CHECK_EQ(fulfil(q, "w"), -EALREADY); /* it is its handler's */
	drop(p);
	drop(q);
	end();
}

TEST(rule_2_2_7_1_what_a_handler_answers_resolves_the_promise)
{
	start();
	show(rota_promise_then(fulfilled("v"), print, NULL, "1 "));
	show(rota_promise_catch(rejected(-EIO), print, "2 "));
	run();
	CHECK_STR(out, "1 v2 !EIOmademade");
	end();
}

TEST(rule_2_2_7_2_what_a_handler_throws_rejects_the_promise)
{
	start();
	show(rota_promise_then(fulfilled("v"), throw, NULL, NULL));
	show(rota_promise_catch(rejected(-ENOENT), throw, NULL));
	run();
	CHECK_STR(out, "throw throw !EIO!EIO");
	end();
}

TEST(rule_2_2_7_3_without_a_handler_for_fulfilment_the_value_is_passed_on)
{
	start();
	show(rota_promise_then(fulfilled("v"), NULL, throw, NULL));
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_2_7_4_without_a_handler_for_rejection_the_reason_is_passed_on)
{
	start();
	show(rota_promise_then(rejected(-EIO), throw, NULL, NULL));
	run();
	CHECK_STR(out, "!EIO");
	end();
}

/* ---- 2.3 the resolution procedure ---- */

TEST(rule_2_3_1_a_promise_that_is_to_follow_itself_is_rejected)
{
	struct rota_promise *p;

	start();
	p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_settle(p, rota_result_promise(rota_promise_ref(p))), 0);
	show(p);
	later_of = rota_promise_then(fulfilled("v"), answer_later, NULL, NULL);
	show(rota_promise_ref(later_of));
	run();
	CHECK_STR(out, "!EDEADLK!EDEADLK");
	drop(later_of);
	end();
}

TEST(rule_2_3_2_1_while_the_followed_promise_is_pending_so_is_the_follower)
{
	struct rota_promise *p, *q;

	start();
	p = rota_promise_new(loop);
	q = rota_promise_of(loop, rota_result_promise(rota_promise_ref(p)));
	CHECK_EQ(fulfil(q, "w"), -EALREADY);
	show(rota_promise_ref(q));
	run();
	CHECK_EQ(rota_promise_state(q), ROTA_PENDING);
	fulfil(p, "v");
	run();
	CHECK_STR(out, "v");
	drop(p);
	drop(q);
	end();
}

TEST(rule_2_3_2_2_a_follower_is_fulfilled_with_the_same_value)
{
	start();
	show(rota_promise_of(loop, rota_result_promise(fulfilled("v"))));
	later_of = fulfilled("w");
	show(rota_promise_then(fulfilled("v"), answer_later, NULL, NULL));
	run();
	CHECK_STR(out, "vw");
	drop(later_of);
	end();
}

TEST(rule_2_3_2_3_a_follower_is_rejected_with_the_same_reason)
{
	start();
	show(rota_promise_of(loop, rota_result_promise(rejected(-EIO))));
	run();
	CHECK_STR(out, "!EIO");
	end();
}

/* ---- 2.3.3 thenables ---- */

static struct rota_promise *kept;

static int then_value(void *value, struct rota_promise *promise)
{
	say("asked ");
	CHECK_EQ(fulfil(promise, value), 0);
	return 0;
}

static int then_promise(void *value, struct rota_promise *promise)
{
	rota_promise_settle(promise, rota_result_promise(fulfilled(value)));
	return 0;
}

static int then_thenable(void *value, struct rota_promise *promise)
{
	rota_promise_settle(promise, rota_result_thenable(then_value, value));
	return 0;
}

static int then_reject(void *value, struct rota_promise *promise)
{
	reject(promise, -EIO);
	return 0;
}

static int then_twice(void *value, struct rota_promise *promise)
{
	CHECK_EQ(fulfil(promise, value), 0);
	CHECK_EQ(reject(promise, -EIO), -EALREADY);
	CHECK_EQ(fulfil(promise, "w"), -EALREADY);
	return 0;
}

static int then_settle_and_throw(void *value, struct rota_promise *promise)
{
	fulfil(promise, value);
	return -EIO;
}

static int then_throw(void *value, struct rota_promise *promise)
{
	return -EIO;
}

static int then_keep(void *value, struct rota_promise *promise)
{
	kept = rota_promise_ref(promise);
	return 0;
}

static struct rota_promise *of_thenable(int (*then)(void *, struct rota_promise *))
{
	return rota_promise_of(loop, rota_result_thenable(then, "v"));
}

TEST(rule_2_3_3_1_then_is_looked_at_once)
{
	start();
	show(of_thenable(then_value));
	CHECK_STR(out, ""); /* and not inside the call that resolves */
	run();
	CHECK_STR(out, "asked v");
	end();
}

TEST(rule_2_3_3_3_1_a_thenable_that_resolves_is_resolved_again)
{
	start();
	show(of_thenable(then_promise));
	show(of_thenable(then_thenable));
	run();
	CHECK_STR(out, "asked vv");
	end();
}

TEST(rule_2_3_3_3_2_a_thenable_that_rejects_rejects)
{
	start();
	show(of_thenable(then_reject));
	run();
	CHECK_STR(out, "!EIO");
	end();
}

TEST(rule_2_3_3_3_3_the_first_call_of_a_thenable_counts)
{
	start();
	show(of_thenable(then_twice));
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_3_3_3_4_1_a_throw_after_the_answer_is_ignored)
{
	start();
	show(of_thenable(then_settle_and_throw));
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_3_3_3_4_2_a_throw_before_the_answer_rejects)
{
	start();
	show(of_thenable(then_throw));
	run();
	CHECK_STR(out, "!EIO");
	end();
}

TEST(rule_2_3_3_3_a_thenable_may_answer_later)
{
	start();
	show(of_thenable(then_keep));
	run();
	CHECK_STR(out, "");
	fulfil(kept, "later");
	drop(kept);
	run();
	CHECK_STR(out, "later");
	end();
}

TEST(rule_2_3_3_4_what_has_no_then_is_a_value)
{
	start();
	show(of_thenable(NULL));
	run();
	CHECK_STR(out, "v");
	end();
}

TEST(rule_2_3_4_what_is_no_object_is_a_value)
{
	struct rota_promise *p;

	start();
	p = rota_promise_of(loop, rota_result_value(NULL, NULL));
	CHECK_EQ(rota_promise_state(p), ROTA_FULFILLED);
	CHECK(rota_promise_value(p) == NULL);
	drop(p);
	end();
}
