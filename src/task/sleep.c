/* sleep.c - a task waits for a time */
#include "task/task.h"

struct sleeper {
	struct rota__wait wait;
	struct rota__timer timer;
	int reason;
};

static void sleep_over(struct rota__timer *timer)
{
	struct sleeper *s = container_of(timer, struct sleeper, timer);

	s->wait.cancel = NULL;
	rota__wake(s->wait.task);
}

static void sleep_cancelled(struct rota__wait *wait, int reason)
{
	struct sleeper *s = container_of(wait, struct sleeper, wait);

	s->reason = reason;
	timers_cancel(&wait->loop->timers, &s->timer);
	rota__wake(wait->task);
}

int rota_sleep_until(uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct sleeper s = {
		.wait = { .task = task, .cancel = sleep_cancelled, .what = "a time" },
		.timer = { .fn = sleep_over },
	};

	if (task == NULL)
		return -EPERM;
	s.reason = rota__task_cancelled(task);
	if (s.reason != 0)
		return s.reason;
	s.wait.loop = task->worker->loop;
	timers_arm(&s.wait.loop->timers, &s.timer, deadline_ns);
	rota__park(&s.wait);
	return s.reason;
}

int rota_sleep(uint64_t length_ns)
{
	return rota_sleep_until(rota_deadline(length_ns));
}
