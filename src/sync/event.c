/* event.c - something has happened: events, which stay set, and notifications, which are used up */
#include "sync/select.h"

int rota_event_wait_until(struct rota_event *event, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&event->guard);
	if (event->set) {
		guard_leave(&event->guard, entry);
		return 0;
	}
	waiter_init(&w, task, &event->guard, rota__waiter_cut);
	return rota__wait_in(&event->guard, entry, &event->waiters, &w, deadline_ns);
}

int rota_event_wait(struct rota_event *event)
{
	return rota_event_wait_until(event, ROTA_FOREVER);
}

void rota_event_set(struct rota_event *event)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&event->guard);

	event->set = true;
	wakes_add_all(&wakes, &event->waiters, 0);
	guard_leave(&event->guard, entry);
	wakes_run(&wakes);
}

void rota_event_clear(struct rota_event *event)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&event->guard);

	event->set = false;
	guard_leave(&event->guard, entry);
}

bool rota_event_is_set(struct rota_event *event)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&event->guard);
	bool set = event->set;

	guard_leave(&event->guard, entry);
	return set;
}

int rota_event_fini(struct rota_event *event)
{
	return rota__fini_queue(&event->guard, &event->waiters);
}

/* ---- notify ---- */

static bool take(struct rota_notify *notify)
{
	bool kept = notify->kept;

	notify->kept = false;
	return kept;
}

int rota_notify_try_wait(struct rota_notify *notify)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&notify->guard);
	bool taken = take(notify);

	guard_leave(&notify->guard, entry);
	return taken ? 0 : -EAGAIN;
}

int rota_notify_wait_until(struct rota_notify *notify, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&notify->guard);
	if (take(notify)) {
		guard_leave(&notify->guard, entry);
		return 0;
	}
	waiter_init(&w, task, &notify->guard, rota__waiter_cut);
	return rota__wait_in(&notify->guard, entry, &notify->waiters, &w, deadline_ns);
}

int rota_notify_wait(struct rota_notify *notify)
{
	return rota_notify_wait_until(notify, ROTA_FOREVER);
}

void rota_notify_one(struct rota_notify *notify)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&notify->guard);
	struct rota__waiter *w = waiters_choose(&notify->waiters);

	if (w == NULL)
		notify->kept = true;
	guard_leave(&notify->guard, entry);
	if (w != NULL) {
		w->result = 0;
		waiter_wake(w);
	}
}

void rota_notify_all(struct rota_notify *notify)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&notify->guard);

	wakes_add_all(&wakes, &notify->waiters, 0);
	guard_leave(&notify->guard, entry);
	wakes_run(&wakes);
}

int rota_notify_fini(struct rota_notify *notify)
{
	return rota__fini_queue(&notify->guard, &notify->waiters);
}

/* ---- in a select ---- */

static int attempt_event(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return ((struct rota_event *)b->object)->set ? 0 : -EAGAIN;
}

static struct rota__waiters *queue_event(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_event *)b->object)->waiters;
}

const struct rota__selectable rota__select_event = { .attempt = attempt_event, .queue = queue_event };

static int attempt_notify(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return take(b->object) ? 0 : -EAGAIN;
}

static struct rota__waiters *queue_notify(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_notify *)b->object)->waiters;
}

const struct rota__selectable rota__select_notify = { .attempt = attempt_notify, .queue = queue_notify };
