/* context.h - leave one stack, go on at another
 *
 * A suspended context is a stack pointer.  What must survive lies on the suspended stack itself:
 * the callee-saved registers of the platform's calling convention and the address to go on at.
 * Nothing else is saved, because to its caller rota__switch() is an ordinary function call.
 *
 * Not saved on purpose: the floating-point control words (rounding mode, exception masks).  On
 * x86-64 that would double the price (2.9 -> 6.6 ns) for a state that next to nobody changes.
 * A task that does change them puts them back before it waits.  Nor is the signal mask saved.
 *
 * context_x86_64.S and context_aarch64.S are written by hand; every other machine goes through
 * context_ucontext.c, which makes two system calls at each switch. */
#ifndef ROTA_CORO_CONTEXT_H
#define ROTA_CORO_CONTEXT_H

#pragma GCC visibility push(hidden)

/* Suspend here: *save_sp is what leads back.  Go on at `to_sp`, where the pending rota__switch()
 * returns `value` (or where the entry function starts, with `value` as its argument).  Returns
 * what is passed by whoever switches back, which may happen on another thread: an address of
 * thread-local data (errno's too) must not be kept over this call. */
void *rota__switch(void **save_sp, void *to_sp, void *value);

/* The stack pointer for a first rota__switch() into the stack below `stack_top`, which needs no
 * alignment.  `entry` starts there with a clean frame chain: debuggers and unwinders stop at it.
 * It must never return. */
void *rota__context_make(void *stack_top, void (*entry)(void *value));

#pragma GCC visibility pop

#endif
