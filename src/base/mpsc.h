/* mpsc.h - from many threads to one: a queue of nodes without locks, and the consumer's sleep
 *
 * Producers push onto a stack with one compare-and-swap; the consumer takes the whole stack with one
 * exchange and turns it around.  The same word says whether the consumer sleeps, so that there is no
 * pair of variables to be looked at in the right order:
 *
 *   EMPTY --push--> a chain --push--> a longer chain --take_all--> EMPTY
 *     |  ^
 *     |  +--mpsc_awake()-- ASLEEP --push: "wake it!"--> a chain
 *     +--mpsc_sleep()------^
 *
 * Who would rather do something else than wake a sleeper uses mpsc_push_awake(), which then does nothing.
 *
 * A producer touches the queue after its push only if it has to wake the consumer, and is counted in
 * `wakers` while it does: so the consumer can know when its queue may go away (mpsc_quiet()).
 *
 * Nodes of one producer keep their order.  No memory is held, nothing can fail, and there is no ABA: the
 * only removal takes everything. */
#ifndef ROTA_BASE_MPSC_H
#define ROTA_BASE_MPSC_H

#include <stdint.h>

#include "base/atomic.h"
#include "base/node.h"

struct rota__mpsc {
	struct rota__node *newest; /* NULL: empty; MPSC_ASLEEP; or the chain */
	uint32_t wakers;
};

#define MPSC_ASLEEP ((struct rota__node *)1)

static inline void mpsc_init(struct rota__mpsc *q)
{
	q->newest = NULL;
	q->wakers = 0;
}

/* Any thread.  True: the consumer sleeps; the caller wakes it and then calls mpsc_woken(). */
static inline bool mpsc_push(struct rota__mpsc *q, struct rota__node *node)
{
	struct rota__node *newest = load_relaxed(&q->newest);

	for (;;) {
		if (newest != MPSC_ASLEEP) {
			node->next = newest;
			if (cas_weak_release(&q->newest, &newest, node)) /* pairs with mpsc_take_all() */
				return false;
			continue;
		}
		/* Counted before the consumer can see the node, and go away because of it. */
		add_acq_rel(&q->wakers, 1);
		node->next = NULL;
		if (cas_acq_rel(&q->newest, &newest, node))
			return true;
		add_acq_rel(&q->wakers, -1);
	}
}

/* Any thread.  False: the consumer sleeps, and nothing was pushed. */
static inline bool mpsc_push_awake(struct rota__mpsc *q, struct rota__node *node)
{
	struct rota__node *newest = load_relaxed(&q->newest);

	do {
		if (newest == MPSC_ASLEEP)
			return false;
		node->next = newest;
	} while (!cas_weak_release(&q->newest, &newest, node)); /* pairs with mpsc_take_all() */
	return true;
}

/* The consumer was woken by this producer. */
static inline void mpsc_woken(struct rota__mpsc *q)
{
	add_acq_rel(&q->wakers, -1); /* pairs with the acquire in mpsc_quiet() */
}

/* The consumer, awake or not: nothing to take? */
static inline bool mpsc_empty(const struct rota__mpsc *q)
{
	return (uintptr_t)load_relaxed(&q->newest) <= (uintptr_t)MPSC_ASLEEP;
}

/* The consumer is about to sleep.  False: it must not, there is something to take. */
static inline bool mpsc_sleep(struct rota__mpsc *q)
{
	struct rota__node *empty = NULL;

	return cas_acq_rel(&q->newest, &empty, MPSC_ASLEEP);
}

/* The consumer sleeps no more, whatever woke it. */
static inline void mpsc_awake(struct rota__mpsc *q)
{
	struct rota__node *asleep = MPSC_ASLEEP;

	if (load_relaxed(&q->newest) == asleep)
		cas_acq_rel(&q->newest, &asleep, NULL);
}

/* The consumer, awake.  All nodes, the oldest first, as a chain that ends in NULL; NULL if none. */
static inline struct rota__node *mpsc_take_all(struct rota__mpsc *q)
{
	struct rota__node *node, *oldest = NULL;

	if (load_relaxed(&q->newest) == NULL)
		return NULL;
	node = swap_acquire(&q->newest, NULL); /* pairs with the release in mpsc_push() */
	while (node != NULL) {
		struct rota__node *next = node->next;

		node->next = oldest;
		oldest = node;
		node = next;
	}
	return oldest;
}

/* The consumer, awake: the newest node, to be looked at with those behind it, as they stay. */
static inline const struct rota__node *mpsc_newest(const struct rota__mpsc *q)
{
	const struct rota__node *newest = load_acquire(&q->newest); /* pairs with mpsc_push() */

	return newest != MPSC_ASLEEP ? newest : NULL;
}

/* The consumer: no producer is still on its way to wake it.  With every node taken and none to come,
 * the queue may be freed. */
static inline bool mpsc_quiet(const struct rota__mpsc *q)
{
	return load_acquire(&q->wakers) == 0;
}

#endif
