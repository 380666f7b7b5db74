/* http_serve.c - the HTTP server: accepting, a task for each connection, and stopping
 *
 * On each worker that is dealt connections there is a server with pools, counts and connections of its own (struct
 * http_server), which only that worker touches; struct service holds them together.
 *
 * Two scopes.  The acceptors are tasks of the outer one, so a cancellation from outside ends them. The
 * workers' servers are tasks of the inner one, a shield, so that the same cancellation does not cut
 * exchanges off: rota_http_serve() sees the acceptors end, and then each server
 *
 *   1. says that it is stopping: every answer from now on announces the end of its connection
 *   2. cancels the idle connections
 *   3. starts the grace timer, which cancels its connections: all that is left
 *   4. joins */
#include "await/move.h"
#include "io/listener.h"
#include "io/stream.h"
#include "os/mem.h"
#include "stream/http_server.h"
#include "task/team.h"

struct service {
	struct rota_listener *listener;
	rota_http_handler handler;
	void *arg;
	const struct rota_http_options *options; /* as they were given */
	struct http_server **servers; /* by the number of their worker; room for all there can be */
	struct rota_mutex adding;     /* one, for a worker that came later */
	struct rota__team *team;      /* NULL: one worker */
	unsigned first, count;	      /* of the workers that have one from the beginning */
	enum rota_deal deal;
	bool limited;
	struct rota_semaphore room; /* for connections, where they are limited */
	struct rota_event stop;
	struct rota_scope inner, outer;
	struct rota_http_stats own_stats;
};

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

static void gone(struct http_server *server)
{
	http_count(server, &server->stats->connections_open, UINT64_MAX); /* minus one */
	if (server->service->limited)
		rota_semaphore_release(&server->service->room, 1);
}

