/* drivers.c - threads that drive workers, and spare ones (drivers.h) */
#include "sched/drivers.h"

#include <errno.h>

#include "coro/overflow.h"
#include "coro/report.h"
#include "os/fence.h"
#include "os/mem.h"
#include "os/timeslice.h"
#include "trace/trace.h"

/* Threads beside the caller: half for as many workers and bosses as there can be, half for those that tasks hold (run.h says so, too).
 * After these a task holds its worker. */
enum { DRIVERS_MAX = 4 * ROTA_WORKERS_MAX };

enum { IDLE_MAX = 2 }; /* beside the caller's: where tasks come and go a thread need not be made for each */

static void *thread_main(void *driver);

/* ---- making and giving ---- */

/* With the lock. */
static void enter_idle(struct rota__driver_thread *d)
{
	list_prepend(&d->all->idle, &d->link);
	d->all->idle_count += !d->caller;
}

static void leave_idle(struct rota__driver_thread *d)
{
	list_remove(&d->link);
	d->all->idle_count -= !d->caller;
}

/* With the lock, which is let go meanwhile. */
static void bury_gone(struct rota__drivers *all)
{
	while (!list_empty(&all->gone)) {
		struct rota__driver_thread *d = list_first(&all->gone, struct rota__driver_thread, link);

		list_remove(&d->link);
		pthread_mutex_unlock(&all->lock);
		pthread_join(d->thread, NULL);
		pthread_cond_destroy(&d->changed);
		rota__free(d);
		pthread_mutex_lock(&all->lock);
	}
}

/* With the lock.  `worker` NULL: it waits, reserved. */
static int make(struct rota__drivers *all, struct rota__worker *worker, struct rota__driver_thread **ret)
{
	struct rota__driver_thread *d;
	int rc;

	if (all->count >= DRIVERS_MAX)
		return -EAGAIN;
	d = rota__alloc_zero(sizeof *d);
	if (d == NULL)
		return -ENOMEM;
	d->all = all;
	d->number = ++all->made;
	d->worker = worker;
	d->reserved = worker == NULL;
	list_init(&d->link);
	pthread_cond_init(&d->changed, NULL);
	rc = pthread_create(&d->thread, NULL, thread_main, d);
	if (rc != 0) {
		pthread_cond_destroy(&d->changed);
		rota__free(d);
		return -rc;
	}
	all->count++;
	if (ret != NULL)
		*ret = d;
	return 0;
}

int rota__drivers_start(struct rota__drivers *all, struct rota__worker *worker)
{
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = make(all, worker, NULL);
	pthread_mutex_unlock(&all->lock);
	return rc;
}

/* A thread without a worker, for one that is about to need it; NULL: there is none to be had. */
static struct rota__driver_thread *reserve(struct rota__drivers *all)
{
	struct rota__driver_thread *d = NULL;

	pthread_mutex_lock(&all->lock);
	bury_gone(all);
	if (!list_empty(&all->idle)) {
		d = list_first(&all->idle, struct rota__driver_thread, link);
		leave_idle(d);
		d->reserved = true;
	} else {
		make(all, NULL, &d);
	}
	pthread_mutex_unlock(&all->lock);
	return d;
}

/* The reserved thread drives `worker`; NULL: it is idle again, or ends if another one is. */
static void give(struct rota__driver_thread *d, struct rota__worker *worker)
{
	pthread_mutex_lock(&d->all->lock);
	d->reserved = false;
	d->worker = worker;
	if (worker == NULL && !d->caller && d->all->idle_count >= IDLE_MAX)
		d->dismissed = true;
	else if (worker == NULL)
		enter_idle(d);
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->all->lock);
}

/* What runs without a worker, and may compute for long, leaves its CPU to those who drive one as soon as they wake up there. */
static void give_precedence(struct rota__driver_thread *d, pid_t tid)
{
	store_relaxed(&d->timeslice_ns, rota__timeslice_set(tid, TIMESLICE_LONGEST_NS));
}

static void end_precedence(struct rota__driver_thread *d, pid_t tid)
{
	uint64_t before_ns = load_relaxed(&d->timeslice_ns);

	if (before_ns != 0)
		rota__timeslice_set(tid, before_ns);
	store_relaxed(&d->timeslice_ns, 0);
}

/* Precedence first: the thread ends it when it finds that it has lost its worker, and may do so at once. */
static void rescue(struct rota__watched *watched)
{
	struct rota__driver_thread *held = container_of(watched, struct rota__driver_thread, watched);
	struct rota__driver_thread *spare = rota__pinned_to_thread(watched->task) ? NULL : reserve(held->all);
	struct rota__worker *worker;

	if (spare == NULL)
		return;
	give_precedence(held, watched->tid);
	worker = rota__driver_evict(&held->driver, watched->task);
	if (worker == NULL)
		end_precedence(held, watched->tid);
	give(spare, worker);
}

/* ---- one thread ---- */

/* It has no worker: does it stay, for the next that is in need of a thread?  One that was made as a reserve, and is only now
 * here, may be idle already. */
static bool stays(struct rota__driver_thread *d)
{
	struct rota__drivers *all = d->all;

	if (d->reserved || list_linked(&d->link))
		return true;
	if (all->over || d->dismissed)
		return false;
	if (!d->caller && all->idle_count >= IDLE_MAX)
		return false;
	enter_idle(d);
	return true;
}

