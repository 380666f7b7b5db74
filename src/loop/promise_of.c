/* promise_of.c - promises of other things: of another thread's word, of a time, of a function on the blocking pool */
#include "loop/alive.h"
#include "loop/promise.h"
#include "os/mem.h"
#include "work/work.h"

/* ---- what others are to settle ---- */

void rota__promise_goes_outside(struct rota__outside *o, struct rota_promise *promise, const char *kind)
{
	o->promise = rota_promise_ref(promise);
	o->kind = kind;
	list_append(&promise->loop->promises.outside, &o->link);
	promise->loop->alive++;
}

void rota__promise_is_back(struct rota__outside *o)
{
	list_remove(&o->link);
	o->promise->loop->alive--;
}

void rota__loop_list_promises(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	struct list *it;

	list_each(it, &loop->promises.outside)
	{
		const struct rota__outside *o = container_of(it, struct rota__outside, link);
		struct rota_alive what = rota__alive(o->kind, o->promise->site, true);

		what.name = o->promise->name;
		fn(&what, arg);
	}
}

/* ---- other threads ---- */

struct rota_promise_sender {
	struct rota_post post;
	struct rota__outside outside;
	struct rota_result result;
};

static void deliver(struct rota_post *post)
{
	struct rota_promise_sender *s = container_of(post, struct rota_promise_sender, post);
	struct rota_promise *p = s->outside.promise;

	rota__promise_is_back(&s->outside);
	rota_promise_settle(p, s->result);
	rota__free(s);
	rota_promise_unref(p);
}

int rota_promise_sender_new(struct rota_promise_sender **ret_sender, struct rota_promise *promise)
{
	ROTA_INSIDE();
	struct rota_promise_sender *s;

	if (promise == NULL)
		return -ENOMEM;
	if (rota__loop_mine(promise->loop) == NULL)
		return -EPERM;
	s = rota__alloc(sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct rota_promise_sender){ .post.fn = deliver };
	rota__promise_goes_outside(&s->outside, promise, "promise sender");
	*ret_sender = s;
	return 0;
}

void rota_promise_send(struct rota_promise_sender *sender, struct rota_result result)
{
	ROTA_INSIDE();

	sender->result = result;
	rota_post(sender->outside.promise->loop, &sender->post);
}

/* ---- times ---- */

struct sleeper {
	struct rota_promise promise;
	struct rota_timer timer;
};

static void sleep_over(struct rota_timer *timer)
{
	struct sleeper *s = container_of(timer, struct sleeper, timer);

	rota_promise_settle(&s->promise, rota_result_value(NULL, NULL));
	rota_promise_unref(&s->promise);
}

static void wake_early(struct rota_promise *p)
{
	struct sleeper *s = container_of(p, struct sleeper, promise);

	rota_timer_stop(&s->timer);
	rota_promise_settle(p, rota_result_error(-ECANCELED));
	rota_promise_unref(p);
}

struct rota_promise *rota_promise_sleep_at(struct rota_loop *loop, uint64_t length_ns, const char *site)
{
	ROTA_INSIDE();
	struct sleeper *s = rota__alloc(sizeof *s);

	loop = rota__promise_loop(loop, "rota_promise_sleep");
	if (s == NULL || rota__promise_init(&s->promise, loop, site) == NULL)
		return NULL;
	s->timer = (struct rota_timer){ .fn = sleep_over };
	s->promise.cancel = wake_early;
	s->promise.can_cancel = true;
	rota_timer_start_at(loop, &s->timer, rota_deadline(length_ns), site);
	return rota_promise_ref(&s->promise);
}

void rota__promise_of_timer(const struct rota_timer *timer, struct rota_alive *what)
{
	if (timer->fn != sleep_over)
		return;
	what->kind = "promise sleep";
	what->name = container_of(timer, struct sleeper, timer)->promise.name;
	what->fn = NULL;
}

/* ---- functions that block ---- */

struct blocking {
	struct rota_promise promise;
	struct rota__outside outside;
	struct rota__job job;
	struct rota_post post;
	rota_result_fn fn;
	void *arg;
	struct rota_result result;
};

static void run(struct rota__job *job)
{
	struct blocking *b = container_of(job, struct blocking, job);

	b->result = b->fn(b->arg);
	if (b->result.promise != NULL || b->result.then != NULL || b->result.pass)
		b->result = rota_result_error(-EINVAL);
}

static void ran(struct rota__job *job)
{
	struct blocking *b = container_of(job, struct blocking, job);

	rota_post(b->promise.loop, &b->post);
}

static void over(struct blocking *b, struct rota_result result)
{
	rota__promise_is_back(&b->outside);
	rota_promise_settle(&b->promise, result);
	rota_promise_unref(&b->promise);
}

static void tell(struct rota_post *post)
{
	struct blocking *b = container_of(post, struct blocking, post);

	over(b, b->result);
}

static void call_off(struct rota_promise *p)
{
	struct blocking *b = container_of(p, struct blocking, promise);

	if (rota__work_cancel(&b->job))
		over(b, rota_result_error(-ECANCELED));
}

struct rota_promise *rota_promise_blocking_at(
	struct rota_loop *loop, rota_result_fn fn, void *arg, const char *site)
{
	ROTA_INSIDE();
	struct blocking *b = rota__alloc(sizeof *b);
	int rc;

	loop = rota__promise_loop(loop, "rota_promise_blocking");
	if (b == NULL || rota__promise_init(&b->promise, loop, site) == NULL)
		return NULL;
	b->job = (struct rota__job){ .run = run, .done = ran, .lane = WORK_USER, .site = site };
	b->post = (struct rota_post){ .fn = tell };
	b->fn = fn;
	b->arg = arg;
	b->promise.cancel = call_off;
	b->promise.can_cancel = true;
	rota__promise_goes_outside(&b->outside, &b->promise, "promise blocking");
	rc = rota__work_submit(&b->job);
	if (rc < 0)
		over(b, rota_result_error(rc));
	return &b->promise;
}
