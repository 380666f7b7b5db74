/* worker.c - ready tasks get the thread, one after the other
 *
 * Tasks switch directly to the next ready task; the loop is entered only when nothing is ready or
 * the budget is used up.  A task that ends goes on as the next one: if that is fresh, it simply runs
 * on the stack that just became free, without a switch.
 *
 *   loop --run_ready()--> task A --park()--> task B --ends, becomes--> task C --nothing ready--> loop
 *
 * In a team the task that was left must not be seen by others before its stack is left too: the switch
 * notes what is to become of it, and the other side of the switch settles that. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "coro/overflow.h"
#include "coro/sanitize.h"
#include "task/join.h"
#include "task/rescue.h"
#include "task/task.h"
#include "task/team.h"
#include "trace/trace.h"

_Thread_local struct rota__worker *rota__worker_here;

#if !defined(__x86_64__) || defined(ROTA_CHECK_INSIDE)
__attribute__((noinline)) struct rota__worker *rota__here_unchecked(void)
{
	__asm__ volatile("");
	return rota__worker_here;
}
#endif

enum {
	/* Runs between two looks at the clock: at 4 ns a switch the clock's 25 ns are 5 %. */
	BATCH = 128,
	FIRST_BATCH = 4, /* until it is known how long they take */
	/* How far ahead stacks are prefetched: measured best between 4 and 6 (docs/design/tasks.md). */
	AHEAD = 5,
	/* Ready tasks have the thread this long before the loop looks at I/O, which costs 0.2 us. */
	SLICE_NS = 50000,
	/* Or so long, to go once through those that were ready: what comes from I/O would be behind them in any case, unless they
	 * have yielded. */
	ROUND_NS = 500000,
	YIELDED = 1, /* is added to the sp in the ring, which is even */
};

/* ---- running ---- */

static __attribute__((noinline)) struct rota_task *take_in_team(struct rota__worker *w)
{
	struct rota_task *task;

	if (w->head == w->stop_at)
		return NULL;
	task = rota__team_take(w);
	if (task != NULL) {
		store_relaxed(&w->head, w->head + 1); /* the watchdog looks at it */
		store_relaxed(&task->worker, w); /* a survey looks at it */
	}
	return task;
}

/* The ring is not empty: go on in it, whose first task the caller has. */
static inline void step(struct rota__worker *w, uint32_t head)
{
	struct rota__ready ahead = w->ring[(head + 1 + AHEAD) & w->mask];

	store_relaxed(&w->head, head + 1); /* the watchdog looks at it */
	__builtin_prefetch(ahead.sp);
	__builtin_prefetch((const void *)((uintptr_t)ahead.sp + 64)); /* the switch's frame, and that of who called it */
	__builtin_prefetch(ahead.task);
}

/* ---- classes, of a lone worker (those of a team are in team_queue.c) ----
 *
 * The ring is for the common class, and who takes from it looks at nothing else before `stop_at`. */

static void plan_stop(struct rota__worker *w)
{
	uint32_t left = w->batch_end - w->head, to_bulk = w->bulk_at - w->head;

	if (!fifo_empty(&w->own[URGENT]))
		left = 0;
	else if (!fifo_empty(&w->own[BULK]) && to_bulk < left)
		left = to_bulk;
	w->stop_at = w->head + left;
}

void rota__queue_by_class(struct rota__worker *w, struct rota_task *task)
{
	struct rota__fifo *queue = &w->own[task->priority];
	bool first = fifo_empty(queue);

	task->state = TASK_READY;
	fifo_push(queue, &task->node);
	w->classed = true;
	if (first && task->priority == BULK)
		w->bulk_at = w->head + BULK_TURN;
	if (first)
		plan_stop(w);
}

static struct rota_task *take_own(struct rota__worker *w, enum priority priority)
{
	struct rota__node *node = fifo_pop(&w->own[priority]);

	if (node == NULL)
		return NULL;
	w->class_budget--;
	store_relaxed(&w->runs_beside, w->runs_beside + 1); /* the watchdog looks at it */
	return container_of(node, struct rota_task, node);
}

static struct rota_task *take_bulk(struct rota__worker *w)
{
	w->bulk_at = w->head + BULK_TURN;
	return rota_now_ns() < w->slice_end_ns ? take_own(w, BULK) : NULL;
}

