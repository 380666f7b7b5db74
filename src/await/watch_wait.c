/* watch_wait.c - a task waits for changes of files and folders
 *
 * The callback of a watch queues them, and a task takes them.  What comes when the queue is full, or there is no memory, is
 * lost, and that it was is told: memory is bounded, and nobody believes he has seen everything. */
#include <string.h>

#include <rota/watch.h>

#include "await/await.h"
#include "io/file_info.h"
#include "os/mem.h"

enum { KEPT_MAX = 1024 };

struct kept {
	struct kept *next;
	uint32_t kinds, pair;
	char name[];
};

struct rota_changes {
	struct rota_path_watch watch;
	struct rota_loop *loop;
	struct kept *first, **end, *told; /* told: the name that the last answer lent */
	unsigned count;
	bool overflow; /* some are lost since: to be told when those kept are taken */
	bool vanished, over; /* the last word: to be told; told */
	struct waiter *waiter;
};

/* On the stack of the task that waits. */
struct waiter {
	struct rota__wait wait;
	struct rota_changes *changes;
	int answer;
};

static void answer(struct rota_changes *c, int code)
{
	struct waiter *w = c->waiter;

	if (w == NULL)
		return;
	c->waiter = NULL;
	w->answer = code;
	w->wait.cancel = NULL;
	rota__wake(w->wait.task);
}

static void keep(struct rota_changes *c, const struct rota_change *change)
{
	size_t length = strlen(change->name) + 1;
	struct kept *k = rota__alloc(sizeof *k + length);

	if (k == NULL) {
		c->overflow = true;
		return;
	}
	*k = (struct kept){ .kinds = change->kinds, .pair = change->pair };
	memcpy(k->name, change->name, length);
	*c->end = k;
	c->end = &k->next;
	c->count++;
}

static void changed(struct rota_path_watch *watch, const struct rota_change *change)
{
	struct rota_changes *c = container_of(watch, struct rota_changes, watch);

	if (change->kinds & ROTA_CHANGE_VANISHED)
		c->vanished = true;
	else if (c->count >= KEPT_MAX || c->overflow)
		c->overflow = true;
	else
		keep(c, change);
	answer(c, 0);
}

int rota_changes_open(struct rota_changes **ret_changes, const char *path, unsigned flags)
{
	ROTA_INSIDE();
	struct rota_loop *loop = rota_loop_current();
	struct rota_changes *c;
	int rc;

	if (loop == NULL)
		return -EPERM;
	c = rota__alloc_zero(sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	c->end = &c->first;
	c->loop = loop;
	rc = rota_path_watch_start(loop, &c->watch, path, flags, changed);
	if (rc < 0) {
		rota__free(c);
		return rc;
	}
	rota_handle_unref(&c->watch.handle); /* it is the task that keeps the program going */
	*ret_changes = c;
	return 0;
}

static void free_changes(struct rota_handle *handle)
{
	struct rota_changes *c = container_of(handle, struct rota_changes, watch.handle);
	struct kept *k;

	while ((k = c->first) != NULL) {
		c->first = k->next;
		rota__free(k);
	}
	rota__free(c->told);
	rota__free(c);
}

void rota_changes_close(struct rota_changes *c)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	bool pinned;

	if (c == NULL)
		return;
	pinned = task != NULL && rota__pin_to(task, c->loop) == 0;
	answer(c, ROTA_ECLOSED);
	rota_handle_close(&c->watch.handle, free_changes);
	if (pinned)
		rota__unpin(task);
}

static bool anything(const struct rota_changes *c)
{
	return c->first != NULL || c->overflow || c->vanished;
}

/* Those kept, then that some were lost, then the last word. */
static int take(struct rota_changes *c, struct rota_change *ret_change)
{
	struct kept *k = c->first;

	rota__free(c->told);
	c->told = k;
	if (k != NULL) {
		c->first = k->next;
		if (c->first == NULL)
			c->end = &c->first;
		c->count--;
		*ret_change = (struct rota_change){ .kinds = k->kinds, .pair = k->pair, .name = k->name };
	} else if (c->overflow) {
		c->overflow = false;
		*ret_change = (struct rota_change){ .kinds = ROTA_CHANGE_OVERFLOW, .name = "" };
	} else if (!c->over) {
		c->over = true;
		*ret_change = (struct rota_change){ .kinds = ROTA_CHANGE_VANISHED, .name = "" };
	} else {
		return ROTA_ECLOSED;
	}
	return 0;
}

static void cut_short(struct rota__wait *wait, int reason)
{
	struct waiter *w = container_of(wait, struct waiter, wait);

	w->changes->waiter = NULL;
	w->answer = reason;
	rota__wake(wait->task);
}

static int next_here(struct rota_changes *c, struct rota_task *task, struct rota_change *ret_change)
{
	struct waiter w = { .wait = { .task = task, .cancel = cut_short, .loop = c->loop, .what = "changes of files" }, .changes = c };
	int reason = rota__task_cancelled(task);

	if (reason != 0)
		return reason;
	if (!anything(c)) {
		if (c->waiter != NULL)
			return -EBUSY;
		c->waiter = &w;
		rota__park(&w.wait);
		if (w.answer < 0)
			return w.answer; /* it may be gone */
	}
	return take(c, ret_change);
}

int rota_changes_next(struct rota_changes *c, struct rota_change *ret_change)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	int rc;

	if (task == NULL || rota__pin_to(task, c->loop) < 0)
		return -EPERM;
	rc = next_here(c, task, ret_change);
	rota__unpin(task);
	return rc;
}

int rota_file_wait_change(const char *path, uint64_t interval_ns, struct rota_file_info *info)
{
	ROTA_INSIDE();
	struct rota_file_info now;
	int rc;

	if (interval_ns == 0)
		return -EINVAL;
	while ((rc = rota_file_stat(path, &now)) == 0 && rota__file_info_same(info, &now)) {
		rc = rota_sleep(interval_ns);
		if (rc < 0)
			return rc;
	}
	if (rc == 0)
		*info = now;
	return rc;
}
