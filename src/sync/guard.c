/* guard.c - guards change hands (guard.h) */
#include "sync/guard.h"

#include <sched.h>

#include "os/fence.h"
#include "os/spin.h"

/* The model checker brings its own way to wait. */
#ifndef guard_wait_zero
/* A pause is some 10 ns.  Who holds a guard does so for some 20 ns, and mostly comes again: each look from another CPU takes the line of
 * the cache from him, which costs both 100 ns.  So he is left alone for a dozen turns, and then the looks become rarer; after 5 us of
 * them the holder has no CPU. */
enum { PAUSES_FIRST = 32, PAUSES_MAX = 256 };

static void wait_zero(const uint32_t *word)
{
	unsigned pauses = PAUSES_FIRST;

	while (load_acquire(word) != 0) {
		if (pauses > PAUSES_MAX) {
			sched_yield();
			continue;
		}
		rota__spin_pauses(pauses);
		pauses *= 2;
	}
}
#define guard_wait_zero(word) wait_zero(word)
#endif

void rota__word_lock_slow(uint32_t *word)
{
	do
		guard_wait_zero(word);
	while (swap_acquire(word, 1) != 0);
}

/* Without the fence nobody may own a guard; asked once in the life of the process. */
static bool fence_works(void)
{
	static uint32_t answer; /* 0: not known, 1: no, 2: yes.  Any number of threads find the same */

	if (load_relaxed(&answer) == 0)
		store_relaxed(&answer, rota__fence_all_threads() ? 2 : 1);
	return load_relaxed(&answer) == 2;
}

/* The caller holds the word. */
static void take_away(struct rota__guard *guard)
{
	store_seq(&guard->owner, GUARD_SHARED);
	/* It has worked before: what fails now is its memory, for the moment. */
	while (!rota__fence_all_threads())
		sched_yield();
	guard_wait_zero(&guard->inside);
}

enum rota__entry rota__guard_enter_slow(struct rota__guard *guard, const void *me)
{
	const void *owner = load_relaxed(&guard->owner);

	if (owner == GUARD_FRESH) {
		const void *first = me != NULL && fence_works() ? me : GUARD_SHARED;

		if (cas_seq(&guard->owner, &owner, first) && first == me)
			return guard_enter_as(guard, me);
	}
	word_lock(&guard->word);
	owner = load_relaxed(&guard->owner);
	if (owner != GUARD_SHARED)
		take_away(guard);
	return ENTERED_BY_WORD;
}
