/* combine.c - a few functions at the same time, or one with a limit: scopes in a handy form */
#include "os/mem.h"
#include "task/task.h"

/* Call fn in a scope that nobody else knows of, and so is empty when it returns: unless fn left one of its own open, whose
 * memory is gone now. */
static int call_in(const struct rota_scope_options *options, bool before, rota_fn fn, void *arg, const char *left_open)
{
	struct rota_scope scope;
	int rc;

	rota_scope_open_with(&scope, options);
	rc = rota__call_out(before, fn, arg);
	if (rota_scope_join(&scope) == -EINVAL)
		rota__die(left_open, scope.owner);
	return rc;
}

int rota_timeout(uint64_t length_ns, rota_fn fn, void *arg)
{
	ROTA_INSIDE();
	struct rota_scope_options limit = { .deadline_ns = rota_deadline(length_ns) };

	if (rota__current() == NULL)
		return -EPERM;
	return call_in(&limit, rota__before, fn, arg, "a function returned to rota_timeout() with an open scope");
}

int rota_shield(uint64_t length_ns, rota_fn fn, void *arg)
{
	ROTA_INSIDE();
	struct rota_scope_options shield = {
		.deadline_ns = rota_deadline(length_ns), .flags = ROTA_SCOPE_SHIELD };

	if (rota__current() == NULL)
		return -EPERM;
	return call_in(&shield, rota__before, fn, arg, "a function returned to rota_shield() with an open scope");
}

/* A call of a gather or a race, and where its result goes. */
struct member {
	const struct rota_call *call;
	int *ret_result;
	struct race *race;
	uint32_t *failed; /* counts errors, which are nobody else's then */
};

struct race {
	struct rota_scope scope;
	const struct rota_call *calls;
	int winner, result;
};

static int run_member(void *arg)
{
	struct member *m = arg;
	int nobody = -1;
	int result = m->call->fn(m->call->arg);

	if (m->ret_result != NULL)
		*m->ret_result = result;
	if (m->failed != NULL) {
		if (result < 0)
			add_relaxed(m->failed, 1); /* the join orders it */
		return 0;
	}
	if (m->race == NULL)
		return result;
	if (cas_acq_rel(&m->race->winner, &nobody, (int)(m->call - m->race->calls))) {
		m->race->result = result;
		rota_scope_cancel(&m->race->scope);
	}
	return 0; /* a loser's error is not the race's */
}

/* Spawn them all as members named after nothing better than the place of the call. */
static void spawn_members(struct rota_scope *scope, struct member *members, size_t count,
	const char *name, const char *site)
{
	for (size_t i = 0; i < count; i++)
		rota_spawn_at(scope, run_member, &members[i], name, site);
}

int rota_gather_at(const struct rota_call *calls, size_t count, int *ret_results, const char *site)
{
	ROTA_INSIDE();
	struct rota_scope scope;
	struct member *members;
	int rc;

	if (rota__current() == NULL)
		return -EPERM;
	if (count == 0)
		return 0;
	members = rota__alloc(count * sizeof *members);
	if (members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		members[i] = (struct member){ &calls[i], ret_results ? &ret_results[i] : NULL, NULL, NULL };
		if (ret_results != NULL)
			ret_results[i] = -ECANCELED; /* stays for one that could not be spawned */
	}
	rota_scope_open(&scope);
	spawn_members(&scope, members, count, "gather", site);
	rc = rota_scope_join(&scope);
	rota__free(members);
	return rc;
}

int rota_gather_collect_at(const struct rota_call *calls, size_t count, int *ret_results, const char *site)
{
	ROTA_INSIDE();
	struct rota_scope scope;
	struct member *members;
	uint32_t failed = 0;

	if (rota__current() == NULL)
		return -EPERM;
	if (count > INT32_MAX)
		return -EINVAL;
	if (count == 0)
		return 0;
	members = rota__alloc(count * sizeof *members);
	if (members == NULL)
		return -ENOMEM;
	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	for (size_t i = 0; i < count; i++) {
		int rc;

		members[i] = (struct member){ &calls[i], ret_results ? &ret_results[i] : NULL, NULL, &failed };
		rc = rota_spawn_at(&scope, run_member, &members[i], "gather", site);
		if (rc == 0)
			continue;
		add_relaxed(&failed, 1);
		if (ret_results != NULL)
			ret_results[i] = rc;
	}
	rota_scope_join(&scope); /* only of those that could not be spawned it knows */
	rota__free(members);
	return (int)failed;
}

int rota_race_at(const struct rota_call *calls, size_t count, int *ret_result, const char *site)
{
	ROTA_INSIDE();
	struct race race = { .calls = calls, .winner = -1 };
	struct member *members;
	int rc;

	if (rota__current() == NULL)
		return -EPERM;
	if (count == 0)
		return -EINVAL;
	members = rota__alloc(count * sizeof *members);
	if (members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		members[i] = (struct member){ &calls[i], NULL, &race, NULL };
	rota_scope_open(&race.scope);
	spawn_members(&race.scope, members, count, "race", site);
	rc = rota_scope_join(&race.scope);
	rota__free(members);
	if (race.winner < 0)
		return rc < 0 ? rc : -ECANCELED; /* none could be spawned */
	if (ret_result != NULL)
		*ret_result = race.result;
	return race.winner;
}
