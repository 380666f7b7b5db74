/* team_idle.c - a worker without work searches, sleeps, and is woken (team.h) */
#include "poll/poller.h"
#include "task/team_private.h"

/* There is more work than the caller can do at once.  The fence is between its being visible and our looking at who
 * searches; its partner is in stop_searching() and fall_asleep(). */
void rota__team_wake_one(struct rota__team *team)
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

static struct rota_task *steal_from(struct rota__worker *w, struct rota__worker *victim)
{
	void *tasks[STEAL_ROOM / 2];
	uint32_t n = steal_half(&victim->shared, tasks, STEAL_ROOM / 2);

	for (uint32_t i = 1; i < n; i++)
		steal_push(&w->shared, tasks[i]); /* there is room: it was empty */
	if (n > 0) {
		rota__bump(&w->counts.steals, 1);
		rota__bump(&w->counts.stolen, n);
	}
	return n > 0 ? tasks[0] : NULL;
}

static struct rota_task *search(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	unsigned size = rota__team_size(team);
	uint32_t start = rota__random_below(w, size);
	struct rota_task *task = rota__team_take_injected(w, URGENT, 1);

	if (task == NULL)
		task = rota__team_take_injected(w, NORMAL, INJECTED_AT_ONCE);
	if (task == NULL)
		task = rota__team_take_injected(w, BULK, 1);
	rota__bump(&w->counts.searches, 1);
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
	if (rota__team_something_injected(team))
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
		rota__team_wake_one(w->team);
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
		rota__bump(&w->counts.sleeps, 1);
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
			rota__bump(&w->counts.sleeps, 1);
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
