/* team_place.c - which worker gets what comes, and how many work (team.h) */
#include "task/team_private.h"

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

/* ---- how many work ---- */

enum rota__service { SERVICE_CHANGED = 1, SERVICE_REBALANCE = 2 };

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
			rota__team_leave_all(w);
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
