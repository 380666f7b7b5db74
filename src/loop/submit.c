/* submit.c - ops in and out of a loop
 *
 *   rota__op_submit() --poller takes it------------------------------> completed --> done()
 *                     \-it cannot--> offload: a job on the blocking pool --post--/
 *
 * An offloaded op looks like any other from outside.  Its job lives beside it, because the op's own
 * memory is full: in memory that the submitter brings, or else allocated; a failed allocation is simply
 * the op's result. */
#include <assert.h>

#include "loop/loop.h"
#include "os/mem.h"
#include "work/work.h"

static void complete(struct rota_loop *loop, struct rota__op *op, int64_t result)
{
	op->result = result;
	op->state = OP_DONE;
	fifo_push(&loop->poller->completed, &op->node);
}

static void offload_run(struct rota__job *job)
{
	struct rota__offload *o = container_of(job, struct rota__offload, job);

	o->op->result = rota__op_perform(o->op);
}

static void offload_finished(struct rota__job *job)
{
	struct rota__offload *o = container_of(job, struct rota__offload, job);

	rota_post(o->loop, &o->post);
}

static void give_back(struct rota__offload *o)
{
	if (o->allocated)
		rota__free(o);
}

static void offload_done(struct rota_post *post)
{
	struct rota__offload *o = container_of(post, struct rota__offload, post);
	struct rota__op *op = o->op;
	struct rota_loop *loop = o->loop;

	loop->offloaded--;
	give_back(o);
	complete(loop, op, op->result);
}

static void offload(struct rota_loop *loop, struct rota__op *op, struct rota__offload *space, const char *site)
{
	struct rota__offload *o = space != NULL ? space : rota__alloc(sizeof *o);
	int rc;

	if (o == NULL) {
		complete(loop, op, -ENOMEM);
		return;
	}
	*o = (struct rota__offload){
		.job = { .run = offload_run, .done = offload_finished, .lane = WORK_FILES, .site = site },
		.post = { .fn = offload_done },
		.op = op,
		.loop = loop,
		.allocated = space == NULL,
	};
	op->prev = (struct rota__op *)o; /* for cancel; the poller has no use for the link */
	op->engine = OP_OFFLOADED;
	loop->offloaded++;
	rc = rota__work_submit(&o->job);
	if (rc < 0) {
		loop->offloaded--;
		give_back(o);
		/* A descriptor is closed whatever happens: the loop may wait for that, for once. */
		complete(loop, op, op->kind == OP_CLOSE ? rota__op_perform(op) : rc);
	}
}

void rota__op_submit(struct rota_loop *loop, struct rota__op *op)
{
	rota__op_submit_with(loop, op, NULL, NULL);
}

void rota__op_submit_with(struct rota_loop *loop, struct rota__op *op, struct rota__offload *space, const char *site)
{
	assert(op->state == OP_FREE || op->state == OP_DONE);
	assert(op->done != NULL);

	op->state = OP_PENDING;
	op->engine = 0;
	loop->alive++;
	if (!loop->poller->engine->submit(loop->poller, op))
		offload(loop, op, space, site);
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
	struct rota__offload *o = (struct rota__offload *)op->prev;

	if (rota__work_cancel(&o->job)) {
		loop->offloaded--;
		give_back(o);
		complete(loop, op, -ECANCELED);
	}
}
