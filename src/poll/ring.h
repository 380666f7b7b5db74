/* ring.h - the two queues that a program shares with io_uring, and the three system calls
 *
 * Our own thin layer rather than liburing: Debian 12's knows kernels up to 6.1, and what we use (ring
 * without an index array, exact waits, buffer rings) is numbers and a few loads and stores.  The
 * numbers are the kernel's ABI (include/uapi/linux/io_uring.h, io_uring_enter(2)); those that Debian's
 * header lacks are named here. */
#ifndef ROTA_POLL_RING_H
#define ROTA_POLL_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RING_SETUP_NO_SQARRAY = 1u << 16,   /* 6.6: entries are used in order, no index array */
	RING_OP_FTRUNCATE = 55,		    /* 6.9 */
	RING_CQE_F_BUF_MORE = 1u << 4,	    /* 6.12 */
};

struct ring {
	int fd;
	uint32_t features, setup_flags;

	struct io_uring_sqe *sqes;
	uint32_t *sq_head, *sq_tail, *sq_flags, *sq_array;
	uint32_t sq_mask, sq_entries;
	uint32_t tail;	    /* ours: entries up to here are filled */
	uint32_t submitted; /* and up to here the kernel has been told */

	struct io_uring_cqe *cqes;
	uint32_t *cq_head, *cq_tail;
	uint32_t cq_mask;

	int enter_fd;	/* registered index or fd */
	uint32_t enter_flags;
	int home;	/* the thread that enabled it */
	int home_index; /* what that thread has registered it as; -1: it has not */
	void *rings, *sqe_memory;
	size_t rings_bytes, sqe_bytes;
	uint8_t ops[256]; /* what PROBE says of each opcode: 1 = supported */
};

/* Set up a ring with the richest flags this kernel takes; `shareable`: of those with which any thread may
 * enter it, one at a time.  -ENOSYS, -EPERM: not to be had. */
int rota__ring_open(struct ring *ring, uint32_t entries, bool shareable);
void rota__ring_close(struct ring *ring);

/* The first use on the thread that will use it: from now on it is this thread's. */
int rota__ring_enable(struct ring *ring);

/* The calling thread uses it from now on.  -EPERM: it is not shareable. */
int rota__ring_moved(struct ring *ring);

/* Is the calling thread another than the one that enabled it? */
bool rota__ring_away(const struct ring *ring);

/* The next free entry, cleared; NULL: the queue is full, submit first. */
struct io_uring_sqe *rota__ring_sqe(struct ring *ring);

/* Entries filled and not yet handed over. */
static inline uint32_t ring_unsubmitted(const struct ring *ring)
{
	return ring->tail - ring->submitted;
}

/* Hand over what is filled, and wait until `wait_count` completions are there or `left_ns` passed
 * (UINT64_MAX: no limit).  0 or a negative errno; -ETIME and -EINTR are normal. */
int rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns);

/* The kernel has work for us that it does only when we enter. */
bool rota__ring_has_work(const struct ring *ring);

/* The oldest completion, NULL if there is none; rota__ring_seen() lets it go. */
struct io_uring_cqe *rota__ring_cqe(struct ring *ring);
/* The place of the one that comes so many later, whether it is there or not. */
static inline const struct io_uring_cqe *ring_cqe_behind(const struct ring *ring, const struct io_uring_cqe *cqe, uint32_t distance)
{
	return &ring->cqes[((uint32_t)(cqe - ring->cqes) + distance) & ring->cq_mask];
}
void rota__ring_seen(struct ring *ring);

int rota__ring_register(struct ring *ring, unsigned what, void *arg, unsigned count);

#endif
