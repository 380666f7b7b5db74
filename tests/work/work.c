/* work.c - the blocking pool */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rota/loop.h>
#include <rota/run.h>

#include "harness/test.h"
#include "work/work.h"

/* Counters that can be waited for, by jobs and by the test. */
static uint32_t ran, finished, gate, begun;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void count(uint32_t *counter)
{
	pthread_mutex_lock(&lock);
	++*counter;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for_count(const uint32_t *counter, uint32_t value)
{
	pthread_mutex_lock(&lock);
	while (*counter < value)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static uint32_t value_of(const uint32_t *counter)
{
	uint32_t value;

	pthread_mutex_lock(&lock);
	value = *counter;
	pthread_mutex_unlock(&lock);
	return value;
}

static void count_run(struct rota__job *job)
{
	count(&ran);
}

static void count_done(struct rota__job *job)
{
	count(&finished);
}

static void wait_for_gate(struct rota__job *job)
{
	count(&begun);
	wait_for_count(&gate, 1);
	count(&ran);
}

TEST(every_job_runs_once_and_then_is_done_once)
{
	enum { JOBS = 20000 };
	struct rota__job *jobs = calloc(JOBS, sizeof *jobs);

	for (int i = 0; i < JOBS; i++) {
		jobs[i].run = count_run;
		jobs[i].done = count_done;
		jobs[i].lane = (uint8_t)(i % WORK_LANES);
		CHECK_EQ(rota__work_submit(&jobs[i]), 0);
	}
	wait_for_count(&finished, JOBS);
	CHECK_EQ(value_of(&ran), JOBS);
	free(jobs);
}

/* A thread that has nothing to do looks for a while and then sleeps: the next job comes at each moment of that. */
TEST(a_job_that_comes_when_a_thread_is_about_to_sleep_is_not_overlooked)
{
	enum { JOBS = 3000, LONGEST_NS = 20000 };

	for (uint32_t i = 1; i <= JOBS; i++) {
		struct rota__job job = { .run = count_run, .done = count_done, .lane = (uint8_t)(i % WORK_LANES) };
		uint64_t until_ns = rota_now_ns() + i * 7919 % LONGEST_NS;

		while (rota_now_ns() < until_ns)
			;
		CHECK_EQ(rota__work_submit(&job), 0);
		wait_for_count(&finished, i);
		CHECK_EQ(value_of(&ran), i);
	}
}

TEST(a_job_that_has_not_begun_can_be_cancelled_and_one_that_has_cannot)
{
	enum { BLOCKERS = 4 };
	struct rota__job blockers[BLOCKERS] = { 0 };
	unsigned cancelled = 0;
	enum { WAITING = 2000 };
	static struct rota__job waiting[WAITING];

	for (int i = 0; i < BLOCKERS; i++) {
		blockers[i] = (struct rota__job){ .run = wait_for_gate, .done = count_done };
		CHECK_EQ(rota__work_submit(&blockers[i]), 0);
	}
	wait_for_count(&begun, BLOCKERS);
	CHECK(!rota__work_cancel(&blockers[0]));
	/* The pool may grow meanwhile and begin some of these; each is cancelled or done, never both. */
	for (int i = 0; i < WAITING; i++) {
		waiting[i] = (struct rota__job){ .run = wait_for_gate, .done = count_done };
		CHECK_EQ(rota__work_submit(&waiting[i]), 0);
	}
	for (int i = 0; i < WAITING; i++)
		cancelled += rota__work_cancel(&waiting[i]);
	CHECK(cancelled > 0);
	count(&gate);
	wait_for_count(&finished, BLOCKERS + WAITING - cancelled);
	CHECK_EQ(value_of(&ran), BLOCKERS + WAITING - cancelled);
}

/* Each of these ends only when all have begun: a pool that does not grow would hang. */
enum { TOGETHER = 12 };

static void meet(struct rota__job *job)
{
	count(&begun);
	wait_for_count(&begun, TOGETHER);
}

TEST(a_pool_of_blocked_threads_grows_until_jobs_that_wait_for_each_other_meet)
{
	struct rota__job jobs[TOGETHER];

	for (int i = 0; i < TOGETHER; i++) {
		jobs[i] = (struct rota__job){ .run = meet, .done = count_done };
		CHECK_EQ(rota__work_submit(&jobs[i]), 0);
	}
	wait_for_count(&finished, TOGETHER);
}

TEST(a_flood_of_short_jobs_does_not_make_a_flood_of_threads)
{
	enum { JOBS = 50000 };
	struct rota__job *jobs = calloc(JOBS, sizeof *jobs);
	unsigned threads, idle;

	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct rota__job){ .run = count_run, .done = count_done };
		CHECK_EQ(rota__work_submit(&jobs[i]), 0);
	}
	wait_for_count(&finished, JOBS);
	rota__work_count(&threads, &idle);
	CHECK(threads < 64);
	free(jobs);
}

