/* promise_many.c - one promise of several: all, allSettled, race, any
 *
 * One allocation: the promise, a reaction for each element, and room for what the elements became.  An element waits for its
 * promise with a reference to the combination, and no reference the other way until it has settled: so what
 * can never settle is given back. */
#include <string.h>

#include "loop/promise.h"
#include "os/mem.h"

enum kind { ALL, ALL_SETTLED, RACE, ANY };

struct combination {
	struct rota_promise promise;
	enum kind kind;
	size_t left;
	struct rota_promise_list list;
	struct rota_settled *of;
	struct rota__reaction elements[];
};

static struct combination *combination_of(struct rota_promise *p)
{
	return container_of(p, struct combination, promise);
}

static void give_elements_back(struct combination *c)
{
	for (size_t i = 0; i < c->list.count; i++) {
		rota_promise_unref(c->of[i].promise);
		c->of[i].promise = NULL;
	}
}

/* The list is the combination's value, and goes with it. */
static void destroy_list(void *value)
{
	give_elements_back(container_of((struct rota_promise_list *)value, struct combination, list));
}

static void settle_with_list(struct combination *c, int error)
{
	struct rota_result result = rota_result_error_value(error, &c->list, destroy_list);

	rota__promise_resolve(&c->promise, &result, NULL);
}

/* The answer is one element's: the others are not needed. */
static void settle_with(struct combination *c, struct rota_promise *source)
{
	rota__promise_pass(&c->promise, source);
	give_elements_back(c);
}

static void note(struct combination *c, size_t i, struct rota_promise *source)
{
	c->of[i] = (struct rota_settled){ source->error, rota_promise_value(source), rota_promise_ref(source) };
	if (--c->left == 0)
		settle_with_list(c, c->kind == ANY ? c->of[0].error : 0);
}

static void element_settled(void *arg)
{
	struct rota__reaction *r = arg;
	struct rota_promise *source = r->source;
	struct combination *c = combination_of(r->target);
	bool rejected = source->state == ROTA_REJECTED;

	if (c->promise.state == ROTA_PENDING) {
		if (c->kind == RACE || (c->kind == ALL && rejected) || (c->kind == ANY && !rejected))
			settle_with(c, source);
		else
			note(c, (size_t)(r - c->elements), source);
	}
	rota_promise_unref(source);
	rota_promise_unref(&c->promise);
}

static struct combination *make(struct rota_loop *loop, enum kind kind, size_t count, const char *site)
{
	size_t bytes = sizeof(struct combination);
	struct combination *c;

	if (count > UINT32_MAX / 4)
		return NULL;
	bytes += count * (sizeof(struct rota__reaction) + sizeof(struct rota_settled));
	c = rota__alloc_zero(bytes);
	if (c == NULL || rota__promise_init(&c->promise, loop, site) == NULL)
		return NULL;
	if (rota__promise_slots(loop, count) < 0) {
		rota_promise_unref(&c->promise);
		return NULL;
	}
	c->promise.decided = true;
	c->promise.value = &c->list; /* which is given back even if it never settles */
	c->promise.destroy = destroy_list;
	c->kind = kind;
	c->left = count;
	c->of = (struct rota_settled *)&c->elements[count];
	c->list = (struct rota_promise_list){ count, c->of };
	return c;
}

static struct rota_promise *combine(struct rota_loop *loop, enum kind kind, struct rota_promise *const *promises,
	size_t count, const char *site)
{
	struct combination *c = NULL;
	size_t there = 0;

	loop = rota__promise_loop(loop, "rota_promise_all, race or any");
	while (there < count && promises[there] != NULL)
		there++;
	if (there == count)
		c = make(loop, kind, count, site);
	for (size_t i = 0; i < count; i++) {
		if (c != NULL) {
			c->elements[i].run = element_settled;
			c->elements[i].target = rota_promise_ref(&c->promise);
			rota__promise_react(promises[i], &c->elements[i]);
		} else if (promises[i] != NULL) {
			rota__promise_handled(promises[i]); /* by who reads that there is no memory */
		}
		rota_promise_unref(promises[i]);
	}
	if (c == NULL)
		return NULL;
	if (count == 0 && kind != RACE)
		settle_with_list(c, kind == ANY ? -EINVAL : 0);
	return &c->promise;
}

struct rota_promise *rota_promise_all_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site)
{
	ROTA_INSIDE();

	return combine(loop, ALL, promises, count, site);
}

struct rota_promise *rota_promise_all_settled_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site)
{
	ROTA_INSIDE();

	return combine(loop, ALL_SETTLED, promises, count, site);
}

struct rota_promise *rota_promise_race_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site)
{
	ROTA_INSIDE();

	return combine(loop, RACE, promises, count, site);
}

struct rota_promise *rota_promise_any_at(
	struct rota_loop *loop, struct rota_promise *const *promises, size_t count, const char *site)
{
	ROTA_INSIDE();

	return combine(loop, ANY, promises, count, site);
}
