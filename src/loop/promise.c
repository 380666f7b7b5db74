/* promise.c - promises: settled once, and their handlers called as microtasks in JavaScript's order
 *
 * The steps of the language's text that other code can tell apart by counting microtasks:
 *
 *   then      settled -> job: handler, and the new promise settles in it
 *   follow    decided for a promise -> job: react to it; settled -> job: settle      (two jobs even for a settled one)
 *   finally   settled -> job: function; its promise settled -> job -> job: settle.   (without a promise: as for a settled one)
 *
 * After its function, finally() has three jobs in the text, of which the first two stand side by side in the queue and
 * are one here. */
#include "loop/promise.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitizers.h"
#include "os/mem.h"

/* ---- memory ---- */

struct rota_loop *rota__promise_loop(struct rota_loop *loop, const char *call)
{
	struct rota_loop *mine = rota__loop_mine(loop);

	if (mine != NULL)
		return mine;
	fprintf(stderr, "rota: %s: %s\n", call,
		loop != NULL ? "the promise's loop belongs to another thread" : "no loop runs on this thread");
	abort();
}

int rota__promise_slots(struct rota_loop *loop, size_t count)
{
	return count <= UINT32_MAX / 4 ? rota__calls_reserve(&loop->microtasks, (uint32_t)count) : -ENOMEM;
}

static inline void begin(struct rota_promise *p, struct rota_loop *loop, const char *site)
{
	/* Field by field, because compilers make of a memset() of this size an instruction that is slow to start.  What is missing
	 * here is written by who uses it. */
	p->loop = loop;
	p->refs = 1;
	p->error = 0;
	p->state = ROTA_PENDING;
	p->decided = p->handled = p->reported = p->plain = p->can_cancel = false;
	p->value = NULL;
	p->destroy = NULL;
	p->owner = p->inner = NULL;
	p->name = NULL;
	p->site = site;
	list_init(&p->reactions);
	p->reaction.source = NULL;
	p->reaction.target = p;
	loop->promises.count++;
}

struct rota_promise *rota__promise_init(struct rota_promise *p, struct rota_loop *loop, const char *site)
{
	if (p == NULL)
		return NULL;
	if (rota__promise_slots(loop, 1) < 0) {
		rota__free(p);
		return NULL;
	}
	begin(p, loop, site);
	return p;
}

/* Most programs make promises as fast as they give them back. */
static inline struct rota_promise *spare_or_new(struct rota_loop *loop)
{
	struct rota__promises *all = &loop->promises;
	struct rota_promise *p = all->spare;

	if (p == NULL)
		return rota__alloc(sizeof *p);
	all->spare = p->next;
	all->spare_room++;
	return p;
}

static inline void free_memory(struct rota_promise *p)
{
	struct rota__promises *all = &p->loop->promises;

	if (!p->plain || all->spare_room == 0) {
		rota__free(p);
		return;
	}
	p->next = all->spare;
	all->spare = p;
	all->spare_room--;
}

/* Pending, with a slot. */
static inline struct rota_promise *plain(struct rota_loop *loop, const char *site)
{
	struct rota_promise *p;

	if (rota__calls_reserve(&loop->microtasks, 1) < 0)
		return NULL;
	p = spare_or_new(loop);
	if (p == NULL) {
		loop->microtasks.reserved--;
		return NULL;
	}
	begin(p, loop, site);
	p->plain = true;
	return p;
}

struct rota_promise *rota__promise_plain(struct rota_loop *loop, const char *site)
{
	return plain(loop, site);
}

/* It refers to nothing that would be given back with it. */
static bool stands_alone(const struct rota_promise *p)
{
	return p->inner == NULL && p->owner == NULL && p->destroy == NULL && list_empty(&p->reactions);
}

static void forget(struct rota_promise *p)
{
	if (p->state == ROTA_PENDING)
		p->loop->microtasks.reserved--;
	p->loop->promises.count--;
	free_memory(p);
}

/* It serves the promise that it is a part of. */
static bool is_own(const struct rota__reaction *r)
{
	return r->target != NULL && r == &r->target->reaction;
}

static void give_back_held(struct rota_promise *p)
{
	while (!list_empty(&p->reactions)) { /* of one that nobody can settle any more */
		struct rota__reaction *r = list_first(&p->reactions, struct rota__reaction, link);

		assert(r->target != NULL); /* who waits without one has a reference */
		list_remove(&r->link);
		r->source = NULL;
		if (!is_own(r))
			p->loop->microtasks.reserved--;
		rota__promise_drop(r->target);
	}
	rota__promise_drop(p->inner);
	rota__promise_drop(p->owner);
	if (p->destroy != NULL)
		p->destroy(p->value);
}

