/* await.c - submit an op, park, and see what became of it
 *
 * The op lies on the task's stack and belongs to the poller until it completes: so a cancelled wait
 * asks for the op's end and goes on waiting for the completion, which is when the stack is free. */
#include "await/await.h"

static void op_done(struct rota__op *op)
{
	struct rota__op_wait *w = container_of(op, struct rota__op_wait, op);

	w->wait.cancel = NULL;
	rota__wake(w->wait.task);
}

static void cut_short(struct rota__wait *wait, int reason)
{
	struct rota__op_wait *w = container_of(wait, struct rota__op_wait, wait);

	w->reason = reason;
	rota__op_cancel(wait->loop, &w->op);
}

/* What people read of an op that somebody waits for. */
static const char *what(const struct rota__op *op)
{
	switch ((enum rota__op_kind)op->kind) {
	case OP_RECV:
	case OP_RECV_POOLED:
	case OP_RECVMSG:
		return "bytes to come";
	case OP_SEND:
	case OP_SENDMSG:
		return "bytes to go";
	case OP_POLL:
		return "a descriptor to be ready";
	case OP_ACCEPT:
	case OP_ACCEPT_MULTI:
		return "connections";
	case OP_CONNECT:
		return "a connection to be made";
	default:
		return "a file";
	}
}

static void deadline_passed(struct rota__timer *timer)
{
	struct rota__op_wait *w = container_of(timer, struct rota__op_wait, timer);

	if (w->wait.cancel == NULL)
		return; /* completed, or being cancelled for another reason */
	w->wait.cancel = NULL;
	cut_short(&w->wait, -ETIMEDOUT);
}

int64_t rota__await(struct rota__op_wait *w, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota_loop *loop;

	if (task == NULL)
		return -EPERM;
	w->reason = rota__task_cancelled(task);
	if (w->reason != 0)
		return w->reason;
	if (deadline_ns != ROTA_FOREVER && deadline_ns <= rota_now_ns())
		return -ETIMEDOUT;
	rota__pin(task); /* op and timer belong to this loop */
	loop = task->worker->loop;
	w->wait = (struct rota__wait){
		.task = task, .cancel = cut_short, .loop = loop, .what = what(&w->op), .fd = w->op.fd
	};
	w->op.done = op_done;
	w->op.state = OP_FREE;
	rota__op_submit_with(loop, &w->op, w->space, NULL);
	if (deadline_ns != ROTA_FOREVER) {
		w->timer = (struct rota__timer){ .fn = deadline_passed };
		timers_arm(&loop->timers, &w->timer, deadline_ns);
	}
	rota__park(&w->wait);
	if (deadline_ns != ROTA_FOREVER)
		timers_cancel(&loop->timers, &w->timer);
	rota__unpin(task);
	return w->op.result == -ECANCELED && w->reason != 0 ? w->reason : w->op.result;
}

bool rota__waits_for_op(const struct rota__wait *wait)
{
	return wait->cancel == cut_short;
}

void rota__cut_short(struct rota__wait *wait, int reason)
{
	void (*cancel)(struct rota__wait *, int);

	if (wait == NULL || wait->cancel == NULL)
		return;
	cancel = wait->cancel;
	wait->cancel = NULL; /* at most once */
	cancel(wait, reason);
}
