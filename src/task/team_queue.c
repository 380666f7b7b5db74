/* team_queue.c - where ready tasks are, and which of them is next (team.h) */
#include "task/team_private.h"

enum {
	LIFO_RUNS = 3,	   /* then the queues have their turn: two tasks that answer each other starve nobody */
	INJECTOR_TURN = 61, /* a prime, so that it does not fall into step with a program's own rhythm */
	SUSPECT_NS = 100000000, /* a program that blocks now and then is not suspected for ever */
};

/* In place of a function, in the queue of those that stay. */
#define HAS_YIELDED NULL

static struct rota_task *task_of(struct rota__node *node)
{
	return node != NULL ? container_of(node, struct rota_task, node) : NULL;
}

/* ---- the injector ---- */

static void inject(struct rota__team *team, struct rota_task **tasks, uint64_t count, enum priority class)
{
	uint32_t *counter = &team->injected_count[class];

	spin_lock(&team->injector_lock);
	for (uint64_t i = 0; i < count; i++)
		fifo_push(&team->injected[class], &tasks[i]->node);
	store_relaxed(counter, load_relaxed(counter) + (uint32_t)count);
	spin_unlock(&team->injector_lock);
}

struct rota_task *rota__team_take_injected(struct rota__worker *w, enum priority class, uint32_t count)
{
	struct rota__team *team = w->team;
	struct rota__fifo *queue = &team->injected[class];
	uint32_t *counter = &team->injected_count[class];
	struct rota_task *first, *task;

	if (load_relaxed(counter) == 0)
		return NULL;
	spin_lock(&team->injector_lock);
	first = task_of(fifo_pop(queue));
	if (first != NULL) {
		uint32_t taken = 1, fair = load_relaxed(counter) / rota__team_in_service(team) + 1;

		for (; taken < count && taken < fair && (task = task_of(fifo_pop(queue))) != NULL; taken++)
			steal_push(&w->shared, task); /* there is room: it was empty, or count is 1 */
		store_relaxed(counter, load_relaxed(counter) - taken);
	}
	spin_unlock(&team->injector_lock);
	if (first != NULL)
		rota__bump(&w->counts.injected, 1);
	return first;
}

/* ---- one worker's queues ---- */

/* The ring is full: half of it goes to the injector, so that the next pushes have room. */
static void overflow(struct rota__worker *w, struct rota_task *task)
{
	struct rota_task *tasks[STEAL_ROOM / 2 + 1];
	uint64_t n = 0;

	while (n < STEAL_ROOM / 2 && (tasks[n] = steal_pop(&w->shared)) != NULL)
		n++;
	tasks[n++] = task;
	rota__bump(&w->counts.overflows, 1);
	inject(w->team, tasks, n, NORMAL);
}

/* It is not for this worker to run, if it ever was. */
static __attribute__((noinline)) void leave_to_others(struct rota__team *team, struct rota_task *task, enum priority class)
{
	inject(team, &task, 1, class); /* it may run now, and be gone */
	rota__team_wake_one(team);
}

static void push_shared(struct rota__worker *w, struct rota_task *task)
{
	if (!steal_push(&w->shared, task))
		overflow(w, task);
	rota__team_wake_one(w->team);
}

static bool classes_injected(const struct rota__team *team)
{
	return load_relaxed(&team->injected_count[URGENT]) > 0 || load_relaxed(&team->injected_count[BULK]) > 0;
}

bool rota__team_something_injected(const struct rota__team *team)
{
	return load_relaxed(&team->injected_count[NORMAL]) > 0 || classes_injected(team);
}

static void note_own(struct rota__worker *w, const struct rota_task *task)
{
	if (task->priority != NORMAL)
		store_relaxed(&w->classed, true);
	else
		w->staying++;
}

static void push_own(struct rota__worker *w, struct rota__fifo *queue, struct rota_task *task, void (*fn)(struct rota__node *))
{
	task->node.fn = fn;
	fifo_push(queue, &task->node);
	note_own(w, task);
}

/* Of another class.  What a callback made ready the worker takes itself, in a moment; if it leaves something then, it wakes another. */
static void inject_by_class(struct rota__worker *w, struct rota_task *task)
{
	inject(w->team, &task, 1, task->priority); /* it may run now, and be gone */
	if (w->current != NULL || !w->shares)
		rota__team_wake_one(w->team);
}

static bool must_stay(const struct rota__worker *w, const struct rota_task *task)
{
	return task->pinned > 0 || !w->team->steal;
}

static void arrived(struct rota__node *node)
{
	struct rota_task *task = task_of(node);

	rota__team_queue(task->worker, task);
}

void rota__team_queue(struct rota__worker *w, struct rota_task *task)
{
	struct rota_task *pushed_out;

	w->loop->tasks_ready = true;
	if (must_stay(w, task)) {
		push_own(w, w->current == NULL && task->priority == NORMAL ? &w->came : &w->own[task->priority], task, arrived);
		return;
	}
	if (__builtin_expect(!w->shares || task->priority != NORMAL, 0)) {
		inject_by_class(w, task);
		return;
	}
	/* No other worker looks into the slot, but the watchdog empties it if this one is held up. */
	pushed_out = swap_acq_rel(&w->lifo, task);
	if (pushed_out != NULL)
		push_shared(w, pushed_out);
}

