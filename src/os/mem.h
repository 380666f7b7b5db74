/* mem.h - where all memory of the library comes from
 *
 * One hook for every allocation, so that a program can bring its own allocator (rota/memory.h) and
 * so that tests can fail the nth one.  Stacks are mapped, not allocated: coro/stack.c. */
#ifndef ROTA_OS_MEM_H
#define ROTA_OS_MEM_H

#include <stddef.h>

/* NULL when there is no memory.  Size 0 is the caller's bug.  Any thread. */
void *rota__alloc(size_t size);
void *rota__alloc_zero(size_t size);
/* As realloc(3): `ptr` may be NULL, and on NULL the old memory stands. */
void *rota__realloc(void *ptr, size_t size);
/* NULL is allowed. */
void rota__free(void *ptr);

#endif
