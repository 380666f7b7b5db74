/* switch.h - rota__switch() in place, for the hot paths
 *
 * A called switch upsets the processor's prediction of returns: what it expects was pushed by calls
 * made on another stack, and every return on the way up from the switch is then mispredicted, at 5 ns
 * each.  Switched in place there is no call and no return, and the functions above it return to where
 * the processor expects (measured: 26 -> 9 ns for a yield, on a machine where a bare switch is 4).
 *
 * The saved frame is that of rota__switch(), so that both kinds can lead to each other, and debuggers
 * need to know only one.  It lies where the red zone would be: build with -mno-red-zone. */
#ifndef ROTA_CORO_SWITCH_H
#define ROTA_CORO_SWITCH_H

#include "coro/context.h"

#if defined(__x86_64__) && !defined(ROTA_CONTEXT_UCONTEXT)

static inline __attribute__((always_inline)) void *rota__switch_inline(
	void **save_sp, void *to_sp, void *value)
{
	__asm__ volatile("lea 1f(%%rip), %%rcx\n\t"
			 "push %%rcx\n\t"
			 "push %%rbp\n\t"
			 "push %%rbx\n\t"
			 "push %%r12\n\t"
			 "push %%r13\n\t"
			 "push %%r14\n\t"
			 "push %%r15\n\t"
			 "mov %%rsp, (%%rdi)\n\t"
			 "mov %%rsi, %%rsp\n\t"
			 "pop %%r15\n\t"
			 "pop %%r14\n\t"
			 "pop %%r13\n\t"
			 "pop %%r12\n\t"
			 "pop %%rbx\n\t"
			 "pop %%rbp\n\t"
			 "pop %%rcx\n\t"
			 "notrack jmp *%%rcx\n"
			 "1:"
			 : "+a"(value), "+D"(save_sp), "+S"(to_sp)
			 :
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
			 "memory", "cc");
	return value;
}

#else
#define rota__switch_inline rota__switch
#endif

#endif
