/* waiter.h - a task that waits in an object's queue
 *
 * The waiter lies on the waiting task's stack.  Whoever takes it out of the queue, under the object's
 * guard, decides how the wait ends, and wakes it when the guard is free again:
 *
 *   (on the stack) --queue--> QUEUED --taken out by a waker: result 0, or what it was given
 *                               +------taken out by its own cancellation or deadline: the reason
 *
 * One that comes and finds it taken out does nothing: so a result wins over a cancellation that comes
 * later, nothing is given to one that goes away, and there is exactly one wake-up.
 *
 * A waiter may be one of several of a task, of which only one may be chosen (select.c): then they share a
 * claim, and to take one out for a result means to win the claim first. */
#ifndef ROTA_SYNC_WAITER_H
#define ROTA_SYNC_WAITER_H

#include "sync/guard.h"
#include "task/task.h"

/* Taken out, to be woken when the guard is left. */
struct rota__wakes {
	struct rota__waiter *first, *last;
};

struct rota__waiter {
	struct rota__waiter *prev, *next;
	struct rota__waiters *queue; /* NULL: taken out */
	uint32_t *claim;	     /* 0: nobody was chosen; NULL: there is only this one */
	struct rota__worker *worker; /* where it waits */
	struct rota__wait wait;
	/* End the wait for this reason, unless it has been taken out.  The deadline's and the task's
	 * cancellation come through here. */
	void (*cut)(struct rota__waiter *waiter, int reason);
	struct rota__guard *guard; /* of its object, for waiter_cut() */
	/* Called in the guard when a waiter was cut: those behind it whose turn it is now are taken out and
	 * put on the list.  NULL: that cannot be. */
	void (*left)(struct rota__waiter *waiter, struct rota__wakes *wakes);
	void *item;    /* what is to be moved, or where to */
	uint64_t want; /* what or how much it waits for, as the object understands it */
	int result;
	struct rota_post post;	  /* only when woken from elsewhere */
	struct rota__timer timer; /* only with a deadline */
};

static inline void waiters_append(struct rota__waiters *queue, struct rota__waiter *w)
{
	w->queue = queue;
	w->next = NULL;
	w->prev = queue->last;
	if (queue->last != NULL)
		queue->last->next = w;
	else
		queue->first = w;
	queue->last = w;
}

static inline void waiters_remove(struct rota__waiter *w)
{
	struct rota__waiters *queue = w->queue;

	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		queue->first = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	else
		queue->last = w->prev;
	w->queue = NULL;
}

/* It may be chosen: it is the only one of its task, or none of the others was chosen before. */
static inline bool waiter_claim(struct rota__waiter *w)
{
	uint32_t nobody = 0;

	return w->claim == NULL || cas_acq_rel(w->claim, &nobody, 1);
}

/* The first that can be chosen, taken out; NULL: nobody waits. */
static inline struct rota__waiter *waiters_choose(struct rota__waiters *queue)
{
	struct rota__waiter *w;

	while ((w = queue->first) != NULL) {
		waiters_remove(w);
		if (waiter_claim(w))
			break;
	}
	return w;
}

static inline void wakes_add(struct rota__wakes *wakes, struct rota__waiter *w)
{
	w->next = NULL;
	if (wakes->first != NULL)
		wakes->last->next = w;
	else
		wakes->first = w;
	wakes->last = w;
}

/* Choose all that wait, with this result. */
static inline void wakes_add_all(struct rota__wakes *wakes, struct rota__waiters *queue, int result)
{
	struct rota__waiter *w;

	while ((w = waiters_choose(queue)) != NULL) {
		w->result = result;
		wakes_add(wakes, w);
	}
}

void rota__waiter_wake_elsewhere(struct rota__waiter *w);

/* It has been taken out; its object's guard has been left.  Its memory may be gone afterwards. */
static inline void waiter_wake(struct rota__waiter *w)
{
	struct rota__worker *here = rota__here();

	if (here == w->worker || (here != NULL && here->team != NULL && here->team == w->worker->team))
		rota__wake(w->wait.task);
	else
		rota__waiter_wake_elsewhere(w);
}

static inline void wakes_run(struct rota__wakes *wakes)
{
	struct rota__waiter *next;

	for (struct rota__waiter *w = wakes->first; w != NULL; w = next) {
		next = w->next;
		waiter_wake(w);
	}
}

/* Who may own guards: a worker that is alone in its run.  Those of a team use most objects together, and would
 * only take them away from each other. */
static inline const void *guard_me(void)
{
	const struct rota__worker *here = rota__here_unchecked(); /* its team never changes */

	return here != NULL && here->team == NULL ? here : NULL;
}

static inline enum rota__entry guard_enter(struct rota__guard *guard)
{
	return guard_enter_as(guard, guard_me());
}

/* 0, or -ETIMEDOUT. */
int rota__waiter_late(uint64_t deadline_ns);

/* A task may not wait now: 0, or the reason. */
static inline int waiter_refused(const struct rota_task *task, uint64_t deadline_ns)
{
	int reason = rota__task_cancelled(task);

	return reason == 0 && deadline_ns != ROTA_FOREVER ? rota__waiter_late(deadline_ns) : reason;
}

void rota__waiter_cut_task(struct rota__wait *wait, int reason);

/* Made, and in no queue yet.  `cut` NULL: this wait ends only by being chosen. */
static inline void waiter_init(struct rota__waiter *w, struct rota_task *task, struct rota__guard *guard,
	void (*cut)(struct rota__waiter *, int))
{
	w->claim = NULL;
	w->worker = task->worker;
	w->wait.task = task;
	w->wait.loop = NULL;
	w->wait.what = "a lock, a channel or an event";
	w->wait.fd = 0;
	w->wait.cancel = cut != NULL ? rota__waiter_cut_task : NULL;
	w->cut = cut;
	w->guard = guard;
	w->left = NULL;
}

/* The usual `cut`, of an object with one guard. */
void rota__waiter_cut(struct rota__waiter *w, int reason);

void rota__waiter_park_until(struct rota__waiter *w, uint64_t deadline_ns);

/* The waiter is queued and the guard has been left: wait, and say how it ended. */
static inline int waiter_park(struct rota__waiter *w, uint64_t deadline_ns)
{
	if (__builtin_expect(deadline_ns == ROTA_FOREVER, 1))
		rota__park(&w->wait);
	else
		rota__waiter_park_until(w, deadline_ns);
	return w->result;
}

/* What most calls that wait end with: the guard was entered, what they want is not there.  Leaves the
 * guard, waits in `queue`; what the waiter was given, or why not. */
int rota__wait_in(struct rota__guard *guard, enum rota__entry entry, struct rota__waiters *queue,
	struct rota__waiter *w, uint64_t deadline_ns);

/* -EBUSY if somebody waits. */
int rota__fini_queue(struct rota__guard *guard, const struct rota__waiters *queue);

#endif
