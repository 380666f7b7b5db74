/* scope.c - the tree that owns tasks: opening, joining, errors, and cancellation going down
 *
 * A task's open scopes are a chain (outer .. inner); the outermost hangs below the scope the task was
 * spawned in (task->home).  So the tree alternates:  scope -> its tasks -> their outermost scopes.
 *
 * Cancellation is a value that is copied downwards when it happens, so that a wait looks at one field:
 *   scope->cancel   what reaches the code of its owner directly inside it, and tasks spawned in it
 *   task->cancel    what reaches the task outside of any scope it opened itself
 * A shield keeps what comes from outside from being copied into it. */
#include <assert.h>

#include "task/rescue.h"
#include "task/task.h"
#include "task/team.h"
#include "trace/trace.h"

_Static_assert(sizeof(struct rota__timer) <= sizeof(((struct rota_scope *)0)->timer),
	"struct rota_scope has room for its timer");

static struct rota__timer *timer_of(struct rota_scope *scope)
{
	return (struct rota__timer *)scope->timer;
}

const char rota__tasks_of_a_scope[] = "the tasks of a scope";

/* ---- cancellation ---- */

void rota__task_interrupt(struct rota_task *task, int reason)
{
	struct rota__wait *wait = task->wait;
	void (*cancel)(struct rota__wait *, int);

	if (wait == NULL || (!rota__in_team() && task->state != TASK_WAITING))
		return;
	if (wait->loop != NULL && wait->loop != rota__here()->loop) {
		rota__team_cancel_there(wait, reason);
		return;
	}
	cancel = wait->cancel;
	if (cancel == NULL)
		return;
	rota__trace(ROTA__EV_TASK_CANCEL, task->id, task->name);
	wait->cancel = NULL; /* at most once */
	cancel(wait, reason);
}

/* Scopes still to be visited, linked through scope->work: a list instead of recursion, because the
 * tree may be deeper than the stack of the task that cancels it.  A scope in the list is pinned: its join
 * waits for us. */
struct worklist {
	struct rota_scope *first;
	int reason;
};

/* What keeps the scope alive is the lock of its owner or of what is above, or the caller's own place in it. */
static void visit_later(struct worklist *list, struct rota_scope *scope)
{
	rota__lock(&scope->lock);
	if (!(scope->flags & ROTA_SCOPE_SHIELD) && scope->cancel == 0) {
		store_relaxed(&scope->cancel, list->reason);
		scope->pins++;
		scope->work = list->first;
		list->first = scope;
	}
	rota__unlock(&scope->lock);
}

static void visit_task(struct worklist *list, struct rota_task *task)
{
	rota__lock(&task->lock);
	if (task->cancel == 0 && load_relaxed(&task->state) != TASK_ENDED) {
		store_relaxed(&task->cancel, list->reason);
		if (task->innermost == NULL)
			rota__task_interrupt(task, list->reason);
		else
			visit_later(list, rota__outermost(task));
	}
	rota__unlock(&task->lock);
}

static void visit_owner(struct worklist *list, struct rota_scope *scope)
{
	rota__lock(&scope->owner->lock);
	if (scope->inner != NULL)
		visit_later(list, scope->inner);
	else
		rota__task_interrupt(scope->owner, list->reason);
	rota__unlock(&scope->owner->lock);
}

static void visit_all(struct worklist *list)
{
	struct rota_scope *scope;

	while ((scope = list->first) != NULL) {
		list->first = scope->work;
		if (scope->owner != NULL)
			visit_owner(list, scope);
		rota__lock(&scope->lock);
		for (struct rota_task *task = scope->first; task != NULL; task = task->next)
			visit_task(list, task);
		store_release(&scope->pins, scope->pins - 1); /* pairs with the acquire in wait_until_unvisited() */
		rota__unlock(&scope->lock);
	}
}

void rota__scope_cancel(struct rota_scope *scope, int reason, uint32_t why)
{
	struct worklist list = { .reason = reason };

	rota__lock(&scope->lock);
	scope->flags |= why;
	if (scope->cancel == 0) { /* else everything below knows already */
		store_relaxed(&scope->cancel, reason);
		scope->pins++;
		scope->work = NULL;
		list.first = scope;
	}
	rota__unlock(&scope->lock);
	visit_all(&list);
}

