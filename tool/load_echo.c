/* load_echo.c - messages to an echo server, every byte checked
 *
 * All that a connection ever sends is one long text: the pattern, which repeats after a prime
 * number of bytes, from a place of its own.  So what must come back is known for every byte, no two
 * messages in flight are alike, and nothing has to be kept. */
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum {
	PERIOD = 65521,       /* prime: no message size divides it */
	READ_MAX = 64 * 1024, /* compared at once */
	BATCH_MAX = 64 * 1024 * 1024,
};

int load_echo_prepare(struct load *load)
{
	uint64_t batch = load->message_bytes * load->depth, random = 0x9e3779b97f4a7c15;
	size_t size;

	if (batch > BATCH_MAX) {
		fprintf(stderr, "rota load: --size times --pipeline is more than 64 MiB\n");
		return -EINVAL;
	}
	size = PERIOD + (batch > READ_MAX ? batch : READ_MAX);
	load->pattern = malloc(size);
	if (load->pattern == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < PERIOD; i++) {
		random ^= random << 13; /* xorshift: looks like noise, the same every time */
		random ^= random >> 7;
		random ^= random << 17;
		load->pattern[i] = (char)(random >> 56);
	}
	for (size_t i = PERIOD; i < size; i++)
		load->pattern[i] = load->pattern[i - PERIOD];
	return 0;
}

/* The pattern from byte `at` of what this connection sends. */
static const char *text_at(const struct load_conn *c, uint64_t at)
{
	return c->worker->load->pattern + (at + (uint64_t)c->number * 7919) % PERIOD;
}

static int echo_open(struct load_conn *c)
{
	const struct load *load = c->worker->load;
	char address[300];

	if (load->url.scheme == URL_UNIX)
		snprintf(address, sizeof address, "%s", load->url_text);
	else
		snprintf(address, sizeof address, load->url.host_is_ipv6 ? "[%.*s]:%u" : "%.*s:%u",
			(int)load->url.host.len, load->url.host.at, load->url.port);
	return rota_tcp_connect(
		&c->tcp, address, &(struct rota_connect_options){ .timeout_ns = load->timeout_ns });
}

static void echo_close(struct load_conn *c)
{
	rota_close(c->tcp);
	c->tcp = NULL;
	c->connected = false;
}

static struct rota_stream *echo_stream(struct load_conn *c)
{
	return c->tcp;
}

static int echo_send(struct load_conn *c, unsigned count)
{
	size_t size = count * c->worker->load->message_bytes;
	const char *text = text_at(c, c->sent_bytes);

	c->sent_bytes += size;
	return load_write(c, text, size);
}

static int compare(struct load_conn *c, const char *data, size_t size)
{
	while (size > 0) {
		size_t part = size < READ_MAX ? size : READ_MAX;

		if (part > c->sent_bytes - c->received_bytes ||
			memcmp(data, text_at(c, c->received_bytes), part) != 0)
			return -EBADMSG;
		c->received_bytes += part;
		data += part;
		size -= part;
	}
	return 0;
}

static int echo_receive(struct load_conn *c)
{
	uint64_t wanted = c->last_answered + c->worker->load->message_bytes;
	struct rota_lease lease;

	while (c->received_bytes < wanted) {
		ssize_t n = rota_read_lease(c->tcp, &lease);
		int rc;

		if (n <= 0)
			return n < 0 ? (int)n : ROTA_EOF;
		load_count(c->worker->bytes_in, (uint64_t)n);
		rc = compare(c, lease.data, (size_t)n);
		rota_lease_return(&lease);
		if (rc < 0)
			return rc;
	}
	c->last_answered = wanted;
	return 1;
}

const struct load_protocol load_echo = {
	.name = "echo",
	.open = echo_open,
	.close = echo_close,
	.send = echo_send,
	.receive = echo_receive,
	.stream = echo_stream,
};
