/* guard.c - guards change hands (guard.h) */
#include "sync/guard.h"

#include <sched.h>

#include "os/fence.h"

/* The model checker brings its own way to wait. */
#ifndef guard_wait_zero
enum { SPINS = 100 }; /* some 2 us: ten times as long as a guard is held; then the holder has no CPU */

static void wait_zero(const uint32_t *word)
{
	for (int i = 0; load_acquire(word) != 0; i++) {
		if (i < SPINS)
			guard_pause();
		else
			sched_yield();
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
