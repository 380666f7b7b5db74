/* thread.c - a run on a thread of its own, and messages to and from it
 *
 * The handle owns everything: two channels, which are the ports, and the word that it is over.  The thread
 * touches nothing of it after it has set `over`, but its own end. */
#include <pthread.h>
#include <string.h>

#include <rota/channel.h>
#include <rota/loop.h>
#include <rota/memory.h>
#include <rota/sync.h>
#include <rota/thread.h>

#include "loop/inside.h"
#include "os/mem.h"

struct rota_port {
	struct rota_chan *in, *out;
};

struct rota_thread {
	struct rota_chan to_thread, to_us;
	struct rota_port ours, its;
	rota_thread_fn fn;
	void *arg;
	struct rota_options options;
	pthread_t thread;
	int result;
	struct rota_event over;

	pthread_mutex_t lock;	/* of what follows: a stop may come at any time */
	struct rota_loop *loop; /* while its run can take posts */
	bool stopped;
	struct rota_post stop;
	struct rota_scope *scope; /* the thread's own: all that it does */
};

/* ---- ports ---- */

int rota_port_give(struct rota_port *port, void *data, size_t bytes, void (*destroy)(void *))
{
	ROTA_INSIDE();
	struct rota_message m = { data, bytes, destroy };

	return rota_chan_try_send(port->out, &m);
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

int rota_port_recv(struct rota_port *port, struct rota_message *ret_message)
{
	return rota_chan_recv(port->in, ret_message);
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
}

void rota_message_free(struct rota_message *message)
{
	if (message->destroy != NULL)
		message->destroy(message->data);
	*message = (struct rota_message){ 0 };
}

/* ---- the thread's side ---- */

/* On its loop.  The run may be past its scope already. */
static void stop_here(struct rota_post *post)
{
	struct rota_thread *t = (struct rota_thread *)((char *)post - offsetof(struct rota_thread, stop));

	if (t->scope != NULL)
		rota_scope_cancel(t->scope);
}

/* Until fn has returned a stop finds the loop. */
static int first_task(void *arg)
{
	struct rota_thread *t = arg;
	struct rota_scope scope;
	int result;

	rota_scope_open(&scope);
	t->scope = &scope;
	pthread_mutex_lock(&t->lock);
	t->loop = rota_loop_current();
	if (t->stopped)
		rota_scope_cancel(&scope);
	pthread_mutex_unlock(&t->lock);
	result = t->fn(&t->its, t->arg);
	pthread_mutex_lock(&t->lock);
	t->loop = NULL;
	pthread_mutex_unlock(&t->lock);
	t->scope = NULL; /* a stop that is posted already comes too late */
	rota_scope_join(&scope);
	return result;
}

static void *thread_main(void *arg)
{
	struct rota_thread *t = arg;

	pthread_setname_np(pthread_self(), "rota-thread");
	t->result = rota_run(first_task, t, &t->options);
	rota_port_close(&t->its);
	rota_event_set(&t->over);
	return NULL;
}

/* ---- our side ---- */

/* Messages that nobody received, and the channel. */
static void empty(struct rota_chan *ch)
{
	struct rota_message m;

	while (rota_chan_try_recv(ch, &m) == 0)
		rota_message_free(&m);
	rota_chan_fini(ch);
}

static int init(struct rota_thread *t)
{
	int rc = rota_chan_init(&t->to_thread, sizeof(struct rota_message), ROTA_UNBOUNDED);

	if (rc < 0)
		return rc;
	rc = rota_chan_init(&t->to_us, sizeof(struct rota_message), ROTA_UNBOUNDED);
	if (rc < 0) {
		rota_chan_fini(&t->to_thread);
		return rc;
	}
	t->ours = (struct rota_port){ .in = &t->to_us, .out = &t->to_thread };
	t->its = (struct rota_port){ .in = &t->to_thread, .out = &t->to_us };
	t->stop.fn = stop_here;
	pthread_mutex_init(&t->lock, NULL);
	return 0;
}

static void fini(struct rota_thread *t)
{
	empty(&t->to_thread);
	empty(&t->to_us);
	pthread_mutex_destroy(&t->lock);
	rota__free(t);
}

int rota_thread_start(
	struct rota_thread **ret_thread, rota_thread_fn fn, void *arg, const struct rota_options *options)
{
	ROTA_INSIDE();
	struct rota_thread *t = rota__alloc_zero(sizeof *t);
	int rc;

	if (t == NULL)
		return -ENOMEM;
	rc = init(t);
	if (rc < 0) {
		rota__free(t);
		return rc;
	}
	t->fn = fn;
	t->arg = arg;
	if (options != NULL)
		t->options = *options;
	t->options.keep_signals = true;
	rc = -pthread_create(&t->thread, NULL, thread_main, t);
	if (rc < 0) {
		fini(t);
		return rc;
	}
	*ret_thread = t;
	return 0;
}

struct rota_port *rota_thread_port(struct rota_thread *t)
{
	return &t->ours;
}

int rota_thread_join(struct rota_thread *t, int *ret_result)
{
	ROTA_INSIDE();
	int rc = rota_event_wait(&t->over);

	if (rc == 0 && ret_result != NULL)
		*ret_result = t->result;
	return rc;
}

void rota_thread_stop(struct rota_thread *t)
{
	ROTA_INSIDE();

	pthread_mutex_lock(&t->lock);
	if (!t->stopped && t->loop != NULL)
		rota_post(t->loop, &t->stop);
	t->stopped = true;
	pthread_mutex_unlock(&t->lock);
}

int rota_thread_free(struct rota_thread *t)
{
	if (t == NULL)
		return 0;
	if (!rota_event_is_set(&t->over))
		return -EBUSY;
	pthread_join(t->thread, NULL); /* it has nothing left to do */
	fini(t);
	return 0;
}
