/* join.c - waiting for the end of tasks: of one, of the first, of all (join.h)
 *
 * Circles.  A task ends only after those it waits for, and after those in the scopes it has open: a scope's join is no wait of its own
 * kind here, because its owner must come to it in any case.  So who joins nobody closes no circle, and who joins asks: is
 * the target among those that can end only after me?
 *
 *	self <--waits for-- its joiners <--waits for-- theirs ...
 *	  ^                    ^
 *	  +--has it in a scope-+-- owner <--waits for-- its joiners ...
 *
 * That way all is found in what the lock guards, or cannot change while a task lives: no list of a scope is looked into, and
 * spawning and joining scopes know nothing of it.  A wait that one of several things ends leads back only if all of them do; a knot
 * of several such waits is not seen. */
#include "task/join.h"

#include "os/mem.h"

static uint8_t join_lock;

/* A thread that the child does not have may have held it. */
void rota__joins_after_fork(void)
{
	join_lock = 0;
}

/* In the lock. */
static bool has_result(const struct rota_task *task)
{
	return task->joins & JOINS_ENDED;
}

/* ---- places ---- */

static void add(struct rota__joiner *j, struct rota_task *target)
{
	j->target = target;
	j->prev = NULL;
	j->next = target->joiners;
	if (j->next != NULL)
		j->next->prev = j;
	target->joiners = j;
	j->task->joins |= JOINS_WAITING;
}

static void out_of_list(struct rota__joiner *j)
{
	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		j->target->joiners = j->next;
	if (j->next != NULL)
		j->next->prev = j->prev;
	j->target = NULL;
}

/* ---- circles ---- */

/* Those that end only after one task, in the order in which they were found, linked through `found`; the last one's is itself. */
struct search {
	struct rota_task *first, *last;
};

static void find(struct search *s, struct rota_task *task)
{
	if (task == NULL || task->found != NULL)
		return;
	task->found = task;
	if (s->last != NULL)
		s->last->found = task;
	else
		s->first = task;
	s->last = task;
}

/* Its target is among those found: can the wait end in no other way? */
static bool leads_back(struct rota__joining *wait)
{
	if (load_relaxed(wait->over) != 0)
		return false;
	return wait->ways == 0 || ++wait->shut == wait->ways;
}

static void find_those_behind(struct search *s, struct rota_task *task)
{
	for (struct rota__joiner *j = task->joiners; j != NULL; j = j->next)
		if (leads_back(j->joining))
			find(s, j->task);
	find(s, task->home->owner);
}

static void forget(struct search *s)
{
	struct rota_task *task = s->first, *next;

	for (;; task = next) {
		for (struct rota__joiner *j = task->joiners; j != NULL; j = j->next)
			j->joining->shut = 0;
		next = task->found;
		task->found = NULL;
		if (next == task)
			return;
	}
}

/* Can `target` end only after `self`, the running task?  Mostly it waits for nobody, and that is soon known. */
static bool ends_after(struct rota_task *target, struct rota_task *self)
{
	struct search s = { NULL, NULL };
	struct rota_task *task;

	if (target == self)
		return true;
	if (!(target->joins & JOINS_WAITING) && load_relaxed(&target->innermost) == NULL)
		return false;
	find(&s, self);
	for (task = s.first; task != target; task = task->found) {
		find_those_behind(&s, task);
		if (task->found == task)
			break;
	}
	forget(&s);
	return task == target;
}

/* ---- places of others ---- */

int rota__joiner_add(struct rota__joiner *j, struct rota_task *target, int *ret_result)
{
	int rc = rota__task_refuses(target, rota__here());

	if (rc < 0)
		return rc;
	rc = 1;
	rota__lock(&join_lock);
	if (has_result(target)) {
		*ret_result = target->result;
		j->target = NULL;
	} else if (ends_after(target, j->task)) {
		rc = -EDEADLK;
	} else {
		add(j, target);
		rc = 0;
	}
	rota__unlock(&join_lock);
	return rc;
}

void rota__joiner_remove(struct rota__joiner *j)
{
	rota__lock(&join_lock);
	if (j->target != NULL)
		out_of_list(j);
	j->task->joins &= (uint8_t)~JOINS_WAITING; /* it goes on */
	rota__unlock(&join_lock);
}

void rota__wake_joiners(struct rota_task *task, int result)
{
	struct rota__joiner *j, *list = NULL;

	rota__lock(&join_lock);
	task->result = result;
	task->joins |= JOINS_ENDED;
	while ((j = task->joiners) != NULL) {
		out_of_list(j);
		if (j->ended(j, result)) {
			j->next = list;
			list = j;
		}
	}
	rota__unlock(&join_lock);
	while ((j = list) != NULL) {
		list = j->next; /* before it is woken: then it may be gone */
		rota__wake(j->task);
	}
}

