/* mem.c - the hook that all allocations go through */
#include <stdlib.h>
#include <string.h>

#include <rota/memory.h>

#include "os/mem.h"

static const struct rota_allocator standard = { malloc, realloc, free };
static struct rota_allocator in_use = { malloc, realloc, free };

void rota_set_allocator(const struct rota_allocator *allocator)
{
	in_use = allocator != NULL ? *allocator : standard;
}

void *rota__alloc(size_t size)
{
	return in_use.alloc(size);
}

void *rota__alloc_zero(size_t size)
{
	void *ptr = in_use.alloc(size);

	return ptr != NULL ? memset(ptr, 0, size) : NULL;
}

void *rota__realloc(void *ptr, size_t size)
{
	return in_use.realloc(ptr, size);
}

void rota__free(void *ptr)
{
	in_use.free(ptr);
}

void rota_free(void *ptr)
{
	in_use.free(ptr);
}
