/* select.c - one of several branches, whichever comes first (select.h)
 *
 *	look      at each branch alone, in random order; what is possible is done, and that is all
 *	enter     all guards, in the order of their addresses, and look again: what is possible is done
 *	queue     a waiter in each object, and leave the guards
 *	begin     the others: time, the ends of tasks, descriptors
 *	park      until somebody wins the claim, which all share, and so ends it
 *	take back what is queued and has begun
 *
 * Because all guards are held from the second look to the last queueing, no branch becomes possible in between, and a
 * select is never partly queued when it finds a partner.  So it never has to give a claim back, as it would if it had to win its
 * own before another's; and it cannot find itself, as it looks before it queues.
 *
 * Whoever comes takes a waiter out of its queue and then wins the claim, or goes on to the next waiter.  So one of another
 * branch that has lost may have been taken out or not, and somebody may be looking at it: it is taken back under its guard in
 * any case.  What it kept from those behind it in its queue they have then (the `left` hook).
 *
 * A cancellation and a deadline win the claim like others, and then nothing has happened. */
#include "sync/select.h"

enum { UNDECIDED = 1 }; /* result of a waiter: its branch was not chosen */

static struct rota__guard *guard_of(const struct rota__selectable *how, const struct rota_branch *b)
{
	return how->guard != NULL ? how->guard(b) : (struct rota__guard *)b->object;
}

static enum rota__entry enter(const struct rota__selectable *how, const struct rota_branch *b)
{
	return how->enter != NULL ? how->enter(b->object) : guard_enter(guard_of(how, b));
}

static void leave(const struct rota__selectable *how, const struct rota_branch *b, enum rota__entry entry)
{
	if (how->leave != NULL)
		how->leave(b->object, entry);
	else
		guard_leave(guard_of(how, b), entry);
}

static bool never(const struct rota_branch *b)
{
	return b->kind == ROTA__ON_TIME ? b->want == ROTA_FOREVER : b->object == NULL && b->fd < 0;
}

/* ---- at once ---- */

static int attempt_alone(struct rota_branch *b, struct rota_task *task)
{
	const struct rota__selectable *how = rota__selectables[b->kind];
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry;
	int rc;

	if (never(b))
		return -EAGAIN;
	if (how == NULL)
		return b->want <= rota_now_ns() ? 0 : -EAGAIN;
	if (how->attempt == NULL)
		return how->look(b);
	entry = enter(how, b);
	rc = how->attempt(b, task, &wakes);
	leave(how, b, entry);
	wakes_run(&wakes);
	return rc;
}

/* The branch that was possible, or -EAGAIN. */
static int attempt_each(struct rota_branch *branches, size_t count, const uint8_t *order, struct rota_task *task)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = order != NULL ? order[i] : i;
		int rc = attempt_alone(&branches[at], task);

		if (rc == -EAGAIN)
			continue;
		branches[at].result = rc;
		return (int)at;
	}
	return -EAGAIN;
}

static void shuffle(uint8_t *order, size_t count, struct rota__worker *worker)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = rota__random_below(worker, (uint32_t)i + 1);

		order[i] = order[at];
		order[at] = (uint8_t)i;
	}
}

/* ---- all guards ---- */

struct guarded {
	size_t count;
	struct rota__guard *guards[ROTA_SELECT_MAX]; /* ascending */
	struct rota__arm *arms[ROTA_SELECT_MAX];
};

static void sort_in(struct guarded *all, struct rota__arm *arm)
{
	struct rota__guard *guard = guard_of(arm->how, arm->branch);
	size_t i = all->count++;

	for (; i > 0 && (uintptr_t)all->guards[i - 1] > (uintptr_t)guard; i--) {
		all->guards[i] = all->guards[i - 1];
		all->arms[i] = all->arms[i - 1];
	}
	all->guards[i] = guard;
	all->arms[i] = arm;
}

/* Two branches may be about one object. */
static bool same_as_before(const struct guarded *all, size_t i)
{
	return i > 0 && all->guards[i] == all->guards[i - 1];
}

static void enter_all(struct guarded *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (!same_as_before(all, i))
			all->arms[i]->entry = enter(all->arms[i]->how, all->arms[i]->branch);
}

static void leave_all(const struct guarded *all)
{
	for (size_t i = all->count; i-- > 0;)
		if (!same_as_before(all, i))
			leave(all->arms[i]->how, all->arms[i]->branch, all->arms[i]->entry);
}

