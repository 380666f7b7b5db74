/* guard.h - the small lock in every object, which costs its first user nothing
 *
 * Most objects are used by one worker all their life.  So a guard belongs to the first worker that
 * takes it: that one enters by marking that it is inside and looking whether the guard is still its own,
 * without any atomic read-modify-write or fence.  The first other thread that comes takes the guard away
 * for good, and from then on it is a spin lock for all:
 *
 *            first use by a worker             another thread comes
 *   FRESH ---------------------------> OWNED ------------------------> SHARED
 *     |        first use by a thread without a worker                    ^
 *     +------------------------------------------------------------------+
 *
 *   owner enters                         another takes it away (holding `word`)
 *     inside = 1                           owner = SHARED
 *     (the compiler keeps the order)       fence in all threads, membarrier(2)
 *     owner still me?  in.                 wait until inside == 0.  in.
 *
 * Either the owner's look comes after the fence, and sees that it is no longer the owner; or its mark came
 * before, and is seen.  tests/model/guard.c walks through every interleaving of that.
 *
 * Inside a guard are a few dozen instructions: no wait, no call of foreign code. */
#ifndef ROTA_SYNC_GUARD_H
#define ROTA_SYNC_GUARD_H

#include <rota/sync.h>

#include "base/atomic.h"

#define GUARD_FRESH  ((const void *)0)
#define GUARD_SHARED ((const void *)1)

/* How it was entered, and so how it is left. */
enum rota__entry { ENTERED_AS_OWNER, ENTERED_BY_WORD };

enum rota__entry rota__guard_enter_slow(struct rota__guard *guard, const void *me);

/* `me`: who enters, by its worker; NULL where there is none.  False: it is not its owner's guard. */
static inline bool guard_enter_owned(struct rota__guard *guard, const void *me)
{
	if (__builtin_expect(load_relaxed(&guard->owner) != me || me == NULL, 0))
		return false;
	store_relaxed(&guard->inside, 1);
	__asm__ volatile("" ::: "memory"); /* the other side's membarrier(2) does the rest */
	if (__builtin_expect(load_relaxed(&guard->owner) == me, 1))
		return true;
	store_release(&guard->inside, 0);
	return false;
}

static inline enum rota__entry guard_enter_as(struct rota__guard *guard, const void *me)
{
	return guard_enter_owned(guard, me) ? ENTERED_AS_OWNER : rota__guard_enter_slow(guard, me);
}

static inline void guard_leave(struct rota__guard *guard, enum rota__entry entry)
{
	if (__builtin_expect(entry == ENTERED_AS_OWNER, 1))
		store_release(&guard->inside, 0); /* pairs with the acquire of who takes it away */
	else
		store_release(&guard->word, 0); /* pairs with the acquire in word_lock() */
}

/* The word alone, of a guard known to be SHARED, or beside one (sync/chan.c). */
void rota__word_lock_slow(uint32_t *word);

static inline void word_lock(uint32_t *word)
{
	if (__builtin_expect(swap_acquire(word, 1) != 0, 0))
		rota__word_lock_slow(word);
}

static inline void word_unlock(uint32_t *word)
{
	store_release(word, 0);
}

#endif
