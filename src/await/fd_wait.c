/* fd_wait.c - a task waits for the readiness of any descriptor */
#include "await/await.h"
#include "io/events.h"

int rota_wait_fd(int fd, int events, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota__op_wait w = { .op = { .kind = OP_POLL, .fd = fd, .poll.events = events_asked(events) } };
	struct rota_task *task = rota__current();
	struct rota_loop *loop;
	int64_t revents;

	if (task == NULL)
		return -EPERM;
	if (!events_known(events))
		return -EINVAL;
	rota__pin(task);
	loop = task->worker->loop;
	revents = rota__await(&w, deadline_ns);
	/* The descriptor is not ours: we will not know when the number gets another owner. */
	loop->poller->engine->forget(loop->poller, fd);
	rota__unpin(task);
	return revents < 0 ? (int)revents : events_told(revents, events);
}
