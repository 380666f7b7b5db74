/* overflow.h - a stack that overflows is named before the program dies
 *
 * A write below a guarded stack is a SIGSEGV (SIGBUS on some systems).  Our handler, on a signal
 * stack of its own, writes to stderr
 *
 *	rota: stack overflow in task "NAME" (spawned at FILE:LINE), stack of 64 KiB
 *
 * and a backtrace, and lets the program die of the same fault under the disposition that was there
 * before us, so that a core dump shows the overflowing frame.  Any other fault is passed on to
 * that disposition as if we were not there. */
#ifndef ROTA_CORO_OVERFLOW_H
#define ROTA_CORO_OVERFLOW_H

#include <stddef.h>

struct rota__stack;

#pragma GCC visibility push(hidden)

/* Give the calling thread a signal stack (unless it has one) and, the first time, install the
 * handler.  Calls nest.  0, or -ENOMEM: the thread works, but its overflows kill unnamed. */
int rota__overflow_thread_init(void);
void rota__overflow_thread_fini(void);

/* How a stack's owner is called in the report: write at most n bytes ("task \"x\" (spawned at
 * f.c:7)", no newline, need not end in 0) and return how many.  Runs in a signal handler: must be
 * async-signal-safe.  For the whole process; NULL takes it back. */
void rota__overflow_set_describe(size_t (*fn)(void *owner, char *buf, size_t n));

/* Report an overflow found after the fact and abort(). */
_Noreturn void rota__overflow_found(struct rota__stack *stack);

#pragma GCC visibility pop

#endif
