/* task.h - what a task is, and the worker that runs it
 *
 *            spawn               take()                 fn returns
 *   (record) -----> FRESH/READY --------> RUNNING --------------------> ENDED
 *                        ^                   |  rota__park()
 *                        |   rota__wake()    v
 *                        +--------------- WAITING
 *
 *   FRESH    ready, has never run: no stack yet (sp == NULL).  Given one at its first run, so that a
 *            million spawned tasks that run one after the other share one warm stack.
 *   READY    in one ready queue, exactly once
 *   RUNNING  worker->current; READY and RUNNING tasks have wait == NULL
 *   WAITING  wait points at the waiter on its own stack: what it waits for, and how to cut it short
 *   BENEATH  it joins a scope, and a task of that scope runs on its stack (task/in_place.c)
 *   ENDED    result is final; the record lives on only while a handle is out (KEPT)
 *
 * Who may touch what.  With one worker everything here belongs to its thread.  In a team (task/team.h) a task
 * is woken and cancelled from any of its threads, hence two more states: a task that parks is visible to wakers before
 * it has left its stack, and must not be run elsewhere before (task/state.h).
 *
 * `lock` guards a task's wait and its chain of scopes against who cancels it, a scope's lock its list of tasks.  Locks are
 * taken downwards in the tree: a scope's, its tasks', their scopes'; those of what a task waits on come last.
 *
 * The record is kept small (a waiting task costs this, a page of stack and its share of page tables), and
 * what only a running task needs lives on its stack. */
#ifndef ROTA_TASK_TASK_H
#define ROTA_TASK_TASK_H

#include <assert.h>
#include <errno.h>
#include <rota/run.h>
#include <rota/task.h>

#include "base/steal.h"
#include "coro/stack.h"
#include "loop/loop.h"
#include "os/spin.h"
#include "task/state.h"
#include "trace/trace.h"

enum {
	/* With its scope's lock: */
	TASK_KEPT = 1, /* a handle is out: the record stays after the end */
	TASK_QUIET = 2, /* that a cancellation ended it is no error of its scope */
};

enum {
	/* With the lock of all joins: */
	JOINS_ENDED = 1,   /* it has its result */
	JOINS_WAITING = 2, /* it waits for the end of tasks */
};

enum { LOCKS_UNCOUNTED = UINT8_MAX };

_Static_assert(ECANCELED <= -INT8_MIN && ETIMEDOUT <= -INT8_MIN, "a reason fits into rota_task.cancel");

struct run;

/* What a task waits on; on its stack while it waits. */
struct rota__wait {
	struct rota_task *task;
	/* Cut the wait short: arrange that the task is woken, now or soon.  Called at most once, with the reason
	 * (-ECANCELED, -ETIMEDOUT), before rota__park() has returned.  NULL: cannot be cut short. */
	void (*cancel)(struct rota__wait *wait, int reason);
	/* Where cancel() must run: what wakes the task happens on this loop too, and so the two cannot meet.
	 * NULL: on any thread, at the same time as a wake-up; cancel() then finds out by itself who is first. */
	struct rota_loop *loop;
	const char *what; /* for people: "waits for ..." */
	int fd;		  /* where that is about a descriptor; else 0 */
	/* A cancellation on its way to `loop` (task/team.c). */
	struct rota_post post;
	int reason;
	uint32_t posted;
};

struct rota_task {
	/* What a switch touches is together; records lie so that it is in one cache line. */
	void *sp; /* where it goes on; NULL before its first run */
	struct rota_scope *innermost; /* the scope it opened last and has not joined */
	struct rota__worker *worker;
	int8_t cancel; /* the reason that reaches the task's own level, 0 for none */
	uint8_t locks; /* of sync/ that it holds; only its own code counts.  LOCKS_UNCOUNTED: it has been too many */
	uint8_t state, flags, priority; /* enum priority */
	uint8_t lock;
	uint8_t stack_class;
	uint8_t joins; /* JOINS_* */

