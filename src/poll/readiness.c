/* readiness.c - completion over readiness (readiness.h) */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "os/mem.h"
#include "poll/generation.h"
#include "poll/readiness.h"

enum {
	FDS_A_CHUNK = 256,
	/* Connections taken from one listener before others have their turn. */
	ACCEPTS_AT_ONCE = 64,
};

static const bool is_file[OP_KINDS] = {
#define SOCKET false
#define FILE   true
#define X(name, where) [OP_##name] = where,
	ROTA__OP_KINDS(X)
#undef X
#undef SOCKET
#undef FILE
};

static enum rota__direction direction_of(const struct rota__op *op)
{
	switch (op->kind) {
	case OP_SEND:
	case OP_SENDMSG:
	case OP_CONNECT:
		return WRITES;
	case OP_POLL:
		return op->poll.events & POLLOUT ? WRITES : READS;
	default:
		return READS;
	}
}

/* ---- the table ---- */

static int grow_chunks(struct rota__readiness *r, uint32_t count)
{
	struct rota__fd_state **chunks = rota__realloc(r->chunks, count * sizeof *chunks);

	if (chunks == NULL)
		return -ENOMEM;
	memset(chunks + r->chunk_count, 0, (count - r->chunk_count) * sizeof *chunks);
	r->chunks = chunks;
	r->chunk_count = count;
	return 0;
}

/* NULL: no memory, or a number nobody has. */
static struct rota__fd_state *state_of(struct rota__readiness *r, int fd, bool make)
{
	uint32_t chunk = (uint32_t)fd / FDS_A_CHUNK;

	if (fd < 0)
		return NULL;
	if (chunk >= r->chunk_count) {
		uint32_t count = r->chunk_count ? r->chunk_count : 4;

		while (count <= chunk)
			count *= 2;
		if (!make || grow_chunks(r, count) < 0)
			return NULL;
	}
	if (r->chunks[chunk] == NULL && make)
		r->chunks[chunk] = rota__alloc_zero(FDS_A_CHUNK * sizeof **r->chunks);
	return r->chunks[chunk] ? &r->chunks[chunk][(uint32_t)fd % FDS_A_CHUNK] : NULL;
}

/* The state of `fd`, as fresh as its present owner: the last one may have been closed on another poller.  If
 * somebody waits it was not closed, only forgotten by one of those who share it: his edge is still to come. */
static int current_state(struct rota__fd_state **ret, struct rota__readiness *r, int fd)
{
	struct rota__fd_state *state = state_of(r, fd, true);
	uint32_t generation = 0;
	int rc = rota__fd_generation(fd, &generation);

	if (rc < 0)
		return rc;
	if (state == NULL)
		return -ENOMEM;
	if (state->generation != generation && state->first[READS] == NULL && state->first[WRITES] == NULL) {
		state->generation = generation;
		state->watched = state->ended = state->asked = state->local = false;
		state->ready[READS] = state->ready[WRITES] = false;
	}
	*ret = state;
	return 0;
}

static void make_hot(struct rota__readiness *r, struct rota__fd_state *state, int fd)
{
	if (state->hot)
		return;
	state->hot = true;
	state->next_hot = r->hot;
	r->hot = fd;
}

/* ---- queues ---- */

static struct rota__op *op_of(struct rota__node *node)
{
	return node != NULL ? container_of(node, struct rota__op, node) : NULL;
}

static void enqueue(struct rota__fd_state *state, enum rota__direction d, struct rota__op *op)
{
	op->node.next = NULL;
	op->prev = state->last[d];
	if (state->last[d] != NULL)
		state->last[d]->node.next = &op->node;
	else
		state->first[d] = op;
	state->last[d] = op;
}

static void put_first(struct rota__fd_state *state, enum rota__direction d, struct rota__op *op)
{
	op->prev = NULL;
	op->node.next = state->first[d] != NULL ? &state->first[d]->node : NULL;
	if (state->first[d] != NULL)
		state->first[d]->prev = op;
	else
		state->last[d] = op;
	state->first[d] = op;
}

static void dequeue(struct rota__fd_state *state, enum rota__direction d, struct rota__op *op)
{
	struct rota__op *next = op_of(op->node.next);

	if (op->prev != NULL)
		op->prev->node.next = op->node.next;
	else
		state->first[d] = next;
	if (next != NULL)
		next->prev = op->prev;
	else
		state->last[d] = op->prev;
}

/* ---- the buffer pool ---- */

/* False: none is left (now, or at all for want of memory). */
static bool buffer_take(struct rota__readiness *r, struct rota__op *op)
{
	if (r->free_count == 0) {
		char *buffer;

		if (r->buffers_made == r->buffer_count)
			return false;
		buffer = rota__alloc(r->buffer_bytes);
		if (buffer == NULL)
			return false;
		r->buffers[r->buffers_made] = buffer;
		r->free_ids[r->free_count++] = r->buffers_made++;
	}
	op->buffer_id = r->free_ids[--r->free_count];
	op->buf.base = r->buffers[op->buffer_id];
	op->buf.len = r->buffer_bytes;
	return true;
}