static void connection_end(struct http_conn *c)
{
	struct http_server *server = c->server;
	bool moved = c->moved;

	if (c->work != NULL)
		rota__http_work_return(server, c->work);
	if (!moved)
		rota_close(c->stream);
	list_remove(&c->link);
	conn_return(server, c);
	if (!moved)
		gone(server);
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

static void serve_connection(struct http_conn *c)
{
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
}

static int connection(void *arg)
{
	struct rota_stream *stream = arg;
	struct http_server *server = stream->server;
	struct http_conn *c = conn_take(server);

	rota_task_release(rota_self()); /* nobody joins it */
	rota__connection_arrive(stream);
	if (c == NULL) {
		rota_close(stream);
		gone(server);
		return -ENOMEM;
	}
	*c = (struct http_conn){ .server = server, .stream = stream, .task = rota_self(), .idle = true };
	rota__http1_parser_init(&c->parser, &server->limits);
	list_append(&server->connections, &c->link);
	serve_connection(c);
	return 0;
}

static struct http_server *server_of(struct service *service, struct rota__worker *worker);

static int begin(struct http_server *server, struct rota_stream *stream)
{
	struct rota_task *task;

	stream->server = server;
	return rota__spawn_pinned_on(
		&task, server->loop->tasks, &server->tasks, connection, stream, "connection", "rota_http_serve");
}

/* On the worker that accepted it; it has been used by no loop yet. */
static void deal(struct service *service, struct rota_listener *l, struct rota_stream *stream)
{
	struct rota__worker *worker = rota__place(l->loop->tasks, service->deal);
	struct http_server *server = server_of(service, worker), *any = service->servers[service->first];

	http_count(any, &any->stats->connections, 1);
	http_count(any, &any->stats->connections_open, 1);
	stream->loop = worker->loop;
	stream->counted = true;
	if (server != NULL && begin(server, stream) == 0)
		return;
	rota__leave_place(worker);
	stream->counted = false;
	stream->loop = l->loop;
	rota_close(stream);
	gone(any);
}

bool rota__http_move(struct http_conn *c)
{
	struct rota__worker *here = c->server->loop->tasks, *to = rota__team_better_place(here);
	struct http_server *server;

	if (to == NULL)
		return false;
	server = server_of(c->server->service, to);
	if (server == NULL) {
		rota__leave_place(to);
		return false;
	}
	rota__stream_depart(c->stream, to->loop);
	c->moved = begin(server, c->stream) == 0;
	if (!c->moved) { /* the other loop has not seen it */
		add_relaxed(&here->loop->connections, 1);
		rota__stream_depart(c->stream, here->loop);
		c->stream->travels = false;
		rota__connection_arrive(c->stream);
	}
	return c->moved;
}

/* ---- accepting ---- */

static int accept_all(struct service *service, struct rota_listener *l)
{
	struct rota_stream *stream;
	int rc = 0;

	while (rc == 0) {
		if (service->limited)
			rc = rota_semaphore_acquire(&service->room, 1);
		if (rc < 0)
			break;
		rc = rota_accept(l, &stream);
		if (rc == 0)
			deal(service, l, stream);
		else if (service->limited)
			rota_semaphore_release(&service->room, 1);
	}
	return rc;
}

static int acceptor(void *arg)
{
	struct service *service = arg;

	return accept_all(service, service->listener);
}

struct door {
	struct service *service;
	struct rota_listener *listener;
};

/* At a worker's own socket; it is the one who closes that. */
static int acceptor_at_door(void *arg)
{
	struct door door = *(struct door *)arg;

	rota__free(arg);
	rota_task_release(rota_self());
	accept_all(door.service, door.listener);
	rota_listener_close(door.listener);
	return 0; /* the main acceptor's end is what counts */
}

static int open_door(struct service *service, struct rota__worker *worker)
{
	struct door *door = rota__alloc(sizeof *door);
	struct rota_task *task;
	int rc;

	if (door == NULL)
		return -ENOMEM;
	door->service = service;
	rc = rota__listener_door(&door->listener, service->listener, worker->loop);
	if (rc == 0) {
		rc = rota__spawn_pinned_on(
			&task, worker, &service->outer, acceptor_at_door, door, "acceptor", "rota_http_serve");
		if (rc < 0)
			rota__listener_discard(door->listener);
	}
	if (rc < 0)
		rota__free(door);
	return rc;
}

/* Where each worker accepts for itself: all but the one whose listener it is. */
static int open_doors(struct service *service)
{
	struct rota_listener *l = service->listener;
	int rc = 0;

	if (service->team == NULL || service->deal != ROTA_DEAL_OWN)
		return 0;
	for (unsigned i = service->first; rc == 0 && i < service->first + service->count; i++)
		if (service->team->workers[i]->loop != l->loop)
			rc = open_door(service, service->team->workers[i]);
	return rc;
}

/* ---- one worker's server ---- */

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

static int run_server(void *arg)
{
	struct http_server *server = arg;
	struct service *service = server->service;

	rota_task_release(rota_self());
	rota_scope_open_with(
		&server->tasks, &(struct rota_scope_options){ .flags = ROTA_SCOPE_SHIELD | ROTA_SCOPE_COLLECT });
	rota_event_set(&server->opened);
	rota_event_wait(&service->stop);
	stop(server);
	while (server->early_calls > 0)
		rota_yield();
	return 0;
}

static struct rota__worker *worker_of(const struct service *service, unsigned number)
{
	return service->team != NULL ? service->team->workers[number] : service->listener->loop->tasks;
}

static int open_server(struct http_server *server)
{
	struct rota_task *task;

	return rota__spawn_pinned_on(&task, server->loop->tasks, &server->service->inner, run_server, server, "server",
		"rota_http_serve");
}

static int open_servers(struct service *service)
{
	int rc = 0;

	for (unsigned i = service->first; rc == 0 && i < service->first + service->count; i++)
		rc = open_server(service->servers[i]);
	return rc;
}

/* ---- options ---- */

static uint64_t or_default(uint64_t value, uint64_t standard)
{
	return value != 0 ? value : standard;
}

static int take_options(
	struct http_server *server, struct service *service, const struct rota_http_options *given)
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
	server->stats = o->stats != NULL ? o->stats : &service->own_stats;
	return 0;
}

/* ---- servers ---- */

static struct http_server *server_new(struct service *service, unsigned number, int *ret_error)
{
	struct http_server *server = rota__alloc_zero(sizeof *server);

	*ret_error = -ENOMEM;
	if (server == NULL)
		return NULL;
	server->service = service;
	server->handler = service->handler;
	server->arg = service->arg;
	server->loop = worker_of(service, number)->loop;
	server->several = service->team != NULL;
	list_init(&server->connections);
	*ret_error = take_options(server, service, service->options);
	if (*ret_error < 0) {
		rota__free(server);
		return NULL;
	}
	return server;
}