	struct rota__wait *wait;
	struct rota__stack *stack;
	rota_fn fn;
	void *arg;
	struct rota_task *prev, *next; /* in home's list; next also links free records */
	struct rota_scope *home;       /* the scope it was spawned in */
	struct rota__joiner *joiners;  /* who waits for its end (task/join.h) */
	struct rota__binding *locals;
	const char *name, *site;
	uint64_t id;
	int32_t result;
	uint32_t pinned;	  /* reasons why it may not move to another worker; see rota__pin() */
	struct rota__node node;	  /* in the queues of a team; in worker->starved.  Its function is the team's */
	struct rota_task *found;  /* by a search for circles (task/join.c); else NULL */
};

/* One entry of the ready ring: the sp is here so that the next stacks can be prefetched without
 * touching cold records. */
struct rota__ready {
	struct rota_task *task;
	void *sp; /* one more, if it has yielded */
};

/* Which ready task is next; the common one has the cheap queue.  docs/design/tasks.md */
enum priority { NORMAL, URGENT, BULK, PRIORITIES };

/* So many urgent tasks in a row, then another one; one bulk task after so many others. */
enum { URGENT_RUNS = 16, BULK_TURN = 16 };

/* Sizes of stacks: STACK_BYTES_MIN << class, up to STACK_BYTES_MAX. */
enum { STACK_CLASSES = 10 };
_Static_assert((STACK_BYTES_MIN << (STACK_CLASSES - 1)) == STACK_BYTES_MAX && (int)STACK_BYTES_MAX == (int)ROTA_STACK_BYTES_MAX,
	"the classes have all sizes");

/* A thread that runs tasks: its loop, its ready ring, its stacks and records. */
struct rota__worker {
	struct rota_task *current;
	struct rota__ready *ring;
	uint32_t mask, head, tail;
	uint32_t spent; /* since others had their turn: see rota__spend() */
	uint32_t stop_at;    /* where in the ring take() looks up: for the batch's end, or a task of another class */
	uint32_t batch_end, batch; /* where the loop looks at the clock again; how far apart that is now */
	void *loop_sp;	 /* where the loop goes on while a task runs */
	/* Set by who watches over workers (sched/), when it stops looking: it wants to be told of work. */
	bool unwatched;
	void (*on_unwatched)(struct rota__worker *worker);
	struct rota_loop *loop;

	struct rota__stack_pool stacks[STACK_CLASSES];
	uint8_t default_class;
	size_t place_bytes; /* so much room must be left for a task of that class in another one's place */
	/* One stack is kept back for when no other can be had: with it, tasks that wait for memory run
	 * one after the other, so that what their arguments own is never lost. */
	struct rota__stack *reserve;
	struct rota__fifo starved; /* ready, but there was no stack for them */
	/* Ready: of other classes than the common one; in a team also common ones that may not be moved. */
	struct rota__fifo own[PRIORITIES];
	struct rota__fifo came; /* in a team: common ones that stay, which callbacks have made ready since the last batch began */
	uint32_t staying; /* how many are in own[NORMAL] and came */
	bool classed;		/* there has been a task of another class; in a team, there may be, or suspects: any thread sets it */
	uint32_t urgent_runs;	/* in a row */
	uint32_t bulk_at;	/* alone: where in the ring a bulk task has its turn.  In a team: others since the last one */
	uint32_t class_budget;	/* of other classes, until the batch ends */
	uint64_t slice_end_ns;	/* no bulk task begins after that before the loop has looked at I/O */
	struct rota_task *free_records;
	struct record_slab *slabs;
	uint32_t tasks; /* records in use */
	uint32_t room;	/* for as many the ring has places; no limit in a team, which has other queues */
	uint64_t next_id, last_id;
	uint64_t ended; /* tasks that did; other threads may read it */
	uint64_t runs;	/* of tasks, until the loop's last look at them; other threads may read it */
	uint32_t runs_counted;
	uint32_t runs_beside; /* of tasks that were not in the ring */
	uint64_t random;
	uint32_t loop_tail; /* alone: what is behind this in the ring callbacks have made ready since the last slice */
	uint32_t owed_end;  /* so many runs the slice has in any case */

	struct rota_scope *root; /* what is detached */
	void (*on_detached_error)(const struct rota_failed *failed);
	struct run *run; /* its program's (sched/model.h) */
	bool no_shields; /* see rota__end_all(); of a lone worker */

