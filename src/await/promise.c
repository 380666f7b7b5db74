/* promise.c - a task waits for a promise, and a task is one
 *
 * The waiter lies on the task's stack, in the promise's list, and is no microtask: where the promise settles the task becomes
 * ready, and runs when the loop next runs tasks. */
#include "loop/promise.h"

#include "await/await.h"
#include "os/mem.h"

struct waiter {
	struct rota__reaction reaction;
	struct rota__wait wait;
	int reason;
};

static void settled(void *arg)
{
	struct waiter *w = container_of((struct rota__reaction *)arg, struct waiter, reaction);

	w->wait.cancel = NULL;
	rota_promise_unref(w->reaction.source); /* the task's caller has one */
	rota__wake(w->wait.task);
}

static void cut_short(struct rota__wait *wait, int reason)
{
	struct waiter *w = container_of(wait, struct waiter, wait);

	list_remove(&w->reaction.link);
	w->reason = reason;
	rota__wake(wait->task);
}

/* On the promise's loop. */
static int wait_for(struct rota_task *task, struct rota_promise *promise)
{
	struct waiter w = {
		.reaction = { .run = settled },
		.wait = { .task = task, .cancel = cut_short, .loop = promise->loop, .what = "a promise" },
	};

	if (promise->state != ROTA_PENDING) {
		rota__promise_handled(promise);
		return 0;
	}
	w.reason = rota__task_cancelled(task);
	if (w.reason != 0)
		return w.reason;
	rota__promise_react(promise, &w.reaction);
	rota__park(&w.wait);
	return w.reason;
}

int rota_await(struct rota_promise *promise, void **ret_value)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	int rc;

	if (task == NULL)
		return -EPERM;
	if (promise == NULL)
		return -ENOMEM;
	rc = rota__pin_to(task, promise->loop);
	if (rc < 0)
		return rc;
	rc = wait_for(task, promise);
	if (rc == 0)
		rc = rota_promise_error(promise);
	if (rc == 0 && ret_value != NULL)
		*ret_value = rota_promise_value(promise);
	rota__unpin(task);
	return rc;
}

/* ---- a task as a promise ---- */

struct promised_task {
	struct rota_promise promise;
	rota_result_fn fn;
	void *arg;
};

/* It may have ended on another worker; a loop of the same run cannot refuse. */
static void settle(struct promised_task *a, struct rota_result result)
{
	ROTA_INSIDE();

	struct rota_task *task = rota__current();

	rota__pin_to(task, a->promise.loop);
	rota_promise_settle(&a->promise, result);
	rota_promise_unref(&a->promise);
	rota__unpin(task);
}

static int run(void *arg)
{
	struct promised_task *a = arg;

	settle(a, a->fn(a->arg));
	return 0;
}

struct rota_promise *rota_promise_task_at(
	struct rota_scope *scope, rota_result_fn fn, void *arg, const char *name, const char *site)
{
	ROTA_INSIDE();
	struct promised_task *a = rota__alloc(sizeof *a);
	int rc;

	if (a == NULL || rota__promise_init(&a->promise, rota__promise_loop(NULL, "rota_promise_task"), site) == NULL)
		return NULL;
	a->fn = fn;
	a->arg = arg;
	a->promise.name = name;
	rota_promise_ref(&a->promise); /* for run() */
	rc = rota_spawn_at(scope != NULL ? scope : rota_detached(), run, a, name, site);
	if (rc < 0) {
		rota_promise_settle(&a->promise, rota_result_error(rc));
		rota_promise_unref(&a->promise);
	}
	return &a->promise;
}
