/* state.h - parking and waking, when they may happen at the same time
 *
 *   RUNNING --park--> PARKING --settled--> WAITING --wake--> ready
 *      |                 \--wake--> NOTIFIED --settled--> ready
 *      \--wake--> NOTIFIED --park--> goes on at once
 *
 * There is one wake for each park.  Whoever gets `true` from wake, or `false` from settle, makes the task ready;
 * nobody else does, and not before it has left its stack.  (tests/model/team.c) */
#ifndef ROTA_TASK_STATE_H
#define ROTA_TASK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

enum rota__task_state {
	TASK_READY, /* in a queue, or it runs */
	TASK_PARKING,
	TASK_NOTIFIED,
	TASK_WAITING,
	TASK_BENEATH, /* it joins a scope, and a task of that runs in its place (task/in_place.c) */
	TASK_ENDED,
};

/* The running task wants to wait.  False: it has been woken already, and goes on. */
static inline bool state_park(uint8_t *state)
{
	uint8_t running = TASK_READY;

	if (cas_acq_rel(state, &running, TASK_PARKING)) /* pairs with the swap in state_wake() */
		return true;
	store_relaxed(state, TASK_READY);
	return false;
}

/* It has left its stack.  False: it was woken meanwhile, and is ready. */
static inline bool state_settle(uint8_t *state)
{
	uint8_t parking = TASK_PARKING;

	if (cas_acq_rel(state, &parking, TASK_WAITING)) /* pairs with the swap in state_wake() */
		return true;
	store_relaxed(state, TASK_READY);
	return false;
}

/* What it waits for is there.  True: it has left its stack, and is the caller's to make ready. */
static inline bool state_wake(uint8_t *state)
{
	if (swap_acq_rel(state, TASK_NOTIFIED) != TASK_WAITING)
		return false;
	store_relaxed(state, TASK_READY);
	return true;
}

#endif
