/* inflow.h - bytes of a stream that come without being asked for each time
 *
 * One receive stays armed in the kernel, and each arrival takes a buffer of the loop's pool: what a task costs that reads, answers
 * and reads again is then no request of its own.  (RECV_MULTI, Linux 6.0.)
 *
 *	IDLE --rota__inflow_start()--> ARMED --end of stream, error, no buffer--> IDLE
 *	                                 \--rota__inflow_stop()--> STOPPING --completed--> IDLE
 *
 * Bytes for which nobody waits are held in their order.  So that they are never many, the receive is stopped when a few arrivals
 * are; and when buffers are scarce they are copied, for who holds a buffer that he does not read keeps it from others. */
#ifndef ROTA_IO_INFLOW_H
#define ROTA_IO_INFLOW_H

#include "poll/op.h"

struct rota_stream;

/* One arrival, or what is left of it. */
struct rota__arrival {
	char *data;
	uint32_t used, size; /* [used, size) of data is left */
	uint32_t buffer_id;  /* of the pool, or ARRIVAL_COPIED */
	bool more;	     /* the socket had more behind it */
};

/* Its memory is rota__free()'s. */
static const uint32_t ARRIVAL_COPIED = UINT32_MAX - 1;

enum { ARRIVALS_AT_FIRST = 2 };

struct rota__inflow {
	struct rota__op op;
	void (*told)(void *whom); /* called once when something has come, or it has ended; NULL: nobody waits */
	void *whom;
	struct rota__arrival *held; /* a ring of `room`, a power of two */
	uint32_t first, count, room;
	int error; /* behind what is held; 0 for none */
	bool armed;
	struct rota_stream *stream; /* NULL: it is closed, and so is this when it is not armed any more */
	struct rota_loop *loop;	    /* where it is armed */
	struct rota__arrival few[ARRIVALS_AT_FIRST]; /* `held` as long as they are enough */
};

/* Arm the receive; nothing is there now, and none is armed.  Where bytes cannot come this way nothing happens: not every poller has it,
 * only TCP is nothing but bytes (from a Unix socket descriptors that come with them would be lost), and there may be no memory for it. */
void rota__inflow_start(struct rota_stream *stream);

/* No more is to come: who waits is told when that is so. */
void rota__inflow_stop(struct rota__inflow *in);

/* Nobody uses the stream any more, whose descriptor is about to be closed. */
void rota__inflow_close(struct rota__inflow *in);

static inline bool inflow_has(const struct rota__inflow *in)
{
	return in->count > 0;
}

/* Nothing is there, and nothing comes. */
static inline bool inflow_is_idle(const struct rota__inflow *in)
{
	return in == NULL || (in->count == 0 && !in->armed && in->error == 0);
}

/* It goes on, and there is nothing to look at. */
static inline bool inflow_is_quiet(const struct rota__inflow *in)
{
	return in->count == 0 && in->armed && in->error == 0;
}

/* The oldest that is held; there is one. */
static inline struct rota__arrival *inflow_first(struct rota__inflow *in)
{
	return &in->held[in->first & (in->room - 1)];
}

static inline void inflow_pop(struct rota__inflow *in)
{
	in->first++;
	in->count--;
}

/* Its buffer is not needed any more. */
void rota__inflow_give_back(struct rota__inflow *in, const struct rota__arrival *a);

#endif
