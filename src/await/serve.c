/* serve.c - accepting connections, one by one or for ever
 *
 * rota_serve() needs no task of its own to accept: one multishot op is armed, and its completions
 * make streams and spawn tasks right on the loop.
 *
 *   ARMED --accepted--> ARMED (a task more)
 *     |  \--no descriptors, no memory--> PAUSED --timer--> ARMED
 *     |  \--connections_max reached--> FULL --a connection ends--> ARMED
 *     \--cancelled or closed--> STOPPING --op's completion--> the serving task goes on
 *
 * With a socket for each worker this happens on each of them (doors.c). */
#include <unistd.h>

#include "await/await.h"
#include "await/move.h"
#include "await/serve.h"
#include "io/listener.h"
#include "io/socket.h"
#include "io/stream.h"
#include "os/mem.h"
#include "task/team.h"
#include "trace/trace.h"

static void note_pause(struct rota_listener *l)
{
	l->pauses++;
	rota__trace(ROTA__EV_ACCEPT_PAUSE, l->pauses, NULL);
}

static int leave(struct rota_listener *l, int rc)
{
	l->waiter = NULL;
	if (--l->users == 0 && l->closed)
		rota__listener_free(l);
	return rc;
}

void rota__listener_close_here(struct rota_listener *l)
{
	if (l->closed)
		return;
	l->closed = true;
	if (l->users == 0)
		rota__listener_free(l);
	else
		rota__cut_short(l->waiter, ROTA_ECLOSED);
}

void rota_listener_close(struct rota_listener *l)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	bool pinned;

	if (l == NULL)
		return;
	pinned = task != NULL && rota__pin_to(task, l->loop) == 0;
	rota__listener_close_here(l);
	if (pinned)
		rota__unpin(task);
}

/* ---- one by one ---- */

static int64_t accept_one(struct rota_listener *l)
{
	struct rota__op_wait w = { .op = { .kind = OP_ACCEPT, .fd = l->fd } };
	int64_t fd;

	l->waiter = &w.wait;
	fd = rota__await(&w, ROTA_FOREVER);
	l->waiter = NULL;
	return fd;
}

static int accept_here(struct rota_listener *l, struct rota_stream **ret_stream)
{
	struct rota_stream *s;
	int64_t fd;

	if (l->closed)
		return ROTA_ECLOSED;
	if (l->users > 0)
		return -EBUSY;
	/* The memory comes first: a connection that was accepted is not lost for want of it. */
	s = rota__stream_new(l->loop, -1, true);
	if (s == NULL)
		return -ENOMEM;
	l->users++;
	for (;;) {
		fd = accept_one(l);
		if (fd >= 0)
			break;
		if (rota__accept_verdict(fd) == ACCEPT_REST) {
			note_pause(l);
			fd = rota_sleep(ROTA__ACCEPT_REST_NS);
			if (fd == 0 && l->closed)
				fd = ROTA_ECLOSED;
		}
		if (fd < 0 && rota__accept_verdict(fd) == ACCEPT_BROKEN) {
			rota__free(s);
			return leave(l, (int)fd);
		}
	}
	s->fd = (int)fd;
	*ret_stream = s;
	return leave(l, 0);
}

int rota_accept(struct rota_listener *l, struct rota_stream **ret_stream)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	int rc;

	if (task == NULL || rota__pin_to(task, l->loop) < 0)
		return -EPERM;
	rc = accept_here(l, ret_stream);
	rota__unpin(task);
	return rc;
}

/* ---- for ever ---- */

struct server {
	struct rota__op op;
	struct rota__wait wait;
	struct rota__timer pause;
	struct rota_scope scope;
	struct rota_listener *listener;
	struct rota_loop *loop; /* the listener's, which may be gone when the last connections end */
	int (*serve)(struct rota_stream *stream, void *arg);
	void *arg;
	unsigned connections;
	bool armed;
	int reason; /* why it stops; 0: it does not */
};

static void arm(struct server *server)
{
	struct rota_listener *l = server->listener;
	bool limited;

	if (server->armed || server->reason != 0 || timers_armed(&server->pause))
		return; /* once there is a reason to stop, the listener may be gone */
	limited = l->options.connections_max > 0;
	if (limited && server->connections >= l->options.connections_max)
		return;
	server->armed = true;
	server->op.state = OP_FREE;
	server->op.flags = 0;
	server->op.kind = limited ? OP_ACCEPT : OP_ACCEPT_MULTI;
	rota__op_submit(l->loop, &server->op);
}

static void pause_over(struct rota__timer *timer)
{
	arm(container_of(timer, struct server, pause));
}