/* With what it holds, and that holds.  Not by recursion: a chain may be as long as memory. */
static __attribute__((noinline)) void give_back_chain(struct rota_promise *p)
{
	struct rota_loop *loop = p->loop;
	struct rota__promises *all = &loop->promises;

	rota__promises_add(&all->dying, p);
	if (all->giving_back)
		return;
	all->giving_back = true;
	all->count++; /* the loop stays until we are through */
	while ((p = rota__promises_take(&all->dying)) != NULL) {
		give_back_held(p);
		forget(p);
	}
	all->giving_back = false;
	if (--all->count == 0 && all->loop_is_gone)
		rota__free(loop);
}

void rota__promise_unheld(struct rota_promise *p)
{
	if (stands_alone(p) && !p->loop->promises.loop_is_gone) /* its memory waits for the last promise */
		forget(p);
	else
		give_back_chain(p);
}

struct rota_promise *rota_promise_ref(struct rota_promise *promise)
{
	ROTA_INSIDE();

	return promise != NULL ? rota__promise_hold(promise) : NULL;
}

void rota_promise_unref(struct rota_promise *promise)
{
	ROTA_INSIDE();

	rota__promise_drop(promise);
}

/* ---- references to another loop's ---- */

struct sent_home {
	struct rota_post post;
	struct rota_promise *promise;
};

static void arrived_home(struct rota_post *post)
{
	struct sent_home *s = container_of(post, struct sent_home, post);

	rota__promise_drop(s->promise);
	rota__free(s);
}

/* References are counted on the promise's thread only: elsewhere one is sent there. */
static void drop_anywhere(struct rota_promise *p)
{
	struct sent_home *s;

	if (rota__loop_mine(p->loop) != NULL) {
		rota__promise_drop(p);
		return;
	}
	s = rota__alloc(sizeof *s);
	if (s == NULL)
		return;
	*s = (struct sent_home){ .post.fn = arrived_home, .promise = p };
	rota_post(p->loop, &s->post);
}

/* ---- settling ---- */

static void queue(struct rota__reaction *r, rota_job_fn job)
{
	rota__calls_push_reserved(&r->target->loop->microtasks, job, r);
}

/* What a thenable was to settle has settled. */
static void pass_at_once(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *p = r->target, *source = r->source;

	r->source = NULL;
	rota__promise_pass(p, source);
	rota__promise_drop(source);
	rota__promise_drop(p);
}

/* What it waits for has settled, of which it now has a reference. */
static inline void ready(struct rota__reaction *r, struct rota_promise *source)
{
	r->source = source;
	if (r->target != NULL && r->run != pass_at_once)
		queue(r, r->run);
	else
		r->run(r);
}

static void nothing(void *arg)
{
}

/* Its slot is free now; a rejection that nobody waits for uses it to have the queues run, after which it is reported. */
static inline void leave_slot(struct rota_promise *p, enum rota_promise_state state)
{
	if (state != ROTA_REJECTED || p->handled) {
		p->loop->microtasks.reserved--;
		return;
	}
	rota__promises_add(&p->loop->promises.rejected, rota__promise_hold(p));
	rota__calls_push_reserved(&p->loop->microtasks, nothing, NULL);
}

static inline void settled(struct rota_promise *p, enum rota_promise_state state)
{
	p->state = (uint8_t)state;
	p->decided = true;
	while (!list_empty(&p->reactions)) {
		struct rota__reaction *r = list_first(&p->reactions, struct rota__reaction, link);

		list_remove(&r->link);
		ready(r, rota__promise_hold(p));
	}
	leave_slot(p, state); /* not read again, a stall so soon after it was written */
}

static void reject(struct rota_promise *p, int error)
{
	p->error = error;
	settled(p, ROTA_REJECTED);
}

void rota__promise_pass(struct rota_promise *p, struct rota_promise *source)
{
	p->owner = rota__promise_hold(source->owner != NULL ? source->owner : source);
	p->error = source->error;
	settled(p, (enum rota_promise_state)source->state);
}

/* ---- rings ---- */

static struct rota__reaction *first_that_waits(const struct rota_promise *p)
{
	return list_empty(&p->reactions) ? NULL : list_first(&p->reactions, struct rota__reaction, link);
}

