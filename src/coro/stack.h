/* stack.h - stacks for tasks: guarded, pooled, a page each while they idle
 *
 * A slab is one big mapping cut into slots of one size; a slot is a stack:
 *
 *	low                                                        high
 *	| guard page | usable, grows down <-            | struct | colour |
 *	             ^ base                             ^ top = the struct
 *
 * The struct lies at the top of the stack's own memory, so that a task that waits near the top of
 * its stack occupies one page in all.  `colour` is 0 to 7 cache lines, by slot, so that the hot
 * tops of many stacks do not compete for the same cache sets.  Of the top page that takes 64 to
 * 512 bytes; at least 3,584 are left.
 *
 * A stack is in one of four places:
 *
 *	cold	a bit in its slab: no pages, no struct (fresh, or given back)
 *	pool	warm, in the list of one thread's pool: [get] hands out the latest put
 *	depot	warm, in a magazine of 64 that passes between the pools of one stack size
 *	out	someone runs on it
 *
 * Pools are for one thread each and take no lock.  Every pool of a size shares one depot, so a
 * stack may be put into another thread's pool than it came from: tasks move, and their stacks with
 * them.  Pages are given back only by trim and fini.  See docs/design/stacks.md for the figures. */
#ifndef ROTA_CORO_STACK_H
#define ROTA_CORO_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum {
	STACK_BYTES_MIN = 16 << 10,
	STACK_BYTES_DEFAULT = 64 << 10,
	STACK_BYTES_MAX = 8 << 20,
	STACK_MAGAZINE = 64, /* what pools exchange at once; 32 to 128 measured alike */
};

struct rota__stack {
	struct rota__stack *next;  /* while free: in the pool or magazine; yours while out */
	void *base;                /* lowest usable byte, just above the guard */
	void *top;                 /* one past the highest usable byte, aligned to 64 */
	size_t bytes;              /* of the slot: what was asked for, the guard included */
	void *owner;               /* who runs on it, for reports; set and cleared by the user */
	union {
		struct rota__stack *batch; /* depot: next magazine, in the first stack of each */
		uint64_t mark;		   /* yours while out */
	};
	void *fiber;               /* ThreadSanitizer's, or NULL */
	uint32_t valgrind_id;
	uint16_t batch_count; /* depot: stacks in this magazine */
	bool gapped;          /* no guard could be had: an unused page that must stay zero */
};

struct rota__stack_depot;
struct rota__stack_slab;

struct rota__stack_pool {
	struct rota__stack *free;  /* the latest put first */
	struct rota__stack *spare; /* a full magazine, or NULL */
	unsigned free_count;
	/* Slots claimed from a slab, cold but guarded, handed out when nothing warm is left. */
	unsigned run_next, run_end, run_claim;
	struct rota__stack_slab *run_slab;
	struct rota__stack_depot *depot;
};

/* `stack_bytes` (0: the default) is rounded up to a power of two within the limits above. Maps
 * nothing yet; never fails. */
void rota__stack_pool_init(struct rota__stack_pool *pool, size_t stack_bytes);

/* Give back everything this pool holds.  Stacks that are out stay valid and may be put into other
 * pools of their size; with the last pool of a size goes all its free memory. */
void rota__stack_pool_fini(struct rota__stack_pool *pool);

/* Keep `keep` warm stacks, counting this pool and its depot, and give the pages of the others back
 * to the system, in ranges; slabs that are cold altogether are unmapped. */
void rota__stack_pool_trim(struct rota__stack_pool *pool, size_t keep);

/* Slow halves of get and put. */
struct rota__stack *rota__stack_get_slow(struct rota__stack_pool *pool);
void rota__stack_put_slow(struct rota__stack_pool *pool);
/* Die with a report if something was written below `stack`, which has no guard. */
void rota__stack_check_gap(struct rota__stack *stack);

/* A stack with owner NULL, or NULL: no memory.  What is in it is left over from its last user. */
static inline struct rota__stack *rota__stack_get(struct rota__stack_pool *pool)
{
	struct rota__stack *stack = pool->free;

	if (__builtin_expect(stack == NULL, 0))
		return rota__stack_get_slow(pool);
	pool->free = stack->next;
	pool->free_count--;
	return stack;
}

/* Look whether a task that ends here has overflowed unnoticed; while its owner can still be
 * described.  Nothing where the stack has a guard. */
static inline void rota__stack_check(struct rota__stack *stack)
{
	if (__builtin_expect(stack->gapped, 0))
		rota__stack_check_gap(stack);
}

/* Take `stack` back.  It may be the stack one still runs on if no other get
 * or trim comes between this and the last switch away from it: it stays in this very pool. */
static inline void rota__stack_put(struct rota__stack_pool *pool, struct rota__stack *stack)
{
	rota__stack_check(stack);
	if (__builtin_expect(pool->free_count == STACK_MAGAZINE, 0))
		rota__stack_put_slow(pool);
	stack->owner = NULL;
	stack->next = pool->free;
	pool->free = stack;
	pool->free_count++;
}

/* How deep this stack was ever written since it was last cold, by its present user or an earlier
 * one, in bytes from the top: down to the lowest word that is not zero.  Costs a system call and
 * touches nothing.  Any thread, as long as the stack is sure to stay warm.  A page that was swapped
 * out counts as untouched if none below it is in memory. */
size_t rota__stack_used(const struct rota__stack *stack);

/* The stack whose slot (guard included) holds `address`, or NULL.  Async-signal-safe, any thread;
 * the answer stays valid while that stack is not cold. */
struct rota__stack *rota__stack_of(const void *address);

/* Mapped and warm stacks of all pools of this pool's size; any thread. */
struct rota__stack_count {
	size_t slabs;
	size_t mapped; /* slots */
	size_t cold;   /* of those, without pages; up to 16 that a pool has claimed not counted */
};
struct rota__stack_count rota__stack_pool_count(const struct rota__stack_pool *pool);

/* How guards are made.  Chosen at the first pool; tests choose another before that. */
enum rota__stack_guard {
	STACK_GUARD_BEST,     /* whatever this kernel can do, in the order below */
	STACK_GUARD_MADVISE,  /* Linux 6.13+: no mapping of its own */
	STACK_GUARD_MPROTECT, /* two mappings each: only for as many as the system can bear */
	STACK_GUARD_GAP,      /* none: an unused page that is looked at when the stack is put */
};
void rota__stack_guard_choose(enum rota__stack_guard guard);

#pragma GCC visibility pop

#endif
