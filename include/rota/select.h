/* select.h - wait for whichever of several things comes first
 *
 *	struct rota_branch wait[] = {
 *		rota_on_recv(&jobs, &job),
 *		rota_on_event(&stop),
 *		rota_on_time(rota_deadline(ROTA_SECONDS(30))),
 *	};
 *
 *	switch (rota_select(wait, 3)) {
 *	case 0: do_job(&job); break;
 *	case 1: return 0;
 *	case 2: puts("nothing to do for 30 s"); break;
 *	default: return rota_cancelled();
 *	}
 *
 * A branch is a call that may have to wait: a receive, a lock, a join.  A select makes exactly one of them, one that need
 * not wait, and answers which; branches[i].result is what that call answered.  So a channel that is closed, or a mutex one has
 * already, is a branch that comes at once with ROTA_ECLOSED or -EDEADLK.
 *
 * The others have not happened: no value was received or sent, no permit taken, no place in a line kept.  Of several that are
 * possible at once each is chosen as often as the others, wherever it stands; who wants an order asks with
 * rota_try_select() first.  Two selects may meet, each being the other's partner.
 *
 * A branch on NULL (or on the descriptor -1) never comes: so one is switched off, for instance that of a channel which is closed.
 *
 * What tasks do that is no branch of its own (a read or a write that must be complete, a connect, an accept) is done by a task, and
 * rota_on_join() waits for that.  An accept is none because who finds a connection in the line is not yet who gets it.  The task stays when
 * another branch comes first, and what it has accepted is there the next time, so no connection is lost:
 *
 *	rota_spawn_task(&next, &scope, accept_one, &stream, NULL);
 *	switch (rota_select((struct rota_branch[]){ rota_on_join(next, &rc), rota_on_event(&stop) }, 2)) ...
 *
 * Or rota_race() runs several functions and cancels those that are late. */
#ifndef ROTA_SELECT_H
#define ROTA_SELECT_H

#include <rota/channel.h>
#include <rota/stream.h>
#include <rota/sync.h>
#include <rota/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In one select: while it looks at them all and takes its places it keeps all others from them. */
enum { ROTA_SELECT_MAX = 64 };

enum rota__branch_kind {
	ROTA__ON_RECV,
	ROTA__ON_SEND,
	ROTA__ON_ONESHOT,
	ROTA__ON_BROADCAST,
	ROTA__ON_WATCH,
	ROTA__ON_GET,
	ROTA__ON_PUT,
	ROTA__ON_EVENT,
	ROTA__ON_NOTIFY,
	ROTA__ON_ACQUIRE,
	ROTA__ON_LOCK,
	ROTA__ON_READ_LOCK,
	ROTA__ON_WRITE_LOCK,
	ROTA__ON_WAIT_GROUP,
	ROTA__ON_JOIN,
	ROTA__ON_TIME,
	ROTA__ON_FD,
	ROTA__ON_READABLE,
	ROTA__ON_WRITABLE,
	ROTA__BRANCH_KINDS
};

struct rota_branch {
	int result; /* of the branch that was chosen; the others keep theirs */
	/* Private: use the functions below. */
	enum rota__branch_kind kind;
	void *object, *item, *more;
	uint64_t want;
	int fd;
};

/* A branch, made by the functions below. */
static inline struct rota_branch rota__on(enum rota__branch_kind kind, void *object, void *item, void *more, uint64_t want)
{
	struct rota_branch b = { 0, kind, object, item, more, want, -1 };

	return b;
}

/* As rota_chan_recv(): *ret_value is written when the value moves, and not if this branch is not chosen. */
static inline struct rota_branch rota_on_recv(struct rota_chan *ch, void *ret_value)
{
	return rota__on(ROTA__ON_RECV, ch, ret_value, NULL, 0);
}

/* As rota_chan_send(); *value must stay as it is until the select is over. */
static inline struct rota_branch rota_on_send(struct rota_chan *ch, const void *value)
{
	return rota__on(ROTA__ON_SEND, ch, (void *)(uintptr_t)value, NULL, 0);
}

/* As rota_oneshot_recv(). */
static inline struct rota_branch rota_on_oneshot(struct rota_oneshot *oneshot, void **ret_value)
{
	return rota__on(ROTA__ON_ONESHOT, oneshot, (void *)ret_value, NULL, 0);
}

/* As rota_broadcast_recv(); `ret_missed` may be NULL. */
static inline struct rota_branch rota_on_broadcast(
	struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed)
{
	return rota__on(ROTA__ON_BROADCAST, receiver, ret_value, ret_missed, 0);
}

/* As rota_watch_next(); `ret_value` may be NULL. */
static inline struct rota_branch rota_on_watch(struct rota_watch *watch, uint64_t *seen, void *ret_value)
{
	return rota__on(ROTA__ON_WATCH, watch, ret_value, seen, 0);
}

/* As rota_queue_get(). */
static inline struct rota_branch rota_on_get(struct rota_queue *queue, void *ret_item)
{
	return rota__on(ROTA__ON_GET, queue, ret_item, NULL, 0);
}

/* As rota_queue_put(); *item must stay as it is until the select is over. */
static inline struct rota_branch rota_on_put(struct rota_queue *queue, const void *item)
{
	return rota__on(ROTA__ON_PUT, queue, (void *)(uintptr_t)item, NULL, 0);
}

/* As rota_event_wait(). */
static inline struct rota_branch rota_on_event(struct rota_event *event)
{
	return rota__on(ROTA__ON_EVENT, event, NULL, NULL, 0);
}

