/* blocking.c - a task waits for a function on the blocking pool */
#include "await/await.h"
#include "trace/trace.h"
#include "work/work.h"

struct blocking {
	struct rota__job job;
	struct rota_post post;
	struct rota__wait wait;
	struct rota__timer timer; /* only with a deadline */
	rota_fn fn;
	void *arg;
	int result;
};

static void run(struct rota__job *job)
{
	struct blocking *b = container_of(job, struct blocking, job);

	rota__trace(ROTA__EV_JOB_RUN, 0, NULL);
	b->result = b->fn(b->arg);
	rota__trace(ROTA__EV_JOB_STOP, 0, NULL);
}

static void ran(struct rota__job *job)
{
	struct blocking *b = container_of(job, struct blocking, job);

	rota_post(b->wait.loop, &b->post);
}

static void is_back(struct rota_loop *loop)
{
	loop->alive--;
	loop->offloaded--;
}

static void wake(struct rota_post *post)
{
	struct blocking *b = container_of(post, struct blocking, post);

	b->wait.cancel = NULL;
	is_back(b->wait.loop);
	rota__wake(b->wait.task);
}

/* Only before it starts: a running function owns its argument. */
static void cut_short(struct rota__wait *wait, int reason)
{
	struct blocking *b = container_of(wait, struct blocking, wait);

	if (!rota__work_cancel(&b->job))
		return;
	b->result = reason;
	is_back(wait->loop);
	rota__wake(wait->task);
}

static void deadline_passed(struct rota__timer *timer)
{
	struct blocking *b = container_of(timer, struct blocking, timer);

	if (b->wait.cancel == NULL)
		return; /* it has run, or is being cancelled for another reason */
	b->wait.cancel = NULL;
	cut_short(&b->wait, -ETIMEDOUT);
}

static void park(struct blocking *b, uint64_t deadline_ns)
{
	struct rota_task *task = b->wait.task;

	if (deadline_ns == ROTA_FOREVER) {
		rota__park(&b->wait);
		return;
	}
	b->timer = (struct rota__timer){ .fn = deadline_passed };
	rota__pin(task); /* the timer is this loop's */
	timers_arm(&b->wait.loop->timers, &b->timer, deadline_ns);
	rota__park(&b->wait);
	timers_cancel(&b->wait.loop->timers, &b->timer);
	rota__unpin(task);
}

static int blocking(rota_fn fn, void *arg, uint8_t lane, uint64_t deadline_ns)
{
	struct rota_task *task = rota__begin_call();
	struct blocking b = {
		.job = { .run = run, .done = ran, .lane = lane },
		.post = { .fn = wake },
		.wait = { .task = task, .cancel = cut_short, .what = "a function on the blocking pool" },
		.fn = fn,
		.arg = arg,
	};
	int rc;

	if (task == NULL)
		return -EPERM;
	rc = rota__task_cancelled(task);
	if (rc == 0 && deadline_ns != ROTA_FOREVER && deadline_ns <= rota_now_ns())
		rc = -ETIMEDOUT;
	if (rc != 0)
		return rc;
	b.wait.loop = task->worker->loop;
	b.wait.loop->alive++;
	b.wait.loop->offloaded++;
	rc = rota__work_submit(&b.job);
	if (rc < 0) {
		is_back(b.wait.loop);
		return rc;
	}
	park(&b, deadline_ns);
	return b.result;
}

int rota__blocking(rota_fn fn, void *arg, uint8_t lane)
{
	ROTA_INSIDE();

	return blocking(fn, arg, lane, ROTA_FOREVER);
}

int rota_blocking_until(rota_fn fn, void *arg, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return blocking(fn, arg, WORK_USER, deadline_ns);
}

int rota_blocking(rota_fn fn, void *arg)
{
	return rota_blocking_until(fn, arg, ROTA_FOREVER);
}
