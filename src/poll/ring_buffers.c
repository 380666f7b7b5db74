/* ring_buffers.c - the buffers that a ring's receives take when bytes have come (ring_buffers.h) */
#include "poll/ring_buffers.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/atomic.h"

enum { FEW = 64 }; /* provided from the start */

static void *map_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

static size_t ring_bytes(const struct ring_buffers *b)
{
	return b->count * sizeof(struct io_uring_buf);
}

static size_t memory_bytes(const struct ring_buffers *b)
{
	return (size_t)b->count * b->bytes;
}

int rota__ring_buffers_open(struct ring_buffers *b, struct ring *ring)
{
	struct io_uring_buf_reg reg = { .ring_entries = b->count, .bgid = RING_BUFFER_GROUP };
	int rc = -ENOMEM;

	b->ring = map_memory(ring_bytes(b));
	b->memory = map_memory(memory_bytes(b));
	reg.ring_addr = (uint64_t)(uintptr_t)b->ring;
	if (b->ring != NULL && b->memory != NULL)
		rc = rota__ring_register(ring, IORING_REGISTER_PBUF_RING, &reg, 1);
	if (rc < 0) {
		rota__ring_buffers_close(b);
		return rc;
	}
	b->enough = FEW < b->count ? FEW : b->count;
	for (; b->made < b->enough; b->made++)
		rota__ring_buffers_provide(b, b->made);
	return 0;
}

void rota__ring_buffers_close(struct ring_buffers *b)
{
	if (b->ring != NULL)
		munmap(b->ring, ring_bytes(b));
	if (b->memory != NULL)
		munmap(b->memory, memory_bytes(b));
	b->ring = NULL;
	b->memory = NULL;
}

void rota__ring_buffers_provide(struct ring_buffers *b, uint32_t id)
{
	struct io_uring_buf *buf = &b->ring->bufs[b->tail & (b->count - 1)];

	buf->addr = (uint64_t)(uintptr_t)ring_buffer_at(b, id);
	buf->len = b->bytes;
	buf->bid = (uint16_t)id;
	store_release(&b->ring->tail, ++b->tail); /* the kernel reads the entry after the tail */
	b->provided++;
}

void rota__ring_buffers_return(struct ring_buffers *b, uint32_t id)
{
	if (b->provided < b->enough) {
		rota__ring_buffers_provide(b, id);
		return;
	}
	*(uint32_t *)ring_buffer_at(b, id) = b->resting;
	b->resting = id + 1;
}

bool rota__ring_buffers_one_more(struct ring_buffers *b)
{
	uint32_t id = b->made;

	if (b->resting != 0) {
		id = b->resting - 1;
		b->resting = *(uint32_t *)ring_buffer_at(b, id);
	} else if (b->made < b->count) {
		b->made++;
	} else {
		return false;
	}
	rota__ring_buffers_provide(b, id);
	b->enough += b->enough < b->count;
	return true;
}

void rota__ring_buffers_one_less(struct ring_buffers *b)
{
	b->enough -= b->enough > FEW;
}