/* ---- by threads of no run, or of another ----
 *
 *	OPEN --a thread asks--> ASKED --the scope's loop has done it--> DONE
 *	  \--joined--> CLOSED     \--the join waits for that--> AWAITED --done, and wakes it--> DONE
 *
 * Scopes that not every thread may cancel are CLOSED from the start. */
enum { ASK_CLOSED, ASK_OPEN, ASK_ASKED, ASK_AWAITED, ASK_DONE };

_Static_assert(sizeof(struct rota_post) <= sizeof(((struct rota_scope *)0)->ask), "struct rota_scope has room for its post");

static void cancel_asked_for(struct rota_post *post)
{
	ROTA_INSIDE();
	struct rota_scope *scope = container_of((void *(*)[2])post, struct rota_scope, ask);
	struct rota_task *owner = scope->owner;

	rota__scope_cancel(scope, -ECANCELED, SCOPE_BY_CALL);
	/* Unless its join waits for us the scope may be gone now.  Pairs with stop_asking(). */
	if (swap_acq_rel(&scope->asked, ASK_DONE) == ASK_AWAITED)
		rota__wake(owner);
}

/* What is written here the loop reads when it runs the post. */
static int ask_to_cancel(struct rota_scope *scope)
{
	struct rota_post *post = (struct rota_post *)scope->ask;
	uint8_t open = ASK_OPEN;

	if (!cas_acq_rel(&scope->asked, &open, ASK_ASKED)) /* pairs with stop_asking() */
		return open == ASK_CLOSED ? -EPERM : 0;
	post->fn = cancel_asked_for;
	rota_post(scope->loop, post);
	return 0;
}

/* In the join: what was asked for is done before it returns, and no more will be. */
static void stop_asking(struct rota_scope *scope, struct rota_task *task)
{
	struct rota__wait wait = { .task = task, .what = "another thread's cancellation" };
	uint8_t state = ASK_OPEN;

	if (cas_acq_rel(&scope->asked, &state, ASK_CLOSED) || state != ASK_ASKED)
		return;
	if (cas_acq_rel(&scope->asked, &state, ASK_AWAITED)) /* pairs with cancel_asked_for() */
		rota__park(&wait);
}

/* ---- by the run's own ---- */

int rota__scope_refuses(const struct rota_scope *scope, const struct rota__worker *here)
{
	if (here == NULL)
		return -EPERM;
	if (scope == NULL || load_relaxed(&scope->cancel) == SCOPE_JOINED)
		return -EINVAL;
	if (scope->owner == NULL)
		return scope == here->root ? 0 : -EPERM;
	return load_relaxed(&scope->owner->worker)->run == here->run ? 0 : -EPERM;
}

int rota__task_refuses(const struct rota_task *task, const struct rota__worker *here)
{
	if (here == NULL)
		return -EPERM;
	return load_relaxed(&task->worker)->run == here->run ? 0 : -EPERM;
}

int rota_scope_cancel(struct rota_scope *scope)
{
	ROTA_INSIDE();
	int rc = rota__scope_refuses(scope, rota__here());

	if (rc == -EPERM)
		return ask_to_cancel(scope);
	if (rc == 0)
		rota__scope_cancel(scope, -ECANCELED, SCOPE_BY_CALL);
	return rc;
}

int rota_task_cancel(struct rota_task *task)
{
	ROTA_INSIDE();
	struct worklist list = { .reason = -ECANCELED };
	int rc = rota__task_refuses(task, rota__here());

	if (rc < 0)
		return rc;
	visit_task(&list, task);
	visit_all(&list);
	return 0;
}

static void deadline_passed(struct rota__timer *timer)
{
	struct rota_scope *scope = container_of((uint64_t (*)[9])timer, struct rota_scope, timer);

	rota__scope_cancel(scope, -ETIMEDOUT, SCOPE_BY_TIME);
}

static int cancelled_here(void)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	return task == NULL ? -EPERM : rota__task_cancelled(task);
}

