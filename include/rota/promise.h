/* promise.h - promises as in JavaScript: a result that is there later, and what is done with it then
 *
 *	struct rota_promise *p = rota_promise_sleep(loop, ROTA_SECONDS(1));
 *
 *	p = rota_promise_then(p, ask, NULL, question);
 *	p = rota_promise_catch(p, explain, NULL);
 *	rota_promise_unref(p);
 *
 * A promise is pending, and then for good fulfilled with a value or rejected with a negative code (and a value, if that
 * says more).  Handlers are called as microtasks, never inside the call that adds them or settles the promise, in the
 * order of JavaScript to the last tick; tests/node compares.
 *
 * Who owns what.  Promises are counted.  A call that makes a promise answers one reference.  Calls that make one promise of
 * others take their references, as then() above: who wants to use a promise twice takes rota_promise_ref() first.  Other calls
 * borrow.  Giving the last reference away changes nothing about what happens: handlers are called all the same, and who
 * is to settle a promise keeps a reference of his own until then.  A pending promise that nobody can settle any more is
 * given back with all that waits for it; no handler is called then.  (Not so one that waits for itself by way of a combination,
 * as an all() of what follows it: those keep each other.)
 *
 * Values are pointers with a destructor, or without one.  The promise keeps its value and calls the destructor when it
 * is given back, however many handlers looked at it; promises that only pass it on share it.  A handler may keep the
 * value longer by a reference to the promise it is shown, or take it out: rota_promise_take().
 *
 * NULL is the promise for which there was no memory.  Every call takes it for one rejected with -ENOMEM, and what is made of
 * it is NULL again, so that it is enough to look at the end of a chain.  Once a promise is there, settling it and calling
 * its handlers needs no memory.
 *
 * A promise belongs to its loop, like all that is done with it: on another thread calls answer -EPERM, and those
 * that cannot, end the program; so under the steal model tasks that do more than wait for promises are to be pinned.  Other
 * threads settle it through a sender.  A promise does not keep the loop alive; what
 * it waits for does.  The loop may be freed before the last reference is gone, which is then given back by the same thread. */
#ifndef ROTA_PROMISE_H
#define ROTA_PROMISE_H

#include <rota/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_promise;
struct rota_scope;

enum rota_promise_state { ROTA_PENDING, ROTA_FULFILLED, ROTA_REJECTED };

/* What a promise becomes: what handlers answer, made with the functions below.  All zero: fulfilled with NULL. */
struct rota_result {
	int error; /* not 0: rejected with it, see rota_result_error() */
	void *value;
	void (*destroy)(void *value); /* NULL: nothing to give back */
	struct rota_promise *promise; /* not NULL: whatever that one becomes; its reference is taken */
	/* Not NULL: an object that calls itself a promise, JavaScript's thenable.  It is called once, as a microtask, with
	 * `value`, and settles `promise`, now or later, which it borrows.  A negative answer rejects, unless it has settled. */
	int (*then)(void *value, struct rota_promise *promise);
	bool pass; /* handlers only: what the promise was that they were called for */
};

/* Fulfilled with `value`, which is taken and ends in destroy(value). */
static inline struct rota_result rota_result_value(void *value, void (*destroy)(void *value))
{
	struct rota_result r = { 0, value, destroy, NULL, NULL, false };

	return r;
}

/* Rejected with a negative code; 0 fulfils with NULL.  A positive one is taken for an errno that lost its sign, here and in the
 * field: rejected with -code, so that no rejection ever reads as success. */
static inline struct rota_result rota_result_error(int code)
{
	struct rota_result r = { code, NULL, NULL, NULL, NULL, false };

	return r;
}

/* Rejected with a code and a value that says more, taken as above. */
static inline struct rota_result rota_result_error_value(int code, void *value, void (*destroy)(void *value))
{
	struct rota_result r = { code, value, destroy, NULL, NULL, false };

	return r;
}

/* Whatever `promise` becomes; takes it.  NULL: rejected with -ENOMEM. */
static inline struct rota_result rota_result_promise(struct rota_promise *promise)
{
	struct rota_result r = { promise != NULL ? 0 : -ENOMEM, NULL, NULL, promise, NULL, false };

	return r;
}

/* Whatever the thenable says: see struct rota_result. */
static inline struct rota_result rota_result_thenable(
	int (*then)(void *value, struct rota_promise *promise), void *value)
{
	struct rota_result r = { 0, value, NULL, NULL, then, false };

	return r;
}

