/* mpsc.h - from many threads to one: a queue of nodes without locks
 *
 * Producers push onto a stack with one compare-and-swap; the consumer takes the whole stack with one
 * exchange and turns it around.  So the consumer touches the shared word once for a batch, an empty
 * queue is one word to look at, and the producer that finds the queue empty knows that it is the one
 * to wake the consumer.
 *
 * Nodes of one producer keep their order.  No memory is held, nothing can fail, and there is no ABA: the
 * only removal takes everything. */
#ifndef ROTA_BASE_MPSC_H
#define ROTA_BASE_MPSC_H

#include "base/atomic.h"
#include "base/node.h"

struct rota__mpsc {
	struct rota__node *newest;
};

static inline void mpsc_init(struct rota__mpsc *q)
{
	q->newest = NULL;
}

/* Any thread.  True if the queue was empty before: then the consumer may have to be woken. */
static inline bool mpsc_push(struct rota__mpsc *q, struct rota__node *node)
{
	struct rota__node *newest = load_relaxed(&q->newest);

	do
		node->next = newest;
	while (!cas_weak_release(&q->newest, &newest, node)); /* pairs with mpsc_take_all() */
	return newest == NULL;
}

/* The consumer.  All nodes, the oldest first, as a chain that ends in NULL; NULL if there are none. */
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

/* The consumer: nothing to take?  Relaxed: whoever must not miss a push puts a fence before. */
static inline bool mpsc_empty(const struct rota__mpsc *q)
{
	return load_relaxed(&q->newest) == NULL;
}

#endif
