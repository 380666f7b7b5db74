/* process.c - a task waits for a process; and runs one from start to end */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "await/await.h"
#include "io/process.h"
#include "os/mem.h"

/* ---- waiting ---- */

/* On the stack of the task that waits. */
struct waiter {
	struct rota__wait wait;
	struct rota__process_waiter in_process;
	struct rota_process *process;
	int answer;
};

static void told(struct rota__process_waiter *in_process, int code)
{
	struct waiter *w = container_of(in_process, struct waiter, in_process);

	w->answer = code;
	w->wait.cancel = NULL;
	rota__wake(w->wait.task);
}

/* Whoever takes the waiter out of the list wakes the task. */
static void cut_short(struct rota__wait *wait, int reason)
{
	struct waiter *w = container_of(wait, struct waiter, wait);
	struct rota_process *p = w->process;

	pthread_mutex_lock(&p->lock);
	if (list_linked(&w->in_process.link)) {
		list_remove(&w->in_process.link);
		w->answer = reason;
		rota__wake(wait->task);
	}
	pthread_mutex_unlock(&p->lock);
}

/* True: the task is to park.  False: `answer` is there. */
static bool must_wait(struct waiter *w)
{
	struct rota_process *p = w->process;
	bool running;

	pthread_mutex_lock(&p->lock);
	running = p->state == PROCESS_RUNNING;
	if (running)
		list_append(&p->waiters, &w->in_process.link);
	pthread_mutex_unlock(&p->lock);
	return running;
}

int rota_process_wait(struct rota_process *p, struct rota_exit *ret_exit)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct waiter w = {
		.wait = { .task = task, .cancel = cut_short, .what = "the end of a process" },
		.in_process = { .fn = told },
		.process = p,
	};

	if (task == NULL)
		return -EPERM;
	w.answer = rota__task_cancelled(task);
	if (w.answer != 0)
		return w.answer;
	if (must_wait(&w))
		rota__park(&w.wait);
	if (w.answer == 0 && ret_exit != NULL)
		*ret_exit = p->exit;
	return w.answer;
}

/* ---- from start to end ---- */

struct collected {
	struct rota_stream *from;
	char *data;
	size_t size, room, max;
};

/* Room for a piece more, and for the 0 byte. */
static int make_room(struct collected *c)
{
	enum { FIRST = 4096 };
	size_t room = c->room == 0 ? FIRST : 2 * c->room;
	char *data;

	if (c->size + 1 < c->room)
		return 0;
	data = rota__realloc(c->data, room);
	if (data == NULL)
		return -ENOMEM;
	c->data = data;
	c->room = room;
	return 0;
}

static int collect(void *arg)
{
	struct collected *c = arg;
	ssize_t n = 0;
	int rc;

	while ((rc = make_room(c)) == 0) {
		n = c->from != NULL ? rota_read(c->from, c->data + c->size, c->room - c->size - 1) : 0;
		if (n <= 0)
			break;
		c->size += (size_t)n;
		if (c->size > c->max)
			return ROTA_ELIMIT;
	}
	if (rc == 0)
		c->data[c->size] = '\0';
	return rc < 0 ? rc : (int)n;
}

struct dialogue {
	struct rota_process *process;
	const void *input;
	size_t input_bytes;
	struct collected out, err;
};

/* A program need not read all that it is told. */
static int feed(void *arg)
{
	struct dialogue *d = arg;
	ssize_t n = rota_write_all(rota_process_stdin(d->process), d->input, d->input_bytes);

	rota_process_close_stdin(d->process);
	return n < 0 && n != -EPIPE ? (int)n : 0;
}

static int await_end(void *arg)
{
	return rota_process_wait(((struct dialogue *)arg)->process, NULL);
}

static int talk(struct dialogue *d)
{
	struct rota_scope scope;

	d->out.from = rota_process_stdout(d->process);
	d->err.from = rota_process_stderr(d->process);
	rota_scope_open(&scope);
	if (rota_process_stdin(d->process) != NULL)
		rota_spawn(&scope, feed, d);
	rota_spawn(&scope, collect, &d->out);
	rota_spawn(&scope, collect, &d->err);
	rota_spawn(&scope, await_end, d);
	return rota_scope_join(&scope);
}

/* What went wrong ends the process, and its end is waited for. */
static int reap(void *arg)
{
	struct dialogue *d = arg;

	rota_process_kill(d->process, SIGKILL);
	return rota_process_wait(d->process, NULL);
}

int rota_command_output(const struct rota_command *command, const void *input, size_t input_bytes,
	size_t bytes_max, struct rota_output *ret_output)
{
	ROTA_INSIDE();
	struct rota_command wired = *command;
	struct dialogue d = {
		.input = input,
		.input_bytes = input_bytes,
		.out = { .max = bytes_max },
		.err = { .max = bytes_max },
	};
	struct rota_exit exit;
	int rc;

	if (rota__current() == NULL)
		return -EPERM;
	rc = rota_cancelled();
	if (rc != 0)
		return rc;
	if (command->in.kind == ROTA_STDIO_INHERIT)
		wired.in.kind = input != NULL ? ROTA_STDIO_PIPE : ROTA_STDIO_NULL;
	if (command->out.kind == ROTA_STDIO_INHERIT)
		wired.out.kind = ROTA_STDIO_PIPE;
	if (command->err.kind == ROTA_STDIO_INHERIT)
		wired.err.kind = ROTA_STDIO_PIPE;
	rc = rota_process_start(&d.process, &wired);
	if (rc < 0)
		return rc;
	rc = talk(&d);
	if (rc < 0)
		rota_shield(ROTA_FOREVER, reap, &d);
	exit = d.process->exit;
	rota_process_close(d.process);
	if (rc < 0) {
		rota__free(d.out.data);
		rota__free(d.err.data);
		return rc;
	}
	*ret_output = (struct rota_output){ d.out.data, d.err.data, d.out.size, d.err.size, exit };
	return 0;
}

void rota_output_free(struct rota_output *output)
{
	rota__free(output->out);
	rota__free(output->err);
	output->out = output->err = NULL;
}