/* In a handler: pass on what it was shown, value and all. */
static inline struct rota_result rota_result_pass(void)
{
	struct rota_result r = { 0, NULL, NULL, NULL, NULL, true };

	return r;
}

/* What a handler is shown: borrowed, until it returns. */
struct rota_settled {
	int error; /* 0: fulfilled */
	void *value;
	struct rota_promise *promise;
};

typedef struct rota_result (*rota_then_fn)(const struct rota_settled *it, void *arg);

/* ---- making and settling ---- */

/* A pending promise of `loop` (NULL: the one that this thread runs), for rota_promise_settle(). */
#define rota_promise_new(loop) rota_promise_new_at((loop), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_new_at(struct rota_loop *loop, const char *site);

/* One that is settled from the start, or follows `result.promise` or a thenable.  Takes the result. */
#define rota_promise_of(loop, result) rota_promise_of_at((loop), (result), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_of_at(struct rota_loop *loop, struct rota_result result, const char *site);

/* Decide what `promise` becomes.  Takes the result in every case.  -EALREADY: that was decided before, or it was made by
 * then() and the like, and the result is given back; -EPERM: another thread's.  A promise that is to follow itself is
 * rejected with -EDEADLK, and so is one that is to follow what waits for it, by any number of then(), finally() and promises that
 * follow each other: the last to close the ring, when it begins to wait, a microtask later.  One that is to follow another
 * loop's is rejected with -EPERM; the reference to that is then given back, on another thread by a post to its loop, which must
 * be there until then (and is lost where there is no memory for a post). */
ROTA_API int rota_promise_settle(struct rota_promise *promise, struct rota_result result);

/* Ask for the end of what the promise is of: those below and in rota/promised.h that say so, all requests among them.  It is then
 * rejected with -ECANCELED; or, if it was too late for that, becomes what it would have.  (To give back all references ends
 * nothing.)  0; -EALREADY: it has settled; -EOPNOTSUPP: it is of nothing that can be ended, as those made by
 * rota_promise_new() or then(); -EPERM: another thread's; -ENOMEM: NULL. */
ROTA_API int rota_promise_cancel(struct rota_promise *promise);

/* A way to settle a promise of this thread's loop from any thread, once.  It keeps the loop alive and holds a reference.
 * 0, -ENOMEM, -EPERM. */
struct rota_promise_sender;
ROTA_API int rota_promise_sender_new(struct rota_promise_sender **ret_sender, struct rota_promise *promise);

/* Settle the sender's promise on its loop, as rota_promise_settle().  Any thread; takes the result and the sender; never
 * fails.  result.promise, if any, is one of that loop.  The loop must be there until then. */
ROTA_API void rota_promise_send(struct rota_promise_sender *sender, struct rota_result result);

/* One more reference; its argument.  And one less. */
ROTA_API struct rota_promise *rota_promise_ref(struct rota_promise *promise);
ROTA_API void rota_promise_unref(struct rota_promise *promise);

/* ---- what then ---- */

/* A promise of what `fulfilled` or `rejected` will answer, one of which is called when `promise` has settled.  NULL instead of a
 * function: what came is passed on.  Takes `promise`; keeps `arg`. */
#define rota_promise_then(promise, fulfilled, rejected, arg) \
	rota_promise_then_at((promise), (fulfilled), (rejected), (arg), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_then_at(struct rota_promise *promise, rota_then_fn fulfilled,
	rota_then_fn rejected, void *arg, const char *site);

/* The same with a handler for rejections only. */
#define rota_promise_catch(promise, rejected, arg) rota_promise_then_at((promise), NULL, (rejected), (arg), ROTA_HERE)

/* The same with one function for both.  Its value is given back and what came is passed on, unless it answers an error, or
 * a promise that is rejected; that promise is waited for.  A thenable from it is -EINVAL. */
#define rota_promise_finally(promise, settled, arg) rota_promise_finally_at((promise), (settled), (arg), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_finally_at(
	struct rota_promise *promise, rota_then_fn settled, void *arg, const char *site);

/* ---- several ---- */

/* What the promises of a combination became, in their order; the value of all() and its brothers.  It lives with the promise
 * whose value it is, and the values in it too. */
struct rota_promise_list {
	size_t count;
	const struct rota_settled *of;
};

/* All fulfilled: a struct rota_promise_list; or the first rejection.  The array is borrowed, its references are taken,
 * and all are of `loop` (NULL: this thread's).  Of none: fulfilled. */