static struct rota_task *take_by_class(struct rota__worker *w)
{
	uint32_t head = w->head;
	struct rota_task *task;

	if (head == w->batch_end || w->class_budget == 0)
		return NULL;
	if (w->urgent_runs++ < URGENT_RUNS && !fifo_empty(&w->own[URGENT])) {
		task = take_own(w, URGENT);
	} else {
		w->urgent_runs = 0;
		if (head == w->tail) {
			task = take_bulk(w);
			if (task == NULL)
				task = take_own(w, URGENT);
		} else if (head == w->bulk_at && !fifo_empty(&w->own[BULK])) {
			task = take_bulk(w);
		} else {
			task = w->ring[head & w->mask].task;
			step(w, head);
		}
	}
	plan_stop(w);
	return task;
}

/* ---- those that yield ----
 *
 * They are always ready, and what they keep waiting is not: what callbacks make ready goes before them. */

static bool next_has_yielded(const struct rota__worker *w)
{
	if (w->team != NULL)
		return rota__team_next_has_yielded(w);
	return w->head != w->tail && ((uintptr_t)w->ring[w->head & w->mask].sp & YIELDED);
}

static uint32_t overtake_alone(struct rota__worker *w)
{
	uint32_t came = w->tail - w->loop_tail, head = w->head - came;

	if (came == 0 || w->head == w->loop_tail || !next_has_yielded(w))
		return 0;
	/* Backwards: where the ring is nearly full the places overlap. */
	for (uint32_t i = came; i-- > 0;)
		w->ring[(head + i) & w->mask] = w->ring[(w->loop_tail + i) & w->mask];
	w->tail = w->loop_tail;
	w->bulk_at -= came;
	store_relaxed(&w->head, head); /* the watchdog looks at both */
	store_relaxed(&w->runs_beside, w->runs_beside + came);
	return came;
}

/* A slice begins.  However much comes, some of those that are overtaken have their turn in it. */
static void overtake(struct rota__worker *w)
{
	uint32_t came = w->team != NULL ? rota__team_overtake(w) : overtake_alone(w);

	w->owed_end = w->head + (came > 0 ? came + 1 + came / URGENT_RUNS : 0);
}

static inline struct rota_task *take(struct rota__worker *w)
{
	struct rota_task *task;
	uint32_t head = w->head;

	if (__builtin_expect(w->team != NULL, 0))
		return take_in_team(w);
	if (head == w->stop_at || head == w->tail)
		return __builtin_expect(w->classed, 0) ? take_by_class(w) : NULL;
	task = w->ring[head & w->mask].task;
	step(w, head);
	return task;
}

static void task_main(void *unused);

static inline void set_on(struct rota_task *task, struct rota__stack *stack)
{
	task->stack = stack;
	stack->owner = task;
	task->sp = rota__stack_start(stack, stack->top, task_main);
}

static int no_stack(void *unused)
{
	(void)unused;
	return -ENOMEM;
}

/* A stack for a fresh task, at the worst the one kept back.  False: there is none now; the task has its
 * turn when one is free.  (A task that asked for another size cannot wait for that: it ends with
 * -ENOMEM on a stack of the common size, and its body never runs.) */
static bool prepare(struct rota__worker *w, struct rota_task *task)
{
	task->stack = rota__stack_get(&w->stacks[task->stack_class]);
	if (task->stack == NULL && task->stack_class == w->default_class) {
		task->stack = w->reserve;
		w->reserve = NULL;
	}
	if (task->stack != NULL) {
		set_on(task, task->stack);
		return true;
	}
	if (task->stack_class != w->default_class) {
		task->fn = no_stack;
		task->stack_class = w->default_class;
		return prepare(w, task);
	}
	if (w->team != NULL) { /* others may have one: until then it goes round */
		rota__team_queue_last(w, task);
		return false;
	}
	fifo_push(&w->starved, &task->node);
	return false;
}

