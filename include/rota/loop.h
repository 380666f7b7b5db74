/* loop.h - one thread's wheel, with callbacks
 *
 * A loop belongs to the thread that runs it.  Its turn is
 *
 *   pending -> idle -> prepare -> poll -> posts -> pending -> tasks -> check -> closing -> timers -> tasks
 *
 * and after every callback the next-tick queue and then the microtasks run until both are empty.
 * Programs made of tasks (rota/task.h) never need this header: rota_run() makes their loop.
 *
 * Unless a comment says otherwise a call belongs to the loop's thread, which is the one that first runs
 * it, and does not wait.  On another thread it answers -EPERM and does nothing; one that has no answer ends the program,
 * saying which call it was (starting and stopping a timer in debug builds only).  Before its first run a loop is anybody's, and so is a shareable one while nobody runs it. */
#ifndef ROTA_LOOP_H
#define ROTA_LOOP_H

#include <rota/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_loop;

struct rota_loop_options {
	const char *poller; /* "uring", "epoll"; NULL: $ROTA_POLLER, else the best that works */
	uint64_t spin_ns;   /* before it sleeps, look again for this long, while that pays; 0: never */
	/* It may be run by one thread after another.  On io_uring each wait costs some percent more, and blocking
	 * system calls in callbacks may end with EINTR. */
	bool shareable;
};

enum rota_run_mode {
	ROTA_RUN_DEFAULT, /* turn until nothing is alive or rota_loop_stop() */
	ROTA_RUN_ONCE,	  /* one turn, which may sleep while something is alive */
	ROTA_RUN_NOWAIT,  /* one turn that does not sleep */
};

/* Make a loop.  `options` is borrowed; NULL means all defaults.  Errors: -ENOMEM, -EMFILE, -EINVAL
 * for an unknown poller, -ENOSYS or -EPERM for one this machine does not let us use. */
ROTA_API int rota_loop_new(struct rota_loop **ret_loop, const struct rota_loop_options *options);

/* Give it back.  -EBUSY, and nothing happens, while something on it is alive, a handle is not closed, a timer or watcher started, a process
 * running (unreferenced ones, too), or it is running.  Timeouts, intervals and immediates that are unreferenced do not hold it up: they are
 * dropped uncalled, and what their `arg` points to is the caller's again. */
ROTA_API int rota_loop_free(struct rota_loop *loop);

/* Run it on this thread.  Waits as `mode` says.  1 if something is still alive, 0 if not, -EBUSY if
 * it is running already or this thread runs another, -EINVAL for an unknown mode, -EPERM after a fork (it
 * is the parent's, see rota_loop_after_fork()) and on another thread than its first run's, unless it is shareable.
 *
 * What is unreferenced keeps no default run going, but ROTA_RUN_ONCE and ROTA_RUN_NOWAIT make their turn for it all the same: what is
 * due or ready in it is called, with nothing else alive and the answer 0. */
ROTA_API int rota_loop_run(struct rota_loop *loop, enum rota_run_mode mode);

/* In the child of a fork(), make `loop` the child's own: with a poller of its own, and with the timers, watchers and
 * calls it had.  Posts that had not run are the parent's, and forgotten.  0, also where it is the caller's already; -EBUSY
 * while operations are pending on it, when another thread was running it, and for the loop of a rota_run(), whose
 * tasks are the parent's: the child starts a run of its own instead.  -EPERM: it is another thread's of this process;
 * -EMFILE, -ENOMEM; nothing has changed. */
ROTA_API int rota_loop_after_fork(struct rota_loop *loop);

/* Make rota_loop_run() return at the end of its turn; before a run, it makes that run empty.  Other threads post a function that
 * calls it. */
ROTA_API void rota_loop_stop(struct rota_loop *loop);

/* True while a timer, operation, watcher, post, tick or task would keep a default run going. */
ROTA_API bool rota_loop_alive(const struct rota_loop *loop);

/* The time this turn began its current phase: cheap, and the same for all who ask in one phase. */
ROTA_API uint64_t rota_loop_now_ns(const struct rota_loop *loop);

/* The loop this thread is running, or NULL. */
ROTA_API struct rota_loop *rota_loop_current(void);

/* "uring" or "epoll"; and the features it found, for people.  Constant for the loop's life. */
ROTA_API const char *rota_loop_poller(const struct rota_loop *loop);
ROTA_API const char *rota_loop_poller_details(const struct rota_loop *loop);

