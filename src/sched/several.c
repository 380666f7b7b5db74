/* several.c - the models with several workers: each a loop, driven by a thread, the first by the calling thread
 *
 *	all: make loop and worker --> wait for the others --> turn until it is over --> leave --> wait for the others
 *
 * Nobody turns before everybody is there, because any worker may post to any other; and nobody gives anything back
 * before all have stopped, because tasks, stacks and records have wandered between them.  Which thread drives a worker may
 * change in between (drivers.h). */
#include <pthread.h>
#include <stdio.h>

#include "os/mem.h"
#include "sched/drivers.h"
#include "sched/model.h"
#include "trace/trace.h"

struct seat {
	struct several *several;
	struct rota_loop *loop;
	unsigned number;
	bool present, started; /* it is there, if only as a failure; its worker is made */
	struct rota_post over; /* wakes it when all is over */
	char name[24];
	struct rota__worker worker;
};

struct several {
	struct rota__team team; /* first: on_empty() finds us by it */
	struct run *run;
	struct seat *seats;
	struct rota__drivers drivers;
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
	s->team.workers[seat->number] = &seat->worker;
	rota__watchdog_meet(&seat->worker);
	store_release(&driver->worker, &seat->worker); /* acquired by the watchdog */
	seat->started = true;
	return 0;
}

/* The program begins. */
static void start_program(struct several *s)
{
	int rc = rota__run_begin(s->run, s->seats[0].loop, &s->team.root);

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

static void arrive(struct seat *seat, struct rota__driver *driver)
{
	struct several *s = seat->several;
	int rc = start(seat, driver);

	if (rc < 0)
		fail(s, rc);
	seat->present = true;
	meet(s, &s->present);
	if (seat->number == 0 && s->error == 0)
		start_program(s);
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
	meet(s, &s->stopped);
	if (seat->started) {
		rota__run_drain(seat->loop);
		rota__worker_leave(&seat->worker);
		rota__loop_leave(seat->loop);
	}
	rota__drivers_end(&s->drivers);
}

/* A driver has been given this worker. */
static void drive(struct rota__worker *worker, struct rota__driver *driver)
{
	struct seat *seat = container_of(worker, struct seat, worker);

	if (seat->present)
		rota__driver_take(driver, worker);
	else
		arrive(seat, driver);
	if (seat->several->error != 0 || turn(seat, driver))
		leave(seat, driver);
}

/* ---- all of them ---- */

static int make_loops(struct several *s)
{
	s->run->loop_options.shareable = s->team.steal; /* another thread may have to go on with it */
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
		int rc = rota__drivers_start(&s->drivers, &s->seats[i].worker);

		if (rc == 0)
			continue;
		fail(s, rc);
		pthread_mutex_lock(&s->lock);
		s->present += s->team.size - i;
		s->stopped += s->team.size - i;
		pthread_mutex_unlock(&s->lock);
		return;
	}
}

static void run_all(struct several *s)
{
	s->drivers.drive = drive;
	s->drivers.limit_ns = s->run->blocked_ns;
	s->drivers.on_blocked = s->run->options->on_blocked;
	s->drivers.rescue = s->team.steal;
	rota__drivers_init(&s->drivers);
	start_threads(s);
	rota__drivers_run(&s->drivers, &s->seats[0].worker);
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
