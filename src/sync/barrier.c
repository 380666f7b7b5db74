/* barrier.c - waiting for several: barriers and wait groups */
#include "sync/select.h"

int rota_barrier_init(struct rota_barrier *barrier, uint32_t parties)
{
	if (parties == 0)
		return -EINVAL;
	*barrier = (struct rota_barrier){ .parties = parties };
	return 0;
}

/* One that gave up counts no more; nobody is served by that. */
static void left(struct rota__waiter *w, struct rota__wakes *wakes)
{
	container_of(w->guard, struct rota_barrier, guard)->arrived--;
}

int rota_barrier_wait_until(struct rota_barrier *barrier, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__wakes wakes = { NULL, NULL };
	struct rota__waiter w;
	enum rota__entry entry;
	int refused;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&barrier->guard);
	if (barrier->arrived + 1 < barrier->parties) {
		refused = waiter_refused(task, deadline_ns);
		if (refused != 0) {
			guard_leave(&barrier->guard, entry);
			return refused;
		}
		barrier->arrived++;
		waiter_init(&w, task, &barrier->guard, rota__waiter_cut);
		w.left = left;
		waiters_append(&barrier->waiters, &w);
		guard_leave(&barrier->guard, entry);
		return waiter_park(&w, deadline_ns);
	}
	barrier->arrived = 0;
	wakes_add_all(&wakes, &barrier->waiters, 0);
	guard_leave(&barrier->guard, entry);
	wakes_run(&wakes);
	return 1;
}

int rota_barrier_wait(struct rota_barrier *barrier)
{
	return rota_barrier_wait_until(barrier, ROTA_FOREVER);
}

int rota_barrier_fini(struct rota_barrier *barrier)
{
	return rota__fini_queue(&barrier->guard, &barrier->waiters);
}

/* ---- wait group ---- */

int rota_wait_group_add(struct rota_wait_group *group, uint64_t count)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&group->guard);
	bool fits = count <= UINT64_MAX - group->count;

	if (fits)
		group->count += count;
	guard_leave(&group->guard, entry);
	return fits ? 0 : -EOVERFLOW;
}

int rota_wait_group_done(struct rota_wait_group *group)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&group->guard);
	bool any = group->count > 0;

	if (any && --group->count == 0)
		wakes_add_all(&wakes, &group->waiters, 0);
	guard_leave(&group->guard, entry);
	wakes_run(&wakes);
	return any ? 0 : -EPERM;
}

int rota_wait_group_wait_until(struct rota_wait_group *group, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&group->guard);
	if (group->count == 0) {
		guard_leave(&group->guard, entry);
		return 0;
	}
	waiter_init(&w, task, &group->guard, rota__waiter_cut);
	return rota__wait_in(&group->guard, entry, &group->waiters, &w, deadline_ns);
}

int rota_wait_group_try_wait(struct rota_wait_group *group)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&group->guard);
	bool none = group->count == 0;

	guard_leave(&group->guard, entry);
	return none ? 0 : -EAGAIN;
}

int rota_wait_group_wait(struct rota_wait_group *group)
{
	return rota_wait_group_wait_until(group, ROTA_FOREVER);
}

int rota_wait_group_fini(struct rota_wait_group *group)
{
	return rota__fini_queue(&group->guard, &group->waiters);
}

/* ---- in a select ---- */

static int attempt(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return ((struct rota_wait_group *)b->object)->count == 0 ? 0 : -EAGAIN;
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_wait_group *)b->object)->waiters;
}

const struct rota__selectable rota__select_wait_group = { .attempt = attempt, .queue = queue };
