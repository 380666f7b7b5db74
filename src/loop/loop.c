/* loop.c - the loop's life: made, run in one of three modes, given back */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop.h"
#include "os/mem.h"

_Thread_local struct rota_loop *rota__loop_here;

int rota_loop_new(struct rota_loop **ret_loop, const struct rota_loop_options *options)
{
	static const struct rota_loop_options defaults;
	struct rota_loop *loop = rota__alloc_zero(sizeof *loop);
	int rc;

	if (loop == NULL)
		return -ENOMEM;
	if (options == NULL)
		options = &defaults;
	rc = rota__poller_open(&loop->poller, options->poller, NULL);
	if (rc < 0) {
		rota__free(loop);
		return rc;
	}
	loop->now_ns = rota_now_ns();
	rota__timers_init(&loop->timers, loop->now_ns);
	for (int i = 0; i < 3; i++)
		loop->phase[i].next = loop->phase[i].prev = &loop->phase[i];
	list_init(&loop->handles);
	list_init(&loop->handle_records);
	mpsc_init(&loop->posts);
	loop->owner_pid = getpid();
	loop->spin_ns = options->spin_ns;
	*ret_loop = loop;
	return 0;
}

int rota_loop_free(struct rota_loop *loop)
{
	if (loop->running || rota_loop_alive(loop) || !list_empty(&loop->handles))
		return -EBUSY;
	/* A thread whose post has run already may still be in the middle of waking us. */
	while (!mpsc_quiet(&loop->posts))
		sched_yield();
	rota__calls_fini(&loop->ticks);
	rota__calls_fini(&loop->microtasks);
	loop->poller->engine->close(loop->poller);
	rota__free(loop);
	return 0;
}

bool rota_loop_alive(const struct rota_loop *loop)
{
	return loop->alive > 0 || loop->tasks_ready || !fifo_empty(&loop->pending) ||
		!fifo_empty(&loop->closing) || !mpsc_empty(&loop->posts) ||
		!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks);
}

int rota__loop_enter(struct rota_loop *loop)
{
	if (loop->owner_pid != getpid())
		return -EPERM;
	if (loop->running || rota__loop_here != NULL)
		return -EBUSY;
	/* An io_uring belongs to the thread that first enters it, and so the loop does. */
	if (loop->bound && !pthread_equal(loop->owner, pthread_self()))
		return -EPERM;
	loop->bound = loop->running = true;
	loop->owner = pthread_self();
	rota__loop_here = loop;
	loop->now_ns = rota_now_ns();
	return 0;
}

void rota__loop_leave(struct rota_loop *loop)
{
	assert(rota__loop_here == loop);
	loop->running = false;
	rota__loop_here = NULL;
}

int rota_loop_run(struct rota_loop *loop, enum rota_run_mode mode)
{
	int rc;

	if ((unsigned)mode > ROTA_RUN_NOWAIT)
		return -EINVAL;
	rc = rota__loop_enter(loop);
	if (rc < 0)
		return rc;
	rota__loop_drain_calls(loop);
	if (mode == ROTA_RUN_DEFAULT && !loop->stop)
		rota__loop_run_timers(loop); /* libuv: due timers once before the first turn */
	while (!loop->stop && rota_loop_alive(loop)) {
		rota__loop_turn(loop, mode == ROTA_RUN_NOWAIT ? ROTA_NOW : ROTA_FOREVER);
		if (mode != ROTA_RUN_DEFAULT)
			break;
	}
	loop->stop = false;
	rota__loop_leave(loop);
	return rota_loop_alive(loop);
}

void rota_loop_stop(struct rota_loop *loop)
{
	loop->stop = true;
}

uint64_t rota_loop_now_ns(const struct rota_loop *loop)
{
	return loop->now_ns;
}

struct rota_loop *rota_loop_current(void)
{
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

int rota_loop_backend_fd(const struct rota_loop *loop)
{
	return loop->poller->backend_fd;
}

uint64_t rota_loop_backend_deadline(const struct rota_loop *loop)
{
	return rota__loop_busy(loop) ? ROTA_NOW : rota__timers_next_ns(&loop->timers);
}

void rota_post(struct rota_loop *loop, struct rota_post *post)
{
	_Static_assert(sizeof(struct rota_post) == sizeof(struct rota__node) &&
			offsetof(struct rota_post, fn) == offsetof(struct rota__node, fn),
		"a post is a node");

	if (!mpsc_push(&loop->posts, (struct rota__node *)post))
		return;
	loop->poller->engine->wake(loop->poller);
	mpsc_woken(&loop->posts);
}
