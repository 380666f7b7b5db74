/* several.c - the models with several workers: each a loop, driven by a thread, the first by the calling thread
 *
 *	all: make loop and worker --> wait for the others --> turn until it is over --> wait for the others --> turn until all loops
 *	are at rest --> leave
 *
 * Nobody turns before everybody is there, because any worker may post to any other; and nobody gives anything back
 * before all have stopped, because tasks, stacks and records have wandered between them.  Which thread drives a worker may
 * change in between (drivers.h). */
#include <assert.h>
#include <stdio.h>

#include "os/mem.h"
#include "sched/several.h"
#include "trace/trace.h"

/* ---- meeting ---- */

static void meet(struct several *s, unsigned *count, unsigned all)
{
	pthread_mutex_lock(&s->lock);
	++*count;
	pthread_cond_broadcast(&s->changed);
	while (*count < all)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static bool something_is_left(const struct several *s)
{
	for (unsigned i = 0; i < s->team.size; i++)
		if (s->seats[i]->started && rota_loop_alive(s->seats[i]->loop))
			return true;
	return false;
}

/* Our loop has come to rest; true: when all had, something had been posted to one of them again.  Who comes last looks, for all. */
static bool meet_drained(struct several *s)
{
	unsigned all, target;

	pthread_mutex_lock(&s->lock);
	all = s->team.size - s->missing;
	target = (s->drained / all + 1) * all;
	if (++s->drained == target) {
		s->posts_are_left = something_is_left(s);
		pthread_cond_broadcast(&s->changed);
	}
	while (s->drained < target)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return s->posts_are_left;
}

/* An error ends the run before it has begun.  The first one counts. */
static void fail(struct several *s, int error)
{
	pthread_mutex_lock(&s->lock);
	if (s->error == 0)
		store_relaxed(&s->error, error); /* who has just arrived may look */
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
	for (unsigned i = 0, size = rota__team_size(team); i < size; i++) {
		s->seats[i]->over.fn = nothing;
		rota_post(s->seats[i]->loop, &s->seats[i]->over);
	}
}

/* ---- one worker ---- */

/* Its own thread, the first one. */
static int start(struct seat *seat, struct rota__driver *driver)
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
	seat->worker.run = s->run;
	seat->worker.on_detached_error = s->run->options->on_detached_error;
	snprintf(seat->name, sizeof seat->name, "worker %u", seat->number);
	rota__trace_thread(rota__trace_on ? rota__trace_text(seat->name) : NULL);
	rota__watchdog_meet(&seat->worker);
	store_release(&driver->worker, &seat->worker); /* acquired by the watchdog */
	seat->started = true;
	return 0;
}

/* The program begins. */
static void start_program(struct several *s)
{
	int rc = rota__run_begin(s->run, s->seats[0]->loop, &s->team.root, &s->team);

	if (rc == 0) {
		rc = rota_spawn_at(&s->team.root, rota__run_first_task, s->run, "main", "rota_run");
		if (rc < 0)
			rota__run_over(s->run);
	}
	if (rc < 0) {
		fail(s, rc);
		all_ended(&s->team);
	}
}

/* One of the first.  False: the run ends before it has begun. */
static bool arrive(struct seat *seat, struct rota__driver *driver)
{
	struct several *s = seat->several;
	int rc = start(seat, driver);

	if (rc < 0)
		fail(s, rc);
	else
		s->team.workers[seat->number] = &seat->worker;
	seat->present = true;
	meet(s, &s->present, s->first_seats);
	if (seat->number == 0 && s->error == 0)
		start_program(s);
	return load_relaxed(&s->error) == 0; /* a later one is told to all who turn */
}

/* One that joins the others while they work.  False: it is not to be. */
static bool arrive_late(struct seat *seat, struct rota__driver *driver)
{
	struct several *s = seat->several;
	int rc = start(seat, driver);

	pthread_mutex_lock(&s->lock);
	if (rc == 0)
		rota__team_add(&s->team, &seat->worker);
	seat->error = rc;
	seat->present = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock); /* if it failed, the seat may be gone now */
	return rc == 0;
}

/* False: the worker is somebody else's by now. */
static bool turn(struct seat *seat, const struct rota__driver *driver)
{
	while (!load_acquire(&seat->several->over)) {
		rota__loop_turn(seat->loop, ROTA_FOREVER);
		if (load_relaxed(&driver->worker) != &seat->worker)
			return false;
	}
	if (seat->number == 0)
		rota__run_over(seat->several->run);
	rota__run_drain(seat->loop);
	return true;
}

