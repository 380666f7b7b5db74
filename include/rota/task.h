/* task.h - tasks, scopes, cancellation, deadlines
 *
 * A task is a function with a stack of its own.  It runs until it waits; then others run.  Every
 * task is owned by a scope, and a scope is not left before its tasks have ended:
 *
 *	struct rota_scope scope;
 *
 *	rota_scope_open(&scope);
 *	rota_spawn(&scope, fetch, &a);
 *	rota_spawn(&scope, fetch, &b);
 *	rc = rota_scope_join(&scope);      waits for both; the first error cancels the other and is returned
 *
 * Scopes nest, within a task and from a task to the tasks it spawns, so all of a program is one tree.
 *
 * Cancellation goes down the tree and stays on (it is level-triggered): from then on every call that
 * would wait, in every task below, answers -ECANCELED at once, or -ETIMEDOUT if a deadline was the
 * reason, until the task leaves the cancelled scope.  Clean-up that must wait does so in a shield.
 * A result that is there wins over a cancellation: what completed is never lost.
 *
 * Deadlines are absolute, a scope inherits its parent's, and the shortest wins.
 *
 * Scopes and tasks belong to the run they were made in, and end with it: what is called for those of another run that goes on
 * answers -EPERM, and a handle is of no use after its run.
 *
 * Unless a comment says otherwise: call from inside a task, on the thread that runs it.  From
 * anywhere else the calls that return int answer -EPERM. */
#ifndef ROTA_TASK_H
#define ROTA_TASK_H

#include <rota/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A task's body.  0 or a count is success, a negative code an error. */
typedef int (*rota_fn)(void *arg);

struct rota_task;

/* ---- scopes ---- */

enum {
	ROTA_SCOPE_COLLECT = 1, /* an error does not cancel the others; join still returns the first */
	ROTA_SCOPE_SHIELD = 2,	/* cancellation and deadlines from outside stop here */
	ROTA_SCOPE_ANY_THREAD = 4, /* rota_scope_cancel() works from every thread of the process */
};

enum { ROTA_SCOPE_ERRORS_KEPT = 6 }; /* fits the struct's padding; the count goes on */

struct rota_scope { /* yours to place on the stack, not to move; the fields are private */
	struct rota_scope *outer, *inner;
	struct rota_task *owner;
	struct rota_task *first, *last;
	uint64_t deadline_ns;
	uint64_t timer[9];
	struct rota_scope *work;
	uint32_t live, errors;
	int32_t cancel, error[ROTA_SCOPE_ERRORS_KEPT];
	uint32_t flags;
	void *joiner;
	void *loop, *ask[2];
	uint32_t pins;
	uint8_t lock, asked;
};

struct rota_scope_options {
	uint64_t deadline_ns; /* 0 or ROTA_FOREVER: only the inherited one */
	uint32_t flags;	      /* ROTA_SCOPE_* */
};

/* Begin a scope in this task; it must be joined before the function returns: a task that ends with a scope open is a mistake
 * that ends the program, by abort(3), with the task's name.  Cannot fail in a task; outside of one it aborts as well. */
ROTA_API void rota_scope_open(struct rota_scope *scope);
ROTA_API void rota_scope_open_with(struct rota_scope *scope, const struct rota_scope_options *options);

/* End it: wait for all tasks in it (this wait is not cut short: the tasks are what is cancelled).
 * Scopes are joined in the reverse order of opening, by the task that opened them.
 *   0            all went well, or it was ended by rota_scope_cancel() and nothing else went wrong
 *   -ETIMEDOUT   its deadline, or an inherited one, passed first
 *   -ECANCELED   an outer scope was cancelled
 *   -EPERM       it is not this task's; -EINVAL: it is not the innermost, or has been joined.  Nothing happened.
 *   other        the first error of a task in it (a failed rota_spawn() counts as one) */
ROTA_API int rota_scope_join(struct rota_scope *scope);

/* Cancel everything inside, for good.  0.  In any task or callback of its run, also in a task inside it.  -EINVAL: it has been joined.
 * With ROTA_SCOPE_ANY_THREAD also on any other thread of the process, before the join has returned: the scope's loop does it
 * soon, and the join waits until it has.  -EPERM on a thread that is in no run, or in another, for other scopes.  Does not wait. */
