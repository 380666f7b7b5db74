/* mutex.c - one at a time, in the order they came; and conditions, which need one
 *
 * An unlock makes the first waiter the holder: there is no moment at which the lock is free while
 * somebody waits, so nobody can slip in. */
#include "sync/select.h"

static int lock(struct rota_mutex *mutex, struct rota_task *task, uint64_t deadline_ns,
	void (*cut)(struct rota__waiter *, int))
{
	enum rota__entry entry = guard_enter(&mutex->guard);
	struct rota__waiter w;
	int rc;

	if (__builtin_expect(mutex->holder == 0, 1)) {
		mutex->holder = task->id;
		guard_leave(&mutex->guard, entry);
		rota__lock_taken(task);
		return 0;
	}
	if (mutex->holder == task->id) {
		guard_leave(&mutex->guard, entry);
		return -EDEADLK;
	}
	waiter_init(&w, task, &mutex->guard, cut);
	if (cut != NULL) {
		rc = rota__wait_in(&mutex->guard, entry, &mutex->waiters, &w, deadline_ns);
	} else {
		waiters_append(&mutex->waiters, &w);
		guard_leave(&mutex->guard, entry);
		rc = waiter_park(&w, ROTA_FOREVER);
	}
	if (rc == 0)
		rota__lock_taken(task);
	return rc;
}

int rota_mutex_lock_until(struct rota_mutex *mutex, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();

	return task != NULL ? lock(mutex, task, deadline_ns, rota__waiter_cut) : -EPERM;
}

int rota_mutex_lock(struct rota_mutex *mutex)
{
	return rota_mutex_lock_until(mutex, ROTA_FOREVER);
}

int rota_mutex_try_lock(struct rota_mutex *mutex)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	enum rota__entry entry;
	int rc = 0;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&mutex->guard);
	if (mutex->holder == 0)
		mutex->holder = task->id;
	else
		rc = mutex->holder == task->id ? -EDEADLK : -EBUSY;
	guard_leave(&mutex->guard, entry);
	if (rc == 0)
		rota__lock_taken(task);
	return rc;
}

int rota_mutex_unlock(struct rota_mutex *mutex)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	struct rota__waiter *next;
	enum rota__entry entry;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&mutex->guard);
	if (mutex->holder != task->id) {
		guard_leave(&mutex->guard, entry);
		return -EPERM;
	}
	next = waiters_choose(&mutex->waiters);
	mutex->holder = next != NULL ? next->wait.task->id : 0;
	guard_leave(&mutex->guard, entry);
	rota__lock_left(task);
	if (next != NULL) {
		next->result = 0;
		waiter_wake(next);
	}
	return 0;
}

int rota_mutex_fini(struct rota_mutex *mutex)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&mutex->guard);
	bool held = mutex->holder != 0;

	guard_leave(&mutex->guard, entry);
	return held ? -EBUSY : 0; /* waited on only while held */
}

/* ---- in a select ---- */

static int attempt(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	struct rota_mutex *mutex = b->object;

	if (mutex->holder != 0)
		return mutex->holder == task->id ? -EDEADLK : -EAGAIN;
	mutex->holder = task->id;
	rota__lock_taken(task);
	return 0;
}

static int finish(struct rota_branch *b)
{
	rota__lock_taken(rota__current());
	return 0;
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_mutex *)b->object)->waiters;
}

const struct rota__selectable rota__select_lock = { .attempt = attempt, .queue = queue, .finish = finish };

/* ---- condition ---- */

static bool holds(struct rota_mutex *mutex, const struct rota_task *task)
{
	enum rota__entry entry = guard_enter(&mutex->guard);
	bool yes = mutex->holder == task->id;

	guard_leave(&mutex->guard, entry);
	return yes;
}

int rota_condition_wait_until(
	struct rota_condition *condition, struct rota_mutex *mutex, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;
	int rc;

	if (task == NULL || !holds(mutex, task))
		return -EPERM;
	rc = waiter_refused(task, deadline_ns);
	if (rc != 0)
		return rc;
	/* Queued before the mutex is free: who has it next finds us here. */
	waiter_init(&w, task, &condition->guard, rota__waiter_cut);
	entry = guard_enter(&condition->guard);
	waiters_append(&condition->waiters, &w);
	guard_leave(&condition->guard, entry);
	rota_mutex_unlock(mutex);
	rc = waiter_park(&w, deadline_ns);
	lock(mutex, task, ROTA_FOREVER, NULL);
	return rc;
}

int rota_condition_wait(struct rota_condition *condition, struct rota_mutex *mutex)
{
	return rota_condition_wait_until(condition, mutex, ROTA_FOREVER);
}

void rota_condition_signal(struct rota_condition *condition)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&condition->guard);
	struct rota__waiter *w = waiters_choose(&condition->waiters);

	guard_leave(&condition->guard, entry);
	if (w != NULL) {
		w->result = 0;
		waiter_wake(w);
	}
}

void rota_condition_broadcast(struct rota_condition *condition)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&condition->guard);

	wakes_add_all(&wakes, &condition->waiters, 0);
	guard_leave(&condition->guard, entry);
	wakes_run(&wakes);
}

int rota_condition_fini(struct rota_condition *condition)
{
	return rota__fini_queue(&condition->guard, &condition->waiters);
}
