/* doors.c - a listening socket for each worker (serve.h) */
#include "await/serve.h"
#include "os/mem.h"

/* Its fields but the first five are used on its loop only. */
struct rota__door {
	struct rota_listener *listener;
	struct rota_loop *loop;
	int (*serve)(struct rota_stream *stream, void *arg);
	void *arg;
	bool spawned;
	bool shut, over; /* whichever comes first closes the listener */
};

static int serve_door(void *arg)
{
	ROTA_INSIDE();
	struct rota__door *door = arg;
	struct rota_task *task = rota__current();
	int rc = 0;

	rota__pin_to(task, door->loop); /* of this run: it cannot fail */
	if (!door->shut)
		rc = rota__serve_door(door->listener, door->serve, door->arg);
	if (!door->shut)
		rota__listener_close_here(door->listener);
	door->over = true;
	rota__unpin(task);
	return rc;
}

static int shut_door(void *arg)
{
	ROTA_INSIDE();
	struct rota__door *door = arg;
	struct rota_task *task = rota__current();

	rota__pin_to(task, door->loop);
	if (!door->over && !door->shut) {
		door->shut = true;
		rota__listener_close_here(door->listener);
	}
	rota__unpin(task);
	return 0;
}

/* Where the listener's worker has none, it accepts on the listener itself; a boss there deals what comes to it.  `size`: more workers
 * may come meanwhile. */
static int listen_at_each(struct rota__doors *doors, struct rota_listener *l, unsigned size)
{
	const struct rota__team *team = ((struct rota__worker *)l->loop->tasks)->team;

	for (unsigned i = team->bosses; i < size; i++) {
		struct rota__door *door = &doors->door[doors->count];
		int rc;

		if (team->workers[i]->loop == l->loop)
			continue;
		rc = rota__listener_door(&door->listener, l, team->workers[i]->loop);
		if (rc < 0)
			return rc;
		door->loop = door->listener->loop;
		doors->count++;
	}
	return 0;
}

static void discard(struct rota__doors *doors)
{
	for (unsigned i = 0; i < doors->count; i++)
		if (!doors->door[i].spawned)
			rota__listener_discard(doors->door[i].listener);
}

int rota__doors_open(struct rota__doors *doors, struct rota_listener *l,
	int (*serve)(struct rota_stream *stream, void *arg), void *arg)
{
	struct rota_scope_options each_for_itself = { .flags = ROTA_SCOPE_COLLECT };
	const struct rota__team *team = ((struct rota__worker *)l->loop->tasks)->team;
	unsigned size;
	int rc;

	doors->count = 0;
	doors->door = NULL;
	if (team == NULL || l->deal != ROTA_DEAL_OWN)
		return 0;
	size = rota__team_size(team);
	doors->door = rota__alloc_zero(size * sizeof *doors->door);
	if (doors->door == NULL)
		return -ENOMEM;
	rc = listen_at_each(doors, l, size);
	if (rc < 0) {
		discard(doors);
		rota__free(doors->door);
		doors->door = NULL;
		return rc;
	}
	rota_scope_open_with(&doors->scope, &each_for_itself);
	for (unsigned i = 0; i < doors->count; i++) {
		struct rota__door *door = &doors->door[i];

		door->serve = serve;
		door->arg = arg;
		door->spawned = rota__spawn_on(door->loop->tasks, &doors->scope, serve_door, door, "door",
					"rota_serve") == 0;
	}
	discard(doors);
	return 0;
}

void rota__doors_shut(struct rota__doors *doors)
{
	for (unsigned i = 0; i < doors->count; i++) {
		struct rota__door *door = &doors->door[i];

		if (!door->spawned ||
			rota__spawn_on(door->loop->tasks, &doors->scope, shut_door, door, "shut", "rota_serve") == 0)
			continue;
		rota_scope_cancel(&doors->scope); /* no memory, or it is being cancelled already */
		return;
	}
}

void rota__doors_close(struct rota__doors *doors)
{
	if (doors->door == NULL)
		return;
	rota_scope_join(&doors->scope);
	rota__free(doors->door);
}
