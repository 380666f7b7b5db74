/* run.h - start a program */
#ifndef ROTA_RUN_H
#define ROTA_RUN_H

#include <rota/base.h>
#include <rota/task.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rota_model {
	ROTA_MODEL_DEFAULT, /* $ROTA_MODEL, else single */
	ROTA_SINGLE,	    /* one loop on the calling thread */
	ROTA_GROUP,	    /* several loops, each on its thread; a task stays on the loop it was spawned on */
	ROTA_STEAL,	    /* the same, but a worker without work takes ready tasks from others */
};

/* Under steal, a task that computes or blocks in a system call for 2 ms (rescue_ns) holds up nobody: its worker, with its timers, I/O and other
 * tasks, goes on on another thread, and the task goes on on a worker when it next calls something of Rota.  Not if it is
 * pinned: it may share data without locks with others that are.  A system call in which it blocks may answer
 * EINTR.  Tasks of a function that was rescued lately come after the others and lose their worker sooner, after some 0.3 ms.  At
 * most some 2,000 tasks hold a thread at the same time; those after them hold their worker too.  Under single and group, and for
 * pinned tasks, the task is named and nothing moves.  It takes membarrier(2), Linux 4.14. */

enum { ROTA_WORKERS_MAX = 1024 };

#define ROTA_NO_BOSSES 0xffffffffu

/* Which worker gets the next connection of rota_serve() and rota_http_serve(), and keeps it. */
enum rota_deal {
	ROTA_DEAL_DEFAULT, /* what the run says; there: $ROTA_DEAL ("turn", "least", "own"), else in turn */
	ROTA_DEAL_IN_TURN,
	ROTA_DEAL_LEAST, /* that which has the fewest connections open */
	/* Each worker accepts on a socket of its own (SO_REUSEPORT), and the kernel spreads: the most connections a
	 * second, but as chance has it, and those that wait for one worker wait while others are free.  Not for Unix sockets:
	 * there it is in turn.  Workers that rota_workers_resize() makes while rota_serve() is in it have no socket: they get
	 * connections when those are evened out. */
	ROTA_DEAL_OWN,
};

/* A detached task that ended with an error, which nobody else will be told.  The texts are lent for the call. */
struct rota_failed {
	const char *task_name, *site; /* where it was spawned */
	uint64_t task_id;	      /* 0: it could not even be spawned (rota_run_spawn()) */
	unsigned worker;	      /* where it ended */
	int code;		      /* what it answered */
};

/* A task that keeps its thread from the others: it computes, or waits in a system call, for long.  Told when it is noticed,
 * and again when it is over.  The texts and frames are lent for the call, which is on a thread of its own, in no run: it
 * may wait, and that delays only the next report, and the return of rota_run(), which waits for a call that has begun.  It must
 * not call what needs a task or a loop.  When the run ends, reports that have not begun within 100 ms are dropped. */
struct rota_blocked {
	const char *task_name, *site; /* where it was spawned */
	uint64_t task_id;
	unsigned worker;
	uint64_t held_ns; /* for how long so far */
	bool over;	   /* it has let the thread go; what follows is not set then */
	const char *call;  /* the system call it waits in; NULL: it computes */
	void *const *frames; /* code addresses, innermost first, for dladdr(3) or addr2line(1) */
	unsigned frame_count;
};

/* A task that is still there when the time to end is over: see drain_ns.  The texts are lent for the call.  A task that only waits for its
 * children is not told, but they are. */
struct rota_held_up {
	const char *task_name, *site; /* where it was spawned */
	uint64_t task_id;
	unsigned worker;
	const char *waits_for;	/* for people: "bytes to come"; NULL: it does not wait, but computes, blocks, or is about to run */
	/* Of one that has a thread, in a run with several, where it is just now; else NULL and 0: */
	const char *call;    /* the system call in which it waits; NULL: it computes */
	void *const *frames; /* code addresses, innermost first, for dladdr(3) or addr2line(1) */
	unsigned frame_count;
	int fd;			/* if that is about a descriptor, else -1 */
	unsigned number, count; /* this is number 1, 2 ... of `count`; at most ROTA_HELD_UP_TOLD are told */
	bool last;		/* this was the second time: nothing more is done */
};

