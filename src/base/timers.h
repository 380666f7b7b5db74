/* timers.h - deadlines in order: a wheel for the far ones, a heap for the near ones
 *
 * The wheel has LEVELS levels of 64 slots; a slot of level l spans 2^(GRAIN + 6 l) ns.  A far timer lies in
 * the list of the slot that its deadline falls into, on the lowest level whose span still reaches it;
 * arming and cancelling are a few stores.  When time enters a slot, its timers move: from a higher
 * level to lower ones, from the lowest level into the heap.
 *
 *	now            2^22 ns                2^28 ns                     2^34 ns ...
 *	| heap | 64 slots of 2^16 ns |  64 slots of 2^22 ns |  64 slots of 2^28 ns | ...
 *
 * The heap (a pairing heap, linked through the timers) holds what is due within the current slot, in
 * the order (deadline, seq); seq counts arming, so equal deadlines fire in the order they were armed.
 * With a million timers over a second the heap holds some sixty of them: it stays in the cache.
 *
 * While due timers are called, those that are armed meanwhile and would go into the heap go into a second one, which joins the first
 * when that is over: so one that arms itself in the past is due once in each phase, and cannot hold it.
 *
 * Nothing is allocated, nothing can fail.  One thread. */
#ifndef ROTA_BASE_TIMERS_H
#define ROTA_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TIMERS_GRAIN = 16, /* 65 us: about one wait of a busy loop */
	TIMERS_SLOT_BITS = 6,
	TIMERS_SLOTS = 1 << TIMERS_SLOT_BITS,
	TIMERS_LEVELS = 8, /* 16 + 8 * 6 = 64 bits: every deadline has a slot */
	TIMERS_IN_HEAP = TIMERS_LEVELS,
};

/* Yours, private from arming until it fired or was cancelled.  Zeroed it is not armed. */
struct rota__timer {
	void (*fn)(struct rota__timer *timer); /* first, where free(3) writes: a look sees it then (os/notes.h) */
	uint64_t deadline_ns;
	struct rota__timer *next;  /* slot: the next one; heap: the next sibling */
	struct rota__timer **back; /* what points at us; NULL: not armed */
	struct rota__timer *child; /* heap: the first child */
	uint64_t seq;
	uint8_t level; /* of the wheel, or TIMERS_IN_HEAP */
	uint8_t flags; /* its owner's; the store does not look at them */
};

struct rota__timers {
	struct rota__timer *heap;
	struct rota__timer *fresh; /* the heap of those armed in this phase: seq >= phase_seq */
	uint64_t phase_seq;	   /* UINT64_MAX: no phase is under way */
	uint64_t now_ns; /* how far the wheel has turned: all slots before it are empty */
	uint64_t next_seq;
	uint64_t occupied[TIMERS_LEVELS]; /* a bit for each slot that is not empty, or lately was not */
	struct rota__timer_slot {
		struct rota__timer *first;
		uint64_t earliest_ns; /* no timer in it is earlier; some may have gone */
	} slots[TIMERS_LEVELS][TIMERS_SLOTS];
};

void rota__timers_init(struct rota__timers *t, uint64_t now_ns);

void rota__timers_heap_insert(struct rota__timers *t, struct rota__timer *timer);
void rota__timers_heap_remove(struct rota__timer *timer);

/* The lowest level on which the deadline and `now` are in different slots of the same turn; IN_HEAP:
 * they share even the finest slot. */
static inline unsigned timers_level_of(uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t differ = (now_ns ^ deadline_ns) >> TIMERS_GRAIN;

	return differ == 0 ? TIMERS_IN_HEAP : (63 - (unsigned)__builtin_clzll(differ)) / TIMERS_SLOT_BITS;
}

static inline unsigned timers_level_shift(unsigned level)
{
	return TIMERS_GRAIN + level * TIMERS_SLOT_BITS;
}

/* Put the timer, whose deadline and seq are set, where it belongs now. */
static inline void timers_place(struct rota__timers *t, struct rota__timer *timer)
{
	unsigned level, slot;
	struct rota__timer_slot *s;

	if (timer->deadline_ns <= t->now_ns ||
		(level = timers_level_of(t->now_ns, timer->deadline_ns)) == TIMERS_IN_HEAP) {
		rota__timers_heap_insert(t, timer);
		return;
	}
	slot = (timer->deadline_ns >> timers_level_shift(level)) & (TIMERS_SLOTS - 1);
	s = &t->slots[level][slot];
	timer->level = (uint8_t)level;
	timer->next = s->first;
	timer->back = &s->first;
	if (s->first == NULL) {
		/* Set already if the slot was emptied by a cancel: no store, nobody waits for it. */
		if (!(t->occupied[level] >> slot & 1))
			t->occupied[level] |= UINT64_C(1) << slot;
		s->earliest_ns = timer->deadline_ns;
	} else {
		s->first->back = &timer->next;
		if (timer->deadline_ns < s->earliest_ns)
			s->earliest_ns = timer->deadline_ns;
	}
	s->first = timer;
}

/* `timer`, which is not armed and whose fn is set, is due at `deadline_ns`. */
static inline void timers_arm(struct rota__timers *t, struct rota__timer *timer, uint64_t deadline_ns)
{
	timer->deadline_ns = deadline_ns;
	timer->seq = t->next_seq++;
	timers_place(t, timer);
}

static inline bool timers_armed(const struct rota__timer *timer)
{
	return timer->back != NULL;
}

/* It is not due any more.  Harmless on one that is not armed.  A slot that this empties keeps its bit
 * until time comes by or somebody looks for the first slot: arm and cancel in turn touch no bitmap. */
static inline void timers_cancel(struct rota__timers *t, struct rota__timer *timer)
{
	if (!timers_armed(timer))
		return;
	if (timer->level == TIMERS_IN_HEAP) {
		rota__timers_heap_remove(timer);
	} else {
		*timer->back = timer->next;
		if (timer->next != NULL)
			timer->next->back = timer->back;
	}
	timer->back = NULL;
}

/* The earliest timer due at `now_ns`, no longer armed; NULL if none is. */
struct rota__timer *rota__timers_pop_due(struct rota__timers *t, uint64_t now_ns);

/* What is armed between these two is not popped there, due or not. */
void rota__timers_phase_begin(struct rota__timers *t);
void rota__timers_phase_end(struct rota__timers *t);

/* Call visit(timer, arg) for each that is armed, in no order; it may not arm or cancel any. */
void rota__timers_each(struct rota__timers *t, void (*visit)(struct rota__timer *timer, void *arg), void *arg);

/* When to look again: never later than the earliest deadline, and exactly then unless a timer of the
 * same slot was cancelled; UINT64_MAX: no timer is armed. */
uint64_t rota__timers_next_ns(const struct rota__timers *t);

#endif
