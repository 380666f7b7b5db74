/* echo_uring.c - one thread, io_uring: multishot accept and recv into provided buffers, and sends
 * that are handed over with the next wait
 *
 * With HTTP defined: the fixed answer to every request head instead of the echo.
 *
 *	echo_uring PORT|/PATH		SPIN=microseconds: look again for so long before sleeping
 *					GATHER=n:us: wait for n completions, or for us microseconds
 *
 * A send is MSG_WAITALL | MSG_DONTWAIT with CQE_SKIP_SUCCESS: it posts a completion only if it could
 * not be done in place.  So after each enter every send of the batch that did not complete is done.
 * One send of a connection is in flight at a time, the rest queues, or bytes would be reordered.
 *
 * Three things then have to be kept in mind, each a livelock or a hang when forgotten:
 *   - a connection whose send failed gives its queued buffers back at once: with none left no recv
 *     can be armed that would see its end;
 *   - what waits for a silent send (a queued piece, an end of stream) forbids waiting in the next
 *     enter, as no completion may come;
 *   - a recv that ended for lack of buffers is armed again as soon as some were given back. */
#include "server.h"
#include "uring.h"

#include <stdbool.h>

enum { ACCEPT = 1, RECV, SEND };
enum { CONNECTIONS = 131072, BUFFERS = 256, BUFFER_BYTES = 16384, NONE = 0xffff };

struct piece {
	uint16_t next;
	uint32_t size, offset;
};

struct connection {
	bool live, ended, dead; /* dead: a send failed, the end will come through recv */
	bool sending, silent;	/* the send in flight is one of this batch, and may stay silent */
	bool wait_for_room;	/* the next send waits in the kernel */
	uint16_t first, last;	/* pieces to send, the first one in flight */
	unsigned seen;		/* HTTP: how much of the end of a head */
	size_t owed, offset;	/* HTTP: bytes of answers not sent, and where in one we are */
};

static struct uring ring;
static struct uring_buffers buffers;
static struct piece pieces[BUFFERS];
static struct connection connections[CONNECTIONS];
static uint32_t batch[CONNECTIONS], starved[CONNECTIONS];
static unsigned batch_size, starved_count;
static bool given_back, must_not_wait;

static uint64_t tag(unsigned op, unsigned fd)
{
	return (uint64_t)op << 32 | fd;
}

static void arm_accept(int listener)
{
	struct io_uring_sqe *sqe = uring_sqe(&ring);

	sqe->opcode = IORING_OP_ACCEPT;
	sqe->fd = listener;
	sqe->ioprio = IORING_ACCEPT_MULTISHOT;
	sqe->user_data = tag(ACCEPT, 0);
}

static void arm_recv(unsigned fd)
{
	struct io_uring_sqe *sqe = uring_sqe(&ring);

	sqe->opcode = IORING_OP_RECV;
	sqe->fd = (int)fd;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->user_data = tag(RECV, fd);
}

static void give_back(unsigned id)
{
	uring_buffer_give(&buffers, id);
	given_back = true;
}

/* ---- what a connection has to send: pieces for the echo, a number of bytes for HTTP ---- */

static void queue_buffer(struct connection *c, unsigned id, unsigned size)
{
#ifdef HTTP
	c->owed += HTTP_ANSWER_BYTES * http_requests(&c->seen, buffers.memory + (size_t)id * BUFFER_BYTES, size);
	give_back(id);
#else
	pieces[id] = (struct piece){ .next = NONE, .size = size };
	if (c->first == NONE)
		c->first = (uint16_t)id;
	else
		pieces[c->last].next = (uint16_t)id;
	c->last = (uint16_t)id;
#endif
}

static bool has_more(const struct connection *c)
{
	return c->owed > 0 || c->first != NONE;
}

static size_t first_size(const struct connection *c)
{
#ifdef HTTP
	size_t room = HTTP_PIPELINED_MAX * HTTP_ANSWER_BYTES - c->offset;

	return c->owed < room ? c->owed : room;
#else
	return pieces[c->first].size;
#endif
}

static const char *first_data(const struct connection *c)
{
#ifdef HTTP
	return http_answers() + c->offset;
#else
	return buffers.memory + (size_t)c->first * BUFFER_BYTES + pieces[c->first].offset;
#endif
}

static bool only_one_piece(const struct connection *c)
{
#ifdef HTTP
	return first_size(c) == c->owed;
#else
	return pieces[c->first].next == NONE;
#endif
}

static void sent(struct connection *c, size_t n)
{
#ifdef HTTP
	c->owed -= n;
	c->offset = (c->offset + n) % HTTP_ANSWER_BYTES;
#else
	struct piece *p = &pieces[c->first];

	p->size -= (uint32_t)n;
	p->offset += (uint32_t)n;
	if (p->size == 0) {
		unsigned id = c->first;

		c->first = p->next;
		give_back(id);
	}
#endif
}

static void forget_unsent(struct connection *c)
{
	while (c->first != NONE) {
		unsigned id = c->first;

		c->first = pieces[id].next;
		give_back(id);
	}
	c->owed = 0;
}

/* ---- events ---- */

