/* ring.c - the two queues that a program shares with io_uring (ring.h) */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rota/base.h>

#include "base/atomic.h"
#include "base/sanitizers.h"
#include "poll/ring.h"

/* Completions may come in bursts larger than the submissions of one turn: multishot ops. */
enum { CQ_FACTOR = 4 };

static int setup(uint32_t entries, struct io_uring_params *params, uint32_t flags)
{
	long fd;

	memset(params, 0, sizeof *params);
	params->flags = flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
	params->cq_entries = entries * CQ_FACTOR;
	fd = syscall(SYS_io_uring_setup, entries, params);
	return fd < 0 ? rota_errno() : (int)fd;
}

/* From the richest to the poorest; each step is a kernel version (docs/design/pollers.md). */
static int setup_best(uint32_t entries, struct io_uring_params *params, bool shareable)
{
	static const uint32_t steps[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			IORING_SETUP_SUBMIT_ALL | RING_SETUP_NO_SQARRAY,				      /* 6.6 */
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			IORING_SETUP_SUBMIT_ALL,							      /* 6.1 */
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
			RING_SETUP_NO_SQARRAY,								      /* 6.6 */
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,	      /* 5.19 */
		0,											      /* 5.11 */
	};
	int fd = -EINVAL;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && fd == -EINVAL; i++)
		if (!shareable || !(steps[i] & IORING_SETUP_SINGLE_ISSUER))
			fd = setup(entries, params, steps[i]);
	return fd;
}

static void *map(int fd, size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static int map_queues(struct ring *ring, const struct io_uring_params *p)
{
	char *base;

	ring->rings_bytes = larger(p->sq_off.array + p->sq_entries * sizeof(uint32_t),
		p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe));
	ring->rings = map(ring->fd, ring->rings_bytes, IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED)
		return rota_errno();
	ring->sqe_bytes = p->sq_entries * sizeof(struct io_uring_sqe);
	ring->sqe_memory = map(ring->fd, ring->sqe_bytes, IORING_OFF_SQES);
	if (ring->sqe_memory == MAP_FAILED) {
		int rc = rota_errno();

		munmap(ring->rings, ring->rings_bytes);
		return rc;
	}
	base = ring->rings;
	ring->sqes = ring->sqe_memory;
	ring->sq_head = (uint32_t *)(base + p->sq_off.head);
	ring->sq_tail = (uint32_t *)(base + p->sq_off.tail);
	ring->sq_flags = (uint32_t *)(base + p->sq_off.flags);
	ring->sq_array = (uint32_t *)(base + p->sq_off.array);
	ring->sq_mask = *(uint32_t *)(base + p->sq_off.ring_mask);
	ring->sq_entries = p->sq_entries;
	ring->cqes = (struct io_uring_cqe *)(base + p->cq_off.cqes);
	ring->cq_head = (uint32_t *)(base + p->cq_off.head);
	ring->cq_tail = (uint32_t *)(base + p->cq_off.tail);
	ring->cq_mask = *(uint32_t *)(base + p->cq_off.ring_mask);
	if (!(p->flags & RING_SETUP_NO_SQARRAY))
		for (uint32_t i = 0; i < p->sq_entries; i++)
			ring->sq_array[i] = i;
	return 0;
}

static int probe(struct ring *ring)
{
	enum { OPS = 128 };
	union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) + OPS * sizeof(struct io_uring_probe_op)];
	} answer;
	int rc;

	memset(&answer, 0, sizeof answer);
	rc = rota__ring_register(ring, IORING_REGISTER_PROBE, &answer, OPS);
	if (rc < 0)
		return rc;
	for (int i = 0; i < answer.probe.ops_len && i < OPS; i++)
		ring->ops[answer.probe.ops[i].op] = (answer.probe.ops[i].flags & IO_URING_OP_SUPPORTED) != 0;
	return 0;
}

int rota__ring_open(struct ring *ring, uint32_t entries, bool shareable)
{
	/* What we cannot do without: one mapping, no lost completions, fast poll, timed waits (5.11). */
	const uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL |
		IORING_FEAT_EXT_ARG;
	struct io_uring_params params;
	int rc;

	memset(ring, 0, sizeof *ring);
	ring->fd = setup_best(entries, &params, shareable);
	if (ring->fd < 0)
		return ring->fd;
	ring->features = params.features;
	ring->setup_flags = params.flags;
	ring->enter_fd = ring->fd;
	ring->home_index = -1;
	rc = (params.features & needed) == needed ? map_queues(ring, &params) : -ENOSYS;
	if (rc < 0) {
		close(ring->fd);
		return rc;
	}
	rc = probe(ring);
	if (rc < 0)
		rota__ring_close(ring);
	return rc;
}

