/* oneshot.c - one value, once
 *
 *   EMPTY ---send---> FULL ---recv---> TAKEN
 *     +------------- close -----------> CLOSED
 */
#include <rota/channel.h>

#include "sync/select.h"

enum { EMPTY, FULL, TAKEN, CLOSED };

int rota_oneshot_send(struct rota_oneshot *oneshot, void *value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&oneshot->guard);
	struct rota__waiter *w = NULL;
	int rc = 0;

	if (oneshot->state == CLOSED) {
		rc = ROTA_ECLOSED;
	} else if (oneshot->state != EMPTY) {
		rc = -EALREADY;
	} else if ((w = waiters_choose(&oneshot->waiters)) != NULL) {
		struct rota__wakes others = { NULL, NULL };

		*(void **)w->item = value;
		w->result = 0;
		oneshot->state = TAKEN;
		wakes_add_all(&others, &oneshot->waiters, ROTA_ECLOSED); /* there is no second value */
		guard_leave(&oneshot->guard, entry);
		waiter_wake(w);
		wakes_run(&others);
		return 0;
	} else {
		oneshot->value = value;
		oneshot->state = FULL;
	}
	guard_leave(&oneshot->guard, entry);
	return rc;
}

static int take(struct rota_oneshot *oneshot, void **ret_value)
{
	if (oneshot->state == EMPTY)
		return -EAGAIN;
	if (oneshot->state != FULL)
		return ROTA_ECLOSED;
	*ret_value = oneshot->value;
	oneshot->state = TAKEN;
	return 0;
}

int rota_oneshot_try_recv(struct rota_oneshot *oneshot, void **ret_value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&oneshot->guard);
	int rc = take(oneshot, ret_value);

	guard_leave(&oneshot->guard, entry);
	return rc;
}

int rota_oneshot_recv_until(struct rota_oneshot *oneshot, void **ret_value, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	enum rota__entry entry;
	int rc;

	if (task == NULL)
		return -EPERM;
	entry = guard_enter(&oneshot->guard);
	rc = take(oneshot, ret_value);
	if (rc == -EAGAIN) {
		waiter_init(&w, task, &oneshot->guard, rota__waiter_cut);
		w.item = ret_value;
		return rota__wait_in(&oneshot->guard, entry, &oneshot->waiters, &w, deadline_ns);
	}
	guard_leave(&oneshot->guard, entry);
	return rc;
}

int rota_oneshot_recv(struct rota_oneshot *oneshot, void **ret_value)
{
	return rota_oneshot_recv_until(oneshot, ret_value, ROTA_FOREVER);
}

void rota_oneshot_close(struct rota_oneshot *oneshot)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&oneshot->guard);

	if (oneshot->state == EMPTY) {
		oneshot->state = CLOSED;
		wakes_add_all(&wakes, &oneshot->waiters, ROTA_ECLOSED);
	}
	guard_leave(&oneshot->guard, entry);
	wakes_run(&wakes);
}

/* ---- in a select ---- */

static int attempt(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return take(b->object, b->item);
}

static struct rota__waiters *queue(const struct rota_branch *b, struct rota__waiter *w)
{
	w->item = b->item;
	return &((struct rota_oneshot *)b->object)->waiters;
}

const struct rota__selectable rota__select_oneshot = { .attempt = attempt, .queue = queue };
