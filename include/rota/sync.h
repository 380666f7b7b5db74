/* sync.h - tasks wait for each other: locks, permits, events, barriers
 *
 * All of these are yours to place and not to move; zeroed memory is a valid one (static ones need no
 * call), nothing is allocated, nothing has to be given back.  The fields are private.
 *
 * Waiters are served in the order they came, and nobody passes them: an unlock hands the lock to the
 * first waiter, it does not let whoever comes by take it.
 *
 * A call that waits ends in exactly one of
 *   0            it got what it asked for
 *   -ETIMEDOUT   the deadline given, or one of a scope, passed first
 *   -ECANCELED   the task was cancelled first
 * and in the last two it got nothing and left no trace.  What is there at once is given even to a
 * task that is cancelled: only waiting is refused.  A waiter that was chosen before the cancellation
 * reached it has what it waited for, and answers 0.
 *
 * A task that is always served at once, or always refused, lets the others of its worker run now and then all the same, in the calls that
 * may wait: before they look.  The try_ forms and those that end waits never do: a loop of them that is to end by what others do must
 * rota_yield().
 *
 * A mutex or a read-write lock belongs to the task that locked it: nobody else can unlock it.  A task that ends with one would leave it
 * locked for ever, so that ends the program with abort(), in all builds, and a message that names the task.
 *
 * The calls that wait belong to tasks and answer -EPERM elsewhere.  Those that end waits (release, set,
 * notify, done) and the try_ forms of what has no owner may be used on any thread, also one that runs no
 * tasks; so may the objects by tasks of several runs. */
#ifndef ROTA_SYNC_H
#define ROTA_SYNC_H

#include <rota/base.h>
#include <rota/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota__waiter;

struct rota__guard {
	const void *owner;
	uint32_t inside, word;
};

struct rota__waiters {
	struct rota__waiter *first, *last;
};

/* ---- mutex ---- */

struct rota_mutex {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint64_t holder;
};

/* Wait until the mutex is this task's.  -EDEADLK: it is already. */
ROTA_API int rota_mutex_lock(struct rota_mutex *mutex);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_mutex_lock_until(struct rota_mutex *mutex, uint64_t deadline_ns);
/* Without waiting: 0, -EBUSY while somebody has it, -EDEADLK if this task has. */
ROTA_API int rota_mutex_try_lock(struct rota_mutex *mutex);
/* Hand it to the first waiter, or set it free.  -EPERM, and nothing happens, if it is not this task's:
 * free, or another's. */
ROTA_API int rota_mutex_unlock(struct rota_mutex *mutex);
/* Its memory is about to go: -EBUSY if somebody has it or waits for it.  Does nothing else. */
ROTA_API int rota_mutex_fini(struct rota_mutex *mutex);

/* ---- condition ---- */

struct rota_condition {
	struct rota__guard guard;
	struct rota__waiters waiters;
};

/* Unlock the mutex, wait for a signal, and have the mutex again, whatever the answer is: that second
 * wait is not cut short.  -EPERM, at once: the mutex is not this task's.  A signal is never given to a
 * waiter that goes away with an error. */
ROTA_API int rota_condition_wait(struct rota_condition *condition, struct rota_mutex *mutex);
/* The same, waiting for the signal not longer than until `deadline_ns`. */
ROTA_API int rota_condition_wait_until(
	struct rota_condition *condition, struct rota_mutex *mutex, uint64_t deadline_ns);
/* Wake the first waiter; nothing happens without one.  Any thread. */
ROTA_API void rota_condition_signal(struct rota_condition *condition);
/* Wake all that wait now.  Any thread. */
ROTA_API void rota_condition_broadcast(struct rota_condition *condition);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_condition_fini(struct rota_condition *condition);

/* ---- read-write lock ---- */

enum { ROTA__READERS_NAMED = 4 };

/* Many readers or one writer, in the order they came: a reader that comes after a waiting writer waits
 * behind it, so neither side can starve the other. */
struct rota_rwlock {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint64_t writer;
	uint32_t readers, unnamed;
	uint64_t named[ROTA__READERS_NAMED];
};

/* Wait until this task may read.  -EDEADLK: it is the writer.  Not for a task that reads already: a
 * writer may wait between the two. */
ROTA_API int rota_rwlock_read(struct rota_rwlock *lock);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_rwlock_read_until(struct rota_rwlock *lock, uint64_t deadline_ns);
/* Without waiting: 0, -EBUSY, or -EDEADLK. */
ROTA_API int rota_rwlock_try_read(struct rota_rwlock *lock);
/* Wait until this task, and nobody else, may read and write.  -EDEADLK: it may already. */
ROTA_API int rota_rwlock_write(struct rota_rwlock *lock);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_rwlock_write_until(struct rota_rwlock *lock, uint64_t deadline_ns);
/* Without waiting: 0, -EBUSY, or -EDEADLK. */
ROTA_API int rota_rwlock_try_write(struct rota_rwlock *lock);
/* The writer, which is this task, goes on as a reader; readers that wait first come in with it.  -EPERM:
 * this task is not the writer. */
ROTA_API int rota_rwlock_downgrade(struct rota_rwlock *lock);
/* Leave, as the writer or as one of the readers: with one unlock for each time the task came in.  -EPERM, and nothing happens, if this task is
 * not in.  (While more than four read at a time, a task that is not in but holds another lock is not noticed.) */
ROTA_API int rota_rwlock_unlock(struct rota_rwlock *lock);
/* Its memory is about to go: -EBUSY if somebody is in or waits. */
ROTA_API int rota_rwlock_fini(struct rota_rwlock *lock);

/* ---- semaphore ---- */

/* A number of permits.  A request for many is not passed by later ones for few. */
struct rota_semaphore {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint64_t permits, limit;
};

