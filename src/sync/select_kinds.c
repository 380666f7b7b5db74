/* select_kinds.c - all that can be a branch of a select, and among them the ends of tasks */
#include "sync/select.h"

const struct rota__selectable *const rota__selectables[ROTA__BRANCH_KINDS] = {
	[ROTA__ON_RECV] = &rota__select_recv,
	[ROTA__ON_SEND] = &rota__select_send,
	[ROTA__ON_ONESHOT] = &rota__select_oneshot,
	[ROTA__ON_BROADCAST] = &rota__select_broadcast,
	[ROTA__ON_WATCH] = &rota__select_watch,
	[ROTA__ON_GET] = &rota__select_get,
	[ROTA__ON_PUT] = &rota__select_put,
	[ROTA__ON_EVENT] = &rota__select_event,
	[ROTA__ON_NOTIFY] = &rota__select_notify,
	[ROTA__ON_ACQUIRE] = &rota__select_acquire,
	[ROTA__ON_LOCK] = &rota__select_lock,
	[ROTA__ON_READ_LOCK] = &rota__select_rwlock,
	[ROTA__ON_WRITE_LOCK] = &rota__select_rwlock,
	[ROTA__ON_WAIT_GROUP] = &rota__select_wait_group,
	[ROTA__ON_JOIN] = &rota__select_join,
	[ROTA__ON_TIME] = NULL,
	[ROTA__ON_FD] = &rota__select_fd,
	[ROTA__ON_READABLE] = &rota__select_stream,
	[ROTA__ON_WRITABLE] = &rota__select_stream,
};

/* ---- the end of a task ---- */

static int look(struct rota_branch *b)
{
	return rota_try_join(b->object, b->item);
}

/* In the lock of all joins. */
static bool task_ended(struct rota__joiner *joiner, int result)
{
	struct rota__arm *arm = container_of(joiner, struct rota__arm, joiner);

	if (!select_end(arm->select, arm, 0))
		return false;
	if (arm->branch->item != NULL)
		*(int *)arm->branch->item = result;
	return true;
}

static bool begin(struct rota__arm *arm)
{
	int result = 0, rc;

	arm->joiner.task = arm->select->wait.task;
	arm->joiner.joining = &arm->select->joining;
	arm->joiner.ended = task_ended;
	rc = rota__joiner_add(&arm->joiner, arm->branch->object, &result);
	if (rc < 0)
		return !select_end(arm->select, arm, rc);
	return rc == 0 || !task_ended(&arm->joiner, result);
}

static void quit(struct rota__arm *arm)
{
	rota__joiner_remove(&arm->joiner);
}

const struct rota__selectable rota__select_join = { .look = look, .begin = begin, .quit = quit };
