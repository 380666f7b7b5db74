/* completed.c - calls at the same time, told in the order in which they end
 *
 * A call that has ended goes straight to the task that waits for the next, or to the end of the list. */
#include <rota/select.h>

#include "os/mem.h"
#include "sync/waiter.h"

struct rota__completion {
	struct rota_as_completed *each;
	const struct rota_call *call;
	struct rota__completion *next;
	int result;
};

static void ended(struct rota__completion *c, int result)
{
	ROTA_INSIDE();
	struct rota_as_completed *each = c->each;
	enum rota__entry entry = guard_enter(&each->guard);
	struct rota__waiter *w = waiters_choose(&each->waiters);

	c->result = result;
	c->next = NULL;
	if (w != NULL) {
		*(struct rota__completion **)w->item = c;
		w->result = 0;
	} else if (each->first != NULL) {
		each->last = each->last->next = c;
	} else {
		each->first = each->last = c;
	}
	guard_leave(&each->guard, entry);
	if (w != NULL)
		waiter_wake(w);
}

static int run_call(void *arg)
{
	struct rota__completion *c = arg;

	ended(c, c->call->fn(c->call->arg));
	return 0; /* an error is told by next() */
}

int rota_as_completed_open_at(
	struct rota_as_completed *each, const struct rota_call *calls, size_t count, const char *site)
{
	ROTA_INSIDE();

	*each = (struct rota_as_completed){ .count = count };
	if (rota__current() == NULL)
		return -EPERM;
	if (count > INT32_MAX)
		return -EINVAL;
	each->members = rota__alloc((count > 0 ? count : 1) * sizeof *each->members);
	if (each->members == NULL)
		return -ENOMEM;
	rota_scope_open_with(&each->scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	for (size_t i = 0; i < count; i++) {
		struct rota__completion *c = &each->members[i];
		int rc;

		*c = (struct rota__completion){ .each = each, .call = &calls[i] };
		rc = rota_spawn_at(&each->scope, run_call, c, "as_completed", site);
		if (rc < 0)
			ended(c, rc);
	}
	return 0;
}

static int told(struct rota_as_completed *each, const struct rota__completion *c, int *ret_result)
{
	if (ret_result != NULL)
		*ret_result = c->result;
	return (int)(c - each->members);
}

int rota_as_completed_next_until(struct rota_as_completed *each, int *ret_result, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__completion *c;
	struct rota__waiter w;
	enum rota__entry entry;
	int rc;

	if (task == NULL || each->members == NULL)
		return -EPERM;
	if (each->told == each->count)
		return ROTA_EOF;
	entry = guard_enter(&each->guard);
	c = each->first;
	if (c != NULL) {
		each->first = c->next;
		guard_leave(&each->guard, entry);
	} else {
		waiter_init(&w, task, &each->guard, rota__waiter_cut);
		w.item = &c;
		rc = rota__wait_in(&each->guard, entry, &each->waiters, &w, deadline_ns);
		if (rc < 0)
			return rc;
	}
	each->told++;
	return told(each, c, ret_result);
}

int rota_as_completed_next(struct rota_as_completed *each, int *ret_result)
{
	return rota_as_completed_next_until(each, ret_result, ROTA_FOREVER);
}

void rota_as_completed_close(struct rota_as_completed *each)
{
	ROTA_INSIDE();

	if (each->members == NULL)
		return;
	rota_scope_cancel(&each->scope);
	rota_scope_join(&each->scope);
	rota__free(each->members);
	each->members = NULL;
}
