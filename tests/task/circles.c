/* circles.c - tasks that would wait for each other's end for ever: whoever closes the circle is refused
 *
 * In each of these B is there first and waits for a word; then others come to wait for its end, and after that it does what
 * the test is about, and notes what it was answered. */
#include "run.h"

static struct rota_task *a, *b, *c;
static struct rota_event go;
static struct rota_chan quiet; /* nobody ever sends */
static int answer, answer_of_a;

/* ---- what they do ---- */

static int b_joins_a(void *arg)
{
	(void)arg;
	rota_event_wait(&go);
	answer = rota_join(a, NULL);
	return 5;
}

static int b_waits_for_a(void *arg)
{
	(void)arg;
	rota_event_wait(&go);
	answer = rota_wait(&a, 1, ROTA_WAIT_ALL);
	return 5;
}

static int b_selects_a(void *arg)
{
	struct rota_branch ends[] = { rota_on_join(a, NULL), rota_on_recv(&quiet, NULL) };

	(void)arg;
	rota_event_wait(&go);
	answer = rota_select(ends, 2) == 0 ? ends[0].result : 99;
	return 5;
}

static int a_joins_b(void *arg)
{
	(void)arg;
	answer_of_a = rota_join(b, NULL);
	return 0;
}

static int a_waits_for_b_and_c(void *arg)
{
	struct rota_task *const tasks[] = { b, c };

	answer_of_a = rota_wait(tasks, 2, (enum rota_wait_when)(intptr_t)arg);
	return 0;
}

static int a_selects_b(void *arg)
{
	struct rota_branch ends[] = { rota_on_join(b, NULL), rota_on_recv(NULL, NULL) }; /* the second one is switched off */

	(void)arg;
	answer_of_a = rota_select(ends, 2);
	return 0;
}

static int a_selects_b_and_c(void *arg)
{
	struct rota_branch ends[] = { rota_on_join(b, NULL), rota_on_join(c, NULL) };

	(void)arg;
	answer_of_a = rota_select(ends, 2);
	return 0;
}

static int a_selects_b_and_a_channel(void *arg)
{
	struct rota_branch ends[] = { rota_on_join(b, NULL), rota_on_recv(&quiet, NULL) };

	(void)arg;
	answer_of_a = rota_select(ends, 2);
	return 0;
}

static int c_joins_b(void *arg)
{
	(void)arg;
	rota_join(b, NULL);
	return 0;
}

static int c_waits_for_a_word(void *arg)
{
	(void)arg;
	rota_event_wait(&go);
	return 0;
}

static int a_has_a_child_that_joins_b(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	rota_spawn_task(&c, &scope, c_joins_b, NULL, NULL);
	return rota_scope_join(&scope);
}

static int a_has_a_grandchild_that_joins_b(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	rota_spawn(&scope, a_has_a_child_that_joins_b, NULL);
	return rota_scope_join(&scope);
}

/* ---- the tests' frame ---- */

static struct rota_scope scope;

static void b_is_there(rota_fn body)
{
	answer = answer_of_a = 99;
	memset(&go, 0, sizeof go);
	CHECK_EQ(rota_chan_init(&quiet, 1, 1), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&b, &scope, body, NULL, NULL), 0);
}

static void c_is_there(rota_fn body)
{
	CHECK_EQ(rota_spawn_task(&c, &scope, body, NULL, NULL), 0);
	others_wait();
}

static void a_comes_and_b_goes_on(rota_fn body, intptr_t arg)
{
	CHECK_EQ(rota_spawn_task(&a, &scope, body, (void *)arg, NULL), 0);
	others_wait();
	rota_event_set(&go);
}

static void all_end(void)
{
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&quiet), 0);
	CHECK_EQ(rota_event_fini(&go), 0);
}

/* ---- circles ---- */