/* ---- in a foreign loop ----
 *
 * A program with a loop of its own, a user interface's for example, can have this one served by it.  Again and again:
 *
 *	deadline = rota_loop_backend_deadline(loop)
 *	wait, in poll(2), epoll_wait(2) or anything like it, until rota_loop_backend_fd(loop) is readable or `deadline` has come
 *	rota_loop_run(loop, ROTA_RUN_NOWAIT)
 *
 * Referenced or not, what is on the loop is called for as long as that goes on; rota_loop_run() answers whether anything is alive.
 * Neither call waits.  They are for the loop's thread, which it becomes by the first deadline as by a first run, and between runs:
 * not in a callback of the loop.  Nor can a Rota loop be the foreign one, or its callback or a task the place for the run, which is
 * -EBUSY there: one thread runs one loop at a time. */

/* The descriptor to wait for, with POLLIN or EPOLLIN and edge-triggered if you like; readable until the first deadline was asked
 * for.  Nobody reads it.  It stays the same, and the loop's, until rota_loop_free() closes it or rota_loop_after_fork() replaces it;
 * take it out of the foreign loop before.  The wait may end with EINTR where the loop is shareable.  -EMFILE, -ENFILE, -ENOMEM; -EPERM on
 * another thread than the loop's, or after a fork. */
ROTA_API int rota_loop_backend_fd(struct rota_loop *loop);

/* When the next turn is due: an absolute time, ROTA_NOW if there is work already, ROTA_FOREVER if only the descriptor matters.  Ask
 * before each wait, when all else is done: this is what hands operations over to the system and lets posts of other threads make the
 * descriptor readable; whatever is done with the loop after it may go unseen.  ROTA_NOW, too, where the run will be an
 * error.  Before rota_loop_backend_fd() was called, and in callbacks, it tells the time and does no more. */
ROTA_API uint64_t rota_loop_backend_deadline(struct rota_loop *loop);

/* ---- posts: the one call for other threads ---- */

struct rota_post { /* yours, untouched from rota_post() until fn runs */
	struct rota_post *next;
	void (*fn)(struct rota_post *post);
};

/* Call post->fn(post) once on the loop's thread.  Any thread, lock-free, never fails; wakes the loop
 * only if it sleeps.  Posts of one thread keep their order.  Keeps the loop alive until it ran.
 * The loop must not be freed meanwhile: for one of a rota_run(), which frees it at its end, other threads
 * have rota_run_post() (rota/run.h). */
ROTA_API void rota_post(struct rota_loop *loop, struct rota_post *post);

/* ---- timers ---- */

struct rota_timer { /* zero it, set fn; then the fields are private until it fired or was stopped */
	uint64_t opaque[8];
	void (*fn)(struct rota_timer *timer);
	struct rota_loop *loop;
};

/* Call timer->fn once, in the timers phase, not before `deadline_ns`; equal deadlines fire in the order they were
 * started.  Starting a started timer moves it, also while it is due and others are called.  What is started in the timers phase
 * is called in a later turn, however long it has been due: so a timer that starts itself again holds nothing up.  Keeps `timer`
 * until it is called or stopped; its fn may free it.
 *
 * Only for the loop's thread, or the program ends, saying where the timer was started (in debug builds only): another one posts
 * (rota_post(), rota_async_send()).  To move it to another loop, stop it on the thread of the first. */
#define rota_timer_start(loop, timer, deadline_ns) rota_timer_start_at((loop), (timer), (deadline_ns), ROTA_HERE)
ROTA_API void rota_timer_start_at(
	struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns, const char *site);

/* It will not fire any more, also if it is due.  Harmless if it was not started.  The loop's thread only. */
ROTA_API void rota_timer_stop(struct rota_timer *timer);

/* A started timer keeps its loop alive, unless it is unreferenced: any number of times, started or not, and until it is referenced
 * again, over any number of starts. */
ROTA_API void rota_timer_ref(struct rota_timer *timer);
ROTA_API void rota_timer_unref(struct rota_timer *timer);
ROTA_API bool rota_timer_has_ref(const struct rota_timer *timer);

/* ---- watchers: once in every turn ---- */

enum rota_phase { ROTA_IDLE, ROTA_PREPARE, ROTA_CHECK };

struct rota_watcher { /* zero it, set fn */
	struct rota_loop *loop;
	void (*fn)(struct rota_watcher *watcher);
	struct rota_watcher *next, *prev; /* private from here on */
	enum rota_phase phase;
	bool active, unref;
	const char *site;
};

/* Call watcher->fn once in each turn, in `phase`, in the order of starting.  An active idle watcher
 * keeps the poll from sleeping.  One started by a watcher of its own phase first runs in the next
 * turn, itself too; any watcher may stop any, and is the caller's again at once.  Starting an active one does nothing: to change
 * its phase or its loop, stop it first.  Both calls are for the loop's thread only: on another the program ends, saying which call
 * it was and where the watcher was started. */
