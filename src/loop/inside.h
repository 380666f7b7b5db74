/* inside.h - is this thread inside the runtime, or in the program's own code?
 *
 * A thread whose task computes or blocks for long in the program's code can be relieved of its loop and its worker: another
 * thread goes on with them (task/rescue.h).  Never while it is inside the runtime, in the middle of changing them.  So every
 * function that looks at the thread's loop or worker begins with ROTA_INSIDE(), before it takes a lock:
 *
 *	this thread                            who wants its loop
 *	inside = true                          lost = LOST_ASKED
 *	(no fence: the other side pays)        fence in all threads
 *	lost == LOST_NOT?  else come back      inside?  then not now, else lost = LOST_TAKEN
 *
 * One of the two sees the other (Dekker; the fence is membarrier(2)).  The mark costs a load and two branches where nobody can
 * want the loop, and two stores and a load more where somebody can.
 *
 * Where the kernel has no such fence each thread pays for its own: `lost` is then never LOST_NOT, so that every way in takes
 * the path of those that are wanted, and that begins with a fence. */
#ifndef ROTA_LOOP_INSIDE_H
#define ROTA_LOOP_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/sanitizers.h"

/* Sanitized builds check that nobody looks at a thread's loop or worker from outside. */
#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
#define ROTA_CHECK_INSIDE 1
#endif

enum rota__lost { LOST_NOT, LOST_NOT_BUT_FENCE, LOST_ASKED, LOST_TAKEN };

struct rota__marks {
	uint8_t inside; /* written by its own thread only */
	uint8_t lost;	/* enum rota__lost */
	uint8_t rest;	/* `lost` while nobody wants the loop; set before anybody can */
};

#if !defined(ROTA_MODEL_CHECK)
extern _Thread_local struct rota__marks rota__marks_here __attribute__((tls_model("initial-exec")));
#endif

/* What a thread does on its way in that was asked for its loop, or has lost it; set by the task layer.  A task may be on another
 * thread when it returns. */
extern void (*rota__come_back)(void);

/* ---- who wants the loop of another thread ---- */

/* Ask for it.  False: it is lost already. */
static inline bool marks_ask(struct rota__marks *marks)
{
	uint8_t rest = marks->rest;

	return cas_acq_rel(&marks->lost, &rest, LOST_ASKED);
}

/* After the fence.  True: if it comes back before we take its loop, it will see that it was asked.  What it has done inside is
 * visible. */
static inline bool marks_outside(const struct rota__marks *marks)
{
	return !load_acquire(&marks->inside); /* pairs with rota__leave() */
}

/* False: it is back. */
static inline bool marks_take(struct rota__marks *marks)
{
	uint8_t asked = LOST_ASKED;

	return cas_acq_rel(&marks->lost, &asked, LOST_TAKEN);
}

/* The thread itself gives its loop away: not by a wish, or the watchdog could take that for its own, which the thread had dropped.
 * False: somebody has asked at the same time, and will drop it. */
static inline bool marks_give(struct rota__marks *marks)
{
	uint8_t rest = marks->rest;

	return cas_acq_rel(&marks->lost, &rest, LOST_TAKEN);
}

/* Not now: the wish is dropped. */
static inline void marks_drop(struct rota__marks *marks)
{
	uint8_t asked = LOST_ASKED;

	cas_acq_rel(&marks->lost, &asked, marks->rest); /* the thread itself may have been first */
}

/* The thread itself, on its way in, where `lost` was not LOST_NOT: is there a wish? */
static inline bool marks_wanted(const struct rota__marks *marks)
{
	if (marks->rest == LOST_NOT)
		return true;
	fence_seq(); /* between `inside` and `lost`; pairs with the fence of who asked */
	return load_relaxed(&marks->lost) != marks->rest;
}

/* The thread itself, that has seen a wish: has it been too late?  If not, the wish is dropped. */
static inline bool marks_lost(struct rota__marks *marks)
{
	marks_drop(marks);
	return load_acquire(&marks->lost) == LOST_TAKEN; /* pairs with marks_take() */
}

/* ---- ways in and out ---- */

/* A task may find itself on another thread within the call: so the marks are found anew each time (see rota__here()).  Sanitizers
 * take their address, and keep it. */
#if (defined(__x86_64__) && !defined(ROTA_CHECK_INSIDE) && !defined(ROTA_MODEL_CHECK)) || defined(rota__marks_here)
static inline bool rota__is_inside(void)
{
	return load_relaxed(&rota__marks_here.inside);
}

static inline void rota__go_in(void)
{
	store_relaxed(&rota__marks_here.inside, true);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler keeps the order, the other side's fence the CPU */
	if (__builtin_expect(load_relaxed(&rota__marks_here.lost) != LOST_NOT, 0))
		load_relaxed(&rota__come_back)();
}

/* Release: what was done inside is done before another thread may take the loop. */
static inline void rota__go_out(void)
{
	store_release(&rota__marks_here.inside, false);
}
#else
bool rota__is_inside(void);
void rota__go_in(void);
void rota__go_out(void);
#endif

/* The thread's loop is another's by now. */
#if defined(rota__marks_here) || !defined(ROTA_MODEL_CHECK)
static inline bool rota__is_lost(void)
{
	return load_acquire(&rota__marks_here.lost) == LOST_TAKEN; /* pairs with marks_take() */
}
#endif

/* Threads whose loop nobody wants, those of a single loop or of a group, are always inside. */
static inline bool rota__enter(void)
{
	if (__builtin_expect(rota__is_inside(), 1))
		return true;
	rota__go_in();
	return false;
}

static inline void rota__leave(const bool *before)
{
	if (__builtin_expect(!*before, 0))
		rota__go_out();
}

/* Inside, until the end of the block. */
#if !defined(ROTA_MODEL_CHECK)
#define ROTA_INSIDE() const bool rota__before __attribute__((cleanup(rota__leave), unused)) = rota__enter()
#else /* the models of other protocols leave it out */
#define ROTA_INSIDE() const bool rota__before __attribute__((unused)) = true
#endif

#endif
