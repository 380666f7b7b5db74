/* rescue.c - workers are taken from threads, and strays come back (rescue.h) */
#include "task/rescue.h"

#include "coro/sanitize.h"
#include "os/fence.h"
#include "trace/trace.h"

static _Thread_local struct rota__driver *driver_here;

static void rest_at(struct rota__marks *marks, enum rota__lost rest)
{
	marks->rest = (uint8_t)rest;
	store_relaxed(&marks->lost, marks->rest);
}

/* The child's only thread drives nothing. */
void rota__driver_after_fork(void)
{
	driver_here = NULL;
	rest_at(&rota__marks_here, LOST_NOT);
}

/* A stray leaves its thread's stack, and comes back on a worker's: see rota__here(). */
__attribute__((noinline)) struct rota__driver *rota__driver_here(void)
{
	__asm__ volatile("");
	return driver_here;
}

/* Who took the worker may still be noting who was there. */
static struct rota_task *wait_for_stray(const struct rota__driver *d)
{
	struct rota_task *task;
	unsigned looks = 0;

	while ((task = load_acquire(&d->stray)) == NULL) /* pairs with note_stray() */
		rota__spin_pause(&looks);
	return task;
}

struct rota_task *rota__driver_stray(void)
{
	return wait_for_stray(rota__driver_here());
}

static void leave_as_stray(struct rota__driver *d)
{
	struct rota_task *task = wait_for_stray(d);

	rota__worker_here = NULL;
	rota__loop_lost();
	rota__trace(ROTA__EV_TASK_STOP, task->id, task->name);
	rota__stack_switch(task->stack, &task->sp, NULL, d->loop_sp, NULL, false);
	rota__team_settle(task->worker);
}

/* Who was only asked gives way by himself: one that enters again and again would never be met outside. */
static void come_back(void)
{
	struct rota__driver *d = rota__driver_here();

	if (!marks_wanted(d->marks))
		return;
	if (marks_lost(d->marks))
		leave_as_stray(d);
	else if (!rota__pinned_to_thread(d->worker->current)) {
		rota__team_suspect(d->worker->team, d->worker->current->fn);
		rota_yield();
	}
}

bool rota__driver_lost(void)
{
	struct rota__driver *d;
	struct rota_task *task;

	if (__builtin_expect(load_relaxed(&rota__marks_here.lost) != LOST_TAKEN, 1))
		return false;
	d = rota__driver_here();
	task = d->stray;
	store_relaxed(&d->worker, NULL); /* the watchdog looks at this */
	store_relaxed(&d->stray, NULL);
	if (d->section != task)
		rota__team_suspect(task->worker->team, task->fn);
	store_relaxed(&d->section, NULL);
	store_relaxed(&d->marks->lost, d->marks->rest);
	rota__team_take_in(task);
	return true;
}

/* What the thread finds when it comes back: for who has taken the worker, and so nobody changes what is read. */
static void note_stray(struct rota__driver *d, struct rota__worker *w)
{
	struct rota_task *task = load_relaxed(&w->current);

	store_relaxed(&w->current, NULL);
	d->loop_sp = load_relaxed(&w->loop_sp);
	store_release(&d->stray, task); /* acquired by wait_for_stray() */
}

/* Between our wish and our look at where it is, in that thread, too. */
static bool fence_both(const struct rota__driver *d)
{
	if (!d->fences)
		return rota__fence_all_threads();
	fence_seq();
	return true;
}

struct rota__worker *rota__driver_evict(struct rota__driver *d, const struct rota_task *task)
{
	struct rota__worker *w = load_relaxed(&d->worker);

	if (w == NULL || !marks_ask(d->marks))
		return NULL;
	if (fence_both(d) && marks_outside(d->marks) && load_relaxed(&w->current) == task &&
		!rota__pinned_to_thread(task)) {
		rota_fn fn = load_relaxed(&task->fn); /* once taken, it may come back and end elsewhere */

		if (marks_take(d->marks)) {
			note_stray(d, w);
			rota__team_suspect(w->team, fn);
			return w;
		}
	}
	marks_drop(d->marks);
	return NULL;
}

struct rota__worker *rota__driver_give_up(struct rota__driver *d)
{
	struct rota__worker *w = d->worker;

	if (rota__pinned_to_thread(w->current) || !marks_give(d->marks))
		return NULL;
	note_stray(d, w);
	return w;
}

void rota__driver_enter(struct rota__driver *d)
{
	store_relaxed(&rota__come_back, come_back); /* the same each time */
	driver_here = d;
	rest_at(&rota__marks_here, d != NULL && d->fences ? LOST_NOT_BUT_FENCE : LOST_NOT);
	if (d != NULL)
		d->marks = &rota__marks_here;
}

void rota__driver_take(struct rota__driver *d, struct rota__worker *w)
{
	rota__worker_here = w;
	rota__loop_take(w->loop); /* it is shareable: that cannot fail */
	store_release(&d->worker, w); /* acquired by the watchdog */
	/* Else they would wait for the next task, which may be as long as the last one. */
	w->loop->now_ns = rota_now_ns();
	rota__loop_run_timers(w->loop);
}
