/* team.c - ready tasks find a worker, and workers find tasks (team.h) */
#include "task/team.h"

#include <errno.h>

#include "os/mem.h"
#include "trace/trace.h"

enum {
	LIFO_RUNS = 3,	   /* then the queues have their turn: two tasks that answer each other starve nobody */
	INJECTOR_TURN = 61, /* a prime, so that it does not fall into step with a program's own rhythm */
	INJECTED_AT_ONCE = 32,
	RECORD_BATCH = 256,
	SUSPECT_NS = 100000000, /* a program that blocks now and then is not suspected for ever */
};

static struct rota_task *task_of(struct rota__node *node)
{
	return node != NULL ? container_of(node, struct rota_task, node) : NULL;
}

/* Written by one thread, read by any. */
static void bump(uint64_t *counter, uint64_t more)
{
	store_relaxed(counter, *counter + more);
}

/* ---- waking others ---- */

/* There is more work than the caller can do at once.  The fence is between its being visible and our looking at who
 * searches; its partner is in stop_searching() and fall_asleep(). */
static void wake_one(struct rota__team *team)
{
	struct rota__worker *worker = NULL;

	fence_seq();
	if (load_relaxed(&team->searchers) > 0 || load_relaxed(&team->sleeper_count) == 0)
		return;
	spin_lock(&team->sleep_lock);
	if (load_relaxed(&team->sleeper_count) > 0 && load_relaxed(&team->searchers) == 0) {
		store_relaxed(&team->sleeper_count, load_relaxed(&team->sleeper_count) - 1);
		worker = team->sleepers[load_relaxed(&team->sleeper_count)];
		worker->asleep = false;
		worker->searching = true;
		add_relaxed(&team->searchers, 1);
	}
	spin_unlock(&team->sleep_lock);
	if (worker != NULL)
		worker->loop->poller->engine->wake(worker->loop->poller);
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

/* Up to `count`, the common class only: the others go to the worker's ring. */
static struct rota_task *take_injected(struct rota__worker *w, enum priority class, uint32_t count)
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
		bump(&w->counts.injected, 1);
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
	bump(&w->counts.overflows, 1);
	inject(w->team, tasks, n, NORMAL);
}

/* It is not for this worker to run, if it ever was. */
static __attribute__((noinline)) void leave_to_others(struct rota__team *team, struct rota_task *task, enum priority class)
{
	inject(team, &task, 1, class); /* it may run now, and be gone */
	wake_one(team);
}

static void push_shared(struct rota__worker *w, struct rota_task *task)
{
	if (!steal_push(&w->shared, task))
		overflow(w, task);
	wake_one(w->team);
}

static bool classes_injected(const struct rota__team *team)
{
	return load_relaxed(&team->injected_count[URGENT]) > 0 || load_relaxed(&team->injected_count[BULK]) > 0;
}

static bool something_injected(const struct rota__team *team)
{
	return load_relaxed(&team->injected_count[NORMAL]) > 0 || classes_injected(team);
}

static void push_own(struct rota__worker *w, struct rota_task *task)
{
	fifo_push(&w->own[task->priority], &task->node);
	if (task->priority != NORMAL)
		store_relaxed(&w->classed, true);
}

/* Of another class.  What a callback made ready the worker takes itself, in a moment; if it leaves something then, it wakes another. */
static void inject_by_class(struct rota__worker *w, struct rota_task *task)
{
	inject(w->team, &task, 1, task->priority); /* it may run now, and be gone */
	if (w->current != NULL || !w->shares)
		wake_one(w->team);
}

static bool must_stay(const struct rota__worker *w, const struct rota_task *task)
{
	return task->pinned > 0 || !w->team->steal;
}