/* A stray need not come back for that, and had better not: it asks because it computes for long. */
int rota_cancelled(void)
{
	if (__builtin_expect(rota__is_lost(), 0))
		return rota__task_cancelled(rota__driver_stray());
	return cancelled_here();
}

static uint64_t deadline_of(const struct rota_task *task)
{
	return task->innermost ? task->innermost->deadline_ns : task->home->deadline_ns;
}

uint64_t rota_current_deadline(void)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	return task != NULL ? deadline_of(task) : ROTA_FOREVER;
}

/* ---- open and join ---- */

/* The timer is the loop's: until the join its owner stays there. */
static void start_deadline(struct rota_scope *scope)
{
	timer_of(scope)->fn = deadline_passed;
	rota__pin_to_worker(scope->owner);
	if (scope->deadline_ns <= rota_now_ns())
		rota__scope_cancel(scope, -ETIMEDOUT, SCOPE_BY_TIME);
	else
		timers_arm(&scope->owner->worker->loop->timers, timer_of(scope), scope->deadline_ns);
}

static void stop_deadline(struct rota_scope *scope, struct rota_task *task)
{
	if (!(scope->flags & SCOPE_PINS))
		return;
	timers_cancel(&task->worker->loop->timers, timer_of(scope));
	rota__unpin_from_worker(task);
}

/* Not any more, when the program must end. */
static bool shields(const struct rota_scope *scope, const struct rota__worker *worker)
{
	return (scope->flags & ROTA_SCOPE_SHIELD) &&
		!load_relaxed(worker->team != NULL ? &worker->team->no_shields : &worker->no_shields);
}

static inline __attribute__((always_inline)) void scope_init(
	struct rota_scope *scope, struct rota_task *owner, const struct rota_scope_options *options)
{
	const struct rota__team *team;
	uint64_t own = options && options->deadline_ns ? options->deadline_ns : ROTA_FOREVER;
	bool timed;

	/* Field by field: clearing all of it at once costs more than the rest of a scope's life. */
	scope->outer = scope->inner = NULL;
	scope->owner = owner;
	scope->first = scope->last = NULL;
	scope->deadline_ns = ROTA_FOREVER;
	timer_of(scope)->back = NULL; /* not armed */
	scope->live = scope->errors = 0;
	scope->cancel = 0;
	scope->flags = options ? options->flags & (ROTA_SCOPE_COLLECT | ROTA_SCOPE_SHIELD | ROTA_SCOPE_ANY_THREAD) : 0;
	scope->joiner = NULL;
	scope->pins = 0;
	scope->lock = 0;
	scope->asked = ASK_CLOSED;
	if (owner == NULL)
		return;
	if (options != NULL && (options->flags & ROTA_SCOPE_ANY_THREAD)) {
		scope->loop = owner->worker->loop;
		scope->asked = ASK_OPEN;
	}
	team = owner->worker->team;
	rota__lock_in(team, &owner->lock);
	if (!shields(scope, owner->worker)) {
		scope->deadline_ns = deadline_of(owner);
		scope->cancel = rota__task_cancelled(owner);
	}
	timed = own < scope->deadline_ns;
	if (timed) {
		scope->deadline_ns = own;
		scope->flags |= SCOPE_PINS;
	}
	scope->outer = owner->innermost;
	if (scope->outer != NULL)
		scope->outer->inner = scope;
	store_relaxed(&owner->innermost, scope); /* from now on a cancellation may come */
	rota__unlock_in(team, &owner->lock);
	if (timed)
		start_deadline(scope);
}

void rota__scope_init(
	struct rota_scope *scope, struct rota_task *owner, const struct rota_scope_options *options)
{
	scope_init(scope, owner, options);
}

void rota_scope_open(struct rota_scope *scope)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	if (task == NULL)
		rota__die("rota_scope_open() outside of a task", NULL);
	scope_init(scope, task, NULL); /* in place: what options would do is left out */
}

void rota_scope_open_with(struct rota_scope *scope, const struct rota_scope_options *options)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	if (task == NULL)
		rota__die("rota_scope_open_with() outside of a task", NULL);
	scope_init(scope, task, options);
}

