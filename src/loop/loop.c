/* loop.c - the loop's life: made, run in one of three modes, given back */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop.h"
#include "os/mem.h"

_Thread_local struct rota_loop *rota__loop_here;

/* The child's only thread runs no loop: its calls on the parent's are refused. */
static void after_fork_in_child(void)
{
	rota__loop_here = NULL;
}

static void notice_forks(void)
{
	pthread_atfork(NULL, NULL, after_fork_in_child);
}

static int open_poller(struct rota__poller **ret, const struct rota_loop *loop, const char *name)
{
	struct rota__poller_config config = { .shareable = loop->shareable };

	return rota__poller_open(ret, name, &config);
}

int rota_loop_new(struct rota_loop **ret_loop, const struct rota_loop_options *options)
{
	static const struct rota_loop_options defaults;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct rota_loop *loop = rota__alloc_zero(sizeof *loop);
	int rc;

	if (loop == NULL)
		return -ENOMEM;
	pthread_once(&once, notice_forks);
	if (options == NULL)
		options = &defaults;
	loop->shareable = options->shareable;
	rc = open_poller(&loop->poller, loop, options->poller);
	if (rc < 0) {
		rota__free(loop);
		return rc;
	}
	loop->now_ns = rota_now_ns();
	rota__timers_init(&loop->timers, loop->now_ns);
	for (int i = 0; i < 3; i++)
		loop->phase[i].next = loop->phase[i].prev = &loop->phase[i];
	list_init(&loop->laters.immediates);
	list_init(&loop->handles);
	list_init(&loop->requests);
	list_init(&loop->processes);
	list_init(&loop->served);
	rota__promises_init(&loop->promises);
	mpsc_init(&loop->posts);
	loop->owner_pid = getpid();
	loop->spin_ns = options->spin_ns;
	*ret_loop = loop;
	return 0;
}

int rota_loop_free(struct rota_loop *loop)
{
	if (loop->running || rota_loop_alive(loop) || !list_empty(&loop->handles) || !list_empty(&loop->processes) ||
		rota__loop_any_started(loop))
		return -EBUSY;
	/* A thread whose post has run already may still be in the middle of waking us. */
	while (!mpsc_quiet(&loop->posts))
		sched_yield();
	rota__calls_fini(&loop->ticks);
	rota__calls_fini(&loop->microtasks);
	rota__laters_fini(&loop->laters);
	rota__free(loop->measures);
	rota__overruns_fini(loop);
	rota__free(loop->datagram_room);
#ifndef NDEBUG
	rota__notes_fini(&loop->notes);
#endif
	loop->poller->engine->close(loop->poller);
	rota__promises_fini(&loop->promises);
	if (loop->promises.count > 0)
		loop->promises.loop_is_gone = true; /* the last of them frees it */
	else
		rota__free(loop);
	return 0;
}

bool rota_loop_alive(const struct rota_loop *loop)
{
	return loop->alive > 0 || loop->tasks_ready || !fifo_empty(&loop->pending) ||
		!fifo_empty(&loop->closing) || !mpsc_empty(&loop->posts) ||
		!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks);
}

/* This thread instead of the former one. */
static int become_owner(struct rota_loop *loop)
{
	int rc = 0;

	if (loop->bound && !pthread_equal(loop->owner, pthread_self()))
		rc = loop->shareable ? loop->poller->engine->moved(loop->poller) : -EPERM;
	if (rc < 0)
		return rc;
	loop->bound = true;
	loop->owner = pthread_self();
	rota__loop_here = loop;
	loop->now_ns = rota_now_ns();
	if (loop->measures != NULL)
		rota__measure_entered(loop);
	if (loop->timed)
		rota__overrun_begin(loop);
	return 0;
}

int rota__loop_take(struct rota_loop *loop)
{
	if (loop->owner_pid != getpid() || !loop->running || !loop->shareable)
		return -EPERM;
	return rota__loop_here == NULL ? become_owner(loop) : -EBUSY;
}

void rota__loop_lost(void)
{
	rota__loop_here = NULL;
}

int rota__loop_enter(struct rota_loop *loop)
{
	int rc;

	if (loop->owner_pid != getpid())
		return -EPERM;
	if (loop->running || rota__loop_here != NULL)
		return -EBUSY;
	/* An io_uring belongs to the thread that first enters it, and so the loop does. */
	rc = become_owner(loop);
	if (rc < 0)
		return rc;
	loop->running = true;
	if (loop->abroad) {
		store_release(&loop->abroad, false);
		mpsc_awake(&loop->posts);
	}
	return 0;
}

void rota__loop_leave(struct rota_loop *loop)
{
	assert(rota__loop_here == loop);
	if (loop->measures != NULL)
		rota__measure_left(loop);
	loop->running = false;
	rota__loop_here = NULL;
}

static void run_while_alive(struct rota_loop *loop)
{
	if (loop->stop)
		return;
	loop->now_ns = rota_now_ns(); /* what ticks have just set for now is due now */
	rota__loop_run_timers(loop); /* libuv: due timers once before the first turn */
	while (!loop->stop && rota_loop_alive(loop))
		rota__loop_turn(loop, ROTA_FOREVER);
}

