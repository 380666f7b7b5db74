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
	case OP_RECV_MULTI:
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

/* Who is to wake it does so on this loop too, but not any more. */
static void no_more_told(struct rota__wait *wait, int reason)
{
	container_of(wait, struct rota__op_wait, wait)->reason = reason;
	rota__wake(wait->task);
}

static void deadline_passed(struct rota__timer *timer)
{
	struct rota__op_wait *w = container_of(timer, struct rota__op_wait, timer);

	rota__cut_short(&w->wait, -ETIMEDOUT); /* unless it is over, or being cut short for another reason */
}

static void not_yet_waiting(struct rota__wait *wait, int reason)
{
	container_of(wait, struct rota__op_wait, wait)->reason = reason;
}

/* Whom others may know already begins a call, in which they may have their turn, and end the wait before it has begun.  0, or
 * why there is none. */
static int begin(struct rota__op_wait *w, uint64_t deadline_ns)
{
	const struct rota_task *task;

	w->reason = 0;
	w->wait.cancel = not_yet_waiting;
	task = rota__begin_call();
	w->wait.cancel = NULL;
	if (task == NULL)
		return -EPERM;
	if (w->reason == 0)
		w->reason = rota__task_cancelled(task);
	if (w->reason == 0 && deadline_ns != ROTA_FOREVER && deadline_ns <= rota_now_ns())
		return -ETIMEDOUT;
	return w->reason;
}

/* What the task waits for, and its timer, belong to this loop: from here on it stays. */
static struct rota_loop *note_wait(struct rota__op_wait *w, const struct rota__op *op, void (*cancel)(struct rota__wait *, int))
{
	struct rota_task *task = rota__current();

	rota__pin(task);
	w->wait = (struct rota__wait){
		.task = task, .cancel = cancel, .loop = task->worker->loop, .what = what(op), .fd = op->fd
	};
	return w->wait.loop;
}

static void park_until(struct rota__op_wait *w, uint64_t deadline_ns)
{
	struct rota_loop *loop = w->wait.loop;

	if (deadline_ns != ROTA_FOREVER) {
		w->timer = (struct rota__timer){ .fn = deadline_passed };
		timers_arm(&loop->timers, &w->timer, deadline_ns);
	}
	rota__park(&w->wait);
	if (deadline_ns != ROTA_FOREVER)
		timers_cancel(&loop->timers, &w->timer);
	rota__unpin(w->wait.task);
}

int64_t rota__await(struct rota__op_wait *w, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	int rc = begin(w, deadline_ns);
	struct rota_loop *loop;

	if (rc != 0)
		return rc;
	loop = note_wait(w, &w->op, cut_short);
	w->op.done = op_done;
	w->op.state = OP_FREE;
	rota__op_submit_with(loop, &w->op, w->space, NULL);
	park_until(w, deadline_ns);
	return w->op.result == -ECANCELED && w->reason != 0 ? w->reason : w->op.result;
}

static void has_come(void *whom)
{
	struct rota__op_wait *w = whom;

	if (w->wait.cancel == NULL)
		return; /* cut short */
	w->wait.cancel = NULL;
	rota__wake(w->wait.task);
}

int rota__await_inflow(struct rota__op_wait *w, struct rota__inflow *in, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	int rc = begin(w, deadline_ns);

	if (rc != 0 || !inflow_is_quiet(in))
		return rc;
	note_wait(w, &in->op, no_more_told);
	in->told = has_come;
	in->whom = w;
	in->loop->alive++;
	park_until(w, deadline_ns);
	in->loop->alive--;
	in->told = NULL;
	return w->reason;
}

bool rota__waits_here(const struct rota__wait *wait)
{
	return wait->cancel == cut_short || wait->cancel == no_more_told;
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
