/* promised_process.c - promises of the ends of processes */
#include <signal.h>

#include "io/promised.h"

/* ---- of one that runs ---- */

static void told(struct rota_post *post)
{
	struct rota__promised *a = container_of(post, struct rota__promised, end.post);

	rota__promise_is_back(&a->end.outside);
	rota__promised_settle(a, a->end.code);
	rota__promise_drop(&a->promise);
}

/* Under the process's lock, on any thread. */
static void ended(struct rota__process_waiter *waiter, int code)
{
	struct rota__promised *a = container_of(waiter, struct rota__promised, end.waiter);

	if (code == 0)
		a->value.exit = a->end.process->exit;
	a->end.code = code;
	rota_post(a->promise.loop, &a->end.post);
}

struct rota_promise *rota_promise_exit_at(struct rota_loop *loop, struct rota_process *process, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = rota__promised_new(loop, site, NULL, NULL, 0);

	if (a == NULL)
		return NULL;
	a->end.process = process;
	a->end.waiter.fn = ended;
	a->end.post.fn = told;
	rota__promise_goes_outside(&a->end.outside, &a->promise, "promise exit");
	pthread_mutex_lock(&process->lock);
	if (process->state == PROCESS_RUNNING)
		list_append(&process->waiters, &a->end.waiter.link);
	else
		ended(&a->end.waiter, 0);
	pthread_mutex_unlock(&process->lock);
	return &a->promise;
}

/* ---- from start to end ---- */

static void command_ended(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	struct rota__promised *a = arg;

	a->value.exit = *how;
	rota_process_close(process);
	rota__promised_settle(a, 0);
}

static void kill_command(struct rota_promise *p)
{
	rota_process_kill(container_of(p, struct rota__promised, promise)->end.process, SIGKILL);
}

struct rota_promise *rota_promise_command_at(
	struct rota_loop *loop, const struct rota_command *command, const char *site)
{
	ROTA_INSIDE();
	const char *program = command->file != NULL || command->argv == NULL ? command->file : command->argv[0];
	bool piped = command->in.kind == ROTA_STDIO_PIPE || command->out.kind == ROTA_STDIO_PIPE ||
		command->err.kind == ROTA_STDIO_PIPE;
	struct rota__promised *a = rota__promised_new(loop, site, program, NULL, 0);
	int rc;

	if (a == NULL)
		return NULL;
	rc = piped ? -EINVAL : rota_process_start_on_at(a->promise.loop, &a->end.process, command, command_ended, a, site);
	a->promise.cancel = kill_command;
	a->promise.can_cancel = rc == 0;
	return rota__promised_begun(a, rc);
}
