/* steal.h - a bounded ring of ready work: its owner puts at one end, everybody takes at the other
 *
 *	        head                     tail
 *	  thieves |                        | owner, who may also take back
 *	  & owner v                        v what he put there last
 *	 . . . . [a][b][c][d][e][f][g][h] . . . .
 *
 * Whoever takes reads what is there and then changes `head` with a compare-and-swap; if that fails, what he
 * read was somebody else's and is forgotten.  A slot can be written anew only when `head` has changed since it was last
 * written, so a read that was too late is always found out: `head` counts what was taken at its end, and above that how
 * often something was taken back at the other, which moves `tail`.  Both come round after 2^32, and a thread that slept for
 * exactly so many changes of both would be fooled.
 * After Tokio's run queue, without its two-stage steal; taking back is the owner's end of Chase and Lev's deque (SPAA 2005). */
#ifndef ROTA_BASE_STEAL_H
#define ROTA_BASE_STEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

#ifndef STEAL_ROOM
#define STEAL_ROOM 256 /* a power of two; the model checker takes a smaller one */
#endif

struct rota__steal {
	uint64_t head; /* low half: where the oldest is; high half: how often something was taken back */
	char apart[64 - sizeof(uint64_t)];
	uint32_t tail; /* moved by the owner */
	void *slots[STEAL_ROOM];
};

/* `head` after `n` were taken there, or one at the other end. */
static inline uint64_t steal_after(uint64_t head, uint32_t n)
{
	return (head & ~(uint64_t)UINT32_MAX) | ((uint32_t)head + n);
}

static inline uint64_t steal_after_take_back(uint64_t head)
{
	return head + (UINT64_C(1) << 32);
}

static inline bool steal_empty(const struct rota__steal *ring)
{
	return (uint32_t)load_acquire(&ring->head) == load_acquire(&ring->tail);
}

/* About how many there are: others may be taking some. */
static inline uint32_t steal_count(const struct rota__steal *ring)
{
	return load_relaxed(&ring->tail) - (uint32_t)load_relaxed(&ring->head);
}

/* The owner.  False: it is full. */
static inline bool steal_push(struct rota__steal *ring, void *item)
{
	uint32_t tail = load_relaxed(&ring->tail);

	if (tail - (uint32_t)load_acquire(&ring->head) == STEAL_ROOM) /* pairs with the takers' compare-and-swap */
		return false;
	store_relaxed(&ring->slots[tail % STEAL_ROOM], item);
	store_release(&ring->tail, tail + 1); /* pairs with the acquire in steal_half() */
	return true;
}

/* The owner.  The oldest, or NULL. */
static inline void *steal_pop(struct rota__steal *ring)
{
	uint64_t head = load_relaxed(&ring->head);

	while ((uint32_t)head != load_relaxed(&ring->tail)) {
		void *item = load_relaxed(&ring->slots[head % STEAL_ROOM]);

		if (cas_acq_rel(&ring->head, &head, steal_after(head, 1)))
			return item;
	}
	return NULL;
}

/* The owner.  Take back `item`, if it is what was put there last and nobody has taken it.  `tail` moves first: who sees the new
 * `head` sees that too, and who does not fails. */
static inline bool steal_take_back(struct rota__steal *ring, const void *item)
{
	uint64_t head = load_relaxed(&ring->head);
	uint32_t tail = load_relaxed(&ring->tail);

	if ((uint32_t)head == tail || load_relaxed(&ring->slots[(tail - 1) % STEAL_ROOM]) != item)
		return false;
	store_relaxed(&ring->tail, tail - 1);
	do {
		if (cas_acq_rel(&ring->head, &head, steal_after_take_back(head)))
			return true;
	} while ((uint32_t)head != tail);
	store_release(&ring->tail, tail); /* a thief was first; pairs as in steal_push() */
	return false;
}

/* Anybody.  Half of what is there, rounded up, but at most `room`, the oldest first; how many. */
static inline uint32_t steal_half(struct rota__steal *ring, void **items, uint32_t room)
{
	uint64_t head = load_acquire(&ring->head);

	for (;;) {
		uint32_t there = load_acquire(&ring->tail) - (uint32_t)head, n = there - there / 2;

		if (there == UINT32_MAX) /* the owner is finding out that what he would take back is gone */
			return 0;
		if (there > STEAL_ROOM) { /* head was old */
			head = load_acquire(&ring->head);
			continue;
		}
		if (n > room)
			n = room;
		if (n == 0)
			return 0;
		for (uint32_t i = 0; i < n; i++)
			items[i] = load_relaxed(&ring->slots[(head + i) % STEAL_ROOM]);
		if (cas_acq_rel(&ring->head, &head, steal_after(head, n)))
			return n;
	}
}

#endif
