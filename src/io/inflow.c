/* inflow.c - bytes of a stream that come without being asked for each time (inflow.h) */
#include "io/inflow.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "io/stream.h"
#include "os/mem.h"

/* Arrivals for which nobody has come: then who sends is faster than who reads, and a receive for each does as well. */
enum { HELD_MAX = 4 };

/* A stream of nothing but bytes. */
static bool is_tcp(int fd)
{
	int protocol = 0;

	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &(socklen_t){ sizeof protocol });
	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/* ---- what is held ---- */

static void free_held(struct rota__inflow *in)
{
	if (in->held != in->few)
		rota__free(in->held);
}

static __attribute__((noinline)) bool make_room(struct rota__inflow *in)
{
	struct rota__arrival *held = rota__alloc(2 * in->room * sizeof *held);

	if (held == NULL)
		return false;
	for (uint32_t i = 0; i < in->count; i++)
		held[i] = in->held[(in->first + i) & (in->room - 1)];
	free_held(in);
	in->held = held;
	in->room *= 2;
	in->first = 0;
	return true;
}

void rota__inflow_give_back(struct rota__inflow *in, const struct rota__arrival *a)
{
	if (a->buffer_id == ARRIVAL_COPIED)
		rota__free(a->data);
	else
		in->loop->poller->engine->give_back(in->loop->poller, a->buffer_id);
}

static bool copy(struct rota__inflow *in, struct rota__arrival *a)
{
	char *data = rota__alloc(a->size);

	if (data == NULL)
		return false;
	memcpy(data, a->data, a->size);
	rota__inflow_give_back(in, a);
	a->data = data;
	a->buffer_id = ARRIVAL_COPIED;
	return true;
}

/* False: there is no memory for it. */
static bool hold(struct rota__inflow *in, struct rota__arrival *a, bool scarce)
{
	if ((in->count == in->room && !make_room(in)) || (scarce && in->told == NULL && !copy(in, a)))
		return false;
	in->held[(in->first + in->count++) & (in->room - 1)] = *a;
	return true;
}

static void tell(struct rota__inflow *in)
{
	void (*told)(void *) = in->told;

	if (told == NULL)
		return;
	in->told = NULL;
	__builtin_prefetch(in->stream); /* who is told will be there soon */
	__builtin_prefetch((const char *)in->stream + 64);
	told(in->whom);
}

/* ---- the receive ---- */

/* Behind an error nothing is held: bytes would be missing before it. */
static void arrived(struct rota__inflow *in)
{
	const struct rota__op *op = &in->op;
	struct rota__arrival a = { .data = op->buf.base, .size = (uint32_t)op->result, .buffer_id = op->buffer_id,
		.more = op->flags & OP_NONEMPTY };

	if (in->stream == NULL || in->error != 0) {
		rota__inflow_give_back(in, &a);
		return;
	}
	if (!hold(in, &a, op->flags & OP_SCARCE)) {
		rota__inflow_give_back(in, &a);
		in->error = -ENOMEM;
	}
	if (in->count >= HELD_MAX || in->error != 0)
		rota__inflow_stop(in);
	tell(in);
}

/* What ended it is asked for again by the next receive, but for an error of the connection: the system tells that once. */
static bool is_of_connection(int64_t result)
{
	return result < 0 && result != -ECANCELED && result != -ENOBUFS && result != -ENOMEM && result != -EINVAL && result != -EAGAIN;
}

static void op_done(struct rota__op *op)
{
	struct rota__inflow *in = container_of(op, struct rota__inflow, op);

	if (op->flags & OP_MORE) {
		arrived(in);
		return;
	}
	in->armed = false;
	if (in->stream == NULL) {
		rota__free(in);
		return;
	}
	in->loop->alive++; /* the loop counts its ops; this one was not to be */
	if (op->result == -ENOBUFS)
		in->stream->drained = false; /* what found none is there */
	if (is_of_connection(op->result) && in->error == 0)
		in->error = (int)op->result;
	tell(in);
}

static struct rota__inflow *inflow_of(struct rota_stream *s)
{
	struct rota__inflow *in = s->inflow;

	if (in != NULL || s->asked_only)
		return in;
	s->asked_only = !is_tcp(s->fd);
	in = s->asked_only ? NULL : rota__alloc_zero(sizeof *in);
	if (in == NULL)
		return NULL;
	in->stream = s;
	in->held = in->few;
	in->room = ARRIVALS_AT_FIRST;
	s->inflow = in;
	return in;
}

void rota__inflow_start(struct rota_stream *s)
{
	struct rota__inflow *in = s->loop->poller->receives_on ? inflow_of(s) : NULL;

	if (in == NULL)
		return;
	in->armed = true;
	in->loop = s->loop;
	in->op = (struct rota__op){ .kind = OP_RECV_MULTI, .flags = OP_POLL_FIRST, .fd = s->fd, .done = op_done };
	rota__op_submit(in->loop, &in->op);
	in->loop->alive--; /* a stream that nobody reads does not keep its loop alive */
}

void rota__inflow_stop(struct rota__inflow *in)
{
	if (in->armed)
		rota__op_cancel(in->loop, &in->op);
}

void rota__inflow_close(struct rota__inflow *in)
{
	for (; inflow_has(in); inflow_pop(in))
		rota__inflow_give_back(in, inflow_first(in));
	free_held(in);
	if (!in->armed) {
		rota__free(in);
		return;
	}
	in->stream = NULL;
	in->loop->alive++; /* it waits for the end of the op */
	rota__inflow_stop(in);
	if (!in->loop->poller->engine->flush(in->loop->poller))
		shutdown(in->op.fd, SHUT_RDWR); /* the peer is to see the close now, and not when the other thread lets go */
}
