/* overrun.c - callbacks that take long: a hook, and the longest of them
 *
 * A callback's time is from the return of the one before it to its own: so there is one look at the clock for each.  What the
 * loop does between that is not a callback's (a poll, tasks) begins the time anew.
 *
 * What is kept is written by the loop's thread alone, which therefore looks for a place without the lock; it takes the lock to
 * write, which happens ever more rarely, because a length has to exceed what is kept. */
#include <pthread.h>
#include <rota/measure.h>
#include <string.h>

#include "base/atomic.h"
#include "loop/loop.h"
#include "os/mem.h"

struct rota__overruns {
	uint64_t begin_ns;	  /* of the callback that is running, or comes next */
	struct rota__origin origin; /* of the one that is running, from who knows best; kind NULL: nobody has said */
	void (*hook)(struct rota_loop *loop, const struct rota_long_callback *callback, void *arg);
	void *hook_arg;
	uint64_t limit_ns;
	pthread_mutex_t lock; /* of what follows */
	unsigned keep, count;
	struct rota_long_callback longest[ROTA_LONGEST_MAX]; /* in no order */
};

void rota__overrun_begin(struct rota_loop *loop)
{
	loop->overruns->begin_ns = rota_now_ns();
}

void rota__overrun_origin(struct rota_loop *loop, struct rota__origin origin)
{
	loop->overruns->origin = origin;
}

/* ---- the longest ---- */

static bool same_place(const struct rota_long_callback *a, const struct rota_long_callback *b)
{
	return a->site == b->site && a->fn == b->fn && a->kind == b->kind;
}

/* Where this one belongs: instead of its place's, in a free one, or instead of the shortest.  NULL: it is too short. */
static struct rota_long_callback *slot_for(struct rota__overruns *o, const struct rota_long_callback *c)
{
	struct rota_long_callback *shortest = NULL;

	for (unsigned i = 0; i < o->count; i++) {
		struct rota_long_callback *at = &o->longest[i];

		if (same_place(at, c))
			return c->length_ns > at->length_ns ? at : NULL;
		if (shortest == NULL || at->length_ns < shortest->length_ns)
			shortest = at;
	}
	if (o->count < o->keep)
		return &o->longest[o->count];
	return shortest != NULL && c->length_ns > shortest->length_ns ? shortest : NULL;
}

static void keep(struct rota__overruns *o, const struct rota_long_callback *c)
{
	struct rota_long_callback *slot = slot_for(o, c);

	if (slot == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	*slot = *c;
	o->count += slot == &o->longest[o->count];
	pthread_mutex_unlock(&o->lock);
}

/* ---- after each callback ---- */

void rota__overrun_look(struct rota_loop *loop, struct rota__origin origin)
{
	struct rota__overruns *o = loop->overruns;
	uint64_t now_ns = rota_now_ns();
	struct rota_long_callback c = { .length_ns = now_ns - o->begin_ns, .end_ns = now_ns };

	if (o->origin.kind != NULL)
		origin = o->origin;
	o->origin = (struct rota__origin){ 0 };
	c.kind = origin.kind;
	c.site = origin.site;
	c.fn = origin.fn;
	if (o->keep > 0)
		keep(o, &c);
	if (o->hook != NULL && c.length_ns >= o->limit_ns) {
		o->hook(loop, &c, o->hook_arg);
		now_ns = rota_now_ns();
	}
	o->begin_ns = now_ns;
}

/* ---- on and off ---- */

static struct rota__overruns *make(struct rota_loop *loop)
{
	struct rota__overruns *o = rota__alloc_zero(sizeof *o);

	if (o == NULL)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	o->begin_ns = rota_now_ns();
	store_release(&loop->overruns, o); /* pairs with the acquire in rota_loop_longest() */
	return o;
}

static void settle(struct rota_loop *loop)
{
	struct rota__overruns *o = loop->overruns;
	bool timed = o->hook != NULL || o->keep > 0;

	if (timed && !loop->timed)
		o->begin_ns = rota_now_ns(); /* of the callback that is running we see the rest */
	if (!timed)
		o->origin = (struct rota__origin){ 0 };
	loop->timed = timed;
}

int rota_loop_on_overrun(struct rota_loop *loop, uint64_t limit_ns,
	void (*on_overrun)(struct rota_loop *loop, const struct rota_long_callback *callback, void *arg), void *arg)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	if (loop->overruns == NULL && make(loop) == NULL)
		return -ENOMEM;
	loop->overruns->hook = on_overrun;
	loop->overruns->hook_arg = arg;
	loop->overruns->limit_ns = limit_ns;
	settle(loop);
	return 0;
}

int rota_loop_keep_longest(struct rota_loop *loop, unsigned count)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	if (count > ROTA_LONGEST_MAX)
		return -EINVAL;
	if (loop->overruns == NULL && make(loop) == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&loop->overruns->lock);
	loop->overruns->keep = count;
	loop->overruns->count = 0;
	pthread_mutex_unlock(&loop->overruns->lock);
	settle(loop);
	return 0;
}

static unsigned index_of_longest(const struct rota_long_callback *all, unsigned count)
{
	unsigned found = 0;

	for (unsigned i = 1; i < count; i++)
		if (all[i].length_ns > all[found].length_ns)
			found = i;
	return found;
}

int rota_loop_longest(const struct rota_loop *loop, struct rota_long_callback *ret, unsigned count)
{
	struct rota__overruns *o = load_acquire(&loop->overruns);
	struct rota_long_callback all[ROTA_LONGEST_MAX];
	unsigned have, keeps;

	if (o == NULL)
		return -ENODATA;
	pthread_mutex_lock(&o->lock);
	keeps = o->keep;
	have = o->count;
	memcpy(all, o->longest, have * sizeof *all);
	pthread_mutex_unlock(&o->lock);
	if (keeps == 0)
		return -ENODATA;
	count = count < have ? count : have;
	for (unsigned i = 0; i < count; i++) {
		unsigned at = index_of_longest(all, have);

		ret[i] = all[at];
		all[at] = all[--have];
	}
	return (int)count;
}

/* ---- with the loop ---- */

/* A reader of the parent's may have held the lock. */
void rota__overruns_forked(struct rota_loop *loop)
{
	if (loop->overruns != NULL)
		pthread_mutex_init(&loop->overruns->lock, NULL);
}

void rota__overruns_fini(struct rota_loop *loop)
{
	if (loop->overruns != NULL)
		pthread_mutex_destroy(&loop->overruns->lock);
	rota__free(loop->overruns);
}