/* As rota_notify_wait(). */
static inline struct rota_branch rota_on_notify(struct rota_notify *notify)
{
	return rota__on(ROTA__ON_NOTIFY, notify, NULL, NULL, 0);
}

/* As rota_wait_group_wait(). */
static inline struct rota_branch rota_on_wait_group(struct rota_wait_group *group)
{
	return rota__on(ROTA__ON_WAIT_GROUP, group, NULL, NULL, 0);
}

/* As rota_semaphore_acquire(). */
static inline struct rota_branch rota_on_acquire(struct rota_semaphore *semaphore, uint64_t count)
{
	return rota__on(ROTA__ON_ACQUIRE, semaphore, NULL, NULL, count);
}

/* As rota_mutex_lock(). */
static inline struct rota_branch rota_on_lock(struct rota_mutex *mutex)
{
	return rota__on(ROTA__ON_LOCK, mutex, NULL, NULL, 0);
}

/* As rota_rwlock_read(). */
static inline struct rota_branch rota_on_read_lock(struct rota_rwlock *lock)
{
	return rota__on(ROTA__ON_READ_LOCK, lock, NULL, NULL, 0);
}

/* As rota_rwlock_write(). */
static inline struct rota_branch rota_on_write_lock(struct rota_rwlock *lock)
{
	return rota__on(ROTA__ON_WRITE_LOCK, lock, NULL, NULL, 1);
}

/* As rota_join(); `ret_result` may be NULL. */
static inline struct rota_branch rota_on_join(struct rota_task *task, int *ret_result)
{
	return rota__on(ROTA__ON_JOIN, task, ret_result, NULL, 0);
}

/* At `deadline_ns`, as rota_sleep_until().  ROTA_FOREVER: never. */
static inline struct rota_branch rota_on_time(uint64_t deadline_ns)
{
	return rota__on(ROTA__ON_TIME, NULL, NULL, NULL, deadline_ns);
}

/* As rota_wait_fd(): the result is those of ROTA_READABLE, ROTA_WRITABLE ... (rota/poll.h) that are the case.  The
 * descriptor must stay open until the select is over. */
static inline struct rota_branch rota_on_fd(int fd, int events)
{
	struct rota_branch b = rota__on(ROTA__ON_FD, NULL, NULL, NULL, (uint64_t)(uint32_t)events);

	b.fd = fd;
	return b;
}

/* As rota_wait_readable(): a read would not wait.  Nothing is read. */
static inline struct rota_branch rota_on_readable(struct rota_stream *stream)
{
	return rota__on(ROTA__ON_READABLE, stream, NULL, NULL, 0);
}

/* As rota_wait_writable(): a rota_write() would not wait.  Nothing is written. */
static inline struct rota_branch rota_on_writable(struct rota_stream *stream)
{
	return rota__on(ROTA__ON_WRITABLE, stream, NULL, NULL, 0);
}

/* Wait until one of the branches comes: its index.  -ECANCELED, -ETIMEDOUT: the task's scope was cancelled first; -EINVAL: none
 * or more than ROTA_SELECT_MAX; none of them happened then.  What is possible at once is done even for a task that
 * is cancelled.  The branches may be used again, as they are.  It takes some 300 bytes of stack for each. */
ROTA_API int rota_select(struct rota_branch *branches, size_t count);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_select_until(struct rota_branch *branches, size_t count, uint64_t deadline_ns);
/* Without waiting: the first of the branches, in their order, that is possible at once, or -EAGAIN; -EPERM, -EINVAL as above.  Others
 * do not run meanwhile: a loop of it must rota_yield().  (A stream of another worker is looked at there: that is a wait.) */
ROTA_API int rota_try_select(struct rota_branch *branches, size_t count);

/* ---- calls, in the order in which they end ---- */

struct rota__completion;

/* asyncio's as_completed: run all calls at the same time, and see their results as they come.
 *
 *	struct rota_as_completed each;
 *
 *	rc = rota_as_completed_open(&each, calls, count);
 *	while (rc == 0 && (i = rota_as_completed_next(&each, &result)) >= 0)
 *		...calls[i] has ended with result
 *	rota_as_completed_close(&each);
 */
struct rota_as_completed { /* yours to place, not to move; the fields are private */
	struct rota_scope scope;
	struct rota__guard guard;
	struct rota__waiters waiters;
	struct rota__completion *members, *first, *last;
	size_t count, told;
};

/* Begin: each call runs as a task in a scope, which this task must close, as a scope must be joined, before the function
 * returns.  `calls` is kept until then.  An error of one does not cancel the others.  -ENOMEM, -EPERM: nothing was begun, and
 * to close it does no harm. */
#define rota_as_completed_open(each, calls, count) rota_as_completed_open_at((each), (calls), (count), ROTA_HERE)
ROTA_API int rota_as_completed_open_at(
	struct rota_as_completed *each, const struct rota_call *calls, size_t count, const char *site);
/* Wait for the next to end: its index, and *ret_result (may be NULL) what it answered (or why it could not be spawned).
 * ROTA_EOF: all have been told.  -ECANCELED, -ETIMEDOUT: a scope around it was cancelled. */
ROTA_API int rota_as_completed_next(struct rota_as_completed *each, int *ret_result);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_as_completed_next_until(struct rota_as_completed *each, int *ret_result, uint64_t deadline_ns);
/* Cancel those that still run, wait for them, and give the memory back. */
ROTA_API void rota_as_completed_close(struct rota_as_completed *each);

#ifdef __cplusplus
}
#endif
#endif
