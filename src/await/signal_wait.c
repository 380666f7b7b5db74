/* signal_wait.c - a task waits for signals
 *
 * A set is freed by a post to its own loop: the dispatcher's last post may still be on the way when the
 * set is closed, and posts keep their order. */
#include <rota/signal.h>

#include "await/await.h"
#include "io/signal.h"
#include "os/mem.h"

struct rota_signals {
	struct rota__signal_watch watch;
	struct rota_post last; /* after all posts of the watch */
	uint64_t arrived;      /* bit signo - 1: told by the watch, not yet by us */
	struct waiter *waiter;
};

/* On the stack of the task that waits. */
struct waiter {
	struct rota__wait wait;
	struct rota_signals *set;
	int answer;
};

static int take(struct rota_signals *s)
{
	int signo = __builtin_ctzll(s->arrived) + 1;

	s->arrived &= s->arrived - 1;
	return signo;
}

static void answer(struct rota_signals *s, int code)
{
	struct waiter *w = s->waiter;

	s->waiter = NULL;
	w->answer = code;
	w->wait.cancel = NULL;
	rota__wake(w->wait.task);
}

static void signal_arrived(struct rota__signal_watch *watch, int signo)
{
	struct rota_signals *s = container_of(watch, struct rota_signals, watch);

	s->arrived |= UINT64_C(1) << (signo - 1);
	if (s->waiter != NULL)
		answer(s, take(s));
}

int rota_signals_open(struct rota_signals **ret_signals, const int *signals, size_t count)
{
	ROTA_INSIDE();
	struct rota_loop *loop = rota_loop_current();
	struct rota_signals *s;
	int rc;

	if (loop == NULL)
		return -EPERM;
	s = rota__alloc_zero(sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	rc = rota__signal_watch_start(&s->watch, loop, signal_arrived, signals, count);
	if (rc < 0) {
		rota__free(s);
		return rc;
	}
	*ret_signals = s;
	return 0;
}

static void free_set(struct rota_post *post)
{
	rota__free(container_of(post, struct rota_signals, last));
}

static void close_here(struct rota_signals *s)
{
	rota__signal_watch_stop(&s->watch);
	if (s->waiter != NULL)
		answer(s, ROTA_ECLOSED);
	s->last.fn = free_set;
	rota_post(s->watch.loop, &s->last);
}

void rota_signals_close(struct rota_signals *s)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	bool pinned;

	if (s == NULL)
		return;
	pinned = task != NULL && rota__pin_to(task, s->watch.loop) == 0;
	close_here(s);
	if (pinned)
		rota__unpin(task);
}

static void cut_short(struct rota__wait *wait, int reason)
{
	struct waiter *w = container_of(wait, struct waiter, wait);

	w->set->waiter = NULL;
	w->answer = reason;
	rota__wake(wait->task);
}

static int wait_here(struct rota_signals *s, struct rota_task *task)
{
	struct waiter w = {
		.wait = { .task = task, .cancel = cut_short, .loop = s->watch.loop, .what = "a signal" },
		.set = s,
	};
	int reason = rota__task_cancelled(task);

	if (reason != 0)
		return reason;
	if (s->arrived != 0)
		return take(s);
	if (s->waiter != NULL)
		return -EBUSY;
	s->waiter = &w;
	rota__park(&w.wait);
	return w.answer; /* the set may be gone */
}

int rota_signals_wait(struct rota_signals *s)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	int rc;

	if (task == NULL || rota__pin_to(task, s->watch.loop) < 0)
		return -EPERM;
	rc = wait_here(s, task);
	rota__unpin(task);
	return rc;
}
