/* rwlock.c - many readers or one writer
 *
 * One queue for both, so the order of coming is the order of going in: at its head are the next writer, or
 * some readers, who go in together.
 *
 * Who unlocks must be in.  The first readers have their names in the lock; of those beyond, which are rare, only the number is known: then
 * who unlocks is believed if it holds any lock at all. */
#include "sync/select.h"

enum { TO_READ, TO_WRITE };

static bool may_enter(const struct rota_rwlock *lock, uint64_t what)
{
	return lock->writer == 0 && (what == TO_READ || lock->readers == 0);
}

static void add_reader(struct rota_rwlock *lock, const struct rota_task *task)
{
	lock->readers++;
	for (int i = 0; i < ROTA__READERS_NAMED; i++) {
		if (lock->named[i] == 0) {
			lock->named[i] = task->id;
			return;
		}
	}
	lock->unnamed++;
}

/* False: it is none. */
static bool remove_reader(struct rota_rwlock *lock, const struct rota_task *task)
{
	int i = 0;

	while (i < ROTA__READERS_NAMED && lock->named[i] != task->id)
		i++;
	if (i < ROTA__READERS_NAMED)
		lock->named[i] = 0;
	else if (lock->unnamed > 0 && task->locks > 0)
		lock->unnamed--;
	else
		return false;
	lock->readers--;
	return true;
}

static void enter(struct rota_rwlock *lock, uint64_t what, const struct rota_task *task)
{
	if (what == TO_WRITE)
		lock->writer = task->id;
	else
		add_reader(lock, task);
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
		rc = rota__wait_in(&lock->guard, entry, &lock->waiters, &w, deadline_ns);
	} else {
		guard_leave(&lock->guard, entry);
	}
	if (rc == 0)
		rota__lock_taken(task);
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

/* The writer goes. */
static bool remove_writer(struct rota_rwlock *lock, const struct rota_task *task)
{
	if (lock->writer == 0 || lock->writer != task->id)
		return false;
	lock->writer = 0;
	return true;
}

static void leave(struct rota_rwlock *lock, enum rota__entry entry)
{
	struct rota__wakes wakes = { NULL, NULL };

	let_in(lock, &wakes);
	guard_leave(&lock->guard, entry);
	wakes_run(&wakes);
}

int rota_rwlock_downgrade(struct rota_rwlock *lock)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	enum rota__entry entry;
	bool was;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&lock->guard);
	was = remove_writer(lock, task);
	if (was)
		add_reader(lock, task);
	leave(lock, entry);
	return was ? 0 : -EPERM;
}

int rota_rwlock_unlock(struct rota_rwlock *lock)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	enum rota__entry entry;
	bool was;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&lock->guard);
	was = remove_writer(lock, task) || remove_reader(lock, task);
	leave(lock, entry);
	if (was)
		rota__lock_left(task);
	return was ? 0 : -EPERM;
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

static int attempt(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	int rc = take(b->object, b->want, task);

	if (rc == 0)
		rota__lock_taken(task);
	return rc == -EBUSY ? -EAGAIN : rc;
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	struct rota_rwlock *lock = b->object;

	w->left = left;
	w->want = b->want;
	return &lock->waiters;
}

static int finish(struct rota_branch *b)
{
	rota__lock_taken(rota__current());
	return 0;
}

const struct rota__selectable rota__select_rwlock = { .attempt = attempt, .queue = queue, .finish = finish };