enum { ROTA_HELD_UP_TOLD = 32 };

/* All zero is the best for this machine. */
struct rota_options {
	enum rota_model model;
	/* 0: $ROTA_WORKERS, else one for each CPU we may use under steal, two under group.  The single model has one
	 * whatever this says. */
	unsigned workers;
	/* Under group: so many loops more, which accept and are dealt no connections.  The first task starts on one, and
	 * listeners belong to them in turn.  0: $ROTA_BOSSES, else 1; ROTA_NO_BOSSES: every loop is a worker.  The other models have none. */
	unsigned bosses;
	enum rota_deal deal;	    /* how connections are dealt to workers, where the listener does not say */
	const char *poller;	    /* "uring", "epoll"; NULL: $ROTA_POLLER, else the best that works */
	size_t stack_bytes;	    /* of a task; 0 = 64 KiB, of which a task has 48 at least: it may begin on that of who joins it; see struct rota_task_options */
	uint64_t spin_ns;	    /* see struct rota_loop_options; 0: $ROTA_SPIN_US, else never */
	bool keep_signals;	    /* do not turn SIGINT and SIGTERM into a cancellation */
	/* A detached task's function has returned an error: asyncio's exception handler.  Called in that task, which ends afterwards: it may
	 * wait, and see its locals; several workers may be in it at the same time.  For one that could not be spawned (rota_run_spawn()) it
	 * is called by a loop, outside of tasks, and must not wait.  NULL: nobody is told. */
	void (*on_detached_error)(const struct rota_failed *failed);

	/* From the moment it is asked to stop, or its first task ends, a run has so long to end well: everything is cancelled, but for
	 * what is shielded.  Then those that are still there are told to on_held_up, and shields hold no more: every wait in every
	 * task answers -ECANCELED.  After the same time once more those are told whom that did not end, because they compute or
	 * block, and nothing more is done.  0: $ROTA_DRAIN_MS (there 0 is for ever), else 20 s; ROTA_FOREVER: they may take
	 * their time. */
	uint64_t drain_ns;
	/* Once for each task, on a thread of its own, in no run; under single on the thread of the loop.  May call _exit(2).  May wait, but under
	 * single that holds up the loop, and rota_run() returns only after it.  NULL: it is written to stderr.  A task that
	 * does not let the only thread of a run go is always written there, with its stack, 0.1 s later. */
	void (*on_held_up)(const struct rota_held_up *task);

	/* Under steal, a task that holds its thread for so long loses its worker.  Looked at each millisecond.  0: $ROTA_RESCUE_MS (there 0 is
	 * never), else 2 ms; ROTA_FOREVER: never, and neither by rota_blocking_section_begin(); then nobody pays for it, which is some
	 * nanoseconds for each call. */
	uint64_t rescue_ns;

	/* A task that holds its thread for so long without waiting is named, whether it has lost its worker or not.  0: $ROTA_BLOCKED_MS (there 0 is never), else 10 ms
	 * under models with several threads and ROTA_FOREVER, which is never, under single. */
	uint64_t blocked_ns;
	/* NULL: it is written to stderr; what that does not take within 0.1 s is dropped, and the next report says how many were. */
	void (*on_blocked)(const struct rota_blocked *blocked);
};

/* Run app(arg) as the first task on a loop of this thread, and return when it, all its scopes and
 * all detached tasks have ended.  Waits; several threads may each be in a run of their own.
 * The first SIGINT or SIGTERM cancels the program, a second one has its default effect.  SIGPIPE is
 * blocked on this thread meanwhile: writing to a peer that is gone is -EPIPE and nothing else.
 * After a fork() in a task the child is in no run: what waits or spawns answers -EPERM, rota_run() starts a run of the
 * child's own, and it must end with _exit(2) or exec(3), because the task it stands on is the parent's: one that returns from
 * it is ended with abort(3).
 * Handles that are still open at the end, which were unreferenced, are closed.
 * Returns app's answer, or why the run could not start: -ENOMEM, -EMFILE, -EINVAL (an unknown
 * poller or model, too large a stack, or what is no number, here or in the environment), -ENOTSUP, -EBUSY (this thread is in a run). */
ROTA_API int rota_run(rota_fn app, void *arg, const struct rota_options *options);

