/* thread.c - a run on a thread of its own, and messages to and from it
 *
 * The handle owns everything: two channels with a port at each end (port.h), and the word that it is over.  Who frees it waits for
 * the thread's last instructions. */
#include <pthread.h>
#include <string.h>

#include <rota/sync.h>

#include "io/request.h"
#include "net/port.h"
#include "os/mem.h"

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
	bool ended;		  /* nothing of the run is left */
	struct joiner *joiners;	  /* requests that wait for that */
	unsigned joins;		  /* requests that have not been told */
};

/* In a request. */
struct joiner {
	struct rota_post post;
	struct joiner *next;
	struct rota_thread *thread;
	int *ret_result;
};

static struct joiner *joiner_of(struct rota_request *request)
{
	return (struct joiner *)(void *)request->inside;
}

static struct rota_request *request_of(struct joiner *j)
{
	return container_of((uint64_t (*)[54])(void *)j, struct rota_request, inside);
}

/* ---- the thread's side ---- */

/* On its loop.  The run may be past its scope already; where it steals work, the scope's task may be on another thread. */
static void stop_here(struct rota_post *post)
{
	struct rota_thread *t = (struct rota_thread *)((char *)post - offsetof(struct rota_thread, stop));

	pthread_mutex_lock(&t->lock);
	if (t->scope != NULL)
		rota_scope_cancel(t->scope);
	pthread_mutex_unlock(&t->lock);
}

/* From now on a stop finds the loop. */
static void begin(struct rota_thread *t, struct rota_scope *scope)
{
	ROTA_INSIDE();

	pthread_mutex_lock(&t->lock);
	t->scope = scope;
	t->loop = rota_loop_current();
	if (t->stopped)
		rota_scope_cancel(scope);
	pthread_mutex_unlock(&t->lock);
}

/* And not any more; one that is posted already comes too late. */
static void end(struct rota_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->loop = NULL;
	t->scope = NULL;
	pthread_mutex_unlock(&t->lock);
}

static int first_task(void *arg)
{
	struct rota_thread *t = arg;
	struct rota_scope scope;
	int result;

	rota_scope_open(&scope);
	begin(t, &scope);
	result = t->fn(&t->its, t->arg);
	end(t);
	rota_scope_join(&scope);
	return result;
}

/* Who waits for the end is told last, and when the thread can be freed. */
static void tell_the_end(struct rota_thread *t)
{
	struct joiner *j, *next;

	rota_port_close(&t->its);
	pthread_mutex_lock(&t->lock);
	t->ended = true;
	j = t->joiners;
	t->joiners = NULL;
	pthread_mutex_unlock(&t->lock);
	for (; j != NULL; j = next) {
		next = j->next;
		rota_post(request_of(j)->loop, &j->post);
	}
	rota_event_set(&t->over);
}

static void *thread_main(void *arg)
{
	struct rota_thread *t = arg;

	pthread_setname_np(pthread_self(), "rota-thread");
	t->result = rota_run(first_task, t, &t->options);
	rota__port_abandon(&t->its);
	tell_the_end(t);
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
	rota__port_init(&t->ours, &t->to_us, &t->to_thread, &t->its);
	rota__port_init(&t->its, &t->to_thread, &t->to_us, &t->ours);
	t->stop.fn = stop_here;
	pthread_mutex_init(&t->lock, NULL);
	return 0;
}

static void fini(struct rota_thread *t)
{
	empty(&t->to_thread);
	empty(&t->to_us);
	rota__port_fini(&t->ours);
	rota__port_fini(&t->its);
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

int rota_thread_join_until(struct rota_thread *t, int *ret_result, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	int rc = rota_event_wait_until(&t->over, deadline_ns);

	if (rc == 0 && ret_result != NULL)
		*ret_result = t->result;
	return rc;
}

int rota_thread_join(struct rota_thread *t, int *ret_result)
{
	return rota_thread_join_until(t, ret_result, ROTA_FOREVER);
}

static void joined(struct rota_post *post)
{
	struct joiner *j = container_of(post, struct joiner, post);
	struct rota_thread *t = j->thread;

	if (j->ret_result != NULL)
		*j->ret_result = t->result;
	pthread_mutex_lock(&t->lock);
	t->joins--;
	pthread_mutex_unlock(&t->lock);
	rota__request_tell(request_of(j), 0);
}

/* Too late if it is on its way. */
static void cancel_join(struct rota_request *request)
{
	struct joiner *j = joiner_of(request), **at;
	struct rota_thread *t = j->thread;
	bool ours;

	pthread_mutex_lock(&t->lock);
	for (at = &t->joiners; *at != NULL && *at != j; at = &(*at)->next)
		;
	ours = *at != NULL;
	if (ours) {
		*at = j->next;
		t->joins--;
	}
	pthread_mutex_unlock(&t->lock);
	if (ours)
		rota__request_tell_later(request, -ECANCELED);
}

int rota_request_thread_join_at(struct rota_loop *loop, struct rota_request *request, struct rota_thread *t,
	int *ret_result, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();
	struct joiner *j = joiner_of(request);
	bool ended;

	loop = rota__request_begin(loop, request, cancel_join, fn, site);
	if (loop == NULL)
		return -EPERM;
	*j = (struct joiner){ .post = { .fn = joined }, .thread = t, .ret_result = ret_result };
	pthread_mutex_lock(&t->lock);
	t->joins++;
	ended = t->ended;
	if (!ended) {
		j->next = t->joiners;
		t->joiners = j;
	}
	pthread_mutex_unlock(&t->lock);
	if (ended)
		rota_post(loop, &j->post);
	return 0;
}

void rota_thread_stop(struct rota_thread *t)
{
	ROTA_INSIDE();

	pthread_mutex_lock(&t->lock);
	if (!t->stopped && t->loop != NULL)
		rota_post(t->loop, &t->stop);
	t->stopped = true;
	pthread_mutex_unlock(&t->lock);
	rota__port_stop(&t->its);
}

int rota_thread_free(struct rota_thread *t)
{
	bool busy;

	if (t == NULL)
		return 0;
	pthread_mutex_lock(&t->lock);
	busy = !t->ended || t->joins > 0;
	pthread_mutex_unlock(&t->lock);
	if (busy || rota__port_is_watched(&t->ours))
		return -EBUSY;
	pthread_join(t->thread, NULL); /* it has hardly anything left to do */
	fini(t);
	return 0;
}