/* All that waits for `top` is a tree, of which this is the next after `r`: what waits for that, or its sibling, or its parent's ... */
static struct rota__reaction *next_that_waits(struct rota__reaction *r, const struct rota_promise *top)
{
	struct rota__reaction *below = is_own(r) ? first_that_waits(r->target) : NULL;

	if (below != NULL)
		return below;
	while (r->link.next == &r->source->reactions) {
		if (r->source == top)
			return NULL;
		r = &r->source->reaction;
	}
	return container_of(r->link.next, struct rota__reaction, link);
}

/* `p`, which is about to wait for `inner`, would wait for itself: `inner` waits for what waits ... for `p`.  Seen from both
 * ends in turn, so that it costs no more than the shorter way, and a chain of n, joined in any order, n log n. */
static bool closes_ring(const struct rota_promise *p, const struct rota_promise *inner)
{
	struct rota__reaction *r = first_that_waits(p);

	for (const struct rota_promise *up = inner; r != NULL && up != NULL; up = up->reaction.source) {
		if (up == p || (is_own(r) && r->target == inner))
			return true;
		r = next_that_waits(r, p);
	}
	return false;
}

/* ---- following another promise ---- */

static void pass_on(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *p = r->target, *source = r->source;

	rota__promise_slot_again(p->loop);
	r->source = NULL;
	rota__promise_pass(p, source);
	rota__promise_drop(source);
	rota__promise_drop(p);
}

static void wait_for_inner(void *arg)
{
	struct rota_promise *p = ((struct rota__reaction *)arg)->target, *inner = p->inner;

	rota__promise_slot_again(p->loop);
	p->inner = NULL;
	if (closes_ring(p, inner)) {
		reject(p, -EDEADLK);
		rota__promise_drop(p);
	} else {
		p->reaction.run = pass_on;
		rota__promise_react(inner, &p->reaction);
	}
	rota__promise_drop(inner); /* who settles it has a reference */
}

static void follow(struct rota_promise *p, struct rota_promise *inner)
{
	if (inner == p) {
		reject(p, -EDEADLK);
		rota__promise_drop(inner); /* it may be the last */
		return;
	}
	if (inner->loop != p->loop) {
		reject(p, -EPERM);
		drop_anywhere(inner);
		return;
	}
	p->inner = inner;
	queue(&rota__promise_hold(p)->reaction, wait_for_inner);
}

static void ask_thenable(void *arg)
{
	struct rota_promise *p = ((struct rota__reaction *)arg)->target;
	struct rota_promise *said = rota__promise_plain(p->loop, p->site);
	void *value = p->arg;
	int rc;

	rota__promise_slot_again(p->loop);
	if (said == NULL) {
		reject(p, -ENOMEM);
		rota__promise_drop(p);
		return;
	}
	p->reaction.run = pass_at_once;
	rota__promise_react(said, &p->reaction);
	rc = p->then(value, said);
	if (rc < 0)
		rota_promise_settle(said, rota_result_error(rc));
	rota__promise_drop(said);
}

void rota__promise_resolve(struct rota_promise *p, const struct rota_result *result, struct rota_promise *source)
{
	p->decided = true;
	if (result->pass && source != NULL) {
		rota__promise_pass(p, source);
	} else if (result->promise != NULL) {
		follow(p, result->promise);
	} else if (result->then != NULL) {
		p->then = result->then;
		p->arg = result->value;
		queue(&rota__promise_hold(p)->reaction, ask_thenable);
	} else {
		p->value = result->value;
		p->destroy = result->destroy;
		p->error = result->error <= 0 ? result->error : -result->error;
		settled(p, result->error != 0 ? ROTA_REJECTED : ROTA_FULFILLED);
	}
}

/* Nobody wants it. */
static void give_back(const struct rota_result *result)
{
	if (result->promise != NULL)
		drop_anywhere(result->promise);
	else if (result->destroy != NULL)
		result->destroy(result->value);
}

int rota_promise_settle(struct rota_promise *promise, struct rota_result result)
{
	ROTA_INSIDE();
	int rc = promise == NULL ? -ENOMEM
		: rota__loop_mine(promise->loop) == NULL ? -EPERM
		: promise->decided ? -EALREADY
				   : 0;

	if (rc < 0)
		give_back(&result);
	else
		rota__promise_resolve(promise, &result, NULL);
	return rc;
}

