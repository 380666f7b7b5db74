/* drivers.c - threads drive workers, lose them, wait as spare ones and end: in the interleavings of small cases
 *
 * The code under test is sched/drivers.c itself, with mutexes, conditions and threads that are the model's.  A driver that
 * has a worker takes steps in it; the watchdog takes it away in between, or the driver gives it up (how that may be done while
 * the other side runs is rescue.c's part).  Each worker must be driven by one thread at a time and to its end; all threads must
 * end, be joined and be freed, and none is used after that. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "explore.h"
#include "harness/test.h"
#include "sched/drivers.h"
#include "coro/overflow.h"
#include "coro/report.h"
#include "os/fence.h"
#include "os/mem.h"
#include "trace/trace.h"

/* The caller of rota_run(), the watchdog, and two that can be made. */
enum { CALLER, WATCHDOG, FIRST_MADE, THREADS = 4, WORKERS = 2, RECORDS = 8 };

static struct rota__worker workers[WORKERS];
static struct rota__drivers all;
static struct rota_task the_task;

/* ---- mutexes and conditions ---- */

static const pthread_mutex_t *locks_here[THREADS];
static const pthread_cond_t *waits_at[THREADS];

static bool lock_is_free(void) { return locks_here[explore_me()]->__data.__lock == 0; }
static bool is_signalled(void) { return waits_at[explore_me()] == NULL; }

static int model_lock(pthread_mutex_t *lock)
{
	locks_here[explore_me()] = lock;
	explore_wait(lock_is_free);
	lock->__data.__lock = 1;
	return 0;
}

static int model_unlock(pthread_mutex_t *lock)
{
	explore_check(lock->__data.__lock == 1, "unlocked twice");
	lock->__data.__lock = 0;
	return 0;
}

static int model_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	waits_at[explore_me()] = cond;
	model_unlock(lock);
	explore_wait(is_signalled);
	return model_lock(lock);
}

/* Whoever waits there: there is one thread to each. */
static int model_signal(const pthread_cond_t *cond)
{
	for (int i = 0; i < THREADS; i++)
		if (waits_at[i] == cond)
			waits_at[i] = NULL;
	return 0;
}

/* ---- threads and their records ---- */

static struct made_thread {
	void *(*main)(void *);
	void *arg; /* NULL: the thread can be made */
	bool ended;
} made[THREADS];
static bool run_is_over;

static bool may_begin(const struct made_thread *t) { return t->arg != NULL && !t->ended; }
static bool is_made_or_never_will_be(void) { return may_begin(&made[explore_me()]) || run_is_over; }

static int model_create(pthread_t *ret, void *(*main)(void *), void *arg)
{
	for (int i = FIRST_MADE; i < THREADS; i++)
		if (made[i].arg == NULL) {
			made[i] = (struct made_thread){ .main = main, .arg = arg };
			*ret = (pthread_t)i;
			return 0;
		}
	return EAGAIN;
}

static pthread_t joined;
static bool has_ended(void) { return made[joined].ended; }

/* Only the caller, or who reserves, and that with all to themselves: one at a time is joined. */
static int model_join(pthread_t thread)
{
	joined = thread;
	explore_wait(has_ended);
	made[thread].arg = NULL;
	return 0;
}

static void be_made(void)
{
	struct made_thread *me = &made[explore_me()];

	for (;;) {
		explore_wait(is_made_or_never_will_be);
		if (!may_begin(me))
			return;
		me->main(me->arg);
		me->ended = true;
	}
}

static struct rota__driver_thread records[RECORDS];
static bool used[RECORDS];

static void *model_alloc(size_t size)
{
	for (int i = 0; i < RECORDS; i++)
		if (!used[i]) {
			used[i] = true;
			return memset(&records[i], 0, size);
		}
	explore_check(false, "more records than there are threads");
	return NULL;
}

static void model_free(struct rota__driver_thread *d)
{
	explore_check(used[d - records], "freed twice");
	used[d - records] = false;
	memset((void *)d, 0x5a, sizeof *d); /* who follows it comes to nothing good */
}

/* ---- the watchdog, and taking workers away ---- */

static pthread_mutex_t tick; /* while it is held, who is watched stays */
static struct rota__watched *watched[THREADS];
static const struct rota__driver *driven_by[WORKERS];
static int steps[WORKERS], steps_each, unfinished, rescues, sections;
static bool careless; /* a worker is given without having been taken */

static int model_watchdog_join(struct rota__watched *w)
{
	model_lock(&tick);
	watched[explore_me()] = w;
	return model_unlock(&tick);
}

static void model_watchdog_leave(void)
{
	model_lock(&tick);
	watched[explore_me()] = NULL;
	model_unlock(&tick);
}

static struct rota__worker *take_from(struct rota__driver *driver)
{
	struct rota__worker *w = driver->worker;

	if (w == NULL || driven_by[w - workers] != driver)
		return NULL;
	if (!careless)
		driven_by[w - workers] = NULL;
	return w;
}

static struct rota__worker *model_evict(struct rota__driver *driver)
{
	explore_point();
	return take_from(driver);
}

static struct rota__driver *driver_of(int thread)
{
	struct rota__driver_thread *d = thread == CALLER ? &all.first : made[thread].arg;

