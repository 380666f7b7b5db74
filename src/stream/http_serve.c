/* http_serve.c - the HTTP server: accepting, a task for each connection, and stopping
 *
 * Two scopes.  The acceptor is a task of the outer one, so a cancellation from outside ends it. The
 * connections are tasks of the inner one, a shield, so that the same cancellation does not cut
 * exchanges off: rota_http_serve() sees the acceptor end, and then
 *
 *   1. says that it is stopping: every answer from now on announces the end of its connection
 *   2. cancels the idle connections
 *   3. starts the grace timer, which cancels the inner scope: all that is left
 *   4. joins */
#include "io/listener.h"
#include "os/mem.h"
#include "stream/http_server.h"
#include "task/task.h"

/* ---- pools ---- */

/* Spare works and connections are kept until the server ends: as many as were busy at the same
 * time, which is also what the next rush will need. */

static void work_free(struct http_work *work)
{
	rota__free(work->path);
	rota__free(work->in.data);
	rota__free(work->out);
	rota__free(work);
}

static struct http_work *work_new(struct http_server *server)
{
	struct http_work *work = rota__alloc_zero(sizeof *work);

	if (work == NULL)
		return NULL;
	work->in.size = server->limits.head_bytes + HTTP_BODY_ROOM;
	work->in.data = rota__alloc(work->in.size);
	work->out = rota__alloc(HTTP_OUT_BYTES);
	if (work->in.data != NULL && work->out != NULL)
		return work;
	work_free(work);
	return NULL;
}

struct http_work *rota__http_work_take(struct http_server *server)
{
	struct http_work *work = server->spare_work;

	if (work == NULL)
		return work_new(server);
	server->spare_work = work->next;
	return work;
}

void rota__http_work_return(struct http_server *server, struct http_work *work)
{
	work->next = server->spare_work;
	server->spare_work = work;
}

static struct http_conn *conn_take(struct http_server *server)
{
	struct http_conn *c = server->spare_conns;

	if (c != NULL)
		server->spare_conns = c->next;
	else
		c = rota__alloc(sizeof *c);
	return c;
}

static void conn_return(struct http_server *server, struct http_conn *c)
{
	c->next = server->spare_conns;
	server->spare_conns = c;
}

static void pools_fini(struct http_server *server)
{
	struct http_work *work;
	struct http_conn *c;

	while ((work = server->spare_work) != NULL) {
		server->spare_work = work->next;
		work_free(work);
	}
	while ((c = server->spare_conns) != NULL) {
		server->spare_conns = c->next;
		rota__free(c);
	}
}

/* ---- a connection ---- */

static void connection_end(struct http_conn *c)
{
	struct http_server *server = c->server;

	if (c->work != NULL)
		rota__http_work_return(server, c->work);
	rota_close(c->stream);
	list_remove(&c->link);
	rota_task_release(c->task);
	conn_return(server, c);
	server->connection_count--;
	server->stats->connections_open--;
	if (server->full != NULL)
		rota_scope_cancel(server->full);
}

static void answer(struct http_conn *c)
{
	struct http_work *work = c->work;
	int rc;

	if (work->out_len > 0)
		rota__http_send_early(c);
	work->in_handler = true;
	rc = c->server->handler(&work->x, c->server->arg);
	work->in_handler = false;
	rota__http_exchange_end(&work->x, rc);
}

static int connection(void *arg)
{
	struct http_conn *c = arg;

	while (rota__http_next_request(c)) {
		struct http_work *work = c->work;

		answer(c);
		if (work->x.keep)
			continue;
		/* Requests that stay unread must not make a reset of our answer. */
		if (work->x.linger || work->in.at < work->in.end)
			rota__http_linger(c);
		else
			rota__http_flush(c);
		break;
	}
	connection_end(c);
	return 0;
}

static int connection_begin(struct http_server *server, struct rota_stream *stream)
{
	struct http_conn *c = conn_take(server);
	int rc;

	if (c == NULL)
		return -ENOMEM;
	*c = (struct http_conn){ .server = server, .stream = stream, .idle = true };
	rota__http1_parser_init(&c->parser, &server->limits);
	rc = rota_spawn_task(&c->task, &server->tasks, connection, c, &(struct rota_task_options){ .pinned = true });
	if (rc < 0) {
		conn_return(server, c);
		return rc;
	}
	list_append(&server->connections, &c->link);
	server->connection_count++;
	server->stats->connections++;
	server->stats->connections_open++;
	return 0;
}

/* ---- accepting ---- */

/* A connection that ends cancels the scope in which we sleep. */
static int wait_for_room(struct http_server *server)
{
	struct rota_scope full;
	int rc = 0;

	while (rc == 0 && server->connection_count >= server->options.connections_max) {
		rota_scope_open(&full);
		server->full = &full;
		rota_sleep(ROTA_FOREVER);
		server->full = NULL;
		rota_scope_join(&full);
		rc = rota_cancelled();
	}
	return rc;
}

