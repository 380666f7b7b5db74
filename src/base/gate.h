/* gate.h - many pass through it at the same time, until it is shut; who shuts it waits for those that are inside
 *
 *	SHUT --gate_open()--> 0 <--enter, leave--> how many are inside --gate_shut()--> SHUT + how many are still inside
 *
 * One word, so that nobody can be counted in after it is shut without seeing that.  To pass costs an atomic addition on
 * the way in and on the way out, and never waits.  (tests/model/gate.c) */
#ifndef ROTA_BASE_GATE_H
#define ROTA_BASE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

#define GATE_SHUT UINT32_C(0x80000000)

/* Any thread.  True: it is open, and what is behind it stays until gate_leave(). */
static inline bool gate_enter(uint32_t *gate)
{
	if (!(add_acq_rel(gate, 1) & GATE_SHUT)) /* pairs with gate_open() */
		return true;
	add_acq_rel(gate, (uint32_t)-1);
	return false;
}

static inline void gate_leave(uint32_t *gate)
{
	add_acq_rel(gate, (uint32_t)-1); /* pairs with gate_is_empty() */
}

/* Its owner; it was shut. */
static inline void gate_open(uint32_t *gate)
{
	add_acq_rel(gate, GATE_SHUT);
}

/* Its owner; it was open.  Nobody is let in from now on; when gate_is_empty() nobody is inside. */
static inline void gate_shut(uint32_t *gate)
{
	add_acq_rel(gate, GATE_SHUT);
}

static inline bool gate_is_empty(const uint32_t *gate)
{
	return (load_acquire(gate) & ~GATE_SHUT) == 0; /* pairs with gate_leave() */
}

#endif