ROTA_API int rota_scope_cancel(struct rota_scope *scope);

/* How many tasks of it failed, and the first codes of them in `ret_codes` (up to `room`, at most
 * ROTA_SCOPE_ERRORS_KEPT).  While its tasks run, so far: in a task or callback of its run.  After the join in any thread. */
ROTA_API uint32_t rota_scope_errors(const struct rota_scope *scope, int *ret_codes, uint32_t room);

/* The scope that lives as long as rota_run(): spawn there what must outlive its maker.  What is
 * still in it when the program's first task ends is cancelled and waited for.  NULL on a thread that is in no run: to spawn there is
 * -EPERM then. */
ROTA_API struct rota_scope *rota_detached(void);

/* ---- tasks ---- */

/* Which of the ready tasks of a worker is next.  Urgent tasks come before all others, but for one other after 16 in a row; bulk tasks
 * when nothing else is ready, and one after 16 others, so that they get on.  While bulk tasks run, the loop looks at I/O and
 * timers every 50 us or after each of them, whichever is longer: an urgent task waits for at most the one that runs.  For few urgent tasks
 * and many bulk ones: where work is stolen these two classes go through queues that all workers share. */
enum rota_priority {
	ROTA_PRIORITY_INHERIT, /* from who spawns it; from callbacks: normal */
	ROTA_PRIORITY_URGENT,
	ROTA_PRIORITY_NORMAL,
	ROTA_PRIORITY_BULK,
};

/* Where a task begins.  Under group it stays there; under steal others may take it unless it is pinned. */
#define ROTA_WORKER_HERE 0u
#define ROTA_WORKER(number) ((number) + 1u) /* see rota_worker_number() */
#define ROTA_WORKER_NEXT 0xffffffffu /* each of those in service in turn, no bosses */

enum { ROTA_STACK_BYTES_MAX = 8 << 20 }; /* of one task */

struct rota_task_options {
	const char *name;	/* kept, not copied: must live as long as the task; NULL: the function */
	const char *site;	/* where it was spawned; the macros fill it in */
	/* 0: the run's default.  Rounded up to a power of two from 16 KiB on; -EINVAL: more than ROTA_STACK_BYTES_MAX.  With a size of
	 * its own the task ends with -ENOMEM, unrun, if no such stack can be had; with the default it waits for one. */
	size_t stack_bytes;
	bool pinned; /* it stays on the worker where it begins, and so on one thread */
	bool now;    /* see rota_spawn_now() */
	enum rota_priority priority;
	unsigned worker; /* ROTA_WORKER...; -EINVAL: there is none of that number in service, or it is another one and `now` is set */
};

/* Make fn(arg) a task of `scope`.  It is ready, and the caller goes on.  Its name is the name of the
 * function.  On failure (-ENOMEM; -ECANCELED or -ETIMEDOUT: the scope is being cancelled) nothing
 * was made, and the scope counts it as a task that ended with this code: join tells.  What is no scope to spawn into is left
 * alone: -EINVAL: it has been joined, or is NULL; -EPERM: it is of another run, or this thread is in none.  In a task or
 * callback of the scope's run. */
#define rota_spawn(scope, fn, arg) rota_spawn_at((scope), (fn), (arg), #fn, ROTA_HERE)
ROTA_API int rota_spawn_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site);

/* The same, but the task runs at once, up to its first wait or its end, and then the caller goes on: what it does without waiting
 * is done when this returns.  Under steal the caller may go on earlier, on another worker that has nothing to do, unless
 * it is pinned.  If there is no memory for a stack the task runs later.  -EPERM in a callback. */
#define rota_spawn_now(scope, fn, arg) rota_spawn_now_at((scope), (fn), (arg), #fn, ROTA_HERE)
ROTA_API int rota_spawn_now_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site);

/* The same as rota_spawn(), but the task stays on this worker, and so on one thread: it may share data without locks with
 * others that do. */
#define rota_spawn_pinned(scope, fn, arg) rota_spawn_pinned_at((scope), (fn), (arg), #fn, ROTA_HERE)
ROTA_API int rota_spawn_pinned_at(struct rota_scope *scope, rota_fn fn, void *arg, const char *name, const char *site);

