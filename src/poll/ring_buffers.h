/* ring_buffers.h - the buffers that a ring's receives take when bytes have come, and how many of them it needs
 *
 *	UNUSED --missed--> PROVIDED --by the kernel, for a receive--> TAKEN --come back, and there are enough--> RESTING --missed--> PROVIDED
 *	                       ^-------------come back------------------/
 *
 * The kernel goes round all that are provided, so that more of them than are needed cost the cache.  A few are provided from the start,
 * each that is missed is one more, and with each sleep of the loop one less is enough.  docs/design/pollers.md */
#ifndef ROTA_POLL_RING_BUFFERS_H
#define ROTA_POLL_RING_BUFFERS_H

#include "poll/ring.h"

enum { RING_BUFFER_GROUP = 1 };

struct ring_buffers {
	struct io_uring_buf_ring *ring; /* NULL: not opened */
	char *memory;
	uint32_t count, bytes; /* at most, a power of two; of each.  Set by the owner */
	uint16_t tail;
	uint32_t provided, enough; /* as far as we know; how many of them are left so when one comes back */
	uint32_t made, resting;	   /* ids that were ever in use; the first that rests, plus 1, and in it the next */
};

/* 0 or an error; then nothing is open. */
int rota__ring_buffers_open(struct ring_buffers *b, struct ring *ring);

/* The ring is closed.  Not opened: nothing happens. */
void rota__ring_buffers_close(struct ring_buffers *b);

static inline char *ring_buffer_at(const struct ring_buffers *b, uint32_t id)
{
	return b->memory + (size_t)id * b->bytes;
}

/* The kernel may take it. */
void rota__ring_buffers_provide(struct ring_buffers *b, uint32_t id);

/* It comes back: provided again, or rests. */
void rota__ring_buffers_return(struct ring_buffers *b, uint32_t id);

/* Less than half of all that there can be are left. */
static inline bool rota__ring_buffers_are_scarce(const struct ring_buffers *b)
{
	return b->provided + (b->count - b->made) < b->count / 2;
}

/* One was missed.  False: nor can there be more. */
bool rota__ring_buffers_one_more(struct ring_buffers *b);

/* There is time to sleep: as many as there were once are not needed any more, if that goes on. */
void rota__ring_buffers_one_less(struct ring_buffers *b);

#endif
