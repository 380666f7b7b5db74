/* udp.c - 64 datagrams on their way between two sockets of one loop; with callbacks, and by two tasks
 * that receive and send many at once */
#include "bench.h"

#include <rota.h>

enum { IN_FLIGHT = 64, BYTES = 64, COUNT = 64000 };

static struct rota_datagrams client, server;
static struct rota_address server_address;
static uint64_t left;

static void send_now(struct rota_datagrams *udp, const void *data, size_t size, const struct rota_address *to)
{
	if (rota_datagrams_try_send(udp, data, size, to) != (ssize_t)size)
		exit(1);
}

static void on_question(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	if (rc < 0)
		exit(1);
	send_now(udp, message->data, message->size, &message->address);
}

static void on_answer(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	if (rc < 0 || message->size != BYTES)
		exit(1);
	if (--left >= IN_FLIGHT) {
		send_now(udp, message->data, message->size, &message->address);
	} else if (left == 0) {
		rota_handle_close(&client.handle, NULL);
		rota_handle_close(&server.handle, NULL);
	}
}

static int with_callbacks(void)
{
	struct rota_loop *loop;
	char data[BYTES] = "", address[64];
	uint64_t start_ns;

	if (rota_loop_new(&loop, NULL) < 0 || rota_datagrams_open(loop, &client, "127.0.0.1:0", NULL) < 0 ||
		rota_datagrams_open(loop, &server, "127.0.0.1:0", NULL) < 0)
		return -1;
	rota_datagrams_local_name(&server, address, sizeof address);
	rota_address_parse(&server_address, address);
	rota_datagrams_recv_start(&server, on_question);
	rota_datagrams_recv_start(&client, on_answer);
	left = COUNT;
	start_ns = bench_now_ns();
	for (int i = 0; i < IN_FLIGHT; i++)
		send_now(&client, data, sizeof data, &server_address);
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	bench_result_each("udp", start_ns, UINT64_C(2) * COUNT);
	return rota_loop_free(loop);
}

/* ---- many at once ---- */

struct batch {
	char data[IN_FLIGHT][BYTES];
	struct rota_udp_message messages[IN_FLIGHT];
};

static void make_room(struct batch *batch)
{
	for (int i = 0; i < IN_FLIGHT; i++)
		batch->messages[i] = (struct rota_udp_message){ .data = batch->data[i], .size = BYTES };
}

static void send_all(struct rota_udp *udp, const struct batch *batch, unsigned count)
{
	for (unsigned sent = 0; sent < count;) {
		int n = rota_udp_send_many(udp, batch->messages + sent, count - sent);

		if (n < 0)
			exit(1);
		sent += (unsigned)n;
	}
}

static int answer_all(void *arg)
{
	static struct batch batch;
	int n;

	for (;;) {
		make_room(&batch);
		n = rota_udp_recv_many(arg, batch.messages, IN_FLIGHT);
		if (n < 0)
			return 0; /* cancelled */
		send_all(arg, &batch, (unsigned)n);
	}
}

static int with_tasks(void *arg)
{
	static struct batch batch;
	struct rota_udp *question, *answer;
	struct rota_scope scope;
	uint64_t start_ns;
	char address[64];

	(void)arg;
	if (rota_udp_open(&question, "127.0.0.1:0") < 0 || rota_udp_open(&answer, "127.0.0.1:0") < 0)
		return -1;
	rota_udp_local_name(answer, address, sizeof address);
	rota_address_parse(&server_address, address);
	rota_scope_open(&scope);
	rota_spawn(&scope, answer_all, answer);
	make_room(&batch);
	for (int i = 0; i < IN_FLIGHT; i++)
		batch.messages[i].address = server_address;
	start_ns = bench_now_ns();
	send_all(question, &batch, IN_FLIGHT);
	for (left = COUNT; left > 0;) {
		int n;

		make_room(&batch);
		n = rota_udp_recv_many(question, batch.messages, IN_FLIGHT);
		if (n < 0)
			return n;
		left -= (uint64_t)n;
		send_all(question, &batch, left >= IN_FLIGHT ? (unsigned)n : 0);
	}
	bench_result_each("udp-many", start_ns, UINT64_C(2) * COUNT);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	rota_udp_close(question);
	rota_udp_close(answer);
	return 0;
}

int main(void)
{
	return with_callbacks() < 0 || rota_run(with_tasks, NULL, NULL) < 0;
}