/* Begin with `permits`; more than `limit` there cannot be: 0 is no limit. */
ROTA_API void rota_semaphore_init(struct rota_semaphore *semaphore, uint64_t permits, uint64_t limit);
/* Wait for `count` permits and take them.  -EINVAL: more than the limit, which could never be. */
ROTA_API int rota_semaphore_acquire(struct rota_semaphore *semaphore, uint64_t count);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_semaphore_acquire_until(
	struct rota_semaphore *semaphore, uint64_t count, uint64_t deadline_ns);
/* Without waiting: 0, or -EAGAIN while there are not so many, or somebody waits.  Any thread. */
ROTA_API int rota_semaphore_try_acquire(struct rota_semaphore *semaphore, uint64_t count);
/* Give permits (back): waiters whose turn it is take them.  Any thread.  -EOVERFLOW, and nothing happens,
 * if that were more than the limit. */
ROTA_API int rota_semaphore_release(struct rota_semaphore *semaphore, uint64_t count);
/* How many could be taken now.  Any thread. */
ROTA_API uint64_t rota_semaphore_permits(struct rota_semaphore *semaphore);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_semaphore_fini(struct rota_semaphore *semaphore);

/* ---- event ---- */

/* Something has happened, and stays so until it is cleared. */
struct rota_event {
	struct rota__guard guard;
	struct rota__waiters waiters;
	bool set;
};

/* Wait until it is set; at once if it is. */
ROTA_API int rota_event_wait(struct rota_event *event);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_event_wait_until(struct rota_event *event, uint64_t deadline_ns);
/* Set it; all that wait go on, even if it is cleared before they run.  Any thread. */
ROTA_API void rota_event_set(struct rota_event *event);
/* Clear it: whoever waits from now on waits for the next set.  Any thread. */
ROTA_API void rota_event_clear(struct rota_event *event);
/* Is it set?  That is a wait which is only tried.  Any thread. */
ROTA_API bool rota_event_is_set(struct rota_event *event);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_event_fini(struct rota_event *event);

/* ---- notify ---- */

/* A wake-up that is remembered once: for "look again", as a condition without a mutex. */
struct rota_notify {
	struct rota__guard guard;
	struct rota__waiters waiters;
	bool kept;
};

/* Wait for a notification; the one that is kept is taken at once. */
ROTA_API int rota_notify_wait(struct rota_notify *notify);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_notify_wait_until(struct rota_notify *notify, uint64_t deadline_ns);
/* Without waiting: 0 and the one that is kept is taken, or -EAGAIN.  Any thread. */
ROTA_API int rota_notify_try_wait(struct rota_notify *notify);
/* Wake the first waiter; without one it is kept for the next, once however often.  Any thread. */
ROTA_API void rota_notify_one(struct rota_notify *notify);
/* Wake all that wait now; nothing is kept.  Any thread. */
ROTA_API void rota_notify_all(struct rota_notify *notify);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_notify_fini(struct rota_notify *notify);

/* ---- barrier ---- */

/* `parties` tasks meet, again and again.  Zeroed memory is not valid here: init. */
struct rota_barrier {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint32_t parties, arrived;
};

/* -EINVAL: nobody to meet. */
ROTA_API int rota_barrier_init(struct rota_barrier *barrier, uint32_t parties);
/* Wait until so many have come.  1 for the one that came last, 0 for the others.  One that is cut short
 * leaves: it counts no more, and the others go on waiting. */
ROTA_API int rota_barrier_wait(struct rota_barrier *barrier);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_barrier_wait_until(struct rota_barrier *barrier, uint64_t deadline_ns);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_barrier_fini(struct rota_barrier *barrier);

/* ---- once ---- */

struct rota_once {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint64_t runner;
	bool done;
};

/* See that fn(arg) has succeeded once.  The first to come runs it, those that come meanwhile wait.  Its
 * negative answer goes to the one that ran it, and the next in line tries again.  0: it has been done.
 * -EDEADLK: called from within its own fn. */
ROTA_API int rota_once_run(struct rota_once *once, rota_fn fn, void *arg);
/* The same; waits, but not fn, end at `deadline_ns`. */
ROTA_API int rota_once_run_until(struct rota_once *once, rota_fn fn, void *arg, uint64_t deadline_ns);
/* Without waiting for another task: as above, or -EBUSY while another one runs fn.  In a task, as that may run fn, which may wait. */
ROTA_API int rota_once_try_run(struct rota_once *once, rota_fn fn, void *arg);
/* Has it been done?  Any thread. */
ROTA_API bool rota_once_done(struct rota_once *once);

/* ---- wait group ---- */

/* A count of things that are under way.  For tasks a scope does this and more. */
struct rota_wait_group {
	struct rota__guard guard;
	struct rota__waiters waiters;
	uint64_t count;
};

/* So many more are under way.  Any thread.  -EOVERFLOW: that cannot be counted. */
ROTA_API int rota_wait_group_add(struct rota_wait_group *group, uint64_t count);
/* One is done; with the last all that wait go on.  Any thread.  -EPERM, and nothing happens: none was
 * under way. */
ROTA_API int rota_wait_group_done(struct rota_wait_group *group);
/* Wait until none is under way; at once if none is. */
ROTA_API int rota_wait_group_wait(struct rota_wait_group *group);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_wait_group_wait_until(struct rota_wait_group *group, uint64_t deadline_ns);
/* Without waiting: 0, or -EAGAIN while something is under way.  Any thread. */
ROTA_API int rota_wait_group_try_wait(struct rota_wait_group *group);
/* Its memory is about to go: -EBUSY if somebody waits. */
ROTA_API int rota_wait_group_fini(struct rota_wait_group *group);

#ifdef __cplusplus
}
#endif
#endif