void rota__team_relieve(struct rota__worker *w)
{
	struct rota_task *task;

	if (!w->team->steal)
		return;
	task = swap_acq_rel(&w->lifo, NULL);
	if (task != NULL)
		inject(w->team, &task, 1, NORMAL);
	if (task != NULL || !steal_empty(&w->shared) || rota__team_something_injected(w->team))
		rota__team_wake_one(w->team);
}

static struct rota_task *take_lifo(struct rota__worker *w)
{
	return load_relaxed(&w->lifo) != NULL ? swap_acq_rel(&w->lifo, NULL) : NULL;
}

void rota__team_queue_last(struct rota__worker *w, struct rota_task *task)
{
	w->loop->tasks_ready = true;
	if (must_stay(w, task))
		push_own(w, &w->own[task->priority], task, HAS_YIELDED);
	else if (__builtin_expect(!w->shares || task->priority != NORMAL, 0))
		inject_by_class(w, task);
	else if (!steal_push(&w->shared, task))
		overflow(w, task);
}

/* What others may run they shall run. */
void rota__team_leave_all(struct rota__worker *w)
{
	struct rota_task *task = take_lifo(w);

	do {
		if (task != NULL)
			leave_to_others(w->team, task, task->priority);
	} while ((task = steal_pop(&w->shared)) != NULL);
}

/* It made way for a child: next on its worker where it must stay, else whoever is free may go on with it. */
static void queue_parent(struct rota__worker *w, struct rota_task *task)
{
	w->loop->tasks_ready = true;
	if (must_stay(w, task)) {
		task->node.fn = arrived;
		note_own(w, task);
		fifo_push_front(&w->own[task->priority], &task->node);
	} else if (!w->shares || task->priority != NORMAL) {
		inject_by_class(w, task);
	} else {
		push_shared(w, task);
	}
}

void rota__team_send(struct rota__worker *worker, struct rota_task *task)
{
	store_relaxed(&task->worker, worker); /* a survey looks at it */
	task->node.fn = arrived;
	rota_post(worker->loop, (struct rota_post *)&task->node);
}

void rota__team_make_ready(struct rota_task *task)
{
	struct rota__worker *here = rota__here();
	struct rota__team *team = task->worker->team;

	if (must_stay(task->worker, task)) {
		if (task->worker == here)
			rota__team_queue(here, task);
		else
			rota__team_send(task->worker, task);
		return;
	}
	if (here != NULL && here->team == team) {
		rota__team_queue(here, task);
		return;
	}
	leave_to_others(team, task, task->priority);
}

bool rota__team_next_has_yielded(const struct rota__worker *w)
{
	return !fifo_empty(&w->own[NORMAL]) && w->own[NORMAL].head->fn == HAS_YIELDED;
}

uint32_t rota__team_overtake(struct rota__worker *w)
{
	struct rota__fifo yielded = { NULL, NULL };
	uint32_t came = 0;

	if (rota__team_next_has_yielded(w)) {
		for (const struct rota__node *node = w->came.head; node != NULL; node = node->next)
			came++;
		fifo_append(&yielded, &w->own[NORMAL]);
	}
	fifo_append(&w->own[NORMAL], &w->came);
	fifo_append(&w->own[NORMAL], &yielded);
	return came;
}

struct rota_task *rota__team_take_own(struct rota__worker *w)
{
	struct rota_task *task = task_of(fifo_pop(&w->own[NORMAL]));

	w->staying -= task != NULL;
	return task;
}

static struct rota_task *take_normal(struct rota__worker *w)
{
	struct rota_task *task;

	if (w->shares && ++w->looks % INJECTOR_TURN == 0) {
		struct rota_task *injected = rota__team_take_injected(w, NORMAL, 1);

		if (injected != NULL)
			return injected;
	}
	if (w->lifo_runs < LIFO_RUNS && (task = take_lifo(w)) != NULL) {
		w->lifo_runs++;
		return task;
	}
	w->lifo_runs = 0;
	w->own_turn = !w->own_turn;
	task = w->own_turn ? rota__team_take_own(w) : NULL;
	if (task == NULL)
		task = steal_pop(&w->shared);
	if (task == NULL)
		task = rota__team_take_own(w);
	if (task == NULL)
		task = take_lifo(w);
	return task != NULL || !w->shares ? task : rota__team_take_injected(w, NORMAL, INJECTED_AT_ONCE);
}

/* ---- classes ---- */

static struct rota_task *take_of_class(struct rota__worker *w, enum priority class)
{
	struct rota_task *task = task_of(fifo_pop(&w->own[class]));

	return task != NULL || !w->shares ? task : rota__team_take_injected(w, class, 1);
}

/* Not after its slice: then the loop looks at I/O first, for what is urgent may come from there. */
static struct rota_task *take_bulk(struct rota__worker *w)
{
	struct rota_task *task = rota_now_ns() < w->slice_end_ns ? take_of_class(w, BULK) : NULL;