/* recv(2), and whether it was ended by a message with descriptors (which nobody takes here). */
static int64_t receive_local(struct rota__op *op, bool *ret_stopped)
{
	struct iovec iov = { op->buf.base, op->buf.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(op->fd, &msg, op->buf.flags | MSG_DONTWAIT);
	while (n < 0 && rota_errno() == -EINTR);
	*ret_stopped = msg.msg_flags & MSG_CTRUNC;
	return n < 0 ? rota_errno() : n;
}

static int64_t receive(const struct rota__fd_state *state, struct rota__op *op, bool *ret_stopped)
{
	return state->local ? receive_local(op, ret_stopped) : rota__op_perform(op);
}

static int64_t receive_pooled(
	struct rota__readiness *r, const struct rota__fd_state *state, struct rota__op *op, bool *ret_stopped)
{
	int64_t n;

	if (!buffer_take(r, op))
		return r->buffers_made == 0 ? -ENOMEM : -ENOBUFS;
	n = receive(state, op, ret_stopped);
	if (n <= 0)
		r->free_ids[r->free_count++] = op->buffer_id;
	return n;
}

/* ---- trying ---- */

enum { STARVED = 1 }; /* op->engine: it is in r->starved */

/* What a short receive of a Unix socket says is known only once it is known to be one. */
static bool was_of_unknown_socket(struct rota__fd_state *state, int fd)
{
	int domain = AF_UNIX;

	if (state->asked)
		return false;
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof domain });
	state->asked = true;
	state->local = domain == AF_UNIX;
	return state->local;
}

/* A short receive has emptied the socket, and what comes later makes a new edge; unless the end of the
 * stream was part of the edge we had, or it was `stopped` by something between two bytes. */
static void note_received(struct rota__fd_state *state, struct rota__op *op, int64_t n, bool stopped)
{
	if (n > 0 && (uint64_t)n == op->buf.len)
		op->flags |= OP_NONEMPTY; /* there may be more */
	else if (n > 0 && !state->ended && !stopped && !was_of_unknown_socket(state, op->fd))
		state->ready[READS] = false;
}

/* A poll for both directions waits with the writes; what makes it ready may be either. */
static bool polls_both(const struct rota__op *op)
{
	return op->kind == OP_POLL && op->poll.events & POLLOUT && op->poll.events & ~(uint32_t)POLLOUT;
}

static bool may_be_ready(const struct rota__fd_state *state, enum rota__direction d, const struct rota__op *op)
{
	return state->ready[d] || (state->ready[READS] && polls_both(op));
}

/* One try.  True: the op is through with this queue (completed or starved). */
static bool attempt(struct rota__readiness *r, struct rota__fd_state *state, enum rota__direction d, struct rota__op *op)
{
	bool stopped = false;
	int64_t n = op->kind == OP_RECV_POOLED ? receive_pooled(r, state, op, &stopped)
		: op->kind == OP_RECV	       ? receive(state, op, &stopped)
					       : rota__op_perform(op);

	if (n == -EAGAIN) {
		state->ready[d] = false;
		if (polls_both(op))
			state->ready[READS] = false;
		return false;
	}
	if (n == -ENOBUFS && op->kind == OP_RECV_POOLED) {
		op->engine = STARVED;
		fifo_push(&r->starved, &op->node);
		return true;
	}
	if (op->kind == OP_RECV || op->kind == OP_RECV_POOLED)
		note_received(state, op, n, stopped);
	poller_complete(r->poller, op, n);
	return true;
}

/* Accept until none is left, or others should have their turn.  False: it would wait. */
static bool accept_many(struct rota__readiness *r, struct rota__fd_state *state, struct rota__op *op)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int64_t fd = rota__op_perform(op);

		if (fd == -EAGAIN) {
			state->ready[READS] = false;
			return false;
		}
		if (fd < 0) {
			dequeue(state, READS, op);
			op->flags &= (uint8_t)~OP_MORE;
			poller_complete(r->poller, op, fd);
			return true;
		}
		poller_event(r->poller, op, fd);
		if (state->first[READS] != op)
			return true; /* cancelled by its own callback */
	}
	make_hot(r, state, op->fd);
	return false;
}

static void run_queue(struct rota__readiness *r, struct rota__fd_state *state, enum rota__direction d)
{
	struct rota__op *op;

	while ((op = state->first[d]) != NULL && may_be_ready(state, d, op)) {
		if (op->kind == OP_ACCEPT_MULTI) {
			if (!accept_many(r, state, op))
				return;
			continue;
		}
		/* Out of the queue first: completing uses its link. */
		dequeue(state, d, op);
		if (!attempt(r, state, d, op))
			put_first(state, d, op);
	}
}

