/* semaphore.c - permits, given in the order of asking
 *
 * Nobody waits while what it wants is there and it is first in line: whoever changes the number of permits
 * or the head of the line looks whom that serves. */
#include "sync/select.h"

static void serve(struct rota_semaphore *s, struct rota__wakes *wakes)
{
	struct rota__waiter *w;

	while ((w = s->waiters.first) != NULL && w->want <= s->permits) {
		waiters_remove(w);
		if (!waiter_claim(w))
			continue;
		s->permits -= w->want;
		w->result = 0;
		wakes_add(wakes, w);
	}
}

/* One that wanted many gave up: those behind it may want less. */
static void left(struct rota__waiter *w, struct rota__wakes *wakes)
{
	serve(container_of(w->guard, struct rota_semaphore, guard), wakes);
}

void rota_semaphore_init(struct rota_semaphore *semaphore, uint64_t permits, uint64_t limit)
{
	*semaphore = (struct rota_semaphore){ .permits = permits, .limit = limit };
}

static bool take(struct rota_semaphore *s, uint64_t count)
{
	if (s->waiters.first != NULL || s->permits < count)
		return false;
	s->permits -= count;
	return true;
}

int rota_semaphore_try_acquire(struct rota_semaphore *semaphore, uint64_t count)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&semaphore->guard);
	bool taken = take(semaphore, count);

	guard_leave(&semaphore->guard, entry);
	return taken ? 0 : -EAGAIN;
}

int rota_semaphore_acquire_until(struct rota_semaphore *semaphore, uint64_t count, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;

	if (task == NULL)
		return -EPERM;
	if (semaphore->limit != 0 && count > semaphore->limit)
		return -EINVAL;
	entry = guard_enter(&semaphore->guard);
	if (take(semaphore, count)) {
		guard_leave(&semaphore->guard, entry);
		return 0;
	}
	waiter_init(&w, task, &semaphore->guard, rota__waiter_cut);
	w.left = left;
	w.want = count;
	return rota__wait_in(&semaphore->guard, entry, &semaphore->waiters, &w, deadline_ns);
}

int rota_semaphore_acquire(struct rota_semaphore *semaphore, uint64_t count)
{
	return rota_semaphore_acquire_until(semaphore, count, ROTA_FOREVER);
}

int rota_semaphore_release(struct rota_semaphore *semaphore, uint64_t count)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&semaphore->guard);
	uint64_t most = semaphore->limit != 0 ? semaphore->limit : UINT64_MAX;
	bool fits = semaphore->permits <= most && count <= most - semaphore->permits;

	if (fits) {
		semaphore->permits += count;
		serve(semaphore, &wakes);
	}
	guard_leave(&semaphore->guard, entry);
	wakes_run(&wakes);
	return fits ? 0 : -EOVERFLOW;
}

uint64_t rota_semaphore_permits(struct rota_semaphore *semaphore)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&semaphore->guard);
	uint64_t permits = semaphore->waiters.first == NULL ? semaphore->permits : 0;

	guard_leave(&semaphore->guard, entry);
	return permits;
}

int rota_semaphore_fini(struct rota_semaphore *semaphore)
{
	return rota__fini_queue(&semaphore->guard, &semaphore->waiters);
}

/* ---- in a select ---- */

static int attempt(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	struct rota_semaphore *s = b->object;

	if (s->limit != 0 && b->want > s->limit)
		return -EINVAL;
	return take(s, b->want) ? 0 : -EAGAIN;
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	struct rota_semaphore *s = b->object;

	w->left = left;
	w->want = b->want;
	return &s->waiters;
}

const struct rota__selectable rota__select_acquire = { .attempt = attempt, .queue = queue };