/* A join has no reason of its own to end early: it ends when the tasks have, and those are cut
 * short by the cancellation.  It takes no more tasks then.  Answers why it was cancelled, or 0, and its flags: another thread's
 * cancellation may still be at them. */
static inline int wait_until_empty(
	struct rota_scope *scope, struct rota_task *task, const struct rota__team *team, uint32_t *ret_flags)
{
	struct rota__wait wait;
	struct rota_task *next;
	bool in_place = true;
	int reason;

	/* The rest is for cancellations, which this wait does not know. */
	wait.task = task;
	wait.cancel = NULL;
	wait.loop = NULL;
	wait.what = rota__tasks_of_a_scope;
	wait.fd = 0;
	for (;;) {
		next = in_place ? rota__take_in_place(task, scope) : NULL;
		if (next != NULL)
			in_place = rota__run_in_place(task, scope, next); /* if so with the lock */
		if (next == NULL || !in_place)
			rota__lock_in(team, &scope->lock);
		if (scope->live == 0)
			break;
		if (next == NULL)
			scope->joiner = &wait;
		rota__unlock_in(team, &scope->lock);
		if (next == NULL)
			rota__park(&wait);
	}
	reason = scope->cancel;
	*ret_flags = scope->flags;
	store_relaxed(&scope->cancel, SCOPE_JOINED);
	rota__unlock_in(team, &scope->lock);
	return reason;
}

/* Whoever cancels it from another thread may still be at it: giving its lock back is the last that it does there. */
static void wait_until_unvisited(const struct rota_scope *scope)
{
	unsigned looks = 0;

	/* Pairs with the releases in visit_all(), of the pin and then of the lock. */
	while (load_acquire(&scope->pins) > 0 || load_acquire(&scope->lock) != 0)
		rota__spin_pause(&looks);
}

static void free_kept(struct rota_scope *scope, struct rota__worker *worker)
{
	struct rota_task *task, *next;

	for (task = scope->first; task != NULL; task = next) {
		next = task->next;
		rota__record_free(worker, task);
	}
	scope->first = scope->last = NULL;
}

static int verdict(const struct rota_scope *scope, int reason)
{
	if (scope->errors > 0)
		return scope->error[0];
	if (!(scope->flags & SCOPE_CUT) || (scope->flags & SCOPE_BY_CALL))
		return 0;
	return reason;
}

int rota_scope_join(struct rota_scope *scope)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	const struct rota__team *team;
	uint32_t flags;
	int reason;

	if (task == NULL)
		return -EPERM;
	if (task->innermost != scope)
		return scope->owner != task ? -EPERM : -EINVAL;
	team = task->worker->team;
	reason = wait_until_empty(scope, task, team, &flags);
	if (__builtin_expect(flags & (SCOPE_PINS | ROTA_SCOPE_ANY_THREAD), 0)) {
		if (flags & ROTA_SCOPE_ANY_THREAD)
			stop_asking(scope, task);
		stop_deadline(scope, task);
	}
	rota__lock_in(team, &task->lock);
	store_relaxed(&task->innermost, scope->outer); /* a join looks at it */
	if (scope->outer != NULL)
		scope->outer->inner = NULL;
	rota__unlock_in(team, &task->lock);
	wait_until_unvisited(scope);
	free_kept(scope, task->worker);
	return verdict(scope, reason);
}

struct rota_scope *rota_detached(void)
{
	ROTA_INSIDE();

	return rota__here() ? rota__here()->root : NULL;
}

/* ---- the tasks in it ---- */

static void unlink_task(struct rota_scope *scope, struct rota_task *task)
{
	if (task->prev != NULL)
		task->prev->next = task->next;
	else
		scope->first = task->next;
	if (task->next != NULL)
		task->next->prev = task->prev;
	else
		store_relaxed(&scope->last, task->prev); /* a join looks at it */
}

