/* memory.h - bring your own allocator */
#ifndef ROTA_MEMORY_H
#define ROTA_MEMORY_H

#include <rota/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The three calls every allocation of the library goes through, with the contracts of malloc(3),
 * realloc(3) and free(3); called from any thread.  The library survives NULL. */
struct rota_allocator {
	void *(*alloc)(size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);
};

/* Use `allocator` (copied) from now on; NULL goes back to malloc.  Call it before anything else of
 * the library: memory from one allocator must not reach another's free.  Not thread-safe. */
ROTA_API void rota_set_allocator(const struct rota_allocator *allocator);

/* Give back memory that a call handed over for good (rota_read_file() ...).  NULL is allowed. */
ROTA_API void rota_free(void *ptr);

#ifdef __cplusplus
}
#endif
#endif