	return &d->driver;
}

static bool is_driving(int thread)
{
	struct rota__worker *w = watched[thread] != NULL ? driver_of(thread)->worker : NULL;

	return w != NULL && driven_by[w - workers] == driver_of(thread);
}

static bool somebody_drives_or_over(void)
{
	for (int i = 0; i < THREADS; i++)
		if (is_driving(i))
			return true;
	return run_is_over;
}

static void watch(void)
{
	for (int i = 0; i < rescues; i++) {
		explore_wait(somebody_drives_or_over);
		model_lock(&tick);
		for (int k = 0; k < THREADS; k++)
			if (is_driving(k)) {
				all.watch.rescue(watched[k]);
				break;
			}
		model_unlock(&tick);
	}
}

/* ---- the code ---- */

#undef ROTA_INSIDE
#define ROTA_INSIDE() const bool rota__before __attribute__((unused)) = false
#define pthread_mutex_lock(m)		model_lock(m)
#define pthread_mutex_unlock(m)		model_unlock(m)
#define pthread_cond_wait(c, m)		model_cond_wait(c, m)
#define pthread_cond_signal(c)		model_signal(c)
#define pthread_create(ret, a, main, arg) model_create(ret, main, arg)
#define pthread_join(thread, ret)	model_join(thread)
#define pthread_setname_np(thread, name) ((void)0)
#define pthread_sigmask(how, set, old)	((void)0)
#define rota__alloc_zero(size)		model_alloc(size)
#define rota__free(d)			model_free(d)
#define rota__overflow_thread_init()	((void)0)
#define rota__overflow_thread_fini()	((void)0)
#define rota__watchdog_join(w, d, watch) model_watchdog_join(w)
#define rota__watchdog_leave(w)		model_watchdog_leave()
#define rota__driver_enter(d)		((void)(d))
#define rota__driver_here()		driver_of(explore_me())
#define rota__driver_evict(d, task)	model_evict(d)
#define rota__driver_give_up(d)		take_from(d)
#define rota__pinned_to_thread(task)	false
#define rota__current()			(&the_task)
#define rota__fence_all_threads()	true
#include "sched/drivers.c"

/* ---- the cases ---- */

static void drive(struct rota__worker *worker, struct rota__driver *driver)
{
	long w = worker - workers;

	explore_check(driven_by[w] == NULL, "two threads drive a worker");
	explore_check(all.idle_count <= IDLE_MAX, "more idle threads than are kept");
	driven_by[w] = driver;
	driver->worker = worker;
	while (driven_by[w] == driver && steps[w]-- > 0) {
		explore_point();
		if (driven_by[w] == driver && sections > 0) {
			sections--;
			rota_blocking_section_begin();
		}
	}
	if (driven_by[w] == driver) {
		driven_by[w] = NULL;
		if (--unfinished == 0)
			rota__drivers_end(&all);
	}
	driver->worker = NULL;
}

static int worker_count;

static void run(void)
{
	rota__drivers_init(&all);
	for (int i = 1; i < worker_count; i++)
		if (rota__drivers_start(&all, &workers[i]) < 0)
			explore_check(false, "no thread");
	rota__drivers_run(&all, &workers[0]);
	explore_check(unfinished == 0, "a worker was left behind");
	explore_check(all.count == 0 && list_empty(&all.gone), "a thread is still there");
	for (int i = 0; i < RECORDS; i++)
		explore_check(!used[i], "a record is left");
	rota__drivers_fini(&all);
	run_is_over = true;
}

static int sections_at_first;

static void reset(void)
{
	all = (struct rota__drivers){ .drive = drive, .rescue = true };
	tick = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	memset(made, 0, sizeof made);
	memset(used, 0, sizeof used);
	memset(watched, 0, sizeof watched);
	memset(waits_at, 0, sizeof waits_at);
	for (int i = 0; i < WORKERS; i++) {
		driven_by[i] = NULL;
		steps[i] = steps_each;
	}
	unfinished = worker_count;
	sections = sections_at_first;
	run_is_over = false;
}

static void (*const threads[])(void) = { run, watch, be_made, be_made };

static void explore_case(int worker_count_, int steps_, int rescues_, int sections_, int interruptions)
{
	struct explore_result result;

	worker_count = worker_count_;
	steps_each = steps_;
	rescues = rescues_;
	sections_at_first = sections_;
	result = explore(reset, threads, THREADS, interruptions);
	printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
	if (careless)
		CHECK(result.failure != NULL);
	else
		CHECK_STR(result.failure, NULL);
}

TEST(a_worker_that_is_taken_goes_on_on_another_thread_to_its_end)
{
	explore_case(1, 2, 1, 0, 3);
	explore_case(1, 3, 3, 0, 2);
}

TEST(two_workers_change_threads_and_no_thread_is_left)
{
	explore_case(2, 3, 3, 0, 2);
}

TEST(a_worker_that_is_given_up_while_the_watchdog_takes_it_is_driven_by_one)
{
	explore_case(1, 3, 1, 2, 2);
	explore_case(2, 1, 1, 1, 2);
}

TEST(the_checker_sees_a_worker_that_is_given_without_having_been_taken)
{
	careless = true;
	explore_case(1, 2, 1, 0, 3);
}