void rota__ring_close(struct ring *ring)
{
	struct io_uring_rsrc_update self = { .offset = (uint32_t)ring->home_index };

	/* A thread's registration would keep the ring alive until the thread ends, and there are 16. */
	if (ring->home_index >= 0 && !rota__ring_away(ring))
		rota__ring_register(ring, IORING_UNREGISTER_RING_FDS, &self, 1);
	munmap(ring->sqe_memory, ring->sqe_bytes);
	munmap(ring->rings, ring->rings_bytes);
	close(ring->fd);
}

int rota__ring_register(struct ring *ring, unsigned what, void *arg, unsigned count)
{
	long rc = syscall(SYS_io_uring_register, ring->fd, what, arg, count);

	return rc < 0 ? rota_errno() : (int)rc;
}

int rota__ring_enable(struct ring *ring)
{
	struct io_uring_rsrc_update self = { .offset = UINT32_MAX, .data = (uint64_t)ring->fd };
	int rc = rota__ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (rc < 0)
		return rc;
	ring->home = gettid();
	/* A registered ring is found without a look into the table of files: 60 ns an enter (5.18). */
	if (rota__ring_register(ring, IORING_REGISTER_RING_FDS, &self, 1) == 1) {
		ring->home_index = (int)self.offset;
		ring->enter_fd = ring->home_index;
		ring->enter_flags = IORING_ENTER_REGISTERED_RING;
	}
	return 0;
}

bool rota__ring_away(const struct ring *ring)
{
	return gettid() != ring->home;
}

int rota__ring_moved(struct ring *ring)
{
	bool registered = ring->home_index >= 0 && !rota__ring_away(ring);

	if (ring->setup_flags & IORING_SETUP_SINGLE_ISSUER)
		return -EPERM;
	ring->enter_fd = registered ? ring->home_index : ring->fd;
	ring->enter_flags = registered ? IORING_ENTER_REGISTERED_RING : 0;
	return 0;
}

struct io_uring_sqe *rota__ring_sqe(struct ring *ring)
{
	struct io_uring_sqe *sqe;

	/* Acquire: the kernel has read the entries it says it consumed. */
	if (ring->tail - load_acquire(ring->sq_head) >= ring->sq_entries)
		return NULL;
	sqe = &ring->sqes[ring->tail++ & ring->sq_mask];
	memset(sqe, 0, sizeof *sqe);
	return sqe;
}

static int enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns)
{
	struct __kernel_timespec left = { (int64_t)(left_ns / 1000000000), (int64_t)(left_ns % 1000000000) };
	struct io_uring_getevents_arg arg = { .ts = left_ns != UINT64_MAX ? (uint64_t)(uintptr_t)&left : 0 };
	uint32_t to_submit = ring_unsubmitted(ring);
	uint32_t flags = ring->enter_flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	long n;

	store_release(ring->sq_tail, ring->tail); /* the kernel reads entries after the tail */
	n = syscall(SYS_io_uring_enter, ring->enter_fd, to_submit, wait_count, flags, &arg, sizeof arg);
	/* What was consumed is said by the head, also when the wait ended with an error. */
	ring->submitted = load_acquire(ring->sq_head);
	return n < 0 ? rota_errno() : 0;
}

#ifdef ROTA_TSAN
/* ThreadSanitizer keeps a signal from its handler until the thread calls something that it knows to block, and of this wait it
 * does not know: a signal that comes just before would wait as long as we do. */
int rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns)
{
	static const uint64_t slice_ns = 20 * 1000 * 1000;
	int rc;

	while (wait_count > 0 && left_ns > slice_ns) {
		rc = enter(ring, wait_count, slice_ns);
		if (rc != -ETIME)
			return rc;
		usleep(0);
		if (left_ns != UINT64_MAX)
			left_ns -= slice_ns;
	}
	return enter(ring, wait_count, left_ns);
}
#else
int rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns)
{
	return enter(ring, wait_count, left_ns);
}
#endif

bool rota__ring_has_work(const struct ring *ring)
{
	return load_relaxed(ring->sq_flags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

struct io_uring_cqe *rota__ring_cqe(struct ring *ring)
{
	uint32_t head = *ring->cq_head;

	/* Acquire: the entry is complete when the tail has passed it. */
	return head != load_acquire(ring->cq_tail) ? &ring->cqes[head & ring->cq_mask] : NULL;
}

void rota__ring_seen(struct ring *ring)
{
	store_release(ring->cq_head, *ring->cq_head + 1); /* the kernel may write over it now */
}
