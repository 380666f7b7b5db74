/* spawn.c - tasks begin and end; handles and joining */
#include <stdio.h>
#include <stdlib.h>

#include "task/task.h"
#include "trace/trace.h"

static void add_to(struct rota_scope *scope, struct rota_task *task)
{
	task->home = scope;
	task->cancel = scope->cancel;
	task->prev = scope->last;
	task->next = NULL;
	if (scope->last != NULL)
		scope->last->next = task;
	else
		scope->first = task;
	scope->last = task;
	scope->live++;
}

static inline int spawn(struct rota_task **ret_task, struct rota_scope *scope, rota_fn fn, void *arg,
	const char *name, const char *site, size_t stack_bytes)
{
	struct rota__worker *worker = rota__worker_here;
	struct rota_task *task;

	if (worker == NULL)
		return -EPERM;
	if (scope->cancel != 0)
		return scope->cancel;
	task = rota__record_new(worker);
	if (task == NULL)
		return -ENOMEM;
	task->fn = fn;
	task->arg = arg;
	task->site = site;
	task->name = __builtin_expect(rota__trace_on, 0) ? rota__trace_text(name) : name;
	task->stack_class = stack_bytes == 0 ? worker->default_class : rota__stack_class(stack_bytes);
	if (worker->current != NULL && worker->current->locals != NULL)
		task->locals = rota__locals_inherit(worker->current);
	add_to(scope, task);
	rota__trace(ROTA__EV_TASK_SPAWN, task->id, task->name);
	rota__make_ready(worker, task);
	*ret_task = task;
	return 0;
}

int rota_spawn_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site)
{
	struct rota_task *task;
	int rc = spawn(&task, scope, fn, arg, name, site, 0);

	if (rc < 0)
		rota__scope_note_error(scope, rc);
	return rc;
}

int rota_spawn_task_at(struct rota_task **ret_task, struct rota_scope *scope, rota_fn fn, void *arg,
	const struct rota_task_options *options, const char *name, const char *site)
{
	struct rota_task *task = NULL; /* gcc does not see that spawn() sets it */
	int rc = spawn(&task, scope, fn, arg, options && options->name ? options->name : name,
		options && options->site ? options->site : site, options ? options->stack_bytes : 0);

	if (rc < 0) {
		rota__scope_note_error(scope, rc);
		return rc;
	}
	task->flags |= TASK_KEPT;
	*ret_task = task;
	return 0;
}

/* ---- the end ---- */

struct joiner {
	struct rota__wait wait;
	struct rota_task *target;
	struct joiner *prev, *next; /* in target->joiners */
	bool ended;
	int reason;
};

static struct joiner *first_joiner(const struct rota_task *task)
{
	return task->joiners ? container_of(task->joiners, struct joiner, wait) : NULL;
}

static void joiner_remove(struct joiner *j)
{
	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		j->target->joiners = j->next ? &j->next->wait : NULL;
	if (j->next != NULL)
		j->next->prev = j->prev;
}

static void join_cancelled(struct rota__wait *wait, int reason)
{
	struct joiner *j = container_of(wait, struct joiner, wait);

	joiner_remove(j);
	j->reason = reason;
	rota__wake(wait->task);
}

void rota__task_ended(struct rota__worker *worker, struct rota_task *task, int result)
{
	struct joiner *j;

	if (task->innermost != NULL) {
		fprintf(stderr, "rota: task \"%s\" (spawned at %s) ended with an open scope\n",
			rota_task_name(task), task->site);
		abort();
	}
	rota__trace(ROTA__EV_TASK_END, task->id, task->name);
	task->result = result;
	task->state = TASK_ENDED;
	task->stack = NULL;
	task->sp = NULL;
	worker->ended++;
	if (task->locals != NULL)
		rota__locals_drop(task->locals);
	while ((j = first_joiner(task)) != NULL) {
		joiner_remove(j);
		j->ended = true;
		rota__wake(j->wait.task);
	}
	rota__scope_task_ended(worker, task->home, task);
}

int rota_join(struct rota_task *task, int *ret_result)
{
	struct rota_task *self = rota__current();
	struct joiner j = { .wait = { .task = self, .cancel = join_cancelled }, .target = task };

	if (self == NULL)
		return -EPERM;
	if (task == self)
		return -EDEADLK;
	if (task->state != TASK_ENDED) {
		int reason = rota__task_cancelled(self);

		if (reason != 0)
			return reason;
		j.next = first_joiner(task);
		if (j.next != NULL)
			j.next->prev = &j;
		task->joiners = &j.wait;
		rota__park(&j.wait);
		if (!j.ended)
			return j.reason;
	}
	if (ret_result != NULL)
		*ret_result = task->result;
	return 0;
}

/* ---- about a task ---- */

struct rota_task *rota_self(void)
{
	return rota__current();
}

const char *rota_task_name(const struct rota_task *task)
{
	return task != NULL && task->name != NULL ? task->name : "?";
}

void rota_task_set_name(struct rota_task *task, const char *name)
{
	task->name = __builtin_expect(rota__trace_on, 0) ? rota__trace_text(name) : name;
}

uint64_t rota_task_id(const struct rota_task *task)
{
	return task->id;
}

size_t rota_task_stack_used(const struct rota_task *task)
{
	return task->stack != NULL ? rota__stack_used(task->stack) : 0;
}
