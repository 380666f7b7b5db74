/* outside.c - threads that are in no run want something of one: posts, tasks, its end; and the run may be over */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "run.h"

static pthread_t start(void *(*body)(void *arg), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, body, arg), 0);
	return thread;
}

static void wait_for_thread(pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- tasks ---- */

static struct rota_event told;
static int told_result, ran;
static bool was_task;

static int double_it(void *arg)
{
	was_task = rota_self() != NULL && rota_yield() == 0;
	ran++;
	return 2 * *(int *)arg;
}

static void tell(void *arg, int result)
{
	(void)arg;
	store_release(&told_result, result);
	rota_event_set(&told);
}

static void *spawn_a_task(void *arg)
{
	static int number = 21;

	CHECK_EQ(rota_run_spawn(arg, double_it, &number, tell), 0);
	rota_run_handle_unref(arg);
	return NULL;
}

TASK_TEST(a_thread_spawns_a_task_and_is_told_its_result)
{
	pthread_t thread = start(spawn_a_task, rota_run_handle());

	CHECK_EQ(rota_event_wait(&told), 0);
	CHECK_EQ(told_result, 42);
	CHECK(was_task);
	wait_for_thread(thread);
}

static uint32_t tasks_run;

static int count_up(void *arg)
{
	(void)arg;
	add_relaxed(&tasks_run, 1);
	return 0;
}

static void count_down(void *arg, int result)
{
	CHECK_EQ(result, 0);
	if (add_acq_rel((uint32_t *)arg, -1) == 1)
		rota_event_set(&told);
}

enum { MANY = 5000 };

static uint32_t missing = MANY;

static void *spawn_many(void *arg)
{
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(rota_run_spawn(arg, count_up, &missing, count_down), 0);
	rota_run_handle_unref(arg);
	return NULL;
}

TASK_TEST(each_of_many_tasks_runs_once)
{
	pthread_t thread = start(spawn_many, rota_run_handle());

	CHECK_EQ(rota_event_wait(&told), 0);
	CHECK_EQ(load_relaxed(&tasks_run), MANY);
	wait_for_thread(thread);
}

static uint32_t on_worker[64];

static int note_worker(void *arg)
{
	(void)arg;
	add_relaxed(&on_worker[rota_worker_number()], 1);
	return 0;
}

static void *spawn_for_each_worker(void *arg)
{
	for (int i = 0; i < 100; i++)
		CHECK_EQ(rota_run_spawn(arg, note_worker, &missing, count_down), 0);
	rota_run_handle_unref(arg);
	return NULL;
}

TASK_TEST(in_a_group_the_tasks_of_others_are_dealt_in_turn)
{
	unsigned workers = rota_worker_count(), boss = rota_boss_count();
	pthread_t thread;

	if (strcmp(rota_model_name(), "group") != 0)
		SKIP("the model is not group");
	missing = 100;
	thread = start(spawn_for_each_worker, rota_run_handle());
	CHECK_EQ(rota_event_wait(&told), 0);
	for (unsigned i = 0; i < boss; i++)
		CHECK_EQ(on_worker[i], 0);
	for (unsigned i = boss; i < boss + workers; i++)
		CHECK(on_worker[i] >= 100 / workers);
	wait_for_thread(thread);
}

/* ---- posts ---- */

static struct rota_post posts[1000];
static int posted;

static void note_order(struct rota_post *post)
{
	CHECK_EQ(post - posts, posted++);
	CHECK(rota_self() == NULL);
	if (posted == 1000)
		rota_event_set(&told);
}

static void *post_in_order(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		posts[i].fn = note_order;
		CHECK_EQ(rota_run_post(arg, &posts[i]), 0);
	}
	rota_run_handle_unref(arg);
	return NULL;
}

TASK_TEST(posts_of_a_thread_run_on_one_loop_in_their_order)
{
	pthread_t thread = start(post_in_order, rota_run_handle());

	CHECK_EQ(rota_event_wait(&told), 0);
	wait_for_thread(thread);
}

/* ---- the end ---- */

static int keep_a_handle(void *arg)
{
	*(struct rota_run_handle **)arg = rota_run_handle();
	return 0;
}

static void never(struct rota_post *post)
{
	(void)post;
	CHECK(!"a post ran after the end");
}

