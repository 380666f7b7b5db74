/* file.c - 32 READ ops in flight on a loop; what the calls for files will be made of */
#include "bench.h"
#include "blocks.h"
#include "loop/loop.h"

struct slot {
	struct rota__op op;
	uint32_t wanted;
	char data[BLOCK_BYTES] __attribute__((aligned(64)));
};

static struct rota_loop *loop;
static int fd;
static uint64_t done, count;

static void submit(struct slot *slot);

static void on_read(struct rota__op *op)
{
	struct slot *slot = (struct slot *)op;

	if (op->result != BLOCK_BYTES)
		exit(1);
	blocks_check(slot->data, slot->wanted);
	if (++done < count)
		submit(slot);
}

static void submit(struct slot *slot)
{
	slot->wanted = blocks_next();
	slot->op.kind = OP_READ;
	slot->op.fd = fd;
	slot->op.done = on_read;
	slot->op.buf.base = slot->data;
	slot->op.buf.len = BLOCK_BYTES;
	slot->op.buf.offset = (uint64_t)slot->wanted * BLOCK_BYTES;
	rota__op_submit(loop, &slot->op);
}

int main(void)
{
	static struct slot slots[BLOCKS_AT_ONCE];
	uint64_t start_ns, start_cpu_ns;

	fd = blocks_open();
	count = bench_ops(400000);
	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	start_ns = bench_now_ns();
	start_cpu_ns = bench_cpu_ns();
	for (int i = 0; i < BLOCKS_AT_ONCE; i++)
		submit(&slots[i]);
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each("file-read-4k", start_ns, done);
	bench_result("file-read-4k-cpu", (double)(bench_cpu_ns() - start_cpu_ns) / (double)done);
	return rota_loop_free(loop) < 0;
}
