/* loop.h - one thread's wheel
 *
 * The loop owns a poller, the timers, the queues of callbacks, and the door through which other
 * threads hand it posts.  It knows tasks only as a hook that runs whatever is ready.
 *
 * What keeps a loop alive is counted in `alive`: pending ops, started rota_timers and watchers, jobs
 * on the blocking pool.  Posts, deferred callbacks and ready tasks are seen in their queues. */
#ifndef ROTA_LOOP_LOOP_H
#define ROTA_LOOP_LOOP_H

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <rota/loop.h>

#include "base/list.h"
#include "base/mpsc.h"
#include "base/node.h"
#include "base/timers.h"
#include "loop/inside.h"
#include "os/notes.h"
#include "poll/poller.h"
#include "work/work.h"

/* A growing ring of calls.  Ticks and microtasks are two of them. */
struct rota__calls {
	struct rota__call {
		rota_job_fn fn;
		void *arg;
	} *ring;
	uint32_t mask, tail, head; /* ring[head & mask] is the oldest; empty when head == tail */
	/* Places kept free for rota__calls_push_reserved().  Not beside `tail`: compilers would change both at once, and wait
	 * for the one that was written just before. */
	uint32_t reserved;
};

struct rota__later;

/* Timeouts, intervals and immediates: what users name by a number.  later.c. */
struct rota__laters {
	struct rota__later **chunks; /* their records, which stay where they are */
	uint32_t chunk_count;
	struct rota__later *free;
	struct list immediates; /* those that run in the next check phase */
	uint32_t immediates_ref; /* of them, those that keep the loop alive */
	uint32_t unpolled;	 /* turns since the system was last asked; see rota__laters_hurry() */
	uint32_t poll_every;
	uint64_t polled_ns;
};

/* What is called, and where that was asked for; NULL: not known. */
struct rota__origin {
	const char *kind, *site;
	void (*fn)(void);
};

struct rota_promise;

/* A list through promises' `next`, each with a reference. */
struct rota__promise_list {
	struct rota_promise *first, **last;
};

/* What promises share; promise*.c. */
struct rota__promises {
	size_t count; /* that are not given back: the loop's memory stays as long as there are any */
	bool loop_is_gone;
	bool giving_back;
	struct rota_promise *spare; /* memory for the next ones, through `next` */
	uint32_t spare_room; /* for so many more */
	struct rota__promise_list dying;    /* without references: to be given back */
	struct rota__promise_list rejected; /* and not handled when they were */
	struct rota__promise_list late;	    /* reported as such, and handled since */
	struct list outside; /* what other threads are to settle; promise_of.c */
	void (*unhandled)(struct rota_promise *promise, void *arg);
	void *unhandled_arg;
	void (*handled)(struct rota_promise *promise, void *arg);
	void *handled_arg;
};

struct rota_loop {
	uint64_t now_ns;
	struct rota__timers timers;
	struct rota__poller *poller;
	struct rota__fifo pending;   /* callbacks put off to the pending phase */
	struct rota__fifo closing;   /* last words of handles, run in the closing phase */
	struct rota_watcher phase[3]; /* list heads, by enum rota_phase */
	struct rota__calls ticks, microtasks;
	bool timed; /* each callback is; overrun.c */
	struct rota__laters laters;
	struct rota__promises promises;
	struct rota__measures *measures; /* NULL: it is not measured */
	struct rota__overruns *overruns; /* NULL: callbacks never were timed */
	struct list handles; /* all that are not closed; io/handle.c */
	struct list requests, processes; /* on their way; running.  io/request.c, io/process.c */
	struct list served;  /* streams that a server has dealt to this loop; await/move.c */
	bool retired;	      /* its worker is out of service (task/team.h): they are to go, when they can */
	uint32_t connections; /* of them, those that are on their way here too; any thread adds */

	void *watches;	     /* what the loop's file watches share; io/watch_hub.c */
	void *datagram_room; /* where datagrams are received, once some were; io/datagram.c */

	struct rota__notes notes; /* debug builds: about handles, timers, watchers, requests; os/notes.h */

	/* The hook of the task layer: run what is ready, at most until the loop should look at I/O
	 * again.  It keeps tasks_ready true while something is ready.  False: meanwhile the loop has been taken from this
	 * thread, which must not touch it any more.  NULL: no tasks. */
	bool (*run_tasks)(struct rota_loop *loop);
	/* May the loop sleep?  And: it slept, or was about to.  NULL: nobody wants to know. */
	bool (*may_sleep)(struct rota_loop *loop);
	void (*woke)(struct rota_loop *loop);
	void *tasks;
	bool tasks_ready;
	bool emptying; /* there will be no more tasks: it turns until nothing is alive, as one without */