	/* In a team only. */
	struct rota__team *team; /* NULL: it is alone */
	unsigned number;
	bool shares;		    /* its ready tasks with others: where work is stolen, while it is in service */
	uint32_t asked;		    /* enum rota__service, by any thread */
	struct rota_post service;
	void (*shed)(struct rota__worker *worker, uint32_t count); /* await/move.c; NULL: it has never had connections */
	uint32_t free_record_count;
	uint32_t looks;		    /* at the queues: now and then the injector's turn comes first */
	uint32_t lifo_runs;	    /* in a row */
	bool own_turn;		    /* else that of the shared ring */
	struct rota_task *suspected; /* the watchdog gives it less time, if it is the current one */
	bool searching, asleep;	    /* counted by the team */
	struct rota_task *lifo;	    /* made ready last: its data is in the cache */
	struct rota_task *left;	    /* whom the last switch left, until that is dealt with */
	int left_to;		    /* enum rota__leave */
	struct rota__worker *left_for;
	struct rota__steal shared;  /* ready, for whoever is first */
	struct rota__counts {	    /* what it has done; written by its thread, read by any */
		uint64_t steals, stolen, overflows, injected, searches, sleeps;
	} counts;
};

extern _Thread_local struct rota__worker *rota__worker_here __attribute__((tls_model("initial-exec")));

/* The worker of this thread.  A task may find itself on another thread after any wait, and a compiler may keep the address of
 * a thread's variable over a call: so it is asked for in a place that it cannot see into, where addresses are kept in
 * registers at all. */
#if defined(__x86_64__) && !defined(ROTA_CHECK_INSIDE)
static inline struct rota__worker *rota__here_unchecked(void)
{
	return rota__worker_here;
}
#else
struct rota__worker *rota__here_unchecked(void);
#endif

/* The same, for who is inside (loop/inside.h): elsewhere the worker may be taken from the thread at any moment. */
static inline struct rota__worker *rota__here(void)
{
#ifdef ROTA_CHECK_INSIDE
	assert(rota__here_unchecked() == NULL || rota__is_inside());
#endif
	return rota__here_unchecked();
}

/* Make a worker of the calling thread's `loop`.  `root` is the scope of what is detached.  `team`, of which it is
 * number `number`, may be NULL.  0, -ENOMEM. */
int rota__worker_init(struct rota__worker *worker, struct rota_loop *loop, size_t stack_bytes, struct rota_scope *root,
	struct rota__team *team, unsigned number);
/* All tasks have ended.  On its thread. */
void rota__worker_leave(struct rota__worker *worker);
/* Give back its memory: after that of no other worker of the team is used. */
void rota__worker_fini(struct rota__worker *worker);

/* ---- waiting: what every waiting call is made of ---- */

static inline struct rota_task *rota__current(void)
{
	struct rota__worker *worker = rota__here();

	return worker != NULL ? worker->current : NULL;
}

/* The reason with which a wait of `task`, the running one, must answer now, or 0. */
static inline int rota__task_cancelled(const struct rota_task *task)
{
	return task->innermost != NULL ? load_relaxed(&task->innermost->cancel) : load_relaxed(&task->cancel);
}

/* The first of its open scopes, below which all that it owns hangs; NULL: it has none.  With its lock. */
static inline struct rota_scope *rota__outermost(const struct rota_task *task)
{
	struct rota_scope *scope = task->innermost;

	while (scope != NULL && scope->outer != NULL)
		scope = scope->outer;
	return scope;
}

/* Do several threads run the tasks of this program? */
static inline bool rota__in_team(void)
{
	const struct rota__worker *worker = rota__here();

	return worker != NULL && worker->team != NULL;
}

/* Locks of tasks and scopes: nothing where one thread has them all, which is when there is no team. */
static inline void rota__lock_in(const struct rota__team *team, uint8_t *lock)
{
	if (__builtin_expect(team != NULL, 0))
		spin_lock(lock);
}

static inline void rota__unlock_in(const struct rota__team *team, uint8_t *lock)
{
	if (__builtin_expect(team != NULL, 0))
		spin_unlock(lock);
}

/* The same where the team is not at hand. */
static inline void rota__lock(uint8_t *lock)
{
	if (rota__in_team())
		spin_lock(lock);
}

static inline void rota__unlock(uint8_t *lock)
{
	if (rota__in_team())
		spin_unlock(lock);
}