/* For a worker that was not in service when we began. */
static struct http_server *add_server(struct service *service, unsigned number)
{
	struct http_server *server = NULL;
	int rc;

	if (rota_mutex_lock(&service->adding) < 0)
		return NULL;
	server = service->servers[number];
	if (server == NULL) {
		server = server_new(service, number, &rc);
		if (server != NULL && open_server(server) < 0) {
			rota__free(server);
			server = NULL;
		}
		store_release(&service->servers[number], server); /* acquired by server_of() */
	}
	rota_mutex_unlock(&service->adding);
	return server;
}

/* The server of a worker, which may have to be opened first; may wait.  NULL: there is none to be had. */
static struct http_server *server_of(struct service *service, struct rota__worker *worker)
{
	struct http_server *server = load_acquire(&service->servers[worker->number]);

	if (server == NULL)
		server = add_server(service, worker->number);
	return server != NULL && rota_event_wait(&server->opened) == 0 ? server : NULL;
}

/* ---- all of it ---- */

/* Returns when all acceptors and all connections have ended. */
static int serve(struct service *service)
{
	struct rota_task *door;
	int rc, ended = 0;

	rota_scope_open_with(&service->outer, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	rota_scope_open_with(
		&service->inner, &(struct rota_scope_options){ .flags = ROTA_SCOPE_SHIELD | ROTA_SCOPE_COLLECT });
	rc = open_servers(service);
	if (rc == 0)
		rc = open_doors(service);
	if (rc == 0)
		rc = rota_spawn_task(
			&door, &service->outer, acceptor, service, &(struct rota_task_options){ .pinned = true });
	if (rc == 0)
		rc = rota_join(door, &ended);
	rota_scope_cancel(&service->outer); /* those at the doors */
	rota_event_set(&service->stop);
	rota_scope_join(&service->inner);
	rota_scope_join(&service->outer);
	return rc < 0 ? rc : ended;
}

static unsigned room_of(const struct service *service)
{
	return service->team != NULL ? service->team->room : 1;
}

static int init(struct service *service, struct rota_listener *listener, rota_http_handler handler, void *arg,
	const struct rota_http_options *options)
{
	int rc = 0;

	service->listener = listener;
	service->handler = handler;
	service->arg = arg;
	service->options = options;
	service->deal = listener->deal;
	service->team = ((struct rota__worker *)listener->loop->tasks)->team;
	service->first = service->team != NULL ? service->team->bosses : 0;
	service->count = service->team != NULL ? rota__team_in_service(service->team) - service->first : 1;
	service->servers = rota__alloc_zero(room_of(service) * sizeof *service->servers);
	if (service->servers == NULL)
		return -ENOMEM;
	for (unsigned i = service->first; rc == 0 && i < service->first + service->count; i++)
		service->servers[i] = server_new(service, i, &rc);
	if (rc == 0 && options != NULL && options->connections_max > 0) {
		service->limited = true;
		/* Whoever waits at a socket would hold a place that a connection at another one needs. */
		if (service->deal == ROTA_DEAL_OWN)
			service->deal = ROTA_DEAL_IN_TURN;
		rota_semaphore_init(&service->room, options->connections_max, options->connections_max);
	}
	return rc;
}

static void fini(struct service *service)
{
	if (service->servers == NULL)
		return;
	for (unsigned i = service->first; i < room_of(service); i++) {
		if (service->servers[i] == NULL)
			continue;
		pools_fini(service->servers[i]);
		rota__free(service->servers[i]);
	}
	if (service->limited)
		rota_semaphore_fini(&service->room);
	rota__free(service->servers);
}

int rota_http_serve(struct rota_listener *listener, rota_http_handler handler, void *arg,
	const struct rota_http_options *options)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	struct service *service;
	int rc;

	if (task == NULL || rota__pin_to(task, listener->loop) < 0)
		return -EPERM;
	service = rota__alloc_zero(sizeof *service);
	rc = service != NULL ? init(service, listener, handler, arg, options) : -ENOMEM;
	if (rc == 0)
		rc = serve(service);
	if (service != NULL)
		fini(service);
	rota__free(service);
	rota__unpin(task);
	return rc;
}
