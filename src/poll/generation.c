/* generation.c - which owner of a descriptor's number this is (generation.h)
 *
 * A table in chunks, which are made when an epoll poller first asks about a number in them, and stay: so
 * that there is something to count only where somebody remembers. */
#include <errno.h>
#include <stddef.h>

#include "base/atomic.h"
#include "os/mem.h"
#include "poll/generation.h"

enum {
	CHUNK = 4096,	 /* numbers: four pages, enough for most programs */
	CHUNKS = 262144, /* 2^30 numbers, which Linux cannot exceed; pages of it that nobody touches are free */
};

static uint32_t *chunks[CHUNKS];

/* The place that counts for `fd`; NULL if there is none yet. */
static uint32_t *existing(int fd)
{
	uint32_t *chunk = load_acquire(&chunks[(uint32_t)fd / CHUNK]); /* pairs with make() */

	return chunk != NULL ? &chunk[(uint32_t)fd % CHUNK] : NULL;
}

static int make(int fd)
{
	uint32_t *chunk = rota__alloc_zero(CHUNK * sizeof *chunk), *none = NULL;

	if (chunk == NULL)
		return -ENOMEM;
	if (!cas_acq_rel(&chunks[(uint32_t)fd / CHUNK], &none, chunk))
		rota__free(chunk); /* another thread was first */
	return 0;
}

int rota__fd_generation(int fd, uint32_t *ret)
{
	uint32_t *count;

	if (fd < 0 || (uint32_t)fd / CHUNK >= CHUNKS)
		return -EBADF;
	count = existing(fd);
	if (count == NULL && make(fd) < 0)
		return -ENOMEM;
	*ret = load_acquire(existing(fd)); /* pairs with rota__fd_closing() */
	return 0;
}

void rota__fd_closing(int fd)
{
	uint32_t *count = fd >= 0 && (uint32_t)fd / CHUNK < CHUNKS ? existing(fd) : NULL;

	if (count != NULL)
		add_acq_rel(count, 1); /* before close(2), and so before the next owner's first look */
}
