/* coro.h - the smallest thing to test switches with: a stack, where it waits, and what it runs
 *
 * co_resume() goes in and returns what the coroutine yields; co_yield() goes back out.  Whoever
 * resumes is where yields go to, so coroutines nest. */
#ifndef TESTS_CORO_H
#define TESTS_CORO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "coro/context.h"
#include "coro/sanitize.h"
#include "coro/stack.h"
#include "coro/valgrind.h"
#include "harness/test.h"

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Under a tool or an emulator, where counts of pages mean nothing and a hundred thousand stacks take too
 * long; or where ROTA_TEST_SMALL asks for less. */
static inline bool watched(void)
{
	return SANITIZED || valgrind_watches() || test_in_qemu() || getenv("ROTA_TEST_SMALL") != NULL;
}

struct co {
	struct rota__stack *stack;
	void *sp;
	struct rota__stack *resumer; /* NULL: the thread's own stack */
	void *resumer_sp;
	void *(*fn)(struct co *co, void *value);
	bool done;
	void *arg;
};

static inline void co_entry(void *value)
{
	struct co *co = value;

	rota__stack_entered();
	value = co->fn(co, co->arg);
	co->done = true;
	rota__stack_switch(co->stack, &co->sp, co->resumer, co->resumer_sp, value, true);
}

static inline void co_init(
	struct co *co, struct rota__stack_pool *pool, void *(*fn)(struct co *, void *), void *arg)
{
	*co = (struct co){ .stack = rota__stack_get(pool), .fn = fn, .arg = arg };
	CHECK(co->stack != NULL);
	co->stack->owner = co;
	co->sp = rota__stack_start(co->stack, co->stack->top, co_entry);
}

/* The first time `value` must be the coroutine itself: use co_start(). */
static inline void *co_resume_from(struct co *co, struct rota__stack *here, void *value)
{
	co->resumer = here;
	return rota__stack_switch(here, &co->resumer_sp, co->stack, co->sp, value, false);
}

static inline void *co_resume(struct co *co, void *value)
{
	return co_resume_from(co, NULL, value);
}

static inline void *co_start(struct co *co)
{
	return co_resume(co, co);
}

static inline void *co_yield (struct co *co, void *value)
{
	return rota__stack_switch(co->stack, &co->sp, co->resumer, co->resumer_sp, value, false);
}

#endif
