/* sanitize.h - tell AddressSanitizer, ThreadSanitizer and valgrind about stacks
 *
 * In an ordinary build rota__stack_switch() is rota__switch(), rota__stack_start() is
 * rota__context_make(), and rota__stack_entered() is nothing.  In an instrumented build they also
 * keep the tool's idea of "the current stack":
 *
 *	start	 a new task on this stack: old redzones are wiped, ThreadSanitizer gets a new fiber
 *	entered	 first thing in the entry function: completes the switch that led there
 *	switch	 `from` and `to` are stacks, NULL for the thread's own; `from_dies` when nobody will
 *		 come back to `from`, so that its fake frames are freed
 *
 * A task that returns to its entry function, which then runs the next task on the same stack, needs
 * none of this: for the tools that is one function calling another. */
#ifndef ROTA_CORO_SANITIZE_H
#define ROTA_CORO_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sanitizers.h"
#include "coro/context.h"
#include "coro/stack.h"
#include "coro/switch.h"

#pragma GCC visibility push(hidden)

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
void *rota__sanitized_switch(struct rota__stack *from, void **save_sp, struct rota__stack *to,
	void *to_sp, void *value, bool from_dies);
void rota__sanitized_start(struct rota__stack *stack);
void rota__sanitized_entered(void);
void rota__sanitized_cold(struct rota__stack *stack);
#else
static inline void rota__sanitized_start(struct rota__stack *stack)
{
}
static inline void rota__sanitized_entered(void)
{
}
static inline void rota__sanitized_cold(struct rota__stack *stack)
{
}
#endif

#pragma GCC visibility pop

/* Prepare `stack` for a new context that begins below `top` (stack->top, or lower if the caller
 * keeps something of its own up there) with entry(value). */
static inline void *rota__stack_start(
	struct rota__stack *stack, void *top, void (*entry)(void *value))
{
	rota__sanitized_start(stack);
	return rota__context_make(top, entry);
}

static inline void rota__stack_entered(void)
{
	rota__sanitized_entered();
}

static inline void *rota__stack_switch(struct rota__stack *from, void **save_sp,
	struct rota__stack *to, void *to_sp, void *value, bool from_dies)
{
#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
	return rota__sanitized_switch(from, save_sp, to, to_sp, value, from_dies);
#else
	return rota__switch_inline(save_sp, to_sp, value);
#endif
}

#endif