/* Who has reserved it will say what for. */
static bool may_be_given_one(const struct rota__driver_thread *d)
{
	return d->reserved || (!d->all->over && !d->dismissed);
}

/* The worker to go on with; NULL: there is nothing more to do for this thread. */
static struct rota__worker *next(struct rota__driver_thread *d)
{
	struct rota__drivers *all = d->all;
	struct rota__worker *worker;

	pthread_mutex_lock(&all->lock);
	if (d->worker == NULL && stays(d))
		while (d->worker == NULL && may_be_given_one(d))
			pthread_cond_wait(&d->changed, &all->lock);
	if (d->worker == NULL && list_linked(&d->link))
		leave_idle(d);
	worker = d->worker;
	d->worker = NULL;
	pthread_mutex_unlock(&all->lock);
	return worker;
}

/* Who is made for a worker is called like that one, as soon as it is there. */
static void name_track(const struct rota__driver_thread *d)
{
	struct rota__report name = { .n = 0 };

	rota__report_add(&name, "spare thread ");
	rota__report_number(&name, d->number, 10);
	rota__trace_thread(rota__trace_text(rota__report_text(&name)));
}

static void drive_all(struct rota__driver_thread *d)
{
	struct rota__drivers *all = d->all;
	struct rota__worker *worker;
	ROTA_INSIDE();

	rota__overflow_thread_init(); /* without memory for that its overflows are not named, and all else is as ever */
	d->driver.rescuer = all->watch.rescue != NULL ? d : NULL;
	d->driver.fences = all->watch.rescue != NULL && !all->fence_works;
	rota__driver_enter(&d->driver);
	if (all->watch.rescue != NULL || all->watch.blocked_ns != ROTA_FOREVER)
		d->is_watched = rota__watchdog_join(&d->watched, &d->driver, &all->watch) == 0;
	while ((worker = next(d)) != NULL) {
		all->drive(worker, &d->driver);
		end_precedence(d, 0);
	}
	if (d->is_watched)
		rota__watchdog_leave(&d->watched);
	rota__driver_enter(NULL);
	rota__overflow_thread_fini();
}

static void *thread_main(void *arg)
{
	struct rota__driver_thread *d = arg;
	struct rota__drivers *all = d->all;

	/* The watchdog may have made us, which blocks all, and whose name we would have. */
	pthread_sigmask(SIG_SETMASK, &all->signals, NULL);
	pthread_setname_np(pthread_self(), "rota-worker");
	if (rota__trace_on)
		name_track(d);
	drive_all(d);
	pthread_mutex_lock(&all->lock);
	list_append(&all->gone, &d->link);
	all->count--;
	pthread_cond_signal(&all->ended);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* ---- blocking on purpose ---- */

void rota_blocking_section_begin(void)
{
	ROTA_INSIDE();
	struct rota__driver *driver = rota__driver_here();
	struct rota__driver_thread *d, *spare;
	struct rota_task *task = rota__current();

	if (driver == NULL || task == NULL)
		return;
	store_relaxed(&driver->section, task); /* the watchdog looks at it */
	if (driver->rescuer == NULL || rota__pinned_to_thread(task) || rota__before)
		return; /* called from inside: there the caller goes on with the worker */
	d = driver->rescuer;
	spare = reserve(d->all);
	if (spare != NULL)
		give(spare, rota__driver_give_up(driver));
}

void rota_blocking_section_end(void)
{
	ROTA_INSIDE();
	struct rota__driver *driver = rota__driver_here();

	if (driver != NULL)
		store_relaxed(&driver->section, NULL);
}

/* ---- all of them ---- */

void rota__drivers_init(struct rota__drivers *all)
{
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->ended, NULL);
	list_init(&all->idle);
	list_init(&all->gone);
	pthread_sigmask(SIG_SETMASK, NULL, &all->signals);
	all->watch.rescue = all->rescue ? rescue : NULL;
	all->fence_works = all->rescue && rota__fence_all_threads(); /* the first time is cheapest while we are alone */
	all->first = (struct rota__driver_thread){ .all = all, .caller = true };
	list_init(&all->first.link);
	pthread_cond_init(&all->first.changed, NULL);
}

void rota__drivers_run(struct rota__drivers *all, struct rota__worker *worker)
{
	all->first.worker = worker;
	drive_all(&all->first);
	pthread_mutex_lock(&all->lock);
	while (all->count > 0)
		pthread_cond_wait(&all->ended, &all->lock);
	bury_gone(all);
	pthread_mutex_unlock(&all->lock);
}

void rota__drivers_fini(struct rota__drivers *all)
{
	pthread_cond_destroy(&all->first.changed);
	pthread_cond_destroy(&all->ended);
	pthread_mutex_destroy(&all->lock);
}

void rota__drivers_end(struct rota__drivers *all)
{
	struct list *link;

	pthread_mutex_lock(&all->lock);
	all->over = true;
	list_each(link, &all->idle)
		pthread_cond_signal(&container_of(link, struct rota__driver_thread, link)->changed);
	pthread_mutex_unlock(&all->lock);
}
