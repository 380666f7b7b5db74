/* steal.h - a bounded ring of ready work: its owner puts at one end, everybody takes at the other
 *
 *	        head                     tail
 *	  thieves |                        | owner
 *	  & owner v                        v
 *	 . . . . [a][b][c][d][e][f][g][h] . . . .
 *
 * Whoever takes reads what is there and then moves `head` with a compare-and-swap; if that fails, what he
 * read was somebody else's and is forgotten.  A slot can be written anew only when `head` has passed it, so a read that was
 * too late is always found out.  The counters are 64 bits wide and never come round.
 * After Tokio's run queue, without its two-stage steal. */
#ifndef ROTA_BASE_STEAL_H
#define ROTA_BASE_STEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

#ifndef STEAL_ROOM
#define STEAL_ROOM 256 /* a power of two; the model checker takes a smaller one */
#endif

struct rota__steal {
	uint64_t head; /* of interest to everybody */
	char apart[64 - sizeof(uint64_t)];
	uint64_t tail; /* moved by the owner */
	void *slots[STEAL_ROOM];
};

static inline bool steal_empty(const struct rota__steal *ring)
{
	return load_acquire(&ring->head) == load_acquire(&ring->tail);
}

/* The owner.  False: it is full. */
static inline bool steal_push(struct rota__steal *ring, void *item)
{
	uint64_t tail = load_relaxed(&ring->tail);

	if (tail - load_acquire(&ring->head) == STEAL_ROOM) /* pairs with the takers' compare-and-swap */
		return false;
	store_relaxed(&ring->slots[tail % STEAL_ROOM], item);
	store_release(&ring->tail, tail + 1); /* pairs with the acquire in steal_half() */
	return true;
}

/* The owner.  The oldest, or NULL. */
static inline void *steal_pop(struct rota__steal *ring)
{
	uint64_t head = load_relaxed(&ring->head);

	while (head != load_relaxed(&ring->tail)) {
		void *item = load_relaxed(&ring->slots[head % STEAL_ROOM]);

		if (cas_acq_rel(&ring->head, &head, head + 1))
			return item;
	}
	return NULL;
}

/* Anybody.  Half of what is there, rounded up, but at most `room`, the oldest first; how many. */
static inline uint64_t steal_half(struct rota__steal *ring, void **items, uint64_t room)
{
	uint64_t head = load_acquire(&ring->head);

	for (;;) {
		uint64_t there = load_acquire(&ring->tail) - head, n = there - there / 2;

		if (there > STEAL_ROOM) { /* head was old */
			head = load_acquire(&ring->head);
			continue;
		}
		if (n > room)
			n = room;
		if (n == 0)
			return 0;
		for (uint64_t i = 0; i < n; i++)
			items[i] = load_relaxed(&ring->slots[(head + i) % STEAL_ROOM]);
		if (cas_acq_rel(&ring->head, &head, head + n))
			return n;
	}
}

#endif