#define rota_watcher_start(loop, watcher, phase) rota_watcher_start_at((loop), (watcher), (phase), ROTA_HERE)
ROTA_API void rota_watcher_start_at(
	struct rota_loop *loop, struct rota_watcher *watcher, enum rota_phase phase, const char *site);
ROTA_API void rota_watcher_stop(struct rota_watcher *watcher);

/* An active watcher keeps its loop alive, unless it is unreferenced; as for timers.  (While others keep it, an unreferenced idle watcher
 * keeps the poll from sleeping all the same.) */
ROTA_API void rota_watcher_ref(struct rota_watcher *watcher);
ROTA_API void rota_watcher_unref(struct rota_watcher *watcher);
ROTA_API bool rota_watcher_has_ref(const struct rota_watcher *watcher);

/* ---- next ticks and microtasks ---- */

typedef void (*rota_job_fn)(void *arg);

/* Call fn(arg) before anything else happens on the loop: after the running callback, ticks first,
 * then microtasks, until both queues are empty.  `loop` NULL: the one this thread runs.  -ENOMEM, -EPERM (another
 * thread's loop, or none is running here): it was not queued. */
ROTA_API int rota_next_tick(struct rota_loop *loop, rota_job_fn fn, void *arg);
ROTA_API int rota_queue_microtask(struct rota_loop *loop, rota_job_fn fn, void *arg);

/* ---- timeouts, intervals, immediates ----
 *
 * As in Node.js, in memory of the loop's and named by a number: positive, used once, 0 is never one.  `loop` may be NULL in
 * all of these calls: the loop that this thread runs, which in a program of tasks is the one below the task.
 *
 * The order is always the same where Node leaves it to chance: a timeout of 0 set before the loop runs, or in the check
 * or closing phase, is called before an immediate set there; set in the poll or the timers phase or by a task, after it.  A length
 * is taken as it is: 0 does not become 1 ms.  None of them can hold the loop: what a timeout or an immediate sets is called
 * in a later phase than its own.
 *
 * They keep the loop alive unless rota_unref() says otherwise.  Errors of all: -EPERM (another thread's loop, or none runs
 * here), -ENOMEM, -EINVAL (fn is NULL); then nothing was set. */

/* Call fn(arg) once, in the timers phase, not before `length_ns` from now.  Equal moments keep the order of setting. */
#define rota_set_timeout(loop, length_ns, fn, arg) \
	rota_set_timeout_at((loop), (length_ns), (fn), (arg), ROTA_HERE)
ROTA_API int64_t rota_set_timeout_at(
	struct rota_loop *loop, uint64_t length_ns, rota_job_fn fn, void *arg, const char *site);

/* The same again and again: `length_ns` from the return of one call to the next, so that late calls do not pile up. */
#define rota_set_interval(loop, length_ns, fn, arg) \
	rota_set_interval_at((loop), (length_ns), (fn), (arg), ROTA_HERE)
ROTA_API int64_t rota_set_interval_at(
	struct rota_loop *loop, uint64_t length_ns, rota_job_fn fn, void *arg, const char *site);

/* Call fn(arg) once, in the next check phase, after the check watchers; the poll before it does not sleep.  One set by an
 * immediate waits for the next turn.  While nothing but immediates is there to be run, the system is asked for I/O only in
 * every few turns, some 20 us apart. */
#define rota_set_immediate(loop, fn, arg) rota_set_immediate_at((loop), (fn), (arg), ROTA_HERE)
ROTA_API int64_t rota_set_immediate_at(struct rota_loop *loop, rota_job_fn fn, void *arg, const char *site);

/* It will not be called any more; from its own call or a sibling's, too.  -ENOENT: it has been called, or was cleared
 * before; harmless, and never another's timer.  -EPERM as above. */
ROTA_API int rota_clear(struct rota_loop *loop, int64_t id);

/* Start its length anew from now.  -ENOENT, -EPERM as above; -EINVAL for an immediate. */
ROTA_API int rota_refresh(struct rota_loop *loop, int64_t id);

/* Let it keep the loop alive, or not; any number of times.  has_ref: 1 or 0.  -ENOENT, -EPERM as above. */
ROTA_API int rota_ref(struct rota_loop *loop, int64_t id);
ROTA_API int rota_unref(struct rota_loop *loop, int64_t id);
ROTA_API int rota_has_ref(struct rota_loop *loop, int64_t id);

#ifdef __cplusplus
}
#endif
#endif