#define rota_promise_all(loop, promises, count) rota_promise_all_at((loop), (promises), (count), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_all_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site);

/* All settled, one way or the other: a struct rota_promise_list.  Never rejected. */
#define rota_promise_all_settled(loop, promises, count) \
	rota_promise_all_settled_at((loop), (promises), (count), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_all_settled_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site);

/* What the first that settles became, well or not.  Of none: pending for ever. */
#define rota_promise_race(loop, promises, count) rota_promise_race_at((loop), (promises), (count), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_race_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site);

/* The value of the first that is fulfilled.  If none is: rejected with the code of the first in the array, and a struct
 * rota_promise_list; of none, with -EINVAL. */
#define rota_promise_any(loop, promises, count) rota_promise_any_at((loop), (promises), (count), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_any_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site);

/* ---- looking ---- */

/* NULL is rejected with -ENOMEM. */
ROTA_API enum rota_promise_state rota_promise_state(const struct rota_promise *promise);

/* 0 unless it is rejected. */
ROTA_API int rota_promise_error(const struct rota_promise *promise);

/* NULL while it is pending.  It is the promise's. */
ROTA_API void *rota_promise_value(const struct rota_promise *promise);

/* The same, and now it is the caller's, who knows how to give it back; all that share it find NULL from now on. */
ROTA_API void *rota_promise_take(struct rota_promise *promise);

/* For reports: a name (kept, not copied) beside the place where it was made, which is "file.c:12".  The place is never NULL, the
 * name is until it is set. */
ROTA_API void rota_promise_set_name(struct rota_promise *promise, const char *name);
ROTA_API const char *rota_promise_name(const struct rota_promise *promise);
ROTA_API const char *rota_promise_site(const struct rota_promise *promise);

/* ---- rejections that nobody handles ---- */

typedef void (*rota_promise_fn)(struct rota_promise *promise, void *arg);

/* Call fn(promise, arg) for each rejected promise for which nobody has asked when the next ticks and microtasks that follow
 * the rejection have run.  fn NULL, as at the start: name it on stderr and exit(1).  0, -EPERM. */
ROTA_API int rota_on_unhandled_rejection(struct rota_loop *loop, rota_promise_fn fn, void *arg);

/* Call fn(promise, arg) when somebody asks for one that was reported so, after the microtasks of that time.  0, -EPERM. */
ROTA_API int rota_on_rejection_handled(struct rota_loop *loop, rota_promise_fn fn, void *arg);

/* ---- promises of other things ---- */

/* Fulfilled with NULL in the timers phase, not before `length_ns` from now.  Keeps the loop alive until then.  Can be cancelled. */
#define rota_promise_sleep(loop, length_ns) rota_promise_sleep_at((loop), (length_ns), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_sleep_at(struct rota_loop *loop, uint64_t length_ns, const char *site);

typedef struct rota_result (*rota_result_fn)(void *arg);

/* Run fn(arg) on the blocking pool; a promise of its answer.  In there result.promise, .then and .pass have no place: -EINVAL.
 * Keeps the loop alive.  Can be cancelled until a thread has begun with it. */
#define rota_promise_blocking(loop, fn, arg) rota_promise_blocking_at((loop), (fn), (arg), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_blocking_at(
	struct rota_loop *loop, rota_result_fn fn, void *arg, const char *site);

/* Run fn(arg) as a task of `scope` (NULL: rota_detached()), where it may call all that waits; a promise of its answer, of
 * the caller's loop.  From tasks; a scope that takes no more tasks rejects the promise with its reason.  For the scope the task
 * always ends well: errors reach the promise only. */
#define rota_promise_task(scope, fn, arg) rota_promise_task_at((scope), (fn), (arg), #fn, ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_task_at(
	struct rota_scope *scope, rota_result_fn fn, void *arg, const char *name, const char *site);

/* A task waits until `promise` has settled.  0 and *ret_value (may be NULL; it is the promise's), or the code of the
 * rejection, which counts as handled; -ECANCELED, -ETIMEDOUT: this wait was cut short, the promise goes on.  One that has settled
 * answers at once and wins over a cancellation.  Borrows the promise; moves the task to the promise's loop while it waits;
 * -EPERM: that loop is of another run. */
ROTA_API int rota_await(struct rota_promise *promise, void **ret_value);

#ifdef __cplusplus
}
#endif
#endif