/* The same as rota_spawn() with options and a handle.  The handle lives until the scope is joined, or until
 * rota_task_release().  `options` is borrowed and may be NULL. */
#define rota_spawn_task(ret_task, scope, fn, arg, ... /* options: a compound literal has commas */)               \
	rota_spawn_task_at((ret_task), (scope), (fn), (arg), (__VA_ARGS__), #fn, ROTA_HERE)
ROTA_API int rota_spawn_task_at(struct rota_task **ret_task, struct rota_scope *scope, rota_fn fn, void *arg,
	const struct rota_task_options *options, const char *name, const char *site);

/* The running task is of another class when it is next made ready; those it spawns inherit it.  0; -EINVAL; -EPERM: not in a task. */
ROTA_API int rota_set_priority(enum rota_priority priority);

/* Wait for the end of one task.  0 and *ret_result (may be NULL) on its end, however often it is
 * asked; -EDEADLK for oneself, for a task that waits for one's own end, in however many steps; -ECANCELED, -ETIMEDOUT: this wait was cut short, the task goes on. */
ROTA_API int rota_join(struct rota_task *task, int *ret_result);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_join_until(struct rota_task *task, int *ret_result, uint64_t deadline_ns);
/* Without waiting: 0, or -EAGAIN while it has not ended. */
ROTA_API int rota_try_join(struct rota_task *task, int *ret_result);

/* Cancel one task and all below it.  0.  In a task or callback of its run; -EPERM elsewhere. */
ROTA_API int rota_task_cancel(struct rota_task *task);

/* Give the handle up before the scope is joined; the task goes on.  0.  In a task or callback of its run; -EPERM elsewhere. */
ROTA_API int rota_task_release(struct rota_task *task);

/* The running task, or NULL outside of tasks. */
ROTA_API struct rota_task *rota_self(void);

/* Its name; never NULL.  set_name keeps the pointer.  Of another task while its handle is good; also while it runs, on whatever worker. */
ROTA_API const char *rota_task_name(const struct rota_task *task);
ROTA_API void rota_task_set_name(struct rota_task *task, const char *name);

/* Its number, for logs: unique in the process.  Of another task while its handle is good. */
ROTA_API uint64_t rota_task_id(const struct rota_task *task);

/* The deepest the stack it stands on was so far, in bytes: with what was used by those in whose place it began.  0 for a task that has
 * not run yet, that has ended, and, in a run with several workers, for all but the running one. */
ROTA_API size_t rota_task_stack_used(const struct rota_task *task);

/* 0, or the reason (-ECANCELED, -ETIMEDOUT) with which every wait would answer here and now. */
ROTA_API int rota_cancelled(void);

/* The nearest deadline over this line of the program; ROTA_FOREVER if there is none. */
ROTA_API uint64_t rota_current_deadline(void);

/* ---- waiting ---- */

/* Let the others that are ready run first.  0, or the reason of a cancellation. */
ROTA_API int rota_yield(void);

/* Wait `length_ns`, or until `deadline_ns`; never less.  0, -ECANCELED, -ETIMEDOUT. */
ROTA_API int rota_sleep(uint64_t length_ns);
ROTA_API int rota_sleep_until(uint64_t deadline_ns);

/* ---- combinations ----
 *
 * rota_timeout(), rota_shield() and rota_wait_for() take lengths, counted from the call, where all calls that wait take deadlines: they say how
 * long something may take.  For a deadline there are scopes (rota_scope_open_with()) and rota_join_until(). */

/* Run fn(arg) in this task with at most `length_ns` for everything in it.  fn's answer; if the time
 * is over its waits answer -ETIMEDOUT.  An answer that was ready wins over the deadline.  It must have joined what scopes it
 * opened: else the program ends, as where a task ends so; also under rota_shield(). */
ROTA_API int rota_timeout(uint64_t length_ns, rota_fn fn, void *arg);

/* Run fn(arg) in this task, shielded from cancellation, with `length_ns` of its own (ROTA_FOREVER:
 * no limit).  For clean-up that must wait. */
ROTA_API int rota_shield(uint64_t length_ns, rota_fn fn, void *arg);

/* asyncio's wait_for: wait for a task's end, but if that takes longer than `length_ns`, or this wait is cancelled, cancel the
 * task and wait until it has ended.  So it has ended in any case.  0 and *ret_result (may be NULL): of itself, also if it had
 * its result before it noticed; -ETIMEDOUT, -ECANCELED: because of the cancellation, and then its scope does not count that as an
 * error; -EDEADLK as rota_join(). */
ROTA_API int rota_wait_for(struct rota_task *task, int *ret_result, uint64_t length_ns);

enum rota_wait_when {
	ROTA_WAIT_FIRST, /* one of them has ended, well or not */
	ROTA_WAIT_ERROR, /* one has ended with an error, or all have ended */
	ROTA_WAIT_ALL,
};

/* asyncio's wait: wait until so many of the tasks have ended; the others go on.  How many have: which, and how, tells
 * rota_try_join().  With as many already, or of no tasks, at once.  -ECANCELED, -ETIMEDOUT: the wait was cut short by a scope's
 * cancellation; -EDEADLK: one of them is this task, or waits for it; -ENOMEM, for more than eight.  The array is borrowed.  Each
 * call looks at all of them: to see a great many end one by one, rota_as_completed_open() is made. */
ROTA_API int rota_wait(struct rota_task *const *tasks, size_t count, enum rota_wait_when when);
/* The same, not longer than until `deadline_ns`: then fewer may have ended, or none. */
ROTA_API int rota_wait_until(
	struct rota_task *const *tasks, size_t count, enum rota_wait_when when, uint64_t deadline_ns);

struct rota_call {
	rota_fn fn;
	void *arg;
};

/* Run all calls at the same time and wait for all.  The first error cancels the others and is
 * returned.  ret_results[i], if not NULL, is the result of calls[i]. */
#define rota_gather(calls, count, ret_results) rota_gather_at((calls), (count), (ret_results), ROTA_HERE)
ROTA_API int rota_gather_at(const struct rota_call *calls, size_t count, int *ret_results, const char *site);

/* The same, but an error of one does not cancel the others (asyncio's return_exceptions, JavaScript's allSettled): how many of them
 * answered with an error, and in ret_results[i] what each answered, or why it could not be spawned.  If the caller is cancelled they
 * are, and their answers say so.  -ENOMEM, -EPERM, -EINVAL (more than INT32_MAX): none was called. */
#define rota_gather_collect(calls, count, ret_results) rota_gather_collect_at((calls), (count), (ret_results), ROTA_HERE)
ROTA_API int rota_gather_collect_at(const struct rota_call *calls, size_t count, int *ret_results, const char *site);

/* Run all calls at the same time; the first that ends, well or not, is the winner: its index is
 * returned and its result stored.  The others are cancelled and waited for.  -EINVAL for none. */
#define rota_race(calls, count, ret_result) rota_race_at((calls), (count), (ret_result), ROTA_HERE)
ROTA_API int rota_race_at(const struct rota_call *calls, size_t count, int *ret_result, const char *site);

/* ---- task-locals ---- */

/* A key: one static object each.  A value set in a task is seen by it and by tasks it spawns later,
 * not by its parent.
 *
 * `destroy` is called once when nobody can see the value any more, in the task that saw it last: before that has ended, after its
 * function has returned, or in rota_local_set() where a value takes its place.  It may do what the task may: wait (in a
 * rota_shield(), for the task may be cancelled), close streams, spawn, set locals, which are destroyed in turn; scopes it opens
 * it joins. */
struct rota_local {
	const char *name;
	void (*destroy)(void *value); /* see above; may be NULL */
	bool private_to_task;	      /* do not hand it to spawned tasks */
};

/* Of the running task.  0; -ENOMEM: unchanged; -EPERM: not in a task, and `value` is still the caller's. */
ROTA_API int rota_local_set(const struct rota_local *key, void *value);
/* The value, or NULL where none is set, and outside of tasks. */
ROTA_API void *rota_local_get(const struct rota_local *key);

#ifdef __cplusplus
}
#endif
#endif