	w->bulk_at = 0;
	store_relaxed(&w->suspected, task); /* the watchdog looks at it */
	return task;
}

/* ---- suspects ---- */

static struct rota__suspect *place_of(struct rota__team *team, rota_fn fn)
{
	return &team->suspects[((uintptr_t)fn * UINT64_C(0x9e3779b97f4a7c15)) >> 60]; /* Fibonacci hashing */
}

_Static_assert(SUSPECTS == 1 << (64 - 60), "a place for each hash");

void rota__team_suspect(struct rota__team *team, rota_fn fn)
{
	struct rota__suspect *s = place_of(team, fn);
	uint64_t until_ns = rota_deadline(SUSPECT_NS);

	store_relaxed(&s->fn, fn);
	store_relaxed(&s->until_ns, until_ns);
	store_relaxed(&team->wary_until_ns, until_ns);
	store_relaxed(&team->wary, true);
	for (unsigned i = 0, size = rota__team_size(team); i < size; i++)
		store_relaxed(&team->workers[i]->classed, true);
}

bool rota__team_is_wary(struct rota__team *team, uint64_t now_ns)
{
	if (!load_relaxed(&team->wary))
		return false;
	if (now_ns >= load_relaxed(&team->wary_until_ns))
		store_relaxed(&team->wary, false);
	return load_relaxed(&team->wary);
}

static bool is_suspect(const struct rota__worker *w, const struct rota_task *task)
{
	const struct rota__suspect *s = place_of(w->team, task->fn);

	return load_relaxed(&s->fn) == task->fn && !must_stay(w, task) && rota_now_ns() < load_relaxed(&s->until_ns);
}

void rota__team_take_in(struct rota_task *task)
{
	struct rota__worker *w = task->worker;

	if (must_stay(w, task))
		rota__team_send(w, task);
	else
		leave_to_others(w->team, task, is_suspect(w, task) ? BULK : task->priority);
}

/* Others are woken if there is something for them beside what this worker does next, which may be a suspect. */
static struct rota_task *take_unsuspected(struct rota__worker *w)
{
	struct rota_task *task = take_normal(w);
	unsigned suspects = 0;

	for (; task != NULL && w->shares && is_suspect(w, task); suspects++) {
		inject(w->team, &task, 1, BULK);
		task = take_normal(w);
	}
	if (suspects + (task != NULL) > 1)
		rota__team_wake_one(w->team);
	return task;
}

/* Nothing of what is special is here, or to come from the team. */
static void calm_down(struct rota__worker *w)
{
	if (fifo_empty(&w->own[URGENT]) && fifo_empty(&w->own[BULK]))
		store_relaxed(&w->classed, false);
}

static struct rota_task *take_by_class(struct rota__worker *w)
{
	bool wary = load_relaxed(&w->team->wary);
	struct rota_task *task = w->urgent_runs < URGENT_RUNS ? take_of_class(w, URGENT) : NULL;

	if (task != NULL) {
		w->urgent_runs++;
		return task;
	}
	w->urgent_runs = 0;
	if (++w->bulk_at >= BULK_TURN && (task = take_bulk(w)) != NULL)
		return task;
	task = wary ? take_unsuspected(w) : take_normal(w);
	if (task == NULL)
		task = take_bulk(w);
	if (!wary)
		calm_down(w);
	return task != NULL ? task : take_of_class(w, URGENT);
}

/* It is about to run one, and leaves others that somebody else could run. */
static __attribute__((noinline)) struct rota_task *take_where_there_are_classes(struct rota__worker *w)
{
	struct rota_task *task = take_by_class(w);

	if (task != NULL && classes_injected(w->team))
		rota__team_wake_one(w->team);
	return task;
}

struct rota_task *rota__team_take(struct rota__worker *w)
{
	if (__builtin_expect(load_relaxed(&w->classed) || classes_injected(w->team), 0))
		return take_where_there_are_classes(w);
	return take_normal(w);
}

bool rota__team_has_work(const struct rota__worker *w)
{
	return load_relaxed(&w->lifo) != NULL || !fifo_empty(&w->own[NORMAL]) || !fifo_empty(&w->came) || !fifo_empty(&w->own[URGENT]) ||
		!fifo_empty(&w->own[BULK]) || !steal_empty(&w->shared) || (w->shares && rota__team_something_injected(w->team));
}

void rota__team_settle(struct rota__worker *w)
{
	struct rota_task *task = w->left;

	if (task == NULL)
		return;
	w->left = NULL;
	switch ((enum rota__leave)w->left_to) {
	case LEFT_PARKED:
		if (!state_settle(&task->state))
			rota__team_make_ready(task);
		return;
	case LEFT_YIELDED:
		rota__team_queue_last(w, task);
		return;
	case LEFT_FOR_ANOTHER:
		rota__team_send(w->left_for, task);
		return;
	case LEFT_FOR_CHILD:
		queue_parent(w, task);
		return;
	}
}