int rota_loop_run(struct rota_loop *loop, enum rota_run_mode mode)
{
	int rc;

	if ((unsigned)mode > ROTA_RUN_NOWAIT)
		return -EINVAL;
	rc = rota__loop_enter(loop);
	if (rc < 0)
		return rc;
	rota__loop_look(loop);
	rota__loop_drain_calls(loop);
	if (mode == ROTA_RUN_DEFAULT)
		run_while_alive(loop);
	else if (!loop->stop) /* also for what does not keep it alive: else an embedder would be called for it again and again */
		rota__loop_turn(loop, mode == ROTA_RUN_NOWAIT ? ROTA_NOW : ROTA_FOREVER);
	loop->stop = false;
	rota__loop_leave(loop);
	return rota_loop_alive(loop);
}

void rota_loop_stop(struct rota_loop *loop)
{
	ROTA_INSIDE();

	rota__loop_must_be_mine(loop, "rota_loop_stop", NULL, NULL);
	loop->stop = true;
}

int rota_loop_after_fork(struct rota_loop *loop)
{
	struct rota__poller *poller, *old = loop->poller;
	bool inside = loop->running; /* the fork was in a callback of this loop, which goes on here */
	int rc;

	if (loop->owner_pid == getpid())
		return rota__loop_mine(loop) != NULL ? 0 : -EPERM;
	if (loop->tasks != NULL || old->pending > 0 || loop->offloaded > 0 || rota__loop_here != NULL ||
		(inside && !pthread_equal(loop->owner, pthread_self())))
		return -EBUSY;
	rc = open_poller(&poller, loop, old->engine->name);
	if (rc < 0)
		return rc;
	poller->completed = old->completed;
	old->engine->close(old);
	loop->poller = poller;
	loop->embedded = loop->abroad = false;
	rota__overruns_forked(loop);
	mpsc_init(&loop->posts);
	loop->owner_pid = getpid();
	loop->bound = inside;
	rota__loop_here = inside ? loop : NULL;
	return 0;
}

uint64_t rota_loop_now_ns(const struct rota_loop *loop)
{
	return loop->now_ns;
}

struct rota_loop *rota_loop_current(void)
{
	ROTA_INSIDE();

	return rota__loop_here;
}

const char *rota_loop_poller(const struct rota_loop *loop)
{
	return loop->poller->engine->name;
}

const char *rota_loop_poller_details(const struct rota_loop *loop)
{
	return loop->poller->engine->describe(loop->poller);
}

/* ---- in a foreign loop ----
 *
 * While the foreign loop waits, this one sleeps abroad: what was submitted has been handed over, and a post writes to the descriptor
 * instead of waking our own wait.  It begins with the last question for the deadline and ends when the loop is entered. */

int rota_loop_backend_fd(struct rota_loop *loop)
{
	ROTA_INSIDE();
	int fd;

	if (loop->owner_pid != getpid() || (!loop->shareable && rota__loop_mine(loop) == NULL))
		return -EPERM;
	fd = loop->poller->engine->expose(loop->poller);
	if (fd >= 0)
		loop->embedded = true;
	return fd;
}

static uint64_t next_turn_ns(const struct rota_loop *loop)
{
	bool now = rota__loop_busy(loop) || !calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks) ||
		!list_empty(&loop->laters.immediates);

	return now ? ROTA_NOW : rota__timers_next_ns(&loop->timers);
}

/* False: something is there to be done at once. */
static bool fall_asleep_abroad(struct rota_loop *loop)
{
	if (loop->poller->engine->hand_over(loop->poller))
		return false;
	store_release(&loop->abroad, true); /* before the sleep: who finds us asleep finds us abroad */
	return mpsc_sleep(&loop->posts);
}

uint64_t rota_loop_backend_deadline(struct rota_loop *loop)
{
	ROTA_INSIDE();
	uint64_t next;

	if (!loop->embedded || loop->running)
		return next_turn_ns(loop);
	if (rota__loop_enter(loop) < 0)
		return ROTA_NOW; /* the run says why */
	next = next_turn_ns(loop);
	if (next != ROTA_NOW && !fall_asleep_abroad(loop))
		next = ROTA_NOW;
	rota__loop_leave(loop);
	return next;
}

void rota_post(struct rota_loop *loop, struct rota_post *post)
{
	_Static_assert(sizeof(struct rota_post) == sizeof(struct rota__node) &&
			offsetof(struct rota_post, fn) == offsetof(struct rota__node, fn),
		"a post is a node");

	if (!mpsc_push(&loop->posts, (struct rota__node *)post))
		return;
	if (load_acquire(&loop->abroad)) /* pairs with fall_asleep_abroad() */
		loop->poller->engine->tell(loop->poller);
	else
		loop->poller->engine->wake(loop->poller);
	mpsc_woken(&loop->posts);
}
