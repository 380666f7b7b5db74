/* pool.c - how jobs come to the blocking pool's threads, in every interleaving of small cases
 *
 * The code under test is work/work.c and base/mpsc.h, compiled with the model's atomics; its lock, its conditions and its threads are the
 * model's, too.  A time-out comes when there is nothing more to do: a job that nobody is called for leaves all waiting. */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <rota/loop.h>
#include <rota/run.h>

#include "base/atomic.h"
#include "harness/test.h"
#include "os/spin.h"

static bool locked, several;
static int sleepers, signals; /* of the condition `wake` */
static int created, looks;
static uint64_t now_ns;

static int model_lock(void);
static int model_unlock(void);
static int model_signal(const pthread_cond_t *cond);
static int model_wait(const pthread_cond_t *cond, const struct timespec *until);
static int model_create(const pthread_t *ret_thread);

#define NDEBUG /* debug builds' notes would only add interleavings */
#define pthread_mutex_lock(mutex) model_lock()
#define pthread_mutex_unlock(mutex) model_unlock()
#define pthread_cond_signal(cond) model_signal(cond)
#define pthread_cond_timedwait(cond, mutex, until) model_wait(cond, until)
#define pthread_create(ret_thread, attr, body, arg) model_create(ret_thread)
#define pthread_sigmask(how, set, ret_old) ((void)(set), (void)(ret_old))
#define pthread_setname_np(thread, name) ((void)0)
#define rota__spin_pays() several
#define rota_now_ns() (now_ns += SPIN_NS) /* who spins looks once */
#include "../../src/work/work.c" /* not the test of that name */

enum { SUBMITTERS = 2, EACH_MAX = 2 };

static struct rota__job jobs[SUBMITTERS][EACH_MAX];
static int submitters, each, ran, cancelled;
static unsigned most_threads;
static bool begins_with_flood, first_waits;

static bool over(void)
{
	return ran + cancelled == submitters * each;
}

static bool is_unlocked(void)
{
	return !locked;
}

static int model_lock(void)
{
	explore_wait(is_unlocked);
	locked = true; /* nobody ran since we looked */
	return 0;
}

static int model_unlock(void)
{
	explore_fence(); /* what was stored before is seen by the next holder */
	locked = false;
	explore_point();
	return 0;
}

static int model_signal(const pthread_cond_t *cond)
{
	explore_point();
	if (cond == &wake && signals < sleepers)
		signals++;
	return 0;
}

static bool is_signalled(void)
{
	return signals > 0 || over();
}

/* The supervisor's first look may be at any moment; those that follow would only make more threads than there are here. */
static int model_wait(const pthread_cond_t *cond, const struct timespec *until)
{
	int rc = ETIMEDOUT;

	explore_fence();
	locked = false;
	if (cond == &wake) {
		sleepers++;
		explore_wait(is_signalled);
		sleepers--;
		if (signals > 0) {
			signals--;
			rc = 0;
		}
	} else if (looks++ > 0) {
		explore_wait(over);
	}
	model_lock();
	return rc;
}

static int model_create(const pthread_t *ret_thread)
{
	created++;
	return 0;
}

static bool another_ran(void)
{
	return ran > 0;
}

static void run(struct rota__job *job)
{
	explore_check(job->state == JOB_RUNNING, "a job runs that was not taken, or runs twice");
	if (first_waits && job == &jobs[0][0])
		explore_wait(another_ran);
}

static void done(struct rota__job *job)
{
	job->state = JOB_NEW;
	ran++;
}

static void reset(void)
{
	after_fork_in_child();
	threads_max = most_threads;
	several_cpus = several;
	locked = false;
	sleepers = signals = created = looks = ran = cancelled = 0;
	if (begins_with_flood) {
		flood = true;
		supervisor = WATCHING;
	}
	for (int i = 0; i < SUBMITTERS; i++)
		for (int k = 0; k < EACH_MAX; k++)
			jobs[i][k] = (struct rota__job){ .run = run, .done = done };
}

static void submit(int me)
{
	for (int i = 0; i < each; i++)
		explore_check(rota__work_submit(&jobs[me][i]) == 0, "a job is refused");
}

static void first_submitter(void)
{
	submit(0);
}

static void second_submitter(void)
{
	submit(1);
}

static void submitter_that_cancels(void)
{
	submit(0);
	for (int i = 0; i < each; i++)
		cancelled += rota__work_cancel(&jobs[0][i]);
}

static bool first_is_made(void)
{
	return created >= 1 || over();
}

static bool second_is_made(void)
{
	return created >= 2 || over();
}

static void first_thread(void)
{
	explore_wait(first_is_made);
	if (created >= 1)
		thread_main(NULL);
}

static void second_thread(void)
{
	explore_wait(second_is_made);
	if (created >= 2)
		thread_main(NULL);
}

static void watching_thread(void)
{
	supervise(NULL);
}

static struct explore_result pool(void (*const bodies[])(void), int count, int interruptions)
{
	return explore_both(reset, bodies, count, interruptions);
}

TEST(in_every_interleaving_each_job_of_one_submitter_runs_once)
{
	static void (*const bodies[])(void) = { first_submitter, first_thread };

	submitters = 1;
	each = 2;
	most_threads = 1;
	for (int i = 0; i < 2; i++) {
		several = i;
		CHECK_STR(pool(bodies, 2, 0).failure, NULL);
	}
}

TEST(with_three_interruptions_each_job_of_two_submitters_runs_once)
{
	static void (*const bodies[])(void) = { first_submitter, second_submitter, first_thread };

	submitters = 2;
	each = 1;
	most_threads = 1;
	for (int i = 0; i < 2; i++) {
		several = i;
		CHECK_STR(pool(bodies, 3, 3).failure, NULL);
	}
}

TEST(with_three_interruptions_a_job_that_waits_for_the_next_one_gets_it_run)
{
	static void (*const bodies[])(void) = { first_submitter, first_thread, second_thread };

	submitters = 1;
	each = 2;
	most_threads = 3; /* a lane may hold two of them */
	first_waits = true;
	for (int i = 0; i < 2; i++) {
		several = i;
		CHECK_STR(pool(bodies, 3, 3).failure, NULL);
	}
}

TEST(with_two_interruptions_it_gets_it_run_in_a_flood_that_ends)
{
	static void (*const bodies[])(void) = { first_submitter, first_thread, second_thread, watching_thread };

	submitters = 1;
	each = 2;
	most_threads = 3; /* a lane may hold two of them */
	first_waits = begins_with_flood = true;
	for (int i = 0; i < 2; i++) {
		several = i;
		CHECK_STR(pool(bodies, 4, 2).failure, NULL);
	}
}

TEST(with_three_interruptions_a_job_is_cancelled_or_runs)
{
	static void (*const bodies[])(void) = { submitter_that_cancels, first_thread };

	submitters = 1;
	each = 2;
	most_threads = 1;
	for (int i = 0; i < 2; i++) {
		several = i;
		CHECK_STR(pool(bodies, 2, 3).failure, NULL);
	}
}