	uint32_t alive;	   /* reasons to go on, see above */
	uint32_t offloaded; /* ops, requests and functions on the blocking pool */
	uint32_t idle_active; /* idle watchers: the poll must not sleep */
	bool running, stop;
	bool bound; /* it has run, on `owner`, and may run only there unless it is shareable */
	bool shareable;
	bool embedded; /* a foreign loop has asked for the poller's descriptor */
	pid_t owner_pid;   /* a fork's child must not use it */
	pthread_t owner;
	uint64_t spin_ns;  /* the most we look again before sleeping; 0: never */
	uint64_t wait_avg_ns; /* how long recent waits took: spinning pays only if they were short */
	bool posts_are_soon;  /* the last wait that a post ended was short, and none was looked for in vain since */

	/* Other threads' side: away from the loop's fields, so that they do not slow those.  (Not aligned: a program's own
	 * allocator need not know of alignment.) */
	char apart[64];
	struct rota__mpsc posts;
	bool abroad; /* its sleep is a foreign loop's, which waits for the poller's descriptor */
};

/* Hand an op over; exactly one op->done() follows, on this loop, later.  Goes to the blocking pool
 * where the poller cannot carry it. */
void rota__op_submit(struct rota_loop *loop, struct rota__op *op);

/* An op on the blocking pool. */
struct rota__offload {
	struct rota__job job;
	struct rota_post post;
	struct rota__op *op;
	struct rota_loop *loop;
	bool allocated;
};

/* The same with memory for the case that it goes to the pool, kept until done(); NULL: allocate it.  site: see struct rota__job. */
void rota__op_submit_with(struct rota_loop *loop, struct rota__op *op, struct rota__offload *space, const char *site);

/* Ask for the op's end.  Harmless on one that has completed or was cancelled already. */
void rota__op_cancel(struct rota_loop *loop, struct rota__op *op);

/* Run `fn` in the pending phase (rota__loop_defer) or in the closing phase of this turn
 * (rota__loop_close_later).  The node is kept until then. */
void rota__loop_defer(struct rota_loop *loop, struct rota__node *node);
void rota__loop_close_later(struct rota_loop *loop, struct rota__node *node);

/* The immediates that were set before this phase began. */
void rota__loop_run_immediates(struct rota_loop *loop);
void rota__laters_fini(struct rota__laters *laters);

/* Immediates are waiting and the system was asked a moment ago: this turn may go by without asking it. */
bool rota__laters_hurry(struct rota_loop *loop);

/* Run callbacks that were queued during a callback: ticks, then microtasks, until both are empty.
 * Called after every callback; inline because the queues are nearly always empty. */
void rota__loop_drain_calls(struct rota_loop *loop);

static inline bool calls_empty(const struct rota__calls *calls)
{
	return calls->head == calls->tail;
}

/* A callback has returned.  Its time, if callbacks are timed, began when the one before it had. */
void rota__loop_callback_ended(struct rota_loop *loop, const char *kind, const char *site, void (*fn)(void));

static inline void rota__loop_after_callback(struct rota_loop *loop, struct rota__origin origin)
{
	if (__builtin_expect(!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks) || loop->timed, 0))
		rota__loop_callback_ended(loop, origin.kind, origin.site, origin.fn);
}

/* The same for tasks, which are not timed: the watchdog looks at them. */
static inline void rota__loop_after_task(struct rota_loop *loop)
{
	if (__builtin_expect(!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks), 0))
		rota__loop_drain_calls(loop);
}

/* By enum rota_phase. */
extern const char *const rota__watcher_kinds[];

/* For a loop whose callbacks are timed.  The next one's time begins now; one has ended, and the next one begins; another origin is meant
 * than the caller will say, who does not know better. */
void rota__overrun_begin(struct rota_loop *loop);
void rota__overrun_look(struct rota_loop *loop, struct rota__origin origin);
void rota__overrun_origin(struct rota_loop *loop, struct rota__origin origin);

/* To be said before the call by those who know whose callback it is. */
static inline void rota__callback_of(struct rota_loop *loop, struct rota__origin origin)
{
	if (__builtin_expect(loop->timed, 0))
		rota__overrun_origin(loop, origin);
}

/* A fork's child has it; the loop's end. */
void rota__overruns_forked(struct rota_loop *loop);
void rota__overruns_fini(struct rota_loop *loop);

/* The loop a started run put on this thread. */
extern _Thread_local struct rota_loop *rota__loop_here __attribute__((tls_model("initial-exec")));

/* The loop a public call is about: `loop`, or for NULL the one this thread runs.  NULL: it is another thread's, or there
 * is none.  (A shareable loop that nobody runs may be anybody's.) */
