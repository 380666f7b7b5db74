/* idle.c - workers search for tasks, fall asleep and are woken, and the injector deals what is nobody's: in the interleavings of small cases
 *
 * The code under test is task/team_idle.c and task/team_queue.c themselves, compiled with the model's atomics.  Each
 * thread of the model is a worker that does what a loop does: take and run what is ready; if there is nothing ask whether
 * it may sleep; sleep until its poller is woken.  A sleep with nothing on its way that should end it is a wait for ever,
 * which the explorer finds.  A task here may hold its worker until another task has run: so that somebody else must be
 * awake for that. */
#include <stdio.h>
#include <string.h>

#include "harness/test.h"
#include "workers.h"

static bool fences_are_left_out;

#define fence_seq() (explore_point(), fences_are_left_out ? (void)0 : explore_fence())
#define STEAL_ROOM 4
#define rota__spin_wait model_spin_wait
#include "task/team.h"

#define rota_post(loop, post_) explore_check(false, "a post: nothing here is pinned")
#include "task/team.c"
#include "task/team_idle.c"
#include "task/team_place.c"
#include "task/team_queue.c"

enum { WORKERS_MAX = 3, TASKS_MAX = 6 };

static struct rota__team team;
static struct rota__worker *members[WORKERS_MAX], *beds[WORKERS_MAX];
static struct rota__worker workers[WORKERS_MAX];
static struct rota_loop loops[WORKERS_MAX];
static struct rota__poller pollers[WORKERS_MAX];
static struct rota_task tasks[TASKS_MAX];
static unsigned worker_count;
static int task_count, ran[TASKS_MAX], ran_in_all;
static bool woken[WORKERS_MAX];
static void (*body)(int task);

static void wake_poller(struct rota__poller *poller)
{
	point();
	woken[poller - pollers] = true;
}

static const struct rota__poller_engine engine = { .wake = wake_poller };

static void reset(void)
{
	team = (struct rota__team){ .workers = members, .sleepers = beds, .size = worker_count, .in_service = worker_count,
		.steal = true };
	memset(ran, 0, sizeof ran);
	ran_in_all = 0;
	for (unsigned i = 0; i < worker_count; i++) {
		pollers[i].engine = &engine;
		loops[i].poller = &pollers[i];
		loops[i].tasks = &workers[i];
		memset(&workers[i], 0, sizeof workers[i]);
		workers[i].loop = &loops[i];
		workers[i].team = &team;
		workers[i].number = i;
		workers[i].shares = true;
		workers[i].slice_end_ns = UINT64_MAX;
		workers[i].random = i;
		members[i] = &workers[i];
		woken[i] = false;
	}
	for (int i = 0; i < TASKS_MAX; i++)
		tasks[i] = (struct rota_task){ .worker = &workers[0] };
}

/* ---- what the threads do ---- */

static bool all_ran(void)
{
	return ran_in_all == task_count;
}

static void run(struct rota__worker *w, struct rota_task *task)
{
	int which = (int)(task - tasks);

	task->worker = w;
	explore_check(ran[which]++ == 0, "run twice");
	if (body != NULL)
		body(which);
	ran_in_all++;
}

static bool awake_0(void) { return woken[0] || all_ran(); }
static bool awake_1(void) { return woken[1] || all_ran(); }
static bool awake_2(void) { return woken[2] || all_ran(); }

static void work(struct rota__worker *w)
{
	static bool (*const awake[])(void) = { awake_0, awake_1, awake_2 };
	struct rota_task *task;

	rota__worker_here = w;
	while (!all_ran()) {
		if ((task = rota__team_take(w)) != NULL) {
			run(w, task);
		} else if (rota__team_may_sleep(w->loop)) {
			wait_for(awake[w->number]);
			woken[w->number] = false;
			rota__team_woke(w->loop);
		}
	}
}

static void work_0(void) { work(&workers[0]); }
static void work_1(void) { work(&workers[1]); }
static void work_2(void) { work(&workers[2]); }

/* A thread of the program: it wakes tasks, and is no worker. */
static void ready_all(void)
{
	rota__worker_here = NULL;
	for (int i = 0; i < task_count; i++)
		rota__team_make_ready(&tasks[i]);
}

static void explore_case(void (*const threads[])(void), int count, int interruptions)
{
	struct explore_result result = explore(reset, threads, count, interruptions);

	printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
	CHECK_STR(result.failure, NULL);
	CHECK(result.interleavings > 100);
	result = explore_late(reset, threads, count, interruptions);
	printf("# %llu interleavings, with late stores\n", (unsigned long long)result.interleavings);
	CHECK_STR(result.failure, NULL);
}