/* A stack is free: it is kept back if none is, and a starved task has its turn. */
static void release_stack(struct rota__worker *w, struct rota__stack *stack, uint8_t class)
{
	if (__builtin_expect(w->reserve == NULL, 0) && class == w->default_class)
		w->reserve = stack;
	else
		rota__stack_put(&w->stacks[class], stack);
	if (__builtin_expect(!fifo_empty(&w->starved), 0))
		rota__make_ready(w, container_of(fifo_pop(&w->starved), struct rota_task, node));
}

/* Fresh tasks are given a stack on the way; this is the slower half of take_prepared(). */
static __attribute__((noinline)) struct rota_task *prepare_or_next(struct rota__worker *w, struct rota_task *task)
{
	while (task != NULL && task->sp == NULL && !prepare(w, task))
		task = take(w);
	return task;
}

/* The next task that can run, prepared; NULL: back to the loop. */
static inline struct rota_task *take_prepared(struct rota__worker *w)
{
	struct rota_task *task = take(w);

	if (task == NULL || task->sp != NULL)
		return task;
	if (__builtin_expect(w->stacks[task->stack_class].free == NULL, 0))
		return prepare_or_next(w, task);
	set_on(task, rota__stack_get(&w->stacks[task->stack_class]));
	return task;
}

/* The running task goes on next, but for one that runs before. */
static void make_way(struct rota__worker *w, struct rota_task *task)
{
	if (w->team != NULL) {
		w->left = task;
		w->left_to = LEFT_FOR_CHILD;
		store_relaxed(&w->head, w->head + 1); /* the watchdog looks at it */
		return;
	}
	store_relaxed(&w->head, w->head - 1); /* its place there is free: it runs */
	w->ring[w->head & w->mask] = (struct rota__ready){ task, task->sp };
	store_relaxed(&w->runs_beside, w->runs_beside + 2); /* its way there and back cancel out */
}

void rota__run_now(struct rota_task *child)
{
	struct rota_task *task = rota__current();
	struct rota__worker *w = task->worker;

	if (!prepare(w, child))
		return; /* it has its turn when there is a stack */
	make_way(w, task);
	rota__trace(ROTA__EV_TASK_STOP, task->id, task->name);
	rota__set_running(w, child);
	rota__stack_switch(task->stack, &task->sp, child->stack, child->sp, NULL, false);
	w = task->worker;
	if (w->team != NULL)
		rota__team_settle(w); /* whom the switch left that led here */
	rota__coop(w); /* or a task that spawns for ever would never let the others run */
}

/* From the running task (whose state is set) to the next, or to the loop. */
static __attribute__((noinline)) void switch_away(struct rota__worker *w, struct rota_task *task)
{
	struct rota_task *next = take_prepared(w);

	rota__trace(ROTA__EV_TASK_STOP, task->id, task->name);
	if (next == NULL) {
		store_relaxed(&w->current, NULL);
		rota__stack_switch(task->stack, &task->sp, NULL, w->loop_sp, NULL, false);
	} else {
		rota__set_running(w, next);
		if (next != task)
			rota__stack_switch(task->stack, &task->sp, next->stack, next->sp, NULL, false);
	}
}

/* The same for a lone worker, in the fewest instructions when the next task has run before.  What is rare is called, and
 * nothing is live across the switch but `task`: so the callers save no registers beside those the switch saves. */
static inline __attribute__((always_inline)) void switch_alone(struct rota__worker *w, struct rota_task *task)
{
	uint32_t head = w->head;
	struct rota_task *next = w->ring[head & w->mask].task;

	if (__builtin_expect(head == w->tail || head == w->stop_at || rota__trace_on, 0) || next->sp == NULL) {
		switch_away(w, task);
		return;
	}
	step(w, head);
	store_release(&w->current, next); /* as in rota__set_running() */
	if (next != task)
		rota__stack_switch(task->stack, &task->sp, next->stack, next->sp, NULL, false);
}

/* The dead task's stack goes back to its pool while we still stand on it: nobody can take it before
 * the switch below is over, and that leaves nothing on it that is wanted. */
static inline _Noreturn __attribute__((always_inline)) void switch_for_good(
	struct rota__worker *w, struct rota__stack *stack, uint8_t class)
{
	struct rota_task *next = take_prepared(w);
	void *nowhere;

