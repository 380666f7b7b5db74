/* node.h - the least thing that can be called later: a link and a function
 *
 * Posts between threads, jobs of the blocking pool and completions are nodes, so that one piece of
 * memory, owned by whoever waits for it, can pass through all of those queues without a copy. */
#ifndef ROTA_BASE_NODE_H
#define ROTA_BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>

struct rota__node {
	struct rota__node *next;
	void (*fn)(struct rota__node *);
};

/* First in, first out; one thread.  Holds no memory of its own. */
struct rota__fifo {
	struct rota__node *head, *tail;
};

static inline bool fifo_empty(const struct rota__fifo *q)
{
	return q->head == NULL;
}

static inline void fifo_push(struct rota__fifo *q, struct rota__node *n)
{
	n->next = NULL;
	if (q->head == NULL)
		q->head = n;
	else
		q->tail->next = n;
	q->tail = n;
}

static inline void fifo_push_front(struct rota__fifo *q, struct rota__node *n)
{
	n->next = q->head;
	if (q->head == NULL)
		q->tail = n;
	q->head = n;
}

/* All of `more`, which is empty afterwards, behind what is in `q`. */
static inline void fifo_append(struct rota__fifo *q, struct rota__fifo *more)
{
	if (fifo_empty(more))
		return;
	if (fifo_empty(q))
		q->head = more->head;
	else
		q->tail->next = more->head;
	q->tail = more->tail;
	more->head = NULL;
}

static inline struct rota__node *fifo_pop(struct rota__fifo *q)
{
	struct rota__node *n = q->head;

	if (n != NULL)
		q->head = n->next;
	return n;
}

#endif
