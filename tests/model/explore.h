/* explore.h - run a few threads in every order there is
 *
 * The threads are coroutines on one real thread; at every atomic access the explorer decides who goes
 * on.  A run is a list of such decisions; the next run changes the last one that has an untried
 * alternative, until none has: a depth-first walk over all interleavings under sequential consistency.
 * With three threads there are too many of them; then only those are walked in which a thread that could
 * have gone on is interrupted a few times (Musuvathi, Qadeer: iterative context bounding, PLDI 2007:
 * nearly all real mistakes need two).
 *
 * explore_late() walks what processors add to that: a store may stay in its thread's store buffer until the thread comes to
 * a fence, an atomic read-modify-write, a wait or its end, while its loads go ahead (Owens, Sarkar, Sewell: a better
 * x86 memory model, x86-TSO, TPHOLs 2009).  Each store that is late counts as an interruption, and those behind it are late,
 * too.  That is what a missing fence between a store and a load does, which ThreadSanitizer, as it knows no fences, does not
 * see.  (Orders weaker than that are ThreadSanitizer's part, which checks the happens-before edges of real runs.) */
#ifndef ROTA_TESTS_EXPLORE_H
#define ROTA_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_THREADS_MAX = 4 };

struct explore_result {
	uint64_t interleavings;
	const char *failure; /* of the first bad one, NULL: all are good */
};

/* Explore: for each interleaving call reset(), then run the threads to their ends.  `interruptions`: at
 * most so many in a run; 0: no bound, every interleaving. */
struct explore_result explore(
	void (*reset)(void), void (*const threads[])(void), int count, int interruptions);

/* The same, where stores may be late, too.  So much more is possible then that it needs a bound. */
struct explore_result explore_late(
	void (*reset)(void), void (*const threads[])(void), int count, int interruptions);

/* The one, and if nothing fails the other, with a bound of 4 where there is none; how many they are is printed. */
struct explore_result explore_both(
	void (*reset)(void), void (*const threads[])(void), int count, int interruptions);

/* Inside a thread: a load and a store of up to 8 bytes, and what makes all stores so far be seen. */
void explore_load(const void *place, void *ret_value, size_t bytes);
void explore_store(void *place, const void *value, size_t bytes);
void explore_fence(void);
/* The same for all threads: membarrier(2). */
void explore_fence_all(void);

/* Inside a thread: others may run here. */
void explore_point(void);

/* Inside a thread, or in a ready() that is asked for it: its number. */
int explore_me(void);

/* Inside a thread: go on only when ready() is true.  All waiting is a failure: a lost wake-up.  Also the
 * way to model a spin, which would otherwise be an endless interleaving. */
void explore_wait(bool (*ready)(void));

/* Inside a thread: this must hold. */
void explore_check(bool holds, const char *what);

#endif