	release_stack(w, stack, class);
	if (next != NULL) {
		rota__set_running(w, next);
		rota__stack_switch(stack, &nowhere, next->stack, next->sp, NULL, true);
	} else {
		store_relaxed(&w->current, NULL);
		rota__stack_switch(stack, &nowhere, NULL, w->loop_sp, NULL, true);
	}
	__builtin_unreachable();
}

static void task_main(void *unused)
{
	struct rota__worker *w = rota__here();
	struct rota_task *task = w->current;

	rota__stack_entered();
	if (w->team != NULL)
		rota__team_settle(w);
	for (;;) {
		int result = rota__call_out(w->team == NULL || !w->team->rescues, task->fn, task->arg);
		struct rota__stack *stack = task->stack;
		uint8_t class = task->stack_class;

		rota__check_not_forked(task);
		rota__task_ends(task, result);
		w = task->worker; /* it may have moved */
		rota__trace(ROTA__EV_TASK_STOP, task->id, task->name);
		rota__stack_check(stack);
		rota__task_ended(w, task, result);
		/* Only a fresh task of the same size can go on here. */
		if (w->team != NULL || w->head == w->tail || w->head == w->stop_at || !fifo_empty(&w->starved) ||
			w->ring[w->head & w->mask].sp != NULL ||
			w->ring[w->head & w->mask].task->stack_class != class)
			switch_for_good(w, stack, class);
		task = take(w);
		task->stack = stack;
		task->sp = stack->top; /* not fresh any more, should it yield before it is ever parked */
		stack->owner = task;
		rota__set_running(w, task);
	}
}

/* Leave the running task's stack; what is to become of the task is settled when that has happened.  It may go on on
 * another worker. */
static __attribute__((noinline)) void leave(struct rota_task *task, enum rota__leave to)
{
	struct rota__worker *w = task->worker;

	w->left = task;
	w->left_to = to;
	switch_away(w, task);
	rota__team_settle(task->worker); /* whom the switch left that led here */
}

/* Wait for a wake-up that may have come already. */
static void wait_in_team(struct rota_task *task)
{
	if (state_park(&task->state))
		leave(task, LEFT_PARKED);
}

/* A cancellation from another thread either sees the wait, or is seen here. */
static __attribute__((noinline)) void park_in_team(struct rota__wait *wait)
{
	struct rota_task *task = wait->task;
	void (*cancel)(struct rota__wait *, int) = NULL;
	int reason;

	spin_lock(&task->lock);
	wait->posted = 0;
	task->wait = wait;
	reason = rota__task_cancelled(task);
	if (reason != 0 && wait->cancel != NULL) {
		cancel = wait->cancel;
		wait->cancel = NULL;
		cancel(wait, reason);
	}
	spin_unlock(&task->lock);
	wait_in_team(task);
	spin_lock(&task->lock);
	task->wait = NULL;
	spin_unlock(&task->lock);
	if (rota__team_post_is_out(wait))
		wait_in_team(task);
}

void rota__park(struct rota__wait *wait)
{
	struct rota_task *task = wait->task;

	assert(task->worker->current == task);
	if (__builtin_expect(task->worker->team != NULL, 0)) {
		park_in_team(wait);
		return;
	}
	task->wait = wait;
	task->state = TASK_WAITING;
	switch_alone(task->worker, task);
	task->wait = NULL;
}

void rota__wake(struct rota_task *task)
{
	rota__trace(ROTA__EV_TASK_READY, task->id, task->name);
	if (!rota__in_team()) {
		assert(task->state == TASK_WAITING);
		rota__make_ready(task->worker, task);
	} else if (state_wake(&task->state)) {
		rota__team_make_ready(task);
	}
}

static __attribute__((noinline)) int yield_in_team(void)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	int reason;

	if (task == NULL)
		return -EPERM;
	reason = rota__task_cancelled(task);
	leave(task, LEFT_YIELDED);
	return reason;
}

int rota_yield(void)
{
	struct rota__worker *w = rota__here_unchecked(); /* of a team or not, that is so for ever */
	struct rota_task *task;
	int reason;

	if (__builtin_expect(w == NULL, 0))
		return -EPERM;
	if (__builtin_expect(w->team != NULL, 0))
		return yield_in_team();
	task = w->current;
	if (task == NULL)
		return -EPERM;
	reason = rota__task_cancelled(task);
	rota__queue_with(w, task, (char *)task->sp + YIELDED); /* run_ready() sees by itself that something is ready */
	switch_alone(w, task);
	return reason;
}

