/* run.c - rota_run(): the options, the signals, and which model runs the program */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/handle.h"
#include "io/process.h"
#include "sched/model.h"
#include "sched/reports.h"

static const char *const names[] = { "", "single", "group", "steal" };

/* The model asked for, or a negative error. */
static int model_of(const struct rota_options *options)
{
	const char *env = getenv("ROTA_MODEL");
	int model = options->model;

	if (model == ROTA_MODEL_DEFAULT && env != NULL && *env != '\0') {
		for (model = ROTA_SINGLE; model <= ROTA_STEAL; model++)
			if (strcmp(env, names[model]) == 0)
				break;
	}
	if (model == ROTA_MODEL_DEFAULT)
		model = ROTA_SINGLE;
	return model >= ROTA_SINGLE && model <= ROTA_STEAL ? model : -EINVAL;
}

/* A number of the environment; `standard` where it says nothing.  False: it is no number. */
static bool number_of(const char *variable, unsigned long standard, unsigned long *ret_number)
{
	const char *env = getenv(variable);
	char *end;

	*ret_number = standard;
	if (env == NULL || *env == '\0')
		return true;
	*ret_number = strtoul(env, &end, 10);
	return *env >= '0' && *env <= '9' && *end == '\0';
}

unsigned rota__workers_default(enum rota_model model)
{
	/* Netty's rule and Tokio's */
	return model == ROTA_SINGLE ? 1 : rota_cpu_count() * (model == ROTA_GROUP ? 2 : 1);
}

/* How many workers, or -EINVAL. */
static int workers_of(const struct rota_options *options, int model)
{
	unsigned long workers = options->workers;

	if (workers == 0) {
		if (!number_of("ROTA_WORKERS", rota__workers_default(model), &workers) || workers == 0)
			return -EINVAL;
	}
	return workers <= ROTA_WORKERS_MAX ? (int)workers : -EINVAL;
}

static int bosses_of(const struct rota_options *options, int model)
{
	unsigned long bosses = options->bosses;

	if (model != ROTA_GROUP || bosses == ROTA_NO_BOSSES)
		return 0;
	if (bosses == 0 && !number_of("ROTA_BOSSES", 1, &bosses))
		return -EINVAL;
	return bosses <= ROTA_WORKERS_MAX ? (int)bosses : -EINVAL;
}

static int deal_of(const struct rota_options *options)
{
	static const char *const ways[] = { "", "turn", "least", "own" };
	const char *env = getenv("ROTA_DEAL");
	int deal = options->deal;

	if (deal == ROTA_DEAL_DEFAULT && env != NULL && *env != '\0') {
		for (deal = ROTA_DEAL_IN_TURN; deal <= ROTA_DEAL_OWN; deal++)
			if (strcmp(env, ways[deal]) == 0)
				break;
	}
	if (deal == ROTA_DEAL_DEFAULT)
		deal = ROTA_DEAL_IN_TURN;
	return deal >= ROTA_DEAL_IN_TURN && deal <= ROTA_DEAL_OWN ? deal : -EINVAL;
}

/* A time: the option's, else the environment's, in units of `unit_ns`, else `standard`.  False: the environment has no number. */
static bool time_of(uint64_t option, const char *variable, uint64_t unit_ns, uint64_t standard, uint64_t *ret_ns)
{
	unsigned long units = ULONG_MAX;

	*ret_ns = option != 0 ? option : standard;
	if (!number_of(variable, ULONG_MAX, &units))
		return false;
	if (option == 0 && units != ULONG_MAX)
		*ret_ns = units <= UINT64_MAX / unit_ns ? units * unit_ns : ROTA_FOREVER;
	return true;
}

static bool limit_of(uint64_t option, const char *variable, uint64_t standard, uint64_t *ret_ns)
{
	if (!time_of(option, variable, ROTA_MILLISECONDS(1), standard, ret_ns))
		return false;
	if (*ret_ns == 0)
		*ret_ns = ROTA_FOREVER; /* 0 in the environment: no limit */
	return true;
}

static bool times_of(struct run *run, int model)
{
	const struct rota_options *o = run->options;
	uint64_t blocked_ns = model == ROTA_SINGLE ? ROTA_FOREVER : ROTA_MILLISECONDS(10);

	run->watch.run = run;
	run->watch.on_blocked = o->on_blocked;
	return time_of(o->spin_ns, "ROTA_SPIN_US", ROTA_MICROSECONDS(1), 0, &run->loop_options.spin_ns) &&
		limit_of(o->blocked_ns, "ROTA_BLOCKED_MS", blocked_ns, &run->watch.blocked_ns) &&
		limit_of(o->rescue_ns, "ROTA_RESCUE_MS", ROTA_MILLISECONDS(2), &run->watch.rescue_ns) &&
		limit_of(o->drain_ns, "ROTA_DRAIN_MS", ROTA_SECONDS(20), &run->drain.length_ns);
}