TEST(a_run_that_is_over_answers_closed)
{
	struct rota_post post = { .fn = never };
	struct rota_run_handle *handle = NULL;

	CHECK(rota_run_handle() == NULL);
	CHECK_EQ(rota_run(keep_a_handle, &handle, NULL), 0);
	CHECK_EQ(rota_run_post(handle, &post), ROTA_ECLOSED);
	CHECK_EQ(rota_run_spawn(handle, count_up, NULL, tell), ROTA_ECLOSED);
	CHECK_EQ(rota_run_stop(handle), ROTA_ECLOSED);
	CHECK(rota_run_handle_ref(handle) == handle);
	rota_run_handle_unref(handle);
	CHECK_EQ(rota_run_stop(handle), ROTA_ECLOSED);
	rota_run_handle_unref(handle);
	rota_run_handle_unref(NULL);
}

static void *stop_it(void *arg)
{
	CHECK_EQ(rota_run_stop(arg), 0);
	CHECK(rota_run_stop(arg) == 0 || rota_run_stop(arg) == ROTA_ECLOSED);
	rota_run_handle_unref(arg);
	return NULL;
}

static int wait_to_be_stopped(void *arg)
{
	pthread_t thread = start(stop_it, rota_run_handle());
	int rc = rota_sleep_until(ROTA_FOREVER);

	(void)arg;
	CHECK(rota_stopping());
	wait_for_thread(thread);
	return rc;
}

TEST(a_thread_asks_the_run_to_stop)
{
	CHECK_EQ(rota_run(wait_to_be_stopped, NULL, NULL), -ECANCELED);
}

static struct rota_run_handle *stopping;

static int linger(void *arg)
{
	(void)arg;
	rota_sleep_until(ROTA_FOREVER);
	CHECK_EQ(rota_run_spawn(stopping, double_it, NULL, tell), 0);
	while (load_acquire(&told_result) == 0)
		rota_yield();
	return 0;
}

static int leave_one_behind(void *arg)
{
	(void)arg;
	stopping = rota_run_handle();
	return rota_spawn(rota_detached(), linger, NULL);
}

TEST(a_run_that_is_being_stopped_says_so_instead_of_running_a_task)
{
	CHECK_EQ(rota_run(leave_one_behind, NULL, NULL), 0);
	CHECK_EQ(told_result, -ECANCELED);
	CHECK_EQ(ran, 0);
	rota_run_handle_unref(stopping);
}

/* Threads want things of a run all the time, and it ends: each thing is either refused or done, once. */
enum { THREADS = 3 };

static struct rota_run_handle *hammered;
static uint32_t ready, accepted, answered, bodies;


static void mail_came(struct rota_post *post)
{
	add_relaxed(&answered, 1);
	free(post);
}

static void task_told(void *arg, int result)
{
	CHECK(result == 7 || result == -ECANCELED);
	if (result == 7)
		add_relaxed((uint32_t *)arg, 1);
	add_relaxed(&answered, 1);
}

static int body(void *arg)
{
	(void)arg;
	return 7;
}

static void *hammer(void *arg)
{
	struct rota_run_handle *handle = hammered;
	int rc = 0;

	add_acq_rel(&ready, 1);
	while (rc == 0) {
		struct rota_post *post = malloc(sizeof *post);

		while (load_relaxed(&accepted) - load_relaxed(&answered) > 200 && rota_run_stop(handle) == 0)
			sched_yield(); /* else the queue grows faster than it is worked off */
		post->fn = mail_came;
		rc = rota_run_post(handle, post);
		if (rc < 0)
			free(post);
		else
			add_relaxed(&accepted, 1);
		if (rc == 0)
			rc = rota_run_spawn(handle, body, arg, task_told);
		if (rc == 0)
			add_relaxed(&accepted, 1);
	}
	CHECK_EQ(rc, ROTA_ECLOSED);
	rota_run_handle_unref(handle);
	return NULL;
}

static int be_hammered(void *arg)
{
	pthread_t *threads = arg;

	hammered = rota_run_handle();
	for (int i = 0; i < THREADS; i++) {
		rota_run_handle_ref(hammered);
		threads[i] = start(hammer, &bodies);
	}
	rota_run_handle_unref(hammered);
	while (load_acquire(&ready) < THREADS)
		rota_yield();
	return 0;
}

TEST(what_a_run_accepts_while_it_ends_is_done_or_refused_once)
{
	struct rota_options options = { .blocked_ns = ROTA_FOREVER };
	pthread_t threads[THREADS];

	for (int i = 0; i < 50; i++) {
		ready = accepted = answered = 0;
		CHECK_EQ(rota_run(be_hammered, threads, &options), 0);
		for (int t = 0; t < THREADS; t++)
			wait_for_thread(threads[t]);
		CHECK_EQ(answered, accepted);
	}
}
