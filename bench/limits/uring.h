/* uring.h - the least io_uring layer: raw system calls, one thread, a ring of provided buffers */
#ifndef BENCH_LIMITS_URING_H
#define BENCH_LIMITS_URING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IORING_SETUP_NO_SQARRAY /* Linux 6.6 */
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

struct uring {
	int fd, enter_fd;
	unsigned enter_flags;
	unsigned *sq_head, *sq_tail, sq_mask, sq_size;
	unsigned *cq_head, *cq_tail, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned filled, handed_over;
};

/* A registered ring descriptor saves its look-up in every enter. */
static inline void uring_register_itself(struct uring *r)
{
	struct io_uring_rsrc_update update = { .offset = -1U, .data = (uint64_t)r->fd };

	r->enter_fd = r->fd;
	if (syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
		r->enter_fd = (int)update.offset;
		r->enter_flags = IORING_ENTER_REGISTERED_RING;
	}
}

static inline int uring_init(struct uring *r, unsigned entries, unsigned completions)
{
	struct io_uring_params p = { .cq_entries = completions };
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
	char *rings;

	memset(r, 0, sizeof *r);
	p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
		IORING_SETUP_NO_SQARRAY;
	r->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (r->fd < 0)
		return -errno;
	rings = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof *r->cqes, prot, flags, r->fd,
		IORING_OFF_SQ_RING);
	r->sqes = mmap(
		NULL, p.sq_entries * sizeof *r->sqes, prot, flags, r->fd, IORING_OFF_SQES);
	if (rings == MAP_FAILED || (void *)r->sqes == MAP_FAILED)
		return -errno;
	r->sq_head = (unsigned *)(rings + p.sq_off.head);
	r->sq_tail = (unsigned *)(rings + p.sq_off.tail);
	r->sq_mask = *(unsigned *)(rings + p.sq_off.ring_mask);
	r->sq_size = p.sq_entries;
	r->cq_head = (unsigned *)(rings + p.cq_off.head);
	r->cq_tail = (unsigned *)(rings + p.cq_off.tail);
	r->cq_mask = *(unsigned *)(rings + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
	uring_register_itself(r);
	return 0;
}

/* Hand over what was filled in and wait for `want` completions; with `gather_us` for no longer than
 * that once there is one. */
static inline int uring_enter(struct uring *r, unsigned want, unsigned gather_us)
{
	static const struct __kernel_timespec hour = { 3600, 0 };
	struct {
		uint64_t sigmask;
		uint32_t sigmask_bytes, min_wait_us;
		uint64_t timespec;
	} arg = { 0, 0, gather_us, (uint64_t)(uintptr_t)&hour }; /* no limit: ETIME after min_wait */
	unsigned flags = IORING_ENTER_GETEVENTS | r->enter_flags;
	int n;

	if (gather_us > 0)
		flags |= IORING_ENTER_EXT_ARG;
	__atomic_store_n(r->sq_tail, r->filled, __ATOMIC_RELEASE);
	n = (int)syscall(SYS_io_uring_enter, r->enter_fd, r->filled - r->handed_over, want, flags,
		gather_us > 0 ? (void *)&arg : NULL, gather_us > 0 ? sizeof arg : 0);
	if (n > 0)
		r->handed_over += (unsigned)n;
	return n < 0 ? -errno : n;
}

static inline struct io_uring_sqe *uring_sqe(struct uring *r)
{
	struct io_uring_sqe *sqe;

	if (r->filled - __atomic_load_n(r->sq_head, __ATOMIC_ACQUIRE) == r->sq_size)
		uring_enter(r, 0, 0);
	sqe = &r->sqes[r->filled++ & r->sq_mask];
	memset(sqe, 0, sizeof *sqe);
	return sqe;
}

/* Buffers of group 0; `count` is a power of two. */
struct uring_buffers {
	struct io_uring_buf_ring *ring;
	char *memory;
	unsigned count, bytes, tail;
};

static inline void uring_buffer_give(struct uring_buffers *b, unsigned id)
{
	struct io_uring_buf *buf = &b->ring->bufs[b->tail++ & (b->count - 1)];

	buf->addr = (uint64_t)(uintptr_t)(b->memory + (size_t)id * b->bytes);
	buf->len = b->bytes;
	buf->bid = (uint16_t)id;
}

static inline void uring_buffers_publish(struct uring_buffers *b)
{
	__atomic_store_n(&b->ring->tail, (uint16_t)b->tail, __ATOMIC_RELEASE);
}

static inline int uring_buffers_init(
	struct uring *r, struct uring_buffers *b, unsigned count, unsigned bytes)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct io_uring_buf_reg reg = { .ring_entries = count };

	b->count = count;
	b->bytes = bytes;
	b->tail = 0;
	b->ring = mmap(NULL, count * sizeof(struct io_uring_buf), prot, flags, -1, 0);
	b->memory = mmap(NULL, (size_t)count * bytes, prot, flags, -1, 0);
	if ((void *)b->ring == MAP_FAILED || b->memory == MAP_FAILED)
		return -errno;
	reg.ring_addr = (uint64_t)(uintptr_t)b->ring;
	if (syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_PBUF_RING, &reg, 1) < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++)
		uring_buffer_give(b, i);
	uring_buffers_publish(b);
	return 0;
}

#endif