static int shape_of(struct team_shape *ret_shape, const struct rota_options *options, int model)
{
	int workers = workers_of(options, model), bosses = bosses_of(options, model), deal = deal_of(options);

	if (workers < 0 || bosses < 0 || deal < 0)
		return -EINVAL;
	*ret_shape = (struct team_shape){
		.workers = (unsigned)workers,
		.bosses = (unsigned)bosses,
		.steal = model == ROTA_STEAL,
		.deal = deal,
	};
	return 0;
}

/* Writing to a peer that is gone must be an error, not the end of the program, and sendfile(2) and pipes
 * know no MSG_NOSIGNAL.  The signal is sent to the thread that wrote: it is blocked there during the run,
 * and what came of it is taken away at the end.  Threads of the run inherit this. */
static void block_sigpipe(sigset_t *only_pipe, sigset_t *before)
{
	sigemptyset(only_pipe);
	sigaddset(only_pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, only_pipe, before);
}

static void unblock_sigpipe(const sigset_t *only_pipe, const sigset_t *before)
{
	static const struct timespec at_once;

	if (sigismember(before, SIGPIPE))
		return;
	while (sigtimedwait(only_pipe, NULL, &at_once) == SIGPIPE)
		;
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

int rota_run(rota_fn app, void *arg, const struct rota_options *options)
{
	static const struct rota_options defaults;
	struct run run = { .app = app, .arg = arg, .options = options != NULL ? options : &defaults };
	sigset_t only_pipe, before;
	struct team_shape shape;
	int model, rc;

	if (rota__loop_here != NULL)
		return -EBUSY;
	if (run.options->stack_bytes > STACK_BYTES_MAX)
		return -EINVAL;
	model = model_of(run.options);
	if (model < 0)
		return model;
	rc = shape_of(&shape, run.options, model);
	if (rc < 0)
		return rc;
	run.loop_options.poller = run.options->poller;
	if (!times_of(&run, model))
		return -EINVAL;
	rc = rota__run_handle_new(&run);
	if (rc < 0)
		return rc;
	block_sigpipe(&only_pipe, &before);
	rc = model == ROTA_SINGLE ? rota__run_single(&run) : rota__run_team(&run, &shape);
	rota__reports_end(&run);
	unblock_sigpipe(&only_pipe, &before);
	rota_run_handle_unref(run.handle);
	return rc;
}

const char *rota_model_name(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	if (here == NULL)
		return "none";
	return names[here->team == NULL ? ROTA_SINGLE : here->team->steal ? ROTA_STEAL : ROTA_GROUP];
}

unsigned rota_loop_count(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	return here == NULL ? 0 : here->team == NULL ? 1 : rota__team_in_service(here->team);
}

unsigned rota_worker_count(void)
{
	return rota_loop_count() - rota_boss_count();
}

unsigned rota_boss_count(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	return here == NULL || here->team == NULL ? 0 : here->team->bosses;
}

unsigned rota_worker_number(void)
{
	ROTA_INSIDE();

	return rota__here() != NULL ? rota__here()->number : 0;
}

const char *rota_poller_name(void)
{
	ROTA_INSIDE();

	return rota__here() != NULL ? rota_loop_poller(rota__here()->loop) : "none";
}

/* ---- what both models do ---- */

int rota__run_first_task(void *arg)
{
	struct run *run = arg;

	run->result = run->app(run->arg);
	if (rota_self() != NULL) /* else it is a forked child, which will be told */
		rota__drain_first_task_ended(run);
	return 0;
}

int rota__run_begin(struct run *run, struct rota_loop *loop, struct rota_scope *root, struct rota__team *team)
{
	int rc = rota__drain_init(run, loop, root, team);

	if (rc == 0)
		rota__run_handle_open(run->handle, loop);
	return rc;
}

void rota__run_over(struct run *run)
{
	rota__run_handle_shut(run->handle);
	rota__drain_fini(run);
}

void rota__run_root_init(struct rota_scope *root)
{
	rota__scope_init(root, NULL, NULL);
	root->flags |= ROTA_SCOPE_COLLECT | SCOPE_ROOT;
}

static void turn_until_idle(struct rota_loop *loop)
{
	while (rota_loop_alive(loop))
		rota__loop_turn(loop, ROTA_FOREVER);
}

static void close_forgotten(struct rota_handle *handle, void *unused)
{
	(void)unused;
	rota_handle_close(handle, handle->on_close);
}

void rota__run_drain(struct rota_loop *loop)
{
	loop->emptying = true;
	turn_until_idle(loop);
	rota_loop_each_handle(loop, close_forgotten, NULL);
	rota__processes_close(loop);
	turn_until_idle(loop);
	rota__loop_stop_all(loop);
}
