/* survey.c - a walk over all tasks below a scope (survey.h)
 *
 *	scope --first task--> its outermost scope --first task--> ...
 *	  ^                      | its last task is seen: the next inner scope of the same owner
 *	  +----next task---------+ and after the innermost: back to the owner, and on with his neighbour
 *
 * The way back stands in the tree itself, so the walk needs no memory, however deep that is. */
#include "task/survey.h"

#include "task/team.h"

struct walk {
	void (*scope)(void *arg, struct rota_scope *scope);
	void (*task)(void *arg, struct rota_task *task);
	void *arg;
};

static struct rota_task *enter_scope(const struct walk *walk, struct rota_scope *scope)
{
	rota__lock(&scope->lock);
	if (walk->scope != NULL)
		walk->scope(walk->arg, scope);
	return scope->first;
}

/* Its outermost scope, and then its lock is kept; NULL: it has none. */
static struct rota_scope *enter_task(const struct walk *walk, struct rota_task *task)
{
	struct rota_scope *below;

	rota__lock(&task->lock);
	if (load_relaxed(&task->state) != TASK_ENDED)
		walk->task(walk->arg, task);
	below = rota__outermost(task);
	if (below == NULL)
		rota__unlock(&task->lock);
	return below;
}

static void walk_all(const struct walk *walk, struct rota_scope *root)
{
	struct rota_scope *scope = root, *next;
	struct rota_task *task = enter_scope(walk, root);

	for (;;) {
		if (task != NULL) {
			next = enter_task(walk, task);
			if (next == NULL) {
				task = task->next;
				continue;
			}
		} else if (scope == root) {
			break;
		} else {
			struct rota_task *owner = scope->owner;

			next = scope->inner;
			rota__unlock(&scope->lock);
			if (next == NULL) {
				rota__unlock(&owner->lock);
				scope = owner->home;
				task = owner->next;
				continue;
			}
		}
		scope = next;
		task = enter_scope(walk, scope);
	}
	rota__unlock(&root->lock);
}

void rota__survey(struct rota_scope *root, void (*see)(void *arg, struct rota_task *task), void *arg)
{
	struct walk walk = { .task = see, .arg = arg };

	walk_all(&walk, root);
}

static void end_scope(void *unused, struct rota_scope *scope)
{
	(void)unused;
	if (scope->cancel == 0)
		store_relaxed(&scope->cancel, -ECANCELED);
}

static void end_task(void *unused, struct rota_task *task)
{
	(void)unused;
	if (task->cancel == 0)
		store_relaxed(&task->cancel, -ECANCELED);
	rota__task_interrupt(task, -ECANCELED);
}

/* Whoever opens a shield meanwhile either sees that there are none any more, or is seen by the walk: both happen with the lock of
 * its task. */
void rota__end_all(struct rota_scope *root)
{
	static const struct walk end = { .scope = end_scope, .task = end_task };
	struct rota__worker *here = rota__here();

	store_relaxed(here->team != NULL ? &here->team->no_shields : &here->no_shields, true);
	walk_all(&end, root);
}
