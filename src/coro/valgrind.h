/* valgrind.h - the few requests we make of valgrind, if its header was there at build time
 *
 * Outside of valgrind each is a handful of instructions that do nothing. */
#ifndef ROTA_CORO_VALGRIND_H
#define ROTA_CORO_VALGRIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

/* So that a jump to another stack is not taken for a huge frame. */
static inline uint32_t valgrind_stack_register(void *base, void *top)
{
#if defined(VALGRIND_STACK_REGISTER)
	return VALGRIND_STACK_REGISTER(base, top);
#else
	return 0;
#endif
}

static inline void valgrind_stack_deregister(uint32_t id)
{
#if defined(VALGRIND_STACK_DEREGISTER)
	VALGRIND_STACK_DEREGISTER(id);
#endif
}

static inline bool valgrind_watches(void)
{
#if defined(RUNNING_ON_VALGRIND)
	return RUNNING_ON_VALGRIND != 0;
#else
	return false;
#endif
}

/* Around reads of dead frames, which are errors anywhere else. */
static inline void valgrind_look_away(void)
{
#if defined(VALGRIND_DISABLE_ERROR_REPORTING)
	VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

static inline void valgrind_look_again(void)
{
#if defined(VALGRIND_ENABLE_ERROR_REPORTING)
	VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

/* Whatever these bytes are, they may be looked at. */
static inline void valgrind_any_will_do(const void *start, size_t size)
{
#if defined(VALGRIND_MAKE_MEM_DEFINED)
	VALGRIND_MAKE_MEM_DEFINED(start, size);
#endif
}

#endif