/* ---- going to another worker ---- */

static void travel(struct rota_task *task, struct rota__worker *there)
{
	task->worker->left_for = there;
	leave(task, LEFT_FOR_ANOTHER);
}

/* Where a visitor comes from, and with how many pins, stands in his stack: few tasks are away, and records are small. */
static __attribute__((noinline)) int go_to(struct rota_task *task, struct rota__worker *there)
{
	struct rota__worker *here = task->worker;

	if (there == NULL || there->team == NULL || there->team != here->team)
		return -EPERM;
	assert(!rota__is_away(task));
	if (task->pinned > 0 || !here->team->steal) {
		task->stack->next = (void *)here;
		task->stack->mark = task->pinned;
		store_relaxed(&task->pinned, task->pinned | PIN_AWAY);
	}
	rota__pin(task);
	travel(task, there);
	return 0;
}

int rota__pin_to(struct rota_task *task, const struct rota_loop *loop)
{
	if (loop->tasks != task->worker)
		return go_to(task, loop->tasks);
	rota__pin(task);
	return 0;
}

/* Something was unpinned while the task is away: was it the visit? */
__attribute__((noinline)) void rota__end_visit(struct rota_task *task)
{
	if ((task->pinned & ~PIN_AWAY) != task->stack->mark)
		return;
	store_relaxed(&task->pinned, task->pinned & ~PIN_AWAY);
	travel(task, (void *)task->stack->next);
}

void rota__move_to(struct rota_task *task, const struct rota_loop *loop)
{
	assert(task->pinned == 0);
	if (loop->tasks == task->worker)
		return;
	rota__pin(task); /* or it would be stolen on its way */
	travel(task, loop->tasks);
	rota__unpin(task);
}

int rota__pin_to_home(struct rota_task *task, struct rota_loop *const *home)
{
	for (;;) {
		const struct rota_loop *loop = load_acquire(home); /* pairs with who sends it elsewhere */
		int rc = rota__pin_to(task, loop);

		if (rc < 0 || load_relaxed(home) == loop)
			return rc;
		rota__unpin(task);
	}
}

bool rota__has_work(const struct rota__worker *w)
{
	if (w->team != NULL)
		return rota__team_has_work(w);
	return w->head != w->tail || !fifo_empty(&w->own[URGENT]) || !fifo_empty(&w->own[BULK]);
}

static void begin_batch(struct rota__worker *w)
{
	w->batch_end = w->stop_at = w->head + w->batch;
	w->class_budget = w->batch;
	if (w->team != NULL)
		fifo_append(&w->own[NORMAL], &w->came);
	else if (__builtin_expect(w->classed, 0))
		plan_stop(w);
}

/* Tasks that compute for long: the loop looks up after fewer of them, so that I/O and timers wait for one slice and not for a
 * hundred tasks. */
static void fit_batch(struct rota__worker *w, uint64_t took_ns)
{
	if (took_ns > SLICE_NS)
		w->batch = (uint32_t)(w->batch * SLICE_NS / took_ns) | 1;
	else if (w->batch < BATCH && took_ns < SLICE_NS / 4)
		w->batch = 2 * w->batch < BATCH ? 2 * w->batch : BATCH;
}

static void count_runs(struct rota__worker *w)
{
	uint32_t now = rota__runs(w);

	store_relaxed(&w->runs, w->runs + (now - w->runs_counted)); /* statistics look at it */
	w->runs_counted = now;
}

/* Urgent tasks may come from I/O, and would be before the others; so would any before tasks that yield. */
static bool has_time(const struct rota__worker *w, uint32_t round_end, uint64_t now_ns)
{
	if (now_ns < w->slice_end_ns || (int32_t)(w->owed_end - w->head) > 0)
		return true;
	return now_ns < w->slice_end_ns + (ROUND_NS - SLICE_NS) && (int32_t)(round_end - w->head) > 0 &&
		!load_relaxed(&w->classed) && !next_has_yielded(w);
}