/* While jobs come in floods threads are called less often. */
TEST(jobs_behind_one_that_blocks_in_a_flood_run)
{
	enum { JOBS = 50000 };
	struct rota__job *jobs = calloc(JOBS, sizeof *jobs);

	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct rota__job){ .run = i == JOBS / 2 ? wait_for_gate : count_run, .done = count_done };
		CHECK_EQ(rota__work_submit(&jobs[i]), 0);
	}
	wait_for_count(&finished, JOBS - 1); /* all but one: the gate is still shut */
	CHECK_EQ(value_of(&begun), 1);
	count(&gate);
	wait_for_count(&finished, JOBS);
	free(jobs);
}

TEST(stuck_name_look_ups_leave_room_for_files)
{
	enum { NAMES = 40 };
	static struct rota__job names[NAMES];
	struct rota__job file = { .run = count_run, .done = count_done, .lane = WORK_FILES };

	for (int i = 0; i < NAMES; i++) {
		names[i] = (struct rota__job){ .run = wait_for_gate, .done = count_done, .lane = WORK_NAMES };
		CHECK_EQ(rota__work_submit(&names[i]), 0);
	}
	wait_for_count(&begun, 1);
	CHECK_EQ(rota__work_submit(&file), 0);
	wait_for_count(&finished, 1); /* the file job: the gate is still shut */
	CHECK_EQ(value_of(&ran), 1);
	count(&gate);
	wait_for_count(&finished, NAMES + 1);
}

TEST(a_forked_child_has_an_empty_pool_that_works)
{
	struct rota__job job = { .run = count_run, .done = count_done }, again = job;
	int status;
	pid_t pid;

	if (test_in_qemu())
		SKIP("qemu-user aborts when the fork of a process with threads starts a thread");
	CHECK_EQ(rota__work_submit(&job), 0);
	wait_for_count(&finished, 1);
	pid = fork();
	if (pid == 0) {
		unsigned threads, idle;

		rota__work_count(&threads, &idle);
		if (threads != 0 || rota__work_submit(&again) != 0)
			_exit(1);
		wait_for_count(&finished, 2);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(functions_that_never_end_leave_a_thread_to_files)
{
	enum { FUNCTIONS = 20 };
	static struct rota__job functions[FUNCTIONS];
	struct rota__job file = { .run = count_run, .done = count_done, .lane = WORK_FILES };
	struct rota_blocking_stats stats;

	CHECK_EQ(rota_blocking_limits(4, 0), 0);
	for (int i = 0; i < FUNCTIONS; i++) {
		functions[i] = (struct rota__job){ .run = wait_for_gate, .done = count_done, .lane = WORK_USER };
		CHECK_EQ(rota__work_submit(&functions[i]), 0);
	}
	wait_for_count(&begun, 3); /* of four threads */
	CHECK_EQ(rota__work_submit(&file), 0);
	wait_for_count(&finished, 1); /* the file job: the gate is still shut */
	rota_blocking_stats(&stats);
	CHECK_EQ(stats.queued, FUNCTIONS - 3);
	CHECK(stats.threads <= 4);
	CHECK_EQ(stats.taken, 4);
	count(&gate);
	wait_for_count(&finished, FUNCTIONS + 1);
}

TEST(a_pool_of_one_thread_serves_every_lane)
{
	enum { JOBS = 30 };
	static struct rota__job jobs[JOBS];

	CHECK_EQ(rota_blocking_limits(1, ROTA_FOREVER), 0);
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct rota__job){ .run = count_run, .done = count_done, .lane = (uint8_t)(i % WORK_LANES) };
		CHECK_EQ(rota__work_submit(&jobs[i]), 0);
	}
	wait_for_count(&finished, JOBS);
	CHECK_EQ(rota_blocking_limits(100000, 0), -EINVAL);
}

TEST(idle_threads_leave_when_their_time_is_over)
{
	struct rota__job job = { .run = count_run, .done = count_done };
	unsigned threads = 1, idle;

	CHECK_EQ(rota_blocking_limits(0, 1000000), 0);
	CHECK_EQ(rota__work_submit(&job), 0);
	wait_for_count(&finished, 1);
	while (threads > 0)
		rota__work_count(&threads, &idle);
}