/* ---- the injector ---- */

static void (*const outside_and_one[])(void) = { ready_all, work_0 };
static void (*const outside_and_two[])(void) = { ready_all, work_0, work_1 };

TEST(what_a_foreign_thread_makes_ready_is_run_once_by_the_only_worker)
{
	worker_count = 1;
	task_count = 2;
	body = NULL;
	explore_case(outside_and_one, 2, 4);
}

TEST(what_a_foreign_thread_makes_ready_is_run_once_by_one_of_two_workers)
{
	worker_count = 2;
	task_count = 2;
	body = NULL;
	explore_case(outside_and_two, 3, 2);
}

static bool other_began(void)
{
	return ran[0] > 0 && ran[1] > 0;
}

static void until_both_run(int task)
{
	(void)task;
	wait_for(other_began);
}

/* The second must not lie in the injector, or in the ring of the first one's worker, while the other worker sleeps. */
TEST(two_that_need_each_other_at_the_same_time_are_run_by_two_workers)
{
	worker_count = 2;
	task_count = 2;
	body = until_both_run;
	explore_case(outside_and_two, 3, 2);
}

/* ---- classes ---- */

static void ready_all_of_classes(void)
{
	tasks[0].priority = BULK;
	tasks[1].priority = URGENT;
	ready_all();
}

TEST(urgent_and_bulk_tasks_of_a_foreign_thread_are_run_once_by_one_of_two_workers)
{
	static void (*const classes_and_two[])(void) = { ready_all_of_classes, work_0, work_1 };

	worker_count = 2;
	task_count = 2;
	body = NULL;
	explore_case(classes_and_two, 3, 2);
}

static bool urgent_ran(void)
{
	return ran[1] > 0;
}

/* Task 0 makes an urgent one ready, and holds its worker until that has run. */
static void make_urgent_and_hold(int task)
{
	if (task != 0)
		return;
	tasks[1].priority = URGENT;
	rota__team_make_ready(&tasks[1]);
	wait_for(urgent_ran);
}

/* A callback of the first worker makes two ready, and then it has its turn at them.  They wait for each other. */
static void callback_of_the_first(enum priority one, enum priority other)
{
	rota__worker_here = &workers[0];
	tasks[0].priority = (uint8_t)one;
	tasks[1].priority = (uint8_t)other;
	rota__team_make_ready(&tasks[0]);
	rota__team_make_ready(&tasks[1]);
	work(&workers[0]);
}

static void two_urgent(void) { callback_of_the_first(URGENT, URGENT); }
static void two_bulk(void) { callback_of_the_first(BULK, BULK); }
static void bulk_and_normal(void) { callback_of_the_first(BULK, NORMAL); }

TEST(what_a_callback_makes_ready_and_its_worker_leaves_is_run_by_another)
{
	static void (*const cases[][2])(void) = { { two_urgent, work_1 }, { two_bulk, work_1 }, { bulk_and_normal, work_1 } };

	worker_count = 2;
	task_count = 2;
	body = until_both_run;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		explore_case(cases[i], 2, 3);
}

/* ---- what a worker has too much ---- */

static bool second_ran(void)
{
	return ran[1] > 0;
}

/* Task 0 makes 1 and then 2 ready: 2 pushes 1 out of the slot, and only another worker can run it. */
static void make_two_and_hold(int task)
{
	if (task != 0)
		return;
	rota__team_make_ready(&tasks[1]);
	rota__team_make_ready(&tasks[2]);
	wait_for(second_ran);
}

static void first_works(void)
{
	rota__worker_here = &workers[0];
	workers[0].current = &tasks[0];
	run(&workers[0], &tasks[0]);
	workers[0].current = NULL;
	work(&workers[0]);
}

static void (*const maker_and_one[])(void) = { first_works, work_1 };
static void (*const maker_and_two[])(void) = { first_works, work_1, work_2 };

TEST(what_is_pushed_out_while_its_worker_is_held_is_run_by_a_worker_that_was_about_to_sleep)
{
	worker_count = 2;
	task_count = 3;
	body = make_two_and_hold;
	explore_case(maker_and_one, 2, 3);
}

TEST(an_urgent_task_that_a_task_makes_ready_need_not_wait_for_that_one)
{
	worker_count = 2;
	task_count = 2;
	body = make_urgent_and_hold;
	explore_case(maker_and_one, 2, 3);
}

static bool both_ran(void)
{
	return ran[1] > 0 && ran[2] > 0;
}

