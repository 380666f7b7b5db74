/* switch.h - rota__switch() in place, for the hot paths
 *
 * A called switch upsets the processor's prediction of returns: what it expects was pushed by calls
 * made on another stack, and every return on the way up from the switch is then mispredicted, at 5 ns
 * each.  Switched in place there is no call and no return, and the functions above it return to where
 * the processor expects (measured: 26 -> 9 ns for a yield, on a machine where a bare switch is 4).
 *
 * The saved frame is that of rota__switch(), so that both kinds can lead to each other, and debuggers
 * need to know only one.  On x86-64 it lies where the red zone would be: build with -mno-red-zone.
 * Naming the frame's address as an operand makes the compiler set up a frame pointer, by which
 * unwinders find the way while the stack pointer moves.  (On AArch64 gcc's unwind tables go by the
 * stack pointer all the same: there a CFI unwinder that strikes between two of these instructions is
 * lost; before and after, and by frame pointers, it is not.)
 *
 * A called function may change every register that is not callee-saved, and the compiler knows; here
 * we must name them all.  Machines with registers that this list does not know call the function. */
#ifndef ROTA_CORO_SWITCH_H
#define ROTA_CORO_SWITCH_H

#include "coro/context.h"

#if defined(ROTA_CONTEXT_UCONTEXT) || defined(__APX_F__) || defined(__ARM_FEATURE_SVE)
#define rota__switch_inline rota__switch

#elif defined(__x86_64__)

#if defined(__AVX512F__)
#define SWITCH_CLOBBERS_AVX512                                                                     \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",         \
		"xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3",   \
		"k4", "k5", "k6", "k7"
#else
#define SWITCH_CLOBBERS_AVX512
#endif

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
			 : "X"(__builtin_frame_address(0))
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
			 "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
			 "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)",
			 "st(5)", "st(6)", "st(7)", "memory", "cc" SWITCH_CLOBBERS_AVX512);
	return value;
}

#elif defined(__aarch64__)

/* Signed and left as in context_aarch64.S, where the reasons are. */
#if defined(__ARM_FEATURE_PAC_DEFAULT)
#define SWITCH_SIGN_X30 "hint #25\n\t"
#define SWITCH_AUTH_X30 "hint #29\n\t"
#else
#define SWITCH_SIGN_X30
#define SWITCH_AUTH_X30
#endif
#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define SWITCH_LEAVE "ret\n"
#else
#define SWITCH_LEAVE "mov x16, x30\n\tbr x16\n"
#endif

/* d8 - d15 are not stored but named as changed: that includes the upper halves, which nobody saves. */
static inline __attribute__((always_inline)) void *rota__switch_inline(
	void **save_sp, void *to_sp, void *value)
{
	register void *x0 __asm__("x0") = value;
	register void **x1 __asm__("x1") = save_sp;
	register void *x2 __asm__("x2") = to_sp;

	__asm__ volatile("adr x30, 1f\n\t" SWITCH_SIGN_X30
			 "stp x29, x30, [sp, #-160]!\n\t"
			 "stp x19, x20, [sp, #16]\n\t"
			 "stp x21, x22, [sp, #32]\n\t"
			 "stp x23, x24, [sp, #48]\n\t"
			 "stp x25, x26, [sp, #64]\n\t"
			 "stp x27, x28, [sp, #80]\n\t"
			 "mov x3, sp\n\t"
			 "str x3, [x1]\n\t"
			 "mov sp, x2\n\t"
			 "ldp d8, d9, [sp, #96]\n\t"
			 "ldp d10, d11, [sp, #112]\n\t"
			 "ldp d12, d13, [sp, #128]\n\t"
			 "ldp d14, d15, [sp, #144]\n\t"
			 "ldp x19, x20, [sp, #16]\n\t"
			 "ldp x21, x22, [sp, #32]\n\t"
			 "ldp x23, x24, [sp, #48]\n\t"
			 "ldp x25, x26, [sp, #64]\n\t"
			 "ldp x27, x28, [sp, #80]\n\t"
			 "ldp x29, x30, [sp], #160\n\t" SWITCH_AUTH_X30 SWITCH_LEAVE
			 "1:"
			 : "+r"(x0), "+r"(x1), "+r"(x2)
			 : "X"(__builtin_frame_address(0))
			 : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
			 "x14", "x15", "x16", "x17", "x18", "x30", "v0", "v1", "v2", "v3", "v4",
			 "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
			 "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
			 "v26", "v27", "v28", "v29", "v30", "v31", "memory", "cc");
	return x0;
}

#else
#define rota__switch_inline rota__switch
#endif

#endif
