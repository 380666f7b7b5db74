/* explore.h - run a few threads in every order there is
 *
 * The threads are coroutines on one real thread; at every atomic access the explorer decides who goes
 * on.  A run is a list of such decisions; the next run changes the last one that has an untried
 * alternative, until none has: a depth-first walk over all interleavings under sequential consistency.
 * With three threads there are too many of them; then only those are walked in which a thread that could
 * have gone on is interrupted a few times (Musuvathi, Qadeer: iterative context bounding, PLDI 2007:
 * nearly all real mistakes need two).
 * (Weaker orders are ThreadSanitizer's part, which checks the happens-before edges of real runs.) */
#ifndef ROTA_TESTS_EXPLORE_H
#define ROTA_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

struct explore_result {
	uint64_t interleavings;
	const char *failure; /* of the first bad one, NULL: all are good */
};

/* Explore: for each interleaving call reset(), then run the threads to their ends.  `interruptions`: at
 * most so many in a run; 0: no bound, every interleaving. */
struct explore_result explore(
	void (*reset)(void), void (*const threads[])(void), int count, int interruptions);

/* Inside a thread: others may run here. */
void explore_point(void);

/* Inside a thread: go on only when ready() is true.  All waiting is a failure: a lost wake-up.  Also the
 * way to model a spin, which would otherwise be an endless interleaving. */
void explore_wait(bool (*ready)(void));

/* Inside a thread: this must hold. */
void explore_check(bool holds, const char *what);

#endif
