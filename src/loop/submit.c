/* submit.c - ops in and out of a loop
 *
 *   rota__op_submit() --poller takes it------------------------------> completed --> done()
 *                     \-it cannot--> offload: a job on the blocking pool --post--/
 *
 * An offloaded op looks like any other from outside.  Its job lives beside it: the op's own memory
 * is full, and a failed allocation is simply the op's result. */
#include <assert.h>

#include "loop/loop.h"
#include "os/mem.h"
#include "work/work.h"

struct offload {
	struct rota__job job;
	struct rota_post post;
	struct rota__op *op;
	struct rota_loop *loop;
};

static void complete(struct rota_loop *loop, struct rota__op *op, int64_t result)
{
	op->result = result;
	op->state = OP_DONE;
	fifo_push(&loop->poller->completed, &op->node);
}

static void offload_run(struct rota__job *job)
{
	struct offload *o = container_of(job, struct offload, job);

	o->op->result = rota__op_perform(o->op);
}

static void offload_finished(struct rota__job *job)
{
	struct offload *o = container_of(job, struct offload, job);

	rota_post(o->loop, &o->post);
}

static void offload_done(struct rota_post *post)
{
	struct offload *o = container_of(post, struct offload, post);

	complete(o->loop, o->op, o->op->result);
	rota__free(o);
}

static void offload(struct rota_loop *loop, struct rota__op *op)
{
	struct offload *o = rota__alloc_zero(sizeof *o);
	int rc;

	if (o == NULL) {
		complete(loop, op, -ENOMEM);
		return;
	}
	o->job.run = offload_run;
	o->job.done = offload_finished;
	o->job.lane = WORK_FILES;
	o->post.fn = offload_done;
	o->op = op;
	o->loop = loop;
	op->prev = (struct rota__op *)o; /* for cancel; the poller has no use for the link */
	op->engine = OP_OFFLOADED;
	rc = rota__work_submit(&o->job);
	if (rc < 0) {
		rota__free(o);
		complete(loop, op, rc);
	}
}

void rota__op_submit(struct rota_loop *loop, struct rota__op *op)
{
	assert(op->state == OP_FREE || op->state == OP_DONE);
	assert(op->done != NULL);

	op->state = OP_PENDING;
	op->engine = 0;
	loop->alive++;
	if (!loop->poller->engine->submit(loop->poller, op))
		offload(loop, op);
}

void rota__op_cancel(struct rota_loop *loop, struct rota__op *op)
{
	if (op->state != OP_PENDING)
		return;
	op->state = OP_CANCELLING;
	if (op->engine != OP_OFFLOADED) {
		loop->poller->engine->cancel(loop->poller, op);
		return;
	}
	/* A job that has begun cannot be stopped: its result will come. */
	struct offload *o = (struct offload *)op->prev;

	if (rota__work_cancel(&o->job)) {
		rota__free(o);
		complete(loop, op, -ECANCELED);
	}
}
