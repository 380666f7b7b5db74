/* file.c - limit: io_uring, 32 reads in flight, the file and the buffers registered */
#include "bench.h"
#include "blocks.h"
#include "uring.h"

#include <sys/uio.h>

static char buffers[BLOCKS_AT_ONCE][BLOCK_BYTES] __attribute__((aligned(4096)));
static uint32_t wanted[BLOCKS_AT_ONCE];
static struct uring ring;

static void submit(unsigned slot)
{
	struct io_uring_sqe *sqe = uring_sqe(&ring);

	wanted[slot] = blocks_next();
	sqe->opcode = IORING_OP_READ_FIXED;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr = (uint64_t)(uintptr_t)buffers[slot];
	sqe->len = BLOCK_BYTES;
	sqe->off = (uint64_t)wanted[slot] * BLOCK_BYTES;
	sqe->user_data = slot;
}

/* Check what came and ask for as many again. */
static unsigned collect(void)
{
	unsigned head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	unsigned count = tail - head;

	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];

		if (cqe->res != BLOCK_BYTES)
			exit(1);
		blocks_check(buffers[cqe->user_data], wanted[cqe->user_data]);
		submit((unsigned)cqe->user_data);
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	return count;
}

int main(void)
{
	struct iovec all = { buffers, sizeof buffers };
	int fd = blocks_open();
	uint64_t done = 0, count = bench_ops(400000), start_ns, start_cpu_ns;

	if (uring_init(&ring, 64, 128) < 0 ||
		syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &all, 1) < 0 ||
		syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1) < 0)
		return 1;
	start_ns = bench_now_ns();
	start_cpu_ns = bench_cpu_ns();
	for (unsigned i = 0; i < BLOCKS_AT_ONCE; i++)
		submit(i);
	while (done < count) {
		uring_enter(&ring, 1, 0);
		done += collect();
	}
	bench_result_each("file-read-4k", start_ns, done);
	bench_result("file-read-4k-cpu", (double)(bench_cpu_ns() - start_cpu_ns) / (double)done);
	return 0;
}