static int acceptor(void *arg)
{
	struct http_server *server = arg;
	struct rota_stream *stream;
	int rc;

	for (;;) {
		if (server->options.connections_max > 0) {
			rc = wait_for_room(server);
			if (rc < 0)
				return rc;
		}
		rc = rota_accept(server->listener, &stream);
		if (rc < 0)
			return rc;
		if (connection_begin(server, stream) < 0)
			rota_close(stream);
	}
}

/* ---- stopping ---- */

struct grace {
	struct rota_timer timer;
	struct rota_scope *tasks;
};

static void grace_is_over(struct rota_timer *timer)
{
	rota_scope_cancel(container_of(timer, struct grace, timer)->tasks);
}

static void stop(struct http_server *server)
{
	struct grace grace = { .timer = { .fn = grace_is_over }, .tasks = &server->tasks };
	struct list *it;

	server->stopping = true;
	list_each(it, &server->connections)
	{
		struct http_conn *c = container_of(it, struct http_conn, link);

		if (c->idle)
			rota_task_cancel(c->task);
	}
	rota_timer_start(server->loop, &grace.timer, rota_deadline(server->options.grace_ns));
	rota_scope_join(&server->tasks);
	rota_timer_stop(&grace.timer);
}

/* ---- options ---- */

static uint64_t or_default(uint64_t value, uint64_t standard)
{
	return value != 0 ? value : standard;
}

static int take_options(struct http_server *server, const struct rota_http_options *given)
{
	struct rota_http_options *o = &server->options;
	struct http1_out probe;
	char scratch[128];

	if (given != NULL)
		*o = *given;
	o->head_bytes_max = (uint32_t)or_default(o->head_bytes_max, 16 * 1024);
	o->target_bytes_max = (uint32_t)or_default(o->target_bytes_max, 8000);
	o->headers_max = (uint32_t)or_default(o->headers_max, HTTP1_FIELDS_MAX);
	o->body_bytes_max = or_default(o->body_bytes_max, 1024 * 1024);
	o->head_timeout_ns = or_default(o->head_timeout_ns, ROTA_SECONDS(10));
	o->idle_timeout_ns = or_default(o->idle_timeout_ns, ROTA_SECONDS(60));
	o->transfer_timeout_ns = or_default(o->transfer_timeout_ns, ROTA_SECONDS(20));
	o->transfer_bytes_min = or_default(o->transfer_bytes_min, 10000);
	o->grace_ns = or_default(o->grace_ns, ROTA_SECONDS(10));
	if (o->head_bytes_max > HTTP1_HEAD_MAX || o->headers_max > HTTP1_FIELDS_MAX)
		return -EINVAL;
	http1_out_init(&probe, scratch, sizeof scratch);
	if (o->server_name != NULL)
		rota__http1_put_field(&probe, HTTP_FIELD_SERVER, span_of(o->server_name));
	if (probe.error < 0)
		return -EINVAL;
	server->limits = rota__http1_limits;
	server->limits.head_bytes = o->head_bytes_max;
	server->limits.target_bytes = o->target_bytes_max;
	server->limits.fields = o->headers_max;
	server->stats = o->stats != NULL ? o->stats : &server->own_stats;
	return 0;
}

static int serve(struct http_server *server)
{
	struct rota_scope outer;
	struct rota_task *door;
	int rc, ended = 0;

	rota_scope_open(&outer);
	rc = rota_spawn_task(&door, &outer, acceptor, server, &(struct rota_task_options){ .pinned = true });
	if (rc == 0) {
		rota_scope_open_with(
			&server->tasks, &(struct rota_scope_options){
						.flags = ROTA_SCOPE_SHIELD | ROTA_SCOPE_COLLECT });
		rc = rota_join(door, &ended);
		stop(server);
	}
	rota_scope_join(&outer);
	while (server->early_calls > 0)
		rota_yield();
	return rc < 0 ? rc : ended;
}

int rota_http_serve(struct rota_listener *listener, rota_http_handler handler, void *arg,
	const struct rota_http_options *options)
{
	struct rota_task *task = rota__current();
	struct http_server *server;
	int rc;

	if (task == NULL || rota__pin_to(task, listener->loop) < 0) /* all of a server is on one loop */
		return -EPERM;
	server = rota__alloc_zero(sizeof *server);
	if (server == NULL) {
		rota__unpin(task);
		return -ENOMEM;
	}
	server->handler = handler;
	server->arg = arg;
	server->listener = listener;
	server->loop = rota_loop_current();
	list_init(&server->connections);
	rc = take_options(server, options);
	if (rc == 0)
		rc = serve(server);
	pools_fini(server);
	rota__free(server);
	rota__unpin(task);
	return rc;
}