void rota__team_queue(struct rota__worker *w, struct rota_task *task)
{
	struct rota_task *pushed_out;

	w->loop->tasks_ready = true;
	if (must_stay(w, task)) {
		push_own(w, task);
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
	if (task != NULL || !steal_empty(&w->shared) || something_injected(w->team))
		wake_one(w->team);
}

static struct rota_task *take_lifo(struct rota__worker *w)
{
	return load_relaxed(&w->lifo) != NULL ? swap_acq_rel(&w->lifo, NULL) : NULL;
}

void rota__team_queue_last(struct rota__worker *w, struct rota_task *task)
{
	w->loop->tasks_ready = true;
	if (must_stay(w, task))
		push_own(w, task);
	else if (__builtin_expect(!w->shares || task->priority != NORMAL, 0))
		inject_by_class(w, task);
	else if (!steal_push(&w->shared, task))
		overflow(w, task);
}

/* It made way for a child: next on its worker where it must stay, else whoever is free may go on with it. */
static void queue_parent(struct rota__worker *w, struct rota_task *task)
{
	w->loop->tasks_ready = true;
	if (must_stay(w, task)) {
		if (task->priority != NORMAL)
			store_relaxed(&w->classed, true);
		fifo_push_front(&w->own[task->priority], &task->node);
	} else if (!w->shares || task->priority != NORMAL) {
		inject_by_class(w, task);
	} else {
		push_shared(w, task);
	}
}

static void arrived(struct rota__node *node)
{
	struct rota_task *task = task_of(node);

	rota__team_queue(task->worker, task);
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

static struct rota_task *take_own(struct rota__worker *w)
{
	return task_of(fifo_pop(&w->own[NORMAL]));
}

static struct rota_task *take_normal(struct rota__worker *w)
{
	struct rota_task *task;

	if (w->shares && ++w->looks % INJECTOR_TURN == 0) {
		struct rota_task *injected = take_injected(w, NORMAL, 1);

		if (injected != NULL)
			return injected;
	}
	if (w->lifo_runs < LIFO_RUNS && (task = take_lifo(w)) != NULL) {
		w->lifo_runs++;
		return task;
	}
	w->lifo_runs = 0;
	w->own_turn = !w->own_turn;
	task = w->own_turn ? take_own(w) : NULL;
	if (task == NULL)
		task = steal_pop(&w->shared);
	if (task == NULL)
		task = take_own(w);
	if (task == NULL)
		task = take_lifo(w);
	return task != NULL || !w->shares ? task : take_injected(w, NORMAL, INJECTED_AT_ONCE);
}

/* ---- classes ---- */

static struct rota_task *take_of_class(struct rota__worker *w, enum priority class)
{
	struct rota_task *task = task_of(fifo_pop(&w->own[class]));

	return task != NULL || !w->shares ? task : take_injected(w, class, 1);
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
		wake_one(w->team);
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
		wake_one(w->team);
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
	return load_relaxed(&w->lifo) != NULL || !fifo_empty(&w->own[NORMAL]) || !fifo_empty(&w->own[URGENT]) ||
		!fifo_empty(&w->own[BULK]) || !steal_empty(&w->shared) || (w->shares && something_injected(w->team));
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

/* ---- searching and sleeping ---- */

static struct rota_task *steal_from(struct rota__worker *w, struct rota__worker *victim)
{
	void *tasks[STEAL_ROOM / 2];
	uint32_t n = steal_half(&victim->shared, tasks, STEAL_ROOM / 2);

	for (uint32_t i = 1; i < n; i++)
		steal_push(&w->shared, tasks[i]); /* there is room: it was empty */
	if (n > 0) {
		bump(&w->counts.steals, 1);
		bump(&w->counts.stolen, n);
	}
	return n > 0 ? tasks[0] : NULL;
}

static struct rota_task *search(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	unsigned size = rota__team_size(team);
	uint32_t start = rota__random_below(w, size);
	struct rota_task *task = take_injected(w, URGENT, 1);

	if (task == NULL)
		task = take_injected(w, NORMAL, INJECTED_AT_ONCE);
	if (task == NULL)
		task = take_injected(w, BULK, 1);
	bump(&w->counts.searches, 1);
	for (unsigned i = 0; task == NULL && i < size; i++) {
		struct rota__worker *victim = team->workers[(start + i) % size];

		if (victim != w)
			task = steal_from(w, victim);
	}
	return task;
}

/* It is next.  Had it gone back to where it was found, others would find it, too, and each send another one to search. */
static void keep_found(struct rota__worker *w, struct rota_task *task)
{
	if (task->priority == NORMAL) {
		rota__team_queue(w, task);
		return;
	}
	w->loop->tasks_ready = true;
	w->classed = true;
	w->urgent_runs = 0;
	fifo_push_front(&w->own[URGENT], &task->node);
}

static bool work_to_be_seen(const struct rota__team *team)
{
	if (something_injected(team))
		return true;
	for (unsigned i = 0, size = rota__team_size(team); i < size; i++)
		if (!steal_empty(&team->workers[i]->shared))
			return true;
	return false;
}

/* At most half of the workers search: more would only be in each other's way. */
static bool start_searching(struct rota__worker *w)
{
	struct rota__team *team = w->team;

	if (w->searching)
		return true;
	if (2 * load_relaxed(&team->searchers) >= rota__team_in_service(team))
		return false;
	add_relaxed(&team->searchers, 1);
	w->searching = true;
	return true;
}

/* The last who stops sends another one to look on, if he found something, because that may not be all, or if there is
 * something by now. */
static void stop_searching(struct rota__worker *w, bool found)
{
	w->searching = false;
	if (add_acq_rel(&w->team->searchers, -1) != 1)
		return;
	fence_seq();
	if (found || work_to_be_seen(w->team))
		wake_one(w->team);
}

static void fall_asleep(struct rota__worker *w)
{
	struct rota__team *team = w->team;

	spin_lock(&team->sleep_lock);
	team->sleepers[load_relaxed(&team->sleeper_count)] = w;
	store_relaxed(&team->sleeper_count, load_relaxed(&team->sleeper_count) + 1);
	w->asleep = true;
	if (w->searching) {
		w->searching = false;
		add_acq_rel(&team->searchers, -1);
	}
	spin_unlock(&team->sleep_lock);
	fence_seq();
}

/* False: somebody has woken us, and counts us among the searchers. */
static bool get_up(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	bool by_myself;

	spin_lock(&team->sleep_lock);
	by_myself = w->asleep;
	if (by_myself) {
		unsigned i = 0;

		while (team->sleepers[i] != w)
			i++;
		team->sleepers[i] = team->sleepers[load_relaxed(&team->sleeper_count) - 1];
		store_relaxed(&team->sleeper_count, load_relaxed(&team->sleeper_count) - 1);
		w->asleep = false;
	}
	spin_unlock(&team->sleep_lock);
	return by_myself;
}

bool rota__team_may_sleep(struct rota_loop *loop)
{
	struct rota__worker *w = loop->tasks;

	if (!w->shares) {
		bump(&w->counts.sleeps, 1);
		return true;
	}
	for (;;) {
		if (start_searching(w)) {
			struct rota_task *task = search(w);

			if (task != NULL) {
				keep_found(w, task);
				stop_searching(w, true);
				return false;
			}
		}
		fall_asleep(w);
		if (!work_to_be_seen(w->team) || load_relaxed(&w->team->searchers) > 0) {
			bump(&w->counts.sleeps, 1);
			return true;
		}
		get_up(w);
	}
}

void rota__team_woke(struct rota_loop *loop)
{
	struct rota__worker *w = loop->tasks;

	if (!w->team->steal)
		return;
	get_up(w);
	if (w->searching) {
		struct rota_task *task = search(w);

		if (task != NULL)
			keep_found(w, task);
		stop_searching(w, task != NULL);
	}
}

/* Those with equally few have their turn, too: the search begins elsewhere each time. */
static struct rota__worker *least_loaded(struct rota__worker **workers, unsigned count, uint32_t start)
{
	struct rota__worker *least = NULL;
	uint32_t fewest = 0;

	for (unsigned i = 0; i < count; i++) {
		struct rota__worker *w = workers[(start + i) % count];
		uint32_t connections = load_relaxed(&w->loop->connections);

		if (least == NULL || connections < fewest) {
			least = w;
			fewest = connections;
		}
	}
	return least;
}

static struct rota__worker *place_in_team(struct rota__team *team, bool least)
{
	struct rota__worker **workers = team->workers + team->bosses;
	unsigned count = rota__team_in_service(team) - team->bosses;
	uint32_t turn = add_relaxed(&team->next_place, 1);

	return least ? least_loaded(workers, count, turn) : workers[turn % count];
}

struct rota__worker *rota__team_next(struct rota__team *team)
{
	return place_in_team(team, false);
}

struct rota__worker *rota__place(struct rota__worker *here, enum rota_deal deal)
{
	struct rota__team *team = here->team;
	struct rota__worker *w = here;

	if (team != NULL) {
		if (deal == ROTA_DEAL_DEFAULT)
			deal = team->deal;
		/* Neither a boss nor who is out of service keeps what comes to a socket of his own. */
		if (deal != ROTA_DEAL_OWN || here->number < team->bosses || here->loop->retired)
			w = place_in_team(team, deal == ROTA_DEAL_LEAST);
	}
	add_relaxed(&w->loop->connections, 1);
	return w;
}

struct rota__worker *rota__team_better_place(const struct rota__worker *here)
{
	for (;;) {
		struct rota__worker *to = place_in_team(here->team, true);
		uint32_t there = load_relaxed(&to->loop->connections);

		if (to == here || (!here->loop->retired && there + 1 >= load_relaxed(&here->loop->connections)))
			return NULL; /* it would only be the other way round */
		if (cas_acq_rel(&to->loop->connections, &there, there + 1))
			return to;
	}
}

struct rota__worker *rota__team_boss(struct rota__worker *here)
{
	struct rota__team *team = here->team;

	return team == NULL || team->bosses == 0 ? here
						 : team->workers[add_relaxed(&team->next_boss, 1) % team->bosses];
}

/* ---- records ---- */

bool rota__team_take_records(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	struct rota_task *batch;

	if (load_relaxed(&team->spare_records) == NULL)
		return false;
	spin_lock(&team->records_lock);
	batch = team->spare_records;
	if (batch != NULL)
		store_relaxed(&team->spare_records, batch->prev);
	spin_unlock(&team->records_lock);
	if (batch == NULL)
		return false;
	w->free_records = batch;
	w->free_record_count = RECORD_BATCH;
	return true;
}

void rota__team_give_records(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	struct rota_task *batch, *last;

	if (w->free_record_count < 2 * RECORD_BATCH)
		return;
	batch = last = w->free_records;
	for (int i = 1; i < RECORD_BATCH; i++)
		last = last->next;
	w->free_records = last->next;
	w->free_record_count -= RECORD_BATCH;
	last->next = NULL;
	spin_lock(&team->records_lock);
	batch->prev = team->spare_records;
	store_relaxed(&team->spare_records, batch);
	spin_unlock(&team->records_lock);
}

/* ---- cancelling a wait on its own loop ----
 *
 *	NONE --sent--> SENT --ran--> RAN            the task goes on as soon as it is woken
 *	                 \--the task was woken first--> AWAITED --ran, and wakes it--> RAN
 */
enum { POST_NONE, POST_SENT, POST_RAN, POST_AWAITED };

static void cancel_here(struct rota_post *post)
{
	struct rota__wait *wait = container_of(post, struct rota__wait, post);
	struct rota_task *task = wait->task;
	void (*cancel)(struct rota__wait *, int) = wait->cancel;

	wait->cancel = NULL;
	if (cancel != NULL)
		cancel(wait, wait->reason);
	if (swap_acq_rel(&wait->posted, POST_RAN) == POST_AWAITED) /* pairs with rota__park() */
		rota__wake(task);
}

void rota__team_cancel_there(struct rota__wait *wait, int reason)
{
	if (load_relaxed(&wait->posted) != POST_NONE) /* it may be running */
		return;
	wait->reason = reason;
	store_relaxed(&wait->posted, POST_SENT);
	wait->post.fn = cancel_here;
	rota_post(wait->loop, &wait->post);
}

bool rota__team_post_is_out(struct rota__wait *wait)
{
	return load_relaxed(&wait->posted) != POST_NONE && swap_acq_rel(&wait->posted, POST_AWAITED) == POST_SENT;
}

/* ---- visitors ---- */

void rota__team_visit(struct rota__team *team, struct rota__visitor *visitor)
{
	visitor->worker = (struct rota__worker){ .team = team, .root = &team->root, .loop = &visitor->loop };
	visitor->loop.tasks = &visitor->worker;
	rota__worker_here = &visitor->worker;
}

void rota__team_go(void)
{
	rota__worker_here = NULL;
}

/* ---- how many work ---- */

enum rota__service { SERVICE_CHANGED = 1, SERVICE_REBALANCE = 2 };

/* What others may run they shall run. */
static void empty_queues(struct rota__worker *w)
{
	struct rota_task *task = take_lifo(w);

	do {
		if (task != NULL)
			leave_to_others(w->team, task, task->priority);
	} while ((task = steal_pop(&w->shared)) != NULL);
}

/* The most connections that a worker has where all have as many. */
static uint32_t fair_share(const struct rota__team *team)
{
	unsigned workers = rota__team_in_service(team) - team->bosses;
	uint32_t all = 0;

	for (unsigned i = 0, size = rota__team_size(team); i < size; i++)
		all += load_relaxed(&team->workers[i]->loop->connections);
	return (all + workers - 1) / workers;
}

/* How many of its connections others should have. */
static uint32_t surplus(const struct rota__worker *w)
{
	uint32_t mine = load_relaxed(&w->loop->connections), share = fair_share(w->team);

	return w->loop->retired ? UINT32_MAX : mine > share ? mine - share : 0;
}

static void serve(struct rota_post *post)
{
	struct rota__worker *w = container_of(post, struct rota__worker, service);
	uint32_t asked = swap_acq_rel(&w->asked, 0); /* pairs with ask(): from now on it posts anew */

	if (asked & SERVICE_CHANGED) {
		store_relaxed(&w->loop->retired, w->number >= rota__team_in_service(w->team)); /* a test looks at it */
		w->shares = w->team->steal && !w->loop->retired;
		if (!w->shares)
			empty_queues(w);
	}
	if (w->shed != NULL)
		w->shed(w, surplus(w));
}

static void ask(struct rota__worker *w, uint32_t what)
{
	uint32_t before = load_relaxed(&w->asked);

	while (!cas_acq_rel(&w->asked, &before, before | what))
		;
	if (before == 0) {
		w->service.fn = serve;
		rota_post(w->loop, &w->service);
	}
}

static void ask_all(struct rota__team *team, uint32_t what)
{
	for (unsigned i = 0, size = rota__team_size(team); i < size; i++)
		ask(team->workers[i], what);
}

void rota__team_add(struct rota__team *team, struct rota__worker *worker)
{
	team->workers[team->size] = worker;
	store_release(&team->size, team->size + 1);
}

void rota__team_set_in_service(struct rota__team *team, unsigned count)
{
	store_seq(&team->in_service, count); /* after rota__team_add(): who acquires it finds them all */
	ask_all(team, SERVICE_CHANGED);
}

void rota__team_rebalance(struct rota__team *team)
{
	ask_all(team, SERVICE_REBALANCE);
}

void rota__team_even_out(struct rota__team *team)
{
	uint32_t share = fair_share(team);

	for (unsigned i = 0, size = rota__team_size(team); i < size; i++)
		if (load_relaxed(&team->workers[i]->loop->connections) > share)
			ask(team->workers[i], SERVICE_REBALANCE);
}

/* ---- life ---- */

int rota__team_init(struct rota__team *team, unsigned size, unsigned room, bool steal)
{
	*team = (struct rota__team){ .size = size, .in_service = size, .room = room, .steal = steal };
	team->workers = rota__alloc_zero(2 * room * sizeof(struct rota__worker *));
	if (team->workers == NULL)
		return -ENOMEM;
	team->sleepers = team->workers + room;
	return 0;
}

void rota__team_fini(struct rota__team *team)
{
	rota__free(team->workers);
}