/* ---- waiting ---- */

/* Who is first ends the wait: the tasks, in the lock; a cancellation; the deadline. */
struct joining {
	struct rota__wait wait;
	struct rota__timer timer;
	struct rota__joining as_seen;
	enum rota_wait_when when;
	size_t running; /* of those waited for */
	uint32_t over;	/* it is to be woken, or was: in the lock */
	int reason;	/* of a cancellation */
};

struct place {
	struct rota__joiner joiner;
	struct joining *of;
	int result;
};

static bool one_ended(struct rota__joiner *joiner, int result)
{
	struct place *place = container_of(joiner, struct place, joiner);
	struct joining *g = place->of;

	place->result = result;
	g->running--;
	if (g->over)
		return false;
	g->over = g->running == 0 || g->when == ROTA_WAIT_FIRST || (g->when == ROTA_WAIT_ERROR && result < 0);
	return g->over;
}

static void cut_short(struct joining *g, int reason)
{
	bool first;

	rota__lock(&join_lock);
	first = !g->over;
	g->over = true;
	if (first)
		g->reason = reason;
	rota__unlock(&join_lock);
	if (first)
		rota__wake(g->wait.task);
}

static void cancelled(struct rota__wait *wait, int reason)
{
	cut_short(container_of(wait, struct joining, wait), reason);
}

static void time_is_over(struct rota__timer *timer)
{
	cut_short(container_of(timer, struct joining, timer), 0);
}

static void joining_init(struct joining *g, struct rota_task *self, enum rota_wait_when when, size_t count)
{
	g->as_seen = (struct rota__joining){ .over = &g->over, .ways = when == ROTA_WAIT_FIRST ? (uint32_t)count : 0 };
	g->wait.task = self;
	g->wait.cancel = cancelled;
	g->wait.loop = NULL;
	g->wait.what = "the end of a task";
	g->wait.fd = 0;
	g->when = when;
	g->running = 0;
	g->over = false;
	g->reason = 0;
}

static void place_take(struct place *place, struct joining *g, struct rota_task *target)
{
	place->of = g;
	place->joiner.task = g->wait.task;
	place->joiner.joining = &g->as_seen;
	place->joiner.ended = one_ended;
	add(&place->joiner, target);
	g->running++;
}

static void park(struct joining *g, uint64_t deadline_ns)
{
	struct rota_task *self = g->wait.task;

	if (deadline_ns == ROTA_FOREVER) {
		rota__park(&g->wait);
		return;
	}
	g->timer = (struct rota__timer){ .fn = time_is_over };
	rota__pin(self); /* the timer is this loop's */
	timers_arm(&self->worker->loop->timers, &g->timer, deadline_ns);
	rota__park(&g->wait);
	timers_cancel(&self->worker->loop->timers, &g->timer);
	rota__unpin(self);
}

static bool passed(uint64_t deadline_ns)
{
	return deadline_ns != ROTA_FOREVER && deadline_ns <= rota_now_ns();
}

/* ---- one ---- */

enum cuttable { NOT_CUT_SHORT, MAY_BE_CUT_SHORT };

static int join(struct rota_task *task, int *ret_result, uint64_t deadline_ns, enum cuttable cuttable)
{
	struct rota_task *self = rota__begin_call();
	struct joining g;
	struct place place = { .result = 0 };
	int rc = 0;
	bool ended;

	if (self == NULL || rota__task_refuses(task, self->worker) < 0)
		return -EPERM;
	joining_init(&g, self, ROTA_WAIT_ALL, 1);
	rota__lock(&join_lock);
	ended = has_result(task);
	if (ended) {
		place.result = task->result;
	} else {
		if (ends_after(task, self))
			rc = -EDEADLK;
		else if (cuttable)
			rc = rota__task_cancelled(self);
		if (rc == 0 && passed(deadline_ns))
			rc = -ETIMEDOUT;
		if (rc == 0)
			place_take(&place, &g, task);
	}
	rota__unlock(&join_lock);
	if (rc != 0)
		return rc;
	if (!ended) {
		if (!cuttable)
			g.wait.cancel = NULL;
		park(&g, deadline_ns);
		rota__joiner_remove(&place.joiner);
		if (g.running > 0)
			return g.reason != 0 ? g.reason : -ETIMEDOUT;
	}
	if (ret_result != NULL)
		*ret_result = place.result;
	return 0;
}

int rota_join(struct rota_task *task, int *ret_result)
{
	ROTA_INSIDE();

	return join(task, ret_result, ROTA_FOREVER, MAY_BE_CUT_SHORT);
}

int rota_join_until(struct rota_task *task, int *ret_result, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return join(task, ret_result, deadline_ns, MAY_BE_CUT_SHORT);
}

