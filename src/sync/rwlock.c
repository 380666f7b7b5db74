/* rwlock.c - many readers or one writer
 *
 * One queue for both, so the order of coming is the order of going in: at its head are the next writer, or
 * some readers, who go in together. */
#include "sync/select.h"

enum { TO_READ, TO_WRITE };

static bool may_enter(const struct rota_rwlock *lock, uint64_t what)
{
	return lock->writer == 0 && (what == TO_READ || lock->readers == 0);
}

static void enter(struct rota_rwlock *lock, uint64_t what, const struct rota_task *task)
{
	if (what == TO_WRITE)
		lock->writer = task->id;
	else
		lock->readers++;
}

/* Let in who is first, while it may come in. */
static void let_in(struct rota_rwlock *lock, struct rota__wakes *wakes)
{
	struct rota__waiter *w;

	while ((w = lock->waiters.first) != NULL && may_enter(lock, w->want)) {
		waiters_remove(w);
		if (!waiter_claim(w))
			continue;
		enter(lock, w->want, w->wait.task);
		w->result = 0;
		wakes_add(wakes, w);
	}
}

/* A writer gave up: the readers behind it may go in. */
static void left(struct rota__waiter *w, struct rota__wakes *wakes)
{
	let_in(container_of(w->guard, struct rota_rwlock, guard), wakes);
}

static int take(struct rota_rwlock *lock, uint64_t what, const struct rota_task *task)
{
	if (lock->waiters.first == NULL && may_enter(lock, what)) {
		enter(lock, what, task);
		return 0;
	}
	return lock->writer == task->id ? -EDEADLK : -EBUSY;
}

static int lock_for(struct rota_rwlock *lock, uint64_t what, uint64_t deadline_ns, bool wait)
{
	struct rota_task *task = wait ? rota__begin_call() : rota__current();
	struct rota__waiter w;
	enum rota__entry entry;
	int rc;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&lock->guard);
	rc = take(lock, what, task);
	if (rc == -EBUSY && wait) {
		waiter_init(&w, task, &lock->guard, rota__waiter_cut);
		w.left = left;
		w.want = what;
		return rota__wait_in(&lock->guard, entry, &lock->waiters, &w, deadline_ns);
	}
	guard_leave(&lock->guard, entry);
	return rc;
}

int rota_rwlock_read_until(struct rota_rwlock *lock, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_READ, deadline_ns, true);
}

int rota_rwlock_read(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_READ, ROTA_FOREVER, true);
}

int rota_rwlock_try_read(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_READ, ROTA_NOW, false);
}

int rota_rwlock_write_until(struct rota_rwlock *lock, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_WRITE, deadline_ns, true);
}

int rota_rwlock_write(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_WRITE, ROTA_FOREVER, true);
}

int rota_rwlock_try_write(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return lock_for(lock, TO_WRITE, ROTA_NOW, false);
}

/* The writer stays as a reader, or whoever is in leaves. */
static int leave_or_stay(struct rota_rwlock *lock, bool reader)
{
	struct rota_task *task = rota__current();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&lock->guard);
	int rc = 0;

	if (lock->writer != 0 && task != NULL && lock->writer == task->id) {
		lock->writer = 0;
		lock->readers = reader;
	} else if (lock->writer == 0 && lock->readers > 0 && !reader) {
		lock->readers--;
	} else {
		rc = -EPERM;
	}
	let_in(lock, &wakes);
	guard_leave(&lock->guard, entry);
	wakes_run(&wakes);
	return rc;
}

int rota_rwlock_downgrade(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return leave_or_stay(lock, true);
}

int rota_rwlock_unlock(struct rota_rwlock *lock)
{
	ROTA_INSIDE();

	return leave_or_stay(lock, false);
}

int rota_rwlock_fini(struct rota_rwlock *lock)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&lock->guard);
	bool used = lock->writer != 0 || lock->readers > 0;

	guard_leave(&lock->guard, entry);
	return used ? -EBUSY : 0; /* waited on only while used */
}

/* ---- in a select ---- */

static int attempt(struct rota_branch *b, const struct rota_task *task, struct rota__wakes *wakes)
{
	int rc = take(b->object, b->want, task);

	return rc == -EBUSY ? -EAGAIN : rc;
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	struct rota_rwlock *lock = b->object;

	w->left = left;
	w->want = b->want;
	return &lock->waiters;
}

const struct rota__selectable rota__select_rwlock = { .attempt = attempt, .queue = queue };
