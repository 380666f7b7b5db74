/* port.c - messages through ports, received by tasks or told to callbacks (port.h)
 *
 *   (open) --start--> STARTED --message: post--> POSTED --loop: on_message() for each--> STARTED
 *                                                   \--the end--> on_message(NULL), stopped for good
 *
 * A post is on its way at most once; further messages find it and do nothing. */
#include "net/port.h"

#include <string.h>

#include <rota/memory.h>

#include "base/atomic.h"
#include "io/handle.h"
#include "os/mem.h"

/* One port's share of a turn: then others are served. */
enum { MESSAGES_AT_ONCE = 64 };

/* ---- who is called back ---- */

/* In the port's lock. */
static void wake_locked(struct rota_port *port)
{
	struct rota_port_watch *w = port->watch;

	if (w == NULL || !w->started || w->posted)
		return;
	w->posted = true;
	rota_post(w->handle.loop, &w->post);
}

static void wake(struct rota_port *port)
{
	pthread_mutex_lock(&port->lock);
	wake_locked(port);
	pthread_mutex_unlock(&port->lock);
}

/* Something came into the channel before this. */
static void notify(struct rota_port *port)
{
	fence_seq(); /* pairs with that in watch_it() */
	if (load_relaxed(&port->watch) != NULL)
		wake(port);
}

static int watch_it(struct rota_port *port, struct rota_port_watch *w)
{
	bool busy;

	pthread_mutex_lock(&port->lock);
	busy = port->watch != NULL;
	if (!busy)
		store_relaxed(&port->watch, w);
	pthread_mutex_unlock(&port->lock);
	fence_seq(); /* pairs with that in notify() */
	return busy ? -EBUSY : 0;
}

static void forget(struct rota_port *port)
{
	store_relaxed(&port->watch, NULL);
}

void rota__port_stop(struct rota_port *port)
{
	pthread_mutex_lock(&port->lock);
	port->stopped = true;
	wake_locked(port);
	pthread_mutex_unlock(&port->lock);
}

void rota__port_abandon(struct rota_port *port)
{
	pthread_mutex_lock(&port->lock);
	forget(port);
	pthread_mutex_unlock(&port->lock);
}

bool rota__port_is_watched(struct rota_port *port)
{
	return load_relaxed(&port->watch) != NULL;
}

/* ---- messages ---- */

int rota_port_give(struct rota_port *port, void *data, size_t bytes, void (*destroy)(void *))
{
	ROTA_INSIDE();
	struct rota_message m = { data, bytes, destroy };
	int rc = rota_chan_try_send(port->out, &m);

	if (rc == 0)
		notify(port->peer);
	return rc;
}

int rota_port_send(struct rota_port *port, const void *data, size_t bytes)
{
	ROTA_INSIDE();
	void *copy = rota__alloc(bytes + 1); /* an empty message is one, too */
	int rc;

	if (copy == NULL)
		return -ENOMEM;
	if (bytes > 0)
		memcpy(copy, data, bytes);
	rc = rota_port_give(port, copy, bytes, rota_free);
	if (rc < 0)
		rota__free(copy);
	return rc;
}

int rota_port_recv_until(struct rota_port *port, struct rota_message *ret_message, uint64_t deadline_ns)
{
	return rota_chan_recv_until(port->in, ret_message, deadline_ns);
}

int rota_port_recv(struct rota_port *port, struct rota_message *ret_message)
{
	return rota_port_recv_until(port, ret_message, ROTA_FOREVER);
}

int rota_port_try_recv(struct rota_port *port, struct rota_message *ret_message)
{
	return rota_chan_try_recv(port->in, ret_message);
}

void rota_port_close(struct rota_port *port)
{
	ROTA_INSIDE();

	rota_chan_close(port->in);
	rota_chan_close(port->out);
	notify(port);
	notify(port->peer);
}

void rota_message_free(struct rota_message *message)
{
	if (message->destroy != NULL)
		message->destroy(message->data);
	*message = (struct rota_message){ 0 };
}