/* Two counts and a mark in `pinned`.  Each thing that counts takes some stack, or one of a loop's few buffers: there cannot be so
 * many of them. */
enum { PIN_TO_WORKER = 1 << 16 };
#define PIN_AWAY (UINT32_C(1) << 31)

/* Between these the running task stays on its worker, and so on one loop; and its worker stays on this thread.  The last unpin of a
 * visit (see rota__pin_to()) ends that. */
static inline void rota__pin(struct rota_task *task)
{
	assert((task->pinned + 1) % PIN_TO_WORKER != 0);
	store_relaxed(&task->pinned, task->pinned + 1);
}

void rota__end_visit(struct rota_task *task);

static inline void rota__unpin(struct rota_task *task)
{
	store_relaxed(&task->pinned, task->pinned - 1);
	if (__builtin_expect(task->pinned & PIN_AWAY, 0))
		rota__end_visit(task);
}

/* The same, but another thread may go on with the worker if the task keeps this one for long (task/rescue.h). */
static inline void rota__pin_to_worker(struct rota_task *task)
{
	store_relaxed(&task->pinned, task->pinned + PIN_TO_WORKER);
}

static inline void rota__unpin_from_worker(struct rota_task *task)
{
	store_relaxed(&task->pinned, task->pinned - PIN_TO_WORKER);
}

static inline bool rota__pinned_to_thread(const struct rota_task *task)
{
	return load_relaxed(&task->pinned) % PIN_TO_WORKER != 0; /* another thread may ask, see rota__driver_evict() */
}

static inline bool rota__is_away(const struct rota_task *task)
{
	return task->pinned & PIN_AWAY;
}

/* Call a function of the program from inside; `before` is what rota__enter() said. */
static inline int rota__call_out(bool before, rota_fn fn, void *arg)
{
	int result;

	if (__builtin_expect(before, 1))
		return fn(arg);
	rota__go_out();
	result = fn(arg);
	rota__go_in();
	return result;
}

/* The running task has a mutex or a place in a read-write lock from now on, or not any more. */
static inline void rota__lock_taken(struct rota_task *task)
{
	if (__builtin_expect(task->locks != LOCKS_UNCOUNTED, 1))
		task->locks++;
}

static inline void rota__lock_left(struct rota_task *task)
{
	if (__builtin_expect(task->locks != LOCKS_UNCOUNTED, 1))
		task->locks--;
}

/* Go on on the worker of `loop`, which is of this run, and be pinned to it, until rota__unpin().  What belongs to a loop (a stream, a
 * listener) is used only there.  A task that may move stays where it came to.  One that may not (it is pinned already, or it is in a
 * group) is there on a visit: with the unpin it is back.  There is no visit within a visit: between the two no
 * code of the program runs, and none of ours that goes to a third loop.  0, or -EPERM: it is a loop of somebody else. */
int rota__pin_to(struct rota_task *task, const struct rota_loop *loop);

/* The running task, which nothing keeps, is from now on one of the worker of `loop`, of this run; in a group, too. */
void rota__move_to(struct rota_task *task, const struct rota_loop *loop);

/* The same of what may go to another loop while the task is on its way: *home is written on the loop that it names, and stays
 * while somebody else is there for it. */
int rota__pin_to_home(struct rota_task *task, struct rota_loop *const *home);

/* The running task waits on `wait`, whose fields are set, until rota__wake(). */
void rota__park(struct rota__wait *wait);

/* A waiting task becomes ready.  Exactly once for each rota__park(); any thread of the run. */
void rota__wake(struct rota_task *task);

/* What a call that need not wait has cost, roughly, in units of the cheapest: some 10 ns. */
enum { FREE_CALL = 1, FREE_SYSTEM_CALL = 16, SPENDING_MAX = 1024 };

/* The running task makes a call that may end without waiting.  Every so often, after some 10 us of small calls and some 0.2 ms of small
 * sends, that is a reason to let the others run, or who is always served at once would hold the thread for ever.  What
 * may wait is counted, however it ends: a refusal costs as little as a success, and a loop of them is as endless.  Not the try_
 * forms: they promise not to let others run. */
