/* in_place.c - a join runs the tasks it waits for itself, where it stands
 *
 * Who joins a scope goes on only when its tasks have ended.  If the next task to run here is one of them and has not begun, it
 * needs neither a stack of its own nor a switch: it runs on the stack of the task that waits, above its frames, as a
 * function that it calls.  It is a task all the same: it may wait, and go to another worker, and then the one beneath goes with it.
 *
 *	   parent              parent               parent
 *	+----------+        +----------+         +----------+
 *	| ... join |        | ... join |         | ... join |
 *	+----------+  --->  | child    |  --->   +----------+
 *	                    +----------+
 *	  READY (runs)        BENEATH              READY (runs)
 *
 * Where work is stolen the next one is what was spawned last and nobody has taken (ForkJoinTask.join() in Java does the
 * same): a tree of tasks is then built in depth, and what others steal are its large branches.  On one loop, and in a group, it
 * must be first in the queue: the order in which tasks begin does not change.
 *
 * The batch counts these runs too, so that the loop has its turn as ever. */
#include "task/team.h"
#include "trace/trace.h"

/* Room for the child where we are: what its stack has where it begins.  Of the default size a quarter may be used up by those
 * beneath (include/rota/run.h says so); a size that was asked for is given. */
static bool fits(const struct rota__worker *w, const struct rota_task *task, const struct rota_task *child)
{
	size_t left = (size_t)((const char *)__builtin_frame_address(0) - (const char *)task->stack->base);

	return left >= (child->stack_class == w->default_class ? w->place_bytes
							       : (size_t)STACK_BYTES_MIN << child->stack_class);
}

static bool is_next(const struct rota__worker *w, const struct rota_task *task, const struct rota_scope *scope,
	const struct rota_task *next)
{
	return next->home == scope && next->sp == NULL && fits(w, task, next);
}

static struct rota_task *take_alone(struct rota__worker *w, const struct rota_task *task, const struct rota_scope *scope)
{
	struct rota_task *next = w->ring[w->head & w->mask].task;

	return w->head != w->tail && is_next(w, task, scope, next) ? next : NULL;
}

/* Tasks that stay here: the queue is nobody else's. */
static struct rota_task *take_own(struct rota__worker *w, const struct rota_task *task, const struct rota_scope *scope)
{
	struct rota__node *node = w->own[NORMAL].head;
	struct rota_task *next = node != NULL ? container_of(node, struct rota_task, node) : NULL;

	return next != NULL && is_next(w, task, scope, next) ? rota__team_take_own(w) : NULL;
}

/* `last` may have been taken by others, and may even have ended; the slot goes before the ring. */
static bool take_back(struct rota__worker *w, struct rota_task *last)
{
	struct rota_task *slot = load_relaxed(&w->lifo);

	if (slot == NULL)
		return steal_take_back(&w->shared, last);
	return slot == last && swap_acq_rel(&w->lifo, NULL) != NULL; /* the watchdog empties it, too */
}

static struct rota_task *take_shared(struct rota__worker *w, const struct rota_scope *scope)
{
	struct rota_task *last = load_relaxed(&scope->last);

	return last != NULL && take_back(w, last) ? last : NULL;
}

struct rota_task *rota__take_in_place(struct rota_task *task, const struct rota_scope *scope)
{
	struct rota__worker *w = task->worker;
	struct rota_task *next;

	if (w->head == w->stop_at)
		return NULL;
	if (w->team == NULL)
		next = take_alone(w, task, scope);
	else if (task->pinned > 0) /* it may not go where the other one goes */
		next = NULL;
	else if (load_relaxed(&w->classed) || load_relaxed(&w->team->injected_count[URGENT]) > 0)
		next = NULL;
	else if (!w->shares)
		next = take_own(w, task, scope);
	else
		next = take_shared(w, scope);
	return next;
}

static void run_above(struct rota__worker *w, struct rota_task *task, struct rota_task *child)
{
	struct rota__stack *stack = task->stack;
	int result;

	store_relaxed(&w->head, w->head + 1); /* a run; of a lone worker, out of the ring, too.  The watchdog looks at it */
	rota__trace(ROTA__EV_TASK_STOP, task->id, task->name);
	store_relaxed(&task->state, TASK_BENEATH);
	store_relaxed(&child->worker, w); /* a survey looks at it */
	if (w->team != NULL && !w->team->steal)
		rota__pin(child); /* its connection does not go elsewhere: who is beneath would go, too */
	child->stack = stack;
	child->sp = stack->top; /* it is not fresh any more */
	stack->owner = child;
	rota__set_running(w, child);
	result = rota__call_out(w->team == NULL || !w->team->rescues, child->fn, child->arg);
	rota__check_not_forked(child);
	rota__task_ends(child, result);
	w = child->worker; /* it may have moved */
	rota__trace(ROTA__EV_TASK_STOP, child->id, child->name);
	rota__stack_check(stack);
	rota__task_ended_in_place(w, child, result);
	stack->owner = task;
	store_relaxed(&task->worker, w);
	store_relaxed(&task->state, TASK_READY);
	rota__set_running(w, task);
}

/* One that others could have taken is looked at only now that it is ours: it may have begun, waited and been woken, or be of another
 * scope in the record of one that has ended. */
bool rota__run_in_place(struct rota_task *task, const struct rota_scope *scope, struct rota_task *child)
{
	struct rota__worker *w = task->worker;

	if (w->shares && !is_next(w, task, scope, child)) {
		rota__team_queue(w, child);
		return false;
	}
	run_above(w, task, child);
	return true;
}