/* The loop's hook. */
static bool run_ready(struct rota_loop *loop)
{
	struct rota__worker *w = loop->tasks;
	uint64_t start_ns, now_ns = rota_now_ns();
	uint32_t round_end;
	struct rota_task *next;

	overtake(w);
	round_end = w->head + rota__ready_count(w); /* then each has had its turn */
	w->slice_end_ns = now_ns + SLICE_NS;
	do {
		start_ns = now_ns;
		begin_batch(w);
		next = take_prepared(w);
		if (next == NULL)
			break; /* nothing, or nothing before the loop has looked at I/O */
		rota__set_running(w, next);
		if (__builtin_expect(load_relaxed(&w->unwatched), 0))
			w->on_unwatched(w);
		rota__stack_switch(NULL, &w->loop_sp, next->stack, next->sp, NULL, false);
		if (w->team != NULL) {
			if (rota__driver_lost())
				return false;
			rota__team_settle(w);
		}
		rota__loop_after_task(loop);
		now_ns = rota_now_ns();
		fit_batch(w, now_ns - start_ns);
	} while (rota__has_work(w) && has_time(w, round_end, now_ns));
	count_runs(w);
	w->loop_tail = w->tail;
	loop->tasks_ready = rota__has_work(w);
	return true;
}

/* ---- life ---- */

uint8_t rota__stack_class(size_t bytes)
{
	uint8_t class = 0;

	assert(bytes <= STACK_BYTES_MAX);
	while (((size_t)STACK_BYTES_MIN << class) < bytes)
		class++;
	return class;
}

/* For the overflow report; runs in a signal handler. */
static size_t describe(void *owner, char *buf, size_t size)
{
	const struct rota_task *task = owner;
	int n = snprintf(buf, size, "task \"%s\" (number %llu, spawned at %s)",
		task->name ? task->name : "?", (unsigned long long)task->id,
		task->site ? task->site : "?");

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static void fini_stacks(struct rota__worker *w)
{
	if (w->reserve != NULL)
		rota__stack_put(&w->stacks[w->default_class], w->reserve);
	for (int i = 0; i < STACK_CLASSES; i++)
		rota__stack_pool_fini(&w->stacks[i]);
}

/* The child's only thread is in no run: calls of tasks are refused there. */
static void after_fork_in_child(void)
{
	rota__worker_here = NULL;
	rota__driver_after_fork();
	rota__joins_after_fork();
}

static void notice_forks(void)
{
	pthread_atfork(NULL, NULL, after_fork_in_child);
}

int rota__worker_init(struct rota__worker *w, struct rota_loop *loop, size_t stack_bytes, struct rota_scope *root,
	struct rota__team *team, unsigned number)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, notice_forks);
	*w = (struct rota__worker){
		.loop = loop, .root = root, .team = team, .room = team != NULL ? UINT32_MAX : 0,
		.number = number, .random = number + 1, .batch = FIRST_BATCH, .shares = team != NULL && team->steal };
	w->default_class = rota__stack_class(stack_bytes ? stack_bytes : STACK_BYTES_DEFAULT);
	w->place_bytes = stack_bytes ? (size_t)STACK_BYTES_MIN << w->default_class : STACK_BYTES_DEFAULT / 4 * 3;
	for (unsigned i = 0; i < STACK_CLASSES; i++)
		rota__stack_pool_init(&w->stacks[i], (size_t)STACK_BYTES_MIN << i);
	w->reserve = rota__stack_get(&w->stacks[w->default_class]);
	if (w->reserve == NULL) {
		fini_stacks(w);
		return -ENOMEM;
	}
	rota__overflow_set_describe(describe);
	loop->tasks = w;
	loop->run_tasks = run_ready;
	if (team != NULL) {
		loop->may_sleep = rota__team_may_sleep;
		loop->woke = rota__team_woke;
	}
	rota__worker_here = w;
	return 0;
}

void rota__worker_leave(struct rota__worker *w)
{
	rota__worker_here = NULL;
	w->loop->tasks = NULL;
	w->loop->run_tasks = NULL;
	w->loop->may_sleep = NULL;
	w->loop->woke = NULL;
}

void rota__worker_fini(struct rota__worker *w)
{
	assert(w->team != NULL || w->tasks == 0);
	fini_stacks(w);
	rota__records_fini(w);
}