/* Task 0 makes three ready and holds its worker; 1 and 2 wait for each other: whoever finds one sends the next worker to look. */
static void make_three_and_hold(int task)
{
	if (task == 0)
		for (int i = 1; i <= 3; i++)
			rota__team_make_ready(&tasks[i]);
	if (task <= 2)
		wait_for(both_ran);
}

TEST(with_two_interruptions_whoever_finds_work_sends_the_next_to_look)
{
	worker_count = 3;
	task_count = 4;
	body = make_three_and_hold;
	explore_case(maker_and_two, 3, 2);
}

/* ---- the watchdog empties the slot of a worker that is held ---- */

static void make_one_and_hold(int task)
{
	if (task != 0)
		return;
	rota__team_make_ready(&tasks[1]); /* in the slot, where nobody looks */
	wait_for(second_ran);
}

static bool in_the_slot(void)
{
	return workers[0].lifo != NULL || ran[1] > 0;
}

static void relieve_when_it_is_held(void)
{
	rota__worker_here = NULL;
	wait_for(in_the_slot);
	rota__team_relieve(&workers[0]);
}

static void (*const held_and_watched[])(void) = { first_works, work_1, relieve_when_it_is_held };

TEST(what_is_in_the_slot_of_a_worker_that_is_held_is_run_by_another)
{
	worker_count = 2;
	task_count = 2;
	body = make_one_and_hold;
	explore_case(held_and_watched, 3, 2);
}

/* ---- a worker leaves service ---- */

/* The post that a change of their number sends to each. */
static void hear_of_service(struct rota__worker *w)
{
	w->asked = SERVICE_CHANGED;
	serve(&w->service);
}

static void make_three_and_leave(void)
{
	struct rota__worker *w = &workers[1];

	rota__worker_here = w;
	for (int i = 0; i < 3; i++)
		rota__team_make_ready(&tasks[i]);
	store_seq(&team.in_service, 1);
	hear_of_service(w);
	explore_check(!rota__team_has_work(w), "it keeps what others could run");
	work(w);
}

TEST(a_worker_that_leaves_service_leaves_its_tasks_to_the_others)
{
	static void (*const stays_and_leaves[])(void) = { work_0, make_three_and_leave };

	worker_count = 2;
	task_count = 3;
	body = NULL;
	explore_case(stays_and_leaves, 2, 3);
}

/* Told while it sleeps, searches, has been woken to search, or works. */
static void work_until_told(void)
{
	struct rota__worker *w = &workers[1];
	struct rota_task *task;

	rota__worker_here = w;
	while (!all_ran()) {
		if (w->shares && load_relaxed(&team.in_service) == 1)
			hear_of_service(w);
		if ((task = rota__team_take(w)) != NULL) {
			run(w, task);
		} else if (rota__team_may_sleep(w->loop)) {
			wait_for(awake_1);
			woken[1] = false;
			rota__team_woke(w->loop);
		}
	}
}

static void ready_all_and_tell(void)
{
	rota__worker_here = NULL;
	rota__team_make_ready(&tasks[0]);
	store_seq(&team.in_service, 1);
	wake_poller(&pollers[1]);
	rota__team_make_ready(&tasks[1]);
}

TEST(a_worker_that_leaves_service_passes_on_what_it_was_woken_for)
{
	static void (*const told_and_two[])(void) = { ready_all_and_tell, work_0, work_until_told };

	worker_count = 2;
	task_count = 2;
	body = NULL;
	explore_case(told_and_two, 3, 2);
}

/* ---- the checker sees it ---- */

/* A worker that sleeps without a last look. */
static void sleep_blindly(void)
{
	struct rota__worker *w = &workers[0];
	struct rota_task *task;

	rota__worker_here = w;
	while (!all_ran()) {
		if ((task = rota__team_take(w)) != NULL) {
			run(w, task);
			continue;
		}
		fall_asleep(w);
		wait_for(awake_0);
		woken[0] = false;
		rota__team_woke(w->loop);
	}
}

TEST(a_worker_that_does_not_look_once_more_sleeps_for_ever)
{
	static void (*const blind[])(void) = { ready_all, sleep_blindly };

	worker_count = 1;
	task_count = 1;
	body = NULL;
	CHECK(explore(reset, blind, 2, 0).failure != NULL);
}

/* Who makes work and who falls asleep each store something and then look at what the other one stores. */
TEST(without_the_fences_between_store_and_look_a_worker_sleeps_for_ever)
{
	worker_count = 1;
	task_count = 1;
	body = NULL;
	fences_are_left_out = true;
	CHECK_STR(explore(reset, outside_and_one, 2, 4).failure, NULL);
	CHECK(explore_late(reset, outside_and_one, 2, 4).failure != NULL);
}
