/* once.c - the first to come does it, the others wait until it is done
 *
 * A waiter is woken for one of two reasons: it has been done, or it is its turn to try. */
#include "sync/waiter.h"

enum { DONE, YOUR_TURN };

/* fn has answered: all may go on, or the next one tries. */
static void finish(struct rota_once *once, bool done)
{
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&once->guard);
	struct rota__waiter *next = NULL;

	once->done = done;
	once->runner = 0;
	if (done) {
		wakes_add_all(&wakes, &once->waiters, DONE);
	} else if ((next = waiters_choose(&once->waiters)) != NULL) {
		once->runner = next->wait.task->id;
		next->result = YOUR_TURN;
		wakes_add(&wakes, next);
	}
	guard_leave(&once->guard, entry);
	wakes_run(&wakes);
}

/* DONE, YOUR_TURN, or why it cannot be waited for; -EBUSY, if it is not to be. */
static int come(struct rota_once *once, struct rota_task *task, uint64_t deadline_ns, bool wait)
{
	enum rota__entry entry = guard_enter(&once->guard);
	struct rota__waiter w;
	int rc = -EBUSY;

	if (once->done) {
		rc = DONE;
	} else if (once->runner == 0) {
		once->runner = task->id;
		rc = YOUR_TURN;
	} else if (once->runner == task->id) {
		rc = -EDEADLK;
	} else if (wait) {
		waiter_init(&w, task, &once->guard, rota__waiter_cut);
		return rota__wait_in(&once->guard, entry, &once->waiters, &w, deadline_ns);
	}
	guard_leave(&once->guard, entry);
	return rc;
}

/* `before` is what rota__enter() said. */
static int run(struct rota_once *once, int turn, bool before, rota_fn fn, void *arg)
{
	int rc;

	if (turn != YOUR_TURN)
		return turn;
	rc = rota__call_out(before, fn, arg);
	finish(once, rc >= 0);
	return rc < 0 ? rc : 0;
}

int rota_once_run_until(struct rota_once *once, rota_fn fn, void *arg, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();

	return task != NULL ? run(once, come(once, task, deadline_ns, true), rota__before, fn, arg) : -EPERM;
}

int rota_once_try_run(struct rota_once *once, rota_fn fn, void *arg)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	return task != NULL ? run(once, come(once, task, ROTA_NOW, false), rota__before, fn, arg) : -EPERM;
}

int rota_once_run(struct rota_once *once, rota_fn fn, void *arg)
{
	return rota_once_run_until(once, fn, arg, ROTA_FOREVER);
}

bool rota_once_done(struct rota_once *once)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&once->guard);
	bool done = once->done;

	guard_leave(&once->guard, entry);
	return done;
}