/* To the front: it has waited longest. */
static void try_starved(struct rota__readiness *r, struct rota__op *op)
{
	struct rota__fd_state *state = state_of(r, op->fd, false);

	op->engine = 0;
	put_first(state, READS, op);
	state->ready[READS] = true;
	run_queue(r, state, READS);
}

/* At once: what comes before the next look at the system would take the buffer. */
void rota__readiness_give_back(struct rota__readiness *r, uint32_t buffer_id)
{
	struct rota__op *op;

	r->free_ids[r->free_count++] = buffer_id;
	while (r->free_count > 0 && (op = op_of(fifo_pop(&r->starved))) != NULL)
		try_starved(r, op);
}

void rota__readiness_edge(struct rota__readiness *r, int fd, uint32_t generation, bool readable, bool writable, bool ended)
{
	struct rota__fd_state *state = state_of(r, fd, false);

	if (state == NULL || state->generation != generation)
		return;
	state->ended |= ended;
	state->ready[READS] |= readable;
	state->ready[WRITES] |= writable;
	run_queue(r, state, READS);
	run_queue(r, state, WRITES);
}

bool rota__readiness_run_hot(struct rota__readiness *r)
{
	int fd = r->hot, next;

	r->hot = -1;
	for (; fd >= 0; fd = next) {
		struct rota__fd_state *state = state_of(r, fd, false);

		next = state->next_hot;
		state->hot = false;
		run_queue(r, state, READS);
		run_queue(r, state, WRITES);
	}
	return r->hot >= 0;
}

/* ---- the contract ---- */

/* Queue it and make sure that an edge will be reported. */
static void wait_for_edge(struct rota__readiness *r, struct rota__fd_state *state, enum rota__direction d, struct rota__op *op)
{
	enqueue(state, d, op);
	if (!state->watched) {
		int rc = r->watch(r->poller, op->fd, state->generation);

		if (rc < 0) {
			dequeue(state, d, op);
			poller_complete(r->poller, op, rc);
			return;
		}
		state->watched = true; /* what is ready already is reported as the first edge */
	}
	if (may_be_ready(state, d, op))
		make_hot(r, state, op->fd);
}

bool rota__readiness_submit(struct rota__readiness *r, struct rota__op *op)
{
	enum rota__direction d = direction_of(op);
	struct rota__fd_state *state = NULL;
	bool hopeless;
	int rc;

	if (is_file[op->kind])
		return false;
	r->poller->pending++;
	if (op->kind == OP_NOP) {
		poller_complete(r->poller, op, 0);
		return true;
	}
	rc = current_state(&state, r, op->fd);
	if (rc < 0) {
		poller_complete(r->poller, op, rc);
		return true;
	}
	op->flags &= (uint8_t)~(OP_MORE | OP_NONEMPTY);
	hopeless = (op->flags & OP_POLL_FIRST) && state->watched && !state->ready[d];
	if (state->first[d] == NULL && !hopeless && op->kind != OP_ACCEPT_MULTI && attempt(r, state, d, op))
		return true;
	wait_for_edge(r, state, d, op);
	return true;
}

static void starved_remove(struct rota__readiness *r, struct rota__op *op)
{
	struct rota__fifo rest = { NULL, NULL };
	struct rota__node *node;

	while ((node = fifo_pop(&r->starved)) != NULL)
		if (node != &op->node)
			fifo_push(&rest, node);
	r->starved = rest;
}

void rota__readiness_cancel(struct rota__readiness *r, struct rota__op *op)
{
	if (op->engine == STARVED)
		starved_remove(r, op);
	else
		dequeue(state_of(r, op->fd, false), direction_of(op), op);
	op->flags &= (uint8_t)~OP_MORE;
	poller_complete(r->poller, op, -ECANCELED);
}

int rota__readiness_init(struct rota__readiness *r, struct rota__poller *poller, const struct rota__poller_config *config)
{
	*r = (struct rota__readiness){
		.poller = poller,
		.hot = -1,
		.buffer_count = config->buffer_count ? config->buffer_count : POLLER_BUFFERS,
		.buffer_bytes = config->buffer_bytes ? config->buffer_bytes : POLLER_BUFFER_BYTES,
	};
	r->buffers = rota__alloc_zero(r->buffer_count * sizeof *r->buffers);
	r->free_ids = rota__alloc(r->buffer_count * sizeof *r->free_ids);
	if (r->buffers != NULL && r->free_ids != NULL)
		return 0;
	rota__readiness_fini(r);
	return -ENOMEM;
}

void rota__readiness_fini(struct rota__readiness *r)
{
	for (uint32_t i = 0; i < r->buffers_made; i++)
		rota__free(r->buffers[i]);
	for (uint32_t i = 0; i < r->chunk_count; i++)
		rota__free(r->chunks[i]);
	rota__free(r->chunks);
	rota__free(r->buffers);
	rota__free(r->free_ids);
}
