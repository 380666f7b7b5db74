/* several.c - the models with several workers: each a loop on a thread of its own, the first on the calling thread
 *
 *	all: make loop and worker --> wait for the others --> turn until it is over --> leave --> wait for the others
 *
 * Nobody turns before everybody is there, because any worker may post to any other; and nobody gives anything back
 * before all have stopped, because tasks, stacks and records have wandered between them. */
#include <pthread.h>
#include <stdio.h>

#include "os/mem.h"
#include "sched/model.h"
#include "trace/trace.h"

struct seat {
	struct several *several;
	struct rota_loop *loop;
	pthread_t thread;
	unsigned number;
	bool started;
	struct rota_post over; /* wakes it when all is over */
	struct rota__watched watched;
	char name[24];
	struct rota__worker worker;
};

struct several {
	struct rota__team team; /* first: on_empty() finds us by it */
	struct run *run;
	struct seat *seats;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned present, stopped; /* who has made its worker, or failed; who has stopped */
	int error;
	uint32_t over;
};

/* ---- meeting ---- */

static void meet(struct several *s, unsigned *count)
{
	pthread_mutex_lock(&s->lock);
	++*count;
	pthread_cond_broadcast(&s->changed);
	while (*count < s->team.size)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* An error ends the run before it has begun.  The first one counts. */
static void fail(struct several *s, int error)
{
	pthread_mutex_lock(&s->lock);
	if (s->error == 0)
		s->error = error;
	pthread_mutex_unlock(&s->lock);
}

static void nothing(struct rota_post *post)
{
	(void)post;
}

/* The last task has ended: everybody goes home. */
static void all_ended(struct rota__team *team)
{
	struct several *s = container_of(team, struct several, team);

	store_release(&s->over, 1); /* acquired by the seats */
	for (unsigned i = 0; i < team->size; i++) {
		s->seats[i].over.fn = nothing;
		rota_post(s->seats[i].loop, &s->seats[i].over);
	}
}

/* ---- one worker ---- */

static void turn(struct seat *seat)
{
	struct several *s = seat->several;

	while (!load_acquire(&s->over))
		rota__loop_turn(seat->loop, ROTA_FOREVER);
	rota__run_drain(seat->loop);
}

static void turn_watched(struct seat *seat)
{
	const struct rota_options *options = seat->several->run->options;
	uint64_t limit_ns = rota__watchdog_limit(options, true);

	/* Without a thread for the watchdog the program runs all the same, unwatched. */
	if (limit_ns == ROTA_FOREVER ||
		rota__watchdog_join(&seat->watched, &seat->worker, seat->number, limit_ns, options->on_blocked) < 0) {
		turn(seat);
		return;
	}
	turn(seat);
	rota__watchdog_leave(&seat->watched);
}

static void first_turns(struct seat *seat)
{
	struct several *s = seat->several;
	int rc = rota__run_watch_signals(s->run, seat->loop);

	if (rc == 0)
		rc = rota_spawn_at(&s->team.root, rota__run_first_task, s->run, "main", "rota_run");
	if (rc < 0) {
		fail(s, rc);
		all_ended(&s->team);
	}
	turn_watched(seat);
	rota__run_unwatch_signals(s->run);
	rota__run_drain(seat->loop);
}

static int start(struct seat *seat)
{
	struct several *s = seat->several;
	int rc = rota__loop_enter(seat->loop);

	if (rc < 0)
		return rc;
	rc = rota__worker_init(
		&seat->worker, seat->loop, s->run->options->stack_bytes, &s->team.root, &s->team, seat->number);
	if (rc < 0) {
		rota__loop_leave(seat->loop);
		return rc;
	}
	seat->worker.on_detached_error = s->run->options->on_detached_error;
	snprintf(seat->name, sizeof seat->name, "worker %u", seat->number);
	rota__trace_thread(rota__trace_on ? rota__trace_text(seat->name) : NULL);
	s->team.workers[seat->number] = &seat->worker;
	seat->started = true;
	return 0;
}

static void *work(void *arg)
{
	struct seat *seat = arg;
	struct several *s = seat->several;
	int rc = start(seat);

	if (rc < 0)
		fail(s, rc);
	meet(s, &s->present);
	if (s->error == 0) {
		if (seat->number == 0)
			first_turns(seat);
		else
			turn_watched(seat);
	}
	meet(s, &s->stopped);
	if (seat->started) {
		rota__run_drain(seat->loop);
		rota__worker_leave(&seat->worker);
		rota__loop_leave(seat->loop);
	}
	return NULL;
}

/* ---- all of them ---- */

static int make_loops(struct several *s)
{
	for (unsigned i = 0; i < s->team.size; i++) {
		struct seat *seat = &s->seats[i];
		int rc = rota_loop_new(&seat->loop, &s->run->loop_options);

		if (rc < 0)
			return rc;
		seat->several = s;
		seat->number = i;
	}
	return 0;
}

/* A thread that cannot be had counts as present and stopped: the others meet without it, and leave. */
static void start_threads(struct several *s)
{
	for (unsigned i = 1; i < s->team.size; i++) {
		int rc = pthread_create(&s->seats[i].thread, NULL, work, &s->seats[i]);

		if (rc == 0)
			continue;
		fail(s, -rc);
		pthread_mutex_lock(&s->lock);
		s->present += s->team.size - i;
		s->stopped += s->team.size - i;
		pthread_mutex_unlock(&s->lock);
		for (; i < s->team.size; i++)
			s->seats[i].thread = pthread_self();
	}
}

static void run_all(struct several *s)
{
	start_threads(s);
	work(&s->seats[0]);
	for (unsigned i = 1; i < s->team.size; i++)
		if (!pthread_equal(s->seats[i].thread, pthread_self()))
			pthread_join(s->seats[i].thread, NULL);
	for (unsigned i = 0; i < s->team.size; i++)
		if (s->seats[i].started)
			rota__worker_fini(&s->seats[i].worker);
}

int rota__run_team(struct run *run, const struct team_shape *shape)
{
	unsigned workers = shape->bosses + shape->workers;
	struct several *s = rota__alloc_zero(sizeof *s);
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->run = run;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->seats = rota__alloc_zero(workers * sizeof *s->seats);
	rc = s->seats == NULL ? -ENOMEM : rota__team_init(&s->team, workers, shape->steal);
	if (rc == 0) {
		s->team.bosses = shape->bosses;
		s->team.deal = (uint8_t)shape->deal;
		rota__run_root_init(&s->team.root);
		s->team.on_empty = all_ended;
		rc = make_loops(s);
		if (rc == 0) {
			run_all(s);
			rc = s->error < 0 ? s->error : run->result;
		}
		for (unsigned i = 0; i < workers && s->seats[i].loop != NULL; i++)
			rota_loop_free(s->seats[i].loop);
		rota__team_fini(&s->team);
	}
	rota__free(s->seats);
	rota__free(s);
	return rc;
}
