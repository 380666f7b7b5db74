/* context_ucontext.c - the switch for machines we have no assembly for
 *
 * The "stack pointer" of a suspended context is the address of its record, which lies on the
 * suspended stack: in rota__switch()'s frame, or for a new context at the top of its stack.
 * swapcontext() keeps the signal mask with two system calls; it is the fallback, not the plan. */
#include "coro/context.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct context {
	ucontext_t registers;
	void *value; /* written by whoever switches here, before it does */
	void (*entry)(void *value);
};

/* What makecontext() hears of the stack below the record.  Only the sum of address and size counts,
 * the upper end; any size works that stays inside the smallest stack. */
enum { STATED_BYTES = 4096 };

void *rota__switch(void **save_sp, void *to_sp, void *value)
{
	struct context here, *to = to_sp;

	to->value = value;
	*save_sp = &here;
	swapcontext(&here.registers, &to->registers);
	return here.value;
}

/* makecontext() passes ints: the record's address comes in two halves. */
static void start(unsigned high, unsigned low)
{
	struct context *self = (struct context *)((uintptr_t)high << 16 << 16 | low);

	self->entry(self->value);
	__builtin_trap(); /* entry functions do not return */
}

void *rota__context_make(void *stack_top, void (*entry)(void *value))
{
	uintptr_t at = ((uintptr_t)stack_top - sizeof(struct context)) & ~(uintptr_t)63;
	struct context *made = (struct context *)at;

	getcontext(&made->registers);
	made->registers.uc_link = NULL;
	made->registers.uc_stack.ss_sp = (char *)made - STATED_BYTES;
	made->registers.uc_stack.ss_size = STATED_BYTES;
	made->entry = entry;
	makecontext(&made->registers, (void (*)(void))start, 2, (unsigned)(at >> 16 >> 16),
		(unsigned)at);
	return made;
}