int rota_promise_cancel(struct rota_promise *promise)
{
	ROTA_INSIDE();
	int rc = promise == NULL ? -ENOMEM
		: rota__loop_mine(promise->loop) == NULL ? -EPERM
		: promise->state != ROTA_PENDING ? -EALREADY
		: !promise->can_cancel ? -EOPNOTSUPP
				       : 0;

	if (rc == 0)
		promise->cancel(promise);
	return rc;
}

struct rota_promise *rota_promise_new_at(struct rota_loop *loop, const char *site)
{
	ROTA_INSIDE();

	return rota__promise_plain(rota__promise_loop(loop, "rota_promise_new"), site);
}

/* From the start: nobody waits, and no slot is needed. */
static inline struct rota_promise *fulfilled_already(
	struct rota_loop *loop, const struct rota_result *result, const char *site)
{
	struct rota_promise *p = spare_or_new(loop);

	if (p == NULL)
		return NULL;
	begin(p, loop, site);
	p->plain = p->decided = true;
	p->state = ROTA_FULFILLED;
	p->value = result->value;
	p->destroy = result->destroy;
	return p;
}

struct rota_promise *rota_promise_of_at(struct rota_loop *loop, struct rota_result result, const char *site)
{
	ROTA_INSIDE();
	struct rota_promise *p;

	loop = rota__promise_loop(loop, "rota_promise_of");
	if (result.error == 0 && result.promise == NULL && result.then == NULL)
		p = fulfilled_already(loop, &result, site);
	else if ((p = plain(loop, site)) != NULL)
		rota__promise_resolve(p, &result, NULL);
	if (p == NULL)
		give_back(&result);
	return p;
}

/* ---- reacting ---- */

void rota__promise_reported_is_handled(struct rota_promise *p)
{
	rota__promises_add(&p->loop->promises.late, rota__promise_hold(p));
}

void rota__promise_react(struct rota_promise *p, struct rota__reaction *r)
{
	rota__promise_handled(p);
	if (p->state == ROTA_PENDING) {
		r->source = p;
		list_append(&p->reactions, &r->link);
	} else {
		ready(r, rota__promise_hold(p));
	}
}

/* The same for a promise's own reaction, and takes the reference to `of`, as it is good for. */
static inline void react_and_take(struct rota_promise *of, struct rota__reaction *own)
{
	rota__promise_handled(of);
	own->source = of;
	if (of->state == ROTA_PENDING) {
		list_append(&of->reactions, &own->link);
		rota__promise_drop(of);
	} else {
		queue(own, own->run);
	}
}

static inline void *value_of(const struct rota_promise *settled)
{
	return settled->owner != NULL ? settled->owner->value : settled->value;
}

static void call_handler(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *p = r->target, *source = r->source;
	rota_then_fn fn = source->state == ROTA_FULFILLED ? p->fulfilled : p->rejected;

	rota__promise_slot_again(p->loop);
	r->source = NULL;
	if (fn == NULL) {
		rota__promise_pass(p, source);
	} else {
		struct rota_settled it = { source->error, value_of(source), source };
		struct rota_result result = fn(&it, p->arg);

		rota__promise_resolve(p, &result, source);
	}
	rota__promise_drop(source);
	rota__promise_drop(p);
}

/* p->inner is what it becomes, and the second job of finally() is behind us. */
static void pass_inner(void *arg)
{
	struct rota_promise *p = ((struct rota__reaction *)arg)->target, *inner = p->inner;

	rota__promise_slot_again(p->loop);
	p->inner = NULL;
	rota__promise_pass(p, inner);
	rota__promise_drop(inner);
	rota__promise_drop(p);
}

/* The promise that the function of finally() answered has settled, or there is none. */
static void finally_waited(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *p = r->target, *waited = r->source;

	rota__promise_slot_again(p->loop);
	r->source = NULL;
	if (waited != NULL && waited->state == ROTA_REJECTED) {
		struct rota_promise *original = p->inner;

		p->inner = rota__promise_hold(waited);
		rota__promise_drop(original);
	}
	rota__promise_drop(waited);
	queue(r, pass_inner);
}

