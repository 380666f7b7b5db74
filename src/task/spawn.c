/* spawn.c - tasks begin and end; handles */
#include <stdio.h>
#include <stdlib.h>

#include "task/team.h"
#include "trace/trace.h"

/* 0, or the reason of a cancellation, or SCOPE_JOINED: then it is not in it. */
static inline int add_to(struct rota_scope *scope, struct rota_task *task, const struct rota__team *team)
{
	int reason;

	task->home = scope;
	task->cancel = 0;
	task->next = NULL;
	rota__lock_in(team, &scope->lock);
	reason = scope->cancel;
	if (reason == 0) {
		task->prev = scope->last;
		if (scope->last != NULL)
			scope->last->next = task;
		else
			scope->first = task;
		store_relaxed(&scope->last, task); /* a join looks at it */
		scope->live++;
	}
	rota__unlock_in(team, &scope->lock);
	return reason;
}

static const uint8_t priorities[] = {
	[ROTA_PRIORITY_URGENT] = URGENT,
	[ROTA_PRIORITY_NORMAL] = NORMAL,
	[ROTA_PRIORITY_BULK] = BULK,
};

static inline void take_options(struct rota_task *task, const struct rota_task_options *options)
{
	if (options->stack_bytes != 0)
		task->stack_class = rota__stack_class(options->stack_bytes);
	if (options->priority != ROTA_PRIORITY_INHERIT)
		task->priority = priorities[options->priority];
	store_relaxed(&task->pinned, options->pinned);
}

/* `on`: the worker that gets it, or NULL for this one.  `ret_task`: a handle is wanted, or NULL. */
static inline int spawn(struct rota_task **ret_task, struct rota__worker *on, struct rota_scope *scope, rota_fn fn,
	void *arg, const char *name, const char *site, const struct rota_task_options *options)
{
	struct rota__worker *worker = rota__here();
	struct rota_task *task;
	int reason;

	if (__builtin_expect(worker == NULL || scope == NULL || worker->current == NULL || scope->owner != worker->current, 0)) {
		reason = rota__scope_refuses(scope, worker);
		if (reason != 0)
			return reason;
	}
	task = rota__record_new(worker);
	if (task == NULL)
		return -ENOMEM;
	store_relaxed(&task->fn, fn); /* who rescues a worker looks at it */
	task->arg = arg;
	task->site = site;
	task->name = __builtin_expect(rota__trace_on, 0) ? rota__trace_text(name) : name;
	task->stack_class = worker->default_class;
	task->priority = worker->current != NULL ? worker->current->priority : NORMAL;
	if (options != NULL)
		take_options(task, options);
	if (ret_task != NULL)
		task->flags = TASK_KEPT;
	reason = add_to(scope, task, worker->team);
	if (reason != 0) {
		rota__record_free(worker, task);
		return reason;
	}
	if (worker->current != NULL && worker->current->locals != NULL)
		task->locals = rota__locals_inherit(worker->current);
	rota__trace(ROTA__EV_TASK_SPAWN, task->id, task->name);
	if (ret_task != NULL)
		*ret_task = task; /* it may be gone when it is ready */
	if (on != NULL && on != worker)
		rota__team_send(on, task);
	else if (options != NULL && options->now)
		rota__run_now(task);
	else if (worker->team != NULL)
		rota__team_queue(worker, task);
	else
		rota__make_ready(worker, task);
	return 0;
}

/* The scope's join tells, if it is a scope that we may touch. */
static __attribute__((noinline)) void note_failure(struct rota_scope *scope, int code)
{
	if (rota__scope_refuses(scope, rota__here()) == 0)
		rota__scope_note_error(scope, code);
}

