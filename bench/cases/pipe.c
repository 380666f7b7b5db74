/* pipe.c - 64 KiB messages through a local socket within one loop: with callbacks, and from task to task */
#include "bench.h"

#include <errno.h>
#include <rota.h>

enum { MESSAGE = 64 << 10, COUNT = 16384 };
static const uint64_t total_bytes = (uint64_t)MESSAGE * COUNT;

static char message[MESSAGE], buffer[MESSAGE];
static uint64_t sent, received_bytes;

static void result(const char *metric, uint64_t start_ns)
{
	bench_result(metric, (double)total_bytes * 1e3 / (double)(bench_now_ns() - start_ns));
}

/* ---- callbacks: into a buffer of the program's, and into those of the loop's pool ---- */

static void on_alloc(struct rota_conn *conn, size_t size_hint, struct iovec *ret_room)
{
	(void)conn;
	(void)size_hint;
	*ret_room = (struct iovec){ buffer, sizeof buffer };
}

static void on_written(struct rota_write *write, int rc)
{
	if (rc < 0)
		exit(1);
	if (++sent < COUNT)
		rota_conn_write(write->conn, write, message, sizeof message, on_written);
	else
		rota_handle_close(&write->conn->handle, NULL);
}

static void on_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	(void)data;
	if (size == -EAGAIN)
		return; /* our buffer is given back, nothing had come */
	if (size < 0)
		exit(1);
	received_bytes += (uint64_t)size;
	if (size == 0)
		rota_handle_close(&conn->handle, NULL);
}

static int with_callbacks(const char *metric, bool own_buffer)
{
	struct rota_conn reader = { .on_alloc = own_buffer ? on_alloc : NULL }, writer = { .fd = 0 };
	struct rota_write write;
	struct rota_loop *loop;
	uint64_t start_ns;

	if (rota_loop_new(&loop, NULL) < 0 || rota_conn_pair(loop, &reader, &writer) < 0)
		return -1;
	sent = 0;
	received_bytes = 0;
	start_ns = bench_now_ns();
	rota_conn_read_start(&reader, on_read);
	rota_conn_write(&writer, &write, message, sizeof message, on_written);
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	if (received_bytes != total_bytes)
		return -1;
	result(metric, start_ns);
	return rota_loop_free(loop);
}

/* ---- tasks ---- */

static int write_messages(void *arg)
{
	ssize_t rc = 0;

	for (int i = 0; i < COUNT && rc >= 0; i++)
		rc = rota_write_all(arg, message, sizeof message);
	rota_close(arg);
	return rc < 0 ? (int)rc : 0;
}

static int with_tasks(void *arg)
{
	struct rota_stream *ends[2];
	struct rota_scope scope;
	uint64_t start_ns;
	ssize_t n;

	(void)arg;
	if (rota_stream_pair(ends) < 0)
		return -1;
	rota_scope_open(&scope);
	received_bytes = 0;
	start_ns = bench_now_ns();
	rota_spawn(&scope, write_messages, ends[0]);
	while ((n = rota_read(ends[1], buffer, sizeof buffer)) > 0)
		received_bytes += (uint64_t)n;
	if (received_bytes == total_bytes)
		result("pipe-64k-tasks", start_ns);
	rota_close(ends[1]);
	return rota_scope_join(&scope) < 0 || received_bytes != total_bytes ? -1 : 0;
}

int main(void)
{
	return with_callbacks("pipe-64k", true) < 0 || with_callbacks("pipe-64k-pool", false) < 0 ||
		rota_run(with_tasks, NULL, NULL) < 0;
}