static void finally_answered(struct rota_promise *p, struct rota_result *result)
{
	if (result->then != NULL)
		*result = rota_result_error(-EINVAL);
	if (result->promise != NULL && result->promise->loop != p->loop) {
		drop_anywhere(result->promise);
		*result = rota_result_error(-EPERM);
	}
	if (result->promise != NULL && (result->promise == p || closes_ring(p, result->promise))) {
		rota__promise_drop(result->promise);
		*result = rota_result_error(-EDEADLK);
	}
	if (result->error != 0) {
		rota__promise_resolve(p, result, NULL);
		rota__promise_drop(p);
		return;
	}
	p->reaction.run = finally_waited;
	if (result->promise != NULL)
		rota__promise_react(result->promise, &p->reaction);
	else
		queue(&p->reaction, finally_waited);
	give_back(result);
}

static void call_finally(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *p = r->target;
	struct rota_settled it = { r->source->error, value_of(r->source), r->source };
	struct rota_result result;

	rota__promise_slot_again(p->loop);
	p->inner = r->source;
	r->source = NULL;
	result = p->fulfilled(&it, p->arg);
	finally_answered(p, &result);
}

struct rota__origin rota__promise_origin(const struct rota__call *call)
{
	struct rota__origin origin = { .kind = "microtask" };
	const struct rota__reaction *r = call->arg;
	rota_then_fn fn = NULL;

	if (call->fn == call_handler)
		fn = r->source->state == ROTA_FULFILLED ? r->target->fulfilled : r->target->rejected;
	else if (call->fn == call_finally)
		fn = r->target->fulfilled;
	if (fn != NULL)
		origin = (struct rota__origin){ "promise", r->target->site, (void (*)(void))fn };
	return origin;
}

/* With a reference for the caller and one for the reaction, which is still to be begun; or `of` is given back. */
static inline struct rota_promise *derive(struct rota_promise *of, rota_job_fn run, const char *call, const char *site)
{
	struct rota_promise *p;

	if (of == NULL)
		return NULL;
	rota__promise_loop(of->loop, call);
	p = plain(of->loop, site);
	if (p == NULL) {
		rota__promise_handled(of); /* by who reads that there is no memory */
		rota__promise_drop(of);
		return NULL;
	}
	p->refs = 2;
	p->decided = true;
	p->reaction.run = run;
	return p;
}

struct rota_promise *rota_promise_then_at(
	struct rota_promise *promise, rota_then_fn fulfilled, rota_then_fn rejected, void *arg, const char *site)
{
	ROTA_INSIDE();
	struct rota_promise *p = derive(promise, call_handler, "rota_promise_then", site);

	if (p != NULL) {
		p->fulfilled = fulfilled;
		p->rejected = rejected;
		p->arg = arg;
		react_and_take(promise, &p->reaction);
	}
	return p;
}

struct rota_promise *rota_promise_finally_at(
	struct rota_promise *promise, rota_then_fn settled_fn, void *arg, const char *site)
{
	ROTA_INSIDE();
	struct rota_promise *p;

	if (settled_fn == NULL)
		return rota_promise_then_at(promise, NULL, NULL, arg, site);
	p = derive(promise, call_finally, "rota_promise_finally", site);
	if (p != NULL) {
		p->fulfilled = settled_fn;
		p->arg = arg;
		react_and_take(promise, &p->reaction);
	}
	return p;
}

/* ---- looking ---- */

enum rota_promise_state rota_promise_state(const struct rota_promise *promise)
{
	ROTA_INSIDE();

	return promise != NULL ? (enum rota_promise_state)promise->state : ROTA_REJECTED;
}

int rota_promise_error(const struct rota_promise *promise)
{
	ROTA_INSIDE();

	return promise == NULL ? -ENOMEM : promise->state == ROTA_REJECTED ? promise->error : 0;
}

void *rota_promise_value(const struct rota_promise *promise)
{
	ROTA_INSIDE();

	if (promise == NULL || promise->state == ROTA_PENDING)
		return NULL;
	return value_of(promise);
}

void *rota_promise_take(struct rota_promise *promise)
{
	ROTA_INSIDE();
	void *value = rota_promise_value(promise);

	if (value != NULL) {
		struct rota_promise *owner = promise->owner != NULL ? promise->owner : promise;

		owner->value = NULL;
		owner->destroy = NULL;
	}
	return value;
}

void rota_promise_set_name(struct rota_promise *promise, const char *name)
{
	if (promise != NULL)
		promise->name = name;
}

const char *rota_promise_name(const struct rota_promise *promise)
{
	return promise != NULL ? promise->name : NULL;
}

const char *rota_promise_site(const struct rota_promise *promise)
{
	return promise != NULL && promise->site != NULL ? promise->site : "unknown place";
}
