/* await.h - a task waits for an op: what every waiting call of I/O is made of */
#ifndef ROTA_AWAIT_AWAIT_H
#define ROTA_AWAIT_AWAIT_H

#include "io/inflow.h"
#include "task/task.h"

/* An op with the task that waits for it; on the task's stack. */
struct rota__op_wait {
	struct rota__op op;
	struct rota__wait wait;
	struct rota__timer timer; /* armed only if the wait has a deadline of its own */
	struct rota__offload *space; /* of an op on files, which may go to the pool; else NULL */
	int reason;		  /* why it was cut short, 0 for not */
};

/* Submit w->op, whose kind, fd and arguments are set, and wait until it completes.  The op's result;
 * -ECANCELED or -ETIMEDOUT at once and without submitting if the task is cancelled or the deadline
 * has passed.  A result that came before the cancellation took effect is returned. */
int64_t rota__await(struct rota__op_wait *w, uint64_t deadline_ns);

/* The same for what comes unasked: until there is something, or no more will come; with `w` nothing is submitted.  0, or why it was
 * cut short. */
int rota__await_inflow(struct rota__op_wait *w, struct rota__inflow *in, uint64_t deadline_ns);

/* End a wait that another task is in, for `reason`: what a close does.  NULL, or a wait that is over or
 * being ended already: nothing happens. */
void rota__cut_short(struct rota__wait *wait, int reason);

/* Does it wait in one of these, and has nobody ended that? */
bool rota__waits_here(const struct rota__wait *wait);

struct rota_stream;

/* The running task goes to the stream's loop and is in a call on it, which then lives until the call is left.  False: the call answers
 * rota__stream_refused(). */
bool rota__stream_enter(struct rota_stream *stream);
int rota__stream_refused(const struct rota_stream *stream);
/* `n` is what the call answers. */
ssize_t rota__stream_leave(struct rota_stream *stream, ssize_t n);

/* Inside: wait for the op in one direction, `side` being that of the stream, which close() then finds.  The op's result, ROTA_ECLOSED,
 * or -EBUSY: another task waits there. */
int64_t rota__stream_wait(struct rota_stream *stream, struct rota__wait **side, struct rota__op_wait *w, uint64_t deadline_ns);
/* The same for POLLIN or POLLOUT: 0 or an error. */
int rota__stream_wait_ready(struct rota_stream *stream, struct rota__wait **side, uint32_t events, uint64_t deadline_ns);
/* Inside: wait for what comes unasked (io/inflow.h).  1: something has; 0: it is to be asked for; or an error. */
int rota__stream_await_inflow(struct rota_stream *stream);
/* Inside, and nobody reads: from now on nothing comes unasked.  Waits for that, in the reader's place. */
void rota__stream_end_inflow(struct rota_stream *stream);

/* As rota_blocking(), in a lane of the pool (enum rota__lane). */
int rota__blocking(rota_fn fn, void *arg, uint8_t lane);

#endif