static void leave(struct seat *seat, struct rota__driver *driver)
{
	struct several *s = seat->several;

	store_relaxed(&driver->worker, NULL);
	meet(s, &s->stopped, s->team.size); /* nobody joins any more */
	do {
		if (seat->started)
			rota__run_drain(seat->loop);
	} while (meet_drained(s));
	if (seat->started) {
		rota__worker_leave(&seat->worker);
		rota__loop_leave(seat->loop);
	}
	rota__drivers_end(&s->drivers);
}

/* A driver has been given this worker. */
static void drive(struct rota__worker *worker, struct rota__driver *driver)
{
	struct seat *seat = container_of(worker, struct seat, worker);
	bool begun = true;

	if (seat->present)
		rota__driver_take(driver, worker);
	else if (seat->number < seat->several->first_seats)
		begun = arrive(seat, driver);
	else if (!arrive_late(seat, driver))
		return;
	if (!begun || turn(seat, driver))
		leave(seat, driver);
}

/* ---- all of them ---- */

int rota__seat_new(struct several *s, unsigned number)
{
	struct seat *seat = rota__alloc_zero(sizeof *seat);
	int rc;

	if (seat == NULL)
		return -ENOMEM;
	rc = rota_loop_new(&seat->loop, &s->run->loop_options);
	if (rc < 0) {
		rota__free(seat);
		return rc;
	}
	seat->several = s;
	seat->number = number;
	s->seats[number] = seat;
	return 0;
}

void rota__seat_free(struct several *s, unsigned number)
{
	int rc = rota_loop_free(s->seats[number]->loop);

	assert(rc == 0);
	(void)rc;
	rota__free(s->seats[number]);
	s->seats[number] = NULL;
}

static int make_seats(struct several *s)
{
	int rc = 0;

	s->run->loop_options.shareable = s->team.rescues; /* another thread may have to go on with it */
	for (unsigned i = 0; rc == 0 && i < s->first_seats; i++)
		rc = rota__seat_new(s, i);
	return rc;
}

/* A thread that cannot be had counts as present and stopped: the others meet without it, and leave. */
static void start_threads(struct several *s)
{
	for (unsigned i = 1; i < s->first_seats; i++) {
		int rc = rota__drivers_start(&s->drivers, &s->seats[i]->worker);

		if (rc == 0)
			continue;
		fail(s, rc);
		pthread_mutex_lock(&s->lock);
		s->present += s->first_seats - i;
		s->stopped += s->first_seats - i;
		s->missing = s->first_seats - i;
		pthread_mutex_unlock(&s->lock);
		return;
	}
}

static void run_all(struct several *s)
{
	s->drivers.drive = drive;
	s->drivers.watch = s->run->watch;
	s->drivers.rescue = s->team.rescues;
	rota__drivers_init(&s->drivers);
	start_threads(s);
	rota__drivers_run(&s->drivers, &s->seats[0]->worker);
	rota__drivers_fini(&s->drivers);
	for (unsigned i = 0; i < s->team.size; i++)
		if (s->seats[i]->started)
			rota__worker_fini(&s->seats[i]->worker);
}

int rota__run_team(struct run *run, const struct team_shape *shape)
{
	unsigned workers = shape->bosses + shape->workers, room = shape->bosses + ROTA_WORKERS_MAX;
	struct several *s = rota__alloc_zero(sizeof *s);
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->run = run;
	s->first_seats = workers;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->seats = rota__alloc_zero(room * sizeof *s->seats);
	rc = s->seats == NULL ? -ENOMEM : rota__team_init(&s->team, workers, room, shape->steal);
	if (rc == 0) {
		s->team.bosses = shape->bosses;
		s->team.rescues = shape->steal && run->watch.rescue_ns != ROTA_FOREVER;
		s->team.deal = (uint8_t)shape->deal;
		rota__run_root_init(&s->team.root);
		s->team.on_empty = all_ended;
		rc = make_seats(s);
		if (rc == 0) {
			run_all(s);
			rc = s->error < 0 ? s->error : run->result;
		}
		for (unsigned i = 0; i < room && s->seats[i] != NULL; i++)
			rota__seat_free(s, i);
		rota__team_fini(&s->team);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	rota__free(s->seats);
	rota__free(s);
	return rc;
}