static struct rota__arm *attempt_entered(struct rota__select *s, const uint8_t *order, struct rota__wakes *wakes)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rota__arm *arm = &s->arms[order[i]];
		int rc;

		if (arm->how == NULL || arm->how->attempt == NULL)
			continue;
		rc = arm->how->attempt(arm->branch, s->wait.task, wakes);
		if (rc != -EAGAIN) {
			s->result = rc;
			return arm;
		}
	}
	return NULL;
}

static void queue_all(struct rota__select *s, const struct guarded *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct rota__arm *arm = all->arms[i];
		struct rota__waiter *w = &arm->waiter;

		waiter_init(w, s->wait.task, all->guards[i], NULL);
		w->claim = &s->claim;
		w->result = UNDECIDED;
		waiters_append(arm->how->queue(arm->branch, w), w);
		arm->armed = true;
	}
}

/* What is possible at once: that arm; else NULL, and a waiter is in each queue. */
static struct rota__arm *attempt_or_queue(struct rota__select *s, const uint8_t *order)
{
	struct rota__wakes wakes = { NULL, NULL };
	struct guarded all = { .count = 0 };
	struct rota__arm *arm;

	for (size_t i = 0; i < s->count; i++)
		if (s->arms[i].how != NULL && s->arms[i].how->attempt != NULL)
			sort_in(&all, &s->arms[i]);
	enter_all(&all);
	arm = attempt_entered(s, order, &wakes);
	if (arm == NULL)
		queue_all(s, &all);
	leave_all(&all);
	wakes_run(&wakes);
	return arm;
}

/* ---- waiting ---- */

static void cancelled(struct rota__wait *wait, int reason)
{
	struct rota__select *s = container_of(wait, struct rota__select, wait);

	if (select_end(s, NULL, reason))
		rota__wake(wait->task);
}

static void time_has_come(struct rota__timer *timer)
{
	struct rota__select *s = container_of(timer, struct rota__select, timer);

	if (select_end(s, s->on_time, s->on_time != NULL ? 0 : -ETIMEDOUT))
		rota__wake(s->wait.task);
}

static void arm_init(struct rota__arm *arm, struct rota__select *s, struct rota_branch *b)
{
	arm->select = s;
	arm->branch = b;
	arm->how = never(b) ? NULL : rota__selectables[b->kind];
	arm->armed = arm->ready_to_begin = false;
}

/* When the timer is due: the earliest of all times. */
static void find_earliest(struct rota__select *s, uint64_t deadline_ns)
{
	s->due_ns = deadline_ns;
	for (size_t i = 0; i < s->count; i++) {
		const struct rota_branch *b = s->arms[i].branch;

		if (b->kind == ROTA__ON_TIME && b->want != ROTA_FOREVER && b->want <= s->due_ns) {
			s->due_ns = b->want;
			s->on_time = &s->arms[i];
		}
	}
}

/* The timer and some of what happens by itself are the loop's. */
static bool needs_loop(const struct rota__select *s)
{
	bool needs = s->due_ns != ROTA_FOREVER;

	for (size_t i = 0; i < s->count && !needs; i++)
		needs = s->arms[i].how != NULL && s->arms[i].how->on_loop;
	return needs;
}

/* -EAGAIN, or the result of an arm that need not begin. */
static int prepare_all(struct rota__select *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rota__arm *arm = &s->arms[i];
		int rc;

		if (arm->how == NULL || arm->how->prepare == NULL)
			continue;
		rc = arm->how->prepare(arm);
		if (rc != -EAGAIN) {
			s->winner = arm;
			return rc;
		}
		arm->ready_to_begin = true;
	}
	return -EAGAIN;
}

static void release_all(const struct rota__select *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->arms[i].ready_to_begin)
			s->arms[i].how->release(&s->arms[i]);
}

/* False: one of them has ended the select already, without a wake-up. */
static bool begin_others(struct rota__select *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rota__arm *arm = &s->arms[i];

		if (arm->how == NULL || arm->how->attempt != NULL)
			continue;
		if (!arm->how->begin(arm))
			return false;
		arm->armed = true;
	}
	return true;
}