static inline void rota__spend(struct rota__worker *worker, uint32_t units)
{
	worker->spent += units;
	if (__builtin_expect(worker->spent >= SPENDING_MAX, 0)) {
		worker->spent = 0;
		rota_yield();
	}
}

static inline void rota__coop(struct rota__worker *worker)
{
	rota__spend(worker, FREE_SYSTEM_CALL);
}

/* The running task begins a call that may wait, and holds nothing of ours: so others have their turn before it takes a lock, and not while
 * it has it.  NULL: it is called outside of tasks. */
static inline struct rota_task *rota__begin_call(void)
{
	struct rota__worker *worker = rota__here();
	struct rota_task *task = worker != NULL ? worker->current : NULL;

	if (__builtin_expect(task != NULL, 1))
		rota__spend(worker, FREE_CALL);
	return task;
}

static inline uint32_t rota__random_below(struct rota__worker *w, uint32_t limit)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's MMIX */
	return (uint32_t)((w->random >> 33) % limit);
}

/* As rota_spawn_at(), on that worker of the same run. */
int rota__spawn_on(struct rota__worker *worker, struct rota_scope *scope, rota_fn fn, void *arg, const char *name,
	const char *site);

/* The same of a task that stays there, with a handle (rota_task_release()). */
int rota__spawn_pinned_on(struct rota_task **ret_task, struct rota__worker *worker, struct rota_scope *scope, rota_fn fn,
	void *arg, const char *name, const char *site);

/* ---- between the files of this folder ---- */

/* A record with a place in the ready ring; NULL: no memory.  What is the same at the end of a task as at its beginning is not
 * set again: a free record has no sp, stack, open scope, locks, wait, join, joiners and locals. */
struct rota_task *rota__record_new(struct rota__worker *worker);
void rota__record_free(struct rota__worker *worker, struct rota_task *task);
/* Memory of records and ring, of which none is used any more. */
void rota__records_fini(struct rota__worker *worker);

/* Which of a worker's pools has stacks of so many bytes; not more than STACK_BYTES_MAX. */
uint8_t rota__stack_class(size_t bytes);

/* The same as below for a task of another class than the common one. */
void rota__queue_by_class(struct rota__worker *worker, struct rota_task *task);

/* The running task makes way for `child`, which is new, and goes on when that first waits or ends; in a team another worker may
 * go on with it at once. */
void rota__run_now(struct rota_task *child);

/* The running task joins `scope`: is the next one to run here of that scope, so that it may run in its place?  Then it is in no queue that
 * others look into, and the next call is for it. */
struct rota_task *rota__take_in_place(struct rota_task *task, const struct rota_scope *scope);

/* It runs, on the stack of `task`, and has ended when this returns, which is then with the scope's lock; in a team that may be on another
 * worker.  False: it cannot, and is ready as before. */
bool rota__run_in_place(struct rota_task *task, const struct rota_scope *scope, struct rota_task *child);

/* Is there a task that is ready for it?  Its thread. */
bool rota__has_work(const struct rota__worker *worker);

/* About how many tasks are ready there; its thread. */
static inline uint32_t rota__ready_count(const struct rota__worker *worker)
{
	return worker->team == NULL ? worker->tail - worker->head : worker->staying + steal_count(&worker->shared);
}

/* Tasks that ran there so far, modulo 2^32; any thread. */
static inline uint32_t rota__runs(const struct rota__worker *worker)
{
	return load_relaxed(&worker->head) + load_relaxed(&worker->runs_beside);
}

static inline void rota__set_running(struct rota__worker *worker, struct rota_task *task)
{
	store_release(&worker->current, task); /* acquired by the watchdog, which looks at the task */
	rota__trace(ROTA__EV_TASK_RUN, task->id, task->name);
}

/* A lone worker's task becomes ready; `sp` is what the ring has of it. */
static inline void rota__queue_with(struct rota__worker *worker, struct rota_task *task, void *sp)
{
	if (__builtin_expect(task->priority != NORMAL, 0)) {
		rota__queue_by_class(worker, task);
		return;
	}
	task->state = TASK_READY;
	worker->ring[worker->tail++ & worker->mask] = (struct rota__ready){ task, sp };
}

/* It is new, or was waiting. */
static inline void rota__queue(struct rota__worker *worker, struct rota_task *task)
{
	rota__queue_with(worker, task, task->sp);
}