/* Ask the run to stop, as the first SIGTERM does: everything in it is cancelled, the caller too, and has drain_ns to end.  Asking again
 * does nothing.  Does not wait.  In a task or a callback of the run's loops; 0, or -EPERM elsewhere. */
ROTA_API int rota_stop(void);

/* Has it been asked to stop?  For what is shielded and could go on for long.  False outside of a run. */
ROTA_API bool rota_stopping(void);

/* ---- a run, for other threads ----
 *
 *	run = rota_run_handle();                        in the run
 *	pthread_create(&thread, NULL, body, run);
 *
 *	rota_run_spawn(run, refresh, cache, NULL);      in the thread: a task of the run
 *	rota_run_handle_unref(run);
 *
 * A loop and a scope are gone when their run is over, and another thread cannot know when that will be.  A handle stays as long as
 * somebody holds it, and answers ROTA_ECLOSED from the end of the run's last task on.  All of these calls but the first are for any
 * thread of the process, in a run or not, at any time; they do not wait, and take no lock. */
struct rota_run_handle;
struct rota_post;

/* A handle of the run that this thread is in, counted for the caller; NULL: it is in none. */
ROTA_API struct rota_run_handle *rota_run_handle(void);
/* One holder more: `handle` itself.  And one less: the last one's gives it back; NULL does nothing. */
ROTA_API struct rota_run_handle *rota_run_handle_ref(struct rota_run_handle *handle);
ROTA_API void rota_run_handle_unref(struct rota_run_handle *handle);

/* Call post->fn(post) once on the thread of the run's first loop, as rota_post() does (rota/loop.h); the run does not end before.  0, and
 * `post` is the run's until fn is called; ROTA_ECLOSED: the run is over, and fn is not called. */
ROTA_API int rota_run_post(struct rota_run_handle *handle, struct rota_post *post);

/* Make fn(arg) a detached task of the run (see rota_detached()), on each of its workers in turn.  0, and then done(arg, result) is called once
 * when fn has returned, in its task; or, if the run takes no more tasks or has no memory for it, with that error (-ECANCELED,
 * -ENOMEM) in a callback, and fn is never called.  `done` must not wait.  It may be NULL: then an error goes where
 * those of detached tasks go.  ROTA_ECLOSED, -ENOMEM: nothing was made, and neither is called. */
#define rota_run_spawn(handle, fn, arg, done) rota_run_spawn_at((handle), (fn), (arg), (done), #fn, ROTA_HERE)
ROTA_API int rota_run_spawn_at(struct rota_run_handle *handle, rota_fn fn, void *arg, void (*done)(void *arg, int result),
	const char *name, const char *site);

/* Ask the run to stop, as rota_stop() does in it.  0; ROTA_ECLOSED: it is over. */
ROTA_API int rota_run_stop(struct rota_run_handle *handle);

/* ---- about a run ---- */

/* CPUs this process may use: those of its affinity mask, at most as many as the tightest quota of its cgroups allows, rounded
 * up.  Any thread. */
ROTA_API unsigned rota_cpu_count(void);

/* What the current run uses: "single", "group" or "steal"; "uring" or "epoll".  "none" outside of a run. */
ROTA_API const char *rota_model_name(void);
ROTA_API const char *rota_poller_name(void);

/* How many workers it has in service, as rota_workers_resize() counts them; how many bosses beside them; and of both together, each of
 * which has a loop: those are numbered from 0, bosses first.  In any thread of the run; 0 outside of one. */
ROTA_API unsigned rota_worker_count(void);
ROTA_API unsigned rota_boss_count(void);
ROTA_API unsigned rota_loop_count(void);
/* Which one runs the caller: below rota_loop_count(), but for what a worker still has to end that is out of service.  0 outside of a run. */
ROTA_API unsigned rota_worker_number(void);