/* ---- callbacks ---- */

/* What has come before the start is looked for by a post. */
static void set_started(struct rota_port_watch *w, bool on)
{
	pthread_mutex_lock(&w->port->lock);
	w->started = on;
	wake_locked(w->port);
	pthread_mutex_unlock(&w->port->lock);
	rota__handle_hold(&w->handle, on);
}

/* The next message; ROTA_ECLOSED: there will be none. */
static int next(struct rota_port *port, bool stopped, struct rota_message *ret)
{
	int rc = rota_chan_try_recv(port->in, ret);

	return rc == -EAGAIN && stopped ? ROTA_ECLOSED : rc;
}

/* A callback may stop, start or close the watch, and close the port. */
static void tell(struct rota_port_watch *w, bool stopped)
{
	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		struct rota_message m;
		int rc;

		if (!handle_open(&w->handle) || !w->started)
			return;
		rc = next(w->port, stopped, &m);
		if (rc == -EAGAIN)
			return;
		if (rc < 0)
			set_started(w, false);
		rota__handle_calls(&w->handle, (void (*)(void))w->on_message);
		w->on_message(w, rc == 0 ? &m : NULL);
		rota__loop_after_callback(w->handle.loop, (struct rota__origin){ .kind = "port" });
	}
	if (handle_open(&w->handle) && w->started)
		wake(w->port);
}

/* The port of a watch that was closed meanwhile may be gone. */
static void delivered(struct rota_post *post)
{
	struct rota_port_watch *w = container_of(post, struct rota_port_watch, post);
	bool stopped;

	if (handle_open(&w->handle)) {
		pthread_mutex_lock(&w->port->lock);
		w->posted = false; /* before the look into the channel: what comes now is posted anew */
		stopped = w->port->stopped;
		pthread_mutex_unlock(&w->port->lock);
		tell(w, stopped);
	} else {
		rota__handle_ran(&w->handle);
	}
	rota__handle_left(&w->handle);
}

int rota_port_watch_open_at(
	struct rota_loop *loop, struct rota_port_watch *w, struct rota_port *port, const char *site)
{
	ROTA_INSIDE();
	int rc = rota__handle_open(&w->handle, loop, KIND_port, site);

	if (rc < 0)
		return rc;
	w->port = port;
	w->post.fn = delivered;
	w->started = w->posted = false;
	rc = watch_it(port, w);
	if (rc < 0)
		rota__handle_undo(&w->handle);
	return rc;
}

int rota_port_watch_start(struct rota_port_watch *w,
	void (*on_message)(struct rota_port_watch *watch, struct rota_message *message))
{
	ROTA_INSIDE();
	int rc = handle_ours(&w->handle);

	if (rc < 0)
		return rc;
	if (w->started)
		return -EALREADY;
	w->on_message = on_message;
	set_started(w, true);
	return 0;
}

int rota_port_watch_stop(struct rota_port_watch *w)
{
	ROTA_INSIDE();
	int rc = handle_ours(&w->handle);

	if (rc < 0)
		return rc;
	set_started(w, false);
	return 0;
}

/* A post that is on its way is waited for. */
static void stop(struct rota_handle *h)
{
	struct rota_port_watch *w = container_of(h, struct rota_port_watch, handle);

	pthread_mutex_lock(&w->port->lock);
	forget(w->port);
	if (w->posted)
		h->pending++;
	pthread_mutex_unlock(&w->port->lock);
}

const struct rota__handle_kind rota__kind_port = { .name = "port", .stop = stop };

/* ---- with the thread ---- */

void rota__port_init(struct rota_port *port, struct rota_chan *in, struct rota_chan *out, struct rota_port *peer)
{
	*port = (struct rota_port){ .in = in, .out = out, .peer = peer };
	pthread_mutex_init(&port->lock, NULL);
}

void rota__port_fini(struct rota_port *port)
{
	pthread_mutex_destroy(&port->lock);
}