/* The same, and the loop is told: it may be a callback of the loop that makes it ready. */
static inline void rota__make_ready(struct rota__worker *worker, struct rota_task *task)
{
	rota__queue(worker, task);
	worker->loop->tasks_ready = true;
}

/* A mistake of the program's that leaves nothing to go on with: say what, and abort(3).  `task` may be NULL. */
_Noreturn void rota__die(const char *what, const struct rota_task *task);

/* The program's code has come back from a call.  In a forked child that returns, its task is the parent's, and it has no worker. */
static inline void rota__check_not_forked(const struct rota_task *task)
{
	if (__builtin_expect(rota__here_unchecked() == NULL, 0))
		rota__die("a forked child has returned, and must end with _exit(2) or exec(3)", task);
}

/* fn has returned: what is the program's is called in the task's own frame, where it may wait as fn could (destructors of its locals,
 * who is told of a detached task's error).  It may be on another worker afterwards. */
void rota__task_last_words(struct rota_task *task, int result);

static inline void rota__task_ends(struct rota_task *task, int result)
{
	if (__builtin_expect(task->locals != NULL || result < 0, 0))
		rota__task_last_words(task, result);
}

/* After that nothing of the program is called: tell scope and joiners.  The record may be gone afterwards. */
void rota__task_ended(struct rota__worker *worker, struct rota_task *task, int result);

/* The same of one that the owner of its scope has run while it joins that: who goes on with the scope's lock, and with nobody to wake. */
void rota__task_ended_in_place(struct rota__worker *worker, struct rota_task *task, int result);

/* Those who wait for this task's end have its result. */
void rota__wake_joiners(struct rota_task *task, int result);

void rota__scope_init(struct rota_scope *scope, struct rota_task *owner, const struct rota_scope_options *options);
void rota__scope_task_ended(struct rota__worker *worker, struct rota_scope *scope, struct rota_task *task);
void rota__scope_task_ended_in_place(struct rota__worker *worker, struct rota_scope *scope, struct rota_task *task);
void rota__scope_note_error(struct rota_scope *scope, int code);
/* Whoever cancelled the task alone waits for it, and is told: its answer is no news for the scope. */
bool rota__scope_is_told_elsewhere(struct rota_scope *scope, const struct rota_task *task, int result);
/* The run's handler, if it has one, is told; `failed` has all but the worker.  In a callback of its loop. */
void rota__tell_failed(struct rota__worker *worker, struct rota_failed failed);

/* What scope->cancel is from the end of its join on: so that whoever spawns looks at one field. */
enum { SCOPE_JOINED = -EINVAL };

/* May a thread of `here`, NULL for one that is in no run, spawn into the scope and cancel it?  0; -EINVAL: it has been joined;
 * -EPERM: it is of another run, or was never opened. */
int rota__scope_refuses(const struct rota_scope *scope, const struct rota__worker *here);
/* The same about joining, cancelling and releasing a task. */
int rota__task_refuses(const struct rota_task *task, const struct rota__worker *here);
/* Cancel for `reason`, which one of SCOPE_BY_* tells in the flags. */
void rota__scope_cancel(struct rota_scope *scope, int reason, uint32_t why);

/* Cut the task's wait short, if that can be.  With the task's lock. */
void rota__task_interrupt(struct rota_task *task, int reason);

/* What a task waits for that joins a scope. */
extern const char rota__tasks_of_a_scope[];

/* Why a scope was cancelled; private bits of scope->flags beside ROTA_SCOPE_*. */
enum {
	SCOPE_BY_CALL = 0x100,	/* rota_scope_cancel(): the join does not call that an error */
	SCOPE_BY_ERROR = 0x200, /* a task failed */
	SCOPE_BY_TIME = 0x400,	/* its own deadline */
	SCOPE_CUT = 0x800,	/* a task of it ended because of the cancellation */
	SCOPE_ROOT = 0x1000,
	SCOPE_PINS = 0x2000, /* its deadline's timer keeps the owner on its worker */
};

/* Task-locals at spawn and at the end. */
struct rota__binding *rota__locals_inherit(struct rota_task *parent);
void rota__locals_drop(struct rota__binding *bindings);

#endif