static void unqueue(struct rota__arm *arm)
{
	struct rota__wakes wakes = { NULL, NULL };
	struct rota__waiter *w = &arm->waiter;

	if (w->result != UNDECIDED)
		return; /* chosen: nobody looks at it any more */
	arm->entry = enter(arm->how, arm->branch);
	if (w->queue != NULL) {
		waiters_remove(w);
		if (w->left != NULL)
			w->left(w, &wakes);
	}
	leave(arm->how, arm->branch, arm->entry);
	wakes_run(&wakes);
}

static void take_back(const struct rota__select *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rota__arm *arm = &s->arms[i];

		if (arm->armed && arm->how->attempt != NULL)
			unqueue(arm);
		else if (arm->armed)
			arm->how->quit(arm);
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->arms[i].armed && s->arms[i].how->end != NULL)
			s->arms[i].how->end(&s->arms[i]);
}

static void park(struct rota__select *s)
{
	struct rota_loop *loop = s->wait.task->worker->loop;

	if (s->due_ns == ROTA_FOREVER) {
		rota__park(&s->wait);
		return;
	}
	s->timer = (struct rota__timer){ .fn = time_has_come };
	timers_arm(&loop->timers, &s->timer, s->due_ns);
	rota__park(&s->wait);
	timers_cancel(&loop->timers, &s->timer);
}

/* Who has won, of those that were queued? */
static void find_winner(struct rota__select *s)
{
	for (size_t i = 0; i < s->count && s->winner == NULL && s->result == 0; i++) {
		struct rota__arm *arm = &s->arms[i];

		if (arm->armed && arm->how->attempt != NULL && arm->waiter.result != UNDECIDED) {
			s->winner = arm;
			s->result = arm->waiter.result;
			break;
		}
	}
}

static void wait_for_one(struct rota__select *s, const uint8_t *order)
{
	s->winner = attempt_or_queue(s, order);
	if (s->winner != NULL)
		return;
	if (begin_others(s))
		park(s);
	find_winner(s);
	take_back(s);
}

static int wait_in_all(struct rota_task *task, struct rota_branch *branches, size_t count, const uint8_t *order,
	uint64_t deadline_ns)
{
	struct rota__arm arms[count];
	struct rota__select s = {
		.wait = { .task = task, .cancel = cancelled, .what = "one of several things" },
		.count = count,
		.arms = arms,
	};
	int rc;

	s.joining.over = &s.claim;
	for (size_t i = 0; i < count; i++) {
		arm_init(&arms[i], &s, &branches[i]);
		s.joining.ways += !never(&branches[i]);
	}
	find_earliest(&s, deadline_ns);
	rc = prepare_all(&s);
	if (rc == -EAGAIN) {
		bool stay = needs_loop(&s);

		if (stay)
			rota__pin(task);
		wait_for_one(&s, order);
		if (stay)
			rota__unpin(task);
		rc = s.result;
	}
	release_all(&s);
	if (s.winner == NULL)
		return rc;
	if (rc == 0 && s.winner->how != NULL && s.winner->how->finish != NULL && s.winner->armed)
		rc = s.winner->how->finish(s.winner->branch);
	if (rc == -EAGAIN)
		return rc;
	s.winner->branch->result = rc;
	return (int)(s.winner - arms);
}

/* ---- the calls ---- */

static int refused(const struct rota_task *task, const struct rota_branch *branches, size_t count)
{
	if (task == NULL)
		return -EPERM;
	if (count == 0 || count > ROTA_SELECT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if ((unsigned)branches[i].kind >= ROTA__BRANCH_KINDS)
			return -EINVAL;
	return 0;
}

int rota_select_until(struct rota_branch *branches, size_t count, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	int rc = refused(task, branches, count);
	uint8_t order[ROTA_SELECT_MAX];

	if (rc < 0)
		return rc;
	shuffle(order, count, task->worker);
	do {
		rc = attempt_each(branches, count, order, task);
		if (rc != -EAGAIN)
			return rc;
		rc = waiter_refused(task, deadline_ns);
		if (rc < 0)
			return rc;
		rc = wait_in_all(task, branches, count, order, deadline_ns);
	} while (rc == -EAGAIN);
	return rc;
}

int rota_select(struct rota_branch *branches, size_t count)
{
	return rota_select_until(branches, count, ROTA_FOREVER);
}

int rota_try_select(struct rota_branch *branches, size_t count)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	int rc = refused(task, branches, count);

	return rc < 0 ? rc : attempt_each(branches, count, NULL, task);
}
