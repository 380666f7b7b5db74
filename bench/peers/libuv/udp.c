/* udp.c - libuv: recvmmsg as it offers it, uv_udp_try_send from the callbacks */
#include "bench.h"

#include <uv.h>

enum { IN_FLIGHT = 64, BYTES = 64, COUNT = 64000 };

static uv_udp_t client, server;
static char memory[20 * 64 * 1024]; /* libuv fetches as many at once as 64 KiB pieces fit */
static uint64_t left = COUNT;

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(memory, sizeof memory);
}

static void send_now(uv_udp_t *udp, char *data, size_t size, const struct sockaddr *to)
{
	uv_buf_t buf = uv_buf_init(data, (unsigned)size);

	if (uv_udp_try_send(udp, &buf, 1, to) != (int)size)
		exit(1);
}

static void on_question(
	uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	(void)flags;
	if (size < 0)
		exit(1);
	if (from != NULL)
		send_now(udp, buf->base, (size_t)size, from);
}

static void on_answer(
	uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	(void)flags;
	if (from == NULL)
		return;
	if (size != BYTES)
		exit(1);
	if (--left >= IN_FLIGHT) {
		send_now(udp, buf->base, (size_t)size, from);
	} else if (left == 0) {
		uv_close((uv_handle_t *)&client, NULL);
		uv_close((uv_handle_t *)&server, NULL);
	}
}

static void open_socket(uv_udp_t *udp, uv_udp_recv_cb on_recv)
{
	struct sockaddr_in any;

	uv_ip4_addr("127.0.0.1", 0, &any);
	uv_udp_init_ex(uv_default_loop(), udp, AF_INET | UV_UDP_RECVMMSG);
	if (uv_udp_bind(udp, (struct sockaddr *)&any, 0) < 0 || uv_udp_recv_start(udp, on_alloc, on_recv) < 0)
		exit(1);
}

int main(void)
{
	struct sockaddr_in at_server;
	int size = sizeof at_server;
	char data[BYTES] = "";
	uint64_t start_ns;

	open_socket(&client, on_answer);
	open_socket(&server, on_question);
	uv_udp_getsockname(&server, (struct sockaddr *)&at_server, &size);
	start_ns = bench_now_ns();
	for (int i = 0; i < IN_FLIGHT; i++)
		send_now(&client, data, sizeof data, (struct sockaddr *)&at_server);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result_each("udp", start_ns, UINT64_C(2) * COUNT);
	return 0;
}