static void start_send(unsigned fd)
{
	struct connection *c = &connections[fd];
	struct io_uring_sqe *sqe = uring_sqe(&ring);

	sqe->opcode = IORING_OP_SEND;
	sqe->fd = (int)fd;
	sqe->addr = (uint64_t)(uintptr_t)first_data(c);
	sqe->len = (uint32_t)first_size(c);
	sqe->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
	sqe->user_data = tag(SEND, fd);
	c->sending = true;
	if (!c->wait_for_room) {
		sqe->msg_flags |= MSG_DONTWAIT;
		sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
		c->silent = true;
		batch[batch_size++] = fd;
		must_not_wait |= !only_one_piece(c);
	}
	c->wait_for_room = false;
}

static void drop(unsigned fd)
{
	forget_unsent(&connections[fd]);
	connections[fd].live = false;
	close((int)fd);
}

static void go_on(unsigned fd)
{
	struct connection *c = &connections[fd];

	if (c->ended)
		drop(fd);
	else if (has_more(c))
		start_send(fd);
}

static void on_accept(int listener, const struct io_uring_cqe *cqe)
{
	if (cqe->res >= 0 && cqe->res < CONNECTIONS) {
		connections[cqe->res] = (struct connection){ .live = true, .first = NONE };
		arm_recv((unsigned)cqe->res);
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		arm_accept(listener);
}

static void on_data(unsigned fd, unsigned id, unsigned size)
{
	struct connection *c = &connections[fd];

	if (c->dead) {
		give_back(id);
		return;
	}
	queue_buffer(c, id, size);
	if (c->sending)
		must_not_wait |= c->silent;
	else if (has_more(c))
		start_send(fd);
}

static void on_recv(unsigned fd, const struct io_uring_cqe *cqe)
{
	struct connection *c = &connections[fd];

	if (cqe->res > 0) {
		on_data(fd, cqe->flags >> IORING_CQE_BUFFER_SHIFT, (unsigned)cqe->res);
		if (!(cqe->flags & IORING_CQE_F_MORE))
			arm_recv(fd);
	} else if (cqe->res == -ENOBUFS) {
		starved[starved_count++] = fd;
	} else {
		c->ended = true;
		must_not_wait |= c->silent;
		if (!c->sending)
			drop(fd);
	}
}

static void on_send(unsigned fd, const struct io_uring_cqe *cqe)
{
	struct connection *c = &connections[fd];

	c->sending = false;
	if (cqe->res > 0) {
		sent(c, (size_t)cqe->res);
	} else if (cqe->res == -EAGAIN) {
		c->wait_for_room = true;
	} else {
		forget_unsent(c);
		c->dead = true;
		shutdown((int)fd, SHUT_RDWR); /* ends the recv */
	}
	go_on(fd);
}

/* The sends of the last batch that posted nothing are done. */
static void settle_silent_sends(unsigned head, unsigned tail, unsigned count)
{
	for (unsigned i = head; i != tail; i++)
		if (ring.cqes[i & ring.cq_mask].user_data >> 32 == SEND)
			connections[(uint32_t)ring.cqes[i & ring.cq_mask].user_data].silent = false;
	batch_size = 0; /* what go_on() adds stays behind what it reads */
	for (unsigned i = 0; i < count; i++) {
		struct connection *c = &connections[batch[i]];

		if (!c->silent)
			continue;
		c->silent = c->sending = false;
		sent(c, first_size(c));
		if (c->live)
			go_on(batch[i]);
	}
}

static void give_starved_another_go(void)
{
	uring_buffers_publish(&buffers);
	given_back = false;
	for (unsigned i = 0; i < starved_count; i++)
		if (connections[starved[i]].live)
			arm_recv(starved[i]);
	starved_count = 0;
}

static void turn(int listener, unsigned want, unsigned gather_us)
{
	unsigned silent = batch_size, head, tail;
	int rc;

	must_not_wait = false;
	rc = uring_enter(&ring, want, gather_us);
	if (rc < 0 && rc != -EINTR && rc != -ETIME && rc != -EBUSY && rc != -EAGAIN) {
		fprintf(stderr, "io_uring_enter: %s\n", strerror(-rc));
		exit(1);
	}
	head = *ring.cq_head;
	tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	settle_silent_sends(head, tail, silent);
	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];
		unsigned fd = (uint32_t)cqe->user_data;

		if (cqe->user_data >> 32 == ACCEPT)
			on_accept(listener, cqe);
		else if (cqe->user_data >> 32 == RECV)
			on_recv(fd, cqe);
		else
			on_send(fd, cqe);
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	if (given_back)
		give_starved_another_go();
}

static bool completions_waiting(void)
{
	return *ring.cq_head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
}

int main(int argc, char **argv)
{
	int listener = listen_on(argc > 1 ? argv[1] : "7000");
	unsigned gather = 1, gather_us = 0;
	uint64_t spin = spin_ns();
	int rc = uring_init(&ring, 4096, 16384);

	if (rc == 0)
		rc = uring_buffers_init(&ring, &buffers, BUFFERS, BUFFER_BYTES);
	if (rc < 0) {
		fprintf(stderr, "io_uring: %s\n", strerror(-rc));
		return 1;
	}
	if (getenv("GATHER") != NULL)
		sscanf(getenv("GATHER"), "%u:%u", &gather, &gather_us);
	arm_accept(listener);
	for (;;) {
		uint64_t until = spin > 0 ? clock_ns() + spin : 0;

		while (spin > 0 && !completions_waiting() && clock_ns() < until)
			uring_enter(&ring, 0, 0);
		if (must_not_wait || starved_count > 0 || completions_waiting())
			turn(listener, 0, 0);
		else
			turn(listener, gather, gather_us);
	}
}