static void pause_accepting(struct server *server)
{
	note_pause(server->listener);
	timers_arm(&server->listener->loop->timers, &server->pause, rota_deadline(ROTA__ACCEPT_REST_NS));
}

static void connection_began(struct rota_stream *stream)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	rota__move_to(task, stream->loop); /* it may have been stolen on its way */
	rota__connection_arrive(stream);
}

static void connection_ended(struct server *server)
{
	ROTA_INSIDE();

	rota__pin_to(rota__current(), server->loop); /* for good: it ends there */
	server->connections--;
	arm(server);
}

static int connection(void *arg)
{
	struct rota_stream *stream = arg;
	struct server *server = stream->server;
	int rc;

	connection_began(stream);
	rc = server->serve(stream, server->arg); /* takes the stream */
	connection_ended(server);
	return rc;
}

static void accepted(struct server *server, int fd)
{
	struct rota__worker *worker = rota__place(server->loop->tasks, server->listener->deal);
	struct rota_stream *s = rota__stream_new(worker->loop, fd, true);

	if (s != NULL) {
		s->server = server;
		s->counted = true;
		server->connections++;
		if (rota__spawn_on(worker, &server->scope, connection, s, "connection", "rota_serve") == 0)
			return;
		server->connections--;
		rota__free(s); /* its loop has not seen it */
	}
	rota__leave_place(worker);
	close(fd);
}

static void accept_done(struct rota__op *op)
{
	struct server *server = container_of(op, struct server, op);
	int64_t result = op->result;

	if (result >= 0)
		accepted(server, (int)result);
	if (op->flags & OP_MORE)
		return;
	server->armed = false;
	if (result < 0 && server->reason == 0) {
		if (rota__accept_verdict(result) == ACCEPT_REST)
			pause_accepting(server);
		else if (rota__accept_verdict(result) == ACCEPT_BROKEN)
			server->reason = (int)result;
	}
	if (server->reason == 0) {
		arm(server);
		return;
	}
	server->wait.cancel = NULL;
	rota__wake(server->wait.task);
}

static void stop(struct rota__wait *wait, int reason)
{
	struct server *server = container_of(wait, struct server, wait);

	server->reason = reason;
	timers_cancel(&server->listener->loop->timers, &server->pause);
	if (server->armed)
		rota__op_cancel(server->listener->loop, &server->op);
	else
		rota__wake(wait->task);
}

/* Accept until there is a reason to stop. */
static int accept_all(struct server *server, struct rota_task *task)
{
	struct rota_listener *l = server->listener;

	server->wait = (struct rota__wait){ .task = task, .cancel = stop, .loop = l->loop, .what = "connections", .fd = l->fd };
	l->users++;
	l->waiter = &server->wait;
	arm(server);
	rota__park(&server->wait);
	leave(l, 0);
	return server->reason;
}

static int serve_here(struct rota_task *task, struct rota_listener *l,
	int (*serve)(struct rota_stream *stream, void *arg), void *arg, bool only_here)
{
	struct rota_scope_options each_for_itself = { .flags = ROTA_SCOPE_COLLECT };
	struct server server = {
		.op = { .fd = l->fd, .done = accept_done },
		.pause = { .fn = pause_over },
		.listener = l,
		.loop = l->loop,
		.serve = serve,
		.arg = arg,
	};
	struct rota__doors doors;
	int reason;

	if (l->closed)
		return ROTA_ECLOSED;
	if (l->users > 0)
		return -EBUSY;
	reason = rota__task_cancelled(task);
	if (reason != 0)
		return reason;
	reason = only_here ? 0 : rota__doors_open(&doors, l, serve, arg);
	if (reason < 0)
		return reason;
	rota_scope_open_with(&server.scope, &each_for_itself);
	reason = accept_all(&server, task);
	if (!only_here)
		rota__doors_shut(&doors);
	rota_scope_join(&server.scope);
	if (!only_here)
		rota__doors_close(&doors);
	return reason;
}

int rota__serve_door(struct rota_listener *l, int (*serve)(struct rota_stream *stream, void *arg), void *arg)
{
	ROTA_INSIDE();

	return serve_here(rota__current(), l, serve, arg, true);
}

int rota_serve_with(struct rota_listener *l, int (*serve)(struct rota_stream *stream, void *arg), void *arg)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	int rc;

	if (task == NULL || rota__pin_to(task, l->loop) < 0)
		return -EPERM;
	rc = serve_here(task, l, serve, arg, false);
	rota__unpin(task);
	return rc;
}

static int serve_plain(struct rota_stream *stream, void *arg)
{
	int (*serve)(void *) = *(int (**)(void *))arg;

	return serve(stream);
}

int rota_serve(struct rota_listener *l, int (*serve)(void *stream))
{
	return rota_serve_with(l, serve_plain, &serve);
}
