/* echo.c - libuv: the stream API with one read buffer for all; uv_try_write first, uv_write for what
 * is left.	echo PORT|/PATH */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct late_write {
	uv_write_t req;
	char data[];
};

static char buffer[65536];

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void drop(uv_stream_t *stream)
{
	if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_closed);
}

static void on_written(uv_write_t *req, int status)
{
	if (status < 0)
		drop(req->handle);
	free(req);
}

static void write_later(uv_stream_t *stream, const char *data, size_t size)
{
	struct late_write *w = malloc(sizeof *w + size);
	uv_buf_t buf = uv_buf_init(w->data, (unsigned)size);

	memcpy(w->data, data, size);
	uv_write(&w->req, stream, &buf, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
	uv_buf_t out = uv_buf_init(buf->base, size < 0 ? 0 : (unsigned)size);
	int written;

	if (size == 0)
		return;
	if (size < 0) {
		drop(stream);
		return;
	}
	written = uv_try_write(stream, &out, 1);
	if (written == UV_EAGAIN)
		written = 0;
	if (written < 0)
		drop(stream);
	else if (written < size)
		write_later(stream, buf->base + written, (size_t)(size - written));
}

static void on_connection(uv_stream_t *listener, int status)
{
	bool tcp = listener->type == UV_TCP;
	uv_stream_t *stream = calloc(1, tcp ? sizeof(uv_tcp_t) : sizeof(uv_pipe_t));

	if (status < 0)
		return;
	if (tcp)
		uv_tcp_init(listener->loop, (uv_tcp_t *)stream);
	else
		uv_pipe_init(listener->loop, (uv_pipe_t *)stream, 0);
	if (uv_accept(listener, stream) < 0) {
		drop(stream);
		return;
	}
	if (tcp)
		uv_tcp_nodelay((uv_tcp_t *)stream, 1);
	uv_read_start(stream, on_alloc, on_read);
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "7000";
	uv_loop_t *loop = uv_default_loop();
	static uv_tcp_t tcp;
	static uv_pipe_t pipe;
	struct sockaddr_in address;

	signal(SIGPIPE, SIG_IGN); /* the library writes with write(2) */
	if (where[0] == '/') {
		uv_fs_t req;

		uv_fs_unlink(loop, &req, where, NULL);
		uv_pipe_init(loop, &pipe, 0);
		if (uv_pipe_bind(&pipe, where) < 0 ||
			uv_listen((uv_stream_t *)&pipe, 4096, on_connection) < 0)
			return 1;
	} else {
		uv_tcp_init(loop, &tcp);
		uv_ip4_addr("127.0.0.1", atoi(where), &address);
		if (uv_tcp_bind(&tcp, (struct sockaddr *)&address, 0) < 0 ||
			uv_listen((uv_stream_t *)&tcp, 4096, on_connection) < 0)
			return 1;
	}
	return uv_run(loop, UV_RUN_DEFAULT);
}
