/* resize.c - more workers, or fewer, while the program runs
 *
 *	made --> in service <--> out of service (asleep, but for what is pinned to it) --> the run ends
 *
 * A worker that is out of service keeps its loop and its thread: something may have been made there that stays until it ends (a
 * pinned task, a timer, a callback connection), and to come back it only has to be told. */
#include "sched/several.h"

static struct several *several_of(struct rota__worker *worker)
{
	return container_of(worker->team, struct several, team);
}

/* One worker more, at the end; waits for its thread. */
static int make_worker(struct several *s)
{
	unsigned number = s->team.size;
	int rc = rota__seat_new(s, number);

	if (rc < 0)
		return rc;
	rc = rota__drivers_start(&s->drivers, &s->seats[number]->worker);
	if (rc == 0) {
		pthread_mutex_lock(&s->lock);
		while (!s->seats[number]->present)
			pthread_cond_wait(&s->changed, &s->lock);
		rc = s->seats[number]->error;
		pthread_mutex_unlock(&s->lock);
	}
	if (rc < 0)
		rota__seat_free(s, number);
	return rc;
}

static int resize(struct several *s, unsigned workers)
{
	unsigned before = rota__team_in_service(&s->team), wanted = s->team.bosses + workers, now;
	int rc = 0;

	while (rc == 0 && s->team.size < wanted)
		rc = make_worker(s);
	now = wanted < s->team.size ? wanted : s->team.size;
	if (now != before) {
		rota__team_set_in_service(&s->team, now);
		rota__team_rebalance(&s->team);
	}
	return rc;
}

int rota_workers_resize(unsigned workers)
{
	ROTA_INSIDE();
	struct rota__worker *here = rota__here();
	struct several *s;
	int rc;

	if (here == NULL || here->current == NULL)
		return -EPERM;
	if (workers == 0)
		workers = rota__workers_default(here->team == NULL ? ROTA_SINGLE : here->team->steal ? ROTA_STEAL : ROTA_GROUP);
	if (workers > ROTA_WORKERS_MAX)
		return -EINVAL;
	if (here->team == NULL)
		return workers == 1 ? 0 : -ENOTSUP;
	s = several_of(here);
	if (swap_acq_rel(&s->resizing, 1) != 0)
		return -EBUSY;
	rc = resize(s, workers);
	store_release(&s->resizing, 0); /* acquired by the next one */
	return rc;
}

int rota_workers_rebalance(void)
{
	ROTA_INSIDE();
	struct rota__worker *here = rota__here();

	if (here == NULL)
		return -EPERM;
	if (here->team != NULL)
		rota__team_rebalance(here->team);
	return 0;
}

/* ---- what they have done ---- */

int rota_worker_stats(unsigned number, struct rota_worker_stats *ret_stats)
{
	ROTA_INSIDE();
	struct rota__worker *here = rota__here(), *w = here;
	const struct rota__counts *counts;

	if (here == NULL)
		return -EPERM;
	if (number >= (here->team != NULL ? rota__team_size(here->team) : 1))
		return -EINVAL;
	if (here->team != NULL)
		w = here->team->workers[number];
	counts = &w->counts;
	*ret_stats = (struct rota_worker_stats){
		.boss = here->team != NULL && number < here->team->bosses,
		.in_service = here->team == NULL || number < rota__team_in_service(here->team),
		.connections = load_relaxed(&w->loop->connections),
		.runs = load_relaxed(&w->runs),
		.ended = load_relaxed(&w->ended),
		.steals = load_relaxed(&counts->steals),
		.stolen = load_relaxed(&counts->stolen),
		.injected = load_relaxed(&counts->injected),
		.overflows = load_relaxed(&counts->overflows),
		.searches = load_relaxed(&counts->searches),
		.sleeps = load_relaxed(&counts->sleeps),
	};
	return 0;
}
