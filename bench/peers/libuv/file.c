/* file.c - libuv: uv_fs_read, 32 in flight on its pool of four threads */
#include "bench.h"
#include "blocks.h"

#include <uv.h>

struct slot {
	uv_fs_t req;
	uint32_t wanted;
	char data[BLOCK_BYTES];
};

static int fd;
static uint64_t done, count;

static void submit(struct slot *slot);

static void on_read(uv_fs_t *req)
{
	struct slot *slot = (struct slot *)req;

	if (req->result != BLOCK_BYTES)
		exit(1);
	blocks_check(slot->data, slot->wanted);
	uv_fs_req_cleanup(req);
	if (++done < count)
		submit(slot);
}

static void submit(struct slot *slot)
{
	uv_buf_t buf = uv_buf_init(slot->data, BLOCK_BYTES);

	slot->wanted = blocks_next();
	uv_fs_read(uv_default_loop(), &slot->req, fd, &buf, 1,
		(int64_t)slot->wanted * BLOCK_BYTES, on_read);
}

int main(void)
{
	static struct slot slots[BLOCKS_AT_ONCE];
	uint64_t start_ns, start_cpu_ns;

	fd = blocks_open();
	count = bench_ops(200000);
	start_ns = bench_now_ns();
	start_cpu_ns = bench_cpu_ns();
	for (int i = 0; i < BLOCKS_AT_ONCE; i++)
		submit(&slots[i]);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_each("file-read-4k", start_ns, done);
	bench_result("file-read-4k-cpu", (double)(bench_cpu_ns() - start_cpu_ns) / (double)done);
	return 0;
}