int rota_spawn_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site)
{
	ROTA_INSIDE();
	int rc = spawn(NULL, NULL, scope, fn, arg, name, site, NULL);

	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

int rota__spawn_on(struct rota__worker *worker, struct rota_scope *scope, rota_fn fn, void *arg, const char *name,
	const char *site)
{
	ROTA_INSIDE();
	int rc = spawn(NULL, worker, scope, fn, arg, name, site, NULL);

	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

int rota__spawn_pinned_on(struct rota_task **ret_task, struct rota__worker *worker, struct rota_scope *scope, rota_fn fn,
	void *arg, const char *name, const char *site)
{
	ROTA_INSIDE();
	static const struct rota_task_options pinned = { .pinned = true };
	int rc = spawn(ret_task, worker, scope, fn, arg, name, site, &pinned);

	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

int rota_spawn_now_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site)
{
	ROTA_INSIDE();
	static const struct rota_task_options now = { .now = true };
	int rc = rota__current() == NULL ? -EPERM : spawn(NULL, NULL, scope, fn, arg, name, site, &now);

	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

int rota_spawn_pinned_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site)
{
	ROTA_INSIDE();
	static const struct rota_task_options pinned = { .pinned = true };
	int rc = spawn(NULL, NULL, scope, fn, arg, name, site, &pinned);

	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

/* The worker that the options ask for; NULL for this one.  0, or what is wrong with them. */
static int look_at(const struct rota_task_options *options, struct rota__worker **ret_worker)
{
	struct rota__worker *here = rota__here();
	unsigned number = options->worker - 1;

	*ret_worker = NULL;
	if (here == NULL || (options->now && here->current == NULL))
		return -EPERM;
	if ((unsigned)options->priority > ROTA_PRIORITY_BULK || options->stack_bytes > STACK_BYTES_MAX)
		return -EINVAL;
	if (options->worker == ROTA_WORKER_HERE || (options->worker == ROTA_WORKER_NEXT && here->team == NULL))
		return 0;
	if (options->worker == ROTA_WORKER_NEXT)
		*ret_worker = rota__team_next(here->team);
	else if (number >= (here->team != NULL ? rota__team_in_service(here->team) : 1))
		return -EINVAL;
	else if (here->team != NULL)
		*ret_worker = here->team->workers[number];
	return options->now && *ret_worker != NULL && *ret_worker != here ? -EINVAL : 0;
}

int rota_spawn_task_at(struct rota_task **ret_task, struct rota_scope *scope, rota_fn fn, void *arg,
	const struct rota_task_options *options, const char *name, const char *site)
{
	ROTA_INSIDE();
	static const struct rota_task_options defaults;
	struct rota__worker *on;
	int rc;

	if (options == NULL)
		options = &defaults;
	rc = look_at(options, &on);
	if (rc == 0)
		rc = spawn(ret_task, on, scope, fn, arg, options->name ? options->name : name,
			options->site ? options->site : site, options);
	if (rc < 0)
		note_failure(scope, rc);
	return rc;
}

int rota_set_priority(enum rota_priority priority)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	if (task == NULL)
		return -EPERM;
	if (priority == ROTA_PRIORITY_INHERIT || (unsigned)priority > ROTA_PRIORITY_BULK)
		return -EINVAL;
	task->priority = priorities[priority];
	return 0;
}

/* ---- the end ---- */

_Noreturn void rota__die(const char *what, const struct rota_task *task)
{
	if (task != NULL)
		fprintf(stderr, "rota: %s: task \"%s\" (spawned at %s)\n", what, rota_task_name(task),
			task->site != NULL ? task->site : "?");
	else
		fprintf(stderr, "rota: %s\n", what);
	abort();
}

/* What it has left behind nobody else could put right. */
static void check_left_behind(struct rota_task *task)
{
	if (task->innermost != NULL)
		rota__die("the task ended with an open scope", task);
	if (__builtin_expect(task->locks > 0, 0)) {
		if (task->locks != LOCKS_UNCOUNTED)
			rota__die("the task ended with a lock, a mutex or read-write lock that nobody else can unlock", task);
		task->locks = 0;
	}
}

struct last_words {
	struct rota_task *task;
	int result;
	void (*on_error)(const struct rota_failed *failed); /* NULL: nobody is told */
};

/* A destructor may set locals anew. */
static int last_words(void *arg)
{
	const struct last_words *last = arg;
	struct rota_task *task = last->task;
	struct rota__binding *locals;

	if (last->on_error != NULL)
		last->on_error(&(struct rota_failed){ .task_name = rota_task_name(task), .site = task->site,
			.task_id = task->id, .worker = rota_worker_number(), .code = last->result });
	while ((locals = task->locals) != NULL) {
		task->locals = NULL;
		rota__locals_drop(locals);
	}
	return 0;
}

__attribute__((noinline)) void rota__task_last_words(struct rota_task *task, int result)
{
	const struct rota__worker *w = task->worker;
	struct last_words last = { .task = task, .result = result };

	check_left_behind(task);
	if (result < 0 && task->home == w->root && !rota__scope_is_told_elsewhere(task->home, task, result))
		last.on_error = w->on_detached_error;
	rota__call_out(w->team == NULL || !w->team->rescues, last_words, &last);
}

static inline void ended(struct rota__worker *worker, struct rota_task *task, int result)
{
	check_left_behind(task);
	rota__trace(ROTA__EV_TASK_END, task->id, task->name);
	task->result = result;
	task->stack = NULL;
	task->sp = NULL;
	store_relaxed(&worker->ended, worker->ended + 1); /* statistics look at it */
	if (load_relaxed(&task->flags) & TASK_KEPT) /* who releases it now waits for nothing */
		rota__wake_joiners(task, result);
}

void rota__task_ended(struct rota__worker *worker, struct rota_task *task, int result)
{
	ended(worker, task, result);
	rota__scope_task_ended(worker, task->home, task);
}

void rota__task_ended_in_place(struct rota__worker *worker, struct rota_task *task, int result)
{
	ended(worker, task, result);
	rota__scope_task_ended_in_place(worker, task->home, task);
}

/* ---- about a task ---- */

struct rota_task *rota_self(void)
{
	ROTA_INSIDE();

	return rota__current();
}

const char *rota_task_name(const struct rota_task *task)
{
	const char *name = task != NULL ? load_relaxed(&task->name) : NULL;

	return name != NULL ? name : "?";
}

void rota_task_set_name(struct rota_task *task, const char *name)
{
	store_relaxed(&task->name, __builtin_expect(rota__trace_on, 0) ? rota__trace_text(name) : name); /* others may ask */
}

uint64_t rota_task_id(const struct rota_task *task)
{
	return task->id;
}

size_t rota_task_stack_used(const struct rota_task *task)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	if (here == NULL || (here->team != NULL && here->current != task))
		return 0; /* it may end while we look */
	return task->stack != NULL ? rota__stack_used(task->stack) : 0;
}