TASK_TEST(a_join_of_who_joins_me_is_refused)
{
	b_is_there(b_joins_a);
	a_comes_and_b_goes_on(a_joins_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
	CHECK_EQ(answer_of_a, 0); /* b has ended, with 5 */
}

TASK_TEST(a_join_of_who_waits_for_me_and_another_is_refused)
{
	b_is_there(b_joins_a);
	c_is_there(c_waits_for_a_word);
	a_comes_and_b_goes_on(a_waits_for_b_and_c, ROTA_WAIT_ALL);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
	CHECK_EQ(answer_of_a, 2);
}

TASK_TEST(a_wait_for_who_joins_me_is_refused)
{
	b_is_there(b_waits_for_a);
	a_comes_and_b_goes_on(a_joins_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
}

TASK_TEST(a_join_of_who_selects_my_end_alone_is_refused)
{
	b_is_there(b_joins_a);
	a_comes_and_b_goes_on(a_selects_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
	CHECK_EQ(answer_of_a, 0);
}

TASK_TEST(a_select_of_the_end_of_who_joins_me_comes_at_once_and_says_so)
{
	b_is_there(b_selects_a);
	a_comes_and_b_goes_on(a_joins_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
}

TASK_TEST(a_join_of_who_has_a_child_that_joins_me_is_refused)
{
	b_is_there(b_joins_a);
	a_comes_and_b_goes_on(a_has_a_child_that_joins_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
}

TASK_TEST(a_join_of_who_has_a_grandchild_that_joins_me_is_refused)
{
	b_is_there(b_joins_a);
	a_comes_and_b_goes_on(a_has_a_grandchild_that_joins_b, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
}

static int a_has_a_child_that_joins_b_late(void *arg)
{
	struct rota_scope mine;

	rota_scope_open(&mine);
	rota_spawn_task(&c, &mine, b_joins_a, arg, NULL); /* c, which joins what is `a` by then */
	return rota_scope_join(&mine);
}

static int d_joins_the_owner(void *arg)
{
	answer_of_a = rota_join(arg, NULL);
	return 0;
}

/* The same circle, closed by the child: owner <- d <- child. */
TASK_TEST(a_join_of_who_joins_my_owner_is_refused)
{
	b_is_there(a_has_a_child_that_joins_b_late);
	CHECK_EQ(rota_spawn_task(&a, &scope, d_joins_the_owner, b, NULL), 0);
	others_wait();
	rota_event_set(&go);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
	CHECK_EQ(answer_of_a, 0);
}

TASK_TEST(a_join_of_who_selects_ends_that_all_lead_back_is_refused)
{
	b_is_there(b_joins_a);
	c_is_there(c_joins_b);
	a_comes_and_b_goes_on(a_selects_b_and_c, 0);
	all_end();
	CHECK_EQ(answer, -EDEADLK);
}

/* ---- what looks like one ---- */

TASK_TEST(a_join_of_who_waits_for_the_first_of_two_is_none)
{
	b_is_there(b_joins_a);
	c_is_there(c_waits_for_a_word);
	a_comes_and_b_goes_on(a_waits_for_b_and_c, ROTA_WAIT_FIRST);
	all_end();
	CHECK_EQ(answer, 0);
	CHECK_EQ(answer_of_a, 1);
}

TASK_TEST(a_join_of_who_selects_something_else_as_well_is_none)
{
	b_is_there(b_joins_a);
	a_comes_and_b_goes_on(a_selects_b_and_a_channel, 0);
	others_wait();
	rota_chan_close(&quiet);
	all_end();
	CHECK_EQ(answer, 0);
	CHECK_EQ(answer_of_a, 1);
}

static struct rota_task *chain[2000];

static int join_the_one_before(void *arg)
{
	rota_event_wait(&go);
	return rota_join(*(struct rota_task **)arg, NULL);
}

TASK_TEST(a_long_chain_of_joins_is_none)
{
	enum { LINKS = sizeof chain / sizeof chain[0] };

	b_is_there(c_waits_for_a_word);
	chain[0] = b;
	for (int i = 1; i < LINKS; i++)
		CHECK_EQ(rota_spawn_task(&chain[i], &scope, join_the_one_before, &chain[i - 1], NULL), 0);
	others_wait();
	rota_event_set(&go);
	CHECK_EQ(rota_join(chain[LINKS - 1], NULL), 0);
	all_end();
}

static int give_up(void *arg)
{
	(void)arg;
	answer_of_a = rota_join_until(b, NULL, rota_deadline(ROTA_MILLISECONDS(1)));
	rota_event_set(&go);
	return 0;
}

TASK_TEST(a_wait_that_was_given_up_is_no_part_of_one)
{
	b_is_there(b_joins_a);
	CHECK_EQ(rota_spawn_task(&a, &scope, give_up, NULL, NULL), 0);
	all_end();
	CHECK_EQ(answer_of_a, -ETIMEDOUT);
	CHECK_EQ(answer, 0);
}

/* ---- everybody waits for anybody ---- */

enum { CROWD = 12 };

static struct rota_task *crowd[CROWD];
static uint32_t begun;

static int wait_for_some(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg * 2654435761u + begun;
	struct rota_task *some[3];
	struct rota_branch end[1];

	rota_event_wait(&go);
	for (int i = 0; i < 40; i++) {
		for (int k = 0; k < 3; k++) {
			seed = seed * 1103515245u + 12345u;
			some[k] = crowd[(seed >> 16) % CROWD];
		}
		end[0] = rota_on_join(some[0], NULL);
		switch ((seed >> 10) % 4) {
		case 0:
			rota_join(some[0], NULL);
			break;
		case 1:
			rota_wait(some, 3, ROTA_WAIT_ALL);
			break;
		case 2:
			rota_select(end, 1);
			break;
		case 3:
			rota_yield();
			break;
		}
	}
	return 0;
}

static int have_a_child_that_waits(void *arg)
{
	struct rota_scope mine;

	rota_scope_open(&mine);
	rota_spawn(&mine, wait_for_some, arg);
	wait_for_some((void *)((uintptr_t)arg + 100));
	return rota_scope_join(&mine);
}

TASK_TEST(whoever_waits_for_whom_all_end)
{
	for (begun = 0; begun < 200; begun++) {
		memset(&go, 0, sizeof go);
		rota_scope_open(&scope);
		for (uintptr_t i = 0; i < CROWD; i++)
			CHECK_EQ(rota_spawn_task(&crowd[i], &scope, i % 3 == 0 ? have_a_child_that_waits : wait_for_some,
					 (void *)i, NULL),
				0);
		rota_event_set(&go);
		CHECK_EQ(rota_scope_join(&scope), 0);
		CHECK_EQ(rota_event_fini(&go), 0);
	}
}