static inline struct rota_loop *rota__loop_mine(struct rota_loop *loop)
{
#ifdef ROTA_CHECK_INSIDE
	assert(rota__loop_here == NULL || rota__is_inside()); /* elsewhere it may be taken from the thread at any moment */
#endif
	if (__builtin_expect(loop == rota__loop_here && loop != NULL, 1))
		return loop;
	if (loop == NULL)
		return rota__loop_here;
	return !loop->bound || pthread_equal(loop->owner, pthread_self()) || (loop->shareable && !loop->running) ? loop : NULL;
}

/* For calls that cannot answer -EPERM: unless `loop` is this thread's, end the program, naming the call and what it is about (kind
 * NULL: the loop itself). */
void rota__loop_is_foreign(const char *call, const char *kind, const char *site) __attribute__((noreturn, cold));

static inline void rota__loop_must_be_mine(struct rota_loop *loop, const char *call, const char *kind, const char *site)
{
	if (__builtin_expect(rota__loop_mine(loop) == NULL, 0))
		rota__loop_is_foreign(call, kind, site);
}

/* For a loop that is measured: around the poll, and around a run. */
void rota__measure_poll_begins(struct rota_loop *loop);
void rota__measure_poll_ended(struct rota_loop *loop, bool waited);
void rota__measure_entered(struct rota_loop *loop);
void rota__measure_left(struct rota_loop *loop);

/* Debug builds: look at the memory that the program has lent the loop, at a few objects, or at this one. */
static inline void rota__loop_look(struct rota_loop *loop)
{
#ifndef NDEBUG
	rota__notes_look(&loop->notes);
#endif
}

static inline void rota__loop_check(struct rota_loop *loop, const void *object)
{
#ifndef NDEBUG
	rota__notes_check(&loop->notes, object);
#endif
}

/* All that the program has started on a loop that goes (watchers, and timers of any kind, unreferenced ones) is stopped. */
void rota__loop_stop_all(struct rota_loop *loop);

/* Is any of that started? */
bool rota__loop_any_started(struct rota_loop *loop);

/* One turn; sleeps no longer than `deadline_ns`. */
void rota__loop_turn(struct rota_loop *loop, uint64_t deadline_ns);

/* The timers phase: everything due at loop->now_ns, but for what is started meanwhile. */
void rota__loop_run_timers(struct rota_loop *loop);

/* Enter and leave the loop on this thread, for those who turn it themselves (sched/). */
int rota__loop_enter(struct rota_loop *loop);
void rota__loop_leave(struct rota_loop *loop);

/* The calling thread, which runs no loop, runs this one from now on, between two turns or in the middle of a callback
 * in which its former thread is stuck; what that callback may touch is the caller's concern.  The former thread
 * must not use the loop until it has it back the same way.  -EPERM: it is not running, not shareable, or a fork's
 * parent's; -EBUSY: this thread runs a loop. */
int rota__loop_take(struct rota_loop *loop);

/* The loop this thread ran has been taken from it, or is about to be. */
void rota__loop_lost(void);

/* Is anything waiting that needs a turn without sleep? */
bool rota__loop_busy(const struct rota_loop *loop);

int rota__calls_push(struct rota__calls *calls, rota_job_fn fn, void *arg);
/* Room for `count` more, by doubling; -ENOMEM. */
int rota__calls_grow(struct rota__calls *calls, uint32_t count);
/* Keep `count` places free, or -ENOMEM; use one of them, or give them back. */
static inline int rota__calls_reserve(struct rota__calls *calls, uint32_t count)
{
	uint64_t used = calls->tail - calls->head;

	if (__builtin_expect(calls->ring == NULL || used + calls->reserved + count > (uint64_t)calls->mask + 1, 0) &&
		rota__calls_grow(calls, count) < 0)
		return -ENOMEM;
	calls->reserved += count;
	return 0;
}

static inline void rota__calls_push_reserved(struct rota__calls *calls, rota_job_fn fn, void *arg)
{
	calls->reserved--;
	calls->ring[calls->tail++ & calls->mask] = (struct rota__call){ fn, arg };
}

void rota__promises_init(struct rota__promises *promises);
/* The loop goes; promises may stay. */
void rota__promises_fini(struct rota__promises *promises);
/* What `call`, a microtask, will call of the program's, if it is a promise's. */
struct rota__origin rota__promise_origin(const struct rota__call *call);
/* Report rejections that nobody handled: after all ticks and microtasks. */
void rota__promises_report(struct rota_loop *loop);
void rota__calls_fini(struct rota__calls *calls);

#endif
