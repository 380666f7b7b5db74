/* context.h - the least context switch: six registers, the stack pointer, a return
 *
 * For the limit programs, which are x86-64 only.  Include it in one file of a program. */
#ifndef BENCH_LIMITS_CONTEXT_H
#define BENCH_LIMITS_CONTEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Leave this stack (its pointer goes to *save_sp) and go on at `to_sp`. */
void bench_switch(void **save_sp, void *to_sp);

__asm__(".text\n.p2align 4\n.globl bench_switch\nbench_switch:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	mov %rsp, (%rdi)\n	mov %rsi, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
	"	ret\n");

/* The stack pointer for a first switch to a stack: entry() runs there and must not return. */
static inline void *bench_context(void *stack_top, void (*entry)(void))
{
	uintptr_t *sp = (uintptr_t *)((uintptr_t)stack_top & ~(uintptr_t)15);

	*--sp = 0; /* where entry() would return to */
	*--sp = (uintptr_t)entry;
	sp -= 6;
	memset(sp, 0, 6 * sizeof *sp);
	return sp;
}

/* Memory that is not there before it is touched. */
static inline char *bench_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

#endif