int rota_try_join(struct rota_task *task, int *ret_result)
{
	ROTA_INSIDE();
	bool ended;

	if (rota__current() == NULL || rota__task_refuses(task, rota__here()) < 0)
		return -EPERM;
	rota__lock(&join_lock);
	ended = has_result(task);
	if (ended && ret_result != NULL)
		*ret_result = task->result;
	rota__unlock(&join_lock);
	return ended ? 0 : -EAGAIN;
}

/* Its answer to our cancellation is for us. */
static void set_quiet(struct rota_task *task)
{
	rota__lock(&task->home->lock);
	store_relaxed(&task->flags, task->flags | TASK_QUIET); /* its end may look at them */
	rota__unlock(&task->home->lock);
}

int rota_wait_for(struct rota_task *task, int *ret_result, uint64_t length_ns)
{
	ROTA_INSIDE();
	int result, rc = join(task, &result, rota_deadline(length_ns), MAY_BE_CUT_SHORT);

	if (rc == -ECANCELED || rc == -ETIMEDOUT) {
		set_quiet(task);
		rota_task_cancel(task);
		/* Between the two it may have begun to wait for us, in a shield. */
		if (join(task, &result, ROTA_FOREVER, NOT_CUT_SHORT) < 0)
			return -EDEADLK;
		/* One that had its result before it noticed has it all the same. */
		if (result != -ECANCELED && result != -ETIMEDOUT)
			rc = 0;
	}
	if (rc == 0 && ret_result != NULL)
		*ret_result = result;
	return rc;
}

/* ---- several ---- */

/* How many have ended; *ret_enough: that is what is waited for.  In the lock. */
static int count_ended(struct rota_task *const *tasks, size_t count, enum rota_wait_when when, bool *ret_enough)
{
	size_t ended = 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		ended += has_result(tasks[i]);
		failed += has_result(tasks[i]) && tasks[i]->result < 0;
	}
	*ret_enough = ended == count || (when == ROTA_WAIT_FIRST && ended > 0) || (when == ROTA_WAIT_ERROR && failed > 0);
	return (int)ended;
}

/* Places with those that run.  -EDEADLK: with one of them it cannot be.  In the lock. */
static int take_places(struct place *places, struct joining *g, struct rota_task *const *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!has_result(tasks[i]) && ends_after(tasks[i], g->wait.task))
			return -EDEADLK;
	for (size_t i = 0; i < count; i++) {
		places[i].joiner.target = NULL;
		if (!has_result(tasks[i]))
			place_take(&places[i], g, tasks[i]);
	}
	return 0;
}

static void leave_places(struct rota_task *self, struct place *places, size_t count)
{
	rota__lock(&join_lock);
	for (size_t i = 0; i < count; i++)
		if (places[i].joiner.target != NULL)
			out_of_list(&places[i].joiner);
	self->joins &= (uint8_t)~JOINS_WAITING;
	rota__unlock(&join_lock);
}

static int wait_for_some(struct rota_task *self, struct place *places, struct rota_task *const *tasks, size_t count,
	enum rota_wait_when when, uint64_t deadline_ns)
{
	struct joining g;
	bool enough, waits;
	int rc, ended;

	joining_init(&g, self, when, count);
	rota__lock(&join_lock);
	ended = count_ended(tasks, count, when, &enough);
	rc = enough ? 0 : rota__task_cancelled(self);
	if (!enough && rc == 0 && !passed(deadline_ns))
		rc = take_places(places, &g, tasks, count);
	waits = g.running > 0; /* at this moment: from here on they may end, and wake us */
	rota__unlock(&join_lock);
	if (!waits)
		return rc != 0 ? rc : ended;
	park(&g, deadline_ns);
	leave_places(self, places, count);
	if (g.reason != 0)
		return g.reason;
	rota__lock(&join_lock);
	ended = count_ended(tasks, count, when, &enough);
	rota__unlock(&join_lock);
	return ended;
}

int rota_wait_until(struct rota_task *const *tasks, size_t count, enum rota_wait_when when, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	enum { ON_STACK = 8 };
	struct place few[ON_STACK], *places = few;
	struct rota_task *self = rota__begin_call();
	int rc;

	if (self == NULL)
		return -EPERM;
	if (count > INT32_MAX || (unsigned)when > ROTA_WAIT_ALL)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (rota__task_refuses(tasks[i], self->worker) < 0)
			return -EPERM;
	if (count > ON_STACK) {
		places = rota__alloc(count * sizeof *places);
		if (places == NULL)
			return -ENOMEM;
	}
	rc = wait_for_some(self, places, tasks, count, when, deadline_ns);
	if (places != few)
		rota__free(places);
	return rc;
}

int rota_wait(struct rota_task *const *tasks, size_t count, enum rota_wait_when when)
{
	return rota_wait_until(tasks, count, when, ROTA_FOREVER);
}
