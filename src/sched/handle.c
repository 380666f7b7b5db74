/* handle.c - a run, as other threads see it
 *
 *	 threads        gate           run
 *	 post  ----->  | open |  ---->  loops
 *	 spawn         | shut |  -x     when the last task has ended; what has come through runs before the loops are given back
 *
 * The handle is counted and outlives the run.  What is behind the gate is the run's: its loops and its team. */
#include "base/gate.h"
#include "os/mem.h"
#include "sched/model.h"

struct rota_run_handle {
	uint32_t holders, gate, stop_asked;
	struct run *run;
	struct rota_loop *first;  /* the first worker's */
	struct rota__team *team;  /* NULL: that is all */
	struct rota_post stop;
};

/* ---- the run's own ---- */

int rota__run_handle_new(struct run *run)
{
	struct rota_run_handle *handle = rota__alloc_zero(sizeof *handle);

	if (handle == NULL)
		return -ENOMEM;
	handle->holders = 1;
	handle->gate = GATE_SHUT;
	handle->run = run;
	run->handle = handle;
	return 0;
}

void rota__run_handle_open(struct rota_run_handle *handle, struct rota_loop *first)
{
	const struct rota__worker *worker = first->tasks;

	handle->first = first;
	handle->team = worker->team;
	gate_open(&handle->gate);
}

void rota__run_handle_shut(struct rota_run_handle *handle)
{
	unsigned looks = 0;

	if (load_relaxed(&handle->gate) & GATE_SHUT)
		return; /* it has never been opened */
	gate_shut(&handle->gate);
	while (!gate_is_empty(&handle->gate))
		rota__spin_pause(&looks);
}

/* ---- counting ---- */

struct rota_run_handle *rota_run_handle(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	return here != NULL ? rota_run_handle_ref(here->run->handle) : NULL;
}

struct rota_run_handle *rota_run_handle_ref(struct rota_run_handle *handle)
{
	add_relaxed(&handle->holders, 1);
	return handle;
}

void rota_run_handle_unref(struct rota_run_handle *handle)
{
	if (handle != NULL && add_acq_rel(&handle->holders, (uint32_t)-1) == 1)
		rota__free(handle);
}

/* ---- what others want of it ---- */

int rota_run_post(struct rota_run_handle *handle, struct rota_post *post)
{
	if (!gate_enter(&handle->gate))
		return ROTA_ECLOSED;
	rota_post(handle->first, post);
	gate_leave(&handle->gate);
	return 0;
}

static void stop_now(struct rota_post *post)
{
	struct rota_run_handle *handle = container_of(post, struct rota_run_handle, stop);

	rota__drain_begin(handle->run);
}

int rota_run_stop(struct rota_run_handle *handle)
{
	if (!gate_enter(&handle->gate))
		return ROTA_ECLOSED;
	if (swap_acq_rel(&handle->stop_asked, 1) == 0) {
		handle->stop.fn = stop_now;
		rota_post(handle->first, &handle->stop);
	}
	gate_leave(&handle->gate);
	return 0;
}

/* ---- tasks ---- */

struct errand {
	struct rota_post post;
	rota_fn fn;
	void *arg;
	void (*done)(void *arg, int result);
	const char *name, *site;
};

static int run_errand(void *arg)
{
	struct errand e = *(struct errand *)arg;
	int result;

	rota__free(arg);
	result = e.fn(e.arg);
	if (e.done == NULL || rota_self() == NULL) /* a forked child */
		return result;
	e.done(e.arg, result);
	return 0; /* it has been told */
}

static void refuse(struct errand *e, int code)
{
	if (e->done != NULL)
		e->done(e->arg, code);
	else
		rota__tell_failed(rota__here(), (struct rota_failed){ e->name, e->site, 0, 0, code });
	rota__free(e);
}

static void spawn_errand(struct rota_post *post)
{
	ROTA_INSIDE();
	struct errand *e = container_of(post, struct errand, post);
	int rc = rota_spawn_at(rota__here()->root, run_errand, e, e->name, e->site);

	if (rc < 0)
		refuse(e, rc);
}

/* They begin on each worker in turn: of those that come from outside none is nearer than another. */
static struct rota_loop *next_loop(const struct rota_run_handle *handle)
{
	return handle->team != NULL ? rota__team_next(handle->team)->loop : handle->first;
}

int rota_run_spawn_at(struct rota_run_handle *handle, rota_fn fn, void *arg, void (*done)(void *arg, int result),
	const char *name, const char *site)
{
	struct errand *e;

	if (!gate_enter(&handle->gate))
		return ROTA_ECLOSED;
	e = rota__alloc(sizeof *e);
	if (e != NULL) {
		*e = (struct errand){ .post.fn = spawn_errand, .fn = fn, .arg = arg, .done = done, .name = name, .site = site };
		rota_post(next_loop(handle), &e->post);
	}
	gate_leave(&handle->gate);
	return e != NULL ? 0 : -ENOMEM;
}
