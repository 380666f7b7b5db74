/* pipe.c - libuv: 64 KiB messages through a local socket within one loop */
#include "bench.h"

#include <sys/socket.h>
#include <uv.h>

enum { MESSAGE = 64 << 10, COUNT = 16384 };

static char message[MESSAGE], buffer[MESSAGE];
static uv_pipe_t reader, writer;
static uint64_t sent, received_bytes;

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
	(void)buf;
	if (size < 0 && size != UV_EOF)
		exit(1);
	if (size > 0)
		received_bytes += (uint64_t)size;
	else if (size < 0)
		uv_close((uv_handle_t *)stream, NULL);
}

static void on_written(uv_write_t *req, int status)
{
	uv_buf_t buf = uv_buf_init(message, sizeof message);

	if (status < 0)
		exit(1);
	if (++sent < COUNT)
		uv_write(req, req->handle, &buf, 1, on_written);
	else
		uv_close((uv_handle_t *)req->handle, NULL);
}

int main(void)
{
	uint64_t total = (uint64_t)MESSAGE * COUNT, start_ns;
	uv_buf_t buf = uv_buf_init(message, sizeof message);
	uv_write_t req;
	int ends[2];

	if (uv_socketpair(SOCK_STREAM, 0, ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) < 0)
		return 1;
	uv_pipe_init(uv_default_loop(), &reader, 0);
	uv_pipe_init(uv_default_loop(), &writer, 0);
	uv_pipe_open(&reader, ends[0]);
	uv_pipe_open(&writer, ends[1]);
	start_ns = bench_now_ns();
	uv_read_start((uv_stream_t *)&reader, on_alloc, on_read);
	uv_write(&req, (uv_stream_t *)&writer, &buf, 1, on_written);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	if (received_bytes != total)
		return 1;
	bench_result("pipe-64k", (double)total * 1e3 / (double)(bench_now_ns() - start_ns));
	return 0;
}
