/* blocking.c - a task waits for a function on the blocking pool */
#include "await/await.h"
#include "trace/trace.h"
#include "work/work.h"

struct blocking {
	struct rota__job job;
	struct rota_post post;
	struct rota__wait wait;
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

static void wake(struct rota_post *post)
{
	struct blocking *b = container_of(post, struct blocking, post);

	b->wait.cancel = NULL;
	b->wait.loop->alive--;
	rota__wake(b->wait.task);
}

/* Only before it starts: a running function owns its argument. */
static void cut_short(struct rota__wait *wait, int reason)
{
	struct blocking *b = container_of(wait, struct blocking, wait);

	if (!rota__work_cancel(&b->job))
		return;
	b->result = reason;
	wait->loop->alive--;
	rota__wake(wait->task);
}

int rota__blocking(rota_fn fn, void *arg, uint8_t lane)
{
	ROTA_INSIDE();
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
	if (rc != 0)
		return rc;
	b.wait.loop = task->worker->loop;
	b.wait.loop->alive++;
	rc = rota__work_submit(&b.job);
	if (rc < 0) {
		b.wait.loop->alive--;
		return rc;
	}
	rota__park(&b.wait);
	return b.result;
}

int rota_blocking(rota_fn fn, void *arg)
{
	return rota__blocking(fn, arg, WORK_USER);
}
