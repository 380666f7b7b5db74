/* waiter.c - waiting in a queue: how it begins and how it is cut short (waiter.h) */
#include "sync/waiter.h"

int rota__waiter_late(uint64_t deadline_ns)
{
	return deadline_ns <= rota_now_ns() ? -ETIMEDOUT : 0;
}

static void woken_from_elsewhere(struct rota_post *post)
{
	struct rota__waiter *w = container_of(post, struct rota__waiter, post);

	rota__wake(w->wait.task);
}

void rota__waiter_wake_elsewhere(struct rota__waiter *w)
{
	w->post.fn = woken_from_elsewhere;
	rota_post(w->worker->loop, &w->post);
}

void rota__waiter_cut_task(struct rota__wait *wait, int reason)
{
	struct rota__waiter *w = container_of(wait, struct rota__waiter, wait);

	w->cut(w, reason);
}

static void cut_by_deadline(struct rota__timer *timer)
{
	struct rota__waiter *w = container_of(timer, struct rota__waiter, timer);

	w->cut(w, -ETIMEDOUT);
}

void rota__waiter_cut(struct rota__waiter *w, int reason)
{
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(w->guard);
	bool ours = w->queue != NULL;

	if (ours) {
		waiters_remove(w);
		w->result = reason;
		if (w->left != NULL)
			w->left(w, &wakes);
	}
	guard_leave(w->guard, entry);
	if (!ours)
		return; /* chosen: the wake-up is on its way */
	waiter_wake(w);
	wakes_run(&wakes);
}

void rota__waiter_park_until(struct rota__waiter *w, uint64_t deadline_ns)
{
	w->timer.fn = cut_by_deadline;
	rota__pin(w->wait.task); /* the timer is this loop's */
	timers_arm(&w->worker->loop->timers, &w->timer, deadline_ns);
	rota__park(&w->wait);
	timers_cancel(&w->worker->loop->timers, &w->timer);
	rota__unpin(w->wait.task);
}

int rota__wait_in(struct rota__guard *guard, enum rota__entry entry, struct rota__waiters *queue,
	struct rota__waiter *w, uint64_t deadline_ns)
{
	int refused = waiter_refused(w->wait.task, deadline_ns);

	if (refused != 0) {
		guard_leave(guard, entry);
		return refused;
	}
	waiters_append(queue, w);
	guard_leave(guard, entry);
	return waiter_park(w, deadline_ns);
}

int rota__fini_queue(struct rota__guard *guard, const struct rota__waiters *queue)
{
	enum rota__entry entry = guard_enter(guard);
	bool waited_on = queue->first != NULL;

	guard_leave(guard, entry);
	return waited_on ? -EBUSY : 0;
}