/* From now on so many workers are in service (0: as many as the machine has for the model, by the CPUs and quotas of this
 * moment), bosses not counted.  New ones begin at once: the call holds its thread while theirs start, some 100 us for each.  Workers that
 * are too many, always those with the highest numbers, are dealt no more connections and take no more tasks from others; their
 * ready tasks go to others (under steal), their connections too, as soon as they wait for bytes (see
 * rota_workers_rebalance()); what is pinned there, under group every other task, goes on until it ends.  Then they sleep until they are
 * needed again or the run ends.  0; -EINVAL: more than ROTA_WORKERS_MAX; -ENOTSUP: the model is single; -EBUSY: another
 * task is at it; -EPERM: not in a task; or why no more could be had (-EAGAIN, -ENOMEM, -EMFILE): those that were made
 * stay.  Does not wait for other tasks. */
ROTA_API int rota_workers_resize(unsigned workers);

/* Connections of rota_serve() and rota_http_serve() go from workers that have many to those that have few, until all have as
 * many: those that wait for bytes meanwhile, in a task that could itself go (it has not pinned itself, holds no lease, has no scope
 * with a deadline open; under group: no scope at all).  The task goes with its connection and stays there: it sees that only by
 * rota_worker_number().  Done by itself after rota_workers_resize().  Does not wait: they go one after the other.  In a
 * task or a callback of the run's loops; 0, or -EPERM. */
ROTA_API int rota_workers_rebalance(void);

/* What a worker has done since the run began, from counts that it writes without locks: each is right, but for a moment they need
 * not fit together. */
struct rota_worker_stats {
	bool boss, in_service;
	uint32_t connections; /* dealt to it and still open */
	uint64_t runs;	      /* times that a task got the thread */
	uint64_t ended;	      /* tasks that ended there */
	/* Where work is stolen: */
	uint64_t steals, stolen; /* how often it took tasks from another worker's queue; how many */
	uint64_t injected;	 /* how often it took tasks from the common queue: of other threads, and of full queues */
	uint64_t overflows;	 /* how often its own queue was full */
	uint64_t searches;	 /* how often it looked for work elsewhere */
	uint64_t sleeps;	 /* how often it had nothing to do; also under group */
};

/* Those of worker `number`, from 0.  In a task or a callback of the run's loops.  0; -EINVAL: there has never been one of that number; -EPERM. */
ROTA_API int rota_worker_stats(unsigned number, struct rota_worker_stats *ret_stats);

/* Call fn(arg) on a thread of the blocking pool and wait for it: for code that blocks or computes for
 * long.  fn must not use tasks or waits.  Its answer; -ECANCELED or -ETIMEDOUT if the cancellation
 * came before fn had started (then it never runs); -EAGAIN, -ENOMEM: no thread to be had. */
ROTA_API int rota_blocking(rota_fn fn, void *arg);
/* The same with a deadline for its beginning: -ETIMEDOUT if fn has not started by `deadline_ns`, and then it never runs.  One that has
 * is waited for, however long it takes, and its answer wins: it uses what `arg` points to, and nothing can stop it. */
ROTA_API int rota_blocking_until(rota_fn fn, void *arg, uint64_t deadline_ns);

/* Between these the calling task is about to block, or to compute for long, on its own thread: under the steal model its worker goes on
 * on another thread at once, instead of after the 2 ms in which that would be noticed, and nobody is named for it.
 * Giving the worker away costs some tens of microseconds.  Ends early when the task waits for anything.  Under the other models,
 * without rescue (rescue_ns), and for a pinned task, the others of its worker wait all the same.  Does not wait; harmless outside of tasks. */
ROTA_API void rota_blocking_section_begin(void);
ROTA_API void rota_blocking_section_end(void);

/* The pool has up to `threads_max` threads (512 at first; 0: as it is), and one that is idle for `keep_alive_ns` (10 s at
 * first; 0: as it is; ROTA_FOREVER) leaves.  One pool serves the process: functions of rota_blocking(), files, names.  No
 * kind may hold all threads: names half, the others seven eighths.  Lower limits wait for threads to become idle.
 * -EINVAL: more than 32,768 threads.  Any thread, any time. */
ROTA_API int rota_blocking_limits(unsigned threads_max, uint64_t keep_alive_ns);

struct rota_blocking_stats {
	unsigned threads, idle; /* there are; of these, waiting for jobs */
	unsigned queued, running; /* jobs */
	uint64_t taken;		  /* jobs begun so far */
};

/* How the pool is doing.  Any thread. */
ROTA_API void rota_blocking_stats(struct rota_blocking_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