void rota__scope_note_error(struct rota_scope *scope, int code)
{
	bool cancel = false;

	rota__lock(&scope->lock);
	/* What a cancelled task says is the echo of the cancellation, not news. */
	if (scope->cancel != 0 && (code == -ECANCELED || code == -ETIMEDOUT)) {
		scope->flags |= SCOPE_CUT;
	} else {
		if (scope->errors < ROTA_SCOPE_ERRORS_KEPT)
			scope->error[scope->errors] = code;
		scope->errors++;
		cancel = !(scope->flags & ROTA_SCOPE_COLLECT);
	}
	rota__unlock(&scope->lock);
	if (cancel)
		rota__scope_cancel(scope, -ECANCELED, SCOPE_BY_ERROR);
}

/* Of one that has not become a task: a callback calls the handler. */
void rota__tell_failed(struct rota__worker *worker, struct rota_failed failed)
{
	if (worker->on_detached_error == NULL)
		return;
	failed.worker = worker->number;
	worker->on_detached_error(&failed);
}

bool rota__scope_is_told_elsewhere(struct rota_scope *scope, const struct rota_task *task, int result)
{
	bool quiet;

	rota__lock(&scope->lock);
	quiet = task->flags & TASK_QUIET;
	rota__unlock(&scope->lock);
	return quiet && (result == -ECANCELED || result == -ETIMEDOUT);
}

/* One of its tasks has ended.  True: the record is not wanted any more.  With the lock. */
static inline bool count_end(struct rota_scope *scope, struct rota_task *task)
{
	bool kept = load_relaxed(&task->flags) & TASK_KEPT;

	store_relaxed(&task->state, TASK_ENDED);
	scope->live--;
	if (!kept)
		unlink_task(scope, task);
	return !kept;
}

static inline void note_result(struct rota_scope *scope, const struct rota_task *task)
{
	if (__builtin_expect(task->result < 0, 0) && !rota__scope_is_told_elsewhere(scope, task, task->result))
		rota__scope_note_error(scope, task->result);
}

/* The last one wakes the join, and then the scope may be gone. */
void rota__scope_task_ended(struct rota__worker *worker, struct rota_scope *scope, struct rota_task *task)
{
	const struct rota__team *team = worker->team;
	struct rota__wait *joiner = NULL;
	bool root = scope == worker->root, over, last;

	note_result(scope, task);
	rota__lock_in(team, &scope->lock);
	over = count_end(scope, task);
	last = scope->live == 0;
	if (last) {
		joiner = scope->joiner;
		scope->joiner = NULL;
	}
	rota__unlock_in(team, &scope->lock);
	if (over)
		rota__record_free(worker, task);
	if (joiner != NULL)
		rota__wake(joiner->task);
	else if (last && root && team != NULL)
		worker->team->on_empty(worker->team);
}

void rota__scope_task_ended_in_place(struct rota__worker *worker, struct rota_scope *scope, struct rota_task *task)
{
	note_result(scope, task);
	rota__lock_in(worker->team, &scope->lock);
	if (count_end(scope, task))
		rota__record_free(worker, task);
}

int rota_task_release(struct rota_task *task)
{
	ROTA_INSIDE();
	struct rota_scope *home = task->home;
	int rc = rota__task_refuses(task, rota__here());
	bool ended;

	if (rc < 0)
		return rc;
	rota__lock(&home->lock);
	store_relaxed(&task->flags, task->flags & (uint8_t)~TASK_KEPT); /* its end may look at them */
	ended = load_relaxed(&task->state) == TASK_ENDED; /* it may park at this moment, but it ends in the lock */
	if (ended)
		unlink_task(home, task);
	rota__unlock(&home->lock);
	if (ended)
		rota__record_free(rota__here(), task);
	return 0;
}

uint32_t rota_scope_errors(const struct rota_scope *scope, int *ret_codes, uint32_t room)
{
	ROTA_INSIDE();
	uint8_t *lock = &((struct rota_scope *)(uintptr_t)scope)->lock; /* all that changes, and back */
	uint32_t errors;

	rota__lock(lock);
	errors = scope->errors;
	for (uint32_t i = 0; i < errors && i < ROTA_SCOPE_ERRORS_KEPT && i < room; i++)
		ret_codes[i] = scope->error[i];
	rota__unlock(lock);
	return errors;
}
